"""What one scan asks of garak: settings and profile, turned into orders.

>>> cost_of(Profile.STANDARD).questions > 3_000
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probes.garak import surface
from probes.garak.controls import load_controls
from probes.garak.counts import count_of
from probes.garak.local_models import LocalModels, find_models, needs, ruled_out
from probes.garak.messages import MintOrder
from probes.garak.profiles import ProfileData, load_profiles
from probes.garak.selection import KnownProbe, Selection, choose, read_inventory
from scanner.check import CheckContext, Cost, Profile
from scanner.errors import ScanError

PROBES_SETTING = "garak.probes"
PROMPTS_SETTING = "garak.prompts"
MODELS_SETTING = "garak.detector_models"


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        data: Profiles, and what is known of the detectors.
        known: Every probe of the installed garak.
        selection: What was asked for.
        absent: What a selected probe would need that is not here.
        orders: The other ones, the gravest first.
        models: Local copies of hub models.
    """

    data: ProfileData
    known: Mapping[str, KnownProbe]
    selection: Selection
    absent: Mapping[str, str]
    orders: tuple[MintOrder, ...]
    models: LocalModels


def make_plan(context: CheckContext) -> Plan:
    """The plan of a scan.

    Raises:
        ScanError: when a setting is wrong.
        GarakDataError: when a data file is broken.
        UnsupportedGarakError: when garak's own list of probes is not where it should be.
    """
    data = load_profiles()
    known = read_inventory(surface.inventory_path())
    models = find_models(context.settings.get(MODELS_SETTING, ""), data)
    selection = _select(context, data, known)
    lacks = {probe: needs(data, probe, models.found) for probe in selection.caps}
    profile = data.profiles[context.profile]
    without = ruled_out(data, models.found)
    orders = [
        MintOrder(probe, cap, context.seed, profile.reply_tokens, profile.is_greedy, without)
        for probe, cap in selection.caps.items()
        if not lacks[probe]
    ]
    return Plan(
        data,
        known,
        selection,
        {probe: lack for probe, lack in lacks.items() if lack},
        tuple(sorted(orders, key=lambda order: known[order.probe].tier)),
        models,
    )


def _select(context: CheckContext, data: ProfileData, known: Mapping[str, KnownProbe]) -> Selection:
    """What the user named, or the profile's probes.

    Raises:
        ScanError: when the number of prompts is not one.
    """
    prompts = context.settings.get(PROMPTS_SETTING, "")
    if prompts and not (prompts.isascii() and prompts.isdigit() and int(prompts) > 0):
        raise ScanError(f"setting {PROMPTS_SETTING}: '{prompts}' is not a number of prompts, 1 or more")
    caps = {profile: data.requested(profile) for profile in Profile}
    if prompts:
        caps = {profile: dict.fromkeys(probes, int(prompts)) for profile, probes in caps.items()}
    return choose(
        context.settings.get(PROBES_SETTING, ""),
        known,
        caps,
        context.profile,
        int(prompts or data.profiles[context.profile].prompts_per_probe),
        scaffolding=data.scaffolding,
    )


def cost_of(profile: Profile) -> Cost:
    """What a profile asks of the model on this machine alone, controls included."""
    data, controls = load_profiles(), load_controls()
    asked = {probe: cap for probe, cap in data.requested(profile).items() if not data.needs(probe)}
    prompts = sum(_most(probe, cap) for probe, cap in asked.items())
    questions = sum(len(family.questions) for family in controls.of(asked).values())
    return Cost(prompts, prompts * data.profiles[profile].reply_tokens) + Cost(
        questions, questions * controls.reply_tokens
    )


def _most(probe: str, cap: int) -> int:
    """How many prompts a probe comes to; the cap for one that was not counted."""
    counted = count_of(probe)
    return cap if counted is None else min(cap, counted.prompts)
