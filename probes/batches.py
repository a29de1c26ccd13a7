"""How questions are grouped: longest first, in batches that neither waste memory nor compute padding.

>>> questions = [Question("k1", "a long prompt", 900), Question("k2", "?", 3), Question("k3", "!", 2)]
>>> [[question.key for question in batch] for batch in plan(questions, 64, Limits(32, 8192))]
[['k1'], ['k2', 'k3']]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Most of a batch that may be padding: a short prompt beside a long one costs as much as a long one.
MAX_PADDING: Final = 0.25


@dataclass(frozen=True)
class Question:
    """A rendered prompt, the key of its reply, and its length in tokens."""

    key: str
    prompt: str
    tokens: int


@dataclass(frozen=True)
class Limits:
    """How large a batch may be.

    Attributes:
        rows: Most questions in it.
        tokens: Most tokens, prompts and longest replies together, padding included: bounds the memory
            that keys and values take.
    """

    rows: int
    tokens: int


def plan(questions: Sequence[Question], max_tokens: int, limits: Limits) -> list[list[Question]]:
    """The questions in batches, longest first; the same for the same questions in whatever order.

    Longest first makes batches even, and shows early when a prompt is too big for the memory.

    Args:
        questions: Each once.
        max_tokens: Longest reply, in tokens.
        limits: How large a batch may be; a question beyond them travels alone.
    """
    batches: list[list[Question]] = []
    width = used = 0
    for question in sorted(questions, key=lambda each: (-each.tokens, each.prompt)):
        cost = question.tokens + max_tokens
        if batches:
            area = width * (len(batches[-1]) + 1)
            is_full = len(batches[-1]) >= limits.rows or area > limits.tokens
            if not is_full and area - used - cost <= MAX_PADDING * area:
                batches[-1].append(question)
                used += cost
                continue
        batches.append([question])
        width = used = cost
    return batches
