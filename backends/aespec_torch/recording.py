"""A function of tensors, gradients included, as the kernels that it comes to: no modules between them, no autograd."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

__all__ = ["recorded"]

T = TypeVar("T")

UNCHANGED = {torch.ops.aten.alias.default, torch.ops.aten.detach.default}
"""What gives back what it is given, where nothing is differentiated any more."""


def recorded(function: Callable[..., T], *arguments: Tensor) -> Callable[..., T]:
    """What a function does with arguments of these shapes, as torch's tracer writes it down: the same numbers, sooner.

    Tensors that the function has from elsewhere, such as parameters, are used where they lie: they may change in place
    and must not be replaced. The function is called once, with what that draws and changes.

    Args:
        function: Of tensors, in lists or tuples where there are several. What it differentiates, it does inside.
        arguments: An example.
    """
    from torch.fx.experimental.proxy_tensor import make_fx  # takes a second

    traced = make_fx(function)(*arguments)
    held: dict[fx.Node, Tensor] = {}
    for node in traced.graph.nodes:
        if node.op == "get_attr":
            held[node] = getattr(traced, node.target)
        elif node.target in UNCHANGED:
            node.replace_all_uses_with(node.args[0])
        elif _transposed_back(node):
            node.replace_all_uses_with(node.args[0].args[0])
        elif _is_view(node) and held.keys() >= set(node.all_input_nodes):
            held[node] = node.target(*map_arg(node.args, held.get), **node.kwargs)
    first = next(node for node in traced.graph.nodes if node.op == "placeholder")
    used = {node: tensor for node, tensor in held.items() if node.users.keys() - held.keys()}
    for node in used:
        with traced.graph.inserting_before(first):
            node.replace_all_uses_with(traced.graph.placeholder(f"held_{node.name}"))
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return partial(traced.forward, *used.values())


def _transposed_back(node: fx.Node) -> bool:
    """Whether it is the transpose of a transpose."""
    t = torch.ops.aten.t.default
    return node.target is t and getattr(node.args[0], "target", None) is t


def _is_view(node: fx.Node) -> bool:
    """Whether it is other words for the memory that it is given, and changes nothing there."""
    schema = getattr(node.target, "_schema", None)
    returned = schema.returns[0].alias_info if schema and len(schema.returns) == 1 else None
    return returned is not None and not returned.is_write
