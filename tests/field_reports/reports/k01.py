from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """One of two pods panics again and again; every lookup goes to the other."""
    field.crash(
        field.coredns()[0],
        "CoreDNS-1.11.4",
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "goroutine 1 [running]:",
        exit_code=2,
    )


REPORT = Report(
    name="k01",
    source="the smallest input of a crash loop that no rule knows",
    happened="Two CoreDNS pods, one in CrashLoopBackOff with exit code 2; any log that no class knows.",
    right="no known cause found: a CoreDNS pod crash-loops, with its exit code and last words",
    before="none (healthy)",
    arrange=arrange,
    verdict="problem",
    judged={"coredns_pods_not_ready": "problem", "dns_lookups_fail": "healthy"},
    says={"coredns_pods_not_ready": "CrashLoopBackOff"},
)
