# %% [markdown]
# # Rotations and a codebook: Omega-SSM
#
# TARS puts a layer with a grand name into each of its blocks: *Lie Algebra Stabilization*. It has
# two halves. One turns a part of the hidden state by a rotation, and promises that nothing can
# explode or vanish. The other replaces a vector by the nearest of 256 codes, "for discrete logic".
# Both are good ideas. As printed, the promise of the first is not kept, and the second one cannot
# learn. This notebook shows both with numbers, and what repairs them.
#
# **You will learn**
# - how a list of free numbers becomes a rotation, and why by a solve and never by an inverse;
# - which rotations Cayley's map cannot reach;
# - where a rotation protects a gradient, and where it does not;
# - what a cheaper rotation of rank 2 costs and gives up;
# - how the codes of a codebook move, though no gradient reaches them.
#
# **Time** about 35 minutes. The cells need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: more repeats in the timings, longer training of the codebooks
seed = 0
device = "cpu"  # "cuda" runs the layers on your GPU
dark = False  # True: figures for a dark JupyterLab
n, width = 32, 96  # rotated dims and D; 32 is the design's n
blocks = 256  # depth of the gradient test

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
from sklearn.datasets import load_digits

# %%
import marslab
from marslab.kernels.roofline import watch
from marslab.kernels.testing import assert_close, error
from marslab.lab.course import exercise, todo
from marslab.layers import Omega, VectorQuantizer
from marslab.layers.block_config import OmegaConfig
from marslab.layers.omega import OmegaState, cayley, cayley_low_rank
from marslab.widgets.explorers import turned_vector
from marslab.widgets.figures import CONFIG, curves, log_lines, matrix_heatmap, orbits

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)


