"""Histories that are read back, and the curves that are drawn of them."""

import csv
import io
import json
import sys
from math import isnan, nan
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from aespec.cli import main
from aespec.curves import curves, labels
from aespec.diagnostics import AespecError
from aespec.history import Curve, read, read_all
from aespec.picture import COLORS

PLAIN = """epoch,seconds,mse,total,val_mse,val_total
1,0.5,0.5,0.5,0.6,0.6
2,0.25,0.3,0.3,0.4,0.4
3,0.25,0.2,0.2,0.45,0.45
"""

PHASES = """epoch,phase,seconds,total
1,encoder/dense,1.0,0.1
2,encoder/dense,1.0,0.05
1,,1.0,0.9
2,,1.0,0.7
"""


@pytest.fixture
def run(tmp_path):
    """Makes a run folder with a history and nothing else."""

    def make(text, name="run"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "history.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return make


def command(*args):
    return CliRunner().invoke(main, ["history", *map(str, args)])


@pytest.mark.parametrize(
    ("text", "totals"),
    [
        (PLAIN, {1: 0.5, 2: 0.3, 3: 0.2}),
        (PLAIN[:-1], {1: 0.5, 2: 0.3}),  # the last line has no end: it is being written
        (PLAIN[:-12], {1: 0.5, 2: 0.3}),
        (PLAIN + "4,0.2", {1: 0.5, 2: 0.3, 3: 0.2}),
        (PLAIN.encode() + "4,ü".encode()[:-1], {1: 0.5, 2: 0.3, 3: 0.2}),  # within a character
        (PLAIN.replace("\n", "\r\n"), {1: 0.5, 2: 0.3, 3: 0.2}),
        (b"\xef\xbb\xbf" + PLAIN.encode(), {1: 0.5, 2: 0.3, 3: 0.2}),  # as a spreadsheet saves it
        (PLAIN + "\n", {1: 0.5, 2: 0.3, 3: 0.2}),
        ("epoch,total\n1,nan\n2,inf\n", {1: nan, 2: np.inf}),
        ("epoch,total\n1,0.5\n2,\n", {1: 0.5}),
        ("epoch,total\n1,0.5\n2,0.4\n3,0.3\n2,0.35\n", {1: 0.5, 2: 0.35}),  # went on from the first epoch
    ],
)
def test_what_is_whole_is_read(text, totals, run):
    found = {int(row["epoch"]): row["total"] for row in read(run(text)).rows if "total" in row}
    assert found.keys() == totals.keys()
    np.testing.assert_array_equal([*found.values()], [*totals.values()])


@pytest.mark.parametrize(
    ("text", "terms", "columns"),
    [
        (PLAIN, ["mse", "total"], {"epoch", "seconds", "mse", "total", "val_mse", "val_total"}),
        ("epoch,learning_rate,phase,total\n1,0.1,encoder/a,0.5\n", ["total"], {"epoch", "learning_rate", "total"}),
        ("epoch,machine,total,mood\n1,a,0.5,b\n", ["total"], {"epoch", "total"}),
        # a layer may be called as validation is
        (
            "epoch,val_x/kernel/l2,total\n1,0.1,0.5\n",
            ["val_x/kernel/l2", "total"],
            {"epoch", "val_x/kernel/l2", "total"},
        ),
        # a term that comes later
        ("epoch,kl,total\n1,,0.5\n2,0.1,0.4\n", ["total", "kl"], {"epoch", "total", "kl"}),
    ],
)
def test_columns_that_are_no_numbers_are_left_out(text, terms, columns, run):
    found = read(run(text))
    assert found.terms == terms
    assert {name for row in found.rows for name in row} == columns


@pytest.mark.parametrize(
    ("text", "column", "curve"),
    [
        (PLAIN, "total", Curve(0.5, 0.2, 0.2, 3)),
        (PLAIN, "val_total", Curve(0.6, 0.45, 0.4, 2)),
        ("epoch,total\n1,0.5\n2,0.4\n3,nan\n", "total", Curve(0.5, nan, 0.4, 2)),
        ("epoch,total\n1,nan\n", "total", Curve(nan, nan, nan, None)),
        ("epoch,total\n1,0.5\n", "val_total", None),
        (PHASES, "total", Curve(0.9, 0.7, 0.7, 2)),  # of the last phase: the losses of others are of other models
    ],
)
def test_where_a_curve_begins_ends_and_is_lowest(text, column, curve, run):
    assert repr(read(run(text)).curve(column)) == repr(curve)  # NaN is not equal to itself


def test_phases_follow_each_other(run):
    folder = run(PHASES)
    found = read(folder)
    assert found.epochs == [1, 2, 3, 4]
    assert found.phases == ["encoder/dense", "encoder/dense", "", ""]
    assert found.seconds == 4
    assert "the last, which trained the whole model" in command(folder, "-o", folder / "phases.svg").output
    drawn = (folder / "phases.svg").read_text()
    assert "<!-- dense -->" in drawn
    assert "<!-- all -->" in drawn


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no history yet"),
        ("", "no process trains it: it ended in its first epoch"),
        ("epoch,total\n", "has no history yet"),
        ("epoch,total", "has no history yet"),
        ("epoch,loss,val_loss\n1,0.5,0.5\n", "no column `total`, but `epoch`, `loss`, `val_loss`"),
        ("epoch,total\n1,0.5\n2\n3,0.4\n", "1 of 2 values in row 2"),
        ("epoch,total\n1,low\n", "a value of `total` that is not a number"),
        ("epoch,total\n,0.5\n", "a row without the number of its epoch"),
        ('epoch,total\n1,"0.5\n2,0.4\n', "cannot be read"),
        (b"\xff\xfe\x00\n\n", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(text, said, run):
    with pytest.raises(AespecError) as caught:
        read(run(text))
    assert said in str(caught.value)
    assert caught.value.diagnostics[0].rule.code == "E501"


def test_every_folder_without_a_history_is_told_at_once(run, tmp_path):
    good = run(PLAIN, "runs/good")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AespecError) as caught:
        read_all([good, tmp_path / "gone", tmp_path / "empty", tmp_path / "runs", good / "history.csv"])
    gone, empty, above, file = caught.value.diagnostics
    assert gone.got == "no such folder"
    assert empty.got == above.got == "no history.csv"
    assert f"aespec history {tmp_path}/runs/*/`" in above.help
    assert f"aespec history {good}`" in file.help


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["runs/a"], ["a"]),
        (["runs/a", "runs/b"], ["a", "b"]),
        (["runs/a", "old/a", "runs/b"], ["runs/a", "old/a", "b"]),
        (["x/1/a", "y/1/a", "x/2/a"], ["x/1/a", "y/1/a", "2/a"]),
        (["runs/../runs/a/", "b"], ["a", "b"]),
    ],
)
def test_labels_are_short_and_distinct(folders, names):
    assert labels([Path(folder) for folder in folders]) == names


