"""Brings a database to the newest schema. Alembic, configured in code."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from bot.errors import ConfigurationError
from bot.history.engine import Database, open_database

_MIGRATION_LOCK = 0x646E73  # any number that no other program on the server uses for its advisory locks


def migrations_folder() -> Path:
    """Return where the migrations are: inside the wheel, else in the checkout."""
    shipped = Path(__file__).resolve().parents[1] / "shipped" / "migrations"
    return shipped if shipped.is_dir() else Path(__file__).resolve().parents[2] / "migrations"


def migrate(url: str, *, migrations: Path | None = None) -> str:
    """Bring the database to the newest schema, in one transaction, and return its revision.

    Two processes at once: the second waits and finds nothing to do. Raises `HistoryUnavailable`,
    or `ConfigurationError` where the database is of a newer version than this program.
    """
    database = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(migrations or migrations_folder()))
    try:
        with database.writing() as connection:
            _wait_for_other_migrations(connection)
            config.attributes["connection"] = connection
            _upgrade(config, database)
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        database.close()


def schema_is_current(url: str, *, migrations: Path | None = None) -> bool:
    """Return whether the database has this program's schema. Raises `HistoryUnavailable`."""
    newest = ScriptDirectory(str(migrations or migrations_folder())).get_current_head()
    database = open_database(url)
    try:
        with database.reading() as connection:
            return MigrationContext.configure(connection).get_current_revision() == newest
    finally:
        database.close()


def _wait_for_other_migrations(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


def _upgrade(config: Config, database: Database) -> None:
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigurationError(
            f"The history database {database.name} cannot be migrated: {error}. It may have been written by a newer "
            "dnsbot; run that one."
        ) from error
