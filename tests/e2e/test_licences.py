"""`weighbridge licences`, from the command line to text, JSON and exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import run
from tests.scanner.model_folders import licence_text, write_card

MIT = licence_text("alembic")


def test_plain_licence_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "LICENSE").write_text(MIT)
    assert run(["licences", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "LICENSE (general, governs): MIT License, 100% of its words" in said
    assert "effective: MIT License; plainly permissive" in said


def test_additional_terms_are_quoted_with_their_line_and_end_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(f"{MIT}\n\nHospitals pay \x1b[2J twice.\n")
    assert run(["licences", str(tmp_path)]) == 4
    said = capsys.readouterr().out
    line = f"{MIT}\n\n".count("\n") + 1
    assert f"line {line}, " in said
    assert "\x1b" not in said
    assert (
        "a person must read: README.md declares mit, but LICENSE holds MIT License with additional terms"
        in said
    )


@pytest.mark.parametrize("options", [["--json"], ["--format", "json"]])
def test_json_says_the_same_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(f"{MIT}\n\nUse in war is not granted.\n")
    (tmp_path / "LICENSE-CODE").write_text(MIT)
    assert run(["licences", str(tmp_path), *options]) == 4
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "weighbridge.licences-judged/1"
    [model, code] = said["files"]
    assert (model["governs"], model["permissive"], model["standing"]) == (
        True, False, "known text with additional terms",
    )  # fmt: skip
    assert [term["text"] for term in model["additional_terms"]] == ["Use in war is not granted."]
    assert (code["role"], code["governs"], code["permissive"]) == ("code", False, True)
    assert said["declared"][0]["licences"] == ["mit"]
    assert said["effective"]["person_must_read"] is True


def test_path_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["licences", str(tmp_path / "nowhere")]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_unknown_text_is_for_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "LICENSE.txt").write_text("Be kind to the parcel.")
    assert run(["licences", str(tmp_path / "LICENSE.txt")]) == 4
    assert "effective: unresolved" in capsys.readouterr().out
