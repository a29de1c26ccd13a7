"""What a chat template could do beyond writing a prompt: reach into Python, load others, or never end.

>>> from scanner.templates.syntax import parse_template
>>> [danger.code for danger in template_dangers(parse_template("{{ ''.__class__ }}"))]
['TPL-ESCAPE']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from scanner.findings import Confidence, Severity
from scanner.templates.danger import Danger, in_order
from scanner.templates.folding import text_of
from scanner.templates.known import Known, name_of
from scanner.templates.loops import endless
from scanner.templates.readings import readings, unsure
from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes

# Attributes without underscores at both ends that still lead out of the sandbox.
# Source: jinja2 3.1 sandbox.py, UNSAFE_*_ATTRIBUTES, and CPython's data model.
_LEADING_OUT: Final = frozenset(
    {
        "mro", "func_globals", "func_code", "im_func", "im_self", "im_class", "gi_frame", "gi_code",
        "cr_frame", "cr_code", "ag_frame", "ag_code", "tb_frame", "tb_next", "f_globals", "f_locals",
        "f_builtins", "f_back", "f_code", "co_code", "subprocess", "popen", "importlib", "gi_yieldfrom",
        "cr_await", "cr_origin", "ag_await", "format_map", "environment", "exported_vars",
    }
)  # fmt: skip
# Objects that Jinja or a web framework gives templates and no chat template needs; famous ways to Python.
_GATEWAYS: Final = frozenset(
    {
        "self", "lipsum", "cycler", "joiner", "url_for", "get_flashed_messages", "request", "g", "session",
        "config", "application", "current_app", "context", "environment", "os", "sys", "subprocess",
        "importlib", "builtins", "eval", "exec", "open", "getattr", "globals", "locals", "vars",
    }
)  # fmt: skip
_REACHED: Final = frozenset({"cycler", "joiner", "namespace", "dict", "range", "lipsum", "raise_exception"})
_DUNDER: Final = re.compile(r"__\w+__")
# Pieces of the names of Python internals, as they are left when a name is glued together.
_FRAGMENT: Final = re.compile(
    r"__\w*|\w*__|_\w+_|\b(globals|builtins|subclasses|popen|getitem|import|mro|init)\b"
)
# Template syntax that is written as text, to be run by whoever renders the prompt once more.
_WRITTEN_SYNTAX: Final = re.compile(r"\{[{%][^}]*(__\w+__|popen|subprocess|os\.system|\|\s*attr)[^}]*[%}]\}")
_PADDING: Final = re.compile(r"%[-+ #0]*(?:\d*\.)?(\d{5,})|\{[^{}]*:[^{}]*?(\d{5,})[^{}]*\}")
_WIDTH_LIMIT: Final = 100_000
_BY_ATTRIBUTE: Final = frozenset(
    {"map", "selectattr", "rejectattr", "groupby", "sum", "sort", "unique", "min", "max"}
)
# What these make of text has a representation from which letters can be picked.
_MADE: Final = frozenset({"select", "reject", "map", "selectattr", "rejectattr", "batch", "slice"})


def template_dangers(tree: nodes.Template) -> list[Danger]:
    """Every dangerous construct of a template, in its order, one per line and code."""
    own = _own_names(tree)
    found: list[Danger] = []
    for reading in (*readings(tree), unsure(tree)):
        found.extend(danger for node, known in reading for danger in _dangers_of(node, known, own))
    found.extend(endless(tree))
    return in_order(found)


def _own_names(tree: nodes.Template) -> frozenset[str]:
    """Names that the template gives to things of its own."""
    from jinja2 import nodes

    names = (node for node, _ in walk(tree) if isinstance(node, nodes.Name))
    return frozenset(node.name for node in names if node.ctx in ("store", "param"))


def _dangers_of(node: nodes.Node, known: Known, own: frozenset[str]) -> Iterator[Danger]:
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        yield from _attribute(node.attr, node)
    elif isinstance(node, nodes.Getitem):
        yield from _subscript(node, known)
    elif isinstance(node, nodes.Filter):
        yield from _filter(node, known)
    elif isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        yield Danger("TPL-LOAD", "it loads another template", node.lineno, Severity.HIGH)
    elif isinstance(node, nodes.Name) and node.ctx == "load":
        yield from _name(node, own)
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield from _constant(node.value, node.lineno)
    elif isinstance(node, nodes.TemplateData) and _WRITTEN_SYNTAX.search(node.data):
        message = "it writes template code into the prompt that reaches for Python if rendered again"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH)
    elif isinstance(node, nodes.Call | nodes.Concat | nodes.Add):
        yield from _glued(node, known)


def _name(node: nodes.Name, own: frozenset[str]) -> Iterator[Danger]:
    if node.name in _GATEWAYS and node.name not in own:
        message = f"it uses '{node.name}', from which Python can be reached"
        yield Danger("TPL-GATEWAY", message, node.lineno, Severity.HIGH)
    elif node.name.startswith("__"):
        yield from _attribute(node.name, node)


def _attribute(name: str, node: nodes.Node) -> Iterator[Danger]:
    from jinja2 import nodes

    if name.startswith("_") or name in _LEADING_OUT:
        yield _leading_out(name, node)
    elif isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name in _REACHED:
        message = f"it takes the attribute {_quoted(name)} of the built-in '{node.node.name}'"
        yield Danger("TPL-GATEWAY", message, node.lineno, Severity.HIGH)


def _leading_out(name: str, node: nodes.Node) -> Danger:
    message = f"it reaches for the attribute {_quoted(name)}, which leads out of the template into Python"
    return Danger("TPL-ESCAPE", message, node.lineno, Severity.CRITICAL)


def _subscript(node: nodes.Getitem, known: Known) -> Iterator[Danger]:
    text = text_of(node.arg, known)
    if text is not None and (text.startswith("__") or _DUNDER.search(text) or text in _LEADING_OUT):
        yield _leading_out(text, node)
    elif text is None and _builds_text(node.arg):
        message = "it computes the name of an attribute, so that readers do not see which"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH, Confidence.MEDIUM)


def _builds_text(node: nodes.Node) -> bool:
    """Whether an expression glues pieces together that look like parts of a Python internal."""
    from jinja2 import nodes

    glues = isinstance(node, nodes.Add | nodes.Concat | nodes.Mod | nodes.Filter | nodes.Call | nodes.Mul)
    parts = (part.value for part, _ in walk(node) if isinstance(part, nodes.Const))
    return glues and any(isinstance(part, str) and bool(_FRAGMENT.fullmatch(part)) for part in parts)


def _filter(node: nodes.Filter, known: Known) -> Iterator[Danger]:
    from jinja2 import nodes

    if node.name == "attr":
        yield from _named(node.args[0] if node.args else None, node, known)
    elif node.name in _BY_ATTRIBUTE:
        yield from _by_attribute(node, known)
    elif node.name in ("string", "list", "pprint") and isinstance(node.node, nodes.Filter):
        if node.name != "list" and any(
            isinstance(part, nodes.Filter) and part.name in _MADE for part, _ in walk(node.node)
        ):
            message = "it turns an object into text, from which names can be picked letter by letter"
            yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH, Confidence.MEDIUM)
    elif node.name == "random":
        message = "what it writes is left to chance, so that no test sees all of it"
        yield Danger("TPL-HIDDEN", message, node.lineno, Severity.HIGH)
    if node.name == "format":
        yield from _characters(node.node, node)


def _named(argument: nodes.Expr | None, node: nodes.Filter, known: Known) -> Iterator[Danger]:
    text = text_of(argument, known)
    if text is None:
        message = "it takes an attribute whose name is computed, so that readers do not see which"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH)
    else:
        yield from _attribute(text, node)


def _by_attribute(node: nodes.Filter, known: Known) -> Iterator[Danger]:
    named = [argument.value for argument in node.kwargs if argument.key == "attribute"]
    texts = [text_of(argument, known) for argument in [*node.args[:1], *named]]
    if node.name == "map" and texts[:1] == ["attr"]:
        yield from _named(node.args[1] if len(node.args) > 1 else None, node, known)
    if any(text is None for text in texts[len(texts) - len(named) :] if named):
        message = "it takes an attribute whose name is computed, so that readers do not see which"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH, Confidence.MEDIUM)
    for text in texts:
        hidden = [part for part in (text or "").split(".") if part.startswith("_") or part in _LEADING_OUT]
        for part in hidden[:1]:
            yield from _attribute(part, node)


def _constant(text: str, line: int) -> Iterator[Danger]:
    if _DUNDER.search(text):
        message = f"it holds the text {_quoted(_DUNDER.findall(text)[0])}, the name of a Python internal"
        yield Danger("TPL-ESCAPE", message, line, Severity.HIGH, Confidence.MEDIUM)
    elif _WRITTEN_SYNTAX.search(text):
        message = "it writes template code into the prompt that reaches for Python if rendered again"
        yield Danger("TPL-ESCAPE", message, line, Severity.HIGH)
    if any(int(wide or long) > _WIDTH_LIMIT for wide, long in _PADDING.findall(text)):
        yield Danger("TPL-LOOP", f"it pads text to more than {_WIDTH_LIMIT} characters", line, Severity.HIGH)


def _glued(node: nodes.Call | nodes.Concat | nodes.Add, known: Known) -> Iterator[Danger]:
    """Text that becomes the name of an internal once it is glued together, whatever is done with it."""
    from jinja2 import nodes

    text = text_of(node, known)
    if text is not None and _DUNDER.search(text):
        message = f"it glues together {_quoted(_DUNDER.findall(text)[0])}, the name of a Python internal"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.CRITICAL)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "format":
        if text_of(node.node.node, known) is None and not name_of(node.node).startswith("loop."):
            message = "it fills in a format that is computed, which can reach attributes"
            yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH, Confidence.MEDIUM)
        yield from _characters(node.node.node, node)


def _characters(pattern: nodes.Expr | None, node: nodes.Node) -> Iterator[Danger]:
    """Text made of character codes: `'%c' | format(95)`, `'{:c}'.format(95)`."""
    text = text_of(pattern)
    if text is not None and re.search(r"%\d*c|\{[^}]*:c\}", text):
        message = "it makes text from character codes, so that readers do not see which"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH)


def _quoted(text: str) -> str:
    return ascii(text[:60])
