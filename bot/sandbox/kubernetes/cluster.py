"""The cluster behind the API: its objects, and what they bring about, one turn after the other."""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.sandbox.kubernetes.addon_manager import AddonManager
from bot.sandbox.kubernetes.addon_rights import AddonRights
from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.coredns_addon import CorednsAddonManager
from bot.sandbox.kubernetes.endpoints import EndpointController
from bot.sandbox.kubernetes.host_network import HostNetwork, host_network
from bot.sandbox.kubernetes.kubelet import Kubelets, PodRuntime
from bot.sandbox.kubernetes.lookups import LookupPath
from bot.sandbox.kubernetes.managed_fields import with_managed_fields
from bot.sandbox.kubernetes.node import Exchange
from bot.sandbox.kubernetes.pod_events import PodEvents
from bot.sandbox.kubernetes.pod_security import check_pod_security
from bot.sandbox.kubernetes.pod_security_groups import PodSecurityGroups
from bot.sandbox.kubernetes.pod_statuses import besides
from bot.sandbox.kubernetes.program import Programs
from bot.sandbox.kubernetes.refusals import already_exists, bad_request, not_found, not_implemented
from bot.sandbox.kubernetes.resources import (
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    STORED,
    Json,
    ResourceType,
)
from bot.sandbox.kubernetes.scheduling import Scheduler
from bot.sandbox.kubernetes.store import Store, timestamp
from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, NotStarted, Unsimulated
from bot.sandbox.kubernetes.workloads import Workloads
from bot.sandbox.network.branch_interfaces import BranchMaker
from bot.sandbox.network.cluster_addons import AddonSource
from bot.sandbox.network.replies import SILENT
from bot.sandbox.network.source import NetworkSource
from bot.sandbox.network.vpc import Vpc


