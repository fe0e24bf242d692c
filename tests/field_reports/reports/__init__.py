"""One file a report: `REPORT`, named for its file, found by folder walk."""
