"""`--base`: the model that another one was made from, fetched beside it for the check that compares them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from scanner.check import Check
    from scanner.source import FetchOptions

Command = TypeVar("Command", bound=Callable[..., Any])


def base(command: Command) -> Command:
    """`--base`: the model to hold weights and chat template against."""
    return click.option(
        "--base",
        "base_model",
        default="",
        metavar="MODEL",
        show_default="a declared base that was fetched earlier",
        help="Model that this one was made from, named as MODEL is; tensors and chat template are compared.",
    )(command)


def base_settings(
    base_model: str,
    fetching: FetchOptions,
    workplace: Workplace,
    checks: Sequence[Check],
    *,
    is_inspection: bool = False,
) -> Mapping[str, str]:
    """What the check of the base is told: where what was fetched of the base is described.

    Raises:
        click.UsageError: when a base was named and no check of the scan reads it.
        ScanError: when the base cannot be fetched, or the data folder not be written.
    """
    from scanner.weights.base import MODELS_SETTING, SNAPSHOT_SETTING

    if not any(SNAPSHOT_SETTING in check.settings for check in checks):
        if base_model:
            raise click.UsageError("--base is for the check differs-from-base, which does not run")
        return {}
    found = {MODELS_SETTING: str(workplace.fetched)} if (workplace.fetched / "hub").is_dir() else {}
    if not base_model:
        return found
    from cli.workplace import write_whole
    from scanner.fetching import fetch, inspect
    from scanner.records import encode
    from scanner.references import ModelRef

    whole = replace(fetching, allow=(), ignore=())  # the patterns are for the model under test
    snapshot = (inspect if is_inspection else fetch)(ModelRef.parse(base_model), whole)
    described = encode(snapshot)
    # Named by its content: another base, or another commit of it, is another scan.
    path = workplace.root / "bases" / f"{hashlib.sha256(described).hexdigest()[:32]}.json"
    write_whole(path, described, "--data-dir")
    return {**found, SNAPSHOT_SETTING: str(path)}
