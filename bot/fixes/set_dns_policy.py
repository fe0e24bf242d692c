"""Let pods on their node's network ask the cluster's DNS: dnsPolicy ClusterFirstWithHostNet in their pod template.

One step a workload, each once all pods of the one before are new and Ready. Nothing else of the template is changed.
Cost: one patch, and a GET every 2 s, a workload. It is verified by the new pods' resolv.conf. Playbook:

    fixes:
      - fix: set_dns_policy
        risk: medium
        with: {max_workloads: 3, timeout: 5m}    # timeout: for one workload's rollout

Source: Kubernetes documentation, "DNS for Services and Pods", Pod's DNS Policy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.host_network_pods import CLUSTER_FIRST, WITH_HOST_NETWORK, HostNetworkPods, HostNetworkWorkload
from bot.domain.json_values import JsonObject
from bot.domain.phrases import and_more, count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step
from bot.fixes import _pod_template as template

NAME = "set_dns_policy"
_MEMBER = "dnsPolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    max_workloads: int = 3
    """Workloads of one plan: a few, so that people see how the first take it before more are changed."""
    timeout: timedelta = timedelta(minutes=5)
    """How long one workload's pods may take until all are new and Ready; then later steps are not run."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each workload of the finding whose pod template does not say so yet."""
    read, parameters = case.need(HostNetworkPods), case.parameters
    rows = case.finding.rows("workloads")
    known = [one for row in rows if (one := _found(read, row)) is not None]
    wanted = [one for one in known if one.uid and not one.rollout and one.template_policy in {"", CLUSTER_FIRST}]
    if not wanted:
        return _nothing(rows, known)
    chosen = wanted[: parameters.max_workloads]
    return Planned(
        steps=tuple(_step(one, parameters) for one in chosen), blast_radius=_blast_radius(chosen, len(wanted))
    )


def _found(read: HostNetworkPods, row: JsonObject) -> HostNetworkWorkload | None:
    return read.find(*(str(row.get(key, "")) for key in ("namespace", "kind", "name")))


def _nothing(rows: Sequence[JsonObject], known: Sequence[HostNetworkWorkload]) -> Advice:
    moving = [f"{one.title}: {one.rollout}" for one in known if one.rollout]
    if moving:
        return template.under_way(moving)
    said = [one.title for one in known if one.uid]
    if said:
        return Advice(
            reason=f"The pod templates say otherwise already, and pods are older: {and_more(said, 3)}.",
            text=("Let their controllers replace them: kubectl rollout restart.",),
        )
    named = and_more(template.titles(rows), 3)
    return Advice(
        reason=f"No Deployment, StatefulSet or DaemonSet that could be read makes these pods: {named}.",
        text=(f"Set dnsPolicy {WITH_HOST_NETWORK} in whatever makes them, and let it make them anew.",),
    )


def _step(one: HostNetworkWorkload, parameters: Parameters) -> Step:
    return template.step_to(
        NAME,
        template.Controller(kind=one.kind, namespace=one.namespace, name=one.name, uid=one.uid, manager=one.manager),
        former={_MEMBER: json.dumps(one.template_policy) if one.template_policy else ""},
        wanted={_MEMBER: json.dumps(WITH_HOST_NETWORK)},
        settles_within_seconds=int(parameters.timeout.total_seconds()),
    )


def _blast_radius(chosen: Sequence[HostNetworkWorkload], wanted: int) -> str:
    pods = sum(len(one.pods) for one in chosen)
    replaced = f"All pods of {count(len(chosen), 'workload')} are replaced, one workload at a time"
    ports = (
        "A pod that listens on its node's network holds the port there: a new one starts where no other holds it, "
        "which a Deployment with a pod on every node does not find."
    )
    outside = (
        "The new pods ask the cluster's DNS for every name, those outside as well: where CoreDNS is down they get no "
        "answer, which the node's servers gave them before."
    )
    sentences = [f"{replaced} ({count(pods, 'pod')}).", ports, outside]
    if wanted > len(chosen):
        sentences.append(f"{count(wanted - len(chosen), 'more workload')} left for a further plan.")
    sentences += template.managed_elsewhere((one.title, one.manager) for one in chosen)
    return " ".join(sentences)


FIX = Fix(
    name=NAME,
    title="Let pods on their node's network ask the cluster's DNS",
    does=(
        "Sets dnsPolicy ClusterFirstWithHostNet in the pod templates of Deployments, StatefulSets and DaemonSets whose "
        "pods are on their node's network; their controllers replace the pods, one workload after the other. The undo "
        "restores the former policy, which replaces the pods once more."
    ),
    plan=plan,
    read=template.read,
    apply=template.apply,
    settled=template.settled,
    inverse=template.inverse,
    permissions=template.permissions("set the dnsPolicy of workloads and see their rollout"),
    needs=(HostNetworkPods,),
    parameters=Parameters,
    rule_parameters=("workloads",),
)
