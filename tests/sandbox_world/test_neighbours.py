from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations

import pytest
import yaml
from botocore.exceptions import ClientError

from bot.sandbox.operator.operating import AwsCommandLine
from bot.sandbox.running.bot_files import configuration
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.bot_roles import READER, WRITER, role_arn
from bot.sandbox.world.plan import draw_plan
from bot.sandbox.world.scenario import Neighbour
from bot.sandbox.world.world import ACCOUNT, REGION
from bot.settings.load import load_settings

PEER_ACCOUNT = "210987654321"


@pytest.fixture(scope="module")
def refusing(running: RunningWorld) -> RunningWorld:
    """A world whose neighbour in another account refuses the bot's reading role."""
    running.restart(scenario="peer-role-refused", seed=1, nodes=2)
    return running


@pytest.mark.parametrize("seed", range(1, 9))
def test_neighbours_change_nothing_else_of_a_world_and_overlap_with_nothing(seed: int) -> None:
    """The cluster's VPC and nodes are drawn as without them; no two VPCs share an address."""
    neighbours = (Neighbour(name="one"), Neighbour(name="two", account=PEER_ACCOUNT, region="us-east-1", peered=False))

    plan, alone = draw_plan(seed, None, neighbours), draw_plan(seed)

    assert (plan.home, plan.nodes, plan.node_groups) == (alone.home, alone.nodes, alone.node_groups)
    assert [(each.name, each.account, each.region) for each in plan.neighbours] == [
        ("one", ACCOUNT, REGION),
        ("two", PEER_ACCOUNT, "us-east-1"),
    ]
    assert plan.peered == ("one",)
    networks = [ip_network(each.cidr) for each in (plan.home, *plan.neighbours)]
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))
    assert plan == draw_plan(seed, None, neighbours)


def test_a_neighbour_stands_in_its_own_account_and_is_peered(refusing: RunningWorld) -> None:
    """Its VPC is there and nowhere else, with DNS as in every VPC, and routes lead both ways over an active peering."""
    world, operator = refusing.world, refusing.operator
    (peer,), (peering,) = world.neighbours, world.peerings
    at_home, there = operator.at(ACCOUNT, REGION), operator.at(peer.account, peer.region)

    assert (peer.name, peer.account) == ("shared-services", PEER_ACCOUNT)
    assert peering.vpc_ids == (world.home.id, peer.id)
    assert peer.id not in _vpcs(at_home)
    assert peer.id in _vpcs(there)
    attribute = there.aws("ec2", "DescribeVpcAttribute", VpcId=peer.id, Attribute="enableDnsHostnames")
    assert attribute["EnableDnsHostnames"] == {"Value": True}
    for hands, here, other in ((at_home, world.home, peer), (there, peer, world.home)):
        (shown,) = hands.aws("ec2", "DescribeVpcPeeringConnections")["VpcPeeringConnections"]
        assert (shown["VpcPeeringConnectionId"], shown["Status"]["Code"]) == (peering.id, "active")
        (table,) = hands.aws("ec2", "DescribeRouteTables", RouteTableIds=[here.route_table_id])["RouteTables"]
        over = {
            route["DestinationCidrBlock"]: route["VpcPeeringConnectionId"]
            for route in table["Routes"]
            if route.get("VpcPeeringConnectionId")
        }
        assert over == {other.cidr: peering.id}
        assert {item["SubnetId"] for item in table["Associations"] if "SubnetId" in item} == {
            subnet.id for subnet in here.subnets
        }


def test_the_bot_is_told_of_neighbours_as_peers(refusing: RunningWorld) -> None:
    """dnsbot.yaml names each with VPC, region and roles as the bot reads it; without neighbours there are none."""
    (peer,) = refusing.world.neighbours
    file = refusing.directory / "dnsbot.yaml"

    written = yaml.safe_load(file.read_text())["clusters"]["cluster-prod"]

    assert written["peers"] == [
        {
            "name": "shared-services",
            "vpc_id": peer.id,
            "region": REGION,
            "role_arn": role_arn(PEER_ACCOUNT, READER),
            "writer_role_arn": role_arn(PEER_ACCOUNT, WRITER),
            "probe": {
                "kubeconfig": "probe-shared-services.yaml",
                "context": "shared-services",
                "selector": "app=dnsprobe",
            },
        }
    ]
    (known,) = load_settings(file, {}).clusters["cluster-prod"].target.peers
    assert (known.place.name, known.place.account, known.place.vpc_id) == ("shared-services", PEER_ACCOUNT, peer.id)
    assert "peers" not in configuration(refusing.directory)


def test_only_the_role_that_lost_its_trust_is_refused(refusing: RunningWorld) -> None:
    """STS refuses the reading role of the other account to the bot; the other roles can be assumed as before."""
    sts = AwsCommandLine(refusing.aws_url, account=ACCOUNT, region=REGION)

    def assume(account: str, name: str) -> None:
        sts.aws("sts", "AssumeRole", RoleArn=role_arn(account, name), RoleSessionName="dnsbot")

    for account, name in ((ACCOUNT, READER), (ACCOUNT, WRITER), (PEER_ACCOUNT, WRITER)):
        assume(account, name)
    with pytest.raises(ClientError, match=f"not authorized to perform: sts:AssumeRole .*{PEER_ACCOUNT}:role/{READER}"):
        assume(PEER_ACCOUNT, READER)


def _vpcs(hands: AwsCommandLine) -> set[str]:
    return {row["VpcId"] for row in hands.aws("ec2", "DescribeVpcs")["Vpcs"]}
