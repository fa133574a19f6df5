# %% [markdown]
# # Eight bits: rounding a network, afterwards or while it learns
#
# A weight takes four bytes, and most of them say very little. Keep one byte, a whole number from
# −127 to 127, and the file is a quarter. MARS promises more: 4 times smaller, 2 to 3 times faster,
# less than 1 % of accuracy lost. You will round a network by hand, see where that breaks, teach one
# to live with it, and judge the three promises by what was measured.
#
# **You will learn**
# - scale and zero point: what a whole number stands for, per tensor, per row, per token;
# - what one outlier does to all the others;
# - products that are whole numbers through and through, and where they overflow;
# - why a rounding has no gradient, and how it lends one (straight through);
# - when training through the rounding (QAT) beats rounding afterwards (PTQ), and when not;
# - why the printed code cannot run, and what stands in its place.
#
# **Time** about 40 minutes. The cells themselves need less than half a minute. Nothing is
# downloaded.

# %% tags=["parameters"]
fast = True  # False: more seeds, more bits, longer training
seed = 0
device = "cpu"  # the products of 8 bits below are torch's for a CPU
dark = False  # True: figures for a dark JupyterLab

# %%
import ast
import copy
import inspect
import tempfile
import warnings
from pathlib import Path
from textwrap import dedent

import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown
from torch import nn
from torch.nn.utils import parametrize

# %%
import marslab
from marslab.compress import Int8Linear, to_bfloat16, to_int8
from marslab.compress.activations import per_token
from marslab.compress.edge_extra import edge_module
from marslab.compress.onnx_file import OnnxModel, to_onnx
from marslab.compress.pt2e import QatModel, convert, prepare_qat, to_static_int8
from marslab.errors import MissingExtra
from marslab.lab.claims import claim, record
from marslab.lab.claims.measuring import judged
from marslab.lab.claims.runs import mars_edge
from marslab.lab.claims.schema import claims
from marslab.lab.course import exercise, todo
from marslab.learning.fit import accuracy, fit
from marslab.tasks import load_digits_sequences
from marslab.widgets.explorers import rounded_weights
from marslab.widgets.figures import CONFIG, curves, value_levels

# %%
pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
split = load_digits_sequences()
epochs, again = (12, 5) if fast else (30, 15)


def source(thing):
    """Show the source of something in the library, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(thing))}```")


def right(model):
    """The share of the 360 held-out digits that a model reads right."""
    return accuracy(model, split.test_x, split.test_y)


# %% [markdown]
# ## A picture first: 4,096 weights and 255 levels
#
# A small network that reads handwritten digits: 64 pixels, two hidden layers of 64, ten answers.
# Below are the weights of its middle layer, trained. Each red mark is a number that 8 bits can say.


# %%
def reader():
    """An untrained network that reads digits."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )


net = reader()
_ = fit(net, split, epochs=epochs, lr=4e-3, seed=seed)
whole_right = right(net.eval())
assert whole_right > 0.9
middle = net[3]
W = middle.weight.detach()
assert (W.numel(), sum(p.numel() for p in net.parameters())) == (4096, 8970)
scale = W.abs().max() / 127
print(f"{whole_right:.1%} right; the levels are {scale:.4f} apart, from {-127 * scale:.2f} up")
value_levels(W, torch.arange(-127, 128) * scale, title="Weights, and levels for them", dark=dark)

# %% [markdown]
# The marks stand so close that they look like a band: no weight has far to go. Most weights are
# near 0, and the levels at both ends serve only a few. Keep that in mind, it will hurt with fewer
# bits.
#
# ## One step for all, or one for each row
#
# A weight $w$ becomes the whole number $q = \mathrm{round}(w / s)$, and stands for $s\,q$ from then
# on. The **scale** $s$ is the distance of two levels. With $s = \max|w| / 127$ the largest weight
# just fits. An error is at most half a step, so a smaller step is a smaller error. A row of the
# matrix makes one output, and rows differ in size. Why should they share one step?

# %%
small = Int8Linear.of(middle)
by_row = W.abs().amax(1) / 127
assert torch.equal(small.scale, by_row)
assert torch.equal(small.whole, (W / by_row[:, None]).round().to(torch.int8))


def lost(x, step):
    """Root mean square error when x is rounded to multiples of `step`, as a share of x's own."""
    off = (x / step).round() * step - x
    return (off.square().mean() / x.square().mean()).sqrt().item()


