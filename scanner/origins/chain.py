"""The chain from who handed a model out, over what it was made from, to who made that: link by link.

A publisher is not the origin. Every link says how it is known, because most of it is what the model says of
itself: only the name under which a hub served the files is more than a claim, and a config that looks like
another family's is less than one.

>>> link_to_base("Qwen/Qwen3-8B", Basis.CARD, None).developer.entity
'Alibaba Cloud'
"""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from scanner.findings import Confidence, Location
from scanner.manifest import Snapshot
from scanner.origins.families import family_table
from scanner.origins.hosts import host_of
from scanner.origins.lineage import (
    OriginClaim,
    plain,
)
from scanner.origins.publishers import Publisher, PublisherKind, publisher_table

_HUB: Final = "hf"
_HUB_HOST: Final = "huggingface.co"
# Registries whose references begin with a name that its holder chose; "library" is Ollama's own shelf.
_NAMESPACED: Final = frozenset({"ollama", "oci", "modelscope", "docker"})
_SHELVES: Final = frozenset({"library", "ai"})
_HOST: Final = re.compile(r"localhost|.*[.:].*")


class Basis(enum.Enum):
    """How a link of the chain is known, surest first."""

    HUB_REFERENCE = "hub reference"
    MIRROR = "mirror"
    CARD = "card"
    ADAPTER_CONFIG = "adapter config"
    GGUF_HEADER = "GGUF header"
    PULL_REQUEST = "pull request"
    NAMESPACE = "namespace"
    NAME = "name"
    CONFIG_FAMILY = "config family"

    @property
    def wording(self) -> str:
        """For people."""
        return {
            Basis.HUB_REFERENCE: "fetched under that name from the hub",
            Basis.MIRROR: "fetched under that name from a mirror, which alone vouches for it",
            Basis.PULL_REQUEST: "an unmerged pull request under that name, which anybody may open",
            Basis.CARD: "declared in the card, not verified",
            Basis.ADAPTER_CONFIG: "declared in adapter_config.json, not verified",
            Basis.GGUF_HEADER: "declared in the GGUF header, not verified",
            Basis.NAMESPACE: "claimed by the registry's namespace",
            Basis.NAME: "claimed by the model's name",
            Basis.CONFIG_FAMILY: "hypothesis: the config is consistent with that family",
        }[self]

    @property
    def confidence(self) -> Confidence:
        """How far it carries."""
        if self is Basis.HUB_REFERENCE:
            return Confidence.HIGH
        declared = (Basis.MIRROR, Basis.CARD, Basis.ADAPTER_CONFIG, Basis.GGUF_HEADER)
        return Confidence.MEDIUM if self in declared else Confidence.LOW


@dataclass(frozen=True)
class Developer:
    """A legal entity behind a link, as the table of publishers knows it.

    Attributes:
        org: Its name on the hub.
        kind: Whether it develops or repackages.
        entity: The legal entity.
        seat: Country codes; "" when not known.
        parent: What owns it, or "".
        source: Where this was read.
        checked: When.
        grade: How it is known, in words.
    """

    org: str
    kind: PublisherKind
    entity: str
    seat: str
    parent: str
    source: str
    checked: datetime.date
    grade: str

    @property
    def shown(self) -> str:
        """Entity, owner and seat for people."""
        owner = f", owned by {self.parent}" if self.parent else ""
        return f"{self.entity}{owner}, " + (f"seat {self.seat}" if self.seat else "seat not known")

    @classmethod
    def of(cls, row: Publisher) -> Self:
        """The entity of this row."""
        return cls(
            row.org, row.kind, row.entity, row.seat, row.parent, row.source, row.checked,
            row.confidence.wording,
        )  # fmt: skip


