from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from bot.clients.corefile_check import CorefileCheck
from bot.dns.corefile.checking import GRAMMARS, check_reading
from bot.dns.corefile.imports import Folders
from bot.dns.corefile.reading import read_corefile
from lab.corefile_check import RealParser, real_parser
from lab.corefiles_at_random import corefile
from lab.programs import built_programs
from lab.tests.tables import Tell

_EXAMPLES, _EACH = 500, 20
_FOLDER = "/nonexistent/corefiles"
_CASES = Path(__file__).parents[2] / "tests" / "cases" / "corefiles"


@pytest.fixture(scope="module")
def parser() -> Iterator[RealParser]:
    """CoreDNS's own."""
    with real_parser(built_programs()) as running:
        yield running


def ours(text: str, path: str, folders: Folders) -> str:
    """Return what our grammar says: accepted, refused or open."""
    refusal, unknown = check_reading(read_corefile(text, file=path, folders=folders))
    if refusal:
        return "refused"
    return "open" if unknown else "accepted"


def test_random_corefiles_are_taken_and_refused_alike(parser: RealParser, tell: Tell) -> None:
    """Where our grammar does not say that it cannot tell, CoreDNS says the same; it rarely cannot."""
    counted: Counter[tuple[str, str]] = Counter()
    plugins: Counter[str] = Counter()
    version = ""

    @seed(20261130)
    @settings(max_examples=_EXAMPLES, database=None, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(st.randoms(use_true_random=True))
    def compare(random: object) -> None:
        nonlocal version
        for _ in range(_EACH):
            text = corefile(random)  # type: ignore[arg-type]  # hypothesis' Random
            real = parser.ask(text, f"{_FOLDER}/Corefile")
            version = real.coredns
            said, theirs = ours(text, f"{_FOLDER}/Corefile", {_FOLDER: {}}), "accepted" if real.accepted else "refused"
            counted[said, theirs] += 1
            plugins.update({name for name in GRAMMARS if f" {name}" in text})
            assert said in ("open", theirs), f"ours {said}, CoreDNS {theirs} ({real.error}):\n{text}"

    compare()

    total = sum(counted.values())
    unsure = counted["open", "accepted"] + counted["open", "refused"]
    tell(
        "Random Corefiles, by our grammar and by CoreDNS itself (number, taken by both, refused by both, open)",
        *(version, total, counted["accepted", "accepted"], counted["refused", "refused"], unsure),
    )
    assert total == _EXAMPLES * _EACH
    assert set(plugins) >= set(GRAMMARS) - {"sign"}
    assert unsure < total / 20
    assert counted["accepted", "accepted"] > total / 10


@pytest.mark.parametrize("case", sorted(path.name for path in _CASES.iterdir()))
def test_corefiles_of_the_field_are_judged_as_coredns_judges_them(parser: RealParser, case: str) -> None:
    """What our grammar says of people's own Corefiles holds."""
    text = (_CASES / case).read_text()
    folders = {"/etc/coredns": {"Corefile": text}, "/etc/coredns/custom": {}}

    said = ours(text, "/etc/coredns/Corefile", folders)

    assert said in ("open", "accepted" if parser.ask(text, "/etc/coredns/Corefile").accepted else "refused")


@pytest.mark.parametrize(
    ("files", "text"),
    [
        pytest.param({"a.override": "errors\n"}, ". {\n import *.override\n}\n", id="files by a pattern"),
        pytest.param({}, ". {\n import *.override\n}\n", id="a pattern without files"),
        pytest.param({}, ". {\n import a.override\n}\n", id="a file that is not there"),
        pytest.param({"b": "errors\nerrors\n"}, ". {\n import b\n}\n", id="a plugin twice in a file"),
        pytest.param({"b": ". {\n whoami\n}\n"}, "import b\n", id="a server block in a file"),
        pytest.param({"b": "}\na. {\n"}, ". {\n import b\n whoami\n}\n", id="a file that closes a block"),
        pytest.param({"b": "import c\n", "c": "errors x"}, ". {\n import b\n}\n", id="a file that imports a file"),
        pytest.param({"b": "10\n"}, ". {\n cache\n import b\n}\n", id="a file that is an argument"),
        pytest.param({"b": "success 10\n"}, ". {\n cache {\n import b\n }\n}\n", id="a file inside a plugin's block"),
    ],
)
def test_imports_are_taken_alike(parser: RealParser, tmp_path: Path, files: dict[str, str], text: str) -> None:
    """Files stand in the place of the words that import them."""
    files = {**files, "Corefile": text}
    for name, content in files.items():
        (tmp_path / name).write_text(content)

    said = ours(text, str(tmp_path / "Corefile"), {str(tmp_path): files})

    assert said == ("accepted" if parser.ask(text, str(tmp_path / "Corefile")).accepted else "refused")


def test_the_bot_asks_coredns_itself(parser: RealParser) -> None:
    """The program that COREFILE_CHECK names gives CoreDNS's words, with the pods' own paths."""
    del parser  # the programs are built then
    check = CorefileCheck(Path(built_programs().path("corefile-check")))
    text = ".:53 {\n import custom/*.override\n import /etc/coredns/custom/*.more\n kubernetes cluster.local\n}\n"
    folders = {"/etc/coredns/custom": {"a.override": "errors\n", "b.more": "proxy . 10.0.0.2\n"}}

    refused = check(text, "/etc/coredns/Corefile", folders)
    taken = check(text, "/etc/coredns/Corefile", {"/etc/coredns/custom": {"a.override": "errors\n"}})

    assert refused.error == "/etc/coredns/custom/b.more:1 - Error during parsing: Unknown directive 'proxy'"
    assert (taken.error, taken.coredns) == ("", refused.coredns)
