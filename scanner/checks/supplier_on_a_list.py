"""supplier-on-a-list: asks whether publisher, declared base or name of a model match a listed supplier.

What it looks for: the organisation in the reference, the base models that the card and GGUF headers declare,
and the names under which the model goes, against a dated table of suppliers whom a list or rule of US public
procurement names (FASCSA order, NDAA sections, a state's law). Each match tells list, entity, since when,
source, how the row is known, and by which way it matched.

Why it matters: agencies, their contractors and some state bodies may not buy or use what comes from a listed
supplier, and some rules reach what was built on it. Nobody else is bound by these lists.

How it can be wrong: a name is a claim. Who calls a model after another is matched without cause (false
positive; such matches have low confidence), who leaves the base unsaid is not (false negative). Whether
distilled weights count as the supplier's is for the text of each rule. The table holds a few suppliers of
models, not whole lists, and lists change after the day on which a row was read: no match is no clearance.
An architecture shared with a listed supplier's model is no match, and neither is a country.

What it needs: the model's files and its reference; no network. Facts: scanner/data/supplier_lists.csv.

Source: 41 U.S.C. 4713; FAR 52.204-30; P.L. 119-60, section 1532; P.L. 116-283, section 1260H; Kansas 2025
Session Laws, chapter 84; OWASP LLM03:2025.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from scanner.check import Check, CheckContext
from scanner.findings import Confidence, Finding, Severity
from scanner.model_files import GgufError, ModelFileError, gguf_header_of, model_card, read_config
from scanner.origins.lineage import declared_bases, header_bases, header_origins, names_of, plain
from scanner.origins.names import ModelName
from scanner.origins.supplier_lists import ListedSupplier, Reading, supplier_lists

_MAX_HEADERS: Final = 8
_MAX_SHOWN: Final = 6
_TAGS: Final = ("OWASP-LLM03:2025",)
_WEAKEST_FIRST: Final = list(Confidence)
# A match is no surer than what is known about the list itself.
_AT_MOST: Final = {
    Reading.PRIMARY: Confidence.HIGH,
    Reading.SECONDARY: Confidence.MEDIUM,
    Reading.RECALLED: Confidence.LOW,
}


@dataclass
class _Names:
    """Everything that says where the model comes from."""

    publishers: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Every name, once each."""
        return list(dict.fromkeys([*self.publishers, *self.bases, *self.own]))


@dataclass(frozen=True)
class _Match:
    """How a model matched a row: in words, and how sure that way is."""

    how: str
    confidence: Confidence


class SupplierOnAList(Check):
    """Holds the names of a model against the table of listed suppliers."""

    id = "supplier-on-a-list"
    title = "A supplier of the model is named by a list of US public procurement"
    severity = Severity.LOW

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yields a finding per list and entity that match, or one that none does; unreadable files first."""
        names = _Names()
        yield from self._gather(context, names)
        if not names.all:
            yield self.not_run("nothing names a publisher, a base model or the model itself")
            return
        table = supplier_lists()
        matches = {row: _match(row, names) for row in table.rows}
        found = {row: match for row, match in matches.items() if match is not None}
        for row, match in found.items():
            yield self._listed(row, match)
        if not found:
            shown = ", ".join(names.all[:_MAX_SHOWN])
            yield self.passed(
                f"none of the names {shown} matches one of {len(table.rows)} rows of listed suppliers "
                f"(table {table.version}); an origin that is not declared is not seen"
            )

    def _listed(self, row: ListedSupplier, match: _Match) -> Finding:
        confidence = min(match.confidence, _AT_MOST[row.confidence], key=_WEAKEST_FIRST.index)
        return self.failed(
            f"{match.how} matches {row.entity}, named since {row.listed} by: {row.title} "
            f"({row.confidence.wording}, {row.source}, as of {row.retrieved}); "
            "what follows depends on your role",
            confidence=confidence,
            rule=row.list,
            subject=row.entity,
            tags=_TAGS,
            remediation="Answer us_government_role in your policy file and judge by the pack us-procurement; "
            "open the list's own text before you decide.",
        )

    def _gather(self, context: CheckContext, names: _Names) -> Iterator[Finding]:
        """Fills `names`; yields an ERROR for each file that could not be read."""
        snapshot = context.snapshot
        config: Mapping[str, object] = {}
        if snapshot.ref.scheme == "hf":
            names.publishers.append(plain(snapshot.ref.location.partition("/")[0]))
        try:
            card = model_card(snapshot)
            names.bases += declared_bases(card) if card else ()
        except ModelFileError as error:
            yield self.errored(str(error), subject="model card")
        try:
            config = read_config(snapshot) or {}
        except ModelFileError as error:
            yield self.errored(str(error), subject="config.json")
        own = list(names_of(snapshot, config, None))
        for entry in list(snapshot.with_suffix(".gguf"))[:_MAX_HEADERS]:
            try:
                header = gguf_header_of(snapshot, entry)
            except (GgufError, OSError) as error:
                yield self.errored(str(error), subject=entry.path)
                continue
            names.bases += header_bases(header)
            own += names_of(snapshot, config, header)
            own += [claim.value for claim in header_origins(entry.path, header)]
        names.own += [name for name in own if ModelName.of(name).is_telling]


def _match(row: ListedSupplier, names: _Names) -> _Match | None:
    """The surest way in which a row matches: the publisher, then a declared base, then a name alone."""
    for org in names.publishers:
        if row.is_org(org):
            return _Match(f"the publisher {org}", Confidence.HIGH)
    for base in names.bases:
        if row.is_org(base.partition("/")[0]):
            return _Match(f"the declared base model {base}", Confidence.MEDIUM)
    for name in [*names.bases, *names.own]:
        if row.words & ModelName.of(name).atoms or row.is_org(name):
            return _Match(f"the name {ModelName.of(name).quoted}, which is a claim", Confidence.LOW)
    return None


CHECK = SupplierOnAList()
