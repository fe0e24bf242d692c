"""The cluster behind the API: its objects, and what they bring about, one turn after the other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.endpoints import EndpointController
from bot.sandbox.kubernetes.kubelet import Kubelets, PodRuntime
from bot.sandbox.kubernetes.lookups import LookupPath
from bot.sandbox.kubernetes.managed_fields import with_managed_fields
from bot.sandbox.kubernetes.pod_events import PodEvents
from bot.sandbox.kubernetes.programs import Finished, NotStarted, Unsimulated, image_kind, run, seconds_asleep
from bot.sandbox.kubernetes.refusals import bad_request, not_implemented
from bot.sandbox.kubernetes.resources import CONFIG_MAPS, PODS, STORED, Json, ResourceType
from bot.sandbox.kubernetes.scheduling import Scheduler
from bot.sandbox.kubernetes.store import Store, timestamp
from bot.sandbox.kubernetes.vpc_source import VpcSource
from bot.sandbox.kubernetes.workloads import Workloads

_SETTINGS = frozenset({"cluster_dns", "resolv_conf"})


class Cluster:
    """One cluster. `step()` must be called again and again; everything runs on one thread."""

    def __init__(self, vpc: VpcSource, *, seed: int = 0, region: str = "eu-west-1") -> None:
        self._vpc, self._seed, self._region = vpc, seed, region
        self.store = Store(seed=seed)
        self._random = random.Random(f"cluster-{seed}")  # noqa: S311  # repeats with the seed, no secret
        self._seen_revision = -1
        self._build()

    def _build(self) -> None:
        self._kubelets = Kubelets(self.store, region=self._region)
        self._workloads = Workloads(self.store)
        self._scheduler = Scheduler(self.store)
        self._endpoints = EndpointController(self.store)
        self._events = PodEvents(self.store)

    def look_at_vpc_anew(self) -> None:
        """Forget the VPC's state, after changes that its call log does not tell (an Auto Scaling group's)."""
        self._vpc.forget()
        self._seen_revision = -1

    def reset(self) -> None:
        """Forget everything."""
        self.store.clear()
        self._vpc.forget()
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
        unknown = set(settings) - _SETTINGS
        if unknown:
            raise not_implemented(f"the kubelet setting {', '.join(sorted(unknown))}")
        if not all(isinstance(value, str) for value in settings.values()):
            raise bad_request("cluster_dns is one address, resolv_conf the text of a file")
        held = self._kubelets.settings(node)
        held.cluster_dns = settings.get("cluster_dns", held.cluster_dns)
        held.resolv_conf = settings.get("resolv_conf", held.resolv_conf)

    def pass_time(self, elapsed: timedelta) -> None:
        """Date everything back, so that it happened so much longer ago."""
        self.store.date_back(elapsed)
        self._kubelets.date_back(elapsed)
        self.look_at_vpc_anew()

    async def step(self) -> None:
        """Let every controller, the scheduler and the kubelets take one turn."""
        now = self.now()
        retry_at = self._kubelets.next_retry()
        if self.store.revision == self._seen_revision and (retry_at is None or now < retry_at):
            return
        vpc = await self._vpc.current()
        self._seen_revision = self.store.revision
        self._workloads.turn()
        self._schedule(now)
        self._kubelets.turn(vpc, now)
        self._endpoints.turn()
        self._kubelets.sync_rules(vpc, now, self._endpoints.backends())

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
        """Return whether the container runs now."""
        found = self.container_run(pod, container, previous=False)
        return found is not None and found.ended is None

    async def run(self, pod: Json, container: str, command: Sequence[str]) -> Finished | NotStarted:
        """Run a command in a container and return what it gave; refuses with 501 what is not simulated."""
        runtime = self._runtime(pod)
        if runtime is None:
            raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
        path = LookupPath(self.store, self._kubelets, await self._vpc.current(), self._random, self.now())
        image = next(item["image"] for item in pod["spec"]["containers"] if item["name"] == container)
        await asyncio.sleep(seconds_asleep(command, image_kind(image)))
        try:
            return run(
                command,
                image_kind(image),
                runtime.resolv_conf,
                lambda server, name, protocol: path.ask(pod, runtime.address, server, name, protocol),
                self._random,
            )
        except Unsimulated as what:
            raise not_implemented(f"the command {what}") from None
