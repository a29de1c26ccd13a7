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
        kept = opener() if self.pieces else io.BytesIO()

        def read_at(position: int, count: int) -> bytes:
            piece = piece_at(self.pieces, position)
            if piece is None:
                raise self.refusal(path)
            data = read_piece(kept, piece, position, count)
            if not data:
                raise OSError(f"{path}: what was read of it is no longer there")
            return data

        return buffered(size_bytes, read_at, kept.close)


class PositionedStream(io.RawIOBase):
    """A file of known size over a function that gives one byte or more of so many from a position."""

    def __init__(
        self,
        size_bytes: int,
        read_at: Callable[[int, int], bytes],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._size, self._read_at, self._on_close = size_bytes, read_at, on_close
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves there; beyond the end nothing is read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("seek to before the beginning of the file")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        """Reads what one call of `read_at` gives."""
        view = memoryview(buffer).cast("B")  # a C library may hand over items of another size
        count = min(len(view), self._size - self._position)
        if count <= 0:
            return 0
        data = self._read_at(self._position, count)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        """Closes what lies below, once."""
        if not self.closed:
            self._on_close()
        super().close()


def buffered(
    size_bytes: int, read_at: Callable[[int, int], bytes], on_close: Callable[[], None] = lambda: None
) -> BinaryIO:
    """A file of this size over `read_at`, which gives one byte or more of so many from a position."""
    return cast(BinaryIO, io.BufferedReader(PositionedStream(size_bytes, read_at, on_close), _BUFFER_BYTES))


def stretch(
    stream: BinaryIO,
    begin: int,
    size_bytes: int,
    cut_off: Callable[[], Exception],
    on_close: Callable[[], None] = lambda: None,
) -> BinaryIO:
    """So many bytes from `begin` on, of a stream that can be sought in, as a file of their own.

    Several may be read in turn. Where `stream` ends before they do, reading raises what `cut_off` makes.
    """

    def read_at(position: int, count: int) -> bytes:
        stream.seek(begin + position)
        data = stream.read(count)
        if not data:
            raise cut_off()
        return data

    return buffered(size_bytes, read_at, on_close)


def piece_at(pieces: Sequence[Piece], position: int) -> Piece | None:
    """The piece that holds this byte, of sorted pieces without overlap."""
    index = bisect.bisect_right(pieces, position, key=lambda piece: piece.begin) - 1
    return pieces[index] if index >= 0 and position < pieces[index].end else None


def read_piece(kept: BinaryIO, piece: Piece, position: int, count: int) -> bytes:
    """At most so many bytes of a piece, from a position in its file."""
    kept.seek(piece.at + position - piece.begin)
    return kept.read(min(count, piece.end - position))
