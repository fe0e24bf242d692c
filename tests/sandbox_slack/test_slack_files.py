"""Files upload v2 against the local Slack, by the official client and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.sandbox.slack import SlackFarEnd

CHANNEL = "C0123456789"


@pytest.fixture
def slack() -> Iterator[SlackFarEnd]:
    """A local Slack."""
    with SlackFarEnd() as far_end:
        yield far_end


@pytest.fixture
def client(slack: SlackFarEnd) -> WebClient:
    """The official client, as the bot."""
    made = WebClient(token=slack.bot_token, base_url=slack.url)
    made.proxy = None
    return made


def send(url: str, content: bytes) -> int:
    """Send a file to its address; return the HTTP status."""
    try:
        with urlopen(Request(url, data=content, method="POST"), timeout=5) as answer:  # noqa: S310  # our own far end
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_the_official_client_shares_a_file_in_a_thread(slack: SlackFarEnd, client: WebClient) -> None:
    """Its own way through the three steps."""
    top = client.chat_postMessage(channel=CHANNEL, text="report")

    client.files_upload_v2(channel=CHANNEL, thread_ts=str(top["ts"]), filename="a.zip", title="A", content="bytes")

    message = next(one for one in slack.messages(CHANNEL) if one.files)
    assert (message.thread_ts, message.files[0].content, message.files[0].title) == (top["ts"], b"bytes", "A")
    assert message.as_json()["files"][0]["name"] == "a.zip"


def test_only_what_was_announced_and_sent_is_shared_and_once(client: WebClient) -> None:
    """Another length, a second time, or not at all: refused as Slack refuses it."""
    place = client.files_getUploadURLExternal(filename="a.zip", length=3)
    files: list[dict[str, str | None]] = [{"id": str(place["file_id"]), "title": "A"}]

    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_completeUploadExternal(files=files, channel_id=CHANNEL)
    assert send(str(place["upload_url"]), b"four") == HTTPStatus.BAD_REQUEST
    assert send(str(place["upload_url"]), b"abc") == HTTPStatus.OK
    assert send(str(place["upload_url"]), b"abc") == HTTPStatus.NOT_FOUND
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.files_completeUploadExternal(files=files, channel_id="C0NONE")
    client.files_completeUploadExternal(files=files, channel_id=CHANNEL)
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_completeUploadExternal(files=files, channel_id=CHANNEL)
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        client.files_getUploadURLExternal(filename="a.zip", length=0)
