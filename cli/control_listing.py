"""What `weighbridge controls` prints for people: packs, controls, checks and crosswalks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cli.control_words import NON_CLAIM, headline, lines, standing, summary
from cli.terminal import stdout
from policies.controls import EvidenceKind, Pack
from policies.crosswalk import Crosswalk, CrosswalkRow, PackControl
from reports.wording import plain

if TYPE_CHECKING:
    from rich.table import Table

    from scanner.check import Check


def print_packs(packs: Iterable[Pack]) -> None:
    """One line a pack."""
    table = _table("pack", "version", "status", "controls", "instrument")
    for pack in packs:
        table.add_row(pack.id, pack.version, plain(pack.status), str(len(pack.controls)), pack.cite)
    stdout().print(table)


def print_controls(pack: Pack) -> None:
    """Every control of a pack with what decides it, and at the end those that no check feeds."""
    from rich.padding import Padding

    console = stdout()
    console.print(headline(pack))
    console.print(f"{standing(pack)}\n")
    for control in pack.controls:
        console.print(control.id, style="bold")
        console.print(Padding(f"{control.label}: {control.title}", (0, 0, 0, 4), expand=False))
        table = _table()
        for name, value in lines(control, pack):
            table.add_row(name, value)
        console.print(Padding(table, (0, 0, 0, 4), expand=False))
    unfed = [control.id for control in pack.controls if control.evidence is EvidenceKind.ATTESTATION]
    console.print(f"\n{summary(pack)}")
    if unfed:
        console.print(f"no check feeds, for the reason given with each: {', '.join(unfed)}")


def print_checks(
    checks: Mapping[str, Check], feeds: Mapping[str, Sequence[PackControl]], excused: Mapping[str, str]
) -> None:
    """Every check with the controls that it feeds, pack by pack."""
    from rich.padding import Padding

    console = stdout()
    for check, controls in feeds.items():
        console.print(check, style="bold")
        console.print(Padding(checks[check].title, (0, 0, 0, 4), expand=False))
        table = _table()
        for pack_id, labels in _labels(controls).items():
            table.add_row(pack_id, "; ".join(labels))
        if not controls:
            table.add_row("none", excused.get(check, "no control of these packs rests on it"))
        console.print(Padding(table, (0, 0, 0, 4), expand=False))
    fed = sum(bool(controls) for controls in feeds.values())
    console.print(f"\n{len(feeds)} checks, {fed} of which feed a control")


def print_crosswalks(crosswalks: Sequence[Crosswalk]) -> None:
    """Every mapped id with controls and checks, framework by framework."""
    from rich.padding import Padding

    console = stdout()
    for one in crosswalks:
        console.print(f"{one.framework.title} ({one.framework.id})\n")
        for row in one.rows:
            console.print(f"{row.id}: {row.title}", style="bold")
            console.print(Padding(_row_table(row), (0, 0, 0, 4), expand=False))
        console.print(
            f"\n{len(one.rows)} ids are mapped to controls, {len(one.unmapped)} known ones to none\n"
        )
    console.print(NON_CLAIM)


def _row_table(row: CrosswalkRow) -> Table:
    table = _table()
    for one in row.controls:
        fed_by = ", ".join(one.control.fed_by) or "a person"
        table.add_row(one.pack.id, f"{one.control.label}: {fed_by}")
    return table


def _labels(controls: Sequence[PackControl]) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for one in controls:
        labels.setdefault(one.pack.id, []).append(one.control.label)
    return labels


def _table(*titles: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=bool(titles))
    for title in titles or ("", ""):
        table.add_column(title, overflow="fold", no_wrap=title in ("pack", "version", "status"))
    return table
