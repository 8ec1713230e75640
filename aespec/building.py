"""From a spec to a model in one call, and whether the model is what the spec says."""

from __future__ import annotations

from os import PathLike

from aespec.backend import Model
from aespec.comparison import sample
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import INPUT
from aespec.passes import Limits, compile, read
from aespec.registry import find_backend
from aespec.rules import BuiltDiffers
from aespec.shapes import show_shape
from aespec.spec import Spec

__all__ = ["build", "check"]


def build(
    spec: Spec | str | PathLike[str],
    *,
    backend: str = "torch",
    seed: int | None = None,
    dtype: str = "float32",
    limits: Limits | None = None,
) -> Model:
    """Compile a spec, or the file that has one, and build its model.

    Args:
        spec: The spec or its file.
        backend: The name of an installed backend.
        seed: Decides the initial weights; the spec's own seed where None.
        dtype: ``float32`` or ``float64``.
        limits: Sizes beyond which a model is refused.

    Raises:
        AespecError: The spec is wrong, the backend is missing, or it does not support a kind.
    """
    spec, graph = (spec, compile(spec, limits)) if isinstance(spec, Spec) else read(spec, limits=limits)
    return find_backend(backend).build(graph, seed=spec.training.seed if seed is None else seed, dtype=dtype)


def check(model: Model, backend: str, *, bounds: tuple[float, float] | None = None) -> None:
    """Refuse a model that is not its graph: the shape of every node's value on a small batch, and of every weight.

    Args:
        model: A built model.
        backend: What built it, to be named in the message.
        bounds: Least and largest value of the batch; what the loss takes where None.

    Raises:
        AespecError: A node or a weight is missing, too much, or of another shape; all such are named.
    """
    x = sample(model.graph, batch=2, bounds=bounds)
    stated = {INPUT: x.shape[1:]}
    for node in model.graph:
        stated[node.name] = node.layer.infer(stated[node.inputs[0]])
    nodes = {node.name: (len(x), *stated[node.name]) for node in model.graph}
    weights = {name: param.shape for name, param in model.graph.params.items()}
    problems = []
    for what, wanted, arrays in (("node", nodes, model.trace(x)), ("weight", weights, model.weights())):
        for name in [*wanted, *(name for name in arrays if name not in wanted)]:
            want = show_shape(wanted[name]) if name in wanted else f"no such {what}"
            got = show_shape(arrays[name].shape) if name in arrays else "nothing"
            if want != got:
                problems.append(
                    Diagnostic(
                        BuiltDiffers,
                        f"`{backend}` built the {what} `{name}` otherwise than the spec states it",
                        wanted=want,
                        got=got,
                        help=f"the fault is the backend's: report it with `aespec conformance --backend {backend}`",
                    )
                )
    if problems:
        raise AespecError(*problems)
