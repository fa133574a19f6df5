"""One block of a wave: core, Omega, experts, novelty, memory, each with its own switch."""

from typing import NamedTuple

from torch import Tensor, nn

from marslab.layers.block_config import BlockConfig, OmegaConfig
from marslab.layers.memory_injection import MemoryInjection
from marslab.layers.mole import MoLE
from marslab.layers.novelty_gate import NoveltyGate
from marslab.layers.omega import Omega, OmegaState
from marslab.layers.running_mean import running_mean
from marslab.layers.wuneng import WuNengCore, WuNengState


class BlockState(NamedTuple):
    """What a block carries on: the state of its core and Omega, and two running means.

    Shapes (B batch, D width):
        core_mean: [B, D], of x after the core
        new_mean: [B, D], of x after the experts
    """

    core: WuNengState | None
    omega: OmegaState | None
    core_mean: Tensor
    new_mean: Tensor


class BlockOut(NamedTuple):
    """The result of a block, its state, and what is to be seen or optimised.

    Shapes (B batch, L length, D width, E experts):
        x: [B, L, D]
        need: [B, L, 1], gate of the memory, None without memory
        novelty: [B, L, 1], None where that gate is off
        routing: [B, L, E], None without experts
        vq, balance, router_z: scalars, losses
    """

    x: Tensor
    state: BlockState
    need: Tensor | None
    novelty: Tensor | None
    routing: Tensor | None
    vq: Tensor
    balance: Tensor
    router_z: Tensor


def omega_of(d_model: int, config: OmegaConfig) -> Omega:
    """Omega as its config says; the recurrent form has no rank."""
    return Omega(d_model, config, rank=None if config.recurrent else config.rank)


class TarsBlock(nn.Module):
    """x -> WuNeng core (with RAG) -> Omega -> MoLE -> NoveltyGate -> memory -> x'.

    Everywhere the design takes the mean over the whole sequence stands the mean over the steps so
    far: the other one shows each position its future (T1). Omega and the injection may be shared by
    several blocks, which is why they come ready made.

    Shapes (B batch, L length, D width, M memory width):
        x: [B, L, D] floating point
        mean: [B, L, D], the running mean of x
        memory: [B, L, M]
        rag: [B, D], enters the state of the core before its first step here

    Source:
        TARS v3, 2.2; errata T1, T27, T40.

    >>> import torch
    >>> block = TarsBlock(32, 8, BlockConfig())
    >>> x = torch.zeros(2, 3, 32)
    >>> block(x, running_mean(x)).x.shape
    torch.Size([2, 3, 32])
    """

    def __init__(
        self,
        d_model: int,
        memory_dim: int,
        config: BlockConfig,
        *,
        omega: Omega | None = None,
        injection: MemoryInjection | None = None,
    ) -> None:
        super().__init__()
        core, mode = config.core, config.injection.mode
        self.core = WuNengCore(d_model, core, rag=config.rag) if core.enabled else None
        own = config.omega.enabled and omega is None
        self.own_omega = omega_of(d_model, config.omega) if own else None
        mole = config.mole
        self.mole = MoLE(d_model, mole, added=mole.added) if mole.enabled else None
        self.novelty = NoveltyGate(d_model, config.novelty) if config.novelty.enabled else None
        own = mode != "none" and injection is None
        self.own_injection = MemoryInjection(d_model, memory_dim, mode) if own else None
        # In a tuple, so that what is shared stands once among the modules: with who shares it.
        self._shared = (omega, injection)

    @property
    def omega(self) -> Omega | None:
        """Omega, its own or the shared one."""
        return self.own_omega or self._shared[0]

    @property
    def injection(self) -> MemoryInjection | None:
        """The memory's way in, its own or the shared one."""
        return self.own_injection or self._shared[1]

    def forward(
        self,
        x: Tensor,
        mean: Tensor,
        state: BlockState | None = None,
        *,
        position: int = 0,
        memory: Tensor | None = None,
        rag: Tensor | None = None,
    ) -> BlockOut:
        nothing = x.new_zeros(())
        old, core_state, omega_state = x, None, None
        vq = balance = router_z = nothing
        routing = novelty = need = None
        if self.core is not None:
            before = None if state is None else state.core
            x, core_state = self.core(x, before, position=position, rag=rag)
        core_mean = running_mean(x, None if state is None else state.core_mean, position)
        omega, injection = self.omega, self.injection
        if omega is not None:
            x, omega_state, vq = omega(x, core_mean, None if state is None else state.omega)
        if self.mole is not None:
            x, routing, balance, router_z = self.mole(x, core_mean)
        new_mean = running_mean(x, None if state is None else state.new_mean, position)
        if self.novelty is not None:
            x, novelty = self.novelty(old, x, mean, new_mean)
        if injection is not None:
            x, need = injection(x, new_mean, memory)
        after = BlockState(core_state, omega_state, core_mean[:, -1], new_mean[:, -1])
        return BlockOut(x, after, need, novelty, routing, vq, balance, router_z)
