"""The training loop: order of the samples, splits, what it reports and when it stops."""

import math
from collections import Counter

import numpy as np
import pytest

import aespec
from aespec.backend import ALONE
from aespec.plan import TrainingPlan
from aespec.schedules import Schedule
from aespec.training import batch_order, check, fit, rates, split


def test_an_epoch_takes_each_sample_once_in_an_order_of_its_own():
    orders = [batch_order(7, epoch, 100).tolist() for epoch in (1, 2)]
    assert all(Counter(order) == Counter(range(100)) for order in orders)
    assert orders[0] != orders[1]
    assert batch_order(7, 1, 100).tolist() == orders[0]
    assert batch_order(8, 1, 100).tolist() != orders[0]


@pytest.mark.parametrize(
    ("samples", "fraction", "held"),
    [(60_000, 0.08333, 5_000), (10, 0.0, 0), (10, 0.25, 2), (1797, 0.1, 180)],
)
def test_the_last_samples_are_held_back(samples, fraction, held):
    x = np.arange(samples)
    training, validation = split(x, fraction)
    assert len(validation) == held
    assert training.tolist() + validation.tolist() == x.tolist()


def test_a_split_that_leaves_nothing_is_refused():
    with pytest.raises(aespec.AespecError, match="validation takes every sample") as caught:
        split(np.zeros((1, 3)), 0.9, "one.npy")
    assert "got: 1 sample in one.npy, of which" in str(caught.value)


class Steps:
    """A trainer that writes down what it is asked, and loses one a step, but for the last of its third call."""

    note = "written down"
    team = ALONE

    def __init__(self, last: float = 1.0) -> None:
        self.seen: list[list[int]] = []
        self.rates: list[list[float]] = []
        self.last = last

    def steps(self, x, order, batch_size, rates, noise, tick, targets=None):
        self.seen.append(x[order].ravel().tolist())
        self.rates.append(rates.tolist())
        tick(len(order), {})
        total = np.ones(len(rates))
        total[-1] = self.last if len(self.seen) == 2 else 1.0
        return {"mse": np.ones(len(rates)), "total": total}

    def evaluate(self, x, batch_size, targets=None):
        return {"mse": 2.0, "total": float(x.sum())}

    def state(self):
        return {"steps": np.int64(len(self.seen))}

    def load_state(self, state):
        pass


class Model:
    """As much of a model as the loop needs."""

    graph = aespec.compile(aespec.parse({"input": [1], "encoder": [{"dense": 1}], "decoder": "mirror"}))
    native = None
    reconstruct = encode = decode = losses = gradients = lambda *a: None

    def __init__(self, trainer) -> None:
        self._trainer = trainer
        self.loaded = {}

    def trainer(self, plan, samples):
        return self._trainer

    def trace(self, x, *, training):
        return {node.name: x for node in self.graph}

    def weights(self):
        return {"w": np.array(float(len(self._trainer.seen)))}

    def load_weights(self, weights):
        self.loaded = dict(weights)


def test_the_loop_trains_on_the_first_samples_and_measures_on_the_last():
    trainer, ticks, told = Steps(), [], []
    plan = TrainingPlan(epochs=2, batch_size=3, validation_split=0.2, seed=5)
    x = np.arange(10.0).reshape(10, 1)
    epochs = fit(Model(trainer), x, plan, on_epoch=told.append, tick=lambda *at: ticks.append(at[:2]))
    assert [sorted(seen) for seen in trainer.seen] == [list(range(8))] * 2
    assert trainer.seen[0] == batch_order(5, 1, 8).tolist()
    assert ticks == [(1, 0), (1, 8), (2, 0), (2, 8)]
    assert epochs == told
    assert [(e.number, e.validation["total"]) for e in epochs] == [(1, 17.0), (2, 17.0)]


