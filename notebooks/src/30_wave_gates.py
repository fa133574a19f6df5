# %% [markdown]
# # Two blocks and a gate: a wave of TARS
#
# Most networks stack their blocks: each reads what the last one wrote. TARS puts two blocks *beside
# each other*. Both read the same input, a gate merges what they found, and that is a **wave**. Six
# waves are twelve blocks. The design promises that the gate picks the better block for each
# question, and that the two in parallel cost no depth. This notebook builds a wave piece by piece,
# and then asks a trained TARS whether its gates pick anything.
#
# **You will learn**
# - how a gate merges two blocks, and a toy in which that is all it takes;
# - how the mean that the design feeds to the gate tells a language model its own future;
# - what two blocks side by side cost, in parameters, in depth and in time;
# - what a trained TARS answers after one wave, after two, after six;
# - what is left of its answers when somebody holds its gates.
#
# **Time** about 40 minutes. The cells need less than half a minute. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: trains longer, asks more problems
seed = 0
device = "cpu"  # "cuda" runs everything on your GPU
dark = False  # True: figures for a dark JupyterLab
asked = 32  # held-out problems that the trained model is asked

# %%
import inspect
import math
from functools import partial
from statistics import median
from textwrap import dedent

import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown
from torch import nn
from torch.nn import functional as F

# %%
import marslab
from marslab.kernels.roofline import watch
from marslab.kernels.testing import assert_close
from marslab.lab.claims import claim, record
from marslab.lab.course import exercise, todo
from marslab.layers import WaveMerge, running_mean
from marslab.learning.tars.each_wave import flawless, worked
from marslab.learning.tars.scoring import observations, replies
from marslab.systems.tars.clamp import clamp
from marslab.systems.tars.wave import Wave
from marslab.tasks.corpus import Packed
from marslab.tasks.reasoning import problems
from marslab.widgets.explorers import clamped_gate
from marslab.widgets.figures import CONFIG, curves, matrix_heatmap

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)


def source(thing):
    """Show the source of a part of the library, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(thing))}```")


# %% [markdown]
# ## A picture first: a gate that finds out
#
# Two languages. In each, the tokens lie around a centre of their own, and every token has to be
# turned by a rotation, another one for each language. A token alone hardly says which language it
# is in. The mean of all tokens so far says it better and better.
#
# Two linear blocks, `left` and `right`, and one gate. Nobody tells the gate anything: it gets the
# error of the result, as all the rest does.

# %%
dice = torch.Generator().manual_seed(seed)
d = 8
turns = torch.linalg.qr(torch.randn(2, d, d, generator=dice)).Q.to(device)
centres = 0.3 * torch.randn(2, d, generator=dice).to(device)


def draw(count):
    """x and what is wanted, [count, 24, d]; and the language of each sequence."""
    language = torch.randint(2, (count,), device=device)
    x = centres[language][:, None] + torch.randn(count, 24, d, device=device)
    return x, (turns[language][:, None] @ x[..., None])[..., 0], language


class TwoBlocks(nn.Module):
    """Two linear blocks and their merge."""

    def __init__(self, clamp=None):
        super().__init__()
        self.left, self.right = nn.Linear(d, d), nn.Linear(d, d)
        self.merge = WaveMerge(d, correction=False, clamp=clamp)

    def forward(self, x):
        left, right = self.left(x), self.right(x)
        return self.merge(left, right, running_mean(left), running_mean(right))


# %%
def trained(model, loss_of, rate):
    """Make a loss small by Adam."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(200 if fast else 2000):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
    return model.eval()


def off(model):
    """Error on fresh sequences; 1 for answering zero."""
    x, wanted, _ = draw(64)
    return (model(x).x - wanted).square().mean() / wanted.square().mean()


models = {"free": None, "held at 0.5": 0.5}
for name, alpha in models.items():
    marslab.seed_everything(seed)
    models[name] = trained(TwoBlocks(alpha).to(device), off, 0.03)
with torch.no_grad():
    errors = {name: sum(off(model).item() for _ in range(8)) / 8 for name, model in models.items()}
