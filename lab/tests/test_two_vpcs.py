from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import pytest

from bot.sandbox.aws.far_end import AwsFarEnd
from bot.sandbox.network.replies import Reply
from bot.sandbox.network.resolver import Resolver
from bot.sandbox.world.world import WorldVpc
from lab.contract.cloud import Cloud
from lab.fabric import Fabric, FabricVpc
from lab.following import Carrier, Following
from lab.namespaces import Run
from lab.programs import built_programs
from lab.tests.questions import is_answered, looked_up
from lab.tests.tables import Tell
from lab.vpc_answers import VpcKey
from lab.vpc_carriers import carriers_of
from lab.vpc_filter import VpcFilter

NAME = "db.corp.example"
PUBLIC = "amazon.com"


@dataclass(frozen=True, kw_only=True)
class Host:
    """Something with an interface in a VPC."""

    vpc: WorldVpc
    address: str
    netns: str


@dataclass(frozen=True, kw_only=True)
class Wired:
    """Three VPCs with a host in each, all linked with one another, and the AWS that says what may pass."""

    run: Run
    cloud: Cloud
    following: Following
    home: Host
    peer: Host
    stranger: Host

    def crosses(self, client: Host, server: Host, port: int = 9) -> bool:
        """Whether a question from one host reaches the other by udp, and its answer comes back."""
        return is_answered(client.netns, server.netns, source=(client.address, 0), server=(server.address, port))

    def asked(self, client: Host, name: str, server: str = "") -> tuple[str, list[str]]:
        """Return status and addresses of a lookup; by default of the VPC's own resolver. No status: no answer."""
        return looked_up(self.run, client.netns, name, server or client.vpc.resolver)

    def now(self) -> Wired:
        """Let the state of this moment be in force."""
        assert self.following.refresh()
        return self


@pytest.fixture
def wired(run: Run) -> Iterator[Wired]:
    """The three VPCs, followed."""
    coredns = Path(built_programs().path("coredns"))
    with AwsFarEnd(seed=5) as aws:
        cloud = Cloud(aws.url)
        vpcs = {"home": cloud.home, "peer": cloud.peer, "stranger": cloud.stranger}
        fabric = Fabric(run, [FabricVpc(name=name, cidr=vpc.cidr) for name, vpc in vpcs.items()])
        for one, other in combinations(fabric.vpcs, 2):
            fabric.link(one, other)
        hosts = {}
        carriers: list[Carrier] = []
        for name, vpc in vpcs.items():
            wiring, key = fabric.vpc(name), VpcKey(account=vpc.account, region=vpc.region, id=vpc.id)
            address = cloud.add_interface(vpc)
            hosts[name] = Host(vpc=vpc, address=address, netns=wiring.attach_host("host", address))
            wiring.resolver.start(coredns)
            carriers += carriers_of(fabric, wiring, key, VpcFilter(wiring.netns), coredns)
        with Following(carriers, aws_url=aws.url, aws_netns="") as following:
            yield Wired(run=run, cloud=cloud, following=following, **hosts)


def test_packets_cross_where_vpcs_are_peered_and_nowhere_else(wired: Wired) -> None:
    """Both ways over the peering; not to a VPC that is only linked; no more without a route, nor after its end."""
    home, peer, stranger = wired.home, wired.peer, wired.stranger
    peered = (wired.crosses(home, peer), wired.crosses(peer, home))
    unpeered = (wired.crosses(home, stranger), wired.crosses(stranger, peer))
    hands, route = wired.cloud.hands(peer.vpc), {"RouteTableId": peer.vpc.route_table_id}
    hands.aws("ec2", "DeleteRoute", **route, DestinationCidrBlock=home.vpc.cidr)
    without_route = wired.now().crosses(home, peer)
    peering = wired.cloud.peering.id
    hands.aws("ec2", "CreateRoute", **route, DestinationCidrBlock=home.vpc.cidr, VpcPeeringConnectionId=peering)
    with_route = wired.now().crosses(home, peer)
    wired.cloud.operator.aws("ec2", "DeleteVpcPeeringConnection", VpcPeeringConnectionId=peering)
    ended = wired.now().crosses(home, peer)

    assert (peered, unpeered) == ((True, True), (False, False))
    assert (without_route, with_route, ended) == (False, True, False)


