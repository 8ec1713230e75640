"""The report of a run: what is on it, what is not, and that it opens by itself in a browser."""

import base64
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from io import BytesIO
from math import nan

import numpy as np
import pytest
from command import aespec_
from PIL import Image

import aespec
from aespec.data.parts import find_parts
from aespec.data.streams import Stream
from aespec.report import report as reports
from aespec.report.charts import Axis, Line, curves, histogram
from aespec.report.codemap import code_map, sprite
from aespec.report.diagram import diagram
from aespec.report.page import Section, page, render
from aespec.report.parts import look
from aespec.run import open_run

SPECS = {
    "dense": """
        input: {shape: [8, 8], range: [0, 1]}
        encoder: [flatten, {dense: {units: 6, activation: selu}}]
        loss: binary_crossentropy
    """,
    "conv": """
        input: {shape: [8, 8], range: [0, 1]}
        encoder:
          - reshape: [8, 8, 1]
          - conv2d: {filters: 4, kernel_size: 3, padding: same, activation: selu}
          - max_pool2d: 2
    """,
    "recurrent": """
        input: {shape: [8, 8], range: [0, 1]}
        encoder: [{lstm: 5}]
    """,
    "variational": """
        input: {shape: [8, 8], range: [0, 1]}
        encoder: [flatten, {gaussian_latent: {units: 2}}]
    """,
    "series": """
        input: [12, 4]
        encoder: [{conv1d: {filters: 2, kernel_size: 3, padding: same}}]
    """,
    "any_length": """
        input: [null, 4]
        encoder: [{conv1d: {filters: 2, kernel_size: 3, padding: same}}]
    """,
    "table": """
        input: [3]
        encoder: [{dense: 2}]
    """,
}
COMMON = "\n        decoder: mirror\n        training: {epochs: 2, validation_split: 0.1, seed: 1}\n"

