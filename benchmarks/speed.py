"""How fast aespec trains the zoo, against the same models written by hand.

    python benchmarks/speed.py                                          # everything
    python benchmarks/speed.py --backend torch --specs specs/stacked.yaml --batch-sizes 32

The other side is in `peers`: stock layers and the training loop of each framework's own guides, with the optimizer,
batch size and data of the spec, and the same number of parameters. Each side has a process, as a command and a script
have, and they train in turn, an epoch or some at a time, so that what else the machine does meets both; what counts is
the median of the ratios of neighbouring rounds. The time before the steps go at their pace (building, tracing,
compiling) is a column of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from math import ceil
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from tabulate import tabulate

import aespec
from aespec.data import load
from aespec.process import own
from aespec.registry import find_backend
from aespec.training import Epoch, fit, split
from aespec.zoo import zoo

T = TypeVar("T", int, float)

BACKENDS = ("keras", "torch")
SYNTHETIC = 20_000
"""Samples where the spec is not of images."""
STEPS = 64
"""Steps an epoch, at least: what is done once an epoch is to weigh little, as with all samples."""


@dataclass(frozen=True)
class Case:
    """What one process measures."""

    spec: str
    """The path of the spec."""
    backend: str
    batch_size: int
    rounds: int
    seconds: float
    """How long each side of a round takes, at least."""
    threads: int | None
    compile: str
    """As the plan's field."""
    mixed_precision: str | None
    """As the plan's field; the model by hand stays in float32."""
    own: bool
    """Whether aespec's side sets for its process what the command sets."""


@dataclass(frozen=True)
class Result:
    """What it found. Rates are samples a second."""

    spec: str
    backend: str
    batch_size: int
    samples: int
    """In an epoch that was measured."""
    parameters: int
    peer_parameters: int
    """The same, but where the framework's layer has more: see `MORE_PARAMETERS` of the peers."""
    note: str
    """How aespec computes the steps."""
    rate: float
    peer_rate: float
    ratio: float
    quartiles: tuple[float, float]
    ratios: tuple[float, ...]
    start: float
    """Seconds from the first call, the framework imported, to the first step at that rate."""
    peer_start: float
    loss: float
    """Mean of the first epoch: both sides learn the same."""
    peer_loss: float


class Over(Exception):
    """Enough was measured."""


class ByHand:
    """The model by hand, in a process of its own."""

    def __init__(self, process: ProcessPoolExecutor, case: Case, name: str) -> None:
        self.process, self.case, self.name = process, case, name

    def begin(self, x: np.ndarray) -> None:
        """Build it anew, to be trained on these samples."""
        self.process.submit(_begin, self.case, self.name, x).result()

    def epoch(self) -> tuple[float, float]:
        """Train once over the samples; its seconds and its mean loss."""
        return self.process.submit(_epoch).result()

    @property
    def parameters(self) -> int:
        """Their number, once it has been trained."""
        return self.process.submit(_parameters).result()


_here: list[Any] = []
"""In the process of the model by hand: that model."""


def _begin(case: Case, name: str, x: np.ndarray) -> None:
    find_backend(case.backend).versions()
    backend = import_module(f"peers.in_{case.backend}")
    if case.threads and not _here:
        backend.set_threads(case.threads)
    _here[:] = [backend.Peer(name, x, case.batch_size)]


def _epoch() -> tuple[float, float]:
    found: tuple[float, float] = _here[0].epoch()
    return found


def _parameters() -> int:
    found: int = _here[0].parameters
    return found


class Match:
    """Called after each epoch of aespec: the other side trains in between."""

    def __init__(self, peer: ByHand, x: np.ndarray, rounds: int, seconds: float) -> None:
        self.peer, self.x, self.samples, self.rounds, self.seconds = peer, x, len(x), rounds, seconds
        self.firsts: list[float] = []
        self.losses: list[float] = []
        self.rates: list[float] = []
        self.peer_rates: list[float] = []
        self.spent: list[float] = []
        self.since = perf_counter()

    def __call__(self, epoch: Epoch) -> None:
        """Take the time, and let the other side train where a round is over."""
        self.spent.append(perf_counter() - self.since)
        if not self.firsts:
            start = perf_counter()
            self.peer.begin(self.x)
            _, loss = self.peer.epoch()
            self.firsts = [*self.spent, perf_counter() - start]
            self.losses = [epoch.losses["total"], loss]
            self.spent = []
        elif sum(self.spent) >= self.seconds:
            self.rates.append(self._rate(self.spent))
            spent: list[float] = []
            while sum(spent) < self.seconds:
                spent.append(self.peer.epoch()[0])
            self.peer_rates.append(self._rate(spent))
            self.spent = []
            if len(self.rates) == self.rounds:
                raise Over
        self.since = perf_counter()

    def _rate(self, seconds: list[float]) -> float:
        return len(seconds) * self.samples / sum(seconds)


