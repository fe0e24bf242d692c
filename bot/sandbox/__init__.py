"""A world to try the bot in: simulated AWS, simulated Kubernetes, local Slack, scenarios.

Runs the bot as a child process and imports nothing of `bot` but `domain` and `errors`.
"""
