# %% [markdown]
# # Nonlinear recurrences: when no scan will do
#
# A scan is fast because two steps in a row are again a step. One of the five designs of this
# course, MM-Rec, has a core where that is not so: its gate looks at the state. The design says
# "computed in parallel via associative scan". This notebook shows why it cannot be, what two
# shortcuts really compute, and how the exact states can be had for all steps at once after all:
# by guessing, and repairing the guess.
#
# **You will learn**
# - how to see that a recurrence is no scan, in two lines of algebra and one number;
# - what changes when the gate looks at the input instead, so that it *is* a scan;
# - the iterated solve: a product with a matrix and a scan, again and again, until nothing moves;
# - how many sweeps that takes, when it takes too many, and how the library says so;
# - why the gradient needs no memory for the sweeps.
#
# **Time** about forty minutes to read and play. The cells need less than half a minute.
# Nothing is downloaded. It helps to know [01_from_loop_to_scan](01_from_loop_to_scan.ipynb).

# %% tags=["parameters"]
fast = True  # False: larger sizes in the timings, more seeds in the tables
seed = 0
device = "cpu"  # "cuda" solves on your GPU
dark = False  # True: figures for a dark JupyterLab
length, width = 1024, 32  # L and D of the tables

# %%
import inspect
import math
import warnings
from functools import partial
from statistics import median
from textwrap import dedent

import ipywidgets
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import torch
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels import ConvergenceWarning, gated_recurrence, linear_scan
from marslab.kernels.gated_recurrence import newton, torch_ops
from marslab.kernels.gated_recurrence.work import draw
from marslab.kernels.roofline import watch
from marslab.kernels.testing import LIMIT, PLAIN, assert_close, error
from marslab.lab.claims import claim
from marslab.lab.course import exercise, todo
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, scan_lines, sweep_errors, theme, timing_bars

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
seeds = range(seed, seed + (1 if fast else 3))
draw = partial(draw, device=device)
_ = marslab.seed_everything(seed)


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## The idea, in words and a picture
#
# The bucket of the first notebook had a hole, and a cup was poured in at every step. Now there is
# a tap. How far it is open is decided by what is in the buckets at that moment.
#
# Two buckets below get the same supply, 1 at every step, and keep 95 % of what they hold. The tap
# of the first one closes as the bucket fills. The tap of the second one closes as the *first* one
# fills, and further. Nobody set a level. They find one, and the second overshoots on its way.

# %%
steps = 200
supply = torch.ones(1, steps, 2, dtype=torch.float64)
keep = torch.full_like(supply, 0.95)
taps = torch.tensor([[-0.5, 0.0], [-1.0, 0.0]], dtype=torch.float64)
held = gated_recurrence(supply, taps, keep)
assert (held[0, -1] - held[0, -2]).abs().max() < 1e-2 and held[0, :, 1].argmax() < 20
options = {"channels": (0, 1), "labels": ["closes its own tap", "looks at the first"]}
scan_lines(held, **options, title="Two buckets that mind their taps", dark=dark)

# %% [markdown]
# In symbols, with $\sigma$ the sigmoid, a number between 0 (closed) and 1 (open):
#
# $$h_t = z_t\,\sigma(W h_{t-1}) + \gamma_t\,h_{t-1}$$
#
# $z_t$ is the supply, $\gamma_t$ the share that is kept, and $W$, a `[D, D]` matrix, says which
# bucket looks at which. `z` and `gamma` have shape `[B, L, D]`.
#
# ## The smallest loop that is right


# %%
def loop(z, w, gamma):
    """One sequence, one bucket, plain numbers."""
    h, states = 0.0, []
    for z_t, gamma_t in zip(z, gamma, strict=True):
        tap = 1 / (1 + math.exp(-w * h))
        h = z_t * tap + gamma_t * h
        states.append(h)
    return states


