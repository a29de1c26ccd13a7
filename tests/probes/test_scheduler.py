"""The scheduler, over a hand-written backend that counts what it is asked, and over a real tiny model."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from probes.backend import (
    MAX_BATCH_TOKENS,
    Backend,
    BackendError,
    BackendOptions,
    EngineLostError,
    OutOfMemoryError,
)
from probes.backends.transformers import TransformersBackend
from probes.scheduler import JOURNAL_KIND, Scheduler
from scanner.conversation import (
    Conversation,
    EngineDescription,
    FinishReason,
    Reply,
    Sampling,
    TokenScores,
)
from scanner.errors import BudgetSpentError, CheckTimeoutError
from scanner.journal import Journal, JournalError
from scanner.manifest import Snapshot
from scanner.records import decode, encode
from scanner.scan import Budget
from tests.assets.tiny_model import snapshot_of

SHORT = Sampling(max_tokens=8)


class CountingBackend(Backend):
    """Answers a prompt with its own words backwards, and remembers every batch."""

    name = "counting"

    def __init__(self, *, batch_size: int = 4, dtype: str = "float32", memory_rows: int = 1000) -> None:
        self.batches: list[list[str]] = []
        self.refused = 0
        self.scored = 0
        self.says_batch = False
        self.on_batch: Callable[[Sequence[str]], None] = lambda prompts: None
        self._description = EngineDescription("counting", "1", "auto", "cpu", dtype, batch_size)
        self._memory_rows = memory_rows

    @classmethod
    def load(cls, snapshot: Snapshot, options: BackendOptions) -> CountingBackend:
        raise NotImplementedError("made by hand")

    def describe(self) -> EngineDescription:
        return self._description

    @property
    def is_exact(self) -> bool:
        return self._description.dtype == "float32"

    def render(self, conversation: Conversation) -> str:
        prompt = conversation.messages[-1].content
        if "no template" in prompt:
            raise BackendError("the template raised")
        return f"<{prompt}>"

    def count_tokens(self, prompt: str) -> int:
        return len(prompt)

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        if len(prompts) > self._memory_rows:
            self.refused += 1
            raise OutOfMemoryError(f"{len(prompts)} rows do not fit")
        self.on_batch(prompts)
        self.batches.append(list(prompts))
        said = f" of {len(prompts)}" if self.says_batch else ""
        return [
            Reply(f"{prompt[::-1]} {sampling.seed}{said}", FinishReason.STOP, len(prompt), 5)
            for prompt in prompts
        ]

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        self.scored += len(pairs)
        return [TokenScores((), (-1.0,) * len(text)) for _, text in pairs]

    def close(self) -> None:
        self.batches.clear()

    @property
    def asked(self) -> list[str]:
        """Every prompt it was asked, in order."""
        return [prompt for batch in self.batches for prompt in batch]


class ListeningProgress:
    """Remembers how far each job got."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[int]] = {}

    @contextmanager
    def task(self, title: str, total: int, unit: str) -> Iterator[ListeningProgress]:
        self.jobs[title] = [0, total]
        self._title = title
        yield self

    def advance(self, amount: int = 1) -> None:
        self.jobs[self._title][0] += amount

    def note(self, text: str) -> None:
        raise AssertionError("not used")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl") as opened:
        yield opened


def _questions(*prompts: str) -> list[Conversation]:
    return [Conversation.of(prompt) for prompt in prompts]


def _ask(backend: Backend, journal: Journal, *prompts: str, sampling: Sampling = SHORT) -> list[Reply]:
    scheduler = Scheduler(backend, model_digest="m", journal=journal)
    return scheduler.ask(_questions(*prompts), sampling, purpose="test")


def test_replies_come_in_the_order_of_the_questions(journal: Journal) -> None:
    replies = _ask(CountingBackend(), journal, "b", "aaaa", "cc", "a")
    assert [reply.text for reply in replies] == [">b< 0", ">aaaa< 0", ">cc< 0", ">a< 0"]


def test_no_questions_no_replies(journal: Journal) -> None:
    assert _ask(CountingBackend(), journal) == []


