"""OpenVINO for the backend `openvino`: importing it, finding its devices, setting it up, asking it.

NOTE: where the package openvino-telemetry can be imported, openvino tells Google Analytics of its import and
of every conversion, without asking. `import_engine` keeps that package out; openvino then has a stub.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

from probes.backend import BackendError, DeviceError, EngineAbsentError, OutOfMemoryError
from probes.engine_calls import engine_call
from scanner.errors import NotAvailableError

INSTALL: Final = "pip install 'weighbridge[openvino]'"
# The NPU's model has static shapes; these are OpenVINO GenAI's own defaults, said explicitly.
NPU_PROMPT_TOKENS: Final = 1024
NPU_REPLY_TOKENS: Final = 128
PRECISIONS: Final = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}

_KINDS: Final = {"cpu": "CPU", "gpu": "GPU", "intel-npu": "NPU"}
_NAMED: Final = re.compile(r"(cpu|gpu|intel-npu)(?::(\d{1,3}))?")
_MEANT: Final = {
    "npu": ("means Huawei's Ascend", "write intel-npu for Intel's NPU"),
    "xpu": ("is PyTorch's name for an Intel GPU", "write gpu"),
}
# Prompt tokens computed in one step; more would need more memory and were measured to be no faster.
_STEP_TOKENS: Final = 2048
_NO_CACHE: Final = "OpenVINO has no room left for the key-value cache: out of memory"
_MOST_CHARACTERS: Final = 300
# The first line of an error names a place in its source; what is wrong follows.
_CHECK: Final = re.compile(r"(Check|Exception|Assertion|While) .*(failed at|from|at) \S+:\d+:?")


def import_engine(name: str = "openvino") -> ModuleType:
    """The module `openvino`, one within it, or `openvino_genai`; they report to nobody.

    Raises:
        EngineAbsentError: when it is not installed, or broken.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise EngineAbsentError(f"OpenVINO cannot be used here: {error}", hint=INSTALL) from error


@contextmanager
def openvino_call(what: str) -> Iterator[None]:
    """Like `engine_call`, for errors that begin with places in OpenVINO's source; raises the same."""
    try:
        with engine_call(what):
            yield
    except BackendError as error:
        lines = [line.strip() for line in str(error.__cause__ or "").splitlines()]
        told = " ".join(line for line in lines if line and not _CHECK.fullmatch(line))
        if not told or told == " ".join(lines):
            raise
        raise type(error)(f"{what}: {told[:_MOST_CHARACTERS]}", hint=error.hint) from error.__cause__


def resolve_openvino_device(asked: str) -> tuple[str, str]:
    """Our name and OpenVINO's name of the device that is meant: ("gpu:0", "GPU.0").

    "auto" is the first GPU, else the CPU; never the NPU, which answers one question at a time.

    Raises:
        DeviceError: when it is not known or not here; never falls back to another.
        BackendError: when OpenVINO cannot look.
    """
    found = openvino_devices()
    if asked == "auto":
        ours = next((name for name in found if name.startswith("gpu")), "cpu")
        return ours, found.get(ours, "CPU")
    match = _NAMED.fullmatch(asked)
    if match is None:
        why, hint = _MEANT.get(asked.partition(":")[0], ("is none of OpenVINO's", ""))
        hint = hint or "name auto, cpu, gpu, gpu:1 or intel-npu, or choose another --backend"
        raise DeviceError(f"device {asked} {why}: not to be had from the backend openvino", hint=hint)
    ours = f"{match[1]}:{int(match[2] or 0)}" if match[1] == "gpu" else match[1]
    if ours not in found or (match[1] != "gpu" and int(match[2] or 0)):
        raise DeviceError(
            f"device {asked} is not here: OpenVINO finds {', '.join(found) or 'none'}",
            hint="install its driver (https://docs.openvino.ai), or leave --device out to use what is here",
        )
    return ours, found[ours]