ours = torch.tensor(loop([1.0] * steps, -0.5, [0.95] * steps), dtype=torch.float64)
assert_close(ours, held[0, :, 0], "the loop")
print([round(h, 3) for h in ours[:4].tolist()], "... settles at", round(ours[-1].item(), 3))

# %% [markdown]
# The library keeps the same loop over whole `[B, D]` slices as the definition. Here is its
# source, read from the installed file.

# %%
from marslab.kernels.gated_recurrence import naive

source(naive.gated_recurrence)

# %% [markdown]
# ## Why no scan computes this
#
# A scan joins neighbouring steps before it knows the state. For $h \mapsto a h + b$ that works:
# two of them give $(a_2 a_1) h + (a_2 b_1 + b_2)$, again a number times $h$ plus a number.
#
# Join two of ours. With one bucket and $g$ for $\gamma$:
#
# $$h_2 = z_2\,\sigma\big(w\,z_1\,\sigma(w h) + w\,g_1 h\big) + g_2 z_1\,\sigma(w h) + g_2 g_1 h$$
#
# A sigmoid inside a sigmoid. For this to be a step of the same kind there would have to be
# numbers $z', w', g'$ with $h_2 = z'\,\sigma(w' h) + g' h$ for every $h$. Let us look for them.
# A step of that kind has a telling symmetry: since $\sigma(x) + \sigma(-x) = 1$, the sum of what
# it makes of $h$ and of $-h$ is $z'$, **whatever $h$ is**.


# %%
def symmetric_sum(count):
    """h and -h put through `count` steps; the sum of what comes out, for several h."""
    h0 = torch.tensor([[0.0], [0.5], [1.0], [2.0], [5.0]], dtype=torch.float64)
    z = torch.tensor([3.0, -2.0], dtype=torch.float64).view(1, 2, 1).expand(5, 2, 1)[:, :count]
    w = torch.tensor([[2.0]], dtype=torch.float64)
    keep = torch.full_like(z, 0.5)
    return sum(gated_recurrence(z, w, keep, h)[:, -1, 0] for h in (h0, -h0))


one, two = symmetric_sum(1), symmetric_sum(2)
assert (one - 3.0).abs().max() < 1e-12  # one step: the sum is z, for every h
assert two.max() - two.min() > 1.0  # two steps: it is not one number, so they are no step
pd.DataFrame({"h": [0.0, 0.5, 1.0, 2.0, 5.0], "one step": one, "two steps": two}).round(3)

# %% [markdown]
# One step gives 3 in every row. Two steps give another number in each. So two steps are no step,
# and there is nothing that a scan could join. It is not a matter of clever code.
#
# **What the shortcuts compute.** Two have been proposed for this core. One takes every gate as
# it is before the first step and scans. The other writes $z_t g + \gamma_1 \cdots \gamma_t h_0$,
# with $g$ that same gate: no sum over past inputs at all. Here is how far each is from the
# loop, as a relative error over 64 steps.

# %%
rows = []
for norm in (0.5, 1.0, 1.5, 3.0):
    marslab.seed_everything(seed)
    z, W, gamma, h0 = draw((4, 64, width), norm=norm, decay=(0.9, 0.99))
    exact = gated_recurrence(z, W, gamma, h0)
    gate = torch.sigmoid(h0 @ W.T)[:, None]
    frozen = error(linear_scan(gamma, z * gate, h0), exact).l2
    product = error(z * gate + gamma.cumprod(1) * h0[:, None], exact).l2
    rows.append({"norm of W": norm, "gates frozen": frozen, "z g + product": product})
shortcuts = pd.DataFrame(rows).set_index("norm of W")
assert (shortcuts["gates frozen"] > 0.1).all() and (shortcuts["z g + product"] > 0.8).all()
assert shortcuts["gates frozen"].is_monotonic_increasing
claim("mmrec-core-scan", shortcuts.loc[1.0, "gates frozen"])
shortcuts.round(2)

