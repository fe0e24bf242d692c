"""The Service kube-dns has no ready endpoint: queries to its ClusterIP go nowhere (C2).

Not-ready addresses or pods that wait are explained by the rules about CoreDNS's pods. It is a cause of its
own only when CoreDNS is scaled to 0, or when the Service's selector matches no pod.

In a playbook: `{rule: kube_dns_no_endpoints, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Gap
from bot.domain.findings import EVERYTHING, Case, Judgement, Kind, Rule, Verdict, healthy, unknown

SELECTOR = "k8s-app=kube-dns"


def judge(case: Case) -> Judgement:
    """Conclude whether anything answers behind the DNS service, and what keeps it."""
    found, pods = case.need(KubeDns), case.look_for(CorednsPods)
    missing = _gaps(found, pods)
    if not found.service_exists:
        return _without_service(found, missing)
    if found.endpoints_gap is not None:
        return unknown(f"Who answers behind kube-dns is open: {found.endpoints_gap.reason}.", *missing)
    if found.ready:
        proof = tuple(f"{one.ip} ({one.pod or 'no pod'}) on {one.node}: ready" for one in found.ready[:10])
        if missing:
            return unknown(
                f"kube-dns has ready endpoints; not all could be read: {missing[0].reason}.", *missing, proof=proof
            )
        return healthy(f"kube-dns has {len(found.ready)} of {len(found.endpoints)} endpoints ready.", *proof)
    return _problem(found, pods, missing)


def _gaps(found: KubeDns, pods: CorednsPods | Gap) -> tuple[Gap, ...]:
    gaps = (found.endpoints_gap,) if found.endpoints_gap else ()
    return (*gaps, pods) if isinstance(pods, Gap) else (*gaps, *pods.gaps)


def _without_service(found: KubeDns, missing: tuple[Gap, ...]) -> Judgement:
    if found.other_dns_services:
        reason = (
            f"DNS is served under another name, whose endpoints were not read: {', '.join(found.other_dns_services)}"
        )
        return unknown(f"There is no Service kube-dns; {reason}.", *missing, Gap(what="EndpointSlices", reason=reason))
    if missing:
        return unknown(f"There is no Service kube-dns; not all could be read: {missing[0].reason}.", *missing)
    return healthy("There is no Service kube-dns, so nothing of it can lack endpoints (see kube_dns_service_missing).")


def _problem(found: KubeDns, pods: CorednsPods | Gap, missing: tuple[Gap, ...]) -> Judgement:
    not_ready = tuple(f"{one.ip} ({one.pod or 'no pod'}) on {one.node}: not ready" for one in found.endpoints[:10])
    why, advice = _why(found, pods)
    states: tuple[str, ...] = ()
    details: dict[str, str | int] = {"not_ready": len(found.endpoints), "selector": found.selector}
    if not isinstance(pods, Gap):
        states = tuple(f"pod {pod.name}: {_state(pods, pod.name)}" for pod in pods.pods[:10])
        details |= {"desired_replicas": pods.desired_replicas, "pods": len(pods.pods)}
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"The Service kube-dns ({found.cluster_ip}) has no ready endpoint: {why}. Every query to it is lost.",
        proof=(*not_ready, *states)
        or (f"EndpointSlices of kube-dns: no address, selector {found.selector or 'none'}",),
        details=details,
        missing=missing,
        reach=(EVERYTHING,),
        advice=advice,
    )


def _state(pods: CorednsPods, name: str) -> str:
    pod = pods.pod(name)
    if pod is None or pod.ready:
        return "ready"
    waiting = pod.container.waiting_reason if pod.container else ""
    return waiting or (pod.phase if pod.phase != "Running" else "running, not ready")


def _why(found: KubeDns, pods: CorednsPods | Gap) -> tuple[str, tuple[str, ...]]:
    if isinstance(pods, Gap):
        return f"{len(found.endpoints)} not-ready addresses; the pods could not be read", ()
    if pods.deployment_exists and pods.desired_replicas == 0:
        return "CoreDNS is scaled to 0 replicas", ("kubectl -n kube-system scale deployment coredns --replicas=2",)
    ready = sum(pod.ready for pod in pods.pods)
    if ready and not found.endpoints and found.selector != SELECTOR:
        return (
            f"its selector `{found.selector or 'none'}` matches none of {ready} ready CoreDNS pods ({SELECTOR})",
            (f"kubectl -n kube-system set selector service kube-dns {SELECTOR}",),
        )
    if ready:
        return (
            f"{ready} CoreDNS pods are ready and none stands in its EndpointSlices",
            (
                (
                    "The endpoint-slice controller lags or is down: kubectl -n kube-system get endpointslices -l "
                    "kubernetes.io/service-name=kube-dns -o yaml"
                ),
            ),
        )
    if not pods.pods:
        return "there is no CoreDNS pod", ("kubectl -n kube-system describe deployment coredns",)
    return f"0 of {len(pods.pods)} CoreDNS pods are ready", ("kubectl -n kube-system get pods -l k8s-app=kube-dns",)


RULE = Rule(
    name="kube_dns_no_endpoints",
    title="The DNS service has no ready endpoint",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeDns, CorednsPods),
)
