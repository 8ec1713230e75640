"""What a message advises, of specs as people write them who come from elsewhere: all that is said of each is here."""

import time

import pytest
from applying import is_right, leaves_open, told

import aespec
from aespec.source.text import AT_THE_TOP
from aespec.spec import Spec

REST = "input: [8]\nencoder: [dense: 3]\ndecoder: mirror\n"


def advice(text, overrides=()):
    """The help of each message about a spec."""
    return [each.help for each in told(text, overrides)]


def training(plan):
    return f"{REST}training: {plan}\n"


def encoder(*layers):
    return "input: [8]\ndecoder: mirror\nencoder:\n" + "".join(f"  - {layer}\n" for layer in layers)


NOTHING_IS_LOST = {
    "a field that is stated where it belongs too": (
        training("{optimizer: {sgd: 1.5}, lr: 0.1}"),
        "`learning_rate` is a field of `sgd`, and stated there too: keep one of the two, in that place",
    ),
    "a section that has the field": (
        training("{epochs: 20}") + "epochs: 50\n",
        "`epochs` is a field of `training`, and stated there too: keep one of the two, in that place",
    ),
    "another name of a field that is stated": (
        encoder("dense: {units: 3, bias: false, use_bias: true}"),
        "it is `use_bias` here, which is stated too: keep one of the two",
    ),
    "the share of units that are to be active": (
        encoder("dense: {units: 3, activation: sigmoid, activity_regularizer: {kl_divergence: {rho: 0.05}}}"),
        "did you mean `target`?",
    ),
    "the weight of a penalty": (
        encoder("dense: {units: 3, activation: sigmoid, activity_regularizer: {kl_divergence: {beta: 3}}}"),
        "the factor of the term is its `weight`",
    ),
    "the weight of a code's divergence": (encoder("gaussian_latent: {units: 3, kl: 0.5}"), "did you mean `beta`?"),
    "a warm-up": (
        training("{warmup: 3}"),
        "it belongs to a schedule: `schedule: {cosine: {warmup: 3}}`, in epochs",
    ),
    "a trainer": (REST + "trainer: {epochs: 10}\n", "did you mean `training`?"),
    "a layer in a wrapper": (encoder("layer: {dense: 3}"), "take `layer` away: write `- dense: 3`"),
    "an input without its section": (
        "shape: [8]\nrange: [0, 1]\nencoder: [dense: 3]\ndecoder: mirror\n",
        "they are fields of `input`: write `input: {shape: [8], range: [0, 1]}`",
    ),
    "a mirror in a list": (
        "input: [8]\nencoder: [dense: 3]\ndecoder: [{mirror: {tie_weights: true}}]\n",
        "it is no layer, but the whole decoder: write `decoder: {mirror: {tie_weights: true}}`",
    ),
    "a number before others": (
        "input: [8, 8, 1]\nencoder: [conv2d: 16]\ndecoder: mirror\n",
        "write `conv2d: {filters: 16, kernel_size: ...}`",
    ),
    "the values of `each`": (
        encoder("repeat: {each: [6, 4], layers: [dense: 3]}"),
        "give the list a name, and use that: `each: {units: [6, 4]}`, `${units}`",
    ),
    "callbacks": (REST + "callbacks: [early_stopping]\n", "write `training: {early_stopping: 5}`"),
}

