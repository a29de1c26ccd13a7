"""Pickles that hide what they do are found by technique, and honest ones that look alike are not."""

from __future__ import annotations

import io
import itertools
import pickle
from pathlib import Path

import pytest

from scanner.pickles.files import look_into
from scanner.pickles.globals import Tier
from scanner.pickles.judging import judge
from scanner.pickles.reader import is_attack, read_pickles
from scanner.pickles.stream import GlobalUse
from tests.assets.pickle_cases import calling, with_constant
from tests.assets.pickle_tricks import (
    ENCODINGS,
    hidden_attacks,
    hidden_files,
    honest_lookalikes,
    honest_objects,
)

ATTACKS = hidden_attacks()
FILES = hidden_files()
LOOKALIKES = honest_lookalikes()
OBJECTS = honest_objects()


def worst(data: bytes) -> Tier:
    reading = read_pickles(lambda: io.BytesIO(data))
    assert not reading.fault
    tiers = {judge(use).tier for use in reading.globals}
    return max(tiers, key=list(Tier).index, default=Tier.PLUMBING)


@pytest.mark.parametrize("trick", ATTACKS)
def test_trick_is_an_attack_and_its_name_is_told(trick: str) -> None:
    data, expected = ATTACKS[trick]
    uses = read_pickles(lambda: io.BytesIO(data)).globals
    assert any(expected in use.path for use in uses if judge(use).tier is Tier.ATTACK)


@pytest.mark.parametrize("name", FILES)
def test_attack_is_found_wherever_it_lies_in_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    reading = look_into(tmp_path / name, name)
    assert "os.system" in {use.path for found in reading.pickles for use in found.reading.globals}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_training_scripts_write_is_plain(name: str) -> None:
    assert worst(LOOKALIKES[name]) is Tier.PLUMBING


@pytest.mark.parametrize("name", OBJECTS)
def test_what_needs_a_library_is_for_a_person_to_read(name: str) -> None:
    assert worst(OBJECTS[name]) is Tier.INSTANCE


@pytest.mark.parametrize(("inner", "outer"), list(itertools.product(ENCODINGS, ENCODINGS)))
def test_attack_is_found_through_two_encodings(inner: str, outer: str) -> None:
    for protocol in (0, 2, 4):
        payload = ENCODINGS[outer](ENCODINGS[inner](calling("os", "system", protocol=protocol)))
        reading = read_pickles(lambda payload=payload: io.BytesIO(with_constant(payload)))  # type: ignore[misc]
        assert [use.path for use in reading.globals if is_attack(use)] == ["os.system"], protocol
        assert all(use.inside for use in reading.globals)


@pytest.mark.parametrize("library", ["torch", "numpy", "transformers", "scipy", "pandas", "pydash"])
def test_any_function_of_a_known_library_that_is_called_is_an_attack(library: str) -> None:
    named = GlobalUse(f"{library}.somewhere", "do_it", 0)
    called = GlobalUse(f"{library}.somewhere", "do_it", 0, is_called=True)
    assert judge(named).tier is Tier.INSTANCE
    assert judge(called).tier is Tier.ATTACK


def test_class_that_runs_programs_is_an_attack_when_its_constructor_is_called() -> None:
    assert judge(GlobalUse("acme", "ShellCommand", 0)).tier is Tier.INSTANCE
    assert judge(GlobalUse("acme", "ShellCommand", 0, is_called=True)).tier is Tier.ATTACK


def test_name_is_shown_bounded_and_without_control_characters() -> None:
    path = GlobalUse("os\x1b[31m" + "x" * 900, "é", 0).path
    assert path.isascii()
    assert path.isprintable()
    assert len(path) < 300


def test_bytes_behind_a_pickle_that_are_none_make_it_unreadable_and_zeros_do_not() -> None:
    data = pickle.dumps({"a": 1})
    assert "no pickle" in read_pickles(lambda: io.BytesIO(data + b"\xff\xffgarbage")).fault
    assert not read_pickles(lambda: io.BytesIO(data + bytes(600))).fault


def test_object_outside_of_a_bare_pickle_makes_it_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04\x8c\x01xQ.")
    assert "outside" in look_into(tmp_path / "a.pkl", "a.pkl").pickles[0].reading.fault


@pytest.mark.parametrize(
    "text",
    [
        b"cos\nsystem\nsin\ntan\n",  # functions of trigonometry
        b"clip_model\nload\nR\n",
        b"(import\nos\n",
        b"csubprocess\nrun\nwalk\n",
        b"\x80\x04" + bytes(range(256)) * 20,
    ],
)
def test_text_and_numbers_that_begin_like_a_pickle_are_not_mentioned(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(text)
    assert not look_into(tmp_path / "words.txt", "words.txt").is_relevant
