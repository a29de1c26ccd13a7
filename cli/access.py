"""Options of the sources beside the hub: a credential, plain http, where Ollama keeps its models.

They travel in Click's context, so that the commands that fetch need not hand them on one by one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from scanner.source import Access

Command = TypeVar("Command", bound=Callable[..., Any])

_KEY: Final = "cli.access"
# Where Ollama keeps models: of this user, and of the service that its installer sets up on Linux.
_STORES: Final = ("~/.ollama/models", "/usr/share/ollama/.ollama/models")


def access_options(command: Command) -> Command:
    """`--credential`, `--plain-http`, `--ollama-store`."""
    options = (
        click.option(
            "--credential",
            default="",
            envvar="WEIGHBRIDGE_CREDENTIAL",
            metavar="USER:SECRET|TOKEN",
            help="For the registry or server that MODEL names, never for another host; never stored.",
            expose_value=False,
            callback=_remember,
        ),
        click.option(
            "--plain-http",
            multiple=True,
            metavar="HOST",
            help="Host that may be asked without encryption; this machine always may. May be repeated.",
            expose_value=False,
            callback=_remember,
        ),
        click.option(
            "--ollama-store",
            type=click.Path(file_okay=False, path_type=Path),
            default=None,
            envvar="OLLAMA_MODELS",
            show_default=_STORES[0],
            help="Folder that Ollama keeps its models in.",
            expose_value=False,
            callback=_remember,
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def access() -> Access:
    """What the options of the running command say."""
    from scanner.source import Access

    context = click.get_current_context(silent=True)
    given: dict[str, Any] = context.meta.get(_KEY, {}) if context else {}
    # Not `Path.is_dir`, which raises where the folder of the service is closed to us.
    found = next(filter(os.path.isdir, map(os.path.expanduser, _STORES)), None)
    store = given.get("ollama_store") or (Path(found) if found else None)
    return Access(given.get("credential", ""), tuple(given.get("plain_http", ())), store)


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:  # noqa: ANN401 - Click's
    context.meta.setdefault(_KEY, {})[option.name] = value
