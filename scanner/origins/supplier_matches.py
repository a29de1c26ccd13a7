"""By which way a model matches a listed party, and how sure that is: publisher, base, owner, or a mere name.

An exact name of a hub organisation or a company matches, and nothing that is merely like one: to accuse
somebody by mistake is worse than to miss a match. What is merely alike is a hint, and named so.

>>> names = Names(publishers=["sberbank-ai"])
>>> row = next(row for row in supplier_lists().rows if row.entity == "Sberbank")
>>> match_of(row, names, companies_of(names)).how
'the publisher sberbank-ai'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from scanner.findings import Confidence
from scanner.origins.company_names import company_names
from scanner.origins.names import ModelName
from scanner.origins.publishers import Publisher, publisher_table
from scanner.origins.supplier_lists import ListedSupplier, supplier_lists
from scanner.origins.tables import Knowledge

__all__ = ["Company", "Match", "Names", "companies_of", "match_of", "no_surer_than", "supplier_lists"]

_WEAKEST_FIRST: Final = list(Confidence)
# A match is no surer than what is known about the list itself.
_AT_MOST: Final = {
    Knowledge.PRIMARY: Confidence.HIGH,
    Knowledge.SECONDARY: Confidence.MEDIUM,
    Knowledge.RECALLED: Confidence.LOW,
}


@dataclass
class Names:
    """Everything that says where a model comes from.

    Attributes:
        publishers: Organisations on the hub that the reference names.
        bases: Repositories that the model declares it was made from.
        own: Names under which the model goes.
    """

    publishers: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Every name, once each."""
        return list(dict.fromkeys([*self.publishers, *self.bases, *self.own]))


@dataclass(frozen=True)
class Match:
    """How a model matched a party: the way as a token, in words, and how sure it is."""

    way: str
    how: str
    confidence: Confidence


@dataclass(frozen=True)
class Company:
    """A company behind the model, and how it is known.

    Attributes:
        name: As the registry of publishers has it.
        how: The road from the model to it, in words.
        is_owner: Whether it owns the publisher or developer rather than being it.
        confidence: How sure the road is.
    """

    name: str
    how: str
    is_owner: bool
    confidence: Confidence

    def matched(self) -> Match:
        """The match by this company's name."""
        return Match("owner" if self.is_owner else "company", self.how, self.confidence)


def no_surer_than(match: Match, row: ListedSupplier) -> Confidence:
    """The confidence of a match with a row of the shipped table."""
    return min(match.confidence, _AT_MOST[row.confidence], key=_WEAKEST_FIRST.index)


def companies_of(names: Names) -> tuple[Company, ...]:
    """The companies behind publisher and declared bases, as far as the registry of publishers knows them."""
    found = [
        *_companies((("the publisher", org, org) for org in names.publishers), steps=0),
        *_companies(
            (("the declared base model", base, base.partition("/")[0]) for base in names.bases), steps=1
        ),
    ]
    return tuple(found)


def match_of(row: ListedSupplier, names: Names, companies: Sequence[Company]) -> Match | None:
    """The surest way in which a model matches a row; None when none does."""
    by_company = (company.matched() for company in companies if row.is_company(company.name))
    found = [*_by_org(row, names), *by_company, *_by_name(row, names)]
    # The first of equals: an organisation's own name tells more than a word in a model's.
    return max(found, key=lambda match: _WEAKEST_FIRST.index(match.confidence), default=None)


def _by_org(row: ListedSupplier, names: Names) -> Iterator[Match]:
    for org in names.publishers:
        if row.is_org(org):
            yield Match("publisher", f"the publisher {org}", Confidence.HIGH)
        elif row.is_group_org(org):
            yield Match("group", f"the publisher {org} ({row.relation})", Confidence.MEDIUM)
    for base in names.bases:
        org = base.partition("/")[0]
        if row.is_org(org):
            yield Match("base", f"the declared base model {base}", Confidence.MEDIUM)
        elif row.is_group_org(org):
            yield Match("base-group", f"the declared base model {base} ({row.relation})", Confidence.LOW)


def _by_name(row: ListedSupplier, names: Names) -> Iterator[Match]:
    for name in [*names.bases, *names.own]:
        if row.words & ModelName.of(name).atoms or row.is_org(name):
            yield Match("name", f"the name {ModelName.of(name).quoted}, which is a claim", Confidence.LOW)


def _companies(roads: Iterable[tuple[str, str, str]], *, steps: int) -> Iterator[Company]:
    """The company behind each organisation and its owner; every step of the road makes it less sure."""
    for what, shown, org in roads:
        publisher = publisher_table().find(org)
        if publisher is None:
            continue
        known = steps + (publisher.confidence is Knowledge.RECALLED)
        for name in company_names(publisher.entity):
            yield Company(name, f"{what} {shown}, whose company is {name}", False, _after(known))
        for owner in _owners(publisher):
            how = f"{what} {shown}, whose company is owned by {owner}"
            yield Company(owner, how, True, _after(known + 1))


def _owners(publisher: Publisher) -> tuple[str, ...]:
    return company_names(publisher.parent)


def _after(steps: int) -> Confidence:
    return _WEAKEST_FIRST[max(0, len(_WEAKEST_FIRST) - 1 - steps)]
