"""What is worked out once about a file of code, and asked for at every node."""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.code.names import Names
from scanner.code.phases import Phases


@dataclass(frozen=True)
class CodeReading:
    """One parsed file.

    Attributes:
        names: What its names stand for.
        phases: When its parts run.
        secret_addresses: Whether a name holds an address with a secret in it, of those that were asked for.
    """

    names: Names
    phases: Phases
    secret_addresses: dict[str, bool] = field(default_factory=dict)
