"""An application's NetworkPolicy names what its pods may reach and forgets DNS; the VPC CNI enforces it."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.editing import edit_pod_template
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.vpc_cni import take_over
from bot.sandbox.world.world import REGION, World

_NAMESPACE, _APPLICATION = "kube-system", "catalog"
_AGENT = {
    "name": "aws-eks-nodeagent",
    "image": f"602401143452.dkr.ecr.{REGION}.amazonaws.com/amazon/aws-network-policy-agent:v1.1.6-eksbuild.1",
    "args": ["--enable-ipv6=false", "--enable-network-policy=true"],
}
_DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": _NAMESPACE}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def _with_agent(template: dict[str, Any]) -> dict[str, Any]:
    spec = template["spec"]
    return {**template, "spec": {**spec, "containers": [*spec["containers"], _AGENT]}}


def _switch_on(operator: Operator) -> None:
    """Let the VPC CNI enforce policies, as the user guide has it for one that no add-on owns."""
    take_over(operator)
    operator.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "amazon-vpc-cni", "namespace": _NAMESPACE},
            "data": {"enable-network-policy-controller": "true"},
        }
    )
    edit_pod_template(operator, "daemonsets.apps", "aws-node", _with_agent, namespace=_NAMESPACE)


def _restrict(operator: Operator, *further: dict[str, Any]) -> None:
    """Let the catalogue's pods reach its database and what else is named."""
    database = {
        "to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "catalog-mysql"}}}],
        "ports": [{"protocol": "TCP", "port": 3306}],
    }
    operator.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {
                "name": "catalog-egress",
                "namespace": _APPLICATION,
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
            },
            "spec": {
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": _APPLICATION}},
                "policyTypes": ["Egress"],
                "egress": [database, *further],
            },
        }
    )


def _acts(_world: World, operator: Operator) -> None:
    _switch_on(operator)
    _restrict(operator)


def _harmless(_world: World, operator: Operator) -> None:
    _switch_on(operator)
    _restrict(operator, _DNS)


SCENARIO = Scenario(
    name="network-policy-blocks-dns",
    title="A NetworkPolicy allows an application its database and forgets DNS",
    story=(
        "The cluster's owners switched network policies on in the VPC CNI. A chart then restricted what the "
        "catalogue's pods may reach to their database: their lookups time out, and those of all other pods go on."
    ),
    root_cause="network_policy_blocks_dns",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="allow_dns_in_network_policy"),
    not_to_blame=("dns_blocked_by_security_group", "dns_blocked_by_network_acl", "pod_routes_missing"),
    not_in_lab="no program enforces NetworkPolicies there: the VPC CNI's agent needs EKS's controller",
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="network-policy-blocks-dns-look-alike",
    title="A NetworkPolicy allows an application its database and DNS",
    story="The same policy, and it allows UDP and TCP 53 to the pods of kube-dns in kube-system.",
    root_cause="",
    not_to_blame=("network_policy_blocks_dns",),
    weighed={"network_policy_blocks_dns": "DNS is allowed among catalog/catalog-egress"},
    not_in_lab="the scenario that it resembles is not played there",
    acts=_harmless,
)
