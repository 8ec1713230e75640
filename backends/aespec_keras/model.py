"""A built Keras model, driven with NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec.graph import INPUT, Graph
from aespec.shapes import Shape
from aespec.weights import draw
from aespec_keras.assemble import assemble, seed_noise, stored
from aespec_keras.forward import NOTHING, compute, terms
from aespec_keras.framework import keras, tf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.plan import TrainingPlan
    from aespec_keras.training import KerasTrainer

    Array = NDArray[np.floating[Any]]

__all__ = ["KerasModel"]

Tensor = Any


class KerasModel:
    """See `aespec.backend.Trainable`. Each computation is traced once, when it is first asked for."""

    def __init__(self, graph: Graph, *, seed: int, dtype: str) -> None:
        self.graph, self.dtype = graph, dtype
        self.native, self.cells = assemble(graph, dtype)
        self.variables = stored(graph, self.cells)
        self.trainable = {name: self.variables[name] for name, param in graph.params.items() if param.trainable}
        for name, param in graph.params.items():
            self.variables[name].trainable = param.trainable
        for node in graph:
            for layer in self.cells[node.name].layers if node.settled and not node.count(trainable=True) else ():
                layer.trainable = False
        self.load_weights(draw(graph, seed, dtype))
        seed_noise(self.cells, seed)
        self._traced: dict[tuple[str, bool, bool, bool], Any] = {}

    def trace(self, x: Array, *, training: bool = False, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Every node's value by name, outside training or in it."""
        values = self._run("trace", self._trace, x, training, draws=draws)
        return {node.name: values[node.name].numpy() for node in self.graph}

    def reconstruct(self, x: Array) -> Array:
        """The reconstruction of a batch."""
        reconstruction: Array = self._run("reconstruct", self._reconstruct, x).numpy()
        return reconstruction

    def encode(self, x: Array) -> Array:
        """The code of a batch."""
        code: Array = self._run("encode", self._encode, x).numpy()
        return code

    def decode(self, code: Array) -> Array:
        """The reconstruction from a code."""
        reconstruction: Array = self._run("decode", self._decode, code, shape=self.graph[self.graph.code].shape).numpy()
        return reconstruction

    def weights(self) -> dict[str, Array]:
        """Every stored parameter by its canonical name."""
        return {name: variable.numpy() for name, variable in self.variables.items()}

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every parameter."""
        for name, variable in self.variables.items():
            variable.assign(weights[name])

    def losses(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, float]:
        """Each term of the loss by name, and ``total``; without targets the output is compared with the input."""
        found = self._run("losses", self.terms, x, training, draws=draws, targets=targets)
        return {name: float(found[name]) for name in self.graph.loss_names}

    def gradients(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """The gradient of the total loss by each trainable parameter."""
        found = self._run("gradients", self._gradients, x, training, draws=draws, targets=targets)
        return {name: gradient.numpy() for name, gradient in zip(self.trainable, found, strict=True)}

    def trainer(self, plan: TrainingPlan, samples: int) -> KerasTrainer:
        """The model with an optimizer."""
        from aespec_keras.team import TeamTrainer, replicas
        from aespec_keras.training import KerasTrainer

        return KerasTrainer(self, plan, samples) if replicas() == 1 else TeamTrainer(self, plan, samples)

    def terms(
        self, x: Tensor, training: bool, draws: Mapping[str, Tensor] = NOTHING, targets: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Each term of the loss on tensors; where noise is given, for each node that draws, it is not drawn."""
        return terms(self.graph, self.cells, self.variables, x, training=training, draws=draws, targets=targets)

    def differentiate(
        self,
        x: Tensor,
        training: bool,
        draws: Mapping[str, Tensor] = NOTHING,
        targets: Tensor | None = None,
        share: Tensor | None = None,
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Each term of the loss, and the gradient of the total by each trainable parameter, on tensors.

        Where the batch is a share of a larger one, the gradient is the share's of the total.
        """
        values = [variable.value for variable in self.trainable.values()]
        with tf.GradientTape() as tape:
            tape.watch(values)
            found = self.terms(x, training, draws, targets)
        return found, tape.gradient(found["total"], values, share, unconnected_gradients="zero")

    def _trace(self, x: Tensor, training: bool, draws: Mapping[str, Tensor] = NOTHING) -> dict[str, Tensor]:
        return compute(self.graph, self.cells, {INPUT: x}, training=training, draws=draws)

    def _reconstruct(self, x: Tensor, training: bool, draws: Mapping[str, Tensor]) -> Tensor:
        return self._trace(x, training)[self.graph.output.name]

    def _encode(self, x: Tensor, training: bool, draws: Mapping[str, Tensor]) -> Tensor:
        nodes = self.graph.block("encoder")
        return compute(nodes, self.cells, {INPUT: x}, training=training)[self.graph.code]

    def _decode(self, code: Tensor, training: bool, draws: Mapping[str, Tensor]) -> Tensor:
        nodes = self.graph.block("decoder")
        return compute(nodes, self.cells, {self.graph.code: code}, training=training)[self.graph.output.name]

    def _gradients(
        self, x: Tensor, training: bool, draws: Mapping[str, Tensor], targets: Tensor | None = None
    ) -> list[Tensor]:
        return self.differentiate(x, training, draws, targets)[1]

    def _run(
        self,
        name: str,
        function: Callable[..., Any],
        x: Array,
        training: bool = False,
        *,
        draws: Mapping[str, Array] | None = None,
        targets: Array | None = None,
        shape: Shape | None = None,
    ) -> Any:
        """A function of a batch, as one TensorFlow graph for batches of any size, without effects on the model."""
        key = name, training, draws is not None, targets is not None
        if key not in self._traced:

            def pure(batch: Tensor, noise: Mapping[str, Tensor], *answers: Tensor) -> Any:
                with keras.StatelessScope():
                    return function(batch, training, noise, *answers)

            spec = tf.TensorSpec((None, *(self.graph.input if shape is None else shape)), self.dtype)
            noise = {node: tf.TensorSpec((None, *self.graph[node].shape), self.dtype) for node in (draws or {})}
            target = self.graph.input if self.graph.target is None else self.graph.target
            answers = [] if targets is None else [tf.TensorSpec((None, *target), self.dtype)]
            self._traced[key] = tf.function(pure, autograph=False).get_concrete_function(spec, noise, *answers)
        given = {node: self._tensor(value) for node, value in (draws or {}).items()}
        return self._traced[key](self._tensor(x), given, *([] if targets is None else [self._tensor(targets)]))

    def _tensor(self, x: Array) -> Tensor:
        return tf.convert_to_tensor(np.asarray(x, self.dtype))
