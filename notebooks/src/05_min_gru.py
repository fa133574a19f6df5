# %% [markdown]
# # MinGRU: the gate that looks away
#
# For years the GRU was how a network read a sequence. Its gates look at the new input *and* at
# the memory, and that look makes it slow: no step can begin before the last one is done. In 2024
# somebody asked what happens if the gate looks away from the memory. This notebook takes a
# GRU apart, lets its gate look away, finds that a scan is left, and says what was lost.
#
# **You will learn**
# - what a gate is, and why a gate is a time constant that can change at every step;
# - why a GRU cannot be a scan, shown by a curve that should be a line;
# - how `min_gru` becomes one `linear_scan`, in three lines of the library;
# - how time grows with length for both;
# - one simple task that a GRU does with a single unit and a MinGRU layer never can.
#
# **Time** about 25 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: longer sequences in the timings, more epochs at the end
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
width = 64  # D of the timings
text = "Every word begins with a letter. Each gate opens there, and closes again."

# %%
import inspect
import math
from statistics import median
from textwrap import dedent

import ipywidgets
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import torch
from IPython.display import Markdown
from torch import nn

# %%
import marslab
from marslab.kernels import available, linear_scan, min_gru
from marslab.kernels.roofline import watch
from marslab.kernels.testing import assert_close
from marslab.lab.course import exercise, todo
from marslab.text import ByteTokenizer
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, log_lines, scan_lines, theme
from marslab.widgets.figures.style import ramp

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## A gate, in words and a picture
#
# A gate $g$ is a number between 0 and 1. It says how far the memory moves towards something new:
#
# $$h_t = (1 - g_t)\,h_{t-1} + g_t\,\tilde h_t$$
#
# At $g = 0$ nothing moves, at $g = 1$ the old memory is gone. In between the memory goes a share
# of the way. Below, the new value is 1 for 30 steps, then −1. Three memories follow it, with
# gates of 0.5, 0.1 and 0.02.

# %%
gates = (0.5, 0.1, 0.02)
new = torch.ones(1, 60, 3)
new[:, 30:] = -1
logits = torch.tensor(gates).logit().expand(1, 60, 3)
followed = min_gru(logits, new)
labels = [f"gate {g}" for g in gates]
title = "Three gates follow one change"
assert (followed.abs() <= 1).all()  # a mean of what came in never leaves its span
scan_lines(
    followed, b=new, channels=range(3), labels=labels, drive="new value", title=title, dark=dark
)

# %% [markdown]
# A gate of $1/n$ makes a memory of about $n$ steps. So a gate **is** a time constant, and a network
# that computes its gates chooses a time constant for each channel, anew at every step.
#
# ## A GRU, step by step
#
# A GRU computes gate and candidate from the input $x_t$ and from the memory $h_{t-1}$:
#
# $$z_t = \sigma(W_z x_t + U_z h_{t-1}) \qquad r_t = \sigma(W_r x_t + U_r h_{t-1})$$
# $$\tilde h_t = \tanh\bigl(W_n x_t + r_t \odot U_n h_{t-1}\bigr) \qquad
# h_t = z_t\,h_{t-1} + (1 - z_t)\,\tilde h_t$$
#
# (torch writes $z$ for what is *kept*, so its $z$ is our $1 - g$.) Here is the loop. It has to
# agree with `torch.nn.GRU`.


# %%
def gru_loop(gru, x):
    """Every state of a one-layer torch.nn.GRU, from its weights; x: [B, L, D_in]."""
    h, states = x.new_zeros(x.shape[0], gru.hidden_size), []
    from_x = x @ gru.weight_ih_l0.T + gru.bias_ih_l0  # known for all steps at once
    for x_t in from_x.unbind(1):
        from_h = h @ gru.weight_hh_l0.T + gru.bias_hh_l0  # must wait for h
        x_r, x_z, x_n = x_t.chunk(3, -1)
        h_r, h_z, h_n = from_h.chunk(3, -1)
        keep = torch.sigmoid(x_z + h_z)
        candidate = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
        h = keep * h + (1 - keep) * candidate
        states.append(h)
    return torch.stack(states, 1)


