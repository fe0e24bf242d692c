"""One NetworkPolicy more lets isolated pods ask CoreDNS, isolates none that was not, and is deleted again."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.collectors.kube_dns import KubeDns
from bot.collectors.network_policies import NetworkPolicies
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.plans import Advice, PlanCase, Planned, Step
from bot.errors import NotFound
from bot.fixes.allow_dns_in_network_policy import FIX
from bot.kubernetes.network_policies import Direction, End, NetworkPolicy, Passage, Port, passage
from tests.fixes.far_ends import TARGET, BothEnds

UDP_AND_TCP = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
WEB = {"matchLabels": {"app": "web"}}


def policy(namespace: str, name: str, selector: dict[str, Any], kind: str) -> NetworkPolicy:
    """Return a policy that closes one direction of these pods."""
    metadata = {"namespace": namespace, "name": name, "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    return NetworkPolicy.of({"metadata": metadata, "spec": {"podSelector": selector, "policyTypes": [kind]}})


OUT, IN = policy("shop", "egress", WEB, "Egress"), policy("kube-system", "closed", {}, "Ingress")


def row(one: NetworkPolicy, direction: Direction, *clients_in: str) -> dict[str, Any]:
    """Return what the rule says of a policy."""
    return {
        "direction": direction.value, "namespace": one.namespace, "policy": one.name,
        "clients_in": list(clients_in), "pods": 3,
    }  # fmt: skip


def plan(
    *rows: dict[str, Any], policies: tuple[NetworkPolicy, ...] = (OUT, IN), selector: str = "k8s-app=kube-dns"
) -> Planned | Advice:
    """Plan from these rows."""
    finding = Finding(
        rule="network_policy_blocks_dns", title="", kind=Kind.CAUSE, playbook="network-policies",
        severity=Severity.CRITICAL,
        judgement=Judgement(verdict=Verdict.PROBLEM, summary="", details={"blocked": list(rows)}),
    )  # fmt: skip
    dns = KubeDns(
        service_exists=True, cluster_ip="172.20.0.10", cluster_ips=("172.20.0.10",), selector=selector, ports=(),
        endpoints=(),
    )  # fmt: skip
    evidence: dict[type, object] = {
        NetworkPolicies: NetworkPolicies(namespaces_looked=("kube-system", "shop"), policies=policies), KubeDns: dns,
    }  # fmt: skip
    return FIX.plan(PlanCase(plan_id="plan1", target=TARGET, finding=finding, parameters=None, evidence=evidence))


def steps(*rows: dict[str, Any]) -> tuple[Step, ...]:
    """Return the steps planned from these rows."""
    planned = plan(*rows)
    assert isinstance(planned, Planned), planned
    return planned.steps


@dataclass
class Far(BothEnds):
    """The API server: policies by namespace and name."""

    held: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return a policy."""
        assert resource.plural == "networkpolicies"
        try:
            return self.held[namespace, name]
        except KeyError:
            raise NotFound("there is none") from None

    def create(self, resource: Any, body: Any, *, namespace: str = "", dry_run: bool = False) -> dict[str, Any]:
        """Hold a policy."""
        assert (resource.plural, dry_run) == ("networkpolicies", False)
        made = copy.deepcopy({**body, "metadata": {**body["metadata"], "uid": f"u-{len(self.held) + 1}"}})
        self.held[namespace, body["metadata"]["name"]] = made
        return made

    def delete(self, resource: Any, name: str, *, namespace: str = "", uid: str) -> None:
        """Delete exactly this policy."""
        assert resource.plural == "networkpolicies"
        assert self.held[namespace, name]["metadata"]["uid"] == uid
        del self.held[namespace, name]


EGRESS, INGRESS = row(OUT, Direction.EGRESS, "shop"), row(IN, Direction.INGRESS, "shop", "pay")


def test_a_policy_for_the_same_pods_allows_dns_and_is_deleted_again() -> None:
    """Port 53 to CoreDNS's pods for exactly the pods of the policy that closes the way; the undo leaves nothing."""
    far = Far()
    (step,) = steps(EGRESS)
    assert FIX.read(step, far.reading()) == step.before

    effects = FIX.apply(step, far.writing())

    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    assert far.held["shop", "dnsbot-allow-dns"]["spec"] == {
        "podSelector": WEB, "policyTypes": ["Egress"], "egress": [{"to": [peer], "ports": tuple(UDP_AND_TCP)}],
    }  # fmt: skip
    back = FIX.inverse(step, effects)
    assert back is not None
    assert FIX.read(back, far.reading()) == back.before
    FIX.apply(back, far.writing())
    assert not far.held


