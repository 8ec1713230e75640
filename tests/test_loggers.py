"""Loggers: what TensorBoard and MLflow read of a run, and that no failure of theirs ends it."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

import aespec
from aespec.cli import main
from aespec.loggers import LOGGERS, Loggers, find_logger, forget

SPEC = {
    "name": "small",
    "description": "for tests",
    "input": [6],
    "encoder": [{"dense": 2}],
    "decoder": "mirror",
    "training": {"optimizer": {"sgd": 0.25}, "epochs": 3},
}
FACTS = {
    "backend": "torch",
    "dtype": "float32",
    "data": "digits",
    "samples": 120,
    "parameters": 32,
    "versions": {"torch": "2.13.0"},
}


@dataclass
class Told:
    """What loggers need of an epoch."""

    number: int
    losses: dict[str, float]
    validation: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.5
    learning_rate: float = 0.125
    phase: str = ""


def epoch(number, total=None, phase=""):
    """An epoch of a loss that float32 holds exactly."""
    total = 2.0**-number if total is None else total
    return Told(number, {"mse": total, "total": total}, {"mse": 2 * total, "total": 2 * total}, phase=phase)


METRICS = {
    "loss/mse": [0.5, 0.25],
    "loss/total": [0.5, 0.25],
    "validation/mse": [1.0, 0.5],
    "validation/total": [1.0, 0.5],
    "learning_rate": [0.125, 0.125],
    "seconds": [0.5, 0.5],
    "images_per_second": [240.0, 240.0],  # 120 samples in half a second
}


def spec(*changes):
    return aespec.parse(SPEC, changes)


def part(logger, folder, *epochs, plan=(), end=True, before=()):
    """A run, or a part of one, before which some epochs were over."""
    folder.mkdir(exist_ok=True)
    logger.begin(folder, spec(*plan), FACTS, before)
    for each in epochs:
        logger.epoch(each)
    if end:
        logger.end({"training": {"total": epochs[-1].losses["total"]}, "validation": {}})


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("tensorbord", "E101", "did you mean `tensorboard`?"),
        ("MLFlow", "E101", "did you mean `mlflow`?"),
        ("wandb", "E101", "= wanted: `mlflow`, `tensorboard`"),
        ("tensorboard", "E302", "pip install 'aespec[tensorboard]'"),
        ("mlflow", "E302", "pip install 'aespec[mlflow]'"),
    ],
)
def test_what_is_no_logger_or_not_installed_is_said(name, code, said, monkeypatch):
    monkeypatch.setattr("aespec.loggers.find_spec", lambda name: None)
    with pytest.raises(aespec.AespecError) as caught:
        find_logger(name)
    assert caught.value.diagnostics[0].rule.code == code
    assert said in str(caught.value)


@pytest.mark.parametrize("name", list(LOGGERS))
def test_finding_a_logger_imports_nothing(name):
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    code = f"import sys; from aespec.loggers import find_logger; find_logger({name!r}); print({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


class Broken:
    """Fails where it is told to, and notes what it was told."""

    def __init__(self, at=None):
        self.at, self.told = at, []

    def _note(self, what):
        self.told.append(what)
        if what == self.at:
            raise ConnectionError("the server\nis gone")

    def begin(self, folder, spec, facts, epochs):
        self._note("begin")

    def epoch(self, epoch):
        self._note(epoch.number)

    def end(self, final):
        self._note("end")


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("begin", ["begin"]),
        (1, ["begin", 1]),
        (2, ["begin", 1, 2]),
        ("end", ["begin", 1, 2, "end"]),
    ],
)
def test_a_logger_that_fails_is_left_out_and_said_once(at, told, tmp_path):
    said, broken, sound = [], Broken(at), Broken()
    part(Loggers({"mlflow": broken, "tensorboard": sound}, said.append), tmp_path, epoch(1), epoch(2))
    assert broken.told == told
    assert sound.told == ["begin", 1, 2, "end"]
    (line,) = said
    assert line.startswith("warning: mlflow logs no more of this run")
    assert "(ConnectionError: the server is gone)" in line


def test_an_interruption_is_no_failure_of_a_logger(tmp_path):
    class Interrupted(Broken):
        def epoch(self, epoch):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        part(Loggers({"x": Interrupted()}, pytest.fail), tmp_path, epoch(1))


def test_only_what_loggers_wrote_is_forgotten(tmp_path):
    forget(tmp_path)  # there is nothing
    (tmp_path / "tensorboard").mkdir()
    for name in (".mlflow", "history.csv", "tensorboard/events.out.tfevents.1.here.2.0", "tensorboard/notes.txt"):
        (tmp_path / name).write_text("x")
    forget(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "history.csv",
        "tensorboard",
        "tensorboard/notes.txt",
    ]
    (tmp_path / "tensorboard" / "notes.txt").unlink()
    forget(tmp_path)
    assert not (tmp_path / "tensorboard").exists()


def events(folder, phase=""):
    """What TensorBoard reads of a run."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder / "tensorboard" / phase))
    found.Reload()
    return found


