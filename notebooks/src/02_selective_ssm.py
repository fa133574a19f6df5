# %% [markdown]
# # Selective state spaces
#
# The memory of the last notebook kept a share of its state at each step. A **state space model**
# says the same in the language of physics: a quantity that fades with time and is fed by an input.
# What made such models strong in language is one more idea, from the Mamba paper: let the *input*
# decide how much time passes, what is written and what is read.
#
# **You will learn**
# - what a fixed state space model is, and why it is a convolution;
# - how a differential equation becomes a step: exactly (zoh) and roughly (euler);
# - what "selective" means: a step of no time holds the memory, a long one replaces it;
# - what the state size N buys;
# - three mistakes of a design that wanted to be this, each with a number, and the repair.
#
# **Time** about 40 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: longer sequences
seed = 0
device = "cpu"  # "cuda" runs the Triton kernels, on your GPU
dark = False  # True: figures for a dark JupyterLab
text = "noise noise [M]ore noise, less [a]nd again no [m]ore than [b]efore th[a]n ever"

# %%
import inspect
import math
from textwrap import dedent

import ipywidgets
import pandas as pd
import plotly.io as pio
import torch
import torch.nn.functional as F
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels import min_gru, selective_scan
from marslab.kernels.testing import assert_close, error
from marslab.lab.claims import claim
from marslab.lab.course import exercise, todo
from marslab.text import ByteTokenizer
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, curves, scan_lines, state_heatmap

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
length = 400 if fast else 4000
_ = marslab.seed_everything(seed)


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## A picture first: a memory with a tap
#
# Below is a short text. Some letters stand in brackets. We read it byte by byte and want to
# remember the last letter in brackets, and nothing else.
#
# Two memories try. The **fixed** one treats each byte alike: it keeps 80 % and adds 20 % of what
# it reads. The **selective** one has a tap, and the text turns it: open on a letter in brackets,
# closed on everything else.

# %%
marked = [i + 1 for i, c in enumerate(text) if c == "["]
bytes_ = torch.tensor(ByteTokenizer().encode(text), dtype=torch.float32, device=device)
assert len(bytes_) == len(text), "the picture counts bytes: use plain letters"
x = bytes_.view(1, -1, 1)
one = torch.ones_like(x)
rate = torch.full((1, 1), -1.0, device=device)  # A
tap = torch.zeros_like(x)
tap[0, marked] = 30.0  # dt: much time on a marked byte, none elsewhere
fixed = selective_scan(x, -math.log(0.8) * one, rate, one, one)
selective = selective_scan(x, tap, rate, one, one)
names = ["fixed", "selective"]
both, title = torch.cat([fixed, selective], -1), "Two memories read a text"
look = {"ticks": list(text), "title": title, "dark": dark}
figure = scan_lines(both, b=x, channels=(0, 1), labels=names, drive="byte", **look)
figure.update_xaxes(tickangle=0)

# %%
held = [round(v) for v in selective.flatten().tolist()]
assert held[-1] == ord(text[marked[-1]]) and held[marked[0]] == ord(text[marked[0]])
print("the selective memory, step by step:", "".join(chr(v) if v else "·" for v in held))

# %% [markdown]
# The fixed memory follows the average of what passes by. The selective one is a staircase: it
# jumps to each marked letter and stays there, for as long as nothing new is marked.
#
# ## A fixed state space model
#
# In continuous time, with a state $h$, an input $x$ and an output $y$:
#
# $$\frac{dh}{dt} = A\,h + B\,x \qquad\qquad y = C\,h + D\,x$$
#
# $A$ is a **rate**, at most 0: alone, the state fades like $e^{At}$. $B$ says how the input enters,
# $C$ how the state is read, $D$ lets the input pass by. Each of the $D$ channels has $N$ states of
# its own, each with its own rate. (The letter $D$ has two meanings in the papers, and here too:
# the width, and the way past.)
#
# A machine works in steps. If a step lasts $\Delta$, the state keeps $e^{\Delta A}$ of itself:
#
# $$h_t = e^{\Delta A}\,h_{t-1} + \bar B\,x_t$$
#
# That is the recurrence you know. Here is the smallest loop, for one channel with several states.


