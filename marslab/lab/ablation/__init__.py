"""Switch parts of a model off or over, train each variant with several seeds, compare.

`study` is what an author writes, `plan` what it means; `execute` starts the runs that are missing,
`run` is one of them, `store` keeps each; `results` and `statistics` say what was found.
"""

from marslab.lab.ablation.results import Results
from marslab.lab.ablation.store import RunRecord
from marslab.lab.ablation.study import Study, read_study

__all__ = ["Results", "RunRecord", "Study", "read_study"]