def source(thing):
    """Show the source of a part of the library, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(thing))}```")


# %% [markdown]
# ## A picture first: three ways to turn
#
# A state is an arrow in the plane. We want a layer that turns it and leaves its length alone, and
# the layer shall have a free number $w$ that a network can learn. Turning a little to the left
# means adding an arrow that stands across: $\Omega x$, with
#
# $$\Omega = \begin{pmatrix} 0 & -w \\ w & 0 \end{pmatrix}$$
#
# Three ways to make a step of that, with $w = 0.4$, each twelve times in a row:

# %%
skew = torch.tensor([[0.0, -0.4], [0.4, 0.0]], dtype=torch.float64)
eye = torch.eye(2, dtype=torch.float64)
steps = {
    "I + Ω": lambda x: x + skew @ x,
    "Cayley": partial(cayley, skew),
    "inverse of I − Ω": lambda x: torch.linalg.solve(eye - skew, x),
}
paths = {}
for name, step in steps.items():
    paths[name] = [eye[0]]
    for _ in range(12):
        paths[name].append(step(paths[name][-1]))
paths = {name: torch.stack(points) for name, points in paths.items()}
lengths = {name: points[-1].norm().item() for name, points in paths.items()}
assert abs(lengths["Cayley"] - 1) < 1e-12 and lengths["I + Ω"] > 2 > 0.5 > min(lengths.values())
print("length after 12 turns:", {name: round(length, 3) for name, length in lengths.items()})
orbits(paths, title="One vector, turned twelve times", dark=dark, height=440)

# %% [markdown]
# Adding $\Omega x$ walks along the tangent, so it leaves the circle outwards: each step is
# $\sqrt{1 + w^2}$ times as long. The inverse of $I - \Omega$ leaves it inwards by as much. Cayley
# takes half a step of each kind, and the two errors cancel exactly:
#
# $$G = (I + \tfrac12\Omega)\,(I - \tfrac12\Omega)^{-1}$$
#
# In $n$ dims $\Omega$ is any **skew-symmetric** matrix, $\Omega^\top = -\Omega$. It has
# $n(n-1)/2$ free numbers above its diagonal, 496 for $n = 32$. Whatever they are, $G$ is a
# rotation: $G G^\top = I$ and $\det G = 1$. The set of all rotations is called $SO(n)$.
#
# ## The smallest thing that is right
#
# In the plane one can do it by hand. $w$ turns by the angle $2 \arctan(w/2)$:

# %%
w = 2.0
angle = 2 * math.atan(w / 2)
by_hand = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
quarter = torch.tensor([[0.0, -w], [w, 0.0]], dtype=torch.float64)
assert_close(cayley(quarter, eye[0]), by_hand, "a quarter turn")
print(f"w = {w} turns by {math.degrees(angle):.0f} degrees: (1, 0) becomes (0, 1)")

# %% [markdown]
# **Exercise omega.1.** Now for any $n$. Do not compute $G$, nor an inverse. Solve for the vector
# half-way, $u = (I - \Omega/2)^{-1} x$, and go on from there.


# %% tags=["exercise"]
def rotate(omega, x):
    """G x with G = (I + omega/2)(I - omega/2)^-1.

    omega: [n, n], skew-symmetric; x: [n]. Returns [n].
    """
    todo()


rotate = exercise("omega.1").check(rotate)

# %%
free = torch.randn(n, n, dtype=torch.float64).triu(1)
omega, x = free - free.T, torch.randn(n, dtype=torch.float64)
turned = rotate(omega, x)
assert_close(turned, cayley(omega, x), "the library's", length=n)
assert abs(turned.norm() / x.norm() - 1) < 1e-12
print(f"{n} dims: length {x.norm():.6f} before, {turned.norm():.6f} after")

# %% [markdown]
# The library's version does this for all tokens of a batch at once. Here is its source:

# %%
source(cayley)

# %% [markdown]
# ## Why a solve, and never an inverse
#
# On paper the two are the same. In float32, let $\Omega$ grow, and look at what
# is lost. Below: the relative error of $G x$ against float64, and the worst change of a length.

# %%
rows = []
for size in (1.0, 10.0, 1e3, 1e5):
    A = torch.randn(200, n, n) * size / math.sqrt(n)
    O, v = A - A.mT, torch.randn(200, n)
    I, exact = torch.eye(n), cayley(O.double(), v.double())
    inverted = ((I + O / 2) @ torch.linalg.inv(I - O / 2) @ v[..., None])[..., 0]
    row = {"size of Ω": size}
    for name, y in (("solve", cayley(O, v)), ("inverse", inverted)):
        row[f"error, {name}"] = error(y, exact).l2
        row[f"length off, {name}"] = (y.norm(dim=-1) / v.norm(dim=-1) - 1).abs().max().item()
    rows.append(row)
digits_lost = pd.DataFrame(rows).set_index("size of Ω")
assert (digits_lost["error, solve"] < 1e-5).all()
assert digits_lost["error, inverse"].iloc[-1] > 5 * digits_lost["error, solve"].iloc[-1]
digits_lost.map("{:.0e}".format)

# %% [markdown]
# For small $\Omega$ there is nothing to choose. For large ones the inverse loses one or two digits
# more: $G$ is then a product of a huge matrix and a tiny one, while $2u - x$ has nothing
# huge in it. And the solve is cheaper, as it computes one vector and not $n$. The design also says
# that Cayley is faster than the matrix exponential. Measured here, for 512 tokens:

# %%
A = torch.randn(512, n, n, device=device) / 6
O, v, I = A - A.mT, torch.randn(512, n, device=device), torch.eye(n, device=device)


def milliseconds(call, repeats=3 if fast else 20):
    """Median time of one call, after one to warm up."""
    call()
    return 1e3 * median(watch(call, device)() for _ in range(repeats))


times = {
    "solve": milliseconds(lambda: cayley(O, v)),
    "inverse": milliseconds(lambda: (I + O / 2) @ torch.linalg.inv(I - O / 2) @ v[..., None]),
    "exponential": milliseconds(lambda: torch.matrix_exp(O) @ v[..., None]),
}
print("times of a solve:", {name: round(t / times["solve"], 1) for name, t in times.items()})

# %% [markdown]
# ## Out of reach: minus one
#
# How far can $w$ turn? The angle is $2 \arctan(w/2)$. It approaches half a turn and never gets
# there:

# %%
ws = torch.linspace(-40, 40, 401, dtype=torch.float64)
planes = torch.stack([torch.stack([0 * ws, -ws]), torch.stack([ws, 0 * ws])]).permute(2, 0, 1)
ends = cayley(planes, eye[0].expand(len(ws), 2))
angles = torch.atan2(ends[:, 1], ends[:, 0]).rad2deg()
assert_close(angles, (2 * torch.atan(ws / 2)).rad2deg(), "the angle", length=400)
assert angles.abs().max() < 180
lines = {"Cayley": (ws, angles), "half a turn": (ws, torch.full_like(ws, 180.0))}
names = {"x_title": "w (no unit)", "y_title": "angle (degrees)"}
curves(lines, **names, title="The angle of a turn", dark=dark)

# %% [markdown]
# So $-1$ is no eigenvalue of $G$, in any dimension: the nearest one stays
# $2/\sqrt{1 + s^2/4}$ away, with $s$ the size of the largest eigenvalue of $\Omega$. Flipping the
# signs of two channels is something that this layer can approach at best, with large weights and
# flat gradients. Swapping two channels, or flipping a single one, is out altogether: these
# are reflections, with determinant $-1$.

# %%
free = 5 * torch.randn(50, 6, 6, dtype=torch.float64)
O = free - free.mT
G = cayley(O[:, None], torch.eye(6).double().expand(50, 6, 6)).mT
gap = (torch.linalg.eigvals(G) + 1).abs().min()
s = torch.linalg.eigvals(O).abs().max()
assert abs(gap / (2 / (1 + s**2 / 4).sqrt()) - 1) < 1e-6
assert (torch.linalg.det(G) - 1).abs().max() < 1e-9
print(f"50 random rotations: det = 1 in all; the nearest eigenvalue is {gap:.3f} away from -1")

# %% [markdown]
# Turn it yourself: choose the map, $w$, and how often it is applied. Try $w = 20$ with Cayley, then
# the smallest $w$ for which `I + Ω` has visibly left the circle.

# %%
turned_vector()

# %% [markdown]
# ## The promise, and where it fails
#
# The design says: *$G G^\top = I$, hence no exploding or vanishing gradients.* The first half is
# true. But look at what the layer does with $G$:
#
# $$x' = x + \alpha\,G\,x_{1..n}$$
#
# $G$ stands beside a residual. What goes back through such a block is multiplied by
# $I + \alpha G^\top$, and that is no rotation.
#
# **Exercise omega.2.** By how much do so many blocks stretch a vector that lies in a plane which
# $G$ turns by `angle`? Draw the two arrows and add them.


# %% tags=["exercise"]
def growth(angle, alpha, blocks):
    """The factor by which `blocks` blocks x + alpha G x stretch a vector; angle in radians."""
    todo()


growth = exercise("omega.2").check(growth)

# %%
print(f"{blocks} blocks, alpha = 0.1:")
for degrees in (0, 60, 90, 120, 180):
    print(f"  G turns by {degrees:3d} degrees: {growth(math.radians(degrees), 0.1, blocks):.1e}")
assert growth(0.0, 0.1, 256) > 1e10 and growth(math.pi, 0.1, 256) < 1e-11

# %% [markdown]
# From $10^{-12}$ to $10^{10}$: both failures that were promised away, by the angle alone. Now the
# library's layer itself, which keeps the design's form as its default. We send a gradient back
# through 256 blocks, and through 256 steps of the other form, which really is a recurrence:
#
# $$h_t = G\,h_{t-1} + B\,x_t$$


# %%
def through_blocks(layer):
    """The gradient's size at each depth from the top, relative to the top."""
    xs = [torch.randn(1, 1, width, dtype=torch.float64, requires_grad=True)]
    for _ in range(blocks):
        xs.append(layer(xs[-1], torch.zeros_like(xs[-1])).x)
    up = torch.randn(width, dtype=torch.float64)
    grads = torch.autograd.grad((xs[-1] * up).sum(), xs[:-1])
    return [(g[..., :n].norm() / up[:n].norm()).item() for g in reversed(grads)]


