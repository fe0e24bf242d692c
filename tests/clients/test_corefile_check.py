from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.clients.corefile_check import CorefileCheck
from bot.errors import EvidenceUnavailable

Program = Callable[[str], CorefileCheck]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Make a program of these lines of Python; `text` is what it is asked, `path` where the Corefile would stand."""

    def make(lines: str) -> CorefileCheck:
        file = tmp_path / "corefile-check"
        head = "import json, pathlib, sys\ntext = sys.stdin.read()\npath = pathlib.Path(sys.argv[2])\n"
        file.write_text(f"#!{sys.executable}\n{head}{lines}\n")
        file.chmod(0o755)
        return CorefileCheck(file)

    return make


def test_the_answer_is_read(program: Program) -> None:
    """Version and error; none where it takes the Corefile."""
    takes = program('print(json.dumps({"coredns": "1.15.0", "accepted": text == ". {}"}))')

    assert (takes(". {}", "/etc/coredns/Corefile", {}).coredns, takes(". {}", "/a", {}).error) == ("1.15.0", "")
    assert takes("x", "/etc/coredns/Corefile", {}).error == "it does not say why"


def test_imported_files_stand_where_the_pods_have_them(program: Program) -> None:
    """Below a folder of their own, which no answer shows; absolute imports are led there, line by line."""
    asks = program(
        "pattern = text.split()[1].strip('\"')\n"
        "found = (path.parent / 'custom' / 'a.server').read_text() + pathlib.Path(pattern).read_text()\n"
        "error = f'{path}:2 - {found} {len(text.splitlines())}'\n"
        'print(json.dumps({"coredns": "1", "accepted": False, "error": error}))'
    )
    folders = {"/etc/coredns": {"Corefile": ""}, "/etc/coredns/custom": {"a.server": "a"}}

    answer = asks("import /etc/coredns/custom/a.server\n. {\n}\n", "/etc/coredns/Corefile", folders)

    assert answer.error == "/etc/coredns/Corefile:2 - aa 3"


@pytest.mark.parametrize(
    "lines",
    ["sys.exit(2)", "print('no JSON')", "print('[]')", "print('{}')", "print(json.dumps({'coredns': '1'}))"],
)
def test_no_answer_is_no_verdict(program: Program, lines: str) -> None:
    """A program that ends badly or says something else is told by its name."""
    with pytest.raises(EvidenceUnavailable, match=r"corefile-check \(COREFILE_CHECK\) gave no answer"):
        program(lines)(". {}", "/etc/coredns/Corefile", {})


def test_a_program_that_is_gone_is_no_verdict(tmp_path: Path) -> None:
    """It may have been removed since the start."""
    with pytest.raises(EvidenceUnavailable):
        CorefileCheck(tmp_path / "gone")(". {}", "/etc/coredns/Corefile", {})
