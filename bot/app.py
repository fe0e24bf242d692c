"""The composition root: the only module that builds things."""

from __future__ import annotations

import logging
import os
import pkgutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from bot.domain.approvals import ApprovalPolicy
from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.corefile_program import CorefileProgram
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Kind
from bot.domain.health import HealthStore
from bot.domain.history import History
from bot.domain.people import Directory, Person, Standing
from bot.domain.playbooks import Playbook
from bot.domain.ports import Sources, Writers
from bot.errors import HistoryUnavailable, Refused, UnitError
from bot.settings.files import shipped
from bot.settings.load import Settings
from bot.workflow.apply import Applier
from bot.workflow.approve import Gate
from bot.workflow.catalogue import Catalogue, load_catalogue
from bot.workflow.conclude import Concluder
from bot.workflow.diagnose import Diagnoser
from bot.workflow.digest import Digester
from bot.workflow.end_changes import Ender
from bot.workflow.holding import Holder
from bot.workflow.left_probe_pods import LeftProbePods
from bot.workflow.light_rounds import MEASURED_EVERY, LightRounds
from bot.workflow.load_playbook import load_playbooks
from bot.workflow.may_ask import Door
from bot.workflow.propose import NothingKept, Proposer, TakesPlans
from bot.workflow.recent_lists import RecentLists
from bot.workflow.repair import Repairer
from bot.workflow.retention import Retention
from bot.workflow.run_step import StepRunner
from bot.workflow.settle import Settler
from bot.workflow.undo import UndoVerifier
from bot.workflow.use_cases import UseCases
from bot.workflow.verify import RunDiagnosis, Verifier
from bot.workflow.watch import Watcher

if TYPE_CHECKING:
    from bot.clients.pace import Pace
    from bot.clients.sources import ClusterSources
    from bot.jobs.in_process import InProcessJobs
    from bot.slack.connection import SlackSettings
    from bot.slack.serving import ListenAddresses

log = logging.getLogger(__name__)

SHUTDOWN_GRACE_SECONDS = 20.0
"""How long running work may take to end after SIGTERM; a pod's default grace is 30 s."""


@dataclass(frozen=True, slots=True)
class NobodyKnown:
    """The directory where there is no Slack: nobody is known, so nobody may approve."""

    def standing(self, person: Person) -> Standing:
        """Refuse."""
        raise Refused(f"{person} cannot be looked up: this process is not connected to Slack.")

    def channel_members(self, channel: str, *, at_most: int) -> frozenset[str]:
        """Nobody is in a channel that cannot be looked up."""
        raise Refused(f"Slack is not asked who is in {channel}; at most {at_most} would be.")

    def group_members(self, group_ids: object) -> frozenset[str]:
        """Refuse."""
        raise Refused(f"User groups {group_ids} cannot be looked up: this process is not connected to Slack.")


def load_units() -> Catalogue:
    """Return every collector, rule and fix."""
    import bot.collectors
    import bot.fixes
    import bot.rules

    return load_catalogue(bot.collectors, bot.rules, bot.fixes)


def command_names() -> tuple[str, ...]:
    """Return the names that `commands` of a playbook may hold: the files of `bot/slack/commands`, none imported."""
    import bot.slack.commands

    return tuple(module.name for module in pkgutil.iter_modules(bot.slack.commands.__path__))


def shipped_playbooks(catalogue: Catalogue) -> dict[str, Playbook]:
    """Return the playbooks that come with the bot."""
    return load_playbooks(shipped("playbooks").glob("*.yaml"), catalogue, command_names())


class SourceBook:
    """The readers of each cluster: opened when first asked for, kept, closed together."""

    def __init__(self, settings: Settings, pace: Pace | None = None) -> None:
        """`pace` is shared with whoever else calls AWS in this process; None: these readers have one of their own."""
        self._connections = settings.clusters
        self._pace = pace
        self._opened: dict[str, ClusterSources] = {}
        self._lock = threading.Lock()

    def __call__(self, target: ClusterTarget) -> ClusterSources:
        """Return what this cluster is read through."""
        from bot.clients.pace import Pace
        from bot.clients.sources import open_sources

        with self._lock:
            self._pace = self._pace or Pace()
            if target.name not in self._opened:
                self._opened[target.name] = open_sources(self._connections[target.name], pace=self._pace)
            return self._opened[target.name]

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for sources in self._opened.values():
                sources.close()
            self._opened.clear()


