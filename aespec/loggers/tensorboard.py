"""Logs to TensorBoard: event files in the run's folder."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aespec.loggers.metrics import metrics, phase_of, texts
from aespec.source.yaml_dump import dump_yaml
from aespec.tables import table

if TYPE_CHECKING:
    from aespec.spec import Spec
    from aespec.training import Epoch

__all__ = ["TensorBoard"]

FOLDER = "tensorboard"
"""Its name in the run's folder."""

FILES = "events.out.tfevents.*"


class TensorBoard:
    """Writes the event files that TensorBoard reads, into ``tensorboard`` in the run's folder.

    A phase of greedy training has a folder of its own in there, a run of its own to TensorBoard: its epochs count
    from 1 and its losses are other ones. Only TensorBoard's record writer and messages are used, since its `Writer`
    imports TensorFlow where that is installed.
    """

    local: ClassVar[bool] = True
    _goes_on: bool
    """Whether an earlier file may have the epochs that come next."""

    def begin(self, folder: Path, spec: Spec, facts: Mapping[str, Any], epochs: Sequence[Epoch] = ()) -> None:
        """Write what is known of the run, as texts, and epochs from the first on that no earlier file has."""
        import numpy as np
        from tensorboard.plugins.text.metadata import create_summary_metadata
        from tensorboard.util.tensor_util import make_tensor_proto

        self._folder, self._samples = folder / FOLDER, facts.get("samples")
        self._open("")
        about = table(["Fact", "Value"], list(texts(facts).items()), markdown=True)
        for tag, text in (("spec", f"```yaml\n{dump_yaml(spec.to_data())}```"), ("facts", about)):  # both Markdown
            tensor = make_tensor_proto(np.array(text.encode(), dtype=object))
            metadata = create_summary_metadata(display_name=tag, description="")
            self._write(step=0, summary={"value": [{"tag": tag, "tensor": tensor, "metadata": metadata}]})
        self._records.flush()
        for phase in dict.fromkeys(map(phase_of, epochs)):
            of_phase, has = [epoch for epoch in epochs if phase_of(epoch) == phase], self._steps(phase)
            first = next((i for i, epoch in enumerate(of_phase) if epoch.number not in has), len(of_phase))
            for epoch in of_phase[first:]:
                self.epoch(epoch)

    def epoch(self, epoch: Epoch) -> None:
        """Write the scalars of an epoch."""
        if (phase := phase_of(epoch)) != self._phase:
            self._records.close()
            self._open(phase)
        if self._goes_on:  # TensorBoard then drops what an earlier file has of this epoch and later ones
            self._write(step=epoch.number, session_log={"status": "START"})
            self._goes_on = False
        values = [{"tag": tag, "simple_value": value} for tag, value in metrics(epoch, self._samples)]
        self._write(step=epoch.number, summary={"value": values})
        self._records.flush()

    def end(self, final: Mapping[str, Any] | None) -> None:
        """Close the file."""
        self._records.close()

    @staticmethod
    def left(folder: Path) -> bool:
        """Whether a run's folder has event files."""
        return any((folder / FOLDER).rglob(FILES))

    @staticmethod
    def forget(folder: Path) -> None:
        """Take away the event files in a run's folder, and their folders where they have nothing else."""
        for path in (folder / FOLDER).rglob(FILES):
            path.unlink()
        for path in (*(folder / FOLDER).glob("*/"), folder / FOLDER):
            with suppress(OSError):  # there is none, or it has other files
                path.rmdir()

    def _home(self, phase: str) -> Path:
        """The folder of a phase."""
        return self._folder / phase.replace("/", ".") if phase else self._folder

    def _steps(self, phase: str) -> set[int]:
        """The epochs that TensorBoard finds in the files of a phase.

        A record is its length, a checksum of that, its data, and a checksum of those; behind a damaged one nothing is
        read. Where a file begins that a run went on with, later epochs of earlier files count no more.
        """
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import masked_crc32c

        steps = set[int]()
        for file in sorted(self._home(phase).glob(FILES)):  # as TensorBoard orders them
            data, at = file.read_bytes(), 0
            while record := data[at + 12 : (end := at + 12 + int.from_bytes(data[at : at + 8], "little"))]:
                if data[end : end + 4] != masked_crc32c(record).to_bytes(4, "little"):
                    break
                event = Event.FromString(record)
                if event.session_log.status == SessionLog.START:
                    steps = {step for step in steps if step < event.step}
                steps |= {event.step for value in event.summary.value if value.HasField("simple_value")}
                at = end + 4
        return steps

    def _open(self, phase: str) -> None:
        """Open a new file beside those that earlier parts of the run have written of a phase."""
        from tensorboard.summary.writer.record_writer import RecordWriter

        home = self._home(phase)
        home.mkdir(parents=True, exist_ok=True)
        before = sum(1 for _ in home.glob(FILES))
        name = f"events.out.tfevents.{int(time.time()):010}.{socket.gethostname()}.{os.getpid()}.{before}"
        self._records = RecordWriter((home / name).open("xb"))
        self._phase = phase
        self._goes_on = before > 0
        self._write(file_version="brain.Event:2")

    def _write(self, **event: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **event).SerializeToString())