VALUES = {
    "a decimal comma": (training("{validation_split: '0,1'}"), "did you mean `0.1`?"),
    "a decimal comma in braces": (
        training("{optimizer: {adam: {learning_rate: 0,001}}}"),
        "a decimal point is `.`: write `0.001`",
    ),
    "a unit": (training("{epochs: 10 epochs}"), "did you mean `10`?"),
    "a percentage": (encoder("dropout: 50", "dense: 3"), "did you mean `0.5`?"),
    "an exponent in quotes": (encoder("dense: {units: 3, kernel_regularizer: {l1: '1e-3'}}"), "did you mean `1e-3`?"),
    "nothing": (training("{early_stopping: none}"), "did you mean `null`?"),
    "the largest value": (
        "input: {shape: [8], range: 255}\nencoder: [dense: 3]\ndecoder: mirror\n",
        "write both bounds: `range: [0, 255]`",
    ),
    "a scaling": (
        "input: {shape: [8], scaling: zscore}\nencoder: [dense: 3]\ndecoder: mirror\n",
        "did you mean `standard`?",
    ),
    "a width and an activation": (encoder("dense: [3, relu]"), "write `- dense: {units: 3, activation: relu}`"),
    "a truth in quotes": (encoder("dense: {units: 3, freeze: 'yes'}"), "did you mean `true`?"),
    "a number where phases are wanted": (
        training("{greedy: 5}"),
        "say which: write for example `greedy: {epochs: 5}`",
    ),
    "no space anywhere": (
        "input: [8]\nencoder:\n  -dense:8\n  -dense:3\ndecoder: mirror\n",
        "a space belongs behind a dash and behind a colon: write `- dense: 8`, and so each item",
    ),
    "a bracket that nothing opens": (encoder("dense: 8]"), "write `8`: no bracket is open here"),
    "a shape without brackets": (encoder("dense: 32", "reshape: 4, 8", "flatten"), "write `- reshape: [4, 8]`"),
    "a variable of a template": (
        "vars: {n: 3}\n" + encoder("dense: <n>"),
        "did you mean `${n}`?",
    ),
    "a name for a number": (
        encoder("dense: code"),
        "for a number by name write `${code}`, and add `vars: {code: ...}`",
    ),
    "a comment of another language": (
        encoder("dense: 3 // the code"),
        "a comment begins with a space and `#`: write `3  # the code`",
    ),
    "a comment without a space": (
        encoder("dense: 3# the code"),
        "a comment begins with a space and `#`: write `3  # the code`",
    ),
    "two activations": (
        encoder("dense: 3", "activation: [relu, tanh]"),
        "a layer has one: write `- activation: relu` and `- activation: tanh`",
    ),
    "a layer in quotes": (
        encoder("'dense: {units: 3, activation: relu}'"),
        "take the quotes away: write `- dense: {units: 3, activation: relu}`",
    ),
    "no loss": (REST + "loss:\n", "write one behind it, as in `loss: mse`, or take `loss` away"),
    "a sum of losses": (REST + "loss: mse + 0.1 * mae\n", "write `loss: [mse, {mae: {weight: 0.1}}]`"),
    "the loss of a variational model": (
        "input: [8]\nencoder: [gaussian_latent: 3]\ndecoder: mirror\nloss: [mse, kl]\n",
        "take it out: the code adds `kl` by itself, times its `beta`",
    ),
    "a penalty by another name": (
        encoder("dense: {units: 3, activation: sigmoid, activity_regularizer: kl}"),
        "did you mean `kl_divergence`?",
    ),
    "a number for an initializer": (encoder("dense: {units: 3, bias_initializer: 0}"), "write `zeros`"),
}

SHAPES = {
    "a reshape": (
        "input: [28, 28]\nencoder: [flatten, dense: 10]\n"
        "decoder: [reshape: [14, 14], flatten, dense: 784, reshape: [28, 28]]\n",
        "let 196 values come in, as from `- dense: 196` before it, or choose numbers whose product is 10; "
        "-1 stands for one that follows from the others",
    ),
    "a width": ("input: [9]\nencoder: [dense: 3]\ndecoder: [dense: 8]\n", "give it `units: 9`"),
    "channels": (
        "input: [8, 8, 1]\nencoder: [conv2d: {filters: 2, kernel_size: 3, padding: same}]\n"
        "decoder: [conv2d: {filters: 3, kernel_size: 3, padding: same}]\n",
        "give it `filters: 1`",
    ),
    "steps": (
        "input: [30, 5]\nencoder: [lstm: 8]\n"
        "decoder: [repeat_vector: 28, {lstm: {units: 5, return_sequences: true}}]\n",
        "give `decoder/repeat_vector_1` as many steps: `repeat_vector: 30`",
    ),
    "features": (
        "input: [30, 5]\nencoder: [lstm: 8]\n"
        "decoder: [repeat_vector: 30, {lstm: {units: 8, return_sequences: true}}]\n",
        "put `- dense: 5` behind it",
    ),
    "the last step alone": (
        "input: [30, 5]\nencoder: [lstm: 8]\ndecoder: [repeat_vector: 30, lstm: 8, dense: 5]\n",
        "state `return_sequences: true` at `decoder/lstm_1`, which gives its last step alone",
    ),
}

