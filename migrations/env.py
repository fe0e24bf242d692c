"""Alembic's entry: the program hands its connection in; `alembic revision` on a developer's machine opens one."""  # noqa: INP001  # Alembic runs this file by its path

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from bot.history.columns import Json, UtcTime, Words
from bot.history.engine import open_database
from bot.history.tables import metadata


def _plain(kind: str, column_type: object, _autogenerating: object) -> str | Literal[False]:
    """Our column types are written as what they are in the database: a migration outlives the code."""
    if kind == "type" and isinstance(column_type, UtcTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(column_type, Words | Json):
        return "sa.Text()"
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=True,
        render_item=_plain,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_in = context.config.attributes.get("connection")
if handed_in is not None:
    _run(handed_in)
else:
    url = context.get_x_argument(as_dictionary=True).get("url", "sqlite:///dnsbot.db")
    with open_database(url).writing() as opened:
        _run(opened)