TITLES = ["Overview", "Model", "Training", "Reconstructions", "Code map", "Errors", "Spec", "Provenance"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def train(place):
    """Trains a spec with its report, each command once; the run's folder."""
    random = np.random.default_rng(0)
    np.save(place / "series.npy", random.normal(size=(60, 12, 4)).astype("float32"))
    np.save(place / "any_length.npy", random.normal(size=(20, 9, 4)).astype("float32"))
    np.save(place / "table.npy", random.normal(size=(60, 3)).astype("float32"))
    done = {}

    def run(name, *options, backend="torch"):
        key = (name, *options, backend)
        if key not in done:
            spec = place / f"{name}.yaml"
            spec.write_text("\n".join(line[8:] for line in (SPECS[name] + COMMON).splitlines()))
            data = place / f"{name}.npy"
            source = ["--data", data] if data.exists() else ["--limit", 300]
            folder = place / f"run-{len(done)}"
            result = aespec_("train", spec, "--backend", backend, *source, "-o", folder, *options)
            assert result.exit_code == 0, result.output
            done[key] = folder, result.output
        return done[key]

    return run


class Page(HTMLParser):
    """What a page refers to, and its text."""

    def __init__(self, html):
        super().__init__()
        self.links, self.images, self.scripts, self.headings, self.ids = [], [], [], [], []
        self.text, self._in = "", ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self._in = tag
        self.ids += [found["id"]] if "id" in found else []
        self.links += [
            found[name] for name in ("src", "href", "srcset", "data", "action", "xlink:href") if name in found
        ]
        if tag == "img":
            assert "alt" in found
            self.images.append(found["src"])
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.text += data
        if self._in in ("h1", "h2") and data.strip():
            self.headings.append(data)


def decoded(address):
    head, _, data = address.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return np.asarray(Image.open(BytesIO(base64.b64decode(data))))


def alone(html):
    """Nothing on a page comes from elsewhere, or could."""
    found = Page(html)
    assert all(link.startswith(("data:", "#")) for link in found.links)
    assert not re.search(r"""https?:|@import|url\((?!data:)|["'(]//""", html)
    assert "default-src 'none'" in html
    anchors = [link[1:] for link in found.links if link.startswith("#")]
    assert set(anchors) <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    return found


@pytest.mark.parametrize(
    ("name", "backend", "pictures", "more"),
    [
        ("dense", "torch", 49, []),  # 12 and 12 samples, their reconstructions, and the images of the map
        ("conv", "torch", 49, []),
        ("recurrent", "torch", 49, []),
        ("variational", "torch", 49 + 24, ["Generated samples"]),
        ("series", "torch", 0, []),
        ("table", "torch", 0, []),
        ("dense", "keras", 49, []),
    ],
)
def test_every_run_ends_with_a_page_that_needs_nothing_else(name, backend, pictures, more, train):
    folder, said = train(name, backend=backend)
    html = (folder / "report.html").read_text()
    assert f"wrote {folder}; {folder}/report.html shows what it learnt" in said
    found = alone(html)
    assert len(html) < 1e6
    assert found.headings == [name, *TITLES[:5], *more, *TITLES[5:]]
    assert len(found.images) == pictures
    assert all(decoded(image).size for image in found.images)
    spec = aespec.load(folder / "spec.yaml")
    for line in (folder / "spec.yaml").read_text().splitlines():
        assert line in found.text
    for node in aespec.compile(spec):
        assert node.name in found.text
    record = json.loads((folder / "run.json").read_text())
    for value in (record["data"]["fingerprint"], *record["versions"].values(), *record["data"]["notes"]):
        assert value in found.text


def test_python_writes_the_same_page(train, place):
    folder, _ = train("dense")
    run, out = aespec.open_run(folder), str(place / "again.html")
    assert reports.write(run, out) == []
    assert alone((place / "again.html").read_text()).text == Page((folder / "report.html").read_text()).text
    np.save(place / "others.npy", np.random.default_rng(0).random((30, 8, 8), "float32"))
    assert reports.write(run, out, data=run.data(place / "others.npy")) == []
    assert f"30 samples of {place / 'others.npy'}" in Page((place / "again.html").read_text()).text


def test_numbers_are_those_of_the_model(train):
    folder, _ = train("dense")
    run = open_run(folder)
    found = Page((folder / "report.html").read_text())
    x = aespec.data.load("digits", shape=(8, 8), range=(0, 1), split="test").inputs
    errors = ((run.model().reconstruct(x) - x) ** 2).mean(axis=(1, 2))
    assert "297 test samples" in found.text
    for number in (errors.mean(), errors.std(), np.median(errors), np.quantile(errors, 0.95), errors.max()):
        assert f"{number:.4g}" in found.text
    losses = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
    assert f"{float(losses[-1][losses[0].index('total')]):.4g}" in found.text
    original, restored = (decoded(image) for image in found.images[:2])
    np.testing.assert_allclose(original, 255 * x[0], atol=0.51)  # digits reach from 0 to 1
    np.testing.assert_allclose(restored, 255 * run.model().reconstruct(x[:1])[0], atol=0.51)


def test_the_map_has_every_sample_at_its_place_with_its_image_and_label(train):
    folder, _ = train("variational")  # a code of two numbers is its place
    run = open_run(folder)
    found = Page((folder / "report.html").read_text())
    data = next(json.loads(script) for script in found.scripts if script.startswith("{"))
    test = aespec.data.load("digits", shape=(8, 8), range=(0, 1), split="test")
    assert len(data["x"]) == 297 + 270  # the test set, and what of 300 was trained on
    codes = run.model().encode(test.inputs)
    assert np.corrcoef(data["x"][:297], codes[:, 0])[0, 1] > 0.9999
    assert np.corrcoef(data["y"][:297], -codes[:, 1])[0, 1] > 0.9999  # the page counts from above
    assert [data["names"][i] for i in data["classes"][:297]] == [str(label) for label in test.labels]
    assert data["notes"][5].startswith("test sample 5\nerror ")
    row, column = divmod(200, data["sprite"]["columns"])
    cell = decoded(found.images[24 * 2])[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
    np.testing.assert_allclose(cell, 255 * test.inputs[200], atol=8)  # 32 shades


def test_each_phase_has_its_chart(train):
    folder, _ = train("dense", "--greedy", "{epochs: 3}")
    text = (folder / "report.html").read_text()
    assert re.findall(r"<h3>(Loss.*?)</h3>", text) == ["Loss, encoder/dense_1", "Loss, the whole model"]


def test_nothing_held_out_is_said(train):
    folder, _ = train("table", "--validation-split", "0")
    found = Page((folder / "report.html").read_text())
    assert "Nothing was held out" in found.text
    assert "60 training samples" in found.text
    assert "held-out" not in found.text


@pytest.mark.parametrize("name", ["dense", "series", "table", "variational"])
def test_one_sample_is_enough(name, train):
    folder, said = train(name, "--limit", "1", "--validation-split", "0", "--batch-size", "1")
    assert "no report" not in said
    assert "left out" not in said
    alone((folder / "report.html").read_text())


@pytest.mark.parametrize(("name", "limit"), [("dense", " --limit 300"), ("table", "")])
def test_the_command_that_trains_it_again_takes_as_many_samples(name, limit, train):
    folder, _ = train(name)
    data = "digits" if limit else folder.parent / f"{name}.npy"
    given = f"--backend torch --data {data}{limit} -o {folder}-again"
    assert f"aespec train {folder}/spec.yaml {given}" in Page((folder / "report.html").read_text()).text


def test_text_of_users_is_text(place):
    bad = "</script><script>alert('x')</script>&<b>"
    body = code_map(np.eye(2), [bad, "b"], notes=[bad, bad], caption=bad)
    found = Page(page(bad, Section(bad, body, lead=bad), Section(bad + "2", body), lead=bad, kicker=bad, foot=bad))
    assert [script for script in found.scripts if "alert" in script and not script.startswith("{")] == []
    assert found.headings == [bad, bad, bad + "2"]
    data = next(json.loads(script) for script in found.scripts if script.startswith("{"))
    assert bad in data["names"]
    np.save(place / "bad.npy", np.random.default_rng(0).normal(size=(9, 3)).astype("float32"))
    spec = place / "bad.yaml"
    spec.write_text(f"description: {json.dumps(bad)}\ninput: [3]\nencoder: [{{dense: 2}}]\ndecoder: mirror\n")
    done = aespec_("train", spec, "--backend", "torch", "--data", place / "bad.npy", "-o", place / "bad", "--epochs", 1)
    assert done.exit_code == 0
    assert bad in Page((place / "bad" / "report.html").read_text()).text


def test_a_run_can_go_without_and_get_it_later(train, place):
    folder, said = train("table", "--no-report")
    assert not (folder / "report.html").exists()
    assert f"`aespec reconstruct {folder}` draws what it learnt" in said
    assert aespec_("report", folder).output == f"wrote {folder}/report.html\n"
    alone((folder / "report.html").read_text())
    other = place / "pages" / "a.html"
    found = json.loads(aespec_("report", folder, "-o", other, "--format", "json").output)
    assert (found["files"], found["notes"]) == ([str(other)], [])
    np.save(place / "others.npy", np.zeros((7, 3), "float32"))
    aespec_("report", folder, "-o", other, "--data", place / "others.npy")
    assert f"7 samples of {place / 'others.npy'}" in Page(other.read_text()).text


def test_the_worst_of_a_series_show_what_is_restored_worst_in_one_color_a_feature(train):
    folder, _ = train("series", "--validation-split", "0.3")
    html = (folder / "report.html").read_text()
    panels = html.split('<ul class="series">')[1:]
    legends = [dict(re.findall(r"stroke:var\(--c(\d)\)[^>]*></svg>(feature \d)<", panel)) for panel in panels]
    assert len(legends) == 2
    x = np.load(folder.parent / "series.npy")[42:]
    squares = (x - open_run(folder).model().reconstruct(x)) ** 2
    worst = squares[np.argsort(-squares.mean(axis=(1, 2)))[:6]].mean(axis=(0, 1))
    for legend, sizes in zip(legends, (x.var(axis=(0, 1)), worst), strict=True):
        assert [*legend.values()] == [f"feature {i}" for i in sorted(np.argsort(-sizes)[:3])]
        assert {*re.findall(r"--c(\d)", panels[legends.index(legend)].partition("</ul>")[0])} == {*legend}
    together = {(name, color) for legend in legends for color, name in legend.items()}
    assert len(together) == len(dict(together)) == len({color for _, color in together})
    assert "Of 4 features those that are restored worst." in html
    data = next(json.loads(script) for script in Page(html).scripts if script.startswith("{"))
    assert [str(color) for color in data["colors"]] == [*legends[0]]


def test_features_have_the_names_of_the_data_that_is_shown(train, place):
    folder, _ = train("table")
    text = Page((folder / "report.html").read_text()).text
    assert all(f"feature {i}" in text for i in range(3))
    np.savetxt(place / "named.csv", np.load(place / "table.npy"), "%g", ",", header="heat,flow,mass", comments="")
    page = place / "named.html"
    assert aespec_("report", folder, "--data", place / "named.csv", "-o", page).exit_code == 0
    assert re.findall(r'<th scope="row">(\w+)</th>', page.read_text())[:3] == ["heat", "flow", "mass"]


def test_samples_of_another_length_are_shown_too(train, place):
    folder, _ = train("any_length")
    page = place / "longer.html"
    assert aespec_("report", folder, "--data", place / "series.npy", "-o", page).exit_code == 0
    found = alone(page.read_text())
    assert f"60 samples of {place / 'series.npy'}" in found.text
    assert len(next(json.loads(script) for script in found.scripts if script.startswith("{"))["x"]) == 60


def test_the_page_of_an_earlier_run_does_not_stay(train, place):
    folder, _ = train("table", "--epochs", "1")
    assert (folder / "report.html").exists()
    assert aespec_("train", "--resume", folder, "--epochs", 2, "--no-report").exit_code == 0
    assert not (folder / "report.html").exists()
    assert aespec_("report", folder).exit_code == 0
    spec, data = place / "table.yaml", place / "table.npy"
    again = ["train", spec, "--backend", "torch", "--data", data, "-o", folder, "--force", "--no-report"]
    assert aespec_(*again).exit_code == 0
    assert not (folder / "report.html").exists()


def test_json_lists_it_and_quiet_says_nothing(train):
    folder, said = train("table", "--format", "json")
    assert json.loads(said.splitlines()[-1])["files"][-1] == str(folder / "report.html")
    _, said = train("table", "--format", "json", "--no-report")
    assert str(folder / "report.html") not in json.loads(said.splitlines()[-1])["files"]
    folder, said = train("table", "--quiet")
    assert said == ""
    assert (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("package", "name", "said"),
    [
        ("jinja2", "table", "no report: jinja2 is not installed; `pip install 'aespec[plots]'`"),
        ("PIL", "dense", "left out of the report: Pillow is not installed: `pip install 'aespec[plots]'`"),
        ("sklearn", "table", None),
        ("matplotlib.figure", "dense", None),
    ],
)
def test_a_package_that_is_missing_costs_the_run_nothing(package, name, said, train, place, monkeypatch):
    folder, _ = train(name)
    monkeypatch.setitem(sys.modules, package, None)
    if name == "dense":  # the digits are scikit-learn's
        np.save(place / "x.npy", np.random.default_rng(0).random((20, 8, 8), "float32"))
    data = place / ("x.npy" if name == "dense" else "table.npy")
    from aespec.report.page import _environment

    _environment.cache_clear()
    out = place / f"without-{package}"
    done = aespec_("train", folder / "spec.yaml", "--backend", "torch", "--data", data, "-o", out, "--epochs", 1)
    assert done.exit_code == 0, done.output
    open_run(out).model()
    if said is None:
        assert "left out" not in done.output
    else:
        assert f"  {said}\n" in done.output
    assert (out / "report.html").exists() == (package != "jinja2")
    if package == "PIL":
        found = Page((out / "report.html").read_text())
        assert found.headings[1:] == TITLES
        assert "Left out: Pillow is not installed" in found.text
    _environment.cache_clear()


@pytest.mark.parametrize("error", [RuntimeError("a bug"), MemoryError(), OSError(28, "No space left on device")])
def test_an_error_in_it_is_told_and_changes_nothing(error, train, monkeypatch):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(reports, "report", fail)
    folder, said = train("table", "--seed", str(len(str(error))))
    assert f"  no report: {type(error).__name__}" in said
    assert f"`aespec report {folder}` tries again" in said
    assert f"wrote {folder};" in said
    open_run(folder).model()


def test_no_run_no_report(place):
    done = aespec_("report", place / "nothing")
    assert done.exit_code == 1
    assert "error[E501]" in done.output
    assert aespec_("report", place, "-o", "page.pdf").exit_code == 2


class Echo:
    """A model that gives back what it is given."""

    def encode(self, x):
        return x.reshape(len(x), -1)

    def reconstruct(self, x):
        return x + 1


def test_a_look_at_many_samples_is_a_look_at_some(tmp_path):
    x = np.arange(5000, dtype="float32").reshape(-1, 1)
    np.save(tmp_path / "x.npy", x)
    stream = Stream(find_parts(tmp_path / "x.npy", "train"), x.shape, "float32")
    for samples in (x, stream):
        part = look(Echo(), samples, np.arange(5000), "sample", seed=3)
        assert len(set(part.places.tolist())) == len(part.inputs) == 500
        assert (part.inputs[:, 0] == part.places).all()
        assert (part.labels == part.places).all()
        assert (part.errors == 1).all()
        assert abs(part.places.mean() - 2500) < 500  # from all over
        assert part.told == "500 of 5,000 samples"
        assert (part.places == look(Echo(), samples, None, "sample", seed=3).places).all()
    assert look(Echo(), x[:7], None, "sample").told == "7 samples"
    large = np.zeros((9, 1000, 2000), "float32")  # two million numbers each, of ten
    assert look(Echo(), large, None, "sample").told == "5 of 9 samples"


@pytest.mark.parametrize(
    ("values", "options", "ticks"),
    [
        ([0, 1], {}, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.31, 0.52], {}, ["0.35", "0.40", "0.45", "0.50"]),
        ([3, 3], {}, ["2.8", "3.0", "3.2"]),
        ([0, 0], {}, ["-0.4", "-0.2", "0.0", "0.2", "0.4"]),
        ([nan], {}, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([1, 3], {"whole": True}, ["1", "2", "3"]),
        ([1, 1], {"whole": True}, ["1"]),
        ([1, 100], {"whole": True}, ["20", "40", "60", "80", "100"]),
        ([0.01, 1], {"log": True}, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]),
        ([1e-8, 1], {"log": True}, ["1e-08", "1e-06", "0.0001", "0.01", "1"]),
        ([1e6, 3e6], {}, ["1e+06", "1.5e+06", "2e+06", "2.5e+06", "3e+06"]),
    ],
)
def test_axes_have_round_numbers(values, options, ticks):
    axis = Axis.over(values, **options)
    assert [text for _, text in axis.marks] == ticks
    assert all(-0.01 <= at <= 100.01 for at, _ in axis.marks)


def test_a_curve_has_a_gap_where_a_value_is_missing():
    html = curves("Loss", [1, 2, 3, 4, 5], [Line("training", [4.0, 2.0, nan, 1.0, 0.0])])
    (path,) = re.findall(r'<path class="chart-line" style="stroke:var\(--c0\)" d="(.*?)"', html)
    assert path == "M0.0 0.00h0L25.0 50.00M75.0 75.00h0L100.0 100.00"


def test_one_epoch_is_a_dot():
    html = curves("Loss", [1], [Line("training", [4.0]), Line("validation", [3.0], 1, dashed=True)])
    assert len(re.findall('class="chart-line chart-dot"', html)) == 2


def test_a_histogram_has_the_share_of_each_bin():
    # bins of a fortieth of 0 to 4: three quarters of the first part in the first bin, a quarter in the last
    html = histogram("Errors", [Line("a", [0.0, 0.0, 0.0, 4.0]), Line("b", [2.0, nan], 1)], x_name="error")
    first, second = re.findall(r'<path class="chart-line" style="stroke:var\(--c\d\)" d="(M0.0 .*?)"', html)
    assert first.startswith("M0.0 100L0.0 25.00L2.5 25.00L2.5 100.00")
    assert first.endswith("L97.5 75.00L100.0 75.00L100.0 100")
    assert "L50.0 0.00L52.5 0.00" in second


@pytest.mark.parametrize(
    ("labels", "legend", "names"),
    [(None, 0, 0), (["a"] * 30, 0, 0), (list("ab") * 15, 2, 2), (np.arange(30), 0, 0), ([0.5, 1.0, 1.5] * 10, 3, 3)],
)
def test_classes_that_can_be_told_apart_have_a_legend(labels, legend, names):
    html = code_map(np.random.default_rng(0).normal(size=(30, 2)), labels)
    assert len(re.findall('<button type="button" data-class', html)) == legend
    assert len(re.findall("<text ", html)) == names
    assert len(re.findall("M[0-9]+ [0-9]+h0", html)) == 30


def test_both_axes_of_a_map_have_one_scale():
    html = code_map(np.array([[0, 0], [10, 0], [0, 5.0]]))
    x, y = (json.loads(re.search(rf'"{name}": (\[.*?\])', html)[1]) for name in "xy")
    assert x[1] - x[0] == 2 * (y[0] - y[2]) == 940


@pytest.mark.parametrize("points", [np.zeros((3, 2)), np.ones((1, 2)), np.zeros((0, 2)), np.array([[0, 1], [0, 2.0]])])
def test_a_map_of_points_that_do_not_spread_is_a_map(points):
    html = code_map(points, samples=np.zeros((len(points), 8, 8)), images=True)
    assert len(re.findall("M[0-9]+ [0-9]+h0", html)) == len(points)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 100, 80, 3), (5, 33, 9)])
