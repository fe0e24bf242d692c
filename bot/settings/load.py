"""The whole of the settings: dnsbot.yaml and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import Field

from bot.clients.connection import ClusterConnection
from bot.domain.approvals import ApprovalPolicy
from bot.domain.askers import AskerPolicy
from bot.domain.changes import ChangePolicy
from bot.domain.digests import DigestSchedule
from bot.errors import ConfigurationError
from bot.settings.approvals import PolicyEntry, approval_policy, change_policy
from bot.settings.askers import AskersEntry, asker_policy
from bot.settings.audit import AuditEntry, AuditSettings, audit_settings
from bot.settings.clusters import ClusterEntry, cluster_connection
from bot.settings.digests import DEFAULT_EVIDENCE, DEFAULT_SERIES, DigestEntry, RetentionEntry, digest_schedules
from bot.settings.entries import ClusterName, Entry
from bot.settings.files import settings_file
from bot.workflow.located_yaml import read_yaml, validate

SECRETS = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "DATABASE_URL",
    "AUDIT_KEY",
    "ALERTS_TOKEN",
)
DEFAULT_DATABASE = "sqlite:///dnsbot.db"


class SettingsFile(Entry):
    """The shape of dnsbot.yaml."""

    clusters: dict[ClusterName, ClusterEntry] = Field(min_length=1)
    approvals: dict[str, PolicyEntry] = Field(default={})
    askers: AskersEntry = Field(default_factory=AskersEntry)
    retention: RetentionEntry = Field(default_factory=RetentionEntry)
    digests: list[DigestEntry] = Field(default=[])
    audit: AuditEntry = Field(default_factory=AuditEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSecrets:
    """Tokens from the environment; None where unset. `repr` shows none of them."""

    bot_token: str | None = field(default=None, repr=False)
    app_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    api_url: str = "https://slack.com/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that an operator configured."""

    file: Path
    """dnsbot.yaml; where there is none, the kubeconfig that a cluster was assumed from."""
    clusters: Mapping[str, ClusterConnection]
    approvals: Mapping[str, ApprovalPolicy]
    askers: AskerPolicy
    slack: SlackSecrets
    database_url: str = field(repr=False)
    """Default `sqlite:///dnsbot.db`; empty: nothing is kept. May hold a password: never printed."""
    digests: tuple[DigestSchedule, ...] = ()
    changes: Mapping[str, ChangePolicy] = field(default_factory=dict)
    """When changes may be made, by environment."""
    series_kept_for: timedelta = DEFAULT_SERIES
    """How long the hours of measurements are kept."""
    evidence_kept_for: timedelta = DEFAULT_EVIDENCE
    """How long what diagnoses read is kept."""
    audit: AuditSettings = field(default_factory=AuditSettings)
    alerts_token: str | None = field(default=None, repr=False)
    """What whoever posts alerts must know; None: nobody may."""
    corefile_check: Path | None = None
    """The program that asks CoreDNS itself about a Corefile; None: the bot's own grammar judges it."""


def load_settings(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read dnsbot.yaml and the environment.

    `file` defaults to DNSBOT_CONFIG, then ./dnsbot.yaml. Raises `ConfigurationError` naming what is
    wrong, where, and what to do.
    """
    env = os.environ if environment is None else environment
    path = settings_file(file, env)
    if not path.exists():
        raise ConfigurationError(
            f"There is no configuration at {path}. Write one with `dnsbot init` (docs/configuration.md), or name it "
            "with --config FILE or DNSBOT_CONFIG. `dnsbot diagnose` and `dnsbot plan` need none."
        )
    _refuse_blank(env)
    document = read_yaml(path)
    written = validate(document, SettingsFile)
    return Settings(
        file=path,
        clusters={
            name: cluster_connection(name, entry, document, folder=path.parent, environments=written.approvals)
            for name, entry in written.clusters.items()
        },
        approvals={name: approval_policy(name, entry, document) for name, entry in written.approvals.items()},
        changes={name: change_policy(name, entry, document) for name, entry in written.approvals.items()},
        askers=asker_policy(written.askers),
        slack=SlackSecrets(
            bot_token=env.get("SLACK_BOT_TOKEN"),
            app_token=env.get("SLACK_APP_TOKEN"),
            signing_secret=env.get("SLACK_SIGNING_SECRET"),
            api_url=env.get("SLACK_API_URL", "") or "https://slack.com/api/",
        ),
        database_url=database_url(env),
        digests=digest_schedules(written.digests, document, clusters=written.clusters),
        series_kept_for=written.retention.series,
        evidence_kept_for=written.retention.evidence,
        audit=audit_settings(written.audit, env, folder=path.parent),
        alerts_token=env.get("ALERTS_TOKEN"),
        corefile_check=corefile_check(env),
    )


def corefile_check(env: Mapping[str, str]) -> Path | None:
    """Return the program that COREFILE_CHECK names. Raises `ConfigurationError` where it is none."""
    if not env.get("COREFILE_CHECK"):
        return None
    program = Path(env["COREFILE_CHECK"])
    if not (program.is_absolute() and program.is_file() and os.access(program, os.X_OK)):
        raise ConfigurationError(
            f"COREFILE_CHECK is {str(program)!r}, which is not a program. Set it to the absolute path of "
            "corefile-check (docs/configuration.md), or unset it: then the bot's own grammar judges Corefiles."
        )
    return program


def database_url(environment: Mapping[str, str] | None = None) -> str:
    """Return where the history is; `dnsbot migrate` needs no more than this. Raises `ConfigurationError` when blank."""
    return kept_database(os.environ if environment is None else environment) or DEFAULT_DATABASE


def kept_database(env: Mapping[str, str]) -> str:
    """Return where DATABASE_URL says the history is; empty where it is unset."""
    _refuse_blank(env)
    return env.get("DATABASE_URL", "")


def _refuse_blank(env: Mapping[str, str]) -> None:
    for name in SECRETS:
        if name in env and not env[name].strip():
            raise ConfigurationError(f"{name} is set but blank. Set it to its value, or unset it.")
