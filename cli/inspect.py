"""`weighbridge inspect`: weigh what a model's metadata says, without fetching its weights."""

from __future__ import annotations

import datetime
import sys
from dataclasses import replace
from pathlib import Path

import click

from cli import check_options, options
from cli.access import access
from cli.base_option import base, base_settings
from cli.checks import known_checks
from cli.exit_codes import ExitCode
from cli.locking import demand
from scanner.check import Needs, Profile


@click.command(short_help="Weigh a model's metadata without fetching its weights.")
@click.argument("model", metavar="MODEL")
@check_options.chosen
@base
@options.policy
@options.person
@options.lock
@options.fetching
@click.option("--fresh", is_flag=True, help="Start afresh even if an unfinished one could be taken up.")
@options.reports_if_asked
@options.output_format
@options.quiet
@options.data_dir
@options.database
def command(
    model: str,
    check_ids: tuple[str, ...],
    skipped_ids: tuple[str, ...],
    base_model: str,
    policy_path: Path | None,
    pack_names: tuple[str, ...],
    as_of: datetime.date,
    by_name: str,
    by_role: str,
    person_path: Path,
    lock_path: Path | None,
    endpoint: str,
    offline: bool,
    token: str,
    fresh: bool,
    output_dir: Path | None,
    report_names: tuple[str, ...],
    output: str,
    quiet: bool,
    data_dir: Path,
    database_url: str | None,
) -> int:
    """Weigh what the metadata of MODEL says: hf://org/name@revision, a directory, a .gguf file, or demo.

    Reads configurations, card, licences, code and templates whole, and of weight files their
    headers only (the directory and the pickles of a checkpoint), by ranges where they are not on
    this machine. Runs every check that questions no model, on exactly these bytes, and prints
    what it did not look at. Since nobody has read the weights, the verdict is never PASS. With
    --lock, what the source lists at the commit of the lock is held against it.

    \b
    Examples:
      weighbridge inspect hf://org/name
      weighbridge inspect hf://org/name@main --policy weighbridge.yaml --format json
      weighbridge inspect ./model --report html --output out

    \b
    Exit codes: 1 the gate blocks, 2 usage or input error, 3 nothing blocks, and the weights were
    not read (INCOMPLETE), 130 interrupted; 0 and 4 only for a model that was read whole.
    """
    from cli.criteria import load_criteria
    from cli.imported_lists import imported_settings
    from cli.inspected import FactsBeside, print_inspection
    from cli.libraries import settle
    from cli.licence_situation import require_situation, situation_settings
    from cli.person import known_person
    from cli.rendering import wanted_formats, write_reports
    from cli.signature_options import SigningChoice
    from cli.terminal import discard, shown_progress
    from cli.weighing import Scales
    from cli.workplace import Workplace, require_writable
    from probes.backend import BackendOptions
    from scanner.isolation import warm_up
    from scanner.registry import module_names
    from scanner.scan import ScanRequest
    from scanner.source import FetchOptions

    settle()
    warm_up(module_names("scanner.checks"))  # beside our own start, before there is work for both cores
    demanded = demand(model, lock_path)
    ref = demanded.ref
    known = {check.id: check for check in known_checks().values() if check.needs is Needs.STATIC}
    checks = check_options.picked(known, check_ids, skipped_ids)
    criteria = load_criteria(policy_path, pack_names, ref)
    preparer = known_person(by_name, by_role, person_path)
    workplace = Workplace.at(data_dir, database_url)
    formats = wanted_formats(report_names)
    if formats:
        require_writable(output_dir or Path())
    # The policy's signers are named as in a scan: what was not read whole is then not verified, and says so.
    nobody = SigningChoice((), (), (), "", (), None)
    beside, names = (policy_path or Path()).parent, [check.id for check in checks]
    quietly = FetchOptions(workplace.fetched, endpoint, token, offline, access=access())
    settings = {
        **imported_settings(workplace.lists, checks),
        **situation_settings(criteria.policy.answers, checks),
        **base_settings(base_model, quietly, workplace, checks, is_inspection=True),
        **nobody.settings(criteria.policy.signers, beside, names),
    }
    check_options.require_known(settings, checks)
    require_situation(settings)
    request = ScanRequest(
        ref=ref,
        profile=Profile.QUICK,
        check_ids=tuple(sorted(names)),
        seed=0,
        backend="",
        device="auto",
        dtype="auto",
        as_of=as_of,
        settings=settings,
        is_inspection=True,
        lock=demanded.lock.sha256 if demanded.lock else "",
    )
    is_quiet = quiet or output == "json"
    with shown_progress(quiet=is_quiet) as progress, FactsBeside() as facts:
        fetching = replace(quietly, progress=progress)
        engine = BackendOptions()
        scales = Scales(workplace, fetching, engine, progress, demand=demanded, on_fetched=facts.begin)
        weighing = scales.weigh(request, checks, criteria, preparer, fresh=fresh)
        folder = output_dir or Path(f"weighbridge-{weighing.scan.id}")
        files = write_reports(weighing.scan, weighing.assessment, workplace, formats, folder, progress)
        told = facts.get()
    try:
        print_inspection(weighing, told, files, output=output)
    except BrokenPipeError:
        discard(sys.stdout)  # whoever read our output went away; the verdict stands all the same
    return int(ExitCode.of(weighing.assessment.verdict.value))