# %%
def loop(x, dt, A, B, C):
    """One channel. x, dt: [L]; A: [N]; B, C: [L, N]."""
    h, y = torch.zeros_like(A), []
    for t in range(len(x)):
        h = torch.exp(dt[t] * A) * h + dt[t] * B[t] * x[t]
        y.append((C[t] * h).sum())
    return torch.stack(y)


def draw(L, D, N):
    """Operands of a scan, one sequence: x, dt, A, B, C."""
    dt, A = 0.1 * torch.rand(1, L, D), -16 * torch.rand(D, N)
    return [v.double().to(device) for v in (torch.randn(1, L, D), dt, A, *torch.randn(2, 1, L, N))]


x, dt, A, B, C = draw(50, 1, 4)
ours = loop(x[0, :, 0], dt[0, :, 0], A[0], B[0], C[0])
theirs = selective_scan(x, dt, A, B, C, discretisation="euler", backend="naive")
assert_close(ours, theirs.flatten(), "the loop")
print("the loop and the library's definition agree")

# %% [markdown]
# **Exercise ssm.1.** Now one step for all rows and channels at once. The arithmetic is that of the
# loop, the shapes are the work. Two that fit by chance are an error that nothing reports, as you
# will see further down.


# %% tags=["exercise"]
def my_selective_step(h, x, dt, A, B, C):
    """One step, h = exp(dt A) h + dt B x, and then y = C h.

    h: [R, D, N] for R rows, D channels, N states; x, dt: [R, D]; A: [D, N]; B, C: [R, N].
    Returns the new h, [R, D, N], and y, [R, D].
    """
    todo()


my_selective_step = exercise("ssm.1").check(my_selective_step)

# %%
h, outputs = torch.zeros_like(A)[None], []
for t in range(x.shape[1]):
    h, y = my_selective_step(h, x[:, t], dt[:, t], A, B[:, t], C[:, t])
    outputs.append(y)
assert_close(torch.stack(outputs, 1), theirs, "step by step")
print("step by step, the library's output once more")

# %% [markdown]
# The library's definition does all channels and rows at once. It says what a step keeps and what
# stands before $B x$ in a function of its own, which the next section explains.

# %%
from marslab.kernels.selective_scan import naive

source(naive.selective_scan)

# %% [markdown]
# ### Fixed gates make a convolution
#
# If $\Delta$, $B$ and $C$ are the same at every step, an input of $k$ steps ago always arrives with
# the same weight, $K_k = C\,e^{k\Delta A}\,\bar B$. So the output is $x$ convolved with one kernel
# $K$: no loop, two Fourier transforms. Models before Mamba (S4) trained that way.
#
# **Exercise ssm.2.** Write the kernel of one channel, from what a step keeps and takes in. It is
# all that such a model knows of the past.


# %% tags=["exercise"]
def my_kernel(decay, push, C, length):
    """The weight K that an input has in the output, for the ages 0, 1, ...

    decay, push, C: [N], what a step keeps, what it takes in of x, how it is read.
    Returns K, [length].
    """
    todo()


my_kernel = exercise("ssm.2").check(my_kernel)

# %% [markdown]
# Here are the kernels of three channels, the convolution with them, and `my_kernel` beside them.

# %%
x, dt, A, B, C = draw(length, 3, 4)
dt, B, C = (v[:, :1].expand_as(v) for v in (dt, B, C))  # the first step's, for all steps
y = selective_scan(x, dt, A, B, C)
ages = torch.arange(length, device=device).double()[:, None, None]
decay, hold = naive.discretise(dt[0, 0], A, True)  # [D, N]
kernel = ((ages * dt[0, 0][:, None] * A).exp() * hold * B[0, 0] * C[0, 0]).sum(-1)
size = 2 * length
spectrum = torch.fft.rfft(kernel, size, 0) * torch.fft.rfft(x[0], size, 0)
assert_close(torch.fft.irfft(spectrum, size, 0)[:length], y[0], "the convolution")
for d in range(3):
    one_channel = my_kernel(decay[d], hold[d] * B[0, 0], C[0, 0], length)
    assert_close(one_channel, kernel[:, d], "the kernel of a channel")
