from __future__ import annotations

from tests.field_reports.field import Field, repeated
from tests.field_reports.report import Report

FORBIDDEN = (
    "[ERROR] plugin/kubernetes: pkg/mod/k8s.io/client-go@v0.27.4/tools/cache/reflector.go:231: Failed to watch "
    "*v1.EndpointSlice: failed to list *v1.EndpointSlice: endpointslices.discovery.k8s.io is forbidden: User "
    '"system:serviceaccount:kube-system:coredns" cannot list resource "endpointslices" in API group '
    '"discovery.k8s.io" at the cluster scope'
)


def arrange(field: Field) -> None:
    """The ClusterRole is from before CoreDNS read EndpointSlices."""
    for pod in field.coredns():
        field.log(pod, *repeated(FORBIDDEN, 20), since=600)


REPORT = Report(
    name="f14",
    source="mmumshad/kubernetes-the-hard-way#295 (lines as awsdocs/amazon-eks-user-guide#369)",
    happened="CoreDNS 1.9.4 and later: the ClusterRole lacks endpointslices, lines of the newer shape.",
    right="coredns_api_forbidden",
    before="coredns_api_forbidden (problem)",
    arrange=arrange,
    causes=("coredns_api_forbidden",),
    verdict="problem",
)
