"""The spec that aespec put into a file, and how much of it holds for the model that is read from there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from aespec import weights
from aespec.brief import brief_spec
from aespec.comparison import from_reference, sample
from aespec.diagnostics import AespecError
from aespec.graph import Graph
from aespec.importing.found import Found, spec_in
from aespec.passes import Limits, compile
from aespec.spec import Spec, parse

if TYPE_CHECKING:
    from aespec.backend import Array
    from aespec.data.scaling import Scaling

__all__ = ["ANY_SIZE", "Restored", "restored", "scaling_in"]

ANY_SIZE = Limits(parameters=10**15, activations=10**15)
"""No limits: a model is as large as the arrays that are there."""

COMPUTED = Limits(parameters=ANY_SIZE.parameters)
"""Of models that are computed: a file may state layers without parameters that give any number of values."""

CLOSE = 1e-4
"""How far the values of a model and of a spec may be apart, relative, for them to be the same: rounding is less."""


class Restored(NamedTuple):
    """A spec, its graph, and what is to be said of it."""

    spec: Spec
    graph: Graph
    whole: bool = False
    """Whether it is all that the file's spec states."""
    notes: tuple[str, ...] = ()


def restored(found: Found, spec: Spec, graph: Graph, values: Mapping[str, Array]) -> Restored:
    """The spec in a file, if a model of it has the file's weights and computes what its layers compute.

    Else it is that of the layers, with what the file's spec states beside them, or without, if that does not fit.
    """
    stated = spec_in(found.about)
    if stated is None:
        return Restored(spec, graph)
    with suppress(AespecError):
        whole = parse(stated)
        if _computes_the_same(same := compile(whole, COMPUTED), compile(spec, COMPUTED), values):
            note = "the file has the spec that it was made of, and computes what that says"
            return Restored(whole, same, True, (note,))
    kept = {
        name: value for name, value in stated.items() if name not in ("name", "vars", "input", "encoder", "decoder")
    }
    if isinstance(given := stated.get("input"), dict):
        kept["input"] = {**given, "shape": list(found.input)}
    with suppress(AespecError):
        other = parse({**brief_spec(spec), **kept})
        note = "what the layers do not say, such as the loss, is from the spec in the file"
        return Restored(other, compile(other, ANY_SIZE), False, (note,))
    return Restored(spec, graph, False, ("the spec in the file does not fit its layers, and is left out",))


def scaling_in(about: Any, spec: Spec) -> Scaling | None:
    """How a file says that features were scaled, if it says so, and of as many features as the spec has."""
    from aespec.data.scaling import Scaling

    try:
        found = Scaling.model_validate(about["scaling"])
    except (KeyError, TypeError, ValueError):  # nothing is said, or no such thing
        return None
    fits = len(found.center) == len(found.scale) == spec.input.shape[-1] and found.way == spec.input.scaling
    return found if fits else None


def _computes_the_same(one: Graph, other: Graph, values: Mapping[str, Array]) -> bool:
    """Whether a graph has the parameters of another, and with these values gives its code and its reconstruction.

    Lengths that the one leaves open may be known in the other.
    """
    from aespec.registry import find_backend

    shapes = [{name: param.shape for name, param in graph.params.items()} for graph in (one, other)]
    lengths = zip(one.input, other.input, strict=True) if len(one.input) == len(other.input) else [(0, 1)]
    if shapes[0] != shapes[1] or any(n not in (None, m) for n, m in lengths):
        return False
    x = sample(other, batch=2, bounds=(0.0, 1.0))
    made = []
    for graph in (one, other):
        weights.check(graph, values)
        model = find_backend("numpy").build(graph)
        model.load_weights(values)
        made.append((model.encode(x), model.reconstruct(x)))
    return all(a.shape == b.shape and from_reference(a, b) <= CLOSE for a, b in zip(*made, strict=True))
