"""What is the torch backend's own. That its numbers are the reference's is for the conformance suite."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import aespec
from aespec.comparison import sample, shaken
from aespec.diagnostics import AespecError
from aespec.graph import Graph, Node
from aespec.initializers import Constant
from aespec.layers import Layer, Param
from aespec.layers.wrap import TimeDistributed
from aespec.losses import MeanSquaredError
from aespec.noise import Noise
from aespec.plan import TrainingPlan
from aespec.registry import find_backend, kinds
from aespec.rules import UnsupportedKind
from aespec.shapes import Shape
from aespec.training import rates
from aespec_torch import Lowered, as_it_is, lowerings
from aespec_torch.saving import export

SPECS = {
    "dense": {
        "input": [6],
        "encoder": [{"dense": {"units": 4, "activation": "selu"}}, {"dropout": 0.5}, {"dense": 2}],
        "decoder": "mirror",
        "loss": "mse",
    },
    "tied": {
        "input": [6],
        "encoder": [{"dense": {"units": 4, "activation": "tanh"}}, {"dense": 2}],
        "decoder": {"mirror": {"tie_weights": True}},
    },
    "tied conv": {
        "input": [7, 6, 2],
        "encoder": [{"conv2d": {"filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu"}}],
        "decoder": {"mirror": {"tie_weights": True}},
    },
    "tied steps": {
        "input": [4, 3],
        "encoder": [{"time_distributed": {"layer": {"dense": {"units": 2, "activation": "tanh"}}}}],
        "decoder": {"mirror": {"tie_weights": True}},
    },
    "conv": {
        "input": [7, 6],
        "encoder": [
            {"reshape": [7, 6, 1]},
            {"conv2d": {"filters": 3, "kernel_size": 2, "padding": "same", "activation": "selu"}},
            {"max_pool2d": {"pool_size": 2, "strides": 1, "padding": "same"}},
            "batch_normalization",
        ],
        "decoder": "mirror",
        "loss": "binary_crossentropy",
    },
    "recurrent": {
        "input": [None, 3],
        "encoder": [
            {"bidirectional": {"layer": {"gru": {"units": 2, "return_sequences": True}}}},
            {"lstm": {"units": 3}},
        ],
        "decoder": {"mirror": {"length": 5}},
        "loss": "binary_crossentropy",
    },
    "variational": {
        "input": [5],
        "encoder": [{"dense": {"units": 4, "activation": "gelu"}}, {"gaussian_latent": 2}],
        "decoder": "mirror",
        "loss": "binary_crossentropy",
    },
}
TIED = [name for name in SPECS if name.startswith("tied")]
NOISY = ("dense", "variational")


def graph_of(name_or_spec):
    spec = SPECS[name_or_spec] if isinstance(name_or_spec, str) else name_or_spec
    return aespec.compile(aespec.parse(spec))


def build(name_or_spec, **options):
    graph = graph_of(name_or_spec)
    model = find_backend("torch").build(graph, **options)
    model.load_weights(shaken(graph, dtype=options.get("dtype", "float32")))
    return model


def batch(model, samples=4, dtype="float32"):
    return sample(model.graph, batch=samples, dtype=dtype, bounds=(0.0, 1.0))


def plan(optimizer="adam", seed=0, batch_size=32):
    return TrainingPlan.model_validate({"optimizer": optimizer, "seed": seed, "batch_size": batch_size})


def epoch(trainer, plan, x, order=None, number=1, tick=lambda done, losses: None):
    """The losses at each step of an epoch."""
    order = np.arange(len(x)) if order is None else order
    return trainer.steps(x, order, plan.batch_size, rates(plan, number, len(order)), Noise(plan.seed, number), tick)


def train(model, x, epochs, optimizer="adam", seed=0, batch_size=32):
    way = plan(optimizer, seed, batch_size)
    trainer = model.trainer(way, len(x))
    for number in range(1, epochs + 1):
        epoch(trainer, way, x, number=number)
    return trainer


class TestNativeModule:
    @pytest.mark.parametrize("name", SPECS)
    def test_has_as_many_parameters_as_the_graph(self, name):
        model = build(name)
        trainable = sum(param.size for param in model.graph.params.values() if param.trainable)
        assert sum(p.numel() for p in model.native.parameters()) == trainable

    @pytest.mark.parametrize("name", SPECS)
    def test_is_the_model(self, name):
        model = build(name)
        x = batch(model)
        assert not model.native.training
        with torch.no_grad():
            code = model.native.encoder(torch.from_numpy(x))
            assert np.array_equal(code.numpy(), model.encode(x))
            assert np.array_equal(model.native.decoder(code).numpy(), model.decode(model.encode(x)))
            assert np.array_equal(model.native(torch.from_numpy(x)).numpy(), model.reconstruct(x))

    def test_names_its_modules_as_the_graph_does(self):
        native = build("conv").native
        assert [name for name, _ in native.encoder.named_children()] == [
            "reshape_1",
            "conv2d_1",
            "conv2d_1_activation",
            "max_pool2d_1",
            "batch_normalization_1",
        ]
        assert isinstance(native.encoder.conv2d_1, nn.Conv2d)
        assert isinstance(native.encoder.conv2d_1_activation, nn.SELU)
        assert native.encoder.conv2d_1.weight.shape == (3, 1, 2, 2)

    @pytest.mark.parametrize("name", ["forward", "train", "append", "state_dict", "weight"])
    def test_takes_names_that_mean_something_to_torch(self, name):
        hidden = {"dense": {"units": 2, "name": name, "activation": "relu"}}
        model = build({"input": [3], "encoder": [hidden], "decoder": "mirror"})
        x = batch(model)
        assert f"encoder/{name}/kernel" in model.weights()
        assert f"encoder/{name}" in model.trace(x)
        assert np.array_equal(model.native(torch.from_numpy(x)).detach().numpy(), model.reconstruct(x))

    @pytest.mark.parametrize("name", SPECS)
    def test_survives_state_dict_deepcopy_and_double(self, name, tmp_path):
        model = build(name)
        x = torch.from_numpy(batch(model))
        wanted = model.native(x)

        torch.save(model.native.state_dict(), tmp_path / "model.pt")
        other = find_backend("torch").build(model.graph, seed=9)
        assert not torch.equal(other.native(x), wanted)
        other.native.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
        assert torch.equal(other.native(x), wanted)

        pickled = pickle.loads(pickle.dumps(model.native))
        assert torch.equal(pickled(x), wanted)
        twin = copy.deepcopy(model.native)
        for parameter in model.native.parameters():
            nn.init.zeros_(parameter)
        assert torch.equal(twin(x), wanted)
        assert twin.double()(x.double()).dtype == torch.float64
        assert torch.allclose(twin(x.double()).float(), wanted, atol=1e-5)

    @pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch's, between graphs
    @pytest.mark.parametrize(
        ("name", "training"),
        [*((name, False) for name in SPECS), *((name, True) for name in SPECS if name not in NOISY)],
    )
    def test_compiles(self, name, training):
        model = build(name)
        x = torch.from_numpy(batch(model))
        eager, compiled = copy.deepcopy(model.native).train(training), copy.deepcopy(model.native).train(training)
        torch.compiler.reset()
        whole = name != "recurrent"  # torch runs its own recurrent modules uncompiled, between two graphs
        assert torch.allclose(torch.compile(compiled, backend="eager", fullgraph=whole)(x), eager(x), atol=1e-6)

    @pytest.mark.parametrize("name", SPECS)
    def test_is_exported_for_batches_of_any_size(self, name):
        model = build(name)
        program = export(model).module()
        for samples in (1, 2, 5):
            x = batch(model, samples)
            assert np.allclose(program(torch.from_numpy(x)).detach().numpy(), model.reconstruct(x), atol=1e-6)


class TestTies:
    @staticmethod
    def shared(native):
        """The tensors of the first parametrized module of each block."""
        pair = [next(m for m in block.modules() if hasattr(m, "weight")) for block in (native.encoder, native.decoder)]
        if "dense_2" in dict(native.encoder.named_children()):
            pair[0] = native.encoder.dense_2  # the mirror's first layer undoes the last
        return [module.weight for module in pair]

    @pytest.mark.parametrize("name", TIED)
    def test_are_one_tensor_whatever_is_done_to_the_module(self, name):
        model = build(name)
        first, second = self.shared(model.native)
        assert first is second

        train(model, batch(model), 2)
        assert self.shared(model.native)[0] is self.shared(model.native)[1]

        twin = copy.deepcopy(model.native).double()
        first, second = self.shared(twin)
        assert first is second
        assert first is not self.shared(model.native)[0]

        other = find_backend("torch").build(model.graph, seed=9).native
        other.load_state_dict(model.native.state_dict())
        first, second = self.shared(other)
        assert first is second
        with torch.no_grad():
            first.add_(1.0)
        assert torch.equal(first, second)

    @pytest.mark.parametrize("name", TIED)
    def test_the_state_has_both_names_of_one_storage(self, name):
        state = build(name).native.state_dict()
        storages = [tensor.untyped_storage().data_ptr() for key, tensor in state.items() if key.endswith("weight")]
        assert len(storages) == 2 * len(set(storages))

    def test_the_gradient_is_the_sum_of_both_uses(self):
        """y = (x w) w for one number: d mean((y - x)^2) / dw = 2 (x w^2 - x) 2 x w."""
        spec = {
            "input": [1],
            "encoder": [{"dense": {"units": 1, "use_bias": False}}],
            "decoder": {"mirror": {"tie_weights": True}},
        }
        model = build(spec, dtype="float64")
        model.load_weights({"encoder/dense_1/kernel": np.array([[3.0]])})
        assert model.gradients(np.array([[0.5]]))["encoder/dense_1/kernel"] == 2 * (0.5 * 9 - 0.5) * (2 * 0.5 * 3)


class TestRecurrent:
    def test_lstm_is_the_stock_one_with_one_bias(self):
        model = build(
            {"input": [4, 3], "encoder": [{"lstm": {"units": 2, "return_sequences": True}}], "decoder": "mirror"}
        )
        own, stock = model.native.encoder.lstm_1, nn.LSTM(3, 2, batch_first=True)
        assert [name for name, _ in own.named_parameters()] == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]
        nn.init.zeros_(stock.bias_hh_l0)
        missing = stock.load_state_dict(own.state_dict(), strict=False)
        assert missing.missing_keys == ["bias_hh_l0"]
        x = torch.from_numpy(batch(model))
        assert torch.equal(own(x), stock(x)[0])

    @pytest.mark.parametrize(("merge", "wanted"), [("concat", [1, 4]), ("sum", [5]), ("mul", [4]), ("ave", [2.5])])
    def test_merges(self, merge, wanted):
        from aespec_torch.modules.recurrent import MERGES

        assert MERGES[merge](torch.tensor([1.0]), torch.tensor([4.0])).tolist() == wanted


class TestNumbersThatTorchHasOtherwise:
    def test_softplus_is_no_line_at_thirty(self):
        """log(1 + exp(30)) = 30 + 9.357622968839e-14, which torch's own threshold of 20 drops."""
        spec = {"input": [1], "encoder": [{"activation": "softplus"}], "decoder": [{"dense": 1}]}
        assert build(spec, dtype="float64").encode(np.array([[30.0]]))[0, 0] - 30 == pytest.approx(9.3576e-14, rel=0.05)

    def test_selu_bends_at_zero_as_from_below(self):
        """Its derivative at 0 is scale * alpha = 1.0507009873554805 * 1.6732632423543772."""
        model = build({"input": [1], "encoder": [{"activation": "selu"}], "decoder": [{"dense": 1}]})
        x = torch.zeros(1, 1, requires_grad=True)
        model.native.encoder(x).backward()
        assert x.grad.item() == pytest.approx(1.0507009873554805 * 1.6732632423543772)

    @pytest.mark.parametrize(
        ("x", "momentum", "mean", "variance"),
        [
            # moments 1 and 1 of the batch: 0.9 * 0 + 0.1 * 1 and 0.9 * 1 + 0.1 * 1; unbiased it would be 1.1
            ([[0.0], [2.0]], 0.9, 0.1, 1.0),
            # a batch of one sample has variance 0: 0.5 * 0 + 0.5 * 4 and 0.5 * 1 + 0.5 * 0
            ([[4.0]], 0.5, 2.0, 0.5),
        ],
    )
    def test_running_averages_are_of_the_biased_variance(self, x, momentum, mean, variance):
        normalization = {"batch_normalization": {"momentum": momentum}}
        model = find_backend("torch").build(
            graph_of({"input": [1], "encoder": [normalization], "decoder": [{"dense": 1}]}), dtype="float64"
        )
        model.losses(np.array(x), training=True)
        model.gradients(np.array(x), training=True)
        assert model.weights()["encoder/batch_normalization_1/moving_mean"] == [0.0]
        train(model, np.array(x), 1, {"sgd": 1e-30})
        assert model.weights()["encoder/batch_normalization_1/moving_mean"] == pytest.approx([mean])
        assert model.weights()["encoder/batch_normalization_1/moving_variance"] == pytest.approx([variance])


