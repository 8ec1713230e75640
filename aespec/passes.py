"""The passes: from a spec to a graph, one plain function each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from pydantic import ValidationError

from aespec.activations import Activation, Softmax
from aespec.chain import chain, fault, has_kernel_for, may_tie, tie_place, unflattened
from aespec.diagnostics import AespecError, Diagnostic, Place, in_order, nearest
from aespec.fieldnames import MANY
from aespec.graph import INPUT, Graph, Node, Term
from aespec.holes import Hole
from aespec.layers.activation import Activation as ActivationLayer
from aespec.layers.arrange import Flatten
from aespec.layers.base import Layer
from aespec.layers.dense import Dense
from aespec.losses import CategoricalCrossentropy, natural
from aespec.outline import outline
from aespec.plan import TrainingPlan
from aespec.rules import BadRegularizer, BadTie, DuplicateName, ModelTooLarge, NoMirror, OutputMismatch, ShapeMismatch
from aespec.shapes import Shape, ShapeError, elements, fill, show_shape
from aespec.source.override import Override
from aespec.source.text import LOST
from aespec.spec import Mirror, Spec, load
from aespec.stages import by_number, freeze, occupy, phase, undoing
from aespec.steps import Step, is_nameless, kind_of, names_of, written

__all__ = [
    "Limits",
    "classify",
    "close",
    "compile",
    "decode",
    "encode",
    "head",
    "limit",
    "mirror",
    "names",
    "outlined",
    "read",
    "regularize",
    "scale",
]


@dataclass(frozen=True)
class Limits:
    """Beyond what a model is refused, before anything is allocated."""

    parameters: int = 100_000_000
    """Stored parameters, in numbers (400 MB in float32, four times that in training)."""
    activations: int = 20_000_000
    """Values of all nodes together, for one sample."""


Check = Callable[[Graph, Spec, Limits], Graph]
"""What refuses a graph that is wrong, or gives it with what is added to it."""


def read(
    path: str | PathLike[str],
    overrides: Sequence[Override] = (),
    limits: Limits | None = None,
    *,
    text: str | None = None,
) -> tuple[Spec, Graph]:
    """The spec that a file holds, or that a text is which stands for it, and its graph.

    Raises:
        AespecError: Something is wrong with the file, its fields or the way its layers fit; all problems are in it.
    """
    problems: list[Diagnostic] = []
    spec = load(path, overrides, problems, text=text)
    return spec, compile(spec, limits, problems)


def compile(spec: Spec, limits: Limits | None = None, problems: Sequence[Diagnostic] = ()) -> Graph:
    """The graph of a spec.

    Args:
        spec: The spec.
        limits: Sizes beyond which a model is refused.
        problems: What was wrong with the spec already, to be told with what is found here.

    Raises:
        AespecError: The layers do not fit together, or the model is beyond the limits; all problems are in it.
    """
    found = [*problems]
    graph, encoded, code = encode(spec, found)
    graph, whole = decode(graph, encoded, code, spec, found)
    found += names(spec, graph)
    planned = [freeze, undoing, phase, occupy] if whole else [outlined, undoing]
    checks = [*([close] if whole else []), scale, regularize, *planned, head, limit]
    graph = _checked(graph, spec, checks, limits or Limits(), found)
    lost = {spec.place(loc) for loc in spec.source.spoilt if spec.source.value(loc) == LOST} if spec.source else set()
    found = [*problems, *(each for each in found[len(problems) :] if each.place is None or each.place not in lost)]
    if found:
        raise AespecError(*in_order(_each_once(found)))
    return graph


def _each_once(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Of what is wrong in several turns of a `repeat`, the first."""
    told = set()
    for each in found:
        turned = each.place is not None and each.place.turns
        at = (
            (each.rule, each.place.position) if each.place and turned and each.rule in (BadTie, ShapeMismatch) else None
        )
        if at is None or at not in told:
            yield each
        told.add(at)


