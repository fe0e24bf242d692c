"""Pods that are ready now and end again and again; no rule itself.

Without a readiness probe (kube-proxy and NodeLocal DNSCache have none as they come) a pod is ready whenever its
container runs: one that ends at each start looks well for a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.kubernetes.pods import Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsteady:
    """How a pod that is ready now has ended lately."""

    again: bool
    """So often that it counts as down; else it is too early to tell."""
    ended_at: datetime
    state: str
    """`ready now, ends again and again`."""


AGAIN = 3
"""So many restarts of a ready pod, the last within a window, are "again and again" unless a playbook says otherwise."""
NEVER = timedelta.max


def unsteady(
    pod: Pod, now: datetime, *, window: timedelta, restarts: int = AGAIN, steady_after: timedelta = NEVER
) -> Unsteady | None:
    """Return how a ready pod whose container ended within the window stands, whatever its exit code; None: steady.

    A program exits with 0, too, where the kubelet's liveness probe kills it. `restarts`: so many are "again and again".
    `steady_after`: one that has ended less often and runs for so long since, as after its node's reboot, is steady.
    """
    container = pod.container
    ended = container.last_terminated_at
    if not pod.ready or not container.restarts or ended is None or ended < now - window:
        return None
    again = container.restarts >= restarts
    runs_for = now - container.running_since if container.running_since else timedelta()
    if not again and runs_for >= steady_after:
        return None
    how = "ends again and again" if again else "has just ended"
    return Unsteady(again=again, ended_at=ended, state=f"ready now, {how}")
