"""MARS and a Transformer of its size, as printed: speed, memory, learning, and energy here."""

from collections.abc import Mapping
from statistics import median

import torch

from marslab.lab.bench.energy import Joules, packages
from marslab.lab.claims.outcome import CannotTest, Outcome
from marslab.lab.claims.runs.mars_lengths import from_table, measured_table
from marslab.lab.lengths.findings import (
    learned,
    times_faster_reading,
    times_faster_stepping,
    times_smaller,
)
from marslab.lab.lengths.plan import MARS, RIVAL, LengthsPlan, Stack
from marslab.lab.lengths.rival import SPARE, after
from marslab.lab.lengths.table import MODEL

CONTEXT, STEPS, TURNS = 8192, SPARE - 1, 10  # read before; then taken in each turn; turns


def faster() -> Outcome:
    """Times of the Transformer over those of MARS: reading at once, and one more step."""
    table = measured_table()
    reading = times_faster_reading(table)
    steps = {rows: times_faster_stepping(table, rows) for rows in table.conditions["plan"]["rows"]}
    every = [*reading.values(), *(x for each in steps.values() for x in each.values())]
    size = table.conditions["parameters"]
    figures = {
        "least_times_faster": min(every),
        "most_times_faster": max(every),
        **{f"reading_{length:g}": times for length, times in reading.items()},
        **{f"step_{rows}_row_{n:g}": x for rows, each in steps.items() for n, x in each.items()},
        "size_of_the_rival": size[RIVAL] / size[MARS],
    }
    alone, longest = steps[min(steps)], max(reading)
    says = (
        f"MARS is {min(every):.2f} to {max(every):.1f} times as fast as a Transformer of "
        f"{figures['size_of_the_rival']:.0%} of its parameters. For one more step after "
        f"{min(alone):,} steps it is {alone[min(alone)]:.2f} times, after {max(alone):,} "
        f"{alone[max(alone)]:.1f} times; for {longest:,} read at once {reading[longest]:.1f} times."
    )
    return from_table(table, figures, says)


def smaller() -> Outcome:
    """Weights and cache of the Transformer over weights and state of MARS, by context."""
    table = measured_table()
    times = times_smaller(table)
    state, cache = table.state(MARS), table.state(RIVAL)
    peaks = [table.curve(kind, "peak_bytes", MODEL) for kind in (RIVAL, MARS)]
    longest = max(times)
    figures = {
        "least_times_smaller": min(times.values()),
        "most_times_smaller": max(times.values()),
        **{f"after_{context:g}": ratio for context, ratio in times.items()},
        "state_mb": state[longest] / 1e6,
        "state_growth": state[longest] / state[min(times)],
        "cache_kb_a_step": cache[longest] / longest / 1e3,
        "peak_reading_at_once": peaks[0][max(peaks[0])] / peaks[1][max(peaks[1])],
    }
    says = (
        f"With weights, MARS takes {figures['least_times_smaller']:.2f} to "
        f"{figures['most_times_smaller']:.1f} times less than the Transformer, from {min(times):,} "
        f"to {longest:,} steps of context: its state has {figures['state_mb']:.2f} MB at any "
        f"length, the cache {figures['cache_kb_a_step']:.1f} kB more at each step."
    )
    return from_table(table, figures, says)


def trained() -> Outcome:
    """Seconds until the held-out loss is one that every run reaches, by model."""
    table = measured_table()
    loss, seconds, epochs = learned(table)
    ratios = sorted(r / m for r, m in zip(seconds[RIVAL], seconds[MARS], strict=True))
    size = table.conditions["parameters_learning"]
    figures = {
        "times_faster": median(seconds[RIVAL]) / median(seconds[MARS]),
        "times_faster_lowest_seed": ratios[0],
        "times_faster_highest_seed": ratios[-1],
        "seconds_mars": median(seconds[MARS]),
        "seconds_transformer": median(seconds[RIVAL]),
        "epochs_mars": median(epochs[MARS]),
        "epochs_transformer": median(epochs[RIVAL]),
        "equal_loss": loss,
        "seeds": len(ratios),
        "size_of_the_rival": size[RIVAL] / size[MARS],
    }
    says = (
        f"To a held-out loss of {loss:.2f} on digits read pixel by pixel MARS takes "
        f"{figures['seconds_mars']:.0f} s ({figures['epochs_mars']:g} epochs) and the Transformer "
        f"{figures['seconds_transformer']:.0f} s ({figures['epochs_transformer']:g}), the medians "
        f"of {len(ratios)} seeds: MARS is {figures['times_faster']:.2f} times as fast "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})."
    )
    return from_table(table, figures, says)


def power() -> Outcome:
    """Joules of the processor for one more step, the two models by turns, idling included."""
    if not packages():
        raise CannotTest(
            "No energy counter (RAPL, /sys/class/powercap) can be read on this machine; on one "
            "where it can, this measures joules a step of both models."
        )
    spent = joules_a_step(LengthsPlan().models, CONTEXT, STEPS, TURNS)
    figures = {
        "times_less_energy": spent[RIVAL] / spent[MARS],
        "joules_mars": spent[MARS],
        "joules_transformer": spent[RIVAL],
        "context": CONTEXT,
    }
    says = (
        f"One more step after {CONTEXT:,} takes MARS {spent[MARS]:.3f} J and a Transformer of its "
        f"size {spent[RIVAL]:.3f} J of the whole processor, idling included: "
        f"{figures['times_less_energy']:.2f} times less."
    )
    return Outcome(figures, says)


def joules_a_step(
    models: Mapping[str, Stack], context: int, steps: int, turns: int
) -> dict[str, float]:
    """Mean joules of one step of each model, so many steps a turn from the same context."""
    joules = dict.fromkeys(models, 0.0)
    for _ in range(turns):
        for kind, stack in models.items():
            body, x = after(stack, 1, context), torch.randn(1, 1, stack.d_model)
            body.step(x)
            with Joules() as energy:
                for _ in range(steps):
                    body.step(x)
            joules[kind] += energy.joules or 0.0
    return {kind: spent / (steps * turns) for kind, spent in joules.items()}
