# %% [markdown]
# # Fewer weights, a smaller student, and a file that runs elsewhere
#
# A trained network has weights that hardly matter, a size that nobody chose with care, and a home:
# the Python program that trained it. This notebook takes weights away, teaches a smaller network
# with a larger one, and moves the result into a file that runs without Python. Each step has a
# measured price, and an order in which it must come.
#
# **You will learn**
# - to prune one by one and by rows, and what fine-tuning gets back;
# - why zeros make nothing faster, and how rows that are zero can really be taken out;
# - in which order to prune, fine-tune, round and convert, and what the other orders lose;
# - what a temperature does to a teacher, and when a teacher helps at all;
# - to export with `torch.export` to ONNX, and what a trace would have frozen.
#
# **Time** about 40 minutes. The cells themselves need less than half a minute. Nothing is
# downloaded.

# %% tags=["parameters"]
fast = True  # False: more shares, more seeds, longer training
seed = 0
device = "cpu"  # what is measured here is meant for small devices
dark = False  # True: figures for a dark JupyterLab

# %%
import copy
import inspect
import io
import logging
import tempfile
import warnings
import zlib
from contextlib import redirect_stderr
from pathlib import Path
from statistics import mean, median
from textwrap import dedent

import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown
from safetensors.torch import load, save
from torch import nn
from torch.nn import functional as F

# %%
import marslab
from marslab.compress import Int8Linear
from marslab.compress.distilling import taught_by
from marslab.compress.edge_extra import edge_module
from marslab.compress.executorch_file import MissingExecutorch, to_executorch
from marslab.compress.lowering import lowered
from marslab.compress.onnx_file import OnnxModel, to_onnx
from marslab.compress.pruning import Masked, make_permanent, prune, zeros
from marslab.compress.pt2e import convert, prepare_qat
from marslab.errors import MissingExtra

# %%
from marslab.lab.claims import claim, record
from marslab.lab.claims.measuring import judged
from marslab.lab.claims.runs import mars_edge
from marslab.lab.claims.schema import claims
from marslab.lab.course import exercise, todo
from marslab.lab.edge import EdgePlan, EdgeRow, EdgeTable, shipped_table
from marslab.lab.edge.measure import latencies
from marslab.learning.fit import accuracy, fit
from marslab.learning.losses import distillation
from marslab.tasks import load_digits_sequences
from marslab.widgets.explorers import softened_targets
from marslab.widgets.figures import CONFIG, cost_against_score, curves, matrix_heatmap

# %%
pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
split = load_digits_sequences()
epochs, again, seeds = (12, 5, 3) if fast else (30, 15, 10)
printed = fast and seed == 0  # the text below speaks of these
LAST = ("5",)  # the layer that reads out stays whole