# %% [markdown]
# The first one is as wrong as the gates are lively: a small $W$ hardly moves them. The second is
# wrong throughout, since it forgets every input but the last. (The errata of this course quote
# 0.68 and 0.88, each for one $W$ alone.)
#
# ## The variant that is a scan
#
# If the gate looks at the *input* $x_t$ and not at the state, all gates are known before the
# first step. Then the recurrence is linear in $h$, and one scan has it:
#
# $$h_t = \gamma_t\,h_{t-1} + z_t\,\sigma(W x_t)$$
#
# That is a fine layer, and close to MinGRU. But it is another model. The next cell shows what it
# gives up: put a little more into the buckets before the start, and see whether the later gates
# take note.

# %%
z, W, gamma, h0 = draw((1, 60, width), norm=3.0, decay=(0.9, 0.99))
x = torch.randn_like(z)
linear = partial(linear_scan, gamma, z * torch.sigmoid(x @ W.T))
kick = 0.1 * torch.randn_like(h0)


def effect(run, size):
    """What a kick of the initial state does later, for each unit of its size."""
    return (run(h0 + size * kick) - run(h0)) / size


state_gated = partial(gated_recurrence, z, W, gamma)
small, large = (effect(linear, size) for size in (1.0, 40.0))
assert_close(large, small, "the linear variant")
assert_close(small, gamma.cumprod(1) * kick[:, None], "what is left of the kick")
ratio = error(effect(state_gated, 40.0), effect(state_gated, 1.0)).l2
assert ratio > 0.1
print(f"gate on x: forty times the kick, forty times the effect. Gate on h: {ratio:.0%} off that")

# %% [markdown]
# With the gate on $x$ a kick decays by $\gamma$ and changes nothing else. With the gate on $h$ the
# past decides what comes in next. If that is wanted, the loop is the definition, and
# the question is whether a loop is the only way to compute it.
#
# ## Guess, then repair
#
# Suppose somebody handed us all the states. Then all gates would follow from one matrix product,
# and with the gates given the recurrence is linear: one scan gives the states back. If the states
# were right, we get the same ones. If they were a guess, we get a better guess: the first state
# is right for sure, because its gate saw `h0`, which is known. Then do it again.
#
# **Exercise newton.1.** Write one such round for a single bucket, with numbers `w` and `h0`. It is
# the whole trick, and the cell after it counts how many states each round makes right.


# %% tags=["exercise"]
def one_sweep(guess, z, w, gamma, h0):
    """All h[t] = z[t] sigmoid(w h[t-1]) + gamma[t] h[t-1], the gates from a guess of the states.

    guess, z, gamma: [L]; w, and h0 before the first step: numbers. Returns [L].
    """
    todo()


one_sweep = exercise("newton.1").check(one_sweep)

# %%
lone = (torch.arange(100.0).double().cos(), -4.0, torch.full((100,), 0.9).double(), 0.0)
truth = torch.tensor(loop(lone[0].tolist(), -4.0, lone[2].tolist()), dtype=torch.float64)
guess, exact_for = torch.zeros_like(truth), []
for _ in range(12):
    guess = one_sweep(guess, *lone)
    off = ((guess - truth).abs() > 1e-12).nonzero()
    exact_for.append(int(off[0]) if len(off) else len(truth))
assert all(count >= swept for swept, count in enumerate(exact_for, 1))
print("states that are right after 1, 2, 3 ... sweeps:", exact_for)

# %% [markdown]
# One more each time is sure. The hope is that all the others come close long before it is their
# turn. Here are all buckets of the cells above, with the library's scan:


# %%
def repaired(guess):
    """All gates from the guess, then one scan."""
    before = torch.cat([h0[:, None], guess[:, :-1]], 1)
    return linear_scan(gamma, z * torch.sigmoid(before @ W.T), h0)


guess, exact = torch.zeros_like(z), gated_recurrence(z, W, gamma, h0, backend="naive")
gaps = []
for _ in range(30):
    gaps.append(error(guess, exact).worst)
    guess = repaired(guess)
