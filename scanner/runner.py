"""Runs checks, each within its time limit; a crash becomes ERROR and the scan goes on.

Static checks need nothing of each other and run side by side, in processes of their own; those that question
the model follow one after the other.
"""

from __future__ import annotations

import dataclasses
import datetime
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from scanner.check import Check, CheckContext, CheckRecord, Needs, Profile
from scanner.errors import CheckTimeoutError, NotAvailableError, ScanError
from scanner.file_check import FileCheck
from scanner.file_isolation import run_files_isolated
from scanner.findings import Finding, Measurement
from scanner.isolation import run_isolated
from scanner.journal import Journal
from scanner.records import decode, encode

# A standard scan asks about ten times as much as a quick one, a deep one fifty times.
_TIME_FACTOR: Final = {Profile.QUICK: 1.0, Profile.STANDARD: 10.0, Profile.DEEP: 50.0}
_ORDER: Final = list(Needs)
JOURNAL_KIND: Final = "check"
# Each takes a core and, at worst, some hundred megabytes.
_AT_ONCE: Final = 2


def in_order(checks: Sequence[Check]) -> list[Check]:
    """The checks in the order in which they run: static first, then by `order`, then by id."""
    return sorted(checks, key=lambda check: (_ORDER.index(check.needs), check.order, check.id))


def run_checks(checks: Sequence[Check], context: CheckContext, journal: Journal) -> Iterator[CheckRecord]:
    """Yields one record per check as it finishes; those that the journal already holds come at once.

    Raises:
        ScanError: when the scan itself cannot go on: a full disk, an engine that is gone.
    """
    earlier: dict[str, CheckRecord] = {}
    ordered = in_order(checks)
    known = {check.id: _journalled(journal, check) for check in ordered}
    waiting = [check for check in ordered if check.needs is Needs.STATIC and known[check.id] is None]
    with (
        context.progress.task("Checks", len(ordered), "checks") as task,
        _SideBySide(waiting, context, _AT_ONCE) as side_by_side,
    ):
        for check in ordered:
            task.note(check.id)
            record = known[check.id]
            if record is None:
                record = side_by_side.record_of(check) or run_check(
                    check, dataclasses.replace(context, earlier=dict(earlier))
                )
                journal.append(JOURNAL_KIND, check.id, record)
            earlier[check.id] = record
            task.advance()
            yield record


def run_side_by_side(checks: Sequence[Check], context: CheckContext, jobs: int) -> list[CheckRecord]:
    """One record per static check, in the order in which they start, at most `jobs` of them at a time.

    Raises:
        ScanError: when the scan itself cannot go on.
    """
    ordered = in_order(checks)
    records: list[CheckRecord] = []
    with (
        context.progress.task("Checks", len(ordered), "checks") as task,
        _SideBySide(ordered, context, jobs) as side_by_side,
    ):
        for record in side_by_side.finished():
            records.append(record)
            task.note(record.check_id)
            task.advance()
    by_id = records_by_id(records)
    return [by_id[check.id] for check in ordered]


class _SideBySide:
    """Static checks that run while the first of them is waited for; leaving it stops those still running."""

    def __init__(self, checks: Sequence[Check], context: CheckContext, at_once: int) -> None:
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="check")
        self._records = {
            check.id: self._threads.submit(run_check, check, context, self._stop.is_set) for check in checks
        }

    def __enter__(self) -> _SideBySide:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._threads.shutdown(cancel_futures=True)

    def record_of(self, check: Check) -> CheckRecord | None:
        """The record of one of the checks, once it is there; None for any other check.

        Raises:
            ScanError: when the scan itself cannot go on.
        """
        return self._records[check.id].result() if check.id in self._records else None

    def finished(self) -> Iterator[CheckRecord]:
        """Each record as soon as it is there.

        Raises:
            ScanError: when the scan itself cannot go on.
        """
        return (record.result() for record in as_completed(self._records.values()))


def run_check(
    check: Check, context: CheckContext, is_stopped: Callable[[], bool] = lambda: False
) -> CheckRecord:
    """Runs one check to its record; never raises for what the check did.

    Args:
        check: To run.
        context: What it may look at.
        is_stopped: Whether nobody wants the record of a static check any more, so that it is broken off.

    Raises:
        ScanError: when the scan itself cannot go on (a full disk, an engine that is gone).
    """
    started_at, began = datetime.datetime.now(datetime.UTC), time.monotonic()
    limit = check.timeout_seconds * _TIME_FACTOR[context.profile]
    findings: list[Finding] = []
    measurements: list[Measurement] = []
    try:
        for item in _items(check, dataclasses.replace(context, deadline=began + limit), is_stopped):
            if isinstance(item, Finding):
                findings.append(item)
            else:
                measurements.append(_declared(check, item, context))
        if not findings:
            findings.append(check.errored("the check said nothing; that is a fault of the check"))
    except NotAvailableError as error:
        findings.append(check.not_run(_with_hint(error)))
    except CheckTimeoutError:
        findings.append(check.errored(f"not finished within its time limit of {limit:.0f} s"))
    except Exception as error:  # noqa: BLE001 - the one place: a broken check is a finding, not a broken scan
        if isinstance(error, ScanError) and error.stops_midway:
            raise
        findings.append(check.errored(_reason(error)))
    return CheckRecord(check.id, tuple(findings), tuple(measurements), started_at, time.monotonic() - began)


def _items(
    check: Check, context: CheckContext, is_stopped: Callable[[], bool]
) -> Iterator[Finding | Measurement]:
    if isinstance(check, FileCheck):
        return run_files_isolated(check, context, is_stopped)
    if check.needs is Needs.STATIC:
        return run_isolated(check, context, is_stopped)
    able = context.require_questioner().engine.capabilities
    if check.needs.value not in able:
        raise NotAvailableError(
            f"it needs {check.needs.value.replace('_', ' ')} of the model, and this engine gives "
            f"{', '.join(able)} only",
            hint="use another --backend, such as transformers",
        )
    return check.run(context)


def _declared(check: Check, measurement: Measurement, context: CheckContext) -> Measurement:
    names = {spec.name for spec in check.measures}
    if measurement.name not in names:
        raise ScanError(f"measurement '{measurement.name}' is not declared in measures")
    if check.needs is Needs.STATIC or context.questioner is None:
        return dataclasses.replace(measurement, check_id=check.id)
    conditions = context.questioner.engine.conditions(context.seed)
    return dataclasses.replace(measurement, check_id=check.id, conditions=conditions)


def _journalled(journal: Journal, check: Check) -> CheckRecord | None:
    value = journal.get(JOURNAL_KIND, check.id)
    return None if value is None else decode(encode(value), CheckRecord)


def _reason(error: Exception) -> str:
    return _with_hint(error) if isinstance(error, ScanError) else f"{type(error).__name__}: {error}"


def _with_hint(error: ScanError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)


def records_by_id(records: Sequence[CheckRecord]) -> Mapping[str, CheckRecord]:
    """The records by their check's id."""
    return {record.check_id: record for record in records}