def test_equal_questions_are_asked_once_and_share_a_reply(journal: Journal) -> None:
    backend = CountingBackend()
    first, second, third = _ask(backend, journal, "a", "b", "a")
    assert first == third != second
    assert sorted(backend.asked) == ["<a>", "<b>"]


def test_the_longest_come_first_and_the_order_is_always_the_same(tmp_path: Path) -> None:
    orders = []
    for number, prompts in enumerate((("b", "aaaa", "a", "ccc"), ("a", "ccc", "b", "aaaa"))):
        backend = CountingBackend(batch_size=2)
        with Journal(tmp_path / str(number)) as journal:
            _ask(backend, journal, *prompts)
        orders.append(backend.batches)
    assert orders[0] == orders[1] == [["<aaaa>", "<ccc>"], ["<a>", "<b>"]]


def test_no_batch_has_more_rows_than_the_engine_says(journal: Journal) -> None:
    backend = CountingBackend(batch_size=3)
    _ask(backend, journal, *(f"{number:03}" for number in range(10)))
    assert [len(batch) for batch in backend.batches] == [3, 3, 3, 1]


def test_no_batch_has_more_tokens_than_the_limit(journal: Journal) -> None:
    backend = CountingBackend(batch_size=64)
    _ask(backend, journal, *(f"{number:03}" + "x" * 990 for number in range(20)))
    assert len(backend.batches) > 1
    assert all(sum(len(prompt) + 8 for prompt in batch) <= MAX_BATCH_TOKENS for batch in backend.batches)


def test_short_prompts_do_not_travel_with_very_long_ones(journal: Journal) -> None:
    backend = CountingBackend(batch_size=8)
    _ask(backend, journal, "x" * 500, "y" * 500, "a", "b", "c")
    assert [len(batch) for batch in backend.batches] == [2, 3]


def test_every_reply_is_on_disk_before_it_is_returned(tmp_path: Path) -> None:
    backend, path = CountingBackend(batch_size=2), tmp_path / "journal"

    def killed(prompts: Sequence[str]) -> None:
        if len(backend.batches) == 2:
            raise KeyboardInterrupt

    backend.on_batch = killed
    with Journal(path) as journal, pytest.raises(KeyboardInterrupt):
        _ask(backend, journal, *"abcdef")
    with Journal(path) as journal:
        assert len(list(journal.keys(JOURNAL_KIND))) == 4


def test_a_killed_scan_asks_only_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        before = _ask(CountingBackend(), journal, *"abc")
    backend = CountingBackend()
    with Journal(path) as journal:
        scheduler = Scheduler(backend, model_digest="m", journal=journal)
        after = scheduler.ask(_questions(*"abcde"), SHORT, purpose="test")
    assert sorted(backend.asked) == ["<d>", "<e>"]
    assert after[:3] == before
    assert (scheduler.asked, scheduler.recalled) == (2, 3)


def test_a_journal_that_cannot_be_written_stops_the_scan(journal: Journal) -> None:
    journal.close()
    with pytest.raises((JournalError, ValueError)):
        _ask(CountingBackend(), journal, "a")


def test_the_reply_in_the_journal_is_the_reply_returned(journal: Journal) -> None:
    (reply,) = _ask(CountingBackend(), journal, "a")
    assert decode(encode(journal.get(JOURNAL_KIND, reply.key)), Reply) == reply


@pytest.mark.parametrize(
    ("model", "dtype", "sampling"),
    [
        ("other", "float32", SHORT),
        ("m", "bfloat16", SHORT),
        ("m", "float32", dataclasses.replace(SHORT, max_tokens=9)),
        ("m", "float32", dataclasses.replace(SHORT, temperature=0.5)),
        ("m", "float32", dataclasses.replace(SHORT, stop=("x",))),
    ],
)
def test_another_model_dtype_or_sampling_is_another_question(
    journal: Journal, model: str, dtype: str, sampling: Sampling
) -> None:
    (first,) = _ask(CountingBackend(), journal, "a")
    scheduler = Scheduler(CountingBackend(dtype=dtype), model_digest=model, journal=journal)
    (second,) = scheduler.ask(_questions("a"), sampling, purpose="test")
    assert first.key != second.key
    assert scheduler.recalled == 0


