"""Who may ask for a diagnosis, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AskerPolicy:
    """`askers:` of dnsbot.yaml. Without users and groups all full members of the workspace may ask."""

    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    """Programs that may ask without a person."""
    at_once_per_person: int = 3
    """Different diagnoses that one person may have under way; the same one is joined, not counted."""
    at_once_per_cluster: int = 5

    @property
    def everybody(self) -> bool:
        """Whether every full member may ask."""
        return not (self.users or self.user_groups)
