"""The plain checks of parameters, which moto has from Resolver itself."""

from __future__ import annotations

from moto.route53resolver.exceptions import RRValidationException
from moto.route53resolver.validations import validate_args

from bot.sandbox.aws.service import ServiceError


def check(*parameters: tuple[str, object]) -> None:
    """Refuse parameters, given with the names that messages use, which are too long or of no known kind."""
    try:
        validate_args(list(parameters))
    except RRValidationException as error:
        raise ServiceError("ValidationException", str(error.message)) from error
