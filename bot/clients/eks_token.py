"""The token that EKS takes: a presigned sts:GetCallerIdentity URL, good for 15 minutes (EKS User Guide, IAM)."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.signers import RequestSigner

from bot.clients.aws_errors import AWS_ERRORS, aws_error

RENEW_AFTER_SECONDS = 600.0
"""A token lives 15 minutes whatever its URL says; re-made after 10, so that no call starts with a dying one."""

_URL_SECONDS = 60


class TokenMaker:
    """Makes and keeps the token of one identity for one cluster."""

    def __init__(
        self, eks_name: str, region: str, sts: Callable[[], Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._eks_name, self._region, self._sts, self._clock = eks_name, region, sts, clock
        self._lock = threading.Lock()
        self._token = ""
        self._made_at = 0.0

    def token(self) -> str:
        """Return a token that has at least five minutes left. `sts` is a botocore client of the identity."""
        with self._lock:
            if not self._token or self._clock() - self._made_at > RENEW_AFTER_SECONDS:
                try:
                    self._token, self._made_at = self._make(), self._clock()
                except AWS_ERRORS as error:
                    raise aws_error("sts", "GetCallerIdentity", error) from error
            return self._token

    def _make(self) -> str:
        sts = self._sts()
        signer = RequestSigner(
            sts.meta.service_model.service_id,
            self._region,
            "sts",
            "v4",
            sts._request_signer._credentials,  # noqa: SLF001  # the client has no other name for its credentials
            sts.meta.events,
        )
        url = signer.generate_presigned_url(
            {
                "method": "GET",
                "url": f"{sts.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
                "body": {},
                "headers": {"x-k8s-aws-id": self._eks_name},
                "context": {},
            },
            region_name=self._region,
            expires_in=_URL_SECONDS,
            operation_name="",
        )
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode("ascii")).decode("ascii").rstrip("=")
