"""The files of one archive that other checks judge, kept in reach until it has been read.

>>> shelf = Shelf("bundle.zip", Setting.OTHER, is_unread=False, room=Room())
>>> shelf.wants("sub/model.onnx"), shelf.wants("notes.txt")
(True, False)
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from scanner.archives.faults import Rule, UnpackingError
from scanner.archives.members import Member
from scanner.archives.settings import Setting
from scanner.archives.streams import Content

# One file, and all of a file together, that are held in memory.
KEPT_BYTES: Final = 64 * 1024**2
_ROOM_BYTES: Final = 128 * 1024**2
# Models that no check of archives understands, and the texts that say what is to be loaded.
_JUDGED: Final = frozenset({
    ".keras", ".h5", ".hdf5", ".pb", ".pbtxt", ".onnx", ".tflite", ".gguf", ".safetensors", ".skops", ".json",
    ".jinja", ".jinja2", ".yaml", ".yml", ".pmml", ".xml", ".py", ".msgpack", ".mlmodel", ".rds", ".rda",
    ".rdata", ".jls", ".ser", ".engine", ".trt", ".plan", ".rknn", ".hef", ".dlc", ".blob",
})  # fmt: skip
# Archives of which a check of their own reads everything.
_READ_AS_WHOLE: Final = frozenset({".keras", ".skops", ".npz", ".pt", ".pth", ".ckpt", ".ptl"})


@dataclass(frozen=True)
class Kept:
    """One file out of an archive.

    Attributes:
        name: Path inside the archive.
        size_bytes: Its length.
        open: Opens it at its beginning, as often as needed while the archive is being looked at.
    """

    name: str
    size_bytes: int
    open: Callable[[], BinaryIO]


@dataclass
class Room:
    """How many bytes may still be held in memory, for all archives in a file together."""

    bytes_left: int = _ROOM_BYTES


class Shelf:
    """What of one archive is kept.

    Attributes:
        is_unread: Whether no other check looks into archives of this kind, so that everything is kept.
        kept: So far.
    """

    def __init__(self, archive_name: str, setting: Setting, *, is_unread: bool, room: Room) -> None:
        self.is_unread = is_unread
        self.kept: list[Kept] = []
        self._room = room
        is_bundle = setting is not Setting.PACKAGE and not is_read_as_whole(archive_name)
        self._is_open = is_unread or is_bundle

    def wants(self, name: str) -> bool:
        """Whether a member of this name is to be kept."""
        return self._is_open and (self.is_unread or PurePosixPath(name.lower()).suffix in _JUDGED)

    def put(self, member: Member, content: Content) -> None:
        """Keeps a member that has been read, of which `content` holds as much as may be kept.

        Raises:
            UnpackingError: when it is too long to be held.
        """
        size_bytes = member.size_bytes if content.size_bytes < 0 else content.size_bytes
        if member.is_stretch:
            self.kept.append(Kept(member.name, size_bytes, member.open))
        elif size_bytes > KEPT_BYTES or not member.is_whole:
            text = f"is a file of {size_bytes} bytes packed in an archive: unpack it and look again"
            raise UnpackingError(text, Rule.NOT_OPENED)
        elif member.reopens:
            self.kept.append(Kept(member.name, size_bytes, lambda: _in_memory(member)))
        else:
            self._room.bytes_left -= size_bytes
            if self._room.bytes_left < 0:
                text = f"is one of several files of more than {_ROOM_BYTES} bytes together: unpack them"
                raise UnpackingError(text, Rule.NOT_OPENED)
            self.kept.append(Kept(member.name, size_bytes, lambda: io.BytesIO(content.kept)))


def is_read_as_whole(archive_name: str) -> bool:
    """Whether a check of its own reads everything in an archive of this name."""
    return PurePosixPath(archive_name.lower()).suffix in _READ_AS_WHOLE


def _in_memory(member: Member) -> BinaryIO:
    with member.open() as stream:
        return io.BytesIO(stream.read(KEPT_BYTES))


# Is handed what is kept of one archive: where it lies in the file, "" for the file itself, and its files.
Judge = Callable[[str, Shelf], None]
