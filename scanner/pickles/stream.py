"""What reading a pickle yields, and the bounded stream of bytes that it is read from.

>>> import io
>>> stream = ByteStream(io.BytesIO(b"ab"))
>>> stream.read(2), stream.position
(b'ab', 2)
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 20
# A number or name of protocol 0 stands on one line; no honest one is longer.
_LINE_LIMIT: Final = 1 << 20
# What decompressors raise on broken input.
UNPACKING_ERRORS: Final = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
)
# The name of a global that the pickle computes instead of spelling it out.
HIDDEN: Final = "(computed while loading)"


class BrokenPickleError(Exception):
    """A loader would stop here: the instructions end, contradict each other, or are none."""


class ByteStream:
    """Bytes read front to back from a file or a decompressor, with the position and a bound on every read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.position = 0

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes.

        Raises:
            BrokenPickleError: when fewer are left.
        """
        data = self._take(count)
        if len(data) < count:
            raise BrokenPickleError(f"it ends at byte {self.position}, in the middle of an instruction")
        return data

    def read_one(self) -> bytes:
        """One byte, or b"" at the end."""
        return self._take(1)

    def line(self) -> bytes:
        r"""The bytes up to the next "\n", without it.

        Raises:
            BrokenPickleError: when there is none within a mebibyte.
        """
        try:
            data = self._raw.readline(_LINE_LIMIT)
        except UNPACKING_ERRORS as error:
            raise BrokenPickleError(f"it cannot be unpacked beyond byte {self.position} ({error})") from error
        self.position += len(data)
        if not data.endswith(b"\n"):
            raise BrokenPickleError(f"it ends at byte {self.position}, in the middle of a line")
        return data[:-1]

    def skip(self, count: int) -> None:
        """Passes over `count` bytes without holding them.

        Raises:
            BrokenPickleError: when fewer are left.
        """
        while count > 0:
            count -= len(self.read(min(count, _CHUNK)))

    def _take(self, count: int) -> bytes:
        try:
            data = self._raw.read(count)
        except UNPACKING_ERRORS as error:
            raise BrokenPickleError(f"it cannot be unpacked beyond byte {self.position} ({error})") from error
        self.position += len(data)
        return data


@dataclass(frozen=True)
class GlobalUse:
    """A name that loading would look up.

    Attributes:
        module: Dotted module, or `HIDDEN` when the pickle computes it.
        name: Name inside it, dotted when it reaches through attributes.
        byte: Offset of the instruction from the beginning of the file or archive member.
        inside: "", or how the pickle that holds it is wrapped: "a byte string", "base64 text".
    """

    module: str
    name: str
    byte: int
    inside: str = ""

    @property
    def path(self) -> str:
        """Module and name joined: "os.system"."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class PickleReading:
    """What one or more pickles in a row hold.

    Attributes:
        globals: Every name looked up, once each, in order of first use.
        fault: Why a loader would stop early, "" when it reaches the end.
        streams: How many pickles were read to their end.
        opcodes: How many instructions were read.
        trailing_at: Where bytes begin that follow the last pickle and are none; None without such.
        value: Result of the first pickle when it is a plain integer (old torch files begin with one).
    """

    globals: tuple[GlobalUse, ...]
    fault: str = ""
    streams: int = 0
    opcodes: int = 0
    trailing_at: int | None = None
    value: int | None = None
