"""`aespec new`: specs of the zoo under another name, and specs that are proposed for data, which learn it."""

import csv
import gzip
import json
import re
from itertools import product

import numpy as np
import pytest
from command import aespec_

import aespec
from aespec.data import load_for
from aespec.data.columns import survey
from aespec.proposal import USES, named, propose, template
from aespec.proposal.evidence import look
from aespec.proposal.layers import code_size
from aespec.run import open_run
from aespec.zoo import zoo

# --- data -----------------------------------------------------------------------------------------------------------


def table(random, rows=1000):
    """Eight features of three numbers, of other sizes, and columns that cannot be learnt."""
    x = np.tanh(random.normal(size=(rows, 3)) @ random.normal(size=(3, 8))) + 0.05 * random.normal(size=(rows, 8))
    x = x * [1, 10, 100, 0.1, 1, 1, 1, 1] + 5
    yield ["id", "town", *(f"x{i}" for i in range(8)), "age", "version", "species"]
    for i, row in enumerate(x):
        yield [i + 1, f"town {i % 97}", *row.round(5), "" if i % 100 == 0 else 30 + i % 7, 2, "abc"[i % 3]]


def waves(random, samples, steps, channels):
    """Windows of sines whose frequency and phase differ, with noise."""
    time = np.arange(steps) / steps
    frequency, phase = random.uniform(1, 4, (samples, 1)), random.uniform(0, 1, (samples, 1))
    wave = np.sin(2 * np.pi * (time * frequency + phase))[..., None] * random.uniform(1, 5, channels)
    return (wave + 0.1 * random.normal(size=(samples, steps, channels))).astype("float32")


def spots(random, samples, side):
    """Images of a soft spot somewhere."""
    y, x = np.mgrid[:side, :side] / side
    place = random.uniform(0.2, 0.8, (samples, 2, 1, 1))
    return np.exp(-((x - place[:, 0]) ** 2 + (y - place[:, 1]) ** 2) / 0.03)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new")
    random = np.random.default_rng(0)
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table(random))
    np.save(folder / "series.npy", waves(random, 600, 128, 6))
    np.save(folder / "short.npy", waves(random, 500, 11, 3))
    colored = spots(random, 1200, 32)[..., None] * random.uniform(0, 1, (1200, 1, 1, 3))
    np.save(folder / "rgb.npy", (255 * colored).astype("uint8"))
    np.save(folder / "gray.npy", (16 * spots(random, 400, 32) - 3).astype("float32"))
    np.save(folder / "odd.npy", spots(random, 200, 33).astype("float32"))
    np.save(folder / "walk.npy", random.normal(size=(3000, 4)).cumsum(axis=0))
    np.save(folder / "one.npy", random.normal(size=3000).cumsum())
    np.save(folder / "noise.npy", random.normal(size=(3000, 4)))
    np.save(folder / "bits.npy", random.integers(0, 2, (300, 20)).astype("float32"))
    np.save(folder / "channels.npy", random.normal(size=(800, 11, 60)))
    np.save(folder / "video.npy", random.normal(size=(30, 2, 4, 4, 3)))
    return folder


DATA = ("digits", "plane", "table.csv", "series.npy", "short.npy", "rgb.npy", "gray.npy", "odd.npy", "walk.npy")
MORE = ("one.npy", "noise.npy", "bits.npy", "channels.npy", "video.npy")


def at(place, data):
    return data if "." not in data else str(place / data)


# --- what is seen ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind", "shape", "stride"),
    [
        ("digits", "images", (8, 8), None),
        ("plane", "table", (3,), None),
        ("table.csv", "table", (8,), None),
        ("series.npy", "series", (128, 6), None),
        ("short.npy", "series", (11, 3), None),
        ("rgb.npy", "images", (32, 32, 3), None),
        ("gray.npy", "images", (32, 32), None),
        ("odd.npy", "images", (33, 33), None),
        ("walk.npy", "series", (64, 4), 16),
        ("one.npy", "series", (64, 1), 16),
        ("noise.npy", "table", (4,), None),
        ("bits.npy", "table", (20,), None),
        ("video.npy", "arrays", (2, 4, 4, 3), None),
    ],
)
def test_data_is_taken_for_what_it_is(data, kind, shape, stride, place):
    seen = look(at(place, data))
    assert (seen.kind, seen.shape, seen.stride) == (kind, shape, stride)


