"""A pod of the DNS service is not ready, ends again and again, or is missing. A symptom: it says what is seen, not why.

Whatever ails CoreDNS shows here, also what no rule knows: a panic, a liveness kill, a probe that never passes, a node
that is gone. Every cause that names the pod explains it; alone it means "no known cause found", and never "healthy":
one ready pod hides the other from every lookup.

PROBLEM: a container that waits for anything but its first start (CrashLoopBackOff, ImagePullBackOff, …); a pod that is
not ready for longer than `grace`, or at all where no pod is ready; one that is ready and has ended `restarts` times,
the last within `window`; fewer pods than the Deployment wants where it has made none and changed nothing for longer
than `grace`, or where there is none at all: a lost pod is replaced within a second.
HEALTHY: every wanted pod is there and ready, and none ended within `window`. Anything less is UNKNOWN: a pod that may
be starting, one that has just ended, or a rollout that is under way.

In a playbook: `{rule: coredns_pods_not_ready, severity: critical, with: {grace: 60s, window: 15m, restarts: 3}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.dns.coredns_log import CorednsLineKind
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.phrases import and_more, count, timestamp
from bot.kubernetes.pods import STARTING
from bot.rules._faulty_objects import deployment_of
from bot.rules._unsteady import unsteady

MOST_PODS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a pod that is not ready counts."""

    grace: timedelta = timedelta(seconds=60)
    """A pod that is not ready for less may be starting: too early to tell. 0 counts every pod that is not ready."""
    window: timedelta = timedelta(minutes=15)
    """A ready pod whose container ended within it may end again: the kubelet forgets restarts after 10 minutes."""
    restarts: int = 3
    """So many restarts of a ready pod, the last within `window`, are "again and again". Below, it is too early to tell:
    a rollout makes new pods and restarts none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailing:
    """A pod that does not serve as it should."""

    pod: CorednsPod
    state: str
    since: datetime | None
    """None: what is seen needs no time to count."""


def judge(case: Case) -> Judgement:
    """Conclude whether every pod of the DNS service that is wanted is there and ready."""
    found, logs = case.need(CorednsPods), case.find(CorednsLogs)
    young = case.collected_at - case.thresholds.grace
    pods = [pod for pod in found.pods if not pod.terminating]
    down = [one for one in map(_down, pods) if one is not None]
    nobody = not any(pod.ready for pod in pods)
    ailing = [one for one in down if nobody or one.since is None or one.since <= young]
    ended = [one for one in (_restarting(pod, case) for pod in pods if pod.ready) if one is not None]
    ailing += [one for one in ended if one.since is None]
    gaps = (*found.gaps, *found.nobody)
    if ailing or _stays_short(found, young):
        return _problem(ailing, found, logs)
    early = [*(f"{one.pod.name}: {_known(one, case.collected_at)}" for one in (*down, *ended)), *_short(found)]
    if early:
        gap = Gap(what="pods of the DNS service", reason=f"too early to tell: {early[0]}")
        return not_known("whether every CoreDNS pod becomes ready", gap, *gaps, proof=(*early,))
    if found.absent and not gaps:
        return nothing_to_check(found.absence)
    if not pods and not gaps:
        gaps = (Gap(what="pods of the DNS service", reason="all that there are are going away"),)
    if gaps:
        return not_known("whether every CoreDNS pod is ready", *gaps)
    return healthy(
        f"All {count(len(pods), 'CoreDNS pod')} are ready; {found.desired_replicas} wanted.",
        *(f"{pod.name}: {_ended(pod)}, and is ready now" for pod in pods if pod.container.last_terminated_at),
    )


def _stays_short(found: CorednsPods, young: datetime) -> bool:
    """Return whether pods are missing and nothing shows that they are about to be made."""
    if not found.missing:
        return False
    moves = [pod.created_at for pod in found.pods] + ([found.last_change] if found.last_change else [])
    going = any(pod.terminating for pod in found.pods)
    return not found.pods or not (going or any(at > young for at in moves))


def _down(pod: CorednsPod) -> Ailing | None:
    """Return a pod that is not ready, with what is seen of it."""
    if pod.ready:
        return None
    container, since = pod.container, pod.unready_since or pod.created_at
    if container.waiting_reason not in STARTING:
        return Ailing(pod=pod, state=container.waiting_reason, since=None)
    if not pod.node:
        said = f"no node takes it ({pod.unschedulable_message or 'no reason given'})"
        return Ailing(pod=pod, state=said, since=since)
    if container.running_since is None:
        return Ailing(pod=pod, state=f"{pod.phase}, its container does not run", since=since)
    return Ailing(pod=pod, state="runs and is not ready", since=since)


def _restarting(pod: CorednsPod, case: Case) -> Ailing | None:
    """Return a ready pod whose container ended within the window. `since` is None where it ends again and again."""
    thresholds: Thresholds = case.thresholds
    found = unsteady(pod, case.collected_at, window=thresholds.window, restarts=thresholds.restarts)
    return Ailing(pod=pod, state=found.state, since=None if found.again else found.ended_at) if found else None


def _known(one: Ailing, now: datetime) -> str:
    since = f" for {max(0, round((now - one.since).total_seconds()))} s" if one.since else ""
    return f"{one.state}{since}"


def _ended(pod: CorednsPod) -> str:
    """Say how its container last ended, or return an empty text."""
    container = pod.container
    if not container.last_terminated_reason and container.last_exit_code is None:
        return ""
    at = f" at {timestamp(container.last_terminated_at)}" if container.last_terminated_at else ""
    code = f", exit code {container.last_exit_code}" if container.last_exit_code is not None else ""
    restarts = count(container.restarts, "restart")
    return f"last ended{at} ({container.last_terminated_reason or 'no reason given'}{code}; {restarts})"


def _words(pod: CorednsPod, logs: CorednsLogs | None) -> str:
    """Return the last words of the container: its log's, else what the kubelet says of the pod."""
    log = next((one for one in logs.pods if one.pod == pod.name), None) if logs else None
    words = (log.last_run.words if log.last_run else log.last_words) if log is not None else ()
    if words:
        return f"last log lines: {' | '.join(words)}"
    said = next((f"{one.reason}: {one.message}" for one in pod.events if one.message), "")
    return said or pod.container.waiting_message


