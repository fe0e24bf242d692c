"""There is no Service `kube-dns`: the address in every pod's resolv.conf belongs to nobody (C1).

On EKS Auto Mode that is by design: DNS runs on the node. A DNS Service under another name is told apart.

In a playbook: `{rule: kube_dns_service_missing, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Gap
from bot.domain.findings import EVERYTHING, Case, Judgement, Kind, Rule, Verdict, healthy, unknown


def judge(case: Case) -> Judgement:
    """Conclude whether the DNS service exists, or need not."""
    found, cluster = case.need(KubeDns), case.look_for(EksCluster)
    missing = tuple(gap for gap in (cluster, found.endpoints_gap) if isinstance(gap, Gap))
    if not found.service_exists and not isinstance(cluster, Gap) and cluster.auto_mode:
        return healthy("There is no Service kube-dns, by design: in EKS Auto Mode DNS runs on each node.")
    if not found.service_exists and found.other_dns_services:
        names = ", ".join(found.other_dns_services)
        reason = f"the CoreDNS pods are served under another name: {names}; whether pods ask that address is not known"
        gaps = (*missing, Gap(what="Service kube-system/kube-dns", reason=reason))
        return unknown(f"There is no Service kube-dns, and {reason}.", *gaps)
    if not found.service_exists and isinstance(cluster, Gap):
        return unknown(f"There is no Service kube-dns; whether that is by design is open: {cluster.reason}.", *missing)
    if not found.service_exists:
        return _problem(missing, case.target.eks_name)
    proof = f"Service kube-system/kube-dns at {found.cluster_ip}, ports {', '.join(found.ports)}"
    if missing:
        return unknown(
            f"The Service kube-dns exists; not all could be read: {missing[0].reason}.", *missing, proof=(proof,)
        )
    return healthy("The Service kube-dns exists.", proof)


def _problem(missing: tuple[Gap, ...], cluster: str) -> Judgement:
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary="There is no Service kube-dns in kube-system and this cluster is not in EKS Auto Mode. "
        "Pods send their queries to an address that nothing answers.",
        proof=("kubectl -n kube-system get service kube-dns: not found",),
        missing=missing,
        reach=(EVERYTHING,),
        advice=(
            (
                "Where the EKS add-on manages CoreDNS, let it write the Service again: "
                f"aws eks update-addon --cluster-name {cluster} --addon-name coredns --resolve-conflicts OVERWRITE"
            ),
            (
                "The Service must get the address that the nodes hand out (clusterDNS of the kubelet), usually the "
                "service CIDR's tenth: a Service with another ClusterIP does not help."
            ),
        ),
    )


RULE = Rule(
    name="kube_dns_service_missing",
    title="There is no Service kube-dns",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeDns, EksCluster),
)
