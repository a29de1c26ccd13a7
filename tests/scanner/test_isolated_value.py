"""Values worked out in a process of their own: it comes back, or why it does not."""

from __future__ import annotations

import os
import time

import pytest

from scanner.isolated_value import IsolatedValueError, working_out


def numbers(count: int) -> tuple[int, ...]:
    return tuple(range(count))


def fail() -> int:
    raise ValueError("no such number\ud800")


def die() -> int:
    os._exit(3)


def hang() -> int:
    time.sleep(600)
    return 1


def lie() -> int:
    return "not a number"  # type: ignore[return-value]


def test_value_comes_back_from_another_process() -> None:
    with working_out(os.getpid, kind=int) as pid, working_out(numbers, 3, kind=tuple[int, ...]) as value:
        assert pid() != os.getpid()
        assert value() == (0, 1, 2)


@pytest.mark.parametrize(
    ("function", "reason"),
    [(fail, "ValueError: no such number"), (die, "exit code 3"), (hang, "took more than")],
)
def test_trouble_in_the_child_is_an_error_here(function: object, reason: str) -> None:
    with (
        working_out(function, kind=int, seconds=5.0) as value,  # type: ignore[arg-type]
        pytest.raises(IsolatedValueError, match=reason),
    ):
        value()


def test_value_of_another_kind_is_refused() -> None:
    with working_out(lie, kind=int) as value, pytest.raises(IsolatedValueError, match="int"):
        value()


def test_leaving_kills_the_child() -> None:
    began = time.monotonic()
    with working_out(hang, kind=int):
        pass
    assert time.monotonic() - began < 60
