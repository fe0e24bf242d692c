"""The bolt app: commands, buttons, views. The only package that imports slack_* (beside `sandbox`)."""
