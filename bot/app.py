"""The composition root: the only module that builds things, and what each command does with them."""

from __future__ import annotations

import importlib.util
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.findings import Verdict
from bot.domain.people import Directory, Person, Standing
from bot.domain.playbooks import Playbook
from bot.domain.ports import Sources, Writers
from bot.errors import ConfigurationError, DnsBotError, HistoryUnavailable, Refused
from bot.settings import Settings, load_settings, shipped
from bot.workflow.catalogue import Catalogue, load_catalogue
from bot.workflow.diagnose import Diagnoser
from bot.workflow.front_desk import FrontDesk
from bot.workflow.load_playbook import load_playbooks
from bot.workflow.located_yaml import nearest

if TYPE_CHECKING:
    from bot.clients.connection import ClusterConnection
    from bot.doctor import Check
    from bot.slack.connection import SlackSettings

log = logging.getLogger(__name__)

EXIT_CODES: Mapping[Verdict, int] = {Verdict.HEALTHY: 0, Verdict.PROBLEM: 2, Verdict.UNKNOWN: 3}
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


def source_opener(settings: Settings) -> Callable[[ClusterTarget], Sources]:
    """Return what opens the readers of a cluster; one set of clients a cluster, kept."""
    from bot.clients.sources import open_sources

    opened: dict[str, Sources] = {}
    lock = threading.Lock()
    known = connections(settings)

    def open_one(target: ClusterTarget) -> Sources:
        with lock:
            if target.name not in opened:
                opened[target.name] = open_sources(known[target.name])
            return opened[target.name]

    return open_one


def writer_opener(settings: Settings) -> Callable[[ClusterTarget], Writers]:
    """Return what opens the writers of a cluster: other credentials, opened anew for each repair."""
    from bot.clients.sources import open_writers

    known = connections(settings)
    return lambda target: open_writers(known[target.name])


def make_diagnoser(settings: Settings) -> Diagnoser:
    """Return what runs diagnoses."""
    catalogue = load_units()
    return Diagnoser(
        catalogue=catalogue,
        playbooks=shipped_playbooks(catalogue),
        targets={name: cluster.target for name, cluster in settings.clusters.items()},
        open_sources=source_opener(settings),
    )


@contextmanager
def open_desk(settings: Settings, directory: Directory | None = None, team_id: str = "") -> Iterator[FrontDesk]:
    """Yield the front desk, with its database open. SQLite is brought to the newest schema."""
    from bot.history.schema import migrate as migrate_schema
    from bot.history.store import open_history

    diagnoser = make_diagnoser(settings)
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
        store.close()


def run(config: Path | None, *, host: str, port: int) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    from bot.logs import configure_logs

    configure_logs(verbose=True)
    settings = load_settings(config)
    slack = slack_settings(settings)
    slack.check()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as stack:
        _start_bot(stack, settings, slack, host=host, port=port)
        stopping.wait()


def slack_settings(settings: Settings) -> SlackSettings:
    """Return Slack's secrets as the Slack side takes them."""
    from bot.slack.connection import SlackSettings

    return SlackSettings(
        bot_token=settings.slack.bot_token,
        app_token=settings.slack.app_token,
        signing_secret=settings.slack.signing_secret,
        api_url=settings.slack.api_url,
    )


def _start_bot(stack: ExitStack, settings: Settings, slack: SlackSettings, *, host: str, port: int) -> None:
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
    bot.interrupted()
    clock = stack.enter_context(Clock())
    clock.every("expire proposals", bot.expire)
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


def diagnose(
    config: Path | None, cluster: str, playbooks: tuple[str, ...], *, pod: str, names: tuple[str, ...], as_json: bool
) -> int:
    """Print one diagnosis and return the exit code."""
    from bot.logs import configure_logs

    configure_logs()
    settings = load_settings(config)
    question = Question(cluster=cluster, playbooks=playbooks, pod=_pod(pod), names=_names(names))
    with open_desk(settings) as desk:
        diagnosis = desk.diagnose(question)
    if diagnosis.unrecorded:
        sys.stderr.write(f"dnsbot: this diagnosis is not recorded: {diagnosis.unrecorded}\n")
    if as_json:
        from bot.report.json_report import json_report

        sys.stdout.write(json.dumps(json_report(diagnosis), indent=2, ensure_ascii=False) + "\n")
    else:
        from bot.report.text_report import text_report

        sys.stdout.write(text_report(diagnosis))
    sys.stdout.flush()
    return EXIT_CODES[diagnosis.verdict]


def _pod(text: str) -> PodName | None:
    if not text:
        return None
    namespace, slash, name = text.partition("/")
    if not (slash and namespace and name and "/" not in name):
        raise ConfigurationError(f"--pod {text!r} is not NS/NAME, for example shop/ui-5f4d85f85f-xnh8q.")
    return PodName(namespace=namespace, name=name)


def _names(texts: Sequence[str]) -> tuple[str, ...]:
    from bot.dns.host_names import valid_host_name

    for text in texts:
        if not valid_host_name(text):
            raise ConfigurationError(f"--name {text!r} is not a host name: letters, digits, hyphens and dots.")
    return tuple(texts)


def list_playbooks() -> None:
    """Print the playbooks."""
    for playbook in shipped_playbooks(load_units()).values():
        print(f"{playbook.name}: {playbook.title}")
        print(f"    {playbook.purpose}")
        print(f"    gathers {len(playbook.gather)} kinds of evidence, judges {len(playbook.findings)} rules:")
        for use in playbook.findings:
            fixes = ", ".join(fix.fix for fix in use.fixes)
            print(f"      {use.rule} ({use.severity.value})" + (f": may propose {fixes}" if fixes else ""))


