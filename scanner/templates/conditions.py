"""Conditions in a chat template that turn on what the user said or on the day: where a trigger would hide.

>>> from scanner.templates.syntax import parse_template
>>> source = "{% if 'invoice' in messages[-1].content %}{{ 'Pay at once.' }}{% endif %}"
>>> [danger.code for danger in hidden_conditions(parse_template(source))]
['TPL-HIDDEN']
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING, Final

from scanner.findings import Confidence, Severity
from scanner.lettering import visible
from scanner.templates.content import CONTENT_KEYS, followed, is_content, is_date, names_in
from scanner.templates.danger import Danger
from scanner.templates.expressions import written
from scanner.templates.folding import text_of
from scanner.templates.known import Known, is_call_of, name_of
from scanner.templates.marks import is_odd_mark, is_usual_mark, word_of
from scanner.templates.promotion import writes_as_system
from scanner.templates.readings import readings
from scanner.templates.rewriting import rewritten
from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes

# A list of content parts has few; a text of an exact length is recognised by it.
_EXACT_LENGTH: Final = 10
# Marks of templates, and how many words make something said.
_MARKS: Final = re.compile(r"<[^<>\n]{1,60}>|\[/?[A-Z_]{2,30}\]")
_SAID: Final = re.compile(r"[^\W\d_]{3,}")
_SIGNS: Final = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]+")
_A_SENTENCE: Final = 4
# Filters that look for something in a text or in every message.
_SEARCHING: Final = frozenset(
    {"selectattr", "rejectattr", "select", "reject", "regex_search", "regex_match", "regex_findall", "search",
     "match", "contains"}
)  # fmt: skip
_TESTS: Final = frozenset(
    {"equalto", "eq", "ne", "in", "string", "mapping", "defined", "undefined", "sequence"}
)
_LOOKING: Final = frozenset({"startswith", "endswith", "find", "index", "count", "rfind", "__contains__"})


def hidden_conditions(tree: nodes.Template) -> list[Danger]:
    """Every condition on words of a message or on the date, one per line."""
    from jinja2 import nodes

    contents, dates = followed(tree)
    found: dict[tuple[str, int], Danger] = {}
    flags: dict[str, str] = {}
    for node, known in itertools.chain.from_iterable(readings(tree)):
        for danger in (*rewritten(node, contents, known), *_looked_up(node, contents)):
            _keep(found, danger)
        if isinstance(node, nodes.Assign):
            flags.update(
                (name, why)
                for why, _ in _reasons(node.node, contents, dates, known)
                for name in names_in(node.target)
            )
        test = node.test if isinstance(node, nodes.If | nodes.CondExpr | nodes.For) else None
        if test is None:
            continue
        writes = _writes_words(node, known)
        mappings = _mappings(test)
        for why, line in _reasons(test, contents, dates, known, mappings):
            flags.update((name, why) for name in _set_inside(node))
            severity = Severity.HIGH if writes else Severity.MEDIUM
            _keep(found, Danger("TPL-HIDDEN", why, line, severity, Confidence.MEDIUM))
        for danger in _on_marks(node, contents, known):
            _keep(found, danger)
        for why in _flagged(test, flags) if writes else ():
            _keep(found, Danger("TPL-HIDDEN", why, node.lineno, Severity.HIGH, Confidence.MEDIUM))
    return sorted(found.values(), key=lambda danger: danger.line)


def _keep(found: dict[tuple[str, int], Danger], danger: Danger) -> None:
    """Keeps the worse of two dangers of one wording and line."""
    key = (danger.message, danger.line)
    if key not in found or found[key].severity.rank < danger.severity.rank:
        found[key] = danger


def _on_marks(node: nodes.Node, contents: Set[str], known: Known) -> Iterator[Danger]:
    """What is said, or said in the name of the system, on account of a mark in a message."""
    from jinja2 import nodes

    if not isinstance(node, nodes.If | nodes.CondExpr):
        return
    says, promotes = _writes_words(node, known, _A_SENTENCE), writes_as_system(node, known)
    asked = written(node.test)
    of_system = "system" in asked or "messages[0]" in asked  # that is the system's word already
    for text, line in _asked(node.test, contents, known) if says or promotes else ():
        why = ""
        if says and is_odd_mark(text):
            why = f"what the prompt says depends on the mark {_shown(text)} in a message"
        elif promotes and text.strip() and not word_of(text) and not (of_system and is_usual_mark(text)):
            why = f"it speaks as the system when the mark {_shown(text)} is in a message"
        if why:
            yield Danger("TPL-HIDDEN", why, line, Severity.HIGH, Confidence.MEDIUM)


def _asked(test: nodes.Node, contents: Set[str], known: Known) -> Iterator[tuple[str, int]]:
    """Texts that a condition looks for in a message."""
    from jinja2 import nodes

    for node, _ in walk(test):
        if isinstance(node, nodes.Compare | nodes.Call) and _compares_content(node, contents):
            yield from ((text, node.lineno) for text in _constants(node, contents, known))


def _looked_up(node: nodes.Node, contents: Set[str]) -> Iterator[Danger]:
    """Texts that are chosen by what a message says."""
    from jinja2 import nodes

    key: nodes.Node | None = None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Name | nodes.Getattr | nodes.Getitem):
        key = node.arg
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "get":
        key = node.args[0] if node.args else None
    if key is not None and is_content(key, contents):
        message = "it looks up what it writes by the words of a message"
        yield Danger("TPL-HIDDEN", message, node.lineno, Severity.HIGH, Confidence.MEDIUM)


def _words_in(text: str) -> int:
    """How many words a text has beside marks; two signs of Chinese or Japanese count as one."""
    plain = _MARKS.sub(" ", text)
    return len(_SAID.findall(_SIGNS.sub(" ", plain))) + sum(len(run) for run in _SIGNS.findall(plain)) // 2


def _writes_words(node: nodes.Node, known: Known, least: int = 2) -> bool:
    """Whether what depends on a condition says something, instead of setting marks."""
    from jinja2 import nodes

    waiting = [child for child in node.iter_child_nodes() if child is not getattr(node, "test", None)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, nodes.Compare | nodes.Test) or is_call_of(part, "raise_exception"):
            continue  # what is compared is not said, and what refuses a prompt writes none
        text = part.data if isinstance(part, nodes.TemplateData) else text_of(part, known) or ""
        if _words_in(text) >= least:
            return True
        key = part.arg if isinstance(part, nodes.Getitem) else None
        waiting.extend(child for child in part.iter_child_nodes() if child is not key)
    return False


def _set_inside(node: nodes.Node) -> set[str]:
    """Variables that a branch fills: what depends on them depends on its condition."""
    from jinja2 import nodes

    return {
        name for part, _ in walk(node) if isinstance(part, nodes.Assign) for name in names_in(part.target)
    }


def _flagged(test: nodes.Node, flags: Mapping[str, str]) -> set[str]:
    return {flags[name] for part, _ in walk(test) if (name := name_of(part)) in flags}


def _mappings(test: nodes.Node) -> frozenset[str]:
    """Expressions that a condition says are mappings: `"parts" in content` then asks for a key."""
    from jinja2 import nodes

    parts = [test]
    found: set[str] = set()
    while parts:
        part = parts.pop()
        if isinstance(part, nodes.And):
            parts.extend((part.left, part.right))
        elif isinstance(part, nodes.Test) and part.name == "mapping":
            found.add(written(part.node))
    return frozenset(found)


def _reasons(
    test: nodes.Node,
    contents: Set[str],
    dates: Set[str],
    known: Known,
    mappings: Set[str] = frozenset(),
) -> Iterator[tuple[str, int]]:
    """(what the prompt depends on, line) for every comparison in an expression."""
    from jinja2 import nodes

    for node, _ in walk(test):
        if not isinstance(node, nodes.Compare | nodes.Call | nodes.Test | nodes.Filter):
            continue
        if isinstance(node, nodes.Compare) and any(written(op.expr) in mappings for op in node.ops):
            continue
        parts = list(node.iter_child_nodes())
        word = next((word for word in map(word_of, _constants(node, contents, known)) if word), "")
        if any(is_date(part, dates) for part in parts) and not _asks_existence(node):
            yield "what the prompt says depends on the date", node.lineno
        elif word and _compares_content(node, contents):
            yield f"what the prompt says depends on the words {_shown(word)} in a message", node.lineno
        elif _counts_content(node, contents):
            yield "what the prompt says depends on how long a message is", node.lineno


def _compares_content(node: nodes.Node, contents: Set[str]) -> bool:
    from jinja2 import nodes

    if isinstance(node, nodes.Compare):
        return is_content(node.expr, contents) or any(is_content(op.expr, contents) for op in node.ops)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        return node.node.attr in _LOOKING and is_content(node.node.node, contents)
    if isinstance(node, nodes.Filter):
        asks = node.name in _SEARCHING and bool(CONTENT_KEYS & {text_of(each) for each in node.args})
        return asks or (node.name in _SEARCHING and is_content(node.node, contents))
    return isinstance(node, nodes.Test) and is_content(node.node, contents)


def _shown(word: str) -> str:
    return f"'{visible(word[:40])}'"


def _counts_content(node: nodes.Node, contents: Set[str]) -> bool:
    """`content | length == 1337`: an exact length, not whether there is something at all."""
    from jinja2 import nodes

    if not isinstance(node, nodes.Compare) or not isinstance(node.expr, nodes.Filter):
        return False
    counted = node.expr.name in ("length", "count") and is_content(node.expr.node, contents)
    sizes = [op.expr.value for op in node.ops if isinstance(op.expr, nodes.Const)]
    return counted and any(isinstance(size, int) and size >= _EXACT_LENGTH for size in sizes)


def _constants(node: nodes.Node, contents: Set[str], known: Known) -> Iterator[str]:
    """The texts that a comparison, call or test holds something against; keys of subscripts are none."""
    from jinja2 import nodes

    if isinstance(node, nodes.Compare):
        operands: list[nodes.Node] = [node.expr, *(op.expr for op in node.ops)]
        said = [each for each in operands if is_content(each, contents)]
        if len(said) == 1:  # of a name that holds a message or some default, the default is not asked for
            operands.remove(said[0])
    elif isinstance(node, nodes.Call | nodes.Test | nodes.Filter):
        operands = [each for each in node.args or () if text_of(each) not in CONTENT_KEYS | _TESTS]
    else:
        return
    for operand in operands:
        held = known.values.get(name_of(operand), operand)
        parts = held.items if isinstance(held, nodes.List | nodes.Tuple) else [operand]
        yield from (text for part in parts if (text := text_of(part, known)) is not None)


def _asks_existence(node: nodes.Node) -> bool:
    """Whether this is `x is defined` or a comparison with none, which every dated template asks."""
    from jinja2 import nodes

    if isinstance(node, nodes.Test):
        return node.name in ("defined", "undefined", "none", "string", "boolean", "callable", "true", "false")
    if isinstance(node, nodes.Compare):
        return all(isinstance(op.expr, nodes.Const) and op.expr.value in (None, "") for op in node.ops)
    return isinstance(node, nodes.Call) and not _is_date_method(node)


def _is_date_method(node: nodes.Call) -> bool:
    from jinja2 import nodes

    return isinstance(node.node, nodes.Getattr) and node.node.attr in _LOOKING