gru = nn.GRU(5, 4, batch_first=True, dtype=torch.float64)
x = torch.randn(2, 30, 5, dtype=torch.float64)
with torch.no_grad():
    assert_close(gru_loop(gru, x), gru(x)[0], "the GRU loop")
print("the loop agrees with torch.nn.GRU")

# %% [markdown]
# Look at the two comments in the loop. What comes from `x` is one large matrix product for the
# whole sequence. What comes from `h` is a small one at *every* step, and it must wait.
#
# ## Why a GRU is not a scan
#
# A scan needs one thing: two steps in a row must again be a step of the same kind, described by
# as few numbers. In [01_from_loop_to_scan](01_from_loop_to_scan.ipynb) a step was a straight line,
# "times $a$, plus $b$", and a line of a line is a line. So ask: if the memory before a step goes
# from −1 to 1, and the input stays as it is, what comes out? Here are the first steps
# of a GRU with one unit and of the memory above, as functions of the state they start from.

# %%
gru = nn.GRU(1, 1, batch_first=True, dtype=torch.float64)
with torch.no_grad():
    for weight in gru.parameters():
        weight.copy_(torch.randn_like(weight) * 2)
starts = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]
x = torch.randn(1, 3, 1, dtype=torch.float64).expand(101, 3, 1)
with torch.no_grad():
    curve = gru(x, starts[None])[0].squeeze(-1)
lines = min_gru(x - 1, torch.tanh(x), starts).squeeze(-1)


def bend(y):
    """The largest distance from the straight line between the ends, [101, n] -> [n]."""
    share = (starts + 1) / 2
    return (y - (1 - share) * y[:1] - share * y[-1:]).abs().amax(0)


bent = bend(curve).max()
assert bent > 0.01 and bend(lines).max() < 1e-12
print(f"bend of the GRU: {bent:.3f};  of min_gru: {bend(lines).max():.0e}")
figure = go.Figure()
tints = ramp(2, dark)
for name, y, tint in (("GRU", curve, tints[0]), ("min_gru", lines, tints[1])):
    for step in range(3):
        look = {"color": tint, "width": 2.5, "dash": ("solid", "dash", "dot")[step]}
        figure.add_scatter(
            x=starts[:, 0].tolist(),
            y=y[:, step].tolist(),
            line=look,
            name=f"{name}, step {step + 1}",
        )
figure.update_xaxes(title_text="state before the first step (no unit)")
figure.update_yaxes(title_text="state after (no unit)")
theme(figure, dark).update_layout(
    title_text="The state after 1, 2 and 3 steps, by where it began", margin_t=84
)

# %% [markdown]
# The GRU bends, and each further step bends the bent curve again. To describe 20 such steps you
# need the whole curve, in as many dimensions as there are units. A line needs two numbers, for
# any number of steps. That is the whole difference.
#
# ## Let the gate look away
#
# So take $h_{t-1}$ out of gate and candidate. $r_t$ has nothing left to do and goes, and so does
# the `tanh`, which was there to keep the memory bounded (a mean is bounded by itself):
#
# $$g_t = \sigma(W_z x_t), \qquad \tilde h_t = W_h x_t, \qquad
# h_t = (1 - g_t)\,h_{t-1} + g_t\,\tilde h_t$$
#
# **Exercise gru.1.** Write one step of it: what the memory holds afterwards. All of MinGRU is in
# this one line; the rest of the notebook is about doing it for all steps at once.


# %% tags=["exercise"]
def min_gru_step(h, z, new):
    """The memory after one step.

    h, the memory before; z, the logit of the gate; new, the new value: [D] each. Returns [D].
    """
    todo()


min_gru_step = exercise("gru.1").check(min_gru_step)

# %%
h, states = torch.zeros(3), []
for z_t, new_t in zip(logits[0], new[0], strict=True):
    h = min_gru_step(h, z_t, new_t)
    states.append(h)
assert_close(torch.stack(states)[None], followed, "step by step")
print("sixty steps, one after the other: the picture at the beginning, once more")