@dataclass(frozen=True)
class Link:
    """One link: a name, how it came to us, and who stands behind the name.

    Attributes:
        name: Organisation ("Qwen"), model ("Qwen/Qwen3-8B") or family ("Qwen3").
        basis: How the link is known.
        developer: Who holds that name, None when the table does not know.
        place: Where it stands in the model's files, None for references.
        detail: What else is to be known: the host, or the values that matched.
    """

    name: str
    basis: Basis
    developer: Developer | None
    place: Location | None = None
    detail: str = ""

    @property
    def confidence(self) -> Confidence:
        """How far the link carries."""
        return self.basis.confidence

    @property
    def shown(self) -> str:
        """The link in words."""
        known = self.developer.shown if self.developer else "publisher not known"
        return f"{self.name} ({known}; {self.basis.wording})"


@dataclass(frozen=True)
class OriginChain:
    """Publisher, bases and what the architecture points to.

    Attributes:
        publisher: Who handed the model out; None when nothing says so.
        bases: What the model was made from, each with its developer; several for merges.
        family: The family that config or header are consistent with, None when the answer is withheld.
        family_reason: The values that matched, or why the answer is withheld.
        claims: What GGUF headers say about the maker, without proof.
        is_disclosed: Whether that family is named by publisher, bases, the model's name or its card.
    """

    publisher: Link | None
    bases: tuple[Link, ...]
    family: Link | None
    family_reason: str
    claims: tuple[OriginClaim, ...] = ()
    is_disclosed: bool = True

    @property
    def contradicted(self) -> tuple[Link, ...]:
        """Declared bases that all belong to other families than the one the config is consistent with."""
        if self.family is None or self.family.developer is None or not self.bases:
            return ()
        own = self.family.developer.org
        others = [link for link in self.bases if link.developer is not None and link.developer.org != own]
        foreign = [
            link for link in others if any(row.org != own for row in family_table().of_name(link.name))
        ]
        return tuple(foreign) if len(foreign) == len(self.bases) and not self.is_disclosed else ()

    @property
    def shown_bases(self) -> str:
        """The declared bases in words; a publisher is not the origin."""
        if not self.bases:
            return "No base model is declared, which does not show that there is none."
        return f"Declared as made from: {'; '.join(link.shown for link in self.bases)}."


def publisher_link(snapshot: Snapshot) -> Link | None:
    """Who handed the files out, as far as the reference says."""
    ref = snapshot.ref
    org = plain(namespace(ref.scheme, ref.location))
    if not org:
        return None
    host = host_of(snapshot)
    detail = f"from {host}" if host else ""
    return Link(
        org, _publisher_basis(ref.scheme, host, dict(snapshot.source)), developer_of(org), detail=detail
    )


def _publisher_basis(scheme: str, host: str, facts: Mapping[str, str]) -> Basis:
    if scheme != _HUB:
        return Basis.NAMESPACE
    if "unmerged_revision" in facts:
        return Basis.PULL_REQUEST
    return Basis.HUB_REFERENCE if host in ("", _HUB_HOST) else Basis.MIRROR


def namespace(scheme: str, location: str) -> str:
    """The name in a reference that its holder chose; "" when there is none.

    >>> namespace("oci", "ghcr.io/acme/model:1"), namespace("ollama", "library/qwen3")
    ('acme', '')
    """
    parts = [part for part in location.split("/") if part]
    if scheme == _HUB:
        return parts[0] if parts else ""
    if scheme not in _NAMESPACED:
        return ""
    if len(parts) > 1 and _HOST.fullmatch(parts[0]):
        parts = parts[1:]
    return parts[0] if len(parts) > 1 and parts[0] not in _SHELVES else ""


def link_to_base(name: str, basis: Basis, place: Location | None) -> Link:
    """The link to a model that this one was made from; its developer is whoever holds the first name."""
    return Link(name, basis, developer_of(name.partition("/")[0]), place)


def developer_of(org: str) -> Developer | None:
    """Who holds this name on the hub, None when the table does not know."""
    row = publisher_table().find(org)
    return Developer.of(row) if row else None
