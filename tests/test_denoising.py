"""Samples that are corrupted, what a model makes of them, and how near both are to the originals."""

import json
import shutil
import sys
from math import inf, isnan, log10

import numpy as np
import pytest
from command import aespec_
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import aespec
from aespec import data
from aespec.diagnostics import AespecError
from aespec.layers.noise import GaussianNoise, MaskingNoise
from aespec.uses.denoising import (
    Corruption,
    Span,
    corruption_stream,
    denoise,
    denoise_run,
    examples,
    input_noise,
    quality,
    span_of,
)
from aespec_numpy.table import apply

UNIT = Span(0, 1, stated=True)

DIGITS = """
name: digits
input: {shape: [8, 8], range: [0, 1]}
encoder: [flatten, NOISE, {dense: {units: 40, activation: relu}}]
decoder: mirror
loss: binary_crossentropy
training: {optimizer: {adam: 0.01}, epochs: 12, batch_size: 32, seed: 1}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of a model that was trained to denoise, of one that was not, of points and of series."""
    folder = tmp_path_factory.mktemp("runs")
    random = np.random.default_rng(0)
    np.save(folder / "points.npy", random.normal(size=(60, 3)).astype("float32"))
    np.save(folder / "series.npy", random.normal(size=(328, 9)).astype("float32"))
    one = "decoder: mirror\ntraining: {optimizer: {sgd: 0.01}, epochs: 1}\n"
    specs = {
        "denoiser": (DIGITS.replace("NOISE", "gaussian_noise: 0.3"), "digits"),
        "plain": (DIGITS.replace("NOISE, ", ""), "digits"),
        "points": ("name: points\ninput: [3]\nencoder: [{dense: 2}]\n" + one, folder / "points.npy"),
        "series": (
            "name: series\ninput: {shape: [16, 9], stride: 8}\n"
            "encoder: [{conv1d: {filters: 2, kernel_size: 3, padding: same}}]\n" + one,
            folder / "series.npy",
        ),
    }
    for name, (text, given) in specs.items():
        (folder / f"{name}.yaml").write_text(text)
        done = aespec_("train", folder / f"{name}.yaml", "--backend", "torch", "--data", given, "-o", folder / name)
        assert done.exit_code == 0, done.output
    return folder


# --- corruptions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [
        ("gaussian:0.3", "gaussian", 0.3),
        ("gaussian:25", "gaussian", 25),
        (" masking : 5e-1 ", "masking", 0.5),
        ("salt_and_pepper:.1", "salt_and_pepper", 0.1),
    ],
)
def test_noise_is_a_kind_and_an_amount(text, kind, amount):
    assert Corruption.parse(text) == Corruption(kind, amount)
    assert Corruption.parse(str(Corruption.parse(text))) == Corruption(kind, amount)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gausian:0.3", "did you mean 'gaussian'?"),
        ("salt-and-pepper:0.1", "did you mean 'salt_and_pepper'?"),
        ("speckle:0.1", "no kind of noise: gaussian, masking, salt_and_pepper"),
        ("", "no kind of noise"),
        ("gaussian", "got nothing"),
        ("gaussian:", "got nothing"),
        ("gaussian:much", "got 'much'"),
        ("gaussian:nan", "got 'nan'"),
        ("gaussian:inf", "got 'inf'"),
        ("gaussian:0", "above 0"),
        ("gaussian:-1", "above 0"),
        ("masking:1", "between 0 and 1"),
        ("masking:0.5:0.5", "got '0.5:0.5'"),
        ("salt_and_pepper:2", "between 0 and 1"),
    ],
)
def test_noise_that_is_none_is_refused_in_words(text, said):
    with pytest.raises(ValueError, match=r"\.$|\?$") as caught:
        Corruption.parse(text)
    assert said in str(caught.value)
    done = aespec_("reconstruct", "no-such-run", "--noise", text)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("corruption", "layer"),
    [
        (Corruption("gaussian", 0.3), GaussianNoise(stddev=0.3)),
        (Corruption("masking", 0.4), MaskingNoise(rate=0.4)),
    ],
    ids=str,
)
def test_noise_is_what_the_layer_of_that_name_draws_in_training(corruption, layer):
    x = np.random.default_rng(0).normal(size=(5, 4, 3))
    wanted = apply(layer, {}, x, rng=np.random.default_rng(7))
    found = corruption.apply(x, Span(-9, 9, stated=False), np.random.default_rng(7))
    np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_salt_and_pepper_are_the_ends_of_the_range_in_equal_parts():
    x = np.full((1, 40_000), 0.5, "float32")
    found = Corruption("salt_and_pepper", 0.2).apply(x, Span(-1, 2, stated=True), np.random.default_rng(0))
    shares = [float((found == value).mean()) for value in (-1, 2, 0.5)]
    assert shares == pytest.approx([0.1, 0.1, 0.8], abs=5 * (0.16 / 40_000) ** 0.5)  # five standard errors
    assert found.dtype == x.dtype


