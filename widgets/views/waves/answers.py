"""The Waves view's tables, its sentences and its Python, made from what one run found."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape

import numpy as np
import pandas as pd

from marslab.text import Cp1251Tokenizer
from marslab.widgets.views.waves.run import Passed, WavesResult
from marslab.widgets.views.waves.setup import EVERY, WavesSetup

MARK = 'style="background: var(--ml-accent); color: var(--ml-on-accent)"'
SIGNS = {0: "∅", 2: "⊢", 3: "⊣", 10: "↵", 32: "␣"}
GATE_NAMES = {
    "merge": "α",
    "need": "memory gate",
    "novelty": "novelty gate",
}
READ = {
    "alpha": (
        "α is the share of the right block where the two blocks of a wave become one stream again:"
        " 0 is the left block alone, 1 the right one."
    ),
    "correction": (
        "The merge adds a correction to the weighted mean of both blocks; shown is its length"
        " beside that of the mean."
    ),
    "need": (
        "How much memory each block asks for. The first wave has none yet. What enters is this"
        " times the cosine of what is wanted and what is known, where that is above 0: the column"
        " strength of the data."
    ),
    "novelty": (
        "How much of its own result a block keeps; the rest is what it was given. Below 0.2 the"
        " block is passed over."
    ),
    "experts": (
        "Each block asks two of the experts for each byte; shown is the one of the larger weight."
        " The names were given before training: nothing makes “math” do the sums."
    ),
    "memory": (
        "Left: how far the spine turns the memory in each wave. Right: how alike the memories after"
        " two waves are, mean over the bytes; 1 is the same direction."
    ),
    "depth": (
        "Each row ends the model after so many waves. A letter is the byte that would be likeliest"
        " there, the answer so far given; its colour is the chance of the answer's own byte."
    ),
}


def shown(result: WavesResult, side: str) -> Passed:
    """The run that the figure is about: the free one where no gate is held."""
    return result.held if side == "held" and result.held is not None else result.free


def sign(id: int) -> str:
    """A byte as it stands on an axis.

    >>> [sign(id) for id in (2, 52, 32, 10, 3)]
    ['⊢', '4', '␣', '↵', '⊣']
    """
    return SIGNS.get(id, Cp1251Tokenizer().decode([id]))


def tokens(passed: Passed) -> list[str]:
    """The bytes that were read, as signs: all but the last one that was written."""
    return [sign(id) for id in passed.ids[:-1]]


def waves(passed: Passed) -> list[str]:
    """The waves, counted from 1."""
    return [str(wave) for wave in range(1, len(passed.gates.alpha) + 1)]


def blocks(passed: Passed) -> list[str]:
    """The blocks, two a wave."""
    return [f"{wave} {side}" for wave in waves(passed) for side in ("left", "right")]


def held_name(setup: WavesSetup) -> str:
    """What is held, in words.

    >>> held_name(WavesSetup(gate="merge", wave=2, value=0.25))
    'α = 0.25 in wave 2'
    """
    where = "all waves" if setup.wave == EVERY else f"wave {setup.wave}"
    return f"{GATE_NAMES[setup.gate]} = {setup.value:g} in {where}"


def facts(result: WavesResult) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    free, held = result.free, result.held
    rows = [("Answer", free.text or "nothing", _verdict(free))]
    if held is not None:
        rows.append(("With the gate held", held.text or "nothing", _verdict(held)))
    last = held or free
    words = {True: "yes", False: "no", None: "not checked"}
    right = words[free.right] if held is None else f"{words[free.right]} → {words[held.right]}"
    if free.right is None:
        right = words[None]
    return [
        *rows,
        ("Right", right, "by a second solver, which knows nothing but the question"),
        (
            "Settled",
            f"from wave {last.settled}",
            "on, each likeliest byte is that of the last wave",
        ),
        ("Time", f"{last.seconds:.2f} s", "to write the answer and to watch it, on this machine"),
    ]


def card(result: WavesResult, figure: str) -> str:
    """Both answers, byte by byte, and how to read the figure."""
    free, held = result.free, result.held
    rows = {"Free": escape(free.text)}
    if held is not None:
        rows[held_name(result.setup)] = _marked(held.text, free.text)
        rows["Change"] = escape(change_sentence(result))
    rows["Figure"] = escape(READ[figure])
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{text}</dd>" for name, text in rows.items())
    title = escape(f"{result.setup.model}, asked “{result.setup.question}”")
    return f'<div class="ml-card ml-answer" role="status"><h2>{title}</h2><dl>{lines}</dl></div>'


def change_sentence(result: WavesResult) -> str:
    """What holding the gate did to the answer."""
    free, held = result.free, result.held
    if held is None:
        return "No gate is held."
    if held.text == free.text:
        shift = np.abs(held.depth.chance[-1] - free.depth.chance[-1]).max()
        return f"The same answer; the chance of a byte moves by up to {shift:.3f}."
    pairs = zip(free.text, held.text, strict=False)
    first = next((at for at, (a, b) in enumerate(pairs) if a != b), None)
    if first is None:
        return f"The shorter of the two ends after {min(len(free.text), len(held.text))} letters."
    return f"From letter {first + 1} on it is another answer."


def per_wave(result: WavesResult, side: str) -> pd.DataFrame:
    """Alpha, the correction and the spine: one row for each wave and byte."""
    gates = shown(result, side).gates
    found = {"alpha": gates.alpha, "correction": gates.correction, "spine_cosine": gates.spine}
    return _long(shown(result, side), {"wave": waves(shown(result, side))}, found)


def per_block(result: WavesResult, side: str) -> pd.DataFrame:
    """The memory gate, what came in by it, novelty and all experts: one row a block and byte."""
    passed = shown(result, side)
    gates = passed.gates
    found = {"need": gates.need, "strength": gates.strength, "novelty": gates.novelty}
    found |= {name: gates.routing[..., at] for at, name in enumerate(result.experts)}
    names = {
        "wave": [wave for wave in waves(passed) for _ in "lr"],
        "block": ["left", "right"] * len(waves(passed)),
    }
    return _long(passed, names, found)


def memories(result: WavesResult, side: str) -> pd.DataFrame:
    """The spine's cosine for each wave and byte, then that of each two memories."""
    passed = shown(result, side)
    names = waves(passed)
    spine = _long(passed, {"wave": names}, {"cosine": passed.gates.spine})
    alike = [
        {"wave": one, "other_wave": other, "cosine": passed.gates.memory[i, j]}
        for i, one in enumerate(names)
        for j, other in enumerate(names)
    ]
    return pd.concat([spine, pd.DataFrame(alike)], ignore_index=True)


