r"""Programs inside the archives of torch: TorchScript, and the Python source of `torch.package`.

TorchScript is a language of its own without `import`, but some operations of torch that it can call write
files, map them into memory, or load native libraries. The names of those are looked for in its source.
Source of `torch.package` is Python, which loading runs.

>>> [found.what for found in torchscript_calls("code/m.py", b"def f(x):\n  ops.aten.save(x, \"/tmp/x\")\n")]
["calls 'save', which writes a file"]
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, replace
from typing import Final

from scanner.pickles.globals import Tier
from scanner.pickles.stream import PickleReading
from scanner.pickles.torch_operators import REACHING_OUT

SOURCE_LIMIT_BYTES: Final = 8 * 1024**2
_FINDINGS_LIMIT: Final = 5
# The package of a program's classes, and the pickles that may name them. Source: torch.jit, version 2.13.
_SCRIPTS: Final = "__torch__"
_CONSTANTS: Final = "constants.pkl"
_SCRIPT_PICKLES: Final = frozenset({"data.pkl", _CONSTANTS, "bytecode.pkl", "attributes.pkl"})
# Between its tokens TorchScript takes spaces, comments and joined lines.
_GAP: Final = rb"(?:[\s\\]|#[^\n]*\n)*"
_NAME: Final = rb"(" + b"|".join(name.encode() for name in REACHING_OUT) + rb")\b"
_DOT: Final = _GAP + rb"\." + _GAP
# Methods of the program itself may have such names too, but stand below others than these.
_CALL: Final = re.compile(rb"\b(?:torch|ops(?:" + _DOT + rb"\w+)?)" + _DOT + _NAME)
# `getattr(torch, "save")` is the same.
_BY_NAME: Final = re.compile(rb"getattr" + _GAP + rb"\([^()]*['\"]" + _NAME)


# Finds in Python source what needs an explanation: lines, and what happens there.
ReadsPython = Callable[[bytes], Iterable[tuple[int, str]]]


def reads_nothing(source: bytes) -> Iterable[tuple[int, str]]:
    """Finds nothing, for whoever asks for pickles only."""
    return ()


@dataclass(frozen=True)
class FoundProgram:
    """What a program in an archive does.

    Attributes:
        member: Path inside the archive.
        line: 1-based; 0 for the whole.
        what: What it does, a clause: "calls 'save', which writes a file".
        tier: How bad that is.
    """

    member: str
    line: int
    what: str
    tier: Tier


def is_torchscript(member: str, members: Set[str]) -> bool:
    """Whether this is the source of a TorchScript program, by its place beside the program's constants."""
    folder, found, _ = member.partition("/code/")
    return bool(found) and f"{folder}/{_CONSTANTS}" in members


def resolves_scripts(member: str, members: Set[str]) -> bool:
    """Whether torch finds the classes of this pickle in the TorchScript program of its archive."""
    folder, _, name = member.rpartition("/")
    return name in _SCRIPT_PICKLES and f"{folder}/{_CONSTANTS}" in members


def with_scripts(reading: PickleReading) -> PickleReading:
    """The same reading, its classes of TorchScript marked as such."""
    uses = (replace(use, is_scripted=use.module.partition(".")[0] == _SCRIPTS) for use in reading.globals)
    return replace(reading, globals=tuple(uses))


def is_of_torch(members: Set[str]) -> bool:
    """Whether an archive of these members is one that torch reads."""
    return any(name.endswith(("/data.pkl", "/.data/version", "/.data/extern_modules")) for name in members)


def torchscript_calls(member: str, source: bytes) -> Iterator[FoundProgram]:
    """Calls of operations that reach out of the program."""
    sites = (found for pattern in (_CALL, _BY_NAME) for found in pattern.finditer(source))
    for found in itertools.islice(sites, _FINDINGS_LIMIT):
        name = found[1].decode("ascii")
        line = source.count(b"\n", 0, found.start()) + 1
        yield FoundProgram(member, line, f"calls '{name}', which {REACHING_OUT[name]}", Tier.ATTACK)


def packaged_calls(member: str, source: bytes, read: ReadsPython) -> Iterator[FoundProgram]:
    """What Python source does that loading would run; that there is any is for a person to read."""
    grave = list(itertools.islice(read(source), _FINDINGS_LIMIT))
    for line, what in grave:
        yield FoundProgram(member, line, what, Tier.ATTACK)
    if not grave:
        yield FoundProgram(member, 0, "is Python source, which loading the archive may run", Tier.INSTANCE)
