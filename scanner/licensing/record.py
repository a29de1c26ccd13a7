"""What a scan keeps of a model's licences: one piece of evidence that reports and notices read back.

>>> record = LicenceRecord("", Situation())
>>> read_licences(written(record)) == record
True
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Location
from scanner.licensing.duties import DutyStatus
from scanner.licensing.licence import Commercial, FossTest, Licence
from scanner.licensing.situation import Situation
from scanner.licensing.terms import Distillation, Terms
from scanner.records import decode, encode_pretty

LICENCES_MEDIA_TYPE: Final = "application/vnd.weighbridge.licences+json"


class TextRole(enum.Enum):
    """What a licence file is about, by its name and place."""

    MODEL = "model"  # binds whoever uses the weights
    CODE = "code"
    NOTICE = "notice"
    POLICY = "use policy"  # part of the licence of the weights
    ELSEWHERE = "elsewhere"  # in a folder: of a component, a tokeniser, a third party


class Ground(enum.Enum):
    """Why a licence counts for this model, surest first."""

    TEXT = "its text is in the repository"
    DECLARED = "declared; its text is not in the repository"
    INHERITED = "of a base model that the files declare"


class Measure(enum.Enum):
    """What a threshold counts."""

    USERS = "monthly active users"
    REVENUE = "US dollars a year"


@dataclass(frozen=True)
class Quote:
    """Words of a file in the repository.

    Attributes:
        path: Path inside the snapshot.
        line: 1-based.
        text: The sentence, white space folded, printable, of bounded length.
        sha256: Of the file's bytes.
        why: What the sentence does: "restricts commercial use", or "".
    """

    path: str
    line: int
    text: str
    sha256: str
    why: str = ""


@dataclass(frozen=True)
class Declaration:
    """One place that names a licence.

    Attributes:
        shown: The name as people read it: "other (qwen-research)".
        place: Where.
        licences: Ids of what it may mean; () when the table does not know the name.
        link: `license_link`, or "".
        is_prose: Whether it stands in running text, where it may be about something else.
    """

    shown: str
    place: Location
    licences: tuple[str, ...] = ()
    link: str = ""
    is_prose: bool = False


@dataclass(frozen=True)
class FiledText:
    """One licence file.

    Attributes:
        path: Path inside the snapshot.
        sha256: Of the file's bytes.
        size_bytes: Its length.
        role: What it is about.
        title: What it is, for people: "MIT License with additional terms".
        licences: Ids of the recognised licences, the governing one first; () when it is not recognised.
        is_exact: Whether the words are exactly those of a known text.
        containment: Share of the known text that was found, in [0, 1]; 0 when recognised by name only.
        additions: Sentences beyond the recognised texts that narrow the grant.
        text: The text itself, as evidence; None where it was not kept.
    """

    path: str
    sha256: str
    size_bytes: int
    role: TextRole
    title: str
    licences: tuple[str, ...] = ()
    is_exact: bool = False
    containment: float = 0.0
    additions: tuple[Quote, ...] = ()
    text: EvidenceRef | None = None


@dataclass(frozen=True)
class Trace:
    """Whether the repository itself keeps what a base's licence asks of whoever passes a derivative on.

    Attributes:
        is_kept: Whether it was found.
        sought: What was looked for: "a copy of the agreement", "the words 'Built with Llama'".
        place: Where it was found, None when it was not.
    """

    is_kept: bool
    sought: str
    place: Location | None = None


@dataclass(frozen=True)
class DutyReading:
    """One duty, as it stands for the user.

    Attributes:
        status: The duty and how it stands; `status.duty.words` and `.where` are what to show and where.
        quote: The sentence of the repository's licence text that prescribes these words, None when not found.
        trace: Whether this repository keeps it; None where that cannot be seen, or is not the question.
    """

    status: DutyStatus
    quote: Quote | None = None
    trace: Trace | None = None


@dataclass(frozen=True)
class AppliedLicence:
    """A licence that counts for this model, with everything it asks.

    Attributes:
        licence: What is known of it.
        ground: Why it counts.
        confidence: How far that carries.
        place: The licence file with its line, the card's key, or where the base is declared.
        via: The base model that it is inherited from, "" for the model's own.
        terms: What it grants and asks, None when that is not known.
        duties: Those that stop the user first.
        has_additions: Whether its file holds terms beyond the licence, which only a person can judge.
    """

    licence: Licence
    ground: Ground
    confidence: Confidence
    place: Location | None = None
    via: str = ""
    terms: Terms | None = None
    duties: tuple[DutyReading, ...] = ()
    has_additions: bool = False


@dataclass(frozen=True)
class BaseLicence:
    """A base model that the files declare, and what its licence is taken to be.

    Attributes:
        name: "org/name".
        basis: How the link is known, in words.
        place: Where the files say so.
        licence: Id of the licence its family usually comes under, "" when not known.
        washed_into: Id of the permissive licence declared over narrower terms of this base, "" when none is.
    """

    name: str
    basis: str
    place: Location | None
    licence: str = ""
    washed_into: str = ""


@dataclass(frozen=True)
class DatasetHint:
    """A data set of the card whose name hints at another model's outputs.

    Attributes:
        name: As the card has it.
        place: Where.
        family: Whose outputs its name hints at: "GPT-4".
        terms: Whose terms on outputs to ask for: a title.
        distillation: What these terms say of models trained on outputs, as far as known.
    """

    name: str
    place: Location
    family: str
    terms: str
    distillation: Distillation


@dataclass(frozen=True)
class Threshold:
    """Beyond `above`, the duty `duty` of `licence` applies."""

    measure: Measure
    above: float
    licence: str
    duty: str


@dataclass(frozen=True)
class EffectiveTerms:
    """What holds when every licence of the chain is kept at once.

    Attributes:
        commercial: The narrowest of all.
        foss: Whether the free and open-source criteria are met by all.
        excluded: Where one of them gives no rights: ISO codes and EU.
        excluded_for_user: Those of the user's territories that lie there, as ISO codes; None when the user
            named none.
        thresholds: The lowest of each measure.
    """

    commercial: Commercial = Commercial.UNCLEAR
    foss: FossTest = FossTest.UNCLEAR
    excluded: tuple[str, ...] = ()
    excluded_for_user: tuple[str, ...] | None = None
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What could not be read or judged: a file, a base, a licence, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class LicenceRecord:
    """Everything that is known of the licences of one model, for one user.

    Attributes:
        commit: The commit that was read, "" for folders and files.
        situation: What the user answered.
        declarations: Where a licence is named.
        texts: Every licence file.
        licences: Those that count for the weights, the model's own first.
        bases: What the files say the model was made from.
        datasets: Data sets to ask about.
        effective: All of it together.
        unresolved: Why the effective terms may be narrower than shown; () when every link is known.
        problems: What could not be read.
    """

    commit: str
    situation: Situation
    declarations: tuple[Declaration, ...] = ()
    texts: tuple[FiledText, ...] = ()
    licences: tuple[AppliedLicence, ...] = ()
    bases: tuple[BaseLicence, ...] = ()
    datasets: tuple[DatasetHint, ...] = ()
    effective: EffectiveTerms = EffectiveTerms()
    unresolved: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()


def kept_of(licence: Licence) -> Licence:
    """The row without what only serves to recognise it."""
    return replace(licence, fingerprints=(), phrases=(), families=())


def written(record: LicenceRecord) -> bytes:
    """The record as the evidence store keeps it."""
    return encode_pretty(record)


def read_licences(data: bytes) -> LicenceRecord:
    """The record in a piece of evidence.

    Raises:
        InvalidValueError: when the bytes are none.
    """
    return decode(data, LicenceRecord)
