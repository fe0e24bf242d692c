"""Commands: one file each, exporting `COMMAND`. Each is `/dns-NAME`, and `NAME` by mention."""
