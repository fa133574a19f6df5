# %% [markdown]
# # The ledger: what was promised, and what was measured
#
# A design is a text full of verbs: it *scales*, it *remembers*, it *is stable*. Each is a promise.
# The **ledger** takes them one by one, says how each is tested here, and writes down what came out.
# A promise that does not hold is printed as plainly as one that does.
#
# **You will learn**
# - how a sentence becomes a claim: a figure, a rule, and a run;
# - to read the ledger, and to see when a verdict is out of date;
# - to measure a claim again, on your machine;
# - to let a notebook carry its own figures.
#
# **Time** about 20 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: measure every claim about decays again, not one
seed = 0
dark = False  # True: figures for a dark JupyterLab

# %%
import ipywidgets
import pandas as pd
import plotly.io as pio

import marslab

# %%
from marslab.lab.claims import claim, record
from marslab.lab.claims.ledger import standings
from marslab.lab.claims.rules import VERDICTS, Bound, Rule, judge
from marslab.lab.claims.running import run_claims
from marslab.lab.claims.schema import claims
from marslab.widgets.explorers import Explorer
from marslab.widgets.figures import CONFIG, verdict_counts
from marslab.widgets.figures.promises import Bounded, against_bounds

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)

# %% [markdown]
# ## The whole ledger, in one picture
#
# Each bar is a design, each piece a verdict. TARS has most of them, for most of it is built. The
# list grows with what is built.

# %%
ledger, problems = standings()
assert not problems
counts = {}
for each in ledger:
    counts.setdefault(each.claim.system, dict.fromkeys(VERDICTS, 0))[each.verdict] += 1
verdict_counts(counts, title="Promises by verdict", dark=dark)

# %%
columns = ["claim", "promise", "verdict", "stale"]
pd.DataFrame(
    [(e.claim.id, e.claim.promise, e.verdict, e.stale) for e in ledger], columns=columns
).style.hide(axis="index")

# %% [markdown]
# The same in a terminal: `marslab claims`. As a page: the dashboard **Claims** of `marslab dash`.
#
# ## From a sentence to a verdict
#
# One design says that clamping the logarithm of decays to $[-50, 0]$ keeps long products stable,
# and that it reads 32,768 tokens. [06_log_space_decay](06_log_space_decay.ipynb) showed what the
# clamp does. As a claim it has four parts: the promise, the test in words, the figures, and a
# **rule** that says which figure counts as kept.

# %%
chosen = claims()["mmrec-clamp"]
print(chosen.promise, "\n")
print(chosen.test, "\n")
print(f"promised {chosen.number}; {', '.join(str(rule) for rule in chosen.rule)}")

# %% [markdown]
# The rule is written before the run, in a file that everyone can read. That matters more than it
# seems: who chooses the bar after the jump can make every jump a success.
#
# Predict the first wrong step. The clamp ends at $-50$, and $\log 0.99 \approx -0.01$.

# %%
names = ["mmrec-clamp"] if fast else [name for name in claims() if name.startswith("mmrec-")]
runs = {run.claim: run for run in run_claims([n for n in names if not claims()[n].cannot])}
run = runs["mmrec-clamp"]
assert not run.error, run.error
print(f"{run.verdict}: {run.says}")
print(f"run {run.id}, {run.seconds:.1f} s, {run.machine}")

# %% [markdown]
# The run was made in a process of its own, and is kept beside the earlier ones, never over them.
# It carries its figures, its machine and its date. Without those there is no verdict: a `Run`
# refuses to be made.
#
# ## The figure beside the bar

# %%
rule = chosen.rule[0]
bars = [
    Bounded(rule.metric, run.figures[rule.metric], (b.sign, b.limit), (p.sign, p.limit))
    for b, p in [(rule.holds, rule.partly)]
]
against_bounds(bars, title="The clamp: first wrong step, and where it had to be", dark=dark)

# %% [markdown]
# ## Turn the bar
#
# A verdict is a measurement *and* a decision. The figure stays; move the bound, and see the verdict
# follow. Where would you have put it, before you knew?

# %%
bound = ipywidgets.IntSlider(value=32768, min=1024, max=40000, step=1024, description="holds >")


def moved(limit):
    """The clamp's figure under a rule of the reader's."""
    mine = Rule(rule.metric, Bound(f"> {limit}"))
    return judge([mine], run.figures)


def draw(limit):
    found = Bounded(rule.metric, run.figures[rule.metric], (">", float(limit)))
    return against_bounds([found], title="Your rule", dark=dark, height=260)


Explorer(draw, lambda limit: f"holds if > {limit:,}: {moved(limit)}", {"limit": bound})

# %% [markdown]
# ## Stale
#
# A figure belongs to the code that gave it. Each run keeps a digest of the files that its claim
# depends on. When one of them changes, or the rule does, the verdict stays in the ledger and is
# marked **stale**, until somebody measures again.

# %%
fresh = next(each for each in standings(["mmrec-clamp"])[0])
assert fresh.run.id == run.id and not fresh.stale, "this run is the newest, and of today's code"
print("depends on:", ", ".join(chosen.code))
print("digest of that code at the run:", run.code[:16])

# %% [markdown]
# ## A notebook that carries its figures
#
# `record(name, value)` stores a figure in the notebook's own outputs; `claim(id, value)` ties it to
# a line of the ledger. Whoever has the executed notebook has the numbers.

# %%
claim("mmrec-clamp", run.figures["first_wrong_step"])
record("seconds of the run", run.seconds)

# %% [markdown]
# With them a notebook becomes an experiment that can be run over a grid. The values come back as
# one table, a row for each point:
#
# ```
# marslab nb run 06 -p seed=0,1,2
# ```
#
# ## Try it
#
# 1. **A promise of your own.** Take a claim from the table. Read its rule before its figure, and
#    say what you would have accepted.
# 2. **Break it.** Change one line of `kernels/linear_scan/naive.py` in a checkout, and run
#    `marslab claims`. Which verdicts are stale now? Change it back.
# 3. **Measure again.** `marslab claims --run` measures all of them. Which figures move on your
#    machine, and which cannot?
#
# ## Recap
#
# - A claim is a promise with a test, figures and a rule, written down before the run.
# - A verdict needs a run, a figure, a machine and a date. It can be out of date, and then says so.
# - "Does not hold" is a result. So is "cannot be tested here", with the reason.
#
# **Source.** `data/claims.yaml` is the list, `marslab.lab.claims` the machine.
#
# **Before.** [70_first_ablation](70_first_ablation.ipynb): how few runs mislead.
# The map of the course is in [00_start](00_start.ipynb).
