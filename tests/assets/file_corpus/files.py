"""One case of the corpus: what is written, what is to be said of it, and why."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ATTACK: Final = "attack"
NOT_READABLE: Final = "not_readable"
REVIEW: Final = "needs_class_instance"
PLAIN: Final = "plain_data"

ECHO: Final = "echo weighbridge"
# Named by payloads that would write; nothing here is ever run, and a test looks that it is not there.
MARKER: Final = "/tmp/weighbridge-marker-never-written"


@dataclass(frozen=True)
class Case:
    """A file, or a repository of files, with what a scanner should say of it.

    Attributes:
        path: Where it is written, relative; a folder when there are several files.
        content: The bytes, or file names in the folder to bytes.
        verdicts: Any of these is right; of a repository, for its worst file.
        label: "malicious", "malformed", "tampered" (weights that no training leaves) or "benign".
        technique: The group it is counted in.
        note: What it does, or why it is fine.
        holes: Bytes that the file is made longer by, sparse on disk.
    """

    path: str
    content: bytes | Mapping[str, bytes]
    verdicts: frozenset[str]
    label: str
    technique: str
    note: str
    holes: int = 0

    def write(self, folder: Path) -> None:
        """Writes it under `folder`."""
        if isinstance(self.content, bytes):
            _write(folder / self.path, self.content, self.holes)
            return
        for name, data in self.content.items():
            _write(folder / self.path / name, data, 0)

    def row(self) -> dict[str, object]:
        """Its line of the manifest."""
        return {
            "path": self.path,
            "verdicts": sorted(self.verdicts),
            "label": self.label,
            "technique": self.technique,
            "note": self.note,
        }


def _write(target: Path, data: bytes, holes: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(data)
        if holes:
            file.truncate(len(data) + holes)


@dataclass
class Dice:
    """What a family is given: the same chance every time, and a place to say what it left out."""

    random: random.Random = field(default_factory=random.Random)
    left_out: list[str] = field(default_factory=list)
    is_thorough: bool = False

    def values(self, size: int) -> bytes:
        """`size` bytes (a multiple of 4) of F32 weights as training leaves them: normal, small."""
        import struct

        return struct.pack(f"<{size // 4}f", *(self.random.gauss(0, 0.02) for _ in range(size // 4)))


Family = Callable[[Dice], Iterator[Case]]


@dataclass(frozen=True)
class Technique:
    """Makes the cases of one technique; its name is also their folder."""

    name: str
    slug: str

    def attack(
        self, name: str, content: bytes | Mapping[str, bytes], note: str = "", *, holes: int = 0
    ) -> Case:
        """Loading it would do harm, and a scanner can know."""
        return self._case(name, content, {ATTACK}, "malicious", note, holes)

    def hidden(
        self, name: str, content: bytes | Mapping[str, bytes], note: str = "", *, holes: int = 0
    ) -> Case:
        """Harm in a container that may as well be refused as unreadable."""
        return self._case(name, content, {ATTACK, NOT_READABLE}, "malicious", note, holes)

    def malformed(
        self, name: str, content: bytes | Mapping[str, bytes], note: str = "", *, holes: int = 0
    ) -> Case:
        """Breaks its format's rules; a reader fails on it, or two readers differ."""
        return self._case(name, content, {NOT_READABLE, ATTACK}, "malformed", note, holes)

    def tampered(self, name: str, content: bytes, note: str = "") -> Case:
        """Well-formed and safe to open, and still no weights that anybody can use: to be remarked on."""
        return self._case(name, content, {PLAIN, REVIEW, NOT_READABLE, ATTACK}, "tampered", note, 0)

    def plain(
        self, name: str, content: bytes | Mapping[str, bytes], note: str = "", *, holes: int = 0
    ) -> Case:
        """Harmless, and anybody can see that."""
        return self._case(name, content, {PLAIN}, "benign", note, holes)

    def review(self, name: str, content: bytes | Mapping[str, bytes], note: str = "") -> Case:
        """Harmless, but loading it takes classes or code that a person has to read."""
        return self._case(name, content, {REVIEW}, "benign", note, 0)

    def either(self, name: str, content: bytes | Mapping[str, bytes], note: str = "") -> Case:
        """Harmless; whether a person has to read it is a matter of taste."""
        return self._case(name, content, {PLAIN, REVIEW}, "benign", note, 0)

    def _case(
        self,
        name: str,
        content: bytes | Mapping[str, bytes],
        verdicts: set[str],
        label: str,
        note: str,
        holes: int,
    ) -> Case:
        path = f"{self.slug}/{name}"
        return Case(path, content, frozenset(verdicts), label, self.name, note or name, holes)
