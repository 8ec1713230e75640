"""Lints: what each finds and does not, how a comment silences it, and how files are mended."""

import json
import re
import stat
from difflib import unified_diff
from itertools import product
from math import inf
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import aespec
from aespec.cli import main
from aespec.diagnostics import render
from aespec.lints import LINTS, lint
from aespec.passes import read
from aespec.registry import find_backend, kinds
from aespec.zoo import zoo


def found(text, ignored=()):
    spec = aespec.parse(text)
    return lint(spec, aespec.compile(spec), ignored)


def told(text, ignored=()):
    """Each finding as its code and the stretch of the line that it is about."""
    return [
        (each.rule.code, each.place.text[each.place.column - 1 :][: each.place.width]) for each in found(text, ignored)
    ]


def spec(encoder, decoder="mirror", loss="mse", input="[8]", more=""):
    return f"input: {input}\nencoder: [{encoder}]\ndecoder: {decoder}\nloss: {loss}\n{more}"


def validate(*args):
    return CliRunner().invoke(main, ["validate", *map(str, args)])


@pytest.mark.parametrize("code", LINTS)
def test_bad_example_has_the_warning_and_the_good_one_none(code):
    assert {each.rule.code for each in found(LINTS[code].bad)} == {code}
    assert found(LINTS[code].good) == []


@pytest.mark.parametrize("code", LINTS)
def test_a_message_says_all(code):
    for each in found(LINTS[code].bad):
        assert each.rule.severity == "warning"
        assert None not in (each.place, each.wanted, each.help)


@pytest.mark.parametrize("name", zoo())
def test_the_zoo_is_clean(name):
    assert lint(*read(zoo()[name])) == []


@pytest.mark.parametrize("kind", kinds("activation"))
def test_an_activation_reaches_what_it_says(kind):
    """By the reference, for inputs from -50 to 50."""
    activation = kinds("activation")[kind]()
    x = np.linspace(-50.0, 50.0, 20_001)
    y = find_backend("numpy").lowerings[activation](activation, np.stack([x, -x], axis=-1))
    low, high = activation.reach
    for bound, reached in ((low, y.min()), (-high, -y.max())):
        assert reached >= bound
        assert reached < -9 if bound == -inf else reached < bound + 0.03  # softsign is 1 / 51 from its bound there


SELU = "kernel_initializer: lecun_normal, activation: selu"
UNIT, AROUND = "{shape: [8], range: [0, 1]}", "{shape: [8], range: [-1, 1]}"
KL = "activity_regularizer: {kl_divergence: {target: 0.2}}"

FLAT_1D, UNFLAT_1D = "flatten, dense: 8", "dense: 8, reshape: [4, 2]"


def holes(kind, kernel, fields, pool="", input="[28, 28, 1]", decoder="mirror"):
    """A convolution, a pooling and a narrow code."""
    conv = f"{kind}: {{filters: 4, kernel_size: {kernel}, {fields}}}"
    return spec(f"{conv}, {pool}flatten, dense: 2", decoder, input=input)


# Specs whose decoder leaves outputs out, and the share of these.
HOLES = {
    "strides times a pooling": (  # 3 of 4 rows and columns are reached: 1 - 9 / 16
        holes("conv2d", 3, "strides: 2, padding: same, activation: relu", "max_pool2d: 2, "),
        0.4375,
    ),
    "over time": (  # 3 of 4
        holes("conv1d", 3, "strides: 2, padding: same", "max_pool1d: 2, ", "[128, 6]"),
        0.25,
    ),
    "strides alone": (holes("conv2d", 3, "strides: 4"), 0.4375),
    "one axis": (holes("conv2d", "[3, 2]", "strides: [2, 3]", input="[9, 9, 1]"), 1 / 3),
    "a border too": (  # 29 steps: 14 windows, 7 pooled, 21 reached of 28, and one more that is made up
        holes("conv1d", 3, "strides: 2", "max_pool1d: 2, ", "[29, 2]"),
        8 / 29,
    ),
    "zeros first": (  # 9 -> 5 -> 2, back to 4 and a zero, which then is 10 steps less one, 1 of 2 reached: 0, 2, 4, 6
        holes("conv1d", 1, "strides: 2, padding: same", "max_pool1d: 2, ", "[9, 2]"),
        5 / 9,
    ),
    "a normalization and channels mixed after it": (
        holes(
            "conv1d",
            2,
            "strides: 3",
            input="[12, 2]",
            decoder="[dense: 8, reshape: [4, 2], conv1d_transpose: {filters: 3, kernel_size: 2, strides: 3}, "
            "batch_normalization, activation: relu, dense: 2]",
        ),
        1 / 3,
    ),
    "a kernel after it that is too short": (  # 1 of 4 is reached, then that and the one before
        spec(
            FLAT_1D,
            f"[{UNFLAT_1D}, conv1d_transpose: {{filters: 2, kernel_size: 1, strides: 4}}, "
            "conv1d: {filters: 2, kernel_size: 2, padding: same}]",
            input="[16, 2]",
        ),
        1 / 2 + 1 / 16,  # nothing comes before the first
    ),
    "axes in another order after it": (
        spec(
            FLAT_1D,
            f"[{UNFLAT_1D}, conv1d_transpose: {{filters: 2, kernel_size: 3, strides: 4}}, permute: [2, 1], "
            "reshape: [4, 8], upsampling1d: 2]",
            input="[8, 8]",
        ),
        1 / 4,
    ),
    "at every step": (
        spec(
            "time_distributed: {layer: {conv1d: {filters: 1, kernel_size: 2, strides: 3}}}, flatten, dense: 3",
            input="[2, 9, 2]",
        ),
        1 / 3,
    ),
    "written out": (
        holes(
            "conv1d",
            3,
            "strides: 3",
            input="[12, 2]",
            decoder="[dense: 8, reshape: [4, 2], conv1d_transpose: {filters: 2, kernel_size: 2, strides: 3}]",
        ),
        1 / 3,
    ),
    "tied": (
        holes(
            "conv1d",
            2,
            "strides: 3",
            input="[12, 2]",
            decoder="[dense: 16, reshape: [4, 4], conv1d_transpose: "
            "{filters: 2, kernel_size: 2, strides: 3, tied_to: encoder/conv1d_1}]",
        ),
        1 / 3,
    ),
}

