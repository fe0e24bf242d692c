from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """One pod runs for two hours and has never been ready; its log is empty of complaints."""
    pod = field.coredns()[0]
    field.unready(pod, age=7_200)
    field.event(pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=700)
    field.log(pod, ".:53", "CoreDNS-1.11.4", "linux/amd64, go1.23.8, 00a55bd", since=7_200, until=7_199)


REPORT = Report(
    name="f27",
    source="liveness kills (shape of coredns/coredns#3091)",
    happened="One of two CoreDNS pods Running, never ready (readiness probe 503), no line in its log.",
    right="not healthy: a CoreDNS pod never becomes ready",
    before="none (healthy)",
    arrange=arrange,
    verdict="problem",
)
