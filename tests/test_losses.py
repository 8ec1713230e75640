"""Losses with weights, alone and several at a time: what they come to, what is refused, what goes by their names."""

from math import log as ln

import numpy as np
import pytest
from click.testing import CliRunner

import aespec
from aespec.cli import main
from aespec.course import Listener, build, train
from aespec.data import Dataset
from aespec.registry import find_backend
from aespec.run import open_run, prepare
from aespec.training import fit

MAE = {"mae": {"weight": 2}}


def spec(loss, decoder="mirror", **more):
    return aespec.parse({"input": [2], "encoder": [{"dense": 2}], "decoder": decoder, "loss": loss, **more})


def built(loss, bias, backend="numpy", activation="sigmoid"):
    """A model whose output is the activation of a bias, whatever goes in."""
    graph = aespec.compile(spec(loss, [{"dense": {"units": 2, "activation": activation}}]))
    model = find_backend(backend).build(graph, dtype="float64")
    weights = {name: np.zeros_like(value) for name, value in model.weights().items()}
    model.load_weights({**weights, "decoder/dense_1/bias": np.array(bias, float)})
    return model


# The output is 3/4 and 1/2, the target 1 and 0: the errors are 1/4 and 1/2.
THIRD = [ln(3), 0.0]
X = np.array([[1.0, 0.0]])
BCE, MSE = (ln(4 / 3) + ln(2)) / 2, (1 / 16 + 1 / 4) / 2
HUBER = (1 / 32 + 0.25 * (0.5 - 0.125)) / 2  # a square up to 1/4, a line beyond


@pytest.mark.parametrize("backend", ["numpy", "torch", "keras"])
@pytest.mark.parametrize(
    ("loss", "terms"),
    [
        ({"mse": {"weight": 784}}, {"mse": 784 * MSE}),
        (["mse", MAE], {"mse": MSE, "mae": 2 * 3 / 8}),
        ([MAE, "binary_crossentropy"], {"mae": 2 * 3 / 8, "binary_crossentropy": BCE}),
        (
            [{"binary_crossentropy": {"weight": 3}}, {"huber": {"delta": 0.25, "weight": 8}}, "mse"],
            {"binary_crossentropy": 3 * BCE, "huber": 8 * HUBER, "mse": MSE},
        ),
    ],
    ids=str,
)
def test_each_term_is_reported_times_its_weight_and_the_total_is_their_sum(loss, terms, backend):
    found = built(loss, THIRD, backend).losses(X)
    assert list(found) == [*terms, "total"]
    assert found == pytest.approx({**terms, "total": sum(terms.values())}, rel=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "torch", "keras"])
@pytest.mark.parametrize("training", [False, True])
def test_the_cross_entropy_is_computed_from_logits_beside_a_loss_of_the_output(training, backend):
    # logits of -1000 for 1 and of 1000 for 0: 1000 each, far beyond the 16.1 of clipped values; both errors are 1
    found = built([MAE, "binary_crossentropy"], [-1000, 1000], backend).losses(X, training=training)
    assert found == pytest.approx({"mae": 2, "binary_crossentropy": 1000, "total": 1002}, rel=1e-12)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_gradients_are_those_of_the_weighted_sum(backend):
    losses = [{"binary_crossentropy": {"weight": 3}}, MAE, {"mse": {"weight": 8}}]
    slope = built(losses, THIRD, backend).gradients(X)["decoder/dense_1/bias"]
    y, t = np.array([3 / 4, 1 / 2]), X[0]
    inner = y * (1 - y)  # of the sigmoid; half of each, as there are two elements
    np.testing.assert_allclose(
        slope, (3 * (y - t) + 2 * np.sign(y - t) * inner + 8 * 2 * (y - t) * inner) / 2, rtol=1e-12
    )


def test_one_loss_of_weight_one_costs_nothing():
    import torch

    terms = built("mse", THIRD, "torch", "linear").terms(torch.tensor(X))
    assert terms["total"] is terms["mse"]
    assert terms["mse"].grad_fn.name().startswith("MseLoss"), "nothing is done to it after"


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_weight_is_to_plain_descent_what_a_rate_is(backend):
    x, found = np.random.default_rng(0).normal(size=(40, 2)).astype("float32"), []
    for weight, rate in ((1, 0.25), (4, 0.0625)):
        plan = {"optimizer": {"sgd": rate}, "epochs": 3, "batch_size": 8}
        given = spec({"mse": {"weight": weight}}, training=plan)
        model = build(given, backend=backend).model
        epochs = fit(model, x, given.training)
        found.append((model.weights(), epochs[-1].losses["total"] / weight, epochs[-1].validation["total"] / weight))
    assert found[1][1:] == pytest.approx(found[0][1:], rel=1e-6)
    for name, value in found[0][0].items():
        np.testing.assert_allclose(found[1][0][name], value, rtol=1e-5, atol=1e-7)