def test_the_peers_groups_judge_what_comes_over_the_peering(wired: Wired) -> None:
    """A rule that names the other VPC's CIDR admits it, one that names another does not."""
    hands, group = wired.cloud.hands(wired.peer.vpc), wired.cloud.open_group(wired.peer.vpc)

    def permission(cidr: str) -> dict[str, object]:
        return {"GroupId": group, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": cidr}]}]}

    hands.aws("ec2", "RevokeSecurityGroupIngress", **permission("0.0.0.0/0"))
    hands.aws("ec2", "AuthorizeSecurityGroupIngress", **permission(wired.stranger.vpc.cidr))
    other = wired.now().crosses(wired.home, wired.peer)
    hands.aws("ec2", "AuthorizeSecurityGroupIngress", **permission(wired.home.vpc.cidr))
    own = wired.now().crosses(wired.home, wired.peer)

    assert (other, own) == (False, True)


def test_a_dns_answer_crosses_by_endpoints_and_rule(wired: Wired) -> None:
    """From the peer's private zone, through outbound and inbound endpoint, to every VPC that the rule holds for."""
    cloud, home, peer, stranger = wired.cloud, wired.home, wired.peer, wired.stranger
    cloud.add_zone(peer.vpc, NAME, "10.2.0.9")
    before = [wired.now().asked(host, NAME) for host in (home, peer, stranger)]
    _, inbound = cloud.add_endpoint(peer.vpc, "INBOUND")
    rule = cloud.add_rule(home.vpc, inbound, "corp.example")
    cloud.associate(home.vpc, rule)
    after = [wired.now().asked(host, NAME) for host in (home, peer, stranger)]
    straight = [wired.asked(home, NAME, server) for server in (inbound[0], peer.vpc.resolver)]
    cloud.associate(stranger.vpc, rule)
    shared = wired.now().asked(stranger, NAME)
    cloud.operator.aws("ec2", "DeleteVpcPeeringConnection", VpcPeeringConnectionId=cloud.peering.id)
    ended = wired.now().asked(home, NAME)

    found = ("NOERROR", ["10.2.0.9"])
    none: tuple[str, list[str]] = ("NXDOMAIN", [])
    assert before == [none, found, none]
    assert after == [found, found, none]
    assert straight == [found, ("", [])]
    assert shared == found
    assert ended[1] == []
    assert ended[0] in {"", "SERVFAIL"}


def test_a_vpc_without_dns_support_has_no_resolver(wired: Wired) -> None:
    """Its resolver falls silent; the others answer as before."""
    cloud = wired.cloud
    cloud.hands(wired.peer.vpc).aws(
        "ec2", "ModifyVpcAttribute", VpcId=wired.peer.vpc.id, EnableDnsSupport={"Value": False}
    )

    assert wired.now().asked(wired.peer, PUBLIC) == ("", [])
    assert wired.asked(wired.home, PUBLIC)[0] == "NOERROR"


def test_the_sandboxs_resolvers_answer_the_same(wired: Wired, tell: Tell) -> None:
    """Two that share nothing but AWS's answers: for every name in every VPC the same status, and private addresses."""
    cloud, hosts = wired.cloud, (wired.home, wired.peer, wired.stranger)
    zone = cloud.add_zone(wired.peer.vpc, NAME, "10.2.0.9")
    records = [
        {"Name": "*.apps.corp.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.2.0.8"}]},
        {"Name": "www.corp.example", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": NAME}]},
        {"Name": "text.corp.example", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"words"'}]},
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]
    cloud.hands(wired.peer.vpc).aws(
        "route53", "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch={"Changes": changes}
    )
    _, inbound = cloud.add_endpoint(wired.peer.vpc, "INBOUND")
    cloud.associate(wired.home.vpc, cloud.add_rule(wired.home.vpc, inbound, "corp.example"))
    wired.now()
    network = cloud.network()
    (endpoint,) = network.home.api_endpoints
    names = [NAME, PUBLIC, endpoint.host, "db.notcorp.example", "ip-10-2-0-9.eu-west-1.compute.internal"]
    names += [f"{each}.corp.example" for each in ("a.apps", "www", "text", "none")]

    different = []
    for host, name in product(hosts, names):
        vpc = network.vpc(host.vpc.id)
        assert vpc is not None
        simulated, real = Resolver(network, vpc).answer(name), wired.asked(host, name)
        if _told(simulated) != _private(real):
            different.append((host.vpc.name, name, simulated, real))
    asked = len(names) * len(hosts)
    tell("names looked up in three VPCs, lab against sandbox", f"{asked} asked", f"{len(different)} differ")

    assert different == []


def _told(reply: Reply) -> tuple[str, list[str]]:
    return _private((str(reply.outcome), sorted(reply.addresses)))


def _private(answer: tuple[str, list[str]]) -> tuple[str, list[str]]:
    """Leave out public addresses, which the two make up differently, and names on the way."""
    return answer[0], [address for address in answer[1] if address.startswith("10.")]
