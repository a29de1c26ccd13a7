r"""How imports look in the text of a file that is not parsed.

>>> [match[2] for match in FROM.finditer(b"from os import path")]
[b'os']
"""

from __future__ import annotations

import re
from typing import Final

# Possessive and bounded, because a hostile file may hold a million starts of statements.
_BLANK: Final = rb"(?:[ \t\f]*+\\\r?\n){0,30}+[ \t\f]*+"
_START: Final = rb"(?:^|[;:\r])" + _BLANK
SIGN: Final = rb"[\w\x80-\xff]"
_MODULE: Final = rb"(\.{0,20})" + _BLANK + rb"([\w.\x80-\xff]{0,300})" + _BLANK
_IN_BRACKETS: Final = rb"\((?:[\w\x80-\xff,\s\\]++|#[^\n]{0,1000}+\n)*+\)"
_ON_A_LINE: Final = rb"(?:[^#\r\n;\\]|\\\r?\n)*+"
FROM: Final = re.compile(
    _START + rb"from(?!\w)" + _BLANK + _MODULE + rb"import(?!\w)" + _BLANK
    + rb"(" + _IN_BRACKETS + rb"|" + _ON_A_LINE + rb")",
    re.MULTILINE,
)  # fmt: skip
IMPORT: Final = re.compile(_START + rb"import(?!\w)((?:[\w\x80-\xff., \t\f]|\\\r?\n)++)", re.MULTILINE)
COMMENT: Final = re.compile(rb"#[^\n]*")