@pytest.fixture
def tensorboard():
    pytest.importorskip("tensorboard")
    return lambda: find_logger("tensorboard")


def test_tensorboard_reads_what_was_logged(tensorboard, tmp_path):
    part(tensorboard(), tmp_path, epoch(1), epoch(2))
    found = events(tmp_path)
    assert sorted(found.Tags()["scalars"]) == sorted(METRICS)
    for name, values in METRICS.items():
        assert [(event.step, event.value) for event in found.Scalars(name)] == [(1, values[0]), (2, values[1])]
    (text,) = found.Tensors("spec")
    written = text.tensor_proto.string_val[0].decode()
    assert aespec.parse(written.removeprefix("```yaml\n").removesuffix("```")).to_data() == spec().to_data()
    (facts,) = found.Tensors("facts")
    assert "| versions.torch | 2.13.0 " in facts.tensor_proto.string_val[0].decode()


def test_tensorboard_can_read_while_the_run_lasts(tensorboard, tmp_path):
    logger = tensorboard()
    part(logger, tmp_path, epoch(1), end=False)
    assert [event.value for event in events(tmp_path).Scalars("loss/total")] == [0.5]
    logger.end(None)


def test_in_tensorboard_a_run_that_goes_on_takes_the_place_of_what_was_after_it(tensorboard, tmp_path):
    part(tensorboard(), tmp_path, epoch(1), epoch(2, total=8.0), epoch(3, total=8.0))
    part(tensorboard(), tmp_path, epoch(2), epoch(3))
    found = events(tmp_path).Scalars("loss/total")
    assert [(event.step, event.value) for event in found] == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2