def test_images_of_any_size_become_small_ones(shape):
    points, images = (np.random.default_rng(0).random(each) for each in ((5, 2), shape))
    html = code_map(points, samples=images, images=True)
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])
    sheet = decoded(re.search(r'src="(data:.*?)"', html)[1])
    assert max(data["sprite"]["width"], data["sprite"]["height"]) <= 32
    assert sheet.shape[:2] == (2 * data["sprite"]["height"], 3 * data["sprite"]["width"])
    assert sheet.ndim == (3 if shape[-1] == 3 else 2)


@pytest.mark.parametrize("shape", [(1000, 32, 32, 3), (1000, 32, 32), (3, 8, 8)])
def test_images_take_no_more_than_their_share_of_the_page(shape):
    address, size = sprite(np.random.default_rng(0).integers(0, 256, shape, "uint8"))  # noise: nothing is larger
    assert len(address) < 4e5
    assert size["width"] >= 6


@pytest.mark.parametrize("points", [np.zeros(3), np.zeros((3, 3)), np.array([[nan, 1]])])
def test_what_is_no_plane_is_no_map(points):
    with pytest.raises(ValueError, match="points are finite"):
        code_map(points)


def test_the_thousands_of_numbers_are_set_apart():
    wide = {"input": [40, 784], "encoder": ["flatten", {"dense": 2}], "decoder": "mirror"}
    html = diagram(aespec.compile(aespec.parse(wide)))
    assert ">31,360<" in html
    assert "31360" not in html