# %% [markdown]
# The smallest loop that is right, and the library's definition:

# %%
from marslab.kernels.min_gru import as_scan, naive


def loop(gates, news):
    """One sequence, one channel, plain numbers."""
    h, states = 0.0, []
    for g, new in zip(gates, news, strict=True):
        h = (1 - g) * h + g * new
        states.append(h)
    return states


assert loop([0.5, 0.5, 0.5], [8, 4, 0]) == [4.0, 4.0, 2.0]
source(naive.min_gru)

# %% [markdown]
# Now all gates of the sequence are known before the first step. So this has to be the recurrence
# of the first notebook, $h_t = a_t\,h_{t-1} + b_t$, and one scan computes it.
#
# **Exercise gru.2.** Which $a$, and which $b$? Write both from the logits and the new values, for
# all steps at once. The last check looks at the digits of a very small decay.


# %% tags=["exercise"]
def decays_and_inputs(z, new):
    """MinGRU as h[t] = a[t] h[t-1] + b[t].

    z, the logits of the gates; new, the new values: [L] each. Returns a and b, [L] each.
    """
    todo()


decays_and_inputs = exercise("gru.2").check(decays_and_inputs)

# %%
a, b = decays_and_inputs(logits, new)
assert_close(linear_scan(a, b), followed, "one linear scan")
print("one linear scan: the same picture a third time")

# %% [markdown]
# With $a = 1 - g$ and $b = g\,\tilde h$ it is a linear scan, and the library says just that:

# %%
source(as_scan.min_gru)

# %%
z, new = (torch.randn(2, 100, 3, dtype=torch.float64) for _ in range(2))
expected = min_gru(z, new, backend="naive")
one = loop(z[0, :, 0].sigmoid().tolist(), new[0, :, 0].tolist())
assert_close(torch.tensor(one, dtype=torch.float64), expected[0, :, 0], "the loop")
for name in ("torch", "numba"):
    if available()[name].ok:
        assert_close(min_gru(z, new, backend=name), expected, name)
print("loop, definition and scans agree")

# %% [markdown]
# Why `sigmoid(-z)` and not `1 - sigmoid(z)`? On paper they are the same. Near a wide open gate
# the subtraction loses all digits. And why float32 for 16-bit inputs? Because a decay close to 1
# cannot be written in bfloat16. Guess what is left of a memory of 1 after 4,000 steps with
# gates of 0.0002, and what a bfloat16 decay makes of it.

# %%
z = torch.full((1, 4000, 1), 0.0002).logit()
nothing, start = torch.zeros(1, 4000, 1, dtype=torch.bfloat16), torch.ones(1, 1)
_, kept = min_gru(z.bfloat16(), nothing, start, return_state=True)
rounded = (1 - z.bfloat16().float().sigmoid()).bfloat16()[0, 0, 0].item()
assert rounded == 1.0 and 0.4 < kept.item() < 0.5
print(f"left: {kept.item():.3f}; with the decay itself in bfloat16: {rounded**4000:.0f}")

# %% [markdown]
# ## Time against length
#
# A GRU and a MinGRU layer of the same width read the same input: one linear map for the gates and
# the candidates, then the recurrence. Before you run the cell: both do work in proportion to the
# length. So why should one of them win, and by how much? (Gradients are off here.)


# %%
class MinGRU(nn.Module):
    """Gate and candidate from the input alone, then one scan."""

    def __init__(self, inputs, width):
        super().__init__()
        self.both = nn.Linear(inputs, 2 * width)

    def forward(self, x):
        z, new = self.both(x).chunk(2, -1)
        return min_gru(z, new), None  # what nn.GRU returns: states, and something else


def milliseconds(layer, x):
    """Median time of one call, after one to warm up."""
    with torch.no_grad():
        layer(x)
        return 1e3 * median(watch(lambda: layer(x), device)() for _ in range(3 if fast else 5))