@pytest.mark.parametrize(
    ("span", "low", "high"), [(UNIT, 0, 1), (Span(0, 1, stated=False), -inf, inf)], ids=["stated", "of the samples"]
)
def test_gaussian_noise_is_clipped_where_a_range_is_stated(span, low, high):
    x = np.full((10, 100), 0.5)
    found = Corruption("gaussian", 1).apply(x, span, np.random.default_rng(0))
    assert (found.min() >= low, found.max() <= high) == (True, True)
    inside = (found > 0) & (found < 1)
    free = x + np.random.default_rng(0).standard_normal(x.shape)
    np.testing.assert_array_equal(found[inside], free[inside])
    assert ((free < 0) | (free > 1)).sum() == (~inside).sum()


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_and_pepper"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_noise_of_a_sample_depends_on_the_seed_and_its_place_alone(kind, dtype):
    x, corruption = np.random.default_rng(0).random((7, 3, 3)).astype(dtype), Corruption(kind, 0.3)
    whole = corruption.apply(x, UNIT, corruption_stream(corruption, 5))
    stream = corruption_stream(corruption, 5)
    np.testing.assert_array_equal(whole, np.concatenate([corruption.apply(p, UNIT, stream) for p in (x[:3], x[3:])]))
    assert whole.dtype == dtype
    assert (whole != corruption.apply(x, UNIT, corruption_stream(corruption, 6))).any()


# --- measures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "span", "psnr"),
    [
        (0.1, UNIT, 20.0),  # 10 log10(1 / 0.01)
        (0.1, Span(-1, 1, stated=True), 20 + 20 * log10(2)),  # twice the range
        (10, Span(0, 255, stated=True), 20 * log10(25.5)),
        (0, UNIT, inf),
    ],
)
@pytest.mark.parametrize("shape", [(9, 9), (5,), (7, 2)])
def test_psnr_is_the_range_over_the_error_in_decibels(error, span, psnr, shape):
    x = np.random.default_rng(0).random((3, *shape))
    assert quality(x, x + error, span, images=False).psnr == pytest.approx([psnr] * 3)


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.2), (0.2, 0.4), (1.0, 0.0)])
@pytest.mark.parametrize("shape", [(7, 7), (8, 9, 1), (8, 8, 3)])
def test_ssim_of_flat_images_is_that_of_their_brightness(a, b, shape):
    found = quality(np.full((2, *shape), a), np.full((2, *shape), b), UNIT, images=True).ssim
    c = 0.01**2  # Wang et al. (2004), equation 6, for a range of 1; no contrast, so that of it is 1
    assert found == pytest.approx([(2 * a * b + c) / (a**2 + b**2 + c)] * 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 7), (9, 12), (8, 9, 1), (10, 8, 3)])
def test_many_images_are_measured_at_once_as_each_alone(shape, dtype):
    """By scikit-image, of more images than are stacked."""
    random = np.random.default_rng(0)
    x = random.random((130, *shape)).astype(dtype)
    y = np.clip(x + 0.2 * random.standard_normal(x.shape), 0, 1).astype(dtype)
    found = quality(x, y, UNIT, images=True)
    how = {"win_size": 7, "channel_axis": 2 if len(shape) == 3 else None}
    ssim = [structural_similarity(a, b, data_range=1, **how) for a, b in zip(x, y, strict=True)]
    psnr = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(found.ssim, ssim, rtol=1e-6 if dtype == "float32" else 1e-12)
    np.testing.assert_allclose(found.psnr, psnr, rtol=1e-6)


@pytest.mark.parametrize("shape", [(6, 9), (20,), (16, 2), (9, 9, 4), (3, 8, 8, 1)])
def test_what_is_no_image_has_no_ssim(shape):
    assert quality(np.zeros((2, *shape)), np.ones((2, *shape)), UNIT, images=True).ssim is None


