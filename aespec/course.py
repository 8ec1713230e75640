"""The course of a run: from a spec and data, or from a checkpoint, to a finished run folder."""

from __future__ import annotations

import csv
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from aespec import __version__, weights
from aespec.apply import codes
from aespec.backend import Model
from aespec.checkpoint import Checkpoint, Keeper, exists
from aespec.data.streams import Stream
from aespec.diagnostics import AespecError
from aespec.files import quoted, write_text
from aespec.graph import Graph
from aespec.passes import Limits, compile
from aespec.plan import TrainingPlan
from aespec.registry import find_backend
from aespec.rules import LossNotFinite
from aespec.run import HISTORY, RECORD, REPORT, SPEC, UNFINISHED, WEIGHTS, DataRecord, Record, Run, Stretch, clear
from aespec.source.yaml_dump import dump_yaml
from aespec.spec import Spec
from aespec.stages import Stage, stages
from aespec.training import Epoch, State, check, fit, fits, kept_epoch, split, trainable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.data import Dataset
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]

__all__ = ["Built", "Listener", "build", "follow", "train"]


@dataclass(frozen=True)
class Built:
    """A model that can be trained, and what built it."""

    model: Model
    backend: str
    dtype: str
    versions: Mapping[str, str]
    seconds: float


class Listener:
    """What is told of a training while it runs. This one does nothing about it."""

    def stage(self, name: str, epochs: int) -> None:
        """A stage begins: a phase of greedy training for a layer, or, without a name, the training of the whole."""

    def note(self, text: str) -> None:
        """How the steps are computed."""

    def tick(self, epoch: int, done: int, losses: Mapping[str, float]) -> None:
        """So many samples of an epoch are done, and these were the losses at the last step."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""


def build(spec: Spec, *, backend: str, limits: Limits | None = None) -> Built:
    """Build a spec's model to be trained.

    Raises:
        AespecError: The spec or the backend are wrong, or the model cannot be trained.
    """
    graph = compile(spec, limits)
    engine = find_backend(backend)
    start = time.perf_counter()
    model = trainable(engine.build(graph, seed=spec.training.seed, dtype=spec.training.dtype))
    return Built(model, backend, spec.training.dtype, engine.versions(), time.perf_counter() - start)


def train(
    spec: Spec,
    data: Dataset,
    folder: Path,
    built: Built,
    *,
    validation: Dataset | None = None,
    begin: Checkpoint | None = None,
    earlier: Sequence[Stretch] = (),
    listeners: Sequence[Listener] = (),
) -> Run:
    """Train the model that `build` made of a spec and write the run into a folder that `prepare` made.

    The folder gets the resolved spec and what is known of the run first, then a checkpoint and a row of the history
    for each epoch, and the weights last, each whole or not at all.

    Args:
        spec: The spec.
        data: What to train on.
        folder: The run's folder; locked by the caller.
        built: The model.
        validation: What to measure on, instead of a split of the data.
        begin: Where to go on.
        earlier: What trained the run up to there.
        listeners: Told what happens.

    Raises:
        AespecError: The data does not fit, or the loss stopped being finite.
    """
    model, plan, at = built.model, spec.training, begin or Checkpoint()
    check(model, data.inputs, plan, data.name)
    if validation is None:
        x, held = split(data.inputs, plan.validation_split, data.name)
    else:
        fits(model.graph, validation.inputs, validation.name)
        x, held = data.inputs, validation.inputs
    record = _record(spec, data, validation, built, earlier)
    _begin(folder, spec, record, anew=begin is None)
    keeper, columns = Keeper(folder, spec.to_data()), _columns(model.graph, plan, validated=len(held) > 0)
    with _history(folder / HISTORY, columns, at.epochs) as history, _kept(keeper, folder):
        epochs = follow(built, plan, x, held, begin=at, listeners=[history, *listeners], keep=keeper.keep)
    weights.write(folder / WEIGHTS, model.weights())
    record = _finished(record, epochs, plan)
    _write(folder, record)
    (folder / UNFINISHED).unlink()
    return Run(folder, spec, model.graph, record.model_dump())


def follow(
    built: Built,
    plan: TrainingPlan,
    x: Samples,
    held: Samples,
    *,
    begin: Checkpoint | None = None,
    listeners: Sequence[Listener] = (),
    keep: Callable[[Checkpoint], None] = lambda checkpoint: None,
) -> list[Epoch]:
    """Train a model through all stages of a plan: the phases of greedy training, then the training of the whole.

    Args:
        built: The model. Afterwards its weights are those that training ends with.
        plan: How to train.
        x: The samples to train on.
        held: Samples to measure the loss on; may be none.
        begin: Where to go on.
        listeners: Told what happens.
        keep: Called after each epoch with what training can go on from.

    Returns:
        Every epoch, also those before ``begin``.

    Raises:
        AespecError: The loss stopped being finite.
    """
    model, at, given = built.model, begin or Checkpoint(), (x, held)
    epochs, whole = list(at.epochs), {**model.weights(), **at.weights}

    def tick(epoch: int, done: int, losses: Mapping[str, float]) -> None:
        for listener in listeners:
            listener.tick(epoch, done, losses)

    def tell(note: str) -> None:
        for listener in listeners:
            listener.note(note)

    def on_epoch(epoch: Epoch) -> None:
        epochs.append(epoch)
        for listener in listeners:
            listener.epoch(epoch)

    for i, stage in enumerate(stages(model.graph, plan)):
        part = _part(stage, built, whole)
        if not stage.name:
            x, held = given
        if i >= at.stage:
            past = tuple(epochs) if i > at.stage else at.past
            for listener in listeners:
                listener.stage(stage.name, stage.plan.epochs)
            fit(
                part,
                x,
                stage.plan,
                validation=held,
                begin=at.state if i == at.stage else None,
                phase=stage.name,
                on_epoch=on_epoch,
                tick=tick,
                keep=_keeping(keep, Checkpoint(i, past, whole)),
                tell=tell,
            )
            whole = {**whole, **part.weights()}
        if stage.name:
            x, held = _encoded(part, x), _encoded(part, held)
    model.load_weights(whole)
    return epochs


def _keeping(keep: Callable[[Checkpoint], None], begin: Checkpoint) -> Callable[[State], None]:
    """Keep each state of a stage, as a checkpoint of the whole."""
    return lambda state: keep(replace(begin, state=state))


def _data_record(data: Dataset) -> DataRecord:
    return DataRecord(
        name=data.name,
        path=data.path and str(data.path),
        samples=len(data.inputs),
        fingerprint=data.fingerprint,
        notes=list(data.notes),
        limited=data.limited,
        columns=None if data.columns is None else list(data.columns),
        scaling=data.scaling,
    )


def _record(spec: Spec, data: Dataset, validation: Dataset | None, built: Built, earlier: Sequence[Stretch]) -> Record:
    return Record(
        aespec=__version__,
        backend=built.backend,
        dtype=spec.training.dtype,
        seed=spec.training.seed,
        versions={"python": platform.python_version(), **built.versions},
        earlier=list(earlier),
        data=_data_record(data),
        validation=None if validation is None else _data_record(validation),
        seconds={"build": round(built.seconds, 3)},
    )


def _finished(record: Record, epochs: Sequence[Epoch], plan: TrainingPlan) -> Record:
    """The record with what the epoch whose weights are kept came to, and the time of all."""
    of_whole = [epoch for epoch in epochs if not epoch.phase]
    kept = of_whole[kept_epoch([epoch.monitored for epoch in of_whole], plan.early_stopping) - 1]
    final = {"training": kept.losses, "validation": kept.validation}
    seconds = {**record.seconds, "training": round(sum(epoch.seconds for epoch in epochs), 3)}
    return record.model_copy(update={"epoch": kept.number, "final": final, "seconds": seconds})


def _begin(folder: Path, spec: Spec, record: Record, *, anew: bool) -> None:
    """Mark a run's folder as unfinished, and write what is known of the run over what was."""
    (folder / UNFINISHED).touch()
    if anew:
        clear(folder)
    else:  # what a new run would take away, this one needs if it is cut off in turn
        for name in (WEIGHTS, REPORT):
            (folder / name).unlink(missing_ok=True)
    write_text(folder / SPEC, dump_yaml(spec.to_data()))
    _write(folder, record)


