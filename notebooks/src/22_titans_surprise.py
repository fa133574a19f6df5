# %% [markdown]
# # Titans: a memory that learns while it is used
#
# A model's weights are learned once and then stand still. Titans is a small network whose weights
# never stand still: to remember something is to take a few steps of gradient descent on it, then
# and there. Its own loss says how surprising a thing is, before it is written. The TARS design
# builds on that, and prints a form of it that stays surprised by what it knows. We measure both.
#
# **You will learn**
# - how a thing is written into weights, by gradient, momentum and forgetting;
# - why the memory's own loss is surprise, and why a gate is not;
# - what is left of an old item after fifty newer ones, with a number;
# - how a threshold is calibrated, and how a printed one can be out of reach;
# - which rates and momenta work, and which blow up.
#
# **Time** about 35 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: a finer sweep, and more steps for the printed form
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
dim = 96  # M, the width of the memory; the design has 384
hidden = 192  # of the memory's network; the design has 768
newer = 50  # items written after the one that we look at

# %%
import inspect
import math
from dataclasses import replace
from textwrap import dedent

import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown
from torch.nn import functional as F

# %%
import marslab
from marslab.lab.course import exercise, todo
from marslab.layers import MemoryInjection, running_mean
from marslab.memory import HashedNgramEmbedder, Projection, Titans, TitansConfig, calibrate
from marslab.memory.titans import PRINTED, PRINTED_GATE, PRINTED_LOSS, SILU_SQUARE
from marslab.tasks.authored import knowledge
from marslab.widgets.explorers import titans_stream
from marslab.widgets.figures import CONFIG, curves, matrix_heatmap, surprise_bars

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
printed = (seed, dim, hidden, newer) == (0, 96, 192, 50)  # the text below speaks of these


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## A picture first: a stream with repetitions
#
# The memory takes vectors of length 1. Ours come from sentences: short facts, in Russian and in
# English, from the course's own file. An embedder turns the letters of each into a vector
# (the next notebook, [23_memory_hub](23_memory_hub.ipynb), shows how), and a fixed projection makes
# it narrow.

# %%
facts = knowledge()
embed, narrow = HashedNgramEmbedder(384), Projection(384, dim).down


def vectors(texts):
    """Unit vectors [N, dim] of sentences."""
    return narrow(torch.tensor(embed(texts))).to(device)


config = TitansConfig()  # rate 0.2, momentum 0.3, forgetting 0.001, three steps a write


def memory(config=config, dim=dim, hidden=hidden):
    """A fresh Titans; nothing trains its own weights here."""
    return Titans(dim, hidden, config).requires_grad_(False).to(device)


x = vectors([fact.fact for fact in facts])
print(f"{len(x)} facts, {x.shape[1]} numbers each:", facts[0].fact, "...", facts[-1].fact)

# %% [markdown]
# Eight of them, A to H, are told one after another, some twice or more. Before each one is
# written, the memory says how surprised it is.

# %%
order = [0, 1, 2, 0, 3, 1, 4, 4, 5, 0, 6, 2, 7, 6, 3, 1]
eight = [fact.fact for fact in facts if fact.language == "en"][:32:4]
titans = memory()
state, surprises = titans.fresh(), []
for item in vectors(eight)[order]:
    surprises.append(titans.surprise(item, state).item())
    state, _ = titans.write(item, state)
seen = [item in order[:at] for at, item in enumerate(order)]
first = [s for s, old in zip(surprises, seen, strict=True) if not old]
again = [s for s, old in zip(surprises, seen, strict=True) if old]
assert max(again) < min(first)
names = dict(zip("ABCDEFGH", eight, strict=True))
print(f"first time {min(first):.2f} or more, told before {max(again):.2f} or less")
surprise_bars(surprises, seen, labels=["ABCDEFGH"[i] for i in order], dark=dark, height=340)

# %%
pd.Series(names, name="sentence").to_frame()

# %% [markdown]
# Tall bars: told for the first time. Short bars: told before. No list was kept and nothing was
# compared. The memory is two matrices, and all that happened to them is gradient descent.
#
# ## The smallest loop that is right
#
# Begin with one matrix $M$. It holds a pair when the key asks and the value answers, $M k = v$.
# Where it does not yet, there is a loss, and the loss has a gradient:
#
# $$\ell = \|M k - v\|^2, \qquad \nabla_M\, \ell = 2\,(M k - v)\,k^\top$$
#
# That loss, *before* the pair is written, is the **surprise**. A write steps down the gradient,
# carries on some of its last step (momentum $\eta$) and lets a little of everything go
# (forgetting $\alpha$):
#
# $$S \leftarrow \eta\,S - \theta\,\nabla_M\,\ell, \qquad M \leftarrow (1-\alpha)\,M + S$$
#
# **Exercise titans.1.** Write one such step.


