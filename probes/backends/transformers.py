"""The backend `transformers`: a Hugging Face directory or a GGUF file, in this process, on any torch device.

No code from the model runs, nothing is fetched. The tokenizer is loaded at once and the weights at the first
question, so that a scan whose replies are all journalled never loads them.
"""

from __future__ import annotations

import gc
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from probes.backend import Backend, BackendError, BackendOptions, DeviceError
from probes.chat_format import ChatFormat
from probes.decoding import RowwiseDraw, StopStrings, cut_at
from probes.devices import resolve_device
from probes.engine_calls import engine_call
from probes.gguf_weights import ParsedOnce, gguf_file_of, wants_bos
from probes.weights import WeightsRequest, load_weights
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling
from scanner.manifest import Snapshot
from scanner.registry import nearest

_DTYPES: Final = ("float32", "bfloat16", "float16")
# Measured on two CPU cores by benchmarks/batching.py; an accelerator gains from more.
_BATCH_SIZE_CPU: Final = 32
_BATCH_SIZE_ACCELERATOR: Final = 64


class TransformersBackend(Backend):
    """A causal language model run by transformers."""

    name = "transformers"

    def __init__(self, snapshot: Snapshot, options: BackendOptions) -> None:
        import torch

        self._options = options
        self._gguf = gguf_file_of(snapshot)
        self._folder = self._gguf.parent if self._gguf else Path(snapshot.root)
        self._device = resolve_device(options.device)
        self._notes: tuple[str, ...] = ()
        self._model: Any = None
        self._failure: BackendError | None = None
        self._parsed: ParsedOnce | None = ParsedOnce()
        self._read_small_files(self._parsed)
        self._dtype = self._resolve_dtype()
        self._format = ChatFormat(self._tokenizer)
        self._end_ids: list[int] = []
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
        if snapshot.find("adapter_config.json") is not None:
            raise BackendError(
                f"{snapshot.root}: an adapter (it has adapter_config.json) is no model without its base",
                hint="merge the adapter into its base model and scan the result",
            )
        if options.dtype not in ("auto", *_DTYPES):
            raise DeviceError(
                f"unknown dtype '{options.dtype}'{nearest(options.dtype, _DTYPES)}",
                hint="name auto, float32, bfloat16 or float16",
            )
        return cls(snapshot, options)

    def describe(self) -> EngineDescription:
        """What answers; notes about the weights appear once they are loaded."""
        import torch

        default = _BATCH_SIZE_CPU if self._device == "cpu" else _BATCH_SIZE_ACCELERATOR
        return EngineDescription(
            backend=self.name,
            version=self._version(),
            device_asked=self._options.device,
            device=self._device,
            dtype=self._dtype,
            batch_size=self._options.batch_size or default,
            threads=int(torch.get_num_threads()),
            prompt_format=self._format.name,
            notes=(*self._notes, *self._format.notes),
            settings={
                "model_type": str(self._config.model_type),
                "attention": self._attention(),
                "context_tokens": str(self._context_tokens() or "not limited"),
                "weights": self._gguf.name if self._gguf else "Hugging Face layout",
                "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
            },
        )

    def render(self, conversation: Conversation) -> str:
        """The exact text the model is given; a BOS token that the tokenizer adds is not in it.

        Raises:
            BackendError: when the template raises or does not end.
        """
        return self._format.render(conversation)

    def count_tokens(self, prompt: str) -> int:
        """Length of a rendered prompt in tokens."""
        return len(self._encode(prompt))

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """One reply per rendered prompt, in order, as one batch.

        A prompt that does not fit into the context together with its longest reply yields ERROR.

        Raises:
            OutOfMemoryError: when the batch does not fit.
            BackendError: when the weights cannot be loaded or the engine failed.
        """
        model = self._loaded_model()
        rows = [self._encode(prompt) for prompt in prompts]
        refusals = [self._refusal(row, sampling) for row in rows]
        fitting = [index for index, refusal in enumerate(refusals) if not refusal]
        replies = {
            index: Reply("", FinishReason.ERROR, prompt_tokens=len(rows[index]), error=refusal)
            for index, refusal in enumerate(refusals)
        }
        if fitting:
            new_ids = self._run(model, [prompts[i] for i in fitting], [rows[i] for i in fitting], sampling)
            for index, ids in zip(fitting, new_ids, strict=True):
                replies[index] = self._reply(ids, len(rows[index]), sampling)
        return [replies[index] for index in range(len(prompts))]

    def close(self) -> None:
        """Gives the memory back, and the number of threads."""
        import torch

        self._model = self._parsed = None
        gc.collect()
        torch.set_num_threads(self._threads_before)
        if self._device != "cpu":
            getattr(torch, self._device.partition(":")[0]).empty_cache()

    def _read_small_files(self, parsed: ParsedOnce) -> None:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

        source: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
        if self._gguf:
            source["gguf_file"] = self._gguf.name
        with parsed, engine_call(f"{self._folder}: not a model that transformers can load"):
            self._config = AutoConfig.from_pretrained(self._folder, **source)
            if type(self._config) not in AutoModelForCausalLM._model_mapping:
                raise BackendError(
                    f"{self._folder}: a '{self._config.model_type}' model does not continue text"
                )
            self._tokenizer = AutoTokenizer.from_pretrained(self._folder, **source)
            self._bos = self._tokenizer.bos_token_id if self._gguf and wants_bos(self._gguf) else None
        self._rows = int(self._config.get_text_config().vocab_size)
        if self._tokenizer.vocab_size > self._rows:
            raise BackendError(
                f"{self._folder}: the tokenizer has {self._tokenizer.vocab_size} tokens, the model only "
                f"{self._rows}: they do not belong together",
                hint="fetch the model again, or ask its publisher which tokenizer is right",
            )

    def _resolve_dtype(self) -> str:
        if self._options.dtype != "auto":
            return self._options.dtype
        if self._device == "cpu":
            return "float32"
        # A GGUF's blocks are unpacked, so it has no dtype of its own.
        own = "bfloat16" if self._gguf else str(self._config.dtype or "float32").removeprefix("torch.")
        return own if own in _DTYPES else "float32"

    def _loaded_model(self) -> Any:  # noqa: ANN401 - transformers is not typed
        if self._failure is not None:
            raise self._failure
        if self._model is None:
            try:
                self._load_weights()
            except BackendError as error:
                self._failure = error  # so that every further question fails at once, and alike
                raise
        return self._model

    def _load_weights(self) -> None:
        from transformers import GenerationConfig

        name = self._gguf.name if self._gguf else ""
        request = WeightsRequest(
            self._folder, name, self._config, self._device, self._dtype, self._attention()
        )
        with self._parsed or ParsedOnce():
            self._model, self._notes = load_weights(request)
        self._parsed = None
        declared = self._model.generation_config.eos_token_id
        ends = {*(declared if isinstance(declared, list) else [declared])}
        ends |= {self._tokenizer.eos_token_id, self._format.end_of_turn()}
        self._end_ids = sorted(int(end) for end in ends if end is not None)
        # The model's own sampling defaults (penalties, top-k) would bend replies; ours are said in full.
        self._model.generation_config = GenerationConfig()

    def _attention(self) -> str:
        """Said explicitly: a config.json may otherwise name attention code to fetch."""
        from transformers import AutoModelForCausalLM

        kind = AutoModelForCausalLM._model_mapping[type(self._config)]
        return "sdpa" if getattr(kind, "_supports_sdpa", False) else "eager"

    def _context_tokens(self) -> int | None:
        limit = getattr(self._config.get_text_config(), "max_position_embeddings", None)
        return limit if isinstance(limit, int) and limit > 0 else None

    def _encode(self, prompt: str) -> list[int]:
        # A chat template writes BOS itself; plain text gets it from the tokenizer.
        ids = [
            int(i) for i in self._tokenizer.encode(prompt, add_special_tokens=not self._format.has_template)
        ]
        if self._bos is not None and ids[:1] != [self._bos]:
            ids.insert(0, self._bos)
        return ids

    def _refusal(self, row: list[int], sampling: Sampling) -> str:
        """Why this prompt cannot be asked, "" when it can."""
        limit = self._context_tokens()
        if not row:
            return "the prompt has no tokens"
        if limit is not None and len(row) + sampling.max_tokens > limit:
            return (
                f"the prompt of {len(row)} tokens and a reply of up to {sampling.max_tokens} do not fit into "
                f"the model's context of {limit} tokens"
            )
        if max(row) >= self._rows:
            return f"the prompt holds token {max(row)}, and the model knows only {self._rows}"
        return ""

    def _run(
        self,
        model: Any,  # noqa: ANN401
        prompts: Sequence[str],
        rows: list[list[int]],
        sampling: Sampling,
    ) -> list[list[int]]:
        """Token ids after each prompt, padded at the end."""
        import torch
        from transformers import GenerationConfig

        longest = max(len(row) for row in rows)
        pad = self._end_ids[0] if self._end_ids else 0
        padded = [[pad] * (longest - len(row)) + row for row in rows]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
        how = GenerationConfig(
            max_new_tokens=sampling.max_tokens, do_sample=False, num_beams=1, use_cache=True,
            eos_token_id=self._end_ids or None, pad_token_id=pad,
        )  # fmt: skip
        draw = RowwiseDraw(prompts, seed=sampling.seed, temperature=sampling.temperature)
        stops = (*self._format.stops, *sampling.stop)
        with engine_call("the engine failed"), torch.inference_mode():
            out = model.generate(
                input_ids=torch.tensor(padded, device=self._device),
                attention_mask=torch.tensor(mask, device=self._device),
                generation_config=how,
                logits_processor=[draw] if sampling.temperature > 0 else [],
                stopping_criteria=[StopStrings(stops, longest, self._decode)] if stops else [],
            )
            return [[int(i) for i in row] for row in out[:, longest:].tolist()]

    def _reply(self, ids: list[int], prompt_tokens: int, sampling: Sampling) -> Reply:
        end = next((place for place, token in enumerate(ids) if token in self._end_ids), None)
        text, is_cut = cut_at(self._decode(ids[:end]), (*self._format.stops, *sampling.stop))
        finish = FinishReason.STOP if is_cut or end is not None else FinishReason.LENGTH
        return Reply(text, finish, prompt_tokens, len(ids[:end]))

    def _decode(self, ids: list[int]) -> str:
        text = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        # Lone surrogates cannot be written as UTF-8.
        return str(text).encode("utf-8", "replace").decode("utf-8")

    def _version(self) -> str:
        import torch

        names = ("transformers", "tokenizers", *(("gguf",) if self._gguf else ()))
        others = [f"{name} {importlib.metadata.version(name)}" for name in names]
        return ", ".join([others[0], f"torch {torch.__version__}", *others[1:]])


BACKEND = TransformersBackend
