"""Members of archives are read from anywhere as if they were files, also across marks and at the end."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from scanner.keras.members import seekable_member

DICE = random.Random(0)
# Longer than two marks are apart, and half of it random so that it stays long when packed.
DATA = b"".join(DICE.randbytes(64 * 1024) + bytes(64 * 1024) for _ in range(72))


def packed(method: int) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=1) as archive:
        archive.writestr("first", b"something before")
        archive.writestr("weights", DATA)
    return buffer


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_any_stretch_is_that_of_the_member(method: int) -> None:
    buffer = packed(method)
    with zipfile.ZipFile(buffer) as archive:
        member, size_bytes = seekable_member(buffer, archive.getinfo("weights"))
    assert size_bytes == len(DATA)
    for _ in range(60):
        begin, count = DICE.randrange(len(DATA)), DICE.randrange(200_000)
        member.seek(begin)
        assert member.read(count) == DATA[begin : begin + count]
    member.seek(0)
    assert member.read() == DATA
    assert member.read(1) == b""


def test_member_that_claims_more_than_it_holds_ends_where_it_ends() -> None:
    buffer = packed(zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(buffer) as archive:
        info = archive.getinfo("weights")
    info.file_size *= 1000
    member, _ = seekable_member(buffer, info)
    member.seek(len(DATA) - 2)
    assert member.read(10) == DATA[-2:]
    member.seek(2 * len(DATA))
    assert member.read(10) == b""


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_allow_no_seeking(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("weights", b"short")
    with zipfile.ZipFile(buffer) as archive, pytest.raises(NotImplementedError):
        seekable_member(buffer, archive.getinfo("weights"))


def test_member_that_is_not_where_the_directory_says_is_refused() -> None:
    buffer = packed(zipfile.ZIP_STORED)
    with zipfile.ZipFile(buffer) as archive:
        info = archive.getinfo("weights")
    info.header_offset += 1
    with pytest.raises(zipfile.BadZipFile, match="not where"):
        seekable_member(buffer, info)
