"""What Keras's layers are in a spec, as a table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CELLS", "IDLE", "ONE_AXIS", "SILENT", "TRAINING", "USUAL", "Cell"]


@dataclass(frozen=True)
class Cell:
    """How the fields of a Keras layer are said."""

    kind: str
    fields: tuple[str, ...] = ()
    """Those that a spec has under the same name."""
    vars: tuple[str, ...] = ()
    """Where the layer's group has its parameters."""


_BIAS = ("use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer")
_WEIGHTED = (*_BIAS, "activity_regularizer")
_WINDOW = ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", *_WEIGHTED)
_RECURRENT = ("units", "return_sequences", "recurrent_initializer", "recurrent_regularizer", *_WEIGHTED)
_POOL = ("pool_size", "strides", "padding")
_NORM = ("epsilon", "center", "scale", "beta_initializer", "gamma_initializer")

CELLS = {
    "Dense": Cell("dense", ("units", "activation", *_WEIGHTED), vars=("vars",)),
    "Conv1D": Cell("conv1d", _WINDOW, vars=("vars",)),
    "Conv2D": Cell("conv2d", _WINDOW, vars=("vars",)),
    "Conv1DTranspose": Cell("conv1d_transpose", (*_WINDOW, "output_padding"), vars=("vars",)),
    "Conv2DTranspose": Cell("conv2d_transpose", (*_WINDOW, "output_padding"), vars=("vars",)),
    "LSTM": Cell("lstm", (*_RECURRENT, "unit_forget_bias"), vars=("cell/vars",)),
    "GRU": Cell("gru", _RECURRENT, vars=("cell/vars",)),
    "BatchNormalization": Cell("batch_normalization", ("momentum", *_NORM), vars=("vars",)),
    "LayerNormalization": Cell("layer_normalization", _NORM, vars=("vars",)),
    "MaxPooling1D": Cell("max_pool1d", _POOL),
    "MaxPooling2D": Cell("max_pool2d", _POOL),
    "AveragePooling1D": Cell("average_pool1d", _POOL),
    "AveragePooling2D": Cell("average_pool2d", _POOL),
    "GlobalAveragePooling1D": Cell("global_average_pool1d"),
    "GlobalAveragePooling2D": Cell("global_average_pool2d"),
    "UpSampling1D": Cell("upsampling1d", ("size",)),
    "UpSampling2D": Cell("upsampling2d", ("size",)),
    "ZeroPadding1D": Cell("zero_padding1d", ("padding",)),
    "ZeroPadding2D": Cell("zero_padding2d", ("padding",)),
    "Cropping1D": Cell("cropping1d", ("cropping",)),
    "Cropping2D": Cell("cropping2d", ("cropping",)),
    "Flatten": Cell("flatten"),
    "Reshape": Cell("reshape", ("target_shape",)),
    "Permute": Cell("permute", ("dims",)),
    "RepeatVector": Cell("repeat_vector", ("n",)),
    "Dropout": Cell("dropout", ("rate",)),
    "GaussianNoise": Cell("gaussian_noise", ("stddev",)),
    "Activation": Cell("activation", ("activation", "activity_regularizer")),
}
"""What Keras's layers are in a spec, field by field."""

for _stock, _own in (
    ("Dense", ("TiedDense",)),
    ("Conv1D", ("TiedConv1D",)),
    ("Conv2D", ("TiedConv2D",)),
    ("Conv1DTranspose", ("TiedConv1DTranspose", "DilatedConv1DTranspose")),
    ("Conv2DTranspose", ("TiedConv2DTranspose", "DilatedConv2DTranspose")),
):
    CELLS |= {f"aespec>{name}": CELLS[_stock] for name in _own}

ONE_AXIS = {"UpSampling1D": "size", "ZeroPadding1D": "padding", "Cropping1D": "cropping"}
"""Fields that Keras writes without a list for the one axis."""

SILENT = {"name", "dtype", "trainable", "seed", "unroll", "zero_output_for_mask", "moving_mean_initializer"}
SILENT |= {"moving_variance_initializer", "renorm_clipping", "renorm_momentum", "synchronized", "source", "function"}
SILENT |= {"implementation", "batch_input_shape", "input_axes", "output_axes", "build_input_shape"}
"""Fields that change nothing that a spec says, or are read elsewhere."""

USUAL = {
    "groups": (1,),
    "data_format": ("channels_last",),
    "interpolation": ("nearest",),
    "recurrent_activation": ("sigmoid",),
    "reset_after": (True,),
    "axis": (-1, [-1]),
    "activation": ("tanh",),
}
"""Fields that a spec has not, with what they have to be; all others have to be unset."""

IDLE = {"Identity", "ActivityRegularization", "AlphaDropout", "GaussianDropout"}
IDLE |= {f"SpatialDropout{rank}D" for rank in (1, 2, 3)}
IDLE |= {f"Random{what}" for what in ("Brightness", "ColorDegeneration", "ColorJitter", "Contrast", "ElasticTransform")}
IDLE |= {f"Random{what}" for what in ("Erasing", "Flip", "GaussianBlur", "Grayscale", "Hue", "Invert", "Perspective")}
IDLE |= {f"Random{what}" for what in ("Posterization", "Rotation", "Saturation", "Sharpness", "Shear", "Translation")}
IDLE |= {"RandomZoom", "AugMix", "CutMix", "MixUp", "RandAugment"}
"""Layers that hand on what they are given outside training. `RandomCrop` does not: it crops or resizes there."""

TRAINING = {"dropout", "recurrent_dropout", "noise_shape"}
"""Fields that matter in training alone, as constraints do."""
