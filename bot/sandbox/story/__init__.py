"""What people see of the bot in a world: `--play` and `--serve`, the stage that both need, the bot as a child."""
