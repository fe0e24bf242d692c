"""How busy the Resolver endpoints are that a cluster's names go through, and how well, as CloudWatch says.

Why it matters to DNS: names of other networks, and other networks' lookups of the cluster's, pass an endpoint's few
interfaces; one that AWS recovers, or that is near its capacity, loses queries while CoreDNS looks well. Looked at are
the endpoints in the cluster's VPC, and those of its account that a rule of this VPC leads names through. Metrics come
every five minutes and some minutes late, so the last quarter of an hour is read; CloudWatch has none of an endpoint
that nobody asks. Source: Route 53 Developer Guide, "Monitoring Route 53 VPC Resolver endpoints with Amazon
CloudWatch"; CloudWatch API Reference, GetMetricData (AWS bills it by the metric). Cost: one list; where there are
endpoints one read of four metrics each, and two lists more where one is outbound from another VPC.

```yaml
gather:
  - collector: resolver_endpoint_metrics
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector, Gap
from bot.domain.health import Capacity, EndpointUse
from bot.domain.json_values import RawObject
from bot.domain.permissions import AwsPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, SourceGarbled

PERIOD = timedelta(minutes=5)
"""How often Resolver sends its metrics."""
PERIODS = 3
MAX_ENDPOINTS = 20
"""Asked about; 80 metrics of the 500 that one read may ask for."""
_OUTBOUND = "OUTBOUND"
_ASKED = (
    ("healthy", "EndpointHealthyENICount", "Minimum"),
    ("unhealthy", "EndpointUnhealthyENICount", "Maximum"),
    ("capacity", "ResolverEndpointCapacityStatus", "Maximum"),
)
"""Of each endpoint, beside its queries: a word for it, the metric, the statistic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverEndpointMetrics:
    """Endpoints by id."""

    endpoints: tuple[EndpointUse, ...]
    gaps: tuple[Gap, ...] = ()


def collect(look: View) -> ResolverEndpointMetrics:
    """List the endpoints that matter to this cluster, and read their metrics."""
    listed = look.aws.read("route53resolver", "ListResolverEndpoints")
    vpc_id = look.need(EksCluster).vpc_id
    with reading("route53resolver:ListResolverEndpoints"):
        all_of = {row["Id"]: (row["Direction"], row["HostVPCId"]) for row in listed["ResolverEndpoints"]}
    found = {number for number, (_, vpc) in all_of.items() if vpc == vpc_id}
    gaps: list[Gap] = []
    if any(direction == _OUTBOUND for number, (direction, _) in all_of.items() if number not in found):
        try:
            found |= _led_through(look, vpc_id) & all_of.keys()
        except EvidenceUnavailable as error:
            gaps.append(Gap.of("Resolver endpoints of other VPCs that rules lead names through", error))
    chosen = sorted(found)[:MAX_ENDPOINTS]
    if len(found) > MAX_ENDPOINTS:
        reason = f"{len(found) - MAX_ENDPOINTS} of {len(found)} are not read: at most {MAX_ENDPOINTS} are"
        gaps.append(Gap(what="metrics of Resolver endpoints", reason=reason))
    endpoints = tuple(EndpointUse(id=number, inbound=all_of[number][0] != _OUTBOUND) for number in chosen)
    if endpoints:
        try:
            endpoints = _measured(look, endpoints)
        except EvidenceUnavailable as error:
            gaps.append(Gap.of("CloudWatch's metrics of Resolver endpoints", error))
    return ResolverEndpointMetrics(endpoints=endpoints, gaps=tuple(gaps))


def _led_through(look: View, vpc_id: str) -> set[str]:
    """Return the endpoints of the rules that hold for a VPC."""
    rules = look.aws.read("route53resolver", "ListResolverRules")
    associations = look.aws.read("route53resolver", "ListResolverRuleAssociations")
    with reading("route53resolver:ListResolverRules with route53resolver:ListResolverRuleAssociations"):
        held = {one["ResolverRuleId"] for one in associations["ResolverRuleAssociations"] if one["VPCId"] == vpc_id}
        return {one["ResolverEndpointId"] for one in rules["ResolverRules"]
                if one["Id"] in held and one.get("ResolverEndpointId")}  # fmt: skip


