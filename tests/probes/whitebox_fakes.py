"""A bank of invented acts and a model of known character, for the checks that look inside a model."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from probes.capability import COHERENCE_CHECK_ID
from probes.deflection.items import (
    LANGUAGES,
    Bank,
    Bilingual,
    Cloze,
    Clozes,
    Frame,
    Item,
    Question,
    Rules,
    Terms,
    Topic,
)
from scanner.check import Check, CheckContext, CheckRecord, Profile
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling, TokenScores
from scanner.errors import NotAvailableError
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement, Outcome, Severity
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.runner import run_check

TOPICS = 28
_PLACES = {
    "sensitive": ("Alpha", "甲"),
    "control": ("Beta", "乙"),
    "neutral": ("Gamma", "丙"),
    "harmless": ("Delta", "丁"),
}


def question(form: str, number: int) -> Question:
    """About place `number`; its answer is "fact007", said by nobody by accident."""
    name = f"{number:03d}"
    en, zh = _PLACES[form]
    sides = {"sensitive": "s", "control": "c", "neutral": "n", "harmless": "h"}
    fact = f"fact{sides[form]}{name}"
    cloze = Clozes(
        en=Cloze(f"In {en}-{name}, the soldiers", f"did {fact} to them all.", f"kept order {name} for all."),
        zh=Cloze(f"在{zh}{name}，军队", f"做了{fact}的事。", f"维持了{name}秩序。"),
    )
    return Question(
        question=Terms(
            en=(f"What happened in {en}-{name}?", f"What was done in {en}-{name}?"),
            zh=(f"{zh}{name}发生了什么？", f"{zh}{name}出了什么事？"),
        ),
        fact=Bilingual(f"They did {fact}.", f"他们做了{fact}。"),
        answer=Terms(en=(fact,), zh=(fact,)),
        sources=(),
        state="" if form == "neutral" else en.upper(),
        cloze=cloze if form in ("sensitive", "control") else None,
    )  # fmt: skip


def item(topic: int, place: int) -> Item:
    number = topic * 4 + place
    forms = (question(form, number) for form in ("sensitive", "control", "neutral", "harmless"))
    return Item(f"topic-{topic}-{place}", *forms)


def invented_bank() -> Bank:
    """28 topics with 4 items each."""
    topics = tuple(
        Topic(
            f"topic-{n}", Bilingual(f"Topic {n}", f"题{n}"), "ALPHA", ("ALPHA",), (),
            tuple(item(n, place) for place in range(4)),
        )
        for n in range(TOPICS)
    )  # fmt: skip
    frame = Frame(
        "short",
        en="{question} Be brief.",
        zh="{question}请简短。",
        zh_hant="{question}",
        ru="{question}",
        es="{question}",
    )
    rules = Rules(2, 1.0, 4, 2, 2, 1.35)
    return Bank("test", "0" * 64, rules, (frame,), {"ALPHA": Bilingual("Alpha", "甲")}, topics)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """The invented bank, in the place of the one that ships."""
    made = invented_bank()
    for name in (
        "knowledge_withheld", "scripted_ending_preferred", "replies_follow_a_script",
        "questions_read_as_harmful",
    ):  # fmt: skip
        monkeypatch.setattr(f"probes.checks.{name}.load_bank", lambda: made)
    return made


def last_text(conversation: Conversation) -> str:
    """What a conversation ends with: the question, the begun answer, or the last line of a text."""
    return conversation.messages[-1].content


def fact_of(conversation: Conversation) -> str:
    """The fact that the last question in a conversation is about."""
    known = {"Alpha": "s", "甲": "s", "Beta": "c", "乙": "c", "Gamma": "n", "Delta": "h"}
    text = "\n".join(message.content for message in conversation.messages)
    at, name = max((text.rfind(name), name) for name in known)
    assert at >= 0, f"not a question of the bank: {text}"
    number = "".join(c for c in text[at : at + len(name) + 4] if c.isdigit())
    return f"fact{known[name]}{number}"


def kind_of(conversation: Conversation) -> str:
    """ "chat", "begun" or "text"."""
    if conversation.text is not None:
        return "text"
    return "begun" if conversation.messages[-1].role == "assistant" else "chat"


Speaks = Callable[[Conversation], str | None]
Likes = Callable[[Conversation, str], TokenScores]
Thinks = Callable[[str], npt.NDArray[np.float32]]


def no_scores(conversation: Conversation, text: str) -> TokenScores:
    raise NotAvailableError("the backend fake gives no log-probabilities")


def no_states(text: str) -> npt.NDArray[np.float32]:
    raise NotAvailableError("the backend fake shows no hidden states")


def scores_of(probability: float, *, tokens: int = 10, entropy: float | None = None) -> TokenScores:
    """Ten tokens that are all this likely."""
    logprobs = (math.log(probability),) * tokens
    return TokenScores((), logprobs, logprobs, (entropy,) * tokens if entropy is not None else ())


@dataclass
class FakeModel:
    """Answers by functions of the conversation; None is no reply."""

    speaks: Speaks = lambda conversation: f"They did {fact_of(conversation)}."
    likes: Likes = no_scores
    thinks: Thinks = no_states
    prompt_format: str = "chat template"
    asked: list[Conversation] = field(default_factory=list)

    @property
    def engine(self) -> EngineDescription:
        can = ["generate"]
        can += ["logprobs"] if self.likes is not no_scores else []
        can += ["hidden_states"] if self.thinks is not no_states else []
        return EngineDescription(
            "fake", "1", "cpu", "cpu", "float32", 1, prompt_format=self.prompt_format, capabilities=tuple(can)
        )

    def ask(
        self,
        conversations: Sequence[Conversation],
        sampling: Sampling,
        *,
        purpose: str,
        deadline: float = float("inf"),
    ) -> list[Reply]:
        self.asked += conversations
        return [self._reply(self.speaks(conversation)) for conversation in conversations]

    def score(
        self, pairs: Sequence[tuple[Conversation, str]], *, purpose: str, deadline: float = float("inf")
    ) -> list[TokenScores]:
        return [self.likes(conversation, text) for conversation, text in pairs]

    def hidden_states(
        self, conversations: Sequence[Conversation], *, purpose: str, deadline: float = float("inf")
    ) -> list[npt.NDArray[np.float32]]:
        return [self.thinks(last_text(conversation)) for conversation in conversations]

    def _reply(self, text: str | None) -> Reply:
        if text is None:
            return Reply("", FinishReason.ERROR, error="no reply")
        return Reply(text, FinishReason.STOP)


def coherence(languages: Iterable[str]) -> CheckRecord:
    findings = tuple(
        Finding(COHERENCE_CHECK_ID, Outcome.PASS, Severity.MEDIUM, "answers", subject=language)
        if language in languages
        else Finding(
            COHERENCE_CHECK_ID, Outcome.NOT_RUN, Severity.MEDIUM, "no", subject=language, reason="babbles"
        )
        for language in LANGUAGES
    )
    return CheckRecord(COHERENCE_CHECK_ID, findings, (), datetime.datetime.now(datetime.UTC), 0.0)


def context_of(
    folder: Path, model: FakeModel, *languages: str, profile: Profile = Profile.QUICK
) -> CheckContext:
    return CheckContext(
        Snapshot(ModelRef.parse("demo"), None, str(folder), ()),
        EvidenceStore(folder / "evidence"),
        profile=profile,
        questioner=model,
        earlier={COHERENCE_CHECK_ID: coherence(languages or ("en",))},
    )


def with_record(context: CheckContext, record: CheckRecord) -> CheckContext:
    return replace(context, earlier={**context.earlier, record.check_id: record})


def run(check: Check, context: CheckContext) -> CheckRecord:
    record = run_check(check, context)
    broken = [finding.reason for finding in record.findings if finding.outcome is Outcome.ERROR]
    assert not broken, broken
    return record


def finding(record: CheckRecord, language: str = "en", rule: str = "") -> Finding:
    (found,) = [each for each in record.findings if each.subject == language and each.rule == rule]
    return found


def measured(record: CheckRecord, name: str, **dimensions: str) -> Measurement:
    (found,) = [
        each
        for each in record.measurements
        if each.name == name and all(each.dimensions.get(key) == value for key, value in dimensions.items())
    ]
    return found
