"""`POST /alerts` at the health port: firing alerts start a diagnosis of the cluster that their label `cluster` names.

The body is Alertmanager's ("Configuration", webhook_config; version 4), the header `Authorization: Bearer TOKEN`. An
alert is a wish to look and no more: a program asks, may propose nothing that somebody must not approve, and approves
nothing. Alertmanager repeats what is still firing: one alert starts one diagnosis.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.jobs import Lane
from bot.domain.people import machine
from bot.domain.phrases import and_more, count, known
from bot.errors import DnsBotError, Refused
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Origin
from bot.slack.listening import answer, read_body
from bot.slack.tools import SlackTools

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

ASKER = "alertmanager"
"""Its name under `askers.machines`."""
CLUSTER_LABEL = "cluster"
LARGEST_BYTES = 250_000
MOST_ALERTS = 500
"""Of one request; Alertmanager's `max_alerts` bounds them at its end."""
MOST_NAMED = 5
FIRING = "firing"


class Alert(BaseModel):
    """One alert, as far as it is read."""

    model_config = ConfigDict(frozen=True)

    status: str
    labels: dict[str, str] = Field(default_factory=dict)
    starts_at: str = Field(default="", alias="startsAt", max_length=100)
    fingerprint: str = Field(default="", max_length=100)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.labels.get("alertname", "an alert without a name")[:100]

    @property
    def key(self) -> str:
        """The same each time this alert is sent while it fires; when it fires again it is another."""
        said = json.dumps([self.fingerprint, self.starts_at, sorted(self.labels.items())])
        return hashlib.sha256(said.encode()).hexdigest()[:32]


