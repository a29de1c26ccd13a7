"""gguf-malformed: a GGUF file breaks its format, so that it crashes loaders or is read in two ways.

What it looks for: a wrong magic or version; counts and lengths that the file cannot hold or that exceed every
real model (GGUF-HEADER); keys or tensors written twice; names, types and dimensions that no loader accepts;
tensor data that overlaps, leaves holes, is misaligned, cut off, or followed by something else.

Why it matters: GGUF loaders are C and C++ code that believes these numbers; heap overflows by crafted counts
and dimensions have been assigned CVEs. Duplicate names make what is inspected differ from what is run.

How it can be wrong: limits on metadata (256 MiB, eight million array elements) would refuse an honest model
of ten times today's largest vocabulary. Types newer than the installed gguf library are reported as unknown.
Some converters leave bytes after the last tensor without malice.

What it needs: the header of each `.gguf` file; tensor data is not read, nothing claimed is allocated.

Source: docs/gguf.md of ggml (format version 3); ggml/src/gguf.cpp; CWE-20, CWE-190, CWE-400.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import gguf_header_of
from scanner.tensorfiles.gguf_header import MAGIC, GgufError
from scanner.tensorfiles.gguf_layout import GgufFault, header_faults

_TAGS: Final = ("CWE-20", "CWE-190", "OWASP-LLM03:2025", "AML.T0010.003")
_REMEDIATION: Final = (
    "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is malformed, "
    "convert the original weights anew."
)
_FAULTS_PER_FILE: Final = 20


class GgufMalformed(FileCheck):
    """Validates every GGUF header against the file that it describes."""

    id = "gguf-malformed"
    title = "A GGUF file breaks its format"
    severity = Severity.HIGH
    kind = "GGUF files"
    clean = "keep the format"
    sound_rule = ""

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields one finding per fault of a `.gguf` file."""
        if not entry.path.lower().endswith(".gguf"):
            return
        faults = _faults_of(context.snapshot, entry)
        yield from self._report(entry, faults)
        if not faults:
            yield self.sound(entry)

    def verdict_of(self, finding: Finding) -> FileVerdict:
        """A file that breaks its format is malformed, whichever rule it breaks."""
        return FileVerdict.PLAIN_DATA if finding.outcome is Outcome.PASS else FileVerdict.NOT_READABLE

    def _report(self, entry: FileEntry, faults: list[GgufFault]) -> Iterator[Finding]:
        shown_faults = faults[:_FAULTS_PER_FILE]
        if len(faults) > _FAULTS_PER_FILE:
            more = len(faults) - _FAULTS_PER_FILE
            shown_faults.append(GgufFault(faults[-1].code, f"{more} more faults", "further faults"))
        for fault in shown_faults:
            where = f", {fault.place}" if fault.place else ""
            yield self.failed(
                f"{entry.path}{where}: {fault.message}",
                severity=Severity.MEDIUM if fault.code == "GGUF-TRAIL" else None,
                rule=fault.code,
                locations=(Location(entry.path, detail=fault.place),),
                remediation=_REMEDIATION,
                tags=_TAGS,
            )


def _faults_of(snapshot: Snapshot, entry: FileEntry) -> list[GgufFault]:
    with snapshot.open(entry.path) as stream:
        head = stream.read(8)
    if head[:4] != MAGIC:
        return [GgufFault("GGUF-MAGIC", f"it begins with {head[:4]!r}, not {MAGIC!r}", "byte 0")]
    version = int.from_bytes(head[4:], "little")
    swapped = int.from_bytes(head[4:], "big")
    if len(head) == 8 and version not in (1, 2, 3) and swapped not in (1, 2, 3):
        return [GgufFault("GGUF-VERSION", f"it claims version {version}; expected 1, 2 or 3", "byte 4")]
    try:
        header = gguf_header_of(snapshot, entry)
    except GgufError as error:
        return [GgufFault("GGUF-HEADER", f"the header cannot be believed: {error}", "header")]
    return header_faults(header, entry.size_bytes)


CHECK = GgufMalformed()
