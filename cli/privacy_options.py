"""Options of a scan for planted strings and raw personal data, each a setting of the checks that heed it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from scanner.quarantine import FOLDER_SETTING, RECIPIENT_SETTING

Command = TypeVar("Command", bound=Callable[..., Any])

# As in probes/checks/canary_recalled.py, which is too slow to import for --help.
CANARY_SETTING = "canary.file"
# The file's content decides the scan as its name does: another content is another scan.
CANARY_DIGEST_SETTING = "canary.sha256"


def privacy(command: Command) -> Command:
    """`--canaries`, `--quarantine-to`, `--quarantine-recipient`."""
    options = (
        click.option(
            "--canaries",
            "canary_file",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            default=None,
            show_default="none",
            help="Canaries that were planted in the fine-tuning data (`weighbridge canaries make`); the same "
            f"as --set {CANARY_SETTING}=FILE.",
        ),
        click.option(
            "--quarantine-to",
            "quarantine_folder",
            metavar="DIR",
            type=click.Path(file_okay=False, path_type=Path),
            default=None,
            show_default="none",
            help="Folder for raw personal data and secrets that checks come upon, encrypted; without it "
            "nothing raw is written for anybody.",
        ),
        click.option(
            "--quarantine-recipient",
            "quarantine_recipients",
            metavar="age1...",
            multiple=True,
            help="Public age key that may open them; may be repeated. Never the private key.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def privacy_settings(
    canary_file: Path | None, quarantine_folder: Path | None, recipients: tuple[str, ...]
) -> Mapping[str, str]:
    """What these options set for the checks; a key or a folder alone is refused here, not after an hour.

    Raises:
        QuarantineError: when only one of folder and key is named, or a key is no public age key.
    """
    from scanner.quarantine import Quarantine

    found = {}
    if canary_file is not None:
        found[CANARY_SETTING] = str(canary_file.absolute())
        found[CANARY_DIGEST_SETTING] = hashlib.sha256(canary_file.read_bytes()).hexdigest()
    if quarantine_folder is not None:
        found[FOLDER_SETTING] = str(quarantine_folder.absolute())
    if recipients:
        found[RECIPIENT_SETTING] = ",".join(recipients)
    Quarantine.of(found)
    return found