title = "What is left of an input, by its age"
scan_lines(kernel[:60], channels=range(3), name="kernel K", title=title, dark=dark)

# %% [markdown]
# The picture is the weakness as well. The weight of an input depends on its **age** and on nothing
# else: not on what it says. A fixed model cannot remember the letters in brackets and drop the
# rest, because both may be equally old.
#
# ## From the equation to a step: zoh and euler
#
# What is $\bar B$? Suppose $x$ holds still during the step (**zero-order hold**, zoh). Then the
# equation has an exact answer, and
#
# $$\bar B = \frac{e^{\Delta A} - 1}{A}\,B \qquad\text{(zoh)} \qquad\qquad
# \bar B = \Delta\,B \qquad\text{(euler)}$$
#
# Mamba's code uses the second. It is what the first becomes when $\Delta A$ is small. Below, an
# input that is 1 for ten time units, then 0, and $A = -1$. The line is the exact solution. The
# dots are the two discretisations with steps of one time unit.


# %%
def exact(t, A):
    """The state under an input of 1 up to t = 10 and 0 afterwards; t: [n]."""
    return (-torch.expm1(A * t.clamp(max=10)) / -A) * (A * (t - 10).clamp(min=0)).exp()


def stepped(dt, A, kind):
    """The moments and states of steps of dt over 20 time units."""
    steps = round(20 / dt)
    ends = dt * torch.arange(1, steps + 1, dtype=torch.float64)
    push = (ends <= 10 + 1e-9).double().view(1, -1, 1)
    one = torch.ones_like(push)
    return ends, selective_scan(
        push, dt * one, torch.full((1, 1), A).double(), one, one, discretisation=kind
    ).flatten()


def compared(dt, A=-1.0):
    """Both discretisations beside the exact solution."""
    fine = torch.linspace(0, 20, 401, dtype=torch.float64)
    dots = {kind: stepped(dt, A, kind) for kind in ("zoh", "euler")}
    titles = {"x_title": "time (no unit)", "y_title": "state h (no unit)"}
    return curves({"exact": (fine, exact(fine, A))}, dots, **titles, dark=dark)


compared(1.0).update_layout(title_text="One equation, two discretisations")

# %%
rows = []
for dt in (0.01, 0.1, 0.5, 1.0, 2.0):
    row = {"dt |A|": dt}
    for kind in ("zoh", "euler"):
        ends, h = stepped(dt, -1.0, kind)
        row[kind] = error(h, exact(ends, -1.0)).worst
    rows.append(row)
table = pd.DataFrame(rows).set_index("dt |A|")
assert (table["zoh"] < 1e-12).all() and table["euler"].is_monotonic_increasing
assert table.loc[0.01, "euler"] < 0.01 < 0.5 < table.loc[1.0, "euler"]
table.map("{:.1e}".format)

# %% [markdown]
# zoh sits on the line at any step size. euler has the right decay, but it takes in too much: by the
# factor $\Delta|A| / (1 - e^{-\Delta|A|})$, which is 1.005 at 0.01 and 1.58 at 1. A trained network
# can live with that, since it learns $B$ anyway. Turn the step and the rate yourself.

# %%
turned = {
    "dt": ipywidgets.FloatLogSlider(value=0.5, base=2, min=-4, max=2, step=1, description="dt"),
    "rate": ipywidgets.FloatSlider(value=1.0, min=0.1, max=3, step=0.1, description="|A|"),
}


def told(dt, rate):
    """How much too much euler takes in."""
    z = dt * rate
    return f"dt |A| = {z:.3g}: euler takes in {z / -math.expm1(-z):.3g} times what zoh takes in."


Explorer(lambda dt, rate: compared(dt, -rate), told, turned)

# %% [markdown]
# One trap is hidden in the zoh formula: at $A = 0$ it is 0/0, and near 0 it loses digits. In
# float32 at $z = \Delta A = -10^{-6}$ the plain quotient $(e^z - 1)/z$ is off by more than 1 %.
# The library takes a series there, and its gradient is right too: the slope at 0 is 1/2.

