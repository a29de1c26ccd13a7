"""`weighbridge scan`: weigh one model, store the result, write the reports, end with the verdict's code."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import check_options, engine_options, options, privacy_options, signature_options
from cli.access import access
from cli.base_option import base, base_settings
from cli.checks import known_checks
from cli.engine_options import EngineChoice
from cli.exit_codes import ExitCode
from cli.judging import JUDGE_SETTING, open_judge
from cli.licence_situation import require_situation, situation_settings
from cli.locking import demand, require_no_patterns
from cli.signature_options import SigningChoice
from scanner.check import Profile
from scanner.errors import ScanError
from scanner.signatures.signers import SIGNERS_SETTING

if TYPE_CHECKING:
    from cli.weighing import Weighing
    from cli.workplace import Workplace
    from scanner.source import FetchOptions


@dataclass(frozen=True)
class _Choice:
    """The options of one call that decide what is scanned and how."""

    model: str
    profile: Profile
    check_ids: tuple[str, ...]
    skipped_ids: tuple[str, ...]
    static_only: bool
    seed: int
    settings: Mapping[str, str]
    detector_models: Path | None
    judge_model: str
    base_model: str
    canary_file: Path | None
    quarantine_folder: Path | None
    quarantine_recipients: tuple[str, ...]
    policy_path: Path | None
    pack_names: tuple[str, ...]
    as_of: datetime.date
    by_name: str
    by_role: str
    person_path: Path
    lock_path: Path | None


@click.command(short_help="Weigh one model and end with a verdict.")
@click.argument("model", metavar="MODEL")
@options.profile
@check_options.chosen
@click.option("--static-only", is_flag=True, help="Inspect the files, do not question the model.")
@engine_options.engine
@click.option("--seed", default=0, show_default=True, help="Seed of every random choice.")
@check_options.settings
@click.option(
    "--garak-detector-models",
    "detector_models",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    show_default="none",
    help="Folder with local copies of the hub models that some of garak's detectors need, named org--name; "
    "the same as --set garak.detector_models=DIR.",
)
@click.option(
    "--judge",
    "judge_model",
    default="",
    metavar="MODEL",
    show_default="none",
    help="Local chat model that reads the replies about contested topics too, named as MODEL is; the same as "
    "--set deflection.judge=MODEL.",
)
@base
@privacy_options.privacy
@signature_options.signatures
@options.policy
@options.person
@options.lock
@options.patterns
@options.fetching
@click.option("--fresh", is_flag=True, help="Start afresh even if an unfinished scan could be taken up.")
@options.reports
@options.output_format
@options.quiet
@options.data_dir
@options.database
def command(
    output_dir: Path | None,
    report_names: tuple[str, ...],
    output: str,
    quiet: bool,
    data_dir: Path,
    database_url: str | None,
    endpoint: str,
    offline: bool,
    token: str,
    allow: tuple[str, ...],
    ignore: tuple[str, ...],
    fresh: bool,
    **choice: Any,  # noqa: ANN401 - Click hands over the rest by name; _Choice and EngineChoice type it
) -> int:
    """Weigh MODEL: a directory, a .gguf file, hf://org/name@revision, demo, or a model.lock.json.

    Also ollama://name:tag, oci://registry/repository:tag, oci-layout:FOLDER, https://host/file.gguf
    and s3://bucket/path; docs/sources.md tells what each one is held against.

    Fetches and hashes it, runs the static checks, questions it on local hardware, judges the
    findings by the control packs, stores everything, writes the reports, and ends with the
    exit code of the verdict. A scan that was interrupted is taken up by the same command.
    With a lock, its commit is fetched, and every file that is not as locked is a finding.

    \b
    Examples:
      weighbridge scan demo
      weighbridge scan ./model --profile standard --pack eu-ai-act
      weighbridge scan hf://org/name@main --policy weighbridge.yaml --output out
      weighbridge scan model.gguf --static-only --report none --format json
      weighbridge scan hf://org/name --lock model.lock.json
      weighbridge scan ./tuned --base hf://org/base

    \b
    Exit codes: 0 pass, 1 the gate blocks, 2 usage or input error, 3 could not assess
    (INCOMPLETE), 4 review needed, 130 interrupted.
    """
    from cli.libraries import settle
    from cli.rendering import wanted_formats, write_reports
    from cli.summary import print_summary
    from cli.terminal import discard, shown_progress
    from cli.workplace import Workplace, require_writable
    from scanner.source import FetchOptions

    settle()
    workplace = Workplace.at(data_dir, database_url)
    formats = wanted_formats(report_names)
    if formats:
        require_writable(output_dir or Path())
    is_quiet = quiet or output == "json"
    with shown_progress(quiet=is_quiet) as progress:
        fetching = FetchOptions(
            workplace.fetched, endpoint, token, offline, progress, allow, ignore, access()
        )
        engine, signing, what = _split(choice)
        weighing = _weigh(what, engine, signing, workplace, fetching, fresh=fresh, is_quiet=is_quiet)
    folder = output_dir or Path(f"weighbridge-{weighing.scan.id}")
    with _named_when_it_fails(weighing), shown_progress(quiet=is_quiet) as progress:
        files = write_reports(weighing.scan, weighing.assessment, workplace, formats, folder, progress)
    try:
        print_summary(weighing, files, output=output)
    except BrokenPipeError:
        # Whoever read our output went away; the verdict stands all the same.
        discard(sys.stdout)
    return int(ExitCode.of(weighing.assessment.verdict.value))


@contextmanager
def _named_when_it_fails(weighing: Weighing) -> Iterator[None]:
    """Says how to get at a stored scan whose reports could not be written: nothing of it is lost."""
    from cli.terminal import stderr

    try:
        yield
    except (ScanError, KeyboardInterrupt):
        scan, verdict = weighing.scan.id, weighing.assessment.verdict.value.value.upper()
        stderr().print(f"the verdict is {verdict}, stored as scan {scan}; only its reports are missing:")
        stderr().print(f"`weighbridge report {scan}` (same --data-dir, --db) writes them", soft_wrap=True)
        raise


def _split(given: Mapping[str, Any]) -> tuple[EngineChoice, SigningChoice, _Choice]:
    """What questions the model, whose signatures count, and everything else that was chosen."""
    engine, signing, rest = (
        {field.name: given[field.name] for field in fields(kind)}
        for kind in (EngineChoice, SigningChoice, _Choice)
    )
    return EngineChoice(**engine), SigningChoice(**signing), _Choice(**rest)


def _weigh(
    choice: _Choice,
    engine: EngineChoice,
    signing: SigningChoice,
    workplace: Workplace,
    fetching: FetchOptions,
    *,
    fresh: bool,
    is_quiet: bool,
) -> Weighing:
    from cli.criteria import load_criteria
    from cli.imported_lists import imported_settings
    from cli.person import known_person
    from cli.summary import announce
    from cli.weighing import Scales
    from scanner.scan import ScanRequest

    demanded = demand(choice.model, choice.lock_path)
    ref = demanded.ref
    if demanded.lock is not None:
        require_no_patterns(fetching.allow, fetching.ignore)
    known = known_checks()
    checks = check_options.picked(known, choice.check_ids, choice.skipped_ids)
    criteria = load_criteria(choice.policy_path, choice.pack_names, ref)
    signers, beside = criteria.policy.signers, (choice.policy_path or Path()).parent
    given = _settings_of(choice)
    names = [check.id for check in checks]
    settings = {
        **imported_settings(workplace.lists, checks),
        **situation_settings(criteria.policy.answers, checks),
        **base_settings(choice.base_model, fetching, workplace, checks),
        **given,
        **signing.settings(signers, beside, names, given.get(SIGNERS_SETTING, "")),
    }
    check_options.require_known(settings, checks)
    require_situation(settings)
    if JUDGE_SETTING in settings and choice.static_only:
        raise click.UsageError("--judge has no replies to read with --static-only")
    engine.require_sense()
    preparer = known_person(choice.by_name, choice.by_role, choice.person_path)
    request = ScanRequest(
        ref=ref,
        profile=choice.profile,
        check_ids=tuple(sorted(check.id for check in checks)),
        seed=choice.seed,
        backend="" if choice.static_only else engine.named_backend,
        device=engine.device,
        dtype=engine.dtype,
        as_of=choice.as_of,
        settings=settings,
        is_fast=engine.is_fast,
        budget=engine.budget,
        allow=fetching.allow,
        ignore=fetching.ignore,
        lock=demanded.lock.sha256 if demanded.lock else "",
    )
    if not is_quiet:
        announce(request, checks, criteria, preparer)
    with ExitStack() as stack:
        judge = None
        if JUDGE_SETTING in settings:
            whole = replace(fetching, allow=(), ignore=())  # the patterns are for the model under test
            opening = open_judge(
                settings[JUDGE_SETTING], "auto", engine.options_beside(workplace), workplace, whole
            )
            judge = stack.enter_context(opening)
        scales = Scales(workplace, fetching, engine.options(workplace), fetching.progress, judge, demanded)
        return scales.weigh(request, checks, criteria, preparer, fresh=fresh)


def _settings_of(choice: _Choice) -> Mapping[str, str]:
    """The settings, with those that have an option of their own."""
    own = {
        **privacy_options.privacy_settings(
            choice.canary_file, choice.quarantine_folder, choice.quarantine_recipients
        )
    }
    if choice.detector_models is not None:
        own["garak.detector_models"] = str(choice.detector_models.absolute())
    if choice.judge_model:
        own[JUDGE_SETTING] = choice.judge_model
    return {**choice.settings, **own}
