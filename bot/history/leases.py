"""Leases: which process runs a repair, until when by the database's clock, and who may write for it."""

from __future__ import annotations

from sqlalchemy import Connection, select, update
from sqlalchemy.sql.expression import ColumnElement

from bot.domain.approvals import ProposalState
from bot.domain.history import Lease, NotBegun
from bot.history.columns import DatabaseTime, has_passed
from bot.history.tables import clusters, proposals

LONGEST_LEASE_SECONDS = 3600.0
"""Many times longer than any lease: a time beyond it was spoiled."""
APPROVED, RUNNING = ProposalState.APPROVED.value, ProposalState.RUNNING.value


def begin(connection: Connection, proposal_id: str, owner: str, seconds: float) -> Lease | NotBegun:
    """Turn APPROVED into RUNNING and write this repair into the cluster's row; both or neither."""
    row = connection.execute(
        select(
            proposals.c.cluster, proposals.c.state, (proposals.c.apply_before > DatabaseTime()).label("in_time")
        ).where(proposals.c.id == proposal_id)
    ).one_or_none()
    if row is None or row.state != APPROVED:
        return NotBegun.NOT_APPROVED
    if not row.in_time:
        return NotBegun.TOO_LATE
    free = (clusters.c.name == row.cluster) & clusters.c.repairing.is_(None)
    lease = hold(connection, free, proposal_id, owner, seconds)
    if lease is None:
        holder = connection.execute(select(clusters.c.repairing).where(clusters.c.name == row.cluster)).scalar_one()
        return NotBegun.NOT_APPROVED if holder == proposal_id else NotBegun.BUSY
    approved = (proposals.c.id == proposal_id) & (proposals.c.state == APPROVED)
    begun = update(proposals).where(approved).values(state=RUNNING, version=proposals.c.version + 1)
    if connection.execute(begun).rowcount != 1:
        let_go(connection, proposal_id)
        return NotBegun.NOT_APPROVED
    return lease


def take_over(connection: Connection, proposal_id: str, owner: str, seconds: float) -> Lease | None:
    """Hold a repair whose lease ran out; None when it did not, or somebody was faster."""
    late = (clusters.c.repairing == proposal_id) & ran_out()
    return hold(connection, late, proposal_id, owner, seconds)


def in_the_way(connection: Connection, proposal_id: str) -> str:
    """Return the running repair that holds this plan's cluster though its lease ran out, or nothing."""
    wanted = select(proposals.c.cluster).where(proposals.c.id == proposal_id).scalar_subquery()
    late = select(clusters.c.repairing).join(proposals, proposals.c.id == clusters.c.repairing)
    found = connection.execute(late.where(clusters.c.name == wanted, proposals.c.state == RUNNING, ran_out()))
    return str(found.scalar_one_or_none() or "")


def ran_out() -> ColumnElement[bool]:
    """Return the condition that a cluster's lease ran out; one that was never set has, or that nobody could set."""
    return has_passed(clusters.c.lease_until, at_most_seconds=LONGEST_LEASE_SECONDS)


def renew(connection: Connection, lease: Lease) -> bool:
    """Hold the cluster for another `lease.seconds`, if nobody else has taken it."""
    longer = update(clusters).where(newest(lease)).values(lease_until=DatabaseTime(lease.seconds))
    return connection.execute(longer).rowcount == 1


def release(connection: Connection, lease: Lease) -> None:
    """Let the lease run out now."""
    connection.execute(update(clusters).where(newest(lease)).values(lease_until=DatabaseTime()))


def holds(connection: Connection, lease: Lease, *, fresh: bool) -> bool:
    """Return whether this is the newest lease of its cluster, and, if `fresh`, has not run out.

    The row is held until the transaction ends: nobody takes it over in between.
    """
    good = newest(lease) & ~ran_out() if fresh else newest(lease)
    return connection.execute(update(clusters).where(good).values(touched=clusters.c.touched)).rowcount == 1


def newest(lease: Lease) -> ColumnElement[bool]:
    """Return the condition that this lease is the newest of its cluster: the fence."""
    return (clusters.c.repairing == lease.proposal_id) & (clusters.c.lease_token == lease.token)


def let_go(connection: Connection, proposal_id: str) -> None:
    """Free the cluster that this repair holds, if it holds one."""
    connection.execute(
        update(clusters).where(clusters.c.repairing == proposal_id).values(repairing=None, lease_until=None)
    )


def hold(
    connection: Connection, where: ColumnElement[bool], proposal_id: str, owner: str, seconds: float
) -> Lease | None:
    """Write this repair into the row of a cluster where that is allowed; None where it is not."""
    held = {
        "repairing": proposal_id,
        "lease_owner": owner,
        "lease_token": clusters.c.lease_token + 1,
        "lease_until": DatabaseTime(seconds),
    }
    if connection.execute(update(clusters).where(where).values(**held)).rowcount != 1:
        return None
    token = connection.execute(select(clusters.c.lease_token).where(clusters.c.repairing == proposal_id)).scalar_one()
    return Lease(proposal_id=proposal_id, owner=owner, token=token, seconds=seconds)
