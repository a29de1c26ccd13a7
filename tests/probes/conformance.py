"""What every backend is held to. A backend's test module subclasses `Conformance` and gives it a subject.

class TestConformance(Conformance):
    @pytest.fixture(scope="class")
    def subject(self, tiny_model: Path) -> Iterator[Subject]:
        yield Subject(MyBackend.load(snapshot_of(tiny_model), BackendOptions()), ...)
"""

from __future__ import annotations

import _thread
import gc
import math
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from probes.backend import Backend, BackendError, NoPlainTextError
from scanner.conversation import Conversation, FinishReason, Message, Reply, Sampling
from scanner.errors import NotAvailableError
from scanner.records import decode, encode
from tests.assets.tiny_model import VOCABULARY

QUESTIONS = (
    "What is the capital of France?",
    "Hi",
    "How many days are there in a week, and how many weeks are there in one year of the lazy dog?",
    "你好",
    "one two three",
    "the quick brown fox jumps over the lazy dog " * 2,
    "?",
    "2+2",
)
GREEDY = Sampling(max_tokens=12)


@dataclass
class Subject:
    """A loaded backend under test, and what it is allowed to differ in.

    Attributes:
        backend: Loaded, over the tiny model unless the test says otherwise.
        reload: Loads the same once more, for what closes or spoils it.
        context_tokens: Context of the model it serves.
        speaks_template: Whether `render` shows the chat template's text; an HTTP server applies its own.
        has_own_stops: Whether replies can be cut at strings that the caller names.
        draws_by_seed: Whether equal seeds draw equal replies, and others others, whatever the batch.
        reference: Replies that this backend must give to QUESTIONS under GREEDY, None where it need not.
    """

    backend: Backend
    reload: Callable[[], Backend]
    context_tokens: int
    speaks_template: bool = True
    has_own_stops: bool = True
    draws_by_seed: bool = True
    reference: list[str] | None = None
    notes: list[str] = field(default_factory=list)


def rendered(backend: Backend) -> list[str]:
    """The questions as this backend is given them."""
    return [backend.render(Conversation.of(question)) for question in QUESTIONS]