def _measured(look: View, endpoints: Sequence[EndpointUse]) -> tuple[EndpointUse, ...]:
    """Return the endpoints with what CloudWatch says of each."""
    until = _whole(look.started_at)
    answer = look.aws.read(
        "cloudwatch",
        "GetMetricData",
        MetricDataQueries=[query for at, one in enumerate(endpoints) for query in _queries(at, one)],
        StartTime=until - PERIODS * PERIOD,
        EndTime=until,
    )
    with reading("cloudwatch:GetMetricData"):
        values = _values(answer)
        return tuple(
            replace(
                one,
                queries_per_second=_rate(values[f"queries{at}"]),
                healthy=min(map(round, values[f"healthy{at}"]), default=None),
                unhealthy=max(map(round, values[f"unhealthy{at}"]), default=None),
                capacity=max(map(_capacity, values[f"capacity{at}"]), default=None),
            )
            for at, one in enumerate(endpoints)
        )


def _rate(queries: Sequence[float]) -> float | None:
    """Return the mean a second of the periods that CloudWatch has."""
    return sum(queries) / (len(queries) * PERIOD.total_seconds()) if queries else None


def _whole(moment: datetime) -> datetime:
    """Return when the period began that a moment is in: CloudWatch's are counted from the full hour."""
    return moment - (moment - moment.replace(minute=0, second=0, microsecond=0)) % PERIOD


def _queries(at: int, endpoint: EndpointUse) -> Iterator[RawObject]:
    volume = "InboundQueryVolume" if endpoint.inbound else "OutboundQueryAggregateVolume"
    for word, metric, statistic in (("queries", volume, "Sum"), *_ASKED):
        named = {
            "Namespace": "AWS/Route53Resolver",
            "MetricName": metric,
            "Dimensions": [{"Name": "EndpointId", "Value": endpoint.id}],
        }
        stat = {"Metric": named, "Period": round(PERIOD.total_seconds()), "Stat": statistic}
        yield {"Id": f"{word}{at}", "MetricStat": stat}


def _values(answer: RawObject) -> dict[str, list[float]]:
    """Return the values by the query's id, of all pages. Raises where CloudWatch says that they are not all."""
    found: dict[str, list[float]] = {}
    for one in answer["MetricDataResults"]:
        if one["StatusCode"] not in {"Complete", "PartialData"}:  # partial: more is on a further page, which was read
            said = "; ".join(str(each.get("Value", "")) for each in one.get("Messages") or ())
            raise SourceGarbled(
                f"CloudWatch could not answer for a Resolver endpoint: {one['StatusCode']}. {said}".strip()
            )
        found.setdefault(one["Id"], []).extend(map(float, one["Values"]))
    return found


def _capacity(value: float) -> Capacity:
    try:
        return Capacity(round(value))
    except ValueError as unknown:
        raise SourceGarbled(
            f"cloudwatch:GetMetricData answered ResolverEndpointCapacityStatus {value:g}: 0, 1 and 2 are known."
        ) from unknown


def summarise(found: ResolverEndpointMetrics) -> str:
    """Say how many endpoints there are and what they carry."""
    if not found.endpoints:
        return "no Resolver endpoint in the cluster's VPC, nor one that its rules lead names through"
    rates = [one.queries_per_second for one in found.endpoints if one.queries_per_second is not None]
    carried = f"{sum(rates):.1f} queries a second in all" if rates else "no number of queries in CloudWatch"
    return f"{count(len(found.endpoints), 'Resolver endpoint')}, {carried}"


_WHY = "say in digests how busy Resolver endpoints are, and how many of their interfaces work"

COLLECTOR = Collector(
    name="resolver_endpoint_metrics",
    title="CloudWatch's metrics of Resolver endpoints",
    evidence=ResolverEndpointMetrics,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(
            action="cloudwatch:GetMetricData",
            unlocks=_WHY,
            without="digests do not say how busy Resolver endpoints are",
        ),
        AwsPermission(action="route53resolver:ListResolverEndpoints", unlocks=_WHY),
        AwsPermission(action="route53resolver:ListResolverRules", unlocks=_WHY),
        AwsPermission(action="route53resolver:ListResolverRuleAssociations", unlocks=_WHY),
    ),
    needs=(EksCluster,),
    deadline_seconds=6.0,
)
