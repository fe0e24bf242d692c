"""What each command does and prints. Everything is built by `bot.app`."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import (
    SourceBook,
    connections,
    load_units,
    make_diagnoser,
    open_desk,
    shipped_playbooks,
    slack_settings,
    start_bot,
)
from bot.domain.cluster import PodName, Question
from bot.domain.findings import Verdict
from bot.errors import ConfigurationError, DnsBotError
from bot.settings import Settings, database_url, load_settings, shipped
from bot.workflow.durations import parse_duration
from bot.workflow.load_playbook import load_playbooks
from bot.workflow.located_yaml import nearest

if TYPE_CHECKING:
    from bot.doctor.checks import Check

EXIT_CODES: Mapping[Verdict, int] = {Verdict.HEALTHY: 0, Verdict.PROBLEM: 2, Verdict.UNKNOWN: 3}


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
        start_bot(stack, settings, slack, host=host, port=port)
        stopping.wait()


def ask(cluster: str, playbooks: tuple[str, ...], *, pod: str, names: tuple[str, ...]) -> Question:
    """Return what was asked. Raises `ConfigurationError` for a pod or a host name that is none."""
    return Question(cluster=cluster, playbooks=playbooks, pod=_pod(pod), names=_names(names))


def diagnose(config: Path | None, question: Question, *, deadline: str, as_json: bool) -> int:
    """Print one diagnosis and return the exit code."""
    from bot.logs import configure_logs

    configure_logs()
    settings = load_settings(config)
    with open_desk(settings, deadline_seconds=_seconds(deadline)) as desk:
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


def _seconds(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise ConfigurationError(f"--deadline {text!r}: {error}.") from error


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

    revision = migrate(database_url(), migrations=shipped("migrations"))
    print(f"The database is at the newest schema, {revision}.")


def doctor(config: Path | None, cluster: str) -> int:
    """Print what is in place, what is missing, and what each gap disables."""
    from bot.clients.sources import open_sources, open_writers
    from bot.doctor.checks import Check, State, doctor_text, exit_code
    from bot.doctor.cluster import check_cluster
    from bot.logs import configure_logs
    from bot.report.permissions import Use, needs

    configure_logs()
    settings = load_settings(config)
    chosen = [cluster] if cluster else list(settings.clusters)
    diagnoser = make_diagnoser(settings, SourceBook(settings))
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
        rehearse = writer.rehearse if target.aws_writer else None
        fixes = diagnoser.catalogue.fixes.values()
        checks += check_cluster(target, diagnoser.run, found, reviews, fixes, rehearse)
    sys.stdout.write(doctor_text(checks))
    return exit_code(checks)


def _doctor_of_slack(settings: Settings) -> Iterator[Check]:
    from bot.doctor.checks import Check, State
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
    from bot.doctor.checks import Check, State
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
    """Print the sandbox's scenarios, each with the look-alike that must not be blamed."""
    _need_sandbox()
    from bot.sandbox.scenario_catalogue import all_look_alikes, all_scenarios, look_alike_of

    look_alikes = {one.name: one for one in all_look_alikes()}
    for scenario in all_scenarios():
        print(f"{scenario.name}: {scenario.title}")
        print(f"    root cause: {scenario.root_cause or 'none'}")
        if resembling := look_alikes.get(look_alike_of(scenario.name)):
            print(f"    {resembling.name}: {resembling.title}")


def _need_sandbox() -> None:
    missing = [name for name in ("aiohttp", "flask", "moto") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"The sandbox needs packages that are not installed ({', '.join(missing)}). Install "
            "eks-dns-bot[sandbox], or use `make demo` in a checkout."
        )
