"""Sweeps: what is searched, what becomes of the trials, and what a folder keeps of them."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from math import inf, isclose, isnan, nan
from multiprocessing import active_children
from pathlib import Path
from random import Random
from threading import Thread

import numpy as np
import pytest
from click.testing import CliRunner
from command import aespec_, done

import aespec
from aespec.checkpoint import read as checkpoint
from aespec.cli import main
from aespec.cli.sweep import train_trial
from aespec.diagnostics import AespecError
from aespec.sweep import Listener, Sweep
from aespec.sweep.folder import Record, begin
from aespec.sweep.report import ranked, shown
from aespec.sweep.search import TPE, corners, grid, random
from aespec.sweep.space import Choices, Range, read, value
from aespec.sweep.trials import Failure, Planner, Result, Trial, compiled, metric
from aespec.sweep.workers import Processes, threads

UNITS, BATCH, RATE = "encoder.0.dense.units", "training.batch_size", "training.optimizer.sgd"
KINDS, L1 = "training.optimizer=sgd,adam", "activity_regularizer: {l1: 0.1}"

SPEC = """
name: small
input: [6]
encoder: [{dense: {units: 2}}]
decoder: mirror
training: {optimizer: {sgd: 0.01}, epochs: 1, batch_size: 8, seed: 5}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a small spec and data for it, to be in."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SPEC)
    np.save("data.npy", np.random.default_rng(0).normal(size=(40, 6)).astype("float32"))
    return tmp_path


class Inside:
    """Trains in this process, where the framework is imported already."""

    def __init__(self, function, at_once):
        self.function, self.at_once = function, at_once

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, calls):
        for number, call in calls.items():
            yield number, self.function(call)


@pytest.fixture
def inside(here, monkeypatch):
    """The same folder, where sweeps start no processes."""
    monkeypatch.setattr("aespec.sweep.workers.Processes", Inside)
    return here


def vary(*dimensions):
    return [part for dimension in dimensions for part in ("--vary", dimension)]


def sweep(*args, spec="small.yaml"):
    given = ["sweep", spec, "--backend", "torch", "--data", "data.npy", *map(str, args)]
    return CliRunner().invoke(main, given)