def depths(result: WavesResult, side: str) -> pd.DataFrame:
    """What each wave would write, and the chance of the answer's byte."""
    passed = shown(result, side)
    goal = passed.ids[passed.prompt :]
    rows = [
        {
            "wave": wave,
            "place": at,
            "byte": sign(id),
            "likeliest": sign(int(best)),
            "chance": chance,
        }
        for wave, (ids, chances) in enumerate(zip(*passed.depth, strict=True), 1)
        for at, (id, best, chance) in enumerate(zip(goal, ids, chances, strict=True))
    ]
    return pd.DataFrame(rows)


def source(values: Mapping[str, object], figure: str, side: str) -> str:
    """Python that gives the numbers again, then the view, whether the values go together or not."""
    default = {field.name: field.default for field in fields(WavesSetup)}
    given = [
        f"{name}={value!r}"
        for name, value in values.items()
        if value != default[name] or name == "model"
    ]
    looks = {"figure": (figure, "alpha"), "side": (side, "held")}
    seen = [f"{name}={now!r}" for name, (now, was) in looks.items() if now != was]
    lines = [
        "import panel as pn",
        "from marslab.widgets.views import WavesView",
        "from marslab.widgets.views.waves import WavesSetup, run",
        "",
        'pn.extension("plotly")',
        f"found = run(WavesSetup({', '.join(given)}))",
        "free, held = found.free, found.held  # the answers, the gates of each, each wave's bytes",
        f"WavesView({', '.join([*given, *seen])})  # the view itself, in a notebook",
    ]
    return "\n".join(lines) + "\n"


def _long(
    passed: Passed, names: Mapping[str, Sequence[str]], found: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Matrices [R, L] as columns, with the names of their rows and the bytes beside them."""
    read = tokens(passed)
    R, L = len(next(iter(names.values()))), len(read)
    table: dict[str, object] = {name: np.repeat(rows, L) for name, rows in names.items()}
    table |= {"place": np.tile(np.arange(L), R), "byte": read * R}
    return pd.DataFrame(table | {name: values.reshape(-1) for name, values in found.items()})


def _verdict(passed: Passed) -> str:
    words = {True: "right", False: "wrong", None: "nobody here can check it"}
    return words[passed.right] + ("" if passed.ended else "; cut off, it wrote no end")


def _marked(text: str, free: str) -> str:
    """The text, with what is not as in the free answer marked."""
    return "".join(
        escape(letter) if free[at : at + 1] == letter else f"<mark {MARK}>{escape(letter)}</mark>"
        for at, letter in enumerate(text)
    )