def source(thing):
    """Show the source of something in the library, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(thing))}```")


def right(model):
    """The share of the 360 held-out digits that a model reads right."""
    return accuracy(model, split.test_x, split.test_y)


# %% [markdown]
# ## A picture first: one by one, or row by row
#
# A small network reads handwritten digits: 64 pixels, two hidden layers of 64, ten answers. Here
# is its middle layer when half of the weights are gone. First the smallest ones, wherever they are
# (*unstructured*); then the 32 rows of smallest norm (*structured*). White is zero.


# %%
def reader(width=64):
    """An untrained network that reads digits."""
    inner = [nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *inner, nn.Linear(width, 10))


net = reader()
_ = fit(net, split, epochs=epochs, lr=4e-3, seed=seed)
whole_right = right(net.eval())
assert whole_right > 0.9
scattered = prune(copy.deepcopy(net), 0.5, skip=LAST)
by_rows = prune(copy.deepcopy(net), 0.5, structured=True, skip=LAST)
assert zeros(scattered, LAST) == zeros(by_rows, LAST) == 0.5
print(f"whole {whole_right:.1%}, one by one {right(scattered):.1%}, by rows {right(by_rows):.1%}")
axes = {"rows": "output (index)", "columns": "input (index)", "dark": dark, "height": 380}
matrix_heatmap(scattered[3].weight.detach(), title="Half gone, one by one", **axes)

# %%
matrix_heatmap(by_rows[3].weight.detach(), title="Half gone, row by row", **axes)

# %% [markdown]
# Half of the weights gone one by one, and the network hardly notices. Half of the rows gone, and
# it does: with a row goes a hidden unit, useful weights and all.
#
# ## Which ones go
#
# The smallest of *all* matrices together: a layer whose weights are all large keeps them.
#
# **Exercise edge.3.** Write the masks for two matrices.


# %% tags=["exercise"]
def masks(first, second, share):
    """1 where a weight stays and 0 where it goes: the smallest of both matrices together go.

    int(share * count) of them go. first, second: [N, K] each; returns two masks of their shapes
    """
    todo()


masks = exercise("edge.3").check(masks)

# %%
two = (net[1].weight.detach(), net[3].weight.detach())
for share in (0.3, 0.5, 0.9):
    pruned = prune(copy.deepcopy(net), share, skip=LAST)
    for mask, weight, layer in zip(masks(*two, share), two, pruned[1:4:2], strict=True):
        assert torch.equal(mask * weight, layer.weight)
left = [round(mask.mean().item(), 2) for mask in masks(*two, 0.5)]
print("of the two matrices stays, at a share of 0.5:", left)

# %% [markdown]
# In the library the mask stays in place as part of the layer. Whatever the optimizer does, what is
# behind a zero is never seen again:

# %%
source(Masked)

# %% [markdown]
# So the network can be trained on with its gaps, *fine-tuned*. How far can you go?

# %%
shares = (0.5, 0.8, 0.9, 0.95) if fast else (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
rows = []
for share in shares:
    for kind, structured in (("one by one", False), ("by rows", True)):
        pruned = prune(copy.deepcopy(net), share, structured=structured, skip=LAST)
        at_once = right(pruned)
        fit(pruned, split, epochs=again, lr=2e-3, seed=seed)
        rows.append((kind, share, at_once, right(pruned)))
columns = ["kind", "share", "at once", "fine-tuned"]
gone = pd.DataFrame(rows, columns=columns).set_index(["kind", "share"])
lines = {
    f"{kind}, {column}": (shares, 100 * gone.loc[kind, column])
    for kind in ("by rows", "one by one")
    for column in columns[2:]
}
titles = {"x_title": "weights that are zero (share)", "y_title": "digits right (%)"}
curves(lines, title="What is left when weights go", **titles, dark=dark)

# %%
alone, together = gone.loc["one by one"], gone.loc["by rows"]
assert (gone["fine-tuned"] > gone["at once"] - 0.01).all()
assert (alone["at once"].loc[0.5:0.95] > together["at once"].loc[0.5:0.95]).all()
assert alone.loc[0.8, "fine-tuned"] > whole_right - 0.03
assert together.loc[0.9, "fine-tuned"] < alone.loc[0.9, "fine-tuned"]
gone.map("{:.1%}".format)

# %% [markdown]
# Single weights: four of five may go, and a few epochs bring back nearly all. Rows: half may go.
# Without fine-tuning neither figure is worth much. So why would anybody prune by rows?
#
# ## What goes wrong, 1: zeros are numbers
#
# A product with a zero is a product. Nobody told the processor of a gap. Three layers of 1,024
# inputs: whole, with nine of ten weights zero, and one in which nine of ten *rows* are really gone.
# They are called in turns, on one example, and the medians compared.

# %%
wide = nn.Linear(1024, 1024)
empty = make_permanent(prune(nn.Sequential(copy.deepcopy(wide)), 0.9))
short = nn.Linear(1024, 103)
calls = {"whole": wide, "nine of ten zero": empty, "nine of ten rows out": short}
taken = latencies(calls, torch.randn(32, 1024), 200)
times = {name: median(taken["whole"]) / median(taken[name]) for name in calls}
record("times as fast with nine of ten weights zero", times["nine of ten zero"])


def file_of(model):
    """A model's weights as the bytes of a safetensors file."""
    return save(dict(model.state_dict()))


sizes = {name: len(file_of(model)) for name, model in calls.items()}
packed = {name: len(zlib.compress(file_of(model))) for name, model in calls.items()}
assert abs(sizes["nine of ten zero"] / sizes["whole"] - 1) < 0.01
assert packed["nine of ten zero"] < 0.35 * packed["whole"]
table = pd.DataFrame({"times as fast": times, "file (bytes)": sizes, "packed (bytes)": packed})
table.map(lambda x: f"{x:,.0f}" if x > 100 else f"{x:.2f}")

