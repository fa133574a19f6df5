"""Images in a folder for each class, as ImageNet is kept: read when they are asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.tasks.digits import Split

FORMATS = ("JPEG", "PNG", "PPM", "WEBP")
ENDINGS = (".jpeg", ".jpg", ".png", ".ppm", ".webp")
AROUND = 256 / 224  # of the short side before the cut, as ImageNet is usually scored


class ImageRows:
    """Files as rows of images: `rows[i]` reads those of the indices i [B], and no others.

    Shapes:
        returns: [B, 3, side, side] float32, red, green and blue from 0 to 1

    Errors:
        UserError: a file is no image, or is damaged

    Source:
        He et al. 2015, "Deep residual learning", 3.4: the short side scaled, the middle cut out.
    """

    def __init__(
        self, files: Sequence[Path], side: int, device: str | torch.device = "cpu"
    ) -> None:
        self.files, self.side, self.device = files, side, device

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, rows: Tensor) -> Tensor:
        images = [read_image(self.files[at], self.side) for at in rows.tolist()]
        return torch.stack(images).to(self.device)

    def to(self, device: str | torch.device) -> "ImageRows":
        """The same files, whose images go to a device once they are read."""
        return ImageRows(self.files, self.side, device)


def load_image_folder(folder: str | Path, side: int = 224) -> Split:
    """Return folder/train/CLASS/* and folder/val/CLASS/*; a class is the place of its name.

    The examples are ImageRows: a million of them take no more memory than the batch in hand.

    Shapes (n examples):
        train_x, test_x: n rows [3, side, side], light from 0 to 1
        train_y, test_y: [n] int64

    Errors:
        ValueError: side is not positive
        UserError: a part or its images are missing, or `val` has a class that `train` has not
    """
    if side < 1:
        raise ValueError(f"load_image_folder: side must be positive, got {side}")
    folder = Path(folder)
    classes = _classes(folder / "train")
    unknown = set(_classes(folder / "val")) - set(classes)
    if unknown:
        raise UserError(f"{folder / 'val'} has the class {min(unknown)!r}, train has not")
    parts = []
    for part in ("train", "val"):
        found = [(f, at) for at, name in enumerate(classes) for f in _images(folder / part / name)]
        if not found:
            raise UserError(f"{folder / part} has no images: {', '.join(ENDINGS)} are read")
        files, y = zip(*found, strict=True)
        rows = cast(Tensor, ImageRows(files, side))  # asked by rows, as a tensor would be
        parts += [rows, torch.tensor(y)]
    return Split(*parts)


def read_image(path: Path, side: int) -> Tensor:
    """Return the middle of an image, its short side scaled to a little more than `side`.

    Shapes:
        returns: [3, side, side] float32 from 0 to 1

    Errors:
        UserError: the file is no image, or is damaged
    """
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as file:
            image = file.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        raise UserError(f"{path} is not an image that can be read: {problem}") from problem
    scale = round(side * AROUND) / min(image.size)
    width, height = (max(side, round(n * scale)) for n in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    cut = image.resize((width, height)).crop((left, top, left + side, top + side))
    pixels = torch.frombuffer(bytearray(cut.tobytes()), dtype=torch.uint8)
    return pixels.view(side, side, 3).permute(2, 0, 1) / 255


def _classes(folder: Path) -> list[str]:
    found = (
        sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    )
    if not found:
        raise UserError(f"{folder} must hold a folder of images for each class")
    return found


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
