"""Hands an imported list of restricted parties to a scan, and says in its versions which one it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanner.check import Check
from scanner.origins.imported_lists import SETTING, ImportedListError, is_imported, read_head


def imported_settings(folder: Path, checks: Sequence[Check]) -> Mapping[str, str]:
    """The setting that names the folder, where something was imported and a check of the scan reads it."""
    is_read = any(SETTING in check.settings for check in checks)
    return {SETTING: str(folder)} if is_read and is_imported(folder) else {}


def imported_versions(settings: Mapping[str, str]) -> Mapping[str, str]:
    """The digest of the import that a scan with these settings reads: it decides results like other data."""
    if SETTING not in settings:
        return {}
    try:
        head = read_head(Path(settings[SETTING]))
    except ImportedListError:
        return {"imported screening list": "unreadable"}  # the check tells why
    return {"imported screening list": f"sha256:{head.file_sha256[:16]} of {head.day}"} if head else {}
