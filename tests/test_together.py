"""Faults of every stage are told together, as each is told alone."""

import json
from itertools import combinations, product

import pytest
from applying import is_right, leaves_open
from applying import told as every
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aespec
from aespec import AespecError
from aespec.diagnostics import render
from aespec.passes import read
from aespec.plan import TrainingPlan
from aespec.zoo import zoo

SPEC = """\
vars: {size: 32}
input: {shape: [28, 28, 1], range: [0, 1]}
encoder:
  - conv2d: {filters: 4, kernel_size: 3, padding: same}
  - max_pool2d: 2
  - dropout: 0.1
  - flatten
  - dense: {units: 30, activation: selu, kernel_regularizer: {l2: 0.01}}
  - dense: {units: 8, name: code}
decoder:
  - dense: {units: 30, activation: selu, name: first}
  - dense: 784
  - reshape: [28, 28, 1]
loss: [mse, {mae: {weight: 0.5}}]
training:
  optimizer: {adam: {learning_rate: 0.01}}
  schedule: {cosine: {warmup: 1}}
  epochs: 3
  batch_size: ${size}
  early_stopping: {patience: 3}
classifier: {head: [{dense: {units: 10, name: wide}}], epochs: 3}
"""

# A stretch of the text, what is written instead, and the codes of what is wrong then.
FAULTS = {
    "a variable": ("${size}", "${sizes}", "E008"),
    "an expression": ("vars: {size: 32}", "vars: {size: '${1 +}'}", "E010"),
    "no range": ("range: [0, 1]", "range: [1, 0]", "E106"),
    "an unknown field of the input": ("input: {", "input: {hue: 1, ", "E102"),
    "a misspelt kind": ("  - conv2d", "  - convv2d", "E101"),
    "a misspelt field": ("kernel_size", "kernel_siz", "E102"),
    "filters": ("filters: 4", "filters: four", "E104"),
    "padding": ("padding: same", "padding: some", "E104"),
    "no bias": ("kernel_size: 3", "kernel_size: 3, use_bias: false, bias_initializer: ones", "E106"),
    "both": ("padding: same}", "padding: same, strides: 2, dilation_rate: 2}", "E106"),
    "a rate": ("dropout: 0.1", "dropout: 1.5", "E104"),
    "a bare kind": ("- flatten", "- flaten", "E101"),
    "a kind with fields": ("dense: {units: 30, activation: selu, k", "dens: {units: 30, activation: selu, k", "E101"),
    "a regularizer": ("l2: 0.01", "l2: -1", "E104"),
    "a field that no layer has": ("name: code", "name: code, hue: 1", "E102"),
    "a tie to nothing": ("name: first", "name: first, tied_to: encoder/none", "E204"),
    "a width": ("- dense: 784", "- dense: 783", "E201"),
    "a reshape": ("- reshape: [28, 28, 1]", "- reshape: [28, 28, 1]\n  - dropout: 0.1\n  - flatten", "E203"),
    "a loss": ("mse, ", "msee, ", "E101"),
    "a loss twice": ("0.5}}]", "0.5}}, mae]", "E106"),
    "a kind below a misspelt field": ("optimizer: {adam:", "optimiser: {adan:", "E101 E102"),
    "a warm-up": ("warmup: 1", "warmup: -1", "E104"),
    "epochs": ("  epochs: 3\n", "  epocs: many\n", "E102 E104"),
    "gradients clipped twice": ("training:\n", "training:\n  clip_norm: 1\n  clip_value: 1\n", "E106"),
    "a split beside a file": ("training:\n", "training:\n  validation_data: x.npy\n  validation_split: 0.1\n", "E106"),
    "patience": ("patience: 3", "patience: 0", "E104"),
    "nothing to freeze": ("training:\n", "training:\n  freeze: encoder/none\n", "E208"),
    "greedy": ("training:\n", "training:\n  greedy: {epochs: 1}\n", "E208"),
    "a head": ("units: 10, name: wide", "units: -10, name: wide", "E104"),
    "a field of the classifier": ("], epochs: 3}", "], epoch: 3}", "E102"),
}  # fmt: skip


MIRRORED = """\
input: [28, 28, 1]
encoder:
  - conv2d: {filters: 4, kernel_size: 3, padding: same, activation: relu}
  - batch_normalization
  - max_pool2d: 2
  - flatten
  - dense: {units: 30, activation: relu}
  - gaussian_noise: 0.1
  - dense: {units: 8, name: code}
decoder: mirror
training:
  greedy: [{epochs: 1}, {}, {epochs: 2}]
  freeze: [encoder/conv2d_1/bias, encoder/batch_normalization_1]
classifier:
  head:
    - reshape: [4, 2]
    - flatten
    - dense: {units: 30, name: back, tied_to: encoder/code}
    - dense: {units: 6, kernel_regularizer: {l1: 0.01}}
  epochs: 3
"""

