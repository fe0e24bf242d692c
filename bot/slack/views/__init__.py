"""Modals: one file each, exporting `VIEW`; the file is named like the callback_id."""
