"""Six photographs with 22 faces out of the npm package @vladmandic/face-api (MIT), and where the faces are.

Boxes are those that MTCNN reports at full size, 1920 pixels across, looked through by eye: one false alarm was struck
out. Photographs are made smaller by a whole number.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from unfooled.modalities.albums import UNLABELLED
from unfooled.modalities.carriers import Png
from unfooled.modalities.sources import Source

HOME = Path(__file__).parents[1] / "data" / "faces"

Box = tuple[int, int, int, int]
AT_FULL_SIZE: dict[str, list[Box]] = {
    "sample1.jpg": [(1478, 212, 1682, 443), (411, 354, 599, 602), (833, 425, 1037, 659)],
    "sample2.jpg": [(1443, 169, 1635, 391), (297, 137, 532, 446), (889, 243, 1066, 465)],
    "sample3.jpg": [(1057, 198, 1285, 505), (1496, 292, 1691, 573), (585, 326, 796, 598)],
    "sample4.jpg": [(659, 71, 830, 289), (1268, 167, 1427, 375), (978, 185, 1158, 414), (249, 212, 439, 448)],
    "sample5.jpg": [
        (786, 111, 951, 330), (1119, 208, 1290, 425), (595, 422, 771, 664), (1406, 389, 1605, 667),
        (359, 871, 571, 1165),
    ],
    "sample6.jpg": [(1485, 257, 1693, 554), (1172, 315, 1365, 586), (663, 332, 860, 628), (255, 482, 474, 767)],
}  # fmt: skip
NAMES = tuple(AT_FULL_SIZE)


def faces(shrunk: int) -> dict[str, list[list[float]]]:
    """Give left, upper, right and lower edge of every face in the pixels of `album`."""
    return {name: [[edge / shrunk for edge in box] for box in boxes] for name, boxes in AT_FULL_SIZE.items()}


def album(names: Sequence[str], shrunk: int) -> Source:
    """Read photographs, 1920 / shrunk pixels across."""
    if not HOME.is_dir():
        raise SystemExit("The photographs are not there. Run: make bench-data")
    pictures = [_read(HOME / name, shrunk) for name in names]
    return Source(list(names), np.full(len(names), UNLABELLED), pictures.__getitem__, Png(8))


def _read(path: Path, shrunk: int) -> np.ndarray:
    with Image.open(path) as photo:
        size = photo.width // shrunk, photo.height // shrunk
        small = photo.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))