class TestLosses:
    SATURATED = {  # noqa: RUF012  (never changed)
        "input": [2, 1],
        "encoder": ["flatten"],
        "decoder": [
            {"dense": {"units": 2, "activation": "sigmoid", "activity_regularizer": {"l1": 0.5}, "use_bias": False}},
            {"reshape": [2, 1]},
        ],
        "loss": "binary_crossentropy",
    }

    def test_a_saturated_pixel_still_learns(self):
        """x = [1, 0] with kernel diag(-60, 0): logits -60 and 0, so the loss is (60 + log 2) / 2, its gradient
        (sigmoid(z) - t) / 2 = -1/2 for the first pixel. The l1 term sees the values: 0.5 * (e^-60 + 1/2)."""
        model = build(self.SATURATED, dtype="float64")
        model.load_weights({"decoder/dense_1/kernel": np.diag([-60.0, 0.0])})
        x = np.array([[[1.0], [0.0]]])
        losses = model.losses(x)
        assert losses["binary_crossentropy"] == pytest.approx((60 + np.log(2)) / 2)
        assert losses["decoder/dense_1/activity/l1"] == pytest.approx(0.25)
        assert losses["total"] == pytest.approx((60 + np.log(2)) / 2 + 0.25)
        assert model.gradients(x)["decoder/dense_1/kernel"][0, 0] == pytest.approx(-0.5)

    def test_noise_is_drawn_anew_and_repeatably(self):
        x = batch(build("dense"))
        first, second = (
            [model.losses(x, training=True)["total"] for _ in range(3)] for model in (build("dense"), build("dense"))
        )
        assert first == second
        assert len(set(first)) == 3
        assert build("dense").losses(x)["total"] not in first