lengths = [64, 256, 1024] if fast else [64, 256, 1024, 4096, 16384]
layers = {
    "torch.nn.GRU": nn.GRU(width, width, batch_first=True).to(device),
    "MinGRU": MinGRU(width, width).to(device),
}
times = {name: [] for name in layers}
for length in lengths:
    x = torch.randn(4, length, width, device=device)
    for name, layer in layers.items():  # in turns, so that a busy moment meets both
        times[name].append(milliseconds(layer, x))
table = pd.DataFrame(times, index=pd.Index(lengths, name="steps"))
table["GRU / MinGRU"] = table["torch.nn.GRU"] / table["MinGRU"]
table.round(2)

# %%
title = f"Forward, batch 4, width {width}"
log_lines(
    times, lengths, x_title="steps (count)", y_title="time of one run (ms)", title=title, dark=dark
)

# %% [markdown]
# Both lines end with the same slope: twice the steps, twice the time. What differs is the height.
# The GRU pays for a matrix product and a dozen small operations at each step, one after the other.
# On a GPU the distance grows, because there a step that has to wait leaves thousands of threads
# without work. (These are figures of your machine, taken just now; nothing here asserts them.)
#
# ## Gates that read: the first letter of each word
#
# Now the gate shall depend on the input. We let it open fully at the first byte of each word and
# shut it otherwise. What does the state hold? Nothing is learned here: we set the logits by hand.

# %%
read = torch.tensor(ByteTokenizer().encode(text), dtype=torch.float64)
space = read == ord(" ")
first = ~space & torch.cat([torch.tensor([True]), space[:-1]])
logits = torch.where(first, 30.0, -30.0).double()
h = min_gru(logits[None, :, None], read[None, :, None])[0, :, 0]
held = "".join(chr(round(v)) for v in h.tolist())
expected = [word[:1] for word in text.encode().split(b" ")]
assert [chr(round(h[i].item())).encode("latin-1") for i in first.nonzero()[:, 0]] == expected
print(text)
print(held)

# %% [markdown]
# Under each character stands what the memory holds there: the first letter of the current word,
# kept through the word and through the space after it. Gates of 0 and 1 make a latch. Gates in
# between make a memory that fades. Turn the gate's logit and see how the latch goes soft: the
# slider moves the closed gates, the open ones stay open.


# %%
def draw(closed):
    """The memory of the text when the closed gates have this logit."""
    logits = torch.where(first, 30.0, closed).double()
    h = min_gru(logits[None, :, None], read[None, :, None])[0, :, 0]
    figure, steps, tints = go.Figure(), list(range(len(read))), ramp(2, dark)
    dots, line = {"color": tints[1], "size": 5}, {"color": tints[0], "width": 2.5}
    figure.add_scatter(x=steps, y=read.tolist(), mode="markers", name="byte", marker=dots)
    figure.add_scatter(x=steps, y=h.tolist(), mode="lines", name="memory h", line=line)
    theme(figure, dark, height=340)
    figure.update_xaxes(title_text="step (byte of the text)")
    return figure.update_yaxes(title_text="byte (code)")


def tell(closed):
    """The gate and its time constant."""
    gate = 1 / (1 + math.exp(-closed))
    return f"A logit of {closed:g} is a gate of {gate:.2g}: a memory of {1 / gate:,.0f} steps."


slider = ipywidgets.FloatSlider(value=-6, min=-10, max=4, step=0.5, description="logit")
Explorer(draw, tell, {"closed": slider})

# %% [markdown]
# ## What is lost
#
# A gate that does not see the memory cannot let what it *knows* decide what it does. Here is the
# smallest task of that kind. Bits come in; the memory shall say whether the number of ones so far
# is odd. So at each 1 it has to **flip**, from wherever it is.
#
# A GRU with a single unit can do it. We set its weights by hand: at a 0 keep, at a 1 replace by
# $\tanh(-10\,h)$, which is the other side.

