"""kube-dns has no ready endpoints: the CoreDNS pods crash on a bad Corefile (C2)."""

from __future__ import annotations

from bot.sandbox.world.editing import write_corefile
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_MISTAKES = (
    ("fallthrough in-addr.arpa ip6.arpa", "upstream\n       fallthrough in-addr.arpa ip6.arpa"),
    ("forward . /etc/resolv.conf", "proxy . /etc/resolv.conf"),
    ("loadbalance", "loadbalence"),
)
"""An option removed in CoreDNS 1.7.0, a plugin removed in 1.5.0, and a slip of the hand."""
_RELOAD_SECONDS = 50
"""The reload plugin looks every 30 s, and up to 15 s later (plugin/reload page)."""


def _acts(world: World, operator: Operator) -> None:
    right, wrong = world.chance("corefile").choice(_MISTAKES)
    write_corefile(operator, world.corefile.replace(right, wrong))
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


def _harmless(world: World, operator: Operator) -> None:
    right, wrong = world.chance("corefile").choice(_MISTAKES)
    mistaken = world.corefile.replace(right, wrong)
    write_corefile(operator, mistaken)
    operator.time_passes(_RELOAD_SECONDS)
    was = wrong.split()[0]
    kept = f"{right} # was: {was}" if right not in wrong else f"# was: {wrong}"
    write_corefile(operator, world.corefile.replace(right, kept))


SCENARIO = Scenario(
    name="no-endpoints",
    title="kube-dns has no ready endpoints: CoreDNS crashes on a bad Corefile",
    story=(
        "An operator edited the Corefile by hand. The running pods kept the old one; when the CoreDNS pods were "
        "deleted, the new ones could not start."
    ),
    root_cause="coredns_crash_corefile",
    explains=("coredns_pods_not_ready", "dns_lookups_fail", "kube_dns_no_endpoints"),
    healed_by=ByFix(fix="repair_corefile"),
    lab_seeds=(1, 3),  # two of the mistakes
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="no-endpoints-look-alike",
    title="CoreDNS refused a bad Corefile and ran on, and the Corefile was set right",
    story=(
        "An operator made the same mistake in the Corefile. The running pods refused to load it and kept the old one; "
        "the operator corrected the line and left the mistaken word in it as a comment."
    ),
    root_cause="",
    not_to_blame=("coredns_crash_corefile", "kube_dns_no_endpoints"),
    weighed={
        "coredns_crash_corefile": "no longer the case: .* Corefile changed but reload failed: .* since then: "
        "a configuration was loaded"
    },
    acts=_harmless,
)