# %% tags=["exercise"]
def my_titans_step(M, S, pair, rate, momentum, forget):
    """The memory M and its momentum S after one step on ||M k - v||^2.

    M, S: [V, K]; pair: k [K] and v [V]; returns M and S.
    """
    k, v = pair
    todo()


my_titans_step = exercise("titans.1").check(my_titans_step)

# %%
k, v = F.normalize(torch.randn(2, 6, dtype=torch.float64), dim=-1)
M = S = torch.zeros(6, 6, dtype=torch.float64)
told, _ = my_titans_step(M, S, (k, v), 0.5, 0.0, 0.0)
assert torch.allclose(told @ k, v)
print(
    f"surprise before {(M @ k - v).square().sum():.2f}, after {(told @ k - v).square().sum():.0e}"
)

# %% [markdown]
# At a rate of one half, with no momentum and no forgetting, one step stores a pair on a unit key
# exactly. You have met that rule: it is the delta rule of
# [04_rwkv7_delta_rule](04_rwkv7_delta_rule.ipynb). It was gradient descent all along.
#
# Titans goes one step further. In place of the matrix stands a small network,
#
# $$M(k) = W_{\text{down}}\;\mathrm{SiLU}(W_{\text{up}}\,k)\;/\;c$$
#
# and $k$ and $v$ are two learned projections of the item, scaled to length 1. ($c$ is a constant
# that makes the hidden layer about 1 long at the start.) The gradient goes to both matrices, three
# steps for each write. With autograd that is a short loop:

# %%
c = math.sqrt(SILU_SQUARE * hidden)


def write_one(x, fast, momenta):
    """One write of Titans on one item: autograd, and the two lines above."""
    key, value = (F.normalize(to @ x, dim=0) for to in (titans.to_key, titans.to_value))
    for _ in range(config.steps):
        up, down = (w.detach().requires_grad_() for w in fast)
        loss = (down @ F.silu(up @ key) / c - value).square().sum()
        gradients = torch.autograd.grad(loss, (up, down))
        momenta = [
            config.momentum * s - config.rate * g for s, g in zip(momenta, gradients, strict=True)
        ]
        fast = [
            (1 - config.forget) * w.detach() + s for w, s in zip((up, down), momenta, strict=True)
        ]
    return fast, momenta


# %% [markdown]
# ## The library's version, and the check that both agree
#
# `Titans` keeps the fast weights outside of itself, in a `TitansState` that is never changed in
# place: keep the old tuple and you have a snapshot. Many items, and many memories, go in one call.

# %%
fast = [titans.up, titans.down]
momenta = [torch.zeros_like(w) for w in fast]
state = titans.fresh()
for item in x[:5]:
    fast, momenta = write_one(item, fast, momenta)
    state, losses = titans.write(item, state)
torch.testing.assert_close(fast[0], state.up, rtol=1e-4, atol=1e-5)
torch.testing.assert_close(fast[1], state.down, rtol=1e-4, atol=1e-5)
assert state.writes == 5
assert max(state.up.square().mean(), state.down.square().mean()) < config.most**2
print("five items, the loop and the library:", (fast[1] - state.down).abs().max().item())
source(Titans._stepped)

# %% [markdown]
# One thing is new there: `bounded` scales a matrix down if it grows too large. It never acts at
# sensible rates. It keeps the numbers finite at others.
#
# ## What is told again stops being surprising
#
# One sentence, written eight times. The first write brings its loss from about 1 to almost nothing
# in three steps:

# %%
state, losses = titans.write(x[0], titans.fresh())
print("loss before each step and after the last:", *(f"{n:.4f}" for n in losses))
after = [titans.surprise(x[0], titans.fresh()).item()]
state = titans.fresh()
for _ in range(8):
    state, _ = titans.write(x[0], state)
    after.append(titans.surprise(x[0], state).item())
