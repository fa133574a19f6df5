# %% [markdown]
# # Start here
#
# Five designs claim that something after the Transformer thinks better with less. This course
# builds them, looks inside while they run, breaks them on purpose, and measures what they
# promise. This page is the door: what there is, what your machine can do, and a first taste of
# everything that comes back later.
#
# **You will learn**
# - what all five designs have in common, and how the course is laid out;
# - how to run a recurrence on a text of your own;
# - how to load a trained model and how to look inside it while it works.
#
# **Time** 15 minutes. Everything is on your disk already; nothing is downloaded.
#
# New to notebooks? Click into a cell and press Shift+Enter. It runs, and the next one is chosen.

# %% tags=["parameters"]
fast = True  # False: all mistakes of the model, not just eight
seed = 0
device = "cpu"  # "cuda" if you have a GPU
dark = False  # True: figures for a dark JupyterLab
dashboard = False  # True: show a dashboard in this page, further down
text = "You can read this because you remember how it began. Привет, мир!"

# %%
import math

import pandas as pd
import plotly.express as px
import plotly.io as pio
import torch
from IPython.display import Markdown, display

import marslab
from marslab.kernels import available, linear_scan
from marslab.lab.catalogue import course_table
from marslab.lab.course import progress
from marslab.lab.doctor import report
from marslab.text import ByteTokenizer
from marslab.widgets.explorers import text_memory
from marslab.widgets.figures import CONFIG, scan_lines, state_heatmap, theme

pd.set_option("display.max_colwidth", None)
pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)

# %% [markdown]
# ## One idea under five designs
#
# A Transformer keeps every word that it has read and looks through all of them at each step.
# The five designs keep a **state** of fixed size instead. At each step the state forgets a
# little and takes in a little:
#
# > new state = what is kept of the old state + what comes in
#
# Below, something comes in twice, at step 5 and at step 25. One state keeps half of itself at
# each step, one keeps nine tenths, one keeps almost everything.

# %%
keeps = (0.5, 0.9, 0.98)
incoming = torch.zeros(1, 60, 3)
incoming[:, [5, 25]] = 1.0
kept = torch.tensor(keeps).expand(1, 60, 3)
states = linear_scan(kept, incoming)
names = [f"keeps {a}" for a in keeps]
title = "The same two events in three memories"
scan_lines(states, b=incoming, channels=range(3), labels=names, title=title, dark=dark)

# %% [markdown]
# That is a **recurrence**, and run over a whole sequence it is called a **scan**:
#
# $$h_t = a_t\,h_{t-1} + b_t$$
#
# What the designs disagree about is everything around it.
#
# | design | what it adds to the state |
# |---|---|
# | **TARS v3** | two kinds of recurrence in parallel waves, and as many waves as the task needs |
# | **MARS v4** | memory in vectors of thousands of dimensions, for small devices |
# | **Meta-TRM** | a tiny network that is applied again and again, and that learns how to learn |
# | **CRSM** | a tree search that runs beside the language model and edits its state as it speaks |
# | **MM-Rec** | many memory banks in a hierarchy, for very long contexts |
#
# ## The map of the course
#
# The table comes from the course's own catalogue. It lists what exists today, no more.

# %%
Markdown(course_table().replace("](notebooks/", "]("))

# %% [markdown]
# ## Exercises, and how far you are
#
# The other notebooks ask you for a function now and then. Its place holds `todo()`. Write your
# code there and run the cell: it tells you what is right, and for what is wrong the smallest case
# that shows it, in numbers. Until you solve it the notebook goes on with our answer, so no
# exercise ever stops you. From the second failure on you get a hint; `marslab hint scan.1` in a
# terminal gives one at once.
#
# What you have solved is kept on your disk, and nowhere else:

# %%
progress()

# %% [markdown]
# ## What your machine can do
#
# The same recurrence is written several times: as a plain loop (`naive`), in torch, compiled for
# the processor by numba, compiled for a GPU by Triton. All give the same answer, and you never
# have to choose. If one is missing here, the table says why.

# %%
machine = report()
print(f"Python {machine['python'].split()[0]}, torch {machine['packages']['torch']}")
print(f"{machine['cores']['logical']} cores, {machine['memory']['total_gb']} GB of memory")
print(f"your files are kept in {machine['home']}")
backends = {name: x._asdict() for name, x in available().items()}
pd.DataFrame(backends).T.rename(columns={"ok": "runs here", "reason": "note"})