def through_time(layer, steps):
    """The size of the gradient of h_T with respect to the state `steps` before."""
    h = torch.randn(1, n, dtype=torch.float64, requires_grad=True)
    x, up = torch.randn(1, steps, width).double(), torch.randn(1, n).double()
    (g,) = torch.autograd.grad((layer(x, x, OmegaState(h)).state.h * up).sum(), h)
    return (g.norm() / up.norm()).item()


# %%
plain = Omega(width, OmegaConfig(n=n, vq=False)).double()
recurrent = Omega(width, OmegaConfig(n=n, vq=False, recurrent=True)).double()
back = through_blocks(plain)
depths = [2**k for k in range(blocks.bit_length())]
kept = [through_time(recurrent, steps) for steps in depths]
assert back[-1] > 1e8 and all(abs(size - 1) < 1e-10 for size in kept)
lines = {"x + 0.1 G x, as printed": [back[k - 1] for k in depths], "h = G h + B x": kept}
names = {"x_title": "blocks, or steps, back (count)", "y_title": "gradient, at the top 1"}
print(f"gradient after {blocks} blocks: {back[-1]:.0e}; after {blocks} steps: {kept[-1]:.10f}")
log_lines(lines, depths, **names, title="A gradient on its way back", dark=dark)

# %% [markdown]
# Erratum **T24** of the course: the property belongs to the recurrence, where $G$ multiplies
# the state again and again and nothing else does. There it holds to ten digits. In a block it is
# a fine mixing of channels, with a learned strength $\alpha$, and protects nothing. (A real
# network of six waves has twelve such blocks, not 256, and norms between them. It will not
# overflow. But then $G$ is not what saves it.)
#
# Since nothing decays, the recurrent state grows with time. The library reads it through an RMS
# norm, and its $G$ is stored in its own basis, as $n/2$ angles, one scan for all of them. As
# every recurrence here, it gives the same numbers in one go and step by step:

# %%
x = torch.randn(2, 100, width, dtype=torch.float64)
whole, state, parts = recurrent(x, x).x, None, []
for t in range(x.shape[1]):
    y, state, _ = recurrent(x[:, t : t + 1], x[:, t : t + 1], state)
    parts.append(y)
assert_close(torch.cat(parts, 1), whole, "step by step", length=100)
with marslab.trace() as seen:
    recurrent(x, x)
turns = seen.events[-1].fields["turn"]
periods = 2 * math.pi / turns
print(f"{len(turns)} planes, with periods from {periods.min():.0f} to {periods.max():.0f} steps")

# %% [markdown]
# ## A cheaper rotation
#
# The full layer solves a 32 × 32 system for every token, and needs 496 linear outputs to fill
# $\Omega$. With `rank=2`, $\Omega = U V^\top - V U^\top$ with $U, V$ of two columns each.
# Woodbury's identity turns the solve into a 4 × 4 one, **exactly**:
#
# $$G x = x - 2 W (W^\top W + 2 J)^{-1} W^\top x, \qquad W = [U, V]$$

# %%
W = torch.randn(20, n, 4, dtype=torch.float64) / 3
U, V = W.chunk(2, -1)
v = torch.randn(20, n, dtype=torch.float64)
small, large = cayley_low_rank(W, v), cayley(U @ V.mT - V @ U.mT, v)
assert_close(small, large, "Woodbury", length=n)
G = cayley_low_rank(W[:1], torch.eye(n).double())  # row i: what becomes of axis i
moved = ((torch.linalg.eigvals(G) - 1).abs() > 1e-9).sum().item()
assert moved == 4
print(f"the same vectors, to {error(small, large).worst:.0e}; G turns {moved} of {n} dims")

# %% [markdown]
# What is given up: at one token only four dims turn. What is won, forward and with gradients:

# %%
forms = {"full": {}, "rank 2": {"rank": 2}, "rank 8": {"rank": 8}}
tokens, rows = torch.randn(4, 128, width, device=device), {}
for name, how in {**forms, "recurrent": {}}.items():
    config = OmegaConfig(n=n, vq=False, recurrent=name == "recurrent")
    layer = Omega(width, config, **how).to(device)

    def learn(layer=layer):
        layer.zero_grad()
        layer(tokens, tokens).x.square().sum().backward()

    with torch.no_grad():
        forward = milliseconds(partial(layer, tokens, tokens))
    numbers = sum(p.numel() for p in layer.parameters())
    rows[name] = {"forward": forward, "with gradients": milliseconds(learn), "parameters": numbers}
costs = pd.DataFrame(rows).T
assert costs.loc["full", "parameters"] > 3 * costs.loc["rank 2", "parameters"]
print("each relative to rank 2, for 512 tokens")
(costs / costs.loc["rank 2"]).round(1)

# %% [markdown]
# ## The other half: a codebook
#
# A **vector quantiser** holds $K$ codes. Each vector is replaced by the nearest of them. What goes
# on to the next layer is one of $K$ things, so something discrete.
#
# Nearest is a choice, and a choice has no slope. The usual way out is to go **straight through**:
# forwards take the code, backwards pretend that nothing happened. The design stops there:

# %%
codes = torch.randn(16, 4, requires_grad=True)
z = torch.randn(100, 4, requires_grad=True)
chosen = codes[torch.cdist(z, codes).argmin(-1)]
value = z + (chosen - z).detach()  # straight through
for_z, for_codes = torch.autograd.grad(value.square().sum(), [z, codes], allow_unused=True)
assert_close(value, chosen, "the value is the code", dtype=torch.float32)
assert for_codes is None and torch.equal(for_z, 2 * value)
print("gradient of z:", tuple(for_z.shape), "  gradient of the codes:", for_codes)