assert gaps[25] < 1e-4 < gaps[1]
print("error after sweep 0, 5, 10, ...:", [f"{gap:.0e}" for gap in gaps[::5]])

# %% [markdown]
# Each round is called a **sweep**. It is Newton's method for the whole sequence at once, with one
# thing left out. Newton would also ask how each gate changes with the state, a `[D, D]` matrix at
# every step. We keep the part of the Jacobian that is a diagonal and known, $\gamma$, and drop the
# rest. (Lim et al. call the full version DEER; this is a quasi-Newton, or Picard, iteration.)
#
# With a single bucket that matrix is one number, so let us put it back and see what it buys. Each
# step, $h \mapsto z\,\sigma(w h) + \gamma h$, becomes the straight line that touches it at the
# guess, and lines can be scanned.
#
# **Exercise newton.2.** Write the slope $a$ and the rest $b$ of that line, for every step.


# %% tags=["exercise"]
def tangents(before, z, w, gamma):
    """The lines a h + b that touch each step h -> z sigmoid(w h) + gamma h at h = before.

    before, z, gamma: [L]; w: a number. Returns a and b, [L] each.
    """
    todo()


tangents = exercise("newton.2").check(tangents)


# %%
def needed(sweep):
    """How many sweeps from zeros until no state of the lone bucket is off by more than 1e-10."""
    guess, count = torch.zeros_like(truth), 0
    while (guess - truth).abs().max() > 1e-10 and count < len(truth):
        guess, count = sweep(guess), count + 1
    return count


def newtons(guess):
    """One sweep with the slope of the gates."""
    a, b = tangents(torch.cat([guess.new_zeros(1), guess[:-1]]), *lone[:3])
    return linear_scan(a[None, :, None], b[None, :, None])[0, :, 0]


counts = {"gates from the guess": needed(lambda x: one_sweep(x, *lone)), "Newton": needed(newtons)}
assert counts["Newton"] < counts["gates from the guess"]
print("sweeps to ten digits:", counts)

# %% [markdown]
# Far fewer. But for `D` buckets each slope is a `[D, D]` matrix, and a scan has to multiply such
# matrices: `D` times the memory, and `D * D` times the arithmetic. So the library takes
# cheap sweeps, and more of them.
#
# The loop of the library, for the states and for the gradient alike:

# %%
source(newton.sweep)

# %% [markdown]
# It stops when two things are small, relative to the largest state: what the last sweep changed,
# and the **residual**: put the result into the recurrence itself, at every step, and see
# what is left over. The second is the honest one. A slow iteration changes little and may still be
# far away.
#
# **Exercise newton.3.** Write the residual of one bucket. It needs no right answer to compare with,
# so you can ask it of any result that somebody hands you.


# %% tags=["exercise"]
def residual(h, z, w, gamma, h0):
    """The largest |h[t] - z[t] sigmoid(w h[t-1]) - gamma[t] h[t-1]| of all steps.

    h, z, gamma: [L]; w, and h0 before the first step: numbers. Returns one number.
    """
    todo()


residual = exercise("newton.3").check(residual)

# %%
early = one_sweep(torch.zeros_like(truth), *lone)
asked = {"the loop": residual(truth, *lone), "one sweep": residual(early, *lone)}
assert asked["the loop"] < 1e-12 and asked["one sweep"] > 1e-2
print({name: f"{float(worst):.0e}" for name, worst in asked.items()})

# %% [markdown]
# And the one that the library stops by, of all buckets and relative to the largest state:

# %%
options = {"method": "newton", "return_info": True}
h, info = gated_recurrence(z, W, gamma, h0, **options)
before = torch.cat([h0[:, None], h[:, :-1]], 1)
left_over = (h - z * torch.sigmoid(before @ W.T) - gamma * before).abs().max() / h.abs().max()
assert info.converged and info.method == "newton" and left_over.item() <= 1e-11
assert error(h, exact).worst < 1e-10
print(info)
print(f"residual, computed here: {left_over.item():.1e}; error: {error(h, exact).worst:.1e}")

