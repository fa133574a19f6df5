"""A wave: two blocks that see the same input, and the gate that merges what they found."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from marslab.layers.block_config import BlockConfig
from marslab.layers.memory_injection import MemoryInjection
from marslab.layers.omega import Omega
from marslab.layers.running_mean import running_mean
from marslab.layers.tars_block import BlockOut, BlockState, TarsBlock, omega_of
from marslab.layers.wave_merge import WaveMerge
from marslab.systems.tars.config import TarsConfig, WavesConfig
from marslab.tracing import emit


class WaveState(NamedTuple):
    """What a wave carries on from step to step.

    Shapes (B batch, D width):
        means: [B, 3, D], of the left result, of the right one, of both merged
    """

    left: BlockState
    right: BlockState
    means: Tensor


class WaveOut(NamedTuple):
    """The result of a wave.

    Shapes (B batch, L length, D width):
        x, mean: [B, L, D]
        need, novelty: [B, L, 1], mean of both blocks, None where off
        vq, balance, router_z: scalars, losses of both blocks
    """

    x: Tensor
    mean: Tensor
    state: WaveState
    need: Tensor | None
    novelty: Tensor | None
    vq: Tensor
    balance: Tensor
    router_z: Tensor


class Wave(nn.Module):
    """Two blocks side by side and their merge; in the layout "sequence" one after the other.

    Shapes (B batch, L length, D width, M memory width):
        x: [B, L, D] floating point
        mean: [B, L, D], the running mean of x
        memory: [B, L, M]
        rag: [B, D]

    Source:
        TARS v3, 2.2-2.3; errata T62 and T65.
    """

    def __init__(
        self,
        config: TarsConfig,
        *,
        omega: Omega | None = None,
        injection: MemoryInjection | None = None,
    ) -> None:
        super().__init__()
        self.layout = config.waves.layout
        self.left, self.right = (
            TarsBlock(
                config.d_model,
                config.thought.memory_dim,
                config.block,
                omega=omega,
                injection=injection,
            )
            for _ in "LR"
        )
        parallel = config.waves.layout == "parallel"
        self.merge = WaveMerge(config.d_model, config.waves.correction) if parallel else None

    def forward(
        self,
        x: Tensor,
        mean: Tensor,
        state: WaveState | None = None,
        *,
        position: int = 0,
        memory: Tensor | None = None,
        rag: Tensor | None = None,
    ) -> WaveOut:
        around = {"position": position, "memory": memory, "rag": rag}
        left = self.left(x, mean, state and state.left, **around)
        left_mean = running_mean(left.x, None if state is None else state.means[:, 0], position)
        if self.merge is None:
            right = self.right(left.x, left_mean, state and state.right, **around)
        else:
            right = self.right(x, mean, state and state.right, **around)
        right_mean = running_mean(right.x, None if state is None else state.means[:, 1], position)
        if self.merge is None:
            merged, mean = right.x, right_mean
        else:
            merged, _ = self.merge(left.x, right.x, left_mean, right_mean)
            mean = running_mean(merged, None if state is None else state.means[:, 2], position)
        means = torch.stack([left_mean[:, -1], right_mean[:, -1], mean[:, -1]], 1)
        return _joined(merged, mean, WaveState(left.state, right.state, means), left, right)


def _joined(x: Tensor, mean: Tensor, state: WaveState, left: BlockOut, right: BlockOut) -> WaveOut:
    return WaveOut(
        x,
        mean,
        state,
        _both(left.need, right.need),
        _both(left.novelty, right.novelty),
        left.vq + right.vq,
        left.balance + right.balance,
        left.router_z + right.router_z,
    )


def _both(left: Tensor | None, right: Tensor | None) -> Tensor | None:
    return None if left is None or right is None else (left + right) / 2


def tell(index: int, out: WaveOut, memory: Tensor | None) -> None:
    """Emit what a wave did, as "block" with the wave's number as its step."""
    emit("block", step=index, need=out.need, novelty=out.novelty, memory=memory)


def shared_parts(config: TarsConfig) -> tuple[Omega | None, MemoryInjection | None]:
    """The parts of a block that all waves have in common, where the config says so."""
    block: BlockConfig = config.block
    omega = block.omega.enabled and block.omega.shared
    mode = block.injection.mode
    inject = mode != "none" and block.injection.shared
    return (
        omega_of(config.d_model, block.omega) if omega else None,
        MemoryInjection(config.d_model, config.thought.memory_dim, mode) if inject else None,
    )


def waves(config: TarsConfig, omega: Omega | None, injection: MemoryInjection | None) -> list[Wave]:
    """The waves of a model, in order; one where they are tied."""
    plan: WavesConfig = config.waves
    return [
        Wave(config, omega=omega, injection=injection)
        for _ in range(1 if plan.tied else plan.count)
    ]
