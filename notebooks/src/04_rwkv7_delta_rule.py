# %% [markdown]
# # RWKV-7 and the delta rule: write, read, overwrite
#
# The memories so far faded. They could forget everything a little, or keep everything a little
# longer, but they could not change their mind about one thing. Try to correct a phone number in
# a notebook where you may only add ink. RWKV-7 has an eraser that fits exactly one entry.
#
# **You will learn**
# - how a matrix is a memory: a key asks, a value answers;
# - what happens when a key is written a second time, in a memory that can only add or fade;
# - the delta rule, in one line, and how it replaces exactly one association;
# - how many pairs a matrix of width $K$ can hold, measured;
# - why the rule is stable only under a law, and how fast it explodes without.
#
# **Time** about 35 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: more trials behind each average
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
width = 32  # K, the length of a key; also V, that of a value
text = "the cat sat on the mat; the dog sat on the log; the cat ate the rat"

# %%
import inspect
from textwrap import dedent

import ipywidgets
import pandas as pd
import plotly.io as pio
import torch
import torch.nn.functional as F
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels import available, wkv7
from marslab.kernels.testing import assert_close
from marslab.kernels.wkv7 import naive
from marslab.kernels.wkv7.work import draw
from marslab.lab.claims import claim
from marslab.lab.course import exercise, todo
from marslab.text import ByteTokenizer
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, curves, log_lines, matrix_heatmap

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
torch.set_default_dtype(torch.float64)  # small sizes here; rounding is for other notebooks


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## A matrix that remembers
#
# Take a key $k$, a vector of length 1, and a value $v$, any vector. The table $v k^T$ has a row for
# each number of $v$ and a column for each number of $k$. Multiply it by the key and the value
# comes out, because $k^T k = 1$:
#
# $$(v k^T)\,k = v\,(k^T k) = v$$
#
# Add two such tables and both keys still work, as long as they are at right angles: what the
# other key wrote is then multiplied by $k_1^T k_2 = 0$. Below is a memory $S$ with two pairs in
# it. The key `up` points along the first column and `down` along the second, so each column is
# simply the value that was written under it.

# %%
up, down = torch.eye(4)[:2]
first, second = torch.tensor([1.0, 2.0, -1.0]), torch.tensor([-2.0, 0.5, 1.0])
S = torch.outer(first, up) + torch.outer(second, down)
assert torch.equal(S @ up, first) and torch.equal(S @ down, second)
matrix_heatmap(
    S,
    rows="number of the value (index)",
    columns="number of the key (index)",
    title="Two pairs in one matrix",
    dark=dark,
    height=300,
)

# %% [markdown]
# ## What adding cannot do
#
# Now write a *new* value under `up`. A memory that adds holds both values there, and the answer
# is their sum. A memory that fades first weakens what was there. But it weakens `down` just
# the same, which nobody asked for.

# %%
new = torch.tensor([0.0, -3.0, 2.0])
added = S + torch.outer(new, up)
faded = 0.2 * S + torch.outer(new, up)
rows = {
    "adding: up": added @ up,
    "fading: up": faded @ up,
    "fading: down": faded @ down,
    "wanted: up": new,
    "wanted: down": second,
}
assert torch.equal(added @ up, first + new)  # a mixture
assert torch.allclose(faded @ down, 0.2 * second)  # the innocent suffers
pd.DataFrame({name: answer.tolist() for name, answer in rows.items()}).T.round(2)

# %% [markdown]
# ## The delta rule
#
# So before you write, **ask**. The memory says $S k$ about this key. What is wrong with that answer
# is $v - S k$. Write only the difference.
#
# **Exercise delta.1.** Do it: ask, then write at a rate, where 1 goes all the way and a half goes
# half of it. These two lines are the idea of the notebook.


# %% tags=["exercise"]
def my_write(S, k, v, rate):
    """The memory after v was written under k: at a rate of 1, k answers v from then on.

    S: [V, K]; k: [K]; v: [V]; returns the new memory, [V, K].
    """
    todo()


my_write = exercise("delta.1").check(my_write)

# %%
corrected = my_write(S, up, new, 1.0)
assert_close(corrected @ up, new, "the key that was written")
assert_close(corrected @ down, second, "the other key")
print("up:", (corrected @ up).tolist(), " down:", (corrected @ down).tolist())

