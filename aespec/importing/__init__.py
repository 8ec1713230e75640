"""A model in a framework's file as a spec with weights. The file is read as data: nothing in it is run."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aespec import weights as weights_of
from aespec.backend import Backend
from aespec.brief import brief_spec
from aespec.diagnostics import AespecError, Diagnostic, nearest, show
from aespec.files import quoted
from aespec.graph import Graph
from aespec.importing.archive import Archive, branching, unreadable
from aespec.importing.found import Damaged, Flaw, Found, Part, Reader, Tensor, Unsaid, own_name, spec_in
from aespec.importing.restoring import ANY_SIZE, restored, scaling_in
from aespec.layers.base import Layer
from aespec.passes import compile
from aespec.problems import diagnose
from aespec.rules import NotExpressible, OutputMismatch, UnknownField, UnsupportedKind
from aespec.shapes import ShapeError, elements, fill, show_shape
from aespec.source import Source
from aespec.spec import Input, Spec, parse

if TYPE_CHECKING:
    from aespec.backend import Array
    from aespec.data.scaling import Scaling

__all__ = [
    "FORMATS",
    "Archive",
    "Damaged",
    "Flaw",
    "Found",
    "Imported",
    "Part",
    "Reader",
    "Tensor",
    "Unsaid",
    "branching",
    "import_model",
    "own_name",
    "reader",
    "spec_in",
    "unreadable",
]

FORMATS = {".keras": "keras", ".pt2": "torch"}
"""The backend that reads the files of an ending."""

TENSORS = ".safetensors"
"""The ending of weights that have their spec with them."""

AUTOENCODER = "save a model that gives what it is given, as an autoencoder does"
"""What to do about a model that gives something else."""

NEEDED = "what follows is made for the shape that it gives, so that `--partial` cannot leave it out"
"""Why a part of a model stays."""

LENGTH = 16
"""What stands for an unknown length where sizes are compared."""


@dataclass(frozen=True)
class Imported:
    """A model that was imported."""

    spec: Spec
    graph: Graph
    weights: dict[str, Array]
    flaws: tuple[Flaw, ...]
    notes: tuple[str, ...] = field(default=())
    scaling: Scaling | None = None
    """How features were scaled, where the file says it: the model takes and gives them so."""

    def brief(self) -> dict[str, Any]:
        """The spec as it would be written by hand."""
        return brief_spec(self.spec)


def import_model(path: Path, *, code: str | None = None, partial: bool = False) -> Imported:
    """Read a model from a file.

    Args:
        path: A ``.keras`` or ``.pt2`` file, or a ``.safetensors`` that aespec wrote.
        code: The layer whose value is the code, by its name in the file; where None it is the last of the encoder,
            or the narrowest.
        partial: Leave out what a spec cannot say.

    Raises:
        AespecError: The file is unreadable, or a spec cannot say all of it; each such part is named.
    """
    if path.suffix.lower() == TENSORS and path.is_file():
        return _of_tensors(path)
    backend = reader(path)
    with Archive.open(path) as archive:
        found = backend.read(archive)
        _check_input(found, path)
        pairs, flaws = _validated(found)
        if told := [_told(path, flaw) for flaw in flaws if flaw.needed or not partial]:
            raise AespecError(*told)
        parts, layers = _closed(pairs)
        split, note = _split(found, parts, layers, code, path)
        for block in (slice(0, split), slice(split, None)):
            layers[block] = _distinct(layers[block])
        with _blaming(flaws, path):
            spec, graph = _compiled(found, layers, split, parts, path)
            _check_weights(graph, parts, path)
        weights = _weights(graph, parts)
        double = any(value.dtype == "float64" for value in weights.values())
        if double:
            spec, graph = _in_float64(spec)
        done = restored(found, spec, graph, weights)
    computed = ("it computes in float64, as its weights are",) * double
    notes = () if done.whole else (note, *_renamed(graph, parts), *computed, *found.notes)
    scaling = scaling_in(found.about, done.spec)
    return Imported(done.spec, done.graph, weights, () if done.whole else flaws, (*done.notes, *notes), scaling)


def _of_tensors(path: Path) -> Imported:
    """The spec and the weights of a file that `aespec convert` wrote."""
    values, said = weights_of.read(path), weights_of.about(path)
    if "spec" not in said:
        wanted = "the spec in its metadata, as `aespec convert --to safetensors` writes it"
        raise unreadable(
            path,
            wanted,
            "weights alone",
            "load them into the model that they are of, in its framework, and save that: as a `.keras` file, or a "
            "`torch.nn.Sequential` by `torch.export.save`",
        )
    spec = parse(said["spec"])
    graph = compile(spec, ANY_SIZE)
    weights_of.check(graph, values)
    scaling = scaling_in({"scaling": _data(said.get("scaling"))}, spec)
    return Imported(spec, graph, values, (), ("the spec is the one in the file",), scaling)


def _data(text: str | None) -> Any:
    """What JSON says; None where it is none."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def reader(path: Path) -> Reader:
    """What reads a file.

    Raises:
        AespecError: Nothing does.
    """
    from aespec.registry import find_backend

    name = FORMATS.get(path.suffix.lower())
    backend: Backend | None = find_backend(name) if name and path.is_file() else None
    if isinstance(backend, Reader):
        return backend
    if backend is not None:
        raise AespecError(Diagnostic(UnsupportedKind, f"the backend `{name}` reads no files"))
    wanted, got = (
        f"a file that ends in {', '.join(FORMATS)} or {TENSORS}",
        f"`{path.suffix}`" if path.suffix else "no ending",
    )
    if not path.is_file():
        near = nearest(
            path.name,
            [each.name for each in path.parent.glob("*") if each.suffix in (*FORMATS, TENSORS) and each.is_file()],
        )
        what = f"did you mean `{path.with_name(near)}`?" if near else "name a file, from the folder you are in"
        raise unreadable(path, wanted, "a folder" if path.is_dir() else "no such file", help=what)
    raise unreadable(
        path,
        wanted,
        got,
        help="save it in Keras with `model.save('model.keras')`, or in PyTorch with `torch.export.save`: see the page "
        "on exchange",
    )


