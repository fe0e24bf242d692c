"""kube-proxy talks to an address where nothing answers (C4)."""

from __future__ import annotations

from bot.sandbox.editing import edit_config
from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import World

_DIAL_SECONDS = 30.0
"""client-go waits so long for a connection; kube-proxy says nothing before (k8s.io/client-go, rest/config.go)."""
_FILTER_SECONDS = 3.0
"""After so long a changed security group surely filters."""


def _acts(world: World, operator: Operator) -> None:
    dead = f"https://{world.nobody('nobody')}"
    edit_config(operator, "kube-proxy", "kubeconfig", lambda text: text.replace(world.endpoint, dead))
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")
    operator.time_passes(_DIAL_SECONDS * 1.5)


def _harmless(world: World, operator: Operator) -> None:
    group = world.cluster_security_group_id
    everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    all_but_api = [
        {"IpProtocol": protocol, "FromPort": first, "ToPort": last, "UserIdGroupPairs": [{"GroupId": group}]}
        for protocol, first, last in (("udp", 0, 65535), ("tcp", 0, 442), ("tcp", 444, 65535))
    ]
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=all_but_api)
    operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[everything])
    operator.time_passes(_FILTER_SECONDS)
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")
    operator.time_passes(_DIAL_SECONDS * 1.5)
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[everything])
    operator.time_passes(_DIAL_SECONDS)


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
    acts=_harmless,
)
