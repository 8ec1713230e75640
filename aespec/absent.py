"""What other tools have and aespec has not, and what comes nearest here."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["instead_of"]


def instead_of(name: str, family: str) -> str | None:
    """What to do without a kind of a family that aespec has none of.

    >>> instead_of("nn.GroupNorm", "layer")
    'there is none; `layer_normalization` comes nearest'
    >>> instead_of("SeparableConv1D", "layer")
    'there is none; `conv1d` has all of its channels'
    >>> instead_of("dense", "layer") is None
    True
    """
    short = name.rpartition(".")[2].replace("_", "").lower()
    known = _ABSENT.get(family, {})
    found = known.get(short) or known.get(short.rstrip("d").rstrip("123"))
    return f"there is none; {found.replace('2d', '1d') if '1d' in short else found}" if found else None


_ABSENT: Mapping[str, Mapping[str, str]] = {
    "layer": {
        **dict.fromkeys(
            ("groupnorm", "groupnormalization", "instancenorm", "rmsnorm", "rmsnormalization"),
            "`layer_normalization` comes nearest",
        ),
        **dict.fromkeys(("rnn", "simplernn"), "`gru` is the smallest that recurs"),
        **dict.fromkeys(("depthwiseconv", "separableconv", "locallyconnected"), "`conv2d` has all of its channels"),
        "convlstm": "`time_distributed` applies a convolution to each step, and `lstm` goes over what it gives",
        **dict.fromkeys(
            ("gaussiandropout", "spatialdropout", "dropout1d", "dropout2d", "dropout3d"),
            "`dropout` comes nearest",
        ),
        **dict.fromkeys(
            ("globalmaxpooling", "globalmaxpool", "adaptivemaxpool"), "`global_average_pool2d` comes nearest"
        ),
        **dict.fromkeys(("bilstm", "bigru"), "`bidirectional: {layer: {lstm: 8}}` reads in both directions"),
        **dict.fromkeys(("sequential", "modulelist"), "layers stand in the list one after the other"),
        **dict.fromkeys(("add", "concatenate", "concat", "residual"), "a spec is one chain of layers"),
        **dict.fromkeys(("multiheadattention", "transformer", "transformerencoder"), "`lstm` and `gru` read series"),
        "embedding": "numbers go in: a class is a column of zeros and ones",
        "masking": "all steps are read: cut series into windows of one length; `masking_noise` sets values to zero",
        "lambda": "what no kind computes is a kind of your own, one class: the page on extending has it",
        **dict.fromkeys(("maxunpool", "pixelshuffle"), "`upsampling2d` or `conv2d_transpose` enlarge"),
        "alphadropout": "leave it out behind a selu, which ordinary `dropout` does not go with",
        "lppool": "`average_pool2d` comes nearest",
        **dict.fromkeys(
            ("normalization", "rescaling", "unitnormalization"), "`input` has `scaling`, which the data gives"
        ),
        **dict.fromkeys(("prelu", "rrelu"), "`leaky_relu` has a slope that is stated, not learnt"),
    },
    "activation": {
        **dict.fromkeys(("prelu", "rrelu"), "`leaky_relu` has a slope that is stated, not learnt"),
        **dict.fromkeys(("glu", "swiglu", "geglu"), "`silu` and `gelu` come nearest"),
    },
    "loss": {
        **dict.fromkeys(
            ("mape", "msle", "meanabsolutepercentageerror", "meansquaredlogarithmicerror"),
            "`mae` or `mse` of data that is scaled come nearest",
        ),
        **dict.fromkeys(("ssim", "perceptual", "cosinesimilarity"), "`mse` and `mae` compare element by element"),
        "logcosh": "`huber` comes nearest",
        "contractive": "noise on the input, or `activity_regularizer: {l1: 0.001}` at the code, comes nearest",
    },
    "optimizer": dict.fromkeys(("radam", "lion", "adafactor", "ftrl", "lbfgs", "asgd", "muon"), "`adam` comes nearest"),
    "schedule": {
        **dict.fromkeys(
            ("onecyclelr", "onecycle", "cycliclr", "linearlr", "polynomialdecay"), "`cosine` warms up and falls"
        ),
        "piecewiseconstantdecay": "`step` falls at equal distances",
    },
}
"""Of each family, by their names elsewhere, in small letters, without `_` and a number of axes."""
