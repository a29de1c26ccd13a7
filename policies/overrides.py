"""A fleet's policy: what its section `models` says differently for the models whose reference fits.

>>> from scanner.references import ModelRef
>>> fitting(["hf://deepseek-ai/*", "hf://qwen/*"], ModelRef.parse("hf://deepseek-ai/DeepSeek-R1@main"))
['hf://deepseek-ai/*']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.documents import Document
from scanner.references import ModelRef

_KEY_BY_KEY: Final = ("organisation", "licence", "thresholds")


def fitting(patterns: Iterable[str], ref: ModelRef) -> list[str]:
    """The patterns that fit a reference, with or without its revision; case does not matter.

    A hub takes a name in any case, so a pattern that minded it could be walked around.
    """
    names = {ref.text.casefold(), f"{ref.scheme}://{ref.location}".casefold()}
    return [pattern for pattern in patterns if any(fnmatchcase(name, pattern.casefold()) for name in names)]


def for_model(own: Document, default: Document, ref: ModelRef | None) -> tuple[Document, tuple[str, ...]]:
    """The file as it is for one model, and the patterns that were applied, in the order of the file.

    Under `organisation`, `licence` and `thresholds` single keys are replaced, under `gate` single rules by
    their id; every other key is replaced whole. What the file itself leaves out is the default's.
    """
    models: Any = own.data.get("models", {})
    applied = fitting(models, ref) if ref is not None else []
    data = dict(own.data)
    for pattern in applied:
        for key, value in models[pattern].items():
            data[key] = _laid_over(key, data.get(key, _base(key, default)), value)
    return replace(own, data=data), tuple(applied)


def _base(key: str, default: Document) -> Any:  # noqa: ANN401 - the YAML edge
    """What a key stands for while a file says nothing about it."""
    if key == "gate":
        return {"extends": "weighbridge-default", "rules": []}
    return default.data.get(key)


def _laid_over(key: str, base: Any, value: Any) -> Any:  # noqa: ANN401 - the YAML edge
    if key in _KEY_BY_KEY:
        return {**(base or {}), **value}
    if key == "gate":
        return {**base, **value, "rules": _rules(base["rules"], value["rules"])}
    return value


def _rules(base: list[Mapping[str, Any]], over: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The base's rules, those with an id given again replaced, and the new ones behind them."""
    replaced = {rule["id"] for rule in over}
    return [rule for rule in base if rule["id"] not in replaced] + over
