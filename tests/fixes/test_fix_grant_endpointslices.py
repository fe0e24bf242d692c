from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors.refused_accounts import RefusedAccount, RefusedAccounts
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step
from bot.errors import NotFound
from bot.fixes.grant_coredns_endpointslices import FIX as COREDNS
from bot.fixes.grant_kube_proxy_endpointslices import FIX as KUBE_PROXY
from bot.kubernetes.roles import Role
from tests.fixes.far_ends import TARGET, BothEnds

SERVICES = {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]}
SLICES = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}
ACCOUNT = "kube-system/kube-proxy"
SUBJECT = "system:serviceaccount:kube-system:kube-proxy"
NAME = "dnsbot-kube-proxy-endpointslices"
GAP = Gap(what="ClusterRole system:node-proxier", reason="403 Forbidden", grant="clusterroles: get")


def role(*rules: Mapping[str, Any]) -> Role:
    """Return kube-proxy's ClusterRole with these rules."""
    return Role(name="system:node-proxier", uid="u-0", rules=json.dumps(list(rules)))


def case(
    *rules: Mapping[str, Any],
    resources: tuple[str, ...] = ("endpointslices",),
    subject: str = SUBJECT,
    account: str = ACCOUNT,
    gaps: tuple[Gap, ...] = (),
) -> PlanCase:
    """Return what is planned from: the account that was refused, with one ClusterRole of these rules."""
    details = {"resources": list(resources), "subject": subject}
    judgement = Judgement(verdict=Verdict.PROBLEM, summary="", details=details)
    finding = Finding(
        rule="kube_proxy_forbidden", title="", kind=Kind.CAUSE, playbook="kube-proxy", severity=Severity.CRITICAL,
        judgement=judgement,
    )  # fmt: skip
    refused = RefusedAccount(account=account, roles=(role(*rules),))
    evidence: dict[type, object] = {RefusedAccounts: RefusedAccounts(accounts=(refused,), gaps=gaps)}
    return PlanCase(plan_id="plan1", target=TARGET, finding=finding, parameters=None, evidence=evidence)


@dataclass
class Far(BothEnds):
    """The API server: roles and bindings by name, as they were created."""

    held: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return an object."""
        assert not namespace
        try:
            return self.held[resource.plural, name]
        except KeyError:
            raise NotFound("there is none") from None

    def create(self, resource: Any, body: Any, *, namespace: str = "", dry_run: bool = False) -> dict[str, Any]:
        """Hold an object."""
        assert (namespace, dry_run) == ("", False)
        made = copy.deepcopy({**body, "metadata": {**body["metadata"], "uid": f"u-{len(self.held) + 1}"}})
        self.held[resource.plural, body["metadata"]["name"]] = made
        return made

    def delete(self, resource: Any, name: str, *, namespace: str = "", uid: str) -> None:
        """Delete exactly this object."""
        assert (namespace, self.held[resource.plural, name]["metadata"]["uid"]) == ("", uid)
        del self.held[resource.plural, name]


def planned(found: PlanCase, fix: Fix = KUBE_PROXY) -> tuple[tuple[Step, ...], str]:
    """Return the steps of the plan, and what else it touches."""
    plan = fix.plan(found)
    assert isinstance(plan, Planned), plan
    return plan.steps, plan.blast_radius


def test_a_role_of_one_rule_is_made_and_bound_and_both_are_deleted_again() -> None:
    """Nothing but list and watch of EndpointSlices, for exactly the account that was refused."""
    far = Far()
    steps, radius = planned(case(SERVICES))
    assert [KUBE_PROXY.read(step, far.reading()) for step in steps] == [{"uid": ""}, {"uid": ""}]
    assert "Its own ClusterRoles stay as they are (system:node-proxier)" in radius

    effects = [KUBE_PROXY.apply(step, far.writing()) for step in steps]

    made, binding = far.held["clusterroles", NAME], far.held["clusterrolebindings", NAME]
    assert made["rules"] == [SLICES]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "namespace": "kube-system", "name": "kube-proxy"}]
    for step, effect in reversed(list(zip(steps, effects, strict=True))):
        back = KUBE_PROXY.inverse(step, effect)
        assert back is not None
        assert KUBE_PROXY.read(back, far.reading()) == back.before
        KUBE_PROXY.apply(back, far.writing())
    assert not far.held


def test_what_an_interrupted_plan_left_is_kept_and_not_deleted() -> None:
    """The same rule by another plan; what somebody else made under that name is no object of ours."""
    far = Far()
    (first, _), _ = planned(replace(case(SERVICES), plan_id="plan0"))
    KUBE_PROXY.apply(first, far.writing())
    (again, _), _ = planned(case(SERVICES))

    assert KUBE_PROXY.read(again, far.reading()) == again.before
    effects = KUBE_PROXY.apply(again, far.writing())
    far.held["clusterroles", NAME]["rules"].append(SERVICES)

    assert KUBE_PROXY.inverse(again, effects) is None
    assert KUBE_PROXY.read(again, far.reading()) != again.before


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (
            case(SERVICES, resources=("endpointslices", "services")),
            "endpointslices, services, not endpointslices alone",
        ),
        (case(SERVICES, resources=()), "what it reads, not endpointslices alone"),
        (case(SERVICES, SLICES), "allows list and watch of endpointslices by now"),
        (case({**SERVICES, "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}), "by now"),
        (case(SERVICES, gaps=(GAP,)), "kube-proxy has: 403 Forbidden"),
        (case(SERVICES, account="kube-system/other"), "Not known which ClusterRoles kube-proxy has"),
    ],
)
def test_what_one_rule_would_not_mend_is_advice(found: PlanCase, reason: str) -> None:
    """More is refused, nothing is any more, or it is not known what the account has."""
    advice = KUBE_PROXY.plan(found)

    assert isinstance(advice, Advice)
    assert reason in advice.reason


def test_a_rule_for_named_objects_allows_no_list() -> None:
    """Nor does one that lacks a verb."""
    lacking = ({**SLICES, "resourceNames": ["kube-dns"]}, {**SLICES, "verbs": ["list"]})

    steps, _ = planned(case(*lacking))

    assert len(steps) == 2


def test_coredns_gets_a_role_of_its_own() -> None:
    """By the account of its pods where no line names who was refused."""
    steps, _ = planned(case(SERVICES, subject="", account="dns/coredns"), COREDNS)

    assert [step.command for step in steps] == [
        (
            "kubectl create clusterrole dnsbot-coredns-endpointslices --verb=list,watch "
            "--resource=endpointslices.discovery.k8s.io"
        ),
        (
            "kubectl create clusterrolebinding dnsbot-coredns-endpointslices "
            "--clusterrole=dnsbot-coredns-endpointslices --serviceaccount=dns:coredns"
        ),
    ]
