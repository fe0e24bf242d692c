"""What goes wrong with the lab itself."""


class LabError(Exception):
    """The lab could not do something: what was tried, on what, what came back, what to do."""
