"""The client that is tested is the one that was asked for, and speaks through the library of its line."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import huggingface_hub

from scanner.hub.client import hub_session
from scanner.source import FetchOptions


def test_client_is_the_version_that_was_asked_for() -> None:
    # scripts/test_hub_lines.py sets it; without it, the client of the environment is tested.
    asked = os.environ.get("WEIGHBRIDGE_HUB_CLIENT", version("huggingface_hub"))
    assert huggingface_hub.__version__ == asked
    if "WEIGHBRIDGE_HUB_CLIENT" in os.environ:
        assert f"hub-{asked}" in Path(huggingface_hub.__file__).parts


def test_each_line_is_fenced_in_its_own_library(tmp_path: Path) -> None:
    library = "httpx" if huggingface_hub.__version__.startswith("1.") else "httpx2"
    with hub_session("org/name", None, FetchOptions(tmp_path, endpoint="http://127.0.0.1:9")):
        session = huggingface_hub.get_session()
    kinds = [kind.__module__.partition(".")[0] for kind in type(session).__mro__]
    assert kinds[:2] == ["scanner", library]
