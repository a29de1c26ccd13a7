"""llama.cpp as a library: kept silent, its devices listed, its complaints kept for error messages.

A build of llama.cpp knows the devices it was compiled for and no others: a wheel made without CUDA finds no
GPU, however many there are.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from probes.backend import DeviceError, EngineAbsentError
from scanner.registry import nearest

INSTALL: Final = "pip install 'weighbridge[llamacpp]' (compiles llama.cpp for this machine: some minutes)"
# Source: enum ggml_backend_dev_type of ggml-backend.h.
_CPU_TYPES: Final = (0, 3)  # CPU, ACCEL (BLAS and the like, which work for the CPU)
# Names of ggml's backends by what `--device` takes. Source: ggml_backend_*_reg of ggml/src/*.
_KINDS: Final = {
    "CUDA": "cuda",
    "ROCm": "cuda",  # as torch calls AMD's GPUs
    "CANN": "npu",
    "SYCL": "xpu",
    "MTL": "mps",
    "Metal": "mps",
    "Vulkan": "vulkan",
    "OpenCL": "opencl",
    "MUSA": "musa",
}
_ALIASES: Final = {"metal": "mps", "cann": "npu", "sycl": "xpu", "rocm": "cuda", "hip": "cuda"}
_FIXES: Final = {
    "cuda": "CMAKE_ARGS=-DGGML_CUDA=on (NVIDIA) or -DGGML_HIP=on (AMD)",
    "npu": "CMAKE_ARGS=-DGGML_CANN=on with CANN's set_env.sh sourced",
    "xpu": "CMAKE_ARGS=-DGGML_SYCL=on with oneAPI's setvars.sh sourced",
    "mps": "CMAKE_ARGS=-DGGML_METAL=on, on a Mac",
    "vulkan": "CMAKE_ARGS=-DGGML_VULKAN=on with the Vulkan SDK",
    "opencl": "CMAKE_ARGS=-DGGML_OPENCL=on",
    "musa": "CMAKE_ARGS=-DGGML_MUSA=on",
}
_ERROR_LEVEL: Final = 3  # Source: enum ggml_log_level of ggml.h.


@dataclass(frozen=True)
class LlamaDevice:
    """One device that this build of llama.cpp found.

    Attributes:
        kind: What `--device` takes: "cuda", "npu", "cpu", ...
        index: Which of its kind, from 0.
        title: What llama.cpp calls it: "NVIDIA H100 80GB HBM3".
        handle: Address of llama.cpp's own description; 0 for the CPU.
    """

    kind: str
    index: int
    title: str
    handle: int

    @property
    def name(self) -> str:
        """As the evidence has it: "cuda:0", "npu:0", "mps", "cpu"."""
        return self.kind if self.kind in ("cpu", "mps") else f"{self.kind}:{self.index}"


@dataclass(frozen=True)
class Library:
    """The loaded library.

    Attributes:
        api: The module `llama_cpp.llama_cpp`, one function per function of llama.h.
        complaints: What it last logged as an error, oldest first.
        callback: Kept alive as long as the library may call it.
    """

    api: Any
    complaints: deque[str]
    callback: Any


def is_installed() -> bool:
    """Whether the Python package is here; whether it loads is another matter."""
    return importlib.util.find_spec("llama_cpp") is not None


@functools.cache
def library() -> Library:
    """llama.cpp, loaded once per process and silent from then on.

    Raises:
        EngineAbsentError: when it is not installed or cannot be loaded.
    """
    try:
        api = importlib.import_module("llama_cpp.llama_cpp")
    except (ImportError, OSError, RuntimeError, FileNotFoundError) as error:
        raise EngineAbsentError(f"llama.cpp is not here: {error}", hint=INSTALL) from error
    complaints: deque[str] = deque(maxlen=4)

    def listen(level: int, text: bytes, _: Any) -> None:  # noqa: ANN401 - a void pointer
        if level == _ERROR_LEVEL:
            complaints.append(text.decode("utf-8", "replace").strip())

    callback = api.llama_log_callback(listen)
    api.llama_log_set(callback, ctypes.c_void_p(0))
    api.llama_backend_init()
    return Library(api, complaints, callback)


def list_llama_devices() -> tuple[LlamaDevice, ...]:
    """What this build can compute on, accelerators first, the CPU last.

    Raises:
        EngineAbsentError: when llama.cpp is not here.
    """
    library()
    ggml = _device_functions()
    found: list[LlamaDevice] = []
    for number in range(ggml.ggml_backend_dev_count()):
        handle = ggml.ggml_backend_dev_get(number)
        if ggml.ggml_backend_dev_type(handle) in _CPU_TYPES:
            continue
        family = ggml.ggml_backend_reg_name(ggml.ggml_backend_dev_backend_reg(handle)).decode()
        kind = _KINDS.get(family, family.lower())
        title = ggml.ggml_backend_dev_description(handle).decode("utf-8", "replace")
        found.append(LlamaDevice(kind, sum(other.kind == kind for other in found), title, handle))
    return (*found, LlamaDevice("cpu", 0, "processor", 0))


def resolve_llama_device(asked: str) -> LlamaDevice:
    """The device that `asked` means in this build: "auto" is the first accelerator, else the CPU.

    Raises:
        DeviceError: when it is not known or not here; never falls back to another.
        EngineAbsentError: when llama.cpp is not here.
    """
    devices = list_llama_devices()
    if asked == "auto":
        return devices[0]
    kind, _, index = asked.partition(":")
    kind = _ALIASES.get(kind, kind)
    known = ("auto", "cpu", *dict.fromkeys(_KINDS.values()), *_ALIASES)
    if kind not in known or (index and not index.isdigit()):
        raise DeviceError(
            f"unknown device '{asked}'{nearest(asked, known)}", hint=f"name one of {', '.join(known)}"
        )
    for device in devices:
        if device.kind == kind and device.index == int(index or 0):
            return device
    present = ", ".join(device.name for device in devices)
    raise DeviceError(
        f"device {asked} is not here: this build of llama.cpp finds {present}",
        hint=f"build llama-cpp-python with {_FIXES[kind]}; or leave --device out to use what is here"
        if kind in _FIXES
        else "leave --device out to use what is here",
    )


def _device_functions() -> Any:  # noqa: ANN401 - a shared library
    """Ggml's registry of devices, which the Python package does not wrap."""
    ggml = importlib.import_module("llama_cpp._ggml").libggml
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, arguments, result in (
        ("dev_count", [], ctypes.c_size_t),
        ("dev_get", [ctypes.c_size_t], pointer),
        ("dev_type", [pointer], ctypes.c_int),
        ("dev_description", [pointer], text),
        ("dev_backend_reg", [pointer], pointer),
        ("reg_name", [pointer], text),
    ):
        function = getattr(ggml, f"ggml_backend_{name}")
        function.argtypes, function.restype = arguments, result
    return ggml
