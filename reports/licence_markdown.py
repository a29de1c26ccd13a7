"""The licence page as Markdown: what holds and what is owed in sight, the rest folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reports.markdown_text import folded, inline, table
from reports.sections.duties import DutyGroup, DutyView, QuoteView
from reports.sections.licences import LicencesView, TextView
from reports.sections.verdict import Fact
from reports.wording import counted
from scanner.licensing.duties import DutyState

# What binds or may bind; the rest is folded.
_OWED: Final = frozenset({DutyState.NOT_MET.value, DutyState.TO_DO.value, DutyState.UNKNOWN.value})


def licences_markdown(view: LicencesView) -> str:
    """The page; everything that a file of the model says in it formats and links nothing."""
    return "\n".join(block for block in _blocks(view) if block)


def _blocks(view: LicencesView) -> Iterator[str]:
    yield "## Licences and duties\n"
    for gap in view.gaps:
        yield f"{inline(gap)}\n"
    if not view.is_read:
        return
    yield "A reading aid and no legal advice; the text in this commit decides.\n"
    yield _facts("all licences kept at once", view.effective)
    yield _list("Unresolved; the terms may be narrower than shown", view.unresolved)
    for group in view.groups:
        body = _duties(group)
        title = f"{group.tag.label}: {group.title}"
        yield f"### {title}\n\n{body}" if group.tag.key in _OWED else folded(title, body)
    yield folded("Your use, as answered in the policy file", _facts("answer", view.situation))
    for licence in view.licences:
        yield folded(f"Terms: {inline(licence.title)}", _facts("term", licence.facts))
    texts = table(("file", "what it holds", "sha256"), map(_text, view.texts))
    if texts:
        yield folded(counted(len(view.texts), "licence text"), texts)
    named = ((inline(each.shown), inline(each.place), inline(each.meaning)) for each in view.declared)
    yield table(("licence named", "where", "what it may mean"), named)
    bases = (tuple(map(inline, (row.name, row.known, row.licence, row.inherited))) for row in view.bases)
    yield table(("base", "how the link is known", "its licence", "what is inherited"), bases)
    asked = (tuple(map(inline, (row.name, row.place, row.question))) for row in view.datasets)
    yield table(("data set", "where", "question"), asked)
    yield _list("What could not be read", view.problems)


def _facts(title: str, facts: tuple[Fact, ...]) -> str:
    return table((title, ""), ((inline(fact.label), inline(fact.value)) for fact in facts))


def _list(title: str, texts: tuple[str, ...]) -> str:
    return f"{title}:\n\n" + "".join(f"- {inline(text)}\n" for text in texts) if texts else ""


def _duties(group: DutyGroup) -> str:
    return table(("what is asked", "why and when", "by which licence"), map(_duty, group.duties))


def _duty(duty: DutyView) -> tuple[str, str, str]:
    asked = [
        inline(duty.what),
        f"Exact words: {inline(duty.words)}" if duty.words else "",
        f"Where: {inline(duty.where)}" if duty.where else "",
        f"Policy: {inline(duty.link)}" if duty.link else "",
        _quote(duty.quote) if duty.quote else "",
    ]
    when = f"{duty.when}; {duty.counted}" if duty.counted else duty.when
    why = [f"Applies: {when}.", duty.why, duty.trace, *(f"To answer: {each}" for each in duty.questions)]
    return _lines(asked), _lines(map(inline, why)), _lines([inline(duty.licence), inline(duty.place)])


def _text(text: TextView) -> tuple[str, str, str]:
    holds = [f"{inline(text.recognised)} ({inline(text.about)})", *map(_quote, text.quotes)]
    return inline(text.path), _lines(holds), text.sha256


def _quote(quote: QuoteView) -> str:
    why = f"; {quote.why}" if quote.why else ""
    return inline(f"“{quote.text}” {quote.place}{why}, file sha256 {quote.sha256}")


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(text for text in texts if text)
