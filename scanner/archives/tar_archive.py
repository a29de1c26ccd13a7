"""Judges a tar archive, front to back, and hands out its members; `tarfile` reads the headers.

What leads out, links, devices and the like are told as `tarfile.data_filter` would refuse them, and beside
that what makes two readers see two archives: a name or size in an extended header that the plain header
contradicts without need, names that are there twice, and bytes after the end.

Source: PEP 706; POSIX.1-2017, pax; CVE-2025-62518 (a size that only one of two headers has).
"""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, BinaryIO, Final, cast

from scanner.archives.budget import Budget
from scanner.archives.faults import Fault, Faults, Rule, UnpackingError, shown
from scanner.archives.kinds import is_tar
from scanner.archives.members import Member
from scanner.archives.names import leads_out_of, shared_names, text_faults
from scanner.archives.streams import stretch

# Names and extended headers are read in one piece; no honest one comes near this.
_HEADER_BYTES: Final = 1024**2
_CHUNK_BYTES: Final = 256 * 1024
_SHORT_NAME_BYTES: Final = 99
_SMALL_FILE: Final = 8**11  # what the plain header can say
_EXTENDED: Final = (
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)  # fmt: skip
_NOT_GLOBAL: Final = frozenset({"path", "linkpath", "size", "GNU.sparse.name", "GNU.sparse.realsize"})
_SPARSE_FACTOR: Final = 100
_SPARSE_FREE_BYTES: Final = 256 * 1024**2


class _Info(tarfile.TarInfo):
    """A header that remembers what it said before extended headers overruled it."""

    plain_name = ""
    plain_size = 0

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Info:
        info = super().frombuf(buf, encoding, errors)
        info.plain_name, info.plain_size = info.name, info.size
        return info

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _EXTENDED and not 0 <= self.size <= _HEADER_BYTES:
            raise UnpackingError(f"has an extended header of {self.size} bytes", Rule.BOMB)
        if self.size < 0:
            raise UnpackingError(f"has a member of {self.size} bytes")
        return cast(tarfile.TarInfo, super()._proc_member(tar))  # type: ignore[misc]


class _Forward(io.RawIOBase):
    """A stream that cannot go back, as much of it as `tarfile` needs.

    Attributes:
        last: What was read last.
    """

    def __init__(self, stream: BinaryIO, budget: Budget | None) -> None:
        super().__init__()
        self.last = b""
        self._stream, self._budget = stream, budget
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        pieces, left = [], size
        while left > 0 and (piece := self._stream.read(min(left, _CHUNK_BYTES))):
            pieces.append(piece)
            left -= len(piece)
        self.last = b"".join(pieces)
        self._position += len(self.last)
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if self._budget is None:
            self._position = self._stream.seek(offset, whence)
            return self._position
        while self._position < offset:
            count = len(self.read(min(offset - self._position, _CHUNK_BYTES)))
            self._budget.spend(count)
            if not count:
                break
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


