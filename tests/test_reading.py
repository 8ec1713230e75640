"""How a wrong spec is read on: all that is told of each is here, as the code and the help of each message."""

import pytest
from applying import is_right, leaves_open, told

import aespec

READ = {
    "a rate before its optimizer": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\nlr: 0.01\noptimizer: sgd\n"),
        [("E102", "they are fields of `training`: write `training: {optimizer: {sgd: 0.01}}`")],
    ),
    "fields beside a misspelt optimizer": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimiser: sgd, lr: 0.1, momentum: 0.9}\n"),
        [
            ("E102", "did you mean `optimizer`?"),
            ("E102", ("they are fields of `optimizer`: write `optimizer: {sgd: {learning_rate: 0.1, momentum: 0.9}}`")),
        ],
    ),
    "an optimizer at the top, its fields in the plan": (
        (
            "input: [8]\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "optimizer: sgd\n"
            "training: {learning_rate: 0.1, momentum: 0.9}\n"
        ),
        [
            (
                "E102",
                (
                    "`optimizer` is a field of `training`: write `training: {learning_rate: 0.1, momentum: "
                    "0.9, optimizer: sgd}`"
                ),
            ),
            ("E102", ("they are fields of `optimizer`: write `optimizer: {sgd: {learning_rate: 0.1, momentum: 0.9}}`")),
        ],
    ),
    "fields beside a call": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: 'SGD()', lr: 0.1, momentum: 0.9}\n"),
        [
            ("E101", "write `sgd`"),
            ("E102", ("they are fields of `optimizer`: write `optimizer: {sgd: {learning_rate: 0.1, momentum: 0.9}}`")),
        ],
    ),
    "fields beside a kind by its type": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: {type: sgd}, lr: 0.1}\n"),
        [
            ("E101", "the kind stands by itself: write `sgd`"),
            ("E102", "`learning_rate` is a field of `sgd`: write `optimizer: {sgd: 0.1}`"),
        ],
    ),
    "a rate beside a misspelt kind": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: rms_prop, lr: 0.1}\n"),
        [
            ("E101", "did you mean `rmsprop`?"),
            ("E102", "`learning_rate` is a field of `rmsprop`: write `optimizer: {rmsprop: 0.1}`"),
        ],
    ),
    "the beta of a code": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\nbeta: 4\n"),
        [("E102", ("it belongs to the code: `- gaussian_latent: {units: 8, beta: 4}` at the end of the encoder"))],
    ),
    "a penalty at the top": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\nl2: 0.01\n"),
        [("E102", "a penalty stands at a layer: `kernel_regularizer: {l2: 0.01}`")],
    ),
    "a type of spec": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntype: autoencoder\n"),
        [("E102", "remove it: every spec is one of an autoencoder")],
    ),
    "both betas": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {betas: [0.9, 0.99]}\n"),
        [("E102", "they are fields of the optimizer: `optimizer: {adam: {beta_1: 0.9, beta_2: 0.99}}`")],
    ),
    "a loss in the plan": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {criterion: nn.BCELoss}\n"),
        [
            (
                "E102",
                ("`loss` stands at the top of the spec, beside `training`: write `loss: binary_crossentropy` there"),
            )
        ],
    ),
    "sparsity of a layer": (
        ("input: [20]\ndecoder: mirror\nencoder:\n  - dense: {units: 3, activation: sigmoid, sparsity: 0.05}\n"),
        [("E102", "write `activity_regularizer: {kl_divergence: {target: ...}}`, or `{l1: ...}`")],
    ),
    "sparsity as a penalty": (
        (
            "input: [20]\n"
            "decoder: mirror\n"
            "encoder:\n"
            "  - dense: {units: 3, activation: sigmoid, activity_regularizer: {sparsity: 0.05}}\n"
        ),
        [("E101", "write `kl_divergence: {target: 0.05}`")],
    ),
    "what Keras validates on": (
        (
            "input: [8]\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "training: {validation_steps: 10, validation_batch_size: 32, validation_freq: 1}\n"
        ),
        [
            ("E102", "remove it: all samples that are kept for it are looked at after each epoch"),
            ("E102", "remove it: all samples that are kept for it are looked at after each epoch"),
            ("E102", "remove it: all samples that are kept for it are looked at after each epoch"),
        ],
    ),
    "an unflattening": (
        (
            "input: [28, 28, 1]\n"
            "encoder: [flatten, dense: 3]\n"
            "decoder: [dense: 784, nn.Unflatten: {dim: 1, unflattened_size: [1, 28, 28]}]\n"
        ),
        [("E101", "write `reshape: [28, 28, 1]`")],
    ),
    "axes behind a reshape": (
        (
            "input: [28, 28]\n"
            "encoder: [reshape: [28, 28, 1], conv: {filters: 4, kernel_size: 3}, flatten, dense: 3]\n"
            "decoder: mirror\n"
            "training: {freeze: encoder/conv2d_1}\n"
        ),
        [("E101", "did you mean `conv2d`? `aespec layers` lists all kinds")],
    ),
    "a schedule as a rate": (
        (
            "input: [8]\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "training: {optimizer: {adam: {learning_rate: 'ExponentialDecay(0.01, 1000, 0.9)'}}}\n"
        ),
        [("E104", "write the rate to begin with, and `schedule: exponential` in `training`")],
    ),
    "the name of a schedule as a rate": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: {adam: {learning_rate: cosine}}}\n"),
        [("E104", "write the rate to begin with, and `schedule: cosine` in `training`")],
    ),
    "a share that is kept": (
        ("input: [20]\ndecoder: mirror\nencoder:\n  - dropout: {keep_prob: 0.8}\n"),
        [("E102", "write `rate: 0.2`: it is the share that is dropped")],
    ),
    "a slope of PyTorch's": (
        ("input: [20]\ndecoder: mirror\nencoder:\n  - nn.LeakyReLU\n"),
        [("E101", "as a layer of its own write `- activation: {function: {leaky_relu: 0.01}}`")],
    ),
    "an optimizer by its target": (
        (
            "input: [8]\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "training: {optimizer: {_target_: torch.optim.RMSprop, lr: 0.01}}\n"
        ),
        [("E105", "write `{rmsprop: {learning_rate: 0.01, rho: 0.99}}`")],
    ),
    "a filter's size": (
        ("input: [8,8,1]\ndecoder: mirror\nencoder:\n  - conv2d: {filters: 8, filter_size: 3}\n"),
        [("E102", "did you mean `kernel_size`?")],
    ),
    "a mode of padding": (
        (
            "input: [8,8,1]\n"
            "decoder: mirror\n"
            "encoder:\n"
            "  - conv2d: {filters: 8, kernel_size: 3, padding_mode: reflect, padding: same}\n"
        ),
        [("E102", "remove it: what is added is zero")],
    ),
    "weights to freeze": (
        (
            "input: [20]\n"
            "encoder: [dense: 8, dense: 4]\n"
            "decoder: mirror\n"
            "loss: mse\n"
            "training: {freeze: encoder/dense_1/weights}\n"
        ),
        [("E208", "did you mean `encoder/dense_1/kernel`?")],
    ),
    "all layers to freeze": (
        ("input: [20]\nencoder: [dense: 8, dense: 4]\ndecoder: mirror\nloss: mse\ntraining: {freeze: encoder/*}\n"),
        [("E208", "did you mean `encoder`?")],
    ),
    "a loss by two names": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\nloss: [mse, MSELoss]\n"),
        [("E101", "it is `mse` here, which is in the list: take one of the two away")],
    ),
    "a bare schedule": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {schedule: step}\n"),
        [("E103", "write `{step: 10}`")],
    ),
    "a bare layer in a wrapper": (
        ("input: [8,2]\ndecoder: mirror\nencoder:\n  - time_distributed: dense\n"),
        [("E103", "write `{layer: {dense: ...}}`")],
    ),
    "zeros around a transposed convolution": (
        (
            "input: [8,8,1]\n"
            "encoder: [flatten, dense: 3]\n"
            "decoder: [dense: 16, reshape: [4,4,1], conv2d_transpose: {filters: 1, kernel_size: 3, "
            "strides: 2, padding: 1, output_padding: 1}]\n"
        ),
        [("E104", "write `valid`, and put `cropping2d: 1` behind this layer")],
    ),
    "a bare layer": (
        ("input: [20]\ndecoder: mirror\nencoder:\n  - Dense\n"),
        [("E101", "did you mean `dense: ...`, with its `units`?")],
    ),
    "a last shape": (
        ("input: [28, 28]\nencoder: [flatten, dense: 3]\ndecoder: [dense: 784, reshape: [28, 29]]\n"),
        [("E201", "write `reshape: [28, 28]`, the shape of the input")],
    ),
    "a schedule beside an optimizer": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: {adam: 0.001, schedule: cosine}}\n"),
        [("E105", ("`schedule` stands in `training` itself: write `optimizer: {adam: 0.001}` and `schedule: cosine`"))],
    ),
    "a shape behind a layer of PyTorch's": (
        ("input: [20]\nencoder: [Linear: {in_features: 20, out_features: 3}]\ndecoder: [dense: 21]\n"),
        [("E101", "write `dense: 3`"), ("E203", "give it `units: 20`")],
    ),
    "a layer by its type": (
        ("input: [20]\ndecoder: mirror\nencoder:\n  - {type: dense, units: -3, activation: rleu}\n"),
        [
            ("E105", "write `- dense: {units: -3, activation: rleu}`"),
            ("E104", "`units`: Width of the output."),
            ("E101", "did you mean `relu`? `aespec layers --family activation` lists all kinds"),
        ],
    ),
    "a plan at the top": (
        (
            "input: [8]\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "epochs: ten\n"
            "clip_norm: 1\n"
            "clip_value: 2\n"
            "freeze: [encoder/nope]\n"
        ),
        [
            (
                "E102",
                (
                    "they are fields of `training`: write `training: {epochs: ten, clip_norm: 1, clip_value: "
                    "2, freeze: [encoder/nope]}`"
                ),
            ),
            ("E104", "for a number by name write `${ten}`, and add `vars: {ten: ...}`"),
            ("E106", "keep one of the two"),
            ("E208", "did you mean `encoder/dense_1`?"),
        ],
    ),
    "a spec in a mapping": (
        "model: {input: [8], encoder: [danse: 3], decoder: mirrored, loss: msee}\n",
        [
            ("E102", "take `model` away: what it holds stands at the top"),
            ("E101", "did you mean `dense`? `aespec layers` lists all kinds"),
            ("E101", "did you mean `mirror`?"),
            ("E101", "did you mean `mse`?"),
        ],
    ),
    "what Keras is given": (
        (
            "input: [8]\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "compile: {optimizer: sgd, loss: mae}\n"
            "fit: {epochs: 10, batch_size: sixty}\n"
        ),
        [
            ("E102", ("write `training: {optimizer: sgd, epochs: 10, batch_size: sixty}` and `loss: mae` at the top")),
            ("E102", ("write `training: {optimizer: sgd, epochs: 10, batch_size: sixty}` and `loss: mae` at the top")),
        ],
    ),
    "fields beside their kind": (
        (
            "input: [20]\n"
            "encoder:\n"
            "  - dense:\n"
            "    units: 10\n"
            "    name: outer\n"
            "  - dense: 5\n"
            "decoder: [dense: 10, dense: {units: 20, tied_to: encoder/outer}]\n"
        ),
        [("E105", "write `- dense: {units: 10, name: outer}`")],
    ),
    "a tied layer of a wrong width": (
        (
            "input: [20]\n"
            "encoder: [dense: {units: 10, name: outer}, dense: 5]\n"
            "decoder: [dense: 10, dense: {units: 23, tied_to: encoder/outer}]\n"
        ),
        [
            (
                "E204",
                "give it `units: 20`: a tied layer has the other's window, and its input and output widths exchanged",
            )
        ],
    ),
    "a decoder in the plan": (
        ("input: [8]\nencoder: [dense: 3]\ntraining:\n  epochs: 3\n  decoder: mirror\n"),
        [("E102", "`decoder` stands at the top of the spec, beside `training`")],
    ),
    "fields of PyTorch's, misspelt": (
        ("input: [20]\ndecoder: mirror\nencoder:\n  - Linear: {in_feature: 8, out_feature: 3}\n"),
        [("E101", "write `- dense: 3`; left out: `in_feature=8`")],
    ),
    "a size": (
        ("input: [20]\ndecoder: mirror\nencoder:\n  - dense: {size: 32}\n"),
        [("E102", "did you mean `units`?")],
    ),
    "an interval": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {schedule: {step: {interval: 5}}}\n"),
        [("E102", "did you mean `every`?")],
    ),
    "an image's lengths": (
        ("input: {width: 28, height: 28, channels: 1}\nencoder: [flatten, dense: 3]\ndecoder: mirror\n"),
        [("E102", "write `shape: [28, 28, 1]`")],
    ),
    "a number of features": (
        ("input: {features: 20}\nencoder: [dense: 3]\ndecoder: mirror\n"),
        [("E102", "write `shape: [20]`")],
    ),
    "a rate as an optimizer": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: {lr: 0.001}}\n"),
        [("E101", "it is a field of `adam`: write `{adam: {learning_rate: 0.001}}`")],
    ),
    "an optimizer in a list": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: [{adam: 0.001}]}\n"),
        [("E105", "take the brackets away: `{adam: 0.001}`")],
    ),
    "phases by name": (
        (
            "input: [8]\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "training: {greedy: {dense_1: {epochs: 3}, dense_2: {epochs: 3}}}\n"
        ),
        [
            ("E208", "take 1 of them away, or give one for all"),
            ("E102", "phases are a list: write `greedy: [{epochs: 3}, {epochs: 3}]`"),
        ],
    ),
    "a sequence's lengths": (
        ("input: {timesteps: 128, features: 6}\nencoder: [lstm: 3]\ndecoder: mirror\n"),
        [("E102", "write `shape: [128, 6]`")],
    ),
    "greedy phases beside a wrong mirror": (
        (
            "input: [20]\n"
            "encoder: [dense: 8, dense: 4]\n"
            "decoder: {mirror: {tie_weights: 'true'}}\n"
            "loss: mse\n"
            "training: {greedy: {epochs: 3}}\n"
        ),
        [("E104", "did you mean `true`?")],
    ),
    "a wrapper's own units": (
        ("input: [8,2]\ndecoder: mirror\nencoder:\n  - bidirectional: {units: 32, return_sequences: true}\n"),
        [("E102", "write `layer: {lstm: {units: 32, return_sequences: true}}`")],
    ),
    "units at every step": (
        ("input: [8,2]\ndecoder: mirror\nencoder:\n  - time_distributed: {units: 6}\n"),
        [("E102", "write `layer: {dense: {units: 6}}`")],
    ),
    "the shape of an input": (
        ("input: {input_shape: [128, 6]}\nencoder: [lstm: 3]\ndecoder: mirror\n"),
        [("E102", "did you mean `shape`?")],
    ),
    "a layer below its name": (
        ("input: [8,2]\ndecoder: mirror\nencoder:\n  - conv1: {conv1d: {filters: 8, kernel_size: 3}}\n"),
        [("E101", "write `- conv1d: {filters: 8, kernel_size: 3, name: conv1}`")],
    ),
    "layers by kind and number": (
        (
            "input: [20]\n"
            "encoder: [dense: {units: 8, name: a}, dense: {units: 4, name: b}]\n"
            "decoder: [dense: {units: 8, tied_to: encoder/dense_2}, dense: {units: 20, tied_to: "
            "encoder/dense_1}]\n"
            "training: {freeze: encoder/dense_2/kernel}\n"
        ),
        [
            ("E204", "did you mean `encoder/b`?"),
            ("E204", "did you mean `encoder/a`?"),
            ("E208", "did you mean `encoder/b/kernel`?"),
        ],
    ),
    "what belongs elsewhere": (
        (
            "input: {shape: [8], target: class, batch_size: 32}\n"
            "encoder: [dense: 3]\n"
            "decoder: mirror\n"
            "classifier: {dense: 64}\n"
        ),
        [
            ("E102", "did you mean `label`?"),
            ("E102", "`batch_size` is a field of `training`, which stands at the top, beside `input`"),
            ("E102", "write `head: [{dense: 64}]`"),
        ],
    ),
    "an encoder to freeze": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {freeze_encoder: true}\n"),
        [("E102", "write `freeze: encoder` in `training`")],
    ),
    "a bias that is none": (
        ("input: [20]\nencoder: [dense: {units: 8, use_bias: 3}]\ndecoder: [dense: 19]\n"),
        [("E104", "`use_bias`: Add a bias."), ("E203", "give it `units: 20`")],
    ),
    "a name that is none": (
        ("input: [20]\nencoder: [dense: {units: 8, name: a-b}]\ndecoder: [dense: 19]\n"),
        [("E104", "write `name: a_b`"), ("E203", "give it `units: 20`")],
    ),
    "a kernel longer than the input": (
        (
            "input: [10, 2]\n"
            "encoder: [conv1d: {filters: 4, kernel_size: 30, activation: relo}, flatten, dense: 3]\n"
            "decoder: mirror\n"
        ),
        [
            ("E201", "use a smaller window, or `padding: same`"),
            ("E101", "did you mean `relu`? `aespec layers --family activation` lists all kinds"),
        ],
    ),
    "two layers of Keras's": (
        ("input: [10, 2]\nencoder: [LSTM: {units: 8}, LSTM: {units: 4}]\ndecoder: mirror\n"),
        [
            ("E101", "did you mean `lstm`? `aespec layers` lists all kinds"),
            ("E101", "did you mean `lstm`? `aespec layers` lists all kinds"),
            (
                "E201",
                (
                    "state `return_sequences: true` at `encoder/lstm_1`, which gives its last step alone, or "
                    "put a `repeat_vector` between"
                ),
            ),
        ],
    ),
    "two layers of a wrong rank": (
        ("input: [128, 6]\nencoder: [lstm: 8, gru: 4]\ndecoder: [dense: 4, gru: 3]\n"),
        [
            (
                "E201",
                (
                    "state `return_sequences: true` at `encoder/lstm_1`, which gives its last step alone, or "
                    "put a `repeat_vector` between"
                ),
            ),
            ("E201", "put `- reshape: [steps, features]` before it, 4 values in all, or `- repeat_vector: 128`"),
        ],
    ),
    "a misspelt block with a repeat": (
        ("input: [20]\nEncoder:\n  - repeat: {each: {u: [16, 8]}, layers: [{dense: '${u}'}]}\ndecoder: mirror\n"),
        [("E102", "did you mean `encoder`?")],
    ),
    "layers below a name": (
        (
            "input: [20]\n"
            "encoder: {layers: [{repeat: {each: {u: [16, 8]}, layers: [{dense: '${u}'}]}}]}\n"
            "decoder: mirror\n"
        ),
        [("E104", "take `layers` away: the list of layers stands below `encoder` itself")],
    ),
    "misspelt variables": (
        ("Vars: {width: 8}\ninput: [20]\nencoder: [dense: '${width}']\ndecoder: mirror\n"),
        [("E102", "did you mean `vars`?")],
    ),
    "a misspelt repeat": (
        (
            "input: [20]\n"
            "encoder:\n"
            "  - Repeat: {times: 2, index: i, layers: [{dense: '${16 - 4 * i}'}, {dens: 3}]}\n"
            "decoder: mirror\n"
        ),
        [
            ("E101", "did you mean `repeat`? `aespec layers` lists all kinds"),
            ("E101", "did you mean `dense`? `aespec layers` lists all kinds"),
        ],
    ),
    "a repeat with other fields": (
        ("input: [20]\nencoder:\n  - repeat: {count: 2, layer: [{dens: 4}]}\ndecoder: mirror\n"),
        [
            ("E102", "did you mean `times`?"),
            ("E102", "did you mean `layers`?"),
            ("E101", "did you mean `dense`? `aespec layers` lists all kinds"),
        ],
    ),
    "turns that are no number": (
        ("input: [20]\nencoder:\n  - repeat: {times: two, layers: [{dens: 4}]}\ndecoder: mirror\n"),
        [("E104", "write it like `times: 3`"), ("E101", "did you mean `dense`? `aespec layers` lists all kinds")],
    ),
    "a spec in a mapping with variables": (
        ("model: {input: [8], encoder: [dens: '${w}', dense: {unit: 4}], decoder: miror, loss: msee, vars: {w: 8}}\n"),
        [
            ("E102", "take `model` away: what it holds stands at the top"),
            ("E101", "did you mean `dense`? `aespec layers` lists all kinds"),
            ("E102", "did you mean `units`?"),
            ("E101", "did you mean `mirror`?"),
            ("E101", "did you mean `mse`?"),
        ],
    ),
    "an optimizer with a field of the plan": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {optimizer: {Adam: {lr: 0.1}, epochs: 2}}\n"),
        [
            (
                "E105",
                (
                    "`epochs` stands in `training` itself: write `optimizer: {adam: {learning_rate: 0.1}}` "
                    "and `epochs: 2`"
                ),
            )
        ],
    ),
    "a window beside a misspelt batch": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {window: 3, batch_sze: 2}\n"),
        [("E102", "did you mean `batch_size`?")],
    ),
    "a guess that is none": (
        (
            "input: [8, 8, 1]\n"
            "encoder: [conv2d: {filters: 4, kernel_size: 3, strides: 2, padding: same}]\n"
            "decoder:\n"
            "  - tconv: {filters: 1, kernel_size: 3, strides: 2, padding: same}\n"
        ),
        [("E101", "did you mean `conv2d`? `aespec layers` lists all kinds")],
    ),
    "a loss that is nearly two": (
        ("input: {shape: [8], range: [-1, 1]}\nencoder: [dense: 3]\ndecoder: mirror\nloss: crossentropy\n"),
        [("E101", "did you mean `binary_crossentropy`?")],
    ),
    "a loss that is nearly one of the list": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\nloss: [mse, {me: {weight: 0.2}}]\n"),
        [("E101", "did you mean `mae`?")],
    ),
    "a layer called so": (
        ("input: [20]\nencoder: [{dense: {units: 5, name: a}}]\ndecoder: [{layer: {units: 20, tied_to: encoder/a}}]\n"),
        [("E101", "take `layer` away: write `dense: {units: 20, tied_to: encoder/a}`")],
    ),
    "a field for a section": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {value: {epochs: 3}}\n"),
        [("E102", "take `value` away: what it holds stands in `training` itself")],
    ),
    "a field for the phase of a list of phases": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {greedy: [{phase: {epochs: 3}}]}\n"),
        [("E102", "take `phase` away: what it holds stands in item 1 of `greedy` itself")],
    ),
    "a field for the one phase": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {greedy: {phase: {epochs: 3}}}\n"),
        [("E102", "take `phase` away: what it holds stands in `greedy` itself")],
    ),
    "a misspelt field inside, another beside": (
        ("input: [8]\nencoder:\n  - {name: foo, dense: {unts: 6}}\ndecoder: mirror\n"),
        [("E105", "write `- dense: {units: 6, name: foo}`")],
    ),
    "a name in brackets": (
        ("input: [20]\nencoder: [dense: {units: 10, name: [b]}]\ndecoder: mirror\ntraining: {freeze: [encoder/b]}\n"),
        [("E104", "write `name: b`")],
    ),
    "a name in a repeat": (
        (
            "input: [20]\n"
            "encoder:\n"
            "  - repeat: {times: 2, index: i, layers: [{name: foo, dense: 10}]}\n"
            "decoder: mirror\n"
        ),
        [("E105", "write `dense: {units: 10, name: foo}`"), ("E206", "write `name: foo_${i}`")],
    ),
    "a layer of PyTorch's with a penalty": (
        ("input: [20]\nencoder:\n  - Linear: {out_features: 8, kernel_regularizer: {l2: 0.1}}\ndecoder: mirror\n"),
        [("E101", "write `- dense: {units: 8, kernel_regularizer: {l2: 0.1}}`")],
    ),
    "a word for true": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {early_stopping: yes}\n"),
        [("E004", "leave `early_stopping` out, or write for example `early_stopping: 5`")],
    ),
    "a word for false": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {schedule: no}\n"),
        [("E004", "leave `schedule` out")],
    ),
    "a name that is a word for true": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\nname: y\n"),
        [("E004", 'write `"y"`')],
    ),
    "a switch": (
        ("input: [8]\nencoder: [dense: {units: 3, use_bias: yes}]\ndecoder: mirror\n"),
        [("E004", 'write `true`, or `"yes"` for the text')],
    ),
    "the length of windows": (
        ("input: {shape: [128, 6], window: 128}\nencoder: [lstm: 3]\ndecoder: mirror\n"),
        [("E102", "windows are as long as the first axis of `shape`, and begin `stride` apart")],
    ),
    "scaling by true": (
        ("input: {shape: [128, 6], normalize: true}\nencoder: [lstm: 3]\ndecoder: mirror\n"),
        [("E102", "write `scaling: standard`")],
    ),
    "an overlap": (
        ("input: {shape: [128, 6], overlap: 3}\nencoder: [lstm: 3]\ndecoder: mirror\n"),
        [("E102", "windows begin `stride` steps apart: `stride: 64` with a length of 128 is half of one")],
    ),
    "a code by another name": (
        ("input: [8]\nencoder: [gaussian_code: {units: 3, beta: 0.5}]\ndecoder: mirror\n"),
        [("E101", "did you mean `gaussian_latent`? `aespec layers` lists all kinds")],
    ),
    "the weight of a loss below its name": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\nloss:\n  - mse\n    weight: 0.5\n"),
        [("E002", "write `- mse: {weight: 0.5}`")],
    ),
    "a tied mirror": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: {mirror: tied}\n"),
        [("E104", "write `mirror: {tie_weights: true}`")],
    ),
    "a warm-up in the plan": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {warmup: 3}\n"),
        [("E102", "it belongs to a schedule: `schedule: {cosine: {warmup: 3}}`, in epochs")],
    ),
    "a shape in braces": (
        ("input: {shape: 28, 28, range: [0, 1]}\nencoder: [flatten, dense: 3]\ndecoder: mirror\n"),
        [("E007", "a list stands in brackets: write `shape: [28, 28]`")],
    ),
    "lists and numbers that braces cut": (
        (
            "input: {shape: 28, 28, 1, range: [0, 1]}\n"
            "encoder: [conv2d: {filters: 8, kernel_size: 3, 3, padding: samme, strides: 2, 2}, flatten, densse: 3]\n"
            "decoder: mirror\n"
            "training: {epocs: 3, batch_size: 1,024, validation_split: 0,1}\n"
        ),
        [
            ("E007", "a list stands in brackets: write `shape: [28, 28, 1]`"),
            ("E007", "a list stands in brackets: write `kernel_size: [3, 3]`"),
            ("E104", "did you mean `same`?"),
            ("E007", "a list stands in brackets: write `strides: [2, 2]`"),
            ("E101", "did you mean `dense`? `aespec layers` lists all kinds"),
            ("E102", "did you mean `epochs`?"),
            ("E002", "write `1024` without it, or `1.024`"),
            ("E002", "a decimal point is `.`: write `0.1`"),
        ],
    ),
    "keys that are no names": (
        "input: [8]\nencoder: [densse: {units: 3, true: selu, 4: 5}]\ndecoder: mirror\nyes: 3\n",
        [
            ("E101", "did you mean `dense`? `aespec layers` lists all kinds"),
            ("E007", "write the name of the field that is meant"),
            ("E007", "write the name of the field that is meant"),
            ("E004", "write the name of the field that is meant"),
        ],
    ),
    "half precision": (
        ("input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {amp: true}\n"),
        [("E102", "write `mixed_precision: bfloat16`")],
    ),
}


