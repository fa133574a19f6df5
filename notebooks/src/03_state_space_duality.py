# %% [markdown]
# # State space duality: one map, three ways
#
# A recurrence carries a state from step to step. Attention lets every step look at every earlier
# one. They seem to be two kinds of machine. In 2024 Tri Dao and Albert Gu showed that, with one
# decay per head, they are two ways to compute the very same thing. This notebook lets you see
# that, and then uses a third way that is faster than both.
#
# **You will learn**
# - how a fading memory looks when it is written as a matrix of who looks at whom;
# - why the recurrence costs $L$ and the matrix $L^2$, and where one overtakes the other;
# - how chunks take the best of both, and why the size of a chunk hardly matters;
# - what linear attention is, and what a loop that calls itself SSD is not;
# - why decays must be summed over each stretch, and never divided.
#
# **Time** about 40 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: longer sequences in the timings
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
heads, head_width, states = 2, 16, 16  # H, P, N of the timings
text = "who looks at whom? who forgets whom?"

# %%
import inspect
from statistics import median
from textwrap import dedent

import ipywidgets
import pandas as pd
import plotly.io as pio
import torch
import torch.nn.functional as F
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels import available, ssd, ssd_quadratic
from marslab.kernels.roofline import watch
from marslab.kernels.ssd import decay, naive, quadratic, torch_ops
from marslab.kernels.ssd.work import draw
from marslab.kernels.testing import assert_close, error
from marslab.lab.claims import claim
from marslab.lab.course import exercise, todo
from marslab.text import ByteTokenizer
from marslab.widgets.explorers import Explorer
from marslab.widgets.explorers.text_memory import characters
from marslab.widgets.figures import CONFIG, curves, log_lines, matrix_heatmap

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## The idea, in words and a picture
#
# Think of a page written with a fading pencil. At every step the whole page fades a little, by one
# factor. Then a note is added: a **value** $x_t$ under a **key** $B_t$. To read, you bring a
# **query** $C_t$, and get back the values whose keys look like it, each as pale as it is old.
#
# Below, the notes are the bytes of a short text. Every byte has a random direction as its key, and
# the same direction as its query. So a byte finds earlier copies of itself. Each row is a byte
# that looks, each column one that is looked at. The diagonal is a byte finding itself.
# The faint spots are chance: random directions are nearly at right angles, not quite.

# %%
tokens = torch.tensor(ByteTokenizer().encode(text))
table = F.normalize(torch.randn(256, 64, dtype=torch.float64), dim=-1)
keys = table[tokens][None, :, None]  # [B, L, G, N] with one row and one group
length = len(tokens)


def looks(per_step):
    """The matrix of the text when each step keeps the share `per_step`; [L, L]."""
    dt = torch.ones(1, length, 1, dtype=torch.float64)
    A = torch.tensor([per_step], dtype=torch.float64).log()
    return quadratic.matrix(dt, A, keys, keys)[0, 0]


picture = looks(0.95)
named = {"row_labels": characters(text), "column_labels": characters(text)}
axes = {"rows": "step that looks (byte)", "columns": "step that is looked at (byte)"}
title = "Who looks at whom, keeping 95 % a step"
matrix_heatmap(picture, **axes, **named, name="weight", title=title, dark=dark, height=560)

# %%
repeats = text.rindex("who"), text.index("who")
assert torch.equal(picture, picture.tril())  # nobody looks ahead
assert torch.allclose(picture.diag(), torch.ones(length, dtype=torch.float64))
expected = 0.95 ** (repeats[0] - repeats[1])
assert abs(picture[repeats] - expected) < 1e-12
print(f"the last 'who' sees the first, {repeats[0] - repeats[1]} steps ago, at {expected:.3f}")

# %% [markdown]
# ## Way 1: the recurrence
#
# The page is a matrix $h_t$ with a row for each number of the value and a column for each number
# of the key. $A \le 0$ is how fast the head forgets, $\Delta_t \ge 0$ how much time step $t$ takes:
#
# $$h_t = e^{\Delta_t A}\,h_{t-1} + \Delta_t\,x_t B_t^T, \qquad y_t = h_t C_t + D x_t$$
#
# The network computes $\Delta$, $B$ and $C$ from its input, so it decides at each step how much to
# forget, what to write and what to ask. $D x_t$ is a short cut around the memory. One head, as a
# loop:


