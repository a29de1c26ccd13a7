"""What a person reads when a model was fetched, within 80 columns, and the same as JSON."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from cli.exit_codes import ExitCode
from cli.terminal import stdout
from cli.workplace import as_json
from reports.glyphs import visible
from reports.numbers import size_text
from scanner.check import CheckContext
from scanner.checks.integrity_mismatch import CHECK
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Outcome
from scanner.lock.differences import differences
from scanner.lock.model_lock import ModelLock, pin_of, recorded_by, without_secrets
from scanner.manifest import FileEntry, Snapshot
from scanner.records import to_builtins

_SHOWN_FILES: Final = 20
_SHOWN_NAMES: Final = 3
# What the rows say already.
_TOLD: Final = frozenset({"requested_revision", "manifest_digest", "left_out", "allow", "ignore", "lock"})
_YES_OR_NO: Final = {"true": "yes", "false": "no"}


class LockState(enum.Enum):
    """What became of the lock."""

    NONE = "none"
    WRITTEN = "written"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    HELD = "held"
    REFUSED = "refused"
    NOT_WRITTEN = "not_written"


_IN_WORDS: Final = {
    LockState.NONE: "none written (--no-lock)",
    LockState.WRITTEN: "written: {}",
    LockState.UPDATED: "updated: {}",
    LockState.UNCHANGED: "unchanged: {}",
    LockState.HELD: "every file is as {} says",
    LockState.REFUSED: "not as {} says",
    LockState.NOT_WRITTEN: "not written, because of what differs: {}",
}


@dataclass(frozen=True)
class Fetched:
    """A model that was fetched.

    Attributes:
        snapshot: Its bytes.
        problems: What differs from the record or from the lock, one sentence each.
        lock: The lock's file, "" without one.
        state: What became of it.
        changes: What is new against the lock that was there.
    """

    snapshot: Snapshot
    problems: tuple[str, ...]
    lock: str
    state: LockState
    changes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """0 when every byte is as recorded and as locked, else 1."""
        return ExitCode.BLOCKED if self.problems else ExitCode.PASSED


def problems_of(snapshot: Snapshot) -> tuple[str, ...]:
    """What is not as the source, or the lock that was demanded, has it on record: what a scan would say."""
    with TemporaryDirectory() as folder:
        said = list(CHECK.run(CheckContext(snapshot, EvidenceStore(Path(folder)))))
    return tuple(each.message for each in said if isinstance(each, Finding) and each.outcome is Outcome.FAIL)


def changes_of(old: ModelLock, new: ModelLock, snapshot: Snapshot) -> Iterator[str]:
    """What the new lock says that the old one did not."""
    yield from (each.text.replace("in the lock", "before") for each in differences(old, snapshot))
    for what in ("reference", "requested_revision", "allow", "ignore", "left_out", "tensors"):
        before, after = getattr(old, what), getattr(new, what)
        if before != after:
            yield f"{what.replace('_', ' ')}: {_value(after)}, and {_value(before)} before"


def print_fetched(fetched: Fetched, *, output: str) -> None:
    """Prints what was fetched."""
    if output == "json":
        click.echo(as_json(fetched_document(fetched)))
        return
    console = stdout()
    console.print(_files_table(fetched.snapshot.files))
    console.print()
    console.print(_rows(fetched))
    for title, lines in (("Not as recorded", fetched.problems), ("Changed in the lock", fetched.changes)):
        if lines:
            console.print(f"\n{title}")
            for line in lines[:_SHOWN_FILES]:
                console.print(Text(f"  {visible(line)}"), soft_wrap=True)
            if len(lines) > _SHOWN_FILES:
                console.print(f"  ... and {len(lines) - _SHOWN_FILES} more; --format json has them all")


def fetched_document(fetched: Fetched) -> dict[str, Any]:
    """What was fetched as plain values, for scripts."""
    snapshot = fetched.snapshot
    return {
        "schema": "weighbridge.fetch/1",
        "model": without_secrets(snapshot.ref.text),
        "commit": snapshot.commit,
        "folder": snapshot.root,
        "digest": snapshot.digest,
        "tensors": to_builtins(snapshot.tensors),
        "total_bytes": snapshot.total_bytes,
        "files": [_file(entry) for entry in snapshot.files],
        "missing": list(snapshot.missing),
        "source": [list(fact) for fact in snapshot.source],
        "problems": list(fetched.problems),
        "lock": {"file": fetched.lock, "state": fetched.state.value, "changes": list(fetched.changes)},
        "exit_code": int(fetched.exit_code),
    }


def _file(entry: FileEntry) -> dict[str, Any]:
    recorded = entry.source_digest
    return {
        "path": entry.path,
        "size_bytes": entry.size_bytes,
        "sha256": entry.sha256,
        "tensor_digest": entry.tensor_digest,
        "recorded": to_builtins(recorded),
        "matches": entry.matches_source,
    }


def _files_table(files: Sequence[FileEntry]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for entry in files[:_SHOWN_FILES]:
        table.add_row(f"{entry.sha256[:16]}", f"{entry.size_bytes:,}", Text(visible(entry.path)))
    if len(files) > _SHOWN_FILES:
        table.add_row("", "", f"... and {len(files) - _SHOWN_FILES} more; --format json has them all")
    return table


def _rows(fetched: Fetched) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for title, said in _facts(fetched):
        table.add_row(title, Text(visible(said)))
    return table


def _facts(fetched: Fetched) -> Iterator[tuple[str, str]]:
    snapshot = fetched.snapshot
    facts = dict(snapshot.source)
    yield "Model", without_secrets(snapshot.ref.text)
    asked = facts.get("requested_revision", snapshot.ref.revision)
    pin = pin_of(snapshot)
    title = "Commit" if snapshot.commit or not pin else "Manifest"
    yield (
        title,
        pin + (f" (asked for: {asked})" if asked else "") if pin else "none: the source has no commits",
    )
    yield "Folder", snapshot.root
    yield "Files", f"{len(snapshot.files)}, {size_text(snapshot.total_bytes)}"
    yield "sha256", snapshot.digest
    yield "Tensors", _tensors(snapshot)
    for index, line in enumerate(_origins(snapshot)):
        yield "" if index else "Known from", line
    left_out = [value for key, value in snapshot.source if key == "left_out"]
    if left_out:
        yield "Left out", f"{len(left_out)}: {_some(left_out)}"
    for key, value in snapshot.source:
        if key not in _TOLD:
            yield key.replace("_", " ").capitalize(), _YES_OR_NO.get(value, value)
    yield "Lock", _IN_WORDS[fetched.state].format(fetched.lock)


def _tensors(snapshot: Snapshot) -> str:
    tensors = snapshot.tensors
    if tensors is None:
        return "no file holds weights, or none was read for them"
    out = "".join(f"; not {each.path}: {each.reason}" for each in tensors.left_out[:_SHOWN_NAMES])
    digest = f"{tensors.algorithm} {tensors.digest}" if tensors.digest else "no digest"
    return f"{tensors.count}, {size_text(tensors.size_bytes)}, {digest}{out}"


def _origins(snapshot: Snapshot) -> Iterator[str]:
    """How each digest is known: who else recorded it, or nobody."""
    by_origin: dict[str, list[str]] = defaultdict(list)
    for entry in snapshot.files:
        by_origin[recorded_by(entry, pin_of(snapshot))].append(entry.path)
    for origin, paths in sorted(by_origin.items(), reverse=True):
        yield f"{origin}: {_counted(paths)}" if origin else f"nobody else: {_counted(paths)}, {_some(paths)}"


def _counted(paths: Sequence[str]) -> str:
    return f"{len(paths)} file{'' if len(paths) == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return _some(value) or "none"
    return "none" if value is None else str(getattr(value, "digest", value))
