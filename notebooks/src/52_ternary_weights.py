# %% [markdown]
# # Three levels: weights of −1, 0 and 1
#
# A weight that can only be −1, 0 or 1 needs no multiplication: add, leave out, subtract. Four of
# them fit into a byte. TARS wants its large model to run like that, on a CPU. Does a network stand
# it? Rounded afterwards: hardly. Trained through the rounding: nearly. And how much of the promise
# is left on your machine, you will see.
#
# **You will learn**
# - where the three levels lie, and why the mean size of a matrix is the step;
# - a product of whole numbers, exact to the last bit;
# - four weights to a byte, or five, and why neighbours do not share one;
# - how real weights behind the rounding keep learning, and how they flip;
# - what a wider network has to do with it, and what happens to a trained TARS.
#
# **Time** about 35 minutes. The cells themselves need some twenty seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: more widths, more seeds, longer training
seed = 0
device = "cpu"  # what is measured here is meant for a CPU
dark = False  # True: figures for a dark JupyterLab

# %%
import copy
import inspect
import math
from statistics import median
from textwrap import dedent

import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown
from torch import nn

# %%
import marslab
from marslab.compress import PackedTernaryLinear, TernaryLinear, pack, to_int8, to_ternary
from marslab.compress.activations import per_token
from marslab.compress.ternary import ternary
from marslab.kernels import pack_ternary, ternary_matmul, unpack_ternary
from marslab.kernels.roofline import floor_seconds
from marslab.lab.claims import record
from marslab.lab.course import exercise, todo
from marslab.lab.edge.measure import latencies
from marslab.learning.fit import accuracy, fit
from marslab.learning.tars.each_wave import flawless, worked
from marslab.tasks import load_digits_sequences
from marslab.tasks.reasoning import problems
from marslab.widgets.explorers import rounded_weights
from marslab.widgets.figures import CONFIG, curves, value_levels

# %%
pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
split = load_digits_sequences()
LAST = ("5",)  # the layer that reads out keeps its precision
epochs, again, seeds = (12, 5, 3) if fast else (30, 15, 5)


