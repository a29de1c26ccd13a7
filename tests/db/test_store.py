"""The store: what comes out equals what went in, all or nothing, and every trouble has a hint."""

from __future__ import annotations

import dataclasses
import datetime
import multiprocessing
import resource
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.store import Store, StoreError, UnknownScanError
from policies.assessment import VerdictValue
from scanner.findings import Finding, Outcome, Severity
from tests.db.values import assessment, scan

FORK = multiprocessing.get_context("spawn")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def test_loaded_scan_equals_the_stored_one_after_reopening(url: str) -> None:
    with Store.open(url) as store:
        store.save_scan(scan())
    with Store.open(url) as store:
        assert store.load_scan(scan().id) == scan()


def test_loaded_assessment_equals_the_stored_one(store: Store) -> None:
    store.save_scan(scan())
    store.save_assessment(assessment(scan().id))
    assert store.load_assessment(scan().id) == assessment(scan().id)


@settings(max_examples=25, deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cs",))), st.floats(0, 1e30), st.text("abc%_\\'\"", min_size=1)
)
def test_any_text_and_number_survives(message: str, value: float, subject: str) -> None:
    finding = Finding("x", Outcome.FAIL, Severity.LOW, message, subject=subject)
    whole = scan()
    measured = dataclasses.replace(whole.records[0].measurements[0], value=value)
    record = dataclasses.replace(whole.records[0], findings=(finding,), measurements=(measured,))
    changed = dataclasses.replace(whole, records=(record,))
    with Store.open("sqlite://") as store:
        store.save_scan(changed)
        assert store.load_scan(changed.id) == changed


def test_newest_assessment_counts_and_earlier_ones_stay(store: Store, tmp_path: Path) -> None:
    store.save_scan(scan())
    store.save_assessment(assessment(scan().id, VerdictValue.REVIEW))
    store.save_assessment(assessment(scan().id, VerdictValue.PASS, minutes=5))
    assert store.load_assessment(scan().id).verdict.value is VerdictValue.PASS
    assert _count(tmp_path / "store.db", "assessments") == 2


def test_scan_finished_a_second_time_after_a_kill_is_no_error(store: Store) -> None:
    store.save_scan(scan())
    later = dataclasses.replace(scan(), finished_at=scan().finished_at + datetime.timedelta(hours=1))
    store.save_scan(later)
    assert store.load_scan(scan().id) == scan()


def test_another_scan_of_the_same_id_is_refused_and_the_first_stays(store: Store) -> None:
    store.save_scan(scan())
    with pytest.raises(StoreError) as caught:
        store.save_scan(scan(model="hf://other/model"))
    assert caught.value.hint
    assert store.load_scan(scan().id) == scan()


def test_assessment_of_an_unknown_scan_is_refused_whole(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        store.save_assessment(assessment("nothing"))
    assert caught.value.hint
    assert (_count(tmp_path / "store.db", "assessments"), _count(tmp_path / "store.db", "controls")) == (0, 0)


def test_rows_repeat_what_history_is_asked_about(store: Store, tmp_path: Path) -> None:
    store.save_scan(scan())
    store.save_assessment(assessment(scan().id))
    counts = {
        table: _count(tmp_path / "store.db", table)
        for table in ("files", "findings", "measurements", "evidence", "controls")
    }
    assert counts == {"files": 2, "findings": 3, "measurements": 1, "evidence": 1, "controls": 2}


def test_history_is_newest_first_limited_and_filtered(store: Store) -> None:
    for hours, model in enumerate(("hf://org/a", "hf://org/b_1", "hf://org/bx1")):
        store.save_scan(scan(f"id-{hours}", hours=hours, model=model))
    store.save_assessment(assessment("id-1", VerdictValue.BLOCK))
    newest = store.history(limit=10)
    assert [line.id for line in newest] == ["id-2", "id-1", "id-0"]
    assert [line.verdict for line in newest] == ["", "block", ""]
    assert {line.failed for line in newest} == {1}
    assert newest[0].started_at == scan(hours=2).started_at
    assert [line.id for line in store.history(limit=1)] == ["id-2"]
    assert [line.id for line in store.history(limit=9, model="b_1")] == ["id-1"]


def test_find_resolves_a_unique_beginning(store: Store) -> None:
    for name in ("20261122-0130-a-1111", "20261122-0130-b-2222", "20261123-0000-c-3333"):
        store.save_scan(scan(name))
    assert store.find("20261123") == "20261123-0000-c-3333"
    with pytest.raises(UnknownScanError, match="several scans"):
        store.find("20261122")


def test_find_prefers_the_whole_id_over_longer_ones(store: Store) -> None:
    for name in ("s-5", "s-4", "s-3", "s-2", "s-1", "s"):
        store.save_scan(scan(name))
    assert store.find("s") == "s"


@pytest.mark.parametrize("wrong", ["20261122-0130-modle-1f3a", "%", "2026_122"])
def test_unknown_id_is_told_with_the_nearest(store: Store, wrong: str) -> None:
    store.save_scan(scan())
    for ask in (store.find, store.load_scan, store.load_assessment):
        with pytest.raises(UnknownScanError) as caught:
            ask(wrong)
        assert caught.value.hint
    assert "20261122-0130-model-1f3a" in _hint_of(store, "20261122-0130-modle-1f3a")


def test_damaged_document_is_a_store_error(store: Store, tmp_path: Path) -> None:
    store.save_scan(scan())
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE scans SET document = x'7b7d'")
    with pytest.raises(StoreError, match="cannot be read") as caught:
        store.load_scan(scan().id)
    assert caught.value.hint


def test_something_else_than_a_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"my notes, all of them\n" * 1000)
    with pytest.raises(StoreError, match="not a database") as caught, Store.open(f"sqlite:///{path}"):
        pass
    assert caught.value.hint
    assert path.read_bytes() == b"my notes, all of them\n" * 1000


