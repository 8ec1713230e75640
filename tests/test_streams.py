"""Data that streams: what is read, in which order, and that training on it is what training on windows is."""

import threading
from collections import Counter

import numpy as np
import pytest

import aespec
from aespec import data
from aespec.backend import Team
from aespec.data import streams
from aespec.data.parts import find_parts
from aespec.data.streams import Stream, chosen, take, windows
from aespec.noise import Noise
from aespec.plan import TrainingPlan
from aespec.registry import find_backend
from aespec.training import fit, rates

pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")

SHAPE = (3,)


def rows(start, stop):
    """Samples that tell their number."""
    return np.arange(start, stop, dtype="float32")[:, None] + np.array([0, 0.25, 0.5], "float32")


def npy(folder):
    np.save(folder / "all.npy", rows(0, 50))
    return folder / "all.npy"


def shards(folder):
    for i, (start, stop) in enumerate([(0, 20), (20, 23), (23, 50)]):
        np.savez_compressed(folder / f"shard-{i}.npz", x=rows(start, stop), y=np.zeros(stop - start))
    return folder


def columns(folder):
    table = pa.table(dict(zip("abc", rows(0, 50).T, strict=True)))
    pq.write_table(table, folder / "table.parquet", row_group_size=16)
    return folder / "table.parquet"


def lists(folder):
    pq.write_table(pa.table({"x": list(rows(0, 50))}), folder / "lists.parquet", row_group_size=16)
    return folder / "lists.parquet"


@pytest.fixture(params=[npy, shards, columns, lists], ids=lambda kind: kind.__name__)
def path(request, tmp_path):
    return request.param(tmp_path)


def load(path, window=None, **options):
    return data.load(str(path), **{"shape": SHAPE, "range": None, **options}, window=window)


def test_a_stream_is_the_array(path):
    stream = load(path, 8).inputs
    assert isinstance(stream, Stream)
    assert (len(stream), stream.shape) == (50, (50, 3))
    np.testing.assert_array_equal(stream, rows(0, 50))
    np.testing.assert_array_equal(stream[10:][:25][5:], rows(15, 35))
    np.testing.assert_array_equal(np.concatenate(list(stream[3:].chunks(9))), rows(3, 50))
    assert len(stream[60:]) == 0
    assert np.asarray(stream[60:]).shape == (0, 3)


def test_samples_are_chosen_at_random_and_fewer_of_large_ones(monkeypatch):
    x = rows(0, 3000)
    found = chosen(x, 100, np.random.default_rng(0))
    assert len(set(found.tolist())) == 100
    assert (np.diff(found) > 0).all()
    assert abs(found.mean() - 1500) < 4 * 3000 / 12**0.5 / 10  # four deviations of the mean of a hundred
    assert chosen(x, 5000, np.random.default_rng(0)).tolist() == list(range(3000))
    assert chosen(x[:0], 5, np.random.default_rng(0)).tolist() == []
    monkeypatch.setattr("aespec.data.streams.NUMBERS", 30)
    assert len(chosen(x, 100, np.random.default_rng(0))) == 10  # of three numbers each


@pytest.mark.parametrize("places", [[], [7], [49, 0, 21, 22, 22, 3], [*range(50)]])
def test_samples_are_taken_where_they_stand(path, places):
    stream = load(path, window=8).inputs
    found = take(stream, np.array(places, int))
    assert found.dtype == "float32"
    assert (found == rows(0, 50)[places]).all()
    assert (take(stream[5:], np.arange(3, 45, 20)) == rows(5, 50)[3:45:20]).all()


def test_what_can_only_be_read_whole_is_taken_in_one_read(tmp_path, monkeypatch):
    stream, reads = load(shards(tmp_path), window=8).inputs, Counter()
    kind = type(stream.parts[0])
    read = kind.read

    def counted(self, *span):
        reads[self.name] += 1
        return read(self, *span)

    monkeypatch.setattr(kind, "read", counted)
    take(stream, np.arange(0, 50, 2))
    assert sorted(reads.values()) == [1, 1, 1]


def test_without_a_window_it_is_read_at_once(path):
    inputs = load(path).inputs
    assert isinstance(inputs, np.ndarray)
    np.testing.assert_array_equal(inputs, rows(0, 50))


