"""The stack and memo that a pickle works on, with stand-ins where a loader would have objects.

The instructions of `scanner.pickles.instructions` push, pop and store here as they would there. Nothing is
imported or built, and large arguments are skipped, never held.

>>> import io
>>> machine = Machine(ByteStream(io.BytesIO()))
>>> machine.look_up("os", "system")
>>> [use.path for use in machine.globals.values()]
['os.system']
"""

from __future__ import annotations

import pickletools
import re
import sys
from dataclasses import dataclass, field
from typing import Final

from scanner.pickles.stream import BrokenPickleError, ByteStream, GlobalUse

# Strings longer than this name no module; constants longer than this are not looked into.
_NAME_LIMIT: Final = 512
_KEEP_LIMIT: Final = 1 << 20
_BLOB_LIMIT: Final = 1024
# Width in bytes and sign of the length in front of a counted argument.
_LENGTHS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: (1, False),
    pickletools.TAKEN_FROM_ARGUMENT4: (4, True),
    pickletools.TAKEN_FROM_ARGUMENT4U: (4, False),
    pickletools.TAKEN_FROM_ARGUMENT8U: (8, False),
}
# Entries of stack and memo: a pickled vocabulary of a million words needs two million.
_ROOM: Final = 8_000_000
# How a pickle begins: raw (protocol 2 and up), in base64, in hex, or in the text of protocol 0.
_PICKLE_STARTS: Final = (*(bytes((0x80, n)) for n in range(6)), b"gA", b"80", b"c", b"(")


class Opaque:
    """Stands for any object whose content does not matter here."""


@dataclass
class Made:
    """Stands for the result of a call, with what is needed to find the length of a raw array.

    `items` is what was stored in it as in a table, kept for machines that keep tables.
    """

    maker: GlobalUse | None
    args: tuple[object, ...] = ()
    state: object = None
    items: dict[object, object] | None = None


@dataclass(frozen=True)
class Stored:
    """Stands for what lies beside the pickle under a persistent id."""

    key: object


OPAQUE: Final = Opaque()


@dataclass
class Machine:
    """One loader's stack and memo.

    Attributes:
        stream: Where instructions are read from.
        globals: Every (module, name) looked up so far, with its first use.
        blobs: Constants that may be pickles themselves, with the byte of their instruction.
        follows_joblib: Whether to step over joblib's raw arrays, as joblib does and pickle does not.
        keeps_tables: Whether to keep tables of any length and persistent ids, as a reader of tensors
            needs them; else both stay opaque.
        room: How many entries stack and memo may have each.
        patience: How many instructions may be read.
        has_proto: Whether it announced a protocol, which bytes that are no pickle rarely do.
        opcodes: Instructions read so far.
        kept: Entries stored in tables so far, when tables are kept.
        at: Offset of the current instruction.
    """

    stream: ByteStream
    globals: dict[tuple[str, str], GlobalUse] = field(default_factory=dict)
    blobs: list[tuple[int, bytes]] = field(default_factory=list)
    follows_joblib: bool = True
    keeps_tables: bool = False
    room: int = _ROOM
    patience: int = sys.maxsize
    has_proto: bool = False
    opcodes: int = 0
    kept: int = 0
    at: int = 0
    stack: list[object] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def argument(self, opcode: pickletools.OpcodeInfo) -> bytes:
        """Reads what follows an instruction, at most its first mebibyte; the rest is skipped.

        Raises:
            BrokenPickleError: when the stream ends before it does.
        """
        if opcode.arg is None:
            return b""
        shape = opcode.arg.n
        if shape >= 0:
            return self.stream.read(shape)
        if shape == pickletools.UP_TO_NEWLINE:
            is_pair = opcode.name in ("GLOBAL", "INST")
            return self.stream.line() + (b"\n" + self.stream.line() if is_pair else b"")
        width, is_signed = _LENGTHS[shape]
        count = int.from_bytes(self.stream.read(width), "little", signed=is_signed)
        if count < 0:
            raise BrokenPickleError(f"byte {self.at}: negative length {count}")
        kept = self.stream.read(min(count, _KEEP_LIMIT))
        self.stream.skip(count - len(kept))
        return kept

    def push(self, value: object) -> None:
        """Puts a value on the stack."""
        self.stack.append(value)

    def pop(self) -> object:
        """Takes the top of the stack, down to the last mark."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise BrokenPickleError(f"byte {self.at}: takes from an empty stack")
        return self.stack.pop()

    def pop_mark(self) -> list[object]:
        """Takes everything above the last mark, and the mark."""
        if not self.marks:
            raise BrokenPickleError(f"byte {self.at}: there is no mark to go back to")
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def look_up(self, module: str, name: str) -> None:
        """Pushes a global and remembers it."""
        use = GlobalUse(module, name, self.at)
        self.globals.setdefault((module, name), use)
        self.push(use)

    def remember(self, index: int) -> None:
        """Stores the top in the memo as well."""
        top = self.pop()
        self.push(top)
        self.memo[index] = top

    def recall(self, index: int) -> None:
        """Pushes what the memo holds at `index`."""
        if index not in self.memo:
            raise BrokenPickleError(f"byte {self.at}: memo entry {index} was never stored")
        self.push(self.memo[index])

    def text(self, data: bytes) -> None:
        """Pushes a string; a long one stays opaque."""
        self.keep_blob(data)
        self.push(data.decode("utf-8", "backslashreplace") if len(data) <= _NAME_LIMIT else OPAQUE)

    def keep_blob(self, data: bytes) -> None:
        """Remembers a constant that begins as pickles do."""
        if 8 <= len(data) < _KEEP_LIMIT and len(self.blobs) < _BLOB_LIMIT and data.startswith(_PICKLE_STARTS):
            self.blobs.append((self.at, data))

    def decimal(self, line: bytes) -> int:
        """The whole number that a line of protocol 0 spells."""
        digits = line.strip().rstrip(b"L")
        if len(digits) > 40 or not re.fullmatch(rb"-?\d+", digits):
            raise BrokenPickleError(f"byte {self.at}: {digits[:20]!r} is not a number")
        return int(digits)
