# %% [markdown]
# # Remember, recall: Memo, LEANN and the hub
#
# Weights forget. A file does not. Beside the memory that learns
# ([22_titans_surprise](22_titans_surprise.ipynb)) TARS has one that writes things down: a cache of
# answers (Memo), a store of texts that is searched by likeness (LEANN), and one door to all of
# them, the hub. Here you build each by hand, measure it, and find out where it lies to you.
#
# **You will learn**
# - how a text becomes a vector with no model and no download, and what that vector cannot see;
# - why a cache of questions is a matrix product and no lookup in constant time;
# - what exact search costs, when a graph of neighbours is faster, and what it misses;
# - what is left on the disk when a process dies in the middle of a write;
# - how all that is known of a question becomes one vector.
#
# **Time** about 40 minutes. The cells themselves need some seconds. Nothing is downloaded.

# %% tags=["parameters"]
fast = True  # False: the search is measured on more records
seed = 0
device = "cpu"  # the store is searched on the CPU in any case
dark = False  # True: figures for a dark JupyterLab
width = 384  # numbers of a text's vector
question = "How many legs does a spider have?"

# %%
import inspect
import math
import shutil
import tempfile
import time
import unicodedata
from collections import Counter
from pathlib import Path
from statistics import median
from textwrap import dedent

import numpy as np
import pandas as pd
import plotly.io as pio
import torch
from IPython.display import Markdown, display

# %%
import marslab
from marslab.errors import UserError
from marslab.lab.course import exercise, todo
from marslab.memory import HashedNgramEmbedder, Leann, Memo, MemoryHub, Record, Store, Titans
from marslab.memory.embedding import FNV, MIX_1, MIX_2, TOKEN
from marslab.tasks.authored import knowledge
from marslab.widgets.explorers import nearest_texts
from marslab.widgets.figures import CONFIG, log_lines, neighbour_map, plane

pio.renderers["plotly_mimetype"].config = CONFIG  # no button that sends a figure away
_ = marslab.seed_everything(seed)
printed = (seed, width) == (0, 384)  # the text below speaks of these


def source(function):
    """Show the source of a library function, with colours."""
    return Markdown(f"```python\n{dedent(inspect.getsource(function))}```")


# %% [markdown]
# ## A picture first: texts as points
#
# The course has a small file of facts, in Russian and in English, each with a question. An
# *embedder* gives every text a vector of length 1. Texts that are alike point the same way. Here
# are all of them, and a question with its three nearest.

# %%
facts = knowledge()
texts = [fact.fact for fact in facts]
languages = [{"ru": "Russian", "en": "English"}[fact.language] for fact in facts]
embed = HashedNgramEmbedder(width)
rows = embed(texts)
asked = embed([question])[0]
near = np.argsort(-(rows @ asked))[:3].tolist()
share = plane(rows)[2]
assert texts[near[0]] == "A spider has 8 legs." and share < 0.25
print(f"{len(texts)} texts, {width} numbers each")
title = f"Where “{question}” stands"
neighbour_map(rows, texts, asked, near, groups=languages, title=title, dark=dark)

# %% [markdown]
# Look at the name of the axis below the figure. A plane shows only a small part of how 384 numbers
# differ, so points that touch here may be far from each other. The search never looks at this
# plane. It uses all the numbers. The picture is for us.
#
# ## From characters to vectors
#
# The vector is made of *n-grams*: pieces of one to four characters. A word gets a space at both
# ends, `" cat "`, and its pieces of two are `" c"`, `"ca"`, `"at"` and `"t "`. The borders are part
# of a piece, so the *c* that begins a word is another piece than a *c* inside.
#
# **Exercise hub.1.** Count the pieces of one word.


# %% tags=["exercise"]
def my_grams(word, longest):
    """How often each n-gram of 1 to `longest` characters occurs in " word ", a lone space never.

    Returns a dict from the n-gram to its count.
    """
    todo()


my_grams = exercise("hub.1").check(my_grams)

# %%
assert my_grams("cat", 2) == {"c": 1, "a": 1, "t": 1, " c": 1, "ca": 1, "at": 1, "t ": 1}
print(my_grams("banana", 3))

# %% [markdown]
# There are far too many different pieces to give each a place of its own. So a **hash** chooses
# the place: arithmetic that scatters pieces evenly and gives the same number in every process.
# Python's own `hash` does not, it differs from run to run. Two pieces may meet in one place. A
# sign, taken from the hash too, lets such meetings cancel on average (Weinberger et al. 2009).


