"""Problems are distinct, right, short, reproducible, and no held-out content trains."""

import re
from collections import Counter
from typing import Any

import pytest

from marslab.errors import UserError
from marslab.tasks.reasoning import FAMILIES, Problem, check, facts, held_out, problem_at, problems
from marslab.tasks.reasoning.problem import digest_of
from marslab.tasks.reasoning.safe_python import value_of
from marslab.text.cp1251_tokenizer import Cp1251Tokenizer

TRAIN = list(problems(0, 4000))
HELD = list(problems(0, 1500, "held_out"))
BY_FAMILY = {
    name: [*problems(1, 120, families=[name]), *problems(1, 30, "held_out", [name])]
    for name in FAMILIES
}


def test_the_default_mixture_is_40_35_25() -> None:
    assert sum(family.weight for family in FAMILIES.values()) == pytest.approx(1)
    shares = Counter(FAMILIES[p.family].group for p in TRAIN)
    for group, share in (("math", 0.40), ("logic", 0.35), ("code", 0.25)):
        weights = sum(f.weight for f in FAMILIES.values() if f.group == group)
        assert weights == pytest.approx(share)
        assert shares[group] / len(TRAIN) == pytest.approx(share, abs=0.03)


def test_prompts_are_distinct_bilingual_and_short() -> None:
    assert len({p.prompt for p in TRAIN}) == len(TRAIN)
    languages = Counter(p.language for p in TRAIN)
    assert min(languages["ru"], languages["en"]) > 0.45 * len(TRAIN)
    assert {p.difficulty for p in TRAIN} == {1, 2, 3}
    sizes = sorted(len(p.prompt) + len(p.answer_text) for p in TRAIN)
    assert sizes[-1] <= 193


def test_one_byte_a_letter_is_enough_and_nothing_is_rewritten() -> None:
    tokens = Cp1251Tokenizer()
    for p in TRAIN:
        assert tokens.encode_reported(f"{p.prompt}\n{p.answer_text}").changes == ()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_answer_passes_the_second_solver_and_a_changed_one_does_not(name: str) -> None:
    for p in BY_FAMILY[name]:
        assert check(p, p.answer_text) and check(p, p.result) and p.answer_text.endswith(p.result)
        wrong = p.result + "1" if re.search(r"\d$", p.result) else f"{p.result}z"
        assert not check(p, wrong)
        assert not check(p, "") and not check(p, "?")


def test_arithmetic_against_python() -> None:
    operations = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "/": int.__floordiv__}
    counted = 0
    for p in TRAIN + HELD:
        if p.family in ("add", "sub", "mul", "div"):
            a, sign, b = re.search(r"(\d+) ?([-+*/]) ?(\d+)", p.prompt).groups()  # pyright: ignore[reportOptionalMemberAccess]
            assert p.result == str(operations[sign](int(a), int(b)))
            counted += 1
    assert counted > 800


def test_each_step_of_an_answer_is_true() -> None:
    """Whatever stands on both sides of a sign = in an answer has one value."""
    counted = 0
    for p in TRAIN:
        for chain in re.split(r"[,;:] ?", p.answer_text):
            sides = [side for side in re.sub(r" \w+$", "", chain).split("=")]
            values = {
                str(value_of(side)) for side in sides if re.fullmatch(r"[-+*/%()\d]+(?<!%)", side)
            }
            assert len(values) <= 1, p
            counted += len(sides) > 1
    assert counted > 4000


def test_two_digit_sums_go_digit_by_digit() -> None:
    forms = {p.answer_text for p in problems(5, 400, "held_out", ["add"], levels=[2])}
    assert "7+8=15, 3+4+1=8, 85" in forms or "8+7=15, 4+3+1=8, 85" in forms


def pair_of(p: Problem) -> tuple[int, int]:
    a, b = sorted(map(int, re.findall(r"\d+", p.prompt)))
    return a, b


def test_a_held_out_sum_never_trains_in_any_order_wording_or_language() -> None:
    train = list(problems(2, 3000, families=["add"], levels=[2]))
    held = list(problems(2, 1500, "held_out", ["add"], levels=[2]))
    trained, tested = {pair_of(p) for p in train}, {pair_of(p) for p in held}
    assert not trained & tested
    assert (37, 48) in tested
    everything = {(a, b) for a in range(10, 100) for b in range(a, 100)}
    share = sum(held_out(f"add:{a},{b}") for a, b in everything) / len(everything)
    assert share == pytest.approx(0.10, abs=0.015)


