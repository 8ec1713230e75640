"""Lints about layers and what stands beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import prod

from aespec.activations import Linear, Selu
from aespec.diagnostics import Diagnostic, Place, show
from aespec.fixes import SetField
from aespec.graph import Graph, Node
from aespec.initializers import Initializer, LecunNormal, LecunUniform, VarianceScaling
from aespec.layers.activation import Activation as ActivationLayer
from aespec.layers.arrange import Reshape
from aespec.layers.base import Weighted
from aespec.layers.noise import Dropout
from aespec.layers.normalization import BatchNormalization, LayerNormalization
from aespec.layers.pool import Pooling
from aespec.layers.resize import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from aespec.lints.base import Lint, disturbs, loc_of, place_of, value_before, written
from aespec.shapes import channels_last, counted, show_shape
from aespec.source.file import is_json
from aespec.spec import Spec

__all__ = [
    "BiasBeforeNormalization",
    "ChannelsFirst",
    "CroppedMirror",
    "LostBorder",
    "NothingTrained",
    "SeluDropout",
    "SeluNormalized",
    "SeluStart",
    "TiedScales",
]


class SeluStart(Lint):
    """A selu whose weights do not start as selu wants them.

    Selu's two constants are computed such that values keep a mean of 0 and a variance of 1 from layer to layer, for
    weights of mean 0 and variance 1 / fan-in: `lecun_normal`. `glorot_uniform`, the default, has that variance only
    where a layer is as wide as its input. In a model of a few layers the difference is small, in a deep one it decides
    whether training starts. (Klambauer, Unterthiner, Mayr and Hochreiter, Self-Normalizing Neural Networks, 2017)
    """

    code = "W201"
    bad = """
input: [8]
encoder:
  - dense: {units: 5, activation: selu}
  - dense: 3
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - dense: {units: 5, activation: selu, kernel_initializer: lecun_normal}
  - dense: 3
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each layer that goes through a selu."""
        nodes = written(graph)
        for node, following in zip(nodes, [*nodes[1:], None], strict=True):
            layer = node.layer.innermost
            if not isinstance(layer, Weighted) or node.ties or _is_lecun(start := layer.kernel_initializer):
                continue
            if _is_selu(node) or (_is_linear(node) and following and _is_selu_alone(following)):
                yield Diagnostic(
                    cls,
                    f"`{node.name}` ends in a selu, and its weights do not start as selu wants them",
                    place_of(spec, node, "kernel_initializer", "activation"),
                    wanted="`lecun_normal`, of variance 1 / fan-in",
                    got=f"`{start.kind}`",
                    help="state `kernel_initializer: lecun_normal`",
                )


class SeluNormalized(Lint):
    """A selu beside a normalization.

    Selu is there to keep a mean of 0 and a variance of 1 without normalization. A `batch_normalization` or a
    `layer_normalization` of its values, or right before it, does the same by force, with other means at each step, and
    what selu was chosen for is lost. Take one of the two: selu without it, or relu or elu with it.
    (Klambauer, Unterthiner, Mayr and Hochreiter, Self-Normalizing Neural Networks, 2017)
    """

    code = "W202"
    bad = """
