"""What each licence that counts grants and asks, why it counts, and how both are known: one table each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.licence_words import (
    LONGEST_NAME,
    NOT_KNOWN,
    counting_words,
    cut,
    distillation_words,
    inheritance_words,
    name_of,
    place_words,
    state_tag,
)
from reports.sections.verdict import Count, Fact
from reports.wording import day
from scanner.licensing.duties import DutyState
from scanner.licensing.record import AppliedLicence
from scanner.licensing.terms import Terms


@dataclass(frozen=True)
class TermsView:
    """One licence that counts.

    Attributes:
        title: Its name, with the base that it comes from.
        facts: What it grants and asks, why it counts, and how both are known.
        counts: How many of its duties stand how.
    """

    title: str
    facts: tuple[Fact, ...]
    counts: tuple[Count, ...]


def terms_view(applied: AppliedLicence) -> TermsView:
    """The table of this licence."""
    states = [reading.status.state for reading in applied.duties]
    counts = (Count(state_tag(state), states.count(state)) for state in DutyState)
    facts = (*_grounds(applied), *_granted(applied), *_further(applied.terms))
    return TermsView(name_of(applied), facts, tuple(count for count in counts if count.count))


def _grounds(applied: AppliedLicence) -> Iterator[Fact]:
    place = cut(place_words(applied.place), LONGEST_NAME)
    yield Fact("SPDX", applied.licence.spdx, is_code=True)
    yield Fact(
        "Counts because",
        f"{applied.ground.value}{f' ({place})' if place else ''}; confidence {applied.confidence.value}",
    )
    if applied.has_additions:
        yield Fact(
            "Additional terms", "its file holds terms beyond it, quoted below, which only a person can judge"
        )


def _granted(applied: AppliedLicence) -> Iterator[Fact]:
    licence, terms = applied.licence, applied.terms
    none = "none known" if terms else NOT_KNOWN
    counting = counting_words(terms) if terms else ""
    yield Fact("Commercial use", licence.commercial.value)
    yield Fact("Thresholds", "; ".join(filter(None, [licence.threshold, counting])) or none)
    barred = ", ".join(terms.excluded_territories) if terms else ""
    yield Fact("No rights in", licence.territory or barred or none)
    law = licence.law
    where = f"{law.law} ({law.place}; looked up on {day(law.checked)})" if law else NOT_KNOWN
    yield Fact("Governing law", where)
    yield Fact("Courts", (terms.courts if terms else "") or (none if terms is None else "none named"))
    why = f": {licence.why}" if licence.why else ""
    yield Fact("AI Act, free and open-source", f"criteria {licence.foss.value}{why}")
    yield Fact(
        "Licence known",
        f"{licence.grade.wording}, checked on {day(licence.checked)}; {licence.source}",
    )


def _further(terms: Terms | None) -> Iterator[Fact]:
    if terms is None:
        yield Fact("Duties", "not known: a person must read the text")
        return
    yield Fact("Inheritance", inheritance_words(terms.inheritance))
    yield Fact("Outputs", distillation_words(terms.distillation))
    yield Fact("Ends by", "; ".join(terms.ends) or "nothing that is known of")
    if terms.remote_restriction:
        yield Fact("May change", "the licensor may restrict use from afar, or change terms later")
    yield Fact("Duties known", f"{terms.grade.wording}, checked on {day(terms.checked)}; {terms.source}")