# %%
z = torch.tensor([-1e-6, 0.0], requires_grad=True)
plain = (z.exp() - 1) / z
mean = naive.mean_decay(z)
(slope,) = torch.autograd.grad(mean.sum(), z)
assert abs(plain[0].item() - 1) > 0.01 and plain[1].isnan()
assert abs(mean[0].item() - 1) < 1e-6 and mean[1] == 1 and (slope - 0.5).abs().max() < 1e-6
print(f"plain: {plain.tolist()}, library: {mean.tolist()}, its slope: {slope.tolist()}")

# %% [markdown]
# **Exercise ssm.3.** Write a zoh step that has no such trap: right at $A = 0$, with its digits near
# it, and with the right gradient. A value can be repaired while its gradient stays NaN, and one
# NaN in a gradient is enough to lose a network.


# %% tags=["exercise"]
def my_zoh(dt, A):
    """What a step keeps, exp(dt A), and takes in, (exp(dt A) - 1) / A; dt where A is 0.

    dt, A: [n]; returns two tensors, [n] each.
    """
    todo()


my_zoh = exercise("ssm.3").check(my_zoh)

# %%
A = torch.tensor([-16, -1, -1e-3, -1e-12, 0], dtype=torch.float64)
dt = torch.full_like(A, 0.1)
keeps, takes = my_zoh(dt, A)
decay, hold = (v[:, 0] for v in naive.discretise(dt, A[:, None], True))
assert_close(keeps, decay, "what a step keeps")
assert_close(takes, hold, "what it takes in")
rates = pd.Index([f"{rate:g}" for rate in A.tolist()], name="A")
pd.DataFrame({"keeps": keeps, "takes in": takes}, index=rates).round(6)

# %% [markdown]
# ## What selection does
#
# Now $\Delta$ follows the input. Look at one state with $A = -1$ and $B = 1$, and read the two
# columns: what a step keeps, and what it takes in.

# %%
dt = torch.tensor([0.0, 0.01, 0.1, 1.0, 3.0, 10.0], dtype=torch.float64)
decay, hold = naive.discretise(dt, torch.full((6, 1), -1.0).double(), True)
table = pd.DataFrame({"keeps": decay[:, 0], "takes in": hold[:, 0]}, index=dt.tolist())
table.index.name = "dt"
assert ((table["keeps"] + table["takes in"] - 1).abs() < 1e-12).all()
table.round(4)

# %% [markdown]
# The two add up to 1. At $\Delta = 0$ the tap is closed: no time passes, the state stays and the
# input is ignored. At $\Delta = 10$ the past is gone and the state *is* the input. So $\Delta$ is a
# **gate**, and not by analogy. Networks make $\Delta$ positive with a softplus, and
#
# $$1 - e^{-\mathrm{softplus}(s)} = \sigma(s)$$
#
# so a selective scan with $A = -1$, $N = 1$ is exactly the gate of a GRU that does not look at its
# state, the MinGRU of a later notebook (Theorem 1 of the Mamba paper).

# %%
s, x = torch.randn(2, 1, 60, 5, dtype=torch.float64, device=device)
one, A = torch.ones_like(s[..., :1]), -torch.ones(5, 1, dtype=torch.float64, device=device)
assert_close(selective_scan(x, F.softplus(s), A, one, one), min_gru(s, x), "the gate")
print("softplus and A = -1: a sigmoid gate")

# %% [markdown]
# ## Remember the marked bytes
#
# One state held one letter. To hold all marked letters we need more states, and **addresses**:
# $B_t$ says into which states a byte is written, $C_t$ from which one is read. Here they are set by
# hand. $B$ points to state 0 for the first marked byte, to state 1 for the second, and so on. With
# $A = 0$ nothing fades, and $\Delta$ is 1 on marked bytes and 0 elsewhere.


