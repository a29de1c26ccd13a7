"""Exit codes: what a script may rely on. They change only with a major version.

>>> int(ExitCode.of(VerdictValue.REVIEW))
4
"""

from __future__ import annotations

import enum
from typing import assert_never

from policies.assessment import VerdictValue


class ExitCode(enum.IntEnum):
    """Every code that `weighbridge` ends with."""

    PASSED = 0
    BLOCKED = 1
    USAGE = 2
    INCOMPLETE = 3
    REVIEW = 4
    INTERRUPTED = 130

    @classmethod
    def of(cls, verdict: VerdictValue) -> ExitCode:
        """The code that a verdict ends with."""
        match verdict:
            case VerdictValue.PASS:
                return cls.PASSED
            case VerdictValue.BLOCK:
                return cls.BLOCKED
            case VerdictValue.INCOMPLETE:
                return cls.INCOMPLETE
            case VerdictValue.REVIEW:
                return cls.REVIEW
            case _:
                assert_never(verdict)
