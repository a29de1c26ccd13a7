"""The base models that a model's files declare, and what the licence of each leaves to users of the model.

A base's own files are not at hand: what its family usually comes under is a hint, told as such, and a base
whose licence nobody knows leaves the answer open.

>>> from scanner.licensing.table import licence_table
>>> from scanner.licensing.terms import licence_terms
>>> research = licence_table().of_family("Qwen/Qwen2.5-3B")
>>> is_washed(licence_table().declared_as("mit"), research, licence_terms().get(research.id))
True
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.findings import Confidence, Location
from scanner.licensing.licence import Commercial, Licence
from scanner.licensing.record import Problem
from scanner.licensing.table import LicenceTable
from scanner.licensing.terms import Duty, DutyKind, Inheritance, Terms
from scanner.model_files import ModelCard
from scanner.origins.chain import Basis, Link, OriginChain
from scanner.origins.lineage import adapter_base
from scanner.origins.reading import OriginReading

# Parts of config.json that describe the models a multimodal one was put together from.
_COMPONENTS: Final = ("llm_config", "text_config", "language_config", "vision_config")
_BOUND: Final = (Inheritance.ALL, Inheritance.USE_RESTRICTIONS)
_NOTICES: Final = frozenset({DutyKind.NOTICE, DutyKind.COPY, DutyKind.CHANGES})
# What a licence asks of its own licensees only, where no more than its use restrictions passes on.
_OF_LICENSEES: Final = frozenset(
    {DutyKind.DISPLAY, DutyKind.NAMING, DutyKind.PERMISSION, DutyKind.REGISTRATION}
)


@dataclass(frozen=True)
class DeclaredBase:
    """A model that the files name as what this one was made from.

    Attributes:
        name: "org/name".
        basis: How that is known, in words.
        confidence: How far it carries.
        place: Where it stands.
        licence: What its family usually comes under, None when the table does not know.
    """

    name: str
    basis: str
    confidence: Confidence
    place: Location | None
    licence: Licence | None


def declared_bases_of(
    origin: OriginReading, chain: OriginChain, table: LicenceTable
) -> tuple[DeclaredBase, ...]:
    """Every base that card, adapter, GGUF header or configuration name, once each, the surest first."""
    own = origin.snapshot.ref.location.casefold()
    found: dict[str, DeclaredBase] = {}
    for link in chain.bases:
        found.setdefault(link.name.casefold(), _base_of(link, origin.card, table))
    for name, place in _components(origin.config):
        usual = table.of_family(name)
        if usual is not None:
            basis = "named in config.json, not verified"
            found.setdefault(name.casefold(), DeclaredBase(name, basis, Confidence.LOW, place, usual))
    return tuple(base for name, base in found.items() if name != own)


def unknown_bases(
    origin: OriginReading, chain: OriginChain, bases: Sequence[DeclaredBase]
) -> Iterator[Problem]:
    """Why the chain is not known to its end."""
    for base in bases:
        if base.licence is None:
            yield Problem(
                base.name,
                f"the licence of the base model {base.name} ({base.basis}) is not known here; "
                "what it asks may bind you too",
                "base-unknown",
            )
    if origin.adapter and not any(link.basis is Basis.ADAPTER_CONFIG for link in chain.bases):
        named = adapter_base(origin.adapter) or any(base.basis.startswith("declared") for base in bases)
        if not named:
            yield Problem(
                "adapter_config.json",
                "the adapter does not say which repository its base model is, so whose terms bind it is open",
                "base-unknown",
            )
    if chain.family is not None and not chain.is_disclosed:
        yield Problem(
            chain.family.name,
            f"the configuration is consistent with the family {chain.family.name}, which the model does not "
            "name; were it made from one of its models, their terms would bind you too",
            "base-undisclosed",
        )


def inherited_duties(terms: Terms) -> tuple[Duty, ...]:
    """What of a base's licence binds whoever uses a model made from it; all of it where that is unclear."""
    match terms.inheritance:
        case Inheritance.NONE:
            return ()
        case Inheritance.NOTICES:
            return tuple(duty for duty in terms.duties if duty.kind in _NOTICES)
        case Inheritance.USE_RESTRICTIONS:
            return tuple(duty for duty in terms.duties if duty.kind not in _OF_LICENSEES)
        case Inheritance.ALL | Inheritance.UNCLEAR:
            return terms.duties


def is_washed(declared: Sequence[Licence], base: Licence, terms: Terms | None) -> bool:
    """Whether only free licences are declared over a base whose licence gives less, and passes that on."""
    if not declared or not all(row.is_permissive for row in declared):
        return False
    passes_on = terms is not None and terms.inheritance in _BOUND and not base.is_permissive
    return base.is_restrictive or passes_on


def is_grave(base: Licence, terms: Terms | None) -> bool:
    """Whether a base's licence shuts commerce or a territory out."""
    excluded = terms.excluded_territories if terms is not None else ()
    return base.commercial is Commercial.FORBIDDEN or bool(base.territory) or bool(excluded)


def _base_of(link: Link, card: ModelCard | None, table: LicenceTable) -> DeclaredBase:
    relation = card.front_matter.get("base_model_relation") if card is not None else None
    known = relation in ("adapter", "merge", "quantized", "finetune") and link.basis is Basis.CARD
    basis = f"{link.basis.wording}, as {relation}" if known else link.basis.wording
    return DeclaredBase(link.name, basis, link.confidence, link.place, table.of_family(link.name))


def _components(config: Mapping[str, object]) -> Iterator[tuple[str, Location]]:
    """Repositories that config.json says its weights, or parts of them, were loaded from."""
    parts = [("", config), *((f"{part}.", config.get(part)) for part in _COMPONENTS)]
    for prefix, part in parts:
        if isinstance(part, dict):
            for name in adapter_base({"base_model_name_or_path": part.get("_name_or_path")}):
                yield name, Location("config.json", detail=f"key {prefix}_name_or_path")
