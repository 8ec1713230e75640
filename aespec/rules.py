"""Every rule by its code, with what it means, an example that breaks it and one that keeps it.

E0 is about the text of a spec, E1 about its fields, E2 about how its layers fit together, E3 about
backends, E4 about data, E5 about runs. ``aespec explain CODE`` prints one.
"""

import inspect
from textwrap import indent
from types import MappingProxyType

from aespec.diagnostics import AespecError, Diagnostic, Rule, nearest


def explain(code: str) -> str:
    """Write out what a rule means: its code and title, the explanation, a bad and a good example.

    Raises:
        AespecError: if there is no such rule.
    """
    rule = RULES.get(code.upper())
    if rule is None:
        near = nearest(code, RULES)
        help = f"did you mean `{near}`?" if near else f"codes go from {min(RULES)} to {max(RULES)}"
        raise AespecError(Diagnostic(UnknownKind, f"unknown rule `{code}`", wanted="the code of a rule", help=help))
    title, _, text = inspect.cleandoc(rule.__doc__ or "").partition("\n")
    examples = (("Wrong", rule.bad), ("Right", rule.good))
    shown = [f"{label}:\n\n{indent(example.strip(), '    ')}" for label, example in examples]
    return "\n\n".join([f"{rule.code}: {title}", text.strip(), *shown]) + "\n"


class FileUnreadable(Rule):
    """The file cannot be read.

    The path names no file, names a folder, may not be read, or the file is not UTF-8 text. Nothing of the
    spec was looked at yet. Give the path from the folder you are in; save files of other encodings as UTF-8.
    """

    code = "E001"
    bad = "aespec validate stackd.yaml"
    good = "aespec validate stacked.yaml"


class SyntaxProblem(Rule):
    """The text is not YAML or JSON.

    The parser gave up at the marked place, and what follows was not read, so mend this first. Most often it
    is a missing space after a colon, a tab in the indentation, a bracket or a quote that is not closed, or a
    value with a colon in it that needs quotes. A file whose name ends in `.json` is read as strict JSON: no
    comments, no comma after the last item, no NaN.
    """

    code = "E002"
    bad = """
encoder:
  - dense: {units: 100, activation: selu
decoder: mirror
"""
    good = """
encoder:
  - dense: {units: 100, activation: selu}
decoder: mirror
"""


class DuplicateKey(Rule):
    """A key is written twice in one mapping.

    Many YAML readers keep the last of the two without a word, and the first looks as if it counted. To use a
    kind of layer twice, write two items of a list: the order of layers has a meaning, that of keys has none.
    """

    code = "E003"
    bad = """
training:
  epochs: 20
  batch_size: 32
  epochs: 50
"""
    good = """
training:
  epochs: 50
  batch_size: 32
"""


class AmbiguousScalar(Rule):
    """A value means one thing in YAML 1.1 and another in YAML 1.2.

    Unquoted `off`, `no` and `y` are truth values to one reader and text to another; `012` is ten or twelve,
    `1_0` ten or text, `1:30` ninety or text, `2020-01-01` a date or text. aespec reads YAML 1.2 and refuses
    these, so that a spec means the same wherever it is read. Write `true` or `false` for a truth value, a
    plain decimal number for a number, and quotes around text. `1e-3` is a number, as in Python. As keys, `y` and `n` are text.
    """

    code = "E004"
    bad = """
encoder:
  - dense: {units: 012, use_bias: off}
"""
    good = """
encoder:
  - dense: {units: 12, use_bias: false}
"""


class TooLarge(Rule):
    """The spec is larger than any spec needs to be.

    A spec may have 1 MiB of text, 20,000 values, 64 levels of nesting, and 1,000 characters in a number. Each
    use of an alias or a variable counts as all that it stands for, so a few lines that multiply themselves are
    refused before they fill the memory. Data and weights belong into files of their own.
    """

    code = "E005"
    bad = """
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
"""
    good = """
a: &a [x, x, x, x, x, x, x, x, x, x]
b: [*a, *a]
"""