TEXTS = {
    "a comment of C": ("// mine\nname: x\n" + REST, "write `# mine`"),
    "a command": ("$ cat x.yaml\n" + REST, "write a colon after its key, or make it a comment: `# $ cat x.yaml`"),
    "a key without its colon": (
        "input: [8]\nencoder: [dense: 3]\ndecoder:\n  mirror\n    tie_weights: true\n",
        "write `mirror:`",
    ),
    "a comma of JSON": ('input: [8]\nencoder: [dense: 3]\ndecoder: "mirror",\nloss: mse\n', "remove the `,`"),
    "a semicolon": ("input: [8];\nencoder: [dense: 3]\ndecoder: mirror\n", "remove the `;`"),
    "an item with a star": (
        "input: [8]\nencoder:\n  * dense: 3\ndecoder: mirror\n",
        "an item begins with `- `: write `- dense: 3`",
    ),
    "a fence": (f"```yaml\n{REST}```\n", "remove this line, and the one that closes it"),
    "a conflict": (
        f"name: x\n<<<<<<< HEAD\n{REST}",
        "keep one side, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`",
    ),
    "an item too deep": (
        "input: [8]\nencoder:\n  - dense: 5\n   - dense: 3\ndecoder: mirror\n",
        "begin it in column 3",
    ),
    "a shape and a field": (
        "input:\n  - 8\n  range: [0, 1]\nencoder: [dense: 3]\ndecoder: mirror\n",
        "for more than a shape write `input: {shape: [...], range: ...}`",
    ),
    "TOML": ('name = "x"\ninput = [8]\n', 'a field is given its value by a colon: write `name: "x"`'),
    "a colon in a text": (
        "description: An autoencoder: the first\n" + REST,
        'write `description: "An autoencoder: the first"`',
    ),
    "a block of text for a name": (
        REST + "loss: |\n  ms\n",
        "write `mse` on the line of its key, without `|` or `>`",
    ),
    "no specs": (
        "- 3\n",
        "begin with `input:`, `encoder:` and `decoder:`: `aespec new --template stacked` shows how",
    ),
    "a space that is none": (
        "input: [8]\nencoder:\n  - dense:\N{NO-BREAK SPACE}3\ndecoder: mirror\n",
        "write `- dense: 3`",
    ),
    "an indentation that is none": (
        "input: [8]\nencoder:\n\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}- dense: 3\ndecoder: mirror\n",
        "write `- dense: 3`",
    ),
    "dashes that are none": (
        "input: [8]\nencoder:\n  \N{EN DASH} dense: 5\ndecoder: mirror\n",
        "write `- dense: 5`",
    ),
    "a bullet": ("input: [8]\nencoder:\n  \N{BULLET} dense: 5\ndecoder: mirror\n", "write `- dense: 5`"),
    "a wide colon in an item": ("input: [8]\nencoder:\n  - dense\uff1a3\ndecoder: mirror\n", "write `- dense: 3`"),
    "a wide colon of a field": ("input\uff1a [8]\nencoder: [dense: 3]\ndecoder: mirror\n", "write `input: [8]`"),
    "a wide comma": (
        "input: [8]\nencoder:\n  - dense: {units: 3\uff0cactivation: relu}\ndecoder: mirror\n",
        "write `- dense: {units: 3, activation: relu}`",
    ),
}

