"""What an editor makes of the schema: a real yaml-language-server is asked, as VS Code and others ask it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from threading import Timer

import pytest

from aespec.plan import TrainingPlan
from aespec.registry import kinds
from aespec.schema import families, spec_schema
from aespec.spec import Spec
from aespec.zoo import zoo

SERVER = Path(__file__).parent / "npm/node_modules/yaml-language-server/bin/yaml-language-server"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    os.environ.get("AESPEC_TESTS") != "all" and not (NODE and SERVER.is_file()),
    reason="no yaml-language-server; `make test` installs it where there is npm",
)

BEFORE = "# yaml-language-server: $schema=spec.schema.json\ninput: [6]\n"
HERE = "|"


class Editor:
    """A client of the language server that has one file open at a time."""

    def __init__(self, folder):
        command = [NODE, SERVER, "--stdio"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.folder, self.count, self.problems = folder, 0, {}
        markdown = {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}}
        self.ask("initialize", processId=None, rootUri=None, capabilities={"textDocument": {"completion": markdown}})
        self.tell("initialized")
        settings = {"schemaStore": {"enable": False}, "validate": True, "hover": True, "completion": True}
        self.tell("workspace/didChangeConfiguration", settings={"yaml": settings})

    def send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self):
        size = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b": ")
            size = int(value) if name == b"Content-Length" else size
        assert size, "the language server has ended"
        message = json.loads(self.process.stdout.read(size))
        if "method" in message and "id" in message:
            self.send(id=message["id"], result=None)  # it asks for settings, which it has been told
        elif message.get("method") == "textDocument/publishDiagnostics":
            self.problems[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message

    def tell(self, method, **params):
        self.send(method=method, params=params)

    def ask(self, method, **params):
        self.count += 1
        self.send(id=self.count, method=method, params=params)
        while (message := self.receive()).get("id") != self.count or "method" in message:
            pass
        return message["result"]

    def open(self, text):
        self.count += 1
        uri = (self.folder / f"{self.count}.yaml").as_uri()
        self.tell("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": 1, "text": text})
        return uri

    def at(self, method, marked):
        """What is answered at the mark in a text."""
        text = BEFORE + marked
        before, _, after = text.partition(HERE)
        place = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        return self.ask(f"textDocument/{method}", textDocument={"uri": self.open(before + after)}, position=place)

    def completions(self, marked):
        return {item["label"]: item for item in self.at("completion", marked)["items"]}

    def hover(self, marked):
        return self.at("hover", marked)["contents"]["value"]

    def diagnostics(self, text):
        """The line, as an editor counts, the words that are marked, and the message of each problem."""
        uri = self.open(text)
        while uri not in self.problems:
            self.receive()
        found = []
        for problem in self.problems[uri]:
            start, end = problem["range"]["start"], problem["range"]["end"]
            line = text.splitlines()[start["line"]]
            found.append((start["line"] + 1, line[start["character"] : end["character"]], problem["message"]))
        return found


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    assert NODE
    assert SERVER.is_file()
    folder = tmp_path_factory.mktemp("editor")
    (folder / "spec.schema.json").write_text(json.dumps(spec_schema()))
    editor = Editor(folder)
    patience = Timer(300, editor.process.kill)  # which ends a wait for an answer that does not come
    patience.start()
    yield editor
    patience.cancel()
    editor.process.kill()
    editor.process.communicate()


def documentation(item):
    text = item["documentation"]
    return text if isinstance(text, str) else text["value"]


@pytest.mark.parametrize(
    ("marked", "family"),
    [
        ("encoder:\n  - |\ndecoder: mirror\n", "layer"),
        ("encoder:\n  - flatten\n  - |\ndecoder: mirror\n", "layer"),
        ("encoder:\n  - de|\ndecoder: mirror\n", "layer"),
        ("encoder: [flatten]\ndecoder: |\n", "decoder form"),
        ("encoder: [flatten]\ndecoder: mirror\nloss: |\n", "loss"),
        ("encoder:\n  - dense: {units: 3, activation: |}\n", "activation"),
        ("encoder:\n  - dense:\n      units: 3\n      activation: |\n", "activation"),
        ("encoder: [flatten]\ntraining: {optimizer: |}\n", "optimizer"),
        ("encoder: [flatten]\ntraining: {optimizer: {a|}}\n", "optimizer"),
        ("encoder: [flatten]\ntraining:\n  optimizer:\n    |\n", "optimizer"),
        ("encoder: [flatten]\ntraining:\n  schedule:\n    |\n", "schedule"),
        ("encoder:\n  - dense:\n      units: 3\n      activation:\n        |\n", "activation"),
        ("encoder: [flatten]\nloss:\n  |\n", "loss"),
        ("encoder: [flatten]\nloss:\n  - |\n", "loss"),
    ],
)
def test_every_kind_is_offered_with_its_text(editor, marked, family):
    offered = editor.completions(marked)
    assert set(families()) >= {family}
    for name, cls in kinds(family).items():
        assert cls.__doc__.split("\n")[0].replace("``", "`") in documentation(offered[name])


@pytest.mark.parametrize(
    ("marked", "offered"),
    [
        ("encoder:\n  - bidirectional: {layer: {l|}}\n", {"lstm", "gru"}),
        ("encoder:\n  - dense:\n      units: 3\n      kernel_regularizer: |\n", {"l1", "l2", "l1_l2", "null"}),
    ],
)
def test_only_what_may_stand_there_is_offered(editor, marked, offered):
    assert editor.completions(marked).keys() == offered


@pytest.mark.parametrize(
    ("marked", "cls"),
    [
        ("encoder: [flatten]\n|\n", Spec),
        ("encoder: [flatten]\ntraining:\n  |\n", TrainingPlan),
        ("encoder:\n  - conv2d:\n      filters: 3\n      |\n", kinds("layer")["conv2d"]),
        ("encoder:\n  - dense:\n      |\n", kinds("layer")["dense"]),
        ("encoder: [flatten]\ntraining:\n  optimizer:\n    adam:\n      |\n", kinds("optimizer")["adam"]),
    ],
)
def test_fields_are_offered_and_nothing_else(editor, marked, cls):
    offered = {name for name in editor.completions(marked) if not name.startswith("{")}  # all that are required at once
    written = {name for name in cls.model_fields if f"{name}:" in BEFORE + marked}
    assert offered == cls.model_fields.keys() - written


@pytest.mark.parametrize(
    ("marked", "label", "inserted"),
    [
        ("encoder:\n  - |\n", "flatten", "flatten"),
        ("encoder:\n  - |\n", "dense", "dense: {units: ${1:3}}"),
        ("encoder:\n  - |\n", "conv2d", "conv2d: {filters: ${1:3}, kernel_size: ${2:3}}"),
        ("encoder:\n  - |\n", "repeat", "repeat: {times: ${1:2}, layers: [${2:dense: 32}]}"),
        ("encoder:\n  - |\n", "include", "include: ${1:blocks.yaml}"),
        ("encoder:\n  - dense:\n      units: 3\n      |\n", "activation", "activation: ${1:linear}"),
        ("encoder:\n  - dense:\n      |\n", "units", "units: ${1:3}"),
        ("encoder:\n  - dense: {units: 3, use|}\n", "use_bias", "use_bias"),  # on a line with a colon, the name alone
        ("|\n", "loss", "loss: ${1:mse}"),
        ("|\n", "training", "training:\n  "),
    ],
)
def test_what_is_offered_is_what_a_spec_would_say(editor, marked, label, inserted):
    assert editor.completions(marked)[label]["insertText"] == inserted


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        ("encoder:\n  - dense:\n      units: 3\n      |\n", {"activation": "What the output goes through."}),
        ("encoder:\n  - dense:\n      units: 3\n      |\n", {"use_bias": "Default: `true`"}),
        ("encoder:\n  - flatten\ntraining:\n  |\n", {"epochs": "Default: `10`", "optimizer": "Default: `adam`"}),
        ("|\n", {"encoder": "The layers from the input to the code.", "training": "How the model is trained."}),
    ],
)
def test_fields_are_offered_with_their_texts_and_defaults(editor, marked, said):
    offered = editor.completions(marked)
    assert [name for name, text in said.items() if text not in documentation(offered[name])] == []


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        (
            "encoder:\n  - den|se: {units: 3}\n",
            ["Fully connected: `y = activation(x @ kernel + bias)`", "- dense: {units"],
        ),
        ("encoder:\n  - flat|ten\n", ["* `flatten`: All axes into one"]),
        ("encoder:\n  - dense: {uni|ts: 3}\n", ["Width of the output."]),
        (
            "encoder:\n  - dense: {units: 3, activ|ation: selu}\n",
            ["What the output goes through.", "Default: `linear`"],
        ),
        ("encoder:\n  - conv2d: {filters: 3, pad|ding: same}\n", ["Default: `valid`", "* `same`"]),
        ("encoder: [flatten]\nlo|ss: {huber: 1}\n", ["The distance between input and reconstruction"]),
        ("encoder: [flatten]\nloss: {hu|ber: 1}\n", ["where `e = abs(t - y)` is at most delta"]),
        ("encoder: [flatten]\ntraining: {clip_n|orm: 1}\n", ["Shorten all gradients together"]),
        ("encoder: [flatten]\ndec|oder: mirror\n", ["The layers from the code to the reconstruction"]),
    ],
)
def test_what_the_pointer_is_on_is_explained(editor, marked, said):
    shown = editor.hover(marked)
    assert [text for text in said if text not in shown] == []
    assert "||" not in shown  # which stands between alternatives where the server cannot tell them apart


LAYER = BEFORE + "encoder:\n  - {}\ndecoder: mirror\n"
PART = BEFORE + "encoder: [flatten]\n{}\n"


@pytest.mark.parametrize(
    ("text", "line", "marked", "said"),
    [
        (LAYER.format("dens: 3"), 4, "dens", "Property dens is not allowed."),
        (LAYER.format("dense: {units: 3, activaton: selu}"), 4, "activaton", "Property activaton is not allowed."),
        (LAYER.format("conv2d: {filters: 3}"), 4, "conv2d", 'Missing property "kernel_size".'),
        (LAYER.format("dense: {units: wide}"), 4, "wide", "Expected a whole number, or a variable such as `${name}`."),
        (LAYER.format("dense: {units: 3, use_bias: yes}"), 4, "yes", "Expected true or false"),
        (LAYER.format("dense: 0"), 4, "0", "Value is below the minimum of 1."),
        (LAYER.format("dense: {units: 3, activation: sellu}"), 4, "sellu", 'Valid values: "linear", "relu"'),
        (
            LAYER.format("dense: {units: 3, activation: {leaky_rel: 1}}"),
            4,
            "leaky_rel",
            "Property leaky_rel is not allowed.",
        ),
        (LAYER.format("conv2d: {filters: 3, kernel_size: 3, padding: full}"), 4, "full", 'values: "same", "valid".'),
        (LAYER.format("max_pool2d: [1, wide]"), 4, "wide", "Expected a whole number"),
        (LAYER.format("flaten"), 4, "flaten", "Write `kind: {fields}`, or one of: flatten, "),
        (LAYER.format("time_distributed: {layer: {dens: 3}}"), 4, "dens", "Property dens is not allowed."),
        (LAYER.format("bidirectional: {layer: {dense: 3}}"), 4, "dense", "Property dense is not allowed."),
        (LAYER.format("bidirectional: {layer: flatten}"), 4, "flatten", "Write `kind: {fields}`, of lstm or gru."),
        (
            LAYER.format("dense: {units: 3, kernel_regularizer: {kl_divergence: {}}}"),
            4,
            "kl_divergence",
            "Property kl_divergence is not allowed.",
        ),
        (PART.format("decoder: miror"), 4, "miror", 'Valid values: "mirror".'),
        (PART.format("decoder: [dens: 3]"), 4, "dens", "Property dens is not allowed."),
        (PART.format("decoder: {mirror: {tie_weight: true}}"), 4, "tie_weight", "Property tie_weight is not allowed."),
        (PART.format("decoder: mirror\nlos: mse"), 5, "los", "Property los is not allowed."),
        (PART.format("decoder: mirror\nloss: rmse"), 5, "rmse", 'Valid values: "binary_crossentropy"'),
        (PART.format("decoder: mirror\ntraining: {epochs: 0}"), 5, "0", "Value is below the minimum of 1."),
        (PART.format("decoder: mirror\ntraining:\n  optimizer: {adm: 0.1}"), 6, "adm", "Property adm is not allowed."),
    ],
)
def test_what_is_wrong_is_marked_where_it_is(editor, text, line, marked, said):
    ((found_line, found_marked, message),) = editor.diagnostics(text)
    assert (found_line, found_marked) == (line, marked)
    assert said in message


@pytest.mark.parametrize("name", zoo())
def test_nothing_is_wrong_in_the_zoo(editor, name):
    text = zoo()[name].read_text()
    assert text.startswith("# yaml-language-server: $schema=spec.schema.json\n")
    assert editor.diagnostics(text) == []


def test_a_variable_may_stand_for_a_value(editor):
    text = LAYER.format('dense: {units: "${width}", activation: "${act}"}') + "vars: {width: 3, act: relu}\n"
    assert editor.diagnostics(text) == []