class BadOverride(Rule):
    """An assignment of `--set` cannot be applied.

    It reads `path=value`. The path goes from the top of the spec down: names of keys, and numbers of list
    items counted from 0, joined by dots. Mappings that are missing on the way are made; a bare kind such as
    `optimizer: adam` becomes `{adam: {}}` when the path names that kind and goes on. Lists do not grow: to add an
    item, set the whole list. The value is YAML on one line: `1e-3`, `[3, 3]`, `{sgd: {momentum: 0.9}}`. Quote
    the assignment for the shell where it has spaces or brackets.
    """

    code = "E006"
    bad = "aespec validate stacked.yaml --set encoder.-1.dense.units=50"
    good = "aespec validate stacked.yaml --set encoder.1.dense.units=50"


class UnsupportedYaml(Rule):
    """A feature of YAML that a spec does not have.

    A spec is plain data: mappings whose keys are text, lists, numbers, text, truth values, null. Tags (`!x`,
    `!!python/object`), merge keys (`<<`), keys that are no text, aliases of a value inside itself, and a second
    document in one file are refused. Anchors and aliases (`&name`, `*name`) repeat a whole value; `vars:`
    with `${name}` keeps a value in one place.
    """

    code = "E007"
    bad = """
encoder:
  - dense: &wide {units: 300}
  - dense: {<<: *wide, activation: selu}
"""
    good = """
vars: {wide: 300}
encoder:
  - dense: {units: "${wide}"}
  - dense: {units: "${wide}", activation: selu}
"""


class UnknownVariable(Rule):
    """A `${name}` that `vars:` does not define.

    `vars:` is a mapping at the top of the spec from names to scalars or lists. Anywhere else, a value that is
    just `${name}` becomes that value with its type, and inside a longer text it is written into it. Quotes
    around it make no difference. A variable cannot refer to another, and a list stands alone. Write `$${`
    where the two characters `${` are meant.
    """

    code = "E008"
    bad = """
vars: {width: 64}
encoder:
  - dense: {units: "${widht}"}
"""
    good = """
vars: {width: 64}
encoder:
  - dense: {units: "${width}"}
"""


class NotAMapping(Rule):
    """The spec is empty, or is not a mapping.

    A spec is `key: value` lines at the top: `input`, `encoder`, `decoder`, and where wanted `name`,
    `description`, `loss`, `training`, `vars`. A list of layers alone is not a model: it says neither what goes
    in nor which of its layers is the code.
    """

    code = "E009"
    bad = """
- flatten
- dense: 30
"""
    good = """
input: [28, 28]
encoder: [flatten, dense: 30]
decoder: mirror
"""


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


class UnknownBackend(Rule):
    """A name that is no backend.

    A backend turns a spec into a model of one framework. `aespec backends` lists those that are installed and
    says what each can do; packages can add others.
    """

    code = "E301"
    bad = "aespec build stacked.yaml --backend pytorch"
    good = "aespec build stacked.yaml --backend torch"


class BackendUnavailable(Rule):
    """The framework of a backend is not installed, or cannot be imported.

    aespec itself needs no framework: specs are checked and summarized without one. To build or to train a model,
    install the framework of a backend; the message gives the command.
    """

    code = "E302"
    bad = "aespec train stacked.yaml --backend torch"
    good = "pip install 'aespec[torch]'"


class UnsupportedKind(Rule):
    """The backend has no lowering for a kind.

    Each backend says for each kind how it is built. Where that is missing, use another backend, or write the
    lowering: `aespec backends` shows the table of kinds and backends.
    """

    code = "E303"
    bad = "aespec build recurrent.yaml --backend dense_only"
    good = "aespec build recurrent.yaml --backend numpy"


class PluginConflict(Rule):
    """Two packages claim one name.

    Kinds, backends and lowerings come from any package that announces them, and which of two were used would
    depend on the order of installation. Uninstall one of the two packages that the message names.
    """

    code = "E304"
    bad = "pip install aespec-fancy aespec-other   # both bring a layer `fancy_pool`"
    good = "pip uninstall aespec-other"


class BuiltDiffers(Rule):
    """The built model is not the one that the spec describes.

    After a backend has built a model, its weights and their shapes are compared with those of the graph. A
    difference is a mistake of the backend, not of the spec: report it, with the message, to the backend's
    author. `aespec conformance` shows what else the backend gets wrong.
    """

    code = "E305"
    bad = "aespec build stacked.yaml --backend experimental"
    good = "aespec conformance --backend experimental"


