"""Small pieces of Python: what an expression, some lines, a list or a string gives."""

from random import Random

from marslab.tasks.reasoning import wording
from marslab.tasks.reasoning.problem import Draft

_SHORT = "abcdefghijklmnopqrstuvwxyz"


def expression(rng: Random, language: str, level: int) -> Draft:
    """Make three numbers and two signs, first things first: `4*5=20, 3+20=23`."""
    top = (9, 12, 20)[level - 1]
    a, b, c = (rng.randint(2, top) for _ in range(3))
    form = rng.randrange(6)
    if form == 0:
        text, answer, result = f"{a}+{b}*{c}", f"{b}*{c}={b * c}, {a}+{b * c}", a + b * c
    elif form == 1:
        text, answer, result = f"{a}*{b}-{c}", f"{a}*{b}={a * b}, {a * b}-{c}", a * b - c
    elif form == 2:
        text, answer, result = f"({a}+{b})*{c}", f"{a}+{b}={a + b}, {a + b}*{c}", (a + b) * c
    elif form == 3:
        text, answer, result = f"{a}+{b}-{c}", f"{a}+{b}={a + b}, {a + b}-{c}", a + b - c
    elif form == 4:
        text, answer, result = f"{a}*{b}%{c}", f"{a}*{b}={a * b}, {a * b}%{c}", a * b % c
    else:
        text, answer, result = f"{a}*{b}//{c}", f"{a}*{b}={a * b}, {a * b}//{c}", a * b // c
    prompt = wording.expression(rng, language, text)
    return Draft(f"expression:{text}", prompt, f"{answer}={result}", str(result))


def trace(rng: Random, language: str, level: int) -> Draft:
    """Follow assignments: `a=3, b=3+4=7, a=7*2=14, 14`."""
    first, second = rng.sample(_SHORT, 2)
    values = {first: rng.randint(1, 12)}
    lines, steps = [f"{first}={values[first]}"], [f"{first}={values[first]}"]
    source, target = first, second
    for _ in range(level):
        sign, by = rng.choice("+-*"), rng.randint(2, 9)
        now = values[source]
        values[target] = now + by if sign == "+" else now - by if sign == "-" else now * by
        if source == target:
            lines.append(f"{target}{sign}={by}")
        else:
            lines.append(f"{target}={source}{sign}{by}")
        steps.append(f"{target}={now}{sign}{by}={values[target]}")
        source, target = target, rng.choice((first, second))
    shown = source if rng.random() < 0.7 else rng.choice(sorted(values))
    lines.append(f"print({shown})")
    code, result = "; ".join(lines), str(values[shown])
    plain = "".join({first: "?1", second: "?2"}.get(ch, ch) for ch in code.replace("print", "!"))
    prompt = wording.program(rng, language, code)
    return Draft(f"trace:{plain}", prompt, ", ".join([*steps, result]), result)


def lists(rng: Random, language: str, level: int) -> Draft:
    """Ask a list for its length, greatest, least, sum, order, an item or a place."""
    items = rng.sample(range(1, (10, 20, 60)[level - 1]), level + 2)
    if rng.random() < 0.3:
        items[-1] = items[0]
    text = f"[{','.join(map(str, items))}]"
    at = rng.randrange(len(items))
    form = rng.choice(("len", "max", "min", "sum", "sorted", "item", "index"))
    if form == "len":
        text, answer, result = f"len({text})", _counted(items), str(len(items))
    elif form in ("max", "min"):
        best = max if form == "max" else min
        so_far = [str(best(items[: i + 1])) for i in range(len(items))]
        text, answer, result = f"{form}({text})", ", ".join(so_far), so_far[-1]
    elif form == "sum":
        text, answer, result = f"sum({text})", _sums(items), str(sum(items))
    elif form == "sorted":
        result = ", ".join(map(str, sorted(items)))
        text, answer = f"sorted({text})", result
    elif form == "item":
        text, answer, result = f"{text}[{at}]", _counted(items, at), str(items[at])
        answer = f"{answer}; {result}"
    else:
        place = items.index(items[at])
        text, answer, result = f"{text}.index({items[at]})", _counted(items, place), str(place)
        answer = f"{answer}; {result}"
    return Draft(f"list:{text}", wording.expression(rng, language, text), answer, result)


