"""A GGUF file loaded by llama.cpp: rows of token ids in, logits out, several rows side by side.

Every row is a sequence of its own with a stream of the key-value cache of its own, so that where its keys
and values lie, and with it the order of every sum, does not depend on the rows beside it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from probes.backend import BackendError, OutOfMemoryError
from probes.devices import free_memory_bytes
from probes.llamacpp_library import LlamaDevice, library

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Tokens fed at once; a longer prompt is fed in pieces, between which an interrupt is heard.
_FEED_TOKENS: Final = 512
# llama.cpp rounds the context of a sequence up to this. Source: GGML_PAD(n_ctx_seq, 256), llama-context.cpp.
_CONTEXT_STEP: Final = 256
_WORKING_BYTES: Final = 512 * 1024**2
# Source: enum ggml_type of ggml.h.
_GGML_F32, _GGML_F16 = 0, 1
# Source: enum llama_flash_attn_type of llama.h.
_ATTENTION_AUTO, _ATTENTION_PLAIN = -1, 0


@dataclass(frozen=True)
class EngineOptions:
    """How llama.cpp computes.

    Attributes:
        device: Where.
        threads: CPU threads.
        is_exact_attention: Whether keys and values are kept and attended to in float32 throughout, rather
            than in float16 by the fused kernel (flash attention), which sums in float16 even over float32.
    """

    device: LlamaDevice
    threads: int
    is_exact_attention: bool


@dataclass(frozen=True)
class Feed:
    """Tokens for one sequence.

    Attributes:
        sequence: Which, from 0.
        position: Of the first of the tokens.
        tokens: At most _FEED_TOKENS over all feeds of a call.
        wants_all: Whether logits are wanted after every token rather than after the last.
    """

    sequence: int
    position: int
    tokens: Sequence[int]
    wants_all: bool = False


class LlamaEngine:
    """One loaded file and, once asked, a context that is as large as the questions need."""

    def __init__(self, path: Path, options: EngineOptions) -> None:
        """Loads the weights.

        Raises:
            BackendError: when llama.cpp refuses the file, or it does not fit into memory.
        """
        self._path = path
        self._options = options
        self._library = library()
        self._api = self._library.api
        self._context: Any = None
        self._sequences = self._tokens_each = 0
        self._require_memory(path.stat().st_size, f"{path}: the weights")
        self._model = self._load()
        self.vocabulary = self._api.llama_model_get_vocab(self._model)
        self.vocabulary_rows = int(self._api.llama_vocab_n_tokens(self.vocabulary))
        if self._api.llama_model_has_encoder(self._model):
            self.close()
            raise BackendError(f"{path}: an encoder model does not continue text")

    def open(self, sequences: int, tokens_each: int) -> None:
        """Makes room for so many sequences of so many tokens, all empty.

        Raises:
            OutOfMemoryError: when there is no such room.
        """
        if self._context is None or sequences > self._sequences or tokens_each > self._tokens_each:
            self._free_context()
            self._sequences = sequences
            self._tokens_each = -(-tokens_each // _CONTEXT_STEP) * _CONTEXT_STEP
            self._context = self._new_context()
        self._api.llama_memory_clear(self._memory, True)

    def prefill(self, sequence: int, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        """Float32 (vocabulary,): the logits after the last of these tokens, with which a sequence begins.

        Raises:
            BackendError: when the engine failed.
        """
        logits: npt.NDArray[np.float32] | None = None
        for start in range(0, len(tokens), _FEED_TOKENS):
            logits = self.decode([Feed(sequence, start, tokens[start : start + _FEED_TOKENS])])[0]
        if logits is None:
            raise BackendError("llama.cpp was given a prompt without tokens")
        return logits

    def logits_of_all(self, tokens: Sequence[int]) -> Iterator[npt.NDArray[np.float32]]:
        """Float32 (vocabulary,) after each of these tokens, as sequence 0 of an opened context.

        Raises:
            BackendError: when the engine failed.
        """
        for start in range(0, len(tokens), _FEED_TOKENS):
            yield from self.decode([Feed(0, start, tokens[start : start + _FEED_TOKENS], wants_all=True)])

    def decode(self, feeds: Sequence[Feed]) -> list[npt.NDArray[np.float32]]:
        """Float32 (vocabulary,) per feed, or per token where all are wanted.

        Raises:
            BackendError: when the engine failed.
        """
        import numpy as np

        with self._batch_of(feeds) as (batch, places):
            code = self._api.llama_decode(self._context, batch)
            if code != 0:
                raise self._error(f"{self._path}: llama.cpp cannot go on (llama_decode gives {code})")
            found = []
            for place in places:
                row = self._api.llama_get_logits_ith(self._context, place)
                found.append(np.ctypeslib.as_array(row, (self.vocabulary_rows,)).copy())
        return found

    def drop(self, sequence: int) -> None:
        """Empties one sequence, for another prompt."""
        self._api.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def tokenize(self, text: str, *, add_special: bool) -> list[int]:
        """The ids that llama.cpp itself makes of a text, special tokens read as such."""
        data = text.encode()
        room = len(data) + 8
        ids = (self._api.llama_token * room)()
        count = self._api.llama_tokenize(self.vocabulary, data, len(data), ids, room, add_special, True)
        if count < 0:
            raise BackendError(f"{self._path}: llama.cpp cannot tokenise {text[:40]!r}")
        return [int(token) for token in ids[:count]]

    @property
    def adds_bos(self) -> bool:
        """Whether llama.cpp would begin every prompt with BOS."""
        return bool(self._api.llama_vocab_get_add_bos(self.vocabulary))

    def close(self) -> None:
        """Gives the memory back; can be done twice."""
        self._free_context()
        if self._model is not None:
            self._api.llama_model_free(self._model)
            self._model = None

    @property
    def _memory(self) -> Any:  # noqa: ANN401 - a handle
        return self._api.llama_get_memory(self._context)

    def _load(self) -> Any:  # noqa: ANN401 - a handle
        parameters = self._api.llama_model_default_params()
        handle = self._options.device.handle
        # NOTE: the list ends at a null pointer; an empty one keeps llama.cpp off every accelerator.
        devices = (ctypes.c_void_p * 2)(handle or None, None)
        parameters.devices = ctypes.cast(devices, ctypes.c_void_p)
        parameters.n_gpu_layers = -1 if handle else 0
        # Weights rearranged for speed are multiplied by other kernels in a batch than alone.
        parameters.use_extra_bufts = False
        self._library.complaints.clear()
        model = self._api.llama_model_load_from_file(str(self._path).encode(), parameters)
        if not model:
            raise self._error(f"{self._path}: llama.cpp cannot load it")
        return model

    def _new_context(self) -> Any:  # noqa: ANN401 - a handle
        tokens = self._sequences * self._tokens_each
        what = f"{self._path}: the key-value cache of {self._sequences} prompts"
        kind = _GGML_F32 if self._options.is_exact_attention else _GGML_F16
        try:
            self._require_memory(self._cache_bytes(tokens), what)
        except BackendError as error:
            raise OutOfMemoryError(str(error), hint=error.hint) from error
        parameters = self._api.llama_context_default_params()
        parameters.n_ctx = tokens
        parameters.n_seq_max = self._sequences
        parameters.n_batch = max(_FEED_TOKENS, self._sequences)
        parameters.n_ubatch = parameters.n_batch
        parameters.n_threads = parameters.n_threads_batch = self._options.threads
        parameters.type_k = parameters.type_v = kind
        parameters.flash_attn_type = _ATTENTION_PLAIN if self._options.is_exact_attention else _ATTENTION_AUTO
        parameters.kv_unified = False
        parameters.offload_kqv = parameters.op_offload = bool(self._options.device.handle)
        parameters.no_perf = True
        self._library.complaints.clear()
        context = self._api.llama_init_from_model(self._model, parameters)
        if not context:
            self._sequences = self._tokens_each = 0
            raise OutOfMemoryError(
                f"{what} cannot be made: {self._last_complaint()}", hint="choose a smaller --batch-size"
            )
        return context

    def _free_context(self) -> None:
        if self._context is not None:
            self._api.llama_free(self._context)
            self._context = None

    def _cache_bytes(self, tokens: int) -> int:
        """Keys and values of all layers; more than a model with sliding windows takes, never less."""
        api, model = self._api, self._model
        heads = max(1, int(api.llama_model_n_head(model)))
        width = int(api.llama_model_n_embd(model)) // heads * int(api.llama_model_n_head_kv(model))
        each = 4 if self._options.is_exact_attention else 2
        return 2 * int(api.llama_model_n_layer(model)) * width * tokens * each

    def _require_memory(self, needed: int, what: str) -> None:
        """On an accelerator llama.cpp itself says when the memory does not suffice."""
        free = None if self._options.device.handle else free_memory_bytes("cpu")
        if free is not None and needed + _WORKING_BYTES > free:
            raise BackendError(
                f"{what} need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free",
                hint="choose a smaller --batch-size, a smaller file, or a machine with more memory",
            )

    @contextmanager
    def _batch_of(self, feeds: Sequence[Feed]) -> Iterator[tuple[Any, list[int]]]:
        """llama.cpp's own batch, freed afterwards, and the places in it whose logits are wanted."""
        size = sum(len(feed.tokens) for feed in feeds)
        batch = self._api.llama_batch_init(size, 0, 1)
        try:
            places, at = [], 0
            for feed in feeds:
                for offset, token in enumerate(feed.tokens):
                    is_wanted = feed.wants_all or offset == len(feed.tokens) - 1
                    batch.token[at], batch.pos[at] = token, feed.position + offset
                    batch.n_seq_id[at], batch.seq_id[at][0] = 1, feed.sequence
                    batch.logits[at] = is_wanted
                    places += [at] if is_wanted else []
                    at += 1
            batch.n_tokens = size
            yield batch, places
        finally:
            self._api.llama_batch_free(batch)

    def _error(self, what: str) -> BackendError:
        return BackendError(f"{what}: {self._last_complaint()}")

    def _last_complaint(self) -> str:
        return next(reversed(self._library.complaints), "it does not say why")[:300]