def test_the_seed_means_nothing_without_a_temperature(journal: Journal) -> None:
    backend = CountingBackend()
    (first,) = _ask(backend, journal, "a", sampling=dataclasses.replace(SHORT, seed=1))
    (second,) = _ask(backend, journal, "a", sampling=dataclasses.replace(SHORT, seed=2))
    assert first == second
    assert len(backend.asked) == 1


def test_seeds_are_told_apart_with_a_temperature(journal: Journal) -> None:
    warm = dataclasses.replace(SHORT, temperature=1.0)
    (first,) = _ask(CountingBackend(), journal, "a", sampling=dataclasses.replace(warm, seed=1))
    (second,) = _ask(CountingBackend(), journal, "a", sampling=dataclasses.replace(warm, seed=2))
    assert first.text != second.text


def test_a_template_that_raises_is_an_error_beside_good_replies(journal: Journal) -> None:
    good, bad = _ask(CountingBackend(), journal, "a", "no template here")
    assert good.finish is FinishReason.STOP
    assert (bad.finish, bad.error, bad.text) == (FinishReason.ERROR, "the template raised", "")


def test_a_full_memory_halves_the_batch_for_good(journal: Journal) -> None:
    backend = CountingBackend(batch_size=8, memory_rows=3)
    replies = _ask(backend, journal, *"abcdefghijkl")
    assert all(reply.finish is FinishReason.STOP for reply in replies)
    assert [len(batch) for batch in backend.batches] == [2, 2, 2, 2, 2, 2]
    assert backend.refused == 2, "eight, and one of its halves; never again"


def test_a_prompt_too_big_for_the_memory_alone_is_an_error(journal: Journal) -> None:
    replies = _ask(CountingBackend(memory_rows=0), journal, "a", "b")
    assert [reply.finish for reply in replies] == [FinishReason.ERROR] * 2
    assert "do not fit" in replies[0].error


def test_one_bad_prompt_does_not_spoil_its_batch(journal: Journal) -> None:
    backend = CountingBackend()

    def spoilt(prompts: Sequence[str]) -> None:
        if "<bad>" in prompts:
            raise BackendError("index out of range")

    backend.on_batch = spoilt
    replies = {reply.error: reply for reply in _ask(backend, journal, "a", "bad", "c")}
    assert set(replies) == {"", "index out of range"}
    assert sorted(backend.asked) == ["<a>", "<c>"]
    assert len(list(journal.keys(JOURNAL_KIND))) == 2, "errors are tried again by the next run"


def test_an_engine_that_fails_for_all_is_an_error_not_a_heap_of_replies(journal: Journal) -> None:
    backend = CountingBackend()

    def broken(prompts: Sequence[str]) -> None:
        raise BackendError("the weights cannot be loaded")

    backend.on_batch = broken
    with pytest.raises(BackendError, match="the weights cannot be loaded"):
        _ask(backend, journal, "a", "b")


def test_the_deadline_is_kept_between_batches_and_answers_stay(journal: Journal) -> None:
    backend = CountingBackend(batch_size=2)
    deadline = time.monotonic() + 0.2
    backend.on_batch = lambda prompts: time.sleep(0.15)
    scheduler = Scheduler(backend, model_digest="m", journal=journal)
    with pytest.raises(CheckTimeoutError, match="4 of 6 questions"):
        scheduler.ask(_questions(*"abcdef"), SHORT, purpose="test", deadline=deadline)
    assert len(list(journal.keys(JOURNAL_KIND))) == 4


def test_a_passed_deadline_still_gives_what_is_journalled(journal: Journal) -> None:
    _ask(CountingBackend(), journal, "a")
    scheduler = Scheduler(CountingBackend(), model_digest="m", journal=journal)
    assert scheduler.ask(_questions("a"), SHORT, purpose="test", deadline=0.0)[0].text == ">a< 0"


