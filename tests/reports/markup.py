"""Reads HTML the way a browser would, to see what elements a report really has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "br", "hr", "input", "col", "base", "source", "embed", "circle", "line"}


@dataclass(frozen=True)
class Element:
    """One start tag: its name, attributes, and the names of the elements around it."""

    name: str
    attributes: dict[str, str]
    inside: tuple[str, ...]


class Markup(HTMLParser):
    """The elements and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {key: value or "" for key, value in attrs}, tuple(self._open)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self._open), data))

    def named(self, *names: str) -> list[Element]:
        """The elements with one of these names."""
        return [element for element in self.elements if element.name in names]

    def values(self, attribute: str) -> Iterator[str]:
        """Every value of this attribute, in order."""
        return (element.attributes[attribute] for element in self.elements if attribute in element.attributes)

    def ids(self) -> Counter[str]:
        """How often each id occurs."""
        return Counter(self.values("id"))

    def text(self) -> str:
        """All text of the page."""
        return "".join(text for _, text in self.texts)
