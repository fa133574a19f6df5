# %% [markdown]
# # Long memories: products of decays
#
# A memory that keeps 99 % each step keeps 0.99 × 0.99 × ... of what it saw. Such products become
# very small, and there is a well-known remedy: work with logarithms. One of our designs, MM-Rec,
# builds its long memory on it and adds some safeguards. This notebook takes that plan at its
# word, watches it fail with a number, finds out which step fails and why, and repairs it.
#
# **You will learn**
# - how long a decay remembers, and why 0.99 is a short memory at 32,768 steps;
# - what logarithms save, and what they cannot;
# - why a clamp on a running sum turns a memory into a counter;
# - why a gradient must not go through a logarithm where a decay may be 0;
# - two repairs that divide by nothing: segments, and pairs.
#
# **Time** about 30 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: the last part reads twice as much text
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
length = 32768  # L, the context that MM-Rec is meant for
decay = 0.99  # the design's initial decay

# %%
import argparse
import inspect
import math
from textwrap import dedent

import ipywidgets
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import torch
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels import chunk_reduce, decay_product, linear_scan
from marslab.kernels.testing import assert_close, error
from marslab.lab.claims import claim
from marslab.lab.course import exercise, todo
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, log_lines, theme
from marslab.widgets.figures.style import ramp

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
printed = (length, decay) == (32768, 0.99)  # the text below speaks of these


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## A picture first: how much is left?
#
# Put 1 into a memory and never touch it again. After each step a share of it is left. Both axes
# below count in powers of ten, so one line may fall by a hundred of them.

# %%
keeps = (0.9, 0.99, 0.999, 0.9999)
shares = torch.tensor(keeps, dtype=torch.float64).expand(1, length, len(keeps))
left = decay_product(shares)[0]
lines = {f"keeps {keep}": left[:, i] for i, keep in enumerate(keeps)}
marks = {"one half": 0.5, "smallest float32": 2.0**-149}
title = "What is left of a 1, by what each step keeps"
log_lines(lines, marks=marks, title=title, dark=dark).update_yaxes(range=[-60, 2], dtick=10)

# %% [markdown]
# Every line is flat for a while, then falls off a cliff. Where the cliff stands is the memory's
# **half-life**: the number of steps after which one half is left,
#
# $$n_{1/2} = \frac{\log \tfrac12}{\log \gamma}$$
#
# MM-Rec starts its memory banks at $\gamma = 0.99$ and asks for contexts of 32,768 tokens.

# %%
rows = [
    {
        "keeps each step": keep,
        "half-life (steps)": round(math.log(0.5) / math.log(keep)),
        f"left after {length:,} steps": f"{lines[f'keeps {keep}'][-1].item():.2g}",
    }
    for keep in keeps
]
assert rows[1]["half-life (steps)"] == 69
pd.DataFrame(rows)

# %% [markdown]
# 69 tokens. That is a sentence or two. Across a whole context such a bank keeps a part in
# $10^{143}$ of the first token. We come back to that at the end. First the arithmetic, because
# such numbers do not even fit.
#
# ## The smallest loop that is right
#
# $$y_t = \gamma_1\,\gamma_2 \cdots \gamma_t$$

# %%
from marslab.kernels.decay_product import naive, torch_ops

source(naive.decay_product)

# %% [markdown]
# The fast form cuts the sequence into about $\sqrt{L}$ segments and multiplies through all of them
# at once. There is nothing in it but multiplications. It takes them in float64, because a factor
# that repeats also repeats its rounding.

# %%
gamma = torch.full((1, length, 1), decay)
y = decay_product(gamma)
assert_close(y, naive.decay_product(gamma), "the fast form", length=length)
gone = int((y == 0).flatten().nonzero()[0]) + 1
assert 10_000 < gone < 11_000 or not printed
print(f"with {decay} a float32 is exactly 0 from step {gone:,} on")
source(torch_ops.decay_product)

# %% [markdown]
# A product that becomes 0 is called an **underflow**. Is it an error? Not by itself: less than
# $10^{-45}$ of the first token is left, and 0 says so. It becomes an error when somebody
# *divides* by it. Keep that in mind.
#
# ## What logarithms save, and what they cannot
#
# The design writes: compute $\log \prod \gamma_i = \sum \log \gamma_i$, then take `exp`. Sums of
# logarithms do not underflow: after 32,768 steps the sum is −329, an ordinary number.

