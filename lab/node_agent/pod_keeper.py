"""Keeps one pod: its sandbox, files and containers, and the status that the API server shows of it."""

from __future__ import annotations

import asyncio
import contextlib
import http
import os
import shutil
from functools import partial
from typing import Any

from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.sandbox.kubernetes.client_traffic import NAMES, RATE
from bot.sandbox.kubernetes.memory import memory_limit
from bot.sandbox.kubernetes.pod_statuses import ContainerState, pod_status
from bot.sandbox.network.branch_interfaces import BranchInterface
from lab.kubernetes_api import ApiRefused, Json, collection
from lab.memory_groups import MemoryGroup, place
from lab.node_agent.container import Container
from lab.node_agent.container_run import ContainerRun, now
from lab.node_agent.events import PodEvents
from lab.node_agent.hands import AgentNode, Hands
from lab.node_agent.images import Contents, contents, root_of
from lab.node_agent.pod_files import PodFiles

_RETRY_SECONDS = 0.5
_GRACE_SECONDS = 30
_NO_ADDRESS = (
    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: plugin "
    'type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container'
)


class PodKeeper:
    """One pod from its binding to a node until it is gone. Everything runs on the agent's loop."""

    def __init__(self, pod: Json, node: AgentNode, hands: Hands, events: PodEvents) -> None:
        self.pod, self.node = pod, node
        self._hands, self._events = hands, events
        metadata = pod["metadata"]
        self._name = f"{metadata['namespace']}-{metadata['name']}-{metadata['uid'][:4]}"
        self._full_name = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        self._folder = hands.folder / metadata["uid"]
        self._files = PodFiles(pod, node, hands, self._folder)
        self._address = ""
        self._netns = ""
        self._attaching: asyncio.Future[str] | None = None
        self._laid = False
        self._dirty = asyncio.Event()
        self._ending = asyncio.Event()
        self._gone = False
        self.containers: list[Container] = []
        self._memory: dict[str, MemoryGroup] = {}

    @property
    def on_host(self) -> bool:
        """Whether the pod lives in its node's own namespace."""
        return bool(self.pod["spec"].get("hostNetwork"))

    def container(self, name: str) -> Container | None:
        """Return a container by its name."""
        return next((container for container in self.containers if container.state.name == name), None)

    def updated(self, pod: Json) -> None:
        """Take notice of what the API server shows now."""
        self.pod = pod
        if "deletionTimestamp" in pod["metadata"]:
            self._ending.set()

    def removed(self) -> None:
        """End the pod at once: its object is gone."""
        self._gone = True
        self._ending.set()

    async def keep(self) -> None:
        """Run the pod until it has ended and its object is gone.

        Raises what made that impossible (`LabError`, OSError), with the pod ended and its object deleted all the same.
        """
        tasks = [asyncio.ensure_future(work) for work in (self._live(), self._publish(), self._ending.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:  # where the agent stops, it has this cancelled and calls `kill`
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        try:
            for task in done:
                task.result()
        finally:
            await self._end()

    async def _live(self) -> None:
        await self._make_sandbox()
        self._files.write_resolv_conf()
        await self._insist("FailedMount", self._files.write)
        for specification in self.pod["spec"]["containers"]:
            self._tell("Pulled", f'Container image "{specification["image"]}" already present on machine', "Normal")
            self.containers.append(
                Container(
                    specification,
                    logs=self._folder / specification["name"],
                    launch=partial(self._launch, specification),
                    probe=self._probe,
                    out_of_memory=partial(self._out_of_memory, specification["name"]),
                    tell=self._tell,
                    changed=self._dirty.set,
                )
            )
        await asyncio.gather(*(container.tend(self._full_name) for container in self.containers))

    async def _make_sandbox(self) -> None:
        if self.on_host:
            self._netns, self._address = self.node.netns, self.node.address
            return
        own = await self._hands.away(self._own_interface)
        self._address = own.privateIp if own else await self._node_address()
        wiring = self._hands.wiring
        attached = (
            partial(wiring.attach_branch_pod, vlan=own.vlanId, mode=self.node.cni.mode)
            if own
            else partial(wiring.attach_pod, interface=self.node.pool.interface(self._address))
        )
        attach = partial(attached, self.node.name, self._name, self._address)
        self._attaching = asyncio.ensure_future(self._hands.away(attach))
        self._netns = await asyncio.shield(self._attaching)

    def _own_interface(self) -> BranchInterface | None:
        groups = self._hands.pod_groups
        return groups.give(self.pod, self.node.instance_id) if groups else None

    async def _node_address(self) -> str:
        """Take a free address of the node's, as soon as there is one."""
        while not (address := self.node.pool.take()):
            self._tell("FailedCreatePodSandBox", _NO_ADDRESS, "Warning")
            await asyncio.sleep(_RETRY_SECONDS * 4)
        return address

    async def _insist(self, reason: str, work: Any) -> None:  # noqa: ANN401  # any blocking call
        while True:
            try:
                await self._hands.away(work)
            except (ApiRefused, OSError) as error:
                self._tell(reason, str(error)[:300], "Warning")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _launch(self, specification: Json) -> Any:  # noqa: ANN401  # subprocess.Popen
        image = specification["image"]
        has = contents(image)
        arguments = list(specification.get("args") or [])
        environment = self._files.environment(specification)
        if has is Contents.KUBE_PROXY and not arguments:
            arguments = self._files.kube_proxy_arguments()
        if has is Contents.VPC_CNI:
            self.node.cni.mode = EnforcingMode.of(environment.get(ENFORCING_MODE, ""))
        pause = 1 / float(environment.get(RATE, "1")) if environment.get(NAMES) else 0
        command = list(specification.get("command") or [])
        root = root_of(image, arguments, self._hands.programs, command=command, asks_each_seconds=pause)
        folder = self._folder / specification["name"]
        folder.mkdir(parents=True, exist_ok=True)
        launched = {
            "root": str(folder / "root"),
            "mounts": [*dict.fromkeys([*root.mounts, *self._of_node()]), *self._files.mounts(specification)],
            "links": root.links,
            "program": root.program,
            "arguments": root.arguments,
            "environment": environment,
            "memory_group": self._memory_group(specification),
        }
        cache = self._files.node_cache
        if cache:
            await self._hands.away(partial(cache.lay_interface, self._netns))
        process = await self._hands.away(partial(self._hands.launch, self._netns, folder, launched))
        if cache:
            self._laid = True
            await self._hands.away(partial(cache.lay_rules_when_served, self._netns, process))
        return process

    def _memory_group(self, specification: Json) -> str:
        """Return the file by which a process joins its container's group, as every mount namespace sees it.

        Empty: it has no limit, or this machine lets no such group be made. A group is made once for all runs.
        """
        name, limit, where = specification["name"], memory_limit(specification), place()
        if limit is None or where is None:
            return ""
        if name not in self._memory:
            group = f"dl{self._hands.run.id}-{self.pod['metadata']['uid']}-{name}"
            self._memory[name] = MemoryGroup(where, group, limit)
        return f"/proc/{os.getpid()}/root{self._memory[name].folder}/cgroup.procs"

    def _out_of_memory(self, container: str) -> bool:
        return container in self._memory and self._memory[container].has_killed()

    def _of_node(self) -> tuple[tuple[str, str], ...]:
        """Return what a container on the host's network sees of its node: there /proc tells of its connections."""
        return (("/proc", "/proc"),) if self.on_host else ()

    async def _probe(self, port: int, path: str) -> int:
        return await self._hands.away(partial(self._hands.http_status, self.node.netns, self._address, port, path))

    def _tell(self, reason: str, message: str, kind: str) -> None:
        self._hands.threads.submit(self._events.add, self.pod, reason, message, kind=kind)

    def configuration_changed(self, config_map: Json) -> None:
        """Write a ConfigMap's files anew if this pod mounts it."""
        self._files.rewrite(config_map)

    async def _publish(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            states = [container.state for container in self.containers]
            if len(states) < len(self.pod["spec"]["containers"]):
                continue
            body = {"metadata": {"uid": self.pod["metadata"]["uid"]}, "status": self._status(states)}
            try:
                call = partial(
                    self._hands.api.call,
                    "PATCH",
                    f"{self._path}/status",
                    body,
                    kind="application/strategic-merge-patch+json",
                )
                self.pod = await self._hands.away(call)
            except ApiRefused as refused:
                if refused.status == http.HTTPStatus.NOT_FOUND or await self._is_another(refused):
                    self.removed()
                    return
                self._dirty.set()
                await asyncio.sleep(_RETRY_SECONDS)
            except OSError:
                self._dirty.set()
                await asyncio.sleep(_RETRY_SECONDS)

    def _status(self, states: list[ContainerState[ContainerRun]]) -> Json:
        """Return the pod's status as a patch: what a condition no longer says must be taken away."""
        status = pod_status(self.pod, states, address=self._address, node_address=self.node.address, now=now())
        silent = {"reason": None, "message": None}
        return {**status, "conditions": [{**silent, **condition} for condition in status["conditions"]]}

    async def _is_another(self, refused: ApiRefused) -> bool:
        """Tell whether a conflict says that the pod's name belongs to another pod by now."""
        if refused.status != http.HTTPStatus.CONFLICT:
            return False
        try:
            there = await self._hands.away(partial(self._hands.api.call, "GET", self._path))
        except ApiRefused as of_reading:
            return of_reading.status == http.HTTPStatus.NOT_FOUND
        except OSError:
            return False
        return bool(there["metadata"]["uid"] != self.pod["metadata"]["uid"])

    @property
    def _path(self) -> str:
        metadata = self.pod["metadata"]
        return f"{collection('pods', metadata['namespace'])}/{metadata['name']}"

    async def _end(self) -> None:
        grace = 0 if self._gone else self.pod["metadata"].get("deletionGracePeriodSeconds", _GRACE_SECONDS)
        if self._attaching is not None:
            await asyncio.wait([self._attaching])
            self._netns = "" if self._attaching.exception() else self._attaching.result()
        await asyncio.gather(*(container.stop(grace) for container in self.containers))
        await self._hands.away(self._clean)
        if not self._gone:
            await self._delete_object()
        if self._attaching is not None:
            self._attaching.result()  # raises what made the sandbox impossible, where the pod was to end meanwhile

    def _clean(self) -> None:
        if self._laid and self._files.node_cache:
            self._files.node_cache.remove(self._netns)
        if self._netns and not self.on_host:
            self._hands.wiring.detach_pod(self.node.name, self._name)
            groups = self._hands.pod_groups
            if groups is None or not groups.take_back(self.pod):
                self.node.pool.give_back(self._address)
        for group in self._memory.values():
            group.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _delete_object(self) -> None:
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod["metadata"]["uid"]}}
        for _ in range(20):
            try:
                await self._hands.away(partial(self._hands.api.call, "DELETE", self._path, body))
            except ApiRefused:
                return
            except OSError:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def kill(self) -> None:
        """End all programs at once; the objects stay. For the end of the lab."""
        with contextlib.suppress(ProcessLookupError):
            await asyncio.gather(*(container.stop(0) for container in self.containers))
