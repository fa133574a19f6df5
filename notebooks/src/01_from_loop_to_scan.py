# %% [markdown]
# # From loop to scan
#
# Five designs, one line of arithmetic: keep a part of the old state, add something new.
# Written as a loop it is obvious and slow. This notebook writes it in seven more ways, each one
# closer to how hardware works, and checks every time that the answer is still that of the loop.
#
# **You will learn**
# - why a loop over time is slow, and what can be done side by side although time cannot;
# - the one idea behind every parallel scan: two steps in a row are again a step;
# - how numba and Triton run it, block by block, and how a GPU looks from inside one thread;
# - why the gradient of a scan is a scan that runs backwards;
# - how far each version is from what your memory chips allow, and what goes wrong in 16 bits.
#
# **Time** about an hour to read and play. The cells themselves need half a minute.
# Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: longer sequences in the timings, more epochs at the end
seed = 0
device = "cpu"  # "cuda" runs the Triton cells compiled, on your GPU
dark = False  # True: figures for a dark JupyterLab
batch, length, width = 4, 512, 256  # B, L, D of the timings
text = "A state is what is left of the past. Что осталось? What did it keep?"

# %%
import inspect
import math
from statistics import median
from textwrap import dedent

import numpy as np
import pandas as pd
import plotly.io as pio
import torch
import torch.nn.functional as F
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels import available, linear_scan
from marslab.kernels.linear_scan.work import cost
from marslab.kernels.roofline import matmul_rate, stream, watch
from marslab.kernels.testing import assert_close
from marslab.lab.claims import claim, record
from marslab.lab.course import exercise, todo
from marslab.widgets.explorers import scan_rounds, text_memory
from marslab.widgets.figures import CONFIG, roofline, scan_lines, state_heatmap, timing_bars

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
length = length if fast else 4 * length
_ = marslab.seed_everything(seed)

# %% [markdown]
# ## The idea, in words and a picture
#
# Think of a bucket with a hole. Every second you pour in a cup, `b`, or nothing. Every second
# the bucket keeps a share `a` of what it held. What it holds is its **state**, `h`.
#
# Below are three buckets. Each gets one cup at step 5 and one at step 25. They differ only in
# the share that they keep: 0.5, 0.9 and 0.98 a step. The first forgets at once, the last still
# holds most of the first cup when the second one arrives. That is all a memory is, here.

# %%
keeps = (0.5, 0.9, 0.98)
cups = torch.zeros(1, 60, 3)
cups[:, [5, 25]] = 1.0
kept = torch.tensor(keeps).expand(1, 60, 3)
held = linear_scan(kept, cups)
names = [f"keeps {a}" for a in keeps]
title = "Two cups, three buckets"
scan_lines(held, b=cups, channels=range(3), labels=names, title=title, dark=dark)

# %% [markdown]
# In symbols, for every step $t$:
#
# $$h_t = a_t\,h_{t-1} + b_t$$
#
# $a_t$ is the **decay**, $b_t$ the **input**. Both may change with time and with the input: a
# network that chooses $a_t$ decides what to forget. Real models run this for a batch of $B$
# sequences, $L$ steps long, with $D$ independent channels. So `a` and `b` have shape `[B, L, D]`.
#
# **Exercise scan.1.** Write that line as a loop over time, for all rows and channels. It is what
# the whole notebook makes fast, so make it yours first. Put your code in place of `todo()` and run
# the cell: it answers at once, with the smallest case that goes wrong. Until it passes, the
# notebook goes on with a reference solution.


# %% tags=["exercise"]
def my_scan(a, b):
    """h[t] = a[t] h[t-1] + b[t], with nothing before the first step.

    a, b: [B, L, D]; returns every state h, [B, L, D].
    """
    todo()


my_scan = exercise("scan.1").check(my_scan)

# %%
assert_close(my_scan(kept, cups), held, "the buckets")
print("this loop fills the three buckets of the picture")

# %% [markdown]
# ## The smallest loop that is right


# %%
def loop(a, b):
    """One sequence, one channel, plain numbers."""
    h, states = 0.0, []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return states


assert loop([0.5, 0.5, 0.5, 0.5], [1, 1, 1, 1]) == [1.0, 1.5, 1.75, 1.875]
loop([0.5, 0.5, 0.5, 0.5], [1, 1, 1, 1])

# %% [markdown]
# Three lines of work. Everything else in this notebook must agree with them.
#
# The library keeps the same loop, over whole `[B, D]` slices, as the **definition** of the op.
# It is called `naive`. Here is its source, read from the installed file, so what you see is
# what runs.

# %%
from marslab.kernels.linear_scan import naive


def source(function):
    """Show the source of a library function, with colours."""
    plain = getattr(function, "py_func", getattr(function, "fn", function))
    return Markdown(f"```python\n{dedent(inspect.getsource(plain))}```")