# %%
def recall(N):
    """Write each marked byte to the next of N states, round and round; read all at the end."""
    L = len(text)
    dt, B = torch.zeros(1, L, 1, device=device), torch.zeros(1, L, N, device=device)
    for count, at in enumerate(marked):
        dt[0, at], B[0, at, count % N] = 1.0, 1.0
    A, x = torch.zeros(1, N, device=device), bytes_.view(1, -1, 1)
    _, state = selective_scan(x, dt, A, B, torch.ones_like(B), return_state=True)
    return state[0, 0]


wanted = [text[i] for i in marked]
rows = []
for N in (1, 2, 4, len(marked)):
    read = [recall(N)[count % N].item() for count in range(len(marked))]
    right = sum(value == ord(c) for value, c in zip(read, wanted, strict=True))
    rows.append({"N": N, "read": [int(v) for v in read], "right": f"{right} of {len(marked)}"})
assert rows[-1]["right"] == f"{len(marked)} of {len(marked)}" and rows[0]["right"].startswith("0")
print("wanted:", wanted)
pd.DataFrame(rows).set_index("N")

# %% [markdown]
# That is what **state expansion** buys: N numbers for each channel in place of one. With too few,
# two letters share a state, and only their sum is left. A selective scan cannot overwrite one state
# and keep its neighbour: with one $\Delta$ for all N, they fade together. (The delta rule of RWKV-7
# can; it has a notebook of its own.)
#
# The picture shows the states filling up. Nothing happens between the marks, however long.

# %%
steps, size = [], len(marked)
x, A = bytes_.view(1, -1, 1), torch.zeros(1, size, device=device)
dt, B = torch.zeros_like(x), torch.zeros(1, len(text), size, device=device)
dt[0, marked] = 1.0
B[0, marked, torch.arange(size)] = 1.0
for n in range(size):  # read one state after the other: C is a switch
    C = F.one_hot(torch.full((1, len(text)), n), size).float().to(device)
    steps.append(selective_scan(x, dt, A, B, C))
look = {"ticks": list(text), "title": "Each state holds one marked letter", "dark": dark}
figure = state_heatmap(torch.cat(steps, -1), **look)
figure.update_xaxes(tickangle=0).update_yaxes(title_text="state (index)")

# %% [markdown]
# And the fixed model? Give it the same addresses but one $\Delta$ for all bytes, any you like. It
# writes the noise as well. There is no good value: below, the best of fifty.

# %%
target = torch.tensor([float(ord(c)) for c in wanted], device=device)
addresses = B.clone()
unmarked = [i for i in range(len(text)) if i not in marked]
addresses[0, unmarked, torch.arange(len(unmarked)) % size] = 1.0  # noise has to go somewhere
found = {}
for dt_fixed in torch.logspace(-4, 1, 50).tolist():
    rate = torch.full((1, size), -0.05, device=device)
    same = torch.full_like(x, dt_fixed)
    _, state = selective_scan(x, same, rate, addresses, addresses, return_state=True)
    found[dt_fixed] = (state[0, 0] - target).abs().max().item()
best = min(found, key=found.get)
assert found[best] > 10 and torch.equal(recall(size), target)
print(f"fixed: best dt {best:.3g}, worst letter off by {found[best]:.0f}; selective: off by 0")

# %% [markdown]
# ## What goes wrong: a design that meant this
#
# MARS v4 writes down an "SSD core" that is meant to be a selective state space. Its lines, with
# the names kept:


# %%
class Core(torch.nn.Module):
    """The first lines of the design's core, with the projections that they need."""

    def __init__(self, width, N):
        super().__init__()
        self.N = N
        self.A_proj, self.B_proj = (torch.nn.Linear(width, N) for _ in "AB")

    def forward(self, x):
        B, L, D = x.shape
        A = torch.sigmoid(self.A_proj(x))
        B = self.B_proj(x)
        h = torch.zeros(B, self.N)
        return A[:, 0] * h


try:
    Core(4, 3)(torch.randn(2, 5, 4))
except TypeError as problem:
    print("TypeError:", str(problem).splitlines()[0])
    claim("mars-printed-block", "TypeError")
else:
    raise AssertionError("the design's lines ran")