def strings(rng: Random, language: str, level: int) -> Draft:
    """Ask a short string for its length, a letter, its reverse, or repeat or join it."""
    word = "".join(rng.choice(_SHORT) for _ in range(level + 2))
    form = rng.choice(("len", "item", "reverse", "times", "plus", "count"))
    at = rng.randrange(len(word))
    if form == "len":
        text, answer, result = f"len('{word}')", _counted(word), str(len(word))
    elif form == "item":
        text, result = f"'{word}'[{at}]", word[at]
        answer = f"{_counted(word, at)}; {result}"
    elif form == "reverse":
        text, result = f"'{word}'[::-1]", word[::-1]
        answer = f"{','.join(result)}; {result}"
    elif form == "times":
        times = rng.randint(2, 3)
        text, answer, result = f"'{word}'*{times}", word * times, word * times
    elif form == "plus":
        other = "".join(rng.choice(_SHORT) for _ in range(2))
        text, answer, result = f"'{word}'+'{other}'", word + other, word + other
    else:
        word = word.replace(word[0], word[at], 1)
        places = [str(i) for i, letter in enumerate(word) if letter == word[at]]
        text, result = f"'{word}'.count('{word[at]}')", str(len(places))
        answer = f"{','.join(places)}; {result}"
    return Draft(f"string:{text}", wording.expression(rng, language, text), answer, result)


def loops(rng: Random, language: str, level: int) -> Draft:
    """Go through a range: `[i*3 for i in range(4)]` gives 0, 3, 6, 9; some are summed."""
    name, count, by = rng.choice("ijkn"), rng.randint(3, level + 3), rng.randint(2, 9)
    sign = rng.choice("+*")
    start = rng.randint(1, 5) if level > 1 and rng.random() < 0.5 else 0
    span = range(start, start + count)
    values = [i + by if sign == "+" else i * by for i in span]
    where = f"range({start},{start + count})" if start else f"range({count})"
    text = f"[{name}{sign}{by} for {name} in {where}]"
    answer = result = ", ".join(map(str, values))
    if level > 1 and rng.random() < 0.5:
        text, result = f"sum({text})", str(sum(values))
        answer = f"{answer}; {_sums(values)}"
    key = f"loop:{sign}{by}:{start}:{count}"
    return Draft(key, wording.expression(rng, language, text), answer, result)


def conditions(rng: Random, language: str, level: int) -> Draft:
    """Ask whether two comparisons hold: `7>5 True, 7%2=1 False; False`."""
    name, value = rng.choice("abnxy"), rng.randint(1, (9, 20, 99)[level - 1])
    bound, by = rng.randint(1, (9, 20, 99)[level - 1]), rng.randint(2, 3 if level < 3 else 5)
    sign, join = rng.choice("<>"), rng.choice(("and", "or"))
    first = value < bound if sign == "<" else value > bound
    second = value % by == 0
    result = str((first and second) if join == "and" else (first or second))
    code = f"{name}={value}; print({name}{sign}{bound} {join} {name}%{by}==0)"
    answer = f"{value}{sign}{bound} {first}, {value}%{by}={value % by} {second}; {result}"
    key = f"condition:{value}{sign}{bound}{join}{by}"
    return Draft(key, wording.program(rng, language, code), answer, result)


def _counted(items: list[int] | str, place: int | None = None) -> str:
    """`0:a, 1:b` up to a place, or all items with their count: `a:1, b:2`."""
    if place is not None:
        return ", ".join(f"{i}:{item}" for i, item in enumerate(items[: place + 1]))
    return ", ".join(f"{item}:{i}" for i, item in enumerate(items, 1))


def _sums(items: list[int]) -> str:
    total, steps = items[0], []
    for item in items[1:]:
        steps.append(f"{total}+{item}={total + item}")
        total += item
    return ", ".join(steps)