# %% [markdown]
# ## How many sweeps?
#
# The picture draws the error after each sweep. The guesses come from the library's own loop: we
# hand it a function that computes the gates, as the library does, and that takes notes.


# %%
def guesses(operands, max_iter=60):
    """Every guess that the library's sweeps go through."""
    z, W, gamma, h0 = operands
    seen = []

    def drive(h):
        seen.append(h)
        return torch_ops.drive(h @ W.T, h0 @ W.T, z)

    newton.sweep(drive, gamma, h0, False, "torch", 1e-12, max_iter)
    return seen


def errors(norm, decay=(0.9, 0.99)):
    """The error of each guess."""
    marslab.seed_everything(seed)
    operands = draw((1, 256, width), norm=norm, decay=decay)
    exact = gated_recurrence(*operands)
    return [error(guess, exact).worst for guess in guesses(operands)]


lines = {f"W of norm {norm}": errors(norm) for norm in (0.5, 1.0, 1.5, 4.0)}
assert all(min(values) < 1e-9 for name, values in lines.items() if name != "W of norm 4.0")
sweep_errors(lines, tol=1e-10, title="The guess approaches the states", dark=dark)

# %% [markdown]
# On a log axis a straight line means that each sweep wins the same factor. These are nearly
# straight, and the larger $W$, the less a sweep wins. Under all of them lies a guarantee: the gate
# of step 1 sees only `h0`, so after one sweep the first state is exact, after $k$ sweeps the
# first $k$ are, and they stay so. $L$ sweeps are always enough. The art is to need far fewer.
#
# And no guess can run away. A sigmoid is below 1 and $\gamma$ at most 1, so every guess lies below
# `linear_scan(gamma, |z|, |h0|)`, the state with all taps open.

# %%
z, W, gamma, h0 = draw((1, 64, width), norm=30.0)
most = linear_scan(gamma, z.abs(), h0.abs())
assert all((guess.abs() <= most * (1 + 1e-12)).all() for guess in guesses((z, W, gamma, h0), 20))

# %% [markdown]
# Full Newton has no such bound: it multiplies Jacobians that may be larger than 1, and its guesses
# can overflow on the way to a harmless answer. Gonzalez et al. damp it for that reason (ELK).
# Here the damping is built in: what could explode was dropped.
#
# Now the table. Two things should make the work harder: a larger $W$, since gates react more, and a
# longer memory, since an error travels further. Guess the corners before you look.

# %%
DECAYS = {"0.5 to 0.9": (0.5, 0.9), "0.9 to 0.99": (0.9, 0.99), "0.99 to 0.9999": (0.99, 0.9999)}
NORMS = (0.5, 1.0, 1.5)
rows = []
for name, decay in DECAYS.items():
    for norm in NORMS:
        for i in seeds:
            marslab.seed_everything(i)
            operands = draw((1, length, width), norm=norm, decay=decay)
            h, info = gated_recurrence(*operands, **options, tol=1e-10)
            gap = error(h, gated_recurrence(*operands)).worst
            rows.append((name, norm, info.iterations, gap, info.converged))
columns = ["decays", "norm of W", "sweeps", "error", "converged"]
found = pd.DataFrame(rows, columns=columns)
assert found["converged"].all() and (found["error"] < 1e-9).all()
sweeps = found.groupby(["decays", "norm of W"])["sweeps"].median().unstack().astype(int)
assert (sweeps.diff(axis=0).iloc[1:] > 0).all().all()  # a longer memory, more sweeps
assert (sweeps.diff(axis=1).iloc[:, 1:] > 0).all().all()  # a larger W, more sweeps
assert sweeps.iloc[0, 0] <= 15 and sweeps.iloc[-1, -1] <= 60
print(f"sweeps for {length} steps, {width} channels, float64, tolerance 1e-10")
sweeps

