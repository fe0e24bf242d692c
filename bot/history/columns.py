"""Column types and the database's clock, alike on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Text, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement

from bot.domain.json_values import canonical

NO_JSON = object()
"""Stands for a document that is no JSON: one broken row does not keep the others of an answer from being read."""


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
        except ValueError:
            return NO_JSON


class DatabaseTime(ColumnElement[datetime]):
    """The database's clock, now or some seconds from now."""

    inherit_cache = False
    type = UtcTime()

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = float(seconds)


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, compiler: SQLCompiler, **_: object) -> str:
    del compiler
    # 3 of the 6 digits that SQLAlchemy writes, so that texts compare as times do
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', '{element.seconds:+.3f} seconds') || '000')"


@compiles(DatabaseTime, "postgresql")
def _postgresql_time(element: DatabaseTime, compiler: SQLCompiler, **_: object) -> str:
    del compiler
    # clock_timestamp(): CURRENT_TIMESTAMP stands still while a transaction waits for a lock
    return f"(clock_timestamp() + interval '{element.seconds:.3f} seconds')"
