"""RAM: moto's resource shares, with the invitations that it lacks: another account has a share once it accepts.

Source: RAM API Reference, CreateResourceShare, GetResourceShareInvitations, AcceptResourceShareInvitation. Accounts
here are in no organization, so every principal that is an account is invited.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ram.models import ram_backends

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.resolver.held import accepted
from bot.sandbox.aws.service import Cloud, Operation, Service, ServiceError, Serving


class Invitations:
    """Who has accepted which share."""

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "GetResourceShares": self._shares,
            "GetResourceShareInvitations": self._list,
            "AcceptResourceShareInvitation": self._accept,
        }

    def _shares(self, call: Call, asked: Asked) -> dict[str, Any]:
        """List the caller's own shares; deleted ones stay listed for a while (moto: for good)."""
        rows = [share.describe() for share in ram_backends[call.account][call.region].resource_shares]
        if asked.get("name"):
            rows = [row for row in rows if row["name"] == asked["name"]]
        if asked.get("resourceShareArns"):
            rows = [row for row in rows if row["resourceShareArn"] in asked["resourceShareArns"]]
        return {"resourceShares": rows if asked["resourceOwner"] == "SELF" else []}

    def _invitations(self, call: Call) -> Iterator[tuple[MotoObject, dict[str, Any]]]:
        """Yield the caller's invitations with their shares; those to a share that is gone are gone."""
        for owner, regions in ram_backends.items():
            for share in regions[call.region].resource_shares:
                if share.status == "ACTIVE" and call.account in share.principals and owner != call.account:
                    yield share, _described(share, owner, call.account)

    def _list(self, call: Call, asked: Asked) -> dict[str, Any]:
        rows = [row for _, row in self._invitations(call)]
        for member, key in (
            ("resourceShareArns", "resourceShareArn"),
            ("resourceShareInvitationArns", "resourceShareInvitationArn"),
        ):
            rows = [row for row in rows if not asked.get(member) or row[key] in asked[member]]
        return {"resourceShareInvitations": rows}

    def _accept(self, call: Call, asked: Asked) -> dict[str, Any]:
        wanted = asked["resourceShareInvitationArn"]
        for share, row in self._invitations(call):
            if row["resourceShareInvitationArn"] != wanted:
                continue
            if row["status"] == "ACCEPTED":
                message = f"Resource share invitation {wanted} is already accepted"
                raise ServiceError("ResourceShareInvitationAlreadyAcceptedException", message)
            share.sandbox_accepted = accepted(share) | {call.account}
            return {"resourceShareInvitation": {**row, "status": "ACCEPTED"}}
        message = f"Resource share invitation {wanted} could not be found."
        raise ServiceError("ResourceShareInvitationArnNotFoundException", message)


def _described(share: MotoObject, owner: str, account: str) -> dict[str, Any]:
    number = share.arn.rpartition("/")[2]
    return {
        "resourceShareInvitationArn": f"{share.arn.partition('resource-share/')[0]}resource-share-invitation/{number}",
        "resourceShareArn": share.arn,
        "resourceShareName": share.name,
        "senderAccountId": owner,
        "receiverAccountId": account,
        "status": "ACCEPTED" if account in accepted(share) else "PENDING",
    }


def _known_to_moto(call: Call) -> bool:
    return call.operation in {"CreateResourceShare", "DeleteResourceShare", "GetResourceShareAssociations"}


def _open(cloud: Cloud) -> Serving:
    del cloud
    return Serving(operations=Invitations().operations(), passes_on=_known_to_moto)


SERVICE = Service(name="ram", open=_open, internal_error="ServerInternalException")