def source(thing):
    """Show the source of something in the library, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(thing))}```")


def right(model):
    """The share of the 360 held-out digits that a model reads right."""
    return accuracy(model, split.test_x, split.test_y)


# %% [markdown]
# ## A picture first: 4,096 weights and three levels
#
# The middle layer of a small network that reads handwritten digits. The red marks are all that a
# weight may be.


# %%
def reader(width=64):
    """An untrained network that reads digits."""
    inner = [nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *inner, nn.Linear(width, 10))


net = reader()
_ = fit(net, split, epochs=epochs, lr=4e-3, seed=seed)
whole_right = right(net.eval())
W = net[3].weight.detach()
W_q, scale = ternary(W)
assert whole_right > 0.9 and set(W_q.unique().tolist()) == {-1.0, 0.0, 1.0}
value_levels(W, [-scale, 0, scale], title="Weights, and three levels", dark=dark)

# %%
shares = {int(level): (W_q == level).double().mean().item() for level in (-1, 0, 1)}
entropy = -sum(p * math.log2(p) for p in shares.values())
off = ((W_q * scale - W).square().mean() / W.square().mean()).sqrt().item()
assert 0.2 < shares[0] < 0.5 and 1.4 < entropy < math.log2(3)
print("each level's share:", {level: f"{p:.0%}" for level, p in shares.items()})
print(f"information: {entropy:.2f} bits a weight; log2(3) = {math.log2(3):.2f} is the most")
print(f"error of a weight: {off:.0%} of its own size")

# %% [markdown]
# That is where *1.58 bits* comes from: three equally likely levels carry $\log_2 3$ bits. And the
# error is no rounding error in the usual sense. It is half as large as the weights.
#
# ## The step is the mean size
#
# $$W_q = \mathrm{clip}\Big(\mathrm{round}\big(W / s\big), -1, 1\Big), \qquad s = \mathrm{mean}|W|$$
#
# Half a step is the border: what is smaller becomes 0, and what is larger than one and a half steps
# is cut off. With the *largest* weight as the step (as for 8 bits) nearly everything would be 0.
#
# **Exercise ternary.1.** Write it.


# %% tags=["exercise"]
def three_levels(W):
    """Round a matrix to -1, 0 and 1 times its mean size: (W_q, scale). W: [N, K], not all 0."""
    todo()


three_levels = exercise("ternary.1").check(three_levels)

# %%
mine, step = three_levels(W)
assert torch.equal(mine, W_q) and torch.equal(step, scale)
by_largest = (W / W.abs().max()).round()
print(f"zeros: {shares[0]:.0%} with the mean as step, ", end="")
print(f"{(by_largest == 0).double().mean():.0%} with the largest")
source(ternary)

# %% [markdown]
# (The design writes "BitNet b1.58" and cites the paper of the *one*-bit network, which has no 0.
# Erratum **T46**. One bit, the sign, is in the table further down.)
#
# ## Add, leave out, subtract
#
# The inputs are rounded to whole numbers of 8 bits, each token with a step of its own
# ([50_int8](50_int8.ipynb)). Then a product is a sum of whole numbers with a sign:
#
# $$y_{bn} = s\,s_b \Big(\sum_{k:\,W_q = 1} q_{bk} - \sum_{k:\,W_q = -1} q_{bk}\Big)$$

# %%
layer = TernaryLinear(64, 64)
layer.load_state_dict(net[3].state_dict())  # the same names: a float checkpoint fits
with torch.no_grad():
    hidden = net[:3](split.test_x)
    whole, steps = per_token(hidden)
    added = torch.stack([whole[:, row == 1].sum(1) for row in W_q], 1)
    taken = torch.stack([whole[:, row == -1].sum(1) for row in W_q], 1)
    by_hand = scale * (added - taken) * steps + layer.bias
    assert torch.equal(by_hand, layer(hidden))
print(f"{len(hidden)} examples, {W_q.abs().sum():.0f} additions each, no product: equal to the bit")

# %% [markdown]
# Equal *to the bit*, because sums of whole numbers do not care for their order. So the layer that
# is trained and the packed one that is shipped say exactly the same.
#
# ## Four to a byte
#
# Two bits say 0, 1 and, as 3, the number −1 (two's complement). A byte has room for four weights.
# Which four? Not neighbours. A processor loads eight bytes at once; if place $i$ of byte $j$ holds
# weight $iJ + j$, then one shift gives eight *neighbouring* weights, ready to meet eight
# neighbouring inputs.
#
# **Exercise ternary.2.** Pack a row.


# %% tags=["exercise"]
def four_to_a_byte(row):
    """Pack a row of K weights -1, 0, 1 into J = ceil(K / 4) bytes.

    Byte j holds the weights i * J + j, i = 0 .. 3, each in 2 bits, i = 0 lowest. What is not there
    is 0. row: a list of integers; returns a list of integers from 0 to 255.
    """
    todo()


four_to_a_byte = exercise("ternary.2").check(four_to_a_byte)

# %%
packed = pack_ternary(W_q)
assert [four_to_a_byte(row) for row in W_q.int().tolist()] == packed.tolist()
assert torch.equal(unpack_ternary(packed, 64), W_q.to(torch.int8))
five = pack_ternary(W_q, "5trit")
assert 3**5 == 243 <= 256 and torch.equal(unpack_ternary(five, 64, "5trit"), W_q.to(torch.int8))
sizes = {"float32": 4 * W.numel(), "four to a byte": packed.numel(), "five to a byte": five.numel()}
pd.DataFrame({"bytes": sizes, "bits a weight": {k: 8 * n / 4096 for k, n in sizes.items()}})

# %% [markdown]
# Five fit as well: $3^5 = 243$. A byte is then a number with five digits in base 3. (64 is no
# multiple of five, so a row wastes a digit here.) It saves another fifth, and costs a division.
#
# The kernel `ternary_matmul` multiplies by the bytes without ever unpacking them as a whole. Its
# definition is a loop. Both must agree:

# %%
exact = scale * (whole @ W_q.T)
for backend in ("naive", "torch", "auto"):
    y = ternary_matmul(whole, packed, scale, backend=backend)
    assert torch.equal(y, exact)
shipped = PackedTernaryLinear.of(layer)
assert torch.equal(shipped(hidden), layer(hidden))
held = sum(x.numel() * x.element_size() for x in shipped.state_dict().values())
print(f"the whole layer: {4 * sum(p.numel() for p in net[3].parameters()):,} bytes, now {held:,}")

# %% [markdown]
# ## And faster?
#
# For one token each weight is read once and used once. So time is the time to *read* them, and
# sixteen times fewer bytes are read. That is a bound, no promise: telling four weights of a byte
# apart takes time as well. A matrix of 2,048 by 2,048, one token, called in turns:

# %%
size = 2048
large = nn.Linear(size, size, bias=False)
calls = {"float32": large, "ternary, packed": nn.Sequential(TernaryLinear(size, size, bias=False))}
calls["ternary, packed"][0].load_state_dict(large.state_dict())
calls["ternary, packed"] = pack(calls["ternary, packed"])
with torch.no_grad():
    taken = latencies(calls, torch.randn(8, size), 100)
micro = {name: 1e6 * median(seconds) for name, seconds in taken.items()}
ratio = micro["float32"] / micro["ternary, packed"]
record("times as fast as float32, one token, 2048 x 2048", ratio)
print({name: f"{value:,.0f} µs" for name, value in micro.items()}, f"-> {ratio:.1f} times as fast")

# %%
read = {"float32": 4 * size * size, "ternary, packed": size * size // 4}  # bytes of the weights
floor = {name: 1e6 * floor_seconds(count) for name, count in read.items()}
assert read["float32"] == 16 * read["ternary, packed"]
bound = pd.DataFrame(
    {"MB of weights": pd.Series(read) / 1e6, "floor, µs": floor, "taken, µs": micro}
)
bound.assign(times=bound["taken, µs"] / bound["floor, µs"]).round(2)

# %% [markdown]
# The *floor* is the time in which this machine's memory can bring the bytes, measured just now.
# Below 1 time the floor a cache has kept the matrix. Far above it the time goes elsewhere: into
# telling the weights of a byte apart.
#
# Nothing is asserted about these times: they are your machine's. Where the matrix fits into a cache
# there is less to gain than where it comes from memory. On a GPU with its own wide memory the same
# kernel saves bytes and *no* time: the table is in `kernels/ternary_matmul/README.md`.
#
# ## Learning through the rounding
#
# A rounding has no gradient ([50_int8](50_int8.ipynb)), so it gets one on loan. Behind each level
# stands a *real* weight. Forward its level counts; backward the real one moves, a little, as if it
# had been used itself. When it crosses a border, the level flips.
#
# **Exercise ternary.3.** Which gradients come back?


# %% tags=["exercise"]
def lent(dy, x, W_q, scale):
    """The gradients (dx, dW) that y = scale * x W_q^T gets, straight through the rounding of W.

    dW is that of the real weights: the gradient of x W^T, as if nothing had been rounded.
    dy: [n, N], x: [n, K], W_q: [N, K], scale: []; returns [n, K] and [N, K]
    """
    todo()


lent = exercise("ternary.3").check(lent)

# %%
x = whole[:7].clone().requires_grad_()  # whole numbers: the 8 bits of the input change nothing
x.data[:, 0] = 127.0  # so that the step of each token is 1
y = layer(x)
dy = torch.randn_like(y)
dx, dW = torch.autograd.grad(y, (x, layer.weight), dy)
for got, want in zip((dx, dW), lent(dy, x.detach(), W_q, scale), strict=True):
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
print(f"a gradient for each of {dW.numel():,} real weights, those at level 0 among them")

# %% [markdown]
# Now train. How many levels flip, epoch by epoch?

# %%
learner = to_ternary(copy.deepcopy(net), LAST)
levels, flips, scores = [ternary(learner[3].weight.detach())[0]], [], [right(learner)]
for at in range(2 * again):
    rate = 4e-3 * (1 - at / (2 * again))
    fit(learner, split, epochs=1, lr=rate, seed=seed + at)
    levels.append(ternary(learner[3].weight.detach())[0])
    flips.append((levels[-1] != levels[-2]).double().mean().item())
    scores.append(right(learner))
titles = {"x_title": "epoch (count)", "y_title": "share (no unit)"}
lines = {
    "digits right": (range(len(scores)), scores),
    "levels that flipped": (range(1, len(scores)), flips),
}
curves(lines, title="The levels settle", **titles, dark=dark, height=340)

# %%
jumped = (levels[-1] * levels[0] == -1).double().mean().item()
changed = (levels[-1] != levels[0]).double().mean().item()
assert flips[-1] < max(flips) and scores[-1] > scores[0] - 0.01 and jumped < changed / 2
print(f"{scores[0]:.1%} right when rounded, {scores[-1]:.1%} after training through it")
print(f"levels changed in all: {changed:.0%}; from -1 to 1 or back: {jumped:.1%}")

# %% [markdown]
# Most changes are between 0 and a neighbour: small moves near a border. The real weights are needed
# while it learns, and thrown away after it. So **training gets no smaller**: only what is shipped.
#
# ## Afterwards, on the way, or from the start
#
# The fair comparison gives all of them the same number of epochs. *Rounded afterwards*: trained in
# float to the end. *Trained through*: the last epochs with the rounding on. *From the start*: never
# anything else. Beside them one bit, the sign.


# %%
def one_bit(net):
    """The hidden layers' weights replaced by their signs, times the mean size."""
    made = copy.deepcopy(net)
    for layer in (made[1], made[3]):
        layer.weight.data = layer.weight.data.sign() * layer.weight.data.abs().mean()
    return made