def test_a_mirror_stands_beside_what_it_undoes():
    html = diagram(aespec.compile(aespec.load("specs/conv.yaml")))
    encoder, decoder = html.split("diagram-decoder")
    rows = r"grid-row:(\d+)/(\d+)"
    assert re.findall(rows, encoder) == [(str(i), str(i + 1)) for i in range(1, 9)]
    # 7x7x32 undoes the last convolution and its pooling, rows 7 and 8; the last of the decoder the first reshape
    assert re.findall(rows, decoder) == [("7", "9"), ("5", "7"), ("3", "5"), ("2", "3"), ("1", "2")]
    assert "18,496 parameters" in encoder
    assert "filters 64, kernel 3\N{MULTIPLICATION SIGN}3, same, selu" in encoder
    assert "3 \N{MULTIPLICATION SIGN} 3 \N{MULTIPLICATION SIGN} 64" in encoder


@pytest.mark.parametrize(
    ("spec", "encoder", "decoder"),
    [  # rows from and to before, from the input and from the code
        # the mirror of a gru is a repeat_vector and a gru
        ("recurrent_gru", ["1/2", "2/3", "3/5"], ["4/5", "3/4", "2/3", "1/2"]),
        # nothing undoes the dropout
        ("conv1d", ["1/2", "2/3", "3/4", "4/5"], ["4/5", "2/3", "1/2"]),
    ],
)
def test_what_has_no_one_partner_has_its_place(spec, encoder, decoder):
    left, right = diagram(aespec.compile(aespec.load(f"specs/{spec}.yaml"))).split("diagram-decoder")
    assert re.findall(r"grid-row:(\d+/\d+)", left) == encoder
    assert re.findall(r"grid-row:(\d+/\d+)", right) == decoder