# %%
def scattered(gram):
    """32 bits of a piece: FNV-1a over its characters, then MurmurHash3's last mixing."""
    bits, h = 2**64 - 1, len(gram)
    for character in gram:
        h = (h ^ ord(character)) * int(FNV) & bits
    for factor in (int(MIX_1), int(MIX_2)):
        h = (h ^ h >> 33) * factor & bits
    return (h ^ h >> 33) >> 32


def slow_embedding(text):
    """One piece at a time: a longer piece weighs more, a repeated one a little more."""
    counts, found = Counter(), np.zeros(width)
    for word in TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()):
        counts.update(my_grams(word, 4))
    for gram, count in counts.items():
        h = scattered(gram)
        found[h % width] += (-1) ** (h >> 31) * len(gram) * (1 + math.log(count))
    return found / np.linalg.norm(found)


# %% [markdown]
# The library's version does all texts at once, on arrays of character codes. Both must agree.

# %%
by_hand = np.array([slow_embedding(text) for text in texts])
assert np.allclose(rows, by_hand, atol=1e-6)
assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
print("largest difference:", np.abs(rows - by_hand).max())
source(HashedNgramEmbedder._embedded)

# %% [markdown]
# ## Cosine, and what it cannot see
#
# Vectors of length 1 are compared by their product, the cosine: 1 is the same direction, 0 nothing
# in common. Before you run the cell: which of these pairs will be most alike?

# %%
pairs = [
    ("light on", "Lights on!"),
    ("car", "cars"),
    ("car", "automobile"),
    ("A spider has 8 legs.", "У паука 8 ног."),
    ("dog bites man", "man bites dog"),
    ("Solve: x^2 - 5x + 6 = 0", "Solve: x^2 - 5x + 7 = 0"),
]
cosines = [float(a @ b) for a, b in (embed(pair) for pair in pairs)]
assert not printed or (cosines[0] > cosines[1] > 0.4 and max(cosines[2:4]) < 0.1)
assert cosines[4] > 0.9999 and (cosines[5] > 0.92 or not printed)
pd.DataFrame([(*p, c) for p, c in zip(pairs, cosines, strict=True)], columns=["", " ", "cosine"])

# %% [markdown]
# *Dog bites man* and *man bites dog* are the same to it: pieces stay within words, so the order of
# words is lost. *Car* and *automobile* are strangers. And two equations that have different
# solutions are more alike than *car* and *cars*. Keep the last one in mind.
#
# That is the price of an embedder with no training and no download. It is exact about spelling and
# blind to meaning. A trained one (`SentenceEmbedder`, `pip install 'marslab[embed]'`) sees meaning
# and has to be fetched.
#
# ## Memo: a cache of answers
#
# The cheapest answer is one that was given before. Memo keeps up to 256 questions with their
# answers. A question is found again if its cosine with a kept one is at least 0.92.
#
# **Exercise hub.2.** Look it up.


# %% tags=["exercise"]
def my_lookup(keys, vector, threshold):
    """The row of the most similar key if its cosine is at least the threshold, else -1.

    Of several that are equally similar, the first. keys: [N, M] and vector: [M], of length 1.
    """
    todo()


my_lookup = exercise("hub.2").check(my_lookup)

# %%
kept = ["включи свет", "How high is the lighthouse?", "Solve: x^2 - 5x + 6 = 0"]
memo = Memo(size=3, dim=width)
for key, answer in zip(kept, ["ok", "31 metres", "2; 3"], strict=True):
    memo.put(embed([key])[0], key, answer)
keys = torch.tensor(embed(kept))
for text in ("Включи свет!", "how high is the lighthouse", "How deep is the sea?"):
    vector = embed([text])[0]
    row, hit = my_lookup(keys, torch.tensor(vector), 0.92), memo.get(vector, text)
    assert (hit is None) == (row == -1) and (hit is None or hit.question == kept[row])
    print(f"{text:30}", "no hit" if hit is None else f"{hit.answer} (cosine {hit.score:.2f})")

# %% [markdown]
# ## What goes wrong: a cache that is too sure
#
# The two equations again. The cache holds the first, somebody asks the second. The design looks at
# the cosine alone. Ours also wants the same numbers and signs in both questions.

# %%
other = "Solve: x^2 - 5x + 7 = 0"
loose = Memo(size=3, dim=width, strict=False)
for each in (loose, memo):
    each.put(embed(kept[2:])[0], kept[2], "2; 3")
wrong, right = (each.get(embed([other])[0], other) for each in (loose, memo))
assert right is None and (not printed or wrong.answer == "2; 3")
print(f"cosine alone: {wrong and wrong.answer!r}; with the numbers compared: {right}")

