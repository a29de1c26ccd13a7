"""What decides a result is named with its version, plug-ins too."""

import importlib.metadata
from pathlib import Path

import pytest

from cli.versions import deciding_versions


def test_every_deciding_library_is_installed_and_named() -> None:
    versions = deciding_versions()
    assert "not installed" not in versions.values()
    assert versions["torch"] == importlib.metadata.version("torch")
    assert versions["data of scanner"].startswith("sha256:")


def test_plug_in_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "more_checks-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: more-checks\nVersion: 1.2\n")
    (folder / "entry_points.txt").write_text("[weighbridge.scanner.checks]\nmore = more_checks\n")
    before = deciding_versions()
    monkeypatch.syspath_prepend(tmp_path)
    assert dict(deciding_versions()) == {**before, "plug-in more-checks": "1.2"}
