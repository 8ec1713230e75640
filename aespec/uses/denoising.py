"""Denoising: samples are corrupted, a model restores them, and both are measured against the originals.

The corruptions are those of Vincent et al. (2010), "Stacked denoising autoencoders", section 3.3: Gaussian and masking
noise, which are what the layers `gaussian_noise` and `masking_noise` do in training, and salt-and-pepper noise. They
are measured by PSNR and by scikit-image's SSIM: https://scikit-image.org/docs/stable/api/skimage.metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic, missing, nearest
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.layers.noise import Dropout, GaussianNoise, MaskingNoise
from aespec.picture import are_images
from aespec.rules import DataRange
from aespec.uses.anomaly import squared_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples
    from aespec.layers.base import Layer
    from aespec.run import Run

    Array = NDArray[np.floating[Any]]

__all__ = [
    "CORRUPTIONS",
    "WINDOW",
    "Corruption",
    "Denoising",
    "Quality",
    "Span",
    "corruption_stream",
    "denoise",
    "denoise_run",
    "examples",
    "input_noise",
    "quality",
    "span_of",
]

CORRUPTIONS: Mapping[str, str] = {
    "gaussian": "the standard deviation of the noise, above 0",
    "masking": "the share of the values that are set to zero, between 0 and 1",
    "salt_and_pepper": "the share of the values that are set to the least or the largest one, between 0 and 1",
}
"""The kinds of corruption, and what the amount of each is."""

WINDOW = 7
"""Side of the windows that SSIM compares, in pixels: scikit-image's default. No image can be smaller."""

TOGETHER = 50_000
"""Numbers of images whose SSIM is computed at once: as many as stay in a processor's cache."""


@dataclass(frozen=True)
class Span:
    """The least and the largest value that samples may have."""

    low: float
    high: float
    stated: bool
    """By the spec; else they are those of the samples."""


@dataclass(frozen=True)
class Corruption:
    """A kind of noise and how much of it."""

    kind: str
    """One of `CORRUPTIONS`."""
    amount: float

    @classmethod
    def parse(cls, text: str) -> Corruption:
        """Read ``KIND:AMOUNT``.

        Raises:
            ValueError: It is something else; in words.

        >>> Corruption.parse("gaussian:0.3")
        Corruption(kind='gaussian', amount=0.3)
        """
        kind, _, number = (part.strip() for part in text.partition(":"))
        if kind not in CORRUPTIONS:
            near = nearest(kind, CORRUPTIONS)
            known = ", ".join(CORRUPTIONS)
            raise ValueError(f"'{kind}' is no kind of noise" + (f", did you mean '{near}'?" if near else f": {known}."))
        try:
            amount = float(number)
        except ValueError:
            amount = float("nan")
        if not isfinite(amount) or amount <= 0 or (kind != "gaussian" and amount >= 1):
            got = f"'{number}'" if number else "nothing"
            raise ValueError(f"{kind} takes {CORRUPTIONS[kind]}, as in '{kind}:0.3', and got {got}.")
        return cls(kind, amount)

    def __str__(self) -> str:
        return f"{self.kind}:{self.amount:g}"

    def clips(self, span: Span) -> bool:
        """Whether values that would leave the span are clipped to it: Gaussian noise is, where a spec states one."""
        return self.kind == "gaussian" and span.stated

    def apply(self, x: Array, span: Span, random: np.random.Generator) -> Array:
        """Corrupted samples, each value on its own.

        Args:
            x: The samples, (n, ...).
            span: Gaussian noise is clipped to it where a spec states it, and salt and pepper are its ends.
            random: Draws the noise; samples that follow each other may be given in any number of calls.
        """
        import numpy as np

        if self.kind == "gaussian":
            noise: Array = random.standard_normal(x.shape, dtype=x.dtype)
            noisy: Array = x + x.dtype.type(self.amount) * noise
            return np.clip(noisy, span.low, span.high) if self.clips(span) else noisy
        drawn: Array = random.random(x.shape, dtype=x.dtype)
        if self.kind == "masking":
            return np.where(drawn < self.amount, x.dtype.type(0), x)
        ends = np.where(drawn < self.amount / 2, x.dtype.type(span.low), x.dtype.type(span.high))
        return np.where(drawn < self.amount, ends, x)


@dataclass(frozen=True)
class Quality:
    """How near samples are to their originals."""

    psnr: Array
    """Peak signal-to-noise ratio of each, in dB; infinite where nothing differs."""
    ssim: Array | None
    """Structural similarity of each, at most 1 (Wang et al., 2004); None where samples are no images."""


@dataclass(frozen=True)
class Denoising:
    """What a model makes of corrupted samples; each against the originals."""

    span: Span
    """Between which values the samples lie."""
    corrupted: Quality
    restored: Quality
    """What the model makes of the corrupted samples."""
    undisturbed: Quality
    """What it makes of the originals."""

    @property
    def changed(self) -> NDArray[np.bool_]:
        """The samples that the noise changed. That it leaves one as it was happens where it is weak."""
        import numpy as np

        return np.isfinite(self.corrupted.psnr)

    @property
    def nearer(self) -> float:
        """The share of the changed samples that came nearer to their originals, in mean squared error; NaN of none."""
        changed = self.changed
        nearer = self.restored.psnr[changed] > self.corrupted.psnr[changed]
        return float(nearer.mean()) if changed.any() else float("nan")


