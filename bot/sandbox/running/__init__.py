"""A world that runs: far ends as child processes, and the files by which the bot finds them."""
