"""Runs checks one after the other, each within its time limit; a crash becomes ERROR and the scan goes on."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
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
    with context.progress.task("Checks", len(ordered), "checks") as task:
        for check in ordered:
            task.note(check.id)
            record = _journalled(journal, check)
            if record is None:
                record = run_check(check, dataclasses.replace(context, earlier=dict(earlier)))
                journal.append(JOURNAL_KIND, check.id, record)
            earlier[check.id] = record
            task.advance()
            yield record


def run_check(check: Check, context: CheckContext) -> CheckRecord:
    """Runs one check to its record; never raises for what the check did.

    Raises:
        ScanError: when the scan itself cannot go on (a full disk, an engine that is gone).
    """
    started_at, began = datetime.datetime.now(datetime.UTC), time.monotonic()
    limit = check.timeout_seconds * _TIME_FACTOR[context.profile]
    findings: list[Finding] = []
    measurements: list[Measurement] = []
    try:
        for item in _items(check, dataclasses.replace(context, deadline=began + limit)):
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


def _items(check: Check, context: CheckContext) -> Iterator[Finding | Measurement]:
    if isinstance(check, FileCheck):
        return run_files_isolated(check, context)
    if check.needs is Needs.STATIC:
        return run_isolated(check, context)
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