AND_MORE = {
    "a list in a list": (
        "input: [28, 28]\nencoder: [reshape: {target_shape: [[0, 0], 28, 1]}, flatten, dense: 2]\ndecoder: mirror\n",
        "`target_shape`: The shape wanted, without the batch axis; one axis may be -1, which is then computed.",
    ),
    "a layer of PyTorch's with its arguments": (
        encoder("Linear: {in_features: 8, out_features: 3, bias: true}"),
        "write `- dense: 3`",
    ),
    "what means something else there": (
        encoder("dense: 8", "BatchNorm1d: {num_features: 8, momentum: 0.1}", "dense: 3"),
        "write `- batch_normalization: {momentum: 0.9, epsilon: 1e-05}`",
    ),
    "a padding that is a number": (
        "input: [8, 8, 1]\nencoder:\n  - nn.Conv2d: {in_channels: 1, out_channels: 2, kernel_size: 4, padding: 1}\n"
        "  - flatten\n  - dense: 3\ndecoder: mirror\n",
        "write `- zero_padding2d: 1` and `- conv2d: {filters: 2, kernel_size: 4}`",
    ),
    "an optimizer of Keras's": (
        training("{optimizer: {Adam: {lr: 0.01, amsgrad: false}}}"),
        "write `adam: 0.01`",
    ),
    "an activation of Keras's": (
        encoder("dense: {units: 3, activation: {LeakyReLU: {alpha: 0.2}}}"),
        "write `leaky_relu: 0.2`",
    ),
    "a list of arguments": (
        "input: [8, 8, 1]\nencoder: [Conv2D: [2, 3], flatten, dense: 3]\ndecoder: mirror\n",
        "write `conv2d: {filters: 2, kernel_size: 3}`",
    ),
    "a checkpoint": (
        training("{callbacks: [ModelCheckpoint]}"),
        "remove `callbacks`: a run keeps its checkpoints and its best weights by itself",
    ),
    "a column twice": (
        "input: {shape: [3], columns: [a, b, a]}\nencoder: [dense: 2]\ndecoder: mirror\n",
        "name others, or write `a` once, and in `shape` as many features as columns",
    ),
    "a label among the features": (
        "input: {shape: [2], columns: [a, b], label: b}\nencoder: [dense: 2]\ndecoder: mirror\n",
        "leave `b` out of `columns`, or name another `label`",
    ),
    "a tuple in braces": (
        "input: {shape: (28, 28, 1)}\nencoder: [flatten, dense: 2]\ndecoder: mirror\n",
        "write `shape: [28, 28, 1]`; brackets cut a tuple at its commas",
    ),
    "all in one": (
        "autoencoder:\n  input: [8]\n  encoder: [dense: 2]\n  decoder: mirror\n",
        "take `autoencoder` away: what it holds stands at the top",
    ),
    "a classifier's loss": (
        REST + "classifier: {loss: mse}\n",
        "remove `loss`: a classifier is trained by the cross-entropy of its classes",
    ),
    "early stopping that is off": (training("{early_stopping: false}"), "leave `early_stopping` out"),
    "no schedule": (training("{schedule: none}"), "leave `schedule` out"),
    "a phase": (training("{greedy: {epochs: 5, batch_size: 32}}"), "remove `batch_size`"),
    "padding twice": (
        "input: [14, 14, 1]\nencoder: [conv2d: {filters: 2, kernel_size: 3, strides: 2, padding: same}]\n"
        "decoder: [conv2d_transpose: {filters: 1, kernel_size: 3, strides: 2, padding: same, output_padding: 1}]\n",
        "remove `output_padding`: with `same` the length comes out times the strides",
    ),
    "axes with the batch": (
        "input: [4, 2]\nencoder: [permute: [0, 2, 1], flatten, dense: 2]\ndecoder: mirror\n",
        "axes count from 1: write `[1, 3, 2]`, or, if the first is the batch, `[2, 1]`",
    ),
    "the activation of an LSTM": (
        "input: [4, 2]\nencoder: [lstm: {units: 3, activation: tanh}]\ndecoder: mirror\n",
        "remove `activation`: `lstm` has tanh, and sigmoids for its gates",
    ),
    "steps of any number": (
        "input: {shape: [None, 28]}\nencoder: [lstm: 3]\ndecoder: {mirror: {length: 28}}\n",
        "for steps of any number write `[null, 28]`",
    ),
    "a width at the top": ("code: 64\n" + REST, "the code is as wide as the last layer of the encoder"),
    "a layer of another name": (
        encoder("dense: {units: 3, name: fc}") + "training: {freeze: [encoder/dense_1]}\n",
        "did you mean `encoder/fc`?",
    ),
    "an optimizer alone": (training("adam"), "write `training: {optimizer: adam}`"),
    "a layer that is off": (
        encoder("dense: {units: 3, batch_normalization: false}"),
        "remove `batch_normalization`: there is none unless it is a layer in the list",
    ),
    "a layer that is on": (
        encoder("dense: {units: 3, dropout: true}"),
        "a layer of its own, in the list: `- dropout: ...`",
    ),
    "two layers in a wrapper": (
        encoder("block: {dense: 3, dropout: 0.1}"),
        "take `block` away: write `- dense: 3` and `- dropout: 0.1`",
    ),
    "a wrapper's kind": (encoder("layer: {type: dense, units: 3}"), "take `layer` away: write `- dense: {units: 3}`"),
    "a width and an activation among fields": (
        encoder("dense: {units: 3 relu, name: code}"),
        "write `units: 3, activation: relu`",
    ),
    "two dashes": (
        "input: [8]\nencoder:\n  - dense: 3\n  -- dense: 2\ndecoder: mirror\n",
        "write `- dense: 2`",
    ),
    "callbacks beside what they say": (
        training("{early_stopping: 7}") + "callbacks: EarlyStopping\n",
        "remove `callbacks`: `early_stopping` is stated in `training`",
    ),
    "layers of layers": (encoder("dense: {units: 3, num_layers: 2}"), "write 2 layers"),
    "a repeat": (
        "input: [10, 2]\nencoder: [lstm: 4]\ndecoder: [repeat: {times: 2, layers: [repeat_vector: 10, lstm: 4]}]\n",
        "change the last layers of the decoder, or let `decoder: mirror` make them",
    ),
    "thousands": (training("{epochs: 1,000}"), "write `1000` without it, or `1.000`"),
}

