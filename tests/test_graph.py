"""`aespec graph`: the graph as text, JSON, a flowchart that Mermaid draws, or a drawing that a browser shows."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import aespec_

import aespec
from aespec.flowchart import flowchart
from aespec.listing import as_data, listing
from aespec.report.drawing import drawing
from aespec.zoo import zoo

MERMAID = Path(__file__).parent / "npm/node_modules/mermaid/dist/mermaid.min.js"
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

in_a_browser = pytest.mark.skipif(
    os.environ.get("AESPEC_TESTS") != "all" and not (CHROMIUM and DRIVER and MERMAID.is_file()),
    reason="no chromium, no chromedriver, or no Mermaid; `make test` installs the last where there is npm",
)

NASTY = """
name: nasty
input: [6, 4]
encoder:
  - conv1d: {filters: 3, kernel_size: 3, padding: same, activation: {leaky_relu: {negative_slope: 0.123}},
             kernel_initializer: he_normal, name: end, kernel_regularizer: {l1_l2: {l1: 0.001, l2: 0.0001}}}
  - flatten: {name: a_very_long_name_that_somebody_has_given_to_this_layer_for_reasons_of_his_own}
  - dense: 2
decoder: [{dense: 24}, {reshape: [6, 4]}]
"""


BLOCKS = ("encoder", "decoder")


def compiled(text):
    return aespec.compile(aespec.parse(text))


GRAPHS = [
    *(pytest.param(aespec.compile(aespec.load(path)), id=name) for name, path in zoo().items()),
    pytest.param(compiled(NASTY), id="nasty"),
]


# --- text -----------------------------------------------------------------------------------------------------------

TIED = """
input: [4]
encoder: [{dropout: 0.5}, {dense: {units: 3, activation: tanh, activity_regularizer: {l1: 0.25}}}]
decoder: {mirror: {tie_weights: true}}
loss: [mse, {mae: {weight: 0.5}}]
"""
FROZEN = """
input: {shape: [8], range: [0, 1]}
encoder: [{dense: {units: 4, freeze: true}}, batch_normalization, {gaussian_latent: 2}]
decoder: mirror
loss: binary_crossentropy
training: {dtype: float64}
"""
OPEN = """
input: [null, 2]
encoder: [{conv1d: {filters: 4, kernel_size: 3, strides: 2, padding: same}}]
decoder: [{conv1d_transpose: {filters: 2, kernel_size: 3, strides: 2, padding: same}}, {cropping1d: [[0, 0]]}]
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            TIED,
            """
            input: f32[n, 4]
            encoder/dropout_1: f32[n, 4] = dropout[rate=0.5] input  # draws uniform numbers in training
            encoder/dense_1: f32[n, 3] = dense[units=3 activation=tanh activity_regularizer=l1[weight=0.25]] \
encoder/dropout_1  kernel f32[4, 3], bias f32[3]
            code = encoder/dense_1
            decoder/dense_1: f32[n, 4] = dense[units=4] encoder/dense_1  bias f32[4], \
kernel = encoder/dense_1/kernel^T  # undoes encoder/dense_1
            loss mse = mse decoder/dense_1 input
            loss mae = mae[weight=0.5] decoder/dense_1 input
            loss encoder/dense_1/activity/l1 = l1[weight=0.25] encoder/dense_1
            """,
        ),
        (
            FROZEN,
            """
            input: f64[n, 8]
            encoder/dense_1: f64[n, 4] = dense[units=4] input  kernel f64[8, 4], bias f64[4]  \
# not trained: kernel, bias
            encoder/batch_normalization_1: f64[n, 4] = batch_normalization encoder/dense_1  gamma f64[4], \
beta f64[4], moving_mean f64[4], moving_variance f64[4]  # not trained: moving_mean, moving_variance
            encoder/gaussian_latent_1: f64[n, 2] = gaussian_latent[units=2] encoder/batch_normalization_1  \
mean_kernel f64[4, 2], mean_bias f64[2], log_var_kernel f64[4, 2], log_var_bias f64[2]  \
# draws normal numbers in training
            code = encoder/gaussian_latent_1
            decoder/dense_1: f64[n, 4] = dense[units=4] encoder/gaussian_latent_1  kernel f64[2, 4], bias f64[4]  \
# undoes encoder/gaussian_latent_1
            decoder/dense_2: f64[n, 8] = dense[units=8 activation=sigmoid] decoder/dense_1  kernel f64[4, 8], \
bias f64[8]  # undoes encoder/dense_1
            loss binary_crossentropy = binary_crossentropy decoder/dense_2 input  \
# of decoder/dense_2 before its activation
            loss encoder/gaussian_latent_1/latent/gaussian_kl = gaussian_kl encoder/gaussian_latent_1
            """,
        ),
        (
            # Steps of an odd number n come back as 2 * ceil(n / 2) = n + 1: t3 is not t.
            OPEN,
            """
            input: f32[n, t, 2]
            encoder/conv1d_1: f32[n, t2, 4] = conv1d[filters=4 kernel_size=[3] strides=[2] padding=same] input  \
kernel f32[3, 2, 4], bias f32[4]
            code = encoder/conv1d_1
            decoder/conv1d_transpose_1: f32[n, t3, 2] = conv1d_transpose[filters=2 kernel_size=[3] strides=[2] \
padding=same] encoder/conv1d_1  kernel f32[3, 2, 4], bias f32[2]
            decoder/cropping1d_1: f32[n, t3, 2] = cropping1d[cropping=[[0, 0]]] decoder/conv1d_transpose_1
            loss mse = mse decoder/cropping1d_1 input
            """,
        ),
    ],
    ids=["tied", "frozen", "open"],
)
def test_each_node_is_a_line(text, wanted, tmp_path):
    (tmp_path / "spec.yaml").write_text(text)
    shown = aespec_("graph", tmp_path / "spec.yaml")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines() == [line.strip() for line in wanted.strip().splitlines()]


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_text_has_all_that_the_graph_has(graph):
    text = listing(graph)
    lines = text.splitlines()
    assert len(lines) == 1 + len(graph.nodes) + 1 + len(graph.losses) + len(graph.terms)
    for node in graph:
        (line,) = [line for line in lines if line.startswith(f"{node.name}: ")]
        stored = [f"{short} f32{[*param.shape]}" for short, param in node.params.items()]
        assert ", ".join(stored) in line
        assert all(tie.parameter in line for tie in node.ties.values())
        assert line.partition(" = ")[2].startswith(node.layer.kind)