@pytest.mark.parametrize(
    ("data", "window", "shape", "stride"),
    [
        ("walk.npy", 100, (100, 4), 25),
        ("one.npy", 30, (30, 1), 7),
        ("noise.npy", 2, (2, 4), 1),  # whose rows are not alike
        ("table.csv", 16, (16, 8), 4),
    ],
)
def test_a_series_is_cut_into_windows_as_long_as_is_asked(data, window, shape, stride, place):
    seen = look(at(place, data), window)
    assert (seen.kind, seen.shape, seen.stride) == ("series", shape, stride)
    spec = aespec.parse(propose(at(place, data), window=window))
    aespec.compile(spec)
    assert (spec.input.shape, spec.input.stride) == (shape, stride)


@pytest.mark.parametrize(
    ("data", "window", "says"),
    [
        ("digits", 8, "got: samples of shape (8, 8), each by itself"),
        ("plane", 8, "leave `--window` out"),
        ("rgb.npy", 8, "one long series: a file with a row for each step"),
        ("table.csv", 5000, "make the windows no longer than 1,000 steps"),
        ("one.npy", 50_000, "name a series of 50000 numbers or more"),
    ],
)
def test_what_cannot_be_cut_into_such_windows_is_told(data, window, says, place):
    done = aespec_("new", "--from", at(place, data), "--window", window, "-o", place / "refused.yaml")
    assert done.exit_code == 1
    assert says in done.stderr
    assert not (place / "refused.yaml").exists()


@pytest.mark.parametrize(
    ("shape", "padded", "narrowest"),
    [
        ((75, 101, 3), (80, 104, 3), (10, 13, 64)),  # three halvings: 75 / 8 is 7 or more, 75 / 16 is not
        ((127, 4), (128, 4), (16, 32)),
        ((28, 28, 3), None, (7, 7, 32)),  # what can be halved as it is, is not padded
    ],
)
def test_lengths_that_cannot_be_halved_are_padded(shape, padded, narrowest, tmp_path):
    x = np.random.default_rng(0).random((20, *shape))
    np.save(tmp_path / "x.npy", (x * 255).astype("uint8") if len(shape) == 3 else x)
    graph = aespec.compile(aespec.parse(propose(str(tmp_path / "x.npy"))))
    shapes = [node.shape for node in graph.block("encoder")]
    assert [node.shape for node in graph if node.layer.kind.startswith("zero_padding")] == ([padded] if padded else [])
    assert shapes[-3] == narrowest  # before they are flattened for the code
    assert graph.output.shape == shape


def test_channels_that_come_first_are_told(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((20, 3, 16, 16)))
    seen = look(str(tmp_path / "x.npy"))
    assert seen.kind == "arrays"
    assert "channels first, it seems" in seen.why


def test_a_table_that_is_sorted_is_no_series(tmp_path):
    x = np.random.default_rng(0).normal(size=(2000, 3)) + np.repeat(np.arange(4), 500)[:, None] * 10
    np.save(tmp_path / "sorted.npy", x)
    assert look(str(tmp_path / "sorted.npy")).kind == "table"


@pytest.mark.parametrize(
    ("times", "kind", "left_out"),
    [
        (lambda i: f"2026-05-01 {i // 60:02}:{i % 60:02}", "series", "timestamps"),
        (lambda i: f"2026-05-{1 + i // 24:02}T{i % 24:02}:00:00Z", "series", "timestamps"),
        (lambda i: f"2026-05-01 {i // 50:02}:{i % 50:02}", "series", "timestamps"),  # with gaps
        (lambda i: f"2026-{1 + i // 75:02}-{1 + i // 5 % 25:02}", "table", "text"),  # of events
        (lambda i: f"2026-05-01 {i * 7 % 24:02}:00", "table", "text"),
        (lambda i: f"2026-05-01 {i // 60:02}:{i % 60:02}{'Z' * (i % 2)}", "table", "text"),
        (lambda i: f"{i}th", "table", "text"),
        (lambda i: 1_777_629_600 + 10 * i, "series", "goes up evenly, as times do"),
        (lambda i: f"{i * 0.1:.1f}", "series", "goes up evenly, as times do"),
        (lambda i: i + 7, "table", "counts the rows"),
    ],
    ids=["minutes", "hours", "gaps", "events", "no order", "zones", "text", "epoch", "tenths", "numbers"],
)
def test_rows_with_times_are_a_series(times, kind, left_out, tmp_path):
    x = np.random.default_rng(0).random((300, 2))
    rows = [f"{times(i)},{a},{b}" for i, (a, b) in enumerate(x)]
    (tmp_path / "x.csv").write_text("\n".join(["when,a,b", *rows]) + "\n")
    seen = look(str(tmp_path / "x.csv"))
    assert (seen.kind, seen.left_out) == (kind, {"when": left_out})
    assert (seen.shape, seen.stride) == (((64, 2), 16) if kind == "series" else ((2,), None))


