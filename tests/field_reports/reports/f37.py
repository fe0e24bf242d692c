from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report
from tests.field_reports.reports.f10b import REFUSED
from tests.field_reports.told import Question


def _answer(asked: Question) -> str | None:
    return None if "cluster.local" in asked.name else "SERVFAIL"


def arrange(field: Field) -> None:
    """Every packet of CoreDNS's to its upstream is refused: external names fail, cluster names are answered."""
    for pod in field.coredns():
        field.log(pod, *repeated(REFUSED, 60), since=600)
    field.lookups(_answer)


REPORT = Report(
    name="f37",
    source="cilium/cilium#24774, CoreDNS's own log, lookups made (variant of F10b)",
    happened="EPERM towards the upstream; external names SERVFAIL, cluster names answered.",
    right="coredns_upstream_unreachable",
    before="none (problem, lookups fail)",
    arrange=arrange,
    causes=("coredns_upstream_unreachable",),
    verdict="problem",
)
