"""What is known of one licence, in our own words; the text in the model's commit decides.

>>> GoverningLaw("Singapore", "section 7", datetime.date(2026, 11, 26)).law
'Singapore'
"""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass


class Commercial(enum.Enum):
    """Whether a licence lets one use the model commercially."""

    ALLOWED = "allowed"
    CONDITIONAL = "conditional"
    FORBIDDEN = "forbidden"
    UNCLEAR = "unclear"


class FossTest(enum.Enum):
    """Outcome of the free and open-source licence criteria of the Commission's GPAI Guidelines.

    Source: C(2025) 7719, section 4.2, on Art. 53(2) of Regulation (EU) 2024/1689.
    """

    MET = "met"
    NOT_MET = "not met"
    UNCLEAR = "unclear"


class Grade(enum.Enum):
    """How a row of the table is known."""

    TEXT = "text"
    QUOTED = "quoted"
    TAG = "tag"

    @property
    def wording(self) -> str:
        """The grade in words."""
        return {
            Grade.TEXT: "read in the licence text",
            Grade.QUOTED: "known from others quoting the text",
            Grade.TAG: "not read",
        }[self]


@dataclass(frozen=True)
class GoverningLaw:
    """What a licence says about the law that governs it.

    Attributes:
        law: The law, in our words: "People's Republic of China", or "none named".
        place: Where in the text the clause stands, and which courts or arbitration it names.
        checked: Day on which the text was looked through.
        quote: Its words, or "".
    """

    law: str
    place: str
    checked: datetime.date
    quote: str = ""


@dataclass(frozen=True)
class Licence:
    """One licence, in our own words.

    Attributes:
        id: Our stable name.
        title: As people call it.
        spdx: SPDX id or LicenseRef.
        commercial: Whether commercial use is allowed.
        foss: Reading of the AI Act's free and open-source criteria.
        source: Where this was read.
        grade: How it is known.
        checked: Day on which the row was last checked.
        tags: Names by which cards and headers declare it.
        fingerprints: Names of the known texts that are this licence.
        phrases: Folded words that identify a text without fingerprint.
        base: Id of the licence that this one is, plus additions; "" when it stands alone.
        threshold: Users or revenue beyond which other terms hold, or "".
        duties: What else it asks, or "".
        territory: Where it gives no rights, or "".
        why: Why the free and open-source criteria are not met or unclear, or "".
        families: Repository patterns whose models usually come under it: a hint, never a proof.
        kind: "licence", or "policy" for use policies that accompany one.
        law: The law that governs it, as its text says; None when the clause was not looked up.
    """

    id: str
    title: str
    spdx: str
    commercial: Commercial
    foss: FossTest
    source: str
    grade: Grade
    checked: datetime.date
    tags: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    base: str = ""
    threshold: str = ""
    duties: str = ""
    territory: str = ""
    why: str = ""
    families: tuple[str, ...] = ()
    kind: str = "licence"
    law: GoverningLaw | None = None

    @property
    def is_restrictive(self) -> bool:
        """Whether it is known to ask more than free licences do."""
        return self.foss is FossTest.NOT_MET or self.commercial is Commercial.FORBIDDEN

    @property
    def is_permissive(self) -> bool:
        """Whether whoever reads its name expects free use, commercial use included."""
        return self.foss is FossTest.MET and self.commercial is Commercial.ALLOWED