# %% [markdown]
# `None` (erratum **T25**). The codes stay where they were born, for ever. Two repairs are known:
# a second loss that pulls each code to its vectors, or no gradient at all: let each code be the
# **moving average** of the vectors that chose it. The library does the latter.
#
# **Exercise omega.3.** Keep two averages for each code: how many vectors chose it, and the sum of
# these. The code is the second over the first. Written as a step:
#
# $$c \leftarrow \delta\,c + (1-\delta)\,n, \qquad
#   e \leftarrow e + (1-\delta)\,\frac{s - n\,e}{c}$$
#
# with $n$ the number of vectors in this batch that chose the code, and $s$ their sum.


# %% tags=["exercise"]
def follow(codes, counts, z, index, decay):
    """One step of both averages.

    codes: [K, C]; counts: [K]; z: [N, C]; index: [N], which code each vector chose.
    Returns the new codes and the new counts.
    """
    todo()


follow = exercise("omega.3").check(follow)

# %%
vq = VectorQuantizer(5, 3, decay=0.9, dead=0.0).double()
mine, counts = vq.codes.clone(), torch.ones(5).double()
vq.counts.fill_(1.0)
for _ in range(20):
    z = torch.randn(1, 40, 3, dtype=torch.float64)
    index = vq(z).index[0]
    mine, counts = follow(mine, counts, z[0], index, 0.9)
assert_close(vq.codes, mine, "the library's codes", length=20)
assert_close(vq.counts, counts, "and its counts", length=20)
print("twenty batches: your codes and the library's are the same")

# %% [markdown]
# ## Does it find anything? Handwritten digits
#
# 1,797 pictures of 8 × 8 pixels come with scikit-learn. Each is a vector of 64 numbers. Sixty-four
# codes shall stand for all of them. Three ways: codes that stay where they are, codes
# that follow, and codes that follow with **revival**: a code that hardly anyone chooses jumps onto
# a vector of the batch. We judge on the last 297 pictures, which no code has seen. The error is
# relative to always guessing the mean picture.

# %%
pictures = torch.tensor(load_digits().data, dtype=torch.float32, device=device) / 16
seen, unseen = pictures[:1500], pictures[1500:]
about_mean = (unseen - seen.mean(0)).square().mean()


def trained(learns, **settings):
    """A quantiser after 300 batches, and how it does on pictures it has not seen."""
    marslab.seed_everything(seed)
    vq = VectorQuantizer(64, 64, **settings).to(device).train(learns)
    for _ in range(300 if fast else 1000):
        vq(seen[torch.randint(len(seen), (1, 128))])
    with marslab.trace() as told:
        found = vq.eval()(unseen[None])
    off = (unseen - found.value[0]).square().mean() / about_mean
    used = told.events[-1].fields["used"] * 64
    perplexity = told.events[-1].fields["perplexity"]
    return vq, {"codes used": used.item(), "perplexity": perplexity.item(), "error": off.item()}


# %%
ways = {
    "straight through alone": (False, {}),
    "following": (True, {"dead": 0.0}),
    "following, with revival": (True, {}),
}
results = {name: trained(learns, **how) for name, (learns, how) in ways.items()}
table = pd.DataFrame({name: scores for name, (_, scores) in results.items()}).T
stuck, following, revived = table["error"]
assert stuck > 1 and revived < 0.45 < following < 1
assert table["codes used"].iloc[1] < 16 and table["codes used"].iloc[2] > 50
table.round({"codes used": 0, "perplexity": 1, "error": 2})

# %% [markdown]
# Codes that stay are worse than the mean picture. Codes that follow are better, but only the few
# that happened to be near the data ever get a vector, and the rest starve. (The **perplexity** says
# how many codes are in use, if all of those were used alike.) With revival nearly all take part.
# Here are all 64, laid out as 8 × 8 pictures. Nobody told the quantiser what a digit is.

# %%
codes = results["following, with revival"][0].codes
assert codes.shape == (64, 64)
sheet = torch.nn.functional.pad(codes.view(8, 8, 8, 8), (0, 1, 0, 1))  # a pixel between them
sheet = sheet.permute(0, 2, 1, 3).reshape(72, 72)[:-1, :-1].cpu()
names = {"rows": "pixel (index)", "columns": "pixel (index)", "name": "ink (0 to 1)"}
fig = matrix_heatmap(sheet, **names, title="64 codes for digits", dark=dark, height=560)
fig.update_yaxes(scaleanchor="x", constrain="domain").update_xaxes(constrain="domain")

