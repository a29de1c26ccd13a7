"""What a policy file may ask for besides its gate: whose signature a model carries, limits of measurements.

Shape and names are checked when the file is read, so that a misspelt one never leaves a model unlimited.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from policies.documents import near
from scanner.errors import ScanError
from scanner.signatures.signers import Signer


class RequirementError(ScanError):
    """A policy file asks something of a measurement that does not exist, or of a signer who is nobody."""


@dataclass(frozen=True)
class Threshold:
    """The range that a measurement has to lie in, in its own unit.

    Attributes:
        at_least: Lower end, None without one.
        at_most: Upper end, None without one.
    """

    at_least: float | None = None
    at_most: float | None = None


def require_named(signers: Sequence[Signer], where: str) -> None:
    """Refuses a signer that names nobody, or more than one.

    Raises:
        RequirementError: with the place of the first such signer.
    """
    for number, signer in enumerate(signers):
        if signer.fault:
            raise RequirementError(f"{where}, key signers[{number}]: {signer.fault}")


def require_measured(thresholds: Mapping[str, Threshold], measures: Collection[str], where: str) -> None:
    """Holds the names of thresholds against all measurements there are; without any, against nothing.

    Raises:
        RequirementError: for an unknown name, with the nearest one.
    """
    for name in thresholds if measures else ():
        if name not in measures:
            raise RequirementError(
                f"{where}, key thresholds: unknown measurement '{name}'{near(name, measures)}",
                hint="`weighbridge checks ID` lists what a check measures",
            )