# %% [markdown]
# Zeros save *packed* bytes: a download. They save no time and no memory, unless the format, the
# kernel and the chip know of gaps (some GPUs know one pattern: two of every four). Rows that are
# gone save both everywhere. But they must be *taken out*. A masked row still has its bias: the
# hidden unit says $\mathrm{relu}(b)$, always the same, so it can be added to the next bias once.


# %%
def without_rows(net):
    """The same function with the masked units of both hidden layers taken out."""
    first, second, last = (copy.deepcopy(net[at]) for at in (1, 3, 5))
    for layer, after in ((first, second), (second, last)):
        stays = layer.weight.detach().abs().sum(1) > 0
        always = F.relu(layer.bias.detach()) * ~stays
        after.bias = nn.Parameter(after.bias.detach() + after.weight.detach() @ always)
        for name in ("weight", "bias"):
            setattr(layer, name, nn.Parameter(getattr(layer, name).detach()[stays]))
        after.weight = nn.Parameter(after.weight.detach()[:, stays])
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)


fit(by_rows, split, epochs=again, lr=2e-3, seed=seed)
masked = make_permanent(copy.deepcopy(by_rows))
thin = without_rows(masked)
assert torch.allclose(thin(split.test_x), masked(split.test_x), atol=1e-4)
counts = [sum(p.numel() for p in model.parameters()) for model in (masked, thin)]
assert counts[1] < 0.5 * counts[0]
print(f"{counts[0]:,} numbers, {counts[1]:,} after taking out; {right(thin):.1%} right, both")

# %% [markdown]
# ## What goes wrong, 2: the printed function (M36)
#
# `iterative_pruning`, "structured", says the design. Its pipeline goes on with what it returns.


# %%
def as_printed(model, target_sparsity=0.5):
    """The printed loop: torch's own pruning, layer by layer, each made permanent at once."""
    from torch.nn.utils import prune as torch_prune

    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            torch_prune.l1_unstructured(module, name="weight", amount=target_sparsity)
            torch_prune.remove(module, "weight")


# %%
def zero_share(model):
    """Share of zeros among all weights of linear layers."""
    return zeros(model, ())


emptied = copy.deepcopy(net)
returned = as_printed(emptied)
empty_rows = int((emptied[3].weight == 0).all(1).sum())
at_first = zero_share(emptied)
fit(emptied, split, epochs=1, lr=1e-3, seed=seed)
assert returned is None and empty_rows == 0
assert abs(at_first - 0.5) < 0.01 and zero_share(emptied) < 0.2
print(f"it returns {returned}, and {empty_rows} rows are empty")
print(f"zeros: {at_first:.0%} at first, {zero_share(emptied):.0%} after one epoch of training")

# %% [markdown]
# Four mistakes in one. It returns nothing, so `model = iterative_pruning(...)` leaves no model. It
# is not structured. It runs once: nothing is iterated. And "permanent" takes the mask away, so the
# next training fills the gaps. (The zeros that are left belong to pixels that are always empty:
# their weights get no gradient.)
#
# ## What goes wrong, 3: the order (M37)
#
# The design rounds, prunes, and rounds again. Try the orders. First: what does training in float do
# to a network that was rounded?

# %%
rounded = nn.Sequential(nn.Flatten(), *(copy.deepcopy(net)[1:]))
for layer in rounded[1::2]:
    layer.weight.data = Int8Linear.of(layer).weight


def between(model):
    """The share of weights of the middle layer that stand between two levels."""
    steps = Int8Linear.of(net[3]).scale[:, None]
    off = (model[3].weight.detach() / steps - (model[3].weight.detach() / steps).round()).abs()
    return (off > 1e-3).double().mean().item()


on_grid = between(rounded)
fit(rounded, split, epochs=1, lr=1e-3, seed=seed)
assert on_grid == 0 and between(rounded) > 0.5
print(
    f"weights between two levels: {on_grid:.0%} when rounded, {between(rounded):.0%} one epoch on"
)

