"""One member of an archive, whatever the archive is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from scanner.archives.faults import Fault
from scanner.archives.streams import Content


def nothing(_: Content) -> Iterable[Fault]:
    """Of an archive that has no checksums."""
    return ()


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        name: Path inside it, as Python reads it.
        size_bytes: Its length, as the archive says.
        packed_bytes: What it takes in the archive.
        open: Opens it at its beginning; of an archive that is read front to back, once and in its turn.
        judge: What reading it to its end shows of what the archive says about it.
        reopens: Whether `open` works more than once.
        is_stretch: Whether it is a stretch of the file itself, which can be sought in.
        is_numbers: Whether it is a tensor's raw numbers, which are no file of any kind.
        is_encrypted: Whether it is marked so.
        is_whole: Whether `open` gives all of it.
    """

    name: str
    size_bytes: int
    packed_bytes: int
    open: Callable[[], BinaryIO]
    judge: Callable[[Content], Iterable[Fault]] = nothing
    reopens: bool = False
    is_stretch: bool = False
    is_numbers: bool = False
    is_encrypted: bool = False
    is_whole: bool = True
