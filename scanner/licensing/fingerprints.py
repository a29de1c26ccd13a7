"""Fingerprints of known licence texts: hashes of their runs of four words, and where a copy may differ.

>>> made = fingerprint("You may use the parcel for any purpose at all.")
>>> (len(made.sequence), made.sketch <= made.shingles)
(7, True)
"""

from __future__ import annotations

import base64
import hashlib
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from scanner.licensing.words import words_of

SHINGLE_WORDS: Final = 4
HASH_BYTES: Final = 4
# The smallest hashes stand for all of them (bottom-k sampling: Broder, "On the resemblance and containment of
# documents", 1997): enough to rule most of the known texts out without unpacking them.
SKETCH_SIZE: Final = 32


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a known text.

    Attributes:
        sha256: Of its normalised words, for exact matches.
        packed: Hashes of every run of SHINGLE_WORDS words in order, HASH_BYTES each, little endian.
        sketch: The SKETCH_SIZE smallest of them.
        slots: Word ranges [start, end) where copies name their own parties.
        optional: Word ranges that many copies leave out: titles, instructions for use.
    """

    sha256: str
    packed: bytes
    sketch: frozenset[int]
    slots: tuple[tuple[int, int], ...] = ()
    optional: tuple[tuple[int, int], ...] = ()

    @cached_property
    def sequence(self) -> Sequence[int]:
        """The hashes in the order of the text; hash i covers the words i to i + SHINGLE_WORDS."""
        return _numbers(self.packed)

    @cached_property
    def shingles(self) -> frozenset[int]:
        """The hashes as a set."""
        return frozenset(self.sequence)

    @cached_property
    def places(self) -> Mapping[int, tuple[int, ...]]:
        """Where in the sequence each hash stands."""
        places: dict[int, list[int]] = {}
        for place, value in enumerate(self.sequence):
            places.setdefault(value, []).append(place)
        return {value: tuple(found) for value, found in places.items()}


class PrintRow(msgspec.Struct, forbid_unknown_fields=True):
    """A fingerprint as licence_fingerprints.json holds it; bytes in base64."""

    sha256: str
    shingles: bytes
    sketch: bytes
    slots: tuple[tuple[int, int], ...] = ()
    optional: tuple[tuple[int, int], ...] = ()


class PrintFile(msgspec.Struct):
    """licence_fingerprints.json: the canonical texts, and other wordings of them ("mit#3")."""

    texts: dict[str, PrintRow]
    variants: dict[str, PrintRow] = {}


def fingerprint(
    text: str, slots: Iterable[tuple[int, int]] = (), optional: Iterable[tuple[int, int]] = ()
) -> Fingerprint:
    """The fingerprint of a licence text."""
    words = [word for word, _, _ in words_of(text)]
    hashes = shingles_of(words)
    packed = b"".join(value.to_bytes(HASH_BYTES, "little") for value in hashes)
    return Fingerprint(digest_of(words), packed, sketch_of(hashes), tuple(slots), tuple(optional))


def unpack(row: PrintRow) -> Fingerprint:
    """The fingerprint that a row of the data file holds.

    Raises:
        ValueError: when the hashes are cut off.
    """
    if len(row.shingles) % HASH_BYTES or len(row.sketch) % HASH_BYTES:
        raise ValueError("a fingerprint's hashes are cut off")
    return Fingerprint(row.sha256, row.shingles, frozenset(_numbers(row.sketch)), row.slots, row.optional)


def pack(made: Fingerprint) -> dict[str, object]:
    """The row of the data file that holds a fingerprint."""
    sketch = b"".join(value.to_bytes(HASH_BYTES, "little") for value in sorted(made.sketch))
    row: dict[str, object] = {
        "sha256": made.sha256,
        "shingles": base64.b64encode(made.packed).decode(),
        "sketch": base64.b64encode(sketch).decode(),
    }
    ranges = {"slots": made.slots, "optional": made.optional}
    return row | {name: [list(each) for each in found] for name, found in ranges.items() if found}


def shingles_of(words: Sequence[str]) -> list[int]:
    """Hashes of every run of SHINGLE_WORDS words, in order."""
    return [
        _hash(" ".join(words[start : start + SHINGLE_WORDS]))
        for start in range(len(words) - SHINGLE_WORDS + 1)
    ]


def sketch_of(hashes: Iterable[int]) -> frozenset[int]:
    """The smallest hashes, which sample a text whatever was done to the rest of it."""
    return frozenset(sorted(set(hashes))[:SKETCH_SIZE])


def digest_of(words: Sequence[str]) -> str:
    """SHA-256 of the words."""
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def _hash(shingle: str) -> int:
    # crc32 could be steered into collisions by whoever writes the licence; blake2 cannot.
    return int.from_bytes(hashlib.blake2b(shingle.encode(), digest_size=HASH_BYTES).digest(), "little")


def _numbers(packed: bytes) -> Sequence[int]:
    numbers = array("I")
    numbers.frombytes(packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
