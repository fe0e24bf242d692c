from __future__ import annotations

from bot.sandbox.world.world import WORKLOAD_SELECTOR
from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Question

ANSWERS = {"amazon.com.": "205.251.242.103", "kubernetes.default.svc.cluster.local.": "172.20.0.1"}


def cached(field: Field, address: str) -> None:
    """Let the kubelets name a cache on the node, which answers every name."""
    for node in field.world.nodes:
        field.operator.kubelet(node.name, cluster_dns=address)
    field.operator.delete_pods(labels=WORKLOAD_SELECTOR)

    def answering(asked: Question) -> str | None:
        return ANSWERS.get(asked.name) if asked.server == address else None

    field.lookups(answering)


def arrange(field: Field) -> None:
    """NodeLocal DNSCache at its usual address."""
    cached(field, "169.254.20.10")


REPORT = Report(
    name="f09",
    source="bottlerocket-os/bottlerocket#2132 (eksctl-io/eksctl#6834)",
    happened="The kubelets name NodeLocal DNSCache at its usual address; all well.",
    right="healthy (a configuration, no fault)",
    before="none (healthy)",
    arrange=arrange,
    verdict="healthy",
)
