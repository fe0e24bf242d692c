"""Let pods that NetworkPolicies isolate ask CoreDNS: one NetworkPolicy more beside those that are there.

Policies add up, so none is changed. The new one selects exactly what the policy selects that closes the way, so that
no pod is isolated that was not, and allows UDP and TCP 53 to CoreDNS's pods, or at them from the namespaces that are
kept out, and nothing else. By hand: `kubectl -n NAMESPACE get networkpolicies`. Undo: the new policy is deleted. The
owner of the policy that closes the way (a chart, Argo CD) is named: the rule belongs there. Cost: two calls a policy.
Playbook:

    fixes:
      - fix: allow_dns_in_network_policy
        risk: low

Source: Kubernetes documentation, "Network Policies".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import yaml

from bot.collectors.kube_dns import KubeDns
from bot.collectors.network_policies import NetworkPolicies
from bot.domain.encoding import encode_object
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing
from bot.fixes import _made_objects as made
from bot.kubernetes.network_policies import NAMESPACE_NAME, Direction, NetworkPolicy, Selector
from bot.kubernetes.owners import MADE_BY_PLAN
from bot.kubernetes.resources import NETWORK_POLICIES

NAME = "allow_dns_in_network_policy"
_NAMES = ("dnsbot-allow-dns", *(f"dnsbot-allow-dns-{number}" for number in range(2, 6)))
"""What the policies are called that are made in one namespace: the writer may read and delete no others."""
_PORTS: tuple[JsonObject, ...] = ({"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53})


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one policy for each that closes the way."""
    found, dns = case.need(NetworkPolicies), case.need(KubeDns)
    if not dns.selector:
        return Advice(reason="The DNS Service selects no pods by labels: a policy cannot name those behind it.")
    policies = {(one.namespace, one.name): one for one in found.policies}
    rows = [(row, policies.get((str(row["namespace"]), str(row["policy"])))) for row in case.finding.rows("blocked")]
    known = [(row, one) for row, one in rows if one is not None]
    if len(known) < len(rows):
        return Advice(reason="A NetworkPolicy that the finding names is not there any more: diagnose again.")
    crowded = [namespace for namespace, number in _by_namespace(known).items() if number > len(_NAMES)]
    if crowded:
        return Advice(
            reason=f"More than {len(_NAMES)} NetworkPolicies of {crowded[0]} close the way: no plan adds as many.",
            text=("Allow UDP and TCP 53 to CoreDNS in these policies, where they are kept.",),
        )
    return Planned(steps=tuple(_steps(known, dns, case.plan_id)), blast_radius=_blast_radius(known))


def _by_namespace(known: list[tuple[JsonObject, NetworkPolicy]]) -> Mapping[str, int]:
    return Counter(policy.namespace for _, policy in known)


def _steps(known: list[tuple[JsonObject, NetworkPolicy]], dns: KubeDns, plan_id: str) -> Iterator[Step]:
    taken: Counter[str] = Counter()
    for row, policy in known:
        name = _NAMES[taken[policy.namespace]]
        taken[policy.namespace] += 1
        yield _step(_body(name, row, policy, dns, plan_id), policy)


def _body(name: str, row: JsonObject, policy: NetworkPolicy, dns: KubeDns, plan_id: str) -> JsonObject:
    """Return the policy: the isolating one's pods, and nothing but port 53 of CoreDNS."""
    coredns = dict(one.split("=", 1) for one in dns.selector.split(","))
    if row["direction"] == Direction.EGRESS.value:
        peer: JsonObject = {**_namespaces([dns.namespace]), "podSelector": {"matchLabels": coredns}}
        spec: JsonObject = {
            "podSelector": policy.pods.document,
            "policyTypes": ["Egress"],
            "egress": [{"to": [peer], "ports": _PORTS}],
        }
    else:
        own = Selector(labels=tuple(sorted({**dict(policy.pods.labels), **coredns}.items())),
                       requirements=policy.pods.requirements)  # fmt: skip
        asking = row["clients_in"]
        assert isinstance(asking, list | tuple)  # noqa: S101  # as the rule writes it
        spec = {
            "podSelector": own.document,
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [_namespaces([str(one) for one in asking])], "ports": _PORTS}],
        }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": policy.namespace,
            "labels": {"app.kubernetes.io/managed-by": "dnsbot"},
            "annotations": {MADE_BY_PLAN: plan_id},
        },
        "spec": spec,
    }


