"""Small explorers for notebooks: a figure and the controls that redraw it.

Every control is an ipywidget, reached by Tab and moved by the arrow keys. Where no kernel answers,
as in an exported page, the same figure stands there as a drawing.
"""

from marslab.widgets.explorers.bound_pairs import bound_pairs
from marslab.widgets.explorers.clamped_gate import clamped_gate
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.explorers.falling_row import falling_row
from marslab.widgets.explorers.following_memory import following_memory
from marslab.widgets.explorers.idme_rounds import idme_rounds
from marslab.widgets.explorers.neighbours import nearest_texts
from marslab.widgets.explorers.p_curve import p_curve
from marslab.widgets.explorers.rounded_numbers import rounded_numbers
from marslab.widgets.explorers.rounded_weights import rounded_weights
from marslab.widgets.explorers.routed_token import routed_token
from marslab.widgets.explorers.scan_rounds import scan_rounds
from marslab.widgets.explorers.softened_targets import softened_targets
from marslab.widgets.explorers.text_memory import text_memory
from marslab.widgets.explorers.titans_stream import titans_stream
from marslab.widgets.explorers.turned_vector import turned_vector
from marslab.widgets.explorers.turning_thought import turning_thought

__all__ = [
    "Explorer",
    "bound_pairs",
    "clamped_gate",
    "falling_row",
    "following_memory",
    "idme_rounds",
    "nearest_texts",
    "p_curve",
    "rounded_numbers",
    "rounded_weights",
    "routed_token",
    "scan_rounds",
    "softened_targets",
    "text_memory",
    "titans_stream",
    "turned_vector",
    "turning_thought",
]
