"""EKS: answered here alone; moto is not asked."""

from __future__ import annotations

from bot.sandbox.aws.api_models import members
from bot.sandbox.aws.eks.operations import Eks
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Service, Serving


def _open(cloud: Cloud) -> Serving:
    eks = Eks(cloud)
    return Serving(operations=eks.operations(), routes={("PUT", "eks"): eks.put})


def _cluster(call: Call) -> str:
    asked = members("eks", method=call.method, path=call.path, query=call.query, body=b"")
    name = asked.get("name") or asked.get("clusterName") or "*"
    return f"arn:aws:eks:{call.region}:{call.account}:cluster/{name}"


SERVICE = Service(name="eks", open=_open, internal_error="ServerException", resource=_cluster)