# %% [markdown]
# *2; 3* does not solve the second equation. A fast wrong answer, at a cosine above the threshold.
#
# **"O(1)" (erratum T59).** The design calls Memo a lookup in constant time. A hash table is one.
# But a hash knows only *equal*, and "at least 0.92 alike" is not *equal*. What the cache does is a
# product of all its keys with the question. At 256 keys that is little. It is not constant:


# %%
def milliseconds(call, repeats=20):
    """Median time of one call, after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return median(times[1:])


spent = {}
for size in (16, 256, 4096, 16384):
    many = np.random.default_rng(seed).standard_normal((size, width)).astype(np.float32)
    full = Memo(size, width)
    for i, row in enumerate(many / np.linalg.norm(many, axis=1, keepdims=True)):
        full.put(row, f"question {i}", "answer")
    spent[size] = milliseconds(lambda full=full: full.get(asked, question))
columns = {"multiplications": [size * width for size in spent], "time (ms)": list(spent.values())}
pd.DataFrame(columns, index=pd.Index(list(spent), name="keys")).round(3)

# %% [markdown]
# Small numbers, as a cache should have. The honest sentence is: *256 × 384 multiplications*.
#
# ## Exact search, and a graph of neighbours
#
# A store of texts grows without bound. `Leann` searches it in two ways. **Exact**: one product of
# all vectors with the question, then the best ten. **HNSW** (Malkov & Yashunin 2016): a graph in
# which every vector knows some neighbours, on several levels. A search walks from neighbour to
# neighbour towards the question and sees only a few hundred vectors. What it does not see it cannot
# find. The share of the true ten that it finds is its **recall@10**.
#
# (The design says "ANN" and "O(N)" in one line, erratum T60: what is O(N) is exact search. And
# Berkeley's LEANN is another program.) We measure both on made-up sentences.

# %%
words = "sea wave river engine window kernel garden harbour bridge letter forest signal".split()
verbs = "finds holds crosses measures forgets teaches carries repairs divides lights".split()


def made_up(count, seed):
    """Sentences with few words and many numbers."""
    draws = np.random.default_rng(seed)
    a, b = draws.integers(len(words), size=(2, count))
    v, n = draws.integers(len(verbs), size=count), draws.integers(10_000, size=count)
    return [
        f"the {words[i]} {verbs[k]} the {words[j]}, number {m}"
        for i, j, k, m in zip(a, b, v, n, strict=True)
    ]


# %%
def measured(size, queries=40):
    """Time of a search both ways (ms), of building the graph (s), and recall@10."""
    with Store() as store:
        store.add(Record(0, text, 0.0, {}) for text in made_up(size, seed))
        leann, looked = Leann(store), store.embedded(made_up(queries, seed + 1))
        start = time.perf_counter()
        leann.search(looked[0], 10, exact=False)
        built = time.perf_counter() - start
        found = {way: [leann.search(v, 10, exact=way) for v in looked] for way in (True, False)}
        spent = [milliseconds(lambda w=way: leann.search(looked[0], 10, exact=w)) for way in found]
    true, near = ([{hit.id for hit in hits} for hits in found[way]] for way in (True, False))
    return *spent, built, sum(len(a & b) for a, b in zip(true, near, strict=True)) / (10 * queries)


# %%
sizes = (500, 2000, 8000) if fast else (500, 2000, 8000, 32000)
columns = ["exact (ms)", "HNSW (ms)", "building the graph (s)", "recall@10"]
found = pd.DataFrame([measured(size) for size in sizes], columns=columns, index=list(sizes))
assert found["recall@10"].min() >= 0.95
display(found.rename_axis("records").round(3))
lines = {name: found[name] for name in columns[:2]}
titles = {"x_title": "records (count)", "y_title": "time of a search (ms)"}
log_lines(lines, sizes, **titles, title="Two ways to search a store", dark=dark, height=340)

# %% [markdown]
# Exact search grows with the store, the walk in the graph hardly. Read your own table: up to a few
# thousand records the product is usually as fast as the walk or faster. It never misses, and
# nothing has to be built. So `Leann` is
# exact up to 20,000 records (`exact_below`) and takes the graph above. The graph sees vectors in 8
# bits and only *proposes*: the stored, exact vectors are compared before an answer goes out.
#
# ## What a kill may lose
#
# The store is one SQLite file. `remember` returns when the record is on the disk, in a
# *write-ahead log* beside the file. What if the process is killed? A kill leaves the files as they
# are at that moment. So we need not kill anybody: copy the files while the process lives, and open
# the copy.

# %%
folder = Path(tempfile.mkdtemp(prefix="marslab-"))


def left_behind(name):
    """The texts in the files as a kill at this moment would leave them."""
    copy = folder / name
    copy.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(folder / f"store.sqlite{ending}", copy / f"store.sqlite{ending}")
    with Store(copy / "store.sqlite") as store:
        return [record.text for record in store.records()]


# %%
store = Store(folder / "store.sqlite", embed)
store.remember("one")
try:
    with store.database.transaction() as run:
        run("INSERT INTO records (text, created, meta) VALUES ('two', 0, '{}')")
        in_the_middle = left_behind("middle")
        raise InterruptedError("the writer dies here")
except InterruptedError as end:
    print(end, "->", in_the_middle)
store.remember("three")
assert in_the_middle == ["one"] and left_behind("end") == ["one", "three"]
print("after the next remember ->", left_behind("later"))

# %% [markdown]
# What was acknowledged is there. What was half written is not, not even a part of it. The project's
# tests do it the hard way too: they kill a writing process a hundred times at random moments.
#
# What *may* be lost is what can be made again: the graph (`.hnsw`) and the fast weights of Titans
# (`.titans`) are files beside the store. If they are missing, damaged or of another store, they are
# built again from SQLite (of Titans: the newest 256 records).
#
# **Never two embedders in one store.** Numbers of one embedder mean nothing to another. Both may be
# 384 wide, no shape would complain, and every search would return nonsense. So a store is bound to
# the one that wrote it:

# %%
store.close()
try:
    Store(folder / "store.sqlite", HashedNgramEmbedder(96))
    raise SystemExit("this should have been refused")
except UserError as refused:
    said = str(refused).replace(f"{folder}/", "")
assert f"was written with the embedder {embed.name!r}" in said
print(said)
with Store(folder / "store.sqlite") as store:
    store.reindex(HashedNgramEmbedder(96))
    assert (store.dim, len(store)) == (96, 2)
    print(f"converted: {len(store)} records, {store.dim} numbers each")

# %% [markdown]
# ## The hub: one door
#
# `MemoryHub` puts the parts behind `remember` and `recall`. A question passes Memo first, then
# LEANN. All facts go in, and every question is asked.

# %%
hub = MemoryHub(embedder=embed)
for fact in facts:
    hub.remember(fact.fact, {"language": fact.language})
recalled = [[hit.text for hit in hub.recall(fact.question, k=5)] for fact in facts]
first = [fact.fact == found[0] for fact, found in zip(facts, recalled, strict=True)]
among = [fact.fact in found for fact, found in zip(facts, recalled, strict=True)]
assert not printed or (sum(first) == len(facts) - 1 and all(among))
print(f"the right fact first: {sum(first)} of {len(facts)}, among five: {sum(among)}")
for fact, found, ok in zip(facts, recalled, first, strict=True):
    if not ok:
        print("not first:", fact.question, "->", found[0])

# %% [markdown]
# That looks splendid, and it flatters. The questions of that file use the words of their facts.
# Ask in other words:

# %%
reworded = {
    "Who is the author of Hamlet?": "William Shakespeare wrote Hamlet.",
    "Name the biggest ocean!": "The largest ocean is the Pacific.",
    "How hot is boiling water?": "Water boils at 100 degrees Celsius.",
    "What do spiders walk on?": "A spider has 8 legs.",
    "Which French town does the president live in?": "The capital of France is Paris.",
    "Сколько ножек у паучка?": "У паука 8 ног.",
}
hits = {asked: hub.recall(asked, k=5) for asked in reworded}
ranks = [
    next((at for at, hit in enumerate(hits[asked], 1) if hit.text == wanted), None)
    for asked, wanted in reworded.items()
]
table = {"asked": list(reworded), "first found": [found[0].text for found in hits.values()]}
table["rank of the right one"] = [rank or "not in five" for rank in ranks]
assert not printed or ranks == [None, 1, 1, 1, None, 1]
pd.DataFrame(table)

# %% [markdown]
# Four of six. *Biggest* for *largest* does no harm while *ocean* is there. But *Hamlet* stands in
# the fact too, and the fact is not among five: *who*, *is*, *the* and *of* bring as many pieces as
# the one word that matters, and nobody told the embedder which that is. A figure like the one above
# is worth what its questions are worth.
#
# ## One vector for all that is known
#
# A text is of no use inside of a model that thinks in vectors. So before it thinks, TARS asks the
# hub for a **memory vector**: the nearest records, each times its cosine, summed and scaled to
# length 1. What points away counts nothing.
#
# **Exercise hub.3.** Write it.


# %% tags=["exercise"]
def my_memory_vector(vectors, asked):
    """The sum of the vectors, each times its cosine with what is asked, scaled to length 1.

    A negative cosine counts as 0. vectors: [N, M], asked: [M], of length 1; returns [M].
    """
    todo()


my_memory_vector = exercise("hub.3").check(my_memory_vector)

# %%
order = np.argsort(-(rows @ asked), kind="stable")
by_hand = my_memory_vector(torch.tensor(rows[order[:5]]), torch.tensor(asked))
vector = hub.memory_vector(question, k=5)
torch.testing.assert_close(vector, by_hand, rtol=1e-4, atol=1e-5)
assert [hit.text for hit in hub.search(vector, 1)] == ["A spider has 8 legs."]
print("the loop and the hub agree; what the vector is like:")
pd.DataFrame([(hit.text, round(hit.score, 2)) for hit in hub.search(vector, 4)])

# %% [markdown]
# Two more voices may join in: an answer that was given before, times its cosine, and what Titans
# reads for the question, times one minus its surprise. A trace shows who was asked. Here the memory
# is 96 wide, as in the small TARS, and a fixed projection stands between the two.

# %%
living = MemoryHub(folder / "hub.sqlite", embed, Titans(96, 192))
with living, marslab.trace() as seen:
    for text in texts[-12:]:
        living.remember(text)
    before = living.memory_vector(question)
    living.keep_answer(question, "Eight.")
    (answer,) = living.projection.down(torch.tensor(embed(["Eight."])))
    after = living.memory_vector(question)
    answers = living.recall("how many legs does a spider have", k=2)
assert before.shape == (96,) and after @ answer > before @ answer
assert answers[0].source == "memo" and answers[0].text == "Eight."
files = sorted(path.name for path in folder.glob("hub.sqlite*"))
assert "hub.sqlite.titans" in files
print("asked:", seen.names(), "\nfiles:", files)
print("towards the kept answer:", f"{before @ answer:.2f} before, {after @ answer:.2f} after")
shutil.rmtree(folder)

# %% [markdown]
# ## Something to turn
#
# Type a question and see where it stands. Try one of the reworded ones, try a typing error, try
# another language. (Tab reaches the fields, the arrow keys move the slider.)

# %%
hub.close()
nearest_texts(texts, question, embed, groups=languages)

# %% [markdown]
# ## Try it
#
# Beside the three exercises above (`marslab progress` shows how far you are) there is more to try.
# Predict first, then change the cell and run it. Each answer is a number on your screen.
#
# 1. **A narrower vector.** Set `width = 128` at the top. How many facts are still found first?
#    And what has become of the cosine of the two equations?
# 2. **Longer pieces only.** Leave the pieces of one character out in `slow_embedding`. Is *car*
#    nearer to *cars* or farther away?
# 3. **When does the graph win?** Add 32000 to `sizes`. Where do the lines cross on your machine?
#
# ## Recap
#
# - Pieces of words, hashed into 384 places, make a vector with no training. It sees spelling only.
# - A cache by likeness is a product of all keys with the question (T59), and two questions may be
#   0.92 alike and have different answers: compare their numbers too.
# - Exact search never misses. A graph is for many records, and its recall is measured, not assumed.
# - What `remember` has acknowledged outlives a kill. What can be built again may be lost.
# - One store, one embedder.
# - The memory vector is a sum of what is near, weighed by how near it is.
#
# **Source.** `marslab.memory`: `embedding` (`HashedNgramEmbedder`), `memo` (`Memo`), `leann`
# (`Leann`), `exact_index`, `hnsw_index`, `store` (`Store`), `hub` (`MemoryHub`), `living`. In a
# shell: `marslab memory --help`.
#
# **Papers.**
# - Weinberger et al. 2009, [Feature hashing for large scale multitask
#   learning](https://arxiv.org/abs/0902.2206): the hash and its sign.
# - Joulin et al. 2017, [Bag of tricks for efficient text
#   classification](https://arxiv.org/abs/1607.01759): n-grams as features.
# - Malkov & Yashunin 2016, [Efficient and robust approximate nearest neighbor search using
#   hierarchical navigable small world graphs](https://arxiv.org/abs/1603.09320): HNSW.
#
# **Next.** How memory enters a block is part of the TARS walkthrough,
# [60_tars_walkthrough](60_tars_walkthrough.ipynb); how a thought ends is
# [34_integral_auditor](34_integral_auditor.ipynb). The map of the course is
# [00_start](00_start.ipynb).
