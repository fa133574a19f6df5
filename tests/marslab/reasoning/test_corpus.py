"""Rows hold whole examples, the file comes back as it was written, batches are pure functions."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.errors import UserError
from marslab.tasks.corpus import Example, encode_example, encode_text, pack, row_of
from marslab.tasks.corpus_file import CorpusWriter, MappedCorpus, write_corpus
from marslab.tasks.reasoning import ProblemBatches, check, problems
from marslab.text import ByteTokenizer
from marslab.text.cp1251_tokenizer import Cp1251Tokenizer

FEW = settings(max_examples=40, deadline=None, derandomize=True)
TOKENS = Cp1251Tokenizer()
EXAMPLES = [encode_example(TOKENS, p.prompt, p.answer_text) for p in problems(0, 200)]
FLAGS = st.lists(st.tuples(st.integers(4, 255), st.booleans()), min_size=1, max_size=12)


def expected_row(examples: list[Example], length: int, pad: int) -> tuple[list[int], list[int]]:
    """Position by position, from the definition."""
    ids, targets = [], []
    for example in examples:
        for at, token in enumerate(example.ids):
            ids.append(token)
            last = at + 1 == len(example.ids)
            learned = not last and example.learned[at + 1]
            targets.append(example.ids[at + 1] if learned else -100)
    while len(ids) < length:
        ids.append(pad)
        targets.append(-100)
    return ids, targets


def test_the_answer_is_learned_and_with_a_flag_the_prompt() -> None:
    example = encode_example(TOKENS, "2+2=?", "4")
    assert example.ids == [2, *b"2+2=?\n4", 3]
    assert example.learned == [False] * 7 + [True, True]
    whole = encode_example(TOKENS, "2+2=?", "4", learn_prompt=True)
    assert whole.learned == [False] + [True] * 8
    assert encode_text(TOKENS, "да") == Example([2, 228, 224, 3], [False, True, True, True])


@FEW
@given(st.lists(FLAGS, min_size=1, max_size=8), st.booleans())
def test_rows_hold_whole_examples_in_order(parts: list, share: bool) -> None:
    examples = [
        Example([i for i, _ in part], [at > 0 and flag for at, (_, flag) in enumerate(part)])
        for part in parts
    ]
    rows = pack(examples, 12, pad=0, share=share)
    left = list(examples)
    for ids, targets in zip(rows.ids.tolist(), rows.targets.tolist(), strict=True):
        taken = [left.pop(0)]
        while share and left and len(left[0].ids) + sum(len(t.ids) for t in taken) <= 12:
            taken.append(left.pop(0))
        assert (ids, targets) == expected_row(taken, 12, 0)
    assert not left


def test_no_target_crosses_from_one_example_to_the_next() -> None:
    rows = pack(EXAMPLES, 192, pad=TOKENS.pad)
    assert rows.ids.dtype == rows.targets.dtype == torch.int64
    after_end = rows.targets[rows.ids == TOKENS.eos]
    assert len(after_end) == len(EXAMPLES) and (after_end == -100).all()
    assert int((rows.targets != -100).sum()) == sum(sum(e.learned) for e in EXAMPLES)
    assert len(rows.ids) < 0.6 * len(EXAMPLES)
    alone = pack(EXAMPLES, 192, share=False)
    assert len(alone.ids) == len(EXAMPLES) and ((alone.ids == TOKENS.bos).sum(1) == 1).all()


def test_what_does_not_fit_is_said_or_skipped() -> None:
    long = Example([5] * 9, [True] * 9)
    with pytest.raises(ValueError, match=r"example 1 has 9 ids, a row has 4: .*longer=\"skip\""):
        pack([EXAMPLES[0]._replace(ids=[2, 3], learned=[False, True]), long], 4)
    with pytest.raises(ValueError, match="there is no example to pack"):
        pack([long], 4, longer="skip")
    with pytest.raises(ValueError, match="9 ids do not fit into a row of 4"):
        row_of([long], 4, 0)


@FEW
@given(st.lists(FLAGS, min_size=1, max_size=9), st.sampled_from([256, 259]), st.data())
def test_a_file_comes_back(
    tmp_path_factory: pytest.TempPathFactory, parts: list, vocabulary: int, data: st.DataObject
) -> None:
    examples = [Example([i for i, _ in part], [flag for _, flag in part]) for part in parts]
    path = tmp_path_factory.mktemp("corpus") / "a.corpus"
    ids = [i for example in examples for i in example.ids]
    learned = [flag for example in examples for flag in example.learned]
    assert write_corpus(path, examples, vocabulary) == len(ids)
    if len(ids) < 2:
        with pytest.raises(UserError, match="a corpus needs at least two"):
            MappedCorpus(path)
        return
    corpus = MappedCorpus(path)
    assert len(corpus) == len(ids) and corpus.vocabulary == vocabulary
    length = data.draw(st.integers(1, len(ids) - 1))
    cursor = data.draw(st.integers(0, len(ids) - length - 1))
    window = corpus.window(cursor, length)
    assert window.ids.tolist() == [ids[cursor : cursor + length]]
    pairs = zip(ids, learned, strict=True)
    targets = [token if flag else -100 for token, flag in pairs]
    assert window.targets.tolist() == [targets[cursor + 1 : cursor + length + 1]]
    assert sorted(os.listdir(path.parent)) == ["a.corpus"]


def counting(path: Path, size: int) -> MappedCorpus:
    """A corpus of UTF-8 ids 0, 1, 2 ... (two bytes each), so that a window tells its place."""
    write_corpus(path, [Example(list(range(size)), [True] * size)], size)
    return MappedCorpus(path)


def test_a_stream_goes_on_from_its_cursor(tmp_path: Path) -> None:
    corpus = counting(tmp_path / "c", 101)
    whole = list(corpus.stream(5, 4))
    assert [cursor for _, cursor in whole] == [20, 40, 60, 80, 100]
    assert torch.cat([b.ids.flatten() for b, _ in whole]).tolist() == list(range(100))
    assert torch.cat([b.targets.flatten() for b, _ in whole]).tolist() == list(range(1, 101))
    for number, (_, cursor) in enumerate(whole):
        for (again, _), (first, _) in zip(
            corpus.stream(5, 4, cursor), whole[number + 1 :], strict=True
        ):
            assert torch.equal(again.ids, first.ids)


def test_a_shuffled_epoch_visits_each_window_once(tmp_path: Path) -> None:
    corpus = counting(tmp_path / "c", 1004)  # 100 windows of 10, three places to shift
    epochs = []
    for epoch in range(3):
        rows = [corpus.batch(7, epoch * 20 + step, 10, 5) for step in range(20)]
        starts = torch.cat([b.ids[:, 0] for b in rows])
        assert len({int(s) // 10 for s in starts}) == 100 and len(set(starts.tolist())) == 100
        assert all(torch.equal(b.targets, b.ids + 1) for b in rows)
        epochs.append(starts.tolist())
    assert epochs[0] != epochs[1] != epochs[2] and epochs[0] != sorted(epochs[0])


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    corpus = counting(tmp_path / "c", 1000)
    first = [corpus.batch(1, step, 8, 3).ids for step in range(30)]
    again = MappedCorpus(tmp_path / "c")
    for step in (29, 3, 17):
        assert torch.equal(again.batch(1, step, 8, 3).ids, first[step])
    assert not torch.equal(again.batch(2, 3, 8, 3).ids, first[3])


def test_bad_windows_and_batches_are_one_sentence(tmp_path: Path) -> None:
    corpus = counting(tmp_path / "c", 20)
    for cursor, length in ((-1, 3), (17, 3), (0, 0), (0, 20)):
        with pytest.raises(ValueError, match="leave the corpus of 20 ids"):
            corpus.window(cursor, length)
    for step, length, rows in ((0, 20, 1), (-1, 4, 1), (0, 4, 0), (0, 0, 1)):
        with pytest.raises(ValueError, match=r"length must be in 1\.\.19"):
            corpus.batch(0, step, length, rows)
    with pytest.raises(ValueError, match="cursor must be >= 0"):
        next(corpus.stream(4, 1, -1))


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with pytest.raises(UserError, match="cannot be read .*: write the corpus first"):
        MappedCorpus(path)
    counting(path, 50)
    data = path.read_bytes()
    for broken in (b"", b"{", b"[" * 2000, os.urandom(1) * 3000, b"{}" + b" " * 1022, data[3:]):
        path.write_bytes(broken)
        with pytest.raises(UserError, match="is not a corpus file of marslab"):
            MappedCorpus(path)
    path.write_bytes(data[:-1])
    with pytest.raises(UserError, match="its header promises .*: it was cut off"):
        MappedCorpus(path)


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "c"
    counting(path, 50)
    old = path.read_bytes()
    for bad in (Example([1, 300], [True, True]), Example([1], [])):
        with pytest.raises(ValueError, match="CorpusWriter.add"):
            write_corpus(path, [Example([1] * 99, [True] * 99), bad], 256)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["c"]
    with pytest.raises(ValueError, match="vocabulary must be in 1..65536, got 0"):
        CorpusWriter(path, 0)


FOREVER = """
import sys
from marslab.tasks.corpus_file import CorpusWriter
from marslab.tasks.corpus import Example
with CorpusWriter(sys.argv[1], 256) as writer:
    print("begun", flush=True)
    while True:
        writer.add(Example([7] * 1000, [True] * 1000))