assert after[0] > 0.9 and max(after[1:]) < 0.01
print("after 0, 1, ..., 8 writes:", *(f"{n:.4f}" for n in after))

# %% [markdown]
# And a sentence that is *like* one that was told? Write a single sentence and ask for others.

# %%
(spider,) = (fact for fact in facts if fact.fact == "A spider has 8 legs.")
probes = [spider.fact, spider.fact.upper(), "A spider has 6 legs.", spider.question]
probes += ["Spiders have eight legs.", "У паука 8 ног.", "The capital of Japan is Tokyo."]
asked = vectors(probes)
state, _ = titans.write(asked[0], titans.fresh())
found = titans.surprise(asked, state).tolist()
alike = (asked @ asked[0]).tolist()
rows = {"cosine with what was told": alike, "surprise": found}
near = pd.DataFrame(rows, index=pd.Index(probes, name="asked for")).round(2)
assert found[0] == found[1] < 0.1 and found[-1] > 0.9
assert found[2] < 0.2 and found[5] > 0.8
near

# %% [markdown]
# Surprise falls as the spelling comes near. Read the third and the sixth row before you trust it.
# *A spider has 6 legs* is wrong and surprises nobody: one digit of it is new. *У паука 8 ног* says
# the same as what was told and surprises fully. The memory compares what the embedder gives it, and
# ours compares letters. Surprise is a property of a memory *and* of the vectors that it is fed.
#
# ## An old item after fifty newer ones
#
# Weights are shared by all that is written into them, so each write disturbs the others. Write one
# item, then fifty more, and after each of them ask for the first: the cosine of what comes back
# with what was told.


# %%
def kept(titans, items):
    """Cosine of the first item with what is read for it, after each write; and the last state."""
    state, found = titans.fresh(), []
    for item in items:
        state, _ = titans.write(item, state)
        found.append(F.cosine_similarity(titans.read(items[0], state), items[0], dim=0).item())
    return found, state


# %%
count = 1 + newer
random = F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(1)), dim=-1)
wide = torch.tensor(embed([fact.fact for fact in facts]))
text, state = kept(titans, x[:count])
lines = {"random vectors": kept(titans, random.to(device))[0], "sentences": text}
lines["sentences, 384 wide"] = kept(memory(dim=384, hidden=768), wide[:count].to(device))[0]
assert not printed or min(line[-1] for line in lines.values()) > 0.7
print({name: round(line[-1], 2) for name, line in lines.items()})
drawn = {name: (range(len(line)), line) for name, line in lines.items()}
curves(
    drawn,
    x_title="newer items (count)",
    y_title="cosine with what was told (−1 to 1)",
    title="What is left of the first item",
    dark=dark,
).update_yaxes(range=[0, 1.02])

# %% [markdown]
# After fifty newer items the cosine is still about three quarters. Is that enough? It is if the
# cue still finds its own item among all of them:

# %%
read = titans.read(x[:count], state)
nearest = (read @ x[:count].T).argmax(-1)
right = int((nearest == torch.arange(count)).sum())
assert not printed or right >= 48
print(f"{right} of {count} sentences come back as themselves")
pd.DataFrame(
    [(facts[i].fact, facts[n].fact) for i, n in enumerate(nearest.tolist()) if i != n],
    columns=["asked for", "came back"],
)

# %% [markdown]
# Sentences with almost the same letters get into each other's way. Random vectors hardly do.
#
# **Forgetting** $\alpha$ makes room on purpose. Each write takes three steps, so a share
# $(1-\alpha)^3$ of the weights is kept by each. Watch two numbers: the cosine, which sees only the
# direction of an answer, and the surprise, which sees its length too.

# %%
rows = []
for forget in (0.0, 1e-3, 1e-2, 0.1, 0.3):
    fading = memory(replace(config, forget=forget))
    found, state = kept(fading, x[:count])
    half = math.log(0.5) / (3 * math.log(1 - forget)) if forget else math.inf
    surprise = fading.surprise(x[:count], state)
    rows.append((forget, round(half, 1), found[-1], surprise[0].item(), surprise[-1].item()))
columns = ["forget α", "half-life (writes)", "cosine, oldest", "surprise, oldest", "newest"]
forgetting = pd.DataFrame(rows, columns=columns).set_index("forget α").round(2)
assert forgetting["surprise, oldest"].iloc[1] < 0.6 < forgetting["surprise, oldest"].iloc[3]
assert abs(forgetting["cosine, oldest"].iloc[-1]) < 0.05
forgetting

