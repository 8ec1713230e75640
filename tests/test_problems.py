"""Faults of a spec: code, place, what was wanted and got, and a help that is right."""

import json
import random
import re
from contextlib import suppress
from functools import reduce
from operator import getitem

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import aespec
from aespec.diagnostics import render
from aespec.zoo import zoo

HEAD = "input: [4]\ndecoder: mirror\n"


def everything(spec):
    """What is wrong with a spec, its fields and its layers together, as the commands tell it."""
    problems = []
    aespec.compile(aespec.parse(spec, problems=problems), problems=problems)


def faults(text):
    with pytest.raises(aespec.AespecError) as caught:
        everything(text)
    return caught.value.diagnostics


# text of the encoder, then code, column of the caret on the last line, the words under it, and a part of the help
@pytest.mark.parametrize(
    ("line", "code", "under", "help"),
    [
        ("- dens: 3", "E101", "dens", "did you mean `dense`?"),
        ("- Conv2D: {filters: 3, kernel_size: 3}", "E101", "Conv2D", "did you mean `conv2d`?"),
        ("- Linear: {out_features: 3}", "E101", "Linear", "write `- dense: 3`"),
        ("- linear", "E101", "linear", "did you mean `dense: ...`, with its `units`?"),
        ("- Conv2d: {filters: 3, kernel_size: 3}", "E101", "Conv2d", "did you mean `conv2d`?"),
        ("- ConvTranspose2d", "E101", "ConvTranspose2d", "did you mean `conv2d_transpose`?"),
        ("- MaxPool2d", "E101", "MaxPool2d", "did you mean `max_pool2d`?"),
        ("- AdaptiveAvgPool2d", "E101", "AdaptiveAvgPool2d", "did you mean `global_average_pool2d`?"),
        ("- LSTM: 3", "E101", "LSTM", "did you mean `lstm`?"),
        ("- BatchNorm1d", "E101", "BatchNorm1d", "write `- batch_normalization: {momentum: 0.9, epsilon: 1e-05}`"),
        ("- Dropout: 0.1", "E101", "Dropout", "did you mean `dropout`?"),
        ("- Flatten", "E101", "Flatten", "did you mean `flatten`?"),
        ("- Unflatten: [2, 2]", "E101", "Unflatten", "did you mean `reshape`?"),
        ("- Upsample: 2", "E101", "Upsample", "did you mean `upsampling2d`?"),
        ("- InputLayer: [3]", "E101", "InputLayer", "the shape of what goes in stands once, as `input`"),
        ("- ReLU", "E101", "ReLU", "write `- activation: relu`"),
        ("- LeakyReLU: {slope: 0.1}", "E101", "LeakyReLU", "{function: {leaky_relu: {negative_slope: 0.1}}}`"),
        ("- Identity", "E101", "Identity", "write `- activation: linear`"),
        ("- mirror", "E101", "mirror", "write `decoder: mirror`"),
        ("- conv2d: {out_channels: 3, kernel_size: 3}", "E102", "out_channels", "did you mean `filters`?"),
        ("- dense: {out_features: 3}", "E102", "out_features", "did you mean `units`?"),
        ("- max_pool2d: {kernel_size: 2}", "E102", "kernel_size", "did you mean `pool_size`?"),
        ("- dropout: {p: 0.1}", "E102", "p", "did you mean `rate`?"),
        ("- gaussian_noise: {sigma: 0.1}", "E102", "sigma", "did you mean `stddev`?"),
        ("- dense: {units: 3, sigma: 0.1}", "E102", "sigma", "remove `sigma`"),
        ("- dense: {units: 3, activation: swish}", "E101", "swish", "did you mean `silu`?"),
        (
            "- dense: {units: 3, kernel_initializer: xavier_normal}",
            "E101",
            "xavier_normal",
            "did you mean `glorot_normal`?",
        ),
        (
            "- dense: {units: 3, kernel_initializer: kaiming_uniform_}",
            "E101",
            "kaiming_uniform_",
            "did you mean `he_uniform`?",
        ),
        ("- MaxPooling2D", "E101", "MaxPooling2D", "did you mean `max_pool2d`?"),
        ("- dense: {units: 3, activation: sel}", "E101", "sel", "did you mean `selu`?"),
        ("- dense: {units: 3, activation: {gelu: {aproximate: true}}}", "E102", "aproximate", "`approximate`"),
        ("- dense: {units: 3, kernel_initializer: glorot}", "E101", "glorot", "glorot_"),
        ("- dense: {unit: 3, units: 3}", "E102", "unit", "it is `units` here, which is stated too: keep one"),
        ("- dense: {}", "E103", "dense", "add `units: ...`"),
        ("- dense", "E103", "dense", "write `dense: ...`"),
        ("- dense: {units: 3.5}", "E104", "3.5", "Width"),
        ("- dense: {units: '3'}", "E104", "'3'", "did you mean `3`?"),
        ("- dense: {units: $(n)}", "E104", "$(n)", "did you mean `${n}`?"),
        ("- dense: {units: $n}", "E104", "$n", "did you mean `${n}`?"),
        ("- conv1d: {filters: 2, kernel_size: 3, padding: $(p)}", "E104", "$(p)", "did you mean `${p}`?"),
        ("- dense: {units: true}", "E104", "true", "Width"),
        ("- dense: -3", "E104", "-3", "Width"),
        ("- dense: {units: null}", "E104", "null", "Width"),
        ("- dropout: 1.5", "E104", "1.5", "Fraction"),
        ("- dropout: .nan", "E104", ".nan", "Fraction"),
        ("- conv1d: {filters: 2, kernel_size: [3, 3]}", "E104", "[3, 3]", ""),
        ("- conv1d: {filters: 2, kernel_size: 3, padding: sam}", "E104", "sam", "did you mean `same`?"),
        ("- conv1d: {filters: 2, kernel_size: 3, strides: 2, dilation_rate: 2}", "E106", "2}", "drop one"),
        ("- conv1d_transpose: {filters: 2, kernel_size: 3, output_padding: 1}", "E106", "1}", ""),
        ("- dense: {units: 3, use_bias: false, bias_regularizer: {l2: 1.0}}", "E106", "{l2: 1.0}", ""),
        ("- dense: {units: 3, use_bias: false, bias_initializer: ones}", "E106", "ones", ""),
        ("- reshape: [-1, -1]", "E106", "[-1, -1]", ""),
        ("- permute: [1, 1]", "E106", "[1, 1]", ""),
        ("- zero_padding1d: -1", "E104", "-1", ""),
        ("- bidirectional: {layer: {dense: 3}}", "E104", "{dense: 3}", ""),
        ("- time_distributed: {layer: {gaussian_latent: 3}}", "E104", "{gaussian_latent: 3}", "already"),
        ("- time_distributed: {layer: {dense: {unts: 3}}}", "E102", "unts", "did you mean `units`?"),
        ("- {dense: 3, dropout: 0.1}", "E105", "{dense: 3, dropout: 0.1}", "a dash of its own"),
        ("- {dense: 3, activation: relu}", "E105", "{dense: 3, a", 'write `- dense: {units: 3, activation: relu}`'),
        ("- {dense: {units: 3}, name: a}", "E105", "{dense: {un", 'write `- dense: {units: 3, name: a}`'),
        ("- {dense: , units: 3, use_bias: false}", "E105", "{dense: ", "write `- dense: {units: 3, use_bias: false}`"),
        ("- {dense: 3, acivation: relu}", "E105", "{dense: 3, a", 'write `- dense: {units: 3, activation: relu}`'),
        ("- {activation: relu, dense: 3}", "E105", "{activation", 'write `- dense: {units: 3, activation: relu}`'),
        ("- {name: code, dense: 3}", "E105", "{name", 'write `- dense: {units: 3, name: code}`'),
        ("- {dense: 3, banana: 1}", "E105", "{dense: 3, b", "write `{dense: {...}}`"),
        ("- {dens: 3, dropout: 0.1}", "E105", "{dens: 3, d", "a dash of its own: `- dense: 3` and"),
        ("- {type: Dense, units: 3}", "E105", "{type: D", "write `- dense: {units: 3}`"),
        ("- {units: 3, kind: dense, use_bias: false}", "E105", "{units", "{units: 3, use_bias: false}`"),
        ("- {layer: flatten}", "E101", "layer", "write `flatten`"),
        ("- {name: banana, units: 3}", "E105", "{name: b", "name the kind, with these fields in it, for example"),
        ("- {type: banana, units: 3}", "E105", "{type: b", "begin with a kind"),
        ("- {activation: relu, units: 3}", "E105", "{activation", '`- dense: {activation: relu, units: 3}`'),
        ("- {class_name: Dense, config: {units: 3}}", "E105", "{class_name", "write `- dense: {units: 3}`"),
        ("- {type: repeat, times: 2, layers: [flatten]}", "E105", "{type", "write `- repeat: {times: 2, layers"),
        ("- {type: relu}", "E101", "type", 'write `{activation: relu}`'),
        ("- {op: dense, units: 3, activation: {type: relu}}", "E105", "{op", '{units: 3, activation: relu}'),
        ("- dense: {units: 3, kernel_initializer: {name: zeros}}", "E101", "name", "write `zeros`"),
        ("- dense: {units: 3, kernel_regularizer: {type: l2, weight: 0.1}}", "E105", "{type", "{l2: {weight: 0.1}}"),
        ("- {flatten: , dense: 3}", "E105", "{flatten: ", "`- flatten` and `- dense: 3`"),
        ("- relu", "E101", "relu", "write `- activation: relu`"),
        ("- dense:3", "E101", "dense:3", "write `- dense: 3`"),
        ("- Linear(3)", "E101", "Linear(3)", "write `- dense: 3`"),
        ("- dropout 0.2", "E101", "dropout 0.2", "write `- dropout: 0.2`"),
        ("- max pool", "E101", "max pool", "did you mean `max_pool1d`?"),
        ("- ls", "E101", "ls", "`aespec layers` lists all kinds"),
        ("- leaky_relu: 0.2", "E101", "leaky_relu", "write `- activation: {function: {leaky_relu: 0.2}}`"),
        ("- dense: {units: 3, activation relu}", "E102", "activation relu", "write `activation: relu`"),
        ("- dense: {units: 3, dropout: 0.1}", "E102", "dropout", "in the list: `- dropout: 0.1`"),
        ("- dense: {units: 3, kernel_regularizer: 0.01}", "E105", "0.01", "say which: `{l2: 0.01}`"),
        ("- linear: 3", "E101", "linear", "`aespec layers` lists all kinds"),
        ("- dense: {units: 3, in_features: 4}", "E102", "in_f", "remove `in_features`: what comes in follows from"),
        ("- dense: {in_features: 4, units: 3}", "E102", "in_f", "remove `in_features`: what comes in follows from"),
        ("- lstm: {units: 3, input_shape: [4, 2]}", "E102", "input_s", "remove `input_shape`: what comes in follows"),
        ("- conv1d", "E103", "conv1d", "write `conv1d: {filters: ..., kernel_size: ...}`"),
        ("- conv1d: {padding: same}", "E103", "conv1d", "add `filters: ..., kernel_size: ...`"),
        ("- gaussian_noise: {mean: 0, stddev: 0.1}", "E102", "mean", "remove `mean`"),
        ("- gaussian_latent: {units: 2, kl_weight: 0.1}", "E102", "kl_w", "did you mean `beta`?"),
        ("- Conv3D: {filters: 3, kernel_size: 3}", "E101", "Conv3D", "`aespec layers` lists all kinds"),
        ("- dense: {units: 3, activation: lrelu}", "E101", "lrelu", "did you mean `leaky_relu`?"),
        ("- activation: {type: relu}", "E102", "type", 'write `function: relu`'),
        ("- activation: {relu: true}", "E102", "relu", 'write `function: relu`'),
        ("- repeat: {n: 3, layers: [flatten]}", "E102", "n", "did you mean `times`?"),
        ("- dense: {output_dim: 3}", "E102", "output_dim", "did you mean `units`?"),
        ("- dense: {units: 3, weight_initializer: zeros}", "E102", "weight_i", "did you mean `kernel_initializer`?"),
        ("- dense: {units: 3, l2: 0.1}", "E102", "l2", "write `kernel_regularizer: {l2: 0.1}`"),
        ("- dense: {units: 3, relu: }", "E102", "relu", 'write `activation: relu`'),
        ("- dense: {units: 3, trainable: false}", "E102", "trainable", "write `freeze: true`"),
        ("- lstm: {units: 3, bidirectional: true}", "E102", "bidir", "`- bidirectional: {layer: {lstm: {units: 3}}}`"),
        ("- dense: {units: 3, flatten: true}", "E102", "flatten", "in the list: `- flatten`"),
        ("- conv1d: {filters: 2, kernel_size: 3, padding: 0}", "E104", "0}", "did you mean `valid`?"),
        ("- conv1d: {filters: 2, kernel_size: 3, padding: 1}", "E104", "1}", "or put `- zero_padding1d: 1` before"),
        ("- {type: Linear, in_features: 4, out_features: 3}", "E105", "{type", "write `- dense: 3`"),
        ("- reshape", "E103", "reshape", "write `reshape: ...`"),
        ("- reshape: {}", "E103", "reshape", "add `target_shape: ...`"),
        ("- dense: {units: 3, kernel_regularizer: {kl_divergence: {target: 0.1}}}", "E207", "{kl", "{target: 0.1}}`"),
        ("- [dense]", "E105", "[dense]", "brackets"),
        ("- dense: [128, 64]", "E104", "[128, 64]", "write `- dense: 64`; for two layers write `- dense: 128` and"),
        ("- dense: [128, 64, 32]", "E104", "[128, 64, 32]", "a layer has one: write `- dense: 128`, `- dense: 64` and"),
        ("- max_pool1d: [2, 2]", "E104", "[2, 2]", "write the one value"),
        ("- batchnorm", "E101", "batchnorm", "did you mean `batch_normalization`?"),
        ("- Dense(5, activation='relu')", "E101", "Dense(", "write `- dense: {units: 5, activation: relu}`"),
        ("- nn.Linear(20, 10)", "E101", "nn.L", "write `- dense: 10`"),
        ("- linear: [20, 10]", "E101", "linear", "write `- dense: 10`: the 20 that come in follow"),
        ("- Conv2d: [3, 16, 5]", "E101", "Conv2d", "write `- conv2d: {filters: 16, kernel_size: 5}`"),
        ("- nn.Conv2d(3, 16, 5, padding=2)", "E101", "nn.C", "kernel_size: 5, padding: same}`"),
        ("- Conv2D(16, (3, 3), kernel_regularizer=L2(0.1))", "E101", "Conv", "kernel_regularizer: {l2: 0.1}}`"),
        ("- nn.BatchNorm1d(8, momentum=0.1)", "E101", "nn.B", "{momentum: 0.9, epsilon: 1e-05}`"),
        ("- nn.Conv2d(3, 16, 3, stride=2, padding=1)", "E101", "nn.C", "`- zero_padding2d: 1` and `- conv2d: {filters"),
        ("- Conv2D: [16, 3]", "E101", "Conv2D", "write `- conv2d: {filters: 16, kernel_size: 3}`"),
        ("- {conv2d: 16, kernel_size: 3}", "E105", "{conv", "write `- conv2d: {filters: 16, kernel_size: 3}`"),
        ("- nn.AdaptiveAvgPool2d(1)", "E101", "nn.A", "write `- global_average_pool2d`"),
        ("- Bidirectional(LSTM(16))", "E101", "Bidi", "write `- bidirectional: {layer: {lstm: 16}}`"),
        ("- nn.ReLU(inplace=True)", "E101", "nn.R", "write `- activation: relu`"),
        ("- nn.LeakyReLU()", "E101", "nn.L", "write `- activation: {function: {leaky_relu: 0.01}}`"),
        ("- 784", "E105", "784", "for a dense layer of that width write `- dense: 784`"),
        ("- nn.BatchNorm2d(64)", "E101", "nn.B", "{momentum: 0.9, epsilon: 1e-05}`"),
        ("- Dropout(p=0.2)", "E101", "Drop", "write `- dropout: 0.2`"),
        ("- nn.LeakyReLU(0.2)", "E101", "nn.L", "write `- activation: {function: {leaky_relu: 0.2}}`"),
        ("- LSTM(64, return_sequences=True)", "E101", "LSTM", "`- lstm: {units: 64, return_sequences: true}`"),
        ("- Dense(5, activation=pick())", "E101", "Dense(", "left out: `activation=pick()`"),
        ("- dense: {units: 3, activation: null}", "E105", "null", "write `linear`"),
        ("- 3", "E105", "3", ""),
        ("- null", "E105", "null", ""),
        ("- flatten: 3", "E104", "3", "`flatten` alone"),
        ("- dense: {units: 3, kernel_regularizer: kl_divergence}", "E207", "kl_divergence", "activity_regularizer"),
        ("- upsampling1d: 2147483647", "E104", "2147483647", ""),
        ("- conv1d: {filters: 1, kernel_size: 9, dilation_rate: 16384}", "E106", "16384", "smaller"),
        ("- zero_padding1d: 1000000000000000000000000000000", "E104", "1000", ""),
        ("- dense: {units: 3, activation: {celu: 1.0e-308}}", "E104", "1.0e-308", ""),
        ("- dense: {units: 3, name: 3a}", "E104", "3a", "Name"),
        ("- conv1d: {filters: 2, kernel_size: 3}", "E201", "conv1d", "reshape: [4, 1]"),
        ("- dense: {unit: 3}", "E102", "unit", "did you mean `units`?"),
        ("- time_distributed: {layr: {dense: 3}}", "E102", "layr", "did you mean `layer`?"),
        ("- time_distributed: {dense: 3}", "E102", "dense: 3", "write `layer: {dense: 3}`"),
        ("- time_distributed: {type: dense, units: 3}", "E102", "type", "write `layer: {dense: {units: 3}}`"),
        ("- time_distributed: {use_bias: false, Linear: 3, name: a}", "E102", "use_", "{dense: {units: 3, use_bias: f"),
        ("- time_distributed: {Linear: 3}", "E102", "Linear", "write `layer: {dense: 3}`"),
        ("- bidirectional: {lstm: 3, return_sequences: true}", "E102", "lstm", "{lstm: {units: 3, return_sequences: t"),
        ("- {Linear: 3, activation: relu}", "E105", "{Linear", '`- dense: {units: 3, activation: relu}`'),
        ("- {LSTM: 3, return_sequences: true}", "E105", "{LSTM", "`- lstm: {units: 3, return_sequences: true}`"),
        ("- activation: {type: leaky_relu, slope: 1}", "E102", "type", "write `function: {leaky_relu: {"),
        ("- activation: {leaky_relu: {}}", "E102", "leaky_relu", "write `function: {leaky_relu: {}}`"),
        ("- conv2d: 3", "E104", "3", "write `conv2d: {filters: 3, kernel_size: ...}`"),
        ("- conv1d_transpose: 3", "E104", "3", "write `conv1d_transpose: {filters: 3, kernel_size: ...}`"),
        ("- batch_normalization: 3", "E104", "3", "it needs no value: write `batch_normalization` alone"),
        ("- dense: 10 relu", "E104", "10 relu", "write `- dense: {units: 10, activation: relu}`"),
        ("- view: [-1]", "E101", "view", "did you mean `reshape`?"),
        ("- bottleneck: 3", "E101", "bottle", "did you mean `dense`?"),
        ("- time_distributed: 3", "E105", "3", "`time_distributed: {layer: {dense: {"),
        ("- bidirectional: 3", "E105", "3", "`bidirectional: {layer: {lstm: {"),
        ("- time_distributed: {layer: {dense: 3, lstm: 3}}", "E105", "{dense: 3, l", "write `{dense: {...}}`"),
        ("- dense: {units: 3, activation: 3}", "E105", "3}", "`activation`: What the output goes through."),
        ("- conv2d: {filters: 2, kernel_size: 0}", "E104", "0}", "`kernel_size`: Extent of the kernel"),
        ("- conv2d: {filters: 2, kernel_size: [2, 0]}", "E104", "0]", "`kernel_size`: Extent of the kernel"),
        ("- zero_padding2d: [[1, 2], [0, 0.5]]", "E104", "0.5", "`padding`: Zeros to add"),
    ],
)  # fmt: skip
def test_a_fault_of_a_layer(line, code, under, help):
    found = faults(f"{HEAD}encoder:\n  {line}\n")
    (fault,) = (each for each in found if each.rule.code == code)
    assert {each.rule.code for each in found} <= {code, "E201"}  # since not all layers fit the input of HEAD
    assert fault.place is not None
    assert fault.place.line == 4
    start = fault.place.column - 1
    assert fault.place.text[start:].startswith(under)
    assert fault.wanted
    assert fault.got
    assert help in (fault.help or "")


