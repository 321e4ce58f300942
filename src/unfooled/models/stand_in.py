"""A private copy of a classifier to craft with: it takes pictures of any size, and its branches fall away by lot."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from unfooled.core.answer import Answer
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Model

from .classifier import Classifier
from .folding import folded

_ADDITIONS = {operator.add, operator.iadd, torch.add, "add", "add_"}
_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CALLS = (torch.conv1d, torch.conv2d, torch.conv3d, functional.linear)


@dataclass(frozen=True)
class StandIn:
    """A classifier as an attacker practises on it: stochastic depth, and no resizing of pictures.

    Attributes:
        model: The user's own; it answers.
        inner: Takes pictures as they are: normalised by it, never resized.
        branches: Residual branches that can fall away.
        share: Chance of each to do so, for each picture by itself, 0 to below 1.
        draws: Decide which do, by the names of the pictures.

    Reference:
        Huang, Sun, Liu, Sedra and Weinberger. Deep networks with stochastic depth. ECCV 2016.
        https://arxiv.org/abs/1603.09382, section 3.
        Differs from the paper: the network is a finished one, what stays is not rescaled, and every branch has the
        same chance.
    """

    model: Classifier
    inner: Classifier
    branches: int
    share: float
    draws: Draws

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return self.model.device

    def answer(self, x: Batch) -> Answer:
        """Answer as deployed."""
        return self.model.answer(x)

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable scores of the thinned copy, (n, k)."""
        if not self.branches:
            return self.inner.outputs(x, prompt)
        stays = self.draws.uniform((self.branches,), x.ids, "depth") >= self.share
        values = x.values if self.inner.preprocess is None else self.inner.preprocess(x.values)
        scores: Tensor = self.inner.module(values.contiguous(memory_format=torch.channels_last), stays.to(values.dtype))
        return scores.float()

    def read(self, outputs: Tensor) -> Answer | None:
        """See `Model.read`."""
        return self.model.read(outputs)

    def describe(self) -> dict[str, Any]:
        """Describe the user's own model."""
        return self.model.describe()


def stand_in(model: Model, draws: Draws, share: float = 0.1) -> Model:
    """Copy a classifier for crafting; adapters of another kind are handed back, and so serve as they are.

    Weights are frozen, batch norm is folded, and residual branches get gates, where the module can be traced.

    Args:
        model: The user's model; it is left alone.
        draws: Decide which branches fall away.
        share: Chance of each branch to fall away; 0 leaves all.
    """
    if not isinstance(model, Classifier) or model.takes_lengths:
        return model
    preprocess = None if model.preprocess is None else replace(model.preprocess, size=None, crop=None)
    module, branches = _private(model.module, thin=share > 0)
    module = module.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return StandIn(model, replace(model, module=module, preprocess=preprocess), branches, share, draws)


def _private(module: nn.Module, *, thin: bool) -> tuple[nn.Module, int]:
    """Copy a module in the cheapest form that it can be brought into, with the number of its gates."""
    for trace in (folded, _plain):
        try:
            traced = _traced(module, trace)
        except _OpaqueError:
            continue
        return gated(traced) if thin else (traced, 0)
    return copy.deepcopy(module), 0


class _OpaqueError(Exception):
    """The module cannot be traced: its forward pass looks at values, say; or it has nothing to fold."""


def _traced(module: nn.Module, trace: Callable[[nn.Module], fx.GraphModule]) -> fx.GraphModule:
    try:
        return trace(module)
    except Exception as error:
        raise _OpaqueError from error


def _plain(module: nn.Module) -> fx.GraphModule:
    return fx.symbolic_trace(copy.deepcopy(module))


def gated(traced: fx.GraphModule) -> tuple[fx.GraphModule, int]:
    """Put a gate on each residual branch of a traced module: what is added to something that it was made of.

    Returns:
        The same module, whose forward takes gates (n, branches) as its last argument, and the number of branches; as
        it was where there is none.
    """
    parts, graph = dict(traced.named_modules()), traced.graph
    origins: dict[fx.Node, frozenset[fx.Node]] = {}
    found: list[tuple[fx.Node, fx.Node]] = []
    for node in graph.nodes:
        origins[node] = frozenset(node.all_input_nodes).union(*(origins[one] for one in node.all_input_nodes))
        if node.target in _ADDITIONS and len(node.args) == 2 and len(node.all_input_nodes) == 2:
            one, other = node.all_input_nodes
            branch = _branch(one, other, origins, parts)
            if branch is not None:
                found.append((node, branch))
    if not found:
        return traced, 0
    last = [node for node in graph.nodes if node.op == "placeholder"][-1]
    with graph.inserting_after(last):
        gates = graph.placeholder("gates")
    for place, (node, branch) in enumerate(found):
        with graph.inserting_before(node):
            node.replace_input_with(branch, graph.call_function(_gate, (branch, gates, place)))
    traced.recompile()
    return traced, len(found)


def _branch(
    one: fx.Node, other: fx.Node, origins: dict[fx.Node, frozenset[fx.Node]], parts: dict[str, nn.Module]
) -> fx.Node | None:
    """Tell which of two summands is the residual branch: the one with more layers of its own.

    The other one is what was there before, as it was or past one layer that fits its shape. None where that is not so.
    """
    own = {one: origins[one] | {one}, other: origins[other] | {other}}
    layers = {
        node: sum(_has_weights(part, parts) for part in own[node] - own[past])
        for node, past in ((one, other), (other, one))
    }
    branch, past = (one, other) if layers[one] > layers[other] else (other, one)
    return branch if layers[past] <= 1 and layers[past] < layers[branch] and own[one] & own[other] else None


def _has_weights(node: fx.Node, parts: dict[str, nn.Module]) -> bool:
    if node.op == "call_module":
        return isinstance(parts[str(node.target)], _WEIGHTED)
    return node.target in _CALLS


def _gate(branch: Tensor, gates: Tensor, place: int) -> Tensor:
    return branch * gates[:, place].view(-1, *[1] * (branch.ndim - 1))
