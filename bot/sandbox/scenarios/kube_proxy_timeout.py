"""kube-proxy talks to an address where nothing answers (C4)."""

from __future__ import annotations

import re

from bot.sandbox.world.editing import edit_config
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.security_groups import admit, all_but_api, from_group, revoke
from bot.sandbox.world.world import World

_DIAL_SECONDS = 30.0
"""client-go waits so long for a connection; kube-proxy says nothing before (k8s.io/client-go, rest/config.go)."""
_FILTER_SECONDS = 3.0
"""After so long a changed security group surely filters."""
_SERVER = re.compile(r"server: \S+")


def _acts(world: World, operator: Operator) -> None:
    dead = f"https://{world.nobody('nobody')}"
    edit_config(operator, "kube-proxy", "kubeconfig", lambda text: text.replace(world.endpoint, dead))
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")
    operator.time_passes(_DIAL_SECONDS * 1.5)


def _harmless(world: World, operator: Operator) -> None:
    group = world.cluster_security_group_id
    everything = from_group(group, "-1")
    admit(operator, group, *all_but_api(group))
    revoke(operator, group, everything)
    operator.time_passes(_FILTER_SECONDS)
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")
    operator.time_passes(_DIAL_SECONDS * 1.5)
    admit(operator, group, everything)
    operator.time_passes(_DIAL_SECONDS)


def _heal(world: World, operator: Operator) -> None:
    edit_config(operator, "kube-proxy", "kubeconfig", lambda text: _SERVER.sub(f"server: {world.endpoint}", text))
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")


SCENARIO = Scenario(
    name="kube-proxy-timeout",
    title="kube-proxy's kubeconfig leads to an address where nothing answers",
    story=(
        "An operator put a wrong address into kube-proxy's kubeconfig and restarted kube-proxy. The rules that were "
        "laid before stay on the nodes, so names still resolve, but changes of endpoints no longer arrive."
    ),
    root_cause="kube_proxy_api_timeout",
    healed_by=ByHand(acts=_heal),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="kube-proxy-timeout-look-alike",
    title="kube-proxy got no answer from the API server for a while, and does again",
    story=(
        "An operator took tcp 443 out of what the cluster security group admits from itself and restarted kube-proxy, "
        "which waited for the API server in vain; the operator put the rule back. The time-outs still stand in the "
        "logs of the pods that run."
    ),
    root_cause="",
    not_to_blame=("kube_proxy_api_timeout", "kube_proxy_not_running"),
    weighed={
        "kube_proxy_api_timeout": r"no longer the case: .* dial tcp .*:443: i/o timeout.* since then: the same was read"
    },
    acts=_harmless,
)
