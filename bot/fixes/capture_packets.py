"""A measure that ends by itself: capture DNS packets on the nodes of a client and of CoreDNS pods (C14).

Why: lookups time out, and nothing that was read says where they are lost. A capture on both sides tells whether a query
arrived, whether it was answered, and whether the answer came back. Each place gets a short-lived pod of `node_probe`'s
image, which needs sh, tcpdump, timeout and dd; it has its node's network and NET_RAW, and captures udp and tcp port 53
of that client alone, on the host's side of the pod's interface. It ends by time, at 100,000 packets or at 10 MB, also
where the bot is killed; the pods are removed some minutes later. While it runs, the diagnosis that follows asks all
lookups again and reads the files.

By hand: find the pod's interface on its node (`ip route | grep POD_IP`), then `tcpdump -ni eni… port 53 -w
capture.pcap` there, and ask from another pod by the Service's name, its ClusterIP and each CoreDNS pod's address.
To undo: delete the pods (`kubectl delete pods -l dnsbot/capture`); nothing else was changed. Playbook:

    measures:
      - measure: capture_packets
        risk: low
        with: {seconds: 60s}      # at most; who asks for the measure may choose less

Sources: AWS re:Post, "How do I troubleshoot DNS failures with Amazon EKS?" (document C); tcpdump(1).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.packet_captures import PacketCaptures
from bot.domain.cluster import PodName
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count, few
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import NotFound, WorldChanged
from bot.kubernetes.members import text_map
from bot.kubernetes.packet_capture import (
    LABEL,
    LISTENS,
    MOST_PACKETS,
    READ_SECONDS,
    TCPDUMP,
    CapturePoint,
    capture_pod,
    tcpdump,
)
from bot.kubernetes.probe_pods import CONTAINER, runs, why_not
from bot.kubernetes.resources import PODS

NAME = "capture_packets"
LONGEST_SECONDS = 60
_CAPTURE, _REMOVE = "capture", "remove"
_STARTS_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    seconds: timedelta = timedelta(seconds=LONGEST_SECONDS)
    """How long packets are captured, a minute at most; who asks for the measure may choose less."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each place."""
    found, probe = case.need(PacketCaptures), case.target.node_probe
    clients = [point.address for point in found.points if not point.of_dns]
    if probe is None or not clients or len(clients) == len(found.points):
        why = found.gaps[0].reason if found.gaps else found.not_needed or "there is no place where it could be done"
        return Advice(reason=f"No capture is planned: {why}.")
    seconds = min(case.lasting_seconds or int(case.parameters.seconds.total_seconds()), LONGEST_SECONDS)
    steps = tuple(
        _step(case.plan_id, number, point, clients, image=probe.image, namespace=probe.namespace, seconds=seconds)
        for number, point in enumerate(found.points, start=1)
    )
    nodes = sorted({point.node for point in found.points})
    return Planned(
        steps=steps,
        blast_radius=(
            f"The names that {few(clients, 3)} asks for may be private: whatever it asks in these "
            f"{count(seconds, 'second')} is in the files, which are kept with the diagnosis (`retention`) and posted "
            "in this thread. Packets of other clients are not captured. "
            f"{count(len(steps), 'short-lived pod')} of {probe.image} on {few(nodes, 3)}, with their node's network "
            f"and NET_RAW, each at most {MOST_PACKETS:,} packets and 10 MB. Nothing restarts, and no packet is held up."
        ),
    )