@pytest.mark.parametrize(
    ("shape", "line", "help"),
    [
        ("[8, 8, 1]", "global_avg_pool", "did you mean `global_average_pool2d`?"),
        ("[8, 8, 1]", "max_pool: 2", "did you mean `max_pool2d`?"),
        ("[8, 8, 1]", "conv: {filters: 2, kernel_size: 3}", "did you mean `conv2d`?"),
        ("[8, 8, 1]", "Conv1D: {filters: 2, kernel_size: 3}", "did you mean `conv1d`?"),
        ("[8, 8, 1]", "{type: MaxPool, pool_size: 2}", "write `- max_pool2d: {pool_size: 2}`"),
        ("{shape: [8, 8, 1], range: [0, 1]}", "MaxPool(2)", "write `- max_pool2d: 2`"),
        ("[8, 1]", "global_avg_pool", "did you mean `global_average_pool1d`?"),
        ("[8, 1]", "Upsample: 2", "did you mean `upsampling1d`?"),
    ],
)
def test_a_kind_without_a_number_of_axes_is_the_one_for_the_input(shape, line, help):
    fault, *_ = faults(f"input: {shape}\ndecoder: mirror\nencoder:\n  - {line}\n")
    assert help in fault.help


STEPS = "input: [8, 3]\ndecoder: mirror\nencoder:\n"


