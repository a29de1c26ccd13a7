"""`weighbridge lists`: which lists of restricted parties scans hold suppliers against, and their import."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options

if TYPE_CHECKING:
    from scanner.origins.imported_lists import ImportedList, ImportHead


@click.group(short_help="Show and renew the lists of restricted parties.")
def command() -> None:
    """Show the lists of restricted parties, import whole ones, search them.

    A few rows about suppliers of models ship with Weighbridge. Whole lists are downloaded by
    you and imported from a file, so that it works without a network: the Consolidated
    Screening List of the US (JSON or CSV), the EU's consolidated list and the UK Sanctions List
    (CSV). What a list means for you depends on your role; a match is a fact to look at and no
    verdict. See docs/restricted-parties.md.

    \b
    Examples:
      weighbridge lists show
      weighbridge lists import consolidated.json --published 2026-11-25
      weighbridge lists find "Example Technology Co., Ltd."
    """


@command.command("import", short_help="Import a downloaded screening list.")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--published",
    type=click.DateTime(["%Y-%m-%d"]),
    default=None,
    show_default="as the file tells",
    help="Day on which you downloaded the file, where it tells none itself.",
)
@options.data_dir
def import_list(file: Path, published: datetime.datetime | None, data_dir: Path) -> None:
    """Read the downloaded list FILE for all later scans: that of the US, the EU or the UK.

    Which list it is follows from its columns. Rows that cannot be read are counted and named; a
    file that is something else is refused and the earlier import stays. File name, sha256, day
    and numbers are kept and told by every scan.

    \b
    Examples:
      weighbridge lists import consolidated.json
      weighbridge lists import UK-Sanctions-List.csv --published 2026-11-25
    """
    from cli.terminal import stdout
    from cli.workplace import Workplace
    from reports.glyphs import visible
    from scanner.origins.imported_lists import write_import
    from scanner.origins.screening_file import read_screening_file

    today = datetime.datetime.now(datetime.UTC).date()
    day = published.date() if published else None
    if day is not None and day > today:
        raise click.BadParameter(f"{day} is not past", param_hint="--published")
    workplace = Workplace.at(data_dir)
    read = read_screening_file(file)
    head = write_import(
        workplace.lists, read, file.name, today=today, published=day.isoformat() if day else ""
    )
    for line in read.broken:
        click.echo(visible(f"left out, {line}"), err=True)
    if read.broken_count > len(read.broken):
        click.echo(f"left out, {read.broken_count - len(read.broken)} more rows", err=True)
    _print_import(head)
    stdout().print(
        f"kept in {workplace.lists}; scans with this data folder use it from now on", soft_wrap=True
    )


@command.command("show", short_help="List the lists, or the rows of one.")
@click.argument("name", metavar="[LIST]", default="")
@options.output_format
@options.data_dir
def show(name: str, output: str, data_dir: Path) -> None:
    """Say which lists scans use, of which day, and whom each concerns; with LIST, its rows.

    \b
    Examples:
      weighbridge lists show
      weighbridge lists show bis-entity-list
    """
    from cli.workplace import Workplace, as_json
    from scanner.origins.imported_lists import imported_names, read_head
    from scanner.origins.supplier_lists import supplier_lists
    from scanner.records import to_builtins
    from scanner.registry import nearest

    table = supplier_lists()
    if name and name not in table.lists:
        known = f"{nearest(name, table.lists)}; `weighbridge lists show` names those that have rows here"
        raise click.BadParameter(f"no list '{name}'{known}", param_hint="LIST")
    folder = Workplace.at(data_dir).lists
    heads = [read_head(folder, one) for one in imported_names(folder)]
    rows = [row for row in table.rows if not name or row.list.id == name]
    if output == "json":
        click.echo(
            as_json({"table": table.version, "rows": to_builtins(rows), "imported": to_builtins(heads)})
        )
        return
    if name:
        _print_rows(name)
        return
    _print_lists()
    for head in heads:
        _print_import(head)
    if not heads:
        click.echo("no whole list was imported; `weighbridge lists import` reads one", err=True)


@command.command("find", short_help="Search the lists for a company.")
@click.argument("company", metavar="COMPANY")
@options.as_of
@options.output_format
@options.data_dir
def find(company: str, as_of: datetime.date, output: str, data_dir: Path) -> None:
    """Search the shipped rows and the import for COMPANY, as a scan searches for a publisher's.

    \b
    Examples:
      weighbridge lists find "Example Technology Co., Ltd."
      weighbridge lists find Sberbank --format json
    """
    from cli.workplace import Workplace, as_json
    from reports.glyphs import visible
    from scanner.origins.imported_lists import read_imports
    from scanner.origins.supplier_lists import supplier_lists

    imports = read_imports(Workplace.at(data_dir).lists)
    found = [
        {
            "list": row.title,
            "party": row.entity,
            "since": str(row.listed),
            "how": "same name",
            "as_of": str(row.retrieved),
        }
        for row in supplier_lists().rows
        if row.counts_on(as_of) and row.is_company(company)
    ]
    found += [
        {
            "list": hit.party.source,
            "party": hit.party.name,
            "since": hit.party.start,
            "how": "same name"
            if hit.is_exact
            else f"possible match, a person must look: like '{hit.matched}'",
            "as_of": str(imported.head.day),
        }
        for imported in imports
        for hit in imported.find(company, as_of)
    ]
    if output == "json":
        click.echo(as_json({"company": company, "found": found, "searched": _searched(imports)}))
        return
    for one in found:
        click.echo(
            visible(
                f"{one['party']}: {one['list']}, since {one['since'] or 'unknown'} "
                f"({one['how']}; as of {one['as_of']})"
            )
        )
    click.echo(f"{len(found)} found in {_searched(imports)}; no match is no clearance", err=True)


def _searched(imports: Sequence[ImportedList]) -> str:
    from scanner.origins.supplier_lists import supplier_lists

    whole = (f"{one.head.rows} parties of the {one.head.as_told}" for one in imports)
    return " and ".join([f"{len(supplier_lists().rows)} shipped rows", *whole])


def _print_lists() -> None:
    from rich.table import Table

    from cli.terminal import stdout
    from scanner.origins.supplier_lists import supplier_lists

    table = supplier_lists()
    counts = Counter(row.list.id for row in table.rows)
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("list", "rows", "concerns", "read on"):
        shown.add_column(title, overflow="fold", no_wrap=title == "list")
    for one in table.lists.values():
        shown.add_row(one.id, str(counts[one.id]), one.concerns, f"{one.retrieved}, {one.confidence.value}")
    stdout().print(shown)


def _print_rows(name: str) -> None:
    from rich.table import Table

    from cli.terminal import stdout
    from scanner.origins.supplier_lists import supplier_lists

    table = supplier_lists()
    one = table.lists[name]
    stdout().print(
        f"{one.title}; kept by: {one.body}. It concerns {one.concerns}: {one.effect}.", soft_wrap=True
    )
    if one.watch:
        stdout().print(f"To be looked up: {one.watch}.", soft_wrap=True)
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("party", "since", "until", "known", "source"):
        shown.add_column(title, overflow="fold")
    for row in (row for row in table.rows if row.list.id == name):
        shown.add_row(row.entity, str(row.listed), str(row.ended or ""), row.confidence.value, row.source)
    stdout().print(shown)


def _print_import(head: ImportHead) -> None:
    from cli.terminal import stdout
    from reports.glyphs import visible

    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        f"{head.as_told}: {head.rows} parties, {head.broken} rows left out, {head.age_days(today)} days old, "
        f"newest entry {head.newest_entry or 'undated'}",
        *(f"  {count} {source}" for source, count in head.by_source.items()),
    ]
    for line in lines:
        stdout().print(visible(line), markup=False, highlight=False, soft_wrap=True)
