"""The backend `llamacpp`: a GGUF file as it is, without unpacking, by llama.cpp in this process.

The weights stay in the file's own quantisation, and so do the activations that they are multiplied with: its
texts are those of the quantised model as its users run it, not those of its unpacked weights.
"""

from __future__ import annotations

import gc
import importlib.metadata
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from probes.backend import Availability, BackendError, BackendOptions, DeviceError, EngineAbsentError
from probes.decoding import RowwiseDraw, cut_at
from probes.gguf_weights import gguf_file_of
from probes.llamacpp_engine import EngineOptions, Feed, LlamaEngine
from probes.llamacpp_files import GgufFacts, require_loadable, require_sound
from probes.llamacpp_library import INSTALL, is_installed, library, list_llama_devices, resolve_llama_device
from probes.model_text import ModelText
from probes.token_backend import TokenBackend
from scanner.conversation import EngineDescription, Sampling, TokenScores
from scanner.manifest import Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BATCH_SIZE: Final = 32
# Texts on which two tokenizers of one vocabulary differ, if they do.
_TOKENIZER_SAMPLES: Final = (
    "Hello, world!  Two spaces\n\n\nand 12345 digits, 3.14.",
    "naïve café, 你好世界, привет, 🙂👍🏽, e\u0301",
    " leading and trailing \t",
    "I'll say it's DON'T_stop-now()",
)


@dataclass
class _Row:
    """A reply in the making.

    Attributes:
        index: Place of its prompt in the batch.
        position: Of the next token in its sequence.
        draw: Its own generator, None when greedy.
        ids: The reply so far.
    """

    index: int
    position: int
    draw: RowwiseDraw | None
    ids: list[int] = field(default_factory=list)


