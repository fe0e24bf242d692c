from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """Both pods end of one line without file and line number."""
    for pod in field.coredns():
        field.crash(pod, "plugin/forward: no nameservers found")


REPORT = Report(
    name="f02",
    source="coredns/coredns#5764 (same: k3s-io/k3s#2919)",
    happened="CoreDNS 1.8.6 crash-loops: the resolv.conf that it forwards to names no server; one line, no file.",
    right="CoreDNS cannot start with this forward: coredns_crash_corefile",
    before="kube_dns_no_endpoints (problem, lookups fail)",
    arrange=arrange,
    causes=("coredns_crash_corefile",),
    verdict="problem",
    explained={
        "kube_dns_no_endpoints": "coredns_crash_corefile",
        "coredns_pods_not_ready": "coredns_crash_corefile",
        "dns_lookups_fail": "coredns_crash_corefile",
    },
    says={"coredns_crash_corefile": "no nameservers found"},
)
