"""What the instructions of a pickle do that push values: numbers, text, bytes and names.

>>> import io
>>> from scanner.pickles.stream import ByteStream
>>> machine = Machine(ByteStream(io.BytesIO()))
>>> LITERALS["SHORT_BINUNICODE"](machine, b"os")
>>> machine.pop()
'os'

Source: the pickletools module of CPython 3.11 and PEP 3154, PEP 574.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Final

from scanner.pickles.machine import Machine
from scanner.pickles.stand_ins import OPAQUE, Changeable, Constant
from scanner.pickles.stream import HIDDEN, BrokenPickleError

# Runs long enough that nobody asks for the numbers in them: shapes and arguments are shorter.
_FLOATS: Final = re.compile(rb"(?:G[\x00-\xff]{8}){16,}")
_INTEGERS: Final = {
    1: (b"K", re.compile(rb"(?:K[\x00-\xff]){64,}")),
    2: (b"M", re.compile(rb"(?:M[\x00-\xff]{2}){64,}")),
    4: (b"J", re.compile(rb"(?:J[\x00-\xff]{4}){64,}")),
}

Step = Callable[[Machine, bytes], object]


def little(argument: bytes) -> int:
    """The whole number that these bytes are, without a sign."""
    return int.from_bytes(argument, "little")


def _protocol(machine: Machine, argument: bytes) -> None:
    if argument[0] > pickle.HIGHEST_PROTOCOL:  # read on: a loader of tomorrow may know it
        machine.complain(f"pickle protocol {argument[0]} does not exist")
    machine.has_proto = True


def _integer(machine: Machine, argument: bytes) -> None:
    machine.stack.append(int.from_bytes(argument, "little", signed=len(argument) > 2))
    data, at = machine.stream.data, machine.stream.at
    if data[at : at + 1] == _INTEGERS[len(argument)][0]:
        _pass_run(machine, _INTEGERS[len(argument)][1], len(argument) + 1)


def _float(machine: Machine, _: bytes) -> None:
    machine.stack.append(OPAQUE)
    _pass_run(machine, _FLOATS, 9)


def _pass_run(machine: Machine, run: re.Pattern[bytes], width: int) -> None:
    """Reads a run of equal instructions at once: a list of a million numbers has little else."""
    stream = machine.stream
    found = run.match(stream.data, stream.at)
    if found is not None:
        count = (found.end() - stream.at) // width
        stream.at = found.end()
        machine.stack.extend([OPAQUE] * count)
        machine.opcodes += count


def _line_integer(machine: Machine, argument: bytes) -> None:
    try:
        machine.push(machine.decimal(argument, 0))
    except BrokenPickleError:  # "01" and "010" are numbers to some loaders
        machine.push(OPAQUE)


def _quoted(machine: Machine, argument: bytes) -> None:
    inner = argument.strip()[1:-1]
    machine.text(inner.decode("unicode_escape", "replace").encode("utf-8", "backslashreplace"))


def _escaped(machine: Machine, argument: bytes) -> None:
    machine.text(argument.decode("raw_unicode_escape", "replace").encode("utf-8", "backslashreplace"))


def _bytes(machine: Machine, argument: bytes) -> None:
    machine.keep_blob(argument)
    machine.push(Constant.of(argument))


def _changeable_bytes(machine: Machine, argument: bytes) -> None:
    machine.keep_blob(argument)
    machine.push(Changeable())


def look_up(machine: Machine, argument: bytes) -> None:
    """Pushes the global that two lines spell."""
    module, _, name = argument.partition(b"\n")
    machine.look_up(module.decode("utf-8", "backslashreplace"), name.decode("utf-8", "backslashreplace"))


def _stack_global(machine: Machine, _: bytes) -> None:
    name, module = machine.pop(), machine.pop()
    if isinstance(name, str) and isinstance(module, str):
        machine.look_up(module, name)
    elif machine.memo.has_dropped:
        raise BrokenPickleError(f"byte {machine.at}: it keeps more strings than are held to find a name in")
    else:
        machine.look_up(HIDDEN, HIDDEN)


def _extension(machine: Machine, argument: bytes) -> None:
    machine.look_up(HIDDEN, f"extension code {little(argument)}")


def _push_opaque(machine: Machine, _: bytes) -> None:
    machine.stack.append(OPAQUE)


LITERALS: Final[dict[str, Step]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2"), _integer),
    **dict.fromkeys(("LONG1", "LONG4"), lambda m, a: m.push(int.from_bytes(a[:64], "little", signed=True))),
    **dict.fromkeys(("INT", "LONG"), _line_integer),
    **dict.fromkeys(("FLOAT", "NEWTRUE", "NEWFALSE"), _push_opaque),
    "BINFLOAT": _float,
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET", "NEXT_BUFFER"), _push_opaque),
    "STRING": _quoted,
    "UNICODE": _escaped,
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), lambda m, a: m.text(a)),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), lambda m, a: m.text(a)),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), _bytes),
    "BYTEARRAY8": _changeable_bytes,
    "PROTO": _protocol,
    "NONE": lambda m, _: m.stack.append(None),
    "GLOBAL": look_up,
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
}
