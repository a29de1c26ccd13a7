r"""A file for a C library to read: errors on the way through it are kept, and the position is its own.

>>> stream = GuardedStream(io.BytesIO(b"....HDF"), 3, begin=4)
>>> stream.read(10), stream.seek(1), stream.read(1)
(b'HDF', 1, b'D')
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Final

from scanner.parts import PartlyReadError

_PAST_THE_END: Final = "seek to before the beginning"


class GuardedStream(io.RawIOBase):
    """Part of another stream, readable and seekable."""

    def __init__(self, stream: BinaryIO, size_bytes: int, begin: int = 0) -> None:
        super().__init__()
        self._stream, self._size, self._begin = stream, size_bytes, begin
        self._position = 0
        self._stored: PartlyReadError | None = None

    def raise_stored(self) -> None:
        """Raises what the library swallowed.

        Raises:
            PartlyReadError: when bytes were asked for that were not fetched.
        """
        if self._stored is not None:
            raise self._stored

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves there; beyond the end nothing is read."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(_PAST_THE_END)
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        """Reads up to the end of the part."""
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._size - self._position)
        if count <= 0:
            return 0
        try:
            self._stream.seek(self._begin + self._position)
            data = self._stream.read(count)
        except PartlyReadError as error:
            self._stored = error
            raise OSError("not fetched") from error
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
