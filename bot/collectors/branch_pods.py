"""Pods that hold a branch interface: those that a SecurityGroupPolicy gave security groups of their own.

A policy counts when a pod is made, so that its selector does not tell who holds one: the pods of its namespace are
read, and each says so itself. A pod whose policy has been deleted since is found among the application pods alone.
Source: EKS User Guide, "Assign security groups to individual Pods". Cost: one list of SecurityGroupPolicies, and one
paged list of pods for each namespace that has any. In a playbook: `{collector: branch_pods}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.kubernetes.members import text
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import PODS, SECURITY_GROUP_POLICIES


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPods:
    """The pods that hold a branch interface or wait for one, by namespace and name; those that are over left out."""

    policies: int
    """SecurityGroupPolicies of the cluster."""
    pods: tuple[Pod, ...]
    gaps: tuple[Gap, ...] = ()
    """Namespaces whose pods could not be read."""


def collect(look: View) -> BranchPods:
    """List the policies, and the pods of their namespaces."""
    with reading("list securitygrouppolicies"):
        policies = look.cluster.list(SECURITY_GROUP_POLICIES, _namespace)
    namespaces = sorted(set(policies))
    workload = look.find(WorkloadPods)
    found = {(pod.namespace, pod.name): pod for pod in (workload.pods if workload else ())}
    gaps = []
    for namespace in namespaces:
        try:
            with reading(f"list pods in {namespace}"):
                pods = look.cluster.list(PODS, Pod.of, namespace=namespace)
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"pods of namespace {namespace}, which has a SecurityGroupPolicy", error))
            continue
        found = {(pod.namespace, pod.name): pod for pod in pods} | found
    held = [pod for _, pod in sorted(found.items()) if pod.branch_interface and not pod.over]
    return BranchPods(policies=len(policies), pods=tuple(held), gaps=tuple(gaps))


def _namespace(policy: RawObject) -> str:
    return text(policy["metadata"], "namespace")


def summarise(found: BranchPods) -> str:
    """Say how many pods hold one, and on how many nodes."""
    nodes = {pod.node for pod in found.pods if pod.node}
    policies = count(found.policies, "SecurityGroupPolicy", "SecurityGroupPolicies")
    return f"{policies}; {count(len(found.pods), 'pod')} with a branch interface, on {count(len(nodes), 'node')}"


COLLECTOR = Collector(
    name="branch_pods",
    title="Pods with security groups of their own",
    evidence=BranchPods,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="list",
            resource="securitygrouppolicies",
            group="vpcresources.k8s.aws",
            unlocks="the namespaces that have pods with security groups of their own",
        ),
        KubernetesPermission(verb="list", resource="pods", unlocks="the pods that hold a branch interface, by name"),
    ),
    wants=(WorkloadPods,),
)
