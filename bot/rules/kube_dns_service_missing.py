"""There is no DNS Service: the address in every pod's resolv.conf belongs to nobody (C1).

Which Service is the DNS service says its address, not its name. On EKS Auto Mode there is none by design: DNS runs on
the node. Whatever stands there, an address that answers cluster names is no missing DNS; NodeLocal DNSCache's own
Service towards CoreDNS is no DNS service.

In a playbook: `{rule: kube_dns_service_missing, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.eks_addons import EksAddons
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import EVERYTHING
from bot.rules._nameservers import all_answer, named_by, none_answers, told_by_kubelet


def judge(case: Case) -> Judgement:
    """Conclude whether the DNS service exists, or need not."""
    found, cluster, lookups = case.need(KubeDns), case.look_for(EksCluster), case.find(LookupMatrix)
    missing = tuple(gap for gap in (cluster, found.endpoints_gap) if isinstance(gap, Gap))
    if found.service_exists:
        return _present(found, missing)
    if not isinstance(cluster, Gap) and cluster.auto_mode:
        return healthy("There is no DNS Service, by design: in EKS Auto Mode DNS runs on each node.")
    silent = lookups is not None and none_answers(lookups)
    if lookups is not None and all_answer(lookups):
        asked = " or ".join(named_by(told_by_kubelet(lookups)))
        return healthy(f"No Service has the address that pods ask, and {asked} answers them: it belongs to no Service.")
    if found.elsewhere_gap is not None:
        missing = (*missing, found.elsewhere_gap)
    if found.other_dns_services and not silent:
        names = ", ".join(found.other_dns_services)
        reason = f"port 53 is served under another name: {names}; whether pods ask that address is not known"
        gaps = (*missing, Gap(what="the DNS Service", reason=reason))
        return unknown(f"No Service was told to be the DNS service, and {reason}.", *gaps)
    if missing and not silent:
        return unknown(
            f"There is no DNS Service; not known whether that is by design: {missing[0].reason}.",
            *missing,
        )
    return _problem(found, missing, case.target.eks_name, lookups if silent else None, case.find(EksAddons))


def _present(found: KubeDns, missing: tuple[Gap, ...]) -> Judgement:
    known = f" ({found.known_by})" if found.known_by else ""
    proof = f"Service {found.namespace}/{found.name} at {found.cluster_ip}, ports {', '.join(found.ports)}{known}"
    if missing:
        return unknown(
            f"The DNS Service {found.title} exists; not all could be read: {missing[0].reason}.",
            *missing,
            proof=(proof,),
        )
    return healthy(f"The DNS Service {found.title} exists.", proof)


def _problem(
    found: KubeDns, missing: tuple[Gap, ...], cluster: str, silent: LookupMatrix | None, addons: EksAddons | None
) -> Judgement:
    asked = named_by(told_by_kubelet(silent)) if silent else list(found.asked)
    where = f"{', '.join(asked)}, which no Service has" if asked else "an address that no Service has"
    seen = (f"lookups by {', '.join(asked)}: no cluster name was answered",) if silent else ()
    passed = tuple(f"Service {name} is NodeLocal DNSCache's own way to CoreDNS" for name in found.upstream_services)
    others = tuple(f"Service {name} serves port 53 at another address" for name in found.other_dns_services)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"There is no DNS Service and this cluster is not in EKS Auto Mode. Pods send their queries to {where}"
        + (", and get no answer." if silent else "."),
        proof=("kubectl get services --all-namespaces: none on port 53 at that address", *seen, *passed, *others),
        details={"asked": asked, "others": list(found.other_dns_services)},
        missing=missing,
        reach=(EVERYTHING,),
        advice=_advice(found, asked, cluster, managed=addons is None or bool(addons.owner("coredns"))),
    )


def _advice(found: KubeDns, asked: list[str], cluster: str, *, managed: bool) -> tuple[str, ...]:
    address = asked[0] if asked else found.tenth_address or "the address that the nodes hand out"
    by_addon = (
        "Where the EKS add-on manages CoreDNS, let it write the Service again: "
        f"aws eks update-addon --cluster-name {cluster} --addon-name coredns --resolve-conflicts OVERWRITE "
        "(it also overwrites a Corefile that was changed by hand)"
    )
    by_hand = (
        "Let whatever deployed CoreDNS (its chart, kustomize) write the Service again; no EKS add-on manages it here."
    )
    return (
        by_addon if managed and not found.other_dns_services else by_hand,
        (
            f"The Service must get {address} (clusterDNS of the kubelet, usually the service CIDR's tenth address): a "
            "Service with another ClusterIP does not help."
        ),
    )


RULE = Rule(
    name="kube_dns_service_missing",
    title="There is no DNS Service",
    check="The DNS Service",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeDns, EksCluster),
    wants=(LookupMatrix, EksAddons),
    problem_refuted_by=(
        (EksCluster, "that it is an EKS Auto Mode cluster, where DNS runs on the node"),
        (LookupMatrix, "an answer from the server that pods ask"),
    ),
    healthy_refuted_by=((KubeDns, "no Service with the address that pods ask"),),
)
