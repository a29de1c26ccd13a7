"""Scripts in pages and pictures, which a browser runs when somebody opens them.

A picture needs none. A page may have some of its own, as exported charts do; what opens connections, runs
text, or is fetched from elsewhere needs a look.

>>> [fault.rule for fault in faults_in("<svg onload='x()'>", "logo.svg")]
['script-in-document']
>>> faults_in("<h1>Results</h1><script>toggle()</script>", "index.html")
[]
"""

from __future__ import annotations

import html
import re
from typing import Final

from scanner.code.tool_commands import ToolFault
from scanner.findings import Severity

_PAGES: Final = (".html", ".htm", ".xhtml", ".mhtml", ".hta")
_PICTURES: Final = (".svg", ".xsl", ".xslt")
_SCRIPT: Final = re.compile(r"<(?:\w{1,20}:)?script\b", re.IGNORECASE)
_HANDLER: Final = re.compile(r"[\s\"'/]on[a-z]{3,30}\s{0,9}=", re.IGNORECASE)
_LINK: Final = re.compile(
    r"[\s\"'/;](?:(?:xlink:)?href|src|action|data|from|to|values|url)\s{0,9}=\s{0,9}[\"']?\s{0,9}"
    r"(?:(?:java|vb)script\s{0,9}:(?!\s{0,9}(?:void\s{0,9}\(?\s{0,9}0|;?[\"']))|data:text/html)",
    re.IGNORECASE,
)
# Animations set attributes, and entities may stand for whole tags.
_MADE: Final = re.compile(
    r"\battributeName\s{0,9}=\s{0,9}[\"']on|<!ENTITY\b[^>]{0,2000}?(?:&#|<)|<(?:\w{1,20}:)?iframe\b",
    re.IGNORECASE,
)
# What a script of a page does that reaches beyond it, or hides what it does.
_REACHING: Final = re.compile(
    r"\bfetch\s{0,9}\(|\b(?:XMLHttpRequest|sendBeacon|WebSocket|EventSource|RTCPeerConnection|ActiveXObject|WScript"
    r"|fromCharCode|importScripts)\b|\bnew\s{1,9}(?:Image|Function)\b|\b(?:eval|atob|unescape|import)\s{0,9}\("
    r"|\bdocument\s{0,9}\.\s{0,9}cookie\b|\[\s{0,9}[\"']\w{1,20}[\"']\s{0,9}\+"
    # To another place; pages of documentation lead to others beside them.
    r"|\blocation(?:\.href\s{0,9}=|\s{0,9}=|\.(?:replace|assign)\s{0,9}\()\s{0,9}[\"'`]\s{0,9}(?:https?:)?//",
    re.IGNORECASE,
)
_FETCHED: Final = re.compile(
    r"<script\b[^<>]{0,2000}?\ssrc\s{0,9}=\s{0,9}[\"']?\s{0,9}(?:https?:)?//", re.IGNORECASE
)
_SHOWN: Final = 60


def is_document(path: str) -> bool:
    """Whether a browser that opens a file of this name runs the scripts in it."""
    return path.lower().endswith((*_PAGES, *_PICTURES))


def faults_in(text: str, path: str) -> list[ToolFault]:
    """What of the scripts of a page or picture needs a look."""
    text = text.replace("\0", "")  # of an encoding with two bytes for each sign
    is_picture = path.lower().endswith(_PICTURES)
    found = _of_picture(text) if is_picture else _of_page(text)
    if found is None:
        return []
    shown = ascii(" ".join(found[0].split())[:_SHOWN])
    what = "has a script" if is_picture else "has a script that reaches beyond the page"
    message = f"{what}, which a browser runs when somebody opens the file: {shown}"
    line = text.count("\n", 0, found.start()) + 1 if found.string == text else 1
    return [
        ToolFault("script-in-document", f"line {line}", line, message, Severity.MEDIUM, ("CWE-79", "CWE-829"))
    ]


def _of_picture(text: str) -> re.Match[str] | None:
    """The first script, link or handler of a picture; attributes may be written with entities."""
    shown = html.unescape(text)
    return (
        _SCRIPT.search(text)
        or _HANDLER.search(text)
        or _MADE.search(text)
        or _LINK.search(text)
        or _LINK.search(shown)
    )


def _of_page(text: str) -> re.Match[str] | None:
    """The first thing in a page that has scripts which reaches beyond it."""
    shown = html.unescape(text)
    if found := _FETCHED.search(text) or _LINK.search(text) or _LINK.search(shown):
        return found
    if not (_SCRIPT.search(shown) or _HANDLER.search(text)):
        return None
    return _REACHING.search(text) or _REACHING.search(shown)
