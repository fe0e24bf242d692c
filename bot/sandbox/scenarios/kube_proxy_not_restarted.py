"""kube-proxy's kubeconfig was put right, and its pods go on with the wrong one (C4)."""

from __future__ import annotations

from bot.sandbox.world.editing import edit_config
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_DIAL_SECONDS = 30.0
"""client-go waits so long for a connection (k8s.io/client-go, rest/config.go)."""
_CONFIG_MAP, _KEY = "kube-proxy", "kubeconfig"


def _acts(world: World, operator: Operator) -> None:
    dead = f"https://{world.nobody('nobody')}"
    edit_config(operator, _CONFIG_MAP, _KEY, lambda text: text.replace(world.endpoint, dead))
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")
    operator.time_passes(_DIAL_SECONDS * 1.5)
    edit_config(operator, _CONFIG_MAP, _KEY, lambda text: text.replace(dead, world.endpoint))


def _harmless(_world: World, operator: Operator) -> None:
    edit_config(operator, _CONFIG_MAP, _KEY, lambda text: f"# reviewed\n{text}")
    operator.time_passes(_DIAL_SECONDS * 1.5)


SCENARIO = Scenario(
    name="kube-proxy-not-restarted",
    title="kube-proxy's kubeconfig was put right, and kube-proxy was not restarted",
    story=(
        "An operator put a wrong address into kube-proxy's kubeconfig, restarted kube-proxy, saw its time-outs and put "
        "the right address back. kube-proxy reads its kubeconfig once, when it starts: its pods go on with the wrong "
        "one. Names still resolve by the rules that were laid before."
    ),
    root_cause="kube_proxy_api_timeout",
    healed_by=ByFix(fix="restart_kube_proxy"),
    not_to_blame=("kube_proxy_not_running", "control_plane_blocked_by_security_group"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="kube-proxy-not-restarted-look-alike",
    title="A comment was put into kube-proxy's kubeconfig, and kube-proxy was not restarted",
    story="An operator put a comment into kube-proxy's kubeconfig; kube-proxy, which has not read it, works as before.",
    root_cause="",
    not_to_blame=("kube_proxy_api_timeout", "kube_proxy_not_running"),
    acts=_harmless,
)
