"""Options that choose the checks of a scan and set them, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from scanner.check import Check

Command = TypeVar("Command", bound=Callable[..., Any])


def chosen(command: Command) -> Command:
    """`--check` and `--skip`: which checks run."""
    for option in (
        click.option(
            "--skip",
            "skipped_ids",
            multiple=True,
            metavar="ID",
            help="Leave this check out; may be repeated.",
        ),
        click.option(
            "--check", "check_ids", multiple=True, metavar="ID", help="Run only this check; may be repeated."
        ),
    ):
        command = option(command)
    return command


def settings(command: Command) -> Command:
    """`--set`: settings of single checks."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        callback=lambda _context, _parameter, values: written(values),
        help="Setting of a single check, such as garak.probes=dan,encoding; may be repeated.",
    )(command)


def picked(known: Mapping[str, Check], check_ids: Sequence[str], skipped_ids: Sequence[str]) -> list[Check]:
    """The checks to run.

    Raises:
        click.UsageError: when none is left.
        RegistryError: for an unknown id.
    """
    from scanner.registry import pick

    left_out = {check.id for check in pick(known, skipped_ids)} if skipped_ids else set()
    found = [check for check in pick(known, check_ids) if check.id not in left_out]
    if not found:
        raise click.UsageError("no check is left to run; use fewer --skip")
    return found


def require_known(given: Mapping[str, str], checks: Sequence[Check]) -> None:
    """A misspelt setting would silently leave the default in force.

    Raises:
        click.BadParameter: when no check has one of the settings.
        ScanError: when a limit of checks of files is not a number in its range.
    """
    from scanner.file_limits import file_limits
    from scanner.registry import nearest

    known = sorted(key for check in checks for key in check.settings)
    for key in given:
        if key not in known:
            raise click.BadParameter(f"--set {key}: no check of this scan has it{nearest(key, known)}")
    file_limits(given)


def written(values: Sequence[str]) -> dict[str, str]:
    """The settings in arguments KEY=VALUE, the last of a key.

    Raises:
        click.BadParameter: when an argument is not KEY=VALUE.
    """
    found = {}
    for value in values:
        key, separator, setting = value.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE, for instance garak.probes=dan")
        found[key] = setting
    return found
