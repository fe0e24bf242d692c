"""One file a scenario: `SCENARIO`, found by folder walk. Only acts of an operator, as data and plain functions."""
