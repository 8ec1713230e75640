"""From specs to graphs: mirrors, ties, loss terms, limits and what is refused."""

from itertools import product

import pytest

import aespec
from aespec.passes import Limits
from aespec.zoo import zoo


def graph(**spec):
    return aespec.compile(aespec.parse(spec))


def rows(graph, block):
    return [(node.layer.kind, node.shape, node.count()) for node in graph.block(block)]


def refused(**spec):
    with pytest.raises(aespec.AespecError) as caught:
        graph(**spec)
    return caught.value.diagnostics


# The source slides' tables, and the sums that their kernels give.
SLIDES = {
    "stacked": (
        [("flatten", (784,), 0), ("dense", (100,), 78500), ("dense", (30,), 3030)],
        [("dense", (100,), 3100), ("dense", (784,), 79184), ("reshape", (28, 28), 0)],
    ),
    "tied": (
        [("flatten", (784,), 0), ("dense", (100,), 78500), ("dense", (30,), 3030)],
        [("dense", (100,), 100), ("dense", (784,), 784), ("reshape", (28, 28), 0)],
    ),
    "conv": (
        [
            ("reshape", (28, 28, 1), 0),
            ("conv2d", (28, 28, 16), 160),
            ("max_pool2d", (14, 14, 16), 0),
            ("conv2d", (14, 14, 32), 4640),
            ("max_pool2d", (7, 7, 32), 0),
            ("conv2d", (7, 7, 64), 18496),
            ("max_pool2d", (3, 3, 64), 0),
        ],
        [
            ("conv2d_transpose", (7, 7, 32), 18464),
            ("conv2d_transpose", (14, 14, 16), 4624),
            ("conv2d_transpose", (28, 28, 1), 145),
            ("reshape", (28, 28), 0),
        ],
    ),
    "recurrent": (
        [("lstm", (None, 100), 51600), ("lstm", (30,), 15720)],
        [("repeat_vector", (28, 30), 0), ("lstm", (28, 100), 52400), ("time_distributed", (28, 28), 2828)],
    ),
    "sparse_kl": (
        [("flatten", (784,), 0), ("dense", (100,), 78500), ("dense", (300,), 30300)],
        [("dense", (100,), 30100), ("dense", (784,), 79184), ("reshape", (28, 28), 0)],
    ),
}


@pytest.mark.parametrize("name", SLIDES)
def test_seeds_are_the_slides_models_layer_for_layer(name):
    compiled = aespec.compile(aespec.load(zoo()[name]))
    assert (rows(compiled, "encoder"), rows(compiled, "decoder")) == SLIDES[name]


def test_counts_of_the_slides():
    conv, recurrent = (aespec.compile(aespec.load(zoo()[name])) for name in ("conv", "recurrent"))
    totals = {
        (g.name, b): sum(n.count() for n in g.block(b)) for g in (conv, recurrent) for b in ("encoder", "decoder")
    }
    assert totals == {
        ("conv", "encoder"): 23296,
        ("conv", "decoder"): 23233,
        ("recurrent", "encoder"): 67320,
        ("recurrent", "decoder"): 55228,
    }


def test_mirrored_paddings_of_the_conv_seed():
    compiled = aespec.compile(aespec.load(zoo()["conv"]))
    transposed = [node.layer for node in compiled.block("decoder")[:3]]
    assert [kind.padding for kind in transposed] == ["valid", "same", "same"]
    assert [kind.strides for kind in transposed] == [(2, 2)] * 3
    assert [kind.activation.kind for kind in transposed] == ["selu", "selu", "sigmoid"]
    assert compiled.block("decoder")[0].undoes == ("encoder/conv2d_3", "encoder/max_pool2d_3")


@pytest.mark.parametrize("name", list(zoo()))
def test_every_spec_of_the_zoo_reads_back_what_it_writes(name):
    spec = aespec.load(zoo()[name])
    assert zoo()[name].read_text().startswith("# ")
    assert aespec.parse(spec.to_data()).to_data() == spec.to_data()
    assert aespec.compile(aespec.parse(spec.to_data())) == aespec.compile(spec)


@pytest.mark.parametrize(
    ("file", "name"),
    [("my model (2).yaml", "my-model-2"), ("stacked.v2.yml", "stacked.v2"), ("모델.yaml", "autoencoder")],
)
def test_a_spec_without_a_name_is_named_as_its_file(tmp_path, file, name):
    text = "input: [4]\nencoder: [{dense: 3}]\ndecoder: mirror\n"
    (tmp_path / file).write_text(text)
    spec = aespec.load(tmp_path / file)
    assert (spec.name, spec.place(("encoder",)).line) == (name, 2)
    (tmp_path / file).write_text("name: mine\n" + text)
    assert aespec.load(tmp_path / file).name == "mine"


