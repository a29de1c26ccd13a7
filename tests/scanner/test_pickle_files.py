"""Our own reading of pickles, without the second opinion: finds every attack, and agrees with picklescan."""

from __future__ import annotations

import io
import pickle
import pickletools
import tarfile
from pathlib import Path

import pytest

from scanner.pickles.files import look_into
from scanner.pickles.globals import Tier, classify
from scanner.pickles.reader import read_pickles
from scanner.pickles.second_opinion import ask_picklescan
from tests.assets import make_file_assets as assets
from tests.assets.archives import zip_bytes
from tests.assets.pickle_cases import calling, npy_bytes

ATTACKS = assets.pickle_attacks()


def paths_in(file: Path) -> set[str]:
    return {use.path for found in look_into(file, file.name).pickles for use in found.reading.globals}


@pytest.mark.parametrize("name", ATTACKS)
def test_own_reader_names_the_global(name: str, tmp_path: Path) -> None:
    data, expected = ATTACKS[name]
    (tmp_path / name).write_bytes(data)
    assert any(expected in path for path in paths_in(tmp_path / name))


@pytest.mark.parametrize("name", ATTACKS)
def test_own_reader_sees_all_that_picklescan_sees(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(ATTACKS[name][0])
    opinion = ask_picklescan(tmp_path / name)
    assert {f"{module}.{attribute}" for module, attribute in opinion.globals} <= paths_in(tmp_path / name)


@pytest.mark.parametrize("protocol", range(6))
def test_reader_stops_where_the_loader_stops(protocol: int) -> None:
    value = [
        {"a": (1, 2.5, None, True)},
        {1, 2},
        frozenset({3}),
        b"x" * 300,
        bytearray(b"y"),
        "z" * 70_000,
        -(2**90),
    ]
    value.append(value[0])
    data = pickle.dumps(value, protocol)
    reading = read_pickles(lambda: io.BytesIO(data + data))
    assert (reading.streams, reading.fault, reading.trailing_at) == (2, "", None)
    assert reading.opcodes == 2 * sum(1 for _ in pickletools.genops(data))


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_every_cut_is_noticed(cut: int) -> None:
    data = pickle.dumps({"weights": [1, 2, 3], "name": "model", "more": ("text", 2.5, None)})
    assert read_pickles(lambda: io.BytesIO(data[:-cut])).fault


def test_bytes_behind_a_pickle_that_are_none_are_placed() -> None:
    assert read_pickles(lambda: io.BytesIO(b"N.\xff\xff\xff")).trailing_at == 2


def without_tar_magic(data: bytes) -> bytes:
    """The tar archive `data` with every header as Unix V7 wrote it."""
    out = bytearray(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            head = memoryview(out)[info.offset : info.offset + 512]
            head[257:512] = bytes(255)
            head[148:156] = b" " * 8
            head[148:156] = b"%06o\0 " % sum(head)
    return bytes(out)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.bin", "model.pt"])
def test_tar_without_magic_is_opened_as_torch_does(name: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("pickle")
        attack = assets.calling("os", "system")
        info.size = len(attack)
        archive.addfile(info, io.BytesIO(attack))
    (tmp_path / name).write_bytes(without_tar_magic(buffer.getvalue()))
    assert paths_in(tmp_path / name) == {"os.system"}


def test_length_of_a_safetensors_header_is_not_taken_for_a_pickle(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    header = b"{}".ljust(0x0280)  # in little-endian order the two bytes with which pickles begin
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    assert not look_into(file, file.name).is_relevant
    file.write_bytes(pickle.PROTO + b"\x02" + assets.calling("os", "system"))
    assert paths_in(file) == {"os.system"}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "optimizer.bin"])
@pytest.mark.parametrize("data", [b"", b"\x01garbage", b"version https://git-lfs.github.com/spec/v1\noid"])
def test_file_that_torch_would_load_is_never_passed_over(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    reading = look_into(tmp_path / name, name)
    assert reading.unreadable or reading.pickles[0].reading.fault
    (tmp_path / "openvino_model.bin").write_bytes(data)
    assert not look_into(tmp_path / "openvino_model.bin", "openvino_model.bin").is_relevant


def test_prefix_pickle_and_zip_are_both_read(tmp_path: Path) -> None:
    file = tmp_path / "both.bin"
    file.write_bytes(
        assets.calling("os", "system") + assets.zip_bytes({"data.pkl": assets.calling("builtins", "eval")})
    )
    assert paths_in(file) >= {"os.system", "builtins.eval"}


@pytest.mark.parametrize(
    ("module", "name", "tier"),
    [
        ("posix", "system", Tier.ATTACK),
        ("os.path", "expanduser", Tier.ATTACK),
        ("uuid", "_get_command_stdout", Tier.ATTACK),
        ("uuid", "UUID", Tier.PLUMBING),
        ("numpy._core.multiarray", "_reconstruct", Tier.PLUMBING),
        ("numpy", "core.os.system", Tier.ATTACK),
        ("torch", "serialization.os.system", Tier.ATTACK),
        ("torch", "FloatStorage.__init__.__globals__", Tier.ATTACK),
        ("pkg.mod", "Config.from_dict", Tier.INSTANCE),
        ("pkg.mod", "make_thing", Tier.INSTANCE),
        ("pkg.mod", "download_file", Tier.ATTACK),
        ("\x00\x01", "x", Tier.ATTACK),
        ("builtins", "ValueError", Tier.INSTANCE),
        ("builtins", "print", Tier.ATTACK),
        ("collections", "OrderedDict", Tier.PLUMBING),
        ("collections", "OrderedDict.fromkeys", Tier.ATTACK),
    ],
)
def test_global_is_classified(module: str, name: str, tier: Tier) -> None:
    verdict = classify(module, name)
    assert verdict.tier is tier
    assert verdict.why


def test_everything_the_safe_loader_of_torch_accepts_is_plumbing() -> None:
    from torch._weights_only_unpickler import _get_allowed_globals

    paths = [path.rpartition(".") for path in _get_allowed_globals()]
    assert [path for path in paths if classify(path[0], path[2]).tier is not Tier.PLUMBING] == []


def test_everything_picklescan_calls_dangerous_is_an_attack_or_an_instance() -> None:
    from picklescan.scanner import _unsafe_globals

    judged = {
        (module, name): classify(module, name).tier
        for module, names in _unsafe_globals.items()
        for name in (["anything"] if names == "*" else [names] if isinstance(names, str) else names)
    }
    assert {pair for pair, tier in judged.items() if tier is not Tier.ATTACK} <= {
        ("functools", "partial"),
        ("operator", "itemgetter"),
        ("_operator", "itemgetter"),
    }


def test_member_without_a_name_hides_no_other(tmp_path: Path) -> None:
    data = zip_bytes({"nameless": calling("os", "system"), "y": calling("posix", "system")})
    # Readers take a name to end at its first zero.
    (tmp_path / "m.bin").write_bytes(data.replace(b"nameless", bytes(8)))
    assert {"os.system", "posix.system"} <= paths_in(tmp_path / "m.bin")


@pytest.mark.parametrize("descr", ["f()", "{'a': object()}", "-''"])
def test_header_that_is_no_constant_is_told_in_the_same_words_each_time(descr: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(npy_bytes(b"", descr))
    (part,) = look_into(path, "a.npy").unreadable
    assert "no table of constants" in part.reason
    assert "0x" not in part.reason
