from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.reports.f07 import arrange as moved


def arrange(field: Field) -> None:
    """The Service moved, where no kubelet could be told."""
    moved(field)


REPORT = Report(
    name="f07_fargate",
    source="aws-ia/terraform-aws-eks-blueprints#1276 (variant: Fargate alone)",
    happened="kube-dns was made again without a fixed address in a cluster of Fargate nodes alone.",
    right="kube_dns_address_changed; nobody is told to set a kubelet",
    before="wrong_nameserver (problem, lookups fail), advice to change every kubelet",
    arrange=arrange,
    verdict="problem",
    causes=("kube_dns_address_changed",),
    judged={"wrong_nameserver": "healthy", "kube_proxy_not_running": "healthy"},
    explained={"dns_lookups_fail": "kube_dns_address_changed"},
    scenario="healthy-fargate",
)