def measure(case: Case) -> Result:
    """Train a spec and its peer in turn."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return _measured(case, process)


def _measured(case: Case, process: ProcessPoolExecutor) -> Result:
    spec = aespec.load(case.spec)
    find_backend(case.backend).versions()  # imports the framework, TensorFlow without its greetings
    backend = import_module(f"peers.in_{case.backend}")
    if spec.name not in backend.MODELS:
        raise ValueError(f"`{spec.name}` is not written by hand in peers/in_{case.backend}.py")
    if case.threads:
        backend.set_threads(case.threads)
    graph = aespec.compile(spec)
    x = samples(spec)
    fields = {"batch_size": case.batch_size, "compile": case.compile, "mixed_precision": case.mixed_precision}
    whole = spec.training.model_copy(update=fields)
    x, _ = split(x, whole.validation_split)
    peer = ByHand(process, case, spec.name)
    count = round_size(peer, x, case)

    match = Match(peer, x[:count], case.rounds, case.seconds)
    if case.own:
        own(case.backend, graph, whole)
    model = aespec.build(spec, backend=case.backend)
    make_trainer, notes = model.trainer, []
    # Whether to compile is decided as for the whole run, of which only a part is measured.
    model.trainer = lambda plan, samples: make_trainer(whole, len(x))
    plan = whole.model_copy(update={"validation_split": 0.0, "epochs": 10**6})
    with suppress(Over):
        fit(model, x[:count], plan, on_epoch=match, tell=notes.append)

    parameters = sum(param.size for param in graph.params.values() if param.trainable)
    wanted = parameters + backend.MORE_PARAMETERS.get(spec.name, 0)
    if peer.parameters != wanted:
        raise ValueError(f"the model by hand has {peer.parameters} parameters, not {wanted}")
    pairs = zip(match.rates, match.peer_rates, strict=True)
    neighbours = zip(match.rates[1:], match.peer_rates, strict=False)
    ratios = [ours / theirs for ours, theirs in (*pairs, *neighbours)]
    low, ratio, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    rate, peer_rate = median(match.rates), median(match.peer_rates)
    starts = [max(0.0, first - count / pace) for first, pace in zip(match.firsts, (rate, peer_rate), strict=True)]
    return Result(
        spec.name,
        case.backend,
        case.batch_size,
        count,
        parameters,
        wanted,
        notes[0],
        rate,
        peer_rate,
        ratio,
        (low, high),
        tuple(ratios),
        *starts,
        *match.losses,
    )


def samples(spec: aespec.Spec) -> np.ndarray:
    """Fashion-MNIST for a spec of images of its size, else numbers of the spec's shape."""
    shape = spec.input.shape
    if shape in ((28, 28), (None, 28)):
        return load("fashion_mnist", shape=shape, range=spec.input.range).inputs
    return np.random.default_rng(0).standard_normal((SYNTHETIC, *shape), "float32")


def round_size(peer: ByHand, x: np.ndarray, case: Case) -> int:
    """How many samples keep the peer busy for a round, `STEPS` at least: whole batches, or all there are."""
    count, seconds = case.batch_size, 0.0
    while count < len(x) and seconds < 0.25:
        count = min(4 * count, len(x))
        peer.begin(x[:count])
        peer.epoch()
        seconds, _ = peer.epoch()
    steps = ceil(case.seconds * count / seconds / case.batch_size)
    return min(max(steps, STEPS) * case.batch_size, len(x))


