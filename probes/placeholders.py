"""What has the form of an identifier and is none: reserved examples, versions, addresses of no machine.

>>> is_real("torch==2.10.0.1", 7, 15, "IP_ADDRESS", 0.9)
False
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from probes.identifiers import load_identifiers

# What stands in front of four numbers that are a version.
_VERSION_BEFORE: Final = re.compile(
    r"(?:[=<>~!]=|[<>~]|\b(?:v|version|release|build|driver|linux|kernel|section|table|cuda|cudnn|python|torch|"
    r"transformers)|§)[-: v]{0,2}\Z",
    re.IGNORECASE,
)
# RFC 4291, section 2.4; netmasks and unassigned space lie outside.
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")


def is_real(text: str, start: int, end: int, kind: str, score: float) -> bool:
    """Whether text[start:end] is more than a placeholder of its kind or a number that only has the form."""
    value = text[start:end]
    if any(pattern.search(value) for pattern in _placeholders().get(kind, ())):
        return False
    if kind == "IP_ADDRESS":
        return _is_routable(value) and not _is_version(text, start, end)
    if kind == "PHONE_NUMBER":
        return _is_telephone(value, score)
    return True


def _is_telephone(value: str, score: float) -> bool:
    if re.fullmatch(r"\d+[.,]\d+", value):
        return False
    # Ten digits in a row are a count or an id unless a word beside them or a plus sign says otherwise.
    return score > 0.5 or value.lstrip().startswith("+") or bool(re.search(r"\d[ ().-]+\d", value))


def _is_version(text: str, start: int, end: int) -> bool:
    """Whether the four numbers are a program's version: "torch==2.10.0.1", "CUDA 12.1.105.0"."""
    return _VERSION_BEFORE.search(text, 0, start) is not None or text[end : end + 1] == "-"


def _is_routable(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    # Short forms such as "::" or "1.2.3.4" are more often code and version numbers than addresses.
    if address.version == 6:
        return address.is_global and address in _GLOBAL_UNICAST and value.count(":") >= 4
    return address.is_global and value != "1.2.3.4"


@functools.cache
def _placeholders() -> Mapping[str, tuple[re.Pattern[str], ...]]:
    rows = load_identifiers().placeholders
    return {
        kind: tuple(re.compile(row.expression, re.IGNORECASE) for row in rows if row.kind == kind)
        for kind in {row.kind for row in rows}
    }
