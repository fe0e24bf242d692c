"""What a collector looks through. Each view reads; none can write.

A collector names its view, and the workflow makes one for each run (`workflow/views.py`). A further
way of looking is one port, one view class here and one maker there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.corefile_program import CorefileProgram
from bot.domain.kept_files import KeptFile, not_kept
from bot.domain.permissions import Use
from bot.domain.places import HOME, Place
from bot.domain.ports import AwsReader, ClusterReader, NetworkProber, NodeProber, PodProber
from bot.domain.remembered import Memory, Remembered, nothing_remembered
from bot.errors import UnitError

N = TypeVar("N")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Reads the cluster, its AWS account and those of its peers; runs nothing anywhere."""

    use: ClassVar[Use] = Use.READ
    """What the Kubernetes rights are for that this view needs beyond reading; each use has a role of its own."""

    cluster: ClusterReader
    at: Callable[[Place], AwsReader]
    """Returns what reads AWS at one of the target's places; nothing is sent, nor any role assumed, until it reads."""
    target: ClusterTarget
    question: Question
    parameters: Any
    """An instance of the collector's own `parameters` class."""
    started_at: datetime
    """The diagnosis's own time, UTC: collectors ask no other clock."""
    needed: Mapping[type, object] = field(default_factory=dict)
    """Evidence that the collector declared to need or to want, by class; what was wanted in vain is not there."""
    corefile_program: CorefileProgram | None = None
    """CoreDNS itself, to be asked about a Corefile; None where the operator named no such program."""
    remembered: Remembered = nothing_remembered
    """What earlier diagnoses found, by cluster and collector."""

    @property
    def aws(self) -> AwsReader:
        """What reads AWS in the cluster's own account and region."""
        return self.at(HOME)

    def remember(self, collector: str) -> Sequence[Memory]:
        """Return what this collector found in earlier diagnoses of the cluster. Raises `HistoryUnavailable`."""
        return self.remembered(self.target.name, collector)

    def need(self, evidence: type[N]) -> N:
        """Return the evidence of this class; the collector must have declared that it needs it."""
        try:
            found = self.needed[evidence]
        except KeyError:
            message = f"{evidence.__name__} was asked for but is not in the collector's `needs`"
            raise UnitError(message) from None
        if not isinstance(found, evidence):
            message = f"{evidence.__name__} was asked for, {type(found).__name__} was gathered"
            raise UnitError(message)
        return found

    def find(self, evidence: type[N]) -> N | None:
        """Return the evidence of this class that the collector wants, or None where it could not be gathered."""
        return self.need(evidence) if evidence in self.needed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodView(View):
    """Reads, and runs fixed argument lists in pods."""

    use: ClassVar[Use] = Use.LOOK_UP

    pods: PodProber


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView(View):
    """Reads, and runs fixed argument lists in nodes' network namespaces. Off unless an operator installs its role.

    Its collectors declare rights on pods in all namespaces: which ones they are granted in is the operator's choice.
    """

    use: ClassVar[Use] = Use.NODE

    nodes: NodeProber
    keep: Callable[[KeptFile], None] = not_kept
    """Keeps a file with the diagnosis, beside the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkView(View):
    """Reads, and looks up and connects from other networks, through the probes that an operator names there."""

    use: ClassVar[Use] = Use.PROBE

    networks: NetworkProber
