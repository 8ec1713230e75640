"""The training loop: order of the samples, splits, what it reports and when it stops."""

import math
from collections import Counter

import numpy as np
import pytest

import aespec
from aespec.spec import TrainingPlan
from aespec.training import batch_order, check, fit, split


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
    """A trainer that writes down what it is asked, and loses one a batch."""

    def __init__(self, last: float = 0.0) -> None:
        self.seen: list[list[int]] = []
        self.last = last

    def epoch(self, x, order, batch_size, tick):
        self.seen.append(x[order].ravel().tolist())
        tick(len(order))
        return {"mse": 1.0, "total": self.last if len(self.seen) == 2 else 1.0}

    def evaluate(self, x, batch_size):
        return {"mse": 2.0, "total": float(x.sum())}


class Model:
    """As much of a model as the loop needs."""

    graph = aespec.compile(aespec.parse({"input": [1], "encoder": [{"dense": 1}], "decoder": "mirror"}))
    native = None
    trace = reconstruct = encode = decode = weights = load_weights = losses = gradients = lambda *a: None

    def __init__(self, trainer) -> None:
        self._trainer = trainer

    def trainer(self, plan):
        return self._trainer


def test_the_loop_trains_on_the_first_samples_and_measures_on_the_last():
    trainer, ticks, told = Steps(last=1.0), [], []
    plan = TrainingPlan(epochs=2, batch_size=3, validation_split=0.2, seed=5)
    x = np.arange(10.0).reshape(10, 1)
    epochs = fit(Model(trainer), x, plan, on_epoch=told.append, tick=lambda *at: ticks.append(at))
    assert [sorted(seen) for seen in trainer.seen] == [list(range(8))] * 2
    assert trainer.seen[0] == batch_order(5, 1, 8).tolist()
    assert ticks == [(1, 8), (2, 8)]
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
    with pytest.raises(aespec.AespecError, match="no longer a number in epoch 1"):
        fit(Model(trainer), np.zeros((4, 1)), TrainingPlan(epochs=1, validation_split=0))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run(loss):
    plan = TrainingPlan(epochs=5, validation_split=0)
    told = []
    with pytest.raises(aespec.AespecError, match="no longer a number in epoch 2"):
        fit(Model(Steps(last=loss)), np.zeros((4, 1)), plan, on_epoch=told.append)
    assert len(told) == 2
