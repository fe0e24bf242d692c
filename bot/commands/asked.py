"""What was typed to ask for a diagnosis: the cluster, of dnsbot.yaml or of the kubeconfig, and the question."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.asking import host_from, pod_from
from bot.domain.cluster import Question
from bot.domain.phrases import known
from bot.errors import ConfigurationError
from bot.settings.assumed import Reach, assume
from bot.settings.files import settings_file
from bot.settings.load import Settings, load_settings
from bot.settings.names import playbook_names


def ask(cluster: str, playbooks: tuple[str, ...], *, pod: str, names: tuple[str, ...]) -> Question:
    """Return what was asked. Raises `Refused` for a pod or a host name that is none."""
    return Question(
        cluster=cluster,
        playbooks=playbooks,
        pod=pod_from(pod, option="--pod ") if pod else None,
        names=tuple(host_from(name, option="--name ") for name in names),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed to ask for a diagnosis."""

    words: tuple[str, ...]
    """The cluster, then playbooks; the cluster may be left out where there is one to take."""
    config: Path | None
    reach: Reach
    pod: str
    names: tuple[str, ...]
    deadline: str

    def opened(self) -> tuple[Settings, Question]:
        """Return the settings and the question; what had to be assumed goes to standard error, a line each.

        dnsbot.yaml is taken unless there is none, or a way to reach a cluster was given. Raises `ConfigurationError`.
        """
        if self.reach.given and self.config is not None:
            raise ConfigurationError(
                "--config and the options of a cluster without dnsbot.yaml cannot be used together."
            )
        named = self.config is not None or bool(os.environ.get("DNSBOT_CONFIG"))
        if self.reach.given or not (named or settings_file().exists()):
            return self._assumed()
        settings = load_settings(self.config)
        words = self.words
        if len(settings.clusters) == 1 and (not words or words[0] in {*playbook_names()} - {*settings.clusters}):
            words = (*settings.clusters, *words)
        if not words:
            raise ConfigurationError(f"Name a cluster: dnsbot diagnose CLUSTER. {known(settings.clusters, 'cluster')}")
        return settings, self._question(words[0], words[1:])

    def _assumed(self) -> tuple[Settings, Question]:
        assumed = assume(self.reach, self.words, playbooks=playbook_names())
        passed = settings_file()
        unused = (f"{passed} is not used, since the options name a cluster",) if passed.exists() else ()
        for line in (*unused, *assumed.lines):
            sys.stderr.write(f"dnsbot: assumed: {line}\n")
        return assumed.settings, self._question(assumed.cluster, assumed.words)

    def _question(self, cluster: str, playbooks: tuple[str, ...]) -> Question:
        return ask(cluster, playbooks, pod=self.pod, names=self.names)
