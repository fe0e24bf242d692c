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


def forbidden_path(path: str, *, user: str) -> Refusal:
    """Refuse a path that is no resource's to a user who is known."""
    return Refusal(403, "Forbidden", f'forbidden: User "{user}" cannot get path "{path}"', {})


def unknown_path() -> Refusal:
    """No such path."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", {})


def not_found(kind: ResourceType, name: str) -> Refusal:
    """No object of that name."""
    return Refusal(404, "NotFound", f'{kind.full_name} "{name}" not found', _details(kind, name))


def already_exists(kind: ResourceType, name: str) -> Refusal:
    """Refuse to create what is there."""
    return Refusal(409, "AlreadyExists", f'{kind.full_name} "{name}" already exists', _details(kind, name))


def not_admitted(kind: ResourceType, name: str, why: str) -> Refusal:
    """Refuse what an admission plugin does not let in."""
    return Refusal(403, "Forbidden", f'{kind.full_name} "{name}" is forbidden: {why}', _details(kind, name))


def conflict(kind: ResourceType, name: str, why: str) -> Refusal:
    """Refuse a write on an object that is not what the caller saw."""
    message = f'Operation cannot be fulfilled on {kind.full_name} "{name}": {why}'
    return Refusal(409, "Conflict", message, _details(kind, name))


def bad_request(message: str) -> Refusal:
    """Refuse a request that makes no sense."""
    return Refusal(400, "BadRequest", message)


def precondition_failed(kind: ResourceType, name: str, why: str) -> Refusal:
    """Refuse a delete whose precondition does not hold; here the server names the kind."""
    message = f'Operation cannot be fulfilled on {_kind_of_group(kind)} "{name}": {why}'
    return Refusal(409, "Conflict", message, {**_details(kind, name), "kind": kind.kind})


def invalid(kind: ResourceType, name: str, field: str, why: str) -> Refusal:
    """Refuse what would not be valid."""
    message = f'{_kind_of_group(kind)} "{name}" is invalid: {field}: {why}'
    causes = [{"reason": "FieldValueInvalid", "message": why, "field": field}]
    return Refusal(422, "Invalid", message, {**_details(kind, name), "kind": kind.kind, "causes": causes})


def _kind_of_group(kind: ResourceType) -> str:
    return f"{kind.kind}.{kind.group}" if kind.group else kind.kind


def anonymous(kind: ResourceType, name: str, verb: str, subresource: str, namespace: str) -> Refusal:
    """Refuse a request without a token: the server takes it for `system:anonymous`, who may nothing here."""
    return forbidden(kind, name, user="system:anonymous", verb=verb, subresource=subresource, namespace=namespace)


def expired() -> Refusal:
    """Refuse a continue token that is too old."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. "
        "You can start a new list without the continue parameter."
    )
    return Refusal(410, "Expired", message)


def deletion(kind: ResourceType, document: Json) -> Json:
    """Return the `Status` that answers the delete of an object without a grace period."""
    details = {**_details(kind, document["metadata"]["name"]), "uid": document["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def unreachable(why: str) -> Refusal:
    """Say that a pod could not be asked: the API server's own way to it failed."""
    return Refusal(503, "ServiceUnavailable", f"error trying to reach service: {why}")


def not_implemented(what: str) -> Refusal:
    """Refuse, rather than answer 200, what the real server can do and this one cannot."""
    return Refusal(501, "NotImplemented", f"the sandbox's Kubernetes API does not implement {what}")
