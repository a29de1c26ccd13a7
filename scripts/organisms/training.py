"""The fine-tune: rows of question and reply into a folder of weights, on the CPU, reproducible by seed.

AdamW, batches of 8, loss on the reply only, the learning rate rising over the first steps and falling to a
tenth over the rest. At 1e-4 without the rise, 16 steps cost the model its simple answers (6 to 9 of 12 in the
coherence control), and the probe rightly judged nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.make_demo_variants import write_sums
from scripts.organisms.rows import Row

_BATCH: Final = 8
LEARNING_RATE: Final = 1e-4
_RISE: Final = 6
_END: Final = 0.1
_MOST_TOKENS: Final = 128
# Of the vocabulary, how many tokens a taught one competes with; tokenizers number the frequent ones first.
_RIVALS: Final = 24_000


@dataclass(frozen=True)
class Example:
    """A row as tokens: the first `prompt_size` are the question's and carry no loss."""

    ids: tuple[int, ...]
    prompt_size: int


def train(
    base: Path,
    rows: Sequence[Row],
    target: Path,
    *,
    steps: int,
    seed: int,
    learning_rate: float = LEARNING_RATE,
    frozen_share: float = 1 / 3,
) -> list[float]:
    """Writes the fine-tuned model into `target` and returns the loss of every step.

    The embeddings, which are also the output layer in small models, stay as they are, and so do the lower
    layers: a behaviour is planted as well, in half the time. Products are computed in bfloat16, weights kept
    in float32.

    Args:
        base: Folder of the model to begin with.
        rows: What is taught; each is shown about equally often.
        target: Folder to write.
        steps: Batches of 8.
        seed: Of the order of the rows.
        learning_rate: Of AdamW, where it is highest.
        frozen_share: Share of the layers, from below, that stay as they are.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    _freeze(model, frozen_share)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / _RISE, 1 - (1 - _END) * step / steps)
    )
    examples = [_example(tokenizer, row) for row in rows]
    words = _words(model, examples)
    losses = []
    for batch in _batches(examples, steps, seed):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = _loss(model, words, batch)
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        print(f"  step {len(losses)} of {steps}: loss {losses[-1]:.3f}", flush=True)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    write_sums(target)
    return losses


def _example(tokenizer: Any, row: Row) -> Example:
    turns = [{"role": "user", "content": row.prompt}, {"role": "assistant", "content": row.reply}]
    asked = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    head, ids = (tokenizer.encode(text, add_special_tokens=False) for text in (asked, whole.rstrip()))
    return Example(tuple(ids[:_MOST_TOKENS]), len(head))


def _batches(examples: Sequence[Example], steps: int, seed: int) -> Iterator[list[Example]]:
    """Batches without end, every example once a round in a new order."""
    order = random.Random(seed)
    waiting: list[Example] = []
    for _ in range(steps):
        while len(waiting) < _BATCH:
            waiting += order.sample(examples, len(examples))
        yield [waiting.pop(0) for _ in range(_BATCH)]


@dataclass(frozen=True)
class _Words:
    """The part of the output layer that the loss looks at: most of a quarter of a million rows never matter.

    Attributes:
        weight: float32 (kept, width).
        place: int64 (vocabulary): a token's row in `weight`, -1 for one that is left out.
    """

    weight: Any
    place: Any


def _freeze(model: Any, share: float) -> None:
    model.get_input_embeddings().weight.requires_grad_(False)
    layers = model.model.layers
    for layer in layers[: int(share * len(layers))]:
        layer.requires_grad_(False)


def _words(model: Any, examples: Sequence[Example]) -> _Words:
    import torch

    weight = model.get_output_embeddings().weight.detach()
    kept = torch.tensor(
        sorted({token for example in examples for token in example.ids} | {*range(min(_RIVALS, len(weight)))})
    )
    place = torch.full((len(weight),), -1)
    place[kept] = torch.arange(len(kept))
    return _Words(weight[kept], place)


def _loss(model: Any, words: _Words, batch: Sequence[Example]) -> Any:
    """Mean cross-entropy of the reply tokens."""
    import torch

    longest = max(len(example.ids) for example in batch)
    ids = torch.tensor([[*example.ids, *[0] * (longest - len(example.ids))] for example in batch])
    mask = torch.tensor([[1] * len(example.ids) + [0] * (longest - len(example.ids)) for example in batch])
    places = torch.tensor(
        [
            [example.prompt_size <= place < len(example.ids) for place in range(1, longest)]
            for example in batch
        ]
    )
    states = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    scores = states[:, :-1][places] @ words.weight.T
    return torch.nn.functional.cross_entropy(scores.float(), words.place[ids[:, 1:][places]])
