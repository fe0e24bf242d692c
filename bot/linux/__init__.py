"""Pure: what Linux programs print about a node's network, as values. Text in, values out.

Each parser reads what several versions of its program print, and raises `SourceGarbled` for a text that is cut or that
it cannot read whole: what is not there may stand in the rest. Lines of a kind that it does not know are counted.
"""
