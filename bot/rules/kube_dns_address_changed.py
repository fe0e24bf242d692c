"""All pods ask one address, and the DNS Service has another: it was made again without its fixed address.

EKS tells every node the service CIDR's tenth address. A Service that is created without `clusterIP` gets a random one;
nothing answers at the old address, while CoreDNS and lookups that name the new one are well. Nodes are not to blame,
and on Fargate nobody could change them. Some nodes alone: `wrong_nameserver`. No Service: `kube_dns_service_missing`.
Source: aws-ia/terraform-aws-eks-blueprints#1276.

In a playbook: `{rule: kube_dns_address_changed, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, unknown
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Reach
from bot.rules._faulty_objects import service_of
from bot.rules._nameservers import all_answer, answers, nodes_of, told_by_kubelet, unread, vacated

_MAX_PROOF = 10


def judge(case: Case) -> Judgement:
    """Compare what all pods are told to ask with the Service's address."""
    lookups, dns = case.need(LookupMatrix), case.need(KubeDns)
    judged, missing = told_by_kubelet(lookups), unread(lookups)
    address = vacated(lookups, dns)
    told = [answers(lookups, one, address) for one in judged] if address else []
    if address and True not in told and not all_answer(lookups):
        if False in told:
            return _problem(address, dns, judged, missing + ((dns.elsewhere_gap,) if dns.elsewhere_gap else ()))
        gap = Gap(what="lookups by the address that pods ask", reason=f"nothing was asked at {address}")
        seen = f"Pods ask {address}, and the DNS Service {dns.title} has {dns.cluster_ip}"
        return unknown(f"{seen}; not known whether anything answers there: {gap.reason}.", gap, *missing)
    if not dns.service_exists:
        return healthy("There is no DNS Service whose address could differ.")
    if not judged or missing:
        gaps = missing or (Gap(what="/etc/resolv.conf", reason="no pod looked from uses the cluster's DNS settings"),)
        return not_known("of every node which nameserver its pods ask", *gaps)
    if address:
        return healthy(f"Pods ask {address}, which no Service of this cluster has, and their nameservers answer them.")
    return healthy(f"The DNS Service {dns.title} is at {dns.cluster_ip}, and pods ask that address.")


def _problem(address: str, dns: KubeDns, judged: list[PodResolver], missing: tuple[Gap, ...]) -> Judgement:
    nodes, asking = nodes_of(judged), judged[:_MAX_PROOF]
    of_eks = ", the address that EKS tells nodes," if address == dns.tenth_address else ""
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"Pods on all {len(nodes)} nodes looked at ask {address}{of_eks} and the DNS Service {dns.title} has "
        f"{dns.cluster_ip}: nothing answers where they ask. The Service was recreated with another address.",
        proof=(
            f"Service {dns.namespace}/{dns.name}: clusterIP {dns.cluster_ip}",
            *dict.fromkeys(f"{one.client.node}: nameserver {', '.join(one.nameservers)}" for one in asking),
        ),
        details={"service": f"{dns.namespace}/{dns.name}", "has": dns.cluster_ip, "asked": address, "nodes": nodes},
        missing=missing,
        reach=(Reach(servers=frozenset({address}), service_path=False),),
        objects=service_of(dns),
        advice=(
            (
                f"A ClusterIP cannot be changed, so the Service has to be recreated: kubectl -n {dns.namespace} "
                f"get service {dns.name} -o yaml > service.yaml; set clusterIP and clusterIPs to {address}; kubectl "
                "replace --force -f service.yaml"
            ),
            (
                f"Whatever makes this Service (a chart's service.clusterIP, Terraform, the EKS add-on) must ask for "
                f"{address}, else it comes back at another address. Pods and nodes need no change."
            ),
        ),
    )


RULE = Rule(
    name="kube_dns_address_changed",
    title="The DNS Service has lost the address that pods ask",
    check="The DNS Service's address",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(LookupMatrix, KubeDns),
    problem_refuted_by=((LookupMatrix, "pods that ask the present address, or an answer from the former one"),),
    healthy_refuted_by=((LookupMatrix, "pods that ask an address which the DNS service does not have"),),
)
