"""What training is made of: phases, what is frozen, precision, compiling, averages, and noise that backends share."""

import csv

import numpy as np
import pytest

import aespec
from aespec.course import Listener, build, train
from aespec.data import Dataset
from aespec.run import prepare
from aespec.stages import stages
from aespec.training import fit, split

BACKENDS = ["keras", "torch"]

backends = pytest.mark.parametrize("backend", BACKENDS)


def samples(*shape, dtype="float32"):
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(2, shape[-1]))
    return np.tanh(rng.normal(size=(*shape[:-1], 2)) @ basis + 0.1 * rng.normal(size=shape)).astype(dtype)


def parsed(encoder, decoder="mirror", *, input=(6,), loss="mse", **plan):
    plan = {"optimizer": {"adam": 0.01}, "epochs": 2, "batch_size": 16, "seed": 7, **plan}
    return aespec.parse({"input": input, "encoder": encoder, "decoder": decoder, "loss": loss, "training": plan})


def fitted(spec, x, backend, **how):
    """What each epoch came to, and the model."""
    model = build(spec, backend=backend).model
    return fit(model, x, spec.training, **how), model


def curve(epochs, kind="losses"):
    return [getattr(epoch, kind)["total"] for epoch in epochs]


def told(epochs):
    """All of epochs but how long they took and what they are called."""
    return [(epoch.number, epoch.losses, epoch.validation, epoch.learning_rate) for epoch in epochs]


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


# -- greedy phases -----------------------------------------------------------------------------------------------------


class Told(Listener):
    def __init__(self):
        self.epochs, self.stages = [], []

    def stage(self, name, epochs):
        self.stages.append((name, epochs))

    def epoch(self, epoch):
        self.epochs.append(epoch)