class DataNotFound(Rule):
    """There is no such data.

    Data is a file, a folder of images, or the name of a data set that aespec knows. A path counts from the
    folder you are in. Known data sets are downloaded once and kept.
    """

    code = "E401"
    bad = "aespec train stacked.yaml --data fashion_mist"
    good = "aespec train stacked.yaml --data fashion_mnist"


class DataShape(Rule):
    """The data has not the shape that the spec's `input` states.

    The first axis of the data counts samples; the others must be those of `input`, channels last. A `null` in
    `input` fits any length.
    """

    code = "E402"
    bad = 'aespec train stacked.yaml --data images_32x32.npy --set "input=[28, 28]"'
    good = 'aespec train stacked.yaml --data images_32x32.npy --set "input=[32, 32]"'


class DataNotFinite(Rule):
    """The data holds NaN or infinity.

    One such value makes the loss NaN, and with it all weights after one step. The message says how many there
    are and where the first is. Fill in or drop those samples before training.
    """

    code = "E403"
    bad = """
python -c "import numpy; numpy.save('x.npy', [[0.5, numpy.nan]])"; aespec train tiny.yaml --data x.npy
"""
    good = """
python -c "import numpy; numpy.save('x.npy', [[0.5, 0.0]])"; aespec train tiny.yaml --data x.npy
"""


class DataUnreadable(Rule):
    """The data cannot be read.

    The file is damaged, or is of a format that aespec does not read. Pickled objects inside NumPy files are never
    loaded, since they can run code: save plain arrays of numbers.
    """

    code = "E404"
    bad = "aespec train stacked.yaml --data pickled_objects.npy"
    good = "aespec train stacked.yaml --data images.npy"


class DataRange(Rule):
    """The data lies outside the range that the spec states.

    `range` says between which values samples lie, and a loss such as `binary_crossentropy` relies on it: values
    from 0 to 255 against a sigmoid would train to nothing. Scale the data, or state its range as it is. Bytes
    (uint8) are scaled for you.
    """

    code = "E405"
    bad = "aespec train stacked.yaml --data floats_0_to_255.npy"
    good = "aespec train stacked.yaml --data floats_0_to_1.npy"


class RunUnreadable(Rule):
    """The run folder is missing, incomplete or damaged.

    A run folder holds `spec.yaml`, `weights.safetensors`, `run.json` and `history.csv`. A run that was
    interrupted has a `checkpoint` from which training goes on.
    """

    code = "E501"
    bad = "aespec reconstruct runs/stackd-torch"
    good = "aespec reconstruct runs/stacked-torch"


class WeightsMismatch(Rule):
    """The weights are not those of this model.

    Weights are matched by name and shape, and all of them must fit: a part that silently kept its first values
    would give a model that looks trained and is not. Use the `spec.yaml` of the run that saved them.
    """

    code = "E502"
    bad = "aespec verify recurrent.yaml --weights runs/stacked-torch/weights.safetensors"
    good = """
aespec verify runs/stacked-torch/spec.yaml --weights runs/stacked-torch/weights.safetensors
"""


class LossNotFinite(Rule):
    """The loss became NaN or infinite.

    Training stopped, since no later step can mend the weights. Most often the learning rate is too high; also
    look at the range of the data, and at an activation without bounds before a loss that takes a logarithm.
    """

    code = "E503"
    bad = "aespec train stacked.yaml --set training.optimizer.sgd.learning_rate=1e6"
    good = "aespec train stacked.yaml --set training.optimizer.sgd.learning_rate=0.1"


class RunExists(Rule):
    """The run folder exists already.

    A finished run is not overwritten. Give the new one another name, go on with the old one, or say that it may be
    replaced.
    """

    code = "E504"
    bad = "aespec train stacked.yaml --out runs/stacked-torch"
    good = "aespec train stacked.yaml --out runs/stacked-torch-2"


RULES = MappingProxyType({rule.code: rule for rule in Rule.__subclasses__() if rule.__module__ == __name__})
"""Every rule by its code."""
