"""What is worked out once about a file of code, and asked for at every node."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.code.names import Names
from scanner.code.phases import Phases


@dataclass(frozen=True)
class CodeReading:
    """One parsed file.

    Attributes:
        names: What its names stand for.
        phases: When its parts run.
    """

    names: Names
    phases: Phases
