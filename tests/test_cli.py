import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios
from importlib import import_module
from pathlib import Path

import click
import numpy as np
import pytest
from command import aespec_

import aespec
from aespec import registry, weights
from aespec.cli import COMMANDS, main
from aespec.cli.progress import Progress
from aespec.diagnostics import Diagnostic
from aespec.registry import find_backend, kinds
from aespec.rules import UnsupportedKind
from aespec.schema import families
from aespec.zoo import zoo

ZOO = {name: str(path) for name, path in zoo().items()}
NAMES = {name: text for section in COMMANDS.values() for name, (_, text) in section.items()}

BAD = """
input: [28, 28]
encoder:
  - flatten
  - dens: 30
  - dense: {units: 30, activaton: selu}
decoder: mirror
"""


def process(*args, **settings):
    """The command in a process of its own."""
    command = [sys.executable, "-c", "from aespec.cli import main; main()", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **settings)


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


@pytest.fixture
def spec(tmp_path):
    """A small spec that trains in no time, and data for it."""
    np.save(tmp_path / "data.npy", np.random.default_rng(0).normal(size=(40, 6)).astype("float32"))
    path = tmp_path / "small.yaml"
    path.write_text(
        "name: small\ninput: [6]\nencoder: [{dense: 2}]\ndecoder: mirror\n"
        "training: {optimizer: {sgd: 0.01}, epochs: 3, batch_size: 8, seed: 5}\n"
    )
    return path


# --- what every command has in common ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_line_in_the_help_is_the_first_of_the_command(name):
    command = main.get_command(None, name)
    assert command.help.splitlines()[0] == NAMES[name]
    assert NAMES[name][:40] in aespec_("--help").stdout
    shown = aespec_(name, "--help")
    assert shown.exit_code == 0
    assert NAMES[name].split()[0] in shown.stdout


FRAMEWORKS = {"keras", "tensorflow", "torch", "numpy", "matplotlib", "sklearn", "PIL", "scipy"}


@pytest.mark.parametrize(
    ("args", "heavy"),
    [
        (["--help"], FRAMEWORKS | {"pydantic", "yaml", "tabulate"}),
        (["validate", ZOO["conv"]], FRAMEWORKS),
        (["validate", "nothing.yaml"], FRAMEWORKS),
        (["summary", ZOO["conv"], "--explain-mirror"], FRAMEWORKS),
        (["layers"], FRAMEWORKS),
        (["layers", "dense"], FRAMEWORKS),
        (["schema"], FRAMEWORKS),
        (["explain", "E101"], FRAMEWORKS | {"pydantic", "yaml", "tabulate"}),
        (["backends"], FRAMEWORKS | {"pydantic", "aespec_keras", "aespec_torch", "aespec_numpy"}),
        *((name, "--help") and ([name, "--help"], FRAMEWORKS) for name in NAMES),
    ],
    ids=lambda value: " ".join(map(str, value))[-40:] if isinstance(value, list) else "",
)
def test_nothing_heavy_is_imported(args, heavy):
    code = (
        "import sys\nfrom aespec.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('\\nimported:', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    imported = set(done.stdout.rpartition("imported:")[2].split())
    assert "aespec.cli" in imported
    assert imported & heavy == set()


def test_the_public_names_are_listed_before_they_are_used():
    code = "import aespec; print(*{*aespec.__all__} - {*dir(aespec)}); print(aespec.build, aespec.fit)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("\n<function build")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["validate", ZOO["conv"]], 0, ""),
        (["validate", "nothing.yaml"], 1, "error[E001]"),
        (["validate", ZOO["conv"], "--set", "training.epochs=0"], 1, "error[E104]"),
        (["validate", ZOO["conv"], "--set", "training.epochs"], 1, "error[E006]"),
        (["validate", ZOO["conv"], "--max-parameters", "46528"], 1, "error[E205]"),
        (["validate", ZOO["conv"], "--max-parameters", "46529"], 0, ""),
        (["summary", ZOO["conv"], "--max-activations", "10"], 1, "error[E205]"),
        (["summary", ZOO["conv"], "--backend", "numpi"], 1, "did you mean `numpy`?"),
        (["build", ZOO["conv"], "--backend", "numpi"], 1, "error[E301]"),
        (["build", ZOO["conv"], "--backend", "numpy", "--seed", str(2**63)], 1, "`seed` lies outside its bounds"),
        (["verify", ZOO["pca"], "--backends", "numpi"], 1, "error[E301]"),
        (["conformance", "--backend", "numpi"], 1, "error[E301]"),
        (["layers", "dens"], 1, "did you mean `dense`?"),
        (["layers", "repeat"], 1, "an item of a list of layers: `aespec explain E011`"),
        (["layers", "include"], 1, "an item of a list of layers: `aespec explain E012`"),
        (["explain", "E999"], 1, "unknown rule `E999`"),
        (["explain", "dense"], 1, "`aespec layers KIND` shows a kind"),
        (["reconstruct", "no-such-run"], 1, "error[E501]"),
        (["train", ZOO["pca"], "--backend", "numpi"], 1, "error[E301]"),
        (["train", ZOO["pca"], "--backend", "numpy", "--data", "no-such.npy"], 1, "error[E303]"),
        (["train", ZOO["pca"], "--backend", "torch", "--data", "no-such.npy"], 1, "error[E401]"),
        (["train", ZOO["pca"], "--backend", "torch", "--data", "digits"], 1, "error[E402]"),
        (["reconstruct", "no-such-run", "-o", "p.jpg"], 2, "does not end in .png"),
        ([], 2, "Usage"),
        (["sumary"], 2, "Did you mean 'summary'?"),
        (["frobnicate"], 2, "No such command"),
        (["validate"], 2, "Missing argument"),
        (["validate", ZOO["conv"], "--format", "xml"], 2, "--format"),
        (["build", ZOO["conv"]], 2, "Missing option '--backend'. Installed: keras, numpy, precise, torch."),
        (["train", ZOO["conv"]], 2, "Missing option '--backend'. Installed: keras, numpy, precise, torch."),
        (["train", ZOO["pca"], "--backend", "torch"], 1, "help: no `--data` is given, and digits is the default"),
        (["verify", ZOO["conv"], "--backends", ", "], 2, "--backends"),
        (["conformance", "--backend", "numpy", "--kind", "dens"], 2, "Did you mean 'dense'?"),
        (["layers", "--family", "los"], 2, "did you mean 'loss'?"),
        (["train", ZOO["pca"], "--backend", "numpy", "--epochs", "0"], 2, "--epochs"),
        (["train", ZOO["pca"], "--backend", "numpy", "--learning-rate", "nan"], 2, "--learning-rate"),
        (["train", ZOO["pca"], "--backend", "numpy", "--learning-rate", "0"], 2, "--learning-rate"),
        (["train", ZOO["pca"], "--backend", "numpy", "--learning-rate", "1e31"], 2, "is above 1e+30"),
        (["train", ZOO["pca"], "--backend", "numpy", "--clip-norm", "1e-40"], 1, "1e-30 or more"),
        (["train", ZOO["pca"], "--backend", "numpy", "--optimizer", "{adm: 1}"], 1, "--> --optimizer:1:2\n"),
        (["train", ZOO["pca"], "--backend", "numpy", "--loss", "mme"], 1, "--> --loss:1:1\n"),
    ],
    ids=lambda value: " ".join(Path(arg).name for arg in value) if isinstance(value, list) else "",
)
def test_exit_codes(args, code, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = aespec_(*args)
    assert done.exit_code == code
    assert said in done.stderr
    assert "Traceback" not in done.output


NUMBERS = [
    (name, option.opts[0])
    for name in NAMES
    for option in main.get_command(None, name).params
    if isinstance(option.type, type(click.FLOAT))
]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(("name", "option"), NUMBERS)
def test_an_option_that_is_a_number_is_a_finite_one(name, option, value):
    done = aespec_(name, f"{option}={value}")
    assert done.exit_code == 2
    assert f"Invalid value for '{option}': {value} is not" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_help_has_no_bounds_that_are_only_the_machines(name):
    bounds = re.findall(r"(\S*)x<=?(\S*)\]", aespec_(name, "--help").stdout)
    assert all(float(high) <= 1e6 for _, high in bounds), bounds


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["train", ZOO["conv"], "--backend", "numpy", "--epochs", 2**31], 1, "wanted: below 2147483648"),
        (["train", ZOO["conv"], "--backend", "numpy", "--seed", 2**63], 1, "wanted: below 9223372036854775808"),
        (["project", "run", "--seed", 2**32], 2, "4294967296 is not below 4294967296"),
        (["project", "run", "--seed", -1], 2, "-1 is not in the range x>=0"),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, list) else "",
)
def test_bounds_of_the_machine_hold_all_the_same(args, code, said):
    done = aespec_(*args)
    assert done.exit_code == code
    assert said in done.stderr


