"""Opens the far ends of one cluster: readers and the prober here, writers apart, with other credentials.

Opening connects to nothing. botocore and kubernetes are imported when the first of them is opened:
they cost a second that `dnsbot --help` must not pay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bot.clients.connection import ClusterConnection
from bot.clients.own_names import OwnNames
from bot.clients.pace import Pace
from bot.clients.time_limit import seconds_left
from bot.clients.traffic import WireTraffic
from bot.domain.cluster import ClusterTarget, PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.places import HOME, Place
from bot.domain.ports import AwsReader, AwsWriter, ClusterReader, ClusterWriter, NetworkProber, NodeRun, PodProber
from bot.errors import WriteFailed

if TYPE_CHECKING:
    from bot.clients.aws_identity import AwsIdentity
    from bot.clients.identities import Identities, Wire
    from bot.clients.kubernetes_api import KubernetesApi
    from bot.clients.network_probing import ProbeClusters

READ_SESSION = "dnsbot-read"
"""Name of the reader's role session, as CloudTrail shows it."""

_CLUSTER_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSources:
    """Implements `ports.Sources` and `ports.Traffic` for one cluster. Safe among threads."""

    _target: ClusterTarget
    _identities: Identities
    _kubernetes: KubernetesApi
    _probes: ProbeClusters
    _names: OwnNames
    _traffic: WireTraffic

    def cluster(self, deadline: Deadline) -> ClusterReader:
        from bot.clients.kubernetes_reading import KubernetesReader  # noqa: PLC0415  # import late

        return KubernetesReader(self._kubernetes, deadline)

    def aws(self, deadline: Deadline, place: Place = HOME) -> AwsReader:
        from bot.clients.aws_reading import BotocoreReader  # noqa: PLC0415  # import late

        return BotocoreReader(self._identities.at(place), deadline, place)

    def pods(self, deadline: Deadline) -> PodProber:
        from bot.clients.kubernetes_exec import KubernetesProber  # noqa: PLC0415  # import late

        return KubernetesProber(self._kubernetes, self._names, deadline)

    def nodes(self) -> NodeRun:
        from bot.clients.node_probing import ClusterNodes  # noqa: PLC0415  # import late

        return ClusterNodes(self._target, self._kubernetes, self._names)

    def networks(self, deadline: Deadline) -> NetworkProber:
        from bot.clients.network_probing import OtherNetworks  # noqa: PLC0415  # import late

        return OtherNetworks(clusters=self._probes, identities=self._identities, names=self._names, deadline=deadline)

    def remove_left_probe_pods(self, deadline: Deadline) -> tuple[PodName, ...]:
        """Remove the probe pods of processes that were killed, and return them. Raises `EvidenceUnavailable`."""
        from bot.clients.probe_pods import remove_left_behind  # noqa: PLC0415  # import late

        probe = self._target.node_probe
        return remove_left_behind(self._kubernetes, probe, deadline) if probe else ()

    def may(self, permission: KubernetesPermission, deadline: Deadline) -> bool:
        """Return whether the reading identity has this Kubernetes permission."""
        from bot.clients.kubernetes_access import may  # noqa: PLC0415  # import late

        return may(self._kubernetes, permission, deadline)

    def totals(self) -> Mapping[str, int]:
        return self._traffic.totals()

    def close(self) -> None:
        """Close idle connections."""
        self._identities.close()
        self._kubernetes.login.close()
        self._probes.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWriters:
    """Implements `ports.Writers` for one cluster. A writer that is not configured raises `WriteFailed`."""

    _target: ClusterTarget
    _identities: Identities
    _kubernetes: KubernetesApi | None
    _nodes: KubernetesApi
    """As nodes are seen: probe pods are made with this credential."""
    _traffic: WireTraffic = field(default_factory=WireTraffic)

    def cluster(self, deadline: Deadline) -> ClusterWriter:
        if self._kubernetes is None:
            raise WriteFailed(
                f"Nothing in {self._target.name} was changed: no Kubernetes writer is configured. Set `writer_context` "
                "(with `kubeconfig`) or `writer_role_arn` for this cluster in dnsbot.yaml."
            )
        from bot.clients.kubernetes_writing import KubernetesWriter  # noqa: PLC0415  # import late

        return KubernetesWriter(self._kubernetes, deadline)

    def probe_pods(self, deadline: Deadline) -> ClusterWriter:
        from bot.clients.probe_pod_writing import ProbePodWriter  # noqa: PLC0415  # import late

        namespace = self._target.node_probe.namespace if self._target.node_probe else ""
        return ProbePodWriter(self._nodes, deadline, cluster=self._target.name, namespace=namespace)

    def aws(self, deadline: Deadline, place: Place = HOME) -> AwsWriter:
        if place not in self._identities:
            of, whose = ("", "this cluster") if place == HOME else (f"{place} of ", "this peer")
            raise WriteFailed(
                f"Nothing in the account of {of}{self._target.name} was changed: no AWS writer is configured. "
                f"Set `writer_role_arn` for {whose} in dnsbot.yaml."
            )
        from bot.clients.aws_writing import BotocoreWriter  # noqa: PLC0415  # import late

        return BotocoreWriter(self._identities.at(place), deadline, place)

    def may(self, permission: KubernetesPermission, deadline: Deadline) -> bool:
        """Return whether the writing identity has this Kubernetes permission; it must be configured."""
        from bot.clients.kubernetes_access import may  # noqa: PLC0415  # import late

        return self._kubernetes is not None and may(self._kubernetes, permission, deadline)

    def rehearse(self, operation: str, parameters: Mapping[str, object], deadline: Deadline) -> None:
        """Send a call to EC2 as a dry run, at home. Raises `AccessDenied` where AWS would refuse it.

        Nothing is changed.
        """
        from bot.clients.aws_rehearsing import rehearse  # noqa: PLC0415  # import late

        rehearse(self._identities.at(HOME), operation, parameters, deadline)

    def enter(self, place: Place, deadline: Deadline) -> None:
        """Become the AWS writer at a place and ask for nothing. Raises `EvidenceUnavailable` where that is refused."""
        from bot.clients.aws_writing import enter  # noqa: PLC0415  # import late

        enter(self._identities.at(place), deadline)

    def totals(self) -> Mapping[str, int]:
        return self._traffic.totals()

    def close(self) -> None:
        """Close idle connections."""
        self._identities.close()
        self._nodes.login.close()
        if self._kubernetes is not None:
            self._kubernetes.login.close()


