"""The PyTorch backend: a graph becomes an ``nn.Module`` of stock modules wherever torch has them.

A lowering of a layer is ``(layer, x) -> module``: the layer's fields and the shape of its input, without the batch
axis, to a module that takes and gives tensors of the layer's shapes, the batch axis first and channels last. Its
parameters and buffers have the names and the layout of `Layer.params`::

    @lowerings(Scale)
    def _scale(layer: Scale, x: Shape) -> nn.Module:
        return ScaleModule(x[-1])  # whose parameter `factor` is of shape (x[-1],)

Where torch's own module stores them under other names or transposed, the lowering gives a `Lowered`, the module with
a `Layout` for each parameter::

    @lowerings(Dense)
    def _dense(layer: Dense, x: Shape) -> Lowered:
        module = nn.Linear(x[-1], layer.units)
        return Lowered(module, {"kernel": permuted("weight", 1, 0), "bias": as_it_is("bias")})

An activation that a spec chooses is not the lowering's business: it is given the layer with a linear one, and the
activation follows as a module of its own. A layer that wraps another calls `lower` for it. Modules draw noise in
training from torch's global generator, as torch's own do. A layer with a `latent` term of the loss gives a module
with the methods of `Latent`.

An activation's lowering is ``(activation) -> module``, an optimizer's ``(optimizer) ->
aespec_torch.optimizers.Step``. Those of losses and regularizers are described in `aespec_torch.losses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from aespec.backend import Model, Team
from aespec.graph import Graph
from aespec.spec import Spec
from aespec_torch import activations, layers, losses, optimizers, saving  # noqa: F401  (they fill the tables)
from aespec_torch.model import TorchModel
from aespec_torch.table import (
    Latent,
    Layout,
    Lowered,
    as_it_is,
    from_logits,
    in_training,
    lower,
    lowerings,
    permuted,
)

if TYPE_CHECKING:
    from aespec.backend import Array
    from aespec.data.scaling import Scaling
    from aespec.importing import Archive, Found

__all__ = [
    "Latent",
    "Layout",
    "Lowered",
    "as_it_is",
    "backend",
    "from_logits",
    "in_training",
    "lower",
    "lowerings",
    "permuted",
]


class TorchBackend:
    """PyTorch as an `aespec.backend.Backend`."""

    name = "torch"
    lowerings = lowerings
    known_gaps: dict[str, str] = {}  # noqa: RUF012  (never changed)
    suffixes = saving.SUFFIXES

    def build(self, graph: Graph, *, seed: int = 0, dtype: str = "float32") -> TorchModel:
        """The model of a graph.

        Raises:
            AespecError: A kind has no lowering.
        """
        self.lowerings.require(graph.kinds())
        return TorchModel(graph, seed, dtype)

    def save(self, model: Model, folder: Any, about: Mapping[str, Any]) -> list[str]:
        """Write the native model for use without aespec; see `aespec_torch.saving.save`."""
        assert isinstance(model, TorchModel)
        return saving.save(model, Path(folder), about)

    def export(self, model: Model, path: Path, about: Mapping[str, Any]) -> saving.Files:
        """Write a program and a ``state_dict``; see `aespec.converting.Exporter`."""
        assert isinstance(model, TorchModel)
        return saving.write(model, path, about)

    def read(self, archive: Archive) -> Found:
        """What a ``.pt2`` file holds; see `aespec.importing.Reader`."""
        from aespec_torch.reading import read

        return read(archive)

    def rerun(self, path: Path, x: Array) -> Array:
        """What the program of a file makes of a batch."""
        return saving.rerun(path, x)

    def eject(self, spec: Spec, graph: Graph, source: str, scaling: Scaling | None = None) -> str:
        """A file of PyTorch code; see `aespec.eject.Ejector`."""
        from aespec_torch.eject import eject

        return eject(spec, graph, source, scaling)

    def team(self) -> Team:
        """The processes that ``torchrun`` has started."""
        from aespec_torch.team import team

        return team()

    def exchange(self, numbers: Sequence[float]) -> Array:
        """What each process of the team gave here, a row for each."""
        from aespec_torch.team import exchange

        return exchange(numbers)

    def lost(self, error: Exception) -> bool:
        """Whether an error means that another process of the team is gone."""
        from aespec_torch.team import lost

        return lost(error)

    def versions(self) -> dict[str, str]:
        """The version of PyTorch."""
        return {"torch": torch.__version__}


backend = TorchBackend()
