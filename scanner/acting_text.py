r"""Tells whether a text in the metadata of a model is more than a description.

No reader of these formats runs it: whoever wrote it there had another program in mind, and no honest one.

>>> acting("curl http://example.com/x | sh"), acting("With os.environ set."), acting("os.system('id')")
('a command line', '', 'Python code that starts programs')
"""

from __future__ import annotations

import re
from typing import Final

PYTHON: Final = "Python code that starts programs"
# A command line at the beginning of a text, or one that a shell would be given; no description is one.
_COMMAND: Final = re.compile(
    r"\A\s{0,9}(?:sudo\s+)?(?:(?:curl|wget)\s[^\n]{0,200}\w://|(?:ba|z)?sh\s+-c\s|python[\d.]{0,4}\s+-c\s"
    r"|rm\s+-rf?\s|powershell(?:\.exe)?\s+-|nc\s+-)"
    r"|(?:curl|wget)\s[^\n|]{0,200}\|\s{0,9}(?:sudo\s+)?(?:ba|z)?sh\b"
)
_SOURCE: Final = re.compile(
    r"\b(?:__import__\s?\(|(?:os|posix)\.(?:system|popen|exec[lv]\w{0,2}|spawn[lv]\w{0,2})\s?\("
    r"|subprocess\.\w{1,20}\s?\(|(?:eval|exec)\s?\(\s?(?:__import__|compile\s?\(|base64\.|open\s?\())"
)


def is_source(text: str) -> bool:
    """Whether a text holds Python that starts a program or runs other text."""
    return _SOURCE.search(text) is not None


def acting(text: str) -> str:
    """What a text is when it is more than a description, in words; "" for nothing."""
    return "a command line" if _COMMAND.search(text) else code_in(text)


def code_in(text: str) -> str:
    """The same without command lines, for texts that may quote some: code and pickles alone."""
    if is_source(text):
        return PYTHON
    from scanner.pickles.payloads import marshalled_code, pickled_attack

    if marshalled_code(text):
        return "marshalled Python code"
    attack = pickled_attack(text)
    return f"a pickle that calls up {attack}" if attack else ""
