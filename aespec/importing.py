"""A model in a framework's file as a spec with weights. The file is read as data: nothing in it is run."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import ValidationError

from aespec.backend import Backend
from aespec.diagnostics import AespecError, Diagnostic, nearest, show
from aespec.graph import Graph
from aespec.kind import Kind
from aespec.layers.base import Layer
from aespec.passes import Limits, compile
from aespec.rules import ModelUnreadable, NotExpressible, UnknownField, UnsupportedKind
from aespec.shapes import Shape, ShapeError, elements, fill, show_shape
from aespec.spec import Mirror, Spec, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aespec.backend import Array

__all__ = ["FORMATS", "Archive", "Flaw", "Found", "Imported", "Part", "Reader", "Tensor", "import_model", "reader"]

FORMATS = {".keras": "keras", ".pt2": "torch"}
"""The backend that reads the files of an ending."""

TEXT = 64 * 2**20
"""The most bytes of JSON that are read: far more than a model of any size has."""

ANY_SIZE = Limits(parameters=10**15, activations=10**15)
"""No limits: a model is as large as the arrays that are there."""

LENGTH = 16
"""What stands for an unknown length where sizes are compared."""


@dataclass(frozen=True)
class Tensor:
    """An array in a file, not yet read."""

    shape: tuple[int, ...]
    read: Callable[[], Array]


@dataclass(frozen=True)
class Part:
    """A layer as the file has it."""

    name: str
    """Its name there."""
    layer: Any
    """What a spec would state for it."""
    tensors: tuple[Tensor, ...] = ()
    """Its parameters in the order and the layout of the kind's."""
    encoding: bool | None = None
    """Whether it is of the encoder, where the file says so."""
    closes: bool = False
    """Whether it is the activation of the layer before it, apart."""
    tied_to: str | None = None
    """The key of the part whose kernel it uses."""
    key: str | None = None
    """What `tied_to` of another names it by."""


@dataclass(frozen=True)
class Flaw:
    """Something of the file that a spec cannot say."""

    layer: str
    what: str
    why: str
    help: str
    changes: bool = True
    """Whether the model has other values without it."""


@dataclass(frozen=True)
class Found:
    """What a file holds, one layer after the other."""

    name: str
    input: Shape
    parts: tuple[Part, ...]
    flaws: tuple[Flaw, ...] = ()
    loss: Any = None
    """What a spec would state for its loss."""
    notes: tuple[str, ...] = ()


@runtime_checkable
class Reader(Protocol):
    """A `Backend` that can read a file of its framework."""

    def read(self, archive: Archive) -> Found:
        """What the file holds.

        Raises:
            AespecError: It is damaged, or no model's.
        """


@dataclass(frozen=True)
class Imported:
    """A model that was imported."""

    spec: Spec
    graph: Graph
    weights: dict[str, Array]
    flaws: tuple[Flaw, ...]
    notes: tuple[str, ...] = field(default=())

    def brief(self) -> dict[str, Any]:
        """The spec as it would be written by hand, nothing stated that is so by default."""
        spec = self.spec
        assert not isinstance(spec.decoder, Mirror)  # it is written out
        return {
            "name": spec.name,
            "input": list(spec.input.shape),
            "encoder": [brief(layer) for layer in spec.encoder],
            "decoder": [brief(layer) for layer in spec.decoder],
            "loss": brief(spec.loss[0]),
        }


def import_model(path: Path, *, code: str | None = None, partial: bool = False) -> Imported:
    """Read a model from a file.

    Args:
        path: A ``.keras`` or ``.pt2`` file.
        code: The layer whose value is the code, by its name in the file; where None it is the last of the encoder,
            or the narrowest.
        partial: Leave out what a spec cannot say.

    Raises:
        AespecError: The file is unreadable, or a spec cannot say all of it; each such part is named.
    """
    backend = reader(path)
    with Archive.open(path) as archive:
        found = backend.read(archive)
        pairs, flaws = _validated(found)
        if flaws and not partial:
            raise AespecError(*(_told(path, flaw) for flaw in flaws))
        parts, layers = _closed(pairs)
        split, note = _split(found, parts, layers, code, path)
        spec, graph = _compiled(found, layers, split, parts)
        weights = _weights(graph, parts, path)
    return Imported(spec, graph, weights, flaws, (note, *found.notes))


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
    raise unreadable(
        path,
        f"a file that ends in {' or '.join(FORMATS)}",
        (f"`{path.suffix}`" if path.suffix else "no ending") if path.is_file() else "no such file",
        help="save it in Keras with `model.save('model.keras')`, or in PyTorch with `torch.export.save`: see the page "
        "on exchange",
    )


def unreadable(path: Path, wanted: str, got: str, help: str = "save the model again") -> AespecError:
    """The error for a file that is not what it should be."""
    return AespecError(Diagnostic(ModelUnreadable, f"{path} cannot be imported", wanted=wanted, got=got, help=help))


def branching(path: Path, got: str) -> AespecError:
    """The error for a model that is no chain of layers."""
    return AespecError(
        Diagnostic(
            NotExpressible,
            f"a spec cannot say the model of {path}",
            wanted="layers one after the other, each given the value of the one before",
            got=got,
            help="save a model without branches, such as the encoder and the decoder alone",
        )
    )