# %%
flip = nn.GRU(1, 1, batch_first=True)
with torch.no_grad():
    flip.weight_ih_l0.copy_(torch.tensor([[0.0], [-40.0], [0.0]]))  # rows: r, z, n
    flip.bias_ih_l0.copy_(torch.tensor([20.0, 20.0, 0.0]))
    flip.weight_hh_l0.copy_(torch.tensor([[0.0], [0.0], [-10.0]]))
    flip.bias_hh_l0.zero_()
    bits = torch.randint(0, 2, (200, 500, 1)).float()
    says = flip(bits, torch.ones(1, 200, 1))[0]
odd = bits.cumsum(1) % 2 == 1
assert ((says < 0) == odd).all()
print(f"one GRU unit, {odd.numel():,} answers, all right")

# %% [markdown]
# And MinGRU? Feed a unit nothing but ones. Its gate is the same at every step, and so is its
# candidate. So it moves towards that candidate, a share of the way each time, and **never turns
# round**. To count ones it would have to turn at every step. No weights can help.
#
# Let us look for a counterexample among 10,000 random units, and count how often any turns.

# %%
z = (3 * torch.randn(1, 1, 10_000, dtype=torch.float64)).expand(1, 50, -1)
new = (3 * torch.randn(1, 1, 10_000, dtype=torch.float64)).expand(1, 50, -1)
path = min_gru(z, new, torch.randn(1, 10_000, dtype=torch.float64)).diff(dim=1)
size = path.abs().amax(1, keepdim=True)
turns = ((path > 1e-9 * size).any(1) & (path < -1e-9 * size).any(1)).sum().item()
assert turns == 0
print(f"units that turned round within 50 steps: {turns} of 10,000")

# %% [markdown]
# The reason is in the numbers that a gate may take. $1 - g$ lies between 0 and 1, never below. A
# recurrence that may *multiply by −1* does flip, and it is still a scan: that is one of the things
# that the delta rule of RWKV-7 brings back.
#
# Does it matter in practice? Let digits decide, read row by row: a GRU, one MinGRU layer of the
# same width, and two of them stacked, so that the gates of the second see the states of the
# first. Same training for all. **What does looking away cost, and what does stacking give back?
# Guess first.**

# %%
from marslab.learning import fit
from marslab.tasks import Split, load_digits_sequences

torch.set_num_threads(1)  # steps this small lose more by being shared out than they gain
digits = Split(*(part.to(device) for part in load_digits_sequences(seed)))


class Reader(nn.Module):
    """Read all rows, then decide."""

    def __init__(self, layer, width):
        super().__init__()
        self.layer, self.decide = layer, nn.Linear(width, 10)

    def forward(self, x):
        return self.decide(self.layer(x)[0][:, -1])


def trained(make):
    """The share of held-out digits that a layer tells apart, after each epoch."""
    marslab.seed_everything(seed)
    model = Reader(make(8, 48), 48).to(device)
    epochs = 6 if fast else 30
    return [x.held_out for x in fit(model, digits, epochs=epochs, lr=1e-2, seed=seed)]


def gru_layer(inputs, width):
    """The GRU of torch, with the batch in front."""
    return nn.GRU(inputs, width, batch_first=True)


class Stacked(nn.Module):
    """Two MinGRU layers: the gates of the second see the states of the first."""

    def __init__(self, inputs, width):
        super().__init__()
        self.first, self.second = MinGRU(inputs, width), MinGRU(width, width)

    def forward(self, x):
        return self.second(self.first(x)[0])


made = {"torch.nn.GRU": gru_layer, "MinGRU": MinGRU, "two MinGRU layers": Stacked}
scores = pd.DataFrame({name: trained(make) for name, make in made.items()})
scores.index = pd.RangeIndex(1, len(scores) + 1, name="held out, after epoch")
end = scores.iloc[-1]
assert end["torch.nn.GRU"] > 0.85 and end["two MinGRU layers"] > 0.8
assert end["torch.nn.GRU"] > end["two MinGRU layers"] > end["MinGRU"] > 0.6
print({name: sum(p.numel() for p in make(8, 48).parameters()) for name, make in made.items()})
scores.iloc[[0, 1, 3, -1]].round(3)

# %% [markdown]
# One layer that looks away loses a lot. Two of them win a good part of it back, with fewer weights
# than the GRU has (the numbers above the table), and both run as scans. That is how MinGRU is meant
# to be used: stacked.

