"""Local copies of the hub models that some of garak's detectors and probes load.

The setting `garak.detector_models` names a folder with, for instance, `garak-llm/roberta_toxicity_classifier`
or `garak-llm--roberta_toxicity_classifier` in it, each laid out as a hub repository. What is found there
is named to garak by its own settings; the process stays without a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from probes.garak.profiles import ProfileData, module_of
from scanner.errors import ScanError
from scanner.records import digest

_SIGN_OF_A_MODEL = "config.json"


@dataclass(frozen=True)
class LocalModels:
    """What was found.

    Attributes:
        found: Folder by hub id.
        settings: garak's settings that name these folders.
    """

    found: Mapping[str, Path] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def digests(self) -> dict[str, str]:
        """By hub id, sha256 over the names and contents of its files: what judged, for the account."""
        return {hub_id: _digest(place) for hub_id, place in self.found.items()}


def find_models(folder: str, data: ProfileData) -> LocalModels:
    """The models of the folder that garak can use; none when no folder was named.

    Raises:
        ScanError: when the folder is none, or holds none of these models: a scan that quietly went on
            without them would not be the one that was asked for.
    """
    if not folder:
        return LocalModels()
    root = Path(folder).expanduser().absolute()
    if not root.is_dir():
        raise ScanError(f"setting garak.detector_models: '{folder}' is not a folder")
    found = {
        hub_id: place
        for hub_id in data.hub_models
        for place in (root / hub_id.replace("/", "--"), root / hub_id)
        if (place / _SIGN_OF_A_MODEL).is_file()
    }
    if not found:
        raise ScanError(
            f"setting garak.detector_models: '{folder}' holds no model that garak {data.garak} uses",
            hint=f"give it a subfolder named like one of them: {', '.join(data.hub_models)}",
        )
    settings = {setting: str(place) for hub_id, place in found.items() for setting in data.hub_models[hub_id]}
    return LocalModels(found, settings)


def _digest(folder: Path) -> str:
    files = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with path.open("rb") as stream:
                files[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return digest(files)


def ruled_out(data: ProfileData, found: Collection[str]) -> tuple[str, ...]:
    """The detectors that cannot load, with these hub models at hand."""
    loadable = {
        ".".join(setting.split(".")[1:3])
        for hub_id in found
        for setting in data.hub_models[hub_id]
        if setting.startswith("detectors.")
    }
    return tuple(name for name in data.unavailable_detectors if name not in loadable)


def needs(data: ProfileData, probe: str, found: Collection[str]) -> str:
    """What a probe would need that is not here, "" when it is not known to need anything."""
    wanted = data.models_of_probe.get(probe) or data.models_of_probe.get(module_of(probe))
    if wanted and set(wanted) <= set(found):
        return ""
    return data.needs(probe)
