# %% [markdown]
# # Writing a kernel, and knowing when to stop
#
# A kernel is a small program that does one thing to a lot of numbers. Making one fast is less of
# an art than it looks: count what must be done, measure what the machine can do, and compare.
# This notebook writes one operation, `min_gru`, five times, and puts each next to the limit.
#
# **You will learn**
# - how to count bytes and operations before writing a line, and to get a floor from them;
# - how to time without fooling yourself: warm-up, first touch, medians, taking turns;
# - why one loop takes many times as long as another one with the same arithmetic;
# - what fusing buys, and why it may buy less than the count promises;
# - the same kernel in Triton, and one trick that finds cells which nobody wrote.
#
# **Time** about 35 minutes. The cells themselves need less than half a minute. Nothing is
# downloaded. It helps to know [05_min_gru](05_min_gru.ipynb).

# %% tags=["parameters"]
fast = True  # False: larger arrays, more repetitions
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
batch, length, width = 2, 1024, 512  # B, L, D

# %%
import inspect
import math
from importlib.util import find_spec
from statistics import median
from textwrap import dedent
from types import SimpleNamespace

import ipywidgets
import numba
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import torch
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels import min_gru
from marslab.kernels.min_gru.work import cost
from marslab.kernels.roofline import matmul_rate, stream, watch
from marslab.kernels.testing import assert_close
from marslab.kernels.threads import FASTMATH, entry
from marslab.lab.course import exercise, todo
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, roofline, theme, timing_bars
from marslab.widgets.figures.style import colour, ramp

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
length = length if fast else 4 * length
_ = marslab.seed_everything(seed)


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## Count first
#
# `min_gru` reads a logit and a new value for each cell, and writes a state:
#
# $$g_t = \sigma(z_t), \qquad h_t = (1 - g_t)\,h_{t-1} + g_t\,\tilde h_t$$
#
# Whatever we do, two arrays must come in and one must go out. Three **passes** over
# $B \cdot L \cdot D$ numbers of 4 bytes. The library keeps this count for each of its ops, beside
# the number of operations:

# %%
sizes = (batch, length, width)
cells = math.prod(sizes)
least = cost(sizes, itemsize=4)
states = 2 * batch * width * 4  # the state before the first step, and after the last
assert least.bytes == 3 * 4 * cells + states
print(f"{cells:,} cells, {least.bytes / 1e6:.1f} MB, {least.flops / 1e6:.1f} million operations")
source(cost)

# %% [markdown]
# Now the plain way, one tensor operation after the other. Each reads its inputs from memory and
# writes its result back. Count the passes: `sigmoid(z)` 2, times $\tilde h$ 3, `-z` 2, sigmoid of
# that 2, and the scan 3. Twelve in place of three.

# %%
passes = {"sigmoid(z)": 2, "... * h_tilde": 3, "-z": 2, "sigmoid(-z)": 2, "linear_scan": 3}
assert sum(passes.values()) == 12
pd.Series(passes | {"together": sum(passes.values()), "at the least": 3}, name="passes").to_frame()

# %% [markdown]
# ## What the machine can do
#
# Two figures describe a machine well enough: how fast it moves bytes, measured with arrays larger
# than its caches, and how fast it multiplies, measured with a large matrix product. Divide the
# bytes by the first and the operations by the second. The larger of the two times is the floor.
#
# Before you run the cell: which one will it be?

# %%
rate, multiplied = stream(device), matmul_rate(device)
floor = {"moving bytes": 1e3 * least.bytes / rate, "arithmetic": 1e3 * least.flops / multiplied}
print(f"memory {rate / 1e9:.1f} GB/s, matrix products {multiplied / 1e9:.0f} GFLOP/s")
print(", ".join(f"{name}: {ms:.3f} ms" for name, ms in floor.items()))

# %% [markdown]
# **Exercise kernel.1.** The scan alone, $h_t = a_t\,h_{t-1} + b_t$ with decays and inputs ready, is
# timed further down. Write its floor before you see the times: count the bytes and operations of a
# cell. (Leave out the states before the first step and after the last.)


