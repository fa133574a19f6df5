# %% [markdown]
# # Your first ablation
#
# A design lists its parts and says that each of them helps. An **ablation** asks: take one part
# away, train again, and see what is lost. It sounds simple. The hard half is to know when a
# difference is one.
#
# **You will learn**
# - to switch a part of a model off, and train both, in one line;
# - to read the answer: means, seeds, pairs, intervals;
# - how often three seeds cry wolf, measured;
# - to ask many questions at once, to stop and go on, and to spread the work over machines.
#
# **Time** about 30 minutes. The cells train small models for about half a minute. Nothing is
# downloaded.

# %% tags=["parameters"]
fast = True  # False: as many epochs as the shipped model had, and more seeds
seed = 0
dark = False  # True: figures for a dark JupyterLab

# %%
import tempfile

import ipywidgets
import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

# %%
from marslab.lab import ablate
from marslab.lab.ablation.statistics import difference, interval
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, ablation_effects, colour, learning_curves, theme

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
budget = {"epochs": 4 if fast else 12}
seeds = 3 if fast else 5
place = tempfile.TemporaryDirectory()  # leave `home=` out below, and results stay in MARSLAB_HOME
rng = np.random.default_rng(seed)

# %% [markdown]
# ## One line
#
# `digits-scan` reads a handwritten digit row by row through a selective state space. Its setting
# `ssm.enabled` switches the scan off; then each row passes by and only a short convolution, three
# rows wide, remembers anything. The first value of a setting is the **baseline**.
#
# Before you run it: how many of ten digits will the model without memory still get right?

# %%
parts = {"ssm.enabled": [True, False]}
found = ablate("digits-scan", parts, seeds=seeds, budget=budget, home=place.name)
table = found.summary()
table[["variant", "runs", "mean", "low", "high", "difference", "verdict"]].round(3)

# %%
scores = {}
for run in found.runs:
    scores.setdefault(run.variant, []).append(run.metrics["held_out"])
look = {"score": "held-out accuracy (share)", "dark": dark}
ablation_effects(
    table, scores, title="A reader of digits, with and without its scan", height=300, **look
)

# %%
without = table.set_index("variant").loc["ssm.enabled=false"]
assert len(found.runs) == 2 * seeds and not found.failed
assert without["difference"] < 0, "the scan helps"
lost = -without["difference"]
print(f"without the scan {without['mean']:.1%}: {lost:.1%} of all digits lost")

# %% [markdown]
# It loses, and it does not collapse: a window of three rows, passed on through one block, tells a
# good part of a digit. An ablation of one part measures what *the others cannot make up for*.
#
# The same in a terminal, with a page at the end that needs no code to be read:
#
# ```
# marslab ablate digits-scan --off ssm.enabled
# ```
#
# ## Seeds, and why they come in pairs
#
# A **seed** decides the first weights and the order of the examples. Two trainings that differ in
# nothing else end at different scores. So each variant is trained from the same few seeds, and the
# difference is taken seed by seed: what a lucky start gives to both falls out.

# %%
runs = {}
for run in found.runs:
    runs.setdefault(run.variant, []).append(run.curve)
learning_curves(
    runs, title="How each variant learned; the band is from the least to the largest seed", **look
)

# %%
by_seed = found.frame().pivot(index="seed", columns="variant", values="held_out")
by_seed["difference"] = by_seed["ssm.enabled=false"] - by_seed["baseline"]
by_seed.round(3)

# %% [markdown]
# ## How often do few seeds cry wolf?
#
# Suppose a part does *nothing*. The differences are then noise around zero. We draw such noise many
# times and count how often an interval says that zero is out. An honest 95 % interval does so in 5
# of 100 cases.
#
# Two kinds of interval try. The **bootstrap** draws the seeds again and again, with repetition, and
# looks at how the mean moves. **Student's t** assumes that the noise is bell-shaped and pays for
# every seed that is missing. Predict which one fails with three seeds.


# %%
def false_alarms(kind, n, tries):
    """The share of cases in which an interval of pure noise leaves out 0."""
    noise = rng.standard_normal((tries, n))
    ends = [kind(dict(enumerate(row))) for row in noise.tolist()]
    return sum(end.low > 0 or end.high < 0 for end in ends) / tries


def bootstrap(pairs):
    return interval(list(pairs.values()))


def student(pairs):
    return difference(pairs, dict.fromkeys(pairs, 0.0))


# %%
counts, tries = (3, 5, 10), 200 if fast else 2000
alarms = {kind: [false_alarms(kind, n, tries) for n in counts] for kind in (bootstrap, student)}
assert alarms[bootstrap][0] > 0.15 and max(alarms[student]) < 0.12
figure = go.Figure(
    [
        go.Bar(x=[f"{n} seeds" for n in counts], y=y, name=kind.__name__)
        for kind, y in alarms.items()
    ]
)
figure.data[0].marker.color, figure.data[1].marker.color = colour("torch"), colour("numba")
figure.add_hline(y=0.05, line={"dash": "dash", "color": colour("floor")})
theme(figure, dark, 320)
figure.update_layout(title_text="A part that does nothing, found guilty")
figure.update_yaxes(title_text="share of cases", tickformat=".0%")

