"""Hands imported lists of restricted parties to a scan, and says in its versions which ones they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanner.check import Check
from scanner.origins.imported_lists import SETTING, ImportedListError, imported_names, read_head


def imported_settings(folder: Path, checks: Sequence[Check]) -> Mapping[str, str]:
    """The setting that names the folder, where something was imported and a check of the scan reads it."""
    is_read = any(SETTING in check.settings for check in checks)
    return {SETTING: str(folder)} if is_read and imported_names(folder) else {}


def imported_versions(settings: Mapping[str, str]) -> Mapping[str, str]:
    """The digests of the imports that a scan with these settings reads: they decide like other data."""
    if SETTING not in settings:
        return {}
    folder = Path(settings[SETTING])
    return {f"imported {name}": _version(folder, name) for name in imported_names(folder)}


def _version(folder: Path, name: str) -> str:
    try:
        head = read_head(folder, name)
    except ImportedListError:
        return "unreadable"  # the check tells why
    return f"sha256:{head.file_sha256[:16]} of {head.day}"