# %% tags=["exercise"]
def scan_floor(cells, itemsize, rate, peak):
    """The least seconds that the scan of so many cells can take.

    itemsize: bytes of one number; rate: bytes a second; peak: operations a second.
    """
    todo()


scan_floor = exercise("kernel.1").check(scan_floor)

# %%
from marslab.kernels.linear_scan import work

counted = work.cost(sizes, itemsize=4)  # with the states
theirs = max(counted.bytes / rate, counted.flops / multiplied)
ours = scan_floor(cells, 4, rate, multiplied)
assert ours <= theirs
print(f"floor of the scan {1e3 * ours:.3f} ms, by the library's count {1e3 * theirs:.3f} ms")

# %% [markdown]
# Turn the slider: the floor of three passes and of twelve, for any width, on your machine.


# %%
def bars(channels):
    """The two floors in ms, at the measured rate."""
    moved = 4 * batch * length * channels
    figure = go.Figure()
    heights = [1e3 * 3 * moved / rate, 1e3 * 12 * moved / rate]
    figure.add_bar(x=[0, 1], y=heights, name="floor", marker={"color": colour("floor", dark)})
    theme(figure, dark, height=300)
    names = ["3 passes", "12 passes"]
    figure.update_xaxes(tickvals=[0, 1], ticktext=names, range=[-0.7, 1.7], title_text="plan")
    most = 1e3 * 12 * (4 * batch * length * slider.max) / rate
    return figure.update_yaxes(title_text="time to move the bytes (ms)", range=[0, most])


def tell(channels):
    """What is moved."""
    moved = 12 * batch * length * channels / 1e6
    return f"B {batch}, L {length}, D {channels}: at the least {moved:,.1f} MB have to move."


slider = ipywidgets.IntSlider(value=width, min=64, max=4096, step=64, description="width D")
Explorer(bars, tell, {"channels": slider})

# %% [markdown]
# ## How to time
#
# Four things fool everybody once.
#
# 1. **The first call.** It compiles, loads, fills caches. Do not count it.
# 2. **Fresh memory.** The operating system hands out a page when it is first written, and that
#    takes longer than the writing. Whoever allocates a result in each run times the system.
# 3. **One number.** Another program wakes up and your time doubles. Take several, keep the median.
# 4. **First A, then B.** If the machine slows down in between, B loses. Take turns.
#
# The library has a stop watch that knows about GPUs too. It is short:

# %%
source(watch)


# %%
def in_turns(calls, repeats=5 if fast else 15):
    """Times in ms of each call, taken in turns after one round to warm up."""
    times = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            seconds = watch(call)()
            if turn:
                times[name].append(1e3 * seconds)
    return times


big = [torch.ones(2**22) for _ in range(2)]
ready = torch.zeros(2**22)  # written once, so its pages are there
touched = in_turns(
    {
        "fresh result": lambda: torch.add(*big),
        "result given": lambda: torch.add(*big, out=ready),
    }
)
pd.DataFrame({name: [min(t), median(t), max(t)] for name, t in touched.items()}).set_axis(
    ["fastest (ms)", "median", "slowest"]
).round(2)

# %% [markdown]
# The same addition, twice. The difference is memory that nobody had touched. (Some allocators keep
# large pieces and hide it. Then the two rows are close, and that is worth knowing too.)
#
# Memory comes in pages, most often of 4 KiB. Where much is needed, the kernels of this library ask
# for pages of 2 MiB. A scan into fresh memory took 8 to 12 ms then, and 23 to 25 before: see the
# README of `linear_scan`.
#
# ## The loop, three times
#
# First the scan alone, with decays and inputs ready. The arithmetic is one line,
# `h = a * h + b`. Here are three orders in which to do it. All three are compiled.

# %%
z, new = (np.random.default_rng(seed + i).standard_normal(sizes, dtype=np.float32) for i in (0, 1))
a = 1 / (1 + np.exp(z))
b = (1 - a) * new
expected = min_gru(torch.tensor(z), torch.tensor(new), backend="naive")


