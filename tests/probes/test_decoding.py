"""Row-wise drawing and stop strings."""

from __future__ import annotations

import pytest
import torch

from probes.decoding import RowwiseDraw, StopStrings, cut_at

_SCORES = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))


def _draws(count: int, temperature: float) -> torch.Tensor:
    """Share of each of four tokens in `count` independent draws."""
    draw = RowwiseDraw([str(number) for number in range(count)], seed=1, temperature=temperature)
    chosen = draw(None, _SCORES.expand(count, 4)).argmax(dim=-1)
    return torch.bincount(chosen, minlength=4) / count


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_draws_follow_the_softmax_at_the_temperature(temperature: float) -> None:
    expected = torch.softmax(_SCORES / temperature, dim=-1)
    # Five standard errors of a share of 4000 draws.
    assert torch.allclose(_draws(4000, temperature), expected, atol=5 * 0.5 / 4000**0.5)


def test_two_prompts_of_one_batch_get_noise_of_their_own() -> None:
    draw = RowwiseDraw(["a", "b"], seed=0, temperature=1.0)
    first, second = draw(None, torch.zeros(2, 50))
    assert not torch.equal(first, second)


def test_a_row_gets_the_same_noise_whoever_is_beside_it() -> None:
    alone = RowwiseDraw(["b"], seed=0, temperature=1.0)
    beside = RowwiseDraw(["a", "b"], seed=0, temperature=1.0)
    for _ in range(3):
        assert torch.equal(alone(None, torch.zeros(1, 50))[0], beside(None, torch.zeros(2, 50))[1])


def test_noise_is_finite() -> None:
    assert RowwiseDraw(["a"], seed=0, temperature=1e-3)(None, torch.zeros(1, 100_000)).isfinite().all()


def test_stop_strings_are_sought_in_the_reply_only() -> None:
    decode = lambda ids: "".join(chr(token) for token in ids)  # noqa: E731
    stop = StopStrings(["ab"], prompt_length=2, decode=decode)
    rows = torch.tensor([[97, 98, 120, 121], [120, 120, 97, 98], [120, 97, 98, 120]])
    assert stop(rows, None).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("one two three", ("three", "two"), ("one ", True)),
        ("one two", ("x",), ("one two", False)),
        ("one two", ("",), ("one two", False)),
        ("", ("x",), ("", False)),
    ],
)
def test_a_text_is_cut_at_the_first_stop(
    text: str, stops: tuple[str, ...], expected: tuple[str, bool]
) -> None:
    assert cut_at(text, stops) == expected
