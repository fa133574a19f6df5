# %% [markdown]
# # Going in circles: finding loops in thought
#
# A model that may think as long as it likes can also think the same thing again and again. TARS
# has a detector for that. It lays the last six states out as a matrix, takes its singular values,
# and raises an alarm when a ratio of two of them is small. This notebook builds that detector,
# finds that its rule is upside down, that the right way up it sees the wrong thing, and that no
# rule on these values can do better. Then it builds one that looks at the states themselves.
#
# **You will learn**
# - what a Hankel matrix is, and what its singular values tell;
# - why the printed alarm stays silent when a thought stands still;
# - why a cycle and a thought that arrives can look alike in the values;
# - three plain questions that find stagnation, cycles and rotations, and what each one misses;
# - what to do when a loop has been found.
#
# **Time** about 30 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: ten times as many thoughts in the counts
seed = 0
device = "cpu"
dark = False  # True: figures for a dark JupyterLab
width = 24  # D, numbers in a state
window = 6  # steps that are looked at, so 7 states

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
from marslab.lab.course import exercise, todo
from marslab.thinking import LoopDetector, printed_rule, relative_step, spectrum
from marslab.thinking import loops as library
from marslab.widgets.explorers import turning_thought
from marslab.widgets.figures import CONFIG, curves, singular_values, thought_paths

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
count = 1000 if fast else 10_000  # thoughts of each kind
time = torch.arange(window + 1, dtype=torch.float64)
detector = LoopDetector(window=window)


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## A picture first: six thoughts
#
# Each thought is seven states of 24 numbers. Below, each is seen along the two directions in which
# it moves most. Dark is early, bright is late. Three of them are loops. Which?


# %%
def random(*shape):
    """Normal numbers in float64."""
    return torch.randn(*shape, dtype=torch.float64)


# %%
def around(place, size=1.0):
    """States at a distance from 0, as hidden states are."""
    return size * random(width) + place


def cycle(period, size=1.0):
    """The same `period` states over and over."""
    return around(random(period, width)[time.long() % period], size)


def turning(angle, shrink=1.0, size=1.0):
    """A turn by `angle` radians a step, in a plane, each step `shrink` times the one before."""
    radius, plane = 2 * shrink**time, torch.linalg.qr(random(width, 2)).Q.T
    flat = torch.stack([radius * (angle * time).cos(), radius * (angle * time).sin()], 1)
    return around(flat @ plane, size)


def arriving(q, size=1.0):
    """A thought that converges, each step q times the one before."""
    return around(q ** time[:, None] * random(width), size)


# %%
drifting = around(0.3 * time[:, None] * random(width))
thoughts = {
    "there and back": cycle(2),
    "three in turn": cycle(3),
    "a slow rotation": turning(0.3),
    "a spiral inwards": turning(0.7, shrink=0.75),
    "arriving": arriving(0.6),
    "drifting on": drifting,
}
thought_paths(thoughts, title="Six thoughts of seven states", dark=dark, height=520)

# %% [markdown]
# The upper row loops. The slow rotation needs 21 steps for a round, so within the window it never
# comes back; it turns all the same. The lower row gets somewhere: two arrive, one moves on.
#
# ## The idea: a matrix of windows
#
# Write the states one below the other in a column, the next window beside it, and so on. That is
# a **Hankel matrix**: each state stands on a diagonal that rises to the right. If few patterns
# explain all windows, its rank is small, and the singular values say how small.
#
# The design takes the last six states and says no more (T4). With vectors one must choose how many
# stand in a column. The library takes 3, so six states of $D$ numbers make a $[3D, 4]$ matrix.
#
# **Exercise loop.1.** Write the matrix.


# %% tags=["exercise"]
def hankel(states, rows):
    """Block row i holds the states i, i + 1, ..., one in each column.

    states: [n, D]. Returns [rows * D, n - rows + 1].
    """
    todo()


hankel = exercise("loop.1").check(hankel)

# %%
numbers = torch.arange(1.0, 7.0)[:, None]  # six states of one number each
print(hankel(numbers, 3))
last = thoughts["three in turn"][-window:]
by_hand = torch.linalg.svdvals(hankel(last - last.mean(0), 3))
assert torch.allclose(by_hand, spectrum(last[None])[0], atol=1e-9)
source(spectrum)

