# %% [markdown]
# # Depth on demand: the matrix pool
#
# The waves are spent and the thought has not settled. What now? TARS keeps a pool of small blocks
# for that moment. A few of them are tried, the best one is applied, and that goes on until nothing
# is gained any more. The design calls it IDME and promises "infinite depth". This notebook builds
# the competition, trains a pool, asks who should judge, and finds out what makes a thought stop.
#
# **You will learn**
# - what a mini block is, and what it costs: three times what is printed;
# - how a round goes: select, try, take the best, bar what was tried;
# - why the printed score rewards doing nothing, and what a learned value does instead;
# - why a pool outside the loss never learns, and how two unrolled rounds repair that;
# - what growing, recirculating and merging pools bring, measured;
# - what stops a thought, and which one of the rules is a guarantee.
#
# **Time** about 40 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: three times as much training
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
blocks = 12  # of the pool that is trained; the design begins with 48

# %%
import copy
import inspect
from collections import Counter
from textwrap import dedent

import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown
from torch import nn
from torch.nn import functional as F

# %%
import marslab
from marslab.lab.course import exercise, todo
from marslab.thinking import IDME, IdmeConfig, MatrixPool, MiniBlock, PoolConfig, merge
from marslab.thinking.law import relative_step
from marslab.thinking.mini_block import mini_block_parameters
from marslab.widgets.explorers import idme_rounds
from marslab.widgets.figures import CONFIG, competition, curves

# %%
pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


def judged_by(idme, value):
    """The same IDME with another value head: any function of h."""
    idme.value_head = nn.Sequential(value)
    return idme


# %% [markdown]
# ## A picture first: a thought of two numbers
#
# Here is a pool of 24 blocks without any skill. Each one pushes the state by half a unit, in its
# own direction. The judge is simple: the nearer to the star, the better. In each round three
# unused blocks are tried (thin lines), and the one that gains most is taken (thick line).


# %%
class Nearness(nn.Module):
    """A judge that knows the goal."""

    def __init__(self, goal):
        super().__init__()
        self.goal = goal

    def forward(self, h):
        """Minus the distance to the goal, [..., 1]."""
        return -(h - self.goal).norm(dim=-1, keepdim=True)


# %%
def pushes(directions, size):
    """A pool whose block i adds `size` times directions[i] to any h."""
    count, width = directions.shape
    pool = MatrixPool(PoolConfig(d_model=width, blocks=count, rank=1)).to(directions)
    with torch.no_grad():
        pool.gate_out.zero_()  # so every gate is sigmoid(-2), whatever h is
        pool.norm_weight.zero_()  # so only the bias of the LayerNorm is left
        pool.norm_bias.copy_(size * directions / pool.gate_bias.sigmoid())
    return pool


goal, angles = torch.tensor([2.0, 1.2]), torch.arange(24) * 2 * torch.pi / 24
compass = pushes(torch.stack([angles.cos(), angles.sin()], 1), size=0.5)
walker = judged_by(IDME(compass, IdmeConfig(grow=False)), Nearness(goal))
start = torch.tensor([[-0.2, -0.1]])
walk = walker(start, learn=False)

# %%
way, tried = [start[0]], []
for one in walk.trace:
    tried.append(compass(way[-1][None], one.candidates)[0].detach())
    won = (one.candidates[0] == one.winner[0]).nonzero().flatten()
    way.append(tried[-1][won[0]] if len(won) else way[-1])
assert torch.allclose(way[-1], walk.h[0], atol=1e-6)
first, last = (-walker.value(x).item() for x in (start[0], walk.h[0]))
assert last < first
print(f"{len(tried)} rounds; from the star: {first:.2f} before, {last:.2f} after; {walk.reason[0]}")
competition(torch.stack(way), torch.stack(tried), goal, title="Three tried, one taken", dark=dark)

# %% [markdown]
# Nobody planned the way. It comes out of many small competitions, and its length depends on the
# question. That is the idea: **depth on demand**. All the rest of this notebook is about three
# words in it: *block*, *best*, and *until*.
#
# ## The block
#
# $$h' = h + \sigma(W_g h + b) \odot \mathrm{LayerNorm}\big(W_1\,\mathrm{SiLU}(W_2 h)\big)$$
#
# A gate, and a small two-layer net. (So it stands in 12.8 of the design; 3.6 has a norm around the
# sum instead. The library follows 12.8.) Its three matrices cost $3d^2$. The design prints "≈ 590K
# parameters" for $d = 768$. That is *one* $d^2$ (T15). With a rank $r$ the inner layer has $r$
# numbers in place of $d$, $W_g$ is a product of two thin matrices, and all that costs $4dr$. Both
# kinds have $3d$ more: $b$, and the weight and bias of the LayerNorm.

