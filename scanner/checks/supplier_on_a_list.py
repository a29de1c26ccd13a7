"""supplier-on-a-list: asks whether publisher, declared base or name of a model match a listed supplier.

What it looks for: the organisation in the reference, the company behind it and that company's owner, the base
models that card, adapter config and GGUF headers declare with the companies behind them, and the names under
which the model goes, against a dated table of suppliers whom a list or rule names (Entity List, section
1260H, FASCSA order, NDAA sections, state rules, EU, UK and US sanctions) and, when the user imported them,
against the whole Consolidated Screening List of the US and the sanctions lists of the EU and the UK. Each
match tells list, entity, since when, source, how the row is known, by which way it matched, and whom the list
concerns.

Why it matters: agencies, their contractors, state bodies, exporters and those whom sanctions bind each have
rules about some of these parties. Most readers are bound by none, and a match is a fact to look at: what
follows depends on the reader's role, which the policy file tells and control packs judge by.

How it can be wrong: a name is a claim. Who calls a model after another is matched without cause (false
positive; such matches have low confidence), who leaves the base unsaid is not (false negative). Companies
are compared by exact name, spelling and legal form aside; what is merely alike is told as a possible match
that a person must look at. Who owns whom is general knowledge unless the registry of publishers says more.
The table holds a few suppliers of models, not whole lists, and lists change after the day on which a row was
read: no match is no clearance. Downloading weights is by itself no trigger of the Entity List. An
architecture shared with a listed supplier's model is no match, and neither is a country.

What it needs: the model's files and its reference; no network. Facts: scanner/data/restricted_lists.csv,
supplier_lists.csv and publishers.csv. The setting lists.imported, which `scan` sets, names the folder of an
import. Right to correct: docs/restricted-parties.md.

Source: 15 CFR 744.11, 744.16; 41 U.S.C. 4713; FAR 52.204-30; P.L. 119-60, section 1532; P.L. 116-283, section
1260H; Kansas 2025 Session Laws, chapter 84; Regulation (EU) No 269/2014; SI 2019/855; OWASP LLM03:2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scanner.check import Check, CheckContext, MeasureSpec
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Measurement, Severity
from scanner.origins.imported_lists import (
    OLD_AFTER_DAYS,
    SETTING,
    ImportedList,
    ImportedListError,
    ListHit,
    imported_names,
    read_import,
)
from scanner.origins.lineage import header_origins, names_of, plain
from scanner.origins.names import ModelName
from scanner.origins.reading import read_origins
from scanner.origins.screened_parties import US
from scanner.origins.supplier_lists import ListedSupplier, supplier_lists
from scanner.origins.supplier_matches import Company, Match, Names, companies_of, match_of, no_surer_than
from scanner.records import encode_pretty

POSSIBLE: Final = "possible-match"
_MAX_SHOWN: Final = 6
_TAGS: Final = ("OWASP-LLM03:2025",)
_JUDGE: Final = (
    "What follows depends on your role: answer us_exports, us_government_role and the questions "
    "bound_by_..._sanctions in your policy file, judge by the packs restricted-parties and us-procurement, "
    "and open the list's own text before you decide."
)


@dataclass(frozen=True)
class _Hit:
    """A company behind the model, and a party of an import that may be it."""

    company: Company
    found: ListHit
    imported: ImportedList


@dataclass
class _Result:
    """All that was found, for the evidence."""

    rows: dict[ListedSupplier, Match] = field(default_factory=dict)
    past: dict[ListedSupplier, Match] = field(default_factory=dict)
    hits: list[_Hit] = field(default_factory=list)


class SupplierOnAList(Check):
    """Holds the names of a model, and the companies behind it, against tables of listed parties."""

    id = "supplier-on-a-list"
    title = "A supplier of the model is named by a list of restricted parties"
    severity = Severity.LOW
    settings = (SETTING,)
    measures = (
        MeasureSpec(
            "lists.parties_screened", "parties", "Listed parties that publisher and bases were held against"
        ),
    )

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields a finding per list and entity that match, or one that none does; unreadable files first."""
        names = Names()
        yield from self._gather(context, names)
        imports: list[ImportedList] = []
        yield from self._read_imports(context, imports)
        if not names.all:
            yield self.not_run("nothing names a publisher, a base model or the model itself")
            return
        result = _search(names, imports, context)
        kept = (_evidence(context, names, imports, result),)
        for row, match in result.rows.items():
            yield self._listed(row, match, kept)
        for hit in result.hits:
            yield self._imported(hit, kept)
        if not result.rows and not result.hits:
            yield self.passed(_none_matches(names, imports, result), evidence=kept)
        yield self._screened(imports, kept)
        yield from self._old(context, imports, kept)

    def _read_imports(self, context: CheckContext, imports: list[ImportedList]) -> Iterator[Finding]:
        """Fills `imports`; yields an ERROR for each that cannot be used."""
        if SETTING not in context.settings:
            return
        folder = Path(context.settings[SETTING])
        for name in imported_names(folder):
            try:
                imports.append(read_import(folder, name))
            except ImportedListError as error:
                yield self.errored(f"{error} ({error.hint})", subject=name)

    def _listed(self, row: ListedSupplier, match: Match, kept: tuple[EvidenceRef, ...]) -> Finding:
        watch = f". To be looked up: {row.list.watch}" if row.list.watch else ""
        return self.failed(
            f"{match.how} matches {row.entity}, named since {row.listed} by: {row.title} "
            f"({row.confidence.wording}, {row.source}, as of {row.retrieved}). "
            f"It concerns {row.list.concerns}: {row.list.effect}{watch}. What follows depends on your role",
            confidence=no_surer_than(match, row),
            rule=row.list.id,
            subject=row.entity,
            evidence=kept,
            tags=_TAGS,
            remediation=_JUDGE,
        )

    def _imported(self, hit: _Hit, kept: tuple[EvidenceRef, ...]) -> Finding:
        party, company = hit.found.party, hit.company
        since = f", on it since {party.start}" if party.start else ""
        how = (
            f"{company.how}, has the name of '{hit.found.matched}'"
            if hit.found.is_exact
            else f"possible match, a person must look: {company.how}, is like '{hit.found.matched}'"
        )
        confidence = Confidence.LOW
        if hit.found.is_exact and company.confidence is not Confidence.LOW:
            confidence = Confidence.MEDIUM  # equal names are not yet one company
        return self.failed(
            f"{how} on {party.source}{since} {f'({party.cite}) ' if party.cite else ''}in the "
            f"{hit.imported.head.as_told}. What follows depends on your role",
            confidence=confidence,
            rule=party.rule if hit.found.is_exact else POSSIBLE,
            subject=f"{party.source}: {party.name}",
            evidence=kept,
            tags=_TAGS,
            remediation=f"Compare address and other names with the list itself ({party.url or 'trade.gov'}). "
            + _JUDGE,
        )

    def _screened(self, imports: list[ImportedList], kept: tuple[EvidenceRef, ...]) -> Measurement:
        """How many parties were looked through, of the table and of the screening list of the US."""
        table = supplier_lists()
        us_list = next((one.head for one in imports if one.head.list == US.id), None)
        total = len(table.rows) + (us_list.rows if us_list else 0)
        beside = f"and of the {us_list.as_told}" if us_list else f"alone; no {US.title} was imported"
        return self.measured(
            "lists.parties_screened", total, n=total, interval=Interval(total, total),
            method=f"rows of the shipped table (version {table.version}) {beside}", evidence=kept,
        )  # fmt: skip

    def _old(
        self, context: CheckContext, imports: list[ImportedList], kept: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        """Which imports are old."""
        for head in (one.head for one in imports):
            if head.age_days(context.as_of) > OLD_AFTER_DAYS:
                yield self.failed(
                    f"the {head.as_told} is {head.age_days(context.as_of)} days old on {context.as_of}; "
                    "lists change within weeks",
                    severity=Severity.INFO,
                    rule="import-old",
                    subject=head.list,
                    evidence=kept,
                    remediation="Download it again and run `weighbridge lists import`.",
                )

    def _gather(self, context: CheckContext, names: Names) -> Iterator[Finding]:
        """Fills `names`; yields an ERROR for each file that could not be read."""
        snapshot = context.snapshot
        reading = read_origins(snapshot, context.check_deadline)
        for subject, problem in reading.problems:
            yield self.errored(problem, subject=subject)
        if snapshot.ref.scheme == "hf":
            names.publishers.append(plain(snapshot.ref.location.partition("/")[0]))
        names.bases += [link.name for link in reading.chain().bases]
        own = list(names_of(snapshot, reading.config, None))
        for path, header in reading.headers:
            own += names_of(snapshot, reading.config, header)
            own += [claim.value for claim in header_origins(path, header)]
        names.own += [name for name in own if ModelName.of(name).is_telling]


def _search(names: Names, imports: list[ImportedList], context: CheckContext) -> _Result:
    result = _Result()
    companies = companies_of(names)
    for row in supplier_lists().rows:
        match = match_of(row, names, companies)
        if match is not None:
            (result.rows if row.counts_on(context.as_of) else result.past)[row] = match
    seen: set[tuple[str, str]] = set()
    for imported in imports:
        for company in companies:
            for found in imported.find(company.name, context.as_of):
                key = (found.party.source, found.party.name)
                if key not in seen:
                    seen.add(key)
                    result.hits.append(_Hit(company, found, imported))
    return result


def _none_matches(names: Names, imports: list[ImportedList], result: _Result) -> str:
    shown = ", ".join(names.all[:_MAX_SHOWN])
    table = supplier_lists()
    beside = "".join(
        f", none of the companies behind them one of {one.head.rows} parties of the {one.head.as_told}"
        for one in imports
    )
    past = "".join(
        f"; {row.entity} was on {row.list.title} until {row.ended}"
        for row in result.past
        if row.ended is not None
    )
    return (
        f"none of the names {shown} matches one of {len(table.rows)} rows of listed suppliers "
        f"(table {table.version}){beside}; an origin that is not declared is not seen{past}"
    )


def _evidence(
    context: CheckContext, names: Names, imports: list[ImportedList], result: _Result
) -> EvidenceRef:
    """What was held against what, and every match, as bytes that stay."""
    document = {
        "as_of": context.as_of.isoformat(),
        "names": {"publishers": names.publishers, "bases": names.bases, "own": names.own},
        "companies": [{"name": one.name, "how": one.how} for one in companies_of(names)],
        "table": supplier_lists().version,
        "imported": [one.head for one in imports],
        "matches": [
            {
                "list": row.list.id,
                "entity": row.entity,
                "way": match.way,
                "how": match.how,
                "listed": row.listed.isoformat(),
                "ended": row.ended.isoformat() if row.ended else None,
                "counts": row in result.rows,
                "roles": list(row.list.roles),
                "source": row.source,
                "retrieved": row.retrieved.isoformat(),
                "known": row.confidence.value,
            }
            for row, match in {**result.rows, **result.past}.items()
        ],
        "imported_matches": [
            {
                "company": hit.company.name,
                "how": hit.company.how,
                "party": hit.found.party,
                "matched": hit.found.matched,
                "exact": hit.found.is_exact,
            }
            for hit in result.hits
        ],
    }
    return context.evidence.put(encode_pretty(document), "application/json", "names held against lists")


CHECK = SupplierOnAList()
