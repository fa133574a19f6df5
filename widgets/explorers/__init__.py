"""Small explorers for notebooks: a figure and the controls that redraw it.

Every control is an ipywidget, reached by Tab and moved by the arrow keys. Where no kernel answers,
as in an exported page, the same figure stands there as a drawing.
"""

from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.explorers.scan_rounds import scan_rounds
from marslab.widgets.explorers.text_memory import text_memory

__all__ = ["Explorer", "scan_rounds", "text_memory"]
