"""The numbers are those that the source slides print, or arithmetic done beside them."""

import json
import re

import pytest

import aespec
from aespec.summary import as_data, as_markdown, as_text, summarize
from aespec.tables import WIDTH
from aespec.zoo import zoo


def summary_of(name, *overrides):
    return summarize(aespec.compile(aespec.load(zoo()[name], overrides)))


def cells(text):
    """The cells of each row of a table, by the first."""
    rows = [line.split() for line in text.replace("(None, ", "(None,").splitlines() if line.strip()]
    return {row[0]: row for row in rows}


@pytest.mark.parametrize(
    ("spec", "block", "layers", "total"),
    [
        ("conv", "encoder", {"conv2d_1": 160, "conv2d_2": 4640, "conv2d_3": 18496}, 23296),
        (
            "conv",
            "decoder",
            {"conv2d_transpose_1": 18464, "conv2d_transpose_2": 4624, "conv2d_transpose_3": 145},
            23233,
        ),
        ("recurrent", "encoder", {"lstm_1": 51600, "lstm_2": 15720}, 67320),
        ("recurrent", "decoder", {"repeat_vector_1": 0, "lstm_1": 52400, "time_distributed_1": 2828}, 55228),
        ("stacked", "encoder", {"dense_1": 784 * 100 + 100, "dense_2": 100 * 30 + 30}, 81530),
        ("tied", "decoder", {"dense_1": 100, "dense_2": 784}, 884),  # the biases alone
    ],
)
def test_parameters_by_layer_and_block(spec, block, layers, total):
    found = next(b for b in summary_of(spec).blocks if b.name == block)
    counts = {line.name: line.parameters for line in found.lines}
    assert {f"{block}/{name}": count for name, count in layers.items()}.items() <= counts.items()
    assert found.parameters == total


@pytest.mark.parametrize(
    ("spec", "layer", "shape", "parameters", "multiply_adds"),
    [
        ("conv", "encoder/conv2d_2", "(None,14, 14, 32)", "4,640", 14 * 14 * 3 * 3 * 16 * 32),
        ("conv", "decoder/conv2d_transpose_1", "(None,7, 7, 32)", "18,464", 3 * 3 * 3 * 3 * 64 * 32),
        ("stacked", "encoder/dense_1", "(None,100)", "78,500", 784 * 100),
        ("recurrent", "decoder/lstm_1", "(None,28, 100)", "52,400", 28 * 4 * 100 * (30 + 100)),
        ("recurrent", "encoder/lstm_1", "(None,None, 100)", "51,600", None),  # the number of steps is open
    ],
)
def test_a_row_of_the_table(spec, layer, shape, parameters, multiply_adds):
    row = cells(as_text(summary_of(spec)))[layer]
    assert " ".join(row[2:-2]) == shape
    assert row[-2:] == [parameters, "?" if multiply_adds is None else f"{multiply_adds:,}"]


@pytest.mark.parametrize(
    ("spec", "overrides", "lines"),
    [
        ("conv", [], ["Parameters: 46,529 (trainable 46,529, non-trainable 0)", "Loss: binary_crossentropy"]),
        ("tied", [], ["Tied: decoder/dense_1: kernel tied to encoder/dense_2, transposed"]),
        (
            "recurrent",
            [],
            ["Input: (None, None, 28), code: (None, 30)", "?: depends on a length that the input leaves open"],
        ),
        ("sparse_kl", [], ["Loss term: kl_divergence(weight=0.0015625) of the output of encoder/dense_2"]),
        ("variational", [], ["Loss term: gaussian_kl(weight=0.00127551) of the code of encoder/gaussian_latent_1"]),
        (
            "pca",  # of 3 numbers: 3 * 2 + 2 that are frozen, 2 * 3 + 3 that are not
            ["encoder=[{dense: {units: 2, freeze: true}}]"],
            ["Parameters: 17 (trainable 9, non-trainable 8)"],
        ),
        (
            "pca",  # moving mean and variance, of 3 each, are not trained
            ["encoder=[batch_normalization, {dense: 2}]"],
            ["Parameters: 29 (trainable 23, non-trainable 6)"],
        ),
    ],
)
def test_remarks(spec, overrides, lines):
    summary = summary_of(spec, *overrides)
    assert set(lines) <= set(as_text(summary).splitlines())
    assert {f"- {line}" for line in lines} <= set(as_markdown(summary).splitlines())