VARIABLES = {
    "a circle": (
        "vars: {a: '${b}', b: '${a}'}\n" + encoder("dense: '${a}'"),
        "give one of them a value of its own",
    ),
    "a prefix": (
        "vars: {n: 3}\n" + encoder("dense: '${vars.n}'"),
        "write `n`, without `vars.`",
    ),
    "one that is misspelt where it is stated": (
        "vars: {widht: 3}\n" + encoder("dense: '${width}'", "dense: '${width}'"),
        "did you mean `${widht}`? (it is used 2 times)",
    ),
}


FIELDS = {
    "a variable whose name is a word for false": (
        "vars: {n: 4}\ninput: [8]\nencoder: [dense: n]\ndecoder: mirror\n",
        "write `${n}`",
    ),
    "a bracket behind a shape": ("input: 8]\nencoder: [dense: 3]\ndecoder: mirror\n", "write `[8]`"),
    "a layer behind its block": ("input: [8]\nencoder: dense: 3\ndecoder: mirror\n", "write `encoder: [dense: 3]`"),
    "an item a column less": (
        "input: [8]\ndecoder: mirror\nencoder:\n  - dense: 4\n - dense: 3\n",
        "let the items of one list begin in one column: in column 3, as `- dense: 4` does",
    ),
    "a list right behind its block": (
        "input: [8]\nencoder:[dense: 3]\ndecoder: mirror\n",
        "write `encoder: [dense: 3]`",
    ),
    "an item without a space": (
        "input: [8]\nencoder:\n  - flatten\n  -dense: 8\ndecoder: mirror\n",
        "write `- dense: 8`, and so each item",
    ),
    "items without a space in the first column": (
        "input: [8]\nencoder:\n-dense: 4\n-dense: 3\ndecoder: mirror\n",
        "write `- dense: 4`, and so each item",
    ),
    "one item without a space before another": (
        "input: [8]\nencoder:\n  -dense: 4\n  - dense: 3\ndecoder: mirror\n",
        "write `- dense: 4`, and so each item",
    ),
    "a number in braces": (encoder("dense: {4}"), "take the braces away: write `4`"),
    "a tie to a layer with another kernel": (
        "input: [784]\nencoder: [dense: 100, {dense: {units: 30, name: z}}]\n"
        "decoder: [{dense: {units: 100, tied_to: encoder/code}}, {dense: {units: 784, tied_to: encoder/dense_1}}]\n",
        "did you mean `encoder/z`?",
    ),
    "a field of a layer beside it, too": (
        encoder("{name: a, dense: {units: 2, name: b}}"),
        "`name` stands in `dense` too: keep one of the two, in there",
    ),
    "a width twice": (
        encoder("dense: 2\n    units: 4"),
        "`units` stands in `dense` too: keep one of the two, in there",
    ),
    "braces without a layer": (encoder("{}", "dense: 3"), "write a layer behind its dash, or take the dash away"),
    "a layer in a layer that it cannot be": (
        encoder("dense: {dense: hidden, units: 3}"),
        "a layer of its own, in the list: `- dense: ...`",
    ),
    "features of any number": (
        "input: [30, None]\nencoder: [lstm: 3]\ndecoder: mirror\n",
        "write how many features or channels a sample has: the last axis has a known length",
    ),
    "a word for true as a width": (encoder("dense: on"), "write for example `dense: 3`"),
    "a word for true among lengths": (
        "input: [30, yes]\nencoder: [flatten, dense: 3]\ndecoder: mirror\n",
        "write for example `input: [28, 28]`",
    ),
    "a word for true as a window": (
        "input: [30, 6]\nencoder: [max_pool1d: yes, flatten, dense: 3]\ndecoder: mirror\n",
        "leave its value out",
    ),
}