# %% [markdown]
# So rounding comes last, or training knows of it. The rest needs torchao, onnx and onnxruntime, the
# extra `edge`.

# %%
try:
    for package in ("torchao", "onnx", "onnxscript", "onnxruntime"):
        edge_module(package)
    edge = True
except MissingExtra as missing:
    edge = False
    print(f"{missing}. Not shown: training through the rounding, and ONNX files.")


# %%
def int8_zeros(graph):
    """Share of zeros among the whole numbers of 8 bits of the two hidden layers."""
    held = [x for x in graph.state_dict().values() if x.dtype == torch.int8 and len(x) == 64]
    return sum(int((x == 0).sum()) for x in held) / sum(x.numel() for x in held)


def trained_rounded(model):
    """QAT for a moment, then convert."""
    learner = prepare_qat(model, split.train_x[:1])
    fit(learner, split, epochs=1, lr=1e-3, seed=seed, batch=256)
    return convert(learner)


# %%
if edge:
    pruned = prune(copy.deepcopy(net), 0.8, skip=LAST)
    fit(pruned, split, epochs=again, lr=2e-3, seed=seed)
    ours = trained_rounded(pruned)
    no_mask = trained_rounded(make_permanent(copy.deepcopy(pruned)))
    print(f"prune, fine-tune, QAT, convert: {int8_zeros(ours):.0%} zeros, {right(ours):.1%} right")
    print(f"the mask taken off before QAT: {int8_zeros(no_mask):.0%} zeros")
    assert int8_zeros(ours) > 0.79 > int8_zeros(no_mask) + 0.05
    try:
        prune(ours, 0.8)
        raise SystemExit("this should have been refused")
    except ValueError as refused:
        print("QAT, convert, prune:", refused)

# %% [markdown]
# **Prune, fine-tune, train through the rounding, convert.** The mask stays on until the end, and
# zeros stay zeros, because 0 is one of the levels.
#
# ## A teacher
#
# The other way to a small network is to train a small one. It may learn from more than the ten
# labels: a large network says of each digit also *what else it could be*. Here is one that makes
# the teacher doubt.

# %%
with torch.no_grad():
    logits = net(split.test_x)
doubtful = logits.softmax(-1).amax(-1).argsort()[:8]
first = logits[doubtful[0]]
dots = {f"T = {T}": (range(10), (first / T).softmax(-1)) for T in (1, 3, 10)}
titles = {"x_title": "digit (class)", "y_title": "what the teacher says (share)"}
figure = curves({}, dots, title="A temperature makes a teacher less sure", **titles, dark=dark)
figure.update_xaxes(dtick=1)

# %% [markdown]
# A **temperature** $T$ divides the logits before the softmax. The order stays, the differences
# shrink, and the small shares become visible: they hold what the teacher knows about likeness. Turn
# it yourself, on the eight digits of which the teacher is least sure. (Tab reaches a control, the
# arrow keys move it.)

# %%
softened_targets(logits[doubtful], [str(digit) for digit in range(10)])

# %% [markdown]
# The student follows the softened teacher with a share $\alpha$, and the labels with the rest:
#
# $$\alpha\,T^2\,\mathrm{KL}\big(p_T^{\text{teacher}} \,\|\, p_T^{\text{student}}\big) +
# (1 - \alpha)\,\mathrm{CE}(y, p^{\text{student}})$$
#
# The design takes $T = 3$ and $\alpha = 0.5$. This formula is printed correctly.
#
# **Exercise edge.4.** Write it.


# %% tags=["exercise"]
def taught(student, teacher, y, T, alpha):
    """alpha T^2 KL(teacher || student), both softened by T, + (1 - alpha) cross entropy with y.

    Both are means over the examples. student, teacher: [n, V] logits; y: [n]; returns []
    """
    todo()


taught = exercise("edge.4").check(taught)

# %%
small, y = torch.randn(360, 10, requires_grad=True), split.test_y
by_library = distillation(small, logits, y, T=3.0, alpha=0.5)
torch.testing.assert_close(taught(small, logits, y, 3.0, 0.5), by_library)
rows = {}
for T in (1.0, 3.0, 10.0, 30.0):
    (with_square,) = torch.autograd.grad(taught(small, logits, y, T, 1.0), small)
    rows[T] = {"with T²": with_square.norm().item()}
    rows[T]["without"] = rows[T]["with T²"] / T**2