def test_all_problems_of_all_specs_are_told_at_once(bad):
    done = aespec_("summary", bad, "nothing.yaml", ZOO["conv"])
    assert done.exit_code == 1
    assert [line[:11] for line in done.stderr.splitlines() if line.startswith("error")] == [
        "error[E101]",
        "error[E102]",
        "error[E001]",
    ]
    assert done.stderr.endswith("3 errors\n")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["summary"], ["tied\n", "conv\n"]),
        (["build", "--backend", "numpy"], ["tied: built with numpy", "conv: built with numpy"]),
        (["verify", "--backends", "numpy"], ["tied", "conv"]),
    ],
    ids=["summary", "build", "verify"],
)
def test_a_bad_spec_does_not_stop_the_others(command, said, bad):
    done = aespec_(*command, ZOO["tied"], bad, ZOO["conv"])
    assert done.exit_code == 1
    assert [text for text in said if text not in done.stdout] == []
    assert done.stderr.endswith("2 errors\n")
    tied, conv, wrong = json.loads(aespec_(*command, ZOO["tied"], bad, ZOO["conv"], "--format", "json").stdout)
    assert (tied["name"], conv["name"], wrong["file"]) == ("tied", "conv", str(bad))
    assert [problem["code"] for problem in wrong["diagnostics"]] == ["E101", "E102"]


@pytest.mark.parametrize("command", [["validate"], ["summary"], ["graph"], ["verify", "--backends", "numpy"]])
def test_a_folder_stands_for_the_spec_in_it(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert aespec_("build", ZOO["pca"], "--backend", "numpy", "-o", "built").exit_code == 0
    done = aespec_(*command, "built")
    assert (done.exit_code, done.stdout) == (0, aespec_(*command, "built/spec.yaml").stdout)


def test_a_folder_in_use_does_not_stop_the_other_builds(tmp_path):
    (tmp_path / "tied").mkdir()
    (tmp_path / "tied" / "precious.txt").write_text("mine")
    done = aespec_("build", ZOO["tied"], ZOO["pca"], "--backend", "numpy", "-o", tmp_path)
    assert done.exit_code == 1
    assert "error[E504]" in done.stderr
    assert (tmp_path / "pca" / "weights.safetensors").is_file()
    assert [path.name for path in (tmp_path / "tied").iterdir()] == ["precious.txt"]


def test_the_one_good_spec_of_several_is_built_into_a_folder_of_its_name(bad, tmp_path):
    aespec_("build", bad, ZOO["pca"], "--backend", "numpy", "-o", tmp_path / "all")
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["pca"]


@pytest.mark.parametrize(
    ("args", "codes"),
    [
        (["train", "bad.yaml", "--backend", "torch"], ["E101", "E102"]),
        (["train", ZOO["pca"], "--backend", "torch"], ["E402"]),
        (["build", ZOO["pca"], "--backend", "numpi"], ["E301"]),
        (["layers", "dens"], ["E101"]),
    ],
)
def test_what_goes_wrong_is_told_as_json_when_asked(args, codes, bad, monkeypatch):
    monkeypatch.chdir(bad.parent)
    done = aespec_(*args, "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "")
    assert [problem["code"] for problem in json.loads(done.stdout)["diagnostics"]] == codes


@pytest.mark.parametrize(
    ("args", "terminal", "environment", "colored"),
    [
        ([], True, {}, True),
        ([], True, {"NO_COLOR": "1"}, False),
        (["--no-color"], True, {}, False),
        ([], False, {}, False),
        (["--color"], False, {}, True),
        (["--color"], False, {"NO_COLOR": "1"}, True),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after it"])
def test_color(args, terminal, environment, colored, before, bad):
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    leader, follower = os.openpty() if terminal else os.pipe()[::1]
    command = [*args, "validate", str(bad)] if before else ["validate", str(bad), *args]
    done = subprocess.run(
        [sys.executable, "-c", "from aespec.cli import main; main()", *command],
        stderr=follower,
        env=inherited | environment,
        check=False,
    )
    os.close(follower)
    said = os.read(leader, 4096).decode()
    os.close(leader)
    assert done.returncode == 1
    assert "E101" in said
    assert ("\x1b[" in said) is colored


def test_a_closed_pipe_is_silent():
    command = [sys.executable, "-c", "from aespec.cli import main; main()", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.read(1)
        running.stdout.close()
        assert running.stderr.read() == b""


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("two\nlines"), 70, "RuntimeError: two lines"),
        (MemoryError(), 70, "MemoryError"),
    ],
)
def test_what_nobody_foresaw_is_told_in_a_line(raised, code, said, monkeypatch):
    def fail(*_):
        raise raised

    monkeypatch.setattr("aespec.summary.summarize", fail)
    done = aespec_("summary", ZOO["conv"])
    assert done.exit_code == code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_debug_shows_where_it_was_raised(monkeypatch):
    def fail(*_):
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("aespec.summary.summarize", fail)
    done = aespec_("summary", ZOO["conv"], env={"AESPEC_DEBUG": "1"})
    assert done.exit_code == 70
    assert "in fail" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("aespec: this should not have happened")


# --- specs ------------------------------------------------------------------------------------------------------


def test_validate_tells_fine_from_wrong(bad):
    done = aespec_("validate", ZOO["conv"], bad, ZOO["tied"])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{ZOO['conv']}: fine (46,529 parameters)",
        f"{ZOO['tied']}: fine (82,414 parameters)",
    ]
    assert f"--> {bad}:5:5" in done.stderr
    assert "did you mean `dense`?" in done.stderr
    assert f"--> {bad}:6:24" in done.stderr
    assert "did you mean `activation`?" in done.stderr


def test_validate_as_json(bad):
    done = aespec_("validate", ZOO["conv"], bad, "--format", "json")
    fine, wrong = json.loads(done.stdout)
    assert done.exit_code == 1
    assert fine == {"file": ZOO["conv"], "fine": True, "parameters": 46529, "diagnostics": []}
    assert (wrong["fine"], wrong["parameters"]) == (False, None)
    assert [(d["code"], d["line"], d["column"]) for d in wrong["diagnostics"]] == [("E101", 5, 5), ("E102", 6, 24)]


@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        ([], 82284 + 81530),
        (["encoder.1.dense.units=10"], (784 + 1) * 10 + (10 + 1) * 30 + (30 + 1) * 10 + (10 + 1) * 784),
        (["encoder.1.dense.units=10", "encoder.2.dense.units=3"], 7850 + 33 + 40 + 11 * 784),
    ],
)
def test_set_changes_the_spec(overrides, count):
    done = aespec_("validate", ZOO["stacked"], *(word for pair in overrides for word in ("--set", pair)))
    assert done.stdout == f"{ZOO['stacked']}: fine ({count:,} parameters)\n"


