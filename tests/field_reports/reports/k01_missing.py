from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json, moment

SAID = (
    'pods "coredns-7c9f" is forbidden: exceeded quota: kube-system, requested: pods=1, used: pods=40, limited: pods=40'
)


def _refused(one: Json) -> Json:
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": SAID,
        "lastTransitionTime": moment(1_200),
        "lastUpdateTime": moment(1_200),
    }
    return {**one, "spec": {**one["spec"], "replicas": 3}, "status": {**one["status"], "conditions": [failure]}}


def arrange(field: Field) -> None:
    """Two pods serve; a third is wanted since 20 min, and a quota refuses it."""
    field.change("deployments", _refused, name="coredns")


REPORT = Report(
    name="k01_missing",
    source="a pod of the DNS service that is missing (issue of the field reports)",
    happened="The Deployment wants three CoreDNS pods, a quota refuses the third; every lookup is answered.",
    right="no known cause found: a CoreDNS pod is missing, with the Deployment's own words",
    before="none (unknown)",
    arrange=arrange,
    verdict="problem",
    judged={"coredns_pods_not_ready": "problem", "dns_lookups_fail": "healthy"},
    says={"coredns_pods_not_ready": "2 of 3 wanted pods are there .*exceeded quota"},
)