# --- JSON -----------------------------------------------------------------------------------------------------------


def test_json_has_each_node_with_what_it_stores_and_shares(tmp_path):
    (tmp_path / "spec.yaml").write_text(TIED)
    shown = aespec_("graph", tmp_path / "spec.yaml", "--format", "json")
    data = json.loads(shown.stdout)
    dropout, narrow, wide = data["nodes"]
    assert [node["name"] for node in data["nodes"]] == ["encoder/dropout_1", "encoder/dense_1", "decoder/dense_1"]
    assert (data["input"], data["code"], data["output"], data["mirrored"]) == (
        [4], "encoder/dense_1", "decoder/dense_1", True,
    )  # fmt: skip
    assert (dropout["kind"], dropout["layer"], dropout["draws"]) == ("dropout", {"dropout": {"rate": 0.5}}, "uniform")
    assert (narrow["inputs"], narrow["shape"]) == (["encoder/dropout_1"], [3])
    assert narrow["parameters"]["kernel"] == {
        "shape": [4, 3], "initializer": "glorot_uniform", "trainable": True, "regularizer": None,
    }  # fmt: skip
    assert wide["ties"] == {"kernel": {"parameter": "encoder/dense_1/kernel", "transposed": True}}
    assert {short: param["shape"] for short, param in wide["parameters"].items()} == {"bias": [4]}
    assert wide["undoes"] == ["encoder/dense_1"]
    assert [next(iter(loss)) for loss in data["losses"]] == ["mse", "mae"]
    assert data["terms"] == [
        {"name": "encoder/dense_1/activity/l1", "target": "activity", "of": "encoder/dense_1",
         "regularizer": {"l1": {"weight": 0.25}}},
    ]  # fmt: skip


