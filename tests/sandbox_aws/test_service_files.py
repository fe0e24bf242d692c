from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import boto3
import pytest
from botocore.config import Config

import bot
from bot.errors import UnitError
from bot.sandbox.aws.service import load_services
from tests.trial_units import trial_package

PROFILES = """
from bot.sandbox.aws.life_cycle import Phase
from bot.sandbox.aws.service import Service, ServiceError, Serving

CREATE = Phase(during="CREATING", after="COMPLETE", failed="FAILED")


def _open(cloud):
    profiles = {}

    def create(call, asked):
        profile = {"Id": "rp-1", "Name": asked["Name"], "OwnerId": call.account}
        profiles["rp-1"] = profile
        become = lambda status, message: profile.update(Status=status, StatusMessage=message)
        cloud.changes.begin(call.action, CREATE, become)
        return {"Profile": profile}

    def get(call, asked):
        if asked["ProfileId"] not in profiles:
            raise ServiceError("ResourceNotFoundException", "no such profile")
        return {"Profile": profiles[asked["ProfileId"]]}

    return Serving(operations={"CreateProfile": create, "GetProfile": get})


SERVICE = Service(name="route53profiles", open=_open)
"""


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[str]:
    """Serve a copy of the simulated AWS into which one file was dropped; return its URL."""
    shutil.copytree(Path(bot.__file__).parent, tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bot/sandbox/aws/services/route53profiles.py").write_text(PROFILES)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.sandbox.aws"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.kill()
    process.communicate()


def test_a_file_is_a_service(grown: str) -> None:
    """It answers over HTTP in its API's own protocol, its resources come to be, and nothing else was edited."""
    profiles = boto3.client(
        "route53profiles",
        endpoint_url=grown,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )
    _control(grown, "paces", [{"action": "route53profiles:*", "seconds": 60}])

    created = profiles.create_profile(Name="shared", ClientToken="1")["Profile"]
    _control(grown, "passed", {"seconds": 61})
    shown = profiles.get_profile(ProfileId="rp-1")["Profile"]

    assert (created["Status"], shown["Status"], shown["OwnerId"]) == ("CREATING", "COMPLETE", "123456789012")
    with pytest.raises(profiles.exceptions.ResourceNotFoundException, match="no such profile"):
        profiles.get_profile(ProfileId="rp-2")


def _control(url: str, route: str, document: object) -> None:
    request = urllib.request.Request(f"{url}/sandbox/{route}", data=json.dumps(document).encode(), method="POST")  # noqa: S310  # our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server
        answer.read()


def test_the_shipped_services_are_found() -> None:
    """What is more than moto's is a file; adding one is adding a file."""
    assert {"ec2", "eks", "sts"} <= set(load_services())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Callable[[str, str], ModuleType]]:
    """Make a package of services in a folder of its own."""
    with trial_package("trial_services", tmp_path) as write:
        yield write


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("other", PROFILES, "must be the file's name, 'other'", id="name-mismatch"),
        pytest.param("empty", "", "exports no SERVICE that is a Service", id="no-service"),
        pytest.param("broken", "import nothing_of_this_name", "cannot be imported", id="import-error"),
    ],
)
def test_a_bad_service_stops_the_start(
    folder: Callable[[str, str], ModuleType], name: str, text: str, said: str
) -> None:
    """A file that is no service is named with what is wrong."""
    with pytest.raises(UnitError, match=said):
        load_services(folder(name, text))