# %% [markdown]
# At the default of 0.001 the half-life is 231 writes. At 0.1 even the newest item is as surprising
# as one never told: its direction is there, but what comes back is far too short. At 0.3 the
# network has shrunk so far that nothing can be written into it any more: its gradient is a product
# of two matrices that are both near 0.
#
# ## Calibrating the threshold
#
# A memory that writes everything it sees wastes work and disturbs itself. TARS writes only what
# surprises more than a threshold. Which one? Write some sentences, hold others back, and choose the
# threshold that best parts the two.

# %%
shuffled = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
told, held = x[shuffled[:20]], x[shuffled[20:40]]
found = calibrate(titans, told, held)
state = titans.fresh()
for item in told:
    state, _ = titans.write(item, state)
lines = {}
for name, items in (("told", told), ("held back", held)):
    values = titans.surprise(items, state).sort().values.tolist()
    lines[name] = (values, [(i + 1) / len(values) for i in range(len(values))])
assert found.accuracy > 0.95 and found.known < found.threshold < found.novel
assert abs(titans.threshold.item() - found.threshold) < 1e-6
print(f"threshold {found.threshold:.2f} parts {found.accuracy:.0%}; mean surprise of what was told")
print(f"{found.known:.2f}, of what was held back {found.novel:.2f}")
lines["threshold"] = ([found.threshold] * 2, [0.0, 1.0])
titles = {"x_title": "surprise (loss)", "y_title": "share with less surprise (0 to 1)"}
curves(lines, **titles, title="Two sets of sentences", dark=dark)

# %% [markdown]
# Two curves, and a line that fits between them. That number was found on the very
# sentences that it is judged by, which flatters it. So we need a judge of our own, for others.
#
# **Exercise titans.2.** How well does a threshold part two sets? Count the share of each set that
# stands on the right side, and take the mean.


# %% tags=["exercise"]
def my_right_share(known, novel, threshold):
    """The mean of two shares: the known below the threshold, the novel at or above it.

    known: [N] surprises; novel: [K]; returns a float, 1 at best.
    """
    todo()


my_right_share = exercise("titans.2").check(my_right_share)

# %%
rest = x[shuffled[40:]]
new_told, new_held = rest[::2], rest[1::2]
state = titans.fresh()
for item in new_told:
    state, _ = titans.write(item, state)
known, novel = titans.surprise(new_told, state), titans.surprise(new_held, state)
elsewhere = my_right_share(known, novel, found.threshold)
ours = [my_right_share(known, novel, t) for t in (found.threshold, 0.05, 1.0)]
assert elsewhere > 0.9 and ours[0] > max(ours[1:])
print(
    f"on {len(rest)} other sentences: {elsewhere:.0%}; thresholds of 0.05 and 1 get "
    f"{ours[1]:.0%} and {ours[2]:.0%}"
)

# %% [markdown]
# What does the threshold save? Sixty sentences, drawn from only twenty:

# %%
draws = torch.randint(20, (60,), generator=torch.Generator().manual_seed(seed))
state = titans.fresh()
for item in told[draws]:
    if titans.surprise(item, state) > titans.threshold:
        state, _ = titans.write(item, state)
different = len(draws.unique())
assert state.writes <= different + 6
print(f"{len(draws)} sentences, {different} different ones, {state.writes} writes")

# %% [markdown]
# ## What goes wrong: surprised for ever (erratum T34)
#
# The design prints another loss: `MSE(Titans(input), target)`, a network that ends in a LayerNorm,
# a target of length 1, and a threshold of 0.45. It does not say what the target is; take the item
# itself. A LayerNorm gives every number a size of about 1, so its output is about $\sqrt M$ long.
# The target has length 1.
#
# **Exercise titans.3.** How small can the mean squared difference of two such vectors be?


# %% tags=["exercise"]
def my_least_loss(dim):
    """The least mean((y - x)^2) of a y of length sqrt(dim) from an x of length 1, both [dim]."""
    todo()


my_least_loss = exercise("titans.3").check(my_least_loss)

# %%
floors = {width: my_least_loss(width) for width in (4, 9, 16, 96, 384)}
assert floors[384] > floors[96] > 0.8 and floors[9] < PRINTED_LOSS < floors[16]
print("least loss by width:", {width: round(floor, 2) for width, floor in floors.items()})

