"""Named sets: where each is looked for on this machine, and where it comes from if it is not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from aespec.data.files import Raw, Split, read_array, read_idx, unreadable
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataNotFound

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DATASETS", "Digits", "IdxSet", "Named", "Plane"]

FILES: Mapping[Split, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""The files of an MNIST-like set: pictures, labels. Every such set has the same names."""


class Named(Protocol):
    """A set of samples that is known by name."""

    @property
    def about(self) -> str:
        """What it holds, in a line."""

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of a sample."""

    def read(self, split: Split, cache: Path | None, download: bool) -> Raw:
        """Find it and read a split of it."""


@dataclass(frozen=True)
class IdxSet:
    """A set in the four IDX files of MNIST, as bytes, 28x28."""

    name: str
    about: str
    url: str
    """Where the files lie, packed with gzip; ends in a slash."""
    md5: Mapping[str, str]
    """The published checksum of each file, without its ``.gz``."""
    starts: Mapping[Split, bytes]
    """The first ten labels of each split: sets whose files have the same names are told apart by them."""
    torchvision: str
    """The folder that torchvision unpacks it in."""
    keras: str
    """The folder or the file that Keras keeps it in, under its ``datasets``."""
    debian: Path | None = None
    debian_package: str | None = None
    sample: tuple[int, ...] = (28, 28)

    def read(self, split: Split, cache: Path | None, download: bool) -> Raw:
        """Read it from the first place that has it, or else download it."""
        here = next((place for place in self.places(cache) if _holds(place, split)), None)
        place = here or self.fetch(split, cache, download)
        images, labels = _read_place(place, split)
        if labels is None or len(images) != len(labels):
            count = "no" if labels is None else len(labels)
            unreadable(place, f"{len(images)} pictures and {count} labels", "get the files again", "a label a picture")
        for other in DATASETS.values():
            if isinstance(other, IdxSet) and other.name != self.name and _starts(labels, other.starts[split]):
                unreadable(place, f"the files of {other.name}", "keep each set in a folder of its name", self.name)
        return Raw(images, labels.astype("int64"), natural=(0.0, 255.0), image=True, notes=(f"read from {place}",))

    def places(self, cache: Path | None) -> Iterator[Path]:
        """Every folder, or ``.npz`` file, that may hold it, the most particular first."""
        if named := os.environ.get("AESPEC_DATA"):
            folder = Path(named).expanduser()
            yield from (folder / self.name, folder / self.torchvision / "raw", folder)
        if self.debian:
            yield self.debian
        keras = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
        yield keras / "datasets" / self.keras
        yield Path("data") / self.torchvision / "raw"
        if downloads := self.downloads(cache):
            yield downloads

    def downloads(self, cache: Path | None) -> Path | None:
        """The folder of what aespec downloaded; None if it cannot download."""
        if cache:
            return cache / self.name
        if not find_spec("pooch"):
            return None
        import pooch

        return Path(pooch.os_cache("aespec")) / self.name

    def fetch(self, split: Split, cache: Path | None, download: bool) -> Path:
        """Download the files of a split; a file is kept only if its checksum is the published one."""
        folder = self.downloads(cache) if find_spec("pooch") else None
        if not download or not folder:
            self.missing(split, cache, "it may not be downloaded" if not download else "pooch is not installed")
        import pooch

        for file in FILES[split]:
            url = f"{self.url}{file}.gz"
            with ExitStack() as connections:  # pooch leaves those open that answer with an error
                downloader = pooch.HTTPDownloader(
                    progressbar=sys.stderr.isatty() and find_spec("tqdm") is not None,
                    hooks={"response": lambda answer, **_: connections.enter_context(answer)},
                )
                try:
                    pooch.retrieve(url, f"md5:{self.md5[file]}", fname=f"{file}.gz", path=folder, downloader=downloader)
                except ValueError:  # what pooch raises on another checksum, after it has deleted the file
                    unreadable(url, "another checksum", "try later or elsewhere", f"md5 {self.md5[file]}")
                except OSError as error:
                    self.missing(split, cache, f"{url}: {_root(error)}")
        return folder

    def missing(self, split: Split, cache: Path | None, reason: str) -> NoReturn:
        """Refuse a set that is not on this machine and could not be fetched."""
        files = " and ".join(f"{file}.gz" for file in FILES[split])
        ways = [f"put {files} into a folder and name that in the environment variable AESPEC_DATA"]
        if self.debian_package:
            ways.insert(0, f"run `apt install {self.debian_package}`")
        if not find_spec("pooch"):
            ways.append("run `pip install 'aespec[data]'`, with which aespec downloads it")
        raise AespecError(
            Diagnostic(
                DataNotFound,
                f"the {split} set of {self.name} is not on this machine",
                wanted="the files in one of\n" + "\n".join(map(str, self.places(cache))),
                got=reason,
                help=", or\n".join(ways),
            )
        )


@dataclass(frozen=True)
class Digits:
    """scikit-learn's handwritten digits, in the order of its file; the last 297 are the test set."""

    about: str = "1,797 handwritten digits, 8x8 grey pixels of 0 to 16, from scikit-learn"
    sample: tuple[int, ...] = (8, 8)

    def read(self, split: Split, cache: Path | None, download: bool) -> Raw:
        """Read it from the scikit-learn that is installed."""
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise AespecError(
                Diagnostic(
                    DataNotFound,
                    "digits comes with scikit-learn, which is not installed",
                    got=f"{type(error).__name__}: {error}",
                    help="run `pip install 'aespec[data]'`, or `pip install scikit-learn`",
                )
            ) from None
        digits = load_digits()
        part = slice(None, -297) if split == "train" else slice(-297, None)
        return Raw(digits.images[part], digits.target[part], natural=(0.0, 16.0), image=True)