def test_database_of_another_program_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE findings (secret TEXT)")
    with pytest.raises(StoreError, match="something else"), Store.open(f"sqlite:///{path}"):
        pass
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("findings",)]


def test_damaged_database_is_a_store_error(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        for number in range(20):
            store.save_scan(scan(f"id-{number}"))
    data = bytearray((tmp_path / "store.db").read_bytes())
    data[4096:-4096] = b"\xa5" * (len(data) - 8192)
    (tmp_path / "store.db").write_bytes(bytes(data))
    with pytest.raises(StoreError) as caught, Store.open(url) as store:
        store.load_scan("id-3")
    assert caught.value.hint


def test_read_only_store_refuses_to_write_and_keeps_what_it_holds(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        store.save_scan(scan())
    with Store.open(f"sqlite:///file:{tmp_path / 'store.db'}?mode=ro&uri=true") as store:
        assert store.load_scan(scan().id) == scan()
        with pytest.raises(StoreError, match="readonly") as caught:
            store.save_scan(scan("another"))
        assert caught.value.hint
        assert [line.id for line in store.history(limit=9)] == [scan().id]


def test_missing_folder_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught, Store.open(f"sqlite:///{tmp_path / 'file' / 'store.db'}"):
        pass
    assert caught.value.hint


@pytest.mark.parametrize("wrong", ["", "store.db", "nosuchdatabase://host/name"])
def test_address_that_is_none_is_a_store_error(wrong: str) -> None:
    with pytest.raises(StoreError) as caught, Store.open(wrong):
        pass
    assert caught.value.hint


def test_password_never_reaches_a_message() -> None:
    with pytest.raises(StoreError) as caught, Store.open("postgresql+psycopg://user:s3cret@127.0.0.1:1/x"):
        pass
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


def _fill(url: str, room_bytes: int) -> None:
    """Child: files of this process cannot grow beyond `room_bytes`; the disk is full for it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, room_bytes))
    many = dataclasses.replace(scan("big"), versions={str(number): "x" * 1000 for number in range(3000)})
    try:
        with Store.open(url) as store:
            store.save_scan(many)
    except StoreError as error:
        raise SystemExit(7 if error.hint else 8) from None


def test_full_disk_loses_nothing(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        store.save_scan(scan())
    room = (tmp_path / "store.db").stat().st_size + 500_000
    child = FORK.Process(target=_fill, args=(url, room))
    child.start()
    child.join(60)
    assert child.exitcode == 7
    with Store.open(url) as store:
        assert [line.id for line in store.history(limit=9)] == [scan().id]
        assert store.load_scan(scan().id) == scan()


def _write(url: str, name: str, count: int) -> None:
    with Store.open(url) as store:
        for number in range(count):
            store.save_scan(scan(f"{name}-{number}"))
            store.save_assessment(assessment(f"{name}-{number}"))


def test_processes_that_open_a_fresh_store_and_write_at_once_lose_nothing(url: str) -> None:
    children = [FORK.Process(target=_write, args=(url, name, 10)) for name in ("a", "b", "c")]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0]
    with Store.open(url) as store:
        lines = store.history(limit=100)
    assert len(lines) == 30
    assert {line.verdict for line in lines} == {"review"}


def test_killed_write_leaves_nothing_behind(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import db.rows

    real = db.rows.scan_rows

    def half(value):  # noqa: ANN001, ANN202 - the signature of scan_rows
        rows = real(value)
        yield next(rows)
        yield next(rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(db.rows, "scan_rows", half)
    with pytest.raises(KeyboardInterrupt):
        store.save_scan(scan())
    assert _count(tmp_path / "store.db", "scans") == _count(tmp_path / "store.db", "files") == 0


def _count(path: Path, table: str) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _hint_of(store: Store, wrong: str) -> str:
    try:
        store.find(wrong)
    except UnknownScanError as error:
        return error.hint
    return ""


def test_scan_stopped_before_it_was_judged_is_said_not_denied(store: Store) -> None:
    store.save_scan(scan())
    with pytest.raises(StoreError, match="stopped before it was judged") as caught:
        store.load_assessment(scan().id)
    assert not isinstance(caught.value, UnknownScanError)
    assert "scan" in caught.value.hint


@pytest.mark.parametrize("url", ["bogus://x", "no url at all"])
def test_url_that_names_no_database_is_a_usage_error(url: str) -> None:
    with pytest.raises(StoreError, match="--db") as caught, Store.open(url):
        pass
    assert not caught.value.stops_midway