# %% [markdown]
# At the design's 384 the floor is 0.90, twice the threshold. Does it matter in use? Tell twenty
# sentences, then all of them again, ten rounds in all, and count how many are below 0.45. The
# library has the printed form as `rule="printed"`; the design's rate is 0.01, and it names no
# momentum.

# %%
rounds = (1, 3, 10)
forms = {"delta (the repair)": config}
for rate, momentum in ((0.01, 0.0), (0.01, 0.9), (1.0, 0.0)):
    printed_form = replace(PRINTED, rate=rate, momentum=momentum)
    forms[f"printed, rate {rate}, momentum {momentum}"] = printed_form
rows = {}
for name, form in forms.items():
    told_to = memory(form)
    state, counts = told_to.fresh(), []
    for _ in range(max(rounds)):
        for item in told:
            state, _ = told_to.write(item, state)
        counts.append(int((told_to.surprise(told, state) < PRINTED_LOSS).sum()))
    rows[name] = [counts[n - 1] for n in rounds] + [told_to.surprise(told, state).mean().item()]
    assert counts[-1] == 20 if name.startswith("delta") else max(counts) <= 3
    assert not printed or counts[-1] in (0, 20)
columns = [f"below 0.45 after {n}" for n in rounds] + ["mean surprise at the end"]
pd.DataFrame(rows, index=columns).T.round(2)

# %% [markdown]
# Twenty of twenty, after one round, against none, after ten. (With other seeds, which choose other
# sentences, one or two dip below for a round.) A TARS that trusts this number would write
# everything it meets, for ever. Now look at one sentence alone, step by step:

# %%
steps, lines = 400 if fast else 2000, {}
for width, sentence in ((dim, x[0]), (384, wide[0].to(device))):
    alone = memory(replace(PRINTED, momentum=0.0), width, 2 * width)
    _, losses = alone.write(sentence, alone.fresh(), steps=steps)
    below = losses < PRINTED_LOSS
    since = int(below.nonzero()[0]) if below.any() else steps
    assert since > 3  # not within the three steps of a write
    print(f"{width} wide: floor {my_least_loss(width):.2f}; first below 0.45 after {since} steps,")
    print(f"and in {below.double().mean():.0%} of {steps}")
    lines[f"{width} wide"] = (range(len(losses)), losses)
lines["threshold 0.45"] = ([0, steps], [PRINTED_LOSS] * 2)
titles = {"x_title": "steps on one sentence (count)", "y_title": "surprise (loss)"}
curves(lines, **titles, title="The printed form, one sentence, step by step", dark=dark)

# %% [markdown]
# The lines go *below the floor*. Has the mathematics failed? No. torch's LayerNorm adds 0.00001
# under its root, and when the network's output is almost 0 that small number takes over: what comes
# out is shorter than $\sqrt M$. At 96 a step lands in that narrow place now and then, and the next
# one leaves it again. At 384 the place is wider, but it takes a hundred steps on one and the same
# sentence to get there. So erratum T34, *never below 0.45*, is too strong for one sentence told
# without end. In a stream, which is what a memory is for, it holds but for a stray one.
#
# The repair is two changes: no LayerNorm at the end, and a target that is a *learned projection* of
# the item, as in the paper.
#
# ## What goes wrong: a gate is no surprise (erratum T33)
#
# In another place the design has no loss at all. There surprise is the mean of a block's memory
# gate, a sigmoid, and Titans learns where that is above 0.3. But a sigmoid of 0 is 0.5. A gate
# that has learned nothing already fires. And what the gate measures is how much memory the block
# *wants*, which does not change when the memory learns:

# %%
blocks = [MemoryInjection(64, dim, "dynamic") for _ in range(100)]
h, state, rows = torch.randn(1, 16, 64), titans.fresh(), []
for writes in (0, 1, 10):
    while state.writes < writes:
        state, _ = titans.write(x[0], state)
    held_vector = x[0].expand(1, 16, -1)
    with torch.no_grad():
        needs = torch.stack(
            [block(h, running_mean(h), held_vector).need.mean() for block in blocks]
        )
    fires = (needs > PRINTED_GATE).double().mean().item()
    rows.append((writes, needs.mean().item(), fires, titans.surprise(x[0], state).item()))
