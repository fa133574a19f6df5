"""A model for a small device: how large, how fast, how right, after each way of making it smaller.

Needs the extra `edge`; reading what was measured before needs nothing.
"""

from marslab.lab.edge.plan import EdgePlan
from marslab.lab.edge.table import EdgeRow, EdgeTable, read_table, shipped_table

__all__ = ["EdgePlan", "EdgeRow", "EdgeTable", "read_table", "shipped_table"]
