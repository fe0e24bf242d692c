"""Service Quotas: those of Route 53 Resolver, read and raised.

Source: Service Quotas API Reference, ListServiceQuotas, GetServiceQuota, RequestServiceQuotaIncrease.
"""

from __future__ import annotations

from typing import Any

from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.json_pages import page
from bot.sandbox.aws.life_cycle import Phase
from bot.sandbox.aws.quotas import DEFAULTS, RESOLVER
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Operation, Service, ServiceError, Serving

_PAGE = 100
_RAISING = Phase(during="PENDING", after="APPROVED", failed="DENIED")


class ServiceQuotas:
    """The operations on quotas."""

    def __init__(self, cloud: Cloud) -> None:
        self._quotas, self._changes = cloud.quotas, cloud.changes

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "ListServiceQuotas": self._list,
            "GetServiceQuota": self._get,
            "RequestServiceQuotaIncrease": self._raise,
        }

    def _list(self, call: Call, asked: Asked) -> dict[str, Any]:
        self._known(asked["ServiceCode"])
        rows = [self._described(call, code) for code in DEFAULTS]
        found, token = page(rows, asked.get("MaxResults", _PAGE), asked.get("NextToken", ""))
        return {"Quotas": found, **({"NextToken": token} if token else {})}

    def _get(self, call: Call, asked: Asked) -> dict[str, Any]:
        self._known(asked["ServiceCode"], asked["QuotaCode"])
        return {"Quota": self._described(call, asked["QuotaCode"])}

    def _raise(self, call: Call, asked: Asked) -> dict[str, Any]:
        code, wanted = asked["QuotaCode"], float(asked["DesiredValue"])
        self._known(asked["ServiceCode"], code)
        if wanted <= self._quotas.of(call.account, call.region, code):
            message = "The desired value must be greater than the current quota value"
            raise ServiceError("IllegalArgumentException", message)
        request = {
            "Id": mock_random.get_random_hex(32),
            "ServiceCode": RESOLVER,
            "QuotaCode": code,
            "QuotaName": DEFAULTS[code][0],
            "DesiredValue": wanted,
        }

        def granted() -> None:
            self._quotas.raised[call.account, call.region, code] = int(wanted)

        self._changes.begin(call.action, _RAISING, lambda status, _: request.update(Status=status), granted)
        return {"RequestedQuota": request}

    def _known(self, service: str, code: str = "") -> None:
        if service != RESOLVER or (code and code not in DEFAULTS):
            raise ServiceError("NoSuchResourceException", "The request failed because the quota does not exist.")

    def _described(self, call: Call, code: str) -> dict[str, Any]:
        return {
            "ServiceCode": RESOLVER,
            "ServiceName": "Amazon Route 53 Resolver",
            "QuotaArn": f"arn:aws:servicequotas:{call.region}:{call.account}:{RESOLVER}/{code}",
            "QuotaCode": code,
            "QuotaName": DEFAULTS[code][0],
            "Value": float(self._quotas.of(call.account, call.region, code)),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def _open(cloud: Cloud) -> Serving:
    return Serving(operations=ServiceQuotas(cloud).operations())


SERVICE = Service(name="servicequotas", open=_open, internal_error="ServiceException")
