from __future__ import annotations

from tests.field_reports.field import DNS_PODS, Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json


def _wanting(one: Json) -> Json:
    return {**one, "spec": {**one["spec"], "replicas": 25}}


def _cordoned(one: Json) -> Json:
    return {**one, "spec": {**one["spec"], "unschedulable": True}}


def arrange(field: Field) -> None:
    """25 CoreDNS pods on the two nodes that take them, all ready: the logs of 20 are read."""
    pods = field.operator.get("pods", labels=DNS_PODS)
    for node in field.operator.get("nodes"):
        if node["metadata"]["name"] not in {pod["spec"]["nodeName"] for pod in pods}:
            field.change("nodes", _cordoned, name=node["metadata"]["name"])
    for number in range(23):
        name, pod = f"coredns-zz-{number:02}", pods[number % len(pods)]
        field.add("pods", {**pod, "metadata": {**pod["metadata"], "name": name}})
        field.log(name, ".:53", "CoreDNS-1.11.4", since=3_000, until=2_999)
    field.change("deployments", _wanting, name="coredns")


REPORT = Report(
    name="k20_sampled",
    source="a large cluster (cluster-proportional-autoscaler)",
    happened="25 CoreDNS pods, all of them ready.",
    right="healthy, with how many logs were read",
    before="healthy; the pods whose logs are not read were not weighed",
    arrange=arrange,
    verdict="healthy",
    says={"coredns_upstream_unreachable": "logs of 20 of 25 CoreDNS pods read, the other 5 are ready"},
)