# %%
logs = gamma.log().cumsum(1)
by_logs = logs.exp()
print(f"sum of logs at the end {logs[0, -1, 0].item():.1f}, its exp {by_logs[0, -1, 0].item()}")
exact = decay_product(gamma.double())
table = {"product": y, "by logs": by_logs}
at = [100, 1000, 5000]
off = {
    name: [f"{abs(x[0, t - 1, 0].item() / exact[0, t - 1, 0].item() - 1):.0e}" for t in at]
    for name, x in table.items()
}
assert logs[0, -1, 0] < -300 or not printed
if printed:
    claim("mmrec-log-products", int((by_logs == 0).flatten().nonzero()[0]) + 1)
assert max(error(y, exact)) < 1e-7
pd.DataFrame(off, index=pd.Index(at, name="relative error at step"))

# %% [markdown]
# Two things to see. The `exp` at the end underflows just as the product did: logarithms move the
# problem, they do not remove it. And in float32 the logarithm loses digits: a sum near −50 is kept
# to about $4 \cdot 10^{-6}$, and an error in the exponent is a *relative* error of the result.
#
# Logarithms help where you never go back, or go back with the *difference* of two of them. That
# is the repair, below.
#
# ## Three sentences of the design, one after the other
#
# **"Log-Sum-Exp trick."** The name is taken by something else. Log-sum-exp is a way to add numbers
# that are given by their logarithms: $\log \sum e^{x_i}$. A product of decays has no sum inside.
# If one takes the name literally, products become sums:

# %%
two = torch.tensor([0.5, 0.1], dtype=torch.float64)
product, literal = two.log().sum().exp(), two.log().logsumexp(0).exp()
assert_close(product, two.prod())
assert abs(literal - 0.6) < 1e-12
print(f"0.5 x 0.1 = {product:.2f}; log-sum-exp gives {literal:.2f}, which is 0.5 + 0.1")

# %% [markdown]
# **"Subtract max before exp, add back after."** Inside a log-sum-exp that is right, because there
# a logarithm stands outside: $\log \sum e^{x_i} = m + \log \sum e^{x_i - m}$. Around a plain
# `exp` it is not: what was subtracted from the exponent comes back as a *factor* $e^m$, and that
# factor is the underflow that one wanted to avoid.

# %%
x, m = torch.tensor(-3.0), torch.tensor(-1.0)
as_written, true = (x - m).exp() + m, x.exp()
assert abs(as_written + 0.86) < 0.01 and abs(true - 0.050) < 0.001
print(f"exp(x - m) + m = {as_written:.2f},  exp(x) = {true:.3f}")

# %% [markdown]
# A share of −0.86. No share is negative.
#
# **"Clamp log(γ) to [−50, 0]."** On each step by itself the clamp is harmless: a decay below
# $e^{-50}$ was as good as 0. But the sentence stands beside a running *sum* of logarithms, and
# there −50 is reached by any decay at all, given time.
#
# **Exercise decay.1.** How much time? Write the step at which the running sum meets the clamp.
# From there on whatever the clamp does is done to the memory.


# %% tags=["exercise"]
def counter_starts(decay, least):
    """The first step, counted from 1, at which the running sum of log(decay) is <= least."""
    todo()


counter_starts = exercise("decay.1").check(counter_starts)

# %%
starts = {each: counter_starts(each, -50.0) for each in (0.9, 0.99, 0.999)}
print("the clamp takes hold:", ", ".join(f"{each} at step {t:,}" for each, t in starts.items()))

# %% [markdown]
# Before you run the cell: all decays are 0.99, all inputs are 1. The state should settle where
# what comes in equals what is lost, at $1 / (1 - 0.99) = 100$. What will the clamp do to it?
#
# By running sums, with $P_t = \exp \sum_{i \le t} \log \gamma_i$, the states are
# $h_t = P_t \sum_{i \le t} b_i / P_i$.


# %%
def by_running_sums(gamma, b, least=None):
    """States from cumulative sums of logs, clamped from below if `least` is given."""
    logs = gamma.log().cumsum(1)
    product = (logs if least is None else logs.clamp(least, 0)).exp()
    return product * (b / product).cumsum(1)