# %%
def loop(x, dt, A, B, C):
    """x [L, P], dt [L], A a number, B and C [L, N] -> y [L, P]."""
    h, y = torch.zeros(x.shape[1], B.shape[1], dtype=x.dtype), []
    for x_t, dt_t, B_t, C_t in zip(x, dt, B, C, strict=True):
        h = torch.exp(dt_t * A) * h + torch.outer(dt_t * x_t, B_t)
        y.append(h @ C_t)
    return torch.stack(y)


x, dt, A, B, C, D, h0 = draw((1, 50, 1, 4, 1, 3))  # B, L, H, P, G, N; float64
by_hand = loop(x[0, :, 0], dt[0, :, 0], A[0], B[0, :, 0], C[0, :, 0])
assert_close(by_hand, ssd(x, dt, A, B, C, backend="naive")[0, :, 0], "the loop")
source(naive.ssd)

# %% [markdown]
# The library's definition is the same loop for a batch and many heads. Heads may share their keys
# and queries in groups, as in grouped attention: $B$ and $C$ have a *group* axis of their own.
#
# ## Way 2: the matrix
#
# Follow one note. Written at step $s$, it has faded by $e^{A(\Delta_{s+1} + \dots + \Delta_t)}$
# when step $t$ reads it. What step $t$ gets is the sum over all notes so far:
#
# $$y_t = \sum_{s \le t} \underbrace{e^{A(\Delta_{s+1} + \dots + \Delta_t)}}_{\text{mask}}\;
# \underbrace{(C_t \cdot B_s)}_{\text{score}}\;\Delta_s\,x_s$$
#
# Scores of queries with keys, a mask, values: that is attention. The softmax is missing, and the
# mask is not only "no looking ahead" but a slope that fades. No step waits for another one.
#
# **Exercise duality.1.** Write the mask, from what each step keeps. It looks harmless, and two of
# the three usual ways to write it break on real decays, as *What goes wrong* will show.


# %% tags=["exercise"]
def my_mask(decay):
    """What is left at step t of what step s wrote: decay[s+1] ... decay[t], multiplied.

    decay: [L], each in [0, 1]; returns [L, L], row t, column s, 0 for s > t.
    """
    todo()


my_mask = exercise("duality.1").check(my_mask)

# %% [markdown]
# **Exercise duality.2.** With the mask, write the whole of the formula as one masked product. It is
# short; what matters is which index is a row, and which step the $\Delta$ belongs to.


# %% tags=["exercise"]
def my_attention(mask, dt, x, B, C):
    """y[t], the sum over s of mask[t, s] (C[t] . B[s]) dt[s] x[s].

    mask: [L, L]; dt: [L]; x: [L, P]; B, C: [L, N]; returns y, [L, P].
    """
    todo()


my_attention = exercise("duality.2").check(my_attention)

# %%
mask = my_mask((dt[0, :, 0] * A[0]).exp())
by_matrix = my_attention(mask, dt[0, :, 0], x[0, :, 0], B[0, :, 0], C[0, :, 0])
assert_close(by_matrix, by_hand, "the masked product")
print("a mask and two products give what the loop gave")

# %% [markdown]
# The library builds the same matrix for all heads:

# %%
source(quadratic.matrix)

# %%
operands = draw((2, 100, 4, 8, 2, 5))
y, state = ssd(*operands, return_state=True, backend="naive")
dual, last = ssd_quadratic(*operands, return_state=True)
assert_close(dual, y, "the matrix")
assert_close(last, state, "the state")
weight = torch.randn_like(y)
for leaf in operands:
    leaf.requires_grad_()
wanted = torch.autograd.grad(ssd(*operands, backend="naive"), operands, weight)
for ours, theirs in zip(
    torch.autograd.grad(ssd_quadratic(*operands), operands, weight), wanted, strict=True
):
    assert_close(ours, theirs, "a gradient of the matrix", gradient=True)
print("recurrence and matrix: one result, one final state, one gradient for all seven operands")

# %% [markdown]
# ## Way 3: chunks
#
# The recurrence does little work, but in $L$ small steps. The matrix is one big product, the thing
# that processors do best, but most of its work is for pairs that are far apart. Now look at a
# block of the matrix below the diagonal: rows of one chunk, columns of an earlier one. It was made
# through a state of $N$ numbers per value, so it cannot be complicated. Its **rank** is at most
# $N$.

# %%
x, dt, A, B, C, D, h0 = draw((1, 64, 1, 4, 1, 3))
whole = quadratic.matrix(dt, A, B, C)[0, 0]
near, far = whole[32:, 32:], whole[32:, :32]
ranks = [int(torch.linalg.matrix_rank(block)) for block in (near, far)]
assert ranks == [32, 3]
print(f"a block on the diagonal has rank {ranks[0]} of 32, one below it rank {ranks[1]} = N")

