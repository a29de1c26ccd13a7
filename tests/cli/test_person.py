"""Who decides is told, never guessed, and the record says by what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import JANE, Office, blocked

WAIVE = (
    "waive",
    "scan-1",
    "--check",
    "remote-code",
    "--owner",
    "Owner",
    "--reason",
    "read",
    "--expires",
    "2090-01-01",
)
WAIVE += ("--compensating-control", "none", "--format", "json")


def person_of(office: Office, *words: str) -> dict[str, str]:
    office.put(blocked())
    said = office.run(*WAIVE, *words)
    assert said.code == 0, said.err
    person: dict[str, str] = said.document["decision"]["person"]
    return person


def test_options_say_who(office: Office) -> None:
    assert person_of(office, *JANE) == {"name": "Jane Roe", "role": "CISO", "known_from": "option"}


def test_environment_says_who(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_BY", "Env Roe")
    monkeypatch.setenv("WEIGHBRIDGE_BY_ROLE", "bot keeper")
    assert person_of(office) == {"name": "Env Roe", "role": "bot keeper", "known_from": "environment"}


def test_settings_file_fills_what_the_options_leave_open(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "me.yaml"
    path.write_text("name: File Roe\nrole: auditor\n", encoding="utf-8")
    assert person_of(office, "--person", str(path), "--by", "Jane Roe") == {
        "name": "Jane Roe", "role": "auditor", "known_from": f"option and {path}",
    }  # fmt: skip


def test_nobody_is_guessed(office: Office) -> None:
    office.put(blocked())
    said = office.run(*WAIVE)
    assert said.code == 2
    assert "who decides is not known, and is not guessed" in said.err
    assert "--by NAME" in said.err
    with office.store() as store:
        assert store.decisions() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nam: Jane\n", "unknown key 'nam'; did you mean 'name'?"), ("- x\n", "expected `name:` and `role:`"),
        ("name: 3\n", "each a text"), ("name: Jane\n", "got name alone, expected a name and a role"),
        ("role: ''\nname: ' '\n", "who decides is not known"),
    ],
)  # fmt: skip
def test_broken_settings_file_is_an_error_that_names_it(
    office: Office, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "me.yaml"
    path.write_text(content, encoding="utf-8")
    office.put(blocked())
    said = office.run(*WAIVE, "--person", str(path))
    assert said.code == 2
    assert message in said.err
