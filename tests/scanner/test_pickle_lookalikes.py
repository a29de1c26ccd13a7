"""Lookups that only look honest, pickles beside the places that readers read, and honest kin of both."""

from __future__ import annotations

import base64
import io
import pickle
import struct
import typing
import zipfile
from pathlib import Path

import pytest

from scanner.pickles.files import look_into
from scanner.pickles.globals import Tier, classify
from scanner.pickles.judging import judge
from scanner.pickles.reader import read_pickles
from scanner.pickles.stream import PickleReading
from tests.assets.pickle_cases import calling, short, with_constant

ATTACK = calling("os", "system")


def read(data: bytes) -> PickleReading:
    return read_pickles(lambda: io.BytesIO(data))


def worst(reading: PickleReading) -> Tier:
    return max((judge(use).tier for use in reading.globals), key=list(Tier).index, default=Tier.PLUMBING)


def paths_in(path: Path) -> set[str]:
    reading = look_into(path, path.name)
    return {use.path for found in reading.pickles for use in found.reading.globals}


@pytest.mark.parametrize("module", ["functools", "_functools"])
def test_call_for_later_of_a_plain_value_is_an_attack(module: str) -> None:
    assert worst(read(calling(module, "partial"))) is Tier.ATTACK


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "str.format"), ("builtins", "dict.get"), ("shop.config", "Config.load")],
)
def test_calling_a_method_is_an_attack_where_naming_it_is_not(module: str, name: str) -> None:
    assert worst(read(calling(module, name))) is Tier.ATTACK
    named = b"\x80\x04" + short(module) + short(name) + b"\x93."
    assert worst(read(named)) is Tier.INSTANCE


@pytest.mark.parametrize(
    ("module", "name"),
    [("evil_package", "anything"), ("shop", "Exploit"), ("shop.payload", "main"), ("shop", "payload")],
)
def test_a_name_that_says_so_itself_is_an_attack(module: str, name: str) -> None:
    assert classify(module, name).tier is Tier.ATTACK


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch", "PyTorchFileWriter"),
        ("torch.distributed", "TCPStore"),
        ("fire", "Fire"),
        ("cupy", "RawModule"),
    ],
)
def test_classes_that_reach_out_when_they_are_made_are_attacks(module: str, name: str) -> None:
    assert worst(read(calling(module, name))) is Tier.ATTACK


@pytest.mark.parametrize("text", ["echo hello", "__import__('os').system('id')", "import os; os.getcwd()"])
def test_unknown_function_that_is_handed_a_program_is_an_attack(text: str) -> None:
    assert worst(read(b"\x80\x04" + short("shop") + short("go") + b"\x93" + short(text) + b"\x85R.")) is (
        Tier.ATTACK
    )
    assert worst(read(calling("shop", "go", "echoes of gelu"))) is Tier.INSTANCE


def test_memo_number_that_takes_gigabytes_is_a_fault() -> None:
    assert "GiB" in read(b"\x80\x02Nr" + struct.pack("<I", 0x7FFFFFFF) + b".").fault
    assert not read(b"\x80\x02Nr" + struct.pack("<I", 1 << 20) + b".").fault


@pytest.mark.parametrize("text", ["data:application/octet-stream;base64,{}", "key={}", "[{}]"])
def test_base64_behind_other_text_is_read(text: str) -> None:
    hidden = text.format(base64.b64encode(ATTACK).decode())
    assert worst(read(pickle.dumps({"key": hidden}))) is Tier.ATTACK


def test_whole_inner_pickle_says_what_class_it_needs() -> None:
    assert worst(read(with_constant(calling("shop.paint", "mix", "red")))) is Tier.INSTANCE
    assert worst(read(with_constant(pickle.dumps({"a": 1})))) is Tier.PLUMBING


def test_pickle_in_the_comment_or_an_extra_field_of_an_archive_is_found(tmp_path: Path) -> None:
    plain = pickle.dumps({"a": 1}, 2)
    for place in ("comment", "extra"):
        info = zipfile.ZipInfo("archive/data.pkl")
        with zipfile.ZipFile(tmp_path / f"{place}.pt", "w") as archive:
            if place == "extra":
                info.extra = struct.pack("<HH", 0x9999, len(ATTACK)) + ATTACK
            else:
                archive.comment = ATTACK
            archive.writestr(info, plain)
        assert "os.system" in paths_in(tmp_path / f"{place}.pt")


def test_pickle_behind_the_first_format_of_torch_is_found(tmp_path: Path) -> None:
    streams = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {"a": 1}, [])
    head = b"".join(pickle.dumps(value, 2) for value in streams)
    (tmp_path / "model.pt").write_bytes(head + ATTACK)
    assert "os.system" in paths_in(tmp_path / "model.pt")


def test_types_with_parameters_are_no_attack() -> None:
    optional = typing.Optional[int]  # noqa: UP045 - this spelling is pickled by an item of a type
    assert worst(read(pickle.dumps([optional, list[int], dict.fromkeys]))) is Tier.INSTANCE
    picks = b"\x80\x04" + short("operator") + short("getitem") + b"\x93" + short("a") + b"K\x00\x86R."
    assert worst(read(picks)) is Tier.ATTACK


def test_functions_that_spacy_and_arrow_only_keep_are_no_attack() -> None:
    keeps = (
        b"\x80\x04" + short("spacy.vocab") + short("unpickle_vocab") + b"\x93"
        + short("spacy.lang.en.syntax_iterators") + short("noun_chunks") + b"\x93\x85R."
    )  # fmt: skip
    assert worst(read(keeps)) is Tier.INSTANCE
    assert worst(read(calling("pyarrow.lib", "chunked_array"))) is Tier.INSTANCE
