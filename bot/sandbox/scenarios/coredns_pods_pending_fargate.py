"""All nodes are reserved for Fargate, and CoreDNS asks for EC2 nodes by its annotation.

The nodes bear the taint that Fargate nodes bear; they are no Fargate nodes. What EKS does once the annotation is
gone (its webhook hands the pods to the Fargate scheduler) is not simulated: the pods stay pending here.
"""

from __future__ import annotations

from collections.abc import Collection

from bot.sandbox.scenarios.coredns_pods_pending import PENDING_SECONDS, taint_all
from bot.sandbox.world.editing import annotated, edit_pod_template
from bot.sandbox.world.scenario import NotSimulated, Operator, Scenario
from bot.sandbox.world.world import World

COMPUTE_TYPE = "eks.amazonaws.com/compute-type"


def _ask_for_ec2(operator: Operator, spare: Collection[str] = ()) -> None:
    """Reserve all nodes but those to `spare` for Fargate, and let new CoreDNS pods ask for EC2."""
    taint_all(operator, COMPUTE_TYPE, "fargate", spare=spare)
    edit_pod_template(
        operator,
        "deployments.apps",
        "coredns",
        lambda template: annotated(template, COMPUTE_TYPE, "ec2"),
        namespace="kube-system",
    )
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    operator.time_passes(PENDING_SECONDS)


def _acts(_world: World, operator: Operator) -> None:
    _ask_for_ec2(operator)


def _harmless(world: World, operator: Operator) -> None:
    pods = operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    busy = {pod["spec"]["nodeName"] for pod in pods}
    others = [node.name for node in world.nodes if node.name not in busy]
    _ask_for_ec2(operator, spare=(*others[:1], min(busy)))


SCENARIO = Scenario(
    name="coredns-pods-pending-fargate",
    title="CoreDNS asks for EC2 nodes, and all nodes are Fargate's",
    story=(
        "A cluster was moved to Fargate profiles alone; the annotation eks.amazonaws.com/compute-type: ec2 stayed on "
        "CoreDNS's pods, so no Fargate node takes them."
    ),
    root_cause="coredns_pods_pending",
    explains=("coredns_pods_not_ready", "dns_lookups_fail", "kube_dns_no_endpoints"),
    blinds=("coredns_logs", "kube_dns"),
    healed_by=NotSimulated(why="no Fargate scheduler is simulated: no node comes once the annotation is gone"),
    not_to_blame=("coredns_image_pull",),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-pods-pending-fargate-look-alike",
    title="CoreDNS asks for EC2 nodes, most nodes are Fargate's, and two are not",
    story=(
        "The annotation eks.amazonaws.com/compute-type: ec2 stands on CoreDNS's pods, as EKS puts it there. All nodes "
        "but two are Fargate's, one on which a CoreDNS pod ran among them; the new pods run on the two EC2 nodes."
    ),
    root_cause="",
    not_to_blame=("coredns_pods_pending",),
    acts=_harmless,
)