AS_READERS_FOUND = {
    "fields as items behind their layer": (
        encoder("dense:", "units: 30", "use_bias: false"),
        "take the dashes before its fields away: write `- dense: {units: 30, use_bias: false}`",
    ),
    "fields below the optimizer": (
        training("\n  optimizer: adam\n    beta_1: 0.8\n    beta_2: 0.9"),
        "write `optimizer: {adam: {beta_1: 0.8, beta_2: 0.9}}`",
    ),
    "a field below a shape": (
        "input: [28, 28]\n  range: [0, 1]\nencoder: [flatten, dense: 3]\ndecoder: mirror\n",
        "write `input: {shape: [28, 28], range: [0, 1]}`",
    ),
    "a field below a number": (
        "input: [8]\nencoder:\n  - dense: 30\n      activation: relu\ndecoder: mirror\n",
        "write `- dense: {units: 30, activation: relu}`",
    ),
    "a value with a colon, and a field below": (
        "input: [8]\nencoder: [dense: 3]\ndecoder: mirror:\n  tie_weights: true\n",
        "write `decoder: {mirror: {tie_weights: true}}`",
    ),
    "the decoder a column in": (
        "input: [8]\nencoder:\n  - dense: 30\n decoder: mirror\n",
        "take its indentation away: `decoder` stands at the top",
    ),
    "the decoder with a dash": (
        "input: [8]\nencoder:\n  - dense: 30\n- decoder: mirror\n",
        "take the dash away: `decoder` is a field of the spec",
    ),
    "the decoder beside a layer": (
        "input: [8]\nencoder:\n  - dense: 30\n    decoder: mirror\n",
        "take its indentation away: `decoder` stands at the top",
    ),
    "a shape in braces": (
        "input: {28, 28}\nencoder: [flatten, dense: 3]\ndecoder: mirror\n",
        "for a list write `[28, 28]`",
    ),
    "a length in braces": (
        "input: {784}\nencoder: [dense: 3]\ndecoder: mirror\n",
        "take the braces away: write `[784]`",
    ),
    "a variable in braces": (
        "vars: {width: 3}\ninput: [8]\nencoder: [dense: {width}, dense: '${width}']\ndecoder: mirror\n",
        "for the variable write `${width}`",
    ),
    "braces twice": (
        "input: [8]\nencoder: [dense: {{units: 3}}]\ndecoder: mirror\n",
        "take one pair of braces away: write `{units: 3}`",
    ),
    "a quote that another closes": (encoder("dense: {units: 3, activation: 'relu\"}"), "write `'relu'`"),
    "a factor of one loss": (REST + "loss: 0.5 * mse\n", "write `loss: {mse: {weight: 0.5}}`"),
    "a loss with its field below": (REST + "loss:\n  - mse\n    weight: 0.5\n", "write `- mse: {weight: 0.5}`"),
    "a layer with its fields below": (
        "input: [8]\nencoder:\n  - dense\n      units: 30\n      activation: relu\ndecoder: mirror\n",
        "write `- dense: {units: 30, activation: relu}`",
    ),
    "a comma behind the value of a field": (
        encoder("dense:\n      units: 32,\n      activation: relu"),
        "did you mean `32`?",
    ),
    "what weights begin with": (encoder("dense: {units: 3, init: he_normal}"), "did you mean `kernel_initializer`?"),
    "a penalty of weights": (encoder("dense: {units: 3, reg: l2}"), "did you mean `kernel_regularizer`?"),
    "a mirror beside the decoder": (
        REST + "mirror: {tie_weights: true}\n",
        "it is a way to state the decoder: write `decoder: {mirror: {tie_weights: true}}`",
    ),
    "a field of the spec in a description": (
        "description: an encoder: of images\n" + REST,
        'write `description: "an encoder: of images"`',
    ),
    "a brace for a bracket": (
        "input: {shape: [784], range: [0, 1}\nencoder: [dense: 3]\ndecoder: mirror\n",
        "write `]` before it",
    ),
    "a parenthesis for a brace": ("input: [8]\nencoder: [dense: {units: 32), flatten]\ndecoder: mirror\n", "write `}`"),
    "a field behind closed braces": (
        encoder("dense: {units: 3}, activation: relu"),
        "write `- dense: {units: 3, activation: relu}`",
    ),
    "a field below closed braces": (
        training("{optimizer: adam}") + "  epochs: 4\n  seed: 3\n",
        "write `training: {optimizer: adam, epochs: 4, seed: 3}`",
    ),
    "a field below a value": (
        "input: [8]\nencoder:\n  - dense: 64\n   use_bias: false\ndecoder: mirror\n",
        "write `- dense: {units: 64, use_bias: false}`",
    ),
    "layers in one item": (encoder("flatten, dense: 32"), "each layer is an item: write `- flatten` and `- dense: 32`"),
    "a kind and its field behind a field": (
        "input: [8]\nencoder: [dense: 3]\ndecoder: mirror: tie_weights: true\n",
        "write `decoder: {mirror: {tie_weights: true}}`",
    ),
    "a kind and its fields behind a field": (REST + "loss: mse {weight: 3}\n", "write `loss: {mse: {weight: 3}}`"),
    "a field behind a section": (REST + "training: epochs: 3\n", "write `training: {epochs: 3}`"),
    "a value in braces": (encoder("dropout{0.2}", "dense: 3"), "write `- dropout: 0.2`"),
    "a list behind a kind": (encoder("reshape [2, 4]", "flatten", "dense: 3"), "write `- reshape: [2, 4]`"),
    "a list joined to its kind": (encoder("reshape:[2, 4]", "flatten", "dense: 3"), "write `reshape: [2, 4]`"),
    "a colon on the wrong side": (encoder("dense: {units: 30, activation :selu}"), "write `activation: selu`"),
    "a field twice that is a layer too": (
        encoder("dense:\n      units: 3\n      activation: relu\n      activation: selu"),
        "keep one of the two",
    ),
    "a first layer without its dash": (
        "input: [8]\nencoder:\n  dense: 100\n  - dense: 30\ndecoder: mirror\n",
        "write `- dense: 100`",
    ),
    "losses that are one text": (REST + "loss:\n  mse\n  mae\n", "write `[mse, mae]`"),
    "a semicolon": (encoder("dense: {units: 30; activation: relu}"), "write `,`"),
    "a variable at the top": (
        "w: 64\ninput: [8]\nencoder: [dense: '${w}']\ndecoder: mirror\n",
        "variables stand in `vars`: write `vars: {w: 64}`",
    ),
    "a kind of one axis": (
        "input: [8, 4]\nencoder: [upsample1d: 2]\ndecoder: mirror\n",
        "did you mean `upsampling1d`? `aespec layers` lists all kinds",
    ),
}


