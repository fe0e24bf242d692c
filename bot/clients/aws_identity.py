"""One AWS identity and its clients. Identities are made in `identities`.

Sessions and the making of clients are not safe among threads, finished clients are: clients are made
under a lock, one for each region and service, and kept. botocore renews a role's credentials before they end.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.session import Session

from bot.clients.aws_parsing import LeanParsers
from bot.clients.aws_retries import seconds_before_retry
from bot.clients.aws_wire import BoundedSender, refuse_cut, refuse_foreign
from bot.clients.pace import CALLS_A_SECOND, CALLS_A_SECOND_OF_EACH, Pace
from bot.clients.time_limit import seconds_left
from bot.errors import EvidenceUnavailable, SourceTimeout

_NAMED_OTHERWISE = {"servicequotas": "service-quotas"}
"""What botocore calls services that we call by IAM's prefix, where the two differ."""


class AwsIdentity:
    """Hands out botocore clients of one identity."""

    def __init__(
        self,
        session: Session,
        *,
        region: str,
        sender: BoundedSender,
        retries: bool,
        pool_size: int,
        pace: Pace,
        account: str = "",
    ) -> None:
        """`retries` is for readers: what changes something is sent once. `account` is that of an assumed role."""
        self._session = session
        self._region = region
        self._sender = sender
        self._pace = pace
        self._account = account
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        session.set_default_client_config(
            Config(
                retries={"total_max_attempts": 1, "mode": "standard"},
                max_pool_connections=pool_size,
                user_agent_extra="eks-dns-bot",
            )
        )
        session.register_component("response_parser_factory", LeanParsers())
        session.register("before-send", sender)
        session.register("before-parse", refuse_cut)
        session.register("after-call", refuse_foreign)
        if retries:
            session.register("needs-retry", seconds_before_retry)

    def client(self, service: str, region: str = "") -> Any:  # noqa: ANN401  # botocore makes its classes at run time
        """Return the client of a service, made now when it is the first of its region."""
        key = (region or self._region or self._own_region(), service)
        found = self._clients.get(key)
        if found is not None:
            return found
        if not self._lock.acquire(timeout=seconds_left()):
            raise SourceTimeout(f"Another call is still making an AWS client for {service}; ask again.")
        try:
            if key not in self._clients:
                self._clients[key] = self._made(service, key[0])
            return self._clients[key]
        finally:
            self._lock.release()

    def _made(self, service: str, region: str) -> Any:  # noqa: ANN401  # botocore makes its classes at run time
        client = self._session.create_client(_NAMED_OTHERWISE.get(service, service), region_name=region)
        if service in {*CALLS_A_SECOND, *CALLS_A_SECOND_OF_EACH}:
            # botocore emits this for every request, retries and further pages too, and before it signs them
            event = f"request-created.{client.meta.service_model.service_id.hyphenize()}"
            client.meta.events.register_first(event, partial(_in_turn, self._pace, service, self._account, region))
        return client

    def _own_region(self) -> str:
        """Return the region that AWS's own variables and files name. Raises `EvidenceUnavailable` where they do not."""
        found = self._session.get_config_variable("region")
        if not found:
            raise EvidenceUnavailable(
                "no AWS region is known. Name it: --region, AWS_REGION, or `region` of the cluster in dnsbot.yaml."
            )
        return str(found)

    def log_in(self) -> None:
        """Get credentials that are good now. Raises what botocore raises; nothing else was sent then."""
        credentials = self._session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()

    def close(self) -> None:
        """Close idle connections."""
        self._sender.close()


def _in_turn(pace: Pace, service: str, account: str, region: str, *, operation_name: str, **_: object) -> None:
    """Handle `request-created`: Route 53 itself is one for all regions."""
    pace.wait(service, account, "" if service == "route53" else region, operation_name)
