"""Stages of training: what is frozen, and the phases of greedy training that come before all are trained together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.fieldnames import MANY
from aespec.graph import INPUT, Graph, Node
from aespec.holes import Hole
from aespec.layers.base import Param
from aespec.losses import Loss, MeanSquaredError
from aespec.plan import TrainingPlan
from aespec.rules import BadPlan
from aespec.shapes import counted
from aespec.spec import Mirror, Spec
from aespec.steps import is_nameless, is_of_turns, kind_of, names_of, written

if TYPE_CHECKING:
    from aespec.passes import Limits

__all__ = ["Stage", "by_number", "freeze", "occupy", "phase", "stages", "undoing"]


@dataclass(frozen=True)
class Stage:
    """A model that is trained, and how."""

    name: str
    """The layer that a phase of greedy training is for; empty for the whole model."""
    graph: Graph
    """The whole model, or the part that this stage trains; its nodes and weights have the whole's names."""
    plan: TrainingPlan
    before: tuple[Node, ...] = ()
    """The encoder's nodes that make what this stage is trained on of the input."""


def freeze(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Make what the plan or a layer freezes parameters that are not trained; running averages in it stand still."""
    problems: list[Diagnostic] = []
    frozen: set[str] = set()
    params = graph.params
    for i, name in enumerate(spec.training.freeze):
        found = [param for param in params if f"{param}/".startswith(f"{name}/")]
        frozen.update(found)
        average = found == [name] and not params[name].trainable
        if average or (not found and _is_known(name, graph, spec)):
            problems.append(_not_to_freeze(i, graph, spec, near=len(problems) < MANY))
    for node in graph:
        if node.layer.frozen:
            frozen.update(f"{node.name}/{short}" for short in node.params)
            problems += [] if node.params else [_nothing_to_freeze(node, spec)]
    if problems:
        raise AespecError(*problems)
    return replace(graph, nodes=tuple(_frozen(node, frozen) for node in graph)) if frozen else graph


def _is_known(name: str, graph: Graph, spec: Spec) -> bool:
    """Whether all is known that a name could stand for: what its layer stores, or that there is no such layer."""
    block, _, rest = name.partition("/")
    stated = {"encoder": spec.encoder, "decoder": spec.decoder}.get(block, ())
    if isinstance(stated, Mirror):
        return not all(isinstance(node.layer, Hole) for node in graph.block(block))
    steps = written(block, stated)
    if is_of_turns(name, block, steps):
        return False
    for each, step in zip(names_of(block, steps), steps, strict=True):
        if is_nameless(step, spec):
            return False
        if each == f"{block}/{rest.partition('/')[0]}":
            return not isinstance(graph[each].layer, Hole)
    return True


def _some_of(names: Sequence[str]) -> str:
    """Some of these in words, as code."""
    return ", ".join(f"`{name}`" for name in names[:5]) + ", ..." * (len(names) > 5)


_PARAMETERS = {
    **dict.fromkeys(("weight", "weights", "w"), ("kernel", "gamma")),
    **dict.fromkeys(("biases", "b"), ("bias", "beta")),
}
"""Parameters by what they are called elsewhere."""


def by_number(name: str, kinds: Mapping[str, str], among: Collection[str]) -> str | None:
    """The layer that is meant by its kind and number, which has a name of its own.

    >>> by_number("encoder/dense_2", {"encoder/a": "dense", "encoder/b": "dense"}, ["encoder/a", "encoder/b"])
    'encoder/b'
    """
    block, _, rest = name.partition("/")
    kind, _, number = rest.rpartition("_")
    alike = [each for each, own in kinds.items() if each.startswith(f"{block}/") and own == kind]
    at = int(number) if number.isdecimal() and len(number) < 6 else 0
    return alike[at - 1] if 0 < at <= len(alike) and alike[at - 1] in among else None


def _meant(name: str, graph: Graph) -> str | None:
    """What a name means that elsewhere stands for a block, for a parameter, or for a layer by its kind and number."""
    block, _, rest = name.partition("/")
    layer, _, last = rest.partition("/")
    nodes = {node.name: node for node in graph.block(block)} if block in ("encoder", "decoder") else {}
    if nodes and layer in ("*", ""):
        return block
    full = f"{block}/{layer}"
    if full not in nodes:
        full = by_number(full, {name: kind_of(node.layer) for name, node in nodes.items()}, nodes) or full
    node = nodes.get(full)
    if node is None or (not last and full == f"{block}/{layer}"):
        return None
    meant = _PARAMETERS.get(last.lower(), (last,))
    short = next((each for each in meant if each in node.params), None)
    if last and short is None:
        stored = (tie.parameter for part, tie in node.ties.items() if part in meant)
        own = [each for each, param in node.params.items() if param.trainable]
        return next(stored, f"{full}/{near}" if (near := nearest(last, own)) else full)
    return f"{full}/{short}" if short and node.params[short].trainable else full


def _not_to_freeze(i: int, graph: Graph, spec: Spec, *, near: bool) -> Diagnostic:
    """Of a name in the plan's list of what is frozen, what it is instead, and, if asked, what is nearly called so."""
    name, params = spec.training.freeze[i], graph.params
    layers = [node.name for node in graph if node.params]
    several = [part.strip() for part in name.split(",")] if "," in name else []
    if name.lower() in ("all", "*", "model", "everything"):
        several = ["encoder", "decoder"]
    what, help = "which the model does not have", f"name one of {_some_of(layers)}"
    if name in params:
        what, help = "a running average, which is not trained", f"`{name.rpartition('/')[0]}` freezes its layer"
    elif name in {node.name for node in graph}:
        what, help = "which has no parameters of its own", "take it away: there is nothing in it to train"
    elif several:
        help = f"write `freeze: [{', '.join(several)}]`"
    elif meant := _meant(name, graph) or (_nearly(name, layers, params) if near else None):
        help = f"did you mean `{meant}`?"
    return Diagnostic(
        BadPlan,
        f"`freeze` names `{name}`, {what}",
        spec.place(("training", "freeze", i)) or spec.place(("training", "freeze")),
        wanted="`encoder`, `decoder`, a layer with weights or a trained parameter of one",
        got=f"`{name}`",
        help=help,
    )


def _nearly(name: str, layers: Sequence[str], params: Mapping[str, Param]) -> str | None:
    """The block, layer or trained parameter that is nearly called so; of a running average its layer."""
    names = [*layers, *params] if name.count("/") > 1 else layers
    own = [each for each in names if each.partition("/")[0] == name.partition("/")[0]]
    found = nearest(name, own if own and "/" in name else ["encoder", "decoder", *names])
    return found.rpartition("/")[0] if found and found in params and not params[found].trainable else found


def _nothing_to_freeze(node: Node, spec: Spec) -> Diagnostic:
    stored = [tie.parameter for tie in node.ties.values()]
    return Diagnostic(
        BadPlan,
        f"`freeze` at `{node.name}`, which has no parameters of its own",
        spec.place((*node.place, "freeze")) or spec.place(node.place, key=True),
        wanted="`freeze` at a layer that stores weights",
        got=f"`{node.layer.kind}`" + (f", which uses `{stored[0]}`" if stored else ""),
        help=f"freeze `{stored[0].rpartition('/')[0]}`, or remove `freeze`" if stored else "remove `freeze`",
    )


def _frozen(node: Node, names: set[str]) -> Node:
    own = {short for short in node.params if f"{node.name}/{short}" in names}
    params = {short: replace(param, trainable=False) if short in own else param for short, param in node.params.items()}
    averages = any(not param.trainable for param in node.params.values())
    settled = bool(own) and averages and not any(param.trainable for param in params.values())
    return replace(node, params=params, settled=settled)


def undoing(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse phases of greedy training where no layer is said to undo another."""
    layers = () if isinstance(spec.decoder, Mirror) else spec.decoder  # what cannot be read may be meant for a mirror
    if spec.training.greedy and any(not isinstance(layer, Hole) or layer.of for layer in layers):
        raise AespecError(
            Diagnostic(
                BadPlan,
                "`greedy` needs to know which layers undo which",
                spec.place(("training", "greedy")),
                wanted="`decoder: mirror`",
                got="a decoder that is written out",
                help="let `decoder: mirror` make the decoder, or remove `greedy`",
            )
        )
    return graph


def phase(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse phases of greedy training that do not fit the model."""
    given = len(spec.training.greedy)
    if not given or not graph.mirrored:
        return graph
    layers = [_named(group, graph) for group in _groups(graph)]
    place = spec.place(("training", "greedy"))
    if given not in (1, len(layers)):
        which = ", ".join(f"`{name}`" for name in layers)
        raise AespecError(
            Diagnostic(
                BadPlan,
                "`greedy` has not one phase for each encoder layer that the decoder undoes",
                place,
                wanted=f"{counted(len(layers), 'phase')}, for {which}, or one for all",
                got=f"{given}",
                help="write an empty phase, `{}`, for a layer that is trained as the plan says"
                if given < len(layers)
                else f"take {given - len(layers)} of them away, or give one for all",
            )
        )
    return graph


def occupy(graph: Graph, spec: Spec, limits: Limits) -> Graph:
    """Refuse phases of greedy training that have nothing to train."""
    given = len(spec.training.greedy)
    if not given or not graph.mirrored or given not in (1, len(_groups(graph))) or not _trained(graph):
        return graph
    idle = [stage.name for stage in stages(graph, spec.training)[:-1] if not _trained(stage.graph)]
    if idle:
        raise AespecError(
            *(
                Diagnostic(
                    BadPlan,
                    f"`freeze` leaves nothing to train in the phase of `{name}`",
                    spec.place(("training", "greedy")),
                    wanted="at least one trained parameter in each phase",
                    got="all of them frozen",
                    help="freeze less, or remove `greedy`",
                )
                for name in idle
            )
        )
    return graph


def _trained(graph: Graph) -> bool:
    return any(param.trainable for param in graph.params.values())


def stages(graph: Graph, plan: TrainingPlan) -> list[Stage]:
    """The phases of greedy training, where there are any, and the training of the whole."""
    found = []
    groups = _groups(graph) if plan.greedy else []
    for i, group in enumerate(groups):
        own = plan.greedy[plan.which(i)]
        changed = {name: getattr(own, name) for name in ("optimizer", "epochs") if getattr(own, name) is not None}
        losses = own.loss or ((MeanSquaredError(),) if i else graph.losses)
        before = tuple(node for earlier in groups[:i] for node in earlier)
        part = _part(graph, group, before, losses)
        found.append(Stage(_named(group, graph), part, plan.model_copy(update={**changed, "greedy": ()}), before))
    return [*found, Stage("", graph, plan)]


def _groups(graph: Graph) -> list[list[Node]]:
    """The encoder's nodes, cut before each of `_centres` but the first."""
    centres = _centres(graph)
    groups: list[list[Node]] = [[]]
    for node in graph.block("encoder"):
        if node.name in centres and any(earlier.name in centres for earlier in groups[-1]):
            groups.append([])
        groups[-1].append(node)
    return groups


def _centres(graph: Graph) -> set[str]:
    """The encoder's layers with weights that a layer of the decoder undoes: a normalization is none."""
    undone = {name for node in graph.block("decoder") for name in node.undoes}
    return {node.name for node in graph.block("encoder") if node.params and node.name in undone}


def _named(group: list[Node], graph: Graph) -> str:
    """The layer that a group is for."""
    centres = _centres(graph)
    return next((node.name for node in group if node.name in centres), group[0].name)


def _part(graph: Graph, group: list[Node], before: tuple[Node, ...], losses: tuple[Loss, ...]) -> Graph:
    """A group of the encoder with the decoder's nodes that undo it, as a model of its own."""
    names = {node.name for node in group}
    source = before[-1].name if before else INPUT
    nodes: list[Node] = []
    chosen = [
        *group,
        *(n for n in graph.block("decoder") if names.intersection(n.undoes) or (not before and not n.undoes)),
    ]
    last = INPUT
    for node in chosen:
        nodes.append(replace(node, inputs=(last,)))
        last = node.name
    kept = {node.name for node in nodes} | {f"{n.name}/{short}" for n in nodes for short in n.params}
    return replace(
        graph,
        input=group[0].input_shape,
        nodes=tuple(nodes),
        code=group[-1].name,
        losses=losses,
        terms=tuple(term for term in graph.terms if term.of in kept),
        length=graph.length if source == INPUT else None,
    )
