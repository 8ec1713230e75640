"""Logs to MLflow: to a tracking server or to a database in a file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aespec import __version__
from aespec.loggers.metrics import leaves, metrics, phase_of, texts

if TYPE_CHECKING:
    from aespec.spec import Spec
    from aespec.training import Epoch

__all__ = ["MLflow"]

RUN = ".mlflow"
"""The file in a run's folder with the id that MLflow gave the run."""

ARTIFACTS = ("spec.yaml", "history.csv", "weights.safetensors")


class MLflow:
    """Logs to the MLflow that MLflow's environment names: ``MLFLOW_TRACKING_URI``, by default a file ``mlflow.db``.

    The experiment is called as the spec, the run as its folder. Parameters are the training plan and the facts of the
    run. MLflow never changes one: what a run that goes on has changed is in a tag, ``resumed.`` before its name.
    Metrics of a phase of greedy training have the phase before their names. Of an epoch that is trained again, since
    the run went on from before it, MLflow keeps both values, the later one last.
    """

    local: ClassVar[bool] = False

    def begin(self, folder: Path, spec: Spec, facts: Mapping[str, Any], epochs: Sequence[Epoch] = ()) -> None:
        """Begin a run of MLflow, or go on with the one whose id is in the folder, and log what it lacks of epochs."""
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # not each table of a new database
        from mlflow import MlflowClient
        from mlflow.entities import Param, RunTag

        self._client, self._folder, self._samples, self._step = MlflowClient(), folder, facts.get("samples"), 0
        data = spec.to_data()
        said = {name: value for name, value in facts.items() if name != "versions"}
        params = texts({"loss": data["loss"], "training": data["training"], **said})
        tags = {"aespec": __version__, "folder": str(folder.resolve())}
        tags |= texts({"versions": facts.get("versions", {})})
        if spec.description:
            tags["mlflow.note.content"] = spec.description
        known = self._known()
        if known is None:
            run = self._client.create_run(self._experiment(spec.name), run_name=folder.resolve().name)
            self._run, known = run.info.run_id, {}
            (folder / RUN).write_text(f"{self._run}\n", encoding="utf-8")
        tags |= {f"resumed.{name}": value for name, value in params.items() if known.get(name, value) != value}
        new = [Param(name, value) for name, value in params.items() if name not in known]
        for start in range(0, len(new), 100):  # as many as MLflow takes at once
            self._client.log_batch(self._run, params=new[start : start + 100])
        self._client.log_batch(self._run, tags=[RunTag(name, value) for name, value in tags.items()])
        for phase in dict.fromkeys(map(_before, epochs)):
            has = {value.step for value in self._client.get_metric_history(self._run, f"{phase}loss/total")}
            for epoch in epochs:
                if _before(epoch) == phase and epoch.number not in has:
                    self.epoch(epoch)

    def epoch(self, epoch: Epoch) -> None:
        """Log the metrics of an epoch."""
        self._step = epoch.number
        self._log((f"{_before(epoch)}{name}", value) for name, value in metrics(epoch, self._samples))

    def end(self, final: Mapping[str, Any] | None) -> None:
        """Log the files of the run and how it ended: as finished, failed, or, by an interruption, killed."""
        for name in ARTIFACTS:
            if (self._folder / name).is_file():
                self._client.log_artifact(self._run, str(self._folder / name))
        if final:
            self._log((f"final/{name}", value) for name, value in leaves(final, "/") if isinstance(value, float))
        status = "FINISHED" if final is not None else "FAILED" if isinstance(sys.exception(), Exception) else "KILLED"
        self._client.set_terminated(self._run, status)

    def _log(self, metrics: Iterable[tuple[str, float]]) -> None:
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        self._client.log_batch(self._run, metrics=[Metric(name, value, now, self._step) for name, value in metrics])

    def _known(self) -> dict[str, str] | None:
        """The parameters of the run that the folder was logged as; None where MLflow has no such run."""
        from mlflow.exceptions import MlflowException

        try:
            self._run = (self._folder / RUN).read_text(encoding="utf-8").strip()
            run = self._client.get_run(self._run)
        except FileNotFoundError:
            return None
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return None
        if run.info.lifecycle_stage != "active":
            return None
        self._client.update_run(self._run, status="RUNNING")
        return dict(run.data.params)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    @staticmethod
    def left(folder: Path) -> bool:
        """Whether a run's folder has the id of a run of MLflow."""
        return (folder / RUN).is_file()

    @staticmethod
    def forget(folder: Path) -> None:
        """Take away the id in a run's folder; MLflow keeps the run."""
        (folder / RUN).unlink(missing_ok=True)


def _before(epoch: Epoch) -> str:
    """What stands before the names of an epoch's metrics."""
    return f"{phase}/" if (phase := phase_of(epoch)) else ""
