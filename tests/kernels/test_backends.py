"""Which backend runs: argument, then `use`, then MARSLAB_BACKEND, then the device."""

from collections.abc import Iterator

import pytest
import torch

from marslab.kernels import Backend, available, backends, linear_scan, use

ONE = torch.ones(1, 3, 1)


@pytest.fixture
def chosen() -> Iterator[list[tuple[str, str]]]:
    """What the observer was told."""
    told: list[tuple[str, str]] = []
    token = backends.observer.set(lambda op, backend: told.append((op, backend)))
    yield told
    backends.observer.reset(token)


@pytest.fixture
def looked_again() -> Iterator[None]:
    """What is remembered of the machine is found again in this test, and after it."""
    for found in (backends._numba, backends._triton):
        found.cache_clear()
    yield
    for found in (backends._numba, backends._triton):
        found.cache_clear()


@pytest.fixture
def no_triton(monkeypatch: pytest.MonkeyPatch, looked_again: None) -> None:
    """A machine without a GPU and without the interpreter."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_is_numba_on_cpu_tensors(chosen: list) -> None:
    linear_scan(ONE, ONE)
    assert chosen == [("linear_scan", "numba")]


def test_argument_beats_use_beats_environment(
    chosen: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARSLAB_BACKEND", "torch")
    linear_scan(ONE, ONE)
    with use("naive"):
        linear_scan(ONE, ONE)
        linear_scan(ONE, ONE, backend="numba")
        with use("torch"):
            linear_scan(ONE, ONE)
        linear_scan(ONE, ONE)
    linear_scan(ONE, ONE)
    names = [name for _, name in chosen]
    assert names == ["torch", "naive", "numba", "torch", "naive", "torch"]


def test_use_auto_puts_the_environment_aside(chosen: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARSLAB_BACKEND", "torch")
    with use("auto"):
        linear_scan(ONE, ONE)
    assert chosen == [("linear_scan", "numba")]


def test_use_ends_with_its_block_also_after_an_error(chosen: list) -> None:
    with pytest.raises(RuntimeError, match="inside"), use("naive"):
        raise RuntimeError("inside")
    linear_scan(ONE, ONE)
    assert chosen == [("linear_scan", "numba")]


def test_every_backend_is_told_by_its_name(chosen: list) -> None:
    for name in ("naive", "torch", "numba"):
        linear_scan(ONE, ONE, backend=name)
    assert chosen == [("linear_scan", name) for name in ("naive", "torch", "numba")]


def test_a_failed_call_tells_nothing(chosen: list) -> None:
    with pytest.raises(ValueError, match="unknown backend"):
        linear_scan(ONE, ONE, backend="fast")
    with pytest.raises(ValueError, match="must be"):
        linear_scan(ONE, ONE[0])
    assert chosen == []


@pytest.mark.usefixtures("no_triton")
def test_a_preference_that_cannot_run_is_passed_over(
    chosen: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    with use("triton"):
        linear_scan(ONE, ONE)
    monkeypatch.setenv("MARSLAB_BACKEND", "triton")
    linear_scan(ONE, ONE)
    assert [name for _, name in chosen] == ["numba", "numba"]


def test_a_preference_that_the_op_lacks_is_passed_over() -> None:
    cpu = torch.device("cpu")
    with use("numba"):
        assert backends.choose("decay_product", "auto", cpu, ["naive", "torch"]) == "torch"
        assert backends.choose("linear_scan", "auto", cpu, ["naive", "numba"]) == "numba"


@pytest.mark.usefixtures("looked_again")
def test_without_numba_cpu_tensors_go_to_torch(
    chosen: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    linear_scan(ONE, ONE)
    assert chosen == [("linear_scan", "torch")]
    assert available()["numba"] == Backend(
        False, "numba is not installed: pip install numba", "cpu"
    )
    with pytest.raises(ValueError, match="backend 'numba' cannot run: numba is not installed: pip"):
        linear_scan(ONE, ONE, backend="numba")


def test_another_device_goes_to_torch() -> None:
    assert backends.choose("op", "auto", torch.device("meta"), backends.NAMES) == "torch"
    h = linear_scan(ONE.to("meta"), ONE.to("meta"))
    assert h.device.type == "meta" and h.shape == ONE.shape


# What is told when a named backend cannot run.


def test_an_unknown_backend_is_named_with_the_choice() -> None:
    choice = r"\['auto', 'naive', 'torch', 'numba', 'triton'\]"
    with pytest.raises(
        ValueError, match=f"^linear_scan: unknown backend 'cuda'; choose from {choice}"
    ):
        linear_scan(ONE, ONE, backend="cuda")
    with pytest.raises(ValueError, match=f"^use: unknown backend 'jax'; choose from {choice}"):
        with use("jax"):
            pass


def test_an_unknown_name_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARSLAB_BACKEND", "nubma")
    with pytest.raises(ValueError, match="^MARSLAB_BACKEND: unknown backend 'nubma'; choose from"):
        linear_scan(ONE, ONE)
    assert linear_scan(ONE, ONE, backend="naive").shape == ONE.shape


def test_a_backend_that_the_op_lacks_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"^op: backend 'numba' cannot run: for this input the op has \['naive', 'torch'\]",
    ):
        backends.choose("op", "numba", torch.device("cpu"), ["naive", "torch"])


def test_a_backend_for_another_device_is_refused() -> None:
    with pytest.raises(
        ValueError, match="'numba' cannot run: it needs cpu tensors, got meta; move"
    ):
        linear_scan(ONE.to("meta"), ONE.to("meta"), backend="numba")


@pytest.mark.usefixtures("no_triton")
def test_triton_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: object())
    with pytest.raises(
        ValueError,
        match="^linear_scan: backend 'triton' cannot run: no CUDA device; set TRITON_INTERPRET=1",
    ):
        linear_scan(ONE, ONE, backend="triton")


@pytest.mark.usefixtures("no_triton")
def test_triton_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"not installed: pip install 'marslab\[gpu\]'"):
        linear_scan(ONE, ONE, backend="triton")


def test_available_lists_every_backend() -> None:
    assert list(available()) == list(backends.NAMES)
    for backend in available().values():
        assert backend.ok or backend.reason