gamma = torch.full((1, length, 1), decay, dtype=torch.float64)
b = torch.ones_like(gamma)
states = {
    "a scan": linear_scan(gamma, b),
    "clamped at -50": by_running_sums(gamma, b, -50.0),
    "not clamped, float32": by_running_sums(gamma.float(), b.float()),
}
hits = int((gamma.log().cumsum(1) <= -50).flatten().nonzero()[0]) + 1
at = [t for t in (1000, 4974, 6000, 9000, length) if t <= length]
pd.DataFrame(
    {name: [f"{h[0, t - 1, 0].item():,.1f}" for t in at] for name, h in states.items()},
    index=pd.Index(at, name="state at step"),
)

# %%
ends = {name: h[0, -1, 0].item() for name, h in states.items()}
assert hits == counter_starts(decay, -50.0)
if printed:
    assert hits == 4975
    assert round(ends["clamped at -50"]) == 27_893
    assert abs(ends["a scan"] - 100) < 1e-6
    assert states["not clamped, float32"][0, 8999, 0].isinf()
    assert math.isnan(ends["not clamped, float32"])
if printed:
    wrong = (states["clamped at -50"] / states["a scan"] - 1).abs() > 0.01
    claim("mmrec-clamp", int(wrong.flatten().nonzero()[0]) + 1)
    claim("mmrec-decay-init", math.log10(decay) * length)
excess = ends["clamped at -50"] / ends["a scan"]
print(f"the clamp takes hold at step {hits:,}; {excess:.0f} times too much at the end")
title = "One memory, three ways to compute it"
lines = {name: h[0, :, 0] for name, h in states.items()}
log_lines(lines, y_title="state h (no unit)", title=title, dark=dark)

# %% [markdown]
# From step 4,975 on the clamped product no longer falls. The formula then says that nothing is
# forgotten any more, so every new input is added in full: the memory has become a **counter**.
# It counts 27,793 steps and adds them to the 100 that it had. Nothing warns: no infinity, no NaN.
#
# Without the clamp the same formula breaks loudly. $1/P$ overflows, so the sum is infinite, and
# once $P$ itself is 0 the state is $0 \cdot \infty$, which is not a number. (In
# [01_from_loop_to_scan](01_from_loop_to_scan.ipynb) you met the same failure with 0.9.) The line
# ends there, because a figure cannot draw infinity.
#
# Both failures have one cause: **dividing by a product of everything so far**. The clamp did not
# cure it. It hid it.
#
# Turn it yourself. The half-life on the slider sets the decay. Where does the counter start?