# %%
h = torch.randn(5, 24, dtype=torch.float64)
block = MiniBlock(24, rank=4).double()
gate = torch.sigmoid(block.gate_out(block.gate_in(h)))
normed = F.layer_norm(block.up(F.silu(block.down(h))), (24,))  # its weight is 1, its bias 0 yet
assert torch.allclose(block(h), h + gate * normed)
rows = {}
for d, r in ((768, None), (768, 16), (128, 16), (24, 4)):
    each = mini_block_parameters(d, r)
    rows[f"d = {d}, " + ("full" if r is None else f"rank {r}")] = [d * d, each, 48 * each]
costs = pd.DataFrame(rows, index=["printed: d²", "a block", "48 blocks"]).T
assert costs.iloc[0].tolist() == [589_824, 1_771_776, 85_045_248]
costs.map("{:,}".format)

# %% [markdown]
# 48 full blocks at $d = 768$ are 85 million numbers, 170 MB in 16 bits. The library's pool takes a
# rank of 16 by default. It keeps each kind of weight of all blocks in one tensor, so that three
# candidates for a whole batch are a few batched products.
#
# ## A round
#
# **Select.** Each block has a *domain*, a direction in which it feels at home. Its cosine with $h$,
# plus a small bonus for what it has *earned* in earlier queries, is its priority. Used blocks are
# barred: that is the *anti-repeat mask*.
#
# **Exercise idme.1.** Write who is tried.


# %% tags=["exercise"]
def select(h, domains, earned, used, k):
    """The k unused blocks of highest priority: cosine + 0.1 * tanh(efficiency). Best first.

    h: [D]; domains: [P, D], of any length; earned: [P]; used: a list of indices.
    Returns a list of indices, shorter than k where fewer are left.
    """
    todo()


select = exercise("idme.1").check(select)

# %% [markdown]
# **Take.** Each candidate is applied to $h$. It is *able* to win if it moves $h$ by a thousandth
# of its size at least. Its *gain* is by how much the judge likes the new state better.
#
# **Exercise idme.2.** Write who wins.


# %% tags=["exercise"]
def winner(steps, gains, least):
    """The place of the largest gain above 0 among those whose step is `least` or more, else -1.

    steps, gains: lists of numbers, one for each candidate.
    """
    todo()


winner = exercise("idme.2").check(winner)


# %% [markdown]
# With these two the smallest loop that is right is short.


# %%
def loop(idme, h, rounds):
    """Think on about one thought [D]: the last state, and who won each round."""
    pool, used, winners = idme.pool, [], []
    earned = pool.efficiency.clone()
    for _ in range(rounds):
        tried = select(h, pool.domain, earned, used, 3)
        new = [pool.block(i)(h) for i in tried]
        gains = [(idme.value(x) - idme.value(h)).item() for x in new]
        best = winner([relative_step(h, x).item() for x in new], gains, 1e-3)
        used += tried
        winners.append(-1 if best < 0 else tried[best])
        if best >= 0:
            earned[tried[best]] += gains[best]
            h = new[best]
    return h, winners


# %%
judge = judged_by(IDME(MatrixPool(PoolConfig(d_model=24, blocks=48, rank=4))), nn.Linear(24, 1))
judge = judge.double()
result = judge(h, rounds=6, learn=False)
found = torch.stack([one.winner for one in result.trace], 1)
for row, thought in enumerate(h):
    with torch.no_grad():
        last, winners = loop(judge, thought, int(result.rounds[row]))
    assert torch.allclose(last, result.h[row])
    assert winners == found[row, : int(result.rounds[row])].tolist()
print(found)

# %% [markdown]
# Five thoughts, six rounds, the same winners and the same states. The library does all rows at
# once:

# %%
source(IDME._round)

# %% [markdown]
# ## A task to think about
#
# A toy, but a real one. A thought has 24 numbers. Three directions say of which *type* the question
# is, five hold the question $x$, and four are read as the answer: the largest one counts. Each type
# has a rule of its own, a random $4 \times 5$ matrix: the answer is the largest of its four
# products with $x$. The waves have left the answer empty. The pool has to fill it.