@pytest.mark.parametrize(
    ("spec", "numbers"),
    [
        ("conv", ["18,464", "4,624", "145", "23,233", "23,296", "46,529"]),
        ("recurrent", ["51,600", "15,720", "67,320", "52,400", "2,828", "55,228", "122,548"]),
    ],
)
@pytest.mark.parametrize("form", ["text", "markdown"])
def test_summary_prints_the_numbers_of_the_slides(spec, numbers, form):
    words = aespec_("summary", ZOO[spec], "--format", form).stdout.split()
    assert [number for number in numbers if number not in words] == []


def test_summary_of_several_specs():
    done = aespec_("summary", ZOO["conv"], ZOO["tied"], "--format", "json")
    assert [(found["file"], found["parameters"]) for found in json.loads(done.stdout)] == [
        (ZOO["conv"], 46529),
        (ZOO["tied"], 82414),
    ]
    text = aespec_("summary", ZOO["conv"], ZOO["tied"]).stdout
    assert text.index("conv\n") < text.index("\n\ntied\n")


def test_summary_explains_a_mirror_when_asked():
    line = "decoder/conv2d_transpose_1 undoes encoder/conv2d_3 and encoder/max_pool2d_3"
    assert line in aespec_("summary", ZOO["conv"], "--explain-mirror").stdout
    assert line not in aespec_("summary", ZOO["conv"]).stdout


@pytest.mark.parametrize("name", ZOO)
def test_summary_agrees_with_the_reference(name):
    done = aespec_("summary", ZOO[name], "--backend", "numpy")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"Built with numpy (numpy {np.__version__}): the same" in done.stdout


# --- backends that are made wrong on purpose --------------------------------------------------------------------


class Crooked:
    """The reference with a fault in what its models give."""

    name = "crooked"
    known_gaps = {}  # noqa: RUF012

    def __init__(self, **faults):
        self.faults = faults
        self.lowerings = find_backend("numpy").lowerings

    def build(self, graph, *, seed=0, dtype="float32"):
        model = find_backend("numpy").build(graph, seed=seed, dtype=dtype)
        for method, fault in self.faults.items():
            given = getattr(model, method)
            setattr(model, method, lambda *args, given=given, fault=fault, **kw: fault(given(*args, **kw)))
        return model

    def versions(self):
        return {}


@pytest.fixture
def crooked(monkeypatch):
    def install(**faults):
        backend = Crooked(**faults)
        for module in ("aespec.registry", "aespec.verify"):
            real = import_module(module).find_backend
            monkeypatch.setattr(f"{module}.find_backend", lambda n, real=real: backend if n == "crooked" else real(n))
        return backend

    return install


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            {"trace": lambda values: values | {"decoder/dense_1": values["decoder/dense_1"][:, :-1]}},
            ["the node `decoder/dense_1`", "wanted: (2, 3)", "got: (2, 2)"],
        ),
        (
            {"trace": lambda values: {"encoder/dense_1": values["encoder/dense_1"]}},
            ["the node `decoder/dense_1`", "got: nothing"],
        ),
        (
            {"weights": lambda values: values | {"encoder/dense_1/kernel": values["encoder/dense_1/kernel"].T}},
            ["the weight `encoder/dense_1/kernel`", "wanted: (3, 2)", "got: (2, 3)"],
        ),
        (
            {"weights": lambda values: values | {"encoder/dense_1/extra": np.zeros(2)}},
            ["the weight `encoder/dense_1/extra`", "wanted: no such weight", "got: (2,)"],
        ),
    ],
)
@pytest.mark.parametrize("command", ["summary", "build"])
def test_a_model_that_differs_from_its_spec_is_refused(command, fault, said, crooked):
    crooked(**fault)
    done = aespec_(command, ZOO["pca"], "--backend", "crooked")
    assert done.exit_code == 1
    assert "error[E305]" in done.stderr
    assert [text for text in said if text not in done.stderr] == []


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ({}, 0, "All 5 differences are within tolerance"),  # 2 nodes, mse, l2, their total
        (
            {"trace": lambda values: values | {"decoder/dense_1": values["decoder/dense_1"] + 1e-3}},
            1,
            "1 of 5 differences are above tolerance, first that of decoder/dense_1",
        ),
        (
            {"losses": lambda terms: terms | {"mse": float("nan")}},
            1,
            "1 of 5 differences are above tolerance, first that of mse",
        ),
    ],
)
def test_verify_fails_above_tolerance(fault, code, said, crooked):
    crooked(**fault)
    done = aespec_(
        "verify",
        ZOO["pca"],
        "--backends",
        "crooked,numpy",
        "--set",
        "decoder=[{dense: {units: 3, kernel_regularizer: l2}}]",
    )
    assert done.exit_code == code
    assert done.stdout.splitlines()[-1] == said
    assert ("TOO LARGE" in done.stdout) is bool(code)


