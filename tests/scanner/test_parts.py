"""A file that was read in part gives what was read and refuses the rest."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import NotAvailableError
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import ModelFileError, read_json, read_text
from scanner.parts import PartlyReadError, Parts, Piece
from scanner.records import decode, encode
from scanner.references import ModelRef

WHOLE = bytes(range(256)) * 40


def parts_of(*stretches: tuple[int, int]) -> tuple[Parts, bytes]:
    """Parts that lie one behind the other, and what is kept of the file."""
    pieces, kept = [], b""
    for begin, end in stretches:
        pieces.append(Piece(begin, end, len(kept)))
        kept += WHOLE[begin:end]
    return Parts(
        tuple(sorted(pieces, key=lambda piece: piece.begin)), "0" * 64, "only its ends were read"
    ), kept


def reader(*stretches: tuple[int, int]) -> io.BufferedReader:
    parts, kept = parts_of(*stretches)
    return parts.reader("m.bin", len(WHOLE), lambda: io.BytesIO(kept))  # type: ignore[return-value]


def partly(tmp_path: Path, data: bytes, size_bytes: int, name: str = "m.bin") -> Snapshot:
    (tmp_path / name).write_bytes(data)
    parts = Parts((Piece(0, len(data), 0),), "0" * 64, "only its beginning was read")
    entry = FileEntry(name, size_bytes, "", parts=parts)
    return Snapshot(ModelRef.parse(str(tmp_path)), None, str(tmp_path), (entry,))


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 100)), max_size=4),
    st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 300)), max_size=6),
)
def test_every_read_gives_the_bytes_of_the_file_or_an_error(
    cuts: list[tuple[int, int]], reads: list[tuple[int, int]]
) -> None:
    stretches = sorted({(cut * 100, cut * 100 + size) for cut, size in cuts})
    stretches = [one for i, one in enumerate(stretches) if not i or one[0] >= stretches[i - 1][1]]
    known = {position for begin, end in stretches for position in range(begin, end)}
    stream = reader(*stretches)
    for position, count in reads:
        wanted = range(position, min(position + count, len(WHOLE)))
        stream.seek(position)
        if known.issuperset(wanted):
            assert stream.read(count) == WHOLE[position : position + count]
        else:
            with pytest.raises(PartlyReadError, match=r"m\.bin: only its ends were read"):
                stream.read(count)


def test_size_is_that_of_the_whole_file() -> None:
    assert reader((0, 10)).seek(0, io.SEEK_END) == len(WHOLE)
    assert reader((0, 10)).seek(-1, io.SEEK_END) == len(WHOLE) - 1


def test_seeking_before_the_beginning_is_an_error() -> None:
    with pytest.raises(OSError, match="before the beginning"):
        reader((0, 10)).seek(-len(WHOLE) - 1, io.SEEK_END)


def test_kept_file_that_is_cut_off_later_is_an_error_not_an_end() -> None:
    parts, kept = parts_of((0, 100))
    with pytest.raises(OSError, match="no longer there"):
        parts.reader("m.bin", len(WHOLE), lambda: io.BytesIO(kept[:0])).read(1)


def test_path_of_a_file_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    snapshot = partly(tmp_path, b"head", 1000)
    with pytest.raises(PartlyReadError, match="only its beginning was read"):
        snapshot.local_path("m.bin")
    assert issubclass(PartlyReadError, NotAvailableError)  # which the runner records as NOT_RUN


def test_entry_without_parts_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(bytes(10))
    files = (FileEntry("m.bin", 10, ""),)
    snapshot = Snapshot(ModelRef.parse("demo"), None, str(tmp_path), files)
    with pytest.raises(PartlyReadError, match="nothing of it was read"):
        snapshot.open("m.bin").read(1)


def test_whole_file_is_opened_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    snapshot = Snapshot(ModelRef.parse("demo"), None, str(tmp_path), (FileEntry("a", 3, "0" * 64),))
    assert snapshot.open("a").read() == b"abc"
    assert snapshot.local_path("a").read_bytes() == b"abc"


def test_text_beyond_the_limit_is_refused_as_if_it_were_whole(tmp_path: Path) -> None:
    snapshot = partly(tmp_path, b"{}", 10**9, "config.json")
    with pytest.raises(ModelFileError, match="longer than 4194304 bytes; not read"):
        read_json(snapshot, "config.json")


def test_text_that_was_cut_short_is_not_read_as_a_short_text(tmp_path: Path) -> None:
    snapshot = partly(tmp_path, b"{}", 1000, "config.json")
    with pytest.raises(PartlyReadError):
        read_text(snapshot, "config.json")


def test_digest_tells_what_was_read_and_never_equals_one_of_whole_files(tmp_path: Path) -> None:
    one = partly(tmp_path, b"head", 1000)
    other_parts = Parts((Piece(0, 4, 0),), "1" * 64, "only its beginning was read")
    other = Snapshot(one.ref, None, one.root, (FileEntry("m.bin", 1000, "", parts=other_parts),))
    whole = Snapshot(one.ref, None, one.root, (FileEntry("m.bin", 1000, "0" * 64),))
    assert len({one.digest, other.digest, whole.digest}) == 3
    assert len({one.weights_digest, other.weights_digest, whole.weights_digest}) == 3


def test_snapshot_survives_json_after_its_files_were_opened(tmp_path: Path) -> None:
    snapshot = partly(tmp_path, b"head", 1000)
    assert snapshot.open("m.bin").read(4) == b"head"
    assert decode(encode(snapshot), Snapshot) == snapshot
    assert (snapshot.bytes_read, snapshot.total_bytes, snapshot.is_whole) == (4, 1000, False)
