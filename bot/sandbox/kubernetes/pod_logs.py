"""Container logs with the API's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.container_runs import LogLine
from bot.sandbox.kubernetes.refusals import bad_request, invalid
from bot.sandbox.kubernetes.resources import PODS, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """The parameters of `GET …/log`; None: not given."""

    container: str = ""
    previous: bool = False
    timestamps: bool = False
    since_seconds: int | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None


def _container(pod: Json, asked: str) -> str:
    name = pod["metadata"]["name"]
    containers = [container["name"] for container in pod["spec"]["containers"]]
    if not asked and len(containers) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]")
    if asked and asked not in containers:
        raise bad_request(f"container {asked} is not valid for pod {name}")
    return asked or str(containers[0])


def _check(asked: LogRequest, name: str) -> None:
    for field, value, least in (
        ("sinceSeconds", asked.since_seconds, 1),
        ("tailLines", asked.tail_lines, 0),
        ("limitBytes", asked.limit_bytes, 1),
    ):
        if value is not None and value < least:
            bound = "greater than 0" if least else "greater than or equal to 0"
            raise invalid(PODS, name, field, f"Invalid value: {value}: must be {bound}")


def _nanoseconds(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}{hash(moment) % 1000:03d}Z"


def read_log(cluster: Cluster, pod: Json, asked: LogRequest) -> bytes:
    """Return the log of one container, cut as asked. Refuses as the kubelet does."""
    name = pod["metadata"]["name"]
    _check(asked, name)
    container = _container(pod, asked.container)
    run = cluster.container_run(pod, container, previous=asked.previous)
    if run is None and asked.previous:
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    if run is None:
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating')
    lines = run.lines(cluster.now())
    if asked.since_seconds is not None:
        since = cluster.now() - timedelta(seconds=asked.since_seconds)
        lines = [line for line in lines if line.at >= since]
    if asked.tail_lines is not None:
        lines = lines[len(lines) - min(asked.tail_lines, len(lines)) :]
    text = "".join(_written(line, timestamps=asked.timestamps) for line in lines).encode()
    return text if asked.limit_bytes is None else text[: asked.limit_bytes]


def _written(line: LogLine, *, timestamps: bool) -> str:
    return f"{_nanoseconds(line.at)} {line.text}\n" if timestamps else f"{line.text}\n"