# %%
def draw(half_life):
    """A scan and the clamped sums at 200 points, scaled so that the true state settles at 1."""
    keep = torch.full((1, length, 1), 0.5 ** (1 / half_life), dtype=torch.float64)
    cups = 1 - keep
    both = {"a scan": linear_scan(keep, cups), "clamped": by_running_sums(keep, cups, -50.0)}
    every = slice(None, None, max(length // 200, 1))
    figure = go.Figure()
    for (name, h), tint in zip(both.items(), ramp(2, dark), strict=True):
        line = {"color": tint, "width": 2.5}
        steps = list(range(length))[every]
        figure.add_scatter(x=steps, y=h[0, every, 0].tolist(), name=name, mode="lines", line=line)
    theme(figure, dark, height=340)
    figure.update_xaxes(title_text="time (steps)")
    return figure.update_yaxes(title_text="state, in units of the true one")


def tell(half_life):
    """When the sum of logs is at -50."""
    start = 50 / math.log(2) * half_life
    verdict = f"so the counter starts at step {start:,.0f}." if start < length else "never reached."
    return (
        f"Half-life {half_life:,.0f} steps: the sum of logs is -50 after 72 half-lives, {verdict}"
    )


slider = ipywidgets.FloatLogSlider(
    value=69, base=10, min=1, max=3.5, step=0.05, description="half-life"
)
Explorer(draw, tell, {"half_life": slider})

# %% [markdown]
# ## Gradients at zero
#
# A decay of exactly 0 is a useful thing: it says *forget all of it now*, at the end of a document
# for example. A network can only learn to use it if the gradient there is right. Take three decays,
# 0.5, 0, 0.5, and the sum of the three products, $\gamma_1 + \gamma_1\gamma_2 +
# \gamma_1\gamma_2\gamma_3$. By hand, the gradient is
#
# $$(1 + \gamma_2 + \gamma_2\gamma_3,\;\; \gamma_1 + \gamma_1\gamma_3,\;\; \gamma_1\gamma_2)
# = (1,\; 0.75,\; 0)$$


# %%
def gradient(product):
    """The gradient of the sum of all products at (0.5, 0, 0.5)."""
    gamma = torch.tensor([[0.5, 0.0, 0.5]], requires_grad=True)
    (grad,) = torch.autograd.grad(product(gamma).sum(), gamma)
    return grad[0].tolist()


ways = {
    "decay_product": decay_product,
    "exp(cumsum(log))": lambda gamma: gamma.log().cumsum(1).exp(),
    "the log clamped to [-50, 0]": lambda gamma: gamma.log().clamp(-50, 0).cumsum(1).exp(),
}
found = {name: gradient(way) for name, way in ways.items()}
assert found["decay_product"] == [1.0, 0.75, 0.0]
assert any(math.isnan(g) for g in found["exp(cumsum(log))"])
assert found["the log clamped to [-50, 0]"][1] != 0.75
pd.DataFrame(found, index=[f"by decay {i}" for i in (1, 2, 3)]).T

# %% [markdown]
# The slope of the logarithm at 0 is infinite, and the product behind it is 0: together they are
# not a number. A clamp before the sum does not help: it multiplies the infinite slope by 0. A gate
# that has closed can then never learn to open again.
#
# Adding a small number first, `log(γ + 1e-8)`, is no way out either. It changes the answer:

# %%
small = torch.tensor(1e-9, dtype=torch.float64)
read_as = (small + 1e-8).log().exp()
assert abs(read_as / small - 11) < 1e-9
print(f"a decay of {small:.0e} is read as {read_as:.1e}, {read_as / small:.0f} times as much")

# %% [markdown]
# How does the library get the gradient right? By leaving out the factor instead of dividing it
# away. $\gamma_j$ stands in every $y_t$ from $t = j$ on, so
#
# $$\frac{\partial}{\partial \gamma_j} = y_{j-1} \cdot \underbrace{\sum_{t \ge j} \mathrm{d}y_t\,
# \gamma_{j+1} \cdots \gamma_t}_{s_j}, \qquad s_j = \mathrm{d}y_j + \gamma_{j+1}\,s_{j+1}$$
#
# **Exercise decay.2.** Write that for one sequence, in loops or without, and with no division: a
# decay may be 0. Then you know a gradient from the inside, which is how kernels get theirs.


# %% tags=["exercise"]
def gradient_of_products(gamma, dy):
    """What reaches gamma from dy, what each product y[t] = gamma[0] ... gamma[t] is told.

    gamma, dy: [L]; returns [L].
    """
    todo()


gradient_of_products = exercise("decay.2").check(gradient_of_products)

# %%
three = torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64)
by_rule = gradient_of_products(three, torch.ones_like(three)).tolist()
assert by_rule == [1.0, 0.75, 0.0]
print("at (0.5, 0, 0.5):", by_rule, "as it was by hand")

# %% [markdown]
# The sum $s$ is a linear scan that runs backwards, so the library needs no loop for it. Let us
# check that with zeros among the decays.

# %%
some = torch.rand(2, 50, 3, dtype=torch.float64)
some = torch.where(torch.rand_like(some) < 0.1, 0.0, some).requires_grad_()
dy = torch.randn_like(some)
(grad,) = torch.autograd.grad(decay_product(some), some, dy)
one, last = torch.ones_like(some[:, :1]), torch.zeros_like(some[:, :1])
before = torch.cat([one, decay_product(some)[:, :-1]], 1)
later = linear_scan(torch.cat([some[:, 1:], last], 1), dy, reverse=True)
assert_close(before * later, grad, "the gradient by hand")
print("product before, times a scan from the end: autograd's gradient, zeros and all")

# %% [markdown]
# ## The repair: never more than a stretch
#
# The failures had one cause, so there is one cure: form products over the **stretches** that are
# needed, never the quotient of two products from the very start. There are two ways to say that.
#
# **Segments.** What does input $i$ weigh at step $t$? The product of the decays after $i$, up to
# $t$. In logs that is a *difference* of two running sums. Inside a short segment both are small
# numbers, and their difference is exact enough. Nothing is ever divided, and what underflows was
# forgotten.


# %%
def segment_weights(gamma):
    """[B, C] decays of a segment -> [B, C, C]: what input i (column) weighs at step t (row)."""
    logs = gamma.log().cumsum(1)
    later = torch.ones(gamma.shape[1], gamma.shape[1], dtype=torch.bool).tril()
    return (logs[:, :, None] - logs[:, None, :]).masked_fill(~later, -math.inf).exp()


short = 0.5 + 0.5 * torch.rand(1, 6, dtype=torch.float64)
given = torch.randn(1, 6, 1, dtype=torch.float64)
assert_close(segment_weights(short) @ given, linear_scan(short[..., None], given), "a segment")
pd.DataFrame(segment_weights(short)[0]).round(3)

# %% [markdown]
# Read a row: at step 5, input 5 weighs 1 and each older input less. (A decay of 0 would still put
# $-\infty - (-\infty)$ there. So the library's kernels multiply where they can, and take
# differences of logs inside sub-blocks of at most 16 steps.)
#
# **Pairs.** Each segment boils down to two numbers: the product of its decays, and its last state
# when started from zero. The library has both, `decay_product` and `chunk_reduce`. Segments then
# follow each other as steps do: one scan over the pairs gives the state at the end of every
# segment.

# %%
size = 128
gamma, b = torch.full((1, length, 1), decay), torch.ones(1, length, 1)
whole = decay_product(gamma.view(-1, size, 1))[:, -1].view(1, -1, 1)  # product of each segment
inner = chunk_reduce(b, size, op="decay", gamma=gamma)  # its last state, from zero
at_ends = linear_scan(whole, inner)
exact = linear_scan(gamma.double(), b.double())[:, size - 1 :: size]
assert_close(at_ends, exact, "pairs", dtype=torch.float32, length=length)
print(f"{whole.shape[1]} pairs; the state at the end is {at_ends[0, -1, 0]:.4f}, all in float32")

# %% [markdown]
# 100, in float32, with no clamp. And this is exactly what `linear_scan` does by itself.
#
# Where does log-sum-exp belong, then? In a scan where everything is kept as a logarithm, inputs
# too (Heinsen, 2023): $\log h_t = A_t + \mathrm{LSE}_{i \le t}(\log b_i - A_i)$. There it adds
# inputs of very different sizes, and it is right. The price: a negative input has no logarithm.

# %%
gamma, b = gamma.double(), torch.rand(1, length, 1, dtype=torch.float64)


def heinsen(gamma, b):
    """Every state by a running log-sum-exp."""
    logs = gamma.log().cumsum(1)
    return (logs + torch.logcumsumexp(b.log() - logs, 1)).exp()


off = max(error(heinsen(gamma, b), linear_scan(gamma, b)))
assert off < 1e-10
assert heinsen(gamma, b - 0.5).isnan().any()
print(f"positive inputs: error {off:.0e}; with negative ones among them: NaN")

# %% [markdown]
# ## Which decays, then?
#
# Correct arithmetic does not make 0.99 remember more. MM-Rec's decays start near 0.99 with a small
# spread, and that is a half-life of some 69 tokens in every channel. The alternative costs nothing:
# spread the channels' time constants **evenly on a log scale**, from 1 step to the whole context.
#
# **Exercise decay.3.** Write such decays: the first time constant is 1 step, the last `longest`
# steps, and from each to the next it is the same factor. What a memory can hold is decided here,
# before anything is learned.


# %% tags=["exercise"]
def spread_decays(channels, longest):
    """Decays with time constants from 1 to `longest` steps, even on a log scale.

    A time constant of n steps leaves 1/e of a memory after n. Returns [channels], float64, the
    shortest memory first.
    """
    todo()


spread_decays = exercise("decay.3").check(spread_decays)

# %%
spread = spread_decays(16, length)
lives = (-1 / spread.log()).tolist()
assert abs(lives[0] - 1) < 1e-6 and abs(lives[-1] / length - 1) < 1e-6
print("time constants in steps:", ", ".join(f"{n:,.0f}" for n in lives))

# %% [markdown]
# Real text shall decide: the source of Python's own `argparse`, byte by byte. Two memories of 16
# channels read it. Then we ask each what it holds: can the mean of the last $n$ bytes be read off
# its 16 numbers by one fixed weighting? ($R^2$ is 1 when it can, 0 when guessing the overall mean
# does as well. Weights are fitted and judged on the same text: we ask what the state *holds*.)
#
# Guess first: how will 0.99 do for $n = 4$? And for $n = 4{,}096$?

# %%
channels = 16
text = inspect.getsource(argparse).encode()[: length if fast else 2 * length]
x = torch.tensor(list(text), dtype=torch.float64)
x = (x - x.mean()) / x.std()
near = torch.sigmoid(math.log(99) + 0.1 * torch.randn(channels, dtype=torch.float64))
time_constants = torch.logspace(0, math.log10(length), channels, dtype=torch.float64)
memories = {"near 0.99": near, "log-spaced": torch.exp(-1 / time_constants)}


def held(keep):
    """The states of a memory that reads x, with a column of ones."""
    a = keep.expand(1, len(x), channels)
    h = linear_scan(a, (1 - a) * x[None, :, None])[0]
    return torch.cat([h / h.std(0), torch.ones(len(x), 1, dtype=h.dtype)], 1)


def readable(states, n):
    """R2 of the best fixed weighting of the states for the mean of the last n bytes."""
    sums = torch.cat([x.new_zeros(1), x.cumsum(0)])
    mean, seen = (sums[n:] - sums[:-n]) / n, states[n - 1 :]
    weights = torch.linalg.lstsq(seen, mean[:, None], driver="gelsd").solution
    missed = (mean - (seen @ weights)[:, 0]).square().sum()
    return 1 - (missed / (mean - mean.mean()).square().sum()).item()


# %%
spans = (4, 16, 64, 256, 1024, 4096)
states = {name: held(keep) for name, keep in memories.items()}
scores = pd.DataFrame(
    {name: [readable(h, n) for n in spans] for name, h in states.items()},
    index=pd.Index(spans, name="mean of the last n bytes"),
)
assert (scores["log-spaced"] > 0.85).all()
assert scores["near 0.99"][4] < 0.75 and scores["near 0.99"][4096] < 0.85
scores.round(3)

# %% [markdown]
# Sixteen copies of nearly one memory see the text at one scale. They know the last few hundred
# bytes well, but much less of the last word, and much less of the last page. The log-spaced ones,
# with the same sixteen numbers, see all scales about equally well. So log-spaced time constants
# are the default here, and 0.99 is an option for those who want the printed one.
#
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **The cliff.** At which step does a float32 product of 0.995s become exactly 0? The smallest
#    positive float32 is $2^{-149}$, and $\log 2^{-149} = -103.3$. Set `decay = 0.995` at the top
#    (the assertions about 0.99 step aside) and read what *The smallest loop* prints.
# 2. **A later clamp.** With `least=-80.0` in place of −50: at which step does the counter start,
#    and what is the state at the end? Then try −800 in float64. Is it gone, or only later?
# 3. **Two zeros.** What is the gradient of the sum of products at (0.5, 0, 0.5, 0)? Work it out
#    with the formula of *Gradients at zero*, then ask `decay_product`.
#
# ## Recap
#
# - A decay has a half-life. 0.99 has 69 steps, whatever the context length.
# - A product that underflows is not an error. Dividing by it is.
# - A clamp on a running sum of logs makes a memory a counter: 27,893 in place of 100.
# - `exp(x - m) + m` is not `exp(x)`, and a product has no log-sum-exp inside.
# - Gradients leave a factor out; they never divide it away.
# - Spread time constants on a log scale, one for each channel.
#
# **Source.** `marslab.kernels.decay_product`, `marslab.kernels.chunk_reduce`,
# `marslab.kernels.linear_scan`, each with a README that derives its gradient.
#
# **Papers.**
# - Blelloch 1990, *Prefix sums and their applications*, CMU-CS-90-190: pairs.
# - Heinsen 2023, [Efficient parallelization of a ubiquitous sequential
#   computation](https://arxiv.org/abs/2311.06281): the scan in log space.
# - Dao & Gu 2024, [Transformers are SSMs](https://arxiv.org/abs/2405.21060): differences of logs
#   inside segments ("segment sums").
# - Gu, Dao, Ermon, Rudra & Ré 2020, [HiPPO](https://arxiv.org/abs/2008.07669): which memories hold
#   the past at every scale.
#
# **Next.** The map of the course in [00_start](00_start.ipynb) shows what exists so far. To turn
# decays by hand: `marslab dash scans`.
