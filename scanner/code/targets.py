"""What a dotted name in configuration would call, judged by the tables of calls and of pickle globals.

>>> judge_target("os.system").is_attack, judge_target("torch.optim.AdamW").is_known
(True, True)
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scanner.code.table import danger_of
from scanner.data_files import DataTable, data_text, decoded
from scanner.errors import ScanError
from scanner.pickles.globals import Tier, classify

_FILE: Final = "code_packages.yaml"
# Modules that others import, so that a name below a package that is known may lead to them.
_LED_TO: Final = frozenset(
    {"os", "posix", "nt", "sys", "subprocess", "builtins", "__builtins__", "importlib", "runpy", "shutil",
     "pty", "pickle", "marshal", "ctypes", "socket", "urllib", "webbrowser", "asyncio", "multiprocessing"}
)  # fmt: skip
# Modules of MLflow that an MLmodel names as its loader.
_FLAVOUR: Final = re.compile(r"mlflow(\.\w+)+\.load")


class CodePackagesError(ScanError):
    """The list of packages cannot be read."""


class _Table(DataTable, frozen=True):
    packages: frozenset[str]
    indirect: frozenset[str]


@dataclass(frozen=True)
class Judged:
    """What is known about a name.

    Attributes:
        is_attack: Whether calling it runs programs or code, or reaches files or the network.
        is_known: Whether it lies in a package that configuration names honestly.
        why: A clause after "which": "starts a program"; "" when nothing is known.
        tags: CWE ids.
    """

    is_attack: bool
    is_known: bool
    why: str = ""
    tags: tuple[str, ...] = ()


def judge_target(target: str) -> Judged:
    """What calling the dotted name `target` would do.

    Raises:
        CodePackagesError: when the list that comes with Weighbridge is broken.
    """
    dotted = target.strip().replace(":", ".").strip(".")
    if _FLAVOUR.fullmatch(dotted):
        return Judged(False, True)
    for path in (dotted, f"builtins.{dotted}", *_led_to(dotted)):
        danger = danger_of(path)
        if danger is not None and danger.severity.rank > 1:
            return Judged(True, False, danger.sentence.partition(", which ")[2], danger.tags)
    if dotted in _table().indirect:
        return Judged(True, False, "calls whatever another key names", ("CWE-470",))
    module, _, name = dotted.rpartition(".")
    verdict = classify(module or "builtins", name)
    if verdict.tier is Tier.ATTACK and verdict.is_listed:
        return Judged(True, False, verdict.why, ("CWE-94",))
    is_plain = verdict.tier is Tier.PLUMBING or dotted.split(".")[0] in _table().packages
    return Judged(False, is_plain)


def _led_to(dotted: str) -> Iterator[str]:
    """What a name reaches through the imports of a package: `torch.serialization.os.system` is os.system."""
    parts = dotted.split(".")
    for number, part in enumerate(parts[1:-1], start=1):
        if part in _LED_TO:
            yield ".".join(parts[number:]).replace("__builtins__", "builtins")


@functools.cache
def _table() -> _Table:
    return decoded(data_text(_FILE), _FILE, _Table, CodePackagesError)