rows = {"one step for the matrix": lost(W, scale), "one for each row": lost(W, by_row[:, None])}
assert rows["one for each row"] < rows["one step for the matrix"] < 0.05
pd.Series(rows, name="error").map("{:.2%}".format).to_frame()

# %% [markdown]
# By hand and by the library they are the same to the bit. One more step per row costs one number
# for 64 and is worth it.
#
# ## A zero point
#
# What comes out of a ReLU is never negative. Levels from −127 to 127 would waste half of
# themselves. So activations take the levels 0 to 255, and one of them, the **zero point** $z$,
# stands for 0: $x \approx s\,(q - z)$. The range must hold 0, because zeros are everywhere (in
# padding, behind a ReLU) and must be exact.
#
# **Exercise edge.1.** Write both for numbers from `low` to `high`.


# %% tags=["exercise"]
def scale_and_zero(low, high):
    """The distance of the levels 0 .. 255 for numbers from low to high, and the level of 0.

    Where the range does not hold 0, it is widened until it does. Returns a number and an integer.
    """
    todo()


scale_and_zero = exercise("edge.1").check(scale_and_zero)


# %%
def affine(x, low, high):
    """x rounded to the levels 0 to 255 of the range from low to high."""
    step, zero = scale_and_zero(low, high)
    return (((x / step).round() + zero).clamp(0, 255) - zero) * step


def off_by(rounded, x):
    """Root mean square error, as a share of x's own size."""
    return ((rounded - x).square().mean() / x.square().mean()).sqrt().item()


# %%
with torch.no_grad():
    seen, hidden = net[:3](split.train_x[:512]), net[:3](split.test_x)  # behind the first ReLU
low, high = seen.min().item(), seen.max().item()
tokens = per_token(hidden)
ways = {
    "signed, one step": off_by((hidden / high * 127).round() / 127 * high, hidden),
    "0 to 255, one step": off_by(affine(hidden, low, high), hidden),
    "signed, a step for each example": off_by(tokens.whole * tokens.step, hidden),
}
cut = (hidden > high).double().mean().item()
assert ways["0 to 255, one step"] < 0.7 * ways["signed, one step"]
print(f"beyond the range seen in training: {cut:.3%} of the held-out activations")
pd.Series(ways, name="error").map("{:.2%}".format).to_frame()

# %% [markdown]
# Two kinds of range are in the table. A **static** one is found once, on examples, and then stands
# in the file: the first two lines. What is larger later is cut off. A **dynamic** one is found anew
# for each example: the last line. It is never too small and adapts, but somebody has to look for
# the largest number at every call. The library has both: `to_static_int8` and
# `to_int8(model, activations="int8")`.
#
# ## What goes wrong, 1: one loud neighbour
#
# All numbers in a row share one step. So the largest decides how finely the others are told. Here
# is a trick that makes one large *without changing the network*: multiply one hidden unit by $c$
# and divide the weights that read it by $c$. In exact numbers nothing happens.


# %%
def with_outlier(net, c):
    """The same function, one hidden unit c times as large."""
    made = copy.deepcopy(net)
    with torch.no_grad():
        unit = int(made[:3](split.train_x).mean(0).argmax())
        made[1].weight[unit] *= c
        made[1].bias[unit] *= c
        made[3].weight[:, unit] /= c
    return made


# %%
sizes, table = (1, 10, 100, 1000), {}
for c in sizes:
    loud = with_outlier(net, c)
    assert torch.allclose(loud(split.test_x), net(split.test_x), atol=1e-3)
    in_eight = to_int8(copy.deepcopy(loud), activations="int8", skip=())
    table[c] = {"float32": right(loud), "8 bits": right(in_eight)}
outliers = pd.DataFrame(table).T.rename_axis("one unit, times")
assert outliers["8 bits"].iloc[0] > whole_right - 0.02
assert outliers["8 bits"].iloc[-1] < outliers["8 bits"].iloc[0] - 0.2
outliers.map("{:.1%}".format)

# %% [markdown]
# The same function, and 8 bits lose it: beside a unit that is a thousand times as loud, all others
# round to 0. This is no invention. Large language models grow such units by themselves (Dettmers
# et al. 2022). And the trick works backwards, too: *dividing* a loud unit and multiplying the
# weights that read it moves the difficulty to where a step per row can take it (Xiao et al. 2022,
# SmoothQuant).
#
# ## Whole numbers all the way
#
# Rounded weights alone save memory. To save *time* the product itself must be one of whole numbers.
# A step per example and a step per row come out of the sum, so the sum is over whole numbers:
#
# $$y_{bn} = s_b\,s_n \sum_k q_{bk}\,q_{nk}$$

