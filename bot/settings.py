"""Settings: the only reader of the environment and of dnsbot.yaml (README, "Configuration").

Unknown keys are errors that name the key, the file and the line. Secrets come from the environment
alone; one that is set but blank stops the start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.domain.approvals import ApprovalPolicy
from bot.domain.cluster import ClusterTarget
from bot.errors import ConfigurationError
from bot.workflow.durations import parse_duration
from bot.workflow.located_yaml import LocatedYaml, nearest, read_yaml, validate

SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL")
DEFAULT_DATABASE = "sqlite:///dnsbot.db"
_Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


def _cidr(text: object) -> str:
    try:
        return str(ip_network(str(text)))
    except ValueError as error:
        raise ValueError(f"a network such as 10.64.0.0/10 is expected: {error}") from error


def _timezone(text: object) -> str:
    try:
        return ZoneInfo(str(text)).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("a time zone such as Europe/Paris is expected") from error


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Peer(_Entry):
    vpc_id: str
    region: str = ""
    role_arn: str = ""


class _Cluster(_Entry):
    environment: str = ""
    region: str
    eks_name: str = ""
    role_arn: str = ""
    writer_role_arn: str = ""
    kubeconfig: str = ""
    context: str = ""
    writer_context: str = ""
    channel: str = ""
    workload_selector: str = ""
    peers: list[_Peer] = Field(default_factory=list)
    on_premises_cidrs: list[Annotated[str, BeforeValidator(_cidr)]] = Field(default_factory=list)


class _Policy(_Entry):
    required: int = Field(default=1, ge=1, le=20)
    requester_may_approve: bool = False
    users: list[str] = Field(default_factory=list)
    user_groups: list[str] = Field(default_factory=list)
    expires_after: _Duration = timedelta(minutes=30)


class _Digest(_Entry):
    channel: str
    cron: str
    timezone: Annotated[str, BeforeValidator(_timezone)] = "UTC"
    clusters: list[str] = Field(default_factory=list)


class SettingsFile(_Entry):
    """The shape of dnsbot.yaml."""

    clusters: dict[str, _Cluster] = Field(min_length=1)
    approvals: dict[str, _Policy] = Field(default_factory=dict)
    digests: list[_Digest] = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One cluster: what the workflow needs, and how to reach it."""

    target: ClusterTarget
    role_arn: str
    """Assumed for reading; empty: the process's own AWS identity reads."""
    writer_role_arn: str
    """Assumed only to apply an approved plan; empty: no fix that changes AWS gets an Approve button."""
    kubeconfig: Path | None
    """None: the EKS endpoint with an STS token."""
    context: str
    writer_context: str


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
    clusters: Mapping[str, ClusterSettings]
    approvals: Mapping[str, ApprovalPolicy]
    slack: SlackSecrets
    database_url: str = field(repr=False)
    """Default `sqlite:///dnsbot.db`. May hold a password: never printed."""


def load_settings(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read dnsbot.yaml and the environment.

    `file` defaults to DNSBOT_CONFIG, then ./dnsbot.yaml. Raises `ConfigurationError` naming what is
    wrong, where, and what to do.
    """
    env = os.environ if environment is None else environment
    path = file or Path(env.get("DNSBOT_CONFIG") or "dnsbot.yaml")
    if not path.exists():
        raise ConfigurationError(
            f"There is no configuration at {path}. Write one (README, Configuration), or name it with --config FILE "
            "or DNSBOT_CONFIG."
        )
    _refuse_blank(env)
    document = read_yaml(path)
    written = validate(document, SettingsFile)
    return Settings(
        file=path,
        clusters={name: _cluster(name, entry, path, document, written) for name, entry in written.clusters.items()},
        approvals={name: _policy(name, entry, document) for name, entry in written.approvals.items()},
        slack=SlackSecrets(
            bot_token=env.get("SLACK_BOT_TOKEN"),
            app_token=env.get("SLACK_APP_TOKEN"),
            signing_secret=env.get("SLACK_SIGNING_SECRET"),
            api_url=env.get("SLACK_API_URL", "") or "https://slack.com/api/",
        ),
        database_url=database_url(env),
    )


def database_url(environment: Mapping[str, str] | None = None) -> str:
    """Return where the history is; `dnsbot migrate` needs no more than this. Raises `ConfigurationError` when blank."""
    env = os.environ if environment is None else environment
    _refuse_blank(env)
    return env.get("DATABASE_URL") or DEFAULT_DATABASE


def _refuse_blank(env: Mapping[str, str]) -> None:
    for name in SECRETS:
        if name in env and not env[name].strip():
            raise ConfigurationError(f"{name} is set but blank. Set it to its value, or unset it.")


def _cluster(name: str, entry: _Cluster, path: Path, document: LocatedYaml, written: SettingsFile) -> ClusterSettings:
    place = ("clusters", name)
    if entry.environment and entry.environment not in written.approvals:
        raise document.error(
            f"environment {entry.environment!r} has no policy of its own name under `approvals`; a typo must not "
            "loosen approval.",
            (*place, "environment"),
            hint=nearest(entry.environment, written.approvals),
        )
    if (entry.context or entry.writer_context) and not entry.kubeconfig:
        raise document.error("`context` and `writer_context` need `kubeconfig`.", place)
    kubeconfig = (path.parent / entry.kubeconfig).resolve() if entry.kubeconfig else None
    kubernetes_writer = bool(entry.writer_context if kubeconfig else entry.writer_role_arn)
    return ClusterSettings(
        target=ClusterTarget(
            name=name,
            eks_name=entry.eks_name or name,
            region=entry.region,
            environment=entry.environment,
            channel=entry.channel,
            workload_selector=entry.workload_selector,
            on_premises_cidrs=tuple(entry.on_premises_cidrs),
            aws_writer=bool(entry.writer_role_arn),
            kubernetes_writer=kubernetes_writer,
        ),
        role_arn=entry.role_arn,
        writer_role_arn=entry.writer_role_arn,
        kubeconfig=kubeconfig,
        context=entry.context,
        writer_context=entry.writer_context,
    )


def _policy(name: str, entry: _Policy, document: LocatedYaml) -> ApprovalPolicy:
    if not entry.users and not entry.user_groups:
        raise document.error(
            "names neither users nor user_groups, so nobody could approve.",
            ("approvals", name),
            hint="Add `users: [U…]` or `user_groups: [S…]`.",
        )
    return ApprovalPolicy(
        environment=name,
        required=entry.required,
        requester_may_approve=entry.requester_may_approve,
        users=tuple(entry.users),
        user_groups=tuple(entry.user_groups),
        expires_after=entry.expires_after,
    )


def shipped(folder: str) -> Path:
    """Return where `playbooks`, `templates` or `migrations` are: beside the package, or inside the wheel."""
    package = Path(__file__).resolve().parent
    inside = package / "shipped" / folder
    return inside if inside.is_dir() else package.parent / folder
