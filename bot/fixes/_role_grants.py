"""The steps that let a program list and watch EndpointSlices: a ClusterRole with this one rule, and its binding.

The program's own ClusterRole stays as it is: RBAC lets nobody write a role that allows more than they hold, not even
with one rule more in it, and a role of one rule takes only that. So the writer holds list and watch of EndpointSlices
itself, and never `escalate` or `bind` (Kubernetes documentation, "Using RBAC Authorization", Privilege escalation
prevention). Cost: two calls an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import yaml

from bot.collectors.refused_accounts import RefusedAccount, RefusedAccounts
from bot.domain.encoding import encode_object
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing
from bot.domain.ports import Resource
from bot.fixes import _made_objects as made
from bot.kubernetes.owners import MADE_BY_PLAN
from bot.kubernetes.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES

_API = "rbac.authorization.k8s.io"
_GROUP, _RESOURCE, _VERBS = "discovery.k8s.io", "endpointslices", ("list", "watch")
_RESOURCES = {one.plural: one for one in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)}


def _permissions(program: str) -> tuple[KubernetesPermission, ...]:
    """Return what these steps need for one program."""
    made_here = tuple(
        KubernetesPermission(
            verb=verb,
            resource=resource.plural,
            group=_API,
            names=() if verb == "create" else (_name(program),),
            unlocks=f"let {program} read EndpointSlices, and take that back",
        )
        for resource in _RESOURCES.values()
        for verb in ("get", "create", "delete")
    )
    held = tuple(
        KubernetesPermission(
            verb=verb,
            resource=_RESOURCE,
            group=_GROUP,
            unlocks=f"grant the same to {program}: RBAC lets nobody grant what they do not hold",
            handed_on=True,
        )
        for verb in _VERBS
    )
    return (*made_here, *held)


def _name(program: str) -> str:
    return f"dnsbot-{program.lower()}-{_RESOURCE}"


def _plan(case: PlanCase, *, fix: str, program: str) -> Planned | Advice:
    """Plan the role and its binding, where nothing else was refused and the account has no role that allows it."""
    found, details = case.need(RefusedAccounts), case.finding.judgement.details
    refused = details.get("resources")
    if not isinstance(refused, list | tuple) or list(refused) != [_RESOURCE]:
        named = ", ".join(map(str, refused)) if isinstance(refused, list | tuple) and refused else "what it reads"
        return Advice(
            reason=f"The API refuses {program} {named}, not {_RESOURCE} alone: its role or the binding is missing.",
            text=("Put its ClusterRole and ClusterRoleBinding back from the manifest that installed it.",),
        )
    account = _account(found, str(details.get("subject", "")))
    if account is None or found.gaps:
        why = f": {found.gaps[0].reason}" if found.gaps else ""
        return Advice(reason=f"Not known which ClusterRoles {program} has{why}.")
    if any(one.allows(_VERBS, _GROUP, _RESOURCE) for one in account.roles):
        return Advice(
            reason=f"A ClusterRole of {account.account} allows list and watch of {_RESOURCE} by now.",
            text=("The next try succeeds: diagnose again in a minute.",),
        )
    steps = tuple(_step(fix, *one) for one in _objects(program, account.account, case.plan_id))
    return Planned(steps=steps, blast_radius=_blast_radius(account, program))


def _account(found: RefusedAccounts, subject: str) -> RefusedAccount | None:
    named = subject.removeprefix("system:serviceaccount:").replace(":", "/", 1)
    return found.find(named) or (found.accounts[0] if len(found.accounts) == 1 and not subject else None)


def _blast_radius(account: RefusedAccount, program: str) -> str:
    roles = ", ".join(one.name for one in account.roles) or "none"
    return (
        f"ServiceAccount {account.account} may list and watch EndpointSlices in all namespaces: addresses of pods, no "
        f"secret. Its own ClusterRoles stay as they are ({roles}): correct these where they come from, and undo this. "
        f"{program} tries again by itself, within a minute."
    )


def _objects(program: str, account: str, plan_id: str) -> Iterator[tuple[Resource, JsonObject]]:
    name = _name(program)
    namespace, _, account_name = account.partition("/")
    metadata: JsonObject = {
        "name": name,
        "labels": {"app.kubernetes.io/managed-by": "dnsbot"},
        "annotations": {MADE_BY_PLAN: plan_id},
    }
    rule: JsonObject = {"apiGroups": [_GROUP], "resources": [_RESOURCE], "verbs": list(_VERBS)}
    common: JsonObject = {"apiVersion": f"{_API}/v1", "metadata": metadata}
    yield CLUSTER_ROLES, {**common, "kind": "ClusterRole", "rules": [rule]}
    yield (
        CLUSTER_ROLE_BINDINGS,
        {
            **common,
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": _API, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": account_name}],
        },
    )


def _step(fix: str, resource: Resource, body: JsonObject) -> Step:
    target = f"{body['kind']} {made.name_of(body)}"
    return Step(
        fix=fix,
        action=made.CREATE,
        target=target,
        parameters={"resource": resource.plural, "body": body},
        before={"uid": ""},
        diff=tuple(f"+ {line}" for line in _lines(body)),
        undo=f"Delete {target}, if it is still the one that was made.",
        command=_by_hand(body),
        writer=WriterKind.KUBERNETES,
    )


def _lines(body: JsonObject) -> Iterator[str]:
    """Yield what an object says, as YAML."""
    said = encode_object({key: body[key] for key in ("rules", "roleRef", "subjects") if key in body})
    yield from yaml.safe_dump(said, sort_keys=True).splitlines()


def _by_hand(body: JsonObject) -> str:
    name = made.name_of(body)
    if body["kind"] == "ClusterRole":
        return f"kubectl create clusterrole {name} --verb={','.join(_VERBS)} --resource={_RESOURCE}.{_GROUP}"
    (subject,) = body["subjects"] if isinstance(body["subjects"], list) else [{}]
    assert isinstance(subject, Mapping)  # noqa: S101  # as planned
    account = f"{subject['namespace']}:{subject['name']}"
    return f"kubectl create clusterrolebinding {name} --clusterrole={name} --serviceaccount={account}"


def _object(step: Step) -> tuple[Resource, JsonObject]:
    body = step.parameters["body"]
    assert isinstance(body, Mapping)  # noqa: S101  # as planned
    return _RESOURCES[str(step.parameters["resource"])], body


def read(step: Step, look: Reading) -> JsonValue:
    """Return the uid of the object of this name; an absent one has the uid ""."""
    return {"uid": made.uid_of(look.cluster, *_object(step))}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Create the object, or delete it by its uid; return the uid of what was made or kept."""
    return made.carry_out(step, writing, *_object(step))


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that deletes exactly what was made."""
    resource, body = _object(step)
    command = f"kubectl delete {resource.plural.removesuffix('s')} {made.name_of(body)}"
    return made.deletion(step, effects, command=command)


def fix(name: str, program: str) -> Fix:
    """Return the fix that lets one program read EndpointSlices."""
    return Fix(
        name=name,
        title=f"Allow {program} to read EndpointSlices",
        does=(
            "Makes a ClusterRole that allows list and watch of endpointslices.discovery.k8s.io and nothing else, and "
            f"binds {program}'s ServiceAccount to it, where none of its roles allows that. The undo deletes both."
        ),
        plan=partial(_plan, fix=name, program=program),
        read=read,
        apply=apply,
        inverse=inverse,
        permissions=_permissions(program),
        needs=(RefusedAccounts,),
        rule_parameters=("resources", "subject"),
    )
