r"""A stretch of a file as a file of its own.

>>> import io
>>> Window(io.BytesIO(b"head\x80tail"), 4, 7).read()
b'\x80ta'
"""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, Final

_SKIPPED: Final = 1 << 20


class Window(io.RawIOBase):
    """The bytes from `begin` to `end`; of text that stands for bytes, those bytes.

    Args:
        raw: The file, open at its beginning; closed together with the window.
        begin: First byte.
        end: The byte after the last.
        is_text: Whether they are text each letter of which stands for the byte with its number.
    """

    def __init__(self, raw: BinaryIO, begin: int, end: int, *, is_text: bool = False) -> None:
        super().__init__()
        self._raw, self._left = raw, end - begin
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace") if is_text else None
        self._pending = b""
        while begin > 0 and (passed := raw.read(min(begin, _SKIPPED))):
            begin -= len(passed)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's is wider
        """Fills the buffer; how much of it."""
        while not self._pending and self._left > 0:
            data = self._raw.read(min(len(buffer), self._left))
            if not data:
                break
            self._left -= len(data)
            self._pending = (
                data if self._decoder is None else self._decoder.decode(data).encode("latin-1", "replace")
            )
        piece, self._pending = self._pending[: len(buffer)], self._pending[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Closes the file as well."""
        if not self.closed:
            self._raw.close()
        super().close()
