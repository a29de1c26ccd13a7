"""The backend `openvino`: OpenVINO GenAI on Intel CPUs, GPUs and NPUs, in this process.

The weights are those that transformers loads, a dequantised GGUF like any other, converted once and kept in
the cache. GenAI's own reader of GGUF files is not used: it makes another model of them (docs/inference.md).
No code from the model runs, nothing is fetched and nothing reported. Converting and compiling wait for the
first question, so that a scan whose replies are all journalled never does either.
"""

from __future__ import annotations

import gc
import importlib.metadata
from collections.abc import Sequence
from typing import Final

from probes.backend import Availability, BackendError, BackendOptions, DeviceError
from probes.decoding import cut_at
from probes.gguf_weights import ParsedOnce
from probes.model_text import ModelText
from probes.openvino_engine import (
    INSTALL,
    NPU_PROMPT_TOKENS,
    NPU_REPLY_TOKENS,
    PRECISIONS,
    Engine,
    PagedEngine,
    Request,
    SingleEngine,
    import_engine,
    openvino_call,
    openvino_devices,
    property_of,
    resolve_openvino_device,
    settings_of,
)
from probes.openvino_ir import REPLY_TOKENS, IrCopy, IrStore, convert, copy_key, measure
from probes.token_backend import TokenBackend
from probes.weights import WeightsRequest, load_weights
from scanner.conversation import EngineDescription, Sampling, TokenScores
from scanner.manifest import Snapshot
from scanner.records import digest
from scanner.registry import nearest

_BATCH_SIZE: Final = 64
# Natural logarithms. Between float32 engines 0.0002 was measured, and 11 where a window was ignored;
# reduced precision may be off by tenths.
_DISTANCE_EXACT: Final = 0.01
_DISTANCE_ROUNDED: Final = 3.0
# Tokens of the text at most.
_MOST: Final = 256
_YARDSTICK_TEXT: Final = (
    "A balance compares two weights: 3 apples on the left, 2 pears on the right. Which side goes down? "
    "The left one, unless a pear weighs more than 1.5 apples."
)
_REPORTED: Final = ("INFERENCE_PRECISION_HINT", "KV_CACHE_PRECISION", "DYNAMIC_QUANTIZATION_GROUP_SIZE")


