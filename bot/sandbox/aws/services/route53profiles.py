"""Route 53 Profiles: made, filled with resources and associated with VPCs.

Source: Route 53 Profiles API Reference, CreateProfile, AssociateResourceToProfile, AssociateProfile,
ListProfileResourceAssociations, ListProfileAssociations.
"""

from __future__ import annotations

from typing import Any

from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.json_pages import page
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Operation, Service, ServiceError, Serving

_PAGE = 100


class Profiles:
    """All Profiles and associations, by account and region."""

    def __init__(self) -> None:
        self._profiles: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._associations: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._resources: dict[str, list[dict[str, Any]]] = {}
        """By Profile."""

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "CreateProfile": self._create,
            "AssociateProfile": self._associate,
            "ListProfileAssociations": self._list_associations,
            "AssociateResourceToProfile": self._add,
            "ListProfileResourceAssociations": self._list_resources,
        }

    def _create(self, call: Call, asked: Asked) -> dict[str, Any]:
        number = f"rp-{mock_random.get_random_hex(17)}"
        profile = {
            "Id": number,
            "Arn": f"arn:aws:route53profiles:{call.region}:{call.account}:profile/{number}",
            "Name": asked["Name"],
            "OwnerId": call.account,
            "Status": "COMPLETE",
            "ShareStatus": "NOT_SHARED",
            "ClientToken": asked.get("ClientToken", ""),
        }
        self._profiles.setdefault((call.account, call.region), {})[number] = profile
        return {"Profile": profile}

    def _associate(self, call: Call, asked: Asked) -> dict[str, Any]:
        self._known(call, asked)
        association = {
            "Id": f"rpassoc-{mock_random.get_random_hex(17)}",
            "Name": asked["Name"],
            "OwnerId": call.account,
            "ProfileId": asked["ProfileId"],
            "ResourceId": asked["ResourceId"],
            "Status": "COMPLETE",
        }
        self._associations.setdefault((call.account, call.region), []).append(association)
        return {"ProfileAssociation": association}

    def _known(self, call: Call, asked: Asked) -> None:
        if asked["ProfileId"] not in self._profiles.get((call.account, call.region), {}):
            raise ServiceError("ResourceNotFoundException", f"Profile '{asked['ProfileId']}' does not exist", 404)

    def _add(self, call: Call, asked: Asked) -> dict[str, Any]:
        self._known(call, asked)
        row = {
            "Id": f"rpr-{mock_random.get_random_hex(17)}",
            "Name": asked["Name"],
            "OwnerId": call.account,
            "ProfileId": asked["ProfileId"],
            "ResourceArn": asked["ResourceArn"],
            "ResourceProperties": asked.get("ResourceProperties", ""),
            "Status": "COMPLETE",
        }
        self._resources.setdefault(asked["ProfileId"], []).append(row)
        return {"ProfileResourceAssociation": row}

    def _list_resources(self, call: Call, asked: Asked) -> dict[str, Any]:
        self._known(call, asked)
        rows = self._resources.get(asked["ProfileId"], [])
        found, token = page(rows, asked.get("MaxResults", _PAGE), asked.get("NextToken", ""))
        return {"ProfileResourceAssociations": found, **({"NextToken": token} if token else {})}

    def _list_associations(self, call: Call, asked: Asked) -> dict[str, Any]:
        rows = self._associations.get((call.account, call.region), [])
        for member in ("ProfileId", "ResourceId"):
            rows = [row for row in rows if member not in asked or row[member] == asked[member]]
        found, token = page(rows, asked.get("MaxResults", _PAGE), asked.get("NextToken", ""))
        return {"ProfileAssociations": found, **({"NextToken": token} if token else {})}


def _open(cloud: Cloud) -> Serving:
    del cloud
    return Serving(operations=Profiles().operations())


SERVICE = Service(name="route53profiles", open=_open, internal_error="InternalServiceErrorException")