# %%
eight = Int8Linear.of(middle, activations="int8")
whole, step = per_token(hidden)
sums = whole.to(torch.int32) @ eight.whole.T.to(torch.int32)
by_hand = sums * (step * eight.scale) + middle.bias.detach()
assert torch.equal(by_hand, eight(hidden))
assert sums.abs().max() > 32_767  # 16 bits cannot hold this sum
kept = sum(x.numel() * x.element_size() for x in eight.state_dict().values())
before = sum(x.numel() * x.element_size() for x in middle.state_dict().values())
print(f"largest sum: {sums.abs().max():,}; a sum of int32 is safe for {2**31 // 127**2:,} inputs")
print(f"{before:,} bytes in float32, {kept:,} in 8 bits: {before / kept:.2f} times smaller")
record("bytes of a 64 x 64 layer, float32 over 8 bits", before / kept)

# %% [markdown]
# Equal to the last bit: whole numbers have no rounding of their own, whatever the order of the sum.
# The quarter is not quite a quarter: the steps and the bias stay in float32.
#
# How wide must the sum be? One product of bytes takes 16 bits, and a sum of many takes 32. Some
# processors are in a hurry: on x86 without the VNNI instructions the fast way adds *two* products
# in 16 bits and **cuts off** what does not fit.

# %%
exact = 255 * 127 + 255 * 127
fits = min(exact, 2**15 - 1)
assert (exact, fits) == (64_770, 32_767)
print(f"255 · 127 + 255 · 127 = {exact:,}; in 16 bits, cut off: {fits:,}")

# %% [markdown]
# So one and the same file may answer differently on two machines. The library's `OnnxModel` asks
# onnxruntime for the exact way; you will see both further down.
#
# ## A rounding has no gradient
#
# So far the network was rounded when all was learned: *post-training quantisation*, **PTQ**. It
# knew nothing of what awaited it. Let it learn *with* the rounding, then: *quantisation-aware
# training*, **QAT**. But there is an obstacle.

# %%
x = torch.randn(1000, requires_grad=True)
(torch.round(x / 0.1) * 0.1).sum().backward()
assert x.grad.abs().max() == 0
print("numbers with a gradient behind torch.round:", int((x.grad != 0).sum()), "of", len(x))

# %% [markdown]
# Stairs are flat. Nothing below a rounding would ever learn. The way out is a white lie. Forward we
# round; backward we pretend that nothing was rounded: the **straight-through** estimator. Where a
# number is *cut off* at the end of the levels we tell the truth: moving it changes nothing.
#
# **Exercise edge.2.** Write it. (`something + (rounded - something).detach()` has the value of
# `rounded` and the gradient of `something`.)


# %% tags=["exercise"]
def through(x, scale, zero, top):
    """The numbers that the levels 0 .. top stand for, nearest to x; with a gradient.

    It is 1 where x is between the lowest and the highest of them, 0 beyond. x: [n]; returns [n]
    """
    todo()


through = exercise("edge.2").check(through)

# %%
x = torch.linspace(-3, 5, 801, requires_grad=True)
y = through(x, 0.5, 2, 7)
y.sum().backward()
wanted = torch.fake_quantize_per_tensor_affine(x.detach(), 0.5, 2, 0, 7)
assert torch.allclose(y.detach(), wanted)
lines = {"what goes forward": (x.detach(), y.detach()), "the gradient": (x.detach(), x.grad)}
titles = {"x_title": "number (no unit)", "y_title": "what comes out (no unit)"}
curves(lines, title="Stairs forward, a slope of 1 backward", **titles, dark=dark, height=340)


# %% [markdown]
# ## Rounded afterwards, or while it learns
#
# Now both, at 8 bits and fewer. `Rounded` stands in front of a weight matrix, a step for each row,
# and lends its gradient. (No weight is cut off here: the largest one sets the step.) At 8 bits it
# must agree with the library's layer.


# %%
class Rounded(nn.Module):
    """A weight in some bits, a step for each row; the gradient goes straight through."""

    def __init__(self, bits):
        super().__init__()
        self.top = 2 ** (bits - 1) - 1

    def forward(self, weight):
        """Round a weight [N, K]."""
        step = weight.detach().abs().amax(1, keepdim=True).clamp(min=1e-12) / self.top
        return weight + ((weight / step).round() * step - weight).detach()


