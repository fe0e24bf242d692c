"""Kinds of notes: one file each, exporting `NOTE`; the file is named like the kind that the outbox keeps."""