sizes = pd.DataFrame(rows).T.rename_axis("T")
assert sizes["without"].iloc[0] > 100 * sizes["without"].iloc[-1]
assert sizes["with T²"].max() < 20 * sizes["with T²"].min()
sizes.map("{:.4f}".format)

# %% [markdown]
# Why $T^2$? The table has the size of the gradient. Softening divides it by about $T^2$, once for
# the student's logits and once because the difference of the shares shrinks. Without the factor a
# high temperature would simply switch the teacher off.
#
# **Does the teacher help?** A student with one hidden layer of 16, with and without a teacher, the
# same seeds, the same steps. Once it has all 1,437 labels; once it has only 100, while the teacher
# was trained on all of them.


# %%
def student_score(seed, labels, objective=None):
    """Held-out accuracy of a student of 16 hidden units, trained on the first `labels` digits."""
    _ = marslab.seed_everything(seed)
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    part = split._replace(train_x=split.train_x[:labels], train_y=split.train_y[:labels])
    passes = 20 if labels > 1000 else 150  # over 100 digits one has two steps only
    fit(student, part, epochs=passes, lr=1e-2, seed=seed, objective=objective)
    return right(student)


# %%
rows = []
for labels in (1437, 100):
    for each in range(seed, seed + seeds):
        lone = student_score(each, labels)
        led = student_score(each, labels, taught_by(net, T=3.0, alpha=0.5))
        rows.append((labels, each, lone, led, 100 * (led - lone)))
columns = ["labels", "seed", "alone", "with a teacher", "gain (points)"]
pairs = pd.DataFrame(rows, columns=columns)
means = pairs.groupby("labels")[columns[2:]].mean()
few, all_labels = means.loc[100], means.loc[1437]
assert few["gain (points)"] > 1
assert not printed or all_labels["gain (points)"] < -0.5 < 0 < all_labels["alone"] - whole_right
assert not printed or abs(all_labels["with a teacher"] - whole_right) < 0.01
record("points that a teacher brings with 100 labels", few["gain (points)"])
record("points that a teacher brings with 1,437 labels", all_labels["gain (points)"])
pairs.round(3)

# %%
for labels, row in means.iterrows():
    print(f"{labels} labels: {row['alone']:.1%} alone, {row['gain (points)']:+.1f} points led")
print(f"the teacher itself: {whole_right:.1%}")

# %% [markdown]
# With few labels the teacher helps: it passes on what it learned from digits that the student never
# saw. With all labels **it does not help** here, it costs: alone the student gets better than its
# teacher, and led it stays about where the teacher is. (In the shipped table further down the
# student has all labels.)
#
# ## Leaving home: export
#
# The design's way out is `torch.jit.trace`. A trace runs the model once and writes down what
# happened. Here is a reader that carries a state from row to row, and stops early when the state
# has settled. What is written down?


# %%
class RowByRow(nn.Module):
    """A state over L rows; it may stop before the last one."""

    def __init__(self, early):
        super().__init__()
        self.step, self.early = nn.Linear(8, 8), early

    def forward(self, x):
        """x: [B, L, 8] -> [B, 8]"""
        h = torch.zeros_like(x[:, 0])
        for t in range(x.shape[1]):
            after = torch.tanh(self.step(h) + x[:, t])
            if self.early and (after - h).abs().max() < 0.5:
                break
            h = after
        return h


# %%
plain, early = RowByRow(False), RowByRow(True)
calm, lively = (
    torch.zeros(1, 8, 8),
    torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1)),
)
with warnings.catch_warnings(record=True) as notes:
    warnings.simplefilter("always")
    by_length = torch.jit.trace(plain, lively[:, :4])
    by_value = torch.jit.trace(early, calm)
longer = torch.equal(by_length(lively), plain(lively[:, :4]))
assert longer and not torch.allclose(by_length(lively), plain(lively))
assert not torch.allclose(by_value(lively), early(lively))
print("traced on 4 rows, given 8: it answers as for the first 4, and says nothing")
told = [str(note.message) for note in notes if "deprecated" in str(note.message)]
print(told[0] if told else "no deprecation told by this torch")

