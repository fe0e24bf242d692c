"""The connection to Slack: its secrets, checked before anything starts, and its clients with their retry rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler, RetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from bot.errors import ConfigurationError

TIMEOUT_SECONDS = 10
"""For one call to Slack. Its answers come in well under a second or not at all."""
PROGRESS_TIMEOUT_SECONDS = 4
LONGEST_RETRY_AFTER_SECONDS = 30
"""A 429 that asks for longer is an error at once: nobody waits minutes for a message."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """Secrets and address of Slack. None is unset; a blank secret is an error, not the same as unset."""

    bot_token: str | None
    """`SLACK_BOT_TOKEN`, needed in both modes."""
    app_token: str | None = None
    """`SLACK_APP_TOKEN`: Socket Mode when set."""
    signing_secret: str | None = None
    """`SLACK_SIGNING_SECRET`: HTTP mode, when there is no app token."""
    api_url: str = "https://slack.com/api/"
    """`SLACK_API_URL`: another Slack, for example the sandbox's."""

    @property
    def socket_mode(self) -> bool:
        """Whether the bot connects to Slack (Socket Mode) and not Slack to the bot (HTTP)."""
        return self.app_token is not None

    def check(self) -> None:
        """Raise `ConfigurationError` when a secret that the mode needs is unset, or any is blank."""
        secrets = {
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_APP_TOKEN": self.app_token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
        }
        for name, value in secrets.items():
            if value is not None and not value.strip():
                raise ConfigurationError(
                    f"{name} is set but blank. Set it to the value of your Slack app, or unset it."
                )
        if self.bot_token is None:
            raise ConfigurationError(
                "SLACK_BOT_TOKEN is not set. It is on the page OAuth & Permissions of your Slack app."
            )
        if self.app_token is None and self.signing_secret is None:
            raise ConfigurationError(
                "Neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP mode) is set. Set one of them."
            )
        if not _is_address(self.api_url):
            raise ConfigurationError(
                f"SLACK_API_URL is {self.api_url!r}; expected an address like https://slack.com/api/"
            )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackConnection:
    """Who we are in Slack, and one client per kind of call."""

    team_id: str
    team_name: str
    bot_user_id: str
    bot_id: str
    scopes: frozenset[str]
    """Granted to the bot token, from the answer's `x-oauth-scopes`; empty when Slack did not say."""
    safe: WebClient
    """For calls that may be repeated (reads, updates): one retry after a lost connection, bounded waits on 429."""
    posts: WebClient
    """For posts: a lost answer is never sent again, since the post may stand; bounded waits on 429."""
    once: WebClient
    """For what is sent again later by somebody who remembers it: no retry of any kind."""
    progress: WebClient
    """For progress: no retry of any kind and a short time-out; the next one says more."""


class BoundedRateLimit(RateLimitErrorRetryHandler):
    """Waits as long as a 429 asks, twice at most and never longer than `LONGEST_RETRY_AFTER_SECONDS`."""

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if not super()._can_retry(state=state, request=request, response=response, error=error):
            return False
        return response is not None and retry_after_seconds(response) <= LONGEST_RETRY_AFTER_SECONDS


def retry_after_seconds(response: HttpResponse) -> int:
    """Return what `Retry-After` asks for, in seconds; a minute when it cannot be read."""
    return seconds_asked(next((value for name, value in response.headers.items() if name.lower() == "retry-after"), []))


def seconds_asked(values: str | Sequence[str]) -> int:
    """Return the seconds that a `Retry-After` header says; a minute when it cannot be read."""
    text = values if isinstance(values, str) else next(iter(values), "")
    return int(text) if text.isascii() and text.isdigit() else 60


def make_client(
    settings: SlackSettings, *retry_handlers: RetryHandler, timeout_seconds: int = TIMEOUT_SECONDS
) -> WebClient:
    """Return a client with exactly these retry handlers (the library's default re-sends lost posts)."""
    base_url = settings.api_url if settings.api_url.endswith("/") else settings.api_url + "/"
    client = WebClient(
        token=(settings.bot_token or "").strip(),
        base_url=base_url,
        timeout=timeout_seconds,
        retry_handlers=list(retry_handlers),
        user_agent_prefix="eks-dns-bot",
    )
    if urlsplit(base_url).hostname in LOOPBACK:
        client.proxy = None
    return client


def connect(settings: SlackSettings) -> SlackConnection:
    """Check the secrets, ask Slack who we are, and return the clients.

    Raises `ConfigurationError` when a secret is missing or blank, when Slack refuses the token, or when
    Slack cannot be reached.
    """
    settings.check()
    safe = make_client(settings, BoundedRateLimit(max_retry_count=2), ConnectionErrorRetryHandler(max_retry_count=1))
    try:
        answer = safe.auth_test()
    except SlackApiError as error:
        code = error.response.get("error", "no error code")
        raise ConfigurationError(
            f"Slack refused SLACK_BOT_TOKEN at {settings.api_url}: auth.test answered {code}. "
            "Take the bot token from the page OAuth & Permissions of your Slack app."
        ) from error
    except (SlackClientError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"Cannot reach Slack at {settings.api_url}: auth.test gave {type(error).__name__}. "
            "Check SLACK_API_URL, the proxy and the name resolution of this machine."
        ) from error
    granted = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
    return SlackConnection(
        team_id=str(answer.get("team_id") or ""),
        team_name=str(answer.get("team") or ""),
        bot_user_id=str(answer.get("user_id") or ""),
        bot_id=str(answer.get("bot_id") or ""),
        scopes=frozenset(scope.strip() for scope in str(granted).split(",") if scope.strip()),
        safe=safe,
        posts=make_client(settings, BoundedRateLimit(max_retry_count=2)),
        once=make_client(settings),
        progress=make_client(settings, timeout_seconds=PROGRESS_TIMEOUT_SECONDS),
    )
