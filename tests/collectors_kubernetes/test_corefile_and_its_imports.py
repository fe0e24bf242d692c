"""What a Corefile takes in from other ConfigMaps, and who says whether CoreDNS starts with it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors import corefile
from bot.collectors._corefile_check import OWN_GRAMMAR, check_corefile
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.dns.corefile.imports import Folders
from bot.dns.corefile.reading import read_corefile
from bot.domain.corefile_program import CorefileAnswer
from bot.errors import AccessDenied, EvidenceUnavailable, NotFound
from bot.kubernetes.coredns import coredns_setup

FILE = "/etc/coredns/Corefile"
IMPORTING = ".:53 {\n import custom/*.override\n kubernetes cluster.local\n}\nimport /etc/coredns/custom/*.server\n"
SERVER = "corp.example {\n errors\n forward . 10.64.0.2\n}\n"


def pods_of(pod: Any, *, image: str = "registry/eks/coredns:v1.11.4-eksbuild.2", optional: bool = True) -> CorednsPods:
    """Return a pod that mounts ConfigMap coredns, and coredns-custom below it."""
    raw = pod("coredns-a")
    raw["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "coredns", "items": [{"key": "Corefile", "path": "Corefile"}]}},
        {"name": "custom", "configMap": {"name": "coredns-custom", "optional": optional}},
    ]
    raw["spec"]["containers"][0] |= {
        "image": image,
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/coredns"},
            {"name": "custom", "mountPath": "/etc/coredns/custom"},
        ],
    }
    made = CorednsPod.of(raw, container="coredns")
    setup = coredns_setup(raw["spec"])
    return CorednsPods(deployment_exists=True, desired_replicas=1, setup=setup, pods=(made,), deployment_annotations=())


def config_map(**data: str) -> dict[str, Any]:
    """Return a ConfigMap as the API answers it."""
    return {"metadata": {}, "data": data}


def read(collect: Any, cluster: Any, pods: CorednsPods, text: str, custom: Any) -> Any:
    """Return the Corefile as evidence."""
    world = cluster(objects={"configmaps/coredns": config_map(Corefile=text), "configmaps/coredns-custom": custom})
    return collect(corefile.COLLECTOR, world, needed={CorednsPods: pods})


def test_what_other_config_maps_hold_is_taken_in(collect: Any, cluster: Any, pod: Any) -> None:
    """By the place where the pods mount them; each plugin knows its file."""
    custom = config_map(**{"corp.server": SERVER, "log.override": "errors\nlog\n", "notes": "not imported"})

    found = read(collect, cluster, pods_of(pod), IMPORTING, custom)

    assert (found.refusal, found.unknown, found.checked_by) == (None, (), OWN_GRAMMAR)
    assert [block.keys for block in found.blocks] == [(".:53",), ("corp.example",)]
    assert [(plugin.name, plugin.file) for plugin in found.root.plugins] == [
        ("errors", "/etc/coredns/custom/log.override"),
        ("log", "/etc/coredns/custom/log.override"),
        ("kubernetes", FILE),
    ]


def test_an_error_in_an_imported_file_names_that_file(collect: Any, cluster: Any, pod: Any) -> None:
    """Its line is that file's own."""
    found = read(collect, cluster, pods_of(pod), IMPORTING, config_map(**{"a.override": "errors\nunheard of\n"}))

    assert (found.refusal.file, found.refusal.line) == ("/etc/coredns/custom/a.override", 2)
    assert found.refusal.message == "Unknown directive 'unheard'"


@pytest.mark.parametrize(
    ("custom", "optional", "unknown"),
    [
        (NotFound("gone"), True, 0),
        (NotFound("gone"), False, 2),
        (AccessDenied("403"), True, 2),
    ],
    ids=["optional and absent: empty", "absent, so that no pod starts: not read", "forbidden"],
)
def test_a_config_map_that_was_not_read_leaves_its_files_open(
    collect: Any, cluster: Any, pod: Any, custom: Any, optional: Any, unknown: int
) -> None:
    """One for each import that names it; an optional one that is not there makes an empty folder."""
    found = read(collect, cluster, pods_of(pod, optional=optional), IMPORTING, custom)

    assert (found.refusal, len(found.unknown)) == (None, unknown)
    assert found.root.has("errors") is (None if unknown else False)


