"""Two node groups with a security group each, and no 53 between them (A1, A3)."""

from __future__ import annotations

from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.security_groups import admit, from_group
from bot.sandbox.world.world import World


def _split(world: World, operator: Operator) -> tuple[str, ...]:
    """Give each node group its own security group; return both."""
    groups: dict[str, str] = {}
    for name in world.node_groups:
        description = f"Nodes of {name}"
        made = operator.aws(
            "ec2", "CreateSecurityGroup", GroupName=f"nodes-{name}", Description=description, VpcId=world.home.id
        )
        groups[name] = str(made["GroupId"])
    first, second = groups.values()
    for own, other in ((first, second), (second, first)):
        rules = [
            (own, "-1", None),
            (world.cluster_security_group_id, "-1", None),
            (other, "tcp", 443),
            (other, "tcp", 8080),
        ]
        world.chance(f"split-{own == first}").shuffle(rules)
        for source, protocol, port in rules:
            admit(operator, own, from_group(source, protocol, port))
    for group in (first, second):
        admit(operator, world.cluster_security_group_id, from_group(group, "tcp", 443))  # nodes still reach the API
    for node in world.nodes:
        for interface in node.interface_ids:
            wanted = [groups[node.node_group]]
            operator.aws("ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface, Groups=wanted)
    return first, second


def _acts(world: World, operator: Operator) -> None:
    _split(world, operator)


def _harmless(world: World, operator: Operator) -> None:
    made = operator.aws(
        "ec2",
        "CreateManagedPrefixList",
        PrefixListName="private-subnets",
        AddressFamily="IPv4",
        MaxEntries=10,
        Entries=[{"Cidr": subnet.cidr, "Description": subnet.zone} for subnet in world.home.subnets],
    )
    lists = [{"PrefixListId": str(made["PrefixList"]["PrefixListId"])}]
    for group in _split(world, operator):
        for protocol in ("udp", "tcp"):
            permission = {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "PrefixListIds": lists}
            operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])


SCENARIO = Scenario(
    name="node-group-split",
    title="Two node groups with a security group each, and no 53 between them",
    story=(
        "An operator gave each node group a security group of its own instead of the cluster's. Each admits its own "
        "nodes and the control plane; from the other group only tcp 443 and 8080."
    ),
    root_cause="dns_blocked_by_security_group",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="authorize_dns_between_security_groups"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="node-group-split-look-alike",
    title="Two node groups with a security group each, and 53 between them by a prefix list",
    story=(
        "The same two security groups: neither admits 53 from the other. But each admits udp and tcp 53 from a managed "
        "prefix list, which holds the private subnets."
    ),
    root_cause="",
    not_to_blame=("dns_blocked_by_security_group",),
    acts=_harmless,
)