def test_a_backend_named_twice_is_one():
    found = json.loads(aespec_("verify", ZOO["pca"], "--backends", "numpy, numpy", "--format", "json").stdout)
    assert found[0]["backends"] == ["numpy"]


def test_verify_as_json(crooked):
    crooked(losses=lambda terms: {"mse": terms["mse"]})  # the total is missing
    done = aespec_("verify", ZOO["pca"], "--backends", "crooked", "--dtype", "float64", "--format", "json")
    (found,) = json.loads(done.stdout)
    assert (done.exit_code, found["ok"], found["dtype"], found["backends"]) == (1, False, "float64", ["crooked"])
    rows = {row["name"]: row for row in found["rows"]}
    assert (rows["encoder/dense_1"]["section"], rows["encoder/dense_1"]["difference"]) == ("node", 0)
    assert (rows["encoder/dense_1"]["shape"], rows["encoder/dense_1"]["parameters"]) == ([2], 3 * 2 + 2)
    assert (rows["total"]["ok"], rows["total"]["difference"]) == (False, None), "JSON has no infinity"


def refuse(_):
    raise aespec.AespecError(Diagnostic(UnsupportedKind, "no lowering"))


@pytest.mark.parametrize(
    ("fault", "gaps", "code", "counted"),
    [
        ({}, {}, 0, "3 pass"),
        ({"trace": lambda values: {name: value * 2 for name, value in values.items()}}, {}, 1, "3 fail"),
        ({"weights": refuse}, {}, 1, "3 unsupported"),
        ({"weights": refuse}, {"flatten 1": "for a reason"}, 1, "2 unsupported, 1 known gap"),
        ({}, {"flatten 2": "for a reason"}, 1, "2 pass, 1 gap closed"),
    ],
)
def test_conformance(fault, gaps, code, counted, crooked):
    crooked(**fault).known_gaps = gaps
    done = aespec_("conformance", "--backend", "crooked", "--kind", "flatten")
    assert done.exit_code == code
    assert done.stdout.splitlines()[-1] == counted
    told = [line.split("  ")[0] for line in done.stdout.splitlines() if line.startswith("flatten")]
    assert len(told) == 3 - sum(int(part.split()[0]) for part in counted.split(", ") if part.endswith("pass"))


def test_conformance_tells_every_case_when_asked():
    args = ("conformance", "--backend", "numpy", "--kind", "flatten", "--kind", "dropout")
    names = ["flatten 1", "flatten 2", "flatten 3", "dropout 1"]
    lines = aespec_(*args, "--verbose").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[2:6]] == names
    found = json.loads(aespec_(*args, "--format", "json").stdout)
    assert [(verdict["case"], verdict["status"]) for verdict in found] == [(name, "pass") for name in names]


# --- build ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "keras", "torch"])
def test_build_tells_what_was_built(backend):
    pytest.importorskip(backend)
    done = process("build", ZOO["recurrent"], "--backend", backend)
    assert (done.returncode, done.stderr) == (0, "")
    head, encoder, decoder, total, checked = done.stdout.splitlines()
    assert head.startswith(f"recurrent: built with {backend} (")
    assert encoder.split()[:3] == ["encoder", "67,320", "parameters"]
    assert encoder.endswith("(None, None, 28) -> (None, 30)")
    assert decoder.split()[:3] == ["decoder", "55,228", "parameters"]
    assert total.split()[:2] == ["total", "122,548"]
    assert "5 values and 11 weights" in checked


def test_build_writes_the_spec_and_the_weights(spec, tmp_path):
    out = tmp_path / "new" / "model"
    done = aespec_("build", spec, "--backend", "numpy", "-o", out, "--seed", 7, "--set", "encoder.0.dense=3")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == f"  wrote {out}: spec.yaml, weights.safetensors"
    resolved = aespec.load(out / "spec.yaml")
    wanted = aespec.load(spec, ["encoder.0.dense=3", "training.seed=7"])
    assert resolved.to_data() == wanted.to_data()
    assert "glorot_uniform" in (out / "spec.yaml").read_text(), "defaults are stated"
    found, drawn = weights.read(out / "weights.safetensors"), weights.draw(aespec.compile(wanted), 7)
    assert found.keys() == drawn.keys()
    assert all((found[name] == drawn[name]).all() for name in drawn)


def test_build_as_json(spec, tmp_path):
    out = tmp_path / "model"
    args = ("--backend", "numpy", "-o", out, "--dtype", "float64", "--format", "json")
    (found,) = json.loads(aespec_("build", spec, *args).stdout)
    assert (found["name"], found["backend"], found["dtype"], found["seed"]) == ("small", "numpy", "float64", 5)
    assert (found["folder"], found["files"]) == (str(out), ["spec.yaml", "weights.safetensors"])
    assert found["parameters"] == 6 * 2 + 2 + 2 * 6 + 6
    assert all(value.dtype == "float64" for value in weights.read(out / "weights.safetensors").values())


def test_build_writes_each_of_several_specs_into_a_folder_of_its_name(tmp_path):
    done = aespec_("build", ZOO["pca"], ZOO["tied"], "--backend", "numpy", "-o", tmp_path / "all")
    assert done.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["pca", "tied"]
    twice = aespec_("build", ZOO["pca"], ZOO["pca"], "--backend", "numpy", "-o", tmp_path / "twice")
    assert twice.exit_code == 2
    assert not (tmp_path / "twice").exists()


