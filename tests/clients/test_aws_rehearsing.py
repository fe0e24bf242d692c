from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qs

import pytest

from bot.clients.aws_rehearsing import rehearse
from bot.domain.deadline import Deadline
from bot.errors import AccessDenied, DryRunIgnored, EvidenceUnavailable, SourceUnreachable, UnitError
from tests.clients.conftest import Act, FarEnd, Shared, hang, respond

OWN, TAGS = "ec2:RevokeSecurityGroupIngress", "ec2:CreateTags"
REVOKE = {"GroupId": "sg-1", "SecurityGroupRuleIds": ["sgr-1"]}
ROLE = "User: arn:aws:sts::1:assumed-role/dnsbot-write/dnsbot-write is not authorized to perform: "
LONG = f"arn:aws:ec2:eu-west-1:1:security-group-rule/{'r' * 400}"
TAGGING = (
    "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/dnsbot-write/dnsbot-write is "
    "not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:eu-west-1:1:security-group-rule/*"
)


def refusal(code: str, status: int, message: str = "m") -> Act:
    """Answer with an error as EC2 does."""
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
    return respond(f"{status} {HTTPStatus(status).phrase}", body, content_type="text/xml")


def sent(far_end: FarEnd) -> dict[str, list[str]]:
    """Return the form of the only request."""
    (request,) = far_end.requests
    return parse_qs(request.split(b"\r\n\r\n", 1)[1].decode())


def test_what_would_be_done_returns_and_was_a_dry_run(shared: Shared) -> None:
    """The parameters of the real call are sent, with DryRun."""
    far_end = shared.play(refusal("DryRunOperation", 412))

    rehearse(shared.writing, "RevokeSecurityGroupIngress", REVOKE, Deadline.after(30))

    form = sent(far_end)
    assert (form["Action"], form["DryRun"]) == (["RevokeSecurityGroupIngress"], ["true"])
    assert form["SecurityGroupRuleId.1"] == ["sgr-1"]


@pytest.mark.parametrize(
    ("code", "message", "grant", "told"),
    [
        pytest.param("UnauthorizedOperation", "m", OWN, f"Grant `{OWN}`.", id="the call itself"),
        pytest.param("UnauthorizedOperation", TAGGING, TAGS, f"Grant `{TAGS}`.", id="its tags"),
        pytest.param("SomethingNew", TAGGING, TAGS, f"Grant `{TAGS}`.", id="a code that nobody knows"),
        pytest.param(
            "UnauthorizedOperation", "No. Encoded authorization failure message: AbC-d", OWN,
            f"Grant `{OWN}`, or what it needs besides", id="encoded",
        ),
        pytest.param(
            "UnauthorizedOperation", f"{ROLE}{TAGS} with an explicit deny in a service control policy", TAGS,
            f"Have `{TAGS}` allowed there: the service control policy refuses it.", id="denied by another policy",
        ),
        pytest.param(
            "UnauthorizedOperation", f"{ROLE}{TAGS} because no permissions boundary allows the {TAGS} action", TAGS,
            f"Have `{TAGS}` allowed there: the permissions boundary refuses it.", id="outside the boundary",
        ),
        pytest.param(
            "UnauthorizedOperation", f"{ROLE}{TAGS} with an explicit deny in an identity-based policy", TAGS,
            f"Have `{TAGS}` allowed there: the identity-based policy refuses it.", id="denied by its own policy",
        ),
        pytest.param(
            "UnauthorizedOperation", f"{ROLE}{TAGS} because no identity-based policy allows the {TAGS} action", TAGS,
            f"Grant `{TAGS}`.", id="not allowed by its own policy",
        ),
        pytest.param(
            "UnauthorizedOperation", f"{ROLE}{TAGS} on {LONG} with an explicit deny in a resource control policy", TAGS,
            f"Have `{TAGS}` allowed there: the resource control policy refuses it.", id="told at a long end",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_what_to_grant_and_where(
    shared: Shared, code: str, message: str, grant: str, told: str
) -> None:
    """The action that AWS names, else the call's own; what another policy takes away is not to be granted again."""
    shared.play(refusal(code, 403, message))

    with pytest.raises(AccessDenied) as raised:
        rehearse(shared.writing, "RevokeSecurityGroupIngress", REVOKE, Deadline.after(30))

    assert raised.value.grant == grant
    assert told in raised.value.reason
    assert "AbC-d" not in raised.value.reason


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        pytest.param(refusal("RequestLimitExceeded", 503), SourceUnreachable, id="throttled"),
        pytest.param(refusal("InvalidGroup.NotFound", 400), EvidenceUnavailable, id="gone"),
        pytest.param(hang, EvidenceUnavailable, id="hang"),
    ],
)
def test_what_is_no_verdict_is_neither_a_yes_nor_a_no(shared: Shared, act: Act, kind: type[Exception]) -> None:
    """Asked once; whoever reads it can tell it from a refusal."""
    far_end = shared.play(act)

    with pytest.raises(kind) as raised:
        rehearse(shared.writing, "RevokeSecurityGroupIngress", REVOKE, Deadline.after(2))

    assert not isinstance(raised.value, AccessDenied)
    assert len(far_end.requests) == 1


def test_an_answer_as_if_it_were_done_is_told(shared: Shared) -> None:
    """Something stands there that ignores DryRun: what was sent is said, so that it can be taken back."""
    shared.play(respond("200 OK", "<R><requestId>r-1</requestId><return>true</return></R>", content_type="text/xml"))

    with pytest.raises(DryRunIgnored, match=r"SecurityGroupRuleIds=\['sgr-1'\].*take the change back"):
        rehearse(shared.writing, "RevokeSecurityGroupIngress", REVOKE, Deadline.after(30))


def test_an_operation_without_dry_runs_is_never_sent(shared: Shared) -> None:
    """ModifyVpcAttribute takes no DryRun: sending it would be doing it."""
    far_end = shared.play(refusal("DryRunOperation", 412))

    with pytest.raises(UnitError, match="takes no DryRun"):
        rehearse(shared.writing, "ModifyVpcAttribute", {"VpcId": "vpc-1"}, Deadline.after(30))

    assert far_end.requests == []
