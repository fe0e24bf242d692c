"""`peers:` and `on_premises:` of a cluster in dnsbot.yaml: the other networks that must resolve its endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from bot.clients.connection import Roles
from bot.domain.places import HOME, FunctionProbe, InstanceProbe, OnPremises, Peer, Place, PodProbe, Probe
from bot.settings.entries import Cidr, Entry, Region, RoleArn, account_of
from bot.workflow.located_yaml import KeyPath, LocatedYaml

_Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
_SHORT_FORM = "on-premises"
"""The name of the network that `on_premises_cidrs` makes."""


class ProbeEntry(Entry):
    """Where to look names up from: one of an instance, a function and the pods of a cluster."""

    ssm_instance: str = Field(default="", pattern=r"^(m?i-[0-9a-f]+)?$")
    function: str = Field(default="", alias="lambda")
    kubeconfig: str = ""
    context: str = ""
    selector: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(map(bool, (self.ssm_instance, self.function, self.kubeconfig))) != 1:
            raise ValueError("exactly one of `ssm_instance`, `lambda` and `kubeconfig` is expected")
        if bool(self.selector) != bool(self.kubeconfig) or (self.context and not self.kubeconfig):
            raise ValueError("`kubeconfig` needs `selector`, and these and `context` go with no other kind of probe")
        return self

    def probe(self, folder: Path) -> Probe:
        """Return it as the domain knows it. Paths in the file are relative to the file's folder."""
        if self.ssm_instance:
            return InstanceProbe(instance_id=self.ssm_instance)
        if self.function:
            return FunctionProbe(function=self.function)
        kubeconfig = str((folder / self.kubeconfig).resolve())
        return PodProbe(kubeconfig=kubeconfig, context=self.context, selector=self.selector)


class PeerEntry(Entry):
    """One VPC."""

    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]+$")
    name: _Name | None = None
    """Default: the VPC's id."""
    region: Region = ""
    """Default: the cluster's."""
    role_arn: RoleArn = ""
    """Assumed to read there; default: what reads the cluster reads there, in that region."""
    writer_role_arn: RoleArn = ""
    probe: ProbeEntry | None = None

    @property
    def shown_name(self) -> str:
        """The name that reports use."""
        return self.name or self.vpc_id

    @property
    def roles(self) -> Roles:
        """The roles that are assumed there."""
        return Roles(reader=self.role_arn, writer=self.writer_role_arn)

    def peer(self, folder: Path, *, region: str, role_arn: str) -> Peer:
        """Return it as the domain knows it; `region` and `role_arn` are the cluster's own."""
        place = Place(
            name=self.shown_name,
            region=self.region or region,
            account=account_of(self.role_arn or role_arn or self.writer_role_arn),
            vpc_id=self.vpc_id,
        )
        probe = self.probe.probe(folder) if self.probe else None
        return Peer(place=place, aws_writer=bool(self.writer_role_arn), probe=probe)


class OnPremisesEntry(Entry):
    """One network without a VPC."""

    name: _Name
    cidrs: list[Cidr] = Field(min_length=1)
    probe: ProbeEntry | None = None

    def network(self, folder: Path) -> OnPremises:
        """Return it as the domain knows it."""
        probe = self.probe.probe(folder) if self.probe else None
        return OnPremises(name=self.name, cidrs=tuple(self.cidrs), probe=probe)


def on_premises(networks: Iterable[OnPremisesEntry], cidrs: Iterable[str], folder: Path) -> tuple[OnPremises, ...]:
    """Return the networks on premises; `cidrs` is the short form for one without a probe."""
    short = tuple(cidrs)
    if short:
        return (OnPremises(name=_SHORT_FORM, cidrs=short),)
    return tuple(entry.network(folder) for entry in networks)


def check_networks(
    peers: Iterable[PeerEntry],
    networks: Iterable[OnPremisesEntry],
    role_arn: str,
    document: LocatedYaml,
    at: KeyPath,
    folder: Path,
) -> None:
    """Refuse two networks of one name, one VPC twice, roles of two accounts for one VPC, and a file that is not there.

    `role_arn` reads the cluster itself; `at` is where the cluster stands in the document, which lies in `folder`.
    """
    names, vpcs = {HOME.name}, set[str]()
    for index, peer in enumerate(peers):
        place: KeyPath = (*at, "peers", index)
        if peer.vpc_id in vpcs:
            raise document.error(f"{peer.vpc_id} is a peer already.", (*place, "vpc_id"))
        _take(peer.shown_name, names, document, (*place, "name"))
        _check_account(peer, role_arn, document, (*place, "writer_role_arn"))
        _check_probe(peer.probe, folder, document, place)
        vpcs.add(peer.vpc_id)
    for index, network in enumerate(networks):
        place = (*at, "on_premises", index)
        _take(network.name, names, document, (*place, "name"))
        _check_probe(network.probe, folder, document, place)


def check_kubeconfig(path: str, folder: Path, document: LocatedYaml, place: KeyPath) -> None:
    """Refuse a kubeconfig that is not there; an empty path names none."""
    file = folder / path
    if path and not file.exists():
        raise document.error(
            f"there is no file {file.resolve()}.",
            place,
            hint="A path is relative to the folder of this file. Make one: aws eks update-kubeconfig --kubeconfig "
            "FILE --name CLUSTER",
        )


def _check_probe(probe: ProbeEntry | None, folder: Path, document: LocatedYaml, place: KeyPath) -> None:
    if probe:
        check_kubeconfig(probe.kubeconfig, folder, document, (*place, "probe", "kubeconfig"))


def _take(name: str, taken: set[str], document: LocatedYaml, place: KeyPath) -> None:
    if name in taken:
        raise document.error(
            f"{name!r} is the name of another place of this cluster.", place, hint="Give each a name of its own."
        )
    taken.add(name)


def _check_account(peer: PeerEntry, role_arn: str, document: LocatedYaml, place: KeyPath) -> None:
    reads, writes = account_of(peer.role_arn or role_arn), account_of(peer.writer_role_arn)
    if reads and writes and reads != writes:
        raise document.error(
            f"is of account {writes}, and what reads there is of account {reads}: a VPC lies in one.",
            place,
            hint="Set `role_arn` and `writer_role_arn` of this peer to roles of the VPC's account.",
        )