input: [8]
encoder:
  - dense: {units: 5, activation: selu, kernel_initializer: lecun_normal}
  - batch_normalization
  - dense: 3
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - dense: {units: 5, activation: relu}
  - batch_normalization
  - dense: 3
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each normalization beside its neighbours."""
        nodes = written(graph)
        for node, following in zip(nodes, [*nodes[1:], None], strict=True):
            if not isinstance(node.layer.innermost, BatchNormalization | LayerNormalization):
                continue
            before = value_before(graph, node)
            selu = before if before and _is_selu(before) else following
            if selu and (selu is before or _is_selu_alone(selu)):
                yield Diagnostic(
                    cls,
                    f"`{node.name}` normalizes what the selu of `{selu.name}` keeps normal by itself",
                    spec.place(node.place, key=True),
                    wanted="a selu or a normalization",
                    got="both",
                    help=f"remove `{node.layer.innermost.kind}`, or use another activation, such as `relu`",
                )


class SeluDropout(Lint):
    """Dropout before or after a selu.

    Dropout sets values to zero and enlarges the others, which keeps their sum. Selu's values have a mean of 0 and a
    variance of 1, which the layers after it count on, and dropout changes the variance: the further a selu is on the
    negative side, the further zero is from its end. A selu behind dropout gets what it was not made for as well. Noise
    on the input, which the model is to take out, is another thing: nothing is said of it. The authors of selu give a
    dropout of its own, to be had in no backend here. (Klambauer, Unterthiner, Mayr and Hochreiter, Self-Normalizing
    Neural Networks, 2017)
    """

    code = "W203"
    bad = """
input: [8]
encoder:
  - dense: {units: 5, activation: selu, kernel_initializer: lecun_normal}
  - dropout: 0.2
  - dense: 3
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - dense: {units: 5, activation: relu}
  - dropout: 0.2
  - dense: 3
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each dropout of what was computed beside the selu that it takes, or that takes it."""
        for node in written(graph):
            before, after = value_before(graph, node), _activation_after(graph, node)
            if not isinstance(node.layer.innermost, Dropout) or not disturbs(node) or before is None:
                continue
            selu = next((each for each in (before, after) if each and _is_selu(each)), None)
            if selu:
                order = "after" if selu is before else "before"
                yield Diagnostic(
                    cls,
                    f"`{node.name}` changes the variance that the selu of `{selu.name}` is there to keep",
                    spec.place(node.place, key=True),
                    wanted="a selu without dropout, or dropout beside another activation",
                    got=f"`dropout` {order} `selu`",
                    help="remove the dropout, or use another activation, such as `relu`",
                )


class BiasBeforeNormalization(Lint):
    """A bias that a batch normalization takes away again.

    A `batch_normalization` subtracts the mean of each channel, and with it whatever constant was added before; its own
    beta is the bias. One in the linear layer right before it is trained for nothing. `use_bias: false` leaves a model
    that computes the same with fewer parameters. `aespec validate --fix` states it.

    The layer that mirrors it has a bias all the same: a `decoder: mirror` leaves the normalization out.
    """

    code = "W204"
    bad = """
input: [8]
encoder:
  - dense: 5
  - batch_normalization
  - activation: relu
  - dense: 3
decoder:
  - dense: 8
"""
    good = """
input: [8]
encoder:
  - dense: {units: 5, use_bias: false}
  - batch_normalization
  - activation: relu
  - dense: 3
decoder:
  - dense: 8
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each batch normalization beside the layer before it."""
        found: dict[Place | None, list[Node]] = defaultdict(list)
        for node, following in zip(graph, graph.nodes[1:], strict=False):
            if node.block == following.block and _is_shifted_in_vain(node, following):
                found[place_of(spec, node, "use_bias")].append(node)
        for place, nodes in found.items():
            node, stated = nodes[0], _about_bias(nodes[0])
            yield Diagnostic(
                cls,
                f"the bias of `{node.name}` is subtracted again by the batch normalization after it",
                place,
                wanted="`use_bias: false`",
                got="a bias of " + counted(node.params["bias"].size, "number"),
                help="state `use_bias: false`" + (f", and leave `{stated}` out" if stated else ""),
                fix=None if stated else _without_bias(spec, nodes),
            )


class ChannelsFirst(Lint):
    """An input whose channels seem to stand first.

    An image is `[height, width, channels]` here and a series `[steps, features]`, as in Keras; PyTorch's layers take
    channels first. `conv2d` on `input: [3, 32, 32]` slides over 3 rows and 32 columns of 32 channels, and `conv1d` on
    `[6, 128]` over 6 steps; of a series nothing is said below a dozen times as many features as steps. Data that is
    saved with its channels first is turned by `numpy.moveaxis(x, 1, -1)`.
    """

    code = "W210"
    bad = """
