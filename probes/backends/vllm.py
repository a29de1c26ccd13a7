"""The backend `vllm`: a Hugging Face directory run by vLLM in this process, on whatever it was built for.

vLLM is not part of Weighbridge: its builds differ by device, and each pins a torch of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from probes.backend import Availability, BackendError, BackendOptions, DeviceError, EngineAbsentError
from probes.decoding import cut_at, seed_of
from probes.model_text import ModelText
from probes.token_backend import TokenBackend
from probes.vllm_engine import (
    INSTALL,
    VllmEngine,
    VllmPrompt,
    VllmRequest,
    is_vllm_installed,
    resolve_vllm_device,
    vllm_version,
)
from probes.vllm_memory import plan_memory
from probes.weights import judge_files
from scanner.conversation import EngineDescription, Sampling, TokenScores
from scanner.manifest import Snapshot
from scanner.registry import nearest

_DTYPES: Final = ("float32", "bfloat16", "float16")
_BATCH_SIZE_CPU: Final = 32
_BATCH_SIZE_ACCELERATOR: Final = 256


class VllmBackend(TokenBackend):
    """A causal language model run by vLLM."""

    name = "vllm"
    title = "vLLM on what it was built for: CUDA, ROCm, Ascend NPU (vllm-ascend), XPU, CPU"

    def __init__(self, snapshot: Snapshot, options: BackendOptions) -> None:
        import torch

        self._options = options
        self._device = resolve_vllm_device(options.device)
        self._engine: VllmEngine | None = None
        self._notes: tuple[str, ...] = ()
        self._text = ModelText(snapshot)
        self._dtype = self._resolve_dtype()
        self._batch_size = options.batch_size or self._default_batch_size()
        self._plan = plan_memory(snapshot, self._text, self._device, self._dtype)
        self._threads_before = int(torch.get_num_threads())
        if options.threads:
            torch.set_num_threads(options.threads)

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> VllmBackend:
        """The model's configuration and tokenizer; its weights follow at the first question.

        Raises:
            EngineAbsentError: when vLLM is not installed, or does not start.
            DeviceError: when vLLM is not built for the device, or the dtype is unknown.
            BackendError: when the files are no causal language model, are GGUF, or do not fit into memory.
        """
        if not is_vllm_installed():
            raise EngineAbsentError("vLLM is not here: no package vllm is installed", hint=INSTALL)
        if options.dtype not in ("auto", *_DTYPES):
            raise DeviceError(
                f"unknown dtype '{options.dtype}'{nearest(options.dtype, _DTYPES)}",
                hint="name auto, float32, bfloat16 or float16",
            )
        if any(True for _ in snapshot.with_suffix(".gguf")) and snapshot.find("config.json") is None:
            raise BackendError(
                f"{snapshot.root}: vLLM reads GGUF files by way of an experiment, which is not relied on",
                hint="use --backend llamacpp or transformers, or scan the model in its Hugging Face layout",
            )
        return cls(snapshot, options)

    @classmethod
    def availability(cls) -> Availability:
        """Whether vLLM is here; it is not started to tell, since that takes many seconds."""
        if not is_vllm_installed():
            return Availability(False, "vllm is not installed", INSTALL)
        return Availability(True, vllm_version() or "vllm of unknown version")

    def describe(self) -> EngineDescription:
        """What answers; notes about the weights appear once they are loaded."""
        import torch

        text = self._text
        return EngineDescription(
            backend=self.name,
            version=f"{vllm_version()}, torch {torch.__version__}",
            device_asked=self._options.device,
            device=self._device,
            dtype=self._dtype,
            batch_size=self._batch_size,
            threads=int(torch.get_num_threads()),
            prompt_format=text.format.name,
            capabilities=("generate", "logprobs"),
            notes=(*self._notes, *text.notes),
            settings={
                "model_type": str(text.config.model_type),
                "context_tokens": str(self._plan.context_tokens),
                "weights": "Hugging Face layout",
                "compilation": "none (eager)",
                "prefix_caching": "off",
                "process": "in this one",
            },
        )

    @property
    def is_exact(self) -> bool:
        """Float32 on a CPU was measured to give the same texts in batches of 1 to 32; nothing else was."""
        return self._dtype == "float32" and self._device == "cpu"

    def close(self) -> None:
        """Gives the memory back, and the number of threads."""
        import torch

        if self._engine is not None:
            self._engine.close()
        self._engine = None
        torch.set_num_threads(self._threads_before)
        if self._device != "cpu":
            getattr(torch, self._device.partition(":")[0]).empty_cache()

    def _default_batch_size(self) -> int:
        return _BATCH_SIZE_CPU if self._device == "cpu" else _BATCH_SIZE_ACCELERATOR

    def _resolve_dtype(self) -> str:
        if self._options.dtype != "auto":
            return self._options.dtype
        if self._device == "cpu":
            return "bfloat16" if self._options.is_fast else "float32"
        return self._text.own_dtype

    def _context_limit(self) -> int | None:
        return self._plan.context_tokens

    @property
    def _is_loaded(self) -> bool:
        return self._engine is not None

    def _load_weights(self) -> None:
        request = VllmRequest(
            str(self._text.folder), self._dtype, self._plan.context_tokens,
            self._batch_size, self._plan.cache_bytes, self._plan.share,
        )  # fmt: skip
        # NOTE: vLLM notices a missing matrix only where no other shares its tensor: without an up_proj it
        # multiplies by what lay in the memory.
        self._notes = judge_files(self._text.folder, self._text.config)
        self._engine = VllmEngine(request)

    def _continue(
        self, prompts: Sequence[str], rows: Sequence[Sequence[int]], sampling: Sampling
    ) -> list[list[int]]:
        """Token ids after each prompt."""
        assert self._engine is not None, "_prepare() starts it"
        asked = [
            VllmPrompt(
                row, sampling.max_tokens, sampling.temperature,
                seed_of(prompt, sampling.seed) if sampling.temperature > 0 else None, self._text.end_ids,
            )
            for prompt, row in zip(prompts, rows, strict=True)
        ]  # fmt: skip
        stops = self._text.stops(sampling)

        def is_ended(ids: Sequence[int]) -> bool:
            return cut_at(self._text.decode(ids), stops)[1]

        outputs = self._engine.run(asked, is_ended if stops else None)
        return [[int(token) for token in output.outputs[0].token_ids] for output in outputs]

    def _score_one(self, prompt: str, continuation: str) -> TokenScores:
        assert self._engine is not None, "_prepare() starts it"
        head = self._text.encode(prompt)
        ids = self._text.encode(prompt + continuation)
        # vLLM scores a prompt only on the way to a reply of at least one token.
        refusal = self._text.refusal(ids, 1, self._context_limit())
        if refusal or ids[: len(head)] != head or len(ids) == len(head):
            return TokenScores((), (), error=refusal or "the continuation does not begin at a token boundary")
        told = self._engine.run([VllmPrompt(ids, 1, wants_logprobs=True)])[0].prompt_logprobs
        own, top = [], []
        for place in range(len(head), len(ids)):
            found = {token: float(entry.logprob) for token, entry in told[place].items()}
            own.append(min(0.0, found[ids[place]]))
            top.append(min(0.0, max(found.values())))
        return TokenScores(tuple(ids[len(head) :]), tuple(own), tuple(top))


BACKEND = VllmBackend
