"""What a model says it was made from, and by whom: claims of card, GGUF header and config, no proof.

>>> card = ModelCard({"base_model": ["org/base"]}, "", "README.md")
>>> declared_bases(card)
('org/base',)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.findings import Location
from scanner.manifest import Snapshot
from scanner.model_files import ModelCard
from scanner.tensorfiles.gguf_header import GgufHeader

_REPOSITORY: Final = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_HUB_ADDRESS: Final = re.compile(r"^https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)")
# Kinds of sources whose references are names that somebody gave the model.
_NAMED: Final = frozenset({"hf", "oci", "ollama"})
_MAX_BASES: Final = 16
_LONGEST_CLAIM: Final = 120
_ORIGIN_KEYS: Final = (
    "general.organization", "general.author", "general.url", "general.repo_url", "general.source.url",
    "general.source.repo_url", "general.source.huggingface.repository",
)  # fmt: skip


@dataclass(frozen=True)
class OriginClaim:
    """One thing that metadata says about the origin: `what` it is, its `value`, and where it stands."""

    what: str
    value: str
    place: Location


def declared_bases(card: ModelCard) -> tuple[str, ...]:
    """Repositories that the card names as what the model was made from, in its order."""
    value = card.front_matter.get("base_model")
    names = value if isinstance(value, list) else [value]
    found = (_repository(name) for name in names if isinstance(name, str))
    return tuple(dict.fromkeys(name for name in found if name))[:_MAX_BASES]


def adapter_base(config: Mapping[str, object]) -> tuple[str, ...]:
    """The repository that an adapter_config.json names as what the adapter is for; () for a local path."""
    value = config.get("base_model_name_or_path")
    name = _repository(value) if isinstance(value, str) else ""
    return (name,) if name else ()


def header_bases(header: GgufHeader) -> tuple[str, ...]:
    """Repositories that a GGUF header names as what the model was made from."""
    found = []
    for number in range(_MAX_BASES):
        prefix = f"general.base_model.{number}."
        address = _repository(header.text(prefix + "repo_url"))
        maker, name = header.text(prefix + "organization"), header.text(prefix + "name")
        found.append(address or _repository(f"{maker}/{name}".replace(" ", "-")))
    return tuple(dict.fromkeys(name for name in found if name))


def header_origins(path: str, header: GgufHeader) -> tuple[OriginClaim, ...]:
    """Who made the file, as its GGUF header has it."""
    claims = ((key, plain(header.text(key))) for key in _ORIGIN_KEYS)
    return tuple(
        OriginClaim(key.removeprefix("general."), value, Location(path, detail=f"key {key}"))
        for key, value in claims if value
    )  # fmt: skip


def names_of(snapshot: Snapshot, config: Mapping[str, object], header: GgufHeader | None) -> tuple[str, ...]:
    """Every name under which the model goes: by reference, header, config and file names, in this order."""
    names = [snapshot.ref.location if snapshot.ref.scheme in _NAMED else ""]
    if header is not None:
        size, basename = header.text("general.size_label"), header.text("general.basename")
        names += [f"{basename}-{size}" if basename and size else basename, header.text("general.name")]
    path = config.get("_name_or_path")
    names.append(path if isinstance(path, str) else "")
    names.append(PurePosixPath(snapshot.root.replace("\\", "/")).name)
    names += [PurePosixPath(entry.path).stem for entry in snapshot.with_suffix(".gguf")][:_MAX_BASES]
    return tuple(dict.fromkeys(plain(name) for name in names if name.strip()))


def plain(text: str) -> str:
    """One printable line of bounded length."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:_LONGEST_CLAIM]


def _repository(text: str) -> str:
    """The "org/name" that a reference or an address of the hub means, else ""."""
    address = _HUB_ADDRESS.match(text.strip())
    name = address.group(1) if address else text.strip()
    return name if _REPOSITORY.fullmatch(name) else ""
