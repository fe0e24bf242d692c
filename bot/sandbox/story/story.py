"""The story that `--play` tells: ana asks, is refused, ben approves, both see how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.slack import Seen, SlackFarEnd, Typist, as_text
from bot.sandbox.slack.roster import CLUSTER_CHANNEL
from bot.sandbox.story import report_reading as reading
from bot.sandbox.story.screen import Screen

DIAGNOSIS_SECONDS = 120.0
REPAIR_SECONDS = 240.0
ANSWER_SECONDS = 20.0
CHANNEL_NAME = "#cluster-prod"
FIXED, ADVISED, UNEXPECTED = 0, 2, 1


class Unexpected(Exception):
    """The story went another way; the text says where, and what was on the screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One play. `asker` types and is refused, `approver` approves."""

    slack: SlackFarEnd
    screen: Screen
    cluster: str
    healthy: bool
    """Nothing is broken in this world."""
    names: tuple[str, ...] = ()
    """What the asker has looked up besides."""
    forward: Callable[[], None] | None = None
    """What people do once the bot has done its part and waits for them; None: nothing is left to them."""
    after_seconds: float = 0.0
    """How long a report may still name the fault after a verified fix; what has queued up under load drains by then."""

    def tell(self) -> int:
        """Play it and return the exit code. Raises `Unexpected`."""
        asker, approver = self.slack.person("ana"), self.slack.person("ben")
        report = self._diagnose(asker)
        if not self._problem_named(report):
            return FIXED
        cards = self._cards(approver, self._thread(asker, report))
        approvable = [card for card in cards if reading.can_be_approved(card)]
        if not approvable:
            return self._advice(report, cards)
        self._refused(asker, approvable[0])
        ended = self._approved(approver, approvable[0])
        self._verified(approver, ended)
        self._after(asker)
        return FIXED

    def _diagnose(self, asker: Typist, *, whole: bool = True) -> Seen:
        command = " ".join((f"/dns-diagnose {self.cluster}", *(f"name={name}" for name in self.names)))
        self.screen.step(f"ana types {command} in {CHANNEL_NAME}")
        seen_before = {message.ts for message in asker.sees()}
        started = time.monotonic()
        acked = asker.types(command)
        self.screen.say(f"Slack was answered after {acked.took_ms} ms.")
        report = self._wait(
            asker, lambda m: m.ts not in seen_before and reading.is_report(m), DIAGNOSIS_SECONDS, "the report"
        )
        self.screen.say(f"The report was there {time.monotonic() - started:.1f} s after she asked.")
        if whole:
            self.screen.shows_message("ana", CHANNEL_NAME, report)
        else:
            self.screen.shows("ana", CHANNEL_NAME, reading.headline(report))
        return report

    def _thread(self, asker: Typist, report: Seen) -> list[Seen]:
        """Show the report's thread, and return it as far as it stands."""
        self._wait(asker, lambda m: reading.is_first_of_thread(m, report), ANSWER_SECONDS, "the report's thread")
        thread = [message for message in asker.sees() if message.thread_ts == report.ts]
        self.screen.shows_message("ana", "the report's thread", thread[0])
        return thread

    def _problem_named(self, report: Seen) -> bool:
        """Tell whether there is a cause to deal with; raise when the report does not fit the world."""
        headline = reading.headline(report)
        if headline.endswith(reading.HEALTHY) and self.healthy:
            self.screen.step("Nothing is broken here, and the report says so")
            return False
        named = reading.names_a_cause(report) or headline.endswith((reading.NOT_FOUND, reading.ABSENT_NAME))
        if not named or self.healthy:
            wanted = "no DNS problem" if self.healthy else "a root cause"
            raise Unexpected(f"The report should name {wanted}; its headline is: {headline}")
        return True

    def _cards(self, approver: Typist, thread: list[Seen]) -> list[Seen]:
        wanted = reading.proposals_announced(thread)

        def there() -> list[Seen]:
            return [message for message in approver.sees() if reading.is_card(message)]

        if not self.slack.wait_until(lambda: len(there()) >= wanted, ANSWER_SECONDS):
            raise Unexpected(f"The report announces {wanted} proposals, {len(there())} were posted.")
        return there()

    def _advice(self, report: Seen, cards: list[Seen]) -> int:
        if not (cards or reading.advises(report)):
            raise Unexpected("The report names a root cause, proposes nothing, and says nothing that people can do.")
        self.screen.step("No fix can be approved here; the report says what people can do")
        for card in cards:
            self.screen.shows_message("ben", CHANNEL_NAME, card)
        return ADVISED

    def _refused(self, asker: Typist, card: Seen) -> None:
        self.screen.step("A fix is proposed in the cluster's channel; ana, who asked, tries to approve it herself")
        self.screen.shows_message("ana", CHANNEL_NAME, card)
        before = {message.ts for message in asker.sees()}
        clicked = asker.clicks(card, "approve")
        self.screen.shows("ana", "a dialog, which she confirms", clicked.dialog)
        refusal = self._wait(
            asker, lambda m: m.ts not in before and bool(m.only_visible_to), ANSWER_SECONDS, "a refusal to ana alone"
        )
        self.screen.shows_message("ana", CHANNEL_NAME, refusal)

    def _approved(self, approver: Typist, card: Seen) -> Seen:
        self.screen.step("ben, a member of @dns-approvers, approves")
        clicked = approver.clicks(card, "approve")
        if not (clicked.acked and clicked.acked.ok):
            raise Unexpected(f"Ben's click was not taken: {clicked.acked}")
        shown: list[str] = []

        def ended(message: Seen) -> bool:
            if message.ts != card.ts:
                return False
            self._show_status(message, shown)
            return bool(reading.outcome(message))

        return self._wait(approver, ended, REPAIR_SECONDS, "the outcome on the card")

    def _show_status(self, card: Seen, shown: list[str]) -> None:
        for line in (reading.standing(card), *reading.steps_taken(card), reading.outcome(card)):
            if line and line not in shown:
                shown.append(line)
                self.screen.say(line)

    def _verified(self, approver: Typist, card: Seen) -> None:
        self.screen.step("The card shows the decision and the outcome")
        self.screen.shows_message("ben", CHANNEL_NAME, card)
        if self.forward is not None and reading.outcome(card).startswith(reading.WAITS):
            self._handed_over(card)
            self.screen.step("The people on premises do what is left to them")
            self.forward()
            return
        if not reading.outcome(card).startswith("Verified"):
            last = approver.sees()[-1]
            raise Unexpected(f"The fix is not verified: {reading.outcome(card)}\nLast message: {as_text(last)}")

    def _handed_over(self, card: Seen) -> None:
        """Show the file that people need for what is left to them; raise where there is none in the card's thread."""

        def files() -> list[bytes]:
            shown = self.slack.messages(CLUSTER_CHANNEL)
            return [file.content or b"" for one in shown if one.thread_ts == card.ts for file in one.files]

        self.screen.step("A file in the card's thread says how")
        if not self.slack.wait_until(lambda: bool(files()), ANSWER_SECONDS):
            raise Unexpected("The plan waits for people, and no file in its card's thread says what they must do.")
        self.screen.say(files()[0].decode())

    def _after(self, asker: Typist) -> None:
        until = time.monotonic() + self.after_seconds
        while True:
            report = self._diagnose(asker, whole=False)
            if not reading.names_a_cause(report) and not reading.headline(report).endswith(reading.NOT_FOUND):
                return
            if time.monotonic() >= until:
                raise Unexpected(f"After the verified fix the report still says: {reading.headline(report)}")

    def _wait(self, person: Typist, wanted: Callable[[Seen], bool], seconds: float, what: str) -> Seen:
        try:
            return person.wait_for(wanted, CLUSTER_CHANNEL, seconds)
        except TimeoutError as error:
            raise Unexpected(f"{what} did not come within {seconds:g} s. {error}") from error
