"""The real control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

It runs in a network namespace of its own: ports are fixed there. Clients must have joined that namespace.
Flags that are not obvious:

- `ServiceAccount` admission is off: the node agent asks for tokens itself, pods need no volume for them.
- `TaintNodesByCondition` is off: no controller runs here that would take the not-ready taint away again.
- `endpoint-reconciler-type none`: the EndpointSlice behind 172.20.0.1 names the VPC addresses, as in EKS.
- The API server reaches every node agent on loopback by the nodes' Hostname address.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.running.started import Started
from bot.sandbox.world.world import SERVICE_CIDR
from lab.certificates import Certificates, write_certificates
from lab.children import Child
from lab.kubernetes_api import ApiRefused, KubernetesApi
from lab.namespaces import Run
from lab.programs import Programs

PORT = 443
_ETCD = "http://127.0.0.1:2379"
_START_SECONDS = 60.0
_CONTROLLERS = (
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "serviceaccount-controller",
    "statefulset-controller",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody whom the API server knows by a token."""

    name: str
    token: str
    groups: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The user's line in the token file."""
        groups = f',"{",".join(self.groups)}"' if self.groups else ""
        return f"{self.token},{self.name},{self.name}{groups}\n"


ADMIN = User(name="lab-admin", token="admin-token", groups=("system:masters",))  # noqa: S106  # opens this lab alone
READER = User(
    name="dnsbot-reader",
    token="reader-token",  # noqa: S106  # the same
    groups=("dnsbot-read", "dnsbot-look-up", "dnsbot-node"),
)
PROBER = User(name="dnsbot-prober", token="prober-token", groups=("dnsbot-look-up",))  # noqa: S106  # the same
WRITER = User(name="dnsbot-writer", token="writer-token", groups=("dnsbot-write",))  # noqa: S106  # the same
KUBELETS = User(name="lab-kubelets", token="kubelets-token", groups=("system:masters",))  # noqa: S106  # the same
USERS = (
    ADMIN,
    READER,
    PROBER,
    WRITER,
    KUBELETS,
    User(name="system:kube-controller-manager", token="controllers-token"),  # noqa: S106  # the same
    User(name="system:kube-scheduler", token="scheduler-token"),  # noqa: S106  # the same
)


class ControlPlane(Started):
    """Runs while the context lasts, in the namespace `netns`. Its files and logs lie in the run's directory."""

    certificates: Certificates

    def __init__(self, run: Run, netns: str, programs: Programs) -> None:
        self._run, self._netns, self._programs = run, netns, programs
        self._folder = run.directory / "control-plane"
        self._children: dict[str, Child] = {}

    def start(self) -> None:
        """Start everything and wait until the API server is ready. Raises `LabError`."""
        self._folder.mkdir()
        self.certificates = write_certificates(self._folder)
        self._context = ssl.create_default_context(cafile=str(self.certificates.authority))
        users = self._folder / "users.csv"
        users.write_text("".join(user.line for user in USERS), encoding="utf-8")
        self._run_program("etcd", *self._etcd_flags())
        server = self._run_program("kube-apiserver", *self._api_server_flags(users))
        server.wait_until(self._ready, _START_SECONDS)
        self._run_program("kube-controller-manager", *self._controller_flags())
        self._run_program("kube-scheduler", *self._scheduler_flags())

    def stop(self) -> None:
        """End everything at once: nothing here is kept."""
        for child in reversed(self._children.values()):
            child.stop(at_once=True)
        self._children.clear()

    def child(self, name: str) -> Child:
        """Return a program by its name, such as `kube-apiserver`."""
        return self._children[name]

    def api(self, user: User = ADMIN) -> KubernetesApi:
        """Return a client that acts as this user."""
        return KubernetesApi(port=PORT, token=user.token, context=self._context)

    def kubeconfig(self, *contexts: tuple[str, User], server: str = f"https://127.0.0.1:{PORT}") -> str:
        """Return a kubeconfig with these contexts (name, user); the first is the current one."""
        users = "".join(f"- name: {name}\n  user: {{token: {user.token}}}\n" for name, user in contexts)
        named = "".join(f"- name: {name}\n  context: {{cluster: lab, user: {name}}}\n" for name, _ in contexts)
        cluster = f'{{server: "{server}", certificate-authority: "{self.certificates.authority}"}}'
        return (
            f"apiVersion: v1\nkind: Config\nclusters:\n- name: lab\n  cluster: {cluster}\n"
            f"users:\n{users}contexts:\n{named}current-context: {contexts[0][0]}\n"
        )

    def _run_program(self, name: str, *flags: str) -> Child:
        child = Child(self._run, self._netns, [self._programs.path(name), *flags], self._folder / f"{name}.log")
        self._children[name] = child
        return child

    def _ready(self) -> bool:
        try:
            self.api().call("GET", "/readyz", seconds=2)
        except (OSError, ApiRefused):
            return False
        return True

    def _etcd_flags(self) -> list[str]:
        return [
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _api_server_flags(self, users: Path) -> list[str]:
        made = self.certificates
        return [
            f"--etcd-servers={_ETCD}",
            f"--secure-port={PORT}",
            "--bind-address=0.0.0.0",
            "--advertise-address=192.0.2.1",  # used by no one: there is no endpoint reconciler
            f"--tls-cert-file={made.server}",
            f"--tls-private-key-file={made.server_key}",
            f"--token-auth-file={users}",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--service-account-issuer=https://oidc.eks.eu-west-1.amazonaws.com/id/LAB",
            f"--service-account-key-file={made.account_key}",
            f"--service-account-signing-key-file={made.account_key}",
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--endpoint-reconciler-type=none",
            "--kubelet-preferred-address-types=Hostname,InternalIP",
            f"--kubelet-certificate-authority={made.authority}",
            "--allow-privileged=true",
            "--profiling=false",
        ]

    def _controller_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self._own_kubeconfig('kube-controller-manager', 'controllers-token')}",
            "--leader-elect=false",
            "--use-service-account-credentials",
            f"--controllers={','.join(_CONTROLLERS)}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ]

    def _scheduler_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self._own_kubeconfig('kube-scheduler', 'scheduler-token')}",
            "--leader-elect=false",
        ]

    def _own_kubeconfig(self, name: str, token: str) -> Path:
        path = self._folder / f"{name}.kubeconfig"
        path.write_text(self.kubeconfig((name, User(name=name, token=token))), encoding="utf-8")
        return path
