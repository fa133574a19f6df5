"""Joules of the processor, from the counters that Linux shows where they may be read."""

from pathlib import Path

ROOT = Path("/sys/class/powercap")


class Joules:
    """What the processor's packages take from the start of the block to its end.

    All of the machine is in it, its other work and its idling too: let two rivals take turns, with
    nothing beside them. `joules` is None where there is no counter, or none that may be read.

    Source:
        Intel's running average power limit (RAPL), as the Linux power capping framework shows it.

    >>> with Joules(Path("/nowhere")) as energy:
    ...     pass
    >>> energy.joules is None
    True
    """

    joules: float | None = None

    def __init__(self, root: Path = ROOT) -> None:
        self.zones = packages(root)

    def __enter__(self) -> "Joules":
        self._before = [_microjoules(zone) for zone in self.zones]
        return self

    def __exit__(self, *error: object) -> None:
        if not self.zones:
            return
        spent = 0
        for zone, before in zip(self.zones, self._before, strict=True):
            # A counter that ran over starts again at 0.
            spent += (_microjoules(zone) - before) % (_number(zone / "max_energy_range_uj") + 1)
        self.joules = spent / 1e6


def packages(root: Path = ROOT) -> list[Path]:
    """The counters of whole processors that may be read; cores and memory are parts of them."""
    found = []
    for zone in sorted(root.glob("*:*")):
        try:
            if (zone / "name").read_text().startswith("package"):
                _microjoules(zone)
                found.append(zone)
        except (OSError, ValueError):
            continue
    return found


def _microjoules(zone: Path) -> int:
    return _number(zone / "energy_uj")


def _number(path: Path) -> int:
    return int(path.read_text())
