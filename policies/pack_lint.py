"""Holds packs to rules that loading them does not: nothing loose at either end, every fact with its source.

A check that feeds no control is fine where `policies/data/checks-without-controls.yaml` says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from policies.controls import Control, EvidenceKind, Pack
from policies.crosswalk import controls_by_check
from policies.documents import read_document


@dataclass(frozen=True)
class PackCounts:
    """What a pack holds, counted.

    Attributes:
        controls: All of them.
        kinds: How many of each kind of evidence.
        checks: How many checks feed it.
        mapped: How many ids of other frameworks, and of its own, it is mapped to.
        sources: How many controls rest on sources of each confidence, each counted by its weakest.
    """

    controls: int
    kinds: Mapping[EvidenceKind, int]
    checks: int
    mapped: int
    sources: Mapping[str, int]


_BEST_FIRST = ("primary", "secondary", "recalled")


def counts(pack: Pack) -> PackCounts:
    """The counts of one pack."""
    return PackCounts(
        controls=len(pack.controls),
        kinds=Counter(control.evidence for control in pack.controls),
        checks=len({check for control in pack.controls for check in control.fed_by}),
        mapped=len(
            {(name, one) for control in pack.controls for name in control.maps for one in control.maps[name]}
        ),
        sources=Counter(
            max((source.confidence for source in control.sources), key=_BEST_FIRST.index, default="none")
            for control in pack.controls
        ),
    )


def excused_checks() -> dict[str, str]:
    """The checks that may feed no control, each with the reason.

    Raises:
        DocumentError: when the file is broken.
    """
    path = resources.files("policies").joinpath("data", "checks-without-controls.yaml")
    return read_document(path, "list of excused checks", "checks-without-controls").part(
        dict[str, str], "checks"
    )


def faults(packs: Sequence[Pack], checks: Iterable[str], excused: Mapping[str, str]) -> list[str]:
    """Every rule that these packs break, a sentence each; empty when they break none.

    Args:
        packs: All packs, loaded.
        checks: Ids of all checks.
        excused: Checks that may feed no control, with the reason.
    """
    return [
        *_loose_checks(packs, checks, excused),
        *(fault for pack in packs for control in pack.controls for fault in _faults_of(pack, control)),
        *(fault for pack in packs for fault in _faults_of_pack(pack)),
    ]


def _loose_checks(packs: Sequence[Pack], checks: Iterable[str], excused: Mapping[str, str]) -> Iterator[str]:
    feeds = controls_by_check(packs, checks)
    for check, controls in feeds.items():
        if not controls and check not in excused:
            yield f"check {check}: feeds no control of any pack; let it feed one, or say why not"
        if controls and check in excused:
            yield f"check {check}: is excused from feeding a control, but feeds {controls[0].control.id}"
    for check in excused:
        if check not in feeds:
            yield f"check {check}: is excused from feeding a control, but there is no such check"


def _faults_of(pack: Pack, control: Control) -> Iterator[str]:
    where = f"pack {pack.id}, control {control.id}"
    if not control.sources:
        yield f"{where}: has no source"
    if not control.effective and pack.status != "proposed":
        yield f"{where}: has no day from which it applies"
    if not control.limits:
        yield f"{where}: does not say what a result does not show"
    if not control.maps:
        yield f"{where}: is mapped to no framework"
    if control.evidence is not EvidenceKind.ATTESTATION and not control.fed_by:
        yield f"{where}: is decided by a scan, but rests on no check"


def _faults_of_pack(pack: Pack) -> Iterator[str]:
    days = {source.retrieved for control in pack.controls for source in control.sources}
    days |= {source.retrieved for source in pack.sources}
    if late := [day for day in sorted(days) if day >= pack.review_due]:
        yield f"pack {pack.id}: a source was read on {late[-1]}, but its review is due on {pack.review_due}"
    for label, times in Counter(control.label for control in pack.controls).items():
        if times > 1:
            yield f"pack {pack.id}: {times} controls have the label {label}"
