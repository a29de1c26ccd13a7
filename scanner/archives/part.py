"""An archive, or what may be one, on the way through a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from scanner.archives.settings import Setting
from scanner.archives.zip_archive import TorchLayout
from scanner.zip_rows import Stretch


@dataclass(frozen=True)
class ArchivePart:
    """One archive of a file.

    Attributes:
        name: Of the file, or what is left of it without the ending of a compression.
        member: What it is called inside of the archive around it, "" for the file.
        open: Opens it at its beginning.
        size_bytes: Unpacked, as far as it is known.
        packed_bytes: As it lies in the archive around it.
        depth: How many archives it lies in.
        is_stretch: Whether it is a stretch of the file itself, which can be sought in.
        setting: What the archive is for.
        layout: Of an archive of torch, where its parts lie.
        is_unread: Whether it lies in an archive that no other check opens.
    """

    name: str
    member: str
    open: Callable[[], BinaryIO]
    size_bytes: int
    packed_bytes: int
    depth: int
    is_stretch: bool
    setting: Setting
    layout: TorchLayout | None = None
    is_unread: bool = False

    def item(self, stretch: Stretch, number: int) -> ArchivePart:
        """One archive of a row of them that the file is."""
        size_bytes = stretch.end - stretch.begin
        member = f"item {number}"
        return replace(
            self, member=member, open=lambda: stretch.open(self.open), size_bytes=size_bytes,
            packed_bytes=size_bytes,
        )  # fmt: skip
