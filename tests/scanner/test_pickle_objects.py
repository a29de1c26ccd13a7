"""What a pickle does with the objects that it has made is judged, not only the names that it looks up."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import io
import pickle

import pytest

from scanner.pickles.globals import Tier
from scanner.pickles.judging import judge
from scanner.pickles.reader import read_pickles
from scanner.pickles.stream import PickleReading
from tests.assets import pickle_objects as assets

CHANGED = assets.changed_bytes()
CUT_OFF = assets.cut_off_torch_files()
CALLED = assets.called_methods()
LYING = assets.lying_states()
ENDLESS = assets.endless_calls()
COSTLY = assets.costly_but_honest()
KEPT = assets.kept_methods()


def read(data: bytes) -> PickleReading:
    return read_pickles(lambda: io.BytesIO(data))


def worst(data: bytes) -> Tier:
    tiers = {judge(use).tier for use in read(data).globals}
    return max(tiers, key=list(Tier).index, default=Tier.PLUMBING)


@pytest.mark.parametrize("case", CHANGED)
def test_bytes_that_may_be_changed_before_they_are_unpickled_are_an_attack(case: str) -> None:
    assert worst(CHANGED[case]) is Tier.ATTACK


@pytest.mark.parametrize("case", CUT_OFF)
def test_torch_file_inside_a_pickle_that_is_cut_off_cannot_be_read(case: str) -> None:
    assert "torch file" in read(CUT_OFF[case]).fault


@pytest.mark.parametrize("protocol", range(2, 6))
def test_tensors_that_pickle_itself_wrote_are_plain(protocol: int) -> None:
    import torch

    data = pickle.dumps({"few": torch.ones(3), "many": torch.ones(600_000)}, protocol)
    assert worst(data) is Tier.PLUMBING
    assert not read(data).fault


@pytest.mark.parametrize("case", CALLED)
def test_method_of_an_instance_that_loading_calls_or_that_changes_files_is_an_attack(case: str) -> None:
    assert worst(CALLED[case]) is Tier.ATTACK


@pytest.mark.parametrize("case", KEPT)
def test_method_of_an_instance_that_is_kept_is_for_a_person_to_read(case: str) -> None:
    assert worst(KEPT[case]) is Tier.INSTANCE


def test_tensor_of_a_class_of_its_own_is_plain_and_an_array_by_dill_too() -> None:
    import numpy as np
    import torch
    from torch.nn.parameter import Buffer

    tensor = torch.ones(2)
    tensor.note = "kept"  # type: ignore[attr-defined]
    for value in (tensor, torch.nn.Parameter(tensor), Buffer(tensor), np.ma.array([1, 2], mask=[0, 1])):
        assert worst(pickle.dumps(value)) is Tier.PLUMBING


@pytest.mark.parametrize("case", LYING)
def test_state_that_makes_numpy_read_what_is_not_there_is_an_attack(case: str) -> None:
    assert worst(LYING[case]) is Tier.ATTACK


@pytest.mark.parametrize("protocol", range(6))
def test_types_and_generators_that_numpy_wrote_are_plain(protocol: int) -> None:
    import numpy as np

    inner = [("deep", "O"), ("wide", "f8", (2, 3))]
    types = [
        "M8[ns]",
        "U7",
        "O",
        [("a", "f4"), ("b", "O", (2,)), ("c", inner)],
        {"names": ["x"], "formats": ["i4"], "offsets": [8]},
    ]
    arrays = [np.zeros(2, np.dtype(each)) for each in types]  # type: ignore[call-overload]
    table = np.rec.array([(1, "a")], dtype=[("n", "i4"), ("t", "U1")])
    many = np.zeros(1, [(f"field{number}", "O" if number % 2 else "f4") for number in range(60)])
    generators = [
        np.random.RandomState(1),
        *(np.random.Generator(kind(1)) for kind in (np.random.MT19937, np.random.Philox, np.random.PCG64)),
    ]
    for value in (
        *arrays,
        table,
        table.dtype,
        many,
        many[0],
        *generators,
        {"pos": 10_000, "state": {"pos": -3}},
    ):
        data = pickle.dumps([value, value], protocol)
        assert worst(data) is Tier.PLUMBING, value


def test_what_the_system_tells_of_itself_is_plain() -> None:
    import os
    import time

    told = [os.stat("/"), os.statvfs("/"), os.times(), os.uname(), os.terminal_size((80, 24)), time.gmtime(0)]
    for protocol in range(6):
        assert worst(pickle.dumps(told, protocol)) is Tier.PLUMBING


@pytest.mark.parametrize("case", ENDLESS)
def test_small_file_that_takes_memory_or_time_without_end_is_an_attack(case: str) -> None:
    assert worst(ENDLESS[case]) is Tier.ATTACK


@pytest.mark.parametrize("case", COSTLY)
def test_what_takes_no_longer_than_it_is_long_is_plain(case: str) -> None:
    assert worst(COSTLY[case]) is Tier.PLUMBING