class TestUndisturbed:
    @pytest.mark.parametrize("name", ["dense", "conv", "variational"])
    def test_torchs_own_state(self, name):
        torch.manual_seed(5)
        before = torch.get_rng_state()
        model = build(name)
        x = batch(model)
        model.losses(x, training=True)
        model.gradients(x, training=True)
        train(model, x, 1)
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.get_default_dtype() == torch.float32

    def test_by_the_users_defaults(self, monkeypatch):
        wanted = build("conv")
        x = batch(wanted)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        try:
            model = build("conv")
            reconstruction, gradients = model.reconstruct(x), model.gradients(x)
            train(model, x, 1)
        finally:
            torch.set_default_dtype(torch.float32)
            torch.set_default_device(None)
            torch.set_grad_enabled(True)
        assert {p.dtype for p in model.native.parameters()} == {torch.float32}
        assert np.array_equal(reconstruction, wanted.reconstruct(x))
        assert all(np.array_equal(g, wanted.gradients(x)[name]) for name, g in gradients.items())
        train(wanted, x, 1)
        assert all(np.array_equal(w, wanted.weights()[name]) for name, w in model.weights().items())

    def test_modes_that_the_user_set(self):
        model = build("dense")
        x = batch(model)
        model.native.encoder.train()
        modes = [module.training for module in model.native.modules()]
        assert np.array_equal(model.reconstruct(x), build("dense").reconstruct(x))
        model.losses(x, training=True)
        train(model, x, 1)
        with pytest.raises(RuntimeError):
            model.reconstruct(x[:, :3])
        assert [module.training for module in model.native.modules()] == modes
        assert True in modes
        assert False in modes

    @pytest.mark.parametrize("form", ["frozen", "strided", "reversed", "double", "list"])
    def test_by_the_form_of_an_array(self, form):
        model = build("dense")
        x = batch(model)
        forms = {
            "strided": np.repeat(x, 2, axis=1)[:, ::2],
            "reversed": np.ascontiguousarray(x[::-1])[::-1],
            "double": x.astype("float64"),
            "list": x.tolist(),
            "frozen": x.copy(),
        }
        forms["frozen"].flags.writeable = False
        assert np.array_equal(model.reconstruct(forms[form]), model.reconstruct(x))
        assert np.array_equal(x, batch(model))

    def test_what_was_given_out(self):
        """Arrays that are handed out share no memory with the input, the weights or each other."""
        model = build("conv")
        x = batch(model)
        values, weights = model.trace(x), model.weights()
        kept = {name: value.copy() for name, value in values.items()}
        x[:] = 0
        values["encoder/reshape_1"][:] = 7
        assert all(np.array_equal(v, kept[name]) for name, v in values.items() if name != "encoder/reshape_1")
        next(iter(weights.values()))[:] = 7
        assert not np.array_equal(next(iter(weights.values())), next(iter(model.weights().values())))