input: [3, 16, 16]
encoder:
  - conv2d: {filters: 2, kernel_size: 3, padding: same}
decoder: mirror
"""
    good = """
input: [16, 16, 3]
encoder:
  - conv2d: {filters: 2, kernel_size: 3, padding: same}
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The input, beside the first layer that slides over it."""
        if (node := _turned(graph)) and (meant := channels_last(node.input_shape)):
            axes = "row" if len(meant) == 3 else "step"
            made = next((each for each in written(graph) if isinstance(each.layer, Reshape)), None)
            place = spec.place(("input", "shape"))
            short = place == spec.place(("input",))
            field = "reshape" if made else "input" if short else "shape"
            turned = "" if made else ", and save the data so: `numpy.moveaxis(x, 1, -1)`"
            yield Diagnostic(
                cls,
                f"`{node.name}` slides over {counted(meant[-1] or 0, axes)}: the channels seem to stand first",
                place_of(spec, made, "shape") if made else place,
                wanted=f"channels last: `{show([*meant])}`",
                got=f"`{show([*node.input_shape])}`",
                help=f"write `{field}: {show([*meant])}`{turned}",
            )


def _turned(graph: Graph) -> Node | None:
    """The first layer that slides over an input whose channels seem to stand first, by more than one of them."""
    given = graph.input
    for node in written(graph):
        if isinstance(node.layer, Reshape) and node.input_shape == graph.input:
            given = node.shape
        elif node.input_shape != given:
            return None
        elif node.layer.window and len(node.layer.window) == len(given) - 1:
            return node if node.layer.window[0] > 1 and channels_last(given) else None
    return None


class LostBorder(Lint):
    """A mirror that has to make up a border.

    A window that does not fit any more is left out: `max_pool2d: 2` of 5 rows makes 2 and never looks at the fifth, and
    so does a convolution with strides and `padding: valid`. The mirror brings the length back and has nothing to put
    there, so it writes zeros, or what a bias alone gives: the same for every sample. With `padding: same` the last
    window reaches beyond the end, and nothing is left out; of a length that the strides divide, nothing is made up and
    nothing cropped (W208).
    """

    code = "W205"
    bad = """
input: [5, 5, 1]
encoder:
  - max_pool2d: 2
  - conv2d: {filters: 2, kernel_size: 2}
decoder: mirror
"""
    good = """
input: [5, 5, 1]
encoder:
  - zero_padding2d: [[0, 1], [0, 1]]
  - max_pool2d: {pool_size: 2, padding: same}
  - conv2d: {filters: 2, kernel_size: 2}
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each layer of the mirror beside what it undoes."""
        if _turned(graph):
            return
        for node, undone, source in _undoing(graph, "valid"):
            if count := _made_up(node):
                place = place_of(spec, source, "padding")
                yield Diagnostic(
                    cls,
                    f"the mirror of `{source.name}` makes up {counted(count, 'position')} at the end of an axis",
                    place,
                    wanted="windows that reach every position: `padding: same`",
                    got=f"`padding: valid`, {show_shape(source.input_shape)} -> {show_shape(source.shape)}",
                    help=_back_to_length(undone, place),
                )


class CroppedMirror(Lint):
    """A mirror that makes more than there was, and crops it.

    With a stride of 2, `padding: same` makes 3 positions of 5: the last window reaches beyond the end, and half of what
    it sees is padding. The mirror makes 6 of the 3 and crops one, so what the decoder writes there is thrown away.
    Nothing of the data is lost, and where its size is given this is often as good as it gets: then say so with
    `# aespec: ignore[W208]`. A length that the strides divide needs no cropping, and padding in front of the layer,
    which the mirror takes off again, makes it such a one where everybody can see it.
    """

    code = "W208"
    bad = """
