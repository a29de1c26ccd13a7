"""publisher-unknown: asks which legal entity stands behind a model, and whether the name is a lookalike.

What it looks for: for models fetched from the hub, the organisation in the reference against a table of
known publishers with legal entity, seat and parent; names that a hasty reader would take for a known one; a
repository that bears the name of a known model and is not its developer's; a revision that is an unmerged
pull request. For a folder or a file it reports what the metadata claims, as claims. Beside it stands the
chain from publisher over declared bases to their developers, each link with how it is known, and three
facts kept apart: the developer's seat, the licence's governing law, the hosting place.

Why it matters: nobody answers for a model whose publisher is unknown, and typosquatted names carry
malware. The adopter needs the entity to know who owes documentation (Art. 53(1)(b) AI Act) and whose
terms apply. A base that goes unsaid takes its licence terms along.

How it can be wrong: an unknown publisher may be honest (false positive), which is why that is LOW; a
name one letter away from a known one may be a different, real organisation. A taken-over account of a
known organisation passes (false negative), and so does whatever a mirror serves under a known name. Publisher
is not origin: bases are what card, adapter or header declare, and prove nothing. That config and vocabulary
are consistent with another family shows a likeness, not a descent: weights are not compared here, others
may have trained their own under the same values, and where several families share them nothing is said.
A seat is a fact, never a finding; rows marked recalled are general knowledge.

What it needs: the model's files and its reference; no network. Facts: scanner/data/publishers.csv,
model_families.csv, hosts.csv, licences.yaml. Read more: docs/publishers.md.

Source: Regulation (EU) 2024/1689, Art. 53(1)(b); OWASP LLM03:2025; MITRE ATLAS AML.T0010; Unicode
Technical Standard 39, section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Location, Severity
from scanner.licensing.claims import Claim, card_claims, gguf_claims
from scanner.model_files import (
    GgufError,
    ModelFileError,
    gguf_metadata,
    model_card,
    read_config,
    read_json,
)
from scanner.origins.chain import Basis, Link, OriginChain, OriginReading
from scanner.origins.families import ModelFamily, family_owner, family_table
from scanner.origins.jurisdiction import jurisdiction_of
from scanner.origins.lineage import OriginClaim, plain
from scanner.origins.lookalikes import Likeness
from scanner.origins.publishers import PublisherTable, publisher_table
from scanner.origins.record import ORIGIN_MEDIA_TYPE, OriginRecord, written

_ADAPTER: Final = "adapter_config.json"
_HUB: Final = "hf"
_MAX_HEADERS: Final = 8
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
        """Yields one finding on the publisher, after what could not be read, and one on an unsaid base."""
        reading = OriginReading(context.snapshot)
        claims: list[Claim] = []
        yield from self._read(context, reading, claims)
        chain = reading.chain()
        record = OriginRecord(chain, jurisdiction_of(context.snapshot, chain, claims))
        kept = (context.evidence.put(written(record), ORIGIN_MEDIA_TYPE, "chain of origin and jurisdiction"),)
        beside = f"{chain.shown_bases} Kept apart: {record.jurisdiction.shown}."
        if context.snapshot.ref.scheme == _HUB and chain.publisher is not None:
            yield self._of_hub(context.snapshot.ref.location, chain.publisher, chain, beside, kept)
        else:
            yield self._of_bytes(context.snapshot.ref.scheme, chain, beside, kept)
        yield from self._of_family(chain, kept)

    def _read(self, context: CheckContext, reading: OriginReading, claims: list[Claim]) -> Iterator[Finding]:
        """Fills `reading` and `claims`; yields an ERROR for each file that could not be read."""
        snapshot = context.snapshot
        try:
            reading.card = model_card(snapshot)
            claims += card_claims(reading.card) if reading.card else ()
        except ModelFileError as error:
            yield self.errored(str(error), subject="model card")
        try:
            reading.config = read_config(snapshot) or {}
        except ModelFileError as error:
            yield self.errored(str(error), subject="config.json")
        if snapshot.find(_ADAPTER) is not None:
            try:
                reading.adapter = _mapping(read_json(snapshot, _ADAPTER))
            except ModelFileError as error:
                yield self.errored(str(error), subject=_ADAPTER)
        for entry in list(snapshot.with_suffix(".gguf"))[:_MAX_HEADERS]:
            context.check_deadline()
            try:
                header = gguf_metadata(snapshot.local_path(entry.path))
            except (GgufError, OSError) as error:
                yield self.errored(str(error), subject=entry.path)
                continue
            reading.headers.append((entry.path, header))
            claims += gguf_claims(entry.path, header)

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

    def _of_family(self, chain: OriginChain, kept: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        """A base that goes unsaid, as a hypothesis; only where somebody published the model."""
        if chain.family is None or chain.publisher is None or chain.is_disclosed:
            return
        maker = chain.family.developer.entity if chain.family.developer else "a maker not in the table"
        declared = "the card declares none"
        if chain.contradicted:
            declared = f"the declared base is {', '.join(link.name for link in chain.contradicted)}"
        elif chain.bases:
            declared = f"the declared base {chain.bases[0].name} does not name it"
        yield self.failed(
            f"config and vocabulary are consistent with {chain.family.name} by {maker} "
            f"({chain.family.detail}), and {declared}: a hypothesis about the family, which says nothing "
            "about weights",
            confidence=Confidence.LOW,
            rule="undisclosed-lineage",
            subject=chain.family.name,
            tags=_TAGS,
            evidence=kept,
            locations=(chain.family.place,) if chain.family.place else (),
            remediation="Ask the publisher what the model was made from; compare weights with that family's.",
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


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


CHECK = PublisherUnknown()
