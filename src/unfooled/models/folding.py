"""Batch norm in evaluation mode is a scale and a shift: the layer before it can do both."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CALLS = (torch.conv1d, torch.conv2d, torch.conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def folded(module: nn.Module) -> fx.GraphModule:
    """Copy a module in evaluation mode and fold each batch norm into the layer before it, where nobody else uses that.

    Raises:
        ValueError: There is nothing to fold.
        Exception: The module cannot be copied or traced: its forward pass looks at values, say.
    """
    traced = fx.symbolic_trace(copy.deepcopy(module))
    parts = dict(traced.named_modules())
    folds = 0
    uses = Counter(node.target for node in traced.graph.nodes if node.op in ("call_module", "get_attr"))
    for norm in list(traced.graph.nodes):
        layer = _layer_before(norm, parts)
        if layer is None or uses[norm.target] > 1:
            continue
        if layer.op == "call_function":
            if not _fold_call(traced, layer, parts[str(norm.target)], uses):
                continue
        elif uses[layer.target] > 1:
            continue
        else:
            before, after = parts[str(layer.target)], parts[str(norm.target)]
            fuse = fuse_linear_bn_eval if isinstance(before, nn.Linear) else fuse_conv_bn_eval
            traced.add_submodule(str(layer.target), fuse(before, after))
        norm.replace_all_uses_with(layer)
        traced.graph.erase_node(norm)
        folds += 1
    if not folds:
        raise ValueError("no batch norm follows a layer that it could be folded into")
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _fold_call(traced: fx.GraphModule, layer: fx.Node, norm: Any, uses: Counter[object]) -> bool:
    """Fold a norm into a convolution that a module of somebody's own calls on its weight; tell whether that went."""
    weight, bias = layer.args[1], layer.args[2] if len(layer.args) > 2 else None
    if not isinstance(weight, fx.Node) or weight.op != "get_attr" or uses[weight.target] > 1 or layer.kwargs:
        return False
    if bias is not None:
        return False
    owner, _, name = str(weight.target).rpartition(".")
    home = traced.get_submodule(owner)
    scaled, shift = fuse_conv_bn_weights(
        getattr(home, name), None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    home.register_parameter(name, scaled)
    home.register_parameter("folded_bias", shift)
    with traced.graph.inserting_before(layer):
        added = traced.graph.get_attr(f"{owner}.folded_bias" if owner else "folded_bias")
    layer.update_arg(2, added)
    return True


def _layer_before(norm: fx.Node, parts: dict[str, nn.Module]) -> fx.Node | None:
    """Find the layer that feeds a batch norm and nothing else; None where there is none."""
    if norm.op != "call_module" or not isinstance(parts[str(norm.target)], _NORMS):
        return None
    (layer, *_) = norm.args
    if not isinstance(layer, fx.Node) or len(layer.users) > 1 or parts[str(norm.target)].running_mean is None:
        return None
    if layer.op == "call_function":
        return layer if layer.target in _CALLS else None
    if layer.op != "call_module":
        return None
    known = type(parts[str(layer.target)]) in (*_CONVOLUTIONS, nn.Linear)  # a subclass may do more in its forward
    return layer if known else None