FINDINGS = {
    # W101: what the output reaches beside what the data has
    "sigmoid below 0": (
        spec("dense: 3", "[dense: {units: 8, activation: sigmoid}]", input=AROUND),
        [("W101", "sigmoid")],
    ),
    "tanh above 1": (
        spec("dense: 3", "[dense: 8, activation: tanh]", input="{shape: [8], range: [0, 255]}"),
        [("W101", "tanh")],
    ),
    "a mirror's": (
        spec("dense: 3", "{mirror: {output_activation: tanh}}", input="{shape: [8], range: [0, 2]}"),
        [("W101", "tanh")],
    ),
    "relu of values around 0": (
        spec("dense: 3", "[dense: {units: 8, activation: relu}]", input="{shape: [8], scaling: standard}"),
        [("W101", "relu")],
    ),
    "selu of values around 0": (  # nothing below -1.758
        spec("dense: 3", f"[dense: {{units: 8, {SELU}}}]", input="{shape: [8], scaling: standard}"),
        [("W101", "selu")],
    ),
    "elu as far as it goes": (
        spec("dense: 3", "[dense: {units: 8, activation: {elu: 2.0}}]", input="{shape: [8], range: [-2, 9]}"),
        [],
    ),
    "elu beyond": (
        spec("dense: 3", "[dense: {units: 8, activation: {elu: 1.5}}]", input="{shape: [8], range: [-2, 9]}"),
        [("W101", "{elu: 1.5}")],
    ),
    "after a reshape": (
        spec(
            "flatten, dense: 3",
            "[dense: {units: 4, activation: relu}, reshape: [2, 2]]",
            input="{shape: [2, 2], range: [-1, 1]}",
        ),
        [("W101", "relu")],
    ),
    "before a linear layer": (
        spec("dense: 3", "[dense: {units: 8, activation: sigmoid}, activation: linear]", input=AROUND),
        [("W101", "sigmoid")],
    ),
    "a probability before layers that change nothing": (
        spec(
            "flatten, dense: 3",
            "[dense: {units: 4, activation: sigmoid}, reshape: [2, 2], activation: linear]",
            loss="binary_crossentropy",
            input="{shape: [2, 2], range: [0, 1]}",
        ),
        [],
    ),
    "lstm, which has no choice": (
        spec(
            "lstm: 3",
            "[repeat_vector: 4, lstm: {units: 2, return_sequences: true}]",
            input="{shape: [4, 2], range: [0, 5]}",
        ),
        [("W101", "lstm")],
    ),
    "tanh of 0..1": (spec("dense: 3", "[dense: 8, activation: tanh]", input=UNIT), []),
    "nothing known of the data": (spec("dense: 3", "[dense: 8, activation: relu]"), []),
    "normalized last": (
        spec(
            "dense: 3",
            "[dense: {units: 8, activation: relu, use_bias: false}, batch_normalization]",
            input=AROUND,
        ),
        [],
    ),
    "disturbed in training last": (
        spec("dense: 3", "[dense: {units: 8, activation: relu}, dropout: 0.1]", input=AROUND),
        [("W101", "relu")],
    ),
    "cross-entropy of what was normalized last": (
        spec(
            "dense: 3",
            "[dense: {units: 8, activation: sigmoid}, batch_normalization]",
            input=UNIT,
            loss="binary_crossentropy",
        ),
        [("W103", "batch_normalization")],
    ),
    # W102
    "cross-entropy of anything": (spec("dense: 3", loss="binary_crossentropy"), [("W102", "binary_crossentropy")]),
    "cross-entropy around 0": (
        spec("dense: 3", loss="binary_crossentropy", input="{shape: [8], scaling: standard}"),
        [("W102", "binary_crossentropy")],
    ),
    "one of two": (spec("dense: 3", loss="[mae, binary_crossentropy]"), [("W102", "binary_crossentropy")]),
    "scaled between": (spec("dense: 3", loss="binary_crossentropy", input="{shape: [8], scaling: minmax}"), []),
    # W103
    "cross-entropy of a mirror's relu": (
        spec("dense: 3", "{mirror: {output_activation: relu}}", "binary_crossentropy", UNIT),
        [("W103", "relu")],
    ),
    "categorical of a sigmoid": (
        spec("dense: 3", "{mirror: {output_activation: sigmoid}}", "categorical_crossentropy", UNIT),
        [],
    ),
    # W104
    "mae of a hard sigmoid": (
        spec("dense: 3", "[dense: {units: 8, activation: hard_sigmoid}]", "mae", UNIT),
        [("W104", "hard_sigmoid")],
    ),
    "mse beside cross-entropy": (
        spec("dense: 3", loss="[mse, binary_crossentropy]", input=UNIT),
        [],
    ),
    # W201
    "selu as a layer": (spec("dense: 5, activation: selu, dense: 3"), [("W201", "dense")]),
    "selu from he": (
        spec("dense: {units: 3, activation: selu, kernel_initializer: he_normal}"),
        [("W201", "he_normal")],
    ),
    "selu from lecun's uniform": (spec("dense: {units: 3, activation: selu, kernel_initializer: lecun_uniform}"), []),
    "selu from the same by another name": (
        spec("dense: {units: 3, activation: selu, kernel_initializer: variance_scaling}"),
        [],
    ),
    "in a wrapper": (
        spec("time_distributed: {layer: {dense: {units: 1, activation: selu}}}", input="[4, 2]"),
        [("W201", "selu")],
    ),
    "tied, so not drawn": (
        spec(
            f"dense: {{units: 4, {SELU}}}, dense: 3",
            "[dense: {units: 4, activation: selu, tied_to: encoder/dense_2}, dense: 8]",
        ),
        [],
    ),
    # W202
    "normalization before a selu alone": (
        spec(
            "dense: {units: 5, use_bias: false, kernel_initializer: lecun_normal}, batch_normalization,"
            "activation: selu, dense: 3"
        ),
        [("W202", "batch_normalization")],
    ),
    "layer normalization": (
        spec(f"dense: {{units: 5, {SELU}}}, layer_normalization, dense: 3"),
        [("W202", "layer_normalization")],
    ),
    "normalization of the input": (spec(f"batch_normalization, dense: {{units: 5, {SELU}}}, dense: 3"), []),
    # W203
    "dropout after a reshape": (
        spec(f"dense: {{units: 4, {SELU}}}, reshape: [2, 2], dropout: 0.1, flatten, dense: 3"),
        [("W203", "dropout")],
    ),
    "dropout before a selu": (
        spec(f"dense: {{units: 4, activation: relu}}, dropout: 0.1, dense: {{units: 4, {SELU}}}, dense: 3"),
        [("W203", "dropout")],
    ),
    "dropout before a selu alone": (
        spec("dense: {units: 4, kernel_initializer: lecun_normal}, dropout: 0.1, activation: selu, dense: 3"),
        [("W203", "dropout")],
    ),
    "dropout far from a selu": (
        spec(
            f"dense: {{units: 4, activation: relu}}, dropout: 0.1, dense: {{units: 4, activation: relu}}, "
            f"dense: {{units: 3, {SELU}}}"
        ),
        [],
    ),
    "dropout of nothing": (spec(f"dense: {{units: 4, {SELU}}}, dropout: 0, dense: 3"), []),
    "dropout of the input": (spec(f"dropout: 0.5, dense: {{units: 4, {SELU}}}"), []),
    # W204
    "a bias that is stated": (
        spec("dense: {units: 5, use_bias: true}, batch_normalization, dense: 3", "[dense: 8]"),
        [("W204", "true")],
    ),
    "a convolution": (
        spec(
            "conv1d: {filters: 2, kernel_size: 1}, batch_normalization, flatten, dense: 3",
            "[dense: 8, reshape: [4, 2]]",
            input="[4, 2]",
        ),
        [("W204", "conv1d")],
    ),
    "an activation between": (
        spec("dense: {units: 5, activation: relu}, batch_normalization, dense: 3", "[dense: 8]"),
        [],
    ),
    "dropout between": (spec("dense: 5, dropout: 0.1, batch_normalization, dense: 3", "[dense: 8]"), []),
    "before a mirror": (spec("dense: 5, batch_normalization, dense: 3"), [("W204", "dense")]),
    "the code's own": (spec("dense: 3", "[batch_normalization, dense: 8]"), []),
    "averages that stand still": (
        spec(
            "dense: 5, batch_normalization, dense: 3",
            "[dense: 8]",
            more="training: {freeze: encoder/batch_normalization_1}",
        ),
        [],
    ),
    "a price on the output": (
        spec("dense: {units: 5, activity_regularizer: l2}, batch_normalization, dense: 3", "[dense: 8]"),
        [],
    ),
    # W205
    "a strided convolution": (  # windows of 2 at 0, 2 of 5 steps
        spec("conv1d: {filters: 2, kernel_size: 2, strides: 2}", input="[5, 2]"),
        [("W205", "conv1d")],
    ),
    "the pooling that is folded in": (  # 5 -> 2 -> 4
        spec("conv1d: {filters: 2, kernel_size: 2, padding: same}, max_pool1d: 2", input="[5, 2]"),
        [("W205", "max_pool1d")],
    ),
    "a kernel that reaches": (  # 7 -> 3 -> 2 * 2 + 3 = 7
        spec("conv1d: {filters: 1, kernel_size: 3, padding: same}, max_pool1d: 2", input="[7, 2]"),
        [],
    ),
    "an encoder's own cropping": (spec("cropping1d: 1, conv1d: {filters: 1, kernel_size: 3}", input="[7, 2]"), []),
    "a decoder that is written out": (
        spec("max_pool1d: 2, flatten, dense: 2", "[dense: 10, reshape: [5, 2]]", input="[5, 2]"),
        [],
    ),
    "windows that overlap": (
        spec("max_pool1d: {pool_size: 3, strides: 2}, flatten, dense: 2", input="[8, 2]"),
        [("W205", "max_pool1d")],
    ),
    "both": (  # the code is wider than what was pooled, and than the input
        spec("dense: 8, dense: 9"),
        [("W301", "9")],
    ),
    # W208
    "a pooling": (
        spec("max_pool1d: {pool_size: 2, padding: same}, flatten, dense: 2", input="[5, 2]"),
        [("W208", "same")],
    ),
    "a convolution of a length that its strides do not divide": (
        spec("conv1d: {filters: 1, kernel_size: 3, strides: 2, padding: same}", input="[5, 2]"),
        [("W208", "same")],
    ),
    "a pooling that is folded in": (  # 5 -> 5 -> 3 -> 6
        spec(
            "conv1d: {filters: 1, kernel_size: 3, padding: same}, max_pool1d: {pool_size: 2, padding: same}",
            input="[5, 2]",
        ),
        [("W208", "same")],
    ),
    "a length that the strides divide": (
        spec("max_pool1d: {pool_size: 2, padding: same}, flatten, dense: 2", input="[6, 2]"),
        [],
    ),
    # W210
    "strides over channels": (  # the cropping of 3 rows has the same cause
        spec("conv2d: {filters: 4, kernel_size: 3, strides: 2, padding: same}", input="[3, 32, 32]"),
        [("W210", "[3, 32, 32]")],
    ),
    "channels that a reshape puts first": (
        spec("reshape: [1, 28, 28], conv2d: {filters: 2, kernel_size: 3, padding: same}", input="[784]"),
        [("W210", "reshape")],
    ),
    "a series of one step": (
        spec("conv1d: {filters: 4, kernel_size: 5, padding: same}", input="{shape: [1, 128]}"),
        [("W210", "[1, 128]")],
    ),
    "windows beside each other": (
        spec("conv2d: {filters: 4, kernel_size: [1, 3], padding: same}", input="[3, 32, 32]"),
        [],
    ),
    "few rows of few columns": (
        spec("conv2d: {filters: 1, kernel_size: 3, padding: same}", input="[3, 3, 8]"),
        [],
    ),
    "six steps of many features": (
        spec("conv1d: {filters: 8, kernel_size: 3, padding: same}", input="[6, 128]"),
        [("W210", "[6, 128]")],
    ),
    "ten words of a hundred numbers": (
        spec("conv1d: {filters: 8, kernel_size: 3, padding: same}", input="[10, 100]"),
        [],
    ),
    # W209
    "strides and a pooling beyond a kernel": (HOLES["strides times a pooling"][0], [("W209", "3")]),
    "a kernel as long as both": (holes("conv2d", 4, "strides: 2, padding: same", "max_pool2d: 2, "), []),
    "a decoder's own kernel": (HOLES["written out"][0], [("W209", "2")]),
    "holes that a later kernel covers": (  # kernels of 3, one every 4, leave one step out
        spec(
            FLAT_1D,
            f"[{UNFLAT_1D}, conv1d_transpose: {{filters: 2, kernel_size: 3, strides: 4}}, "
            "conv1d: {filters: 2, kernel_size: 3, padding: same}]",
            input="[16, 2]",
        ),
        [],
    ),
    "holes that a dense layer covers": (
        spec(
            FLAT_1D,
            f"[{UNFLAT_1D}, conv1d_transpose: {{filters: 2, kernel_size: 3, strides: 4}}, "
            "flatten, dense: 32, reshape: [16, 2]]",
            input="[16, 2]",
        ),
        [],
    ),
    "holes that are cropped": (  # 1 -> 4, of which the last is left out
        spec(
            FLAT_1D.replace("8", "4"),
            "[dense: 4, reshape: [1, 4], "
            "conv1d_transpose: {filters: 2, kernel_size: 3, strides: 4}, cropping1d: [[0, 1]]]",
            input="[3, 2]",
        ),
        [],
    ),
    # W206
    "a decoder's own": (
        spec(
            "dense: {units: 5, activation: tanh}, dense: {units: 3, activation: tanh}",
            "[dense: {units: 5, activation: relu, tied_to: encoder/dense_2},"
            " dense: {units: 8, tied_to: encoder/dense_1}]",
        ),
        [("W206", "encoder/dense_2")],
    ),
    "relu and selu": (
        spec(f"dense: {{units: 5, {SELU}}}, dense: {{units: 3, activation: relu}}", "{mirror: {tie_weights: true}}"),
        [],
    ),
    "the output's sigmoid": (
        spec("dense: {units: 3, activation: relu}", "{mirror: {tie_weights: true}}", "binary_crossentropy", UNIT),
        [],
    ),
    # W301
    "as wide as the input": (spec("dense: 8"), [("W301", "8")]),
    "noise of nothing": (spec("masking_noise: 0, dense: 9"), [("W301", "9")]),
    "a price of nothing": (spec("dense: {units: 9, activity_regularizer: {l1: 0}}"), [("W301", "9")]),
    "convolutions": (  # 4 x 4 of 4 channels for 8 x 8
        spec("conv2d: {filters: 4, kernel_size: 3, strides: 2, padding: same}", input="[8, 8, 1]"),
        [("W301", "4")],
    ),
    "narrower on the way back": (spec("dense: 9", "[dense: 3, dense: 8]"), []),
    "a price": (spec(f"dense: {{units: 9, activation: sigmoid, {KL}}}"), []),
    "a price on what follows": (
        spec("dense: 9, activation: {function: relu, activity_regularizer: l1}"),
        [],
    ),
    "noise": (spec("gaussian_noise: 0.1, dense: 9"), []),
    "a prior": (spec("gaussian_latent: 9"), []),
    "lengths that vary": (spec("dense: 9", "[dense: 8]", input="[null, 8]"), []),
    # W207
    "layers without weights": (
        "input: [8]\nencoder: [{masking_noise: 0.3}]\ndecoder: [flatten]\n",
        [("W207", "encoder")],
    ),
    "frozen layers": (
        spec("dense: {units: 3, freeze: true}").replace("mirror", "[{dense: {units: 8, freeze: true}}]"),
        [("W207", "encoder")],
    ),
    # W302
    "a wide prior": (spec("dense: 2, gaussian_latent: 5"), [("W302", "5")]),
    "a wide code, normalized": (
        spec("dense: 2, dense: {units: 5, use_bias: false}, batch_normalization"),
        [("W302", "5")],
    ),
    "wider than what was pooled": (
        "input: [8, 8, 1]\nencoder: [max_pool2d: 4, flatten, dense: 5]\ndecoder: mirror\n",
        [("W302", "5")],
    ),
    "wide and sparse": (spec(f"dense: 2, dense: {{units: 6, activation: sigmoid, {KL}}}"), []),
    "pooled to less": (  # 8 x 2 -> 8 x 4, pooled to 4 x 4
        spec(
            "conv1d: {filters: 2, kernel_size: 1}, conv1d: {filters: 4, kernel_size: 2, padding: same}, max_pool1d: 2",
            input="[8, 3]",
        ),
        [],
    ),
    # W303, W304
    "tanh": (spec(f"dense: {{units: 6, activation: tanh, {KL}}}"), [("W303", "{kl_divergence: {target: 0.2}}")]),
    "softmax": (spec(f"dense: {{units: 6, activation: softmax, {KL}}}"), []),
    "half a unit": (  # 0.2 x 3 = 0.6
        spec(f"dense: {{units: 3, activation: sigmoid, {KL}}}"),
        [("W304", "0.2")],
    ),
    "one unit": (spec(f"dense: {{units: 5, activation: sigmoid, {KL}}}"), []),
    # W305
    "a small beta": (spec("gaussian_latent: {units: 3, beta: 1.0e-6}"), []),
    # W401
    "inside a text": ("vars: {a: 3}\nname: n-${a}\n" + spec("dense: 3"), []),
    "in a comment": ("vars: {a: 3}  # ${a}\n" + spec("dense: 3"), [("W401", "a")]),
    "part of a name with a dash": ("vars: {a-b: 2, a: 3}\n" + spec("dense: '${a-b}'"), [("W401", "a")]),
    "computed with": ("vars: {a: 3, b: '${a + 1}'}\n" + spec("dense: '${b // 2}'"), []),
    "in every turn": ("vars: {a: 3}\n" + spec("repeat: {times: 2, layers: [{dense: '${a}'}]}"), []),
    "escaped": ("vars: {a: 3}\ndescription: $${a}\n" + spec("dense: 3"), [("W401", "a")]),
    "part of another's name": ("vars: {a: 3, ab: 3}\n" + spec("dense: '${ab}'"), [("W401", "a")]),
    "names of a repeat": (
        spec("repeat: {each: {w: [6, 5], z: [1, 2]}, index: i, layers: [{dense: '${w}'}]}"),
        [("W401", "z"), ("W401", "i")],
    ),
    "names of a repeat, used": (
        spec("repeat: {each: {w: [6, 5], z: [0, 1]}, index: i, layers: [{dense: '${w - z - i}'}]}"),
        [],
    ),
    # W403, W404
    "nesterov in a phase alone": (
        spec("dense: 3", more="training: {greedy: {optimizer: {sgd: {nesterov: true}}}, optimizer: {sgd: 0.1}}"),
        [("W403", "nesterov")],
    ),
    "nesterov in one of two phases": (
        spec(
            "dense: 5, dense: 3",
            more="training: {greedy: [{epochs: 1}, {optimizer: {sgd: {momentum: 0, nesterov: true}}}]}",
        ),
        [("W403", "nesterov")],
    ),
    "a warm-up of all epochs": (spec("dense: 3", more="training: {schedule: {cosine: 10}}"), [("W404", "10")]),
    "a warm-up of all of a phase": (
        spec("dense: 3", more="training: {greedy: {epochs: 3}, schedule: {cosine: 3}}"),
        [("W404", "3")],
    ),
    "a warm-up of nearly all": (spec("dense: 3", more="training: {schedule: {cosine: 9.5}}"), []),
}


