"""How much of the memory vLLM may plan with, and how long a conversation may be for that.

vLLM takes its key-value cache as one block when it starts, and refuses a context that the block cannot hold.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

from probes.backend import BackendError
from probes.devices import free_memory_bytes
from probes.model_text import ModelText
from scanner.manifest import Snapshot, is_weight_file

_ITEM_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
_WORKING_BYTES: Final = 1024**3
# Twice the scheduler's largest batch: more would be taken from the machine and never used.
_MOST_CACHE_TOKENS: Final = 16_384
_MOST_CONTEXT_TOKENS: Final = 16_384
_LEAST_CONTEXT_TOKENS: Final = 256
# vLLM hands out its cache in blocks; one more than asked for keeps the longest conversation possible.
_BLOCK_TOKENS: Final = 256
_SHARE_OF_FREE: Final = 0.9


@dataclass(frozen=True)
class MemoryPlan:
    """What vLLM is told about memory.

    Attributes:
        context_tokens: Longest prompt and reply together.
        cache_bytes: Size of the key-value cache; None leaves it to vLLM, within `share`.
        share: Of the device's whole memory, for weights and cache together; 0 to 1.
    """

    context_tokens: int
    cache_bytes: int | None
    share: float


def plan_memory(snapshot: Snapshot, text: ModelText, device: str, dtype: str) -> MemoryPlan:
    """What fits beside the weights on this device now.

    Raises:
        BackendError: when not even a short conversation does.
    """
    wanted = min(text.context_tokens or _MOST_CONTEXT_TOKENS, _MOST_CONTEXT_TOKENS)
    if device != "cpu":
        return MemoryPlan(wanted, None, _free_share(device))
    each = _bytes_per_token(text.config.get_text_config(), dtype)
    free = free_memory_bytes("cpu")
    if free is None:
        return MemoryPlan(wanted, (max(wanted, _MOST_CACHE_TOKENS) + _BLOCK_TOKENS) * each, _SHARE_OF_FREE)
    weights = _weight_bytes(snapshot, text, dtype)
    fitting = int((free - weights - _WORKING_BYTES) * _SHARE_OF_FREE) // each - _BLOCK_TOKENS
    if fitting < min(wanted, _LEAST_CONTEXT_TOKENS):
        raise BackendError(
            f"{text.folder}: needs {(weights + _WORKING_BYTES) / 1e9:.1f} GB as {dtype} and room for a "
            f"conversation, {free / 1e9:.1f} GB are free",
            hint="try --dtype bfloat16, or a machine with more memory",
        )
    tokens = min(fitting, max(wanted, _MOST_CACHE_TOKENS))
    return MemoryPlan(min(wanted, tokens), (tokens + _BLOCK_TOKENS) * each, _SHARE_OF_FREE)


def _bytes_per_token(config: Any, dtype: str) -> int:  # noqa: ANN401 - transformers is not typed
    """Keys and values of one token in all layers."""
    heads = int(getattr(config, "num_attention_heads", None) or 1)
    shared = int(getattr(config, "num_key_value_heads", None) or heads)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    return 2 * int(config.num_hidden_layers) * shared * width * _ITEM_BYTES[dtype]


def _weight_bytes(snapshot: Snapshot, text: ModelText, dtype: str) -> int:
    tensors = [*snapshot.with_suffix(".safetensors")]  # preferred to the same weights in other formats
    files = tensors or [entry for entry in snapshot.files if is_weight_file(entry.path)]
    size = sum(entry.size_bytes for entry in files)
    return size * _ITEM_BYTES[dtype] // _ITEM_BYTES[text.own_dtype]


def _free_share(device: str) -> float:
    """Of the device's whole memory; vLLM refuses to start when told of more than is free."""
    torch = importlib.import_module("torch")
    free = free_memory_bytes(device)
    if free is None:
        return _SHARE_OF_FREE
    total = int(getattr(torch, device.partition(":")[0]).mem_get_info(device)[1])
    return round(_SHARE_OF_FREE * free / total, 3)
