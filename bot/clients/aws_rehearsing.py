"""Asks AWS, as the writer, whether it would do something, without doing it: dry runs.

Source: EC2 API Reference, the parameter `DryRun`: the error code is `DryRunOperation` for whoever may, and
`UnauthorizedOperation` for whoever may not.
"""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import ClientError

from bot.clients.aws_errors import AWS_ERRORS, aws_error, code_of
from bot.clients.aws_identity import AwsIdentity
from bot.clients.aws_reading import method_name
from bot.clients.time_limit import within
from bot.domain.deadline import Deadline
from bot.errors import DryRunIgnored, UnitError

_WOULD_BE_DONE = "DryRunOperation"


def rehearse(identity: AwsIdentity, operation: str, parameters: Mapping[str, object], deadline: Deadline) -> None:
    """Return where EC2 would do it. Raises `AccessDenied` where it would refuse, another error where it is not known.

    An operation that takes no `DryRun` is never sent (`UnitError`). `DryRunIgnored`: it was carried out.
    """
    with within(deadline):
        client = identity.client("ec2")
        method = method_name(client, "ec2", operation)
        if "DryRun" not in client.meta.service_model.operation_model(operation).input_shape.members:
            raise UnitError(f"ec2:{operation} cannot be rehearsed: it takes no DryRun.")
        try:
            getattr(client, method)(**parameters, DryRun=True)
        except ClientError as error:
            if code_of(error) == _WOULD_BE_DONE:
                return
            raise aws_error("ec2", operation, error) from error
        except AWS_ERRORS as error:
            raise aws_error("ec2", operation, error) from error
    raise DryRunIgnored(
        f"ec2:{operation} was sent as a dry run and answered as if it were done ({_shown(parameters)}). What answers "
        "at this address does not know dry runs: look at that object, and take the change back."
    )


def _shown(parameters: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in parameters.items())
