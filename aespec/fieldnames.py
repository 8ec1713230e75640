"""What a field that does not exist was likely meant to be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from aespec.diagnostics import nearest

__all__ = ["MANY", "comes_out", "field_meant", "follows", "known_elsewhere", "otherwise"]

MANY = 50
"""More fields than any kind has: what states so many is not compared with kinds as a whole."""

_ELSEWHERE = {
    # of a spec
    "shape": ("size",),
    "input": ("input_shape", "input_dim", "input_size", "shape"),
    "scaling": ("scale", "scaler", "normalize", "normalization", "standardize", "preprocessing"),
    "columns": ("features", "feature_names"),
    "stride": ("step", "hop", "hop_length"),
    "tie_weights": ("tied", "tie", "tied_weights"),
    "times": ("n", "count", "repeats"),
    "layers": ("body", "block", "blocks", "modules"),
    "spec": ("file", "path", "from"),
    "vars": ("with", "variables", "params", "parameters"),
    "training": ("trainer", "hyperparameters", "hparams"),
    # of layers and what is in them
    "units": ("z_dim", "width", "out_features", "output_dim", "output_size", "hidden_size", "out", "dim", "latent_dim"),
    "filters": ("out_channels", "out", "channels"),
    "kernel_initializer": ("weight_initializer", "weight_init"),
    "kernel_regularizer": ("weight_regularizer", "regularizer"),
    "activation": ("nonlinearity",),
    "negative_slope": ("alpha", "slope"),
    "beta": ("kl_weight", "kl", "kl_coefficient", "kl_coeff", "kld_weight"),
    "target": ("rho", "sparsity_target", "sparsity", "sparsity_level"),
    "weight": ("lambda", "lambda_", "coefficient", "coeff", "strength", "sparsity_weight"),
    "rate": ("p", "prob", "drop_prob"),
    "rho": ("alpha",),
    "warmup": ("warmup_epochs", "warmup_steps"),
    "freeze": ("frozen",),
    "pool_size": ("kernel_size",),
    "each": ("for", "over"),
    # of training
    "loss": ("loss_function", "loss_fn", "criterion"),
    "optimizer": ("type", "kind", "optim", "solver", "algorithm"),
    "epochs": ("max_iter", "iterations", "max_epochs", "num_epochs", "n_epochs", "nb_epoch"),
    "early_stopping": ("n_iter_no_change",),
    "seed": ("random_seed", "random_state"),
    "validation_split": ("validation", "validation_size", "validation_fraction", "val_split", "test_size"),
    "clip_norm": ("clipnorm", "gradient_clip_val", "gradient_clip", "grad_clip", "gradient_clipping", "max_grad_norm"),
    "every": ("step_size",),
    "factor": ("gamma", "decay", "decay_rate"),
    "size": ("scale_factor",),
}
"""What fields are called elsewhere, where that is not much like what they are called here."""

_OTHERWISE: Mapping[str, Mapping[str, str]] = {
    "layer": {
        "batch_norm": "it is a layer of its own: `- batch_normalization`",
        "weight_decay": "write `kernel_regularizer: {l2: ...}`, or `weight_decay` at the optimizer",
        "sparsity": "write `activity_regularizer: {l1: ...}`",
        "inputs": "remove it: each layer takes what the one before it gives",
        "groups": "remove it: all channels go into each filter here",
        "data_format": "remove it: channels come last here",
    },
    "regularizer": dict.fromkeys(("beta", "alpha"), "the factor of the term is its `weight`"),
    "optimizer": {"decay": "elsewhere it lowers the rate, which is what `schedule` does here"},
    "schedule": {
        "min_lr": "`least` says it as a share of the optimizer's rate",
        "eta_min": "`final` says it as a share of the optimizer's rate",
    },
    "": {
        "window": "windows are as long as the first axis of `shape`, and begin `stride` apart",
        "latent_dim": "the code is as wide as the last layer of the encoder; numbers of your own stand in `vars`",
        "code": "the code is as wide as the last layer of the encoder",
        "bottleneck": "the code is what the last layer of the encoder gives",
        "latent": "the code is what the last layer of the encoder gives",
        **dict.fromkeys(
            ("mean", "std"), "write `scaling: standard`: each feature comes to a mean of 0, a deviation of 1"
        ),
        "warmup": "it belongs to a schedule: `schedule: {cosine: {warmup: ...}}`, in epochs",
        "warmup_epochs": "it belongs to a schedule: `schedule: {cosine: {warmup: ...}}`, in epochs",
        "min_epochs": "training ends by `epochs`, or by `early_stopping`",
        "loss_weights": "each loss has its own: `loss: [{mse: {weight: 1.0}}, {mae: {weight: 0.5}}]`",
        "metrics": "each epoch tells the terms of the loss; `aespec score` and `aespec report` measure a trained model",
    },
}
"""What to do instead of fields that are no field here by another name: of a family of kinds, or of the spec."""


def otherwise(name: str, family: str) -> str | None:
    """What to do instead of a field of a family of kinds, or of the spec (``""``), for which no other stands."""
    return _OTHERWISE.get(family, {}).get(name.lower())


_APART = {
    ("code", "encoder"),
    ("decay", "weight_decay"),
    ("min_lr", "least"),
    ("min_epochs", "epochs"),
    ("batch_norm", "name"),
}
"""Names that are like a field's, and mean something else."""


_FOLLOWS = re.compile(
    r"(in|input|batch_input)(_(features|channels|size|dim|shape|units))?|num_features|normalized_shape"
)
"""Fields of layers that elsewhere say what comes in."""

_COMES_OUT = re.compile(r"(out|output)(_(features|channels|size|dim|shape|units))?")
"""Fields of a model that elsewhere say what comes out."""


def field_meant(name: str, fields: Collection[str]) -> str | None:
    """The field that was likely meant by a name, which may be its name elsewhere.

    >>> field_meant("out_features", ["units", "activation"]), field_meant("unit", ["units", "activation"])
    ('units', 'units')
    """
    near = known_elsewhere(name, fields) or nearest(name, fields)
    return None if (name.lower(), near) in _APART else near


def known_elsewhere(name: str, fields: Collection[str]) -> str | None:
    """The field that is called so elsewhere."""
    return next((each for each, names in _ELSEWHERE.items() if each in fields and name.lower() in names), None)


def follows(name: str) -> bool:
    """Whether a field of a layer says elsewhere what here follows from the layer before."""
    return _FOLLOWS.fullmatch(name) is not None


def comes_out(name: str) -> bool:
    """Whether a field at the top says elsewhere what here follows from the input: how large the output is."""
    return _COMES_OUT.fullmatch(name) is not None
