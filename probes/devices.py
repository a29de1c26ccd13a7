"""The devices a model can be questioned on: what is here, why the others are not, and what would change that.

>>> resolve_device("cpu")
'cpu'
>>> [device.kind for device in list_devices()]
['cuda', 'npu', 'xpu', 'mps', 'cpu']
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from probes.backend import DeviceError
from scanner.registry import nearest

_TITLES: Final = {
    "cuda": "NVIDIA GPU (CUDA) or AMD GPU (ROCm)",
    "npu": "Huawei Ascend NPU",
    "xpu": "Intel GPU",
    "mps": "Apple GPU",
    "cpu": "processor",
}
_FIXES: Final = {
    "cuda": "install the driver and a torch build for it (https://pytorch.org/get-started/locally)",
    "npu": "install CANN, its driver and the matching torch-npu (https://github.com/Ascend/pytorch)",
    "xpu": "install Intel's GPU driver and the xpu build of torch",
    "mps": "needs an Apple silicon Mac with macOS 12.3 or later",
    "cpu": "",
}
_NAMED: Final = re.compile(r"(cpu|mps)|(cuda|npu|xpu)(?::(\d{1,3}))?")
# What a broken driver or a half-installed extension raises from an import or a first call.
_BROKEN: Final = (ImportError, OSError, RuntimeError, AttributeError, AssertionError)


@dataclass(frozen=True)
class Device:
    """One kind of device, present or not.

    Attributes:
        kind: "cuda", "npu", "xpu", "mps" or "cpu": what `--device` takes.
        title: What it is, for people.
        is_present: Whether a model can be loaded on it now.
        names: One per device of the kind: "NVIDIA H100 80GB HBM3".
        reason: Why it is absent, "" when present.
        fix: What would make it present, "" when it is or nothing can.
    """

    kind: str
    title: str
    is_present: bool
    names: tuple[str, ...] = ()
    reason: str = ""
    fix: str = ""

    @property
    def name(self) -> str:
        """Kind and title: "npu (Huawei Ascend NPU)"."""
        return f"{self.kind} ({self.title})"

    @property
    def detail(self) -> str:
        """What is here, or why nothing is."""
        return ", ".join(self.names) if self.is_present else self.reason


def list_devices() -> tuple[Device, ...]:
    """Every kind of device, whether present or not; never raises for what is missing or broken."""
    try:
        torch = importlib.import_module("torch")
    except _BROKEN as error:
        why = f"torch cannot be imported: {error}"
        return tuple(Device(kind, _TITLES[kind], False, (), why, "reinstall Weighbridge") for kind in _TITLES)
    return tuple(_look(torch, kind) for kind in _TITLES)


def resolve_device(asked: str) -> str:
    """The device that `asked` means here: "auto" is the accelerator that torch finds, else "cpu".

    Raises:
        DeviceError: when a named device is not known or not here; never falls back to another.
    """
    if asked == "auto":
        return _automatic()
    match = _NAMED.fullmatch(asked)
    if match is None:
        raise DeviceError(
            f"unknown device '{asked}'{nearest(asked, ['auto', *_TITLES])}",
            hint="name auto, cpu, cuda, cuda:1, npu, npu:1, xpu or mps",
        )
    kind, index = match[1] or match[2], int(match[3] or 0)
    found = _look(importlib.import_module("torch"), kind)
    if not found.is_present:
        raise DeviceError(
            f"device {asked} is not here: {found.reason}",
            hint=f"{found.fix}; or leave --device out to use what is here",
        )
    if index >= len(found.names):
        raise DeviceError(
            f"device {asked} is not here: {len(found.names)} of that kind are, counted from 0",
            hint="weighbridge doctor lists them",
        )
    return kind if match[1] else f"{kind}:{index}"


def explain_choice(asked: str, device: str) -> str:
    """Why a model runs where it runs: "cuda: ...; npu: ...", what `auto` passed over, in one sentence."""
    if asked != "auto":
        return f"{device}, as asked for"
    if device != "cpu":
        return f"{device}, the accelerator that torch finds"
    absent = "; ".join(f"{each.kind}: {each.reason}" for each in list_devices() if not each.is_present)
    return f"cpu, since no accelerator can be used here ({absent})"


def free_memory_bytes(device: str) -> int | None:
    """Memory that a model may still take on `device`, None where it cannot be told."""
    torch = importlib.import_module("torch")
    if device == "cpu":
        return _free_main_memory()
    if device == "mps":
        return None
    try:
        return int(getattr(torch, device.partition(":")[0]).mem_get_info(device)[0])
    except _BROKEN:
        return None


def _automatic() -> str:
    torch = importlib.import_module("torch")
    _wake_npu()
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None:
        return "cpu"
    return found.type if found.type == "mps" else f"{found.type}:{found.index or 0}"


def _look(torch: ModuleType, kind: str) -> Device:
    try:
        names, reason = _SEARCHES[kind](torch)
    except _BROKEN as error:
        names, reason = (), f"{type(error).__name__}: {error}"
    fix = "" if names else _FIXES[kind]
    return Device(kind, _TITLES[kind], bool(names), names, "" if names else reason, fix)


def _search_cpu(_: ModuleType) -> tuple[tuple[str, ...], str]:
    return (platform.processor() or platform.machine() or "cpu",), ""


def _search_mps(torch: ModuleType) -> tuple[tuple[str, ...], str]:
    if not torch.backends.mps.is_built():
        return (), "this torch was built without it"
    return (("Apple GPU",), "") if torch.backends.mps.is_available() else ((), "this Mac has none")


def _search_cuda(torch: ModuleType) -> tuple[tuple[str, ...], str]:
    if torch.version.cuda is None and torch.version.hip is None:
        return (), f"torch {torch.__version__} was built without CUDA or ROCm"
    return _names(torch.cuda), "torch finds no GPU; the driver is missing, too old, or hides it"


def _search_npu(torch: ModuleType) -> tuple[tuple[str, ...], str]:
    if importlib.util.find_spec("torch_npu") is None:
        return (), "the package torch-npu is not installed"
    _wake_npu(must=True)
    return _names(torch.npu), "torch-npu finds no NPU; the driver or CANN is missing"


def _search_xpu(torch: ModuleType) -> tuple[tuple[str, ...], str]:
    if getattr(torch.version, "xpu", None) is None:
        return (), f"torch {torch.__version__} was built without XPU"
    return _names(torch.xpu), "torch finds no Intel GPU"


_SEARCHES: Final[dict[str, Callable[[ModuleType], tuple[tuple[str, ...], str]]]] = {
    "cuda": _search_cuda,
    "npu": _search_npu,
    "xpu": _search_xpu,
    "mps": _search_mps,
    "cpu": _search_cpu,
}


def _names(backend: Any) -> tuple[str, ...]:  # noqa: ANN401 - torch.cuda, torch.npu, torch.xpu are modules
    if not backend.is_available():
        return ()
    return tuple(str(backend.get_device_name(index)) for index in range(backend.device_count()))


def _wake_npu(*, must: bool = False) -> None:
    """Registers Ascend with torch; torch does so itself unless autoloading is switched off."""
    if importlib.util.find_spec("torch_npu") is None:
        return
    try:
        importlib.import_module("torch_npu")
    except _BROKEN:
        if must:
            raise


def _free_main_memory() -> int | None:
    """What Linux says is available, within the container's limit; None on other systems."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return available
    return min(available, max(0, limit - used))
