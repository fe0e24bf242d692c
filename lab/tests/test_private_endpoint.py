"""Document D whole: a private endpoint, from a peered VPC of another account and from on premises, by real lookups."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bot.sandbox.slack.roster import CLUSTER_CHANNEL
from bot.sandbox.story.stage import Stage
from bot.sandbox.story.story import FIXED
from bot.sandbox.world.private_endpoint import host
from lab.running import RunningLab
from lab.tests.playing import play
from lab.tests.questions import looked_up
from lab.tests.shelf import Shelf

pytestmark = pytest.mark.timeout(420)
NONE: tuple[str, list[str]] = ("NXDOMAIN", [])


@pytest.fixture
def lab(shelf: Shelf, scenario: str) -> Iterator[RunningLab]:
    """A lab with the scenario: the one that `test_sandbox_agrees` has just looked at, where both are run."""
    yield shelf.lab(scenario)
    shelf.clear()


def _interfaces(lab: RunningLab) -> list[str]:
    """Return the addresses of the control plane's interfaces in the cluster's VPC."""
    found = lab.operator.aws("ec2", "DescribeNetworkInterfaces")["NetworkInterfaces"]
    return sorted(row["PrivateIpAddress"] for row in found if row["Description"].startswith("Amazon EKS "))


@pytest.mark.parametrize("scenario", ["private-endpoint-peered"])
def test_a_peered_vpc_of_another_account_resolves_the_endpoint_after_approval(lab: RunningLab) -> None:
    """Before: NXDOMAIN. After the plan is approved: the cross-account interfaces, by endpoints that it made."""
    (peer,) = lab.world.neighbours
    where = lab.outside[peer.name], host(lab.world), peer.resolver
    before = looked_up(lab.run, *where)
    code, told = play(lab)
    after = looked_up(lab.run, *where)
    interfaces = _interfaces(lab)

    assert peer.account != lab.world.home.account
    assert before == NONE
    assert code == FIXED, told
    assert after == ("NOERROR", interfaces)


@pytest.mark.parametrize("scenario", ["private-endpoint-on-premises"])
def test_a_network_on_premises_resolves_it_by_the_text_that_the_bot_wrote(lab: RunningLab) -> None:
    """What its people find in the thread goes to a real Unbound, which guards against private addresses otherwise."""
    (site,) = lab.sites.values()
    loaded: list[str] = []

    def people(stage: Stage) -> None:
        shown = [file for one in stage.slack.messages(CLUSTER_CHANNEL) for file in one.files]
        written = b"".join(file.content or b"" for file in shown).decode()
        (found,) = re.findall(r"^# Unbound: .*?(?=^# \w[\w ]*: |\Z)", written, re.MULTILINE | re.DOTALL)
        loaded.append(found)
        site.tell(found)

    where = site.host, host(lab.world), site.server
    before = looked_up(lab.run, *where)
    code, told = play(lab, people)
    after = looked_up(lab.run, *where)
    interfaces = _interfaces(lab)
    site.tell("")
    without = looked_up(lab.run, *where)

    assert before == without == NONE
    assert code == FIXED, told
    assert "Applied; waits for your forwarder" in told
    assert len(loaded) == 1
    assert after == ("NOERROR", interfaces)
