"""What each command does and prints. Everything is built by `bot.app`."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import (
    SourceBook,
    command_names,
    load_units,
    make_diagnoser,
    make_planner,
    make_replayer,
    open_diagnosis,
    open_use_cases,
    shipped_playbooks,
    slack_settings,
    start_bot,
)
from bot.asking import host_from, known_cluster, known_playbook, pod_from, sought_from
from bot.domain.cluster import Question
from bot.domain.findings import Verdict
from bot.domain.history import Story
from bot.domain.phrases import count, known, timestamp
from bot.errors import ConfigurationError, DnsBotError, HistoryUnavailable, PlaybookError, Refused
from bot.settings.assumed import Reach, assume
from bot.settings.load import Settings, database_url, load_settings, settings_file
from bot.settings.names import playbook_names, shipped
from bot.workflow.durations import parse_duration
from bot.workflow.load_playbook import load_playbooks
from bot.workflow.record_files import check_writable, keep_record, read_packed

if TYPE_CHECKING:
    from bot.doctor.checks import Check
    from bot.domain.diagnosis import Diagnosis
    from bot.domain.history import LateEnding
    from bot.domain.json_values import JsonObject
    from bot.domain.sought import Sought
    from bot.report.plan_words import PlanWords
    from bot.slack.named import Named
    from bot.slack.serving import ListenAddresses

TEXT, JSON, MARKDOWN, CSV = "text", "json", "markdown", "csv"
"""How an answer is printed."""
EXIT_CODES: Mapping[Verdict, int] = {Verdict.HEALTHY: 0, Verdict.PROBLEM: 2, Verdict.UNKNOWN: 3}


def run(config: Path | None, addresses: ListenAddresses, *, log_level: str, log_json: bool) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    from bot.logs import configure_logs

    configure_logs(log_level, as_json=log_json)
    settings = load_settings(config)
    slack = slack_settings(settings)
    slack.check()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as stack:
        jobs = start_bot(stack, settings, slack, addresses=addresses, stopping=stopping.is_set)
        stopping.wait()
    if jobs.running():
        # a thread that waits for a far end cannot be ended; whoever is there next settles what it left
        sys.stderr.flush()
        os._exit(0)


def ask(cluster: str, playbooks: tuple[str, ...], *, pod: str, names: tuple[str, ...]) -> Question:
    """Return what was asked. Raises `Refused` for a pod or a host name that is none."""
    return Question(
        cluster=cluster,
        playbooks=playbooks,
        pod=pod_from(pod, option="--pod ") if pod else None,
        names=tuple(host_from(name, option="--name ") for name in names),
    )


def seek(**options: str) -> Sought:
    """Return what of the history is asked for. Raises `Refused` for a person or a time that is none."""
    return sought_from(options, datetime.now(UTC), form="--{} ".format)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed to ask for a diagnosis."""

    words: tuple[str, ...]
    """The cluster, then playbooks; the cluster may be left out where there is one to take."""
    config: Path | None
    reach: Reach
    pod: str
    names: tuple[str, ...]
    deadline: str

    def opened(self) -> tuple[Settings, Question]:
        """Return the settings and the question; what had to be assumed goes to standard error, a line each.

        dnsbot.yaml is taken unless there is none, or a way to reach a cluster was given. Raises `ConfigurationError`.
        """
        if self.reach.given and self.config is not None:
            raise ConfigurationError("--config and the options of a cluster without dnsbot.yaml exclude each other.")
        named = self.config is not None or bool(os.environ.get("DNSBOT_CONFIG"))
        if self.reach.given or not (named or settings_file().exists()):
            return self._assumed()
        settings = load_settings(self.config)
        words = self.words
        if len(settings.clusters) == 1 and (not words or words[0] in {*playbook_names()} - {*settings.clusters}):
            words = (*settings.clusters, *words)
        if not words:
            raise ConfigurationError(f"Name a cluster: dnsbot diagnose CLUSTER. {known(settings.clusters, 'cluster')}")
        return settings, self._question(words[0], words[1:])

    def _assumed(self) -> tuple[Settings, Question]:
        assumed = assume(self.reach, self.words, playbooks=playbook_names())
        passed = settings_file()
        unused = (f"{passed} is not used, since the options name a cluster",) if passed.exists() else ()
        for line in (*unused, *assumed.lines):
            sys.stderr.write(f"dnsbot: assumed: {line}\n")
        return assumed.settings, self._question(assumed.cluster, assumed.words)

    def _question(self, cluster: str, playbooks: tuple[str, ...]) -> Question:
        return ask(cluster, playbooks, pod=self.pod, names=self.names)


