"""`weighbridge licences`: what the licence texts of a folder are, and what was added to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from scanner.licence_review import JudgedFile, Judgement
    from scanner.licensing.licence import Licence

SCHEMA = "weighbridge.licences-judged/1"


@click.command(short_help="Say which licences a folder or a text holds, and what was added to them.")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@options.output_format
@click.option("--json", "as_json_too", is_flag=True, help="The same as --format json.")
def command(path: Path, output: str, as_json_too: bool) -> int:
    """Read the licence files of the folder PATH, or the single text or GGUF file PATH.

    Every LICENSE, COPYING, NOTICE and use policy is held word by word against the known texts: which
    it is, how much of it is there, and which sentences were added, with their lines. The licences of
    code and weights are kept apart. What the model card, config.json and GGUF headers declare is
    held against the texts. A text is called permissive only when every word of it is accounted for.
    See docs/licences.md.

    \b
    Examples:
      weighbridge licences ./my-model
      weighbridge licences LICENSE --json
      weighbridge licences ./my-model --json | jq -r '.files[].additional_terms[].text'

    \b
    Exit codes: 0 every governing text is recognised word by word and nothing contradicts it, 2 usage
    or input error, 4 a person must read: a text that is not recognised, altered or has additional
    terms, a contradiction, a missing text, a file that cannot be read, 130 interrupted.
    """
    from cli.terminal import stdout
    from cli.workplace import as_json
    from scanner.licence_review import judge_path

    judged = judge_path(path)
    if as_json_too or output == "json":
        click.echo(as_json(_document(path, judged)))
    else:
        _print(judged, stdout())
    return int(ExitCode.REVIEW if judged.needs_person else ExitCode.PASSED)


def _document(path: Path, judged: Judgement) -> dict[str, object]:
    from scanner.licensing.table import licence_table

    table = licence_table()
    return {
        "schema": SCHEMA,
        "path": str(path),
        "table": {"version": table.version, "retrieved": table.retrieved.isoformat()},
        "files": [_file(each) for each in judged.files],
        "declared": [
            {
                "name": claim.name,
                "detail": claim.detail,
                "path": claim.place.path,
                "place": claim.place.detail,
                "in_running_text": claim.is_prose,
                "licences": [row.id for row in claim.licences(table)],
            }
            for claim in (*judged.claims, *judged.prose)
        ],
        "contradictions": list(judged.contradictions),
        "inherited": list(judged.inherited),
        "problems": [{"path": where, "reason": reason} for where, reason in judged.problems],
        "effective": {
            "licences": [row.id for each in judged.governing for row in each.reading.licences],
            "permissive": judged.is_plainly_permissive,
            "person_must_read": judged.needs_person,
            "why": list(judged.open_questions),
        },
    }


def _file(each: JudgedFile) -> dict[str, object]:
    reading = each.reading
    return {
        "path": each.path,
        "sha256": each.sha256,
        "role": each.role.value,
        "governs": each.governs,
        "standing": reading.standing.value,
        "permissive": reading.is_plainly_permissive,
        "licences": [_licence(row) for row in reading.licences],
        "confidence": round(reading.containment, 4),
        "exact": reading.is_exact,
        "missing_words": reading.missing_words,
        "additional_terms": [
            {
                "line": item.sentence.line,
                "text": item.sentence.text,
                "trigger": item.trigger.id,
                "title": item.trigger.title,
                "severity": item.trigger.severity.value,
            }
            for item in reading.additions
        ],
        "unexplained": [{"line": item.line, "text": item.text} for item in reading.unexplained],
    }


def _licence(row: Licence) -> dict[str, object]:
    return {
        "id": row.id,
        "title": row.title,
        "spdx": row.spdx,
        "commercial": row.commercial.value,
        "foss": row.foss.value,
        "base": row.base,
    }


def _print(judged: Judgement, console: Console) -> None:
    from reports.glyphs import visible
    from scanner.licensing.comparison import terms, title_of
    from scanner.licensing.reading import Standing

    def line(said: str) -> None:
        console.print(visible(said), soft_wrap=True)

    for each in judged.files:
        reading = each.reading
        title = title_of(reading) if reading.licences else reading.standing.value
        share = f", {reading.containment:.0%} of its words" if reading.containment else ""
        line(f"{each.path} ({each.role.value}{', governs' if each.governs else ''}): {title}{share}")
        if reading.licences:
            about = "" if reading.standing is Standing.PLAIN else "without what was added: "
            line(f"  {about}{terms(reading)}")
        for item in reading.additions:
            line(f'  line {item.sentence.line}, {item.trigger.title}: "{item.sentence.text}"')
        for sentence in reading.unexplained:
            line(f'  line {sentence.line}, not known: "{sentence.text}"')
        if reading.missing_words:
            line(f"  {reading.missing_words} words of the known text are missing")
    for claim in (*judged.claims, *judged.prose):
        line(f"{claim.place.path} ({claim.place.detail}): declares {claim.shown}")
    names = ", ".join(title_of(each.reading) for each in judged.governing if each.reading.licences)
    line(
        f"effective: {names or 'unresolved'}{'; plainly permissive' if judged.is_plainly_permissive else ''}"
    )
    for reason in judged.open_questions:
        line(f"a person must read: {reason}")
