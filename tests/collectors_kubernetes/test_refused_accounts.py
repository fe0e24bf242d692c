from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.collectors import refused_accounts
from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.kube_proxy_pod_log import kube_proxy_pod_log
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import timed_lines
from bot.errors import AccessDenied
from bot.kubernetes.pods import Container, Pod
from tests.looking import NOW

SUBJECT = 'User \\"system:serviceaccount:kube-system:kube-proxy\\" '
REFUSED = (
    '2026-11-21T08:59:00Z E1121 08:59:00.0 1 reflector.go:227] "Failed to watch" err="failed to list '
    f"*v1.EndpointSlice: endpointslices.discovery.k8s.io is forbidden: {SUBJECT}"
    'cannot list resource \\"endpointslices\\" in API group '
    '\\"discovery.k8s.io\\" at the cluster scope"\n'
)
ROLE = {"metadata": {"name": "system:node-proxier", "uid": "u-1"}, "rules": []}


def binding(name: str, role: str, *accounts: str) -> dict[str, Any]:
    """Return a ClusterRoleBinding of these ServiceAccounts of kube-system, and of a group."""
    subjects = [{"kind": "ServiceAccount", "namespace": "kube-system", "name": one} for one in accounts]
    group = {"kind": "Group", "name": "kube-proxy"}
    return {
        "metadata": {"name": name},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": [group, *subjects],
    }


BINDINGS = [
    binding("eks:kube-proxy", "system:node-proxier", "kube-proxy"),
    binding("gone", "no-such-role", "kube-proxy"),
    binding("other", "view", "other"),
]


def needed(text: str) -> dict[type, object]:
    """Return kube-proxy with this log, and no CoreDNS."""
    pod = Pod(
        namespace="kube-system",
        name="kube-proxy-a",
        node="node-a",
        phase="Running",
        ready=True,
        created_at=NOW - timedelta(days=1),
        container=Container(name="kube-proxy", running_since=NOW - timedelta(days=1)),
        service_account="own",
    )
    pods = KubeProxyPods(
        daemon_set_exists=True, desired=1, scheduled=1, pods=(pod,), nodes_total=1, exempt_nodes=0, uncovered=()
    )
    log = PodLog(pod=pod.name, lines=timed_lines(text), whole=True)
    logs = KubeProxyLogs(
        pods=(kube_proxy_pod_log(log, pod.node, NOW - timedelta(minutes=15)),), pods_total=1, window_seconds=900
    )
    return {
        KubeProxyPods: pods,
        KubeProxyLogs: logs,
        CorednsPods: CorednsPods(deployment_exists=False, desired_replicas=0, pods=(), deployment_annotations=()),
        CorednsLogs: CorednsLogs(pods=(), pods_total=0, window_seconds=900),
    }


@pytest.mark.parametrize(
    ("text", "account"), [(REFUSED, "kube-system/kube-proxy"), (REFUSED.replace(SUBJECT, ""), "kube-system/own")]
)
def test_roles_of_the_account_that_was_refused_are_read(collect: Any, cluster: Any, text: str, account: str) -> None:
    """As the API names it, else as the pod runs; a role that a binding names and that is gone is told."""
    bindings = [*BINDINGS, binding("own", "system:node-proxier", "own")]
    world = cluster(objects={"clusterrolebindings": bindings, "clusterroles/system:node-proxier": ROLE})

    found = collect(refused_accounts.COLLECTOR, world, needed=needed(text))

    (one,) = found.accounts
    assert (one.account, [held.name for held in one.roles]) == (account, ["system:node-proxier"])
    assert one.unbound == (("no-such-role",) if account.endswith("kube-proxy") else ())
    assert not any("view" in asked for asked in world.asked)


def test_without_a_403_nothing_is_asked(collect: Any, cluster: Any) -> None:
    """It costs nothing where nobody was refused."""
    world = cluster()

    found = collect(refused_accounts.COLLECTOR, world, needed=needed("2026-11-21T08:59:00Z I1121 all is well\n"))

    assert (found.accounts, world.asked) == ((), [])


def test_a_role_that_may_not_be_read_is_a_gap(collect: Any, cluster: Any) -> None:
    """What it allows is open then."""
    refused = AccessDenied("403 Forbidden", grant="clusterroles.rbac.authorization.k8s.io: get in all namespaces")
    world = cluster(objects={"clusterrolebindings": BINDINGS[:1], "clusterroles/system:node-proxier": refused})

    found = collect(refused_accounts.COLLECTOR, world, needed=needed(REFUSED))

    assert [gap.what for gap in found.gaps] == ["ClusterRole system:node-proxier"]
    assert found.accounts[0].roles == ()
