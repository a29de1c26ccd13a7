"""Pickle streams put together opcode by opcode; none of them is ever loaded."""

from __future__ import annotations

import struct
from typing import Final

from tests.assets.file_corpus.files import ECHO

STOP: Final = b"."
MARK: Final = b"("


def text(value: str) -> bytes:
    """BINUNICODE, or the short form."""
    data = value.encode()
    if len(data) < 256:
        return b"\x8c" + bytes([len(data)]) + data
    return b"X" + struct.pack("<I", len(data)) + data


def raw(value: bytes) -> bytes:
    """BINBYTES, or the short form."""
    if len(value) < 256:
        return b"C" + bytes([len(value)]) + value
    return b"B" + struct.pack("<I", len(value)) + value


def glob(module: str, name: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{name}\n".encode()


def stack_glob(module: str, name: str) -> bytes:
    """STACK_GLOBAL of two strings."""
    return text(module) + text(name) + b"\x93"


def reduce(callable_: bytes, *arguments: bytes) -> bytes:
    """Calls with these arguments, leaving the result."""
    return callable_ + MARK + b"".join(arguments) + b"tR"


def call(module: str, name: str, *arguments: bytes, protocol: int = 4) -> bytes:
    """A whole pickle that would call module.name with these (or the usual) arguments."""
    found = glob(module, name) if protocol < 4 else stack_glob(module, name)
    body = reduce(found, *(arguments or (text(ECHO),)))
    return (b"\x80" + bytes([protocol]) if protocol >= 2 else b"") + body + STOP


def old_call(module: str, name: str, argument: str = ECHO) -> bytes:
    """The same in protocol 0, printable."""
    return f"c{module}\n{name}\n(S'{argument}'\ntR.".encode()


def framed(body: bytes) -> bytes:
    """Protocol 4 with a frame around `body`, which ends in STOP."""
    return b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body


def hello() -> bytes:
    """A pickle of {'hello': 'world'}."""
    return b"\x80\x04}" + text("hello") + text("world") + b"s."


def in_dict(value: bytes) -> bytes:
    """A pickle of a dict as trainers save it, with `value` (opcodes that leave one object) in it."""
    return (
        b"\x80\x04}" + MARK + text("epoch") + b"K\x03" + text("extra") + value + text("lr")
        + b"G" + struct.pack(">d", 0.001) + b"u."
    )  # fmt: skip
