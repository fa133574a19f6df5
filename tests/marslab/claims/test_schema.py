"""data/claims.yaml is read strictly, and a rule judges at its bounds."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from marslab.errors import UserError
from marslab.lab import sources
from marslab.lab.claims import digest, schema
from marslab.lab.claims.ledger import Run, Standing
from marslab.lab.claims.rules import Bound, Rule, judge, read_rules
from marslab.lab.claims.schema import Claim, read_claims

WRONG = [
    ("    source: a section\n", "    sources: a section\n", "Did you mean 'source'?"),
    ("    test: It is counted.\n", "", "lacks `test`"),
    ("system: MARS", "system: MARSS", "no system 'MARSS'. Did you mean 'MARS'?"),
    ("id: toy-pair", "id: toy-exponent", "'toy-exponent' is given twice"),
    ("metric: exponent", "metric: exponnt", "no figure 'exponnt'. Did you mean 'exponent'?"),
    ('holds: "<= 1.15"', 'holds: "about 1"', "'about 1' is no bound"),
    ('partly: "<= 1.4"', 'party: "<= 1.4"', "Did you mean 'partly'?"),
    ("{metric: a, holds: \"== 0\"}", "{metric: b, holds: \"== 0\"}", "one for each metric"),
    ("outcome:exponent", "outcome.exponent", "written module:function"),
    ("    run: marslab.lab.claims.outcome:pair\n", "", "lacks `run`, or `cannot`"),
    ("    cannot: There is no such machine here.\n", "", "lacks `run`, or `cannot`"),
    ("number: 1\n", "number: []\n", "`number` cannot be []"),
    ("timed: true", "timed: often", "`timed` cannot be 'often'"),
    ("    shows: a cell\n", "    shows: ''\n", "`shows` cannot be ''"),
    ("code: []", "code: [1]", "`code` is a list of modules"),
    ("claims:", "claim:", "Did you mean 'claims'?"),
]  # fmt: skip


def test_a_claims_file_is_read(text: str) -> None:
    read = read_claims(text, "toys.yaml")
    assert list(read) == ["toy-exponent", "toy-pair", "toy-far"]
    assert read["toy-exponent"].rule[0] == Rule("exponent", Bound("<= 1.15"), Bound("<= 1.4"))
    assert read["toy-pair"].timed and read["toy-pair"].number is None
    assert read["toy-far"].cannot


@pytest.mark.parametrize(("old", "new", "told"), WRONG, ids=[told for *_, told in WRONG])
def test_what_does_not_fit_is_refused(text: str, old: str, new: str, told: str) -> None:
    assert text.count(old) >= 1
    with pytest.raises(UserError) as refused:
        read_claims(text.replace(old, new, 1), "toys.yaml")
    assert "toys.yaml" in str(refused.value) and told in str(refused.value)


def test_a_reason_beside_a_test_is_refused(text: str) -> None:
    both = text + "    run: claim_runs:far\n"
    with pytest.raises(UserError, match="leave out `run`"):
        read_claims(both, "toys.yaml")


@pytest.mark.parametrize("found", [None, [], "x", {"holds": "< 1"}, {"metric": "a"}])
def test_a_rule_that_is_none_is_refused(found: object) -> None:
    with pytest.raises(UserError):
        read_rules(found, "here")


@pytest.mark.parametrize(
    ("bound", "within", "beyond"),
    [
        ("<= 1.15", 1.15, math.nextafter(1.15, 2)),
        ("< 1.15", math.nextafter(1.15, 0), 1.15),
        (">= -2", -2, math.nextafter(-2, -3)),
        ("> 1e3", 1001, 1000),
        ("== 0", 0, 1e-300),
    ],
)
def test_a_bound_ends_where_it_says(bound: str, within: float, beyond: float) -> None:
    assert Bound(bound)(within) and not Bound(bound)(beyond) and not Bound(bound)(math.nan)


@pytest.mark.parametrize("text", ["1.15", "<= one", "<= 1 or True", "=< 1", "", "<= 1e"])
def test_a_bound_is_parsed_not_evaluated(text: str) -> None:
    with pytest.raises(UserError, match="no bound"):
        Bound(text)


def test_several_rules_hold_only_together() -> None:
    rules = [Rule("a", Bound("<= 1")), Rule("b", Bound("<= 1"), Bound("<= 2"))]
    verdicts = {(a, b): judge(rules, {"a": a, "b": b}) for a in (1, 9) for b in (1, 2, 9)}
    assert verdicts == {
        (1, 1): "holds", (1, 2): "partly", (1, 9): "partly",
        (9, 1): "partly", (9, 2): "partly", (9, 9): "does not hold",
    }  # fmt: skip


def test_stale_when_a_source_changes(
    run_of: Callable[..., Run], toys: dict[str, Claim], tmp_path: Path
) -> None:
    standing = Standing(toys["toy-exponent"], run_of())
    assert not standing.stale and standing.verdict == "holds"
    (tmp_path / "data" / "toy.json").write_text("{ }", "utf-8")
    assert standing.stale and standing.verdict == "holds"
    (tmp_path / "data" / "toy.json").write_text("{}", "utf-8")
    assert not standing.stale


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('holds: "<= 1.15"', 'holds: "<= 1.16"'),
        ("test: It is counted.", "test: It is guessed."),
        ("rounds: how often", "rounds: how many"),
    ],
)
def test_stale_when_the_rule_or_the_test_changes(
    text: str, run_of: Callable[..., Run], old: str, new: str
) -> None:
    changed = read_claims(text.replace(old, new), "toys.yaml")
    assert Standing(changed["toy-exponent"], run_of()).stale


def test_a_promise_in_other_words_is_not_stale(text: str, run_of: Callable[..., Run]) -> None:
    changed = read_claims(text.replace("It grows as the length.", "It grows so."), "toys.yaml")
    assert not Standing(changed["toy-exponent"], run_of()).stale


def test_a_package_means_all_below_it() -> None:
    names = {path.name for path in sources.sources("marslab.kernels.linear_scan")}
    assert {"__init__.py", "naive.py", "cpu.py", "gpu.py"} <= names
    assert [p.name for p in sources.sources("marslab.tracing")] == ["tracing.py"]


def test_line_ends_do_not_make_a_claim_stale(toys: dict[str, Claim], tmp_path: Path) -> None:
    file = tmp_path / "data" / "toy.json"
    file.write_bytes(b"1\n2\n")
    before = digest.code_of(toys["toy-exponent"])
    file.write_bytes(b"1\r\n2\r\n")
    assert digest.code_of(toys["toy-exponent"]) == before


@pytest.mark.parametrize("name", ["marslab.kernels.no_scan", "torch.nn", "marslab", "data/no.json"])
def test_code_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(UserError, match="no module or data file"):
        sources.sources(name)


def test_find_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'mmrec-clamp'"):
        schema.find("mmrec-clmp")
