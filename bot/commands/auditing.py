"""`dnsbot audit`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bot.domain.audit import head_from
from bot.errors import ConfigurationError
from bot.history.store import open_history
from bot.logs import configure_logs
from bot.report.audit_words import audit_json, audit_text
from bot.settings.load import load_settings


def audit_verify(config: Path | None, heads: tuple[str, ...], *, as_json: bool) -> int:
    """Print whether the audit chain is whole, and return the exit code: 0, or 2 where something was changed."""
    configure_logs()
    settings = load_settings(config)
    try:
        given = tuple(map(head_from, heads))
    except ValueError as error:
        raise ConfigurationError(f"--head: {error}.") from error
    history = open_history(settings.database_url, {}, seals=settings.audit.seals, heads=settings.audit.heads)
    try:
        check = history.audit_check(heads=given)
    finally:
        history.close()
    sys.stdout.write(json.dumps(audit_json(check), indent=2) + "\n" if as_json else audit_text(check))
    return 0 if check.well else 2
