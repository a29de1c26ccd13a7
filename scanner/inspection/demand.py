"""A file that is read only where somebody asks for its bytes, and remembers which these were.

The readers of headers run on it as they run on a whole file, so that what an inspection fetches is what the
checks will read, neither more kinds nor fewer.
"""

from __future__ import annotations

import bisect
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, Self

from scanner.inspection.allowance import Allowance
from scanner.parts import PartlyReadError, Parts, Piece, buffered, piece_at, read_piece

FIRST_BYTES: Final = 16 * 1024
_MOST_AT_ONCE: Final = 4 * 1024**2
# The directory of a zip archive lies at its end, and its readers look for it in the last 64 KiB and some.
_TAIL_BYTES: Final = 68 * 1024
# Headers of this size are read; GGUF files of the largest vocabularies have 15 MB, data.pkl a few.
HEADER_LIMIT_BYTES: Final = 32 * 1024**2
_BUFFER_BYTES: Final = 8 * 1024
_CHUNK_BYTES: Final = 1024**2


class DemandFile(ABC):
    """A file of known size, brought piece by piece; use it as a context, which closes what it keeps.

    Attributes:
        pieces: What was brought, sorted, without overlap.
        furthest: Byte after the last that was read without a gap from the beginning.
    """

    def __init__(self, path: str, size_bytes: int, allowance: Allowance, first_bytes: int) -> None:
        self.pieces: list[Piece] = []
        self.furthest = 0
        self._path, self._size, self._allowance = path, size_bytes, allowance
        self._brought = 0
        self._ahead = first_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    @abstractmethod
    def _bring(self, begin: int, end: int) -> int:
        """Brings these bytes, and says where they now lie in `_kept`."""

    @property
    @abstractmethod
    def _kept(self) -> BinaryIO:
        """What was brought so far."""

    def open(self) -> BinaryIO:
        """This file from its beginning, as readers want it.

        Reading raises a PartlyReadError where no more may be brought.
        """
        return buffered(self._size, self._read_at)

    def parts(self, reason: str) -> Parts:
        """What was brought; `reason` says why it is not the whole file."""
        whole = hashlib.sha256()
        for piece in self.pieces:
            for begin in range(piece.begin, piece.end, _CHUNK_BYTES):
                whole.update(read_piece(self._kept, piece, begin, _CHUNK_BYTES))
        return Parts(tuple(self.pieces), whole.hexdigest(), reason)

    @property
    def is_whole(self) -> bool:
        """Whether every byte was brought, and lies where it lies in the file."""
        return self.pieces == [Piece(0, self._size, 0)]

    def _read_at(self, position: int, count: int) -> bytes:
        piece = piece_at(self.pieces, position) or self._demand(position, count)
        data = read_piece(self._kept, piece, position, count)
        if piece.begin == 0:
            self.furthest = max(self.furthest, position + len(data))
        return data

    def _demand(self, position: int, wanted_bytes: int) -> Piece:
        begin, end = self._stretch(position, wanted_bytes)
        if self._brought + end - begin > HEADER_LIMIT_BYTES:
            limit = HEADER_LIMIT_BYTES // 1024**2
            raise PartlyReadError(f"its header takes more than {limit} MiB and was not read to its end")
        if not self._allowance.take(end - begin):
            raise PartlyReadError(used_up(self._allowance))
        self._brought += end - begin
        return self._added(Piece(begin, end, self._bring(begin, end)))

    def _stretch(self, position: int, wanted_bytes: int) -> tuple[int, int]:
        """What to bring for a reader who wants so many bytes from here."""
        index = bisect.bisect_right(self.pieces, position, key=lambda piece: piece.begin)
        before = self.pieces[index - 1].end if index else 0
        after = self.pieces[index].begin if index < len(self.pieces) else self._size
        if position != before and self._size - position <= _TAIL_BYTES:
            return max(before, self._size - _TAIL_BYTES), after
        wanted = max(wanted_bytes, self._ahead if position == before else _BUFFER_BYTES)
        if position == before and self.pieces:  # somebody reads on and on
            self._ahead = min(2 * self._ahead, _MOST_AT_ONCE)
        return position, min(position + min(wanted, _MOST_AT_ONCE), after)

    def _added(self, new: Piece) -> Piece:
        index = bisect.bisect_right(self.pieces, new.begin, key=lambda piece: piece.begin)
        before = self.pieces[index - 1] if index else None
        if before and before.end == new.begin and before.at + before.end - before.begin == new.at:
            new = Piece(before.begin, new.end, before.at)
            self.pieces[index - 1] = new
        else:
            self.pieces.insert(index, new)
        return new


class LocalFile(DemandFile):
    """A file on this machine, of which nothing is copied."""

    def __init__(self, root: Path, path: str, size_bytes: int, allowance: Allowance, first: int) -> None:
        super().__init__(path, size_bytes, allowance, first)
        self._file = (root / path).open("rb")

    def _bring(self, begin: int, end: int) -> int:
        return begin

    @property
    def _kept(self) -> BinaryIO:
        return self._file


class FetchedFile(DemandFile):
    """A file elsewhere, of which the pieces are kept one behind the other in `kept`."""

    def __init__(
        self,
        path: str,
        size_bytes: int,
        allowance: Allowance,
        first: int,
        *,
        fetch: Callable[[int, int], bytes],
        kept: BinaryIO,
    ) -> None:
        super().__init__(path, size_bytes, allowance, first)
        self._fetch = fetch
        self._file = kept

    def _bring(self, begin: int, end: int) -> int:
        data = self._fetch(begin, end)
        at = self._file.seek(0, io.SEEK_END)
        self._file.write(data)
        return at

    @property
    def _kept(self) -> BinaryIO:
        return self._file


def used_up(allowance: Allowance) -> str:
    """Why a file was not read, or not further: a clause about it."""
    return f"it was not read beyond the {allowance.whole_bytes / 1e6:,.0f} MB that this inspection may take"
