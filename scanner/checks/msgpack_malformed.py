"""msgpack-malformed: a checkpoint of Flax or spaCy breaks its format, or hides something in it.

What it looks for: bytes that are no MessagePack, counts and lengths that the file cannot hold, keys written
twice, extensions that Flax does not know, tensors whose shape and type do not fit their bytes, number formats
that are none, bytes behind the only value, and pickles among the values.

Why it matters: readers of MessagePack build what the file claims before they can tell that it is broken; what
two readers take differently is inspected in one way and loaded in another.

How it can be wrong: MessagePack of other programs than Flax and spaCy may use extensions of its own, and is
then reported. Numbers inside tensors are not read. Without its suffix it is known by a word as its first key.

What it needs: files called .msgpack, or of no telling name that are MessagePack from end to end; the whole
file is stepped through, tensors are stepped over.

Source: MessagePack specification (2013); flax 0.12, flax/serialization.py; CWE-20, CWE-400, CWE-502; MITRE
ATLAS AML.T0010.003.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict
from scanner.file_kinds.kinds import claimed_by
from scanner.file_kinds.structures import is_messagepack
from scanner.findings import Finding, Location, Measurement, Outcome, Severity
from scanner.flax.checkpoints import MsgpackFault, is_msgpack, msgpack_faults
from scanner.manifest import FileEntry
from scanner.parts import PartlyReadError

_PICKLE: Final = "MP-PICKLE"
_TAGS: Final = ("CWE-20", "CWE-400", "OWASP-LLM03:2025", "AML.T0010.003")
_PICKLE_TAGS: Final = ("CWE-502", "OWASP-LLM03:2025", "AML.T0011.000")
_REMEDIATION: Final = (
    "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is malformed, "
    "take the model's safetensors weights."
)
_FAULTS_PER_FILE: Final = 20
_HEAD_BYTES: Final = 64


class MsgpackMalformed(FileCheck):
    """Steps through every MessagePack file."""

    id = "msgpack-malformed"
    title = "A MessagePack checkpoint breaks its format"
    severity = Severity.HIGH
    kind = "MessagePack files"
    clean = "keep the format"

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields one finding per fault of a `.msgpack` file, or of MessagePack without a telling name."""
        is_named = entry.path.lower().endswith(".msgpack")
        if not is_named and claimed_by(entry.path):
            return
        with context.snapshot.open(entry.path) as stream:
            if not is_named and not _is_msgpack(stream, entry):
                return
            stream.seek(0)
            faults = msgpack_faults(stream, entry.size_bytes)
        worst_first = sorted(faults, key=lambda fault: fault.code != _PICKLE)
        for fault in worst_first[:_FAULTS_PER_FILE]:
            yield self._failed(entry, fault)
        if not faults:
            yield self.sound(entry)

    def verdict_of(self, finding: Finding) -> FileVerdict:
        """A file that breaks its format is malformed by every rule; a pickle in it is an attack."""
        if finding.outcome is Outcome.PASS:
            return FileVerdict.PLAIN_DATA
        return FileVerdict.ATTACK if finding.rule == _PICKLE else FileVerdict.NOT_READABLE

    def _failed(self, entry: FileEntry, fault: MsgpackFault) -> Finding:
        where = f", {fault.place}" if fault.place else ""
        is_pickle = fault.code == _PICKLE
        return self.failed(
            f"{entry.path}{where}: {fault.message}",
            severity=Severity.CRITICAL if is_pickle else Severity.HIGH,
            rule=fault.code,
            locations=(Location(entry.path, detail=fault.place),),
            remediation=_REMEDIATION,
            tags=_PICKLE_TAGS if is_pickle else _TAGS,
        )


def _is_msgpack(stream: BinaryIO, entry: FileEntry) -> bool:
    """Whether the bytes are MessagePack, from end to end or by a word as the first key of a table.

    What was not fetched is left to the check of kinds.
    """
    try:
        return is_messagepack(stream.read(_HEAD_BYTES)) or is_msgpack(stream, entry.size_bytes)
    except PartlyReadError:
        return False


CHECK = MsgpackMalformed()
