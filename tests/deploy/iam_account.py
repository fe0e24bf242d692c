"""An account in which moto enforces IAM, and the policies of `deploy/` to try in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from bot.app import load_units
from bot.domain.permissions import AwsPermission, Use
from bot.domain.places import PlaceKind
from bot.report.deployment import deployment_files
from bot.report.permissions import needs
from bot.sandbox.running.far_end_process import FarEndProcess
from tests.deploy.enforcing_moto import enforce

Json: TypeAlias = dict[str, Any]
DEPLOY = Path(__file__).parents[2] / "deploy"
ACCOUNT = "111122223333"
"""The account that the examples in `deploy/` name."""
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:user/user-0"
BOT_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/dnsbot/pod"

NEEDS = needs(load_units())
FILES = deployment_files(NEEDS)
READING: Json = json.loads(FILES["iam-read.json"])
PEER_READING: Json = json.loads(FILES["iam-peer-read.json"])
WRITING: Json = json.loads(FILES["iam-write.json"])
ASSUMING: Json = json.loads((DEPLOY / "iam-assume.json").read_text())
TRUST: Json = json.loads((DEPLOY / "trust-read-write.json").read_text())


def declared(use: Use, place: PlaceKind = PlaceKind.HOME) -> list[str]:
    """Return the EC2 actions that units declare for a use at this kind of place and call themselves."""
    return sorted(one.action for one in _of_ec2(use, place) if not one.by_service)


def _of_ec2(use: Use, place: PlaceKind) -> Iterator[AwsPermission]:
    found = (need.permission for need in NEEDS if need.use is use)
    there = (one for one in found if isinstance(one, AwsPermission) and one.place is place)
    return (one for one in there if one.action.startswith("ec2:"))


READS, CHANGES = declared(Use.READ), declared(Use.CHANGE)
BY_SERVICES = sorted(one.action for one in _of_ec2(Use.CHANGE, PlaceKind.HOME) if one.by_service)
"""What AWS services call with the writer's rights; nothing here calls as one, so these are not tried."""
PEER_READS = declared(Use.READ, PlaceKind.PEER)


def without(policy: Json, action: str) -> Json:
    """Take one action out of a policy, which must hold it."""
    made = copy.deepcopy(policy)
    for statement in made["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    made["Statement"] = [statement for statement in made["Statement"] if statement["Action"]]
    assert made != policy
    return made


def as_far_as_moto_judges(policy: Json) -> Json:
    """Put `*` in the place of ARNs and drop conditions: moto would refuse all by the former and ignores the latter."""
    made = copy.deepcopy(policy)
    for statement in made["Statement"]:
        statement["Resource"] = "*"
        statement.pop("Condition", None)
    return made


def allowing(*actions: str, **more: Any) -> Json:
    """Return a policy of one statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def trusting(principal: str) -> Json:
    """Return `trust-read-write.json` with this principal in the place of the bot's role."""
    made = copy.deepcopy(TRUST)
    made["Statement"][0]["Principal"] = {"AWS": principal}
    return made


@dataclass(frozen=True)
class Keys:
    """What a caller signs with."""

    access_key: str
    secret: str
    token: str | None = None


def refusal(client: Any, action: str, parameters: Mapping[str, Any]) -> str:
    """Return the code with which a call failed, or an empty string."""
    try:
        getattr(client, xform_name(action.partition(":")[2]))(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@dataclass
class Cloud:
    """An account in which nobody may do what no policy allows."""

    url: str
    administrator: Keys
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each declared call is made with, so that nothing but IAM can refuse it."""
    _numbers: Iterator[int] = field(default_factory=count)

    def client(self, service: str, keys: Keys, **options: Any) -> Any:
        """Return a boto3 client that signs with these keys and sends each call once."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            config=Config(retries={"total_max_attempts": 1}, **options),
        )

    def identity(self, policy: Json) -> Keys:
        """Make a user with this policy and no other."""
        iam, name = self.client("iam", self.administrator), f"user-{next(self._numbers)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def install(self, role: str, *, policy: Json, trust: Json) -> None:
        """Put a role with this trust, this policy and no other in place."""
        iam, trusted = self.client("iam", self.administrator), json.dumps(trust)
        try:
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=trusted)
        except iam.exceptions.EntityAlreadyExistsException:
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusted)
        iam.put_role_policy(RoleName=role, PolicyName="only", PolicyDocument=json.dumps(policy))

    def install_all(self, *, own: Json = ASSUMING) -> None:
        """Put the three roles of the installation in place, and one more that trusts the bot as well."""
        self.install("dnsbot", policy=own, trust=trusting(ADMINISTRATOR))
        self.install("dnsbot-read", policy=READING, trust=trusting(BOT_SESSION))
        self.install("dnsbot-write", policy=as_far_as_moto_judges(WRITING), trust=trusting(BOT_SESSION))
        self.install("somebody-else", policy=allowing("*"), trust=trusting(BOT_SESSION))

    def session(self, role: str, caller: Keys, **more: Any) -> Keys:
        """Assume a role; its session is named `pod`."""
        asked = {"RoleArn": f"{ROLES}/{role}", "RoleSessionName": "pod", **more}
        given = self.client("sts", caller).assume_role(**asked)["Credentials"]
        return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def refused(self, keys: Keys, actions: Collection[str]) -> dict[str, str]:
        """Make each call and return the codes of those that failed; an empty answer means that all went through."""
        ec2 = self.client("ec2", keys)
        codes = {action: refusal(ec2, action, self.parameters.get(action, {})) for action in actions}
        return {action: code for action, code in codes.items() if code}

    def roles_refused(self, keys: Keys) -> dict[str, str]:
        """Try to assume each role and return the codes of those that failed."""
        sts, codes = self.client("sts", keys), {}
        for role in ("dnsbot-read", "dnsbot-write", "somebody-else"):
            asked = {"RoleArn": f"{ROLES}/{role}", "RoleSessionName": "pod"}
            codes[role] = refusal(sts, "sts:AssumeRole", asked)
        return {role: code for role, code in codes.items() if code}


@contextmanager
def enforcing_cloud() -> Iterator[Cloud]:
    """Start moto, make an administrator while everybody may do everything, then let IAM decide."""
    process = FarEndProcess("tests.deploy.enforcing_moto")
    cloud = Cloud(url=process.start(), administrator=Keys("AKIAIOSFODNN7EXAMPLE", "nobody checks yet"))
    try:
        cloud.administrator = cloud.session("anybody", cloud.administrator)  # leads into the account of deploy/
        cloud.administrator = cloud.identity(allowing("*"))
        enforce(cloud.url)
        yield cloud
    finally:
        process.stop()
