"""A trained or built model as a file for those who do not have aespec: a framework's own, or its weights alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from aespec import weights
from aespec.backend import Backend, Model
from aespec.brief import about
from aespec.data.scaling import Scaling
from aespec.diagnostics import AespecError, Diagnostic
from aespec.files import StrPath
from aespec.graph import Graph
from aespec.passes import Limits, compile
from aespec.registry import backend_names, find_backend
from aespec.rules import UnsupportedKind
from aespec.run import RECORD, SPEC, WEIGHTS, open_run
from aespec.spec import Spec, load

if TYPE_CHECKING:
    from aespec.backend import Array

__all__ = [
    "TENSORS",
    "Converted",
    "Exporter",
    "Exporting",
    "Plain",
    "Saved",
    "Tensors",
    "exporting",
    "formats",
    "open_saved",
    "scaling_of",
]

BATCH = 8
"""Samples that a file is tried on."""

TENSORS = "safetensors"
"""The format of weights alone."""


class Exported(Protocol):
    """What a backend says of files that it has written."""

    @property
    def needs(self) -> Sequence[str]:
        """What has to be imported beside the framework, a sentence for each reason; empty where nothing has."""

    @property
    def lost(self) -> Sequence[str]:
        """What of the model is not in them, in sentences."""

    @property
    def load(self) -> str:
        """Code that loads them, ``{path}`` being the first."""


@runtime_checkable
class Exporter(Protocol):
    """A `Backend` that can write its models for users of its framework alone."""

    suffixes: tuple[str, ...]
    """How the files end that it writes of a model, the one that computes first."""

    def export(self, model: Model, path: Path, about: Mapping[str, Any]) -> Exported:
        """Write a model under that name, and what else there is of it beside that, with the other endings.

        Args:
            model: A model of this backend.
            path: The first file.
            about: What `aespec.brief.about` says of it, for the file to keep.
        """

    def rerun(self, path: Path, x: Array) -> Array:
        """The reconstruction of a batch by a file that `export` wrote."""


@runtime_checkable
class Plain(Protocol):
    """An `Exporter` whose files may need more than the framework, and can do without."""

    def plain(self, graph: Graph, weights: Mapping[str, Array]) -> tuple[Graph, dict[str, Array], list[str]]:
        """A model of the same values that the framework can say alone, and in sentences what is lost."""


@dataclass(frozen=True)
class Saved:
    """A model in a folder: a run's, or one that ``aespec build -o`` wrote."""

    spec: Spec
    graph: Graph
    weights: dict[str, Array]
    scaling: Scaling | None = None
    """How the run scaled features, where it did: the model takes and gives them so."""

    @property
    def dtype(self) -> str:
        """The precision of its weights."""
        import numpy as np

        return str(np.result_type(*self.weights.values())) if self.weights else "float32"


@dataclass(frozen=True)
class Converted:
    """What came of a conversion."""

    files: tuple[Path, ...]
    load: str
    """Code that loads the first of them."""
    needs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    samples: int = 0
    """How many the file was tried on."""
    difference: float | None = None
    """The largest between the values of the model and those of the file, when it was read back, relative where values
    are above 1; None where the file has weights alone, and those are equal."""


@dataclass(frozen=True)
class Exporting:
    """Conversion to a framework's own files."""

    backend: Backend
    exporter: Exporter

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the files end."""
        return self.exporter.suffixes

    @property
    def simplifies(self) -> bool:
        """Whether `convert` can be asked for files that need the framework alone."""
        return isinstance(self.exporter, Plain)

    def convert(self, saved: Saved, path: Path, *, plain: bool) -> Converted:
        """Write the files, read the first of them back and run it.

        Raises:
            AespecError: The framework cannot say the model.
        """
        from aespec.comparison import from_reference, sample

        x = sample(saved.graph, batch=BATCH, bounds=saved.spec.input.range)
        model, lost = self._built(saved.graph, saved.weights, saved.dtype), list[str]()
        wanted = model.reconstruct(x)
        if plain and isinstance(self.exporter, Plain):
            graph, values, lost = self.exporter.plain(saved.graph, saved.weights)
            model = self._built(graph, values, saved.dtype)
        with TemporaryDirectory(dir=path.parent, prefix=".convert-") as folder:
            temporary = Path(folder) / path.name
            done = self.exporter.export(model, temporary, about(saved.spec, saved.scaling))
            difference = from_reference(self.exporter.rerun(temporary, x), wanted)
            files = tuple(path.with_suffix(suffix) for suffix in self.suffixes)
            for file in files:
                (Path(folder) / file.name).replace(file)
        load = done.load.format(path=path)
        return Converted(files, load, tuple(done.needs), (*lost, *done.lost), len(x), difference)

    def _built(self, graph: Graph, values: Mapping[str, Array], dtype: str) -> Model:
        model = self.backend.build(graph, dtype=dtype)
        model.load_weights(values)
        return model


@dataclass(frozen=True)
class Tensors:
    """Conversion to the weights alone, under their canonical names, with the spec beside them; they are plain."""

    suffixes: tuple[str, ...] = (".safetensors",)
    simplifies = False

    def convert(self, saved: Saved, path: Path, *, plain: bool) -> Converted:
        """Write the file."""
        from aespec.source.yaml_dump import dump_yaml

        said = {**about(saved.spec, saved.scaling), "name": saved.graph.name}
        said["spec"] = dump_yaml(said["spec"])
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}
        weights.write(path, saved.weights, texts)
        return Converted((path,), f'weights = safetensors.numpy.load_file("{path}")')


def formats() -> list[str]:
    """What models can be converted to: backends that write files, and their weights alone."""
    return [*filter(_writes, backend_names()), TENSORS]


def _writes(name: str) -> bool:
    """Whether a backend writes files; one that is not usable would say itself what it lacks."""
    try:
        return isinstance(find_backend(name), Exporter)
    except AespecError:
        return True


def exporting(name: str) -> Exporting | Tensors:
    """The conversion to a format.

    Raises:
        AespecError: The backend is missing, or writes no files of its own.
    """
    if name == TENSORS:
        return Tensors()
    backend = find_backend(name)
    if isinstance(backend, Exporter):
        return Exporting(backend, backend)
    raise AespecError(
        Diagnostic(
            UnsupportedKind,
            f"the backend `{name}` has no files of its own",
            wanted="a backend that exports",
            got=f"`{name}`",
            help=f"use one of {', '.join(f'`--to {known}`' for known in formats())}",
        )
    )


def open_saved(folder: StrPath) -> Saved:
    """Read the folder of a run or of a built model.

    Raises:
        AespecError: It is neither, or it is damaged or unfinished.
    """
    folder = Path(folder)
    if not all((folder / name).is_file() for name in (SPEC, WEIGHTS)):
        open_run(folder)  # which says what is missing
    spec = load(folder / SPEC)
    graph = compile(spec, Limits(parameters=10**15, activations=10**15))
    found = weights.read(folder / WEIGHTS)
    weights.check(graph, found)
    return Saved(spec, graph, found, scaling_of(folder, spec))


def scaling_of(folder: StrPath, spec: Spec) -> Scaling | None:
    """How features were scaled for the model in a folder: a run's, or one that was imported, of that very input.

    Raises:
        AespecError: The folder is damaged.
    """
    folder = Path(folder)
    if (folder / RECORD).is_file():
        run = open_run(folder, finished=False)
        return run.scaling if run.spec.input == spec.input else None
    said = weights.about(folder / WEIGHTS).get("scaling") if (folder / WEIGHTS).is_file() else None
    return None if said is None or spec.input.scaling is None else Scaling.model_validate_json(said)
