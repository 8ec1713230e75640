"""Codes as points of the plane, their pictures and pages, and the command that makes them."""

import csv
import io
import json
import re
import sys

import numpy as np
import pytest
from command import aespec_
from PIL import Image
from sklearn.decomposition import PCA

import aespec
from aespec.diagnostics import AespecError
from aespec.picture import COLORS
from aespec.report.codemap import code_map
from aespec.uses.projection import Planar, planar, project, trustworthiness
from aespec.uses.projection_picture import SPACING, _apart, draw_map

RANDOM = np.random.default_rng(0)
CODES = RANDOM.normal(size=(60, 5)) * [5, 3, 1, 1, 1] + 7
CLUSTERS = np.repeat(np.eye(3, 8) * 30, 40, axis=0) + RANDOM.normal(size=(120, 8))
"""Three groups of 40, far apart."""


# --- points -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "points", "axes"),
    [
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], ("code 1", "code 2")),
        ([[[1], [2]], [[3], [4]]], [[1, 2], [3, 4]], ("code 1", "code 2")),
        ([[1], [3]], [[1, 0], [3, 0]], ("code 1", "")),
        ([[1, 2]], [[1, 2]], ("code 1", "code 2")),
    ],
)
def test_a_code_of_one_or_two_numbers_is_its_own_place(codes, points, axes):
    found = planar(np.array(codes, "float32"))
    assert found.points.tolist() == points
    assert (found.axes, found.method, found.explained) == (axes, "code", None)


@pytest.mark.parametrize("shape", [(60, 5), (60, 5, 1), (4, 75), (2, 150)])
def test_pca_is_that_of_scikit_learn(shape):
    codes = CODES.reshape(shape)
    flat = codes.reshape(shape[0], -1)
    found, pca = planar(codes, method="pca"), PCA(2, svd_solver="full")
    np.testing.assert_allclose(np.abs(found.points), np.abs(pca.fit_transform(flat)), atol=1e-6)
    assert found.explained == pytest.approx(pca.explained_variance_ratio_)
    assert found.axes == ("PCA 1", "PCA 2")


def test_pca_of_codes_on_a_line():
    found = planar(np.outer([1.0, 2, 3, 4], [3, 4, 0]), method="pca")
    assert found.explained == pytest.approx((1, 0))
    np.testing.assert_allclose(np.abs(found.points[:, 0]), [7.5, 2.5, 2.5, 7.5])  # 5 apart, about their mean
    assert planar(np.array([[1.0], [2.0]]), method="pca").explained == pytest.approx((1, 0))


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_groups_stay_together(method):
    if method == "umap":
        pytest.importorskip("umap")
    points = planar(CLUSTERS, method=method).points
    middles = points.reshape(3, 40, 2).mean(axis=1)
    nearest = ((points[:, None] - middles) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == np.repeat(range(3), 40)).all()
    assert points.dtype == np.float64


