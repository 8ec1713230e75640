"""The autoencoders of a book, trained on both frameworks, beside the results that it published.

    python benchmarks/results.py     # trains what is not trained yet, then writes docs/results.md

The models are those of Geron, Hands-On Machine Learning, 2nd edition, chapter 17, with its settings: each is a spec of
the zoo, some with other values set on the command line. The runs are kept in runs/results, so that the page can be
written again without training; one that was cut off goes on.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import isnan, nan
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import click
import numpy as np
from agreement import courses
from tabulate import tabulate

import aespec
from aespec.data import load
from aespec.history import History, read
from aespec.picture import blank, save
from aespec.registry import find_backend
from aespec.run import Run, open_run
from aespec.stages import stages

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "results.md"
PICTURES = ROOT / "docs" / "pictures"
BACKENDS = ("keras", "torch")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
HELD = 5_000

Array = np.ndarray


@dataclass(frozen=True)
class Model:
    """A model as it was published, and how to train it."""

    title: str
    run: str
    """Names the folders of its runs; the three parts of greedy training share theirs."""
    spec: str
    train: float
    """The published losses of the last epoch."""
    validation: float = nan
    accuracy: float = nan
    """Rounded accuracy on the validation images."""
    options: str = ""
    """What the command is given beside the spec."""
    data: str = "fashion_mnist"
    phase: str = ""
    """The phase of greedy training that is meant."""


PHASES = "--greedy '[{optimizer: {sgd: 1.5}}, {optimizer: {sgd: 0.05}}]'"
GREEDY = f"{PHASES} --learning-rate 0.1 --epochs 10"

MODELS = (
    Model(
        "linear, 3-2-3",
        "linear",
        "pca",
        0.0055,
        options="--optimizer sgd --learning-rate 1.5 --epochs 20 --batch-size 32",
        data="runs/results/points.npy",
    ),
    Model("stacked", "stacked", "stacked", 0.2814, 0.2835, 0.9370),
    Model("tied weights", "tied", "tied", 0.2828, 0.2839, 0.9338),
    Model("greedy, phase 1", "greedy", "stacked", 0.2768, 0.2781, 0.9462, GREEDY, phase="encoder/dense_1"),
    Model("greedy, phase 2", "greedy", "stacked", 0.1704, 0.1687, nan, GREEDY, phase="encoder/dense_2"),
    Model("greedy, fine-tuned", "greedy", "stacked", 0.2839, 0.2857, 0.9371, GREEDY),
    Model("convolutional", "conv", "conv", 0.2665, 0.2671),
    Model("recurrent", "recurrent", "recurrent", 0.3190, 0.3206, 0.9015),
    Model("denoising, Gaussian", "denoising", "denoising", 0.2935, 0.2920, 0.9291),
    Model("denoising, dropout", "denoising_dropout", "denoising_dropout", 0.3004, 0.2958),
    Model(
        "sigmoid code",
        "sigmoid",
        "stacked",
        0.3088,
        0.3092,
        options="--set encoder.2.dense.activation=sigmoid --learning-rate 1.0 --epochs 10",
    ),
    Model("sparse, L1", "sparse_l1", "sparse_l1", 0.3205, 0.3212),
    Model("sparse, KL", "sparse_kl", "sparse_kl", 0.3044, 0.3053, 0.9174),
    Model("variational", "variational", "variational", 0.3118, 0.3133, 0.9228),
)

SEEDED = ("linear", "greedy", "sparse_kl", "variational")
SEEDS = (42, 1, 2, 3, 4)
"""The first is that of the zoo."""


@click.command()
@click.option(
    "--runs", type=click.Path(path_type=Path), default=ROOT / "runs" / "results", help="Where the runs are kept."
)
@click.option("--threads", default=1, show_default=True, help="Of each training: with one, a run repeats bit for bit.")
def main(runs: Path, threads: int) -> None:
    """Train each model on each backend and write the page."""
    runs.mkdir(parents=True, exist_ok=True)
    np.save(runs / "points.npy", points())
    for model, backend in product(MODELS, BACKENDS):
        _train(model, backend, runs / f"{model.run}-{backend}", threads)
    for model, seed in product(MODELS, SEEDS[1:]):
        if model.run in SEEDED:
            _train(model, "torch", runs / f"{model.run}-torch-{seed}", threads, "--seed", str(seed))


def points() -> Array:
    """The book's 60 points near a bent plane, centred."""
    draw = np.random.RandomState(4)
    angles = draw.rand(60) * 3 * np.pi / 2 - 0.5
    x = np.cos(angles) + np.sin(angles) / 2 + 0.05 * draw.randn(60)
    y = np.sin(angles) * 0.7 + 0.05 * draw.randn(60)
    z = 0.1 * x + 0.3 * y + 0.1 * draw.randn(60)
    found = np.stack([x, y, z], axis=1)
    return (found - found.mean(axis=0)).astype("float32")
