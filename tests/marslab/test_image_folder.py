"""Twenty images in folders for each class: read as they are, refused where they are damaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from marslab import checkpoint
from marslab.config import override, read, read_preset
from marslab.errors import UserError
from marslab.lab import train_command
from marslab.learning.mars import MarsTrainer, train_mars
from marslab.learning.mars_plan import MarsTraining, load_parts
from marslab.systems.mars.config import MarsConfig
from marslab.tasks.image_folder import ImageRows, load_image_folder, read_image

CLASSES = {"n01": (255, 0, 0), "n02": (0, 255, 0), "n03": (0, 0, 255), "n04": (255, 255, 0)}
DRAW = np.random.default_rng(0)


def write(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> None:
    """An image of one colour with a little noise."""
    noise = DRAW.integers(-20, 20, (size[1], size[0], 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def twenty(tmp_path: Path) -> Path:
    """Four classes: four images each to train on, one held out, of many formats and sizes."""
    endings = (".jpg", ".png", ".JPEG", ".webp")
    for number, (name, colour) in enumerate(CLASSES.items()):
        for at, ending in enumerate(endings):
            write(tmp_path / "train" / name / f"{at}{ending}", colour, (33 + 9 * at, 40 + number))
        write(tmp_path / "val" / name / "0.ppm", colour)
    (tmp_path / "train" / "n01" / "list.txt").write_text("not an image")
    return tmp_path


def colour_of(images: Tensor) -> list[tuple[int, ...]]:
    means = (images.mean((2, 3)) > 0.5).int() * 255
    return [tuple(mean) for mean in means.tolist()]


def test_twenty_images_are_read_with_their_classes(twenty: Path) -> None:
    split = load_image_folder(twenty, side=16)
    assert len(split.train_x) == len(split.train_y) == 16 and len(split.test_y) == 4
    assert split.train_y.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    every = torch.tensor([15, 0, 4, 9])  # in the order in which they are asked for
    images = split.train_x[every]
    assert images.shape == (4, 3, 16, 16) and images.dtype == torch.float32
    assert 0 <= float(images.min()) and float(images.max()) <= 1
    colours = list(CLASSES.values())
    assert colour_of(images) == [colours[3], colours[0], colours[1], colours[2]]
    assert colour_of(split.test_x[torch.arange(4)]) == colours


def test_nothing_is_read_before_it_is_asked_for(twenty: Path) -> None:
    (twenty / "train" / "n02" / "0.jpg").write_bytes(b"no image")
    rows = load_image_folder(twenty, side=16).train_x
    assert rows[torch.tensor([0, 3])].shape == (2, 3, 16, 16)
    with pytest.raises(UserError, match=r"n02/0\.jpg is not an image that can be read"):
        rows[torch.tensor([4])]


def test_the_middle_is_cut_out_of_what_was_scaled(tmp_path: Path) -> None:
    left = np.zeros((64, 128, 3), dtype=np.uint8)
    left[:, :64, 0] = 255
    Image.fromarray(left).save(tmp_path / "wide.png")
    found = read_image(tmp_path / "wide.png", 32)
    assert found.shape == (3, 32, 32)
    assert (found[0, :, :14] > 0.95).all() and (found[0, :, 18:] < 0.05).all()
    assert not found[1:].any()
    Image.fromarray(left[:, :, 0]).save(tmp_path / "grey.png")  # no colours: three equal ones
    grey = read_image(tmp_path / "grey.png", 32)
    assert torch.equal(grey[0], grey[2]) and grey[0, 0, 0] > 0.95
    write(tmp_path / "small.png", (9, 9, 9), (3, 5))
    assert read_image(tmp_path / "small.png", 32).shape == (3, 32, 32)


@pytest.mark.parametrize("cut", [0, 4, 60])
def test_a_damaged_image_is_named(tmp_path: Path, cut: int) -> None:
    write(tmp_path / "a.png", (1, 2, 3))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:cut])
    with pytest.raises(UserError, match=r"a\.png is not an image that can be read"):
        read_image(tmp_path / "a.png", 8)


def test_a_folder_that_does_not_fit_is_told(twenty: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must hold a folder of images for each class"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="side must be positive, got 0"):
        load_image_folder(twenty, side=0)
    (twenty / "val" / "n99").mkdir()
    with pytest.raises(UserError, match="val has the class 'n99', train has not"):
        load_image_folder(twenty)
    config = MarsConfig(n_classes=1000, input="pixels")
    (twenty / "val" / "n99").rmdir()
    with pytest.raises(UserError, match="has 4 classes and pixels; the preset has n_classes 1000"):
        load_parts(MarsTraining("folder"), config, twenty)
    with pytest.raises(UserError, match="name their folder with --data"):
        load_parts(MarsTraining("folder"), config)
    for name in CLASSES:
        (twenty / "val" / name / "0.ppm").unlink()
    with pytest.raises(UserError, match="val has no images"):
        load_image_folder(twenty)


def test_rows_go_to_a_device_when_they_are_read(twenty: Path) -> None:
    split = load_image_folder(twenty, side=8)
    moved = split.train_x.to("meta")
    assert isinstance(moved, ImageRows) and len(moved) == 16
    assert moved[torch.tensor([1])].device.type == "meta"


SMALL: dict[str, Any] = {"d_model": 16, "layers": 1, "n_classes": 4, "hdc.dim": 64}
SMALL |= {"block.heads": 2, "block.dropout": 0.0, "reasoner.max_depth": 2}


def test_a_small_copy_of_the_imagenet_preset_learns_four_colours(twenty: Path) -> None:
    config = override(read(MarsConfig, read_preset("mars-imagenet")["config"]), SMALL)
    training = MarsTraining("folder", side=32, epochs=10, lr=1e-2, depth=2, memory_from=0)
    parts = load_parts(training, config, twenty)
    found = MarsTrainer(config, training, parts, twenty / "out").run()
    assert found.scores["held_out"] == 1.0  # of four images; by chance one in 256


def test_the_command_trains_the_preset_on_a_folder(twenty: Path, tmp_path: Path) -> None:
    found = train_mars("mars-imagenet", tmp_path / "out", changes=SMALL, data=twenty, epochs=1)
    assert found.reason == "finished" and found.scores["held_out"] in (0.0, 0.25, 0.5, 0.75, 1.0)
    header = checkpoint.read_header(tmp_path / "out" / "mars-imagenet.safetensors")
    assert header["data"] == "images of the user's own"
    words = ["mars", "--preset", "mars-imagenet", "--out", str(tmp_path / "other")]
    told = CliRunner().invoke(train_command.app, [*words, "--data", str(twenty)])
    assert isinstance(told.exception, UserError)  # the command reads the folder: it has 4 classes
    assert "has 4 classes and pixels; the preset has n_classes 1000" in str(told.exception)
