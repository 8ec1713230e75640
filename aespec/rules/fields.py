"""Rules about the fields of a spec."""

from aespec.diagnostics import Rule


class UnknownKind(Rule):
    """A name that is no kind.

    Layers, losses, activations, optimizers, initializers, regularizers and the forms of a decoder are written
    by the name of their kind, which is Keras's name in snake case: `max_pool2d`, not `MaxPooling2D`. Packages can
    add kinds; one that is not installed is unknown. `aespec layers` lists the layers.
    """

    code = "E101"
    bad = """
input: [28, 28]
encoder:
  - flatten
  - dens: {units: 30}
decoder: mirror
"""
    good = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30}
decoder: mirror
"""


class UnknownField(Rule):
    """A field that the kind, or this part of the spec, does not have.

    Nothing is ignored: a misspelled field would otherwise leave its default in force, and the model would
    not be the one that was described. `aespec layers dense` shows the fields of `dense`.
    """

    code = "E102"
    bad = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30, activaton: selu}
decoder: mirror
"""
    good = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30, activation: selu}
decoder: mirror
"""


class MissingField(Rule):
    """A field that has no default is not given.

    What has one usual value has a default; what decides the model, such as the number of units of a layer or
    the shape of the input, has none.
    """

    code = "E103"
    bad = """
input: [28, 28]
encoder:
  - flatten
  - dense: {activation: selu}
decoder: mirror
"""
    good = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30, activation: selu}
decoder: mirror
"""


class WrongValue(Rule):
    """A value of a wrong type, out of range, or not among the choices.

    Values are not converted: `"30"` is text and not a number, `30.5` is no number of units, `1` is no truth
    value. The message says what the field takes.
    """

    code = "E104"
    bad = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: -30}
decoder: mirror
"""
    good = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30}
decoder: mirror
"""


class NotOneKey(Rule):
    """A kind is a bare name, or one key with its fields.

    An item such as `dense: {units: 30}` has one key, the kind. Two keys in one item are most often a field
    that is indented too little, or a dash that was left out.
    """

    code = "E105"
    bad = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30}
    activation: selu
decoder: mirror
"""
    good = """
input: [28, 28]
encoder:
  - flatten
  - dense: {units: 30, activation: selu}
decoder: mirror
"""


class BadCombination(Rule):
    """Fields of one kind that exclude each other.

    Each of the values is right by itself. A convolution, for one, either skips positions (`strides`) or
    spreads its kernel (`dilation_rate`): not every framework does both at once, and a spec means the same on all.
    """

    code = "E106"
    bad = """
input: [28, 28, 1]
encoder:
  - conv2d: {filters: 8, kernel_size: 3, strides: 2, dilation_rate: 2, padding: same}
decoder:
  - conv2d_transpose: {filters: 1, kernel_size: 3, strides: 2, padding: same}
"""
    good = """
input: [28, 28, 1]
encoder:
  - conv2d: {filters: 8, kernel_size: 3, strides: 2, padding: same}
decoder:
  - conv2d_transpose: {filters: 1, kernel_size: 3, strides: 2, padding: same}
"""