@backends
def test_greedy_phases_are_the_shallow_autoencoders_that_one_would_train_by_hand(backend, tmp_path):
    """Each on the codes of those before, from the weights that the whole begins with; then the whole from theirs."""
    first, second = {"dense": {"units": 4, "activation": "tanh"}}, {"dense": {"units": 3, "activation": "selu"}}
    phases = [{"epochs": 3, "optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.5}}}, {"loss": "huber"}]
    shared = {"validation_split": 0.2, "schedule": "cosine"}
    spec = parsed([first, second], loss="mae", greedy=phases, **shared)
    x, listener = samples(60, 6), Told()
    built = build(spec, backend=backend)
    start = built.model.weights()
    prepare(tmp_path / "run")
    run = train(spec, Dataset("made", x, None, ()), tmp_path / "run", built, listeners=[listener])
    assert listener.stages == [("encoder/dense_1", 3), ("encoder/dense_2", 2), ("", 2)]
    names = ["encoder/dense_1"] * 3 + ["encoder/dense_2"] * 2 + [""] * 2
    assert [epoch.phase for epoch in listener.epochs] == names
    with (tmp_path / "run" / "history.csv").open(newline="") as file:
        assert [row["phase"] for row in csv.DictReader(file)] == names

    def by_hand(spec, renamed, x, held):
        """Train a spec from weights of the whole that have other names there."""
        model = build(spec, backend=backend).model
        model.load_weights({name: now[renamed.get(name, name)] for name in model.weights()})
        epochs = fit(model, x, spec.training, validation=held)
        return epochs, model, {renamed.get(name, name): value for name, value in model.weights().items()}

    now, (seen, held) = start, split(x, 0.2)
    shallow = parsed([first], loss="mae", **phases[0], **shared)
    outer = {f"decoder/dense_1/{short}": f"decoder/dense_2/{short}" for short in ("kernel", "bias")}
    epochs, model, found = by_hand(shallow, outer, seen, held)
    assert told(epochs) == told(listener.epochs[:3])
    now = {**now, **found}

    deeper = parsed([second], [first], input=(4,), **phases[1], **shared)
    inner = {f"encoder/dense_1/{short}": f"encoder/dense_2/{short}" for short in ("kernel", "bias")}
    epochs, _, found = by_hand(deeper, inner, model.encode(seen), model.encode(held))
    assert told(epochs) == told(listener.epochs[3:5])
    now = {**now, **found}
    assert all(not np.array_equal(value, start[name]) for name, value in now.items()), "the phases reach every weight"

    epochs, _, found = by_hand(parsed([first, second], loss="mae", **shared), {}, seen, held)
    assert told(epochs) == told(listener.epochs[5:])
    same(run.model().weights(), found)


def test_one_phase_stands_for_all_with_the_loss_of_the_model_first_and_the_mean_square_then(tmp_path):
    spec = parsed([{"dense": 5}, {"dropout": 0.1}, {"dense": 4}, {"dense": 2}], loss="mae", greedy={"epochs": 1})
    listener = Told()
    prepare(tmp_path / "run")
    data = Dataset("made", samples(40, 6), None, ())
    train(spec, data, tmp_path / "run", build(spec, backend="torch"), listeners=[listener])
    assert listener.stages == [("encoder/dense_1", 1), ("encoder/dense_2", 1), ("encoder/dense_3", 1), ("", 2)]
    assert [next(iter(epoch.losses)) for epoch in listener.epochs] == ["mae", "mse", "mse", "mae", "mae"]


@backends
def test_what_the_decoder_does_not_undo_has_no_phase_of_its_own(backend, tmp_path):
    layers = [
        "layer_normalization",
        {"conv1d": {"filters": 4, "kernel_size": 3, "padding": "same"}},
        "batch_normalization",
        {"activation": "relu"},
        {"max_pool1d": 2},
        "layer_normalization",
        {"conv1d": {"filters": 2, "kernel_size": 3, "padding": "same"}},
        "batch_normalization",
        {"max_pool1d": 2},
    ]
    spec = aespec.parse(
        {"input": [8, 3], "encoder": layers, "decoder": "mirror", "training": {"greedy": {"epochs": 1}}}
    )
    found = {
        stage.name: [node.name for node in stage.graph] for stage in stages(aespec.compile(spec), spec.training)[:-1]
    }
    assert found == {
        "encoder/conv1d_1": [
            "encoder/layer_normalization_1",
            "encoder/conv1d_1",
            "encoder/batch_normalization_1",
            "encoder/activation_1",
            "encoder/max_pool1d_1",
            "encoder/layer_normalization_2",
            "decoder/conv1d_transpose_2",
        ],
        "encoder/conv1d_2": [
            "encoder/conv1d_2",
            "encoder/batch_normalization_2",
            "encoder/max_pool1d_2",
            "decoder/conv1d_transpose_1",
        ],
    }
    prepare(tmp_path / "run")
    listener = Told()
    x = samples(40, 8, 3)
    train(spec, Dataset("made", x, None, ()), tmp_path / "run", build(spec, backend=backend), listeners=[listener])
    assert [name for name, _ in listener.stages] == [*found, ""]


@backends
def test_a_tied_decoder_goes_through_phases_with_its_encoder(backend, tmp_path):
    layers = [{"dense": {"units": 4, "activation": "tanh"}}, {"dense": 3}]
    spec = parsed(layers, {"mirror": {"tie_weights": True}}, greedy={"epochs": 2}, epochs=1, optimizer={"sgd": 0.05})
    listener = Told()
    prepare(tmp_path / "run")
    run = train(
        spec,
        Dataset("made", samples(60, 6), None, ()),
        tmp_path / "run",
        build(spec, backend=backend),
        listeners=[listener],
    )
    assert set(run.model().weights()) == set(run.graph.params)
    assert "decoder/dense_2/kernel" not in run.graph.params
    for phase in ("encoder/dense_1", "encoder/dense_2"):
        first, last = curve(epoch for epoch in listener.epochs if epoch.phase == phase)
        assert last < first


@pytest.mark.parametrize(
    ("layers", "decoder", "greedy", "got"),
    [
        ([{"dense": 4}, {"dense": 3}], [{"dense": 6}], {}, "a decoder that is written out"),
        ([{"dense": 4}, {"dense": 3}, {"dense": 2}], "mirror", [{}, {}], "2"),
    ],
)
def test_phases_that_do_not_fit_are_refused(layers, decoder, greedy, got):
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(parsed(layers, decoder, greedy=greedy))
    (problem,) = caught.value.diagnostics
    assert (problem.rule.code, problem.got) == ("E208", got)


def test_a_phase_that_is_frozen_is_refused_before_a_run_begins():
    spec = parsed([{"dense": 4}, {"dense": 3}], greedy={}, freeze=["encoder/dense_2", "decoder/dense_1"])
    with pytest.raises(aespec.AespecError, match="encoder/dense_2"):
        build(spec, backend="torch")


# -- what is frozen ----------------------------------------------------------------------------------------------------

NORMALIZED = [{"dense": {"units": 4, "activation": "tanh"}}, "batch_normalization", {"dense": 3}]


@backends
@pytest.mark.parametrize(
    ("frozen", "still"),
    [
        ("encoder", "encoder/"),
        (["encoder/batch_normalization_1", "encoder/dense_2"], ("encoder/batch_normalization_1/", "encoder/dense_2/")),
        (["encoder/dense_1/bias"], "encoder/dense_1/bias"),
        (["encoder/batch_normalization_1/gamma"], "encoder/batch_normalization_1/gamma"),
    ],
    ids=["a block", "layers", "a bias", "a gamma"],
)
def test_what_is_frozen_does_not_move_and_all_else_does(frozen, still, backend):
    """Running averages stand still with all of their layer; with one parameter of it frozen they move on."""
    spec = parsed(NORMALIZED, freeze=frozen, ema=0.9, optimizer={"adamw": {"learning_rate": 0.01, "weight_decay": 0.1}})
    before, states = build(spec, backend=backend).model.weights(), []
    _, model = fitted(spec, samples(60, 6), backend, keep=states.append)
    found = {name for name, value in states[-1].weights.items() if np.array_equal(value, before[name])}
    assert found == {name for name in before if name.startswith(still)}
    assert not any(name.startswith(still) for name in states[-1].optimizer)
    assert all(np.array_equal(model.weights()[name], before[name]) for name in found), "nor do their averages"


@backends
def test_a_frozen_normalization_trains_as_it_predicts(backend):
    """With a rate near zero the loss in training is that outside it, running averages being far from the batch's."""
    spec = parsed(NORMALIZED, freeze="encoder/batch_normalization_1", optimizer={"sgd": 1e-30}, epochs=1, batch_size=60)
    x = samples(60, 6) + 3
    model = build(spec, backend=backend).model
    (epoch,) = fit(model, x, spec.training, validation=x)
    assert epoch.losses["total"] == pytest.approx(epoch.validation["total"], rel=1e-5)
    free = parsed(NORMALIZED, freeze="encoder/dense_1", optimizer={"sgd": 1e-30}, epochs=1, batch_size=60)
    (epoch,), _ = fitted(free, x, backend, validation=x)
    assert epoch.losses["total"] != pytest.approx(epoch.validation["total"], rel=1e-2)


@backends
def test_a_normalization_without_parameters_is_not_frozen_with_others(backend):
    plain = {"batch_normalization": {"scale": False, "center": False}}
    spec = parsed([{"dense": 4}, plain, {"dense": 3}], freeze="encoder/dense_1")
    before = build(spec, backend=backend).model.weights()
    _, model = fitted(spec, samples(60, 6), backend)
    for name in ("encoder/batch_normalization_1/moving_mean", "encoder/batch_normalization_1/moving_variance"):
        assert not np.array_equal(model.weights()[name], before[name])


FROZEN = {"dense": {"units": 4, "activation": "tanh", "freeze": True}}


@backends
@pytest.mark.parametrize(
    ("encoder", "input", "still"),
    [
        ([FROZEN, "batch_normalization", {"dense": 3}], [6], "encoder/dense_1/"),
        (
            [{"dense": 4}, {"batch_normalization": {"freeze": True}}, {"dense": 3}],
            [6],
            "encoder/batch_normalization_1/",
        ),
        ([{"time_distributed": {"layer": FROZEN}}, {"gru": 3}], [5, 2], "encoder/time_distributed_1/"),
        ([{"bidirectional": {"layer": {"lstm": 2}, "freeze": True}}, {"dense": 3}], [5, 2], "encoder/bidirectional_1/"),
    ],
    ids=["dense", "normalization", "at every step", "both ways"],
)
def test_a_layer_that_says_so_is_frozen_and_its_mirror_is_not(encoder, input, still, backend):
    spec = parsed(encoder, input=input, freeze="decoder/dense_1/bias" if len(input) == 1 else (), epochs=3)
    before = build(spec, backend=backend).model.weights()
    _, model = fitted(spec, samples(60, *input), backend)
    found = {name for name, value in model.weights().items() if np.array_equal(value, before[name])}
    assert found == {name for name in before if name.startswith((still, *spec.training.freeze))}
    assert any(name.startswith(still) for name in found)


DEEP = [{"lstm": {"units": 3, "return_sequences": True, "freeze": True}}, {"gru": {"units": 2, "freeze": True}}]


@pytest.mark.parametrize(
    ("encoder", "decoder", "input", "named"),
    [
        ([FROZEN, {"dense": 2}], "mirror", [6], ["encoder/dense_1"]),
        ([FROZEN, {"dense": 2}], {"mirror": {"tie_weights": True}}, [6], ["encoder/dense_1"]),
        (
            [{"dense": {"units": 3, "freeze": False}}],
            [{"dense": {"units": 6, "freeze": True}}],
            [6],
            ["decoder/dense_1"],
        ),
        ([{"batch_normalization": {"freeze": True}}, {"dense": 2}], "mirror", [6], ["encoder/batch_normalization_1"]),
        ([{"gaussian_latent": {"units": 2, "freeze": True}}], "mirror", [6], ["encoder/gaussian_latent_1"]),
        (DEEP, "mirror", [5, 4], ["encoder/lstm_1", "encoder/gru_1"]),
        (
            [{"bidirectional": {"layer": DEEP[0]}}, {"dense": 2}],
            "mirror",
            [5, 4],
            ["encoder/bidirectional_1"],
        ),
        (
            [{"conv1d": {"filters": 3, "kernel_size": 2, "freeze": True}}, {"max_pool1d": 2}],
            "mirror",
            [6, 2],
            ["encoder/conv1d_1"],
        ),
    ],
)
def test_a_layer_that_says_so_is_frozen_as_if_it_were_named(encoder, decoder, input, named):
    def trained(spec):
        graph = aespec.compile(spec)
        return {name: param.trainable for name, param in graph.params.items()}, [n.name for n in graph if n.settled]

    own = parsed(encoder, decoder, input=input)
    thawed = [layer.thawed().to_data() for layer in own.encoder]
    after = [layer.thawed().to_data() for layer in own.decoder] if isinstance(decoder, list) else decoder
    assert trained(own) == trained(parsed(thawed, after, input=input, freeze=named))
    assert trained(own) != trained(parsed(thawed, after, input=input))


@pytest.mark.parametrize(
    ("encoder", "decoder", "got", "help"),
    [
        ([{"dropout": {"rate": 0.1, "freeze": True}}, {"dense": 3}], "mirror", "`dropout`", "remove `freeze`"),
        (
            [{"dense": {"units": 3, "name": "a"}}],
            [{"dense": {"units": 6, "use_bias": False, "tied_to": "encoder/a", "freeze": True}}],
            "`dense`, which uses `encoder/a/kernel`",
            "freeze `encoder/a`, or remove `freeze`",
        ),
    ],
)
def test_a_layer_without_parameters_of_its_own_cannot_be_frozen(encoder, decoder, got, help):
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(parsed(encoder, decoder))
    (problem,) = caught.value.diagnostics
    assert (problem.rule.code, problem.got, problem.help) == ("E208", got, help)
    assert problem.place.text[problem.place.column - 1 :].startswith("true")


def test_a_name_stands_for_what_is_in_it_not_for_what_begins_like_it():
    layers = [{"dense": {"units": 5, "name": "a"}}, {"dense": {"units": 4, "name": "ab"}}]
    graph = aespec.compile(parsed(layers, freeze="encoder/a"))
    still = [name for name, param in graph.params.items() if not param.trainable]
    assert still == ["encoder/a/kernel", "encoder/a/bias"]


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (["encoder/dens_1"], ["did you mean `encoder/dense_1`?"]),
        (["dense_1"], ["did you mean `encoder/dense_1`?"]),
        (["encodr"], ["did you mean `encoder`?"]),
        (["encoder/dense_1/kernal"], ["did you mean `encoder/dense_1/kernel`?"]),
        (["encoder/dropout_1"], None),
        (["encoder", "decoder/dense_7", "decoder/dense_8"], ["did you mean `decoder/dense_1`?"] * 2),
    ],
)
def test_names_of_nothing_are_all_refused_with_what_could_be_meant(names, meant):
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(parsed([{"dense": 4}, {"dropout": 0.1}, {"dense": 3}], freeze=names))
    assert {problem.rule.code for problem in caught.value.diagnostics} == {"E208"}
    wrong = [name for name in names if name != "encoder"]
    assert [problem.got for problem in caught.value.diagnostics] == [f"`{name}`" for name in wrong]
    if meant is not None:
        assert [problem.help for problem in caught.value.diagnostics] == meant


