"""Brings a database to the newest schema. Alembic, configured in code.

Alembic is imported where there is something to migrate: it costs more than all other start-up of a command.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.errors import ConfigurationError, HistoryUnavailable
from bot.history.engine import Database, open_database
from bot.history.tables import metadata

_MIGRATION_LOCK = 0x646E73  # any number that no other program on the server uses for its advisory locks
_REVISION = re.compile(r"^(revision|down_revision)\b[^=\n]*= *[\"'](\w+)[\"']", re.MULTILINE)


def migrations_folder() -> Path:
    """Return where the migrations are: inside the wheel, else in the checkout."""
    shipped = Path(__file__).resolve().parents[1] / "shipped" / "migrations"
    return shipped if shipped.is_dir() else Path(__file__).resolve().parents[2] / "migrations"


def migrate(url: str, *, migrations: Path | None = None, grant_to: str = "") -> str:
    """Bring the database to the newest schema, in one transaction, and return its revision.

    `grant_to`: a role of PostgreSQL that may then do what the bot does, and not change the audit table.

    Two processes at once: the second waits and finds nothing to do. Raises `HistoryUnavailable`,
    or `ConfigurationError` where the database is of a newer version than this program.
    """
    folder, database = migrations or migrations_folder(), open_database(url)
    try:
        newest = newest_revision(folder)
        with database.reading() as connection:
            if _revision(connection) == newest:
                _refuse_missing_tables(connection)
                if not grant_to:
                    return newest
        with database.writing() as connection:
            _wait_for_other_migrations(connection)
            if _revision(connection) != newest:
                _upgrade(connection, folder, database)
            if grant_to:
                _grant(connection, grant_to)
            return _revision(connection)
    finally:
        database.close()


def schema_is_current(url: str, *, migrations: Path | None = None) -> bool:
    """Return whether the database has this program's schema. Raises `HistoryUnavailable`."""
    database = open_database(url)
    try:
        with database.reading() as connection:
            if _revision(connection) != newest_revision(migrations or migrations_folder()):
                return False
            _refuse_missing_tables(connection)
            return True
    finally:
        database.close()


def newest_revision(migrations: Path) -> str:
    """Return the revision that no other migration comes after."""
    found: list[list[tuple[str, str]]]
    found = [_REVISION.findall(path.read_text()) for path in sorted((migrations / "versions").glob("*.py"))]
    made = {name for one in found for key, name in one if key == "revision"}
    return (made - {name for one in found for key, name in one if key == "down_revision"}).pop()


def _refuse_missing_tables(connection: Connection) -> None:
    """Raise `HistoryUnavailable` where a database at the newest revision lacks tables: no migration makes them anew."""
    if missing := sorted(metadata.tables.keys() - set(inspect(connection).get_table_names())):
        raise HistoryUnavailable(
            f"The history database is at the newest schema and lacks {', '.join(missing)}: somebody removed what "
            "`dnsbot migrate` makes once. Restore a backup, or let DATABASE_URL name an empty database."
        )


def _revision(connection: Connection) -> str:
    """Return the revision of a database, empty for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def _wait_for_other_migrations(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


def _grant(connection: Connection, role: str) -> None:
    """Grant what the bot does to a role that owns nothing: the audit table only grows, the schema stays."""
    if connection.dialect.name != "postgresql":
        raise ConfigurationError("--grant-to is for PostgreSQL: SQLite has no roles.")
    name = connection.dialect.identifier_preparer.quote(role)
    schema = connection.dialect.identifier_preparer.quote(str(connection.scalar(text("SELECT current_schema()"))))
    for statement in (
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {name}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM {name}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {name}",
    ):
        connection.execute(text(statement))


def _upgrade(connection: Connection, migrations: Path, database: Database) -> None:
    from alembic import command  # noqa: PLC0415  # import late
    from alembic.config import Config  # noqa: PLC0415  # import late
    from alembic.util.exc import CommandError  # noqa: PLC0415  # import late

    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigurationError(
            f"The history database {database.name} cannot be migrated: {error}. It may have been written by a newer "
            "dnsbot; run that one."
        ) from error
