"""The control routes under `/sandbox/`; those of services stand beside each service's own work.

    POST   /sandbox/faults   [{"action": "ec2:DescribeVpcs"|"eks:*"|"*", "kind": …, "times": N|null, "seconds": S}]
    DELETE /sandbox/faults
    POST   /sandbox/paces    [{"action": "eks:CreateAddon", "seconds": S, "fails": "message"|"", "times": N|null}]
    POST   /sandbox/rates    [{"action": "route53resolver:*", "per_second": N}]
    POST   /sandbox/deny     {"actions": ["ec2:DescribeNetworkAcls", …], "account": "…"}      no account: in all
    POST   /sandbox/latency  {"ms": N}
    POST   /sandbox/passed   {"seconds": S}      so much time passes at once
    GET    /sandbox/calls    [{"action", "at", "region", "access_key", "dry_run", "status", "took_ms"}]
    DELETE /sandbox/calls
    GET    /sandbox/writes   {"writes": N}       how often something may have changed; it never goes back
    GET    /sandbox/places   [{"account", "region", "services": […]}]    where anybody has called which services
    POST   /sandbox/reset    everything empty again, ids from the seed

A list replaces the former one. Actions are patterns; the first that matches holds, `times` (null: always) so often.
Kinds of faults: deny, throttle, hang, reset, empty, html, truncate, error500, delay. `seconds` counts for delay
(default 1) and hang (default: until the faults change; then the connection is reset).
A pace says how long what an action begins takes, and whether it fails in the end; without one all is done at once.
A rate limits each account in each region; what is beyond is refused as the service throttles.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException

from bot.sandbox.aws.answering import Answering
from bot.sandbox.aws.answers import Answer, Json, json_answer
from bot.sandbox.aws.control import Control, Fault
from bot.sandbox.aws.life_cycle import Pace
from bot.sandbox.aws.rates import Rate
from bot.sandbox.aws.service import ServiceError


class ControlRoutes:
    """Answers the routes of the sandbox itself. Only loopback reaches them."""

    def __init__(self, control: Control, answering: Answering) -> None:
        self._control, self._answering = control, answering

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one control request."""
        try:
            document = json.loads(body) if body else None
            answered = self._answered(method, path.removeprefix("/sandbox/"), document)
        except ServiceError as error:
            return json_answer({"error": error.message}, status=error.status)
        except (LookupError, StopIteration) as error:
            return json_answer({"error": f"{method} {path}: {error!r}"}, status=404)
        except (ValueError, TypeError, AttributeError, ServiceException) as error:
            return json_answer({"error": f"{method} {path}: {error}"}, status=400)
        return json_answer({"ok": True} if answered is None else answered)

    def _answered(self, method: str, route: str, document: Json) -> Json:
        own = self._own(document).get((method, route))
        if own is not None:
            return own()
        answered = self._answering.control(method, route.split("/"), document)
        self._control.wrote()
        return answered

    def _own(self, document: Json) -> dict[tuple[str, str], Callable[[], Any]]:
        control = self._control
        return {
            ("POST", "faults"): lambda: control.set_faults(map(Fault.of, document)),
            ("DELETE", "faults"): lambda: control.set_faults([]),
            ("POST", "paces"): lambda: control.paces.replace(map(Pace.of, document)),
            ("POST", "rates"): lambda: control.rates.orders.replace(map(Rate.of, document)),
            ("POST", "deny"): lambda: control.deny(document["actions"], document.get("account", "")),
            ("POST", "latency"): lambda: setattr(control, "latency_ms", int(document["ms"])),
            ("POST", "passed"): lambda: self._answering.pass_time(float(document["seconds"])),
            ("GET", "calls"): control.calls,
            ("DELETE", "calls"): control.forget_calls,
            ("GET", "writes"): self._writes,
            ("GET", "places"): control.places,
            ("POST", "reset"): self._reset,
        }

    def _writes(self) -> Json:
        self._answering.settle()
        return {"writes": self._control.writes()}

    def _reset(self) -> None:
        self._control.reset()
        self._answering.reset()
        self._control.wrote()
