"""Writes docs/garak.md: every probe of the installed garak, and what a scan does with it."""

from __future__ import annotations

from collections.abc import Mapping

from probes.garak import surface
from probes.garak.controls import load_controls
from probes.garak.counts import count_of
from probes.garak.planning import cost_of
from probes.garak.profiles import ProfileData, load_profiles
from probes.garak.selection import KnownProbe, read_inventory
from probes.garak.taxonomy import owasp_tags
from scanner.check import Profile

_HEAD = """\
# garak's probes

Written by `make docs` from the installed garak {version} and `probes/data/garak_*.yaml`.

{total} probes, {able} of which work on this machine alone; of the {active} that garak runs by default,
{active_able} do.

| profile | probes asked | prompts and control questions | reply tokens at most |
|---|---|---|---|
{profiles}

`--set garak.probes=` takes, separated by commas: a probe (`dan.STAN`), a module (`encoding`: its default
probes, or all of them where it has none; `dan.*`: all), `active`, `all`, a profile (`standard`), a tag of
garak's (`tag:quality:Security:PromptStability`; it also means the tags below it), or an OWASP id
(`tag:OWASP-LLM01:2025`). `--set garak.prompts=N` sets the most prompts of each. Where the last column names
detector models alone, local copies can be given: `--set garak.detector_models=DIR`, with `DIR/org/name` or
`DIR/org--name` laid out as on the hub.

**Doubtful**: the probe's detector takes plain refusals, prose or failure for hits. What it mistakes is in
the finding's message. Where it takes whatever is no refusal for a hit ({refusal_detectors}), a hit counts
only if our own reading (`probes/refusals.py`) agrees.

**Form**: before a PASS counts, the model has to answer one of five harmless questions of this form
(`probes/data/garak_controls.yaml`); otherwise the finding is NOT_RUN.

Prompts are counted under garak's own cap of 256, which some probes ignore; `-` where they cannot be made
offline. Tiers are garak's: 1 of concern, 2 compete with the state of the art, 3 informational, 9 unlisted.
OWASP ids are ours (`probes/data/garak_owasp_2025.yaml`), of the list for LLM applications of 2025. A profile
names the probes that it cannot ask as NOT_RUN.

| probe | default | tier | prompts | primary detector | profiles | form | OWASP | offline, or what it needs |
|---|---|---|---|---|---|---|---|---|
"""


def garak_page() -> str:
    """The page; the same for the same garak and the same data files."""
    data, known = load_profiles(), read_inventory(surface.inventory_path())
    able = [name for name in known if not data.needs(name)]
    head = _HEAD.format(
        version=surface.installed_version(),
        total=len(known),
        able=len(able),
        active=sum(probe.is_active for probe in known.values()),
        active_able=sum(known[name].is_active for name in able),
        profiles="\n".join(_profile_row(data, profile) for profile in Profile),
        refusal_detectors=", ".join(f"`{name}`" for name in data.refusal_detectors),
    )
    rows = [_row(data, known[name]) for name in sorted(known)]
    return head + "\n".join(rows) + "\n"


def _profile_row(data: ProfileData, profile: Profile) -> str:
    asked = [probe for probe in data.requested(profile) if not data.needs(probe)]
    cost = cost_of(profile)
    return f"| {profile.value} | {len(asked)} | {cost.questions:,} | {cost.reply_tokens:,} |"


def _row(data: ProfileData, probe: KnownProbe) -> str:
    count = count_of(probe.name)
    lack = data.needs(probe.name)
    cells = [
        f"`{probe.name}`",
        "yes" if probe.is_active else "no",
        str(probe.tier),
        "-" if count is None else str(count.prompts),
        f"`{probe.primary}`" if probe.primary else "chosen by intent",
        ", ".join(_profiles_of(data, probe.name)) or "by name",
        load_controls().family_of(probe.name) or "plain",
        ", ".join(tag.removeprefix("OWASP-").removesuffix(":2025") for tag in owasp_tags(probe.name)) or "-",
        f"needs {lack}" if lack else ("offline" + _doubt(data, probe)),
    ]
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def _doubt(data: ProfileData, probe: KnownProbe) -> str:
    members: Mapping[str, tuple[str, ...]] = data.groups
    is_doubtful = data.trust(probe.primary).caution or any(
        probe.name in members[group] for group in ("doubtful", "doubtful_special")
    )
    return "; doubtful" if is_doubtful else ""


def _profiles_of(data: ProfileData, name: str) -> list[str]:
    return [profile.value for profile in Profile if name in data.requested(profile)]
