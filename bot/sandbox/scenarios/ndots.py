"""Search-domain amplification floods CoreDNS (C11)."""

from __future__ import annotations

from bot.sandbox.world.editing import Json, edit_pod_template, write_corefile
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_SECONDS = 40
"""For which the query log has been on, and the pods have asked."""
_ASKING = {"catalog": "api.stripe.com", "orders": "sqs.eu-west-1.amazonaws.com,carts.carts"}
_NOWHERE = {"catalog": "old-backend.shop.svc.cluster.local.", "orders": "2.0.0.127.blocklist.invalid.,carts.carts"}
"""A Service that is gone, and addresses that stand on no list: absolute names."""


def _ask(operator: Operator, name: str, names: str) -> None:
    def asking(template: Json) -> Json:
        container, *others = template["spec"]["containers"]
        asks = [{"name": "ASKS", "value": names}, {"name": "ASKS_PER_SECOND", "value": "2"}]
        container = {**container, "env": [*container.get("env", []), *asks]}
        spread = [_spread(template["metadata"]["labels"])]
        asked = {**template["spec"], "containers": [container, *others], "topologySpreadConstraints": spread}
        return {**template, "spec": asked}

    edit_pod_template(operator, "deployments.apps", name, asking, namespace=name)


def _spread(labels: Json) -> Json:
    """Keep a rollout's new pods apart: of `catalog` each node has one, from which names can be looked up."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
        "matchLabelKeys": ["pod-template-hash"],
    }


def _log(world: World, operator: Operator) -> None:
    write_corefile(operator, world.corefile.replace("    errors\n", "    errors\n    log\n", 1))
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")
    operator.time_passes(_SECONDS)


def _acts(world: World, operator: Operator) -> None:
    for name, names in _ASKING.items():
        _ask(operator, name, names)
    _log(world, operator)


def _harmless(world: World, operator: Operator) -> None:
    for name, names in _NOWHERE.items():
        _ask(operator, name, names)
    _log(world, operator)


SCENARIO = Scenario(
    name="ndots",
    title="Search domains multiply every lookup of an external name",
    story=(
        "Two applications look external names up all the time, with ndots:5 as every pod has it: each is tried with "
        "four search domains first. An operator let CoreDNS log its queries a while ago."
    ),
    root_cause="ndots_amplification",
    healed_by=ByFix(fix="set_ndots"),
    not_to_blame=("coredns_upstream_unreachable",),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="ndots-look-alike",
    title="Most answers are NXDOMAIN, and rightly so",
    story=(
        "Two applications ask all the time for names that exist nowhere, with a dot at their end: a Service that is "
        "gone, and addresses on a block list. CoreDNS logs its queries."
    ),
    root_cause="",
    not_to_blame=("ndots_amplification",),
    weighed={"ndots_amplification": r"deployment/catalog in catalog: \d+ of \d+ queries are NXDOMAIN"},
    lab_seeds=(1,),
    acts=_harmless,
)