# %% [markdown]
# ## What goes wrong
#
# - **A gate that never opens.** A candidate only counts while its gate is open, and the gradient
#   of a shut gate is nearly 0: $g(1-g)$. A gate that starts at logit −10 learns as good as nothing.
#   So initial gates are spread over time constants that the data has.
# - **16 bits.** Shown above: keep the decay in float32.
# - **Very small gates in float32.** $1 - g$ is rounded to about $6 \cdot 10^{-8}$, so of a full
#   memory about $6 \cdot 10^{-8} / g$ may be wrong. For $g = 10^{-4}$ that is 0.06 %.
#
# The first of these as a number:

# %%
slopes = {}
for start in (-10.0, -2.0):
    z = torch.full((1, 1, 1), start, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(min_gru(z, torch.ones_like(z)).sum(), z)
    slopes[start] = slope.item()
assert slopes[-2.0] / slopes[-10.0] > 1000
print({f"logit {start:g}": f"gradient {slope:.1e}" for start, slope in slopes.items()})

# %% [markdown]
# So a layer begins with gates that suit the memories it will need, and those are known in steps:
# a word, a line, a page.
#
# **Exercise gru.3.** Write the way back, from the half-life of a memory to the logit of its gate.


# %% tags=["exercise"]
def logit_for(half_life):
    """The logit of the gate that leaves half of a memory after `half_life` steps."""
    todo()


logit_for = exercise("gru.3").check(logit_for)

# %%
lives = (1, 10, 100, 1000)
wanted = torch.tensor([logit_for(n) for n in lives], dtype=torch.float64)
nothing, full = torch.zeros(1, 1000, 4, dtype=torch.float64), torch.ones(1, 4, dtype=torch.float64)
fading = min_gru(wanted.expand_as(nothing), nothing, full)[0]
left = {n: fading[n - 1, i].item() for i, n in enumerate(lives)}
assert all(abs(share - 0.5) < 1e-9 for share in left.values())
pd.DataFrame({"logit": wanted, "left": left.values()}, index=pd.Index(lives, name="steps")).round(3)

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **Half open.** A gate of 0.1 starts from 0 and the new value is 1. After how many steps is the
#    state above 0.5? Solve $1 - 0.9^n > 0.5$, then ask `min_gru`.
# 2. **Signs.** In `linear_scan(a, b)` the decay may be negative. Set $a = -1$ where a bit is 1 and
#    $a = 1$ where it is 0, $b = 0$ and $h_0 = 1$. Does it count what MinGRU cannot?
# 3. **Width against time.** Set `width = 256` at the top. The GRU's matrix product grows 16-fold
#    with it, the scan 4-fold. What becomes of the last column of the table?
#
# ## Recap
#
# - A gate is a time constant, chosen anew at each step.
# - A GRU step bends the state. Bends of bends need ever more numbers, so there is no scan.
# - A gate that sees only the input makes a step a straight line, and the layer one linear scan.
# - Lost is what needs the memory to decide about itself: flipping at every 1, for example.
#
# **Source.** `marslab.kernels.min_gru`: `naive` is the definition, `as_scan` all the rest; its
# README derives the gradient.
#
# **Papers.**
# - Cho et al. 2014, [Learning phrase representations using RNN
#   encoder-decoder](https://arxiv.org/abs/1406.1078): the GRU.
# - Feng et al. 2024, [Were RNNs all we needed?](https://arxiv.org/abs/2410.01201): minGRU.
# - Martin & Cundy 2018, [Parallelizing linear recurrent neural
#   nets](https://arxiv.org/abs/1709.04057): gates that see the input alone, earlier.
# - Grazzi et al. 2024, [Unlocking state-tracking in linear RNNs through negative
#   eigenvalues](https://arxiv.org/abs/2411.12537): what −1 buys.
#
# **Next.** [06_log_space_decay](06_log_space_decay.ipynb): what happens when many decays are
# multiplied. To turn gates by hand: `marslab dash scans`.
