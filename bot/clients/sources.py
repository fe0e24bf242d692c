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
from bot.clients.time_limit import seconds_left
from bot.clients.traffic import WireTraffic
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import AwsReader, AwsWriter, ClusterReader, ClusterWriter, Prober
from bot.errors import UnitError, WriteFailed

if TYPE_CHECKING:
    from bot.clients.aws_identity import AwsIdentity
    from bot.clients.kubernetes_api import KubernetesApi

READ_SESSION = "dnsbot-read"
"""Name of the reader's role session, as CloudTrail shows it."""

_CLUSTER_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSources:
    """Implements `ports.Sources` and `ports.Traffic` for one cluster. Safe among threads."""

    _aws: AwsIdentity
    _kubernetes: KubernetesApi
    _names: OwnNames
    _traffic: WireTraffic

    def cluster(self, deadline: Deadline) -> ClusterReader:
        """See `Sources.cluster`."""
        from bot.clients.kubernetes_reading import KubernetesReader  # noqa: PLC0415  # import late

        return KubernetesReader(self._kubernetes, deadline)

    def aws(self, deadline: Deadline) -> AwsReader:
        """See `Sources.aws`."""
        from bot.clients.aws_reading import BotocoreReader  # noqa: PLC0415  # import late

        return BotocoreReader(self._aws, deadline)

    def prober(self, deadline: Deadline) -> Prober:
        """See `Sources.prober`."""
        from bot.clients.kubernetes_exec import KubernetesProber  # noqa: PLC0415  # import late

        return KubernetesProber(self._kubernetes, self._names, deadline)

    def may(self, permission: KubernetesPermission, deadline: Deadline) -> bool:
        """Return whether the reading identity has this Kubernetes permission."""
        from bot.clients.kubernetes_access import may  # noqa: PLC0415  # import late

        return may(self._kubernetes, permission, deadline)

    def totals(self) -> Mapping[str, int]:
        """See `Traffic.totals`."""
        return self._traffic.totals()

    def close(self) -> None:
        """Close idle connections."""
        self._aws.close()
        self._kubernetes.login.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWriters:
    """Implements `ports.Writers` for one cluster. A writer that is not configured raises `WriteFailed`."""

    _cluster: str
    _aws: AwsIdentity | None
    _kubernetes: KubernetesApi | None
    _traffic: WireTraffic = field(default_factory=WireTraffic)

    def cluster(self, deadline: Deadline) -> ClusterWriter:
        """See `Writers.cluster`."""
        if self._kubernetes is None:
            raise WriteFailed(
                f"Nothing in {self._cluster} was changed: no Kubernetes writer is configured. Set `writer_context` "
                "(with `kubeconfig`) or `writer_role_arn` for this cluster in dnsbot.yaml."
            )
        from bot.clients.kubernetes_writing import KubernetesWriter  # noqa: PLC0415  # import late

        return KubernetesWriter(self._kubernetes, deadline)

    def aws(self, deadline: Deadline) -> AwsWriter:
        """See `Writers.aws`."""
        if self._aws is None:
            raise WriteFailed(
                f"Nothing in the account of {self._cluster} was changed: no AWS writer is configured. "
                "Set `writer_role_arn` for this cluster in dnsbot.yaml."
            )
        from bot.clients.aws_writing import BotocoreWriter  # noqa: PLC0415  # import late

        return BotocoreWriter(self._aws, deadline)

    def may(self, permission: KubernetesPermission, deadline: Deadline) -> bool:
        """Return whether the writing identity has this Kubernetes permission; it must be configured."""
        from bot.clients.kubernetes_access import may  # noqa: PLC0415  # import late

        return self._kubernetes is not None and may(self._kubernetes, permission, deadline)

    def rehearse(self, operation: str, parameters: Mapping[str, object], deadline: Deadline) -> None:
        """Send a call to EC2 as a dry run. Raises `AccessDenied` where AWS would refuse it; nothing is changed."""
        from bot.clients.aws_rehearsing import rehearse  # noqa: PLC0415  # import late

        if self._aws is None:
            raise UnitError(f"{operation} cannot be rehearsed: no AWS writer is configured.")
        rehearse(self._aws, operation, parameters, deadline)

    def totals(self) -> Mapping[str, int]:
        """See `Traffic.totals`."""
        return self._traffic.totals()

    def close(self) -> None:
        """Close idle connections."""
        if self._aws is not None:
            self._aws.close()
        if self._kubernetes is not None:
            self._kubernetes.login.close()