def test_a_run_that_goes_on_goes_on_in_its_logs_unasked(tensorboard, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = str(Path(__file__).parents[1] / "specs/pca.yaml")
    given = ["--data", "plane", "--epochs", "1", "--no-report", "--log", "tensorboard"]

    def on(*args):
        done = CliRunner().invoke(main, ["train", *args])
        assert done.exit_code == 0, done.output
        return done.stderr

    assert on(spec, "--backend", "torch", "-o", "run", *given) == ""
    assert on("--resume", "run", "--epochs", "2", "--no-report") == ""
    assert [event.step for event in events(Path("run")).Scalars("loss/total")] == [1, 2]
    monkeypatch.setattr("aespec.loggers.find_spec", lambda name: None)
    (Path("run") / ".mlflow").write_text("an id\n")
    assert on("--resume", "run", "--epochs", "3", "--no-report").splitlines() == [
        "warning: the run was logged to mlflow, and goes on without that (`--log mlflow` logs on)",
        "warning: the run was logged to tensorboard, and goes on without that "
        "(tensorboard is not installed: `pip install 'aespec[tensorboard]'`)",
    ]
    assert [event.step for event in events(Path("run")).Scalars("loss/total")] == [1, 2]


def test_in_tensorboard_a_run_that_goes_on_has_the_epochs_that_were_not_logged(tensorboard, tmp_path):
    before = [epoch(1, phase="encoder/a"), epoch(2, phase="encoder/a"), epoch(1), epoch(2), epoch(3)]
    part(tensorboard(), tmp_path, before[0], before[2])  # killed before it logged what its checkpoint has
    (file,) = (tmp_path / "tensorboard").glob("*.0")
    file.write_bytes(file.read_bytes() + b"a record that was cut off")
    part(tensorboard(), tmp_path, epoch(4), before=before)
    part(tensorboard(), tmp_path, epoch(5), before=[*before, epoch(4)])
    for run, known in {"": 5, "encoder.a": 2}.items():
        found = events(tmp_path, run).Scalars("loss/total")
        assert [(event.step, event.value) for event in found] == [(n, 2.0**-n) for n in range(1, known + 1)]
    assert len(list((tmp_path / "tensorboard" / "encoder.a").iterdir())) == 2, (
        "the last part found nothing to add there"
    )


def test_in_tensorboard_what_a_run_went_on_from_counts_and_what_is_damaged_does_not(tensorboard, tmp_path):
    part(tensorboard(), tmp_path, *map(epoch, range(1, 6)))
    part(tensorboard(), tmp_path, epoch(4), before=[*map(epoch, range(1, 4))])  # the fifth is gone with that
    part(tensorboard(), tmp_path, epoch(6), before=[*map(epoch, range(1, 6))])
    (last,) = (tmp_path / "tensorboard").glob("*.2")
    data = last.read_bytes()
    last.write_bytes(data[:-40] + bytes([255]) * 20 + data[-20:])  # within the sixth
    part(tensorboard(), tmp_path, epoch(7), before=[*map(epoch, range(1, 7))])
    assert [event.step for event in events(tmp_path).Scalars("loss/total")] == [1, 2, 3, 4, 5, 6, 7]


GREEDY = [epoch(1, phase="encoder/a"), epoch(2, phase="encoder/a"), epoch(1, phase="encoder/b"), epoch(1), epoch(2)]


def test_in_tensorboard_a_phase_is_a_run(tensorboard, tmp_path):
    part(tensorboard(), tmp_path, *GREEDY)
    part(tensorboard(), tmp_path, epoch(1, total=8.0), epoch(2))  # from the end of the phases
    for run, steps in {"": [(1, 8.0), (2, 0.25)], "encoder.a": [(1, 0.5), (2, 0.25)], "encoder.b": [(1, 0.5)]}.items():
        assert [(event.step, event.value) for event in events(tmp_path, run).Scalars("loss/total")] == steps
    assert "spec" in events(tmp_path).Tags()["tensors"]
    forget(tmp_path)
    assert not list(tmp_path.iterdir())


def test_tensorboard_is_written_without_any_framework(tensorboard, tmp_path):
    code = f"""
import sys
sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
from pathlib import Path
from test_loggers import epoch, find_logger, part
before = set(sys.modules)
part(find_logger("tensorboard"), Path({str(tmp_path)!r}), epoch(1))
print(sorted({{"torch", "tensorflow", "keras", "tensorboard"}} & {{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "['tensorboard']\n", done.stderr


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """A store of MLflow in a file, its default."""
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)  # the files go to mlruns here
    return lambda: find_logger("mlflow")


def runs():
    """Every run that MLflow knows of the spec."""
    from mlflow import MlflowClient

    client = MlflowClient()
    return client, list(client.search_runs([client.get_experiment_by_name("small").experiment_id]))


def steps(client, run, name):
    return [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)]


MLFLOW_WARNS = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""MLflow uses what SQLAlchemy has deprecated."""


@MLFLOW_WARNS
def test_mlflow_has_what_was_logged_and_a_run_that_goes_on_is_one_run(mlflow, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("spec.yaml", "history.csv", "run.json"):
        (folder / name).write_text("x")
    part(mlflow(), folder, epoch(1))
    (folder / "weights.safetensors").write_text("x")
    part(mlflow(), folder, epoch(2), plan=["training.epochs=5"])
    client, (run,) = runs()
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    params = {name: str(value) for name, value in FACTS.items() if name != "versions"}
    params |= {"training.epochs": "3", "training.optimizer.sgd.learning_rate": "0.25"}
    assert params.items() <= run.data.params.items()
    tags = {"versions.torch": "2.13.0", "mlflow.note.content": "for tests", "resumed.training.epochs": "5"}
    assert tags.items() <= run.data.tags.items()
    for name, values in METRICS.items():
        assert steps(client, run, name) == [(1, values[0]), (2, values[1])]
    assert run.data.metrics["final/training/total"] == 0.25
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"spec.yaml", "history.csv", "weights.safetensors"}


@MLFLOW_WARNS
def test_in_mlflow_a_run_that_goes_on_has_the_epochs_that_were_not_logged(mlflow, tmp_path):
    before = [epoch(1, phase="encoder/a"), epoch(2, phase="encoder/a"), epoch(1), epoch(2), epoch(3)]
    part(mlflow(), tmp_path / "run", before[0], before[2], before[4], end=False)
    part(mlflow(), tmp_path / "run", epoch(4), before=before)
    client, (run,) = runs()
    assert sorted(steps(client, run, "loss/total")) == [(n, 2.0**-n) for n in range(1, 5)]
    assert steps(client, run, "encoder/a/loss/total") == [(1, 0.5), (2, 0.25)]


@MLFLOW_WARNS
def test_in_mlflow_metrics_have_the_phase_before_their_names(mlflow, tmp_path):
    part(mlflow(), tmp_path / "run", *GREEDY)
    client, (run,) = runs()
    for name in ("loss/total", "encoder/a/loss/total"):
        assert steps(client, run, name) == [(1, 0.5), (2, 0.25)]
    assert steps(client, run, "encoder/b/loss/total") == [(1, 0.5)]


@MLFLOW_WARNS
@pytest.mark.parametrize(
    ("error", "status"),
    [(None, "KILLED"), (KeyboardInterrupt(), "KILLED"), (ValueError(), "FAILED")],
    ids=["nothing", "interruption", "error"],
)
def test_how_a_run_was_stopped_is_known_to_mlflow(error, status, mlflow, tmp_path):
    logger = mlflow()
    part(logger, tmp_path / "run", epoch(1), end=False)
    _, (run,) = runs()
    assert run.info.status == "RUNNING"
    try:
        if error:
            raise error
        logger.end(None)
    except BaseException:
        logger.end(None)
    _, (run,) = runs()
    assert run.info.status == status
    part(mlflow(), tmp_path / "run", epoch(2))
    _, (run,) = runs()
    assert run.info.status == "FINISHED"


@MLFLOW_WARNS
@pytest.mark.parametrize("lost", ["deleted", "another store", "damaged", "forgotten"])
def test_where_mlflow_has_the_run_no_more_it_gets_a_new_one(lost, mlflow, tmp_path):
    part(mlflow(), tmp_path / "run", epoch(1))
    client, (run,) = runs()
    match lost:
        case "deleted":
            client.delete_run(run.info.run_id)
        case "another store":
            (tmp_path / "run" / ".mlflow").write_text("0" * 32)
        case "damaged":
            (tmp_path / "run" / ".mlflow").write_text("no such/id")
        case "forgotten":
            forget(tmp_path / "run")
    part(mlflow(), tmp_path / "run", epoch(1))
    _, found = runs()
    assert run.info.run_id not in (tmp_path / "run" / ".mlflow").read_text()
    assert (tmp_path / "run" / ".mlflow").read_text().strip() in [each.info.run_id for each in found]


@pytest.mark.skipif(not find_spec("mlflow"), reason="no MLflow")
def test_a_quiet_training_prints_nothing_of_mlflow(tmp_path):
    given = ("--data", "plane", "--epochs", "1", "--limit", "20", "-o", "run", "--log", "mlflow", "--quiet")
    spec = Path(__file__).parents[1] / "specs/pca.yaml"
    command = [sys.executable, "-m", "aespec", "train", spec, "--backend", "torch", *given]
    left = ("MLFLOW_TRACKING_URI", "MLFLOW_LOGGING_LEVEL")
    kept = {name: value for name, value in os.environ.items() if name not in left}
    kept["MLFLOW_DISABLE_TELEMETRY"] = "true"
    done = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "mlflow.db").is_file()
