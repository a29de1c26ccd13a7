"""The stack and memo that a pickle works on, with stand-ins where a loader would have objects.

The instructions of `scanner.pickles.instructions` push, pop and store here as they would there. Nothing is
imported or built, large arguments are skipped, and what is kept is bounded whatever the file asks for: of a
memo of ten million entries only those that a name or a call could be made of.

>>> import io
>>> machine = Machine(ByteStream(io.BytesIO()))
>>> machine.look_up("os", "system")
>>> [use.path for use in machine.uses()]
['os.system']
"""

from __future__ import annotations

import pickletools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from scanner.pickles.globals import Tier, classify
from scanner.pickles.hidden import SHORTEST
from scanner.pickles.memo import HELD_LIMIT, Memo
from scanner.pickles.stand_ins import OPAQUE, Constant, lean, small
from scanner.pickles.stream import BrokenPickleError, ByteStream, GlobalUse

# Strings longer than this name no module; constants longer than this are not held.
_NAME_LIMIT: Final = 256
KEEP_LIMIT: Final = 1 << 20
# Width in bytes and sign of the length in front of a counted argument.
_LENGTHS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: (1, False),
    pickletools.TAKEN_FROM_ARGUMENT4: (4, True),
    pickletools.TAKEN_FROM_ARGUMENT4U: (4, False),
    pickletools.TAKEN_FROM_ARGUMENT8U: (8, False),
}
# Entries of the stack: a tuple of two million numbers is the greatest thing that is put there at once.
_ROOM: Final = 2_000_000
_MARKS_LIMIT: Final = 500_000
# Numbers of the memo that may be left out: a loader sets 16 bytes aside for each up to the greatest.
_LEAP_LIMIT: Final = 1 << 27
# Different names; a checkpoint of a great program has some hundred.
_NAMES_LIMIT: Final = 20_000
# Stands for every name beyond them, so that these take no memory.
_ONE_OF_MANY: Final = GlobalUse("", "", 0)


@dataclass(slots=True)
class Conduct:
    """What a pickle does with a name, as far as it was read; see `GlobalUse`."""

    is_called: bool = False
    idle_calls: int = 0
    harmful: bool = False
    deed: str = ""


