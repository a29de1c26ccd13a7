"""Three facts that are often taken for one: the developer's seat, the licence's law, the hosting place.

Each stands with its source and day, or as "not known". None of them is a finding, and none follows from
another: a licence under the law of Singapore can come from a developer seated in China, be fetched from a
host run from the United States, and bind a user in France.

>>> fact_of_licence(None, "").shown
"Licence's governing law: not known (no licence was recognised)"
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scanner.licensing.claims import Claim
from scanner.licensing.comparison import governing_files
from scanner.licensing.table import Licence, licence_table
from scanner.manifest import Snapshot
from scanner.model_files import ModelFileError, licence_files, read_text
from scanner.origins.chain import Developer, Link, OriginChain
from scanner.origins.hosts import host_of, host_table

NOT_KNOWN: Final = "not known"


class Topic(enum.Enum):
    """What a fact is about."""

    SEAT = "developer's seat"
    LAW = "licence's governing law"
    HOSTING = "hosting place"


@dataclass(frozen=True)
class JurisdictionFact:
    """One fact.

    Attributes:
        topic: What it is about.
        value: Country codes or law; "not known" when so.
        about: Whose it is: the entity, the licence, the host; or why it is not known.
        quote: Words of the source with their place in it, or "".
        source: Where it was read; "" when not known or general knowledge.
        checked: On which day; None when not known.
        grade: How it is known, in words; "" when not known.
    """

    topic: Topic
    value: str
    about: str
    quote: str = ""
    source: str = ""
    checked: datetime.date | None = None
    grade: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return self.value != NOT_KNOWN

    @property
    def shown(self) -> str:
        """The fact in words, as a sentence without its full stop."""
        topic = self.topic.value.capitalize()
        if not self.is_known:
            return f"{topic}: {NOT_KNOWN} ({self.about})"
        return f"{topic}: {self.value} ({self.about}; {self.grade}, {self.checked})"


@dataclass(frozen=True)
class Jurisdiction:
    """The three facts of one model, kept apart."""

    seats: tuple[JurisdictionFact, ...]
    law: JurisdictionFact
    hosting: JurisdictionFact

    @property
    def shown(self) -> str:
        """The facts, a sentence each."""
        return " ".join(f"{fact.shown}." for fact in (*self.seats, self.law, self.hosting))


NOTHING_KNOWN: Final = Jurisdiction(
    (JurisdictionFact(Topic.SEAT, NOT_KNOWN, "not looked up"),),
    JurisdictionFact(Topic.LAW, NOT_KNOWN, "not looked up"),
    JurisdictionFact(Topic.HOSTING, NOT_KNOWN, "not looked up"),
)


def jurisdiction_of(snapshot: Snapshot, chain: OriginChain, claims: Sequence[Claim]) -> Jurisdiction:
    """The three facts of a model, from its chain, its licence texts and declarations, and its source."""
    return Jurisdiction(_seats(chain), _law(snapshot, claims), _hosting(snapshot))


def _seats(chain: OriginChain) -> tuple[JurisdictionFact, ...]:
    """One fact for the publisher, when it develops, and one per developer of a base."""
    links = [*([chain.publisher] if chain.publisher else []), *chain.bases]
    facts = {
        link.developer.org: _seat(link, link.developer)
        for link in reversed(links)
        if link.developer is not None and link.developer.kind.is_developer
    }
    if facts:
        return tuple(facts.values())[::-1]
    reason = "the publisher repackages what others made" if _is_repackaged(chain) else "no developer is known"
    return (JurisdictionFact(Topic.SEAT, NOT_KNOWN, reason),)


def _seat(link: Link, developer: Developer) -> JurisdictionFact:
    return JurisdictionFact(
        Topic.SEAT, developer.seat or NOT_KNOWN, f"{developer.entity}; link {link.basis.value}", "",
        developer.source, developer.checked, developer.grade,
    )  # fmt: skip


def _is_repackaged(chain: OriginChain) -> bool:
    developer = chain.publisher.developer if chain.publisher else None
    return developer is not None and not developer.kind.is_developer


def _law(snapshot: Snapshot, claims: Sequence[Claim]) -> JurisdictionFact:
    """The law that the licence names: of the text in the repository, else of the licence declared."""
    table = licence_table()
    for entry in governing_files(licence_files(snapshot)):
        try:
            reading = table.read(read_text(snapshot, entry.path))
        except ModelFileError:  # licence-contradiction reports what cannot be read
            continue
        if reading.licences:
            return fact_of_licence(reading.licences[0], f"text in {entry.path}")
    for claim in claims:
        rows = claim.licences(table)
        if len(rows) == 1:
            return fact_of_licence(rows[0], f"declared in {claim.place.path}")
    return fact_of_licence(None, "")


def fact_of_licence(licence: Licence | None, found: str) -> JurisdictionFact:
    """The fact about this licence, recognised in the way `found` says."""
    if licence is None:
        return JurisdictionFact(Topic.LAW, NOT_KNOWN, "no licence was recognised")
    about = f"{licence.title}, {found}"
    if licence.law is None:
        return JurisdictionFact(Topic.LAW, NOT_KNOWN, f"{about}: the table holds no clause on law")
    law = licence.law
    quote = f"{law.place}: {law.quote}" if law.quote else law.place
    return JurisdictionFact(
        Topic.LAW, law.law, about, quote, licence.source, law.checked, f"clause {licence.grade.wording}"
    )


def _hosting(snapshot: Snapshot) -> JurisdictionFact:
    name = host_of(snapshot)
    if not name:
        return JurisdictionFact(
            Topic.HOSTING, NOT_KNOWN, "the source recorded no host; the files were read from this machine"
        )
    row = host_table().find(name)
    if row is None:
        return JurisdictionFact(Topic.HOSTING, NOT_KNOWN, f"host {name} is not in the table")
    return JurisdictionFact(
        Topic.HOSTING, row.seat or NOT_KNOWN, f"{row.entity}, host {name}", "", row.source, row.checked,
        row.confidence.wording,
    )  # fmt: skip