@pytest.mark.parametrize("width", [1, 3])
def test_the_seed_decides_what_tsne_draws(width):
    one, same, other = (planar(CODES[:, :width], method="tsne", seed=seed).points for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert width > 1 or not np.allclose(one, other)  # of more numbers it begins with PCA


@pytest.mark.parametrize(("samples", "method"), [(60, "tsne"), (5, "tsne"), (4, "pca"), (1, "pca")])
def test_what_is_chosen_by_itself(samples, method):
    assert planar(CODES[:samples]).method == method


@pytest.mark.parametrize("method", [None, "pca", "tsne", "umap"])
def test_codes_that_are_all_the_same_lie_in_one_place(method):
    found = planar(np.full((20, 4), 0.1), method=method)
    assert (found.points == 0).all()
    assert found.explained is None
    assert trustworthiness(np.full((20, 4), 0.1), found.points) is None


@pytest.mark.parametrize(
    ("codes", "method", "code", "said"),
    [
        (np.where(np.arange(60)[:, None] == 7, np.nan, CODES), None, "E503", "got: nan, first in sample 7"),
        (np.where(np.arange(60)[:, None] < 3, np.inf, CODES), "pca", "E503", "the codes of 3 of 60 samples"),
        (CODES[:4], "tsne", "E402", "4 samples are too few for t-SNE"),
        (CODES[:4], "umap", "E402", "too few for UMAP"),
        (CODES[:0], None, "E402", "got: 0 samples"),
        (CODES, "code", "E402", "got: a code of 5 numbers"),
    ],
)
def test_codes_that_have_no_map(codes, method, code, said):
    with pytest.raises(AespecError) as caught:
        planar(codes, method=method)
    assert said in str(caught.value)
    assert caught.value.diagnostics[0].rule.code == code


@pytest.mark.parametrize(
    ("module", "call", "said"),
    [
        ("umap", lambda: planar(CODES, method="umap"), "`pip install 'aespec[umap]'`"),
        ("sklearn.manifold", lambda: planar(CODES), "`pip install 'aespec[data]'`"),
        ("sklearn.manifold", lambda: trustworthiness(CODES, CODES[:, :2]), "`scikit-learn`, to measure a map"),
    ],
)
def test_a_package_that_is_missing(module, call, said, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AespecError) as caught:
        call()
    assert said in str(caught.value)
    assert caught.value.diagnostics[0].rule.code == "E302"


@pytest.mark.parametrize(("level", "said"), [(None, ""), ("3", ""), ("0", "greeting")])
def test_what_umap_imports_keeps_its_log_to_itself(level, said, tmp_path, monkeypatch, capfd):
    (tmp_path / "umap.py").write_text(
        "import os\nos.write(2, b'greeting')\n"
        "class UMAP:\n"
        "    __init__ = lambda self, **options: None\n"
        "    fit_transform = lambda self, codes: codes[:, :2]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "umap", None)
    del sys.modules["umap"]  # until the test is over
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    if level is not None:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    planar(CODES, method="umap")
    assert capfd.readouterr().err == said


def test_how_far_a_map_can_be_trusted():
    plane = RANDOM.normal(size=(300, 2))
    lifted = plane @ RANDOM.normal(size=(2, 6))  # a linear image of the plane bends no neighbourhood much
    assert trustworthiness(plane, plane) == 1
    assert trustworthiness(plane, plane @ [[0, -3], [3, 0]]) == 1
    assert trustworthiness(lifted, plane) > 0.95
    assert trustworthiness(plane, RANDOM.normal(size=(300, 2))) == pytest.approx(0.5, abs=0.05)
    assert trustworthiness(CODES[:10], CODES[:10, :2]) is None
    assert trustworthiness(CODES[:11], CODES[:11]) == 1


def test_many_samples_are_trusted_by_a_draw():
    """Points that are right but for those of a few: of all 3,000 the figure has one value, of a draw another."""
    many = RANDOM.normal(size=(3000, 2))
    assert trustworthiness(many, many) == 1
    shuffled = RANDOM.permutation(many)
    one, same, other = (trustworthiness(many, shuffled, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


# --- pictures ---------------------------------------------------------------------------------------------------


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def shares(path):
    """The share of the pixels that each color has, as it looks through on white; of those that are no gray."""
    seen = pixels(path).reshape(-1, 3)
    wanted = [[0.7 * int(color[i : i + 2], 16) + 0.3 * 255 for i in (1, 3, 5)] for color in COLORS]
    return [float((np.abs(seen - color).max(axis=1) < 3).mean()) for color in wanted if np.ptp(color) > 0]


@pytest.mark.parametrize(
    ("labels", "seen"),
    [
        (None, 1),
        (np.arange(60) % 3, 3),
        (np.array(["a $x", "b", "c"])[np.arange(60) % 3], 3),
        (np.arange(60) % 10, 6),
        (np.array([f"name {i}" for i in range(60)]), 1),
    ],
)
def test_a_color_for_each_label(labels, seen, tmp_path):
    draw_map(planar(CODES, method="pca"), tmp_path / "map.png", labels=labels)
    assert [share > 1e-4 for share in shares(tmp_path / "map.png")] == [True] * seen + [False] * (6 - seen)


def test_many_numbers_are_a_scale_of_colors(tmp_path):
    draw_map(planar(CODES, method="pca"), tmp_path / "map.png", labels=np.linspace(0, 1, 60))
    for end in ((68, 1, 84), (253, 231, 37)):  # of viridis
        looked_through = 0.7 * np.array(end) + 0.3 * 255
        assert (np.abs(pixels(tmp_path / "map.png") - looked_through).max(axis=2) < 4).any()


@pytest.mark.parametrize(
    "points",
    [np.zeros((5, 2)), np.array([[1.0, 2.0]]), np.c_[np.arange(9.0), np.zeros(9)], np.c_[np.zeros(9), np.arange(9.0)]],
)
def test_points_on_a_line_or_in_one_place(points, tmp_path):
    draw_map(Planar(points, ("a", "b"), "code"), tmp_path / "map.png", images=np.ones((len(points), 8, 8)))
    height, width, _ = pixels(tmp_path / "map.png").shape
    assert 0.5 < width / height < 2


def test_images_are_drawn_where_there_is_room(tmp_path):
    """An image is all of one gray: the frame's color around it, and the gray itself, are seen where it lies."""
    points = np.array([[0.0, 0], [10, 10], [0.01, 0]])
    images = np.stack([np.full((8, 8), gray) for gray in (0.0, 0.5, 1.0)])
    gray = {}
    for name, shown in (("with", images), ("without", None)):
        draw_map(Planar(points, ("a", "b"), "code"), tmp_path / f"{name}.png", images=shown)
        gray[name] = int((pixels(tmp_path / f"{name}.png") == 128).all(axis=2).sum())
    side = 0.3 * 110  # inches, and dots to the inch
    assert gray["with"] == pytest.approx(side**2, rel=0.15)
    assert gray["without"] < 0.1 * side**2


@pytest.mark.parametrize(("of", "drawn"), [(0, False), (1, True), (2, False)])
def test_names_are_not_covered_by_images(of, drawn, tmp_path):
    points, labels = np.array([[0.0, 0], [10, 10], [0, 10]]), np.array(["a", "a", "b"])  # both are named at x = 0
    images = np.stack([np.full((8, 8), gray) for gray in (0.0, 1.0, 1.0)])
    images[of] = 0.5
    images[of - 1, 0] = 0.0, *[1.0] * 7
    draw_map(Planar(points, ("a", "b"), "code"), tmp_path / "map.png", labels=labels, images=images)
    assert ((pixels(tmp_path / "map.png") == 128).all(axis=2).sum() > 500) == drawn


def test_images_keep_apart():
    inches = RANDOM.random((500, 2)) * 4
    kept = inches[list(_apart(inches))]
    distances = np.sqrt(((kept[:, None] - kept) ** 2).sum(axis=2))[~np.eye(len(kept), dtype=bool)]
    assert distances.min() >= SPACING
    nearest = np.sqrt(((inches[:, None] - kept) ** 2).sum(axis=2)).min(axis=1)
    assert nearest.max() < SPACING  # nowhere is room for one more


# --- the command ------------------------------------------------------------------------------------------------

SPECS = {
    "dense": "input: [8, 8]\nencoder: [flatten, {dense: 6}]\n",
    "flat": "input: [8, 8]\nencoder: [flatten, {dense: 2}]\n",
    "conv": "input: [8, 8, 1]\nencoder: [{conv2d: {filters: 3, kernel_size: 3, strides: 2, padding: same}}]\n",
    "recurrent": "input: [null, 8]\nencoder: [{lstm: 4}]\ndecoder: {mirror: {length: 8}}\n",
    "variational": "input: [8, 8]\nencoder: [flatten, {gaussian_latent: 3}]\n",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place, known = tmp_path_factory.mktemp("runs"), {}

    def run(name, backend="torch"):
        folder = place / f"{name}-{backend}"
        if folder not in known:
            (place / f"{name}.yaml").write_text(
                SPECS[name] + ("" if "decoder" in SPECS[name] else "decoder: mirror\n") + "loss: mse\n"
            )
            args = ["--backend", backend, "--epochs", 1, "--limit", 200, "--quiet", "--no-report"]
            done = aespec_("train", place / f"{name}.yaml", *args, "-o", folder)
            assert done.exit_code == 0, done.output
        known[folder] = True
        return folder

    return run


@pytest.mark.parametrize(
    ("name", "backend", "width", "method"),
    [
        ("dense", "torch", 6, "tsne"),
        ("flat", "torch", 2, "code"),
        ("conv", "torch", 48, "tsne"),
        ("conv", "keras", 48, "tsne"),
        ("recurrent", "torch", 4, "tsne"),
        ("variational", "torch", 3, "tsne"),
    ],
)
def test_a_map_of_every_kind_of_model(name, backend, width, method, trained):
    folder = trained(name, backend)
    done = aespec_("project", folder, "-n", 100, "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["code"], found["method"], found["samples"], found["of"]) == (width, method, 100, 297)
    assert found["part"] == "test sample"
    assert np.shape(found["points"]) == (100, 2)
    assert set(found["labels"]) == set(range(10))
    assert 0.5 < found["trustworthiness"] <= 1
    assert pixels(folder / "map.png").shape[0] > 500
    assert found["files"] == [str(folder / "map.png"), str(folder / "map.html")]


def test_the_text_says_how_good_the_map_is(trained):
    done = aespec_("project", trained("dense"), "--method", "pca", "-n", 150, "--seed", 3)
    found = json.loads(
        aespec_("project", trained("dense"), "--method", "pca", "-n", 150, "--seed", 3, "--format", "json").stdout
    )
    assert "150 of 297 test samples of digits: codes of 6 numbers by PCA\n" in done.stdout
    for name, share in zip(["PCA 1", "PCA 2", "both "], [*found["explained"], sum(found["explained"])], strict=True):
        assert re.search(rf"^{name} +{share:.1%}$", done.stdout, re.M)
    assert f"Trustworthiness: {found['trustworthiness']:.3f} for 5 neighbours" in done.stdout
    assert "150 samples, drawn at random with seed 3" in done.stdout
    assert "1 sample, drawn at random" in aespec_("project", trained("dense"), "--method", "pca", "-n", 1).stdout
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 100


def test_points_as_csv_are_those_of_json(trained, tmp_path):
    args = ["project", trained("flat"), "-n", 40, "-o", tmp_path / "a" / "map.png"]
    rows = list(csv.reader(io.StringIO(aespec_(*args, "--format", "csv").stdout)))
    found = json.loads(aespec_(*args, "--format", "json").stdout)
    assert rows[0] == ["sample", "x", "y", "label"]
    assert [[int(row[0]), [float(row[1]), float(row[2])], int(row[3])] for row in rows[1:]] == [
        list(row) for row in zip(found["sample"], found["points"], found["labels"], strict=True)
    ]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["map.html", "map.png"]


def test_what_python_finds_is_what_the_command_finds(trained):
    run = aespec.open_run(trained("dense"))
    shown = run.data().unseen
    mine = project(run.model(), shown.inputs, shown.labels, method="pca", count=40, seed=3)
    args = ["project", run.folder, "--method", "pca", "-n", 40, "--seed", 3, "--format", "json"]
    found = json.loads(aespec_(*args).stdout)
    assert (mine.places.tolist(), mine.labels.tolist()) == (found["sample"], found["labels"])
    assert (mine.width, mine.trustworthiness) == (found["code"], found["trustworthiness"])
    np.testing.assert_array_equal(mine.planar.points, found["points"])
    np.testing.assert_array_equal(mine.inputs, shown.inputs[mine.places])


def test_points_and_labels_belong_to_their_samples(trained):
    """Of those that are drawn, each is where the whole map has it."""
    folder = trained("flat")
    few, all_ = (json.loads(aespec_("project", folder, "-n", n, "--format", "json").stdout) for n in (30, 5000))
    assert all_["sample"] == list(range(297))
    assert len(set(few["sample"])) == 30
    np.testing.assert_allclose(np.array(all_["points"])[few["sample"]], few["points"], atol=1e-5)
    assert [all_["labels"][i] for i in few["sample"]] == few["labels"]
    others = json.loads(aespec_("project", folder, "-n", 30, "--seed", 1, "--format", "json").stdout)
    assert others["sample"] != few["sample"]


def test_the_page_needs_nothing_else(trained):
    folder = trained("dense")
    assert aespec_("project", folder, "--method", "pca").exit_code == 0
    html = (folder / "map.html").read_text()
    assert "data:image/png;base64," in html
    assert "297 test samples of digits." in html
    assert "Codes of 6 numbers by PCA" in html
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", html) == []


def test_data_without_labels(trained, tmp_path):
    x = np.random.default_rng(0).random((30, 8, 8)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    args = ["project", trained("dense"), "--data", tmp_path / "x.npy", "--method", "pca"]
    done = aespec_(*args)
    assert "30 samples of " in done.stdout
    assert "The data has no labels to color the points by" in done.stdout
    assert json.loads(aespec_(*args, "--format", "json").stdout)["labels"] is None
    assert aespec_(*args, "--format", "csv").stdout.splitlines()[0] == "sample,x,y"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.arange(30)[:, None] % 3, None),
        (np.array(["a", "b $x", "c"])[np.arange(30) % 3], None),
        (np.where(np.arange(30) < 5, np.nan, np.arange(30) % 3), None),
        (np.arange(30) / 7, "30 labels are too many to tell apart by color"),
    ],
)
def test_labels_of_every_kind(labels, said, trained, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).random((30, 8, 8)).astype("float32"), y=labels)
    args = ["project", trained("dense"), "--data", tmp_path / "x.npz", "--method", "pca", "-o", tmp_path / "map.png"]
    done = aespec_(*args)
    assert done.exit_code == 0, done.output
    assert ("too many" in done.stdout) == (said is not None)
    assert (said or "") in done.stdout
    given = json.loads(aespec_(*args, "--format", "json").stdout)["labels"]
    assert given == [None if label != label else label for label in labels.ravel().tolist()]


@pytest.mark.parametrize(
    ("labels", "none"),
    [
        (np.where(np.arange(60) < 20, np.nan, 1), 20),
        (np.where(np.arange(60) < 20, np.nan, np.arange(60)), 20),
        (np.array(["", "a", "b"])[np.arange(60) % 3], 20),
        (np.array(["nan"] * 60), 60),
    ],
)
def test_dots_without_a_label_are_gray(labels, none, tmp_path):
    drawn = planar(CODES, method="pca")
    draw_map(drawn, tmp_path / "map.png", labels=labels)
    gray = 0.7 * 0xC0 + 0.3 * 255
    assert (np.abs(pixels(tmp_path / "map.png") - gray).max(axis=2) < 2).sum() > 10 * none
    page = str(code_map(drawn.points, labels))
    paths = re.findall(r'<path data-class="(-?\d+)" style="stroke:var\(--c(-?\d)\)" d="([^"]*)"', page)
    kind, color, dots = paths[0]  # below all others
    assert (kind, color, dots.count("M")) == ("-1", "-1", none)
    assert "-1" not in [kind for kind, *_ in paths[1:]]
    assert '"unlabelled": "no label"' in page


def test_names_that_are_missing_are_said_and_empty(trained, tmp_path):
    x, labels = np.random.default_rng(0).random((30, 8, 8)).astype("float32"), ["", *["a", "b"] * 14, "nan"]
    np.savez(tmp_path / "x.npz", x=x, y=labels)
    args = ["project", trained("flat"), "--data", tmp_path / "x.npz", "-o", tmp_path / "map.png"]
    assert "2 of 30 samples have no label: gray on the map" in aespec_(*args).stdout
    known = [None, *["a", "b"] * 14, None]
    assert json.loads(aespec_(*args, "--format", "json").stdout)["labels"] == known
    rows = csv.DictReader(io.StringIO(aespec_(*args, "--format", "csv").stdout))
    assert [row["label"] or None for row in rows] == known


@pytest.mark.parametrize(("samples", "said"), [(1, "too few samples"), (3, "too few samples"), (10, "too few samples")])
def test_few_samples(samples, said, trained, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((samples, 8, 8)).astype("float32"))
    done = aespec_("project", trained("dense"), "--data", tmp_path / "x.npy")
    assert done.exit_code == 0, done.output
    assert f"Trustworthiness: unknown, {said}" in done.stdout


def test_samples_with_one_code(trained, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((30, 8, 8), "float32"))
    done = aespec_("project", trained("dense"), "--data", tmp_path / "x.npy")
    assert done.exit_code == 0, done.output
    assert "Trustworthiness: unknown, all codes are the same" in done.stdout
    assert "neighbour means something" not in done.stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--method", "lda"], 2, "'lda' is not one of"),
        (["--seed", 2**32], 2, "is not below 4294967296"),
        (["-n", 0], 2, "is not in the range"),
        (["-o", "map.csv"], 2, "does not end in .png"),
        (["--data", "few.npy", "--method", "tsne"], 1, "4 samples are too few for t-SNE"),
        (["--data", "other.npy"], 1, "error[E402]"),
        (["--data", "empty.npy"], 1, "error[E402]"),
        (["--data", "nan.npy"], 1, "error[E403]"),
        (["--data", "text.npy"], 1, "error[E404]"),
        (["--data", "nothing.npy"], 1, "error[E401]"),
        (["--data", "onehot.npz"], 1, "an array of shape (20, 10)"),
        (["-o", "/proc/map.png"], 1, "error[E505]"),
    ],
)
def test_what_will_not_do(args, code, said, trained, tmp_path, monkeypatch):
    folder = trained("dense")
    monkeypatch.chdir(tmp_path)
    np.save("few.npy", np.random.default_rng(0).random((4, 8, 8)).astype("float32"))
    np.save("other.npy", np.zeros((20, 7, 7), "float32"))
    np.save("empty.npy", np.zeros((0, 8, 8), "float32"))
    np.save("nan.npy", np.full((20, 8, 8), np.nan, "float32"))
    np.save("text.npy", np.full((20, 8, 8), "a"))
    np.savez("onehot.npz", x=np.zeros((20, 8, 8), "float32"), y=np.eye(10)[np.arange(20) % 10])
    done = aespec_("project", folder, *args)
    assert done.exit_code == code, done.output
    assert said in done.stderr


def test_umap_that_is_not_installed_is_said_with_what_to_install(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    done = aespec_("project", trained("dense"), "--method", "umap", "--format", "json")
    (problem,) = json.loads(done.stdout)["diagnostics"]
    assert done.exit_code == 1
    assert problem["code"] == "E302"
    assert "pip install 'aespec[umap]'" in problem["help"]