def test_build_overwrites_only_when_told_to(spec, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("mine")
    refused = aespec_("build", spec, "--backend", "numpy", "-o", tmp_path / "full")
    assert refused.exit_code == 1
    assert "error[E504]" in refused.stderr
    assert "--force" in refused.stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["precious.txt"]
    assert aespec_("build", spec, "--backend", "numpy", "-o", tmp_path / "full", "--force").exit_code == 0
    assert (tmp_path / "full" / "precious.txt").read_text() == "mine"


@pytest.mark.parametrize("command", ["build", "train"])
def test_a_full_disk_is_told(command, spec, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aespec.weights.write", full)
    backend = ("torch", "--data", "data.npy") if command == "train" else ("numpy",)
    done = aespec_(command, spec, "--backend", *backend, "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "out cannot be written" in done.stderr
    assert "got: No space left on device\n" in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [["summary"], ["build", "--backend", "numpy", "-o", "out"], ["graph", "--format", "svg"], ["summary", "--help"]],
    ids=" ".join,
)
def test_a_full_disk_under_what_is_printed_is_told(command, unbuffered, encoding, spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    with Path("/dev/full").open("w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-m", "aespec", *command, spec], stdout=nowhere, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error[E505]: stdout cannot be written\n")
    assert "got: No space left on device\n" in done.stderr
    assert done.stderr.endswith("1 error\n")


def test_a_folder_that_cannot_be_made_is_told(spec):
    done = aespec_("build", spec, "--backend", "numpy", "-o", spec / "below-a-file")
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
    assert "got: a file that stands in its way" in done.stderr


# --- train and reconstruct --------------------------------------------------------------------------------------


@pytest.fixture
def trained(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def train(*args):
        return aespec_("train", spec, "--backend", "torch", "--data", "data.npy", *args)

    return train


def test_train_writes_a_run_and_says_how_it_went(trained, tmp_path):
    done = trained()
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "small on torch, 36 training and 4 held-out samples of data.npy"
    assert [line.split()[1] for line in lines if line.startswith("epoch")] == ["1/3", "2/3", "3/3"]
    assert lines[-1].startswith("wrote runs/small-torch;")
    run = tmp_path / "runs" / "small-torch"
    assert {"spec.yaml", "weights.safetensors", "history.csv", "run.json"} <= {path.name for path in run.iterdir()}
    history = (run / "history.csv").read_text().splitlines()
    assert len(history) == 1 + 3
    losses = [float(line.split()[3]) for line in lines if line.startswith("epoch")]
    assert losses == pytest.approx(
        [float(row.split(",")[history[0].split(",").index("total")]) for row in history[1:]], abs=1e-6
    )
    assert losses[0] > losses[-1]


@pytest.mark.parametrize(
    ("args", "path", "value"),
    [
        (["--epochs", "1"], ("training", "epochs"), 1),
        (["--batch-size", "4"], ("training", "batch_size"), 4),
        (["--learning-rate", "0.125"], ("training", "optimizer", "learning_rate"), 0.125),
        (["--validation-split", "0.5"], ("training", "validation_split"), 0.5),
        (["--seed", "9"], ("training", "seed"), 9),
        (
            ["--set", "training.optimizer=adam", "--learning-rate", "1e-4"],
            ("training", "optimizer", "learning_rate"),
            1e-4,
        ),
        (
            ["--optimizer", "adam", "--set", "training.optimizer.adam.beta_1=0.5"],
            ("training", "optimizer", "beta_1"),
            0.5,
        ),
    ],
)
def test_train_options_stand_in_the_resolved_spec(args, path, value, trained):
    assert trained(*args).exit_code == 0
    found = aespec.load("runs/small-torch/spec.yaml")
    for field in path:
        found = getattr(found, field)
    assert found == value


HELD = ["--validation-data", "data.npy"]


@pytest.mark.parametrize(
    ("stated", "args", "split", "data"),
    [
        ("validation_split: 0.5", HELD, 0, "data.npy"),
        ("validation_data: other.npy", HELD, 0, "data.npy"),
        ("validation_data: other.npy", ["--validation-split", "0.5"], 0.5, None),
        ("validation_split: 0.5", [*HELD, "--validation-split", "0"], 0, "data.npy"),
    ],
)
def test_what_an_option_says_of_validation_stands_for_what_the_spec_says(stated, args, split, data, trained, spec):
    spec.write_text(spec.read_text().replace("seed: 5", f"seed: 5, {stated}"))
    assert trained(*args).exit_code == 0
    plan = aespec.load("runs/small-torch/spec.yaml").training
    assert (plan.validation_split, plan.validation_data) == (split, data)


def test_an_option_to_clip_stands_for_another_way_to_clip(trained, spec):
    spec.write_text(spec.read_text().replace("seed: 5", "seed: 5, clip_norm: 1.0"))
    assert trained("--clip-value", 0.5).exit_code == 0
    plan = aespec.load("runs/small-torch/spec.yaml").training
    assert (plan.clip_norm, plan.clip_value) == (None, 0.5)


def test_options_that_exclude_each_other_are_refused(trained):
    done = trained(*HELD, "--validation-split", "0.2")
    assert done.exit_code == 1
    assert "--> --validation-split:1:1" in done.stderr
    assert "`validation_split` or `validation_data`, not both" in done.stderr


@pytest.mark.parametrize("stated", ["in the spec", "as an option"])
def test_wrong_validation_data_is_shown_where_it_is_stated(stated, trained, spec):
    args, where = ["--validation-data", "nope.npy"], "--validation-data:1:1"
    if stated == "in the spec":
        spec.write_text(spec.read_text().replace("seed: 5", "seed: 5, validation_data: nope.npy"))
        args, where = [], "small.yaml:5:"
    done = trained(*args)
    assert done.exit_code == 1
    assert where in done.stderr
    assert "no file `nope.npy`" in done.stderr
    assert "name other data with `--validation-data`" in done.stderr


def test_a_window_that_memory_decides_has_room_for_a_batch(trained, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 1000}[name])
    assert "streams from" in trained().stdout
    assert aespec.load("runs/small-torch/spec.yaml").training.window == 8  # not 1000 / 16 / 24 bytes


def test_train_is_the_same_with_the_same_seed(trained):
    outcomes = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert trained("-o", name, "--seed", seed).exit_code == 0
        outcomes.append(weights.read(Path(name) / "weights.safetensors"))
    first, same, other = outcomes
    assert all((first[name] == same[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


def test_train_on_fewer_samples(trained):
    assert "  the first 12 of 40 samples" in trained("--limit", 12).stdout.splitlines()
    assert json.loads(Path("runs/small-torch/run.json").read_text())["data"]["samples"] == 12


def test_train_does_not_write_over_a_run(trained):
    assert trained().exit_code == 0
    again = trained()
    assert again.exit_code == 1
    assert "error[E504]" in again.stderr
    assert trained("--force").exit_code == 0


def test_train_quietly_and_as_json(trained):
    quiet = trained("--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")
    *epochs, found = map(json.loads, trained("--format", "json", "--force").stdout.splitlines())
    assert (found["run"], found["part"], found["samples"]) == ("runs/small-torch", "training sample", 36)
    assert [epoch["number"] for epoch in epochs] == [1, 2, 3]
    assert found["record"]["final"]["training"] == epochs[-1]["losses"]
    *_, found = map(json.loads, trained("--format", "json", "--force", "--limit", 20).stdout.splitlines())
    assert "the first 20 of 40 samples" in found["notes"]


def test_as_json_what_goes_wrong_in_training_is_a_line_too(trained):
    failed = trained("--format", "json", "--optimizer", "{sgd: 1e30}")
    assert failed.exit_code == 1
    *_, found = map(json.loads, failed.stdout.splitlines())
    assert found["diagnostics"][0]["code"] == "E503"


def test_train_stops_when_the_loss_is_no_number(trained):
    done = trained("--learning-rate", "1e30")
    assert done.exit_code == 1
    assert "error[E503]" in done.stderr


def test_train_refuses_a_backend_that_cannot_before_anything_else(trained):
    done = trained("--backend", "numpy", "--data", "no-such.npy")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "cannot be trained" in done.stderr
    assert not Path("runs").exists()


def test_train_says_that_a_split_holds_nothing_out(trained):
    said = trained("--limit", 1, "--validation-split", 0.5).stdout.splitlines()
    assert said[0] == "small on torch, 1 sample of data.npy"
    assert "  no validation: `validation_split: 0.5` of 1 sample is none" in said
    assert "no validation" not in trained("--force").stdout


@pytest.mark.parametrize("epochs", [0, 2])
def test_train_that_is_interrupted_says_what_it_leaves_and_how_to_go_on(epochs, trained, monkeypatch):
    real = import_module("aespec_torch.training").TorchTrainer.steps
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) > epochs:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr("aespec_torch.training.TorchTrainer.steps", interrupted)
        done = trained()
    assert done.exit_code == 130
    if not epochs:
        assert "interrupted: runs/small-torch has no checkpoint yet; the same command begins again" in done.stderr
        assert trained().exit_code == 0
        return
    assert "interrupted: runs/small-torch has a checkpoint after 2 epochs; " in done.stderr
    assert "`aespec train --resume runs/small-torch` goes on from it" in done.stderr
    again = trained()
    assert again.exit_code == 1
    assert "has a run that was interrupted" in again.stderr
    resumed = aespec_("train", "--resume", "runs/small-torch")
    assert [line[:9] for line in resumed.stdout.splitlines() if line.startswith("epoch")] == ["epoch 3/3"]
    assert len(Path("runs/small-torch/history.csv").read_text().splitlines()) == 1 + 3


def test_train_shows_a_bar_on_a_terminal(trained, monkeypatch):
    monkeypatch.setattr("aespec.cli.progress.Progress.on_terminal", staticmethod(lambda: True))
    done = trained()
    assert "epoch 1/3 " in done.stderr
    assert "step 5/5, loss 0." in done.stderr
    assert " left" in done.stderr
    assert done.stderr.endswith("\r"), "nothing of the bar stays"


def bar(columns, losses, rows=24):
    """What a terminal of so many columns shows of step 500 of 625, in epoch 9 of 20."""
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with os.fdopen(follower, "w") as terminal, pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stderr", terminal)
        progress = Progress(20_000, 32, form="text", quiet=False)
        progress.stage("", 20)
        progress.tick(9, 0, {})
        patched.setattr(progress.bar, "_time", lambda: progress.bar.start_t + 1)
        progress.tick(9, 16_000, losses)
        print("\rover", file=terminal, flush=True)
        shown = ""
        while "over\r\n" not in shown:  # all of it: a terminal may give a line in parts
            shown += os.read(leader, 4096).decode()
        progress.bar.close()
    os.close(leader)
    return shown.split("\r")[-3]


ONE = {"binary_crossentropy": 0.3, "total": 0.3}
THREE = {"binary_crossentropy": 0.3, "encoder/gaussian_latent_1/gaussian_kl": 0.02, "encoder/dense_1/l2": 0.001}
THREE["total"] = sum(THREE.values())


@pytest.mark.parametrize(
    ("columns", "losses", "told"),
    [
        (20, ONE, "00:14"),
        (30, ONE, "00:14"),
        (40, ONE, "loss 0.3000, 00:14"),
        (44, ONE, "500/625, loss 0.3000, 00:14"),
        (60, ONE, "500/625, loss 0.3000, 16,000/s, 00:14"),
        (60, THREE, "500/625, loss 0.3210, 16,000/s, 00:14"),
        (80, ONE, "step 500/625, loss 0.3000, 16,000 samples/s, 00:14 left"),
        (80, THREE, "500/625, loss 0.3210, bin 0.3000, gau 0.0200, 16,000/s, 00:14"),
        (
            120,
            THREE,
            "step 500/625, loss 0.3210, binary 0.3000, gaussian 0.0200, l2 0.0010, 16,000 samples/s, 00:14 left",
        ),
        (
            160,
            THREE,
            "step 500/625, loss 0.3210, binary_crossentropy 0.3000, gaussian_kl 0.0200, l2 0.0010, 16,000 samples/s, "
            "00:14 left",
        ),
    ],
)
def test_a_bar_has_its_numbers_at_any_width(columns, losses, told):
    shown = bar(columns, losses)
    assert shown.startswith("epoch 9/20 ")
    assert shown.endswith(f" {told}")
    assert len(shown) == columns - 1, "the bar takes what is left; a line of all columns would be wrapped"


def test_a_terminal_that_does_not_say_its_size_has_a_bar():
    assert bar(0, ONE, rows=0).endswith(" step 500/625, loss 0.3000, 16,000 samples/s, 00:14 left")
    assert bar(120, ONE, rows=0) == bar(120, ONE)


def test_train_goes_on_from_another_folder(trained, monkeypatch):
    np.save("held.npy", np.load("data.npy")[:5])
    done = trained("--validation-data", "held.npy")
    assert done.exit_code == 0
    assert done.stdout.startswith("small on torch, 40 samples of data.npy and 5 validation samples of held.npy\n")
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    done = aespec_("train", "--resume", "../runs/small-torch", "--epochs", 4)
    assert (done.exit_code, done.stderr) == (0, "")


def test_train_logs_to_tensorboard(trained):
    pytest.importorskip("tensorboard")
    done = trained("--log", "tensorboard")
    assert (done.exit_code, done.stderr) == (0, "")
    assert list(Path("runs/small-torch").rglob("events.out.tfevents.*"))


def test_train_refuses_a_logger_that_there_is_not(trained):
    done = trained("--log", "tensorbord")
    assert done.exit_code == 1
    assert "did you mean `tensorboard`?" in done.stderr
    assert not Path("runs").exists()


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("args", "path", "count"),
    [
        ([], "runs/small-torch/reconstructions.png", "4 held-out samples of data.npy"),
        (["-n", "3", "-o", "pictures/p.PNG"], "pictures/p.PNG", "3 held-out samples of data.npy"),
        (["-n", "1"], "runs/small-torch/reconstructions.png", "1 held-out sample of data.npy"),
        (["--data", "same.npy"], "runs/small-torch/reconstructions.png", "4 held-out samples of same.npy"),
        (
            ["-n", "99", "--data", "other.npy", "--backend", "numpy"],
            "runs/small-torch/reconstructions.png",
            "2 samples of other.npy",
        ),
        (["--data", "parts.npz"], "runs/small-torch/reconstructions.png", "2 test samples of parts.npz"),
    ],
)
def test_reconstruct_draws_a_picture(args, path, count, trained):
    pytest.importorskip("matplotlib")
    other = np.arange(12, dtype="float32").reshape(2, 6)
    np.save("other.npy", other)
    np.savez("parts.npz", x_test=other)
    np.save("same.npy", np.load("data.npy"))
    trained()
    done = aespec_("reconstruct", "runs/small-torch", *args)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path}: {count}, mean squared error ")
    assert Path(path).read_bytes().startswith(PNG)


def test_reconstruct_measures_what_the_model_makes(trained):
    pytest.importorskip("matplotlib")
    trained()
    x = np.load("data.npy")[36:]  # a tenth is held out
    w = weights.read(Path("runs/small-torch/weights.safetensors"))
    code = x @ w["encoder/dense_1/kernel"] + w["encoder/dense_1/bias"]
    restored = code @ w["decoder/dense_1/kernel"] + w["decoder/dense_1/bias"]
    printed = float(aespec_("reconstruct", "runs/small-torch").stdout.split()[-1])
    assert printed == pytest.approx(((restored - x) ** 2).mean(), rel=1e-3)


def test_reconstruct_says_that_nothing_was_held_out(trained):
    pytest.importorskip("matplotlib")
    trained("--validation-split", 0)
    said = aespec_("reconstruct", "runs/small-torch").stdout
    assert "10 training samples of data.npy (nothing was held out), mean squared error" in said


def test_reconstruct_draws_what_a_limit_left_out(trained):
    pytest.importorskip("matplotlib")
    trained("--validation-split", 0, "--limit", 37)
    assert ": 3 held-out samples of data.npy" in aespec_("reconstruct", "runs/small-torch").stdout


@pytest.mark.parametrize("parts", [False, True], ids=["a file without parts", "a file with parts"])
def test_reconstruct_warns_of_data_that_has_changed(parts, trained):
    pytest.importorskip("matplotlib")

    def write(x):
        np.savez("kept.npz", **({"x_train": x, "x_test": x[:5]} if parts else {"x": x}))

    x = np.load("data.npy")
    write(x)
    trained("--data", "kept.npz")
    assert aespec_("reconstruct", "runs/small-torch").stderr == ""
    write(x[::-1])
    done = aespec_("reconstruct", "runs/small-torch")
    assert done.exit_code == 0
    assert done.stderr == "warning: kept.npz has changed since the run was trained on it\n"
    assert f": {'5 test' if parts else '10'} samples of kept.npz, mean squared error" in done.stdout
    assert aespec_("reconstruct", "runs/small-torch", "--data", "kept.npz").stderr == ""


def test_reconstruct_finds_the_data_from_another_folder(trained, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    trained()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert ": 4 held-out samples of data.npy" in aespec_("reconstruct", "../runs/small-torch").stdout
    (tmp_path / "data.npy").unlink()
    gone = aespec_("reconstruct", "../runs/small-torch")
    assert f"no file `{tmp_path / 'data.npy'}`" in gone.stderr
    assert "`--data`" in gone.stderr


# --- reference --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", families())
def test_layers_lists_every_kind_of_a_family(family):
    lines = aespec_("layers", "--family", family).stdout.splitlines()
    assert {line.split()[0] for line in lines[2:] if line.strip()} >= set(kinds(family))
    assert max(map(len, lines)) <= 100


def test_layers_lists_the_layers():
    assert aespec_("layers").stdout == aespec_("layers", "--family", "layer").stdout
    found = json.loads(aespec_("layers", "--format", "json").stdout)
    assert [entry["kind"] for entry in found] == list(kinds("layer"))


@pytest.mark.parametrize("name", [name for family in families() for name in kinds(family)])
def test_layers_shows_any_kind(name):
    done = aespec_("layers", name)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{name} (")
    assert max(map(len, done.stdout.splitlines())) <= 110
    pages = json.loads(aespec_("layers", name, "--format", "json").stdout)
    assert {page["kind"] for page in pages} == {name}
    assert len({page["family"] for page in pages}) == len(pages)
    assert all(field["text"] for page in pages for field in page["fields"])


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "dense",
            [
                "`dense: VALUE` sets `units`.",
                "units                 whole number >= 1      (required)      Width of the output.",
                "use_bias              true or false          true            Add a bias.",
                "  - dense: {units: 4, activation: selu, use_bias: false}",
                "      (2, 3) -> (2, 4); kernel (3, 4)",
            ],
        ),
        ("dropout", ["rate    number >= 0, < 1       (required)  Fraction of the values that is set to zero."]),
        ("leaky_relu", ["negative_slope  number >= 0  0.2      Slope below zero."]),
        ("flatten", ["  - flatten", "      (3, 4) -> (12,)"]),
    ],
)
def test_a_page_of_a_kind(name, lines):
    shown = aespec_("layers", name).stdout.splitlines()
    assert [line for line in lines if line not in shown] == []


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "spec",
            [
                "spec (a whole file)",
                "name         text                       the file's name  Names the model and its run folders.",
                "training     mapping                                     How the model is trained.",
            ],
        ),
        ("input", ["input (`input` of a spec)", "`input: VALUE` sets `shape`."]),
        ("training", ["batch_size        whole number >= 1                  32         Samples a step."]),
        ("early_stopping", ["early_stopping (`training.early_stopping` of a spec)"]),
    ],
)
def test_layers_shows_a_part_of_a_spec(name, lines):
    shown = aespec_("layers", name).stdout.splitlines()
    assert [line for line in lines if line not in shown] == []
    (page,) = json.loads(aespec_("layers", name, "--format", "json").stdout)
    assert page["kind"] == name
    assert all(field["text"] for field in page["fields"])


