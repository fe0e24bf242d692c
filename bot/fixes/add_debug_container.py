"""A debug container beside an application whose image has no tool, so that names are looked up from that pod (C5).

An ephemeral container of the cluster's `debug_image`, added to the named pods as `kubectl debug` does it: it shares the
pod's network and its resolv.conf, has no capability and no root. It cannot be taken away again: it stays until the pod
is replaced. A measure: it makes lookups from these pods readable. Playbook:

    measures:
      - measure: add_debug_container
        risk: low
        with: {max_pods: 2}

Sources: Kubernetes documentation, "Ephemeral Containers", "Debug Running Pods"; API reference, EphemeralContainer.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.workload_pods import WorkloadPods
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing, nothing_to_undo
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import NotFound
from bot.kubernetes.members import optional_text, part, parts, text
from bot.kubernetes.pods import DEBUG_CONTAINER, Pod
from bot.kubernetes.resources import PODS

NAME = "add_debug_container"
_SLEEPS = "86400"
"""Seconds: it ends by itself after a day, and its entry stays in the pod."""
_IN_VAIN = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    max_pods: int = 2
    """Pods that get one; each stands for the pods of its kind on its node."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each of the pods that were to be looked from and have no tool."""
    image = case.target.debug_image
    if not image:
        return Advice(
            reason="No debug container is proposed: no debug_image is set for this cluster.",
            text=("Set `debug_image` in dnsbot.yaml to an image that has dig, sleep and cat.",),
        )
    wanted = dict.fromkeys(client.pod for client in case.need(LookupMatrix).without_tools)
    workload = case.need(WorkloadPods)
    known = {f"{pod.namespace}/{pod.name}": pod for pod in (*workload.pods, workload.asked_pod) if pod is not None}
    pods = [known[name] for name in wanted if name in known and not known[name].debug_container]
    if not pods:
        return Advice(
            reason="No pod that was looked from lacks dig and nslookup: a debug container would show no more."
        )
    chosen = pods[: case.parameters.max_pods]
    return Planned(
        steps=tuple(_step(pod, image) for pod in chosen),
        blast_radius=(
            f"{count(len(chosen), 'pod')} of {len(pods)} without tools get a further container of {image}, without "
            "root and capabilities. It cannot be removed: it stays until the pod is replaced, and nothing restarts."
        ),
    )


def _step(pod: Pod, image: str) -> Step:
    name = f"{pod.namespace}/{pod.name}"
    return Step(
        fix=NAME,
        action="add",
        target=f"pod {name}, container {DEBUG_CONTAINER}",
        parameters={
            "namespace": pod.namespace,
            "name": pod.name,
            "uid": pod.uid,
            "image": image,
            "beside": pod.container.name,
        },
        before={"uid": pod.uid, "image": ""},
        diff=(
            f"  ephemeral containers of pod {name} on {pod.node}:",
            f"+ {DEBUG_CONTAINER}: {image}, beside {pod.container.name}; stays until the pod is replaced",
        ),
        undo="",
        command=(
            f"kubectl -n {pod.namespace} debug {pod.name} --image={image} --container={DEBUG_CONTAINER} "
            f"--target={pod.container.name} --profile=restricted -- sleep {_SLEEPS}"
        ),
        writer=WriterKind.KUBERNETES,
        settles_within_seconds=120,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return the pod's uid and the image of its debug container; an absent pod has the uid ""."""
    try:
        found = look.cluster.get(PODS, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))
    except NotFound:
        return {"uid": "", "image": ""}
    with reading(f"get {step.target}"):
        there = [
            one for one in parts(part(found, "spec"), "ephemeralContainers") if text(one, "name") == DEBUG_CONTAINER
        ]
        return {"uid": found["metadata"]["uid"], "image": optional_text(there[0], "image") if there else ""}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Add the container; a pod of this name with another uid is left alone."""
    wanted = step.parameters
    container: JsonObject = {
        "name": DEBUG_CONTAINER,
        "image": wanted["image"],
        "command": ["sleep", _SLEEPS],
        "targetContainerName": wanted["beside"],
        "securityContext": {
            "runAsUser": 65534,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    body: JsonObject = {"metadata": {"uid": wanted["uid"]}, "spec": {"ephemeralContainers": [container]}}
    writing.cluster_writer.patch(
        PODS, str(wanted["name"]), body, namespace=str(wanted["namespace"]), subresource="ephemeralcontainers"
    )
    return {"pod": f"{wanted['namespace']}/{wanted['name']}", "container": DEBUG_CONTAINER}


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether the container runs; an image that cannot be pulled never will."""
    del effects
    found = look.cluster.get(PODS, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))
    with reading(f"get {step.target}"):
        states = [
            part(one, "state")
            for one in parts(part(found, "status"), "ephemeralContainerStatuses")
            if text(one, "name") == DEBUG_CONTAINER
        ]
    if any(part(state, "running") for state in states):
        return COMPLETE
    waiting = part(states[0], "waiting") if states else {}
    if optional_text(waiting, "reason") in _IN_VAIN:
        return failed_because(
            f"{step.parameters['image']} cannot be pulled for {step.target}: {optional_text(waiting, 'reason')} "
            f"{optional_text(waiting, 'message')[:200]}. Correct `debug_image` in dnsbot.yaml."
        )
    return waiting_for(f"the container {DEBUG_CONTAINER} runs")


FIX = Fix(
    name=NAME,
    title="Add a debug container beside applications without tools",
    does=(
        "Adds an ephemeral container of `debug_image` to the named pods, beside applications whose image has neither "
        "dig nor nslookup. It has no root and no capability. It cannot be undone: it stays until the pod is replaced."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=nothing_to_undo,
    permissions=(
        KubernetesPermission(verb="get", resource="pods", unlocks="see a pod again before a container is added"),
        KubernetesPermission(
            verb="patch", resource="pods/ephemeralcontainers", unlocks="a debug container beside an application"
        ),
    ),
    needs=(LookupMatrix, WorkloadPods),
    parameters=Parameters,
    yields=(LookupMatrix,),
)
