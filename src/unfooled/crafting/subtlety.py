"""How little an altered sign differs from the clean one, as a passer-by would see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from unfooled.core.errors import InputError

_WINDOW = 8  # pixels of one look at a sign 64 pixels wide


class Difference(NamedTuple):
    """What was changed.

    Attributes:
        area: Share of the sign, 0 to 1.
        similarity: SSIM of brightness over the sign, 1 for the same.
        colour: Mean difference of colour over the sign, CIE 1976 in CIELAB; 2 can just be told by eye.
    """

    area: float
    similarity: float
    colour: float


@dataclass(frozen=True)
class Budget:
    """How much may be changed; paint is thinned until the sign keeps to it.

    Attributes:
        similarity: Least SSIM, up to 1; None for any.
        colour: Largest mean difference of colour; None for any.
    """

    similarity: float | None = None
    colour: float | None = None

    def __post_init__(self) -> None:
        if (self.similarity is not None and not self.similarity < 1) or (self.colour is not None and self.colour <= 0):
            raise InputError("A budget leaves room for no paint", self, "SSIM below 1, a colour difference above 0.")

    def holds(self, found: Difference) -> bool:
        """Tell whether a difference keeps to it."""
        alike = self.similarity is None or found.similarity >= self.similarity
        return alike and (self.colour is None or found.colour <= self.colour)

    def opacity(self, clean: Tensor, altered: Tensor, mask: Tensor) -> float:
        """Find how opaque the paint may be, 0 to 1; see `difference` for what is taken."""
        if self.similarity is None and self.colour is None:
            return 1.0
        low, high = 0.0, 1.0
        if self.holds(difference(clean, altered, mask)):
            return high
        for _ in range(8):
            middle = (low + high) / 2
            thinned = torch.cat([clean[:3] + middle * (altered[:3] - clean[:3]), clean[3:]])
            low, high = (middle, high) if self.holds(difference(clean, thinned, mask)) else (low, middle)
        return low


def difference(clean: Tensor, altered: Tensor, mask: Tensor) -> Difference:
    """Measure how far an altered sign is from the clean one.

    Args:
        clean: Colours and form in [0, 1], (4, s, s).
        altered: The same sign with stickers.
        mask: Where they are, (s, s) in [0, 1].

    Reference:
        Wang, Bovik, Sheikh and Simoncelli. Image quality assessment: from error visibility to structural similarity.
        IEEE Transactions on Image Processing 13(4), 2004. https://doi.org/10.1109/TIP.2003.819861, section 3.
        Differs from the paper: square windows of 8 pixels, at every second one, of which most is on the sign.
    """
    form = clean[3]
    apart = (_lab(altered[:3]) - _lab(clean[:3])).square().sum(dim=0).sqrt()
    colour = float((apart * form).sum() / form.sum())
    return Difference(float((mask * form).sum() / form.sum()), _ssim(clean, altered), colour)


def _ssim(clean: Tensor, altered: Tensor) -> float:
    weights = clean.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    one, other = ((face[:3] * weights).sum(dim=0) for face in (clean, altered))
    looks = torch.stack([one, other, one * one, other * other, one * other, clean[3]]).unsqueeze(1)
    a, b, aa, bb, ab, on = avg_pool2d(looks, _WINDOW, _WINDOW // 4)[:, 0]
    light = (2 * a * b + 0.01**2) / (a * a + b * b + 0.01**2)
    detail = (2 * (ab - a * b) + 0.03**2) / (aa - a * a + bb - b * b + 0.03**2)
    return float((light * detail)[on > 0.5].mean())


def _lab(colours: Tensor) -> Tensor:
    """Give CIELAB of sRGB colours (3, h, w) in [0, 1], under D65."""
    linear = torch.where(colours <= 0.04045, colours / 12.92, ((colours.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    matrix = linear.new_tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    white = linear.new_tensor([0.9505, 1.0, 1.089]).view(3, 1, 1)
    ratio = (matrix.view(3, 3, 1, 1) * linear).sum(dim=1) / white
    bent = torch.where(ratio > (6 / 29) ** 3, ratio.clamp(min=1e-6) ** (1 / 3), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = bent
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