source(naive.linear_scan)

# %%
a = torch.rand(1, 50, 1, dtype=torch.float64)
b = torch.randn(1, 50, 1, dtype=torch.float64)
ours = torch.tensor(loop(a.flatten().tolist(), b.flatten().tolist()), dtype=torch.float64)
assert_close(ours, linear_scan(a, b, backend="naive").flatten(), "the loop")
print("the loop and the library's definition agree")

# %% [markdown]
# ## Why the loop is slow, and what can stand side by side
#
# Let us time `naive` for one channel, then for many. Before you run the cell: it does 4,096
# times the arithmetic in the last row. How much longer will it take?


# %%
def milliseconds(call, repeats=5):
    """Median time of one call, after one to warm up."""
    call()
    return 1e3 * median(watch(call, device)() for _ in range(repeats))


def inputs(B, L, D, dtype=torch.float32):
    """Decays in (0.9, 1) and normal inputs."""
    a = 0.9 + 0.1 * torch.rand(B, L, D, device=device)
    return a.to(dtype), torch.randn(B, L, D, device=device, dtype=dtype)


rows = []
for D in (1, 16, 256, 4096):
    a, b = inputs(1, length, D)
    ms = milliseconds(lambda a=a, b=b: linear_scan(a, b, backend="naive"), 3)
    rows.append({"channels": D, "ms": ms, "ns per number": 1e6 * ms / (length * D)})
pd.DataFrame(rows).round(2)

# %% [markdown]
# The work grew 4,096 times. Look how little the time grew. So for one channel nearly all of the
# time was not arithmetic. It was Python, asking torch for a multiplication, then for an addition,
# and waiting for each: microseconds of ceremony for a nanosecond of work.
#
# That is the first speed-up, and it is free. **Batch and channels do not depend on each
# other**, so one call can serve them all. Only time is stubborn: $h_t$ needs $h_{t-1}$.
#
# ## The idea that frees time: two steps are again a step
#
# Look at one step as a thing of its own: "multiply by $a$, then add $b$". Call it the pair
# $(a, b)$. Do one step, then another:
#
# $$h \;\longrightarrow\; a_2\,(a_1 h + b_1) + b_2$$
#
# **Exercise scan.2.** Is there a single step, one pair, that does what these two do? Write it.
# Every parallel version on this page, down to the one in Triton, is made of this function.


# %% tags=["exercise"]
def my_join(a1, b1, a2, b2):
    """Two steps in a row, (a1, b1) and then (a2, b2), as one step.

    All of one shape; returns the a and the b of the joined step.
    """
    todo()


my_join = exercise("scan.2").check(my_join)

# %%
step = kept[0, 0], cups[0, 0]
for t in range(1, 60):
    step = my_join(*step, kept[0, t], cups[0, t])
assert_close(step[1], held[0, -1], "sixty steps as one")
print("sixty steps of the three buckets, joined to a single one: the last state")

# %% [markdown]
# Multiply out, and sort by what stands before $h$:
#
# $$a_2\,(a_1 h + b_1) + b_2 = (a_1 a_2)\,h + (a_2 b_1 + b_2)$$
#
# The result is again "multiply by something, then add something": a pair. So
#
# $$(a_1, b_1) \circ (a_2, b_2) = (a_1 a_2,\; a_2 b_1 + b_2)$$
#
# Two steps make one step, and a thousand steps make one step. Nobody said in which order to
# join neighbours. You may put the brackets where you like: the operation is **associative**.


# %%
def join(first, second):
    """Two steps in a row, as one step."""
    return first[0] * second[0], second[0] * first[1] + second[1]


def fold(steps):
    """Join neighbours, at random places, until one step is left."""
    steps = list(steps)
    while len(steps) > 1:
        at = int(torch.randint(len(steps) - 1, ()))
        steps[at : at + 2] = [join(steps[at], steps[at + 1])]
    return steps[0]


decays, cups = torch.rand(40).double().tolist(), torch.randn(40).double().tolist()
last = loop(decays, cups)[-1]
tries = [fold(zip(decays, cups, strict=True))[1] for _ in range(100)]
assert max(abs(found - last) for found in tries) < 1e-12
print(f"100 ways to put the brackets, one answer: {last:.12f}")

# %% [markdown]
# Not *exactly* one answer: floating point rounds differently in each order. The differences
# are of the size of the last digit, which is why the check asks for $10^{-12}$ and not for
# equality. Every comparison in this course has such a bound, and says which.
#
# ## All states in log₂ L rounds
#
# The last state alone would be a tree of brackets. We want every state. Here is a way that
# Hillis and Steele described in 1986. In round 1 each step joins the step before it. Now it
# stands for two steps. In round 2 it joins the pair two places back, and stands for four.
# Then eight. Move the slider and read the labels: they tell which steps a state holds so far.

