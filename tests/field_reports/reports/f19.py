from __future__ import annotations

from typing import Any

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json, moment

MESSAGE = "no nodes available to schedule pods"


def arrange(field: Field) -> None:
    """No node ever joined; the event bears its times as events.k8s.io has them."""
    for pod in field.coredns():
        field.unscheduled(pod, MESSAGE)
        field.add("events", _event(pod))
    field.change("nodes", lambda _: None)
    field.change("endpointslices", _emptied)


def _event(pod: str) -> Json:
    made: dict[str, Any] = {
        "metadata": {"name": f"{pod}.1", "namespace": "kube-system", "creationTimestamp": moment(900)},
        "involvedObject": {"kind": "Pod", "namespace": "kube-system", "name": pod},
        "type": "Warning",
        "reason": "FailedScheduling",
        "message": MESSAGE,
        "eventTime": moment(900),
        "series": {"count": 17, "lastObservedTime": moment(30)},
        "firstTimestamp": None,
        "lastTimestamp": None,
    }
    return made


def _emptied(one: Json) -> Json:
    return {**one, "endpoints": None} if one["metadata"]["namespace"] == "kube-system" else one


REPORT = Report(
    name="f19",
    source="terraform-aws-modules/terraform-aws-eks#3272",
    happened="Custom AMI: nodes never join, CoreDNS is pending with an events.k8s.io-shaped event.",
    right="coredns_pods_pending (no node)",
    before="coredns_pods_pending (problem)",
    arrange=arrange,
    causes=("coredns_pods_pending",),
    verdict="problem",
    explained={"kube_dns_no_endpoints": "coredns_pods_pending"},
    says={"coredns_pods_pending": "the cluster has no node"},
)
