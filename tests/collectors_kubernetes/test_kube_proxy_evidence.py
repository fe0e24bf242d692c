from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.collectors import kube_proxy_configuration, kube_proxy_logs, kube_proxy_pods
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.collectors.worker_nodes import WorkerNodes
from bot.dns.api_failure import ApiFailureKind
from bot.errors import AccessDenied, SourceGarbled
from bot.kubernetes.nodes import Compute, Node

PROXY_START = '2026-11-20T09:00:00Z I1120 09:00:00.0 1 server.go:483] "Version info" version="v1.33.3"\n'


def nodes(count: int, compute: Compute = Compute.MANAGED) -> WorkerNodes:
    """Return `count` worker nodes."""
    return WorkerNodes(
        vpc_id="vpc-1",
        nodes=tuple(Node(name=f"node-{number:03}", ready=True, compute=compute) for number in range(count)),
        interfaces=(),
    )


def daemon_set(desired: int, scheduled: int) -> dict[str, Any]:
    """Return kube-proxy's DaemonSet."""
    return {
        "metadata": {"name": "kube-proxy"},
        "status": {"desiredNumberScheduled": desired, "currentNumberScheduled": scheduled},
    }


def test_nodes_without_a_ready_kube_proxy_are_uncovered(collect: Any, cluster: Any, pod: Any) -> None:
    """A node whose pod waits and one without a pod are named, each with why."""
    waiting = pod(
        "kube-proxy-1",
        container="kube-proxy",
        node="node-001",
        ready=False,
        state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
    )
    running = pod("kube-proxy-0", container="kube-proxy", node="node-000")
    world = cluster(objects={"daemonsets": [daemon_set(3, 2)], "pods?k8s-app=kube-proxy": [running, waiting]})

    found = collect(kube_proxy_pods.COLLECTOR, world, needed={WorkerNodes: nodes(3)})

    assert [(one.node, one.why) for one in found.uncovered] == [
        ("node-001", "ImagePullBackOff: Back-off pulling image"),
        ("node-002", "no kube-proxy pod"),
    ]
    assert (found.desired, found.scheduled, found.nodes_total) == (3, 2, 3)


PARKED = {
    "metadata": {"name": "kube-proxy"},
    "status": {"desiredNumberScheduled": 0, "currentNumberScheduled": 0},
}
"""A DaemonSet whose node selector no node bears."""


@pytest.mark.parametrize(
    ("objects", "compute", "by_design"),
    [
        ({}, Compute.FARGATE, "all 3 nodes are Fargate or Auto Mode nodes, which have no kube-proxy"),
        (
            {
                "daemonsets": [{"metadata": {"name": "cilium"}}],
                "configmaps/cilium-config": {"data": {"kube-proxy-replacement": "true"}},
            },
            Compute.HYBRID,
            "Cilium (kube-proxy-replacement: true) replaces kube-proxy",
        ),
        (
            {
                "daemonsets": [{"metadata": {"name": "cilium"}}],
                "configmaps/cilium-config": {"data": {"kube-proxy-replacement": "false"}},
            },
            Compute.HYBRID,
            "",
        ),
        (
            {
                "daemonsets": [{"metadata": {"name": "cilium"}}, PARKED],
                "configmaps/cilium-config": {"data": {"kube-proxy-replacement": "true"}},
            },
            Compute.SELF_MANAGED,
            "Cilium (kube-proxy-replacement: true) replaces kube-proxy, whose DaemonSet is parked",
        ),
        ({"daemonsets": [PARKED]}, Compute.SELF_MANAGED, ""),
        ({}, Compute.SELF_MANAGED, ""),
    ],
    ids=[
        "fargate only",
        "cilium replaces it",
        "cilium beside it",
        "cilium, kube-proxy parked",
        "parked",
        "nothing seen",
    ],
)
def test_what_replaces_kube_proxy_where_visible(
    collect: Any, cluster: Any, objects: dict[str, Any], compute: Compute, by_design: str
) -> None:
    """Fargate, Auto Mode and Cilium's replacement are by design; anything else is not claimed."""
    found = collect(kube_proxy_pods.COLLECTOR, cluster(objects=objects), needed={WorkerNodes: nodes(3, compute)})

    assert found.absent
    assert found.by_design == by_design