def test_the_equations_of_the_course_never_train_nor_their_multiples() -> None:
    train = list(problems(3, 1000, families=["quadratic"], levels=[1]))
    assert not {p.result for p in train} & {"3, 2", "3, 1"}
    held = problems(3, 300, "held_out", ["quadratic"], levels=[1])
    assert {"3, 2", "3, 1"} <= {p.result for p in held}


@pytest.mark.parametrize(("level", "low", "high"), [(1, 1, 6), (2, -9, 9), (3, -15, 15)])
def test_every_root_and_every_half_still_trains(level: int, low: int, high: int) -> None:
    answers = [p.answer_text for p in problems(3, 1500, families=["quadratic"], levels=[level])]
    roots = {root for text in answers for root in text.rpartition("x=")[2].split(", ")}
    halves = {half for text in answers for half in re.findall(r"[;, ](-?\d+/2=-?\d+)", text)}
    every = set(range(low, high + 1)) - {0}
    assert roots == set(map(str, every))
    assert halves - {"0/2=0"} == {f"{2 * root}/2={root}" for root in every}


SUM = re.compile(r"(?:^|[;=(]|, )(-?\d+)([+-]\d+): ([^;:]+)")


def test_the_sum_within_a_root_is_written() -> None:
    made = [*problems(3, 300, families=["quadratic"]), *problems(3, 90, "held_out", ["quadratic"])]
    for p in made:
        p_q = [int(root) for root in p.result.split(", ")]
        if len(p_q) == 2:
            total, root = sum(p_q), p_q[0] - p_q[1]
            _, greater, lesser, last = p.answer_text.rsplit(";", 3)
            assert p.answer_text.count(f"={root}*{root};") == 1 and last == f"x={p.result}"
            assert greater.startswith(f"{total}+{root}: ") and lesser.startswith(
                f"{total}-{root}: "
            )
            assert greater.endswith(f", {total + root}, {total + root}/2={p_q[0]}")
            assert lesser.endswith(f", {total - root}, {total - root}/2={p_q[1]}")


@pytest.mark.parametrize("family", ["quadratic", "roots", "mean", "linear"])
def test_sums_within_equations_are_done_digit_by_digit(family: str) -> None:
    count = 0
    for p in problems(12, 400, families=[family]):
        for left, right, steps in SUM.findall(p.answer_text):
            a, b = int(left), int(right)
            *digits, last = steps.split(", ")[: max(len(left.strip("-")), len(right) - 1) + 1]
            assert re.match(r"-?\d+", last)[0] == str(a + b), p.answer_text  # pyright: ignore[reportOptionalSubscript]
            for step in digits:
                sum_, result = step.split("=")
                assert value_of(sum_) == int(result) and len(re.findall(r"\d+", sum_)) <= 3
            written = "".join(str(int(step.split("=")[1]) % 10) for step in reversed(digits))
            top = int(digits[-1].split("=")[1]) // 10
            assert top * 10 ** len(digits) + int(written) == abs(a + b)
            count += 1
    assert count >= 400


def whole_roots(p: Problem) -> tuple[int, int] | None:
    """Put whole numbers into the equation of a prompt; the least and the greatest that solve it."""
    left = re.findall(r"\d*x\^2[^=]*", p.prompt)[0].replace(" ", "")
    form = re.sub(r"(?<=\d)x", "*x", left).replace("x^2", "x*x").replace("x", "({0})")
    found = [x for x in range(-50, 51) if value_of(form.format(x)) == 0]
    return (found[0], found[-1]) if found else None


def test_how_many_roots_has_a_third_of_each_kind_and_holds_out_what_quadratic_does() -> None:
    for level in (1, 2, 3):
        made = list(problems(6, 600, families=["roots"], levels=[level]))
        counts = Counter((p.result, whole_roots(p) is not None) for p in made)
        for kind in (("0", False), ("2", False)):
            assert counts[kind] / 600 == pytest.approx(1 / 3, abs=0.08)
        assert counts["2", True] > 60 and counts["1", True] > 20
        for p in made:
            if found := whole_roots(p):
                assert len(set(found)) == int(p.result)
                assert not held_out("quadratic:{},{}".format(*found))
    tested = {whole_roots(p) for p in problems(6, 400, "held_out", ["roots"], levels=[1])}
    assert {(2, 3), (1, 3)} <= tested