# %% [markdown]
# From a dozen to about fifty, for a thousand steps. The next table has the errors. It is made with
# the default tolerances, 1e-11 in float64 and 2e-6 in float32, for decays from 0.9 to 0.999. The
# library holds itself to an error of 1e-10 in float64 there, and in float32 to 2e-6 or twice the
# error of the float32 loop, whichever is more. Last row: memories so long ($\gamma$ from 0.999 to
# 0.99999) that float32 loses digits even step by step. There only float64 is held to a bound.


# %%
def numerics(norm, decay, dtype):
    """Sweeps, error of the solve, error step by step, each against the loop in float64."""
    marslab.seed_everything(seed)
    operands = [x.to(dtype) for x in draw((1, length, width), norm=norm, decay=decay)]
    exact = gated_recurrence(*(x.double() for x in operands), backend="naive")
    h, info = gated_recurrence(*operands, **options)
    plain = gated_recurrence(*operands, backend="naive")
    return info.iterations, max(error(h, exact)), max(error(plain, exact))


cases = [(norm, (0.9, 0.999)) for norm in NORMS] + [(1.5, (0.999, 0.99999))]
rows = []
for norm, decay in cases:
    double, single = (numerics(norm, decay, dtype) for dtype in (torch.float64, torch.float32))
    assert double[1] <= 1e-10
    if decay[0] < 0.99:
        assert single[1] <= max(LIMIT[torch.float32], PLAIN * single[2])
    numbers = [f"{x:.1e}" for x in (double[1], single[1], single[2])]
    rows.append((norm, f"{decay[0]} to {decay[1]}", double[0], single[0], *numbers))
columns = ["norm of W", "decays", "sweeps, 64", "sweeps, 32", "error, 64", "error, 32"]
pd.DataFrame(rows, columns=[*columns, "step by step, 32"])

# %% [markdown]
# ## The gradient, without the sweeps
#
# One could let autograd record every sweep. It would keep the states of all of them, fifty times
# the memory, and differentiate the detours too. But the gradient belongs to the *solution*, not to
# the way there. At the solution what reaches $h_t$ in all, call it $g_t$, obeys
#
# $$g_t = \mathrm{d}h_t + \gamma_{t+1}\,g_{t+1} + W^\top (r_{t+1}\,g_{t+1}),
#   \qquad r = z\,\sigma'(W h)$$
#
# from the last step to the first. That is linear in $g$, with one awkward term, the one with $W$.
# Freeze it at the last guess and the rest is a reversed scan. It is the same trick, and the same
# function: `newton.sweep` with `reverse=True`. The rest is elementwise work:

# %%
from marslab.kernels.gated_recurrence import gradient

source(gradient.gradients)

# %%
operands = [x.requires_grad_() for x in draw((2, 200, width))]
fast_way = torch.autograd.grad(gated_recurrence(*operands, method="newton").sum(), operands)
recorded = torch.autograd.grad(gated_recurrence(*operands, backend="naive").sum(), operands)
worst = max(error(a, b).worst for a, b in zip(fast_way, recorded, strict=True))
assert worst < 5e-10
print(f"gradients of z, W, gamma, h0: largest relative difference to the recorded loop {worst:.0e}")

# %% [markdown]
# ## Is it faster? On this CPU, measured
#
# A sweep does all of the arithmetic once. Twenty sweeps do it twenty times. In exchange there is no
# waiting from step to step. Whether that pays depends on the machine, so we measure: the loop in
# Python, the loop compiled by numba, and the sweeps at the tolerance for 16 bits and for float32.

# %%
sizes = [(1, 512, 32), (4, 512, 64)] if fast else [(1, 1024, 32), (4, 1024, 128), (8, 1024, 512)]


def milliseconds(call, repeats=3):
    """Median time of one call, after one to warm up."""
    call()
    return 1e3 * median(watch(call, device)() for _ in range(repeats))