# -- what a spec says --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "resolved", "shown"),
    [
        ("mse", {"mse": {"weight": 1.0}}, "mse"),
        (["mse"], {"mse": {"weight": 1.0}}, "mse"),
        ({"huber": 2}, {"huber": {"delta": 2.0, "weight": 1.0}}, "huber(delta=2.0)"),
        (["mse", MAE], [{"mse": {"weight": 1.0}}, {"mae": {"weight": 2.0}}], "mse + mae(weight=2.0)"),
    ],
    ids=str,
)
def test_what_is_stated_is_resolved_and_summarized(loss, resolved, shown):
    from aespec.summary import remarks, summarize

    given = spec(loss)
    assert given.to_data()["loss"] == resolved
    assert aespec.parse(given.to_data()).loss == given.loss
    assert f"Loss: {shown}" in remarks(summarize(aespec.compile(given)))


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        (["mse", "mae"], "linear"),
        (["binary_crossentropy", "mae"], "sigmoid"),
        (["mae", "binary_crossentropy"], "sigmoid"),
        (["mae", "categorical_crossentropy"], "softmax"),
    ],
)
def test_a_mirror_ends_as_the_first_loss_wants_that_wants_something(loss, activation):
    assert str(aespec.compile(spec(loss)).output.layer.activation) == activation


@pytest.mark.parametrize(
    ("loss", "code", "under", "said"),
    [
        ("[]", "E104", "[]", "at least 1 item"),
        ("[mse, mae, mse]", "E106", "mse]", "`mse` is stated twice"),
        ("[mse, {mse: {weight: 2}}]", "E106", "{mse", "each loss once"),
        ("[binary_crossentropy, mse, categorical_crossentropy]", "E106", "categorical", "a softmax or a sigmoid"),
        ("{mse: {weight: 0}}", "E104", "0", "above 0.0"),
        ("{mse: {weight: -1}}", "E104", "-1", "above 0.0"),
        ("{mse: {weight: .inf}}", "E104", ".inf", "a finite number"),
        ("{mse: 2}", "E104", "2", "write `mse: {weight: 2}`"),
        ("{mse: {}, mae: {}}", "E105", "{mse", "in a list, give each loss a dash of its own: `- mse"),
        ("[{mse: {}, mae: {}}]", "E105", "{mse", "in a list, give each loss braces of its own: `{mse: {}}`"),
        ("[mse, [mae]]", "E105", "[mae]", "a loss cannot be a list"),
        ("3", "E105", "3", "`loss`: The distance"),
        ("[mse, msee]", "E101", "msee", "did you mean `mse`?"),
        ("[mse, {mae: {wieght: 1}}]", "E102", "wieght", "did you mean `weight`?"),
    ],
)
def test_losses_that_are_refused(loss, code, under, said):
    with pytest.raises(aespec.AespecError) as caught:
        aespec.parse(f"input: [2]\nencoder: [{{dense: 2}}]\ndecoder: mirror\nloss: {loss}\n")
    (problem,) = caught.value.diagnostics
    assert problem.rule.code == code
    assert problem.place.text[problem.place.column - 1 :].startswith(under)
    assert said in f"{problem.message} {problem.wanted} {problem.help}"


def test_a_range_that_one_of_several_cannot_take_is_told_at_that_one():
    text = "input: {shape: [2], range: [-1, 1]}\nencoder: [{dense: 2}]\ndecoder: mirror\nloss:\n- mse\n"
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(aespec.parse(f"{text}- binary_crossentropy: {{weight: 2}}\n"))
    (problem,) = caught.value.diagnostics
    assert (problem.rule.code, problem.place.line) == ("E207", 6)


# -- training ----------------------------------------------------------------------------------------------------------


class Told(Listener):
    def __init__(self):
        self.epochs = []

    def epoch(self, epoch):
        self.epochs.append(epoch)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_run_reports_every_term_and_opens_again(backend, tmp_path):
    plan = {"epochs": 2, "greedy": {"epochs": 1, "loss": ["mae", {"huber": {"weight": 0.5}}]}}
    given = spec(["binary_crossentropy", MAE], training=plan)
    x, listener = np.random.default_rng(0).uniform(size=(40, 2)).astype("float32"), Told()
    prepare(tmp_path / "run")
    train(given, Dataset("made", x, None, ()), tmp_path / "run", build(given, backend=backend), listeners=[listener])
    terms = [["mae", "huber"], *[["binary_crossentropy", "mae"]] * 2]
    for epoch, names in zip(listener.epochs, terms, strict=True):
        for found in (epoch.losses, epoch.validation):
            assert list(found) == [*names, "total"]
            assert found["total"] == pytest.approx(sum(found[name] for name in names), rel=1e-6)
    run = open_run(tmp_path / "run")
    assert run.graph.losses == given.loss
    assert run.spec.to_data() == given.to_data()


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_term_that_overflows_is_named(backend):
    """Errors of 1e20 are numbers in float32, their squares are not."""
    given = spec(["mae", "mse"], training={"validation_split": 0})
    with pytest.raises(aespec.AespecError) as caught:
        fit(build(given, backend=backend).model, np.full((4, 2), 1e20, "float32"), given.training)
    assert "what overflows is `mse`" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["loss.mse.weight=784"], "mse(weight=784.0)"),
        (["loss=[mse, {mae: {weight: 0.5}}]", "loss.1.mae.weight=3"], "mse + mae(weight=3.0)"),
        (["loss=[mse, mae]", "loss=huber"], "huber"),
    ],
)
def test_options_change_losses_and_weights(options, shown, tmp_path):
    (tmp_path / "s.yaml").write_text("input: [2]\nencoder: [{dense: 2}]\ndecoder: mirror\nloss: mse\n")
    found = CliRunner().invoke(main, ["summary", str(tmp_path / "s.yaml"), *(f"--set={option}" for option in options)])
    assert f"Loss: {shown}\n" in found.output