@numba.njit(fastmath=FASTMATH)
def time_inside(a, b, h):
    for i in range(a.shape[0]):
        for d in range(a.shape[2]):
            state = np.float32(0)
            for t in range(a.shape[1]):
                state = a[i, t, d] * state + b[i, t, d]
                h[i, t, d] = state


@numba.njit(fastmath=FASTMATH)
def channels_inside(a, b, h):
    for i in range(a.shape[0]):
        for lo in range(0, a.shape[2], 64):
            n = min(64, a.shape[2] - lo)
            state = np.zeros(n, np.float32)
            for t in range(a.shape[1]):
                for d in range(n):
                    state[d] = a[i, t, lo + d] * state[d] + b[i, t, lo + d]
                    h[i, t, lo + d] = state[d]


@numba.njit(fastmath=FASTMATH)
def slices_inside(a, b, h):
    for i in range(a.shape[0]):
        for lo in range(0, a.shape[2], 64):
            hi = min(lo + 64, a.shape[2])
            state = np.zeros(hi - lo, np.float32)
            for t in range(a.shape[1]):
                a_t, b_t, h_t = a[i, t, lo:hi], b[i, t, lo:hi], h[i, t, lo:hi]
                for d in range(state.size):
                    state[d] = a_t[d] * state[d] + b_t[d]
                    h_t[d] = state[d]


# %% [markdown]
# Before we time them: are they right? The output is filled with NaN first. A kernel that skips a
# cell cannot hide then. Here is one that does, on a width that its blocks of 64 do not divide.


# %%
def check(kernel, *arrays):
    """Run a kernel on an output full of NaN and compare with the definition."""
    h = np.full_like(arrays[0], np.nan)
    kernel(*arrays, h)
    assert_close(torch.tensor(h), expected[..., : h.shape[2]], kernel.__name__)


for kernel in (time_inside, channels_inside, slices_inside):
    check(kernel, a, b)
    check(kernel, a[..., :100].copy(), b[..., :100].copy())


def forgets_the_rest(a, b, h):
    whole = a.shape[2] // 64 * 64
    part = np.empty_like(h[..., :whole])
    slices_inside(a[..., :whole].copy(), b[..., :whole].copy(), part)
    h[..., :whole] = part


check(forgets_the_rest, a, b)  # 512 = 8 * 64: nothing to see
try:
    check(forgets_the_rest, a[..., :100].copy(), b[..., :100].copy())
    caught = False
except AssertionError as wrong:
    caught = True
    print("caught:", wrong)
assert caught

# %% [markdown]
# Three right, one caught. Round sizes hide mistakes; test odd ones.
#
# Before the times, one more count. Memory never delivers a single number: it comes in **lines** of
# 64 bytes, which are 16 numbers of float32.
#
# **Exercise kernel.2.** A walk reads `count` numbers, each `stride` numbers behind the one before,
# and begins with the first number of a line. How many lines does it take? The order of your loops
# decides about `stride`.


# %% tags=["exercise"]
def lines_read(stride, count):
    """How many lines of 16 numbers a walk touches: `count` numbers, `stride` apart."""
    todo()


lines_read = exercise("kernel.2").check(lines_read)

# %%
walks = {"time inside": lines_read(width, 64), "channels inside": lines_read(1, 64)}
assert walks["channels inside"] == 4 <= walks["time inside"]
print("lines for the first 64 numbers of a:", walks)

# %% [markdown]
# Now the times. Guess the order, and the factor between the first and the last.

# %%
h = np.zeros_like(a)
three = (time_inside, channels_inside, slices_inside)
loops = {kernel.__name__: (lambda kernel=kernel: kernel(a, b, h)) for kernel in three}
spent = in_turns(loops)
table = pd.DataFrame({"ms": {name: median(t) for name, t in spent.items()}})
table["times the floor"] = table["ms"] / floor["moving bytes"]
table.round(2)

