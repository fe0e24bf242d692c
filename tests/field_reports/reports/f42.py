from __future__ import annotations

from bot.sandbox.world.world import CLUSTER_DNS
from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """The DNS Service is gone; NodeLocal DNSCache's own is still there, and the asked address is dead."""
    field.remove("services", "kube-dns")
    upstream = {
        "metadata": {"name": "kube-dns-upstream", "namespace": "kube-system"},
        "spec": {
            "clusterIP": "172.20.143.7",
            "clusterIPs": ["172.20.143.7"],
            "selector": {"k8s-app": "kube-dns"},
            "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
        },
    }
    field.add("services", upstream)
    field.lookups(lambda asked: "timed out" if asked.server == CLUSTER_DNS else None)


REPORT = Report(
    name="f42",
    source="rancher/rke2#10103 (on EC2)",
    happened=(
        "The DNS Service is gone, NodeLocal DNSCache's own Service kube-dns-upstream is still there; pods ask the "
        "vanished address."
    ),
    right="kube_dns_service_missing",
    before="none (problem, lookups fail)",
    arrange=arrange,
    verdict="problem",
    causes=("kube_dns_service_missing",),
    not_healthy=("wrong_nameserver",),
    explained={"dns_lookups_fail": "kube_dns_service_missing"},
)
