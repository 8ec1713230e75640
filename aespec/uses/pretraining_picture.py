"""The learning curves of a comparison: accuracy over the number of labels."""

from __future__ import annotations

from collections.abc import Sequence

from aespec.files import StrPath
from aespec.picture import COLORS, MARKERS, blank, plain, save
from aespec.uses.pretraining import WAYS, Summary

__all__ = ["draw_curves"]

APART = 1.03
"""Factor between the places of two ways at one number of labels, so that their bars do not hide each other."""


def draw_curves(summaries: Sequence[Summary], path: StrPath, *, title: str) -> None:
    """Draw the mean accuracy of each way over the number of labels; a bar is a standard deviation over seeds.

    Args:
        summaries: Of each way at each number of labels.
        path: Where the picture goes, a PNG.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    figure = blank(6.8, 4.4)
    axes = figure.subplots()
    for i, way in enumerate(WAYS):
        own = sorted((each for each in summaries if each.way == way), key=lambda each: each.labels)
        axes.errorbar(
            [each.labels * APART ** (i - 1) for each in own],
            [100 * each.accuracy for each in own],
            [100 * (each.deviation or 0) for each in own],
            label=way if way == WAYS[0] else f"pretrained, {way}",
            color=COLORS[i],
            marker=MARKERS[i],
            markersize=4,
            linewidth=1.5,
            elinewidth=1,
            capsize=2.5,
        )
    counts = sorted({each.labels for each in summaries})
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("labelled samples")
    axes.set_ylabel("accuracy on the test samples, %")
    plain(axes, grid=True)
    figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=len(WAYS))
    axes.set_title(title, fontsize=10, parse_math=False)
    save(figure, path)
