from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """The resolver of a VPC whose CIDR begins at .64 drops queries; there is no pod to look names up from."""
    field.vpc("10.244.122.64/26")
    field.change("pods", lambda one: one if one["metadata"]["namespace"] == "kube-system" else None)
    line = "[ERROR] plugin/errors: 2 a.example. A: read udp 10.244.122.70:40000->10.244.122.66:53: i/o timeout"
    for pod in field.coredns():
        field.log(pod, *repeated(line, 60), since=600)


REPORT = Report(
    name="f36",
    source="VPC 10.244.122.64/26 (resolver .66), throttled, pods without a tool (variant)",
    happened="Time-outs towards the VPC resolver; no lookup possible: unreachable or throttled is open.",
    right="open: unreachable or throttled",
    before="coredns_upstream_unreachable (problem)",
    arrange=arrange,
    verdict="unknown",
    not_healthy=("coredns_upstream_unreachable",),
)