# %% [markdown]
# In symbols:
#
# $$S_t = S_{t-1} + \eta\,(v_t - S_{t-1} k_t)\,k_t^T$$
#
# With $\eta = 1$ the key answers $v_t$ from then on, whatever it answered before. A key at right
# angles does not notice. $\eta$ is the **rate**: at $\eta = \frac12$ the answer goes half of the
# way. This is the rule of Widrow and Hoff from 1960, one step of gradient descent on
# $\frac12 |S k - v|^2$, taken at each token. The smallest loop that is right:


# %%
def loop(keys, values, rate=1.0):
    """The memory after all pairs were written, one after the other."""
    S = torch.zeros(len(values[0]), len(keys[0]))
    for k, v in zip(keys, values, strict=True):
        S = S + rate * torch.outer(v - S @ k, k)
    return S


S = loop([up, down, up], [first, second, new])
assert torch.equal(S @ up, new) and torch.equal(S @ down, second)
print("up:", (S @ up).tolist(), " down:", (S @ down).tolist())

# %% [markdown]
# ## RWKV-7 writes it with more freedom
#
# Multiply the line out: $S_t = S_{t-1} - (S_{t-1} k)(\eta k)^T + v\,(\eta k)^T$. RWKV-7 lets the
# network choose every piece of that on its own, and adds a decay for each key channel:
#
# $$S_t = S_{t-1}\,\mathrm{diag}(e^{w_t}) + (S_{t-1} a_t)\,b_t^T + v_t k_t^T, \qquad y_t = S_t r_t$$
#
# It asks with $a = -\kappa$, takes away along $b = \eta \kappa$, writes under $k$ and reads with
# $r$. $w \le 0$ is the log of what stays.
#
# **Exercise delta.2.** Write the step, without the reading. Mind which memory $a$ asks, and which
# axis fades: with square memories both mistakes run without an error.


# %% tags=["exercise"]
def my_rwkv7_step(S, w, k, v, a, b):
    """The memory after one step, S diag(e^w) + (S a) b^T + v k^T.

    S: [V, K]; w, k, a, b: [K]; v: [V]; returns the new memory, [V, K].
    """
    todo()


my_rwkv7_step = exercise("delta.2").check(my_rwkv7_step)

# %%
r, w, k, v, a, b, s0 = draw((1, 30, 1, 8, 6))
state, answers = s0[0, 0], []
for t in range(30):
    state = my_rwkv7_step(state, *(operand[0, t, 0] for operand in (w, k, v, a, b)))
    answers.append(state @ r[0, t, 0])
y, last = wkv7(r, w, k, v, a, b, s0, return_state=True)
assert_close(torch.stack(answers), y[0, :, 0], "step by step")
assert_close(state, last[0, 0], "the memory at the end")
print("30 steps of it give what the library gives")

# %% [markdown]
# The definition in the library is that line in a loop:

# %%
source(naive.wkv7)

# %% [markdown]
# Our rule is the special case $w = 0$, $a = -k$, $b = \eta k$, and the written key is $\eta k$ as
# well. A memory that only adds has $a = b = 0$, one that fades has $w < 0$ besides. From here on
# `remember` calls the library for all three, with the rates as an argument.


# %%
def remember(keys, values, rate=1.0, *, keep=1.0, erase=True, state=None):
    """Write pairs with wkv7; keys [trials, n, K], values [trials, n, V] -> S [trials, V, K]."""
    k, v = keys[:, :, None], values[:, :, None]  # one head
    w = torch.full_like(k, keep).log()
    a, b = (-k, rate * k) if erase else (torch.zeros_like(k), torch.zeros_like(k))
    _, S = wkv7(k, w, rate * k, v, a, b, state, return_state=True)
    return S[:, 0]


keys = F.normalize(torch.randn(1, 40, width), dim=-1)
values = torch.randn(1, 40, width)
assert_close(remember(keys, values, 0.7)[0], loop(keys[0], values[0], 0.7), "the loop")
operands = draw((2, 100, 2, 8, 8))  # everything at random, within RWKV-7's law
expected = wkv7(*operands, backend="naive")
for name in ("torch", "numba"):
    if available()[name].ok:
        assert_close(wkv7(*operands, backend=name), expected, name)
print("the loop, the definition and the fast versions agree")

# %% [markdown]
# ### Two steps are again a step, with matrices
#
# Look at what a step does to $S$, and at nothing else. It multiplies $S$ from the right by a matrix
# $G_t = \mathrm{diag}(e^{w_t}) + a_t b_t^T$, and adds a table $U_t = v_t k_t^T$:
#
# $$S_t = S_{t-1}\,G_t + U_t$$
#
# That is the recurrence of the first notebook, with matrices for numbers.
#
# **Exercise delta.3.** So two steps should again be a step. Join them. Numbers may change places in
# a product, matrices may not; chunks of this rule rest on getting that right.