# %%
scan_rounds(8)

# %% [markdown]
# Every round is one operation on the whole sequence, with no order inside. Eight steps need
# three rounds, a thousand need ten. In torch, "the pair so many places back" is a shift, and
# what is shifted in from before the start is the step that changes nothing: $(1, 0)$.


# %%
def doubling(a, b):
    """Every state in log2(L) rounds; a, b: [B, L, D]."""
    back = 1
    while back < a.shape[1]:
        shift = (0, 0, back, -back)  # of the axes D and L: `back` new steps in front
        earlier = F.pad(a, shift, value=1.0), F.pad(b, shift, value=0.0)
        a, b = join(earlier, (a, b))
        back *= 2
    return b


a, b = inputs(batch, length, width)
expected = linear_scan(a, b, backend="naive")
assert_close(doubling(a, b), expected, "doubling")
print(f"{math.ceil(math.log2(length))} rounds instead of {length} steps, same states")

# %% [markdown]
# There is a price. The loop does $L$ joins. Doubling does about $L \log_2 L$, and it sends the
# whole sequence through memory once per round. With thousands of idle threads that is a good
# bargain. With two CPU cores it is not, as the timings below will show.
#
# The library's torch backend makes another bargain: cut the sequence into $\sqrt{L}$ pieces,
# walk all pieces at once, then carry the state from piece to piece. That is about $2\sqrt{L}$
# calls and little more than twice the work, and every operation is one that autograd knows.

# %%
from marslab.kernels.linear_scan import torch_ops

assert_close(linear_scan(a, b, backend="torch"), expected, "torch")
source(torch_ops.linear_scan)

# %% [markdown]
# ## numba: give the loop to a compiler
#
# The other way out is to keep the loop and get rid of Python. numba reads the bytecode of a
# function and compiles it to machine code for your processor. The library's CPU kernel is the
# loop you know, with two choices that matter:
#
# - `prange` hands out tasks: one row of the batch and one block of channels each. Tasks share
#   nothing, so cores never wait for each other;
# - inside a task time runs outside and **channels run inside**. They lie next to each other in
#   memory, so the processor loads eight or sixteen at once and does them in one instruction.

# %%
from marslab.kernels.linear_scan import cpu

assert_close(linear_scan(a.cpu(), b.cpu(), backend="numba"), expected.cpu(), "numba")
source(cpu._forward)

# %%
on_cpu = {"a": a.cpu(), "b": b.cpu()}
times = {
    name: milliseconds(lambda name=name: linear_scan(**on_cpu, backend=name))
    for name in ("naive", "torch", "numba")
}
times["doubling"] = milliseconds(lambda: doubling(**on_cpu))
timing_bars(times, title=f"One forward scan, [{batch}, {length}, {width}], CPU", dark=dark)

# %% [markdown]
# These are figures of your machine, taken just now. If something else keeps it busy, they jump:
# run the cell again. That is why nothing in the course asserts a time. What is asserted is that
# all of them give the same states.
#
# Is the torch backend slower than the plain loop? With many channels it can be. It makes fewer
# calls, but each one copies more. It earns its keep where calls are dear and data is small, and
# it runs on any device that torch runs on.
#
# ## Thinking like a GPU
#
# A GPU runs the same function in thousands of **threads**. A thread knows its number, and that
# number is the only thing that makes it different from the others. Threads come in **blocks**.
# The threads of one block share a small fast memory and can wait for each other. Blocks cannot.
#
# You need no GPU to learn that. numba brings a simulator that runs CUDA kernels in Python. It
# looks at its switch once, when `numba.cuda` is first imported, so we set it and put it back.

# %%
from numba.core import config

before, config.ENABLE_CUDASIM = config.ENABLE_CUDASIM, 1
from numba import cuda

config.ENABLE_CUDASIM = before


@cuda.jit
def one_thread_per_channel(a, b, h):
    d = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if d < a.shape[1]:  # the last block may have threads without a channel
        state = 0.0
        for t in range(a.shape[0]):
            state = a[t, d] * state + b[t, d]
            h[t, d] = state


# %%
decays, cups = torch.rand(20, 10).double().numpy(), torch.randn(20, 10).double().numpy()
states = np.zeros_like(decays)
one_thread_per_channel[3, 4](decays, cups, states)  # 3 blocks of 4 threads for 10 channels
exact = linear_scan(*(torch.tensor(x)[None] for x in (decays, cups)), backend="naive")[0]
assert_close(torch.tensor(states), exact, "one thread per channel")
print("12 threads in 3 blocks, two of them without work, same states")

