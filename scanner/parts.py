r"""Which bytes of a file were read when not all of them were, and a reader that refuses the others.

An inspection reads the header of a weight file and leaves the rest where it is. What was not read must
never be taken for zeros, so whoever reads beyond it is stopped.

>>> import io
>>> parts = Parts((Piece(0, 4, 0), Piece(96, 100, 4)), "0" * 64, "only its ends were read")
>>> stream = parts.reader("model.bin", 100, lambda: io.BytesIO(b"headtail"))
>>> stream.read(4), stream.seek(96), stream.read()
(b'head', 96, b'tail')
"""

from __future__ import annotations

import bisect
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from scanner.errors import NotAvailableError

# Small, so that a reader of the last bytes of a piece does not ask for much beyond it.
_BUFFER_BYTES: Final = 8 * 1024


class PartlyReadError(NotAvailableError):
    """Bytes are asked for that were not read; inside a check it becomes NOT_RUN."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a file that was read.

    Attributes:
        begin: Its first byte.
        end: The byte after its last.
        at: Where it lies in what is kept on disk: at `begin` in the file itself, elsewhere in a folder that
            holds only what was fetched.
    """

    begin: int
    end: int
    at: int


@dataclass(frozen=True)
class Parts:
    """What was read of a file.

    Attributes:
        pieces: Sorted, without overlap.
        sha256: Over the pieces, one after the other.
        reason: Why not the whole file was read, a clause about it: "only its header was read".
    """

    pieces: tuple[Piece, ...]
    sha256: str
    reason: str

    @property
    def size_bytes(self) -> int:
        """How many bytes were read."""
        return sum(piece.end - piece.begin for piece in self.pieces)

    def refusal(self, path: str) -> PartlyReadError:
        """The error for asking more of the file than was read."""
        return PartlyReadError(f"{path}: {self.reason}")

    def reader(self, path: str, size_bytes: int, opener: Callable[[], BinaryIO]) -> BinaryIO:
        """The file as far as it was read; `opener` opens what is kept of it.

        Reading anything else raises a PartlyReadError.
        """
        raw = _PartsReader(self, path, size_bytes, opener)
        return cast(BinaryIO, io.BufferedReader(raw, _BUFFER_BYTES))


class _PartsReader(io.RawIOBase):
    """A file of `size_bytes` of which only the pieces can be read."""

    def __init__(self, parts: Parts, path: str, size_bytes: int, opener: Callable[[], BinaryIO]) -> None:
        super().__init__()
        self._parts, self._path, self._size = parts, path, size_bytes
        self._position = 0
        self._kept = opener() if parts.pieces else io.BytesIO()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = moved(self._position, self._size, offset, whence)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        if self._position >= self._size or not len(buffer):
            return 0
        piece = piece_at(self._parts.pieces, self._position)
        if piece is None:
            raise self._parts.refusal(self._path)
        count = min(len(buffer), piece.end - self._position)
        self._kept.seek(piece.at + self._position - piece.begin)
        data = self._kept.read(count)
        if len(data) < count:
            raise OSError(f"{self._path}: what was read of it is no longer there")
        buffer[:count] = data
        self._position += count
        return count

    def close(self) -> None:
        self._kept.close()
        super().close()


def piece_at(pieces: Sequence[Piece], position: int) -> Piece | None:
    """The piece that holds this byte, of sorted pieces without overlap."""
    index = bisect.bisect_right(pieces, position, key=lambda piece: piece.begin) - 1
    return pieces[index] if index >= 0 and position < pieces[index].end else None


def moved(position: int, size_bytes: int, offset: int, whence: int) -> int:
    """Where `seek` leads in a file of this size.

    Raises:
        OSError: when it would lead before its beginning.
    """
    target = offset + {io.SEEK_SET: 0, io.SEEK_CUR: position, io.SEEK_END: size_bytes}[whence]
    if target < 0:
        raise OSError("seek to before the beginning of the file")
    return target
