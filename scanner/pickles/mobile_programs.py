r"""Judges the operators that a mobile TorchScript program calls, by the table in its `bytecode.pkl`.

The interpreter on phones runs this bytecode and never looks at the source beside it. Every operator stands
there as a tuple of its name, its overload and the number of its arguments.

Source: torch 2.13, torch/csrc/jit/mobile/import.cpp, torch/csrc/jit/mobile/parse_bytecode.cpp.

>>> import io
>>> table = b"\x80\x02X\x0f\x00\x00\x00aten::from_fileX\x00\x00\x00\x00K\x03\x87."
>>> [found.what for found in judge_bytecode("m/bytecode.pkl", io.BytesIO(table))]
["calls 'from_file', which maps a file into memory, and can write it"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from scanner.pickles.globals import Tier
from scanner.pickles.instructions import run
from scanner.pickles.machine import Machine
from scanner.pickles.programs import FoundProgram
from scanner.pickles.stream import BrokenPickleError, ByteStream
from scanner.pickles.torch_operators import judge_operation

# Source: torch/csrc/jit/serialization/mobile_bytecode.fbs, file_identifier.
_FLATBUFFER_MARK: Final = b"PTMF"
_NAME: Final = "bytecode.pkl"
_PATIENCE: Final = 10_000_000
_OPERATORS_LIMIT: Final = 20_000
_OPERATOR: Final = re.compile(r"(\w*)::(\w+)")


@dataclass
class _Listing(Machine):
    """A machine that notes the operators among the tuples it makes."""

    operators: dict[str, None] = field(default_factory=dict)

    def tuple_of(self, items: list[object]) -> object:
        """A tuple of these."""
        first = items[0] if 2 <= len(items) <= 3 else None  # old programs do not count the arguments
        if isinstance(first, str) and "::" in first and len(self.operators) < _OPERATORS_LIMIT:
            self.operators[first] = None
        return super().tuple_of(items)


def is_bytecode(member: str) -> bool:
    """Whether this member of an archive is what the mobile interpreter runs."""
    # torch finds it in upper case as well.
    return member.rpartition("/")[2].lower() == _NAME


def is_mobile_flatbuffer(head: bytes) -> bool:
    """Whether this is the beginning of a mobile program in FlatBuffers."""
    return head[4:8] == _FLATBUFFER_MARK


def judge_bytecode(member: str, stream: BinaryIO) -> Iterator[FoundProgram]:
    """The operators that reach out of the program, or that no torch brings by itself, the worst first."""
    machine = _Listing(ByteStream(stream), keeps_tables=True, patience=_PATIENCE)
    with suppress(BrokenPickleError):  # whoever reads it as a pickle says so
        run(machine)
    names = filter(None, map(_OPERATOR.fullmatch, machine.operators))
    found = dict.fromkeys(said for name in names if (said := judge_operation(name[1], name[2])))
    for tier, what in sorted(found, key=lambda said: said[0] is not Tier.ATTACK):
        yield FoundProgram(member, 0, what, tier)
