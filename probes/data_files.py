"""The YAML files of probes/data."""

from __future__ import annotations

from importlib import resources

from scanner.data_files import decoded

__all__ = ["data_text", "decoded"]


def data_text(name: str) -> str:
    """The text of the file of this name in probes/data."""
    return (resources.files("probes") / "data" / name).read_text("utf-8")
