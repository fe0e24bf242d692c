from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report

EXPIRED = (
    "E1121 09:00:00.000000       1 reflector.go:125] github.com/coredns/coredns/plugin/kubernetes/controller.go:320: "
    "Failed to list *v1.Namespace: Get https://172.20.0.1:443/api/v1/namespaces?limit=500&resourceVersion=0: x509: "
    "certificate has expired or is not yet valid"
)


def arrange(field: Field) -> None:
    """CoreDNS 1.2 does not trust the API's certificate any more, or its clock is off."""
    for pod in field.coredns():
        field.log(pod, *repeated(EXPIRED, 20), since=600)


REPORT = Report(
    name="f13",
    source="coredns/coredns#4429",
    happened="CoreDNS 1.2: the API's certificate has expired or the clock is off.",
    right="coredns_api_unauthorized (x509)",
    before="coredns_api_unauthorized (problem)",
    arrange=arrange,
    causes=("coredns_api_unauthorized",),
    verdict="problem",
)
