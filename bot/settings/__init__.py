"""Settings: the only reader of the environment and of dnsbot.yaml (docs/configuration.md).

One module for each noun of the file, and `load` for the whole. Unknown keys are errors that name the key, the file
and the line. Secrets come from the environment alone; one that is set but blank stops the start.
"""