OPTIMIZERS = [
    ({"sgd": {"learning_rate": 0.1}}, "SGD", {"learning_rate": 0.1}),
    ({"sgd": {"learning_rate": 0.1, "momentum": 0.9}}, "SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    (
        {"sgd": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}},
        "SGD",
        {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    ({"sgd": {"learning_rate": 0.1, "nesterov": True}}, "SGD", {"learning_rate": 0.1, "nesterov": True}),
    ("adam", "Adam", {}),
    (
        {"adam": {"learning_rate": 0.01, "beta_1": 0.0, "beta_2": 0.9, "epsilon": 0.1}},
        "Adam",
        {"learning_rate": 0.01, "beta_1": 0.0, "beta_2": 0.9, "epsilon": 0.1},
    ),
    ("adamw", "AdamW", {}),
    ({"adamw": {"weight_decay": 0.3}}, "AdamW", {"weight_decay": 0.3}),
    ("nadam", "Nadam", {}),
    ({"nadam": {"beta_1": 0.8, "beta_2": 0.99}}, "Nadam", {"beta_1": 0.8, "beta_2": 0.99}),
    ("rmsprop", "RMSprop", {}),
    ({"rmsprop": {"momentum": 0.9}}, "RMSprop", {"momentum": 0.9}),
    ({"rmsprop": {"centered": True}}, "RMSprop", {"centered": True}),
    (
        {"rmsprop": {"rho": 0.8, "momentum": 0.5, "centered": True, "epsilon": 1e-3}},
        "RMSprop",
        {"rho": 0.8, "momentum": 0.5, "centered": True, "epsilon": 1e-3},
    ),
]


class TestOptimizers:
    SPEC = {  # noqa: RUF012  (never changed)
        "input": [6],
        "encoder": [{"dense": {"units": 4, "activation": "tanh"}}],
        "decoder": [{"dense": 6}],
        "loss": "mse",
    }

    @pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
    @pytest.mark.parametrize(("optimizer", "name", "settings"), OPTIMIZERS, ids=[str(row[0]) for row in OPTIMIZERS])
    def test_take_the_steps_of_the_stock_keras_optimizers(self, optimizer, name, settings, dtype, tolerance):
        framework = pytest.importorskip("aespec_keras.framework")
        keras, tf = framework.keras, framework.tf
        model = build(self.SPEC, dtype=dtype)
        x = batch(model, 5, dtype)
        weights = model.weights()

        variables = [keras.Variable(value, dtype=dtype) for value in weights.values()]
        stock = getattr(keras.optimizers, name)(**settings)
        for step in range(20):
            t = tf.constant(x[:3] if step % 2 == 0 else x[3:])
            with tf.GradientTape() as tape:
                kernel_1, bias_1, kernel_2, bias_2 = (variable.value for variable in variables)
                loss = tf.reduce_mean((tf.tanh(t @ kernel_1 + bias_1) @ kernel_2 + bias_2 - t) ** 2)
            stock.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)

        train(model, x, 10, optimizer, batch_size=3)
        for (key, value), variable in zip(model.weights().items(), variables, strict=True):
            wanted = variable.numpy()
            assert not np.array_equal(wanted, weights[key])
            assert np.abs(value - wanted).max() <= tolerance * np.abs(wanted).max(), key

    @pytest.mark.parametrize("optimizer", kinds("optimizer"))
    def test_go_on_from_their_state(self, optimizer):
        straight, broken = build(self.SPEC), build(self.SPEC)
        x, way = batch(straight), plan(optimizer)
        train(straight, x, 6, optimizer)
        state = train(broken, x, 3, optimizer).state()
        trainer = broken.trainer(way, len(x))
        trainer.load_state(state)
        for number in (4, 5, 6):
            epoch(trainer, way, x, number=number)
        assert all(np.array_equal(w, straight.weights()[name]) for name, w in broken.weights().items())


