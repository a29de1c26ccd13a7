"""Exit codes are a promise."""

import pytest

from cli.exit_codes import ExitCode
from policies.assessment import VerdictValue


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (VerdictValue.PASS, 0),
        (VerdictValue.BLOCK, 1),
        (VerdictValue.INCOMPLETE, 3),
        (VerdictValue.REVIEW, 4),
    ],
)
def test_each_verdict_has_its_documented_code(verdict: VerdictValue, code: int) -> None:
    assert int(ExitCode.of(verdict)) == code


def test_every_verdict_has_a_code() -> None:
    assert len({ExitCode.of(verdict) for verdict in VerdictValue}) == len(VerdictValue)