# %% [markdown]
# The same multiplications, the same additions, the same compiler.
#
# - `time_inside` walks down a column. Each step jumps `D` numbers ahead, so of every 64 bytes that
#   memory delivers it uses 4. And each step waits for the one before.
# - `channels_inside` reads neighbours. But its index is `lo + d`, and Python allows negative
#   indices: the compiler has to ask at each access whether to wrap around. Asking is not
#   something that eight numbers can do together.
# - `slices_inside` cuts the slice once and counts from 0. A count from 0 is never negative, so
#   nothing is asked, and eight or sixteen numbers go through each instruction.
#
# This is why the library's `cpu.py` files are written with slices. numba tells what it produced:

# %%
for kernel in (time_inside, channels_inside, slices_inside):
    code = "\n".join(kernel.inspect_llvm().values())
    widths = [n for n in (4, 8, 16) if f"<{n} x float>" in code]
    print(f"{kernel.__name__}: vectors of {widths or 'no'} floats in its code")

# %% [markdown]
# A vector in the code is a hint, no proof that the loop which matters uses it. The clock decides.
#
# ## Threads
#
# Rows of the batch share nothing, and neither do blocks of channels. `prange` hands them to
# threads. Two rules: a task must be large enough to be worth waking a thread for, and every result
# must be written by one task alone. Then two runs give the same bits, whatever thread did what.
#
# **Exercise kernel.3.** Share out rows and channels, so that every cell has one task at any width:
# the last block of a row may be a small one.


# %% tags=["exercise"]
def tasks(rows, width, block):
    """A list of tasks (row, lo, hi); each writes the channels from lo to hi - 1 of its row.

    A task has from 1 to `block` channels, and every channel of every row has one task.
    """
    todo()


tasks = exercise("kernel.3").check(tasks)

# %%
plan, written = tasks(batch, width, 64), np.zeros((batch, width), int)
for row, lo, hi in plan:
    written[row, lo:hi] += 1
assert (written == 1).all()
print(f"{len(plan)} tasks, the last one {plan[-1]}")

# %% [markdown]
# In the kernel the same plan is arithmetic: `prange` hands out numbers, and a task finds its row
# and its first channel from its own number.


# %%
@numba.njit(parallel=True, fastmath=FASTMATH)
def threads_outside(a, b, h):
    blocks = (a.shape[2] + 63) // 64
    for task in numba.prange(a.shape[0] * blocks):
        i, lo = task // blocks, task % blocks * 64
        hi = min(lo + 64, a.shape[2])
        state = np.zeros(hi - lo, np.float32)
        for t in range(a.shape[1]):
            a_t, b_t, h_t = a[i, t, lo:hi], b[i, t, lo:hi], h[i, t, lo:hi]
            for d in range(state.size):
                state[d] = a_t[d] * state[d] + b_t[d]
                h_t[d] = state[d]


with entry(cells):  # the library's gate for parallel kernels
    check(threads_outside, a, b)
    check(threads_outside, a[..., :100].copy(), b[..., :100].copy())
    both = in_turns(
        {"one thread": loops["slices_inside"], "threads": lambda: threads_outside(a, b, h)}
    )
    two = np.zeros_like(h)
    threads_outside(a, b, two)
assert np.array_equal(two, h)
print({name: f"{median(t):.2f} ms" for name, t in both.items()}, numba.get_num_threads(), "threads")

# %% [markdown]
# Do not expect twice the speed from twice the threads: they share one memory, and perhaps the
# cores with other programs. And below some size waking a thread costs more than it saves, which is
# why `entry` gives small inputs one thread only.
#
# ## Fusing: do the gates on the way
#
# By the count, twelve passes become three if the gates are computed inside the loop. Each cell
# costs an `exp` then. Before you run: will it be four times as fast?


# %%
@numba.njit(parallel=True, fastmath=FASTMATH)
def fused(z, new, h):
    blocks = (z.shape[2] + 63) // 64
    one = np.float32(1)
    for task in numba.prange(z.shape[0] * blocks):
        i, lo = task // blocks, task % blocks * 64
        hi = min(lo + 64, z.shape[2])
        state = np.zeros(hi - lo, np.float32)
        for t in range(z.shape[1]):
            z_t, new_t, h_t = z[i, t, lo:hi], new[i, t, lo:hi], h[i, t, lo:hi]
            for d in range(state.size):
                keep = one / (one + np.exp(z_t[d]))  # sigmoid(-z)
                state[d] = keep * state[d] + (one - keep) * new_t[d]
                h_t[d] = state[d]