@pytest.mark.parametrize("case", FINDINGS)
def test_what_is_found(case):
    text, expected = FINDINGS[case]
    assert told(text) == expected


def test_layers_that_share_a_text_are_told_of_once():
    text = "input: [8]\nencoder: [&d {dense: {units: 5, activation: selu}}, *d, dense: 3]\ndecoder: mirror\n"
    assert told(text) == [("W201", "selu")]


def same_for_every_sample(text):
    """The share of a model's outputs that are, by the reference, with weights that are all drawn."""
    model, rng = aespec.build(aespec.parse(text), backend="numpy", seed=0), np.random.default_rng(0)
    model.load_weights({name: rng.uniform(0.1, 1, value.shape) for name, value in model.weights().items()})
    given = rng.uniform(0.1, 1, (5, *aespec.compile(aespec.parse(text)).input))
    return np.mean(np.ptp(model.reconstruct(given.astype("float32")), axis=0) == 0)


def holes_told(text):
    return [each for each in found(text) if each.rule.code == "W209"]


@pytest.mark.parametrize("case", HOLES)
def test_the_share_that_nothing_reaches_is_what_the_input_does_not_change(case):
    text, share = HOLES[case]
    assert same_for_every_sample(text) == pytest.approx(share)
    (problem,) = holes_told(text)
    assert f"nothing reaches {share:.2%} of the output" in problem.message