# %%
def in_bits(net, bits):
    """A copy whose weights are rounded, and can still be trained."""
    made = copy.deepcopy(net)
    for layer in made:
        if isinstance(layer, nn.Linear):
            parametrize.register_parametrization(layer, "weight", Rounded(bits))
    return made


assert torch.allclose(in_bits(net, 8)[3].weight, Int8Linear.of(middle).weight, atol=1e-7)

# %% [markdown]
# A fair comparison gives both the same training. So each seed trains a network, and then trains it
# on: once as it is, and rounded at the end (PTQ); once through the rounding (QAT).


# %%
def compared(seed, bits_of):
    """Rows (seed, bits, PTQ, QAT, float) for one trained network."""
    _ = marslab.seed_everything(seed)
    base = reader()
    fit(base, split, epochs=epochs, lr=4e-3, seed=seed)
    longer = copy.deepcopy(base)
    fit(longer, split, epochs=again, lr=2e-3, seed=seed)
    for bits in bits_of:
        learned = in_bits(base, bits)
        fit(learned, split, epochs=again, lr=2e-3, seed=seed)
        yield seed, bits, right(in_bits(longer, bits)), right(learned), right(longer)


bits_of, seeds = ((8, 4, 2), 3) if fast else ((8, 6, 4, 3, 2), 5)
found = [row for each in range(seeds) for row in compared(seed + each, bits_of)]
scores = pd.DataFrame(found, columns=["seed", "bits", "PTQ", "QAT", "float32"])
means = scores.groupby("bits")[["PTQ", "QAT", "float32"]].mean()
means.map("{:.1%}".format)

# %%
kinds = ("float32", "PTQ", "QAT")
lines = {f"{kind}, mean": (means.index, 100 * means[kind]) for kind in kinds}
dots = {f"{kind}, each seed": (scores["bits"], 100 * scores[kind]) for kind in kinds[1:]}
titles = {"x_title": "weights (bits)", "y_title": "digits right (%)"}
curves(lines, dots, title="Where rounding afterwards breaks", **titles, dark=dark)

# %%
fine, coarse = means.loc[8], means.loc[2]
assert abs(fine["PTQ"] - fine["float32"]) < 0.01 and abs(fine["QAT"] - fine["PTQ"]) < 0.01
assert coarse["QAT"] > coarse["PTQ"] + 0.05 and coarse["QAT"] > fine["float32"] - 0.05
two = scores[scores["bits"] == 2]
assert (two["QAT"] > two["PTQ"]).all()
for bits, row in means.iterrows():
    gone = torch.stack([layer.weight == 0 for layer in in_bits(net, bits)[1:4:2]]).double().mean()
    gain = 100 * (row["QAT"] - row["PTQ"])
    print(f"{bits} bits: {gone:.0%} of the hidden weights become 0; QAT - PTQ {gain:+.1f} points")
assert gone < 0.05 < 0.5 < (in_bits(net, 2)[3].weight == 0).double().mean()
record("points that QAT brings at 8 bits", 100 * (fine["QAT"] - fine["PTQ"]))
record("points that QAT brings at 2 bits", 100 * (coarse["QAT"] - coarse["PTQ"]))

# %% [markdown]
# **At 8 bits QAT does not help here.** There is nothing to repair. At 2 bits there are three
# levels, −1, 0 and 1 times the step, and the largest weight of a row sets the step: most others
# become 0 (the count stands above). Rounding afterwards breaks the network. One that *learned* with
# three levels reads almost as well as the float one. So: first round afterwards and look. Train
# through the rounding when it breaks.
#
# ## What goes wrong, 2: the printed code (M34, M35)
#
# The design prints a class and two functions for all this. Does the class parse?

# %%
try:
    ast.parse("class QuantizedM.A.R.S(nn.Module): pass")
    raise SystemExit("this should have been refused")
except SyntaxError as refused:
    print("SyntaxError:", refused.msg)


# %% [markdown]
# A class name has no dots. Without the class the two functions are left, and the design's training
# script calls just them. They mark each layer for rounding, but nobody rounds what goes *in*: that
# would have been the class's part.