# %% [markdown]
# With three seeds the bootstrap calls nothing something in about one case of four. That is no bug:
# three numbers of one sign are all it can see. So marslab gives **means** a bootstrap interval,
# which only describes the runs that there are, and **differences** the one of Student, which is
# what a verdict rests on. It is wide with few seeds. More seeds are the cure, not another formula.
#
# Turn the number of seeds. The effect is the same, the noise too; watch from where on zero is out.

# %%
drawn = {i: 0.02 + 0.02 * x for i, x in enumerate(np.random.default_rng(7).standard_normal(12))}


def told(seeds, points):
    chosen = {i: drawn[i] - 0.02 + points / 100 for i in range(seeds)}
    return chosen, difference(chosen, dict.fromkeys(chosen, 0.0))


# %%
def draw(seeds, points):
    chosen, end = told(seeds, points)
    dots = go.Scatter(x=list(chosen.values()), y=[0.3] * seeds, mode="markers", name="a seed")
    reach = go.Scatter(x=[end.low, end.mean, end.high], y=[0, 0, 0], name="mean and interval")
    figure = theme(go.Figure([dots, reach]), dark, 260)
    figure.add_vline(x=0, line={"dash": "dash", "color": colour("floor")})
    figure.update_yaxes(visible=False, range=[-0.5, 0.8])
    return figure.update_xaxes(title_text="difference (share)", range=[-0.12, 0.16])


def tell(seeds, points):
    end = told(seeds, points)[1]
    says = "zero is out" if end.low > 0 else "no difference seen"
    return f"{seeds} seeds: {end.mean:+.3f}, from {end.low:+.3f} to {end.high:+.3f}: {says}"


turned = {
    "seeds": ipywidgets.IntSlider(value=3, min=2, max=12, description="seeds"),
    "points": ipywidgets.FloatSlider(value=2, min=0, max=8, description="points"),
}
Explorer(draw, tell, turned)

# %% [markdown]
# ## Many questions at once
#
# A **study** has a grid: settings by their dotted names, each with its values. In mode `each` one
# setting at a time leaves the baseline. In mode `product` every combination is run, which grows
# fast. The runs of the first question are there already, so only the new ones are trained: a run
# is known by everything that decides it, and a study that was interrupted goes on where it stood.

# %%
wider = {"ssm.enabled": [True, False], "ssm.op": ["selective_scan", "min_gru", "linear_scan"]}
more = ablate("digits-scan", wider, seeds=2, budget=budget, home=place.name)
again = ablate("digits-scan", wider, seeds=2, budget=budget, home=place.name)
assert [r.date for r in again.runs] == [r.date for r in more.runs], "nothing was trained twice"
more.summary()[["variant", "runs", "mean", "difference", "verdict"]].round(3)

# %% [markdown]
# `ssm.op` puts another recurrence into the same block: `marslab.layers.MinGRU`, whose gate looks at
# the input alone, or `FixedDecay`, which looks at nothing. (`DualSSM` is the fourth, Mamba-2's.)
# Two seeds, and the verdicts are as careful as they should be. The studies that ship with marslab
# are files like this one; `marslab ablate NAME` runs them.
#
# ```yaml
# study: digits-scan-ops
# preset: digits-scan
# task: digits
# seeds: [0, 1, 2]
# mode: each
# grid:
#   ssm.op: [selective_scan, ssd, min_gru, linear_scan]
# ```
#
# ## Scaling out
#
# On one machine the runs are shared among its cores. With a Dask cluster the same call takes one
# word more: `ablate(..., dask=2)` makes a small cluster here, `ablate(..., scheduler="tcp://...")`
# uses one that is there. The numbers are the same to the last bit, because a run depends on its
# settings and its seed alone, and never on where it ran. The extra `cluster` brings Dask:
# `pip install 'marslab[cluster]'`.
#
# ## Try it
#
# Predict first, then change a cell and run it.
#
# 1. **Nothing left.** Add `"ssm.d_conv": [3, 0]` to `parts` and use `mode="product"`. Which of the
#    four variants cannot know more than the last row?
# 2. **Half the truth.** Set `seeds` to 1. What does the table say now, and what not?
# 3. **A failing run.** Try `budget={"epochs": 4, "lr": 1e9}`. Does the study stop?
#
# ## Recap
#
# - An ablation trains every variant from the same seeds, and compares them seed by seed.
# - What it measures is what the rest of the model cannot make up for, at this size and budget.
# - An interval without its number of seeds says nothing; three seeds see large effects only.
# - "No difference seen" is a result. It is not "there is no difference".
#
# **Source.** `marslab.lab.ablate`; the intervals are in `marslab.lab.ablation.statistics`.
#
# **Papers.**
# - Efron & Tibshirani 1993, An introduction to the bootstrap.
# - Agarwal et al. 2021, [Deep RL at the edge of the statistical
#   precipice](https://arxiv.org/abs/2108.13264): what few runs can and cannot show.
#
# **Before.** [02_selective_ssm](02_selective_ssm.ipynb): the model taken apart here.
#
# **Next.** [71_claims](71_claims.ipynb): what the designs promise, and what was measured.

# %%
place.cleanup()
