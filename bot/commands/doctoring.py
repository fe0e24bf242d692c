"""`dnsbot doctor`: what is in place, what is missing, and what each gap disables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bot.app import SourceBook, make_diagnoser, slack_settings
from bot.asking import known_cluster
from bot.clients.sources import open_sources, open_writers
from bot.doctor.checks import Check, CheckState, doctor_text, exit_code
from bot.doctor.cluster import check_cluster
from bot.doctor.endings import check_endings
from bot.doctor.scopes import check_scopes
from bot.domain.history import LateEnding
from bot.domain.permissions import Use
from bot.domain.phrases import count
from bot.errors import ConfigurationError, DnsBotError, HistoryUnavailable
from bot.history.schema import schema_is_current
from bot.history.store import open_history
from bot.logs import configure_logs
from bot.report.permissions import needs
from bot.settings.files import shipped
from bot.settings.load import Settings, load_settings
from bot.slack.connection import connect
from bot.slack.named import Named, check_named
from bot.slack.scopes import bot_scopes


def doctor(config: Path | None, cluster: str) -> int:
    """Print what is in place, what is missing, and what each gap disables."""
    configure_logs()
    settings = load_settings(config)
    chosen = [cluster] if cluster else list(settings.clusters)
    diagnoser = make_diagnoser(settings, SourceBook(settings))
    checks = [
        Check(
            subject="configuration",
            state=CheckState.OK,
            text=f"{settings.file}: {count(len(settings.clusters), 'cluster')}",
        ),
        _doctor_of_askers(settings),
        *_doctor_of_slack(settings),
        _doctor_of_history(settings),
        _doctor_of_audit(settings),
        *check_endings(_late_endings(settings)),
    ]
    found = needs(diagnoser.catalogue)
    for name in chosen:
        connection = settings.clusters[known_cluster(name, settings.clusters)]
        target = connection.target
        reader, writer = open_sources(connection), open_writers(connection)
        reviews = {Use.READ: reader.may, Use.LOOK_UP: reader.may}
        if target.node_probe:
            reviews[Use.NODE] = reader.may
        if target.kubernetes_writer:
            reviews[Use.CHANGE] = writer.may
        rehearse = writer.rehearse if target.aws_writer else None
        fixes = diagnoser.catalogue.fixes.values()
        checks += check_cluster(target, diagnoser.run, found, reviews, fixes, rehearse, writer.enter)
    sys.stdout.write(doctor_text(checks))
    return exit_code(checks)


def _doctor_of_askers(settings: Settings) -> Check:
    policy = settings.askers
    who = "all full members of the workspace" if policy.everybody else ", ".join((*policy.users, *policy.user_groups))
    most = f"at once {policy.at_once_per_person} a person and {policy.at_once_per_cluster} a cluster"
    return Check(subject="askers", state=CheckState.OK, text=f"{who} may ask for diagnoses, {most}")


def _doctor_of_slack(settings: Settings) -> Iterator[Check]:
    try:
        secrets = slack_settings(settings)
        secrets.check()
        connection = connect(secrets)
    except ConfigurationError as error:
        yield Check(subject="Slack", state=CheckState.MISSING, text=str(error), disables=("dnsbot run",))
        return
    mode = "Socket Mode" if secrets.socket_mode else "HTTP mode"
    yield Check(subject="Slack", state=CheckState.OK, text=f"connected to {connection.team_name}, {mode}")
    yield from check_scopes(connection.scopes, {scope.name: scope.unlocks for scope in bot_scopes()})
    for name in check_named(connection, named_in(settings)):
        state = CheckState.UNKNOWN if name.unknown else CheckState.MISSING
        yield Check(subject="Slack", state=state, text=name.text, disables=(name.disables,))


def named_in(settings: Settings) -> Named:
    """Return what the file names and Slack should know."""
    policies = settings.approvals.values()
    users = {*settings.askers.users, *(user for policy in policies for user in policy.users)}
    groups = {*settings.askers.user_groups, *(group for policy in policies for group in policy.user_groups)}
    channels = {one.target.channel for one in settings.clusters.values()} | {one.channel for one in settings.digests}
    return Named(
        users=tuple(sorted(users)), user_groups=tuple(sorted(groups)), channels=tuple(sorted(filter(None, channels)))
    )


def _doctor_of_history(settings: Settings) -> Check:
    disables = ("approvals and repairs", "dnsbot history")
    try:
        if schema_is_current(settings.database_url, migrations=shipped("migrations")):
            return Check(subject="database", state=CheckState.OK, text="reachable, at the newest schema")
        text = "reachable, not at the newest schema: run `dnsbot migrate` (SQLite: `dnsbot run` does it itself)"
        return Check(subject="database", state=CheckState.NOTE, text=text)
    except DnsBotError as error:
        return Check(subject="database", state=CheckState.MISSING, text=str(error), disables=disables)


def _doctor_of_audit(settings: Settings) -> Check:
    if not settings.audit.seals.keys:
        text = (
            "the audit chain is sealed without a key: whoever can write to the database can make it anew. Set AUDIT_KEY"
        )
        return Check(subject="audit", state=CheckState.NOTE, text=text)
    kept = settings.audit.heads or (settings.database_url.startswith("sqlite") and "beside the database")
    places = [str(place) for place in (kept, settings.audit.channel) if place]
    where = ", ".join(places) or "nowhere: a cut end is not seen. Set `audit:` in dnsbot.yaml"
    return Check(
        subject="audit",
        state=CheckState.OK if places else CheckState.NOTE,
        text=f"the chain is sealed with a key; its newest rows are kept {where}",
    )


def _late_endings(settings: Settings) -> tuple[LateEnding, ...]:
    """Return the changes that stand longer than they were approved for; none where the database cannot be read."""
    history = open_history(settings.database_url, {})
    try:
        return history.late_endings()
    except HistoryUnavailable:
        return ()  # which the line about the database says
    finally:
        history.close()
