"""The files that CoreDNS's pods have beside their Corefile, and which version the pods run. No unit."""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors._corefile_check import files_of
from bot.collectors.coredns_pods import CorednsPods
from bot.dns.corefile.imports import Folders
from bot.dns.corefile.versions import Version, version_of
from bot.dns.corefile.words import words_of
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.coredns import ConfigMapMount
from bot.kubernetes.members import text_map
from bot.kubernetes.resources import CONFIG_MAPS

MOST_CONFIG_MAPS = 8
"""So many further ConfigMaps are read."""


def folders_of(
    look: View, namespace: str, mounts: Sequence[ConfigMapMount], known: dict[str, dict[str, str]], text: str
) -> Folders:
    """Return the files beside the Corefile and, where it imports any, those of the other ConfigMaps."""
    folders: dict[str, dict[str, str]] = {}
    imports = any(word.text == "import" for word in words_of(text, ""))
    for mount in mounts if imports else ():
        if mount.config_map not in known and len(known) <= MOST_CONFIG_MAPS:
            data = _data(look, namespace, mount)
            if data is None:
                continue
            known[mount.config_map] = data
        for folder, files in files_of(mount, known.get(mount.config_map, {})).items():
            if mount.config_map in known:
                folders.setdefault(folder, {}).update(files)
    return folders


def _data(look: View, namespace: str, mount: ConfigMapMount) -> dict[str, str] | None:
    """Return a further ConfigMap's files; an optional one that does not exist has none. None: it was not read."""
    try:
        found = look.cluster.get(CONFIG_MAPS, mount.config_map, namespace=namespace)
        with reading(f"get ConfigMap {namespace}/{mount.config_map}"):
            return text_map(found, "data")
    except NotFound:
        return {} if mount.optional else None
    except EvidenceUnavailable:
        return None


def coredns_version(pods: CorednsPods | None) -> Version | None:
    """Return the version that the newest pod's image names."""
    newest = max(pods.pods, key=lambda pod: pod.created_at, default=None) if pods else None
    return version_of(newest.container.image.partition("@")[0].rpartition(":")[2]) if newest else None
