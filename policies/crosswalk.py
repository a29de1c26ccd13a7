"""The packs read the other way round: from an id of a framework, or from a check, to the controls behind it.

A mapping says that two texts are about the same subject. It is an opinion of the pack's authors, and evidence
for a control is not evidence for everything that the id asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from policies.controls import Control, Pack
from policies.frameworks import Framework


@dataclass(frozen=True)
class PackControl:
    """A control, and the pack that it stands in."""

    pack: Pack
    control: Control


@dataclass(frozen=True)
class CrosswalkRow:
    """One id of a framework and every control that is mapped to it.

    Attributes:
        id: "MEASURE 2.7".
        title: Its short title.
        controls: In the order of the packs; never empty.
    """

    id: str
    title: str
    controls: tuple[PackControl, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks that feed these controls, once each; empty where only people can answer."""
        return tuple(dict.fromkeys(check for one in self.controls for check in one.control.fed_by))


@dataclass(frozen=True)
class Crosswalk:
    """One framework with the controls that are mapped to its ids.

    Attributes:
        framework: The framework.
        rows: Its mapped ids, in its own order.
        unmapped: Its known ids that no control is mapped to.
    """

    framework: Framework
    rows: tuple[CrosswalkRow, ...]
    unmapped: tuple[str, ...]


def crosswalks(packs: Sequence[Pack], frameworks: Iterable[Framework]) -> tuple[Crosswalk, ...]:
    """What the controls of these packs are mapped to, framework by framework."""
    return tuple(_crosswalk(packs, framework) for framework in frameworks)


def controls_by_check(packs: Sequence[Pack], checks: Iterable[str]) -> Mapping[str, tuple[PackControl, ...]]:
    """The controls that each of these checks feeds; a check that feeds none has an empty tuple."""
    return {check: tuple(one for one in _controls(packs) if check in one.control.fed_by) for check in checks}


def _crosswalk(packs: Sequence[Pack], framework: Framework) -> Crosswalk:
    found = {
        token: tuple(one for one in _controls(packs) if token in one.control.maps.get(framework.id, ()))
        for token in framework.ids
    }
    rows = tuple(CrosswalkRow(token, framework.ids[token], found[token]) for token in found if found[token])
    return Crosswalk(framework, rows, tuple(token for token in found if not found[token]))


def _controls(packs: Sequence[Pack]) -> Iterator[PackControl]:
    return (PackControl(pack, control) for pack in packs for control in pack.controls)