columns = ["times written", "mean gate", "share of blocks above 0.3", "Titans' own surprise"]
gates = pd.DataFrame(rows, columns=columns).round(3)
assert (gates["share of blocks above 0.3"] == 1).all() and gates["mean gate"].nunique() == 1
assert gates["Titans' own surprise"].iloc[0] > 0.9 > 0.01 > gates["Titans' own surprise"].iloc[1]
gates

# %% [markdown]
# A hundred fresh blocks, and every one of them fires, before and after. The memory's own loss tells
# the two apart at once. That is why `Titans` here is asked for its loss.
#
# ## What goes wrong: too much momentum
#
# Three steps are a short run. Momentum adds up what the last steps did, and has no time to turn
# round. A small sweep: 24 sentences told, 24 held back. The colour is the mean surprise of those
# held back less that of those told. Orange parts them, blue means that what was *told* surprises
# more.

# %%
rates = (0.02, 0.1, 0.2, 0.8) if fast else (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
momenta = (0.0, 0.3, 0.6, 0.9)
a, b = x[shuffled[:24]], x[shuffled[24:48]]
gap = torch.zeros(len(momenta), len(rates))
for i, momentum in enumerate(momenta):
    for j, rate in enumerate(rates):
        swept = calibrate(memory(replace(config, rate=rate, momentum=momentum)), a, b)
        gap[i, j] = swept.novel - swept.known
assert gap[1, rates.index(0.2)] > 0.5 and gap[3, rates.index(0.2)] < 0
assert gap[:2].min() > 0.1 and (not printed or gap[3, 1:].max() < 0)
matrix_heatmap(
    gap.clamp(-1, 1),
    rows="momentum η (no unit)",
    columns="rate θ (no unit)",
    name="gap (loss, cut at ±1)",
    row_labels=[str(m) for m in momenta],
    column_labels=[str(r) for r in rates],
    title="What is told against what is new",
    dark=dark,
)

# %%
pd.DataFrame(
    gap.tolist(),
    index=pd.Index(momenta, name="momentum η"),
    columns=pd.Index(rates, name="rate θ"),
).round(2)

# %% [markdown]
# With little momentum anything from 0.1 to 0.8 works. At 0.9 only the smallest rate does, and the
# rest runs away. The defaults, 0.2 and 0.3, stand in the middle of what works.
#
# ## Something to turn
#
# The stream of the first picture again. Turn the rate down until a repeated sentence is nearly as
# surprising as a new one. Then set it back and turn the momentum up. (Tab reaches a slider, the
# arrow keys move it.)

# %%
titans_stream(vectors(eight).cpu(), order, hidden)

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **A smaller memory.** Set `hidden = 48` at the top. How many of the 51 sentences still come
#    back as themselves?
# 2. **One step a write.** Put `replace(config, steps=1)` into the stream. What is the largest bar
#    of a repeated sentence now?
# 3. **All at once.** `titans.write(x[:51], titans.fresh(), steps=60)` writes all facts together.
#    Is their mean surprise lower than one by one? Why is that not a fair race?
#
# ## Recap
#
# - To remember is to step down the gradient of $\|M(k) - v\|^2$: the delta rule on one matrix.
# - Surprise is that loss before the write: about 1 for what is new, near 0 for what was told.
# - After fifty newer items an old one comes back with a cosine of about 0.75.
# - A threshold is calibrated on what was told and what was held back, not printed.
# - The printed loss has a floor of 0.90, above its threshold of 0.45: of twenty sentences told ten
#   times, none is known (T34). A gate starts at 0.5 and does not learn from the memory (T33).
# - Much momentum and few steps do not go together.
#
# **Source.** `marslab.memory.titans` (`Titans`, `TitansConfig`), `marslab.memory.fast_weights`
# (`TitansState`), `marslab.memory.calibration` (`calibrate`).
#
# **Papers.**
# - Behrouz, Zhong & Mirrokni 2025, [Titans: Learning to memorize at test
#   time](https://arxiv.org/abs/2501.00663): surprise, momentum and forgetting (equations 8 to 14).
# - Sun et al. 2024, [Learning to (learn at test time)](https://arxiv.org/abs/2407.04620): hidden
#   states that are small models.
# - Schlag, Irie & Schmidhuber 2021, [Linear transformers are secretly fast weight
#   programmers](https://arxiv.org/abs/2102.11174): the linear case.
#
# **Next.** [23_memory_hub](23_memory_hub.ipynb): Titans beside a store that forgets nothing.