@pytest.mark.parametrize(
    ("args", "help"),
    [
        (["zscore"], "`aespec layers spec` the fields of a spec"),
        (["trainin"], "did you mean `training`?"),
        (["input", "--family", "loss"], "`--family` other kinds"),
    ],
)
def test_layers_says_where_to_look_for_what_is_no_kind(args, help):
    done = aespec_("layers", *args)
    assert done.exit_code == 1
    assert help in done.stderr


def test_layers_says_which_backends_support_a_kind(crooked, monkeypatch):
    backend = crooked()
    backend.lowerings = {kinds("layer")["flatten"]}
    monkeypatch.setattr(registry, "backend_names", lambda: ["numpy", "crooked", "missing"])
    for kind, supported in (("flatten", "numpy, crooked"), ("dense", "numpy")):
        assert aespec_("layers", kind, "--backends").stdout.splitlines()[-1] == f"Supported by: {supported}"
    listed = aespec_("layers", "--backends").stdout
    assert any(line.split()[:3] == ["flatten", "numpy,", "crooked"] for line in listed.splitlines())


def test_schema_prints_the_schema():
    from aespec.schema import spec_schema

    assert json.loads(aespec_("schema").stdout) == spec_schema()


@pytest.mark.parametrize("code", ["E101", "e204", "E503"])
def test_explain_prints_what_a_rule_means(code):
    shown = aespec_("explain", code).stdout
    assert shown.startswith(f"{code.upper()}: ")
    assert "Wrong:" in shown
    assert "Right:" in shown


