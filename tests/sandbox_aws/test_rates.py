from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd
from bot.sandbox.aws.rates import Rate, Rates
from bot.sandbox.aws.requests import read_call
from bot.sandbox.operator.operating import AwsCommandLine
from tests.sandbox_aws.keys import ec2_with

OTHER = "210987654321"


def _exceeded(rates: Rates, now: float) -> bool:
    credential = "Credential=test/20261121/eu-west-1/eks/aws4_request"
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/clusters"}
    call = read_call({**environ, "wsgi.input": _Empty(), "HTTP_AUTHORIZATION": credential})
    assert call is not None
    return rates.exceeded(call, now)


class _Empty:
    """A body without bytes."""

    def read(self, size: int) -> bytes:
        """Return nothing."""
        del size
        return b""


def test_so_many_calls_a_second_and_no_more() -> None:
    """Five at once are taken, the sixth is not; a fifth of a second later there is room for one."""
    rates = Rates()
    rates.orders.replace([Rate(action="eks:*", per_second=5)])

    at_once = [_exceeded(rates, 100.0) for _ in range(6)]
    later = [_exceeded(rates, 100.2), _exceeded(rates, 100.2)]

    assert at_once == [False] * 5 + [True]
    assert later == [False, True]


def test_a_limit_is_each_accounts_own_and_each_services(aws: AwsFarEnd) -> None:
    """One account's calls do not use up another's; other services are not limited; time lets more through."""
    aws.control("POST", "rates", [{"action": "ec2:*", "per_second": 0.001}])
    home, other = ec2_with(aws, "test", "none"), AwsCommandLine(aws.url, account=OTHER, region="eu-west-1")

    home.describe_vpcs()
    with pytest.raises(ClientError) as refused:
        home.describe_subnets()
    aws.client("eks").list_clusters()

    assert refused.value.response["Error"]["Code"] == "RequestLimitExceeded"
    assert other.aws("ec2", "DescribeVpcs")["Vpcs"]
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        other.aws("ec2", "DescribeVpcs")
    aws.control("POST", "passed", {"seconds": 1000})
    assert home.describe_vpcs()["Vpcs"]
