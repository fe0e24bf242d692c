from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.domain.permissions import KubernetesPermission
from lab.bot_access import role_documents, without
from lab.contract.far_end import eventually
from lab.control_plane import ADMIN, PROBER, READER, WRITER, ControlPlane
from lab.errors import LabError
from lab.kubernetes_api import ApiRefused
from lab.namespaces import Run, joined
from lab.programs import built_programs

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """A control plane alone, with the bot's roles; this thread is in its namespace."""
    with Run() as run:
        netns = run.netns("control-plane")
        with joined(netns), ControlPlane(run, netns, built_programs()) as begun:
            for document in role_documents():
                begun.api().apply(document)
            eventually(lambda: _lists_pods(begun), bool)
            yield begun


def _lists_pods(control_plane: ControlPlane) -> bool:
    """Return whether the roles are in force: the API server learns of them as its own client, some time later."""
    try:
        control_plane.api(READER).list("pods")
    except ApiRefused:
        return False
    return True


def test_reader_reads_and_writes_nothing(control_plane: ControlPlane) -> None:
    """The roles of deploy/rbac are enforced by the real API server: the reader lists pods and may not create any."""
    reader = control_plane.api(READER)

    assert reader.list("pods") == []
    with pytest.raises(ApiRefused) as refused:
        reader.call("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "x"}})

    assert refused.value.status == 403
    assert "dnsbot-reader" in str(refused.value)
    assert "cannot create resource" in str(refused.value)


@pytest.mark.parametrize("user", [PROBER, WRITER], ids=lambda user: user.name)
def test_others_do_not_read_configuration(control_plane: ControlPlane, user: object) -> None:
    """Neither the prober nor the writer may read the ConfigMap that the reader reads."""
    path = "/api/v1/namespaces/kube-system/configmaps/coredns"

    with pytest.raises(ApiRefused) as refused:
        control_plane.api(user).call("GET", path)  # type: ignore[arg-type]  # a User, as parametrised

    assert refused.value.status == 403


def test_unknown_token_is_refused(control_plane: ControlPlane) -> None:
    """A token that nobody gave is 401."""
    stranger = type(ADMIN)(name="nobody", token="no-such-token")

    with pytest.raises(ApiRefused) as refused:
        control_plane.api(stranger).list("pods")

    assert refused.value.status == 401


def test_right_taken_away_is_gone_from_the_roles() -> None:
    """The roles are narrowed by one verb on one resource, and all else is left."""
    whole = role_documents()
    narrowed = without(whole, KubernetesPermission(verb="list", resource="nodes"))

    def grants(documents: list[dict[str, object]]) -> set[tuple[str, str]]:
        rules = [rule for document in documents for rule in document.get("rules", [])]  # type: ignore[attr-defined]
        return {(verb, resource) for rule in rules for verb in rule["verbs"] for resource in rule.get("resources", [])}

    assert grants(whole) - grants(narrowed) == {("list", "nodes")}


def test_right_that_nothing_grants_cannot_be_taken_away() -> None:
    """A slip in the name of a right is told, not ignored."""
    with pytest.raises(LabError, match=r"nothing in .* grants `secrets: list in all namespaces`"):
        without(role_documents(), KubernetesPermission(verb="list", resource="secrets"))
