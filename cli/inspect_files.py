"""`weighbridge inspect-files`: one verdict for every file, without a model, a store or a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import check_options, options

if TYPE_CHECKING:
    from scanner.check import Check


@click.command(short_help="Say of each file whether it is safe to open.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each file.")
@check_options.chosen
@check_options.settings
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Checks that run at a time, each in a process of at most 400 MB.",
)
@options.quiet
def command(
    paths: tuple[Path, ...],
    as_json: bool,
    check_ids: tuple[str, ...],
    skipped_ids: tuple[str, ...],
    settings: Mapping[str, str],
    jobs: int,
    quiet: bool,
) -> int:
    """Say of each file in PATH (files or folders) whether it is safe to open.

    Nothing is loaded, executed, imported or fetched, and nothing is kept. Every check of files
    runs in processes of its own, with 60 seconds and 256 MB for each file; more is an error about
    that file (--set files.seconds=120, --set files.data_mb=1024). Verdicts, worst first: attack,
    not readable (malformed, or nobody here reads it), needs class instance (a person has to read
    what it brings), plain data. Links that lead out of PATH are told and not followed.

    \b
    Examples:
      weighbridge inspect-files model.safetensors
      weighbridge inspect-files downloads/ --json > verdicts.jsonl
      weighbridge inspect-files a.pkl b.pt --check pickle-runs-code
      weighbridge inspect-files corpus/ --jobs 4 --set files.seconds=20

    \b
    Exit codes: 0 all is plain data; 1 a file is an attack or malformed; 2 usage or input
    error; 3 nothing of that, and a file could not be judged (INCOMPLETE); 4 neither, and
    a person has to read a file (REVIEW); 130 interrupted.
    """
    from cli.exit_codes import ExitCode
    from cli.file_lines import lines_of, print_json, print_table, worst_gate
    from cli.libraries import settle
    from cli.terminal import shown_progress
    from scanner.check import CheckContext
    from scanner.evidence import UnkeptEvidence
    from scanner.isolation import warm_up
    from scanner.loose_files import loose_files
    from scanner.runner import run_side_by_side

    settle()
    checks = check_options.picked(_file_checks(), check_ids, skipped_ids)
    check_options.require_known(settings, checks)
    warm_up([type(check).__module__ for check in checks])
    with shown_progress(quiet=quiet) as progress:
        files = loose_files(paths, progress)
        context = CheckContext(files.snapshot, UnkeptEvidence(), progress=progress, settings=settings)
        lines = lines_of(files, run_side_by_side(checks, context, jobs), checks)
    if as_json:
        print_json(lines)
    else:
        print_table(lines, files.left_out)
    return int(ExitCode.of(worst_gate(lines)))


def _file_checks() -> dict[str, Check]:
    """The checks that can say what they mean for a single file, by id."""
    from scanner.file_verdicts import JudgesFiles
    from scanner.registry import load_checks

    return {id_: check for id_, check in load_checks().items() if isinstance(check, JudgesFiles)}
