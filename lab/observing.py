"""What shows of a world, in words that do not depend on where pods happened to be placed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from bot.dns.api_failure import ApiFailure
from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.kube_proxy_log import KubeProxyLineKind, kube_proxy_line
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import ClusterReader
from bot.errors import NotFound
from bot.sandbox.running.standing_world import StandingWorld
from bot.sandbox.world.dns_pods import coredns_pods
from bot.sandbox.world.world import CLUSTER
from lab.bot_clients import sources
from lab.errors import LabError
from lab.kubernetes_api import Json

_SECONDS = 30.0


def diagnose(standing: StandingWorld, *arguments: str) -> tuple[int, Json]:
    """Run `dnsbot diagnose cluster-prod --output json` as a user would; return exit code and report.

    The user asks about the names that the scenario is about.
    """
    asked = [word for name in standing.scenario.names for word in ("--name", name)]
    command = [sys.executable, "-m", "bot", "diagnose", CLUSTER, *asked, *arguments, "--output", "json"]
    done = subprocess.run(  # noqa: S603  # our own program
        [*command, "--config", str(standing.directory / "dnsbot.yaml")],
        env={**os.environ, **standing.environment, "DATABASE_URL": f"sqlite:///{standing.directory}/history.db"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if not done.stdout:
        raise LabError(f"dnsbot diagnose printed no report and ended with {done.returncode}: {done.stderr}")
    report: Json = json.loads(done.stdout)
    return done.returncode, report


def problems(report: Json) -> set[str]:
    """Return the rules that say PROBLEM."""
    return {finding["rule"] for finding in report["findings"] if finding["verdict"] == "problem"}


def pod_states(standing: StandingWorld) -> list[tuple[str, str, bool, str, bool]]:
    """Return, sorted, each pod's application, phase, readiness, reason of waiting, and whether it was restarted."""
    found = []
    for pod in standing.operator.get("pods"):
        labels, status = pod["metadata"]["labels"], pod["status"]
        name = labels.get("k8s-app") or labels.get("app.kubernetes.io/name") or pod["metadata"]["name"]
        container = (status.get("containerStatuses") or [{}])[0]
        waiting = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
        ready, restarted = bool(container.get("ready")), container.get("restartCount", 0) > 0
        found.append((name, status["phase"], ready, waiting, restarted))
    return sorted(found)


def log_kinds(standing: StandingWorld) -> dict[str, set[str]]:
    """Return which kinds of lines stand in the logs of CoreDNS and kube-proxy, current runs and previous ones.

    Calls to the API, failed or not, are told apart by what was to be read.
    """
    reader = sources(standing).cluster(Deadline.after(_SECONDS))
    found: dict[str, set[str]] = {"kube-dns": set(), "kube-proxy": set()}
    proxies = standing.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-proxy")
    pods_of = {"kube-dns": coredns_pods(standing.operator), "kube-proxy": proxies}
    for application, kinds in found.items():
        for pod in pods_of[application]:
            for line in log_lines(reader, PodName(namespace="kube-system", name=pod["metadata"]["name"])):
                kinds.add(_kind(application, line.partition(" ")[2]))
    unsaid = {"other", "", CorednsLineKind.WAITING_FOR_API.value}  # the last one depends on how fast the API answers
    return {application: kinds - unsaid for application, kinds in found.items()}


def log_lines(reader: ClusterReader, pod: PodName) -> Iterator[str]:
    """Return the lines of a pod's current run and of the one before; a run that there was not has none.

    Raises `EvidenceUnavailable`, but for `NotFound`, when a log could not be read.
    """
    for previous in (False, True):
        try:
            yield from reader.logs(pod, previous=previous).splitlines()
        except NotFound:
            continue


def _kind(application: str, text: str) -> str:
    if application == "kube-proxy":
        said = kube_proxy_line(text)
        if said.kind is KubeProxyLineKind.API_WORKS:
            return f"api works: {said.resource}"
        return _failed_call(said.failure) if said.failure else ""
    line = coredns_line(text)
    if line.kind is CorednsLineKind.API_FAILURE and line.api:
        return _failed_call(line.api)
    if line.kind is CorednsLineKind.UPSTREAM_FAILURE and line.upstream:
        return f"upstream failure: {line.upstream.kind.value}"
    return line.kind.value


def _failed_call(failure: ApiFailure) -> str:
    return f"api failure: {failure.kind.value}, {failure.resource or 'of what is not said'}"
