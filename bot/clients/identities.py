"""Makes AWS identities: the process's own, and that of each role that is assumed with it.

Nothing is assumed before it is first used. AssumeRole goes to the cluster's region, wherever the role works:
a role's credentials hold in every region.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter
from botocore.session import Session

from bot.clients.aws_errors import AWS_ERRORS, RoleNotAssumed, aws_error
from bot.clients.aws_identity import AwsIdentity
from bot.clients.aws_models import lean_models
from bot.clients.aws_wire import BoundedSender
from bot.clients.own_names import OwnNames
from bot.clients.pace import Pace
from bot.clients.traffic import WireTraffic
from bot.domain.places import Place
from bot.errors import SourceGarbled, UnitError

_NOT_IN_SESSION_NAMES = re.compile(r"[^A-Za-z0-9_=,.@-]")
_MAX_SESSION_NAME = 64
_ARN_ACCOUNT = 4
"""Which part of an ARN the account is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What the identities of one cluster share below their requests."""

    region: str
    """The cluster's, and an identity's where a call names none."""
    pool_size: int
    """Connections kept for each host."""
    names: OwnNames
    traffic: WireTraffic
    pace: Pace = field(default_factory=Pace)
    """Shared with the other clusters of the process."""
    profile: str = ""
    """Of AWS's files, for the process's own credentials; empty: as its variables and files say."""


class Identities:
    """The identities that read, or that change, at the places of one cluster. Safe among threads.

    Places with one role share its identity. AWS logs the calls of roles under `session_name` (CloudTrail).
    """

    def __init__(self, roles: Mapping[Place, str], *, session_name: str, retries: bool, wire: Wire) -> None:
        """`roles` are ARNs; an empty one stands for the process itself. `retries` is for readers."""
        self._roles = roles
        self._session_name = session_name
        self._retries = retries
        self._wire = wire
        self._lock = threading.Lock()
        self._made: dict[str, AwsIdentity] = {}

    def __contains__(self, place: Place) -> bool:
        """Return whether there is an identity for exactly this place."""
        return place in self._roles

    def at(self, place: Place) -> AwsIdentity:
        """Return the identity of a place, made now when it is the first with its role."""
        if place not in self._roles:
            raise UnitError(f"Nothing can be asked at {place}: dnsbot.yaml has no such place here, or no role for it.")
        role = self._roles[place]
        with self._lock:
            if role not in self._made:
                self._made[role] = self._make(role)
            return self._made[role]

    def _make(self, role: str) -> AwsIdentity:
        if role:
            return assumed_identity(role, self._session_name, retries=self._retries, wire=self._wire)
        return own_identity(retries=self._retries, wire=self._wire)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for identity in self._made.values():
                identity.close()


class _AssumedRole(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """The only source of credentials in a role's session."""

    METHOD = "assume-role"

    def __init__(self, base: AwsIdentity, role_arn: str, session_name: str) -> None:
        self._base = base
        self._role_arn = role_arn
        self._session_name = session_name

    def load(self) -> DeferredRefreshableCredentials:
        """Return credentials that are fetched when first used."""
        return DeferredRefreshableCredentials(refresh_using=self._fetch, method=self.METHOD)

    def _fetch(self) -> dict[str, str]:
        """Assume the role. Raises `RoleNotAssumed` where AWS refuses, else our own error: no call is sent then."""
        try:
            answer = self._base.client("sts").assume_role(RoleArn=self._role_arn, RoleSessionName=self._session_name)
            return _credentials(answer)
        except KeyError as missing:
            raise SourceGarbled(
                f"Cannot call sts:AssumeRole on {self._role_arn}: the answer has no {missing.args[0]}. Ask again."
            ) from missing
        except ClientError as error:
            raise RoleNotAssumed(error, self._role_arn) from error
        except AWS_ERRORS as error:
            raise aws_error("sts", f"AssumeRole on {self._role_arn}", error) from error


def _credentials(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return what AssumeRole gave, as botocore takes it. Raises `KeyError` for what is not there."""
    given = answer["Credentials"]
    return {
        "access_key": given["AccessKeyId"],
        "secret_key": given["SecretAccessKey"],
        "token": given["SessionToken"],
        "expiry_time": given["Expiration"].isoformat(),
    }


def own_identity(*, retries: bool, wire: Wire) -> AwsIdentity:
    """Return the identity of the process itself: botocore's variables, files and roles."""
    return _identity(_session(wire.profile), retries=retries, wire=wire)


def assumed_identity(role_arn: str, session_name: str, *, retries: bool, wire: Wire) -> AwsIdentity:
    """Return the identity of a role that the process assumes. Its data loader is shared, since it costs the most."""
    base_session = _session(wire.profile)
    base = _identity(base_session, retries=True, wire=wire)
    session = _bare_session("")
    session.register_component("data_loader", base_session.get_component("data_loader"))
    tidy_name = _NOT_IN_SESSION_NAMES.sub("-", session_name)[:_MAX_SESSION_NAME]
    provider = _AssumedRole(base, role_arn, tidy_name)
    session.register_component("credential_provider", CredentialResolver(providers=[provider]))
    return _identity(session, retries=retries, wire=wire, account=account_of(role_arn))


def account_of(role_arn: str) -> str:
    """Return the account of a role; empty where the ARN names none."""
    parts = role_arn.split(":")
    return parts[_ARN_ACCOUNT] if len(parts) > _ARN_ACCOUNT else ""


def _session(profile: str) -> Session:
    session = _bare_session(profile)
    session.register_component("data_loader", lean_models(session))
    return session


def _bare_session(profile: str) -> Session:
    hooks = copy.copy(_own_handlers())
    return Session(profile=profile or None, event_hooks=hooks, include_builtin_handlers=False)


@cache
def _own_handlers() -> HierarchicalEmitter:
    """Return what botocore itself does at events: to register it is most of what a session costs, so it is copied."""
    hooks = HierarchicalEmitter()
    Session(event_hooks=hooks)
    return hooks


def _identity(session: Session, *, retries: bool, wire: Wire, account: str = "") -> AwsIdentity:
    sender = BoundedSender(
        ca_bundle=session.get_config_variable("ca_bundle") or "",
        pool_size=wire.pool_size,
        names=wire.names,
        traffic=wire.traffic,
    )
    return AwsIdentity(
        session,
        region=wire.region,
        sender=sender,
        retries=retries,
        pool_size=wire.pool_size,
        pace=wire.pace,
        account=account,
    )
