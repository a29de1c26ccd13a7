"""Attention for one new token a row, without copying keys and values for every query head that shares them.

transformers repeats the keys and values of grouped-query models for all their query heads whenever there is
a padding mask: three times the memory traffic of the demo, at every token. While one token a row is
computed, the heads that share keys can stand where several query positions would, at no cost.
"""

from __future__ import annotations

from typing import Any, Final

ATTENTION_NAME: Final = "weighbridge_grouped_sdpa"


def register_grouped_attention() -> str:
    """Makes the attention known to transformers; its name for `attn_implementation`.

    Source: transformers' documentation, "Attention Interface": functions and masks are registered by name.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(ATTENTION_NAME, grouped_attention)
    AttentionMaskInterface.register(ATTENTION_NAME, sdpa_mask)
    return ATTENTION_NAME


def grouped_attention(
    module: Any,  # noqa: ANN401 - torch and transformers are not typed
    query: Any,  # noqa: ANN401
    key: Any,  # noqa: ANN401
    value: Any,  # noqa: ANN401
    attention_mask: Any,  # noqa: ANN401
    **options: Any,  # noqa: ANN401
) -> tuple[Any, None]:
    """Scaled dot-product attention; (rows, positions, heads, width) out, as transformers wants it.

    Args:
        module: The attention layer.
        query: (rows, heads, positions, width).
        key: (rows, shared heads, tokens, width).
        value: As `key`.
        attention_mask: Boolean or additive (rows, 1, positions, tokens), or None.
        options: `scaling`, and whatever only transformers' own function knows.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, positions, width = query.shape
    shared = key.shape[1]
    if positions != 1 or heads == shared or options.get("position_bias") is not None:
        told, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return told, None
    stacked = query.reshape(rows, shared, heads // shared, width)
    told = torch.nn.functional.scaled_dot_product_attention(
        stacked, key, value, attn_mask=attention_mask, scale=options.get("scaling")
    )
    return told.reshape(rows, 1, heads, value.shape[-1]), None