# %% [markdown]
# Both answers are wrong, and no error tells it (M38). `torch.export` follows the program instead.
# It writes down under which conditions the graph is right, checks them at each call, and refuses
# what it cannot follow:

# %%
graph = lowered(plain, lively[:, :4]).module()
assert torch.allclose(graph(lively[:, :4]), plain(lively[:, :4]), atol=1e-6)
attempts = {
    "8 rows for a graph of 4": lambda: graph(lively),
    "a stop that depends on values": lambda: lowered(early, lively),
}
logging.getLogger("torch.fx.experimental.symbolic_shapes").setLevel(logging.ERROR)
for name, attempt in attempts.items():
    try:
        with redirect_stderr(io.StringIO()):  # torch writes the whole graph there
            attempt()
        raise SystemExit("this should have been refused")
    except Exception as refused:
        print(f"{name}: {type(refused).__name__}: {str(refused).splitlines()[0]:.70} ...")

# %% [markdown]
# The library exports so, to ONNX with opset 18. (The design asks for opset 13, which has neither a
# Fourier transform nor complex numbers.) The size of the batch stays open, all other sizes are
# those of the example.

# %%
folder = tempfile.TemporaryDirectory()
if edge:
    import onnx

    file = to_onnx(net, split.test_x[:1], Path(folder.name) / "digits.onnx")
    elsewhere = OnnxModel(file)
    with torch.no_grad():
        for batch in (1, 7, 360):
            x = split.test_x[:batch]
            assert (elsewhere(x) - net(x)).abs().max() < 1e-4
    made = onnx.load(file)
    sizes = [d.dim_param or d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim]
    print(f"opset {made.opset_import[0].version}, input {sizes}, {file.stat().st_size:,} bytes")
    try:
        to_onnx(net, split.test_x[:1], file, opset=13)
        raise SystemExit("this should have been refused")
    except ValueError as refused:
        print(refused)

# %% [markdown]
# Equal within 1e-4 for a batch of 1, of 7, of 360. And the pruned network that was trained through
# its rounding? The same call takes it: its roundings become nodes, which onnxruntime joins to
# products of whole numbers ([50_int8](50_int8.ipynb) looks inside).

# %%
if edge:
    tiny = to_onnx(ours, split.test_x[:1], Path(folder.name) / "tiny.onnx")
    answers = OnnxModel(tiny)(split.test_x).argmax(1)
    assert (answers == ours(split.test_x).argmax(1)).float().mean() > 0.99
    rows = {}
    for name, path in {"float32": file, "pruned, 8 bits": tiny}.items():
        score, data = right(OnnxModel(path)), path.read_bytes()
        rows[name] = [len(data), len(zlib.compress(data, 9)), score]
    print(pd.DataFrame(rows, index=["bytes", "packed", "right"]).T.round(3))
folder.cleanup()

# %% [markdown]
# **For phones** there is ExecuTorch, whose files end in `.pte`. It brings a torch of its own
# version, so it is no part of an extra; where it is installed, this writes one:

# %%
try:
    with tempfile.TemporaryDirectory() as place:
        pte = to_executorch(net, split.test_x[:1], Path(place) / "digits.pte")
        print(f"{pte.name}: {pte.stat().st_size:,} bytes")
except MissingExecutorch as missing:
    print(missing)

# %% [markdown]
# `torch.jit`, `torch.utils.mobile_optimizer` and `.ptl` files, the design's way to the phone, are
# off PyTorch's road map. And for weights alone there is safetensors: numbers and their shapes, and
# nothing that could run when the file is opened.

# %%
back = load(file_of(net))
assert back.keys() == net.state_dict().keys()
assert all(torch.equal(x, back[name]) for name, x in net.state_dict().items())
print(f"{len(back)} tensors, {len(file_of(net)):,} bytes, equal to the last bit")

# %% [markdown]
# ## What it comes to
#
# All these ways on one larger reader of digits (a selective scan with two blocks), measured and
# shipped: `marslab edge` prints the table, `marslab edge --run` measures it on your machine. Each
# mark is a way of making it; upwards is better, to the left is cheaper. The lines reach from the
# worst to the best seed.

