"""kube-proxy talks to an address where nothing answers (C4)."""

from __future__ import annotations

import ipaddress

from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import World

_DIAL_SECONDS = 30.0
"""client-go waits so long for a connection; kube-proxy says nothing before (k8s.io/client-go, rest/config.go)."""


def _acts(world: World, operator: Operator) -> None:
    configs = operator.get("configmaps", namespace="kube-system")
    config = next(item for item in configs if item["metadata"]["name"] == "kube-proxy")
    last = ipaddress.ip_network(world.vpc_cidr).num_addresses
    nobody = ipaddress.ip_network(world.vpc_cidr)[last - world.chance("nobody").randrange(10, 200)]
    kubeconfig = config["data"]["kubeconfig"].replace(world.endpoint, f"https://{nobody}")
    operator.apply({**config, "data": {**config["data"], "kubeconfig": kubeconfig}})
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")
    operator.time_passes(_DIAL_SECONDS * 1.5)


SCENARIO = Scenario(
    name="kube-proxy-timeout",
    title="kube-proxy's kubeconfig leads to an address where nothing answers",
    story=(
        "An operator put a wrong address into kube-proxy's kubeconfig and restarted kube-proxy. The rules that were "
        "laid before stay on the nodes, so names still resolve, but changes of endpoints no longer arrive."
    ),
    root_cause="kube_proxy_api_timeout",
    acts=_acts,
)
