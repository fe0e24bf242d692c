"""What an operator did to a healthy world. A scenario says acts, never their consequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.sandbox.world import World


class OperatingError(Exception):
    """A far end refused an act, its object is not there, or the cluster did not come to rest afterwards."""


class Operator(Protocol):
    """A person with the AWS command line, kubectl and access to the nodes' kubelet settings."""

    def aws(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        """Call an AWS operation as IAM spells it: `aws("ec2", "CreateNetworkAclEntry", …)`."""
        ...

    def get(self, resource: str, *, namespace: str = "", labels: str = "") -> list[dict[str, Any]]:
        """`kubectl get RESOURCE -o json`: the objects, `resource` as `pods` or `deployments.apps`."""
        ...

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """`kubectl apply`: create these objects or put them in place of what is there."""
        ...

    def rollout_restart(self, resource: str, name: str, *, namespace: str) -> None:
        """`kubectl rollout restart`, and wait until nothing moves."""
        ...

    def delete_pods(self, *, namespace: str = "", labels: str = "", node: str = "") -> None:
        """`kubectl delete pod` by selectors, and wait until nothing moves."""
        ...

    def kubelet(self, node: str, *, cluster_dns: str) -> None:
        """Change the kubelet configuration of a node; its pods keep what they got."""
        ...

    def resolv_conf(self, node: str, text: str) -> None:
        """Write a node's own /etc/resolv.conf, which pods with dnsPolicy Default get when they start."""
        ...

    def time_passes(self, seconds: float) -> None:
        """Do nothing for so long. A world whose clock is its own may date everything back instead."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One story. Exported as `SCENARIO` by a module of `scenarios`, whose file name is the name with underscores.

    A module may export `LOOK_ALIKE` too: acts that look like the same mistake and break nothing. Its name is
    that of the scenario with `-look-alike` behind it.
    """

    name: str
    title: str
    story: str
    """What the operator did, for people."""
    root_cause: str
    """The rule that a diagnosis must name (contract page); empty: nothing is wrong."""
    explains: tuple[str, ...] = ()
    """Rules that are PROBLEM as well and explained by the root cause."""
    not_to_blame: tuple[str, ...] = ()
    """Look-alikes (causes page): rules that must stay HEALTHY here."""
    acts: Callable[[World, Operator], None]