class TestTraining:
    WILD = {  # noqa: RUF012  (never changed)
        "input": [2],
        "encoder": [{"dense": {"units": 2, "activation": "exponential"}}],
        "decoder": [{"dense": 2}],
    }

    def test_losses_are_meaned_over_samples(self):
        """Steps of length nothing: five samples in batches of two give the loss of all five."""
        model = build("tied", dtype="float64")
        x, told, way = batch(model, 5, "float64"), [], plan({"sgd": 1e-30}, batch_size=2)
        trainer = model.trainer(way, 5)
        found = epoch(trainer, way, x, np.array([4, 0, 3, 1, 2]), tick=lambda done, losses: told.append((done, losses)))
        assert {name: np.average(v, weights=[2, 2, 1]) for name, v in found.items()} == pytest.approx(model.losses(x))
        assert told[-1] == (5, pytest.approx(model.losses(x[2:3])))
        assert trainer.evaluate(x, 2) == pytest.approx(model.losses(x), rel=1e-12)

    def test_samples_come_in_the_order_given(self):
        model, other = build("tied"), build("tied")
        x, way = batch(model, 6), plan("sgd", batch_size=2)
        order = np.array([5, 2, 0])
        epoch(model.trainer(way, 3), way, x, order)
        epoch(other.trainer(way, 3), way, x[order])
        assert all(np.array_equal(w, other.weights()[name]) for name, w in model.weights().items())

    def test_nothing_follows_a_loss_that_is_not_finite(self):
        model = build(self.WILD)
        x, way = np.full((40, 2), 3.0, "float32"), plan({"sgd": 1e30}, batch_size=2)
        found = epoch(model.trainer(way, 40), way, x)
        assert np.isfinite(found["total"]).tolist() == [True] * (len(found["total"]) - 1) + [False]
        assert len(found["total"]) < 20

    @pytest.mark.parametrize("name", ["dense", "conv", "recurrent", "variational"])
    def test_repeats_bit_for_bit(self, name):
        runs = [build(name) for _ in range(3)]
        x = batch(runs[0], 6)
        for model, seed in zip(runs, (1, 1, 2), strict=True):
            torch.rand(seed)  # what the user draws in between makes no difference
            train(model, x, 3, seed=seed, batch_size=4)
        first, second, other = (model.weights() for model in runs)
        assert all(np.array_equal(first[key], second[key]) for key in first)
        assert any(not np.array_equal(first[key], other[key]) for key in first) == runs[0].graph.stochastic

    def test_noise_is_another_in_each_epoch(self):
        model = build("dense")
        x, way = batch(model), plan({"sgd": 1e-30})
        trainer = model.trainer(way, 4)
        losses = [epoch(trainer, way, x, number=number)["total"][0] for number in (1, 2, 3)]
        assert len(set(losses)) == 3

    @pytest.mark.parametrize(("kind", "kept"), [("dropout", 2.0), ("masking_noise", 1.0)])
    def test_noise_drops_the_fraction_stated(self, kind, kept):
        model = build({"input": [4], "encoder": [{kind: 0.5}], "decoder": [{"dense": 4}]})
        torch.manual_seed(0)
        values = model.native.encoder.train()(torch.ones(5000, 4))
        assert set(values.unique().tolist()) == {0.0, kept}
        assert (values == 0).double().mean().item() == pytest.approx(0.5, abs=0.02)  # four standard errors: 0.014

    def test_gaussian_noise_and_latent_have_the_spread_stated(self):
        noisy = build({"input": [4], "encoder": [{"gaussian_noise": 0.3}], "decoder": [{"dense": 4}]}).native.encoder
        torch.manual_seed(0)
        assert noisy.train()(torch.zeros(5000, 4)).std().item() == pytest.approx(0.3, rel=0.03)
        model = build({"input": [1], "encoder": [{"gaussian_latent": 1}], "decoder": [{"dense": 1}]})
        zeros = {name: np.zeros_like(value) for name, value in model.weights().items()}
        biases = {
            "encoder/gaussian_latent_1/mean_bias": [2.0],
            "encoder/gaussian_latent_1/log_var_bias": [np.log(0.25)],
        }
        model.load_weights({**zeros, **{name: np.array(value) for name, value in biases.items()}})
        code = model.native.encoder.train()(torch.zeros(20000, 1))
        assert code.mean().item() == pytest.approx(2.0, abs=0.02)
        assert code.std().item() == pytest.approx(0.5, rel=0.03)

    def test_leaves_no_gradients_behind(self):
        model = build("dense")
        train(model, batch(model), 1)
        model.gradients(batch(model))
        assert all(parameter.grad is None for parameter in model.native.parameters())