TO_BE_FILLED_IN = {
    "an include at the top": (
        REST + "include: other.yaml\n",
        "the layers of another file stand in the list: `- include: other.yaml`",
    ),
    "a divergence and its weight": (
        REST + "loss: {mse: 1.0, kl_divergence: 0.1}\n",
        "write `{mse: {weight: 1.0}}`; `kl_divergence` comes with the code: "
        "`- gaussian_latent: {units: 8, beta: 0.1}` at the end of the encoder",
    ),
    "a variable with a sign of assignment": (
        "vars: {a: 3, w=64}\ninput: [8]\nencoder: [dense: '${a}', dense: '${w}']\ndecoder: mirror\n",
        "write `w: 64` in `vars`, with a colon",
    ),
    "a variable that there is not, in a repeat": (
        encoder("repeat: {times: 2, index: i, layers: [dense: '${w * (i + 1)}']}"),
        "add `vars: {w: …}`; a literal `${` is written `$${`",
    ),
    "the line of the decoder": (
        "input: [8]\nencoder:\n  - dense: 4\n  - dense: 2\n  - dense: 4\n  - dense: 8\n",
        "write a line `decoder:` before the first of its layers",
    ),
}
"""What takes more than what is to be written."""

CASES = {**FIELDS, **NOTHING_IS_LOST, **VALUES, **SHAPES, **TEXTS, **AND_MORE, **VARIABLES, **AS_READERS_FOUND}


@pytest.mark.parametrize("case", [*CASES.values(), *TO_BE_FILLED_IN.values()], ids=[*CASES, *TO_BE_FILLED_IN])
def test_one_message_says_what_to_do(case):
    text, help = case
    assert advice(text) == [help]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_advised_is_right(case):
    (problem,) = told(case[0])
    assert leaves_open(problem) or is_right(case[0], problem)


@pytest.mark.parametrize(
    "text",
    [
        "input: [8]\nencoder: [5]\ndecoder: mirror\nloss: kl\n",
        "input: [8]\nencoder: [true, dense: 3]\ndecoder: mirror\nloss: [mse, kl]\n",
        encoder("'1: {a: 2}'"),
        encoder("'null: {a: 2}'"),
        encoder("'dense: {units: 2024-13-45}'"),
        encoder("'dense: " + "{a: " * 3000 + "'"),
        encoder("dense: " + "9" * 5000 + "# x"),
        REST + f"loss: {'9' * 5000} * mse + mae\n",
        REST + f"loss: {' + '.join(['mse'] * 3000)}\n",
        training("{optimizer: {adam: {learning_rate: '1e999'}}}"),
        training("{optimizer: {adam: {learning_rate: '1,000'}}}"),
        "input: [8]\nmodel: [[[1]], null, 3, [null]]\n",
        "input: {shape: [8], range: .inf}\nencoder: [dense: 3]\ndecoder: mirror\n",
        encoder("layer: [dense, 3]"),
        encoder("dense: {units: 3, activation: []}"),
        encoder(f"dense: '{'1' * 5000} relu'"),
    ],
)
def test_whatever_is_written_is_told(text):
    assert told(text)