@pytest.mark.parametrize("case", [case for case, (_, expected) in FINDINGS.items() if case.startswith("holes that")])
def test_where_no_holes_are_told_the_input_changes_all(case):
    assert same_for_every_sample(FINDINGS[case][0]) == 0


def widened(text):
    """A text after what the help about holes says to state."""
    (problem,) = holes_told(text)
    for field, value in re.findall(r"`(kernel_size|padding): ([^`]+)`", problem.help):
        text = re.sub(rf"(conv\w+: {{[^}}]*{field}: )(\[.*?\]|\w+)", rf"\g<1>{value}", text)
    return text


@pytest.mark.parametrize("case", HOLES)
def test_wider_kernels_leave_no_holes(case):
    before, after = ({each.rule.code for each in found(text)} for text in (HOLES[case][0], widened(HOLES[case][0])))
    assert after <= before - {"W209"}


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("pooled", ["same", "valid"])
def test_wider_kernels_bring_no_other_warning(rank, padding, pooled):
    """But where windows of a convolution leave a border out and those of its pooling reach beyond one, in any way."""
    for length, kernel, stride, pool in product((11, 12, 13), (1, 2, 3), (2, 3, 4), (1, 2, 3)):
        text = holes(
            f"conv{rank}d",
            kernel,
            f"strides: {stride}, padding: {padding}",
            f"max_pool{rank}d: {{pool_size: {pool}, padding: {pooled}}}, ",
            str([length] * rank + [2]),
        )
        if not holes_told(text):
            continue
        before, after = ({each.rule.code for each in found(each)} for each in (text, widened(text)))
        either = {"W208"} if (padding, pooled) == ("valid", "same") and "W205" in before else set()
        assert after - either <= before - {"W209"}, text


