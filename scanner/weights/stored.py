"""The tensors of one copy of a model, by name, to be read row by row.

Of several copies in a repository that one is taken which `scanner.weights.copies` names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.manifest import Snapshot
from scanner.tensorfiles.extent import TensorExtent, UnmappedError
from scanner.tensorfiles.mapping import map_tensors
from scanner.weights.copies import one_copy
from scanner.weights.decoding import Numbers, UndecodedError, decoded

# Rows shorter than this are filters of a convolution, not rows of a matrix.
_ROW_LEAST: Final = 32
_BLOCK_BYTES: Final = 4 * 1024**2
# What loaders take off or put before the names of the same tensors.
_PREFIX: Final = re.compile(
    r"^(?:base_model\.model\.)?(?:language_model\.)?(?:model\.|transformer\.|bert\.|roberta\.)?"
)


@dataclass(frozen=True)
class Stored:
    """A tensor in a file, as a matrix.

    Attributes:
        path: Of the file on disk.
        shown_path: In the model.
        extent: Where and in which format.
        rows: Of the matrix; 1 for a vector.
        columns: Numbers in a row.
    """

    path: Path
    shown_path: str
    extent: TensorExtent
    rows: int
    columns: int

    @property
    def is_matrix(self) -> bool:
        """Whether it has two dimensions worth the name."""
        return self.rows > 1 and self.columns > 1

    @property
    def size_bytes(self) -> int:
        """Of its values."""
        return self.extent.end - self.extent.begin

    def raw_rows(self, rows: Sequence[int]) -> npt.NDArray[np.uint8]:
        """The bytes of these rows, uint8 (rows, bytes of a row).

        Raises:
            UndecodedError: when a row is no whole number of bytes.
            OSError: when the file cannot be read.
        """
        row_bytes, rest = divmod(self.size_bytes, max(self.rows, 1))
        if rest:
            raise UndecodedError("its rows are no whole number of bytes")
        found = np.empty((len(rows), row_bytes), np.uint8)
        with self.path.open("rb", buffering=0) as stream:
            for index, row in enumerate(rows):
                stream.seek(self.extent.begin + row * row_bytes)
                if stream.readinto(memoryview(found[index])) != row_bytes:
                    raise OSError(f"{self.shown_path}: ends before its tensors do")
        return found

    def read_rows(self, rows: Sequence[int]) -> Numbers:
        """These rows as numbers, float32 (rows, columns).

        Raises:
            UndecodedError: when the format is not known.
            OSError: when the file cannot be read.
        """
        return decoded(self.extent.dtype, self.raw_rows(rows).ravel()).reshape(len(rows), self.columns)

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, in order, in blocks of some megabytes."""
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(self.extent.begin)
            left = self.size_bytes
            while left:
                block = stream.read(min(left, _BLOCK_BYTES))
                if not block:
                    raise OSError(f"{self.shown_path}: ends before its tensors do")
                left -= len(block)
                yield block


@dataclass
class StoredModel:
    """One copy of a model's weights.

    Attributes:
        tensors: By name.
        paths: The files they lie in, as the model names them.
        unread: (file, why) for files whose tensors cannot be told apart.
        other_copies: Files that hold weights and were not taken.
    """

    tensors: dict[str, Stored] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    other_copies: list[str] = field(default_factory=list)

    @property
    def is_gguf(self) -> bool:
        """Whether names and layout are those of llama.cpp."""
        return bool(self.paths) and self.paths[0].lower().endswith(".gguf")


def stored_model(snapshot: Snapshot, between_files: Callable[[], None]) -> StoredModel:
    """The tensors of one copy of the model; `between_files` is called before each file, to end the work.

    Raises:
        PartlyReadError: when the weights were not fetched.
        OSError: when a file cannot be opened.
    """
    model = StoredModel()
    chosen, model.other_copies = one_copy(snapshot)
    for entry in chosen:
        between_files()
        path = snapshot.local_path(entry.path)
        try:
            extents = map_tensors(path, entry.path) or ()
        except UnmappedError as error:
            model.unread.append((entry.path, str(error)))
            continue
        model.paths.append(entry.path)
        for extent in extents:
            model.tensors.setdefault(extent.name, stored(path, entry.path, extent))
    return model


def stored(path: Path, shown_path: str, extent: TensorExtent) -> Stored:
    """The tensor as a matrix: rows along the last dimension, or for filters along all but the first."""
    shape = extent.shape
    if len(shape) < 2:
        return Stored(path, shown_path, extent, 1, math.prod(shape))
    rows = math.prod(shape[:-1]) if shape[-1] >= _ROW_LEAST else shape[0]
    return Stored(path, shown_path, extent, rows, math.prod(shape) // max(rows, 1))


def common_name(name: str) -> str:
    """The name without what only some loaders put before it."""
    return _PREFIX.sub("", name)
