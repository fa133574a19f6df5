"""A holographic memory: many vectors added up in one, each bound to a key of its own."""

import torch
from torch import Tensor

from marslab.memory.hdc import bind, unbind, unitary

PRINTED = 10_000  # D of MARS v4, 3.3


class HdcMemory:
    """Keep vectors as sums of key (*) value; keys are unitary and come from a seed.

    Reading gives value plus noise of the other items in the bank: a standard deviation of about
    the root of the sum of their |value|^2 / D in each place. A full bank is followed by another.

    Units:
        width: numbers in a value
        dim: D, numbers in a bank
        capacity: items that one bank takes

    Errors:
        ValueError: dim is smaller than width, or a number is not positive

    Source:
        Plate 1995, "Holographic reduced representations"; MARS v4, 3.3.

    >>> memory = HdcMemory(2, dim=1000)
    >>> number = memory.write(torch.tensor([1.0, -1.0]))
    >>> memory.read(number)
    tensor([ 1.0000, -1.0000])
    """

    def __init__(
        self, width: int, *, dim: int = PRINTED, capacity: int = 10, seed: int = 0
    ) -> None:
        if not 1 <= width <= dim or capacity < 1:
            raise ValueError(
                "HdcMemory: 1 <= width <= dim and capacity >= 1 must hold, "
                f"got {width}, {dim} and {capacity}"
            )
        self.width, self.dim, self.capacity, self.seed = width, dim, capacity, seed
        self.banks: list[Tensor] = []
        self.items = 0

    def write(self, value: Tensor) -> int:
        """Add a value; return the number by which it is read.

        Shapes (W width):
            value: [W]

        Errors:
            ValueError: the value has another width
        """
        if value.shape != (self.width,):
            raise ValueError(f"value must be [{self.width}], got {list(value.shape)}")
        number = self.items
        if number % self.capacity == 0:
            self.banks.append(torch.zeros(self.dim))
        padded = torch.zeros(self.dim)
        padded[: self.width] = value
        self.banks[-1] += bind(self.key(number), padded)
        self.items += 1
        return number

    def read(self, number: int) -> Tensor:
        """Return the value of that number, with noise.

        Shapes (W width):
            returns: [W]
        """
        return self.query(self.key(number), number // self.capacity)

    def query(self, key: Tensor, bank: int = 0) -> Tensor:
        """Return what any key unbinds from a bank: noise, unless the key was used to write.

        Shapes (D dim, W width):
            key: [D]
            returns: [W]
        """
        return unbind(key, self.banks[bank])[: self.width]

    def key(self, number: int) -> Tensor:
        """Return the key of that number: random, every frequency of magnitude 1.

        Shapes (D dim):
            returns: [D]
        """
        # Far from the small seeds that people take: a draw of theirs must not be a key.
        draw = torch.Generator().manual_seed((self.seed + 1) * 1_000_003 + number)
        return unitary(torch.randn(self.dim, generator=draw))

    def memory_bytes(self) -> int:
        """Return the bytes of the banks; keys are made again when they are needed."""
        return 4 * self.dim * len(self.banks)
