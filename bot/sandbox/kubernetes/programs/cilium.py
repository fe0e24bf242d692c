"""Cilium's agent in kube-proxy's place: where its ConfigMap says so it leads ClusterIPs to their pods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.node import Leading
from bot.sandbox.kubernetes.program import Host, Process, Program
from bot.sandbox.kubernetes.resources import CONFIG_MAPS


@dataclass(slots=True, kw_only=True)
class CiliumAgent(Process):
    """One agent on one node."""

    def tick(self, host: Host, now: datetime) -> None:
        """Write the node's service map as the endpoints are now."""
        del now
        config = host.store.find(CONFIG_MAPS, "kube-system", "cilium-config") or {}
        if (config.get("data") or {}).get("kube-proxy-replacement") == "true":
            host.node.backends, host.node.leading = host.backends(), Leading.CONNECTING


def start(host: Host, now: datetime) -> CiliumAgent:
    """Start the agent."""
    agent = CiliumAgent(run=ContainerRun(started=now))
    agent.run.say(now, 'level=info msg="Cilium 1.17.4" subsys=daemon')
    agent.tick(host, now)
    return agent


PROGRAM = Program(name="cilium", images=("/cilium/cilium",), start=start)
