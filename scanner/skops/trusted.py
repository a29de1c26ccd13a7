"""Which types skops builds without being told to trust them, as it lists them itself.

>>> is_trusted("sklearn.linear_model._logistic.LogisticRegression"), is_trusted("os.system")
(True, False)
"""

from __future__ import annotations

import functools
from typing import Final

from scanner.data_files import DataTable, data_text, decoded
from scanner.errors import ScanError

_FILE: Final = "skops_types.yaml"


class SkopsTypesError(ScanError):
    """The list of types cannot be read."""


class _Table(DataTable, frozen=True):
    types: dict[str, list[str]]


def is_trusted(path: str) -> bool:
    """Whether skops builds the type of this full name by itself.

    Raises:
        SkopsTypesError: when the list that comes with Weighbridge is broken.
    """
    return path in _types()


@functools.cache
def _types() -> frozenset[str]:
    table = decoded(data_text(_FILE), _FILE, _Table, SkopsTypesError)
    return frozenset(f"{module}.{name}" for module, names in table.types.items() for name in names)
