"""Lesser faults in numbers, and fields beyond a bound, hide no attack in a graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from scanner.checks import onnx_unsafe, tensorflow_graph_unsafe
from scanner.file_check import FileCheck, FileVerdict
from tests.assets import onnx_cases as onnx
from tests.assets import tensorflow_cases as tensorflow
from tests.assets.make_file_assets import write_all
from tests.assets.protobuf_bytes import field
from tests.scanner.check_runs import findings_of

_ONNX: Final = onnx_unsafe.CHECK
_TENSORFLOW: Final = tensorflow_graph_unsafe.CHECK


def _broken_tensors(count: int) -> bytes:
    tensors = (field(5, onnx.tensor(f"w{number}", [2], bytes(4))) for number in range(count))
    return onnx.model(onnx.graph(*tensors, onnx.node("PyOp", "x")))


def _odd_names(count: int) -> bytes:
    nodes = (tensorflow.node("Add", f"\x01a{number}") for number in range(count))
    return tensorflow.saved_model(b"".join(nodes) + tensorflow.node("PyFunc", "p"))


def _compiled(count: int) -> bytes:
    """Operations for an accelerator, and a constant of the same name that hides a graph."""
    hidden = field(1, 21) + field(15, field(1, "tensorflow::DatasetVariantWrapper"))
    nodes = [tensorflow.node("TRTEngineOp", f"n{number}") for number in range(count)]
    more = tensorflow.attribute("value", field(8, hidden))
    return tensorflow.saved_model(b"".join(nodes) + tensorflow.node("Const", "n0", more=more))


# The check, and a file that carries an attack behind so many lesser faults.
FLOODS: Final[dict[str, tuple[FileCheck, Callable[[int], bytes]]]] = {
    "tensors.onnx": (_ONNX, _broken_tensors),
    "names/saved_model.pb": (_TENSORFLOW, _odd_names),
    "compiled.pb": (_TENSORFLOW, _compiled),
}


def verdict_of(check: FileCheck, folder: Path, files: dict[str, bytes]) -> FileVerdict | None:
    """The worst that the check says of any of these files."""
    found = findings_of(check, write_all(folder / "model", files))
    verdicts = [verdict for each in found if (verdict := check.verdict_of(each))]
    return max(verdicts, key=lambda verdict: verdict.rank, default=None)


@pytest.mark.parametrize("count", [0, 1, 40])
@pytest.mark.parametrize("name", FLOODS)
def test_lesser_faults_hide_no_attack(name: str, count: int, tmp_path: Path) -> None:
    check, make = FLOODS[name]
    assert verdict_of(check, tmp_path, {name: make(count)}) is FileVerdict.ATTACK
