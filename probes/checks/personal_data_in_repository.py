"""Whether the texts that come with a model hold personal data.

What it looks for: identifiers of persons in the model card, licence, configuration, code, notebooks, data
files and added tokens, by the 18 kinds of the HIPAA Safe Harbor (45 CFR 164.514(b)(2)(i)), and Chinese
resident numbers, mobile numbers and record numbers. Values never leave the check, except to a quarantine that
the user names: findings hold kinds, counts and places, and a masked form.

Why it matters: whoever deploys the repository distributes what is in it; sample records and examples taken
from real data are a disclosure before the model is ever asked.

How it can be wrong: labelled numbers in documentation may be invented; reserved examples are left out,
invented ones are not known as such. Names are recognised statistically in prose and are often product names,
so they are only information, as are dates and places that only the words around them tie to a person. What
is unlabelled and has no check digit, is in an image, or beyond the limits (512 KiB a file, of a larger one
the first 128 KiB; 2 MiB together, smallest first) is missed; vocabularies and Parquet, Arrow, Excel and
database files are not read, and what was left out is said.

What it needs: files only; runs in a process of its own and opens no connection.

Source: 45 CFR 164.514(b)(2)(i); presidio-analyzer 2.2; probes/data/personal_data.yaml.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from probes.identifiers import load_identifiers, untested_letters
from probes.personal_data import Hit, PersonalDataAnalyser, mask, open_analyser
from probes.repository_texts import FILE_LIMIT_BYTES, RepositoryText, repository_texts
from scanner.check import Check, CheckContext, MeasureSpec
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Severity
from scanner.quarantine import SETTINGS as QUARANTINE
from scanner.quarantine import Quarantine, RawValue

# A part is what the recognisers read at once; parts end at line breaks.
_PART_CHARACTERS: Final = 20_000
# Names are looked for in this much of a prose file: the statistical model is the slow part.
_PARTS_WITH_NAMES: Final = 2
_PLACES_SHOWN: Final = 20


@dataclass(frozen=True)
class _Place:
    """One hit: where, what kind, and its masked value."""

    path: str
    line: int | None
    kind: str
    masked: str
    value: str = field(repr=False)


class PersonalDataInRepository(Check):
    """Reads the repository's texts with the recognisers of personal data."""

    id: ClassVar[str] = "personal-data-in-repository"
    title: ClassVar[str] = "The repository's texts hold personal data"
    severity: ClassVar[Severity] = Severity.HIGH
    settings: ClassVar[tuple[str, ...]] = QUARANTINE
    measures: ClassVar[tuple[MeasureSpec, ...]] = (
        MeasureSpec("privacy.repository_texts", "files", "Text files read for personal data"),
    )

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields one finding per kind of personal data, or that none was found in what was read."""
        quarantine = Quarantine.of(context.settings)
        texts, left_out = repository_texts(context.snapshot)
        if not texts:
            reason = "the snapshot holds no text file within the limits" + _told_left_out(left_out)
            yield self.not_run(reason)
            return
        places = list(_places(texts, context))
        if quarantine is not None:
            quarantine.keep(self.id, context.snapshot.digest, map(_raw, places))
        record = _record(texts, left_out, places)
        evidence = context.evidence.put(record, "application/json", "personal data found in repository texts")
        found = len(texts) + len(left_out)
        yield self.measured(
            "privacy.repository_texts", len(texts), n=len(texts), interval=Interval(len(texts), found),
            method=f"files read, above {FILE_LIMIT_BYTES // 1024} KiB their beginning; upper end: all; "
            + untested_letters(),
            evidence=(evidence,),
        )  # fmt: skip
        by_kind: dict[str, list[_Place]] = defaultdict(list)
        for place in places:
            by_kind[place.kind].append(place)
        for kind, found_places in by_kind.items():
            yield self._found(kind, found_places, evidence)
        if all(not load_identifiers().kinds[kind].is_structured for kind in by_kind):
            yield self.passed(
                f"No identifier of a person was found in {len(texts)} text files{_told_partly(texts)}"
                f"{_told_left_out(left_out)}; "
                f"names, and dates and places without a label, are not counted. {untested_letters()}",
                evidence=(evidence,),
            )

    def _found(self, kind: str, places: Sequence[_Place], evidence: EvidenceRef) -> Finding:
        row = load_identifiers().kinds[kind]
        values = Counter(place.masked for place in places)
        shown = tuple(Location(place.path, place.line) for place in places[:_PLACES_SHOWN])
        examples = ", ".join(value for value, _ in values.most_common(3))
        if not row.is_structured:
            return self.failed(
                f"{len(values)} strings in the prose may be of the kind '{row.name}' ({examples}), which "
                "form alone does not show; most such strings in model cards are authors, products or events",
                severity=Severity.INFO, confidence=Confidence.LOW, rule=row.letter, subject=row.name,
                locations=shown, evidence=(evidence,),
            )  # fmt: skip
        return self.failed(
            f"{len(values)} values in the form of {_a(row.name)} stand in "
            f"{len({place.path for place in places})} files ({examples})",
            severity=row.severity, confidence=Confidence.MEDIUM, rule=row.letter, subject=row.name,
            locations=shown, evidence=(evidence,),
            remediation="Look at each place. Replace real values by reserved examples before the files are "
            "passed on, and tell the publisher; a maintainer's published address may stay.",
            tags=("CWE-359", "OWASP-LLM02:2025", f"HIPAA-164.514(b)(2)(i)({row.letter})"),
        )  # fmt: skip


def _places(texts: Sequence[RepositoryText], context: CheckContext) -> Iterator[_Place]:
    analyser = open_analyser()
    for text in texts:
        context.check_deadline()
        parts = list(_parts(text.text))
        found = _find(analyser, [part for _, part in parts], text.is_prose)
        for (first_line, part), hits in zip(parts, found, strict=True):
            for hit in hits:
                line = first_line + part.count("\n", 0, hit.start) if text.has_lines else None
                yield _place(text.path, line, part, hit, context.snapshot.digest)


def _find(analyser: PersonalDataAnalyser, parts: Sequence[str], is_prose: bool) -> list[tuple[Hit, ...]]:
    named = _PARTS_WITH_NAMES if is_prose else 0
    return [*analyser.find(parts[:named], names=True), *analyser.find(parts[named:], names=False)]


def _place(path: str, line: int | None, part: str, hit: Hit, salt: str) -> _Place:
    value = part[hit.start : hit.end]
    return _Place(path, line, hit.kind, mask(value, salt=salt), value)


def _raw(place: _Place) -> RawValue:
    where = place.path if place.line is None else f"{place.path}:{place.line}"
    return RawValue(where, place.kind, place.value, place.masked)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Stretches of whole lines with the number of their first line; an overlong line is a part of its own."""
    line, part = 1, ""
    for row in text.splitlines(keepends=True):
        if part and len(part) + len(row) > _PART_CHARACTERS:
            yield line, part
            line, part = line + part.count("\n"), ""
        part += row
    if part:
        yield line, part


