"""How every op joins autograd, torch.func, torch.compile and torch.export."""

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.testing import assert_close

from contract import Contract, leaves, weighed
from ops import OPS

BOTH = [(name, backend) for name, op in OPS.items() for backend in op.backends]
JOINED = [each for each in BOTH if each[1] in OPS[each[0]].joined]
PLAIN = [name for name, op in OPS.items() if "torch" in op.backends]
FIELDS = [(*each, field) for each in BOTH for field in OPS[each[0]].fields]


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def loss(op: Contract, backend: str, operands: Sequence[Tensor]) -> Tensor:
    return weighed(op.call(backend)(*operands))


def gradient(op: Contract, backend: str, fields: Sequence[str]) -> Callable:
    """torch.func's gradient of `loss` by the operands named."""

    def of(*operands: Tensor) -> Tensor:
        return loss(op, backend, operands)

    return torch.func.grad(of, argnums=tuple(op.index(f) for f in fields))


@pytest.mark.parametrize("name, backend", BOTH)
def test_derivatives_match_finite_differences(name: str, backend: str) -> None:
    op = OPS[name]
    operands = leaves(op.inputs(op.finite))
    assert torch.autograd.gradcheck(op.call(backend), operands, fast_mode=True)


@pytest.mark.parametrize("name, backend, field", FIELDS)
def test_only_the_gradient_that_is_wanted(name: str, backend: str, field: str) -> None:
    op = OPS[name]
    operands = leaves(op.inputs(op.finite))
    together = torch.autograd.grad(loss(op, backend, operands), operands)[op.index(field)]
    one = [x if f == field else x.detach() for f, x in zip(op.fields, operands, strict=True)]
    (alone,) = torch.autograd.grad(loss(op, backend, one), one[op.index(field)])
    assert_close(alone, together, field)


@pytest.mark.parametrize("name, backend", [x for x in BOTH if OPS[x[0]].state])
def test_a_gradient_may_come_through_the_state_alone(name: str, backend: str) -> None:
    op = OPS[name]
    operands = op.inputs(op.finite)
    mine, its = leaves(operands), leaves(operands)
    for run, given in ((backend, mine), ("naive", its)):
        weighed((op.call(run)(*given)[1],)).backward()
    for field, one, other in zip(op.fields, mine, its, strict=True):
        if other.grad is not None:
            assert one.grad is not None
            assert_close(one.grad, other.grad, field)


