"""Reads the YAML files of probes/data as values of a type.

>>> decoded("a: 1", "numbers.yaml", dict[str, int], ScanError)
{'a': 1}
"""

from __future__ import annotations

from importlib import resources
from typing import TypeVar

import msgspec
import yaml

from scanner.errors import ScanError

T = TypeVar("T")


def data_text(name: str) -> str:
    """The text of the file of this name in probes/data."""
    return (resources.files("probes") / "data" / name).read_text("utf-8")


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
        return msgspec.convert(yaml.safe_load(text), kind, strict=strict, str_keys=str_keys)
    except (yaml.YAMLError, msgspec.ValidationError) as broken:
        raise error(f"{name}: {broken}") from broken
