"""Triton, step by step, for a few of them: one launch, and the state is read and written once.

A program owns R rows of a head's state, [R, N] in registers. Programs never talk.
"""

import triton
import triton.language as tl


@triton.jit
def forward(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, D_ptr, h0_ptr, y_ptr, state_ptr, L, H, G, P, N,
    R: tl.constexpr, NP: tl.constexpr,
):  # fmt: skip
    """x, y: [B, L, H, P]; dt: [B, L, H]; A, D: [H]; B, C: [B, L, G, N]; h0, state: [B, H, P, N].

    D may be None.
    """
    of_batch = (tl.program_id(0) // tl.cdiv(P, R)).to(tl.int64)  # row of the batch, and head
    batch, head = of_batch // H, of_batch % H
    p = tl.program_id(0) % tl.cdiv(P, R) * R + tl.arange(0, R)
    n = tl.arange(0, NP)
    own, cell = (p < P)[:, None] & (n < N)[None, :], of_batch * P * N + p[:, None] * N + n[None, :]
    h = tl.load(h0_ptr + cell, mask=own, other=0.0)
    A = tl.load(A_ptr + head).to(h.dtype)
    D = None if D_ptr is None else tl.load(D_ptr + head).to(h.dtype)
    for t in range(0, L):
        step = batch * L + t
        at, keys = (step * H + head) * P + p, (step * G + head // (H // G)) * N + n
        dt = tl.load(dt_ptr + step * H + head).to(h.dtype)
        x = tl.load(x_ptr + at, mask=p < P, other=0.0).to(h.dtype)
        B = tl.load(B_ptr + keys, mask=n < N, other=0.0).to(h.dtype)
        C = tl.load(C_ptr + keys, mask=n < N, other=0.0).to(h.dtype)
        decay = tl.exp(dt * tl.where(dt == 0, 0.0, A))  # 0 times -inf is no number
        h = decay * h + (dt * x)[:, None] * B[None, :]
        y = tl.sum(h * C[None, :], 1)
        if D is not None:
            y += D * x
        tl.store(y_ptr + at, y.to(y_ptr.dtype.element_ty), mask=p < P)
    tl.store(state_ptr + cell, h, mask=own)