def table(results: list[Result], form: str) -> str:
    """A row a model and framework, columns for each batch size."""
    sizes = sorted({result.batch_size for result in results})
    found = {(result.spec, result.backend, result.batch_size): result for result in results}
    models = sorted({(result.spec, result.backend) for result in results})
    rows = [[*model, *(cell for size in sizes for cell in cells(found.get((*model, size))))] for model in models]
    names = ("aespec, samples/s", "by hand", "ratio (quartiles)", "to start, s")
    headers = ["spec", "framework"]
    for size in sizes:
        headers += [f"batch {size}: {names[0]}", *names[1:]]
    alignment = ("left", "left", *("right",) * len(names) * len(sizes))
    return tabulate(rows, headers, tablefmt=form, disable_numparse=True, colalign=alignment)


def cells(result: Result | None) -> list[str]:
    """What a table says of one measurement; nothing where it failed."""
    if result is None:
        return [""] * 4
    low, high = result.quartiles
    return [
        f"{result.rate:,.0f}",
        f"{result.peer_rate:,.0f}",
        f"{result.ratio:.2f} ({low:.2f} to {high:.2f})",
        f"{result.start:.1f}, {result.peer_start:.1f}",
    ]


def environment(threads: int | None) -> dict[str, Any]:
    """What the numbers depend on."""
    packages = ("aespec", "keras", "tensorflow", "torch", "numpy")
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads or "as the framework chooses",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def positive(kind: type[T]) -> Callable[[str], T]:
    """What reads a number of that kind above 0 from an argument."""

    def number(text: str) -> T:
        if (found := kind(text)) <= 0:
            raise argparse.ArgumentTypeError(f"{found} is not above 0")
        return found

    return number


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=(*BACKENDS, "all"), default="all")
    parser.add_argument("--specs", nargs="+", default=[str(path) for path in zoo().values()], metavar="FILE")
    parser.add_argument("--batch-sizes", nargs="+", type=positive(int), default=[32, 256], metavar="N")
    parser.add_argument("--rounds", type=positive(int), default=9, help="rounds a measurement (9)")
    parser.add_argument("--seconds", type=positive(float), default=1.5, help="of each side of a round, at least (1.5)")
    parser.add_argument(
        "--threads", type=positive(int), help="as the framework chooses by default, the same for both sides"
    )
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto", help="of aespec's steps (auto)")
    parser.add_argument("--mixed-precision", choices=("bfloat16",), help="of aespec's steps; by hand stays in float32")
    parser.add_argument(
        "--in-a-script",
        dest="own",
        action="store_false",
        help="do without what `aespec train` sets for its process: freed memory kept, one thread an operation",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where to write what was found; what is there already is kept"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    given = parser.parse_args()

    backends = BACKENDS if given.backend == "all" else (given.backend,)
    cases = [
        Case(
            spec,
            backend,
            batch_size,
            given.rounds,
            given.seconds,
            given.threads,
            given.compile,
            given.mixed_precision,
            given.own,
        )
        for spec in given.specs
        for backend in backends
        for batch_size in given.batch_sizes
    ]
    results: list[Result] = []
    about = {**environment(given.threads), "compile": given.compile, "mixed precision": given.mixed_precision or "none"}
    about |= {} if given.own else {"process": "as it is"}
    if given.json and given.json.exists():
        found = json.loads(given.json.read_text(encoding="utf-8"))
        if found["environment"] != about:
            parser.error(f"{given.json} has what was measured otherwise: name another file")
        kept = [Result(**each) for each in found["results"]]
        anew = {(Path(case.spec).stem, case.backend, case.batch_size) for case in cases}
        results = [result for result in kept if (result.spec, result.backend, result.batch_size) not in anew]
    fresh = multiprocessing.get_context("spawn")
    for case in cases:
        what = f"{Path(case.spec).stem}, {case.backend}, batch {case.batch_size}"
        try:
            with ProcessPoolExecutor(1, mp_context=fresh) as process:
                results.append(process.submit(measure, case).result())
        except Exception as error:  # the others are worth having
            print(f"{what}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        print(f"{what}: {results[-1].ratio:.2f}, {results[-1].note}", file=sys.stderr)
        if given.json:
            found = {"environment": about, "results": [asdict(each) for each in results]}
            given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(table(results, "github" if given.markdown else "simple"))
    if given.markdown:
        print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()) + ".")


if __name__ == "__main__":
    main()