def _write(folder: Path, record: Record) -> None:
    write_text(folder / RECORD, record.model_dump_json(indent=2) + "\n")


def _columns(graph: Graph, plan: TrainingPlan, *, validated: bool) -> list[str]:
    """The columns of the history that are for losses: each term of any stage, and those of the validation samples."""
    terms = dict.fromkeys(term for stage in stages(graph, plan) for term in stage.graph.loss_names)
    return [*terms, *(f"val_{term}" for term in terms if validated)]


def _part(stage: Stage, built: Built, whole: Mapping[str, Array]) -> Model:
    """The model that a stage trains, with the weights so far."""
    if not stage.name:
        part = built.model
    else:
        part = find_backend(built.backend).build(stage.graph, seed=stage.plan.seed, dtype=built.dtype)
    part.load_weights({name: whole[name] for name in stage.graph.params})
    return part


def _encoded(model: Model, x: Samples) -> Samples:
    """The codes of samples, some at a time; of a stream a stream."""
    if isinstance(x, Stream):
        return x.map(model.encode, model.encode(x.read(0, 1)).shape[1:])
    return codes(model, x)


@contextmanager
def _kept(keeper: Keeper, folder: Path) -> Iterator[None]:
    """Whatever ends training, the last checkpoint is written; a loss that ran away is told how to go on."""
    try:
        yield
    except AespecError as error:
        keeper.flush()
        problem = error.diagnostics[0]
        if problem.rule is not LossNotFinite or not exists(folder):
            raise
        again = f"`aespec train --resume {quoted(folder)} --learning-rate X`"
        help = f"{problem.help}; to go on from the last good epoch: {again}"
        raise AespecError(replace(problem, help=help)) from None
    finally:
        keeper.flush()


class _History(Listener):
    """The history as a file that grows by a row an epoch."""

    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        fields = ["phase", "epoch", "seconds", "learning_rate", *columns]
        self._file = file
        self._writer = csv.DictWriter(file, fields, restval="", lineterminator="\n")
        self._writer.writeheader()

    def epoch(self, epoch: Epoch) -> None:
        """Write a row."""
        row = {name: value if isinstance(value, str) else repr(value) for name, value in epoch.row.items()}
        self._writer.writerow({**row, "seconds": f"{epoch.seconds:.3f}"})
        self._file.flush()


@contextmanager
def _history(path: Path, columns: Sequence[str], epochs: Sequence[Epoch]) -> Iterator[_History]:
    """The history, beginning with the epochs that are over."""
    with path.open("w", encoding="utf-8", newline="") as file:
        history = _History(file, columns)
        for epoch in epochs:
            history.epoch(epoch)
        yield history
