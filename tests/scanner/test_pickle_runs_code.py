"""pickle-runs-code: attacks are named, class instances told apart from them, ordinary checkpoints pass."""

from __future__ import annotations

import base64
import dataclasses
import os
import pickle
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.checks.pickle_runs_code import CHECK
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Outcome, Severity
from tests.assets import make_file_assets as assets
from tests.scanner.check_runs import context_of, findings_of, measurements_of

ATTACKS = assets.pickle_attacks()
INSTANCES = assets.pickle_instances()
UNREADABLE = assets.pickle_unreadable()


def findings(folder: Path, files: Mapping[str, bytes]) -> list[Finding]:
    return findings_of(CHECK, assets.write_all(folder, files))


def outcomes(found: list[Finding]) -> set[tuple[Outcome, str]]:
    return {(each.outcome, each.rule) for each in found}


@dataclasses.dataclass
class Settings:
    """An ordinary class instance."""

    rate: float = 0.1


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_fails_and_names_the_global(name: str, tmp_path: Path) -> None:
    data, expected = ATTACKS[name]
    found = findings(tmp_path, {name: data})
    attacks = [
        each
        for each in found
        if each.severity in (Severity.CRITICAL, Severity.HIGH) and each.outcome is Outcome.FAIL
    ]
    assert any(expected in each.message for each in attacks)
    assert Outcome.PASS not in {each.outcome for each in found}
    assert all("CWE-502" in each.tags and each.remediation and each.evidence for each in attacks)
    assert all(each.locations[0].path == name for each in attacks)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02((cos\nsystem\nS'true'\n\x85RtQ.",
        b"\x80\x02c_codecs\nencode\nX\x01\0\0\0acos\nsystem\nS'true'\n\x85R\x86R.",
    ],
    ids=["key-of-the-outside", "encoding"],
)
def test_what_a_call_made_stands_where_a_text_is_expected(data: bytes, tmp_path: Path) -> None:
    found = findings(tmp_path, {"m.pkl": data})
    (attack,) = (each for each in found if "system" in each.message)
    assert (attack.outcome, attack.severity) == (Outcome.FAIL, Severity.CRITICAL)


def test_attack_is_placed_by_member_and_byte(tmp_path: Path) -> None:
    found = findings(tmp_path, {"torch.pt": ATTACKS["torch.pt"][0]})
    assert found[0].locations[0].detail.startswith("archive/data.pkl, byte ")


def test_known_attack_is_critical_and_guess_by_name_is_high(tmp_path: Path) -> None:
    files = {name: ATTACKS[name][0] for name in ("proto4.pkl", "library_gadget.pkl")}
    severities = {each.locations[0].path: each.severity for each in findings(tmp_path, files)}
    assert severities == {"proto4.pkl": Severity.CRITICAL, "library_gadget.pkl": Severity.HIGH}


@pytest.mark.parametrize("name", INSTANCES)
def test_class_instance_is_medium(name: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {name: INSTANCES[name]})
    assert [(each.outcome, each.rule, each.severity) for each in found] == [
        (Outcome.FAIL, "class-instance", Severity.MEDIUM)
    ]


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_file_is_an_error_with_a_reason(name: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {name: UNREADABLE[name]})
    assert {(each.outcome, each.rule) for each in found} == {(Outcome.ERROR, "unreadable")}
    assert all(name in each.reason for each in found)
    assert measurements_of(CHECK, tmp_path)[0].value == 0


@pytest.mark.parametrize("name", assets.not_pickles())
def test_file_that_is_no_pickle_is_not_mentioned(name: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {name: assets.not_pickles()[name]})
    assert outcomes(found) == {(Outcome.NOT_RUN, "nothing-to-examine")}


