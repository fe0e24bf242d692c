from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd, Client

MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"
STANDARD = json.dumps({"env": {MODE: "standard"}})
ADDON = {"clusterName": "cluster-prod", "addonName": "vpc-cni"}


@pytest.fixture(autouse=True)
def addon(eks: Client, subnet_ids: tuple[str, str]) -> dict[str, Any]:
    """Return the add-on vpc-cni of a cluster `cluster-prod`, without a configuration."""
    config = {"subnetIds": list(subnet_ids)}
    eks.create_cluster(name="cluster-prod", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig=config)
    return dict(eks.create_addon(**ADDON)["addon"])


def configured(eks: Client) -> tuple[str, str]:
    """Return the add-on's status and configuration."""
    shown = eks.describe_addon(**ADDON)["addon"]
    return shown["status"], shown.get("configurationValues", "")


@pytest.mark.parametrize(("version", "known"), [("v1.10.4-eksbuild.1", False), ("v1.19.2-eksbuild.1", True)])
def test_a_version_says_what_it_can_be_configured_with(eks: Client, version: str, known: bool) -> None:  # noqa: FBT001
    """Its schema is a JSON Schema; only VPC CNI 1.11 and later know the enforcing mode, and a value is a string."""
    answer = eks.describe_addon_configuration(addonName="vpc-cni", addonVersion=version)

    checker = jsonschema.Draft6Validator(json.loads(answer["configurationSchema"]))
    assert checker.is_valid(json.loads(STANDARD)) is known
    assert not checker.is_valid({"env": {"WARM_IP_TARGET": 5}})


def test_a_configuration_that_the_schema_does_not_take_is_refused(eks: Client) -> None:
    """UpdateAddon answers InvalidParameterException, and nothing is changed."""
    with pytest.raises(ClientError, match="InvalidParameterException"):
        eks.update_addon(**ADDON, configurationValues='{"env":{"NO_SUCH_VARIABLE":"1"}}')

    assert configured(eks) == ("ACTIVE", "")


def test_an_update_goes_through_its_life_cycle(aws: AwsFarEnd, eks: Client) -> None:
    """It is UPDATING until its time has come, takes no other update meanwhile, and is in force afterwards."""
    aws.control("POST", "paces", [{"action": "eks:UpdateAddon", "seconds": 40}])

    update = eks.update_addon(**ADDON, configurationValues=STANDARD)["update"]

    assert configured(eks) == ("UPDATING", "")
    asked = {"name": "cluster-prod", "addonName": "vpc-cni", "updateId": update["id"]}
    assert eks.describe_update(**asked)["update"]["status"] == "InProgress"
    with pytest.raises(ClientError, match="ResourceInUseException"):
        eks.update_addon(**ADDON, configurationValues="{}")
    aws.control("POST", "passed", {"seconds": 41})
    assert configured(eks) == ("ACTIVE", STANDARD)
    assert eks.describe_update(**asked)["update"]["status"] == "Successful"


@pytest.mark.parametrize("asked", [{}, {"resolveConflicts": "NONE"}])
def test_what_others_have_set_is_a_conflict(aws: AwsFarEnd, eks: Client, asked: dict[str, str]) -> None:
    """Unless told to overwrite, the update fails, names the field, and changes nothing; the add-on says so, too."""
    aws.control("PUT", "eks/clusters/cluster-prod/addons/vpc-cni/changed-by-others", {MODE: "strict"})

    update = eks.update_addon(**ADDON, configurationValues=STANDARD, **asked)["update"]

    shown = eks.describe_update(name="cluster-prod", addonName="vpc-cni", updateId=update["id"])["update"]
    (error,) = shown["errors"]
    assert (shown["status"], error["errorCode"]) == ("Failed", "ConfigurationConflict")
    assert f'env[name="{MODE}"].value' in error["errorMessage"]
    assert configured(eks) == ("UPDATE_FAILED", "")
    (issue,) = eks.describe_addon(**ADDON)["addon"]["health"]["issues"]
    assert issue["code"] == "ConfigurationConflict"


@pytest.mark.parametrize("value", ["standard", "strict"])
def test_the_same_value_or_overwriting_is_no_conflict(aws: AwsFarEnd, eks: Client, value: str) -> None:
    """What others have set to the same is shared; OVERWRITE takes the rest."""
    aws.control("PUT", "eks/clusters/cluster-prod/addons/vpc-cni/changed-by-others", {MODE: value})

    how = "OVERWRITE" if value == "strict" else "NONE"
    eks.update_addon(**ADDON, configurationValues=STANDARD, resolveConflicts=how)

    assert configured(eks) == ("ACTIVE", STANDARD)


@pytest.mark.parametrize(
    ("version", "members"),
    [
        ("v1.9.3-eksbuild.3", set()),
        ("v1.9.3-eksbuild.5", {"topologySpreadConstraints"}),
        ("v1.11.4-eksbuild.2", {"topologySpreadConstraints", "autoScaling"}),
    ],
)
def test_coredns_takes_what_its_version_knows(eks: Client, version: str, members: set[str]) -> None:
    """Spread constraints and scaling by EKS came later; the affinity and the number of pods were always there."""
    answer = eks.describe_addon_configuration(addonName="coredns", addonVersion=version)

    known = json.loads(answer["configurationSchema"])["definitions"]["Coredns"]["properties"]
    assert {"affinity", "replicaCount"} <= set(known)
    assert set(known) & {"topologySpreadConstraints", "autoScaling"} == members


def test_a_field_of_coredns_that_others_have_set_is_a_conflict(aws: AwsFarEnd, eks: Client) -> None:
    """It is named as it stands in the Deployment."""
    eks.create_addon(clusterName="cluster-prod", addonName="coredns")
    changed = {"replicaCount": "5", "affinity": "{}"}
    aws.control("PUT", "eks/clusters/cluster-prod/addons/coredns/changed-by-others", changed)

    eks.update_addon(
        clusterName="cluster-prod", addonName="coredns", configurationValues='{"replicaCount": 3, "affinity": {}}'
    )

    (issue,) = eks.describe_addon(clusterName="cluster-prod", addonName="coredns")["addon"]["health"]["issues"]
    assert issue["message"].splitlines()[1:] == ["Deployment.apps coredns - .spec.replicas"]


def test_what_the_cluster_refuses_eks_is_its_add_ons_illness(aws: AwsFarEnd, eks: Client) -> None:
    """DEGRADED with the API server's words while it lasts; an update in that time fails for the same reason."""
    refused = "eks/clusters/cluster-prod/addons/vpc-cni/refused"
    aws.control("PUT", refused, {"message": "daemonsets.apps is forbidden"})

    assert configured(eks) == ("DEGRADED", "")
    (issue,) = eks.describe_addon(**ADDON)["addon"]["health"]["issues"]
    assert (issue["code"], issue["message"]) == ("AccessDenied", "daemonsets.apps is forbidden")
    aws.control("PUT", refused, {"message": ""})
    assert configured(eks) == ("ACTIVE", "")

    aws.control("PUT", refused, {"message": "daemonsets.apps is forbidden"})
    update = eks.update_addon(**ADDON, configurationValues=STANDARD)["update"]
    shown = eks.describe_update(name="cluster-prod", addonName="vpc-cni", updateId=update["id"])["update"]
    assert (shown["status"], shown["errors"][0]["errorCode"]) == ("Failed", "AccessDenied")
    assert configured(eks) == ("UPDATE_FAILED", "")
    assert len(eks.describe_addon(**ADDON)["addon"]["health"]["issues"]) == 1
