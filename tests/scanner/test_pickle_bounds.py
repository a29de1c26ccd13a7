"""What a hostile pickle asks for never decides how much memory is used to read it."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Callable
from typing import Final

import pytest

from scanner.pickles.memo import Memo
from scanner.pickles.reader import read_pickles
from tests.assets.pickle_cases import calling, short

_KIB: Final = 1 << 10
_ORDERED: Final = b"ccollections\nOrderedDict\n\x94"
_GETATTR: Final = b"cbuiltins\ngetattr\n\x94ctorch\nX\n"
_REACH: Final = b"q\x01h\x00h\x01" + short("a") + b"\x86R"


MEMO_DEFAULTS: Final[dict[str, object]] = Memo.__init__.__kwdefaults__ or {}


def repeated(unit: bytes, kibibytes: int = 16) -> bytes:
    return unit * (kibibytes * _KIB // len(unit))


# Each would make a loader hold far more than the file is long, some of them without end.
BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "marks": lambda: b"\x80\x04" + repeated(b"("),
    "lists": lambda: b"\x80\x04" + repeated(b"]"),
    "duplicates": lambda: b"\x80\x04]" + repeated(b"2"),
    "strings": lambda: b"\x80\x04(" + repeated(short("x" * 250)) + b"t.",
    "tuples": lambda: b"\x80\x04)" + repeated(b"\x85") + b".",
    "tuples_of_strings": lambda: b"\x80\x04" + repeated(short("a" * 60) * 3 + b"\x87\x94") + b".",
    "tables_filled_and_kept": lambda: b"\x80\x04" + repeated(b"}\x94K\x01K\x01s") + b".",
    "tuples_of_tuples": lambda: b"\x80\x04K\x01\x85" + repeated(b"\x94\x85\x85") + b".",
    "weights": lambda: b"\x80\x04)\x85\x85" + b"".join(memo_of(n) for n in range(1, 999)) + b".",
    "memo": lambda: b"\x80\x04" + repeated(b"N\x940") + b"N.",
    "memo_without_order": lambda: b"\x80\x04N" + b"".join(memo_of(n) for n in range(1, 3_000)) + b".",
    "names": lambda: b"\x80\x04" + b"".join(b"cm%d\nf\n0" % n for n in range(1_500)) + b"N.",
    "results": lambda: b"\x80\x04" + _ORDERED + repeated(b"h\x00)R\x94") + b".",
    "attributes": lambda: b"\x80\x04" + _GETATTR + repeated(_REACH) + b".",
    "inner_pickles": lambda: b"\x80\x04" + repeated(b"C\x10\x80\x04NNNNNNNNNN00000") + b"N.",
}  # fmt: skip


def memo_of(number: int) -> bytes:
    return b"r" + struct.pack("<I", number * 7919)


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_takes_no_more_than_a_little_for_each_byte(name: str) -> None:
    data = BOMBS[name]()
    read_pickles(lambda: io.BytesIO(data))  # so that tables read once are not counted
    tracemalloc.start()
    read_pickles(lambda: io.BytesIO(data))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 40 * len(data) + 900 * _KIB


def test_attack_before_the_bound_is_told_although_the_file_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scanner.pickles.machine._MARKS_LIMIT", 5000)
    reading = read_pickles(lambda: io.BytesIO(calling("os", "system")[:-1] + b"0" + repeated(b"(") + b"."))
    assert [use.path for use in reading.globals] == ["os.system"]
    assert "objects at once" in reading.fault


@pytest.mark.parametrize("limit", ["machine._NAMES_LIMIT", "memo.HELD_LIMIT"])
def test_what_is_held_ends_at_a_limit(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"scanner.pickles.{limit}", 100)
    monkeypatch.setitem(MEMO_DEFAULTS, "limit", 100)
    bomb = BOMBS["names" if limit == "machine._NAMES_LIMIT" else "memo_without_order"]()
    assert "more than 100" in read_pickles(lambda: io.BytesIO(bomb)).fault


def test_runs_of_numbers_are_counted_as_instructions() -> None:
    data = b"\x80\x04](" + b"K\x01" * 1000 + (b"G" + bytes(8)) * 1000 + b"e."
    reading = read_pickles(lambda: io.BytesIO(data))
    assert (reading.opcodes, reading.fault) == (5 + 2000, "")


def test_name_is_found_again_among_more_strings_than_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "scanner.pickles.memo.Memo.__init__.__kwdefaults__", {"holds_all": False, "limit": 50}
    )
    words = b"".join(short(f"word{n}") + b"\x940" for n in range(100))
    first = short("collections") + b"\x94" + short("OrderedDict") + b"\x94\x93\x940"
    again = b"h\x64" + short("Counter") + b"\x94\x93"
    reading = read_pickles(lambda: io.BytesIO(b"\x80\x04" + words + first + again + b"."))
    assert [use.path for use in reading.globals] == ["collections.OrderedDict", "collections.Counter"]
    hidden = read_pickles(lambda: io.BytesIO(b"\x80\x04" + words + b"h\x60h\x61\x93."))
    assert "more strings than are held" in hidden.fault
