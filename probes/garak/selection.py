"""What is asked of garak in one scan: the profile's probes, or those that the user named.

>>> known = {"dan.STAN": KnownProbe("dan.STAN", is_active=False, tier=9, goal="disregard the system prompt")}
>>> choose("dan.STAM", known, {}, 5).unknown["dan.STAM"]
"garak has no probe or module 'dan.STAM'; did you mean 'dan.STAN'?"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from probes.garak.profiles import GarakDataError, module_of
from scanner.registry import nearest

_PREFIX = "probes."


@dataclass(frozen=True)
class KnownProbe:
    """A probe that the installed garak has.

    Attributes:
        name: "dan.AutoDANCached".
        is_active: Whether garak runs it by default.
        tier: How much a weakness matters: 1, 2, 3, or 9.
        goal: What the attack wants, as an imperative.
    """

    name: str
    is_active: bool
    tier: int
    goal: str = ""


@dataclass(frozen=True)
class Selection:
    """What is asked for.

    Attributes:
        caps: Most prompts by probe, in the order in which they are put.
        unknown: Names that mean nothing, with what to do about it.
    """

    caps: Mapping[str, int]
    unknown: Mapping[str, str] = field(default_factory=dict)


class _InventoryEntry(msgspec.Struct):
    active: bool
    tier: int = 9
    goal: str = ""


class _InventoryFile(msgspec.Struct):
    probes: dict[str, _InventoryEntry]


def read_inventory(path: Path) -> dict[str, KnownProbe]:
    """Every probe of the installed garak by name, from its own list; garak is not imported.

    Raises:
        GarakDataError: when the list cannot be read.
    """
    try:
        listed = msgspec.json.decode(path.read_bytes(), type=_InventoryFile).probes
    except (OSError, msgspec.DecodeError) as error:
        raise GarakDataError(f"garak's own list {path.name}: {error}", hint="install garak afresh") from error
    names = {entry.removeprefix(_PREFIX): found for entry, found in listed.items()}
    return {
        name: KnownProbe(name, found.active, found.tier, found.goal)
        for name, found in names.items()
        if module_of(name) != "base"
    }


def choose(
    wanted: str, known: Mapping[str, KnownProbe], profile_caps: Mapping[str, int], cap: int
) -> Selection:
    """The probes to put.

    Args:
        wanted: What the user named, "dan.STAN,encoding"; a module means its active probes, or all of
            them when none is active. "" means the profile's.
        known: What there is.
        profile_caps: The profile's probes.
        cap: Most prompts of each probe that the user named.
    """
    names = [name for name in (part.strip() for part in wanted.split(",")) if name]
    if not names:
        unknown = {name: _no_such(name, known) for name in profile_caps if name not in known}
        return Selection({name: most for name, most in profile_caps.items() if name in known}, unknown)
    caps: dict[str, int] = {}
    unknown = {}
    for name in names:
        found = [name] if name in known else _of_module(name, known)
        caps |= dict.fromkeys(found, cap)
        if not found:
            unknown[name] = _no_such(name, known)
    return Selection(caps, unknown)


def _of_module(name: str, known: Mapping[str, KnownProbe]) -> list[str]:
    members = [probe for probe in known.values() if module_of(probe.name) == name]
    active = [probe for probe in members if probe.is_active]
    return [probe.name for probe in active or members]


def _no_such(name: str, known: Mapping[str, KnownProbe]) -> str:
    names = [*known, *dict.fromkeys(module_of(probe) for probe in known)]
    return f"garak has no probe or module '{name}'{nearest(name, names)}"
