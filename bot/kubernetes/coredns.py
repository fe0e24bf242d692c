"""How a pod runs CoreDNS: in which container, with which file as its Corefile, from which ConfigMaps.

Sources: CoreDNS manual, "Configuration" (`-conf FILE`, else `Corefile` in the working directory); Kubernetes
documentation, "Configure a Pod to Use a ConfigMap", "Volumes" (configMap, projected, subPath). Names of Deployments,
ConfigMaps and labels are not looked at: charts and kustomize choose them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_text, optional_texts, part, parts, text

PROBED = {"/ready": ("ready", 8181), "/health": ("health", 8080)}
"""By the path that a readiness probe asks: the plugin that answers it, and its usual port (the plugins' pages)."""
USUAL_COREFILE = "/etc/coredns/Corefile"
_NAME = "coredns"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapMount:
    """A ConfigMap that a container sees as files."""

    config_map: str
    directory: str
    """Where it is mounted; with `sub_path` the path of the one file."""
    items: tuple[tuple[str, str], ...] = ()
    """Key and path below `directory`; empty: every key under its own name."""
    sub_path: str = ""
    """The one path of the volume that is mounted; empty: all of it."""
    optional: bool = False
    """Whether the pod starts without it."""

    def key_of(self, path: str) -> str:
        """Return the key whose text is the file at `path`; empty: it is none of this ConfigMap's."""
        if self.sub_path:
            inside = self.sub_path if path == self.directory else ""
        elif path.startswith(f"{self.directory.rstrip('/')}/"):
            inside = path[len(self.directory.rstrip("/")) + 1 :]
        else:
            return ""
        return next((key for key, place in self.items if place == inside), "") if self.items else inside


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsSetup:
    """What a pod, or a pod template, says of its CoreDNS."""

    container: str
    corefile: str = USUAL_COREFILE
    """Path of the Corefile in the container."""
    mounts: tuple[ConfigMapMount, ...] = ()
    elsewhere: bool = False
    """Whether the Corefile lies on a volume that is no ConfigMap."""

    @property
    def source(self) -> tuple[str, str]:
        """The ConfigMap that holds the Corefile, and the key; empty where none does."""
        deepest = sorted(self.mounts, key=lambda mount: len(mount.directory), reverse=True)
        found = ((mount.config_map, mount.key_of(self.corefile)) for mount in deepest)
        return next((one for one in found if one[1]), ("", ""))


def runs_coredns(pod_spec: RawObject) -> bool:
    """Return whether one of a pod's containers is CoreDNS, by its image or by what it is told to read."""
    return any(_is_coredns(one) for one in parts(pod_spec, "containers"))


def coredns_setup(pod_spec: RawObject) -> CorednsSetup:
    """Return how these pods run CoreDNS; where no container visibly does, the first one is taken for it."""
    asked = parts(pod_spec, "containers")
    chosen = next((one for one in asked if text(one, "name") == _NAME), None)
    chosen = chosen or next((one for one in asked if _is_coredns(one)), asked[0])
    volumes = {text(one, "name"): one for one in parts(pod_spec, "volumes")}
    corefile, mounted = _corefile(chosen), parts(chosen, "volumeMounts")
    setup = CorednsSetup(
        container=text(chosen, "name"),
        corefile=corefile,
        mounts=tuple(mount for one in mounted for mount in _mounts(one, volumes.get(text(one, "name"), {}))),
    )
    places = {text(one, "mountPath").rstrip("/") or "/" for one in mounted}
    under = any(posixpath.commonpath((corefile, place)) == place for place in places)
    return replace(setup, elsewhere=under and setup.source == ("", ""))


def _is_coredns(container: RawObject) -> bool:
    image = optional_text(container, "image").partition("@")[0].rpartition("/")[2].partition(":")[0]
    reads = any(word.endswith("Corefile") for word in _words(container))
    return text(container, "name") == _NAME or _NAME in image or reads


def _words(container: RawObject) -> Sequence[str]:
    return (*optional_texts(container, "command"), *optional_texts(container, "args"))


def _corefile(container: RawObject) -> str:
    words = _words(container)
    told = [value for flag, value in pairwise(words) if flag in {"-conf", "--conf"}]
    told += [word.partition("=")[2] for word in words if word.startswith(("-conf=", "--conf="))]
    directory = optional_text(container, "workingDir")
    if told:
        return posixpath.normpath(posixpath.join(directory or "/", told[0]))
    return posixpath.join(directory, "Corefile") if directory else USUAL_COREFILE


def _mounts(mount: RawObject, volume: RawObject) -> Iterator[ConfigMapMount]:
    directory, sub_path = text(mount, "mountPath"), optional_text(mount, "subPath")
    projected = (part(one, "configMap") for one in parts(part(volume, "projected"), "sources"))
    for source in (part(volume, "configMap"), *projected):
        if source:
            yield ConfigMapMount(
                config_map=optional_text(source, "name"),
                directory=directory,
                items=tuple((text(one, "key"), text(one, "path")) for one in parts(source, "items")),
                sub_path=sub_path,
                optional=source.get("optional") is True,
            )
