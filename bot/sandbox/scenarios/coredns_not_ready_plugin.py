"""The Corefile lost its line `ready`, and the pods' readiness probes ask for nothing else."""

from __future__ import annotations

from bot.sandbox.world.editing import write_corefile
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_RELOADED_SECONDS, _SETTLED_SECONDS = 50, 65
"""The reload plugin looks every 30 s, and up to 15 s later; longer than a pod may take to become ready."""


def _acts(world: World, operator: Operator) -> None:
    write_corefile(operator, world.corefile.replace("    ready\n", ""))
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    operator.time_passes(_SETTLED_SECONDS)


def _harmless(world: World, operator: Operator) -> None:
    write_corefile(operator, world.corefile.replace("    ready\n", "    ready 0.0.0.0:8181 # as always\n"))
    operator.time_passes(_RELOADED_SECONDS)


SCENARIO = Scenario(
    name="coredns-not-ready-plugin",
    title="CoreDNS never becomes ready: its Corefile has no plugin `ready`",
    story=(
        "An operator tidied the Corefile up and took the line `ready` out. CoreDNS starts and serves, but nothing "
        "answers the readiness probe at port 8181: no pod is ready, and the DNS service has no endpoints."
    ),
    root_cause="coredns_not_ready_plugin",
    explains=("coredns_pods_not_ready", "dns_lookups_fail", "kube_dns_no_endpoints"),
    healed_by=ByFix(fix="repair_corefile"),
    not_to_blame=("coredns_crash_corefile", "coredns_api_unreachable"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-not-ready-plugin-look-alike",
    title="The Corefile names the address of its plugin `ready`",
    story="An operator wrote the address beside `ready` in the Corefile, the one that it has anyway; CoreDNS reloaded.",
    root_cause="",
    not_to_blame=("coredns_not_ready_plugin", "coredns_pods_not_ready"),
    acts=_harmless,
)
