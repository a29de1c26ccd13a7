"""Where a chat template alters what somebody said: words replaced, cut out, or cut at; letters exchanged.

>>> from scanner.templates.known import NOTHING
>>> from scanner.templates.syntax import parse_template
>>> node = parse_template("{{ m.content.split('not ') | join }}").body[0].nodes[0]
>>> [danger.message for danger in rewritten(node.node, frozenset(), NOTHING)]
["it cuts a message at words: 'not'"]
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Final

from scanner.findings import Confidence, Severity
from scanner.templates.content import is_content
from scanner.templates.danger import Danger
from scanner.templates.folding import text_of
from scanner.templates.known import Known
from scanner.templates.marks import word_of
from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes

# Templates split at their own marks ("</think>"); who splits at words leaves some of them out.
_CUTTING: Final = frozenset({"split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix"})
_EXCHANGING: Final = frozenset({"translate", "maketrans"})


def rewritten(node: nodes.Node, contents: Set[str], known: Known) -> Iterator[Danger]:
    """What a node does to the words of a message."""
    from jinja2 import nodes

    if isinstance(node, nodes.FilterBlock | nodes.AssignBlock):
        if node.filter is not None and _holds_content(node.body, contents):
            for part, _ in walk(node.filter):
                if isinstance(part, nodes.Filter):
                    yield from _altered(part.name, part.args, part.lineno, known)
    elif isinstance(node, nodes.Filter) and is_content(node.node, contents):
        yield from _altered(node.name, node.args, node.lineno, known)
    elif isinstance(node, nodes.Call) and isinstance(method := node.node, nodes.Getattr):
        given = node.args if is_content(method.node, contents) else None
        yield from () if given is None else _altered(method.attr, given, node.lineno, known)


def _holds_content(body: list[nodes.Node], contents: Set[str]) -> bool:
    return any(is_content(part, contents) for each in body for part, _ in walk(each))


def _altered(name: str, given: list[nodes.Expr], line: int, known: Known) -> Iterator[Danger]:
    """What a filter or method of this name does to a message."""
    texts = [text_of(each, known) or "" for each in given[:2]]
    words = [word for word in map(word_of, texts) if word]
    message = ""
    if name == "replace":
        address = next((text for text in texts[1:] if "://" in text), "")
        if words or address:
            message = f"it replaces words of a message: {ascii((words or [address])[0][:40])}"
    elif name in _CUTTING and words:
        message = f"it cuts a message at words: {ascii(words[0][:40])}"
    elif name in _EXCHANGING:
        message = "it exchanges letters of a message"
    if message:
        yield Danger("TPL-HIDDEN", message, line, Severity.HIGH, Confidence.MEDIUM)