# %% [markdown]
# The library takes the mean of the states away first. Where a thought *is* has nothing to do with
# whether it turns. The printed form keeps the mean, as we shall see.
#
# Here are the values of the six thoughts, each relative to its largest.

# %%
seen = {name: spectrum(states[None, -window:])[0] for name, states in thoughts.items()}
shares = pd.DataFrame({name: (v / v[0]).tolist() for name, v in seen.items()}).T
assert (shares.loc["there and back"][1:] < 1e-9).all()
assert shares.loc["three in turn", 1] > 0.1 and (shares.loc["three in turn"][2:] < 1e-9).all()
title = "Singular values of the centred Hankel matrix"
singular_values(seen, title=title, dark=dark)

# %% [markdown]
# A cycle of period $d$ has rank $d - 1$ around its mean: one value for *there and back*, two for
# *three in turn*. That much is true. Now look at *arriving* and *drifting on*.

# %%
pair = shares.loc[["arriving", "drifting on", "a slow rotation", "a spiral inwards"]]
assert abs(pair[1]["arriving"] - pair[1]["drifting on"]) < 0.04
assert abs(pair[1]["a slow rotation"] - pair[1]["drifting on"]) < 0.04
pair.set_axis([f"value {i}" for i in range(1, 5)], axis=1).round(3)

# %% [markdown]
# Rank two as well, just like *three in turn*, and their second value is 0.70 and 0.73; that of the
# slow rotation is 0.72. A loop, an arrival and a drift, and you cannot tell them apart: the values
# forget in which order things came. **No threshold on them can separate what they do not show.**
#
# ## What goes wrong, 1: the rule is upside down (T2)
#
# The design: *if $\sigma_1 / \sigma_2$ is below a threshold, the rank has collapsed, the system
# goes in circles.* But $\sigma_1$ is the largest, so the ratio is never below 1, and when the rank
# collapses $\sigma_2$ goes to 0 and the ratio to infinity. Here is the printed rule, with a
# threshold of 2 (none is printed), beside its inversion, $\sigma_2 / \sigma_1 < 0.1$.

# %%
source(printed_rule)

# %%
zoo = {
    "standing still": around(torch.zeros(window + 1, width, dtype=torch.float64)),
    **thoughts,
    "there and back, around 0": cycle(2, size=0.0),
    "a rotation around 0": turning(1.0, size=0.0),
    "arriving, far from 0": arriving(0.6, size=5.0),
    "noise around 0": random(window + 1, width),
    "noise far from 0": 9 + random(window + 1, width),
}
loops = {name for name in zoo if name.startswith(("standing", "there", "three", "a slow", "a rot"))}
rows = {}
for name, states in zoo.items():
    alarm, ratio = printed_rule(states[-window:])
    rows[name] = [name in loops, ratio, alarm, 1 / ratio < 0.1]
columns = ["a loop?", "σ1/σ2", "printed: below 2", "inverted: σ2/σ1 below 0.1"]
rules = pd.DataFrame(rows, index=columns).T
assert not rules.loc["standing still", columns[2]] and rules.loc["noise around 0", columns[2]]
rules

# %% [markdown]
# The thought that stands perfectly still, the very collapse the rule is meant for, has an infinite
# ratio and raises no alarm. Noise that has nothing in common from one state to the next raises one.

# %%
noise = random(300, window, width)
alarms = sum(printed_rule(states)[0] for states in noise) / len(noise)
found = detector.check(random(300, window + 1, width)).found.double().mean().item()
assert alarms > 0.99 and found == 0
print(f"noise: the printed rule is alarmed by {alarms:.0%}, the repaired detector by {found:.0%}")

# %% [markdown]
# ## What goes wrong, 2: the right way up it sees something else (T3)
#
# Turn it round, then: collapse is $\sigma_2/\sigma_1 < \varepsilon$. The original code did that.
# It now finds the thought that stands still. But read the last column above once more:

# %%
inverted = rules[columns[3]].astype(bool)
assert inverted["standing still"] and not inverted["there and back, around 0"]
assert not inverted["a rotation around 0"]
assert inverted["arriving, far from 0"] and inverted["noise far from 0"]
late = around(0.6 ** (time[:, None] + window) * random(width))
far, later = (1 / printed_rule(x[-window:])[1] for x in (zoo["arriving, far from 0"], late))
assert far < 0.05 and later < 0.01
print(f"arriving, far from 0: {far:.3f}; arriving, six steps later: {later:.4f}")

