"""How much time and memory a check may take for one file, and how a user sets it.

>>> file_limits({"files.seconds": "120"}).seconds
120.0
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError

SECONDS_SETTING: Final = "files.seconds"
DATA_SETTING: Final = "files.data_mb"
# Beside it a process has what it began with (60 MB resident with every check imported) and the libraries that
# checks import later (40 MB for h5py and onnx): below 400 MB in all, with pages of mapped files.
DEFAULT_DATA_MB: Final = 256
_LEAST_DATA_MB: Final = 64
_MOST_DATA_MB: Final = 1024 * 1024


@dataclass(frozen=True)
class FileLimits:
    """The limits for one file.

    Attributes:
        seconds: The most time, wall clock.
        data_mb: The most memory that the process may take beyond what it began with, in MiB; mapped files do
            not count.
    """

    seconds: float
    data_mb: int


def file_limits(settings: Mapping[str, str], *, seconds: float = 60.0) -> FileLimits:
    """The limits that these settings ask for; `seconds` where they say nothing of it.

    Raises:
        ScanError: when a setting is not a number in its range.
    """
    wanted = _number(settings, SECONDS_SETTING, seconds, least=0.1, most=86_400.0)
    data_mb = _number(settings, DATA_SETTING, DEFAULT_DATA_MB, least=_LEAST_DATA_MB, most=_MOST_DATA_MB)
    return FileLimits(wanted, int(data_mb))


def _number(settings: Mapping[str, str], key: str, default: float, *, least: float, most: float) -> float:
    text = settings.get(key)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ScanError(
            f"setting {key}: got {text!r}; expected a number from {least:g} to {most:g}",
            hint=f"for instance --set {key}={default:g}",
        )
    return value
