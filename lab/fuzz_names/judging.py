"""What the bot says of names in a world, from its own collectors' evidence, and whether resolvers answered so.

Beside `lab.fuzz.judging` the one module of the lab that imports `bot.network`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from botocore import xform_name

from bot.collectors import (
    dns_firewall,
    dns_profiles,
    endpoint_networks,
    private_zones,
    resolver_rules,
    transit_gateways,
    vpc_dns,
)
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.private_zones import PrivateZones, VpcZones
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.findings import Case
from bot.domain.peers import Peers, SeenPlace
from bot.domain.places import HOME, Peer, Place
from bot.network.name_hops import End, HopKind, NameWay
from bot.network.name_passage import Passages
from bot.network.name_way import way_of
from bot.network.names import PrivateZone
from bot.rules._name_ways import name_world
from lab.aws_clients import AwsClients, Client
from lab.corefiles import PUBLIC_ADDRESSES
from lab.errors import LabError
from lab.fuzz_names.asking import Reply
from lab.fuzz_names.worlds import DOMAINS, VPCS
from lab.fuzz_names.written import OVERRIDE, Written
from lab.vpc_answers import VpcKey

NOTHING = frozenset({End.NO_RECORD, End.BLOCKED})
_BEHIND = "nothing behind another name"
LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One name in one VPC about which the bot and the resolvers differ."""

    world: str
    vpc: int
    name: str
    bot: str
    resolver: str
    hops: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line, and the bot's hops below it."""
        said = f"{self.world}, VPC {self.vpc}, {self.name}: bot.network says {self.bot}, the resolver {self.resolver}"
        return "\n  ".join((said, *self.hops))


def ways_of(aws_url: str, written: Written, names: Sequence[str]) -> list[dict[str, NameWay]]:
    """Return the way of each name from each VPC, as the bot has it."""
    case, cluster, peers = _case(AwsClients(aws_url), written.vpcs)
    world = name_world(case, cluster, peers)
    passages = Passages(world)
    return [{name: way_of(world, vpc.id, name, passages) for name in names} for vpc in written.vpcs]


class _Reader:
    """Implements `ports.AwsReader` in one account and region."""

    def __init__(self, aws: AwsClients, account: str, region: str) -> None:
        self._aws, self._account, self._region = aws, account, region

    def read(self, service: str, operation: str, **parameters: object) -> Any:  # noqa: ANN401  # AWS's answer
        client: Client = self._aws.client(service, self._account, self._region)
        method = xform_name(operation)
        if client.can_paginate(method):
            return client.get_paginator(method).paginate(**parameters).build_full_result()
        return getattr(client, method)(**parameters)

    def list(self, service: str, operation: str, *_: object, **__: object) -> Any:  # noqa: ANN401  # the same
        raise LabError(f"none of the collectors about names lists {service}:{operation} so")


def _case(aws: AwsClients, vpcs: Sequence[VpcKey]) -> tuple[Case, EksCluster, Peers]:
    """Let the collectors look at the first VPC as the cluster's, and at the others as its peers'."""
    places = [Place(name=f"vpc-{one}", region=vpcs[one].region, vpc_id=vpcs[one].id) for one in range(1, VPCS)]
    found = [replace(place, account=vpc.account) for place, vpc in zip(places, vpcs[1:], strict=True)]
    peers = Peers(peers=tuple(SeenPlace(place=one, found=seen) for one, seen in zip(places, found, strict=True)))
    at = {HOME: vpcs[0], **dict(zip(places, vpcs[1:], strict=True))}
    readers = {place: _Reader(aws, vpc.account, vpc.region) for place, vpc in at.items()}
    target = ClusterTarget(
        name="names", eks_name="names", region=vpcs[0].region, peers=tuple(Peer(place=one) for one in places)
    )
    now = datetime.now(UTC)
    evidence: dict[type, object] = {Peers: peers}

    def gather(collector: ModuleType, host: str = "") -> Any:  # noqa: ANN401  # its evidence
        declared = collector.COLLECTOR
        evidence[EksCluster] = _cluster(vpcs[0], host)
        look = declared.view(
            cluster=None,
            at=readers.__getitem__,
            target=target,
            question=Question(cluster="names"),
            parameters=None,
            started_at=now,
            needed={one: evidence[one] for one in (*declared.needs, *declared.wants) if one in evidence},
        )
        evidence[declared.evidence] = declared.collect(look)
        return evidence[declared.evidence]

    for collector in (vpc_dns, dns_profiles, dns_firewall, resolver_rules, endpoint_networks, transit_gateways):
        gaps = gather(collector).gaps
        if gaps:
            raise LabError(f"simulated AWS did not tell the bot everything: {gaps[0]}")
    evidence[PrivateZones] = _all_zones([gather(private_zones, f"q.{domain}") for domain in DOMAINS[1:]])
    cluster = _cluster(vpcs[0], "")
    case = Case(target=target, collected_at=now, thresholds=None, evidence={**evidence, EksCluster: cluster})
    return case, cluster, peers


