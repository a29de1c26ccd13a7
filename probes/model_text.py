"""What a model's small files decide: how text becomes tokens, and replies text again, in every engine.

Every engine that works on token ids shares this, so that all of them are given the very same ids and cut
their replies alike. No code from the model runs, nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from probes.backend import BackendError
from probes.chat_format import ChatFormat
from probes.decoding import cut_at
from probes.engine_calls import engine_call
from probes.gguf_weights import ParsedOnce, gguf_file_of, packing_note, wants_bos
from scanner.conversation import FinishReason, Reply, Sampling
from scanner.manifest import Snapshot

_DTYPES: Final = ("float32", "bfloat16", "float16")


class ModelText:
    """Configuration, tokenizer and chat format of one snapshot.

    Attributes:
        folder: Folder of the model's files.
        gguf: The GGUF file, None for the Hugging Face layout.
        config: Its transformers configuration.
        tokenizer: Its transformers tokenizer.
        format: How conversations are written for it.
        vocabulary_rows: Rows of the model's embedding.
        end_ids: Tokens that end a reply, sorted.
        packing: How a GGUF file packs its weights and what that means, "" where nothing is packed.
    """

    def __init__(self, snapshot: Snapshot, parsed: ParsedOnce | None = None) -> None:
        """Reads the small files.

        Raises:
            BackendError: when the files are no causal language model, they need code of their own, or
                tokenizer and model contradict each other.
        """
        if snapshot.find("adapter_config.json") is not None:
            raise BackendError(
                f"{snapshot.root}: an adapter (it has adapter_config.json) is no model without its base",
                hint="merge the adapter into its base model and scan the result",
            )
        self.gguf = gguf_file_of(snapshot)
        self.folder = self.gguf.parent if self.gguf else Path(snapshot.root)
        self._bos: int | None = None
        self.packing = ""
        self._read(parsed or ParsedOnce())
        self.vocabulary_rows = self._vocabulary_rows()
        self.format = ChatFormat(self.tokenizer)
        self.end_ids = self._end_ids()

    @property
    def own_dtype(self) -> str:
        """The dtype that the publisher names, "float32" where none is; a GGUF's blocks are unpacked."""
        own = "bfloat16" if self.gguf else str(self.config.dtype or "float32").removeprefix("torch.")
        return own if own in _DTYPES else "float32"

    @property
    def context_tokens(self) -> int | None:
        """Most tokens of prompt and reply together, None where the model names no limit."""
        limit = getattr(self.config.get_text_config(), "max_position_embeddings", None)
        return limit if isinstance(limit, int) and limit > 0 else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What an auditor should know about how text becomes tokens."""
        return (*filter(None, (self._bos_note(),)), *self.format.notes)

    def encode(self, prompt: str) -> list[int]:
        """The ids of a rendered prompt, with BOS where the model wants one."""
        # A chat template writes BOS itself; plain text gets it from the tokenizer.
        ids = [int(i) for i in self.tokenizer.encode(prompt, add_special_tokens=not self.format.has_template)]
        if self._bos is not None and ids[:1] != [self._bos]:
            ids.insert(0, self._bos)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of reply ids without special tokens, always writable as UTF-8."""
        text = self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        # Lone surrogates cannot be written as UTF-8.
        return str(text).encode("utf-8", "replace").decode("utf-8")

    def refusal(self, row: Sequence[int], max_tokens: int, limit: int | None = None) -> str:
        """Why a prompt of these ids cannot be asked, "" when it can.

        Args:
            row: The prompt's ids.
            max_tokens: Longest reply.
            limit: The engine's own context, where it is shorter than the model's.
        """
        limits = [size for size in (self.context_tokens, limit) if size is not None]
        if not row:
            return "the prompt has no tokens"
        if limits and len(row) + max_tokens > min(limits):
            return (
                f"the prompt of {len(row)} tokens and a reply of up to {max_tokens} do not fit into "
                f"the model's context of {min(limits)} tokens"
            )
        if max(row) >= self.vocabulary_rows:
            return f"the prompt holds token {max(row)}, and the model knows only {self.vocabulary_rows}"
        return ""

    def stops(self, sampling: Sampling) -> tuple[str, ...]:
        """Every string that ends a reply under this sampling."""
        return (*self.format.stops, *sampling.stop)

    def reply(self, ids: Sequence[int], prompt_tokens: int, sampling: Sampling) -> Reply:
        """The reply that generated ids make: ended at an end token or stop string, counted up to there."""
        end = next((place for place, token in enumerate(ids) if token in self.end_ids), None)
        kept = list(ids[:end])
        text, is_cut = cut_at(self.decode(kept), self.stops(sampling))
        if is_cut:
            kept = kept[: self._tokens_up_to_stop(kept, self.stops(sampling))]
        is_ended = is_cut or end is not None
        return Reply(text, FinishReason.STOP if is_ended else FinishReason.LENGTH, prompt_tokens, len(kept))

    def also_ends_at(self, ids: Iterable[int | None]) -> None:
        """Adds tokens that end a reply, such as those of a generation_config.json."""
        self.end_ids = sorted({*self.end_ids, *(int(end) for end in ids if end is not None)})

    def _tokens_up_to_stop(self, ids: Sequence[int], stops: Sequence[str]) -> int:
        """Engines that end a batch late count as those that end at once: by the first token with the stop."""
        for size in range(1, len(ids) + 1):
            if cut_at(self.decode(ids[:size]), stops)[1]:
                return size
        return len(ids)

    def _bos_note(self) -> str:
        """A model trained with BOS answers rubbish without it, and a rebuilt tokenizer often forgets it.

        Only plain text is looked at: a chat template writes what its model was trained with.
        """
        begins = getattr(self.config.get_text_config(), "bos_token_id", None)
        if self.format.has_template or begins is None or self.encode("Hi")[:1] == [begins]:
            return ""
        return (
            f"The configuration names a BOS token (id {begins}), and the tokenizer does not put it before "
            "plain text: a model that was trained with it answers badly without it."
        )

    def _read(self, parsed: ParsedOnce) -> None:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

        source: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
        if self.gguf:
            source["gguf_file"] = self.gguf.name
        with parsed, engine_call(f"{self.folder}: not a model that transformers can load"):
            self.config = AutoConfig.from_pretrained(self.folder, **source)
            if type(self.config) not in AutoModelForCausalLM._model_mapping:
                raise BackendError(
                    f"{self.folder}: a '{self.config.model_type}' model does not continue text"
                )
            self.tokenizer = AutoTokenizer.from_pretrained(self.folder, **source)
            if self.gguf:
                self._bos = self.tokenizer.bos_token_id if wants_bos(self.gguf) else None
                self.packing = packing_note(self.gguf)

    def _vocabulary_rows(self) -> int:
        rows = int(self.config.get_text_config().vocab_size)
        if self.tokenizer.vocab_size > rows:
            raise BackendError(
                f"{self.folder}: the tokenizer has {self.tokenizer.vocab_size} tokens, the model only "
                f"{rows}: they do not belong together",
                hint="fetch the model again, or ask its publisher which tokenizer is right",
            )
        return rows

    def _end_ids(self) -> list[int]:
        ends = {*self._declared_ends(), self.tokenizer.eos_token_id, self.format.end_of_turn()}
        return sorted(int(end) for end in ends if end is not None)

    def _declared_ends(self) -> list[int | None]:
        """What generation_config.json, or else config.json, calls the end of a reply."""
        from transformers import GenerationConfig

        declared: object = getattr(self.config.get_text_config(), "eos_token_id", None)
        if not self.gguf and (self.folder / "generation_config.json").is_file():
            with engine_call(f"{self.folder}: generation_config.json cannot be read"):
                found = GenerationConfig.from_pretrained(self.folder, local_files_only=True)
            declared = found.eos_token_id if found.eos_token_id is not None else declared
        return [*declared] if isinstance(declared, list) else [declared]  # type: ignore[list-item]