# %%
width, asked, answers = 24, 5, 4
types = ("math", "code", "chat")
axes = torch.linalg.qr(torch.randn(width, width)).Q.T  # directions at right angles
tags, slots, reader = axes[:3], axes[3 : 3 + asked], axes[3 + asked : 3 + asked + answers]
rules = F.normalize(torch.randn(3, answers, asked), dim=-1)


def problems(n, kind=None):
    """n thoughts [n, D], their types [n] and their answers [n]; of one type only, if asked."""
    task = torch.randint(0, 3, (n,)) if kind is None else torch.full((n,), kind)
    x = torch.randn(n, asked)
    return 3 * tags[task] + x @ slots, task, torch.einsum("nca,na->nc", rules[task], x).argmax(1)


# %%
def is_right(h, answer):
    """Whether the answer that is read from h is the right one."""
    return (h @ reader.T).argmax(-1) == answer


def accuracy(idme, exam, rounds=2, steps=None):
    """The share of right answers after some rounds."""
    h, _, answer = exam
    return is_right(idme(h, steps, rounds=rounds, learn=False).h, answer).float().mean().item()


sizes = PoolConfig(d_model=width, blocks=blocks, rank=4, tasks=types)
idme = IDME(MatrixPool(sizes), IdmeConfig(grow=False))
exam = problems(1000)  # never trained on
before = accuracy(idme, exam)
assert 0.15 < before < 0.35
print(f"right before training: {before:.1%}; guessing: {1 / answers:.0%}")

# %% [markdown]
# ## What goes wrong, 1: a pool that nobody trains (T42)
#
# The design's third training phase is "fine-tune MoLE + MatrixPool". But its loss comes from the
# waves, and the competition is a chain of *argmax*. Where would a gradient come from? Let us look.


# %%
def gradients(loss):
    """Which share of the blocks, domains and value parameters a loss reaches."""
    idme.zero_grad()
    if loss.requires_grad:
        loss.backward()
    pool, reached = idme.pool, {}
    for name, weight in (("blocks", pool.up), ("domains", pool.domain)):
        moved = torch.zeros(blocks) if weight.grad is None else weight.grad.flatten(1).abs().sum(1)
        reached[name] = (moved > 0).float().mean().item()
    head = [p.grad is not None and p.grad.abs().sum() > 0 for p in idme.value_head.parameters()]
    return {**reached, "value head": sum(head) / len(head)}


# %%
h, _, answer = problems(256)
competed = F.cross_entropy(idme(h, rounds=2, learn=False).h @ reader.T, answer)
fixed = idme.pool(h, torch.zeros(256, 1, dtype=torch.long))[:, 0]  # one block, chosen beforehand
unrolled = F.cross_entropy(idme.unroll(h, 2, k=3).h @ reader.T, answer)
table = {"the competition": gradients(competed)}
table["block 0, set"] = gradients(F.cross_entropy(fixed @ reader.T, answer))
table["two unrolled rounds"] = gradients(unrolled)
reach = pd.DataFrame(table).T
assert not competed.requires_grad and (reach.loc["the competition"] == 0).all()
assert reach.loc["two unrolled rounds"].min() > 0.7  # who is never tried learns nothing yet
reach.map("{:.0%}".format)

# %% [markdown]
# No gradient at all: `loss.requires_grad` is `False`. A block that somebody chose beforehand would
# learn, but the choice itself would not. The repair is to put **two to four rounds into the loss**,
# with a choice that can be differentiated. Each candidate has a share,
#
# $$w_i = \mathrm{softmax}_i\big(\cos(h, \text{domain}_i) / \tau + v(h_i) - v(h)\big)$$
#
# Forward the winner alone counts, as in use. Backward the gradient takes the shares, as if the mean
# had been taken (*straight through*). Here is the heart of it:

# %%
lines = dedent(inspect.getsource(IDME.unroll)).splitlines()
begin = next(i for i, line in enumerate(lines) if "states, shares = [h]" in line)
Markdown("```python\n" + dedent("\n".join(lines[begin:])) + "\n```")

# %% [markdown]
# The value $v$ is the judge. It is a small head that learns to answer one question: *would an
# answer read from this state be right?* During training we know. So three losses: the answers, the
# value, and a contrastive one that draws thoughts to the domains of their type.


