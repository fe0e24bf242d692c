"""`clusters:` of dnsbot.yaml: what the workflow needs to know of each cluster, and how to reach it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.clients.connection import ClusterConnection
from bot.domain.cluster import ClusterTarget, NodeProbe
from bot.domain.phrases import nearest
from bot.domain.places import PublicResolution
from bot.settings.entries import ChannelId, Cidr, Duration, Entry, Price, Region, RoleArn, Selector
from bot.settings.networks import OnPremisesEntry, PeerEntry, check_kubeconfig, check_networks, on_premises
from bot.workflow.located_yaml import LocatedYaml

OFTENEST, SELDOMEST = timedelta(minutes=1), timedelta(days=1)
"""A look is a full diagnosis, which may take a minute."""


class NodeProbeEntry(Entry):
    """`node_probe:` of a cluster."""

    image: str = Field(pattern=r"^\S+$")
    namespace: str = Field(default="kube-system", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")


def _watch(every: timedelta) -> timedelta:
    if not OFTENEST <= every <= SELDOMEST:
        raise ValueError("a time from 1m to 24h is expected, such as 5m")
    return every


class ClusterEntry(Entry):
    """One cluster."""

    environment: str = ""
    region: Region
    eks_name: str = ""
    role_arn: RoleArn = ""
    writer_role_arn: RoleArn = ""
    kubeconfig: str = ""
    context: str = ""
    writer_context: str = ""
    channel: ChannelId | Literal[""] = ""
    watch: Annotated[Duration, AfterValidator(_watch)] | None = None
    workload_selector: Selector = ""
    peers: list[PeerEntry] = Field(default=[])
    on_premises: list[OnPremisesEntry] = Field(default=[])
    on_premises_cidrs: list[Cidr] = Field(default=[])
    public_resolution: PublicResolution = PublicResolution.UNKNOWN
    node_probe: NodeProbeEntry | None = None
    debug_image: str = Field(default="", pattern=r"^\S*$")
    resolver_interface_price: Price = ""


def cluster_connection(
    name: str, entry: ClusterEntry, document: LocatedYaml, *, folder: Path, environments: Collection[str]
) -> ClusterConnection:
    """Return one cluster as the clients need it. Raises `ConfigurationError` for what contradicts itself.

    Paths in the file are relative to `folder`; `environments` are those that have a policy.
    """
    _check(entry, document, ("clusters", name), environments, folder)
    kubeconfig = str((folder / entry.kubeconfig).resolve()) if entry.kubeconfig else ""
    peers = tuple(peer.peer(folder, region=entry.region, role_arn=entry.role_arn) for peer in entry.peers)
    return ClusterConnection(
        target=ClusterTarget(
            name=name,
            eks_name=entry.eks_name or name,
            region=entry.region,
            environment=entry.environment,
            channel=entry.channel,
            workload_selector=entry.workload_selector,
            aws_writer=bool(entry.writer_role_arn),
            kubernetes_writer=bool(entry.writer_context if kubeconfig else entry.writer_role_arn),
            peers=peers,
            on_premises=on_premises(entry.on_premises, entry.on_premises_cidrs, folder),
            public_resolution=entry.public_resolution,
            node_probe=_node_probe(entry.node_probe),
            watch_seconds=round(entry.watch.total_seconds()) if entry.watch else 0,
            debug_image=entry.debug_image,
            resolver_interface_price=entry.resolver_interface_price,
        ),
        role_arn=entry.role_arn,
        writer_role_arn=entry.writer_role_arn,
        kubeconfig=kubeconfig,
        context=entry.context,
        writer_context=entry.writer_context,
        peer_roles={peer.place: written.roles for peer, written in zip(peers, entry.peers, strict=True)},
    )


def _node_probe(entry: NodeProbeEntry | None) -> NodeProbe | None:
    return NodeProbe(image=entry.image, namespace=entry.namespace) if entry else None


def _check(
    entry: ClusterEntry, document: LocatedYaml, at: tuple[str, str], environments: Collection[str], folder: Path
) -> None:
    if entry.environment and entry.environment not in environments:
        raise document.error(
            f"environment {entry.environment!r} has no policy of its own name under `approvals`; a typo must not "
            "loosen approval.",
            (*at, "environment"),
            hint=nearest(entry.environment, environments, "environment"),
        )
    if (entry.context or entry.writer_context) and not entry.kubeconfig:
        raise document.error("`context` and `writer_context` need `kubeconfig`.", at)
    if entry.watch and not entry.channel:
        raise document.error("`watch` needs `channel`, where what is new and critical is posted.", (*at, "watch"))
    if entry.context and entry.context == entry.writer_context:
        raise document.error(
            "is the `context` that reads: what may change the cluster must be another identity.",
            (*at, "writer_context"),
            hint="Name a context of the writing identity, or leave it out: then nothing is changed there.",
        )
    if entry.on_premises and entry.on_premises_cidrs:
        raise document.error(
            "is the short form of `on_premises`: write one of the two.",
            (*at, "on_premises_cidrs"),
            hint="`on_premises` names each network and may say where to look up from.",
        )
    check_networks(entry.peers, entry.on_premises, entry.role_arn, document, at, folder)
    check_kubeconfig(entry.kubeconfig, folder, document, (*at, "kubeconfig"))