def writer_opener(settings: Settings, pace: Pace | None = None) -> Callable[[ClusterTarget, str], Writers]:
    """Return what opens the writers of a cluster for one plan: other credentials, a session of its own."""
    from bot.clients.sources import open_writers

    return lambda target, plan_id: open_writers(settings.clusters[target.name], plan_id=plan_id, pace=pace)


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
        corefile_program=corefile_program(settings),
    )


@contextmanager
def open_diagnosis(settings: Settings, *, deadline_seconds: float = 60.0) -> Iterator[RunDiagnosis]:
    """Yield what diagnoses; it keeps what it finds where a database is configured, and nothing elsewhere."""
    if settings.database_url:
        with open_use_cases(settings, deadline_seconds=deadline_seconds) as use:
            yield lambda question, asked_by, progress: use.diagnose(question, asked_by=asked_by, progress=progress)
        return
    with closing(SourceBook(settings)) as sources:
        yield make_diagnoser(settings, sources, deadline_seconds=deadline_seconds).run


def make_planner(settings: Settings) -> Proposer:
    """Return what plans fixes and measures to be shown alone: nothing is stored, posted, or there to be approved."""
    return _proposer(make_replayer(), NothingKept(), settings.approvals)  # no cluster is asked


def make_replayer() -> Diagnoser:
    """Return what diagnoses from records; it knows no cluster."""
    catalogue = load_units()

    def nowhere(target: ClusterTarget) -> Sources:
        raise UnitError(f"{target.name} was to be asked although a record is replayed")

    return Diagnoser(catalogue=catalogue, playbooks=shipped_playbooks(catalogue), targets={}, open_sources=nowhere)


def corefile_program(settings: Settings) -> CorefileProgram | None:
    """Return CoreDNS itself, to be asked about a Corefile, where the operator named it."""
    from bot.clients.corefile_check import CorefileCheck

    return CorefileCheck(settings.corefile_check) if settings.corefile_check else None


