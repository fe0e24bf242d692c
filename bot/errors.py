"""The error tree, named for who must act.

DnsBotError
├── ConfigurationError        the operator: dnsbot.yaml, the environment, the command line
│   └── PlaybookError         the playbook author: file, line, key, hint
├── ClusterMismatch           the operator: the kubeconfig leads to another cluster than the EKS name
├── EvidenceUnavailable       could not look; carries the reason and, where one is missing, the grant
│   ├── AccessDenied          the cluster or account admin: a permission is missing
│   ├── Unauthenticated       the operator: the credential itself was refused (401, expired token)
│   ├── SourceTimeout         nobody yet: the far end did not answer in time
│   ├── SourceUnreachable     the operator: connection refused or reset, or our own name lookup failed
│   │   └── SourceFailing     whoever runs the far end: it answered with 5xx or 429
│   └── SourceGarbled         nobody yet: the answer was truncated, empty or not of the protocol
│   NotFound                  (an EvidenceUnavailable, too) the object named does not exist
├── Refused                   the person who clicked: why this decision or plan is not taken
│   ├── NotEntitled           whoever may: another person must do it; the message is told with who can
│   ├── WorldChanged          the approver: the state that the plan was made from is gone; diagnose again
│   └── RecordUnreadable      the operator: a stored record cannot be read; it is left aside, and all others go on
├── NotEditable               the planner: a text (a Corefile, an add-on's configuration) has no place for the change
├── WriteFailed               the approver: a change was sent and the far end said no, or did not say
├── DryRunIgnored             the operator: what was only to be judged was done; look and take it back
├── HistoryUnavailable        the operator: the database did not answer; nothing may be changed
└── UnitError                 us: a collector, rule, fix or call breaks its own declaration

Messages say what was tried, on what, what came back, and what to do.
"""

from __future__ import annotations


class DnsBotError(Exception):
    """Root of everything this program raises on purpose."""


class ConfigurationError(DnsBotError):
    """The configuration, the environment or the command line is wrong."""


class PlaybookError(ConfigurationError):
    """A playbook is wrong.

    `file`, `line` (1-based) and `key` say where; `hint` names the nearest valid name, or is empty.
    """

    def __init__(self, message: str, *, file: str, line: int, key: str = "", hint: str = "") -> None:
        self.message, self.file, self.line, self.key, self.hint = message, file, line, key, hint
        place = f"{file}:{line}: " + (f"{key}: " if key else "")
        super().__init__(f"{place}{message}" + (f" {hint}" if hint else ""))


class ClusterMismatch(DnsBotError):
    """The Kubernetes credentials lead to another cluster than the EKS cluster named."""


class EvidenceUnavailable(DnsBotError):
    """A source could not be looked at. Never the same as looked and fine.

    `reason` is a sentence for people. `grant` is the missing permission as a person would grant it
    ("ec2:DescribeNetworkAcls", "pods/exec: create in namespace shop"), or empty. `setting` is the key of
    dnsbot.yaml that is missing, or empty: until somebody sets it, looking again is in vain. `what` is the piece
    of evidence that is missing, where a unit asked for one that a collector could not give; else empty.
    """

    def __init__(self, reason: str, *, grant: str = "", setting: str = "", what: str = "") -> None:
        self.reason, self.grant, self.setting, self.what = reason, grant, setting, what
        super().__init__(reason)


class AccessDenied(EvidenceUnavailable):
    """The far end knows us and refuses: 403, UnauthorizedOperation, AccessDenied."""


class Unauthenticated(EvidenceUnavailable):
    """The far end does not accept the credential: 401, expired or unknown token."""


class SourceTimeout(EvidenceUnavailable):
    """The far end did not answer before the deadline."""


class SourceUnreachable(EvidenceUnavailable):
    """No connection: refused, reset, no route, or the far end's own name did not resolve."""


class SourceFailing(SourceUnreachable):
    """The far end itself answered, with 5xx or 429: it is not well, or sheds calls."""


class SourceGarbled(EvidenceUnavailable):
    """An answer came that is not of the protocol: truncated, empty, HTML, wrong type."""


class NotFound(EvidenceUnavailable):
    """The object asked for does not exist. Collectors for which absence is a finding catch this."""


class Refused(DnsBotError):
    """A person's decision is not taken. The message is shown to that person alone, and recorded."""


class WorldChanged(Refused):
    """State that a plan reads or changes is no longer what the plan was made from."""


class NotLookedUp(Refused):
    """Whether somebody may do this could not be looked up: nobody knows, and nobody may by default."""


class NotEntitled(Refused):
    """Somebody may not do this; `users` and `user_groups` may, by their ids. `to`: what, as a verb (`approve`)."""

    def __init__(self, message: str, *, to: str, users: tuple[str, ...], user_groups: tuple[str, ...]) -> None:
        self.to, self.users, self.user_groups = to, users, user_groups
        super().__init__(message)


class RecordUnreadable(Refused):
    """A record of the history cannot be read: another version wrote it, or it was changed since."""


class NotEditable(DnsBotError):
    """A text cannot be changed without changing more of it; the message says what stands in the way."""


class WriteFailed(DnsBotError):
    """A change was sent and refused, or its answer never came.

    `ambiguous` is true when the effect may have happened all the same.
    """

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        self.ambiguous = ambiguous
        super().__init__(message)


class DryRunIgnored(DnsBotError):
    """A far end carried out what was sent as a dry run."""


class HistoryUnavailable(DnsBotError):
    """The database did not answer. Diagnoses go on unrecorded; nothing is approved or changed."""


class UnitError(DnsBotError):
    """A unit (collector, rule, fix, view) is malformed or did what it did not declare."""
