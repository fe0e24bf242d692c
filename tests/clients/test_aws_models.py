"""AWS's services as botocore describes them, without their documentation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import UnknownServiceError
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


@pytest.mark.parametrize(("service", "kind"), [("nowhere", "service-2"), ("eks", "resources-1")])
def test_an_unknown_service_is_told_as_botocore_tells_it(service: str, kind: str) -> None:
    """One that has no folder, and one whose folder has no such file: what calls it goes on without."""
    with pytest.raises(UnknownServiceError, match=f"Unknown service: '{service}'"):
        lean_models(Session()).load_service_model(service, kind)


def test_descriptions_of_a_folder_of_the_operators_own_are_found(tmp_path: Path) -> None:
    """`data_path` (AWS_DATA_PATH) goes before botocore's own."""
    described = tmp_path / "eks" / "2099-01-01" / "service-2.json"
    described.parent.mkdir(parents=True)
    described.write_text('{"metadata": {"apiVersion": "2099-01-01", "documentation": "theirs"}}')
    session = Session()
    session.set_config_variable("data_path", str(tmp_path))

    assert lean_models(session).load_service_model("eks", "service-2") == {"metadata": {"apiVersion": "2099-01-01"}}


def test_sessions_share_one_reading_however_many_ask_at_once() -> None:
    """A service's description is read by one of them; the others get the same object."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: lean_models(Session()).load_service_model("ram", "service-2"), range(8)))

    assert len({id(one) for one in found}) == 1
