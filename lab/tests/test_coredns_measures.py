"""The real query log by approval, until its end, and the VPC resolver's real limit of packets (C10 to C13)."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from bot.sandbox.slack import as_text
from bot.sandbox.story import report_reading as reading
from bot.sandbox.story.bot_process import BotProcess
from bot.sandbox.story.screen import Screen
from bot.sandbox.story.stage import Stage, stage_on
from bot.sandbox.story.story import FIXED, Story
from bot.sandbox.world.coredns_crowd import crowd, take_over
from bot.sandbox.world.editing import find
from bot.sandbox.world.world import CLUSTER, CLUSTER_DNS
from lab import query_load
from lab.contract.far_end import eventually
from lab.kubernetes_api import Json
from lab.observing import diagnose
from lab.running import RunningLab
from lab.tests.tables import Tell
from lab.tests.test_query_log import DNS, NAME, TIMES, WORKLOAD, asked_by

pytestmark = pytest.mark.timeout(900)
SEARCH_DOMAINS = 4
OFFERED_PER_SECOND = 1600
"""More than one interface gets through to the resolver, and not more than two."""
ASKED = 40


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """A lab in which nothing is wrong."""
    with RunningLab(scenario="healthy", seed=1) as running:
        yield running


@contextmanager
def office(lab: RunningLab) -> Iterator[tuple[Stage, BotProcess]]:
    """A local Slack, and the bot as a process of its own."""
    folder = tempfile.TemporaryDirectory(prefix="dnsbot-office-")
    with folder, stage_on(lab) as stage:
        log = Path(folder.name) / "bot.log"
        with BotProcess(configuration=stage.configuration, environment=stage.http_environment, log=log) as bot:
            stage.slack.deliver_to(bot.url)
            yield stage, bot


def corefile(lab: RunningLab) -> str:
    """Return the Corefile as it stands in the cluster."""
    text: str = find(lab.operator, "configmaps", "coredns", namespace="kube-system")["data"]["Corefile"]
    return text


def time_is_over(stage: Stage) -> None:
    """Let the time of what was approved be over."""
    path = stage.http_environment["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        connection.execute("UPDATE endings SET due_at = '2026-01-01 00:00:00.000000'")


def look_up(lab: RunningLab, pod: str, *names: str) -> list[str]:
    """Look names up from a pod of the workload, once each; return the names that were answered with an address."""
    dig = ("dig", "+search", "+noall", "+answer", "+tries=1", "+time=3", *names)
    printed = lab.kubectl("exec", "-n", WORKLOAD, pod, "--", *dig).stdout
    return [line.split()[0] for line in printed.splitlines() if " A " in line.replace("\t", " ")]


def test_the_query_log_goes_on_by_approval_counts_what_is_sent_and_goes_off_after_a_kill(
    lab: RunningLab, tell: Tell
) -> None:
    """A real reload is waited for; the bot is killed while the log is on; the Corefile comes back byte for byte."""
    former, pods = corefile(lab), lab.operator.get("pods", namespace=WORKLOAD)
    with office(lab) as (stage, bot):
        ana, ben = stage.slack.person("ana"), stage.slack.person("ben")
        assert ana.types(f"/dns-log {CLUSTER} 10m").ok
        card = ana.wait_for(reading.can_be_approved, timeout_seconds=180)
        ben.clicks(card, "approve")
        done = ben.wait_for(lambda m: m.ts == card.ts and bool(reading.outcome(m)), timeout_seconds=420)
        assert "Verified: query log can be read now." in reading.outcome(done)
        assert corefile(lab) == former.replace("    errors\n", "    log\n    errors\n", 1)

        bot.kill()
        before, sent = asked_by(lab, pods), len(pods) * TIMES * (SEARCH_DOMAINS + 1)
        for pod in pods:
            look_up(lab, pod["metadata"]["name"], *[NAME] * TIMES)
        after = eventually(lambda: asked_by(lab, pods), lambda seen: seen[0] - before[0] >= sent, seconds=60)
        time_is_over(stage)
        bot.start()
        taken_back = "its time was over, and it was undone"
        ben.wait_for(lambda m: m.ts == card.ts and taken_back in as_text(m), timeout_seconds=420)

    assert corefile(lab) == former
    silent = asked_by(lab, pods)
    look_up(lab, pods[0]["metadata"]["name"], NAME)
    assert asked_by(lab, pods) == silent
    tell(
        "the measure: queries sent, counted, of them wasted, counted after its end",
        *(sent, after[0] - before[0], after[1] - before[1], 0),
    )
    assert after[0] - before[0] == sent
    assert after[1] - before[1] == len(pods) * TIMES * SEARCH_DOMAINS


@contextmanager
def load(lab: RunningLab) -> Iterator[None]:
    """Ask CoreDNS's Service for many names outside meanwhile, from a node."""
    netns = lab.fabric.home.node_netns(lab.world.nodes[0].name)
    command = [sys.executable, query_load.__file__, CLUSTER_DNS, str(OFFERED_PER_SECOND)]
    asking = lab.run.run_in(netns, command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        asking.terminate()
        asking.wait(20)


def answered(lab: RunningLab) -> tuple[int, int]:
    """Return how many of 40 names outside, each another one, and of 40 of the cluster were answered."""
    pod = lab.operator.get("pods", namespace=WORKLOAD)[0]["metadata"]["name"]
    outside = [f"{uuid4().hex[:12]}.amazon.com." for _ in range(ASKED)]
    found = look_up(lab, pod, *outside[: ASKED // 2]), look_up(lab, pod, *outside[ASKED // 2 :])
    inside = look_up(lab, pod, *["kubernetes.default.svc.cluster.local."] * ASKED)
    return len({name for half in found for name in half}), len(inside)


def throttling(lab: RunningLab) -> Json:
    """Return what a diagnosis finds about the resolver's limit."""
    found: list[Json] = [one for one in diagnose(lab)[1]["findings"] if one["rule"] == "vpc_resolver_throttled"]
    return found[0]


def test_external_names_fail_beyond_the_resolvers_limit_and_pods_that_are_spread_heal_it(
    lab: RunningLab, tell: Tell
) -> None:
    """1,024 packets a second from one interface are the kernel's own limit; what CoreDNS counts comes by its proxy.

    A burst that is over is told, with the time-outs that it left, and is no problem.
    """
    take_over(lab.operator)
    crowd(lab.world, lab.operator)
    screen = io.StringIO()
    with load(lab):
        dropped = lab.filter.beyond_resolver_limit()
        before = eventually(lambda: answered(lab), lambda seen: seen[0] < ASKED, seconds=120)
        assert lab.filter.beyond_resolver_limit() > dropped
    burst = eventually(lambda: throttling(lab), lambda seen: seen["verdict"] == "healthy", seconds=120)
    with load(lab):
        _, report = eventually(
            lambda: diagnose(lab), lambda seen: seen[1]["root_causes"] == ["coredns_pods_co_located"], seconds=180
        )
        (throttled,) = [one for one in report["findings"] if one["rule"] == "vpc_resolver_throttled"]
        with office(lab) as (stage, _):
            seen = Screen(screen)
            code = Story(slack=stage.slack, screen=seen, cluster=CLUSTER, healthy=False, after_seconds=240).tell()
        after = eventually(lambda: answered(lab), lambda seen: seen == (ASKED, ASKED), seconds=120)

    tell("under load, names outside and of the cluster answered of 40, co-located and spread", *before, *after)
    assert before[1] == ASKED
    assert burst["verdict"] == "healthy"
    assert "timed out" in burst["summary"]
    assert throttled["verdict"] == "problem"
    assert throttled["details"]["packets_per_second"] > 0
    assert code == FIXED, screen.getvalue()
    nodes = {pod["spec"]["nodeName"] for pod in lab.operator.get("pods", namespace="kube-system", labels=DNS)}
    assert len(nodes) > 1