def _step(
    plan_id: str,
    number: int,
    point: CapturePoint,
    clients: list[str],
    *,
    image: str,
    namespace: str,
    seconds: int,
) -> Step:
    name = f"dnsbot-capture-{plan_id[:12]}-{number}"
    whose = "CoreDNS pod" if point.of_dns else "client"
    program = tcpdump(point, clients)
    body = capture_pod(
        PodName(namespace=namespace, name=name), point, clients, image=image, plan_id=plan_id, seconds=seconds
    )
    return Step(
        fix=NAME,
        action=_CAPTURE,
        target=f"pod {namespace}/{name} on node {point.node}",
        parameters={"namespace": namespace, "name": name, "pod": body},
        before={"uid": ""},
        diff=(
            f"  on node {point.node}, at {point.interface} of {whose} {point.pod} ({point.address}):",
            f"+ pod {name}: {' '.join(program[:3])} … '{program[-1]}' for {seconds} s",
        ),
        undo="The pod is deleted; its capture has ended by itself before.",
        command=f"kubectl debug node/{point.node} -it --image={image} --profile=netadmin -- timeout {seconds} "
        + shlex.join(program),
        writer=WriterKind.PROBE_PODS,
        settles_within_seconds=_STARTS_SECONDS,
        ends_after_seconds=seconds + READ_SECONDS,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return the uid of the pod of this name; empty: there is none."""
    try:
        found = look.cluster.get(PODS, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))
    except NotFound:
        return {"uid": ""}
    with reading(f"get {step.target}"):
        return {"uid": str(found["metadata"]["uid"])}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Make the pod, or remove it."""
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    if step.action == _REMOVE:
        writing.cluster_writer.delete(PODS, name, namespace=namespace, uid=str(step.parameters["uid"]))
        return {}
    body = step.parameters["pod"]
    if not isinstance(body, dict):
        raise WorldChanged(f"The plan does not say what {step.target} is to be.")
    made = writing.cluster_writer.create(PODS, body, namespace=namespace)
    return {"uid": str(made["metadata"]["uid"])}


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether tcpdump captures, which it says itself; or whether the pod is gone."""
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    if step.action == _REMOVE:
        gone = read(step, look) != {"uid": str(step.parameters["uid"])}
        return COMPLETE if gone else waiting_for(f"{step.target} is removed")
    try:
        found = look.cluster.get(PODS, name, namespace=namespace)
    except NotFound:
        return failed_because(f"{step.target} is gone before it captured anything.")
    with reading(f"get {step.target}"):
        if str(found["metadata"]["uid"]) != effects.get("uid"):
            return failed_because(f"{step.target} is another one by now.")
        why, running = why_not(found), runs(found)
    if why:
        return failed_because(f"{step.target} does not start: {why}")
    if not running:
        return waiting_for(f"{step.target} starts")
    said = look.cluster.logs(PodName(namespace=namespace, name=name), container=CONTAINER, since_seconds=600)
    if LISTENS in said:
        return COMPLETE
    complaints = [line.partition(" ")[2] for line in said.splitlines() if TCPDUMP in line or "not found" in line]
    if complaints:
        return failed_because(f"{step.target} captures nothing: {complaints[-1][:300]}")
    return waiting_for(f"tcpdump listens in {step.target}")


def found(step: Step, look: Reading, plan_id: str) -> JsonObject | None:
    """Return the uid of the pod that this plan made, by its label."""
    try:
        pod = look.cluster.get(PODS, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))
    except NotFound:
        return None
    with reading(f"get {step.target}"):
        ours = text_map(pod["metadata"], "labels").get(LABEL) == plan_id
        return {"uid": str(pod["metadata"]["uid"])} if ours else None


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that removes the pod; what is removed is not made again."""
    uid = effects.get("uid")
    if step.action == _REMOVE or not uid:
        return None
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    return Step(
        fix=NAME,
        action=_REMOVE,
        target=step.target,
        parameters={"namespace": namespace, "name": name, "uid": uid},
        before={"uid": uid},
        diff=(f"- pod {namespace}/{name}",),
        undo="",
        command=f"kubectl -n {namespace} delete pod {name}",
        writer=WriterKind.PROBE_PODS,
        settles_within_seconds=_STARTS_SECONDS,
    )


FIX = Fix(
    name=NAME,
    title="Capture DNS packets for a time",
    does=(
        "Makes a short-lived pod on the node of a client and on those of up to three CoreDNS pods. Each captures port "
        "53 of that client on the host's side of the pod's interface, for a minute at most, up to 100,000 packets and "
        "10 MB, while the lookups are asked again. The files are kept with the diagnosis and posted in the thread; "
        "names in them may be private. The captures end by themselves, and the pods are removed."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    found=found,
    inverse=inverse,
    permissions=(
        KubernetesPermission(verb="get", resource="pods", unlocks="whether a capture pod runs"),
        KubernetesPermission(
            verb="get", resource="pods/log", unlocks="whether tcpdump listens there", of_probe_pods=True
        ),
        KubernetesPermission(
            verb="create", resource="pods", unlocks="the pods that capture packets", of_probe_pods=True
        ),
        KubernetesPermission(verb="delete", resource="pods", unlocks="removing them", of_probe_pods=True),
    ),
    needs=(PacketCaptures,),
    parameters=Parameters,
    yields=(PacketCaptures,),
)