assert 3 * errors["free"] < errors["held at 0.5"]
print("error:", {name: round(value, 2) for name, value in errors.items()})

# %%
with torch.no_grad():
    x, _, language = draw(2000)
    alpha = models["free"](x).alpha[..., 0].cpu()
own = (alpha[language.cpu() == 1].mean() > alpha[language.cpu() == 0].mean()).long().item()
to_right = {k: alpha[language.cpu() == k].mean(0) for k in (own, 1 - own)}
at = torch.arange(1, 25)
gap = to_right[own] - to_right[1 - own]
assert gap[0] > 0.1 and gap[-1] > 0.8
lines = {"one language": (at, to_right[own]), "the other": (at, to_right[1 - own])}
names = {"x_title": "tokens read (count)", "y_title": "alpha, share of the right block (no unit)"}
curves(lines, **names, title="A gate makes up its mind", dark=dark)

# %% [markdown]
# After the first token the gate leans, after two dozen it is sure: one language goes to the right
# block, the other to the left. With the gate held at one half the error stays more than three times
# as large: then both blocks together are one linear map, and that cannot do two rotations. This is
# the promise of a wave, and in this toy it is kept. Keep it in mind for the trained model.
#
# ## The smallest loop that is right
#
# Here is the merge without its last term, token by token, in plain Python:
#
# $$\alpha_t = \sigma(w \cdot [\bar h^L_t;\, \bar h^R_t] + b), \qquad
#   x_t = (1 - \alpha_t)\,x^L_t + \alpha_t\,x^R_t$$


# %%
def loop(left, right, w, b):
    """The merge of two lists of tokens, each a list of numbers."""
    width, out = len(left[0]), []
    sums = [0.0] * (2 * width)
    for t in range(len(left)):
        sums = [s + new for s, new in zip(sums, left[t] + right[t], strict=True)]
        score = b + sum(weight * s / (t + 1) for weight, s in zip(w, sums, strict=True))
        alpha = 1 / (1 + math.exp(-score))
        out.append([(1 - alpha) * x + alpha * y for x, y in zip(left[t], right[t], strict=True)])
    return out


# %% [markdown]
# One number $\alpha$ for each token, not one for each channel. (The design's text leaves that
# open, T64.) The means run over the tokens *so far*. Why that matters comes next.
#
# **Exercise waves.1.** Now without a loop.


# %% tags=["exercise"]
def merged(left, right, weight, bias):
    """(1 - alpha) left + alpha right, with alpha from the means of both sides so far.

    left, right: [L, D]; weight: [2 D], for the left mean first; bias: a number. Returns [L, D].
    """
    todo()


merged = exercise("waves.1").check(merged)

# %%
left, right = torch.randn(2, 30, d, dtype=torch.float64)
gate = WaveMerge(d, correction=False).double()
w, b = gate.gate.weight[0].detach(), gate.gate.bias.item()
slow = torch.tensor(loop(left.tolist(), right.tolist(), w.tolist(), b), dtype=torch.float64)
assert_close(merged(left, right, w, b), slow, "without a loop", length=30)


def merge(layer, left, right, mean=running_mean):
    """The library's merge of two sides [B, L, D], with a mean of your choice."""
    return layer(left, right, mean(left), mean(right)).x


with torch.no_grad():
    assert_close(merge(gate, left[None], right[None])[0], slow, "the library", length=30)
print("loop, yours and the library's: the same numbers")

# %% [markdown]
# The last term is the **correction**, a small network that sees both means and adds a tenth of what
# it makes of them: $0.1\,(W_2\,\mathrm{SiLU}(W_1 [\bar h^L; \bar h^R] + b_1) + b_2)$. With it the
# merge is whole:

# %%
full = WaveMerge(d).double()
with torch.no_grad():
    means = torch.cat([running_mean(left[None]), running_mean(right[None])], -1)
    alpha = torch.sigmoid(full.gate(means))
    by_hand = (1 - alpha) * left + alpha * right + 0.1 * full.outer(F.silu(full.inner(means)))
    assert_close(merge(full, left[None], right[None]), by_hand, "with its correction", length=30)
