"""An instance and a function that look up from another network, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus

import pytest

from bot.domain.deadline import Deadline
from bot.domain.places import HOME, FunctionProbe, InstanceProbe
from bot.domain.ports import NetworkProber, ProbeQuestion
from bot.errors import AccessDenied, EvidenceUnavailable, SourceGarbled, SourceTimeout
from tests.clients.conftest import Act, Open, Serve, respond

QUESTION = ProbeQuestion(name="abc.eks.amazonaws.com", addresses=("10.0.1.5", "10.0.2.6"))
INSTANCE, FUNCTION = InstanceProbe(instance_id="i-0bbb"), FunctionProbe(function="dnsbot-probe")
PRINTED = '{"server": "10.1.0.2"}'


def ssm(body: object, status: int = 200) -> Act:
    """Answer as Systems Manager does."""
    line = f"{status} {HTTPStatus(status).phrase}"
    return respond(line, json.dumps(body), "x-amzn-RequestId: 1", content_type="application/x-amz-json-1.1")


def ended(status: str, printed: str = "", complaint: str = "") -> Act:
    """Answer how the command stands."""
    return ssm({"Status": status, "StandardOutputContent": printed, "StandardErrorContent": complaint})


SENT = ssm({"Command": {"CommandId": "11111111-2222-3333-4444-555555555555"}})
NOT_YET = ssm({"__type": "InvocationDoesNotExist", "message": ""}, 400)
DENIED = ssm({"__type": "AccessDeniedException", "message": "not authorized"}, 400)


FAULTY = respond("200 OK", '{"errorMessage": "x"}', "X-Amz-Function-Error: Unhandled", "x-amzn-RequestId: 1")
Play = Callable[..., NetworkProber]


@pytest.fixture
def play(serve: Serve, open_at: Open) -> Play:
    """Return a function that gives a prober whose far end answers by a script."""

    def run(*script: Act, seconds: float = 20) -> NetworkProber:
        return open_at(serve(*script).url).networks(Deadline.after(seconds))

    return run


def command(prober: NetworkProber) -> str:
    """Ask an instance."""
    return prober.command(INSTANCE, HOME, QUESTION)


def invoke(prober: NetworkProber) -> str:
    """Ask a function."""
    return prober.invoke(FUNCTION, HOME, QUESTION)


def test_a_command_is_sent_once_and_its_output_waited_for(play: Play) -> None:
    """Our document alone, its parameters apart; Systems Manager may not know of the command at first."""
    prober = play(SENT, NOT_YET, ended("InProgress"), ended("Success", PRINTED))

    assert command(prober) == PRINTED


def test_a_function_gives_its_answer(play: Play) -> None:
    """As it returned it."""
    assert invoke(play(respond("200 OK", PRINTED, "x-amzn-RequestId: 1"))) == PRINTED


@pytest.mark.parametrize(
    ("ask", "script", "error", "said"),
    [
        (command, (DENIED,), AccessDenied, "ssm:SendCommand"),
        (command, (SENT, DENIED), AccessDenied, "ssm:GetCommandInvocation"),
        (command, (SENT, ended("Failed", "", "python3: not found")), EvidenceUnavailable, "python3: not found"),
        (command, (SENT, ended("Undeliverable")), EvidenceUnavailable, "ended as Undeliverable"),
        (command, (SENT, ended("Success")), SourceGarbled, "printed nothing"),
        (
            invoke, (respond("403 Forbidden", '{"Message": "no"}', "x-amzn-ErrorType: AccessDeniedException"),),
            AccessDenied, "lambda:InvokeFunction",
        ),
        (
            invoke, (FAULTY,),
            EvidenceUnavailable, "error of its own",
        ),
    ],
)  # fmt: skip
def test_what_went_wrong_is_told(
    play: Play,
    ask: Callable[[NetworkProber], str],
    script: tuple[Act, ...],
    error: type[EvidenceUnavailable],
    said: str,
) -> None:
    """Which call was refused, how the command ended, and what the function said."""
    with pytest.raises(error, match=said):
        ask(play(*script))


def test_a_command_that_stays_under_way_is_given_up_at_the_deadline(play: Play) -> None:
    """And the instance is named."""
    with pytest.raises(SourceTimeout, match="i-0bbb"):
        command(play(SENT, ended("Pending"), seconds=3))
