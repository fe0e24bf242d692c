"""Diagnoses, proposals, decisions, steps and outcomes in SQL. The only package that imports sqlalchemy.

`open_history(url, evidence_classes)` gives the port of `bot.domain.history`; `migrate(url)` brings a
database to the newest schema, `schema_is_current(url)` tells.
"""

from bot.history.schema import migrate, schema_is_current
from bot.history.store import SqlHistory, open_history

__all__ = ["SqlHistory", "migrate", "open_history", "schema_is_current"]