def compared(width, seed):
    """(width, seed, float32, one bit, afterwards, trained through, from the start)."""
    _ = marslab.seed_everything(seed)
    base = reader(width)
    fresh = to_ternary(copy.deepcopy(base), LAST)
    fit(base, split, epochs=epochs, lr=4e-3, seed=seed)
    longer, through = copy.deepcopy(base), to_ternary(copy.deepcopy(base), LAST)
    fit(longer, split, epochs=again, lr=2e-3, seed=seed)
    fit(through, split, epochs=again, lr=2e-3, seed=seed)
    fit(fresh, split, epochs=epochs + again, lr=4e-3, seed=seed)
    after = to_ternary(copy.deepcopy(longer), LAST)
    return width, seed, *map(right, (longer, one_bit(longer), after, through, fresh))


# %%
widths = (16, 64) if fast else (16, 32, 64, 128)
kinds = ["float32", "one bit, afterwards", "afterwards", "trained through", "from the start"]
found = [compared(width, seed + each) for width in widths for each in range(seeds)]
scores = pd.DataFrame(found, columns=["width", "seed", *kinds])
means = scores.groupby("width")[kinds].mean()
narrow, wide = means.loc[widths[0]], means.loc[widths[-1]]
assert narrow["afterwards"] < narrow["float32"] - 0.1
assert narrow["trained through"] > narrow["afterwards"] + 0.05
assert wide["float32"] - wide["trained through"] < narrow["float32"] - narrow["trained through"]
means.map("{:.1%}".format)