@pytest.mark.parametrize("graph", GRAPHS)
def test_json_states_layers_as_a_spec_does(graph):
    data = json.loads(json.dumps(as_data(graph)))
    stated = {part: [node["layer"] for node in data["nodes"] if node["name"].startswith(part)] for part in BLOCKS}
    again = aespec.compile(aespec.parse({"input": data["input"], **stated, "loss": data["losses"]}))
    assert [node.shape for node in again] == [node.shape for node in graph]
    assert [node.params for node in again] == [node.params for node in graph]
    assert again.terms == graph.terms


# --- Mermaid --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def draw(browser, tmp_path_factory):
    """Has Mermaid draw a flowchart; the texts of its boxes and of its arrows, and how many are dotted."""
    page = tmp_path_factory.mktemp("mermaid") / "page.html"
    page.write_text(f'<meta charset="utf-8"><script src="{MERMAID.as_uri()}"></script><div id="place"></div>')
    browser.get(page.as_uri())
    script = """
        const [text, done] = arguments;
        mermaid.initialize({startOnLoad: false});
        mermaid.render("drawn", text).then(({svg}) => {
            const place = document.getElementById("place");
            place.innerHTML = svg;
            const all = what => [...place.querySelectorAll(what)].map(each => each.innerText.trim());
            done([all("span.nodeLabel"), all("span.edgeLabel"),
                  place.querySelectorAll("path.edge-pattern-dotted").length]);
        }).catch(error => done(String(error)));
    """
    return lambda text: browser.execute_async_script(script, text)


@in_a_browser
@pytest.mark.parametrize("graph", GRAPHS)
def test_mermaid_draws_the_flowchart(graph, draw):
    drawn = draw(flowchart(graph))
    assert isinstance(drawn, list), drawn
    boxes, arrows, dotted = drawn
    shown = [re.split(r"\n", text)[0] for text in boxes]
    for node in graph:
        assert node.short in shown
    assert {"input", "code", "reconstruction", "encoder"} <= {*boxes}
    ties = [tie for node in graph for tie in node.ties.values()]
    assert dotted == len(ties)
    assert len([text for text in arrows if text]) >= len(graph.nodes) + 2 + len(ties)


@in_a_browser
def test_mermaid_is_told_what_is_text(draw):
    boxes, *_ = draw(flowchart(compiled(NASTY)))
    (conv,) = [text for text in boxes if text.startswith("end")]
    assert "leaky_relu(negative_slope=0.123)" in conv.replace("\n", " ")
    assert "l1_l2(l1=0.001, l2=0.0001)" in conv.replace("\n", " ")


@in_a_browser
def test_what_is_no_flowchart_is_not_drawn(draw):
    assert "error" in draw('flowchart TB\n  a["b" --> c').lower()


# --- SVG ------------------------------------------------------------------------------------------------------------

OVERLAPS = """
    const seen = (what) => [...document.querySelectorAll(what)].map(each => each.getBoundingClientRect());
    const boxes = seen("g#box"), names = [...document.querySelectorAll("text")].map(each => each.textContent);
    const texts = seen("text").map((each, i) => [names[i], each]);
    const meet = (a, b) => a.x < b.right && b.x < a.right && a.y < b.bottom && b.y < a.bottom;
    const holds = (a, b) => a.x <= b.x && a.y <= b.y && b.right <= a.right && b.bottom <= a.bottom;
    const [paper] = seen("svg");
    return [
        boxes.length,
        boxes.filter((a, i) => boxes.some((b, j) => i < j && meet(a, b))).length,
        texts.filter(([, a], i) => texts.some(([, b], j) => i < j && meet(a, b))).map(([text]) => text),
        texts.filter(([, a]) => !boxes.some(b => holds(b, a))).map(([text]) => text),
        boxes.filter(box => !holds(paper, box)).length,
    ];
"""


@in_a_browser
@pytest.mark.parametrize("graph", GRAPHS)
def test_nothing_overlaps_in_the_drawing(graph, browser, tmp_path):
    path = tmp_path / "graph.svg"
    path.write_bytes(drawing(graph))
    browser.get(path.as_uri())
    assert browser.execute_script(OVERLAPS) == [len(graph.nodes) + 3, 0, [], [], 0]