# %% [markdown]
# So do not multiply by such a block. Squeeze the earlier chunk into its state, and read from the
# state.
#
# **Exercise duality.3.** Write what a chunk hands to the next: the state after it, from the state
# before it, without walking the state through its steps. This is the seam of all chunked models.


# %% tags=["exercise"]
def my_carry(h, decay, x, B):
    """The state after T steps of h = decay[s] h + x[s] B[s]^T, without such a loop.

    h, the state before: [P, N]; decay: [T]; x: [T, P]; B: [T, N]; returns [P, N].
    """
    todo()


my_carry = exercise("duality.3").check(my_carry)

# %%
h = torch.zeros(4, 3, dtype=torch.float64)
for chunk in torch.arange(32).split(10):  # 10, 10, 10 and 2 steps
    share = (A * dt[0, chunk]).exp()[:, 0]  # what each step keeps
    h = my_carry(h, share, dt[0, chunk] * x[0, chunk, 0], B[0, chunk, 0])
_, entering = ssd(x[:, :32], dt[:, :32], A, B[:, :32], C[:, :32], return_state=True)
assert_close(h, entering[0, 0], "the state after four chunks")
print("32 steps in four chunks, the library's state")

# %% [markdown]
# Now the second half of the sequence, from that state and two pieces that the library already has:

# %%
inside = near @ x[0, 32:, 0]
keep = (A * dt[0, 32:, :].cumsum(0)).exp()  # from the start of the chunk to each step
from_before = keep * (C[0, 32:, 0] @ entering[0, 0].T)
assert_close(inside + from_before, ssd(x, dt, A, B, C, backend="naive")[0, 32:, 0], "two pieces")
print("a masked product inside the chunk + a read from the state that entered = the recurrence")

# %% [markdown]
# That is the whole algorithm: **attention inside a chunk, a recurrence between chunks.** Here it
# is in the library, for all chunks at once. `_carry` is the only loop, and it takes one step per
# chunk.

# %%
source(torch_ops.ssd)

# %%
operands = draw((2, 100, 4, 8, 2, 5))
expected = ssd(*operands, backend="naive")
for chunk_size in (1, 7, 64, 1000):
    assert_close(ssd(*operands, chunk_size=chunk_size, backend="torch"), expected, "chunks")
for name in ("torch", "numba"):
    if available()[name].ok:
        assert_close(ssd(*operands, backend=name), expected, name)
claim("mars-duality", error(ssd_quadratic(*operands), expected).worst)
print("any chunk size, same result: 1 is the recurrence, 1000 is the matrix")

# %% [markdown]
# ## What each way costs
#
# The same op three ways, and once more compiled, on sequences that get twice as long each time.
# Before you run the cell: which way wins at 32 steps? Which ones double from row to row, and which
# one quadruples?


# %%
def milliseconds(call, repeats=3):
    """Median time of one call, after one to warm up."""
    call()
    return 1e3 * median(watch(call, device)() for _ in range(repeats))


compiled = "numba" if device == "cpu" and available()["numba"].ok else "torch"
ways = {
    "recurrence": lambda *v: ssd(*v, backend="naive"),
    "matrix": ssd_quadratic,
    "chunks": lambda *v: ssd(*v, backend="torch"),
    f"chunks, {compiled}": lambda *v: ssd(*v, backend=compiled),
}
lengths = [32 * 2**i for i in range(6 if fast else 8)]
rows = {}
with torch.no_grad():
    for L in lengths:
        inputs = draw((1, L, heads, head_width, 1, states), torch.float32, device=device)
        rows[L] = {way: milliseconds(lambda f=f, v=inputs: f(*v)) for way, f in ways.items()}
times = pd.DataFrame(rows).T.rename_axis("L")
times.round(2)

# %%
won = [L for L in lengths if times.loc[L, "matrix"] <= times.loc[L, "chunks"]]  # by the matrix
said = f"from beyond L = {won[-1]}" if won else "at every length"
print(f"in this run chunks were faster than the matrix {said}")
lost = [L for L in lengths if times.loc[L, "matrix"] > times.loc[L, "recurrence"]]
print(f"the matrix was slower than the plain loop at L = {lost or 'none of these'}")
log_lines(
    {way: times[way] for way in times},
    lengths,
    x_title="length L (steps)",
    y_title="time (ms)",
    title=f"Three ways, H {heads}, P {head_width}, N {states}",
    dark=dark,
)

