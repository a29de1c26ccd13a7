"""One way in which a GGUF file breaks its format.

>>> GgufFault("GGUF-DIMS", "'w' has 9 dimensions", "tensor w").code
'GGUF-DIMS'
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GgufFault:
    """A code, a sentence, and where."""

    code: str
    message: str
    place: str = ""


def shown(text: str) -> str:
    """A name from a file, shortened and without characters that could garble a terminal."""
    return text[:80] if text.isprintable() else text.encode("unicode_escape").decode("ascii")[:80]