# %% [markdown]
# ## The last piece: commitment
#
# In a network an encoder makes $z$, and straight through gives it only half of the truth. It hears
# what the code should have been. It does not hear how far $z$ is from the code, so nothing stops
# $z$ from running away while the codes run after it. The **commitment loss**, $0.25$ times
# the mean of $(z - \text{code})^2$, ties $z$ to its code. Let us take it away:


# %%
def autoencoder(commitment):
    """Size of z, and error, after 400 steps with 32 codes of width 8."""
    marslab.seed_everything(seed)
    encode, decode = torch.nn.Linear(64, 8).to(device), torch.nn.Linear(8, 64).to(device)
    vq = VectorQuantizer(32, 8, commitment=commitment).to(device)
    optimizer = torch.optim.Adam([*encode.parameters(), *decode.parameters()], 1e-2)
    for _ in range(400):
        x = seen[torch.randint(len(seen), (1, 128))]
        found = vq(encode(x))
        loss = (decode(found.value) - x).square().mean() + found.loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        z = encode(unseen[None])
        off = (decode(vq.eval()(z).value) - unseen).square().mean() / about_mean
    return {"length of z": z.norm(dim=-1).mean().item(), "error": off.item()}


tied, loose = autoencoder(0.25), autoencoder(0.0)
assert loose["length of z"] > 2 * tied["length of z"]
pd.DataFrame({"commitment 0.25": tied, "none": loose}).T.round(2)

# %% [markdown]
# ## Both halves together
#
# `Omega` adds them: $x' = x + \alpha\,\mathrm{lie} + \beta\,\mathrm{vq}$, with $\alpha$ and
# $\beta$ learned, both from 0.1. $\Omega$ comes from the *causal* mean of the tokens so far, since
# the mean over the whole sequence would tell a language model its own future. The loss of the
# quantiser comes back with the result, and belongs into the training loss.

# %%
source(Omega.forward)

# %%
layer = Omega(width, OmegaConfig(n=n)).train()
x = torch.randn(2, 50, width)
out = layer(x, x.cumsum(1) / torch.arange(1, 51)[:, None])
(out.x.square().mean() + out.loss).backward()
without = [name for name, p in layer.named_parameters() if p.grad is None or not p.grad.any()]
assert without == [] and out.loss > 0
print("every parameter has a gradient; the codes are no parameters, they follow")

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are), predict first, then
# change the cell and run it. Each answer is a number on your screen.
#
# 1. **A quiet angle.** At which angle does a block $x + 0.1\,G x$ neither stretch nor shrink?
#    Solve $(1 + \alpha\cos\theta)^2 + (\alpha\sin\theta)^2 = 1$, then ask `growth`.
# 2. **Fewer codes.** Train with 16 codes, and with 256. By how much does the error fall for each
#    four-fold? What would it be with 1,500 codes?
# 3. **Revival off late.** Train with revival for 300 batches, then set `vq.dead = 0` and go on for
#    300 more. Do codes die?
#
# ## Recap
#
# - Cayley's map makes a rotation of any skew-symmetric matrix. One solve, no inverse.
# - $-1$ and reflections are out of reach.
# - $G G^\top = I$ protects a gradient where $G$ is the recurrence, and only there: a factor
#   of 1 after 256 steps, against some $10^{10}$ through 256 blocks with a residual.
# - Rank 2 is as exact as the full matrix, and several times cheaper. It turns four dims at a time.
# - Straight through alone never moves a code. Moving averages do; revival keeps all codes in use,
#   and commitment keeps $z$ where its code is.
#
# **Source.** `marslab.layers.Omega` and `marslab.layers.omega` (`cayley`, `cayley_low_rank`),
# `marslab.layers.VectorQuantizer`.
#
# **Papers.**
# - Helfrich, Willmott & Ye 2018,
#   [Orthogonal recurrent neural networks with scaled Cayley transform](https://arxiv.org/abs/1707.09520):
#   also what to do about $-1$.
# - Arjovsky, Shah & Bengio 2016,
#   [Unitary evolution recurrent neural networks](https://arxiv.org/abs/1511.06464).
# - van den Oord, Vinyals & Kavukcuoglu 2017,
#   [Neural discrete representation learning](https://arxiv.org/abs/1711.00937): straight through,
#   commitment, moving averages.
#
# **Next.** [33_mole_routing](33_mole_routing.ipynb): which expert should look at this token?
