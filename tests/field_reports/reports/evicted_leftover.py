from __future__ import annotations

from copy import deepcopy

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """A pod of CoreDNS was evicted long ago, another stands in for it, and nobody deleted what is left."""
    (pod, *_) = field.operator.get("pods", labels="k8s-app=kube-dns")
    left = deepcopy(pod)
    left["metadata"] |= {"name": "coredns-6f9c7d8b5-left0", "uid": "0e7f1c52-9a57-4f0e-8f5e-6f0d3f1d2a10"}
    left["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on resource: memory.",
        "startTime": left["metadata"]["creationTimestamp"],
    }
    field.add("pods", left)


REPORT = Report(
    name="evicted_leftover",
    source="kubernetes/kubernetes#91672 (variant: a pod of CoreDNS)",
    happened="A pod of CoreDNS was evicted; two ready ones serve, and the evicted one is still listed as Failed.",
    right="healthy: what is left of an evicted pod is no pod of the DNS service",
    before="coredns_pods_not_ready (problem)",
    arrange=arrange,
    verdict="healthy",
    judged={"coredns_pods_not_ready": "healthy"},
)
