"""How many parameters a model has, and how many of them work on one token.

With R the parameters of routed experts, E experts of which k work on a token:

    active = total - R * (1 - k / E)

Shared experts, attention and embeddings work on every token. The input embedding is a look-up: unless it
is also the output head it takes part in no multiplication, so the low end leaves it out.

>>> tensors = [Tensor("lm_head.weight", 10), Tensor("embed_tokens.weight", 10), Tensor("x.weight", 80)]
>>> size = _size(tensors, None)
>>> (size.total, size.active, size.active_low)
(100, 100, 90)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.errors import NotAvailableError
from scanner.manifest import Snapshot
from scanner.model_files import GgufHeader
from scanner.origins.tensor_shapes import Tensor, TensorShapesError, tensor_list

# Names that the makers of mixture-of-experts models gave to the same two numbers.
_EXPERTS: Final = ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts")
_EXPERTS_USED: Final = (
    "num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk", "moe_k", "top_k_experts",
)  # fmt: skip
# A thousand times the largest published models; a header that claims more is not worth an estimate.
_ABSURD: Final = 10**16
_CONTEXT: Final = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
# Families whose blocks are attention with grouped heads and a gated feed-forward layer.
_PLAIN_DECODERS: Final = frozenset({
    "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "gemma", "gemma2", "phi3",
    "granite", "olmo2", "exaone4", "glm4", "stablelm",
})  # fmt: skip


@dataclass(frozen=True)
class ModelSize:
    """Parameters of a model.

    Attributes:
        total: All of them.
        active: Those that work on one token.
        active_low: The same without an input embedding that is only looked up.
        source: How they were counted, for people.
        attention: Layers times attention width, to estimate what attention scores cost; 0 when unknown.
        context: Longest context in tokens; 0 when unknown.
    """

    total: int
    active: int
    active_low: int
    source: str
    attention: int = 0
    context: int = 0


def model_size(snapshot: Snapshot, config: Mapping[str, object], header: GgufHeader | None) -> ModelSize:
    """The size of the model: from tensor shapes, or from config.json when no shapes can be read.

    Raises:
        NotAvailableError: when neither allows counting; the message says why.
    """
    settings = _Settings(config, header)
    reason = "no safetensors or GGUF file holds a whole model"
    try:
        listed = tensor_list(snapshot, config)
    except TensorShapesError as error:
        listed, reason = None, str(error)
    if listed is not None and 0 < sum(tensor.count for tensor in listed.tensors) < _ABSURD:
        return settings.attached(_size(listed.tensors, settings.experts), _shape_source(listed.paths))
    return settings.attached(_by_formula(settings, reason), "")


def _shape_source(paths: Sequence[str]) -> str:
    return f"sum of tensor shapes in {paths[0]}" + (f" and {len(paths) - 1} more files" if paths[1:] else "")


def _size(tensors: Sequence[Tensor], experts: tuple[int, int] | None) -> ModelSize:
    total = sum(tensor.count for tensor in tensors)
    routed = sum(tensor.count for tensor in tensors if tensor.is_routed_expert)
    if routed and experts is None:
        raise NotAvailableError(
            "the model has routed experts, but neither config.json nor the GGUF header says how many of them "
            "work on a token"
        )
    idle = routed * (experts[0] - experts[1]) // experts[0] if routed and experts else 0
    has_head = any(tensor.is_output_head for tensor in tensors)
    looked_up = sum(tensor.count for tensor in tensors if tensor.is_input_embedding) if has_head else 0
    return ModelSize(total, total - idle, total - idle - looked_up, "")


def _by_formula(settings: _Settings, reason: str) -> ModelSize:
    """Counts a plain decoder: embeddings + layers * (attention + gated feed-forward layers or experts)."""
    if settings.text("model_type") not in _PLAIN_DECODERS:
        raise NotAvailableError(
            f"parameters cannot be counted: {reason}, and config.json has no known formula"
        )
    width, layers, heads = (
        settings.need(key) for key in ("hidden_size", "num_hidden_layers", "num_attention_heads")
    )
    head_width = settings.number("head_dim") or width // heads
    groups = settings.number("num_key_value_heads") or heads
    embedding = settings.need("vocab_size") * width
    attention = 2 * width * head_width * (heads + groups)
    experts, used = settings.experts or (1, 1)
    inner = settings.number("moe_intermediate_size") if settings.experts else None
    expert = 3 * width * (inner or settings.need("intermediate_size"))
    is_tied = settings.config.get("tie_word_embeddings") is True
    tables = embedding if is_tied else 2 * embedding
    body = layers * attention
    source = f"formula over config.json ({reason}); norms, biases and routers left out"
    active = tables + body + layers * expert * used
    return ModelSize(
        tables + body + layers * expert * experts, active, active if is_tied else active - embedding, source
    )


@dataclass(frozen=True)
class _Settings:
    """Looks numbers up in config.json (or its text part) and in the GGUF header."""

    config: Mapping[str, object]
    header: GgufHeader | None

    @property
    def experts(self) -> tuple[int, int] | None:
        """(experts, experts that work on a token), None when not both are stated and sensible."""
        total = self.first(_EXPERTS) or self.of_header("expert_count")
        used = self.first(_EXPERTS_USED) or self.of_header("expert_used_count")
        return (total, used) if total and used and 0 < used <= total else None

    def attached(self, size: ModelSize, source: str) -> ModelSize:
        """The size with context length and attention width filled in."""
        layers = self.number("num_hidden_layers") or self.of_header("block_count") or 0
        heads = self.number("num_attention_heads") or self.of_header("attention.head_count") or 0
        width = self.number("hidden_size") or self.of_header("embedding_length") or 0
        head_width = self.number("head_dim") or self.of_header("attention.key_length")
        attention = layers * (heads * head_width if head_width else width)
        context = self.first(_CONTEXT) or self.of_header("context_length") or 0
        return ModelSize(size.total, size.active, size.active_low, source or size.source, attention, context)

    def text(self, key: str) -> str:
        value = self._inner().get(key) or self.config.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        value = self._inner().get(key, self.config.get(key))
        return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else None

    def first(self, keys: Sequence[str]) -> int | None:
        return next((found for key in keys if (found := self.number(key))), None)

    def need(self, key: str) -> int:
        value = self.number(key)
        if value is None:
            raise NotAvailableError(f"parameters cannot be counted: config.json has no usable {key}")
        return value

    def of_header(self, key: str) -> int | None:
        if self.header is None:
            return None
        value = self.header.number(f"{self.header.text('general.architecture')}.{key}")
        return value if isinstance(value, int) and 0 < value < 10**9 else None

    def _inner(self) -> Mapping[str, object]:
        inner = self.config.get("text_config")
        return inner if isinstance(inner, dict) else {}
