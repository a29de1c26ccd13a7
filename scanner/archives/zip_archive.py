"""Judges a zip archive: its two listings, names, flags and checksums, and hands out its members.

What is read here does not go through `zipfile`: that raises on what PyTorch's reader loads (wrong checksums,
wrong flags), and believes the directory alone.

Source: APPNOTE.TXT 6.3.10; PyTorch 2.13, third_party/miniz and caffe2/serialize/inline_container.cc.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from scanner.archives.budget import Budget
from scanner.archives.faults import Fault, Faults, Rule, UnpackingError, shown
from scanner.archives.members import Member
from scanner.archives.names import decoded, leads_out_of, name_faults
from scanner.archives.streams import Content, stretch
from scanner.archives.unpacking import inflated, unbzipped, unlzma
from scanner.archives.zip_directory import ZipDirectory, ZipEntry, read_directory
from scanner.archives.zip_layout import ENCRYPTED, REFUSED_FLAGS, Placed, place_members

STORED: Final = 0
_METHODS: Final[dict[int, Callable[[BinaryIO], BinaryIO]]] = {
    STORED: lambda raw: raw,
    8: inflated,
    12: unbzipped,
    14: unlzma,
}
_SYSTEM_LITTER: Final = ("__MACOSX/", ".DS_Store")
_STRANGERS: Final = 20
_LINK_BYTES: Final = 4096
_CODE: Final = (".pkl", ".py", ".json")


@dataclass(frozen=True)
class TorchLayout:
    """The folders of an archive that hold what PyTorch reads; more than one is odd.

    Attributes:
        roots: Names without the slash.
    """

    roots: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> TorchLayout:
        """The layout of an archive with these members."""
        known = set(names)
        found = {
            name.removesuffix("/data.pkl")
            for name in known
            if name.endswith("/data.pkl") and name.count("/") == 1
        }
        roots = (root for root in found if f"{root}/version" in known or f"{root}/byteorder" in known)
        return cls(tuple(sorted(roots)))

    def strangers(self, names: Sequence[str]) -> Iterator[Fault]:
        """Members outside the one folder that PyTorch reads."""
        if len(self.roots) > 1:
            listed = ", ".join(shown(root) for root in self.roots[:4])
            yield Fault(
                Rule.OUTSIDE_ROOT, "", f"holds several PyTorch archives ({listed}), of which one is read"
            )
        elif self.roots:
            others = (name for name in names if not name.startswith((f"{self.roots[0]}/", *_SYSTEM_LITTER)))
            for name in islice(others, _STRANGERS):
                yield Fault(Rule.OUTSIDE_ROOT, name, "lies outside the folder that PyTorch reads")

    def is_source(self, name: str, names: frozenset[str]) -> bool:
        """Whether a member is source that PyTorch compiles or imports, which others judge."""
        return any(
            name.startswith(f"{root}/code/")
            or (name.startswith(f"{root}/") and f"{root}/.data/extern_modules" in names)
            for root in self.roots
        )

    def is_numbers(self, name: str) -> bool:
        """Whether a member is the raw numbers of a tensor."""
        folder, _, key = name.rpartition("/")
        return key.isdigit() and any(folder in (f"{root}/data", f"{root}/constants") for root in self.roots)


class ZipArchive:
    """One zip archive.

    Attributes:
        faults: What is wrong with it, as far as it was read.
        names: Of all members, in the order of the directory.
        layout: Where PyTorch's folders are in it.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, budget: Budget) -> None:
        self.faults = Faults()
        self._stream = stream
        self._budget = budget
        self._directory: ZipDirectory = read_directory(stream, size_bytes)
        self.faults.extend(self._directory.faults)
        entries = self._directory.entries
        self.names = [decoded(entry.name, entry.flags) for entry in entries]
        self.layout = TorchLayout.of(self.names)
        self.faults.extend(name_faults([entry.name for entry in entries], [entry.flags for entry in entries]))
        self._has_checksums = any(entry.crc for entry in entries if entry.size_bytes)
        self.faults.extend(self.layout.strangers(self.names))
        if self.layout.roots and not self._has_checksums:
            text = "was written without checksums, so that many readers refuse it while PyTorch does not"
            self.faults.append(Fault(Rule.NO_CHECKSUMS, "", text))

    def members(self) -> Iterator[Member]:
        """The files in it that lie where the directory says and can be unpacked, by position."""
        for placed in place_members(self._stream, self._directory, self.faults):
            self._budget.count_member()
            name = decoded(placed.entry.name, placed.entry.flags)
            if self._is_special(placed, name):
                continue
            if not name.endswith("/"):
                yield self._member(placed, name)
            elif placed.entry.size_bytes:
                text = f"is a folder by its name and holds {placed.entry.size_bytes} bytes"
                self.faults.append(Fault(Rule.HIDDEN_MEMBER, name, text))

    def _member(self, placed: Placed, name: str) -> Member:
        entry = placed.entry
        is_stored = entry.method == STORED and entry.packed_bytes == entry.size_bytes
        return Member(
            name, entry.size_bytes, entry.packed_bytes, lambda: self._open(placed),
            judge=lambda content: self._judge(name, entry, content), reopens=True, is_stretch=is_stored,
            is_numbers=self.layout.is_numbers(name), is_encrypted=bool(entry.flags & ENCRYPTED),
        )  # fmt: skip

    def _is_special(self, placed: Placed, name: str) -> bool:
        """Whether it is no plain file or folder."""
        kind = stat.S_IFMT(placed.entry.mode)
        # Zip itself marks what it was given through a pipe as one.
        if kind in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO):
            if placed.entry.mode & (stat.S_ISUID | stat.S_ISGID) and kind == stat.S_IFREG:
                self.faults.append(Fault(Rule.SETUID, name, "would run with the rights of its owner"))
            return False
        if kind != stat.S_IFLNK:
            self.faults.append(Fault(Rule.DEVICE, name, "is a device or a socket"))
            return True
        with self._open(placed) as stream:
            target = stream.read(_LINK_BYTES).decode("utf-8", "backslashreplace")
        rule = Rule.LINK_OUT if leads_out_of(name, target) or self.layout.roots else Rule.LINK
        self.faults.append(Fault(rule, name, f"is a link to {shown(target)}"))
        return True

    def _open(self, placed: Placed) -> BinaryIO:
        entry = placed.entry
        if entry.method not in _METHODS:
            raise UnpackingError(
                f"is packed by method {entry.method}, which is not opened", Rule.UNKNOWN_METHOD
            )
        return _METHODS[entry.method](stretch(self._stream, placed.begin, entry.packed_bytes))

    def _judge(self, name: str, entry: ZipEntry, content: Content) -> Iterator[Fault]:
        is_marked = bool(entry.flags & REFUSED_FLAGS)
        is_right = content.size_bytes == entry.size_bytes and content.crc == entry.crc
        if is_marked and is_right:
            text = "is marked as encrypted or patched and is neither, so that many readers refuse it"
            yield Fault(Rule.WRONG_FLAG, name, text)
        elif is_marked:
            yield Fault(Rule.ENCRYPTED, name, "is encrypted, and was not looked into")
        elif content.size_bytes != entry.size_bytes:
            text = f"unpacks to {content.size_bytes} bytes and says {entry.size_bytes}"
            yield Fault(Rule.WRONG_SIZE, name, text)
        elif not is_right and not (self.layout.roots and not self._has_checksums):
            hides = self.layout.roots and name.endswith(_CODE)
            text = "has a wrong checksum" + (
                ", so that many readers refuse it while PyTorch loads it" if hides else ""
            )
            yield Fault(Rule.HIDING_CHECKSUM if hides else Rule.WRONG_CHECKSUM, name, text)


def read_member(stream: BinaryIO, size_bytes: int, name: str, limit_bytes: int) -> bytes | None:
    """The first member of this name in a zip archive, whatever its checksum and flags; None without one.

    Raises:
        UnpackingError: when the archive or the member cannot be read, or it is longer than `limit_bytes`.
    """
    archive = ZipArchive(stream, size_bytes, Budget())
    if name not in archive.names:
        return None
    found = next((member for member in archive.members() if member.name == name), None)
    if found is None:
        raise UnpackingError("is not where the directory says")
    with found.open() as member:
        data = member.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise UnpackingError(f"is longer than {limit_bytes} bytes, and was not read", Rule.NOT_OPENED)
    return data
