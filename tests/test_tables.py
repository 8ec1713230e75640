"""Tables, long series and folders of pictures: what a person's own data looks like."""

import csv
import gzip
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from aespec import data
from aespec.data.files import Raw
from aespec.data.fitting import fit
from aespec.data.scaling import Scaling
from aespec.data.series import Windows, as_series, cut
from aespec.data.streams import Stream
from aespec.diagnostics import AespecError

X = np.array([[1.0, 10.0, 5.0], [2.0, 30.0, 5.0], [3.0, 20.0, 5.0], [6.0, 20.0, 5.0]])


@pytest.fixture(autouse=True)
def _inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text, name="t.csv"):
    Path(name).write_bytes(text.encode())
    return name


def load(name, features=2, **options):
    return data.load(name, shape=(features,), range=None, dtype="float64", **options)


class TestText:
    @pytest.mark.parametrize(
        ("text", "columns"),
        [
            ("a,b\n1,2\n3,4\n", ("a", "b")),
            ("1,2\n3,4\n", None),
            ("a;b\n1;2\n3;4\n", ("a", "b")),
            ("a\tb\r\n1\t2\r\n3\t4\r\n", ("a", "b")),
            ('"a, or so",b\n"1",2\n3,4', ("a, or so", "b")),
            ("\ufeffa,b\n1,2\n\n3,4\n", ("a", "b")),
            (" a , b \n 1 , 2 \n 3e0 , 4 \n", ("a", "b")),
            ("#a,b\n1,2\n3,4\n", ("#a", "b")),
        ],
    )
    def test_is_read_however_it_is_written(self, text, columns):
        found = load(write(text))
        assert found.inputs.tolist() == [[1, 2], [3, 4]]
        assert found.columns == columns
        assert found.labels is None

    def test_packed(self):
        with gzip.open("t.csv.gz", "wt") as file:
            file.write("a,b\n1,2\n3,4\n")
        assert load("t.csv.gz").inputs.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize(
        ("text", "options", "labels"),
        [
            ("a,label,b\n1,x,2\n3,y,4\n", {}, ["x", "y"]),
            ("a,b,y\n1,2,0\n3,4,1\n", {}, [0, 1]),
            ("a,kind,b\n1,0.5,2\n3,1,4\n", {"label": "kind"}, [0.5, 1.0]),
            ("b,a,time,y\n2,1,noon,7\n4,3,night,8\n", {"columns": ["a", "b"]}, [7, 8]),
            ("b,a\n2,1\n4,3\n", {"columns": ["a", "b"], "label": "kind"}, None),
        ],
    )
    def test_columns_are_features_or_the_label(self, text, options, labels):
        found = load(write(text), **options)
        assert found.inputs.tolist() == [[1, 2], [3, 4]]
        assert found.columns == ("a", "b")
        assert (None if found.labels is None else found.labels.tolist()) == labels

    @pytest.mark.parametrize(
        ("text", "columns"),
        [
            ("a,2020,b\n1,2,5\n3,4,6\n", ("a", "2020", "b")),
            ("a, 7 ,8\n1,2,5\n3,4,6\n", ("a", "7", "8")),
            ("1,2,5\n3,4,6\n", None),
        ],
    )
    def test_a_name_may_be_a_whole_number(self, text, columns):
        found = load(write(text), features=3)
        assert (found.inputs.tolist(), found.columns) == ([[1, 2, 5], [3, 4, 6]], columns)

    @pytest.mark.parametrize(("labels", "kind"), [("1,nan", "float64"), ("1e30,2", "float64"), ("1.0,2", "int64")])
    def test_labels_are_whole_numbers_where_they_can_be(self, labels, kind):
        first, second = labels.split(",")
        assert load(write(f"a,b,y\n1,2,{first}\n3,4,{second}\n")).labels.dtype == kind

    def test_an_index_is_left_out_by_naming_the_features(self):
        assert load(write(",a,b\n0,1,2\n"), columns=["a", "b"]).inputs.tolist() == [[1, 2]]

    def test_a_label_that_is_asked_for_as_a_feature_is_one(self):
        found = load(write("y,a\n1,2\n"), columns=["y", "a"])
        assert found.inputs.tolist() == [[1, 2]]
        assert found.labels is None

    @pytest.mark.parametrize(
        ("text", "options", "code", "said"),
        [
            ("", {}, "E402", ["t.csv holds no samples", "got: nothing"]),
            ("a,b\n", {}, "E402", ["t.csv holds no samples", "got: no rows"]),
            ("a,b\n1,2\n3,\n", {}, "E403", ["has gaps", "nothing in line 3, column `b`"]),
            ("1,2\n3,n/a\n", {}, "E403", ["has gaps", "`n/a` in line 2, column 2"]),
            ("a,b\n1,2\n3,NaN\n", {}, "E403", ["has gaps", "`NaN` in line 3, column `b`"]),
            ("a,b\n1,2\n3,inf\n", {}, "E403", ["not finite"]),
            ("a,b\n1,2\n3,four\n", {}, "E404", ["what is no number", "`four` in line 3, column `b`"]),
            ("a,b\n1,2\n3\n", {}, "E404", ["different lengths", "1 in line 3", "mend that line"]),
            ("a,b\n1,2\n3,4,5\n", {}, "E404", ["different lengths", "2 values in each", "3 in line 3"]),
            ("a,b,c\n1,2,x\n3,4,y,5\n", {"columns": ["a", "b"]}, "E404", ["different lengths", "4 in line 3"]),
            ("a,b,c\n1,2,x\n3,4\n", {"columns": ["a", "b"]}, "E404", ["different lengths", "2 in line 3"]),
            ("a,b\n1,x\n", {}, "E404", ["columns that are no numbers", "text in `b`", '`columns: ["a"]` under']),
            ("a,b\nx,y\n", {}, "E404", ["help: make numbers of them, or name the one that labels samples"]),
            ("label\nx\n", {}, "E404", ["has no features"]),
            ("a,a\n1,2\n", {}, "E404", ["two columns of one name", "`a` twice"]),
            ("size,b\n1,2\n", {"columns": ["sise", "b"]}, "E404", ["no column `sise`", "did you mean `size`?"]),
            ("a,b\n1,2\n", {"label": "kind"}, "E404", ["no column `kind`"]),
            ("1,2\n", {"columns": ["a", "b"]}, "E404", ["has no header"]),
            ("a,b,c\n1,2,3\n", {}, "E402", ["does not have the shape"]),
            ("1,2,setosa\n3,4,other\n", {}, "E404", ["no first line of names", "`setosa` beside `1`"]),
            ("0.5,high\n1,2\n", {}, "E404", ["no first line of names", "a letter in it"]),  # no name is 0.5
            ("name,2020\nx,3\n", {}, "E404", ["no first line of names"]),  # a sample with a label, or names
            (",2\n3,4\n", {}, "E403", ["has gaps", "nothing in line 1, column 1"]),
            (",a,b\n0,1,2\n", {}, "E404", ["a column without a name", "to_csv(index=False)"]),
        ],
    )
    def test_what_is_wrong_is_said(self, text, options, code, said):
        with pytest.raises(AespecError) as error:
            load(write(text), **options)
        (found,) = error.value.diagnostics
        assert found.rule.code == code
        for part in said:
            assert part in str(error.value), part

    @pytest.mark.parametrize("window", [{}, {"stride": 1}])
    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_a_feature_that_is_taken_for_the_label_is_told(self, form, window):
        name = write("x,y\n1,2\n3,4\n5,1\n")
        if form == "parquet":
            from pyarrow import parquet, table

            parquet.write_table(table({"x": [1, 3, 5], "y": [2, 4, 1]}), name := "t.parquet")
        shape = (2, 2) if window else (2,)
        with pytest.raises(AespecError) as error:
            data.load(name, shape=shape, range=None, **window)
        assert "help: `y` is taken for the label: to learn from it too, name the features, " in str(error.value)
        stated = re.search(r"`columns: (\[.*\])` under `input`", str(error.value))
        found = data.load(name, shape=shape, range=None, columns=yaml.safe_load(stated[1]), **window)
        assert found.inputs[0].tolist() == ([[1, 2], [3, 4]] if window else [1, 2])

    @pytest.mark.parametrize("text", ["x,y\n1,a\n3,b\n", "x,y\n1,2\n3,4\n"])
    def test_what_cannot_be_the_feature_that_lacks_is_not_told_of(self, text):
        with pytest.raises(AespecError) as error:
            load(write(text), features=2 if "a" in text else 3)
        assert "`input: [1]`" in str(error.value)

    def test_what_is_packed_and_cut_off_is_refused(self):
        with gzip.open("t.csv.gz", "wt") as file:
            file.write("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(9000)))
        Path("t.csv.gz").write_bytes(Path("t.csv.gz").read_bytes()[:-2000])
        with pytest.raises(AespecError, match=r"cannot read t\.csv\.gz"):
            load("t.csv.gz")

    def test_bytes_that_are_no_text_are_refused(self):
        Path("t.csv").write_bytes(b"\xff\xfe\x00\x80,1\n")
        with pytest.raises(AespecError, match=r"cannot read t\.csv"):
            load("t.csv")


class TestParquet:
    @pytest.fixture(autouse=True)
    def _file(self):
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        table = pa.table({"b": [2.0, 4.0, 6.0], "name": ["u", "v", "w"], "a": [1, 3, 5], "y": ["p", "q", "p"]})
        parquet.write_table(table, "t.parquet", row_group_size=2)

    @pytest.mark.parametrize("label", [None, "name"])
    def test_columns_and_label_are_named(self, label):
        found = load("t.parquet", columns=["a", "b"], label=label)
        assert found.inputs.tolist() == [[1, 2], [3, 4], [5, 6]]
        assert found.columns == ("a", "b")
        assert found.labels.tolist() == (["u", "v", "w"] if label else ["p", "q", "p"])

    def test_a_label_that_is_null_is_no_name(self):
        from pyarrow import parquet, table

        parquet.write_table(table({"a": [1, 2], "b": [3, 4], "y": ["p", None]}), "null.parquet")
        assert load("null.parquet").labels.tolist() == ["p", ""]

    def test_text_is_no_feature(self):
        with pytest.raises(AespecError, match="text in `name`"):
            load("t.parquet")

    def test_a_gap_is_named_by_its_row_and_its_column(self):
        from pyarrow import parquet, table

        parquet.write_table(table({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, None]}), "gap.parquet")
        with pytest.raises(AespecError, match=r"1 of the 6 values of gap\.parquet is not finite") as caught:
            load("gap.parquet")
        assert caught.value.diagnostics[0].got == "first nan, at row 2, counted from 0, column `b`"
        assert "array" not in caught.value.diagnostics[0].help

    def test_streams(self):
        found = load("t.parquet", columns=["a", "b"], window=2)
        assert isinstance(found.inputs, Stream)
        assert found.columns == ("a", "b")
        assert np.asarray(found.inputs).tolist() == [[1, 2], [3, 4], [5, 6]]
        assert found.labels.tolist() == ["p", "q", "p"]

    def test_streams_where_memory_is_short(self, monkeypatch):
        monkeypatch.setattr("os.sysconf", lambda name: 8)  # 64 bytes, of which all is 48
        found = load("t.parquet", columns=["a", "b"])
        assert isinstance(found.inputs, Stream)

    def test_a_row_group_is_read_once_however_few_rows_are_taken_at_a_time(self, monkeypatch):
        from aespec.data.parts import RowGroup

        reads, read = [], RowGroup.read
        monkeypatch.setattr(RowGroup, "read", lambda self, *rows: reads.append(rows) or read(self, *rows))
        stream = load("t.parquet", columns=["a", "b"], window=2).inputs
        reads.clear()
        assert [len(part) for part in stream.chunks(1)] == [1, 1, 1]
        assert reads == [(0, 2), (0, 1)]


