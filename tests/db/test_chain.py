"""The chain of decisions: what goes in comes out, and what was changed behind its back shows."""

# ruff: noqa: E501 - a table of statements, one a line
from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from db.connection import connect
from db.store import BrokenChainError, Store, StoreError, UnknownScanError
from policies.decisions import NO_RECORD
from tests.db.values import assessment, scan
from tests.policies.decision_values import accepted, answered, chain, numbers, prepared, reviewed

SPAWN = multiprocessing.get_context("spawn")
SCAN = scan()
TRIGGERS = ("decisions_never_updated", "decisions_never_deleted")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store with a scan and three decisions about it."""
    with Store.open(f"sqlite:///{path}") as opened:
        opened.save_scan(SCAN)
        for decision in (prepared(SCAN), accepted(SCAN, check="remote-code"), reviewed(SCAN)):
            opened.record(decision)
        yield opened


def behind_its_back(path: Path, *statements: str) -> None:
    """What somebody with the file and SQL at hand can do."""
    with sqlite3.connect(path) as connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)


def test_decisions_come_back_as_one_chain(store: Store) -> None:
    assert store.decisions() == chain(prepared(SCAN), accepted(SCAN, check="remote-code"), reviewed(SCAN))
    check = store.check_decisions()
    assert (check.count, check.head) == (3, store.decisions()[-1].digest)


def test_store_without_decisions_has_an_empty_chain() -> None:
    with Store.open("sqlite://") as store:
        assert store.decisions() == []
        assert store.check_decisions().head == NO_RECORD
        assert store.check_decisions().problems == ()


def test_decision_about_a_scan_that_is_not_stored_is_refused_whole(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.record(prepared(scan("another")))
    assert caught.value.hint
    assert len(store.decisions()) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET person = 'x'", "DELETE FROM decisions", "DELETE FROM scans",
        "INSERT OR REPLACE INTO decisions SELECT * FROM decisions WHERE number = 2",
        "INSERT OR REPLACE INTO decisions SELECT 9, scan_id, model, kind, person, decided_at, expires, previous, 'x', document FROM decisions WHERE number = 2",
        "UPDATE OR REPLACE decisions SET number = 1 WHERE number = 2",
    ],
)  # fmt: skip
def test_database_itself_refuses_to_change_or_delete(store: Store, path: Path, statement: str) -> None:
    before = store.decisions()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    assert store.decisions() == before


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM decisions WHERE number = 2", "decision 2 is missing"),
        ("DELETE FROM decisions WHERE number = 1", "decision 1 is missing"),
        ("UPDATE decisions SET expires = '2036-12-31' WHERE number = 2", "its columns and its document say different things"),
        ("UPDATE decisions SET model = 'hf://org/other' WHERE number = 2", "its columns and its document say different things"),
        ("UPDATE decisions SET document = replace(CAST(document AS TEXT), '2026-12-31', '2036-12-31') WHERE number = 2", "decision 2 was changed"),
        ("UPDATE decisions SET document = 'nonsense' WHERE number = 2", "decision 2 cannot be read"),
        ("UPDATE decisions SET previous = 'x' WHERE number = 3", "decision 3 does not follow the one before it"),
    ],
)  # fmt: skip
def test_changed_or_removed_row_is_noticed_and_nothing_is_judged_by_it(
    store: Store, path: Path, statement: str, problem: str
) -> None:
    behind_its_back(path, statement)
    assert any(problem in said for said in store.check_decisions().problems)
    with pytest.raises(BrokenChainError) as caught:
        store.decisions()
    assert "--verify" in caught.value.hint
    with pytest.raises(BrokenChainError):
        store.record(prepared(SCAN))


def test_forged_row_with_a_digest_that_fits_breaks_the_link_of_the_next(store: Store, path: Path) -> None:
    """Whoever recomputes one digest must recompute every later one."""
    import hashlib

    document = bytes(store_document(path, 2)).replace(b"2026-12-31", b"2036-12-31")
    digest = hashlib.sha256(document).hexdigest()
    with sqlite3.connect(path) as connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(
            "UPDATE decisions SET document = ?, digest = ?, expires = '2036-12-31' WHERE number = 2",
            (document, digest),
        )
    assert store.check_decisions().problems == (
        f"decision 3 does not follow the one before it, whose digest is {digest[:16]}",
    )


def store_document(path: Path, number: int) -> bytes:
    with sqlite3.connect(path) as connection:
        (document,) = connection.execute(
            "SELECT document FROM decisions WHERE number = ?", (number,)
        ).fetchone()
    return bytes(document)


def test_row_taken_off_the_end_shows_against_a_digest_kept_elsewhere(store: Store, path: Path) -> None:
    head = store.check_decisions().head
    behind_its_back(path, "DELETE FROM decisions WHERE number = 3")
    assert store.check_decisions().problems == ()
    assert store.check_decisions(head[:16]).problems == (
        f"no decision has the digest {head[:16]}: the one that had it was changed or removed",
    )
    assert store.check_decisions(store.check_decisions().head).problems == ()


def test_scan_or_assessment_that_is_not_as_it_was_seen_is_noticed(path: Path) -> None:
    with Store.open(f"sqlite:///{path}") as store:
        store.save_scan(SCAN)
        store.save_assessment(assessment(SCAN.id))
        seen = store.seen(SCAN.id)
        assert (seen.verdict, seen.model) == ("review", "hf://org/name")
        store.record(reviewed(SCAN, seen=seen))
        assert store.check_decisions().problems == ()
        store.save_assessment(assessment(SCAN.id, minutes=5))
        assert store.check_decisions().problems == ()
        behind_its_back(
            path, "UPDATE scans SET document = document || ' '", "DELETE FROM assessments WHERE id = 1"
        )
        said = " ".join(store.check_decisions().problems)
    assert "is not as it was when it was decided on" in said
    assert "the assessment it was based on was changed or removed" in said


def test_nothing_is_seen_of_an_unknown_scan(store: Store) -> None:
    with pytest.raises(UnknownScanError):
        store.seen("nothing")


def test_store_has_no_way_to_change_or_delete_a_decision() -> None:
    methods = {name for name in vars(Store) if not name.startswith("_")}
    assert not [
        name for name in methods if any(word in name for word in ("update", "delete", "remove", "change"))
    ]


def _decide(url: str, name: str) -> None:
    with Store.open(url) as store:
        for number in range(5):
            store.record(answered(SCAN, f"{name}-{number}"))


def test_processes_that_decide_at_once_make_one_chain(store: Store, path: Path) -> None:
    url = f"sqlite:///{path}"
    children = [SPAWN.Process(target=_decide, args=(url, name)) for name in ("a", "b", "c")]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert numbers(store.decisions()) == list(range(1, 19))


def test_store_of_the_first_revision_is_brought_up_to_date_with_its_scans(path: Path) -> None:
    engine, _ = connect(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", "db:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(path) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'decisions'").fetchall()
        connection.execute(
            "INSERT INTO scans VALUES ('old', 'm', NULL, 'd', 'w', 'quick', '2026-11-22', '2026-11-22', '{}')"
        )
    with Store.open(f"sqlite:///{path}") as store:
        assert [line.id for line in store.history(limit=5)] == ["old"]
        assert store.decisions() == []