def diagnose(asked: Asked, *, output: str, brief: bool = False, record: Path | None = None, watch: str = "") -> int:
    """Print one diagnosis and return the exit code.

    `record`: where to keep what was read for it. `watch`: how long to wait before the next one, until Ctrl-C; the exit
    code is the last one's.
    """
    from bot.logs import configure_logs
    from bot.report.screen import progress_on

    configure_logs()
    settings, question = asked.opened()
    if record is not None:
        check_writable(record)
    pause = _seconds(watch, option="--watch") if watch else 0.0
    code: int | None = None
    try:
        with open_diagnosis(settings, deadline_seconds=_seconds(asked.deadline)) as run_diagnosis:
            while True:
                with progress_on(sys.stderr) as progress:
                    diagnosis = run_diagnosis(question, None, progress)
                if record is not None:
                    _keep(diagnosis, record)
                code = _print_report(diagnosis, output=output, brief=brief)
                if not pause:
                    return code
                time.sleep(pause)
    except KeyboardInterrupt:
        if code is None:
            raise
        return code


def _keep(diagnosis: Diagnosis, record: Path) -> None:
    size = keep_record(diagnosis, record)
    sys.stderr.write(f"dnsbot: what was read is kept in {record} ({size} bytes); dnsbot replay {record}\n")


def plan(asked: Asked, *, output: str) -> int:
    """Print what a diagnosis would lead to, with every difference and command; nothing is stored, posted or applied."""
    from bot.logs import configure_logs
    from bot.report.diagnosis_words import diagnosis_words
    from bot.report.json_plan import plans_json
    from bot.report.json_report import json_report
    from bot.report.markdown import diagnosis_markdown
    from bot.report.screen import page_of, progress_on, show
    from bot.report.terminal import plans_lines

    configure_logs()
    settings, question = asked.opened()
    with (
        open_diagnosis(settings, deadline_seconds=_seconds(asked.deadline)) as run_diagnosis,
        progress_on(sys.stderr) as progress,
    ):
        diagnosis = run_diagnosis(question, None, progress)
    proposed = make_planner(settings).propose(diagnosis)
    if output == JSON:
        _print_json({**json_report(diagnosis), **plans_json(proposed)})
        return EXIT_CODES[diagnosis.verdict]
    words = diagnosis_words(diagnosis, proposed, at=timestamp)
    stories = (Story(proposal=proposal, journal=(), outcome=None, version=0) for proposal in proposed.proposals)
    plans = [_plan_words(story) for story in stories]
    if output == MARKDOWN:
        sys.stdout.write(diagnosis_markdown(words, plans))
    else:
        show(plans_lines(words, plans, page_of(sys.stdout)), sys.stdout)
    return EXIT_CODES[diagnosis.verdict]


def _plan_words(story: Story) -> PlanWords:
    from bot.report.history_words import Ids
    from bot.report.plan_words import plan_words

    return plan_words(story, Ids(), at=timestamp)


def show_stored(config: Path | None, known_id: str, *, output: str) -> int:
    """Print a stored diagnosis, or a plan with all that became of it, and return the diagnosis's exit code, or 0."""
    from bot.logs import configure_logs
    from bot.report.json_plan import story_json
    from bot.report.markdown import plan_markdown
    from bot.report.screen import page_of, show
    from bot.report.terminal import plan_lines

    configure_logs()
    with open_use_cases(load_settings(config)) as use:
        if (diagnosis := use.history.diagnosis(known_id)) is not None:
            return _print_report(diagnosis, output=output)
        try:
            story = use.history.story(known_id)
        except Refused as error:
            raise Refused(
                f"There is no diagnosis and no plan {known_id!r} in the history. `dnsbot history` prints their ids."
            ) from error
    if output == JSON:
        _print_json(story_json(story))
    elif output == MARKDOWN:
        sys.stdout.write(plan_markdown(_plan_words(story)))
    else:
        show(plan_lines(_plan_words(story), page_of(sys.stdout)), sys.stdout)
    return 0


