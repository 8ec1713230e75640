"""The autoencoders of Géron, Hands-On Machine Learning, 2nd edition, chapter 17: its results, and our commands.

No script: `results.py`, which trains them, imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

__all__ = ["MODELS", "PHASES", "REASONS", "SEEDED", "Model", "command", "published"]


@dataclass(frozen=True)
class Model:
    """A model as it was published, and how to train it."""

    title: str
    run: str
    """Names the folders of its runs; the three parts of greedy training share theirs."""
    spec: str
    train: float = nan
    """The published losses of the last epoch."""
    validation: float = nan
    accuracy: float = nan
    """The published rounded accuracy on the validation images."""
    options: str = ""
    """What the command is given beside the spec."""
    data: str = "fashion_mnist"
    phase: str = ""
    """The phase of greedy training that is meant."""


GREEDY = "--greedy '[{optimizer: {sgd: 1.5}}, {optimizer: {sgd: 0.05}}]' --learning-rate 0.1 --epochs 10"
LINEAR = "--optimizer sgd --learning-rate 1.5 --schedule constant --epochs 20 --batch-size 32"
SIGMOID = "--set encoder.2.dense.activation=sigmoid --learning-rate 1.0 --epochs 10"
EPSILON = "--optimizer '{rmsprop: {learning_rate: 0.001, epsilon: 1.0e-14}}'"

MODELS = (
    Model("linear, 3-2-3", "linear", "pca", 0.0055, options=LINEAR, data="plane"),
    Model("stacked", "stacked", "stacked", 0.2814, 0.2835, 0.9370),
    Model("tied weights", "tied", "tied", 0.2828, 0.2839, 0.9338),
    Model("greedy, phase 1", "greedy", "stacked", 0.2768, 0.2781, 0.9462, GREEDY, phase="encoder/dense_1"),
    Model("greedy, phase 2", "greedy", "stacked", 0.1704, 0.1687, nan, GREEDY, phase="encoder/dense_2"),
    Model("greedy, fine-tuned", "greedy", "stacked", 0.2839, 0.2857, 0.9371, GREEDY),
    Model("convolutional", "conv", "conv", 0.2665, 0.2671),
    Model("recurrent", "recurrent", "recurrent", 0.3190, 0.3206, 0.9015),
    Model("denoising, Gaussian", "denoising", "denoising", 0.2935, 0.2920, 0.9291),
    Model("denoising, dropout", "denoising_dropout", "denoising_dropout", 0.3004, 0.2958),
    Model("sigmoid code", "sigmoid", "stacked", 0.3088, 0.3092, options=SIGMOID),
    Model("sparse, L1", "sparse_l1", "sparse_l1", 0.3205, 0.3212),
    Model("sparse, KL", "sparse_kl", "sparse_kl", 0.3044, 0.3053, 0.9174),
    Model("variational", "variational", "variational", 0.3118, 0.3133, 0.9228),
    Model("variational, small epsilon", "variational_epsilon", "variational", 0.3118, 0.3133, 0.9228, EPSILON),
)

PHASES = Model(
    "greedy, both phases",
    "phases",
    "stacked",
    options="--greedy '[{optimizer: {sgd: 1.5}, epochs: 10}, {optimizer: {sgd: 0.05}, epochs: 10}]'"
    " --learning-rate 1e-30 --epochs 1",
)
"""Trains the phases, and then changes nothing: it has the weights that phase 1 came to."""

SEEDED = ("linear", "greedy", "sparse_kl", "variational")
"""The runs that are repeated with other seeds."""

REASONS = {
    "greedy, phase 2": "It is the seed. This phase restores the codes of phase 1, other numbers for each seed: over"
    "\n  [five seeds](#how-much-a-seed-matters) its loss varies by a tenth, the published one about one standard"
    "\n  deviation below their mean."
    "\n  Little of it is left after fine-tuning.",
}
"""Why a model is worse than published, found by trying."""


def published(title: str) -> Model:
    """The model of that title."""
    return next(model for model in MODELS if model.title == title)


def command(model: Model, backend: str) -> str:
    """What trains a model."""
    parts = ["aespec train", f"specs/{model.spec}.yaml", f"--backend {backend}", f"--data {model.data}", model.options]
    return " ".join(part for part in (*parts, f"-o runs/{model.run}-{backend}") if part)