@in_a_browser
def test_what_overlaps_is_found(browser, tmp_path, monkeypatch):
    monkeypatch.setattr("aespec.report.drawing.ARROW", -5)
    path = tmp_path / "graph.svg"
    path.write_bytes(drawing(compiled(NASTY)))
    browser.get(path.as_uri())
    assert browser.execute_script(OVERLAPS)[1] > 0


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_drawing_says_what_each_node_is(graph):
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing(graph).decode())
    counts = [f"{node.count():,} parameter{'s' * (node.count() != 1)}" for node in graph if node.count()]
    assert not {*counts} - {*texts}


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_a_drawing_is_the_same_each_time(form):
    assert drawing(compiled(TIED), form) == drawing(compiled(TIED), form)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "begins"),
    [
        ([], "input: f32[n, 28, 28]"),
        (["--format", "json"], '{\n  "name": "stacked",\n'),
        (["-o", "g.json"], '{\n  "name": "stacked",\n'),
        (["--format", "mermaid"], "flowchart TB\n"),
        (["--format", "svg"], "<?xml"),
        (["--format", "png"], "\x89PNG"),
        (["-o", "g.txt"], "input: f32[n, 28, 28]"),
        (["-o", "deep/g.mmd"], "flowchart TB\n"),
        (["-o", "g.SVG"], "<?xml"),
        (["--format", "svg", "-o", "g.svg"], "<?xml"),
        (["-o", "g.png"], "\x89PNG"),
        (["-o", "g.pdf"], "%PDF"),
    ],
    ids=" ".join,
)
def test_a_form_is_asked_for_or_read_off_the_file(args, begins, tmp_path, monkeypatch):
    path = zoo()["stacked"].resolve()
    monkeypatch.chdir(tmp_path)
    shown = aespec_("graph", path, *args)
    assert shown.exit_code == 0, shown.output
    if "-o" in args:
        assert shown.stdout == f"wrote {args[-1]}\n"
        assert Path(args[-1]).read_bytes().startswith(begins.encode("latin-1"))
    else:
        assert shown.stdout_bytes.startswith(begins.encode("latin-1"))


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["-o", "g.jpg"], "does not end in .txt, .json, .mmd, .svg, .png or .pdf"),
        (["--format", "svg", "-o", "g.txt"], "does not end in .svg, as a file of svg does"),
        (["--format", "dot"], "'dot' is not one of"),
    ],
    ids=" ".join,
)
def test_what_no_file_can_be_is_refused(args, says, tmp_path, monkeypatch):
    path = zoo()["stacked"].resolve()
    monkeypatch.chdir(tmp_path)
    shown = aespec_("graph", path, *args)
    assert shown.exit_code == 2
    assert says in shown.stderr
    assert not [*tmp_path.iterdir()]


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    path = tmp_path / "g.svg"
    path.write_text("mine")
    refused = aespec_("graph", zoo()["stacked"], "-o", path)
    assert refused.exit_code == 1
    assert "error[E504]" in refused.stderr
    assert "give another with `-o`, or `--force` to write over it" in refused.stderr
    assert path.read_text() == "mine"
    assert aespec_("graph", zoo()["stacked"], "-o", path, "--force").exit_code == 0
    assert "<svg" in path.read_text()


def test_a_terminal_is_spared_a_picture():
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "aespec", "graph", "specs/stacked.yaml", "--format", "pdf"]
    shown = subprocess.run(command, stdout=its, stderr=subprocess.PIPE, text=True, check=False)
    os.close(ours)
    os.close(its)
    assert shown.returncode == 2
    assert "give -o FILE.pdf" in shown.stderr


def test_a_spec_that_is_wrong_has_no_graph(tmp_path):
    (tmp_path / "bad.yaml").write_text("input: [4]\nencoder: [{dens: 3}]\ndecoder: mirror\n")
    shown = aespec_("graph", tmp_path / "bad.yaml")
    assert shown.exit_code == 1
    assert "did you mean `dense`" in shown.stderr
    shown = aespec_("graph", tmp_path / "bad.yaml", "--format", "json")
    assert json.loads(shown.stdout)["diagnostics"][0]["code"] == "E101"


def test_values_are_set_before_it_is_drawn():
    shown = aespec_("graph", zoo()["stacked"], "--set", "encoder.2.dense.units=7")
    assert "f32[n, 7] = dense[units=7" in shown.stdout