@pytest.mark.parametrize(
    "text",
    [
        "// a" + " " * 15_000 + "b\n" + REST,
        "name: " + "a: " * 15_000 + "'\n" + REST,
        "a = x" + " " * 15_000 + "y\n",
        "vars: {" + ", ".join(f"{i}: 1" for i in range(10_000)) + "}\n" + REST,
        "vars: {x: '" + "9" * 60_000 + "', 2: 3}\n" + REST,
        "input: [8]\ndecoder: mirror\nencoder: [" + ", ".join(["\N{EN DASH} dense"] * 5_000) + "]\n",
        "input: [8]\ndecoder: mirror\nencoder: [" + ", ".join(["'(a'"] * 2_000) + "]\n",
        encoder("'dense" + " " * 60_000 + "x'"),
        "a:\n" + "".join(f"  k{i}: 1\n" for i in range(6_000)) + "  -dense: 1\n" * 6_000 + REST,
        "name: '${{" + " " * 20_000 + "'\n" + REST,
    ],
    ids=[
        "a comment",
        "colons",
        "an assignment",
        "keys",
        "digits",
        "dashes",
        "parentheses",
        "spaces",
        "joined",
        "braces",
    ],
)
def test_a_long_line_takes_no_longer_than_its_length(text):
    start = time.perf_counter()
    assert told(text)
    assert time.perf_counter() - start < 10  # what looks through the line for each of its parts takes minutes


WHOLE = "encoder: [dense: 3]\ndecoder: mirror\n"

SAID_ELSEWHERE = {
    "a comment above": ("# \uc124\uba85\uff1a a\ninput: [8]]\n" + WHOLE, "`]` closes nothing"),
    "another sign above": ("description: a\uff1ab\ninput: [8]]\n" + WHOLE, "`]` closes nothing"),
    "a text above": ("description: a\xa0b\ninput: [8]]\n" + WHOLE, "`]` closes nothing"),
    "a block of text above": ("description: |\n  ```\n  // b\n  =======\ninput: [8]]\n" + WHOLE, "`]` closes nothing"),
    "a text over several lines": ("description: a\n  text\n  and: on\n", "a `: ` in a text"),
    "integer division": (encoder("dense: 7 // 2"), "`units` has a wrong value"),
    "a second number": ("vars: {a: 1,2: 3}\n" + REST, "the key `2` is no text, which a spec cannot have"),
}


@pytest.mark.parametrize("case", SAID_ELSEWHERE.values(), ids=SAID_ELSEWHERE)
def test_what_only_looks_wrong_is_not_blamed(case):
    text, message = case
    assert [each.message for each in told(text)] == [message]


@pytest.mark.parametrize(
    ("assignment", "help"),
    [
        ("training.lr=0.1", "`learning_rate` is a field of `adam`: write `training.optimizer.adam=0.1`"),
        ("epochs=5", "`epochs` is a field of `training`: write `training.epochs=5`"),
        ("optimizer=adam", "`optimizer` is a field of `training`: write `training.optimizer=adam`"),
        ("training/epochs=3", "did you mean `training.epochs`?"),
        ("encoder.0.dense.unit=3", "did you mean `units`?"),
    ],
)
def test_an_assignment_is_advised_as_one(assignment, help):
    assert advice(REST, (assignment,)) == [help]


@pytest.mark.parametrize("assignment", ["training.optimizer.adam=0.1", "training.epochs=5", "training.optimizer=adam"])
def test_what_is_advised_for_an_assignment_is_one(assignment):
    aespec.parse(REST, (assignment,))


@pytest.mark.parametrize(
    "text",
    [
        "input: {shape: [2], columns: [name\uff1a, \N{EN DASH} b]}\n",
        "description: a\uff1ab \N{EN DASH} c\n",
        "name: x  # a\uff0cb\n",
        "description: '\N{BULLET} one'\n",
    ],
)
def test_a_text_may_have_any_sign(text):
    aespec.parse(text + REST.removeprefix("input: [8]\n" * text.startswith("input")))


def test_a_truth_is_written_as_one():
    text = "input: [8]\nencoder: [dense: 3]\ndecoder: {mirror: true, tie_weights: yes}\n"
    assert advice(text) == ["write `{mirror: {tie_weights: true}}`", 'write `true`, or `"yes"` for the text']


def test_the_fields_at_the_top_are_those_of_a_spec():
    assert {*AT_THE_TOP} == {*Spec.model_fields}
