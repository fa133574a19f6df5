"""A metric: its name, its unit, and which way is better."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One figure of a run.

    Units:
        unit: "share" for what lies in 0..1 and is told in points of a hundred, else the unit's
            name, "" for a bare number
    """

    name: str
    title: str
    more_is_better: bool
    unit: str = ""

    def told(self, value: float) -> str:
        """Write a figure with its unit.

        >>> Metric("held_out", "held-out accuracy", True, "share").told(0.9512)
        '95.1 %'
        >>> Metric("ms", "time", False, "ms").told(12.3456)
        '12.35 ms'
        """
        if self.unit == "share":
            return f"{100 * value:.1f} %"
        return f"{value:.4g} {self.unit}".rstrip()

    def apart(self, difference: float) -> str:
        """Write how far two figures are apart, without a sign.

        >>> Metric("held_out", "held-out accuracy", True, "share").apart(-0.041)
        '4.1 points'
        """
        if self.unit == "share":
            return f"{abs(100 * difference):.1f} points"
        return f"{abs(difference):.3g} {self.unit}".rstrip()
