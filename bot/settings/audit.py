"""`audit:` of dnsbot.yaml and AUDIT_KEY: what the audit chain is sealed with, and where its newest rows are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.audit import LEAST_KEY_CHARACTERS, Seals
from bot.errors import ConfigurationError
from bot.settings.entries import Entry

KEY = "AUDIT_KEY"


class AuditEntry(Entry):
    """All of it."""

    heads: Path | None = None
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """How the chain is sealed, and where its newest seals are kept outside the database."""

    seals: Seals = field(default_factory=Seals)
    heads: Path | None = None
    """A file; None: beside SQLite's file, and with PostgreSQL nowhere."""
    channel: str = ""
    """A Slack channel that is told them every hour, or empty."""


def audit_settings(entry: AuditEntry, env: Mapping[str, str], *, folder: Path) -> AuditSettings:
    """Return them. `heads` is relative to `folder`. Raises `ConfigurationError` for a key that is too short."""
    return AuditSettings(
        seals=seals_from(env), heads=folder / entry.heads if entry.heads else None, channel=entry.channel
    )


def seals_from(env: Mapping[str, str]) -> Seals:
    """Return what AUDIT_KEY seals with: keys separated by commas, the newest first; none: plain hashes."""
    if KEY not in env:
        return Seals()
    keys = [one.strip() for one in env[KEY].split(",")]
    if any(len(one) < LEAST_KEY_CHARACTERS for one in keys):
        raise ConfigurationError(
            f"{KEY} holds a key of fewer than {LEAST_KEY_CHARACTERS} characters. Make one with `openssl rand -hex 32`; "
            "a new one goes before the old one and a comma. Or unset it: then the chain is sealed without a key."
        )
    return Seals(tuple(one.encode() for one in keys))
