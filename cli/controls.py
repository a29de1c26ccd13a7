"""`weighbridge controls`: the control packs and their controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options

if TYPE_CHECKING:
    from policies.packs import Pack


@click.command(short_help="List the control packs and their controls.")
@click.argument("pack_name", metavar="[PACK]", required=False)
@options.output_format
def command(pack_name: str | None, output: str) -> None:
    """List the control packs, or the controls of PACK with what they rest on.

    \b
    Examples:
      weighbridge controls
      weighbridge controls eu-ai-act
      weighbridge controls hipaa-security --format json
    """
    from cli.checks import known_checks
    from cli.workplace import as_json
    from policies.packs import available_packs, load_packs

    names = [pack_name] if pack_name else list(available_packs())
    packs = load_packs(names, known_checks())
    if output == "json":
        click.echo(as_json([_document(pack) for pack in packs]))
    elif pack_name:
        _print_controls(packs[0])
    else:
        _print_packs(packs)


def _document(pack: Pack) -> dict[str, object]:
    return {
        "id": pack.id,
        "version": pack.version,
        "title": pack.title,
        "status": pack.status,
        "digest": pack.digest,
        "controls": [
            {"id": control.id, "label": control.label, "title": control.title, "checks": list(control.checks)}
            for control in pack.controls
        ],
    }


def _print_packs(packs: list[Pack]) -> None:
    from rich.table import Table

    from cli.terminal import stdout

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("pack", "version", "controls", "instrument"):
        table.add_column(title, overflow="fold", no_wrap=title in ("pack", "version"))
    for pack in packs:
        table.add_row(pack.id, pack.version, str(len(pack.controls)), pack.cite)
    stdout().print(table)


def _print_controls(pack: Pack) -> None:
    from rich.padding import Padding

    from cli.terminal import stdout

    console = stdout()
    console.print(f"{pack.title} ({pack.id} {pack.version}, {pack.status}): {pack.cite}\n")
    for control in pack.controls:
        console.print(control.id, style="bold")
        console.print(Padding(f"{control.label}: {control.title}", (0, 0, 0, 4), expand=False))
        rests_on = ", ".join(control.checks) or "a person's answer"
        console.print(Padding(f"rests on {rests_on}", (0, 0, 0, 4), expand=False))