FAULTS_BEHIND = {
    "a misspelt kind": ("- conv2d", "- conv2", "E101"),
    "no kind": ("- gaussian_noise: 0.1", "- 0.1", "E105"),
    "a kind that is none": ("gaussian_noise", "banana", "E101"),
    "a field of the first": ("filters: 4", "filters: -4", "E104"),
    "a window": ("kernel_size: 3, padding: same", "kernel_size: 31", "E201"),
    "a pooling": ("max_pool2d: 2", "max_pool2d: 29", "E201"),
    "no flatten": ("  - max_pool2d: 2\n  - flatten\n", "  - flatten\n  - max_pool2d: 2\n", "E201"),
    "a width": ("units: 30, activation: relu", "units: many, activation: relu", "E104"),
    "a noise": ("gaussian_noise: 0.1", "gaussian_noise: -1", "E104"),
    "the code": ("units: 8, name: code", "units: 8, nam: code, hue: 1", "E102 E102"),
    "two phases": ("{epochs: 1}, {}", "{epochs: 1}", "E208"),
    "four phases": ("{epochs: 1}, {}", "{epochs: 1}, {}, {}", "E208"),
    "a parameter": ("conv2d_1/bias", "conv2d_1/bios", "E208"),
    "an average": ("batch_normalization_1]", "batch_normalization_1/moving_mean]", "E208"),
    "a layer without weights": ("batch_normalization_1]", "flatten_1]", "E208"),
    "no layer": ("batch_normalization_1]", "dense_7]", "E208"),
    "a head that does not fit": ("reshape: [4, 2]", "reshape: [4, 3]", "E201"),
    "a head that is not flat": ("    - dense: {units: 6", "    - reshape: [-1, 2]\n    - dense: {units: 6", "E201"),
    "a name in the head": ("kernel_regularizer", "name: back, kernel_regularizer", "E206"),
    "a tie in the head": ("tied_to: encoder/code", "tied_to: encoder/node", "E204"),
    "a kernel in the head": ("units: 30, name: back", "units: 20, name: back", "E204"),
    "a term in the head": ("l1: 0.01", "l1: -1", "E104"),
}  # fmt: skip

UNKNOWN = ("no kind", "a kind that is none")
UNTOLD = {
    # where not even the kind of a layer is known, how many have weights, their names, and the shapes behind it
    **dict.fromkeys(product(UNKNOWN, ["two phases", "four phases"]), "E208"),
    **dict.fromkeys(product(UNKNOWN, ["no layer"]), "E208"),
    **dict.fromkeys(product(UNKNOWN, ["a tie in the head", "a kernel in the head"]), "E204"),
    **dict.fromkeys(product(UNKNOWN, ["a head that does not fit"]), "E201"),
    # a layer of a kind that is a guess
    ("a misspelt kind", "a window"): "E201",
    # lengths behind a window that does not fit, axes behind a pooling that does not, a kernel behind what is wrong
    ("a window", "a pooling"): "E201",
    ("no flatten", "a head that does not fit"): "E201",
    ("no flatten", "a kernel in the head"): "E204",
    ("a width", "a kernel in the head"): "E204",
    ("a tie in the head", "a kernel in the head"): "E204",
    ("a head that does not fit", "a kernel in the head"): "E204",
}
"""Of pairs, the code of the second fault, which cannot be known while there is the first."""


def told(text, folder):
    """The code and the message of each problem of a spec."""
    path = folder / "spec.yaml"
    path.write_text(text)
    try:
        read(path)
    except AespecError as error:
        return {(each.rule.code, each.message) for each in error.diagnostics}
    return set()


