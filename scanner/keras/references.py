"""Judges functions that a configuration names by texts instead of objects: `{"fn": "get_file"}`.

>>> [subject for subject, _ in references({"fn_module": "subprocess", "fn": "relu"})]
['subprocess.relu', 'subprocess']
>>> list(references({"fn": "mean_squared_error", "name": "loss"}))
[]

Source: tf_keras 2.15, tf_keras/src/layers/core/lambda_layer.py (`module`, `function_type`); keras 3.15.1,
keras/src/losses/losses.py (`fn`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from scanner.keras.names import judge_name
from scanner.pickles.globals import Tier, Verdict, classify

_FUNCTION_KEYS: Final = (
    "fn",
    "fn_name",
    "function",
    "function_name",
    "func",
    "callable",
    "output_shape",
    "mask",
)
_MODULE_KEYS: Final = (
    "module", "fn_module", "function_module", "module_name", "output_shape_module", "mask_module",
    "arguments_module",
)  # fmt: skip
# Keys whose texts are looked up as functions or classes, alone, in lists, or by the name of an output.
_IDENTIFIER_KEYS: Final = ("activation", "recurrent_activation", "loss", "metrics", "weighted_metrics")
_NAME: Final = re.compile(r"([\w.:-]+>)?[^\W\d]\w*(\.[^\W\d]\w*)*")
# Where the user's functions lie, and parts of the standard library that only compute.
_HARMLESS_MODULES: Final = frozenset(
    {"__main__", "builtins", "math", "cmath", "numbers", "typing", "functools"}
)
_LONGEST_NAME: Final = 300


def is_name(text: str) -> bool:
    """Whether this could name a function, with its modules and the package it is registered under."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def references(table: Mapping[str, object]) -> Iterator[tuple[str, Verdict]]:
    """Every function, class or module that a table names by texts and that is no part of Keras."""
    held = [table.get(key) for key in _MODULE_KEYS]
    modules = [text for text in held if isinstance(text, str) and is_name(text)]
    module = next((text for text in modules if text not in _HARMLESS_MODULES), "")
    for key in _FUNCTION_KEYS:
        text = table.get(key)
        if isinstance(text, str) and is_name(text):
            yield from _judged(module, text)
    for key in _IDENTIFIER_KEYS:
        for text in _names_in(table.get(key)):
            yield from _judged("", text)
    for text in modules:
        if text not in _HARMLESS_MODULES and (
            text.split(".")[0] in sys.stdlib_module_names or _is_listed(text)
        ):
            yield text, Verdict(Tier.ATTACK, "no model needs this module")


def _judged(module: str, text: str) -> Iterator[tuple[str, Verdict]]:
    inner, _, name = text.rpartition(".")
    where = ".".join(part for part in (module, inner) if part)
    verdict = judge_name(where or None, name, is_function=True)
    if verdict.tier is not Tier.PLUMBING:
        yield f"{where}.{name}" if where else name, verdict


def _is_listed(module: str) -> bool:
    """Whether the table of pickles counts everything in this module as an attack."""
    verdict = classify(module, "Anything")
    return verdict.tier is Tier.ATTACK and verdict.is_listed


def _names_in(held: object) -> Iterator[str]:
    """The names in a text, a list, or a table of names by output; nothing deeper."""
    values = list(held.values()) if isinstance(held, dict) and "class_name" not in held else held
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, list):
            yield from (inner for inner in value if isinstance(inner, str))
        elif isinstance(value, str):
            yield value
