"""The ``.keras`` files that a Keras user loads: which of them need aespec, and how to write one that does not."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

import numpy as np

from aespec.activations import Linear
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph, Node
from aespec.layers.activation import Activation
from aespec.layers.conv import Conv1DTranspose, Conv2DTranspose
from aespec.rules import UnsupportedKind
from aespec_keras.framework import keras
from aespec_keras.layers import all_layers, stretch
from aespec_keras.model import KerasModel
from aespec_keras.table import lowerings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["ABOUT", "Export", "export", "plain", "rerun", "write"]


@dataclass(frozen=True)
class Export:
    """See `aespec.converting.Exported`."""

    needs: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def load(self) -> str:
        """Keras's own loading, after the import of what is needed."""
        first = "import aespec_keras; " if self.needs else ""
        return f'{first}model = keras.saving.load_model("{{path}}")'


NEEDS = "pip install 'aespec[keras]', and import aespec_keras before this is loaded"
"""What a file says to those who cannot load it."""


ABOUT = "aespec"
"""The entry of a file's metadata that says of what spec it is."""


def write(native: Any, path: Path, about: Mapping[str, Any]) -> None:
    """Write a ``.keras`` file, which says itself of what spec it is, and where it needs more than Keras."""
    with catch_warnings():
        filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # Keras 3.15 under NumPy 2
        native.save(path)
    foreign = list(dict.fromkeys(_foreign(native)))
    _tell(path, {ABOUT: about, **({"needs": NEEDS, "because": foreign} if foreign else {})})


def _tell(path: Path, said: Mapping[str, Any]) -> None:
    """Have a file say this in its metadata, and what it needs at each thing that Keras lacks, whose error prints it."""
    with TemporaryDirectory(dir=path.parent, prefix=".keras-") as folder:
        told = Path(folder) / path.name
        with zipfile.ZipFile(path) as before, zipfile.ZipFile(told, "w") as after:
            for member in before.infolist():
                with before.open(member) as source, after.open(member, "w") as target:
                    if member.filename == "metadata.json":
                        target.write(json.dumps({**json.load(source), **said}).encode())
                    elif member.filename == "config.json":
                        target.write(json.dumps(_telling(json.load(source))).encode())
                    else:
                        copyfileobj(source, target)
        told.replace(path)


def _telling(value: Any) -> Any:
    """The config of a model, whatever aespec has registered with Keras saying what it needs."""
    if isinstance(value, list):
        return [_telling(item) for item in value]
    if not isinstance(value, dict):
        return value
    ours = str(value.get("registered_name")).startswith("aespec>")
    return {**({"needs": NEEDS} if ours else {}), **{key: _telling(item) for key, item in value.items()}}


def export(model: KerasModel, path: Path, about: Mapping[str, Any]) -> Export:
    """Write a ``.keras`` file, frozen layers as such, and say which of its layers Keras has not and what is lost."""
    lost = []
    for node in model.graph:
        frozen = [short for short, param in node.params.items() if not param.trainable and _trains(node, short)]
        if frozen and not node.ties and not node.count(trainable=True):
            for layer in model.cells[node.name].layers:
                layer.trainable = False
        else:
            lost += [f"`{node.name}/{short}` is not frozen in it: Keras freezes layers" for short in frozen]
    write(model.native, path, about)
    return Export(tuple(dict.fromkeys(_foreign(model.native))), tuple(lost))


def rerun(path: Path, x: Array) -> Array:
    """What the model of a file makes of a batch."""
    values: Array = keras.ops.convert_to_numpy(keras.saving.load_model(path, compile=False)(x, training=False))
    return values


def plain(graph: Graph, weights: Mapping[str, Array]) -> tuple[Graph, dict[str, Array], list[str]]:
    """The graph in stock layers: its tied kernels written out, and those that a transposed convolution dilates.

    Raises:
        AespecError: Some layer cannot be said so.
    """
    values, lost = dict(weights), []
    nodes, trained = [], {name: param.trainable for name, param in graph.params.items()}
    for node in graph:
        frozen = [short for short in node.layer.params(node.input_shape) if not trained[node.parameter(short)]]
        for short, tie in node.ties.items():
            value = weights[tie.parameter]
            values[f"{node.name}/{short}"] = value.T.copy() if tie.transposed else value
            lost.append(
                f"`{node.name}` has a kernel of its own, equal to that of `{tie.parameter}`: training parts them"
            )
        if node.ties:
            frozen += [short for short, tie in node.ties.items() if not trained[tie.parameter]]
            node = _of(node, node.layer.tied(None), frozen)
        if isinstance(node.layer, Conv1DTranspose | Conv2DTranspose) and max(node.layer.dilation_rate) > 1:
            layer, name = node.layer, f"{node.name}/kernel"
            values[name] = np.asarray(stretch(values[name], layer.dilation_rate))
            same_values = {"kernel_size": layer.reach, "dilation_rate": (1,) * layer.rank}
            node = _of(node, layer.model_copy(update=same_values), frozen)
            lost.append(
                f"`{node.name}` has a kernel with zeros between its elements, not dilated: training changes them"
            )
        nodes.append(node)
    terms = []
    for term in graph.terms:
        if _stock(lowerings[term.regularizer](term.regularizer)):
            terms.append(term)
        else:
            lost.append(f"`{term.of}` has no penalty `{term.regularizer.kind}`: training does not ask for it")
    if steps := [node for node in nodes if _open(node)]:
        raise AespecError(
            *(
                Diagnostic(
                    UnsupportedKind,
                    f"`{node.name}` cannot be said in stock Keras layers",
                    wanted="a known number of steps",
                    got=f"`{node.layer}` over an unknown number",
                    help="convert without `--plain`; the file then needs `import aespec_keras`",
                )
                for node in steps
            )
        )
    return replace(graph, nodes=tuple(nodes), terms=tuple(terms)), values, lost


def _of(node: Node, layer: Any, frozen: Collection[str]) -> Node:
    """The node with another layer, its parameters all its own, those frozen that are."""
    params = {
        short: replace(param, trainable=param.trainable and short not in frozen)
        for short, param in layer.params(node.input_shape).items()
    }
    return replace(node, layer=layer, params=params, ties={})


def _trains(node: Node, short: str) -> bool:
    """Whether a parameter is one that is trained where it is not frozen."""
    return node.layer.params(node.input_shape)[short].trainable


def _open(node: Node) -> bool:
    if isinstance(node.layer, Activation):
        return False
    layer = node.layer.activated(Linear())  # the activation may be a layer of its own, and is a stock one
    made = lowerings[layer](layer, node.input_shape, name=node.short, dtype="float32")
    return not all(map(_stock, all_layers(made)))


def _stock(thing: Any) -> bool:
    return type(thing).__module__.startswith("keras.")


def _foreign(native: Any) -> Iterator[str]:
    """What Keras has not, a sentence for each layer."""
    for layer in (layer for block in native.layers for layer in all_layers(block)):
        if not _stock(layer):
            yield f"`{layer.name}` is a `{type(layer).__name__}`"
        penalty = getattr(layer, "activity_regularizer", None)
        if penalty is not None and not _stock(penalty):
            yield f"`{layer.name}` has a `{type(penalty).__name__}`"