source(WaveMerge.forward)

# %% [markdown]
# ## What goes wrong: a mean that knows the future (T1)
#
# The design writes $h_L = \text{mean-pool}(x_L)$: the mean over the **whole** sequence, handed to
# every token of it. Let us change the last token only, and see who notices.


# %%
def whole_mean(x):
    """The printed mean: over all tokens, the same at each of them."""
    return x.mean(1, keepdim=True).expand_as(x)


changed = left.clone()
changed[-1] += 1.0
moved = {}
with torch.no_grad():
    for name, mean in (("printed", whole_mean), ("so far", running_mean)):
        before, after = (merge(full, x[None], right[None], mean) for x in (left, changed))
        moved[name] = (after - before)[0].abs().amax(1)
assert (moved["printed"] > 1e-6).all()
assert not moved["so far"][:-1].any() and moved["so far"][-1] > 0.1
print("tokens that change:", {name: (m > 0).sum().item() for name, m in moved.items()}, "of 30")

# %% [markdown]
# With the printed mean all thirty tokens hear of the last one. How bad is that? As bad as it can
# be. Nobody can predict a fair coin: the loss of any honest model is at least $\ln 2 = 0.693$.
# Two small models shall learn to predict the next of nine flips. They differ in the mean alone.


# %%
class Coins(nn.Module):
    """The left block adds up what came so far, the right one looks at the token itself."""

    def __init__(self, mean):
        super().__init__()
        self.mean, self.embed, self.right = mean, nn.Embedding(2, 12), nn.Linear(12, 12)
        self.merge = WaveMerge(12)
        self.out = nn.Sequential(nn.Linear(12, 48), nn.SiLU(), nn.Linear(48, 2))

    def forward(self, flips):
        x = self.embed(flips)
        return self.out(merge(self.merge, x.cumsum(1), self.right(x), self.mean))


def surprise(model, count=64):
    """The mean loss of the next flip, all flips given at once, as in training."""
    flips = torch.randint(2, (count, 9), device=device)
    return F.cross_entropy(model(flips)[:, :-1].mT, flips[:, 1:])


def in_use(model, count=2000):
    """The loss when the model gets the flips one by one, as when it writes."""
    flips = torch.randint(2, (count, 9), device=device)
    steps = [F.cross_entropy(model(flips[:, :t])[:, -1], flips[:, t]) for t in range(1, 9)]
    return sum(steps) / len(steps)


rows = {}
for name, mean in (("the whole, as printed", whole_mean), ("so far", running_mean)):
    marslab.seed_everything(seed)
    model = trained(Coins(mean).to(device), surprise, 0.01)
    with torch.no_grad():
        rows[name] = {"in training": surprise(model, 2000).item(), "in use": in_use(model).item()}
coins = pd.DataFrame(rows).T.rename_axis("mean")
printed, honest = coins.loc["the whole, as printed"], coins.loc["so far"]
assert printed["in training"] < 0.55 and printed["in use"] > 0.85
assert (abs(honest - math.log(2)) < 0.01).all()
coins.round(3)

# %% [markdown]
# The printed model beats chance at fair coins. The mean of all nine flips, less what it has seen,
# is what is still to come. In use there is no future to look at, and it is *worse* than
# somebody who says "fifty-fifty" each time: it is sure of itself, and wrong. In a real training the
# loss curve looks splendid, and the text is rubbish. The repaired model says 0.693, as it must.
#
# In TARS the same mean feeds the merge, the experts, the rotation, the novelty gate and the memory.
# In `marslab` all of them get the running mean. It is a scan, so it also goes on from where it was,
# which a model needs that reads one byte at a time.
#
# **Exercise waves.2.** Write the running mean behind `count` rows whose mean you know.


# %% tags=["exercise"]
def go_on(mean, count, x):
    """The running mean at each row of x, when `count` rows with this mean came before.

    mean: [D]; count: 0 or more; x: [L, D]. Returns [L, D].
    """
    todo()


go_on = exercise("waves.2").check(go_on)

