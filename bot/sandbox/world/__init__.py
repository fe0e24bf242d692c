"""What a world is and how it comes to be: its plan and ids, how it is seeded, and what may happen to it.

Here belongs what holds for a world on any substrate, simulated or real: nothing here starts a process.
"""
