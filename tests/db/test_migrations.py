"""Migrations: from nothing to exactly the tables of the code, all or none, and never from the future."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from db.connection import connect, upgrade
from db.store import Store, StoreError
from db.tables import Base
from tests.db.values import scan


def test_migrated_empty_database_equals_the_tables_of_the_code(tmp_path: Path) -> None:
    engine, where = connect(f"sqlite:///{tmp_path / 'store.db'}")
    upgrade(engine, where)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    for _ in range(3):
        with Store.open(url) as store:
            store.history(limit=1)
    with Store.open(url) as store:
        store.save_scan(scan())
    with Store.open(url) as store:
        assert store.load_scan(scan().id) == scan()


def test_store_of_a_newer_version_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.save_scan(scan())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer Weighbridge") as caught, Store.open(f"sqlite:///{path}"):
        pass
    assert "upgrade Weighbridge" in caught.value.hint
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM scans").fetchone() == (1,)


def test_upgrade_that_is_killed_half_way_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    engine, where = connect(f"sqlite:///{path}")

    def kill(connection, cursor, statement, *_: object) -> None:  # noqa: ANN001
        if "CREATE TABLE controls" in statement:
            raise KeyboardInterrupt

    sqlalchemy.event.listen(engine, "before_cursor_execute", kill)
    with pytest.raises(KeyboardInterrupt):
        upgrade(engine, where)
    engine.dispose()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    with Store.open(f"sqlite:///{path}") as store:
        store.save_scan(scan())


def test_migrations_are_part_of_the_package() -> None:
    import importlib.resources

    folder = importlib.resources.files("db") / "migrations"
    assert (folder / "env.py").is_file()
    assert (folder / "versions" / "0001_first_tables.py").is_file()


def test_foreign_keys_and_write_ahead_log_are_on(tmp_path: Path) -> None:
    engine, where = connect(f"sqlite:///{tmp_path / 'store.db'}")
    upgrade(engine, where)
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "journal_mode", "busy_timeout")
        ]
    engine.dispose()
    assert found == [1, "wal", 30_000]
