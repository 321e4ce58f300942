"""MTCNN, which finds faces, with weights from a registry package, known by hash and never unpickled."""

from __future__ import annotations

import hashlib
import importlib.util
import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pad, softplus

from unfooled.core.answer import ABSENT
from unfooled.core.errors import InputError, MissingExtraError

from .boxes import apart, moved, squared

MTCNN_SHA256 = "743721dfef3c9612636462a252c4e3d23c1fab4031274a9692fe3c587dbf1fe5"
"""Over the three files of weights, in the order of their stages."""

MOST = 64
"""Boxes that are told of a picture, the strongest first."""

_PACKAGE, _INSTALL = "facenet_pytorch", "pip install --no-deps facenet-pytorch==2.6.0"
_FILES = ("pnet.pt", "rnet.pt", "onet.pt")
_LIMITS = tuple(math.log(limit / (1 - limit)) for limit in (0.6, 0.7, 0.7))
_SLACK = 1.0  # log-odds below a limit, down to which candidates are still told of, for the sake of gradients
_FACTOR, _SMALLEST, _FIELD, _STRIDE = 0.709, 20, 12, 2  # of the pyramid; pixels of a face, of what a cell sees
_AHEAD = 1e3  # log-odds by which what passes ranks before what does not


class _Found(NamedTuple):
    """Candidates of a picture.

    Attributes:
        boxes: Left, upper, right and lower edge, (k, 4).
        shifts: How the last net would move these edges, (k, 4), as shares of the width and height.
        own: Log-odds of the last net over its limit, (k,).
        weakest: The least of those of all nets so far, (k,).
        first: Whether no better one in nearly the same place suppresses it, (k,) bool. Others are carried along where
            gradients are wanted: they come up when the better one falls.
    """

    boxes: Tensor
    shifts: Tensor
    own: Tensor
    weakest: Tensor
    first: Tensor

    def kept(self, rows: Tensor) -> _Found:
        return _Found(*(one[rows] for one in self))

    def moved(self, rim: float) -> _Found:
        return self._replace(boxes=moved(self.boxes, self.shifts, rim))

    def squared(self) -> _Found:
        return self._replace(boxes=squared(self.boxes))

    def thinned(self, most: float, rim: float = 0.0, *, of_smaller: bool = False, carry: bool = False) -> _Found:
        rank = self.own.detach() + _AHEAD * (self.weakest.detach() > 0)
        alive = self.first.nonzero().flatten()
        better = alive[apart(self.boxes[alive], rank[alive], most, rim, of_smaller=of_smaller)]
        if not carry:
            return self.kept(better)
        return self._replace(first=torch.zeros_like(self.first).index_fill(0, better, value=True))


class Mtcnn(nn.Module):
    """Finds faces in pictures (n, 3, h, w) in [0, 1], each by itself: gives boxes (n, 64, 4) and log-odds (n, 64).

    What is above 0 passes all three stages. Boxes lie in pixels and have no gradient; log-odds are those of the weakest
    stage over its limit.

    Reference:
        Zhang, Zhang, Li and Qiao. Joint face detection and alignment using multi-task cascaded convolutional networks.
        IEEE Signal Processing Letters 23(10), 2016. https://arxiv.org/abs/1604.02878, section II.
        Differs from the paper: no landmarks; limits, pyramid and suppression are those of the weights' package;
        candidates a little below a limit are carried along.
    """

    def __init__(self) -> None:
        super().__init__()
        self.proposing, self.refining, self.deciding = _Proposing(), _Refining(), _Deciding()

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Find faces."""
        found = [self._found(picture * (255 / 128) - 127.5 / 128) for picture in torch.split(values, 1)]
        boxes = [pad(one.boxes, (0, 0, 0, MOST - len(one.boxes))) for one in found]
        odds = [pad(one.weakest, (0, MOST - len(one.weakest)), value=ABSENT) for one in found]
        return torch.stack(boxes), torch.stack(odds)

    def _found(self, picture: Tensor) -> _Found:
        carry = torch.is_grad_enabled() and picture.requires_grad
        second = self._looked(picture, self._proposed(picture), self.refining, 24, _LIMITS[1])
        second = second.thinned(0.7, carry=carry).moved(1).squared()
        third = self._looked(picture, second, self.deciding, 48, _LIMITS[2])
        third = third.moved(1).thinned(0.7, 1, of_smaller=True, carry=carry)
        return _strongest(third)

    def _proposed(self, picture: Tensor) -> _Found:
        """Look at all places of a pyramid of sizes."""
        height, width = picture.shape[2:]
        levels, scale = [], _FIELD / _SMALLEST
        while min(height, width) * scale >= _FIELD:
            small = adaptive_avg_pool2d(picture, (int(height * scale + 1), int(width * scale + 1)))
            shifts, odds = self.proposing(small)
            levels.append(_cells(shifts, odds, scale).thinned(0.5))
            scale *= _FACTOR
        if not levels:
            return _none(picture)
        return _Found(*map(torch.cat, zip(*levels, strict=True))).thinned(0.7).moved(0).squared()

    def _looked(self, picture: Tensor, found: _Found, net: nn.Module, side: int, limit: float) -> _Found:
        """Look at each candidate again: gives those near or above the limit."""
        crops = [_cut(picture, box, side) for box in found.boxes.trunc().long().tolist()]
        real = [k for k, crop in enumerate(crops) if crop is not None]
        if not real:
            return _none(picture)
        shifts, odds = net(torch.cat([crop for crop in crops if crop is not None]))
        own = odds - limit
        seen = _Found(
            found.boxes[real], shifts.detach(), own, torch.minimum(found.weakest[real], own), found.first[real]
        )
        return seen.kept(own.detach() > -_SLACK)


def mtcnn() -> nn.Module:
    """Build MTCNN in evaluation mode.

    Raises:
        MissingExtraError: The package of the weights is not installed.
        InputError: The weights are not the ones that are known.
    """
    paths = _weights()
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        module = Mtcnn()
    for part, path in zip((module.proposing, module.refining, module.deciding), paths, strict=True):
        part.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return module.eval()


def _weights() -> list[Path]:
    """Find the files of weights without running the package's code, and check them."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError("The zoo's MTCNN needs a package", f"no package {_PACKAGE}", f"Run: {_INSTALL}")
    paths = [Path(found.origin).parent / "data" / name for name in _FILES]
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes() if path.is_file() else b"")
    if digest.hexdigest() != MTCNN_SHA256:
        raise InputError(
            "The weights of MTCNN are not the known ones", f"SHA-256 {digest.hexdigest()}", f"Run: {_INSTALL}"
        )
    return paths


