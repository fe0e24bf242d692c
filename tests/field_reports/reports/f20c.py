from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.reports.f20 import UNREACHABLE

REFUSED = (
    'E0901 10:00:00.000000 1 proxier.go:1550] "Failed to execute iptables-restore" err="exit status 2: unknown option"',
    'I0901 10:00:00.000001 1 proxier.go:760] "Sync failed" ipFamily="IPv4" retryingTime="30s"',
)


def arrange(field: Field) -> None:
    """kube-proxy runs on every node and writes nothing; CoreDNS has never reached the API by its ClusterIP."""
    for pod in field.operator.get("pods", labels="k8s-app=kube-proxy"):
        field.log(pod["metadata"]["name"], *REFUSED * 3)
    for name in field.coredns():
        field.unready(name)
        field.log(name, *[UNREACHABLE] * 3)


REPORT = Report(
    name="f20c",
    source="kubernetes/kops#17915, its kube-proxy alive (variant)",
    happened="kube-proxy runs everywhere and cannot write its rules: CoreDNS does not reach the API by its ClusterIP.",
    right="kube_proxy_rules_missing",
    before="coredns_api_unreachable (problem, lookups fail)",
    arrange=arrange,
    causes=("kube_proxy_rules_missing",),
    verdict="problem",
    explained={"coredns_api_unreachable": "kube_proxy_rules_missing"},
)