def test_a_model_without_weights_is_refused():
    model = Model(Steps())
    model.graph = aespec.compile(aespec.parse({"input": [4, 1], "encoder": [{"max_pool1d": 2}], "decoder": "mirror"}))
    with pytest.raises(aespec.AespecError, match="nothing to train"):
        fit(model, np.zeros((4, 4, 1)), TrainingPlan())


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 1, 1)])
def test_samples_of_another_shape_are_refused(shape):
    with pytest.raises(aespec.AespecError, match="not the shape of the model's input") as caught:
        check(Model(Steps()), np.zeros(shape), TrainingPlan(), "points.npy")
    assert "points.npy" in str(caught.value)


def test_values_that_the_loss_cannot_take_are_refused():
    model = Model(Steps())
    spec = {"input": [1], "encoder": [{"dense": 1}], "decoder": "mirror", "loss": "binary_crossentropy"}
    model.graph = aespec.compile(aespec.parse(spec))
    with pytest.raises(aespec.AespecError, match="values from 0 to 1") as caught:
        check(model, np.full((4, 1), 1.5), TrainingPlan(), "points.npy")
    assert "points.npy" in str(caught.value)


def test_a_last_step_that_goes_too_far_is_noticed():
    trainer = Steps()
    trainer.evaluate = lambda x, batch_size: {"mse": math.nan, "total": math.nan}
    with pytest.raises(aespec.AespecError, match="no longer a number after epoch 1") as caught:
        fit(Model(trainer), np.zeros((4, 1)), TrainingPlan(epochs=1, validation_split=0))
    assert "finite values, so what overflows is `mse`" in caught.value.diagnostics[0].got
    held = np.zeros((600, 1))
    held[500] = math.inf
    with pytest.raises(aespec.AespecError) as caught:
        fit(Model(trainer), np.zeros((4, 1)), TrainingPlan(epochs=1), validation=held)
    assert "first in the output of `encoder/dense_1`" in caught.value.diagnostics[0].got, "whichever sample it is"
    assert "no longer a number after epoch 1, on the validation samples" in str(caught.value)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run_and_says_where(loss):
    plan = TrainingPlan(epochs=5, batch_size=2, validation_split=0, schedule=Schedule.read({"exponential": 0.5}))
    model, told = Model(Steps(last=loss)), []
    with pytest.raises(aespec.AespecError, match="no longer a number at step 2 of epoch 2") as caught:
        fit(model, np.zeros((4, 1)), plan, on_epoch=told.append)
    assert len(told) == 1
    assert f"total {loss}, at a learning rate of 0.00035" in caught.value.diagnostics[0].got
    assert len(model._trainer.seen[-1]) == 2, "the epoch is gone through again up to the step before"


def test_a_phase_whose_loss_is_no_number_is_named():
    with pytest.raises(aespec.AespecError, match="at step 1 of epoch 2 of the phase encoder/dense_1\n"):
        fit(Model(Steps(last=math.nan)), np.zeros((4, 1)), TrainingPlan(validation_split=0), phase="encoder/dense_1")


@pytest.mark.parametrize("backend", ["keras", "torch"])
@pytest.mark.parametrize(
    ("layer", "set_to", "loss", "where"),
    [
        # exp(200 / 2) is about 2.7e43, and float32 ends at 3.4e38; outside training the code is its mean, 0
        ({"gaussian_latent": 2}, 200.0, "mse", "first in the output of `encoder/gaussian_latent_1`"),
        # what is not lost is doubled, to 6e38; outside training nothing is
        ({"dropout": 0.5}, 3e38, "mae", "first in the output of `encoder/dropout_1`"),
        # exp(100 / 2) is 5e21, and exp(100), in the divergence, 2.7e43
        (
            {"gaussian_latent": 2},
            100.0,
            "mae",
            "its layers all have finite values, so what overflows is `encoder/gaussian_latent_1/latent/gaussian_kl`",
        ),
    ],
    ids=["code", "dropout", "divergence"],
)
def test_what_is_not_finite_in_training_alone_is_found(layer, set_to, loss, where, backend):
    spec = {"input": [2], "encoder": [layer], "decoder": [{"dense": 2}], "loss": loss}
    model = aespec.build(aespec.parse(spec), backend=backend)
    filled = {"encoder/gaussian_latent_1/log_var_bias": set_to}
    model.load_weights({name: np.full_like(value, filled.get(name, 0.0)) for name, value in model.weights().items()})
    x = np.full((64, 2), 3e38 if "dropout" in layer else 0.0, "float32")
    with pytest.raises(aespec.AespecError, match="at step 1 of epoch 1") as caught:
        fit(model, x, TrainingPlan(epochs=1, batch_size=64, validation_split=0))
    assert caught.value.diagnostics[0].got.endswith(f"; {where}")


