"""The programs of the cluster whose calls to the Kubernetes API are judged. No rules themselves."""

from __future__ import annotations

from datetime import datetime

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.log_wordings import Subject
from bot.domain.api_calls import CallReach
from bot.domain.evidence import Gap
from bot.domain.findings import Case
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Reach
from bot.kubernetes.resources import KUBE_SYSTEM
from bot.rules._api_failures import Caller, Calls, Standing, api_calls
from bot.rules._served_names import proven_since, unserved


def _coredns(case: Case, since: datetime) -> Calls:
    logs, pods, looked = case.need(CorednsLogs), case.need(CorednsPods), case.look_for(LookupMatrix)
    lookups = None if isinstance(looked, Gap) else looked
    proven = proven_since(lookups, pods, case.collected_at)
    failures = logs.api_failures(pods, *ApiFailureKind, proven=proven)
    return Calls(
        logs=logs,
        failures=failures,
        unexplained=(
            *logs.waits_unexplained(pods, since, proven),
            *logs.open_api_errors(pods, since, proven),
            *unserved(lookups, pods, (one.pod for one in failures if one.stands(since))),
            *_unshown(looked, pods),
        ),
        gaps=pods.gaps,
        not_needed=pods.absence,
        reach=lambda now: pods.reach_of(now.pods),
        made=lambda now: api_calls(now, pods.pods, through_service=True),
    )


def _unshown(looked: LookupMatrix | Gap, pods: CorednsPods) -> tuple[Gap, ...]:
    """Return why lookups were not made: a pod that answers cluster names SERVFAIL would contradict a silent log."""
    return (looked,) if isinstance(looked, Gap) and not pods.absent else ()


def _kube_proxy(case: Case, since: datetime) -> Calls:
    """Return kube-proxy's calls.

    The rules in the kernel stay as they were, so lookups are accounted for only on nodes whose
    kube-proxy, as its log proves, has written none since it started.
    """
    logs, pods = case.need(KubeProxyLogs), case.need(KubeProxyPods)

    def reach(now: Standing) -> tuple[Reach, ...]:
        unsynced = logs.unsynced_nodes(frozenset(now.nodes))
        return (Reach(nodes=unsynced, service_only=True),) if unsynced else ()

    def call_reach(now: Standing) -> tuple[CallReach, ...]:
        unsynced = logs.unsynced_nodes(frozenset(now.nodes))
        return (CallReach(nodes=unsynced, service_only=True),) if unsynced else ()

    reason = "there is no kube-proxy in kube-system, and nothing that visibly replaces it"
    absent = (Gap(what="kube-proxy", reason=reason),) if pods.absent and not pods.by_design else ()
    return Calls(
        logs=logs,
        failures=logs.api_failures(*ApiFailureKind),
        unexplained=(*logs.waits_unexplained, *logs.open_errors(Subject.API, since), *absent),
        gaps=pods.gaps,
        not_needed=pods.by_design,
        reach=reach,
        made=lambda now: api_calls(now, pods.pods, through_service=False),
        call_reach=call_reach,
    )


def restart_of(pods: KubeProxyPods, now: Standing) -> tuple[str, ...]:
    """Return the commands that restart what owns the kube-proxy pods that failed, as they name it."""
    failed = [pod for pod in pods.pods if pod.name in now.pods] or list(pods.pods)
    owners = sorted({(pod.namespace, pod.owner.kind.lower(), pod.owner.name) for pod in failed if pod.owner.name})
    return tuple(f"kubectl -n {namespace} rollout restart {kind} {name}" for namespace, kind, name in owners)


def volumes_of(pods: KubeProxyPods, now: Standing) -> str:
    """Return the command that shows what a kube-proxy pod that failed mounts."""
    namespace = next((pod.namespace for pod in pods.pods if pod.name in now.pods), KUBE_SYSTEM)
    return f"kubectl -n {namespace} describe pod {now.pods[0]}"


COREDNS = Caller(
    needs=(CorednsLogs, CorednsPods),
    wants=(LookupMatrix,),
    problem_refuted_by=(
        (CorednsPods, "a pod that became Ready by /ready after its failed call"),
        (LookupMatrix, "a cluster name that the pod answers after a call that failed at its start"),
    ),
    healthy_refuted_by=(
        (CorednsLogs, "a call that failed for no stated reason"),
        (LookupMatrix, "a pod that answers SERVFAIL to cluster names"),
    ),
    calls=_coredns,
    serves_dns=True,
)
KUBE_PROXY = Caller(
    needs=(KubeProxyLogs, KubeProxyPods),
    problem_refuted_by=((KubeProxyLogs, "lines that show the same watch working since"),),
    healthy_refuted_by=(
        (KubeProxyLogs, "a call that failed for no stated reason, or a kube-proxy that waits for its first read"),
    ),
    calls=_kube_proxy,
    sampled=True,
)