def test_a_refused_cilium_configuration_is_a_gap(collect: Any, cluster: Any) -> None:
    """Whether Cilium replaces kube-proxy stays open."""
    world = cluster(
        objects={"daemonsets": [{"metadata": {"name": "cilium"}}], "configmaps/cilium-config": AccessDenied("403")}
    )

    found = collect(kube_proxy_pods.COLLECTOR, world, needed={WorkerNodes: nodes(1)})

    assert len(found.gaps) == 1


@pytest.mark.parametrize("objects", [{"daemonsets": [{}]}, {"daemonsets": [{"metadata": {"name": "kube-proxy"}}]}])
def test_a_garbled_daemon_set_is_not_an_absent_one(collect: Any, cluster: Any, objects: Any) -> None:
    """Required members are indexed."""
    with pytest.raises(SourceGarbled):
        collect(kube_proxy_pods.COLLECTOR, cluster(objects=objects), needed={WorkerNodes: nodes(1)})


def proxies(collect: Any, cluster: Any, pod: Any, count: int, restarted: tuple[int, ...] = ()) -> KubeProxyPods:
    """Return the evidence of `count` running kube-proxy pods."""
    raw = [
        pod(
            f"kube-proxy-{number:03}",
            container="kube-proxy",
            node=f"node-{number:03}",
            restarts=int(number in restarted),
        )
        for number in range(count)
    ]
    world = cluster(objects={"daemonsets": [daemon_set(count, count)], "pods": raw})
    found = collect(kube_proxy_pods.COLLECTOR, world, needed={WorkerNodes: nodes(count)})
    assert isinstance(found, KubeProxyPods)
    return found


def test_a_sample_of_kube_proxy_logs_is_read_and_stated(collect: Any, cluster: Any, pod: Any) -> None:
    """20 of 500 are read: those that restarted first, the others spread over the nodes."""
    pods = proxies(collect, cluster, pod, 500, restarted=(7,))
    world = cluster(
        texts={f"kube-proxy-{n:03}": PROXY_START for n in range(500)} | {"kube-proxy-007/previous": PROXY_START}
    )

    found = collect(kube_proxy_logs.COLLECTOR, world, needed={KubeProxyPods: pods})

    read = [log.node for log in found.pods]
    assert found.read == "logs of 20 of 500 kube-proxy pods read, the other 480 are ready"
    assert len(world.asked) == 21
    assert "node-007" in read
    assert {int(node[5]) for node in read} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("after", "contradicted", "never_synced"),
    [
        ("", "", True),
        ('I1121 08:59:30.0 1 proxier.go:822] "SyncProxyRules complete"', "", True),
        ("I1121 08:59:30.0 1 shared_informer.go:320] Caches are synced for endpoint slice config", "", False),
        (
            "I1121 08:59:30.0 1 shared_informer.go:320] Caches are synced for service config",
            "the same was read at 2026-11-21T08:59:30Z",
            False,
        ),
    ],
    ids=["nothing after", "rules synced", "another cache synced", "its cache synced"],
)
def test_only_the_same_call_contradicts(
    collect: Any, cluster: Any, pod: Any, after: str, contradicted: str, *, never_synced: bool
) -> None:
    """A failed list of services stands until services were read; syncing rules from old data shows nothing."""
    failed = (
        "2026-11-21T08:59:00Z E1121 08:59:00.0 1 reflector.go:166] Failed to watch *v1.Service: failed to list "
        '*v1.Service: Get "https://abc/api/v1/services": dial tcp 10.0.1.9:443: i/o timeout\n'
    )
    text = PROXY_START + failed + (f"2026-11-21T08:59:30Z {after}\n" if after else "")
    pods = proxies(collect, cluster, pod, 1)

    found = collect(kube_proxy_logs.COLLECTOR, cluster(texts={"kube-proxy-000": text}), needed={KubeProxyPods: pods})

    (failure,) = found.api_failures(ApiFailureKind.TIMEOUT)
    assert (failure.node, failure.failure.resource, failure.contradicted_by) == ("node-000", "services", contradicted)
    assert bool(found.unsynced_nodes(frozenset({"node-000"}))) is never_synced


