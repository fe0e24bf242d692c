"""`dnsbot init` and `migrate`."""

from __future__ import annotations

from pathlib import Path

from bot.domain.phrases import count
from bot.settings.assumed import Reach
from bot.settings.files import settings_file, shipped
from bot.settings.load import database_url
from bot.settings.written import write_settings


def migrate_database(grant_to: str = "") -> None:
    """Bring the database of DATABASE_URL to the newest schema, and grant a role what the bot needs."""
    from bot.history.schema import migrate

    revision = migrate(database_url(), migrations=shipped("migrations"), grant_to=grant_to)
    print(f"The database is at the newest schema, {revision}.")
    if grant_to:
        print(f"Role {grant_to} may read and write, and not change or delete what the audit table holds.")


def init(reach: Reach, file: Path | None, *, overwrite: bool) -> None:
    """Write a dnsbot.yaml for the EKS clusters that the kubeconfig leads to, and say what is left to fill in."""
    written = write_settings(reach, settings_file(file), overwrite=overwrite)
    print(f"Wrote {written.file} with {count(len(written.clusters), 'cluster')}: {', '.join(written.clusters)}.")
    for line in written.lines:
        print(line)