# %% tags=["exercise"]
def my_step_join(G1, U1, G2, U2):
    """Two steps S -> S G + U in a row, (G1, U1) and then (G2, U2), as one such step.

    G1, G2: [K, K]; U1, U2: [V, K]; returns the G and the U of the joined step.
    """
    todo()


my_step_join = exercise("delta.3").check(my_step_join)

# %%
G = torch.diag_embed(w[0, :, 0].exp()) + a[0, :, 0, :, None] * b[0, :, 0, None, :]
U = v[0, :, 0, :, None] * k[0, :, 0, None, :]
whole = G[0], U[0]
for t in range(1, 30):
    whole = my_step_join(*whole, G[t], U[t])
assert_close(s0[0, 0] @ whole[0] + whole[1], last[0, 0], "thirty steps as one")
print("thirty steps joined to one, and the memory at the end is the same")

# %% [markdown]
# ## Watch one entry being replaced
#
# Three pairs, then the second key again with another value. The keys are random directions now,
# so no column belongs to one pair alone. First the memory before the last write, then what that
# write changed.

# %%
few, told = keys[:, [0, 1, 2, 1]], values[:, :4]
before = remember(few[:, :3], told[:, :3])[0]
after = remember(few, told)[0]
change = after - before
assert torch.linalg.matrix_rank(change) == 1  # one association, nothing else
matrix_heatmap(
    before[:12, :24],
    rows="value number (index)",
    columns="key number (index)",
    title="The memory after three writes (a corner of it)",
    dark=dark,
    height=300,
)

# %%
matrix_heatmap(
    change[:12, :24],
    rows="value number (index)",
    columns="key number (index)",
    title="What the fourth write changed: a table of rank 1",
    dark=dark,
    height=300,
)

# %% [markdown]
# The change has rank 1: every row is the same key, times a number. What does each key answer now?
# The third memory below is ours; the others add or fade. **Guess first: which numbers are near 1?**


# %%
def cosine(S, keys, values):
    """How much the answers look like the values: -1 to 1, for each pair."""
    return F.cosine_similarity(keys @ S.mT, values, dim=-1)


rules = {
    "adding": {"erase": False},
    "fading (keeps 0.7)": {"erase": False, "keep": 0.7},
    "delta rule": {},
}
asked, wanted = few[:, [0, 2, 3]], told[:, [0, 2, 3]]
answers = {
    name: cosine(remember(few, told, **how), asked, wanted)[0] for name, how in rules.items()
}
table = pd.DataFrame({name: c.tolist() for name, c in answers.items()}).T
table.columns = ["key 0, untouched", "key 2, untouched", "key 1, overwritten"]
assert table.loc["delta rule", "key 1, overwritten"] > 0.99
assert table.loc["adding", "key 1, overwritten"] < 0.9
claim("tars-wkv-memory", table.loc["adding", "key 1, overwritten"])
table.round(3)

# %% [markdown]
# The memory that adds answers a mixture. The one that fades does better on the last key, and pays
# with a weaker memory of everything older: the *direction* of an old answer may be right, its size
# is not. The delta rule has the overwritten pair exactly. The others moved a little, because random
# keys are not quite at right angles.
#
# And if you write the same pair again? There is nothing left to correct.

# %%
once = remember(keys[:, :9], values[:, :9])
twice = remember(keys[:, 8:9], values[:, 8:9], state=once[:, None])
assert cosine(once, keys[:, 8:9], values[:, 8:9]).item() > 0.99
assert_close(twice, once, "a second identical write")
summed = remember(keys[:, 8:9], values[:, 8:9], erase=False, state=once[:, None])
print(
    f"delta rule: changed by {(twice - once).norm():.1e}; adding: by {(summed - once).norm():.2f}"
)

# %% [markdown]
# ## Something to turn: the rate
#
# Each write at rate $\eta$ leaves $1 - \eta$ of the error. So after $n$ writes of the same pair
# $(1-\eta)^n$ of it is left. Turn the rate. Between 1 and 2 the answer overshoots and comes back.
# At 2 it jumps from side to side for ever, at more than 2 it runs away. (Tab reaches the slider,
# the arrow keys move it.)