def colors(path):
    """The colors of a picture."""
    with Image.open(path) as image:
        found = image.convert("RGB").getcolors(maxcolors=2**24)
    return {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in found}


@pytest.mark.parametrize("count", [1, 2, 8, 10])
def test_every_run_has_a_color(count, run, tmp_path):
    many = [run(f"epoch,total\n1,{i + 1}\n2,{i + 1.5}\n", f"runs/{i}") for i in range(count)]
    found = read_all([*many, many[0]])  # once, though given twice
    assert len(found) == count
    curves(found, labels([each.folder for each in found]), tmp_path / "p.png", term="total", log_scale=False)
    drawn = colors(tmp_path / "p.png") & set(COLORS) - {"#000000", "#8c8c8c"}  # of the text too
    assert drawn == set(COLORS[:count]) - {"#000000", "#8c8c8c"}


RATES = "epoch,learning_rate,total\n1,{},0.5\n2,{},0.4\n3,{},0.3\n"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (PLAIN, []),
        (PLAIN, ["--log-scale"]),
        (PLAIN, ["--term", "mse"]),
        (PHASES, []),
        ("epoch,total\n1,0.5\n", []),
        ("epoch,total\n1,nan\n", ["--log-scale"]),
        ("epoch,total\n1,-0.5\n2,0\n", ["--log-scale"]),
        ("epoch,total\n1,1e-30\n2,1e30\n", ["--log-scale"]),
        (RATES.format(0.1, 0.01, 0.001), []),
        (RATES.format(0.0, 0.1, 0.1), []),
    ],
)
@pytest.mark.parametrize("name", ["run", "$x_{$", "_hidden", "数字", "x" * 90])
def test_whatever_the_history_and_the_name_there_is_a_picture(text, options, name, run):
    done = command(run(text, name), *options)
    assert done.exit_code == 0, done.output


def test_a_rate_that_changes_has_a_panel(run, tmp_path):
    sizes = {}
    for name, rates in (("same", (0.1, 0.1, 0.1)), ("less", (0.1, 0.01, 0.001))):
        assert command(run(RATES.format(*rates), name), "-o", tmp_path / f"{name}.png").exit_code == 0
        with Image.open(tmp_path / f"{name}.png") as image:
            sizes[name] = image.height
    assert sizes["less"] > sizes["same"]