class Conformance:
    """Every backend passes these, or says in its `Subject` what it cannot."""

    def test_it_says_what_it_is(self, subject: Subject) -> None:
        described = subject.backend.describe()
        assert described.backend == type(subject.backend).name
        assert described.version
        assert described.device
        assert described.dtype
        assert described.batch_size >= 1
        assert "generate" in described.capabilities
        availability = type(subject.backend).availability()
        assert availability.is_present
        assert availability.detail

    def test_the_chat_template_and_a_system_prompt_reach_the_model(self, subject: Subject) -> None:
        plain = subject.backend.render(Conversation.of("Hi"))
        with_system = subject.backend.render(Conversation.of("Hi", system="Be brief."))
        assert "Be brief." in with_system
        assert "Be brief." not in plain
        if subject.speaks_template:
            assert with_system == (
                "<|im_start|>system\nBe brief.<|im_end|>\n"
                "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
            )

    def test_a_text_is_given_as_it_stands_or_not_at_all(self, subject: Subject) -> None:
        try:
            given = subject.backend.render(Conversation.of_text("the quick brown fox"))
        except NoPlainTextError:
            assert not subject.speaks_template
            return
        assert "the quick brown fox" in given
        assert "<|im_start|>" not in given
        if subject.speaks_template:
            assert given == "the quick brown fox"

    def test_a_begun_answer_is_continued(self, subject: Subject) -> None:
        begun = Conversation((Message("user", "Hi"), Message("assistant", "Hello, my")))
        prompt = subject.backend.render(begun)
        assert prompt != subject.backend.render(Conversation.of("Hi"))
        if subject.speaks_template:
            assert prompt.endswith("<|im_start|>assistant\nHello, my")

    def test_as_many_replies_as_prompts_in_their_order(self, subject: Subject) -> None:
        replies = subject.backend.generate(rendered(subject.backend), GREEDY)
        assert len(replies) == len(QUESTIONS)
        assert all(reply.finish is not FinishReason.ERROR for reply in replies)
        if subject.reference is not None:
            assert [reply.text for reply in replies] == subject.reference

    def test_a_batch_gives_what_each_gives_alone(self, subject: Subject) -> None:
        prompts = rendered(subject.backend)
        alone = [subject.backend.generate([prompt], GREEDY)[0].text for prompt in prompts]
        together = [reply.text for reply in subject.backend.generate(prompts, GREEDY)]
        backwards = [reply.text for reply in subject.backend.generate(prompts[::-1], GREEDY)][::-1]
        assert len(set(alone)) > 4, "a model that says one thing would prove nothing"
        if subject.backend.is_exact:
            assert alone == together == backwards
        else:
            assert together == [reply.text for reply in subject.backend.generate(prompts, GREEDY)]

    def test_replies_are_no_longer_than_asked(self, subject: Subject) -> None:
        for reply in subject.backend.generate(rendered(subject.backend), Sampling(max_tokens=5)):
            assert reply.reply_tokens <= 5
            if reply.finish is FinishReason.LENGTH:
                assert reply.reply_tokens == 5
            assert reply.prompt_tokens > 0

    def test_a_stop_string_ends_a_reply_and_is_not_in_it(self, subject: Subject) -> None:
        if not subject.has_own_stops:
            pytest.skip("this engine has no stop strings")
        prompt = rendered(subject.backend)[0]
        whole = subject.backend.generate([prompt], GREEDY)[0].text
        stop = whole[4:6]
        cut = subject.backend.generate([prompt], Sampling(max_tokens=12, stop=(stop,)))[0]
        assert cut.text == whole[: whole.index(stop)]
        assert cut.finish is FinishReason.STOP

    def test_equal_seeds_draw_equal_replies_and_others_others(self, subject: Subject) -> None:
        if not subject.draws_by_seed:
            pytest.skip("this engine takes no seed")
        prompts = rendered(subject.backend)[:2]

        def drawn(seed: int, count: int) -> str:
            warm = Sampling(max_tokens=12, temperature=1.5, seed=seed)
            return subject.backend.generate(prompts[:count], warm)[0].text

        assert drawn(7, 1) == drawn(7, 1)
        if subject.backend.is_exact:
            assert drawn(7, 1) == drawn(7, 2)
        assert len({drawn(seed, 1) for seed in range(5)}) > 1

    def test_unicode_survives_both_ways(self, subject: Subject) -> None:
        prompt = subject.backend.render(Conversation.of("naïve ‮ 你好 🙂 \x00 e\u0301"))
        for reply in subject.backend.generate([prompt], Sampling(max_tokens=24, temperature=0.0)):
            assert decode(encode(reply), Reply) == reply

    def test_a_long_prompt_is_an_error_beside_good_replies(self, subject: Subject) -> None:
        good = rendered(subject.backend)[0]
        long = subject.backend.render(Conversation.of("fox " * subject.context_tokens))
        refused, answered = subject.backend.generate([long, good], GREEDY)
        assert refused.finish is FinishReason.ERROR
        assert refused.text == ""
        assert "context" in refused.error or "too long" in refused.error
        assert answered.text == subject.backend.generate([good], GREEDY)[0].text

    def test_a_conversation_without_turns_is_an_error(self, subject: Subject) -> None:
        with pytest.raises(BackendError):
            subject.backend.render(Conversation(()))

    def test_no_prompts_no_replies(self, subject: Subject) -> None:
        assert subject.backend.generate([], GREEDY) == []

    def test_prompts_are_counted_in_tokens(self, subject: Subject) -> None:
        short, long = (
            subject.backend.count_tokens(subject.backend.render(Conversation.of(text)))
            for text in ("Hi", "Hi there, this is a longer question than the other one")
        )
        assert 0 < short < long

    def test_log_probabilities_where_offered(self, subject: Subject) -> None:
        prompt = rendered(subject.backend)[0]
        if "logprobs" not in subject.backend.describe().capabilities:
            with pytest.raises(NotAvailableError):
                subject.backend.score([(prompt, "Paris")])
            return
        greedy = subject.backend.generate([prompt], GREEDY)[0].text
        likely, unlikely = subject.backend.score([(prompt, greedy), (prompt, greedy[::-1])])
        assert not likely.error
        assert likely.logprobs
        assert all(math.isfinite(value) and value <= 1e-6 for value in likely.logprobs)
        if likely.top_logprobs:
            assert likely.logprobs[0] == pytest.approx(likely.top_logprobs[0], abs=1e-3)
        if likely.entropies:
            # Of a distribution whose likeliest outcome has probability p, the entropy is at least -log p.
            for top, entropy in zip(likely.top_logprobs, likely.entropies, strict=True):
                assert -top - 1e-3 <= entropy <= math.log(VOCABULARY) + 1e-3
        mean = [sum(scores.logprobs) / len(scores.logprobs) for scores in (likely, unlikely)]
        assert mean[0] > mean[1]

    def test_hidden_states_where_offered(self, subject: Subject) -> None:
        prompts = rendered(subject.backend)[:2]
        if "hidden_states" not in subject.backend.describe().capabilities:
            with pytest.raises(NotAvailableError):
                subject.backend.hidden_states(prompts)
            return
        first, second = subject.backend.hidden_states(prompts)
        assert first.shape == second.shape
        assert first.ndim == 2
        assert str(first.dtype) == "float32"
        assert (first != second).any()

    def test_an_interrupted_batch_leaves_the_engine_usable(self, subject: Subject) -> None:
        prompts = rendered(subject.backend)
        before = [reply.text for reply in subject.backend.generate(prompts, GREEDY)]
        timer = threading.Timer(0.05, _thread.interrupt_main)

        def ask_for_long() -> None:
            for _ in range(10_000):
                subject.backend.generate(prompts, GREEDY)

        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ask_for_long()
        timer.join()
        assert [reply.text for reply in subject.backend.generate(prompts, GREEDY)] == before

    def test_closing_gives_the_memory_back_and_can_be_done_twice(self, subject: Subject) -> None:
        loaded = subject.reload()
        loaded.generate(rendered(loaded)[:1], Sampling(max_tokens=1))
        gone = weakref.ref(loaded)
        loaded.close()
        loaded.close()
        del loaded
        gc.collect()
        assert gone() is None
