"""Devices: what is absent is an error with a reason, never the CPU in its place."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from probes import devices
from probes.backend import DeviceError


def _gpu(count: int) -> SimpleNamespace:
    return SimpleNamespace(
        is_available=lambda: count > 0,
        device_count=lambda: count,
        get_device_name=lambda index: f"GPU {index}",
    )


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that was built with CUDA and sees two GPUs."""
    import torch

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch, "cuda", _gpu(2))
    monkeypatch.setattr(
        torch.accelerator,
        "current_accelerator",
        lambda check_available: SimpleNamespace(type="cuda", index=None),
    )


@pytest.fixture
def no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch for CPUs only, whatever this machine has."""
    import torch

    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)


def test_every_kind_is_listed_with_a_reason_and_a_fix_when_absent(no_accelerator: None) -> None:
    found = {device.kind: device for device in devices.list_devices()}
    assert list(found) == ["cuda", "npu", "xpu", "mps", "cpu"]
    assert found["cpu"].is_present
    assert found["cpu"].detail
    assert not found["cuda"].is_present
    for device in found.values():
        assert device.is_present == bool(device.names) == (not device.reason)
        assert device.is_present or device.fix


def test_auto_is_the_cpu_without_an_accelerator(no_accelerator: None) -> None:
    assert devices.resolve_device("auto") == "cpu"


def test_auto_is_the_accelerator_that_torch_finds(two_gpus: None) -> None:
    assert devices.resolve_device("auto") == "cuda:0"


def test_a_named_accelerator_gets_its_index(two_gpus: None) -> None:
    assert devices.resolve_device("cuda") == "cuda:0"
    assert devices.resolve_device("cuda:1") == "cuda:1"


def test_an_index_beyond_the_last_device_is_an_error(two_gpus: None) -> None:
    with pytest.raises(DeviceError, match="cuda:2 is not here: 2 of that kind"):
        devices.resolve_device("cuda:2")


@pytest.mark.parametrize("asked", ["cuda", "cuda:0", "npu", "npu:1"])
def test_an_absent_device_never_falls_back(no_accelerator: None, asked: str) -> None:
    with pytest.raises(DeviceError, match=f"device {asked} is not here") as caught:
        devices.resolve_device(asked)
    assert caught.value.hint


@pytest.mark.parametrize("asked", ["npuu", "cuda:x", "cpu:1", "", "gpu", "cuda:0:1"])
def test_an_unknown_device_is_an_error(asked: str) -> None:
    with pytest.raises(DeviceError, match="unknown device"):
        devices.resolve_device(asked)


def test_a_near_miss_names_the_device_meant() -> None:
    with pytest.raises(DeviceError, match="did you mean 'npu'"):
        devices.resolve_device("npuu")


def test_a_broken_extension_is_a_reason_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    # torch_npu is installed, and its shared libraries are not.
    broken = ModuleType("torch_npu")
    broken.__spec__ = None

    def import_module(name: str) -> ModuleType:
        if name == "torch_npu":
            raise ImportError("libascendcl.so: cannot open shared object file")
        return sys.modules[name] if name in sys.modules else __import__(name)

    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(devices.importlib, "import_module", import_module)
    found = {device.kind: device for device in devices.list_devices()}
    assert not found["npu"].is_present
    assert "libascendcl.so" in found["npu"].reason


def test_torch_that_cannot_be_imported_is_a_reason_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> ModuleType:
        raise OSError("libtorch_cpu.so: undefined symbol")

    monkeypatch.setattr(devices.importlib, "import_module", import_module)
    assert all("undefined symbol" in device.reason for device in devices.list_devices())


def test_free_memory_is_a_plausible_number_or_unknown() -> None:
    free = devices.free_memory_bytes("cpu")
    assert free is None or 0 < free < 2**50