def test_the_range_is_the_stated_one_or_that_of_the_samples():
    x = np.array([[0.5, -2.0], [7.0, 1.0]])
    assert span_of(x, (0, 10)) == Span(0, 10, stated=True)
    assert span_of(x, None) == Span(-2, 7, stated=False)
    with pytest.raises(AespecError) as caught:
        span_of(np.full((3, 2), 4.0), None)
    assert "all the same" in str(caught.value)
    assert caught.value.diagnostics[0].rule.code == "E405"


# --- models -----------------------------------------------------------------------------------------------------


def linear(kernel, bias):
    """A model of four numbers, ``x @ kernel + bias``."""
    spec = aespec.parse({"input": [4], "encoder": [{"dense": 4}], "decoder": [{"dense": 4}]})
    model = aespec.build(spec, backend="numpy", dtype="float64")
    weights = {"encoder/dense_1/kernel": kernel, "encoder/dense_1/bias": bias}
    model.load_weights({**weights, "decoder/dense_1/kernel": np.eye(4), "decoder/dense_1/bias": np.zeros(4)})
    return model


def test_a_model_that_copies_takes_nothing_away():
    x = np.random.default_rng(0).random((50, 4))
    found = denoise(linear(np.eye(4), np.zeros(4)), x, Corruption("gaussian", 0.2), span=UNIT, seed=0)
    np.testing.assert_array_equal(found.restored.psnr, found.corrupted.psnr)
    assert (found.undisturbed.psnr == inf).all()
    assert (found.nearer, found.changed.all()) == (0, True)


def test_a_model_that_knows_the_samples_takes_all_noise_away():
    x, mean = np.full((50, 4), 0.25), np.full(4, 0.25)
    found = denoise(linear(np.zeros((4, 4)), mean), x, Corruption("gaussian", 0.2), span=UNIT, seed=0)
    assert (found.restored.psnr == inf).all()
    assert found.nearer == 1


def test_samples_that_the_noise_leaves_alone_are_told_apart():
    x = np.random.default_rng(0).random((400, 4))
    found = denoise(linear(np.zeros((4, 4)), x.mean(axis=0)), x, Corruption("masking", 0.1), span=UNIT, seed=0)
    masked = Corruption("masking", 0.1).apply(x, UNIT, corruption_stream(Corruption("masking", 0.1), 0))
    np.testing.assert_array_equal(found.changed, (masked != x).any(axis=1))
    assert 0 < found.changed.sum() < 400
    none = denoise(linear(np.eye(4), np.zeros(4)), np.zeros((3, 4)), Corruption("masking", 0.5), span=UNIT, seed=0)
    assert isnan(none.nearer)


@pytest.mark.parametrize(
    ("encoder", "noise"),
    [
        (["flatten", {"gaussian_noise": 0.2}, {"dense": 2}], [("gaussian_noise", 0.2)]),
        (
            [{"dropout": 0.5}, "flatten", {"masking_noise": 0.1}, {"dense": 2}],
            [("dropout", 0.5), ("masking_noise", 0.1)],
        ),
        (["flatten", {"gaussian_noise": 0}, {"dense": 2}], []),
        (["flatten", {"dense": 2}, {"dropout": 0.5}], []),
        (["flatten", {"gaussian_latent": 2}], []),
    ],
)
def test_the_noise_that_a_model_was_trained_with_is_that_on_its_input(encoder, noise):
    graph = aespec.compile(aespec.parse({"input": [4, 4], "encoder": encoder, "decoder": "mirror"}))
    assert [(layer.kind, getattr(layer, layer.main)) for layer in input_noise(graph)] == noise


# --- the command ------------------------------------------------------------------------------------------------


