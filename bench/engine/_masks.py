"""What hides gradients, and what stands in its place in a sound twin: functions of pictures, features and scores."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Layer(nn.Module):
    """A function as a layer; what it was fitted to, or the net around which it stands, comes after the input."""

    def __init__(self, function: Callable[..., Tensor], *fitted: Tensor | nn.Module) -> None:
        super().__init__()
        self.function = function
        for place, value in enumerate(fitted):
            self.register_buffer(str(place), value) if isinstance(value, Tensor) else self.add_module(str(place), value)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.children(), *self.buffers(recurse=False))


# Before the net.


def rounded(x: Tensor, levels: float) -> Tensor:
    """Round to this many levels from 0 to 1; the gradient of rounding is zero."""
    return (x * (levels - 1)).round() / (levels - 1)


def waved(x: Tensor, levels: float) -> Tensor:
    """Round halfway: a wave pulls towards each level, and the slope stays within 1/2 and 3/2."""
    return x - (2 * math.pi * (levels - 1) * x).sin() / (4 * math.pi * (levels - 1))


LUMINANCE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""The quantisation table of ITU-T T.81, Annex K.1, for quality 50."""


def blockwise(x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change the cosine coefficients of blocks of 8 by 8 pixels, every channel by itself, in units of 1/255."""
    height, width = x.shape[-2:]
    wide = functional.pad(x, (0, -width % 8, 0, -height % 8), mode="replicate")
    place = torch.arange(8, dtype=x.dtype, device=x.device)
    wave = torch.cos(math.pi / 8 * (place + 0.5) * place.unsqueeze(1)) / 2
    wave[0] /= 2**0.5
    blocks = wide.unflatten(-2, (-1, 8)).unflatten(-1, (-1, 8)).transpose(-3, -2)
    values = wave.T @ change(wave @ (255 * blocks - 128) @ wave.T) @ wave
    whole = values.transpose(-3, -2).flatten(-2).flatten(-3, -2)
    return ((whole + 128) / 255)[..., :height, :width].clamp(0, 1)


def steps(quality: float) -> Tensor:
    """Give the quantisation steps of a JPEG quality from 50 to 99, (8, 8)."""
    return (LUMINANCE * (2 - quality / 50)).round().clamp(min=1)


def jpeg(x: Tensor, quality: float) -> Tensor:
    """Store as JPEG and read again; the gradient of rounding is zero."""
    step = steps(quality).to(x)
    return blockwise(x, lambda values: (values / step).round() * step)


def blurred(x: Tensor, quality: float) -> Tensor:
    """Weaken each wave the more, the coarser JPEG rounds it, at most by a fifth; linear but for the box."""
    step = steps(quality).to(x)
    return blockwise(x, lambda values: values / (1 + step / (4 * step.max())))


def resized(x: Tensor, low: float) -> Tensor:
    """Shrink each picture to a random side, at least `low` times its own, at a random place (Xie et al., ICLR 2018)."""
    side, across, down = torch.rand(3, len(x), dtype=x.dtype, device=x.device)
    share = low + (1 - low) * side
    return laid(x, share, (1 - share) * (2 * across - 1), (1 - share) * (2 * down - 1))


def centred(x: Tensor, low: float) -> Tensor:
    """Shrink all to the middle of those sides, in the middle."""
    share = torch.full((len(x),), (1 + low) / 2, dtype=x.dtype, device=x.device)
    return laid(x, share, torch.zeros_like(share), torch.zeros_like(share))


def laid(x: Tensor, share: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Shrink each picture to a share of its side and move it, in half sides, all (n,); its edge fills the frame."""
    none = torch.zeros_like(share)
    rows = torch.stack([1 / share, none, -across / share, none, 1 / share, -down / share], dim=1)
    grid = functional.affine_grid(rows.view(-1, 2, 3), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


# Inside.


def winners(values: Tensor, share: float) -> Tensor:
    """Keep the largest activations of each example, and set all others to zero (Xiao et al. 2020)."""
    rows = values.flatten(1)
    least = rows.topk(math.ceil(share * rows.shape[1])).values[:, -1:]
    return torch.where(rows >= least, rows, torch.zeros_like(rows)).view_as(values)


def damped(values: Tensor, share: float) -> Tensor:
    """Weaken small activations smoothly, each by itself."""
    return values * torch.sigmoid(4 * values)


def dropping(features: Tensor, share: float) -> nn.Module:
    return Layer(lambda values: functional.dropout(values, share, training=True))


def cut(features: Tensor, share: float) -> nn.Module:
    """Let the gradient through for this share of the features alone, every so many of them; 0 cuts the graph."""
    if share == 0:
        return Layer(Tensor.detach)
    place = torch.arange(features.shape[1], device=features.device)
    through = (place * share).floor() != ((place + 1) * share).floor()
    return Layer(lambda values, through: torch.where(through, values, values.detach()), through)


def stairs(features: Tensor, share: float) -> nn.Module:
    """Round each feature to multiples of this share of its mean; the gradient of rounding is zero."""
    return Layer(lambda values, step: (values / step).round() * step, share * typical(features))


def ramps(features: Tensor, share: float) -> nn.Module:
    """Round each feature halfway, as in `waved`."""
    return Layer(
        lambda values, step: values - step * (2 * math.pi * values / step).sin() / (4 * math.pi),
        share * typical(features),
    )


def signed(features: Tensor, share: float) -> nn.Module:
    """Tell of each feature only whether it is above this share of its mean; the gradient of the sign is zero."""
    return Layer(lambda values, mean: (torch.sign(values / mean - share) + 1) / 2 * mean, typical(features))


def sloped(features: Tensor, share: float) -> nn.Module:
    """Squeeze each feature by a sigmoid around the same place."""
    return Layer(lambda values, mean: torch.sigmoid(4 * (values / mean - share)) * mean, typical(features))


def typical(features: Tensor) -> Tensor:
    """Average each feature where it is positive, (d,); 1 where it never is."""
    mean = features.clamp(min=0).sum(dim=0) / (features > 0).sum(dim=0).clamp(min=1)
    return torch.where(mean > 0, mean, torch.ones_like(mean))


def batch_scaled(features: Tensor, share: float) -> nn.Module:
    """Bring the batch's own mean and spread to those of training: a batch norm left in training mode, by this share."""

    def scale(values: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
        own = share * values.mean(dim=0) + (1 - share) * mean
        wide = share * values.std(dim=0, correction=0) + (1 - share) * spread
        return (values - own) / (wide + 1e-5) * spread + mean

    return Layer(scale, features.mean(dim=0), features.std(dim=0))


def training_scaled(features: Tensor, share: float) -> nn.Module:
    """Do the same with the statistics of training, and so nothing."""
    layer = nn.BatchNorm1d(features.shape[1], device=features.device, dtype=features.dtype)
    layer.running_mean, layer.running_var = features.mean(dim=0), features.var(dim=0)
    with torch.no_grad():
        layer.weight.copy_((layer.running_var + layer.eps).sqrt())
        layer.bias.copy_(layer.running_mean)
    return layer


# Around and after.


def surer(x: Tensor, net: nn.Module, size: float) -> Tensor:
    """Move one gradient step towards the net's own answer before answering (Alfarra et al. 2022)."""
    with torch.enable_grad():
        here = x.detach().requires_grad_()
        scores = net(here)
        loss = functional.cross_entropy(scores, scores.argmax(dim=1), reduction="sum")
        (grad,) = torch.autograd.grad(loss, here)
    moved: Tensor = net((x - size * grad.sign()).clamp(0, 1))
    return moved


def smoother(x: Tensor, net: nn.Module, size: float) -> Tensor:
    """Move by at most as much towards the mean of the neighbours, smoothly and without a gradient step."""
    mean = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    moved: Tensor = net(x + size * torch.tanh((mean - x) / 2))
    return moved


def voting(x: Tensor, net: nn.Module, sharpness: float) -> Tensor:
    """Let the picture and four shifts of it vote, each as sure as the sharpness makes it: scores are log shares."""
    votes = [(sharpness * scores).softmax(dim=1) for scores in seen(x, net)]
    return torch.stack(votes).mean(dim=0).clamp(min=1e-30).log()


def averaging(x: Tensor, net: nn.Module, sharpness: float) -> Tensor:
    """Average their scores."""
    return torch.stack(seen(x, net)).mean(dim=0)


def seen(x: Tensor, net: nn.Module) -> list[Tensor]:
    """Ask about a picture and its shifts by a pixel, five times (n, k)."""
    shifts = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    return [net(x.roll(shift, dims=(-2, -1))) for shift in shifts]
