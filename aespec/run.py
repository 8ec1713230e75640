"""The run folder: everything that a training run was, readable by any backend.

``spec.yaml`` (resolved), ``weights.safetensors``, ``history.csv``, ``run.json`` (versions, seed, data,
timings), ``checkpoint/``, ``report.html``, and the pictures made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from aespec import weights
from aespec.backend import Model
from aespec.checkpoint import FILE, LOCK, busy, exists, read
from aespec.data.scaling import Scaling
from aespec.diagnostics import AespecError, Diagnostic, show
from aespec.files import RESULTS, StrPath, quoted
from aespec.graph import Graph
from aespec.held import RunData
from aespec.passes import Limits, compile
from aespec.picture import are_images
from aespec.registry import find_backend
from aespec.rules import FolderUnwritable, RunExists, RunUnreadable
from aespec.shapes import counted
from aespec.spec import Spec, load
from aespec.training import split

if TYPE_CHECKING:
    from aespec.data import Dataset
    from aespec.data.streams import Samples

__all__ = ["DataRecord", "Record", "Run", "Stretch", "clear", "open_run", "prepare", "stretches", "unwritable"]

SPEC, WEIGHTS, HISTORY, RECORD = "spec.yaml", "weights.safetensors", "history.csv", "run.json"

REPORT = "report.html"
"""A page that shows all of it."""

SAVED = ".saved"
"""Names the files that a backend saved beside the weights, a line each, so that no others are taken away."""

UNFINISHED = ".unfinished"
"""The file that a run has in its folder while it lasts: what it leaves when it fails may be written over."""


class DataRecord(BaseModel):
    """What a run was trained on."""

    name: str
    path: str | None = None
    samples: int
    fingerprint: str
    notes: list[str]
    limited: bool = False
    """Whether these are only the first of its samples."""
    columns: list[str] | None = None
    """What each feature is called, where the data says so."""
    scaling: Scaling | None = None
    """How the features were scaled."""


class Stretch(BaseModel):
    """A part of a run, up to where it was cut off and went on."""

    backend: str
    versions: dict[str, str]
    epochs: int
    """How many of the run's epochs were over at its end, those of all phases."""
    learning_rate: float | None = None
    """Of the optimizer of its plan; each epoch's own is in the history."""


class Record(BaseModel):
    """What ``run.json`` holds."""

    aespec: str
    backend: str
    dtype: Literal["float32", "float64"]
    seed: int
    versions: dict[str, str]
    earlier: list[Stretch] = []
    """What trained the run before, where it went on."""
    data: DataRecord
    validation: DataRecord | None = None
    """Samples of their own that the loss was measured on."""
    seconds: dict[str, float]
    epoch: int | None = None
    """The one whose weights are kept; None while the run lasts."""
    final: dict[str, dict[str, float]] | None = None
    """What it came to; None while the run lasts."""