# %%
def train(idme, steps, kind=None):
    """Train pool and value head on fresh problems; the answer's loss at every step."""
    optimizer, losses = torch.optim.Adam(idme.parameters(), lr=0.02), []
    for _ in range(steps):
        h, task, answer = problems(64, kind)
        rounds = idme.unroll(h, 2, k=3)
        loss = F.cross_entropy(rounds.h @ reader.T, answer)
        losses.append(loss.item())
        states = rounds.states.detach()
        loss = loss + idme.value_loss(states, is_right(states, answer[:, None])).mean()
        if kind is None:  # one type alone has nothing to be told from
            loss = loss + idme.pool.domain_loss(h, task)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


# %%
losses = torch.tensor(train(idme, 200 if fast else 600))
after = accuracy(idme, exam)
smooth = losses.unfold(0, 10, 5).mean(1)
at = (torch.arange(len(smooth)) * 5 + 5).tolist()
assert after > 0.8 and smooth[-1] < smooth[0] / 2
print(f"right on 1,000 thoughts it has not seen: {before:.1%} before, {after:.1%} after")
titles = {"x_title": "training (steps)", "y_title": "loss of the answer (nats)"}
title = "Two rounds in the loss: the pool learns"
curves({"mean of 10 steps": (at, smooth)}, title=title, **titles, dark=dark, height=320)

# %% [markdown]
# Did the domains learn whom they are for? For each thought, see of which type the first choice is.

# %%
h, task, answer = exam
choice = idme.pool.task[idme.pool.select(h, 1)[0][:, 0]]
own = (choice == task).float().mean().item()
assert own > 0.95
print(f"first choice is a block of the thought's own type: {own:.1%} (chance: 33 %)")

# %% [markdown]
# ## What goes wrong, 2: the printed judge (T11)
#
# The design's judge is the integral auditor: the candidate wins that raises the exponent $p$ of the
# steps most. ([34_integral_auditor](34_integral_auditor.ipynb) shows where $p$ comes from.) The
# smaller the step, the steeper the curve, the larger $p$. We silence every second block of our
# trained pool, so that it does next to nothing (its step becomes a hundred thousandth), and let
# both judges choose. The waves before have made six steps of $0.5\,t^{-0.8}$.

# %%
history = (0.5 * torch.arange(1, 7, dtype=torch.float64) ** -0.8).repeat(1000, 1)
muted = copy.deepcopy(idme)
with torch.no_grad():
    muted.pool.norm_weight[::2] *= 1e-5
    muted.pool.norm_bias[::2] *= 1e-5
judged = {
    "printed: gain of p": IdmeConfig(score="dp", min_step=0.0),
    "gain of p, must move by 1e-3": IdmeConfig(score="dp"),
    "value": IdmeConfig(),
}

# %%
rows = {}
for name, config in judged.items():
    muted.config = config
    one = muted(h, history, rounds=1, learn=False).trace[0]
    mute = (one.winner >= 0) & (one.winner % 2 == 0)
    shares = [mute, (one.winner >= 0) & ~mute, one.winner < 0]
    rows[name] = [share.float().mean().item() for share in shares]
wins = pd.DataFrame(rows, index=["a mute block wins", "another wins", "nobody wins"]).T
assert wins.iloc[0, 0] > 0.8 and wins.iloc[1:, 0].max() == 0
assert wins.iloc[1, 2] > 0.8 and wins.iloc[2, 1] > 0.3
wins.map("{:.0%}".format)

# %% [markdown]
# By the printed score the blocks that do next to nothing win nearly always, and earn by it.
# Demand that a winner moves, and nearly nobody wins: a block that does its job moves $h$ a lot, and
# a large step lowers $p$. The value, asked about the same candidates, never takes a mute one.
#
# Now the whole pool again, nobody silenced. How good are the answers after some rounds?

# %%
printed = IDME(idme.pool, IdmeConfig(grow=False, score="dp"))
counted = list(range(5))
lines = {
    "value": [accuracy(idme, exam, r) for r in counted],
    "gain of p": [accuracy(printed, exam, r, history) for r in counted],
}
assert lines["value"][2] > 0.8 and max(lines["gain of p"]) < 0.4
assert max(lines["value"][3:]) < lines["value"][2] + 0.01
titles = {"x_title": "rounds (count)", "y_title": "right (share)"}
drawn = {name: (counted, share) for name, share in lines.items()}
figure = curves(drawn, title="Right answers after some rounds", **titles, dark=dark)
figure.update_yaxes(range=[0, 1])

