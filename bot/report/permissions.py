"""What each permission is for, from the units' own declarations: docs/permissions.md, IAM policies, RBAC roles.

Reading, looking names up, seeing nodes and changing are four roles' worth of rights and are kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from bot.domain.findings import Rule
from bot.domain.permissions import AwsPermission, KubernetesPermission, Permission, Use
from bot.domain.places import PlaceKind
from bot.workflow.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One permission with the units that declare it and the rules that are blind without it."""

    permission: Permission
    use: Use
    units: tuple[str, ...]
    disables: tuple[str, ...]
    """Rules that turn UNKNOWN without it, or, for CHANGE, the fixes that cannot run."""
    gathers: bool
    """Whether a collector declares it; else only fixes do, to read again before they write, or to write."""


def needs(catalogue: Catalogue) -> tuple[Need, ...]:
    """Return every declared permission, in the order of `Use`: reading first, changing last."""
    declared: dict[tuple[Use, str], list[tuple[str, Permission]]] = {}
    for collector in catalogue.collectors.values():
        for permission in collector.permissions:
            key = (use_of(permission, collector.view.use), permission.text)
            declared.setdefault(key, []).append((collector.name, permission))
    for fix in catalogue.fixes.values():
        for permission in fix.permissions:
            key = (use_of(permission, Use.CHANGE), permission.text)
            declared.setdefault(key, []).append((fix.name, permission))
    found = [_need(use, declarers, catalogue) for (use, _), declarers in declared.items()]
    order = list(Use)
    return tuple(sorted(found, key=lambda need: (order.index(need.use), need.permission.text)))


def use_of(permission: Permission, otherwise: Use) -> Use:
    """Return whose role needs a permission: the reader's for what only reads, else the one that the unit works with.

    What looks up from other networks stands apart: it is needed only where a probe is named. What makes probe pods is
    the node role's, a change by an approved plan, too.
    """
    if isinstance(permission, KubernetesPermission) and permission.of_probe_pods:
        return Use.NODE
    return Use.READ if permission.only_reads and otherwise is not Use.PROBE else otherwise


def _need(use: Use, declarers: list[tuple[str, Permission]], catalogue: Catalogue) -> Need:
    units = tuple(sorted({unit for unit, _ in declarers}))
    return Need(
        permission=reduce(_together, (permission for _, permission in declarers)),
        use=use,
        units=units,
        disables=_disables(use, units, catalogue),
        gathers=any(unit in catalogue.collectors for unit in units),
    )


def _together(one: Permission, other: Permission) -> Permission:
    """Return what covers both: two units may need different objects of a kind."""
    if isinstance(one, KubernetesPermission) and isinstance(other, KubernetesPermission):
        both = tuple(sorted({*one.names, *other.names})) if one.names and other.names else ()
        return replace(one, names=both, follows_dns=one.follows_dns or other.follows_dns)
    if isinstance(one, AwsPermission) and isinstance(other, AwsPermission):
        resources = tuple(sorted({*one.resources, *other.resources}))
        return replace(
            one,
            resources=("*",) if "*" in resources else resources,
            conditions=one.conditions if one.conditions == other.conditions else (),
        )
    return one


