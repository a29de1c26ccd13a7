"""gguf-malformed: a GGUF file breaks its format, so that it crashes loaders or is read in two ways.

What it looks for: a wrong magic or version, also of the formats before GGUF; counts and lengths that the
file cannot hold or that exceed every real model (GGUF-HEADER); keys or tensors written twice; names, types,
values and dimensions that no loader accepts; a tokenizer whose arrays differ in length (GGUF-VOCAB); a part
that is not the part its name says (GGUF-SPLIT); templates under other keys than those of templates
(GGUF-TEXT); tensor data that overlaps, leaves holes, is misaligned, cut off, or followed by something else.

Why it matters: GGUF loaders are C and C++ code that believes these numbers; heap overflows by crafted counts
and dimensions have been assigned CVEs. Duplicate names make what is inspected differ from what is run.

How it can be wrong: limits on metadata (256 MiB, four million strings) would refuse an honest model
of ten times today's largest vocabulary. Types newer than the installed gguf library are reported as unknown.
Some converters leave bytes after the last tensor without malice.

What it needs: the header of each GGUF file, by name or by magic; tensor data is not read, nothing claimed is
allocated.

Source: docs/gguf.md of ggml (format version 3); ggml/src/gguf.cpp; CWE-20, CWE-190, CWE-400.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry
from scanner.parts import PartlyReadError
from scanner.tensorfiles.gguf_fault import GgufFault
from scanner.tensorfiles.gguf_files import gguf_faults, is_gguf

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
        """Yields one finding per fault of a GGUF file, whatever it is called."""
        with context.snapshot.open(entry.path) as stream:
            if not is_gguf(_head(stream), entry.path):
                return
            stream.seek(0)
            faults = gguf_faults(stream, entry.size_bytes, entry.path)
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


def _head(stream: BinaryIO) -> bytes:
    """The first bytes, or none where they were not fetched: the name must tell then."""
    try:
        return stream.read(8)
    except PartlyReadError:
        return b""


CHECK = GgufMalformed()
