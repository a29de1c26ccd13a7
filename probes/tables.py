r"""Identifiers in the cells of a table, by the words in its head: "name,ssn" over "Jane Roe,536-22-1234".

>>> text = "id,mrn\n1,00451239\n2,00451240\n"
>>> [text[hit.start:hit.end] for hit in find_in_tables(text, names=False)]
['00451239', '00451240']
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Final

from probes.identifier_rules import Rule, RuleHit, load_rules
from probes.identifiers import load_identifiers

_SEPARATORS: Final = ",\t;|"
_FEWEST_COLUMNS: Final = 2
_LONGEST_HEAD: Final = 2_000


def find_in_tables(text: str, *, names: bool) -> Iterator[RuleHit]:
    """Hits in rows that follow a head with a known label and have as many separators as it has."""
    head: Mapping[int, Rule] = {}
    separator, count, place = "", 0, 0
    for line in text.splitlines(keepends=True):
        if head and line.count(separator) >= count:
            yield from _cells(line, separator, head, place, names)
        else:
            separator = _separator(line)
            count = line.count(separator) if separator else 0
            head = _head(line, separator) if count + 1 >= _FEWEST_COLUMNS else {}
        place += len(line)


def _cells(line: str, separator: str, head: Mapping[int, Rule], place: int, names: bool) -> Iterator[RuleHit]:
    kinds = load_identifiers().kinds
    for column, cell in enumerate(line.rstrip("\r\n").split(separator)):
        rule = head.get(column)
        if rule is not None and (names or kinds[rule.row.kind].is_structured):
            found = rule.column.fullmatch(cell) if rule.column else None
            if found is not None:
                start, end = found.span("value")
                yield RuleHit(place + start, place + end, rule.row.kind, rule.row.score)
        place += len(cell) + 1


def _separator(line: str) -> str:
    """The sign between a line's cells, "" when it is no head: a head has no digits and no sentence."""
    if len(line) > _LONGEST_HEAD or re.search(r"[\d.!?{}()]", line):
        return ""
    return max(_SEPARATORS, key=line.count) if any(sign in line for sign in _SEPARATORS) else ""


def _head(line: str, separator: str) -> dict[int, Rule]:
    labels = _labels()
    cells = [" ".join(re.split(r"[\s_\"'-]+", cell.lower())).strip() for cell in line.split(separator)]
    return {place: labels[cell] for place, cell in enumerate(cells) if cell in labels}


@functools.cache
def _labels() -> Mapping[str, Rule]:
    rules = [rule for labelled in load_rules().labelled.values() for rule in labelled]
    return {label: rule for rule in rules for label in rule.labels}
