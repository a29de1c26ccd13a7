"""The licence page: what holds, the duties as a to-do list, terms by licence, quotes, the chain of bases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reports.contents import Contents
from reports.licence_words import (
    LONGEST_NAME,
    NOT_KNOWN,
    cut,
    distillation_words,
    inheritance_words,
    place_words,
)
from reports.numbers import size_text
from reports.sections.duties import DutyGroup, QuoteView, duty_groups
from reports.sections.licence_terms import TermsView, terms_view
from reports.sections.verdict import Fact
from scanner.licensing.record import (
    LICENCES_MEDIA_TYPE,
    AppliedLicence,
    BaseLicence,
    EffectiveTerms,
    FiledText,
    LicenceRecord,
    Problem,
    Quote,
    TextRole,
)
from scanner.licensing.situation import Situation

_NOT_RUN: Final = (
    "No check that reads licences was part of this scan: nothing is said here about what may be done."
)
_NO_LICENCE: Final = (
    "No known licence was found to count for this model. That is no permission: read the texts below, or ask "
    "the publisher, before using it."
)
_ROLES: Final = {
    TextRole.MODEL: "for the model",
    TextRole.CODE: "for the code",
    TextRole.NOTICE: "notice",
    TextRole.POLICY: "use policy",
    TextRole.ELSEWHERE: "for something in that folder",
}
_NOT_ANSWERED: Final = "not answered"


@dataclass(frozen=True)
class TextView:
    """One licence file: what it is, and its sentences beyond the known text, quoted."""

    path: str
    about: str
    recognised: str
    sha256: str
    quotes: tuple[QuoteView, ...]


@dataclass(frozen=True)
class DeclaredView:
    """One place that names a licence."""

    shown: str
    place: str
    meaning: str


@dataclass(frozen=True)
class BaseView:
    """One base model: how it is known, what licence it is taken to have, and what comes of it here."""

    name: str
    known: str
    licence: str
    inherited: str


@dataclass(frozen=True)
class DatasetView:
    """One data set to ask about."""

    name: str
    place: str
    question: str


@dataclass(frozen=True)
class LicencesView:
    """The page.

    Attributes:
        gaps: Why there is nothing to show, one sentence each; then all else is empty.
        effective: What holds when every licence is kept at once.
        situation: What the user answered.
        groups: Every duty, by how it stands.
        licences: Those that count, one table each.
        texts: The licence files of this commit.
        declared: Where a licence is named.
        bases: What the files say the model was made from.
        datasets: Data sets to ask about.
        unresolved: Why the effective terms may be narrower than shown.
        problems: What could not be read or judged.
    """

    gaps: tuple[str, ...]
    effective: tuple[Fact, ...] = ()
    situation: tuple[Fact, ...] = ()
    groups: tuple[DutyGroup, ...] = ()
    licences: tuple[TermsView, ...] = ()
    texts: tuple[TextView, ...] = ()
    declared: tuple[DeclaredView, ...] = ()
    bases: tuple[BaseView, ...] = ()
    datasets: tuple[DatasetView, ...] = ()
    unresolved: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether there is a record to show."""
        return bool(self.situation)


def licences_view(contents: Contents) -> LicencesView:
    """The page of these contents."""
    if contents.licences is not None:
        return record_view(contents.licences)
    lost = [each for each in contents.evidence if each.media_type == LICENCES_MEDIA_TYPE]
    gaps = (f"What was found cannot be shown: its evidence is {each.state.value}." for each in lost)
    return LicencesView(tuple(gaps) or (_NOT_RUN,))


def record_view(record: LicenceRecord) -> LicencesView:
    """The page of this record."""
    titles = {applied.licence.id: applied.licence.title for applied in record.licences}
    return LicencesView(
        gaps=() if record.licences else (_NO_LICENCE,),
        effective=tuple(_effective(record.effective, titles)) if record.licences else (),
        situation=tuple(situation_facts(record.situation)),
        groups=duty_groups(record),
        licences=tuple(terms_view(applied) for applied in record.licences),
        texts=tuple(_text(text) for text in record.texts),
        declared=tuple(
            DeclaredView(
                cut(each.shown, LONGEST_NAME),
                cut(place_words(each.place), LONGEST_NAME),
                _meaning(each.licences, each.link, is_prose=each.is_prose),
            )
            for each in record.declarations
        ),
        bases=tuple(_base(base, record.licences) for base in record.bases),
        datasets=tuple(
            DatasetView(
                cut(hint.name, LONGEST_NAME),
                cut(place_words(hint.place), LONGEST_NAME),
                f"Does it hold outputs of {hint.family}? If so, {hint.terms}: "
                f"{distillation_words(hint.distillation)}.",
            )
            for hint in record.datasets
        ),
        unresolved=_told(record.unresolved),
        problems=_told(record.problems),
    )


