"""Whether an account is one that counts: of our own team, neither bot, guest, deactivated nor a stranger.

Asked of the directory at the moment it matters; a lookup that fails is a refusal.
"""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.people import Directory, Person, Standing
from bot.errors import DnsBotError, Refused


def check_account(person: Person, directory: Directory, team_id: str, *, to: str) -> None:
    """Return, or raise `Refused` with what is wrong with the account. `to` is what it wants: "ask", "decide"."""
    if not team_id or person.team_id != team_id:
        raise Refused("Your account is not of the workspace that this bot serves.")
    standing = _standing(person, directory)
    faults = (
        (standing.person != person, "it is not the account that was looked up"),
        (standing.is_bot, "it is a bot"),
        (standing.is_guest, "it is a guest"),
        (standing.is_deactivated, "it is deactivated"),
        (standing.is_stranger or standing.home_team_id != team_id, "it belongs to another workspace"),
    )
    why = [text for is_so, text in faults if is_so]
    if why:
        raise Refused(f"Your account may not {to}: {', '.join(why)}.")


def members(groups: Collection[str], directory: Directory) -> frozenset[str]:
    """Return the user ids in any of these groups. Raises `Refused` where that cannot be looked up."""
    try:
        return directory.group_members(groups)
    except Refused:
        raise
    except DnsBotError as error:
        raise Refused(f"The members of {', '.join(groups)} could not be looked up: {error} Try again later.") from error


def _standing(person: Person, directory: Directory) -> Standing:
    try:
        return directory.standing(person)
    except Refused:
        raise
    except DnsBotError as error:
        raise Refused(f"It could not be looked up who {person} is: {error} Try again later.") from error
