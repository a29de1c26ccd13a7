"""publisher-unknown: asks which legal entity stands behind a model, and whether the name is a lookalike.

What it looks for: for models fetched from the hub, the organisation in the reference against a table of
known publishers with legal entity, seat and parent; names that a hasty reader would take for a known one.
For a folder or a file it reports what the metadata claims, as claims.

Why it matters: nobody answers for a model whose publisher is unknown, and typosquatted names carry
malware. The adopter needs the entity to know who owes documentation (Art. 53(1)(b) AI Act) and whose
terms apply.

How it can be wrong: an unknown publisher may be honest (false positive), which is why that is LOW; a
name one letter away from a known one may be a different, real organisation. A taken-over account of a
known organisation passes (false negative). Publisher is not origin: what a model was made from is the
declared base chain, which is reported beside it and proves nothing. A seat is a fact, never a finding;
rows marked unverified are general knowledge.

What it needs: the model's files and its reference; no network. Facts: scanner/data/publishers.csv.

Source: Regulation (EU) 2024/1689, Art. 53(1)(b); OWASP LLM03:2025; MITRE ATLAS AML.T0010.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.check import Check, CheckContext
from scanner.findings import Confidence, Finding, Location, Severity
from scanner.model_files import GgufError, ModelFileError, gguf_header_of, model_card
from scanner.origins.lineage import OriginClaim, declared_bases, header_bases, header_origins, plain
from scanner.origins.publishers import PublisherTable, publisher_table

_HUB: Final = "hf"
_MAX_HEADERS: Final = 8
_MAX_CLAIMS: Final = 6
_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0010")


class PublisherUnknown(Check):
    """Looks the publisher up and reports the declared origin beside it."""

    id = "publisher-unknown"
    title = "The publisher of the model is not established"
    severity = Severity.LOW

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yields one finding on the publisher, after what could not be read."""
        bases: list[str] = []
        claims: list[OriginClaim] = []
        try:
            card = model_card(context.snapshot)
            bases += declared_bases(card) if card else ()
        except ModelFileError as error:
            yield self.errored(str(error), subject="model card")
        for entry in list(context.snapshot.with_suffix(".gguf"))[:_MAX_HEADERS]:
            try:
                header = gguf_header_of(context.snapshot, entry)
            except (GgufError, OSError) as error:
                yield self.errored(str(error), subject=entry.path)
                continue
            bases += header_bases(header)
            claims += header_origins(entry.path, header)
        table = publisher_table()
        origin = _origin(tuple(dict.fromkeys(bases)), table)
        if context.snapshot.ref.scheme == _HUB:
            yield self._of_hub(context.snapshot.ref.location, table, origin)
        else:
            yield self._of_bytes(context.snapshot.ref.scheme, claims, table, origin)

    def _of_hub(self, location: str, table: PublisherTable, origin: str) -> Finding:
        org = plain(location.partition("/")[0])
        known, mistaken_for = table.find(org), table.lookalike(org)
        if known is not None:
            owner = f", owned by {known.parent}" if known.parent else ""
            return self.passed(
                f"published by {org}: {known.entity}{owner}, seat {known.seat} "
                f"({known.confidence.wording}; checked {known.checked}). {origin}",
                subject=org,
            )
        if mistaken_for is not None:
            return self.failed(
                f"the publisher's name '{org}' looks like '{mistaken_for.org}' ({mistaken_for.entity}) "
                f"and is not it. {origin}",
                severity=Severity.HIGH,
                confidence=Confidence.MEDIUM,
                rule="lookalike",
                subject=org,
                tags=_TAGS,
                remediation=f"Compare with the repository of '{mistaken_for.org}'; do not use this one "
                "unless you know who runs it.",
            )
        contained = table.contained(org)
        beside = f" It carries the name '{contained.org}', which proves no tie." if contained else ""
        return self.failed(
            f"the publisher '{org}' is not in the table of known publishers.{beside} {origin}",
            rule="unknown",
            subject=org,
            tags=_TAGS,
            remediation="Find out which legal entity runs this account before relying on its documentation.",
        )

    def _of_bytes(
        self, scheme: str, claims: list[OriginClaim], table: PublisherTable, origin: str
    ) -> Finding:
        said = "; ".join(
            f"{claim.what} '{claim.value}'{_known_as(claim, table)}" for claim in claims[:_MAX_CLAIMS]
        )
        claimed = f"the metadata claims, without proof: {said}" if said else "the metadata claims none"
        return self.failed(
            f"no publisher is established: files read from '{scheme}' do not say who published them; "
            f"{claimed}. {origin}",
            rule="not-established",
            tags=_TAGS,
            locations=tuple(dict.fromkeys(Location(claim.place.path) for claim in claims)),
            remediation="Fetch the model from its publisher by commit (hf://org/name@commit), or record "
            "where these files came from.",
        )


def _origin(bases: tuple[str, ...], table: PublisherTable) -> str:
    """The declared base chain in words; a publisher is not the origin."""
    if not bases:
        return "No base model is declared, which does not show that there is none."
    named = []
    for base in bases:
        maker = table.find(base.partition("/")[0])
        named.append(
            f"{base} ({maker.entity}, seat {maker.seat})" if maker else f"{base} (publisher not known)"
        )
    return f"Declared as made from: {', '.join(named)}; declared, not verified."


def _known_as(claim: OriginClaim, table: PublisherTable) -> str:
    known = table.find(claim.value) if claim.what in ("organization", "author") else None
    return f" (the table knows {known.entity}, seat {known.seat})" if known else ""


CHECK = PublisherUnknown()
