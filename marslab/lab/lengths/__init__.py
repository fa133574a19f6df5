"""How MARS and a Transformer of its size grow with the length: time, memory, and time to learn.

`plan` says what is measured, `layers` and `rival` measure it, `measure` puts the table together in
processes of one thread, `table` is what comes out.
"""

from marslab.lab.lengths.plan import LengthsPlan
from marslab.lab.lengths.table import LengthsTable, read_table, shipped_table

__all__ = ["LengthsPlan", "LengthsTable", "read_table", "shipped_table"]
