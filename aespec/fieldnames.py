"""What a field that does not exist was likely meant to be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from aespec.diagnostics import nearest

__all__ = ["MANY", "comes_out", "field_meant", "follows", "known_elsewhere", "otherwise"]

MANY = 50
"""More fields than any kind has: what states so many is not compared with kinds as a whole."""

_ELSEWHERE = {
    # of a spec
    "shape": ("size", "input_shape", "input_size", "input_dim"),
    "input": ("input_shape", "input_dim", "input_size", "shape"),
    "label": ("target", "target_column", "class", "y"),
    "scaling": ("scale", "scaler", "normalize", "normalization", "standardize", "preprocessing"),
    "columns": ("feature_names", "feature_columns"),
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
    "kernel_size": ("filter_size", "kernel", "window_size"),
    "target_shape": ("unflattened_size",),
    "kernel_initializer": ("weight_initializer", "weight_init", "kernel_init", "initializer", "init"),
    "kernel_regularizer": ("weight_regularizer", "regularizer", "reg"),
    "activation": ("nonlinearity",),
    "negative_slope": ("alpha", "slope"),
    "beta": ("kl_weight", "kl", "kl_coefficient", "kl_coeff", "kld_weight"),
    "target": ("rho", "sparsity_target", "sparsity", "sparsity_level"),
    "weight": ("lambda", "lambda_", "coefficient", "coeff", "strength", "sparsity_weight"),
    "rate": ("p", "prob", "drop_prob"),
    "rho": ("alpha",),
    "warmup": ("warmup_epochs",),
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
    "every": ("step_size", "interval", "period"),
    "factor": ("gamma", "decay", "decay_rate"),
    "size": ("scale_factor",),
}
"""What fields are called elsewhere, where that is not much like what they are called here."""

_NOT_HERE: Mapping[str, str] = {
    "shuffle": "remove it: samples are shuffled in each epoch",
    **dict.fromkeys(
        ("validation_steps", "validation_batch_size", "validation_freq"),
        "remove it: all samples that are kept for it are looked at after each epoch",
    ),
    **dict.fromkeys(("steps_per_epoch", "initial_epoch"), "remove it: an epoch is once through all samples"),
    **dict.fromkeys(("num_workers", "workers", "pin_memory"), "remove it: data is in memory, or streams by itself"),
    **dict.fromkeys(
        ("device", "devices", "accelerator", "gpus"), "remove it: the backend takes a GPU where there is one"
    ),
    **dict.fromkeys(("verbose", "log_every_n_steps"), "remove it: a command has `--quiet`, and `--format json`"),
    "amp": "write `mixed_precision: bfloat16`",
    "precision": "write `mixed_precision: bfloat16` for layers in 16 bits, `dtype: float64` for all in 64",
}
"""What other tools are told for training, and nothing is here."""

_OTHERWISE: Mapping[str, Mapping[str, str]] = {
    "layer": {
        "batch_norm": "it is a layer of its own: `- batch_normalization`",
        "weight_decay": "write `kernel_regularizer: {l2: ...}`, or `weight_decay` at the optimizer",
        "sparsity": "write `activity_regularizer: {kl_divergence: {target: ...}}`, or `{l1: ...}`",
        "padding_mode": "remove it: what is added is zero",
        **dict.fromkeys(("mode", "interpolation"), "remove it: values are repeated, as `nearest` does"),
        "inputs": "remove it: each layer takes what the one before it gives",
        "groups": "remove it: all channels go into each filter here",
        "data_format": "remove it: channels come last here",
    },
    "regularizer": dict.fromkeys(("beta", "alpha"), "the factor of the term is its `weight`"),
    "optimizer": {"decay": "elsewhere it lowers the rate, which is what `schedule` does here"},
    "schedule": {
        "warmup_steps": "`warmup` says it in epochs",
        "final_lr": "`final` says it as a share of the optimizer's rate",
        "min_lr": "`least` says it as a share of the optimizer's rate",
        "eta_min": "`final` says it as a share of the optimizer's rate",
    },
    "": {
        **dict.fromkeys(
            ("window", "length", "window_size"),
            "windows are as long as the first axis of `shape`, and begin `stride` apart",
        ),
        "overlap": "windows begin `stride` steps apart: `stride: 64` with a length of 128 is half of one",
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
        "beta": "it belongs to the code: `- gaussian_latent: {units: 8, beta: 4.0}` at the end of the encoder",
        **dict.fromkeys(("l1", "l2"), "a penalty stands at a layer: `kernel_regularizer: {l2: 0.01}`"),
        "weight": "a loss has one: `loss: {mse: {weight: 0.5}}`",
        "betas": "they are fields of the optimizer: `optimizer: {adam: {beta_1: 0.9, beta_2: 0.999}}`",
        **dict.fromkeys(("type", "kind"), "remove it: every spec is one of an autoencoder"),
        "freeze_encoder": "write `freeze: encoder` in `training`",
        "freeze_decoder": "write `freeze: decoder` in `training`",
        **_NOT_HERE,
        "metrics": "each epoch tells the terms of the loss; `aespec score` and `aespec report` measure a trained model",
    },
}
"""What to do instead of fields that are no field here by another name: of a family of kinds, or of the spec."""


def otherwise(name: str, family: str) -> str | None:
    """What to do instead of a field of a family of kinds, or of the spec (``""``), for which no other stands."""
    return _OTHERWISE.get(family, {}).get(name.lower())


_MEANS_ELSE = ("padding_mode", "keep_prob", "interpolation")
"""Names that are no field's, however like one."""

_APART = {
    ("repeat", "times"),
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
    low = name.lower()
    if low in _NOT_HERE or (low in _MEANS_ELSE and low not in fields):
        return None
    near = known_elsewhere(name, fields) or nearest(name, fields)
    if near is None and len(low) < 40:  # a name elsewhere, misspelt
        others = {
            each: field for field, names in _ELSEWHERE.items() if field in fields for each in names if len(each) > 5
        }
        near = others.get(next(iter(get_close_matches(low, others, 1, 0.9)), ""))
    return None if (low, near) in _APART else near


def known_elsewhere(name: str, fields: Collection[str]) -> str | None:
    """The field that is called so elsewhere."""
    return next((each for each, names in _ELSEWHERE.items() if each in fields and name.lower() in names), None)


def follows(name: str) -> bool:
    """Whether a field of a layer says elsewhere what here follows from the layer before."""
    return _FOLLOWS.fullmatch(name) is not None


def comes_out(name: str) -> bool:
    """Whether a field at the top says elsewhere what here follows from the input: how large the output is."""
    return _COMES_OUT.fullmatch(name) is not None