@dataclass(frozen=True)
class Run:
    """A run, read from its folder."""

    folder: Path
    """As it was named; its files are in `place`."""
    spec: Spec
    graph: Graph
    record: Mapping[str, Any]
    """What ``run.json`` holds: backend, dtype, seed, data, versions, seconds."""
    _absolute: Path = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_absolute", self.folder.absolute())

    @property
    def place(self) -> Path:
        """Where the folder is: as it was named, or from the root where the current folder has changed since."""
        return self.folder if self.folder.absolute() == self._absolute else self._absolute

    def model(self, backend: str | None = None) -> Model:
        """The trained model, on the backend that trained it or on another."""
        built = find_backend(backend or self.record["backend"]).build(self.graph, dtype=self.record["dtype"])
        found = weights.read(self.place / WEIGHTS)
        weights.check(self.graph, found)
        built.load_weights(found)
        return built

    def data(self, other: StrPath | None = None) -> RunData:
        """The data that it was trained on, and other data to look at, if any, by what the run saw of it.

        Args:
            other: The name, the file or the folder of the other data.
        """
        return RunData(self, other)

    @property
    def scaling(self) -> Scaling | None:
        """How the features of the run's data were scaled, which is how other data is to be."""
        found = self.record["data"]["scaling"]
        return None if found is None else Scaling.model_validate(found)

    @property
    def images(self) -> bool:
        """Whether its samples are drawn as images. Windows of a series never are, however many features it has."""
        return self.spec.input.stride is None and are_images(self.graph.sample_shape)

    @property
    def units(self) -> str:
        """What is to be said of errors where features were scaled: that they are those of scaled ones."""
        return "" if self.scaling is None else ", in scaled units"

    def trained_on(self, data: Dataset) -> bool:
        """Whether these are the samples that the run was given, or begin with them."""
        given, count = self.record["data"], len(data.inputs)
        if count > given["samples"]:
            data = replace(data, inputs=data.inputs[: given["samples"]])
        same: bool = count >= given["samples"] and data.fingerprint == given["fingerprint"]
        return same

    def seen(self, x: Samples) -> Samples:
        """Those of the run's data that it was trained on."""
        plan, given = self.spec.training, self.record["data"]["samples"]
        return x[:given] if plan.validation_data else split(x[:given], plan.validation_split)[0]

    def unseen(self, x: Samples) -> Samples:
        """Those of the run's samples, and of what comes behind them in its data, that it was not trained on."""
        return x[len(self.seen(x)) :]


def stretches(record: Mapping[str, Any], epochs: int, rate: float) -> list[Stretch]:
    """What trained the epochs that are over of a run with that record, lastly at a learning rate, where it goes on."""
    before = Record.model_validate(record)
    told = not epochs or (before.earlier and before.earlier[-1].epochs == epochs)  # cut off in its first epoch
    own = Stretch(backend=before.backend, versions=before.versions, epochs=epochs, learning_rate=rate)
    return [*(before.earlier if epochs else ()), *([] if told else [own])]


