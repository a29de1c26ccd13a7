"""Looks into the members of an archive that are programs and no pickles.

>>> import io
>>> out = FileReading()
>>> source = Part("m.pt", "n/code/m.py", lambda: io.BytesIO(b'torch.save(x, "/tmp/x")'), 23, 1)
>>> look_into_program(source, source.member, frozenset({"n/data.pkl", "n/constants.pkl"}), out)
>>> [found.what for found in out.programs]
["calls 'save', which writes a file"]
"""

from __future__ import annotations

from collections.abc import Set
from contextlib import closing

from scanner.pickles.exported_programs import (
    EXPORT_LIMIT_BYTES,
    ExportedProgramError,
    is_exported_program,
    is_native_code,
    judge_exported_program,
)
from scanner.pickles.found import FileReading, give_up
from scanner.pickles.globals import Tier
from scanner.pickles.mobile_programs import is_bytecode, judge_bytecode
from scanner.pickles.part import Part
from scanner.pickles.programs import (
    SOURCE_LIMIT_BYTES,
    FoundProgram,
    is_of_torch,
    is_torchscript,
    packaged_calls,
    torchscript_calls,
)
from scanner.pickles.stream import UNPACKING_ERRORS


def look_into_program(part: Part, member: str, members: Set[str], out: FileReading) -> None:
    """Lists what a program in an archive does.

    Args:
        part: A member of an archive.
        member: Its name there, as the archive has it.
        members: The names of all.
        out: Where it is listed.
    """
    if is_exported_program(member, members):
        _look_into_exported(part, out)
    elif is_native_code(member):
        what = "is native code, or source of it, which loading the archive runs"
        out.programs.append(FoundProgram(part.member, 0, what, Tier.INSTANCE))
    elif is_bytecode(member):
        _look_into_bytecode(part, out)
    elif member.endswith(".py") and is_of_torch(members):
        _look_into_source(part, members, out)


def _look_into_exported(part: Part, out: FileReading) -> None:
    data = _content(part, EXPORT_LIMIT_BYTES)
    try:
        out.programs.extend(judge_exported_program(part.member, data or b""))
    except ExportedProgramError as error:
        if data is not None:
            give_up(part, out, str(error))


def _look_into_bytecode(part: Part, out: FileReading) -> None:
    try:
        with closing(part.open()) as stream:
            out.programs.extend(judge_bytecode(part.member, stream))
    except UNPACKING_ERRORS:
        return  # the part was listed as one that cannot be unpacked


def _look_into_source(part: Part, members: Set[str], out: FileReading) -> None:
    """Source code that torch compiles or runs."""
    source = _content(part, SOURCE_LIMIT_BYTES)
    if source is None:
        return
    if len(source) > SOURCE_LIMIT_BYTES:
        give_up(part, out, f"is source code of more than {SOURCE_LIMIT_BYTES} bytes")
    elif is_torchscript(part.name_in_archive, members):
        out.programs.extend(torchscript_calls(part.member, source))
    else:
        out.programs.extend(packaged_calls(part.member, source, out.reads_python))


def _content(part: Part, limit_bytes: int) -> bytes | None:
    """The content, of a longer one one byte more than the limit; None when it cannot be unpacked."""
    try:
        with closing(part.open()) as stream:
            return stream.read(limit_bytes + 1)
    except UNPACKING_ERRORS:
        return None  # the part was listed as one that cannot be unpacked
