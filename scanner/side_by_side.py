"""Runs checks that question no model beside each other, each in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from multiprocessing.pool import ThreadPool

from scanner.check import Check, CheckContext, CheckRecord
from scanner.runner import in_order, run_check


def run_side_by_side(checks: Sequence[Check], context: CheckContext, jobs: int) -> Iterator[CheckRecord]:
    """One record per check as it finishes, at most `jobs` checks at a time.

    The threads only wait for their children, and end with this process: an interrupt does not wait for them.

    Raises:
        ScanError: when the scan itself cannot go on.
    """
    with context.progress.task("Checks", len(checks), "checks") as task, ThreadPool(jobs) as threads:
        for record in threads.imap_unordered(lambda check: run_check(check, context), in_order(checks)):
            task.note(record.check_id)
            task.advance()
            yield record
