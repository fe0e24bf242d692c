from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report

SANDBOX = (
    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: plugin "
    'type="aws-cni" name="aws-cni" failed (add): add cmd: Error received from AddNetwork gRPC call: rpc error: code = '
    'Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:50051: connect: '
    'connection refused"'
)


def arrange(field: Field) -> None:
    """Both pods wait in ContainerCreating."""
    for pod in field.coredns():
        field.waiting(pod, "ContainerCreating")
        field.event(pod, "FailedCreatePodSandBox", SANDBOX)


REPORT = Report(
    name="f18b",
    source="aws/amazon-vpc-cni-k8s, ipamd down (variant of aws/amazon-vpc-cni-k8s#1294)",
    happened="CoreDNS waits in ContainerCreating: aws-node's daemon does not answer on 50051.",
    right="coredns_pods_pending (ipamd down)",
    before="coredns_pods_pending (problem, lookups fail)",
    arrange=arrange,
    causes=("coredns_pods_pending",),
    verdict="problem",
    says={"coredns_pods_pending": "aws-node"},
    explained={"coredns_pods_not_ready": "coredns_pods_pending", "kube_dns_no_endpoints": "coredns_pods_pending"},
)
