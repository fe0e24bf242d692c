"""Nodes that exist only as API objects: instances in AWS, Nodes and kube-proxy pods in Kubernetes, and their logs.

The DaemonSet controller and the scheduler make and place the pods; here they are only said to run.
"""

from __future__ import annotations

import http.server
import ipaddress
import ssl
import threading
import time
from typing import Any, Self

from bot.sandbox.world.node_object import node_object
from bot.sandbox.world.world import CLUSTER, REGION, WorldNode
from lab.kubernetes_api import path_of
from lab.node_agent.agent import node_document
from lab.running import RunningLab

_FIRST_ADDRESS = 6000
"""Offset within a subnet: above what the world draws for its few real nodes, below its prefixes."""
_POD_ADDRESSES = 5
_AT_ONCE = 100
_PLACING_SECONDS = 240.0
_STARTED = "2026-11-21T06:00:00Z"
_LOG = (
    (b"2026-11-21T06:00:01.000000000Z", b'I1121 06:00:01.000000       1 proxier.go:668] "Syncing iptables rules"\n'),
    (b"2026-11-21T06:00:01.100000000Z", b'I1121 06:00:01.100000       1 proxier.go:662] "SyncProxyRules complete"\n'),
)
"""Lines with the time at which the runtime wrote them."""


class _Kubelet(http.server.BaseHTTPRequestHandler):
    """Answers every request for a log with the same two lines of a healthy kube-proxy."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        dated = "timestamps=true" in self.path
        log = b"".join((time_stamp + b" " if dated else b"") + line for time_stamp, line in _LOG)
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(log)))
        self.end_headers()
        self.wfile.write(log)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


class PaperNodes:
    """Adds nodes to a running lab while the context lasts; the lab's end removes them."""

    def __init__(self, lab: RunningLab) -> None:
        self._lab, self._api = lab, lab.control_plane.api()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Kubelet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="paper-kubelet", daemon=True)
        self.count = 0

    def __enter__(self) -> Self:
        """Serve their logs."""
        made = self._lab.control_plane.certificates
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made.server, made.server_key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def grow_to(self, count: int) -> None:
        """Add nodes until there are `count`, and wait until each has a running kube-proxy pod."""
        while self.count < count:
            size = min(_AT_ONCE, count - self.count)
            self._add(size)
            self.count += size
        self._run_their_pods()

    def _add(self, size: int) -> None:
        world = self._lab.world
        places = [self._place(self.count + number) for number in range(size)]
        launched = self._lab.operator.launch([instance for _, instance in places])
        for (place, instance), made in zip(places, launched, strict=True):
            address = instance["interfaces"][0]["private_ip_address"]
            subnet = world.home.subnets[place]
            node = WorldNode(
                name=f"ip-{address.replace('.', '-')}.{REGION}.compute.internal",
                instance_id=made["instance_id"],
                address=address,
                zone=subnet.zone,
                subnet_id=subnet.id,
                node_group=world.node_groups[0],
                interface_ids=tuple(item["id"] for item in made["interfaces"]),
            )
            document = node_document(node_object(world, node))
            document["status"]["daemonEndpoints"] = {"kubeletEndpoint": {"Port": self._server.server_address[1]}}
            self._api.apply(document)

    def _place(self, number: int) -> tuple[int, dict[str, Any]]:
        """Return the subnet's place and the instance to launch."""
        world = self._lab.world
        place = number % len(world.home.subnets)
        network = ipaddress.ip_network(world.home.subnets[place].cidr)
        first = _FIRST_ADDRESS + number // len(world.home.subnets) * (_POD_ADDRESSES + 1)
        addresses = [str(network[first + offset]) for offset in range(_POD_ADDRESSES + 1)]
        interface = {
            "subnet_id": world.home.subnets[place].id,
            "private_ip_address": addresses[0],
            "security_group_ids": [world.cluster_security_group_id],
            "description": "",
            "secondary_private_ip_addresses": addresses[1:],
        }
        tags = {f"kubernetes.io/cluster/{CLUSTER}": "owned", "eks:cluster-name": CLUSTER}
        return place, {"instance_type": "m5.large", "tags": tags, "interfaces": [interface]}

    def _run_their_pods(self) -> None:
        real = {node.name for node in self._lab.world.nodes}
        until = time.monotonic() + _PLACING_SECONDS
        while time.monotonic() < until:
            pods = self._api.list("pods", namespace="kube-system", query="labelSelector=k8s-app%3Dkube-proxy")
            placed = [pod for pod in pods if pod["spec"].get("nodeName", "") not in {"", *real}]
            for pod in placed:
                if pod["status"].get("phase") != "Running":
                    self._api.call("PUT", f"{path_of(pod)}/status", {**pod, "status": _running(pod)})
            if len(placed) == self.count:
                return
            time.sleep(1)
        message = f"only {len(placed)} of {self.count} kube-proxy pods were placed within {_PLACING_SECONDS:g} s"
        raise TimeoutError(message)


def _running(pod: dict[str, Any]) -> dict[str, Any]:
    name = pod["spec"]["containers"][0]["name"]
    ready = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
    container = {
        "name": name,
        "image": pod["spec"]["containers"][0]["image"],
        "imageID": "",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": _STARTED}},
    }
    return {"phase": "Running", "conditions": ready, "containerStatuses": [container], "startTime": _STARTED}