def classify(spec: Spec, classes: int, plan: TrainingPlan, limits: Limits | None = None) -> Graph:
    """The graph of a classifier: the encoder of a spec that is right, and in the decoder's place a head.

    The output has a probability for each class, and is compared with a target that has 1 for the right one. A Gaussian
    code is its mean, in training too, and adds no divergence to the loss. Of ``freeze`` at a layer, that in the head
    counts: what of the encoder is trained is up to the plan.

    Args:
        spec: The spec.
        classes: The number of classes.
        plan: How the classifier will be trained, of which ``freeze`` decides what is.
        limits: Sizes beyond which a model is refused.

    Raises:
        AespecError: The head does not fit on the code, or the model is beyond the limits.
    """
    spec = spec.model_copy(update={"training": plan})
    graph = _classifier(spec, classes, [regularize, freeze, limit], limits or Limits())
    latent = [term for term in graph.terms if term.target == "latent"]
    means = {term.of for term in latent}
    nodes = tuple(replace(node, settled=True) if node.name in means else node for node in graph)
    return replace(graph, nodes=nodes, terms=tuple(term for term in graph.terms if term not in latent))


def names(spec: Spec, graph: Graph) -> list[Diagnostic]:
    """What is wrong with the names that a spec gives and refers to, with what its graph says of kernels."""
    problems: list[Diagnostic] = []
    before: dict[str, Layer] = {}
    unsure: set[str] = set()
    for block, layers in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        steps = [] if isinstance(layers, Mirror) else written(block, layers)
        problems += _name_faults(block, steps, before, unsure, graph, spec)
    return problems


def encode(spec: Spec, problems: list[Diagnostic]) -> tuple[Graph, bool, Shape | None]:
    """Spec -> the graph of the encoder alone, whether it is whole, and the shape of the code, as far as it is known.

    What is wrong goes to ``problems``, and has a `Hole` in the graph where it is not known what it stores.
    """
    steps = written("encoder", spec.encoder)
    nodes, whole, code = chain("encoder", steps, INPUT, spec.input.shape, spec, problems)
    return Graph(spec.name, spec.input.shape, nodes, nodes[-1].name, spec.loss), whole, code


def decode(graph: Graph, whole: bool, code: Shape | None, spec: Spec, problems: list[Diagnostic]) -> tuple[Graph, bool]:
    """Add the decoder, written out or mirrored; a mirror only of an encoder that is ``whole``."""
    if isinstance(spec.decoder, Mirror):
        try:
            if spec.decoder.length is not None:
                _need_unknown_length(graph.input, spec)
            steps = mirror(graph, spec.decoder, spec) if whole else []
        except AespecError as error:
            problems += error.diagnostics
            return graph, False
        graph = replace(graph, mirrored=whole, length=spec.decoder.length)
    else:
        steps = written("decoder", spec.decoder)
    nodes, right, end = chain("decoder", steps, graph.code, code, spec, problems, before=graph.nodes, sure=whole)
    graph = replace(graph, nodes=(*graph.nodes, *nodes))
    if steps and spec.has_input and not (whole and right) and _differ(end, spec.input.shape):
        _add_alone(_output_mismatch(graph, spec), problems)
    return graph, whole and right


def _add_alone(problem: Diagnostic, problems: list[Diagnostic]) -> None:
    """Add what is wrong with a layer, unless something else is wrong with it."""
    if all(each.place != problem.place for each in problems):
        problems.append(problem)


def _differ(x: Shape | None, y: Shape) -> bool:
    """Whether two shapes that are known in part cannot be the same."""
    unlike = (n is not None and m is not None and n != m for n, m in zip(x or (), y, strict=False))
    return x is not None and (len(x) != len(y) or any(unlike))