class Webhook(BaseModel):
    """What Alertmanager posts, as far as it is read."""

    alerts: list[Alert] = Field(max_length=MOST_ALERTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedAlerts:
    """The alerts of one request by what comes of them."""

    firing: Mapping[str, tuple[Alert, ...]]
    """By the name of the cluster that is diagnosed."""
    resolved: int
    astray: tuple[str, ...]
    """Firing ones that lead nowhere, each with the reason."""


def sort_alerts(alerts: Iterable[Alert], targets: Mapping[str, ClusterTarget]) -> SortedAlerts:
    """Return which clusters the alerts are about. Pure.

    A cluster is named as in dnsbot.yaml, or as EKS names it where only one cluster there has that name.
    """
    firing: dict[str, list[Alert]] = {}
    resolved, astray = 0, []
    for alert in alerts:
        if alert.status != FIRING:
            resolved += 1
            continue
        try:
            firing.setdefault(_cluster(alert, targets), []).append(alert)
        except Refused as why:
            astray.append(f"{alert.name}: {why}")
    return SortedAlerts(
        firing={name: tuple(ones) for name, ones in firing.items()}, resolved=resolved, astray=tuple(astray)
    )


def _cluster(alert: Alert, targets: Mapping[str, ClusterTarget]) -> str:
    label = alert.labels.get(CLUSTER_LABEL, "")
    if not label:
        raise Refused(f"It has no label {CLUSTER_LABEL!r}, which names the cluster to diagnose.")
    named = [label] if label in targets else [name for name, one in targets.items() if one.eks_name == label]
    if len(named) != 1:
        raise Refused(f"Its label {CLUSTER_LABEL!r} names no cluster of dnsbot.yaml. {known(targets, 'cluster')}")
    if not targets[named[0]].channel:
        raise Refused(f"{named[0]} has no `channel` in dnsbot.yaml to report to.")
    return named[0]


class AlertDoor:
    """WSGI: takes alerts from whoever knows the token, and starts the diagnoses that they ask for."""

    def __init__(self, tools: SlackTools, *, token: str) -> None:
        self._tools, self._token = tools, token.strip().encode()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; the diagnoses go on after that."""
        status, result, said = self._taken(environ)
        if result:
            self._tools.metrics.alerted(result)
            log.warning("alerts refused", extra={"result": result})
        return answer(start_response, status, json.dumps(said), content_type="application/json")

    def _taken(self, environ: WSGIEnvironment) -> tuple[str, str, Mapping[str, object]]:
        """Return the status, what to count where nothing of it is taken, and the answer."""
        if environ.get("REQUEST_METHOD") != "POST":
            return "405 Method Not Allowed", "", {"error": "Alertmanager posts."}
        given = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ").strip()
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token):
            return "401 Unauthorized", "wrong_token", {"error": "Authorization: Bearer TOKEN is missing or wrong."}
        try:
            self._tools.use.door.check(machine(ASKER))
        except Refused as why:
            return "403 Forbidden", "not_allowed", {"error": str(why)}
        body = read_body(environ, largest_bytes=LARGEST_BYTES)
        if body is None:
            return "413 Content Too Large", "too_large", {"error": f"At most {LARGEST_BYTES} bytes; set `max_alerts`."}
        try:
            alerts = Webhook.model_validate_json(body).alerts
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            return "400 Bad Request", "unreadable", {"error": f"{where}: {first['msg']}"[:300]}
        return self._sorted(sort_alerts(alerts, self._tools.use.targets))

    def _sorted(self, found: SortedAlerts) -> tuple[str, str, Mapping[str, object]]:
        metrics = self._tools.metrics
        counted = Counter(resolved=found.resolved, unknown_cluster=len(found.astray))
        for result, number in counted.items():
            metrics.alerted(result, number)
        taken = [name for name, alerts in found.firing.items() if self._begin(name, alerts)]
        said = {"clusters": sorted(taken), "resolved": found.resolved, "astray": found.astray[:MOST_NAMED]}
        if len(taken) < len(found.firing):
            return "503 Service Unavailable", "", {**said, "error": "The bot is stopping; send it again."}
        if found.astray and not found.firing:
            return "422 Unprocessable Content", "", {**said, "error": "No alert names a cluster that can be diagnosed."}
        return "202 Accepted", "", said

    def _begin(self, cluster: str, alerts: Sequence[Alert]) -> bool:
        """Queue what becomes of one cluster's alerts; False: the bot is stopping."""
        key = "alerts:" + ":".join(sorted(alert.key for alert in alerts)[:MOST_NAMED])
        queued = self._tools.jobs.submit(Lane.QUICK, key, partial(_diagnose, self._tools, cluster, alerts))
        return queued or key in self._tools.jobs.running()


def _diagnose(tools: SlackTools, cluster: str, alerts: Sequence[Alert]) -> None:
    """Begin one diagnosis for those of the alerts that did not lead to one before.

    They are remembered once it is under way: what is refused is begun when Alertmanager sends the alert again.
    """
    try:
        new = [one for one in alerts if not tools.seen_once.seen(_delivery(cluster, one))]
        tools.metrics.alerted("repeated", len(alerts) - len(new))
        if not new:
            return
        origin = Origin(person=machine(ASKER), channel=tools.use.targets[cluster].channel)
        delivery = _delivery(cluster, new[0])
        if not begin_diagnosis(tools, origin, Question(cluster=cluster), delivery=delivery, because=because(new)):
            tools.metrics.alerted("refused", len(new))
            return
        for one in new:
            tools.seen_once.first(_delivery(cluster, one), without_history=True)
        tools.metrics.alerted("diagnosed", len(new))
        log.info("alerts lead to a diagnosis", extra={"cluster": cluster, "alerts": len(new)})
    except DnsBotError as error:
        tools.metrics.alerted("refused", len(alerts))
        log.warning("alerts lead to no diagnosis", extra={"cluster": cluster, "reason": str(error)})


def _delivery(cluster: str, alert: Alert) -> str:
    return f"alert:{cluster}:{alert.key}"


def because(alerts: Sequence[Alert]) -> str:
    """Say which alerts asked for a diagnosis."""
    names = list(dict.fromkeys(alert.name for alert in alerts))
    since = min((alert.starts_at for alert in alerts if alert.starts_at), default="")
    return (
        f"Diagnosed since Alertmanager says that {count(len(alerts), 'alert')} fired: {and_more(names, MOST_NAMED)}"
        + (f", the first at {since}." if since else ".")
    )
