"""Command lines with which anybody can repeat a scan and verify its report, without trusting us.

>>> quoted(["weighbridge", "scan", "my model"])
"weighbridge scan 'my model'"
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from scanner.scan import Scan


def commands(scan: Scan) -> dict[str, str]:
    """What to type, by purpose: "scan", "evidence", "listing", "files", "attachment"."""
    return {
        "scan": quoted(_scan_again(scan)),
        "evidence": (
            "find . -type f -path './??/*' | while read -r file; do "
            'printf "%s  %s\\n" "${file##*/}" "$file"; done | sha256sum --check --quiet && echo intact'
        ),
        "listing": f"jq -j '.model.files[] | {_line(_identity(scan))}' report.json | sha256sum",
        "files": (
            f"jq -j '.model.files[]{_whole_only(scan)} | {_line('.sha256')}' report.json "
            "| (cd MODEL_FOLDER && sha256sum --check --quiet) && echo intact"
        ),
        "attachment": "pdfdetach -save 1 -o report.json report.pdf",
    }


def quoted(words: Sequence[str]) -> str:
    """The command line that a POSIX shell reads back as these words."""
    return shlex.join(words)


def _line(identity: str) -> str:
    """A line of the listing, as jq writes it."""
    return f'"\\({identity})  \\(.path)\\n"'


def _identity(scan: Scan) -> str:
    """What stands for a file in the listing: its digest, or that of the parts that were read."""
    if scan.snapshot.is_whole:
        return ".sha256"
    return 'if .sha256 != "" then .sha256 else "parts " + .parts.sha256 end'


def _whole_only(scan: Scan) -> str:
    return "" if scan.snapshot.is_whole else ' | select(.sha256 != "")'


def _scan_again(scan: Scan) -> list[str]:
    request = scan.request
    if request.is_inspection:
        checks = [word for check_id in request.check_ids for word in ("--check", check_id)]
        return ["weighbridge", "inspect", _pinned(scan), *checks, "--as-of", request.as_of.isoformat()]
    words = ["weighbridge", "scan", _pinned(scan), "--profile", request.profile.value]
    for check_id in request.check_ids:
        words += ["--check", check_id]
    words += _file_options(scan)
    words += _engine_options(scan)
    words += ["--seed", str(request.seed)]
    for key, value in sorted(request.settings.items()):
        words += ["--set", f"{key}={value}"]
    return [*words, "--as-of", request.as_of.isoformat()]


def _file_options(scan: Scan) -> list[str]:
    """Which files; the fact "lock" of the model tells the digest of the lock that was demanded."""
    request = scan.request
    words = ["--lock", "model.lock.json"] if request.lock else []
    for option, patterns in (("--allow", request.allow), ("--ignore", request.ignore)):
        for pattern in patterns:
            words += [option, pattern]
    return words


def _engine_options(scan: Scan) -> list[str]:
    request = scan.request
    if not request.backend:
        return ["--static-only"]
    engine = scan.engine
    if engine is None:
        return ["--backend", request.backend, "--device", request.device, "--dtype", request.dtype]
    # What "auto" became: the same word on another machine could mean something else.
    return [
        "--backend", engine.backend, "--device", engine.device, "--dtype", engine.dtype,
        "--batch-size", str(engine.batch_size), "--threads", str(engine.threads),
    ]  # fmt: skip


def _pinned(scan: Scan) -> str:
    ref, commit = scan.request.ref, scan.snapshot.commit
    if ref.scheme == "oci":  # tags move; manifests are named by their digest
        commit = dict(scan.snapshot.source).get("manifest_digest")
    return f"{ref.scheme}://{ref.location}@{commit}" if commit and "://" in ref.text else ref.text