# %%
at_once = running_mean(left[None])[0]
first, rest = at_once[:10], go_on(at_once[9], 10, left[10:])
assert_close(torch.cat([first, rest]), at_once, "in two parts", length=30)
assert_close(rest, running_mean(left[None, 10:], at_once[None, 9], 10)[0], "library", length=30)
print("thirty rows at once, or ten and then twenty: the same means")

# %% [markdown]
# ## A whole wave
#
# A block of TARS is a sequence layer with some parts around it. Here it is a box: input,
# its running mean and the memory in, the same shape out. A wave is two boxes and the merge.
# Take the first wave of the trained `tars-nano` apart and put it together by hand:

# %%
tars = marslab.load("tars-nano").to(device)
lm = tars.lm
count, width = lm.config.waves.count, lm.config.d_model
prompt = tars.prompt("37+48=?")
with torch.no_grad():
    x = lm.embed(prompt)
    mean, wave = running_mean(x), lm.wave_module(0)
    left, right = wave.left(x, mean).x, wave.right(x, mean).x
    by_hand = merge(wave.merge, left, right)
    assert_close(wave(x, mean).x, by_hand, "a wave", dtype=torch.float32, length=x.shape[1])
source(Wave.forward)

# %% [markdown]
# And the whole model is causal, as promised: another last byte leaves all logits before it alone.

# %%
other = prompt.clone()
other[0, -1] = ord("!")
with torch.no_grad():
    one, two = lm(prompt)[0], lm(other)[0]
assert_close(one[:-1], two[:-1], "before the change", dtype=torch.float32, length=len(one))
assert (one[-1] - two[-1]).abs().max() > 0.1
print(f"{len(one) - 1} positions as before, one changed")

# %% [markdown]
# ## What it costs: parameters
#
# The design prints $2d^2 + d$ for the correction, and a total for six waves at $d = 768$.
#
# **Exercise waves.3.** Count the merges of all waves yourself, gates and biases too.


# %% tags=["exercise"]
def merge_size(d, waves):
    """The parameters of the merges of all waves, gates and biases included."""
    todo()


merge_size = exercise("waves.3").check(merge_size)


# %%
def size(module):
    """How many parameters a module has."""
    return sum(p.numel() for p in module.parameters())


printed_sum, counted = 7_085_574, merge_size(768, 6)
with torch.device("meta"):
    assert counted == 6 * size(WaveMerge(768))
by_formula = 6 * (2 * 768**2 + 768 + 2 * 768 + 1)
assert by_formula not in (printed_sum, counted) and 1.4 < counted / printed_sum < 1.6
print(f"printed {printed_sum:,}; its own formula {by_formula:,}; counted {counted:,}")
claim("tars-merge-size", counted / printed_sum)

# %% [markdown]
# A map from $2d$ over $d$ to $d$ has $3d^2 + 2d$ numbers; the second matrix was forgotten, and the
# printed sum is not even what the printed formula gives (T14). Half as much again.
#
# ## What it costs: depth (T62)
#
# "Twice the width, and no depth lost", says the design. Compared with what? Six waves have twelve
# blocks. The same twelve one after the other make a chain of twelve. Side by side the chain is six
# long. Let each block do the simplest thing that needs a chain, moving a mark one place along:

# %%
far = {"parallel": 0, "sequence": 0}
mark = {name: F.one_hot(torch.tensor([[0]]), 16).double() for name in far}
gate = WaveMerge(16, correction=False).double()
with torch.no_grad():
    for _ in range(6):
        side = mark["parallel"].roll(1, -1)
        mark["parallel"] = merge(gate, side, side)
        mark["sequence"] = mark["sequence"].roll(1, -1).roll(1, -1)
far = {name: m.argmax(-1).item() for name, m in mark.items()}
assert far == {"parallel": 6, "sequence": 12}
print("places after twelve blocks:", far)

# %% [markdown]
# So at equal parameters a wave model has *half* the depth. What does it get for that? Time, if the
# two blocks really run at once. The config has a switch, `waves.layout`, with the same blocks in
# sequence and no merge. Both layouts, untrained, with the sizes of `tars-nano`:

