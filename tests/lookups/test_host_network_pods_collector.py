from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.collectors import host_network_pods
from bot.collectors.host_network_pods import HostNetworkPods
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import PodName
from bot.domain.ports import ExecResult, Resource
from bot.errors import AccessDenied, EvidenceUnavailable, NotFound
from bot.kubernetes.owners import Owner
from bot.kubernetes.pods import Container, Pod
from tests.looking import NOW, Ends, as_stored, collect_through
from tests.lookups.conftest import printed

AGENT = Pod(
    namespace="shop", name="agent-a", node="node-a", phase="Running", ready=True, created_at=NOW, host_network=True,
    container=Container(name="agent"), owner=Owner(kind="DaemonSet", name="agent"),
)  # fmt: skip
SETTLED = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2}
CONTROLLER = {
    "metadata": {"uid": "uid-agent", "annotations": {"meta.helm.sh/release-name": "shop"}},
    "spec": {"template": {"spec": {"hostNetwork": True, "dnsPolicy": "ClusterFirst"}}},
    "status": SETTLED,
}


@dataclass
class Far:
    """Pods whose file says this, and controllers by plural and name."""

    texts: Mapping[str, str | EvidenceUnavailable] = field(default_factory=dict)
    controllers: Mapping[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def run(self, pod: PodName, container: str, arguments: Any) -> ExecResult:
        """Print the file."""
        assert (container, list(arguments)) == ("agent", ["cat", "/etc/resolv.conf"])
        self.asked.append(pod.name)
        found = self.texts.get(pod.name, "nameserver 10.0.0.2\n")
        if isinstance(found, EvidenceUnavailable):
            raise found
        return printed(found) if found else printed("", 1, "cat: not found")

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> Any:
        """Return a controller."""
        assert namespace == "shop"
        self.asked.append(f"{resource.plural}/{name}")
        found = self.controllers.get(f"{resource.plural}/{name}", NotFound(f"there is no {name}"))
        if isinstance(found, EvidenceUnavailable):
            raise found
        return found


def read(far: Far, *pods: Pod, asked: Pod | None = None, **parameters: Any) -> HostNetworkPods:
    """Collect from these pods; what is found survives storing."""
    needed: dict[type, object] = {WorkloadPods: WorkloadPods(selector="app=shop", pods=pods, asked_pod=asked)}
    ends = Ends(reader=far, prober=far)
    found, _ = collect_through(host_network_pods.COLLECTOR, ends, needed=needed, parameters=parameters)
    assert as_stored(found) == found
    assert isinstance(found, HostNetworkPods)
    return found


def test_nothing_is_asked_where_no_pod_is_on_its_nodes_network() -> None:
    """Nor of pods that ended or are going."""
    far = Far()

    found = read(far, replace(AGENT, host_network=False), replace(AGENT, phase="Failed"),
                 replace(AGENT, terminating=True))  # fmt: skip

    assert (found, far.asked) == (HostNetworkPods(workloads=()), [])


def test_one_ready_pod_of_each_controller_is_read_and_its_template() -> None:
    """Its servers and what makes it; of other policies what the pods say is enough."""
    far = Far(controllers={"daemonsets/agent": CONTROLLER})
    own = replace(AGENT, name="own", owner=Owner(kind="Deployment", name="own"), dns_policy="Default")

    found = read(far, replace(AGENT, ready=False), replace(AGENT, name="agent-b"), own, asked=AGENT)

    first, second = found.workloads
    assert (first.title, first.pods, first.nameservers) == (
        "daemonset/agent in shop", ("shop/agent-b", "shop/agent-a"), ("10.0.0.2",),
    )  # fmt: skip
    assert (first.uid, first.template_policy, first.manager, first.rollout) == (
        "uid-agent", "ClusterFirst", "Helm release shop", "",
    )  # fmt: skip
    assert (second.dns_policy, second.nameservers, second.uid) == ("Default", (), "")
    assert far.asked == ["agent-b", "daemonsets/agent"]
    assert found.gaps == ()


def test_what_could_not_be_read_is_named() -> None:
    """An image without cat, a refused exec, a refused controller, and workloads beyond the most."""

    def of(name: str) -> Pod:
        return replace(AGENT, name=f"{name}-1", owner=Owner(kind="DaemonSet", name=name))

    refused = AccessDenied("403 Forbidden", grant="pods/exec: create")
    kept = AccessDenied("403 Forbidden", grant="daemonsets.apps: get")
    far = Far({"a-1": "", "b-1": refused}, {"daemonsets/c": kept})

    found = read(far, *map(of, "abcd"), max_workloads=3)

    assert [(gap.what, gap.reason, gap.grant) for gap in found.gaps] == [
        ("/etc/resolv.conf of pod shop/a-1", "cat: not found", ""),
        ("/etc/resolv.conf of pod shop/b-1", "403 Forbidden", "pods/exec: create"),
        ("daemonset shop/c", "403 Forbidden", "daemonsets.apps: get"),
        ("/etc/resolv.conf of pod shop/d-1", "not read: 3 workloads are looked at", ""),
    ]
    assert [one.nameservers for one in found.workloads] == [(), (), ("10.0.0.2",), ()]


def test_a_bare_pod_stands_for_itself() -> None:
    """Nobody makes it anew, so no template is read."""
    far = Far()

    (found,) = read(far, replace(AGENT, owner=Owner())).workloads

    assert (found.kind, found.name, found.uid, far.asked) == ("Pod", "agent-a", "", ["agent-a"])
