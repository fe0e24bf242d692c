"""What AWS runs for others: a document on an instance, a function, on machines whose shell and Python are real."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd
from bot.sandbox.running.far_end_process import FarEndProcess

_SCRIPT = [
    "python3 - \"{{ word }}\" <<'END'",
    "import sys",
    "print(sys.argv[1], open('/etc/resolv.conf').read())",
    "END",
]
CONTENT = {
    "schemaVersion": "2.2",
    "parameters": {"word": {"type": "String", "allowedPattern": "^[a-z]+$"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "look", "inputs": {"runCommand": _SCRIPT}}],
}
FUNCTION = "def handler(event, context):\n    return {'twice': event['number'] * 2}\n"


@pytest.fixture(scope="module")
def machines(far_end: AwsFarEnd) -> Iterator[str]:
    """Return where programs are run."""
    process = FarEndProcess("bot.sandbox.machines", "--aws-url", far_end.url)
    try:
        yield process.start()
    finally:
        process.stop()


@pytest.fixture
def instance(aws: AwsFarEnd, machines: str, subnet_ids: tuple[str, str]) -> str:
    """Return an instance, with the document in its account."""
    aws.control("POST", "machines", {"url": machines})
    aws.client("ssm").create_document(Name="look", DocumentType="Command", Content=json.dumps(CONTENT))
    launched = aws.client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, SubnetId=subnet_ids[0])
    return str(launched["Instances"][0]["InstanceId"])


def send(aws: AwsFarEnd, instance: str, document: str = "look", **parameters: list[str]) -> Any:
    """Send the command, wait for its end and return how it stands."""
    client = aws.client("ssm")
    sent = client.send_command(InstanceIds=[instance], DocumentName=document, Parameters=parameters)
    number = sent["Command"]["CommandId"]
    for _ in range(600):
        found = client.get_command_invocation(CommandId=number, InstanceId=instance)
        if found["Status"] not in {"Pending", "InProgress"}:
            return found
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_a_document_is_run_by_a_shell_on_a_host_of_the_vpc(aws: AwsFarEnd, instance: str) -> None:
    """Its parameter stands in the script, and the host asks the VPC's resolver."""
    found = send(aws, instance, word=["hello"])

    assert (found["Status"], found["ResponseCode"]) == ("Success", 0)
    assert found["StandardOutputContent"] == "hello nameserver 10.0.0.2\n\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "to", "parameters", "code"),
    [
        ("look", "", {"word": ['a"; ls; "']}, "InvalidParameters"),
        ("look", "", {}, "InvalidParameters"),
        ("look", "", {"word": ["a"], "more": ["b"]}, "InvalidParameters"),
        ("AWS-RunShellScript", "", {"word": ["a"]}, "InvalidDocument"),
        ("look", "i-0bad", {"word": ["a"]}, "InvalidInstanceId"),
    ],
)
def test_what_systems_manager_refuses_is_not_run(
    aws: AwsFarEnd, instance: str, document: str, to: str, parameters: dict[str, list[str]], code: str
) -> None:
    """A parameter that does not match its pattern, is missing or unknown; a document or instance that is not there."""
    with pytest.raises(ClientError) as refused:
        send(aws, to or instance, document, **parameters)

    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.slow
def test_a_function_answers_what_its_code_returns_or_says_how_it_failed(
    aws: AwsFarEnd, machines: str, subnet_ids: tuple[str, str], group_id: str
) -> None:
    """Its interface stands in the VPC; an exception is an answer with a header of its own."""
    aws.control("POST", "machines", {"url": machines})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("double.py", FUNCTION)
    client = aws.client("lambda")
    client.create_function(
        FunctionName="double",
        Runtime="python3.13",
        Handler="double.handler",
        Role="arn:aws:iam::123456789012:role/double",
        Code={"ZipFile": archive.getvalue()},
        VpcConfig={"SubnetIds": [subnet_ids[0]], "SecurityGroupIds": [group_id]},
    )

    well = client.invoke(FunctionName="double", Payload=b'{"number": 21}')
    ill = client.invoke(FunctionName="double", Payload=b'{"name": 21}')
    (interface,) = aws.client("ec2").describe_network_interfaces()["NetworkInterfaces"]

    assert (json.load(well["Payload"]), "FunctionError" in well) == ({"twice": 42}, False)
    assert (ill["FunctionError"], json.load(ill["Payload"])["errorType"]) == ("Unhandled", "KeyError")
    assert (interface["SubnetId"], interface["Description"]) == (subnet_ids[0], "AWS Lambda VPC ENI-double")