# %% [markdown]
# `marslab doctor` in a terminal prints all of it.
#
# ## A first scan, on your own text
#
# A model reads numbers. `ByteTokenizer` turns a text into the bytes of its UTF-8 form: one byte
# for a Latin letter, two for a Cyrillic one, three for most Chinese characters. So 256 numbers
# and three special ones are enough for every language. Change `text` in the first code cell and
# come back.

# %%
tokenizer = ByteTokenizer()
ids = tokenizer.encode(text)
assert tokenizer.decode(ids) == text
print(f"{len(text)} characters, {len(ids)} bytes")
pd.DataFrame(
    {"bytes": [tokenizer.encode(c) for c in text[-12:]]}, index=pd.Index(list(text[-12:]))
).T

# %% [markdown]
# Now a memory that reads them: a running average. It keeps the share $a$ of what it has and takes
# $1 - a$ of the new byte. The smallest loop that is right:

# %%
time_constant = 8.0  # steps after which 37 % of a byte is left
a = math.exp(-1 / time_constant)
x = torch.tensor(ids, dtype=torch.float32)
x = x - x.mean()

h, by_loop = 0.0, []
for byte in x.tolist():
    h = a * h + (1 - a) * byte
    by_loop.append(h)

# %% [markdown]
# And the library's. Its inputs are `[B, L, D]`: a batch of sequences, their length, and channels
# that do not know of each other. Here all but the length are 1.

# %%
decays = torch.full((1, len(ids), 1), a, device=device)
by_scan = linear_scan(decays, (1 - a) * x[None, :, None].to(device))

gap = (by_scan[0, :, 0].cpu() - torch.tensor(by_loop)).abs().max()
assert gap < 1e-4 * x.abs().max()
print(f"largest difference between loop and scan: {gap:.1e}, where bytes go up to 255")

# %% [markdown]
# Here is what it remembers. Above: the bytes, and the memory that follows them. Below: how much
# each byte still weighs at the very end. **Move the slider** (or press Tab until it has the
# focus, then use the arrow keys). τ is the time constant: how long this memory is.

# %%
text_memory(text, time_constant)

# %% [markdown]
# ## A first trained model
#
# The course ships models that were really trained, small enough to run anywhere. The first one
# reads a handwritten digit as a sequence: eight rows of eight pixels, top to bottom, with the
# recurrence from above as its only memory. (A second one reads bottom to top.)

# %%
for model_card in marslab.models():
    print(f"{model_card.name}: {model_card.parameters:,} parameters, {model_card.bytes:,} bytes")
    print(f"trained on {model_card.data}")
    print(f"scores {model_card.scores}, licence {model_card.licence}")

# %%
from marslab.tasks import load_digits_sequences

model = marslab.load("digits-recurrence", device=device)
digits = load_digits_sequences()
with torch.no_grad():
    sure = model(digits.test_x.to(device)).softmax(-1).cpu()
said = sure.argmax(-1)
right = (said == digits.test_y).float().mean().item()
assert right > 0.9
print(f"{right:.1%} of {len(said)} digits that it never saw in training")


# %%
def pictures(chosen, title):
    """The digits of these places, with what the model says and how sure it is."""
    images, rows = digits.test_x[chosen], math.ceil(len(chosen) / 8)
    figure = px.imshow(
        images, facet_col=0, facet_col_wrap=8, color_continuous_scale="Greys", facet_row_spacing=0.2
    )
    theme(figure, dark, height=90 + 130 * rows)
    for note in figure.layout.annotations:
        i = chosen[int(note.text.removeprefix("facet_col="))]
        note.text = f"{said[i]} ({sure[i, said[i]]:.0%})"
    figure.update_layout(title_text=title, coloraxis_showscale=False, margin={"t": 70, "b": 10})
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False)


pictures(list(range(8)), "Eight digits, what the model says, and how sure it is")

# %% [markdown]
# The digits that it gets wrong teach more than those that it gets right.

# %%
wrong = (said != digits.test_y).nonzero().flatten().tolist()
shown = wrong[:8] if fast else wrong
true = ", ".join(str(int(digits.test_y[i])) for i in shown)
pictures(shown, f"{len(shown)} of {len(wrong)} mistakes. They should have been {true}")

# %% [markdown]
# ## A first look inside: the trace
#
# While a trace is open, every part of every system reports what it does: an event has a name, a
# step and some fields. While none is open, nothing is kept and nothing is paid. This works for
# the small model here in the same way as for the largest.

# %%
with marslab.trace() as t, torch.no_grad():
    model(digits.test_x[:1].to(device))

t.summary()