def close(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse a decoder that does not give back the input's shape at any length."""
    if graph.example_shape is None:
        raise AespecError(_output_mismatch(graph, spec))
    return graph


def scale(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse a loss that has no meaning for the input's values."""
    low, high = spec.input.range or (0.0, 1.0)
    if (loss := graph.unit_loss) and (low < 0 or high > 1):
        raise AespecError(
            Diagnostic(
                BadRegularizer,
                f"`{loss.kind}` has no meaning for values outside [0, 1]",
                spec.place(("loss", graph.losses.index(loss))) or spec.place(("loss",)),
                wanted="`range: [0, 1]`, or a loss for any values",
                got=f"`range: [{low:g}, {high:g}]`",
                help="use `loss: mse`, or scale the data to [0, 1]",
            )
        )
    return graph


def outlined(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse of the plan of a model that is not whole what does not fit the layers that are known of it."""
    problems: list[Diagnostic] = []
    _checked(outline(spec), spec, [freeze, phase], limits, problems)
    if problems:
        raise AespecError(*problems)
    return graph


def mirror(graph: Graph, form: Mirror, spec: Spec) -> list[Step]:
    """The layers that undo an encoder, from its last node to its first.

    Each layer says itself how it is undone. The value that stood before it decides the activation: the mirror
    gives that value back, so it ends as that value did, and in the output activation where that is the input.
    """
    output = form.output_activation or natural(spec.loss)
    nodes = graph.block("encoder")
    shapes = _shapes_to_undo(nodes, graph.input, form, spec)
    folds = _folds(nodes, shapes)
    steps: list[Step] = []
    problems: list[Diagnostic] = []
    ended = output.kind == "linear"
    for i in reversed(range(len(nodes))):
        if i in folds.values():
            continue
        node, pool = nodes[i], nodes[folds[i]] if i in folds else None
        before = _activation_before(nodes[:i])
        centered = any(node.is_centered_by(following) for following in nodes[i + 1 : i + 2])
        try:
            layers = _undone(node.layer, shapes[i], pool=pool.layer if pool else None, output=before is None)
        except ShapeError as error:
            problems.append(fault(NoMirror, f"`{node.name}` cannot be mirrored", error, node.place, spec))
            continue
        for layer in layers:
            if layer.output_activation is not None:
                layer = layer.activated(before or output)
                ended = ended or before is None
            if centered:
                layer = layer.biased()
            if form.tie_weights and node.layer.innermost.kind in layer.innermost.ties_with:
                layer = layer.tied(node.name)
            steps.append(Step(layer, ("decoder",), (node.name, pool.name) if pool else (node.name,)))
    if problems:
        raise AespecError(*problems)
    if not ended:
        steps.append(Step(ActivationLayer(function=output), ("decoder",)))
    if form.tie_weights and not any(getattr(step.layer.innermost, "tied_to", None) for step in steps):
        raise AespecError(
            Diagnostic(
                BadTie,
                "`tie_weights` finds nothing to tie",
                spec.place(("decoder", "mirror", "tie_weights")),
                wanted="an encoder with a dense layer or a convolution",
                got=", ".join(f"`{node.name}`" for node in nodes),
                help="remove `tie_weights`",
            )
        )
    return steps


def regularize(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Collect the terms that parameters and outputs add to the loss."""
    terms: list[Term] = []
    problems: list[Diagnostic] = []
    for node in graph:
        for short, param in node.params.items():
            if param.regularizer is not None:
                name = f"{node.name}/{short}"
                terms.append(Term(f"{name}/{param.regularizer.kind}", "parameter", name, param.regularizer))
        try:
            penalties = node.layer.penalties(elements(graph.input))
        except ShapeError as error:
            problems.append(fault(ShapeMismatch, f"`{node.name}` has no loss term", error, node.place, spec))
            continue
        terms += [Term(f"{node.name}/{target}/{r.kind}", target, node.name, r) for target, r in penalties]
    if problems:
        raise AespecError(*problems)
    return replace(graph, terms=tuple(terms))


def head(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse a classifier whose head does not fit on the code, however many classes there are."""
    if spec.classifier is not None:
        _classifier(spec, 2, [regularize], limits)
    return graph


def limit(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse a model that is too large to be meant."""
    problems = []
    counts = {node.name: node.count() for node in graph}
    whole = not any(isinstance(node.layer, Hole) for node in graph)
    shapes = {node.name: node.shape for node in graph}
    if whole and graph.example_shape:
        shapes = graph.shapes(graph.example_shape)
    values = {node.name: elements(shapes[node.name]) or 0 for node in graph}
    for what, sizes, most in (("parameters", counts, limits.parameters), ("activations", values, limits.activations)):
        total, largest = sum(sizes.values()), max(sizes, key=lambda name: sizes[name])
        if total > most:
            problems.append(
                Diagnostic(
                    ModelTooLarge,
                    f"the model has too many {what}",
                    spec.place(graph[largest].place, key=True),
                    wanted=f"at most {most:,} {what}{' for a sample' if what == 'activations' else ''}",
                    got=f"{total:,}, most of them ({sizes[largest]:,}) in `{largest}`",
                    help=f"if it is meant, lift the limit: `--max-{what} {total}`",
                )
            )
    if problems:
        raise AespecError(*problems)
    return graph


def _classifier(spec: Spec, classes: int, checks: Sequence[Check], limits: Limits) -> Graph:
    """The encoder with a head, after these checks. In messages what is behind the code is its head.

    Raises:
        AespecError: Something is wrong with it; all problems are in it.
    """
    problems: list[Diagnostic] = []
    graph = _checked(_headed(spec, classes, problems), spec, checks, limits, problems)
    if problems:
        raise AespecError(*(replace(each, message=each.message.replace("`decoder/", "`head/")) for each in problems))
    return graph


def _checked(graph: Graph, spec: Spec, checks: Sequence[Check], limits: Limits, problems: list[Diagnostic]) -> Graph:
    """The graph after these checks, of which a later one can still look at what an earlier one has refused."""
    for check in checks:
        try:
            graph = check(graph, spec, limits)
        except AespecError as error:
            problems += error.diagnostics
    return graph


def _headed(spec: Spec, classes: int, problems: list[Diagnostic]) -> Graph:
    """The encoder with a head for so many classes, and what that is trained for; ``problems`` takes what is wrong."""
    graph, whole, code = encode(spec, [])
    graph = replace(graph, nodes=tuple(replace(node, layer=node.layer.thawed()) for node in graph))
    layers = spec.classifier.head if spec.classifier else ()
    steps = [Step(Flatten(), ("classifier",))] if code is not None and len(code) > 1 else []
    steps += [Step(layer, ("classifier", "head", i, layer.kind)) for i, layer in enumerate(layers)]
    steps.append(Step(Dense(units=classes, activation=Softmax()), ("classifier",)))
    nodes, _, end = chain("decoder", steps, graph.code, code, spec, problems, before=graph.nodes, sure=whole)
    *_, last, _ = (*graph.nodes, *nodes)
    if end is not None and len(end) > 1 and last.shape:
        problem = Diagnostic(
            ShapeMismatch,
            f"the head of the classifier ends in several axes, those of `{last.name}`",
            spec.place(last.place, key=True),
            wanted="one axis, whose length is known",
            got=show_shape(last.shape),
            help="end the head with `flatten`",
        )
        _add_alone(problem, problems)
    graph = replace(graph, nodes=(*graph.nodes, *nodes), losses=(CategoricalCrossentropy(),), target=(classes,))
    before, unsure = dict[str, Layer](), set[str]()
    [*_name_faults("encoder", written("encoder", spec.encoder), before, unsure, graph, spec)]  # `names` tells them
    problems += _name_faults("decoder", steps, before, unsure, graph, spec)
    return graph


def _shapes_to_undo(nodes: tuple[Node, ...], x: Shape, form: Mirror, spec: Spec) -> list[Shape]:
    """What each encoder node was given, the stated length in place of what is unknown."""
    if form.length is None:
        return [node.input_shape for node in nodes]
    shape = fill(x, form.length)
    shapes = []
    for node in nodes:
        shapes.append(shape)
        try:
            shape = node.layer.infer(shape)
        except ShapeError as error:
            what = f"`{node.name}` cannot be applied at `length: {form.length}`"
            raise AespecError(fault(ShapeMismatch, what, error, node.place, spec)) from None
    return shapes


def _need_unknown_length(x: Shape, spec: Spec) -> None:
    """Refuse the length of a mirror where that of the input is stated."""
    if None not in x:
        raise AespecError(
            Diagnostic(
                NoMirror,
                "`length` says again what `input` says",
                spec.place(("decoder", "mirror", "length")),
                wanted="`length` only where `input` leaves an axis unknown",
                got=f"the input {show_shape(x)}",
                help="remove `length`",
            )
        )


def _folds(nodes: tuple[Node, ...], shapes: list[Shape]) -> dict[int, int]:
    """The poolings that a layer before them undoes as well: index of that layer -> index of the pooling."""
    folds: dict[int, int] = {}
    for i, node in enumerate(nodes):
        after = next((j for j in range(i + 1, len(nodes)) if nodes[j].shape != node.shape), None)
        if after is None or not node.layer.folds(nodes[after].layer):
            continue
        if any(_undone(between.layer, between.input_shape) for between in nodes[i + 1 : after]):
            continue
        with suppress(ShapeError):  # lengths that one transposed convolution cannot bring back are undone in two
            _undone(node.layer, shapes[i], pool=nodes[after].layer)
            folds[i] = after
    return folds


def _undone(layer: Layer, x: Shape, **how: Any) -> tuple[Layer, ...]:
    """`Layer.mirror`, where what it makes can be beyond the bounds of a layer's fields."""
    try:
        return layer.mirror(x, **how)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ShapeError(
            f"`{fault['loc'][0]}` of the layer that undoes it would lie outside its bounds",
            wanted=str(fault["msg"]).removeprefix("Input should be "),
            got=f"{fault['input']} from {show_shape(x)}",
            help="write the decoder out, in several steps",
        ) from None


def _activation_before(nodes: tuple[Node, ...]) -> Activation | None:
    """The activation that the last of these values ended in; None where nothing learnt stands before it."""
    if not any(node.params for node in nodes):
        return None
    return next((a for node in reversed(nodes) if (a := node.layer.output_activation) is not None), None)


def _name_faults(
    block: str, steps: list[Step], before: dict[str, Layer], unsure: set[str], graph: Graph, spec: Spec
) -> Iterator[Diagnostic]:
    """What is wrong with the names in a block.

    Args:
        block: What it is called.
        steps: Its layers.
        before: Those that stand before it, by name, to which its own are added.
        unsure: What names may begin with that are not known: the blocks in which a layer cannot be read, and names that
            several turns have alike.
        graph: What is known of the layers.
        spec: What has them.
    """
    nodes, wrong = {node.name: node for node in graph}, 0
    for name, step in zip(names_of(block, steps), steps, strict=True):
        if step.layer.name and name != f"{block}/{step.layer.name}":
            place = spec.place((*step.place, "name"))
            unsure.add(f"{block}/{step.layer.name}_")
            yield Diagnostic(
                DuplicateName,
                f"two layers are named `{block}/{step.layer.name}`",
                place,
                wanted="a name of its own for each layer of a block",
                got=f"`{step.layer.name}` again",
                help=_another_name(place, step.layer.name),
            )
        if found := _reference_fault(name, step.layer.innermost, before, unsure, nodes, near=wrong < MANY):
            wrong += 1
            yield Diagnostic(BadTie, found[0], tie_place(step.layer, step.place, spec), *found[1:])
        before[name] = step.layer
        if is_nameless(step, spec):
            unsure.add(f"{block}/")


def _another_name(place: Place | None, name: str) -> str:
    """How a layer gets a name of its own, by where the one that it has is written."""
    turns = place.turns if place else ()
    written = place.text[place.column - 1 :][: place.width].strip("\"'") if place else ""
    written = written if re.fullmatch(r"[\w${}+*/ -]+", written) and name[:1] == written[:1] else name
    free = next((each for each in "ijklmn" if all(each != turn.index for turn in turns)), "index")
    for turn in turns:
        if turn.index is None:
            return f"write `name: {written}_${{{free}}}`, and `index: {free}` in the `repeat`"
        if not re.search(rf"\$\{{[^}}]*\b{turn.index}\b", written):
            return f"write `name: {written}_${{{turn.index}}}`"
    return "call one of them otherwise, or leave `name` out: it is then the kind and a number"


Fault = tuple[str, str, str, str | None]
"""What is wrong: message, wanted, got, help."""


def _reference_fault(
    name: str,
    layer: Layer,
    before: Mapping[str, Layer],
    unsure: set[str],
    nodes: Mapping[str, Node],
    *,
    near: bool,
) -> Fault | None:
    """What is wrong with the name that a layer is tied to; nothing where a hole may have had it.

    If asked, with what is nearly called so.
    """
    target: str | None = getattr(layer, "tied_to", None)
    source = before.get(target or "")
    if target is None or (source is None and target.startswith((*unsure,))):
        return None
    if source and (may_tie(layer, source) or (isinstance(source, Hole) and not source.like)):
        return None
    alike = [other for other in before if may_tie(layer, before[other])]
    fit = [other for other in alike if has_kernel_for(nodes[name], nodes[other]) is not False]
    meant = None if source else by_number(target, {name: kind_of(each) for name, each in before.items()}, fit)
    if near and not source and meant is None:
        short = {other.partition("/")[2]: other for other in reversed(alike)}
        meant = nearest(target, fit) or short.get(nearest(target.partition("/")[2], short) or "")
    if meant:
        help = f"did you mean `{meant}`?"
    elif fit:
        help = f"name one of them: {', '.join(f'`{other}`' for other in fit[:5])}"
    else:
        help = "remove `tied_to`: no layer before it has a kernel for it"
    return (
        f"`{name}` is tied to what has no kernel for it",
        f"a layer before it of kind {' or '.join(f'`{kind}`' for kind in layer.ties_with)}",
        f"`{target}`, " + (f"a `{kind_of(source)}`" if source else "which is no layer before it"),
        help,
    )


def _output_mismatch(graph: Graph, spec: Spec) -> Diagnostic:
    same = elements(graph.output.shape) == elements(graph.input) and elements(graph.input) is not None
    shape = ", ".join("-1" if n is None else str(n) for n in graph.input)
    lengths = ", whatever the unknown length" if None in graph.input else ""
    return Diagnostic(
        OutputMismatch,
        f"the reconstruction, the output of `{graph.output.name}`, has not the shape of the input{lengths}",
        spec.place(graph.output.place, key=True),
        wanted=show_shape(graph.input),
        got=show_shape(graph.output.shape),
        help=f"end the decoder with `- reshape: [{shape}]`"
        if same
        else unflattened(graph.nodes, graph.output.shape, elements(graph.input), spec)
        or _ending(graph, spec)
        or "change the last layers of the decoder, or let `decoder: mirror` make them",
    )


def _ending(graph: Graph, spec: Spec) -> str | None:
    """The change of one layer of the decoder by which the input's shape comes out, if there is one."""
    decoder = [*graph.block("decoder")]
    unknown = max((i for i, node in enumerate(decoder) if isinstance(node.layer, Hole)), default=-1)
    decoder = decoder[unknown + 1 :]
    if any((place := spec.place(node.place)) and place.turns for node in decoder):
        return None  # a layer of one turn of a `repeat` alone cannot be changed
    for i, layers, advice in _endings(decoder, graph.input):
        shape = decoder[i].input_shape
        with suppress(ShapeError):
            for layer in (*layers, *(node.layer for node in decoder[i + 1 :])):
                shape = layer.infer(shape)
            if shape == graph.input:
                return advice
    return None


def _endings(decoder: Sequence[Node], wanted: Shape) -> Iterator[tuple[int, tuple[Layer, ...], str]]:
    """What may be put in the place of a layer of the decoder, the likeliest first: its index, the layers, in words."""
    for i, node in reversed([*enumerate(decoder)]):
        layer, steps = node.layer, node.shape[0] if node.shape else None
        width = next((field for field in ("units", "filters") if field in type(layer).model_fields), None)
        if i == len(decoder) - 1 and wanted[-1] and "return_sequences" in type(layer).model_fields:
            yield i, (layer, Dense(units=wanted[-1])), f"put `- dense: {wanted[-1]}` behind it"
        elif i == len(decoder) - 1 and wanted[-1] and width and not node.ties:
            yield i, (layer.model_copy(update={width: wanted[-1]}),), f"give it `{width}: {wanted[-1]}`"
        if (open := layer.at_every_step) is not None:
            yield i, (open,), f"state `return_sequences: true` at `{node.name}`, which gives its last step alone"
        if layer.kind == "repeat_vector" and layer.main and wanted[0] and steps and decoder[-1].shape[0]:
            turns = wanted[0] * steps // decoder[-1].shape[0]
            advice = f"give `{node.name}` as many steps: `repeat_vector: {turns}`"
            yield i, (layer.model_copy(update={layer.main: turns}),), advice