@pytest.mark.parametrize(
    ("spec", "overrides", "lines"),
    [
        (
            "conv",
            [],
            [
                "decoder/conv2d_transpose_1 undoes encoder/conv2d_3 and encoder/max_pool2d_3",
                "padding: valid, since 3 -> 7: `same` gives 6, `valid` gives 7",
                "decoder/conv2d_transpose_2 undoes encoder/conv2d_2 and encoder/max_pool2d_2",
                "padding: same, since 7 -> 14: `same` gives 14, `valid` gives 15",
                "decoder/reshape_1 undoes encoder/reshape_1",
            ],
        ),
        (
            "pca",  # windows of 2 begin at 0, 3, 6 and leave the last two of 10 steps; 2 * 3 + 3 = 9 come back
            ["input=[10, 1]", "encoder=[{conv1d: {filters: 2, kernel_size: 2, strides: 3}}]", "decoder=mirror"],
            [
                "padding: valid, output_padding: [1], since 3 -> 10: `same` gives 9, `valid` 9, "
                "and only `valid` takes an `output_padding`, and kernels of 2, one every 3, reach 2 of 3 positions"
            ],
        ),
        (
            "pca",
            [
                "input=[15, 9, 1]",
                "encoder=[{conv2d: {filters: 2, kernel_size: 3, dilation_rate: 2}}, {zero_padding2d: [2, 0]},"
                " {cropping2d: [[0, 1], [2, 0]]}, {average_pool2d: [2, 1]}, {upsampling2d: 3}]",
                "decoder=mirror",
            ],
            [
                "padding: valid, since 21 -> 7: windows of 3, one every 3; 9 -> 3: windows of 3, one every 3",
                "7 -> 14: each position 2 times; 3 -> 3: each position 1 times",
                "14 -> 15: zeros added: 0 before, 1 after; 3 -> 5: zeros added: 2 before, 0 after",
                "15 -> 11: dropped: 2 before, 2 after",
                "padding: valid, since 11 -> 15: `same` gives 11, `valid` gives 15; "
                "5 -> 9: `same` gives 5, `valid` gives 9",
            ],
        ),
        (
            "pca",
            [
                "input=[null, 2]",
                "encoder=[{conv1d: {filters: 2, kernel_size: 3, padding: same}},"
                " {conv1d: {filters: 2, kernel_size: 5}}]",
                "decoder=mirror",
            ],
            [
                "padding: valid, since of a length n `same` makes n, `valid` makes n + 4",
                "padding: same, since of a length n `same` makes n, `valid` makes n + 2",
            ],
        ),
        ("recurrent", [], ["decoder/lstm_1 undoes encoder/lstm_2", "decoder/time_distributed_1 undoes encoder/lstm_1"]),
        (
            "pca",
            ["input=[4, 1]", "encoder=[{max_pool1d: 2}]", "decoder=mirror", "loss=binary_crossentropy"],
            [
                "decoder/upsampling1d_1 undoes encoder/max_pool1d_1",
                "decoder/activation_1 brings the output's activation",
            ],
        ),
        (
            "pca",
            ["encoder=[{dense: 2}]", "decoder=[{dense: 3}]"],
            ["The decoder is written out layer by layer: there is no mirror to explain."],
        ),
    ],
)
def test_what_a_mirror_undoes(spec, overrides, lines):
    summary = summary_of(spec, *overrides)
    shown = [line.strip() for line in as_text(summary, mirror=True).splitlines()]
    assert set(lines) <= set(shown)
    markdown = as_markdown(summary, mirror=True)
    assert [word for line in lines for word in re.split(" (?=undoes|brings)", line) if word not in markdown] == []


def test_markdown_has_a_table_for_each_block():
    lines = as_markdown(summary_of("conv"), mirror=True).splitlines()
    assert [line for line in lines if line.startswith("#")] == ["## conv", "### Encoder", "### Decoder", "### Mirror"]
    row = next(line for line in lines if line.startswith("| decoder in all"))
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("decoder in all", "", "(None, 28, 28)", "23,233"),
        f"{165_888 + 225_792 + 28_224:,}",
    ]
    assert any(line.startswith("|:--") and line.endswith("--:|") for line in lines), "numbers are right-aligned"


def test_data_is_json_with_batch_and_unknown_lengths_as_null():
    data = json.loads(json.dumps(as_data(summary_of("recurrent"))))
    encoder, decoder = data["blocks"]
    assert encoder["input_shape"] == [None, None, 28]
    assert encoder["lines"][0]["output_shape"] == [None, None, 100]
    assert encoder["multiply_adds"] is None
    assert decoder["lines"][1]["undoes"] == ["encoder/lstm_2"]
    assert data["parameters"] == 67320 + 55228


@pytest.mark.parametrize("name", zoo())
def test_the_zoo_fits_the_width(name):
    assert max(map(len, as_text(summary_of(name), mirror=True).splitlines())) <= WIDTH


def test_a_decoder_may_be_empty():
    """Where nothing changes the shape there is nothing to undo."""
    summary = summary_of("pca", "encoder=[{dropout: 0.5}]", "decoder=mirror")
    assert [(block.lines != (), block.input_shape, block.output_shape) for block in summary.blocks] == [
        (True, (None, 3), (None, 3)),
        (False, (None, 3), (None, 3)),
    ]
    assert cells(as_text(summary))["total"][1:] == ["0", "0"]
    assert as_text(summary, mirror=True).endswith("The mirror is empty: no layer of the encoder changes the shape.")
    assert "### Decoder" in as_markdown(summary, mirror=True)
