"""Loads the weights of a causal language model whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from probes.backend import MAX_BATCH_TOKENS, BackendError, OutOfMemoryError
from probes.devices import free_memory_bytes
from probes.engine_calls import engine_call

# Room for one batch beside the weights.
_WORKING_BYTES: Final = 512 * 1024**2
# Of the free memory, what one batch may take: others use the machine too, and estimates err.
_SHARE_FOR_BATCH: Final = 0.25
_FEWEST_TOKENS: Final = 2048
# Beyond these a larger batch was not faster.
_MOST_TOKENS_CPU: Final = 16384
_MOST_TOKENS_ACCELERATOR: Final = 131072


@dataclass(frozen=True)
class WeightsRequest:
    """What to load, and how.

    Attributes:
        folder: Folder of the model.
        gguf_name: Name of the GGUF file in it, "" for the Hugging Face layout.
        config: Its transformers configuration.
        device: As resolved: "cpu", "cuda:0".
        dtype: "float32", "bfloat16" or "float16".
        attention: "sdpa" or "eager".
    """

    folder: Path
    gguf_name: str
    config: Any
    device: str
    dtype: str
    attention: str


def load_weights(request: WeightsRequest) -> tuple[Any, tuple[str, ...]]:
    """The model in evaluation mode, and what an auditor should know about its weights.

    Raises:
        BackendError: when they do not fit into memory, cannot be read, or some are missing.
    """
    import torch
    import transformers

    _require_memory(request)
    how: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True, "weights_only": True}
    if request.gguf_name:
        # NOTE: without `dequantize` a load would look for compute kernels, and fetch them.
        how |= {
            "gguf_file": request.gguf_name,
            "quantization_config": transformers.GgufConfig(dequantize=True),
        }
    else:
        how |= {"config": request.config}
    if request.device != "cpu":
        how |= {"device_map": {"": request.device}}
    try:
        with engine_call(f"{request.folder}: the weights cannot be loaded"):
            model, found = transformers.AutoModelForCausalLM.from_pretrained(
                request.folder,
                dtype=getattr(torch, request.dtype),
                attn_implementation=request.attention,
                output_loading_info=True,
                **how,
            )
    except OutOfMemoryError as error:  # no smaller batch would help
        raise BackendError(str(error), hint="try --dtype bfloat16, or a device with more memory") from error
    return model.eval(), _judge(request.folder, found)


def batch_tokens(config: Any, device: str, dtype: str, weights_bytes: int) -> int:  # noqa: ANN401
    """How many tokens one batch may hold, by what is free: a power of two, so that it hardly ever changes.

    Args:
        config: The model's transformers configuration.
        device: Where it runs.
        dtype: Of keys, values and activations.
        weights_bytes: What the weights will still take; 0 once they are loaded.
    """
    import torch

    most = _MOST_TOKENS_CPU if device == "cpu" else _MOST_TOKENS_ACCELERATOR
    free = free_memory_bytes(device)
    if free is None:
        return MAX_BATCH_TOKENS
    text = config.get_text_config()
    heads = getattr(text, "num_attention_heads", None) or 1
    shared = getattr(text, "num_key_value_heads", None) or heads
    width = getattr(text, "head_dim", None) or getattr(text, "hidden_size", 1) // heads
    layers = getattr(text, "num_hidden_layers", 1)
    # Keys and values of every layer, and the activations of one.
    per_token = 2 * layers * shared * width + 8 * getattr(text, "hidden_size", 1)
    per_token += 3 * (getattr(text, "intermediate_size", None) or 0)
    room = (free - weights_bytes) * _SHARE_FOR_BATCH // (per_token * getattr(torch, dtype).itemsize)
    return max(_FEWEST_TOKENS, min(most, 1 << max(0, int(room).bit_length() - 1)))


def _require_memory(request: WeightsRequest) -> None:
    """Refuses what cannot fit: Linux would otherwise kill the whole scan."""
    free = free_memory_bytes(request.device)
    if free is None or getattr(request.config, "quantization_config", None) is not None:
        return
    needed = weights_bytes(request)
    if needed + _WORKING_BYTES > free:
        raise BackendError(
            f"{request.folder}: needs {needed / 1e9:.1f} GB as {request.dtype} on {request.device}, "
            f"{free / 1e9:.1f} GB are free",
            hint="try --dtype bfloat16, another --device, or a machine with more memory",
        )


def weights_bytes(request: WeightsRequest) -> int:
    """What the weights take in memory.

    Raises:
        BackendError: when the configuration describes no model that can be built.
    """
    import torch
    import transformers

    with engine_call(f"{request.folder}: the model cannot be built"), torch.device("meta"):
        empty = transformers.AutoModelForCausalLM.from_config(request.config, trust_remote_code=False)
    return int(sum(each.numel() for each in empty.parameters()) * getattr(torch, request.dtype).itemsize)


def _judge(folder: Path, found: Mapping[str, Any]) -> tuple[str, ...]:
    """Missing weights would be made up at random, and the scan would question noise."""
    missing = [*sorted(found["missing_keys"]), *sorted(str(key[0]) for key in found["mismatched_keys"])]
    if missing or found["error_msgs"]:
        raise BackendError(
            f"{folder}: {len(missing)} weights are missing or have another shape than config.json says, "
            f"first {(missing or found['error_msgs'])[0]}",
            hint="fetch the model again; if that does not help, its publisher shipped an incomplete one",
        )
    unexpected = found["unexpected_keys"]
    if not unexpected:
        return ()
    return (f"{len(unexpected)} weights in the files have no place in the model, first {min(unexpected)}.",)