def _disables(use: Use, units: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    if use is Use.CHANGE:
        return tuple(units)
    blind = {name for unit in units if unit in catalogue.collectors for name in _dependants(unit, catalogue)}
    evidence = {catalogue.collectors[name].evidence for name in blind}
    return tuple(sorted(rule.name for rule in catalogue.rules.values() if _looks_at(rule, evidence)))


def _looks_at(rule: Rule, evidence: set[Any]) -> bool:
    return bool(rule.rests_on & evidence)


def _dependants(unit: str, catalogue: Catalogue) -> Iterator[str]:
    """Yield the collector and every collector that needs it, directly or not."""
    yield unit
    evidence = catalogue.collectors[unit].evidence
    for other in catalogue.collectors.values():
        if evidence in other.needs:
            yield from _dependants(other.name, catalogue)


def markdown_table(found: Iterable[Need]) -> str:
    """Return the table of docs/permissions.md."""
    lines = ["| permission | to | used by | without it |", "| --- | --- | --- | --- |"]
    for need in found:
        without = _without(need)
        units = ", ".join(f"`{unit}`" for unit in need.units)
        lines.append(f"| `{need.permission.text}` | {need.use.value} | {units} | {without} |")
    return "\n".join(lines) + "\n"


def _without(need: Need) -> str:
    if need.use is Use.CHANGE:
        return "these fixes cannot be applied"
    if need.permission.without:
        return need.permission.without
    if _BINDING in need.units:
        return "UNKNOWN which cluster this is: nothing is proposed"
    if not need.disables:
        return "shown in reports only" if need.gathers else "these fixes stop before they write"
    if len(need.disables) > _NAMED:
        return f"{len(need.disables)} rules may be UNKNOWN"
    return "may be UNKNOWN: " + ", ".join(f"`{rule}`" for rule in need.disables)


_BINDING = "cluster_binding"
_NAMED = 3
"""More rules than this are counted, not named."""


def iam_policy(
    found: Iterable[Need], *, change: bool = False, probe: bool = False, place: PlaceKind = PlaceKind.HOME
) -> Mapping[str, Any]:
    """Return the IAM policy of the role that reads, or that changes, at places of this kind.

    `probe`: what the reading role needs besides where an instance or a function looks names up. It has one statement
    for each set of limits, and none where nothing is declared for it.
    """
    uses = {Use.CHANGE} if change else {Use.PROBE} if probe else set(Use) - {Use.CHANGE, Use.PROBE}
    by_limit: dict[_Limit, set[str]] = {}
    for need in found:
        if need.use in uses and isinstance(need.permission, AwsPermission) and need.permission.place is place:
            limit = (tuple(sorted(need.permission.resources)), need.permission.conditions)
            by_limit.setdefault(limit, set()).add(need.permission.action)
    verb = "Write" if change else "Probe" if probe else "Read"
    sid = f"Dnsbot{'' if place is PlaceKind.HOME else 'Peer'}{verb}"
    statements = [
        _statement(f"{sid}{number}" if len(by_limit) > 1 else sid, actions, *limit)
        for number, (limit, actions) in enumerate(sorted(by_limit.items()), start=1)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


_Conditions = tuple[tuple[str, str, tuple[str, ...]], ...]
_Limit = tuple[tuple[str, ...], _Conditions]


def _statement(sid: str, actions: set[str], resources: tuple[str, ...], conditions: _Conditions) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
    for operator, key, values in conditions:
        statement.setdefault("Condition", {}).setdefault(operator, {})[key] = list(values)
    return statement


def cluster_roles(found: Iterable[Need]) -> list[Mapping[str, Any]]:
    """Return the roles of reader, probers and writer: ClusterRoles, and Roles where a namespace is enough."""
    by_place: dict[tuple[Use, str], list[KubernetesPermission]] = {}
    for need in found:
        if isinstance(need.permission, KubernetesPermission):
            by_place.setdefault((need.use, need.permission.namespace), []).append(need.permission)
    return [_role(use, namespace, granted) for (use, namespace), granted in sorted(by_place.items())]


ROLE_NAMES: Mapping[Use, str] = {
    Use.READ: "dnsbot-read",
    Use.LOOK_UP: "dnsbot-look-up",
    Use.NODE: "dnsbot-node",
    Use.PROBE: "dnsbot-probe",
    Use.CHANGE: "dnsbot-write",
}
"""Names of the roles, of the groups they are bound to, and of their files. A role without rules is not made."""


def _role(use: Use, namespace: str, granted: list[KubernetesPermission]) -> Mapping[str, Any]:
    rules: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for permission in granted:
        rules.setdefault((permission.group, permission.resource, permission.names), set()).add(permission.verb)
    metadata = {"name": ROLE_NAMES[use]} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": [
            {**_what(group, resource), "verbs": sorted(verbs)} | ({"resourceNames": list(names)} if names else {})
            for (group, resource, names), verbs in sorted(rules.items())
        ],
    }


def _what(group: str, resource: str) -> dict[str, Any]:
    """Return what a rule is for: a resource of a group, or a path of the API server's own."""
    if resource.startswith("/"):
        return {"nonResourceURLs": [resource]}
    return {"apiGroups": [group], "resources": [resource]}
