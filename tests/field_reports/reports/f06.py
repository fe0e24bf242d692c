from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import Json


def renamed(one: Json) -> Json:
    """Return the Service, or its EndpointSlice, as the chart calls it."""
    metadata = one["metadata"]
    if metadata["name"].startswith("kube-dns"):
        metadata["name"] = metadata["name"].replace("kube-dns", "coredns")
    return one


def arrange(field: Field) -> None:
    """The Service of the same pods and the same address is called coredns; its EndpointSlice is labelled so."""
    field.change("services", renamed)
    slices = [one for one in field.operator.get("endpointslices.discovery.k8s.io") if "kube-dns" in str(one)]
    for one in slices:
        labels = {**one["metadata"]["labels"], "kubernetes.io/service-name": "coredns"}
        field.add("endpointslices", {**one, "metadata": {**one["metadata"], "labels": labels, "name": "coredns-x"}})


REPORT = Report(
    name="f06",
    source="aws-ia/terraform-aws-eks-blueprints#563 (variant: the chart's Service answers)",
    happened="No Service kube-dns: the chart's Service is called coredns, has the address that pods ask, and answers.",
    right="none of ours: the Service has another name and answers",
    before="kube_dns_service_missing (problem)",
    arrange=arrange,
    verdict="healthy",
    judged={"kube_dns_service_missing": "healthy", "kube_dns_no_endpoints": "healthy"},
    says={"kube_dns_service_missing": "DNS Service coredns exists"},
)