# %%
def as_printed(model, x):
    """prepare_for_quantization, one batch, convert_to_quantized; what the result says to x."""
    import torch.ao.quantization as quant

    model = copy.deepcopy(model).train()
    model.qconfig = quant.get_default_qat_qconfig("fbgemm")
    quant.prepare_qat(model, inplace=True)
    model(x)
    model.eval()
    quant.convert(model, inplace=True)
    return model(x)


# %%
with warnings.catch_warnings(record=True) as notes:
    warnings.simplefilter("always")
    try:
        as_printed(net, split.test_x)
        raise SystemExit("this should have been refused")
    except (NotImplementedError, ImportError, AttributeError) as refused:
        print(f"{type(refused).__name__}: {str(refused)[:87]} ...")
old = [str(note.message).splitlines()[0] for note in notes if "deprecated" in str(note.message)]
print(old[0] if old else "this torch has that flow no more")

# %% [markdown]
# `quantized::linear` was given numbers in float. And the whole flow is on its way out: newer torch
# warns, then drops it. The name `fbgemm` is a library for x86; a phone has another one.
#
# ## The flow that runs: PT2E
#
# Today the graph of the model is exported first (`torch.export`), and torchao puts roundings into
# it: **PT2E**. The library chooses the places itself: the input and the weight of each linear
# layer. Activations take 0 to 255, weights −127 to 127 with a step for each row, as above.

# %%
from marslab.compress import pt2e

source(pt2e._specs)

# %% [markdown]
# torchao, onnx and onnxruntime come with the extra `edge`. Without it the next cells say so.

# %%
try:
    for package in ("torchao", "onnx", "onnxscript", "onnxruntime"):
        edge_module(package)
    edge = True
except MissingExtra as missing:
    edge = False
    print(f"{missing}. Not shown: PT2E, and the same numbers out of an ONNX file.")

# %%
if edge:
    example, batches = split.train_x[:1], split.train_x[:512].split(128)
    afterwards = to_static_int8(net, example, batches)
    learner = prepare_qat(net, example)
    assert isinstance(learner, QatModel)
    fit(learner, split, epochs=2, lr=1e-3, seed=seed, batch=256)
    learned = convert(learner)
    assert right(net) == whole_right  # it learned on a copy
    for name, model in {"float32": net, "PTQ": afterwards, "QAT": learned}.items():
        print(f"{name}: {right(model):.1%} of the held-out digits")
    assert min(right(afterwards), right(learned)) > whole_right - 0.02

# %% [markdown]
# Is the scale in that graph the one that you wrote? Its first linear layer sees pixels from 0 to 1,
# and its weights are those of the table at the top.

# %%
if edge:
    held = afterwards.state_dict()
    bytes_of = [x for x in held.values() if x.dtype == torch.int8]
    for layer, kept_whole in zip(net[1::2], bytes_of, strict=True):
        assert (kept_whole - Int8Linear.of(layer).whole).abs().max() <= 1  # a tie may fall two ways
    print("weights of 8 bits:", [list(x.shape) for x in bytes_of])
    nodes = [n for n in afterwards.graph.nodes if "quantize_per_tensor" in str(n.target)]
    step, zero = next(n for n in nodes if n.args[0].op != "placeholder").args[1:3]
    print(f"pixels: step {step:.6f}, zero point {zero}; yours {scale_and_zero(0.0, 1.0)}")

# %% [markdown]
# Those graphs still compute in float what whole numbers would give. The whole numbers come when the
# graph is written to a file and a runtime joins rounding, product and rounding to one operation.
# Both ways to add, the fast and the exact one:

