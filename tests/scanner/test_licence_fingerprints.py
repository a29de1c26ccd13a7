"""Fingerprints: packed and unpacked they are the same, and a sketch is a sample of them."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.licensing.fingerprints import SKETCH_SIZE, PrintRow, fingerprint, pack, unpack


@given(st.text(alphabet="abc \n", max_size=300))
def test_packed_and_unpacked_it_is_the_same(text: str) -> None:
    made = fingerprint(text, slots=[(0, 2)], optional=[(3, 4)])
    row = msgspec.json.decode(json.dumps(pack(made)).encode(), type=PrintRow)
    assert unpack(row) == made
    assert unpack(row).shingles == made.shingles


def test_sketch_is_the_smallest_hashes() -> None:
    made = fingerprint(" ".join(f"word{number}" for number in range(200)))
    assert len(made.sketch) == SKETCH_SIZE
    assert max(made.sketch) < min(made.shingles - made.sketch)


def test_hash_stands_at_every_place_where_its_words_are() -> None:
    made = fingerprint("one two three four five one two three four")
    assert made.places[made.sequence[0]] == (0, 5)


def test_cut_off_hashes_are_refused() -> None:
    with pytest.raises(ValueError, match="cut off"):
        unpack(PrintRow("", b"12345", b""))