class Archive:
    """A zip file of which members are read into memory, by name and up to a size; none is ever unpacked."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path, self._file = path, file
        self.names = file.namelist()
        if len(set(self.names)) < len(self.names):
            raise unreadable(path, "members of different names", "two of one name")

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Archive]:
        """The archive while it is open.

        Raises:
            AespecError: It is none, or damaged where it is read.
        """
        try:
            with zipfile.ZipFile(path) as file:
                yield cls(path, file)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            raise unreadable(path, "a whole zip archive", str(error) or type(error).__name__) from None

    def read(self, name: str, most: int) -> bytes:
        """A member, if it is there and not larger than it may be."""
        with self._member(name) as member:
            data = member.read(most + 1)
        if len(data) > most:
            raise unreadable(self.path, f"at most {most:,} bytes in `{name}`", "more")
        return data

    def arrays(self, name: str) -> bytes:
        """A member that has arrays: stored as it is, it is not larger than the archive."""
        return self.read(name, self.path.stat().st_size)

    def json(self, name: str) -> Any:
        """A member that is JSON."""
        try:
            return json.loads(self.read(name, TEXT))
        except (ValueError, RecursionError) as error:
            got = "text nested too deep" if isinstance(error, RecursionError) else str(error)
            raise unreadable(self.path, f"JSON in `{name}`", got) from None

    def _member(self, name: str) -> IO[bytes]:
        try:
            return self._file.open(name)
        except KeyError:
            raise unreadable(self.path, f"a member `{name}`", ", ".join(self.names[:4]) or "an empty archive") from None
        except RuntimeError as error:  # encrypted
            raise unreadable(self.path, f"a member `{name}` to read", str(error)) from None


def brief(kind: Kind) -> Any:
    """The shortest value that reads back as this kind."""
    fields = {name: _brief(name, value) for name, value in kind.stated().items()}
    match list(fields.items()):
        case []:
            return kind.kind
        case [(only, value)] if only == kind.main and not isinstance(value, dict):
            return {kind.kind: value}
    return {kind.kind: fields}


def _brief(name: str, value: Any) -> Any:
    if isinstance(value, Kind):
        return brief(value)
    if isinstance(value, tuple):
        same = name in EACH_AXIS and len(set(value)) == 1
        return value[0] if same else [list(item) if isinstance(item, tuple) else item for item in value]
    return value


EACH_AXIS = ("kernel_size", "strides", "dilation_rate", "pool_size", "size", "output_padding")
"""The fields for which one number stands for all axes."""


def _validated(found: Found) -> tuple[list[tuple[Part, Layer]], tuple[Flaw, ...]]:
    """Each part as a layer; one whose fields no spec may state is a flaw."""
    layers, flaws = [], list(found.flaws)
    for part in found.parts:
        try:
            layers.append((part, Layer.read(part.layer)))
        except (ValidationError, ValueError) as error:  # PydanticCustomError is a ValueError
            flaws.append(
                Flaw(part.name, f"fields that no spec may state: {_first(error)}", show(part.layer), "change the layer")
            )
    return layers, tuple(flaws)


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return str(error)


def _closed(pairs: Sequence[tuple[Part, Layer]]) -> tuple[list[Part], list[Layer]]:
    """The parts, activations that stand apart put back into the layers that they close."""
    parts: list[Part] = []
    layers: list[Layer] = []
    for part, layer in pairs:
        before = layers[-1] if layers else None
        function = layer.output_activation
        if part.closes and before is not None and function is not None and _may_close(before):
            layers[-1] = before.activated(function)
            parts[-1] = replace(parts[-1], name=part.name)
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


def _compiled(found: Found, layers: list[Layer], split: int, parts: list[Part]) -> tuple[Spec, Graph]:
    """The spec of the layers and its graph, kernels tied."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", found.name).strip("-._")[:100]
    data = {
        "name": name or "imported",
        "input": {"shape": list(found.input)},
        "encoder": [layer.to_data() for layer in layers[:split]],
        "decoder": [layer.to_data() for layer in layers[split:]],
        **({} if found.loss is None else {"loss": found.loss}),
    }
    spec = parse(data)
    graph = compile(spec, ANY_SIZE)
    nodes = {part.key: node.name for part, node in zip(parts, graph, strict=True) if part.key}
    if not any(part.tied_to in nodes for part in parts if part.tied_to):
        return spec, graph
    tied = [
        (layer.tied(nodes[part.tied_to]) if part.tied_to and part.tied_to in nodes else layer).to_data()
        for part, layer in zip(parts, layers, strict=True)
    ]
    spec = parse({**data, "encoder": tied[:split], "decoder": tied[split:]})
    return spec, compile(spec, ANY_SIZE)


def _weights(graph: Graph, parts: list[Part], path: Path) -> dict[str, Array]:
    """The parameters of the graph; their shapes are compared before anything is read."""
    found: dict[str, Array] = {}
    for part, node in zip(parts, graph, strict=True):
        wanted = [param.shape for param in node.params.values()]
        got = [tensor.shape for tensor in part.tensors]
        if wanted != got:
            raise unreadable(
                path,
                f"parameters of the shapes {', '.join(map(show_shape, wanted)) or 'none'} at `{part.name}`",
                ", ".join(map(show_shape, got)) or "none",
            )
        for short, tensor in zip(node.params, part.tensors, strict=True):
            found[f"{node.name}/{short}"] = tensor.read()
    return found


def _told(path: Path, flaw: Flaw) -> Diagnostic:
    return Diagnostic(
        NotExpressible,
        f"a spec cannot say `{flaw.layer}` of {path}",
        wanted=flaw.why,
        got=flaw.what,
        help=f"{flaw.help}, or leave it out with `--partial`",
    )
