"""What a model says its licence is: the card's front matter and prose, GGUF headers, config.json.

>>> claim = Claim("apache-2.0", Location("README.md", detail="key license"))
>>> claim.is_open
False
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from scanner.findings import Location
from scanner.licensing.table import OPEN_TAGS, Licence, LicenceTable
from scanner.model_files import ModelCard
from scanner.tensorfiles.gguf_header import GgufHeader

_PROSE: Final = re.compile(
    r"\blicen[cs]ed?\s+(?:under|as|with)\s+(?:the\s+|an?\s+)?\[?[`*]*"
    r"(?P<name>[A-Za-z][\w.+-]*(?:[ ][A-Z0-9][\w.+-]*){0,5})",
)
_LONGEST_NAME: Final = 120
ARTEFACT_KEYS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "Kitfile.json": (("package", "license"), ("model", "license")),
    "modelpack.json": (("descriptor", "licenses"),),
}


@dataclass(frozen=True)
class Claim:
    """One place that names a licence.

    Attributes:
        name: The name as written.
        place: Where.
        detail: `license_name` where the tag says "other", else "".
        link: `license_link`, or "".
        is_prose: Whether it stands in running text, where it may be about something else.
    """

    name: str
    place: Location
    detail: str = ""
    link: str = ""
    is_prose: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the name says only that the licence is some other one."""
        return self.name.casefold().strip() in OPEN_TAGS

    @property
    def shown(self) -> str:
        """The claim as people read it: "other (qwen-research)"."""
        return f"{self.name} ({self.detail})" if self.detail else self.name

    def licences(self, table: LicenceTable) -> tuple[Licence, ...]:
        """What the claim may mean; () when the table does not know the name."""
        if not self.is_open:
            return table.declared_as(self.name)
        return table.declared_as(self.detail) if self.detail else ()


def card_claims(card: ModelCard) -> Iterator[Claim]:
    """Claims of a model card, those of its front matter first."""
    matter = card.front_matter
    detail, link = (_word(matter.get(key)) for key in ("license_name", "license_link"))
    names = [name for name in _words(matter.get("license")) if name]
    place = Location(card.path, detail="key license")
    for name in names:
        yield Claim(name, place, detail if name.casefold() in OPEN_TAGS else "", link)
    if detail and not names:
        yield Claim("other", Location(card.path, detail="key license_name"), detail, link)


def prose_claims(card: ModelCard, table: LicenceTable) -> Iterator[Claim]:
    """Licences that the card's text names after "licensed under", as far as the table knows the name."""
    for match in _PROSE.finditer(card.text):
        words = match["name"].rstrip(".").split(" ")
        for length in range(len(words), 0, -1):
            name = " ".join(words[:length])
            if table.declared_as(name):
                yield Claim(name, Location(card.path, detail=f"text '{name}'"), is_prose=True)
                break


def gguf_claims(path: str, header: GgufHeader) -> Iterator[Claim]:
    """Claims of one GGUF header."""
    name, detail = _word(header.text("general.license")), _word(header.text("general.license.name"))
    link = _word(header.text("general.license.link"))
    if name or detail:
        shown = detail if not name or name.casefold() in OPEN_TAGS else ""
        yield Claim(name or "other", Location(path, detail="key general.license"), shown, link)


def config_claims(config: Mapping[str, object]) -> Iterator[Claim]:
    """Claims of config.json; few models make one."""
    for name in _words(config.get("license")):
        if name:
            yield Claim(name, Location("config.json", detail="key license"))


def artefact_claims(path: str, configuration: object) -> Iterator[Claim]:
    """Claims of the configuration that an OCI artefact carries about the model, by the name it is shown by.

    Source: KitOps, "Kitfile format", package.license and model.license; CNCF ModelPack, docs/config.md,
    descriptor.licenses.
    """
    for part, key in ARTEFACT_KEYS[path]:
        section = configuration.get(part) if isinstance(configuration, dict) else None
        for name in _words(section.get(key)) if isinstance(section, dict) else ():
            if name:
                yield Claim(name, Location(path, detail=f"key {part}.{key}"))


def _words(value: object) -> list[str]:
    return [_word(item) for item in value] if isinstance(value, list) else [_word(value)]


def _word(value: object) -> str:
    """A scalar as one line of bounded length that is safe to print; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return "".join(char for char in " ".join(str(value).split()) if char.isprintable())[:_LONGEST_NAME]
