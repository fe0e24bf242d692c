"""Let the pods of wasteful workloads ask for names with a dot as they are: `ndots:1` in their dnsConfig (C11).

One step a workload, the most wasteful first, each once all pods of the one before are new and Ready. Other members and
options of a dnsConfig are kept. Cost: one patch, and a GET every 2 s, a workload. Playbook:

    fixes:
      - fix: set_ndots
        risk: medium
        with: {ndots: 1, max_workloads: 3, timeout: 5m}    # timeout: for one workload's rollout

Source: Kubernetes documentation, "DNS for Services and Pods", Pod's DNS Config.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.collectors.asking_workloads import AskingWorkload, AskingWorkloads
from bot.collectors.query_log import QueryLog
from bot.domain.evidence import Gap
from bot.domain.json_values import JsonObject
from bot.domain.phrases import and_more, count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step
from bot.fixes import _pod_template as template

NAME = "set_ndots"
_MEMBER = "dnsConfig"
_OPTION = "ndots"
_USUAL = 5
"""What the kubelet writes for pods that use the cluster's DNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    ndots: int = 1
    """With so many dots a name is asked for as it is before any search domain; 2 spares `SERVICE.NAMESPACE` the detour
    and wastes queries for names like `amazon.com` as before."""
    max_workloads: int = 3
    """Workloads of one plan: a few, so that what they save is seen before more are changed."""
    timeout: timedelta = timedelta(minutes=5)
    """How long one workload's pods may take until all are new and Ready; then later steps are not run."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each of the most wasteful workloads whose pods do not ask so yet."""
    read, parameters = case.need(AskingWorkloads), case.parameters
    named = "workloads" in case.finding.judgement.details
    rows = case.finding.rows("workloads") if named else [_row(one) for one in read.workloads]
    if not rows:
        return _nobody(case.look_for(QueryLog))
    known = [(row, one) for row in rows if (one := _found(read, row)) is not None]
    wanted = [(row, one) for row, one in known if not one.rollout and _ndots(one.dns_config) > parameters.ndots]
    if not wanted:
        return _nothing(rows, known)
    chosen = wanted[: parameters.max_workloads]
    return Planned(
        steps=tuple(_step(one, parameters) for _, one in chosen),
        blast_radius=_blast_radius(chosen, len(wanted)),
    )


def _row(one: AskingWorkload) -> JsonObject:
    return {"namespace": one.namespace, "kind": one.kind, "name": one.name}


def _nobody(log: QueryLog | Gap) -> Advice:
    """Say why no workload is known that wastes queries."""
    gaps = (log,) if isinstance(log, Gap) else log.gaps
    if gaps:
        return Advice(
            reason=f"Not known which workloads waste queries: {gaps[0].reason}.",
            text=("Switch CoreDNS's query log on for a while (/dns-log), and diagnose again.",),
        )
    return Advice(reason="By the query log no workload wastes queries: ndots:1 would save none.")


def _found(read: AskingWorkloads, row: JsonObject) -> AskingWorkload | None:
    return read.find(*(str(row.get(key, "")) for key in ("namespace", "kind", "name")))


def _nothing(rows: list[JsonObject], known: list[tuple[JsonObject, AskingWorkload]]) -> Advice:
    moving = [f"{one.kind.lower()}/{one.name}: {one.rollout}" for _, one in known if one.rollout]
    if moving:
        return template.under_way(moving)
    if known:
        return Advice(
            reason="The pod templates of these workloads say so already; pods that ask otherwise are older.",
            text=("Let their controllers replace them: kubectl rollout restart.",),
        )
    return Advice(
        reason=f"No Deployment, StatefulSet or DaemonSet controls these clients: {and_more(template.titles(rows), 3)}.",
        text=("Set dnsConfig in whatever makes their pods, or write names with a dot at the end.",),
    )


def _options(config: str) -> list[Mapping[str, Any]]:
    held = json.loads(config) if config else {}
    return [one for one in held.get("options") or [] if isinstance(one, Mapping)]


def _ndots(config: str) -> int:
    """Return the option's value, the usual one where there is none or none that is a number."""
    values = [str(one.get("value", "")) for one in _options(config) if one.get("name") == _OPTION]
    return int(values[-1]) if values and values[-1].isdecimal() else _USUAL


def _step(one: AskingWorkload, parameters: Parameters) -> Step:
    held = json.loads(one.dns_config) if one.dns_config else {}
    others = [option for option in _options(one.dns_config) if option.get("name") != _OPTION]
    wanted = {**held, "options": [*others, {"name": _OPTION, "value": str(parameters.ndots)}]}
    return template.step_to(
        NAME,
        template.Controller(kind=one.kind, namespace=one.namespace, name=one.name, uid=one.uid, manager=one.manager),
        former={_MEMBER: one.dns_config},
        wanted={_MEMBER: json.dumps(wanted, sort_keys=True)},
        settles_within_seconds=int(parameters.timeout.total_seconds()),
    )


def _blast_radius(chosen: list[tuple[JsonObject, AskingWorkload]], wasteful: int) -> str:
    rows = [row for row, _ in chosen]
    pods = sum(_number(row, "pods") for row in rows)
    saved = sum(_number(row, "saved_per_second_by_ndots_1") for row in rows)
    replaced = f"All pods of {count(len(chosen), 'workload')} are replaced, one workload at a time"
    replaced += (
        f" ({count(int(pods), 'pod')} asked so); CoreDNS is then asked about {saved:.0f} queries a second fewer."
        if pods
        else ": those that waste most queries by the query log."
    )
    asked = (
        "Names with a dot are asked for as they are before any search domain: `SERVICE` alone is found as before, "
        "`SERVICE.NAMESPACE` costs one query more, and a name outside hides a Service of the same name."
    )
    sentences = [replaced, asked]
    if wasteful > len(chosen):
        sentences.append(f"{wasteful - len(chosen)} more workloads waste queries and are left for a further plan.")
    sentences += template.managed_elsewhere((f"{one.kind.lower()}/{one.name}", one.manager) for _, one in chosen)
    return " ".join(sentences)


def _number(row: JsonObject, key: str) -> float:
    value = row.get(key, 0)
    return float(value) if isinstance(value, int | float) else 0.0


FIX = Fix(
    name=NAME,
    title="Set ndots in workloads that waste queries",
    does=(
        "Sets the option ndots in the dnsConfig of the pod templates of the most wasteful Deployments, StatefulSets "
        "and DaemonSets, and keeps what else is there; their controllers replace the pods, one workload after the "
        "other. The undo restores the dnsConfig, or removes it, which replaces the pods once more."
    ),
    plan=plan,
    read=template.read,
    apply=template.apply,
    settled=template.settled,
    inverse=template.inverse,
    permissions=template.permissions("set ndots in workloads and see their rollout"),
    needs=(AskingWorkloads, QueryLog),
    parameters=Parameters,
    rule_parameters=("workloads",),
)
