"""safetensors-malformed: a safetensors file breaks its format, so that two readers may see two models.

What it looks for: the fourteen faults ST-SIZE to ST-INDEX: wrong header length, text that is not strict JSON,
keys written twice (also when escaped differently), foreign fields, shapes, offsets and sizes that contradict
each other, holes and overlaps, bytes before or after the tensors (named when they are a zip, a pickle, a
program), and shard indexes that point outside their folder or contradict their shards.

Why it matters: a scanner, a converter and a loader that disagree about one header load different weights
from the same digest; bytes outside the tensors carry other files along; a crafted length crashes loaders.

How it can be wrong: it is stricter than the reference reader, which accepts a repeated key, an unknown field,
tabs as padding and a null `__metadata__`; an old hand-made file can fail without malice. It reads headers,
not values: NaN weights pass.

What it needs: the header and the length of each file; tensor data is not read.

Source: safetensors 0.8.0, README section "Format" and its reference reader; CWE-20, CWE-436.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from scanner.check import Check, CheckContext
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import ModelFileError, read_json
from scanner.parts import PartlyReadError
from scanner.tensorfiles.safetensors_header import HeaderFault, read_safetensors_from
from scanner.tensorfiles.safetensors_index import INDEX_SUFFIX, index_faults

_TAGS: Final = ("CWE-20", "CWE-436", "OWASP-LLM03:2025", "AML.T0010.003")
_REMEDIATION: Final = (
    "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is malformed, "
    "write the tensors anew with the safetensors library from a source you trust."
)
# 200 000 tensors take about 20 MB of index.
_INDEX_LIMIT_BYTES: Final = 64 * 1024**2
_FAULTS_PER_FILE: Final = 20


class SafetensorsMalformed(Check):
    """Validates every safetensors header and every shard index."""

    id = "safetensors-malformed"
    title = "A safetensors file breaks its format"
    severity = Severity.HIGH

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields one finding per fault, and one PASS for the files without any."""
        files = list(context.snapshot.with_suffix(".safetensors"))
        indexes = list(context.snapshot.with_suffix(INDEX_SUFFIX))
        if not files and not indexes:
            yield self.not_run("the model has no safetensors files", rule="nothing-to-examine")
            return
        sound: list[str] = []
        names: dict[str, frozenset[str]] = {}
        for entry in files:
            context.check_deadline()
            try:
                with context.snapshot.open(entry.path) as stream:
                    reading = read_safetensors_from(stream, entry.size_bytes)
            except PartlyReadError as error:
                yield self.not_run(str(error), subject=entry.path, rule="not-fetched")
                continue
            except OSError as error:
                yield self._unread(entry, f"{entry.path} cannot be read: {error.strerror or error}")
                continue
            names[entry.path] = reading.names
            yield from self._report(entry, reading.faults)
            if not reading.faults:
                sound.append(entry.path)
        for entry in indexes:
            if unknown := _unknown_beside(entry, files, names):
                reason = f"{entry.path}: the header of {unknown}, which lies beside it, was not read"
                yield self.not_run(reason, subject=entry.path, rule="not-fetched")
                continue
            faults = _index_faults(context.snapshot, entry, names)
            yield from self._report(entry, faults)
            if not faults:
                sound.append(entry.path)
        if sound:
            yield self.passed(
                f"{len(sound)} of {len(files) + len(indexes)} safetensors files and indexes keep the format "
                "to the letter",
                locations=tuple(Location(path) for path in sound),
            )

    def _report(self, entry: FileEntry, faults: tuple[HeaderFault, ...]) -> Iterator[Finding]:
        for fault in faults[:_FAULTS_PER_FILE]:
            where = f", {fault.place}" if fault.place else ""
            yield self.failed(
                f"{entry.path}{where}: {fault.message}",
                rule=fault.code,
                locations=(Location(entry.path, detail=fault.place),),
                remediation=_REMEDIATION,
                tags=_TAGS,
            )
        if len(faults) > _FAULTS_PER_FILE:
            more = len(faults) - _FAULTS_PER_FILE
            yield self.failed(
                f"{entry.path}: {more} more faults of this kind",
                rule=faults[_FAULTS_PER_FILE].code,
                locations=(Location(entry.path, detail="further faults"),),
                remediation=_REMEDIATION,
                tags=_TAGS,
            )

    def _unread(self, entry: FileEntry, reason: str) -> Finding:
        return self.errored(reason, rule="unreadable", locations=(Location(entry.path),))


def _unknown_beside(entry: FileEntry, files: list[FileEntry], names: Mapping[str, frozenset[str]]) -> str:
    """The first shard beside an index that was read in part and whose header was not among that, else ""."""
    folder = PurePosixPath(entry.path).parent
    beside = (each for each in files if PurePosixPath(each.path).parent == folder)
    return next((each.path for each in beside if not each.is_whole and each.path not in names), "")


def _index_faults(
    snapshot: Snapshot, entry: FileEntry, names: Mapping[str, frozenset[str]]
) -> tuple[HeaderFault, ...]:
    try:
        index = read_json(snapshot, entry.path, _INDEX_LIMIT_BYTES)
    except ModelFileError as error:
        return (HeaderFault("ST-INDEX", f"the index cannot be read as strict JSON: {error}"),)
    folder = PurePosixPath(entry.path).parent
    beside = {
        PurePosixPath(path).name: found
        for path, found in names.items()
        if PurePosixPath(path).parent == folder
    }
    return tuple(index_faults(index, beside))


CHECK = SafetensorsMalformed()