def open_sources(connection: ClusterConnection, *, pool_size: int = 32, pace: Pace | None = None) -> ClusterSources:
    """Return what one cluster is read through.

    `pool_size` is the number of connections kept for each host: the number of threads that read at once. `pace` is that
    of all clusters of the process; None: this one alone keeps to it.
    """
    from bot.clients.network_probing import ProbeClusters  # noqa: PLC0415  # import late

    wire = _wire(connection, pool_size, pace)
    identities = _reading(connection, wire)
    return ClusterSources(
        _target=connection.target,
        _identities=identities,
        _kubernetes=_as_reader(connection, identities, wire),
        _probes=ProbeClusters(
            lambda probe: _from_kubeconfig(probe.kubeconfig, probe.context, wire, in_probe_cluster=True)
        ),
        _names=wire.names,
        _traffic=wire.traffic,
    )


def open_writers(
    connection: ClusterConnection, *, plan_id: str = "", pool_size: int = 4, pace: Pace | None = None
) -> ClusterWriters:
    """Return what an approved plan changes one cluster through, with the writer's credentials alone.

    AWS names the role's session `dnsbot-<plan_id>`. Where Kubernetes is written through EKS, its endpoint
    is looked up as the reader, and the token is the writer's.
    """
    from bot.clients.identities import Identities  # noqa: PLC0415  # import late

    wire = _wire(connection, pool_size, pace)
    session_name = f"dnsbot-{plan_id or 'write'}"
    readers = _reading(connection, wire)
    identities = Identities(connection.writing_roles, session_name=session_name, retries=False, wire=wire)
    kubernetes = None
    if connection.kubeconfig and connection.writer_context:
        kubernetes = _from_kubeconfig(connection.kubeconfig, connection.writer_context, wire)
    elif connection.writer_role_arn:
        kubernetes = _from_eks(connection, readers.at(HOME), identities.at(HOME), wire)
    return ClusterWriters(
        _target=connection.target,
        _identities=identities,
        _kubernetes=kubernetes,
        _nodes=_as_reader(connection, readers, wire),
        _traffic=wire.traffic,
    )


