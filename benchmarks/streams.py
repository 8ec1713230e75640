"""What it costs that data streams: training on files beside training on an array, images a second.

    python benchmarks/streams.py                  # both backends
    python benchmarks/streams.py --backend torch --epochs 9

Fashion-MNIST as bytes in one ``.npy``, in ten compressed ``.npz`` shards and in a parquet file of ten row groups, with
a window of 10,000 images. The medians of some epochs on each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tabulate import tabulate

import aespec
from aespec import data
from aespec.registry import find_backend
from aespec.training import fit
from aespec.zoo import zoo

WINDOW = 10_000


@click.command()
@click.option("--backend", "backends", multiple=True, default=("keras", "torch"), show_default=True)
@click.option("--samples", default=40_000, show_default=True, help="Images an epoch.")
@click.option("--epochs", default=7, show_default=True)
def main(backends: tuple[str, ...], samples: int, epochs: int) -> None:
    """Print the table."""
    spec = aespec.load(zoo()["stacked"])
    graph = aespec.compile(spec)
    images = data.load("fashion_mnist", shape=(28, 28), range=(0.0, 1.0)).inputs[:samples]
    pixels = np.round(np.asarray(images) * 255).astype("uint8")
    rows = []
    with TemporaryDirectory() as folder:
        sources = dict(_sources(pixels, Path(folder)))
        for backend in backends:
            for batch_size in (32, 256):
                plan = spec.training.model_copy(
                    update={"epochs": epochs + 1, "batch_size": batch_size, "validation_split": 0.0, "window": WINDOW}
                )
                model = find_backend(backend).build(graph)
                times = [median(epoch.seconds for epoch in fit(model, x, plan)[1:]) for x in sources.values()]
                ratios = [f"{times[0] / each:.2f}x" for each in times[1:]]
                rows.append([backend, batch_size, f"{samples / times[0]:,.0f}", *ratios])
    names = [name for name in sources if name != "array"]
    click.echo(tabulate(rows, ["backend", "batch", "array, images/s", *names], "github"))


def _sources(pixels: np.ndarray, folder: Path) -> Iterator[tuple[str, Any]]:
    def stream(path: Path) -> Any:
        return data.load(str(path), shape=(28, 28), range=(0.0, 1.0), window=WINDOW).inputs

    yield "array", pixels.astype("float32") / 255
    np.save(folder / "images.npy", pixels)
    yield ".npy", stream(folder / "images.npy")
    (folder / "shards").mkdir()
    for i, part in enumerate(np.array_split(pixels, 10)):
        np.savez_compressed(folder / "shards" / f"{i}.npz", x=part)
    yield ".npz shards", stream(folder / "shards")
    values = pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), pixels[0].size)
    pq.write_table(pa.table({"pixels": values}), folder / "images.parquet", row_group_size=len(pixels) // 10)
    yield "parquet", stream(folder / "images.parquet")


if __name__ == "__main__":
    main()
