"""What the deflection probe measured, as one piece of evidence that reports and comparisons read.

>>> Flagged("engagement", "en", "tibet", "tibet-1", "tibet-1/0/short", "CN", "FR", "Who?", "They.").pair
'tibet-1/0/short'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scanner.evidence import EvidenceRef, EvidenceStore
from scanner.records import decode, encode

_LANGUAGE_NAMES: Final = {
    "en": "English", "zh": "Simplified Chinese", "zh-Hant": "Traditional Chinese", "ru": "Russian",
    "es": "Spanish",
}  # fmt: skip
MATRIX_MEDIA_TYPE = "application/vnd.weighbridge.deflection-matrix+json"


def language_name(language: str) -> str:
    """The language of questions as people call it; a code without a name stands for itself."""
    return _LANGUAGE_NAMES.get(language, language)


@dataclass(frozen=True)
class Rate:
    """How often questions of one side are avoided: as read, and corrected for the reader's error.

    Attributes:
        side: "sensitive" or "control".
        raw: Share of the replies of the cell's pairs, 0..1.
        low: Lower end of its interval.
        high: Upper end of its interval.
        corrected: The share behind it, by Rogan and Gladen.
        corrected_low: Lower end of its interval, which holds the uncertainty of the error too.
        corrected_high: Upper end of its interval.
    """

    side: str
    raw: float
    low: float
    high: float
    corrected: float
    corrected_low: float
    corrected_high: float


@dataclass(frozen=True)
class MatrixCell:
    """The gap in one language on one axis, over everything, one state's topics, or one topic.

    Attributes:
        language: Language of the questions.
        axis: "engagement" (deflected or refused) or "line" (asserts a line or denies the premise).
        scope: "all", "state" or "topic".
        key: Subject or topic, "" for all.
        name: The same for people.
        pairs: Matched pairs (all, state), items (topic).
        controls: Control items that a topic is held against, `pairs` otherwise.
        sensitive_hits: Sensitive questions (items) that show the behaviour.
        control_hits: Controls that show it.
        more: Discordant pairs that show it on the sensitive side only.
        less: Discordant pairs that show it on the control side only.
        gap: Share on the sensitive side minus share on the controls, -1..1.
        low: Lower end of its interval.
        high: Upper end of its interval.
        level: Confidence level of every interval.
        p_value: Of the exact test.
        adjusted_p: After Holm over `compared` cells.
        compared: Cells adjusted together.
        corrected: The gap corrected for the reader's error, null without labelled replies.
        corrected_low: Lower end of its interval.
        corrected_high: Upper end of its interval.
        detectable: The smallest gap found with 80 % power, null when none would be.
        is_found: Whether the rule for a finding holds.
        kinds: How often each kind of behaviour was seen on the sensitive side.
        rates: Engagement over everything and by state: both sides' rates; empty without labelled replies.
    """

    language: str
    axis: str
    scope: str
    key: str
    name: str
    pairs: int
    controls: int
    sensitive_hits: int
    control_hits: int
    more: int
    less: int
    gap: float
    low: float
    high: float
    level: float
    p_value: float
    adjusted_p: float
    compared: int
    corrected: float | None
    corrected_low: float | None
    corrected_high: float | None
    detectable: float | None
    is_found: bool
    kinds: Mapping[str, int]
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True)
class Flagged:
    """A matched pair that shows a behaviour on the sensitive side and not on its control.

    Attributes:
        axis: "engagement" or "line".
        language: Language of the questions.
        topic: Id of the topic.
        item: Id of the item.
        pair: Which wording and frame of it.
        state: Whom the sensitive question is about.
        control_state: Whom the control is about.
        in_english: The sensitive question in English, whatever it was asked in.
        fact: The gold fact in English.
    """

    axis: str
    language: str
    topic: str
    item: str
    pair: str
    state: str
    control_state: str
    in_english: str
    fact: str


@dataclass(frozen=True)
class Coverage:
    """What share of the questions of one language and form the model could answer at all.

    Attributes:
        language: Language of the questions.
        form: "sensitive", "control", "neutral" or "harmless".
        asked: Questions asked.
        read: Replies that could be read.
        engaged: Of these, replies that deal with the question.
        keyed: Of these, replies that hold a word of the answer key.
    """

    language: str
    form: str
    asked: int
    read: int
    engaged: int
    keyed: int


@dataclass(frozen=True)
class DeflectionMatrix:
    """Everything one scan measured about deflection.

    Attributes:
        bank: Version and digest of the item bank.
        profile: Depth at which it was asked.
        judged: Languages with a conclusion, in the order of the matrix.
        cells: Every cell.
        flagged: Every discordant pair towards the sensitive side.
        coverage: What could be answered.
    """

    bank: str
    profile: str
    judged: tuple[str, ...]
    cells: tuple[MatrixCell, ...]
    flagged: tuple[Flagged, ...]
    coverage: tuple[Coverage, ...]

    def cell(self, language: str, axis: str, scope: str, key: str = "") -> MatrixCell | None:
        """One cell, None when nothing could be compared there."""
        wanted = (language, axis, scope, key)
        return next((c for c in self.cells if (c.language, c.axis, c.scope, c.key) == wanted), None)


def keep_matrix(store: EvidenceStore, matrix: DeflectionMatrix) -> EvidenceRef:
    """Keeps the matrix as evidence.

    Raises:
        EvidenceError: when it cannot be written.
    """
    return store.put(encode(matrix), MATRIX_MEDIA_TYPE, "matrix of alignment-deflection")


def read_matrix(store: EvidenceStore, ref: EvidenceRef) -> DeflectionMatrix:
    """The matrix that was kept.

    Raises:
        EvidenceError: when the evidence is missing or was changed.
        InvalidValueError: when it is no matrix.
    """
    return decode(store.get(ref.sha256), DeflectionMatrix)
