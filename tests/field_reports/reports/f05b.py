from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(_field: Field) -> None:
    """The world is the chart's already."""


REPORT = Report(
    name="f05b",
    source="CoreDNS's own Helm chart on EKS (variant)",
    happened="Helm-labelled CoreDNS serves everything.",
    right="healthy",
    before="none (unknown)",
    arrange=arrange,
    verdict="healthy",
    scenario="healthy-helm-coredns",
)