@dataclass(frozen=True)
class Plane:
    """The points of Géron, Hands-On Machine Learning, 2nd edition, chapter 17, drawn as there; it has no test set.

    They lie along an arc in a plane of space, but for Gaussian noise, and their mean is zero.
    """

    about: str = "60 points in space, near a plane, drawn from a fixed seed"
    sample: tuple[int, ...] = (3,)

    def read(self, split: Split, cache: Path | None, download: bool) -> Raw:
        """Draw them: the stream of NumPy's `RandomState` never changes."""
        import numpy as np

        random = np.random.RandomState(4)
        angles = random.rand(60) * 3 * np.pi / 2 - 0.5
        x = np.cos(angles) + np.sin(angles) / 2 + 0.05 * random.randn(60)
        y = np.sin(angles) * 0.7 + 0.05 * random.randn(60)
        z = 0.1 * x + 0.3 * y + 0.1 * random.randn(60)
        points = np.stack((x, y, z), axis=1)
        return Raw(points - points.mean(axis=0), whole=split == "test")


def _holds(place: Path, split: Split) -> bool:
    files = [place] if place.suffix == ".npz" else [_file(place, file) for file in FILES[split]]
    return all(os.access(file, os.R_OK) for file in files)


def _read_place(place: Path, split: Split) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The pictures and the labels of a split, in a folder of IDX files or in an ``.npz``."""
    if place.suffix == ".npz":
        raw = read_array(place, split)
        if raw.whole:
            unreadable(place, "other arrays", "get the file again", f"x_{split} and y_{split}")
        return raw.inputs, raw.labels
    images, labels = FILES[split]
    return read_idx(_file(place, images), 3), read_idx(_file(place, labels), 1)


def _file(folder: Path, name: str) -> Path:
    """The file, packed if there is a packed one."""
    packed = folder / f"{name}.gz"
    return packed if os.access(packed, os.R_OK) else folder / name


def _starts(labels: NDArray[Any], start: bytes) -> bool:
    same: bool = labels[: len(start)].tolist() == list(start)
    return same


def _root(error: BaseException) -> str:
    """The error that a chain of them began with: it names the cause, the others the library's inner calls."""
    while error.__context__:
        error = error.__context__
    return f"{type(error).__name__}: {error}"


DATASETS: Mapping[str, Named] = {
    "digits": Digits(),
    "fashion_mnist": IdxSet(
        name="fashion_mnist",
        about="70,000 pictures of clothes in 10 classes, 28x28 grey bytes; 60,000 train, 10,000 test",
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        md5={
            "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
        },
        starts={"train": bytes((9, 0, 0, 3, 0, 2, 7, 2, 5, 5)), "test": bytes((9, 2, 1, 1, 6, 1, 4, 6, 5, 7))},
        torchvision="FashionMNIST",
        keras="fashion-mnist",
        debian=Path("/usr/share/datasets/fashion-mnist"),
        debian_package="dataset-fashion-mnist",
    ),
    "mnist": IdxSet(
        name="mnist",
        about="70,000 handwritten digits, 28x28 grey bytes; 60,000 train, 10,000 test",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        md5={
            "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        starts={"train": bytes((5, 0, 4, 1, 9, 2, 1, 3, 1, 4)), "test": bytes((7, 2, 1, 0, 4, 1, 4, 9, 5, 9))},
        torchvision="MNIST",
        keras="mnist.npz",
    ),
    "plane": Plane(),
}
"""The sets that can be named, by name."""
