"""Sensors on real inputs: a sound file, digits, this machine; none disturbs another."""

import math
import wave
from datetime import datetime
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.learning.sensors import SensorExamples, digit_scenes, fit_sensor, system_traces
from marslab.systems.tars import sensor_inputs as inputs
from marslab.systems.tars.reflex import ReflexCore, encode
from marslab.systems.tars.sensor_join import ContextVector, Moment, SensorJoin
from marslab.systems.tars.sensors import (
    PerceivingSensor,
    Sensor,
    TextSensor,
    system_sensor,
    vision_sensor,
    voice_sensor,
)
from marslab.tasks import load_digits_sequences

D = 32
NIGHT = datetime(2025, 3, 3, 3, 0)


def tone(*pitches: float, seconds: float = 0.3, rate: int = 16000) -> Tensor:
    t = torch.arange(int(seconds * rate / len(pitches))) / rate
    return torch.cat([0.5 * torch.sin(2 * math.pi * pitch * t) for pitch in pitches])


def write_wav(path: Path, sound: Tensor, *, rate: int = 16000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        samples = (sound.clamp(-1, 1) * 32767).to(torch.int16).repeat_interleave(channels)
        file.writeframes(samples.numpy().tobytes())
    return path


def test_a_wav_file_is_read_back(tmp_path: Path) -> None:
    sound = tone(440.0)
    for channels in (1, 2):
        read, rate = inputs.read_wav(write_wav(tmp_path / "a.wav", sound, channels=channels))
        assert rate == 16000
        torch.testing.assert_close(read, sound, rtol=0, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("pitch", [300.0, 1000.0, 3000.0])
def test_a_tone_stands_in_the_band_of_its_pitch(rate: int, pitch: float) -> None:
    frames = inputs.log_mel(tone(pitch, rate=rate), rate)
    most = 2595 * math.log10(1 + rate / 2 / 700)
    expected = 2595 * math.log10(1 + pitch / 700) / (most / (inputs.MELS + 1)) - 1
    assert abs(float(frames.mean(0).argmax()) - expected) <= 1.0


def test_the_spectrum_against_a_sum_over_samples() -> None:
    sound = torch.randn(400, generator=torch.Generator().manual_seed(0)).double() * 0.1
    n = torch.arange(400, dtype=torch.float64)
    shape = 0.5 - 0.5 * torch.cos(2 * math.pi * n / 400)
    power = []
    for k in range(201):
        turn = torch.exp(-2j * math.pi * k * n / 400)
        power.append(float((sound * shape * turn).sum().abs() ** 2 / shape.square().sum()))
    expected = (torch.tensor(power) @ inputs.mel_bands(201, 16000)).clamp(min=1e-8)
    torch.testing.assert_close(
        inputs.log_mel(sound)[0], (expected.log10() + 4) / 4, rtol=1e-3, atol=1e-3
    )


def test_every_mel_band_hears_something() -> None:
    for bins, rate in ((201, 16000), (26, 1000), (552, 44100)):
        assert (inputs.mel_bands(bins, rate).sum(0) > 0).all()


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as a WAV file"):
        inputs.read_wav(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(UserError, match="cannot be read as a WAV file"):
        inputs.read_wav(tmp_path / "text.wav")
    with pytest.raises(UserError, match="holds no sound"):
        inputs.read_wav(write_wav(tmp_path / "empty.wav", torch.zeros(0)))
    with pytest.raises(UserError, match="longer than 60 s"):
        inputs.read_wav(write_wav(tmp_path / "long.wav", torch.zeros(61000), rate=1000))
    with pytest.raises(ValueError, match="at least 1000 Hz"):
        inputs.log_mel(torch.zeros(100), 10)


def test_the_voice_sensor_learns_a_wake_word_and_hears_it_in_a_file(tmp_path: Path) -> None:
    draw = torch.Generator().manual_seed(0)

    def spoken(wakes: bool) -> Tensor:
        low, high = (500 + 200 * torch.rand(2, generator=draw)).tolist()
        sound = tone(low, 3 * high) if wakes else tone(3 * high, low)
        return sound + 0.05 * torch.randn(len(sound), generator=draw)

    kinds = torch.arange(60) % 2
    frames = torch.stack([inputs.log_mel(spoken(bool(kind))) for kind in kinds])
    loud = kinds.float()
    sensor = voice_sensor(D)
    fit_sensor(sensor, SensorExamples(frames, kinds, loud, loud), steps=60, batch=16)
    called = sensor.read(write_wav(tmp_path / "called.wav", spoken(True)))
    other = sensor.read(write_wav(tmp_path / "other.wav", spoken(False)))
    assert (called.kind, other.kind) == ("wake_word", "other")
    assert called.wake > 0.5 > other.wake and called.vector.shape == (D,)


def test_the_vision_sensor_learns_digits_and_movement() -> None:
    split = load_digits_sequences()
    sensor = vision_sensor(D)
    fit_sensor(sensor, digit_scenes(split.train_x, split.train_y), steps=200)
    unseen = digit_scenes(split.test_x, split.test_y, seed=1)
    seen = sensor(unseen.frames)
    assert (seen.kinds.argmax(-1) == unseen.kinds).float().mean() > 0.85
    assert ((seen.score > 0) == (unseen.score > 0.5)).float().mean() > 0.9
    reading = sensor.read(split.test_x[0])
    assert reading.kind == str(int(split.test_y[0])) and reading.score < 0.5


def test_the_system_sensor_learns_overload_and_reads_this_machine() -> None:
    sensor = system_sensor(D)
    fit_sensor(sensor, system_traces(500), steps=100)
    unseen = system_traces(200, seed=1)
    seen = sensor(unseen.frames)
    assert (seen.kinds.argmax(-1) == unseen.kinds).float().mean() > 0.95
    now = inputs.system_sample()
    assert now.shape == (5,) and 0 <= now.min() and now.max() <= 1
    assert sensor.read(None).kind in sensor.classes


def test_training_one_sensor_leaves_the_others_as_they_were() -> None:
    sensors = [vision_sensor(D), system_sensor(D), voice_sensor(D)]
    text = TextSensor(ReflexCore().eval(), D)
    traces = system_traces(20)
    inside = [torch.rand(2, 8, 16), traces.frames, torch.rand(2, 9, 40)]

    def outputs() -> list[Tensor]:
        found = [x for s, raw in zip(sensors, inside, strict=True) for x in s(raw)]
        return [*found, *text(*encode(["привет"]))]

    before = outputs()
    fit_sensor(sensors[1], traces, steps=3)
    same = [torch.equal(a, b) for a, b in zip(before, outputs(), strict=True)]
    # the vector's projection learns with the brain, but what it projects has changed
    assert same == [True] * 4 + [False] * 4 + [True] * 8


def test_the_text_sensor_wakes_the_brain_where_the_reflex_may_not_answer() -> None:
    reading = TextSensor(ReflexCore().eval(), D).read("Докажи теорему")
    assert reading.wake == pytest.approx(1 - reading.score)


def test_a_sensor_of_ones_own() -> None:
    own: Sensor = PerceivingSensor("touch", ("tap", "swipe"), 3, D, frames=lambda raw: raw)
    assert own.read(torch.rand(4, 3)).kind in ("tap", "swipe")


def test_every_parameter_of_a_sensor_gets_a_gradient() -> None:
    sensor = vision_sensor(D)
    torch.stack([x.square().sum() for x in sensor(torch.rand(2, 8, 16))]).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in sensor.parameters())


@pytest.mark.parametrize("mode", ["gate", "concat"])
def test_joining(mode) -> None:
    join = SensorJoin(D, ("text", "voice", "system"), mode)
    a, b = torch.randn(2, 2, D)
    both = join({"text": a, "system": b})
    assert torch.equal(both, join({"system": b, "text": a}))
    if mode == "gate":
        torch.testing.assert_close(join({"text": a}), a)
        wa, wb = (join.gates[n](v) for n, v in (("text", a), ("system", b)))
        share = 1 / (1 + torch.exp(wb - wa))
        torch.testing.assert_close(both, share * a + (1 - share) * b)
    elif join.project is not None:
        side = torch.cat((a, torch.zeros_like(a), b), -1)
        torch.testing.assert_close(both, join.project(side))


def test_joining_refuses() -> None:
    join = SensorJoin(D, ("text", "voice"))
    with pytest.raises(UserError, match="Did you mean 'voice'"):
        join({"voise": torch.zeros(1, D)})
    with pytest.raises(ValueError, match="no sensor is present"):
        join({})
    with pytest.raises(ValueError, match="'gate' or 'concat'"):
        SensorJoin(D, ("text",), "sum")  # pyright: ignore[reportArgumentType]


def test_the_circumstances_are_off_until_switched_on() -> None:
    off, on = ContextVector(D, 8), ContextVector(D, 8, enabled=True)
    words = ("спасибо, отлично",)
    assert not off.read(Moment(NIGHT, words)).vector.any()
    reading = on.read(Moment(NIGHT, words, torch.ones(8)))
    assert reading.kind == "night" and reading.score == 1.0 and reading.vector.any()
    assert not torch.equal(reading.vector, on.read(Moment(NIGHT, ("ужас",))).vector)
    with pytest.raises(ValueError, match="history"):
        on.read(Moment(NIGHT, (), torch.ones(3)))
