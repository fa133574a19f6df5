# %% [markdown]
# # What a study found
#
# `marslab ablate` ran this notebook on the results of one study. It reads what was stored and
# computes nothing anew: run it again when more runs have ended.

# %% tags=["parameters"]
folder = ""  # of the study: studies/NAME in MARSLAB_HOME
dark = False  # True: figures for a dark JupyterLab

# %%
from html import escape
from textwrap import indent

import pandas as pd
import plotly.io as pio
from IPython.display import Markdown

from marslab.lab.ablation import Results, again, numbers, words
from marslab.widgets import study_figures
from marslab.widgets.figures import CONFIG

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
results = Results.load(folder)
metric = results.metric


def told(heading, sentences):
    """A heading and a list; what a study's author wrote is shown as it stands."""
    lines = "\n".join(f"- {escape(each)}" for each in sentences)
    return Markdown(f"## {escape(heading)}\n\n{lines or 'Nothing to say.'}")


# %%
told(results.study.title or results.study.study, [words.outcome(results, metric)])

# %%
told("In words", [sentence for _, sentence in words.answers(results, metric)])

# %% [markdown]
# ## The effect of each change
#
# The best variant stands on top. A large mark is the mean over the seeds, the bar its 95 %
# interval, the small dots are the single runs. The dashed line is the baseline. A filled mark is
# clearly better or worse: the interval of the difference, seed by seed, leaves out 0.

# %%
study_figures.effects(results, metric, dark=dark)

# %% [markdown]
# ## While it learned
#
# A line is the mean over the seeds, the band spans all of them.

# %%
if study_figures.has_curves(results):
    shown = study_figures.curves(results, dark=dark)
else:
    shown = Markdown("This task has no epochs, so there is no curve.")
shown

# %% [markdown]
# ## As numbers

# %%
pd.DataFrame(numbers.rows(results, metric)).set_index("variant")

# %%
told("What could be wrong", words.shortfall(results) + words.cautions(results))

# %%
told("Failed runs", [words.failure(run) for run in results.failed] or ["None."])

# %%
file = indent(again.as_yaml(results.study), "    ")
Markdown(
    f"## Run it again\n\n    {again.command(results.study)} --fresh\n\n"
    f"The study as a file:\n\n{file}"
)

# %%
told("Conditions", [f"{name}: {value}" for name, value in words.conditions(results).items()])
