"""A measure: let each CoreDNS pod name itself in its answers, by the plugin `nsid` in the Corefile's root block.

CoreDNS reloads by itself within a minute or two (plugin reload). Cost: one API call. Playbook:

    measures:
      - measure: name_coredns_answers
        risk: low
"""

from __future__ import annotations

from dataclasses import replace

from bot.collectors.coredns_identity import CorednsIdentity
from bot.collectors.corefile import Corefile
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.kubernetes.members import text_map
from bot.kubernetes.resources import CONFIG_MAPS, KUBE_SYSTEM

NAME = "name_coredns_answers"
_FIRST = ".:53 {\n"


def plan(case: PlanCase) -> Planned | Advice:
    """Plan to put the plugin first in the root block."""
    text = case.need(Corefile).text
    if _FIRST not in text:
        return Advice(
            reason="The Corefile has no block `.:53` of the usual form.", text=("Add the line `nsid` to it.",)
        )
    step = Step(
        fix=NAME,
        action="set",
        target=f"ConfigMap {KUBE_SYSTEM}/coredns",
        parameters={"text": text.replace(_FIRST, f"{_FIRST}    nsid\n", 1)},
        before={"text": text},
        diff=(f"  {_FIRST.strip()}", "+     nsid"),
        undo="Put the former Corefile back.",
        command=f"kubectl -n {KUBE_SYSTEM} edit configmap coredns",
        writer=WriterKind.KUBERNETES,
    )
    return Planned(steps=(step,), blast_radius="Every CoreDNS pod reloads its configuration.")


def read(step: Step, look: Reading) -> JsonValue:
    """Return the Corefile as it is now."""
    found = look.cluster.get(CONFIG_MAPS, "coredns", namespace=KUBE_SYSTEM)
    with reading(f"get {step.target}"):
        return {"text": text_map(found, "data")["Corefile"]}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Write the Corefile; return the former one."""
    body: JsonObject = {"data": {"Corefile": step.parameters["text"]}}
    writing.cluster_writer.patch(CONFIG_MAPS, "coredns", body, namespace=KUBE_SYSTEM)
    return {"former": step.before}


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that writes the former Corefile, byte for byte."""
    if not isinstance(step.before, dict) or not effects:
        return None
    return replace(
        step,
        parameters=step.before,
        before={"text": step.parameters["text"]},
        diff=tuple(line.replace("+", "-", 1) for line in step.diff),
        undo="",
    )


FIX = Fix(
    name=NAME,
    title="Let CoreDNS pods name themselves in their answers",
    does="Puts the plugin `nsid` into the Corefile's root block. The undo puts the former Corefile back.",
    plan=plan,
    read=read,
    apply=apply,
    inverse=inverse,
    permissions=tuple(
        KubernetesPermission(
            verb=verb, resource="configmaps", namespace=KUBE_SYSTEM, names=("coredns",), unlocks="change the Corefile"
        )
        for verb in ("get", "patch")
    ),
    needs=(Corefile,),
    yields=(CorednsIdentity,),
)
