"""Column types and the database's clock, alike on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, String, Text, TypeDecorator, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from bot.domain.json_values import canonical

NO_JSON = object()
"""Stands for a document that is no JSON: one broken row does not keep the others of an answer from being read."""
NO_TIME = object()
"""Stands likewise for a time that is none; only SQLite keeps such a thing."""


def as_time(value: object) -> datetime:
    """Return a time that was read. Raises `ValueError` for `NO_TIME`."""
    if not isinstance(value, datetime):
        raise ValueError("no time")  # noqa: TRY004  # it was of the right column; what stands there is wrong
    return value


def as_number(value: object) -> int:
    """Return a whole number that was read. Raises `ValueError` for a text, which SQLite keeps there, too."""
    if not isinstance(value, int):
        raise ValueError("no whole number")  # noqa: TRY004  # it was of the right column; what stands there is wrong
    return value


class UtcTime(TypeDecorator[datetime]):
    """A UTC instant: `timestamptz` on PostgreSQL, `YYYY-MM-DD HH:MM:SS.ffffff` on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant in UTC; SQLite keeps no zone."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what makes a time of what SQLite kept; of a text that is no time, `NO_TIME`."""
        process = super().result_processor(dialect, coltype)
        if process is None:
            return None

        def tolerant(value: Any) -> Any:  # noqa: ANN401  # whatever stands there
            try:
                return process(value)
            except (ValueError, TypeError):
                return NO_TIME

        return tolerant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text for people. NUL, which PostgreSQL refuses, and lone surrogates become U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return storable text."""
        del dialect
        if value is None:
            return None
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> str | None:
        """Return text; bytes, which SQLite keeps in a text's place, as well as they can be read."""
        del dialect
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class Json(TypeDecorator[Any]):
    """Canonical ASCII JSON as text: readable with any tool, equal values are equal bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401  # any JSON
        """Return canonical JSON; None is SQL NULL."""
        del dialect
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401  # any JSON
        """Return what the JSON says; what is no JSON is `NO_JSON`, which no reader takes for a document."""
        del dialect
        try:
            return None if value is None else json.loads(value)
        except (ValueError, TypeError, RecursionError):
            return NO_JSON


class DatabaseTime(FunctionElement[datetime]):
    """The database's clock, now or some seconds from now.

    The seconds are bound, so that the SQL of a statement is made once and kept, whatever they are.
    """

    name = "database_time"
    inherit_cache = True
    type = UtcTime()

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(literal(f"{seconds:+.3f} seconds", String()))


def read_clock(connection: Connection) -> datetime:
    """Return what the database's clock says now."""
    return connection.execute(select(DatabaseTime())).scalar_one()


def has_passed(until: ColumnElement[datetime], *, at_most_seconds: float) -> ColumnElement[bool]:
    """Return the condition that a time is over by the database's clock, or none that anybody has written.

    What is further ahead than anybody waits, and on SQLite a text that is no time, would hold something for ever.
    """
    return or_(until.is_(None), until <= DatabaseTime(), until > DatabaseTime(at_most_seconds))


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401  # handed on
    # 3 of the 6 digits that SQLAlchemy writes, so that texts compare as times do
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {compiler.process(element.clauses, **kw)}) || '000')"


@compiles(DatabaseTime, "postgresql")
def _postgresql_time(element: DatabaseTime, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401  # handed on
    # clock_timestamp(): CURRENT_TIMESTAMP stands still while a transaction waits for a lock
    return f"(clock_timestamp() + CAST({compiler.process(element.clauses, **kw)} AS INTERVAL))"
