"""The tensors of a model as the headers of its files list them; values are not read.

Of several copies in a repository one is listed, as in `scanner.weights.copies`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import GgufError, GgufHeader, gguf_header_of, safetensors_header_of
from scanner.weights.copies import one_copy


class Listed(msgspec.Struct, frozen=True, gc=False):
    """One tensor, shape outermost dimension first; of GGUF the number format is "" and the size 0."""

    path: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True)
class Listing:
    """The tensors of one copy.

    Attributes:
        tensors: In the order of files and headers.
        header: Of the first GGUF file, None for other containers.
        unread: (file, why) for files that could not be listed.
    """

    tensors: tuple[Listed, ...]
    header: GgufHeader | None
    unread: tuple[tuple[str, str], ...]


def listed_tensors(snapshot: Snapshot, between_files: Callable[[], None]) -> Listing:
    """The tensors of one copy of the model; `between_files` is called before each file, to end the work.

    Raises:
        PartlyReadError: when not all of a header was read.
        OSError: when a file cannot be opened.
    """
    tensors: list[Listed] = []
    unread: list[tuple[str, str]] = []
    first: GgufHeader | None = None
    for entry in one_copy(snapshot)[0]:
        between_files()
        suffix = entry.path.lower().rsplit(".", 1)[-1]
        if suffix == "safetensors":
            reason = _safetensors(snapshot, entry, tensors)
        elif suffix == "gguf":
            try:
                header = gguf_header_of(snapshot, entry)
            except GgufError as error:
                unread.append((entry.path, str(error)))
                continue
            first, reason = first or header, ""
            # ggml writes the innermost dimension first; its type decides nothing here.
            tensors += (Listed(entry.path, each.name, "", each.shape[::-1], 0) for each in header.tensors)
        else:
            reason = "its tensors are not listed in a header"
        if reason:
            unread.append((entry.path, reason))
    return Listing(tuple(tensors), first, tuple(unread))


def _safetensors(snapshot: Snapshot, entry: FileEntry, tensors: list[Listed]) -> str:
    """Adds the tensors of a file, or says why it cannot."""
    reading = safetensors_header_of(snapshot, entry)
    if reading.faults:
        return f"it is malformed ({reading.faults[0].code}: {reading.faults[0].message})"
    tensors += (
        Listed(entry.path, each.name, each.dtype, each.shape, each.end - each.begin)
        for each in reading.tensors
    )
    return ""
