"""How much faster than by hand a model can be trained at all: the products of its steps alone.

    python benchmarks/ceiling.py

One side computes what a step cannot do without. Of `stacked` it gathers the batch, multiplies it through the layers and
the error back, and moves each kernel by a product; in Keras it does so with parts of the batch, one a core. Of `conv`,
in Keras, it computes each convolution and its two gradients, as TensorFlow's kernels do, of numbers that lie ready. It
has no biases, activations, poolings or loss, and computes nothing of use. The other is the model written by hand, in
`peers`. Both run in one process, in turn. With the products that a framework has, no way of computing the steps exceeds
the ratio that it would have had in that run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from tabulate import tabulate

import aespec
from aespec.data import load
from aespec.graph import Graph
from aespec.process import cores
from aespec.registry import find_backend

SPECS = Path(__file__).parent.parent / "specs"
RATE = 1e-9
"""So small that the kernels stay as they are."""


def kernels_of(graph: Graph) -> list[tuple[int, ...]]:
    """The shapes of a model's kernels."""
    return [param.shape for name, param in graph.params.items() if name.endswith("kernel")]


def in_torch(x: np.ndarray, graph: Graph, batch_size: int) -> Callable[[], Any]:
    """An epoch of products in PyTorch, each written where the last one was."""
    import torch

    shapes = kernels_of(graph)
    samples = torch.from_numpy(x.reshape(len(x), -1))
    kernels = [torch.randn(shape) / shape[0] ** 0.5 for shape in shapes]
    sizes = [shapes[0][0], *(shape[1] for shape in shapes)]
    values, errors = ([torch.empty(batch_size, size) for size in sizes] for _ in range(2))

    @torch.inference_mode()
    def epoch() -> None:
        for rows in torch.split(torch.randperm(len(samples)), batch_size):
            torch.index_select(samples, 0, rows, out=values[0])
            for layer, kernel in enumerate(kernels):
                torch.mm(values[layer], kernel, out=values[layer + 1])
            errors[-1].copy_(values[-1])
            for layer, kernel in reversed([*enumerate(kernels)]):
                if layer:
                    torch.mm(errors[layer + 1], kernel.t(), out=errors[layer])
                kernel.addmm_(values[layer].t(), errors[layer + 1], alpha=-RATE)

    return epoch


def in_keras(x: np.ndarray, graph: Graph, batch_size: int) -> Callable[[], Any]:
    """An epoch of products in TensorFlow, one loop that XLA compiles."""
    import tensorflow as tf

    shapes = kernels_of(graph)
    samples = tf.constant(x.reshape(len(x), -1))
    kernels = [tf.Variable(tf.random.normal(shape) / shape[0] ** 0.5) for shape in shapes]
    parts = cores() if batch_size % cores() == 0 else 1

    def moves(batch: Any, kernels: list[Any]) -> list[Any]:
        values = [batch]
        for kernel in kernels:
            values.append(values[-1] @ kernel)
        error, found = values[-1], []
        for layer, kernel in reversed([*enumerate(kernels)]):
            found.insert(0, tf.matmul(values[layer], error, transpose_a=True))
            error = tf.matmul(error, kernel, transpose_b=True) if layer else error
        return found

    def step(batch: Any, kernels: list[Any]) -> list[Any]:
        each = zip(kernels, *(moves(part, kernels) for part in tf.split(batch, parts)), strict=True)
        return [kernel - RATE * tf.add_n(own) for kernel, *own in each]

    @tf.function(jit_compile=True, autograph=False)
    def steps(order: Any) -> None:
        batches = tf.reshape(order, (-1, batch_size))
        _, *found = tf.while_loop(
            lambda at, *_: at < batches.shape[0],
            lambda at, *own: (at + 1, *step(tf.gather(samples, batches[at]), own)),
            (tf.constant(0), *(kernel.read_value() for kernel in kernels)),
        )
        for kernel, value in zip(kernels, found, strict=True):
            kernel.assign(value)

    def epoch() -> None:
        steps(tf.random.shuffle(tf.range(len(x))))
        kernels[0].numpy()  # waits

    return epoch


