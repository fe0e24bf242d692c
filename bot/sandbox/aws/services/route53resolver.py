"""Route 53 Resolver: endpoints, rules, associations and DNS Firewall here; query logs and DNSSEC by moto."""

from __future__ import annotations

from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.resolver.associations import Associations
from bot.sandbox.aws.resolver.endpoints import Endpoints
from bot.sandbox.aws.resolver.firewall import Firewall
from bot.sandbox.aws.resolver.held import Held
from bot.sandbox.aws.resolver.rules import Rules
from bot.sandbox.aws.resolver.tags import Tags
from bot.sandbox.aws.service import Cloud, Service, Serving


def _of_moto(call: Call) -> bool:
    """Return whether the operation is about what moto holds: never about an endpoint, a rule or an association."""
    return "QueryLog" in call.operation or "Dnssec" in call.operation


def _open(cloud: Cloud) -> Serving:
    held = Held()
    operations = {
        **Endpoints(cloud, held).operations(),
        **Rules(cloud, held).operations(),
        **Associations(cloud, held).operations(),
        **Firewall(held).operations(),
        **Tags(held).operations(),
    }
    return Serving(operations=operations, passes_on=_of_moto)


SERVICE = Service(name="route53resolver", open=_open, internal_error="InternalServiceErrorException")