def test_two_layers_that_one_text_states_are_widened_together():
    turns = "repeat: {times: 2, layers: [conv1d: {filters: 2, kernel_size: 2, strides: 3}]}, flatten, dense: 3"
    text = spec(turns, input="[27, 2]")
    (problem,) = found(text)
    assert "nothing reaches 55.56% of the output" in problem.message  # 2 of 3 of 2 of 3: 1 - 4 / 9
    assert found(widened(text)) == []


# What the help says, done to the bad example: the warning is gone, and no other has come.
HELP = {
    "W101": ("use `activation: linear`", ("activation: relu", "activation: linear")),
    "W102": ("write `input: {shape: [8], range: [0, 1]}`", ("input: [8]", "input: {shape: [8], range: [0, 1]}")),
    "W103": ("use `activation: sigmoid`", ("dense: 8", "dense: {units: 8, activation: sigmoid}")),
    "W104": ("use `loss: binary_crossentropy`", ("loss: mse", "loss: binary_crossentropy")),
    "W201": ("state `kernel_initializer: lecun_normal`", ("selu}", "selu, kernel_initializer: lecun_normal}")),
    "W202": ("another activation, such as `relu`", ("selu, kernel_initializer: lecun_normal", "relu")),
    "W203": ("remove the dropout", ("  - dropout: 0.2\n", "")),
    "W204": ("state `use_bias: false`", ("dense: 5", "dense: {units: 5, use_bias: false}")),
    "W205": (
        "state `padding: same`, and put `- zero_padding2d: [[0, 1], [0, 1]]` before `encoder/max_pool2d_1`",
        ("  - max_pool2d: 2", "  - zero_padding2d: [[0, 1], [0, 1]]\n  - max_pool2d: {pool_size: 2, padding: same}"),
    ),
    "W206": ("activations of one kind", ("activation: sigmoid", "activation: relu")),
    "W207": ("freeze less", ("[encoder, decoder]", "encoder")),
    "W208": (
        "put `- zero_padding2d: [[0, 1], [0, 1]]` before `encoder/max_pool2d_1`, or take it as it is",
        ("  - max_pool2d", "  - zero_padding2d: [[0, 1], [0, 1]]\n  - max_pool2d"),
    ),
    "W209": ("state `kernel_size: 4` at `encoder/conv2d_1`", ("kernel_size: 3", "kernel_size: 4")),
    "W210": ("write `input: [16, 16, 3]`", ("[3, 16, 16]", "[16, 16, 3]")),
    "W301": ("`- masking_noise: 0.3`", ("encoder:\n", "encoder:\n  - masking_noise: 0.3\n")),
    "W302": ("widen the layer before it", ("units: 5", "units: 10")),
    "W303": ("use `activation: sigmoid`", ("activation: relu", "activation: sigmoid")),
    "W304": ("raise `target`", ("target: 0.05", "target: 0.1")),
    "W305": ("leave `beta` out", (", beta: 0", "")),
    "W401": ("remove `width`", ("width: 64, ", "")),
    "W402": ("remove `W201` from the comment", ("  # aespec: ignore[W201]", "")),
    "W403": ("state `momentum: 0.9`, or leave `nesterov` out", ("nesterov", "momentum: 0.9, nesterov")),
    "W404": ("state a shorter `warmup`, or more `epochs`", ("warmup: 20", "warmup: 9")),
}


@pytest.mark.parametrize("code", LINTS)
def test_what_the_help_says_helps(code):
    help, (before, after) = HELP[code]
    bad = LINTS[code].bad
    assert help in found(bad)[0].help
    assert before in bad
    assert found(bad.replace(before, after)) == []


def test_names_of_a_repeat_that_nothing_uses_are_removed(tmp_path):
    path = tmp_path / "spec.yaml"
    items = ["times: 2, index: i, layers: [dense: 8]", "each: {a: [8, 4], b: [1, 2]}, layers: [dense: '${a}']"]
    path.write_text(spec(", ".join(f"repeat: {{{item}}}" for item in items), "[dense: 8]"))
    validate("--fix", path)
    assert "{times: 2, layers: [dense: 8]}" in path.read_text()
    assert "{each: {a: [8, 4]}, layers" in path.read_text()


def test_a_text_that_is_repeated_or_included_is_told_of_once_and_mended_where_it_is_written(tmp_path):
    inner, outer = tmp_path / "inner.yaml", tmp_path / "outer.yaml"
    inner.write_text(spec("dense: {units: 4, activation: selu}, dense: 4, batch_normalization", "[dense: 8]"))
    outer.write_text(
        "vars: {a: 2, n: '${a * 2}', b: 3}\n"
        + spec(
            "repeat: {times: 2, index: i, layers: [dense: '${n - i}', batch_normalization]},"
            "include: inner.yaml, dense: '${n // 2}'",
            "[dense: 8]",
        )
    )
    done = validate(outer, "--fix")
    assert done.stdout.splitlines()[0] == f"{outer}: fixed 2 problems (W401 line 1, W204 line 3)"
    assert outer.read_text().splitlines()[0] == "vars: {a: 2, n: '${a * 2}'}"
    assert "dense: {units: '${n - i}', use_bias: false}" in outer.read_text()
    left = [(each.rule.code, Path(each.place.name).name) for each in lint(*read(outer))]
    assert left == [("W201", "inner.yaml"), ("W204", "inner.yaml")]

    inner.write_text("# aespec: ignore-file[W201, W204, W301]\n" + inner.read_text())
    assert lint(*read(outer)) == []


def test_a_sparsity_before_the_activation_that_it_was_meant_for_is_to_move_there():
    layers = f"dense: {{units: 6, {KL}}}, activation: {{function: sigmoid}}"
    (problem,) = found(spec(layers))
    assert "price what `encoder/activation_1` gives instead" in problem.help
    moved = spec(layers.replace(f", {KL}", "").replace("function: sigmoid", f"function: sigmoid, {KL}"))
    assert told(moved) == []


