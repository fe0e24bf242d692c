"""What NetworkPolicies let pass between two pods, against a slow reference, and who enforces them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.kubernetes.network_policies import Direction, End, NetworkPolicy, Passage, Port, enforcers, passage

KEYS, VALUES = ("app", "tier"), ("web", "dns")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.7/32", "172.20.0.0/16", "172.20.0.10/32", "192.168.0.0/16")
UDP, TCP = Port(protocol="UDP", number=53), Port(protocol="TCP", number=53)

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
expressions = st.builds(
    lambda key, operator, values: {"key": key, "operator": operator, **({"values": values} if "I" in operator else {})},
    st.sampled_from(KEYS),
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
)
selectors = st.one_of(
    st.just({}),
    st.builds(lambda one: {"matchLabels": one}, labels),
    st.builds(lambda one: {"matchExpressions": one}, st.lists(expressions, max_size=2)),
)
peers = st.one_of(
    st.builds(lambda one: {"podSelector": one}, selectors),
    st.builds(lambda one: {"namespaceSelector": one}, selectors),
    st.builds(lambda one, two: {"podSelector": one, "namespaceSelector": two}, selectors, selectors),
    st.builds(
        lambda cidr, left: {"ipBlock": {"cidr": cidr, **({"except": left} if left else {})}},
        st.sampled_from(BLOCKS),
        st.lists(st.sampled_from(BLOCKS), max_size=1),
    ),
)
ports = st.one_of(
    st.builds(lambda protocol: {"protocol": protocol}, st.sampled_from(["UDP", "TCP"])),
    st.builds(
        lambda protocol, port: {"protocol": protocol, "port": port},
        st.sampled_from(["UDP", "TCP"]),
        st.sampled_from([53, 80, "dns", "dns-tcp"]),
    ),
    st.builds(lambda first: {"protocol": "UDP", "port": first, "endPort": 60}, st.sampled_from([50, 53, 54])),
    st.just({"port": 53}),
)
sides = st.fixed_dictionaries({}, optional={"peers": st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)})


def _rule(drawn: dict[str, Any], peer: str) -> dict[str, Any]:
    return {peer if key == "peers" else key: value for key, value in drawn.items()}


policies = st.builds(
    lambda namespace, selected, kinds, out, into: {
        "metadata": {"name": "one", "namespace": namespace},
        "spec": {
            "podSelector": selected,
            **({"policyTypes": kinds} if kinds else {}),
            "egress": [_rule(one, "to") for one in out],
            "ingress": [_rule(one, "from") for one in into],
        },
    },
    st.sampled_from(["shop", "kube-system"]),
    selectors,
    st.sampled_from([[], ["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
    st.lists(sides, max_size=2),
    st.lists(sides, max_size=2),
)
PODS = {
    "shop": {"labels": labels, "namespace": {"tier": "web"}, "ip": "10.0.9.4"},
    "kube-system": {"labels": labels, "namespace": {"tier": "dns"}, "ip": "10.0.1.7"},
}
CONTAINER_PORTS = frozenset({("dns", "UDP", 53), ("dns-tcp", "TCP", 53)})


def end(namespace: str, held: dict[str, str], *further: str) -> End:
    """Return a pod of a namespace with these labels."""
    return End(
        namespace=namespace,
        namespace_labels=tuple(PODS[namespace]["namespace"].items()),  # type: ignore[attr-defined]
        pod_labels=tuple(held.items()),
        addresses=(str(PODS[namespace]["ip"]), *further),
        ports=CONTAINER_PORTS if namespace == "kube-system" else frozenset(),
    )


def _selected(selector: dict[str, Any], held: dict[str, str]) -> bool:
    """Hold one selector against labels, requirement by requirement."""
    for key, value in selector.get("matchLabels", {}).items():
        if held.get(key) != value:
            return False
    for one in selector.get("matchExpressions", []):
        value = held.get(one["key"], "")
        if one["operator"] == "In" and value not in one["values"]:
            return False
        if one["operator"] == "NotIn" and value in one["values"]:
            return False
        if one["operator"] == "Exists" and not value:
            return False
        if one["operator"] == "DoesNotExist" and value:
            return False
    return True


def _in(address: str, block: str) -> bool:
    return ip_address(address) in ip_network(block)


def _own(found: list[Any], judged: End, kind: str) -> list[list[Any]]:
    """Return the rules of each policy that isolates the pod."""
    return [
        one["spec"][kind.lower()]
        for one in found
        if one["metadata"]["namespace"] == judged.namespace
        and kind in (one["spec"].get("policyTypes") or ["Ingress", *(["Egress"] if one["spec"]["egress"] else [])])
        and _selected(one["spec"]["podSelector"], dict(judged.pod_labels))
    ]


def _at(each: dict[str, Any], port: Port) -> bool:
    if each.get("protocol", "TCP") != port.protocol:
        return False
    asked = each.get("port")
    if isinstance(asked, str):
        return asked == {"UDP": "dns", "TCP": "dns-tcp"}[port.protocol]
    return asked is None or asked <= port.number <= each.get("endPort", asked)


def _meets(peer: dict[str, Any], judged: End, other: End, address: str) -> bool:
    """Hold one peer against the other side; with no address ipBlocks name nobody."""
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        inside = bool(address) and _in(address, block["cidr"])
        return inside and not any(_in(address, left) for left in block.get("except", []))
    where = peer.get("namespaceSelector")
    same = other.namespace == judged.namespace
    placed = same if where is None else _selected(where, dict(other.namespace_labels))
    return placed and _selected(peer.get("podSelector", {}), dict(other.pod_labels))


def _packet(found: list[Any], judged: End, other: End, port: Port, kind: str, address: str) -> bool:
    """Let one packet through or not, as an enforcer does that holds ipBlocks against this address."""
    own, side = _own(found, judged, kind), "to" if kind == "Egress" else "from"
    for rules in own:
        for rule in rules:
            fits = not rule.get("ports") or any(_at(each, port) for each in rule["ports"])
            if fits and (not rule.get(side) or any(_meets(one, judged, other, address) for one in rule[side])):
                return True
    return not own


def _outweighed(found: list[Any], judged: End, kind: str, address: str) -> bool:
    """Return whether an `except` of a policy that isolates the pod names the address."""
    rules = [rule for rules in _own(found, judged, kind) for rule in rules]
    every = [peer for rule in rules for peer in rule.get("to" if kind == "Egress" else "from", [])]
    return any(_in(address, left) for peer in every for left in peer.get("ipBlock", {}).get("except", []))


@given(
    found=st.lists(policies, max_size=3),
    client_labels=labels,
    server_labels=labels,
    port=st.sampled_from([UDP, TCP]),
    direction=st.sampled_from(Direction),
    by_cidr=st.booleans(),
)
def test_policies_say_what_every_enforcer_does_with_one_packet(
    found: list[Any],
    client_labels: dict[str, str],
    server_labels: dict[str, str],
    port: Port,
    direction: Direction,
    *,
    by_cidr: bool,
) -> None:
    """Open where each known way of enforcing lets the packet pass, closed where none does, else open to question."""
    client, server = end("shop", client_labels), end("kube-system", server_labels, "172.20.0.10")
    judged, other = (client, server) if direction is Direction.EGRESS else (server, client)
    kind = direction.value.capitalize()
    passes = []
    for address in other.addresses:
        through = _packet(found, judged, other, port, kind, address)
        passes += [through, through and not _outweighed(found, judged, kind, address)]
    if not by_cidr:
        passes.append(_packet(found, judged, other, port, kind, ""))
    expected = Passage.OPEN if all(passes) else Passage.BY_ADDRESS if any(passes) else Passage.CLOSED

    told = passage([NetworkPolicy.of(one) for one in found], client, server, port, direction, by_cidr=by_cidr)

    assert told is expected


def daemon_set(name: str, *arguments: str, image: str = "registry/agent:v1", mode: str = "") -> dict[str, Any]:
    """Return a DaemonSet with one container."""
    env = [{"name": "NETWORK_POLICY_ENFORCING_MODE", "value": mode}] if mode else []
    container = {"name": name, "image": image, "args": list(arguments), "env": env}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


ON, OFF = "--enable-network-policy=true", "--enable-network-policy=false"
AGENT = "602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon/aws-network-policy-agent:v1.1.6-eksbuild.1"


@pytest.mark.parametrize(
    ("found", "controller", "cilium", "expected"),
    [
        (daemon_set("aws-eks-nodeagent", ON, image=AGENT), "true", "", True),
        (daemon_set("aws-eks-nodeagent", OFF, image=AGENT), "true", "", False),
        (daemon_set("aws-eks-nodeagent", ON, image=AGENT), "", "", None),
        (daemon_set("aws-eks-nodeagent", ON, image=AGENT), None, "", None),
        (daemon_set("aws-eks-nodeagent", image=AGENT), "true", "", None),
        (daemon_set("cilium-agent"), "", "", True),
        (daemon_set("cilium-agent"), "", "never", False),
        (daemon_set("cilium-agent"), "", None, None),
        (daemon_set("calico-node"), "", "", True),
        (daemon_set("kube-router", "--run-router=true"), "", "", True),
        (daemon_set("kube-router", "--run-firewall=false"), "", "", False),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_who_enforces_policies_is_read_from_daemon_sets(
    *, found: dict[str, Any], controller: str | None, cilium: str | None, expected: bool | None
) -> None:
    """The VPC CNI's agent and its controller both; Cilium unless it is told never to; what was not read is unknown."""
    (one,) = enforcers(found, {"amazon-vpc-cni": controller, "cilium-config": cilium})

    assert one.enforces is expected
    assert one.by_cidr is ("Cilium" not in one.title)