@backends
def test_a_model_that_is_all_frozen_is_refused(backend):
    with pytest.raises(aespec.AespecError, match="nothing to train") as caught:
        build(parsed([{"dense": 4}], freeze=["encoder", "decoder"]), backend=backend)
    assert caught.value.diagnostics[0].got == "all of them frozen"


# -- precision, compiling, averages ------------------------------------------------------------------------------------


PENALIZED = [
    {
        "dense": {
            "units": 4,
            "activation": "tanh",
            "kernel_regularizer": {"l2": 0.01},
            "activity_regularizer": {"l1": 0.1},
        }
    },
    {"gaussian_noise": 0.1},
    {"gaussian_latent": 3},
]


@backends
@pytest.mark.parametrize("encoder", [NORMALIZED, PENALIZED], ids=["normalized", "penalized"])
def test_bfloat16_gives_other_numbers_and_nearly_the_same_losses(encoder, backend):
    x, plan = samples(100, 6), {"epochs": 4, "randomness": "shared"}
    single, _ = fitted(parsed(encoder, [{"dense": 6}], **plan), x, backend)
    mixed, model = fitted(parsed(encoder, [{"dense": 6}], mixed_precision="bfloat16", **plan), x, backend)
    assert mixed[0].losses.keys() == single[0].losses.keys()
    for kind in ("losses", "validation"):
        np.testing.assert_allclose(curve(mixed, kind), curve(single, kind), rtol=0.03)
    assert abs(np.array(curve(mixed)) / curve(single) - 1).max() > 1e-5, "more than rounding in float32"
    assert curve(mixed)[-1] < 0.9 * curve(mixed)[0]
    assert {value.dtype for value in model.weights().values()} == {np.dtype("float32")}


