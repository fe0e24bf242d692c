"""What each command does and prints, a module for commands that belong together. What they need `bot.app` builds."""
