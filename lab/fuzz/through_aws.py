"""A drawn world written to simulated AWS by its API and read back: the answers then have AWS's own ids and forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import botocore.exceptions

from bot.sandbox.aws.far_end import AwsFarEnd
from lab.aws_clients import AwsClients
from lab.fuzz.places import VPC_CIDR, Interface, Places
from lab.fuzz.worlds import World
from lab.vpc_answers import Row, VpcKey, read_answers
from lab.vpc_ruleset import IMPLICIT_DENY


def through_aws(aws: AwsFarEnd, world: World) -> World:
    """Empty simulated AWS, write the world there, and return it as AWS answers it."""
    aws.control("POST", "reset")
    return _Writing(aws).written(world)


class _Writing:
    def __init__(self, aws: AwsFarEnd) -> None:
        self._aws, self._ec2 = aws, aws.client("ec2")
        self._vpc = str(self._ec2.create_vpc(CidrBlock=VPC_CIDR)["Vpc"]["VpcId"])
        self._key = VpcKey(account="123456789012", region="eu-west-1", id=self._vpc)
        self._ids: dict[str, str] = {}
        """AWS's id by the drawn one: subnets, groups, prefix lists, interfaces and instances."""

    def written(self, world: World) -> World:
        for subnet, cidr in world.places.subnets.items():
            made = self._ec2.create_subnet(VpcId=self._vpc, CidrBlock=cidr)["Subnet"]
            self._ids[subnet] = str(made["SubnetId"])
        self._groups(world)
        for acl in world.answers.acls:
            self._acl(acl)
        self._interfaces(world)
        places = self._renamed(world.places)
        mine = [{"Name": "vpc-id", "Values": [self._vpc]}]
        return replace(
            world,
            name=f"{world.name}, through AWS",
            places=places,
            answers=read_answers(AwsClients(self._aws.url), self._key),
            subnets=self._ec2.describe_subnets(Filters=mine)["Subnets"],
            route_tables=self._ec2.describe_route_tables(Filters=mine)["RouteTables"],
        )

    def _groups(self, world: World) -> None:
        rules = world.answers.rules
        named = {str(rule["GroupId"]) for rule in rules} | {
            str(rule["ReferencedGroupInfo"]["GroupId"]) for rule in rules if rule.get("ReferencedGroupInfo")
        }
        named |= {str(group["GroupId"]) for row in world.answers.interfaces for group in row["Groups"]}
        for group in sorted(named):
            made = self._ec2.create_security_group(GroupName=f"drawn {group}", Description=group, VpcId=self._vpc)
            self._ids[group] = str(made["GroupId"])
            every = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
            self._ec2.revoke_security_group_egress(GroupId=self._ids[group], IpPermissions=every)
        for name, cidrs in world.answers.prefix_lists.items():
            entries = [{"Cidr": cidr} for cidr in dict.fromkeys(cidrs) if ":" not in cidr]
            made = self._ec2.create_managed_prefix_list(
                PrefixListName=name, AddressFamily="IPv4", MaxEntries=10, Entries=entries
            )
            self._ids[name] = str(made["PrefixList"]["PrefixListId"])
        for rule in rules:
            self._authorize(rule)

    def _authorize(self, rule: Row) -> None:
        permission: dict[str, Any] = {"IpProtocol": rule["IpProtocol"]}
        if rule["IpProtocol"] != "-1":
            permission |= {"FromPort": rule["FromPort"], "ToPort": rule["ToPort"]}
        if rule.get("ReferencedGroupInfo"):
            permission["UserIdGroupPairs"] = [{"GroupId": self._ids[rule["ReferencedGroupInfo"]["GroupId"]]}]
        elif rule.get("PrefixListId"):
            permission["PrefixListIds"] = [{"PrefixListId": self._ids[rule["PrefixListId"]]}]
        elif rule.get("CidrIpv6"):
            permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"]}]
        else:
            permission["IpRanges"] = [{"CidrIp": rule["CidrIpv4"]}]
        authorize = (
            self._ec2.authorize_security_group_egress
            if rule["IsEgress"]
            else self._ec2.authorize_security_group_ingress
        )
        try:
            authorize(GroupId=self._ids[rule["GroupId"]], IpPermissions=[permission])
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "InvalidPermission.Duplicate":  # a rule drawn twice
                raise

    def _acl(self, acl: Row) -> None:
        made = str(self._ec2.create_network_acl(VpcId=self._vpc)["NetworkAcl"]["NetworkAclId"])
        for entry in acl["Entries"]:
            if entry["RuleNumber"] != IMPLICIT_DENY:
                wanted = dict(entry)
                if wanted["Protocol"] == "1":
                    wanted["IcmpTypeCode"] = {"Type": -1, "Code": -1}
                self._ec2.create_network_acl_entry(NetworkAclId=made, **wanted)
        mine = {self._ids[item["SubnetId"]] for item in acl["Associations"]}
        for other in self._ec2.describe_network_acls()["NetworkAcls"]:
            for item in other["Associations"]:
                if item["SubnetId"] in mine:
                    number = item["NetworkAclAssociationId"]
                    self._ec2.replace_network_acl_association(AssociationId=number, NetworkAclId=made)

    def _interfaces(self, world: World) -> None:
        groups = {
            str(row["NetworkInterfaceId"]): [self._ids[group["GroupId"]] for group in row["Groups"]]
            for row in world.answers.interfaces
        }
        instances: dict[str, list[Interface]] = {}
        for each in world.places.interfaces:
            if each.instance_id:
                instances.setdefault(each.instance_id, []).append(each)
        for instance, held in instances.items():
            wanted = {"instance_type": "m5.large", "interfaces": [self._wanted(each, groups) for each in held]}
            (made,) = self._aws.control("POST", "instances", {"instances": [wanted]})["instances"]
            self._ids[instance] = made["instance_id"]
            self._ids |= {each.id: item["id"] for each, item in zip(held, made["interfaces"], strict=True)}
        for each in world.places.interfaces:
            if not each.instance_id:
                (made,) = self._aws.control("POST", "interfaces", {"interfaces": [self._wanted(each, groups)]})[
                    "interfaces"
                ]
                self._ids[each.id] = made["id"]

    def _wanted(self, interface: Interface, groups: dict[str, list[str]]) -> dict[str, Any]:
        return {
            "subnet_id": self._ids[interface.subnet_id],
            "private_ip_address": interface.addresses[0],
            "secondary_private_ip_addresses": list(interface.addresses[1:]),
            "ipv4_prefixes": [interface.prefix] if interface.prefix else [],
            "security_group_ids": groups[interface.id],
            "interface_type": "branch" if interface.trunk_id else "interface",
            "trunk_interface_id": self._ids.get(interface.trunk_id, ""),
        }

    def _renamed(self, places: Places) -> Places:
        new = {
            each.id: replace(
                each,
                id=self._ids[each.id],
                subnet_id=self._ids[each.subnet_id],
                instance_id=self._ids.get(each.instance_id, ""),
                trunk_id=self._ids.get(each.trunk_id, ""),
            )
            for each in places.interfaces
        }
        return replace(
            places,
            outside="",
            subnets={self._ids[subnet]: cidr for subnet, cidr in places.subnets.items()},
            interfaces=tuple(new.values()),
            places=tuple(replace(place, interface=new[place.interface.id]) for place in places.places),
        )
