import numpy as np
import pytest

from aespec.data.labels import classes


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
    ],
)
def test_classes_are_named_as_one_would_write_them(labels, names, index):
    found, of = classes(labels)
    assert (found, of.tolist()) == (names, index)
