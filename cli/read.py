"""`weighbridge read`: what recorded replies do with their questions, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cli import engine_options, options
from cli.access import access
from cli.engine_options import EngineChoice
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from cli.judging import Judged
    from cli.reply_rows import Row
    from probes.deflection.rows import RowReading
    from scanner.progress import Progress


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
@click.option(
    "--judge",
    "judge_model",
    default="",
    metavar="MODEL",
    show_default="none",
    help="Local chat model that reads every reply too, named as for `weighbridge scan`.",
)
@click.option(
    "--judge-tokens",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help="Length limit of one answer of the judge; a model that reasons first needs more.",
)
@engine_options.engine_without_budget
@options.fetching
@options.quiet
@options.data_dir
@click.pass_context
def command(
    context: click.Context,
    /,
    file: str,
    output_file: Path | None,
    label_field: str,
    quiet: bool,
    **judging: Any,  # noqa: ANN401 - Click hands over the rest by name; _judged types it
) -> int:
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

    With --judge, a local model reads every reply too. Its reading stands beside the first one, as
    `judge`, and replaces nothing; an answer of it that is not the JSON it was asked for is
    UNKNOWN. The options of engines and hubs are for the judge.

    \b
    Examples:
      weighbridge read replies.jsonl --output read.jsonl
      weighbridge read labelled.jsonl.gz --against label --output read.jsonl
      zcat replies.jsonl.gz | weighbridge read - | jq -r .engagement
      weighbridge read replies.jsonl --judge ./judge-model --judge-tokens 2048

    \b
    Exit codes: 0 read, 2 usage or input error, 3 not one reply could be read,
    130 interrupted.
    """
    from cli.libraries import settle
    from cli.reading_summary import print_agreement, print_judge, print_readings
    from cli.reply_rows import labels_of, load_rows
    from cli.terminal import shown_progress, stderr, stdout
    from probes.deflection.labels import Label
    from probes.deflection.rows import read_row

    settle()
    _require_judge(context)
    rows = load_rows(file)
    where = "standard input" if file == "-" else file
    labels = labels_of(rows, label_field, where) if label_field else []
    readings = []
    with shown_progress(quiet=quiet) as progress:
        with progress.task("Reading", len(rows), "replies") as task:
            for row in rows:
                readings.append(read_row(row.reply))
                task.advance()
        judged = _judged(rows, progress, **judging) if judging["judge_model"] else None
    write_rows(_out(rows, readings, judged), output_file)
    console = stdout() if output_file else stderr()
    if not quiet:
        print_readings(readings, console)
    if label_field:
        print_agreement(labels, readings, console)
    if judged is not None:
        print_judge(judged, readings, labels, console)
    unread = all(read.label is Label.ERROR for read in readings)
    return int(ExitCode.INCOMPLETE if unread else ExitCode.PASSED)


def _require_judge(context: click.Context) -> None:
    """Options of an engine without a judge would silently have no effect."""
    if context.params["judge_model"]:
        return
    own = {"file", "output_file", "label_field", "judge_model", "quiet", "data_dir"}
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in own and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} is for --judge MODEL, and there is no judge")


def _judged(
    rows: Sequence[Row],
    progress: Progress,
    *,
    judge_model: str,
    judge_tokens: int,
    data_dir: Path,
    endpoint: str,
    offline: bool,
    token: str,
    **engine: Any,  # noqa: ANN401 - by name into EngineChoice, which types it
) -> Judged:
    """What the judge says of every row, and which judge it was."""
    from cli.judging import Judged, judge_record, open_judge
    from cli.workplace import Workplace
    from probes.deflection.judge import judge_replies
    from scanner.source import FetchOptions

    workplace = Workplace.at(data_dir)
    fetching = FetchOptions(workplace.fetched, endpoint, token, offline, progress, access=access())
    choice = EngineChoice(**engine, max_tokens=0, max_minutes=0.0)
    choice.require_sense()
    engine_of_judge = choice.named_backend, choice.options(workplace)
    with open_judge(judge_model, *engine_of_judge, workplace, fetching) as judge:
        replies = [row.reply for row in rows]
        readings = judge_replies(judge.questioner, replies, max_tokens=judge_tokens)
        return Judged(judge_record(judge), readings)


def _out(
    rows: Sequence[Row], readings: Sequence[RowReading], judged: Judged | None
) -> Iterator[dict[str, Any]]:
    """The rows as they came with what was read; a field that would be hidden is kept under another name."""
    for index, (row, read) in enumerate(zip(rows, readings, strict=True)):
        found = read.as_mapping()
        if row.given.get("language"):
            del found["language"]
        if judged is not None:
            found["judge"] = judged.row(index, row.reply)
        kept = {f"given_{name}" if name in found else name: value for name, value in row.given.items()}
        yield {**kept, **found}


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


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        # Half an emoji, as it came: only an escape can carry it.
        return json.dumps(row).encode() + b"\n"