@pytest.mark.parametrize("text", READ)
def test_what_is_told(text):
    written, told = READ[text]
    problems = []
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(aespec.parse(written, problems=problems), problems=problems)
    assert [(each.rule.code, each.help) for each in caught.value.diagnostics] == told


CALLBACKS = {
    "[{EarlyStopping: {patience: 7}}]": "write `early_stopping: 7`",
    "{EarlyStopping: {patience: 7, monitor: val_loss}}": "write `early_stopping: 7`",
    "{class_name: EarlyStopping, config: {patience: 7}}": "write `early_stopping: 7`",
    "[{_target_: lightning.EarlyStopping, patience: 4}]": "write `early_stopping: 4`",
    "'[EarlyStopping(patience=7)]'": "write `early_stopping: 7`",
    "[EarlyStopping(patience=5, min_delta=0.001)]": "write `early_stopping: {patience: 5, min_delta: 0.001}`",
    "[{early_stopping: {patience: 7}}, model_checkpoint]": (
        "write `early_stopping: 7`; a run keeps its checkpoints and its best weights by itself"
    ),
    "[{ReduceLROnPlateau: {factor: 0.2, patience: 8}}]": (
        "write `schedule: {reduce_on_plateau: {factor: 0.2, patience: 8}}`"
    ),
    "[early_stopping, tensorboard]": (
        "write `early_stopping: 5`; `aespec train --log tensorboard` writes what it shows"
    ),
    "[]": "remove `callbacks`",
    "[WandbCallback]": "remove `callbacks`: there is no `WandbCallback`",
}