def test_no_mean_that_trains_is_a_step_of_a_held_out_quadratic() -> None:
    trained = [p.answer_text for p in problems(8, 3000, families=["mean"])]
    steps = {
        step
        for p in problems(8, 400, "held_out", ["quadratic"])
        for step in re.findall(r"(?<=;)-?\d+[+-]\d+: [^;]+", p.answer_text)
    }
    assert len(steps) > 50 and not steps & set(trained)
    assert {"5+1: 5+1=6, 6, 6/2=3", "4-2: 4-2=2, 2, 2/2=1"} <= steps
    shared = [p.answer_text for p in problems(8, 400, families=["quadratic"])]
    assert sum(any(text in answer for answer in shared) for text in set(trained)) > 50


@pytest.mark.parametrize("family", ["quadratic", "roots", "mean", "linear"])
def test_a_row_of_192_has_room_for_a_problem(family: str) -> None:
    sizes = [len(p.prompt) + len(p.answer_text) + 3 for p in problems(9, 1000, families=[family])]
    assert sum(size <= 192 for size in sizes) >= 0.998 * len(sizes)
    assert max(sizes) <= 196


def test_splits_share_no_content() -> None:
    assert not {p.digest for p in TRAIN} & {p.digest for p in HELD}
    more = {p.digest for p in problems(99, 2000)}
    assert not more & {p.digest for p in HELD}


def test_no_answer_that_trains_spells_out_a_held_out_fact() -> None:
    for p in TRAIN:
        assert not any(held_out(fact) for fact in facts(p.answer_text))
    steps = "x^2-4x+3=0;D=4*4-4*3=16-12: 6-2=4, 1-1=0, 4=2*2;4+2: 4+2=6, 6, 6/2=3"
    keys = ["sub:16,12", "table:sub:6,2", "table:sub:1,1", *["table:add:2,4"] * 2, "table:div:6,2"]
    assert facts(steps) == keys
    assert facts("-26-4: 6+4=10, 2+0+1=3, -30;26+4: 6+4=10, 2+0+1=3, 30, 30/2=15") == [
        "table:add:4,6",
        "add:4,26",
        "table:add:4,6",
        "div:30,2",
    ]


def test_the_digest_is_of_the_content_not_the_wording() -> None:
    same = [p for p in problems(4, 2000, families=["mul"], levels=[1]) if pair_of(p) == (7, 8)]
    assert len({p.prompt for p in same}) > 5 and len({p.language for p in same}) == 2
    assert {p.digest for p in same} == {digest_of("table:mul:7,8")}


def test_the_same_seed_gives_the_same_problems() -> None:
    assert list(problems(0, 50)) == TRAIN[:50]
    assert list(problems(7, 50)) != TRAIN[:50]
    assert problem_at(3, 5) == problem_at(3, 5) != problem_at(3, 6)
    assert problem_at(3, 5, "held_out").digest not in {p.digest for p in TRAIN}


def test_families_and_levels_are_chosen_by_weight() -> None:
    made = list(problems(0, 400, families={"add": 3, "order": 1, "loop": 0}, levels=[2]))
    counted = Counter(p.family for p in made)
    assert set(counted) == {"add", "order"} and counted["add"] > 2 * counted["order"]
    assert {p.difficulty for p in made} == {2}


def test_a_family_that_is_used_up_is_left_out_then_said() -> None:
    mixed = list(problems(0, 3000, families={"mul": 1, "order": 1}, levels=[1]))
    assert len({p.prompt for p in mixed}) == 3000
    with pytest.raises(UserError, match="there are only about .* such problems, not 90000"):
        list(problems(0, 90_000, families=["mul"], levels=[1]))
    with pytest.raises(UserError, match="no such problem is in the split 'held_out'"):
        problem_at(0, 0, "held_out", ["mul"], levels=[1])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"families": ["ad"]}, "no family of problems 'ad'. Did you mean 'add'"),
        ({"families": {"add": -1}}, "weight of 'add' must be zero or more, got -1"),
        ({"families": {"add": 0}}, "no family of problems has a weight"),
        ({"split": "test"}, "no split 'test'"),
        ({"levels": [4]}, r"levels must be some of 1, 2, 3, got \[4\]"),
        ({"n": -1}, "number of problems must be zero or more, got -1"),
    ],
)
def test_bad_requests_are_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    settings: dict[str, Any] = {"n": 1, **arguments}
    with pytest.raises(UserError, match=sentence):
        problems(0, **settings)