class TestCompiling:
    @pytest.mark.parametrize(
        ("spec", "fields", "note"),
        [
            ("tied", {"compile": "off"}, "steps not compiled, as the plan says"),
            ("tied", {"compile": "on"}, "steps compiled by torch.compile, as the plan says"),
            ("recurrent", {}, "steps not compiled: `bidirectional` would not be faster"),
            # a thousand samples in batches of 127 are 8 steps
            (
                "tied",
                {"batch_size": 127, "epochs": 999},
                "steps not recorded: 7,992 are too few to win back the time that takes",
            ),
            (
                "tied",
                {"batch_size": 127, "epochs": 1000},
                "steps recorded and replayed: small batches, 8,000 steps",
            ),
            ("tied", {"batch_size": 128, "epochs": 9999}, "steps not compiled: batches of 128 would not be faster"),
            ("recurrent", {"epochs": 9999}, "steps not compiled: `bidirectional` would not be faster"),
        ],
    )
    def test_is_decided_by_kind_and_length_and_said(self, spec, fields, note):
        assert build(spec).trainer(TrainingPlan.model_validate(fields), 1000).note == note

    def test_without_a_compiler_is_refused(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        monkeypatch.delenv("CXX", raising=False)
        with pytest.raises(AespecError, match=r"needs a C\+\+ compiler"):
            build("tied").trainer(TrainingPlan(compile="on"), 1000)


class TestRecording:
    NORMALIZED = {  # noqa: RUF012  (never changed)
        "input": [6],
        "encoder": [
            {"gaussian_noise": 0.3},
            {"dense": {"units": 4, "activity_regularizer": {"l1": 0.01}}},
            "batch_normalization",
            {"dense": {"units": 2, "activation": "sigmoid", "kernel_regularizer": "l2"}},
        ],
        "decoder": "mirror",
        "loss": [{"mse": {"weight": 0.5}}, "mae"],
    }

    def run(self, monkeypatch, spec, worth, **fields):
        """The weights after three epochs of two whole batches and a short one, the losses, and the note."""
        monkeypatch.setattr("aespec_torch.training.WORTH_RECORDING", worth)
        model = build(spec)
        way = TrainingPlan.model_validate({"batch_size": 4, "optimizer": "adam", "ema": 0.9, **fields})
        x, trainer = batch(model, 10), model.trainer(way, 10)
        losses = [epoch(trainer, way, x, number=number)["total"] for number in (1, 2, 3)]
        return model.weights(), np.concatenate(losses), trainer.note

    @pytest.mark.parametrize("spec", [*(name for name in SPECS if name != "recurrent"), NORMALIZED])
    @pytest.mark.parametrize(
        "fields", [{}, {"clip_norm": 0.1}, {"mixed_precision": "bfloat16"}, {"randomness": "shared"}]
    )
    def test_gives_the_same_bits(self, monkeypatch, spec, fields):
        weights, losses, note = self.run(monkeypatch, spec, 0, **fields)
        others, wanted, other = self.run(monkeypatch, spec, 10**9, **fields)
        assert note.startswith("steps recorded")
        assert other.startswith("steps not recorded")
        assert np.array_equal(losses, wanted)
        assert all(np.array_equal(value, others[name]) for name, value in weights.items())

    def test_calls_no_module_once_recorded(self, monkeypatch):
        monkeypatch.setattr("aespec_torch.training.WORTH_RECORDING", 0)
        model, calls = build("conv"), []
        model.native.encoder[1].register_forward_hook(lambda *given: calls.append(len(given[1][0])))
        way = plan(batch_size=4)
        epoch(model.trainer(way, 10), way, batch(model, 10))
        assert calls == [4, 2]  # to record, and for the batch that is shorter

    def test_is_not_for_kinds_of_others(self, monkeypatch):
        monkeypatch.setattr("aespec_torch.training.WORTH_RECORDING", 0)
        graph = graph_of("tied")
        note = f"steps not recorded: `{graph.nodes[0].layer.kind}` is not known"
        monkeypatch.setattr(type(graph.nodes[0].layer), "__module__", "another.package")
        assert find_backend("torch").build(graph).trainer(plan(), 10).note == note


class TestSaving:
    RUN = (
        "import sys; sys.modules['aespec'] = sys.modules['aespec_torch'] = None\n"
        "import numpy as np, torch\n"
        "folder = sys.argv[1]\n"
        "program = torch.export.load(f'{folder}/model.pt2').module()\n"
        "np.save(f'{folder}/y.npy', program(torch.from_numpy(np.load(f'{folder}/x.npy'))).detach().numpy())\n"
        "state = torch.load(f'{folder}/model.pt', weights_only=True)\n"
        "print(*sorted(state))\n"
    )

    @pytest.mark.parametrize("name", ["tied conv", "recurrent"])
    def test_the_program_runs_without_aespec(self, name, tmp_path):
        model = build(name)
        assert find_backend("torch").save(model, tmp_path, {}) == ["model.pt", "model.pt2"]
        x = batch(model, 3)
        np.save(tmp_path / "x.npy", x)
        done = subprocess.run([sys.executable, "-c", self.RUN, tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == sorted(model.native.state_dict())
        assert np.allclose(np.load(tmp_path / "y.npy"), model.reconstruct(x), atol=1e-6)

    @pytest.mark.parametrize(
        ("layer", "files"),
        [
            ({"conv1d": {"filters": 2, "kernel_size": 3, "padding": "same"}}, ["model.pt", "model.pt2"]),
            # torch traces a recurrent layer for one number of steps, which here nothing states
            ({"lstm": {"units": 2, "return_sequences": True}}, ["model.pt"]),
        ],
    )
    def test_a_length_that_nothing_states_stays_open(self, layer, files, tmp_path):
        model = build({"input": [None, 2], "encoder": [layer], "decoder": [{"dense": 2}]})
        assert find_backend("torch").save(model, tmp_path, {}) == files
        assert sorted(path.name for path in tmp_path.iterdir()) == files
        if "model.pt2" in files:
            program = torch.export.load(tmp_path / "model.pt2").module()
            for steps in (4, 9):
                assert program(torch.zeros(3, steps, 2)).shape == (3, steps, 2)


class Scale(Layer):
    """``x * factor``, as a package of someone else might have it."""

    kind = "scale"

    def params(self, x: Shape) -> dict[str, Param]:
        return {"factor": Param((x[-1] or 0,), Constant(value=2.0))}


class ScaleModule(nn.Module):
    def __init__(self, features, name):
        super().__init__()
        self.name = name
        self.register_parameter(name, nn.Parameter(torch.zeros(features)))

    def forward(self, x):
        return x * getattr(self, self.name)


class TestPlugins:
    @staticmethod
    def graph(layer, shape):
        encoder = Node.of("encoder/scale", layer, "input", shape)
        decoder = Node.of("decoder/scale", Scale(), "encoder/scale", shape)
        return Graph("plugin", shape, (encoder, decoder), "encoder/scale", (MeanSquaredError(),))

    @pytest.mark.parametrize("named", [False, True])
    @pytest.mark.parametrize("wrapped", [False, True])
    def test_a_lowering_gives_a_module_or_says_where_its_parameters_are(self, named, wrapped, monkeypatch):
        """Twice by 2, so 4 x: the loss of x = 1 is 9 and its derivative by either factor 2 * 3 * 2 / n, n = 6 or 3,
        summed over the samples or steps that share a factor."""

        def lower_scale(layer, x):
            module = ScaleModule(x[-1], "gain" if named else "factor")
            return Lowered(module, {"factor": as_it_is("gain")}) if named else module

        monkeypatch.setitem(lowerings._table, "layer:scale", lower_scale)
        shape, layer = ((2, 3), TimeDistributed(layer=Scale())) if wrapped else ((3,), Scale())
        model = find_backend("torch").build(self.graph(layer, shape), dtype="float64")
        x = np.ones((1, *shape))
        assert np.array_equal(model.reconstruct(x), 4 * x)
        assert model.losses(x) == {"mse": 9.0, "total": 9.0}
        slopes = model.gradients(x)
        assert list(slopes) == ["encoder/scale/factor", "decoder/scale/factor"]
        assert all(slope == pytest.approx([4.0, 4.0, 4.0]) for slope in slopes.values())

    def test_a_kind_without_a_lowering_is_refused(self):
        with pytest.raises(AespecError) as caught:
            find_backend("torch").build(self.graph(TimeDistributed(layer=Scale()), (2, 3)))
        assert [(d.rule, d.message) for d in caught.value.diagnostics] == [
            (UnsupportedKind, "the backend `torch` does not support the layer `scale`")
        ]
