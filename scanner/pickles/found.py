"""What looking for pickles in a file yields.

>>> FileReading(unreadable=[Unreadable("", "is empty")]).is_relevant
True
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.pickles.part import Part
from scanner.pickles.programs import FoundProgram, ReadsPython, reads_nothing
from scanner.pickles.stream import PickleReading


@dataclass(frozen=True)
class FoundPickle:
    """One pickle, or several in a row, and where they lie.

    Attributes:
        member: Path inside the archive, "" for the file itself.
        reading: What they hold.
        is_certain: Whether name or first bytes say that it is a pickle; else only its content does.
    """

    member: str
    reading: PickleReading
    is_certain: bool


@dataclass(frozen=True)
class Unreadable:
    """A part that could not be looked into.

    Attributes:
        member: Path inside the archive, "" for the file itself.
        reason: Why, a clause.
    """

    member: str
    reason: str


@dataclass
class FileReading:
    """Everything found in one file.

    Attributes:
        pickles: What was found.
        programs: What programs in archives do.
        unreadable: Parts that cannot be opened.
        not_fetched: Parts of a file that was read in part, which were not read far enough to tell.
        reads_python: What reads Python source in archives.
    """

    pickles: list[FoundPickle] = field(default_factory=list)
    programs: list[FoundProgram] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    not_fetched: list[Unreadable] = field(default_factory=list)
    reads_python: ReadsPython = reads_nothing

    @property
    def is_relevant(self) -> bool:
        """Whether the file holds, or may hold, a pickle at all, or a program beside one."""
        return bool(self.pickles or self.programs or self.unreadable)


def give_up(part: Part, out: FileReading, reason: str) -> None:
    """Lists a part as one that cannot be looked into, for this reason."""
    out.unreadable.append(Unreadable(part.member, reason))
