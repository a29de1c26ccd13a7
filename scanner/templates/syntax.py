"""Parses a chat template into a syntax tree, as transformers would, and never renders it.

>>> tree = parse_template("{{ messages[0].content }}")
>>> [type(node).__name__ for node, _ in walk(tree)][:2]
['Template', 'Output']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from scanner.errors import ScanError

if TYPE_CHECKING:
    from jinja2 import Environment, nodes
    from jinja2.ext import Extension
    from jinja2.parser import Parser

# The longest template in common use (gpt-oss) has 17 kB; its tree is 25 deep.
SIZE_LIMIT_CHARACTERS: Final = 256 * 1024
# In a template that is too long to be parsed: what no honest one has inside its marks.
_ESCAPE: Final = re.compile(
    r"\{[{%][^{}]{0,400}?(__\w{2,30}__|\bpopen\b|\|\s{0,9}attr\b|\b(cycler|lipsum|joiner)\.)"
)
_LOOKED_THROUGH: Final = 16 * 1024**2
DEPTH_LIMIT: Final = 120


class TemplateFaultError(ScanError):
    """A template that cannot be judged as it stands.

    Attributes:
        code: "TPL-SIZE", "TPL-SYNTAX" or "TPL-DEPTH"; "TPL-ESCAPE" for what a long one shows all the same.
        line: 1-based line in the template, or None.
    """

    def __init__(self, code: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


def parse_template(source: str) -> nodes.Template:
    """The syntax tree of a template, with the tags that transformers adds.

    Raises:
        TemplateFaultError: when it is too long, too deep, or not Jinja.
    """
    from jinja2 import TemplateSyntaxError

    if len(source) > SIZE_LIMIT_CHARACTERS:
        message = f"the template has {len(source)} characters; {SIZE_LIMIT_CHARACTERS} are read"
        if (match := _ESCAPE.search(source[:_LOOKED_THROUGH])) is not None:
            line = source.count("\n", 0, match.start()) + 1
            message = f"{message}, and it reaches for {ascii(match[1])}, which leads into Python"
            raise TemplateFaultError("TPL-ESCAPE", message, line)
        raise TemplateFaultError("TPL-SIZE", message)
    try:
        tree = _environment().parse(source)
    except TemplateSyntaxError as error:
        raise TemplateFaultError("TPL-SYNTAX", f"it is not Jinja: {error.message}", error.lineno) from error
    except RecursionError as error:
        raise TemplateFaultError("TPL-DEPTH", "it is nested too deep to be parsed") from error
    except (ValueError, OverflowError) as error:  # numbers of more digits than Python reads
        raise TemplateFaultError("TPL-SYNTAX", f"it is not Jinja: {error}") from error
    for node, depth in walk(tree):
        if depth > DEPTH_LIMIT:
            raise TemplateFaultError("TPL-DEPTH", f"it is nested more than {DEPTH_LIMIT} deep", node.lineno)
    return tree


def walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    """Every node with its depth, parents first, in the order of the template; without recursion."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in reversed(list(node.iter_child_nodes())))


def _environment() -> Environment:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # As transformers sets it up (utils/chat_template_utils.py), so that we see the tree that it sees.
    return ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _generation_tag()]
    )


def _generation_tag() -> type[Extension]:
    """The tag {% generation %} by which templates mark what the model writes."""
    from jinja2 import nodes
    from jinja2.ext import Extension

    class GenerationTag(Extension):
        tags = {"generation"}  # noqa: RUF012 - jinja2 wants a plain set

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    return GenerationTag