# %% [markdown]
# The same blocks, the same rounds, two judges. One picks answers, the other picks quietness, and
# stays at guessing. Look at the first curve once more: one round does nearly everything, and
# **after two it does not rise.** The competition goes on all the same, since each winner raises the
# head's *opinion*:

# %%
rows = {}
for r in (0, 1, 2, 4):
    state = idme(h, rounds=r, learn=False).h
    sure = idme.value(state).sigmoid()
    rows[r] = [sure.mean().item(), is_right(state, answer).float().mean().item()]
trust = pd.DataFrame(rows, index=["value: sure of it", "right"]).T.rename_axis("rounds")
assert trust.iloc[:, 0].is_monotonic_increasing
surer, better = trust.iloc[3] - trust.iloc[2]
assert surer > 0.01 > better
trust.map("{:.1%}".format)

# %% [markdown]
# From two rounds to four the head becomes surer, and the answers do not become better. More depth
# helps as far as the judge can tell right from wrong, and no further.
#
# ## Recirculation: what is earned, and when it counts
#
# The winner's gain is added to its *efficiency*, which raises its priority. Within a query that can
# never help: the winner has been used, and the mask bars it (T41; the design asks for both). So
# efficiency is written at the end, for later queries.


# %%
def first_three(h):
    """Who is tried first, [B, 3], in the order of the pool."""
    return idme.pool.select(h, 3)[0].sort(1).values


told, rows = problems(300)[0], {}
fresh = first_three(h)
for count in (1, 3, 30, 300):
    idme.pool.efficiency.zero_()
    idme(told[:count])
    earned = idme.pool.efficiency
    bonus = idme.pool.config.recirculation * earned.tanh()
    changed = (first_three(h) != fresh).any(1).float().mean().item()
    rows[count] = [earned.max().item(), bonus.min().item(), bonus.max().item(), changed]
columns = ["most efficient", "least bonus", "largest bonus", "other three first"]
recirculated = pd.DataFrame(rows, index=columns).T.rename_axis("queries")
assert recirculated.iloc[-1, 0] > 20 and recirculated["largest bonus"].max() <= 0.1 + 1e-6
assert recirculated.iloc[-1, 1] > 0.09 and recirculated.iloc[-1, 3] < 0.01
recirculated.round(3)

# %% [markdown]
# The gains add up to hundreds, but $\tanh$ keeps the bonus at 0.1, a tenth of what a cosine can
# give. After 300 queries *every* block has the full bonus, and whoever is tried first is the same
# as in a fresh pool: a bonus for all is a bonus for none. It is a nudge for a young pool. What it
# never does is learn which block is good for which question; the domains do that.
#
# ## Growing: 48, 52, 56
#
# When fewer than three unused blocks are left, the pool grows by four. Here is a judge that always
# likes what comes later. It never has enough, so we see the growing at work.


# %%
class Onward(nn.Module):
    """A judge that likes whatever lies further along one direction."""

    def forward(self, h):
        """The sum of the numbers of h, [..., 1]."""
        return h.sum(-1, keepdim=True)


directions = torch.rand(48, width) + 0.1  # each block adds something to every number
endless = judged_by(IDME(pushes(directions, 0.05)), Onward())
result = endless(torch.ones(1, width))
grown = [one.pool for one in result.trace]
assert list(dict.fromkeys(grown))[:3] == [48, 52, 56] and len(grown) == 100
assert result.reason == ("rounds",) and grown[-1] == len(endless.pool) == 300
print(f"rounds: {len(grown)}, stopped by: {result.reason[0]}, blocks: {grown[0]} -> {grown[-1]}")
title = "One query of a judge that never has enough"
titles = {"x_title": "round (count)", "y_title": "blocks in the pool (count)"}
curves({"pool": (list(range(1, 101)), grown)}, title=title, **titles, dark=dark, height=300)

# %%
each = mini_block_parameters(768)
print(f"with full blocks at d = 768: {48 * each / 1e6:.0f} M -> {300 * each / 1e6:.0f} M numbers")
assert 300 * each > 531e6

