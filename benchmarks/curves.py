"""The same training on both frameworks: loss curves side by side, and the reconstructions that come of it.

    python benchmarks/curves.py     # trains what is not trained yet, then writes docs/training.md

Fashion-MNIST, 55,000 images to train on and 5,000 to measure on, the settings of each spec in the zoo. The runs
are kept in runs/curves, so that the page can be written again without training.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import click
from matplotlib.figure import Figure
from tabulate import tabulate

from aespec.run import history
from aespec.zoo import zoo

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "training.md"
PICTURES = ROOT / "docs" / "pictures"
BACKENDS = ("keras", "torch")

# Validation losses published for the same settings: Geron, Hands-On Machine Learning, 2nd edition, chapter 17.
PUBLISHED = {"stacked": 0.2835, "conv": 0.2671, "recurrent": 0.3206}


@click.command()
@click.option(
    "--runs", type=click.Path(path_type=Path), default=ROOT / "runs" / "curves", help="Where the runs are kept."
)
def main(runs: Path) -> None:
    """Train each spec on each backend and write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    parts = [_head()]
    for name in PUBLISHED:
        folders = {backend: _run(name, backend, runs) for backend in BACKENDS}
        parts.append(_section(name, folders))
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    click.echo(f"wrote {PAGE.relative_to(ROOT)}")


def _run(name: str, backend: str, runs: Path) -> Path:
    folder = runs / f"{name}-{backend}"
    if not (folder / "run.json").is_file():
        command = [
            "train",
            str(zoo()[name]),
            "--backend",
            backend,
            "--data",
            "fashion_mnist",
            "-o",
            str(folder),
            "--force",
        ]
        subprocess.run([sys.executable, "-m", "aespec", *command], check=True)
    picture = PICTURES / f"{name}-{backend}.png"
    subprocess.run([sys.executable, "-m", "aespec", "reconstruct", str(folder), "-o", str(picture)], check=True)
    return folder


def _head() -> str:
    return f"""# Trained on both frameworks

Each model below was trained twice from one spec, once with Keras and once with PyTorch, with the spec's own settings
on Fashion-MNIST: 55,000 images to train on, 5,000 to measure on. Both start from the same weights and take the same
batches in the same order, so the curves should lie on each other; the tables say how nearly they do. What is left is
rounding: in float32 each step rounds a little differently, and a large step size lets that grow (in float64 the
parameters agree to 1e-10 after some steps). `published` is the validation loss of the book that the models come from
(Geron, *Hands-On Machine Learning*, 2nd edition, chapter 17).

Made by `python benchmarks/curves.py`, in float32 on {platform.machine()} with Python {platform.python_version()}.
"""


def _section(name: str, folders: dict[str, Path]) -> str:
    rows = {backend: history(folder) for backend, folder in folders.items()}
    table, gaps = [], []
    for keras, torch in zip(rows["keras"], rows["torch"], strict=True):
        pairs = [(keras[key], torch[key]) for key in ("total", "val_total")]
        gap = [abs(a - b) / max(abs(a), abs(b)) for a, b in pairs]
        gaps.append(max(gap))
        values = [f"{value:.5f}" for pair in pairs for value in pair]
        table.append([int(keras["epoch"]), *values[:2], f"{gap[0]:.1e}", *values[2:], f"{gap[1]:.1e}"])
    _draw(name, rows)
    records = {backend: json.loads((folder / "run.json").read_text()) for backend, folder in folders.items()}
    versions = ", ".join(f"{backend} {record['versions'][backend]}" for backend, record in records.items())
    last = {backend: rows[backend][-1]["val_total"] for backend in BACKENDS}
    against = ", ".join(
        f"{backend} {last[backend]:.4f} ({last[backend] / PUBLISHED[name] - 1:+.1%})" for backend in BACKENDS
    )
    headers = ["epoch", "keras", "torch", "difference", "keras, validation", "torch, validation", "difference"]
    return f"""
## {name}

`aespec train specs/{name}.yaml --backend keras --data fashion_mnist`, and the same with `torch`. {versions}.

Validation loss: {against}; published {PUBLISHED[name]:.4f}. Largest relative difference in an epoch: {max(gaps):.1e}.

![loss curves](pictures/{name}-curves.png)

{tabulate(table, headers, tablefmt="github", disable_numparse=True)}

Reconstructions, Keras and then PyTorch:

![reconstructions by Keras](pictures/{name}-keras.png)
![reconstructions by PyTorch](pictures/{name}-torch.png)
"""


def _draw(name: str, rows: dict[str, list[dict[str, float]]]) -> None:
    figure = Figure(figsize=(6.4, 3.4), layout="constrained", dpi=110)
    axes = figure.subplots()
    styles = {
        "keras": {"color": "tab:red", "linewidth": 3, "alpha": 0.45},
        "torch": {"color": "tab:blue", "linewidth": 1.2},
    }
    for backend in BACKENDS:
        epochs = [row["epoch"] for row in rows[backend]]
        for key, label, line in (("total", "training", "-"), ("val_total", "validation", "--")):
            values = [row[key] for row in rows[backend]]
            axes.plot(epochs, values, line, label=f"{backend}, {label}", **styles[backend])
    axes.axhline(PUBLISHED[name], color="gray", linewidth=0.8, linestyle=":", label="published, validation")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.set_title(name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8, frameon=False)
    figure.savefig(PICTURES / f"{name}-curves.png")


if __name__ == "__main__":
    main()