def test_one_run_has_its_picture_and_several_have_it_here(run, tmp_path, monkeypatch):
    first, second = run(PLAIN, "a"), run(PLAIN.replace("0.2,0.2", "0.1,0.1"), "b")
    monkeypatch.chdir(tmp_path)
    assert f"wrote {first}/history.png" in command(first).output
    assert "wrote history.png" in command(first, second).output
    assert "wrote pictures/both.svg" in command(first, second, "-o", "pictures/both.svg").output
    assert {path.name for path in first.iterdir()} == {"history.csv", "history.png"}
    assert (tmp_path / "pictures" / "both.svg").read_text().startswith("<?xml")


def test_the_table_says_where_curves_begin_end_and_are_lowest(run):
    lines = command(run(PLAIN)).output.splitlines()
    assert lines[0].split() == ["Run", "Epochs", "Seconds", "Loss", "First", "Last", "Best", "Best", "epoch"]
    assert lines[2].split() == ["run", "3", "1.0", "training", "0.500000", "0.200000", "0.200000", "3"]
    assert lines[3].split() == ["validation", "0.600000", "0.450000", "0.400000", "2"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("epoch,mae,total\n1,0.5,0.5\n", True),
        ("epoch,mse,l1,total\n1,0.5,0.5,1\n", True),
        ("epoch,mse,total,val_mse,val_total\n1,0.5,0.5,0.5,0.5\n", False),
        ("epoch,phase,mae,mse,total\n1,encoder/a,0.5,,0.5\n1,,,0.5,0.5\n", False),  # the last phase counts
    ],
)
def test_totals_of_different_losses_are_told(other, said, run, tmp_path):
    folders = *(run("epoch,mse,total\n1,0.5,0.5\n", "a"), run(other, "b")), "-o", tmp_path / "p.png"
    note = "the runs add up different losses in `total`, whose values are not to be compared"
    assert (note in command(*folders).output.splitlines()) is said
    assert note not in command(*folders, "--term", "mse").output


def test_json_and_csv_have_the_same_numbers(run, tmp_path):
    folders = run(PLAIN, "a"), run("epoch,total\n1,0.5\n2,nan\n", "b")
    picture = tmp_path / "p.png"
    found = json.loads(command(*folders, "-o", picture, "--format", "json").output)
    assert found["files"] == [str(picture)]
    a, b = found["runs"]
    assert a["training"] == {"first": 0.5, "last": 0.2, "best": 0.2, "best_epoch": 3}
    assert a["validation"] == {"first": 0.6, "last": 0.45, "best": 0.4, "best_epoch": 2}
    assert (a["run"], a["name"], a["epochs"], a["seconds"]) == (str(folders[0]), "a", 3, 1.0)
    assert b["training"] == {"first": 0.5, "last": None, "best": 0.5, "best_epoch": 1}
    assert (b["validation"], b["seconds"]) == (None, None)
    rows = list(csv.DictReader(io.StringIO(command(*folders, "-o", picture, "--format", "csv").output)))
    assert [(row["run"], row["name"]) for row in rows] == [*zip(map(str, folders), "ab", strict=True)]
    assert (float(rows[0]["val_best"]), rows[0]["val_best_epoch"]) == (0.4, "2")
    assert isnan(float(rows[1]["last"]))
    assert rows[1]["val_best"] == ""


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--term", "mes"], 1, "did you mean `mse`?"),
        (["--term", "val_mse"], 1, "did you mean `mse`?"),
        (["--term", "entropy"], 1, "= wanted: `mse`, `total`, `kl`"),
        (["--term", "kl"], 0, "a has no `kl`"),
        (["--log-scale"], 0, "b has values of zero or below"),
        (["-o", "p.jpg"], 2, "does not end in .png or .svg"),
    ],
)
def test_what_cannot_be_drawn_is_said(options, code, said, run, tmp_path, monkeypatch):
    folders = run(PLAIN, "a"), run("epoch,kl,total\n1,0.1,0.5\n2,0.1,0\n", "b")
    monkeypatch.chdir(tmp_path)
    done = command(*folders, *options)
    assert done.exit_code == code
    assert said in done.output


def test_without_matplotlib_the_numbers_are_there_and_the_command_to_install_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = command(run(PLAIN))
    assert done.exit_code == 1
    assert "0.200000" in done.stdout
    assert "pip install 'aespec[plots]'" in done.stderr
