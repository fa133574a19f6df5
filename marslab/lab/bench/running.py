"""A run: rows measured one after the other, the file written anew after each."""

from pathlib import Path

import torch
from rich.console import Console

from marslab.kernels.roofline import matmul_rate
from marslab.lab.bench import conditions, measure, ops, report, timing
from marslab.lab.bench.cases import Case
from marslab.lab.bench.report import Report


class Run:
    """One run of the benchmark, and its file, which is there from the start.

    A kill loses one row; Ctrl-C or a device that breaks down ends the run with the rows that are
    done.
    """

    def __init__(
        self,
        names: list[str],
        device: str,
        repeats: int,
        seconds: float,
        folder: Path,
        progress: Console,
        *,
        peers: bool = True,
    ) -> None:
        self.peers = peers
        self.names, self.device, self.repeats, self.seconds = names, device, repeats, seconds
        self.folder, self.progress = folder, progress
        progress.print(f"measuring the memory of this {device} ...")
        self.conditions = conditions.conditions(names, device, repeats)
        self.rows: list[report.Row] = []
        self.path = self._write()

    def all(self, todo: list[Case]) -> Report:
        """Measure all rows, then what is risky of them; return what was found."""
        try:
            bed = timing.bed(self.device)
            for number, case in enumerate(todo, start=1):
                self.progress.print(f"{number}/{len(todo)} {case.title} ...", soft_wrap=True)
                self.rows.append(self._measured(case, bed))
                self._write()
            if self.peers:
                self._risky(bed)
            self._write(complete=True)
            return self._report(complete=True)
        except KeyboardInterrupt:
            self.progress.print("stopped; what is measured is kept")
        except torch.AcceleratorError as problem:
            who = [f"after {note}" for note in getattr(problem, "__notes__", ())]
            told = ", ".join([str(problem).splitlines()[0], *who])
            self.conditions["broke"] = told
            self._write()
            self.progress.print(f"the device broke down ({told}); what is measured is kept")
        return self._report()

    def _risky(self, bed: timing.Bed) -> None:
        for number, row in enumerate(self.rows):
            variants = ops.find(row.case.op).variants
            if any(v.risky and self.device in v.devices for v in variants):
                self.progress.print(f"risky peers of {row.case.title} ...", soft_wrap=True)
                self.rows[number] = row.joined(self._measured(row.case, bed, risky=True))
                self._write()

    def _measured(self, case: Case, bed: timing.Bed, risky: bool = False) -> report.Row:
        who = measure.Who(risky, self._wrong(case.op), self.peers)
        machine = str(self.conditions["machine"])
        row = measure.measure(case, bed, self.repeats, machine, self.seconds, who)
        if getattr(torch, case.dtype).is_floating_point:  # its floor knows that rate
            dtype = measure.worker(self.device, getattr(torch, case.dtype))
            name = str(dtype).removeprefix("torch.")
            self.conditions[f"matmul_{name}_gflop_s"] = matmul_rate(self.device, dtype) / 1e9
        return row

    def _wrong(self, op: str) -> set[str]:
        """Peers that were wrong or broke on this op; they stay out.

        One that writes where it should not takes the whole device down.
        """
        return {
            gone.name
            for row in self.rows
            for gone in row.absent
            if row.case.op == op and gone.failed and gone.kind == report.PEER
        }

    def _report(self, complete: bool = False) -> Report:
        return Report(self.names, self.device, self.conditions, self.rows, complete)

    def _write(self, complete: bool = False) -> Path:
        return report.write(self._report(complete), self.folder)
