"""`weighbridge canaries`: records to plant in fine-tuning data, so that a scan can look for them later."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from probes.canaries.records import Canary


@click.group(short_help="Make records to plant in fine-tuning data.")
def command() -> None:
    """Make canaries: invented records with random secrets, to plant in fine-tuning data.

    Whoever fine-tunes plants them before training. `weighbridge scan MODEL --canaries FILE`
    then tells how many come back out of the model.

    \b
    Examples:
      weighbridge canaries make --output canaries.jsonl --rows rows.jsonl
      weighbridge scan ./tuned-model --canaries canaries.jsonl
    """


@command.command(short_help="Write a file of canaries, and rows to plant.")
@click.option(
    "--count", type=click.IntRange(1), default=10, show_default=True, help="How many canaries to make."
)
@click.option(
    "--kind",
    "only",
    multiple=True,
    metavar="KIND",
    show_default="patient, account and email in turn",
    help="Kind of record; may be repeated.",
)
@click.option(
    "--output",
    "output_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File for the canaries; keep it secret, and name it when the model is scanned.",
)
@click.option(
    "--rows",
    "rows_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    show_default="none",
    help="File for rows to mix into the fine-tuning data, as JSON lines with messages and text.",
)
@click.option(
    "--times",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How often each record stands in the rows: as often as a person's record may stand in your data.",
)
@click.option(
    "--seed",
    default="",
    metavar="TEXT",
    show_default="random",
    help="What the secrets are drawn from; who knows it knows the secrets. It is recorded in the file.",
)
def make(
    count: int, only: tuple[str, ...], output_file: Path, rows_file: Path | None, times: int, seed: str
) -> None:
    """Write canaries to --output, and rows to plant to --rows.

    The people, places and numbers in them do not exist. No file is overwritten: who loses a
    canary file cannot look for its records any more.

    \b
    Examples:
      weighbridge canaries make --count 10 --output canaries.jsonl --rows plant.jsonl
      weighbridge canaries make --kind patient --output canaries.jsonl --rows plant.jsonl --times 4
    """
    from probes.canaries.making import make_canaries, rows_to_plant
    from scanner.records import encode

    canaries = make_canaries(count, seed=seed or secrets.token_hex(16), only=only)
    rows = list(rows_to_plant(canaries, times=times))
    _write(output_file, [encode(canary) for canary in canaries])
    if rows_file is not None:
        _write(rows_file, [encode(row) for row in rows])
    _tell(canaries, output_file, rows_file, len(rows))


def _write(path: Path, lines: Sequence[bytes]) -> None:
    """A new file that nobody but its owner may read."""
    from scanner.errors import ScanError

    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
    except FileExistsError as error:
        raise ScanError(
            f"{path} is there already and is not overwritten", hint="name another file, or move it away"
        ) from error
    except OSError as error:
        raise ScanError(
            f"{path}: {error.strerror or error}", hint="name a file that can be written"
        ) from error


def _tell(canaries: Sequence[Canary], output_file: Path, rows_file: Path | None, rows: int) -> None:
    click.echo(f"wrote {len(canaries)} canaries to {output_file}")
    if rows_file is not None:
        click.echo(f"wrote {rows} rows to {rows_file}: mix them into the fine-tuning data")
    click.echo(f"after training: weighbridge scan MODEL --canaries {output_file}")