# %% [markdown]
# One thread walks one channel. At each step neighbouring threads touch neighbouring numbers,
# so the hardware fetches them together. With enough rows and channels that is all a GPU needs.
#
# With one long sequence and few channels most of the GPU would stand idle. Then time itself
# has to be shared out. Below, one block scans one channel by doubling: a thread per step, the
# pairs in shared memory. The two `syncthreads` are the point. Without the first, a thread could
# overwrite a pair that its neighbour has not read yet.


# %%
@cuda.jit
def one_block_per_channel(a, b, h):
    t, d = cuda.threadIdx.x, cuda.blockIdx.x
    keep = cuda.shared.array(32, np.float64)
    add = cuda.shared.array(32, np.float64)
    keep[t], add[t] = a[t, d], b[t, d]
    cuda.syncthreads()
    back = 1
    while back < 32:
        pair = keep[t], add[t]
        if t >= back:
            pair = keep[t - back] * pair[0], pair[0] * add[t - back] + pair[1]
        cuda.syncthreads()  # everybody has read
        keep[t], add[t] = pair
        cuda.syncthreads()  # everybody has written
        back *= 2
    h[t, d] = add[t]


# %%
decays, cups = torch.rand(32, 2).double().numpy(), torch.randn(32, 2).double().numpy()
states = np.zeros_like(decays)
one_block_per_channel[2, 32](decays, cups, states)  # 2 channels, 32 steps each
exact = linear_scan(*(torch.tensor(x)[None] for x in (decays, cups)), backend="naive")[0]
assert_close(torch.tensor(states), exact, "one block per channel")
print("64 threads in 2 blocks, 5 rounds, same states")

# %% [markdown]
# ## Triton, block by block
#
# In CUDA you write what one thread does. In **Triton** you write what one *block* does, on whole
# tiles of numbers, and the compiler deals with threads, shared memory and `syncthreads`.
# The library's GPU kernel is written in it. We build the same thing in two steps.
#
# Without a GPU the kernels run in Triton's interpreter: slow, but the same source. Without
# Triton (it exists for Linux only) the cells say so, and you can read on.

# %%
from importlib.util import find_spec
from types import SimpleNamespace

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


# %% [markdown]
# **Step 1: one tile.** A block takes `T` steps of `W` channels: it computes the addresses, loads
# the tile of `a` and the tile of `b`, scans along axis 0, stores. `tl.associative_scan` asks for
# nothing but the rule that joins two steps. It is the rule from above, word for word.
#
# The mask says which places of the tile lie inside the array. Outside, `a` reads as 1 and `b`
# as 0, the step that changes nothing.


# %%
@jit
def compose(a1, b1, a2, b2):
    return a1 * a2, a2 * b1 + b2


@jit
def one_tile(a, b, h, L, D, T: tl.constexpr, W: tl.constexpr):
    steps = tl.arange(0, T)[:, None]
    channels = tl.program_id(0) * W + tl.arange(0, W)[None, :]
    inside = (steps < L) & (channels < D)
    place = steps * D + channels
    a_tile = tl.load(a + place, mask=inside, other=1.0)
    b_tile = tl.load(b + place, mask=inside, other=0.0)
    _, h_tile = tl.associative_scan((a_tile, b_tile), 0, compose)
    tl.store(h + place, h_tile, mask=inside)


# %%
def check(kernel, L, D, T, W):
    """Launch one block per W channels and compare with the definition."""
    if triton is None:
        return print("Triton is not installed here: pip install 'marslab[gpu]' (Linux)")
    a, b = inputs(1, L, D)
    h = torch.full_like(b, float("nan"))  # a place that nobody writes will show
    kernel[(math.ceil(D / W),)](a, b, h, L, D, T, W)
    assert_close(h, linear_scan(a, b, backend="naive"), "the tile")
    print(f"{L} steps, {D} channels, tiles of {T} x {W}: agrees with the definition")


check(one_tile, L=7, D=3, T=8, W=2)

# %% [markdown]
# **Step 2: many tiles.** A tile must fit into the registers of one block, a sequence need not.
# So the block walks from tile to tile and **carries** the state.
#
# **Exercise scan.3.** Write that walk in torch. Use `my_scan` for each tile: it starts from
# nothing, so what is left to find is what the state that enters adds to each step. All
# implementations of scans that cut time into pieces, on any machine, have this at their seams.


# %% tags=["exercise"]
def my_tiles(a, b, size):
    """The states of a scan that is done `size` steps at a time, the last tile maybe shorter.

    a, b: [B, L, D]; returns every state h, [B, L, D].
    """
    todo()


my_tiles = exercise("scan.3").check(my_tiles)

