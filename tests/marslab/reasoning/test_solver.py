"""The second solver: what it reads, what it refuses, and that nothing crashes it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.tasks.reasoning import check, solve
from marslab.tasks.reasoning.safe_python import Refused, printed, value_of

FEW = settings(max_examples=80, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("prompt", "result"),
    [
        ("37+48=?", "85"),
        ("37 + 48", "85"),
        ("37+48=", "85"),
        ("Сколько будет 37+48?", "85"),
        ("What is 93-48?", "45"),
        ("Реши: 148/4", "37"),
        ("How much is 20% of 150?", "30"),
        ("Реши: 3x + 6 = 15", "3"),
        ("Solve: 5x-6=2x+9", "5"),
        ("x-8=-10", "-2"),
        ("Реши: x² − 4x + 4 = 0", "2"),
        ("Average of -26 and 4?", "-11"),
        ("Среднее чисел -26 и 4?", "-11"),
        ("Чему равно среднее чисел 3 и 12345?", "6174"),
        ("(-26+4)/2=?", "-11"),
        ("How many real roots has 7x^2 - 182x + 1155 = 0?", "2"),
        ("How many roots does x^2+9=0 have?", "0"),
        ("Сколько корней имеет уравнение x² − 4x + 4 = 0?", "1"),
        ("Число корней: x^2-5x=0", "2"),
        ("max(347,374)=?", "374"),
        ("Что меньше: 347 или 374?", "347"),
        ("Аня выше, чем Боря. Вера ниже, чем Боря. Кто выше всех?", "Аня"),
        ("Аня выше, чем Боря. Вера ниже, чем Боря. Кто ниже всех?", "Вера"),
        ("Anna is older than Bob. Bob is older than Vera. Is Vera younger than Anna?", "yes"),
        ("Anna is older than Bob. Anna is older than Vera. Is Vera younger than Bob?", "unknown"),
        ("Все глоки - штеки. Ни один штек не тарм. Некоторые глоки - тармы?", "нет"),
        ("All gloks are shteks. Tim is not a shtek. Is Tim a glok?", "no"),
        ("All gloks are shteks. All tarms are shteks. Are all gloks tarms?", "unknown"),
        ("Если A, то B. Если B, то C. C неверно. A верно?", "нет"),
        ("If A then B. B is true. Is A true?", "unknown"),
        ("Приз в коробке 12, 47 или 85. Не в 12. Не в 85. Где приз?", "47"),
        ("a=3; b=a+4; a=b*2; print(a)", "14"),
        ("What does print('cat'[::-1]) show?", "tac"),
        ("x=7; print(x>5 and x%2==0)", "False"),
    ],
)
def test_prompts_of_all_kinds(prompt: str, result: str) -> None:
    solution = solve(prompt)
    assert solution is not None and solution.values == (result,)
    assert check(prompt, f"so: {result}.")


@pytest.mark.parametrize(
    "prompt",
    [
        "", "?", "Привет!", "Докажи, что корень из 2 иррационально", "1/0", "7/2", "2**99",
        "x^2+1=0", "x^2-2=0", "0x=0", "x=x", "x", "=", "3x+=5", "print(print(1))",
        "__import__('os')",
        "().__class__", "'a'*999999", "9"*150, "If A then B. A is true. A is false. Is B true?",
        "Все глоки - штеки. Все раз - два. Все три - четыре. Все пять - шесть?",
        "Is Tim a glok?", "(" * 190, "[i for i in range(999999999)]", "1if 2 else 3", "sum('a')",
        "Average of 3 and 4?", "Среднее 3 и x?", "How many roots has x+1=0?", "Число корней: x^2",
        "f'{1}'", "lambda: 1", "'%99999d'%3",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_none(prompt: str) -> None:
    assert solve(prompt) is None
    assert not check(prompt, "1")


def test_roots_come_in_any_order_but_no_root_too_many() -> None:
    prompt = "Реши: 3x^2 - 12x + 9 = 0"
    assert check(prompt, "D = 36 > 0, x₁ = 3, x₂ = 1") and check(prompt, "D=36, x_1=3, x_2=1")
    assert not check(prompt, "D = 36 > 0, x₁ = 3, x₂ = 2")
    assert check(prompt, "D=4; x=3, 1") and check(prompt, "x=1, 3") and check(prompt, "3 и 1")
    assert (
        not check(prompt, "x=3") and not check(prompt, "x=3, 1, 1") and not check(prompt, "x=1, 4")
    )
    assert check("x^2-4x+4=0", "x=2") and not check("x^2-4x+4=0", "x=3, 2")


def test_the_last_number_counts() -> None:
    assert check("2+2=?", "1+1=2, 4") and check("2+2=?", "004") and not check("2+2=?", "4, 5")
    assert not check("2+2=?", "4.5") and not check("2+2=?", "-4") and not check("5-2=?", "5-3=2")
    assert check("3-5", "-2") and check("3-5", "3-5=-2")
    assert not check("2+2=?", "9" * 9000)


@FEW
@given(st.text())
def test_no_prompt_and_no_answer_crashes(text: str) -> None:
    solve(text)
    check("2+2=?", text)
    check("Кто выше всех?", text)


@FEW
@given(st.text("0123456789+-*/%()[]<>='x,:;. abirnpt^", max_size=60))
def test_nothing_like_a_formula_crashes(text: str) -> None:
    solve(text)
    solve(f"print({text})")
    solve(f"Реши: {text}")


@FEW
@given(st.text("0123456789+-*()", max_size=40))
def test_the_language_agrees_with_python_on_sums(text: str) -> None:
    import ast

    try:
        value = value_of(text)
    except Refused:
        return
    assert ast.literal_eval(str(value)) == value


@pytest.mark.parametrize("source", ["a=1", "print(1, 2)", "b+=1; print(b)", "x", "1; 2"])
def test_programs_outside_the_language_are_refused(source: str) -> None:
    with pytest.raises(Refused):
        printed(source)


@pytest.mark.parametrize("value", [b"1", None, 3])
def test_only_text_is_read(value: object) -> None:
    with pytest.raises(TypeError, match="must be a str"):
        solve(value)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="must be a str"):
        check("1+1", value)  # pyright: ignore[reportArgumentType]