def prepare(folder: Path, *, force: bool = False, source: Path | None = None) -> None:
    """Make a run folder, before any work is done for it. What an unfinished run left in it is no obstacle.

    Args:
        folder: Where the run is to be.
        force: Let it take the place of what is there.
        source: The file that the spec was read from, which no run may write over.

    Raises:
        AespecError: It holds something else, and ``force`` is not set, or the source.
        OSError: It cannot be written.
    """
    if source is not None and source.resolve() == (folder / SPEC).resolve():
        raise AespecError(
            Diagnostic(
                RunExists,
                f"{source} would be written over by the resolved spec",
                wanted="a folder other than the one that has the spec",
                got=f"the folder {folder}",
                help="give another with `-o`",
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    kept = [path.name for path in folder.iterdir() if path.name != LOCK]
    if kept and not force and exists(folder) and UNFINISHED in kept:
        raise AespecError(
            Diagnostic(
                RunExists,
                f"{folder} has a run that was interrupted",
                wanted="a new or empty folder",
                got=f"a checkpoint after {counted(len(read(folder).epochs), 'epoch')}",
                help=f"go on with `aespec train --resume {quoted(folder)}`, or begin again with `--force`",
            )
        )
    if kept and not force and UNFINISHED not in kept:
        raise AespecError(
            Diagnostic(
                RunExists,
                f"{folder} is not empty",
                wanted="a new or empty folder",
                got=f"a folder with {', '.join(sorted(kept)[:4])}",
                help="give another with `-o`, or `--force` to write over it",
            )
        )
    (folder / ".part").touch()
    (folder / ".part").unlink()


def unwritable(folder: Path, error: Exception, then: str | None = None) -> AespecError:
    """What keeps files from being written into a folder, in plain words; what then, where another folder is no way."""
    got = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        got = "a file that stands in its way"
    return AespecError(
        Diagnostic(
            FolderUnwritable,
            f"{folder} cannot be written",
            wanted="a folder with room that may be written",
            got=got,
            help="look at the free space and the permissions there"
            + (f"; {then}" if then else ", or choose another folder with `-o`"),
        )
    )


def clear(folder: Path) -> None:
    """Take away what an earlier run or build left in a folder: nothing half gone can go on, or looks finished."""
    for name in (FILE, RECORD, WEIGHTS, HISTORY, SPEC, REPORT, *RESULTS):
        (folder / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        for name in (folder / SAVED).read_text(encoding="utf-8").splitlines():
            (folder / Path(name).name).unlink(missing_ok=True)
        (folder / SAVED).unlink()


def open_run(folder: StrPath, *, finished: bool = True) -> Run:
    """Read a run folder.

    Args:
        folder: The folder.
        finished: Whether the run must have ended, so that it has a model.

    Raises:
        AespecError: It is not one, or it is damaged or unfinished.
    """
    folder = Path(folder)
    wanted = (SPEC, WEIGHTS, RECORD) if finished else (SPEC, RECORD)
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        got = f"no {' and no '.join(missing)}" if folder.is_dir() else "no such folder"
        if folder.is_file():
            got, help = _a_file(folder)
        elif busy(folder):
            help = "another process is training it now: wait for that to end"
        elif missing == [WEIGHTS] and (folder / UNFINISHED).exists():
            on = f"`aespec train --resume {quoted(folder)}` goes on with it"
            help = f"it ended before its last epoch: {on}{_or_ends(folder)}"
        elif missing == [WEIGHTS]:
            what = "writes them again, from its checkpoint" if exists(folder) else "trains them again"
            help = f"its weights are gone: `aespec train --resume {quoted(folder)}` {what}"
        elif exists(folder):
            again = f"`aespec train SPEC -o {quoted(folder)} --force`"
            help = f"it has a checkpoint: put back what is missing to go on with it, or begin again with {again}"
        else:
            help = "`aespec train SPEC --backend torch --data digits` makes one and prints its name"
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"{folder} is not the folder of a {'finished run' if finished else 'run'}",
                wanted=f"a folder with {', '.join(wanted[:-1])} and {wanted[-1]}",
                got=got,
                help=help,
            )
        )
    try:
        record = Record.model_validate_json((folder / RECORD).read_bytes()).model_dump()
    except (OSError, ValueError) as error:
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"{folder / RECORD} cannot be read",
                wanted="the record of a run",
                got=_damage(error),
                help="train the run again, or restore the file",
            )
        ) from None
    spec = load(folder / SPEC)
    return Run(folder, spec, compile(spec, Limits(parameters=10**15, activations=10**15)), record)


def is_finished(folder: Path) -> bool:
    """Whether a run has ended, and has its model."""
    return not (folder / UNFINISHED).exists() and (folder / WEIGHTS).is_file()


def lost(folder: Path) -> bool:
    """Whether an unfinished run has epochs in its history, so that it had a checkpoint."""
    try:
        rows = (folder / HISTORY).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    return len(rows) > 1 and (folder / UNFINISHED).exists()


def _or_ends(folder: Path) -> str:
    """How to have a run that was cut off as it is, where its phases are over."""
    with suppress(AespecError):
        if exists(folder) and (epochs := read(folder).epochs) and not epochs[-1].phase:
            return f"; with `--epochs {epochs[-1].number}` added it ends there, with the model of that epoch"
    return ""


def _a_file(path: Path) -> tuple[str, str]:
    """What a file is that stands where the folder of a run is wanted, and what to give instead."""
    if (path.parent / RECORD).is_file():
        return "a file", f"give the folder that it is in: `{path.parent}`"
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        help = f"train it, and give the folder that this prints: `aespec train {quoted(path)} --backend torch`"
        return "a file, a spec that is not trained", help
    return "a file", "give the folder of a run, which `aespec train` prints"


def _damage(error: OSError | ValueError) -> str:
    """What is wrong with a record: every field that is missing or holds what it should not."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = []
    for fault in error.errors(include_url=False):
        field = ".".join(map(str, fault["loc"])) or "the whole"
        match fault["type"]:
            case "missing":
                found.append(f"no `{field}`")
            case "json_invalid":
                found.append("text that is not JSON")
            case _:
                found.append(f"`{field}: {show(fault['input'])}`" if fault["loc"] else show(fault["input"]))
    return ", ".join(found)
