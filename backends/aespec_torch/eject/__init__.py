"""A model as a file of PyTorch code, with nothing of aespec in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from aespec.code import Code, Template
from aespec.eject import header, rate, require, samples, scaling_code
from aespec.graph import Graph
from aespec.spec import Spec
from aespec_torch.eject import initializers, layers, optimizers, terms  # noqa: F401  (they fill the table)
from aespec_torch.eject.modules import Modules
from aespec_torch.eject.table import cells
from aespec_torch.eject.training import evaluation, objective, training

if TYPE_CHECKING:
    from aespec.data.scaling import Scaling

__all__ = ["eject"]

TEMPLATE = Template(Path(__file__).with_name("template.py"))


def eject(spec: Spec, graph: Graph, source: str, scaling: Scaling | None = None) -> str:
    """See `aespec.eject.Ejector`."""
    require(cells, graph)
    modules, plan = Modules(graph, TEMPLATE.has), spec.training
    usage = [
        "model = Autoencoder()",
        *(['load(model, "weights.safetensors")  # the weights of a run, or'] if graph.params else []),
        f"train(model, x)  # a float32 tensor {samples(spec, graph)}",
    ]
    scaled = scaling_code(
        spec, scaling, ".float()", "Tensor", "torch.tensor", beside=".to({}.device)", dtype=Code("torch.float64")
    )
    sections = [scaled, modules.code(), *modules.loading(), objective(modules), evaluation(plan), rate(plan)]
    head = header(spec, source, scaling, f"PyTorch {torch.__version__.partition('+')[0]}", usage)
    return TEMPLATE.file(head, *filter(None, sections), training(modules, plan))
