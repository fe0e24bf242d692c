"""Calls to the Kubernetes API that get nowhere: who calls, whom, and which of them a cause accounts for."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.lookups import IN_CLUSTER, Client, ClientKind


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ApiCall:
    """A program of the cluster calls the API and gets no answer."""

    caller: Client
    """The pod that calls; its node is empty where it is not known."""
    server: str = ""
    """Address or name that it dialled, without the port; empty where its log does not say."""
    through_service: bool
    """It calls the ClusterIP of the Service `kubernetes`, not the cluster's endpoint itself."""
    silent: bool
    """Nothing came back at all, as where packets are dropped; a refusal is an answer of somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReach:
    """Which of these calls a cause accounts for. Empty sets mean all."""

    kinds: frozenset[ClientKind] = IN_CLUSTER
    nodes: frozenset[str] = frozenset()
    pods: frozenset[str] = frozenset()
    """namespace/name"""
    servers: frozenset[str] = frozenset()
    """A call whose log names no server, or that goes by the Service, may have gone to any of them."""
    service_only: bool = False
    """Only the way by the ClusterIP is affected (kube-proxy's faults)."""
    silent_only: bool = False
    """Packets are dropped: a call that was refused has another cause."""

    def covers(self, call: ApiCall) -> bool:
        """Return whether the cause accounts for the failure of this call."""
        if (self.service_only and not call.through_service) or (self.silent_only and not call.silent):
            return False
        named = call.through_service or not call.server or not self.servers or call.server in self.servers
        return named and self._names(call.caller)

    def _names(self, caller: Client) -> bool:
        return (
            caller.kind in self.kinds
            and (not self.nodes or caller.node in self.nodes)
            and (not self.pods or caller.pod in self.pods)
        )
