"""Options that several commands share, declared once."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import platformdirs
from click.core import ParameterSource

from cli.access import access_options
from scanner.check import Profile

# Found without --policy in the working directory.
POLICY_FILE: Final = "weighbridge.yaml"
Command = TypeVar("Command", bound=Callable[..., Any])


def data_dir(command: Command) -> Command:
    """`--data-dir`: where scans, evidence and fetched models are kept."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=lambda: Path(platformdirs.user_data_dir("weighbridge", appauthor=False)),
        show_default="the user's data folder",
        envvar="WEIGHBRIDGE_DATA_DIR",
        help="Folder for scans, evidence and fetched models.",
    )(command)


def database(command: Command) -> Command:
    """`--db`: where scans are stored."""
    return click.option(
        "--db",
        "database_url",
        metavar="URL",
        envvar="WEIGHBRIDGE_DB",
        show_default="SQLite in the data folder",
        help="Database that stores scans, as an SQLAlchemy URL.",
    )(command)


def output_format(command: Command) -> Command:
    """`--format`: how results are printed."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to print the result; json prints nothing else on stdout.",
    )(command)


def profile(command: Command) -> Command:
    """`--profile`: how thorough a scan is."""
    return click.option(
        "--profile",
        type=click.Choice([each.value for each in Profile]),
        default=Profile.QUICK.value,
        show_default=True,
        callback=lambda _context, _parameter, value: Profile(value),
        help="How thoroughly to question the model; `weighbridge checks` shows what each costs.",
    )(command)


def policy(command: Command) -> Command:
    """`--policy`, `--pack`, `--as-of`: what to judge by, and as of which day."""
    return criteria(as_of(command))


def as_of(command: Command) -> Command:
    """`--as-of`: the day of judgement."""
    return click.option(
        "--as-of",
        type=click.DateTime(["%Y-%m-%d"]),
        default=None,
        show_default="today",
        callback=_as_date,
        help="Day on which law and dated facts are judged.",
    )(command)


def criteria(command: Command) -> Command:
    """`--policy` and `--pack`: what to judge by."""
    options = (
        click.option(
            "--policy",
            "policy_path",
            metavar="FILE",
            type=click.Path(path_type=Path),
            envvar="WEIGHBRIDGE_POLICY",
            default=_found_policy,
            show_default="./weighbridge.yaml if it is there, else the built-in policy",
            help="Your answers, packs, gate rules and waivers, as YAML.",
        ),
        click.option(
            "--pack",
            "pack_names",
            multiple=True,
            metavar="NAME|FILE",
            help="Control pack to judge by, or a pack file of yours (.yaml), instead of those of the policy; "
            "may be repeated.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def fetching(command: Command) -> Command:
    """`--endpoint`, `--offline`, `--token` and those of other sources: where models come from."""
    options = (
        click.option(
            "--endpoint",
            default="",
            envvar="HF_ENDPOINT",
            show_default="the public hub",
            help="Hub or mirror address.",
        ),
        click.option(
            "--offline",
            is_flag=True,
            envvar="HF_HUB_OFFLINE",
            help="Fetch nothing; take what was fetched before from the cache.",
        ),
        click.option(
            "--token", default="", envvar="HF_TOKEN", help="Hub token for gated models; never stored."
        ),
        access_options,
    )
    for option in reversed(options):
        command = option(command)
    return command


def patterns(command: Command) -> Command:
    """`--allow` and `--ignore`: which files of the model to take."""
    options = (
        click.option(
            "--allow",
            multiple=True,
            metavar="PATTERN",
            help="Take only files whose path matches, such as '*.safetensors' or 'onnx/'; may be repeated.",
        ),
        click.option(
            "--ignore",
            multiple=True,
            metavar="PATTERN",
            help="Leave out files whose path matches; may be repeated.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def lock(command: Command) -> Command:
    """`--lock`: the lock to demand."""
    return click.option(
        "--lock",
        "lock_path",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        default=None,
        show_default="none",
        help="Lock that `weighbridge fetch` wrote, which every byte must match.",
    )(command)


def reports(command: Command) -> Command:
    """`--output` and `--report`: which report files to write, and where."""
    return _reports(command, ("pdf", "html", "json"))


def report_formats(command: Command) -> Command:
    """The same, also as `--format`, for a command that prints no results of its own."""
    return _reports(command, ("pdf", "html", "json"), "--format")


def reports_if_asked(command: Command) -> Command:
    """The same for a command that writes none unless told to."""
    return _reports(command, ("none",))


def _reports(command: Command, wanted: tuple[str, ...], *names: str) -> Command:
    options = (
        click.option(
            "--output",
            "output_dir",
            type=click.Path(file_okay=False, path_type=Path),
            default=None,
            show_default="./weighbridge-<scan id>",
            help="Folder for the report files.",
        ),
        click.option(
            "--report",
            *names,
            "report_names",
            type=click.Choice(["pdf", "html", "json", "sarif", "markdown", "notice", "none"]),
            multiple=True,
            default=wanted,
            show_default=True,
            help="Report files to write; may be repeated, none writes no file.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def person(command: Command) -> Command:
    """`--by`, `--by-role`, `--person`: who prepares or decides; see `cli.person`."""
    options = (
        click.option(
            "--by", "by_name", default="", metavar="NAME", envvar="WEIGHBRIDGE_BY", help="Your name."
        ),
        click.option(
            "--by-role", default="", metavar="ROLE", envvar="WEIGHBRIDGE_BY_ROLE", help="Your role: 'CISO'."
        ),
        click.option(
            "--person",
            "person_path",
            type=click.Path(path_type=Path),
            default=lambda: (
                Path(platformdirs.user_config_dir("weighbridge", appauthor=False)) / "person.yaml"
            ),
            show_default="person.yaml in the user's settings folder",
            envvar="WEIGHBRIDGE_PERSON",
            metavar="FILE",
            help="File with `name:` and `role:`, used for what --by and --by-role leave open.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def is_given(*parameters: str) -> bool:
    """Whether one of these was given by its user, on the command line or in the environment."""
    context = click.get_current_context()
    given = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return any(context.get_parameter_source(name) in given for name in parameters)


def reason(command: Command) -> Command:
    """`--reason`: why; nobody decides without."""
    return click.option("--reason", required=True, metavar="TEXT", help="Why, in a sentence.")(command)


def expires(*, required: bool) -> Callable[[Command], Command]:
    """`--expires`: the last day on which a decision counts."""
    return click.option(
        "--expires",
        type=click.DateTime(["%Y-%m-%d"]),
        required=required,
        callback=_as_last_day,
        help="Last day on which it counts."
        if required
        else "Last day on which it counts; without it, no end.",
    )


def quiet(command: Command) -> Command:
    """`--quiet`: no progress."""
    return click.option("-q", "--quiet", is_flag=True, help="Print no progress, only the result.")(command)


def _found_policy() -> Path | None:
    """The policy file of the working directory, which needs no naming."""
    path = Path(POLICY_FILE)
    return path if path.exists() else None


def _as_last_day(
    _context: click.Context, _parameter: click.Parameter, value: datetime.datetime | None
) -> datetime.date | None:
    if value is not None and value.date() < datetime.datetime.now(datetime.UTC).date():
        raise click.BadParameter(
            f"{value.date()} is past; to end an earlier decision, record another that expires today"
        )
    return value.date() if value else None


def _as_date(
    _context: click.Context, _parameter: click.Parameter, value: datetime.datetime | None
) -> datetime.date:
    return value.date() if value else datetime.datetime.now(datetime.UTC).date()
