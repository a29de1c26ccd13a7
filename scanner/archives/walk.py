r"""Looks at an archive and at the archives in it, and lists what is wrong, in bounded memory and time.

>>> import io
>>> found = look_into(lambda: io.BytesIO(b"no archive"), "notes.txt", 10)
>>> found.is_archive, found.faults
(False, [])
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import BinaryIO, Final, cast

from scanner.archives.budget import Budget
from scanner.archives.contents import SOURCE_BYTES, content_faults
from scanner.archives.faults import Fault, Rule, UnpackingError, shown
from scanner.archives.kinds import HEAD_BYTES, Kind, kind_of, read_head
from scanner.archives.members import Member, nothing
from scanner.archives.names import gzip_name_faults
from scanner.archives.part import ArchivePart
from scanner.archives.settings import Setting, ends_as_zip, is_tailed, setting_of
from scanner.archives.seven_zip import SevenZipArchive
from scanner.archives.shelf import KEPT_BYTES, Judge, Room, Shelf, is_read_as_whole
from scanner.archives.streams import Content, Counted, joined, metered, read_through
from scanner.archives.tar_archive import TarArchive
from scanner.archives.torch_serve import MANIFEST, REQUIREMENTS, manifest_faults, requirement_faults
from scanner.archives.unpacking import unpacked
from scanner.archives.zip_archive import ZipArchive
from scanner.parts import PartlyReadError
from scanner.zip_rows import zips_in_a_row

_DEPTH: Final = 4
# An archive that has to be sought in, inside a packed one.
_NESTED_BYTES: Final = 128 * 1024**2
_READ_WHOLE: Final = (".py", ".json", ".pth", REQUIREMENTS)


@dataclass
class Found:
    """What looking into a file showed.

    Attributes:
        is_archive: Whether it is an archive or a compressed file at all.
        faults: What is wrong, outermost first.
    """

    is_archive: bool = False
    faults: list[Fault] = field(default_factory=list)


def look_into(
    opener: Callable[[], BinaryIO], name: str, size_bytes: int, judge: Judge = lambda _path, _shelf: None
) -> Found:
    """What is wrong with the archive that `opener` opens at its beginning; nothing when it is none.

    Args:
        opener: Opens the file, as often as it is called.
        name: Of the file.
        size_bytes: Of the file.
        judge: Is handed the files that other checks judge, archive by archive.

    Raises:
        OSError: when the file itself cannot be read.
        PartlyReadError: when not even its beginning and end were fetched.
    """
    walker = _Walker(judge)
    part = ArchivePart(name, "", opener, size_bytes, size_bytes, 0, True, setting_of(name))
    if row := zips_in_a_row(opener, name, size_bytes):
        for number, stretch in enumerate(row, start=1):
            walker.look(part.item(stretch, number), Kind.ZIP)
        return Found(True, walker.faults)
    with closing(opener()) as stream:
        head = read_head(stream)
        kind = kind_of(head, name)
        has_zip_behind = kind is not Kind.ZIP and ends_as_zip(stream, size_bytes, name)
    if kind is not None:
        walker.look(part, kind)
    if kind is Kind.GZIP:
        walker.faults += gzip_name_faults(head)
    if has_zip_behind:
        walker.look(part, Kind.ZIP)
    if has_zip_behind and is_tailed(name, head):
        walker.faults = [fault for fault in walker.faults if fault.member or fault.rule is not Rule.POLYGLOT]
    return Found(kind is not None or has_zip_behind, walker.faults)


class _Walker:
    """Everything that is found in one file."""

    def __init__(self, judge: Judge) -> None:
        self.faults: list[Fault] = []
        self._judge = judge
        self._budget = Budget()
        self._room = Room()
        self._path: list[str] = []
        self._is_stopped = False

    def look(self, part: ArchivePart, kind: Kind) -> None:
        before = len(self.faults)
        self._path.append(part.member)
        try:
            if part.depth > _DEPTH:
                raise UnpackingError(f"is an archive inside {part.depth} others", Rule.TOO_DEEP)
            self._look_by_kind(part, kind)
        except UnpackingError as error:
            self._note(error, "")
        except PartlyReadError as error:
            self._note_not_fetched(error)
        self._path.pop()
        if part.member:
            self.faults[before:] = [
                replace(fault, member=f"{part.member}:{fault.member}".rstrip(":"))
                for fault in self.faults[before:]
            ]

    def _note(self, error: UnpackingError, member: str) -> None:
        self.faults.append(Fault(error.rule, member, str(error)))
        # To go on would cost what the bomb wants to cost.
        self._is_stopped = (
            self._is_stopped or error.rule in (Rule.BOMB, Rule.TOO_DEEP) or self._budget.is_spent
        )

    def _note_not_fetched(self, error: PartlyReadError) -> None:
        fault = Fault(Rule.NOT_FETCHED, "", str(error))
        if fault not in self.faults:
            self.faults.append(fault)

    def _look_by_kind(self, part: ArchivePart, kind: Kind) -> None:
        if kind is Kind.ZIP:
            self._look_into_zip(part)
        elif kind is Kind.TAR:
            with closing(part.open()) as stream:
                tar = TarArchive(stream, self._budget, is_stretch=part.is_stretch)
                self._look_at_members(part, tar.members(), tar.faults)
        elif kind is Kind.SEVEN_ZIP:
            with closing(self._sought(part)) as stream:
                seven = SevenZipArchive(stream, stream.seek(0, io.SEEK_END), self._budget)
                self._look_at_members(replace(part, is_unread=True), seven.members(), seven.faults)
        elif kind in (Kind.RAR, Kind.OTHER):
            what = "a RAR archive" if kind is Kind.RAR else "an archive of a kind"
            text = f"is {what} that nothing here opens: unpack it and look again"
            raise UnpackingError(text, Rule.NOT_OPENED)
        else:
            self._look_into_compressed(part, kind)

    def _sought(self, part: ArchivePart) -> BinaryIO:
        """The part as a stream that can go back, held in memory where it is packed in another one."""
        if part.is_stretch:
            return part.open()
        with closing(part.open()) as stream:
            content = read_through(stream, part.packed_bytes, self._budget, _NESTED_BYTES, most=_NESTED_BYTES)
        if content.size_bytes > _NESTED_BYTES:
            raise UnpackingError(
                f"is an archive of over {_NESTED_BYTES} bytes packed in another: unpack it and look again",
                Rule.NOT_OPENED,
            )
        return io.BytesIO(content.kept)

    def _look_into_zip(self, part: ArchivePart) -> None:
        with closing(self._sought(part)) as stream:
            archive = ZipArchive(stream, stream.seek(0, io.SEEK_END), self._budget)
            setting = Setting.MODEL if archive.layout.roots else part.setting
            setting = Setting.SERVED if MANIFEST in archive.names else setting
            part = replace(part, setting=setting, layout=archive.layout)
            self._look_at_members(part, archive.members(), archive.faults, archive.names)

    def _look_at_members(
        self, part: ArchivePart, members: Iterator[Member], faults: Iterable[Fault], names: Iterable[str] = ()
    ) -> None:
        siblings = frozenset(names)
        shelf = Shelf(part.name, part.setting, is_unread=part.is_unread, room=self._room)
        try:
            for member in members:
                if self._is_stopped:
                    return
                self._look_at_member(part, member, siblings, shelf)
        finally:
            self.faults += faults
        self._hand_over(shelf)

    def _hand_over(self, shelf: Shelf) -> None:
        if shelf.kept and not self._is_stopped:
            self._judge(":".join(filter(None, self._path)), shelf)

    def _look_at_member(
        self, part: ArchivePart, member: Member, siblings: frozenset[str], shelf: Shelf
    ) -> None:
        try:
            with closing(member.open()) as stream:
                head = stream.read(HEAD_BYTES)
                kind = None if member.is_numbers else kind_of(head, member.name)
                if kind is not None:
                    self._look_at_nested(part, self._nested(member, stream, head, shelf), kind)
                    return
                is_kept = not member.is_numbers and shelf.wants(member.name)
                content = self._read(member, stream, head, is_kept=is_kept)
                self.faults += self._judged(part, member, content, siblings)
                if is_kept:
                    shelf.put(member, content)
        except tarfile.TarError as error:
            self._note(UnpackingError(f"cannot be read ({shown(str(error))})"), member.name)
        except UnpackingError as error:
            if member.is_encrypted and error.rule is Rule.BROKEN:
                error = UnpackingError("is encrypted, and was not looked into", Rule.ENCRYPTED)
            self._note(error, member.name)
        except PartlyReadError as error:
            self._note_not_fetched(error)

    def _nested(self, member: Member, stream: BinaryIO, head: bytes, shelf: Shelf) -> Member:
        """An archive inside this one, so that it can be read from its beginning."""
        is_kept = shelf.wants(member.name)
        if member.reopens:
            if is_kept:
                shelf.put(member, Content(-1, 0, b""))
            return member
        if not is_kept:
            return replace(member, open=lambda: joined(head, stream))
        content = self._read(member, stream, head, is_kept=True)
        shelf.put(member, content)
        return replace(member, open=lambda: io.BytesIO(content.kept), is_stretch=True)

    def _look_at_nested(self, part: ArchivePart, member: Member, kind: Kind) -> None:
        setting = setting_of(member.name)
        setting = part.setting if setting is Setting.OTHER else setting
        nested = ArchivePart(
            member.name, member.name, member.open, member.size_bytes, member.packed_bytes, part.depth + 1,
            member.is_stretch, setting, is_unread=part.is_unread and not is_read_as_whole(member.name),
        )  # fmt: skip
        self.look(nested, kind)

    def _look_into_compressed(self, part: ArchivePart, kind: Kind) -> None:
        # Pickles in these two are looked for under few names alone.
        part = replace(part, is_unread=part.is_unread or kind in (Kind.ZLIB, Kind.LZMA))
        stem = part.name.removesuffix(PurePosixPath(part.name).suffix)
        with closing(part.open()) as raw:
            packed = Counted(raw)
            stream = metered(unpacked(kind, cast(BinaryIO, packed)), packed, self._budget)
            head = stream.read(HEAD_BYTES)
            inner = kind_of(head, stem)
            shelf = Shelf(part.name, part.setting, is_unread=part.is_unread, room=self._room)
            member = Member(PurePosixPath(stem).name, 0, part.packed_bytes, lambda: stream)
            if inner is None:
                self._look_at_packed(part, member, head, stream, shelf)
            else:
                source = self._nested(member, stream, head, shelf)
                # A packed tar is one archive to whoever uses it.
                depth = part.depth + (inner is not Kind.TAR)
                nested = ArchivePart(
                    stem, "", source.open, part.size_bytes, part.packed_bytes, depth, source.is_stretch,
                    part.setting, is_unread=part.is_unread,
                )  # fmt: skip
                self.look(nested, inner)
            self._hand_over(shelf)

    def _look_at_packed(
        self, part: ArchivePart, member: Member, head: bytes, stream: BinaryIO, shelf: Shelf
    ) -> None:
        """One file that is packed by itself."""
        is_kept = shelf.wants(member.name)
        content = self._read(member, stream, head, is_kept=is_kept)
        self.faults += content_faults(member.name, content.kept, part.setting, frozenset())
        if is_kept:
            shelf.put(member, content)

    def _read(self, member: Member, stream: BinaryIO, head: bytes, *, is_kept: bool) -> Content:
        """What is in a member; of a tensor, or of what has no checksum, no more than has to be read."""
        keep = SOURCE_BYTES if member.name.endswith(_READ_WHOLE) else HEAD_BYTES
        keep = KEPT_BYTES if is_kept and not member.is_stretch and not member.reopens else keep
        if member.is_stretch:
            self._budget.stored_left -= member.size_bytes
            if member.judge is nothing or self._budget.stored_left < 0:
                return Content(-1, 0, head + stream.read(keep - len(head)) if keep > len(head) else head)
        return read_through(stream, member.packed_bytes, self._budget, keep, head)

    def _judged(
        self, part: ArchivePart, member: Member, content: Content, siblings: frozenset[str]
    ) -> Iterator[Fault]:
        if content.size_bytes >= 0 and member.is_whole:
            yield from member.judge(content)
        if member.is_numbers:
            return
        if member.name == MANIFEST:
            yield from manifest_faults(content.kept, siblings)
        elif part.setting is Setting.SERVED and member.name == REQUIREMENTS:
            yield from requirement_faults(member.name, content.kept, member.size_bytes)
        elif part.layout is None or not part.layout.is_source(member.name, siblings):
            yield from content_faults(member.name, content.kept, part.setting, siblings, self._budget)
