from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """One CoreDNS pod's queries to the VPC resolver time out by the hundred; those of the diagnosis are answered."""
    line = "[ERROR] plugin/errors: 2 a.example. A: read udp 10.0.1.11:40000->169.254.169.253:53: i/o timeout"
    field.log(field.coredns()[0], *repeated(line, 400), since=880)


REPORT = Report(
    name="f29",
    source="https://www.arnabsaha.com/posts/coredns-ebs-controller-eks (linklocal_allowance_exceeded)",
    happened=(
        "VPC resolver throttled: 400 forwarded queries of one CoreDNS pod timed out in 15 minutes, the few lookups "
        "of the diagnosis were answered."
    ),
    right="vpc_resolver_throttled (planned): open until then",
    before="none (healthy)",
    arrange=arrange,
    verdict="unknown",
    not_healthy=("coredns_upstream_unreachable",),
    says={"coredns_upstream_unreachable": "drops what exceeds its limit of packets a second"},
)