def _print_json(document: JsonObject) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _print_report(
    diagnosis: Diagnosis, *, output: str, brief: bool = False, note: str = "", more: JsonObject | None = None
) -> int:
    """Print a report, with a `note` or `more` members of its JSON, and return the exit code."""
    if output == JSON:
        from bot.report.json_report import json_report

        _print_json({**json_report(diagnosis), **(more or {})})
        return EXIT_CODES[diagnosis.verdict]
    from bot.report.diagnosis_words import diagnosis_words
    from bot.report.markdown import diagnosis_markdown
    from bot.report.screen import page_of, show
    from bot.report.terminal import brief_lines, diagnosis_lines

    words = diagnosis_words(diagnosis, at=timestamp, note=note)
    if output == MARKDOWN:
        sys.stdout.write(diagnosis_markdown(words))
    else:
        page = page_of(sys.stdout)
        show(brief_lines(words, page) if brief else diagnosis_lines(words, page), sys.stdout)
    sys.stdout.flush()
    return EXIT_CODES[diagnosis.verdict]


def replay(file: Path, *, output: str) -> int:
    """Print the diagnosis that a record leads to, without any cluster, and return the exit code."""
    from bot.logs import configure_logs
    from bot.report.replay_words import replay_json, replay_note
    from bot.workflow.record import read_record
    from bot.workflow.replay import replay as replay_record

    configure_logs()
    replayed = replay_record(read_record(read_packed(file), name=str(file)), make_replayer())
    note, more = replay_note(replayed, at=timestamp), replay_json(replayed)
    return _print_report(replayed.diagnosis, output=output, note=note, more=more)


def _seconds(text: str, *, option: str = "--deadline") -> float:
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise ConfigurationError(f"{option} {text!r}: {error}.") from error
    if not seconds:
        raise ConfigurationError(f"{option} {text!r}: a second at least is needed, to look at anything.")
    return seconds


def list_playbooks() -> None:
    """Print the playbooks."""
    for playbook in shipped_playbooks(load_units()).values():
        print(f"{playbook.name}: {playbook.title}")
        print(f"    {playbook.purpose}")
        print(f"    gathers {len(playbook.gather)} kinds of evidence, judges {len(playbook.findings)} rules:")
        for use in playbook.findings:
            fixes = ", ".join(fix.fix for fix in (*use.fixes, *use.measures))
            print(f"      {use.rule} ({use.severity.value})" + (f": may propose {fixes}" if fixes else ""))