# %% [markdown]
# *There and back* around 0 is missed, a rotation around 0 is missed. A thought that converges
# honestly is flagged, and the further it has converged the more. Noise is flagged when its mean is
# large. What the ratio measures is **how large the mean is against what moves**, and a mean is
# where a thought is, not what it does. The next figure moves one and the same cycle away from 0.

# %%
sizes = torch.linspace(0, 10, 41, dtype=torch.float64)
place, kinds = random(width), {"there and back": random(2, width), "noise": random(6, width)}
kinds["there and back"] = kinds["there and back"].repeat(3, 1)
ratios = {
    name: (sizes, [1 / printed_rule(states + size * place)[1] for size in sizes])
    for name, states in kinds.items()
}
assert all(y[0] > 0.1 > y[-1] for _, y in ratios.values())
ratios["alarm below"] = ([0.0, 10.0], [0.1, 0.1])
titles = {"x_title": "distance from 0 (in units of what moves)", "y_title": "σ2 / σ1 (no unit)"}
curves(ratios, title="One cycle, one noise, moved away from 0", **titles, dark=dark)

# %% [markdown]
# Taking the mean away cures that, and then, as the picture of the values showed, nothing is left
# to tell a loop by. So the values are kept for looking, and three questions decide.
#
# ## Three questions
#
# **1. Does it come back?** The last state lies on an earlier one, two or more steps ago. (One step
# ago is standing still, or arriving.) How near is near? The errata of this course first said:
# within $\varepsilon$ of $\|h\|$. Far from 0 that makes everything near:

# %%
rows = {}
for size in (0.0, 1.0, 5.0, 20.0):
    x = arriving(0.6, size)
    gaps = [(x[-1] - x[-1 - lag]).norm() / x[-1].norm() for lag in range(2, window + 1)]
    rows[size] = [min(gaps).item(), detector(x).ratio]
near = pd.DataFrame(rows, index=["relative to h", "relative to the spread"]).T
assert near.loc[20.0].iloc[0] < 0.05 < near.loc[0.0].iloc[0] and near.iloc[:, 1].std() < 1e-6
near.rename_axis("size of the mean").round(3)

# %% [markdown]
# The same honest arrival. At a mean of 20 it seems to have returned, to 3 parts in a thousand of
# its size. Measured against the **spread** of the states in between it misses by 2.4, wherever it
# is. That is what the library does.
#
# **Exercise loop.2.** Write by how much the last state misses the one `lag` steps before.


# %% tags=["exercise"]
def miss(states, lag):
    """The distance from states[-1] to states[-1 - lag], over the spread of the last lag + 1.

    The spread is the root mean square distance of these states from their own mean; where it is
    0, return math.inf. states: [n, D]. Returns a number.
    """
    todo()


miss = exercise("loop.2").check(miss)


# %%
def returns(states, near=0.05):
    """The smallest loop that is right: the first lag that is near enough, 0 for none."""
    for lag in range(2, len(states)):
        if miss(states, lag) <= near:
            return lag
    return 0


for name, states in zoo.items():
    loop = detector(states)
    if loop.kind != "stagnation":  # the library asks for that first
        assert returns(states) == (loop.lag if loop.kind == "cycle" else 0), name
cycles = {period: returns(cycle(period)) for period in range(2, 7)}
assert all(period == lag for period, lag in cycles.items())
print("period of the cycle -> lag that was found:", cycles)

# %% [markdown]
# The *first* lag that is near enough, not the best: a cycle of two is one of four and of six, too.
#
# **2. Does it stand still?** All steps are below a thousandth of $\|h\|$. But so are those of a
# thought that has nearly arrived. The difference: its steps still shrink. So the last step must
# also be at least nine tenths of the first one.

# %%
almost = around(1e-4 * 0.6 ** time[:, None] * random(width))
jitter = around(1e-5 * (-1) ** time[:, None] * random(width))
rows = {}
for name, states in {"almost there": almost, "jitter": jitter}.items():
    steps = relative_step(states[:-1], states[1:])
    rows[name] = [steps[0].item(), steps[-1].item(), detector(states).kind]
assert [row[-1] for row in rows.values()] == ["none", "stagnation"]
pd.DataFrame(rows, index=["first step", "last step", "kind"]).T

