"""Nodes as values: what runs them, where they stand, and which pods they keep away.

Sources: EKS User Guide, "Manage compute resources by using nodes", "Fargate Pod configuration", "EKS Auto Mode",
"Hybrid nodes"; Kubernetes documentation, "Well-Known Labels, Annotations and Taints".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bot.domain.json_values import RawObject
from bot.kubernetes.members import condition, holds, optional_text, part, parts, text, text_map

COMPUTE_TYPE = "eks.amazonaws.com/compute-type"
"""Label of nodes (`fargate`, `auto`, `hybrid`), key of the taint that every Fargate node bears, and annotation of
CoreDNS's pod template, where `ec2` keeps it off Fargate."""
MANAGED_GROUP = "eks.amazonaws.com/nodegroup"
GROUP_LABELS = (MANAGED_GROUP, "alpha.eksctl.io/nodegroup-name", "karpenter.sh/nodepool")
"""What names the group of a node, the first that is there: managed by EKS, made by eksctl, Karpenter or Auto Mode."""
ZONE = "topology.kubernetes.io/zone"


class Compute(StrEnum):
    """What runs a node."""

    MANAGED = "managed"
    """EC2, in a node group that EKS manages."""
    SELF_MANAGED = "self-managed"
    """EC2, by an Auto Scaling group, eksctl or Karpenter."""
    FARGATE = "fargate"
    """One pod a node, no instance of the account."""
    AUTO = "auto"
    """EKS Auto Mode: DNS, kube-proxy and the VPC CNI are part of the node, not pods."""
    HYBRID = "hybrid"
    """A machine outside AWS."""

    @property
    def runs_kube_proxy(self) -> bool:
        """Return whether the DaemonSet kube-proxy covers such nodes: Fargate and Auto Mode have none by design."""
        return self not in {Compute.FARGATE, Compute.AUTO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """What keeps pods that do not tolerate it away from a node."""

    key: str
    value: str = ""
    effect: str
    """NoSchedule, PreferNoSchedule or NoExecute."""

    @property
    def keeps_away(self) -> bool:
        """Whether pods that do not tolerate it are kept away, not only sent elsewhere where that is possible."""
        return self.effect != "PreferNoSchedule"

    @property
    def text(self) -> str:
        """As kubectl writes it: `dedicated=gpu:NoSchedule`."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node."""

    name: str
    provider_id: str = ""
    """`aws:///eu-west-1a/i-…`, `aws:///…/fargate-…`, `eks-hybrid:///…`; empty until the cloud knows it."""
    internal_ip: str = ""
    node_group: str = ""
    """Its node group or node pool, from its labels; empty where they name none."""
    zone: str = ""
    ready: bool
    compute: Compute
    taints: tuple[Taint, ...] = ()
    os: str = "linux"
    """linux or windows; decides the client's ephemeral ports."""
    cordoned: bool = False
    """Whether it takes no further pods (`kubectl cordon`)."""

    @property
    def instance_id(self) -> str:
        """The EC2 instance, `i-…`; empty for Fargate and hybrid nodes."""
        last = self.provider_id.rpartition("/")[2]
        return last if self.provider_id.startswith("aws://") and last.startswith("i-") else ""

    @property
    def takes_fargate_pods_only(self) -> bool:
        """Return whether the node bears Fargate's taint, which pods for EC2 do not tolerate."""
        return any((taint.key, taint.value) == (COMPUTE_TYPE, "fargate") for taint in self.taints)

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the node."""
        metadata, spec, status = answer["metadata"], part(answer, "spec"), part(answer, "status")
        labels, provider_id = text_map(metadata, "labels"), optional_text(spec, "providerID")
        addresses = {text(one, "type"): text(one, "address") for one in reversed(parts(status, "addresses"))}
        return cls(
            name=text(metadata, "name"),
            provider_id=provider_id,
            internal_ip=addresses.get("InternalIP", ""),
            node_group=next((labels[label] for label in GROUP_LABELS if labels.get(label)), ""),
            zone=labels.get(ZONE, ""),
            ready=holds(condition(status, "Ready")),
            compute=_compute(labels, provider_id),
            taints=tuple(
                Taint(key=text(one, "key"), value=optional_text(one, "value"), effect=text(one, "effect"))
                for one in parts(spec, "taints")
            ),
            os=labels.get("kubernetes.io/os", "linux"),
            cordoned=spec.get("unschedulable") is True,
        )


def _compute(labels: Mapping[str, str], provider_id: str) -> Compute:
    named = labels.get(COMPUTE_TYPE, "")
    if named == Compute.FARGATE or provider_id.rpartition("/")[2].startswith("fargate-"):
        return Compute.FARGATE
    if named == Compute.AUTO:
        return Compute.AUTO
    if named == Compute.HYBRID or provider_id.startswith("eks-hybrid:"):
        return Compute.HYBRID
    return Compute.MANAGED if labels.get(MANAGED_GROUP) else Compute.SELF_MANAGED