# %%
spread = scores.groupby("width")[kinds].agg(lambda column: column.max() - column.min())
record("points lost, trained through, widest", 100 * (wide["float32"] - wide["trained through"]))
record("points lost, afterwards, narrowest", 100 * (narrow["float32"] - narrow["afterwards"]))
spread.rename(columns=lambda name: f"{name}: largest - smallest").map("{:.1%}".format)

# %% [markdown]
# Three things to read. **Afterwards** costs a narrow network ten points and more, and how much is
# a matter of the seed. **Trained through** brings most of it back, never quite all. And a **wider**
# network hardly minds. That is the bargain: three levels in a network twice as wide, with up to
# four times the weights, are still a quarter of the bytes.

# %%
for width in widths:
    counts = [layer.weight.numel() for layer in (reader(width)[1], reader(width)[3])]
    lost = 100 * (means.loc[width, "float32"] - means.loc[width, "trained through"])
    print(
        f"width {width}: {4 * sum(counts):,} bytes in float32, {sum(counts) // 4:,} packed", end=""
    )
    print(f"; {lost:.1f} points lost")

# %% [markdown]
# ## What goes wrong: a loud row
#
# One step serves the whole matrix. Rows differ, though. Here one output gets eight times as large
# as the others, which the next layer could undo. What becomes of the rest?

