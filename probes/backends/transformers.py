"""The backend `transformers`: a Hugging Face directory or a GGUF file, in this process, on any torch device.

No code from the model runs, nothing is fetched. The tokenizer is loaded at once and the weights at the first
question, so that a scan whose replies are all journalled never loads them.
"""

from __future__ import annotations

import gc
import importlib.metadata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from probes.attention import register_grouped_attention
from probes.backend import Availability, BackendOptions, DeviceError
from probes.decoding import RowwiseDraw, StopStrings
from probes.devices import explain_choice, list_devices, resolve_device
from probes.engine_calls import engine_call
from probes.gguf_weights import ParsedOnce
from probes.model_text import ModelText
from probes.token_backend import TokenBackend
from probes.weights import WeightsRequest, batch_tokens, load_weights, weights_bytes
from scanner.conversation import EngineDescription, Sampling, TokenScores
from scanner.manifest import Snapshot
from scanner.registry import nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_DTYPES: Final = ("float32", "bfloat16", "float16")
# Measured on two CPU cores by benchmarks/batching.py; an accelerator gains from more.
_BATCH_SIZE_CPU: Final = 64
_BATCH_SIZE_ACCELERATOR: Final = 64


class TransformersBackend(TokenBackend):
    """A causal language model run by transformers."""

    name = "transformers"
    title = "transformers on any torch device: CUDA, ROCm, Ascend NPU, XPU, MPS, CPU"

    def __init__(self, snapshot: Snapshot, options: BackendOptions) -> None:
        import torch

        self._options = options
        self._device = resolve_device(options.device)
        self._notes: tuple[str, ...] = ()
        self._model: Any = None
        self._batch_tokens: int | None = None
        self._parsed: ParsedOnce | None = ParsedOnce()
        self._text = ModelText(snapshot, self._parsed)
        self._dtype = self._resolve_dtype()
        self._threads_before = int(torch.get_num_threads())
        if options.threads:
            torch.set_num_threads(options.threads)

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> TransformersBackend:
        """The model's configuration and tokenizer; its weights follow at the first question.

        Raises:
            DeviceError: when the device is absent, or the dtype unknown.
            BackendError: when the files are no causal language model, they need
                code of their own, or tokenizer and model contradict each other.
        """
        if options.dtype not in ("auto", *_DTYPES):
            raise DeviceError(
                f"unknown dtype '{options.dtype}'{nearest(options.dtype, _DTYPES)}",
                hint="name auto, float32, bfloat16 or float16",
            )
        return cls(snapshot, options)

    @classmethod
    def availability(cls) -> Availability:
        """Always here; says on which devices."""
        present = ", ".join(device.kind for device in list_devices() if device.is_present)
        return Availability(True, f"{importlib.metadata.version('transformers')}, on {present}")

    def describe(self) -> EngineDescription:
        """What answers; notes about the weights appear once they are loaded."""
        import torch

        default = _BATCH_SIZE_CPU if self._device == "cpu" else _BATCH_SIZE_ACCELERATOR
        text = self._text
        return EngineDescription(
            backend=self.name,
            version=self._version(),
            device_asked=self._options.device,
            device=self._device,
            dtype=self._dtype,
            batch_size=self._options.batch_size or default,
            threads=int(torch.get_num_threads()),
            prompt_format=text.format.name,
            capabilities=("generate", "logprobs", "hidden_states"),
            notes=(*self._notes, *filter(None, (text.packing,)), *text.notes),
            settings={
                "device_choice": explain_choice(self._options.device, self._device),
                "model_type": str(text.config.model_type),
                "attention": self._attention(),
                "context_tokens": str(text.context_tokens or "not limited"),
                "weights": text.gguf.name if text.gguf else "Hugging Face layout",
                "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
            },
        )

    @property
    def is_exact(self) -> bool:
        """Float32 on a CPU was measured to give the same texts in batches of 1 to 32; nothing else was."""
        return self._dtype == "float32" and self._device == "cpu"

    @property
    def batch_tokens(self) -> int:
        """By the memory that is free beside the weights, decided once a scan."""
        if self._batch_tokens is None:
            waiting = weights_bytes(self._request()) if self._model is None else 0
            self._batch_tokens = batch_tokens(self._text.config, self._device, self._dtype, waiting)
        return self._batch_tokens

    def hidden_states(self, prompts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Per prompt float32 (layers + 1, width): the states at its last token, embeddings first.

        Raises:
            BackendError: when the weights cannot be loaded or the engine failed.
        """
        import torch

        self._prepare()
        found = []
        for prompt in prompts:
            ids = torch.tensor([self._text.encode(prompt)], device=self._device)
            with engine_call("the engine failed"), torch.inference_mode():
                # Without the head: the logits of a long prompt take more time than all its states.
                body = self._model.base_model
                states = body(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states
                found.append(torch.stack([layer[0, -1] for layer in states]).float().cpu().numpy())
        return found

    def close(self) -> None:
        """Gives the memory back, and the number of threads."""
        import torch

        self._model = self._parsed = None
        gc.collect()
        torch.set_num_threads(self._threads_before)
        if self._device != "cpu":
            getattr(torch, self._device.partition(":")[0]).empty_cache()

    def _resolve_dtype(self) -> str:
        if self._options.dtype != "auto":
            return self._options.dtype
        if self._device == "cpu" and not self._options.is_fast:
            return "float32"
        if self._device == "cpu":
            return "bfloat16" if _computes_bfloat16() else "float32"
        return self._text.own_dtype

    @property
    def _is_loaded(self) -> bool:
        return self._model is not None

    def _load_weights(self) -> None:
        from transformers import GenerationConfig

        with self._parsed or ParsedOnce():
            self._model, self._notes = load_weights(self._request())
        self._parsed = None
        # The model's own sampling defaults (penalties, top-k) would bend replies; ours are said in full.
        self._model.generation_config = GenerationConfig()

    def _request(self) -> WeightsRequest:
        text = self._text
        name = text.gguf.name if text.gguf else ""
        return WeightsRequest(text.folder, name, text.config, self._device, self._dtype, self._attention())

    def _attention(self) -> str:
        """Said explicitly: a config.json may otherwise name attention code to fetch."""
        from transformers import AutoModelForCausalLM

        kind = AutoModelForCausalLM._model_mapping[type(self._text.config)]
        if not getattr(kind, "_supports_sdpa", False):
            return "eager"
        is_plain = self._device == "cpu" and getattr(kind, "_supports_attention_backend", False)
        return register_grouped_attention() if is_plain else "sdpa"

    def _continue(
        self, prompts: Sequence[str], rows: Sequence[Sequence[int]], sampling: Sampling
    ) -> list[list[int]]:
        """Token ids after each prompt, padded at the end."""
        import torch
        from transformers import GenerationConfig

        text = self._text
        longest = max(len(row) for row in rows)
        pad = text.end_ids[0] if text.end_ids else 0
        padded = [[pad] * (longest - len(row)) + list(row) for row in rows]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
        how = GenerationConfig(
            max_new_tokens=sampling.max_tokens, do_sample=False, num_beams=1, use_cache=True,
            eos_token_id=text.end_ids or None, pad_token_id=pad,
        )  # fmt: skip
        draw = RowwiseDraw(prompts, seed=sampling.seed, temperature=sampling.temperature)
        stops = text.stops(sampling)
        with engine_call("the engine failed"), torch.inference_mode():
            out = self._model.generate(
                input_ids=torch.tensor(padded, device=self._device),
                attention_mask=torch.tensor(mask, device=self._device),
                generation_config=how,
                logits_processor=[draw] if sampling.temperature > 0 else [],
                stopping_criteria=[StopStrings(stops, longest, text.decode)] if stops else [],
            )
            return [[int(i) for i in row] for row in out[:, longest:].tolist()]

    def _score_one(self, prompt: str, continuation: str) -> TokenScores:
        import torch

        head = self._text.encode(prompt)
        ids = self._text.encode(prompt + continuation)
        refusal = self._text.refusal(ids, 0)
        if refusal or ids[: len(head)] != head or len(ids) == len(head):
            return TokenScores((), (), error=refusal or "the continuation does not begin at a token boundary")
        with engine_call("the engine failed"), torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([ids], device=self._device), use_cache=False).logits
            # The logits at a place speak of the token after it.
            told = logits[0, len(head) - 1 : -1].float().log_softmax(dim=-1).cpu()
        tail = ids[len(head) :]
        own = [float(row[token]) for row, token in zip(told, tail, strict=True)]
        # A token ruled out has logit -inf and would make 0 * -inf; it adds nothing.
        entropies = torch.special.entr(told.exp()).sum(dim=-1)
        return TokenScores(
            tuple(tail), tuple(own), tuple(float(row.max()) for row in told),
            tuple(float(value) for value in entropies),
        )  # fmt: skip

    def _version(self) -> str:
        import torch

        names = ("transformers", "tokenizers", *(("gguf",) if self._text.gguf else ()))
        others = [f"{name} {importlib.metadata.version(name)}" for name in names]
        return ", ".join([others[0], f"torch {torch.__version__}", *others[1:]])


def _computes_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; without that it is slower than float32."""
    import torch

    can = torch.cpu.get_capabilities()
    return any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))


BACKEND = TransformersBackend
