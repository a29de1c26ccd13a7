"""What holds when every licence of a chain is kept at once: the narrowest of each term.

>>> effective_terms((), Situation(), is_resolved=False).commercial.value
'unclear'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from scanner.licensing.licence import Commercial, FossTest
from scanner.licensing.record import AppliedLicence, EffectiveTerms, Ground, Measure, Threshold
from scanner.licensing.situation import EU_MEMBERS, Condition, Situation, countries
from scanner.licensing.terms import Inheritance

# Narrowest first: an unclear term may be the narrower one.
_COMMERCIAL: Final = (
    Commercial.FORBIDDEN, Commercial.UNCLEAR, Commercial.CONDITIONAL, Commercial.ALLOWED,
)  # fmt: skip
_FOSS: Final = (FossTest.NOT_MET, FossTest.UNCLEAR, FossTest.MET)
_MONTHS: Final = 12
# Measurements that decide on roles: the policies package answers open questions from them.
FREE_AND_OPEN: Final = "licence.free_and_open_source"
EXCLUDES_EU: Final = "licence.excludes_eu"


def effective_terms(
    licences: Sequence[AppliedLicence], situation: Situation, *, is_resolved: bool
) -> EffectiveTerms:
    """The terms of all together; without `is_resolved` something unknown joins them."""
    counted = [one for one in licences if _narrows(one)]
    is_open = not is_resolved or not licences or any(one.has_additions for one in licences)
    excluded = tuple(
        dict.fromkeys(code for one in counted if one.terms for code in one.terms.excluded_territories)
    )
    commercial = [one.licence.commercial for one in counted] + [Commercial.UNCLEAR] * is_open
    foss = [one.licence.foss for one in counted] + [FossTest.UNCLEAR] * is_open
    return EffectiveTerms(
        commercial=min(commercial, key=_COMMERCIAL.index, default=Commercial.ALLOWED),
        foss=min(foss, key=_FOSS.index, default=FossTest.MET),
        excluded=excluded,
        excluded_for_user=_reaching(situation.territory, excluded),
        thresholds=_lowest(counted),
    )


def is_free_and_open(terms: EffectiveTerms) -> bool | None:
    """Whether the free and open-source criteria of the AI Act are met; None where that is not decided."""
    return None if terms.foss is FossTest.UNCLEAR else terms.foss is FossTest.MET


def excludes_eu(terms: EffectiveTerms, *, is_resolved: bool) -> bool | None:
    """Whether there are no rights in some country of the EU; None where an unknown licence may say so."""
    if countries(terms.excluded).isdisjoint(EU_MEMBERS):
        return False if is_resolved else None
    return True


def _narrows(one: AppliedLicence) -> bool:
    """Whether its terms on use bind the user: a base that asks for notices, or nothing, leaves them alone."""
    if one.ground is not Ground.INHERITED or one.terms is None:
        return True
    return one.terms.inheritance not in (Inheritance.NONE, Inheritance.NOTICES)


def _reaching(territory: tuple[str, ...] | None, excluded: Sequence[str]) -> tuple[str, ...] | None:
    if territory is None:
        return None
    shut = countries(excluded)
    return tuple(code for code in territory if not countries((code,)).isdisjoint(shut))


def _lowest(licences: Sequence[AppliedLicence]) -> tuple[Threshold, ...]:
    lowest: dict[Measure, Threshold] = {}
    for one in licences:
        for reading in one.duties:
            duty = reading.status.duty
            for measure, above in _limits(duty.when):
                if measure not in lowest or above < lowest[measure].above:
                    lowest[measure] = Threshold(measure, above, one.licence.id, duty.id)
    return tuple(lowest.values())


def _limits(condition: Condition) -> Iterator[tuple[Measure, float]]:
    monthly = condition.monthly_revenue_usd_above
    if condition.mau_above is not None:
        yield Measure.USERS, condition.mau_above
    if condition.annual_revenue_usd_above is not None:
        yield Measure.REVENUE, condition.annual_revenue_usd_above
    if monthly is not None:
        yield Measure.REVENUE, monthly * _MONTHS
    for part in condition.any_of:
        yield from _limits(part)
