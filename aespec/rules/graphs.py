"""Rules about how the layers of a spec fit together."""

from aespec.diagnostics import Rule


class ShapeMismatch(Rule):
    """A layer cannot take the shape that reaches it.

    Shapes leave the batch axis out and have their channels last: an image is `[height, width, channels]`, a
    series `[steps, features]`. `conv2d` takes three axes, `lstm` two, and a pooling no more than there is. Put a
    `reshape` or a `flatten` before the layer, or change the input. `aespec summary` shows every shape.
    """

    code = "E201"
    bad = """
input: [28, 28]
encoder:
  - conv2d: {filters: 8, kernel_size: 3}
  - flatten
  - dense: 30
decoder:
  - dense: 784
  - reshape: [28, 28]
"""
    good = """
input: [28, 28]
encoder:
  - reshape: [28, 28, 1]
  - conv2d: {filters: 8, kernel_size: 3}
  - flatten
  - dense: 30
decoder:
  - dense: 784
  - reshape: [28, 28]
"""


class NoMirror(Rule):
    """A layer of the encoder cannot be mirrored.

    `decoder: mirror` undoes the change of shape that each layer of the encoder made. Where nothing can bring a
    shape back, as when an axis whose length varies was reduced to nothing, write the decoder as a list of
    layers, or give the lengths in `input`.
    """

    code = "E202"
    bad = """
input: [null, 28]
encoder:
  - lstm: 30
decoder: mirror
"""
    good = """
input: [28, 28]
encoder:
  - lstm: 30
decoder: mirror
"""


class OutputMismatch(Rule):
    """The decoder does not give back the shape of the input.

    An autoencoder is trained to reproduce its input, so both have one shape. The last layer of the decoder has
    to make it; a `reshape` at the end helps where only the axes differ. `decoder: mirror` always fits.
    """

    code = "E203"
    bad = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30}
decoder:
  - dense: {units: 784}
"""
    good = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30}
decoder:
  - dense: {units: 784}
  - reshape: [28, 28]
"""


class BadTie(Rule):
    """A layer is tied to what it cannot share weights with.

    `tied_to` names a layer before it, as `aespec summary` prints it, whose kernel the layer uses transposed. The two
    are of kinds that undo each other (dense and dense, a convolution and its transposed convolution) and their
    kernels have matching shapes. A tied kernel is stored and counted once.
    """

    code = "E204"
    bad = """
input: [8]
encoder:
  - dense: {units: 3}
decoder:
  - dense: {units: 8, tied_to: encoder/dense_2}
"""
    good = """
input: [8]
encoder:
  - dense: {units: 3}
decoder:
  - dense: {units: 8, tied_to: encoder/dense_1}
"""


class ModelTooLarge(Rule):
    """The model has more parameters or activations than the limit.

    The limit keeps a slip, such as a `dense` on a large flattened image, from filling the memory. The message
    names the layer that has most of them. A model that is meant to be so large passes with
    `--max-parameters` or `--max-activations`.
    """

    code = "E205"
    bad = """
input: [512, 512, 3]
encoder:
  - flatten
  - dense: {units: 1000}
decoder: mirror
"""
    good = """
input: [512, 512, 3]
encoder:
  - average_pool2d: {pool_size: 16}
  - flatten
  - dense: {units: 1000}
decoder: mirror
"""


class DuplicateName(Rule):
    """Two layers have one name.

    Names identify weights in a saved model, so each layer of the encoder, and each of the decoder, has its own.
    A layer without `name` is named by its kind and a number.
    """

    code = "E206"
    bad = """
input: [8]
encoder:
  - dense: {units: 5, name: narrow}
  - dense: {units: 3, name: narrow}
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - dense: {units: 5, name: narrow}
  - dense: {units: 3, name: narrower}
decoder: mirror
"""


class BadRegularizer(Rule):
    """A regularizer or a loss that has no meaning where it stands.

    `kl_divergence` compares how often a unit is active with a target, so it is for the values of a layer
    (`activity_regularizer`) and not for its weights. `categorical_crossentropy` compares distributions over
    the last axis, and needs one.
    """

    code = "E207"
    bad = """
input: [8]
encoder:
  - dense: {units: 3, activation: sigmoid, kernel_regularizer: kl_divergence}
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - dense: {units: 3, activation: sigmoid, activity_regularizer: kl_divergence}
decoder: mirror
"""


class BadPlan(Rule):
    """The training plan names something that the model does not have.

    `freeze` takes `encoder`, `decoder`, the name of a layer with weights (`encoder/dense_1`) or of a parameter
    (`encoder/dense_1/bias`), as `aespec summary` shows them; what a tied layer uses is frozen where it is stored.
    A layer can say so itself, `dense: {units: 3, freeze: true}`, if it has weights.
    `greedy` has a phase for each layer of the encoder that has weights, or one for all, and needs `decoder: mirror`,
    which knows what undoes what.
    """

    code = "E208"
    bad = """
input: [8]
encoder:
  - dense: 3
decoder: mirror
training: {freeze: [dense_1]}
"""
    good = """
input: [8]
encoder:
  - dense: 3
decoder: mirror
training: {freeze: [encoder/dense_1]}
"""
