"""The road of one scan: fetch, run the checks, assess, store. Each hop one call; nothing goes back up."""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.criteria import Criteria, judge
from cli.deciding import record_preparer
from cli.imported_lists import imported_versions
from cli.libraries import hub_forbidden
from cli.locking import Demand
from cli.versions import deciding_versions
from cli.workplace import Workplace
from db.store import Store
from policies.assessment import Assessment
from policies.decisions import Person
from probes.backend import BackendError, BackendOptions, ChoiceError, EngineLostError
from probes.questioning import open_questioner
from probes.scheduler import Scheduler
from scanner.check import Check, CheckContext, Needs
from scanner.conversation import Judge
from scanner.fetching import fetch, inspect
from scanner.isolation import warm_up
from scanner.journal import Journal
from scanner.lock.demand import fetch_locked
from scanner.manifest import Snapshot
from scanner.progress import Progress
from scanner.records import decode, encode
from scanner.runner import JOURNAL_KIND, run_checks
from scanner.scan import Scan, ScanRequest
from scanner.source import FetchOptions

_META = "scan"


@dataclass(frozen=True)
class Weighing:
    """What a scan ends with.

    Attributes:
        scan: What was found.
        assessment: What it means.
        was_resumed: Whether an earlier, killed run was taken up.
        asked: Questions the model was asked in this run.
        recalled: Answers taken from the journal.
    """

    scan: Scan
    assessment: Assessment
    was_resumed: bool
    asked: int
    recalled: int


@dataclass(frozen=True)
class _Run:
    """A scan that was run and not yet judged; see `Weighing`."""

    scan: Scan
    was_resumed: bool
    asked: int
    recalled: int


@dataclass(frozen=True)
class _Start:
    """What the journal says about when and as what a scan began."""

    scan_id: str
    started_at: datetime.datetime
    as_of: datetime.date


