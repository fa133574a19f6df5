"""The core of a TARS block: two recurrences side by side, one projection in, one out."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from marslab.kernels.checks import shaped, state_dtype
from marslab.layers.block_config import CoreConfig
from marslab.layers.wuneng_streams import SSDStream, WKVStream
from marslab.tracing import emit, recording


class WuNengState(NamedTuple):
    """What the core carries from step to step; a stream that is not built has no columns here.

    Shapes (B batch, D width, H heads, P = V = K = D / H, N state, E = D + 2N):
        conv: [B, E, d_conv - 1]; ssd: [B, H, P, N]; shift: [B, D]; wkv: [B, H, V, K]
    """

    conv: Tensor
    ssd: Tensor
    shift: Tensor
    wkv: Tensor


class WuNengCore(nn.Module):
    """x + W_out (g * y_ssd + (1 - g) * y_wkv), with g = sigmoid(W [y_ssd; y_wkv]).

    u = RMSNorm(x) is shifted: a learned share `mix` of each channel, 0 to 1 at the start, comes
    from the step before. That stands before the one projection, so both streams see it; with
    fusion "ssd" there is no shift. Rows of `to_inner.weight` belong to the streams as `rows` says.
    fusion "ssd" or "wkv" builds that stream alone, and no g.

    `rag` is what retrieval found, [B, D]. One key and value a head, linear in rag / rms(rag), are
    written into the memory before the first step: the key then leads to the value, and what it led
    to before is gone. A row of zeros writes nothing; the same rag at once again changes nothing.
    It goes into the state of WKV, as if at `position`, and with fusion "ssd" into that of SSD.

    Step by step, each with the state and position of the one before, is the same as all at once.
    With enabled=False the result is x, and nothing is built.

    Emits "wuneng" with the mean of g and the norms of y_ssd and y_wkv, each [B, L].

    Shapes (B batch, L length, D width; for the state see WuNengState):
        x: [B, L, D] floating point; D / heads is even where RoPE turns
        rag: [B, D]
        returns: [B, L, D], the state after the last step

    Units:
        position: steps before x

    Errors:
        ValueError: d_model does not fit the heads, x or rag has another shape, the state is that
            of another batch, or rag was given to a core built without it

    Source:
        TARS v3, sections 2.3, 3.1 and 3.2, with the repairs T19 to T23, T50 and T51.

    >>> core = WuNengCore(8, CoreConfig(heads=2))
    >>> y, state = core(torch.zeros(3, 5, 8))
    >>> y.shape, state.wkv.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 2, 4, 4]))
    """

    def __init__(self, d_model: int, config: CoreConfig, rag: bool = True) -> None:
        super().__init__()
        self.d_model, self.fusion, self.enabled = d_model, config.fusion, config.enabled
        self.ssd: SSDStream | None = None
        self.wkv: WKVStream | None = None
        self.to_rag: nn.Linear | None = None
        if not config.enabled:
            return
        _check_sizes(d_model, config)
        self.norm = nn.RMSNorm(d_model, eps=1e-6)
        if config.fusion != "wkv":
            self.ssd = SSDStream(d_model, config)
        if config.fusion != "ssd":
            self.wkv = WKVStream(d_model, config)
            self.mix = nn.Parameter(torch.linspace(0, 1, d_model))
        self.to_inner = nn.Linear(d_model, sum(self._widths()), bias=False)
        if config.fusion == "gate":
            self.fuse = nn.Linear(2 * d_model, d_model)
        self.to_model = nn.Linear(d_model, d_model, bias=False)
        stream = self.wkv or self.ssd
        if rag and stream is not None:
            self.to_rag = nn.Linear(d_model, sum(stream.rag_widths()), bias=False)

    def forward(
        self,
        x: Tensor,
        state: WuNengState | None = None,
        *,
        position: int = 0,
        rag: Tensor | None = None,
    ) -> tuple[Tensor, WuNengState]:
        shaped("WuNengCore", "x", x, f"[B, L, {self.d_model}]", (None, None, self.d_model))
        state = self.fresh(x) if state is None else state
        if not self.enabled:
            return x, state
        if state.conv.shape[0] != x.shape[0]:
            raise ValueError(
                f"WuNengCore: the state is of {state.conv.shape[0]} rows, x of {x.shape[0]}"
            )
        if rag is not None:
            state = self._written(state, rag, position)
        y, state = self._streams(x, state, position)
        return x + self.to_model(y), state

    def _streams(self, x: Tensor, state: WuNengState, position: int) -> tuple[Tensor, WuNengState]:
        u, shift = self._shifted(self.norm(x.to(self.norm.weight.dtype)), state.shift)
        columns = self.to_inner(u).split(self._widths(), -1)
        y_ssd = y_wkv = None
        conv, held, wkv = state.conv, state.ssd, state.wkv
        if self.ssd is not None:
            y_ssd, conv, held = self.ssd(columns[0], conv, held)
        if self.wkv is not None:
            y_wkv, wkv = self.wkv(columns[-1], wkv, position)
        return self._fused(y_ssd, y_wkv), WuNengState(conv, held, shift, wkv)

    def _shifted(self, u: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """u mixed with the step before, and the last u, to carry on."""
        if self.wkv is None:
            return u, before
        longer = torch.cat([before.to(u.dtype).unsqueeze(1), u], 1)
        return torch.lerp(u, longer[:, :-1], self.mix.to(u.dtype)), longer[:, -1].clone()

    def _fused(self, y_ssd: Tensor | None, y_wkv: Tensor | None) -> Tensor:
        gate, y = None, y_wkv if y_ssd is None else y_ssd
        assert y is not None
        if y_ssd is not None and y_wkv is not None:
            gate = torch.sigmoid(self.fuse(torch.cat([y_ssd, y_wkv], -1)))
            y = torch.lerp(y_wkv, y_ssd, gate)
        if recording():
            seen = {"ssd": y_ssd, "wkv": y_wkv}
            fields = {name: v.norm(dim=-1) for name, v in seen.items() if v is not None}
            if gate is not None:
                fields["gate"] = gate.mean(-1)
            emit("wuneng", None, **fields)
        return y

    def _written(self, state: WuNengState, rag: Tensor, position: int) -> WuNengState:
        """The state in which what was retrieved can be found."""
        rows, stream = state.conv.shape[0], self.wkv or self.ssd
        shaped("WuNengCore", "rag", rag, f"[B, {self.d_model}]", (rows, self.d_model))
        if self.to_rag is None or stream is None:
            raise ValueError("WuNengCore: rag was given, but the core was built with rag=False")
        rag = torch.rms_norm(rag.to(self.to_rag.weight.dtype), (self.d_model,))
        key, value = self.to_rag(rag).split(stream.rag_widths(), -1)
        name = "ssd" if self.wkv is None else "wkv"
        return state._replace(**{name: stream.write(getattr(state, name), key, value, position)})

    def fresh(self, x: Tensor) -> WuNengState:
        """The state before the first step, for the rows, device and dtype of x."""
        rows, wide = x.shape[0], state_dtype(x.dtype)
        held = wkv = x.new_zeros(rows, 0, 0, 0, dtype=wide)
        conv, shift = x.new_zeros(rows, 0, 0), x.new_zeros(rows, 0)
        if self.ssd is not None:
            conv, held = self.ssd.fresh(x, wide)
        if self.wkv is not None:
            shift, wkv = x.new_zeros(rows, self.d_model), self.wkv.fresh(x, wide)
        return WuNengState(conv, held, shift, wkv)

    @property
    def rows(self) -> dict[str, slice]:
        """Which rows of to_inner.weight belong to which stream: a phase may freeze some of them.

        >>> WuNengCore(8, CoreConfig(heads=2, d_state=4)).rows
        {'ssd': slice(0, 18, None), 'wkv': slice(18, 66, None)}
        """
        spans, start = {}, 0
        for name, stream in (("ssd", self.ssd), ("wkv", self.wkv)):
            if stream is not None:
                spans[name] = slice(start, start + stream.width)
                start += stream.width
        return spans

    def _widths(self) -> list[int]:
        return [stream.width for stream in (self.ssd, self.wkv) if stream is not None]

    def extra_repr(self) -> str:
        return f"fusion={self.fusion!r}, enabled={self.enabled}"


def _check_sizes(d_model: int, config: CoreConfig) -> None:
    if config.fusion not in ("gate", "ssd", "wkv"):
        raise ValueError(
            f"WuNengCore: fusion must be 'gate', 'ssd' or 'wkv', got {config.fusion!r}"
        )
    if d_model < 1 or d_model % config.heads:
        raise ValueError(
            f"WuNengCore: d_model must be a positive multiple of the {config.heads} heads, "
            f"got {d_model}"
        )
    if config.rope and config.fusion != "ssd" and d_model // config.heads % 2:
        raise ValueError(
            f"WuNengCore: RoPE turns pairs, so d_model / heads must be even, got {d_model} / "
            f"{config.heads}: take other sizes or core.rope = False"
        )
