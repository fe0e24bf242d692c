"""Refusals: `Status` bodies with the real server's wording (k8s.io/apimachinery, api/errors)."""

from __future__ import annotations

from bot.sandbox.kubernetes.resources import Json, ResourceType


class Refusal(Exception):
    """A request is refused: HTTP code, reason and message of the Status body."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        self.code, self.reason, self.message, self.details = code, reason, message, details
        super().__init__(message)

    def body(self) -> Json:
        """Return the `Status` object to send."""
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details is not None:
            status["details"] = self.details
        return status


def _details(kind: ResourceType, name: str) -> Json:
    details: Json = {"kind": kind.plural}
    if name:
        details["name"] = name
    if kind.group:
        details["group"] = kind.group
    return details


def unauthorized() -> Refusal:
    """No token, or one that nobody knows."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def forbidden(kind: ResourceType, name: str, *, user: str, verb: str, subresource: str, namespace: str) -> Refusal:
    """Refuse what the user, who is known, may not do."""
    subject = f'{kind.full_name} "{name}"' if name else kind.full_name
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{kind.group}" {where}'
    )
    return Refusal(403, "Forbidden", message, _details(kind, name))


def not_found(kind: ResourceType, name: str) -> Refusal:
    """No object of that name."""
    return Refusal(404, "NotFound", f'{kind.full_name} "{name}" not found', _details(kind, name))


def conflict(kind: ResourceType, name: str, why: str) -> Refusal:
    """Refuse a write on an object that is not what the caller saw."""
    message = f'Operation cannot be fulfilled on {kind.full_name} "{name}": {why}'
    return Refusal(409, "Conflict", message, _details(kind, name))


def bad_request(message: str) -> Refusal:
    """Refuse a request that makes no sense."""
    return Refusal(400, "BadRequest", message)


def invalid(kind: ResourceType, name: str, why: str) -> Refusal:
    """Refuse what would not be valid."""
    return Refusal(422, "Invalid", f'{kind.kind} "{name}" is invalid: {why}', _details(kind, name))


def expired() -> Refusal:
    """Refuse a continue token that is too old."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. "
        "You can start a new list without the continue parameter."
    )
    return Refusal(410, "Expired", message)


def not_implemented(what: str) -> Refusal:
    """Refuse, rather than answer 200, what the real server can do and this one cannot."""
    return Refusal(501, "NotImplemented", f"the sandbox's Kubernetes API does not implement {what}")