# %% [markdown]
# **First mistake: one name for two things.** `B` is the batch size, then the input gate, and then
# `zeros(B, N)` gets a tensor for a size. It never ran. That one is honest: it stops.
#
# **Second mistake: shapes that do not stop.** Rename the gate and read the next line: the state is
# `[batch, N]`, what is added is `[batch, width, N]`. torch lines shapes up from the right, so this
# raises an error, *except* when the batch happens to be as large as the width. Then it runs, and
# the decay of row $i$ is applied to *channel* $i$ of every row.


# %%
def mars(x, A, Bm):
    """The design's loop with its names repaired; x: [B, L, D]; A, Bm: [B, L, N]."""
    h, out = torch.zeros(x.shape[0], A.shape[2]), []
    for t in range(x.shape[1]):
        h = A[:, t] * h + Bm[:, t].unsqueeze(1) * x[:, t].unsqueeze(-1)
        out.append(h.sum(-1))
    return torch.stack(out, 1)


def inputs(batch, width, L=20, N=3):
    """x, a decay in (0, 1) and an input gate."""
    return torch.randn(batch, L, width), torch.rand(batch, L, N), torch.randn(batch, L, N)


try:
    mars(*inputs(2, 4))
except RuntimeError as problem:
    print("batch 2, width 4:", problem)
x, A, Bm = inputs(4, 4)
before = mars(x, A, Bm)
other = A.clone()
other[1] = torch.rand_like(A[1])  # another decay for sequence 1 only
leaked = (mars(x, other, Bm)[0] - before[0]).abs().max().item()
assert leaked > 0.1
print(f"batch 4, width 4: it runs; changing sequence 1 moved sequence 0 by {leaked:.2f}")

# %% [markdown]
# One user's text changes another user's answer, and no test with another batch size would see it.
# The right shapes are a state `[B, D, N]` and each operand lifted to it: `A[:, t, None, :]`,
# `x[:, t, :, None]`, `Bm[:, t, None, :]`. The library's op checks each shape by name, and a row
# alone gives what it gives in a batch.

# %%
x, dt, A, B, C = draw(20, 4, 3)
x, dt, B, C = (torch.randn(4, *v.shape[1:], device=device).abs().double() for v in (x, dt, B, C))
y = selective_scan(x, dt, A, B, C)
for row in range(4):
    part = slice(row, row + 1)
    alone = selective_scan(x[part], dt[part], A, B[part], C[part])
    assert_close(alone, y[part], "a row alone")
try:
    selective_scan(x, dt, A, B[..., :2], C)
except ValueError as problem:
    print(problem)

# %% [markdown]
# **Third mistake: a decay without a step.** The design takes the decay from a sigmoid and leaves
# $B$ alone. A steady input of 1 then settles at $1/(1 - a)$: the longer the memory, the louder.
# With $\Delta$ in both places the answer settles at $1/|A|$, whatever the step.

# %%
rows = []
for a in (0.5, 0.9, 0.99, 0.999):
    L = round(12 / (1 - a))
    one = torch.ones(1, L, 1, dtype=torch.float64)
    dt = torch.full_like(one, -math.log(a))  # the step that keeps a, at A = -1
    h = mars(one, a * one, one)[0, -1, 0].item()
    ours = selective_scan(one, dt, -torch.ones(1, 1).double(), one, one)[0, -1, 0].item()
    rows.append({"decay": a, "sigmoid without a step": h, "zoh": ours})
table = pd.DataFrame(rows).set_index("decay")
gains = 1 / (1 - table.index.to_numpy())
assert ((table["sigmoid without a step"] / gains - 1).abs() < 1e-3).all()
assert ((table["zoh"] - 1).abs() < 1e-3).all()
printed = table["sigmoid without a step"]
claim("mars-selective-level", printed.max() / printed.min())
table.round(3)

# %% [markdown]
# A thousandfold at 0.999. A network with such a layer has to unlearn the loudness of its own
# memory before it can use it.
#
# (The design's fourth promise, matrix products in place of a recursive scan, is not in its code
# either: that is a loop over time. How it can be kept is the next notebook, state space duality.)
#
# ## The real thing: a layer that sets its own tap
#
# Nobody sets $\Delta$ by hand in a network. Mamba's block computes it, and $B$ and $C$, from what
# it reads. The preset `digits-scan`, a `DigitsScan`, is the smallest such model: it reads a
# handwritten digit row by row, eight rows, and names it after the last. It comes trained.

