from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.reports.f09 import cached


def arrange(field: Field) -> None:
    """NodeLocal DNSCache listens where kubespray puts it."""
    cached(field, "169.254.25.10")


REPORT = Report(
    name="f09b",
    source="NodeLocal DNSCache on another link-local address (variant)",
    happened="NodeLocal DNSCache listens on 169.254.25.10 (kubespray's default) and answers every name.",
    right="healthy",
    before="wrong_nameserver (problem)",
    arrange=arrange,
    verdict="healthy",
    judged={"wrong_nameserver": "healthy"},
)