@pytest.mark.parametrize("name, backend", JOINED)
def test_the_custom_ops_keep_torch_s_rules(
    name: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    op, seen = OPS[name], {}
    key = f"{name} {backend}"
    op.call(backend)(*op.inputs(op.tiny))  # registers the kernels
    kernels = joining.KERNELS[key]

    def record(what: str):
        def run(*args):
            seen[what] = tuple(x.detach() if isinstance(x, Tensor) else x for x in args)
            return getattr(kernels, what)(*args)

        return run

    spies = joining.Kernels(record("forward"), record("backward"))
    monkeypatch.setitem(joining.KERNELS, key, spies)
    loss(op, backend, leaves(op.inputs(op.tiny))).backward()
    for what, args in seen.items():
        torch.library.opcheck(getattr(kernels, what), args)
    assert set(seen) == {"forward", "backward"}


@pytest.mark.parametrize("name, backend", BOTH)
def test_func_grad_is_autograd(name: str, backend: str) -> None:
    op = OPS[name]
    operands = op.inputs(op.finite)
    func = gradient(op, backend, op.fields)(*operands)
    given = leaves(operands)
    plain = torch.autograd.grad(loss(op, backend, given), given)
    for field, one, other in zip(op.fields, func, plain, strict=True):
        assert_close(one, other, field)


@pytest.mark.parametrize("name, backend", BOTH)
def test_vmap_over_rows_and_over_weights_is_a_loop(name: str, backend: str) -> None:
    op = OPS[name]
    many = [op.inputs(op.finite) for _ in range(3)]
    for shared in (op.weights, tuple(f for f in op.fields if f not in op.weights)):
        dims = tuple(None if f in shared else 0 for f in op.fields)
        if all(d is None for d in dims):
            continue
        columns = zip(*many, strict=True)
        given = [x[0] if d is None else torch.stack(x) for x, d in zip(columns, dims, strict=True)]
        together = torch.func.vmap(op.call(backend), in_dims=dims)(*given)
        for i in range(3):
            each = [x if d is None else x[i] for x, d in zip(given, dims, strict=True)]
            for mine, its in zip(together, op.call(backend)(*each), strict=True):
                assert_close(mine[i], its)


@pytest.mark.parametrize("name, backend", [x for x in BOTH if OPS[x[0]].weights])
def test_each_row_has_its_own_gradient_of_the_weights(name: str, backend: str) -> None:
    op = OPS[name]
    many = [op.inputs(op.finite) for _ in range(3)]
    dims = tuple(None if f in op.weights else 0 for f in op.fields)
    columns = zip(*many, strict=True)
    given = [x[0] if d is None else torch.stack(x) for x, d in zip(columns, dims, strict=True)]
    of_weights = gradient(op, backend, op.weights)
    together = torch.func.vmap(of_weights, in_dims=dims)(*given)
    for i in range(3):
        each = [x if d is None else x[i] for x, d in zip(given, dims, strict=True)]
        for mine, its in zip(together, of_weights(*each), strict=True):
            assert_close(mine[i], its)


@pytest.mark.parametrize("name, backend", JOINED)
def test_the_second_derivative_is_refused_with_a_way_out(name: str, backend: str) -> None:
    op = OPS[name]
    operands = leaves(op.inputs(op.finite))
    first = torch.autograd.grad(loss(op, backend, operands).square(), operands, create_graph=True)
    with pytest.raises(NotImplementedError, match=f"^{name}: .* backend='torch' has it"):
        weighed(first).backward()


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_the_torch_backend_has_the_second_derivative(name: str) -> None:
    op = OPS[name]
    operands = leaves(op.inputs(op.finite))
    assert torch.autograd.gradgradcheck(op.call("torch"), operands, fast_mode=True)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own jvp
@pytest.mark.parametrize("name, backend", BOTH)
def test_forward_mode_is_there_or_raises(name: str, backend: str) -> None:
    op = OPS[name]
    operands = tuple(op.inputs(op.finite))
    tangents = tuple(torch.ones_like(x) for x in operands)
    if backend != "torch":
        with pytest.raises(NotImplementedError, match="jvp"):
            torch.func.jvp(op.call(backend), operands, tangents)
        return
    slope = torch.func.jvp(lambda *x: weighed(op.call(backend)(*x)), operands, tangents)[1]
    gradients = gradient(op, backend, op.fields)(*operands)
    assert_close(slope, torch.stack([g.sum() for g in gradients]).sum())


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("name, backend", BOTH)
def test_compiled_whole_with_backward(name: str, backend: str) -> None:
    op = OPS[name]
    operands = op.inputs(op.finite)
    run = torch.compile(op.call(backend), backend="aot_eager", fullgraph=True)
    mine, its = leaves(operands), leaves(operands)
    weighed(run(*mine)).backward()
    loss(op, backend, its).backward()
    for field, one, other in zip(op.fields, mine, its, strict=True):
        assert one.grad is not None and other.grad is not None
        assert_close(one.grad, other.grad, field)


class _Module(torch.nn.Module):
    def __init__(self, op: Contract, backend: str) -> None:
        super().__init__()
        self.run = op.call(backend)

    def forward(self, *operands: Tensor) -> tuple[Tensor, ...]:
        return self.run(*operands)


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("name, backend", BOTH)
def test_exported(name: str, backend: str) -> None:
    op = OPS[name]
    operands = tuple(op.inputs(op.finite))
    program = torch.export.export(_Module(op, backend), operands)
    again = tuple(op.inputs(op.finite))
    for mine, its in zip(program.module()(*again), op.call(backend)(*again), strict=True):
        assert_close(mine, its)
