"""The composition root: the only module that builds things."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.cluster import ClusterTarget
from bot.domain.people import Directory, Person, Standing
from bot.domain.playbooks import Playbook
from bot.domain.ports import Sources, Writers
from bot.errors import HistoryUnavailable, Refused
from bot.settings import Settings, shipped
from bot.workflow.catalogue import Catalogue, load_catalogue
from bot.workflow.diagnose import Diagnoser
from bot.workflow.front_desk import FrontDesk
from bot.workflow.load_playbook import load_playbooks

if TYPE_CHECKING:
    from bot.clients.connection import ClusterConnection
    from bot.clients.sources import ClusterSources
    from bot.schedule import Clock
    from bot.slack.app import SlackBot
    from bot.slack.connection import SlackSettings

log = logging.getLogger(__name__)

SHUTDOWN_GRACE_SECONDS = 20.0
"""How long running work may take to end after SIGTERM; a pod's default grace is 30 s."""


@dataclass(frozen=True, slots=True)
class NobodyKnown:
    """The directory where there is no Slack: nobody is known, so nobody may approve."""

    def standing(self, person: Person) -> Standing:
        """Refuse."""
        raise Refused(f"{person} cannot be looked up: this process is not connected to Slack.")

    def group_members(self, group_ids: object) -> frozenset[str]:
        """Refuse."""
        raise Refused(f"User groups {group_ids} cannot be looked up: this process is not connected to Slack.")


def load_units() -> Catalogue:
    """Return every collector, rule and fix."""
    import bot.collectors
    import bot.fixes
    import bot.rules

    return load_catalogue(bot.collectors, bot.rules, bot.fixes)


def shipped_playbooks(catalogue: Catalogue) -> dict[str, Playbook]:
    """Return the playbooks that come with the bot."""
    return load_playbooks(shipped("playbooks").glob("*.yaml"), catalogue)


def connections(settings: Settings) -> dict[str, ClusterConnection]:
    """Return how to reach each configured cluster."""
    from bot.clients.connection import ClusterConnection

    return {
        name: ClusterConnection(
            target=cluster.target,
            role_arn=cluster.role_arn,
            writer_role_arn=cluster.writer_role_arn,
            kubeconfig=str(cluster.kubeconfig or ""),
            context=cluster.context,
            writer_context=cluster.writer_context,
        )
        for name, cluster in settings.clusters.items()
    }


class SourceBook:
    """The readers of each cluster: opened when first asked for, kept, closed together."""

    def __init__(self, settings: Settings) -> None:
        self._connections = connections(settings)
        self._opened: dict[str, ClusterSources] = {}
        self._lock = threading.Lock()

    def __call__(self, target: ClusterTarget) -> ClusterSources:
        """Return what this cluster is read through."""
        from bot.clients.sources import open_sources

        with self._lock:
            if target.name not in self._opened:
                self._opened[target.name] = open_sources(self._connections[target.name])
            return self._opened[target.name]

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for sources in self._opened.values():
                sources.close()
            self._opened.clear()


def writer_opener(settings: Settings) -> Callable[[ClusterTarget, str], Writers]:
    """Return what opens the writers of a cluster for one plan: other credentials, a session of its own."""
    from bot.clients.sources import open_writers

    known = connections(settings)
    return lambda target, plan_id: open_writers(known[target.name], plan_id=plan_id)


def make_diagnoser(
    settings: Settings, open_sources: Callable[[ClusterTarget], Sources], *, deadline_seconds: float = 60.0
) -> Diagnoser:
    """Return what runs diagnoses."""
    catalogue = load_units()
    return Diagnoser(
        catalogue=catalogue,
        playbooks=shipped_playbooks(catalogue),
        targets={name: cluster.target for name, cluster in settings.clusters.items()},
        open_sources=open_sources,
        deadline_seconds=deadline_seconds,
    )


@contextmanager
def open_desk(
    settings: Settings, directory: Directory | None = None, team_id: str = "", *, deadline_seconds: float = 60.0
) -> Iterator[FrontDesk]:
    """Yield the front desk, with its database open. SQLite is brought to the newest schema."""
    from bot.history.schema import migrate as migrate_schema
    from bot.history.store import open_history

    sources = SourceBook(settings)
    diagnoser = make_diagnoser(settings, sources, deadline_seconds=deadline_seconds)
    classes = {name: collector.evidence for name, collector in diagnoser.catalogue.collectors.items()}
    if settings.database_url.startswith("sqlite"):
        try:
            migrate_schema(settings.database_url, migrations=shipped("migrations"))
        except HistoryUnavailable as error:
            log.warning("the history is not available", extra={"reason": str(error)})
    store = open_history(settings.database_url, classes)
    try:
        yield FrontDesk(
            targets=diagnoser.targets,
            loaded=diagnoser.playbooks,
            fixes=diagnoser.catalogue.fixes,
            evidence_classes=classes,
            policies=settings.approvals,
            store=store,
            directory=directory or NobodyKnown(),
            team_id=team_id,
            run_diagnosis=diagnoser.run,
            open_sources=diagnoser.open_sources,
            open_writers=writer_opener(settings),
            read_binding=diagnoser.binding,
        )
    finally:
        sources.close()
        store.close()


def slack_settings(settings: Settings) -> SlackSettings:
    """Return Slack's secrets as the Slack side takes them."""
    from bot.slack.connection import SlackSettings

    return SlackSettings(
        bot_token=settings.slack.bot_token,
        app_token=settings.slack.app_token,
        signing_secret=settings.slack.signing_secret,
        api_url=settings.slack.api_url,
    )


def start_bot(stack: ExitStack, settings: Settings, slack: SlackSettings, *, host: str, port: int) -> None:
    """Start everything that runs beside the main thread; the stack ends it in reverse order."""
    from bot.jobs.in_process import InProcessJobs
    from bot.schedule import Clock
    from bot.slack.app import build_app
    from bot.slack.connection import connect
    from bot.slack.directory import SlackDirectory
    from bot.slack.http_server import serve_health, serve_http
    from bot.slack.socket_mode import serve_socket

    connection = connect(slack)
    directory = SlackDirectory(connection.safe, team_id=connection.team_id)
    desk = stack.enter_context(open_desk(settings, directory, connection.team_id))
    jobs = InProcessJobs()
    stack.callback(jobs.stop, grace_seconds=SHUTDOWN_GRACE_SECONDS)
    bot = build_app(slack, connection=connection, desk=desk, jobs=jobs, templates=shipped("templates"))
    stack.callback(bot.stop)
    clock = stack.enter_context(Clock())
    clock.every("expire proposals", bot.expire)
    _show_interrupted(bot, clock)
    state = {"team": connection.team_name, "mode": "socket" if slack.socket_mode else "http"}
    if slack.socket_mode:
        socket = serve_socket(bot.bolt, connection=connection, app_token=slack.app_token)
        stack.callback(socket.stop)
        server = serve_health(port=port, host=host, state=lambda: {**state, "connected": socket.connected})
    else:
        server = serve_http(
            bot.bolt, signing_secret=slack.signing_secret, port=port, host=host, state=lambda: dict(state)
        )
    stack.callback(server.stop)


def _show_interrupted(bot: SlackBot, clock: Clock) -> None:
    """Mark what a former process left running: now, or, while the database is down, as soon as it answers."""
    marked = threading.Event()

    def mark() -> None:
        if not marked.is_set():
            bot.interrupted()
            marked.set()

    try:
        mark()
    except HistoryUnavailable as error:
        log.warning("the history is not available; diagnoses go on unrecorded", extra={"reason": str(error)})
        clock.every("mark interrupted repairs", mark)