def test_another_decoder_fills_the_height():
    spec = {
        "input": [4],
        "encoder": [{"dense": 3}, {"dense": 2}],
        "decoder": [{"dense": 2}, {"dense": 3}, {"dense": 4}],
    }
    html = diagram(aespec.compile(aespec.parse(spec)))
    assert re.findall(r"grid-row:(\d+)/(\d+)", html.split("diagram-decoder")[1]) == [
        ("4", "5"),
        ("3", "4"),
        ("2", "3"),
        ("1", "2"),
    ]


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colors_stand_out(scheme):
    """By WCAG 2.2: text 4.5 to 1 from what it stands on, marks 3 to 1."""
    style = str(render("page.html.j2", title="", sections=(), lead="", kicker="", foot=""))
    colors = dict(re.findall(r"--(\w+): (#\w{6})", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]))
    for name, least in (*((text, 4.5) for text in ("ink", "soft", "accent")), *((f"c{i}", 3) for i in range(10))):
        for ground in ("paper", "card"):
            dark, light = sorted((luminance(colors[name]), luminance(colors[ground])))
            assert (light + 0.05) / (dark + 0.05) >= least, (name, ground)


CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def browser():
    """A browser without a window."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def opened(browser, path, *, width=1280, height=900, dark=False):
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(path.as_uri())
    return browser


@pytest.mark.parametrize("name", ["dense", "variational", "series", "table"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_a_browser_shows_all_of_it_and_complains_of_nothing(name, width, dark, train, browser):
    opened(browser, train(name)[0] / "report.html", width=width, dark=dark)
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert {url.partition(":")[0] for url in sent} <= {"file", "data"}
    script = "return [...document.images].map(image => image.complete && image.naturalWidth)"
    assert all(browser.execute_script(script))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 3 * 128) == dark
    texts = "return [...document.querySelectorAll('.box-row')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert browser.execute_script(texts) == 0


def shown(browser):
    """What the map's tip says, and the pixels of its image."""
    return browser.execute_script("""
        const tip = document.querySelector(".codemap-tip"), canvas = tip.querySelector("canvas");
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return tip.hidden ? null : [tip.querySelector("strong").textContent, tip.querySelector("span").textContent,
                                    [...pixels].filter((_, i) => i % 4 == 0)];
    """)


