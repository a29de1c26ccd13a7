"""A file, or a member of an archive, that may hold pickles.

>>> import io
>>> archive = Part("model.zip", "", lambda: io.BytesIO(b"..."), 3, 0)
>>> archive.inner("a/data.pkl", lambda: io.BytesIO(b"N."), 2).suffix
'.pkl'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final

_SHOWN_LIMIT: Final = 200


@dataclass(frozen=True)
class Part:
    """Something that can be opened from the beginning as often as needed.

    Attributes:
        name: The file, as the model calls it.
        member: Path inside the archive, "" for the file itself.
        open: Opens it at its beginning.
        size_bytes: Its length as far as it is known, else 0.
        depth: How many archives and compressions it lies in.
    """

    name: str
    member: str
    open: Callable[[], BinaryIO]
    size_bytes: int
    depth: int

    @property
    def suffix(self) -> str:
        """The ending of its own name."""
        return PurePosixPath(self.member or self.name).suffix.lower()

    @property
    def name_in_archive(self) -> str:
        """Its path in the innermost archive."""
        return self.member.rpartition(":")[2]

    def inner(self, name: str, opener: Callable[[], BinaryIO], size_bytes: int) -> Part:
        """A part of this part."""
        shown = readable(name)
        member = f"{self.member}:{shown}" if self.member else shown
        return Part(self.name, member, opener, size_bytes, self.depth + 1)


def readable(name: str) -> str:
    """A name out of an archive, without what a terminal would act on, and of a long one its two ends."""
    shown = name if name.isprintable() else ascii(name)[1:-1]
    if len(shown) <= _SHOWN_LIMIT:
        return shown
    return f"{shown[: _SHOWN_LIMIT // 2]}...{shown[-_SHOWN_LIMIT // 2 :]}"