given = torch.tensor(z), torch.tensor(new)
with entry(cells):
    check(fused, z, new)
    runs = in_turns(
        {
            "one by one": lambda: min_gru(*given, backend="numba"),
            "fused": lambda: fused(z, new, h),
            "scan alone": lambda: threads_outside(a, b, h),
        }
    )


def coloured(figure):
    """Give each of our three ways a colour of its own."""
    for name, tint in zip(runs, ramp(len(runs), dark), strict=True):
        figure.update_traces(
            marker_color=tint, selector=lambda trace, n=name: n in (trace.name or "")
        )
    return figure


title = f"min_gru {list(sizes)}, float32, CPU"
coloured(timing_bars(runs, floor["moving bytes"], title=title, dark=dark))

# %% [markdown]
# Read the three bars against each other. The scan alone says what moving three arrays costs. The
# distance from there to *fused* is the price of the `exp`. Where a compiler has no vector version
# of it, it calls a function for every single number, and then a fused kernel is limited by
# arithmetic although the count says memory. It can even come out slower than *one by one*, where
# torch brings a vector `exp` of its own. The count is a floor, not a promise: it took an `exp` for
# one operation, and an `exp` is many.
#
# The roofline shows the same as one picture: operations per byte to the right, rate upwards.

# %%
scan_cost = 2 * cells, 12 * cells
points = {
    "one by one": (least.flops, least.bytes, median(runs["one by one"]) / 1e3),
    "fused": (least.flops, least.bytes, median(runs["fused"]) / 1e3),
    "scan alone": (*scan_cost, median(runs["scan alone"]) / 1e3),
}
assert least.flops / least.bytes < 1  # far left of where any machine's roof turns flat
coloured(roofline(points, rate, multiplied, dark=dark))

# %% [markdown]
# A point above the roof is no miracle. These arrays may be small enough to stay in a cache from one
# run to the next, and the roof was measured with arrays that are not. Set `width = 8192` to see
# such points come down.
#
# ## The same idea in Triton
#
# In Triton we write what one block does with a tile (notebook 01 builds that up). For the fused
# kernel a block takes `W` channels and walks time; gates are computed on the way. A GPU has
# instructions for `exp` and thousands of threads to run them, so there memory is the limit again.
#
# Without a GPU the kernel runs in Triton's interpreter: right, but slow, so it is not timed.

# %%
triton, tl = None, SimpleNamespace(constexpr=int)
if find_spec("triton"):
    import triton
    import triton.language as tl


def jit(function):
    """`triton.jit`, in the interpreter when there is no GPU to compile for."""
    if triton is None or device != "cpu":
        return function if triton is None else triton.jit(function)
    with triton.knobs.runtime.scope():
        triton.knobs.runtime.interpret = True
        return triton.jit(function)


@jit
def fused_tile(z, new, h, L, D, W: tl.constexpr):
    channels = tl.program_id(0) * W + tl.arange(0, W)
    place = tl.program_id(1).to(tl.int64) * L * D + channels  # 64 bits: arrays may be large
    inside = channels < D
    state = tl.full([W], 0.0, tl.float32)
    for _ in range(L):
        z_t = tl.load(z + place, mask=inside, other=0.0)
        new_t = tl.load(new + place, mask=inside, other=0.0)
        keep = 1 / (1 + tl.exp(z_t))
        state = keep * state + (1 - keep) * new_t
        tl.store(h + place, state, mask=inside)
        place += D


# %%
if triton is None:
    print("Triton is not installed here: pip install 'marslab[gpu]' (Linux)")
else:
    small = [x[:, :12, :21].to(device).contiguous() for x in given]
    tile = torch.full_like(small[0], float("nan"))
    fused_tile[(math.ceil(21 / 8), batch)](*small, tile, 12, 21, 8)
    assert_close(tile, min_gru(*small, backend="naive"), "fused_tile")
    print("3 blocks of 8 channels for 21, for each row: agrees with the definition")