# %% [markdown]
# One query, 252 new blocks. At the design's size that is 446 million numbers more than before, and
# they are kept. "Infinite depth" has a price, which is why `max_blocks` is 512 here.
#
# **What does a new block know?** The design initialises it "from $h$" and says no more; a random
# block has learned nothing (T41). The library copies the most efficient block and lets it listen
# to $h$ besides: $W_2$ gets $u\,h^\top$ on top, with another $u$ for each copy. For 60 new thoughts
# of the trained task we make four new blocks, of both kinds, and ask for the best of the four.


# %%
def random_blocks(pool, h):
    """Four blocks as they are born."""
    new = MatrixPool(PoolConfig(d_model=width, blocks=4, rank=4, tasks=types))
    pool.append(new.weights(), torch.zeros(4), new.task, new.identity)


@torch.no_grad()
def best_of_four(h, grow):
    """The gain of the best new block for each thought, and the state that it leads to."""
    gains, states = [], []
    for thought in h:
        pool = copy.deepcopy(idme.pool)
        grow(pool, thought)
        new = pool(thought[None])[0, -4:]
        gain = idme.value(new) - idme.value(thought)
        gains.append(gain.max())
        states.append(new[gain.argmax()])
    return torch.stack(gains), torch.stack(states)


# %%
thoughts, _, solved = problems(60)
spent = idme(thoughts, learn=False).h  # these have had the whole pool already
copies = {"random": random_blocks, "copies that listen": lambda p, h: p.lazy_expand(4, h)}
rows = {}
for name, grow in copies.items():
    gain, state = best_of_four(thoughts, grow)
    more, _ = best_of_four(spent, grow)
    share = is_right(state, solved).float().mean().item()
    rows[name] = [gain.mean().item(), share, more.mean().item()]
columns = ["gain, fresh thought", "right then", "gain, pool spent"]
born = pd.DataFrame(rows, index=columns).T
assert born.iloc[1, 0] > 2 * born.iloc[0, 0] > 0
assert born.iloc[1, 2] < born.iloc[1, 0] / 2
born.round(2)

# %% [markdown]
# For a fresh thought a copy gains several times what a random block gains. Few answers are right
# then: all copies stem from *one* block, the most efficient, which is at home in one type of
# question. And growing happens when all others have been tried. There (last column) copies of what
# has been tried already have little to add. **Growing without training is not learning.** A new
# block is room for later training, and that is how the last section uses it.
#
# ## Until when?
#
# Five rules can end a thought. Let us see which ones do, for 300 thoughts of our task.

# %%
ended = {
    "value": idme(told, learn=False),
    "gain of p": printed(told, history[:300], learn=False),
}
reasons = pd.DataFrame({name: Counter(r.reason) for name, r in ended.items()}).fillna(0).T
rounds = {name: r.rounds.double().mean().item() for name, r in ended.items()}
assert reasons.loc["gain of p", "no_improvement"] > 270 and rounds["gain of p"] < 3
reasons.astype(int).assign(rounds=rounds).round(2)

# %% [markdown]
# - `no_improvement`: two rounds without a winner.
# - `pool`: no unused block is left, and the pool may not grow. With 12 blocks and three a round
#   that is after four rounds.
# - `converged`: the auditor says so, over all steps from the first wave on.
# - `loop` and `rounds`: we build a case for each.
#
# **A loop.** The mask bars *blocks*. It does not bar *states*. Twelve blocks, six of which push
# there and six back, are all different, and the thought still goes in circles. A judge that gives
# each state a fixed value would not allow that: every winner is better than the state before, so
# no state can come twice. The printed judge looks at the steps only, and does allow it.

# %%
middle, push = 2.0 * F.one_hot(torch.tensor(0), 8), 1.0 * F.one_hot(torch.tensor(1), 8)
seesaw = pushes(torch.stack([push, -push] * 6), size=1.0)
with torch.no_grad():  # each is at home where it pushes away from
    seesaw.domain[0::2] = middle - push
    seesaw.domain[1::2] = middle + push
circling = IDME(seesaw, IdmeConfig(grow=False, score="dp", candidates=1))
waves = torch.tensor([[0.9, 0.8, 0.9, 0.95, 0.9, 0.9]])
result = circling((middle - push / 2)[None], waves, learn=False)
taken = [int(one.winner) for one in result.trace]
gained = [one.scores.item() for one in result.trace]
assert result.reason == ("loop",) and len(set(taken[:-2])) == 5 and min(gained) > 0
assert taken[-2:] == [-1, -1] and min(taken[:-2]) >= 0
print(f"winners: {taken}, stopped by: {result.reason[0]}")
print("gains of p:", [round(gain, 3) for gain in gained])

