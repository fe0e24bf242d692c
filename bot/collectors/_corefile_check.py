"""Whether CoreDNS would start with a Corefile, and who says so: CoreDNS itself, or the bot's own grammar. No unit."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from bot.dns.corefile.checking import check_reading
from bot.dns.corefile.imports import Folders
from bot.dns.corefile.reading import CorefileWords
from bot.dns.corefile.tree import CorefileRefusal, CorefileUnknown
from bot.dns.corefile.versions import Version, spelt
from bot.dns.corefile_error import corefile_error
from bot.domain.corefile_program import CorefileAnswer, CorefileProgram
from bot.errors import EvidenceUnavailable
from bot.kubernetes.coredns import ConfigMapMount

OWN_GRAMMAR = "the bot's own grammar"
_NODES_OWN = ("resolv.conf", "no valid upstream addresses", "no nameservers found")
"""What CoreDNS says of the resolv.conf where it runs: the bot's is not the pods'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The answer."""

    refusal: CorefileRefusal | None
    unknown: tuple[CorefileUnknown, ...]
    by: str


def check_corefile(
    reading: CorefileWords,
    text: str,
    file: str,
    folders: Folders,
    *,
    version: Version | None,
    program: CorefileProgram | None,
) -> Checked:
    """Return whether CoreDNS of this version takes what was read.

    The program is asked where the words alone decide: it would look for files, names and variables here.
    """
    refusal, unknown = check_reading(reading, version)
    own = Checked(refusal=refusal, unknown=unknown, by=OWN_GRAMMAR)
    if program is None or not all(one.by_words for one in unknown):
        return own
    try:
        answer = program(text, file, folders)
    except EvidenceUnavailable as error:
        return Checked(refusal=refusal, unknown=unknown, by=f"{OWN_GRAMMAR} ({error.reason})")
    return _both(own, answer, file, version)


def _both(own: Checked, answer: CorefileAnswer, file: str, version: Version | None) -> Checked:
    """Let CoreDNS decide, unless it is another release than the pods' and the two differ."""
    another = version is not None and spelt(version) != answer.coredns
    by = f"CoreDNS {answer.coredns} itself"
    if any(words in answer.error for words in _NODES_OWN) or (another and own.refusal):
        return own
    if not answer.error:
        return Checked(refusal=None, unknown=(), by=by)
    if another:
        reason = f"CoreDNS {answer.coredns} refuses it ({answer.error}), the pods run another release"
        return Checked(refusal=None, unknown=(CorefileUnknown(file=file, line=0, reason=reason),), by=by)
    said = corefile_error(answer.error)
    place = own.refusal or CorefileRefusal(file=file, line=0, message="")
    refusal = CorefileRefusal(
        file=said.file or place.file, line=said.line or place.line, message=said.message, plugin=said.plugin
    )
    return Checked(refusal=refusal, unknown=(), by=by)


def files_of(mount: ConfigMapMount, texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the folders that a mounted ConfigMap makes, with their files; none of one file alone."""
    if mount.sub_path:
        return {}
    folders: dict[str, dict[str, str]] = {posixpath.normpath(mount.directory): {}}
    for key, path in mount.items or tuple((key, key) for key in texts):
        if key in texts:
            folder, name = posixpath.split(posixpath.normpath(posixpath.join(mount.directory, path)))
            folders.setdefault(folder, {})[name] = texts[key]
    return folders