# %% [markdown]
# **3. Does it turn?** A circle too wide to close within the window is found by its law. On a
# circle each *step* is the one before, turned by the same angle $\theta$. In a plane that means
#
# $$d_{t+1} = a\,d_t + b\,d_{t-1}, \qquad a = 2\cos\theta, \quad b = -1$$
#
# for all numbers of the state at once. On a spiral that shrinks by $s$ a step it is $a =
# 2s\cos\theta$ and $b = -s^2$. So: fit $a$ and $b$; see whether they fit; see whether $b$ is −1.
#
# **Exercise loop.3.** Write the fit.


# %% tags=["exercise"]
def turn(states):
    """The a and b that fit d[t+1] = a d[t] + b d[t-1] best, where d are the steps.

    states: [n, D]. Returns two numbers.
    """
    todo()


turn = exercise("loop.3").check(turn)

# %%
rows = {}
for name in ("a slow rotation", "a spiral inwards", "noise around 0"):
    a, b = turn(zoo[name])
    length = math.sqrt(max(-b, 1e-12))
    angle = math.acos(max(-1.0, min(1.0, a / (2 * length))))
    loop = detector(zoo[name])
    rows[name] = [a, b, length, angle, loop.kind, loop.lag]
columns = ["a", "b", "shrinks by", "angle", "the detector", "period"]
turns = pd.DataFrame(rows, index=columns).T
assert abs(turns.loc["a slow rotation", "angle"] - 0.3) < 1e-6
assert abs(turns.loc["a spiral inwards", "shrinks by"] - 0.75) < 1e-6
assert turns["the detector"].tolist() == ["rotation", "none", "none"]
turns

# %% [markdown]
# The fit gives back the angle of 0.3 and the factor of 0.75 that we put in. For the rotation that
# means a period of $2\pi/0.3 = 21$ steps, found from six. The spiral is let go: it gets somewhere.
# Noise has an $a$ and a $b$ too, but they do not fit; the detector asks for 5 %.
#
# ## The library's detector
#
# The three questions in that order, for a whole batch.

# %%
source(LoopDetector.check)

# %%
source(library._return)

# %%
verdicts = {name: detector(states) for name, states in zoo.items()}
assert {name for name, loop in verdicts.items() if loop.found} == loops
alone = pd.DataFrame(
    {name: [loop.kind, loop.lag, loop.ratio] for name, loop in verdicts.items()},
    index=["kind", "period", "misses by"],
)
alone.T

# %% [markdown]
# ## How good is it?
#
# A thousand thoughts of each kind, with everything drawn at random. First those that are **no**
# loops. How many does each rule flag?


# %%
def drawn(make):
    """A batch of thoughts."""
    return torch.stack([make() for _ in range(count)])


def uniform(low, high):
    """One number."""
    return low + (high - low) * torch.rand(()).item()


innocent = {
    "arriving": drawn(lambda: arriving(uniform(0.05, 0.95))),
    "arriving by turns": drawn(lambda: arriving(-uniform(0.05, 0.9))),
    "spiral inwards": drawn(lambda: turning(uniform(0, 3), uniform(0.5, 0.95))),
    "drift": drawn(lambda: around(0.3 * time[:, None] * random(width))),
    "noise": random(count, window + 1, width),
    "random walk": random(count, window + 1, width).cumsum(1),
}

# %%
rows = {}
for name, batch in innocent.items():
    values = spectrum(batch[:, -window:], centred=False)
    ratio = values[:, 0] / values[:, 1]
    flags = ratio < 2, 1 / ratio < 0.1, detector.check(batch).found
    rows[name] = [flag.double().mean().item() for flag in flags]
columns = ["printed: σ1/σ2 below 2", "inverted", "the detector"]
alarms = pd.DataFrame(rows, index=columns).T
assert alarms["the detector"].max() < 0.01
assert alarms.loc["noise"].iloc[0] > 0.99 and alarms.loc["arriving"].iloc[1] > 0.5
alarms.map("{:.1%}".format)

# %% [markdown]
# Then those that **are** loops, with noise added to every state. The noise is given against the
# spread of a single number of the cycle; the rotation's radius is 2.

# %%
levels = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1)
guilty = {
    "there and back": lambda: cycle(2),
    "three in turn": lambda: cycle(3),
    "six in turn": lambda: cycle(6),
    "turning, 0.3 a step": lambda: turning(0.3),
    "turning, 1.0 a step": lambda: turning(1.0),
    "turning, 0.05 a step": lambda: turning(0.05),
}
rows = {}
for name, make in guilty.items():
    clean = drawn(make)
    noisy = [clean + level * random(*clean.shape) for level in levels]
    rows[name] = [detector.check(x).found.double().mean().item() for x in noisy]