def test_the_map_answers_to_mouse_keys_legend_and_zoom(train, browser):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    folder, _ = train("variational")
    html = (folder / "report.html").read_text()
    data = next(json.loads(script) for script in Page(html).scripts if script.startswith("{"))
    test = aespec.data.load("digits", shape=(8, 8), range=(0, 1), split="test")
    opened(browser, folder / "report.html")
    view = browser.find_element(By.CSS_SELECTOR, ".codemap svg")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", view)
    places = np.stack([data["x"], data["y"]], axis=1)
    distances = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(len(places))
    i = int(distances.min(axis=1)[:297].argmax())  # the test sample that is furthest from any other
    size = view.size

    def point(x, y):
        offsets = [
            round(x * size["width"] / 1000 - size["width"] / 2),
            round(y * size["height"] / 700 - size["height"] / 2),
        ]
        ActionChains(browser).move_to_element_with_offset(view, *offsets).perform()

    assert shown(browser) is None
    point(*places[i])
    label, note, pixels = shown(browser)
    assert label == str(test.labels[i])
    assert note.startswith(f"test sample {i}\n")
    np.testing.assert_allclose(np.reshape(pixels, (8, 8)), 255 * test.inputs[i], atol=8)

    right = np.flatnonzero(places[:, 0] - places[i, 0] > np.abs(places[:, 1] - places[i, 1]) - 0.5)
    left = np.flatnonzero(places[i, 0] - places[:, 0] > np.abs(places[:, 1] - places[i, 1]) - 0.5)
    key, ahead = (Keys.ARROW_RIGHT, right) if len(right) > 1 else (Keys.ARROW_LEFT, left)
    browser.execute_script("arguments[0].focus()", view)
    view.send_keys(key)
    assert shown(browser)[1] in {data["notes"][j] for j in ahead}
    view.send_keys(Keys.ESCAPE)
    assert shown(browser) is None

    point(*places[i])
    button = browser.find_element(By.CSS_SELECTOR, f'.codemap-legend [data-class="{data["classes"][i]}"]')
    browser.execute_script("arguments[0].click()", button)
    assert button.get_attribute("aria-pressed") == "false"
    point(*(places[i] + 1))
    assert shown(browser) is None or shown(browser)[0] != label
    browser.execute_script("arguments[0].click()", button)
    point(*places[i])
    assert shown(browser)[0] == label

    before = view.get_dom_attribute("viewBox")
    browser.find_element(By.CSS_SELECTOR, '[aria-label="Larger"]').click()
    assert float(view.get_dom_attribute("viewBox").split()[2]) == 1000 / 1.6
    browser.find_element(By.CSS_SELECTOR, '[aria-label="The whole map"]').click()
    assert view.get_dom_attribute("viewBox") == before
    complaints = browser.get_log("browser")
    assert [each for each in complaints if "getImageData" not in each["message"]] == []  # which is what this test calls


def test_a_series_is_drawn_where_the_map_is_touched(train, browser):
    folder, _ = train("series")
    opened(browser, folder / "report.html", width=390)
    browser.execute_script("""
        const view = document.querySelector(".codemap-view > svg"), dot = document.querySelector(".codemap-dots path");
        const [x, y] = dot.getAttribute("d").match(/\\d+/g).map(Number), box = view.getBoundingClientRect();
        const at = {clientX: box.left + x * box.width / 1000, clientY: box.top + y * box.height / 700};
        view.dispatchEvent(new PointerEvent("pointerdown", {...at, pointerType: "touch", pointerId: 1}));
    """)
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('.codemap-curves path')].map(path => path.getAttribute('d'))"
    )
    assert len(drawn) == 3  # of four features those that vary most
    assert all(line.count("L") == 11 for line in drawn)  # twelve steps
    assert browser.execute_script("return document.querySelector('.codemap-tip').textContent").split()[0] == "held-out"
    assert browser.get_log("browser") == []
