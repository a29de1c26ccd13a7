"""Opens a database and brings its tables up to date, so that every caller sees the newest form."""

from __future__ import annotations

import threading
from typing import Final

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from db.errors import BadUrlError, StoreError

_WAIT_SECONDS: Final = 30
_ONE_UPGRADE = threading.Lock()
# The execution option of a transaction that takes the write lock when it begins.
LOCKS: Final = "weighbridge_locks"


def connect(url: str) -> tuple[Engine, str]:
    """An engine for this URL, and the URL without its password, for messages.

    Raises:
        BadUrlError: when it cannot be read or its driver is not installed.
    """
    try:
        parsed = sqlalchemy.make_url(url)
        # An in-memory database lives as long as its one connection.
        pool = {"poolclass": StaticPool} if parsed.drivername == "sqlite" and not parsed.database else {}
        engine = sqlalchemy.create_engine(parsed, **pool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadUrlError(
            f"--db: {error}",
            hint="write for instance sqlite:///scans.db or postgresql+psycopg://user@host/name",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine, parsed.render_as_string(hide_password=True)


def upgrade(engine: Engine, where: str) -> None:
    """Applies the migrations that this database lacks, all of them or none.

    Raises:
        StoreError: when a newer Weighbridge wrote it, or it holds the tables of something else.
    """
    config = Config()
    config.set_main_option("script_location", "db:migrations")
    script = ScriptDirectory.from_config(config)
    if _is_current(engine, script, where):
        return
    try:
        with _ONE_UPGRADE, engine.connect() as plain:
            connection = plain.execution_options(**{LOCKS: True})
            with connection.begin():
                if not _is_head(_revision(connection, script, where), script):
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
    except SQLAlchemyError:
        # Where DDL takes no lock beforehand, another process may have made the tables at the same moment.
        if not _is_current(engine, script, where):
            raise


def _is_current(engine: Engine, script: ScriptDirectory, where: str) -> bool:
    with engine.begin() as connection:
        return _is_head(_revision(connection, script, where), script)


def _is_head(revision: str | None, script: ScriptDirectory) -> bool:
    return revision == script.get_current_head()


def _revision(connection: Connection, script: ScriptDirectory, where: str) -> str | None:
    """The revision of the tables, None for an empty database."""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        foreign = set(sqlalchemy.inspect(connection).get_table_names()) - {"alembic_version"}
        if foreign:
            raise StoreError(
                f"store {where}: holds the tables of something else ({', '.join(sorted(foreign)[:3])})",
                hint="choose another database with --db",
            )
    elif current not in {each.revision for each in script.walk_revisions()}:
        raise StoreError(
            f"store {where}: written by a newer Weighbridge (revision {current})",
            hint="upgrade Weighbridge, or choose another database with --db",
        )
    return current


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Foreign keys are off and writers fail at once unless SQLite is told otherwise, per connection."""
    # NOTE: left alone, the driver commits before and between DDL statements: two processes that open a
    # fresh store trip over each other, and a killed upgrade leaves half the tables. See _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begins what the driver no longer begins; who reads before writing takes the write lock at once."""
    locks = connection.get_execution_options().get(LOCKS, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if locks else "BEGIN")