@dataclass(frozen=True)
class Scales:
    """Everything a scan needs beside the request.

    Attributes:
        workplace: Where results go.
        fetching: How to fetch the model.
        engine: How to load it.
        progress: Who is told how far things are.
        judge: Another model that reads replies; None without one.
        demand: The lock that the model must match, if there is one.
        on_fetched: Gets the model's files before they are checked.
    """

    workplace: Workplace
    fetching: FetchOptions
    engine: BackendOptions
    progress: Progress
    judge: Judge | None = None
    demand: Demand | None = None
    on_fetched: Callable[[Snapshot], None] = lambda snapshot: None

    def weigh(
        self,
        request: ScanRequest,
        checks: Sequence[Check],
        criteria: Criteria,
        preparer: Person | None = None,
        *,
        fresh: bool = False,
    ) -> Weighing:
        """Scans a model and judges it; both, and who prepared it, are stored before this returns.

        A killed scan of the same bytes with the same request and versions is taken up where it stopped;
        on another day with every reply it had, while its checks run again.

        Raises:
            ScanError: when the model cannot be fetched, the device asked for is absent, or the store or
                disk does not take the results.
        """
        warm_up([type(check).__module__ for check in checks if check.needs is Needs.STATIC])
        snapshot = self._fetch(request)
        self.on_fetched(snapshot)
        versions = {
            **deciding_versions(),
            **self._judge_version(),
            **imported_versions(request.settings),
        }
        identity = request.identity(snapshot, versions)
        with self.workplace.locked(identity), Store.open(self.workplace.database_url) as store:
            store.decisions()  # a damaged record of decisions is better known before hours of work
            if fresh:
                self.workplace.drop_journal(identity)
            with hub_forbidden(), Journal(self.workplace.open_journal(identity)) as journal:
                ran = self._run(request, checks, snapshot, versions, journal)
            store.save_scan(ran.scan)
            assessment = judge(ran.scan, criteria, store.decisions(), as_of=request.as_of)
            store.save_assessment(assessment)
            if preparer is not None:
                record_preparer(store, ran.scan.id, preparer)
            self.workplace.keep_journal(identity, ran.scan.id)
        return Weighing(ran.scan, assessment, ran.was_resumed, ran.asked, ran.recalled)

    def _fetch(self, request: ScanRequest) -> Snapshot:
        fetched = inspect if request.is_inspection else fetch
        if self.demand is None or self.demand.lock is None:
            return fetched(request.ref, self.fetching)
        return fetch_locked(request.ref, self.demand.lock, self.fetching, self.demand.name, fetched)

    def _run(
        self,
        request: ScanRequest,
        checks: Sequence[Check],
        snapshot: Snapshot,
        versions: Mapping[str, str],
        journal: Journal,
    ) -> _Run:
        start, was_resumed = _begin(journal, snapshot, request.as_of)
        with self._questioner(request, checks, snapshot, journal) as (scheduler, silence):
            context = CheckContext(
                snapshot=snapshot,
                evidence=self.workplace.evidence,
                profile=request.profile,
                seed=request.seed,
                as_of=request.as_of,
                questioner=scheduler,
                silence=silence,
                judge=self.judge,
                progress=self.progress,
                settings=request.settings,
            )
            records = tuple(run_checks(checks, context, journal))
            scan = Scan(
                id=start.scan_id,
                request=request,
                snapshot=snapshot,
                engine=scheduler.engine if scheduler else None,
                started_at=start.started_at,
                finished_at=datetime.datetime.now(datetime.UTC),
                versions=versions,
                records=records,
            )
            asked, recalled = (scheduler.asked, scheduler.recalled) if scheduler else (0, 0)
        return _Run(scan, was_resumed, asked, recalled)

    def _judge_version(self) -> Mapping[str, str]:
        """The judge's bytes decide results like a library does."""
        return {f"judge {self.judge.model}": f"sha256:{self.judge.digest[:16]}"} if self.judge else {}

    @contextmanager
    def _questioner(
        self, request: ScanRequest, checks: Sequence[Check], snapshot: Snapshot, journal: Journal
    ) -> Iterator[tuple[Scheduler | None, str]]:
        """The scheduler for this model, or None and why there is none."""
        if not request.backend:
            yield None, "the scan was asked not to question the model (--static-only)"
            return
        if all(check.needs is Needs.STATIC for check in checks):
            yield None, "no check of this scan questions the model"
            return
        with ExitStack() as stack:
            scheduler, silence = self._open(stack, request, snapshot, journal)
            yield scheduler, silence

    def _open(
        self, stack: ExitStack, request: ScanRequest, snapshot: Snapshot, journal: Journal
    ) -> tuple[Scheduler | None, str]:
        opening = open_questioner(
            snapshot,
            backend=request.backend,
            options=self.engine,
            journal=journal,
            progress=self.progress,
            budget=request.budget,
        )
        try:
            return stack.enter_context(opening), ""
        except (ChoiceError, EngineLostError):
            raise
        except BackendError as error:
            # The files are no model that this engine loads: the static checks still have their say.
            return None, f"the model could not be loaded: {error}"


def _begin(journal: Journal, snapshot: Snapshot, as_of: datetime.date) -> tuple[_Start, bool]:
    """The start that the journal knows, or a new one.

    Judged as of another day, every check runs again on the replies that are there, as another scan.
    """
    kept = journal.get(_META, "start")
    earlier = None if kept is None else decode(encode(kept), _Start)
    if earlier is not None and earlier.as_of == as_of:
        return earlier, True
    now = datetime.datetime.now(datetime.UTC)
    start = _Start(f"{now:%Y%m%d-%H%M}-{_short_name(snapshot)}-{secrets.token_hex(2)}", now, as_of)
    forgotten = [(JOURNAL_KIND, check_id, None) for check_id in journal.keys(JOURNAL_KIND)]
    journal.extend([*forgotten, (_META, "start", start)])
    return start, earlier is not None


def _short_name(snapshot: Snapshot) -> str:
    """A readable stem for the scan's id: the last word of what was asked for."""
    stem = Path(snapshot.ref.location.rstrip("/")).name.lower().removesuffix(".gguf")
    return re.sub(r"[^a-z0-9.]+", "-", stem).strip("-.")[:32] or "model"
