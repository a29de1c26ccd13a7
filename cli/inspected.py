"""What a person reads at the end of an inspection: what the model says it is, and what nobody looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from cli.summary import print_counts, print_scan, summary_document
from cli.terminal import stdout
from cli.weighing import Weighing
from cli.workplace import as_json
from reports.glyphs import visible
from reports.numbers import size_text
from scanner.inspection.facts import ModelFacts, facts_of
from scanner.isolated_value import IsolatedValueError, working_out
from scanner.manifest import FileEntry, Snapshot
from scanner.records import to_builtins

_NAMED: Final = 3
_QUESTIONS: Final = "the model was not loaded and not questioned"
_DTYPES_SHOWN: Final = 6


@dataclass(frozen=True)
class Omission:
    """Files that were not read whole for the same reason.

    Attributes:
        reason: A clause about each of them.
        files: How many there are.
        unread_bytes: How much of them was not read.
        paths: The first ones.
    """

    reason: str
    files: int
    unread_bytes: int
    paths: tuple[str, ...]


class FactsBeside:
    """Reads in a process of its own what the metadata says, while the checks run."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._value: Callable[[], ModelFacts] | None = None

    def __enter__(self) -> FactsBeside:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self, snapshot: Snapshot) -> None:
        """Starts reading; once."""
        self._value = self._stack.enter_context(working_out(facts_of, snapshot, kind=ModelFacts))

    def get(self) -> ModelFacts:
        """The facts, once they are there; of a model whose metadata broke the reader, why it did."""
        if self._value is None:
            return ModelFacts()
        try:
            return self._value()
        except IsolatedValueError as error:
            return ModelFacts(unread=(str(error),))


def print_inspection(weighing: Weighing, facts: ModelFacts, files: Sequence[Path], *, output: str) -> None:
    """Prints the result of an inspection that has just ended."""
    snapshot = weighing.scan.snapshot
    if output == "json":
        click.echo(as_json(_document(weighing, facts, files)))
        return
    print_scan(weighing.scan, weighing.assessment)
    stdout().print()
    stdout().print(_facts_table(facts))
    stdout().print()
    stdout().print(_omissions_table(snapshot))
    stdout().print()
    for path in files:
        stdout().print(Text(f"Wrote {path}"), soft_wrap=True)
    print_counts(weighing.scan, weighing.assessment)


def omissions(snapshot: Snapshot) -> list[Omission]:
    """What was not read of a snapshot, by reason, the most bytes first."""
    by_reason: dict[str, list[FileEntry]] = {}
    for entry in snapshot.partly_read.values():
        reason = entry.parts.reason if entry.parts else "nothing of it was read"
        by_reason.setdefault(reason, []).append(entry)
    found = [
        Omission(
            reason,
            len(entries),
            sum(entry.size_bytes - entry.bytes_read for entry in entries),
            tuple(entry.path for entry in entries[:_NAMED]),
        )
        for reason, entries in by_reason.items()
    ]
    return sorted(found, key=lambda omission: -omission.unread_bytes)


def _document(weighing: Weighing, facts: ModelFacts, files: Sequence[Path]) -> dict[str, Any]:
    snapshot = weighing.scan.snapshot
    return {
        **summary_document(weighing.scan, weighing.assessment),
        "schema": "weighbridge.inspection/1",
        "facts": to_builtins(facts),
        "read": {
            "files": len(snapshot.files),
            "files_whole": len(snapshot.files) - len(snapshot.partly_read),
            "bytes": snapshot.bytes_read,
            "total_bytes": snapshot.total_bytes,
        },
        "not_looked_at": {
            "files": to_builtins(omissions(snapshot)),
            "left_out": [value for key, value in snapshot.source if key == "left_out"],
            "answers": _QUESTIONS,
        },
        "reports": [str(path) for path in files],
    }


def _facts_table(facts: ModelFacts) -> Table:
    table = _table("What it says it is")
    parameters = f"{facts.parameters:,} ({facts.counted})" if facts.parameters else facts.counted
    dtypes = ", ".join(f"{count:,} {dtype}" for dtype, count in list(facts.dtypes.items())[:_DTYPES_SHOWN])
    rows = {
        "Architecture": facts.architecture,
        "Parameters": parameters,
        "Tensors": f"{facts.tensors:,}: {dtypes}" if facts.tensors else "",
        "Licence": facts.licence,
        "Licence files": ", ".join(facts.licence_files[:_NAMED]) or "none found",
        "Publisher": facts.publisher,
        "Made from": ", ".join(facts.bases),
        "Not readable": "; ".join(facts.unread[:_NAMED]),
    }
    for name, value in rows.items():
        if value or name != "Not readable":
            table.add_row(name, Text(visible(value or "not said")))
    return table


def _omissions_table(snapshot: Snapshot) -> Table:
    whole = len(snapshot.files) - len(snapshot.partly_read)
    table = _table(
        f"Not looked at: {size_text(snapshot.total_bytes - snapshot.bytes_read)} of "
        f"{size_text(snapshot.total_bytes)}; {whole} of {len(snapshot.files)} files were read whole"
    )
    for omission in omissions(snapshot):
        more = f" and {omission.files - _NAMED} more" if omission.files > _NAMED else ""
        said = f"{', '.join(omission.paths)}{more}: {omission.reason}"
        table.add_row(size_text(omission.unread_bytes), Text(visible(said)))
    left_out = [value for key, value in snapshot.source if key == "left_out"]
    if left_out:
        table.add_row("left out", Text(visible(", ".join(left_out[:_NAMED]))))
    table.add_row("answers", _QUESTIONS)
    return table


def _table(title: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        show_header=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
