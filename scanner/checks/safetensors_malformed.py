"""safetensors-malformed: a safetensors file breaks its format, so that two readers may see two models.

What it looks for: the fifteen faults ST-SIZE to ST-TEXT: wrong header length, text that is not strict JSON,
keys written twice (also when escaped differently), foreign fields, shapes, offsets and sizes that contradict
each other, holes and overlaps, bytes before or after the tensors (named when they are a zip, a pickle, a
program), code and pickles among the metadata, and shard indexes (also those of PyTorch) that point
outside their folder or contradict their shards.

Why it matters: a scanner, a converter and a loader that disagree about one header load different weights
from the same digest; bytes outside the tensors carry other files along; a crafted length crashes loaders.

How it can be wrong: it is stricter than the reference reader, which accepts a repeated key, an unknown field,
tabs as padding and a null `__metadata__`; an old hand-made file can fail without malice. A comment that
quotes a call such as `subprocess.run(` is taken for code. It reads headers, not values: NaN weights pass.

What it needs: the header and the length of each file; tensor data is not read.

Source: safetensors 0.8.0, README section "Format" and its reference reader; CWE-20, CWE-436.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from scanner.acting_text import code_in
from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import ModelFileError, read_json, safetensors_header_of
from scanner.parts import PartlyReadError
from scanner.tensorfiles.safetensors_header import HeaderFault, tensor_names
from scanner.tensorfiles.safetensors_index import INDEX_SUFFIX, TORCH_INDEX_SUFFIX, index_faults, named_shards
from scanner.tensorfiles.safetensors_layout import shown
from scanner.tensorfiles.safetensors_plain import METADATA

_TAGS: Final = ("CWE-20", "CWE-436", "OWASP-LLM03:2025", "AML.T0010.003")
_REMEDIATION: Final = (
    "Do not load this file. Fetch it again and compare its digest; if the publisher's own copy is malformed, "
    "write the tensors anew with the safetensors library from a source you trust."
)
# 200 000 tensors take about 20 MB of index.
_INDEX_LIMIT_BYTES: Final = 64 * 1024**2
_FAULTS_PER_FILE: Final = 20


class SafetensorsMalformed(FileCheck):
    """Validates every safetensors header and every shard index."""

    id = "safetensors-malformed"
    title = "A safetensors file breaks its format"
    severity = Severity.HIGH
    kind = "safetensors files and indexes"
    clean = "keep the format to the letter"
    sound_rule = ""

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields one finding per fault of a `.safetensors` file, or of an index of shards."""
        name = entry.path.lower()
        if name.endswith(".safetensors"):
            reading = safetensors_header_of(context.snapshot, entry)
            faults = (*reading.faults, *_text_faults(reading.metadata))
        elif name.endswith((INDEX_SUFFIX, TORCH_INDEX_SUFFIX)):
            faults = _index_faults(context.snapshot, entry)
        else:
            return
        yield from self._report(entry, faults)
        if not faults:
            yield self.sound(entry)

    def verdict_of(self, finding: Finding) -> FileVerdict:
        """A file that breaks its format is malformed, whichever rule it breaks."""
        return FileVerdict.PLAIN_DATA if finding.outcome is Outcome.PASS else FileVerdict.NOT_READABLE

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


def _text_faults(metadata: Mapping[str, str]) -> Iterator[HeaderFault]:
    for key, text in metadata.items():
        if what := code_in(text):
            yield HeaderFault("ST-TEXT", f"'{shown(key)}' holds {what}", f"{METADATA} {shown(key)}")


def _index_faults(snapshot: Snapshot, entry: FileEntry) -> tuple[HeaderFault, ...]:
    try:
        index = read_json(snapshot, entry.path, _INDEX_LIMIT_BYTES)
    except ModelFileError as error:
        return (HeaderFault("ST-INDEX", f"the index cannot be read as strict JSON: {error}"),)
    return tuple(index_faults(index, _names_beside(snapshot, entry, named_shards(index))))


def _names_beside(
    snapshot: Snapshot, index: FileEntry, shards: frozenset[str]
) -> dict[str, frozenset[str] | None]:
    """The tensor names of the shards that an index names, as far as they lie beside it and can be read."""
    folder = PurePosixPath(index.path).parent
    if index.path.lower().endswith(TORCH_INDEX_SUFFIX):
        return dict.fromkeys(shards)  # many repositories hold both formats, and only one of them is fetched
    names: dict[str, frozenset[str] | None] = {}
    for each in snapshot.with_suffix(".safetensors"):
        path = PurePosixPath(each.path)
        if path.name not in shards or path.parent != folder:
            continue
        try:
            with snapshot.open(each.path) as stream:
                names[path.name] = tensor_names(stream, each.size_bytes)
        except PartlyReadError as error:
            reason = f"{index.path}: the header of {each.path}, which lies beside it, was not read"
            raise PartlyReadError(reason) from error
        except OSError:
            continue  # told of that file itself; to the index it is one that is not there
    return names


CHECK = SafetensorsMalformed()