def test_explain_lists_every_code():
    from aespec.lints import LINTS
    from aespec.rules import RULES

    lines = aespec_("explain").stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted([*RULES, *LINTS])
    assert "E101  A name that is no kind." in lines


# --- backends ---------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch):
    """Metadata as if these packages, and no others, were installed."""
    from importlib.metadata import EntryPoint, PackageNotFoundError

    class Distribution:
        def __init__(self, name):
            self.name = name

    def entry(name, value, package):
        point = EntryPoint(name, value, "aespec.backends")
        vars(point)["dist"] = Distribution(package)
        return point

    points = [
        entry("torch", "aespec_torch:backend", "aespec"),
        entry("keras", "aespec_keras:backend", "aespec"),
        entry("numpy", "aespec_numpy:backend", "aespec"),
        entry("jax", "no_such_module:backend", "aespec-jax"),
        entry("json", "json:backend", "aespec-json"),
    ]
    needs = {
        "aespec": [
            "numpy>=1.26",
            "keras>=3; extra == 'keras'",
            "tensorflow>=2; extra == 'keras'",
            'torch; extra == "torch"',
        ],
        "aespec-jax": ["aespec", "jax>=0.4", "pytest; extra == 'dev'"],
        "aespec-json": ["aespec"],
    }
    there = {"torch": "2.4", "tensorflow": "2.18"}

    def version(name):
        if name in there:
            return there[name]
        raise PackageNotFoundError(name)

    module = import_module("aespec.cli.backends")
    specs = {"aespec_torch", "aespec_keras", "aespec_numpy", "json"}
    monkeypatch.setattr(module, "entry_points", lambda group: points)
    monkeypatch.setattr(module, "requires", needs.get)
    monkeypatch.setattr(module, "version", version)
    monkeypatch.setattr(module, "find_spec", lambda name: object() if name in specs else None)
    return specs