def _cluster(vpc: VpcKey, host: str) -> EksCluster:
    """Return a cluster without private access, so that EKS keeps no zone for it."""
    return EksCluster(
        name="names",
        arn=f"arn:aws:eks:{vpc.region}:{vpc.account}:cluster/names",
        account=vpc.account,
        status="ACTIVE",
        version="1.36",
        vpc_id=vpc.id,
        cluster_security_group_id="sg-0",
        security_group_ids=(),
        subnet_ids=(),
        endpoint=f"https://{host}",
        endpoint_public=True,
        endpoint_private=False,
        service_cidr="172.20.0.0/16",
        auto_mode=False,
    )


def _all_zones(seen: Sequence[PrivateZones]) -> PrivateZones:
    """Put together what was read for names below every domain: the collector reads the zones above one name."""
    vpcs: dict[str, dict[str, PrivateZone]] = {}
    for one in (one for zones in seen for one in zones.vpcs):
        known = vpcs.setdefault(one.vpc_id, {})
        known |= {zone.id: zone for zone in one.zones if zone.id not in known or zone.records is not None}
    own_first = {
        vpc_id: tuple(sorted(zones.values(), key=lambda one: one.by_profile)) for vpc_id, zones in vpcs.items()
    }
    return PrivateZones(vpcs=tuple(VpcZones(vpc_id=vpc_id, zones=zones) for vpc_id, zones in own_first.items()))


def said_by_bot(way: NameWay, domain_of: Mapping[str, str]) -> str:
    """Return how the way ends, in the words of `said_by_resolver`; `domain_of` is a zone's domain by its id."""
    zones = way.of(HopKind.ZONE)
    if way.end is End.ANSWERED:
        return f"answered by {domain_of[zones[-1].id]}"
    if way.end is End.NO_RECORD:
        return f"no record in {domain_of[zones[-1].id]}"
    return {End.PUBLIC: "public", End.BLOCKED: "blocked", End.LOST: LOST}.get(way.end, "elsewhere")


def said_by_resolver(reply: Reply, written: Written) -> str:
    """Return what a reply amounts to."""
    if reply.status not in {"NOERROR", "NXDOMAIN"}:
        return LOST
    if reply.addresses and set(reply.addresses) <= set(PUBLIC_ADDRESSES):
        return "public"
    if reply.addresses:
        return f"answered by {' and '.join(sorted({written.zone_of[one] for one in reply.addresses}))}"
    if OVERRIDE in reply.aliases:
        return "blocked"
    if reply.aliases:
        return _BEHIND
    return f"no record in {reply.zone}" if reply.zone else "blocked"


def agree(way: NameWay, bot: str, resolver: str) -> bool:
    """Return whether a resolver answered as the bot says it does, or may."""
    if way.doubts:
        return not way.fails or not resolver.startswith(("answered", "public"))
    return bot == resolver or (way.end in NOTHING and resolver == _BEHIND)


def domains_of(written: Written, aws_url: str) -> dict[str, str]:
    """Return each private zone's domain by its id."""
    return dict(_domains(AwsClients(aws_url), written.vpcs))


def _domains(aws: AwsClients, vpcs: Sequence[VpcKey]) -> Iterator[tuple[str, str]]:
    for account, region in {(vpc.account, vpc.region) for vpc in vpcs}:
        for zone in aws.client("route53", account, region).list_hosted_zones()["HostedZones"]:
            yield zone["Id"].rpartition("/")[2], zone["Name"].rstrip(".")
