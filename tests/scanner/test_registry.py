"""The registry: every file of a folder counts, a broken one is never silently left out."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from scanner.registry import CHECK_PACKAGES, RegistryError, load_checks, modules_of, nearest, pick

CHECK = """
from tests.fakes import FakeCheck
class Found(FakeCheck):
    id = "{id}"
CHECK = Found()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable empty package of a fresh name."""
    folder = tmp_path / f"plugged_{abs(hash(tmp_path))}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_every_module_of_the_folder_is_a_check(package: Path) -> None:
    (package / "one.py").write_text(CHECK.format(id="one-is-wrong"))
    (package / "two.py").write_text(CHECK.format(id="two-is-wrong"))
    (package / "notes.txt").write_text("not a module")
    assert list(load_checks([package.name])) == ["one-is-wrong", "two-is-wrong"]


def test_module_without_a_check_is_an_error(package: Path) -> None:
    (package / "helper.py").write_text("CHECK = 3")
    with pytest.raises(RegistryError, match="helper: defines no CHECK"):
        load_checks([package.name])


def test_two_checks_of_one_id_are_an_error(package: Path) -> None:
    for name in ("one", "two"):
        (package / f"{name}.py").write_text(CHECK.format(id="same"))
    with pytest.raises(RegistryError, match="two: the name 'same' is taken"):
        load_checks([package.name])


@pytest.mark.parametrize("text", ["import nothing_of_this_name", "1 / 0", "def ("])
def test_module_that_cannot_be_imported_is_an_error_with_its_name(package: Path, text: str) -> None:
    (package / "broken.py").write_text(text)
    with pytest.raises(RegistryError, match=r"\.broken: cannot be loaded") as caught:
        list(modules_of(package.name))
    assert caught.value.hint


def entry_point(monkeypatch: pytest.MonkeyPatch, package: Path, value: str) -> None:
    point = importlib.metadata.EntryPoint("outside", value, f"weighbridge.{package.name}")
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda *, group: [point] if group == point.group else []
    )


def test_outside_packages_add_theirs_by_entry_point(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package.parent / f"{package.name}_outside.py").write_text(CHECK.format(id="outside-is-wrong"))
    entry_point(monkeypatch, package, f"{package.name}_outside")
    assert list(load_checks([package.name])) == ["outside-is-wrong"]
    assert f"{package.name}_outside" in sys.modules


def test_broken_plug_in_is_an_error_with_its_name(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point(monkeypatch, package, "nothing_of_this_name")
    with pytest.raises(RegistryError, match=r"plug-in outside \(nothing_of_this_name\)"):
        load_checks([package.name])


def test_own_checks_load_and_say_what_they_are() -> None:
    checks = load_checks(CHECK_PACKAGES)
    assert {"integrity-mismatch", "name-contradicts-metadata"} <= set(checks)
    for name, check in checks.items():
        module = type(check).__module__
        assert module.rsplit(".", 1)[1] == name.replace("-", "_")
        documentation = sys.modules[module].__doc__ or ""
        for part in (
            "What it looks for:",
            "Why it matters:",
            "How it can be wrong:",
            "What it needs:",
            "Source:",
        ):
            assert part in documentation, f"{module}: its docstring does not say '{part}'"


def test_picking_by_name_and_all_by_default(package: Path) -> None:
    (package / "one.py").write_text(CHECK.format(id="pii-leak"))
    known = load_checks([package.name])
    assert pick(known, []) == list(known.values())
    assert pick(known, ["pii-leak"]) == [known["pii-leak"]]
    with pytest.raises(RegistryError, match="unknown check 'pii-leek'; did you mean 'pii-leak'") as caught:
        pick(known, ["pii-leek"])
    assert caught.value.hint


def test_nothing_near_suggests_nothing() -> None:
    assert nearest("zzzzzz", ["integrity-mismatch"]) == ""