# %% [markdown]
# The `kernel` events tell which backend ran. The `scan` events come from the two recurrences,
# with their decays `a` and states `h`. `t.frame(name)` gives the events of one name as a pandas
# table, one row for each event.

# %%
scan = t.frame("scan")
state = scan["h"][0]
title = f"What the model holds while it reads a {int(digits.test_y[0])}, row by row"
state_heatmap(state, title=title, dark=dark)

# %% [markdown]
# Read it from left to right: one column for each row of the picture, one line for each of the 32
# channels. A channel that changes colour at once has a short memory; one that drifts has a long
# one. The model learned which it needs.
#
# A trace is one file: nothing in it is ever executed, so you can send it to a colleague.

# %%
t.save("first.trace")
again = marslab.Trace.load("first.trace")
assert again.summary().equals(t.summary())
assert (again.frame("scan")["h"][0] == state).all()
again

# %% [markdown]
# ## What goes wrong, and what you are told
#
# Mistakes are part of a course. When you make one, the library answers in one sentence: what was
# wrong, what it expected, what to do.


# %%
def told(call):
    """What the library says to a mistake."""
    try:
        call()
    except (TypeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}\n")
        return
    raise AssertionError("that was no mistake")


told(lambda: marslab.load("digit-recurrence"))
told(lambda: marslab.build("digits-recurrence", {"recurrence.d_sate": 16}))
told(lambda: linear_scan(torch.ones(1, 4, 2), torch.ones(1, 5, 2)))
told(lambda: linear_scan(torch.ones(1, 4, 2), torch.ones(1, 4, 2), backend="abacus"))

# %% [markdown]
# One trap gives no error. Bytes are not characters: cut a text in the middle of one and half of
# it is left. The tokenizer shows the loss as �, it does not hide it.

# %%
half = tokenizer.decode(tokenizer.encode("мир")[:-1])
assert half == "ми\N{REPLACEMENT CHARACTER}"
half

# %% [markdown]
# ## Dashboards
#
# A notebook explains. A dashboard lets you play. In a terminal:
#
# ```
# marslab dash          # all of them, with an index page
# marslab dash scans    # this one at once
# ```
#
# JupyterLab, if you started it with `make lab` or `marslab lab`, has a tile for it in the
# launcher. And each dashboard is an object that shows itself in a notebook: set `dashboard = True`
# in the first code cell, or here, and run this cell.

# %%
if dashboard:
    import panel

    from marslab.widgets.views import Scans

    panel.extension("plotly", inline=True)  # its scripts come from your disk
    display(Scans(L=64))

# %% [markdown]
# ## Try it
#
# Predict first, then run. The answer is a number on your screen.
#
# 1. **Bytes.** How many bytes has your name? And with every letter in Cyrillic or Greek? Put it
#    into `text`, run the cell that counts.
# 2. **Memory.** Make `text` 20 Latin letters long. At which τ does the first byte still weigh half
#    as much as the last? Theory says $\tau = (L - 1)/\ln 2$ for $L$ bytes. The slider ends at 64:
#    up to which length can it do that?
# 3. **Another digit.** In the trace cell replace `[:1]` by `[3:4]`. Does the heat map of another
#    digit look different? In which rows?
# 4. **A slower backend.** Put `marslab.kernels.use("naive")` beside `marslab.trace()` in the same
#    `with`. What do the `kernel` events say now? Does any logit change?
#
# ## Recap
#
# - A state forgets a little and takes in a little: $h_t = a_t h_{t-1} + b_t$. That is a scan.
# - `marslab.load(name)` gives a trained model; `marslab.trace()` shows what happens inside.
# - Every claim in a notebook is asserted in the cell beside it. If this page ran to the end, what
#   it says is true on your machine.
#
# **Source.** `marslab.kernels.linear_scan`, `marslab.text.ByteTokenizer`, `marslab.trace` in
# `marslab.tracing`, `marslab.load` in `marslab.systems.registry`.
#
# **Papers.** Where recurrences like this one became language models: Gu & Dao 2023,
# [Mamba](https://arxiv.org/abs/2312.00752); Peng et al. 2025,
# [RWKV-7 "Goose"](https://arxiv.org/abs/2503.14456). Where recursion became reasoning:
# Jolicoeur-Martineau 2025, [Less is more](https://arxiv.org/abs/2510.04871).
#
# **Next.** [From loop to scan](01_from_loop_to_scan.ipynb): one line of arithmetic, from a plain
# loop to a GPU kernel, with its gradient and its limits.