def test_few_rows_with_times_are_a_table(tmp_path):
    rows = [f"2026-05-{day:02},{day % 5},{day % 3}" for day in range(1, 31)]
    (tmp_path / "x.csv").write_text("\n".join(["day,a,b", *rows]) + "\n")
    assert look(str(tmp_path / "x.csv")).kind == "table"


def test_pictures_are_looked_at(tmp_path):
    from PIL import Image

    for i in range(6):
        Image.fromarray(np.full((90, 120, 3), 40 * i, "uint8")).save(tmp_path / f"{i}.png")
    assert look(str(tmp_path)).shape == (48, 64, 3)  # the longer side is 64, and 90 * 64 / 120 = 48
    for i in range(6):
        Image.fromarray(np.full((20, 21), 40 * i, "uint8")).save(tmp_path / f"{i}.png")
    assert look(str(tmp_path)).shape == (20, 21)
    Image.fromarray(np.zeros((9, 9), "uint8")).save(tmp_path / "7.png")
    told = []
    propose(str(tmp_path), tell=told.append)
    assert told[0] == "read 7 pictures, gray, 1 of them resized to 21x20"


def test_a_column_with_gaps_can_be_kept(tmp_path):
    rows = [f"{i % 7},{i * i % 11},{i % 5 or ''}" for i in range(40)]
    (tmp_path / "x.csv").write_text("\n".join(["a,b,c", *rows]))
    shown = aespec_("new", "--from", tmp_path / "x.csv", "-o", tmp_path / "x.yaml")
    assert "x.csv is taken without c (8 gaps); fill the gaps to keep such a column" in shown.stdout


def test_a_column_that_is_taken_for_the_label_is_told(tmp_path):
    path, told = tmp_path / "x.csv", []
    path.write_text("a,b,town,label\n" + "".join(f"{i * i % 7},{i % 5},x{i % 3},{i % 2}\n" for i in range(40)))
    text = propose(str(path), tell=told.append)
    assert told == ["x.csv is taken without town (text); label (taken for the label)"]
    assert re.search(r"columns: \[a, b\] +# without town \(text\); label \(taken for the label\)", text)


COLUMNS = [
    ("a,b\n1,2\n3,4.5\n3,1\n", None, None, {}),
    ("1,2\n3,4\n", None, None, {}),
    ("a,b,label\n1,2,x\n3,4,y\n3,1,x\n", None, None, {}),
    ("a,b,species\n1,2,x\n3,4,y\n3,1,x\n", None, "species", {}),
    ("a,b,Class\n1,2,0\n3,4,1\n3,1,1\n", None, "Class", {}),
    ("a,b,kind\n1,2,x\n3,4,y\n3,1,x\n", None, "kind", {}),
    ("a,b,one,two\n1,2,x,x\n3,4,y,z\n3,1,x,z\n", ["a", "b"], None, {"one": "text", "two": "text"}),
    (
        "i,a,b,c\n1,2,7,5\n2,4,7,\n3,1,7,3\n",
        ["a"],
        None,
        {"i": "counts the rows", "b": "the same in every row", "c": "1 gap"},
    ),
    (",a,b\n0,1,2\n1,4,3\n", ["a", "b"], None, {"": "no name"}),
    ("a,b\n1,x\n?,y\n", (), None, {"a": "1 gap", "b": "text"}),
    ("a,label\n1,3\n?,4\n", (), None, {"a": "1 gap", "label": "the label"}),
]


