"""One description per op for the generic tests; see contract.py. Alphabetical."""

from marslab.kernels import gated_recurrence, min_gru, selective_scan, ssd, wkv7
from marslab.kernels.gated_recurrence import work as gated_recurrence_work
from marslab.kernels.min_gru import work as min_gru_work
from marslab.kernels.selective_scan import work as selective_scan_work
from marslab.kernels.ssd import work as ssd_work
from marslab.kernels.wkv7 import work as wkv7_work

from contract import Contract

OPS: dict[str, Contract] = {
    "gated_recurrence": Contract(
        op=gated_recurrence,
        draw=gated_recurrence_work.draw,
        letters=gated_recurrence_work.LETTERS,
        sizes=((2, 33, 5), (1, 1, 1), (5, 40, 7), (1, 5, 130)),
        tiny=(2, 9, 3),
        finite=(2, 5, 3),
        timed=("z", "gamma"),
        weights=("W",),
        state="h0",
        optional=("h0",),
        decays=("gamma",),
        large=((32, 1024, 768), (8, 4096, 1024)),
    ),
    "min_gru": Contract(
        op=min_gru,
        draw=min_gru_work.draw,
        letters=min_gru_work.LETTERS,
        sizes=((2, 33, 5), (1, 1, 1), (3, 100, 7), (1, 5, 130)),
        tiny=(2, 9, 3),
        finite=(2, 5, 3),
        timed=("z_logit", "h_tilde"),
        state="h0",
        optional=("h0",),
        decays=("z_logit",),
        joined=("triton",),  # elsewhere linear_scan stands between the gates
        large=((8, 130, 1030), (16, 130, 1030)),  # below and above gpu.MANY_CHANNELS
    ),
    "selective_scan": Contract(
        op=selective_scan,
        draw=selective_scan_work.draw,
        letters=selective_scan_work.LETTERS,
        sizes=((2, 33, 5, 3), (1, 1, 1, 1), (3, 100, 3, 16), (1, 70, 33, 5)),
        tiny=(2, 9, 3, 3),
        finite=(2, 5, 3, 2),
        timed=("x", "dt", "B", "C"),
        weights=("A", "D"),
        state="h0",
        optional=("D", "h0"),
        decays=("dt", "A"),
        large=((1, 2048, 32, 16), (8, 1024, 512, 16)),
    ),
    "ssd": Contract(
        op=ssd,
        draw=ssd_work.draw,
        letters=ssd_work.LETTERS,
        sizes=(
            (2, 33, 4, 5, 2, 3),
            (1, 1, 1, 1, 1, 1),
            (2, 70, 6, 16, 3, 7),
            (1, 130, 2, 8, 1, 16),
        ),
        tiny=(1, 18, 2, 3, 1, 5),
        finite=(1, 4, 1, 2, 1, 2),
        timed=("x", "dt", "B", "C"),
        weights=("A", "D"),
        state="h0",
        optional=("D", "h0"),
        decays=("dt", "A"),
        granule=16,
        options={"chunk_size": 16},
        large=(
            (8, 4096, 32, 64, 1, 128),
            (1, 4001, 6, 40, 3, 24),
            (2, 80, 2, 24, 1, 128),  # few columns of x beside many of B: see gpu_plan.plan
            (1, 12, 2, 5, 1, 128),
        ),
    ),
    "wkv7": Contract(
        op=wkv7,
        draw=wkv7_work.draw,
        letters=wkv7_work.LETTERS,
        sizes=((2, 37, 2, 3, 5), (1, 1, 1, 1, 1), (1, 70, 1, 20, 17)),
        tiny=(2, 19, 1, 3, 5),
        finite=(2, 4, 1, 3, 2),
        timed=("r", "w", "k", "v", "a", "b"),
        state="s0",
        optional=("s0",),
        decays=("w",),
        granule=16,
        large=((8, 4096, 32, 64, 64), (1, 4001, 6, 40, 24)),
    ),
}