def test_a_corefile_without_imports_costs_one_call(collect: Any, cluster: Any, pod: Any) -> None:
    """Further ConfigMaps are read where something imports them."""
    world = cluster(objects={"configmaps/coredns": config_map(Corefile=".:53 {\n errors\n}\n")})

    collect(corefile.COLLECTOR, world, needed={CorednsPods: pods_of(pod)})

    assert world.asked == ["configmaps/coredns in kube-system"]


@pytest.mark.parametrize(
    ("image", "refused"),
    [("coredns:1.11.4", "unknown property 'zonal'"), ("coredns:v1.15.0", ""), ("coredns@sha256:0", "")],
)
def test_the_pods_release_decides(collect: Any, cluster: Any, pod: Any, image: str, refused: str) -> None:
    """An option that the release lacks ends it; without a version it is taken for the newest."""
    text = ".:53 {\n kubernetes cluster.local {\n  zonal\n }\n}\n"

    found = read(collect, cluster, pods_of(pod, image=image), text, NotFound("gone"))

    assert (found.refusal.message if found.refusal else "") == refused


ITSELF = "CoreDNS 1.15.0 itself"
SOUND, BAD = ".:53 {\n errors\n}\n", ".:53 {\n errors\n proxy . 10.0.0.2\n}\n"
RARE = ".:53 {\n errors {\n  consolidate 5m ^(?:a)+$\n }\n}\n"
LOCAL = ".:53 {\n file db.example\n}\n"


@pytest.mark.parametrize(
    ("text", "version", "error", "refused", "unknown", "by"),
    [
        pytest.param(SOUND, (1, 15, 0), "", "", 0, ITSELF, id="both take it"),
        pytest.param(RARE, (1, 15, 0), "", "", 0, ITSELF, id="CoreDNS tells what the grammar does not"),
        pytest.param(
            SOUND, None, "plugin/errors: no", "no", 0, ITSELF, id="CoreDNS refuses what the grammar takes"
        ),
        pytest.param(BAD, (1, 15, 0), "", "", 0, ITSELF, id="CoreDNS takes what the grammar refuses"),
        pytest.param(SOUND, (1, 11, 4), "plugin/errors: no", "", 1, ITSELF, id="another release refuses"),
        pytest.param(BAD, (1, 11, 4), "", "Unknown directive 'proxy'", 0, OWN_GRAMMAR, id="another release takes it"),
        pytest.param(LOCAL, (1, 15, 0), "not asked", "", 1, OWN_GRAMMAR, id="a file decides: not asked"),
        pytest.param(
            SOUND, (1, 15, 0), 'plugin/forward: not an IP address or file "/etc/resolv.conf"', "", 0, OWN_GRAMMAR,
            id="the bot's own resolv.conf says nothing",
        ),
    ],
)  # fmt: skip
def test_coredns_itself_decides_where_the_words_do(
    text: str, version: Any, error: str, refused: str, unknown: int, by: str
) -> None:
    """Files, names and variables of the pods are not here; another release is a hint, no verdict."""

    def program(text: str, file: str, folders: Folders) -> CorefileAnswer:
        del text, file, folders
        return CorefileAnswer(coredns="1.15.0", error=error)

    reading = read_corefile(text, file=FILE, folders={})

    found = check_corefile(reading, text, FILE, {}, version=version, program=program)

    assert (found.refusal.message if found.refusal else "", len(found.unknown), found.by) == (refused, unknown, by)


def test_coredns_words_get_the_line_that_the_grammar_found() -> None:
    """Many plugins refuse without a line."""

    def program(text: str, file: str, folders: Folders) -> CorefileAnswer:
        del text, file, folders
        return CorefileAnswer(coredns="1.15.0", error='plugin/cache: strconv.Atoi: parsing "x": invalid syntax')

    text = ".:53 {\n errors\n cache {\n  success x\n }\n}\n"
    reading = read_corefile(text, file=FILE, folders={})

    found = check_corefile(reading, text, FILE, {}, version=None, program=program)

    assert found.refusal is not None
    assert (found.refusal.line, found.refusal.plugin) == (4, "cache")
    assert found.refusal.message == 'strconv.Atoi: parsing "x": invalid syntax'


def test_a_program_that_fails_is_told() -> None:
    """Then the bot's own grammar judges, and the reason stands beside it."""

    def program(text: str, file: str, folders: Folders) -> CorefileAnswer:
        del text, file, folders
        raise EvidenceUnavailable("corefile-check gave no answer")

    found = check_corefile(read_corefile(SOUND, file=FILE, folders={}), SOUND, FILE, {}, version=None, program=program)

    assert (found.refusal, found.by) == (None, f"{OWN_GRAMMAR} (corefile-check gave no answer)")