def _as_reader(connection: ClusterConnection, identities: Identities, wire: Wire) -> KubernetesApi:
    """Return a client of the cluster with the reader's credential."""
    if connection.kubeconfig:
        return _from_kubeconfig(connection.kubeconfig, connection.context, wire)
    home = identities.at(HOME)
    return _from_eks(connection, home, home, wire)


def _wire(connection: ClusterConnection, pool_size: int, pace: Pace | None) -> Wire:
    from bot.clients.identities import Wire  # noqa: PLC0415  # import late

    return Wire(
        region=connection.target.region,
        pool_size=pool_size,
        names=OwnNames(),
        traffic=WireTraffic(),
        pace=pace or Pace(),
        profile=connection.profile,
    )


def _reading(connection: ClusterConnection, wire: Wire) -> Identities:
    from bot.clients.identities import Identities  # noqa: PLC0415  # import late

    return Identities(connection.reading_roles, session_name=READ_SESSION, retries=True, wire=wire)


def _from_kubeconfig(path: str, context: str, wire: Wire, *, in_probe_cluster: bool = False) -> KubernetesApi:
    from bot.clients.kubernetes_api import KubernetesApi  # noqa: PLC0415  # import late
    from bot.clients.kubernetes_login import KubernetesLogin, from_kubeconfig  # noqa: PLC0415  # import late

    login = KubernetesLogin(
        from_kubeconfig(path, context),
        waits_for=f"the credential plugin of the kubeconfig {path}: run it by hand and see whether it ends",
        names=wire.names,
        pool_size=wire.pool_size,
    )
    return KubernetesApi(login, wire.traffic, in_probe_cluster=in_probe_cluster)


def _from_eks(
    connection: ClusterConnection,
    endpoint: AwsIdentity,
    token: AwsIdentity,
    wire: Wire,
) -> KubernetesApi:
    """Return a client of the EKS endpoint, which `endpoint` looks up and `token` signs in to."""
    from bot.clients.eks_token import TokenMaker  # noqa: PLC0415  # import late
    from bot.clients.kubernetes_api import KubernetesApi  # noqa: PLC0415  # import late
    from bot.clients.kubernetes_login import KubernetesLogin, from_eks  # noqa: PLC0415  # import late

    target = connection.target
    maker = TokenMaker(target.eks_name, target.region, partial(token.client, "sts"))
    describe = _describe_cluster(endpoint, target.eks_name)
    login = KubernetesLogin(
        from_eks(describe, maker),
        waits_for="AWS, for the cluster's endpoint or token: ask again",
        names=wire.names,
        pool_size=wire.pool_size,
    )
    return KubernetesApi(login, wire.traffic)


def _describe_cluster(endpoint: AwsIdentity, eks_name: str) -> Callable[[], RawObject]:
    from bot.clients.aws_reading import BotocoreReader  # noqa: PLC0415  # import late

    def describe() -> RawObject:
        deadline = Deadline.after(seconds_left()).sooner(_CLUSTER_SECONDS)
        return BotocoreReader(endpoint, deadline).read("eks", "DescribeCluster", name=eks_name)

    return describe