# %%
shipped: EdgeTable = shipped_table()
plan = EdgePlan(
    **{**shipped.conditions["plan"], "seeds": tuple(shipped.conditions["plan"]["seeds"])}
)
rows = []
for row in shipped.rows:
    assert isinstance(row, EdgeRow)
    if row.runtime == "onnxruntime":
        shown = [
            100 * share for share in (mean(row.accuracy), min(row.accuracy), max(row.accuracy))
        ]
        rows.append((row.name, *shown, row.file_bytes / 1e3, row.ms_median))
costs = pd.DataFrame(rows, columns=["variant", "mean", "low", "high", "kB", "ms"])
look = {"score": "digits right (%)", "baseline": "fp32", "dark": dark}
print(f"T = {plan.T}, alpha = {plan.alpha}, share {plan.share}, {len(plan.seeds)} seeds")
cost_against_score(costs, cost="kB", title="Size against accuracy", **look)

# %%
cost_against_score(costs, cost="ms", title="Time against accuracy", **look)

# %%
by_name = costs.set_index("variant")
ratio = by_name[["kB", "ms"]] / by_name.loc["fp32", ["kB", "ms"]]
assert abs(ratio.loc["pruned", "kB"] - 1) < 0.01 and ratio.loc["int8, static", "kB"] < 0.35
assert abs(ratio.loc["pruned", "ms"] - 1) < 0.25 and ratio["ms"].idxmin().startswith("distilled")
assert by_name.loc["distilled", "mean"] < by_name.loc["fp32", "mean"] - 1
outcome = mars_edge.pruning_speed()
claim("mars-edge-pruning-speed", outcome.figures["times_faster"])
told = claims()["mars-edge-pruning-speed"]
Markdown(f"**{told.promise}** *{judged(told, outcome)}.* {outcome.says} ({outcome.machine})")

# %% [markdown]
# Read both pictures from the left. In *size* rounding makes a jump, and pruning does not move. In
# *time* the student is far ahead, because it has less to do; zeros save next to nothing; what whole
# numbers save depends on the processor. On this task the student pays in accuracy. Which price is
# right depends on what you run out of first.
#
# To see one at work: `marslab edge-demo` serves a page as wide as a phone. Draw a digit, and a
# model in 8 bits reads it and tells how long it took.
#
# ## Try it
#
# Beside the two exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **Bit by bit.** Prune to 0.95 in three steps (0.7, 0.9, 0.95), with a fine-tuning after each.
#    What does that bring over one step? Give both the same number of epochs.
# 2. **Only the teacher.** Set `alpha` to 1 for the student with 100 labels. Does it need the labels
#    at all?
# 3. **In a hurry.** Give the student with 100 labels 40 passes in place of 150. What is the teacher
#    worth now? Why might soft targets take longer to learn?
#
# ## Recap
#
# - Small weights may go, four of five here, if the network is trained on afterwards.
# - Zeros save packed bytes. Time is saved by rows that are really taken out.
# - Prune, fine-tune, train through the rounding, convert; the mask stays until the end.
# - A teacher is worth what it knows beyond the labels: with all labels at hand it cost points.
# - A trace freezes lengths and decisions without a word. An export checks, or refuses.
#
# **Source.** `marslab.compress.pruning`: `prune`, `zeros`, `Masked`, `make_permanent`;
# `marslab.compress.distilling` (`taught_by`); `marslab.compress.lowering` (`lowered`);
# `marslab.compress.onnx_file`: `to_onnx`, `OnnxModel`; `marslab.compress.executorch_file`
# (`to_executorch`); `marslab.lab.edge`: `EdgePlan`, `EdgeTable`, `EdgeRow`, `shipped_table`,
# `read_table`.
#
# **Papers.**
# - Han et al. 2015, [Learning both weights and connections for efficient neural
#   networks](https://arxiv.org/abs/1506.02626): prune, and train on.
# - Hinton, Vinyals & Dean 2015, [Distilling the knowledge in a neural
#   network](https://arxiv.org/abs/1503.02531): the temperature.
# - Li et al. 2017, [Pruning filters for efficient ConvNets](https://arxiv.org/abs/1608.08710):
#   whole rows.
#
# **Next.** Weights of three levels, trained so from the start:
# [52_ternary_weights](52_ternary_weights.ipynb).