@pytest.mark.parametrize(
    ("layers", "help"),
    [
        # with all steps (8, 5) reaches the layer, which it takes
        ("[{lstm: 5}, {lstm: 2}]", "state `return_sequences: true` at `encoder/lstm_1`, which gives its last step"),
        ("[{lstm: 5}, {dropout: 0.1}, {dense: 4}, {gru: 2}]", "`return_sequences: true` at `encoder/lstm_1`"),
        ("[{bidirectional: {layer: {gru: 5}}}, {conv1d: {filters: 2, kernel_size: 8}}]", "`encoder/bidirectional_1`"),
        ("[{lstm: {units: 5, return_sequences: true}}, {gru: 4}, {lstm: 2}]", "at `encoder/gru_1`"),
        ("[{lstm: 5}, {time_distributed: {layer: {dense: 2}}}]", "or put a `repeat_vector` between"),
        # with all steps it is still not what the layer takes
        ("[{lstm: 5}, {conv1d: {filters: 2, kernel_size: 9}}]", "put `- reshape: [5, 1]` before it"),
        ("[{lstm: 5}, {conv2d: {filters: 2, kernel_size: 2}}]", "put `- reshape: [height, width, channels]` before it"),
        ("[{lstm: 5}, {reshape: [1, 5]}, {conv2d: {filters: 2, kernel_size: 2}}]", "put `- reshape: [1, 5, 1]` before"),
        ("[flatten, {lstm: 2}]", "put `- reshape: [8, 3]` before it"),
        (
            "[{dense: 5}, flatten, {lstm: 2}]",
            "`- reshape: [steps, features]` before it, 40 values in all, or",
        ),
    ],
)
def test_what_to_do_where_a_layer_has_no_steps(layers, help):
    (fault,) = faults(f"{STEPS}  {layers}")
    assert fault.rule.code == "E201"
    assert help in fault.help


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("training: {learning_rate: 0.1}", "`learning_rate` is a field of `adam`: write `optimizer: {adam: 0.1}`"),
        ("training: {lr: 0.1, optimizer: sgd}", "`learning_rate` is a field of `sgd`: write `optimizer: {sgd: 0.1}`"),
        ("training: {lr: 0.1, optimizer: {sgd: {momentum: 0.9}}}", "`optimizer: {sgd: {momentum: 0.9, learning_rate:"),
        (
            "training: {momentum: 0.9, optimizer: {sgd: 1}}",
            "write `optimizer: {sgd: {learning_rate: 1, momentum: 0.9}}`",
        ),
        ("training: {adam: 0.1}", "write `optimizer: {adam: 0.1}`"),
        ("training: {cosine: }", "write `schedule: cosine`"),
        ("mse: 2", "write `loss: {mse: {weight: 2}}`"),
        ("training: {optimizer: {adam: {betas: [0.9, 0.99]}}}", "write `beta_1: 0.9, beta_2: 0.99`"),
        ("training: {schedule: {step: {every: 2, gamma: 0.1}}}", "did you mean `factor`?"),
        ("training: {random_seed: 3}", "did you mean `seed`?"),
        ("training: {validation: 0.1}", "did you mean `validation_split`?"),
        ("training: {gradient_clip: 1}", "did you mean `clip_norm`?"),
        ("training: {callbacks: [early_stopping]}", "write `early_stopping: 5`"),
        ("training: {type: adam}", "did you mean `optimizer`?"),
        ("training: {max_iter: 5}", "did you mean `epochs`?"),
        ("training: {data: digits}", "a command is told, `--data`, not the spec"),
        ("training: {patience: 3}", "`patience` is a field of `early_stopping`: write `early_stopping: 3`"),
        ("training: {min_delta: 1, early_stopping: 4}", "write `early_stopping: {patience: 4, min_delta: 1}`"),
        ("epochs: 3", "`epochs` is a field of `training`: write `training: {epochs: 3}`"),
        ("lr: 3", "`learning_rate` is a field of `adam`: write `training: {optimizer: {adam: 3}}`"),
        ("stride: 3", "`stride` is a field of `input`: write `input: {shape: [4], stride: 3}`"),
        ("tie_weights: true", "write `decoder: {mirror: {tie_weights: true}}`"),
        ("loss: huber\ndelta: 2", "write `loss: {huber: 2}`"),
        ("data: digits", "a command is told, `--data`, not the spec"),
        # what is nowhere, or only in a list, of which the item is not known
        ("training: {loss: mse}", "`loss` stands at the top of the spec, beside `training`"),
        ("training: {greedy: [{epochs: 2, lr: 3}]}", "remove `lr`"),
        ("units: 3", "remove `units`"),
    ],
)
def test_a_field_that_belongs_to_what_stands_beside_it(text, help):
    found = faults(f"input: [4]\nencoder: [{{dense: 2}}]\ndecoder: mirror\n{text}\n")
    (fault,) = (each for each in found if each.rule.code != "E106")  # `[4]` has no windows
    assert fault.rule.code == "E102"
    assert help in fault.help


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("encoder: [{dense: 2}]\ndecoder: {mirror: sigmoid}", "write `mirror: {output_activation: sigmoid}`"),
        ("encoder: [{dense: 2}]\ndecoder: {mirror: true}", "it needs no value: write `mirror` alone"),
        ("encoder: [{dense: 2}]\ndecoder: {mirror: 28}", "write `mirror: {length: 28}`"),
        ("encoder: [{dense: 2}]\ndecoder: {mirror: 1.5}", "it needs no value: write `mirror` alone"),
        ("encoder: [{dense: 2}]\ndecoder: mirror\nloss: {mse: 0.5}", "write `mse: {weight: 0.5}`"),
        ("encoder: [flatten, {flatten: true}, {dense: 2}]\ndecoder: mirror", "write `flatten` alone"),
        ("encoder: [{dense: 2}]\ndecoder: mirror\nloss: {mse: 1.0, mae: 0.5}", "`- mse: {weight: 1.0}` and `- mae"),
        ("encoder: [{dense: 2}]\ndecoder: mirror\nloss: mse, mae", "write `[mse, mae]`"),
        ("encoder: [{dense: 2}]\ndecoder: mirror\ntraining: {optimizer: adam(0.1)}", "write `{adam: 0.1}`"),
        ("layers: [{dense: 2}]\ndecoder: mirror", "did you mean `encoder`?"),
        ("encoder: [{dense: 2}]\ndecoder: symmetric", "did you mean `mirror`?"),
        ("vars: {w: 2}\nencoder: [{dense: w}]\ndecoder: mirror", "did you mean `${w}`?"),
        ("vars: {w: 2}\nencoder: [{dense: '{{w}}'}]\ndecoder: mirror", "did you mean `${w}`?"),
        ("vars: {w: 4}\nencoder: [{dense: w // 2}]\ndecoder: mirror", 'did you mean `"${w // 2}"`?'),
        (
            'vars: {j: 1}\nencoder: [{dropout: "0.${j}"}, {dense: 2}]\ndecoder: mirror',
            "a text with `${...}` in it stays",
        ),
        ('encoder: [{dense: "${1_000}"}]\ndecoder: mirror', "write `1000`"),
        ('encoder: [{dense: "${007}"}]\ndecoder: mirror', "write `7`"),
        ('encoder: [{dense: "${1.5}"}]\ndecoder: mirror', "only whole numbers are computed with"),
    ],
)
def test_what_a_value_was_meant_to_be(text, help):
    (fault,) = faults(f"input: [4]\n{text}\n")
    assert help in fault.help