# %% [markdown]
# There and back, each time by another block, and to the printed judge every turn is progress. The
# detector of [36_loop_detection](36_loop_detection.ipynb) sees the cycle as soon as it has enough
# states. The first time the block that closed the loop is dropped (−1), and the thought may try
# another way. The second time it stops. And the value head, on the task: does its opinion really
# rise from winner to winner?

# %%
rising = True
for r in range(1, 5):
    now, then = (idme.value(idme(h, rounds=n, learn=False).h) for n in (r, r - 1))
    rising &= bool((now >= then).all())
assert rising
print("no winner was ever worse than the state before, by the head's own word")

# %% [markdown]
# **The only guarantee.** None of these rules must ever come true. The judge that never has enough
# used up its 100 rounds above. Blocks are made faster than they are barred, each one "gains", and
# the steps need not converge. What ended that thought was the cap, and nothing else will always
# (T41). So "infinite depth" and "guaranteed to stop" are not both true; with a cap of 100 rounds
# the second one is.
#
# ## Federated recirculation: three pools become one
#
# The design's outlook: instances exchange *blocks*, and no data. Let us try it. One common ancestor
# knows the three types by their domains, and nothing else. Each of three instances grows two blocks
# for its own type, trains on that type alone, and then works through 200 queries, which writes its
# efficiencies.

# %%
ancestor = IDME(MatrixPool(sizes), IdmeConfig(grow=False))
optimizer = torch.optim.Adam([ancestor.pool.domain], lr=0.05)
for _ in range(60):
    h, task, _ = problems(128)
    loss = ancestor.pool.domain_loss(h, task)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
instances = []
for kind in range(3):
    one = copy.deepcopy(ancestor)
    one.pool.lazy_expand(2, problems(1, kind)[0][0], source=kind)
    train(one, 120 if fast else 360, kind)
    one(problems(200, kind)[0])
    instances.append(one)

# %% [markdown]
# A block that several pools share becomes their mean, weighted by efficiency: who has used it, has
# a say. A block that only one of them has is taken over as it is.
#
# **Exercise idme.3.** Write that mean.


# %% tags=["exercise"]
def merged(weights, earned):
    """The mean of n versions of one weight, by efficiency.

    Below 0 counts as 0; if no efficiency is above 0, all versions count alike.
    weights: [n, N]; earned: [n]. Returns [N].
    """
    todo()


merged = exercise("idme.3").check(merged)

# %%
pools = [one.pool for one in instances]
union = merge(pools)
assert len(union) == blocks + 3 * 2 and [len(pool) for pool in pools] == [blocks + 2] * 3
for i in range(blocks):  # the common ones, which stand first in all of them
    earned = torch.stack([pool.efficiency[i] for pool in pools])
    expected = merged(torch.stack([pool.up[i].flatten() for pool in pools]), earned)
    assert torch.allclose(union.up[i].flatten(), expected, atol=1e-6)
earned = pd.DataFrame({types[k]: pools[k].efficiency[:blocks].tolist() for k in range(3)})
shares = [earned.iloc[k::3, k].sum() / earned.iloc[:, k].sum() for k in range(3)]  # dealt in turn
assert sum(shares) / 3 > 0.5
print("efficiency on blocks of the own type:", ", ".join(f"{share:.0%}" for share in shares))
earned.index = [f"{i} ({types[i % 3]})" for i in range(blocks)]
earned.round(1)

# %% [markdown]
# Each instance has mostly used the blocks of its own type. So the weighted mean is nearly a choice,
# while a plain mean would stir three different blocks into one. A pool has no value head, though.
# The judges stay at home, and each knows one type only. So the merged pool gets a new one, trained
# on 150 small batches of all types while the blocks stay as they are; and so does the plain mean.


