from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd, Client
from bot.sandbox.aws.writes import writes_so_far


@pytest.fixture
def cluster(eks: Client, subnet_ids: tuple[str, str]) -> str:
    """Return the name of a cluster."""
    role = "arn:aws:iam::123456789012:role/eks"
    eks.create_cluster(name="prod", roleArn=role, resourcesVpcConfig={"subnetIds": list(subnet_ids)})
    return "prod"


def _addon(eks: Client) -> dict[str, Any]:
    return dict(eks.describe_addon(clusterName="prod", addonName="coredns")["addon"])


@pytest.mark.usefixtures("cluster")
def test_what_is_created_takes_the_time_that_the_world_gives(aws: AwsFarEnd, eks: Client) -> None:
    """An add-on is CREATING until its seconds have passed, and then ACTIVE."""
    aws.control("POST", "paces", [{"action": "eks:CreateAddon", "seconds": 60}])
    created = eks.create_addon(clusterName="prod", addonName="coredns")["addon"]

    aws.control("POST", "passed", {"seconds": 50})
    before = _addon(eks)["status"]
    aws.control("POST", "passed", {"seconds": 11})

    assert (created["status"], before, _addon(eks)["status"]) == ("CREATING", "CREATING", "ACTIVE")


@pytest.mark.usefixtures("cluster")
def test_an_update_is_in_force_when_it_is_done(aws: AwsFarEnd, eks: Client) -> None:
    """Until then the add-on shows what it had, and the update is InProgress."""
    eks.create_addon(clusterName="prod", addonName="coredns", configurationValues='{"replicaCount":2}')
    aws.control("POST", "paces", [{"action": "eks:UpdateAddon", "seconds": 60}])
    wanted = '{"replicaCount":3}'
    update = eks.update_addon(clusterName="prod", addonName="coredns", configurationValues=wanted)["update"]
    during = _addon(eks)

    aws.control("POST", "passed", {"seconds": 61})

    assert (update["status"], during["status"]) == ("InProgress", "UPDATING")
    assert during["configurationValues"] == '{"replicaCount":2}'
    after = _addon(eks)
    assert (after["status"], after["configurationValues"]) == ("ACTIVE", wanted)
    assert (
        eks.describe_update(name="prod", addonName="coredns", updateId=update["id"])["update"]["status"] == "Successful"
    )


@pytest.mark.usefixtures("cluster")
def test_an_update_that_fails_says_why_and_changes_nothing(aws: AwsFarEnd, eks: Client) -> None:
    """The message stands in the update and in the add-on's health; the next update heals it."""
    eks.create_addon(clusterName="prod", addonName="coredns", configurationValues="{}")
    aws.control("POST", "paces", [{"action": "eks:UpdateAddon", "fails": "Conflicts found", "times": 1}])
    wanted = '{"replicaCount":3}'
    update = eks.update_addon(clusterName="prod", addonName="coredns", configurationValues=wanted)["update"]
    failed = _addon(eks)
    told = eks.describe_update(name="prod", addonName="coredns", updateId=update["id"])["update"]

    eks.update_addon(clusterName="prod", addonName="coredns", configurationValues='{"replicaCount":4}')

    assert (told["status"], told["errors"][0]["errorMessage"]) == ("Failed", "Conflicts found")
    assert (failed["status"], failed["configurationValues"]) == ("UPDATE_FAILED", "{}")
    assert [issue["message"] for issue in failed["health"]["issues"]] == ["Conflicts found"]
    healed = _addon(eks)
    assert (healed["status"], healed["health"]["issues"]) == ("ACTIVE", [])


@pytest.mark.usefixtures("cluster")
def test_what_is_deleted_goes_when_its_time_has_come(aws: AwsFarEnd, eks: Client) -> None:
    """It is DELETING, may be changed no more, and then it is not there."""
    eks.create_addon(clusterName="prod", addonName="coredns")
    aws.control("POST", "paces", [{"action": "eks:Delete*", "seconds": 60}])
    eks.delete_addon(clusterName="prod", addonName="coredns")
    during = _addon(eks)["status"]
    with pytest.raises(ClientError, match="ResourceInUseException") as busy:
        eks.update_addon(clusterName="prod", addonName="coredns", configurationValues="{}")

    aws.control("POST", "passed", {"seconds": 61})

    assert during == "DELETING"
    assert "cannot be updated as it is currently in DELETING state" in str(busy.value)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        _addon(eks)


@pytest.mark.usefixtures("cluster")
def test_a_waiter_waits_for_it(aws: AwsFarEnd, eks: Client) -> None:
    """Real seconds count as well: botocore's waiter sees the add-on become ACTIVE."""
    aws.control("POST", "paces", [{"action": "eks:CreateAddon", "seconds": 0.4}])
    eks.create_addon(clusterName="prod", addonName="coredns")

    waiting = {"Delay": 0.1, "MaxAttempts": 100}
    eks.get_waiter("addon_active").wait(clusterName="prod", addonName="coredns", WaiterConfig=waiting)

    assert "eks:DescribeAddon" in aws.calls()


def test_a_cluster_may_fail_to_be_created(aws: AwsFarEnd, eks: Client, subnet_ids: tuple[str, str]) -> None:
    """It is FAILED, and its health says why."""
    aws.control("POST", "paces", [{"action": "eks:CreateCluster", "seconds": 600, "fails": "No capacity"}])
    role = "arn:aws:iam::123456789012:role/eks"
    eks.create_cluster(name="prod", roleArn=role, resourcesVpcConfig={"subnetIds": list(subnet_ids)})

    aws.control("POST", "passed", {"seconds": 601})

    shown = eks.describe_cluster(name="prod")["cluster"]
    assert (shown["status"], shown["health"]["issues"][0]["message"]) == ("FAILED", "No capacity")


@pytest.mark.usefixtures("cluster")
def test_what_comes_with_time_counts_as_a_change(aws: AwsFarEnd, eks: Client) -> None:
    """Whoever follows the cloud's state learns that it has changed though nobody called; reads change nothing."""
    aws.control("POST", "paces", [{"action": "eks:CreateAddon", "seconds": 60}])
    before = writes_so_far(aws.url)
    eks.create_addon(clusterName="prod", addonName="coredns")
    created = writes_so_far(aws.url)
    _addon(eks)
    read = writes_so_far(aws.url)

    aws.control("POST", "passed", {"seconds": 61})

    assert (created - before, read - created, writes_so_far(aws.url) - read) == (1, 0, 1)


def test_a_reset_forgets_what_was_to_come(aws: AwsFarEnd, eks: Client, subnet_ids: tuple[str, str]) -> None:
    """Paces and changes that were under way are gone; a follower sees that something happened."""
    before = writes_so_far(aws.url)
    aws.control("POST", "paces", [{"action": "*", "seconds": 60}])
    role = "arn:aws:iam::123456789012:role/eks"
    eks.create_cluster(name="prod", roleArn=role, resourcesVpcConfig={"subnetIds": list(subnet_ids)})

    aws.control("POST", "reset")
    emptied = writes_so_far(aws.url)
    aws.control("POST", "passed", {"seconds": 61})

    assert eks.list_clusters()["clusters"] == []
    assert emptied > before
    assert writes_so_far(aws.url) == emptied