def _check_input(found: Found, path: Path) -> None:
    """Refuse an input that no spec may have."""
    try:
        Input.model_validate(found.input)
    except ValidationError:
        raise unreadable(path, "an input of 1 to 5 axes, each of a length or None", show(found.input)) from None


def _validated(found: Found) -> tuple[list[tuple[Part, Layer]], tuple[Flaw, ...]]:
    """Each part as a layer; one whose fields no spec may state is a flaw."""
    layers, flaws = [], list(found.flaws)
    for part in found.parts:
        data = {"input": [1], "encoder": [part.layer], "decoder": ["flatten"]}
        try:
            layers.append((part, Spec.model_validate(data).encoder[0]))
        except ValidationError as error:
            for problem in diagnose(error.errors(), Source.of(data), Spec).said:
                what = f"{problem.message}: {problem.got}" if problem.got else problem.message
                flaws.append(Flaw(part.name, what, problem.wanted or "what a spec may state", "change the layer"))
    return layers, tuple(flaws)


def _closed(pairs: Sequence[tuple[Part, Layer]]) -> tuple[list[Part], list[Layer]]:
    """The parts, activations that stand apart put back into the layers that they close."""
    parts: list[Part] = []
    layers: list[Layer] = []
    for part, layer in pairs:
        before = layers[-1] if layers else None
        function = layer.output_activation
        if part.closes and before is not None and function is not None and _may_close(before):
            layers[-1] = before.activated(function)
            parts[-1] = replace(parts[-1], name=part.name, closed=parts[-1].own)
            if (penalty := getattr(layer, "activity_regularizer", None)) is not None:
                layers[-1] = layers[-1].model_copy(update={"activity_regularizer": penalty})
        else:
            parts.append(part)
            layers.append(layer)
    return parts, layers


def _may_close(layer: Layer) -> bool:
    """Whether a layer has an activation to choose and has chosen none."""
    from aespec.activations import Linear
    from aespec.layers.activation import Activation

    return not isinstance(layer, Activation) and isinstance(layer.output_activation, Linear)


def _split(found: Found, parts: list[Part], layers: list[Layer], code: str | None, path: Path) -> tuple[int, str]:
    """How many of the layers are the encoder, and why."""
    if len(layers) < 2:
        raise unreadable(
            path, "a model of two layers or more", f"{len(layers)}", "an autoencoder has an encoder and a decoder"
        )
    names = [part.name for part in parts]
    if code is not None:
        own = [part.own for part in parts]
        if code in own[:-1]:
            return own.index(code) + 1, f"the code is the value of `{code}`, as asked for"
        if code not in names[:-1]:
            near = nearest(code, names[:-1])
            raise AespecError(
                Diagnostic(
                    UnknownField,
                    f"{path} has no layer `{code}` to end the encoder",
                    wanted=", ".join(f"`{name}`" for name in names[:-1]),
                    got=f"`{code}`",
                    help=f"did you mean `{near}`?" if near else "give one of these with `--code`",
                )
            )
        return names.index(code) + 1, f"the code is the value of `{code}`, as asked for"
    if 0 < (count := sum(part.encoding is True for part in parts)) < len(parts):
        return count, "the encoder and the decoder are the file's"
    sizes = []
    shape = found.input
    try:
        for layer in layers:
            shape = layer.infer(shape)
            sizes.append(elements(fill(shape, LENGTH)) or 0)
    except ShapeError:
        sizes = sizes or [0]  # what is wrong is said when it is compiled
    inner = sizes[: len(layers) - 1]
    first = inner.index(min(inner))
    last = next((i for i in range(first, len(inner)) if inner[i] != inner[first]), len(inner)) - 1
    return last + 1, f"the code is the value of `{names[last]}`, the narrowest; `--code LAYER` names another"


