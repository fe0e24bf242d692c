"""Doctor: looks at what the bot needs before somebody needs the bot, and says what each gap disables."""
