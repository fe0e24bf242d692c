"""Configuration and credentials of the official client: from a kubeconfig, or from EKS.

The client is made on first use and kept. Its waits are ours (`wire`), its retries are off: a silently
repeated DELETE may report a false 404 after its success. A kubeconfig's credential plugin is a program
of the operator's; it is run by the official client and is the one thing here that no deadline bounds: whoever
called first waits for it, all others give up in time and say what they waited for.
"""

from __future__ import annotations

import base64
import binascii
import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.config import ConfigException
from kubernetes.config.kube_config import load_kube_config

from bot.clients.eks_token import TokenMaker
from bot.clients.own_names import OwnNames
from bot.clients.time_limit import seconds_left
from bot.clients.wire import pool_classes
from bot.domain.json_values import RawObject
from bot.errors import SourceGarbled, SourceTimeout, Unauthenticated

_LOOKED_AT_EVERY_SECONDS = 1.0
"""Each look sets the client up anew. Tokens are renewed a minute and more before they end."""


class KubernetesLogin:
    """Makes the one `ApiClient` of a credential, and hands it out."""

    def __init__(
        self, configure: Callable[[], Configuration], *, waits_for: str, names: OwnNames, pool_size: int
    ) -> None:
        """`waits_for` says what configuring and renewing may have to wait for: "the cluster's endpoint"."""
        self._configure = configure
        self._waits_for = waits_for
        self._names = names
        self._pool_size = pool_size
        self._lock = threading.Lock()
        self._client: ApiClient | None = None

    def client(self) -> ApiClient:
        """Return the client, made now when this is the first call."""
        if not self._lock.acquire(timeout=seconds_left()):
            raise SourceTimeout(f"Another call of this diagnosis is still waiting for {self._waits_for}.")
        try:
            if self._client is None:
                self._client = self._make()
            return self._client
        finally:
            self._lock.release()

    def serialised(self, **request: Any) -> tuple[Any, ...]:  # noqa: ANN401  # arguments of param_serialize
        """Return a request with its credential, for `ApiClient.call_api`. Tokens are renewed one at a time."""
        client = self.client()
        if not self._lock.acquire(timeout=seconds_left()):
            raise SourceTimeout(
                f"Another call of this diagnosis is renewing the token and still waiting for {self._waits_for}."
            )
        try:
            return tuple(client.param_serialize(auth_settings=["BearerToken"], **request))
        finally:
            self._lock.release()

    @property
    def host(self) -> str:
        """The API server's address, empty while it is not known."""
        return "" if self._client is None else str(self._client.configuration.host)

    def close(self) -> None:
        """Close idle connections."""
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]

    def _make(self) -> ApiClient:
        configuration = self._configure()
        if configuration.refresh_api_key_hook is not None:
            configuration.refresh_api_key_hook = _not_at_every_call(configuration.refresh_api_key_hook)
        configuration.retries = False
        configuration.connection_pool_maxsize = self._pool_size
        client = ApiClient(configuration)
        client.rest_client.pool_manager.pool_classes_by_scheme = pool_classes(self._names)
        client.user_agent = "eks-dns-bot"
        return client


def _not_at_every_call(renew: Callable[[Configuration], None]) -> Any:  # noqa: ANN401  # the client's type for it is wrong
    """Return `renew` for hundreds of calls a second: a credential that was looked at a moment ago is as good now."""
    looked_at = -math.inf

    def renew_now_and_then(configuration: Configuration) -> None:
        nonlocal looked_at
        now = time.monotonic()
        if now - looked_at >= _LOOKED_AT_EVERY_SECONDS:
            renew(configuration)
            # a kubeconfig's puts itself back
            configuration.refresh_api_key_hook = renew_now_and_then  # type: ignore[assignment]
            looked_at = now

    return renew_now_and_then


def from_kubeconfig(path: str, context: str) -> Callable[[], Configuration]:
    """Return what configures a client from a kubeconfig file, for `context` or, when empty, its current one."""

    def configure() -> Configuration:
        configuration = Configuration()
        try:
            load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, context=context or None, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
            named = f"context {context}" if context else "its current context"
            absent = not any(Path(one).expanduser().exists() for one in path.split(os.pathsep))
            why = f"there is no file {path}" if absent else f"{path} with {named}: {str(error).rstrip('. ')}"
            raise Unauthenticated(f"Cannot use the kubeconfig: {why}. Correct `kubeconfig` and `context`.") from error
        return configuration

    return configure


def from_eks(describe: Callable[[], RawObject], token: TokenMaker) -> Callable[[], Configuration]:
    """Return what configures a client from eks:DescribeCluster, with a token that is re-made before it ends."""

    def configure() -> Configuration:
        cluster = describe()["cluster"]
        configuration = Configuration(
            host=cluster["endpoint"].rstrip("/"), ca_cert_data=_certificates(cluster["certificateAuthority"]["data"])
        )
        configuration.api_key_prefix["BearerToken"] = "Bearer"

        def renew(renewed: Configuration) -> None:
            renewed.api_key["BearerToken"] = token.token()

        renew(configuration)
        configuration.refresh_api_key_hook = renew  # type: ignore[assignment]
        return configuration

    return configure


def _certificates(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SourceGarbled(
            f"eks:DescribeCluster gave a certificate authority that is no base64 PEM ({error})."
        ) from error
