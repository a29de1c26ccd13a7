"""`weighbridge lists`: import, show and find, and a scan that uses and names the import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.imported_lists import imported_settings, imported_versions
from cli.main import run
from db.store import Store
from scanner.checks import supplier_on_a_list
from scanner.checks.pickle_runs_code import CHECK as OTHER
from scanner.origins.imported_lists import SETTING, imported_names, read_head
from scanner.origins.screened_parties import US
from tests.scanner import screening_files as files


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def imported(tmp_path: Path, data: Path, *options: str) -> int:
    path = files.write(tmp_path / "consolidated.json", files.as_json())
    return run(["lists", "import", str(path), "--data-dir", str(data), *options])


def test_import_says_what_it_holds_and_keeps_it(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported(tmp_path, data, "--published", "2026-11-20") == 0
    said = capsys.readouterr()
    for words in ("of 2026-11-20", "4 parties, 0 rows left out", f"2 {files.ENTITY_LIST}"):
        assert words in said.out
    assert said.err == ""
    head = read_head(data / "lists", US.id)
    assert head.rows == 4


def test_wrong_file_is_refused_and_the_earlier_import_stays(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported(tmp_path, data) == 0
    wrong = files.write(tmp_path / "wrong.json", '{"results": 1}')
    assert run(["lists", "import", str(wrong), "--data-dir", str(data)]) == 2
    assert "is none of the lists" in capsys.readouterr().err
    head = read_head(data / "lists", US.id)
    assert head.file == "consolidated.json"


def test_broken_rows_are_named_on_stderr(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.write(tmp_path / "c.json", files.as_json([*files.ROWS, {"name": "No source Ltd."}]))
    assert run(["lists", "import", str(path), "--data-dir", str(data)]) == 0
    assert "left out, row 5: no name or no source" in capsys.readouterr().err


def test_day_to_come_is_refused(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(tmp_path, data, "--published", "2999-01-01") == 2
    assert "is not past" in capsys.readouterr().err
    assert imported_names(data / "lists") == ()


def test_show_lists_whom_each_list_concerns_and_the_rows_of_one(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lists", "show", "--data-dir", str(data)]) == 0
    said = capsys.readouterr()
    assert "bis-entity-list" in said.out
    assert "no whole list was imported" in said.err
    assert run(["lists", "show", "bis-entity-list", "--data-dir", str(data)]) == 0
    shown = capsys.readouterr().out
    assert "not by itself the trigger" in shown
    assert "Zhipu AI" in shown
    assert run(["lists", "show", "bis-entity-lst", "--data-dir", str(data)]) == 2
    assert "did you mean 'bis-entity-list'" in capsys.readouterr().err
    assert imported(tmp_path, data) == 0
    capsys.readouterr()
    assert run(["lists", "show", "--format", "json", "--data-dir", str(data)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["imported"][0]["rows"] == 4
    assert {row["list"]["id"] for row in document["rows"]} >= {"ofac-sdn", "section-1260h"}


def test_find_searches_shipped_rows_and_the_import(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported(tmp_path, data, "--published", "2026-11-20") == 0
    capsys.readouterr()
    find = ["lists", "find", "Huawei Technologies Co., Ltd.", "--data-dir", str(data)]
    assert run([*find, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {one["list"] for one in document["found"]} >= {files.ENTITY_LIST}
    assert len(document["found"]) == 3
    assert {one["how"] for one in document["found"]} == {"same name"}
    assert run(["lists", "find", "Nobody & Sons", "--data-dir", str(data)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "0 found" in said.err
    assert "no match is no clearance" in said.err


def test_scan_is_handed_the_import_and_names_it_in_its_versions(tmp_path: Path, data: Path) -> None:
    lists = data / "lists"
    assert imported_settings(lists, [supplier_on_a_list.CHECK]) == {}
    assert imported(tmp_path, data, "--published", "2026-11-20") == 0
    settings = imported_settings(lists, [supplier_on_a_list.CHECK])
    assert settings == {SETTING: str(lists)}
    assert imported_settings(lists, [OTHER]) == {}
    head = read_head(lists, US.id)
    expected = f"sha256:{head.file_sha256[:16]} of 2026-11-20"
    assert imported_versions(settings) == {f"imported {US.id}": expected}
    assert imported_versions({}) == {}
    (file,) = lists.iterdir()
    file.write_text("broken\n")
    assert imported_versions(settings) == {f"imported {US.id}": "unreadable"}


def test_whole_scan_tells_file_and_digest_of_the_import(tmp_path: Path, data: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}')
    (model / "README.md").write_text("---\nbase_model: Aleph-Alpha/x\n---\n# A model\n")
    rows = [*files.ROWS, {"name": "Aleph Alpha Ltd.", "source": files.ENTITY_LIST}]
    path = files.write(tmp_path / "c.json", files.as_json(rows))
    assert run(["lists", "import", str(path), "--data-dir", str(data)]) == 0
    options = ["--static-only", "--check", "supplier-on-a-list", "--report", "none", "--quiet"]
    assert run(["scan", str(model), *options, "--data-dir", str(data)]) != 2
    head = read_head(data / "lists", US.id)
    with Store.open(f"sqlite:///{data / 'weighbridge.db'}") as store:
        (row,) = store.history(limit=2)
        scan = store.load_scan(row.id)
    assert scan.versions[f"imported {US.id}"].startswith(f"sha256:{head.file_sha256[:16]}")
    (found,) = (one for one in scan.findings if one.rule == "bis-entity-list")
    assert "the declared base model Aleph-Alpha/x, whose company is Aleph Alpha" in found.message
    assert head.file_sha256[:16] in found.message
