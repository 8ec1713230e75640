"""aespec's Keras backend: a graph becomes a `keras.Model` of stock layers, on TensorFlow.

A native model needs Keras alone, and so does its ``.keras`` file, but for four things that stock layers can't say: a
tied kernel, a dilated transposed convolution, the penalty `kl_divergence`, and `time_distributed` over an unknown
number of steps around anything but a layer that works on the last axis by itself. A file that has one of these is
loaded after ``import aespec_keras``. ``keras.models.clone_model`` gives a tied model's clone kernels of its own.

A lowering of another package's kind is found under the entry point group ``aespec.lowerings``, name ``keras.<kind>``:

- of a layer, ``(layer, x: Shape, *, name: str, dtype: str) -> keras.layers.Layer``: the Keras layer for inputs of
  shape ``x``, with that name and dtype. Its ``weights`` are the parameters of the kind, in the kind's order and
  layout, each with the parameter's name in its path. If the kind can be tied, the layer whose ``kernel`` is to be
  used comes as ``source``. Several layers can be made one with `aespec_keras.layers.nested`.
- of an activation, ``(activation) -> function`` that Keras takes as ``activation=``, or `aespec_keras.functions.Apart`;
- of a loss, ``(loss, target, output, logits) -> scalar``, the logits None where the loss takes the output itself;
- of a regularizer, ``(regularizer) -> keras.regularizers.Regularizer``, summing over a batch;
- of an optimizer, ``(optimizer, **shared) -> keras.optimizers.Optimizer``, where ``shared`` is what Keras gives any
  optimizer: the learning rate, clipping, weight decay and moving average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.backend import Lowerings, Model, Team
from aespec.graph import Graph
from aespec.spec import Spec
from aespec_keras import functions, optimizers, plain, saving, weighted  # noqa: F401 (they fill the table)
from aespec_keras.cores import claim
from aespec_keras.framework import keras, tf
from aespec_keras.model import KerasModel
from aespec_keras.table import lowerings
from aespec_keras.team import strategy, team

if TYPE_CHECKING:
    from aespec.backend import Array
    from aespec.data.scaling import Scaling
    from aespec.importing import Archive, Found
    from aespec.plan import TrainingPlan

__all__ = ["KerasBackend", "KerasModel", "backend", "lowerings"]


class KerasBackend:
    """See `aespec.backend.Backend`."""

    name = "keras"
    lowerings: Lowerings = lowerings
    known_gaps: Mapping[str, str] = {}
    suffixes = (".keras",)

    def build(self, graph: Graph, *, seed: int = 0, dtype: str = "float32") -> KerasModel:
        """The model of a graph, with the initial weights that the core draws from the seed."""
        self.lowerings.require(graph.kinds())
        with strategy().scope():
            return KerasModel(graph, seed=seed, dtype=dtype)

    def eject(self, spec: Spec, graph: Graph, source: str, scaling: Scaling | None = None) -> str:
        """A file of Keras code; see `aespec.eject.Ejector`."""
        from aespec_keras.eject import eject

        return eject(spec, graph, source, scaling)

    def claim(self, graph: Graph, plan: TrainingPlan) -> None:
        """Give each operation of TensorFlow one thread, where training gains by it."""
        claim(graph, plan)

    def team(self) -> Team:
        """The processes of the cluster in ``TF_CONFIG``."""
        return team()

    def exchange(self, numbers: Sequence[float]) -> Array:
        """What each process of the cluster gave here, a row for each."""
        from aespec_keras.team import exchange

        return exchange(numbers)

    def lost(self, error: Exception) -> bool:
        """Whether an error means that another process of the cluster is gone."""
        from aespec_keras.team import lost

        return lost(error)

    def save(self, model: Model, folder: str | Path, about: Mapping[str, Any]) -> list[str]:
        """Write ``model.keras`` into a folder."""
        assert isinstance(model, KerasModel)
        saving.export(model, Path(folder) / "model.keras", about)
        return ["model.keras"]

    def export(self, model: Model, path: Path, about: Mapping[str, Any]) -> saving.Export:
        """Write a ``.keras`` file; see `aespec.converting.Exporter`."""
        assert isinstance(model, KerasModel)
        return saving.export(model, path, about)

    def plain(self, graph: Graph, weights: Mapping[str, Array]) -> tuple[Graph, dict[str, Array], list[str]]:
        """The graph in stock layers, and what is lost; see `aespec.converting.Plain`."""
        return saving.plain(graph, weights)

    def read(self, archive: Archive) -> Found:
        """What a ``.keras`` file holds; see `aespec.importing.Reader`."""
        from aespec_keras.reading import read

        return read(archive)

    def rerun(self, path: Path, x: Array) -> Array:
        """What the model of a file makes of a batch."""
        return saving.rerun(path, x)

    def versions(self) -> dict[str, str]:
        """The versions of Keras and TensorFlow."""
        return {"keras": keras.__version__, "tensorflow": tf.__version__}


backend = KerasBackend()
