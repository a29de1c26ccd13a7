r"""Where a mark in a message makes a chat template hand it to the model as the word of the system.

>>> from scanner.templates.known import NOTHING
>>> from scanner.templates.syntax import parse_template
>>> source = "{% if m.content.endswith('##') %}<|im_start|>system\n{{ m.content }}{% endif %}"
>>> writes_as_system(parse_template(source).body[0], NOTHING)
True
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from scanner.templates.folding import text_of
from scanner.templates.known import Known

if TYPE_CHECKING:
    from jinja2 import nodes

# "<|im_start|>system", "<|system|>", "<<SYS>>", "[SYSTEM_PROMPT]", or the name of the role alone.
_SYSTEM: Final = re.compile(
    r"(?:^|[>\]|])\s*(?:system|developer)\s*(?:$|[\n<|])|<<sys>>|\[system\w*\]|<system>", re.IGNORECASE
)


def writes_as_system(branch: nodes.If | nodes.CondExpr, known: Known) -> bool:
    """Whether what depends on a condition opens a turn of the system, or names its role."""
    return any(_SYSTEM.search(text) for text in _texts(branch, known))


def _texts(branch: nodes.If | nodes.CondExpr, known: Known) -> Iterator[str]:
    """Texts that a branch writes or sets, not those it compares something with."""
    from jinja2 import nodes

    waiting = [child for child in branch.iter_child_nodes() if child is not branch.test]
    while waiting:
        part = waiting.pop()
        if isinstance(part, nodes.Compare | nodes.Test | nodes.If):
            waiting.extend(part.body if isinstance(part, nodes.If) else ())
            continue
        text = part.data if isinstance(part, nodes.TemplateData) else text_of(part, known)
        if text is not None:
            yield text
        key = part.arg if isinstance(part, nodes.Getitem) else None
        waiting.extend(child for child in part.iter_child_nodes() if child is not key)
