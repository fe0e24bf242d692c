from __future__ import annotations

from bot.sandbox.world.coredns_chart import LABELS
from bot.sandbox.world.node_local_dns import LOCAL_ADDRESS, NodeLocalDns, install
from bot.sandbox.world.world import CLUSTER_DNS
from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report
from tests.field_reports.told import Json, Question

REFUSED = (
    "[ERROR] plugin/errors: 2 kubernetes.default.svc.cluster.local. A: write tcp 10.0.1.11:40000->{server}:53: write: "
    "operation not permitted"
)


def _charts_own(one: Json) -> Json:
    """Return the cache's Service towards CoreDNS as its chart was told: it selects the pods of CoreDNS's chart."""
    return {**one, "spec": {**one["spec"], "selector": LABELS}}


def _answer(asked: Question) -> str | None:
    return "SERVFAIL" if asked.server in (LOCAL_ADDRESS, CLUSTER_DNS) else None


def arrange(field: Field) -> None:
    """A cache on each node holds the asked address, and the node's kernel refuses its packets to CoreDNS."""
    install(field.operator, NodeLocalDns(cluster_ip=CLUSTER_DNS))
    field.operator.time_passes(3_600)
    services = {one["metadata"]["name"]: one for one in field.operator.get("services", namespace="kube-system")}
    server = services["kube-dns-upstream"]["spec"]["clusterIP"]
    field.change("services", _charts_own, name="kube-dns-upstream")
    for pod in field.operator.get("pods", labels="k8s-app=node-local-dns"):
        field.log(pod["metadata"]["name"], *repeated(REFUSED.format(server=server), 60), since=600)
    field.lookups(_answer)


REPORT = Report(
    name="f10",
    source="deliveryhero/helm-charts#680",
    happened=(
        "node-local-dns on Bottlerocket beside the chart's CoreDNS: its packets to CoreDNS are refused (write: "
        "operation not permitted)."
    ),
    right="nodelocal / policy (planned)",
    before="none (problem, lookups fail)",
    arrange=arrange,
    verdict="problem",
    not_healthy=("dns_lookups_fail",),
    scenario="healthy-helm-coredns",
)