# %%
a, b = inputs(batch, length, width)
assert_close(my_tiles(a, b, 100), linear_scan(a, b, backend="naive"), "tile after tile")
print(f"{math.ceil(length / 100)} tiles of up to 100 steps, same states")

# %% [markdown]
# The kernel lets the state in by a shorter way: the first step of a tile adds `a * carry` to its
# `b`, and the scan of the tile does the rest.
#
# The new carry is the last row of the tile. Registers have no address, so "the last row" is
# written as: zero everything else, then add up.


# %%
@jit
def add(x, y):
    return x + y


@jit
def many_tiles(a, b, h, L, D, T: tl.constexpr, W: tl.constexpr):
    rows = tl.arange(0, T)[:, None]
    channels = tl.program_id(0) * W + tl.arange(0, W)[None, :]
    carry = tl.full([W], 0.0, tl.float32)
    for start in range(0, L, T):
        steps = start + rows
        inside = (steps < L) & (channels < D)
        place = steps * D + channels
        a_tile = tl.load(a + place, mask=inside, other=1.0)
        b_tile = tl.load(b + place, mask=inside, other=0.0)
        b_tile = tl.where(rows == 0, a_tile * carry[None, :] + b_tile, b_tile)
        _, h_tile = tl.associative_scan((a_tile, b_tile), 0, compose)
        tl.store(h + place, h_tile, mask=inside)
        carry = tl.reduce(tl.where(rows == T - 1, h_tile, 0.0), 0, add)


check(many_tiles, L=13, D=3, T=4, W=2)

# %% [markdown]
# That is a whole scan kernel. The library's does the same four things for each tile: load, let
# the state in, scan, store. It adds what real use needs: a batch (`row`), an initial state, time
# walked backwards (`FLIP`), 16-bit inputs, and `STAGES`, the number of tiles that are being
# loaded while an earlier one is scanned.

# %%
library = "Triton is not installed here, so the library's GPU kernel cannot be imported."
if triton is not None:
    from marslab.kernels.linear_scan import gpu_walk

    library = source(gpu_walk.forward)
library

# %% [markdown]
# One block per `W` channels fills a GPU when there are thousands of channels. With one long
# sequence and few channels it does not, and the library takes another schedule,
# `marslab.kernels.linear_scan.gpu_lookback`: blocks share out time as well, and each looks back
# at what the blocks before it have published.
#
# On a GPU the library runs compiled. Without one, Triton wants to know before Python starts that
# it shall interpret, so we start a second Python and let that one compare.

# %%
import os
import subprocess
import sys

script = """
import torch
from marslab.kernels import linear_scan
a, b = torch.rand(2, 9, 5), torch.randn(2, 9, 5)
gap = linear_scan(a, b, backend="triton") - linear_scan(a, b, backend="naive")
print(gap.abs().max().item())
"""
if triton is not None and device == "cpu":
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    ask = [sys.executable, "-c", script]
    told = subprocess.run(ask, env=environment, capture_output=True, text=True, check=True)
    assert float(told.stdout) < 1e-6, told.stdout
    print(f"library's kernel, interpreted: largest difference {float(told.stdout):.1e}")

# %% [markdown]
# ## The gradient: the same scan, backwards in time
#
# To learn, a network must know how the loss changes with every `a` and every `b`. A change of
# $h_t$ acts in two ways: directly, by what the layer above says ($\mathrm{d}h_t$), and through
# the next state, which is $a_{t+1}h_t + \dots$
#
# **Exercise scan.4.** Write what reaches `a` and `b`, in a loop that starts at the last step.
# Autograd would keep every step in memory for this; by hand it is a few lines.


# %% tags=["exercise"]
def my_gradient(a, h, dh):
    """What reaches a and b, from what the layer above says about each state.

    a, h, dh: [B, L, D]; returns da and db, [B, L, D] each.
    """
    todo()


my_gradient = exercise("scan.4").check(my_gradient)

# %%
leaves = [torch.rand(2, 9, 3, dtype=torch.float64, requires_grad=True) for _ in "ab"]
h = linear_scan(*leaves, backend="naive")
dh = torch.ones_like(h)
wanted = torch.autograd.grad(h, leaves, dh)
found = my_gradient(leaves[0].detach(), h.detach(), dh)
for mine, theirs in zip(found, wanted, strict=True):
    assert_close(mine, theirs, "the loop backwards in time")
print("the loop backwards in time gives what autograd gives")

# %% [markdown]
# With $g_t$ for the sum of both ways
#
# $$g_t = \mathrm{d}h_t + a_{t+1}\,g_{t+1}$$
#
# Read it again. It is our recurrence, from the last step to the first, with the decays moved by
# one. And since $h_t = a_t h_{t-1} + b_t$, the rest falls out: $\mathrm{d}b_t = g_t$ and
# $\mathrm{d}a_t = g_t\,h_{t-1}$.
#
# In the picture the layer above complains once, at step 50. The blame runs back in time and
# fades at the rate at which the state had faded. Short memories learn from the recent past only.