@pytest.mark.parametrize(("text", "features", "label", "left_out"), COLUMNS)
@pytest.mark.parametrize("packed", [False, True])
def test_columns_are_told_apart(text, features, label, left_out, packed, tmp_path):
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = survey(path)
    assert (found.features, found.label, dict(found.left_out)) == (features, label, left_out)


def test_columns_of_parquet_are_told_apart(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    columns = {"a": [1.5, 2.0, 4.0], "b": [1.0, None, 3.0], "c": [True, False, True], "kind": ["x", "y", "x"]}
    parquet.write_table(pa.table(columns), path)
    found = survey(path)
    assert (found.features, found.label, dict(found.left_out)) == (["a", "c"], "kind", {"b": "1 gap"})
    parquet.write_table(pa.table({"x": [[1.0, 2.0], [3.0, 5.0]], "n": [4, 4], "class": [0, 1]}), path)
    found = survey(path)
    assert (found.features, found.label, dict(found.left_out)) == (["x"], "class", {"n": "beside the lists of x"})


@pytest.mark.parametrize(
    ("variances", "use", "size"),
    [
        ((90, 6, 3, 1, 0, 0), None, 2),  # 90 and 96 %
        ((90, 6, 3, 1, 0, 0), "anomaly", 1),
        ((90, 6, 3, 1, 0, 0), "features", 3),  # 99 %
        ((1, 1, 1, 1, 1, 1), None, 3),  # six, and half of the numbers at most
        ((1,) * 100, "generation", 32),  # 90, and 32 at most
        ((1, 1, 1), None, 2),
    ],
)
def test_the_code_has_as_many_numbers_as_pca_needs(variances, use, size):
    n = len(variances)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(2 * n, 2 * n)))[0][:, :n]
    axes = np.concatenate([basis, -basis]) * np.sqrt(variances)  # orthogonal columns of mean zero, of these lengths
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(n, n)))[0]
    assert code_size(axes @ turn, use)[0] == size


# --- what is proposed -----------------------------------------------------------------------------------------------


def test_a_model_of_wide_data_is_one_that_can_be_built(tmp_path):
    """40 samples of 100,000 numbers: a layer of 512, and its mirror, would be 102 million weights."""
    np.save(tmp_path / "wide.npy", np.random.default_rng(0).normal(size=(40, 100_000)).astype("float32"))
    text = propose(str(tmp_path / "wide.npy"))
    assert "100,000 inputs, each with as many weights here" in text
    graph = aespec.compile(aespec.parse(text))
    assert sum(node.count() for node in graph) < 50_000_000


@pytest.mark.parametrize(("data", "use"), [*product(DATA, (None, *USES)), *product(MORE, (None,))])
def test_a_proposal_is_right_and_in_its_usual_form(data, use, place, tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(propose(at(place, data), use))
    checked = aespec_("validate", "--strict", path)
    assert checked.exit_code == 0, checked.output
    assert aespec_("fmt", "--check", path).exit_code == 0
    spec = aespec.load(path)
    assert spec.name == named(data)
    code = aespec.compile(spec).nodes[len(spec.encoder) - 1].shape
    assert np.prod(code) < np.prod(spec.input.shape)
    assert (spec.encoder[-1].kind == "gaussian_latent") == (use == "generation")
    assert (spec.encoder[0].kind in ("masking_noise", "gaussian_noise")) == (use == "features")


def test_every_choice_has_its_reason(place):
    lines = propose(str(place / "table.csv"), "anomaly", "mine").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=spec.schema.json"
    assert "name: mine" in lines
    fields = ("shape", "scaling", "label", "optimizer", "epochs", "batch_size", "validation_split", "early_stopping")
    for name in (*fields, "loss", "decoder"):
        (line,) = [line for line in lines if line.strip().startswith(f"{name}:")]
        assert re.search(r"  # \w", line)
    above = lines[next(i for i, line in enumerate(lines) if "columns:" in line) - 1]
    assert above == "  # without id (counts the rows); town (text); age (10 gaps); version (the same in every row)"
    spec = aespec.parse("\n".join(lines))
    assert spec.input.columns == tuple(f"x{i}" for i in range(8))
    assert spec.input.label == "species"


def test_names_that_yaml_would_misread_are_quoted(tmp_path):
    path = tmp_path / "odd names.csv"
    names = ["a: b", "${x}", "no", "x, y", 'say "so"', "#c", "~", "größe", "a\u2028b", "text"]
    random = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *([*row, f"t{i}"] for i, row in enumerate(random.normal(size=(50, 9))))])
    spec = aespec.parse(propose(str(path)))
    assert spec.input.columns == tuple(names[:-1])
    assert spec.name == "odd-names"


