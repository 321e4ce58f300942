"""Batch norm in evaluation mode is a scale and a shift: the layer before it can do both."""

from __future__ import annotations

import copy
from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
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
    uses = Counter(node.target for node in traced.graph.nodes if node.op == "call_module")
    for norm in list(traced.graph.nodes):
        layer = _layer_before(norm, parts)
        if layer is None or uses[layer.target] > 1 or uses[norm.target] > 1:
            continue
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


def _layer_before(norm: fx.Node, parts: dict[str, nn.Module]) -> fx.Node | None:
    """Find the layer that feeds a batch norm and nothing else; None where there is none."""
    if norm.op != "call_module" or not isinstance(parts[str(norm.target)], _NORMS):
        return None
    (layer, *_) = norm.args
    if not isinstance(layer, fx.Node) or layer.op != "call_module" or len(layer.users) > 1:
        return None
    known = type(parts[str(layer.target)]) in (*_CONVOLUTIONS, nn.Linear)  # a subclass may do more in its forward
    return layer if known and parts[str(norm.target)].running_mean is not None else None