# %% [markdown]
# These are times of your machine, just now, so no cell asserts them. What can be asserted is the
# count of operations, and it explains the shapes: the recurrence needs about $5PN$ a step, whatever
# $L$ is, but pays Python for each of them. The matrix needs $\frac{L}{2} \cdot 2(N + P)$ a step. In
# chunks of $T$ it is $T$ in place of $L$, plus the work on states.
#
# ## Something to turn: the size of a chunk
#
# A small chunk spends its time on states, a large one on pairs. The explorer counts operations a
# step for one head of a real model, $P = 64$ and $N = 128$: the masked product, $T(N + P)$ for the
# half that is not masked, and $4PN$ for writing and reading states, plus $2PN/T$ for the carry.
# (Tab reaches the slider, the arrow keys move it.)


# %%
def operations(T, P=64, N=128):
    """Thousands per step and head: pairs inside a chunk of T steps, states, and all of it."""
    pairs, carried = T * (N + P), 4 * P * N + 2 * P * N / T
    return pairs / 1e3, carried / 1e3, (pairs + carried) / 1e3


def drawing(power):
    """The counts over all chunk sizes, and the one chosen."""
    sizes = [2**i for i in range(11)]
    pairs, carried, both = zip(*(operations(T) for T in sizes), strict=True)
    exponents = list(range(11))
    return curves(
        {"pairs": (exponents, pairs), "states": (exponents, carried), "both": (exponents, both)},
        {"chosen": ([power], [operations(2**power)[2]])},
        x_title="log2 of the chunk size (steps)",
        y_title="operations a step (thousands)",
        dark=dark,
    )


def tell(power):
    """The choice in a sentence."""
    T = 2**power
    pairs, _, both = operations(T)
    return (
        f"Chunks of {T} steps: {both:.1f} thousand operations a step,"
        f" {pairs / both:.0%} of them on pairs. "
        f"A sequence of 4,096 steps is a loop of {4096 // T:,}."
    )


assert operations(64)[2] < 1.3 * min(operations(2**i)[2] for i in range(11))
slider = ipywidgets.IntSlider(value=6, min=0, max=10, description="log2 T")
Explorer(drawing, tell, {"power": slider})

# %% [markdown]
# At 64 steps the count is about a quarter above its least. In return the loop between chunks has
# become short, and its products large enough to keep a processor busy. That is why 64 is the
# default here, and 64 to 256 are common on GPUs. On this machine, in torch, with the smaller
# $P$ and $N$ of the table:

# %%
inputs = draw((1, 1024, heads, head_width, 1, states), torch.float32, device=device)
with torch.no_grad():
    turned = {
        T: milliseconds(lambda T=T: ssd(*inputs, chunk_size=T, backend="torch"))
        for T in (4, 16, 64, 256, 1024)
    }
pd.Series(turned, name="ms").rename_axis("chunk size").round(2).to_frame()

# %% [markdown]
# ## Relatives
#
# **Linear attention** (Katharopoulos et al. 2020) is what is left with $A = 0$: the mask becomes
# plain "no looking ahead" and the state a running sum that never forgets.

# %%
x, dt, _, B, C, _, _ = draw((1, 40, 1, 4, 1, 3))
attention = (C[0, :, 0] @ B[0, :, 0].T).tril() @ x[0, :, 0]
forever = ssd(x, torch.ones_like(dt), torch.zeros(1, dtype=torch.float64), B, C)
assert_close(forever[0, :, 0], attention, "linear attention")
print("no decay, steps of 1: linear attention without its normaliser")

# %% [markdown]
# **MARS v4** promises "SSD: matrix multiplication in place of a recursive scan". The code printed
# there is a Python loop over the tokens, the very thing that the sentence says it replaces. It has
# no $\Delta$ either: a head that forgets slowly writes as strongly as one that forgets fast, so its
# state piles up. The real thing is the cell with `torch_ops.ssd`: matrix products on chunks, and a
# loop over chunks only. The table above shows what that is worth.
#
# **Why one decay per head?** With a decay of its own for each of the $N$ state channels, as in the
# notebook before this one, the mask could not be taken out of the score: the fading would happen
# inside the dot product $C_t \cdot B_s$. Mamba-2 gave up that freedom for matrix products, and
# bought larger states with the time saved.
#
# ## What goes wrong
#
# **Dividing.** With $P_t = e^{A(\Delta_1 + \dots + \Delta_t)}$ the mask is $P_t / P_s$, so one may
# scale the queries by $P_t$ and the keys by $1/P_s$ and forget about the mask. It is tempting,
# since then it is a plain product. Let a step fade by $e^{-1.6}$, the most that
# Mamba-2's initial values allow.

