"""From a graph to Keras: each node's layers, and the model that a Keras user takes away."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aespec.activations import Linear
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import INPUT, Graph, Node
from aespec.initializers import parameter_stream
from aespec.layers.activation import Activation
from aespec.rules import BuiltDiffers
from aespec.shapes import Shape, show_shape
from aespec_keras.framework import keras
from aespec_keras.functions import Apart, activate
from aespec_keras.layers import TiedModel
from aespec_keras.table import lowerings

__all__ = ["Cell", "assemble", "seed_noise", "stored"]

Tensor = Any


@dataclass(frozen=True)
class Cell:
    """What a node became: Keras layers, one after the other."""

    node: Node
    linear: tuple[Any, ...]
    """Up to the pre-activation, where that is kept apart; else all."""
    activation: tuple[Any, ...] = ()
    """What makes the node's value of the pre-activation."""

    @property
    def layers(self) -> tuple[Any, ...]:
        """All of them."""
        return self.linear + self.activation


def assemble(graph: Graph, dtype: str) -> tuple[Any, dict[str, Cell]]:
    """The `keras.Model` of a graph with its ``encoder`` and ``decoder``, and the cell of each node by name."""
    with _same_random_numbers_after():
        cells: dict[str, Cell] = {}
        encoder = _chain(graph, "encoder", graph.input, graph.code, cells, dtype)
        decoder = _chain(graph, "decoder", graph[graph.code].shape, graph.output.name, cells, dtype)
        inputs = keras.Input(graph.input, dtype=dtype, name="input")
        model = TiedModel if any(node.ties for node in graph) else keras.Model
        native = model(inputs, decoder(encoder(inputs)), name=graph.name)
        native.encoder, native.decoder = encoder, decoder
    return native, cells


def stored(graph: Graph, cells: dict[str, Cell]) -> dict[str, Any]:
    """The Keras variable of each stored parameter, by its canonical name."""
    found: dict[str, Any] = {}
    for node in graph:
        owned = {id(variable) for variable in found.values()}
        own = [v for layer in cells[node.name].layers for v in layer.weights if id(v) not in owned]
        wanted = {short: param.shape for short, param in node.params.items()}
        if len(own) != len(wanted) or not all(map(_stands_for, own, wanted, wanted.values())):
            raise AespecError(
                Diagnostic(
                    BuiltDiffers,
                    f"the Keras layer of `{node.name}` has other parameters than its kind",
                    wanted=", ".join(f"{short} {show_shape(shape)}" for short, shape in wanted.items()) or "none",
                    got=", ".join(f"{v.path} {show_shape(v.shape)}" for v in own) or "none",
                    help=f"correct the lowering of `{node.layer.kind}`: its weights come in the order of the kind's",
                )
            )
        found.update(zip((f"{node.name}/{short}" for short in wanted), own, strict=True))
    return found


def seed_noise(cells: dict[str, Cell], seed: int, *more: int) -> None:
    """Restart every random stream of the layers from a seed, more numbers and the node's name."""
    for name, cell in cells.items():
        stream = parameter_stream(seed, "/".join([name, "noise", *map(str, more)]))
        for layer in cell.layers:
            weights = {id(variable) for variable in layer.weights}
            for state in (v for v in layer.variables if id(v) not in weights):
                state.assign([int(stream.integers(2**31)), 0])


def _chain(graph: Graph, block: str, shape: Shape, output: str, cells: dict[str, Cell], dtype: str) -> Any:
    """One sub-model, its cells added to the others."""
    source = INPUT if block == "encoder" else graph.code
    names = _Names(node.short for node in graph.block(block))
    inputs = keras.Input(shape, dtype=dtype, name=names.new("input" if block == "encoder" else "code"))
    values = {source: inputs}
    for node in graph.block(block):
        value = values[node.inputs[0]]
        with keras.name_scope(block):  # the path of a weight begins as its canonical name, `encoder/dense_1/kernel`
            cell = cells[node.name] = _cell(node, graph, cells, names, dtype)
            for layer in cell.layers:
                value = layer(value)
        _check_shape(node, tuple(value.shape[1:]))
        values[node.name] = value
    return keras.Model(inputs, values[output], name=block)


def _cell(node: Node, graph: Graph, cells: dict[str, Cell], names: _Names, dtype: str) -> Cell:
    """The layers of one node, its activation apart where the loss or Keras wants that."""
    layer, activation = node.layer, node.layer.output_activation
    own = {"name": node.short, "dtype": dtype}
    source = {"source": _holder(cells[node.ties["kernel"].parameter.removesuffix("/kernel")])} if node.ties else {}
    if isinstance(layer, Activation):
        cell = Cell(node, (), (activate(layer.function, node.shape, **own),))
    elif activation and layer.activated(Linear()) != layer and (node.name == graph.logits or _apart(activation)):
        linear = lowerings[layer](layer.activated(Linear()), node.input_shape, **own, **source)
        own["name"] = names.new(f"{node.short}_activation")
        cell = Cell(node, (linear,), (activate(activation, node.shape, **own),))
    else:
        cell = Cell(node, (lowerings[layer](layer, node.input_shape, **own, **source),))
    for term in graph.terms:
        if term.of == node.name:
            cell = _regularized(cell, term.target, lowerings[term.regularizer](term.regularizer), names, dtype)
    return cell


def _regularized(cell: Cell, target: str, regularizer: Any, names: _Names, dtype: str) -> Cell:
    """The cell with a regularizer on its value, for those who train the model with Keras itself."""
    last = cell.layers[-1]
    if target == "latent":
        last.get_layer("divergence").activity_regularizer = regularizer
    elif not isinstance(last, keras.Model):
        last.activity_regularizer = regularizer
    else:  # a nested model would forget its regularizer when saved
        name = names.new(f"{cell.node.short}_activity")
        carrier = keras.layers.Activation("linear", activity_regularizer=regularizer, name=name, dtype=dtype)
        return Cell(cell.node, cell.linear, (*cell.activation, carrier))
    return cell


def _holder(cell: Cell) -> Any:
    """The Keras layer that has the kernel: the first of the cell's, or what that wraps."""
    layer = cell.layers[0]
    while not hasattr(layer, "kernel"):
        layer = layer.layer
    return layer


def _apart(activation: Any) -> bool:
    return isinstance(lowerings[activation](activation), Apart)


def _stands_for(variable: Any, short: str, shape: tuple[int, ...]) -> bool:
    """Whether a variable has a parameter's shape, and its name in its own."""
    return tuple(variable.shape) == shape and set(short.split("_")) <= set(re.split("[/_]", variable.path))


def _check_shape(node: Node, got: Shape) -> None:
    if len(got) == len(node.shape) and all(None in (n, m) or n == m for n, m in zip(got, node.shape, strict=True)):
        return
    raise AespecError(
        Diagnostic(
            BuiltDiffers,
            f"the Keras layer of `{node.name}` gives another shape than its kind",
            wanted=show_shape(node.shape),
            got=show_shape(got),
            help=f"correct the lowering of `{node.layer.kind}`",
        )
    )


class _Names:
    """The names of one sub-model's layers."""

    def __init__(self, taken: Iterator[str]) -> None:
        self._taken = set(taken)

    def new(self, name: str) -> str:
        """The name, with underscores where it is taken."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


@contextmanager
def _same_random_numbers_after() -> Iterator[None]:
    """Give Python's random numbers back as they were: Keras seeds its initializers and noises from them."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
