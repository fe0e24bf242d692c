"""Kinds of durable jobs: one file each, exporting `JOB`; the file is named like the kind that `History.due` gives."""
