"""The front door: logs, delays, refuses and breaks calls as told, then hands them to EKS or moto, one at a time.

Only the data plane's own calls go straight through.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.responses import EC2Response
from moto.iam.models import get_account_id_from
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.models import moto_api_backend
from moto.sts.models import sts_backends

from bot.sandbox.access_keys import DATA_PLANE
from bot.sandbox.aws.answers import (
    FIRST_ERROR,
    Answer,
    Json,
    StartResponse,
    denied_answer,
    error_answer,
    failed_answer,
    json_answer,
    not_implemented_answer,
    throttled_answer,
)
from bot.sandbox.aws.control import Control, Fault, FaultKind
from bot.sandbox.aws.eks import Eks
from bot.sandbox.aws.eks_cluster import EksError
from bot.sandbox.aws.eks_routes import eks_names
from bot.sandbox.aws.requests import Call, read_call
from bot.sandbox.aws.seeding import ACCOUNT, REGION, seed_instances, seed_interfaces

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
# Well-formed, so that an XML parser takes it for an answer without members: the worst case.
_HTML = b"<html><body><h1>502 Bad Gateway</h1><p>proxy</p></body></html>"


class Gateway:
    """A WSGI application in front of moto. moto is not thread-safe: one lock is held while it works."""

    def __init__(self, moto: WsgiApp, *, control: Control, seed: int | None) -> None:
        self._moto, self.control, self._seed = moto, control, seed
        self._eks = Eks()
        self._lock = threading.Lock()
        self._operations = frozenset(_method_names())

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request."""
        path = environ.get("PATH_INFO", "/")
        if path.startswith("/sandbox/"):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            return self._control(environ["REQUEST_METHOD"], path, environ["wsgi.input"].read(length)).send(
                start_response
            )
        call = read_call(environ)
        if call is None:
            text = "The request is not signed: no AWS service is named in its Authorization header."
            return json_answer({"__type": "MissingAuthenticationToken", "message": text}, status=403).send(
                start_response
            )
        if call.access_key == DATA_PLANE:
            return self._real(call, environ).send(start_response)
        entry = self.control.arrived(
            action=call.action, region=call.region, access_key=call.access_key, dry_run=call.dry_run
        )
        if self.control.latency_ms:
            time.sleep(self.control.latency_ms / 1000)
        fault = self.control.take_fault(call.action)
        answer = self._faulty(fault, call, environ) or self._judged(call, environ)
        if fault and fault.kind is FaultKind.TRUNCATE:
            entry.answered(answer.status)
            return _half(answer, start_response)
        entry.answered(answer.status)
        return answer.send(start_response)

    def _faulty(self, fault: Fault | None, call: Call, environ: dict[str, Any]) -> Answer | None:
        """Return the answer that the fault makes, or None to answer as usual."""
        if fault is None or fault.kind is FaultKind.TRUNCATE:
            return None
        if fault.kind is FaultKind.DELAY:
            self.control.wait(1.0 if fault.seconds is None else fault.seconds)
            return None
        if fault.kind in {FaultKind.HANG, FaultKind.RESET}:
            if fault.kind is FaultKind.HANG:
                self.control.wait(fault.seconds)
            _reset(environ)
        if fault.kind is FaultKind.DENY:
            return self._denied(call, call.action)
        made: dict[FaultKind, Callable[[], Answer]] = {
            FaultKind.THROTTLE: lambda: throttled_answer(call),
            FaultKind.ERROR500: lambda: failed_answer(call),
            FaultKind.EMPTY: lambda: Answer(status=200, body=b"", content_type="application/octet-stream"),
            FaultKind.HTML: lambda: Answer(status=200, body=_HTML, content_type="text/html"),
        }
        return made[fault.kind]()

    def _judged(self, call: Call, environ: dict[str, Any]) -> Answer:
        for action in call.judged:
            if self.control.denies(action):
                return self._denied(call, action)
        return self._real(call, environ)

    def _real(self, call: Call, environ: dict[str, Any]) -> Answer:
        if call.service == "ec2" and _snake(call.operation) not in self._operations:
            return not_implemented_answer(call)
        if call.dry_run:
            message = "Request would have succeeded, but DryRun flag is set."
            return error_answer(call, code="DryRunOperation", message=message, status=412)
        with self._lock:
            if call.service == "eks":
                return self._eks.answer(get_account_id_from(call.access_key), call)
            return self._from_moto(call, environ)

    def _from_moto(self, call: Call, environ: dict[str, Any]) -> Answer:
        started: list[Any] = []
        try:
            body = b"".join(self._moto(environ, lambda status, headers, *_: started.extend((status, headers))))
        except NotImplementedError as error:
            return not_implemented_answer(call, str(error))
        status, headers = int(started[0].split()[0]), dict(started[1])
        content_type = headers.get("Content-Type", "")
        if "html" in content_type and status >= FIRST_ERROR:
            return not_implemented_answer(call, f"moto answered {status}")
        kept = tuple((name, value) for name, value in headers.items() if name.lower().startswith("x-amzn"))
        return Answer(status=status, body=body, content_type=content_type, headers=kept)

    def _denied(self, call: Call, action: str) -> Answer:
        account = get_account_id_from(call.access_key)
        role = sts_backends[account]["aws"].get_assumed_role_from_access_key(call.access_key)
        user = role.arn if role else f"arn:aws:sts::{account}:user/moto"
        resource = "*"
        if call.service == "eks":
            resource = f"arn:aws:eks:{call.region}:{account}:cluster/{eks_names(call.path)[0] or '*'}"
        return denied_answer(call, action, user, resource)

    def _control(self, method: str, path: str, body: bytes) -> Answer:
        try:
            document = json.loads(body) if body else None
            return json_answer(self._controlled(method, path.removeprefix("/sandbox/"), document))
        except EksError as error:
            return json_answer({"error": error.message}, status=404)
        except LookupError as error:
            return json_answer({"error": f"{method} {path}: {error!r}"}, status=404)
        except (ValueError, TypeError, AttributeError, ServiceException) as error:
            return json_answer({"error": f"{method} {path}: {error}"}, status=400)

    def _controlled(self, method: str, route: str, document: Json) -> Json:
        if method == "PUT" and route.startswith("eks/"):
            return self._merge(route.split("/")[2:], document)
        routes: dict[tuple[str, str], Callable[[], Any]] = {
            ("POST", "faults"): lambda: self.control.set_faults(document),
            ("DELETE", "faults"): lambda: self.control.set_faults([]),
            ("POST", "deny"): lambda: setattr(self.control, "denied", tuple(document["actions"])),
            ("POST", "latency"): lambda: setattr(self.control, "latency_ms", int(document["ms"])),
            ("GET", "calls"): self.control.calls,
            ("DELETE", "calls"): self.control.forget_calls,
            ("POST", "reset"): self.reset,
            ("POST", "instances"): lambda: self._locked(seed_instances, document),
            ("POST", "interfaces"): lambda: self._locked(seed_interfaces, document),
        }
        answer = routes[method, route]()
        return {"ok": True} if answer is None else answer

    def _merge(self, names: list[str], document: dict[str, Any]) -> dict[str, Any]:
        region, members = document.pop("region", REGION), document
        with self._lock:
            if len(names) == 1:
                return self._eks.merge(ACCOUNT, region, names[0], members)
            cluster, kind, item = names
            return self._eks.merge_item(ACCOUNT, region, cluster, kind, item, members)

    def _locked(self, work: Callable[[dict[str, Any]], Json], document: dict[str, Any]) -> Json:
        with self._lock:
            return work(document)

    def reset(self) -> None:
        """Make everything empty, with ids from the seed."""
        self.control.reset()
        with self._lock:
            moto_api_backend.reset()
            self._eks = Eks()
            if self._seed is not None:
                mock_random.seed(self._seed)


def _method_names() -> list[str]:
    return [name for name in dir(EC2Response) if not name.startswith("_")]


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


def _half(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    """Announce the whole body and send half of it."""
    answer.send(start_response)
    return [answer.body[: len(answer.body) // 2]]


def _reset(environ: dict[str, Any]) -> None:
    """End the connection with a TCP reset: nothing lingers, the handler reads an end of input and closes."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)
    raise ConnectionResetError