input: [5, 5, 1]
encoder:
  - max_pool2d: {pool_size: 2, padding: same}
  - conv2d: {filters: 2, kernel_size: 2}
decoder: mirror
"""
    good = """
input: [6, 6, 1]
encoder:
  - max_pool2d: {pool_size: 2, padding: same}
  - conv2d: {filters: 2, kernel_size: 2}
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each cropping of the mirror beside the layer with windows that it undoes."""
        if _turned(graph):
            return
        for node, undone, source in _undoing(graph, "same", "valid"):
            if isinstance(layer := node.layer.innermost, Cropping1D | Cropping2D):
                count, place = max(sum(margin) for margin in layer.cropping), place_of(spec, source, "padding")
                ignore = (
                    "`aespec validate --ignore W208`" if place and is_json(place.name) else "`# aespec: ignore[W208]`"
                )
                mend = _back_to_length(undone, place)
                yield Diagnostic(
                    cls,
                    f"the mirror of `{source.name}` has to crop {counted(count, 'position')} of an axis",
                    place,
                    wanted="lengths that come back as they were",
                    got=f"{show_shape(undone[0].input_shape)} -> {show_shape(source.shape)}, and back to "
                    f"{show_shape(node.input_shape)}",
                    help=f"{mend}{', or ' if mend else ''}take it as it is: {ignore}",
                )


class TiedScales(Lint):
    """A tied kernel between values of different scales.

    A tied layer uses the encoder's kernel transposed, at the encoder's scale. Between activations of one kind that
    fits. Where the encoder's layer ends in a sigmoid or a tanh, whose values stay within 1, and the tied one has to
    give values without bounds (or the other way round), one of them is served badly: a kernel large enough to reach
    large values drives the sigmoid into saturation. The layer that makes the reconstruction is free: the loss decides
    it.
    """

    code = "W206"
    bad = """
input: [8]
encoder:
  - dense: {units: 5, activation: relu}
  - dense: {units: 3, activation: sigmoid}
decoder:
  mirror: {tie_weights: true}
"""
    good = """
input: [8]
encoder:
  - dense: {units: 5, activation: sigmoid}
  - dense: {units: 3, activation: sigmoid}
decoder:
  mirror: {tie_weights: true}
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each tied layer, but the last with weights, beside the one that stores its kernel."""
        weighted = [node for node in graph if node.params or node.ties]
        for node in weighted[:-1]:
            for tie in node.ties.values():
                source = graph[tie.parameter.rpartition("/")[0]]
                ends = [each.layer.output_activation for each in (source, node)]
                if None in ends or _is_squashed(source) == _is_squashed(node):
                    continue
                there, here = (end.kind for end in ends if end)
                yield Diagnostic(
                    cls,
                    f"`{node.name}` ends in `{here}` with the kernel of `{source.name}`, which ends in `{there}`",
                    place_of(spec, *((node, "tied_to") if len(node.place) > 1 else (source, "activation"))),
                    wanted="both bounded, or neither",
                    got=f"`{there}` and `{here}`",
                    help="use activations of one kind in the layers that are tied, or do not tie them",
                )


class NothingTrained(Lint):
    """A model with nothing to train.

    Layers without weights, such as `flatten` and `max_pool2d`, compute what they always do, and what `freeze` names
    keeps the values that it has. A model of those alone can be built and used, for example with weights of another run;
    `aespec train` refuses it.
    """

    code = "W207"
    bad = """
input: [8]
encoder: [dense: 3]
decoder: mirror
training:
  freeze: [encoder, decoder]
"""
    good = """
input: [8]
encoder: [dense: 3]
decoder: mirror
training:
  freeze: encoder
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """All parameters together."""
        if why := graph.untrained:
            yield Diagnostic(
                cls,
                "the model has nothing to train",
                spec.place(("training", "freeze") if spec.training.freeze else ("encoder",), key=True),
                wanted="at least one trained parameter",
                got=why[0],
                help=why[1],
            )


