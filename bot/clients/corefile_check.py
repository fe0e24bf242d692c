"""CoreDNS's own word on a Corefile, from the program that COREFILE_CHECK names (lab/tools/coredns/corefile_check)."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bot.dns.corefile.words import words_of
from bot.domain.corefile_program import CorefileAnswer
from bot.errors import EvidenceUnavailable

SECONDS = 10.0
"""How long the program may take; it needs less than one."""
_MOST_BYTES = 100_000
"""So much of its answer is read."""


@dataclass(frozen=True, slots=True)
class CorefileCheck:
    """Runs the program, once for each Corefile."""

    program: Path

    def __call__(self, text: str, file: str, folders: Mapping[str, Mapping[str, str]]) -> CorefileAnswer:
        """Run the program on the files, which stand in a folder of their own meanwhile."""
        with tempfile.TemporaryDirectory(prefix="corefile-") as root:
            for folder, files in folders.items():
                for name, content in files.items():
                    _write(Path(root + folder) / name, _moved(content, root, folders))
            answer = self._asked(_moved(text, root, folders), root + file)
            return CorefileAnswer(coredns=answer.coredns, error=answer.error.replace(root, ""))

    def _asked(self, text: str, path: str) -> CorefileAnswer:
        command = [str(self.program), "-path", path]
        try:
            done = subprocess.run(  # noqa: S603  # the operator names the program
                command, input=text.encode("utf-8", "replace"), capture_output=True, timeout=SECONDS, check=True, env={}
            )
            said = json.loads(done.stdout[:_MOST_BYTES])
            return CorefileAnswer(coredns=str(said["coredns"]), error="" if said["accepted"] is True else _error(said))
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
            reason = f"{self.program} (COREFILE_CHECK) gave no answer: {type(error).__name__}"
            raise EvidenceUnavailable(reason) from error


def _error(said: Mapping[str, object]) -> str:
    return str(said.get("error") or "it does not say why")[:2000]


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", errors="replace")


def _moved(text: str, root: str, folders: Mapping[str, object]) -> str:
    """Return the text with imports of absolute paths led below `root`; every word stays on its line."""
    for word, pattern in reversed(list(pairwise(words_of(text, "")))):
        if word.text == "import" and any(pattern.text.startswith(f"{folder}/") for folder in folders):
            text = f'{text[: pattern.begin]}"{root}{pattern.text}"{text[pattern.end :]}'
    return text
