"""Buttons: one file each, exporting `BUTTON`; the file is named like the action_id."""
