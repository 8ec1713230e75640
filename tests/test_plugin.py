"""What other packages add: the real one in ``tests/plugin``, and faulty ones that only have metadata and a module."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from importlib.metadata import distribution
from math import log
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

import aespec
from aespec.backend import Backend, Lowerings, Model, Trainable
from aespec.cli import main
from aespec.conformance import Case, cases
from aespec.layers.base import Layer
from aespec.registry import backend_names, find_backend, kinds
from aespec.schema import kind_schema, spec_schema
from aespec.shapes import ShapeError
from aespec.summary import as_data, summarize

BACKENDS = ("numpy", "precise", "keras", "torch")
CASES = cases()
OURS = [case for case in CASES if case.id.startswith("attention_pool ")]
POOLED = {
    "input": [28, 5],
    "encoder": ["attention_pool", {"dense": 2}],
    "decoder": "mirror",
    "training": {"batch_size": 2, "epochs": 2},
}


def graph_of(spec):
    return aespec.compile(aespec.parse(spec))


# --- the kind ---------------------------------------------------------------------------------------------------


def test_the_package_is_found_by_its_metadata_alone():
    entries = distribution("aespec-example-plugin").entry_points
    assert {entry.group for entry in entries} == {"aespec.layers", "aespec.lowerings", "aespec.backends"}
    assert kinds("layer")["attention_pool"].__module__ == "aespec_example.attention_pool"
    assert list(kinds("layer"))[-1] == "attention_pool"  # after the built-in ones
    assert "precise" in backend_names()


@pytest.mark.parametrize(
    ("spec", "x", "shape", "count", "work"),
    [
        ("attention_pool", (28, 5), (5,), 5, 2 * 28 * 5),
        ({"attention_pool": 0.5}, (1, 7), (7,), 7, 14),
        ({"attention_pool": {"query_initializer": "ones"}}, (None, 2), (2,), 2, None),
    ],
)
def test_shapes_and_counts(spec, x, shape, count, work):
    layer = Layer.read(spec)
    assert layer.infer(x) == shape
    assert sum(param.size for param in layer.params(x).values()) == count
    assert layer.multiply_adds(x) == work


@pytest.mark.parametrize(
    ("x", "text"), [((5,), "number of axes"), ((2, 3, 4), "number of axes"), ((4, None), "unknown length")]
)
def test_wrong_shapes_are_refused(x, text):
    with pytest.raises(ShapeError, match=text):
        Layer.read("attention_pool").infer(x)


def test_a_spec_that_uses_it_is_summarized():
    """5 for the query, 5 * 2 + 2 and 2 * 5 + 5 for the dense layers; a dense layer and 28 repetitions come back."""
    data = as_data(summarize(graph_of(POOLED)))
    lines = [line for block in data["blocks"] for line in block["lines"]]
    assert [(line["kind"], [*line["output_shape"]]) for line in lines] == [
        ("attention_pool", [None, 5]),
        ("dense", [None, 2]),
        ("dense", [None, 5]),
        ("repeat_vector", [None, 28, 5]),
    ]
    assert data["parameters"] == 5 + 12 + 15


@pytest.mark.parametrize(
    ("layer", "code", "message", "help"),
    [
        ("attenton_pool", "E101", "unknown layer kind `attenton_pool`", "did you mean `attention_pool`?"),
        ({"attention_pool": {"temprature": 1}}, "E102", "unknown field `temprature`", "did you mean `temperature`?"),
        ({"attention_pool": 0}, "E104", "`temperature` lies outside its bounds", "near 0 the best match alone"),
    ],
)
def test_a_mistake_is_explained_as_with_any_kind(layer, code, message, help):
    with pytest.raises(aespec.AespecError) as caught:
        aespec.parse({**POOLED, "encoder": [layer]})
    (problem,) = caught.value.diagnostics
    assert problem.rule.code == code
    assert message in problem.message
    assert help in problem.help


def test_the_schema_knows_it():
    validator = jsonschema.Draft202012Validator(spec_schema())
    validator.validate(POOLED)
    validator.validate({**POOLED, "encoder": [{"attention_pool": {"temperature": 0.5}}]})
    for wrong in ({"temperature": 0}, {"temprature": 1}, "warm"):
        assert not validator.is_valid({**POOLED, "encoder": [{"attention_pool": wrong}]})
    assert kind_schema(kinds("layer")["attention_pool"])["properties"]["temperature"]["default"] == 1.0


def test_the_command_line_shows_it():
    listed = CliRunner().invoke(main, ["layers"]).stdout
    about = "The mean of all steps, each weighted by how well it matches a learned query. (of aespec-example-plugin)"
    assert about in " ".join(listed.split())
    assert listed.count("(of ") == 1
    (page,) = json.loads(CliRunner().invoke(main, ["layers", "attention_pool", "--format", "json"]).stdout)
    assert [field["name"] for field in page["fields"]] == ["temperature", "query_initializer", "name", "freeze"]
    assert page["examples"][0]["parameters"] == {"query": [3, 1]}
    assert page["package"] == "aespec-example-plugin"


# --- its lowerings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
class TestOnEachBackend:
    @pytest.mark.parametrize("case", OURS, ids=str)
    def test_conformance(self, case, backend):
        verdict = case.verdict(find_backend(backend))
        assert verdict.ok, verdict

    @pytest.mark.parametrize("length", [4, None])
    def test_inside_a_wrapper(self, length, backend):
        """(length, 3, 2) -> (length, 2) -> (2,): pooled at each step, then over the steps."""
        spec = aespec.parse(
            {
                "input": [length, 3, 2],
                "encoder": [{"time_distributed": "attention_pool"}, {"attention_pool": 0.5}],
                "decoder": {"mirror": {} if length else {"length": 4}},
                "training": {"batch_size": 2, "epochs": 2},
            }
        )
        verdict = Case("wrapped", aespec.compile(spec), spec.training).verdict(find_backend(backend))
        assert verdict.ok, verdict

    @pytest.mark.parametrize(
        ("temperature", "query", "wanted"),
        [
            (1.0, 0.0, log(3) / 2),  # no query: the mean
            (1.0, 1.0, log(3) * 3 / 4),  # weights exp(0) : exp(log 3) = 1 : 3
            (0.5, 1.0, log(3) * 9 / 10),  # 1 : exp(2 log 3) = 1 : 9
            (1.0, -1.0, log(3) / 4),  # 1 : 1/3
            (1e-3, 1.0, log(3)),  # exp(1098) is beyond float64
        ],
    )
    def test_values(self, temperature, query, wanted, backend):
        spec = {"input": [2, 1], "encoder": [{"attention_pool": temperature}], "decoder": "mirror"}
        model = find_backend(backend).build(graph_of(spec), dtype="float64")
        model.load_weights({"encoder/attention_pool_1/query": np.array([[query]])})
        assert model.encode(np.array([[[0.0], [log(3)]]]))[0, 0] == pytest.approx(wanted, rel=1e-12)

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, on saving
    def test_the_native_model_is_saved(self, backend, tmp_path):
        engine = find_backend(backend)
        model = engine.build(graph_of(POOLED))
        files = engine.save(model, tmp_path, {})
        assert files
        assert all((tmp_path / name).stat().st_size for name in files)
        if backend == "keras":
            import keras

            assert "aespec" not in zipfile.ZipFile(tmp_path / "model.keras").read("config.json").decode()
            x = np.random.default_rng(0).normal(size=(2, 28, 5)).astype("float32")
            loaded = keras.models.load_model(tmp_path / "model.keras")
            assert np.allclose(loaded.predict(x, verbose=0), model.reconstruct(x), atol=1e-6)


# --- the backend ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_precise_passes(case):
    verdict = case.verdict(find_backend("precise"))
    assert verdict.status == "pass", verdict


def test_precise_satisfies_the_contract():
    backend: Backend = find_backend("precise")
    model = backend.build(graph_of(POOLED))
    assert isinstance(model, Model)
    assert not isinstance(model, Trainable)
    assert isinstance(backend.lowerings, Lowerings)
    assert "attention_pool" in backend.lowerings


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precise_rounds_once(dtype):
    """(1e8 + 1) - 1e8 = 1, where single precision has no number between 1e8 and 1e8 + 8."""
    spec = {"input": [1], "encoder": [{"dense": 1}, {"dense": 1}], "decoder": [{"dense": 1}]}
    model = find_backend("precise").build(graph_of(spec), dtype=dtype)
    weights = {"encoder/dense_1": (1, 1e8), "encoder/dense_2": (1, -1e8), "decoder/dense_1": (0.1, 0)}
    given = {}
    for name, (kernel, bias) in weights.items():
        given |= {f"{name}/kernel": np.array([[kernel]], dtype), f"{name}/bias": np.array([bias], dtype)}
    model.load_weights(given)
    x = np.ones((1, 1), dtype)
    assert model.encode(x) == 1
    # The weight 0.1 is one of the precision asked for, so that only the computing differs.
    assert model.reconstruct(x) == np.array(0.1, dtype)
    assert model.losses(x)["total"] == pytest.approx((float(np.array(0.1, dtype)) - 1) ** 2, rel=1e-15)
    assert {value.dtype for value in [*model.trace(x).values(), *model.weights().values()]} == {np.dtype(dtype)}
    single = find_backend("numpy").build(graph_of(spec))
    single.load_weights(given)
    assert single.encode(x) == 0


def test_precise_says_that_it_cannot_be_trained(tmp_path):
    (tmp_path / "spec.yaml").write_text(json.dumps({**POOLED, "input": [8, 8]}))
    arguments = ["train", str(tmp_path / "spec.yaml"), "--backend", "precise", "--data", "digits"]
    result = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "cannot be trained" in result.stderr


# --- packages with faults ---------------------------------------------------------------------------------------


@dataclass
class Package:
    """An installed distribution, as far as importlib.metadata sees."""

    name: str
    layers: dict[str, str] = field(default_factory=dict)
    lowerings: dict[str, str] = field(default_factory=dict)
    backends: dict[str, str] = field(default_factory=dict)
    requires: str | None = None
    source: str | None = None
    """Its module, named as the package is with underscores; none where the files are gone."""

    def install(self, folder: Path) -> None:
        module = self.name.replace("-", "_")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        requires = f"Requires-Dist: {self.requires}\n" if self.requires else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {self.name}\nVersion: 1.0\n{requires}")
        groups = {"layers": self.layers, "lowerings": self.lowerings, "backends": self.backends}
        text = [
            f"[aespec.{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
            for group, entries in groups.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(text))
        if self.source is not None:
            (folder / f"{module}.py").write_text(self.source)


def kind(name):
    """The source of a module with a sound kind."""
    return (
        "from aespec.layers.base import Example, Layer\n"
        f"class Still(Layer):\n    'As it was.'\n    kind = {name!r}\n    examples = (Example(input=(2,)),)\n"
        "def lowering(layer, params, x):\n    return x\n"
    )


BROKEN = "import framework_that_is_not_there\n"
PICKY = (
    "from aespec.diagnostics import AespecError, Diagnostic\n"
    "from aespec.rules import BackendUnavailable\n"
    "raise AespecError(Diagnostic(BackendUnavailable, '`picky` runs on Tuesdays', help='wait'))\n"
)

TWO_KINDS = [Package(name, layers={"twice": f"{name}:Still"}, source=kind("twice")) for name in ("one", "other")]
TWO_BACKENDS = [Package(name, backends={"both": f"{name}:b"}, source="b = None\n") for name in ("first", "second")]
BROKEN_KIND = Package("broken-kind", layers={"broken": "broken_kind:Still"}, source=BROKEN)
BROKEN_CELL = Package("broken-cell", lowerings={"numpy.still": "broken_cell:lowering"}, source=BROKEN)
BROKEN_BACKEND = Package(
    "broken-backend", backends={"fast": "broken_backend:b"}, requires="not-on-this-computer>=2", source=BROKEN
)
SOUND_KIND = Package("sound", layers={"still": "sound:Still"}, source=kind("still"))


def rival(**claims):
    """A sound package that claims what another has."""
    return [Package("rival", source=kind("dense"), **claims)]


@pytest.fixture
def run(tmp_path):
    """The command line, on a spec of some layer, in a process that finds these packages as well."""

    def run(packages, *arguments, layer="flatten"):
        site = tmp_path / "site"
        site.mkdir()
        for package in packages:
            package.install(site)
        spec = {"input": [4, 3], "encoder": [layer, {"dense": 2}], "decoder": "mirror"}
        (tmp_path / "spec.yaml").write_text(json.dumps(spec))
        path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.run(
            [sys.executable, "-m", "aespec", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


VALIDATE = ("validate", "spec.yaml")
BUILD = ("build", "spec.yaml", "-o", "out", "--backend")


@pytest.mark.parametrize(
    ("packages", "arguments", "layer", "owners", "named"),
    [
        (TWO_KINDS, VALIDATE, "twice", "`one` and `other`", "one"),
        (rival(layers={"dense": "rival:Still"}), VALIDATE, "flatten", "`aespec` and `rival`", "rival"),
        (TWO_BACKENDS, (*BUILD, "both"), "flatten", "`first` and `second`", "first"),
        (rival(backends={"numpy": "rival:Still"}), (*BUILD, "numpy"), "flatten", "`aespec` and `rival`", "rival"),
        (
            rival(lowerings={"numpy.dense": "rival:lowering"}),
            (*BUILD, "numpy"),
            "flatten",
            "`aespec` and `rival`",
            "rival",
        ),
        (
            rival(lowerings={"numpy.attention_pool": "rival:lowering"}),
            (*BUILD, "numpy"),
            "attention_pool",
            "`aespec-example-plugin` and `rival`",
            "aespec-example-plugin",
        ),
    ],
    ids=["kinds", "built-in kind", "backends", "built-in backend", "built-in lowering", "lowerings"],
)
def test_two_owners_of_a_name_are_both_named(packages, arguments, layer, owners, named, run):
    result = run(packages, *arguments, layer=layer)
    assert result.returncode == 1, result.stdout
    assert "error[E304]: two packages claim the name" in result.stderr
    assert f"= got: {owners}\n" in result.stderr
    assert f"= help: uninstall one: `pip uninstall {named}`\n" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [VALIDATE, (*BUILD, "numpy"), (*BUILD, "precise"), ("layers",), ("schema",), ("backends",)],
    ids=lambda arguments: " ".join(arguments[::4]),
)
def test_no_fault_reaches_what_does_not_use_it(arguments, run):
    faulty = [*TWO_KINDS, *TWO_BACKENDS, BROKEN_KIND, BROKEN_CELL, BROKEN_BACKEND, SOUND_KIND]
    faulty += rival(lowerings={"numpy.attention_pool": "rival:lowering", "numpy.gru": "rival:lowering"})
    result = run(faulty, *arguments)
    assert result.returncode == 0, result.stderr
    assert not result.stderr


@pytest.mark.parametrize(
    ("source", "value", "got", "help"),
    [
        (BROKEN, "still", "No module named 'framework_that_is_not_there'", "`pip install 'still-kind'`"),
        (None, "still", "No module named 'still_kind'", "`pip install --force-reinstall 'still-kind'`"),
        ("1 / 0\n", "still", "ZeroDivisionError: division by zero", "report it to the authors of `still-kind`"),
        ("raise SystemExit('no')\n", "still", "SystemExit: no", "report it to the authors of `still-kind`"),
        (kind("still"), "Sitll", "has no attribute 'Sitll'", "report it to the authors of `still-kind`"),
        (kind("still"), "lowering", "<function lowering", "report it to the authors of `still-kind`"),
        (kind("silent"), "Still", "<class 'still_kind.Still'>", "report it to the authors of `still-kind`"),
    ],
    ids=["framework", "files", "fault", "exit", "attribute", "function", "another name"],
)
def test_a_kind_that_cannot_be_used_says_why(source, value, got, help, run):
    package = Package("still-kind", layers={"still": f"still_kind:{value}"}, source=source)
    result = run([package], *VALIDATE, layer="still")
    assert result.returncode == 1
    assert "error[E302]: `still` of package `still-kind`" in result.stderr
    assert got in result.stderr
    assert f"= help: {help}\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_lowering_that_cannot_be_imported_says_so_where_it_is_used(run):
    result = run([SOUND_KIND, BROKEN_CELL], *BUILD, "numpy", layer="still")
    assert result.returncode == 1
    assert "error[E302]: `numpy.still` of package `broken-cell` cannot be imported" in result.stderr
    assert "= help: `pip install 'broken-cell'`\n" in result.stderr


class TestABackendThatCannotBeImported:
    def test_is_listed_with_the_command_that_installs_it(self, run):
        result = run([BROKEN_BACKEND], "backends", "--format", "json")
        found = {backend["name"]: backend for backend in json.loads(result.stdout)}
        assert (found["fast"]["package"], found["fast"]["available"]) == ("broken-backend", False)
        assert found["fast"]["missing"] == ["not-on-this-computer"]
        assert found["fast"]["install"] == "pip install 'broken-backend'"
        assert (found["precise"]["package"], found["precise"]["available"]) == ("aespec-example-plugin", True)

    @pytest.mark.parametrize(
        ("package", "message", "help"),
        [
            (BROKEN_BACKEND, "`fast` of package `broken-backend` cannot be imported", "`pip install 'broken-backend'`"),
            (
                Package("hollow", backends={"fast": "hollow:b"}, source="b = None\n"),
                "`fast` of package `hollow` is not what it is announced as",
                "report it to the authors of `hollow`",
            ),
            (
                Package("picky", backends={"fast": "picky:b"}, source=PICKY),
                "`picky` runs on Tuesdays",
                "wait",
            ),
        ],
        ids=["broken", "hollow", "explains itself"],
    )
    def test_says_so_where_it_is_used(self, package, message, help, run):
        result = run([package], *BUILD, "fast")
        assert result.returncode == 1
        assert f"error[E302]: {message}\n" in result.stderr
        assert f"= help: {help}\n" in result.stderr


def test_frameworks_and_lowerings_are_not_imported_to_read_a_spec():
    code = (
        "import sys, aespec; aespec.compile(aespec.parse("
        "{'input': [3, 2], 'encoder': ['attention_pool'], 'decoder': 'mirror'}));"
        "print(*(name for name in sys.modules if name.startswith('aespec_') or name in ('keras', 'torch', 'numpy')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(shown.split()) == {"aespec_example", "aespec_example.attention_pool"}
