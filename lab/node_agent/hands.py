"""What every pod's keeper works with: the API, the VPC, the programs, and the machine's processes."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bot.domain.enforcing_mode import EnforcingMode
from lab.kubernetes_api import Json, KubernetesApi
from lab.namespaces import Run, joined
from lab.node_agent.addresses import AddressPool
from lab.node_agent.resolv_conf import KubeletSettings
from lab.pod_security_groups import PodSecurityGroups
from lab.programs import Programs
from lab.vpc_wiring import VpcWiring

T = TypeVar("T")
_LAUNCH = str(Path(__file__).with_name("launch.py"))
_PROBE_SECONDS = 1.0


@dataclass(slots=True)
class CniSettings:
    """What the VPC CNI's plugin goes by on a node: aws-node writes it there when it starts."""

    mode: EnforcingMode = EnforcingMode.STRICT
    """For pods with branch interfaces that are made from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNode:
    """A worker node that this agent plays the kubelet of."""

    name: str
    netns: str
    address: str
    document: Json
    """The Node object to register."""
    pool: AddressPool
    settings: KubeletSettings
    cni: CniSettings = field(default_factory=CniSettings)

    @property
    def instance_id(self) -> str:
        """The node's EC2 instance."""
        return str(self.document["spec"]["providerID"]).rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Shared by all keepers; blocking work goes to threads of the agent's own."""

    api: KubernetesApi
    wiring: VpcWiring
    """Of the cluster's VPC."""
    run: Run
    programs: Programs
    folder: Path
    """For pods' files."""
    authority: Path
    """The cluster's CA certificate."""
    pod_groups: PodSecurityGroups | None = None
    """None: every pod gets an address of its node's."""
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(24, thread_name_prefix="lab-node"))

    async def away(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def launch(self, netns: str, folder: Path, specification: dict[str, Any]) -> subprocess.Popen[bytes]:
        """Start a container's program; `specification` as `launch.become` reads it. Both streams come by one pipe."""
        file = folder / "launch.json"
        file.write_text(json.dumps(specification), encoding="utf-8")
        return self.run.run_in(
            netns,
            [sys.executable, "-I", "-S", _LAUNCH, str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def http_status(self, netns: str, address: str, port: int, path: str) -> int:
        """Return the HTTP status of a probe that goes out from a namespace; 0: no answer."""
        with joined(netns):
            connection = http.client.HTTPConnection(address, port, timeout=_PROBE_SECONDS)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0
            finally:
                connection.close()

    def account_token(self, namespace: str, account: str) -> str:
        """Return a token of a service account, by the TokenRequest API, as a kubelet asks for it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 86400}}
        return str(self.api.call("POST", path, body)["status"]["token"])
