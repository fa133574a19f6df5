"""What every op promises, said once: the description of an op, and how the tests call it.

tests/kernels/ops.py holds one description per op; test_contract*.py hold each to the promises of
all. What is special about an op stands in its own test file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

REAL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    "every second": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "one for all": lambda x: x[:1].expand_as(x),
}


@dataclass(frozen=True)
class Contract:
    """An op as the generic tests need to know it.

    `sizes` follow the LETTERS of the op's work.py; the first is small and odd and used wherever one
    size is enough. `tiny` is for Triton's interpreter, `finite` for finite differences. `large`
    ones, of the speed table or where another kernel runs, meet numba in float64 on a GPU.
    """

    op: Callable[..., Any]
    draw: Callable[..., Any]
    letters: tuple[str, ...]
    sizes: tuple[tuple[int, ...], ...]
    tiny: tuple[int, ...]
    finite: tuple[int, ...]
    timed: tuple[str, ...]  # operands whose axis 1 is time
    weights: tuple[str, ...] = ()  # operands without a batch axis
    state: str | None = None  # the operand that carries the state; None: the op has no state
    optional: tuple[str, ...] = ()  # operands that may be None, which means zeros
    decays: tuple[str, ...] = ()  # operands that may be float32 beside 16-bit ones
    backends: tuple[str, ...] = ("torch", "numba")
    joined: tuple[str, ...] = ("numba", "triton")  # those whose backward is a kernel of its own
    triton: bool = True
    granule: int = 1  # a NaN may reach back to the start of its chunk of so many steps
    options: Mapping[str, Any] = field(default_factory=dict)
    large: tuple[tuple[int, ...], ...] = ()  # on a GPU: the sizes of the speed table

    @property
    def name(self) -> str:
        """The op's name, as in its sentences."""
        return self.op.__name__

    def inputs(self, size: tuple[int, ...], dtype: torch.dtype = torch.float64, **more: Any) -> Any:
        """The operands at a size, drawn within the op's law."""
        return self.draw(size, dtype, **more)

    def resized(self, letter: str, value: int) -> tuple[int, ...]:
        """The first size, with another number for one letter."""
        pairs = zip(self.letters, self.sizes[0], strict=True)
        return tuple(value if name == letter else size for name, size in pairs)

    def call(self, backend: str, **more: Any) -> Callable[..., tuple[Tensor, ...]]:
        """A function of the operands that gives (result, state), or (result,) without a state."""
        keywords = {**self.options, "backend": backend, **more}
        if self.state is not None:
            keywords["return_state"] = True

        def run(*operands: Tensor | None) -> tuple[Tensor, ...]:
            out = self.op(*operands, **keywords)
            return (out,) if isinstance(out, Tensor) else tuple(out)

        return run

    def index(self, name: str) -> int:
        """The position of an operand."""
        return self.fields.index(name)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the operands, in the order of the op's arguments."""
        return self.inputs(self.tiny)._fields

    @property
    def L(self) -> int:
        """The length of the first size."""
        return self.sizes[0][self.letters.index("L")]


def cut(contract: Contract, operands: Any, start: int, stop: int) -> list[Tensor]:
    """The operands of the steps from `start` to `stop`."""
    return [
        x[:, start:stop] if name in contract.timed else x
        for name, x in zip(operands._fields, operands, strict=True)
    ]


def leaves(operands: Any) -> list[Tensor]:
    """The operands as fresh leaves that ask for gradients."""
    return [x.detach().clone().requires_grad_() for x in operands]


def left_out(contract: Contract, backend: str, operands: Any) -> list[list[Tensor]]:
    """Results and gradients with None for what is optional, then with zeros for it."""
    runs = []
    for nothing in (lambda x: None, torch.zeros_like):
        mine = dict(zip(contract.fields, leaves(operands), strict=True))
        given = [x for name, x in mine.items() if name not in contract.optional]
        taken = (nothing(x) if name in contract.optional else x for name, x in mine.items())
        out = contract.call(backend)(*taken)
        runs.append([*out, *torch.autograd.grad(weighed(out), given)])
    return runs


def weighed(outputs: tuple[Tensor, ...]) -> Tensor:
    """A number that depends on every output, differently on each cell, the same in each call."""
    total = torch.zeros((), dtype=torch.float64)
    for x in outputs:
        weight = torch.linspace(0.5, 1.5, max(x.numel(), 1), dtype=torch.float64)[: x.numel()]
        total = total + (x.double().cpu() * weight.view(x.shape)).sum()
    return total