def test_what_would_take_more_than_half_of_the_memory_streams(path, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 1190}[name])
    found = load(path)
    assert isinstance(found.inputs, Stream)
    assert found.window == 1190 // 16 // 12
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 1210}[name])
    assert isinstance(load(path).inputs, np.ndarray)


@pytest.mark.parametrize(("window", "batch_size"), [(12, 4), (10, 4), (50, 7), (1, 3), (1000, 50)])
def test_an_epoch_takes_each_sample_once_in_whole_batches(path, window, batch_size):
    stream = load(path, window).inputs[:47]
    size = max(window // batch_size, 1) * batch_size
    epochs = []
    for epoch in (1, 1, 2):
        found = list(windows(stream, window, 3, epoch, batch_size))
        assert [len(each) for each in found] == [size] * (47 // size) + [47 % size] * bool(47 % size)
        epochs.append(np.concatenate(found)[:, 0].tolist())
    assert Counter(epochs[0]) == Counter(range(47))
    assert epochs[0] == epochs[1] != epochs[2]


def test_a_window_is_put_together_of_blocks_from_everywhere(tmp_path):
    np.save(tmp_path / "long.npy", rows(0, 10_240))
    first = next(windows(load(tmp_path / "long.npy", 320).inputs, 320, 0, 1, 32))
    assert Counter((first[:, 0] // 640).astype(int)) == dict.fromkeys(range(16), 20), "20 of each sixteenth"
    assert set(Counter((first[:, 0] // 20).astype(int)).values()) == {20}, "which are neighbours"
    assert not np.array_equal(first, np.sort(first, axis=0))
    assert np.array_equal((first[:, 0] // 640).astype(int), np.tile(range(16), 20)), "and take turns"


def written(folder, lengths):
    """So many samples in one array; in shards of these lengths."""
    ends = np.cumsum(lengths)
    np.save(folder / "all.npy", rows(0, ends[-1]))
    (folder / "shards").mkdir()
    for i, (start, stop) in enumerate(zip([0, *ends], ends, strict=False)):
        np.savez(folder / "shards" / f"{i:02}.npz", x=rows(start, stop))
    return folder / "all.npy", folder / "shards"


@pytest.mark.parametrize("size", [2, 4, 16])
@pytest.mark.parametrize("kind", [0, 1], ids=["npy", "npz"])
def test_each_process_reads_a_shard_and_all_have_one_order(kind, size, tmp_path):
    path = written(tmp_path, [13] * 16)[kind]
    seen = []

    def watched(x):
        seen.append(set(x[:, 0].astype(int)))
        return x

    stream = load(path, 224).inputs[:207].map(watched, SHAPE)
    alone = list(windows(stream, 224, 3, 1, 32))
    assert sorted(np.concatenate(alone)[:, 0]) == list(range(207))
    shards = []
    for rank in range(size):
        seen.clear()
        for whole, own in zip(alone, windows(stream, 224, 3, 1, 32, Team(rank, size)), strict=True):
            np.testing.assert_array_equal(own[rank::size], whole[rank::size])
        shards.append(set().union(*seen))
    assert sum(map(len, shards)) == len(set().union(*shards)) == 207, "no sample is read by two"


@pytest.mark.parametrize(
    ("lengths", "window", "batch_size", "size", "why"),
    [
        ([13] * 16, 224, 32, 3, "16 lanes are no multiple of 3 processes"),
        ([13] * 16, 225, 15, 2, "15 samples of a batch are no multiple of 2 processes"),
        ([13] * 16, 16, 8, 2, "a window has no room for a shard of each of 2 lanes"),
        ([20, 168, 20], 224, 32, 2, "a lane would begin in the middle of the large shard"),
    ],
)
def test_else_each_process_reads_all(lengths, window, batch_size, size, why, tmp_path):
    stream = load(written(tmp_path, lengths)[1], window).inputs
    alone = list(windows(stream, window, 3, 1, batch_size))
    for whole, own in zip(alone, windows(stream, window, 3, 1, batch_size, Team(1, size)), strict=True):
        np.testing.assert_array_equal(own, whole, why)


@pytest.mark.parametrize(("lengths", "lanes"), [([13] * 16, 16), ([26] * 8, 8), ([100, 20, 88], 2), ([20, 168, 20], 1)])
def test_shards_are_read_as_often_as_need_be(lengths, lanes, tmp_path):
    """Nearly: a lane may begin in the middle of one."""
    stream = load(written(tmp_path, lengths)[1], 224).inputs
    cut = streams._lanes(stream, 224)
    assert len(cut) == lanes
    assert sum(lane.cost for lane in cut) <= 1.25 * 208


def test_the_next_window_is_read_while_one_is_used(tmp_path):
    stream, seen = load(npy(tmp_path), 10).inputs, []
    read = threading.Event()

    def watched(x):
        seen.append(threading.current_thread().name)
        read.set()
        return x

    going = windows(stream.map(watched, SHAPE), 10, 0, 1, 5)
    next(going)
    read.clear()
    assert read.wait(5)
    assert all(name.startswith("aespec-reads") for name in seen)


def test_a_fingerprint_is_of_the_samples(path):
    first = load(path, 8).fingerprint
    assert load(path, 12).fingerprint == first
    if path.suffix == ".npy":
        np.save(path, rows(0, 50) + 1)
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({"x": list(rows(0, 50)[::-1])}), path, row_group_size=16)
    else:
        np.savez_compressed(path / "shard-1.npz", x=rows(20, 23)[::-1])
    assert load(path, 8).fingerprint != first


SPEC = {
    "input": [3],
    "encoder": [{"dense": {"units": 4, "activation": "tanh"}}, {"gaussian_noise": 0.1}, {"dense": 2}],
    "decoder": "mirror",
}


@pytest.mark.parametrize("backend", ["keras", "torch"])
def test_training_on_a_stream_is_training_on_its_windows(backend, tmp_path):
    np.save(tmp_path / "x.npy", rows(0, 50) / 50)
    stream = load(tmp_path / "x.npy", 16).inputs
    plan = TrainingPlan(epochs=2, batch_size=4, window=16, validation_split=0.2, seed=1, optimizer={"sgd": 0.1})
    model = find_backend(backend).build(aespec.compile(aespec.parse(SPEC)), dtype="float64")
    told = []
    epochs = fit(model, stream, plan, tick=lambda *at: told.append(at[:2]))
    assert told[-1] == (2, 40)
    assert [n for epoch, n in told if epoch == 1] == sorted({n for epoch, n in told if epoch == 1})

    straight = find_backend(backend).build(aespec.compile(aespec.parse(SPEC)), dtype="float64")
    trainer = straight.trainer(plan, 40)
    for epoch in (1, 2):
        at_each = rates(plan, epoch, 40)
        for span, x in enumerate(windows(stream[:40], 16, plan.seed, epoch, plan.batch_size)):
            steps = at_each[span * 4 : span * 4 + len(x) // 4]
            trainer.steps(x, np.arange(len(x)), 4, steps, Noise(plan.seed, epoch, span), lambda *at: None)
    assert all(np.array_equal(value, straight.weights()[name]) for name, value in model.weights().items())
    held = trainer.evaluate(np.asarray(stream)[40:], 10)
    assert epochs[-1].validation == pytest.approx(held, rel=1e-12)


def test_a_loss_that_is_no_number_is_found_in_a_stream(tmp_path):
    x = rows(0, 50) / 50
    x[30] = 1e30
    np.save(tmp_path / "x.npy", x)
    model = find_backend("torch").build(aespec.compile(aespec.parse(SPEC)))
    plan = TrainingPlan(epochs=1, batch_size=4, window=16, validation_split=0.0)
    with pytest.raises(aespec.AespecError, match=r"no longer a number at step \d+ of epoch 1"):
        fit(model, load(tmp_path / "x.npy", 16).inputs, plan)


def test_what_cannot_be_learnt_from_is_refused_when_it_is_read(tmp_path):
    x = rows(0, 50)
    x[30, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    stream = load(tmp_path / "x.npy", 16).inputs
    with pytest.raises(aespec.AespecError, match="not finite"):
        list(windows(stream, 16, 0, 1, 4))


@pytest.mark.parametrize(
    ("make", "message", "part"),
    [
        (lambda p: None, "cannot read", "a folder without any"),
        (lambda p: None, "cannot read", ".png"),
        (
            lambda p: (np.save(p / "a.npy", rows(0, 3)), np.save(p / "b.npy", rows(0, 3)[:, :2])),
            "differ in shape",
            "b.npy",
        ),
        (lambda p: (p / "a.npy").write_bytes(b"no array"), "cannot read", "a.npy"),
        (lambda p: (p / "a.npz").write_bytes(b"no archive"), "cannot read", "a.npz"),
        (lambda p: (p / "a.parquet").write_bytes(b"no table"), "cannot read", "a.parquet"),
        (lambda p: pq.write_table(pa.table({"a": [1.0], "s": ["x"]}), p / "a.parquet"), "no numbers", "text in `s`"),
        (lambda p: (np.save(p / "a.npy", rows(0, 3)), np.save(p / "b.npy", rows(0, 3) > 1)), "differ in type", "bool"),
        (lambda p: np.save(p / "a.npy", rows(0, 0)), "no samples", "none"),
        (lambda p: np.save(p / "a.npy", np.float32(1)), "no samples", "none"),
        (lambda p: np.save(p / "a.npy", np.array([None]), allow_pickle=True), "cannot read", "Python objects"),
    ],
)
def test_bad_parts_are_refused(make, message, part, tmp_path):
    make(tmp_path)
    with pytest.raises(aespec.AespecError, match=message) as caught:
        find_parts(tmp_path, "train")
    assert part in str(caught.value)


def test_a_window_of_bytes_is_scaled(tmp_path):
    np.save(tmp_path / "x.npy", np.full((4, 3), 255, "uint8"))
    found = load(tmp_path / "x.npy", 2, range=(0.0, 1.0))
    np.testing.assert_array_equal(found.inputs, np.ones((4, 3)))
    assert found.notes == ("scaled 0..255 to 0..1", "streams from 1 part, 2 samples in memory at a time")


@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("values", [[[1.0, 2.0], [1.0]], [[1.0, 2.0], None]])
def test_lists_that_are_no_rows_are_refused(values, window, tmp_path):
    pq.write_table(pa.table({"x": values}), tmp_path / "x.parquet")
    with pytest.raises(aespec.AespecError, match="cannot read") as caught:
        np.asarray(load(tmp_path / "x.parquet", window, shape=(2,)).inputs)
    assert "got: lists of 2, " in str(caught.value)


def test_a_value_in_a_stream_is_named_where_it_is(tmp_path):
    x = rows(0, 50)
    x[33, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(aespec.AespecError, match="not finite") as caught:
        load(tmp_path / "x.npy", 16).inputs.read(30, 40)
    assert "first nan, at index [3, 1]; counted from sample 30 of x.npy" in str(caught.value)


@pytest.mark.parametrize("kind", [pa.list_(pa.list_(pa.float32())), pa.large_list(pa.list_(pa.float32(), 1))])
def test_lists_of_lists_are_samples(kind, tmp_path):
    nested = pa.array(rows(0, 50)[..., None].tolist(), kind)
    pq.write_table(pa.table({"x": nested}), tmp_path / "x.parquet", row_group_size=16)
    found = load(tmp_path / "x.parquet", 8, shape=(3, 1)).inputs
    np.testing.assert_array_equal(found, rows(0, 50)[..., None])


@pytest.mark.parametrize("window", [None, 20])
def test_lists_take_the_shape_of_the_input(window, tmp_path):
    found = load(lists(tmp_path), window, shape=(3, 1)).inputs
    assert found.shape == (50, 3, 1)
    np.testing.assert_array_equal(np.asarray(found)[..., 0], rows(0, 50))


def test_row_groups_of_lists_of_other_lengths_are_refused(tmp_path):
    pq.write_table(pa.table({"x": [[1.0, 2.0]] * 4 + [[1.0]] * 4}), tmp_path / "x.parquet", row_group_size=4)
    stream = load(tmp_path / "x.parquet", 2, shape=(2,)).inputs
    assert stream.read(0, 4).shape == (4, 2)
    with pytest.raises(aespec.AespecError, match="cannot read") as caught:
        stream.read(3, 5)
    assert "got: lists of 1, 2" in str(caught.value)
