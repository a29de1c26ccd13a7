"""What a chat template could do beyond writing a prompt: reach into Python, load others, or never end.

>>> from scanner.templates.syntax import parse_template
>>> [danger.code for danger in template_dangers(parse_template("{{ ''.__class__ }}"))]
['TPL-ESCAPE']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scanner.findings import Confidence, Severity
from scanner.templates.syntax import text_of, walk

if TYPE_CHECKING:
    from jinja2 import nodes

# Attributes without underscores at both ends that still lead out of the sandbox.
# Source: jinja2 3.1 sandbox.py, UNSAFE_*_ATTRIBUTES, and CPython's data model.
_LEADING_OUT: Final = frozenset(
    {
        "mro", "func_globals", "func_code", "im_func", "im_self", "im_class", "gi_frame", "gi_code",
        "cr_frame", "cr_code", "ag_frame", "ag_code", "tb_frame", "tb_next", "f_globals", "f_locals",
        "f_builtins", "f_back", "f_code", "co_code", "subprocess", "popen", "importlib",
    }
)  # fmt: skip
# Objects that Jinja gives every template and no chat template needs; famous ways to reach Python from.
_GATEWAYS: Final = frozenset(
    {"self", "lipsum", "cycler", "joiner", "url_for", "get_flashed_messages", "request", "g"}
)
_REACHED: Final = frozenset({"cycler", "joiner", "namespace", "dict", "range", "lipsum", "raise_exception"})
_DUNDER: Final = re.compile(r"__\w+__")
_INVISIBLE: Final = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\U000e0000-\U000e007f]")
# Elements of a literal range, and how often nested ones may turn in total.
_RANGE_LIMIT: Final = 100_000
_TURNS_LIMIT: Final = 1_000_000
_REPEAT_LIMIT: Final = 100_000
_PADDING: Final = re.compile(r"%[-+ #0]*(\d{5,})|\{[^{}]*:[^{}]*?(\d{5,})[^{}]*\}")
_PADDING_FILTERS: Final = frozenset({"center", "indent", "wordwrap"})


@dataclass(frozen=True)
class Danger:
    """One construct that does not belong into a chat template.

    Attributes:
        code: "TPL-ESCAPE", "TPL-GATEWAY", "TPL-LOAD", "TPL-LOOP", "TPL-INVISIBLE", "TPL-HIDDEN".
        message: What it does, a clause after "line 3: ".
        line: 1-based line in the template.
        severity: How bad it is.
        confidence: How sure the reading is.
    """

    code: str
    message: str
    line: int
    severity: Severity
    confidence: Confidence = Confidence.HIGH


def template_dangers(tree: nodes.Template) -> list[Danger]:
    """Every dangerous construct of a template, in its order, one per line and code."""
    found = [danger for node, _ in walk(tree) for danger in _dangers_of(node)]
    found.extend(_endless(tree))
    once = {(danger.code, danger.line, danger.message): danger for danger in found}
    return sorted(once.values(), key=lambda danger: danger.line)


def _dangers_of(node: nodes.Node) -> Iterator[Danger]:
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        yield from _attribute(node.attr, node)
    elif isinstance(node, nodes.Getitem):
        yield from _subscript(node)
    elif isinstance(node, nodes.Filter):
        yield from _filter(node)
    elif isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        yield Danger("TPL-LOAD", "it loads another template", node.lineno, Severity.HIGH)
    elif isinstance(node, nodes.Name) and node.ctx == "load" and node.name in _GATEWAYS:
        message = f"it uses '{node.name}', from which Python can be reached"
        yield Danger("TPL-GATEWAY", message, node.lineno, Severity.HIGH)
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield from _constant(node.value, node.lineno)
    elif isinstance(node, nodes.TemplateData):
        yield from _invisible(node.data, node.lineno)


def _attribute(name: str, node: nodes.Getattr | nodes.Getitem | nodes.Filter) -> Iterator[Danger]:
    from jinja2 import nodes

    if name.startswith("_") or name in _LEADING_OUT:
        message = f"it reaches for the attribute '{name[:60]}', which leads out of the template into Python"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.CRITICAL)
    elif isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name in _REACHED:
        message = f"it takes the attribute '{name[:60]}' of the built-in '{node.node.name}'"
        yield Danger("TPL-GATEWAY", message, node.lineno, Severity.HIGH)


def _subscript(node: nodes.Getitem) -> Iterator[Danger]:
    from jinja2 import nodes

    text = text_of(node.arg)
    if text is not None and (_DUNDER.search(text) or text in _LEADING_OUT):
        yield from _attribute(text, node)
    elif text is None and _builds_text(node.arg):
        message = "it computes the name of an attribute, so that readers do not see which"
        yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH, Confidence.MEDIUM)
    elif (
        isinstance(node.arg, nodes.Const)
        and isinstance(node.arg.value, str)
        and node.arg.value.startswith("__")
    ):
        yield from _attribute(node.arg.value, node)


def _builds_text(node: nodes.Node) -> bool:
    """Whether an expression glues pieces together that hold underscores."""
    from jinja2 import nodes

    glues = isinstance(node, nodes.Add | nodes.Concat | nodes.Mod | nodes.Filter | nodes.Call | nodes.Mul)
    parts = (part.value for part, _ in walk(node) if isinstance(part, nodes.Const))
    return glues and any(isinstance(part, str) and "__" in part for part in parts)


def _filter(node: nodes.Filter) -> Iterator[Danger]:
    if node.name == "attr":
        text = text_of(node.args[0]) if node.args else None
        if text is None:
            message = "it takes an attribute whose name is computed, so that readers do not see which"
            yield Danger("TPL-ESCAPE", message, node.lineno, Severity.HIGH)
        else:
            yield from _attribute(text, node)
    elif node.name in ("map", "selectattr", "rejectattr", "groupby", "sum", "sort", "unique", "min", "max"):
        named = [argument.value for argument in node.kwargs if argument.key == "attribute"]
        for argument in [*node.args[:1], *named]:
            text = text_of(argument)
            if text is not None and any(part.startswith("_") for part in text.split(".")):
                yield from _attribute(next(part for part in text.split(".") if part.startswith("_")), node)


def _constant(text: str, line: int) -> Iterator[Danger]:
    if _DUNDER.search(text):
        message = f"it holds the text '{_DUNDER.findall(text)[0][:60]}', the name of a Python internal"
        yield Danger("TPL-ESCAPE", message, line, Severity.HIGH, Confidence.MEDIUM)
    if any(int(wide or long) > _REPEAT_LIMIT for wide, long in _PADDING.findall(text)):
        yield Danger("TPL-LOOP", "it pads text to more than 100000 characters", line, Severity.HIGH)
    yield from _invisible(text, line)


def _invisible(text: str, line: int) -> Iterator[Danger]:
    found = _INVISIBLE.search(text)
    if found is not None:
        at = line + text[: found.start()].count("\n")
        message = f"it writes the invisible character U+{ord(found[0]):04X} into the prompt"
        yield Danger("TPL-INVISIBLE", message, at, Severity.MEDIUM)


def _endless(tree: nodes.Template) -> Iterator[Danger]:
    """Loops and repetitions of a size that the template itself fixes."""
    from jinja2 import nodes

    waiting: list[tuple[nodes.Node, int]] = [(tree, 1)]
    while waiting:
        node, turns = waiting.pop()
        inner = turns
        if isinstance(node, nodes.For):
            inner = turns * max(1, _fixed_length(node.iter))
            if inner > _TURNS_LIMIT:
                yield Danger("TPL-LOOP", f"it loops {_count(inner)} times", node.lineno, Severity.HIGH)
                continue
        elif isinstance(node, nodes.Call) and _fixed_length(node) > _RANGE_LIMIT:
            message = f"it makes a range of {_count(_fixed_length(node))} numbers"
            yield Danger("TPL-LOOP", message, node.lineno, Severity.HIGH)
        elif isinstance(node, nodes.Mul | nodes.Pow | nodes.Filter) and _repeats(node):
            message = "it makes a text or number of enormous size"
            yield Danger("TPL-LOOP", message, node.lineno, Severity.HIGH)
        waiting.extend((child, inner) for child in node.iter_child_nodes())


def _fixed_length(node: nodes.Node) -> int:
    """Turns of a loop over `node` when the template fixes them, else 0."""
    from jinja2 import nodes

    if isinstance(node, nodes.List | nodes.Tuple):
        return len(node.items)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "range":
        bounds = [_largest(argument) for argument in node.args]
        if not bounds:
            return 0
        start, stop = (0, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
        return abs(stop - start) // max(1, abs(bounds[2]) if len(bounds) > 2 else 1)
    if isinstance(node, nodes.Filter | nodes.Test | nodes.Call | nodes.Getitem) and node.node is not None:
        return _fixed_length(node.node)
    return 0


def _largest(node: nodes.Node) -> int:
    """The number an expression of literals makes; what is not literal counts as 1."""
    from jinja2 import nodes

    if isinstance(node, nodes.Const):
        return min(node.value, 10**18) if isinstance(node.value, int) else 1
    if isinstance(node, nodes.Neg):
        return -_largest(node.node)
    if isinstance(node, nodes.Mul):
        return min(_largest(node.left) * _largest(node.right), 10**18)
    if isinstance(node, nodes.Add):
        return _largest(node.left) + _largest(node.right)
    if isinstance(node, nodes.Sub):
        return _largest(node.left) - _largest(node.right)
    if isinstance(node, nodes.Pow):
        base, power = abs(_largest(node.left)), min(abs(_largest(node.right)), 64)
        return int(min(base**power, 10**18))
    return 1


def _repeats(node: nodes.Mul | nodes.Pow | nodes.Filter) -> bool:
    from jinja2 import nodes

    if isinstance(node, nodes.Filter):
        widths = [_largest(argument) for argument in node.args]
        return node.name in _PADDING_FILTERS and any(width > _REPEAT_LIMIT for width in widths)
    return abs(_largest(node)) > (_REPEAT_LIMIT if isinstance(node, nodes.Mul) else 10**12)


def _count(number: int) -> str:
    return str(number) if number < 10**12 else "more than 10^12"
