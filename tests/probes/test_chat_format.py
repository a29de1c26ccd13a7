"""A text that no chat template is applied to reaches the model with the BOS that it was trained with."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from probes.chat_format import ChatFormat
from scanner.conversation import Conversation


@dataclass
class Encoded:
    input_ids: list[int]


@dataclass
class FakeTokenizer:
    """As much of a transformers tokenizer as plain text needs."""

    chat_template: str | None = "{{ messages[0].content }}"
    bos_token: str | None = "<s>"
    bos_token_id: int | None = 1
    adds_bos: bool = True

    def __call__(self, text: str) -> Encoded:
        return Encoded([1, 7] if self.adds_bos else [7])


@pytest.mark.parametrize(
    ("tokenizer", "given"),
    [
        (FakeTokenizer(), "<s>In June"),
        (FakeTokenizer(adds_bos=False), "In June"),
        (FakeTokenizer(bos_token=None, bos_token_id=None), "In June"),
        (FakeTokenizer(chat_template=None), "In June"),
    ],
)
def test_plain_text_begins_as_the_model_expects(tokenizer: FakeTokenizer, given: str) -> None:
    assert ChatFormat(tokenizer).render(Conversation.of_text("In June")) == given


def test_bos_is_not_doubled() -> None:
    assert ChatFormat(FakeTokenizer()).render(Conversation.of_text("<s>In June")) == "<s>In June"