ALL = {"written": (SPEC, FAULTS), "mirrored": (MIRRORED, FAULTS_BEHIND)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What is told of each fault where there is no other."""
    folder = tmp_path_factory.mktemp("alone")
    return {which: {name: told(changed(which, name), folder) for name in faults} for which, (_, faults) in ALL.items()}


@pytest.mark.parametrize("which", ALL)
def test_each_fault_is_told(which, alone, tmp_path):
    text, faults = ALL[which]
    assert told(text, tmp_path) == set()
    codes = {name: " ".join(sorted(code for code, _ in found)) for name, found in alone[which].items()}
    assert codes == {name: stated for name, (_, _, stated) in faults.items()}


def changed(which, *names):
    """A spec with these faults."""
    text, faults = ALL[which]
    for old, new, _ in map(faults.__getitem__, names):
        text = text.replace(old, new)
    return text


PAIRS = [
    (which, one, other)
    for which, (_, faults) in ALL.items()
    for one, other in combinations(faults, 2)
    if changed(which, one, other) == changed(which, other, one)
]
"""Those that do not change the same words."""


def test_most_faults_are_told_in_pairs():
    assert len(PAIRS) > 600


@pytest.mark.parametrize(("which", "one", "other"), PAIRS)
def test_two_faults_are_both_told(which, one, other, alone, tmp_path):
    hidden = {each for each in alone[which][other] if each[0] == UNTOLD.get((one, other))}
    assert told(changed(which, one, other), tmp_path) == (alone[which][one] | alone[which][other]) - hidden


def both(fields):
    """What is told of these fields of a spec."""
    with pytest.raises(AespecError) as caught:
        aespec.parse(f"encoder: [dense: 3]\ndecoder: mirror\n{fields}\n")
    return [each.message for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        (
            "input: {shape: [9, 3], scaling: standard, range: [1, 0], columns: [a, b, b], stride: 1.5}",
            [
                "values of mean 0 have no `range`",
                "`range` is empty",
                "`columns` names `b` twice",
                "`stride` has a wrong value",
            ],
        ),
        ("input: {shape: [2], columns: [a, l], label: l}", ["`l` is the label, and among the features"]),
        (
            "input: {shape: [5], columns: [a, a, a]}",
            ["`columns` names `a` 3 times", "`columns` are not as many as features"],
        ),
        (
            "input: [9]\nloss: [mse, mse, mae, mae, mae, {huber: {delta: -1}}]",
            [
                "the loss `mse` is stated twice",
                "the loss `mae` is stated twice",
                "the loss `mae` is stated twice",
                "`delta` lies outside its bounds",
            ],
        ),
        # a field that is wrong is no part of what others are together
        ("input: [9]\ntraining: {window: 3, batch_size: many}", ["`batch_size` has a wrong value"]),
        (
            "input: [9]\ntraining: {window: 3, batch_size: 4, ema: 2}",
            ["a window has no room for a batch", "`ema` lies outside its bounds"],
        ),
    ],
)  # fmt: skip
def test_fields_that_are_wrong_together_are_all_told(fields, messages):
    assert both(fields) == messages


def test_a_plan_made_in_python_tells_all():
    with pytest.raises(ValueError, match="clipped twice; a window has no room"):
        TrainingPlan(clip_norm=1.0, clip_value=1.0, window=3, batch_size=4)
    with pytest.raises(ValueError, match="should be less than 1; gradients are clipped twice"):
        TrainingPlan(clip_norm=1.0, clip_value=1.0, validation_split=2.0)


ENCODER = "input: [28, 28, 1]\nencoder: [flatten, dense: 100, dense: 30]\n"

TIED = "a tied layer has the other's window, and its input and output widths exchanged"

ONE_CAUSE = {
    "a pooling for other axes": (
        "input: [28, 28, 1]\ndecoder: mirror\nencoder:\n  - conv2d: {filters: 4, kernel_size: 3}\n  - max_pool1d: 2\n"
        "  - conv2d: {filters: 4, kernel_size: 3}\n",
        ("E201", "did you mean `max_pool2d`?"),
    ),
    "a convolution for other axes": (
        "input: [28, 28, 3]\ndecoder: mirror\nencoder: [conv1d: {filters: 4, kernel_size: 3}, flatten]\n",
        ("E201", "did you mean `conv2d`?"),
    ),
    "the width of a tied layer": (
        ENCODER + "decoder:\n  - dense: {units: 90, tied_to: encoder/dense_2}\n"
        "  - dense: {units: 784, tied_to: encoder/dense_1}\n  - reshape: [28, 28, 1]\n",
        ("E204", f"give it `units: 100`: {TIED}"),
    ),
    "the width of a tied layer before a reshape": (
        ENCODER + "decoder: [dense: 100, dense: {units: 782, tied_to: encoder/dense_1}, reshape: [28, 28, 1]]\n",
        ("E204", f"give it `units: 784`: {TIED}"),
    ),
    "a tie to another layer": (
        ENCODER + "decoder: [dense: 100, dense: {units: 784, tied_to: encoder/dense_2}, reshape: [28, 28, 1]]\n",
        ("E204", TIED),
    ),
    "the window of a tied layer": (
        "input: [28, 28, 1]\nencoder: [conv2d: {filters: 8, kernel_size: 3, padding: same}]\n"
        "decoder: [conv2d_transpose: {filters: 1, kernel_size: 5, padding: same, tied_to: encoder/conv2d_1}]\n",
        ("E204", f"give it `kernel_size: [3, 3]`: {TIED}"),
    ),
    "a reshape that does not fill": (
        "input: [28, 28, 1]\nencoder: [flatten, dense: 10]\ndecoder:\n  - dense: 392\n  - reshape: [8, 8, 8]\n"
        "  - upsampling2d: 4\n  - conv2d: {filters: 1, kernel_size: 3, padding: same}\n",
        (
            "E201",
            "let 512 values come in, as from `- dense: 512` before it, or choose numbers whose product is 392; "
            "-1 stands for one that follows from the others",
        ),
    ),
    "no flatten before ties": (
        "input: [28, 28]\nencoder: [dense: 100, dense: 30]\ndecoder:\n"
        "  - dense: {units: 100, tied_to: encoder/dense_2}\n  - dense: {units: 784, tied_to: encoder/dense_1}\n"
        "  - reshape: [28, 28]\n",
        ("E204", "`dense` works on the last axis alone: put `- flatten` before `encoder/dense_1`"),
    ),
    "a name in each turn": (
        "input: [100]\nencoder: [{repeat: {times: 2, index: i, layers: [{dense: {units: 50, name: h}}]}}]\n"
        "decoder: [{dense: {units: 50, tied_to: encoder/h_1}}, {dense: {units: 100, tied_to: encoder/h_0}}]\n"
        "training: {freeze: encoder/h_0}\n",
        ("E206", "write `name: h_${i}`"),
    ),
    "a value that is computed": (
        "vars: {h: 1}\ninput: [8]\nencoder: [dense: '${h // 2}', dense: '${h // 2}']\ndecoder: mirror\n",
        ("E104", "`units`: Width of the output."),
    ),
    "a recurrent layer without fields": (
        "input: [28, 28]\nencoder: [{bidirectional: {layer: {gru: null}}}, {gru: 30}]\ndecoder: mirror\n",
        ("E103", "add `units: ...`"),
    ),
    "a pooling without fields for other axes": (
        "input: [8, 8, 3]\nencoder: [global_average_pool1d, {dense: 2}]\n"
        "decoder: [{dense: 192}, {reshape: [8, 8, 3]}]\n",
        ("E201", "did you mean `global_average_pool2d`?"),
    ),
    "no flatten, and no reshape that fails": (
        "input: [28, 28]\nencoder: [{dense: 100}, global_average_pool1d]\n"
        "decoder: [{dense: {units: 784, tied_to: encoder/dense_1}}, {reshape: [28, 28]}]\n",
        ("E204", "`dense` works on the last axis alone: put `- flatten` before `encoder/dense_1`"),
    ),
    "a tie in a head to a layer of the last axis": (
        "input: [6, 2]\nencoder: [{dense: {units: 3, name: a}}, flatten, {dense: 3}]\ndecoder: mirror\n"
        "classifier: {head: [{dense: {units: 12, tied_to: encoder/a}}]}\n",
        ("E204", "`dense` works on the last axis alone: put `- flatten` before `encoder/a`"),
    ),
    "a dash in braces": (
        "input: [8]\nencoder: {-dense: 3}\ndecoder: mirror\n",
        ("E002", "a list stands in brackets: write `[dense: ...]`"),
    ),
    "dashes in brackets": (
        "input: [8]\nencoder: [-dense: 8, -flatten, -dense: 4]\ndecoder: mirror\n",
        ("E002", "take it away: write `dense: ...`, and so each item"),
    ),
    "dashes before bare layers in brackets": (
        "input: [8, 2]\nencoder: [-flatten, -dense: 4]\ndecoder: mirror\n",
        ("E002", "take it away: write `flatten`, and so each item"),
    ),
    "second dashes": (
        "input: [8, 2]\nencoder:\n  - -flatten\n  - -dense: 4\ndecoder: mirror\n",
        ("E002", "take it away: write `flatten`, and so each item"),
    ),
    "a dash behind a section": (
        "input: [8]\nencoder: -dense: 4\ndecoder: mirror\n",
        ("E002", "write `encoder: [dense: 4]`"),
    ),
    "a dash among fields": (
        "input: [8]\nencoder:\n  - dense: {units: 8, -dense: 3}\ndecoder: mirror\n",
        ("E002", "write `- dense: ...`, and so each item"),
    ),
    "a dash in the plan": (
        "input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {epochs: 3, -dropout: 0.2}\n",
        ("E002", "write `- dropout: ...`, and so each item"),
    ),
    "a second item without a space in the first column": (
        "input: [28]\nencoder: [dense: 20]\ndecoder:\n- dense: 20\n-dense: 28\nloss: mse\n",
        ("E002", "write `- dense: 28`, and so each item"),
    ),
    "items without a space in two blocks": (
        "input: [28]\nencoder:\n-dense: 3\n-dense: 2\ndecoder:\n-dense: 28\nloss: mse\n",
        ("E002", "write `- dense: 3`, and so each item"),
    ),
    "a length of the input": (
        "input: [28, x]\nencoder: [flatten, {dense: 30}]\ndecoder: [{dense: 784}, {reshape: [28, 28]}]\n",
        ("E104", "for a number by name write `${x}`, and add `vars: {x: ...}`"),
    ),
    "a layer with a name whose line is no YAML": (
        "input: [28]\nencoder:\n  - dense: {units: 16, name: first\n  - dense: 4\n"
        "decoder: [{dense: 16}, {dense: {units: 28, tied_to: encoder/first}}]\ntraining: {freeze: [encoder/first]}\n",
        ("E002", "write `}` after its last item; line 4 does not continue it, unless a comma is missing before it"),
    ),
    "a field in a wrong column": (
        "input: [28]\nencoder: [dense: 3]\ndecoder: mirror\ntraining:\n  optimizer:\n    adam:\n"
        "      learning_rate: 0.01\n   epochs: 3\n",
        ("E002", "let the keys of one mapping begin in one column: in column 3, as `optimizer:` does"),
    ),
    "the fields of a repeat": (
        "input: [28]\nencoder:\n  - repeat:\n      times:2\n      layers: [{dense: 3}]\ndecoder: mirror\n",
        ("E002", "write `times: 2`"),
    ),
    "two widths in braces": (
        "input: [28]\nencoder:\n  - dense: {units: 64, 32}\ndecoder: mirror\n",
        (
            "E104",
            "what comes in is not stated: write `- dense: {units: 32}`; for two layers write `- dense: {units: 64}` "
            "and `- dense: {units: 32}`",
        ),
    ),
    "a window in braces": (
        "input: [28, 28, 1]\nencoder: [conv2d: {filters: 2, kernel_size: 3, 3}]\ndecoder: mirror\n",
        ("E007", "a list stands in brackets: write `kernel_size: [3, 3]`"),
    ),
    "columns that are numbers in braces": (
        "input: {shape: [2], columns: 2019, 2020}\nencoder: [dense: 1]\ndecoder: mirror\n",
        ("E007", 'a list stands in brackets: write `columns: ["2019", "2020"]`'),
    ),
    "a number for the shape at the end": (
        "input: [28, 28]\nencoder: [flatten, dense: 3]\ndecoder: [dense: 784, reshape: 28]\n",
        ("E104", "write `reshape: [28, 28]`, the shape of the input"),
    ),
    "an unknown length in braces": (
        "input: {shape: null, 28}\nencoder: [lstm: 3]\ndecoder: {mirror: {length: 28}}\n",
        ("E007", "a list stands in brackets: write `shape: [null, 28]`"),
    ),
    "a name that cannot be read": (
        "input: [28]\nencoder: [{dense: {units: 16, name: 1st}}, {dense: 8}]\n"
        "decoder: [{dense: {units: 16, tied_to: encoder/dense_1}}, {dense: 28}]\n",
        ("E104", "`name`: Name of the node, unique within its block; by default the kind and a number."),
    ),
    "a convolution at each step": (
        "input: [64, 6]\nencoder: [{time_distributed: {layer: {conv1d: {filters: 3, kernel_size: 3}}}}, {lstm: 4}]\n"
        "decoder: [{repeat_vector: 64}, {lstm: {units: 6, return_sequences: true}}]\n",
        ("E201", "leave `time_distributed` out: `conv1d` goes over the steps by itself"),
    ),
    "a key that is no name": (
        "input: [30, 6]\nencoder: [lstm: 8]\ndecoder:\n  - repeat_vector: 30\n  - lstm: {units: 16, 0: true}\n"
        "  - time_distributed: {layer: {dense: 6}}\n",
        ("E007", "write the name of the field that is meant"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("spec", ONE_CAUSE)
def test_what_follows_from_another_fault_is_not_told(spec):
    text, said = ONE_CAUSE[spec]
    assert [(each.rule.code, each.help) for each in every(text)] == [said]


SEVERAL = {
    "a window of nothing": (
        "input: [28, 28, 1]\nencoder: [conv2d: {filters: 8, kernel_size: 0, strides: 4, padding: same}, dense: 20]\n"
        "decoder: [dense: 392, reshape: [7, 7, 8]]\n",
        ["E104", "E201"],
    ),
    "a choice that there is not": (
        "input: [28, 28]\nencoder: [flatten, gaussian_latent: {units: 10, kl_scale: mean}]\n"
        "decoder: [dense: 780, reshape: [28, 28]]\n",
        ["E104", "E201"],
    ),
    "features, where steps are not known": (
        "input: [30, 6]\nencoder: [lstm: 8]\n"
        "decoder: [repeat_vector: steps, {lstm: {units: 8, return_sequences: true}}, dense: 7]\n",
        ["E104", "E203"],
    ),
    "channels, where lengths are not known": (
        "input: [28, 28, 1]\nencoder: [conv2d: {filters: 4, kernel_size: 3, strides: 2, padding: same}]\n"
        "decoder: [upsampling2d: two, conv2d: {filters: 3, kernel_size: 3, padding: same}]\n",
        ["E104", "E203"],
    ),
    "a kernel, where lengths are not known": (
        "input: [28, 28, 1]\nencoder:\n  - conv2d: {filters: 16, kernel_size: 3, padding: some}\n"
        "  - conv2d: {filters: 8, kernel_size: 3, padding: same, name: last}\ndecoder:\n"
        "  - conv2d_transpose: {filters: 12, kernel_size: 3, padding: same, tied_to: encoder/last}\n"
        "  - conv2d_transpose: {filters: 1, kernel_size: 3, padding: same}\n",
        ["E104", "E204"],
    ),
    "a loss beside another": (
        "input: {shape: [8], range: [0, 255]}\nencoder: [dense: 3]\ndecoder: mirror\n"
        "loss: [binary_crossentropy, bce2]\n",
        ["E207", "E101"],
    ),
    "a loss and its weight": (
        "input: {shape: [8], range: [0, 255]}\nencoder: [dense: 3]\ndecoder: mirror\n"
        "loss: {binary_crossentropy: {weight: -1}}\n",
        ["E207", "E104"],
    ),
    "the length of a mirror": (
        "input: [28, 28]\nencoder: [lstm: {units: -8}]\ndecoder: {mirror: {length: 28}}\n",
        ["E104", "E202"],
    ),
    "phases": (
        "input: [20]\nencoder: [dense: 5]\ndecoder: [{dense: {units: x}}, {dense: 20}]\n"
        "training: {greedy: {epochs: 1}}\n",
        ["E104", "E208"],
    ),
    "a kernel that is another's": (
        "input: [784]\nencoder: [dense: 5]\ndecoder: [{dense: {units: 780, tied_to: encoder/dense_1}}]\n"
        "training: {freeze: decoder/dense_1/kernel}\n",
        ["E204", "E208"],
    ),
    "a kernel of another kind": (
        "input: [28, 28, 1]\nencoder: [{dense: {units: 20.5}}]\n"
        "decoder: [conv2d_transpose: {filters: 1, kernel_size: 3, padding: same, tied_to: encoder/dense_1}]\n",
        ["E104", "E204"],
    ),
    "the end of a head": (
        "input: [9]\nencoder: [dense: 3]\ndecoder: mirror\n"
        "classifier: {head: [{dense: {units: 0}}, {reshape: [5, 4]}]}\n",
        ["E104", "E201"],
    ),
    "steps of three layers": (
        "input: [30, 6]\nencoder: [lstm: 32, lstm: 16, lstm: 8]\ndecoder: mirror\n",
        ["E201", "E201"],
    ),
    "a tie to a layer that cannot be read": (
        "input: [784]\nencoder: [dense: 100, {dense: {units: x}}]\n"
        "decoder: [{dense: {units: 100, tied_to: encoder/dense2}}, {dense: {units: 784, tied_to: encoder/dense_1}}]\n",
        ["E104", "E204"],
    ),
    "names that braces cut": (
        "input: [9]\nencoder: [dense: 3, dense: 2]\ndecoder: mirror\n"
        "training: {freeze: encoder/dense_1, encoder/dense_3, epochs: 0}\n",
        ["E007", "E208", "E104"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("spec", ONE_CAUSE)
def test_what_its_help_says_helps(spec):
    text, _ = ONE_CAUSE[spec]
    (problem,) = every(text)
    assert leaves_open(problem) or is_right(text, problem) or spec == "a recurrent layer without fields"


REST = """\
input: [20, 3]
encoder:
  - dense: {units: 8, activation: relu}
  - dropout: 1.2
  - lstm: {units: 3, return_sequences: true}
decoder: miror
los: mse
training: {epochs: many}
"""
TOLD = ["E104", "E101", "E102", "E104"]

SYNTAX = {
    "a comma": ("8, a", "8 a"),
    "a bracket": ("relu}", "relu"),
    "another bracket": ("relu}", "relu]"),
    "one too many": ("relu}", "relu}}"),
    "a quote": ("relu}", "relu}\""),
    "no colon": ("decoder: miror", "decoder miror"),
    "two colons": ("- dense: {units: 8, activation: relu}", "- dense: units: 8, activation: relu"),
    "no space after a dash": ("- lstm", "-lstm"),
    "no space after a colon": ("decoder: miror", "decoder:miror"),
    "a column more": ("  - dropout", "   - dropout"),
    "a column less": ("  - dropout", " - dropout"),
    "a field in a wrong column": ("training: {", " training: {"),
    "a tab": ("  - dropout", "\t- dropout"),
    "an anchor": ("decoder: miror", "decoder: *there"),
}  # fmt: skip


@pytest.mark.parametrize("fault", SYNTAX)
def test_what_else_is_wrong_is_told_beside_a_fault_of_the_text(fault):
    old, new = SYNTAX[fault]
    assert old in REST
    codes = [each.rule.code for each in every(REST.replace(old, new))]
    assert codes.count("E002") == 1
    unknown = "miror" in old and fault != "no space after a colon"  # what that line says
    rest = [code for code in TOLD if code != "E101" or not unknown]
    assert [code for code in codes if code != "E002"] == rest


BLOCKS = """\
name: blocks
input: [20, 3]
encoder:
  - dense:
      units: 8
      activation: relu
      kernel_regularizer: {l2: 0.1}
  - dropout: 1.2
  - lstm: {units: 3, return_sequences: true}
  - dense: 2
decoder: miror
loss:
  - mse
  - mae: {weight: 0.3}
training:
  optimizer:
    adam:
      learning_rate: 0.01
  epochs: 0
  early_stopping: {patience: 3}
los: mse
"""
TOLD_OF_BLOCKS = ["E104", "E101", "E104", "E102"]

SYNTAX_OF_BLOCKS = {
    "the first field of all": ("name: blocks", " name: blocks"),
    "a field at the top": ("\nencoder:", "\n encoder:"),
    "the first field of a layer": ("      units: 8", "       units: 8"),
    "a field further left": ("      activation: relu", "     activation: relu"),
    "a field further right": ("      activation: relu", "        activation: relu"),
    "the last field": ("      kernel_regularizer", "     kernel_regularizer"),
    "a tab before a field": ("      activation: relu", "\tactivation: relu"),
    "a tab before an item": ("  - lstm", "\t- lstm"),
    "a dash": ("  - lstm", "  -lstm"),
    "a dash before a bare layer": ("  - dense: 2", "  -flatten\n  - dense: 2"),
    "a bracket": ("true}", "true"),
    "another bracket": ("true}", "true]"),
    "a quote behind a section": ("loss:", 'loss: "'),
    "a quote behind a layer": ("  - dense:\n", '  - dense: "\n'),
    "the first item": ("  - mse", "   - mse"),
    "an item": ("  - mae", "   - mae"),
    "a field of the plan": ("  early_stopping", "   early_stopping"),
    "the first field of the plan": ("  optimizer:", "   optimizer:"),
    "a colon": ("  epochs: 0", "  epochs:0"),
    "no colon": ("  early_stopping: {patience: 3}", "  early_stopping 3"),
    "fences": ("name: blocks", "```yaml\nname: blocks"),
    "comments": ("training:", "// the plan\ntraining:"),
}  # fmt: skip


def told_of_blocks(*faults):
    """The codes of what is told of a spec with these faults of the text."""
    text = BLOCKS
    for fault in faults:
        old, new = SYNTAX_OF_BLOCKS[fault]
        assert old in text
        text = text.replace(old, new, 1)
    return [each.rule.code for each in every(text)]


@pytest.mark.parametrize("fault", SYNTAX_OF_BLOCKS)
def test_what_else_is_wrong_is_told_beside_a_fault_of_a_line(fault):
    found = told_of_blocks(fault)
    assert found.count("E002") == 1
    assert [code for code in found if code != "E002"] == TOLD_OF_BLOCKS


ONE_HIDES_THE_OTHER = [
    ("a quote behind a section", "a quote behind a layer"),  # a text from one to the other
    ("a field of the plan", "the first field of the plan"),  # which begin in one column
]


def apart(text, faults, but):
    """Pairs of faults that stand in lines with another between them, but for some."""
    lines = {fault: text[: text.index(old.lstrip("\n"))].count("\n") for fault, (old, _) in faults.items()}
    return [pair for pair in combinations(faults, 2) if abs(lines[pair[0]] - lines[pair[1]]) > 1 and pair not in but]


@pytest.mark.parametrize(("one", "other"), apart(BLOCKS, SYNTAX_OF_BLOCKS, ONE_HIDES_THE_OTHER))
def test_two_faults_of_the_text_are_both_told(one, other):
    found = told_of_blocks(one, other)
    alike = SYNTAX_OF_BLOCKS[one][1][:1] == SYNTAX_OF_BLOCKS[other][1][:1] == "\t"
    assert found.count("E002") == 1 + (not alike)
    assert [code for code in found if code != "E002"] == TOLD_OF_BLOCKS


JSON_SYNTAX = {
    "a comma": ('"mae", {', '"mae" {'),
    "a comma at the end": ('["mse", ', '["mse",, '),
    "a comma behind the last": ('"shape": [20, 3]', '"shape": [20, 3,]'),
    "a comma between lines": ('"relu"}},', '"relu"}}'),
    "a colon": ('"units": 8', '"units" 8'),
    "an equals sign": ('"units": 8', '"units" = 8'),
    "a bracket": ("[20, 3]", "[20, 3"),
    "a bracket of several lines": ("\n  ],", "\n  ,"),
    "a brace": ('"relu"}}', '"relu"}'),
    "a brace too many": ('"relu"}}', '"relu"}}}'),
    "a bracket too many": ("[20, 3]", "[20, 3]]"),
    "another bracket": ("[20, 3]", "[20, 3}"),
    "an opening brace": ('{"dropout', '"dropout'),
    "an opening bracket": ("[20, 3]", "20, 3]"),
    "two opening braces": ('{"dropout', '{{"dropout'),
    "two opening brackets": ('"encoder": [', '"encoder": [['),
    "no braces around a layer": ('{"lstm": 3}', '"lstm": 3'),
    "a closing quote": ('"relu"', '"relu'),
    "a closing quote of a key": ('"activation"', '"activation'),
    "an opening quote": ('"relu"', 'relu"'),
    "an opening quote of a key": ('"activation"', 'activation"'),
    "a quote too many": ('"relu"', '"relu""'),
    "no quotes": ('"relu"', "relu"),
    "no quotes around a key": ('"activation"', "activation"),
    "single quotes": ('"activation": "relu"', "'activation': 'relu'"),
    "typographic quotes": ('"relu"', "\u201crelu\u201d"),
    "a wide colon": ('"units":', '"units"\uff1a'),
    "a wide space": ('"units": 8', '"units":\u00a08'),
    "a comment": ("\n  ],", "\n  ],  // the layers"),
    "an escape": ('"relu"', r'"re\lu"'),
    "a key that is a number": ('"min_delta"', "0"),
    "the last brace": ('"los": "mse"\n}', '"los": "mse"\n'),
    "parentheses": ("[20, 3]", "(20, 3)"),
    "Python's word": ('"nesterov": true', '"nesterov": True'),
    "a tab in a text": ("a text", "a\ttext"),
    "a break in a text": ("a text", "a\ntext"),
}  # fmt: skip

IN_JSON = """\
{
  "input": {"shape": [20, 3]},
  "encoder": [
    {"dense": {"units": 8, "activation": "relu"}},
    {"dropout": 1.2},
    {"lstm": 3}
  ],
  "decoder": "miror",
  "loss": ["mse", "mae", {"huber": {"delta": 1}}],
  "training": {
    "optimizer": {"sgd": {"nesterov": true, "momentum": 0.9}},
    "early_stopping": {"min_delta": 0.1, "patience": 3},
    "epochs": "many"
  },
  "description": "a text",
  "los": "mse"
}
"""
TOLD_IN_JSON = ["E104", "E101", "E104", "E102"]


@pytest.mark.parametrize("fault", JSON_SYNTAX)
def test_what_else_is_wrong_in_json_is_told_beside_a_fault_of_the_text(fault, tmp_path):
    old, new = JSON_SYNTAX[fault]
    assert old in IN_JSON
    found = [code for code, _ in told_in_json(IN_JSON.replace(old, new, 1), tmp_path)]
    assert found.count("E002") == 1
    assert [code for code in found if code != "E002"] == TOLD_IN_JSON


@pytest.mark.parametrize("fault", JSON_SYNTAX)
def test_json_in_a_file_of_yaml_is_told_of_as_json(fault, tmp_path):
    wrong = IN_JSON.replace(*JSON_SYNTAX[fault], 1)
    in_yaml = told_in_json(wrong, tmp_path, "spec.yaml")
    if "E002" in [code for code, _ in in_yaml]:
        assert in_yaml == told_in_json(wrong, tmp_path)
    else:  # what YAML takes as it is
        assert len(in_yaml) >= len(TOLD_IN_JSON)


@pytest.mark.parametrize(
    ("name", "text", "most"),
    [
        ("spec.yaml", "input: [8]\nencoder:\n" + "  - dense: {units: 3\n" * 60, 20),
        ("spec.json", '{"input": [8], "encoder": [' + ",\n".join(['{"dense" 3}'] * 60) + "]}", 50),
        ("spec.json", '{"input": [8],\n"encoder": [\n' + ",\n".join(['{"name": code"}'] * 60) + "]}", 50),
    ],
)
def test_the_last_of_too_many_faults_says_that_reading_ends(name, text, most, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(AespecError) as caught:
        read(path)
    found = caught.value.diagnostics
    assert len(found) == most
    assert ["once these are mended" in (each.help or "") for each in found] == [False] * (most - 1) + [True]


ONE_MAY_MEND_THE_OTHER = [
    ("a bracket of several lines", "two opening brackets"),
    ("a brace", "no braces around a layer"),
    ("two opening braces", "two opening brackets"),
]


@pytest.mark.parametrize(("one", "other"), apart(IN_JSON, JSON_SYNTAX, ONE_MAY_MEND_THE_OTHER))
def test_two_faults_of_the_text_of_json_are_both_told(one, other, tmp_path):
    (old, new), (before, after) = JSON_SYNTAX[one], JSON_SYNTAX[other]
    found = [code for code, _ in told_in_json(IN_JSON.replace(old, new, 1).replace(before, after, 1), tmp_path)]
    assert found.count("E002") == 2
    assert [code for code in found if code != "E002"] == TOLD_IN_JSON


def told_in_json(text, folder, name="spec.json"):
    path = folder / name
    path.write_text(text)
    with pytest.raises(AespecError) as caught:
        read(path)
    return [(each.rule.code, each.message) for each in caught.value.diagnostics]


def test_what_follows_from_a_fault_in_the_variables_is_not_told():
    text = "vars: {n: 3\ninput: [8]\nencoder: [dense: '${n}', dense: '${m}', dropout: 1.2]\ndecoder: miror\n"
    assert [each.rule.code for each in every(text)] == ["E002", "E104", "E101"]


@pytest.mark.parametrize("spec", SEVERAL)
def test_what_can_be_known_in_spite_of_another_fault_is_told(spec):
    text, codes = SEVERAL[spec]
    assert [each.rule.code for each in every(text)] == codes


IN_BOTH = {name: [path.read_text(), json.dumps(aespec.load(path).to_data(), indent=2)] for name, path in zoo().items()}
"""Each spec of the zoo, as YAML and as JSON."""


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(list(IN_BOTH)),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from([*"{}[]:,\"'-# \t&*", "\n"])), max_size=4
    ),
    is_json=st.booleans(),
)
def test_of_a_text_that_is_cut_and_patched_only_what_it_holds_is_shown(name, edits, is_json, tmp_path_factory):
    text = IN_BOTH[name][is_json]
    for where, cut, put in edits:
        at = int(where * len(text))
        text = text[:at] + put + text[at + cut :]
    path = tmp_path_factory.mktemp("edited") / f"spec.{'json' if is_json else 'yaml'}"
    path.write_text(text)
    said = ()
    try:
        read(path)
    except AespecError as error:
        said = error.diagnostics
    assert "__lost__" not in render(said)
