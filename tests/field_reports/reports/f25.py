from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(_field: Field) -> None:
    """Nothing is wrong."""


REPORT = Report(
    name="f25",
    source="aws/containers-roadmap#2546 (EKS Auto Mode), nothing wrong (variant)",
    happened="EKS Auto Mode cluster, all lookups answered.",
    right="healthy",
    before="none (unknown)",
    arrange=arrange,
    verdict="healthy",
    judged={"wrong_nameserver": "healthy", "kube_dns_service_missing": "healthy"},
    scenario="healthy-auto-mode",
)
