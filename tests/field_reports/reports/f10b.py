from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report

REFUSED = (
    "[ERROR] plugin/errors: 2 a.example. A: write udp 10.0.1.11:40000->10.0.0.2:53: write: operation not permitted"
)


def arrange(field: Field) -> None:
    """Every packet of CoreDNS's to its upstream is refused; there is no application to look names up from."""
    field.change("pods", lambda one: one if one["metadata"]["namespace"] == "kube-system" else None)
    for pod in field.coredns():
        field.log(pod, *repeated(REFUSED, 60), since=600)


REPORT = Report(
    name="f10b",
    source="cilium/cilium#24774 (the same errno on EKS), CoreDNS's own log (variant)",
    happened="CoreDNS's packets to its upstream are refused with EPERM; no application pod to look from.",
    right="coredns_upstream_unreachable",
    before="none (unknown)",
    arrange=arrange,
    causes=("coredns_upstream_unreachable",),
    verdict="problem",
    says={"coredns_upstream_unreachable": "kernel does not let the packets out: a network policy"},
)