def check_playbooks(files: tuple[Path, ...]) -> None:
    """Validate playbook files; the first mistake is raised with its line."""
    checked = load_playbooks(files, load_units()) if files else shipped_playbooks(load_units())
    rules = sum(len(playbook.findings) for playbook in checked.values())
    print(f"{len(checked)} playbooks, {rules} rules: all well.")


def show_history(config: Path | None, cluster: str, *, limit: int, as_json: bool) -> None:
    """Print what was diagnosed, proposed, decided and done."""
    from bot.logs import configure_logs
    from bot.report.history_text import history_json, history_text

    configure_logs()
    settings = load_settings(config)
    if cluster and cluster not in settings.clusters:
        raise ConfigurationError(f"No cluster {cluster!r} is configured. {nearest(cluster, settings.clusters)}")
    with open_desk(settings) as desk:
        lines = desk.history(cluster, limit=limit)
    if as_json:
        sys.stdout.write(json.dumps(history_json(lines), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(history_text(lines))


def migrate_database() -> None:
    """Bring the database of DATABASE_URL to the newest schema."""
    from bot.history.schema import migrate
    from bot.settings import database_url

    revision = migrate(database_url(), migrations=shipped("migrations"))
    print(f"The database is at the newest schema, {revision}.")


def doctor(config: Path | None, cluster: str) -> int:
    """Print what is in place, what is missing, and what each gap disables."""
    from bot.clients.sources import open_sources, open_writers
    from bot.doctor import Check, State, check_cluster, doctor_text, exit_code
    from bot.logs import configure_logs
    from bot.report.permissions import Use, needs

    configure_logs()
    settings = load_settings(config)
    chosen = [cluster] if cluster else list(settings.clusters)
    diagnoser = make_diagnoser(settings)
    checks = [
        Check(subject="configuration", state=State.OK, text=f"{settings.file}: {len(settings.clusters)} clusters"),
        *_doctor_of_slack(settings),
        _doctor_of_history(settings),
    ]
    found = needs(diagnoser.catalogue)
    for name in chosen:
        if name not in settings.clusters:
            raise ConfigurationError(f"No cluster {name!r} is configured. {nearest(name, settings.clusters)}")
        target, connection = settings.clusters[name].target, connections(settings)[name]
        reader, writer = open_sources(connection), open_writers(connection)
        reviews = {Use.READ: reader.may, Use.LOOK_UP: reader.may}
        if target.kubernetes_writer:
            reviews[Use.CHANGE] = writer.may
        checks += check_cluster(target, diagnoser.run, found, reviews)
    sys.stdout.write(doctor_text(checks))
    return exit_code(checks)


def _doctor_of_slack(settings: Settings) -> Iterator[Check]:
    from bot.doctor import Check, State
    from bot.slack.connection import connect
    from bot.slack.scopes import bot_scopes

    try:
        secrets = slack_settings(settings)
        secrets.check()
        connection = connect(secrets)
    except ConfigurationError as error:
        yield Check(subject="Slack", state=State.MISSING, text=str(error), disables=("dnsbot run",))
        return
    mode = "Socket Mode" if secrets.socket_mode else "HTTP mode"
    yield Check(subject="Slack", state=State.OK, text=f"connected to {connection.team_name}, {mode}")
    for scope in bot_scopes():
        if connection.scopes and scope.name not in connection.scopes:
            text = f"the bot token lacks the scope {scope.name}"
            yield Check(subject="Slack", state=State.MISSING, text=text, disables=(scope.unlocks,))


def _doctor_of_history(settings: Settings) -> Check:
    from bot.doctor import Check, State
    from bot.history.schema import schema_is_current

    disables = ("approvals and repairs", "dnsbot history")
    try:
        if schema_is_current(settings.database_url, migrations=shipped("migrations")):
            return Check(subject="database", state=State.OK, text="reachable, at the newest schema")
        text = "reachable, not at the newest schema: run `dnsbot migrate` (SQLite: `dnsbot run` does it itself)"
        return Check(subject="database", state=State.NOTE, text=text)
    except DnsBotError as error:
        return Check(subject="database", state=State.MISSING, text=str(error), disables=disables)


def sandbox(
    scenario: str, *, play: bool, port: int, nodes: int, seed: int, deny: tuple[str, ...], latency_ms: int
) -> int:
    """Play a scenario's story, or keep its world up."""
    _need_sandbox()
    from bot.sandbox.play import play as play_story
    from bot.sandbox.serve import serve

    act = play_story if play else serve
    return act(scenario=scenario, seed=seed, nodes=nodes, deny=deny, latency_ms=latency_ms, port=port)


def list_scenarios() -> None:
    """Print the sandbox's scenarios."""
    _need_sandbox()
    from bot.sandbox.scenario_catalogue import all_scenarios

    for scenario in all_scenarios():
        print(f"{scenario.name}: {scenario.title}")
        print(f"    root cause: {scenario.root_cause or 'none'}")


def _need_sandbox() -> None:
    missing = [name for name in ("aiohttp", "flask", "moto") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"The sandbox needs packages that are not installed ({', '.join(missing)}). Install "
            "eks-dns-bot[sandbox], or use `make demo` in a checkout."
        )