WAITS, SYNCED = "Waiting for caches to sync", "Caches are synced"


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ([(WAITS, "service config"), (SYNCED, "service config"), (WAITS, "node config")], False),
        ([(WAITS, "service config"), (SYNCED, "service config"), (WAITS, "endpoint slice config")], False),
        ([(WAITS, "service config"), (WAITS, "endpoint slice config"), (WAITS, "node config")], True),
        ([(WAITS, "node config"), (SYNCED, "node config"), (WAITS, "service config")], True),
        ([(SYNCED, "service config"), (WAITS, "service config")], True),
        ([(SYNCED, "service config"), (SYNCED, "endpoint slice config"), (WAITS, "node config")], False),
    ],
    ids=["nodes last", "endpoint slices last", "nothing read", "nodes read", "started again", "begin cut off"],
)
def test_caches_that_are_waited_for_in_any_order(
    collect: Any,
    cluster: Any,
    pod: Any,
    said: list[tuple[str, str]],
    waits: bool,  # noqa: FBT001  # one column of a table
) -> None:
    """What was read stays read when a busy kube-proxy says only then that it waits for something else."""
    text = "".join(
        f'2026-11-20T09:00:0{at}Z I1120 09:00:0{at}.0 1 shared_informer.go:402] "{words}" controller="{cache}"\n'
        for at, (words, cache) in enumerate(said)
    )
    pods = proxies(collect, cluster, pod, 1)

    found = collect(kube_proxy_logs.COLLECTOR, cluster(texts={"kube-proxy-000": text}), needed={KubeProxyPods: pods})

    assert [gap.what for gap in found.waits_unexplained] == ["API access of kube-proxy-000"] * waits
    assert found.unsynced_nodes(frozenset({"node-000"})) == frozenset({"node-000"} if waits else ())


def test_a_longer_rule_window_than_was_read_is_a_gap(collect: Any, cluster: Any, pod: Any) -> None:
    """A rule that looks back an hour is told that 15 minutes were read."""
    world = cluster(texts={"kube-proxy-000": PROXY_START})
    found = collect(kube_proxy_logs.COLLECTOR, world, needed={KubeProxyPods: proxies(collect, cluster, pod, 1)})

    assert found.window_gaps(timedelta(minutes=15)) == ()
    assert len(found.window_gaps(timedelta(hours=1))) == 1


def config_map(name: str, *times: str) -> dict[str, Any]:
    """Return a ConfigMap whose data was set at these times, and its labels later."""
    entries = [{"manager": "eks", "time": time, "fieldsV1": {"f:data": {}}} for time in times]
    labels = {"manager": "kubectl-label", "time": "2026-11-20T11:00:00Z", "fieldsV1": {"f:metadata": {}}}
    return {"metadata": {"name": name, "managedFields": [*entries, labels]}, "data": {}}


def test_when_the_configuration_changed_is_told_by_its_data(collect: Any, cluster: Any) -> None:
    """The newest entry of its data counts; one without is a gap, and one that is not there is none."""
    newer, older = "2026-11-20T10:00:00Z", "2026-11-20T08:00:00Z"
    held = {"configmaps/kube-proxy": config_map("kube-proxy", older, newer)}

    told = collect(kube_proxy_configuration.COLLECTOR, cluster(objects=held))
    silent = collect(
        kube_proxy_configuration.COLLECTOR, cluster(objects={"configmaps/kube-proxy-config": config_map("x")})
    )

    (one,) = told.config_maps
    assert (one.name, one.managers, told.gaps) == ("kube-proxy", ("eks",), ())
    assert told.changed_since(one.changed_at - timedelta(seconds=1)) == (one,)
    assert told.changed_since(one.changed_at) == ()
    assert "do not say when its data was set" in silent.gaps[0].reason
    assert silent.changed_since(one.changed_at) == ()


def test_the_api_server_that_a_kubeconfig_names_is_read(collect: Any, cluster: Any) -> None:
    """Whether kube-proxy was told the right address since is seen by it; other texts name none."""
    texts = {"kubeconfig": 'clusters:\n- cluster:\n    server: "https://ABC.eks.example:443"\n', "note": "server: none"}
    held = {"configmaps/kube-proxy": {**config_map("kube-proxy"), "data": texts}}

    (one,) = collect(kube_proxy_configuration.COLLECTOR, cluster(objects=held)).config_maps

    assert one.servers == ("abc.eks.example",)


def test_a_config_map_that_may_not_be_read_is_a_gap_with_its_grant(collect: Any, cluster: Any) -> None:
    """It may have changed."""
    refused = AccessDenied("403 Forbidden", grant="configmaps: get in namespace kube-system")

    found = collect(kube_proxy_configuration.COLLECTOR, cluster(objects={"configmaps/kube-proxy": refused}))

    assert [gap.grant for gap in found.gaps] == ["configmaps: get in namespace kube-system"]
    assert found.config_maps == ()