# %%
from marslab.layers import SelectiveSSM

source(SelectiveSSM.operands)

# %%
source(SelectiveSSM.mixed)

# %%
from marslab.tasks import load_digits_sequences

torch.set_num_threads(1)  # on models this small sharing the work costs more than it saves
digits = load_digits_sequences(0)  # the split that the preset was trained on
model = marslab.load("digits-scan").eval()


@torch.no_grad()
def accuracy(model):
    """The share of the held-out digits that are named right."""
    return (model(digits.test_x).argmax(-1) == digits.test_y).double().mean().item()


as_trained = accuracy(model)
assert as_trained >= 0.9
print(f"{as_trained:.1%} of {len(digits.test_y)} held-out digits are named right")

# %% [markdown]
# A trace shows the taps. Each line of the picture is one channel, each column a row of the digit.
# They differ between channels, and they differ between rows: that is the selection at work.

# %%
with marslab.trace() as t, torch.no_grad():
    model(digits.test_x[:1])

for row in digits.test_x[0].tolist():
    print("".join(" ·░▒▓█"[round(5 * ink)] * 2 for ink in row))
steps = torch.as_tensor(t.frame("selective_ssm")["dt"][0])
title = f"How long each row lasts, while a {int(digits.test_y[0])} is read"
state_heatmap(steps, name="dt", title=title, dark=dark)

# %% [markdown]
# How much of it matters? Take the trained model and cut the wire from the input to $\Delta$. The
# bias stays, so every channel keeps a typical step, the same for every row. Predict how many digits
# it still gets right.

# %%
cut = marslab.load("digits-scan").eval()
with torch.no_grad():
    for block in cut.blocks:
        block.to_dt.weight.zero_()
without = accuracy(cut)
assert without < as_trained
print(f"as trained {as_trained:.1%}, with steps that do not follow the input {without:.1%}")

# %% [markdown]
# That number says what *this* model lost, and not what selection is worth: a model trained without
# it would have found other ways. Such a comparison needs training both, several times.
#
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **A longer pause.** Put a hundred spaces before the last word of `text`. What does the
#    selective memory hold at the end, and what the fixed one?
# 2. **Half open.** In the first picture set the tap to 1 in place of 30. The state then keeps
#    $e^{-1}$ of the old letter. Which number does it hold after the first marked letter, M (77)?
# 3. **Euler's step.** At which $\Delta|A|$ does euler take in exactly twice what zoh takes in?
#    Solve $z / (1 - e^{-z}) = 2$ by turning the sliders of the explorer.
# 4. **Two in one.** In `recall` use N = 3 with five letters. How many come back right?
#
# ## Recap
#
# - A state space model is a linear recurrence whose decay is $e^{\Delta A}$. With fixed gates it is
#   a convolution, and weighs inputs by their age alone.
# - zoh is exact for an input that holds still, at any step. euler is its limit for small steps.
# - Selective means that $\Delta$, $B$ and $C$ come from the input. $\Delta$ is the tap: 0 holds,
#   large replaces. $B$ and $C$ are addresses. $N$ is how many.
# - Write shapes down. A sum of two shapes that only fit by chance is a leak.
# - A decay needs its step in $B$ too, or long memories are loud.
#
# **Source.** `marslab.kernels.selective_scan`: `naive` is the definition, `torch_ops` works chunk
# by chunk, `cpu` and `gpu` are compiled, with a gradient by hand that their README derives.
#
# **Papers.**
# - Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752): selection, sections 3.1 to 3.5.
# - Gu, Goel & Ré 2021, [S4](https://arxiv.org/abs/2111.00396): the fixed model and its kernel.
#
# **Before.** [01_from_loop_to_scan](01_from_loop_to_scan.ipynb): the scan under this one. The map
# of the course is in [00_start](00_start.ipynb).