def test_random_bytes_in_bin_are_not_mentioned(tmp_path: Path) -> None:
    files = {f"weights{seed}.bin": bytes([seed]) + os.urandom(4096) for seed in range(0, 128, 3)}
    found = findings(tmp_path, files)
    assert outcomes(found) == {(Outcome.NOT_RUN, "nothing-to-examine")}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_and_arrays_pass(protocol: int, tmp_path: Path) -> None:
    import numpy as np

    value = {
        "w": np.ones((2, 3)),
        "s": np.float32(1),
        "b": b"raw",
        "set": {1},
        "big": 2**70,
        "text": "é" * 999,
    }
    found = findings(tmp_path, {"plain.pkl": pickle.dumps(value, protocol)})
    assert outcomes(found) == {(Outcome.PASS, "tensor-plumbing")}


@pytest.mark.parametrize("protocol", range(6))
def test_dataclass_needs_a_class_instance(protocol: int, tmp_path: Path) -> None:
    found = findings(tmp_path, {"settings.pkl": pickle.dumps(Settings(), protocol)})
    assert outcomes(found) == {(Outcome.FAIL, "class-instance")}
    assert "Settings" in found[0].message


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that people save with torch, numpy and joblib, without a class instance."""
    import joblib
    import numpy as np
    import torch

    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    optimiser = torch.optim.AdamW(layers.parameters())
    layers(torch.randn(3, 4)).sum().backward()
    optimiser.step()
    state = {
        "model": layers.state_dict(),
        "optimiser": optimiser.state_dict(),
        "rng": torch.get_rng_state(),
        "epoch": 3,
    }
    kinds = {
        "sparse": torch.eye(3).to_sparse(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "size": torch.Size([1]),
        "fp8": torch.zeros(3, dtype=torch.float8_e4m3fn),
        "dtype": torch.bfloat16,
        "device": torch.device("cpu"),
    }
    torch.save(layers.state_dict(), folder / "pytorch_model.bin")
    torch.save(layers.state_dict(), folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state, folder / "training.ckpt")
    torch.save(kinds, folder / "kinds.pt")
    np.save(folder / "plain.npy", np.ones(3))
    np.save(folder / "objects.npy", np.array([1, "a", None], dtype=object), allow_pickle=True)
    np.savez_compressed(folder / "both.npz", a=np.ones(3), b=np.array([{}], dtype=object))
    records = np.zeros(3, dtype=[("x", "f4"), ("y", "i8")])
    mixed = {
        "f": np.arange(999.0),
        "u": np.array(["ab", "c"]),
        "r": records,
        "o": np.array([1, None]),
        "e": np.zeros((0, 3)),
    }
    joblib.dump(mixed, folder / "arrays.joblib")
    joblib.dump(mixed, folder / "compressed.joblib", compress=3)
    joblib.dump(mixed, folder / "gzipped.pkl", compress=("gzip", 3))
    return folder


def test_ordinary_checkpoints_pass(checkpoints: Path) -> None:
    found = findings_of(CHECK, checkpoints)
    assert outcomes(found) == {(Outcome.PASS, "tensor-plumbing")}
    assert {place.path for place in found[0].locations} == {path.name for path in checkpoints.iterdir()}


def test_array_of_objects_by_joblib_is_as_plain_as_by_numpy(tmp_path: Path) -> None:
    import joblib
    import numpy as np

    joblib.dump({"a": np.array(["x", None], dtype=object)}, tmp_path / "objects.joblib")
    assert outcomes(findings_of(CHECK, tmp_path)) == {(Outcome.PASS, "tensor-plumbing")}
    joblib.dump({"a": np.array([Settings()], dtype=object)}, tmp_path / "objects.joblib")
    assert outcomes(findings_of(CHECK, tmp_path)) == {(Outcome.FAIL, "class-instance")}


def test_files_scanned_counts_readable_pickle_files(checkpoints: Path) -> None:
    measured = measurements_of(CHECK, checkpoints)
    assert [(each.name, each.value, each.n) for each in measured] == [("pickle.files_scanned", 10, 10)]


def test_whole_module_needs_a_class_instance(tmp_path: Path) -> None:
    import torch

    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    assert outcomes(findings_of(CHECK, tmp_path)) == {(Outcome.FAIL, "class-instance")}


def test_clean_files_still_pass_beside_an_attack(tmp_path: Path) -> None:
    found = findings(tmp_path, {"bad.pkl": ATTACKS["proto4.pkl"][0], "good.pkl": pickle.dumps({"a": 1})})
    assert [(each.outcome, each.locations[0].path) for each in found] == [
        (Outcome.FAIL, "bad.pkl"),
        (Outcome.PASS, "good.pkl"),
    ]


def test_nothing_is_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    folder = tmp_path / "model"
    findings(
        folder,
        {
            "bad.pkl": assets.calling("os", "mkdir", str(marker)),
            "bad.pt": assets.calling("os", "mkdir", str(marker)),
        },
    )
    assert not marker.exists()


def test_payload_in_twice_wrapped_constant_is_found(tmp_path: Path) -> None:
    inner = assets.with_constant(base64.b64encode(assets.calling("os", "system")))
    found = findings(tmp_path, {"nested.pkl": assets.with_constant(inner)})
    assert any("os.system" in each.message and "base64" in each.message for each in found)


def test_innocent_base64_in_a_constant_passes(tmp_path: Path) -> None:
    value = {
        "image": base64.b64encode(os.urandom(900)),
        "hex": os.urandom(99).hex(),
        "inner": pickle.dumps([1, 2]),
    }
    assert outcomes(findings(tmp_path, {"value.pkl": pickle.dumps(value)})) == {
        (Outcome.PASS, "tensor-plumbing")
    }


def test_claimed_length_is_not_allocated(tmp_path: Path) -> None:
    huge = b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"x"
    assert outcomes(findings(tmp_path, {"huge.pkl": huge})) == {(Outcome.ERROR, "unreadable")}


def test_decompression_does_not_hold_the_whole(tmp_path: Path) -> None:
    import tracemalloc

    bomb = b"\x80\x04B" + (64 * 1024**2).to_bytes(4, "little") + bytes(64 * 1024**2) + b"."
    folder = assets.write_all(tmp_path, {"bomb.joblib": zlib.compress(bomb)})
    context = context_of(folder)
    tracemalloc.start()
    said = list(CHECK.run(context))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each.outcome for each in said if isinstance(each, Finding)] == [Outcome.PASS]
    assert peak_bytes < 16 * 1024**2


def test_evidence_lists_every_global(tmp_path: Path) -> None:
    folder = assets.write_all(tmp_path / "model", {"bad.pkl": ATTACKS["proto4.pkl"][0]})
    context = context_of(folder)
    found = [item for item in CHECK.run(context) if isinstance(item, Finding)]
    kept = EvidenceStore(context.evidence.root).get(found[0].evidence[0].sha256)
    assert b'"module":"os","name":"system"' in kept


def test_many_attacks_are_summed_up(tmp_path: Path) -> None:
    many = b"\x80\x04" + b"".join(b"cos\nfunction%d\n0" % number for number in range(50)) + b"N."
    found = findings(tmp_path, {"many.pkl": many})
    assert len(found) == 21
    assert "30 more" in found[-1].message


def test_file_that_vanished_is_an_error(tmp_path: Path) -> None:
    folder = assets.write_all(tmp_path / "model", {"gone.pkl": b"N."})
    context = context_of(folder)
    (folder / "gone.pkl").unlink()
    said = [item for item in CHECK.run(context) if isinstance(item, Finding)]
    assert {each.outcome for each in said} == {Outcome.ERROR}


def test_names_that_old_libraries_wrote_are_known(tmp_path: Path) -> None:
    array = b"cnumpy.core._internal\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR."
    model = b"}S'hashfxn'\ncgensim.utils\ncall_on_class_only\ns."
    assert outcomes(findings(tmp_path / "a", {"old.pkl": array})) == {(Outcome.PASS, "tensor-plumbing")}
    assert outcomes(findings(tmp_path / "b", {"word2vec.model": model})) == {(Outcome.FAIL, "class-instance")}