# %%
kinds = {"parallel": {}, "sequence": {"waves.layout": "sequence"}, "tied": {"waves.tied": True}}
built = {name: marslab.build("tars-nano", how).lm.to(device) for name, how in kinds.items()}
one_merge = merge_size(width, 1)
assert size(built["parallel"]) - size(built["sequence"]) == count * one_merge
text = torch.randint(256, (4, 32), device=device)


def milliseconds(call, repeats=3 if fast else 20):
    """Median time of one call, after one to warm up."""
    with torch.no_grad():
        call()
        return 1e3 * median(watch(call, device)() for _ in range(repeats))


times = {name: milliseconds(partial(built[name], text)) for name in ("parallel", "sequence")}
longest = {"parallel": count, "sequence": 2 * count, "tied": count}
costs = pd.DataFrame(
    {
        "blocks in the longest chain": longest,
        "parameters in the waves": {name: size(model.waves) for name, model in built.items()},
        "time, sequence = 1": {name: t / times["sequence"] for name, t in times.items()},
    }
)
assert 0.5 < times["parallel"] / times["sequence"] < 2
record("time of parallel blocks over blocks in sequence", times["parallel"] / times["sequence"])
costs.round(2)

# %% [markdown]
# The library runs the two blocks one after the other, and the merge on top, so no time is won here.
# Running them at once would need a second set of cores or a GPU that one block does not fill. Which
# layout *learns* more is a question for a study with seeds. The switch makes it one line:
# `waves.layout: [parallel, sequence]` (see [70_first_ablation](70_first_ablation.ipynb)).
#
# ## The same wave again and again
#
# The third row above is `waves.tied`: one wave, passed through six times, with about a sixth of the
# parameters. Then, and only then, a thought is an **iteration**, the same map applied to its own
# result. In untied waves each step is made by other weights, and a law about the sizes of the steps
# compares six different maps (T8).

# %%
tied = built["tied"]
assert len(tied.waves) == 1 and tied.wave_module(0) is tied.wave_module(count - 1)
assert lm.wave_module(0) is not lm.wave_module(count - 1)
assert 5.5 < costs.loc["parallel"].iloc[1] / costs.loc["tied"].iloc[1] < 6.5
question = ["37+48=?"]
walks = {
    name: [seen.step.item() for seen in observations(model, tars.tokenizer, question)[0]]
    for name, model in (("trained, six waves", lm), ("untrained, one wave six times", tied))
}
at = range(1, count + 1)
lines = {name: (at, steps) for name, steps in walks.items()}
names = {"x_title": "wave (number)", "y_title": "relative step (no unit)"}
curves(lines, **names, title="How far each wave moves the last position", dark=dark)

# %% [markdown]
# ## A trained TARS, wave by wave
#
# `tars-nano` has learned to add and subtract, digit by digit, and its loss counted after every
# wave. So an answer may end after any of them. What does it say after one, two, three, six?

# %%
said = {w: replies(lm, tars.tokenizer, question, waves=w)[0].text for w in (1, 2, 3, count)}
assert said[count].endswith("85") and not said[1].endswith("85")
pd.Series(said, name="37+48=?").rename_axis("waves").to_frame()

# %% [markdown]
# It writes the sums of the digits, with what is carried, and then the result. No training ever
# showed it this problem.
#
# One problem is an anecdote. Here are more that training held out, two numbers of two digits, in
# several wordings and two languages. We read each with its *worked answer* and ask, at every byte
# and after every wave, whether the likeliest next byte is the right one. If so at all bytes, the
# model would have written exactly this. One pass gives all depths.

# %%
FAMILIES = {"add": 1.0, "sub": 1.0}
sums = list(problems(1, asked if fast else 400, "held_out", FAMILIES, levels=(2,)))
rows = Packed(*(x.to(device) for x in worked(tars.tokenizer, sums)))
right = flawless(lm, rows)
with torch.no_grad():
    best = lm(rows.ids, waves=2).argmax(-1)
