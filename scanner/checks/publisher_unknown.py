"""publisher-unknown: asks which legal entity stands behind a model, and whether the name is a lookalike.

What it looks for: for models fetched from the hub, the organisation in the reference against a table of
known publishers with legal entity, seat and parent; names that a hasty reader would take for a known one; a
repository that bears the name of a known model and is not its developer's; a revision that is an unmerged
pull request. For a folder or a file it reports what the metadata claims, as claims. Beside it stands the
chain from publisher over declared bases to their developers, each link with how it is known, and three
facts kept apart: the developer's seat, the licence's governing law, the hosting place.

Why it matters: nobody answers for a model whose publisher is unknown, and typosquatted names carry
malware. The adopter needs the entity to know who owes documentation (Art. 53(1)(b) AI Act) and whose
terms apply.

How it can be wrong: an unknown publisher may be honest (false positive), which is why that is LOW; a
name one letter away from a known one may be a different, real organisation. A taken-over account of a
known organisation passes (false negative), and so does whatever a mirror serves under a known name. Publisher
is not origin: bases are what card, adapter or header declare, and prove nothing (see base-undeclared).
A seat is a fact, never a finding; rows marked recalled are general knowledge.

What it needs: the model's files and its reference; no network. Facts: scanner/data/publishers.csv,
model_families.csv, hosts.csv, licences.yaml. Read more: docs/publishers.md.

Source: Regulation (EU) 2024/1689, Art. 53(1)(b); OWASP LLM03:2025; MITRE ATLAS AML.T0010; Unicode
Technical Standard 39, section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Location, Severity
from scanner.origins.chain import Basis, Link, OriginChain
from scanner.origins.families import ModelFamily, family_owner, family_table
from scanner.origins.jurisdiction import jurisdiction_of
from scanner.origins.lineage import OriginClaim, plain
from scanner.origins.lookalikes import Likeness
from scanner.origins.publishers import PublisherTable, publisher_table
from scanner.origins.reading import read_origins
from scanner.origins.record import ORIGIN_MEDIA_TYPE, OriginRecord, written

_HUB: Final = "hf"
_MAX_CLAIMS: Final = 6
_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0010")
# One letter may be chance; signs that look alike are hardly ever.
_SURENESS: Final = {
    Likeness.SIGNS: Confidence.HIGH,
    Likeness.SEPARATORS: Confidence.MEDIUM,
    Likeness.AFFIX: Confidence.MEDIUM,
    Likeness.EDIT: Confidence.MEDIUM,
}


class PublisherUnknown(Check):
    """Looks the publisher up and reports the declared origin beside it."""

    id = "publisher-unknown"
    title = "The publisher of the model is not established"
    severity = Severity.LOW

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yields one finding on the publisher, after what could not be read."""
        reading = read_origins(context.snapshot, context.check_deadline)
        for subject, problem in reading.problems:
            yield self.errored(problem, subject=subject)
        chain = reading.chain()
        record = OriginRecord(chain, jurisdiction_of(context.snapshot, chain, reading.licence_claims))
        kept = (context.evidence.put(written(record), ORIGIN_MEDIA_TYPE, "chain of origin and jurisdiction"),)
        beside = f"{chain.shown_bases} {record.jurisdiction.shown}"
        if context.snapshot.ref.scheme == _HUB and chain.publisher is not None:
            yield self._of_hub(context.snapshot.ref.location, chain.publisher, chain, beside, kept)
        else:
            yield self._of_bytes(context.snapshot.ref.scheme, chain, beside, kept)

    def _of_hub(
        self, location: str, link: Link, chain: OriginChain, beside: str, kept: tuple[EvidenceRef, ...]
    ) -> Finding:
        table, developer = publisher_table(), link.developer
        if developer is None:
            return self._of_stranger(link.name, location, chain, beside, kept)
        known = f"{developer.shown} ({developer.grade}; checked {developer.checked})"
        if link.basis is Basis.PULL_REQUEST:
            return self.failed(
                f"the revision is a pull request to {link.name} that its holder has not merged: anybody may "
                f"open one, so this is not published by {known}. {beside}",
                severity=Severity.MEDIUM, rule="unmerged", subject=link.name, tags=_TAGS, evidence=kept,
                remediation="Scan a commit of the publisher's branch, or find out who opened the request.",
            )  # fmt: skip
        if not developer.kind.is_developer and not developer.seat:
            return self.failed(
                f"published by {link.name}, known as {developer.kind.value}: {known}; which legal entity "
                f"answers for it is not known. {beside}",
                rule="repackaged", subject=link.name, tags=_TAGS, evidence=kept,
                remediation="Prefer the repository of the developer, or compare digests with it.",
            )  # fmt: skip
        role = "" if developer.kind.is_developer else ", which repackages what others made"
        via = f" ({link.basis.wording})" if link.basis is not Basis.HUB_REFERENCE else ""
        return self.passed(
            f"published by {link.name}{via}{role}: {known}; table {table.version}. {beside}",
            subject=link.name, evidence=kept,
        )  # fmt: skip

    def _of_stranger(
        self, org: str, location: str, chain: OriginChain, beside: str, kept: tuple[EvidenceRef, ...]
    ) -> Finding:
        table = publisher_table()
        mistaken_for = table.lookalike(org)
        if mistaken_for is not None:
            real = mistaken_for.publisher
            return self.failed(
                f"the publisher's name '{org}' looks like '{mistaken_for.name}' ({real.entity}) and is not "
                f"it: it differs {mistaken_for.likeness.wording}. {beside}",
                severity=Severity.HIGH,
                confidence=_SURENESS[mistaken_for.likeness],
                rule="lookalike",
                subject=org,
                tags=_TAGS,
                evidence=kept,
                remediation=f"Compare with the repository of '{mistaken_for.name}'; do not use this one "
                "unless you know who runs it.",
            )
        borrowed = _borrowed_name(location, chain)
        if borrowed is not None:
            maker = family_owner(borrowed)
            return self.failed(
                f"the unknown publisher '{org}' gives its repository a name of {maker}'s own models "
                f"('{plain(location)}', family {borrowed.name}) and declares no base by {maker}. {beside}",
                severity=Severity.MEDIUM,
                confidence=Confidence.MEDIUM,
                rule="borrowed-name",
                subject=org,
                tags=_TAGS,
                evidence=kept,
                remediation=f"Compare digests with the repository of '{maker}', or take it from there.",
            )
        return self._of_unknown(org, table, beside, kept)

    def _of_unknown(
        self, org: str, table: PublisherTable, beside: str, kept: tuple[EvidenceRef, ...]
    ) -> Finding:
        contained = table.contained(org)
        carries = f" It carries the name '{contained.org}', which proves no tie." if contained else ""
        return self.failed(
            f"the publisher '{org}' is not in the table of known publishers.{carries} {beside}",
            rule="unknown",
            subject=org,
            tags=_TAGS,
            evidence=kept,
            remediation="Find out which legal entity runs this account before relying on its documentation.",
        )

    def _of_bytes(
        self, scheme: str, chain: OriginChain, beside: str, kept: tuple[EvidenceRef, ...]
    ) -> Finding:
        table = publisher_table()
        said = "; ".join(
            f"{claim.what} '{claim.value}'{_known_as(claim, table)}" for claim in chain.claims[:_MAX_CLAIMS]
        )
        claimed = f"the metadata claims, without proof: {said}" if said else "the metadata claims none"
        if chain.publisher is not None:
            claimed = f"the reference claims {chain.publisher.shown}; {claimed}"
        return self.failed(
            f"no publisher is established: files read from '{scheme}' do not say who published them; "
            f"{claimed}. {beside}",
            rule="not-established",
            tags=_TAGS,
            evidence=kept,
            locations=tuple(dict.fromkeys(Location(claim.place.path) for claim in chain.claims)),
            remediation="Fetch the model from its publisher by commit (hf://org/name@commit), or record "
            "where these files came from.",
        )


def _borrowed_name(location: str, chain: OriginChain) -> ModelFamily | None:
    """The family whose developer's name the repository bears, unless a base by that developer is declared."""
    family = family_table().named_exactly(location.partition("/")[2].partition("/")[0])
    if family is None:
        return None
    declared = {link.developer.org for link in chain.bases if link.developer is not None}
    return None if family_owner(family) in declared else family


def _known_as(claim: OriginClaim, table: PublisherTable) -> str:
    known = table.find(claim.value) if claim.what in ("organization", "author") else None
    return f" (the table knows {known.entity}, {known.shown_seat})" if known else ""


CHECK = PublisherUnknown()