@pytest.mark.parametrize(
    ("text", "code", "under"),
    [
        ("input: [4]\nencoder: [{dense: 2}]\n", "E103", "input"),
        ("encoder: [{dense: 2}]\ndecoder: mirror\n", "E103", "encoder"),
        ("input: [4]\nencoder: []\ndecoder: mirror\n", "E104", "[]"),
        ("input: [4]\nencoder: flatten\ndecoder: mirror\n", "E104", "flatten"),
        ("input: 4\nencoder: [{dense: 2}]\ndecoder: mirror\n", "E104", "4"),
        ("input: []\nencoder: [{dense: 2}]\ndecoder: mirror\n", "E104", "[]"),
        ("input: [0]\nencoder: [{dense: 2}]\ndecoder: mirror\n", "E104", "0"),
        ("input: {shape: [4], range: [1, 0]}\nencoder: [{dense: 2}]\ndecoder: mirror\n", "E106", "[1, 0]"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: miror\n", "E101", "miror"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: []\n", "E104", "[]"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: {mirror: {tied: true}}\n", "E102", "tied"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\nlos: mse\n", "E102", "los"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\nloss: mean_squared\n", "E101", "mean_squared"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\ntraining: {epochs: 0}\n", "E104", "0"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\ntraining: {epoch: 1}\n", "E102", "epoch"),
        ("input: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\nname: a b\n", "E104", "a b"),
    ],
)
def test_a_fault_of_the_spec(text, code, under):
    fault = faults(text)[0]
    assert fault.rule.code == code
    assert fault.place is not None
    start = fault.place.column - 1
    assert fault.place.text[start:].startswith(under)


@pytest.mark.parametrize(
    ("shape", "help"),
    [
        ("28x28", "write the shape as a list: `input: [28, 28]`"),
        ("(28, 28, 1)", "write the shape as a list: `input: [28, 28, 1]`"),
        ("(9,)", "write the shape as a list: `input: [9]`"),
        ("9", "write the shape as a list: `input: [9]`"),
        ("images", "`input`: What goes in, and comes out again."),
    ],
)
def test_an_input_whose_shape_is_no_list(shape, help):
    (fault,) = faults(f"input: {shape}\nencoder: [{{dense: 2}}]\ndecoder: mirror\n")
    assert (fault.rule.code, fault.help) == ("E104", help)
    assert fault.wanted == "a mapping, or its `shape` alone"


@pytest.mark.parametrize("bounds", ["0..1", "0...1", "0 to 1", "(0, 1)", "0:1", "0-1", "0 1"])
def test_a_range_that_is_no_list(bounds):
    (fault,) = faults(f"input: {{shape: [4], range: '{bounds}'}}\nencoder: [{{dense: 2}}]\ndecoder: mirror\n")
    assert (fault.rule.code, fault.help) == ("E104", "write both as a list: `range: [0, 1]`")


@pytest.mark.parametrize(
    ("loss", "meant"),
    [
        ("MSELoss", "mse"),
        ("L1Loss", "mae"),
        ("L1", "mae"),
        ("SmoothL1Loss", "huber"),
        ("BCEWithLogitsLoss", "binary_crossentropy"),
        ("CrossEntropyLoss", "categorical_crossentropy"),
    ],
)
def test_a_loss_by_its_name_elsewhere(loss, meant):
    (fault,) = faults(f"input: [4]\nencoder: [{{dense: 2}}]\ndecoder: mirror\nloss: {loss}\n")
    assert (fault.rule.code, fault.help) == ("E101", f"did you mean `{meant}`?")


@pytest.mark.parametrize(
    ("target", "help"),
    [
        ("encoder/dens_1", "did you mean `encoder/dense_1`?"),
        ("wide", "name one of them: `encoder/dense_1`, `encoder/dense_2`"),
        ("encoder/flatten_1", "name one of them: `encoder/dense_1`, `encoder/dense_2`"),
    ],
)
def test_what_can_be_tied_to_is_named(target, help):
    (fault,) = faults(
        "input: [4]\nencoder: [flatten, dense: 4, dense: 4, dense: {units: 5, name: code}, dense: 4]\n"
        f"decoder: [dense: {{units: 4, tied_to: {target}}}]\n"
    )
    assert (fault.rule.code, fault.help) == ("E204", help)


def test_where_nothing_can_be_tied_to_the_tie_goes():
    (fault,) = faults("input: [4]\nencoder: [dense: {units: 3, tied_to: encoder/dense_1}]\ndecoder: [dense: 4]\n")
    assert (fault.rule.code, fault.help) == ("E204", "remove `tied_to`: no layer before it has a kernel for it")


@pytest.mark.parametrize(
    ("plan", "under", "wanted"),
    [
        ("{clip_norm: 1.0, clip_value: 0.5}", "0.5", "`clip_norm` or `clip_value`, not both"),
        ("{mixed_precision: bfloat16, dtype: float64}", "bfloat16", "`dtype: float32`, or no mixed precision"),
        (
            "{validation_split: 0.2, validation_data: x.npy}",
            "0.2",
            "`validation_split` or `validation_data`, not both",
        ),
        ("{window: 3}", "3", "`window` at least 32, the `batch_size`"),
        ("{window: 99, batch_size: 100}", "99", "`window` at least 100, the `batch_size`"),
    ],
)
def test_fields_of_a_plan_that_are_wrong_together(plan, under, wanted):
    (fault,) = faults(f"input: [4]\nencoder: [{{dense: 2}}]\ndecoder: mirror\ntraining: {plan}\n")
    assert (fault.rule.code, fault.got.strip('"'), fault.wanted) == ("E106", under, wanted)
    assert fault.place.text[fault.place.column - 1 :].startswith(under)


@pytest.mark.parametrize("item", ["time_distributed: {%s}", "activation: {%s}", "{%s}"])
def test_many_unknown_fields_are_not_compared_with_kinds_as_a_whole(item, monkeypatch):
    """That would take as long as the square of their number."""
    asked = []
    monkeypatch.setattr("aespec.meanings.known_kind", lambda *given: asked.append(given))
    found = faults(f"{HEAD}encoder:\n  - {item % ', '.join(f'k{i}: 1' for i in range(99))}\n")
    assert len(found) == (1 if item == "{%s}" else 100)  # the main field is missing as well
    assert not asked


def test_a_model_of_keras_is_told_as_such(tmp_path):
    path = tmp_path / "model.json"
    path.write_text('{"module": "keras", "class_name": "Functional", "config": {"layers": []}, "build_config": {}}')
    with pytest.raises(aespec.AespecError) as caught:
        aespec.load(path)
    (fault,) = caught.value.diagnostics
    assert (fault.rule.code, fault.message) == ("E102", "this is a model as Keras writes it, not a spec")
    assert "`aespec import model.keras`" in fault.help


def test_an_input_by_its_name_elsewhere_is_told_once():
    (fault,) = faults("input_shape: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\n")
    assert (fault.rule.code, fault.help) == ("E102", "did you mean `input`?")


def test_an_optimizer_by_its_name_elsewhere_has_its_rate_all_the_same():
    found = faults("input: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\ntraining: {optimizer: SGD, lr: 0.1}\n")
    assert [fault.help for fault in found] == [
        "did you mean `sgd`?",
        "`learning_rate` is a field of `sgd`: write `optimizer: {sgd: 0.1}`",
    ]


def test_a_decoder_without_its_name_is_told_once():
    (fault,) = faults("input: [4]\nencoder: [{dense: 2}]\nmirror: {tie_weights: true}\n")
    assert (fault.rule.code, fault.help) == ("E102", "write `decoder: {mirror: {tie_weights: true}}`")


def test_all_faults_are_told_at_once_in_the_order_of_the_file():
    text = HEAD + "encoder:\n  - dens: 3\n  - dense: {units: 0, activation: sel}\nloss: ms\ntraining: {epochs: x}\n"
    assert [(f.rule.code, f.place.line) for f in faults(text)] == [
        ("E101", 4), ("E104", 5), ("E101", 5), ("E101", 6), ("E104", 7),
    ]  # fmt: skip


def test_faults_of_fields_do_not_hide_those_of_the_layers():
    text = """
input: {shape: [4], range: [-1, 1]}
encoder:
  - dense: {units: 6, activation: rleu, name: a}
  - conv1d: {filters: 3, kernel_size: 3}
  - dens: {units: 3, name: b}
  - dense: {units: 2, name: b}
  - dense: {units: 2, name: a}
decoder:
  - dense: 4
  - reshape: [2, 2]
  - conv2d: {filters: 3, kernel_size: 3, name: c}
  - reshape: [2]
  - conv1d: {filters: 3, kernel_size: 3, name: c}
los: 3
loss: binary_crossentropy
"""
    assert [(f.rule.code, f.place.line, f.place.column) for f in faults(text)] == [
        ("E101", 4, 35),
        ("E201", 5, 5),
        ("E101", 6, 5),
        ("E206", 7, 29),
        ("E206", 8, 29),
        ("E201", 12, 5),
        ("E201", 14, 5),
        ("E206", 14, 48),
        ("E102", 15, 1),
        ("E207", 16, 7),
    ]


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        # nothing is known of what reaches a layer after one that cannot be read, up to a stated shape
        ("input: [4]\nencoder: [{own: 3}, {conv1d: {filters: 2, kernel_size: 3}}]\ndecoder: mirror\n", ["E101"]),
        ("input: [4]\nencoder: [{own: 3}, {reshape: [7, 1]}, {dropout: 3}]\ndecoder: mirror\n", ["E101", "E104"]),
        # one whose name alone is misspelt is read, and so is one with a field that no layer has, or a rate beyond 1
        (
            "input: [4]\nencoder: [{dens: 3}, {conv1d: {filters: 2, kernel_size: 3}}]\ndecoder: mirror\n",
            ["E101", "E201"],
        ),
        ("input: [4]\nencoder: [flaten, {conv1d: {filters: 2, kernel_size: 3}}]\ndecoder: mirror\n", ["E101", "E201"]),
        ("input: [4]\nencoder: [{dense: {units: 3, hue: 1}}]\ndecoder: [{dense: 5}]\n", ["E102", "E203"]),
        ("input: [4]\nencoder: [{dense: {uints: 3}}]\ndecoder: [{dense: 5}]\n", ["E102", "E203"]),
        ("input: [4]\nencoder: [{dropout: 3}]\ndecoder: [{dense: 5}]\n", ["E104", "E203"]),
        # but nothing is said of how one fits itself whose kind is a guess
        ("input: [4]\nencoder: [{cnov1d: {filters: 2, kernel_size: 3}}]\ndecoder: mirror\n", ["E101"]),
        ("input: [4]\nencoder: [{Conv1D: {filters: 2, kernel_size: 3}}]\ndecoder: mirror\n", ["E101", "E201"]),
        # of what follows, all that does not depend on it
        (
            "input: [9, 9]\nencoder: [{conv1d: {filters: x, kernel_size: 3}}, flatten, {dense: 3}]\n"
            "decoder: [{dense: 80}, {reshape: [9, 9]}]\n",
            ["E104", "E201"],
        ),
        (
            "input: [9, 9]\nencoder: [{conv1d: {filters: x, kernel_size: 3}}, flatten, {dense: 3}]\n"
            "decoder: [{dense: 81}, {reshape: [9, 9]}]\ntraining: {freeze: [encoder/dense_2], greedy: {epochs: 1}}\n",
            ["E104", "E208", "E208"],
        ),
        (
            "input: [9, 9]\nencoder: [{conv1d: {filters: x, kernel_size: 3}}, flatten, {dense: 3}]\n"
            "decoder: [{dense: 81}, {reshape: [9, 9]}]\ntraining: {freeze: [encoder/conv1d_1, decoder/dense_1/bias]}\n",
            ["E104"],
        ),
        ("input: [x]\nencoder: [{conv2d: {filters: 1, kernel_size: 2}}]\ndecoder: mirror\n", ["E104"]),
        ("input: [4, 4, 1]\nencoder: [{conv2d: {filters: 1, kernel_sze: 9}}]\ndecoder: mirror\n", ["E201", "E102"]),
        ("input: [4]\nencoder: 3\ndecoder: [{dense: {units: 3, tied_to: encoder/dense_1}}]\n", ["E104"]),
        ("input: [4]\ndecoder: [{reshape: [2, 2]}, {conv2d: {filters: 1, kernel_size: 2}}]\n", ["E103", "E201"]),
        # what can be said of layers that are right
        ("input: [4, 3]\nencoder: [{lstm: 3}, {global_average_pool1d: }]\ndecoder: mirror\nx: 1", ["E201", "E102"]),
        ("input: [9]\nencoder: [{dense: 99999999}]\ndecoder: [{dens: 9}]\n", ["E205", "E205", "E101"]),
        ("input: [9]\nencoder: [{dense: 3}]\ndecoder: [{dense: {units: 9, tied_to: x}}]\nx: 1\n", ["E204", "E102"]),
        ("input: [9]\nencoder: [{dense: 3}]\ndecoder: [{dense: 8}]\nx: 1\n", ["E203", "E102"]),
    ],
)
def test_what_is_told_beside_a_fault_is_what_is_known(spec, codes):
    assert [fault.rule.code for fault in faults(spec)] == codes


