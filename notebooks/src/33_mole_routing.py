# %% [markdown]
# # Experts that are small: MoLE routing
#
# A big network knows a bit of everything. TARS adds eight small specialists to each block, named
# general, analyzer, critic, creative, math, code, memory and action. A **router** picks two of them
# for each token. Each specialist is a *LoRA*, a correction so thin that at width 768 all eight
# together have one sixth of the numbers of a full matrix. The idea is sound. Four of the design's
# formulas are not, and the learning has a trap of its own: a router that never asks anyone new.
#
# **You will learn**
# - what a correction of low rank is, and what comes out if its two products are mixed up;
# - how a token is counted twice, and what that does after twelve blocks;
# - why cosines need a temperature before a softmax;
# - a jitter of one part in a hundred that doubles everything;
# - how a router collapses, and which two losses hold it open;
# - what a new expert can do for a trained layer, and what it cannot.
#
# **Time** about 35 minutes. The cells need less than half a minute. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: trains longer
seed = 0
device = "cpu"  # "cuda" trains on your GPU
dark = False  # True: figures for a dark JupyterLab
width, kinds, rank = 24, 8, 2  # D, kinds of sequences, rank of each expert

# %%
import inspect
import math
from textwrap import dedent

import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown

# %%
import marslab
from marslab.kernels.testing import assert_close, error
from marslab.lab.course import exercise, todo
from marslab.layers import MoLE, running_mean
from marslab.layers.block_config import EXPERTS, MoleConfig
from marslab.layers.mole import Experts
from marslab.widgets.explorers import routed_token
from marslab.widgets.figures import CONFIG, curves, matrix_heatmap

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)


