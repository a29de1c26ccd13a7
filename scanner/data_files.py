"""Reads the YAML files that come with the program as values of a type.

>>> decoded("a: 1", "numbers.yaml", dict[str, int], ScanError)
{'a': 1}
"""

from __future__ import annotations

from importlib import resources
from typing import Final, TypeVar

import msgspec
import yaml

from scanner.errors import ScanError

T = TypeVar("T")
# libyaml reads ten times as fast, and every process that checks files reads these tables anew.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DataTable(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What every table says of itself, before its rows.

    Attributes:
        title: What it lists.
        version: Counted up with every change.
        retrieved: The day when its sources were read.
        licence: Of the table.
        source: Where the rows are from.
    """

    title: str
    version: int
    retrieved: object
    licence: str
    source: str


def data_text(name: str) -> str:
    """The text of the file of this name in scanner/data."""
    return (resources.files("scanner") / "data" / name).read_text("utf-8")


def decoded(
    text: str,
    name: str,
    kind: type[T],
    error: type[ScanError],
    *,
    strict: bool = True,
    str_keys: bool = False,
) -> T:
    """What a YAML text holds, as a value of `kind`.

    Args:
        text: The text.
        name: Of its file, for errors.
        kind: The type.
        error: What is raised.
        strict: Whether "1" is no number, as msgspec has it.
        str_keys: Whether keys stand for numbers.

    Raises:
        ScanError: of the type given, when it is no YAML or a key is missing, unknown or of the wrong type.
    """
    try:
        value = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
        return msgspec.convert(value, kind, strict=strict, str_keys=str_keys)
    except (yaml.YAMLError, msgspec.ValidationError) as broken:
        raise error(f"data file {name}: {broken}", hint="reinstall Weighbridge") from broken
