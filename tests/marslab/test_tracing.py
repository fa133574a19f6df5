"""The recorder sees what happens, and nothing else changes."""

import contextvars
import math
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import marslab
from marslab.errors import UserError
from marslab.kernels import linear_scan
from marslab.kernels.backends import observer
from marslab.layers import LinearRecurrence
from marslab.tracing import emit, recording, trace


def test_an_event_holds_name_step_and_fields() -> None:
    with trace() as t:
        emit("wave", step=4, alpha=torch.tensor([1.0, 2.0]), kind="x", on=True, p=0.5, none=None)
    (event,) = t.events
    assert (event.name, event.step) == ("wave", 4)
    assert event.fields.pop("alpha").tolist() == [1.0, 2.0]  # pyright: ignore
    assert event.fields == {"kind": "x", "on": True, "p": 0.5, "none": None}


def test_a_step_not_given_counts_the_events_of_that_name() -> None:
    with trace() as t:
        for name in ("a", "b", "a"):
            emit(name)
    assert [(e.name, e.step) for e in t.events] == [("a", 0), ("b", 0), ("a", 1)]


def test_nothing_is_recorded_outside() -> None:
    assert not recording()
    with trace() as t:
        assert recording()
    emit("late")
    assert not recording() and observer.get() is None and t.events == []


def test_an_error_inside_ends_the_recording() -> None:
    with pytest.raises(KeyError), trace():
        raise KeyError
    assert not recording() and observer.get() is None


def test_the_innermost_trace_records() -> None:
    with trace() as outer:
        emit("a")
        with trace() as inner:
            emit("b")
        emit("c")
    assert (outer.names(), inner.names()) == (["a", "c"], ["b"])


def test_a_tensor_is_a_copy_without_gradient() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    with trace() as t:
        emit("x", x=x, turned=x.T, wide=torch.ones(1).expand(4))
    with torch.no_grad():
        x.zero_()
    fields = t.events[0].fields
    kept = fields["x"]
    assert isinstance(kept, torch.Tensor) and type(kept) is torch.Tensor
    assert not kept.requires_grad and kept.sum() == 6
    assert all(v.is_contiguous() for v in fields.values() if isinstance(v, torch.Tensor))


def test_arrays_and_numpy_scalars_are_taken() -> None:
    with trace() as t:
        emit("x", array=np.arange(3), number=np.float32(0.5), flag=np.bool_(True))
    fields = t.events[0].fields
    assert torch.equal(fields["array"], torch.arange(3))  # pyright: ignore
    assert fields["number"] == 0.5 and fields["flag"] is True


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, object()])
def test_other_values_are_one_sentence(value: object) -> None:
    sentence = f"event 'wave': field 'alpha' must be a tensor.*got {type(value).__name__}"
    with trace(), pytest.raises(TypeError, match=sentence):
        emit("wave", alpha=value)


def test_a_step_that_is_no_int_is_refused() -> None:
    with trace(), pytest.raises(TypeError, match="float"):
        emit("wave", step=0.5)  # pyright: ignore[reportArgumentType]


def test_the_frame_has_numbers_arrays_and_gaps() -> None:
    with trace() as t:
        emit("w", step=3, p=torch.tensor([[0.25]]), map=torch.ones(2, dtype=torch.bfloat16))
        emit("other")
        emit("w", step=5, p=0.5, word="x")
    frame = t.frame("w")
    assert list(frame.columns) == ["step", "p", "map", "word"]
    assert frame["step"].tolist() == [3, 5]
    assert frame["p"].tolist() == [0.25, 0.5]
    assert frame["map"][0].dtype == np.float32 and frame["map"][0].tolist() == [1.0, 1.0]
    assert frame["map"].tolist()[1] is None
    assert frame["word"].tolist()[1] == "x"


def test_arrays_of_one_shape_stay_one_per_row() -> None:
    with trace() as t:
        for _ in range(2):
            emit("w", map=torch.zeros(2, 3))
    assert [cell.shape for cell in t.frame("w")["map"]] == [(2, 3), (2, 3)]


