"""NetworkPolicies as values, what they let pass between two pods, and which programs of a cluster enforce them.

A pod that no policy selects for a direction is open in it; else it may do what some policy that selects it allows.
Whether an ipBlock is held against a Service's address or the pod's behind it is each enforcer's own. Sources:
Kubernetes documentation, "Network Policies"; aws-network-policy-agent, README and its issue 326 (an `except` outweighs
other rules); Cilium documentation, "Layer 3 Policies" (no CIDR names a pod).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Self

from bot.domain.json_values import JsonObject, RawObject
from bot.kubernetes.members import optional_number, optional_text, optional_texts, part, parts, text, text_map
from bot.kubernetes.owners import manager_of
from bot.kubernetes.spreading import selects
from bot.kubernetes.workloads import template_spec

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label with its name that the API server puts on every namespace."""

Labels = tuple[tuple[str, str], ...]
"""Labels by key."""


class Direction(StrEnum):
    """Which packets of a pod a policy is about."""

    EGRESS = "egress"
    INGRESS = "ingress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One of a label selector's matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A label selector; an empty one selects all."""

    labels: Labels = ()
    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, found: RawObject) -> Self:
        """Return the selector from the API's answer."""
        return cls(
            labels=tuple(sorted(text_map(found, "matchLabels").items())),
            requirements=tuple(
                Requirement(key=text(one, "key"), operator=text(one, "operator"), values=optional_texts(one, "values"))
                for one in parts(found, "matchExpressions")
            ),
        )

    @property
    def document(self) -> dict[str, JsonObject | list[JsonObject]]:
        """The selector as the API takes it."""
        said: dict[str, JsonObject | list[JsonObject]] = {}
        if self.labels:
            said["matchLabels"] = dict(self.labels)
        if self.requirements:
            said["matchExpressions"] = [
                {"key": one.key, "operator": one.operator, **({"values": list(one.values)} if one.values else {})}
                for one in self.requirements
            ]
        return said

    @property
    def narrowness(self) -> int:
        """How much it asks for: of two that select a pod the one that asks for more selects fewer others."""
        return len(self.labels) + len(self.requirements)

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Return whether it selects what bears these labels."""
        return selects(self.document, labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One entry of `to` or `from`: pods by selectors, or addresses."""

    namespaces: Selector | None = None
    """None: the policy's own namespace alone."""
    pods: Selector | None = None
    """None: all pods of these namespaces."""
    cidr: str = ""
    """Of an ipBlock; empty: it names pods."""
    excepted: tuple[str, ...] = ()
    """CIDRs that its ipBlock leaves out."""

    @classmethod
    def of(cls, found: RawObject) -> Self:
        """Return the peer from the API's answer."""
        block = part(found, "ipBlock")
        if block:
            return cls(cidr=text(block, "cidr"), excepted=optional_texts(block, "except"))
        return cls(
            namespaces=Selector.of(part(found, "namespaceSelector")) if "namespaceSelector" in found else None,
            pods=Selector.of(part(found, "podSelector")) if "podSelector" in found else None,
        )

    def names(self, end: End, own_namespace: str) -> bool:
        """Return whether its selectors select the pod; an ipBlock selects none."""
        if self.cidr:
            return False
        if self.namespaces is None:
            placed = end.namespace == own_namespace
        else:
            placed = self.namespaces.selects(end.labels_of_namespace)
        return placed and (self.pods is None or self.pods.selects(end.labels))

    def holds(self, address: str) -> bool:
        """Return whether its ipBlock holds an address, and leaves it in."""
        return bool(self.cidr) and _within(address, self.cidr) and not self.leaves_out(address)

    def leaves_out(self, address: str) -> bool:
        """Return whether an `except` of its ipBlock names an address."""
        return any(_within(address, one) for one in self.excepted)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPort:
    """One entry of a rule's `ports`."""

    protocol: str = "TCP"
    port: int = 0
    """0 with no name: all."""
    name: str = ""
    """Of the port of the pod that is asked."""
    end: int = 0
    """The last of a range; 0: one port."""

    @classmethod
    def of(cls, found: RawObject) -> Self:
        """Return the port from the API's answer."""
        named = isinstance(found.get("port"), str)
        return cls(
            protocol=optional_text(found, "protocol") or "TCP",
            port=0 if named else optional_number(found, "port"),
            name=text(found, "port") if named else "",
            end=optional_number(found, "endPort"),
        )

    def admits(self, asked: Port, server: End) -> bool:
        """Return whether it is about the port that a pod is asked at."""
        if self.protocol != asked.protocol:
            return False
        if self.name:
            return (self.name, asked.protocol, asked.number) in server.ports
        return self.port == 0 or self.port <= asked.number <= (self.end or self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """One entry of `egress` or `ingress`: whom it lets pass, and at which ports. No peers or ports: all."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()

    @classmethod
    def of(cls, found: RawObject, peers: str) -> Self:
        """Return the rule from the API's answer; `peers` is `to` or `from`."""
        return cls(
            peers=tuple(Peer.of(one) for one in parts(found, peers)),
            ports=tuple(PolicyPort.of(one) for one in parts(found, "ports")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """One NetworkPolicy of `networking.k8s.io/v1`."""

    namespace: str
    name: str
    pods: Selector
    egress: tuple[PolicyRule, ...] | None = None
    """None: it says nothing of what its pods send."""
    ingress: tuple[PolicyRule, ...] | None = None
    """None: it says nothing of what its pods are sent."""
    manager: str = ""
    """Who says that they manage it: Helm, Argo CD, Flux; empty: nobody."""

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the policy from the API's answer."""
        metadata, spec = answer["metadata"], part(answer, "spec")
        usual = ("Ingress", "Egress") if parts(spec, "egress") else ("Ingress",)
        kinds = optional_texts(spec, "policyTypes") or usual
        return cls(
            namespace=text(metadata, "namespace"),
            name=text(metadata, "name"),
            pods=Selector.of(part(spec, "podSelector")),
            egress=tuple(PolicyRule.of(one, "to") for one in parts(spec, "egress")) if "Egress" in kinds else None,
            ingress=tuple(PolicyRule.of(one, "from") for one in parts(spec, "ingress")) if "Ingress" in kinds else None,
            manager=manager_of(answer),
        )

    @property
    def title(self) -> str:
        """The policy as kubectl names it."""
        return f"{self.namespace}/{self.name}"

    def rules(self, direction: Direction) -> tuple[PolicyRule, ...] | None:
        """Return its rules of one direction; None: it says nothing of it."""
        return self.egress if direction is Direction.EGRESS else self.ingress

    def isolates(self, end: End, direction: Direction) -> bool:
        """Return whether the pod may do in this direction only what policies allow, because of this one."""
        return self.namespace == end.namespace and self.rules(direction) is not None and self.pods.selects(end.labels)


@dataclass(frozen=True, kw_only=True)
class End:
    """A pod as policies see it."""

    namespace: str
    namespace_labels: Labels
    pod_labels: Labels
    addresses: tuple[str, ...] = ()
    """Its own, and those of the Service by which it is asked."""
    ports: frozenset[tuple[str, str, int]] = frozenset()
    """Its containers' ports by name, protocol and number."""

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The pod's labels."""
        return dict(self.pod_labels)

    @cached_property
    def labels_of_namespace(self) -> Mapping[str, str]:
        """Its namespace's labels."""
        return dict(self.namespace_labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """At which port a pod is asked."""

    protocol: str
    """TCP or UDP."""
    number: int


class Passage(Enum):
    """What policies say of a query."""

    OPEN = "open"
    BY_ADDRESS = "only an ipBlock decides, which enforcers hold against different addresses"
    CLOSED = "closed"


def isolating(policies: Iterable[NetworkPolicy], end: End, direction: Direction) -> tuple[NetworkPolicy, ...]:
    """Return the policies that leave a pod in one direction only what policies allow."""
    return tuple(one for one in policies if one.isolates(end, direction))


def passage(
    policies: Iterable[NetworkPolicy], client: End, server: End, port: Port, direction: Direction, *, by_cidr: bool
) -> Passage:
    """Return whether policies let a query out of its client, or in at the pod that is asked.

    `by_cidr`: whether an ipBlock that holds all addresses of the other side lets it pass for certain.
    """
    judged, other = (client, server) if direction is Direction.EGRESS else (server, client)
    own = isolating(policies, judged, direction)
    if not own:
        return Passage.OPEN
    every = [(one.namespace, rule) for one in own for rule in one.rules(direction) or ()]
    fitting = [(where, rule) for where, rule in every if _at(rule, port, server)]
    named = any(not rule.peers or any(peer.names(other, where) for peer in rule.peers) for where, rule in fitting)
    blocks = [peer for _, rule in fitting for peer in rule.peers]
    held = {address for address in other.addresses if any(peer.holds(address) for peer in blocks)}
    if not named and not held:
        return Passage.CLOSED
    if not named and not (by_cidr and held == set(other.addresses)):
        return Passage.BY_ADDRESS
    excepted = any(peer.leaves_out(one) for _, rule in every for peer in rule.peers for one in other.addresses)
    return Passage.BY_ADDRESS if excepted else Passage.OPEN


def _at(rule: PolicyRule, port: Port, server: End) -> bool:
    return not rule.ports or any(one.admits(port, server) for one in rule.ports)


def _within(address: str, cidr: str) -> bool:
    one, block = ip_address(address), ip_network(cidr, strict=False)
    return one.version == block.version and one in block


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcer:
    """A program that enforces NetworkPolicies on nodes, or would."""

    title: str
    """Who it is, and what it was told: `VPC CNI's agent aws-eks-nodeagent (--enable-network-policy=false)`."""
    enforces: bool | None
    """None: nothing tells."""
    strict: bool = False
    """Whether it closes pods that no policy selects, too."""
    by_cidr: bool = True
    """Whether its ipBlocks name pods."""


_AGENT_IMAGE = "aws-network-policy-agent"
_AGENT_FLAG, _STRICT = "--enable-network-policy", ("NETWORK_POLICY_ENFORCING_MODE", "strict")
_ALWAYS = {"calico-node": "Calico", "antrea-agent": "Antrea", "weave-npc": "Weave Net"}
VPC_CNI_SETTING = ("amazon-vpc-cni", "enable-network-policy-controller")
"""ConfigMap and key that switch EKS's network policy controller on."""
CILIUM_SETTING = ("cilium-config", "enable-policy")
"""ConfigMap and key by which Cilium enforces nothing (`never`)."""


def enforcers(daemon_set: RawObject, settings: Mapping[str, str | None]) -> tuple[Enforcer, ...]:
    """Return who enforces NetworkPolicies in a DaemonSet's pods.

    `settings`: what `VPC_CNI_SETTING` and `CILIUM_SETTING` hold, by ConfigMap; None: it could not be read.
    """
    containers = parts(template_spec(daemon_set), "containers")
    strict = any(
        (optional_text(one, "name"), optional_text(one, "value")) == _STRICT
        for container in containers
        for one in parts(container, "env")
    )
    found = (_enforcer(one, settings, strict=strict) for one in containers)
    return tuple(one for one in found if one is not None)


def _enforcer(container: RawObject, settings: Mapping[str, str | None], *, strict: bool) -> Enforcer | None:
    name, image = text(container, "name"), optional_text(container, "image")
    arguments = (*optional_texts(container, "command"), *optional_texts(container, "args"))
    if _AGENT_IMAGE in (name, _base(image)):
        return _agent(name, arguments, settings[VPC_CNI_SETTING[0]], strict=strict)
    if name == "cilium-agent":
        said = settings[CILIUM_SETTING[0]]
        title = f"Cilium ({CILIUM_SETTING[1]}: {said or ('not read' if said is None else 'not set')})"
        return Enforcer(title=title, enforces=None if said is None else said != "never", by_cidr=False)
    if name == "kube-router":
        return Enforcer(title="kube-router", enforces="--run-firewall=false" not in arguments)
    return Enforcer(title=_ALWAYS[name], enforces=True) if name in _ALWAYS else None


def _base(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _agent(name: str, arguments: Sequence[str], controller: str | None, *, strict: bool) -> Enforcer:
    """Return the VPC CNI's agent: it enforces what the controller of EKS hands it, where both are switched on."""
    flags = [one for one in arguments if one.partition("=")[0] == _AGENT_FLAG]
    flag = flags[-1] if flags else f"no {_AGENT_FLAG}"
    on = flag.partition("=")[2].lower()
    said = f"{VPC_CNI_SETTING[1]}: {controller or ('not read' if controller is None else 'not set')}"
    enforces = False if on == "false" else True if (on, controller) == ("true", "true") else None
    return Enforcer(title=f"VPC CNI's agent {name} ({flag}; {said})", enforces=enforces, strict=strict)