class LlamaCppBackend(TokenBackend):
    """A GGUF file run by llama.cpp."""

    name = "llamacpp"
    title = "llama.cpp on GGUF files: CUDA, ROCm, Metal, Vulkan, CANN (Ascend), SYCL, CPU"

    def __init__(self, snapshot: Snapshot, options: BackendOptions, facts: GgufFacts) -> None:
        import torch

        self._options = options
        self._facts = facts
        self._device = resolve_llama_device(options.device)
        self._engine: LlamaEngine | None = None
        self._notes: tuple[str, ...] = ()
        self._text = ModelText(snapshot)
        self._threads = options.threads or int(torch.get_num_threads())

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> LlamaCppBackend:
        """The file's header and tokenizer; its weights follow at the first question.

        Raises:
            EngineAbsentError: when llama.cpp is not installed.
            DeviceError: when this build has no such device, or another dtype is asked for than the file has.
            BackendError: when the model is no sound GGUF file.
        """
        if not is_installed():
            raise EngineAbsentError("llama.cpp is not here: llama-cpp-python is not installed", hint=INSTALL)
        path = gguf_file_of(snapshot)
        if path is None:
            raise BackendError(
                f"{snapshot.root}: llama.cpp reads GGUF files, and this is none",
                hint="use --backend transformers, or scan a GGUF of this model",
            )
        facts = require_sound(path)
        if options.dtype.lower() not in ("auto", *facts.dtype_names):
            raise DeviceError(
                f"{path.name} holds {facts.dtype}, and llama.cpp computes in what the file holds; "
                f"'{options.dtype}' is not to be had",
                hint="leave --dtype out, or use --backend transformers, which unpacks the weights",
            )
        return cls(snapshot, options, facts)

    @classmethod
    def availability(cls) -> Availability:
        """Whether llama-cpp-python is here, and which devices it was built for."""
        if not is_installed():
            return Availability(False, "llama-cpp-python is not installed", INSTALL)
        try:
            present = ", ".join(device.name for device in list_llama_devices())
        except EngineAbsentError as error:
            return Availability(False, str(error), INSTALL)
        return Availability(True, f"{importlib.metadata.version('llama-cpp-python')}, on {present}")

    def describe(self) -> EngineDescription:
        """What answers; a note about the tokenizer appears once the weights are loaded."""
        text = self._text
        return EngineDescription(
            backend=self.name,
            version=_version(),
            device_asked=self._options.device,
            device=self._device.name,
            dtype=self._facts.dtype,
            batch_size=self._options.batch_size or _BATCH_SIZE,
            threads=self._threads,
            prompt_format=text.format.name,
            capabilities=("generate", "logprobs"),
            notes=(*self._notes, *text.notes),
            settings={
                "model_type": str(text.config.model_type),
                "context_tokens": str(text.context_tokens or "not limited"),
                "weights": self._facts.name,
                "tensor_types": ", ".join(self._facts.tensor_types),
                "attention": "float32" if self._is_exact_attention else "fused, float16",
                "decoding": "prompts side by side" if self._is_batched else "one prompt after another",
                "cpu_features": library().api.llama_print_system_info().decode().strip(),
            },
        )

    @property
    def is_exact(self) -> bool:
        """On a CPU: where prompts are answered one by one, or by kernels measured to give the same."""
        return self._device.kind == "cpu" and (
            not self._is_batched or (self._facts.is_batch_independent and self._is_exact_attention)
        )

    def close(self) -> None:
        """Gives the memory back."""
        if self._engine is not None:
            self._engine.close()
        self._engine = None
        gc.collect()

    @property
    def _is_exact_attention(self) -> bool:
        return self._device.kind == "cpu" and not self._options.is_fast

    @property
    def _is_batched(self) -> bool:
        is_asked_to_be_exact = self._device.kind == "cpu" and not self._options.is_fast
        return self._facts.is_batch_independent or not is_asked_to_be_exact

    @property
    def _is_loaded(self) -> bool:
        return self._engine is not None

    def _load_weights(self) -> None:
        path = self._text.gguf
        assert path is not None, "load() turned other layouts away"
        require_loadable(path)
        engine = LlamaEngine(path, EngineOptions(self._device, self._threads, self._is_exact_attention))
        if engine.vocabulary_rows != self._text.vocabulary_rows:
            engine.close()
            raise BackendError(
                f"{path}: its tokenizer has {engine.vocabulary_rows} tokens, its embedding "
                f"{self._text.vocabulary_rows} rows: they do not belong together",
                hint="fetch the model again, or ask its publisher which tokenizer is right",
            )
        self._engine = engine
        self._notes = self._tokenizer_notes(engine)

    def _tokenizer_notes(self, engine: LlamaEngine) -> tuple[str, ...]:
        """Whether llama.cpp's users, who run its own tokenizer, would give the model other ids."""
        encode = self._text.tokenizer.encode
        differing = [
            sample
            for sample in _TOKENIZER_SAMPLES
            if engine.tokenize(sample, add_special=False) != encode(sample, add_special_tokens=False)
        ]
        if not differing:
            return ()
        return (
            f"llama.cpp's own tokenizer splits {len(differing)} of {len(_TOKENIZER_SAMPLES)} sample texts "
            "otherwise than transformers', which was used.",
        )

    def _continue(
        self, prompts: Sequence[str], rows: Sequence[Sequence[int]], sampling: Sampling
    ) -> list[list[int]]:
        """Token ids after each prompt; a sequence that ends makes room for the next prompt."""
        engine = self._engine
        assert engine is not None, "_prepare() loads it"
        width = min(len(rows), self._options.batch_size or _BATCH_SIZE) if self._is_batched else 1
        engine.open(width, max(len(row) for row in rows) + sampling.max_tokens)
        replies: list[list[int]] = [[] for _ in rows]
        waiting = deque(range(len(rows)))
        busy: dict[int, _Row] = {}
        while waiting or busy:
            for slot in range(width):
                if slot not in busy and waiting:
                    index = waiting.popleft()
                    row = _Row(index, len(rows[index]), _draw_of(prompts[index], sampling))
                    busy[slot] = row
                    self._take(row, engine.prefill(slot, rows[index]))
            for slot, row in list(busy.items()):
                if self._has_ended(row, sampling):
                    replies[row.index] = row.ids
                    del busy[slot]
                    engine.drop(slot)
            if busy:
                feeds = [Feed(slot, row.position, row.ids[-1:]) for slot, row in busy.items()]
                for row, logits in zip(busy.values(), engine.decode(feeds), strict=True):
                    row.position += 1
                    self._take(row, logits)
        return replies

    def _take(self, row: _Row, logits: npt.NDArray[np.float32]) -> None:
        import numpy as np
        import torch

        scores = logits
        if row.draw is not None:
            scores = row.draw(None, torch.from_numpy(logits)[None])[0].numpy()
        token = int(scores.argmax())
        if not np.isfinite(scores[token]):
            raise BackendError("llama.cpp gives logits that are no numbers")
        row.ids.append(token)

    def _has_ended(self, row: _Row, sampling: Sampling) -> bool:
        if row.ids[-1] in self._text.end_ids or len(row.ids) >= sampling.max_tokens:
            return True
        stops = self._text.stops(sampling)
        return bool(stops) and cut_at(self._text.decode(row.ids), stops)[1]

    def _score_one(self, prompt: str, continuation: str) -> TokenScores:
        engine = self._engine
        assert engine is not None, "_prepare() loads it"
        head = self._text.encode(prompt)
        ids = self._text.encode(prompt + continuation)
        refusal = self._text.refusal(ids, 0)
        if refusal or ids[: len(head)] != head or len(ids) == len(head):
            return TokenScores((), (), error=refusal or "the continuation does not begin at a token boundary")
        engine.open(1, len(ids))
        own, top, entropies = [], [], []
        # The logits at a place speak of the token after it.
        for place, logits in enumerate(engine.logits_of_all(ids[:-1]), start=1):
            if place >= len(head):
                told = _log_softmax(logits)
                own.append(float(told[ids[place]]))
                top.append(float(told.max()))
                entropies.append(_entropy(told))
        return TokenScores(tuple(ids[len(head) :]), tuple(own), tuple(top), tuple(entropies))


def _draw_of(prompt: str, sampling: Sampling) -> RowwiseDraw | None:
    if sampling.temperature <= 0:
        return None
    return RowwiseDraw([prompt], seed=sampling.seed, temperature=sampling.temperature)


def _log_softmax(logits: npt.NDArray[np.float32]) -> Any:  # noqa: ANN401 - float64 (vocabulary,)
    import numpy as np

    shifted = logits.astype(np.float64) - float(logits.max())
    return shifted - np.log(np.exp(shifted).sum())


def _entropy(logprobs: Any) -> float:  # noqa: ANN401 - float64 (vocabulary,)
    import numpy as np
    from scipy.special import entr

    return float(entr(np.exp(logprobs)).sum())


def _version() -> str:
    names = ("llama-cpp-python", "transformers", "tokenizers", "gguf")
    first, *others = (f"{name} {importlib.metadata.version(name)}" for name in names)
    return ", ".join((f"{first} (llama.cpp {library().api.llama_version().decode()})", *others))


BACKEND = LlamaCppBackend