def test_an_unknown_event_lists_the_known() -> None:
    with trace() as t:
        emit("wave")
    with pytest.raises(UserError) as error:
        t.frame("wav")
    sentence = "there is no event 'wav'. Did you mean 'wave'? Choose from: wave."
    assert str(error.value) == sentence
    with pytest.raises(UserError, match="There is none yet"):
        marslab.Trace().frame("wave")


def test_the_summary_has_a_row_for_each_field() -> None:
    with trace() as t:
        emit("w", step=2, a=torch.zeros(2, 3), p=1.0)
        emit("w", step=4, a=torch.zeros(2, 4))
        emit("bare")
    rows = t.summary().values.tolist()
    assert rows == [
        ["w", 2, "2..4", "a", "mixed", "float32"],
        ["w", 2, "2..4", "p", "", "float"],
        ["bare", 1, "0", "", "", ""],
    ]
    assert t.summary().to_string() and marslab.Trace().summary().empty


def test_the_choice_of_a_kernel_is_an_event() -> None:
    one = torch.ones(1, 2, 1)
    with trace() as t:
        linear_scan(one, one, backend="naive")
        linear_scan(one, one, backend="torch")
    assert t.frame("kernel")["backend"].tolist() == ["naive", "torch"]
    assert t.frame("kernel")["op"].tolist() == ["linear_scan"] * 2


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 2**31), st.integers(0, 3), st.integers(1, 6), st.booleans())
def test_recording_changes_neither_output_nor_gradient(
    seed: int, batch: int, length: int, reverse: bool
) -> None:
    torch.manual_seed(seed)
    layer = LinearRecurrence(3, 4, reverse=reverse)
    x = torch.randn(batch, length, 3, requires_grad=True)
    results = []
    for record in (False, True):
        state = torch.random.get_rng_state()
        if record:
            with trace() as t:
                h = layer(x)
            assert torch.equal(t.events[-1].fields["h"], h.detach())  # pyright: ignore
        else:
            h = layer(x)
        assert torch.equal(state, torch.random.get_rng_state())
        results.append((h.detach(), torch.autograd.grad(h.square().sum(), x)[0]))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_compiled_model_runs_whole_while_recording() -> None:
    def f(x: torch.Tensor) -> torch.Tensor:
        emit("inside", x=x, busy=recording())
        return 2 * x

    x = torch.arange(3.0)
    with trace() as t:
        y = torch.compile(f, backend="aot_eager", fullgraph=True)(x)
    assert torch.equal(y, 2 * x) and t.events == []


def test_under_torch_func_the_values_are_recorded_not_the_wrappers() -> None:
    def f(x: torch.Tensor) -> torch.Tensor:
        emit("inside", x=x)
        return x.square().sum()

    x = torch.ones(3, 2)
    with trace() as t:
        torch.func.grad(f)(x)
        torch.func.vmap(torch.func.grad(f))(x)
        torch.func.grad(lambda x: torch.func.grad(f)(x).sum())(x.clone().requires_grad_())
    for event in t.events:
        kept = event.fields["x"]
        assert isinstance(kept, torch.Tensor) and not kept.requires_grad
        assert kept.tolist() == x.tolist()


def test_a_thread_records_only_in_a_copy_of_the_context() -> None:
    with trace() as t:
        for run in (lambda f: f(), contextvars.copy_context().run):
            thread = threading.Thread(target=run, args=(lambda: emit("thread"),))
            thread.start()
            thread.join()
    assert len(t.events) == 1


def test_threads_that_share_a_trace_lose_nothing() -> None:
    with trace() as t:
        contexts = [contextvars.copy_context() for _ in range(4)]
        threads = [
            threading.Thread(target=c.run, args=(lambda: [emit("x") for _ in range(200)],))
            for c in contexts
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(e.step for e in t.events) == list(range(800))


def test_numbers_that_json_lacks_are_kept_in_frames() -> None:
    with trace() as t:
        emit("x", p=math.inf, z=torch.tensor(1 + 2j))
    assert t.frame("x")["p"].tolist() == [math.inf]
    assert t.frame("x")["z"].tolist() == [1 + 2j]
