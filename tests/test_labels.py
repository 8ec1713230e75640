import numpy as np
import pytest

from aespec.data.labels import classes, need_each
from aespec.diagnostics import AespecError


@pytest.mark.parametrize(
    ("labels", "names", "index"),
    [
        ([2, 10, 2], ["2", "10"], [0, 1, 0]),  # numbers in their order, which is not that of their text
        (np.array([3.0, 1.0, 0.5], "float32"), ["0.5", "1", "3"], [2, 1, 0]),
        ([True, False], ["0", "1"], [1, 0]),
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        (np.array(["boot", 1, 1.0], object), ["1", "boot"], [1, 0, 0]),
        ([1234567.0, 1.0], ["1", "1234567"], [1, 0]),
        ([], [], []),
        ([2, np.nan, 1], ["1", "2"], [1, -1, 0]),
        (["b", "", "nan", "a"], ["a", "b"], [1, -1, -1, 0]),
    ],
)
def test_classes_are_named_as_one_would_write_them(labels, names, index):
    found, of = classes(labels)
    assert (found, of.tolist()) == (names, index)


@pytest.mark.parametrize(
    "labels", [[3, 0, 3], [0.5, -1.0], [True], ["boot", "nano"], np.array(["boot", 1], object), []]
)
def test_labels_that_are_all_there_are_taken(labels):
    need_each(labels, "x.npz")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0.0, np.nan, 1.0, np.inf], ["2 of 4 labels of x.npz are missing", "nan, first at index 1"]),
        (["0", "1", " "], ["1 of 3 labels of x.npz are missing", "nothing, first at index 2"]),
        (np.array(["boot", np.nan], object), ["1 of 2 labels", "nan, first at index 1"]),
        (np.eye(3), ["not one for each sample", "(3, 3)", "labels.argmax(axis=1)"]),
    ],
)
def test_labels_of_which_one_is_missing_are_refused(labels, said):
    with pytest.raises(AespecError) as caught:
        need_each(labels, "x.npz")
    assert caught.value.diagnostics[0].rule.code == "E404"
    for part in said:
        assert part in str(caught.value)
