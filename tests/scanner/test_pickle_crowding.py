"""What only looks like pickles, in numbers, hides none that does harm."""

from __future__ import annotations

import base64
import io
import random
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Final

import pytest

from scanner.checks.pickle_runs_code import CHECK
from scanner.file_check import FileVerdict
from scanner.pickles.reader import read_pickles
from tests.assets.make_file_assets import write_all
from tests.assets.pickle_cases import calling
from tests.scanner.check_runs import findings_of

_HARM: Final = calling("os", "system")
_OLD_HARM: Final = b"cos\nsystem\n(S'true'\ntR."
_LONG_HARM: Final = b"\x80\x04B" + struct.pack("<I", 2 << 20) + bytes(2 << 20) + b"0" + _OLD_HARM


def _constant(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def among_others(data: bytes) -> bytes:
    """A pickle that holds this constant between others, so that nothing finds it by the ends of the file."""
    return b"\x80\x04](" + _constant(b"a" * 100_000) + _constant(data) + _constant(b"a" * 200_000) + b"e."


def verdict_of(folder: Path, name: str, data: bytes) -> FileVerdict | None:
    """The worst that is said of a file; None when it is no matter."""
    found = findings_of(CHECK, write_all(folder / "model", {name: data}))
    verdicts = [verdict for each in found if (verdict := CHECK.verdict_of(each))]
    return max(verdicts, key=lambda verdict: verdict.rank, default=None)


# Files that hide a pickle behind so many things that look like one.
HIDDEN: Final = {
    "beginnings.pkl": lambda count: among_others(b"\x80\x04\x00N0N0N0N0" * count + _HARM),
    "likely beginnings.pkl": lambda count: among_others(b"\x80\x04N0\xffaaaaaaaa" * count + _HARM),
    "names.pkl": lambda count: among_others(b"ca\nb\n \xff" * count + _OLD_HARM),
    "base64.pkl": lambda count: among_others(b"x: " + b"gAIA" * 8 * count + b": " + base64.b64encode(_HARM)),
    "one run of base64.pkl": lambda count: among_others(
        b"x: " + b"gAIAAAAAAAAAAAAAAAAAAAAAA" * count + base64.b64encode(_HARM)
    ),
    "head.dat": lambda count: b"HEAD" + b"\x80\x04N\xff" * count + _HARM,
}


@pytest.mark.parametrize("count", [0, 1, 70, 3_000])
@pytest.mark.parametrize("name", HIDDEN)
def test_beginnings_hide_no_pickle(name: str, count: int, tmp_path: Path) -> None:
    assert verdict_of(tmp_path, name, HIDDEN[name](count)) is FileVerdict.ATTACK


def test_compressed_pickle_is_read_beyond_a_megabyte(tmp_path: Path) -> None:
    data = among_others(zlib.compress(_LONG_HARM))
    assert verdict_of(tmp_path, "a.pkl", data) is FileVerdict.ATTACK


@pytest.mark.parametrize(
    "wrap", [base64.b64encode, lambda data: zlib.compress(data, 0)], ids=["text", "zlib"]
)
def test_long_wrapped_pickle_is_told_as_not_read(wrap: object, tmp_path: Path) -> None:
    data = among_others(wrap(_LONG_HARM))  # type: ignore[operator]  # either of two functions
    assert verdict_of(tmp_path, "a.pkl", data) is FileVerdict.NOT_READABLE


def test_pickles_without_end_are_told(tmp_path: Path) -> None:
    started = time.process_time()
    decoys = b"\x80\x04" + b"N0" * 3_000 + b"\xff"
    data = b"HEAD" + b"\x80\x04N0" * 10_000 + decoys
    assert verdict_of(tmp_path, "a.dat", data) is FileVerdict.NOT_READABLE
    assert time.process_time() - started < 20


def test_honest_constants_pass(tmp_path: Path) -> None:
    noise = random.Random(5)
    words = b"".join(b"c%x\nice%x\n" % (n, n) for n in range(80_000))
    held = [noise.randbytes(1_000_000), words, struct.pack("<i", 640) * 200_000, zlib.compress(words)]
    started = time.process_time()
    assert verdict_of(tmp_path, "a.pkl", among_others(b"")[:4] + b"".join(map(_constant, held)) + b"e.") is (
        FileVerdict.PLAIN_DATA
    )
    assert time.process_time() - started < 20


@pytest.mark.parametrize("count", [1, 20_001])
def test_many_names_hide_no_attack(count: int, tmp_path: Path) -> None:
    names = b"".join(b"ctorch\nm%d\n0" % number for number in range(count))
    # More instructions than a second opinion is asked about, and no attack near the end.
    data = b"\x80\x02" + b"N0" * 300_000 + names + _OLD_HARM[:-1] + b"0" + _constant(bytes(200_000)) + b"."
    assert verdict_of(tmp_path, "a.pkl", data) is FileVerdict.ATTACK


def test_names_without_end_take_no_memory() -> None:
    data = b"\x80\x04" + b"".join(b"cm%d\nf\n\x940" % number for number in range(40_000)) + b"N."
    tracemalloc.start()
    reading = read_pickles(lambda: io.BytesIO(data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 20000 names" in reading.fault
    assert peak < 24 * 1024**2
