"""`weighbridge redact`: personal data out of a text, and where it stood."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.exit_codes import ExitCode
from scanner.errors import NotAvailableError

if TYPE_CHECKING:
    from probes.personal_data import PersonalDataAnalyser
    from probes.redaction import RedactedSpan, Redaction


@click.command(short_help="Replace personal and health data in a text; say where it stood.")
@click.argument("file", metavar="FILE")
@click.option(
    "--letters",
    default="all",
    show_default=True,
    metavar="LETTERS",
    help="Letters of the HIPAA Safe Harbor to look for, such as A,C,G; P and Q are not text.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Take every full date, address and number that could be a person's, whatever stands around it.",
)
@click.option(
    "--field",
    default="",
    metavar="NAME",
    show_default="FILE is plain text",
    help="FILE is JSON lines, and the text is in this field of every row.",
)
@click.option(
    "--with-values",
    is_flag=True,
    help="Put the values themselves into the JSON; they are left out otherwise.",
)
@click.option(
    "--salt",
    envvar="WEIGHBRIDGE_SALT",
    show_default="a fresh one at every run",
    help="Salt of the digests; the same salt makes digests of two runs comparable.",
)
@click.option(
    "--output",
    "output_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    show_default="standard output",
    help="File for the result, written whole or not at all.",
)
@options.output_format
@options.quiet
def command(
    file: str,
    letters: str,
    strict: bool,
    field: str,
    with_values: bool,
    salt: str | None,
    output_file: Path | None,
    output: str,
    quiet: bool,
) -> int:
    """Replace personal and health data in the text FILE (UTF-8; - is standard input).

    What is found is replaced by the name of its kind, such as [telephone number]. With --format
    json, the redacted `text` comes with `spans`: start and end (characters of the text as it
    came), line, letter of the HIPAA Safe Harbor (45 CFR 164.514(b)(2)(i)), kind, score (0 to 1)
    and a salted digest that is equal for equal values; and with `letters`: how each of the 18
    letters is tested, and how many were found. Values are in it only with --with-values.

    With --field, FILE is JSON lines: every row comes out again with that field redacted and,
    with --format json, its `spans`.

    A file of any size is read in parts of 20,000 characters; only the JSON of a plain text is built
    in memory. What no recogniser knows stays in
    the text: docs/personal-data.md says how much of each letter is found on a made set. The
    result is no statement that a text is de-identified.

    \b
    Examples:
      weighbridge redact note.txt
      weighbridge redact note.txt --format json --letters A,C,G > spans.json
      cat notes.txt | weighbridge redact - --strict > redacted.txt
      weighbridge redact replies.jsonl --field response --output redacted.jsonl

    \b
    Exit codes: 0 read, whatever was found, 2 usage or input error, 3 recognisers are missing
    or the text could not be read to its end, 130 interrupted.
    """
    from cli.libraries import settle
    from cli.redact_files import counted, open_text, size_bytes, write_pieces
    from cli.terminal import shown_progress
    from probes.redaction import Redaction

    chosen = _letters(letters)
    if with_values and output != "json":
        raise click.UsageError("--with-values is for --format json")
    text = open_text(file)
    settle()
    redaction = Redaction(_analyser(), salt or secrets.token_hex(16), chosen, strict)
    with (
        shown_progress(quiet=quiet) as progress,
        progress.task("Redacting", size_bytes(file), "bytes") as task,
    ):
        lines = counted(text, task)
        if field:
            pieces = _rows(lines, field, redaction, file, is_json=output == "json", with_values=with_values)
        elif output == "json":
            pieces = _document(lines, redaction, file, with_values=with_values)
        else:
            pieces = (part.text for part in redaction.redact(lines))
        write_pieces(pieces, output_file)
    return int(ExitCode.PASSED)


def _analyser() -> PersonalDataAnalyser:
    """The recognisers; without them the text was not assessed, which is no fault of the call."""
    from cli.redact_files import TextBrokenError
    from probes.personal_data import open_analyser

    try:
        return open_analyser()
    except NotAvailableError as error:
        raise TextBrokenError(str(error), hint=error.hint) from error


def _letters(asked: str) -> str:
    """The letters to look for, in their order.

    Raises:
        click.UsageError: when one is unknown or cannot be tested in text.
    """
    from probes.identifiers import load_identifiers

    known = load_identifiers().letters
    testable = [letter for letter, row in known.items() if row.is_tested != "no"]
    if asked.strip().lower() == "all":
        return "".join(testable)
    chosen = [letter.strip().upper() for letter in asked.split(",") if letter.strip()]
    for letter in chosen:
        if letter not in testable:
            why = f"{known[letter].name} are {known[letter].how}" if letter in known else "no such letter"
            raise click.UsageError(f"--letters {asked}: '{letter}': {why}; expected {', '.join(testable)}")
    if not chosen:
        raise click.UsageError(f"--letters '{asked}': no letter in it; expected {', '.join(testable)}")
    return "".join(sorted(set(chosen)))


def _document(lines: Iterator[str], redaction: Redaction, file: str, *, with_values: bool) -> Iterator[str]:
    """One JSON object for the whole text."""
    from probes.identifier_rules import load_rules
    from probes.identifiers import load_identifiers

    found = list(redaction.redact(lines))
    spans = [span for part in found for span in part.spans]
    letters = load_identifiers().letters
    document = {
        "file": "standard input" if file == "-" else file,
        "characters": sum(part.characters for part in found),
        "looked_for": list(redaction.letters),
        "strict": redaction.strict,
        "letters": {
            letter: {
                "name": row.name,
                "tested": row.is_tested
                if letter in redaction.letters or row.is_tested == "no"
                else "not asked for",
                "how": row.how,
                "found": sum(span.letter == letter for span in spans),
            }
            for letter, row in letters.items()
        },
        "data": f"{load_identifiers().version}, rules {load_rules().version}",
        "spans": [_as_json(span, with_values) for span in spans],
        "text": "".join(part.text for part in found),
    }
    yield json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _rows(
    lines: Iterator[str], field: str, redaction: Redaction, file: str, *, is_json: bool, with_values: bool
) -> Iterator[str]:
    """The rows of a JSON lines file with one field redacted."""
    from cli.redact_files import text_row

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = text_row(line, field, f"{'standard input' if file == '-' else file}, line {number}")
        found = redaction.redact_text(row[field])
        added = {"spans": [_as_json(span, with_values) for span in found.spans]} if is_json else {}
        yield json.dumps({**row, field: found.text, **added}, ensure_ascii=False) + "\n"


def _as_json(span: RedactedSpan, with_values: bool) -> dict[str, Any]:
    row = {
        "start": span.start, "end": span.end, "line": span.line, "letter": span.letter, "kind": span.kind,
        "name": span.name, "score": span.score, "digest": span.digest,
    }  # fmt: skip
    return row | {"value": span.value} if with_values else row