@pytest.mark.parametrize("backend", ["keras", "torch"])
def test_logits_that_overflow_are_found_before_their_activation(backend):
    """The output is 1, a finite number."""
    spec = {
        "input": [2],
        "encoder": [{"dense": 2}],
        "decoder": [{"dense": {"units": 2, "activation": "sigmoid"}}],
        "loss": ["mse", "binary_crossentropy"],
    }
    model = aespec.build(aespec.parse(spec), backend=backend)
    model.load_weights({name: np.full_like(value, 1e20) for name, value in model.weights().items()})
    with pytest.raises(aespec.AespecError, match="at step 1 of epoch 1") as caught:
        fit(model, np.full((64, 2), 0.5, "float32"), TrainingPlan(epochs=1, batch_size=64, validation_split=0))
    assert caught.value.diagnostics[0].got.endswith(
        "its layers all have finite values, but what `decoder/dense_1` has before its activation, from which "
        "`binary_crossentropy` is computed, is too large"
    )


# -- what ends training, and with which weights ------------------------------------------------------------------------


def losing(*totals):
    """A model whose validation gives one total after another; its weights count the epochs."""
    model = Model(Steps())
    given = iter(totals)
    model._trainer.evaluate = lambda x, batch_size: {"mse": 0.0, "total": next(given)}
    return model


@pytest.mark.parametrize(
    ("stopping", "epochs", "best"),
    [
        (None, 6, 6),
        (2, 4, 2),
        ({"patience": 3}, 5, 2),
        ({"patience": 2, "restore_best": False}, 4, 4),
        ({"patience": 3, "min_delta": 0.2}, 4, 1),
        (6, 6, 2),
    ],
)
def test_training_stops_early_with_the_best_weights(stopping, epochs, best):
    model = losing(1.0, 0.9, 0.95, 0.91, 0.9, 0.92)
    plan = TrainingPlan.model_validate({"epochs": 6, "early_stopping": stopping, "validation_split": 0.5})
    said = []
    assert len(fit(model, np.zeros((4, 1)), plan, tell=said.append)) == epochs
    assert model.loaded["w"] == best
    patience = stopping["patience"] if isinstance(stopping, dict) else stopping
    loss = {1: 1, 2: 0.9, 4: 0.91}.get(best)
    why = f"stopped: no better loss for {patience} epochs; kept epoch {best}, validation {loss}"
    assert said == ["written down"] + [why] * (epochs < 6)


def test_training_goes_on_from_a_state_as_if_it_had_not_stopped():
    plan = TrainingPlan(epochs=3, validation_split=0.5, early_stopping=2, schedule=Schedule.read("cosine"))
    kept, straight = [], Model(Steps())
    straight_epochs = fit(straight, np.ones((4, 1)), plan, keep=kept.append)
    again = Model(Steps())
    epochs = fit(again, np.ones((4, 1)), plan, begin=kept[0])
    assert [(e.number, e.learning_rate, e.losses) for e in epochs] == [
        (e.number, e.learning_rate, e.losses) for e in straight_epochs
    ]
    assert again._trainer.seen == straight._trainer.seen[1:]
    assert again._trainer.rates == straight._trainer.rates[1:]


def test_the_rates_of_an_epoch_are_those_of_its_schedule():
    plan = TrainingPlan.model_validate({"batch_size": 5, "epochs": 4, "optimizer": {"sgd": 0.5}, "schedule": "cosine"})
    at_each = np.concatenate([rates(plan, epoch, 8) for epoch in (1, 2, 3, 4)])
    np.testing.assert_allclose(at_each, 0.25 * (1 + np.cos(np.pi * np.arange(8) / 8)), rtol=1e-6)
    assert at_each.dtype == np.float32
