"""AWS's services as botocore describes them, without their documentation."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from bot.clients.aws_models import lean_models


def without_documentation(described: Any) -> Any:
    """Return a description without the texts of this name."""
    if isinstance(described, dict):
        return {
            name: without_documentation(item)
            for name, item in described.items()
            if not (name == "documentation" and isinstance(item, str))
        }
    return [without_documentation(item) for item in described] if isinstance(described, list) else described


@pytest.mark.parametrize("service", ["ec2", "eks", "sts"])
def test_a_description_lacks_its_documentation_and_nothing_else(service: str) -> None:
    """Operations, shapes and the order of members are botocore's."""
    session = Session()
    usual = session.get_component("data_loader").load_service_model(service, "service-2")

    lean = lean_models(session).load_service_model(service, "service-2")

    assert lean == without_documentation(usual)
    assert [*lean["shapes"]] == [*usual["shapes"]]
    assert "documentation" in usual


def test_what_is_not_there_is_not_there() -> None:
    """As with botocore's own."""
    assert lean_models(Session()).file_loader.load_file("nowhere") is None