@pytest.mark.parametrize(
    ("name", "package", "available", "missing", "install"),
    [
        ("torch", "aespec", True, [], None),
        ("keras", "aespec", False, ["keras"], "pip install 'aespec[keras]'"),
        ("numpy", "aespec", True, [], None),
        ("jax", "aespec-jax", False, ["jax", "no_such_module"], "pip install 'aespec-jax'"),
        ("json", "aespec-json", True, [], None),
    ],
)
def test_backends_says_what_is_missing(name, package, available, missing, install, installed):
    found = {backend["name"]: backend for backend in json.loads(aespec_("backends", "--format", "json").stdout)}[name]
    assert (found["package"], found["available"]) == (package, available)
    assert (found["missing"], found["install"]) == (missing, install)
    row = next(line for line in aespec_("backends").stdout.splitlines() if line.startswith(f"{name} "))
    assert row.split()[:3] == [name, package, "yes" if available else "no"]
    assert (install or "") in row


def test_a_module_without_its_package_counts_as_there(installed):
    installed.add("keras")  # as tensorflow-cpu brings the module tensorflow
    found = {backend["name"]: backend for backend in json.loads(aespec_("backends", "--format", "json").stdout)}
    assert found["keras"]["available"]
    assert found["keras"]["versions"] == {"keras": "of unknown version", "tensorflow": "2.18"}


def test_the_matrix_of_kinds_and_backends(crooked, monkeypatch):
    backend = crooked()
    backend.lowerings = {kinds("layer")["flatten"], kinds("loss")["mse"]}
    monkeypatch.setattr(registry, "backend_names", lambda: ["crooked", "missing", "numpy"])
    done = aespec_("backends", "--kinds", "--format", "json")
    matrix = json.loads(done.stdout)
    assert "missing is left out" in done.stderr
    assert matrix["layer"]["flatten"] == {"crooked": True, "numpy": True}
    assert matrix["layer"]["dense"] == {"crooked": False, "numpy": True}
    assert "initializer" not in matrix, "the core draws the weights"
    lines = aespec_("backends", "--kinds").stdout.splitlines()
    assert any(line.split() == ["dense", "-", "yes"] for line in lines)
    assert any(line.split() == ["mse", "yes", "yes"] for line in lines)


def test_train_freezes_several(trained):
    assert trained("--freeze", "encoder", "--freeze", "decoder/dense_1/bias").exit_code == 0
    kept = aespec.load("runs/small-torch/spec.yaml").training.freeze
    assert kept == ("encoder", "decoder/dense_1/bias")


def test_train_goes_on_where_its_data_has_moved(trained):
    assert trained().exit_code == 0
    Path("data.npy").rename("moved.npy")
    assert "there is no data set and no file" in aespec_("train", "--resume", "runs/small-torch", "--epochs", 4).stderr
    assert aespec_("train", "--resume", "runs/small-torch", "--epochs", 4, "--data", "moved.npy").exit_code == 0


def test_train_says_that_a_window_is_for_files(trained):
    done = aespec_("train", "small.yaml", "--backend", "torch", "--data", "data.npy", "--window", 8)
    assert "  streams from 1 part, 8 samples in memory at a time" in done.stdout.splitlines()
