"""A pod that captures packets on its node: what it runs, where, by which bounds, and how it is found again (C14).

`tcpdump` writes udp and tcp port 53 of the clients into a file of the pod's own, and ends by time, by number of packets
or by size, whoever watches it; the pod sleeps on, so that the file can be read, until the kubelet ends it. Nothing of
it waits for the bot: one that is killed leaves a capture that ends by itself.

Sources: tcpdump(1); sh(1), ulimit (`-f`, in blocks of 512 bytes); timeout(1); amazon-vpc-cni-k8s, "eni" and "vlan"
(the host's side of a pod's pair of interfaces).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Self

from bot.domain.cluster import PodName
from bot.domain.json_values import JsonObject, RawObject
from bot.kubernetes.members import moment, part, text, text_map
from bot.kubernetes.probe_pods import ProbePod

MOST_PACKETS = 100_000
_BLOCK = 512
_BLOCKS = 10_000_000 // _BLOCK
MOST_BYTES = _BLOCKS * _BLOCK
"""Of one capture's file: the kernel ends the program that would write more."""
READ_SECONDS = 120
"""How long a capture's file stays after it has ended by itself, to be read."""
LABEL = "dnsbot/capture"
"""The plan that made it."""
FOLDER, FILE = "/tmp", "/tmp/packets.pcap"  # noqa: S108  # in a volume of the pod's own
ENDED = "/tmp/ended"  # noqa: S108  # there, too
"""Made when the capture has ended: what came later is not in the file."""
TCPDUMP = "tcpdump: "
LISTENS = f"{TCPDUMP}listening on"
"""What tcpdump says as soon as it captures."""
_POINT, _SECONDS = "dnsbot/point", "dnsbot/seconds"
_RUN = f'ulimit -f "$1"; for_seconds="$2"; shift 2; timeout "$for_seconds" "$@"; : >{ENDED}; exec sleep 600'
"""Its arguments come after it: no text of anybody's becomes part of it."""
_CAPABILITIES = ("NET_RAW", "SETGID", "SETUID")
"""To listen; and since tcpdump sets its user and groups anew, to the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePoint:
    """Where packets are captured: on the host's side of a pod's interface."""

    node: str
    pod: str
    """namespace/name"""
    address: str
    interface: str
    of_dns: bool
    """It is a CoreDNS pod; else it is the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePod:
    """A pod that was made to capture, as the API shows it while its container runs."""

    pod: PodName
    plan_id: str
    """The plan that made it."""
    point: CapturePoint
    started_at: datetime
    ends_at: datetime
    """When its capture is over at the latest."""

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Read a running one; of one of another's making it raises like `bot.kubernetes.members`."""
        metadata = answer["metadata"]
        annotations = text_map(metadata, "annotations")
        states = (part(one, "state")["running"] for one in answer["status"]["containerStatuses"])
        started_at = min(moment(state, "startedAt") for state in states)
        return cls(
            pod=PodName(namespace=text(metadata, "namespace"), name=text(metadata, "name")),
            plan_id=text_map(metadata, "labels")[LABEL],
            point=CapturePoint(**json.loads(annotations[_POINT])),
            started_at=started_at,
            ends_at=started_at + timedelta(seconds=int(annotations[_SECONDS])),
        )


def capture_pod(
    pod: PodName, point: CapturePoint, clients: Sequence[str], *, image: str, plan_id: str, seconds: int
) -> JsonObject:
    """Return the pod that captures the packets of these clients (IP addresses) at a place for so long."""
    return ProbePod(
        pod=pod,
        node=point.node,
        image=image,
        command=("sh", "-c", _RUN, "capture", str(_BLOCKS), str(seconds), *tcpdump(point, clients)),
        labels={LABEL: plan_id},
        annotations={_POINT: json.dumps(asdict(point)), _SECONDS: str(seconds)},
        life_seconds=seconds + READ_SECONDS,
        capabilities=_CAPABILITIES,
        scratch=FOLDER,
    ).manifest


def tcpdump(point: CapturePoint, clients: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments that capture DNS of these clients; each packet is in the file as soon as it is seen."""
    hosts = " or ".join(f"host {client}" for client in clients)
    return (
        *("tcpdump", "-i", point.interface, "-n", "-p", "-U", "-Z", "root", "-c", str(MOST_PACKETS), "-w", FILE),
        f"port 53 and ({hosts})",
    )
