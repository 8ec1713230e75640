"""The lint about outputs that a transposed convolution leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph, Node
from aespec.layers.base import Layer
from aespec.layers.conv import Conv1DTranspose, Conv2DTranspose
from aespec.lints.base import Lint, place_of, written
from aespec.lints.layers import CroppedMirror, LostBorder
from aespec.passes import compile
from aespec.spec import Spec

__all__ = ["UnreachedOutput"]

Fields = dict[str, object]
"""Fields of a layer, to be stated otherwise."""


class UnreachedOutput(Lint):
    """A transposed convolution that leaves holes.

    It lays its kernel down once for each position that it is given, `strides` apart. A kernel shorter than that does
    not reach the next one: what lies between has the bias alone, the same for every sample, and no training changes
    that. In a mirror the stride is that of the convolution times that of the pooling after it, which one transposed
    convolution undoes together: a convolution of 3 with strides of 2 and `max_pool2d: 2` give kernels of 3, one every
    4. A kernel as long as that leaves nothing out. A layer behind it that mixes positions, such as another convolution,
    can cover the holes; then nothing is said.
    """

    code = "W209"
    bad = """
input: [8, 8, 1]
encoder:
  - conv2d: {filters: 2, kernel_size: 3, strides: 2, padding: same}
  - max_pool2d: 2
decoder: mirror
"""
    good = """
input: [8, 8, 1]
encoder:
  - conv2d: {filters: 2, kernel_size: 4, strides: 2, padding: same}
  - max_pool2d: 2
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each layer whose holes are still there in the output."""
        for node, layer in _hollow(graph):
            from aespec.lints.reach import unreached  # NumPy is heavy, and few specs need it

            stated, times = _stated(graph, node), " times those of ".join(f"`{name}`" for name in node.undoes)
            what = f"the mirror of `{stated[0].name}`" if node.undoes else f"`{node.name}`"
            yield Diagnostic(
                cls,
                f"{what} leaves holes: nothing reaches {unreached(graph, graph.code):.2%} of the output",
                place_of(spec, stated[0], "kernel_size"),
                wanted="kernels that reach each other: a `kernel_size` of at least the stride",
                got=f"kernels of {_axes(layer.kernel_size)}, one every {_axes(layer.strides)}"
                + (f", the strides of {times}" if len(node.undoes) > 1 else ""),
                help=_help(spec, graph, stated, _wide(layer)),
            )


def _hollow(graph: Graph) -> Iterator[tuple[Node, Conv1DTranspose | Conv2DTranspose]]:
    """Each node of the decoder whose holes are still there in the output, and its layer."""
    for node in graph.block("decoder"):
        layer = node.layer.innermost
        if isinstance(layer, Conv1DTranspose | Conv2DTranspose) and _wide(layer) != layer.kernel_size:
            from aespec.lints.reach import unreached

            if unreached(graph, node.inputs[0]) > unreached(graph, node.name):
                yield node, layer


def _wide(layer: Conv1DTranspose | Conv2DTranspose) -> tuple[int, ...]:
    """The smallest kernel, not smaller than a layer has on any axis, that leaves nothing out."""
    return tuple(map(max, layer.kernel_size, layer.strides))


def _stated(graph: Graph, node: Node) -> list[Node]:
    """The layers that state how large the kernel of a node is, which is itself where no mirror made it."""
    sources = [tie.parameter.rpartition("/")[0] for tie in node.ties.values()]
    return [graph[name] for name in node.undoes[:1]] or [node, *(graph[name] for name in sources)]


def _help(spec: Spec, graph: Graph, stated: list[Node], wide: tuple[int, ...]) -> str:
    """How these layers come to a kernel that is so wide, by a way from which nothing else comes if there is one."""
    valid = stated[0].block == "encoder" and getattr(stated[0].layer.innermost, "padding", None) == "valid"
    ways: list[Fields] = [{"kernel_size": wide}]
    if valid:
        ways.append({"kernel_size": wide, "padding": "same"})
    fields, price = min((_priced(spec, graph, stated, way) for way in ways), key=lambda priced: priced[1])
    what = " and ".join(f"`{name}: {_axes(value)}`" for name, value in fields.items())
    where = " and ".join(f"`{each.name}`" for each in stated)
    return f"state {what} at {where}" + (", and change the shapes that depend on it" if price == inf else "")


def _priced(spec: Spec, graph: Graph, stated: list[Node], fields: Fields) -> tuple[Fields, float]:
    """What to state there, and how many lints find something then that found nothing before.

    That is without end where the layers do not fit together then. Where lengths change such that the mirror undoes a
    pooling in the same layer, which it did not before, the kernel has to be wider still.
    """
    changed = _restated(spec, graph, stated, fields)
    try:
        after = compile(changed)
    except AespecError:
        return fields, inf
    for node, layer in _hollow(after):
        if _stated(after, node)[0].name == stated[0].name:
            return _priced(spec, graph, stated, {**fields, "kernel_size": _wide(layer)})
    lints = (LostBorder, CroppedMirror)
    return fields, sum(any(lint.check(changed, after)) and not any(lint.check(spec, graph)) for lint in lints)


def _restated(spec: Spec, graph: Graph, nodes: list[Node], fields: Fields) -> Spec:
    """A spec in which these layers, and those that the same text states, have other fields."""
    places = {place_of(spec, node, "kernel_size") for node in nodes} - {None}
    blocks: dict[str, list[Layer]] = {
        name: list(layers)
        for name, layers in (("encoder", spec.encoder), ("decoder", spec.decoder))
        if isinstance(layers, tuple)
    }
    for node in written(graph):
        sized = hasattr(node.layer.innermost, "kernel_size")
        if node in nodes or (sized and place_of(spec, node, "kernel_size") in places):
            layers, i = blocks[str(node.place[0])], int(node.place[1])
            layers[i] = _with(layers[i], fields)
    return spec.model_copy(update={name: tuple(layers) for name, layers in blocks.items()})


def _with(layer: Layer, fields: Fields) -> Layer:
    """A layer with other fields, or with another layer in it that has them."""
    inner = getattr(layer, "layer", None)
    return layer.model_copy(update={"layer": _with(inner, fields)} if isinstance(inner, Layer) else fields)


def _axes(value: object) -> object:
    """What is stated for each axis, as short as a spec can."""
    if not isinstance(value, tuple):
        return value
    return value[0] if len(set(value)) == 1 else list(value)
