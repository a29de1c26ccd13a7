"""Opens a database and brings its tables up to date, so that every caller sees the newest form."""

from __future__ import annotations

import threading
from typing import Final

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from db.errors import StoreError

_WAIT_SECONDS: Final = 30
_ONE_UPGRADE = threading.Lock()


def connect(url: str) -> tuple[Engine, str]:
    """An engine for this URL, and the URL without its password, for messages.

    Raises:
        StoreError: when the URL cannot be read or its driver is not installed.
    """
    try:
        parsed = sqlalchemy.make_url(url)
        # An in-memory database lives as long as its one connection.
        pool = {"poolclass": StaticPool} if parsed.drivername == "sqlite" and not parsed.database else {}
        engine = sqlalchemy.create_engine(parsed, **pool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"--db: {error}",
            hint="write for instance sqlite:///scans.db or postgresql+psycopg://user@host/name",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine, parsed.render_as_string(hide_password=True)


def upgrade(engine: Engine, where: str) -> None:
    """Applies the migrations that this database lacks.

    Raises:
        StoreError: when a newer Weighbridge wrote it.
    """
    config = Config()
    config.set_main_option("script_location", "db:migrations")
    script = ScriptDirectory.from_config(config)
    with _ONE_UPGRADE, engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current == script.get_current_head():
            return
        if current is not None and current not in {each.revision for each in script.walk_revisions()}:
            raise StoreError(
                f"store {where}: written by a newer Weighbridge (revision {current})",
                hint="upgrade Weighbridge, or choose another database with --db",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Foreign keys are off and writers fail at once unless SQLite is told otherwise, per connection."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