# %%
if edge:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        file = to_onnx(afterwards, example, Path(folder) / "digits.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        hurried = onnxruntime.InferenceSession(str(file), options)
        said = torch.from_numpy(hurried.run(None, {"x": split.test_x.numpy()})[0])
        exact, want = OnnxModel(file), afterwards(split.test_x)
        apart = (exact(split.test_x) - want).abs()
        print(f"largest difference of a logit, as it comes: {(said - want).abs().max():.2g}")
        print(f"asked for exact sums: {apart.max():.2g}")
    # A sum in another order may fall to the other side of a level, so a few may be a step apart.
    assert exact.exact and apart.median() < 1e-4 and apart.max() < 0.2
    assert (exact(split.test_x).argmax(1) == want.argmax(1)).float().mean() > 0.99

# %% [markdown]
# If your first number is as small as the second, your processor adds in 32 bits anyway (VNNI, or
# ARM's dot products). If it is a hundred times as large, you have just seen the cut.
#
# ## The three promises
#
# A network of 8,970 numbers is too small to say anything about speed. So the promises are judged by
# a larger reader of digits (a selective scan, two blocks) whose table ships with the course:
# `marslab edge` prints it, `marslab edge --run` measures it on your machine.


# %%
def judge(id, run, figure):
    """What was measured, and the verdict; the figure is stored with this notebook."""
    outcome = run()
    claim(id, outcome.figures[figure])
    verdict = judged(claims()[id], outcome)
    return Markdown(f"**{claims()[id].promise}** *{verdict}.* {outcome.says} ({outcome.machine})")


judge("mars-edge-4x-smaller", mars_edge.smaller, "times_smaller")

# %%
judge("mars-edge-2-3x-faster", mars_edge.faster, "times_faster")

# %%
judge("mars-edge-below-1-percent", mars_edge.accuracy_lost, "points_lost_when_trained")

# %% [markdown]
# The rules behind the verdicts stand in `data/claims.yaml`. Three remarks. *Smaller*: what is no
# weight of a linear layer stays in float32, so a file never quite gets to a quarter. *Faster*: only
# products get faster. Whatever else takes time (here the recurrence) keeps its time, and that
# bounds the whole (Amdahl's law). *Lost*: one held-out digit of 360 is 0.28 points, so a promise of
# 1 % is about three digits.
#
# There is a simpler way to half the size: bfloat16 keeps 8 of 24 bits of each number and needs no
# step, no zero point and no examples.

# %%
half = to_bfloat16(copy.deepcopy(net))
stored = [sum(x.numel() * x.element_size() for x in m.state_dict().values()) for m in (net, half)]
halved = accuracy(half, split.test_x.bfloat16(), split.test_y)
assert stored[0] == 2 * stored[1] and abs(halved - whole_right) < 0.01
print(f"{stored[0]:,} bytes in float32, {stored[1]:,} in bfloat16; {halved:.1%} right")

# %% [markdown]
# ## Something to turn
#
# The first twelve rows of the middle layer. Turn the bits, and let the largest weight grow. At
# which size of it do 8 bits become as bad as 4 were without it? (Tab reaches a control, the arrow
# keys move it.)

# %%
rounded_weights(W[:12], bits=4)

# %% [markdown]
# ## Try it
#
# Beside the two exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **One step for the matrix.** In `Rounded`, take the largest weight of the whole matrix. What
#    does that do to PTQ at 4 bits, and does QAT mind?
# 2. **Cut the ends.** With 2 bits, let the step be 0.7 of the mean size of a row and cut off what
#    is larger. How far does PTQ come now?
# 3. **A quieter neighbour.** In the outlier table take a static range (`to_static_int8`) in place
#    of a step for each example. Better or worse?
#
# ## Recap
#
# - $x \approx s\,(q - z)$. Weights: a step for each row. Activations: a zero point, and a range
#   that is found once (static) or each time (dynamic).
# - The largest number sets the step for all its neighbours.
# - Sums of whole numbers are exact in 32 bits, and not in the 16 that a hurried processor takes.
# - A rounding has no gradient. Lent one, a network learns to live with three levels; at 8 bits
#   there was nothing to learn.
# - 8 bits: nearly 4 times smaller; how much faster is a matter of what else the model does.
#
# **Source.** `marslab.compress`: `Int8Linear`, `to_int8`, `to_bfloat16`; `marslab.compress.pt2e`:
# `to_static_int8`, `prepare_qat`, `QatModel`, `convert`; `marslab.compress.activations`
# (`per_token`).
#
# **Papers.**
# - Jacob et al. 2018, [Quantization and training of neural networks for efficient
#   integer-arithmetic-only inference](https://arxiv.org/abs/1712.05877): the scheme of this
#   notebook.
# - Bengio, Léonard & Courville 2013, [Estimating or propagating gradients through stochastic
#   neurons](https://arxiv.org/abs/1308.3432): straight through.
# - Dettmers et al. 2022, [LLM.int8()](https://arxiv.org/abs/2208.07339): outliers in large models.
# - Xiao et al. 2022, [SmoothQuant](https://arxiv.org/abs/2211.10438): the difficulty, moved.
#
# **Next.** Fewer weights in place of smaller ones:
# [51_prune_distil_export](51_prune_distil_export.ipynb).