def test_every_layer_that_cannot_be_mirrored_is_told():
    text = "input: [null, 4]\ndecoder: mirror\nencoder: [{max_pool1d: 2}, {dense: 3}, global_average_pool1d]\n"
    assert [(f.rule.code, f.place.column) for f in faults(text)] == [("E202", 12), ("E202", 40)]


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        ('input: [7, "${n}"]\nencoder: [{dense: 3}]\ndecoder: mirror\n', ["E008"]),
        ('vars: {m: "${n}"}\ninput: [7]\nencoder: [{dense: "${m}"}]\ndecoder: mirror\n', ["E008"]),
        ('input: [7]\nencoder: [{dense: "${m}"}]\ndecoder: mirror\nvars: {m: 1_0}\n', ["E004"]),
        ('input: [7]\nencoder: [{reshape: "${m}"}]\ndecoder: mirror\nvars: {m: [7, 1_0]}\n', ["E004"]),
        ('vars: {m: 3}\ninput: [7]\nencoder: [{dense: "a${n}"}, {dens: "${m}"}]\ndecoder: mirror\n', ["E008", "E101"]),
        ("input: [7]\n<<: {encoder: [{dense: 3}]}\ndecoder: mirror\n", ["E007"]),
        ("input: [7]\nencoder: [{dense: {units:3}}, {dense: {units: 0}}]\ndecoder: mirror\n", ["E002", "E104"]),
        ("input: [7]\nencoder: [{dense: {1: 3, units: 0}}]\ndecoder: mirror\n", ["E007", "E104"]),
        ("input: [7]\nencoder: {dense: 3, dense: 2}\ndecoder: mirror\n", ["E003"]),
        ("input: [7]\nencoder: [{dense: {units: 3, units: 0}}]\ndecoder: mirror\n", ["E003"]),
        ("input: [7]\nencoder: !layers {dense: 3}\ndecoder: mirror\n", ["E007"]),
        ("input: [7]\nencoder: [{dense: !x [3]}, {dense: !y {units: 0}}]\ndecoder: mirror\n", ["E007", "E007", "E104"]),
    ],
)  # fmt: skip
def test_what_the_text_spoils_is_not_blamed_again(spec, codes):
    assert [fault.rule.code for fault in faults(spec)] == codes


def test_a_wrong_value_of_a_variable_is_told_once_and_traced_to_it():
    layers = 'encoder: [{dense: "${n}"}, {dense: {units: "${n}"}}, {dense: {units: "${m}"}}]\n'
    first, second = faults(f"vars:\n  n: -3\n  m: 0\ninput: [7]\n{layers}decoder: mirror\n")
    assert (first.got, first.place.column) == ("-3, the value of `n` on line 2", 19)
    assert (second.got, second.place.line) == ("0, the value of `m` on line 3", 5)


def test_a_field_that_is_at_fault_with_others_is_shown_alone():
    layers = "encoder:\n  - dense: 3\n  - dense: {units: 4, kernel_regularizer: {l2: 0.1}, tied_to: encoder/dense_1}\n"
    fault = faults(HEAD + layers)[0]
    assert (fault.rule.code, fault.got, fault.place.column) == ("E106", "{l2: 0.1}", 43)


def test_a_field_that_is_stated_as_its_default_is_not_at_fault_beside_a_tie():
    stated = "kernel_initializer: zeros, kernel_regularizer: null, tied_to: encoder/dense_1"
    fault = faults(f"{HEAD}encoder:\n  - dense: 4\n  - dense: {{units: 4, {stated}}}\n")[0]
    assert fault.message.startswith("`kernel_initializer`")


def test_a_spec_in_a_mapping_of_its_own_is_one_problem():
    (fault,) = faults("model:\n  input: [4]\n  encoder: [{dense: 2}]\n  decoder: mirror\n")
    assert (fault.rule.code, fault.help) == ("E102", "take `model` away: what it holds stands at the top")