def test_a_comment_where_a_file_is_included_silences_what_it_brings(tmp_path):
    (tmp_path / "inner.yaml").write_text(spec("dense: {units: 4, activation: selu}, dense: 3", "[dense: 8]"))
    outer = tmp_path / "outer.yaml"
    text = "input: [8]\nencoder:\n  - include: inner.yaml%s\ndecoder: mirror\n"
    outer.write_text(text % "")
    assert [each.rule.code for each in lint(*read(outer))] == ["W201"]
    outer.write_text(text % "  # aespec: ignore[W201]")
    assert lint(*read(outer)) == []


# --- ignoring -----------------------------------------------------------------------------------------------------

SELUS = """
input: [8]  {0}
{1}
encoder:
  {2}
  - dense: {{units: 5, activation: selu}}  {3}
  {4}

  # more
  - dense:
      units: 3  {5}
      activation: selu  {6}
  - reshape: [3]
{7}
decoder: mirror
"""
ONE, BOTH = "# aespec: ignore[W201]", [("W201", "selu"), ("W201", "selu")]


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ({}, BOTH),
        ({1: "# aespec: ignore-file[W201] as published"}, []),
        ({7: "#aespec:ignore-file[ W201 ]"}, []),
        ({3: "# AESPEC: Ignore[W201]"}, BOTH[1:]),
        ({1: "# Aespec: IGNORE-FILE[W201]"}, []),
        ({3: ONE}, BOTH[1:]),
        ({2: ONE, 6: ONE + " as published"}, []),
        ({3: ONE, 6: "# aespec: ignore[W201,W301]"}, [("W402", "W301")]),
        ({4: ONE}, [BOTH[0], ("W402", "W201"), BOTH[1]]),  # the line below says `dense:`, not `selu`
        ({5: ONE}, [BOTH[0], ("W402", "W201"), BOTH[1]]),
        ({0: ONE}, [("W402", "W201"), *BOTH]),
        ({1: "# aespec: ignore-file[W201, W203]"}, [("W402", "W203")]),
        ({1: "# aespec: ignore-file[W201]", 3: ONE}, []),
        ({3: "# aespec: ignore[w201]"}, [BOTH[0], ("W402", "w201"), BOTH[1]]),
        ({3: "# aespec: ignore[E201]"}, [BOTH[0], ("W402", "E201"), BOTH[1]]),
        ({3: "# aespec: noqa"}, [BOTH[0], ("W402", "# aespec: noqa"), BOTH[1]]),
        ({3: "# aespec: ignore"}, [BOTH[0], ("W402", "# aespec: ignore"), BOTH[1]]),
        ({3: "# aespec: ignroe[W201]"}, [BOTH[0], ("W402", "# aespec: ignroe[W201]"), BOTH[1]]),
        ({3: "# aespec: a compiler for autoencoders"}, BOTH),
        ({3: "# see aespec: ignore[W201]"}, BOTH),
        ({3: "# as it was  # aespec: ignore[W201]"}, [BOTH[1]]),
        ({3: "# as it was  # aespec: ignore[W301]"}, [BOTH[0], ("W402", "W301"), BOTH[1]]),
    ],
)
def test_comments_silence(comments, expected):
    assert told(SELUS.format(*(comments.get(i, "") for i in range(8)))) == expected


@pytest.mark.parametrize(
    "line",
    [
        'description: "no # aespec: ignore-file[W201]"',
        "description: 'no # aespec: ignore-file[W201]'",
        "description: no#aespec: ignore-file[W201]",
        "description: |\n  # aespec: ignore-file[W201]\n  # more",
        "description: >-\n  a\n\n  # aespec: ignore-file[W201]",
        'description: "a\n  # aespec: ignore-file[W201]"',
    ],
)
def test_what_looks_like_a_comment_in_a_text_is_none(line):
    if "no#aespec" in line:
        line = line.replace(": ignore", ":ignore")  # a plain text cannot hold a colon and a space
    assert told(f"{line}\n{spec('dense: {units: 3, activation: selu}')}") == [("W201", "selu")]


@pytest.mark.parametrize(
    "before", ["\ufeff", "description: |\n  text\n\n", "vars: {a: 3}\nname: 'x${a}'\n", "\r\n\u2028"]
)
def test_a_comment_is_found_wherever_it_stands(before):
    text = before + "# aespec: ignore-file[W201]\n" + spec("dense: {units: 3, activation: selu}")
    assert told(text) == []


def test_variables_in_braces_hide_no_comment():
    text = "vars: {n: 3}\n" + spec("\n  dense: {units: ${n}, activation: selu}  # aespec: ignore[W201]\n")
    assert told(text) == []


def test_codes_that_are_ignored_from_outside():
    text = SELUS.format("", "# aespec: ignore[W301]", *[""] * 6)
    assert told(text, ["W201"]) == [("W402", "W301")]
    assert told(text, ["W201", "W402"]) == []


# --- the command --------------------------------------------------------------------------------------------------

WARNED = "vars: {n: 3}\n" + spec("dense: {units: 3, activation: selu}")


@pytest.fixture
def warned(tmp_path):
    path = tmp_path / "warned.yaml"
    path.write_text(WARNED)
    return path


def test_warnings_do_not_fail(warned):
    done = validate(warned)
    assert done.exit_code == 0
    assert done.stdout == f"{warned}: fine (59 parameters)\n"  # 8 x 3 + 3 + 3 x 8 + 8
    assert done.stderr == render(lint(*read(warned))) + "\n"
    assert [line for line in done.stderr.splitlines() if line.startswith("warning")] == [
        "warning[W401]: the variable `n` is not used",
        "warning[W201]: `encoder/dense_1` ends in a selu, and its weights do not start as selu wants them",
    ]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--strict"], 1),
        (["--strict", "--ignore", "W201"], 1),
        (["--strict", "--ignore", "W201", "--ignore", "W401"], 0),
        (["--ignore", "W999"], 2),
        (["--ignore", "E101"], 2),
        (["--fix", "--set", "encoder.0.dense.units=2"], 2),
        (["--diff", "--fix"], 2),
        (["--diff", "--format", "json"], 2),
        (["--strict", "--format", "json"], 1),
        (["--strict", "--format", "github"], 1),
        (["--format", "sarif"], 0),
    ],
)
def test_exit_codes(warned, args, code):
    assert validate(warned, *args).exit_code == code
    assert warned.read_text() == WARNED


def test_what_fails_with_strict_alone_is_said(warned):
    assert validate(warned, "--strict").stderr == validate(warned).stderr + "warnings fail with --strict\n"


def test_warnings_as_json(warned):
    (record,) = json.loads(validate(warned, "--format", "json").stdout)
    assert record["fine"] is True
    shown = [(d["code"], d["severity"], d["line"], d["fixable"]) for d in record["diagnostics"]]
    assert shown == [("W401", "warning", 1, True), ("W201", "warning", 3, False)]