def _none(picture: Tensor) -> _Found:
    nothing, box = picture.new_zeros(0), picture.new_zeros(0, 4)
    return _Found(box, box, nothing, nothing, nothing.bool())


def _cells(shifts: Tensor, odds: Tensor, scale: float) -> _Found:
    """Turn the cells (1, 4, h, w) and (1, h, w) of one size into candidates near or above the limit."""
    over = odds[0] - _LIMITS[0]
    rows, columns = (over.detach() > -_SLACK).nonzero().unbind(1)
    corner = _STRIDE * torch.stack([columns, rows], dim=1).to(over.dtype)
    boxes = torch.cat([((corner + 1) / scale).floor(), ((corner + _FIELD) / scale).floor()], dim=1)
    near = over[rows, columns]
    return _Found(boxes, shifts.detach()[0, :, rows, columns].T, near, near, torch.ones_like(rows, dtype=torch.bool))


def _strongest(found: _Found) -> _Found:
    """Sort what nothing suppresses by strength; the strongest takes the gradient of all that is suppressed, too."""
    rest = softplus(found.weakest[~found.first]).sum()
    order = found.weakest.detach().masked_fill(~found.first, -torch.inf).argsort(descending=True, stable=True)
    told = found.kept(order[: min(MOST, int(found.first.sum()))])
    head = told.weakest[:1] + (rest - rest.detach())
    return told._replace(weakest=torch.cat([head, told.weakest[1:]]))


def _cut(picture: Tensor, box: list[int], side: int) -> Tensor | None:
    """Cut a box out of a picture and bring it to a size; None where nothing of it is inside."""
    left, upper, right, lower = box  # counted from 1, both ends included
    part = picture[
        :, :, max(upper, 1) - 1 : min(lower, picture.shape[2]), max(left, 1) - 1 : min(right, picture.shape[3])
    ]
    return adaptive_avg_pool2d(part, (side, side)) if part.shape[2] > 0 and part.shape[3] > 0 else None


class _Proposing(nn.Module):
    """The first stage, (n, 3, h, w) to shifts (n, 4, h', w') and log-odds (n, h', w')."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 10, 3), nn.PReLU(10), nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        chances = self.conv4_1(x)
        return self.conv4_2(x), chances[:, 1] - chances[:, 0]


class _Refining(nn.Module):
    """The second stage, (k, 3, 24, 24) to shifts (k, 4) and log-odds (k,)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 28, 3), nn.PReLU(28), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2, self.pool2 = nn.Conv2d(28, 48, 3), nn.PReLU(48), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool2(self.prelu2(self.conv2(self.pool1(self.prelu1(self.conv1(x))))))
        x = self.prelu3(self.conv3(x)).permute(0, 3, 2, 1).flatten(1)
        x = self.prelu4(self.dense4(x))
        chances = self.dense5_1(x)
        return self.dense5_2(x), chances[:, 1] - chances[:, 0]


class _Deciding(nn.Module):
    """The third stage, (k, 3, 48, 48) to shifts (k, 4) and log-odds (k,); `dense6_3` would find landmarks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 32, 3), nn.PReLU(32), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2, self.pool2 = nn.Conv2d(32, 64, 3), nn.PReLU(64), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3, self.pool3 = nn.Conv2d(64, 64, 3), nn.PReLU(64), nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool2(self.prelu2(self.conv2(self.pool1(self.prelu1(self.conv1(x))))))
        x = self.prelu4(self.conv4(self.pool3(self.prelu3(self.conv3(x))))).permute(0, 3, 2, 1).flatten(1)
        x = self.prelu5(self.dense5(x))
        chances = self.dense6_1(x)
        return self.dense6_2(x), chances[:, 1] - chances[:, 0]