@pytest.mark.filterwarnings("ignore")  # torch's compiler warns itself
@backends
def test_a_compiled_epoch_is_the_same(backend):
    notes, curves = [], []
    for compiled in ("on", "off"):
        spec = parsed([{"dense": 3}], compile=compiled, epochs=1, validation_split=0.2)
        epochs, _ = fitted(spec, samples(60, 6), backend, tell=notes.append)
        curves.append([*curve(epochs), *curve(epochs, "validation")])
    np.testing.assert_allclose(*curves, rtol=1e-5)
    assert notes[0] != notes[1]
    assert "not compiled" not in notes[0]
    assert "not compiled" in notes[1]


@backends
def test_the_average_of_the_weights_is_what_is_validated_and_kept(backend):
    """With a step an epoch the average can be followed by hand: the first weights, then a share of each next."""
    spec = parsed(NORMALIZED, ema=0.75, epochs=5, batch_size=64, optimizer={"sgd": 0.5}, dtype="float64")
    x, states = samples(60, 6, dtype="float64"), []
    epochs, model = fitted(spec, x, backend, validation=x[:20], keep=states.append)
    trained = {name for name, param in model.graph.params.items() if param.trainable}
    wanted = dict(states[0].weights)
    for epoch, state in zip(epochs, states, strict=True):
        for name, value in state.weights.items():
            share = 0.25 if state is not states[0] and name in trained else 1.0
            wanted[name] = wanted[name] + share * (value - wanted[name])
        for name, value in state.averaged.items():
            np.testing.assert_allclose(value, wanted[name], rtol=1e-9, atol=1e-12, err_msg=name)
        other = build(spec, backend=backend).model
        other.load_weights(wanted)
        assert epoch.validation["total"] == pytest.approx(other.losses(x[:20])["total"], rel=1e-9)
    for name, value in model.weights().items():
        np.testing.assert_allclose(value, wanted[name], rtol=1e-9, atol=1e-12, err_msg=name)
        assert (name in trained) == (not np.allclose(value, states[-1].weights[name], rtol=1e-6)), name