@pytest.mark.parametrize(("kernel", "stride", "padding"), list(product((2, 3, 4, 5), (1, 2, 3), ("same", "valid"))))
def test_odd_sizes_come_back(kernel, stride, padding):
    conv = {"conv2d": {"filters": 3, "kernel_size": kernel, "strides": stride, "padding": padding}}
    strided = graph(input=[27, 31, 1], encoder=[conv, conv], decoder="mirror")
    assert strided.output.shape == (27, 31, 1)
    plain = {"conv2d": {"filters": 3, "kernel_size": kernel, "padding": padding}}
    pools = [plain, {"max_pool2d": stride}, plain, {"average_pool2d": {"pool_size": stride, "padding": padding}}]
    pooled = graph(input=[27, 31, 1], encoder=pools, decoder="mirror")
    assert pooled.output.shape == (27, 31, 1)


DENSE = {"dense": {"units": 4, "activation": "selu"}}


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        # the hidden activation comes back, the code's own does not; the output's is sigmoid for cross-entropy
        ([DENSE, {"dense": {"units": 2, "activation": "tanh"}}], ["dense selu", "dense sigmoid"]),
        # noise, normalization and dropout have nothing to undo and are looked through
        (["batch_normalization", DENSE, {"dropout": 0.1}, {"dense": 2}], ["dense selu", "dense sigmoid"]),
        # an activation that stands alone counts as the activation of what came before it
        ([{"dense": 4}, {"activation": "relu"}, {"dense": 2}], ["dense relu", "dense sigmoid"]),
        ([{"gaussian_latent": 2}], ["dense sigmoid"]),
    ],
)
def test_mirrored_activations(encoder, decoder):
    compiled = graph(input=[6], encoder=encoder, decoder="mirror", loss="binary_crossentropy")
    found = [f"{n.layer.kind} {n.layer.output_activation.kind}" for n in compiled.block("decoder")]
    assert found == decoder


@pytest.mark.parametrize(
    ("input", "layer"),
    [
        ([6], {"dense": {"units": 4, "use_bias": False}}),
        ([4, 6], {"time_distributed": {"layer": {"dense": {"units": 4, "use_bias": False}}}}),
        ([4, 6], {"conv1d": {"filters": 4, "kernel_size": 3, "padding": "same", "use_bias": False}}),
    ],
)
def test_a_batch_normalization_stands_for_the_bias_of_the_layer_before_it_which_the_mirror_has(input, layer):
    def has_bias(*encoder):
        made = graph(input=input, encoder=[*encoder, {"layer_normalization": {"center": False}}], decoder="mirror")
        return "bias" in made.output.params

    assert has_bias(layer, "batch_normalization")
    assert has_bias(layer, {"batch_normalization": {"center": False}}, *[{"max_pool1d": 2}] * ("conv1d" in layer))
    assert not has_bias(layer)
    assert not has_bias(layer, {"activation": "relu"}, "batch_normalization")


def test_a_mirror_without_weights_ends_in_the_output_activation():
    compiled = graph(input=[8, 2], encoder=[{"max_pool1d": 2}], decoder={"mirror": {"output_activation": "sigmoid"}})
    assert [node.layer.kind for node in compiled.block("decoder")] == ["upsampling1d", "activation"]


def test_a_single_recurrent_layer_is_mirrored_with_a_recurrent_layer():
    compiled = graph(input=[5, 3], encoder=[{"lstm": 4}], decoder="mirror")
    assert [(n.layer.kind, n.shape) for n in compiled.block("decoder")] == [
        ("repeat_vector", (5, 4)),
        ("lstm", (5, 4)),
        ("time_distributed", (5, 3)),
    ]


def test_ties_store_the_kernel_once():
    tied, plain = (aespec.compile(aespec.load(zoo()[name])) for name in ("tied", "stacked"))
    # 784 x 100 and 100 x 30 are stored once instead of twice
    assert sum(p.size for p in plain.params.values()) - sum(p.size for p in tied.params.values()) == 78400 + 3000
    assert tied["decoder/dense_2"].ties["kernel"].parameter == "encoder/dense_1/kernel"
    assert "decoder/dense_2/kernel" not in tied.params
    assert "decoder/dense_2/bias" in tied.params