def test_shards_have_labels():
    for name, start in (("a", 0), ("b", 2)):
        np.savez(f"{name}.npz", x=np.arange(4.0).reshape(2, 2), y=np.arange(start, start + 2))
    Path("shards").mkdir()
    for name in "ab":
        Path(f"{name}.npz").rename(f"shards/{name}.npz")
    assert load("shards").labels.tolist() == [0, 1, 2, 3]
    assert load("shards", window=2).labels.tolist() == [0, 1, 2, 3]


class TestScaling:
    def test_standard_has_mean_0_and_deviation_1_where_a_feature_varies(self):
        found = Scaling.fit(X, "standard").apply(X, "float64")
        assert found.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-15)
        assert found.std(axis=0) == pytest.approx([1, 1, 0])

    @pytest.mark.parametrize("target", [(0.0, 1.0), (-1.0, 3.0)])
    def test_minmax_fills_the_range(self, target):
        found = Scaling.fit(X, "minmax", target).apply(X, "float64")
        assert found.min(axis=0)[:2] == pytest.approx(target[0])
        assert found.max(axis=0)[:2] == pytest.approx(target[1])
        assert found[:, 2] == pytest.approx(target[0])

    def test_is_that_of_scikit_learn(self):
        preprocessing = pytest.importorskip("sklearn.preprocessing")
        x = np.random.default_rng(0).normal(5, 3, (3000, 4))
        for way, theirs in (("standard", "StandardScaler"), ("minmax", "MinMaxScaler")):
            wanted = getattr(preprocessing, theirs)().fit_transform(x)
            assert Scaling.fit(x, way).apply(x, "float64") == pytest.approx(wanted, abs=1e-12)

    @pytest.mark.parametrize("way", ["standard", "minmax"])
    def test_is_undone(self, way):
        scaling = Scaling.fit(X, way)
        assert scaling.undo(scaling.apply(X, "float64")) == pytest.approx(X)

    def test_a_series_is_scaled_by_feature(self):
        windows = np.stack([X, X + 1])
        assert Scaling.fit(windows, "standard").center == pytest.approx([3.5, 20.5, 5.5])

    @pytest.mark.parametrize("way", ["standard", "minmax"])
    @pytest.mark.parametrize(
        ("x", "said"),
        [
            (X[:1], ["nothing to scale, or to learn, in t.csv", "got: 1 sample\n"]),
            (X[[0, 0]], ["got: 2 samples, alike in every feature", "leave `scaling` out"]),
            (np.stack([X[[0, 0]]] * 3), ["got: 3 samples, alike"]),
        ],
    )
    def test_samples_of_which_nothing_varies_are_refused(self, way, x, said):
        with pytest.raises(AespecError) as error:
            Scaling.fit(x, way, name="t.csv")
        for part in said:
            assert part in str(error.value)

    def test_features_that_do_not_vary_are_told(self):
        scaling = Scaling.fit(X, "standard")
        assert scaling.constant == [2]
        assert scaling.note(("a", "b", "c")).endswith("as found on the training samples, where 1 did not vary: `c`")
        assert scaling.note(None).endswith("where 1 did not vary: `2`")
        assert Scaling.fit(X[:, :2], "standard").note(None).endswith("as found on the training samples")

    def test_large_numbers_keep_their_differences(self):
        x = np.array([[1.6e9], [1.6e9 + 1], [1.6e9 + 2]])
        assert Scaling.fit(x, "minmax").apply(x, "float32").ravel().tolist() == [0, 0.5, 1]

    def test_a_stream_is_scaled_as_its_array(self):
        np.save("x.npy", X)
        stream = data.load("x.npy", shape=(3,), range=None, dtype="float64", window=2).inputs
        scaling = Scaling.fit(stream, "standard")
        assert scaling == Scaling.fit(X, "standard")
        assert np.array_equal(np.asarray(scaling.apply(stream, "float32")), scaling.apply(X, "float32"))

    def test_other_features_are_refused(self):
        with pytest.raises(AespecError, match="has not the features that the scaling was found on"):
            Scaling.fit(X, "standard").apply(X[:, :2], "float32")


