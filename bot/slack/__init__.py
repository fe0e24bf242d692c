"""How people reach the bot through Slack: listeners, views, and where messages go.

Listeners hand over to jobs and acknowledge; jobs call the parts of
`bot.workflow.use_cases.UseCases` and nothing below them. What is shown stands in `templates/`.
A command, button or modal is one file in `commands/`, `buttons/` or `views/`. slack_* is imported in
this package and in the sandbox, and nowhere else.
"""
