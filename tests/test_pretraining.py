"""Classifiers on encoders: the same numbers on both backends, the same budget for each way, and what is told."""

import csv
import json

import numpy as np
import pytest
from command import aespec_, lost
from PIL import Image

import aespec
from aespec.data.pairs import Pairs
from aespec.noise import Noise
from aespec.passes import classify
from aespec.plan import TrainingPlan
from aespec.registry import find_backend
from aespec.run import open_run
from aespec.training import check, fit
from aespec.uses.pretraining import WAYS, Comparison, Labelled, Outcome, _falling, choose, summaries
from aespec.uses.pretraining_picture import draw_curves
from aespec.weights import draw, read

BACKENDS = ["keras", "torch"]

backends = pytest.mark.parametrize("backend", BACKENDS)

PENALIZED = {"kernel_regularizer": {"l2": 0.01}, "activity_regularizer": {"l1": 0.02}}
ENCODERS = {
    "dense": ([6], [{"dense": {"units": 5, "activation": "tanh", **PENALIZED}}, {"dense": 3}]),
    "noisy": ([6], [{"gaussian_noise": 0.1}, {"dense": {"units": 5, "activation": "selu"}}, {"dropout": 0.2}]),
    "normalized": ([6], [{"dense": 5}, "batch_normalization", {"activation": "relu"}]),
    "variational": ([6], [{"dense": {"units": 5, "activation": "tanh"}}, {"gaussian_latent": 3}]),
    "convolutional": (
        [4, 4, 2],
        [{"conv2d": {"filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu"}}, {"max_pool2d": 2}],
    ),
    "recurrent": ([None, 2], [{"lstm": 4}]),
}

encoders = pytest.mark.parametrize("name", ENCODERS)


def spec(name="dense", **classifier):
    shape, encoder = ENCODERS[name]
    mirror = {"mirror": {"length": 3}} if None in shape else "mirror"
    return aespec.parse({"input": shape, "encoder": encoder, "decoder": mirror, "classifier": classifier})


def blobs(shape, count, *, seed=0, classes=3, dtype="float32"):
    """Samples around a point for each class, and which class each is of."""
    shape = [n or 3 for n in shape]
    centers = np.random.default_rng(9).normal(size=(classes, *shape))
    labels = np.arange(count) % classes
    noise = np.random.default_rng(seed).normal(size=(count, *shape))
    return (centers[labels] + 0.3 * noise).astype(dtype), labels


def built(name, backend, plan=None, *, dtype="float32", seed=0, **classifier):
    graph = classify(spec(name, **classifier), 3, plan or TrainingPlan())
    return find_backend(backend).build(graph, seed=seed, dtype=dtype)


# -- a graph with a target ---------------------------------------------------------------------------------------------


def test_the_loss_of_a_classifier_is_its_mean_surprise():
    """Of one layer: minus the mean of the logarithm of softmax(x W + b) at the right class."""
    given = aespec.parse({"input": [2], "encoder": ["flatten"], "decoder": "mirror"})
    model = find_backend("numpy").build(classify(given, 2, TrainingPlan()), dtype="float64")
    model.load_weights({"decoder/dense_1/kernel": np.array([[1.0, 0], [0, 2]]), "decoder/dense_1/bias": np.zeros(2)})
    x, targets = np.array([[1.0, 0.0], [0.0, 1.0]]), np.eye(2)
    # the scores are (1, 0) and (0, 2): surprises log(1 + exp(-1)) and log(1 + exp(-2))
    wanted = (np.log1p(np.exp(-1)) + np.log1p(np.exp(-2))) / 2
    assert model.losses(x, targets)["categorical_crossentropy"] == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(model.reconstruct(x)[0], np.array([np.e, 1]) / (np.e + 1), rtol=1e-12)