# %%
def gradient(a, h, dh):
    """What reaches a and b, from what reaches h."""
    zero = torch.zeros_like(a[:, :1])
    g = linear_scan(torch.cat([a[:, 1:], zero], 1), dh, reverse=True)
    return g * torch.cat([zero, h[:, :-1]], 1), g


complaint = torch.zeros(1, 60, 3)
complaint[:, 50] = 1.0
_, blame = gradient(kept, held, complaint)
title = "One complaint, and whom it blames"
options = {"channels": range(3), "labels": names, "drive": "complaint dh"}
figure = scan_lines(blame, b=complaint, **options, title=title, dark=dark)
figure.update_yaxes(title_text="gradient g (no unit)")

# %% [markdown]
# Three checks, each independent of the others: autograd through the plain loop, numerical
# differences (`gradcheck`), and the library's compiled backward.

# %%
a = torch.rand(2, 9, 3, dtype=torch.float64, requires_grad=True)
b = torch.randn(2, 9, 3, dtype=torch.float64, requires_grad=True)
h = linear_scan(a, b, backend="naive")
dh = torch.randn_like(h)
wanted = torch.autograd.grad(h, (a, b), dh)
for ours, theirs in zip(gradient(a, h, dh), wanted, strict=True):
    assert_close(ours, theirs, "the gradient by hand")
compiled = torch.autograd.grad(linear_scan(a, b, backend="numba"), (a, b), dh)
for ours, theirs in zip(compiled, wanted, strict=True):
    assert_close(ours, theirs, "numba's gradient")
assert torch.autograd.gradcheck(lambda a, b: linear_scan(a, b, backend="numba"), (a, b))
print("by hand, by autograd, by differences and compiled: one gradient")

# %% [markdown]
# ## How fast could it be? The roofline of your machine
#
# A scan does two operations for each number that it writes, and it must read two numbers and
# write one: 12 bytes in float32. No cleverness changes that. So there is a floor under the time:
# **bytes moved once, over the rate at which your memory moves bytes**. Arithmetic is not the
# limit, as the picture shows: the points stand far left of the place where the roof turns flat.
#
# The cell measures your memory, measures your arithmetic, then times every backend on arrays
# sixteen times as wide as above.


# %%
def points(B, L, D):
    """(operations, bytes, seconds) of each backend that can run here."""
    a, b = inputs(B, L, D)
    work = 2 * B * L * D, cost((B, L, D), a.element_size()).bytes
    fit = {name: x for name, x in available().items() if x.ok and x.device in ("any", device)}
    here = [name for name, x in fit.items() if not x.reason.startswith("interpreter")]
    calls = {name: lambda name=name: linear_scan(a, b, backend=name) for name in here}
    return {name: (*work, milliseconds(call, 3) / 1e3) for name, call in calls.items()}


measured = points(batch, length, 16 * width)
rate = stream(device)
roofline(measured, rate, matmul_rate(device), dark=dark)

# %%
floor = 1e3 * cost((batch, length, 16 * width), 4).bytes / rate
milli = {name: 1e3 * spent for name, (_, _, spent) in measured.items()}
record("share of the memory rate", floor / min(milli.values()))
timing_bars(milli, floor, title="The same runs beside the floor", dark=dark)

# %% [markdown]
# The dashed line is the floor. On a processor with a very large cache a run can land left of it,
# and its point above the roof: part of the data still sits in the cache from the run before, and
# the floor was measured with arrays too large for that. `marslab bench` measures on large sizes,
# in turns, and keeps the result.
#
# **Twice as long, twice the time?** The designs promise a cost of O(N) in the length. Eight times
# the steps should then take eight times as long: an exponent of 1. To look at every pair of steps,
# as attention does, would take sixty-four times as long: an exponent of 2.

# %%
lengths = (4096, 8192, 16384, 32768)
given = [inputs(1, L, 64) for L in lengths]
spent = [milliseconds(lambda x=x: linear_scan(*x)) for x in given]
exponent = math.log(spent[-1] / spent[0]) / math.log(lengths[-1] / lengths[0])
claim("mars-linear-time", exponent)
print(f"time grows with the length to the power {exponent:.2f}")
pd.DataFrame({"steps": lengths, "ms": spent})

# %% [markdown]
# Nothing is asserted about a time here either; `claim` keeps the figure with this notebook, and
# `marslab claims` prints what was measured for every promise of the designs, kept or not.
#
# ## What goes wrong
#
# **Dividing by the product of decays.** There is a tempting formula without any scan. With
# $P_t = a_1 a_2 \cdots a_t$ the states are $h_t = P_t \sum_{i \le t} b_i / P_i$: one `cumprod`,
# one `cumsum`, done. It is right on paper. Let all decays be 0.9 and all inputs 1. The state
# should settle at 10.