caught = pd.DataFrame(rows, index=pd.Index(levels, name="noise")).T
assert (caught.iloc[:5, 0] == 1).all() and (caught.iloc[:3][0.01] == 1).all()
assert caught.loc["turning, 0.05 a step"].max() == 0 and caught[0.1].max() < 0.05
assert caught.loc["turning, 0.3 a step", 0.01] < 0.05
assert detector(cycle(3) + 0.03 * random(window + 1, width)).found
caught.map("{:.0%}".format)

# %% [markdown]
# The detector is careful: it hardly ever cries wolf, and it pays for that.
#
# - **Cycles** are found with 1 % of noise, partly with 3 %, not with 10 %. (A cycle of three is
#   also a turn by 120 degrees: where the first question gives up, the third one still finds it.)
# - **Slow rotations** need quiet states: at 0.3 radians a step a noise of 0.003 hides them, because
#   the steps are small and their differences smaller.
# - **Below 0.1 radians** a step, and for periods above six that are no circle, it says nothing. Six
#   steps are too few to know.
#
# In a trained model the states are computed without noise, so a true cycle repeats nearly to the
# bit. Whether trained thoughts loop at all is a question about that model. Its traces show the
# verdicts and the values round by round.
#
# ## And then? (T4)
#
# The design gives three answers in three places: stop the thought, reload the pool of blocks, stop
# by force. Here it is one rule: at the first loop the block that closed it is dropped and the
# thought goes on from before; at the second loop it stops. Stopping is always safe, because a limit
# on the number of rounds stands behind it. That limit is the only guarantee that a thought ends.
#
# ## Something to turn
#
# Turn a thought in a plane: the angle of a step, how much each step shrinks, and how far the whole
# thing is from 0. Watch the sentence. Which control moves the printed ratio most? Which verdict of
# the detector does it change? (Tab reaches a slider, the arrow keys move it.)

# %%
turning_thought()

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change a cell and run it. Each answer is a number on your screen.
#
# 1. **A longer window.** With `window = 12` at the top some assertions about six states will speak
#    up. Which cycles does `LoopDetector(window=12)` find that the one of six cannot?
# 2. **A blunter question.** `LoopDetector(near=0.2)`: how much more noise does it bear, and how
#    many innocent thoughts does it flag? Change `detector` and run both tables again.
# 3. **A helix.** Give a rotation a steady drift along a third direction. Does it come back? Does
#    its law have $b = -1$? Is it a loop, do you think?
#
# ## Recap
#
# - The printed rule is inverted: silent at standstill, alarmed by 100 % of plain noise.
# - The right way up, $\sigma_2/\sigma_1$ measures how large the mean is. It flags honest arrivals.
# - Around the mean the values of an arrival, a drift and a slow turn are alike: 0.70 to 0.73.
# - Ask the states: do they return, against their own spread? Do they stand still, and not shrink?
#   Do their steps turn, with $b = -1$?
# - No false alarm worth the name on six kinds of innocent thoughts, at the price of missing loops
#   in noise and turns below 0.1 radians a step.
#
# **Source.** `marslab.thinking`: `LoopDetector`, `spectrum`, `printed_rule`, all in
# `marslab.thinking.loops`.
#
# **Papers.**
# - Golyandina, Nekrutkin & Zhigljavsky 2001, *Analysis of time series structure: SSA and related
#   techniques*: the values of a Hankel matrix, and the recurrences behind them.
# - Eckmann, Kamphorst & Ruelle 1987, [Recurrence plots of dynamical
#   systems](https://doi.org/10.1209/0295-5075/4/9/004): looking for returns directly.
# - Marwan, Romano, Thiel & Kurths 2007, [Recurrence plots for the analysis of complex
#   systems](https://doi.org/10.1016/j.physrep.2006.11.001): what "near" should mean.
#
# **Next.** [37_recursive_refinement](37_recursive_refinement.ipynb): one small net that thinks
# again and again, and when that helps. If you came here first:
# [34_integral_auditor](34_integral_auditor.ipynb) asks when a thought that does settle is finished,
# and [35_idme](35_idme.ipynb) lets thoughts go on, with this detector beside them.