assert torch.equal(right[1], ((best == rows.targets) | (rows.targets < 0)).all(1))
spoken = replies(lm, tars.tokenizer, [each.prompt for each in sums[:3]], waves=2)
same = [reply.text == each.answer_text for reply, each in zip(spoken, sums, strict=False)]
assert same == right[1, :3].tolist()
print([each.prompt for each in sums[:6]])

# %%
plus = torch.tensor([each.family == "add" for each in sums], device=device)
by_kind = {"sums": right[:, plus], "differences": right[:, ~plus], "all": right}
depth = {name: found.double().mean(1).tolist() for name, found in by_kind.items()}
everything = depth["all"]
assert everything[0] < 0.1 and everything[1] > 0.5 and everything[-1] > 0.9
lines = {name: (at, shares) for name, shares in depth.items()}
names = {"x_title": "thought ended after wave (number)", "y_title": "without a mistake (share)"}
curves(lines, **names, title="Held-out problems, by depth", dark=dark)

# %% [markdown]
# One wave can do nothing. Two do most of it, and from the fourth on hardly anything is added. That
# is what depth on demand lives on: for these problems the last waves could be saved, if only
# somebody knew when ([34_integral_auditor](34_integral_auditor.ipynb) asks just that).
#
# ## Does the gate choose?
#
# "The model decides by itself which path is more useful for this query", says the design. Let us
# watch. Below is $\alpha - \frac12$ for each wave and each byte of one answer. Blue would be the
# left block, orange the right one, and $\pm 0.5$ a choice.

# %%
with marslab.trace() as told, torch.no_grad():
    lm(rows.ids)
gates = torch.stack(
    [event.fields["alpha"][..., 0] for event in told.events if event.name == "wave"]
)
corrections = [event.fields["correction"] for event in told.events if event.name == "wave"]
lengths = [len(tars.tokenizer.encode(f"{p.prompt}\n{p.answer_text}")) + 2 for p in sums]
real = torch.arange(rows.ids.shape[1])[None] < torch.tensor(lengths)[:, None]
alphas = gates.cpu()[:, real]
assert 0.2 < alphas.min() and alphas.max() < 0.8
assert ((alphas - 0.5).abs() < 0.2).double().mean() > 0.97
print(f"alpha over {alphas.numel():,} gates: {alphas.min():.2f} to {alphas.max():.2f}")
shown = min(range(len(sums)), key=lambda i: lengths[i])
letters = [chr(i) if i > 32 else "·" for i in rows.ids[shown, : lengths[shown]].tolist()]
names = {"rows": "wave (number)", "columns": "byte read", "name": "alpha minus one half"}
labels = {"row_labels": [str(w) for w in at], "column_labels": letters}
picture = gates[:, shown, : lengths[shown]].cpu() - 0.5
fig = matrix_heatmap(picture, **names, **labels, title="Gates of one answer", dark=dark)
fig.update_traces(zmin=-0.5, zmax=0.5)

# %% [markdown]
# No gate comes near 0 or 1. Perhaps small differences matter? `clamp` holds a gate at a number as
# long as its `with` lasts. Guess first: what is left at 0, at one half, at 1?

# %%
holds = (0.0, 0.25, 0.4, 0.5, 0.6, 0.75, 1.0)
held = {}
for alpha in holds:
    with clamp(lm, "waves.*.merge", alpha):
        held[alpha] = flawless(lm, rows)[-1].double().mean().item()
free = everything[-1]
assert flawless(lm, rows)[-1].double().mean().item() == free
assert held[0.0] < 0.1 > held[1.0] and abs(held[0.5] - free) < 0.1
record("answers with all gates held at one half, less those with free gates", held[0.5] - free)
lines = {"free gates": ((0, 1), (free, free)), "held": (holds, [held[a] for a in holds])}
names = {"x_title": "alpha in all waves (no unit)", "y_title": "without a mistake (share)"}
curves(lines, **names, title="All gates held at one number", dark=dark)

# %% [markdown]
# Held at exactly one half, the answers are as good as with free gates. Held at 0 or 1, so that one
# block of each wave is not heard, hardly anything is right. Both sides are needed, about equally,
# always. **This model uses the merge as a mean of two, not as a choice.** The toy above had two
# languages that needed two maps. Sums and differences seem not to. And the correction?

