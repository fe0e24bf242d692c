"""CoreDNS's own parser: the lab's program that says whether CoreDNS would take a Corefile."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from lab.programs import Programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What CoreDNS said."""

    coredns: str
    """Its version."""
    accepted: bool
    error: str


@dataclass(slots=True)
class RealParser:
    """The running program."""

    asking: IO[str]
    answering: IO[str]

    def ask(self, text: str, path: str) -> Answer:
        """Return what CoreDNS says to a Corefile at `path`, to which its imports are relative."""
        self.asking.write(json.dumps({"path": path, "text": text}) + "\n")
        self.asking.flush()
        said = json.loads(self.answering.readline())
        return Answer(coredns=said["coredns"], accepted=said["accepted"], error=said.get("error", ""))


@contextmanager
def real_parser(programs: Programs) -> Iterator[RealParser]:
    """Run the program without any network: plugins that would look names up fail at once."""
    command = ["unshare", "--net", programs.path("corefile-check"), "-stream"]
    with subprocess.Popen(  # noqa: S603  # our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            if process.stdin and process.stdout:
                yield RealParser(process.stdin, process.stdout)
        finally:
            process.kill()
