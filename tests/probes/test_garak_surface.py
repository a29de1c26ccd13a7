"""The contract with garak: every name that the adapter relies on, tried against the installed garak."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from probes.garak import surface
from probes.garak.confinement import private_environment
from probes.garak.profiles import load_profiles

_LOOK = """
import json
from probes.garak import surface
print(json.dumps(surface.missing_names()))
"""

_DEFAULTS = """
import importlib, json, sys
found = {}
for setting in sys.argv[1:]:
    kind, module, name, key = setting.split(".")
    found[setting] = getattr(importlib.import_module(f"garak.{kind}.{module}"), name).DEFAULT_PARAMS[key]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def missing(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the installed garak lacks; garak is imported in a process of its own."""
    folder = tmp_path_factory.mktemp("garak")
    done = subprocess.run(
        [sys.executable, "-c", _LOOK],
        env=private_environment(folder),
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=120,
    )
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, name, _ in surface.RELIED_ON])
def test_installed_garak_has_each_name_relied_on(missing: list[str], module: str, name: str) -> None:
    assert not [line for line in missing if f"{module}.{name}," in line]


def test_every_setting_that_takes_a_local_model_names_that_model_in_garak(tmp_path: Path) -> None:
    expected = {
        setting: hub_id for hub_id, settings in load_profiles().hub_models.items() for setting in settings
    }
    done = subprocess.run(
        [sys.executable, "-c", _DEFAULTS, *expected],
        env=private_environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout) == expected


def test_a_name_that_vanished_is_reported_with_its_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    relied_on = (
        ("json", "dumps", "is there"),
        ("json", "JSONEncoder.encoded", "encodes"),
        ("no_such", "x", "y"),
    )
    monkeypatch.setattr(surface, "RELIED_ON", relied_on)
    assert surface.missing_names() == [
        "garak has no json.JSONEncoder.encoded, which encodes",
        "garak has no no_such.x, which y",
    ]


def test_installed_garak_is_a_supported_one() -> None:
    assert surface.installed_version().startswith(surface.SUPPORTED_VERSION)


def test_another_minor_version_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.18.0")
    with pytest.raises(surface.UnsupportedGarakError, match=r"garak 0\.18\.0 is installed") as caught:
        surface.installed_version()
    assert caught.value.hint == "install garak==0.17.*"


def test_absent_garak_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(surface.UnsupportedGarakError, match="not installed"):
        surface.installed_version()


def test_the_list_of_plugins_is_found_without_importing_garak() -> None:
    # In a process of its own: other tests of this one may have imported garak before.
    said = "from probes.garak import surface; import sys; print(surface.inventory_path().is_file())"
    command = [sys.executable, "-c", f"{said}; print('garak' in sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_nothing_but_the_surface_imports_garak() -> None:
    root = Path(surface.__file__).parents[1]
    guilty = [
        path.name
        for path in root.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.strip().startswith(("import garak", "from garak"))
    ]
    assert not guilty