def test_progress_ends_at_its_total(journal: Journal) -> None:
    _ask(CountingBackend(), journal, "a")
    progress = ListeningProgress()
    scheduler = Scheduler(CountingBackend(), model_digest="m", journal=journal, progress=progress)
    scheduler.ask(_questions("a", "b", "b", "no template", "c"), SHORT, purpose="Simple questions")
    assert progress.jobs == {"Simple questions": [5, 5]}


def test_reduced_precision_is_asked_again_alone_and_the_engine_says_what_came_of_it(
    journal: Journal,
) -> None:
    backend = CountingBackend(dtype="bfloat16")
    scheduler = Scheduler(backend, model_digest="m", journal=journal)
    scheduler.ask(_questions(*"abcdefgh"), SHORT, purpose="test")
    assert [len(batch) for batch in backend.batches] == [4, 1, 1, 1, 1, 4]
    assert any("0 of 4 texts changed" in note for note in scheduler.engine.notes)


def test_what_was_asked_again_alone_is_not_asked_once_more_by_a_scan_that_is_taken_up(
    tmp_path: Path,
) -> None:
    path, notes = tmp_path / "journal", []
    for questions in ("abcd", "abcdefgh"):
        backend = CountingBackend(dtype="bfloat16")
        with Journal(path) as journal:
            scheduler = Scheduler(backend, model_digest="m", journal=journal)
            scheduler.ask(_questions(*questions), SHORT, purpose="test")
            notes.append(scheduler.engine.notes)
    assert [len(batch) for batch in backend.batches] == [4]
    assert notes[0] == notes[1]


def test_texts_that_change_alone_are_counted_with_an_interval(journal: Journal) -> None:
    backend = CountingBackend(dtype="bfloat16")
    backend.says_batch = True
    scheduler = Scheduler(backend, model_digest="m", journal=journal)
    scheduler.ask(_questions(*"abcd"), SHORT, purpose="test")
    assert any("4 of 4 texts changed" in note and "51% to 100%" in note for note in scheduler.engine.notes)


def _kill_in_batch(backend: CountingBackend, number: int) -> None:
    def killed(prompts: Sequence[str]) -> None:
        if len(backend.batches) == number:
            raise KeyboardInterrupt

    backend.on_batch = killed


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_scan_that_is_taken_up_keeps_the_batches_where_replies_may_depend_on_them(
    tmp_path: Path, dtype: str
) -> None:
    # The second call asks what the first was asked, and more: its batches are as in an undisturbed scan.
    calls = (["aaaa", "bbb"], ["aaaa", "bbb", "c", "dd", "e", "f", "g"])

    def asked(path: Path, *, killed_in: int | None) -> list[list[str]]:
        backend = CountingBackend(batch_size=2, dtype=dtype)
        if killed_in is not None:
            _kill_in_batch(backend, killed_in)
        with Journal(path) as journal:
            scheduler = Scheduler(backend, model_digest="m", journal=journal)
            for call in calls:
                scheduler.ask(_questions(*call), SHORT, purpose="test")
        return [batch for batch in backend.batches if len(batch) > 1 or dtype == "float32"]

    undisturbed = asked(tmp_path / "whole", killed_in=None)
    with pytest.raises(KeyboardInterrupt):
        asked(tmp_path / "killed", killed_in=4 if dtype == "bfloat16" else 2)
    taken_up = asked(tmp_path / "killed", killed_in=None)
    assert taken_up == undisturbed[-len(taken_up) :]
    assert 0 < len(taken_up) < len(undisturbed)


def test_a_kept_batch_of_which_a_part_is_lost_is_asked_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        _ask(CountingBackend(dtype="bfloat16"), journal, *"abcd")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b">b<" not in line))
    backend = CountingBackend(dtype="bfloat16")
    with Journal(path) as journal:
        _ask(backend, journal, *"abcd")
    assert backend.batches == [["<a>", "<b>", "<c>", "<d>"]]