"""


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "c"
    counting(path, 50)
    old = path.read_bytes()
    command = [sys.executable, "-c", FOREVER, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"begun\n"
    time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert path.read_bytes() == old and len(MappedCorpus(path)) == 50


def test_a_mapped_corpus_keeps_no_copy(tmp_path: Path) -> None:
    corpus = counting(tmp_path / "c", 60_000)
    assert isinstance(corpus._ids, np.memmap) and isinstance(corpus._bits, np.memmap)


def test_batches_of_problems_are_pure_and_hold_right_answers() -> None:
    source = ProblemBatches(TOKENS, families={"add": 1, "order": 1}, levels=[1, 2])
    batch = source.batch(0, 11, 128, 4)
    assert torch.equal(batch.ids, source.batch(0, 11, 128, 4).ids)
    assert not torch.equal(batch.ids, source.batch(0, 12, 128, 4).ids)
    seen = 0
    for row in batch.ids:
        for piece in bytes(row.tolist()).rstrip(b"\0").split(b"\x03")[:-1]:
            prompt, answer = TOKENS.decode(list(piece)).split("\n")
            assert check(prompt, answer)
            seen += 1
    assert seen > 4
    alone = ProblemBatches(ByteTokenizer(), share=False).batch(0, 0, 256, 3)
    assert ((alone.ids == 256).sum(1) == 1).all()


def test_rows_that_are_too_short_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="no problem fits into a row of 5"):
        ProblemBatches(TOKENS).batch(0, 0, 5, 1)
    with pytest.raises(ValueError, match="rows must be >= 1, got 0"):
        ProblemBatches(TOKENS).batch(0, 0, 64, 0)