def _short(found: CorednsPods) -> tuple[str, ...]:
    """Say how many pods are missing, with the Deployment's own reason, or nothing where none is."""
    if not found.missing:
        return ()
    there = f"{found.desired_replicas - found.missing} of {found.desired_replicas} wanted pods are there"
    return (f"{there} ({found.complaint})" if found.complaint else there,)


def _line(one: Ailing, logs: CorednsLogs | None) -> str:
    place = f" on {one.pod.node}" if one.pod.node else ""
    since = f" since {timestamp(one.since)}" if one.since else ""
    more = (_ended(one.pod), _words(one.pod, logs))
    return "; ".join(part for part in (f"{one.pod.name}{place}: {one.state}{since}", *more) if part)


def _previous(pod: CorednsPod) -> str:
    """Return kubectl's option for the log of the run that ended; it is an error where none did."""
    return " --previous" if pod.container.restarts or pod.container.last_terminated_at else ""


def _problem(ailing: list[Ailing], found: CorednsPods, logs: CorednsLogs | None) -> Judgement:
    ready = sum(pod.ready for pod in found.pods)
    states = and_more([f"{one.pod.name}: {one.state}" for one in ailing], 3, between="; ")
    seen = [f"{len(ailing)} of {len(found.pods)} CoreDNS pods do not serve steadily ({states})"] if ailing else []
    seen += _short(found)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{'; '.join(seen)}. {ready} of {found.desired_replicas or len(found.pods)} wanted are ready; "
        "lookups show nothing of the others.",
        proof=(*(_line(one, logs) for one in ailing[:MOST_PODS]), *_short(found)),
        details={
            "pods": [one.pod.name for one in ailing],
            "states": [one.state for one in ailing],
            "exit_codes": [one.pod.container.last_exit_code for one in ailing],
            "restarts": [one.pod.container.restarts for one in ailing],
            "missing": found.missing,
        },
        missing=(*found.gaps, *(logs.gaps if logs else ())),
        last_failure_at=max((at for one in ailing if (at := one.pod.container.last_terminated_at)), default=None),
        pods=(*(one.pod.name for one in ailing), *_nameless(found)),
        objects=deployment_of(found),
        advice=(*_about_pods(ailing), *_never_began(ailing, logs), *_about_missing(found)),
    )


def _nameless(found: CorednsPods) -> tuple[str, ...]:
    """Return what stands for the missing pods among the names of those that ail; no cause names it."""
    return (f"{count(found.missing, 'missing pod')} of Deployment {found.deployment}",) if found.missing else ()


def _about_pods(ailing: list[Ailing]) -> tuple[str, ...]:
    if not ailing:
        return ()
    first = ailing[0].pod
    return (
        f"kubectl -n {first.namespace} describe pod {first.name}",
        f"kubectl -n {first.namespace} logs {first.name} -c {first.container.name}{_previous(first)}",
    )


def _about_missing(found: CorednsPods) -> tuple[str, ...]:
    if not found.missing:
        return ()
    return (
        f"kubectl -n {found.namespace} describe deployment {found.deployment}",
        f"kubectl -n {found.namespace} describe replicasets -l {found.selector}  # quota, admission, ServiceAccount",
    )


def _never_began(ailing: list[Ailing], logs: CorednsLogs | None) -> tuple[str, ...]:
    """Return what to compare where the node could not even run a pod's program."""
    ended = {log.pod: log.last_run.line.kind for log in logs.pods if log.last_run} if logs else {}
    pods = [one.pod for one in ailing if ended.get(one.pod.name) is CorednsLineKind.NOT_EXECUTED]
    return tuple(
        f"The node could not run the program of {pod.name} (image {pod.container.image}): is the image made for the "
        f"node's architecture? kubectl get node {pod.node} -o jsonpath='{{.status.nodeInfo.architecture}}'"
        for pod in pods[:1]
    )


RULE = Rule(
    name="coredns_pods_not_ready",
    title="A CoreDNS pod is not ready",
    check="Every CoreDNS pod",
    kind=Kind.SYMPTOM,
    judge=judge,
    needs=(CorednsPods,),
    wants=(CorednsLogs,),
    problem_refuted_by=(
        (CorednsPods, "a pod that is ready and does not end again and again, or a rollout that is under way"),
    ),
    healthy_refuted_by=((CorednsPods, "a pod that is not ready, has just ended, or is missing"),),
    judges_lookups=False,
    thresholds=Thresholds,
)