@pytest.mark.parametrize(
    ("text", "column", "help"),
    [
        ("decoder: {tie_weights: true}", 11, "it is a field of `mirror`: write `{mirror: {tie_weights: true}}`"),
        ("decoder: {mode: mirror}", 11, "the kind stands by itself: write `mirror`"),
        ("decoder: mirror\nloss: {type: mse, weight: 2}", 7, "write `{mse: {weight: 2}}`"),
        ("decoder: mirror\nloss: {type: mse}", 8, "write `mse`"),
        ("decoder: mirror\nloss: {bce: 1.0}", 8, "write `binary_crossentropy: {weight: 1.0}`"),
        ("decoder: mirror\nloss: [{binary_crossentropy: 0.01}]", 30, "say which field is meant"),
        ("decoder: mirror\nloss: [{mse: 0.5}]", 14, "write `mse: {weight: 0.5}`"),
        ("decoder: mirror\ntraining: {optimizer: [adam]}", 23, "take the brackets away: `adam`"),
        ("decoder: mirror\ntraining: {optimizer: 0.001}", 23, "say which: `{adam: 0.001}`"),
        ("decoder: mirror\ntraining: {optimizer: {type: Adam, lr: 0.1}}", 23, "{adam: {learning_rate: 0.1}}"),
    ],
)
def test_what_was_meant_at_the_top(text, column, help):
    (fault,) = faults(f"input: [4]\nencoder: [{{dense: 2}}]\n{text}\n")
    assert fault.place.column == column
    assert help in fault.help


@pytest.mark.parametrize(
    ("assignment", "under", "help"),
    [
        ("encoder.0.dens.units=10", "dens", "did you mean `encoder.0.dense`?"),
        ("encoder.0.units=10", "units", "did you mean `encoder.0.dense.units`?"),
        ("encoder.0.unit=10", "unit", "did you mean `encoder.0.dense.units`?"),
        ("encoder.0.lstm.units=10", "lstm", "set it as a whole: `encoder.0={lstm: …}`"),
        ("training.optimizer.adam.learning_rate=1", "adam", "set it as a whole: `training.optimizer={adam: …}`"),
    ],
)
def test_an_override_that_names_another_kind_than_there_is(assignment, under, help):
    text = HEAD + "encoder: [{dense: {units: 3}}]\ntraining: {optimizer: {sgd: 1.5}}\n"
    with pytest.raises(aespec.AespecError) as caught:
        aespec.parse(text, [assignment])
    (fault,) = caught.value.diagnostics
    assert (fault.rule.code, fault.place.name, fault.place.column) == ("E006", "--set", assignment.index(under) + 1)
    assert fault.place.width == len(under)
    assert help in fault.help


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("training: {schedule: {constant: {x: 1}}}", "`constant` alone, which has no fields"),
        ("name: a b", "letters, digits, `_`, `.` and `-`, a letter or a digit first"),
        ("vars: {}", "`decoder`: The layers from the code to the reconstruction, or `mirror`."),
    ],
)
def test_what_is_wanted_in_words(line, wanted):
    assert wanted in [fault.wanted for fault in faults(f"input: [4]\nencoder: [{{dense: 3}}]\n{line}\n")]


def test_a_name_that_is_wanted_in_words():
    (fault,) = faults(f"{HEAD}encoder: [{{dense: {{units: 3, name: 3a}}}}]\n")
    assert fault.wanted == "letters, digits and `_`, a letter first"


@pytest.mark.parametrize(
    ("layer", "help"),
    [
        ('{"dense": 3, "dropout": 0.1}', "braces of its own"),
        ('{"time_distributed": {"type": "dense", "units": 3}}', '`"layer": {"dense": {"units": 3}}`'),
        ('{"dense": {"units": 3, "negative_slope": 1, "activation": "leaky_relu"}}', '`"activation": {"leaky_relu": '),
    ],
)
def test_what_to_do_in_json(layer, help, tmp_path):
    path = tmp_path / "two.json"
    path.write_text(f'{{"input": [4, 2], "encoder": [{layer}], "decoder": "mirror"}}')
    with pytest.raises(aespec.AespecError) as caught:
        aespec.load(path)
    (fault,) = caught.value.diagnostics
    assert help in fault.help


@pytest.mark.parametrize(
    "text",
    [
        r'{"input": [4], "encoder": [{"dens\ud800": 3}], "decoder": "mirror"}',
        r'{"input": [4], "encoder": [{"dense": {"units\ud800": 3}}], "decoder": "mirror"}',
        r'{"input": [4], "encoder": [{"dense": 3}], "decoder": "\ud800"}',
        r'{"input": [4], "encoder": [{"dense": {"units": 3, "name": "\udfff"}}], "decoder": "mirror"}',
        r'{"input": [4], "encoder": [{"dense": 3}], "decoder": "mirror", "vars": {"\ud800": 3}}',
    ],
)
def test_half_of_a_surrogate_pair_is_refused_once_wherever_it_stands(text, tmp_path):
    path = tmp_path / "half.json"
    path.write_text(text)
    with pytest.raises(aespec.AespecError) as caught:
        aespec.load(path)
    assert [fault.rule.code for fault in caught.value.diagnostics] == ["E002"]


def test_faults_of_the_text_do_not_hide_those_of_the_fields():
    text = HEAD + "encoder:\n  - dense: {units: 1_0, use_bias: off}\n  - dens: 3\nloss: ms\n"
    found = [(f.rule.code, f.place.line) for f in faults(text)]
    assert found == [("E004", 4), ("E004", 4), ("E101", 5), ("E101", 6)]


def test_every_wrong_override_is_told():
    with pytest.raises(aespec.AespecError) as caught:
        aespec.parse(
            HEAD + "encoder: [{dense: {units: 3}}]\n", ["encoder.0.dense.units=abc", "foo.bar=1", "encoder.9.dense=3"]
        )
    assert sorted(f.rule.code for f in caught.value.diagnostics) == ["E006", "E102", "E104"]


def test_a_shape_error_of_a_mirrored_layer_names_what_it_undoes():
    layers = "encoder:\n  - global_average_pool1d\n"
    fault = faults("input: [null, 4]\ndecoder: mirror\n" + layers)[0]
    assert fault.rule.code == "E202"
    assert "encoder/global_average_pool1d_1" in fault.message


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["dense", "selu", "mse"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dense", "units", "layer", "x"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES, name=st.sampled_from(list(zoo())), at=st.integers(0, 10**6))
def test_nothing_a_spec_can_contain_shows_a_traceback(value, name, at):
    """Any value, anywhere in a good spec: it is taken, or refused with a diagnostic that can be shown."""
    with suppress(Refused):
        _compile(_spoilt(name, at, value))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES, name=st.sampled_from(list(zoo())), at=st.integers(0, 10**6))
def test_a_wrong_field_draws_no_false_fault_after_it(value, name, at):
    """The layers of a good spec fit together: where one cannot be read, nothing may be said of the others."""
    data, *path, last = _place_in(name, at)
    held = reduce(getitem, path, data)
    assume(not isinstance(held[last], dict))  # the fields that it holds are part of how the layers fit
    lists = isinstance(held[last], list) and isinstance(value, list)
    assume(not lists or len(value) == len(held[last]))  # how many axes a shape has is read off what is wrong in it
    assume(last != "greedy")  # phases by names are taken for a list of them, which is to have one for each layer
    held[last] = value
    problems = []
    with suppress(aespec.AespecError):  # no spec is left
        spec = aespec.parse(data, problems=problems)
        if problems:
            with pytest.raises(aespec.AespecError) as caught:
                aespec.compile(spec, problems=problems)
            assert list(caught.value.diagnostics) == problems


def _spoilt(name, at, value):
    """A spec of the zoo with a value somewhere in it replaced."""
    data, *path, last = _place_in(name, at)
    reduce(getitem, path, data)[last] = value
    return data


def _place_in(name, at):
    """The data of a spec of the zoo, and the path of a value in it."""
    data = json.loads(json.dumps(aespec.load(zoo()[name]).to_data()))
    places = list(_places(data))
    return data, *places[random.Random(at).randrange(len(places))]


class Refused(Exception):
    """A diagnostic that could be shown."""


def _compile(data):
    try:
        everything(data)
    except aespec.AespecError as error:
        if render(error.diagnostics):
            raise Refused from error
        raise


def _places(data, above=()):
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield (*above, key)
        if isinstance(value, (dict, list)):
            yield from _places(value, (*above, key))


