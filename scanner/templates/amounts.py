"""How much text a value of a template holds at most, and what filters and methods make of it.

>>> joined(Amount(3, 3), Amount(10, 10)).length
23
>>> padding("%*d and %.9f", [500, 1])
509
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

# No text is measured further: what is longer is enormous.
_COUNTED: Final = 10**18
_FIELD: Final = re.compile(r"%(?:\(\w*\))?[-+ #0]*(\*|\d+)?(?:\.(\*|\d+))?[a-zA-Z]")
_NAMED_FIELD: Final = re.compile(r"%\(|\{\w")
_DIGITS: Final = 18
# How much longer a text becomes that is written so once more: signs that were escaped are escaped again.
_ESCAPING: Final[Mapping[str, int]] = {"tojson": 2, "pprint": 2, "urlencode": 3, "forceescape": 5}
_WIDENING: Final = frozenset({"center", "ljust", "rjust", "zfill", "batch", "slice"})
# Lines and tabs that a text has at most, against its letters.
_INDENTING: Final[Mapping[str, int]] = {"indent": 10, "tojson": 10, "expandtabs": 1}


@dataclass(frozen=True)
class Amount:
    """How much a value holds at most.

    Attributes:
        length: Characters of it when it is written; bounded.
        items: Of a list its parts, of a text its characters.
        is_said: Whether the conversation takes part in it, so that what it holds is not the template's.
        changes: What was replaced in it, or how it was escaped.
    """

    length: int
    items: int
    is_said: bool = False
    changes: frozenset[str] = frozenset()


NONE: Final = Amount(0, 0)
# Of which the template tells nothing: a message, a list of tools.
UNKNOWN: Final = Amount(200, 20, is_said=True)


def text_amount(length: int) -> Amount:
    """That of a text of the template."""
    return Amount(length, length)


def together(parts: Iterable[Amount]) -> Amount:
    """That of all parts one after the other."""
    return _merged(list(parts), sum)


def largest(parts: Iterable[Amount]) -> Amount:
    """That of whichever part is the largest."""
    held = list(parts)
    if held and all(part is held[0] for part in held):
        return held[0]
    return _merged(held, lambda sizes: max(sizes, default=0))


def repeated(amount: Amount, times: int) -> Amount:
    """That of a text or list taken so often."""
    length, items = (min(_COUNTED, size * max(0, times)) for size in (amount.length, amount.items))
    return replace(amount, length=length, items=items)


def joined(amount: Amount, glue: Amount) -> Amount:
    """That of the parts of a list, or the letters of a text, with glue between them."""
    length = min(_COUNTED, amount.length + max(0, amount.items - 1) * glue.length)
    return Amount(length, length, amount.is_said or glue.is_said, amount.changes | glue.changes)


def swapped(amount: Amount, old: str | None, new: Amount) -> Amount:
    """That of a text with one piece replaced by another.

    What somebody said holds the piece a few times, so escaping one sign after the other makes it no larger;
    when the same piece is replaced again, it is in what the last replacement wrote.
    """
    key = f"replace {old}"
    changes = amount.changes | {key}
    if amount.is_said and key not in amount.changes:
        return together([replace(amount, changes=changes), new])
    times = max(1, new.length // max(1, len(old or "")))
    return replace(repeated(amount, times), changes=changes)


def filled(pattern: Amount, text: str | None, given: Sequence[Amount], numbers: Sequence[int]) -> Amount:
    """That of a format with its arguments; `text` is the format where it is known."""
    fields = max(1, text.count("%"), text.count("{")) if text and _NAMED_FIELD.search(text) else 1
    arguments = repeated(largest(given), fields) if fields > 1 else together(given)
    return together([pattern, arguments, text_amount(padding(text or "", numbers))])


def padding(text: str, numbers: Sequence[int]) -> int:
    """Widths and digits that a format asks for, itself or by a number it is given."""
    asked = [each for field in _FIELD.findall(text) for each in field if each]
    given = max((abs(number) for number in numbers), default=0)
    return min(_COUNTED, sum(given if each == "*" else int(each[:_DIGITS]) for each in asked))


def widened(name: str, amount: Amount, number: int) -> Amount:
    """What a filter or method makes of a text that does nothing but escape, indent or pad it."""
    if name in _WIDENING:
        return together([amount, text_amount(number)])
    if name in _ESCAPING:
        times = _ESCAPING[name] if name in amount.changes else 1
        amount = replace(repeated(amount, times), changes=amount.changes | {name})
    if name in _INDENTING:
        return together([amount, text_amount(amount.length // _INDENTING[name] * number)])
    return amount


def _merged(parts: list[Amount], how: Callable[[list[int]], int]) -> Amount:
    length = min(_COUNTED, how([part.length for part in parts]))
    items = min(_COUNTED, how([part.items for part in parts]))
    changes = frozenset[str]().union(*(part.changes for part in parts))
    return Amount(length, items, any(part.is_said for part in parts), changes)