def _record(texts: Sequence[RepositoryText], left_out: Sequence[str], places: Sequence[_Place]) -> bytes:
    identifiers = load_identifiers()
    counts = Counter(identifiers.kinds[place.kind].letter for place in places)
    record = {
        "read": [text.path for text in texts],
        "read_in_part": [text.path for text in texts if not text.is_whole],
        "left_out": list(left_out),
        "letters": {
            letter: {"name": row.name, "tested": row.is_tested, "how": row.how, "found": counts[letter]}
            for letter, row in identifiers.letters.items()
        },
        "places": [_as_json(place) for place in places],
        "data": identifiers.version,
    }
    return json.dumps(record, indent=1, ensure_ascii=False).encode()


def _as_json(place: _Place) -> dict[str, str | int | None]:
    """One hit as a JSON object, its value masked."""
    return {"path": place.path, "line": place.line, "kind": place.kind, "value": place.masked}


def _told_partly(texts: Sequence[RepositoryText]) -> str:
    partly = [text.path for text in texts if not text.is_whole]
    return f" ({len(partly)} of them read at their beginning: {', '.join(partly[:3])})" if partly else ""


def _told_left_out(left_out: Sequence[str]) -> str:
    return f" ({len(left_out)} left out: {', '.join(left_out[:3])})" if left_out else ""


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0].lower() in "aei" and not noun.startswith("US") else f"a {noun}"


CHECK = PersonalDataInRepository()
