"""A graph as an ``nn.Module``: what a PyTorch user takes away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from aespec.code import safe_name
from aespec.graph import Graph, Node
from aespec_torch.table import Layout, parts

__all__ = ["Autoencoder", "Step", "assemble"]


class Autoencoder(nn.Module):
    """An encoder and a decoder, each a chain of named modules. Tensors have the graph's shapes, channels last."""

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x: Tensor) -> Tensor:
        """A batch -> its reconstruction."""
        code: Tensor = self.encoder(x)
        reconstruction: Tensor = self.decoder(code)
        return reconstruction


@dataclass(frozen=True)
class Step:
    """A node and the modules that compute it."""

    node: Node
    main: nn.Module
    """The layer up to its activation."""
    activation: nn.Module | None
    """The activation, where the layer has one to choose."""
    layouts: Mapping[str, Layout]
    """How ``main`` stores each of the node's parameters."""

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The modules to run one after the other, by the names that a reader expects."""
        if self.activation is None:
            return {self.node.short: self.main}
        if isinstance(self.main, nn.Identity):
            return {self.node.short: self.activation}
        return {self.node.short: self.main, f"{self.node.short}_activation": self.activation}


def assemble(graph: Graph, device: torch.device, dtype: torch.dtype) -> tuple[Autoencoder, list[Step]]:
    """The modules of a graph, with whatever weights torch gives them, tied ones tied. Outside training.

    Raises:
        AespecError: A kind has no lowering.
    """
    steps = []
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        for node in graph:
            main, activation = parts(node.layer, node.input_shape)
            steps.append(Step(node, main.module, activation, main.layouts))
    blocks = (_chain(step for step in steps if step.node.block == block) for block in ("encoder", "decoder"))
    native = Autoencoder(*blocks).to(device, dtype)
    _tie(steps)
    return native.eval(), steps


def _chain(steps: Iterable[Step]) -> nn.Sequential:
    """The modules under their names; one that means something to torch or Python (``forward``) gets a ``_``."""
    chain = nn.Sequential()
    for step in steps:
        for name, module in step.modules.items():
            chain.add_module(safe_name(name, partial(hasattr, chain)), module)
    return chain


def _tie(steps: Iterable[Step]) -> None:
    """Give each tied node the very parameter of the other."""
    stored = {f"{step.node.name}/{short}": (step, short) for step in steps for short in step.node.params}
    for step in steps:
        for short, tie in step.node.ties.items():
            source, name = stored[tie.parameter]
            own, others = (s.layouts[n].owners(s.main) for s, n in ((step, short), (source, name)))
            for (owner, attribute), (other, there) in zip(own, others, strict=True):
                setattr(owner, attribute, getattr(other, there))