def record(*args):
    done = aespec_("reconstruct", *args, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_model_that_was_trained_to_denoise_brings_images_nearer(runs, tmp_path):
    found = record(runs / "denoiser", "--noise", "gaussian:0.3", "-o", tmp_path / "p.png")
    assert found["restored"]["psnr"]["mean"] > found["corrupted"]["psnr"]["mean"] + 1
    assert found["restored"]["ssim"]["mean"] > found["corrupted"]["ssim"]["mean"]
    assert found["nearer"] > 0.9
    assert (found["samples"], found["part"], found["changed"]) == (297, "test sample", 297)
    assert (found["noise"]["clipped"], found["trained_with"]) == (True, ["gaussian_noise 0.3"])
    plain = record(runs / "plain", "--noise", "gaussian:0.3", "-o", tmp_path / "q.png")
    assert plain["trained_with"] == []
    assert plain["corrupted"] == found["corrupted"]  # the same noise on the same images
    assert plain["restored"]["psnr"]["mean"] < found["restored"]["psnr"]["mean"]


def test_the_numbers_are_those_of_the_formula(runs, tmp_path):
    run = aespec.run.open_run(runs / "denoiser")
    x = data.load("digits", shape=(8, 8), range=(0, 1), split="test").inputs[:50]
    noise = Corruption("masking", 0.5)
    corrupted = noise.apply(x, UNIT, corruption_stream(noise, 3))
    found = record(
        runs / "denoiser", "--noise", "masking:0.5", "--seed", 3, "--limit", 50, "-o", tmp_path / "p.png", "-n", 2
    )
    assert found["samples"] == 50
    for name, images in (("corrupted", corrupted), ("restored", run.model("numpy").reconstruct(corrupted))):
        psnr = -10 * np.log10(((images.astype("float64") - x) ** 2).mean(axis=(1, 2)))
        assert found[name]["psnr"]["mean"] == pytest.approx(psnr.mean(), rel=1e-5)
        assert found[name]["psnr"]["sd"] == pytest.approx(psnr.std(ddof=1), rel=1e-4)


def test_what_python_finds_is_what_the_command_finds(runs, tmp_path):
    run, noise = aespec.open_run(runs / "denoiser"), Corruption("gaussian", 0.3)
    x = run.data().unseen.inputs[:50]
    mine = denoise_run(run, x, noise, seed=3)
    found = record(
        runs / "denoiser", "--noise", "gaussian:0.3", "--seed", 3, "--limit", 50, "-o", tmp_path / "p.png", "-n", 2
    )
    assert (mine.span, mine.nearer) == (UNIT, found["nearer"])
    for name in ("corrupted", "restored", "undisturbed"):
        assert getattr(mine, name).psnr.mean() == pytest.approx(found[name]["psnr"]["mean"])
        assert getattr(mine, name).ssim.mean() == pytest.approx(found[name]["ssim"]["mean"])
    shown = examples(run.model(), x[:9], noise, span=mine.span, seed=3)
    for name in ("corrupted", "restored"):
        psnr = quality(shown["original"], shown[name], mine.span, images=True).psnr
        assert psnr == pytest.approx(getattr(mine, name).psnr[:9], rel=1e-4)


def test_the_picture_has_three_rows_and_without_noise_two(runs, tmp_path):
    sizes = {}
    for name, args in (("three", ["--noise", "masking:0.5"]), ("two", [])):
        assert aespec_("reconstruct", runs / "denoiser", *args, "-o", tmp_path / f"{name}.png", "-n", 6).exit_code == 0
        with Image.open(tmp_path / f"{name}.png") as image:
            sizes[name] = image.size
    assert sizes["three"][0] == sizes["two"][0]
    assert sizes["three"][1] == pytest.approx((3 * 1.1 + 0.5) / (2 * 1.1 + 0.5) * sizes["two"][1], rel=0.01)


@pytest.mark.parametrize(
    ("options", "starts"),
    [
        ([], [0, 160, 304]),  # of 20 that share no step, from 0, 16, ..., 304, the first, one in the middle, the last
        (["--noise", "gaussian:0.1", "--limit", 9], [0, 32, 64]),  # of those from 0, 16, ..., 64
    ],
)
def test_windows_that_are_drawn_share_no_step(options, starts, runs, tmp_path, monkeypatch):
    found, series = [], np.random.default_rng(1).normal(size=(328, 9)).astype("float32")
    np.save(tmp_path / "other.npy", series)
    monkeypatch.setattr("aespec.picture.reconstructions", lambda rows, path, **how: found.append((rows, how["names"])))
    given = ("--data", tmp_path / "other.npy", "-n", 3, "-o", tmp_path / "p.png")
    done = aespec_("reconstruct", runs / "series", *given, *options)
    assert done.exit_code == 0, done.output
    ((rows, names),) = found
    assert names == [f"steps {start} to {start + 15}" for start in starts]
    assert np.array_equal(rows["original"], [series[start : start + 16] for start in starts])


def test_without_noise_the_error_of_what_is_drawn_is_reported(runs, tmp_path):
    args = runs / "points", "-o", tmp_path / "p.png", "-n", 4
    found = record(*args)
    x = np.load(runs / "points.npy")[54:58]  # a tenth is held out
    error = ((aespec.run.open_run(runs / "points").model("numpy").reconstruct(x) - x) ** 2).mean()
    assert found["mean_squared_error"] == pytest.approx(error, rel=1e-5)
    said = f"{tmp_path}/p.png: 4 held-out samples of {runs}/points.npy, mean squared error {error:.4g}\n"
    assert aespec_("reconstruct", *args).stdout == said
    assert (found["samples"], found["part"]) == (4, "held-out sample")


@pytest.mark.parametrize(
    ("run", "args", "said"),
    [
        ("denoiser", ["gaussian:0.3"], ["clipped to the range that the spec states, 0 to 1", "gaussian_noise 0.3 on"]),
        ("denoiser", ["masking:0.5"], ["masking:0.5, seed 0, measured against the range that the spec states"]),
        ("plain", ["gaussian:0.3"], ["no noise on the input", "the model was not trained to denoise"]),
        ("plain", ["gaussian:0.001"], ["even without noise the model restores its input less well than this noise"]),
        ("plain", ["gaussian:0.3", "--limit", "1"], ["one sample has no standard deviation"]),
        ("points", ["gaussian:0.3"], ["not clipped; measured against the range of the samples", "are no images"]),
        ("series", ["salt_and_pepper:0.3"], ["against the range of the samples", "windows of 7x7 pixels"]),
        ("points", ["masking:0.1"], ["samples, which the noise left as they were"]),
        ("points", ["masking:0.00001"], ["the noise changed no sample"]),
    ],
)
def test_what_the_numbers_mean_is_said(run, args, said, runs, tmp_path):
    args = ["--noise", *args, "-o", tmp_path / "p.png"]
    done = aespec_("reconstruct", runs / run, *args)
    assert (done.exit_code, done.stderr) == (0, "")
    for words in said:
        assert words in done.stdout
    assert max(map(len, done.stdout.replace(str(tmp_path), "").splitlines())) <= 100
    assert "nan" not in done.stdout


def test_data_that_streams_gives_the_same_numbers(runs, tmp_path):
    shutil.copytree(runs / "points", tmp_path / "streaming")
    spec = (runs / "points" / "spec.yaml").read_text()
    assert "window: null" in spec
    (tmp_path / "streaming" / "spec.yaml").write_text(spec.replace("window: null", "window: 32"))
    np.save(tmp_path / "other.npy", np.random.default_rng(1).random((1100, 3)).astype("float32"))
    args = "--noise", "gaussian:0.5", "--data", tmp_path / "other.npy", "-o", tmp_path / "p.png"
    whole, streamed = record(runs / "points", *args), record(tmp_path / "streaming", *args)
    assert whole["samples"] == streamed["samples"] == 1100  # more than are looked at at a time
    for name in ("corrupted", "restored"):
        assert streamed[name]["psnr"] == pytest.approx(whole[name]["psnr"], rel=1e-6)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--seed", "1"], 2, "--seed goes with --noise"),
        (["--limit", "9"], 2, "--limit goes with --noise"),
        (["--noise", "gaussian:0.1", "--limit", "0"], 2, "--limit"),
        (["--noise", "gaussian:0.1", "--data", "same.npy"], 1, "noise cannot be measured"),
        (["--noise", "gaussian:0.1", "--data", "wide.npy"], 1, "error[E402]"),
        (["--noise", "gaussian:0.1", "--data", "none.npy"], 1, "error[E4"),
        (["--noise", "gaussian:0.1", "--data", "nan.npy"], 1, "error[E403]"),
    ],
)
def test_what_cannot_be_measured_is_refused(args, code, said, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("same.npy", np.ones((5, 3), "float32"))
    np.save("wide.npy", np.ones((5, 4), "float32"))
    np.save("none.npy", np.ones((0, 3), "float32"))
    np.save("nan.npy", np.full((5, 3), np.nan, "float32"))
    done = aespec_("reconstruct", runs / "points", *args)
    assert done.exit_code == code
    assert said in done.stderr
    assert not list(tmp_path.glob("*.png"))


def test_without_scikit_image_the_command_that_installs_it_is_said(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    done = aespec_("reconstruct", runs / "denoiser", "--noise", "gaussian:0.3", "-o", tmp_path / "p.png")
    assert done.exit_code == 1
    assert "error[E302]: scikit-image is not installed" in done.stderr
    assert "pip install 'aespec[plots]'" in done.stderr
    assert aespec_("reconstruct", runs / "denoiser", "-o", tmp_path / "p.png").exit_code == 0