def source(thing):
    """Show the source of a part of the library, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(thing))}```")


# %% [markdown]
# ## A toy world: eight kinds of sequences
#
# Think of eight languages. The tokens of each lie around a centre of their own, and all centres
# share a common part, as the states of real networks do. Each language has its own rule for what
# the layer should add to a token: a matrix of rank 2. No rule helps with another language. (A ninth
# language is made now and kept for later.)

# %%
dice = torch.Generator().manual_seed(seed)
shared = 2 * torch.randn(width, generator=dice)
centres = (shared + torch.randn(kinds + 1, width, generator=dice)).to(device)
outs, ins = torch.randn(2, kinds + 1, width, rank, generator=dice)
rules = (outs @ ins.mT / width).to(device)
old, new = torch.arange(kinds, device=device), torch.tensor([kinds], device=device)


def draw(which, count=32):
    """x and the wanted output [count, 16, D], and the kind of each sequence."""
    kind = which[torch.randint(len(which), (count,), device=device)]
    x = centres[kind][:, None] + torch.randn(count, 16, width, device=device)
    return x, x + (rules[kind][:, None] @ x[..., None])[..., 0], kind


# %%
def train(layer, which, balance=0.0, z=0.0, parameters=None, notes=None):
    """Learn the rules of these kinds by Adam."""
    marslab.seed_everything(seed)
    optimizer = torch.optim.Adam(parameters or layer.parameters(), 1e-2)
    for _ in range(300 if fast else 2000):
        x, wanted, _ = draw(which)
        out = layer(x, running_mean(x))
        off = (out.x - wanted).square().mean() / (x - wanted).square().mean()
        loss = off + balance * out.balance + z * out.z
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if notes is not None:
            notes.append(off.item())
    return layer


# %%
@torch.no_grad()
def judge(layer, which):
    """Error on fresh sequences, 1 for doing nothing; and the share of each expert, kind by kind."""
    marslab.seed_everything(seed + 1)
    x, wanted, kind = draw(which, 512)
    out = layer.eval()(x, running_mean(x))
    layer.train()
    off = (out.x - wanted).square().mean() / (x - wanted).square().mean()
    shares = torch.stack([out.weights[kind == k].mean((0, 1)) for k in which])
    return off.item(), shares.cpu()


def fresh(count=8, **settings):
    """An untrained layer with this many experts."""
    marslab.seed_everything(seed)
    return MoLE(width, MoleConfig(experts=EXPERTS[:count], rank=rank, **settings)).to(device)


# %% [markdown]
# Now the picture. We train one layer of eight experts, and beside it a layer with a single expert.
# Nobody says which language a sequence is in. (Two small extra losses help the eight. They come
# below, under *The trap*.) Who answers whom?

# %%
extra = {"balance": 0.1, "z": 1e-3}  # weights of the two losses
alone, free = train(fresh(1, top_k=1), old), train(fresh(), old, **extra)
off_alone, off_free = judge(alone, old)[0], judge(free, old)[0]
assert off_free < 0.05 < 0.4 < off_alone
print(f"error left: one expert {off_alone:.2f}, eight experts {off_free:.3f}")
shares = judge(free, old)[1]
names = {"rows": "language (index)", "columns": "expert", "name": "weight (0 to 1)"}
title = "Who answers whom, after training"
options = {"column_labels": EXPERTS, "title": title, "dark": dark}
matrix_heatmap(shares, **names, **options)

# %% [markdown]
# One expert of rank 2 can serve one language and is in the way of the others. Eight have divided
# the work between them. Their names mean nothing: *critic* is a label. What each one becomes is
# decided by the data and by who was asked first. Now the parts, one by one.
#
# ## One expert: a correction of low rank
#
# A full correction of a token of width $D$ is a $D \times D$ matrix. **LoRA** takes the product
# of two thin ones. `down` takes the token to $r$ numbers, `up` takes those back:
#
# $$\delta(x) = \frac{\alpha}{r}\; W_{up}\,(W_{down}\, x)$$
#
# At the design's $D = 2048$ and $r = 8$ that is $2 r D$ = 32,768 numbers in place of 4.2 million.
# The factor $\alpha / r$ keeps the size of the correction alike when you change $r$.
#
# **Exercise mole.1.** Write it.


# %% tags=["exercise"]
def lora(x, down, up, alpha):
    """The correction that one expert makes; x: [D], down: [r, D], up: [D, r]. Returns [D]."""
    todo()


lora = exercise("mole.1").check(lora)

# %%
assert 6 * (8 * 2 * 8 * 768) == 768**2  # eight experts of rank 8: a sixth of a matrix
experts = Experts(width, 3, rank=rank).double()
torch.nn.init.normal_(experts.up.weight)
x = torch.randn(width, dtype=torch.float64)
weights = torch.tensor([0.7, 0.3, 0.0], dtype=torch.float64)
ours = sum(
    w * lora(x, experts.down.weight[i : i + rank], experts.up.weight[:, i : i + rank], rank)
    for w, i in zip(weights, range(0, 3 * rank, rank), strict=True)
)
assert_close(experts(x[None, None], weights[None, None])[0, 0], ours, "two experts", length=width)
print("three experts in the library, as two products: the same numbers as one by one")

# %% [markdown]
# The library puts all `down`s on top of each other, and all `up`s side by side. So any number of
# experts is two products, with the router's weights between them:

# %%
source(Experts.forward)

# %% [markdown]
# **As printed.** The design has `delta = W_down(x) · W_up(x)` (erratum **T26**). Both matrices see
# $x$ there. For a rank below the width the shapes do not even fit. Give both the full width so that
# it runs, and ask what a correction should do when its input is doubled, or turned round:

# %%
a, b = torch.randn(2, width, width, dtype=torch.float64) / math.sqrt(width)


def printed(x):
    """Element by element."""
    return (a @ x) * (b @ x)


down, up = a[:rank], b[:, :rank]
rows = {}
for name, delta in (("printed", printed), ("LoRA", lambda x: lora(x, down, up, rank))):
    doubled, turned = (
        delta(2 * x).norm() / delta(x).norm(),
        delta(-x) @ delta(x) / delta(x).norm() ** 2,
    )
    rows[name] = {"size of delta(2x)": doubled.item(), "delta(-x), in delta(x)": turned.item()}
table = pd.DataFrame(rows).T
assert_close(torch.tensor(table.values), torch.tensor([[4.0, 1.0], [2.0, -1.0]]).double(), "both")
table.round(2)

# %% [markdown]
# Four times the correction for twice the token, and the same one for its opposite. That is not a
# small change of a weight matrix any more. It is a quadratic layer without a bound.
#
# **A start of nothing.** `up` starts at 0. So a fresh layer changes nothing, to the bit, and
# training begins where the network stood:

# %%
x = torch.randn(2, 10, width, device=device)
assert torch.equal(fresh()(x, running_mean(x)).x, x)

# %% [markdown]
# ## Counted twice
#
# In the design each expert returns $x + \delta$ already, and the layer adds the experts to $x$. And
# what the experts see is the *mean* $\bar x$ of the sequence, not the token (erratum **T27**):
#
# $$x' = x + \sum_i w_i\,(\bar x + \delta_i(\bar x)) = x + \bar x + \sum_i w_i\, \delta_i(\bar x)$$
#
# The weights add up to 1, so a whole $\bar x$ comes on top. An untrained layer no longer
# changes nothing. Twelve blocks in a row:

# %%
state = torch.randn(1, 16, width, device=device)
start = state[0, 0].norm()
for _ in range(12):
    layer, mean = fresh(), running_mean(state)
    experts_say = layer(mean, mean).x  # the mean + the sum of all w delta(mean)
    state = state + experts_say
times = (state[0, 0].norm() / start).item()
assert abs(times - 2**12) < 1
print(f"after 12 untrained blocks the first token is {times:.0f} times as long")

# %% [markdown]
# The right form is $x' = x + \sum_i w_i\,\delta_i(x_t)$: each token's own correction, and $x$ once.
# What does the pooling cost, if we repair the double count alone?


# %%
class Pooled(torch.nn.Module):
    """The experts see the mean: all tokens of a sequence get nearly the same correction."""

    def __init__(self):
        super().__init__()
        self.inner = fresh()

    def forward(self, x, mean):
        out = self.inner(mean, mean)
        return out._replace(x=x + out.x - mean)


pooled = judge(train(Pooled(), old, **extra), old)[0]
assert pooled > 3 * off_free
print(f"error left: experts see the mean {pooled:.2f}, experts see the token {off_free:.3f}")

# %% [markdown]
# ## The router
#
# Each expert has a query $q_i$. A token is scored by the cosine of its (causal) mean with the
# query, times a gate between 0 and 1. The best two answer, with weights from a softmax over their
# scores.
#
# **Exercise mole.2.** From scores to weights, with a **temperature** that divides the scores.


# %% tags=["exercise"]
def route(scores, k, temperature):
    """Weights of all experts: a softmax over the best k, 0 for the others; [E] to [E]."""
    todo()


route = exercise("mole.2").check(route)

# %%
x = torch.randn(1, 20, width, device=device)
mean = running_mean(x)
with torch.no_grad():
    layer = fresh().eval()
    found, scores = layer(x, mean).weights[0], layer.experts.scores(mean)[0]
ours = torch.stack([route(each, 2, 0.1) for each in scores])
assert_close(ours, found, "the library's weights", dtype=torch.float32)
assert ((found > 0).sum(-1) == 2).all()
print("twenty tokens, two experts each: your weights and the library's are the same")

# %% [markdown]
# **Without a temperature.** The design's softmax runs over the scores as they are. A cosine lies
# between −1 and 1, so two scores differ by at most 2, and the better one can weigh at most
# $e^2 = 7.4$ times the other (erratum **T28**). That is the extreme. In many dims random cosines
# are all near 0, and then the choice says next to nothing:

# %%
best, worst = torch.tensor([1.0, -1.0]), {}
for T in (1.0, 0.1):
    weights = route(best, 2, T)
    random = fresh(temperature=T).eval()(x, mean).weights.max(-1).values.mean()
    worst[f"temperature {T}"] = {
        "largest weight there can be": weights[0].item(),
        "largest weight, untrained": random.item(),
    }
table = pd.DataFrame(worst).T
assert abs(table.iloc[0, 0] / (1 - table.iloc[0, 0]) - math.e**2) < 1e-3
table.round(3)

# %% [markdown]
# Does it matter once the layer has learned? Train one with the temperature held at 1:

# %%
layer = fresh(temperature=1.0)
held = [p for name, p in layer.named_parameters() if name != "log_temperature"]
off_blunt = judge(train(layer, old, parameters=held, **extra), old)[0]
learned = free.log_temperature.exp().item()
assert off_blunt > 1.5 * off_free
print(f"error left, temperature 1: {off_blunt:.3f}")
print(f"error left, temperature learned, from 0.1 to {learned:.2f}: {off_free:.3f}")

# %% [markdown]
# So the library divides by a temperature that starts at 0.1 and is learned. Turn it yourself. Eight
# experts look in eight directions of a plane. Where is the border at which the second expert
# changes? And what does the temperature do just there?

# %%
routed_token()

# %% [markdown]
# ## A jitter that doubles
#
# In training the router is shaken a little, so that the second best gets a chance now and then. The
# Switch Transformer *multiplies* by a random number near 1, $s \leftarrow s \cdot U(0.99, 1.01)$.
# The design prints `logits += U(1-ε, 1+ε) × logits` (erratum **T29**): it *adds* about all of $s$.
# That doubles every score, in training only. Take real scores and compare with a calm router:

# %%
shaken = scores * torch.empty_like(scores).uniform_(0.99, 1.01)
rows = {}
for name, noisy in (("multiplied", shaken), ("as printed", scores + shaken)):
    weights = torch.stack([route(each, 2, 0.1) for each in noisy])
    rows[name] = {
        "scores, relative to calm ones": (noisy / scores).mean().item(),
        "weights, mean difference": (weights - found).abs().max(-1).values.mean().item(),
    }
table = pd.DataFrame(rows).T
assert abs(table.iloc[0, 0] - 1) < 0.01 and abs(table.iloc[1, 0] - 2) < 0.01
assert table.iloc[1, 1] > 10 * table.iloc[0, 1]
table.round(4)

# %% [markdown]
# The network would be trained with one router and used with another, less decided one. (The
# design's chapter on routing also calls it "dropless" and gives experts a capacity. A capacity *is*
# what drops tokens: erratum **T30**. Here every token is served, and there is no capacity.)
#
# ## The trap: a router that asks nobody new
#
# An expert that is never asked gets no gradient, so it never becomes worth asking. If a router
# starts out with two favourites, that may be the end of the story. Two of the eight
# queries now lean towards the common part of all languages, and their gates are open while the
# others are nearly shut, as they might be after a first phase with one kind of text.


# %%
def collapsed():
    """A layer whose router has two favourites."""
    layer = fresh()
    common = centres[:kinds].mean(0)
    with torch.no_grad():
        layer.experts.queries[:2] += common / common.norm()
        layer.experts.gate.bias[:2] += 4
        layer.experts.gate.bias[2:] -= 4
    return layer


notes = {"two favourites": [], "with balance and z": []}
stuck = train(collapsed(), old, notes=notes["two favourites"])
off_stuck, shares_stuck = judge(stuck, old)
busy = (shares_stuck.mean(0) > 0.02).sum().item()
assert off_stuck > 4 * off_free and busy <= 3
print(f"error left {off_stuck:.2f}; {busy} of 8 experts do all the work")

# %% [markdown]
# What could push such a router? Something that measures how evenly the experts are used, and has a
# gradient. Let $f_i$ be the share of all choices that fell on expert $i$. It is a count, and has no
# gradient. Let $P_i$ be its mean probability under a softmax over *all* experts. It has one. The
# **balance loss** multiplies the two:
#
# $$\mathcal{L}_{balance} = E \sum_i f_i\, P_i$$
#
# It is about 1 if all are used alike, and $E/k$ = 4 if two of eight do everything. An expert that
# is chosen too often has its probability pushed down.
#
# **Exercise mole.3.** Write it, for scores that are divided by the temperature already.


# %% tags=["exercise"]
def balance(scores, k):
    """E sum_i f_i P_i from the scores [N, E] of N tokens, of which each chooses its best k."""
    todo()


balance = exercise("mole.3").check(balance)

# %%
x, _, _ = draw(old, 64)
rows = {}
for name, layer in (("eight at work", free), ("two favourites", stuck)):
    with torch.enable_grad():
        out = layer.eval()(x, running_mean(x))
    scores = layer.experts.scores(running_mean(x)) / layer.log_temperature.exp()
    ours = balance(scores.detach().flatten(0, 1), 2)
    assert error(ours, out.balance).worst < 1e-4
    rows[name] = {"balance": ours.item(), "z": out.z.item()}
    layer.train()
assert rows["two favourites"]["balance"] > 2.5 > 1.2 > rows["eight at work"]["balance"]
pd.DataFrame(rows).T.round(2)

# %% [markdown]
# The second column is the **z loss**, the mean square of $\log \sum_i e^{s_i}$. It grows with the
# scores themselves, and keeps a router from becoming so sure that no gradient can change its mind
# (and 16-bit numbers from overflowing). Both go into the training loss with a small weight. The
# same bad start again, with 0.1 of balance and 0.001 of z, as in the picture at the top:

# %%
repaired = train(collapsed(), old, **extra, notes=notes["with balance and z"])
off_repaired, shares_repaired = judge(repaired, old)
busy = (shares_repaired.mean(0) > 0.02).sum().item()
assert off_repaired < off_stuck / 3 and busy >= 7
print(f"error left {off_repaired:.3f} in place of {off_stuck:.2f}; {busy} of 8 experts work")
steps = range(0, len(notes["two favourites"]), 5)
lines = {name: (list(steps), [values[i] for i in steps]) for name, values in notes.items()}
title = "The same bad start, twice"
labels = {"x_title": "training steps (count)", "y_title": "error left (1: nothing learned)"}
curves(lines, **labels, title=title, dark=dark)

# %%
matrix_heatmap(shares_repaired, **names, **options | {"title": "Who answers whom, repaired"})

# %% [markdown]
# That start was made up. So let us be fair and ask the ordinary one, of the top of this notebook,
# with and without the two losses:

# %%
bare = train(fresh(), old)
rows = {}
for name, layer in (("no extra loss", bare), ("with balance and z", free)):
    off, shares = judge(layer, old)
    rows[name] = {"experts that work": (shares.mean(0) > 0.02).sum().item(), "error": off}
table = pd.DataFrame(rows).T
assert table.loc["no extra loss", "error"] > 1.5 * off_free
assert table.loc["no extra loss", "experts that work"] < 8
table.round(3)

# %% [markdown]
# It does not collapse, but some experts are never asked, and some languages share one. Here the
# languages are equally frequent, so even use is right. Not every data set is like that, so the
# weights of the losses are small.
#
# ## A ninth language
#
# A trained layer meets something new. The plain way is to train it on the new sequences. The
# library's way is `add_expert`: a newcomer beside the others. Its `up` is 0, so every output stays
# what it was, **to the bit**:

# %%
x, _, _ = draw(old, 64)
copy, grown = fresh(), fresh()
for layer in (copy, grown):
    layer.load_state_dict(free.state_dict())
for name in ("ninth_a", "ninth_b", "ninth_c"):
    grown.add_expert(name)
with torch.no_grad():
    before, after = (layer.eval()(x, running_mean(x)).x for layer in (free, grown))
assert torch.equal(before, after)
print("experts:", ", ".join(grown.names), "\nevery output is bit-equal")

# %% [markdown]
# Now three ways to learn the ninth language: all of the old layer on the new sequences; the three
# newcomers alone, on old and new ones together; and all of the grown layer, on old and new ones.

# %%
both = torch.cat([old, new.expand(kinds)])
start = {"eight languages": judge(copy, old)[0], "the ninth": judge(copy, new)[0]}
rows = {"before": start}
newcomers = list(grown.added.parameters())
for name, layer, which, parameters in (
    ("old layer, new data", copy, new, None),
    ("newcomers alone, all data", grown, both, newcomers),
    ("all experts, all data", grown, both, None),
):
    train(layer, which, **extra, parameters=parameters)
    rows[name] = {"eight languages": judge(layer, old)[0], "the ninth": judge(layer, new)[0]}
ninth = pd.DataFrame(rows).T
assert ninth.iloc[1, 0] > 0.5 and ninth.iloc[1, 1] < 0.1  # learned, and all else forgotten
assert ninth.iloc[2, 0] < 2 * off_free and ninth.iloc[2, 1] < ninth.iloc[0, 1] / 2
assert ninth.iloc[3].max() < 0.1
ninth.round(3)

# %% [markdown]
# The plain way learns the ninth language and forgets the eight. Newcomers keep the eight, because
# nothing of the old was touched and their own router learns to keep still there. But they only get
# part of the way: the old router does not know the ninth language, still asks two old experts,
# and these answer with the wrong rules. A newcomer can add to that, not silence it. The last row
# shows what is possible when the others may move too, and old data are at hand.
#
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are), predict first, then
# change the cell and run it. Each answer is a number on your screen.
#
# 1. **Too few.** Give the layer four experts, `fresh(4)`. Each must serve two languages, with
#    rank 2. Is the error nearer to that of one expert, or of eight? Then set `rank = 4` just before
#    (not at the top, where it sets the rank of the rules too).
# 2. **One answers.** Train with `top_k=1`. Weights are then 1 and 0, whatever the temperature: who
#    gets a gradient, and does the router still learn?
# 3. **Too much insurance.** Train from the ordinary start with `balance=10.0`. What is left of the
#    division of work?
#
# ## Recap
#
# - A LoRA expert is $W_{up} W_{down} x$: one product after the other, never side by side.
# - The layer adds $x$ once, and each token gets its own correction.
# - Cosines need a temperature: without one a weight never exceeds 0.88, and starts near 0.5.
# - Jitter multiplies. Added, it doubles the scores in training alone.
# - A router can collapse. The balance loss holds it open; the z loss keeps it able to change.
# - A new expert leaves every output bit-equal until it is trained. It can add, not silence.
#
# **Source.** `marslab.layers.MoLE`, and `Experts` in `marslab.layers.mole`.
#
# **Papers.**
# - Hu et al. 2021, [LoRA](https://arxiv.org/abs/2106.09685).
# - Fedus, Zoph & Shazeer 2021, [Switch Transformers](https://arxiv.org/abs/2101.03961): the balance
#   loss, and the jitter that multiplies.
# - Zoph et al. 2022, [ST-MoE](https://arxiv.org/abs/2202.08906): the z loss.
# - Gale et al. 2022, [MegaBlocks](https://arxiv.org/abs/2211.15841): what dropless really means.
#
# **Next.** [34_integral_auditor](34_integral_auditor.ipynb): when is a thought finished?
