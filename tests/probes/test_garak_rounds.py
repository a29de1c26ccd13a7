"""How probes are put to the model, with a garak that misbehaves on command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from probes.garak import rounds
from probes.garak.messages import Minted, MintOrder, Problem, Prompt, ReplyOrder, Scored
from probes.garak.rounds import ProbeResult, put_probes
from probes.garak.session import GarakCrashError
from scanner.conversation import Conversation, FinishReason, Reply, Sampling
from scanner.errors import BudgetSpentError, CheckTimeoutError


@dataclass
class FakeGarak:
    """Makes `cap` prompts per probe, the odd ones at a temperature; scores 1 for replies with an "!"."""

    crashes_at: frozenset[tuple[str, str]] = frozenset()
    out_of_time_at: frozenset[tuple[str, str]] = frozenset()
    replied: list[ReplyOrder] = field(default_factory=list)

    def mint(self, order: MintOrder) -> Minted:
        self._misbehave(order.probe, "mint")
        if order.probe == "needy":
            return Minted(problem=Problem("it needs the moon", is_unavailable=True))
        prompts = tuple(
            Prompt(seq, Conversation.of(f"{order.probe} {seq}"), 8, 8, 0.5 * (seq % 2), 0.5 * (seq % 2))
            for seq in range(order.cap)
        )
        return Minted(order.cap, prompts, "fake.Detector")

    def reply(self, order: ReplyOrder) -> Minted | Scored:
        self._misbehave(order.mint.probe, "reply")
        self.replied.append(order)
        if order.mint.probe.startswith("talk") and len(order.turns) < 3:
            # The next prompt quotes the last reply: only somebody who got it can make it.
            said = f"{order.turns[-1][-1]} and"
            return Minted(
                order.mint.cap, (Prompt(-1, Conversation.of(said), 8, 8, 0.0, 0.0),), "fake.Detector"
            )
        texts = [text for turn in order.turns for text in turn]
        return Scored(
            {"fake.Detector": tuple(None if text is None else float("!" in text) for text in texts)}
        )

    def _misbehave(self, probe: str, at: str) -> None:
        if (probe, at) in self.crashes_at:
            raise GarakCrashError(f"died over {probe}")
        if (probe, at) in self.out_of_time_at:
            raise CheckTimeoutError("late")


@dataclass
class FakeModel:
    """Echoes with "!"; gives no reply to the texts in `mute`."""

    mute: frozenset[str] = frozenset()
    asked: list[tuple[int, Sampling]] = field(default_factory=list)

    def __call__(self, conversations: Sequence[Conversation], sampling: Sampling) -> list[Reply]:
        self.asked.append((len(conversations), sampling))
        texts = [conversation.messages[-1].content for conversation in conversations]
        return [
            Reply("", FinishReason.ERROR, error="too long")
            if text in self.mute
            else Reply(f"{text}!", FinishReason.STOP)
            for text in texts
        ]


def orders(*probes: str, cap: int = 4) -> list[MintOrder]:
    return [MintOrder(probe, cap, 0, 8) for probe in probes]


def put(
    wanted: Sequence[MintOrder], garak: FakeGarak, model: FakeModel | None = None
) -> dict[str, ProbeResult]:
    found = list(put_probes(wanted, garak, model or FakeModel(), seed=9))
    by_probe = {result.order.probe: result for result in found}
    assert len(found) == len(by_probe) == len(wanted), "every order has exactly one result"
    return by_probe


def test_replies_go_back_to_the_prompts_they_answer() -> None:
    found = put(orders("a", "b"), FakeGarak())
    for probe, result in found.items():
        assert [reply.text for reply in result.replies] == [f"{probe} {seq}!" for seq in range(4)]


def test_all_probes_of_a_round_are_asked_at_once_by_sampling() -> None:
    model = FakeModel()
    put(orders("a", "b", "c"), FakeGarak(), model)
    assert sorted(model.asked, key=lambda found: found[1].temperature) == [
        (6, Sampling(8, 0.0, 0)),
        (6, Sampling(8, 0.5, 9)),
    ]


def test_rounds_end_once_they_are_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "PROMPTS_PER_ROUND", 5)
    model = FakeModel()
    put(orders("a", "b", "c"), FakeGarak(), model)
    assert [count for count, _ in model.asked] == [4, 4, 2, 2]


def test_a_missing_reply_is_scored_as_none_not_as_empty() -> None:
    garak = FakeGarak()
    found = put(orders("a"), garak, FakeModel(mute=frozenset({"a 2"})))
    assert garak.replied[0].turns[0] == ("a 0!", "a 1!", None, "a 3!")
    assert found["a"].scored.scores["fake.Detector"] == (1.0, 1.0, None, 1.0)


def test_a_probe_that_cannot_be_made_takes_no_other_with_it() -> None:
    found = put(orders("needy", "a"), FakeGarak())
    assert found["needy"].problem == Problem("it needs the moon", is_unavailable=True)
    assert found["a"].problem is None


@pytest.mark.parametrize("at", ["mint", "reply"])
def test_a_crash_takes_no_other_probe_with_it(at: str) -> None:
    found = put(orders("a", "b", "c"), FakeGarak(crashes_at=frozenset({("b", at)})))
    assert found["b"].problem == Problem("died over b", is_unavailable=False)
    assert found["a"].problem is found["c"].problem is None


@pytest.mark.parametrize("at", ["mint", "reply"])
def test_probes_that_time_did_not_suffice_for_are_named_each(
    at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PROMPTS_PER_ROUND", 4)
    found = put(orders("a", "b", "c"), FakeGarak(out_of_time_at=frozenset({("b", at)})))
    assert found["a"].problem is None
    for late in ("b", "c"):
        problem = found[late].problem
        assert problem is not None
        assert "time limit" in problem.reason
        assert not problem.is_unavailable


def test_a_model_that_runs_out_of_time_leaves_no_probe_unmentioned() -> None:
    def late(conversations: Sequence[Conversation], sampling: Sampling) -> list[Reply]:
        raise CheckTimeoutError("late")

    found = list(put_probes(orders("a", "b"), FakeGarak(), late, seed=0))
    assert [result.problem is not None for result in found] == [True, True]


def test_a_probe_of_several_turns_is_asked_turn_by_turn_beside_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "PROMPTS_PER_ROUND", 3)
    model = FakeModel()
    found = put(orders("talk", "a", "b", cap=2), FakeGarak(), model)
    talk = found["talk"]
    assert [prompt.conversation.messages[-1].content for prompt in talk.minted.prompts] == [
        "talk 0", "talk 1", "talk 1! and", "talk 1! and! and",
    ]  # fmt: skip
    assert talk.turns == (2, 1, 1)
    assert [reply.text for reply in talk.replies] == [
        f"{prompt.conversation.messages[-1].content}!" for prompt in talk.minted.prompts
    ]
    assert talk.scored.scores["fake.Detector"] == (1.0,) * 4
    # The second turn is asked together with a probe that had to wait.
    assert (2, Sampling(8, 0.0, 0)) in model.asked


def test_a_crash_in_a_later_turn_costs_that_probe_alone() -> None:
    class Fragile(FakeGarak):
        def reply(self, order: ReplyOrder) -> Minted | Scored:
            if len(order.turns) == 2:
                raise GarakCrashError("died late")
            return super().reply(order)

    found = put(orders("talk", "a"), Fragile())
    assert found["talk"].problem == Problem("died late", is_unavailable=False)
    assert found["a"].problem is None


def test_long_prompts_make_shorter_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "TOKENS_PER_ROUND", 4 * 8)
    model = FakeModel()
    put(orders("a", "b", "c"), FakeGarak(), model)
    assert sum(count for count, _ in model.asked[:2]) == 4


def test_a_spent_budget_keeps_what_was_scored_and_names_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "PROMPTS_PER_ROUND", 4)
    model = FakeModel()

    def poor(conversations: Sequence[Conversation], sampling: Sampling) -> list[Reply]:
        if len(model.asked) == 2:
            raise BudgetSpentError("budget: 4 questions were allowed")
        return model(conversations, sampling)

    found = {result.order.probe: result for result in put_probes(orders("a", "b"), FakeGarak(), poor, seed=0)}
    assert found["a"].problem is None
    assert found["b"].problem == Problem("budget: 4 questions were allowed", is_unavailable=True)


def test_a_budget_that_ends_within_a_round_still_serves_the_first_probes_of_it() -> None:
    model, journal, allowed = FakeModel(), set[str](), 8

    def poor(conversations: Sequence[Conversation], sampling: Sampling) -> list[Reply]:
        wanted = {conversation.messages[-1].content for conversation in conversations}
        if len(journal | wanted) > allowed:
            raise BudgetSpentError("budget: 8 questions were allowed")
        journal.update(wanted)
        return model(conversations, sampling)

    found = {
        result.order.probe: result for result in put_probes(orders("a", "b", "c"), FakeGarak(), poor, seed=0)
    }
    assert found["a"].problem is None
    assert len(found["a"].replies) == 4
    assert {found[probe].problem for probe in "bc"} == {
        Problem("budget: 8 questions were allowed", is_unavailable=True)
    }


def test_progress_reaches_its_total_whatever_happens() -> None:
    done: list[int] = []
    garak = FakeGarak(crashes_at=frozenset({("b", "mint")}))
    list(put_probes(orders("a", "b", "needy"), garak, FakeModel(), seed=0, advance=done.append))
    assert sum(done) == 12