@dataclass
class Machine:
    """One loader's stack and memo.

    Attributes:
        stream: Where instructions are read from.
        globals: Every (module, name) looked up so far, with its first use.
        conduct: What is done with them.
        on_constant: Called with the byte of its instruction, the offset and the length of every constant that
            may be a pickle itself, and its content, the first mebibyte of a longer one.
        follows_joblib: Whether to step over joblib's raw arrays, as joblib does and pickle does not.
        keeps_tables: Whether to keep tables of any length and persistent ids, as a reader of tensors
            needs them; else both stay opaque.
        room: How many entries the stack may have.
        patience: How many instructions may be read.
        has_proto: Whether it announced a protocol, which bytes that are no pickle rarely do.
        complaint: What a loader would stop at although the instructions go on, a clause; "" for nothing.
        opcodes: Instructions read so far.
        kept: Entries stored in tables so far, when tables are kept.
        at: Offset of the current instruction.
    """

    stream: ByteStream
    globals: dict[tuple[str, str], GlobalUse] = field(default_factory=dict)
    conduct: dict[tuple[str, str], Conduct] = field(default_factory=dict)
    on_constant: Callable[[int, int, int, bytes], None] | None = None
    follows_joblib: bool = True
    keeps_tables: bool = False
    room: int = _ROOM
    patience: int = sys.maxsize
    has_proto: bool = False
    complaint: str = ""
    opcodes: int = 0
    kept: int = 0
    at: int = 0
    stack: list[object] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memo = Memo(holds_all=self.keeps_tables)

    def check_room(self) -> None:
        """Whether what is held is still in bounds.

        Raises:
            BrokenPickleError: when it is not.
        """
        entries = len(self.memo) if self.keeps_tables else 0
        if max(len(self.stack), entries) > self.room or len(self.marks) > _MARKS_LIMIT:
            raise BrokenPickleError(f"byte {self.at}: it keeps more than {self.room} objects at once")
        if self.opcodes > self.patience:
            raise BrokenPickleError(f"byte {self.at}: it has more than {self.patience} instructions")

    def argument(self, shape: int, name: str) -> bytes:
        """Reads what follows an instruction, at most its first mebibyte; the rest is skipped.

        Raises:
            BrokenPickleError: when the stream ends before it does.
        """
        if shape == pickletools.UP_TO_NEWLINE:
            is_pair = name in ("GLOBAL", "INST")
            return self.stream.line() + (b"\n" + self.stream.line() if is_pair else b"")
        width, is_signed = _LENGTHS[shape]
        count = int.from_bytes(self.stream.read(width), "little", signed=is_signed)
        if count < 0:
            self.complain(f"negative length {count}")
            return b""
        kept = self.stream.read(min(count, KEEP_LIMIT))
        if count >= KEEP_LIMIT:
            self.keep_blob(kept, count)
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
        self.push(self.name(module, name))

    def name(self, module: str, name: str) -> GlobalUse:
        """A global, remembered; of too many only those that are known to do harm.

        Raises:
            BrokenPickleError: when there are too many of these as well.
        """
        known = self.globals.get((module, name))
        if known is not None:
            return known
        if len(self.globals) >= _NAMES_LIMIT:
            self.complain(f"it looks up more than {_NAMES_LIMIT} names")
            if classify(module, name).tier is not Tier.ATTACK:
                return _ONE_OF_MANY
        if len(self.globals) >= 2 * _NAMES_LIMIT:
            raise BrokenPickleError(f"byte {self.at}: it looks up more than {_NAMES_LIMIT} harmful names")
        use = self.globals[module, name] = GlobalUse(module, name, self.at)
        if self.memo.has_dropped:
            self.memo.hold((module, name))
        return use

    def conduct_of(self, use: GlobalUse) -> Conduct:
        """What is done with this name."""
        key = use.module, use.name
        return self.conduct.setdefault(key, Conduct()) if key in self.globals else Conduct()

    def blame(self, use: GlobalUse, deed: str) -> None:
        """Remembers that the pickle does this with the name."""
        conduct = self.conduct_of(use)
        conduct.deed = conduct.deed or deed

    def uses(self) -> list[GlobalUse]:
        """Every name looked up, with what was done with it."""
        found = []
        for key, use in self.globals.items():
            conduct = self.conduct.get(key)
            if conduct is not None:
                is_idle = conduct.idle_calls > 0 and not conduct.harmful
                use = replace(use, is_called=conduct.is_called, is_idle=is_idle, deed=conduct.deed)
            found.append(use)
        return found

    def tuple_of(self, items: list[object]) -> object:
        """A tuple of these, with as much in it as somebody may ask for."""
        return small(items) if self.keeps_tables else lean(items)

    def kept_of(self, maker: GlobalUse, args: tuple[object, ...]) -> tuple[object, ...]:
        """The arguments of this maker that anybody will ask for: of an element type its code."""
        if self.keeps_tables:
            return args
        is_dtype = (maker.module, maker.name) == ("numpy", "dtype")
        return args[:1] if is_dtype and args and isinstance(args[0], str | GlobalUse) else ()

    def complain(self, reason: str) -> None:
        """Remembers where a loader would stop although the instructions can be read on."""
        self.complaint = self.complaint or f"byte {self.at}: {reason}"

    def remember(self, index: int) -> None:
        """Stores the top in the memo as well."""
        top = self.pop()
        self.push(top)
        if index > len(self.memo) + _LEAP_LIMIT:
            self.complain(f"storing an object as number {index} takes {index >> 26} GiB of memory")
        self.memo.store(index, top)

    def recall(self, index: int) -> None:
        """Pushes what the memo holds at `index`."""
        try:
            self.push(self.memo.load(index))
        except KeyError:
            raise BrokenPickleError(f"byte {self.at}: memo entry {index} was never stored") from None

    def text(self, data: bytes) -> None:
        """Pushes a string; of a long one only its beginning stays."""
        if len(data) >= SHORTEST:
            self.keep_blob(data)
        if len(data) > _NAME_LIMIT:
            self.push(Constant.of(data))
        elif len(self.stack) > HELD_LIMIT and not self.keeps_tables:
            self.memo.has_dropped = True
            self.push(OPAQUE)
        else:
            self.push(data.decode("utf-8", "backslashreplace"))

    def keep_blob(self, data: bytes, length: int = 0) -> None:
        """Hands on a constant, unless it was handed on when the rest of it was skipped."""
        if self.on_constant is not None and (length or SHORTEST <= len(data) < KEEP_LIMIT):
            self.on_constant(self.at, self.stream.position - len(data), length or len(data), data)

    def decimal(self, line: bytes, base: int = 10) -> int:
        """The whole number that a line spells, as Python reads it: with signs and underscores."""
        digits = line.strip().rstrip(b"L")
        try:
            return int(digits, base) if len(digits) <= 40 else 0
        except ValueError:
            raise BrokenPickleError(f"byte {self.at}: {digits[:20]!r} is not a number") from None