@pytest.mark.parametrize(("stated", "help"), CALLBACKS.items())
def test_callbacks_keep_what_they_state(stated, help):
    with pytest.raises(aespec.AespecError) as caught:
        aespec.parse(f"input: [8]\nencoder: [dense: 3]\ndecoder: mirror\ntraining: {{callbacks: {stated}}}\n")
    assert [each.help for each in caught.value.diagnostics] == [help]


@pytest.mark.parametrize("case", READ)
def test_what_is_advised_is_right(case):
    text, _ = READ[case]
    for problem in told(text):
        assert leaves_open(problem) or is_right(text, problem)


def test_a_variable_that_nothing_uses_cannot_be_set():
    spec = "vars: {wide: 3}\ninput: [8]\nencoder: [dense: '${wide}']\ndecoder: mirror\n"
    with pytest.raises(aespec.AespecError) as caught:
        aespec.parse(spec, ["vars.wyde=9"])
    assert [(each.rule.code, each.help) for each in caught.value.diagnostics] == [("E008", "did you mean `vars.wide`?")]
    aespec.parse(spec.replace("vars: {wide: 3}\n", ""), ["vars.wide=9"])  # stated nowhere else, and used


def test_a_message_below_what_is_put_together_anew_stands_where_it_is_written():
    with pytest.raises(aespec.AespecError) as caught:
        aespec.parse("input: [8]\nencoder:\n  - type: dense\n    units: ten\n    activation: rleu\ndecoder: mirror\n")
    places = [each.place for each in caught.value.diagnostics]
    assert [(place.line, place.column) for place in places] == [(3, 5), (4, 12), (5, 17)]
