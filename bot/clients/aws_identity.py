"""One AWS identity: the process's own credentials, or a role assumed with them, and its clients.

Sessions and the making of clients are not safe among threads, finished clients are: clients are made
under a lock, one for each region and service, and kept. A role has a session of its own whose
credentials botocore renews before they end; the data loader is shared, since it costs the most.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.session import Session

from bot.clients.aws_retries import seconds_before_retry
from bot.clients.aws_wire import BoundedSender, refuse_cut, refuse_foreign
from bot.clients.own_names import OwnNames
from bot.clients.time_limit import seconds_left
from bot.clients.traffic import WireTraffic
from bot.errors import SourceTimeout

_NOT_IN_SESSION_NAMES = re.compile(r"[^A-Za-z0-9_=,.@-]")
_MAX_SESSION_NAME = 64


class AwsIdentity:
    """Hands out botocore clients of one identity."""

    def __init__(self, session: Session, *, region: str, sender: BoundedSender, retries: bool, pool_size: int) -> None:
        """`retries` is for readers: what changes something is sent once."""
        self._session = session
        self._region = region
        self._sender = sender
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        session.set_default_client_config(
            Config(
                retries={"total_max_attempts": 1, "mode": "standard"},
                max_pool_connections=pool_size,
                user_agent_extra="eks-dns-bot",
            )
        )
        session.register("before-send", sender)
        session.register("before-parse", refuse_cut)
        session.register("after-call", refuse_foreign)
        if retries:
            session.register("needs-retry", seconds_before_retry)

    def client(self, service: str, region: str = "") -> Any:  # noqa: ANN401  # botocore makes its classes at run time
        """Return the client of a service, made now when it is the first of its region."""
        key = (region or self._region, service)
        found = self._clients.get(key)
        if found is not None:
            return found
        if not self._lock.acquire(timeout=seconds_left()):
            raise SourceTimeout(f"Another call is still making an AWS client for {service}; ask again.")
        try:
            if key not in self._clients:
                self._clients[key] = self._session.create_client(service, region_name=key[0])
            return self._clients[key]
        finally:
            self._lock.release()

    def log_in(self) -> None:
        """Get credentials that are good now. Raises what botocore raises; nothing else was sent then."""
        credentials = self._session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()

    def close(self) -> None:
        """Close idle connections."""
        self._sender.close()


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
        answer = self._base.client("sts").assume_role(RoleArn=self._role_arn, RoleSessionName=self._session_name)
        given = answer["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }


def own_identity(*, region: str, retries: bool, pool_size: int, names: OwnNames, traffic: WireTraffic) -> AwsIdentity:
    """Return the identity of the process itself: botocore's variables, files and roles."""
    return _identity(Session(), region=region, retries=retries, pool_size=pool_size, names=names, traffic=traffic)


def assumed_identity(
    role_arn: str,
    session_name: str,
    *,
    region: str,
    retries: bool,
    pool_size: int,
    names: OwnNames,
    traffic: WireTraffic,
) -> AwsIdentity:
    """Return the identity of a role. AWS logs its calls under `session_name` (CloudTrail)."""
    base_session = Session()
    base = _identity(base_session, region=region, retries=True, pool_size=pool_size, names=names, traffic=traffic)
    session = Session()
    session.register_component("data_loader", base_session.get_component("data_loader"))
    tidy_name = _NOT_IN_SESSION_NAMES.sub("-", session_name)[:_MAX_SESSION_NAME]
    provider = _AssumedRole(base, role_arn, tidy_name)
    session.register_component("credential_provider", CredentialResolver(providers=[provider]))
    return _identity(session, region=region, retries=retries, pool_size=pool_size, names=names, traffic=traffic)


def _identity(
    session: Session, *, region: str, retries: bool, pool_size: int, names: OwnNames, traffic: WireTraffic
) -> AwsIdentity:
    sender = BoundedSender(
        ca_bundle=session.get_config_variable("ca_bundle") or "", pool_size=pool_size, names=names, traffic=traffic
    )
    return AwsIdentity(session, region=region, sender=sender, retries=retries, pool_size=pool_size)