class Cluster:
    """One cluster. `step()` must be called again and again; everything runs on one thread."""

    def __init__(
        self,
        network: NetworkSource,
        programs: Programs,
        *,
        seed: int = 0,
        region: str = "eu-west-1",
        branches: BranchMaker | None = None,
        addons: AddonSource | None = None,
    ) -> None:
        self._network, self._programs, self._seed, self._region = network, programs, seed, region
        self._branches, self._addon_source = branches, addons
        self.store = Store(seed=seed)
        self._random = random.Random(f"cluster-{seed}")  # noqa: S311  # repeats with the seed, no secret
        self._seen_revision = -1
        self._build()

    def _build(self) -> None:
        self._workloads = Workloads(self.store)
        self._scheduler = Scheduler(self.store)
        self._endpoints = EndpointController(self.store)
        self._kubelets = Kubelets(self.store, self._programs, backends=self._endpoints.backends, region=self._region)
        self._events = PodEvents(self.store)
        self._pod_groups = PodSecurityGroups(self.store, self._branches)
        self._addon_rights = AddonRights(self.store, self._addon_source)
        self._addons = AddonManager(self.store, self._addon_source)
        self._coredns_addon = CorednsAddonManager(self.store, self._addon_source)

    def look_at_network_anew(self) -> None:
        """Forget the network's state and let every controller look again."""
        self._network.forget()
        self._seen_revision = -1

    def reset(self) -> None:
        """Forget everything."""
        self.store.clear()
        self._network.forget()
        if self._branches is not None:
            self._branches.forget()
        if self._addon_source is not None:
            self._addon_source.forget()
        self._random.seed(f"cluster-{self._seed}")
        self._seen_revision = -1
        self._build()

    @staticmethod
    def now() -> datetime:
        """Return the cluster's time, UTC."""
        return datetime.now(UTC)

    def changed(self, kind: ResourceType, document: Json, *, manager: str = "kubectl") -> Json:
        """Store an object that `manager` created or changed; its status stays the controllers' affair."""
        current = self.store.find(kind, document["metadata"].get("namespace", ""), document["metadata"]["name"])
        if current is not None and "status" in current:
            document = {**document, "status": current["status"]}
        if kind is DAEMON_SETS:
            self._addons.changed(current, document)
        if kind in (DEPLOYMENTS, CONFIG_MAPS):
            self._coredns_addon.changed(current, document)
        if kind is CONFIG_MAPS:
            document = with_managed_fields(current, document, manager, self.now())
        return self.store.put(kind, document)

    def deleted(self, kind: ResourceType, namespace: str, name: str, *, at_once: bool) -> Json:
        """Delete an object: a pod goes through its grace period, other objects take their dependants along."""
        document = self.store.get(kind, namespace, name)
        if kind is PODS and not at_once:
            self._workloads.end_pod(document)
            return self.store.get(kind, namespace, name)
        if kind is PODS:
            self._workloads.end_pod(document)
            self._kubelets.turn_one(self.store.get(kind, namespace, name))
            return document
        self.store.remove(kind, namespace, name)
        self._collect(document["metadata"]["uid"])
        return document

    def _collect(self, owner: str) -> None:
        for kind in STORED:
            for item in self.store.all(kind):
                if any(ref["uid"] == owner for ref in item["metadata"].get("ownerReferences") or []):
                    metadata = item["metadata"]
                    self.deleted(kind, metadata.get("namespace", ""), metadata["name"], at_once=False)

    def configure_kubelet(self, node: str, settings: Json) -> None:
        """Change a node's kubelet settings; pods that run keep what they got."""
        held = self._kubelets.node(node)
        held.settings = held.settings.changed(settings)

    def remove_routes(self, addresses: Sequence[str]) -> None:
        """Let nodes hold nothing any more of the pods that have these addresses."""
        for address in addresses:
            self._kubelets.remove_routes(address)
        self.look_at_network_anew()

    def track(self, node: str, client: str, port: int, server: str, led_to: str) -> None:
        """Let a node track what a pod asks a ClusterIP from one port, led to an address."""
        held = self._kubelets.node(node)
        held.tracked += (Exchange(client=client, port=port, server=server, led_to=led_to),)

    def pass_time(self, elapsed: timedelta) -> None:
        """Date everything back, so that it happened so much longer ago."""
        self.store.date_back(elapsed)
        self._kubelets.date_back(elapsed)
        self.look_at_network_anew()

    async def look_at_addons(self) -> None:
        """Let EKS's add-on manager look what EKS wants now: whoever asks for its objects shall see that."""
        if await self._addon_rights.turn():
            await self._addons.turn()
            await self._coredns_addon.turn()

    async def step(self) -> None:
        """Let every controller, the scheduler and the kubelets take one turn."""
        now = self.now()
        retry_at = self._kubelets.next_retry()
        at_rest = self.store.revision == self._seen_revision and not self._pod_groups.refused
        if at_rest and (retry_at is None or now < retry_at):
            return
        await self.look_at_addons()
        vpc = (await self._network.current()).home
        self._seen_revision = self.store.revision
        self._workloads.turn()
        self._pod_groups.admit()
        self._schedule(now)
        if await self._pod_groups.give():
            self._network.forget()
            vpc = (await self._network.current()).home
        self._kubelets.turn(vpc, now)
        self._endpoints.turn()
        self._kubelets.tick(vpc, now)

    def _schedule(self, now: datetime) -> None:
        pending = [
            pod
            for pod in self.store.all(PODS)
            if not pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"]
        ]
        for pod, node, reason in self._scheduler.place(pending) if pending else []:
            if node:
                self.store.put(PODS, {**pod, "spec": {**pod["spec"], "nodeName": node}})
                text = f"Successfully assigned {pod['metadata']['namespace']}/{pod['metadata']['name']} to {node}"
                self._events.add(pod, "Normal", "Scheduled", text, now)
            else:
                self._unschedulable(pod, reason, now)

    def _unschedulable(self, pod: Json, reason: str, now: datetime) -> None:
        known = (pod.get("status") or {}).get("conditions") or []
        if any(item.get("message") == reason for item in known):
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": reason,
            "lastTransitionTime": timestamp(now),
        }
        self.store.set_status(PODS, pod, {"phase": "Pending", "conditions": [condition]})
        self._events.add(pod, "Warning", "FailedScheduling", reason, now)

    def settled(self) -> bool:
        """Return whether nothing moves any more without an outside event."""
        return self.store.revision == self._seen_revision and not self.moving()

    def moving(self) -> int:
        """Return how many pods are being started or ended."""
        return sum(self._kubelets.waits(pod) for pod in self.store.unordered(PODS))

    def _runtime(self, pod: Json) -> PodRuntime | None:
        return self._kubelets.pods.get(pod["metadata"]["uid"])

    def container_run(self, pod: Json, container: str, *, previous: bool) -> ContainerRun | None:
        """Return the newest run of a container or the one before; None: there is none."""
        runtime = self._runtime(pod)
        if runtime is None or runtime.container.name != container:
            return None
        return runtime.container.previous if previous else runtime.container.run

    def runs(self, pod: Json, container: str) -> bool:
        """Return whether the container runs now; one beside the pod's runs as long as the pod does."""
        if any(item["name"] == container for item in pod["spec"].get("ephemeralContainers") or []):
            return self._runtime(pod) is not None
        found = self.container_run(pod, container, previous=False)
        return found is not None and found.ended is None

    async def page(self, pod: Json, port: int, path: str) -> str | None:
        """Return what a pod's program shows on its own HTTP server; None: nothing listens there."""
        runtime = self._runtime(pod)
        if runtime is None or runtime.process is None or runtime.ended:
            return None
        vpc = (await self._network.current()).home
        return runtime.process.page(self._kubelets.host(pod, runtime, vpc), port, path, self.now())

    async def run(self, pod: Json, container: str, command: Sequence[str]) -> Finished | NotStarted:
        """Run a command in a container and return what it gave; refuses with 501 what is not simulated."""
        runtime = self._runtime(pod)
        if runtime is None:
            raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
        network = await self._network.current()
        path = LookupPath(self.store, self._kubelets, network, self._random, self.now())
        every = (*pod["spec"]["containers"], *(pod["spec"].get("ephemeralContainers") or []))
        image = next(item["image"] for item in every if item["name"] == container)
        asked = Command(
            argv=tuple(command),
            resolv_conf=runtime.resolv_conf,
            ask=lambda server, name, protocol: path.ask(pod, runtime.address, server, name, protocol),
            numbers=self._random,
            connect=partial(path.connect, runtime.address),
            file=lambda path: runtime.process.file(path, self.now()) if runtime.process else None,
            network=partial(self._host_network, pod, network.home, path) if pod["spec"].get("hostNetwork") else None,
        )
        try:
            outcome = self._programs.of(image).toolbox.run(asked)
        except Unsimulated as what:
            raise not_implemented(f"the command {what}") from None
        if isinstance(outcome, Finished):
            await asyncio.sleep(outcome.took_seconds)
        return outcome

    def _host_network(self, pod: Json, vpc: Vpc, path: LookupPath) -> HostNetwork:
        """Return what the kernel of a pod's node holds now."""
        name = pod["spec"]["nodeName"]
        strict = {each.address: each.strict for each in self._kubelets.pods.values() if each.routed}
        dropped = self._kubelets.dropped(name, self.now())
        node, document = self._kubelets.node(name), self.store.get(NODES, "", name)
        exchanges = {one: self._is_answered(one, path) for one in node.tracked}
        return host_network(node, document, strict, self.store, vpc, dropped=dropped, exchanges=exchanges)

    def _is_answered(self, exchange: Exchange, path: LookupPath) -> bool:
        """Return whether whom an exchange is led to answers its client."""
        pod = self.store.get(PODS, *self._kubelets.owner_of(exchange.client))
        return path.ask(pod, exchange.client, exchange.led_to, ".", "udp").outcome not in SILENT

    def added_beside(self, document: Json) -> Json:
        """Store a pod that got an ephemeral container, which runs at once where its namespace admits it."""
        check_pod_security(self.store.find(NAMESPACES, "", document["metadata"]["namespace"]), document)
        beside = besides(document, self.now())
        return self.store.put(
            PODS, {**document, "status": {**document.get("status", {}), "ephemeralContainerStatuses": beside}}
        )

    def created(self, kind: ResourceType, document: Json, *, dry_run: bool = False) -> Json:
        """Create an object; a pod is refused where its namespace's Pod Security does not admit it."""
        metadata = document["metadata"]
        place = metadata["namespace"] if kind.namespaced else ""
        namespace = self.store.find(NAMESPACES, "", place) if kind.namespaced else None
        if kind.namespaced and namespace is None:
            raise not_found(NAMESPACES, place)
        if self.store.find(kind, place, metadata["name"]):
            raise already_exists(kind, metadata["name"])
        if kind is PODS:
            check_pod_security(namespace, document)
            document = {**document, "status": {"phase": "Pending"}}
        if kind is SERVICES:
            document = self._with_address(document)
        return document if dry_run else self.store.put(kind, document)

    def _with_address(self, service: Json) -> Json:
        """Return a Service with a free ClusterIP where it asks for none, from the upper part of the range."""
        spec = service["spec"]
        if spec.get("clusterIP"):
            return service
        taken = {str(one["spec"].get("clusterIP", "")) for one in self.store.all(SERVICES)}
        known = next(one for one in sorted(taken) if one not in {"", "None"})
        block = ipaddress.ip_network(f"{known}/108" if ":" in known else f"{known}/16", strict=False)
        start = 200 * 256  # of 65536: nobody has been given one up there
        address = next(str(block[at]) for at in range(start, start + 256) if str(block[at]) not in taken)
        return {**service, "spec": {"type": "ClusterIP", **spec, "clusterIP": address, "clusterIPs": [address]}}
