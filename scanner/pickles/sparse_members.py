"""Reads what the sparse tensors of a pickle in an archive are made of, and marks those that reach out.

>>> out = FileReading()
>>> mark(out, "m/data.pkl", "its indices lie outside")  # no pickle there names them
>>> out.pickles
[]
"""

from __future__ import annotations

import zipfile
from contextlib import closing
from dataclasses import replace

from scanner.pickles.found import FileReading, give_up
from scanner.pickles.part import Part
from scanner.pickles.sparse_tensors import MAKER, UNCOMPARED, NotComparableError, fault_of_sparse_tensors
from scanner.pickles.stream import UNPACKING_ERRORS


def look_into_sparse(part: Part, archive: zipfile.ZipFile, member: str, out: FileReading) -> None:
    """Holds indices against sizes, and lists the part as one that was not judged where that fails.

    Args:
        part: The pickle.
        archive: Where it lies.
        member: Its name there, as the archive has it.
        out: Where its reading is, which is marked.
    """
    folder = member.rpartition("/")[0]

    def stored(key: str, limit_bytes: int) -> bytes:
        if f"{folder}/byteorder" in archive.namelist() and archive.read(f"{folder}/byteorder") != b"little":
            raise NotComparableError("its numbers are not little-endian")
        with archive.open(f"{folder}/data/{key}") as entry:
            return entry.read(limit_bytes)

    try:
        with closing(part.open()) as stream:
            fault = fault_of_sparse_tensors(stream, stored)
    except KeyError:
        give_up(part, out, f"{UNCOMPARED}: they are not stored beside it")
    except (NotComparableError, *UNPACKING_ERRORS) as error:
        give_up(part, out, f"{UNCOMPARED}: {error}")
    else:
        mark(out, part.member, fault)


def mark(out: FileReading, member: str, fault: str) -> None:
    """Notes in the reading of a member what its sparse tensors do; "" for nothing."""
    for index, found in enumerate(out.pickles):
        if fault and found.member == member:
            uses = tuple(
                replace(use, deed=fault) if use.path == MAKER else use for use in found.reading.globals
            )
            out.pickles[index] = replace(found, reading=replace(found.reading, globals=uses))