@pytest.mark.parametrize("stated", [{"kernel_regularizer": "l2"}, {"kernel_initializer": "he_normal"}])
def test_what_is_stated_of_a_tied_kernel_is_not_dropped_in_silence(stated):
    decoder = [{"dense": {"units": 6, "tied_to": "encoder/dense_1", **stated}}]
    (fault,) = refused(input=[6], encoder=[{"dense": 4}], decoder=decoder)
    assert fault.rule.code == "E106"
    assert "encoder/dense_1" in fault.help


def test_a_cross_entropy_of_another_range_is_refused():
    spec = {"encoder": [{"dense": 4}], "decoder": "mirror", "loss": "binary_crossentropy"}
    (fault,) = refused(input={"shape": [6], "range": [-1, 1]}, **spec)
    assert fault.rule.code == "E207"


def test_a_tied_kernel_is_regularized_once():
    kernel = {"dense": {"units": 4, "kernel_regularizer": "l2"}}
    compiled = graph(input=[6], encoder=[kernel], decoder={"mirror": {"tie_weights": True}})
    assert [term.name for term in compiled.terms] == ["encoder/dense_1/kernel/l2"]


def test_terms_and_logits():
    compiled = aespec.compile(aespec.load(zoo()["variational"]))
    (term,) = compiled.terms
    assert term.regularizer.weight == pytest.approx(1 / 784)
    assert compiled.logits == "decoder/dense_3"
    assert compiled.stochastic
    assert aespec.compile(aespec.load(zoo()["pca"])).logits is None
    stepwise = graph(
        input=[4, 2, 1],
        encoder=[{"time_distributed": {"layer": "flatten"}}],
        decoder=[
            {"dense": {"units": 2, "activation": "sigmoid"}},
            {"time_distributed": {"layer": {"reshape": [2, 1]}}},
        ],
        loss="binary_crossentropy",
    )
    assert stepwise.logits == "decoder/dense_1"
    padded = graph(
        input=[4, 1],
        encoder=[{"cropping1d": 1}],
        decoder=[{"dense": {"units": 1, "activation": "sigmoid"}}, {"zero_padding1d": 1}],
        loss="binary_crossentropy",
    )
    assert padded.logits is None, "zeros are added behind the sigmoid: the output is not a sigmoid everywhere"


BODY = [{"dense": 4}]
TIED_TO_NOTHING = {"dense": {"units": 4, "tied_to": "encoder/dens_1"}}
TIED_TOO_WIDE = {"dense": {"units": 5, "tied_to": "encoder/dense_1"}}
TIED_MIRROR = {"mirror": {"tie_weights": True}}
TWINS = [{"dense": {"units": 4, "name": "a"}}, {"dropout": {"rate": 0, "name": "a"}}]


