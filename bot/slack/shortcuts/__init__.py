"""Shortcuts of messages: one file each, exporting `SHORTCUT`; the file is named like the callback_id."""