def openvino_devices() -> dict[str, str]:
    """What is here, our name to OpenVINO's: {"cpu": "CPU", "gpu:0": "GPU.0", "intel-npu": "NPU"}.

    Raises:
        EngineAbsentError: when OpenVINO is not installed.
        BackendError: when it cannot look.
    """
    with openvino_call("OpenVINO cannot look for devices"):
        present = [str(name) for name in import_engine().Core().available_devices]
    # OpenVINO numbers GPUs only where there are several.
    gpus = [name for name in present if name.partition(".")[0] == "GPU"]
    names = {kind: own for kind, own in _KINDS.items() if kind != "gpu" and own in present}
    return names | {f"gpu:{index}": name for index, name in enumerate(gpus)}


def property_of(device: str, name: str) -> str:
    """What OpenVINO would use for a setting that nobody names: "bf16", "u8", "32"; "" where it has none."""
    try:
        value = import_engine().Core().get_property(device, name)
    except RuntimeError:
        return ""
    return str(value.to_string() if hasattr(value, "to_string") else value)


def settings_of(device: str, dtype: str, *, is_fast: bool, threads: int) -> dict[str, str | int]:
    """The settings under which a model is compiled.

    Args:
        device: OpenVINO's name.
        dtype: Ours: "float32".
        is_fast: Whether OpenVINO may quantise activations and the key-value cache, as it does by default.
        threads: CPU threads, 0 for OpenVINO's choice.
    """
    if device == "NPU":
        return {"MAX_PROMPT_LEN": NPU_PROMPT_TOKENS, "MIN_RESPONSE_LEN": NPU_REPLY_TOKENS}
    settings: dict[str, str | int] = {"INFERENCE_PRECISION_HINT": PRECISIONS[dtype]}
    if not is_fast:
        settings |= {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 0, "KV_CACHE_PRECISION": PRECISIONS[dtype]}
    if threads and device == "CPU":
        settings["INFERENCE_NUM_THREADS"] = threads
    return settings


@dataclass(frozen=True)
class Request:
    """One row of ids and how it is continued.

    Attributes:
        ids: The prompt.
        max_tokens: Longest reply.
        end_ids: Tokens that end it.
        temperature: 0 is greedy.
        seed: Of this row alone.
    """

    ids: Sequence[int]
    max_tokens: int
    end_ids: Sequence[int] = ()
    temperature: float = 0.0
    seed: int = 0


class Engine(Protocol):
    """A compiled model.

    Attributes:
        can_score: Whether it shows log-probabilities.
    """

    can_score: bool

    def answer(
        self, requests: Sequence[Request], has_ended: Callable[[list[int]], bool] | None = None
    ) -> list[list[int]]:
        """New ids after each row; `has_ended` may end a reply early by its ids so far."""

    def score(self, ids: Sequence[int], reply_tokens: int = 1) -> tuple[list[int], list[float]]:
        """The ids and a greedy reply, and the log-probability of each but the first, given all before it."""


