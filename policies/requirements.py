"""What a policy file may ask for beside the rules of its gate: limits of measurements, and signers.

Both are checked for their shape and their names, so that a file written today stays right.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from policies.documents import near
from scanner.errors import ScanError


class RequirementError(ScanError):
    """A policy file asks something of a measurement that does not exist."""


@dataclass(frozen=True)
class Threshold:
    """The range that a measurement has to lie in, in its own unit.

    Attributes:
        at_least: Lower end, None without one.
        at_most: Upper end, None without one.
    """

    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Signer:
    """Whose signature a model has to carry.

    Attributes:
        identity: As it stands in the certificate: an address, or the URI of a workflow.
        issuer: Who vouches for it, "" for anybody.
    """

    identity: str
    issuer: str = ""


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