# %%
def errors(rate, writes=12):
    """What is left of the error after each write of one pair, with its sign."""
    k, v = keys[:, :1].expand(-1, writes, -1), values[:, :1].expand(-1, writes, -1)
    r = k[:, :, None]
    y = wkv7(r, 0 * r, rate * r, v[:, :, None], -r, rate * r)[0, :, 0]
    return (1 - (y @ v[0, 0]) / v[0, 0].square().sum()).tolist()


def picture(rate):
    """The error over the writes."""
    steps = list(range(1, 13))
    exact = [(1 - rate) ** n for n in steps]
    return curves(
        {"(1 − η)ⁿ": (steps, exact)},
        {"wkv7": (steps, errors(rate))},
        x_title="writes of the same pair (count)",
        y_title="error that is left (share)",
    )


def tell(rate):
    """What the rate does, in a sentence."""
    left = abs(1 - rate)
    if left < 1e-9:
        return "A rate of 1: the first write is right, the others change nothing."
    if left > 1 + 1e-9:
        return f"A rate of {rate:g}: each write makes the error {left:.2f} times as large."
    if left > 1 - 1e-9:
        return f"A rate of {rate:g}: the error never shrinks."
    return f"A rate of {rate:g}: each write leaves {left:.0%} of the error."


for rate in (0.1, 0.5, 1.0, 1.5, 2.0, 2.1):
    exact = torch.tensor([(1 - rate) ** n for n in range(1, 13)])
    assert (torch.tensor(errors(rate)) - exact).abs().max() < 1e-9 * max(1.0, exact.abs().max())
slider = ipywidgets.FloatSlider(value=0.5, min=0, max=2.2, step=0.1, description="rate η")
Explorer(picture, tell, {"rate": slider})

# %% [markdown]
# A rate of 2 is good for something. It turns the answer to its opposite: $1 - 2 = -1$. So this
# memory can **flip**, which no gate between 0 and 1 can
# ([05_min_gru](05_min_gru.ipynb) shows why). Counting whether a number of ones is odd takes one key
# and one number of state:

# %%
bits = torch.randint(0, 2, (1, 500, 1, 1)).double()
one, none = torch.ones_like(bits), torch.zeros_like(bits)
parity = wkv7(one, none, none, none, -one, 2 * bits, torch.ones(1, 1, 1, 1))
assert torch.equal(parity, 1 - 2 * (bits.cumsum(1) % 2))
print("500 answers, all right:", parity[0, :8, 0, 0].int().tolist(), "...")

# %% [markdown]
# RWKV-7 itself keeps $\eta$ in $(0, 1)$ for each channel. What it gives up there, the papers at the
# end discuss.
#
# ## Recall from text
#
# Now a text. Each byte gets a random key and a random value, and for every byte of the text we
# write the pair (byte → next byte). Keys return all the time: after `t` comes `h`, then `;`, then
# `h` again. At the end we ask each byte of the text what followed it **last**. The answer is the
# byte whose value is most similar.


# %%
def pairs_of(text):
    """(byte, next byte) for every byte but the last, and what followed each byte last."""
    ids = ByteTokenizer().encode(text)
    pairs = list(zip(ids, ids[1:], strict=False))
    return pairs, dict(pairs)


def recalled(text, **how):
    """The share of bytes whose last follower is found, over random keys and values."""
    pairs, last = pairs_of(text)
    trials = 40 if fast else 400
    keys = F.normalize(torch.randn(trials, 256, width), dim=-1)
    values = F.normalize(torch.randn(trials, 256, width), dim=-1)
    now, then = (torch.tensor(x) for x in zip(*pairs, strict=True))
    S = remember(keys[:, now], values[:, then], **how)
    asked, wanted = (torch.tensor(list(x)) for x in (last.keys(), last.values()))
    said = (keys[:, asked] @ S.mT @ values.mT).argmax(-1)
    return (said == wanted).double().mean().item()


pairs, last = pairs_of(text)
scores = {name: recalled(text, **how) for name, how in rules.items()}
assert scores["delta rule"] > 0.9
assert scores["delta rule"] > scores["adding"] + 0.2
assert scores["delta rule"] > scores["fading (keeps 0.7)"] + 0.2
print(f"{len(pairs)} pairs written, {len(last)} different keys, width {width}")
pd.Series(scores, name="followers found (share)").to_frame().round(3)

