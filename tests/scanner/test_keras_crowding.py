"""Lesser faults in numbers, and text beyond a bound, hide no attack in a Keras model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pytest

from scanner.checks.keras_runs_code import CHECK
from scanner.file_check import FileVerdict
from tests.assets import keras_cases as cases
from tests.assets.make_file_assets import write_all
from tests.assets.pickle_cases import calling
from tests.assets.protobuf_bytes import field
from tests.scanner.check_runs import findings_of

_LAMBDA: Final = json.dumps(cases.lambda_layer(["4wEAAAAAAAAAAAAAAAABAAAAQwAAAHMEAAAA", None, None]))
_CODE: Final = "os.system('true')"
_PICKLE: Final = np.frombuffer(calling("os", "system") + bytes(2000), "u1")


def _overwritten(count: int) -> bytes:
    keys = '"x": [], ' * count + f'"config": {_LAMBDA}, "config": {{"layers": []}}'
    return f'{{{keys}, "class_name": "Sequential"}}'.encode()


def _note(count: int) -> bytes:
    return json.dumps(cases.sequential(cases.dense(note="#" * count + "\n" + _CODE))).encode()


def _metadata(count: int) -> bytes:
    nodes = [field(1, field(1, 1) + field(4, text)) for text in (*['{"a'] * count, _LAMBDA)]
    return b"".join(nodes)


def _arrays(file: h5py.File, count: int) -> None:
    for number in range(count):
        array = file.create_dataset(f"a{number:03}", (1024**2,), "u1", chunks=True, compression="gzip")
        array[:16] = 1
    file.create_dataset("z", data=_PICKLE, compression="gzip")


def _attributes(file: h5py.File, count: int) -> None:
    group = file.create_group("a")
    for number in range(count):
        group.attrs[f"x{number}"] = number
    file.create_dataset("z", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def _configs(file: h5py.File, count: int) -> None:
    for number in range(count):
        file.attrs[f"a{number}"] = number
    file.attrs["model_config"] = json.dumps(cases.sequential(json.loads(_LAMBDA)))


def _long_attribute(file: h5py.File, count: int) -> None:
    held = np.empty(1, object)
    held[0] = np.concatenate([_PICKLE, np.zeros(count, "u1")])
    file.attrs.create("note", held, dtype=h5py.vlen_dtype(np.uint8))


def _long_array(*shape: int) -> Callable[[h5py.File, int], None]:
    def fill(file: h5py.File, count: int) -> None:
        data = np.concatenate([_PICKLE, np.zeros(count, "u1")])
        file.create_dataset("z", data=data[: len(data) // 8 * 8].reshape(shape), compression="gzip")

    return fill


def _written(fill: Callable[[h5py.File, int], None]) -> Callable[[int], bytes]:
    return lambda count: cases.weights(lambda file: fill(file, count))


# How many lesser things there are, and a file that carries an attack behind so many.
FLOODS: Final[dict[str, tuple[int, Callable[[int], bytes]]]] = {
    "overwritten.json": (150, _overwritten),
    "note.json": (70_000, _note),
    "keras_metadata.pb": (60, _metadata),
    "arrays.h5": (70, _written(_arrays)),
    "attributes.h5": (2_100, _written(_attributes)),
    "configs.h5": (2_100, _written(_configs)),
    "array.h5": (2_000_000, _written(_long_array(8, -1))),
    "column.h5": (2_000_000, _written(_long_array(-1, 2, 1))),
    "long.h5": (2_000_000, _written(_long_attribute)),
}


@pytest.mark.parametrize("is_flooded", [False, True])
@pytest.mark.parametrize("name", FLOODS)
def test_lesser_things_hide_no_attack(name: str, is_flooded: bool, tmp_path: Path) -> None:
    count, make = FLOODS[name]
    found = findings_of(CHECK, write_all(tmp_path / "model", {name: make(count * is_flooded)}))
    assert FileVerdict.ATTACK in {CHECK.verdict_of(each) for each in found}
