"""How fast other packages train a dense autoencoder, and how well, against aespec.

    python benchmarks/packages.py --python pyod=/path/to/python --python pythae=/path/to/python

All train the autoencoder of `peers/dense.yaml` (784 - 100 - 30 - 100 - 784, relu, a linear reconstruction, squared
error) by Adam at 1e-3 on the same 20,480 images of Fashion-MNIST, which is whole batches of 32 and of 256, as long.
Each trains in a process of its own, with the Python that its package is installed in; the packages take turns, and the
medians of the rounds are shown. The loss is the mean squared error of an element, computed here for all from their
reconstructions of 5,000 images that none has seen. What a package does otherwise is said in its `peers/with_*.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from tabulate import tabulate

from aespec.data import load
from aespec.process import THREADS

PEERS = Path(__file__).parent / "peers"
OURS = ("aespec, torch", "aespec, keras")
OTHERS = ("pyod", "pythae", "ludwig")
TRAIN, HELD = 20_480, 5_000


@dataclass(frozen=True)
class Run:
    """One training."""

    package: str
    version: str
    batch_size: int
    parameters: int
    rate: float
    """Images a second, over all epochs but the first: that has what is done once."""
    seconds: float
    """Of all epochs."""
    loss: float


def train(package: str, python: str, data: Path, epochs: int, batch_size: int, threads: int | None) -> Run:
    """Let a package train in its own process.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    name, _, backend = package.partition(", ")
    result = data.with_name("reconstruction.npy")
    command = [python, str(PEERS / f"with_{name}.py"), *([backend] if backend else []), str(data), str(result)]
    variables = dict(os.environ) | (dict.fromkeys(THREADS, str(threads)) if threads else {})
    done = subprocess.run(
        [*command, str(epochs), str(batch_size)], check=True, capture_output=True, text=True, env=variables
    )
    found = json.loads(done.stdout.splitlines()[-1])
    error = np.load(result).reshape(HELD, -1).astype("float64") - np.load(data)["held"]
    rate = TRAIN / median(found["seconds"][1:] or found["seconds"])
    loss = float(np.mean(error**2))
    return Run(package, version(name, python), batch_size, found["parameters"], rate, found["whole"], loss)


def version(name: str, python: str) -> str:
    """Which release of a package a Python has."""
    ask = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()


def table(runs: list[Run], form: str) -> str:
    """A row for each package and batch size: medians, and the least and greatest rate."""
    rows = []
    for batch_size in dict.fromkeys(run.batch_size for run in runs):
        own = {}
        for run in runs:
            if run.batch_size == batch_size:
                own.setdefault(run.package, []).append(run)
        pace = {package: median(run.rate for run in found) for package, found in own.items()}
        first = pace.get(OURS[0])
        for package, found in own.items():
            rates = [run.rate for run in found]
            rows.append(
                [
                    f"{package} ({found[0].version})",
                    batch_size,
                    f"{found[0].parameters:,}",
                    f"{pace[package]:,.0f}",
                    f"{min(rates):,.0f} to {max(rates):,.0f}",
                    f"{pace[package] / first:.2f}" if first else "",
                    f"{median(run.seconds for run in found):.1f}",
                    f"{median(run.loss for run in found):.5f}",
                ]
            )
    headers = [
        "package",
        "batch",
        "parameters",
        "images/s",
        "least to most",
        "of aespec, torch",
        "training in s",
        "held-out mse",
    ]
    right = ("right",) * 7
    return tabulate(rows, headers, tablefmt=form, disable_numparse=True, colalign=("left", *right))


def main() -> None:
    """Train with each package in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help=f"a Python that has a package ({', '.join(OTHERS)}); without one the package is left out",
    )
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[32, 256], metavar="N")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of each process; as its framework chooses by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every run")
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    given = parser.parse_args()
    pythons = dict.fromkeys(OURS, sys.executable)
    for pair in given.python:
        name, _, path = pair.partition("=")
        if name not in OTHERS or not path:
            parser.error(f"--python takes NAME=PATH with one of {', '.join(OTHERS)}, not {pair!r}")
        pythons[name] = path

    x = load("fashion_mnist", shape=(784,), range=(0.0, 1.0)).inputs
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        np.savez(data, train=x[:TRAIN], held=x[-HELD:])
        turns = [
            (package, python, batch_size)
            for batch_size in given.batch_sizes
            for _ in range(given.rounds)
            for package, python in pythons.items()
        ]
        for package, python, batch_size in turns:
            try:
                runs.append(train(package, python, data, given.epochs, batch_size, given.threads))
            except subprocess.CalledProcessError as error:
                print(f"{package}: it failed\n{error.stderr}", file=sys.stderr)
                continue
            print(f"{package}, batch {batch_size}: {runs[-1].rate:,.0f} images/s", file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps([asdict(run) for run in runs], indent=2) + "\n", encoding="utf-8")
    print(table(runs, "github" if given.markdown else "simple"))


if __name__ == "__main__":
    main()