@encoders
@backends
def test_losses_and_gradients_are_those_of_the_reference(name, backend):
    """The slope along a direction is measured by central differences of the reference's loss."""
    plan = TrainingPlan(dtype="float64")
    model, reference = (built(name, each, plan, dtype="float64") for each in (backend, "numpy"))
    x, labels = blobs(model.graph.input, 7, dtype="float64")
    targets = np.eye(3)[labels]
    draws = next(Noise(0, 1, shared=True).draws(model.graph, x.shape[1:], [len(x)], "float64"))
    for training in (False, True):
        given = {"training": training, "draws": draws if training else None}
        wanted = reference.losses(x, targets, **given)
        assert model.losses(x, targets, **given) == pytest.approx(wanted, rel=1e-9)
    found, start = model.gradients(x, targets, training=True, draws=draws), reference.weights()
    for parameter, slope in found.items():
        direction = np.random.default_rng(1).normal(size=slope.shape)
        ends = []
        for step in (1e-5, -1e-5):
            reference.load_weights({**start, parameter: start[parameter] + step * direction})
            ends.append(reference.losses(x, targets, training=True, draws=draws)["total"])
        assert (slope * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-8), parameter


@pytest.mark.parametrize("freeze", [(), ("encoder",)], ids=["free", "frozen"])
@encoders
def test_backends_train_to_the_same_classifier(name, freeze):
    plan = TrainingPlan(
        epochs=4, batch_size=8, validation_split=0.2, freeze=freeze, seed=3, randomness="shared", ema=0.5
    )
    found = []
    for backend in BACKENDS:
        model = built(name, backend, plan, head=[{"dense": {"units": 4, "activation": "selu"}}])
        x, labels = blobs(model.graph.input, 50)
        epochs = fit(model, Pairs(x, np.eye(3, dtype="float32")[labels]), plan)
        found.append(([epoch.losses | epoch.validation for epoch in epochs], model.reconstruct(x).argmax(1)))
    (keras, chosen), (torch, also) = found
    for one, other in zip(keras, torch, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    np.testing.assert_array_equal(chosen, also)
    assert torch[-1]["total"] < torch[0]["total"]


@backends
def test_a_gaussian_code_is_its_mean_in_training_too(backend):
    model = built("variational", backend)
    x, labels = blobs([6], 9)
    targets = np.eye(3, dtype="float32")[labels]
    assert model.graph.loss_names == ["categorical_crossentropy", "total"]
    assert not model.graph.stochastic
    assert model.losses(x, targets, training=True) == pytest.approx(model.losses(x, targets), rel=1e-6)


def test_a_code_of_several_axes_is_flattened():
    graph = classify(spec("convolutional"), 10, TrainingPlan())
    assert [(node.short, node.shape) for node in graph.block("decoder")] == [("flatten_1", (12,)), ("dense_1", (10,))]


@pytest.mark.parametrize(
    ("targets", "code", "said"),
    [
        (np.zeros((6, 2), "float32"), "E402", "(6, 3), a target for each sample"),
        (np.zeros((5, 3), "float32"), "E402", "(6, 3), a target for each sample"),
        (np.full((6, 3), 2, "float32"), "E405", "values in [0, 1]"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets, code, said):
    x, _ = blobs([6], 6)
    with pytest.raises(aespec.AespecError) as caught:
        check(built("dense", "torch"), Pairs(x, targets), TrainingPlan(validation_split=0))
    (problem,) = caught.value.diagnostics
    assert (problem.rule.code, problem.wanted) == (code, said)


@pytest.mark.parametrize(
    ("classifier", "code", "at"),
    [
        ({"head": [{"dens": 3}]}, "E101", "dens"),
        ({"head": [{"dense": 0}]}, "E104", "0"),
        ({"head": [{"conv2d": {"filters": 1, "kernel_size": 1}}]}, "E201", "conv2d"),
        ({"head": [{"reshape": [1, 3]}]}, "E201", "reshape"),
        ({"epochs": 0}, "E104", "0"),
        ({"epoch": 1}, "E102", "epoch"),
    ],
)
def test_a_classifier_that_is_wrong_is_told_of_where_it_stands(classifier, code, at):
    shape, encoder = ENCODERS["dense"]
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(
            aespec.parse({"input": shape, "encoder": encoder, "decoder": "mirror", "classifier": classifier})
        )
    (problem,) = caught.value.diagnostics
    assert problem.rule.code == code
    place = problem.place
    assert place.text[place.column - 1 :].startswith(at)


# -- which samples are labelled ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "count", "wanted"),
    [
        ([50, 50, 50], 30, [10, 10, 10]),
        ([50, 50, 50], 3, [1, 1, 1]),
        ([50, 50, 2], 30, [14, 14, 2]),  # a class that has fewer gives them all
        ([5, 5, 5], 15, [5, 5, 5]),
    ],
)
def test_labels_are_of_all_classes_equally(sizes, count, wanted):
    labels = np.repeat(["a", "b", "c"], sizes)
    rows = choose(labels, count, seed=1)
    assert len(set(rows.tolist())) == count
    assert [int((labels[rows] == each).sum()) for each in "abc"] == wanted


def test_seeds_choose_others_and_fewer_are_the_first_of_more():
    labels = np.arange(300) % 3
    assert set(choose(labels, 30, 0)) != set(choose(labels, 30, 1))
    np.testing.assert_array_equal(choose(labels, 90, 0)[:30], choose(labels, 30, 0))
    assert choose(np.sort(labels), 30, 0).tolist() != list(range(30)), "not the first of the data"


# -- the comparison ----------------------------------------------------------------------------------------------------


def comparison(name="dense", *, backend="torch", weights=None, count=60, classes=3, **classifier):
    given = spec(name, **{"epochs": 5, "batch_size": 8, "optimizer": {"adam": 0.02}, **classifier})
    if weights is None:
        weights = draw(aespec.compile(given), 7)
    parts = [
        Labelled(*blobs(given.input.shape, n, seed=seed, classes=classes), what)
        for n, seed, what in ((count, 0, "training"), (90, 1, "test"))
    ]
    return Comparison(given, weights, backend=backend, dtype="float32", training=parts[0], test=parts[1])


@pytest.mark.parametrize(("name", "backend"), [*((name, "torch") for name in ENCODERS), ("normalized", "keras")])
def test_the_encoder_is_transferred_bit_for_bit_and_frozen_stays_so(name, backend):
    compared = comparison(name, backend=backend, epochs=2)
    weights = draw(aespec.compile(spec(name)), 7)
    assert set(compared.encoder) == {each for each in weights if each.startswith("encoder/")}
    outcomes = [*compared.outcomes([30], [4])]
    assert [each.way for each in outcomes] == list(WAYS)
    frozen, free = compared._frozen.weights(), compared._free.weights()
    assert all(frozen[each].tobytes() == value.tobytes() for each, value in compared.encoder.items())
    idle = {each for each in compared.encoder if "log_var" in each}  # the mean does not depend on them
    moved = {each for each, value in compared.encoder.items() if free[each].tobytes() != value.tobytes()}
    assert moved == set(compared.encoder) - idle


@backends
def test_layers_that_are_frozen_are_tuned_and_a_head_that_says_so_is_not(backend):
    """What of the encoder is trained is up to the three ways; of the head it is up to the spec."""
    given = aespec.parse(
        {
            "input": [6],
            "encoder": [{"dense": {"units": 5, "activation": "tanh", "freeze": True}}, {"dense": 3}],
            "decoder": "mirror",
            "training": {"freeze": "encoder/dense_2"},
            "classifier": {"head": [{"dense": {"units": 4, "freeze": True}}], "epochs": 2, "optimizer": {"adam": 0.02}},
        }
    )
    parts = [Labelled(*blobs([6], n, seed=n), "made") for n in (60, 90)]
    weights = draw(aespec.compile(given), 7)
    compared = Comparison(given, weights, backend=backend, dtype="float32", training=parts[0], test=parts[1])
    start = draw(compared._free.graph, 4) | compared.encoder
    assert [each.way for each in compared.outcomes([30], [4])] == list(WAYS)
    for model, still in ((compared._free, "decoder/dense_1/"), (compared._frozen, ("encoder/", "decoder/dense_1/"))):
        found = {name for name, value in model.weights().items() if np.array_equal(value, start[name])}
        assert found == {name for name in start if name.startswith(still)}


def test_a_transfer_that_changes_a_bit_is_noticed():
    compared = comparison()
    given = compared._frozen.weights
    compared._frozen.weights = lambda: {name: np.nextafter(value, 9) for name, value in given().items()}
    with pytest.raises(aespec.AespecError, match="other weights than the autoencoder's") as caught:
        list(compared.outcomes([30], [0]))
    assert caught.value.diagnostics[0].rule.code == "E305"


@backends
def test_the_ways_differ_in_nothing_but_the_encoder(backend):
    """With the first weights in the place of the autoencoder's, scratch and fine-tuned are one."""
    first = draw(classify(spec(), 3, TrainingPlan()), 4)
    scratch, _, tuned = comparison(backend=backend, weights=first).outcomes([30], [4])
    assert (scratch.accuracy, scratch.loss) == (tuned.accuracy, tuned.loss)


def test_backends_find_the_same_accuracies():
    found = [[*comparison("normalized", backend=each).outcomes([30], [0, 1])] for each in BACKENDS]
    for keras, torch in zip(*found, strict=True):
        assert (keras.way, keras.seed, keras.accuracy) == (torch.way, torch.seed, torch.accuracy)
        assert keras.loss == pytest.approx(torch.loss, rel=1e-4)


def test_classes_that_lie_apart_are_learnt_each_way():
    for outcome in comparison(epochs=40).outcomes([60], [0]):
        assert outcome.accuracy > 0.9, outcome


def test_the_spread_is_over_seeds_and_differences_are_paired():
    accuracies = {"scratch": [0.5, 0.6, 0.7], "frozen": [0.6, 0.6, 0.9], "fine-tuned": [0.4, 0.5, 0.6]}
    outcomes = [Outcome(10, seed, way, accuracies[way][seed], 0.0, 0.0, 0.0) for seed in range(3) for way in WAYS]
    scratch, frozen, tuned = summaries(outcomes)
    assert (scratch.accuracy, scratch.deviation) == (pytest.approx(0.6), pytest.approx(0.1))
    assert (scratch.gain, scratch.interval, scratch.better) == (None, None, None)
    # frozen: 0.1, 0 and 0.2 above; the quantile of t with 2 degrees of freedom is 4.302653 (tables)
    assert (frozen.gain, frozen.gain_deviation, frozen.better) == (pytest.approx(0.1), pytest.approx(0.1), 2)
    half = 4.302653 * 0.1 / 3**0.5
    assert frozen.interval == pytest.approx((0.1 - half, 0.1 + half), rel=1e-6)
    assert (tuned.gain, tuned.better) == (pytest.approx(-0.1), 0)
    assert tuned.gain_deviation == pytest.approx(0, abs=1e-9)


def test_one_seed_has_no_spread():
    outcomes = [Outcome(10, 0, way, 0.5, 0.0, 0.0, 0.0) for way in WAYS]
    assert [(each.deviation, each.gain_deviation, each.interval) for each in summaries(outcomes)] == [(None,) * 3] * 3


# -- the command -------------------------------------------------------------------------------------------------------

SPEC = """
name: small
input: [6]
encoder: [{dense: {units: 5, activation: tanh}}, {dense: 3}]
decoder: mirror
training: {optimizer: {adam: 0.01}, epochs: 3, batch_size: 16, seed: 5}
classifier: {head: [{dense: {units: 4, activation: selu}}], optimizer: {adam: 0.02}, epochs: 4}
"""


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs, one trained greedily, and data with labels and without."""
    place = tmp_path_factory.mktemp("pretraining")
    (place / "small.yaml").write_text(SPEC)
    (x, y), (x_test, y_test) = blobs([6], 120), blobs([6], 60, seed=1)
    np.savez(place / "data.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    np.savez(place / "whole.npz", x=x, y=y)
    np.savez(place / "bare.npz", x=x)
    np.savez(place / "few.npz", x=x[:2], y=y[:2])
    np.savez(place / "other.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test + 3)
    np.savez(place / "same.npz", x=x, y=np.zeros(len(x), int))
    np.savez(place / "gaps.npz", x=x, y=np.where(y == 2, np.nan, y))
    for name, more in (("run", ()), ("greedy", ("--greedy", "{epochs: 2}"))):
        made = aespec_(
            "train", place / "small.yaml", "--backend", "torch", "--data", place / "data.npz", "-o", place / name, *more
        )
        assert made.exit_code == 0, made.output
    return place


def test_the_text_has_a_row_for_each_way(folder):
    done = aespec_("pretrain", folder / "run", "--labels", 30, "--seeds", 2)
    assert done.exit_code == 0, done.output
    assert "accuracy on 60 test samples" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[4:7]] == ["30", *WAYS[1:]]
    assert "each way: 4 epochs, batches of 32, adam(learning_rate=0.02)" in done.stdout
    assert "head: dense(units=4, activation=selu), softmax over 3 classes" in done.stdout
    # 6 x 5 + 5 + 5 x 3 + 3
    assert "4 arrays, 53 numbers" in done.stdout
    assert "2 seeds are few" in done.stdout
    assert "with 30 of 120 labelled samples the seeds share many: their intervals are too narrow" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if str(folder) not in line) <= 100
    found = rows(folder / "run" / "pretraining.csv")
    assert [(row["labels"], row["seed"], row["way"]) for row in found] == [("30", s, w) for s in "01" for w in WAYS]
    assert not (folder / "run" / "pretraining.png").exists()


def test_an_interruption_that_is_lost_ends_the_comparison(folder, monkeypatch):
    trained, real = [], Comparison.outcomes

    def outcomes(*args):
        for outcome in real(*args):
            trained.append(outcome)
            lost()
            yield outcome

    monkeypatch.setattr(Comparison, "outcomes", outcomes)
    stopped = aespec_("pretrain", folder / "run", "--labels", 30, "--seeds", 2)
    assert (stopped.exit_code, len(trained)) == (130, 1)


def test_several_numbers_of_labels_give_a_picture(folder, tmp_path):
    options = ("--labels", "30,6,12", "--seeds", 1, "--seed", 3, "--epochs", 1, "--head", "[]")
    done = aespec_("pretrain", folder / "run", *options, "-o", tmp_path / "new", "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [each["labels"] for each in found["summary"]] == [n for n in (6, 12, 30) for _ in WAYS]
    assert {each["seed"] for each in found["outcomes"]} == {3}
    assert found["classifier"]["epochs"] == 1
    assert found["classes"] == [0, 1, 2]
    assert found["files"] == [str(tmp_path / "new" / name) for name in ("pretraining.csv", "pretraining.png")]
    with Image.open(tmp_path / "new" / "pretraining.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 3


def test_the_legend_lies_beside_the_curves(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("aespec.uses.pretraining_picture.save", lambda figure, path: drawn.append(figure))
    outcomes = [Outcome(n, 0, way, 0.5, 0.0, 0.0, 0.0) for n in (50, 100) for way in WAYS]
    draw_curves(summaries(outcomes), tmp_path / "curves.png", title="any")
    (figure,) = drawn
    figure.draw_without_rendering()
    (legend,), (axes,) = figure.legends, figure.axes
    assert axes.get_legend() is None
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


@backends
def test_a_run_trained_greedily_is_pretrained_from(folder, backend, tmp_path):
    options = ("--labels", 30, "--seeds", 1, "--backend", backend, "-o", tmp_path)
    done = aespec_("pretrain", folder / "greedy", *options, "--format", "json")
    assert done.exit_code == 0, done.output
    assert [*dict.fromkeys(row["phase"] for row in rows(folder / "greedy" / "history.csv"))] == [
        "encoder/dense_1",
        "encoder/dense_2",
        "",
    ]
    stored = read(folder / "greedy" / "weights.safetensors")
    assert json.loads(done.stdout)["transferred"] == sorted(name for name in stored if name.startswith("encoder/"))


def test_the_weights_are_those_of_the_file(folder):
    run = open_run(folder / "run")
    stored = read(folder / "run" / "weights.safetensors")
    parts = [Labelled(*blobs([6], n), "made") for n in (60, 30)]
    for backend in BACKENDS:
        given = run.model(backend).weights()
        made = Comparison(run.spec, given, backend=backend, dtype="float32", training=parts[0], test=parts[1])
        assert all(stored[name].tobytes() == value.tobytes() for name, value in made.encoder.items())


def test_data_without_a_test_set_is_cut(folder, tmp_path):
    done = aespec_(
        "pretrain", folder / "run", "--data", folder / "whole.npz", "--labels", 30, "--seeds", 2, "-o", tmp_path
    )
    assert done.exit_code == 0, done.output
    # the run was trained on these 120, and held a tenth for validation
    assert "accuracy on 12 test samples" in done.stdout
    assert "which the autoencoder was not trained on" in done.stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--data", "bare.npz"), 1, "has no labels"),
        (("--data", "same.npz"), 1, "are all the same"),
        (("--data", "gaps.npz"), 1, "gaps.npz are missing"),
        (("--data", "few.npz", "--labels", "2"), 1, "has nothing to test on"),
        (("--data", "other.npz"), 1, "60 samples of other classes: 3, 4, 5"),
        (("--labels", "200"), 1, "has fewer labelled samples than that"),
        (("--labels", "30,2"), 1, "2 labels cannot show 3 classes"),
        (("--labels", "many"), 2, "'many' is no number of samples"),
        (("--labels", "0"), 2, "'0' is no number of samples"),
        (("--labels", "5,"), 2, "'5,' is no number of samples"),
        (("--labels", "30", "--backend", "numpy"), 1, "this backend's models cannot be trained"),
        (("--labels", "30", "--head", "[{dens: 3}]"), 1, "unknown layer kind `dens`"),
        (("--head", "[{lstm: 3}]"), 1, "`head/lstm_1` cannot be applied"),
        (("--head", "[{lstm: 3}]"), 1, "--> --head:1:3\n"),
        (("--head", "[{dense: {units: 3, tied_to: encoder/dense_1}}]"), 1, "`head/dense_1` cannot use the kernel of"),
        (("--head", "[{dense: {units: 3, tied_to: encoder/dense_9}}]"), 1, "`head/dense_1` is tied to what has no"),
        (("--head", "[{dense: {units: 3, name: a}}, {dense: {units: 2, name: a}}]"), 1, "are named `head/a`"),
        (("--labels", "30", "--optimizer", "adm"), 1, "did you mean `adam`?"),
        (("--labels", "30", "--epochs", "0"), 2, "0 is not in the range"),
    ],
)
def test_what_cannot_be_compared_is_said(folder, args, code, said):
    given = [folder / arg if arg.endswith(".npz") else arg for arg in args]
    done = aespec_("pretrain", folder / "run", *given)
    assert done.exit_code == code
    assert said in done.output
    assert "Traceback" not in done.output


def test_an_encoder_without_weights_is_refused():
    given = aespec.parse({"input": [4, 1], "encoder": [{"max_pool1d": 2}], "decoder": [{"flatten": {}}, {"dense": 4}]})
    parts = [Labelled(*blobs([4, 1], n), "made") for n in (60, 30)]
    with pytest.raises(aespec.AespecError, match="nothing that could be pretrained"):
        Comparison(given, {}, backend="torch", dtype="float32", training=parts[0], test=parts[1])


@pytest.mark.parametrize(
    ("losses", "falling"),
    [
        ([1.0], None),
        ([1.0, 0.4], 0.6),
        ([9.0] * 16 + [0.5, 0.5, 0.6, 0.8], 0.5 - 0.7),
        ([*range(20, 0, -1)], 2.0),
    ],
)
def test_a_loss_falls_by_what_its_last_tenth_is_below_the_tenth_before(losses, falling):
    assert _falling(losses) == pytest.approx(falling)


def test_a_verdict_says_whether_the_budget_decided_it(folder):
    def said(*more):
        return aespec_("pretrain", folder / "run", "--labels", "20", "--seeds", "2", *more).stdout

    assert "still learning when the budget ended" in said("--epochs", "2")
    assert "still learning" not in said("--epochs", "20", "--learning-rate", "1e-9")


@pytest.mark.parametrize("seeds", [1, 2])
def test_of_one_epoch_it_is_said_that_it_cannot_tell(folder, seeds, tmp_path):
    options = ("--labels", 20, "--seeds", seeds, "--epochs", 1, "-o", tmp_path)
    lines = aespec_("pretrain", folder / "run", *options).stdout.splitlines()
    assert [line.endswith(" ?") for line in lines[4:7]] == [False, True, True]
    assert any(line.startswith("?: one epoch cannot show whether") for line in lines)
    found = json.loads(aespec_("pretrain", folder / "run", *options, "--format", "json").stdout)
    assert {each["falling"] for each in found["outcomes"] + found["summary"]} == {None}
    assert {row["falling"] for row in rows(tmp_path / "pretraining.csv")} == {""}