# %%
zeros = {}
for loud in (1, 8, 64):
    uneven = W.clone()
    uneven[: len(W) // 8] *= loud  # an eighth of the rows
    quiet = ternary(uneven)[0][len(W) // 8 :]
    zeros[f"{loud} times"] = (quiet == 0).double().mean().item()
assert zeros["1 times"] < 0.5 < 0.95 < zeros["64 times"]
pd.Series(zeros, name="of the other rows is 0").map("{:.0%}".format).to_frame()

# %% [markdown]
# The quiet rows go silent. A network that *learns* with the rounding keeps its rows alike. One that
# was never told does not, and that is one reason why large models break when they are rounded
# afterwards.
#
# ## A trained TARS, rounded afterwards
#
# The shipped `tars-mini` adds. All linear layers inside, made ternary and nothing else; its gates,
# routers and heads stay as they are. Beside it the same layers in 8 bits.

# %%
tars = marslab.load("tars-mini")
lm, asked = tars.lm, list(problems(seed + 12_345, 24, families=["add"]))
rows = worked(tars.tokenizer, asked)
tried = {
    "float32": lm,
    "8 bits": to_int8(copy.deepcopy(lm), activations="int8"),
    "ternary": to_ternary(copy.deepcopy(lm)),
}
solved = {name: flawless(model, rows)[-1].double().mean().item() for name, model in tried.items()}
count = sum(isinstance(part, TernaryLinear) for part in tried["ternary"].modules())
assert solved["float32"] > 0.9 and solved["8 bits"] > 0.8 and solved["ternary"] < 0.1
record("additions right, tars-mini made ternary afterwards", solved["ternary"])
print(f"{count} layers made ternary; additions right:")
pd.Series(solved).map("{:.0%}".format).to_frame("right")

# %% [markdown]
# Eight bits change little, and three levels end it: an error of nearly half of every weight, layer
# behind layer. The design calls the ternary model the one to ship. So its training has a stage
# `ternary`, which goes on *through* the rounding; for the shipped model that stage had no steps.
# The model card `data/checkpoints/TARS.md` says what a ternary TARS weighs and how fast it decodes.
#
# It was tried on a brain that differs from the shipped one in its seed: 1,500 steps of 8,192 bytes
# through the rounding, a tenth of what the model had read before, 11 minutes on an H200. Of 300
# held-out problems 69.7 % came out right again, byte for byte (91.7 unrounded): additions 95 %,
# subtractions 80, linear equations 76, chains of conclusions 57, quadratic equations 45. A first
# trial with a twelfth of those bytes had stopped at 42 of 86. So three levels do not forbid what
# the model does: they ask for more training.
#
# ## Something to turn
#
# The first twelve rows of the middle layer. Two bits are three levels, with the *largest* weight as
# the step. Let the outlier grow and count the zeros. Then think of the mean: how much does one
# weight move that? (Tab reaches a control, the arrow keys move it.)

# %%
rounded_weights(W[:12], bits=2)

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **Another border.** Divide by 0.7 of the mean in place of the mean. More zeros or fewer? Better
#    when rounded afterwards?
# 2. **A step for each row.** Change `three_levels`, and repeat the loud row.
# 3. **Read out ternary too.** `LAST = ()`. What does the last layer cost, at width 16 and at 64?
#
# ## Recap
#
# - Step: the mean size. Below half of it 0, above it ±1. Up to 1.58 bits a weight.
# - Sums of whole numbers: the packed layer says what the trained one says, to the bit.
# - Four to a byte is a sixteenth of float32. Speed is bounded by the bytes, and decided elsewhere.
# - Rounding afterwards breaks narrow networks and a trained TARS. Training through it repairs most.
# - Real weights stay until the end of training: only the result is small.
#
# **Source.** `marslab.compress`: `TernaryLinear`, `PackedTernaryLinear`, `to_ternary`, `pack`;
# `marslab.compress.ternary.ternary`; `marslab.kernels.ternary_matmul`, `pack_ternary`,
# `unpack_ternary`.
#
# **Papers.**
# - Ma et al. 2024, [The era of 1-bit LLMs: all large language models are in 1.58
#   bits](https://arxiv.org/abs/2402.17764): the three levels of this notebook.
# - Wang et al. 2023, [BitNet](https://arxiv.org/abs/2310.11453): one bit, and the inputs in 8.
# - Li, Zhang & Liu 2016, [Ternary weight networks](https://arxiv.org/abs/1605.04711): the border at
#   0.7 of the mean.
#
# **Next.** The parts of TARS together: [60_tars_walkthrough](60_tars_walkthrough.ipynb).
