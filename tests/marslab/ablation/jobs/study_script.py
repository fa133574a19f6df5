"""Run 24 short runs: `study_script.py HOME`; says how many of them it did itself."""

import sys

import tiny_tasks

from marslab.lab import ablate
from marslab.lab.ablation import Study

STUDY = Study(
    "short-runs",
    task=tiny_tasks.TASK.name,
    seeds=tuple(range(6)),
    mode="product",
    budget={"wait": 0.05},
    grid={"task.width": [1, 2], "task.folder": ["a", "b"]},
)


def main() -> None:
    done = []
    results = ablate(STUDY, workers=2, home=sys.argv[1], on_result=done.append)
    print(len(done), results.complete, flush=True)


if __name__ == "__main__":
    main()
