"""From the world to frames [T, F] that a sensor reads: sound, images, the machine's own load."""

import math
import wave
from collections.abc import Sequence
from datetime import datetime
from os import PathLike, fspath

import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.kernels.checks import shaped

RATE, WINDOW, HOP, MELS = 16000, 400, 160, 40  # Hz, samples, samples, bands
LONGEST_SOUND = 60  # seconds
SIDE = 8
SYSTEM = ("cpu", "memory", "swap", "disk", "load")
PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
CONTEXT = 2 + len(PARTS_OF_DAY) + 1  # hour on a circle, part of day, sentiment
GOOD = (
    "хорош отличн прекрасн рад люб спасиб супер класс нравит здоров удач "
    "good great nice love happy thank excellent wonderful fine like glad best"
)
BAD = (
    "плох ужас груст зл ненавиж боль устал скуч страш беда проблем ошиб "
    "bad terrible sad angry hate pain tired bored awful worst problem error fail"
)


def read_wav(path: str | PathLike[str]) -> tuple[Tensor, int]:
    """Return the sound of a PCM WAV file, its channels averaged, and its rate.

    Shapes (S samples):
        returns: [S] float32 from -1 to 1, and the rate in Hz

    Errors:
        UserError: no such file, no PCM of 8, 16 or 32 bits, empty, or longer than 60 s
    """
    where = fspath(path)
    try:
        with wave.open(where, "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            count = file.getnframes()
            if count > LONGEST_SOUND * rate:
                raise UserError(f"{where} is longer than {LONGEST_SOUND} s: cut it")
            data = file.readframes(count)
    except (OSError, EOFError, wave.Error) as error:
        raise UserError(f"{where} cannot be read as a WAV file: {error}") from error
    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32}
    if width not in kinds:
        raise UserError(f"{where} has {8 * width} bits a sample; write it with 8, 16 or 32")
    data = data[: len(data) // (width * channels) * width * channels]
    if not data:
        raise UserError(f"{where} holds no sound")
    x = torch.frombuffer(bytearray(data), dtype=kinds[width]).to(torch.float32)
    x = (x - 128) / 128 if width == 1 else x / 2.0 ** (8 * width - 1)
    return x.reshape(-1, channels).mean(1), rate


def mel_bands(bins: int, rate: int, bands: int = MELS) -> Tensor:
    """Return triangles of equal width in mel, from 0 Hz to half the rate.

    Shapes (K frequencies, M bands):
        returns: [K, M] float32; a band narrower than a frequency step keeps its nearest frequency

    Source:
        mel = 2595 log10(1 + f / 700), O'Shaughnessy 1987.

    >>> mel_bands(201, 16000).shape
    torch.Size([201, 40])
    """
    most = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, most, bands + 2, dtype=torch.float64) / 2595) - 1)
    f = torch.linspace(0, rate / 2, bins, dtype=torch.float64)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    up, down = (f - low) / (middle - low), (high - f) / (high - middle)
    bank = torch.minimum(up, down).clamp(min=0)
    empty = bank.sum(0) == 0
    nearest = (f - middle).abs().argmin(0)
    bank[nearest[empty], empty.nonzero().squeeze(-1)] = 1.0
    return bank.float()


def log_mel(sound: Tensor, rate: int = RATE) -> Tensor:
    """Return the log-mel spectrogram: windows of 25 ms, 100 a second, 40 bands.

    Shapes (S samples, T frames, M bands):
        sound: [S] floating point from -1 to 1
        returns: [T, M] float32, about 0 in the middle; T is at least 1

    Errors:
        ValueError: not [S], or the rate is below 1 kHz

    >>> log_mel(torch.zeros(16000)).shape
    torch.Size([98, 40])
    """
    shaped("log_mel", "sound", sound, "[S]", (None,))
    if rate < 1000:
        raise ValueError(f"log_mel: rate must be at least 1000 Hz, got {rate}")
    window, hop = round(rate * WINDOW / RATE), round(rate * HOP / RATE)
    short = max(0, window - len(sound))
    sound = torch.nn.functional.pad(sound.float(), (0, short))
    shape = torch.hann_window(window)
    spectrum = torch.stft(sound, window, hop, window=shape, center=False, return_complex=True)
    power = spectrum.abs().square().T / shape.square().sum()
    return ((power @ mel_bands(power.shape[1], rate)).clamp(min=1e-8).log10() + 4) / 4


def image_frames(images: Tensor) -> Tensor:
    """Return the rows of the last image, each beside its change since the image before.

    Shapes (N images of one scene, oldest first):
        images: [8, 8] or [N, 8, 8], ink from 0 to 1
        returns: [8, 16]; without an image before, the change is 0

    Errors:
        ValueError: another shape

    >>> image_frames(torch.zeros(8, 8)).shape
    torch.Size([8, 16])
    """
    images = images[None] if images.ndim == 2 else images
    shaped("image_frames", "images", images, "[N, 8, 8]", (None, SIDE, SIDE))
    if not len(images):
        raise ValueError("image_frames: there is no image")
    now, before = images[-1], images[max(len(images) - 2, 0)]
    return torch.cat((now, now - before), -1).float()


def system_sample() -> Tensor:
    """Return how busy this machine is now, as shares from 0 to 1.

    The load is that of the last minute for each core, at most 1. The share of the CPU is that since
    the last call, so the first one is 0.

    Shapes:
        returns: [5]: cpu, memory, swap, disk, load
    """
    import psutil

    load = psutil.getloadavg()[0] / (psutil.cpu_count() or 1)
    shares = (
        psutil.cpu_percent(interval=None) / 100,
        psutil.virtual_memory().percent / 100,
        psutil.swap_memory().percent / 100,
        psutil.disk_usage(".").percent / 100,
        min(load, 1.0),
    )
    return torch.tensor(shares, dtype=torch.float32).clamp(0, 1)


def sentiment(text: str) -> float:
    """Return good words minus bad words over both, from -1 to 1; 0 where there is neither.

    Words are known by how they begin, Russian and English. A count of words, no understanding.

    >>> sentiment("Спасибо, отлично!"), sentiment("ужасная ошибка"), sentiment("стол")
    (1.0, -1.0, 0.0)
    """
    words = "".join(c if c.isalpha() else " " for c in text.lower()).split()
    good, bad = (
        sum(any(word.startswith(start) for start in starts.split()) for word in words)
        for starts in (GOOD, BAD)
    )
    return (good - bad) / (good + bad) if good + bad else 0.0


def context_features(now: datetime, last_words: Sequence[str] = ()) -> Tensor:
    """Return the hour on a circle, the part of the day, and the mood of what was said last.

    Shapes:
        returns: [7]

    >>> context_features(datetime(2025, 1, 1, 6)).round().int().tolist()
    [1, 0, 0, 1, 0, 0, 0]
    """
    angle = 2 * math.pi * (now.hour + now.minute / 60) / 24
    part = [float(now.hour // 6 == at) for at in range(len(PARTS_OF_DAY))]
    return torch.tensor([math.sin(angle), math.cos(angle), *part, sentiment(" ".join(last_words))])
