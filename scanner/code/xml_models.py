"""What an XML file of a model (PMML, OpenVINO) has its readers do beyond reading it, in one pass.

>>> import io
>>> text = b'<PMML><Extension value="Runtime.getRuntime().exec(1)"/></PMML>'
>>> [fault.rule for fault in faults_in(io.BytesIO(text))]
['script']
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

_CHUNK_BYTES: Final = 256 * 1024
_DEPTH_LIMIT: Final = 2000
_FAULTS_PER_RULE: Final = 20
# Text is looked at in pieces of this length, each with the end of the one before it.
_PIECE: Final = 20_000
_OVERLAP: Final = 200
_ACTIVE: Final = frozenset(
    {"script", "iframe", "object", "embed", "applet", "include", "stylesheet", "transform"}
)
_SCRIPT: Final = re.compile(
    r"javascript:|vbscript:|data:text/html|<\s*script|\bRuntime\s*\.\s*getRuntime|ProcessBuilder|\bjava\.lang\.|"
    r"javax\.script|javax\.naming|\bjndi:|ScriptEngine|Class\.forName|XMLDecoder|ldap://|rmi://",
    re.IGNORECASE,
)
# Words that a description may hold as well; in an extension they are for a tool that runs them.
_IN_EXTENSION: Final = re.compile(
    r"\beval\s*\(|\bexec\s*\(|os\.(system|popen|exec\w*|spawn\w*)\b|subprocess\.\w+\s*\(|__import__|"
    r"\bimport_module\s*\(|\bimport\s+(os|subprocess|socket|ctypes|pickle)\b|\brunpy\.|\bnew\s+Function\s*\(|file://",
    re.IGNORECASE,
)
_LETTERS: Final = re.compile(r"[A-Za-z]{2}")  # whatever is code has some; arrays of numbers have none
# Attributes by which readers fetch what they name; a `reference` or a description is for people.
_FETCHED: Final = frozenset({"src", "source", "href", "uri", "url", "location", "file"})
_ELSEWHERE: Final = re.compile(r"\s*((https?|ftp|file|jar|smb)://|\\\\)", re.IGNORECASE)
_JAVA_CLASS: Final = re.compile(r"[a-z_]\w*(\.\w+)+|x-.*")


@dataclass(frozen=True)
class XmlFault:
    """One thing that is wrong.

    Attributes:
        rule: "entities", "script", "function", "stylesheet", "fetched", "malformed" or "not-pmml".
        message: A clause after the file.
        line: 1-based, or None.
    """

    rule: str
    message: str
    line: int | None = None


def faults_in(stream: BinaryIO, *, root: str = "") -> list[XmlFault]:
    """Every fault of an XML document; what it declares or links to is never fetched.

    Args:
        stream: The file.
        root: Name that the outermost element must have; "" for any.

    Raises:
        PartlyReadError: when the file was not read far enough.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import XMLParser

    seen = _Seen(root)
    parser = XMLParser(target=seen, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            parser.feed(chunk)
        parser.close()
    except DefusedXmlException as error:
        kind = type(error).__name__.removesuffix("Forbidden").lower()
        message = (
            f"declares entities or a document type ({kind}), by which a reader opens files or fills memory"
        )
        return [*seen.faults, XmlFault("entities", message)]
    except (ParseError, ValueError, LookupError) as error:
        return [
            *seen.faults,
            XmlFault("malformed", f"is not XML that can be read ({ascii(str(error)[:120])[1:-1]})"),
        ]
    return seen.faults


class _Seen:
    """Takes the events of the parser, and keeps what is wrong."""

    def __init__(self, root: str) -> None:
        self.faults: list[XmlFault] = []
        self._root = root
        self._depth = 0
        self._extensions = 0
        self._text: list[str] = []
        self._length = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._flush()
        self._depth += 1
        space, _, name = tag.rpartition("}")
        if self._depth == 1 and self._root and name != self._root:
            self._keep("not-pmml", f"begins with <{ascii(name[:60])[1:-1]}>, not with <{self._root}>")
        if self._depth > _DEPTH_LIMIT:
            raise ValueError(f"nested more than {_DEPTH_LIMIT} deep")
        if name.lower() in _ACTIVE and (name.lower() != "include" or "XInclude" in space):
            self._keep("script", f"holds <{ascii(name[:60])[1:-1]}>, which a reader may run or fetch")
        if name == "Apply" and _JAVA_CLASS.fullmatch(attributes.get("function", "")):
            shown = ascii(attributes["function"][:80])
            self._keep(
                "function", f"calls the function {shown}, which is a class of the machine that reads it"
            )
        self._extensions += name == "Extension"
        for key, value in attributes.items():
            if key != "description":
                self._look(value)
            if self._root and key.lower() in _FETCHED and _ELSEWHERE.match(value):
                self._keep("fetched", f"has readers fetch {ascii(value[:80])}")

    def end(self, tag: str) -> None:
        """An element ends."""
        self._flush()
        self._depth -= 1
        self._extensions -= tag.rpartition("}")[2] == "Extension"

    def data(self, text: str) -> None:
        """Text inside an element."""
        self._text.append(text)
        self._length += len(text)
        if self._length > _PIECE:
            whole = "".join(self._text)
            self._look(whole)
            self._text = [whole[-_OVERLAP:]]
            self._length = _OVERLAP

    def pi(self, target: str, data: str | None = None) -> None:
        """A processing instruction."""
        if target.lower() == "xml-stylesheet":
            self._keep("stylesheet", f"has readers fetch a style sheet: {ascii((data or '')[:80])}")

    def close(self) -> None:
        """The document ends."""
        self._flush()

    def _flush(self) -> None:
        if self._text:
            self._look("".join(self._text))
            self._text.clear()
            self._length = 0

    def _look(self, text: str) -> None:
        if _LETTERS.search(text) is None:
            return
        match = _SCRIPT.search(text) or (_IN_EXTENSION.search(text) if self._extensions else None)
        if match is not None:
            self._keep("script", f"holds code: {ascii(match[0][:60])}")

    def _keep(self, rule: str, message: str) -> None:
        fault = XmlFault(rule, message)
        same = sum(each.rule == rule for each in self.faults)
        if same < _FAULTS_PER_RULE and fault not in self.faults:
            self.faults.append(fault)