def test_fast_scans_keep_no_batches(journal: Journal) -> None:
    scheduler = Scheduler(CountingBackend(dtype="bfloat16"), model_digest="m", journal=journal, is_fast=True)
    scheduler.ask(_questions(*"abcd"), SHORT, purpose="test")
    assert list(journal.keys("batches")) == []


def test_a_token_budget_holds_and_what_was_answered_stays(journal: Journal) -> None:
    backend = CountingBackend(batch_size=4)
    budget = Budget(max_tokens=50)
    scheduler = Scheduler(backend, model_digest="m", journal=journal, budget=budget)
    # Replies count 5 tokens, and may take 8: five are allowed at first, then what they left.
    with pytest.raises(BudgetSpentError, match=r"budget: 45 of 50 reply tokens.*9 of 20 questions"):
        scheduler.ask(_questions(*(f"{n:02}" for n in range(20))), SHORT, purpose="test")
    assert len(list(journal.keys(JOURNAL_KIND))) == 9


def test_a_token_budget_ends_a_scan_that_is_taken_up_where_it_ended_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    prompts = [f"{n:02}" for n in range(20)]
    kept = []
    for name, killed_in in (("whole", None), ("killed", 1)):
        for kill in (killed_in, None):
            backend = CountingBackend(batch_size=4)
            if kill is not None:
                _kill_in_batch(backend, kill)
            with Journal(tmp_path / name) as journal:
                scheduler = Scheduler(backend, model_digest="m", journal=journal, budget=Budget(50))
                with pytest.raises((BudgetSpentError, KeyboardInterrupt)):
                    scheduler.ask(_questions(*prompts), SHORT, purpose="test")
        with Journal(tmp_path / name) as journal:
            kept.append(list(journal.keys(JOURNAL_KIND)))
    assert kept[0] == kept[1]


def test_minutes_are_counted_from_the_first_question(journal: Journal) -> None:
    backend = CountingBackend(batch_size=1)
    backend.on_batch = lambda prompts: time.sleep(0.05)
    scheduler = Scheduler(backend, model_digest="m", journal=journal, budget=Budget(max_minutes=0.1 / 60))
    with pytest.raises(BudgetSpentError, match=r"budget: the 0\.00166667 minutes are over"):
        scheduler.ask(_questions(*"abcdef"), SHORT, purpose="test")
    assert 1 <= len(backend.batches) < 6


def test_an_engine_that_is_gone_is_asked_nothing_more(journal: Journal) -> None:
    backend = CountingBackend(batch_size=2)

    def gone(prompts: Sequence[str]) -> None:
        if len(backend.batches) == 1:
            raise EngineLostError("the server does not answer any more")

    backend.on_batch = gone
    with pytest.raises(EngineLostError) as caught:
        _ask(backend, journal, *"abcdef")
    assert caught.value.stops_midway
    assert len(list(journal.keys(JOURNAL_KIND))) == 2


def test_scores_are_journalled_and_given_in_order(tmp_path: Path) -> None:
    pairs = [(Conversation.of("a"), "xy"), (Conversation.of("b"), "x")]
    for calls in (2, 0):
        backend = CountingBackend()
        with Journal(tmp_path / "journal") as journal:
            scheduler = Scheduler(backend, model_digest="m", journal=journal)
            found = scheduler.score(pairs, purpose="test")
        assert [each.logprobs for each in found] == [(-1.0, -1.0), (-1.0,)]
        assert backend.scored == calls


def test_float32_on_a_cpu_needs_no_note(journal: Journal) -> None:
    assert Scheduler(CountingBackend(), model_digest="m", journal=journal).engine.notes == ()


def test_a_real_model_gives_the_same_texts_in_batches_of_one_and_eight(
    tiny_model: Path, tmp_path: Path
) -> None:
    prompts = [f"what is the capital of {'france ' * (number % 5)}{number}" for number in range(16)]
    texts = []
    for size in (1, 8):
        backend = TransformersBackend.load(
            snapshot_of(tiny_model), BackendOptions(device="cpu", batch_size=size)
        )
        with Journal(tmp_path / str(size)) as journal:
            texts.append([reply.text for reply in _ask(backend, journal, *prompts)])
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 8
