"""What it costs that data streams: training on files beside training on an array, images a second.

    python benchmarks/streams.py                  # both backends
    python benchmarks/streams.py --backend torch --epochs 9
    python benchmarks/streams.py --larger 26      # a file that does not fit in memory

Fashion-MNIST as bytes in one ``.npy``, in ten compressed ``.npz`` shards and in a parquet file of ten row groups, with
a window of 10,000 images. The medians of some epochs on each. With ``--larger`` instead one epoch, in batches of 256,
on a ``.npy`` of so many GiB of float32, in which Fashion-MNIST is repeated, beside an array in memory, and the memory
that the process has of its own at the end: what it has mapped of the file is the system's to take back.
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
@click.option("--larger", metavar="GIB", type=click.IntRange(1), help="Of a file of that size instead.")
def main(backends: tuple[str, ...], samples: int, epochs: int, larger: int | None) -> None:
    """Print the table."""
    spec = aespec.load(zoo()["stacked"])
    graph = aespec.compile(spec)
    images = data.load("fashion_mnist", shape=(28, 28), range=(0.0, 1.0)).inputs[:samples]
    if larger:
        click.echo(_of_a_larger_file(spec, np.asarray(images, "float32"), backends, larger))
        return
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


def _of_a_larger_file(spec: aespec.Spec, images: np.ndarray, backends: tuple[str, ...], size: int) -> str:
    count = (size << 30) // images[0].nbytes
    graph = aespec.compile(spec)
    rows = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        file = np.lib.format.open_memmap(path, "w+", "float32", (count, *images.shape[1:]))
        for start in range(0, count, len(images)):
            file[start : start + len(images)] = images[: count - start]
        file.flush()
        del file
        for backend in backends:
            plan = spec.training.model_copy(
                update={"epochs": 1, "batch_size": 256, "validation_split": 0.0, "window": WINDOW}
            )
            model = find_backend(backend).build(graph)
            inside = [epoch.seconds for epoch in fit(model, images, plan.model_copy(update={"epochs": 6}))]
            (epoch,) = fit(model, _stream(path), plan)
            rate, before = count / epoch.seconds, len(images) / median(inside[1:])
            rows.append(
                [backend, f"{before:,.0f}", f"{count:,}", f"{rate:,.0f}", f"{rate / before:.2f}x", _own_memory()]
            )
    return tabulate(
        rows,
        ["backend", "array, images/s", "images in the file", "images/s", "beside the array", "own memory, GiB"],
        "github",
    )


def _own_memory() -> str:
    """What is resident of this process and of no file, in GiB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:"))
    return f"{int(line.split()[1]) / 2**20:.1f}"


def _stream(path: Path) -> Any:
    return data.load(str(path), shape=(28, 28), range=(0.0, 1.0), window=WINDOW).inputs


def _sources(pixels: np.ndarray, folder: Path) -> Iterator[tuple[str, Any]]:
    yield "array", pixels.astype("float32") / 255
    np.save(folder / "images.npy", pixels)
    yield ".npy", _stream(folder / "images.npy")
    (folder / "shards").mkdir()
    for i, part in enumerate(np.array_split(pixels, 10)):
        np.savez_compressed(folder / "shards" / f"{i}.npz", x=part)
    yield ".npz shards", _stream(folder / "shards")
    values = pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), pixels[0].size)
    pq.write_table(pa.table({"pixels": values}), folder / "images.parquet", row_group_size=len(pixels) // 10)
    yield "parquet", _stream(folder / "images.parquet")


if __name__ == "__main__":
    main()