def test_an_agent_in_strict_mode_is_told_and_others_enforce_nothing() -> None:
    """Strict closes pods that no policy selects; aws-node alone enforces no policy."""
    (strict,) = enforcers(
        daemon_set("aws-eks-nodeagent", ON, image=AGENT, mode="strict"),
        {"amazon-vpc-cni": "true", "cilium-config": ""},
    )

    assert strict.strict
    assert enforcers(daemon_set("aws-node"), {"amazon-vpc-cni": "true", "cilium-config": ""}) == ()


def test_an_except_that_names_the_service_leaves_it_open_whatever_other_rules_allow() -> None:
    """The VPC CNI's agent lets it outweigh a rule that allows port 53 to everybody (its issue 326); others do not."""
    outside = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["172.16.0.0/12"]}}]}
    everybody = {"ports": [{"protocol": "UDP", "port": 53}]}
    client, server = end("shop", {}), end("kube-system", {}, "172.20.0.10")

    def told(*rules: dict[str, Any]) -> Passage:
        spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": list(rules)}
        policy = NetworkPolicy.of({"metadata": {"name": "one", "namespace": "shop"}, "spec": spec})
        return passage([policy], client, server, UDP, Direction.EGRESS, by_cidr=True)

    assert (told(everybody), told(outside, everybody)) == (Passage.OPEN, Passage.BY_ADDRESS)
