"""A NOTICE as plain text: what the licences ask to be said, named and enclosed, as far as it is known.

Prescribed words stand on a line of their own, letter by letter; everything else is wrapped. What comes from
the model's files is indented, so that it cannot pass for a heading, and shown without hidden characters.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Container, Iterable, Iterator
from typing import Final

from reports.contents import ModelRecord
from reports.format import Report
from reports.glyphs import visible
from reports.licence_words import (
    LONGEST_NAME,
    condition_words,
    cut,
    duty_sentence,
    name_of,
    question_words,
    quote_place,
    sentence,
)
from reports.sections.duties import trace_words
from reports.sections.licences import situation_facts
from reports.wording import day
from scanner.evidence import EvidenceError, EvidenceStore
from scanner.licensing.duties import DutyState
from scanner.licensing.record import AppliedLicence, DutyReading, FiledText, Ground, LicenceRecord, TextRole
from scanner.licensing.terms import DutyKind

_WIDTH: Final = 78
_INDENT: Final = "    "
# A NOTICE of the Apache kind fills a page; what is longer is enclosed as a file instead.
_LONGEST_NOTICE: Final = 20_000
_MOST_LINES: Final = 20
_COPYRIGHT: Final = re.compile(r"[\s#*/;>-]*(?:copyright\s*(?:\(c\)|©|\d{4})|©\s*\d{4})", re.IGNORECASE)
_IS: Final = (
    "What this is: what the licences found for this model ask to be said, shown and enclosed, as far as it "
    "is known on the days above. Part 1 goes with every copy. Part 2 is for whoever passes it on; leave it "
    "out of what is passed on. Prescribed words stand on an indented line of their own, letter by letter; "
    "what a file of the model says is indented too, with hidden characters shown as escapes."
)
_IS_NOT: Final = (
    "What this is not: legal advice, a grant of rights, or complete. The licence texts decide. What could "
    "not be read or judged stands first in part 2."
)
_TO_PASS_ON: Final = frozenset({DutyKind.USE_POLICY, DutyKind.PASS_ON, DutyKind.SHARE_ALIKE})
# Where the licence gives no rights until something was done: no line in a file does it.
_GATES: Final = frozenset({DutyKind.FORBIDDEN, DutyKind.PERMISSION, DutyKind.REGISTRATION})
_TASKS: Final = (
    ("Words to display", frozenset({DutyKind.DISPLAY})),
    ("Names", frozenset({DutyKind.NAMING})),
    ("Notices and copies to give", frozenset({DutyKind.NOTICE, DutyKind.COPY})),
    (
        "Else to do",
        frozenset(DutyKind) - _GATES - {DutyKind.DISPLAY, DutyKind.NAMING, DutyKind.NOTICE, DutyKind.COPY},
    ),
)


def notice_text(report: Report, record: LicenceRecord) -> str:
    """The text; equal for equal scans, whenever it is written."""
    blocks = [
        *_head(report, record),
        _rule("Part 1: goes with every copy"),
        *_section("Notice lines", _lines(record)),
        *_section("Attribution, as it stands in the files", _attribution(record, report.evidence)),
        *_section("Licence texts, to be enclosed", _texts(record)),
        *_section("Use that is restricted", _duties(record, _TO_PASS_ON, only_bound=True)),
        _rule("Part 2: for you, not to be passed on"),
        *_section("Not settled by this notice", _open(record)),
        *_section("Your use, as answered", ["\n".join(_answers(record))]),
        *(block for title, kinds in _TASKS for block in _section(title, _duties(record, kinds))),
    ]
    return "\n\n".join(blocks) + "\n"


def _head(report: Report, record: LicenceRecord) -> Iterator[str]:
    scan = report.scan
    model = ModelRecord.of(scan.snapshot)
    yield _plain(f"NOTICE for {_one_line(model.name)}")
    versions = scan.versions.get("weighbridge", "")
    yield "\n".join(
        [
            f"Model:         {_one_line(_reference(model))}",
            f"Commit:        {_one_line(model.commit or 'none')}",
            f"Files sha256:  {model.digest}",
            f"As of:         {day(scan.started_at.date())}, scan {_one_line(scan.id)}",
            f"Licence facts: {_checked(record)}",
            f"Made by:       Weighbridge {versions}".rstrip(),
        ]
    )
    yield _plain(_IS)
    yield _plain(_IS_NOT)


def _reference(model: ModelRecord) -> str:
    """What was asked for; of a folder only its name, since where it lay is nobody else's business."""
    return model.ref.text if "://" in model.ref.text else model.name


def _answers(record: LicenceRecord) -> Iterator[str]:
    for fact in situation_facts(record.situation):
        yield f"{fact.label}: {fact.value}"


def _checked(record: LicenceRecord) -> str:
    days = [applied.terms.checked for applied in record.licences if applied.terms]
    if not days:
        return "none known"
    first, last = min(days), max(days)
    return f"checked on {day(first)}" + (f" to {day(last)}" if last != first else "")


def _section(title: str, entries: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(entries))
    return [f"{title}\n{'-' * len(title)}", *found] if found else []


def _rule(title: str) -> str:
    return f"{'=' * _WIDTH}\n{title}"


