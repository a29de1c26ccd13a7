"""Drawing and ending replies row by row, so that a reply does not depend on the batch it was in.

transformers draws a whole batch from one global generator and stops on strings only where every row can;
here each row has a generator of its own, seeded by its prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any


class RowwiseDraw:
    """Turns greedy choice into an exact draw at a temperature: logits / T plus Gumbel noise.

    Source: the Gumbel-max trick, E. J. Gumbel, Statistical Theory of Extreme Values (1954); see
        C. J. Maddison et al., A* Sampling, NeurIPS 2014, section 2 (arXiv:1411.0030).
    """

    def __init__(self, prompts: Sequence[str], *, seed: int, temperature: float) -> None:
        import torch

        self._temperature = temperature
        self._generators = [torch.Generator().manual_seed(seed_of(prompt, seed)) for prompt in prompts]

    def __call__(self, input_ids: Any, scores: Any) -> Any:  # noqa: ANN401 - tensors
        """Noisy scores: float32 (rows, vocabulary) in, the same out."""
        import torch

        waits = [
            torch.empty(scores.shape[1]).exponential_(generator=generator) for generator in self._generators
        ]
        # The smallest normal float keeps the logarithm finite.
        noise = -torch.stack(waits).clamp_min_(torch.finfo(torch.float32).tiny).log_()
        return scores.float() / self._temperature + noise.to(scores.device)


class StopStrings:
    """Tells for each row whether its reply holds a stop string by now."""

    def __init__(self, stops: Sequence[str], prompt_length: int, decode: Callable[[list[int]], str]) -> None:
        self._stops = tuple(stops)
        self._prompt_length = prompt_length
        self._decode = decode

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ANN401 - tensors
        """Boolean tensor (rows,)."""
        import torch

        replies = [self._decode(row) for row in input_ids[:, self._prompt_length :].tolist()]
        ended = [any(stop in reply for stop in self._stops) for reply in replies]
        return torch.tensor(ended, dtype=torch.bool, device=input_ids.device)


def cut_at(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the first stop string, and whether there was one."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def seed_of(prompt: str, seed: int) -> int:
    """63 bits that depend on both."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{prompt}".encode(errors="replace")).digest()[:8]) >> 1