# %%
log = torch.full((64,), -1.6)
total = log.cumsum(0)
divided = (total.exp()[:, None] * (-total).exp()[None, :]).tril()
mask = decay.decays(log.double(), torch.float32).pairs
broken = (~divided.isfinite()).any(1).nonzero().flatten()
assert len(broken) and mask.isfinite().all()
first = int(broken[0])
print(
    f"1 / P_s is {(-total[first - 1]).exp():.3g} at step {first} and infinite at step {first + 1}"
)
print(f"{int((~divided.isfinite()).sum())} of {64 * 64} entries are inf or NaN")

# %% [markdown]
# A chunk of 64 steps is enough. And a single reset, $A = -\infty$, breaks it at the first step.
#
# **Subtracting long sums.** One step better: keep logs, and take $e^{S_t - S_s}$ with running sums
# $S$. Nothing overflows. But far from the start $S$ is a large number, and float32 keeps only seven
# digits of it. The difference of two large numbers has lost the small digits that it is made of.

# %%
steps = torch.full((4096,), -1.6) * torch.rand(4096)
running = steps.cumsum(0)
subtracted = (running[-64:, None] - running[None, -64:]).tril().exp().tril()
exact = decay.decays(steps[-64:].double(), torch.float64).pairs
repaired = decay.decays(steps[-64:].double(), torch.float32).pairs
lost, kept = error(subtracted, exact).worst, error(repaired, exact).worst
assert lost > 100 * kept and kept < 1e-6
print(f"at S = {running[-1]:.0f}: off by {lost:.1e}; each stretch summed by itself: {kept:.1e}")

# %% [markdown]
# **The repair.** Sum each stretch on its own. The paper calls it `segsum`: for each column $s$,
# zero the logs up to $s$, and add up what follows. All terms have one sign, so nothing cancels. A
# log of $-\infty$ stays $-\infty$ and its decay is exactly 0: a reset, at any place of a chunk.

# %%
source(decay.decays)

# %%
x, dt, A, B, C, D, h0 = draw((1, 100, 2, 4, 1, 3))
A[0] = -torch.inf  # this head forgets everything at every step
y = ssd(x, dt, A, B, C)
own = (B * C).sum(-1)[0] * dt[0, :, :1] * x[0, :, 0]  # what each step finds of itself
assert_close(y[0, :, 0], own, "a head of resets")
assert_close(y, ssd(x, dt, A, B, C, backend="naive"), "the other head")
print("a reset at every step: each output is made of its own input alone, and nothing is NaN")

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **How far does a byte see?** With 95 % kept a step the last "who" sees the first at the
#    weight printed above. Which share per step halves that weight? Compute it, then pass it to
#    `looks`.
# 2. **Rank.** In *Way 3* draw with $N = 8$ in place of 3. What is the rank of the far block now?
#    And with $N = 40$?
# 3. **The first broken step.** In *Dividing* make the step fade by $e^{-5}$. At which step does
#    $1/P_s$ become infinite? Float32 ends at $e^{88.7}$.
# 4. **More heads.** Set `heads = 16` at the top. Does the point move at which chunks beat the
#    matrix? Which of the lines hardly notices?
#
# ## Recap
#
# - One decay per head makes a fading memory and a masked attention the same map.
# - The recurrence costs $L$ small steps, the matrix $L^2$. Both are right; assertions say so.
# - Blocks far from the diagonal have rank $N$: squeeze them through the state. That is chunking.
# - With no decay it is linear attention. With a decay per channel the trick is gone.
# - Sum logs over each stretch. Never divide by a product of decays, nor subtract long sums.
#
# **Source.** `marslab.kernels.ssd`: `naive`, `quadratic` and `torch_ops` were shown; `cpu_walk`
# does tiles of 16 steps in numba, `gpu_forward` and `gpu_backward` are the chunks in Triton. The
# README beside them derives the gradient.
#
# **Papers.**
# - Dao & Gu 2024, [Transformers are SSMs](https://arxiv.org/abs/2405.21060): this page's subject.
# - Katharopoulos et al. 2020, [Transformers are RNNs](https://arxiv.org/abs/2006.16236): linear
#   attention.
# - Sun et al. 2023, [Retentive network](https://arxiv.org/abs/2307.08621): a fixed decay per head.
# - Yang et al. 2024, [Gated linear attention](https://arxiv.org/abs/2312.06635): a decay per
#   channel of the key, and chunks that cope with it.
#
# **Next.** [04_rwkv7_delta_rule](04_rwkv7_delta_rule.ipynb): a memory that can change its mind. To
# turn this op by hand: `marslab dash scans`.
