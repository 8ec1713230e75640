"""Labels: what samples show, as text and as classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aespec.data.tables import columns_field
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataUnreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.data.files import Raw

__all__ = ["NO_LABEL", "as_a_feature", "classes", "label_text", "need_each", "unlabelled"]

NO_LABEL = "no label"
"""What stands for the label of samples that have none."""


def as_a_feature(raw: Raw, features: int | None) -> str:
    """How a table has so many features with the column that is taken for the label; empty where it has not."""
    if raw.label is None or raw.columns is None or raw.labels is None or raw.labels.dtype.kind not in "biuf":
        return ""
    names = [*raw.columns, raw.label]
    if len(names) != features:
        return ""
    return (
        f"`{raw.label}` is taken for the label: to learn from it too, name the features, "
        f"`{columns_field(names)}` under `input` in the spec"
    )


def label_text(label: Any) -> str:
    """A label as one would write it: ``3`` for a 3.0, ``1`` for a true.

    >>> label_text(3), label_text(3.0), label_text(True), label_text(0.5), label_text("ankle boot")
    ('3', '3', '1', '0.5', 'ankle boot')
    """
    value = label.item() if hasattr(label, "item") else label  # a number of NumPy's, as Python has it
    whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return str(int(value)) if whole else str(value)


def unlabelled(labels: Any) -> NDArray[np.bool_]:
    """Which labels are missing: they are NaN, infinite, or an empty name.

    >>> unlabelled([1, float("nan")]).tolist(), unlabelled(["boot", ""]).tolist()
    ([False, True], [False, True])
    """
    import numpy as np

    values = np.asarray(labels)
    if values.dtype.kind == "f":
        missing: NDArray[np.bool_] = ~np.isfinite(values)
        return missing
    return np.isin(np.char.lower(np.char.strip(values.astype(str))), ("", "nan"))


def classes(labels: Any) -> tuple[list[str], NDArray[np.int64]]:
    """The classes that labels name, as text, in the order of the labels; and that of each sample, (n,), -1 for none.

    Args:
        labels: A number or a name for each sample, (n,).
    """
    import numpy as np

    values = np.asarray(labels)
    if values.dtype == object:
        values = np.asarray([label_text(label) for label in values])
    known = ~unlabelled(values)
    found, places = np.unique(values[known], return_inverse=True)
    index = np.full(len(values), -1, np.int64)
    index[known] = places
    return [label_text(label) for label in found], index


def need_each(labels: Any, name: str) -> None:
    """Refuse labels of which one is missing: it is NaN, infinite, or an empty name.

    Args:
        labels: A number or a name for each sample, (n,).
        name: What messages call the data.

    Raises:
        AespecError: One is missing, or they have more axes.
    """
    import numpy as np

    values = np.asarray(labels)
    if values.ndim != 1:
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"the labels of {name} are not one for each sample",
                wanted="a number or a name for each, along one axis",
                got=f"an array of shape {values.shape}",
                help="of a column for each class save `labels.argmax(axis=1)`",
            )
        )
    missing = unlabelled(values)
    if missing.any():
        first = int(missing.argmax())
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"{missing.sum():,} of {len(values):,} labels of {name} are missing",
                wanted="a number or a name for each",
                got=f"{label_text(values[first]).strip() or 'nothing'}, first at index {first}",
                help="label what has none, or leave it out, and save the data again",
            )
        )
