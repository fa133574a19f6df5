"""linear_scan and ssd over a sequence that two gloo processes share; one launch for all cases."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("ranks_program.py")
WORLD = 2
SAME = [
    "equal parts",
    "unequal parts",
    "an empty first part",
    "an empty last part",
    "nothing at all",
    "one step each",
    "reverse",
    "reverse, an empty last part",
    "without h0",
    "loss without the state",
    "reverse, loss without the state",
    "float32",
    "bfloat16",
    "complex128",
    "torch backend",
    "one rank wants gradients",
    "second derivatives",
    "nothing recorded without gradients",
    "states are equal on all ranks",
    "ssd",
    "ssd, an empty first part",
    "ssd without h0",
    "ssd in bfloat16",
    "after all errors",
]
AGREE = "ValueError: linear_scan: B, D, dtype and reverse must agree among ranks, got "
SENTENCES = {
    "mismatch of B": AGREE + "rank 0: B=2, D=3, float64, reverse=False; "
    "rank 1: B=3, D=3, float64, reverse=False",
    "mismatch of D": AGREE + "rank 0: B=2, D=3, float64, reverse=False; "
    "rank 1: B=2, D=4, float64, reverse=False",
    "mismatch of dtype": AGREE + "rank 0: B=2, D=3, float64, reverse=False; "
    "rank 1: B=2, D=3, float32, reverse=False",
    "mismatch of reverse": AGREE + "rank 0: B=2, D=3, float64, reverse=False; "
    "rank 1: B=2, D=3, float64, reverse=True",
    "mismatch of H": "ValueError: ssd: B, H, P, G, N and dtype must agree among ranks, got "
    "rank 0: B=2, H=2, P=3, G=2, N=5, float64; rank 1: B=2, H=4, P=3, G=2, N=5, float64",
    "not a group": "TypeError: linear_scan: "
    "group must be a torch.distributed.ProcessGroup, got str",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What each rank said of each case."""
    store = tmp_path_factory.mktemp("ranks") / "store"
    ranks = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(rank), str(WORLD), str(store)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(WORLD)
    ]
    try:
        said = [rank.communicate(timeout=240) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    for rank, (_, problems) in zip(ranks, said, strict=True):
        assert rank.returncode == 0, problems
    return [json.loads(out) for out, _ in said]


@pytest.mark.parametrize("case", SAME)
def test_equals_the_one_process_run(told: list[dict[str, str]], case: str) -> None:
    assert [rank[case] for rank in told] == [""] * WORLD


@pytest.mark.parametrize("case", SENTENCES)
def test_every_rank_raises_the_same_sentence(told: list[dict[str, str]], case: str) -> None:
    assert [rank[case] for rank in told] == [SENTENCES[case]] * WORLD


def test_a_rank_outside_the_group_is_told_so(told: list[dict[str, str]]) -> None:
    assert told[0]["not a member"] == ""
    assert told[1]["not a member"] == (
        "ValueError: linear_scan: this rank is not in group; call it on the group's ranks only"
    )


def test_no_case_is_left_out(told: list[dict[str, str]]) -> None:
    assert set(told[0]) == {*SAME, *SENTENCES, "not a member"}