def show_playbook(name: str, *, as_json: bool) -> None:
    """Print one playbook whole: what it looks at, concludes and may propose, with calls and permissions."""
    from bot.report.playbook_page import page_json, playbook_page
    from bot.report.playbook_text import playbook_text

    units = load_units()
    playbooks = shipped_playbooks(units)
    page = playbook_page(playbooks[known_playbook(name, playbooks)], units)
    if as_json:
        sys.stdout.write(json.dumps(page_json(page), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(playbook_text(page))


def check_playbooks(files: tuple[Path, ...]) -> None:
    """Validate playbook files. Raises `ConfigurationError` with what is wrong first in each, a line a file."""
    units, wrong = load_units(), list[str]()
    for file in files:
        try:
            load_playbooks([file], units, command_names())
        except PlaybookError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    checked = load_playbooks(files, units, command_names()) if files else shipped_playbooks(units)
    rules = sum(len(playbook.findings) for playbook in checked.values())
    print(f"{count(len(checked), 'playbook')}, {count(rules, 'rule')}: nothing is wrong.")


def show_history(config: Path | None, cluster: str, sought: Sought, *, limit: int, output: str) -> None:
    """Print what was diagnosed, proposed, decided and done."""
    from bot.logs import configure_logs
    from bot.report.glass_words import glass_json, open_glass
    from bot.report.history_words import Ids, page_words
    from bot.report.json_history import history_json
    from bot.report.screen import show
    from bot.report.terminal import history_lines
    from bot.report.timeline_words import timeline, timeline_csv

    configure_logs()
    settings = load_settings(config)
    if cluster:
        known_cluster(cluster, settings.clusters)
    with open_use_cases(settings) as use:
        entries = use.history.recent(cluster, sought=sought, limit=limit + 1)
        broken = use.history.broken_glass(cluster)
    if output == "json":
        document = {**history_json(entries, size=limit), "break_glass": list(map(glass_json, broken))}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    if output == "csv":
        events = (event for entry in entries[:limit] for event in timeline([entry], Ids(), at=timestamp))
        sys.stdout.write(timeline_csv(events))
        return
    notes = open_glass(broken, Ids())
    page = page_words(entries, Ids(), at=timestamp, size=limit, cluster=cluster, sought=sought, notes=notes)
    show(history_lines(page), sys.stdout)


def show_incident(config: Path | None, known_id: str, *, output: str) -> None:
    """Print the timeline of one incident."""
    from bot.logs import configure_logs
    from bot.report.history_words import Ids
    from bot.report.json_history import history_json
    from bot.report.terminal import timeline_text
    from bot.report.timeline_words import timeline, timeline_csv

    configure_logs()
    with open_use_cases(load_settings(config)) as use:
        entries = use.history.incident(known_id)
    if output == "json":
        sys.stdout.write(json.dumps(history_json(entries, size=len(entries)), indent=2, ensure_ascii=False) + "\n")
        return
    events = timeline(entries, Ids(), at=timestamp)
    sys.stdout.write(timeline_csv(events) if output == "csv" else timeline_text(events))


def show_digest(config: Path | None, channel: str, *, keep: bool) -> None:
    """Print what the digests of a channel would say now, or one over all clusters; nothing is posted."""
    from bot.domain.cron import parse_cron
    from bot.domain.digests import DigestSchedule
    from bot.domain.phrases import nearest
    from bot.logs import configure_logs
    from bot.report.digest_text import digest_text
    from bot.report.digest_words import digest_words
    from bot.report.history_words import Ids

    configure_logs()
    settings = load_settings(config)
    with open_use_cases(settings) as use:
        if use.digester is None:
            raise ConfigurationError("There is no history to make a digest from. Set DATABASE_URL.")
        every = use.schedules()
        schedules = [one for one in every if channel in {"", one.channel}]
        if channel and not schedules:
            hint = nearest(channel, {one.channel for one in every}, "channel")
            raise ConfigurationError(f"There is no digest for channel {channel!r}. {hint}")
        if not schedules:
            names = tuple(sorted(settings.clusters))
            schedules = [DigestSchedule(channel="", cron=parse_cron("0 0 * * *"), timezone="UTC", clusters=names)]
        made = [use.digester.make(schedule, keep=keep) for schedule in schedules]
    sys.stdout.write("\n".join(digest_text(digest_words(digest, Ids(), at=timestamp)) for digest in made))


def audit_verify(config: Path | None, heads: tuple[str, ...], *, as_json: bool) -> int:
    """Print whether the audit chain is whole, and return the exit code: 0, or 2 where something was changed."""
    from bot.domain.audit import head_from
    from bot.history.store import open_history
    from bot.logs import configure_logs
    from bot.report.audit_words import audit_json, audit_text

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


def migrate_database(grant_to: str = "") -> None:
    """Bring the database of DATABASE_URL to the newest schema, and grant a role what the bot needs."""
    from bot.history.schema import migrate

    revision = migrate(database_url(), migrations=shipped("migrations"), grant_to=grant_to)
    print(f"The database is at the newest schema, {revision}.")
    if grant_to:
        print(f"Role {grant_to} may read and write, and not change or delete what the audit table holds.")


def init(reach: Reach, file: Path | None, *, overwrite: bool) -> None:
    """Write a dnsbot.yaml for the EKS clusters that the kubeconfig leads to, and say what is left to fill in."""
    from bot.settings.written import write_settings

    written = write_settings(reach, settings_file(file), overwrite=overwrite)
    print(f"Wrote {written.file} with {count(len(written.clusters), 'cluster')}: {', '.join(written.clusters)}.")
    for line in written.lines:
        print(line)


def doctor(config: Path | None, cluster: str) -> int:
    """Print what is in place, what is missing, and what each gap disables."""
    from bot.clients.sources import open_sources, open_writers
    from bot.doctor.checks import Check, CheckState, doctor_text, exit_code
    from bot.doctor.cluster import check_cluster
    from bot.doctor.endings import check_endings
    from bot.domain.permissions import Use
    from bot.logs import configure_logs
    from bot.report.permissions import needs

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
    from bot.doctor.checks import Check, CheckState

    policy = settings.askers
    who = "all full members of the workspace" if policy.everybody else ", ".join((*policy.users, *policy.user_groups))
    most = f"at once {policy.at_once_per_person} a person and {policy.at_once_per_cluster} a cluster"
    return Check(subject="askers", state=CheckState.OK, text=f"{who} may ask for diagnoses, {most}")


def _doctor_of_slack(settings: Settings) -> Iterator[Check]:
    from bot.doctor.checks import Check, CheckState
    from bot.slack.connection import connect
    from bot.slack.named import check_named
    from bot.slack.scopes import bot_scopes

    try:
        secrets = slack_settings(settings)
        secrets.check()
        connection = connect(secrets)
    except ConfigurationError as error:
        yield Check(subject="Slack", state=CheckState.MISSING, text=str(error), disables=("dnsbot run",))
        return
    mode = "Socket Mode" if secrets.socket_mode else "HTTP mode"
    yield Check(subject="Slack", state=CheckState.OK, text=f"connected to {connection.team_name}, {mode}")
    for scope in bot_scopes():
        if connection.scopes and scope.name not in connection.scopes:
            text = f"the bot token lacks the scope {scope.name}"
            yield Check(subject="Slack", state=CheckState.MISSING, text=text, disables=(scope.unlocks,))
    if not connection.scopes:
        text = "its answer names no scopes, so nobody knows whether the token has those of deploy/slack-manifest.yaml"
        yield Check(subject="Slack", state=CheckState.UNKNOWN, text=text)
    for name in check_named(connection, named_in(settings)):
        state = CheckState.UNKNOWN if name.unknown else CheckState.MISSING
        yield Check(subject="Slack", state=state, text=name.text, disables=(name.disables,))


def named_in(settings: Settings) -> Named:
    """Return what the file names and Slack should know."""
    from bot.slack.named import Named

    policies = settings.approvals.values()
    users = {*settings.askers.users, *(user for policy in policies for user in policy.users)}
    groups = {*settings.askers.user_groups, *(group for policy in policies for group in policy.user_groups)}
    channels = {one.target.channel for one in settings.clusters.values()} | {one.channel for one in settings.digests}
    return Named(
        users=tuple(sorted(users)), user_groups=tuple(sorted(groups)), channels=tuple(sorted(filter(None, channels)))
    )


def _doctor_of_history(settings: Settings) -> Check:
    from bot.doctor.checks import Check, CheckState
    from bot.history.schema import schema_is_current

    disables = ("approvals and repairs", "dnsbot history")
    try:
        if schema_is_current(settings.database_url, migrations=shipped("migrations")):
            return Check(subject="database", state=CheckState.OK, text="reachable, at the newest schema")
        text = "reachable, not at the newest schema: run `dnsbot migrate` (SQLite: `dnsbot run` does it itself)"
        return Check(subject="database", state=CheckState.NOTE, text=text)
    except DnsBotError as error:
        return Check(subject="database", state=CheckState.MISSING, text=str(error), disables=disables)


def _doctor_of_audit(settings: Settings) -> Check:
    from bot.doctor.checks import Check, CheckState

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
    from bot.history.store import open_history

    history = open_history(settings.database_url, {})
    try:
        return history.late_endings()
    except HistoryUnavailable:
        return ()  # which the line about the database says
    finally:
        history.close()


def sandbox(
    scenario: str, *, play: bool, port: int, nodes: int, seed: int, deny: tuple[str, ...], latency_ms: int
) -> int:
    """Play a scenario's story, or keep its world up."""
    _need_sandbox()
    from bot.sandbox.running.running_world import RunningWorld
    from bot.sandbox.story.play import play as play_story
    from bot.sandbox.story.serve import serve

    world = RunningWorld(scenario=scenario, seed=seed, nodes=nodes, deny=deny, latency_ms=latency_ms)
    return (play_story if play else serve)(world, port=port)


def list_scenarios() -> None:
    """Print the sandbox's scenarios, each with the look-alike that must not be blamed."""
    _need_sandbox()
    from bot.sandbox.world.scenario_catalogue import all_look_alikes, all_scenarios, look_alike_of

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
