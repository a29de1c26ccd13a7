"""Raw personal data that a check came upon, encrypted to the user's key and written nowhere else.

Findings and evidence hold masked values. Who must see the raw ones (to tell whether a person has to be told)
names a folder and a public age key; every check then writes one file there that only the private key opens.
The private key is never asked for, read or held.

>>> Quarantine.of({}) is None
True
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scanner.errors import NotAvailableError, ScanError
from scanner.records import encode

FOLDER_SETTING: Final = "quarantine.to"
RECIPIENT_SETTING: Final = "quarantine.recipient"
SETTINGS: Final = (FOLDER_SETTING, RECIPIENT_SETTING)
SUFFIX: Final = ".jsonl.age"


class QuarantineError(ScanError):
    """The key is no public age key, or the folder cannot be written."""


@dataclass(frozen=True)
class RawValue:
    """One value as it was found.

    Attributes:
        place: "README.md:12", or the name of the reply it stands in.
        kind: What it looks like: "US_SSN", "canary".
        value: The raw value.
        masked: As findings and evidence show it.
    """

    place: str
    kind: str
    value: str
    masked: str


@dataclass(frozen=True)
class Quarantine:
    """Where raw values go, and for whose key.

    Attributes:
        folder: Made when something is kept.
        recipients: Public age keys, "age1...".
    """

    folder: Path
    recipients: tuple[str, ...]

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Quarantine | None:
        """The quarantine that the settings name, None without one.

        Raises:
            QuarantineError: when only one of folder and key is named, or the key is no public age key.
        """
        folder, recipients = (settings.get(key, "") for key in SETTINGS)
        if not folder and not recipients:
            return None
        if not folder or not recipients:
            absent = FOLDER_SETTING if not folder else RECIPIENT_SETTING
            raise QuarantineError(
                f"quarantine: {absent} is not set, expected a folder and a public age key together",
                hint="name both, as --quarantine-to DIR --quarantine-recipient age1...",
            )
        found = cls(Path(folder), tuple(key.strip() for key in recipients.split(",")))
        _keys(found.recipients)
        return found

    def path(self, check_id: str, model_digest: str) -> Path:
        """The file of one check and model."""
        return self.folder / f"{check_id}-{model_digest[:12]}{SUFFIX}"

    def keep(self, check_id: str, model_digest: str, values: Iterable[RawValue]) -> Path:
        """Writes the values, one JSON object a line, encrypted; no value makes an encrypted empty file.

        Raises:
            QuarantineError: when the folder cannot be written.
        """
        import pyrage

        lines = b"".join(encode(value) + b"\n" for value in values)
        sealed = pyrage.encrypt(lines, _keys(self.recipients))
        target = self.path(check_id, model_digest)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".new-")
            with os.fdopen(handle, "wb") as stream:
                stream.write(sealed)
            os.replace(temporary, target)
        except OSError as error:
            raise QuarantineError(
                f"quarantine {self.folder}: {error.strerror or error}",
                hint="name a folder that can be written with --quarantine-to",
            ) from error
        return target


def _keys(recipients: Sequence[str]) -> list[object]:
    try:
        import pyrage
    except ImportError as error:
        raise NotAvailableError(
            "quarantine: the library pyrage is not installed",
            hint="install Weighbridge with its dependencies",
        ) from error
    found: list[object] = []
    for key in recipients:
        if key.upper().startswith("AGE-SECRET-KEY"):
            # Never repeated: this message may end in a log.
            raise QuarantineError(
                "quarantine: that is a private key, which Weighbridge must not see",
                hint="give the public key, which begins with age1, and make a new pair: this one was typed",
            )
        try:
            found.append(pyrage.x25519.Recipient.from_str(key))
        except pyrage.RecipientError as error:
            raise QuarantineError(
                f"quarantine: '{key[:12]}' is no public age key ({error}), expected age1...",
                hint="`age-keygen -o key.txt` makes a pair and prints the public key",
            ) from error
    return found
