"""What reading a pickle yields, and the bounded stream of bytes that it is read from.

>>> import io
>>> stream = ByteStream(io.BytesIO(b"ab"))
>>> stream.read(2), stream.position
(b'ab', 2)
"""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

# Small, so that a pickle of some hundred bytes is read quickly; large, so that one of a gigabyte is too.
_CHUNK: Final = 1 << 16
_SKIPPED: Final = 1 << 20
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
# The name of whatever a pickle asks its loader for by an id.
OUTSIDE: Final = "(outside of the pickle)"
_SHOWN_LIMIT: Final = 200


class BrokenPickleError(Exception):
    """A loader would stop here: the instructions end, contradict each other, or are none."""


class ByteStream:
    """Bytes read front to back from a file or a decompressor, with the position and a bound on every read.

    The loop over a pickle's instructions reads `data` from `at` on itself, which is four times as fast as
    asking for every byte; `refill` gives it more.

    Attributes:
        data: Bytes read ahead.
        at: Index in `data` of the next byte.
        base: Offset of `data` from where the stream began.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        # Whatever gives one piece does not run into bytes of a remote file that were not fetched.
        self._more = getattr(raw, "read1", raw.read)
        self.base = 0
        self.data = b""
        self.at = 0

    @property
    def position(self) -> int:
        """Offset of the next byte from where the stream began."""
        return self.base + self.at

    def refill(self, count: int) -> bool:
        """Sees to it that `count` bytes lie in `data` from `at` on; False when the stream ends before.

        Raises:
            BrokenPickleError: when it cannot be unpacked further.
        """
        while len(self.data) - self.at < count:
            wanted = max(_CHUNK, count - len(self.data) + self.at)
            try:
                more = self._more(wanted)
            except UNPACKING_ERRORS as error:
                end = self.base + len(self.data)
                raise BrokenPickleError(f"it cannot be unpacked beyond byte {end} ({error})") from error
            if not more:
                return False
            self.base += self.at
            self.data = self.data[self.at :] + more if self.at < len(self.data) else more
            self.at = 0
        return True

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes.

        Raises:
            BrokenPickleError: when fewer are left.
        """
        if len(self.data) - self.at < count and not self.refill(count):
            self.at = len(self.data)
            raise BrokenPickleError(f"it ends at byte {self.position}, in the middle of an instruction")
        begin = self.at
        self.at += count
        return self.data[begin : self.at]

    def line(self) -> bytes:
        r"""The bytes up to the next "\n", without it; of a line longer than a mebibyte its beginning.

        Raises:
            BrokenPickleError: when the stream ends before the line does.
        """
        kept = b""
        searched = 0
        while (end := self.data.find(b"\n", self.at + searched)) < 0:
            searched = len(self.data) - self.at
            if searched > _LINE_LIMIT:
                kept = kept or self.data[self.at :]
                self.at, searched = len(self.data), 0
            if not self.refill(searched + 1):
                self.at = len(self.data)
                raise BrokenPickleError(f"it ends at byte {self.position}, in the middle of a line")
        begin, self.at = self.at, end + 1
        return kept or self.data[begin:end]

    def skip(self, count: int) -> None:
        """Passes over `count` bytes without holding them.

        Raises:
            BrokenPickleError: when fewer are left.
        """
        held = min(count, len(self.data) - self.at)
        self.at += held
        count -= held
        if count > _SKIPPED and isinstance(self._raw, io.BufferedReader) and self._raw.seekable():
            count -= self._leap(count)
        while count > 0:
            count -= len(self.read(min(count, _SKIPPED)))

    def _leap(self, count: int) -> int:
        """Seeks over all but the last of so many bytes, which is read to know that they are there."""
        begin = self._raw.tell()
        self._raw.seek(begin + count - 1)
        self.base += len(self.data) + count - 1
        self.data, self.at = b"", 0
        return count - 1


@dataclass(frozen=True)
class GlobalUse:
    """A name that loading would look up, and what it does with it.

    Attributes:
        module: Dotted module, or `HIDDEN` when the pickle computes it.
        name: Name inside it, dotted when it reaches through attributes.
        byte: Offset of the instruction from the beginning of the file or archive member.
        inside: "", or how the pickle that holds it is wrapped: "a byte string", "base64 text".
        is_called: Whether it is called, or handed to something that may call it, and not only named.
        is_idle: Whether it is called with nothing but arguments with which it cannot do harm.
        deed: What the pickle does with it that is an attack whatever it is, a clause; "" for nothing.
        is_scripted: Whether it is a class of the TorchScript program in the same archive.
    """

    module: str
    name: str
    byte: int
    inside: str = ""
    is_called: bool = False
    is_idle: bool = False
    deed: str = ""
    is_scripted: bool = False

    @property
    def path(self) -> str:
        """Module and name joined: "os.system"; bounded, without anything that a terminal would act on."""
        text = f"{self.module}.{self.name}"
        shown = text if text.isascii() and text.isprintable() else ascii(text)[1:-1]
        return shown if len(shown) <= _SHOWN_LIMIT else f"{shown[:_SHOWN_LIMIT]}..."


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