def _distinct(layers: Sequence[Layer]) -> list[Layer]:
    """The layers of a block, names that stand twice told apart by a number."""
    taken = {layer.name for layer in layers}
    found: list[Layer] = []
    for i, layer in enumerate(layers):
        if layer.name in {other.name for other in layers[:i]} - {None}:
            name = next(name for n in count(2) if (name := f"{layer.name}_{n}") not in taken)
            taken.add(name)
            layer = layer.model_copy(update={"name": name})
        found.append(layer)
    return found


def _compiled(found: Found, layers: list[Layer], split: int, parts: list[Part], path: Path) -> tuple[Spec, Graph]:
    """The spec of the layers and its graph, kernels tied."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", found.name).strip("-._")[:100]
    data = {
        "name": name or "imported",
        "input": {"shape": list(found.input)},
        "encoder": [layer.to_data() for layer in layers[:split]],
        "decoder": [layer.to_data() for layer in layers[split:]],
        "loss": found.loss or "mse",
        **({"training": found.training} if found.training else {}),
    }
    spec, graph = _spec(data, parts, path)
    nodes = {part.key: node.name for part, node in zip(parts, graph, strict=True) if part.key}
    if not any(part.tied_to in nodes for part in parts if part.tied_to):
        return spec, graph
    tied = [
        (layer.tied(nodes[part.tied_to]) if part.tied_to and part.tied_to in nodes else layer).to_data()
        for part, layer in zip(parts, layers, strict=True)
    ]
    return _spec({**data, "encoder": tied[:split], "decoder": tied[split:]}, parts, path)


def _spec(data: dict[str, Any], parts: list[Part], path: Path) -> tuple[Spec, Graph]:
    """The spec and its graph; what is wrong with them is said of the file's layers."""
    try:
        spec = parse(data)
        return spec, compile(spec, ANY_SIZE)
    except AespecError as error:
        places = Source.of(data).values
        starts = [places[block, i].position for block in ("encoder", "decoder") for i in range(len(data[block]))]
        found = []
        for problem in error.diagnostics:
            before = bisect_right(starts, problem.place.position) if problem.place else 0
            of = f"`{parts[before - 1].name}` of {path}" if before else str(path)
            help = AUTOENCODER if problem.rule is OutputMismatch else problem.help
            found.append(replace(problem, message=f"{of}: {problem.message}", place=None, help=help, fix=None))
        raise AespecError(*found) from None


def _in_float64(spec: Spec) -> tuple[Spec, Graph]:
    """The spec of a model that computes in float64, and its graph."""
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"dtype": "float64"})})
    return spec, compile(spec, ANY_SIZE)


def _renamed(graph: Graph, parts: list[Part]) -> Iterator[str]:
    """That layers have other names than in the file, in a line."""
    pairs = [(part.own, node.name) for part, node in zip(parts, graph, strict=True) if not part.called(node.short)]
    if pairs:
        (before, now), *more = pairs
        rest = f", and {len(more)} more" if more else ""
        yield f"names are given anew: `{before}` is `{now}`{rest}"


@contextmanager
def _blaming(flaws: Iterable[Flaw], path: Path) -> Iterator[None]:
    """While what is left of a model is put together: if that does not fit, what is left out is named as the cause."""
    try:
        yield
    except AespecError as error:
        left_out = " and ".join(dict.fromkeys(f"`{flaw.layer}`" for flaw in flaws if flaw.changes))
        if not left_out:
            raise
        without = f"without {left_out}, which `--partial` leaves out"
        help = f"change {left_out} in the model and save it again: `aespec import {quoted(path)}` says more"
        raise AespecError(
            *(
                replace(problem, rule=NotExpressible, message=f"{problem.message} {without}", help=help)
                for problem in error.diagnostics
            )
        ) from None


def _check_weights(graph: Graph, parts: list[Part], path: Path) -> None:
    """Refuse parameters of other shapes than the graph's, before anything is read."""
    for part, node in zip(parts, graph, strict=True):
        wanted = [param.shape for param in node.params.values()]
        got = [tensor.shape for tensor in part.tensors]
        if wanted != got:
            raise unreadable(
                path,
                f"parameters of the shapes {', '.join(map(show_shape, wanted)) or 'none'} at `{part.name}`",
                ", ".join(map(show_shape, got)) or "none",
            )


def _weights(graph: Graph, parts: list[Part]) -> dict[str, Array]:
    """The parameters of the graph, read."""
    return {
        f"{node.name}/{short}": tensor.read()
        for part, node in zip(parts, graph, strict=True)
        for short, tensor in zip(node.params, part.tensors, strict=True)
    }


def _told(path: Path, flaw: Flaw) -> Diagnostic:
    return Diagnostic(
        NotExpressible,
        f"a spec cannot say `{flaw.layer}` of {path}",
        wanted=flaw.why,
        got=flaw.what,
        help=f"{flaw.help}: {NEEDED}" if flaw.needed else f"{flaw.help}, or leave it out with `--partial`",
    )