def _effective(effective: EffectiveTerms, titles: dict[str, str]) -> Iterator[Fact]:
    yield Fact("Commercial use", effective.commercial.value)
    for limit in effective.thresholds:
        of = titles.get(limit.licence, limit.licence)
        yield Fact("Lowest threshold", f"{limit.above:,.0f} {limit.measure.value}: {of}, duty {limit.duty}")
    yield Fact("No rights in", ", ".join(effective.excluded) or "no territory that is known of")
    if effective.excluded:
        mine = effective.excluded_for_user
        said = _NOT_ANSWERED if mine is None else ", ".join(mine) or "none of them"
        yield Fact("Of these, yours", said)
    yield Fact("AI Act, free and open-source", f"criteria {effective.foss.value}, as read in our own table")


def situation_facts(situation: Situation) -> Iterator[Fact]:
    """What the user answered, and what not."""
    yield Fact("Commercial use", _yes_no(situation.commercial))
    yield Fact("Monthly active users", _amount(situation.mau))
    yield Fact("Annual revenue, US dollars", _amount(situation.annual_revenue_usd))
    yield Fact("Used or passed on in", ", ".join(situation.territory or ()) or _NOT_ANSWERED)
    yield Fact("Main place of business", ", ".join(situation.seat or ()) or _NOT_ANSWERED)
    yield Fact("Passes it, or one made from it, on", _yes_no(situation.distributes))
    yield Fact("Others use a service with it", _yes_no(situation.serves_others))
    yield Fact("Fine-tunes it", _yes_no(situation.fine_tunes))
    yield Fact("Trains models on its outputs", _yes_no(situation.trains_on_outputs))


def _yes_no(answer: bool | None) -> str:
    return _NOT_ANSWERED if answer is None else "yes" if answer else "no"


def _amount(answer: float | None) -> str:
    return _NOT_ANSWERED if answer is None else f"{answer:,.0f}"


def _text(text: FiledText) -> TextView:
    if not text.licences:
        known = "a person must read it"
    elif text.is_exact:
        known = "the exact words of a known text"
    elif text.containment:
        known = f"not word for word; {text.containment:.0%} of the known text was found"
    else:
        known = "recognised by its name only: a person must read it"
    return TextView(
        cut(text.path, LONGEST_NAME),
        f"{_ROLES[text.role]}; {size_text(text.size_bytes)}",
        f"{cut(text.title, LONGEST_NAME)}: {known}",
        text.sha256,
        tuple(map(QuoteView.of, _each_once(text.additions))),
    )


def _each_once(quotes: Sequence[Quote]) -> Iterator[Quote]:
    """Every sentence once, with all that it does."""
    whys: dict[Quote, list[str]] = {}
    for quote in quotes:
        whys.setdefault(replace(quote, why=""), []).append(quote.why)
    for quote, said in whys.items():
        yield replace(quote, why="; ".join(filter(None, said)))


def _meaning(licences: Sequence[str], link: str, *, is_prose: bool) -> str:
    meant = ", ".join(licences) or "a name that the table does not know"
    parts = [
        meant,
        f"points to {cut(link, LONGEST_NAME)}" if link else "",
        "in running text, where it may be about something else" if is_prose else "",
    ]
    return "; ".join(filter(None, parts))


def _base(base: BaseLicence, licences: Sequence[AppliedLicence]) -> BaseView:
    inherited = [applied for applied in licences if applied.via == base.name]
    told = "; ".join(
        f"{applied.licence.title}: {inheritance_words(applied.terms.inheritance)}"
        if applied.terms
        else f"{applied.licence.title}: its terms are {NOT_KNOWN}"
        for applied in inherited
    )
    washed = f"; yet {base.washed_into} is declared here, which is wider" if base.washed_into else ""
    place = cut(place_words(base.place), LONGEST_NAME)
    return BaseView(
        cut(base.name, LONGEST_NAME),
        "; ".join(filter(None, [base.basis, place])),
        f"usually {base.licence}{washed}" if base.licence else NOT_KNOWN,
        told or NOT_KNOWN,
    )


def _told(problems: Sequence[Problem]) -> tuple[str, ...]:
    return tuple(f"{cut(each.subject, LONGEST_NAME)}: {cut(each.reason)}" for each in problems)