def test_where_coredns_is_closed_its_pods_alone_are_opened_to_the_namespaces_kept_out() -> None:
    """The policy that closes all of kube-system is joined by one for CoreDNS's pods, from these namespaces."""
    far = Far()
    (step,) = steps(INGRESS)
    FIX.apply(step, far.writing())

    spec = far.held["kube-system", "dnsbot-allow-dns"]["spec"]
    assert (spec["podSelector"], spec["policyTypes"]) == ({"matchLabels": {"k8s-app": "kube-dns"}}, ["Ingress"])
    ((rule),) = spec["ingress"]
    asking = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "pay"]}
    assert rule["from"] == [{"namespaceSelector": {"matchExpressions": [asking]}}]


@pytest.mark.parametrize("planned", [EGRESS, INGRESS], ids=["egress", "ingress"])
def test_what_it_makes_opens_the_way_and_isolates_no_other_pod(planned: dict[str, Any]) -> None:
    """By the evaluator: closed before, open with it over UDP and TCP, and every other port stays as it was."""
    far = Far()
    (step,) = steps(planned)
    FIX.apply(step, far.writing())
    (made,) = [NetworkPolicy.of({**one, "spec": _listed(one["spec"])}) for one in far.held.values()]
    direction = Direction(planned["direction"])
    client, dns = _end("shop", app="web"), _end("kube-system", **{"k8s-app": "kube-dns"})
    others = [_end("shop", app="db"), _end("kube-system", app="metrics")]

    def told(*policies: NetworkPolicy, port: int = 53) -> set[Passage]:
        both = (Port(protocol=one, number=port) for one in ("UDP", "TCP"))
        return {passage(policies, client, dns, one, direction, by_cidr=True) for one in both}

    assert told(OUT, IN) == {Passage.CLOSED}
    assert told(OUT, IN, made) == {Passage.OPEN}
    assert told(OUT, IN, made, port=80) == {Passage.CLOSED}
    assert not any(made.isolates(one, direction) for one in others)


def _end(namespace: str, **labels: str) -> End:
    named = (("kubernetes.io/metadata.name", namespace),)
    return End(namespace=namespace, namespace_labels=named, pod_labels=tuple(labels.items()), addresses=("10.0.1.7",))


def _listed(value: Any) -> Any:
    """Return the body as JSON has it."""
    if isinstance(value, dict):
        return {key: _listed(one) for key, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, list | tuple) else value


def test_several_policies_of_one_namespace_get_names_of_their_own_and_the_owner_is_named() -> None:
    """The writer may delete these names alone; who manages the policies that close the way stands in the plan."""
    second = policy("shop", "second", {}, "Egress")
    planned = plan(EGRESS, row(second, Direction.EGRESS, "shop"), policies=(OUT, second))

    assert isinstance(planned, Planned)
    assert [step.target.split()[1] for step in planned.steps] == ["dnsbot-allow-dns", "dnsbot-allow-dns-2"]
    assert "shop/egress (Helm), shop/second (Helm)" in planned.blast_radius
    assert {step.owner for step in planned.steps} == {""}  # nobody else manages what is made


@pytest.mark.parametrize(
    ("planned", "reason"),
    [
        (plan(EGRESS, policies=()), "not there any more"),
        (plan(EGRESS, selector=""), "selects no pods by labels"),
        (
            plan(*(row(policy("shop", f"p{n}", WEB, "Egress"), Direction.EGRESS, "shop") for n in range(6)),
                 policies=tuple(policy("shop", f"p{n}", WEB, "Egress") for n in range(6))),
            "More than 5 NetworkPolicies of shop",
        ),
    ],
    ids=["gone", "no selector", "too many"],
)  # fmt: skip
def test_what_no_policy_can_mend_is_advice(planned: Planned | Advice, reason: str) -> None:
    """The plan says why nothing is proposed."""
    assert isinstance(planned, Advice)
    assert reason in planned.reason
