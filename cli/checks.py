"""`weighbridge checks`: every check, what it needs and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from scanner.check import Profile

if TYPE_CHECKING:
    from scanner.check import Check

CHECK_PACKAGES = ("scanner.checks", "probes.checks")


def known_checks() -> dict[str, Check]:
    """Every check of this installation, plug-ins included, by id."""
    from scanner.registry import load_checks

    return load_checks(CHECK_PACKAGES)


@click.command(short_help="List the checks and what they cost.")
@click.argument("check_id", metavar="[ID]", required=False)
@options.profile
@options.output_format
def command(check_id: str | None, profile: Profile, output: str) -> None:
    """List every check with what it needs and what it costs, or explain the check ID.

    \b
    Examples:
      weighbridge checks
      weighbridge checks pickle-runs-code
      weighbridge checks --profile deep --format json
    """
    from cli.workplace import as_json
    from scanner.registry import pick
    from scanner.runner import in_order

    known = known_checks()
    checks = in_order(pick(known, [check_id] if check_id else []))
    if output == "json":
        click.echo(as_json([_document(check, profile) for check in checks]))
    elif check_id:
        _explain(checks[0], profile)
    else:
        _list(checks, profile)


def _document(check: Check, profile: Profile) -> dict[str, object]:
    cost = check.cost(profile)
    return {
        "id": check.id,
        "title": check.title,
        "severity": check.severity.value,
        "needs": check.needs.value,
        "questions": cost.questions,
        "reply_tokens": cost.reply_tokens,
        "measures": [{"name": each.name, "unit": each.unit, "title": each.title} for each in check.measures],
    }


def _list(checks: list[Check], profile: Profile) -> None:
    from rich.padding import Padding

    from cli.terminal import stdout
    from scanner.check import Cost

    console = stdout()
    console.print(f"{'check':<29}{'severity':<10}{'questions':>9}")
    total = Cost()
    for check in checks:
        cost = check.cost(profile)
        total += cost
        asked = f"{cost.questions:,}" if cost.questions else "-"
        console.print(f"{check.id:<29}{check.severity.value:<10}{asked:>9}")
        console.print(Padding(check.title, (0, 0, 0, 4), expand=False))
    console.print(
        f"{len(checks)} checks; profile {profile.value}: at most {total.questions:,} questions, "
        f"{total.reply_tokens:,} reply tokens"
    )


def _explain(check: Check, profile: Profile) -> None:
    """Prints the check's page: its module's docstring is its documentation."""
    import inspect
    import sys

    cost = check.cost(profile)
    click.echo(f"{check.id}: {check.title}\n")
    click.echo(inspect.cleandoc(sys.modules[type(check).__module__].__doc__ or ""))
    click.echo(f"\nSeverity: {check.severity.value}. Needs: {check.needs.value}.")
    if cost.questions:
        click.echo(
            f"Profile {profile.value}: at most {cost.questions} questions, {cost.reply_tokens} tokens."
        )
    for measure in check.measures:
        click.echo(f"Measures {measure.name} [{measure.unit}]: {measure.title}")
