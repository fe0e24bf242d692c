"""The few places where we reach into moto's private parts, so that an upgrade breaks here and nowhere else."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

from botocore import session
from moto import backends
from moto.core import responses
from moto.core.utils import method_names_from_class

MotoObject: TypeAlias = Any
"""An object of moto. Its classes are typed, but what we put in their place is not what they promise."""


def param(response: MotoObject, name: str, default: Any = None) -> Any:  # whatever the caller sent  # noqa: ANN401  # whatever the request held
    """Return a parameter of the request, parsed by the API's own model."""
    return response._get_param(name, default)  # moto offers no public way  # noqa: SLF001  # moto's own field


def filters(response: MotoObject) -> dict[str, list[str]]:
    """Return the request's filters: name → values."""
    return dict(response._filters_from_querystring())  # the same  # noqa: SLF001  # moto's own field


def rule_tags(response: MotoObject) -> dict[str, str]:
    """Return the tags that the request asks for on security-group rules."""
    return dict(response._parse_tag_specification().get("security-group-rule", {}))  # the same  # noqa: SLF001  # moto's own field


def replace(owner: type | ModuleType, **replacements: object) -> None:
    """Put our functions in the place of those of a moto class or module."""
    for name, replacement in replacements.items():
        getattr(owner, name)  # an upgrade that renames it must not go unnoticed
        setattr(owner, name, replacement)


def add(owner: type, **methods: object) -> None:
    """Add methods that a moto class lacks."""
    for name, method in methods.items():
        if hasattr(owner, name):  # an upgrade that brings it must not go unnoticed
            raise AttributeError(f"{owner.__name__} has {name} of its own")
        setattr(owner, name, method)


def load_models_once() -> None:
    """Let all sessions of botocore share what they read of its files: moto makes one for each question.

    Call it before moto's services are imported: EC2's reads the largest model three times, a second of a start.
    """
    replace(session, create_loader=cache(session.create_loader))


def work_out_once() -> None:
    """Let moto keep what it looks up for each request, a third of its time: its folders and its classes' methods.

    Call it when all classes are as they are to be.
    """
    folders = tuple(backends.list_of_moto_modules())
    replace(backends, list_of_moto_modules=lambda: folders)
    replace(responses, method_names_from_class=cache(method_names_from_class))