class TarArchive:
    """One tar archive.

    Attributes:
        faults: What is wrong with it, as far as it was read.
        names: Of the members read so far.
    """

    def __init__(self, stream: BinaryIO, budget: Budget, *, is_stretch: bool) -> None:
        """Reads `stream` from its position, which is a stretch of a file or can only go forward."""
        self.faults = Faults()
        self.names: list[str] = []
        self._links: set[PurePosixPath] = set()
        self._budget = budget
        self._is_stretch = is_stretch
        self._stream = _Forward(stream, None if is_stretch else budget)

    def members(self) -> Iterator[Member]:
        """The files in it, in order; each must be read before the next is asked for.

        Raises:
            UnpackingError: when it is broken.
        """
        try:
            with tarfile.open(
                fileobj=cast("IO[bytes]", self._stream), mode="r:", tarinfo=_Info, errorlevel=2
            ) as archive:
                for info in archive:
                    archive.members.clear()  # type: ignore[attr-defined]  # it would grow with the archive
                    self._budget.count_member()
                    self._note(cast(_Info, info))
                    if info.isreg():
                        yield self._member(archive, info)
                self._judge_global(archive)
                self._judge_end(archive)
        except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
            raise UnpackingError(f"is a tar archive that cannot be read ({shown(str(error))})") from error
        self.faults.extend(shared_names(self.names))

    def _member(self, archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
        is_stretch = self._is_stretch and not info.issparse()

        def opened() -> BinaryIO:
            if is_stretch:
                return stretch(cast(BinaryIO, self._stream), info.offset_data, info.size)
            return _extracted(archive, info)

        return Member(info.name, info.size, info.size, opened, reopens=is_stretch, is_stretch=is_stretch)

    def _note(self, info: _Info) -> None:
        if info.isreg():
            self.names.append(info.name)
        self.faults.extend(text_faults(info.name))
        self.faults.extend(_contradictions(info))
        self.faults.extend(_special(info))
        _require_few_holes(info)
        if info.issym():
            self._links.add(PurePosixPath(info.name))
        if self._links and not self._links.isdisjoint(PurePosixPath(info.name).parents):
            self.faults.append(
                Fault(Rule.LINK_OUT, info.name, "is written through a link of the same archive")
            )

    def _judge_global(self, archive: tarfile.TarFile) -> None:
        names = sorted(_NOT_GLOBAL.intersection(archive.pax_headers))
        if names:
            text = f"has a global header that changes {', '.join(names)} of every member"
            self.faults.append(Fault(Rule.HEADERS_DIFFER, "", text))

    def _judge_end(self, archive: tarfile.TarFile) -> None:
        """Reads on to the end: a damaged header looks to Python like the end of the archive."""
        piece = self._stream.last
        while piece:
            self._budget.spend(len(piece))
            if piece.strip(b"\0"):
                rule = Rule.HIDDEN_MEMBER if _has_header(piece) else Rule.OUTSIDE_BYTES
                text = f"has more bytes after its end, at {archive.offset}"
                self.faults.append(Fault(rule, "", text))
                return
            piece = self._stream.read(_CHUNK_BYTES)


def _require_few_holes(info: _Info) -> None:
    if info.issparse() and info.size > max(_SPARSE_FREE_BYTES, _SPARSE_FACTOR * info.plain_size):
        name, size = shown(info.name), info.size
        raise UnpackingError(f"unpacks {info.plain_size} bytes to {size} in {name}: all holes", Rule.BOMB)


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    stream = archive.extractfile(info)
    if stream is None:
        raise UnpackingError("is no plain file")
    return cast(BinaryIO, stream)


def _has_header(piece: bytes) -> bool:
    blocks = (piece[place : place + tarfile.BLOCKSIZE] for place in range(0, len(piece), tarfile.BLOCKSIZE))
    return any(is_tar(block) for block in blocks if block.strip(b"\0"))


def _contradictions(info: _Info) -> Iterator[Fault]:
    """Where an extended header overrules what the plain one could have said."""
    if info.issparse():
        return
    is_short = info.name.isascii() and len(info.name) <= _SHORT_NAME_BYTES
    if is_short and info.plain_name.rstrip("/") != info.name.rstrip("/"):
        text = f"is named {shown(info.plain_name)} in its plain header and otherwise in an extended one"
        yield Fault(Rule.HEADERS_DIFFER, info.name, text)
    if info.size != info.plain_size and info.size < _SMALL_FILE and info.isreg():
        text = f"is {info.plain_size} bytes long in its plain header and {info.size} in an extended one"
        yield Fault(Rule.HEADERS_DIFFER, info.name, text)


def _special(info: _Info) -> Iterator[Fault]:
    """What is no plain file, and what `tarfile.data_filter` would not unpack as it is."""
    if info.issym() or info.islnk():
        # The target of a hard link is a member of the archive, not a place beside the link.
        leads_out = leads_out_of(info.name if info.issym() else "", info.linkname)
        yield Fault(
            Rule.LINK_OUT if leads_out else Rule.LINK, info.name, f"is a link to {shown(info.linkname)}"
        )
    elif info.isdev():
        yield Fault(Rule.DEVICE, info.name, "is a device or a pipe")
    elif not info.isreg() and not info.isdir():
        yield Fault(Rule.BROKEN, info.name, "is of a kind that is not known")
    if info.isreg() and info.mode & (stat.S_ISUID | stat.S_ISGID):
        yield Fault(Rule.SETUID, info.name, "would run with the rights of its owner")
