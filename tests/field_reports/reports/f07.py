from __future__ import annotations

from bot.sandbox.world.world import CLUSTER_DNS
from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json


def moved(one: Json) -> Json:
    """Return the Service with a random address."""
    one["spec"] |= {"clusterIP": "172.20.87.33", "clusterIPs": ["172.20.87.33"]}
    return one


def arrange(field: Field) -> None:
    """Nobody is at the address that pods ask; the Service answers at its new one."""
    field.change("services", moved, name="kube-dns")

    answers = {"amazon.com.": "205.251.242.103", "kubernetes.default.svc.cluster.local.": "172.20.0.1"}
    field.lookups(lambda asked: {CLUSTER_DNS: "timed out", "172.20.87.33": answers.get(asked.name)}.get(asked.server))


REPORT = Report(
    name="f07",
    source="aws-ia/terraform-aws-eks-blueprints#1276",
    happened="kube-dns was made again without a fixed address: pods ask 172.20.0.10, where nobody is.",
    right="kube_dns_address_changed; the nodes are not to blame",
    before="wrong_nameserver (problem, lookups fail)",
    arrange=arrange,
    verdict="problem",
    causes=("kube_dns_address_changed",),
    judged={"wrong_nameserver": "healthy", "kube_dns_service_missing": "healthy"},
    explained={"dns_lookups_fail": "kube_dns_address_changed"},
)
