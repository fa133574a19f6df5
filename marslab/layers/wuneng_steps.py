"""One step of the two recurrences in a few small ops: what decoding on a CPU needs.

`ssd` and `wkv7` are made for sequences. For one step on a CPU most of their time goes into getting
ready, several times that of the arithmetic; here is the arithmetic alone. Also: what is written
into a state from outside, between two steps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def alone(x: Tensor) -> bool:
    """Whether x [B, L, ...] is one step on a CPU, for which the small ops are the faster ones.

    >>> alone(torch.ones(2, 1, 3)), alone(torch.ones(2, 5, 3))
    (True, False)
    """
    return x.shape[1] == 1 and x.device.type == "cpu"


def conv_step(u: Tensor, before: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return a causal convolution of each channel for one step, and its last inputs.

    Shapes (B batch, E channels, T taps):
        u: [B, 1, E]; before: [B, E, T - 1]; weight: [E, 1, T]; bias: [E]
        returns: [B, 1, E] in the dtype of u and weight promoted, [B, E, T - 1] in that of u

    >>> u, before, weight = torch.ones(1, 1, 1), torch.tensor([[[3.0, 4.0]]]), torch.ones(1, 1, 3)
    >>> y, last = conv_step(u, before, weight, torch.zeros(1))
    >>> y.item(), last.tolist()
    (8.0, [[[4.0, 1.0]]])
    """
    window = torch.cat([before.to(u.dtype), u.mT], -1)
    y = (window * weight[:, 0]).sum(-1) + bias
    return y.unsqueeze(1), window[..., 1:].clone(memory_format=torch.contiguous_format)


def ssd_step(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, *, h: Tensor
) -> tuple[Tensor, Tensor]:
    """Return ssd(x, dt, A, B, C, D, h) for one step and one group, with its state.

    Shapes (B batch, H heads, P head width, N state):
        x: [B, 1, H, P]; dt: [B, 1, H]; A, D: [H]; B, C: [B, 1, 1, N]; h: [B, H, P, N]
        returns: y [B, 1, H, P] in the dtype of x, the state [B, H, P, N] in that of h

    >>> one = torch.ones(1, 1, 1, 1)
    >>> y, h = ssd_step(one, one[..., 0], torch.zeros(1), one, one, torch.zeros(1), h=2 * one)
    >>> y.item(), h.item()
    (3.0, 3.0)
    """
    now, dt = x[:, 0].to(h.dtype), dt[:, 0].to(h.dtype)
    kept = h * torch.exp(dt * A)[..., None, None]
    h = torch.addcmul(kept, (now * dt.unsqueeze(-1)).unsqueeze(-1), B.to(h.dtype))
    y = torch.addcmul((h * C.to(h.dtype)).sum(-1), now, D.to(h.dtype).unsqueeze(-1))
    return y.to(x.dtype).unsqueeze(1), h


def wkv_step(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, *, S: Tensor
) -> tuple[Tensor, Tensor]:
    """Return wkv7(r, w, k, v, a, b, S) for one step, with its state.

    Shapes (B batch, H heads, K key width, V value width):
        r, w, k, a, b: [B, 1, H, K]; v: [B, 1, H, V]; S: [B, H, V, K]
        returns: y [B, 1, H, V] in the dtype of v, the state [B, H, V, K] in that of S

    >>> key, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    >>> wkv_step(key, zero, key, 5 * key, -key, key, S=3 * key)[1].item()  # 3 is overwritten
    5.0
    """
    row_r, row_w, row_k, row_a, row_b = (x.to(S.dtype).transpose(1, 2) for x in (r, w, k, a, b))
    removed = (S * row_a).sum(-1, keepdim=True)
    S = torch.addcmul(S * row_w.exp(), removed, row_b)
    S = torch.addcmul(S, v.to(S.dtype).permute(0, 2, 3, 1), row_k)
    return (S * row_r).sum(-1).to(v.dtype).unsqueeze(1), S


def overwritten(state: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the state in which `key`, made a unit vector, now leads to `value` (the delta rule).

    The same key and value once more change nothing. A key of zeros writes nothing.

    Shapes (B batch, H heads, V value width, K key width):
        state: [B, H, V, K]; key: [B, H, K] or [B, 1, K]; value: [B, H, V]
        returns: [B, H, V, K] in the dtype of the state

    >>> key, value = torch.tensor([[[0.0, 2.0]]]), torch.tensor([[[7.0]]])
    >>> overwritten(torch.ones(1, 1, 1, 2), key, value).flatten().tolist()
    [1.0, 7.0]
    """
    unit = F.normalize(key.to(state.dtype), dim=-1).unsqueeze(-2)
    held = (state * unit).sum(-1, keepdim=True)
    return torch.addcmul(state, value.to(state.dtype).unsqueeze(-1) - held, unit)
