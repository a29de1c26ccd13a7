"""Static checks in processes of their own: whatever they do stays there."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from scanner.check import Check, CheckContext
from scanner.errors import CheckTimeoutError, NotAvailableError
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement
from scanner.isolation import IsolatedCheckError, run_isolated
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from tests import fakes


def context(seconds: float = 30.0) -> CheckContext:
    snapshot = Snapshot(ModelRef.parse("demo"), None, "/models", (FileEntry("a.bin", 1, "0" * 64),))
    return CheckContext(snapshot, EvidenceStore("/nowhere"), deadline=time.monotonic() + seconds)


def collect(check: Check, seconds: float = 30.0) -> tuple[list[Finding | Measurement], Exception | None]:
    """Everything the check said, and how it ended."""
    items: list[Finding | Measurement] = []
    try:
        items.extend(run_isolated(check, context(seconds)))
    except (IsolatedCheckError, CheckTimeoutError, NotAvailableError) as error:
        return items, error
    return items, None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(items: list[Finding | Measurement]) -> int:
    assert isinstance(items[0], Finding)
    return int(items[0].message.removeprefix("pid "))


def test_values_arrive_as_they_were_yielded() -> None:
    items, error = collect(fakes.FakeCheck())
    assert error is None
    assert items == list(fakes.FakeCheck().run(context()))


def test_check_runs_in_another_process_that_is_gone_afterwards() -> None:
    items, error = collect(fakes.WhereCheck())
    assert error is None
    assert pid_of(items) != os.getpid()
    assert not is_alive(pid_of(items))


def test_crash_is_told_with_its_place_and_what_was_said_before_is_kept() -> None:
    items, error = collect(fakes.CrashingCheck())
    assert len(items) == 1
    assert isinstance(error, IsolatedCheckError)
    assert "RuntimeError: tensor header of" in str(error)
    assert "fakes.py:" in str(error)


def test_hanging_process_is_killed_at_the_deadline() -> None:
    began = time.monotonic()
    items, error = collect(fakes.HangingCheck(), 3.0)
    assert isinstance(error, CheckTimeoutError)
    assert time.monotonic() - began < 10
    assert not is_alive(pid_of(items))


def test_process_is_killed_when_nobody_listens_any_more() -> None:
    listening = run_isolated(fakes.HangingCheck(), context())
    pid = pid_of([next(listening)])
    assert is_alive(pid)
    listening.close()
    assert not is_alive(pid)


@pytest.mark.parametrize(("check", "code"), [(fakes.DyingCheck(), 3), (fakes.ExitingCheck(), 0)])
def test_death_of_the_process_is_told_with_its_exit_code(check: Check, code: int) -> None:
    items, error = collect(check)
    assert len(items) == 1
    assert str(error) == f"the check's process died with exit code {code}"


def test_memory_is_limited() -> None:
    items, error = collect(fakes.MemoryEatingCheck())
    assert items == []
    assert "MemoryError" in str(error)


def test_what_is_no_finding_is_refused() -> None:
    items, error = collect(fakes.WronglyTypedCheck())
    assert items == []
    assert "yielded a str; expected a Finding or a Measurement" in str(error)


def test_not_available_comes_through_with_its_hint() -> None:
    _, error = collect(fakes.UnavailableCheck())
    assert isinstance(error, NotAvailableError)
    assert (str(error), error.hint) == ("no reference table for this family", "install one")


def test_check_sees_its_own_deadline() -> None:
    began = time.monotonic()
    _, error = collect(fakes.PoliteSlowCheck(), 1.0)
    assert isinstance(error, CheckTimeoutError)
    assert time.monotonic() - began < 10


def test_check_that_cannot_travel_is_an_error_here(tmp_path: Path) -> None:
    class LocalCheck(fakes.FakeCheck):
        """A class inside a function: no other process can import it."""

    with pytest.raises((AttributeError, TypeError)):
        list(run_isolated(LocalCheck(), context()))
