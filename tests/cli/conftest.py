"""An office of its own for every test that decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Office


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Office:
    """A data folder, no settings file, and a working directory without a policy file."""
    monkeypatch.setenv("WEIGHBRIDGE_PERSON", str(tmp_path / "nobody.yaml"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Office(tmp_path / "data", capsys)