def convolutions(x: np.ndarray, graph: Graph, batch_size: int) -> Callable[[], Any]:
    """An epoch of convolutions and their gradients in TensorFlow, one loop of its kernels."""
    import tensorflow as tf

    model = find_backend("keras").build(graph, seed=0)
    nodes = [node for node in graph if "kernel" in node.params]
    layers = [model.native.get_layer(block).get_layer(name) for block, name in (node.name.split("/") for node in nodes)]
    given = [tf.random.normal((batch_size, *node.input_shape)) for node in nodes]

    @tf.function(autograph=False)
    def steps(count: Any) -> Any:
        def body(at: Any, *kernels: Any) -> Any:
            moved = []
            for node, layer, values, kernel in zip(nodes, layers, given, kernels, strict=True):
                with tf.GradientTape() as tape:
                    tape.watch([values, kernel])
                    outputs = convolved(layer, values, kernel)
                towards = [values, kernel] if node.inputs != (graph.nodes[0].name,) else [kernel]
                gradients = tape.gradient(outputs, towards, outputs)
                with tf.control_dependencies(gradients):
                    moved.append(kernel - RATE * gradients[-1])
            return (at + 1, *moved)

        return tf.while_loop(lambda at, *_: at < count, body, (tf.constant(0), *(each.kernel.value for each in layers)))

    def epoch() -> None:
        steps(len(x) // batch_size)[0].numpy()  # waits

    return epoch


def convolved(layer: Any, values: Any, kernel: Any) -> Any:
    """A layer's convolution alone, with another kernel."""
    from keras import ops

    how = {"strides": list(layer.strides), "padding": layer.padding}
    if "Transpose" in type(layer).__name__:
        return ops.conv_transpose(values, kernel, output_padding=layer.output_padding, **how)
    return ops.conv(values, kernel, **how)


SAMPLES = {"stacked": 60_000, "conv": 12_800}
PRODUCTS = {
    ("stacked", "keras"): in_keras,
    ("stacked", "torch"): in_torch,
    ("conv", "keras"): convolutions,
}


def measure(spec: str, backend: str, batch_size: int, rounds: int, epochs: int) -> list[str]:
    """A row: how fast the products are, how fast the model by hand, and the median of the ratios."""
    x = load("fashion_mnist", shape=(28, 28), range=(0.0, 1.0)).inputs
    x = x[: min(SAMPLES[spec], len(x)) // batch_size * batch_size]
    graph = aespec.compile(aespec.load(SPECS / f"{spec}.yaml"))
    products = PRODUCTS[spec, backend](x, graph, batch_size)
    peer = import_module(f"peers.in_{backend}").Peer(spec, x, batch_size)
    products()
    peer.epoch()  # the first of each compiles
    rates, by_hand = [], []
    for _ in range(rounds):
        start = perf_counter()
        for _ in range(epochs):
            products()
        rates.append(epochs * len(x) / (perf_counter() - start))
        by_hand.append(len(x) / peer.epoch()[0])
    ratio = median(ours / theirs for ours, theirs in zip(rates, by_hand, strict=True))
    each = [node.layer.multiply_adds(node.input_shape) or 0 for node in graph if "kernel" in node.params]
    multiply_adds = 3 * sum(each) - each[0]  # nothing goes back through the first
    numbers = [
        f"{median(rates):,.0f}",
        f"{2e-9 * multiply_adds * median(rates):.0f}",
        f"{median(by_hand):,.0f}",
        f"{ratio:.2f}",
    ]
    return [spec, backend, str(batch_size), *numbers]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="of each side in turn (7)")
    parser.add_argument("--epochs", type=int, default=3, help="of products a round (3)")
    given = parser.parse_args()
    rows = []
    for spec, backend in PRODUCTS:
        find_backend(backend).versions()  # imports the framework, TensorFlow without its greetings
        rows += [measure(spec, backend, batch_size, given.rounds, given.epochs) for batch_size in (32, 256)]
    heads = ["spec", "framework", "batch", "products alone, samples/s", "GFLOP/s", "by hand, samples/s", "ratio"]
    print(tabulate(rows, heads, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
