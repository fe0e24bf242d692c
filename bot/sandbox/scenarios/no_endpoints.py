"""kube-dns has no ready endpoints: the CoreDNS pods crash on a bad Corefile (C2)."""

from __future__ import annotations

from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import World

_MISTAKES = (
    ("fallthrough in-addr.arpa ip6.arpa", "upstream\n       fallthrough in-addr.arpa ip6.arpa"),
    ("forward . /etc/resolv.conf", "proxy . /etc/resolv.conf"),
    ("loadbalance", "loadbalence"),
)
"""An option removed in CoreDNS 1.7.0, a plugin removed in 1.5.0, and a slip of the hand."""


def _acts(world: World, operator: Operator) -> None:
    right, wrong = world.chance("corefile").choice(_MISTAKES)
    config = next(
        item for item in operator.get("configmaps", namespace="kube-system") if item["metadata"]["name"] == "coredns"
    )
    changed = {**config, "data": {**config["data"], "Corefile": world.corefile.replace(right, wrong)}}
    operator.apply(changed)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


SCENARIO = Scenario(
    name="no-endpoints",
    title="kube-dns has no ready endpoints: CoreDNS crashes on a bad Corefile",
    story=(
        "An operator edited the Corefile by hand. The running pods kept the old one; when the CoreDNS pods were "
        "deleted, the new ones could not start."
    ),
    root_cause="coredns_crash_corefile",
    explains=("kube_dns_no_endpoints",),
    acts=_acts,
)
