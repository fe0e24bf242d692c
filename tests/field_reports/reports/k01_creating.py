from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """One pod waits on its node for two hours; the events that said why are gone."""
    field.waiting(field.coredns()[0], "ContainerCreating", age=7_200)


REPORT = Report(
    name="k01_creating",
    source="events are kept for an hour (kube-apiserver --event-ttl)",
    happened="One of two CoreDNS pods is ContainerCreating for two hours, without any event.",
    right="no known cause found: a CoreDNS pod does not start; whether it has its place or its image is open",
    before="coredns_pods_pending and coredns_image_pull healthy",
    arrange=arrange,
    verdict="problem",
    judged={"coredns_pods_not_ready": "problem"},
    not_healthy=("coredns_pods_pending", "coredns_image_pull"),
)
