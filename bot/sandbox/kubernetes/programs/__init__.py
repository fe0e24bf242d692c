"""What images hold: one file an image, which exports `PROGRAM` (see `program.py`). A new one is a new file.

The program that the image starts is simulated here: what it logs, when it is ready, what it answers.
"""