@pytest.mark.parametrize(
    ("code", "text", "spec"),
    [
        ("E201", "encoder/conv2d_1", {"input": [28, 28], "encoder": [{"conv2d": {"filters": 1, "kernel_size": 3}}]}),
        ("E202", "unknown length", {"input": [None, 3], "encoder": [{"lstm": 4}]}),
        ("E202", "`length` says again", {"input": [4, 3], "encoder": BODY, "decoder": {"mirror": {"length": 4}}}),
        ("E203", "decoder/dense_1", {"input": [6], "encoder": BODY, "decoder": [{"dense": 5}]}),
        ("E203", "reshape: [2, 3]", {"input": [2, 3], "encoder": ["flatten"], "decoder": [{"dense": 6}]}),
        ("E204", "did you mean", {"input": [4], "encoder": BODY, "decoder": [TIED_TO_NOTHING]}),
        ("E204", "cannot use", {"input": [6], "encoder": BODY, "decoder": [TIED_TOO_WIDE, {"dense": 6}]}),
        ("E204", "nothing to tie", {"input": [6, 2], "encoder": [{"lstm": 3}], "decoder": TIED_MIRROR}),
        ("E205", "too many parameters", {"input": [100_000], "encoder": [{"dense": 100_000}]}),
        ("E205", "too many activations", {"input": [4], "encoder": [{"repeat_vector": 50_000}, {"dense": 2_000}]}),
        ("E206", "two layers", {"input": [4], "encoder": TWINS}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(code, text, spec):
    found = refused(**{"decoder": "mirror", **spec})
    assert found[0].rule.code == code
    assert text in str(aespec.AespecError(*found))
    assert found[0].wanted
    assert found[0].got


def test_every_problem_of_the_graph_is_told_at_once():
    found = refused(input=[6], encoder=[{"dense": 4}], decoder=[{"dense": {"units": 5, "tied_to": "encoder/nothing"}}])
    assert [d.rule.code for d in found] == ["E203", "E204"]


@pytest.mark.parametrize(
    ("encoder", "decoder", "example"),
    [
        ([{"conv1d": {"filters": 2, "kernel_size": 6}}], [{"dense": 2}], None),  # always five steps shorter
        ([{"upsampling1d": 2}], [{"dense": 2}], None),
        ([{"conv1d": {"filters": 1, "kernel_size": 5}}, {"lstm": 1}], [{"repeat_vector": 3}, {"dense": 2}], None),
        ([{"cropping1d": 16384}], [{"zero_padding1d": 16384}], None),
        ([{"reshape": [-1, 5]}, {"dense": 3}], [{"dense": 5}, {"reshape": [-1, 2]}], (5, 2)),
        ([{"average_pool1d": 2}, {"upsampling1d": 2}], [{"dense": 2}], (6, 2)),  # even lengths come back
        ([{"average_pool1d": 4}, {"dense": 3}], {"mirror": {"length": 12}}, (12, 2)),
    ],
)  # fmt: skip
def test_an_unknown_length_has_to_come_back_at_some_length(encoder, decoder, example):
    spec = {"input": [None, 2], "encoder": encoder, "decoder": decoder}
    if example is None:
        assert [d.rule.code for d in refused(**spec)] == ["E203"]
    else:
        compiled = graph(**spec)
        assert compiled.example_shape == example
        assert compiled.restores(example)


def test_limits_can_be_lifted():
    spec = aespec.parse({"input": [4], "encoder": [{"dense": 4}], "decoder": "mirror"})
    with pytest.raises(aespec.AespecError, match="--max-parameters 40"):
        aespec.compile(spec, Limits(parameters=39))
    assert aespec.compile(spec, Limits(parameters=40))


def test_a_name_given_by_hand_is_kept_and_not_taken_again():
    layers = [{"dense": {"units": 4, "name": "dense_1"}}, {"dense": 4}]
    compiled = graph(input=[4], encoder=layers, decoder="mirror")
    assert [node.name for node in compiled.block("encoder")] == ["encoder/dense_1", "encoder/dense_2"]


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        # an unrelated fault, of a field or of a shape, hides no name that is not there
        (
            "input: [9]\nencoder: [{dense: {units: 3, name: a, use_bias: 3}}]\n"
            "decoder: [{dense: {units: 9, tied_to: encoder/b}}]\n",
            ["E104", "E204"],
        ),
        (
            "input: [9]\nencoder: [{reshape: [2]}, {dense: {units: 3, name: a}}]\n"
            "decoder: [{dense: {units: 9, tied_to: encoder/b}}]\n",
            ["E201", "E204"],
        ),
        ("input: [9]\nencoder: [{dens: 3}, {dense: {units: 3, tied_to: zz}}]\ndecoder: mirror\n", ["E101", "E204"]),
        # a layer behind it is not what it is tied to
        (
            "input: [9]\nencoder: [{dense: {units: 3, tied_to: encoder/dense_7}}, {gru: {unit: 3}}]\ndecoder: mirror\n",
            ["E204", "E201", "E102"],
        ),
        # a field that can change no shape does not stop the layer
        (
            "input: [9]\nencoder: [{dense: {units: 3, kernel_initialiser: ones}}, {lstm: 3}]\ndecoder: mirror\n",
            ["E102", "E201"],
        ),
        # a layer that cannot be read may be the one that is meant
        (
            "input: [9]\nencoder: [{dens: 3}]\ndecoder: [{dense: {units: 9, tied_to: encoder/dense_1}}]\n",
            ["E101"],
        ),
        (
            "input: [9]\nencoder: [{dens: {units: 3, name: a}}]\ndecoder: [{dense: {units: 9, tied_to: encoder/a}}]\n",
            ["E101"],
        ),
    ],
)
def test_a_tie_to_nothing_is_told_beside_other_faults(spec, codes):
    problems = []
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(aespec.parse(spec, problems=problems), problems=problems)
    assert [fault.rule.code for fault in caught.value.diagnostics] == codes


@pytest.mark.parametrize(
    ("shape", "encoder", "codes"),
    [
        ([20000, 1], [{"conv1d": {"filters": 4, "kernel_size": 3}}, "global_average_pool1d"], ["E202"]),
        ([65536, 65536], ["flatten", {"dense": 3}], ["E205", "E202", "E205"]),
        ([65536, 65536, 65536], ["flatten"], ["E205"]),
    ],
)
def test_what_a_mirror_would_have_to_make_beyond_bounds_is_refused(shape, encoder, codes):
    assert [fault.rule.code for fault in refused(input=shape, encoder=encoder, decoder="mirror")] == codes
