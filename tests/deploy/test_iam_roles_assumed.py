"""The bot's own role in an account that enforces IAM: which roles it may become, and its clients with their rights.

What moto judges here and what not is in `test_iam_policies_enforced.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, open_sources, open_writers
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.errors import AccessDenied, WriteFailed
from tests.deploy.iam_account import (
    ACCOUNT,
    ASSUMING,
    BOT_SESSION,
    READING,
    READS,
    ROLES,
    WRITING,
    Cloud,
    Keys,
    as_far_as_moto_judges,
    trusting,
    without,
)
from tests.environment import environment


def test_the_bot_may_become_reader_and_writer_and_nobody_else(cloud: Cloud, bot: Keys) -> None:
    """A third role that trusts the bot is refused by `iam-assume.json`, which names two; EC2 is refused as a whole."""
    assert cloud.client("sts", bot).get_caller_identity()["Arn"] == BOT_SESSION
    assert cloud.roles_refused(bot) == {"somebody-else": "AccessDenied"}
    assert cloud.refused(bot, READS) == dict.fromkeys(READS, "AccessDenied")


@pytest.mark.parametrize("taken", ["dnsbot-read", "dnsbot-write"])
def test_a_role_taken_out_of_the_assuming_policy_is_refused_and_not_the_other(
    cloud: Cloud, bot: Keys, taken: str
) -> None:
    """Without the writer's ARN the bot reads on and changes nothing, and the other way round."""
    policy = copy.deepcopy(ASSUMING)
    policy["Statement"][0]["Resource"].remove(f"{ROLES}/{taken}")
    cloud.install_all(own=policy)

    assert cloud.roles_refused(bot) == {taken: "AccessDenied", "somebody-else": "AccessDenied"}


def test_without_assume_role_the_bot_is_nobody(cloud: Cloud, bot: Keys) -> None:
    """`sts:AssumeRole` taken out refuses both roles."""
    cloud.install_all(own=without(ASSUMING, "sts:AssumeRole"))

    assert set(cloud.roles_refused(bot)) == {"dnsbot-read", "dnsbot-write", "somebody-else"}


def test_a_role_that_does_not_trust_the_bot_is_refused(cloud: Cloud, bot: Keys) -> None:
    """The trust counts beside the policy: a reading role that trusts somebody else cannot be assumed."""
    cloud.install("dnsbot-read", policy=READING, trust=trusting(f"arn:aws:sts::{ACCOUNT}:assumed-role/other/pod"))

    assert set(cloud.roles_refused(bot)) == {"dnsbot-read", "somebody-else"}


@pytest.fixture
def as_the_bot(cloud: Cloud, bot: Keys) -> Iterator[ClusterConnection]:
    """Return how the bot reaches a cluster while this process signs as the bot's own role."""
    signing = {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": bot.access_key,
        "AWS_SECRET_ACCESS_KEY": bot.secret,
        "AWS_SESSION_TOKEN": str(bot.token),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with environment(signing):
        yield ClusterConnection(
            target=ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"),
            role_arn=f"{ROLES}/dnsbot-read",
            writer_role_arn=f"{ROLES}/dnsbot-write",
        )


def missing_grants(cloud: Cloud, sources: ClusterSources) -> dict[str, str]:
    """Read each EC2 action through the bot's own client and return what it says is missing."""
    reader, found = sources.aws(Deadline.after(20)), {}
    for action in READS:
        try:
            reader.read(*action.split(":"), **cloud.parameters.get(action, {}))
        except AccessDenied as error:
            found[action] = error.grant
    return found


def test_the_bots_reader_names_the_read_that_is_missing(cloud: Cloud, as_the_bot: ClusterConnection) -> None:
    """Its client becomes the reading role; whichever read that role loses, it alone fails, and is named."""
    sources = open_sources(as_the_bot)
    named = {"": missing_grants(cloud, sources)}

    for taken in READS:
        cloud.install("dnsbot-read", policy=without(READING, taken), trust=trusting(BOT_SESSION))
        named[taken] = missing_grants(cloud, sources)

    sources.close()
    assert named == {"": {}, **{taken: {taken: taken} for taken in READS}}


def test_the_bots_reader_names_the_role_that_it_may_not_become(cloud: Cloud, as_the_bot: ClusterConnection) -> None:
    """Without the right to assume the reading role every read fails and names it with the role."""
    cloud.install_all(own=without(ASSUMING, "sts:AssumeRole"))
    sources = open_sources(as_the_bot)

    named = missing_grants(cloud, sources)

    sources.close()
    assert named == dict.fromkeys(READS, f"sts:AssumeRole on {ROLES}/dnsbot-read")


def test_the_bots_writer_writes_and_is_refused_without_a_trace(cloud: Cloud, as_the_bot: ClusterConnection) -> None:
    """It assumes the writing role; with the right gone it says so, and the group holds what it held before."""
    asked = cloud.parameters["ec2:AuthorizeSecurityGroupIngress"]
    reader = cloud.client("ec2", cloud.administrator)

    def inbound() -> list[str]:
        (found,) = reader.describe_security_groups(GroupIds=[asked["GroupId"]])["SecurityGroups"]
        return [peer["CidrIp"] for rule in found["IpPermissions"] for peer in rule["IpRanges"]]

    def authorise() -> None:
        writers = open_writers(as_the_bot, plan_id="plan-1")
        try:
            writers.aws(Deadline.after(10)).write("ec2", "AuthorizeSecurityGroupIngress", **asked)
        finally:
            writers.close()

    policy = as_far_as_moto_judges(without(WRITING, "ec2:AuthorizeSecurityGroupIngress"))
    cloud.install("dnsbot-write", policy=policy, trust=trusting(BOT_SESSION))
    with pytest.raises(WriteFailed, match=r"^AccessDenied: .*Nothing was changed") as raised:
        authorise()
    assert not raised.value.ambiguous
    assert inbound() == []

    cloud.install("dnsbot-write", policy=as_far_as_moto_judges(WRITING), trust=trusting(BOT_SESSION))
    authorise()
    assert inbound() == [peer["CidrIp"] for peer in asked["IpPermissions"][0]["IpRanges"]]