# %%
a, b = torch.full((1, 1200, 1), 0.9), torch.ones(1, 1200, 1)
product = a.cumprod(1)
clever, scanned = product * (b / product).cumsum(1), linear_scan(a, b)
broken = (~clever.isfinite()).flatten().nonzero().flatten()
assert len(broken) and abs(scanned[0, -1, 0].item() - 10) < 1e-4
print(f"the clever formula breaks at step {int(broken[0]) + 1}")
steps = [1, 100, 800, 900, 1000, 1200]
columns = {"product": product, "clever": clever, "scan": scanned}
pd.DataFrame(
    {name: [f"{x[0, step - 1, 0]:.6g}" for step in steps] for name, x in columns.items()},
    index=pd.Index(steps, name="step"),
)

# %% [markdown]
# The product shrinks by a tenth at every step. One over the product grows as fast, and float32
# ends at $3.4 \cdot 10^{38}$: beyond that the sum is infinite. A little later the product itself
# reaches zero, and infinity times zero is not a number. A scan never divides. It multiplies
# decays over stretches, and where such a product becomes zero, the state *was* forgotten.
#
# **Decays in bfloat16.** Near 1 a bfloat16 moves in steps of 1/256 downwards from 1. A decay
# that says "keep 99.9 %" cannot be written. It becomes "keep everything".

# %%
decays = torch.tensor([0.9975, 0.998, 0.999, 0.9999])
rounded = decays.bfloat16()
cup = torch.zeros(1, 3000, 4, dtype=torch.bfloat16)
cup[:, 0] = 1.0
left = {
    "a in bfloat16": linear_scan(rounded.expand(1, 3000, 4), cup)[0, -1],
    "a in float32": linear_scan(decays.expand(1, 3000, 4), cup)[0, -1],
}
assert rounded.tolist() == [0.99609375, 0.99609375, 1.0, 1.0]
table = pd.DataFrame({"meant": decays.tolist(), "rounded": rounded.tolist()}).round(4)
for name, h in left.items():
    table[f"left after 3,000 steps, {name}"] = [f"{x:.3g}" for x in h.float().tolist()]
table

# %% [markdown]
# Rounded, the two slow memories never forget, and the two faster ones forget too soon. That is
# why every op of the library takes `a` in float32 beside a 16-bit `b`, as the last column does,
# and why the state inside the kernels has at least the precision of float32.
#
# ## A model that reads with a scan
#
# Now let the decays be learned. scikit-learn's handwritten digits are 8 by 8 pixels. We read one
# as a text of 8 steps: a row of 8 pixels at a time. The layer chooses, for each row and channel,
# what share of its state to keep, and what to add:
#
# $$a_t = \sigma(W_a x_t + c), \qquad h_t = a_t\,h_{t-1} + (1 - a_t)\,W_b x_t$$

# %%
from marslab.layers import LinearRecurrence

source(LinearRecurrence.forward)

# %% [markdown]
# The sigmoid keeps each decay between 0 and 1, so nothing can explode. The factor $1 - a_t$ makes
# the state a weighted mean of what was read. The model runs one such layer downwards and one
# upwards, and what the two remember at their ends decides among ten classes. We train two: one
# as it is, and one whose memory is switched off ($a_t = 0$). The second sees one row from each
# end. **How many digits can it tell apart with that? Guess first.**

# %%
from marslab.learning import fit
from marslab.tasks import Split, load_digits_sequences

torch.set_num_threads(1)  # steps this small lose more by being shared out than they gain
digits = Split(*(part.to(device) for part in load_digits_sequences(seed)))
print(f"{len(digits.train_y)} digits to learn from, {len(digits.test_y)} held out")


def trained(**recurrence):
    """A model of the digits, trained here and now, and how it went."""
    marslab.seed_everything(seed)
    changes = {f"recurrence.{name}": value for name, value in recurrence.items()}
    model = marslab.build("digits-recurrence", changes).to(device)
    return model, fit(model, digits, epochs=15 if fast else 40, lr=1e-2, seed=seed)


model, with_memory = trained()
_, without = trained(enabled=False)

# %%
table = pd.DataFrame(
    {
        "loss": [x.loss for x in with_memory],
        "held out, with memory": [x.held_out for x in with_memory],
        "held out, without": [x.held_out for x in without],
    }
)
assert with_memory[-1].held_out >= 0.9
assert without[-1].held_out < 0.75 < with_memory[-1].held_out
table.iloc[[0, 1, 2, 4, 9, -1]].round(3)

