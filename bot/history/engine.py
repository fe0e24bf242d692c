"""Engines: SQLite (WAL) and PostgreSQL, every wait bounded; driver errors become `HistoryUnavailable`."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot.domain.right_of_way import ACKS
from bot.errors import ConfigurationError, HistoryUnavailable
from bot.history.file_identity import FileIdentity

WAIT_SECONDS = 5.0
"""How long a lock or a connection is waited for."""

_MISSING_SCHEMA = re.compile(r"no such (table|column)|(relation|column) \S+ does not exist")


@dataclass(frozen=True, slots=True)
class Database:
    """One database, as transactions."""

    engine: Engine
    file: FileIdentity | None = None
    """SQLite's file; None for a server."""

    @property
    def name(self) -> str:
        """The URL without its password, for messages."""
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        ACKS.give_way()
        self._check_file()
        with self._guarded(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: all of it happens, or nothing. One at a time on SQLite."""
        ACKS.give_way()
        self._check_file()
        with self._guarded(), self.engine.execution_options(writes=True).begin() as connection:
            yield connection
            self._check_file()  # before it is committed

    def _check_file(self) -> None:
        if self.file is not None:
            self.file.check()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise unavailable(self.name, error) from error


def unavailable(name: str, error: SQLAlchemyError) -> HistoryUnavailable:
    """Return our error for a driver's: what was asked of which database, what came back, what to do."""
    cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    hint = "Check that it runs and that DATABASE_URL leads to it."
    if _MISSING_SCHEMA.search(cause):
        hint = "Run `dnsbot migrate`, which makes what is missing, or says why it cannot."
    return HistoryUnavailable(f"The history database {name} did not do what was asked: {cause}. {hint}")


def open_database(url: str, *, wait_seconds: float = WAIT_SECONDS) -> Database:
    """Return the database at `url`; nothing is connected yet. Raises `ConfigurationError` for another kind.

    `wait_seconds`: how long a lock or a connection is waited for.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "DATABASE_URL is not a database URL. Examples: sqlite:///dnsbot.db, postgresql://dnsbot@db/dnsbot."
        ) from error
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _with_driver(parsed.set(drivername="postgresql+psycopg"), wait_seconds)
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if parsed.database in {None, "", ":memory:"}:
            raise ConfigurationError("DATABASE_URL must name a file (sqlite:///dnsbot.db): memory is no history.")
        file = FileIdentity(Path(str(parsed.database)))
        return Database(_sqlite(parsed, wait_seconds, file), file)
    raise ConfigurationError(
        f"DATABASE_URL is for {parsed.drivername}; sqlite:///FILE and postgresql://USER@HOST/NAME are supported."
    )


def check_url(url: str) -> None:
    """Raise `ConfigurationError` for a URL that is of no database of ours; nothing is connected."""
    open_database(url).close()


def _with_driver(url: URL, wait_seconds: float) -> Database:
    try:
        return Database(_postgresql(url, wait_seconds))
    except ImportError as error:
        raise ConfigurationError(
            "DATABASE_URL is for PostgreSQL, and its driver is not installed: install `eks-dns-bot[postgres]`."
        ) from error


def _postgresql(url: URL, wait_seconds: float) -> Engine:
    milliseconds = round(wait_seconds * 1000)
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=15,
        pool_timeout=wait_seconds,
        connect_args={
            "connect_timeout": max(1, round(wait_seconds)),
            "tcp_user_timeout": 2 * milliseconds,
            "options": f"-c statement_timeout={2 * milliseconds} -c lock_timeout={milliseconds} -c timezone=UTC",
        },
    )


def _sqlite(url: URL, wait_seconds: float, file: FileIdentity) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": wait_seconds})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "connect", lambda *_: file.opened())
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.text_factory = _as_text
    connection.isolation_level = None  # the driver begins no transaction of its own; `_begin_sqlite` does
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")  # a journal line that was committed survives a power cut
    connection.execute("PRAGMA foreign_keys=ON")


def _as_text(read: bytes) -> str:
    """Return a text as well as it can be read: one broken byte makes the row unreadable, not the database."""
    return read.decode("utf-8", "replace")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Turn WAL on; SQLite does not wait by itself while another process turns it on."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # what was spoiled in the file since is not seen in pages that a connection keeps: all are read anew
    connection.exec_driver_sql("PRAGMA shrink_memory")
    # IMMEDIATE: two writers queue at the start instead of failing in the middle
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