def _lines(record: LicenceRecord) -> Iterator[str]:
    for applied, reading in _binding(record):
        if _is_prescribed(reading):
            yield f"{_INDENT}{reading.status.duty.words}\n\n" + _plain(f"({_one_line(name_of(applied))})")


def _is_prescribed(reading: DutyReading) -> bool:
    duty = reading.status.duty
    return duty.kind is DutyKind.NOTICE and bool(duty.words) and reading.status.state is not DutyState.UNKNOWN


def _duties(record: LicenceRecord, kinds: Container[DutyKind], *, only_bound: bool = False) -> Iterator[str]:
    for applied, reading in _binding(record):
        if reading.status.duty.kind in kinds and not (
            only_bound and reading.status.state is DutyState.UNKNOWN
        ):
            yield "\n".join(_duty(applied, reading))


def _binding(record: LicenceRecord) -> Iterator[tuple[AppliedLicence, DutyReading]]:
    for applied in record.licences:
        for reading in applied.duties:
            if reading.status.state is not DutyState.NOT_APPLICABLE:
                yield applied, reading


def _duty(applied: AppliedLicence, reading: DutyReading) -> Iterator[str]:
    status, duty = reading.status, reading.status.duty
    if _is_prescribed(reading):
        yield _plain(f"{duty_sentence(duty)} The line stands in part 1.")
    else:
        yield _plain(duty_sentence(duty))
        if duty.words:
            yield f"\n{_INDENT}{duty.words}\n"
    if duty.where:
        yield _plain(f"Where: {duty.where}.")
    if duty.link:
        yield f"Policy: {_one_line(duty.link)}"
    if status.state is DutyState.UNKNOWN:
        yield _plain(f"Applies: {condition_words(duty.when)}; open here: {status.why}.")
    if reading.trace is not None and not reading.trace.is_kept:
        yield _plain(_one_line(trace_words(reading.trace)))
    place = f", {duty.place}" if duty.place else ""
    yield _plain(f"Asked by: {_one_line(name_of(applied))}{place}.")


def _attribution(record: LicenceRecord, evidence: EvidenceStore) -> Iterator[str]:
    for text in record.texts:
        if text.role is TextRole.POLICY:
            continue
        shown = cut(_one_line(text.path), LONGEST_NAME)
        said = _read(text, evidence)
        if said is None:
            yield _plain(f"{shown}, sha256 {text.sha256}: not kept; copy its notices from the file.")
        elif text.role is TextRole.NOTICE:
            yield f"{shown}, whole:\n\n{_quoted(said)}"
        elif lines := _copyright_lines(said):
            yield f"{shown}, its copyright lines:\n\n" + "\n".join(_INDENT + line for line in lines)


def _read(text: FiledText, evidence: EvidenceStore) -> str | None:
    try:
        return evidence.get(text.text.sha256).decode("utf-8", "replace") if text.text else None
    except EvidenceError:
        return None


def _quoted(said: str) -> str:
    lines = visible(cut(said.strip("\n"), _LONGEST_NOTICE)).splitlines()
    return "\n".join((_INDENT + line).rstrip() for line in lines)


def _copyright_lines(said: str) -> list[str]:
    found = [cut(_one_line(line), LONGEST_NAME) for line in said.splitlines() if _COPYRIGHT.match(line)]
    more = len(found) - _MOST_LINES
    return found[:_MOST_LINES] + ([f"and {more} more in the file"] if more > 0 else [])


def _texts(record: LicenceRecord) -> Iterator[str]:
    for text in record.texts:
        yield f"{cut(_one_line(text.path), LONGEST_NAME)}\n{_INDENT}sha256 {text.sha256}\n" + _plain(
            _one_line(text.title), _INDENT
        )
    for applied in record.licences:
        if applied.ground is not Ground.TEXT:
            source = applied.terms.source if applied.terms else applied.licence.source
            yield (
                _plain(f"{_one_line(name_of(applied))}: its text is not among the files of the model.")
                + f"\n{_INDENT}known from {_one_line(source)}"
            )


def _open(record: LicenceRecord) -> Iterator[str]:
    for applied, reading in _binding(record):
        state, kind = reading.status.state, reading.status.duty.kind
        if state is DutyState.NOT_MET or (kind in _GATES and state is not DutyState.MET):
            asked = duty_sentence(reading.status.duty)
            said = f"{state.value.capitalize()}: {asked} {sentence(reading.status.why)}"
            yield _plain(f"{said} Asked by: {_one_line(name_of(applied))}.")
    for _, reading in _binding(record):
        for key in reading.status.duty.when.open_questions(record.situation):
            yield _plain(f"To answer: {question_words(key)}")
    for applied in record.licences:
        if applied.terms is None:
            yield _plain(f"{_one_line(name_of(applied))}: what it asks for is not known; read its text.")
    for text in record.texts:
        for quote in text.additions:
            place = f"{cut(_one_line(quote_place(quote)), LONGEST_NAME)}, beyond the known text:"
            yield f"{place}\n\n{_plain(_one_line(cut(quote.text)), _INDENT)}"
    for problem in (*record.unresolved, *record.problems):
        yield _plain(f"{_one_line(cut(problem.subject, LONGEST_NAME))}: {_one_line(cut(problem.reason))}.")


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _plain(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
