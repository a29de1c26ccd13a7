"""`weighbridge read`: what recorded replies do with their questions, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from probes.deflection.rows import RowReading


@click.command(short_help="Read recorded replies: do they answer, deflect or refuse, and in whose words.")
@click.argument("file", metavar="FILE")
@click.option(
    "--output",
    "output_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    show_default="standard output",
    help="File for the rows with their readings, as JSON lines.",
)
@click.option(
    "--against",
    "label_field",
    default="",
    metavar="FIELD",
    show_default="none",
    help="Field with labels COMPLETE, EVASIVE or DENIAL to measure the readings against.",
)
@options.quiet
def command(file: str, output_file: Path | None, label_field: str, quiet: bool) -> int:
    """Read the replies in FILE (JSON lines, plain or gzip; - is standard input) and say what each does.

    A row needs `prompt` and `response`; `language` (en, zh, zh-Hant, ru, es, fi, ...) is guessed
    when it is missing, and `finish_reason` "length" says that a reply was cut. Every row comes
    out again with what was read: `engagement` (answered, partial, deflected, refused, error),
    `stance` (none, line_asserted, premise_denied, quoted), `probability` of the engagement,
    `spans` (axis, start, end: characters of the response that decided), `three_class` (COMPLETE,
    EVASIVE, DENIAL, ERROR), `thinking` (none, empty, present), `switched_language`, `reason`,
    `line`. A field of FILE with one of these names is kept as `given_<name>`.

    With --against, F1 by class and language and the confusion matrix follow: on standard output
    when the rows go to a file, else on standard error.

    \b
    Examples:
      weighbridge read replies.jsonl --output read.jsonl
      weighbridge read labelled.jsonl.gz --against label --output read.jsonl
      zcat replies.jsonl.gz | weighbridge read - | jq -r .engagement

    \b
    Exit codes: 0 read, 2 usage or input error, 3 not one reply could be read, 130 interrupted.
    """
    from cli.libraries import settle
    from cli.reading_summary import print_agreement, print_readings
    from cli.reply_rows import labels_of, load_rows
    from cli.terminal import shown_progress, stderr, stdout
    from probes.deflection.labels import Label
    from probes.deflection.rows import read_row

    settle()
    rows = load_rows(file)
    where = "standard input" if file == "-" else file
    labels = labels_of(rows, label_field, where) if label_field else []
    readings = []
    with shown_progress(quiet=quiet) as progress, progress.task("Reading", len(rows), "replies") as task:
        for row in rows:
            readings.append(read_row(row.reply))
            task.advance()
    write_rows((_joined(row.given, read) for row, read in zip(rows, readings, strict=True)), output_file)
    console = stdout() if output_file else stderr()
    if not quiet:
        print_readings(readings, console)
    if label_field:
        print_agreement(labels, readings, console)
    unread = all(read.label is Label.ERROR for read in readings)
    return int(ExitCode.INCOMPLETE if unread else ExitCode.PASSED)


def write_rows(rows: Iterable[Mapping[str, Any]], file: Path | None) -> None:
    """Writes rows as JSON lines, to standard output without a file.

    Raises:
        WorkplaceError: when the file cannot be written.
    """
    from cli.workplace import write_whole

    lines = b"".join(_line(row) for row in rows)
    if file is None:
        click.echo(lines, nl=False)
    else:
        write_whole(file, lines)


def _joined(given: Mapping[str, Any], read: RowReading) -> dict[str, Any]:
    """The row as it came and what was read; a field that would be hidden is kept under another name."""
    found = read.as_mapping()
    if given.get("language"):
        del found["language"]
    kept = {f"given_{name}" if name in found else name: value for name, value in given.items()}
    return {**kept, **found}


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        # Half an emoji, as it came: only an escape can carry it.
        return json.dumps(row).encode() + b"\n"
