"""Gathers what the files of a model say about its origin, and makes the chain of it.

Everything read here is a claim of the model's own; what could not be read is kept as a problem.

>>> from scanner.references import ModelRef
>>> reading = read_origins(Snapshot(ModelRef.parse("hf://Qwen/Qwen3-8B"), None, "/nowhere", ()))
>>> reading.chain().publisher.developer.entity
'Alibaba Cloud'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from scanner.findings import Location
from scanner.licensing.claims import Claim, card_claims, gguf_claims
from scanner.manifest import Snapshot
from scanner.model_files import (
    GgufError,
    GgufHeader,
    ModelCard,
    ModelFileError,
    gguf_header_of,
    model_card,
    read_config,
    read_json,
)
from scanner.origins.chain import Basis, Link, OriginChain, developer_of, link_to_base, publisher_link
from scanner.origins.families import (
    FamilyHypothesis,
    ModelFamily,
    family_owner,
    family_table,
    shape_of_config,
    shape_of_header,
)
from scanner.origins.lineage import adapter_base, declared_bases, header_bases, header_origins

_ADAPTER: Final = "adapter_config.json"
MOST_HEADERS: Final = 8


@dataclass
class OriginReading:
    """What the files of a model say about its origin, gathered file by file.

    Attributes:
        snapshot: The model.
        card: Its card, None when it has none or it could not be read.
        config: Its config.json.
        adapter: Its adapter_config.json.
        headers: Its GGUF headers by path.
        problems: What could not be read: (which file, what is wrong).
    """

    snapshot: Snapshot
    card: ModelCard | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    adapter: Mapping[str, object] = field(default_factory=dict)
    headers: list[tuple[str, GgufHeader]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def licence_claims(self) -> list[Claim]:
        """The licences that card and headers declare, those of the card first."""
        claims = list(card_claims(self.card)) if self.card is not None else []
        return claims + [claim for path, header in self.headers for claim in gguf_claims(path, header)]

    def chain(self) -> OriginChain:
        """The chain that these files declare, with what the architecture points to."""
        publisher, bases = publisher_link(self.snapshot), self._bases()
        hypothesis, place = self._family()
        family = _family_link(hypothesis, place)
        claims = tuple(claim for path, header in self.headers for claim in header_origins(path, header))
        disclosed = hypothesis.family is None or self._names(hypothesis.family, publisher, bases)
        return OriginChain(publisher, bases, family, hypothesis.reason, claims, disclosed)

    def _bases(self) -> tuple[Link, ...]:
        found = []
        if self.card is not None:
            place = Location(self.card.path, detail="key base_model")
            found += [link_to_base(name, Basis.CARD, place) for name in declared_bases(self.card)]
        for name in adapter_base(self.adapter):
            place = Location("adapter_config.json", detail="key base_model_name_or_path")
            found.append(link_to_base(name, Basis.ADAPTER_CONFIG, place))
        for path, header in self.headers:
            place = Location(path, detail="key general.base_model")
            found += [link_to_base(name, Basis.GGUF_HEADER, place) for name in header_bases(header)]
        return tuple({link.name.casefold(): link for link in reversed(found)}.values())[::-1]

    def _family(self) -> tuple[FamilyHypothesis, Location | None]:
        shapes = [(shape_of_config(self.config), Location("config.json"))] if self.config else []
        shapes += [(shape_of_header(header), Location(path)) for path, header in self.headers[:1]]
        for shape, place in shapes:
            if shape.model_type:
                return family_table().of_shape(shape), place
        return FamilyHypothesis(None, "no config.json or GGUF header states an architecture"), None

    def _names(self, family: ModelFamily, publisher: Link | None, bases: Sequence[Link]) -> bool:
        """Whether anything that people read names the family or its developer."""
        links = [*bases, *([publisher] if publisher else [])]
        if any(link.developer is not None and link.developer.org == family_owner(family) for link in links):
            return True
        said = [self.snapshot.ref.location, *(link.name for link in bases)]
        said += [
            header.text(key) for _, header in self.headers for key in ("general.name", "general.basename")
        ]
        said.append(self.card.text if self.card else "")
        return any(family.is_mentioned(text) for text in said)


def read_origins(snapshot: Snapshot, between_files: Callable[[], None] = lambda: None) -> OriginReading:
    """What this model's files say; `between_files` is called before each GGUF header, to end the work."""
    reading = OriginReading(snapshot)
    try:
        reading.card = model_card(snapshot)
    except ModelFileError as error:
        reading.problems.append(("model card", str(error)))
    try:
        reading.config = read_config(snapshot) or {}
    except ModelFileError as error:
        reading.problems.append(("config.json", str(error)))
    if snapshot.find(_ADAPTER) is not None:
        try:
            value = read_json(snapshot, _ADAPTER)
            reading.adapter = value if isinstance(value, dict) else {}
        except ModelFileError as error:
            reading.problems.append((_ADAPTER, str(error)))
    for entry in list(snapshot.with_suffix(".gguf"))[:MOST_HEADERS]:
        between_files()
        try:
            reading.headers.append((entry.path, gguf_header_of(snapshot, entry)))
        except (GgufError, OSError) as error:
            reading.problems.append((entry.path, str(error)))
    return reading


def _family_link(hypothesis: FamilyHypothesis, place: Location | None) -> Link | None:
    family = hypothesis.family
    if family is None:
        return None
    return Link(family.name, Basis.CONFIG_FAMILY, developer_of(family.org), place, hypothesis.reason)
