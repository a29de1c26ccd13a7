"""Tables of Arrow and Parquet: a type of one's own is a pickle, and all else of a table is plain data."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pytest

from scanner.checks import file_kind_unclear, pickle_runs_code
from scanner.file_check import FileVerdict
from scanner.file_kinds.arrow import is_arrow_stream
from scanner.file_kinds.look import Look
from scanner.findings import Outcome
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

ATTACK = b"\x80\x04cos\nsystem\n(X\x04\x00\x00\x00echotR."
OLDEST = b"cos\nsystem\n(S'echo'\ntR."
OWN_CLASS = b"\x80\x04cdatasets.features.features\nArray2DExtensionType\n)\x81."
TYPE = b"\0ARROW:extension:name\0\x17\0\0\0arrow.py_extension_type\0"
PLAIN = b"\0ARROW:extension:name\0\x10\0\0\0arrow.fixed_list\0" + bytes(16)


def schema(metadata: bytes) -> bytes:
    """A message whose header is a schema, as far as it is looked at, with metadata behind it."""
    fields = struct.pack("<4H", 8, 8, 4, 6)
    body = struct.pack("<I", 16) + fields + bytes(4) + struct.pack("<ihBB", 12, 4, 1, 0) + metadata
    return body + bytes(-len(body) % 8)


def stream(metadata: bytes) -> bytes:
    message = schema(metadata)
    return b"\xff\xff\xff\xff" + struct.pack("<I", len(message)) + message + b"\xff\xff\xff\xff\0\0\0\0"


def file(first: bytes, last: bytes) -> bytes:
    footer = schema(last)
    return b"ARROW1\0\0" + stream(first) + footer + struct.pack("<I", len(footer)) + b"ARROW1"


def parquet(metadata: bytes) -> bytes:
    kept = base64.b64encode(stream(metadata))
    length = bytes((len(kept) & 0x7F | 0x80, len(kept) >> 7))
    footer = b"\x15\x04\x19\x1c\x18\x0cARROW:schema\x18" + length + kept + b"\0\x18\x1bparquet-cpp-arrow"
    return b"PAR1" + bytes(70_000) + footer + struct.pack("<I", len(footer)) + b"PAR1"


def verdicts(folder: Path, name: str, data: bytes) -> set[FileVerdict | None]:
    found = findings_of(pickle_runs_code.CHECK, write_all(folder, {name: data}))
    return {pickle_runs_code.CHECK.verdict_of(each) for each in found if each.outcome is not Outcome.NOT_RUN}


@pytest.mark.parametrize("pickle", [ATTACK, OLDEST])
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("a.arrow", stream),
        ("b.arrow", lambda metadata: file(metadata, PLAIN)),
        ("c.feather", lambda metadata: file(PLAIN, metadata)),
        ("d.parquet", parquet),
    ],
)  # fmt: skip
def test_type_that_is_unpickled_is_an_attack(name: str, table: object, pickle: bytes, tmp_path: Path) -> None:
    assert callable(table)
    assert verdicts(tmp_path, name, table(pickle + TYPE)) == {FileVerdict.ATTACK}


def test_class_of_somebody_needs_a_person(tmp_path: Path) -> None:
    found = verdicts(tmp_path, "x.parquet", parquet(OWN_CLASS + TYPE))
    assert found == {FileVerdict.NEEDS_CLASS_INSTANCE}


def test_type_whose_pickle_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert verdicts(tmp_path, "x.parquet", parquet(b"hidden" + TYPE)) == {FileVerdict.NOT_READABLE}


@pytest.mark.parametrize(("name", "data"), [("a.arrow", stream(PLAIN)), ("b.parquet", parquet(PLAIN))])
def test_tables_without_such_a_type_are_plain(name: str, data: bytes, tmp_path: Path) -> None:
    assert verdicts(tmp_path, name, data) == set()
    found = findings_of(file_kind_unclear.CHECK, tmp_path)
    assert [(each.rule, each.locations[0].detail.split()[-1]) for each in found] == [("plain-data", "table")]


def test_numbers_that_are_not_a_number_are_no_stream() -> None:
    for data in (b"\xff" * 64, b"\xff\xff\xff\xff" + bytes(60), b"\xff\xff\xff\xff\x20" + b"\xff" * 59):
        assert not is_arrow_stream(Look(data, data, len(data)))