@pytest.mark.parametrize("name", ["2024", "1e5", "no", "a.b-c", "2d"])
def test_a_spec_may_be_called_anything(name, place):
    assert aespec.parse(propose("plane", name=name)).name == name
    assert aespec.parse(template("stacked", name)).name == name


def baseline(run):
    """The loss of the mean sample, whatever the sample is."""
    plan = run.spec.training
    data = load_for(run.spec, run.graph, run.record["data"]["name"], "train", plan.dtype, scaling=run.scaling)
    x = np.asarray(run.seen(data.inputs), "float64")
    mean = x.mean(axis=0)
    if run.graph.losses[0].kind == "mse":
        return ((x - mean) ** 2).mean()
    mean = mean.clip(1e-7, 1 - 1e-7)
    return -(x * np.log(mean) + (1 - x) * np.log(1 - mean)).mean()


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    ("data", "use"),
    [
        ("digits", None),
        ("table.csv", None),
        ("series.npy", None),
        ("rgb.npy", None),
        ("gray.npy", "generation"),
        ("walk.npy", "anomaly"),
        ("short.npy", "features"),
    ],
)
def test_what_is_proposed_learns(data, use, backend, place, tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(propose(at(place, data), use))
    command = ["train", path, "--backend", backend, "--data", at(place, data), "--epochs", 3, "--quiet"]
    done = aespec_(*command, "-o", tmp_path / "run")
    assert done.exit_code == 0, done.output
    run = open_run(tmp_path / "run")
    final = run.record["final"]["training"][run.graph.losses[0].kind]
    assert final < baseline(run)


# --- the command ----------------------------------------------------------------------------------------------------


def test_a_proposal_is_written_with_the_schema_beside_it(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = aespec_("new", "--from", "digits")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "wrote digits.yaml, and spec.schema.json, by which editors complete and check it",
        "next: aespec train digits.yaml --backend torch --data digits",
    ]
    assert "properties" in json.loads((tmp_path / "spec.schema.json").read_text())
    (tmp_path / "spec.schema.json").write_text("mine")
    again = aespec_("new", "--from", place / "table.csv", "--use", "anomaly", "--name", "mine", "-o", "deep/other.yml")
    assert again.stdout.splitlines()[0].startswith("wrote deep/other.yml")
    assert aespec.load("deep/other.yml").name == "mine"
    assert aespec_("new", "--from", "digits", "--name", "more").stdout.splitlines()[0] == "wrote more.yaml"
    assert (tmp_path / "spec.schema.json").read_text() == "mine"


@pytest.mark.parametrize("name", zoo())
def test_a_template_is_a_spec_of_the_zoo_under_another_name(name, tmp_path, monkeypatch):
    original = zoo()[name].resolve()
    monkeypatch.chdir(tmp_path)
    done = aespec_("new", "--template", name, "--name", "mine")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "next: aespec summary mine.yaml"
    ours, theirs = (path.read_text().splitlines() for path in (tmp_path / "mine.yaml", original))
    assert [line for line, other in zip(ours, theirs, strict=True) if line != other] == ["name: mine"]
    assert aespec_("diff", "mine.yaml", original).stdout == "the same model, the same training\n"
    assert template(name) == original.read_text()


def test_templates_are_listed():
    lines = aespec_("new", "--list").stdout.splitlines()[2:]
    assert [line.split()[0] for line in lines] == [*zoo()]
    assert all(len(line.split()) > 3 for line in lines)


def test_nothing_is_written_over_unless_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacked.yaml").write_text("mine")
    refused = aespec_("new", "--template", "stacked")
    assert refused.exit_code == 1
    assert "error[E504]: stacked.yaml is there already" in refused.stderr
    assert "--force" in refused.stderr
    assert (tmp_path / "stacked.yaml").read_text() == "mine"
    assert aespec_("new", "--template", "stacked", "--force").exit_code == 0
    assert aespec.load("stacked.yaml").name == "stacked"
    (tmp_path / "folder.yaml").mkdir()
    assert aespec_("new", "--template", "stacked", "--force", "-o", "folder.yaml").exit_code == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "Give one of --from DATA, --template NAME and --list."),
        (["--list", "--template", "stacked"], "Give one of"),
        (["--from", "digits", "--template", "stacked"], "Give one of"),
        (["--template", "stakced"], "'stakced' is not one of"),
        (["--template", "stacked", "--use", "anomaly"], "--use goes with --from."),
        (["--template", "stacked", "--window", "9"], "--window goes with --from."),
        (["--from", "digits", "--window", "1"], "1 is not in the range x>=2"),
        (["--from", "digits", "--use", "art"], "'art' is not one of"),
        (["--from", "digits", "--name", "a b"], "'a b' is no name"),
        (["--from", "digits", "-o", "x.json"], "does not end in .yaml or .yml"),
    ],
    ids=" ".join,
)
def test_what_is_asked_for_must_make_sense(args, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = aespec_("new", *args)
    assert shown.exit_code == 2
    assert says in shown.stderr
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (np.ones((20, 4)), "there is nothing to learn in"),
        (np.ones((20, 1)) * np.arange(20)[:, None], "there is nothing to learn in"),
        (np.arange(10.0)[None], "1 sample, all alike"),
        (np.tile(np.linspace(0, 1, 7), (30, 1)), "30 samples, all alike"),
        (np.full((20, 4), np.nan), "error[E403]"),
        (np.arange(40.0), "name a series of 64 numbers or more, or save each sample as a row of its own"),
        (np.array([["a"]]), "is not made of real numbers"),
        (np.zeros((0, 3)), "there are no samples in"),
        (None, "there is no data set and no file"),
        (None, "or name other data with `--from`"),
    ],
    ids=[
        "constant",
        "one number",
        "one sample",
        "one sample often",
        "gaps",
        "short",
        "text",
        "empty",
        "missing",
        "other",
    ],
)
def test_data_that_cannot_be_learnt_is_told(content, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        np.save("x.npy", content)
    shown = aespec_("new", "--from", "x.npy")
    assert shown.exit_code == 1
    assert says in shown.stderr
    assert not (tmp_path / "x.yaml").exists()


@pytest.mark.parametrize(
    ("text", "got", "help"),
    [
        ("a,b\n1,\n,2\n3,4\n", "no number a sample, without `a` (1 gap), `b` (1 gap)", "fill the gaps"),
        ("a,b\nx,y\nz,w\n", "no number a sample, without `a` (text)", "make numbers of the text"),
        ("a;b\n1,5;1\n2,5;\n", "without `a` (text), `b` (1 gap)", "with a point before decimals, and fill the gaps"),
        (
            "a,b,c\n1,,7\n2,3,7\n",
            "one number a sample, without `b` (1 gap), `c` (the same in every row)",
            "fill the gaps",
        ),
        ("a,b\n", "no number a sample, without `a` (no rows), `b` (no rows)", "name data with more in it"),
        ("a,b\n1,7\n5,7\n", "one number a sample, without `b` (the same in every row)", "name data with more in it"),
        (
            "x,y\n1,2\n5,1\n4,1\n",
            "one number a sample, without `y` (the label)",
            "call `y` otherwise in the table: by its",
        ),
        (
            "name,x,y\na,1,2\nb,5,1\nc,4,1\n",
            "one number a sample, without `name` (text), `y` (the label)",
            "it is taken for the label, or make numbers of the text",
        ),
        ("x,y\n1,2\n5,2\n4,2\n", "got: one number a sample\n", "name data with more in it"),
    ],
)
def test_columns_that_cannot_be_learnt_are_told(text, got, help, tmp_path):
    (tmp_path / "x.csv").write_text(text)
    shown = aespec_("new", "--from", tmp_path / "x.csv", "-o", tmp_path / "x.yaml")
    assert shown.exit_code == 1
    assert got in shown.stderr
    assert help in shown.stderr
    assert "spec" not in shown.stderr
