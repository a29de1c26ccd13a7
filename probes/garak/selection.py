"""What is asked of garak in one scan: the profile's probes, or those that the user named.

>>> known = {"dan.STAN": KnownProbe("dan.STAN", is_active=False, tier=9, goal="disregard the system prompt")}
>>> choose("dan.STAM", known, {}, Profile.QUICK, 5).unknown["dan.STAM"]
"garak has no probe or module 'dan.STAM'; did you mean 'dan.STAN'?"
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from probes.garak.profiles import GarakDataError, module_of
from probes.garak.taxonomy import owasp_tags
from scanner.check import Profile
from scanner.registry import nearest

_PREFIX = "probes."
_TAG = "tag:"
_WHOLE = ".*"


@dataclass(frozen=True)
class KnownProbe:
    """A probe that the installed garak has.

    Attributes:
        name: "dan.AutoDANCached".
        is_active: Whether garak runs it by default.
        tier: How much a weakness matters: 1, 2, 3, or 9.
        goal: What the attack wants, as an imperative.
        tags: garak's own, "quality:Security:PromptStability".
        primary: The detector that judges it, "" where garak chooses one per intent.
    """

    name: str
    is_active: bool
    tier: int
    goal: str = ""
    tags: tuple[str, ...] = ()
    primary: str = ""


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
    tags: tuple[str, ...] = ()
    primary_detector: str | None = None


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
        name: KnownProbe(name, found.active, found.tier, found.goal, found.tags, found.primary_detector or "")
        for name, found in names.items()
        if module_of(name) != "base"
    }


def choose(
    wanted: str,
    known: Mapping[str, KnownProbe],
    profile_caps: Mapping[Profile, Mapping[str, int]],
    profile: Profile,
    cap: int,
    *,
    scaffolding: Collection[str] = (),
) -> Selection:
    """The probes to put.

    Args:
        wanted: What the user named, separated by commas: a probe ("dan.STAN"); a module, meaning its
            active probes, or all of them when none is active; "dan.*" for all of them; "active"; "all";
            a profile; or a tag, garak's own or an OWASP id ("tag:quality:Security",
            "tag:OWASP-LLM01:2025"), which also means the tags below it. "" means the profile's probes.
        known: What there is.
        profile_caps: The probes of every profile.
        profile: The profile of this scan.
        cap: Most prompts of each probe that the user named.
        scaffolding: Modules that "all" and tags leave out.
    """
    names = [name for name in (part.strip() for part in wanted.split(",")) if name]
    if not names:
        caps = profile_caps[profile]
        unknown = {name: _no_such(name, known) for name in caps if name not in known}
        return Selection({name: most for name, most in caps.items() if name in known}, unknown)
    chosen: dict[str, int] = {}
    unknown = {}
    for name in names:
        found = _meant(name, known, profile_caps, scaffolding)
        chosen |= dict.fromkeys(found, cap)
        if not found:
            unknown[name] = _no_such(name, known)
    return Selection(chosen, unknown)


def _meant(
    name: str,
    known: Mapping[str, KnownProbe],
    profile_caps: Mapping[Profile, Mapping[str, int]],
    scaffolding: Collection[str],
) -> list[str]:
    """The probes that one name means; none when it means nothing."""
    earnest = [probe for probe in known.values() if module_of(probe.name) not in scaffolding]
    if name in known:
        return [name]
    if name == "all":
        return [probe.name for probe in earnest]
    if name == "active":
        return [probe.name for probe in earnest if probe.is_active]
    if name.startswith(_TAG):
        return [probe.name for probe in earnest if _has_tag(probe, name.removeprefix(_TAG))]
    if name in {profile.value for profile in Profile}:
        return [probe for probe in profile_caps[Profile(name)] if probe in known]
    return _of_module(name, known)


def _has_tag(probe: KnownProbe, wanted: str) -> bool:
    """Whether a probe bears the tag, or one below it."""
    tags = [tag.casefold() for tag in (*probe.tags, *owasp_tags(probe.name))]
    wanted = wanted.casefold()
    return any(tag == wanted or tag.startswith(f"{wanted}:") for tag in tags)


def _of_module(name: str, known: Mapping[str, KnownProbe]) -> list[str]:
    module = name.removesuffix(_WHOLE)
    members = [probe for probe in known.values() if module_of(probe.name) == module]
    active = [] if name.endswith(_WHOLE) else [probe for probe in members if probe.is_active]
    return [probe.name for probe in active or members]


def _no_such(name: str, known: Mapping[str, KnownProbe]) -> str:
    if name.startswith(_TAG):
        tags = {tag for probe in known.values() for tag in (*probe.tags, *owasp_tags(probe.name))}
        wanted = name.removeprefix(_TAG)
        return f"no probe of garak has the tag '{wanted}'{nearest(wanted, sorted(tags))}"
    names = [*known, *dict.fromkeys(module_of(probe) for probe in known)]
    return f"garak has no probe or module '{name}'{nearest(name, names)}"
