"""Which probes a scan puts to a model, how many prompts of each, and how far garak's detectors are trusted.

>>> quick = load_profiles().profiles[Profile.QUICK]
>>> sum(quick.probes.values()) <= 60
True
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.data_files import data_text, decoded
from scanner.check import Profile
from scanner.errors import ScanError
from scanner.findings import Confidence, Severity

PROFILES_FILE = "garak_profiles.yaml"


class GarakDataError(ScanError):
    """A data file of this adapter is broken."""


@dataclass(frozen=True)
class ProfileEntry:
    """One profile, as the file has it; see `garak_profiles.yaml`."""

    reply_tokens: int
    prompts_per_probe: int
    is_greedy: bool
    groups: tuple[str, ...]
    probes: Mapping[str, int]


@dataclass(frozen=True)
class DetectorTrust:
    """How sure a hit of a detector makes us.

    Attributes:
        confidence: Of a finding that rests on it.
        caution: What it mistakes for a hit, as the end of a sentence; "" when nothing is known.
    """

    confidence: Confidence = Confidence.MEDIUM
    caution: str = ""


@dataclass(frozen=True)
class ProfileData:
    """The file `garak_profiles.yaml`.

    Attributes:
        garak: Version of garak the lists were made with.
        hit_score: A detector's score from which on a reply is a hit, in 0..1.
        tolerated_rate: Share of hits up to which single hits count as isolated, in 0..1.
        severity_of_tier: Severity by garak's tier (1, 2, 3, 9).
        profiles: By profile.
        groups: Lists of probes that profiles share.
        unavailable_probes: What a probe, or a whole module, would need.
        unavailable_detectors: Detectors, or whole modules of them, that cannot load offline.
        refusal_detectors: Detectors that take whatever is no refusal for a hit.
        hub_models: By id of a model on the Hugging Face Hub, the settings of garak that name it.
        models_of_probe: Hub models that are all a probe, or a whole module, lacks.
        scaffolding: Modules that try garak itself out; asked only when named.
        detectors: Trust by detector, where there is something to say.
    """

    garak: str
    source: str
    retrieved: datetime.date
    licence: str
    hit_score: float
    tolerated_rate: float
    severity_of_tier: Mapping[int, Severity]
    profiles: Mapping[Profile, ProfileEntry]
    groups: Mapping[str, tuple[str, ...]]
    unavailable_probes: Mapping[str, str]
    unavailable_detectors: tuple[str, ...]
    refusal_detectors: tuple[str, ...]
    hub_models: Mapping[str, tuple[str, ...]]
    models_of_probe: Mapping[str, tuple[str, ...]]
    scaffolding: tuple[str, ...]
    detectors: Mapping[str, DetectorTrust] = field(default_factory=dict)

    def requested(self, profile: Profile) -> dict[str, int]:
        """Every probe of a profile, in order, with the most prompts to put of it; the impossible ones too."""
        entry = self.profiles[profile]
        grouped = {name: entry.prompts_per_probe for group in entry.groups for name in self.groups[group]}
        return {**grouped, **entry.probes}

    def needs(self, probe: str) -> str:
        """What a probe would need that is not here; "" when it is not known to need anything."""
        return self.unavailable_probes.get(probe) or self.unavailable_probes.get(module_of(probe), "")

    def trust(self, detector: str) -> DetectorTrust:
        """How sure a hit of this detector makes us."""
        return self.detectors.get(detector, DetectorTrust())

    def severity(self, tier: int) -> Severity:
        """How bad it is when the model gives way to a probe of this tier."""
        return self.severity_of_tier.get(tier, Severity.MEDIUM)


def module_of(name: str) -> str:
    """The module of a probe or detector: "dan" of "dan.AutoDANCached"."""
    return name.partition(".")[0]


@functools.cache
def load_profiles() -> ProfileData:
    """The profiles that ship with the program.

    Raises:
        GarakDataError: when the file is broken, with the key.
    """
    return parse_profiles(data_text(PROFILES_FILE))


def parse_profiles(text: str) -> ProfileData:
    """Reads and checks the profiles.

    Raises:
        GarakDataError: when a key is missing or wrong, or a profile names an unknown group.
    """
    data = decoded(text, PROFILES_FILE, ProfileData, GarakDataError, strict=False)
    for profile in Profile:
        entry = data.profiles.get(profile)
        if entry is None:
            raise GarakDataError(f"{PROFILES_FILE}, profiles: '{profile.value}' is missing")
        for group in entry.groups:
            if group not in data.groups:
                known = ", ".join(data.groups)
                raise GarakDataError(
                    f"{PROFILES_FILE}, profiles.{profile.value}.groups: "
                    f"unknown group '{group}', known: {known}"
                )
    for share in (data.hit_score, data.tolerated_rate):
        if not 0 < share < 1:
            raise GarakDataError(f"{PROFILES_FILE}: {share} is not a share between 0 and 1")
    return data
