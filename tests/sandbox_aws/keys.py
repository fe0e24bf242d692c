"""Clients of EC2 with keys other than the far end's own."""

from __future__ import annotations

from botocore.config import Config

from bot.sandbox.aws.far_end import AwsFarEnd, Client


def ec2_with(aws: AwsFarEnd, key: str, secret: str, *, token: str | None = None, read_timeout: float = 60) -> Client:
    """Return a client of EC2 with these keys, which asks once."""
    import boto3  # noqa: PLC0415  # slow to import

    return boto3.client(
        "ec2",
        endpoint_url=aws.url,
        region_name="eu-west-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
    )