class TestSeries:
    @pytest.mark.parametrize(
        ("steps", "stride", "starts"), [(10, 2, [0, 2, 4, 6]), (11, 3, [0, 3, 6, 7]), (4, 5, [0]), (9, 9, [0, 5])]
    )
    def test_is_cut_and_covered(self, steps, stride, starts):
        series = np.arange(2.0 * steps).reshape(steps, 2)
        np.save("x.npy", series)
        found = data.load("x.npy", shape=(4, 2), range=None, stride=stride)
        assert found.windows.starts.tolist() == starts
        assert found.windows.steps == steps
        for window, start in zip(found.inputs, starts, strict=True):
            assert window.tolist() == series[start : start + 4].tolist()

    @pytest.mark.parametrize("suffix", ["npy", "npz", "parquet"])
    def test_of_several_files_has_no_window_in_two(self, suffix):
        """In the order of their numbers; each has a last window that ends with it."""
        series = np.arange(22.0).reshape(11, 2)
        Path("all").mkdir()
        for name, rows in (("part10", series[9:]), ("part2", series[5:9]), ("part1", series[:5])):
            if suffix == "parquet":  # in two row groups, which are no recordings
                pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
                pq.write_table(pa.table({"a": rows[:, 0], "b": rows[:, 1]}), f"all/{name}.parquet", row_group_size=2)
            elif suffix == "npz":
                np.savez(f"all/{name}.npz", x=rows, y=rows[:, 0] > 14)
            else:
                np.save(f"all/{name}.npy", rows)
        found = data.load("all", shape=(2, 2), range=None, stride=2)
        assert found.windows.starts.tolist() == [0, 2, 3, 5, 7, 9]  # of 0 to 4, 5 to 8, 9 and 10
        assert [window.tolist() for window in found.inputs] == [series[i : i + 2].tolist() for i in (0, 2, 3, 5, 7, 9)]
        assert found.notes[-1].endswith("one every 2, each within one of 3 files, in the order of their names")
        assert suffix != "npz" or found.labels.tolist() == [False] * 4 + [True] * 2  # from step 8 on

    def test_a_file_shorter_than_a_window_is_named(self):
        Path("all").mkdir()
        for i, steps in enumerate((5, 3, 9)):
            np.save(f"all/part{i}.npy", np.zeros((steps, 2)))
        with pytest.raises(AespecError, match=r"part1\.npy in all cannot be cut into windows of 4 steps") as error:
            data.load("all", shape=(4, 2), range=None, stride=2)
        assert "got: 3 steps" in str(error.value)

    @pytest.mark.parametrize(
        ("starts", "count", "chosen"),
        [
            ([0, 2, 4, 6, 8, 9], 9, [0, 2, 4]),  # of 4 steps each: those from 0, 4 and 8
            ([0, 2, 4, 6, 8, 9], 2, [0, 4]),
            ([0, 2, 4, 6, 8, 9], 1, [0]),
            ([3, 8, 13, 18, 23], 3, [0, 2, 4]),
            ([7], 5, [0]),
        ],
    )
    def test_some_share_no_step(self, starts, count, chosen):
        windows = Windows(np.array(starts), 4, 30)
        assert windows.apart(count).tolist() == chosen

    def test_tell_their_steps(self):
        assert Windows(np.array([0, 1000]), 32, 2000).spans(np.array([1])) == ["steps 1,000 to 1,031"]

    def test_of_one_feature_needs_no_second_axis(self):
        np.save("x.npy", np.arange(6.0))
        found = data.load("x.npy", shape=(4, 1), range=None, stride=2)
        assert found.inputs[1, :, 0].tolist() == [2, 3, 4, 5]

    def test_without_a_stride_is_told_of_it(self):
        np.save("x.npy", np.zeros((9, 2)))
        with pytest.raises(AespecError) as error:
            data.load("x.npy", shape=(4, 2), range=None)
        help = "have windows of 4 steps cut of a long series, and its features scaled: "
        assert error.value.diagnostics[0].help == f"{help}`input: {{shape: [4, 2], stride: 2, scaling: standard}}`"

    def test_from_a_table_keeps_the_labels_of_steps(self):
        rows = [["a", "label"], *([i, int(i > 3)] for i in range(6))]
        with Path("t.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        found = data.load("t.csv", shape=(4, 1), range=None, stride=2)
        assert found.labels.tolist() == [0, 1]
        assert found.windows.labels.tolist() == [0, 0, 0, 0, 1, 1]
        assert found.columns == ("a",)

    @pytest.mark.parametrize(
        ("shape", "help"),
        [
            ((3, 2), "give one long series"),
            ((5, 2, 2), "leave `stride` out"),
            ((9, 3), "or train a model with `shape: [4, 3]`"),
            ((9,), "or train a model with `shape: [4, 1]`"),
            ((2, 9), "steps come first: save `x.T`"),
            ((9, 4), "did you mean `shape: [2, 4]`?"),
        ],
    )
    def test_too_short_or_no_series_is_refused(self, shape, help):
        np.save("x.npy", np.zeros(shape))
        with pytest.raises(AespecError, match="cannot be cut into windows of 4 steps and 2 features") as error:
            data.load("x.npy", shape=(4, 2), range=None, stride=1)
        assert "wanted: a series of shape (steps, 2), of 4 steps or more" in str(error.value)
        assert f"got: an array of shape {shape}" in str(error.value)
        assert help in str(error.value)

    @pytest.mark.parametrize(
        ("value", "range", "said"),
        [
            (np.nan, None, ["1 of the 24 values", "first nan, at step 7, column `b`, of 12 steps and 2 columns"]),
            (5.0, (0, 1), ["outside the range", "first 5.0, at step 7, column `b`"]),
        ],
    )
    def test_a_wrong_value_is_told_by_its_step(self, value, range, said):
        raw = Raw(np.zeros((12, 2)), columns=("a", "b"))
        raw.inputs[7, 1] = value
        with pytest.raises(AespecError) as error:
            fit(as_series(raw, (4, 2), "x.npy"), "x.npy", (2,), range, "float32", within_unit=False)
        for part in said:
            assert part in str(error.value)

    def test_a_wrong_value_of_a_file_is_told_by_its_step(self):
        np.save("x.npy", np.where(np.arange(12) == 7, np.nan, 0.0))
        with pytest.raises(AespecError, match="nan, at step 7, column 0, of 12 steps and 1 column, counted from 0"):
            data.load("x.npy", shape=(4, 1), range=None, stride=2)

    @pytest.mark.parametrize(
        ("labels", "highest"),
        [([0, 0, 0, 1, 0, 0], [0, 1, 1]), ([True] + [False] * 5, [True, False, False])],
    )
    def test_a_window_has_the_highest_of_its_steps(self, labels, highest):
        _, windows, _ = cut(np.zeros((6, 1)), 3, 2, None)  # which begin at 0, 2 and 3
        assert windows.highest(np.array(labels)).tolist() == highest


class TestPictures:
    @pytest.fixture(autouse=True)
    def _pictures(self, tmp_path):
        image = pytest.importorskip("PIL.Image")
        for i, (folder, level) in enumerate([("cat", 0), ("cat", 51), ("dog", 255)]):
            (tmp_path / "all" / folder).mkdir(parents=True, exist_ok=True)
            image.new("RGB", (16, 8), (level, level, level)).save(tmp_path / "all" / folder / f"{i}.png")
        (tmp_path / "all" / "readme.txt").write_text("no picture")

    @pytest.mark.parametrize("shape", [(8, 16), (4, 8), (16,), (5, 5, 1), (8, 16, 3), (None, None)])
    def test_take_the_shape_and_the_range_of_the_spec(self, shape):
        found = data.load("all", shape=shape, range=(0, 1))
        assert all(n in (None, m) for n, m in zip(shape, found.inputs.shape[1:], strict=True))
        assert found.inputs.reshape(3, -1)[:, 0] == pytest.approx([0, 1, 0.2])
        assert found.labels.tolist() == ["cat", "dog", "cat"]

    def test_come_from_all_classes_wherever_they_are_cut(self, tmp_path):
        from aespec.data.pictures import find_pictures, read_pictures

        for i in range(3, 9):
            (tmp_path / "all" / "cat" / f"{i}.png").write_bytes(find_pictures(tmp_path / "all")[0].read_bytes())
            (tmp_path / "all" / "dog" / f"{i}.png").write_bytes(find_pictures(tmp_path / "all")[0].read_bytes())
        labels = read_pictures(tmp_path / "all", "train", (4, 4)).labels.tolist()
        assert len(labels) == 15
        assert {"cat", "dog"} == set(labels[:3]) == set(labels[-3:])

    def test_that_are_resized_are_counted(self):
        (note, *_) = data.load("all", shape=(4, 8), range=(0, 1)).notes
        assert note == "read 3 pictures, gray, 3 of them resized to 8x4"

    def test_without_a_range_go_to_0_to_1(self):
        assert data.load("all", shape=(4, 4, 3), range=None).inputs.max() == 1

    def test_parts_are_folders(self, tmp_path):
        (tmp_path / "parts").mkdir()
        (tmp_path / "all" / "dog").rename(tmp_path / "parts" / "test")
        (tmp_path / "all").rename(tmp_path / "parts" / "train")
        assert len(data.load("parts", shape=(4, 4), range=None).inputs) == 2
        found = data.load("parts", shape=(4, 4), range=None, split="test")
        assert len(found.inputs) == 1
        assert found.labels is None
        assert not found.whole

    @pytest.mark.parametrize("mode", ["L", "I;16"])
    def test_sixteen_bits_are_scaled_as_eight(self, mode):
        image = pytest.importorskip("PIL.Image")
        Path("deep").mkdir()
        ramp = np.arange(0, 256, 16, dtype="uint16").reshape(4, 4)
        pixels = ramp.astype("uint8") if mode == "L" else ramp * 256
        image.fromarray(pixels).save("deep/x.png")
        found = data.load("deep", shape=(4, 4), range=(0, 1)).inputs
        assert found[0] == pytest.approx(ramp / 255, abs=1e-6)

    def test_thirty_two_bits_are_refused(self):
        image = pytest.importorskip("PIL.Image")
        Path("deep").mkdir()
        image.fromarray(np.zeros((4, 4), "float32")).save("deep/x.tiff")
        with pytest.raises(AespecError, match="pixels of 32 bits"):
            data.load("deep", shape=(4, 4), range=(0, 1))

    def test_do_not_hide_the_arrays_beside_them(self, tmp_path):
        np.save(tmp_path / "all" / "x.npy", np.zeros((5, 4, 4), "float32"))
        assert len(data.load("all", shape=(4, 4), range=(0, 1)).inputs) == 5

    def test_a_file_that_is_no_picture_is_named(self, tmp_path):
        (tmp_path / "all" / "cat" / "x.png").write_bytes(b"nothing")
        with pytest.raises(AespecError, match=r"cannot read all.cat.x\.png"):
            data.load("all", shape=(4, 4), range=None)
