"""Small specs and their data, the command that trains them, and what is in the folder of a run."""

import csv
import errno
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import yaml
from numpy.typing import NDArray

from aespec import weights

__all__ = [
    "COSINE",
    "PLAIN",
    "RUN",
    "STATEFUL",
    "begin",
    "column",
    "files",
    "full",
    "interrupt",
    "outcome",
    "rows",
    "samples",
]

RUN = Path("run")

STATEFUL: dict[str, Any] = {
    "name": "small",
    "input": [6],
    "encoder": [
        {"dense": {"units": 8, "activation": "tanh"}},
        "batch_normalization",
        {"dropout": 0.1},
        {"dense": 3},
    ],
    "decoder": "mirror",
    "training": {
        "optimizer": {"nadam": 0.01},
        "ema": 0.5,
        "schedule": {"reduce_on_plateau": {"patience": 2, "factor": 0.5}},
        "early_stopping": {"patience": 20, "min_delta": 0.005},
        "greedy": {"epochs": 2, "optimizer": {"rmsprop": {"momentum": 0.5, "learning_rate": 0.003}}},
        "epochs": 40,
        "batch_size": 16,
        "seed": 3,
    },
}
"""Everything that has a state, or draws, or looks back at earlier epochs."""

COSINE: dict[str, Any] = {
    **STATEFUL,
    "encoder": [{"gaussian_noise": 0.1}, *STATEFUL["encoder"]],
    "training": {**STATEFUL["training"], "optimizer": {"adam": 0.01}, "schedule": "cosine", "clip_norm": 1.0},
}

PLAIN: dict[str, Any] = {
    "name": "plain",
    "input": [6],
    "encoder": [{"dense": 4}],
    "decoder": "mirror",
    "training": {"optimizer": {"sgd": 0.05}, "epochs": 3, "batch_size": 16, "seed": 5, "validation_split": 0.2},
}


def samples(count: int = 800) -> NDArray[np.float32]:
    """Six features of two numbers, and noise."""
    rng = np.random.default_rng(0)
    x = np.tanh(rng.normal(size=(count, 2)) @ rng.normal(size=(2, 6))) + 0.3 * rng.normal(size=(count, 6))
    return x.astype("float32")


def begin(spec: dict[str, Any], *args: object, backend: str = "torch", folder: Path | str = RUN) -> list[object]:
    """The arguments of the command that trains a spec on data.npy, both here."""
    Path("spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return ["train", "spec.yaml", "--backend", backend, "--data", "data.npy", "-o", folder, *args]


def outcome(folder: Path = RUN) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    """The final weights to the bit, and the history but for the time that epochs took."""
    history = [{name: text for name, text in row.items() if name != "seconds"} for row in rows(folder)]
    return {name: value.tobytes() for name, value in weights.read(folder / "weights.safetensors").items()}, history


def rows(folder: Path = RUN) -> list[dict[str, str]]:
    """The history, as it stands in its file."""
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def column(name: str, folder: Path = RUN) -> list[float]:
    """One column of the history."""
    return [float(row[name]) for row in rows(folder)]


def files(folder: Path = RUN) -> dict[Path, bytes]:
    """Everything in a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def interrupt() -> NoReturn:
    """Ctrl-C, at the place where this is called."""
    raise KeyboardInterrupt


def full(*_: object) -> NoReturn:
    """A disk without room, at the place where this is called."""
    raise OSError(errno.ENOSPC, "No space left on device")