# %% [markdown]
# The memory is worth that difference, and it is nothing but the recurrence of this page.
#
# Where does the model still fail? Each row below is a kind of mistake among the held-out digits.

# %%
with torch.no_grad():
    said = model.eval()(digits.test_x).argmax(-1)
wrong = said != digits.test_y
pairs = pd.DataFrame({"it is": digits.test_y[wrong].tolist(), "model says": said[wrong].tolist()})
print(f"{int(wrong.sum())} of {len(said)} held-out digits are wrong")
pairs.value_counts().rename("times").reset_index().head(8)

# %% [markdown]
# And what does it hold while it reads? Every system in this course reports what happens inside
# it, to whoever opens a trace. Below is one held-out digit and the state of the downward layer,
# 32 channels over 8 rows. Some channels jump with every row, some gather slowly. Nobody told
# them to: the decays were learned.

# %%
with marslab.trace() as t, torch.no_grad():
    model(digits.test_x[:1])

for row in digits.test_x[0].tolist():
    print("".join(" ·░▒▓█"[round(5 * ink)] * 2 for ink in row))
scan = t.frame("scan")
title = f"The state over the rows of a {int(digits.test_y[0])}"
state_heatmap(scan["h"][0], title=title, dark=dark)

# %% [markdown]
# ## Something to turn: how long is a memory?
#
# A decay is easier to feel as a **time constant** $\tau$, with $a = e^{-1/\tau}$: after $\tau$
# steps 37 % of an input is left, after $3\tau$ steps 5 %. The explorer cuts your text into bytes
# with `marslab.text.ByteTokenizer` and scans them. Put the slider at 1 and the memory is hardly
# more than the last byte. Put it at 64 and every byte counts, and none can be told from the next.
# (Tab reaches the slider, the arrow keys move it.)

# %%
text_memory(text, 8.0)

# %% [markdown]
# Neither end is good, and no single $\tau$ is. So models keep many channels, from fast to slow,
# and let the input choose: the layer that you trained starts with time constants from 1 to 8.
#
# ## Try it
#
# The four exercises above are yours to solve: `marslab progress` shows how far you are, and
# `marslab hint scan.1` gives a nudge. There is more to try. Predict first, then change the cell
# and run it. Each answer is a number on your screen.
#
# 1. **Rounds.** How many rounds does `doubling` need for 1,000 steps, and how many for 1,025?
#    Run `scan_rounds(16)`, then compute `math.ceil(math.log2(L))` for both.
# 2. **The wrong order.** In `compose` of the Triton section write `a1 * b2 + b1` in place of
#    `a2 * b1 + b2`, and run on. Which check stops you, and how large is the error that it names?
#    It is the most common bug in scans.
# 3. **Overflow.** In *What goes wrong* set the decays to 0.5. At which step does the clever
#    formula break now? Predict it from $2^t = 3.4 \cdot 10^{38}$. (The state settles at 2 then, so
#    change the 10 in the assertion.)
# 4. **One way only.** Train `trained(both_ways=False)` and look at the last `held_out`. Is a
#    reader that goes from top to bottom worse than one that goes both ways? By how much?
#
# ## Recap
#
# - A recurrence is a chain of pairs $(a, b)$. Joining pairs is associative, so time can be cut.
# - Batch and channels are free. Time costs $\log_2 L$ rounds, or tiles with a carry.
# - The gradient is the same scan, run backwards.
# - The limit is memory traffic: 12 bytes for each state in float32, whatever you do.
# - Never divide by a product of decays. Never keep a decay near 1 in 16 bits.
#
# **Source.** `marslab.kernels.linear_scan`, one file for each way: `naive`, `torch_ops`, `cpu`,
# `gpu` with its schedules, and `autograd`, which joins them to torch. The layer is
# `marslab.layers.LinearRecurrence`, the model `marslab.systems.digits_recurrence.DigitsRecurrence`,
# the training loop `marslab.learning.fit`.
#
# **Papers.**
# - Hillis & Steele 1986, [Data parallel algorithms](https://doi.org/10.1145/7902.7903):
#   the scan by doubling.
# - Blelloch 1990, *Prefix sums and their applications*, CMU-CS-90-190: why scans; section 1.4.1
#   has the pair of a linear recurrence.
# - Martin & Cundy 2018,
#   [Parallelizing linear recurrent neural nets](https://arxiv.org/abs/1709.04057):
#   the gradient, and networks built on it.
# - Williams, Waterman & Patterson 2009,
#   [Roofline](https://doi.org/10.1145/1498765.1498785): the picture of limits.
#
# **Next.** Turn the same op by hand in the dashboard: `marslab dash scans`. The map of the course
# in [00_start](00_start.ipynb) shows what exists so far.
