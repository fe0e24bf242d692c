"""What people see in Slack, drawn: the blocks that a real run sent, as pictures and as heights.

Nothing of the bot rests on it. `make pictures` draws, `make test-face` measures.
"""