rows = {}
for size in sizes:
    operands = draw(size, torch.float32, decay=(0.9, 0.99))
    solve = partial(gated_recurrence, *operands)
    rows[str(size)] = {
        "loop in Python": milliseconds(partial(solve, backend="naive"), 1),
        "loop, compiled": milliseconds(solve),
        "sweeps to 1e-3": milliseconds(partial(solve, method="newton", tol=1e-3)),
        "sweeps to 2e-6": milliseconds(partial(solve, method="newton")),
    }
milli = pd.DataFrame(rows).T.rename_axis("B, L, D")
ratio = milli["sweeps to 2e-6"] / milli["loop, compiled"]
print("sweeps take so many times as long as the compiled loop:", ratio.round(1).tolist())
milli.round(1)

# %%
title = f"{sizes[-1]}: B, L, D"
timing_bars(milli.iloc[-1].to_dict(), title=title, dark=dark)

# %% [markdown]
# Read the ratio before you believe a paper, or this notebook. A CPU has few cores, and the compiled
# loop keeps them busy with useful arithmetic, while every sweep reads and writes whole sequences.
# Where arithmetic is cheap and waiting is dear, on a device with thousands of lanes, the trade may
# turn. Set `device = "cuda"` and measure there.
#
# ## What goes wrong
#
# **A lively W.** Let the gates react ten or twenty times as much. Then a tiny kick of the initial
# state, one part in a thousand million, no longer fades. It grows until the two runs have nothing
# in common: the recurrence is **chaotic**. No guess made from afar can be right about a state
# that depends on every digit before it. The sweeps then win little more than the front, and 200 of
# them are not enough. Look at the last column too: two loops, compiled and not, which differ in
# nothing but the order of their sums, do not agree there either. A residual near zero says that
# every step obeys the recurrence. In chaos that does not make two answers alike.

# %%
rows = []
for norm in (1.5, 4.0, 32.0):
    marslab.seed_everything(seed)
    z, W, gamma, h0 = draw((1, length, width), norm=norm, decay=(0.9, 0.99))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        h, info = gated_recurrence(z, W, gamma, h0, **options)
    stepped = gated_recurrence(z, W, gamma, h0)
    kicked = gated_recurrence(z, W, gamma, h0 + 1e-9)
    growth = ((kicked - stepped)[:, -1].abs().max() / 1e-9).item()
    apart = error(gated_recurrence(z, W, gamma, h0, backend="naive"), stepped).worst
    warned = [str(w.message) for w in said if w.category is ConvergenceWarning]
    assert bool(warned) == (not info.converged)
    assert error(h, stepped).worst < 1e-9 if info.converged else torch.equal(h, stepped)
    assert apart < 1e-12 if info.converged else apart > 1e-3
    told = (info.iterations, info.converged, info.method)
    rows.append((norm, f"{growth:.0e}", *told, f"{apart:.0e}"))
assert [row[3] for row in rows] == [True, True, False]
print(*warned)
columns = ["norm of W", "a kick grows by", "sweeps", "converged", "method", "two loops differ by"]
pd.DataFrame(rows, columns=columns)

# %% [markdown]
# When `max_iter` sweeps are not enough, the library says so in three places and still gives the
# right answer: a `ConvergenceWarning`, `info.converged`, and `info.method`, which names what
# produced `h`: the loop. In your tests turn that warning into an error, and a training run that has
# wandered into chaos cannot pass unseen:

# %%
with warnings.catch_warnings():
    warnings.simplefilter("error", ConvergenceWarning)
    try:
        gated_recurrence(z, W, gamma, h0, method="newton", max_iter=5)
        raise SystemExit("this should have been said")
    except ConvergenceWarning as told:
        print("caught:", told)

# %% [markdown]
# **A tolerance that rounding forbids.** In float32 no iteration gets to 1e-12. The default
# tolerances (1e-11, 2e-6, and 1e-3 for 16 bits) are ones that can be reached. Ask for less and the
# sweeps go round and round in the last digit until `max_iter`.
#
# **A share above 1.** One public version of this core adds the state once more around the
# recurrence, so that each step keeps $1 + \gamma$. Then nothing is bounded. The library refuses:

# %%
try:
    gated_recurrence(z, W, 1 + gamma, h0)
    raise SystemExit("this should have been refused")
except ValueError as told:
    print(told)

# %% [markdown]
# ## Something to turn
#
# Move the norm of `W` and the share that the buckets keep, and watch how many digits are right
# after each sweep. (Tab reaches a slider, the arrow keys move it.)

# %%
sliders = {
    "norm": ipywidgets.FloatSlider(value=1.5, min=0.0, max=6.0, step=0.5, description="norm"),
    "keeps": ipywidgets.FloatSlider(value=0.9, min=0.0, max=0.91, step=0.01, description="keeps"),
}


def digits(norm, keeps):
    """How many digits are right after each sweep."""
    found = errors(norm, (keeps, keeps + 0.09))
    return [-math.log10(max(gap, 1e-16)) for gap in found]


def turned(norm, keeps):
    """The right digits against the sweeps, as bars."""
    figure = theme(go.Figure(), dark, 320)
    right = digits(norm, keeps)
    right += right[-1:] * (61 - len(right))  # it has ended: they stay
    figure.add_bar(x=list(range(61)), y=right, name="digits")
    figure.update_xaxes(title_text="sweeps over the whole sequence (count)")
    return figure.update_yaxes(title_text="right digits (count)", range=[0, 16])


def told(norm, keeps):
    """The sentence below the bars."""
    enough = [count for count, right in enumerate(digits(norm, keeps)) if right >= 10]
    after = f"after {enough[0]} sweeps" if enough else "not within 60 sweeps"
    return f"W of norm {norm}, decays from {keeps:.2f} to {keeps + 0.09:.2f}: ten digits {after}."


Explorer(turned, told, sliders)

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **No gate at all.** How many sweeps does `0 * W` take, and why is it not one? Ask
#    `gated_recurrence(z, 0 * W, gamma, h0, method="newton", return_info=True)[1]`.
# 2. **A longer sequence.** Run the table of sweeps with `length = 4096`. Does four times the length
#    take four times the sweeps? Predict the corner at the bottom right.
# 3. **Sixteen bits.** At `tol=1e-3`, how many sweeps does the bottom right corner need? Compare
#    with what the picture of errors says about the first digits.
#
# ## Recap
#
# - A scan needs steps that join to a step of the same kind. A gate that sees the state breaks that.
# - Freezing the gates, or dropping the sum, gives other numbers: 20 to 95 % off in the table above.
# - A gate on the input is a scan, and another model.
# - The exact states can be had for all steps at once: gates from a guess, a scan, again. A dozen to
#   fifty sweeps, more with a larger W and a longer memory.
# - Stop on the residual, not on hope. When it does not converge, say so, and take the loop.
# - The gradient is one linear system at the solution, solved by the same sweeps backwards.
#
# **Source.** `marslab.kernels.gated_recurrence`: `naive`, `torch_ops`, `cpu` (compiled loop),
# `newton` (sweeps), `gradient`, `gpu_sequential` and `gpu_sweep` (Triton).
#
# **Papers.**
# - Lim, Zhu, Selfridge & Kasim 2023,
#   [Parallelizing non-linear sequential models over the sequence length](https://arxiv.org/abs/2309.12252):
#   DEER, Newton on a whole sequence.
# - Gonzalez, Warrington, Smith & Linderman 2024,
#   [Towards scalable and stable parallelization of nonlinear RNNs](https://arxiv.org/abs/2407.19115):
#   the quasi-Newton form, and damping (ELK).
# - Feng et al. 2024, [Were RNNs all we needed?](https://arxiv.org/abs/2410.01201): gates on the
#   input, so that a GRU becomes a scan.
#
# **Next.** The same op by hand in the dashboard: `marslab dash scans`. The map of the course is
# [00_start](00_start.ipynb).