def rows(folder="sweeps/small"):
    with (Path(folder) / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def touched(folder="sweeps/small"):
    """When the weights of each trial were written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in Path(folder).glob("trials/*/weights.safetensors")}


def planner(spec=SPEC):
    def compile(assignments):
        parsed = aespec.parse(spec, assignments)
        return parsed, aespec.compile(parsed)

    return Planner(compile)


# --- what is searched -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("a.b=1,2,3", Choices("a.b", ("1", "2", "3"))),
        (" a.b = 1 , 2 ", Choices("a.b", ("1", "2"))),
        ("a=1", Choices("a", ("1",))),
        ("a=1,2,1", Choices("a", ("1", "2"))),  # once each
        ("a=[1,2],[3, 4]", Choices("a", ("[1,2]", "[3, 4]"))),
        (
            "a={sgd: {momentum: 0.9, nesterov: true}},adam",
            Choices("a", ("{sgd: {momentum: 0.9, nesterov: true}}", "adam")),
        ),
        ("""a="x,y",'p,q',[",",']']""", Choices("a", ('"x,y"', "'p,q'", """[",",']']"""))),
        (r'a="x\",y",z', Choices("a", (r'"x\",y"', "z"))),
        ("a=../x.npy", Choices("a", ("../x.npy",))),
        ("a=x=1,y=2", Choices("a", ("x=1", "y=2"))),
        ("a=1..8", Range("a", 1, 8, False)),
        ("a=-3..-1", Range("a", -3, -1, False)),
        ("a=1.0..8", Range("a", 1.0, 8.0, False)),
        ("a=1e-4..1e-1:log", Range("a", 1e-4, 1e-1, True)),
        ("a=16..256:log", Range("a", 16, 256, True)),
        ("a= 0.1 .. 0.5 :log", Range("a", 0.1, 0.5, True)),
        ("a=.5..1.", Range("a", 0.5, 1.0, False)),
    ],
)
def test_a_dimension_is_read_and_written(text, dimension):
    found = read(text)
    assert found == dimension
    assert getattr(found, "whole", None) == getattr(dimension, "whole", None)  # 1 == 1.0
    assert read(str(found)) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "without a `=`"),
        ("=1", "without a path"),
        ("a=", "without a value"),
        ("a=1,,2", "a comma and no value beside it"),
        ("a=1,", "a comma and no value beside it"),
        ("a=3..1", "holds nothing"),
        ("a=1..1", "holds nothing"),
        ("a=1..1e999", "holds nothing"),
        ("a=0..1:log", "begins at zero or below"),
        ("a=1..2:lin", "`:lin`"),
    ],
)
def test_a_dimension_that_cannot_be_read_is_refused(text, said):
    with pytest.raises(AespecError) as caught:
        read(text)
    assert said in str(caught.value)
    assert "--> --vary:1:1" in str(caught.value)
    assert caught.value.diagnostics[0].rule.code == "E509"


@pytest.mark.parametrize(
    ("written", "data"),
    [("1", 1), ("1e-3", 0.001), ("adam", "adam"), ("[1, 2]", [1, 2]), ("{a: 1.0}", {"a": 1.0}), ("${x}", "${x}")],
)
def test_a_value_is_what_the_spec_would_hold(written, data):
    assert value(written) == data


def test_a_grid_has_each_value_with_each_of_the_others_in_order():
    points = grid([read("a=1,2"), read("b=x,[3,4]")])
    assert points == [
        {"a": "1", "b": "x"},
        {"a": "1", "b": "[3,4]"},
        {"a": "2", "b": "x"},
        {"a": "2", "b": "[3,4]"},
    ]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (["a=1,2", "b=1..5"], ["a range has no grid", "--vary:1:3", "`--vary b=1,5`", "`--random 20`"]),
        (["a=1..5", "b=1e-3..1:log"], ["`1..5`", "`0.001..1.0:log`"]),
        (["a=" + ",".join(map(str, range(101))), "b=" + ",".join(map(str, range(100)))], ["a grid of 10,100"]),
    ],
)
def test_a_grid_of_ranges_or_of_too_many_trials_is_refused(space, said):
    with pytest.raises(AespecError) as caught:
        grid([read(text) for text in space])
    assert all(each in str(caught.value) for each in said)


def test_draws_are_reproducible_and_more_of_them_begin_alike():
    space = [read("a=x,y,z"), read("b=1..1000"), read("c=1e-4..1:log")]
    first = random(space, 20, seed=3)
    assert first == random(space, 20, seed=3)
    assert first == random(space, 30, seed=3)[:20]
    assert first != random(space, 20, seed=4)


def test_choices_are_not_drawn_twice():
    space = [read("a=x,y"), read("b=1..3")]
    everything = {(a, b) for a, b in product("xy", "123")}
    drawn = [tuple(point.values()) for point in random(space, 100, seed=0)]
    assert len(drawn) == 6
    assert set(drawn) == everything


@pytest.mark.parametrize(
    ("text", "middle"),
    [
        ("a=0.0..10.0", 5.0),
        ("a=1e-4..1.0:log", 1e-2),  # the geometric mean of the ends
        ("a=0..10", 5),
        ("a=1..10000:log", 71),  # of 0.5 to 10,000.5, what rounds to each number
    ],
)
def test_draws_are_spread_over_a_range(text, middle):
    dimension = read(text)
    source = Random(0)
    drawn = [value(dimension.draw(source)) for _ in range(1000)]
    assert all(dimension.low <= number <= dimension.high for number in drawn)
    assert all(isinstance(number, int) == dimension.whole for number in drawn)
    below = sum(number < middle for number in drawn) + sum(number == middle for number in drawn) / 2
    assert 420 < below < 580  # of 1,000: five standard deviations of a fair coin are 79


def test_whole_numbers_are_drawn_alike():
    source = Random(0)
    drawn = [read("a=0..4").draw(source) for _ in range(1000)]
    assert all(150 < drawn.count(str(number)) < 250 for number in range(5))  # of 200, give or take 13


def test_corners_have_every_value_once():
    assert corners([read("a=x,y,z"), read("b=1..8")]) == [
        {"a": "x", "b": "1"},
        {"a": "y", "b": "1"},
        {"a": "z", "b": "1"},
        {"a": "x", "b": "8"},
    ]


# --- Optuna -----------------------------------------------------------------------------------------------------

optuna = pytest.mark.skipif(find_spec("optuna") is None, reason="optuna is not installed")


def proposed(count, batch, seed=0, told=lambda point: 0.0):
    search = TPE([read("a=x,y"), read("b=1..100"), read("c=1e-3..1:log")], count, seed, batch)
    points = []
    while batch := search.ask():
        points.append(batch)
        search.tell([told(point) for point in batch])
    return points


@optuna
def test_proposals_come_in_batches_and_are_reproducible():
    def loss(point):
        return abs(float(point["b"]) - 70)

    points = proposed(25, 4, told=loss)
    assert [len(batch) for batch in points] == [4] * 6 + [1]
    assert points == proposed(25, 4, told=loss)
    assert points != proposed(25, 4, seed=1, told=loss)
    assert all(1 <= int(point["b"]) <= 100 and point["a"] in "xy" for batch in points for point in batch)


@optuna
def test_proposals_go_where_the_loss_is_low_and_stay_away_from_where_it_runs_away():
    def loss(point):
        return inf if point["a"] == "y" else abs(float(point["b"]) - 70)

    points = [point for batch in proposed(60, 1, told=loss) for point in batch]
    late = points[30:]
    assert sum(point["a"] == "x" for point in late) > 24  # a coin would have 15
    assert sum(abs(int(point["b"]) - 70) < 25 for point in late) > 20  # evenly drawn, it would be half


@optuna
def test_a_proposal_may_come_to_nothing():
    assert len(proposed(3, 2, told=lambda point: nan)) == 2


# --- what is trained --------------------------------------------------------------------------------------------


def test_all_problems_are_told_once_with_their_trials():
    points = grid([read("training.epoch=3,4"), read(f"{UNITS}=0,2")])
    with pytest.raises(AespecError) as caught:
        compiled(points, planner(), numbered=True)
    field, bounds = sorted(caught.value.diagnostics, key=lambda problem: problem.rule.code)
    assert field.message == (
        f"unknown field `epoch` of `training`, with training.epoch=3, {UNITS}=0 (trial 1, and 3 more)"
    )
    assert field.help == "did you mean `epochs`?"
    assert bounds.message.endswith(f"with training.epoch=3, {UNITS}=0 (trial 1, and 1 more)")
    assert (bounds.place.name, bounds.place.text) == ("--vary", f"{UNITS}=0")


@pytest.mark.parametrize(
    ("points", "name", "found"),
    [
        ([{}], None, "val_total"),
        ([{}, {"training.validation_split": "0.0"}], None, "total"),
        ([{}], "val_mse", "val_mse"),
        ([{}, {"loss": "mae"}], "total", "total"),
    ],
)
def test_what_decides(points, name, found):
    assert metric(compiled(points, planner(), numbered=True), name) == found


@pytest.mark.parametrize(
    ("points", "name", "said"),
    [
        ([{}], "val_mes", "did you mean `val_mse`?"),
        ([{}, {"loss": "mae"}], "mse", "not every trial has a loss `mse`"),
        ([{}], "seconds", "no loss is called `seconds`"),
    ],
)
def test_what_cannot_decide_is_refused(points, name, said):
    with pytest.raises(AespecError, match="E101") as caught:
        metric(compiled(points, planner(), numbered=True), name)
    assert said in str(caught.value)


def test_results_are_ranked_with_failures_last():
    results = [
        Result(Trial(number, {}, None, Path()), value, failure=Failure(problems=[]) if isnan(value) else None)
        for number, value in ((1, nan), (2, 0.5), (3, -1.0), (4, 0.5))
    ]
    assert [result.trial.number for result in ranked(results)] == [3, 2, 4, 1]


@pytest.mark.parametrize(
    ("point", "names", "values"),
    [
        ({UNITS: "8"}, ["units"], ["8"]),
        ({"encoder.1.dense.units": "8", "encoder.2.dense.units": "9"}, ["1.dense.units", "2.dense.units"], ["8", "9"]),
        ({"a": "0.000123456789", "b.c": "x" * 40}, ["a", "c"], ["0.00012346", "x" * 23 + "…"]),
        ({"a": "100000000"}, ["a"], ["1e+08"]),
        ({"b": "1", "a.b": "2"}, ["b", "a.b"], ["1", "2"]),
    ],
)
def test_what_is_shown_is_short_and_distinct(point, names, values):
    assert shown(point) == (names, values)


def test_the_record_keeps_losses_that_are_no_numbers(tmp_path):
    begin(tmp_path, {}, force=False)
    record = Record(command={}, told=[0.5, inf, nan])
    record.write(tmp_path)
    assert repr(begin(tmp_path, {}, force=False).told) == "[0.5, inf, nan]"


# --- a sweep with workers that do nothing -----------------------------------------------------------------------


class Idle:
    """Workers that fail at everything, and remember what."""

    at_once = 2

    def __init__(self, diverged=False):
        self.called, self.diverged = [], diverged

    def run(self, calls):
        self.called += calls
        for number in calls:
            yield number, Failure(problems=[], diverged=self.diverged)


class Batches:
    """A search whose points are given, that remembers what it is told."""

    def __init__(self, *batches):
        self.batches, self.told = [*batches, []], []

    def ask(self):
        return self.batches.pop(0)

    def tell(self, values):
        self.told.append(repr([*values]))


def course(folder, record=None):
    return Sweep(folder, record or Record(command={}), planner(), "val_total")


def test_trials_of_the_same_spec_are_trained_once(tmp_path):
    workers, under = Idle(), course(tmp_path)
    two, explicit = {UNITS: "2"}, {"encoder.0": "{dense: {units: 2, use_bias: true}}"}
    under.run(Batches([two, {UNITS: "3"}, explicit], [two, {UNITS: "4"}]), workers, lambda trial: (), Listener())
    assert workers.called == [1, 2, 3]
    assert sorted(path.name for path in (tmp_path / "specs").iterdir()) == ["0001.yaml", "0002.yaml", "0003.yaml"]


def test_a_point_that_makes_no_spec_is_a_trial_that_failed(tmp_path):
    workers, under, search = Idle(), course(tmp_path), Batches([{UNITS: "0"}, {UNITS: "3"}], [{UNITS: "0"}])
    under.run(search, workers, lambda trial: (), Listener())
    assert workers.called == [2]
    assert str(under.results[1].failure) == "`units` lies outside its bounds"
    assert search.told == ["[nan, nan]", "[nan]"]


def test_a_search_that_goes_on_is_told_what_it_was_told(tmp_path):
    record, points = Record(command={}), ([{UNITS: "2"}, {UNITS: "3"}], [{UNITS: "4"}])
    first, second = Batches(*points), Batches(*points)
    course(tmp_path, record).run(first, Idle(diverged=True), lambda trial: (), Listener())
    record.failures.clear()  # they are tried again, and now come to nothing
    course(tmp_path, record).run(second, Idle(), lambda trial: (), Listener())
    assert first.told == second.told == ["[inf, inf]", "[inf]"]


# --- worker processes -------------------------------------------------------------------------------------------

ANSWERS = """
import os, signal, sys, time
from aespec.sweep.workers import died

def answer(call):
    if call[0] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if call[0] == "exit":
        raise SystemExit(3)
    if call[0] == "sleep":
        time.sleep(60)
    if call[0] == "tell":
        return died(call, " ".join([os.environ["OMP_NUM_THREADS"], str("torch" in sys.modules), str(os.getpid())]))
    return None
"""


@pytest.fixture
def answer(tmp_path, monkeypatch):
    """A function that a worker can import by its name."""
    (tmp_path / "answers.py").write_text(ANSWERS)
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("answers").answer
    sys.modules.pop("answers")


def test_a_call_whose_process_dies_fails_and_the_others_do_not(answer):
    calls = {1: ("die",), 2: ("fine",), 3: ("exit",), 4: ("fine",)}
    with Processes(answer, 2) as workers:
        found = dict(workers.run(calls))
    assert found[2] is found[4] is None
    assert [problem["got"] for number in (1, 3) for problem in found[number].problems] == [
        "killed by SIGKILL",
        "exit code 3",
    ]
    assert "`aespec train die` trains it alone" in found[1].diagnostics[0].help


def test_a_process_makes_one_call_after_the_other_with_its_share_of_the_threads(answer, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("aespec.sweep.workers.cores", lambda: 7)
    with Processes(answer, 2) as workers:
        told = [failure.problems[0]["got"].split() for _, failure in workers.run(dict.fromkeys(range(6), ("tell",)))]
    assert {(count, torch) for count, torch, _ in told} == {("3", "False")}  # 7 // 2, set before torch is imported
    assert len({pid for *_, pid in told}) <= 2


def test_what_the_user_says_of_threads_counts(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    assert (threads(2)["OMP_NUM_THREADS"], threads(2)["TF_NUM_INTRAOP_THREADS"]) == ("5", "2")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_workers_end_when_who_started_them_is_killed(answer, tmp_path):
    code = (
        "import sys; sys.path.insert(0, '.'); from answers import answer; from aespec.sweep.workers import Processes\n"
        "from multiprocessing import active_children as children; import threading as t\n"
        "t.Timer(0.1, lambda: print(*(child.pid for child in children()), flush=True)).start()\n"
        "with Processes(answer, 1) as workers: list(workers.run({1: ('sleep',)}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as parent:
        child = parent.stdout.readline().strip()
        assert running(child)
        parent.kill()
    wait_for(lambda: not running(child))


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


# --- the command ------------------------------------------------------------------------------------------------


def test_a_grid_is_trained_ranked_and_written(here):
    done = sweep(*vary(f"{UNITS}=1,2", f"{BATCH}=4,8"))
    assert done.exit_code == 0, done.output
    found = rows()
    assert [row["rank"] for row in found] == ["1", "2", "3", "4"]
    losses = [float(row["val_total"]) for row in found]
    assert losses == sorted(losses)
    of = {row["trial"]: (row[UNITS], row[BATCH], row["parameters"]) for row in found}
    # 6 * 1 + 1 + 1 * 6 + 6 = 19 parameters; 6 * 2 + 2 + 2 * 6 + 6 = 32
    assert of == {
        "0001": ("1", "4", "19"),
        "0002": ("1", "8", "19"),
        "0003": ("2", "4", "32"),
        "0004": ("2", "8", "32"),
    }
    for row in found:
        folder = Path("sweeps/small/trials") / row["trial"]
        with (folder / "history.csv").open(newline="") as file:
            (last,) = csv.DictReader(file)
        assert (row["val_total"], row["epochs"]) == (last["val_total"], "1")
        spec = aespec.load(folder / "spec.yaml")
        assert (str(spec.encoder[0].units), str(spec.training.batch_size)) == (row[UNITS], row[BATCH])
    lines = done.output.splitlines()
    assert lines[0] == "small on torch with data.npy: grid, 1 at a time"
    assert lines[5].split() == ["Rank", "Trial", "units", "batch_size", "val_total", "Epochs", "Seconds", "Parameters"]
    best = found[0]["trial"]
    assert lines[7].split()[:2] == ["1", best]
    assert (
        f"`aespec train sweeps/small/best.yaml --backend torch --data data.npy` trains the best, trial {best}"
        in lines[-1]
    )


def test_the_best_spec_trains_to_the_same_loss(inside):
    assert sweep(*vary(f"{UNITS}=1,3"), "--quiet").output == ""
    again = ["train", "sweeps/small/best.yaml", "--backend", "torch", "--data", "data.npy", "--out", "again", "--quiet"]
    assert CliRunner().invoke(main, again).exit_code == 0
    final = json.loads(Path("again/run.json").read_text())["final"]
    assert isclose(final["validation"]["total"], float(rows()[0]["val_total"]), rel_tol=1e-6)


def test_the_histories_of_all_trials_are_drawn(inside):
    assert sweep(*vary(f"{RATE}=0.01,1e30,0.02")).exit_code == 0
    folders = sorted(map(str, Path("sweeps/small/trials").iterdir()))
    drawn = CliRunner().invoke(main, ["history", *folders, "--format", "json"])
    assert [run["name"] for run in json.loads(drawn.output)["runs"]] == ["0001", "0003"]


def test_json_has_the_table_as_data(inside):
    done = sweep(*vary("encoder.0.dense.units=2,3", "training.clip_norm=null"), "--format", "json", "--metric", "total")
    found = json.loads(done.output)
    assert (found["sweep"], found["metric"], found["best"]) == ("sweeps/small", "total", "sweeps/small/best.yaml")
    trials = {trial["trial"]: trial for trial in found["trials"]}
    assert trials[1]["values"] == {UNITS: 2, "training.clip_norm": None}
    assert (trials[2]["parameters"], trials[2]["epochs"], trials[2]["diagnostics"]) == (45, 1, [])
    assert trials[2]["run"] == "sweeps/small/trials/0002"
    assert [trial["value"] for trial in found["trials"]] == [float(row["total"]) for row in rows()]


def test_a_trial_that_fails_is_a_row(inside):
    done = sweep(*vary(f"{RATE}=1e30,0.01"))
    assert done.exit_code == 0, done.output
    assert "trial 0001  failed: the loss is no longer a number" in done.output
    good, bad = rows()
    assert (good["trial"], good["error"]) == ("0002", "")
    assert (bad["trial"], bad["rank"], bad["val_total"]) == ("0001", "", "")
    assert bad["error"].startswith("the loss is no longer a number")


@pytest.mark.parametrize(("form", "said"), [("text", "error[E503]"), ("json", '"code": "E503"')])
def test_a_sweep_fails_when_all_trials_do(form, said, inside):
    done = sweep(*vary(f"{RATE}=1e30"), "--format", form)
    assert done.exit_code == 1
    assert said in done.output
    assert not Path("sweeps/small/best.yaml").exists()


def test_the_best_epoch_counts_where_its_weights_come_back(inside):
    stopping = "training.early_stopping={patience: 2, restore_best: true}"
    sweep(*vary(f"{RATE}=0.9"), "--set", stopping, "--set", "training.epochs=12")
    with Path("sweeps/small/trials/0001/history.csv").open(newline="") as file:
        losses = [float(row["val_total"]) for row in csv.DictReader(file)]
    assert min(losses) < losses[-1]  # or nothing is tested
    assert float(rows()[0]["val_total"]) == min(losses)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (vary("encoder.9.dense.units=1,2"), 1, "with encoder.9.dense.units=1 (trial 1, and 1 more)"),
        (vary(f"{UNITS}=1,0", f"{BATCH}=4,8"), 1, f"with {UNITS}=0, {BATCH}=4 (trial 3, and 1 more)"),
        (vary(f"{UNITS}=1..4"), 1, "a range has no grid"),
        ([*vary(f"{UNITS}=0..4"), "--optuna", 3], 1, f"with {UNITS}=0\n"),
        (vary(f"{UNITS}=1", f"{UNITS}=2", "x"), 1, "is varied twice"),
        ([*vary(f"{BATCH}=4,8"), "--set", f"{BATCH}=2"], 1, f"`{BATCH}` is varied, and set as well"),
        (vary("training.optimizer.momentum=0,0.9", KINDS), 1, "did you mean `training.optimizer.sgd.momentum`?"),
        (vary(KINDS, "training.optimizer.momentum=0,0.9"), 1, "did you mean `training.optimizer.sgd.momentum`?"),
        ([*vary(KINDS), "--set", "training.optimizer.sgd.momentum=0.9"], 1, "with training.optimizer=adam"),
        ([*vary("encoder.0.dense=3,4"), "--set", f"{UNITS}=2"], 1, "takes away what `encoder.0.dense` says"),
        (vary(f"{RATE}=0.1,0.2", f"{RATE}.learning_rate=0.3,0.4"), 1, f"takes away what `{RATE}` says"),
        (
            [*vary("training={epochs: 1},{epochs: 2}"), "--set", "training.epochs=3"],
            1,
            "takes away what `training` says",
        ),
        ([*vary("encoder=[{dense: 3}]"), "--set", f"{UNITS}=2"], 1, "takes away what `encoder` says"),
        ([*vary("encoder=[{dense: 3},{dense: 4}]"), "--set", f"{UNITS}=2"], 1, "takes away what `encoder` says"),
        (vary("vars.width=1,2"), 1, "nothing uses the variable `width`"),
        ([*vary(f"{UNITS}=1..4"), "--random", 10_001], 1, "at most 10,000 trials"),
        ([*vary(f"{UNITS}=1"), "--data", "dta.npy"], 1, "error[E401]"),
        ([*vary(f"{UNITS}=1"), "--backend", "trch"], 1, "did you mean `torch`?"),
        ([*vary(f"{UNITS}=1"), "--metric", "val_tot"], 1, "did you mean `val_total`?"),
        ([*vary(f"{UNITS}=1"), "--seed", 1], 2, "'--set training.seed=N' is that of training"),
        ([*vary(f"{UNITS}=1"), "--random", 1, "--optuna", 1], 2, "give one"),
        ([*vary(f"{UNITS}=1"), "--ray-address", "auto"], 2, "goes with '--ray'"),
        ([], 2, "Missing option '--vary'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(args, code, said, inside):
    done = sweep(*args)
    assert done.exit_code == code, done.output
    assert said in done.output
    assert not Path("sweeps").exists()


def test_the_same_command_keeps_what_is_finished(inside):
    args = vary(f"{RATE}=0.01,0.02,1e30")
    assert sweep(*args).exit_code == 0
    before, table = touched(), rows()
    assert len(before) == 2
    done = sweep(*args)
    assert "3 trials ended before" in done.output  # the loss that ran away is not tried again
    assert touched() == before
    assert rows() == table


def test_what_was_not_finished_is_trained_and_more_can_be_drawn(inside):
    args = [*vary(f"{UNITS}=1..6", f"{RATE}=1e-4..1e-1:log"), "--seed", 1, "--random"]
    assert sweep(*args, 2).exit_code == 0
    before = touched()
    assert sweep(*args, 3).exit_code == 0
    after = touched()
    assert len(after) == 3
    assert before.items() < after.items()
    Path("sweeps/small/trials/0002/weights.safetensors").unlink()
    Path("sweeps/small/trials/0002/checkpoint/last.safetensors").unlink()
    assert sweep(*args, 3).exit_code == 0
    assert {trial for trial, when in touched().items() if after.get(trial) != when} == {"0002"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"vary": f"{UNITS}=1,3"}, f'= got: vary ["{UNITS}=1,3"]'),
        ({"args": ["--limit", "20"]}, "= wanted: limit null"),
        ({"args": ["--backend", "numpy"]}, '= got: backend "numpy"'),
        ({"args": ["--random", "2"]}, '= wanted: search "grid"'),
        ({"args": ["--set", "training.epochs=2"]}, "= got: training.epochs: 2"),
        ({"data": "data.npy"}, "= wanted: digest"),
    ],
)
def test_another_sweep_in_the_folder_is_refused_unless_forced(changed, said, inside):
    assert sweep(*vary(f"{UNITS}=1,2")).exit_code == 0
    before, table = touched(), rows()
    if "data" in changed:
        np.save(changed["data"], np.zeros((40, 6), "float32"))
    args = [*vary(changed.get("vary", f"{UNITS}=1,2")), *changed.get("args", [])]
    refused = sweep(*args)
    assert refused.exit_code == 1
    assert "error[E508]: sweeps/small holds" in refused.output
    assert said in refused.output
    assert (touched(), rows()) == (before, table)
    if "numpy" not in args:  # which cannot train
        assert sweep(*args, "--force").exit_code == 0
        assert not before.items() & touched().items()


def test_force_takes_away_only_what_a_sweep_wrote(inside):
    assert sweep(*vary(f"{UNITS}=1,2,3")).exit_code == 0
    mine = Path("sweeps/small/trials/0003/notes.txt"), Path("sweeps/small/notes.txt")
    for path in mine:
        path.touch()
    assert sweep(*vary(f"{UNITS}=1"), "--force").exit_code == 0
    assert all(path.exists() for path in mine)
    assert sorted(path.name for path in Path("sweeps/small").rglob("*.safetensors")) == [
        "last.safetensors",
        "weights.safetensors",
    ]
    assert [path.name for path in Path("sweeps/small/specs").iterdir()] == ["0001.yaml"]


def test_data_in_a_folder_is_the_sweeps_as_a_file_is(inside):
    Path("parts").mkdir()
    for n in range(2):
        np.save(f"parts/{n}.npy", np.load("data.npy"))
    args = [*vary(f"{UNITS}=1,2"), "--data", "parts"]
    assert sweep(*args).exit_code == 0
    assert "2 trials ended before" in sweep(*args).output
    np.save("parts/1.npy", np.zeros((40, 6), "float32"))
    assert "error[E508]" in sweep(*args).output


def test_a_folder_with_something_else_is_left_alone(inside):
    Path("mine").mkdir()
    Path("mine/notes.txt").touch()
    refused = sweep(*vary(f"{UNITS}=1"), "--out", "mine")
    assert "error[E504]: mine is not empty" in refused.output
    assert sorted(path.name for path in Path("mine").iterdir() if path.name != ".lock") == ["notes.txt"]


def test_a_worker_that_is_killed_fails_its_trial_which_is_gone_on_with(here, monkeypatch):
    def kill():
        wait_for(Path("sweeps/small/trials/0001/checkpoint/last.safetensors").exists)
        wait_for(lambda: len(Path("sweeps/small/trials/0001/history.csv").read_text().splitlines()) > 1)
        (worker,) = active_children()
        os.kill(worker.pid, signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    args = [*vary("training.epochs=300,1"), "--limit", 8]
    done = sweep(*args)
    killer.join()
    assert done.exit_code == 0, done.output
    good, bad = rows()
    assert (good["trial"], good["epochs"]) == ("0002", "1")
    assert (bad["trial"], bad["error"]) == ("0001", "its process ended before the trial did")
    begun = Path("sweeps/small/trials/0001/history.csv").read_text().splitlines()
    assert 2 <= len(begun) <= 300
    monkeypatch.setattr("aespec.sweep.workers.Processes", Inside)
    assert sweep(*args).exit_code == 0
    whole = Path("sweeps/small/trials/0001/history.csv").read_text().splitlines()
    assert whole[:2] == begun[:2]  # the time of an epoch that is trained again would be another
    assert {row["trial"]: row["epochs"] for row in rows()} == {"0001": "300", "0002": "1"}


def test_a_trial_that_ends_between_its_checkpoint_and_its_history_is_gone_on_with(inside, monkeypatch):
    def broken(*_):
        raise ValueError("gone")

    args = vary("training.epochs=2,3")
    with monkeypatch.context() as patched:
        patched.setattr("aespec.course._History.epoch", broken)
        assert sweep(*args).exit_code == 1
    for trial in ("0001", "0002"):
        assert len(checkpoint(Path("sweeps/small/trials") / trial).epochs) == 1
    assert sweep(*args).exit_code == 0
    assert {row["epochs"] for row in rows()} == {"2", "3"}


def test_a_trial_whose_checkpoint_is_damaged_begins_again(inside, monkeypatch):
    args = vary("training.epochs=2,3")
    with monkeypatch.context() as patched:
        patched.setattr("aespec.course._History.epoch", lambda *_: 1 / 0)
        assert sweep(*args).exit_code == 1
    trial = Path("sweeps/small/trials/0001")
    (trial / "checkpoint/last.safetensors").write_bytes(b"damaged")
    assert sweep(*args).exit_code == 0
    assert {row["error"] for row in rows()} == {""}


@pytest.mark.parametrize("name", ["history.csv", "run.json", "spec.yaml"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("{")], ids=["gone", "damaged"])
def test_a_finished_trial_that_is_damaged_is_trained_again(name, damage, inside):
    args = vary("training.epochs=1,2")
    assert sweep(*args).exit_code == 0
    before = {row["trial"]: row["val_total"] for row in rows()}
    damage(Path("sweeps/small/trials/0001") / name)
    assert "1 trial ended before" in done(sweep(*args)).output
    assert {row["trial"]: row["val_total"] for row in rows()} == before


@pytest.mark.parametrize(
    ("options", "wanted", "got"),
    [
        (("--epochs", 5), "training.epochs: 1", "training.epochs: 5"),
        (("--epochs", 5, "--learning-rate", 0.3), "learning_rate: 0.01", "learning_rate: 0.3"),
    ],
)
def test_a_trial_that_was_trained_on_by_another_plan_is_none_of_the_sweep(options, wanted, got, inside):
    args = vary("training.epochs=1,2")
    assert sweep(*args).exit_code == 0
    table = rows()
    done(aespec_("train", "--resume", "sweeps/small/trials/0001", *options, "--quiet", "--no-report"))
    refused = sweep(*args)
    assert refused.exit_code == 1
    assert "error[E508]: sweeps/small/trials/0001 was trained by another plan than that of the sweep" in refused.output
    assert re.search(f"= wanted: .*{wanted}\n *= got: .*{got}\n", refused.output)
    assert rows() == table
    Path("sweeps/small/trials/0001").rename("mine")  # as the help says
    done(sweep(*args))
    assert [{**row, "seconds": ""} for row in rows()] == [{**row, "seconds": ""} for row in table]


@pytest.mark.parametrize(
    ("varied", "more", "said"),
    [
        ("loss=mse,mae", (), True),
        ("loss=[{mse: {weight: 1}}],[{mse: {weight: 2}}]", (), True),
        ("encoder.0.dense.activity_regularizer.l1=0.1,0.2", (), True),
        (
            f"encoder=[{{dense: {{units: 2, {L1}}}}}],[{{dense: {{units: 3, {L1}}}}},{{dense: {{units: 2, {L1}}}}}]",
            (),
            True,
        ),
        ("encoder.0.dense.activity_regularizer.l1=0.1,0.2", ("--metric", "val_mse"), False),
        (f"{UNITS}=1,2", (), False),
    ],
)
def test_totals_that_are_not_to_be_compared_are_told(varied, more, said, inside):
    note = "the trials add up different losses in `val_total`, whose values are not to be compared"
    assert (f"\n  {note}\n" in done(sweep(*vary(varied), *more)).output) is said
    found = json.loads(done(sweep(*vary(varied), *more, "--format", "json")).output)
    assert found["notes"] == [note] * said


@pytest.mark.parametrize("gone", [["sweep.json"], ["sweep.json", "specs/0001.yaml", "specs/0002.yaml"]])
def test_what_may_be_trials_of_another_sweep_is_neither_taken_over_nor_away(gone, inside):
    assert sweep(*vary("training.epochs=1,2"), "--limit", 20).exit_code == 0
    before = touched()
    for name in gone:
        Path("sweeps/small", name).unlink()
    for force in ([], ["--force"]):
        refused = sweep(*vary("training.epochs=1,2"), *force)
        assert "error[E504]: sweeps/small has what may be trials of a sweep, and no sweep.json of one" in refused.output
        assert touched() == before
    Path("sweeps/small").rename("elsewhere")  # as the help says
    done(sweep(*vary("training.epochs=1,2")))


@pytest.mark.parametrize("gone", ["specs/0001.yaml", "trials/0001/spec.yaml", "trials/0001/run.json"])
def test_force_takes_nothing_over(gone, inside):
    args = vary("training.epochs=1,2")
    done(sweep(*args))
    wanted = {row["trial"]: row["val_total"] for row in rows()}
    done(sweep(*args, "--limit", 20, "--force"))
    Path("sweeps/small", gone).unlink()
    assert "ended before" not in done(sweep(*args, "--force")).output
    assert {row["trial"]: row["val_total"] for row in rows()} == wanted


def test_force_leaves_specs_and_runs_of_others_alone(inside):
    done(sweep(*vary("training.epochs=1,2"), "-o", ".", "--force"))
    mine = [Path("specs/2layers.yaml"), Path("specs/12.yaml"), Path("trials/2024-mine/weights.safetensors")]
    mine += [Path("trials/0001.bak/weights.safetensors"), Path("trials/0002.txt"), Path("trials/0000/run.json")]
    kept = Path("trials/0002").rename("kept") / "weights.safetensors"
    Path("trials/0002").symlink_to("../kept")
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    done(sweep(*vary("training.epochs=1"), "-o", ".", "--force"))
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert kept.exists()
    assert not Path("trials/0002").exists()


def test_force_takes_nothing_away_where_the_record_is_no_sweeps(inside):
    run = Path("sweeps/small/trials/0001/run.json")
    run.parent.mkdir(parents=True)
    run.write_text("{}")
    Path("sweeps/small/sweep.json").write_text('{"method": "bayes"}')
    for force, code in ([], "E501"), (["--force"], "E504"):
        refused = sweep(*vary("training.epochs=1"), *force)
        assert f"error[{code}]" in refused.output
        assert "give another folder with `-o`" in refused.output
        assert run.read_text() == "{}"


def test_a_sweep_that_dies_while_it_takes_the_earlier_away_begins_again_all_the_same(inside, monkeypatch):
    """Whatever of the earlier one is left."""
    args, unlink, deaths = vary("training.epochs=1,2"), Path.unlink, 0
    done(sweep(*args))
    wanted = {row["trial"]: row["val_total"] for row in rows()}
    while True:
        done(sweep(*args, "--limit", 20, "--force"))
        left = [deaths]

        def dying(path, missing_ok=False, left=left):
            if path.is_relative_to("sweeps") and path.exists():
                left[0] -= 1
                if left[0] < 0:
                    raise SystemExit(9)
            unlink(path, missing_ok=missing_ok)

        with monkeypatch.context() as patched:
            patched.setattr("aespec.sweep.folder.prepare", lambda *_, **__: sys.exit(0))  # all is taken away
            patched.setattr(Path, "unlink", dying)
            if sweep(*args, "--force").exit_code == 0:
                break
        deaths += 1
        done(sweep(*args, "--force"))
        assert {row["trial"]: row["val_total"] for row in rows()} == wanted
    assert deaths > 12


@pytest.mark.parametrize(
    "more",
    [
        ("--set", "training.window=8", "--data", "digits", "--limit", 40, "--set", "input.shape=[64]"),
        ("--set", "training.validation_data=held.npy"),
    ],
)
def test_what_training_settles_itself_makes_no_other_plan(more, here, monkeypatch):
    """The window that was used and where the validation file lay stand in the spec of a run."""
    np.save("held.npy", np.load("data.npy")[:10])
    args = [*vary("training.epochs=300,1"), "--set", "training.validation_split=0", *more]

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("aespec.sweep.workers.Processes", Inside)
    with monkeypatch.context() as patched:
        patched.setattr("aespec.course._History.epoch", interrupted)
        assert sweep(*args).exit_code == 130
    assert len(checkpoint(Path("sweeps/small/trials/0001")).epochs) == 1
    for kept in (0, 2):
        assert (f"{kept} trials ended before" in done(sweep(*args)).output) is bool(kept)


def test_a_validation_file_that_is_nowhere_is_told_before_anything_is_written(inside):
    refused = sweep(
        *vary(f"{UNITS}=1,2"), "--set", "training.validation_data=no.npy", "--set", "training.validation_split=0"
    )
    assert "error[E401]: there is no data set and no file `no.npy`" in refused.output
    assert "--> --set:1:26" in refused.output
    assert "or name other data with `--set training.validation_data=FILE`" in refused.output
    assert not Path("sweeps").exists()


def test_a_validation_file_that_changed_makes_another_sweep(inside):
    np.save("held.npy", np.load("data.npy")[:10])
    args = ["--set", "training.validation_data=held.npy", "--set", "training.validation_split=0"]
    assert sweep(*vary("training.epochs=1..9"), "--random", 1, *args).exit_code == 0
    assert sweep(*vary("training.epochs=1..9"), "--random", 1, *args).exit_code == 0
    np.save("held.npy", np.load("data.npy")[10:20])
    refused = sweep(*vary("training.epochs=1..9"), "--random", 1, *args)
    assert "error[E508]: sweeps/small holds another sweep" in refused.output


def test_what_cannot_be_printed_ends_no_sweep(here, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = [sys.executable, "-m", "aespec", "sweep", "small.yaml", "--backend", "torch", "--data", "data.npy"]
    with Path("/dev/full").open("w") as nowhere:
        command += [*vary(f"{UNITS}=1,2"), "--format", "json"]
        done = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, len(rows())) == (0, 2)
    assert done.stderr == "warning: stdout cannot be written (No space left on device); this goes on without it\n"


def test_a_sweep_that_nobody_reads_says_how_it_goes_on(here):
    command = [sys.executable, "-m", "aespec", "sweep", "small.yaml", "--backend", "torch", "--data", "data.npy"]
    command += vary(f"{UNITS}=1,2,3")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert said == (
        "stopped, for nobody reads what is printed: sweeps/small keeps what it has; the same command goes on with it\n"
    )
    assert len(rows()) < 3
    assert sweep(*vary(f"{UNITS}=1,2,3")).exit_code == 0
    assert len(rows()) == 3


def test_an_interruption_leaves_checkpoints_and_says_how_to_go_on(here):
    args = ["sweep", "small.yaml", "--backend", "torch", "--data", "data.npy", "--limit", "8", "--jobs", "2"]
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "if __name__ == '__main__': from aespec.cli import main; main()"
    )
    command = [sys.executable, "-c", code, *args, *vary("training.epochs=50000", f"{UNITS}=1,2,3")]
    checkpoints = [Path(f"sweeps/small/trials/000{n}/checkpoint/last.safetensors") for n in (1, 2)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        wait_for(lambda: all(path.exists() for path in checkpoints))
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "interrupted: sweeps/small keeps what it has; the same command goes on with it" in said
    assert "Traceback" not in said
    for path in checkpoints:
        epochs = len((path.parents[1] / "history.csv").read_text().splitlines()) - 1
        # an interruption may come between the checkpoint of an epoch and its row, which going on writes again
        assert 0 < epochs <= len(checkpoint(path.parents[1]).epochs) <= epochs + 1
    assert rows() == []


def test_what_was_begun_by_force_goes_on_without(inside, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("aespec.course._History.epoch", interrupted)
    said = sweep(*vary("training.epochs=2,3"), "--force").output
    assert "sweeps/small keeps what it has; the same command without `--force` goes on with it" in said


def test_a_second_interruption_waits_for_nothing_and_says_how_to_go_on_too(monkeypatch):
    """Of the first one's words none are lost."""
    waits, ended = [], []

    class Slow:
        alive = True

        def end(self, at_once):
            ended.append(at_once)

        def wait(self):
            waits.append(self)
            raise KeyboardInterrupt

        def kill(self):
            ended.append("killed")

    workers = Processes(train_trial, 1)
    monkeypatch.setattr(workers, "_idle", [Slow()])
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"), workers:
        raise KeyboardInterrupt("the same command goes on")
    assert len(waits) == 1
    assert ended == [True, "killed"]
    with pytest.raises(KeyboardInterrupt), workers:
        pass


@optuna
def test_optuna_proposes_the_same_when_a_sweep_goes_on(inside):
    args = [*vary(f"{UNITS}=1..6", f"{RATE}=1e-4..1e-1:log"), "--jobs", 2, "--optuna"]
    assert sweep(*args, 3).exit_code == 0
    before, known = touched(), {row["trial"]: row[RATE] for row in rows()}
    assert sweep(*args, 5).exit_code == 0
    assert before.items() < touched().items()
    assert len(touched()) == 5
    assert known.items() < {row["trial"]: row[RATE] for row in rows()}.items()
    assert "error[E508]" in sweep(*args, 5, "--metric", "total").output


@pytest.mark.parametrize(("args", "package"), [(["--optuna", 2], "optuna"), (["--ray"], "ray")])
def test_what_is_not_installed_is_said_with_the_command_to_install_it(args, package, inside, monkeypatch):
    monkeypatch.setattr("aespec.sweep.search.find_spec", lambda name: None)
    monkeypatch.setattr("aespec.sweep.cluster.find_spec", lambda name: None)
    done = sweep(*vary(f"{UNITS}=1,2"), *args)
    assert done.exit_code == 1
    assert f"error[E302]: {package} is not installed" in done.output
    assert f"`pip install 'aespec[{package}]'`" in done.output
    assert not Path("sweeps").exists()


@pytest.fixture(params=["made for the sweep", "of two nodes"])
def cluster(request, monkeypatch):
    """What `--ray` takes with it, and how many trials are trained at a time then."""
    utilities = pytest.importorskip("ray.cluster_utils")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    if request.param == "made for the sweep":
        yield ["--jobs", "1"], 1
        return
    nodes = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        nodes.add_node(num_cpus=2)
        yield ["--ray-address", nodes.address], 2
    finally:
        nodes.shutdown()


def test_ray_trains_the_same(inside, cluster):
    where, at_once = cluster
    environment = {**os.environ, "HOME": str(inside)}
    command = [sys.executable, "-m", "aespec", "sweep", "small.yaml", "--backend", "torch", "--data", "data.npy"]
    command += vary(f"{RATE}=0.01,1e30")
    done = subprocess.run([*command, "--ray", *where, "-o", "far"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{at_once} at a time" in done.stdout
    assert sweep(*vary(f"{RATE}=0.01,1e30"), "-o", "near").exit_code == 0
    far, near = ([{**row, "seconds": ""} for row in rows(folder)] for folder in ("far", "near"))
    assert far == near


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_a_cluster_that_is_not_there_is_said_at_once(here):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = sweep(*vary(f"{UNITS}=1,2"), "--ray", "--ray-address", address)
    assert "error[E302]: there is no Ray cluster to train on" in done.output


def test_training_that_breaks_is_a_failure_and_no_crash(inside, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr("aespec.cli.train._run", broken)
    failure = train_trial(("small.yaml", "--backend", "torch", "--data", "data.npy"))
    assert failure.problems[0]["got"] == "RuntimeError: out of memory"
    assert "`aespec train small.yaml --backend torch --data data.npy` trains it alone" in failure.problems[0]["help"]
