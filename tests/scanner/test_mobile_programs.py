"""Mobile TorchScript: what its bytecode calls is told, whatever the source beside it says."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from scanner.checks.pickle_runs_code import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome
from tests.assets.archives import zip_bytes
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of


def verdicts(folder: Path, data: bytes) -> list[tuple[str, FileVerdict | None]]:
    found = findings_of(CHECK, write_all(folder, {"model.ptl": data}))
    return [(each.rule, CHECK.verdict_of(each)) for each in found]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a real program: more operators than a short tuple has."""
    import torch

    class Net(torch.nn.Module):  # type: ignore[misc]  # torch is not looked into here
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.relu(self.layer(x)) + torch.sin(x) * torch.cos(x) / torch.exp(x) - torch.tanh(x)
            return torch.sum(torch.sigmoid(y))

    path = tmp_path_factory.mktemp("mobile") / "model.ptl"
    torch.jit.script(Net())._save_for_lite_interpreter(str(path))
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def calling(members: dict[str, bytes], operator: str) -> bytes:
    """The program with another operator in its bytecode in the place of "aten::sin"."""
    old, new = (b"X" + len(name).to_bytes(4, "little") + name.encode() for name in ("aten::sin", operator))
    changed = {
        name: data.replace(old, new) if name.endswith("bytecode.pkl") else data
        for name, data in members.items()
    }
    assert changed != members
    return zip_bytes(changed)


def test_an_honest_program_is_plain(honest: dict[str, bytes], tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {"model.ptl": zip_bytes(honest)}))
    assert [each.outcome for each in found] == [Outcome.PASS]


@pytest.mark.parametrize("operator", ["aten::from_file", "aten::save", "prim::PythonOp", "image::read_file"])
def test_bytecode_that_reaches_out_is_an_attack(
    honest: dict[str, bytes], operator: str, tmp_path: Path
) -> None:
    assert verdicts(tmp_path, calling(honest, operator)) == [("program-reaches-out", FileVerdict.ATTACK)]


def test_bytecode_alone_is_judged_too(honest: dict[str, bytes], tmp_path: Path) -> None:
    alone = {name: data for name, data in honest.items() if "/code/" not in name}
    found = verdicts(tmp_path, calling(alone, "aten::from_file"))
    assert found == [("program-reaches-out", FileVerdict.ATTACK)]


def test_an_operator_of_an_extension_is_for_a_person_to_read(
    honest: dict[str, bytes], tmp_path: Path
) -> None:
    found = verdicts(tmp_path, calling(honest, "acme::shell"))
    assert found == [("carries-program", FileVerdict.NEEDS_CLASS_INSTANCE)]


def test_a_table_of_many_operators_is_read_to_its_end(tmp_path: Path) -> None:
    import pickle

    operators = tuple((f"aten::op{number}", "", 1) for number in range(500))
    table = (8, ("__torch__.M.forward", (("operators", (*operators, ("aten::save", "", 2))),)))
    members = {"m/data.pkl": b"\x80\x02}.", "m/version": b"3\n", "m/bytecode.pkl": pickle.dumps(table, 2)}
    assert ("program-reaches-out", FileVerdict.ATTACK) in verdicts(tmp_path, zip_bytes(members))


def test_a_program_in_flatbuffers_says_that_it_cannot_be_read(tmp_path: Path) -> None:
    data = (24).to_bytes(4, "little") + b"PTMF" + bytes(64)
    found = findings_of(CHECK, write_all(tmp_path, {"model.ptl": data}))
    assert any("FlatBuffers" in each.reason for each in found)
    assert not any(each.outcome is Outcome.PASS for each in found)


def test_operators_in_a_broken_table_are_still_seen() -> None:
    from scanner.pickles.mobile_programs import judge_bytecode

    table = b"\x80\x02X\x0a\x00\x00\x00aten::saveX\x00\x00\x00\x00\x86"
    assert [found.what for found in judge_bytecode("m", io.BytesIO(table))] == [
        "calls 'save', which writes a file"
    ]