# -- whole epochs on two backends --------------------------------------------------------------------------------------

NOISY = [
    {"gaussian_noise": 0.1},
    {"dense": {"units": 6, "activation": "tanh"}},
    {"dropout": 0.2},
    {"masking_noise": 0.1},
    {"gaussian_latent": 2},
]


def both(spec, x, **how):
    """The curves of training on each backend, and the models."""
    runs = [fitted(spec, x, backend, **how) for backend in BACKENDS]
    return [[*curve(epochs), *curve(epochs, "validation")] for epochs, _ in runs], [model for _, model in runs]


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-9), ("float32", 1e-3)])
def test_shared_randomness_makes_training_with_noise_equal(dtype, bound):
    """Batches of 16, and one of 6."""
    spec = parsed(NOISY, [{"dense": 6}], randomness="shared", epochs=4, dtype=dtype)
    x = samples(60, 6, dtype=dtype)
    curves, models = both(spec, x)
    np.testing.assert_allclose(*curves, rtol=bound)
    for name, value in models[0].weights().items():
        np.testing.assert_allclose(value, models[1].weights()[name], rtol=bound, atol=bound, err_msg=name)
    assert curves[0][3] < 0.95 * curves[0][0]
    other = parsed(NOISY, [{"dense": 6}], randomness="framework", epochs=4, dtype=dtype)
    assert abs(curve(fitted(other, x, "torch")[0])[0] / curves[1][0] - 1) > 1e-3, "the noise counts"


@pytest.mark.parametrize(
    ("encoder", "input"),
    [
        ([*NORMALIZED[:2], {"dense": 2}], (6,)),
        ([{"lstm": 4}, {"dense": 2}], (5, 3)),
    ],
    ids=["dense", "recurrent"],
)
def test_training_in_float32_has_the_same_curve_on_both_backends(encoder, input):
    spec = parsed(encoder, input=input, epochs=8, optimizer={"adam": 0.03})
    curves, _ = both(spec, samples(60, *input))
    np.testing.assert_allclose(*curves, rtol=1e-3)
    assert curves[0][7] < 0.9 * curves[0][0], "it learns, so that each epoch counts"


def test_a_running_average_is_frozen_with_its_layer():
    with pytest.raises(aespec.AespecError, match="a running average, which is not trained") as caught:
        aespec.compile(parsed(NORMALIZED, freeze="encoder/batch_normalization_1/moving_mean"))
    assert "`encoder/batch_normalization_1` freezes its layer" in str(caught.value)