def open_sources(connection: ClusterConnection, *, pool_size: int = 32) -> ClusterSources:
    """Return what one cluster is read through.

    `pool_size` is the number of connections kept for each host: the number of threads that read at once.
    """
    names, traffic = OwnNames(), WireTraffic()
    aws = _reader_identity(connection, pool_size, names, traffic)
    if connection.kubeconfig:
        kubernetes = _from_kubeconfig(connection.kubeconfig, connection.context, pool_size, names, traffic)
    else:
        kubernetes = _from_eks(connection, aws, aws, pool_size, names, traffic)
    return ClusterSources(_aws=aws, _kubernetes=kubernetes, _names=names, _traffic=traffic)


def open_writers(connection: ClusterConnection, *, plan_id: str = "", pool_size: int = 4) -> ClusterWriters:
    """Return what an approved plan changes one cluster through, with the writer's credentials alone.

    AWS names the role's session `dnsbot-<plan_id>`. Where Kubernetes is written through EKS, its endpoint
    is looked up as the reader, and the token is the writer's.
    """
    from bot.clients.aws_identity import assumed_identity  # noqa: PLC0415  # import late

    names, traffic = OwnNames(), WireTraffic()
    aws = None
    if connection.writer_role_arn:
        aws = assumed_identity(
            connection.writer_role_arn,
            f"dnsbot-{plan_id or 'write'}",
            region=connection.target.region,
            retries=False,
            pool_size=pool_size,
            names=names,
            traffic=traffic,
        )
    kubernetes = None
    if connection.kubeconfig and connection.writer_context:
        kubernetes = _from_kubeconfig(connection.kubeconfig, connection.writer_context, pool_size, names, traffic)
    elif aws is not None:
        reader = _reader_identity(connection, pool_size, names, traffic)
        kubernetes = _from_eks(connection, reader, aws, pool_size, names, traffic)
    return ClusterWriters(_cluster=connection.target.name, _aws=aws, _kubernetes=kubernetes, _traffic=traffic)


def _reader_identity(
    connection: ClusterConnection, pool_size: int, names: OwnNames, traffic: WireTraffic
) -> AwsIdentity:
    from bot.clients.aws_identity import assumed_identity, own_identity  # noqa: PLC0415  # import late

    region = connection.target.region
    if connection.role_arn:
        return assumed_identity(
            connection.role_arn,
            READ_SESSION,
            region=region,
            retries=True,
            pool_size=pool_size,
            names=names,
            traffic=traffic,
        )
    return own_identity(region=region, retries=True, pool_size=pool_size, names=names, traffic=traffic)


def _from_kubeconfig(path: str, context: str, pool_size: int, names: OwnNames, traffic: WireTraffic) -> KubernetesApi:
    from bot.clients.kubernetes_api import KubernetesApi  # noqa: PLC0415  # import late
    from bot.clients.kubernetes_login import KubernetesLogin, from_kubeconfig  # noqa: PLC0415  # import late

    login = KubernetesLogin(
        from_kubeconfig(path, context),
        waits_for=f"the credential plugin of the kubeconfig {path}: run it by hand and see whether it ends",
        names=names,
        pool_size=pool_size,
    )
    return KubernetesApi(login, traffic)


def _from_eks(
    connection: ClusterConnection,
    endpoint: AwsIdentity,
    token: AwsIdentity,
    pool_size: int,
    names: OwnNames,
    traffic: WireTraffic,
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
        names=names,
        pool_size=pool_size,
    )
    return KubernetesApi(login, traffic)


def _describe_cluster(endpoint: AwsIdentity, eks_name: str) -> Callable[[], RawObject]:
    from bot.clients.aws_reading import BotocoreReader  # noqa: PLC0415  # import late

    def describe() -> RawObject:
        deadline = Deadline.after(seconds_left()).sooner(_CLUSTER_SECONDS)
        return BotocoreReader(endpoint, deadline).read("eks", "DescribeCluster", name=eks_name)

    return describe
