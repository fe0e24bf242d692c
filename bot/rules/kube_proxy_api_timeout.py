"""kube-proxy does not reach the control plane: its watches time out, are refused or find no route (C4).

kube-proxy calls the cluster's endpoint itself, not the Service `kubernetes`. The rules on the node stay
as they were: stale, not broken, until CoreDNS pods move. Where the host that it calls is neither the cluster's endpoint
nor an interface of its control plane, its kubeconfig is to blame, not the way; some nodes may be of the one kind and
some of the other.

In a playbook: `{rule: kube_proxy_api_timeout, severity: warning, with: {window: 15m}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from bot.collectors.control_plane import ControlPlane
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.kube_proxy_configuration import KubeProxyConfiguration
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.call_failure import CallFailure
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.domain.phrases import count
from bot.rules._api_callers import KUBE_PROXY, restart_of, volumes_of
from bot.rules._api_failures import MEANING, NO_ANSWER, LogWindow, Standing, Wording, joined, judge_calls

_STALE = "The rules in place are stale, not broken."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meant:
    """Where kube-proxy should call."""

    endpoint: str
    """Host, lower case; empty: it is not known."""
    interfaces: frozenset[str]
    """Addresses of the control plane's interfaces; empty: they are not known."""

    @classmethod
    def of(cls, cluster: EksCluster | None, plane: ControlPlane | None) -> Self:
        addresses = (address for one in plane.interfaces for address in one.addresses) if plane else ()
        return cls(
            endpoint=(urlsplit(cluster.endpoint).hostname or "") if cluster else "",
            interfaces=frozenset(map(str, addresses)),
        )

    def is_elsewhere(self, host: str) -> bool:
        """Return whether this host is shown to be another: a name that is not the endpoint's, or an address inside.

        A public address may be the endpoint's of today, and one inside an interface's, where those were not read.
        """
        if not self.endpoint or not host or host == self.endpoint:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return True
        return bool(self.interfaces) and address.is_private and str(address) not in self.interfaces


def judge(case: Case) -> Judgement:
    """Conclude from kube-proxy's logs whether it reaches the control plane."""
    pods = case.need(KubeProxyPods)
    meant = _Meant.of(case.find(EksCluster), case.find(ControlPlane))
    word = partial(_word, pods=pods, meant=meant, written=_written(case.find(KubeProxyConfiguration)))
    return judge_calls(case, KUBE_PROXY, NO_ANSWER, word, what="failure to reach the control plane")


def _written(configuration: KubeProxyConfiguration | None) -> frozenset[str]:
    """Return the API servers that kube-proxy's ConfigMaps name now."""
    return frozenset(host for one in (configuration.config_maps if configuration else ()) for host in one.servers)


def _word(now: Standing, *, pods: KubeProxyPods, meant: _Meant, written: frozenset[str]) -> Wording:
    astray = _astray(now, meant)
    rest = tuple(one for one in now.failures if one not in astray)
    wrong = (_called_elsewhere(Standing(failures=astray), pods, meant.endpoint, written),) if astray else ()
    blocked = (_cut_off(Standing(failures=rest), pods, meant),) if rest else ()
    return Wording(
        summary=" ".join((*(one.summary for one in (*wrong, *blocked)), _STALE)),
        advice=(
            *(line for one in (*wrong, *blocked) for line in one.advice),
            *(f"Then: {line}" for line in restart_of(pods, now)),
        ),
    )


def _astray(now: Standing, meant: _Meant) -> tuple[CallFailure, ...]:
    """Return the failures of calls to another host; a line that names none is of the host that its pod calls else."""
    hosts: dict[str, set[str]] = {}
    for one in now.failures:
        hosts.setdefault(one.pod, set()).update({one.failure.host} - {""})
    lost = {pod for pod, called in hosts.items() if called and all(map(meant.is_elsewhere, called))}
    return tuple(
        one
        for one in now.failures
        if meant.is_elsewhere(one.failure.host) or (not one.failure.host and one.pod in lost)
    )


def _cut_off(now: Standing, pods: KubeProxyPods, meant: _Meant) -> Wording:
    """Word it where kube-proxy calls the control plane and gets no answer."""
    said = "; ".join(f"{kind.value}: {MEANING[kind]}" for kind in now.kinds)
    fixed = sorted(meant.interfaces & set(now.hosts))
    return Wording(
        summary=f"kube-proxy on {count(len(now.nodes) or len(now.pods), 'node')} cannot reach the control plane at "
        f"{joined(now.targets, empty='an address the log does not name')} ({said}); {now.last}.",
        advice=(
            f"Nodes: {joined(now.nodes, empty='unknown')}.",
            (
                "The cluster security group must allow 443 from these nodes, and their subnets need a route to the "
                "cluster endpoint: aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig"
            ),
            *(
                f"Its kubeconfig names {address}, an interface of the control plane that EKS may replace: write "
                f"`server: https://{meant.endpoint}` there ({volumes_of(pods, now)} names the ConfigMap)."
                for address in fixed
            ),
        ),
    )


def _called_elsewhere(now: Standing, pods: KubeProxyPods, endpoint: str, written: frozenset[str]) -> Wording:
    """Word it where kube-proxy calls another host than the cluster's endpoint, whatever its ConfigMap names by now."""
    write = (
        f"Write `server: https://{endpoint}` into its kubeconfig, in the ConfigMap that its pods mount: "
        f"{volumes_of(pods, now)}"
    )
    corrected = (
        f"The ConfigMap in kube-system names https://{endpoint} already: kube-proxy reads it when it starts, so a "
        "restart is enough."
    )
    return Wording(
        summary=f"kube-proxy on {count(len(now.nodes) or len(now.pods), 'node')} calls {joined(now.hosts, empty='')}, "
        f"and the cluster's endpoint is {endpoint}: its kubeconfig names another address, which does not answer "
        f"({', '.join(kind.value for kind in now.kinds)}); {now.last}.",
        advice=(
            corrected if written == {endpoint} else write,
            f"Nodes: {joined(now.nodes, empty='unknown')}.",
        ),
    )


RULE = Rule(
    name="kube_proxy_api_timeout",
    title="kube-proxy gets no answer from the control plane",
    check="kube-proxy's way to the control plane",
    kind=Kind.CAUSE,
    judge=judge,
    needs=KUBE_PROXY.needs,
    wants=(EksCluster, ControlPlane, KubeProxyConfiguration),
    problem_refuted_by=KUBE_PROXY.problem_refuted_by,
    healthy_refuted_by=KUBE_PROXY.healthy_refuted_by,
    thresholds=LogWindow,
)
