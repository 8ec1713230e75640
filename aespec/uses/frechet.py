"""The Fréchet distance: how far the codes of generated samples are from those of real ones, as distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["HALVINGS", "Frechet", "frechet_distance", "frechet_to_halves"]

HALVINGS = 10
"""How often the real samples are split into halves."""


@dataclass(frozen=True)
class Frechet:
    """Distances of generated samples to a half of the real ones, over several ways to halve them."""

    value: float
    """The mean of the distances between the generated samples and a half of the real ones."""
    spread: float
    """Their standard deviation."""
    floor: float
    """The mean of the distances between the two halves: what samples of the same distribution come to."""
    floor_spread: float
    """Their standard deviation."""
    samples: int
    """How many there are on each side of each distance."""
    singular: bool
    """Whether these are too few for a covariance of so many units, so that the distances are too large."""


def frechet_distance(a: Array, b: Array) -> float:
    """The squared Fréchet distance between the normals of the means and the covariances of two sets of codes.

    ``|m1 - m2|**2 + trace(C1 + C2 - 2 (C1 C2)**(1/2))`` (Dowson and Landau, 1982; of images' codes the FID of Heusel
    et al., 2017, https://arxiv.org/abs/1706.08500). With ``Ci = Ri' Ri`` the trace of the root is the sum of the
    singular values of ``R1 R2'``, which needs no root of a matrix that may be singular.

    Args:
        a: Codes, (n, units), two or more.
        b: Codes, (m, units), two or more.
    """
    import numpy as np

    between = a.mean(axis=0) - b.mean(axis=0)
    first, second = _root(a), _root(b)
    overlap = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    found = between @ between + (first**2).sum() + (second**2).sum() - 2 * overlap
    return max(float(found), 0.0)  # of two equal sets it is zero, but for rounding


def frechet_to_halves(real: Array, generated: Array, *, seed: int = 0) -> Frechet:
    """How far generated codes are from a half of the real ones, beside how far the other half is from it.

    The distance is biased: it is above zero for two samples of one distribution, and the more so the fewer they are.
    So all distances are between as many codes, and that of the halves is the floor below which there is nothing to be
    told. The halves are drawn anew ten times.

    Args:
        real: The codes of real samples that neither model was trained on, (n, units).
        generated: The codes of generated ones, (m, units) with m no less than n // 2.
        seed: Decides the halves.

    Raises:
        AespecError: There are fewer than four real samples.
    """
    import numpy as np

    half = len(real) // 2
    if half < 2:
        raise AespecError(
            Diagnostic(
                DataShape,
                "too few samples for a Fréchet distance",
                wanted="four held-out samples or more, two for each half",
                got=counted(len(real), "sample"),
                help="give more data with `--data`",
            )
        )
    random = np.random.default_rng(seed)
    distances, floors = [], []
    for _ in range(HALVINGS):
        order = random.permutation(len(real))
        first, second = real[order[:half]], real[order[half : 2 * half]]
        distances.append(frechet_distance(generated[random.permutation(len(generated))[:half]], first))
        floors.append(frechet_distance(second, first))
    return Frechet(
        value=float(np.mean(distances)),
        spread=float(np.std(distances, ddof=1)),
        floor=float(np.mean(floors)),
        floor_spread=float(np.std(floors, ddof=1)),
        samples=half,
        singular=half <= real.shape[1],
    )


def _root(x: Array) -> Array:
    """R of ``R' R``, the covariance of codes."""
    import numpy as np

    return np.asarray(np.linalg.qr((x - x.mean(axis=0)) / np.sqrt(len(x) - 1), mode="r"))