def _is_lecun(start: Initializer) -> bool:
    if isinstance(start, VarianceScaling):
        return start.scale == 1.0 and start.mode == "fan_in"
    return isinstance(start, LecunNormal | LecunUniform)


def _is_selu(node: Node) -> bool:
    return isinstance(node.layer.output_activation, Selu)


def _activation_after(graph: Graph, node: Node) -> Node | None:
    """The next node that is more than a map that adds and multiplies, or moves values."""
    following = list(graph)[list(graph).index(node) + 1 :]
    return next((each for each in following if not _is_linear(each) and not each.layer.innermost.moves_only), None)


def _is_linear(node: Node) -> bool:
    return isinstance(node.layer.output_activation, Linear)


def _is_selu_alone(node: Node) -> bool:
    return isinstance(node.layer.innermost, ActivationLayer) and _is_selu(node)


def _is_squashed(node: Node) -> bool:
    """Whether the values stay within 1, as those of a sigmoid and a tanh do."""
    activation = node.layer.output_activation
    return activation is not None and max(map(abs, activation.reach)) <= 1


def _is_shifted_in_vain(node: Node, following: Node) -> bool:
    layer = node.layer.innermost
    biased = isinstance(layer, Weighted) and layer.use_bias and layer.activity_regularizer is None
    return biased and node.is_centered_by(following) and not following.settled


def _without_bias(spec: Spec, nodes: list[Node]) -> SetField | None:
    """What states of layers that are written in one place that they have no bias, where that speaks of no other."""
    key, main = spec.place(loc_of(nodes[0], "use_bias"), key=True), nodes[0].layer.innermost.main
    if spec.source is None or key is None or key.name != spec.source.name:
        return None
    alike = list(spec.source.keys.values()).count(key)
    return SetField(key, main, "use_bias", False) if alike == len(nodes) else None


def _about_bias(node: Node) -> str | None:
    """A field that is stated of a layer's bias."""
    layer = node.layer.innermost
    fields = ("bias_initializer", "bias_regularizer")
    return next((name for name in fields if getattr(layer, name) != type(layer).model_fields[name].default), None)


def _padding(node: Node) -> object:
    return getattr(node.layer.innermost, "padding", None)


def _undoing(graph: Graph, *paddings: str) -> Iterator[tuple[Node, list[Node], Node]]:
    """Each layer of a mirror, all that it undoes, and the last of these whose windows are padded in such a way."""
    for node in graph:
        undone = [graph[name] for name in node.undoes]
        for source in [each for each in undone if _padding(each) in paddings][-1:]:
            yield node, undone, source


def _back_to_length(undone: list[Node], place: Place | None) -> str:
    """How to have the lengths come back that layers with windows take together, if there is a way."""
    ways = ["state `padding: same`"] if any(_padding(node) == "valid" for node in undone) else []
    layers = [node.layer.innermost for node in undone]
    steps = [layer.steps if isinstance(layer, Pooling) else getattr(layer, "strides", ()) for layer in layers]
    lengths = undone[0].input_shape[:-1]
    known = len({len(lengths), *map(len, steps)}) == 1 and None not in lengths
    strides = [prod(each) for each in zip(*steps, strict=True)] if known else []
    margins = [[0, -(length or 0) % stride] for length, stride in zip(lengths, strides, strict=False)]
    if any(last for _, last in margins) and not (place and place.turns):  # a turn of `repeat` has no line of its own
        ways.append(f"put `- zero_padding{len(margins)}d: {margins}` before `{undone[0].name}`")
    return ", and ".join(ways)


def _made_up(node: Node) -> int:
    """How many positions at the end of an axis a layer fills with what does not depend on its input."""
    layer = node.layer.innermost
    if isinstance(layer, ZeroPadding1D | ZeroPadding2D):
        return max(sum(margin) for margin in layer.padding)
    return max(getattr(layer, "output_padding", (0,)))
