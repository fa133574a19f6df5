"""How fast a model decodes on a CPU and how much memory it takes, in a process of its own."""

import math
import statistics
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import torch
from torch import nn

from marslab import workers
from marslab.compress.int8 import to_bfloat16, to_int8
from marslab.compress.ternary import pack, to_ternary
from marslab.errors import UserError, unknown
from marslab.lab.bench.memory import release
from marslab.lab.transformer import SHAPES, TransformerLM, TransformerState
from marslab.systems.registry import build
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.state import TarsState

SEED, PROMPT = 0, 16
WARM_UP = 4  # steps before the clock runs: the first ones find their buffers
WORD_PIECE = 4.0  # bytes of English in a token of GPT-2's kind, about; other languages have fewer
# A model of the same make that loads all code and compilers before memory is counted.
SMALL = {"d_model": 64, "block.core.heads": 2, "waves.count": 1, "idme.enabled": False}
SMALL_SHAPE = {"num_hidden_layers": 1, "vocab_size": 256}
WHOLE = ("fp32", "bf16")  # of a Transformer: its head is its embedding, and would be stored twice
PRECISIONS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "fp32": lambda model: model,
    "bf16": to_bfloat16,
    "int8": to_int8,
    "w8a8": lambda model: to_int8(model, activations="int8"),
    "ternary": lambda model: pack(to_ternary(model)),
    "ternary-5trit": lambda model: pack(to_ternary(model), "5trit"),
}


class Decoding(NamedTuple):
    """What decoding took. The weights are random: speed and memory do not depend on them.

    Units:
        bytes: generated ones, as many as asked for
        tokens_s: tokens a second, by one thread
        resident_mb: 10^6 bytes that the process grew by, from before the model to after decoding,
            when freed pages are handed back; in the midst of a step it is more by what that needs
        growth_bytes: of it, from the first timed byte to the last; pages, not bytes, are counted
        state_bytes: of the state that is carried from token to token, after the last
        weights_mb: 10^6 bytes of parameters and buffers
        ms_median, ms_p99: milliseconds for one token; of fewer than 100, p99 is the slowest
        bytes_a_token: 1 for TARS, whose tokens are bytes; about 4 for word pieces (T44)
    """

    name: str
    precision: str
    parameters: int
    bytes: int
    tokens_s: float
    resident_mb: float
    growth_bytes: int
    state_bytes: int
    weights_mb: float
    ms_median: float
    ms_p99: float
    bytes_a_token: float

    @property
    def bytes_s(self) -> float:
        """Bytes of text a second: what can be compared between kinds of tokens."""
        return self.tokens_s * self.bytes_a_token


class Job(NamedTuple):
    """What a worker is to measure."""

    name: str
    precision: str
    bytes: int
    overrides: dict[str, Any]


def measure(
    name: str,
    precision: str,
    *,
    bytes: int = 200,
    overrides: Mapping[str, Any] | None = None,
    timeout: float | None = None,
) -> Decoding:
    """Build `name` with random weights in `precision`, and let it write `bytes` bytes.

    `name` is a preset of TARS, or one of SHAPES: a Transformer with a cache of keys and values,
    from the package `transformers`, in fp32 or bf16. Its tokens are word pieces of about four bytes
    of English. Its weights are random too, so it writes no English; what is measured is its shape,
    while the context is short.

    The work is done in a fresh process by one thread, so that the memory is that of this model
    alone. All waves run. The model is first built in float32: the most that the process ever takes
    is more than what stays resident, which is what is reported.

    The design prints about 630 MB and 50 tokens/s for 1 B weights of 1.58 bits, 2,000 MB and 35
    for 16 bits; by its own count 1 B of 1.58 bits are 198 MB.

    Units:
        timeout: seconds for everything

    Errors:
        UserError: no such precision, preset or size, no language model, or no transformers
        ValueError: bytes is not positive
        TimeoutError: not done in time

    Source:
        TARS v3, 10.3 and 15; errata T44 and T45.
    """
    if precision not in PRECISIONS:
        raise UserError(unknown("precision", precision, PRECISIONS))
    if name in SHAPES and precision not in WHOLE:
        raise UserError(f"{name} is measured in {' or '.join(WHOLE)}, got {precision}")
    if bytes < 1:
        raise ValueError(f"bytes must be positive, got {bytes}")
    with torch.device("meta"):  # a user's mistake is found here, before a process is started
        _built(name, overrides or {})
    job = Job(name, precision, bytes, dict(overrides or {}))
    return Decoding(*workers.run(_measured, [job], workers=1, timeout=timeout)[0])


def _measured(job: Job) -> tuple[Any, ...]:
    import psutil

    memory = psutil.Process().memory_info
    small = SMALL_SHAPE if job.name in SHAPES else SMALL
    _written(_model(job._replace(overrides=job.overrides | small)), 2, memory)
    release()
    before = memory().rss
    model = _model(job)
    release()
    width = WORD_PIECE if job.name in SHAPES else 1.0
    tokens = math.ceil(job.bytes / width)
    seconds, state, growth = _written(model, tokens, memory)
    release()
    after = memory().rss
    tensors = (*model.parameters(), *model.buffers())
    return (
        job.name,
        job.precision,
        parameters(job),
        job.bytes,
        tokens / sum(seconds),
        (after - before) / 1e6,
        growth,
        state.bytes,
        sum(x.numel() * x.element_size() for x in tensors) / 1e6,
        1e3 * statistics.median(seconds),
        1e3 * sorted(seconds)[-1 - len(seconds) // 100],
        width,
    )


def parameters(job: Job) -> int:
    """How many parameters the model has before anything is packed."""
    with torch.device("meta"):
        model = _built(job.name, job.overrides)
    return sum(x.numel() for x in model.parameters())


def _model(job: Job) -> nn.Module:
    torch.manual_seed(SEED)
    return PRECISIONS[job.precision](_built(job.name, job.overrides).eval())


def _built(name: str, overrides: Mapping[str, Any]) -> nn.Module:
    if name in SHAPES:
        return TransformerLM(name, overrides)
    model = build(name, overrides)
    _language_model(name, model)
    return model


def _language_model(name: str, model: nn.Module) -> Any:
    """The part that reads and writes: `prefill` and `step` of either kind are called alike."""
    lm = getattr(model, "lm", model)
    if not isinstance(lm, TarsLM | TransformerLM):
        raise UserError(f"{name} is no language model: choose a preset of the system tars")
    return lm


def _written(
    model: nn.Module, count: int, memory: Callable[[], Any]
) -> tuple[list[float], TarsState | TransformerState, int]:
    """Write greedily: the seconds of each token, the last state, by how many bytes memory grew."""
    lm = _language_model("it", model)
    state = lm.prefill(torch.randint(lm.config.vocabulary, (1, PROMPT)))
    seconds, first = [], 0
    for at in range(-WARM_UP, count):
        if at == 0:
            first = memory().rss
        began = perf_counter()
        _, state = lm.step(state.logits.argmax(-1), state)
        if at >= 0:
            seconds.append(perf_counter() - began)
    return seconds, state, memory().rss - first
