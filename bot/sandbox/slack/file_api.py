"""Files of the local Slack: asked for, sent to an address of their own, then shared (files upload v2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.sandbox.slack.roster import BOT_USER
from bot.sandbox.slack.web_api import Answer, ApiRefused, Arguments, Method, channel_of, need, thread_of
from bot.sandbox.slack.workspace import File, Message, Workspace


def _get_upload_url(workspace: Workspace, arguments: Arguments) -> Answer:
    name, length = need(arguments, "filename"), int(arguments.get("length") or 0)
    if length <= 0:
        raise ApiRefused("invalid_arguments")
    file = File(id=workspace.new_id("F"), name=name, length=length)
    workspace.files[file.id] = file
    return {"file_id": file.id, "upload": file.id}


def receive(workspace: Workspace, file_id: str, content: bytes) -> int:
    """Take what was sent to a file's address; return the HTTP status."""
    file = workspace.files.get(file_id)
    if file is None or file.content is not None:
        return 404
    if len(content) != file.length:
        return 400
    file.content = content
    return 200


def _complete_upload(workspace: Workspace, arguments: Arguments) -> Answer:
    channel = channel_of(workspace, {"channel": arguments.get("channel_id")}, to_write=True)
    shared = [workspace.files.get(one["id"]) for one in arguments["files"]]
    files = [one for one in shared if one is not None and one.content is not None and not one.shared]
    if not files or len(files) != len(shared):
        raise ApiRefused("file_not_found")
    for file, told in zip(files, arguments["files"], strict=True):
        file.title, file.shared = str(told.get("title") or file.name), True
    workspace.add_message(
        Message(
            channel=channel.id,
            ts=workspace.next_ts(),
            user=BOT_USER,
            text=str(arguments.get("initial_comment") or ""),
            blocks=[],
            attachments=[],
            thread_ts=thread_of(workspace, channel, arguments),
            files=files,
        )
    )
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


FILE_METHODS: Final[Mapping[str, Method]] = {
    "files.completeUploadExternal": _complete_upload,
    "files.getUploadURLExternal": _get_upload_url,
}
"""Methods by name."""
