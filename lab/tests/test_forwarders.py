"""The texts for DNS servers on premises, put before those servers' own checkers (D6)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot.dns.forwarders import ForwarderSoftware, forwarder_texts

_HOST = "0123abcdef.gr7.eu-west-1.eks.amazonaws.com"
_ADDRESSES = ("10.42.1.5", "10.42.2.6", "2001:db8::53")
_CHECKERS = {
    ForwarderSoftware.BIND: ("named-checkconf", "{file}"),
    ForwarderSoftware.UNBOUND: ("unbound-checkconf", "{file}"),
    ForwarderSoftware.DNSMASQ: ("dnsmasq", "--test", "--conf-file={file}"),
}


def _checked(software: ForwarderSoftware, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "forwarder.conf"
    file.write_text(text, encoding="utf-8")
    command = [word.format(file=file) for word in _CHECKERS[software]]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("software", _CHECKERS)
def test_a_server_takes_the_text(software: ForwarderSoftware, tmp_path: Path) -> None:
    """BIND's, Unbound's and dnsmasq's own checkers accept the text and refuse it with a word spoilt."""
    (found,) = [one for one in forwarder_texts(_HOST, _ADDRESSES) if one.software is software]

    taken = _checked(software, found.text, tmp_path)
    spoilt = _checked(software, found.text.replace("server", "swerver").replace("forward", "froward"), tmp_path)

    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert spoilt.returncode != 0
