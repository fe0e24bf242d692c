from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report

PULL = (
    'Failed to pull image "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11.4": dial tcp: lookup '
    "602401143452.dkr.ecr.eu-west-1.amazonaws.com on 10.0.0.2:53: read udp 10.0.1.5:38001->10.0.0.2:53: i/o timeout"
)


def arrange(field: Field) -> None:
    """The nodes' own resolver does not answer while they pull CoreDNS's image."""
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    for pod in field.coredns():
        field.unready(pod, container={"state": waiting, "lastState": {}, "restartCount": 0})
        field.event(pod, "Failed", PULL)


REPORT = Report(
    name="f40",
    source="node's own DNS does not answer while it pulls CoreDNS's image (variant)",
    happened="ImagePullBackOff; the registry's name could not be looked up (time-out of the node's resolver).",
    right="coredns_image_pull (node's DNS)",
    before="coredns_image_pull (problem, lookups fail)",
    arrange=arrange,
    causes=("coredns_image_pull",),
    verdict="problem",
    says={"coredns_image_pull": "the node's own DNS does not answer"},
)