class PagedEngine:
    """Continuous batching over a paged key-value cache: a row leaves its batch when it ends."""

    can_score = True

    def __init__(self, folder: Path, device: str, settings: Mapping[str, str | int], batch_size: int) -> None:
        genai = import_engine("openvino_genai")
        self._genai, self._openvino = genai, import_engine()
        scheduling = genai.SchedulerConfig()
        scheduling.max_num_seqs = batch_size
        scheduling.max_num_batched_tokens = _STEP_TOKENS
        scheduling.enable_prefix_caching = False
        self._pipeline = genai.ContinuousBatchingPipeline(str(folder), scheduling, device, dict(settings))

    def answer(
        self, requests: Sequence[Request], has_ended: Callable[[list[int]], bool] | None = None
    ) -> list[list[int]]:
        """New ids after each row; `has_ended` may end a reply early by its ids so far.

        Raises:
            OutOfMemoryError: when the key-value cache cannot grow.
        """
        handles: list[Any] = []
        replies: list[list[int]] = [[] for _ in requests]
        try:
            for request in requests:
                handles.append(self._add(len(handles), request))
            while self._pipeline.has_non_finished_requests():
                self._pipeline.step()
                for handle, reply in zip(handles, replies, strict=True):
                    if handle.can_read():
                        reply.extend(int(i) for out in handle.read().values() for i in out.generated_ids)
                        if has_ended is not None and has_ended(reply):
                            handle.stop()
        finally:
            self._drop(handles)
        if any(handle.get_status() == self._genai.GenerationStatus.IGNORED for handle in handles):
            raise OutOfMemoryError(_NO_CACHE)
        return replies

    def score(self, ids: Sequence[int], reply_tokens: int = 1) -> tuple[list[int], list[float]]:
        """The ids and a greedy reply, and the log-probability of each but the first, given all before it."""
        how = _generation(self._genai, Request(ids, reply_tokens))
        how.echo, how.logprobs = True, 1
        handle = self._pipeline.add_request(0, self._tensor(ids), how)
        try:
            while self._pipeline.has_non_finished_requests():
                self._pipeline.step()
        finally:
            self._drop([handle])
        if handle.get_status() == self._genai.GenerationStatus.IGNORED:
            raise OutOfMemoryError(_NO_CACHE)
        told = handle.read_all()[0]
        # The first place holds a 1: nothing stands before it.
        return [int(i) for i in told.generated_ids], [float(value) for value in told.generated_log_probs[1:]]

    def _add(self, number: int, request: Request) -> Any:  # noqa: ANN401 - openvino_genai is not typed
        how = _generation(self._genai, request)
        return self._pipeline.add_request(number, self._tensor(request.ids), how)

    def _tensor(self, ids: Sequence[int]) -> Any:  # noqa: ANN401
        return _row(self._openvino, ids)

    def _drop(self, handles: Sequence[Any]) -> None:
        """Frees what an interrupted or failed batch still holds."""
        if not self._pipeline.has_non_finished_requests():
            return
        for handle in handles:
            handle.cancel()
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()


class SingleEngine:
    """One row after the other, in static shapes: what OpenVINO GenAI offers on an NPU."""

    can_score = False

    def __init__(self, folder: Path, device: str, settings: Mapping[str, str | int]) -> None:
        self._genai, self._openvino = import_engine("openvino_genai"), import_engine()
        self._pipeline = self._genai.LLMPipeline(str(folder), device, **settings)

    def answer(
        self, requests: Sequence[Request], has_ended: Callable[[list[int]], bool] | None = None
    ) -> list[list[int]]:
        """New ids after each row; a reply runs on to an end token or its full length."""
        return [self._answer_one(request) for request in requests]

    def score(self, ids: Sequence[int], reply_tokens: int = 1) -> tuple[list[int], list[float]]:
        """Raises NotAvailableError: this engine shows no log-probabilities."""
        raise NotAvailableError("OpenVINO GenAI shows no log-probabilities on this device")

    def _answer_one(self, request: Request) -> list[int]:
        ids, seen = _row(self._openvino, request.ids), _row(self._openvino, [1] * len(request.ids))
        found = self._pipeline.generate(
            self._genai.TokenizedInputs(ids, seen), _generation(self._genai, request)
        )
        return [int(i) for i in found.tokens[0]]


def _row(openvino: ModuleType, ids: Sequence[int]) -> Any:  # noqa: ANN401
    """Ids as an int64 tensor of shape (1, length)."""
    import numpy as np

    return openvino.Tensor(np.array([ids], dtype=np.int64))


def _generation(genai: ModuleType, request: Request) -> Any:  # noqa: ANN401
    """Everything said in full, so that no generation_config.json bends a reply."""
    how = genai.GenerationConfig()
    how.apply_chat_template = False
    how.max_new_tokens = request.max_tokens
    # Some end token must be named even where none counts; the default, -1, is refused.
    how.ignore_eos = not request.end_ids
    how.eos_token_id = min(request.end_ids, default=0)
    how.stop_token_ids = {how.eos_token_id, *request.end_ids}
    how.do_sample = request.temperature > 0
    if request.temperature > 0:
        how.temperature, how.rng_seed = request.temperature, request.seed
    return how
