"""The step that sets or removes a variable of aws-node's DaemonSet, and waits until all its pods are new and Ready.

As `kubectl set env daemonset aws-node -n kube-system NAME=VALUE` does it (B7). Cost: one patch, and a GET every 2 s.
"""

from __future__ import annotations

from bot.collectors.vpc_cni import VpcCni
from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.plans import Reading, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import NotFound
from bot.kubernetes.resources import DAEMON_SETS, KUBE_SYSTEM
from bot.kubernetes.rollouts import unfinished
from bot.kubernetes.vpc_cni import AWS_NODE, AwsNode

ACTION = "set_env"
_TARGET = f"DaemonSet {AWS_NODE} in namespace {KUBE_SYSTEM}"
_ABSENT = f"(no {ENFORCING_MODE}, so {EnforcingMode.STRICT})"


def step_to(fix: str, wanted: EnforcingMode, aws_node: AwsNode, *, settles_within_seconds: int) -> Step:
    """Return the step that sets the enforcing mode."""
    return _step(
        fix,
        uid=aws_node.uid,
        former=aws_node.mode,
        value=wanted.value,
        owner=aws_node.manager,
        settles_within_seconds=settles_within_seconds,
    )


def _step(fix: str, *, uid: str, former: str, value: str, owner: str, settles_within_seconds: int) -> Step:
    back = f"Sets {ENFORCING_MODE} back to {former!r}" if former else f"Takes {ENFORCING_MODE} away again"
    change = f"{ENFORCING_MODE}={value}" if value else f"{ENFORCING_MODE}-"
    return Step(
        fix=fix,
        action=ACTION,
        target=_TARGET,
        parameters={"uid": uid, "value": value},
        before={"uid": uid, "value": former, "comes_from": ""},
        diff=(
            f"  variables of container {AWS_NODE}:",
            f"- {_line(former)}",
            f"+ {_line(value)}",
        ),
        undo=f"{back}; pods that were made meanwhile keep their mode until they are replaced.",
        command=(
            f"kubectl set env daemonset {AWS_NODE} -n {KUBE_SYSTEM} {change} && kubectl -n {KUBE_SYSTEM} rollout "
            f"status daemonset/{AWS_NODE} --timeout {settles_within_seconds}s"
        ),
        writer=WriterKind.KUBERNETES,
        owner=owner,
        settles_within_seconds=settles_within_seconds,
    )


def _line(value: str) -> str:
    return f"{ENFORCING_MODE}={value}" if value else _ABSENT


def read(step: Step, look: Reading) -> JsonValue:
    """Return the DaemonSet's uid and the variable, as far as it has a value of its own; no uid: it is gone."""
    del step
    try:
        found = look.cluster.get(DAEMON_SETS, AWS_NODE, namespace=KUBE_SYSTEM)
    except NotFound:
        return {"uid": "", "value": "", "comes_from": ""}
    with reading(f"get {_TARGET}"):
        now = AwsNode.of(found)
    return {"uid": now.uid, "value": now.mode, "comes_from": now.mode_from}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Set the variable, or take it away; return the generation reached. A strategic merge leaves the others alone."""
    value = str(step.parameters["value"])
    variable: dict[str, JsonValue] = {"name": ENFORCING_MODE}
    variable |= {"value": value} if value else {"$patch": "delete"}
    container: dict[str, JsonValue] = {"name": AWS_NODE, "env": [variable]}
    body: JsonObject = {
        "metadata": {"uid": step.parameters["uid"]},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    found = writing.cluster_writer.patch(DAEMON_SETS, AWS_NODE, body, namespace=KUBE_SYSTEM)
    return {"generation": int(found.get("metadata", {}).get("generation", 0))}


def settled(step: Step, look: Reading) -> Settled:
    """Return whether aws-node's pods are all new and Ready: only then are new pods made under the mode."""
    found, value = look.cluster.get(DAEMON_SETS, AWS_NODE, namespace=KUBE_SYSTEM), str(step.parameters["value"])
    with reading(f"get {_TARGET}"):
        missing = unfinished("DaemonSet", found)
        if AwsNode.of(found).mode != value:
            return waiting_for(f"the variables of {AWS_NODE} do not say so yet: {_line(value)}")
    return waiting_for(f"{AWS_NODE}: {missing}") if missing else COMPLETE


def inverse(step: Step) -> Step:
    """Return the step that gives the variable its former value."""
    before = step.before if isinstance(step.before, dict) else {}
    return _step(
        step.fix,
        uid=str(step.parameters["uid"]),
        former=str(step.parameters["value"]),
        value=str(before.get("value", "")),
        owner=step.owner,
        settles_within_seconds=step.settles_within_seconds,
    )


def managed(cni: VpcCni) -> str:
    """Say what whoever else manages the DaemonSet will do with the change; empty: nobody says that they do."""
    manager = cni.aws_node.manager if cni.aws_node else ""
    if not manager:
        return ""
    return (
        f"{manager} manages the DaemonSet and sets it back at its next run: put "
        f"{ENFORCING_MODE}={EnforcingMode.STANDARD} into its values as well."
    )
