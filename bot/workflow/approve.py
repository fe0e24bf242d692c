"""Approve: who may, and the gate. The only module that makes an `ApprovedPlan`.

A press is taken from somebody whom the policy names (as a user, or through a user group), from our
own team, who is neither bot, guest, deactivated nor a stranger; a lookup that fails is a refusal.
Where the policy says so the requester may not approve. Anyone who may approve may reject, and the
requester may always withdraw. One accepted press a person; one Reject ends it. The policy that the
proposal was made under and the one configured now must both allow a press, and both counts must be
reached. Of several plans for one finding, one is approved: its approvals alone count, and the others are withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from bot.domain.approvals import ApprovalPolicy, Choice, Decided, Proposal, ProposalState
from bot.domain.changes import BreakGlass, ChangePolicy, GlassPolicy
from bot.domain.cluster import ClusterTarget
from bot.domain.history import History, Press, Taken
from bot.domain.people import Directory, Person
from bot.domain.phrases import timestamp
from bot.domain.plans import ApprovedPlan, FixPlan
from bot.errors import DnsBotError, HistoryUnavailable, NotEntitled, Refused
from bot.workflow.accounts import check_account, members
from bot.workflow.change_times import ChangeTimes
from bot.workflow.policy import not_approvable_because, policy_for
from bot.workflow.reasons import REASON_CHARACTERS, kept_reason

_NOT_IN_CHAIN = (
    "the database holds this decision and the audit chain does not: it does not count. Run `dnsbot audit verify`, and "
    "find out who changed the database."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Decides who may approve. Made once, by the composition root."""

    history: History
    directory: Directory
    team_id: str
    """Our own workspace."""
    policies: Mapping[str, ApprovalPolicy]
    targets: Mapping[str, ClusterTarget]
    changes: Mapping[str, ChangePolicy] = field(default_factory=dict)
    """When changes may be made, by environment; one that is not there: always, and nobody may break the glass."""

    def decide(self, press: Press) -> Decided:
        """Take a press, or raise `Refused` with the reason; both are recorded."""
        press = replace(press, reason=kept_reason(press.reason))
        proposal = self.history.proposal(press.proposal_id)
        try:
            _check_reason(press)
            self._check_plan(proposal, press)
            glass = self.times.glass_of(press, proposal.plan.cluster)
            if glass is not None:
                press = replace(press, reason=f"under break-glass {glass.number}: {glass.reason}"[:REASON_CHARACTERS])
                required = 1
            else:
                required = self._may_decide(press, proposal)
            taken = self.history.take(press, required=required)
            if taken is not Taken.TAKEN:
                self._lost(press, taken)
        except Refused as refusal:
            self.history.refuse(press, str(refusal)[:REASON_CHARACTERS])
            raise
        return self._decided(press, required)

    def _may_decide(self, press: Press, proposal: Proposal) -> int:
        """Return how many must approve; or raise `Refused` with why this person may not decide, or nobody now."""
        self.check_entitled(press.person, proposal, press.choice)
        if press.choice is Choice.APPROVE:
            self.times.check(proposal.plan)
        return _required(self._policies(proposal))

    @property
    def times(self) -> ChangeTimes:
        """When changes may be made, and who breaks the glass."""
        return ChangeTimes(
            history=self.history,
            directory=self.directory,
            team_id=self.team_id,
            targets=self.targets,
            changes=self.changes,
        )

    def break_glass(self, person: Person, cluster: str, reason: str) -> BreakGlass:
        """Let somebody approve plans for a cluster alone for a short time, or raise `Refused` with the reason."""
        return self.times.break_glass(person, cluster, reason)

    def review_break_glass(self, person: Person, number: int) -> BreakGlass:
        """Close a break-glass for somebody else who may approve, or raise `Refused` with the reason."""
        found = next((one for one in self.history.broken_glass() if one.number == number), None)
        if found is None:
            raise Refused(f"There is no break-glass {number} in the history.")
        self.check_approver(person, found.cluster)
        return self.history.review_break_glass(number, person)

    def glass_policy(self, cluster: str) -> GlassPolicy | None:
        """Return who may break the glass for a cluster, and who is told; None: nobody may."""
        return self.times.policy(cluster).glass

    def check(self, press: Press) -> None:
        """Return, or raise `Refused` with why this press would not be taken now; that is recorded.

        For a rejection before its reason is asked for: nobody writes in vain.
        """
        proposal = self.history.proposal(press.proposal_id)
        try:
            self._check_plan(proposal, press)
            self._may_decide(press, proposal)
        except Refused as refusal:
            self.history.refuse(press, str(refusal)[:REASON_CHARACTERS])
            raise

    def check_approver(self, person: Person, cluster: str) -> None:
        """Return, or raise `Refused` with why this person may not approve plans for this cluster."""
        target = self.targets.get(cluster)
        policy = policy_for(target, self.policies) if target else None
        if policy is None:
            raise Refused(f"dnsbot.yaml does not say who may approve for cluster {cluster}.")
        self._entitled(person, Choice.APPROVE, policy, None)

    def check_entitled(self, person: Person, proposal: Proposal, choice: Choice) -> None:
        """Return, or raise `Refused` with why this person's choice on a proposal would not be taken now."""
        for policy in self._policies(proposal):
            self._entitled(person, choice, policy, proposal.requested_by)

    def approved_plan(self, proposal: Proposal) -> ApprovedPlan:
        """Return the plan with its approval, decided again from what is stored and configured now.

        Raises `Refused` when too few of those who approved may still do so, or the stored plan is not
        the one that was shown.
        """
        self._check_hash(proposal, proposal.plan_hash)
        self._check_chain(proposal)
        rejected = any(one.accepted and one.choice is Choice.REJECT for one in proposal.decisions)
        if proposal.state is not ProposalState.RUNNING or rejected:
            raise Refused(f"Plan {proposal.id} is {proposal.state.value}, not approved and begun.")
        self._check_target(proposal, proposal.plan)
        taken = proposal.approvals(proposal.plan_hash)
        approvers = {one.person: one.decided_at for one in taken if one.vouched}
        refusals = [f"{one.person}: {_NOT_IN_CHAIN}" for one in taken if not one.vouched]
        still = self.times.under_glass(proposal.plan.cluster, approvers, refusals)
        required = 1
        if not still:
            policies = self._policies(proposal)
            self.times.check(proposal.plan)
            still = [person for person in approvers if self._still_entitled(person, policies, proposal, refusals)]
            required = _required(policies)
        if len(still) < required:
            raise Refused(
                f"When the plan was to be applied, {len(still)} of the {required} approvals needed still counted. "
                + " ".join(refusals)
            )
        return ApprovedPlan(
            plan=proposal.plan,
            proposal_id=proposal.id,
            approved_by=tuple(sorted(still)),
            requested_by=proposal.requested_by,
            approved_at=max(approvers[person] for person in still),
        )

    def _still_entitled(
        self, person: Person, policies: tuple[ApprovalPolicy, ...], proposal: Proposal, refusals: list[str]
    ) -> bool:
        try:
            for policy in policies:
                self._entitled(person, Choice.APPROVE, policy, proposal.requested_by)
        except Refused as refusal:
            refusals.append(f"{person}: {refusal}")
            return False
        return True

    def _check_plan(self, proposal: Proposal, press: Press) -> None:
        meant = self._check_hash(proposal, press.plan_hash)
        self._check_chain(proposal)
        if proposal.state is not ProposalState.PENDING:
            raise Refused(self._already(proposal, press.person))
        if press.choice is Choice.APPROVE:
            self._check_target(proposal, meant)

    def _check_hash(self, proposal: Proposal, plan_hash: str) -> FixPlan:
        """Return which of the proposal's plans is meant by the hash on the button."""
        meant = next((one for one in proposal.alternatives if one.hash == plan_hash), proposal.plan)
        if meant is proposal.plan and proposal.plan_hash != plan_hash:
            raise Refused("The button is of another version of this plan than the stored one. Diagnose again.")
        if proposal.plan.hash != proposal.plan_hash or {proposal.plan.id, meant.id} != {proposal.id}:
            raise Refused(
                f"The stored plan {proposal.id} is not the one that was shown: its hash differs. It will not be run. "
                "Diagnose again, and find out who changed the database."
            )
        return meant

    def _check_chain(self, proposal: Proposal) -> None:
        if proposal.doubt:
            raise Refused(
                f"Plan {proposal.id} is not decided or run: {proposal.doubt}. It was changed in the database, or "
                "made before there was a chain, or with another AUDIT_KEY. Diagnose again; see `dnsbot audit verify`."
            )

    def _check_target(self, proposal: Proposal, plan: FixPlan) -> None:
        target = self.targets.get(proposal.plan.cluster)
        if target is None:
            raise Refused(f"Cluster {proposal.plan.cluster} is no longer configured in dnsbot.yaml.")
        missing = not_approvable_because(plan, target, self.policies) or proposal.not_approvable
        if missing:
            raise Refused(f"This plan cannot be approved here: {missing}")

    def _policies(self, proposal: Proposal) -> tuple[ApprovalPolicy, ...]:
        """Return the policy of the time of proposing and the one of now: the stricter of both holds."""
        target = self.targets.get(proposal.plan.cluster)
        now = policy_for(target, self.policies) if target else None
        if now is None:
            raise Refused(f"dnsbot.yaml no longer says who may approve for cluster {proposal.plan.cluster}.")
        return (proposal.policy,) if now == proposal.policy else (proposal.policy, now)

    def _entitled(self, person: Person, choice: Choice, policy: ApprovalPolicy, requester: Person | None) -> None:
        """Return, or raise `Refused` with the reason."""
        check_account(person, self.directory, self.team_id, to="decide")
        if requester is not None and person.user_id == requester.user_id:  # whatever team the way in named
            if choice is Choice.REJECT:
                return
            if not policy.requester_may_approve:
                raise NotEntitled(
                    f"You asked for this diagnosis, so somebody else must approve the plan ({policy.environment}). "
                    "You may reject it.",
                    to="approve",
                    users=policy.users,
                    user_groups=policy.user_groups,
                )
        if person.user_id in policy.users:
            return
        if not policy.user_groups or person.user_id not in members(policy.user_groups, self.directory):
            raise NotEntitled(
                f"You may not decide on plans in {policy.environment}.",
                to="decide",
                users=policy.users,
                user_groups=policy.user_groups,
            )

    def _lost(self, press: Press, taken: Taken) -> NoReturn:
        """Say why a press that was checked a moment ago is not taken: somebody was faster."""
        if taken is Taken.REPEATED:
            raise Refused("You have decided on this plan already; one decision a person.")
        raise Refused(self._already(self.history.proposal(press.proposal_id), press.person))

    def _already(self, proposal: Proposal, person: Person) -> str:
        taken = [decision for decision in proposal.decisions if decision.accepted]
        if proposal.state is ProposalState.EXPIRED or not taken:
            until = timestamp(proposal.expires_at)
            return f"This plan is {proposal.state.value}; it could be decided until {until}. Diagnose again."
        last = taken[-1]
        word = "rejected" if last.choice is Choice.REJECT else "approved"
        same = [one for one in taken if (one.choice, one.plan_hash) == (last.choice, last.plan_hash)]
        if any(one.person == person for one in same):
            return f"You have {word} this plan already, at {timestamp(last.decided_at)}; the plan is {proposal.state}."
        names = ", ".join(self._called(one.person) for one in same)
        which = f" “{proposal.plan.title}”" if proposal.alternatives and last.choice is Choice.APPROVE else ""
        return (
            f"Already decided by {names}: {word}{which} at {timestamp(last.decided_at)}; the plan is {proposal.state}."
        )

    def _called(self, person: Person) -> str:
        try:
            return f"{self.directory.standing(person).name} ({person})"
        except HistoryUnavailable:
            raise
        except DnsBotError:
            return str(person)

    def _decided(self, press: Press, required: int) -> Decided:
        proposal = self.history.proposal(press.proposal_id)
        own = [one for one in proposal.decisions if one.accepted and one.person == press.person][-1]
        approvals = len(proposal.approvals(press.plan_hash))
        pending = proposal.state is ProposalState.PENDING
        return Decided(decision=own, proposal=proposal, still_needed=max(0, required - approvals) if pending else 0)


def _check_reason(press: Press) -> None:
    if press.choice is Choice.REJECT and not press.reason.strip():
        raise Refused("A rejection needs a reason: say in a few words why this plan should not run.")


def _required(policies: tuple[ApprovalPolicy, ...]) -> int:
    return max(1, *(policy.required for policy in policies))
