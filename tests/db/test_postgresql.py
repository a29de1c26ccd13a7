"""The same store in a real PostgreSQL that the test starts; skipped where programs or driver are absent."""

from __future__ import annotations

import dataclasses
import getpass
import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from db.connection import connect
from db.store import BrokenChainError, Store, StoreError, UnknownScanError
from db.tables import Base
from policies.assessment import VerdictValue
from scanner.findings import Finding, Outcome, Severity
from tests.db.values import assessment, scan
from tests.policies.decision_values import accepted, answered, chain, numbers, prepared, reviewed

pytestmark = pytest.mark.slow
SPAWN = multiprocessing.get_context("spawn")


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL programs in /usr/lib/postgresql")
    return found[-1].parent


def _owner() -> str:
    """PostgreSQL refuses to run as root: its own user does it then."""
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a server of our own on loopback, without the database's name."""
    pytest.importorskip("psycopg")
    programs, owner = _programs(), _owner()
    folder = Path(tempfile.mkdtemp(prefix="weighbridge-pg-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if os.geteuid() == 0:
        shutil.chown(folder, owner)
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    make = [programs / "initdb", "-D", folder / "data", "-U", "weigher", "--auth=trust", "-E", "UTF8", "-N"]
    control = [programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]

    def run(command: list[object]) -> None:
        user = owner if os.geteuid() == 0 else None
        subprocess.run(
            [str(part) for part in command], check=True, user=user, cwd=folder, capture_output=True
        )

    try:
        run(make)
        run([*control, "-o", options, "start"])
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    yield f"postgresql+psycopg://weigher@127.0.0.1:{port}"
    run([*control, "-m", "immediate", "stop"])
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """A fresh database."""
    name = f"db{abs(hash(request.node.name))}"
    engine = sqlalchemy.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return f"{server}/{name}"


def test_round_trip_history_and_find(url: str) -> None:
    with Store.open(url) as store:
        store.save_scan(scan())
        store.save_assessment(assessment(scan().id, VerdictValue.BLOCK))
    with Store.open(url) as store:
        assert store.load_scan(scan().id) == scan()
        assert store.load_assessment(scan().id) == assessment(scan().id, VerdictValue.BLOCK)
        assert [(line.id, line.verdict) for line in store.history(limit=5)] == [(scan().id, "block")]
        assert store.history(limit=5)[0].started_at == scan().started_at
        assert store.find("20261122") == scan().id
        with pytest.raises(UnknownScanError):
            store.find("nothing")


def test_text_with_a_nul_byte_does_not_cost_the_scan(url: str) -> None:
    finding = Finding("x", Outcome.ERROR, Severity.LOW, "broke", subject="a\0b", reason="key a\0b")
    whole = dataclasses.replace(
        scan(), records=(dataclasses.replace(scan().records[0], findings=(finding,)),)
    )
    with Store.open(url) as store:
        store.save_scan(whole)
        assert store.load_scan(whole.id) == whole


def test_migrated_database_equals_the_tables_of_the_code(url: str) -> None:
    with Store.open(url):
        pass
    engine, _ = connect(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_refused_writes_change_nothing(url: str) -> None:
    with Store.open(url) as store:
        store.save_scan(scan())
        store.save_scan(scan())
        for write in (
            lambda: store.save_scan(scan(model="hf://other/model")),
            lambda: store.save_assessment(assessment("nothing")),
        ):
            with pytest.raises(StoreError) as caught:
                write()
            assert caught.value.hint
        assert store.load_scan(scan().id) == scan()


def _write(url: str, name: str) -> None:
    with Store.open(url) as store:
        for number in range(5):
            store.save_scan(scan(f"{name}-{number}"))


def test_processes_that_open_a_fresh_store_at_once_lose_nothing(url: str) -> None:
    children = [SPAWN.Process(target=_write, args=(url, name)) for name in ("a", "b", "c")]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0]
    with Store.open(url) as store:
        assert len(store.history(limit=100)) == 15


@pytest.mark.parametrize(
    "statement",
    ["UPDATE decisions SET person = 'x'", "DELETE FROM decisions", "TRUNCATE decisions", "DELETE FROM scans"],
)
def test_decisions_come_back_and_the_database_refuses_to_change_them(url: str, statement: str) -> None:
    decisions = (prepared(scan()), accepted(scan(), check="remote-code"), reviewed(scan()))
    with Store.open(url) as store:
        store.save_scan(scan())
        for decision in decisions:
            store.record(decision)
    engine, _ = connect(url)
    with (
        pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only|foreign key"),
        engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    engine.dispose()
    with Store.open(url) as store:
        assert store.decisions() == chain(*decisions)
        assert store.check_decisions().problems == ()


def test_row_changed_by_the_owner_of_the_database_is_noticed(url: str) -> None:
    with Store.open(url) as store:
        store.save_scan(scan())
        for number in range(3):
            store.record(answered(scan(), f"control-{number}"))
        engine, _ = connect(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE decisions DISABLE TRIGGER USER")
            connection.exec_driver_sql("DELETE FROM decisions WHERE number = 2")
        engine.dispose()
        assert store.check_decisions().problems[0] == "decision 2 is missing"
        with pytest.raises(BrokenChainError):
            store.decisions()


def _decide(url: str, name: str) -> None:
    with Store.open(url) as store:
        for number in range(5):
            store.record(answered(scan(), f"{name}-{number}"))


def test_processes_that_decide_at_once_make_one_chain(url: str) -> None:
    with Store.open(url) as store:
        store.save_scan(scan())
    children = [SPAWN.Process(target=_decide, args=(url, name)) for name in ("a", "b", "c")]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0]
    with Store.open(url) as store:
        assert numbers(store.decisions()) == list(range(1, 16))


def test_server_that_is_not_there_is_a_store_error() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError), Store.open("postgresql+psycopg://u:s3cret@127.0.0.1:1/x"):
        pass
