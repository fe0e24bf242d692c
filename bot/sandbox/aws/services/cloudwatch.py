"""CloudWatch's metrics of Resolver endpoints: `GetMetricData`.

    POST   /sandbox/endpoint-load   {"account", "region", "endpoint_id", "queries": N, "seconds_ago": S,
                                     "unhealthy": N, "capacity": 0|1|2}   what came to it, and how it is

Source: CloudWatch API Reference, GetMetricData (at most 500 metrics a call).
"""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox.aws.answers import Json
from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.endpoint_metrics import PERIOD_SECONDS, EndpointMetrics
from bot.sandbox.aws.json_pages import page
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Service, ServiceError, Serving

_MOST, _PAGE = 500, 100
_ID = re.compile(r"[a-z][A-Za-z0-9_]*")
_NAMESPACE = "AWS/Route53Resolver"


def _get(metrics: EndpointMetrics, call: Call, asked: Asked) -> dict[str, Any]:
    queries = asked["MetricDataQueries"]
    if len(queries) > _MOST:
        raise ServiceError("ValidationError", f"The collection MetricDataQueries must not have more than {_MOST}.")
    ids = [one["Id"] for one in queries]
    if len(set(ids)) < len(ids) or not all(_ID.fullmatch(one) for one in ids):
        raise ServiceError("ValidationError", "The values for parameter id in MetricDataQueries are not valid.")
    if asked["StartTime"] >= asked["EndTime"]:
        raise ServiceError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    results = [_result(metrics, call, one, asked) for one in queries]
    found, token = page(results, _PAGE, asked.get("NextToken", ""))
    return {"MetricDataResults": found, "Messages": [], **({"NextToken": token} if token else {})}


def _result(metrics: EndpointMetrics, call: Call, query: Asked, asked: Asked) -> dict[str, Any]:
    stat = query["MetricStat"]
    metric = stat["Metric"]
    if stat["Period"] != PERIOD_SECONDS:
        raise ServiceError("ValidationError", f"Only periods of {PERIOD_SECONDS} seconds are simulated.")
    named = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
    measured = metrics.endpoints.get((call.account, call.region, named.get("EndpointId", "")))
    points: list[tuple[int, float]] = []
    if measured is not None and metric["Namespace"] == _NAMESPACE and set(named) == {"EndpointId"}:
        points += measured.sent(metric["MetricName"], asked["StartTime"], asked["EndTime"])
    points.reverse()  # the newest first, as CloudWatch does unless it is asked otherwise
    return {
        "Id": query["Id"],
        "Label": metric["MetricName"],
        "Timestamps": [at for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }


def _open(cloud: Cloud) -> Serving:
    def load(rest: list[str], document: Json) -> Json:
        del rest
        measured = cloud.metrics.endpoints[document["account"], document["region"], document["endpoint_id"]]
        at = cloud.clock.now() - float(document.get("seconds_ago", 0))
        measured.since = min(measured.since, at)
        if "queries" in document:
            measured.queries.append((at, int(document["queries"])))
        measured.unhealthy = int(document.get("unhealthy", measured.unhealthy))
        measured.capacity = int(document.get("capacity", measured.capacity))

    return Serving(
        operations={"GetMetricData": lambda call, asked: _get(cloud.metrics, call, asked)},
        routes={("POST", "endpoint-load"): load},
    )


SERVICE = Service(name="cloudwatch", open=_open)
