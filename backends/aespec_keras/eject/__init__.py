"""A model as a file of Keras code, with nothing of aespec in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aespec.code import Template
from aespec.eject import header, rate, require, samples, scaling_code
from aespec.graph import Graph
from aespec.spec import Spec
from aespec_keras.eject import layers, terms  # noqa: F401  (they fill the table)
from aespec_keras.eject.model import Blocks
from aespec_keras.eject.table import cells
from aespec_keras.eject.training import compiling, training
from aespec_keras.framework import keras, tf

if TYPE_CHECKING:
    from aespec.data.scaling import Scaling

__all__ = ["eject"]

TEMPLATE = Template(Path(__file__).with_name("template.py"))


def eject(spec: Spec, graph: Graph, source: str, scaling: Scaling | None = None) -> str:
    """See `aespec.eject.Ejector`."""
    require(cells, graph)
    blocks, plan = Blocks(graph, TEMPLATE.has), spec.training
    usage = [
        "model = build()",
        *(['load(model, "weights.safetensors")  # the weights of a run, or'] if graph.params else []),
        f"train(model, x)  # a float32 array {samples(spec, graph)}",
    ]
    versions = f"Keras {keras.__version__} on TensorFlow {tf.__version__}"
    scaled = scaling_code(spec, scaling, '.astype("float32")', "", "np.array")
    sections = [scaled, blocks.code(), *blocks.loading(), *compiling(blocks, plan), rate(plan)]
    return TEMPLATE.file(
        header(spec, source, scaling, versions, usage), *filter(None, sections), training(blocks, plan)
    )