def span_of(x: Samples, stated: tuple[float, float] | None) -> Span:
    """The range that a spec states, or else that of some samples.

    Raises:
        AespecError: No range is stated, and all values are the same.
    """
    if stated is not None:
        return Span(*stated, stated=True)
    low, high = float("inf"), float("-inf")
    for batch in batches(x):
        low, high = min(low, float(batch.min())), max(high, float(batch.max()))
    if low >= high:
        raise AespecError(
            Diagnostic(
                DataRange,
                "noise cannot be measured against values that are all the same",
                wanted="samples of different values, or a `range` stated in the spec's `input`",
                got=f"{low:.4g} everywhere",
                help="use other data with `--data`",
            )
        )
    return Span(low, high, stated=False)


def corruption_stream(corruption: Corruption, seed: int) -> np.random.Generator:
    """Where noise is drawn from, sample after sample: it depends on the kind and the seed alone."""
    return parameter_stream(seed, f"corruption/{corruption.kind}")


def denoise_run(
    run: Run, x: Samples, corruption: Corruption, *, seed: int = 0, model: Model | None = None
) -> Denoising:
    """Corrupt samples, let the model of a run restore them, and measure both in the range that its spec states.

    Args:
        run: The run.
        x: The originals, (n, ...).
        corruption: What is done to them.
        seed: Of the noise.
        model: The model of the run, where it is at hand.

    Raises:
        AespecError: No range is stated and all values are the same, or scikit-image is missing.
    """
    span = span_of(x, run.spec.input.range)
    return denoise(model or run.model(), x, corruption, span=span, seed=seed, images=run.images)


def examples(model: Model, x: Array, corruption: Corruption, *, span: Span, seed: int = 0) -> dict[str, Array]:
    """Samples as `denoise` has them: originals, corrupted ones, and what a model makes of these.

    Args:
        model: The model.
        x: Some of the originals, (n, ...).
        corruption: What is done to them.
        span: Between which values they lie.
        seed: Of the noise.
    """
    corrupted = corruption.apply(x, span, corruption_stream(corruption, seed))
    return {"original": x, "corrupted": corrupted, "restored": model.reconstruct(corrupted)}


def denoise(
    model: Model, x: Samples, corruption: Corruption, *, span: Span, seed: int, images: bool = False
) -> Denoising:
    """Corrupt samples, restore them, and measure both.

    Args:
        model: The model.
        x: The originals, (n, ...).
        corruption: What is done to them.
        span: Between which values they lie.
        seed: Of the noise.
        images: Whether they are images, which are measured by SSIM too.

    Raises:
        AespecError: scikit-image is missing.
    """
    random = corruption_stream(corruption, seed)
    found: list[tuple[Quality, Quality, Quality]] = []
    for originals in batches(x):
        corrupted = corruption.apply(originals, span, random)
        found.append(
            (
                quality(originals, corrupted, span, images=images),
                quality(originals, model.reconstruct(corrupted), span, images=images),
                quality(originals, model.reconstruct(originals), span, images=images),
            )
        )
    return Denoising(span, *(_together(parts) for parts in zip(*found, strict=True)))


def quality(originals: Array, others: Array, span: Span, *, images: bool) -> Quality:
    """Measure samples against their originals, (n, ...) both, relative to the width of a span.

    SSIM is taken of samples of two axes, or of three with one or three channels last, where both image axes are at
    least `WINDOW` long.

    Raises:
        AespecError: scikit-image is missing.
    """
    import numpy as np

    width = span.high - span.low
    with np.errstate(divide="ignore"):  # of equal samples
        psnr = 10 * np.log10(width**2 / squared_errors(originals, others))
    if not (images and are_images(originals.shape[1:], WINDOW)):
        return Quality(psnr, None)
    rows = max(TOGETHER // prod(originals.shape[1:]), 1)
    parts = zip(batches(originals, rows), batches(others, rows), strict=True)
    return Quality(psnr, np.concatenate([_ssim(some, changed, width) for some, changed in parts]))


def _ssim(originals: Array, others: Array, width: float) -> Array:
    """The SSIM of each image, (n,), of all at once.

    They stand one below the other, where a window that lies within one is what it would be of that image alone.

    Raises:
        AespecError: scikit-image is missing.
    """
    import numpy as np

    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise missing("scikit-image", "plots", "to measure images by SSIM") from None
    stacked = (images.reshape(-1, *images.shape[2:]) for images in (originals, others))
    channels, edge = 2 if originals.ndim == 4 else None, WINDOW // 2
    _, windows = structural_similarity(*stacked, win_size=WINDOW, data_range=width, channel_axis=channels, full=True)
    within = windows.reshape(originals.shape)[:, edge:-edge, edge:-edge]
    found: Array = within.mean(axis=tuple(range(1, within.ndim)), dtype=np.float64)
    return found


def input_noise(graph: Graph) -> list[Layer]:
    """The layers that disturb a model's input in training, before anything is computed from it."""
    found: list[Layer] = []
    for node in graph.block("encoder"):
        layer = node.layer.innermost
        if isinstance(layer, Dropout | GaussianNoise | MaskingNoise):
            found += [layer] if getattr(layer, str(layer.main)) > 0 else []
        elif not layer.moves_only:
            break
    return found


def _together(parts: tuple[Quality, ...]) -> Quality:
    import numpy as np

    ssim = [part.ssim for part in parts if part.ssim is not None]
    return Quality(np.concatenate([part.psnr for part in parts]), np.concatenate(ssim) if ssim else None)