class OpenVinoBackend(TokenBackend):
    """A causal language model run by OpenVINO GenAI."""

    name = "openvino"
    title = "OpenVINO GenAI on Intel CPU, GPU and NPU"

    def __init__(self, snapshot: Snapshot, options: BackendOptions) -> None:
        self._snapshot = snapshot
        self._options = options
        self._device, self._openvino_device = resolve_openvino_device(options.device)
        self._dtype = self._resolve_dtype()
        self._settings = settings_of(
            self._openvino_device, self._dtype, is_fast=options.is_fast, threads=options.threads
        )
        self._notes: tuple[str, ...] = ()
        self._engine: Engine | None = None
        self._parsed: ParsedOnce | None = ParsedOnce()
        self._text = ModelText(snapshot, self._parsed)
        self._store: IrStore | None = None

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> OpenVinoBackend:
        """The model's configuration and tokenizer; its weights follow at the first question.

        Raises:
            EngineAbsentError: when OpenVINO is not installed.
            DeviceError: when the device is absent, or the dtype unknown or not to be had there.
            BackendError: when the files are no causal language model, they need
                code of their own, or tokenizer and model contradict each other.
        """
        import_engine("openvino_genai")
        if options.dtype not in ("auto", *PRECISIONS):
            raise DeviceError(
                f"unknown dtype '{options.dtype}'{nearest(options.dtype, PRECISIONS)}",
                hint=f"name auto, {', '.join(PRECISIONS)}",
            )
        return cls(snapshot, options)

    @classmethod
    def availability(cls) -> Availability:
        """Whether OpenVINO GenAI is installed, and on which devices."""
        try:
            version = importlib.metadata.version("openvino-genai")
        except importlib.metadata.PackageNotFoundError:
            return Availability(False, "OpenVINO GenAI is not installed", INSTALL)
        try:
            return Availability(True, f"openvino-genai {version}, on {', '.join(openvino_devices())}")
        except BackendError as error:
            return Availability(False, str(error), error.hint or INSTALL)

    def describe(self) -> EngineDescription:
        """What answers; notes about the weights appear once they are loaded."""
        text = self._text
        used = {name: property_of(self._openvino_device, name) for name in _REPORTED}
        used |= {name: str(value) for name, value in self._settings.items()}
        return EngineDescription(
            backend=self.name,
            version=_version(),
            device_asked=self._options.device,
            device=self._device,
            dtype=self._dtype,
            batch_size=self._options.batch_size or (1 if self._is_npu else _BATCH_SIZE),
            threads=self._options.threads,
            prompt_format=text.format.name,
            capabilities=("generate",) if self._is_npu else ("generate", "logprobs"),
            notes=(*self._notes, *self._window_notes(), *filter(None, (text.packing,)), *text.notes),
            settings={
                "model_type": str(text.config.model_type),
                "batching": "one by one" if self._is_npu else "continuous, paged attention",
                "context_tokens": str(self._context_limit() or text.context_tokens or "not limited"),
                "weights": text.gguf.name if text.gguf else "Hugging Face layout",
                "converted_weights": "float32" if self._dtype == "float32" else "float16",
                "device_name": property_of(self._openvino_device, "FULL_DEVICE_NAME"),
                **{name: value for name, value in used.items() if value},
            },
        )

    @property
    def is_exact(self) -> bool:
        """Float32 on a CPU was measured to give the same texts in batches of 1 to 64; nothing else was."""
        return self._dtype == "float32" and self._device == "cpu" and not self._options.is_fast

    def close(self) -> None:
        """Gives the memory back, and the disk space of a copy that nobody asked to keep."""
        self._engine = self._parsed = None
        gc.collect()
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def _is_npu(self) -> bool:
        return self._device == "intel-npu"

    def _resolve_dtype(self) -> str:
        """On a CPU float32 unless speed is asked for; elsewhere and then what the device does best."""
        asked = self._options.dtype
        if self._is_npu and asked not in ("auto", "float16"):
            raise DeviceError(f"an Intel NPU computes in float16, not in {asked}", hint="leave --dtype out")
        if asked != "auto":
            return asked
        if self._device == "cpu" and not self._options.is_fast:
            return "float32"
        best = property_of(self._openvino_device, "INFERENCE_PRECISION_HINT")
        return next((dtype for dtype, short in PRECISIONS.items() if short == best), "float16")

    def _context_limit(self) -> int | None:
        """Where a converted model stops being the same one, in tokens.

        Paged attention looks at everything before a token, so that prompt and reply must end within the
        window of a model that does not.
        """
        config = self._text.config.get_text_config()
        limits = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
        if self._is_npu:
            limits.append(NPU_PROMPT_TOKENS + NPU_REPLY_TOKENS)
        return min((limit for limit in limits if isinstance(limit, int) and limit > 0), default=None)

    def _window_notes(self) -> tuple[str, ...]:
        limit = self._context_limit()
        if limit is None or (self._text.context_tokens or limit + 1) <= limit:
            return ()
        return (f"Converted for OpenVINO, the model can be asked within {limit} tokens only.",)

    @property
    def _is_loaded(self) -> bool:
        return self._engine is not None

    def _load_weights(self) -> None:
        self._engine = self._load_engine()

    def _load_engine(self) -> Engine:
        self._store = store = self._store or IrStore(self._options.cache_folder)
        key = copy_key(self._snapshot, is_half=self._dtype != "float32")
        copy = store.find(key) or self._make_copy(store, key)
        self._parsed = None
        how = store.folder(key), self._openvino_device, self._settings
        with openvino_call(f"{self._text.folder}: OpenVINO cannot load the converted model"):
            size = self._options.batch_size or _BATCH_SIZE
            engine: Engine = SingleEngine(*how) if self._is_npu else PagedEngine(*how, size)
        self._notes = (*copy.notes, self._compare(engine, copy))
        return engine

    def _make_copy(self, store: IrStore, key: str) -> IrCopy:
        from transformers import AutoModelForCausalLM

        text = self._text
        if not getattr(AutoModelForCausalLM._model_mapping[type(text.config)], "_supports_sdpa", False):
            raise BackendError(
                f"{text.folder}: a {text.config.model_type} model cannot be converted for OpenVINO: "
                "it has no scaled dot-product attention",
                hint="choose --backend transformers",
            )
        request = WeightsRequest(
            text.folder, text.gguf.name if text.gguf else "", text.config, "cpu", "float32", "sdpa"
        )
        with self._parsed or ParsedOnce():
            model, notes = load_weights(request)
        room = min(self._context_limit() or _MOST, text.context_tokens or _MOST) - REPLY_TOKENS
        with store.new() as folder:
            convert(model, folder, name=str(text.folder), is_half=self._dtype != "float32")
            yardstick = measure(model, text.encode(_YARDSTICK_TEXT)[: max(1, room)])
            return store.keep(key, folder, yardstick, notes)

    def _compare(self, engine: Engine, copy: IrCopy) -> str:
        """What the copy's yardstick shows, for the notes.

        Raises:
            BackendError: when the copy is not the model that transformers loads.
        """
        if not engine.can_score:
            return "The converted model was not compared with transformers: this device shows no scores."
        yardstick = copy.yardstick
        with openvino_call(f"{self._text.folder}: the converted model cannot be asked"):
            distance = yardstick.distance(*engine.score(yardstick.ids, len(yardstick.reply)))
        said = f"log-probabilities of a text differ from those of transformers by up to {distance:.2g}"
        if distance > (_DISTANCE_EXACT if self.is_exact else _DISTANCE_ROUNDED):
            raise BackendError(
                f"{self._text.folder}: converted for OpenVINO, it is another model: {said}",
                hint="choose --backend transformers",
            )
        return f"Converted for OpenVINO: {said}."

    def _continue(
        self, prompts: Sequence[str], rows: Sequence[Sequence[int]], sampling: Sampling
    ) -> list[list[int]]:
        """New ids after each row, as long as each needs."""
        text, stops = self._text, self._text.stops(sampling)
        requests = [
            Request(row, sampling.max_tokens, text.end_ids, sampling.temperature, _seed_of(prompt, sampling))
            for prompt, row in zip(prompts, rows, strict=True)
        ]
        with openvino_call("the engine failed"):
            return self._loaded.answer(
                requests, (lambda ids: cut_at(text.decode(ids), stops)[1]) if stops else None
            )

    @property
    def _loaded(self) -> Engine:
        if self._engine is None:
            raise BackendError("the backend openvino was closed")
        return self._engine

    def _score_one(self, prompt: str, continuation: str) -> TokenScores:
        """On an NPU there are none, and OpenVINO never tells those of the likeliest tokens."""
        head = self._text.encode(prompt)
        ids = self._text.encode(prompt + continuation)
        refusal = self._text.refusal(ids, 0, self._context_limit())
        if refusal or ids[: len(head)] != head or len(ids) == len(head):
            return TokenScores((), (), error=refusal or "the continuation does not begin at a token boundary")
        with openvino_call("the engine failed"):
            _, told = self._loaded.score(ids)
        # The value at a place speaks of the token after it; the last one is of a token that was drawn.
        own = told[len(head) - 1 : len(ids) - 1]
        return TokenScores(tuple(ids[len(head) :]), tuple(min(value, 0.0) for value in own))


def _seed_of(prompt: str, sampling: Sampling) -> int:
    """32 bits that depend on prompt and seed, so that equal seeds do not draw alike for all prompts."""
    return int(digest((sampling.seed, prompt))[:8], 16)


def _version() -> str:
    names = ("openvino-genai", "openvino", "transformers", "torch")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


BACKEND = OpenVinoBackend