# %%
inner = [wave.merge.inner for wave in lm.waves]
for wave in lm.waves:
    wave.merge.inner = None  # without its first map the merge leaves the correction out
bare = flawless(lm, rows)[-1].double().mean().item()
for wave, kept in zip(lm.waves, inner, strict=True):
    wave.merge.inner = kept
share = torch.stack(corrections).cpu()[:, real].mean().item()
assert 0.015 < share < 0.035 and abs(bare - free) < 0.15 and flawless(lm, rows)[-1].equal(right[-1])
print(f"length of the correction, merged sides = 1: {share:.3f}")
print(f"answers without a mistake: {free:.1%} with it, {bare:.1%} without")

# %% [markdown]
# Two or three hundredths of the state, and little is lost without it, though it holds nearly all of
# the merge's parameters. (It was there during training, so this says what the trained model makes
# of it, not how good a model trained without would be. For that, `waves.correction: false`.)
#
# One wave at a time is milder. Which waves bear to lose a block?

# %%
few = Packed(rows.ids[:16], rows.targets[:16])
one_side = {}
for wave in range(count):
    for alpha, name in ((0.0, "left block alone"), (1.0, "right block alone")):
        with clamp(lm, f"waves.{wave}.merge", alpha):
            shares = flawless(lm, few)[-1].double().mean().item()
        one_side.setdefault(name, []).append(shares)
sides = pd.DataFrame(one_side, index=pd.Index(at, name="in wave"))
assert (sides.iloc[0] < 0.2).all() and (sides.iloc[-1] > 0.8).all()
sides.map("{:.0%}".format)

# %% [markdown]
# The first waves need both blocks. The last ones do not: they have little left to do.
#
# ## Something to turn
#
# The same model, live. Choose a wave or all of them, and hold the gate. How far from one half can
# you go before the answers break? In which wave does it matter least? (Tab reaches a control, the
# arrow keys move it.)

# %%
clamped_gate(lm, few)

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are), predict first, then
# change a cell and run it. Each answer is a number on your screen.
#
# 1. **Two languages alike.** Bring the centres of the toy closer together (0.1 in place of 0.3).
#    After how many tokens is the gate sure? What becomes of the error?
# 2. **Twins.** Copy the weights of `left` into `right` before training, and set the weights and the
#    bias of the gate to 0. Do the two blocks ever become different? Why?
# 3. **Fewer flips.** With 3 flips in place of 9, how low does the loss of the printed model get?
#
# ## Recap
#
# - A wave is two blocks beside each other and $x = (1-\alpha)x_L + \alpha x_R + 0.1\,c$. In a toy
#   with two tasks the gate finds out which block to ask.
# - The mean over the whole sequence tells the future: a loss below $\ln 2$ at fair coins, and
#   above it in use. The mean so far does not.
# - The merges of six waves have half as many parameters again as printed. Twelve blocks in waves
#   have the depth of six, and on a CPU they win no time.
# - The trained model needs two waves for most sums and four for nearly all.
# - Its gates stay around one half, and holding them there costs nothing. One block alone is
#   worth nothing in the first waves and enough in the last.
#
# **Source.** `marslab.layers.WaveMerge`, `marslab.layers.running_mean`,
# `marslab.systems.tars.wave.Wave`, `marslab.systems.tars.clamp.clamp`,
# `marslab.learning.tars.each_wave` (`worked`, `flawless`).
#
# **Papers.**
# - Shazeer et al. 2017, [Outrageously large neural networks](https://arxiv.org/abs/1701.06538):
#   gates that do choose, and what it takes to make them.
# - Chowdhery et al. 2022, [PaLM](https://arxiv.org/abs/2204.02311): two halves of each block beside
#   each other, for the sake of speed.
# - Dehghani et al. 2019, [Universal transformers](https://arxiv.org/abs/1807.03819): one layer
#   applied again and again.
#
# **Next.** [31_spine_and_chain](31_spine_and_chain.ipynb): what passes between waves beside $x$.
