r"""Text inside Markdown: what models and files say is shown as it is, and formats or links nothing.

>>> inline("a|b <b> @all `x` https://example.org")
'a&#124;b &lt;b&gt; &#64;all &#96;x&#96; https&#58;//example.org'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from reports.glyphs import visible

# As entities these are never read as mark-up, mentions, references or addresses.
_MARKS: Final = {ord(mark): f"&#{ord(mark)};" for mark in "\\`*_{}[]|@#~!:$"}
_HTML: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_WWW: Final = re.compile(r"(www)\.", re.IGNORECASE)
_FENCE: Final = re.compile(r"`{3,}")


def inline(text: str) -> str:
    """`text` on one line, every character standing for itself."""
    shown = visible(" ".join(text.split())).translate(_HTML | _MARKS)
    # An address without a scheme is made a link by its first word.
    return _WWW.sub(r"\1&#46;", shown)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; "" without a row."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    head = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return "\n".join([*head, *lines]) + "\n"


def fenced(text: str, language: str = "") -> str:
    """`text` as a block of code, however many backticks it holds."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}\n"


def folded(title: str, body: str) -> str:
    """A block that is opened by clicking its title; both are Markdown already."""
    return f"<details><summary>{title}</summary>\n\n{body}\n</details>\n"