# %% [markdown]
# The memory that adds confuses old followers with new ones. The one that fades knows the end of
# the text and has lost its beginning. The delta rule keeps what was never contradicted and
# replaces what was.
#
# ## How much fits in
#
# A matrix of width $K$ has $K$ right angles. So it can hold $K$ independent keys exactly, and no
# more. But in one pass the delta rule does not get there: each later key disturbs the earlier ones
# a little. Read the pairs several times and it corrects that as well. Here are random keys, and the
# mean cosine of what is read back. **Before you look: where is each curve when the number of pairs
# is $K$?**

# %%
eighths = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16]
counts = [1, *(width * n // 8 for n in eighths)]
ways = {
    "adding": (1, {"erase": False}),
    "fading (keeps 0.9)": (1, {"erase": False, "keep": 0.9}),
    "delta rule, once": (1, {}),
    "delta rule, 40 times": (40, {}),
}


def mean_cosine(count, times, how):
    """Write `count` random pairs so many times over, and read them all."""
    trials = 8 if fast else 64
    keys = F.normalize(torch.randn(trials, count, width), dim=-1)
    values = torch.randn(trials, count, width)
    S = remember(keys.repeat(1, times, 1), values.repeat(1, times, 1), **how)
    return cosine(S, keys, values).mean().item()


held = {name: [mean_cosine(n, *way) for n in counts] for name, way in ways.items()}
held = pd.DataFrame(held, index=pd.Index(counts, name="pairs"))
assert held.loc[3 * width // 4, "delta rule, 40 times"] > 0.98
assert held.loc[width // 2, "adding"] < 0.9
assert held.loc[2 * width, "delta rule, 40 times"] < 0.72  # more keys than right angles
assert held.loc[2 * width, "adding"] > held.loc[2 * width, "delta rule, once"] + 0.05
curves(
    {name: (counts, held[name].tolist()) for name in held},
    x_title=f"pairs written (count); width K = {width}",
    y_title="cosine of answer and value",
    title="What is read back",
    dark=dark,
)

# %% [markdown]
# Up to three quarters of $K$ the repeated delta rule is as good as exact. Towards $K$ the keys grow
# so nearly dependent that 40 rounds are too few. Beyond $K$ nothing helps: the best that any matrix
# can answer to twice as many pairs as it is wide has a cosine of about $\sqrt{1/2} = 0.71$. The
# rule at rate 1 does not even reach that: it makes the last pair right, at the cost of all others.
#
# The same shows in one pass. Where many keys are written once and none returns, **adding is the
# better memory on average**, and the last assertion above holds the delta rule to that. Its gain is
# where keys return, as in the text. And a fading memory is the worst place for what is old.
#
# One matrix is a small memory, so models use many heads, and designs like TARS put larger
# memories beside it.
#
# ## Forgetting everything, exactly
#
# $w = -\infty$ is allowed: $e^{-\infty} = 0$, and the step starts afresh. Between two documents in
# one batch this is what you want. It has to be exact, also in the versions that work on whole
# chunks of time. They may never compute a decay as a quotient of two products, since $0/0$ is no
# number.

# %%
operands = draw((1, 60, 1, 8, 8), edges=0.0)
operands.w[:, 37], operands.a[:, 37] = -torch.inf, 0
y = wkv7(*operands)
fresh = wkv7(*(x[:, 37:] for x in operands[:-1]))
for name in ("naive", "torch", "numba"):
    if available()[name].ok:
        assert_close(wkv7(*operands, backend=name)[:, 37:], fresh, name)
print("the second document knows nothing of the first")

# %% [markdown]
# ## What goes wrong
#
# The rule feeds the memory back into itself. Along the key each step multiplies by
# $1 - \eta\,|\kappa|^2$. That is harmless while $\eta\,|\kappa|^2$ lies between 0 and 2. Here is
# how large an answer becomes over 200 steps: within the law; with a rate of 2.2; with keys of
# length 1.5 that nobody normalised; and with $a$ and $b$ drawn at random, as a careless test might
# do.

# %%
steps = 200
r, w, k, v, a, b, s0 = draw((1, steps, 1, width, width), edges=0.0)
kappa, same = -a, (-a[:, :1]).expand_as(a)  # a new direction each step, and always the same
wild_a, wild_b = torch.randn_like(a), torch.randn_like(a)
cases = {
    "within the law": (w, a, b),
    "rate 2.2": (0 * w, -same, 2.2 * same),
    "keys of length 1.5": (0 * w, -1.5 * same, 1.5 * same),
    "a and b at random": (w, wild_a, wild_b),
}
sizes = {}
for name, (decay, ask, take) in cases.items():
    sizes[name] = wkv7(r, decay, k, v, ask, take, s0)[0, :, 0].abs().amax(-1)
assert sizes["within the law"].max() < 100
assert sizes["rate 2.2"][-1] > 1e12 and sizes["keys of length 1.5"][-1] > 1e16
assert sizes["a and b at random"][-1] > 1e60
print({name: f"{size[-1]:.1e}" for name, size in sizes.items()})
log_lines(
    sizes, x_title="step (count)", y_title="largest |y| (no unit)", title="200 steps", dark=dark
)

# %% [markdown]
# float32 ends at $3.4 \cdot 10^{38}$, so the last curve is `inf` long before its end. No gradient
# clipping saves that. What saves it is the law of RWKV-7: $\kappa$ has length 1, every
# $\eta$ lies in $(0, 1)$, and $w \le 0$. Then the matrix of a step,
# $\mathrm{diag}(e^w) - \kappa\,(\eta \odot \kappa)^T$, has no eigenvalue larger than 1. Let us
# look, over 200 steps:

# %%
matrices = torch.diag_embed(w[0, :, 0].exp()) + a[0, :, 0, :, None] * b[0, :, 0, None, :]
largest = torch.linalg.eigvals(matrices).abs().amax()
wild = torch.diag_embed(w[0, :, 0].exp()) + wild_a[0, :, 0, :, None] * wild_b[0, :, 0, None, :]
assert largest <= 1 and torch.linalg.eigvals(wild).abs().amax() > 3
print(f"largest eigenvalue within the law: {largest:.3f}")
print(f"with a and b at random:            {torch.linalg.eigvals(wild).abs().amax():.1f}")

# %% [markdown]
# The op normalises nothing and does not check the law; that is the layer's duty. It does check $w$:
# a positive one would grow. The TARS paper prints a decay of $e^{-w}$ and calls it RWKV-7; with
# $w < 0$ that is more than 1. It is the rule of RWKV-5 and 6, and it has no eraser.

# %%
try:
    wkv7(r, -w, k, v, a, b)
except ValueError as refused:
    said = str(refused)
assert said.startswith("wkv7: w must be in [-inf, 0]")
print(said)

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **Half measures.** A pair is written three times at rate 0.5. What share of the error is left?
#    Compute it, then print `errors(0.5)[2]`.
# 2. **A wider memory.** Set `width = 64` at the top. Does *adding* now recall the text as well as
#    the delta rule does at 32? What is it in the text that no width can mend?
# 3. **Both at once.** Give the delta rule a decay: `recalled(text, keep=0.9)`. Better or worse
#    than without, on this text? When would it be better?
# 4. **The edge.** In *What goes wrong* set the rate to exactly 2. Does the answer still reach
#    $10^{12}$? Run it and read what the assertion says.
#
# ## Recap
#
# - A matrix holds pairs as $\sum v k^T$; a key asks, the value answers.
# - Adding mixes and fading forgets everyone. The delta rule asks first, then writes the difference.
# - A second identical write at rate 1 changes nothing; the change of any write has rank 1.
# - $K$ independent keys fit into a matrix of width $K$, after many passes. In one pass the delta
#   rule wins where keys return, not where each is written once.
# - Unit keys, rates in $(0, 1)$, $w \le 0$: without them the state explodes.
#
# **Source.** `marslab.kernels.wkv7`: `naive` is the definition, `torch_ops` works in chunks of 16
# steps, `cpu*` and `gpu*` walk. Its README derives the chunks and the gradient.
#
# **Papers.**
# - Widrow & Hoff 1960, *Adaptive switching circuits*, IRE WESCON: the delta rule.
# - Schlag, Irie & Schmidhuber 2021, [Linear transformers are secretly fast weight
#   programmers](https://arxiv.org/abs/2102.11174): the delta rule as a sequence layer.
# - Yang et al. 2024, [Parallelizing linear transformers with the delta
#   rule](https://arxiv.org/abs/2406.06484): chunks of it by one triangular solve.
# - Peng et al. 2025, [RWKV-7 "Goose"](https://arxiv.org/abs/2503.14456): the rule of this page.
# - Grazzi et al. 2024, [Unlocking state-tracking in linear
#   RNNs](https://arxiv.org/abs/2411.12537): what rates up to 2 can do.
#
# **Next.** [05_min_gru](05_min_gru.ipynb): a gate that looks away. To turn this op by hand:
# `marslab dash scans`.
