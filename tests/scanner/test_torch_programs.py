"""Programs in archives of torch: TorchScript that reaches out, and Python source, are told."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from scanner.checks.pickle_runs_code import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome
from scanner.pickles.programs import torchscript_calls
from tests.assets.archives import zip_bytes
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_PICKLE = b"\x80\x02c__torch__\nNet\n)\x81}b."


def scripted(body: str) -> bytes:
    head = "class Net(Module):\n  def forward(self: __torch__.Net, x: Tensor) -> Tensor:\n"
    code = f"{head}    {body}\n    return x\n"
    members = {"n/data.pkl": _PICKLE, "n/code/__torch__.py": code.encode(), "n/constants.pkl": b"\x80\x02)."}
    return zip_bytes({**members, "n/version": b"3\n"})


def packaged(source: bytes) -> bytes:
    return zip_bytes({"p/data.pkl": b"\x80\x02}.", "p/net/model.py": source, "p/.data/version": b"6\n"})


def verdicts(folder: Path, data: bytes) -> list[tuple[str, FileVerdict | None]]:
    found = findings_of(CHECK, write_all(folder, {"model.pt": data}))
    return [(each.rule, CHECK.verdict_of(each)) for each in found]


@pytest.mark.parametrize(
    "body",
    [
        '_0 = torch.save(x, "/tmp/x")',
        '_0 = ops.aten.save(x, "/tmp/x")',
        'x = torch.from_file("/etc/passwd", True, 10)',
        'x = torch . \\\n  from_file("/etc/passwd", True, 10)',
        'x = torch.  # a remark\n  from_file("/etc/passwd")',
        'ops.image.write_file("/tmp/x", x)',
        'f = getattr(torch, "save")',
        f'f = getattr(torch,{" " * 300}"save")',
    ],
)
def test_torchscript_that_reaches_out_is_an_attack(body: str, tmp_path: Path) -> None:
    assert verdicts(tmp_path, scripted(body)) == [("program-reaches-out", FileVerdict.ATTACK)]


def test_calls_without_end_are_looked_at_once() -> None:
    started = time.process_time()
    assert not list(torchscript_calls("m.py", b"getattr(a, " * 500_000))
    assert time.process_time() - started < 5


def test_torchscript_that_computes_is_plain(tmp_path: Path) -> None:
    import torch

    class Net(torch.nn.Module):  # type: ignore[misc]  # torch is not looked into here
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x).sum()

    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(Net(), torch.ones(1, 2)), buffer)
    found = findings_of(CHECK, write_all(tmp_path, {"model.pt": buffer.getvalue()}))
    assert [each.outcome for each in found] == [Outcome.PASS]
    saves_itself = scripted("_0 = (self.memory).save(x)")
    assert verdicts(tmp_path / "other", saves_itself) == [("tensor-plumbing", FileVerdict.PLAIN_DATA)]


def test_python_in_an_archive_is_for_a_person_to_read_and_an_attack_when_it_runs_programs(
    tmp_path: Path,
) -> None:
    harmless = verdicts(tmp_path / "a", packaged(b"import torch\nclass Net(torch.nn.Module):\n    pass\n"))
    hostile = verdicts(tmp_path / "b", packaged(b"import os\nos.system('echo weighbridge')\n"))
    broken = verdicts(tmp_path / "c", packaged(b"def (:\n"))
    assert harmless == [("carries-program", FileVerdict.NEEDS_CLASS_INSTANCE)]
    assert hostile == [("program-reaches-out", FileVerdict.ATTACK)]
    assert broken == [("program-reaches-out", FileVerdict.ATTACK)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.pkl", _PICKLE),
        ("model.pt", zip_bytes({"n/data.pkl": _PICKLE, "n/version": b"3\n"})),
        ("extra.pt", zip_bytes({"n/extra/data.pkl": _PICKLE, "n/constants.pkl": b"\x80\x02)."})),
    ],
)
def test_class_of_a_program_that_is_not_in_the_archive_is_needed(
    name: str, data: bytes, tmp_path: Path
) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {name: data}))
    assert [each.rule for each in found] == ["class-instance"]