@contextmanager
def open_use_cases(
    settings: Settings,
    directory: Directory | None = None,
    team_id: str = "",
    *,
    deadline_seconds: float = 60.0,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[UseCases]:
    """Yield what people can ask for, with its database open. SQLite is brought to the newest schema.

    `stopping` says whether the process is being stopped: then no further step of a repair is begun.
    """
    from bot.clients.pace import Pace
    from bot.history.health import SqlHealth
    from bot.history.schema import migrate as migrate_schema
    from bot.history.store import open_history
    from bot.history.subscriptions import SqlSubscriptions
    from bot.history.watches import SqlWatches

    pace = Pace()
    sources = SourceBook(settings, pace)
    diagnoser = make_diagnoser(settings, sources, deadline_seconds=deadline_seconds)
    if settings.database_url.startswith("sqlite"):
        try:
            migrate_schema(settings.database_url, migrations=shipped("migrations"))
        except HistoryUnavailable as error:
            log.warning("the history is not available", extra={"reason": str(error)})
    history = open_history(
        settings.database_url,
        _evidence_classes(diagnoser.catalogue),
        seals=settings.audit.seals,
        heads=settings.audit.heads,
    )
    roles = {name: cluster.reading_roles for name, cluster in settings.clusters.items()}
    diagnoser = replace(diagnoser, remembered=history.remembered, recent=RecentLists(roles))
    gate = Gate(
        history=history,
        directory=directory or NobodyKnown(),
        team_id=team_id,
        policies=settings.approvals,
        targets=diagnoser.targets,
        changes=settings.changes,
    )
    try:
        door = Door(directory=gate.directory, team_id=team_id, policy=settings.askers)
        use = use_cases(diagnoser, gate, door, writer_opener(settings, pace), stopping)
        store = SqlHealth(database=history.database)
        digester = _digester(diagnoser, store, use.diagnose)
        watcher = Watcher(
            targets=use.targets,
            store=SqlWatches(database=history.database),
            history=history,
            run_diagnosis=use.run_diagnosis,
            muted=digester.muted_rules,
            owner=digester.rounds.owner,
        )
        subscriptions = SqlSubscriptions(database=history.database)
        yield replace(use, digester=digester, watcher=watcher, subscriptions=subscriptions, digests=settings.digests)
    finally:
        sources.close()
        history.close()


def _digester(diagnoser: Diagnoser, store: HealthStore, diagnose: Callable[[Question], Diagnosis]) -> Digester:
    rounds = LightRounds(targets=diagnoser.targets, look=diagnoser.health, store=store, owner=process_name())
    return Digester(rounds=rounds, store=store, diagnose=diagnose)


def _evidence_classes(catalogue: Catalogue) -> dict[str, type]:
    return {name: collector.evidence for name, collector in catalogue.collectors.items()}


def _symptoms(diagnoser: Diagnoser) -> frozenset[str]:
    rules = diagnoser.catalogue.rules
    used = {use.rule for playbook in diagnoser.playbooks.values() for use in playbook.findings}
    judging = (rule for rule in used if rules[rule].kind is Kind.SYMPTOM and rules[rule].judges_lookups)
    return frozenset(rule for rule in judging if not rules[rule].looks_from_elsewhere)


def _proposer(diagnoser: Diagnoser, history: TakesPlans, policies: Mapping[str, ApprovalPolicy]) -> Proposer:
    return Proposer(
        history=history,
        playbooks=diagnoser.playbooks,
        fixes=diagnoser.catalogue.fixes,
        evidence_classes=_evidence_classes(diagnoser.catalogue),
        policies=policies,
        symptoms=_symptoms(diagnoser),
    )


def use_cases(
    diagnoser: Diagnoser,
    gate: Gate,
    door: Door,
    open_writers: Callable[[ClusterTarget, str], Writers],
    stopping: Callable[[], bool],
) -> UseCases:
    """Put the parts together that diagnose, propose, decide and repair."""
    history, fixes = gate.history, diagnoser.catalogue.fixes
    proposer = _proposer(diagnoser, history, gate.policies)
    holder = Holder(history=history, owner=process_name(), clock=time.monotonic, stopping=stopping)
    runner = StepRunner(
        history=history,
        fixes=fixes,
        open_sources=diagnoser.open_sources,
        open_writers=open_writers,
        sleep=time.sleep,
        clock=time.monotonic,
    )
    concluder = _concluder(diagnoser, proposer, history)
    settler = Settler(
        history=history,
        holder=holder,
        gate=gate,
        runner=runner,
        concluder=concluder,
        targets=diagnoser.targets,
    )
    repairer = Repairer(
        history=history,
        holder=holder,
        gate=gate,
        applier=Applier(history=history, runner=runner),
        concluder=concluder,
        settler=settler,
        targets=diagnoser.targets,
        read_binding=diagnoser.binding,
        sleep=time.sleep,
    )
    return UseCases(
        targets=diagnoser.targets,
        playbooks=diagnoser.playbooks,
        run_diagnosis=diagnoser.run,
        proposer=proposer,
        gate=gate,
        door=door,
        repairer=repairer,
        settler=settler,
        ender=Ender(history=history, holder=holder, runner=runner, fixes=fixes, targets=diagnoser.targets),
        history=history,
        checks={rule.name: rule.check for rule in diagnoser.catalogue.rules.values()},
    )


def _concluder(diagnoser: Diagnoser, proposer: Proposer, history: History) -> Concluder:
    fixes = diagnoser.catalogue.fixes
    return Concluder(
        history=history,
        verifier=Verifier(
            run_diagnosis=diagnoser.asking_anew().run,
            playbooks=diagnoser.playbooks,
            sleep=time.sleep,
            clock=time.monotonic,
        ),
        undo_verifier=UndoVerifier(fixes=fixes, open_sources=diagnoser.open_sources),
        proposer=proposer,
        fixes=fixes,
        sleep=time.sleep,
    )


def _remove_left_probe_pods(sources: SourceBook, target: ClusterTarget, deadline: Deadline) -> tuple[PodName, ...]:
    return sources(target).remove_left_probe_pods(deadline)


def process_name() -> str:
    """Return the name of this process among all that work on the database, good until it ends."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def slack_settings(settings: Settings) -> SlackSettings:
    """Return Slack's secrets as the Slack side takes them."""
    from bot.slack.connection import SlackSettings

    return SlackSettings(
        bot_token=settings.slack.bot_token,
        app_token=settings.slack.app_token,
        signing_secret=settings.slack.signing_secret,
        api_url=settings.slack.api_url,
    )


SEND_DIGESTS_EVERY = timedelta(seconds=30)
DELETE_EVERY = timedelta(minutes=10)
"""How often it is looked whether what is old was deleted today."""
TELL_AUDIT_HEAD_EVERY = timedelta(hours=1)
RENEW_HOMES_EVERY = timedelta(seconds=20)
WATCH_EVERY = timedelta(seconds=20)
"""How often it is looked which watched clusters are due."""
LOOK_FOR_WORK_EVERY = timedelta(seconds=5)
"""How soon another process takes up what was left; a repair whose lease ran out waits no longer than this."""


def measure_clusters(use: UseCases, *, series_kept_for: timedelta) -> None:
    """Make the light round that is due over all clusters that digests tell of. For the clock."""
    if use.digester is None:
        return
    try:
        clusters = sorted({name for schedule in use.schedules() for name in schedule.clusters})
        if not clusters:
            return
        use.digester.rounds.measure(clusters, hours_older_than=series_kept_for)
    except HistoryUnavailable as error:
        log.warning("nothing was measured", extra={"reason": str(error)})


def _warn_of_audit(settings: Settings, use: UseCases) -> None:
    """Say loudly what the audit chain cannot show, and what it shows already."""
    if not settings.audit.seals.keys:
        log.warning(
            "the audit chain is sealed without a key: whoever can write to the database can make it anew",
            extra={"set": "AUDIT_KEY"},
        )
    try:
        lost = use.history.audit_lost()
    except HistoryUnavailable as error:
        lost = str(error)
    if lost:
        log.error("the audit chain is not what was kept of it", extra={"reason": lost, "run": "dnsbot audit verify"})


def start_bot(
    stack: ExitStack,
    settings: Settings,
    slack: SlackSettings,
    *,
    addresses: ListenAddresses,
    stopping: Callable[[], bool],
) -> InProcessJobs:
    """Start everything that runs beside the main thread; the stack ends it in reverse order.

    The jobs are returned: what still runs when the stack has ended holds no lease for long, and need not be waited for.
    """
    from bot.history.engine import check_url
    from bot.jobs.in_process import InProcessJobs
    from bot.schedule import Clock
    from bot.slack.app import build_app
    from bot.slack.audit_head import tell_audit_head
    from bot.slack.connection import connect
    from bot.slack.directory import SlackDirectory
    from bot.slack.serving import serve

    check_url(settings.database_url)  # before Slack is reached: a wrong setting is told at once
    connection = connect(slack)
    directory = SlackDirectory(connection.safe, team_id=connection.team_id)
    use = stack.enter_context(open_use_cases(settings, directory, connection.team_id, stopping=stopping))
    jobs = InProcessJobs()
    stack.callback(jobs.stop, grace_seconds=SHUTDOWN_GRACE_SECONDS)
    bot = build_app(
        slack, connection=connection, use=use, jobs=jobs, templates=shipped("templates"), owner=process_name()
    )
    stack.callback(bot.stop)
    left_probe_pods = LeftProbePods(
        targets=[cluster.target for cluster in settings.clusters.values()],
        remove=partial(_remove_left_probe_pods, stack.enter_context(closing(SourceBook(settings)))),
        stopping=stopping,
    )
    clock = stack.enter_context(Clock())
    clock.every("expire proposals", bot.expire)
    clock.every("look for work", bot.look_for_work, interval=LOOK_FOR_WORK_EVERY)
    clock.every("remove probe pods", left_probe_pods)
    clock.every("renew home pages", bot.renew_homes, interval=RENEW_HOMES_EVERY)
    measure = partial(measure_clusters, use, series_kept_for=settings.series_kept_for)
    clock.every("send digests", bot.send_digests, interval=SEND_DIGESTS_EVERY)
    clock.every("measure clusters", measure, interval=MEASURED_EVERY / 2)
    if use.digester is not None:
        retention = Retention(
            history=use.history,
            store=use.digester.store,
            owner=process_name(),
            evidence=settings.evidence_kept_for,
            series=settings.series_kept_for,
            stopping=stopping,
        )
        clock.every("delete what is old", retention, interval=DELETE_EVERY)
    if settings.audit.channel:
        tell = partial(tell_audit_head, bot.tools, settings.audit.channel)
        clock.every("tell the audit chain's head", tell, interval=TELL_AUDIT_HEAD_EVERY)
    _warn_of_audit(settings, use)
    if use.watcher is not None and use.watcher.clusters:
        clock.every("watch clusters", bot.watch_clusters, interval=WATCH_EVERY)
    bot.look_for_work()
    threading.Thread(target=left_probe_pods, name="remove probe pods", daemon=True).start()
    serve(
        stack,
        slack,
        bot,
        connection=connection,
        history=use.history,
        addresses=addresses,
        alerts_token=settings.alerts_token,
    )
    return jobs
