r"""Names under which a file has functions and modules of others that can do harm, for who imports it.

Found in the text, without parsing, as imports are: one file that cannot be parsed hinders no other.

>>> handed_on_in(b"from os import system as loads, path\nimport subprocess as q")
{'loads': 'os.system', 'q': 'subprocess'}
"""

from __future__ import annotations

import re
from typing import Final

from scanner.code.import_texts import COMMENT, FROM, IMPORT
from scanner.code.names import GATES
from scanner.code.table import rows_for

# `system as loads`, `os as o`. Of one file; a file of transformers imports a few hundred names.
_NAMED: Final = re.compile(rb"([\w.\x80-\xff]{1,300})(?:[\s\\]{1,300}as[\s\\]{1,300}([\w\x80-\xff]{1,300}))?")
_LIMIT: Final = 3000


def handed_on_in(source: bytes) -> dict[str, str]:
    """Full names by local name, of those that the table knows and of modules that lead to anything."""
    found: dict[str, str] = {}
    for match in FROM.finditer(source):
        if not match[1]:
            module = _text(match[2])
            _take(found, COMMENT.sub(b"", match[3]).split(b","), f"{module}.")
    for match in IMPORT.finditer(source):
        _take(found, match[1].split(b","), "")
    return found


def _take(found: dict[str, str], parts: list[bytes], before: str) -> None:
    for part in parts:
        match = _NAMED.search(part)
        if match is None or len(found) >= _LIMIT:
            continue
        name, local = _text(match[1]), _text(match[2] or match[1])
        whole = before + name
        if "." not in local and (whole in GATES or rows_for(whole) or rows_for(f"{whole}.x")):
            found[local] = whole


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
