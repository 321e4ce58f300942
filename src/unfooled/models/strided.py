"""Convolutions with strides whose gradient for the input is cheap on a CPU: for private copies of a model alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

_FEW = 32  # values under a kernel, up to which a product with the weights is the cheapest


def quicken(module: nn.Module) -> None:
    """Give the convolutions of a module that have strides, and a kernel of 2 or more, their gradient in another way.

    Outputs stay the same; gradients do but for the last bits of a sum. Libraries compute these gradients several times
    slower than the convolution itself.
    """
    for part in module.modules():
        if type(part) is not nn.Conv2d or part.padding_mode != "zeros" or isinstance(part.padding, str):
            continue
        if max(part.stride) > 1 and max(part.kernel_size) > 1:
            part.__class__ = Strided


def reads_maps(module: nn.Module) -> bool:
    """Tell whether a linear layer reads whole maps of a convolution: laid out channels last they have to turn back."""
    channels = 0
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            channels = part.out_channels
        elif channels and isinstance(part, nn.Linear):
            return part.in_features > channels
    return False


class Strided(nn.Conv2d):
    """A convolution with strides, zeros for padding."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        settings = (self.stride, self.padding, self.dilation, self.groups)
        maps: Tensor = _Convolved.apply(  # type: ignore[no-untyped-call]
            input, weight, bias, settings
        )
        return maps


class _Convolved(torch.autograd.Function):
    """A convolution whose weights ask for no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, settings: tuple[Any, ...]) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.settings = x.shape, settings
        return functional.conv2d(x, weight, bias, *settings)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = ctx.saved_tensors
        weight = weight.to(grad.dtype)  # in bfloat16 under autocast
        stride, padding, dilation, groups = ctx.settings
        if groups == 1 and weight[0].numel() <= _FEW:
            columns = weight.flatten(1).T @ grad.flatten(2)
            size = ctx.shape[-2:]
            found = functional.fold(columns, size, weight.shape[-2:], dilation, padding, stride)
        else:
            laid = torch.channels_last  # in which oneDNN has a kernel for strides
            grad, weight = grad.contiguous(memory_format=laid), weight.contiguous(memory_format=laid)
            found = conv2d_input(  # type: ignore[no-untyped-call]
                ctx.shape, weight, grad, stride, padding, dilation, groups
            ).contiguous()
        return found, None, None, None