def test_warnings_beside_errors(warned, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(spec("dens: 3"))
    done = validate(warned, bad)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == "1 error, 2 warnings"


@pytest.mark.parametrize("code", ["W201", "w201"])
def test_explain_tells_of_warnings(code):
    done = CliRunner().invoke(main, ["explain", code])
    assert done.stdout.startswith("W201: A selu whose weights")
    assert "Wrong:" in done.stdout


# --- mending ------------------------------------------------------------------------------------------------------

REST = "decoder: [dense: 8]\n"
AFTER = "  - batch_normalization\n  - dense: 3\n" + REST
FLAT = "batch_normalization, flatten, dense: 3"
MENDED = {
    "a variable": (
        "vars:\n  a: 1  # one\n  # two\n  b: 2\n" + spec("dense: '${b}'"),
        "vars:\n  # two\n  b: 2\n" + spec("dense: '${b}'"),
        "W401 line 2",
    ),
    "a variable and its comments": (
        "vars:\n  b: 2  # two\n\n  # not of it\n\n  # width,\n  # The `width`: one\n  width: 1  # one\n  # end\n"
        + spec("dense: '${b}'"),
        "vars:\n  b: 2  # two\n\n  # not of it\n\n  # width,\n  # end\n" + spec("dense: '${b}'"),
        "W401 line 8",
    ),
    "a variable, but not a neighbour that is commented out": (
        "vars:\n  # other: ${width}\n  width: 1\n  b: 2\n" + spec("dense: '${b}'"),
        "vars:\n  # other: ${width}\n  b: 2\n" + spec("dense: '${b}'"),
        "W401 line 3",
    ),
    "a variable, but not the heading above it": (
        "vars:\n  b: 2\n  # ---- experiments below ----\n  width: 1\n  # widths\n" + spec("dense: '${b}'"),
        "vars:\n  b: 2\n  # ---- experiments below ----\n  # widths\n" + spec("dense: '${b}'"),
        "W401 line 4",
    ),
    "all variables, but not what is said of the file": (
        "# A model.\n# vars are small.\nvars:\n  # other: 7\n  # a is one\n  a: 1\n" + spec("dense: 3"),
        "# A model.\n  # other: 7\n" + spec("dense: 3"),
        "W401 line 6",
    ),
    "all variables, but not what begins the file": (
        "# vars\nvars:\n  a: 1\n" + spec("dense: 3"),
        "# vars\n" + spec("dense: 3"),
        "W401 line 3",
    ),
    "a variable, but not what is aespec's": (
        "vars:\n  # aespec: ignore-file[W201]\n  a: 1\n  b: 3\n" + spec("dense: {units: '${b}', activation: selu}"),
        "vars:\n  # aespec: ignore-file[W201]\n  b: 3\n" + spec("dense: {units: '${b}', activation: selu}"),
        "W401 line 3",
    ),
    "a variable on several lines": (
        "vars:\n  b: 2\n  a:\n    - 1\n    # half\n    - 2\n\n# more\n" + spec("dense: '${b}'"),
        "vars:\n  b: 2\n\n# more\n" + spec("dense: '${b}'"),
        "W401 line 3",
    ),
    "variables that only each other use": (
        "vars: {a: 3, b: '${a}', c: '${b}'}\n" + spec("dense: 3"),
        spec("dense: 3"),
        "W401 line 1, W401 line 1, W401 line 1",
    ),
    "all variables": (
        "name: x\nvars:\n  a: 1\n  b: 2\n\n" + spec("dense: 3"),
        "name: x\n\n" + spec("dense: 3"),
        "W401 line 3, W401 line 4",
    ),
    "a variable between braces": (
        "vars: {a: 1, b: 2, c: 3}\n" + spec("dense: '${b}'"),
        "vars: {b: 2}\n" + spec("dense: '${b}'"),
        "W401 line 1, W401 line 1",
    ),
    "a bias of a short form": (
        "input: [8]\nencoder:\n  - dense: 5  # five\n" + AFTER,
        "input: [8]\nencoder:\n  - dense: {units: 5, use_bias: false}  # five\n" + AFTER,
        "W204 line 3",
    ),
    "of a variable": (
        "vars: {n: 5}\n" + spec("dense: ${n}, batch_normalization, dense: 3", "[dense: 8]"),
        "vars: {n: 5}\n" + spec("dense: {units: ${n}, use_bias: false}, batch_normalization, dense: 3", "[dense: 8]"),
        "W204 line 3",
    ),
    "between braces": (
        spec("dense: {units: 5, name: a}, batch_normalization, dense: 3", "[dense: 8]"),
        spec("dense: {units: 5, name: a, use_bias: false}, batch_normalization, dense: 3", "[dense: 8]"),
        "W204 line 2",
    ),
    "of a convolution": (
        spec("conv1d: {filters: 2, kernel_size: 1}, " + FLAT, "[dense: 8, reshape: [4, 2]]", input="[4, 2]"),
        spec(
            "conv1d: {filters: 2, kernel_size: 1, use_bias: false}, " + FLAT,
            "[dense: 8, reshape: [4, 2]]",
            input="[4, 2]",
        ),
        "W204 line 2",
    ),
    "that is stated": (
        spec("dense: {use_bias: true, units: 5}, batch_normalization, dense: 3", "[dense: 8]"),
        spec("dense: {use_bias: false, units: 5}, batch_normalization, dense: 3", "[dense: 8]"),
        "W204 line 2",
    ),
    "with a comment of its own between braces": (
        "input: [8]\nencoder:\n  - dense: {\n      units: 5  # five\n    }\n" + AFTER,
        "input: [8]\nencoder:\n  - dense: {\n      units: 5,  # five\n      use_bias: false\n    }\n" + AFTER,
        "W204 line 3",
    ),
    "with a comment behind a comma between braces": (
        "input: [8]\nencoder:\n  - dense: {units: 5,  # five\n    }\n" + AFTER,
        "input: [8]\nencoder:\n  - dense: {units: 5,  # five\n      use_bias: false,\n    }\n" + AFTER,
        "W204 line 3",
    ),
    "in a block": (
        "input: [8]\nencoder:\n  - dense:\n      # wide\n      units: 5  # five\n\n" + AFTER,
        "input: [8]\nencoder:\n  - dense:\n      # wide\n      units: 5  # five\n      use_bias: false\n\n" + AFTER,
        "W204 line 3",
    ),
    "in a wrapper": (
        spec("time_distributed: {layer: {dense: 2}}, " + FLAT, "[dense: 8, reshape: [4, 2]]", input="[4, 2]"),
        spec(
            "time_distributed: {layer: {dense: {units: 2, use_bias: false}}}, " + FLAT,
            "[dense: 8, reshape: [4, 2]]",
            input="[4, 2]",
        ),
        "W204 line 2",
    ),
    "before a mirror, which stays as it is": (
        spec("dense: 5, batch_normalization, dense: 3"),
        spec("dense: {units: 5, use_bias: false}, batch_normalization, dense: 3"),
        "W204 line 2",
    ),
    "that layers share": (
        "input: [8]\nencoder: [&d {dense: 5}, &b batch_normalization, *d, *b, dense: 3]\n" + REST,
        "input: [8]\nencoder: [&d {dense: {units: 5, use_bias: false}}, &b batch_normalization, *d, *b, dense: 3]\n"
        + REST,
        "W204 line 2",
    ),
    "a tab before a comment": (
        "vars: {b: 1}\nname: x\t# why\n" + spec("dense: 3"),
        "name: x\t# why\n" + spec("dense: 3"),
        "W401 line 1",
    ),
    "an ignore": (
        "input: [8]  # aespec: ignore[W201] no more\nencoder: [dense: 3]\ndecoder: mirror",
        "input: [8]\nencoder: [dense: 3]\ndecoder: mirror",
        "W402 line 1",
    ),
    "two alike": (
        "input: [8]  # aespec: ignore[W201]\nencoder: [dense: 3]\ndecoder: mirror  # aespec: ignore[W201]\n",
        "input: [8]\nencoder: [dense: 3]\ndecoder: mirror\n",
        "W402 line 1, W402 line 3",
    ),
    "an ignore's line": (
        "# top\n  # aespec: ignore-file[W201, W203]\ninput: [8]\nencoder: [dense: 3]\ndecoder: mirror\n",
        "# top\ninput: [8]\nencoder: [dense: 3]\ndecoder: mirror\n",
        "W402 line 2, W402 line 2",
    ),
    "one of an ignore's": (
        spec("dense: {units: 3, activation: selu}") + "# aespec: ignore-file[W203, W201, W301]",
        spec("dense: {units: 3, activation: selu}") + "# aespec: ignore-file[W201]",
        "W402 line 5, W402 line 5",
    ),
    "codes that are none": (
        spec("dense: {units: 3, activation: selu}") + "# aespec: ignore-file[E101, W201, X999]",
        spec("dense: {units: 3, activation: selu}") + "# aespec: ignore-file[W201]",
        "W402 line 5, W402 line 5",
    ),
}


@pytest.mark.parametrize("case", MENDED)
@pytest.mark.parametrize("dress", ["lf", "crlf", "bom"])
def test_fix_changes_no_more_than_needed(case, dress, tmp_path):
    before, after, lines = MENDED[case]
    mark, end = ("\ufeff" if dress == "bom" else ""), ("\r\n" if dress == "crlf" else "\n")
    before, after = ((mark + text.replace("\n", end)).encode() for text in (before, after))
    path = tmp_path / "x.yaml"
    path.write_bytes(before)
    path.chmod(0o640)

    shown = validate(path, "--diff")
    assert path.read_bytes() == before
    lines_of = [text.decode().splitlines(keepends=True) for text in (before, after)]
    expected = "".join(f"{line.rstrip()}\n" for line in unified_diff(*lines_of, str(path), str(path)))
    assert "\n".join(line.rstrip() for line in shown.stdout.splitlines()[:-1]) == expected.rstrip("\n")

    done = validate(path, "--fix", "--strict")
    assert path.read_bytes() == after
    assert (done.exit_code, done.stderr) == (0, "")
    count = lines.count("line")
    assert done.stdout.splitlines()[0] == f"{path}: fixed {count} problem{'s' * (count > 1)} ({lines})"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_fix_json(indent, tmp_path):
    dense = {"dense": {"units": 5, "name": "a"}}
    data = {
        "vars": {"a": 1, "b": 3},
        "input": [8],
        "encoder": [dense, "batch_normalization", {"dense": "${b}"}],
        "decoder": [{"dense": 8}],
    }
    path = tmp_path / "x.json"
    path.write_text(json.dumps(data, indent=indent))
    assert validate(path, "--fix", "--strict").exit_code == 0
    del data["vars"]["a"]
    dense["dense"]["use_bias"] = False
    assert path.read_text() == json.dumps(data, indent=indent)


def test_json_in_which_a_fix_finds_no_place_is_left(tmp_path):
    path = tmp_path / "x.json"
    data = {"description": "\x7f", "vars": {"a": 1}, "input": [8], "encoder": [{"dense": 3}], "decoder": "mirror"}
    text = json.dumps(data, ensure_ascii=False)
    path.write_text(text)
    done = validate(path, "--fix")
    assert f"{path}: to be mended by hand, as it is written: W401 line 1" in done.stderr
    assert path.read_text() == text


UNTOUCHED = {
    "an error": "vars: {a: 1}\ninput: [8]\nencoder: [dens: 3]\ndecoder: mirror\n",
    "a comment that would go too": "vars: {b: 1,  # the first\n  a: 2}\n" + spec("dense: '${b}'"),
    "a bias of which more is stated": spec(
        "dense: {units: 5, bias_initializer: ones}, batch_normalization, dense: 3", "[dense: 8]"
    ),
    "a bias that the plan names": spec(
        "dense: 5, batch_normalization, dense: 3", "[dense: 8]", more="training: {freeze: encoder/dense_1/bias}"
    ),
    "a text that another layer has too": (
        "input: [8]\nencoder: [&d {dense: 5}, batch_normalization, *d, dense: 3]\n" + REST
    ),
    "nothing to fix": spec("dense: {units: 3, activation: selu}"),
    "nothing wrong": spec("dense: 3"),
}


@pytest.mark.parametrize("case", UNTOUCHED)
def test_fix_leaves_alone(case, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(UNTOUCHED[case])
    before = path.stat()
    done = validate(path, "--fix")
    assert "fixed" not in done.stdout
    assert path.read_text() == UNTOUCHED[case]
    assert path.stat().st_ino == before.st_ino
    assert validate(path, "--diff").stdout.count("@@") == 0


def test_a_fix_that_would_do_something_else_is_not_made(tmp_path, monkeypatch):
    from aespec.fixes import Edit, RemoveEntry

    path = tmp_path / "x.yaml"
    path.write_text("vars: {a: 1}\n" + spec("dense: 3"))
    cut = path.read_text().index("\ndecoder")
    for edit in (Edit(0, cut, ""), Edit(0, 12, "name: y"), Edit(0, 0, "# x\n")):
        monkeypatch.setattr(RemoveEntry, "_edit", lambda self, text, source, edit=edit: edit)
        done = validate(path, "--fix")
        assert "to be mended by hand" in done.stderr
        assert path.read_text() == "vars: {a: 1}\n" + spec("dense: 3")


def test_fix_writes_through_a_link(tmp_path):
    path, link = tmp_path / "x.yaml", tmp_path / "link.yaml"
    path.write_text(WARNED)
    link.symlink_to(path)
    assert validate(link, "--fix").exit_code == 0
    assert link.is_symlink()
    assert path.read_text() == WARNED.replace("vars: {n: 3}\n", "")


def test_a_folder_that_cannot_be_written_is_told(warned, monkeypatch):
    def refuse(self, target):
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    done = validate(warned, "--fix")
    assert done.exit_code == 1
    assert "error[E" in done.stderr
    assert warned.read_text() == WARNED


def test_a_mended_model_computes_the_same(tmp_path):
    """A bias before a batch normalization makes no difference in training: the moments are the batch's."""
    text = spec("dense: 5, batch_normalization, dense: 3", "[dense: 8]", input="[8]")
    path = tmp_path / "x.yaml"
    path.write_text(text)
    validate(path, "--fix")
    x = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    values = [
        aespec.build(spec_, backend="numpy", seed=0).reconstruct(x) for spec_ in (aespec.parse(text), aespec.load(path))
    ]
    np.testing.assert_array_equal(*values)  # biases start at zero, and other weights are drawn by their names
