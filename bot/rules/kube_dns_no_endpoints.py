"""The DNS Service has no ready endpoint: queries to its ClusterIP go nowhere (C2).

Not-ready addresses or pods that wait are explained by the rules about CoreDNS's pods, and where none of them knows why,
by the symptom that they are not ready. It is a cause of its own only when CoreDNS is scaled to 0, or when the Service's
selector matches no pod: then it is about the pods that are ready.

In a playbook: `{rule: kube_dns_no_endpoints, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import EVERYTHING, REPLIES
from bot.rules._faulty_objects import deployment_of, service_of


def judge(case: Case) -> Judgement:
    """Conclude whether anything answers behind the DNS service, and what keeps it."""
    found, pods = case.need(KubeDns), case.look_for(CorednsPods)
    missing = _gaps(found, pods)
    if not found.service_exists:
        return _without_service(found, missing)
    if found.endpoints_gap is not None:
        return unknown(f"Not known which pods answer behind {found.title}: {found.endpoints_gap.reason}.", *missing)
    if found.ready:
        proof = tuple(f"{one.ip} ({one.pod or 'no pod'}) on {one.node}: ready" for one in found.ready[:10])
        if missing:
            return unknown(
                f"{found.title} has ready endpoints; not all could be read: {missing[0].reason}.", *missing, proof=proof
            )
        return healthy(f"{found.title} has {len(found.ready)} of {len(found.endpoints)} endpoints ready.", *proof)
    against = _answered(case.find(LookupMatrix), found)
    if against:
        gap = Gap(what=f"EndpointSlices of {found.title}", reason=against)
        return unknown(f"Not known which pods answer behind {found.title}: {against}.", gap, *missing)
    return _problem(found, pods, missing)


def _answered(lookups: LookupMatrix | None, found: KubeDns) -> str:
    """Say that a lookup by the Service's address was answered, or return an empty text."""
    asked = [one for one in lookups.lookups if one.through_service] if lookups else []
    answered = [one for one in asked if one.server in found.cluster_ips and one.answer in REPLIES]
    if not answered:
        return ""
    return (
        f"its EndpointSlices hold no ready endpoint, yet {len(answered)} of {len(asked)} lookups by its address were "
        f"answered in this diagnosis, one of them from {answered[0].client.title}"
    )


def _gaps(found: KubeDns, pods: CorednsPods | Gap) -> tuple[Gap, ...]:
    gaps = (found.endpoints_gap,) if found.endpoints_gap else ()
    return (*gaps, pods) if isinstance(pods, Gap) else (*gaps, *pods.gaps)


def _without_service(found: KubeDns, missing: tuple[Gap, ...]) -> Judgement:
    if found.other_dns_services:
        reason = (
            f"DNS is served under another name, whose endpoints were not read: {', '.join(found.other_dns_services)}"
        )
        return unknown(f"There is no DNS Service; {reason}.", *missing, Gap(what="EndpointSlices", reason=reason))
    if missing:
        return unknown(f"There is no DNS Service; not all could be read: {missing[0].reason}.", *missing)
    return healthy("There is no DNS Service, so nothing of it can lack endpoints.")


def _problem(found: KubeDns, pods: CorednsPods | Gap, missing: tuple[Gap, ...]) -> Judgement:
    not_ready = tuple(f"{one.ip} ({one.pod or 'no pod'}) on {one.node}: not ready" for one in found.endpoints[:10])
    why, advice = _why(found, pods)
    states: tuple[str, ...] = ()
    details: dict[str, str | int] = {"not_ready": len(found.endpoints), "selector": found.selector}
    if not isinstance(pods, Gap):
        states = tuple(f"pod {pod.name}: {_state(pods, pod.name)}" for pod in pods.pods[:10])
        details |= {"desired_replicas": pods.desired_replicas, "pods": len(pods.pods)}
    ready = () if isinstance(pods, Gap) else tuple(pod.name for pod in pods.pods if pod.ready)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"The Service {found.title} ({found.cluster_ip}) has no ready endpoint: {why}. "
        "Every query to it is lost.",
        proof=(*not_ready, *states)
        or (f"EndpointSlices of {found.title}: no address, selector {found.selector or 'none'}",),
        details=details,
        missing=missing,
        reach=(EVERYTHING,),
        pods=ready,
        objects=(*service_of(found), *(() if isinstance(pods, Gap) else deployment_of(pods))),
        advice=advice,
    )


def _state(pods: CorednsPods, name: str) -> str:
    pod = pods.pod(name)
    if pod is None or pod.ready:
        return "ready"
    waiting = pod.container.waiting_reason
    return waiting or (pod.phase if pod.phase != "Running" else "running, not ready")


def _why(found: KubeDns, pods: CorednsPods | Gap) -> tuple[str, tuple[str, ...]]:
    if isinstance(pods, Gap):
        return f"{len(found.endpoints)} not-ready addresses; the pods could not be read", ()
    if pods.deployment_exists and pods.desired_replicas == 0:
        scale = f"kubectl -n {pods.namespace} scale deployment {pods.deployment} --replicas=2"
        return "CoreDNS is scaled to 0 replicas", (scale,)
    ready = sum(pod.ready for pod in pods.pods)
    if ready and not found.endpoints and found.selector != pods.selector:
        return (
            f"its selector `{found.selector or 'none'}` matches none of {ready} ready CoreDNS pods ({pods.selector})",
            (f"kubectl -n {found.namespace} set selector service {found.name} {pods.selector}",),
        )
    if ready:
        return (
            f"{ready} CoreDNS pods are ready and none is in its EndpointSlices",
            (
                (
                    f"The endpoint-slice controller lags or is down: kubectl -n {found.namespace} get endpointslices "
                    f"-l kubernetes.io/service-name={found.name} -o yaml"
                ),
            ),
        )
    if not pods.pods:
        return "there is no CoreDNS pod", (f"kubectl -n {pods.namespace} describe deployment {pods.deployment}",)
    listed = f"kubectl -n {pods.namespace} get pods -l {pods.selector}"
    return f"0 of {len(pods.pods)} CoreDNS pods are ready", (listed,)


RULE = Rule(
    name="kube_dns_no_endpoints",
    title="The DNS service has no ready endpoint",
    check="Endpoints of the DNS service",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeDns, CorednsPods),
    wants=(LookupMatrix,),
    problem_refuted_by=(
        (KubeDns, "a ready endpoint"),
        (LookupMatrix, "a lookup by the Service's address that was answered"),
    ),
    healthy_refuted_by=((KubeDns, "no ready endpoint, or EndpointSlices that were not read"),),
)