# %%
def with_new_head(pool):
    """An IDME of this pool whose value head alone has been trained, on all types."""
    made = IDME(pool, IdmeConfig(grow=False))
    optimizer = torch.optim.Adam(made.value_head.parameters(), lr=0.02)
    for _ in range(150):
        h, _, answer = problems(64)
        with torch.no_grad():
            states = made.unroll(h, 2, k=3).states
        loss = made.value_loss(states, is_right(states, answer[:, None])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return made


# %%
plain = copy.deepcopy(union)
with torch.no_grad():
    for name, weight in plain.weights().items():
        common = torch.stack([pool.weights()[name][:blocks] for pool in pools])
        weight[:blocks] = common.mean(0)

# %%
exams = [problems(500, kind) for kind in range(3)]
judges = {f"trained on {types[k]} alone": instances[k] for k in range(3)}
judges["three pools, plain mean"] = with_new_head(plain)
judges["three pools, merged"] = with_new_head(union)
rows = {name: [accuracy(one, e) for e in exams] for name, one in judges.items()}
scores = pd.DataFrame(rows, index=types).T.assign(mean=lambda t: t.mean(axis=1))
alone = scores.iloc[:3]
assert min(scores.iloc[k, k] for k in range(3)) > 0.6 and alone["mean"].max() < 0.65
assert scores.loc["three pools, merged", "mean"] > alone["mean"].max() + 0.15
assert scores.loc["three pools, merged", "mean"] > scores.loc["three pools, plain mean", "mean"]
scores.map("{:.1%}".format)

# %% [markdown]
# The merged pool can do all three. It works because the types are told apart by their domains, so
# the instances used different blocks. A block that two of them have used alike becomes a mean
# after all, and that may be worse than either. And the judge had to be trained with examples of
# all types: *blocks* travel without data, here, but the *judgement* does not.
#
# ## Something to turn
#
# Eight thoughts of the merged pool. Choose one and step through its rounds: who is tried, who wins
# by how much, who is barred. Is the first round always the one that gains most? Find a thought with
# a round that nobody wins. (Tab reaches a slider, the arrow keys move it.)

# %%
with_head = judges["three pools, merged"]
idme_rounds(with_head(problems(8)[0], learn=False))

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change a cell and run it. Each answer is a number on your screen.
#
# 1. **One round.** Train with `unroll(h, 1, k=3)`. Is the curve over rounds different? Then make a
#    task that needs two steps: let the rule of one type be applied to the answer of another.
# 2. **No domains.** Leave out `domain_loss`. How many first choices are of the own type now, and
#    does it matter for the answers?
# 3. **A larger bonus.** `PoolConfig(recirculation=1.0)`. After 300 queries, what decides about the
#    candidates: the cosine or the past?
#
# ## Recap
#
# - A mini block costs $3d^2$: 1.77 million numbers at $d = 768$, not 590 K. Rank 16 makes it 51 K.
# - A round: three by cosine, none that was used, the winner must move and gain.
# - The gain of $p$ rewards a block for doing nothing, and it leaves the answers at guessing. The
#   learned value takes the same blocks from a quarter right to about nine in ten.
# - Without unrolled rounds no gradient reaches the pool. With two of them everything learns.
# - Efficiency is a nudge for later queries. New blocks that are copies gain more than random ones,
#   and little once the pool has been spent.
# - The mask bars blocks, not states; a fixed value bars states. Only the cap always ends a thought.
# - Pools can be merged where their instances used different blocks. They carry no judge: it has to
#   be trained on all types once more.
#
# **Source.** `marslab.thinking`: `IDME`, `IdmeConfig`, `MatrixPool`, `PoolConfig`, `MiniBlock`,
# `merge`; what a query knows while its rounds go on is in `marslab.thinking.idme_query`.
#
# **Papers.**
# - Fernando et al. 2017, [PathNet](https://arxiv.org/abs/1701.08734): modules that compete for a
#   place on the path.
# - Rosenbaum, Klinger & Riemer 2018, [Routing networks](https://arxiv.org/abs/1711.01239): which
#   block next, chosen step by step.
# - Bengio, Léonard & Courville 2013, [Estimating or propagating gradients through stochastic
#   neurons](https://arxiv.org/abs/1308.3432): straight through a choice.
# - McMahan et al. 2017, [Communication-efficient learning of deep networks from decentralized
#   data](https://arxiv.org/abs/1602.05629): the plain mean of instances, and when it works.
# - Gao, Schulman & Hilton 2023, [Scaling laws for reward model
#   overoptimization](https://arxiv.org/abs/2210.10760): a judge that is asked too often.
#
# **Next.** [36_loop_detection](36_loop_detection.ipynb): how the detector sees that a thought goes
# in circles.