# %% [markdown]
# What is missing from it for real use? Inputs of 16 bits, an initial state, and above all a
# gradient: the backward pass is a kernel of its own, with its own count. And with one long sequence
# and few channels most of a GPU would stand idle. `marslab.kernels.linear_scan.gpu_lookback` deals
# with that.
#
# ## Where speed is kept
#
# A notebook is a poor place for figures that shall last: other programs run, sizes are small. So
# the project has one place for them. In a terminal:
#
#     marslab bench            every op and backend, beside the floor and beside peers
#     marslab bench --help     which ops, sizes and dtypes
#
# It warms up, takes turns, reports medians, writes down the machine, and keeps the result as JSON
# and as a page. No test of the project asserts a time. What tests do assert is what does not depend
# on the day: the results, and the counted bytes.
#
# ## A larger machine
#
# What is a kernel of yours worth beside those of specialists? Here are the project's own on an
# NVIDIA H200, each row at its time over its floor: 1 is the limit. Diamonds are other libraries on
# the same work in the same run (a row without one was measured alone), a bar is the goal that was
# set before.
#
# Before you run it: which is nearer to its floor, a scan that only moves bytes, or a memory with a
# matrix for a state?

# %%
from marslab.lab.bench.shipped import against_floor, shipped
from marslab.widgets.figures import times_of_floor

measured = {op: list(against_floor(shipped(op))) for op in ("linear_scan", "ssd", "wkv7")}
points = [(f"{op} {row}", *rest) for op, rows in measured.items() for row, *rest in rows]
best = {op: min(rows, key=lambda point: point[4]) for op, rows in measured.items()}
for op, (row, name, _, ms, times) in best.items():
    print(f"{op} {row}, {name}: {ms:.3g} ms, {times:.2f} times its floor")
assert best["linear_scan"][4] < 1.1 < best["ssd"][4]
times_of_floor(points, dark=dark, height=760)

# %% [markdown]
# The scan is at its limit: it has nothing to do but to move bytes, and it moves each once. The
# other two are products of matrices with a chain through time. On long sequences they stay three to
# thirteen times above their floor, and `kernels/ssd/README.md` and `kernels/wkv7/README.md` say
# where the time goes. Both came from kernels that took several times as long, by the way of this
# notebook: count, find what waits, move it out of the loop.
#
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **Two bytes.** How does the floor change if all arrays are bfloat16? And the count of
#    operations? Call `cost(sizes, itemsize=2)`.
# 2. **Backward.** How many passes do forward and backward need together? Call
#    `cost(sizes, itemsize=4, backward=True)` and divide by `4 * cells`.
# 3. **Out of the cache.** Set `width = 8192` at the top. What happens to *times the floor* of the
#    three loops, and why do the last two come closer to each other?
#
# ## Recap
#
# - Count bytes and operations before you write. The floor tells you when to stop.
# - Warm up, touch memory first, take medians, take turns.
# - Neighbours inside, slices from 0: then eight numbers go through at once.
# - Fusing saves passes. It pays as far as passes are what limits you.
# - Fill outputs with NaN and try odd sizes: then no cell can hide.
#
# **Source.** `marslab.kernels.roofline` measures the machine, `marslab.kernels.linear_scan.cpu` is
# the loop with its gradient, `marslab.kernels.threads` says how threads are used, and
# `marslab.lab.bench` keeps the times.
#
# **Papers.**
# - Williams, Waterman & Patterson 2009, [Roofline](https://doi.org/10.1145/1498765.1498785).
# - Lam, Pitrou & Seibert 2015, [Numba: a LLVM-based Python JIT
#   compiler](https://doi.org/10.1145/2833157.2833162).
# - Tillet, Kung & Cox 2019, [Triton](https://doi.org/10.1145/3315508.3329973): tiles.
#
# **Next.** The map of the course in [00_start](00_start.ipynb), and `marslab dash scans` to run
# every op by hand.
