"""Transit gateways between the cluster's VPC and its peers': attachments, and the routes of their route tables (D2).

Why it matters to DNS: where a subnet's route leads to a transit gateway, its attachments and route tables decide
whether queries get from an outbound to an inbound Resolver endpoint, and answers back. A gateway's owner alone may see
its routes: of another account's gateway they stay undecided. Nothing is asked where no peer and no network on premises
is configured. Source: EC2 API Reference, DescribeTransitGatewayVpcAttachments, DescribeTransitGatewayAttachments,
SearchTransitGatewayRoutes. Cost: one list an account and region; where there are attachments one more, and one for each
route table of a gateway of the account's own.

```yaml
gather:
  - collector: transit_gateways
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.collectors._places import Spot, ask_each, everywhere, needs_names, once_an_account, spots
from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View
from bot.network.answers import network
from bot.network.transit import Attachment, GatewayRoute, Transit


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTable:
    """One route table of a transit gateway; routes to prefix lists are left out."""

    id: str
    routes: tuple[GatewayRoute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTransit:
    """What one account sees in one region."""

    account: str
    region: str
    attachments: tuple[Attachment, ...]
    tables: tuple[GatewayTable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitGateways:
    """One entry for each account and region that could be asked."""

    accounts: tuple[AccountTransit, ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def transit(self) -> Transit | None:
        """What all accounts see, joined: of one attachment what its gateway's owner says. None: one was not read."""
        if self.gaps:
            return None
        seen: dict[str, Attachment] = {}
        for account in self.accounts:
            for one in account.attachments:
                if one.table_id or one.id not in seen:
                    seen[one.id] = one
        tables = {table.id: table.routes for account in self.accounts for table in account.tables}
        return Transit(attachments=tuple(seen.values()), tables=tables)


def collect(look: View) -> TransitGateways:
    """Ask each account."""
    asked = once_an_account(spots(look)) if needs_names(look) else []
    found = ask_each(look, asked, "transit gateways", _account)
    return TransitGateways(accounts=found.answers, gaps=found.gaps)


def _account(aws: AwsReader, spot: Spot) -> AccountTransit:
    listed = aws.read("ec2", "DescribeTransitGatewayVpcAttachments")
    with reading("ec2:DescribeTransitGatewayVpcAttachments"):
        rows = list(listed["TransitGatewayVpcAttachments"])
    associated: dict[str, tuple[str, str]] = {}
    if rows:
        described = aws.read("ec2", "DescribeTransitGatewayAttachments")
        with reading("ec2:DescribeTransitGatewayAttachments"):
            associated = {
                str(row["TransitGatewayAttachmentId"]): (_table(row), str(row.get("TransitGatewayOwnerId") or ""))
                for row in described["TransitGatewayAttachments"]
            }
    tables = dict.fromkeys(table for table, owner in associated.values() if table and owner == spot.account)
    with reading("ec2:DescribeTransitGatewayVpcAttachments"):
        attachments = tuple(_attachment(row, associated, spot) for row in rows)
    return AccountTransit(
        account=spot.account,
        region=spot.region,
        attachments=attachments,
        tables=tuple(GatewayTable(id=number, routes=_routes(aws, number)) for number in tables),
    )


def _table(row: Mapping[str, Any]) -> str:
    association = row.get("Association") or {}
    held = association.get("State") == "associated"
    return str(association.get("TransitGatewayRouteTableId") or "") if held else ""


def _attachment(row: Mapping[str, Any], associated: Mapping[str, tuple[str, str]], spot: Spot) -> Attachment:
    number = str(row["TransitGatewayAttachmentId"])
    return Attachment(
        id=number,
        gateway_id=row["TransitGatewayId"],
        vpc_id=row["VpcId"],
        state=row["State"],
        subnet_ids=frozenset(row.get("SubnetIds") or ()),
        table_id=associated.get(number, ("", ""))[0],
        region=spot.region,
    )


def _routes(aws: AwsReader, table_id: str) -> tuple[GatewayRoute, ...]:
    states = [{"Name": "state", "Values": ["active", "blackhole"]}]
    answer = aws.read("ec2", "SearchTransitGatewayRoutes", TransitGatewayRouteTableId=table_id, Filters=states)
    with reading("ec2:SearchTransitGatewayRoutes"):
        return tuple(_route(row) for row in answer["Routes"] if row.get("DestinationCidrBlock"))


def _route(row: Mapping[str, Any]) -> GatewayRoute:
    to: Mapping[str, Any] = next(iter(row.get("TransitGatewayAttachments") or ()), {})
    return GatewayRoute(
        destination=network(row["DestinationCidrBlock"]),
        active=row["State"] == "active",
        kind=to.get("ResourceType") or "",
        resource_id=to.get("ResourceId") or "",
    )


def summarise(evidence: TransitGateways) -> str:
    """Say how many attachments and route tables were seen."""
    if not evidence.accounts:
        return "no account's transit gateways were read"
    attachments = {one.id for account in evidence.accounts for one in account.attachments}
    tables = {one.id for account in evidence.accounts for one in account.tables}
    return f"{len(attachments)} attachments of VPCs and {len(tables)} route tables that could be read"


_WHY = "see whether queries get from one Resolver endpoint to the other through a transit gateway, and back"

COLLECTOR = Collector(
    name="transit_gateways",
    title="Transit gateways between the VPCs",
    evidence=TransitGateways,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        *everywhere("ec2:DescribeTransitGatewayVpcAttachments", _WHY),
        *everywhere("ec2:DescribeTransitGatewayAttachments", _WHY),
        *everywhere("ec2:SearchTransitGatewayRoutes", _WHY),
    ),
    needs=(EksCluster, Peers),
)