@pytest.mark.parametrize(
    ("text", "help"),
    [
        (
            "input: [20]\nencoder: [dense: 3]\ndecoder: mirror\noptimizer: adam\nepochs: 10\nlr: 0.01\n",
            "they are fields of `training`: write `training: {optimizer: {adam: 0.01}, epochs: 10}`",
        ),
        (
            "input: [20]\nencoder: [dense: 3]\ndecoder: mirror\nlr: 0.01\ntraining: {seed: 3}\n",
            "write `training: {seed: 3, optimizer: {adam: 0.01}}`",
        ),
        (
            "encoder: [{input: [20]}, {dense: 3}]\ndecoder: mirror\n",
            "take it out, and write `input: [20]` at the top: the shape",
        ),
        (
            "model: {input: [20], layers: [{dense: 3}, {dense: 20}]}\n",
            "take `model` away, and split the layers: `encoder` has those up to the code",
        ),
        (
            "input: [None, 28, 28]\nencoder: [flatten, dense: 3]\ndecoder: mirror\n",
            "the batch is no part of a shape: write `[28, 28]`; `null` is",
        ),
        (
            "input: [batch, null, 28]\nencoder: [lstm: 3]\ndecoder: mirror\n",
            "write `[null, 28]`; `null` is an axis of any length",
        ),
        (
            "input: [9]\nencoder:\n  - repeat: 3\n    layers: [dense: 5]\ndecoder: mirror\n",
            "write `repeat: {times: 3, layers: [{dense: 5}]}`",
        ),
        (
            "input: [9]\nencoder:\n  - include: x.yaml\n    block: head\ndecoder: mirror\n",
            "write `include: {spec: x.yaml, block: head}`",
        ),
        (
            "input: [9]\nvars: {lr: 0.01, half: '${lr / 2}'}\nencoder: [dense: 5]\ndecoder: mirror\n",
            "compute with whole numbers, and write fractions out",
        ),
        (f"{HEAD}encoder:\n  - dense: units: 10\n", "write `- dense: {units: 10}`"),
        (
            f"{HEAD}encoder:\n  - dense: 3, activation: relu  # wide\n",
            "write `- dense: {units: 3, activation: relu}`",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\nloss: [mse, kl]\n",
            "`- gaussian_latent: {units: 8, beta: 1.0}`",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{optimizer: adam, weight_decay: 0.01, lr: 0.1}}\n",
            "write `optimizer: {adam: {weight_decay: 0.01, learning_rate: 0.1}}`",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{optimizer: {{name: Adam, betas: [0.5, 0.9]}}}}\n",
            "write `{adam: {beta_1: 0.5, beta_2: 0.9}}`",
        ),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{schedule: CosineAnnealingLR(T_max=10)}}\n", "write `cosine`"),
        (f"{HEAD}encoder: [dense: 3]\nloss_function: mse\n", "did you mean `loss`?"),
        (f"{HEAD}encoder: [dense: 3]\nsolver: adam\n", "write `training: {optimizer: adam}`"),
        (
            "input: [4]\nencoder:\n  - dense: 3\n  - decoder: mirror\n",
            "`decoder` stands at the top of the spec, beside `encoder`: take its dash and indentation away",
        ),
        (
            "input: [32, 28, 28, 1]\nencoder: [conv2d: {filters: 2, kernel_size: 3}]\ndecoder: mirror\n",
            "if the first is the batch, leave it out: `[28, 28, 1]`; else put",
        ),
        (
            "input: [784]\nencoder: [reshape: [1, 28, 28], conv2d: {filters: 2, kernel_size: 3}]\ndecoder: mirror\n",
            "channels come last: write `reshape: [28, 28, 1]`",
        ),
        (
            "input: [9, 9, 1]\nencoder: [Conv2D(16, 3, activation='relu'), flatten]\ndecoder: mirror\n",
            "write `conv2d: {filters: 16, kernel_size: 3, activation: relu}`; brackets cut a call at its commas",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{optimizer: torch.optim.SGD(model.parameters(), lr=0.1)}}\n",
            "write `{sgd: 0.1}`; brackets cut a call at its commas",
        ),
        (f"{HEAD}vars: [n: 3, m: 2]\nencoder: [dense: '${{n}}', dense: '${{m // 2}}']\n", "`vars: {width: 64}`"),
        ("input:\n  - shape: [8]\n  - range: [0, 1]\nencoder: [dense: 3]\ndecoder: mirror\n", "take the dashes away"),
        (f"{HEAD}encoder: [dense: 3]\ntraining:\nepochs: 3\n", "indent it below `training:`"),
        ("input:\nshape: [8]\nencoder: [dense: 3]\ndecoder: mirror\n", "indent it below `input:`"),
        (f"{HEAD}encoder: [dense: 3]\ntraining:\n  - epochs: 3\n  - seed: 2\n", "take the dashes away"),
        (f"{HEAD}encoder: [repeat: {{times: 2, dense: 8}}]\n", "put it into the list `layers`, as `- dense: ...`"),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{optimizer: [adam, 0.001]}}\n", "write `{adam: 0.001}`"),
        (f"{HEAD}encoder: [dense: 3]\nloss: {{name: MSELoss, reduction: mean}}\n", "write `mse`"),
        (
            f"{HEAD}encoder: [dense: {{units: 3, kernel_regularizer: {{class_name: L2, config: {{l2: 0.1}}}}}}]\n",
            "write `{l2: {weight: 0.1}}`",
        ),
        ("input: [20]\nlayers: [{dense: 3}, {dense: 20}]\n", "split the layers: `encoder` has those up to the code"),
        # calls, tuples and fields as Python and PyTorch have them
        (f"{HEAD}encoder:\n  - dense: 3\n  - nn.PReLU()\n", "`leaky_relu` has a slope that is stated, not learnt"),
        (f"{HEAD}encoder:\n  - dense: 3\n  - nn.ReLU(True)\n", "write `- activation: relu`"),
        (
            f"{HEAD}encoder:\n  - dense: 3\n  - nn.LeakyReLU(0.2, True)\n",
            "`- activation: {function: {leaky_relu: 0.2}}`",
        ),
        (f"{HEAD}encoder:\n  - dense: 3\n  - nn.Dropout(0.2, True)\n", "write `- dropout: 0.2`"),
        (
            f"{HEAD}encoder:\n  - dense: 3\n  - nn.BatchNorm1d(3)\n",
            "write `- batch_normalization: {momentum: 0.9, epsilon: 1e-05}`",
        ),
        (f"{HEAD}encoder:\n  - dense: 3\n  - nn.LayerNorm(3)\n", "write `- layer_normalization: {epsilon: 1e-05}`"),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n  - nn.ZeroPad2d((1, 2, 3, 4))\n  - flatten\n",
            "write `- zero_padding2d: [[3, 4], [1, 2]]`",  # last axis first there
        ),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n  - nn.Conv2d(1, 8, 4, stride=2, padding=1)\n  - flatten\n",
            "write `- zero_padding2d: 1` and `- conv2d: {filters: 8, kernel_size: 4, strides: 2}`",
        ),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n"
            "  - nn.ConvTranspose2d(1, 8, 3, stride=2, padding=1, output_padding=1)\n  - flatten\n",
            "`- conv2d_transpose: {filters: 8, kernel_size: 3, strides: 2, output_padding: 1}` and `- cropping2d: 1`",
        ),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n"
            "  - conv2d_transpose: {filters: 8, kernel_size: 3, padding: 1}\n  - flatten\n",
            "or put `- cropping2d: 1` behind this layer, which then is `valid`",
        ),
        ("input: [8, 8, 1]\ndecoder: mirror\nencoder:\n  - max_pool2d: (2, 2)\n", "write `- max_pool2d: [2, 2]`"),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n  - conv2d: {filters: 3, kernel_size: (3, 3)}\n",
            "write `kernel_size: [3, 3]`; brackets cut a tuple at its commas",
        ),
        (f"{HEAD}encoder:\n  - dense: units=3\n", "write `- dense: 3`"),
        (f"{HEAD}encoder:\n  - dense: 3, activation='relu'\n", "write `- dense: {units: 3, activation: relu}`"),
        (f"{HEAD}encoder: [dense: 3]\ntraining:\n  early_stopping: EarlyStopping(patience=7)\n", "`early_stopping: 7`"),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining:\n  early_stopping: EarlyStopping(mode='min', min_delta=0.1)\n",
            "write `early_stopping: {min_delta: 0.1}`",
        ),
        (f"{HEAD}encoder: [dense: 3]\ntraining:\n  early_stopping: true\n", "for example `early_stopping: 5`"),
        # what stands where it should not
        (f"{HEAD}encoder: [dense: 3]\noutput: [4]\n", "what comes out has the shape of what goes in"),
        (f"{HEAD}encoder: [dense: {{units: 3, epochs: 5}}]\n", "`epochs` is a field of `training`, which stands at"),
        ("input: [4]\nencoder: [dense: 3]\ndecoder: {layers: [dense: 4]}\n", "stands below `decoder` itself"),
        (f"{HEAD}encoder: {{layers: [dense: 3]}}\n", "stands below `encoder` itself"),
        (f"{HEAD}encoder:\n  - layers: [dense: 3]\n    repeat: 2\n", "`repeat: {times: 2, layers: [{dense: 3}]}`"),
        (f"{HEAD}encoder:\n  - {{dense: 3, repeat: 2}}\n", "`repeat: {times: 2, layers: [{dense: 3}]}`"),
        (f"{HEAD}encoder:\n  - {{layers: [dense: 3], times: 2}}\n", "`- repeat: {layers: [{dense: 3}], times: 2}`"),
        (
            f"{HEAD}encoder: [dense: 3]\nloss: {{mse: 0.5, kl: 0.1}}\n",
            "write `{mse: {weight: 0.5}}`; `kl` comes with the code: `- gaussian_latent: {units: 8, beta: 0.1}`",
        ),
        # as other languages have it
        (f"{HEAD}encoder = [dense: 3]\n", "write `encoder: [dense: 3]`, with a colon"),
        ("input = [4]\nencoder: [dense: 3]\ndecoder: mirror\n", "write `input: [4]`"),
        (f"{HEAD}encoder:\n  -dense: 3\n  -dense: 2\n", "write `- dense: 3`, and so each item"),
        (f"{HEAD}encoder:\n  - dense:{{units: 3}}\n", "write `dense: {units: 3}`"),
        (f"{HEAD}encoder:\n  - dense:{{units: 3, activation: relu}}\n", "write `dense: {units: 3, activation: relu}`"),
        (f"{HEAD}vars: {{n: 3}}\nencoder:\n  - dense: {{{{ n }}}}\n", "for a variable write `${n}`"),
        (f"{HEAD}vars: {{n: 3}}\nencoder:\n  - dense: ${{{{ n }}}}\n", "write `${n}`"),
        # more calls, and what of them has no place
        (
            f"{HEAD}encoder:\n  - Dense(3, 'relu', False)\n",
            "write `- dense: {units: 3, activation: relu, use_bias: false}`",
        ),
        (f"{HEAD}encoder:\n  - nn.Linear(4, 3, bias=False)\n", "write `- dense: {units: 3, use_bias: false}`"),
        (f"{HEAD}encoder:\n  - Dense(3, activation=None, name='code')\n", "write `- dense: {units: 3, name: code}`"),
        (f"{HEAD}encoder:\n  - Dense(3)(inputs)\n", "write `- dense: 3`"),
        (f"{HEAD}encoder:\n  - Dense(3, trainable=False)\n", "write `- dense: {units: 3, freeze: true}`"),
        (f"{HEAD}encoder:\n  - dense: 3\n  - Dropout(rate=0.2, seed=1)\n", "write `- dropout: 0.2`"),
        (
            "input: [8, 2]\ndecoder: mirror\nencoder:\n  - nn.GRU(2, 4, num_layers=2)\n",
            "write `- gru: 4`; left out: `num_layers=2`",
        ),
        (
            "input: [8, 2]\ndecoder: mirror\nencoder:\n  - nn.LSTM(2, 4, bidirectional=True, batch_first=True)\n",
            "write `- bidirectional: {layer: {lstm: 4}}`",
        ),
        (
            "input: [8, 2]\ndecoder: mirror\nencoder:\n  - Bidirectional(LSTM(8))\n",
            "write `- bidirectional: {layer: {lstm: 8}}`",
        ),
        (
            "input: [8, 2]\ndecoder: mirror\nencoder:\n  - bidirectional: LSTM(8)\n",
            "write `{layer: {lstm: 8}}`",
        ),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n  - nn.MaxPool2d(3, 2, 1)\n  - flatten\n",
            "write `- max_pool2d: {pool_size: 3, strides: 2}`; left out: `padding=1`",
        ),
        (
            f"{HEAD}encoder: [dense: 3, nn.BatchNorm1d(3, affine=False)]\n",
            "epsilon: 1e-05, center: false, scale: false}`",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining:\n"
            "  optimizer: torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.1)\n",
            "write `{adam: 0.01}`; left out: `weight_decay=0.1`",  # a penalty there
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining:\n  optimizer: torch.optim.AdamW(model.parameters())\n",
            "write `{adamw: {weight_decay: 0.01}}`",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining:\n  schedule: ExponentialDecay(0.1, decay_steps=9, decay_rate=0.9)\n",
            "write `{exponential: 0.9}`; left out: `0.1` and `decay_steps=9`",
        ),
        (f"{HEAD}encoder: [[dense, 3, relu]]\n", "write `dense: {units: 3, activation: relu}`"),
        (f"{HEAD}encoder:\n  - nn.Sequential(nn.Linear(4, 3), nn.ReLU())\n", "one after the other"),
        (f"{HEAD}encoder:\n  - nn.Linear(4, n)\n", "see `aespec layers dense`"),
        (f"{HEAD}encoder:\n  - include:inc.yaml\n", "write `- include: inc.yaml`"),
        (f"{HEAD}encoder:\n  - repeat 3\n", "write `- repeat: {times: 3, layers: "),
        # shapes
        (
            "input: [4, 4]\nencoder: [dense: 9, dense: 2]\ndecoder: [dense: 9, dense: 16, reshape: [4, 4]]\n",
            "put `- flatten` before the first `dense` of the encoder",
        ),
        (
            "input: [4, 4]\nencoder: [dense: 9]\ndecoder: [dense: 16]\n",
            "put `- flatten` before `encoder/dense_1`",
        ),
        ("encoder:\n  - dense: {units: 3, input_dim: 9}\ndecoder: mirror\n", "write `input: [9]` at the top"),
        ("input: {shape: [4], range: [0]}\nencoder: [dense: 3]\ndecoder: mirror\n", "as in `range: [0, 1]`"),
        ("input: {shape: [4], range: {min: 0, max: 1}}\nencoder: [dense: 3]\ndecoder: mirror\n", "`range: [0, 1]`"),
        ("input: {8}\nencoder: [dense: 3]\ndecoder: mirror\n", "take the braces away: write `[8]`"),
        (  # of a series the width is wrong
            "input: [30, 5]\nencoder: [lstm: 8]\n"
            "decoder: [repeat_vector: 30, lstm: {units: 8, return_sequences: true}, dense: 3]\n",
            "give it `units: 5`",
        ),
        (
            "input: [28, 28, 1]\nencoder: [flatten, dense: 32]\n"
            "decoder: [reshape: [4, 8], dense: 16, reshape: [28, 28, 1]]\n",
            "choose numbers whose product is 64",
        ),
        # what is idle in one kind is a width in another, and what is no call is none
        (f"{HEAD}encoder: [{{type: dense, dim: 1}}]\n", "write `dense: {units: 1}`"),
        (f"{HEAD}encoder:\n  - nn.Linear(20, output_size=1)\n", "write `- dense: 1`"),
        (f"{HEAD}encoder:\n  - Dense(10, foo={'-' * 470}1)\n", "dense"),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{epochs: '{'9' * 5000}'}}\n", "`epochs`: Times"),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining:\n  optimizer: optim.RMSprop(net.parameters(), 0.01, 0.9)\n",
            "write `{rmsprop: {learning_rate: 0.01, rho: 0.9}}`",
        ),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n  - nn.Upsample(scale_factor=4)\n  - flatten\n",
            "write `- upsampling2d: 4`",
        ),
        (
            "input: [8, 8, 1]\ndecoder: mirror\nencoder:\n  - nn.Upsample(size=(28, 28))\n  - flatten\n",
            "left out: `size=(28, 28)`",
        ),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{schedule: {{exponential: {{decay: 0.9}}}}}}\n", "mean `factor`?"),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{optimizer: {{adam: {{clipnorm: 1}}}}}}\n",
            "`clip_norm` is a field of",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{callbacks: 'ModelCheckpoint(patience=3)'}}\n",
            "keeps its checkpoints",
        ),
        ("input: [8, 1]\ndecoder: mirror\nencoder: [GlobalMaxPooling1D, dense: 3]\n", "`global_average_pool1d` comes"),
        (f"{HEAD}encoder: [dense: 3]\nloss: {{type: mse, reduction: sum}}\n", "write `mse`; left out: `reduction`"),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{epochs: ${{{{ n }}}}}}\n", "write `${n}`"),
        # what stands elsewhere
        (f"{HEAD}encoder: [dense: 3]\ncompile: {{optimizer: adam, loss: mse}}\n", "and `loss: mse` at the top"),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{callbacks: [EarlyStopping(patience=4)]}}\n", "`early_stopping: 4`"),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{dtype: bfloat16}}\n",
            "instead of `dtype` write `mixed_precision: bfloat16`",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{optimizer: {{sgd: {{decay: 0.1}}}}}}\n",
            "which is what `schedule` does here",
        ),
        (
            f"{HEAD}encoder: [dense: 3]\ntraining: {{optimizer: {{adam: {{clip_norm: 1}}}}}}\n",
            "`clip_norm` is a field of `training`",
        ),
        (f"{HEAD}encoder: [dense: 3]\nclassifier: [dense: 9]\n", "write `classifier: {head: [{dense: 9}]}`"),
        (
            f"{HEAD}encoder:\n  - dense:\n    - units: 3\n    - name: a\n",
            "take the dashes away: `units` and `name` are",
        ),
        (f"{HEAD}vars: {{act: relu}}\nencoder: [dense: {{units: 3, activation: act}}]\n", "did you mean `${act}`?"),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{batch_size: 2**5}}\n", "did you mean `32`?"),
        (f"{HEAD}encoder: [dense: 3]\ntraining: {{validation_split: 1/10}}\n", "did you mean `0.1`?"),
        (f"{HEAD}encoder: [dense: 3]\nname: my model\n", "write `name: my_model`"),
        (f"{HEAD}encoder:\n  - dense: 3\n  loss: mse\n", "take its indentation away: `loss` stands at the top"),
        (
            f"{HEAD}encoder:\n  - dense: {{units: 3, kernel_regularizer: l2: 0.1}}\n",
            "write `kernel_regularizer: {l2: 0.1}`",
        ),
        ("input: [4]\nencoder: [dense: 3]\ndecoder: tied\n", "write `{mirror: {tie_weights: true}}`"),
    ],
)
def test_one_message_for_what_stands_in_a_wrong_place(text, help):
    (fault,) = faults(text)
    assert help in fault.help
    for layer in re.findall(r"`- ([^`]+)`", fault.help):
        if "..." not in layer and "include" not in layer:  # what it says to write can be read
            aespec.parse(f"{HEAD}encoder:\n  - {layer}\n")