def _namespaces(names: list[str]) -> JsonObject:
    one: JsonObject = {"matchLabels": {NAMESPACE_NAME: names[0]}}
    several: JsonObject = {"matchExpressions": [{"key": NAMESPACE_NAME, "operator": "In", "values": names}]}
    return {"namespaceSelector": one if len(names) == 1 else several}


def _step(body: JsonObject, policy: NetworkPolicy) -> Step:
    target = f"NetworkPolicy {made.name_of(body)} in namespace {policy.namespace}"
    lines = yaml.safe_dump(encode_object({"spec": body["spec"]}), sort_keys=True).splitlines()
    return Step(
        fix=NAME,
        action=made.CREATE,
        target=target,
        parameters={"body": body},
        before={"uid": ""},
        diff=tuple(f"+ {line}" for line in lines),
        undo=f"Delete {target}, if it is still the one that was made.",
        command=f"kubectl -n {policy.namespace} create -f {made.name_of(body)}.yaml  # with the spec above",
        writer=WriterKind.KUBERNETES,
    )


def _blast_radius(known: list[tuple[JsonObject, NetworkPolicy]]) -> str:
    selected = " and ".join(f"pods of {policy.title}" for _, policy in known[:3])
    more = count(len(known), "NetworkPolicy", "NetworkPolicies")
    owners = sorted({f"{one.title} ({one.manager})" for _, one in known if one.manager})
    elsewhere = f" Managed elsewhere, where the rule belongs in the long run: {', '.join(owners)}." if owners else ""
    return (
        f"{more} more, for {selected}: UDP and TCP 53 to CoreDNS, and nothing else. Policies add up: none that is "
        f"there is changed, and no pod is isolated that was not.{elsewhere}"
    )


def _object(step: Step) -> JsonObject:
    body = step.parameters["body"]
    assert isinstance(body, Mapping)  # noqa: S101  # as planned
    return body


def read(step: Step, look: Reading) -> JsonValue:
    """Return the uid of the policy of this name; an absent one has the uid ""."""
    return {"uid": made.uid_of(look.cluster, NETWORK_POLICIES, _object(step))}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Create the policy, or delete it by its uid; return the uid of what was made or kept."""
    return made.carry_out(step, writing, NETWORK_POLICIES, _object(step))


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that deletes exactly what was made."""
    body = _object(step)
    command = f"kubectl -n {made.namespace_of(body)} delete networkpolicy {made.name_of(body)}"
    return made.deletion(step, effects, command=command)


FIX = Fix(
    name=NAME,
    title="Let isolated pods ask CoreDNS by one NetworkPolicy more",
    does=(
        "Makes a NetworkPolicy that selects the pods of the one that closes the way, and allows UDP and TCP 53 to "
        "CoreDNS and nothing else; where CoreDNS itself is closed, one that allows the same from the namespaces that "
        "are kept out. Policies that are there stay as they are. The undo deletes what was made."
    ),
    plan=plan,
    read=read,
    apply=apply,
    inverse=inverse,
    permissions=tuple(
        KubernetesPermission(
            verb=verb,
            resource="networkpolicies",
            group="networking.k8s.io",
            names=() if verb == "create" else _NAMES,
            unlocks="let isolated pods ask CoreDNS, and take that back",
        )
        for verb in ("get", "create", "delete")
    ),
    needs=(NetworkPolicies, KubeDns),
    rule_parameters=("blocked",),
)
