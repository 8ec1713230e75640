"""Texts with what people write wrongly in them, several faults in each, and all that is told of them."""

import pytest

from aespec.diagnostics import AespecError
from aespec.passes import read

AS_PEOPLE_WRITE = {
    "commas behind the last at two levels.json": (
        '{"input": [28],\n "encoder": [{"dens": 16,},],\n "decoder": {"mirror": {"tie_weights": true,},}}',
        ["E101", *["E002: a comma after the last item"] * 4],
    ),
    "the line that ends a list is left out.json": (
        '{\n  "input": [28],\n  "encoder": [\n    {"dens": 4}\n  "decoder": "mirror",\n  "losss": "mse"\n}',
        ["E101", "E002: `],` is missing here", "E102"],
    ),
    "two colons.json": (
        '{"input" {"shape" [28]}, "encoder": [{"dens": 3}], "decoder": "mirror"}',
        [*["E002: a colon is missing here"] * 2, "E101"],
    ),
    "from a diff.json": (
        '{"input": [28],\n+ "encoder": [{"dens": 3}],\n+ "decoder": "mirror"}',
        ["E002: `+` belongs to nothing", "E101", "E002: `+` belongs to nothing"],
    ),
    "quotes within.json": (
        '{"input": [28], "encoder": [{"dens": 3}], "description": "an "odd" one", "decoder": "mirror"}',
        ["E101", "E002: a quote within a text"],
    ),
    "a list without brackets.json": (
        '{"input": 28, 28, "encoder": ["flatten", {"dens": 3}], "decoder": "mirror"}',
        ["E002: a list without brackets", "E101"],
    ),
    "words of other languages.json": (
        '{"input": [28], "encoder": [{"dense": {"units": 3; "use_bias": yes}}], "decoder": "mirror", "name": None}',
        ["E002: `;` where JSON wants `,`", "E002: `yes` is no value of JSON", "E002: `None` is no value of JSON"],
    ),
    "fences.json": (
        '```json\n{"vars": {"w": 3, @c": 5}, "input": [28], "encoder": [{"dens": "${c}"}], "decoder": "mirror"}\n```',
        ["E002: a fence of Markdown", "E002: a quote is missing before this", "E101"],
    ),
    "a quote behind a section.yaml": (
        'input: [28]\nencoder:"\n  - dens: 30\ndecoder: mirror\n',
        ["E002: no space after the colon", "E101"],
    ),
    "no dash, no space, a bracket too many.yaml": (
        "input: {shape:[28, 28], range: [0, 1]}\nencoder:\n  - flatten\n  dense: 30\n  - dens: 10\ndecoder: mirror\n",
        ["E002: no space after the colon", "E002: a list goes on here, but not with `- `", "E101"],
    ),
    "a comma behind a list.yaml": (
        "input: [28]\nencoder: [\n  dense: 30,\n],\ndecoder: miror\n",
        ["E002: text after a value that is already complete", "E101"],
    ),
    "a dash without a space, and no kind.yaml": (
        "input: [28]\nencoder:\n  - dense: 9\n  -dens: 3\ndecoder: mirror\n",
        ["E002: no space after the dash", "E101"],
    ),
    "a bare layer without a dash.yaml": (
        "input: [28]\nencoder:\n  flatten\n  - dens: 30\ndecoder: mirror\n",
        ["E002: this line is neither `key: value` nor `- item`", "E101"],
    ),
    "a bracket that is open before an item.yaml": (
        "input: [28]\nencoder:\n  - dense: {units: 30, # bottleneck\n  - dens: 3\ndecoder: miror\n",
        ["E002: the bracket `{` is never closed", "E101", "E101"],
    ),
    "an apostrophe.yaml": (
        "input: [28]\nname: 'it's mine'\nencoder:\n  - dens: 3\ndecoder: mirror\n",
        ["E002: a quote within a text", "E101"],
    ),
    "two fields in a line.yaml": (
        "name: x\ninput: [28] encoder:\n  - dense: 3\ndecoder: miror\n",
        ["E002: two fields in one line", "E101"],
    ),
    "two fields in a line with a semicolon.yaml": (
        "name: x; input: [28]\nencoder:\n  - dens: 3\ndecoder: mirror\n",
        ["E002: two fields in one line", "E101"],
    ),
    "a field of the spec among layers.yaml": (
        "input: [28]\nencoder:\n  - dense: 9\n  decoder: mirror\nlos: mse\n",
        ["E002: `decoder` in a list of layers", "E102"],
    ),
    "a dash before the first field.yaml": (
        "- name: m\ninput: [28]\nencoder: [dens: 3]\ndecoder: mirror\n",
        ["E002: `input` in a list", "E101"],
    ),
    "dashes without spaces, and no kind.yaml": (
        "input: [28]\nencoder:\n-dense: 9\n-dens: 5\ndecoder: mirror\n",
        ["E002: no space after the dash", "E101"],
    ),
    "a value in the column of its name.yaml": (
        "input: [28]\nencoder:\n  - dense: 9\ndecoder:\nmirror\nlos: mse\n",
        ["E002: the value of `decoder` begins in the column of its name", "E102"],
    ),
    "dashes in brackets over lines.yaml": (
        "input: [28]\nencoder: [\n  - flatten\n  - dense: 3\n]\ndecoder: miror\n",
        ["E002: an item with a dash inside `[`", "E101"],
    ),
    "no colon before braces.yaml": (
        "input: [28]\nencoder:\n  - dense {unit: 64, activation: relu}\ndecoder: mirror\n",
        ["E002: no colon after `dense`", "E102"],
    ),
    "no space after colons in braces.yaml": (
        "input: [28]\nencoder: [dens: 3]\ndecoder: mirror\ntraining:{epochs:3, batch_size:32}\n",
        ["E101", "E002: no space after the colon"],
    ),
    "fields beside their layer.yaml": (
        "input: [28]\nencoder:\n  - dense:\n  units: 16\n  - dens: 3\ndecoder: mirror\n",
        ["E002: a field in the column of the dashes", "E101"],
    ),
    "a bracket of a shape.json": (
        '{\n  "input": {"shape": [28, 28, "range": [0, 1]},\n  "encoder": [{"dens": 3}],\n  "decoder": "mirror"\n}',
        ["E002: `]` is missing here", "E101"],
    ),
    "a list of no field.yaml": (
        "name: x\ninput: [28]\n  - flatten\n  - dense: 3\ndecoder: miror\n",
        ["E002: a list that belongs to no field", "E101"],
    ),
    "in braces, without a comma.yaml": (
        '{\n  "input": [28],\n  "encoder": [{"dens": 9}],\n  "decoder": "mirror"\n  "losss": "mse"\n}\n',
        ["E101", "E002: a comma is missing here", "E102"],
    ),
    "a bracket too many.yaml": (
        "input: {shape: [28], range: [0, 1]]}\nencoder: [dens: 3]\ndecoder: mirror\n",
        ["E002: `]` closes nothing", "E101"],
    ),
    "in braces without quotes, without a comma.yaml": (
        "{\n  input: [28],\n  encoder: [dens: 9],\n  decoder: mirror\n  losss: mse\n}\n",
        ["E101", "E102", "E002: a comma is missing before this line"],
    ),
    "two quotes that are never closed.yaml": (
        'name: "a\ndescription: "b\ninput: [28]\nencoder: [dens: 9]\ndecoder: mirror\n',
        [*['E002: the quote `"` is never closed'] * 2, "E101"],
    ),
    "without the line of a section.yaml": (
        "input: [28]\nencoder: [dens: 9]\ndecoder: mirror\n  epochs: 3\n  optimizer: adam\n",
        ["E101", "E002: no section above `epochs:`"],
    ),
    "without the line of the decoder.yaml": (
        "input: [28]\nencoder:\n  - dens: 9\n  mirror: {tie_weights: true}\nlosss: mse\n",
        ["E101", "E002: no section above `mirror:`", "E102"],
    ),
    "a section without its colon.yaml": (
        "input: [28]\nencoder: [dens: 9]\ndecoder: mirror\ntraining:\n  early_stopping {patience: 3, a: 1}\n",
        ["E101", "E002: no colon after `early_stopping`", "E102"],
    ),
    "the optimizer alone, and its fields at the top.yaml": (
        "input: [28]\nencoder: [dense: 9]\ndecoder: mirror\ntraining: adam\nepochs: 3\nbatch_size: 32\n",
        ["E104", "E102"],
    ),
    "a loss twice, with a wrong weight.yaml": (
        "input: [28]\nencoder: [dens: 9]\ndecoder: [dense: {units: 28, tied_to: x}]\nloss: [mse, mse: {weight: -1}]\n",
        ["E101", "E204", "E104"],
    ),
    "a quote open within braces.yaml": (
        "input: [784]\n"
        "encoder:\n"
        "  - dense: {units: 64, activation: \"relu}\n"
        "  - dense: 3\n"
        "decoder: \"mirror\"\n"
        "los: mse\n",
        ["E002: the quote `\"` is never closed", "E102"],
    ),
    "a quote open in the variables.yaml": (
        "vars: {\"w\": 64, \"h: 32}\n"
        "input: [784]\n"
        "encoder:\n"
        "  - dense: {units: \"${w}\", activation: relu}\n"
        "  - dens: 3\n"
        "decoder: \"mirror\"\n",
        ["E002: the quote `\"` is never closed", "E101"],
    ),
    "a quote open at the beginning.yaml": (
        "\"name: big\n"
        "input: [784]\n"
        "encoder:\n"
        "  - dense: {units: 3, activation: \"relu\"}\n"
        "  - dens: 3\n"
        "decoder: \"mirror\"\n",
        ["E002: the quote `\"` is never closed", "E101"],
    ),
    "single quotes open in three lines.yaml": (
        "input: ['784]\n"
        "encoder:\n"
        "  - dense: {units: 3, activation: 'relu}\n"
        "  - dense: {units: 3, activation: 'relu}\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        [*["E002: the quote `'` is never closed"] * 3, "E101"],
    ),
    "quotes open in two lines.json": (
        "{\"input\": [8],\n"
        " \"name\": \"x,\n"
        " \"description\": \"y,\n"
        " \"encoder\": [{\"dens\": 3}], \"decoder\": \"mirror\"}\n",
        ["E002: the quote is never closed", "E002: the quote is never closed", "E101"],
    ),
    "quotes open in two lines, one of them the last.json": (
        "{\"input\": [8],\n"
        " \"encoder\": [{\"dens\": 3}], \"decoder\": \"mirror\",\n"
        " \"loss\": \"mse,\n"
        " \"training\": {\"epochs\": \"ten\", \"optimizer\": \"adam}}\n",
        ["E101", "E002: the quote is never closed", "E104", "E002: the quote is never closed"],
    ),
    "without the line of a section, below braces.yaml": (
        "input: [784]\n"
        "encoder:\n"
        "  - dense: 64\n"
        "decoder: mirror\n"
        "loss: {mse: {weight: 0.5}}\n"
        "  epochs: 5\n"
        "  seed: 3\n",
        ["E002: no section above `epochs:`"],
    ),
    "fields below braces.yaml": (
        "input: [28, 28]\n"
        "encoder:\n"
        "  - conv1d: {filters: 3}\n"
        "    kernel_size: 3\n"
        "  - conv1d: {filters: 3}\n"
        "      kernel_size: 3\n"
        "      padding: same\n"
        "  - dens: 3\n"
        "decoder: mirror\n"
        "training: {optimizer: adam}\n"
        "  schedule: cosine\n"
        "  epochs: 4\n"
        "los: mse\n",
        [
            "E105",
            "E002: a field below braces that are closed",
            "E101",
            "E002: a field below braces that are closed",
            "E102",
        ],
    ),
    "layers without dashes in a repeat.yaml": (
        "input: [784]\n"
        "encoder:\n"
        "  - repeat:\n"
        "      times: 2\n"
        "      layers:\n"
        "        dense: 100\n"
        "        dense: 80\n"
        "        - dense: 30\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E002: a list begins here, but not with `- `", "E002: a list goes on here, but not with `- `", "E101"],
    ),
    "a list joined to its kind.yaml": (
        "input: [784]\n"
        "encoder:\n"
        "  - reshape:[28, 28]\n"
        "  - flatten\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E002: no space after the colon", "E101"],
    ),
    "a column too many.yaml": (
        "input: [8]\n"
        "encoder: [dense: 3]\n"
        "decoder: mirror\n"
        "training:\n"
        " optimizer: {adam: 0.01}\n"
        "  epochs: 3\n",
        ["E002: this indentation fits no line above"],
    ),
    "without the line of the layers of a repeat.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - repeat:\n"
        "      times: 2\n"
        "      index: i\n"
        "        - dense: \"${30 - i}\"\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E002: no section above `dense:`", "E101"],
    ),
    "a comma before a bracket.json": (
        "{\"input\": {\"shape\": [28, 28,]\n"
        "\"range\": [0, 1]},\n"
        "\"encoder\": [\"flatten\", {\"dens\": 3}], \"decoder\": \"mirror\"}",
        ["E002: a comma before a bracket instead of behind it", "E101"],
    ),
    "braces around names.json": (
        "{\"input\": [8], \"encoder\": [{\"flatten\"}, {\"dense\": 3}], \"decoder\": {\"mirror\"}}",
        ["E002: braces around a text", "E002: braces around a text"],
    ),
    "the variables without their colon.yaml": (
        "vars\n"
        "  w: 64\n"
        "input: [8]\n"
        "encoder: [dense: \"${w}\"]\n"
        "decoder: mirror\n",
        ["E002: this line is neither `key: value` nor `- item`"],
    ),
    "no space in the variables.yaml": (
        "vars: {w:64}\n"
        "input: [8]\n"
        "encoder: [dense: \"${w}\"]\n"
        "decoder: mirror\n",
        ["E002: no space after the colon"],
    ),
    "variables as in Python.yaml": (
        "vars = {w: 64}\n"
        "input: [8]\n"
        "encoder: [dense: \"${w}\", dense: \"${a}\"]\n"
        "decoder: mirror\n",
        ["E102"],
    ),
    "variables that are not indented.yaml": (
        "vars:\n"
        "w: 64\n"
        "h: 32\n"
        "input: [8]\n"
        "encoder: [dense: \"${w}\", dense: \"${h}\"]\n"
        "decoder: mirror\n",
        ["E102", "E102"],
    ),
    "without the line of the variables.yaml": (
        "name: a\n"
        "  w: 64\n"
        "input: [8]\n"
        "encoder: [dense: \"${w}\"]\n"
        "decoder: mirror\n",
        ["E002: no section above `w:`"],
    ),
    "variables twice.yaml": (
        "vars: {w: 64}\n"
        "vars: {h: 3}\n"
        "input: [8]\n"
        "encoder: [dense: \"${w}\"]\n"
        "decoder: mirror\n",
        ["E003"],
    ),
    "an item in the first column.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: 9\n"
        "- dense: 8\n"
        "decoder:\n"
        "  mirror: {tie_weights: true}\n",
        ["E002: this indentation fits no line above"],
    ),
    "a field in a wrong column, and a layer behind it.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense:\n"
        "      units: 64\n"
        "     name: a\n"
        "  - dense: 3\n"
        "decoder: mirror\n",
        ["E002: this indentation fits no line above"],
    ),
    "a kind without its colon, and its fields.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense\n"
        "      units: 64\n"
        "  - dense: 3\n"
        "decoder: mirror\n",
        ["E002: `dense` has fields below it, and no colon"],
    ),
    "a mirror below its section.yaml": (
        "input: [8]\n"
        "encoder: [dense: 3]\n"
        "decoder:\n"
        "mirror: {tie_weights: true}\n",
        ["E102"],
    ),
    "doubled braces.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: {{ w }}\n"
        "  - dens: 3\n"
        "decoder: mirrorr\n"
        "loss: msee\n",
        ["E007", "E101", "E101", "E101"],
    ),
    "a star for a dash.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dens: 32\n"
        "  * dense: 16\n"
        "decoder: mirrorr\n"
        "loss: msee\n",
        ["E101", "E002: `&` and `*` mark and repeat a value, and need a name", "E101", "E101"],
    ),
    "a block without its colon.yaml": (
        "input: [8]\n"
        "encoder\n"
        "  - dense: {units: 32, activation: rleu}\n"
        "  - flaten\n"
        "decoder: mirror\n",
        ["E002: no colon after `encoder`", "E101", "E101"],
    ),
    "a plan without its colon.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dens: 32\n"
        "decoder: mirror\n"
        "training\n"
        "  epochs: ten\n"
        "  optimizer: adm\n",
        ["E101", "E002: no colon after `training`", "E104", "E101"],
    ),
    "a comma lacks in the last layer.yaml": (
        "input: [128, 6]\n"
        "encoder:\n"
        "  - flatten\n"
        "  - dense: 32\n"
        "decoder:\n"
        "  - dense: 768\n"
        "  - reshape: [128, 6]\n"
        "  - conv1d: {filters: 6 kernel_size: 3, padding: same}\n",
        ["E002: `,` or `}` is missing before this"],
    ),
    "a first field a column less.yaml": (
        "input: [8]\nencoder: [dens: 3]\ndecoder: mirror\n"
        "training:\n optimizer:\n    adam:\n      learning_rate: 0.1\n  epochs: 3\n  seed: 4\n  epoch: 3\n",
        ["E101", "E002: this indentation fits no line above", "E102"],
    ),
    "a layer without its colon.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense\n"
        "      units: 30\n"
        "      activation: relu\n"
        "  - dens: 3\n"
        "decoder: miror\n"
        "los: mse\n",
        ["E002: `dense` has fields below it, and no colon", "E101", "E101", "E102"],
    ),
    "a layer without its colon, fields in its column.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense\n"
        "    units: 30\n"
        "    activaton: relu\n"
        "  - dens: 3\n"
        "decoder: miror\n"
        "los: mse\n",
        ["E002: `dense` has fields below it, and no colon", "E102", "E101", "E101", "E102"],
    ),
    "a loss without its colon.yaml": (
        "input: [8]\n"
        "encoder: [dense: 3]\n"
        "decoder: mirror\n"
        "loss:\n"
        "  - mse\n"
        "    weight: 0.5\n"
        "  - maee\n",
        ["E002: `mse` has fields below it, and no colon", "E101"],
    ),
    "fields below a kind.yaml": (
        "input: [8]\n"
        "encoder: [dense: 3]\n"
        "decoder: mirror\n"
        "loss: mse\n"
        "  weight: 2\n"
        "training:\n"
        "  schedule: cosine\n"
        "    warmup: 3\n"
        "  early_stopping: 5\n"
        "    min_delta: 0.1\n"
        "  epoch: 3\n",
        ["E002: fields below a value", "E002: fields below a value", "E002: fields below a value", "E102"],
    ),
    "a field below the optimizer.yaml": (
        "input: [8]\n"
        "encoder: [dense: 3]\n"
        "decoder: mirror\n"
        "training:\n"
        "  optimizer: adam\n"
        "    learning_rate: 0.001\n"
        "  epochs: 0\n",
        ["E002: fields below a value", "E104"],
    ),
    "a field below the mirror.yaml": (
        "input: [8]\n"
        "encoder: [dense: 3]\n"
        "decoder: mirror\n"
        "  tie_weights: true\n"
        "los: mse\n",
        ["E002: fields below a value", "E102"],
    ),
    "fields below main values.yaml": (
        "input: 28\n"
        "  range: [0, 1]\n"
        "encoder:\n"
        "  - dense: 30\n"
        "      activation: relu\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E002: fields below a value", "E002: fields below a value", "E101"],
    ),
    "a field below a shape.yaml": (
        "input: [28, 28]\n"
        "  range: [0, 1]\n"
        "encoder: [flatten, dens: 3]\n"
        "decoder: mirror\n",
        ["E002: fields below a value", "E101"],
    ),
    "values with a colon, and fields below.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: 30:\n"
        "      activation: relu\n"
        "  - dens: 3\n"
        "decoder: mirror:\n"
        "  tie_weights: true\n"
        "training:\n"
        "  optimizer: adam:\n"
        "    learning_rate: 0.1\n",
        ["E002: fields below a value", "E101", "E002: fields below a value", "E002: fields below a value"],
    ),
    "the decoder a column in.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: 30\n"
        " decoder: mirror\n"
        "los: mse\n",
        ["E002: this indentation fits no line above", "E102"],
    ),
    "the decoder with a dash.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: 30\n"
        "- decoder: mirror\n"
        "los: mse\n",
        ["E002: a field of the spec with a dash", "E102"],
    ),
    "the decoder beside a layer.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: 30\n"
        "    decoder: mirror\n"
        "los: mse\n",
        ["E105", "E102"],
    ),
    "fields as items of their layer.yaml": (
        "input: [8, 4]\n"
        "encoder:\n"
        "  - conv1d:\n"
        "    - filters: 3\n"
        "    - kernel_size: 3\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E104", "E101"],
    ),
    "a second field in the column of the dashes.yaml": (
        "input: [8, 8, 1]\n"
        "encoder:\n"
        "  - conv2d:\n"
        "      filters: 16\n"
        "  kernel_size: 3\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E002: a field in the column of the dashes", "E101"],
    ),
    "items of a repeat beside its fields.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - repeat:\n"
        "      times: 3\n"
        "      - dense: 30\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E002: no section above this item", "E101"],
    ),
    "a shape in braces.yaml": (
        "input: {28, 28}\n"
        "encoder: [flatten, dens: 3]\n"
        "decoder: mirror\n",
        ["E007", "E101"],
    ),
    "lengths in braces.yaml": (
        "input: {784}\n"
        "encoder: [dense: 3, conv2d: {filters: 3, kernel_size: {3, 3}}]\n"
        "decoder: mirror\n",
        ["E007", "E007"],
    ),
    "a variable in braces.yaml": (
        "vars: {width: 3}\n"
        "input: [8]\n"
        "encoder: [dense: {width}, dense: \"${width}\"]\n"
        "decoder: mirror\n",
        ["E102"],
    ),
    "a directive.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: 3\n"
        "% a\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E007", "E101"],
    ),
    "a last line of dashes.yaml": (
        "input: [8]\n"
        "encoder: [dens: 3]\n"
        "decoder: mirror\n"
        "---\n",
        ["E101"],
    ),
    "a tab behind a dash.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  -\tdense: 3\n"
        "  - dens: 3\n"
        "decoder: mirror\n",
        ["E002: a tab where YAML wants spaces", "E101"],
    ),
    "all with dashes.yaml": (
        "- input: [8]\n"
        "- encoder: [dens: 3]\n"
        "- decoder: mirror\n",
        ["E009"],
    ),
    "quotes of two kinds.yaml": (
        "input: [8]\n"
        "encoder:\n"
        "  - dense: {units: 3, activation: 'relu\"}\n"
        "  - dens: 3\n"
        "decoder: mirror\n"
        "loss: \"mse'\n",
        ["E002: a quote that is closed by another one", "E101", "E002: a quote that is closed by another one"],
    ),
    "layers of the decoder as a mapping.yaml": (
        "input: [8]\n"
        "encoder: [dense: 3]\n"
        "decoder:\n"
        "  dense: 784\n"
        "  reshape: [28, 28]\n",
        ["E105"],
    ),
    "an assignment below others.yaml": (
        "input: [8]\n"
        "encoder: [dens: 3]\n"
        "decoder = mirror\n"
        "loss: mse\n"
        "los: mse\n",
        ["E101", "E002: `=` where YAML wants a colon", "E102"],
    ),
    "fields as items behind their layer.yaml": (
        "input: [8, 4]\nencoder:\n  - conv1d:\n  - filters: 3\n  - kernel_size: 3\n  - dens: 3\ndecoder: mirror\n",
        ["E103", "E101"],
    ),
    "first fields in the column of their section.yaml": (
        "input:\nshape: [8]\n  range: [0, 1]\nencoder: [dens: 3]\ndecoder: mirror\n"
        "training:\noptimizer: adam\n  epochs: 10\n  epoch: 3\n",
        [
            "E002: a field of a section in the column of its name",
            "E101",
            "E002: a field of a section in the column of its name",
            "E102",
        ],
    ),
    "braces twice.json": (
        '{"input": [28], "encoder": [{{"dense": 3}}, {"dens": 4}], "decoder": "mirror"}',
        ["E002: braces in braces", "E101"],
    ),
    "a tuple that a bracket closes.json": (
        '{"input": (28, 28], "encoder": ["flatten", {"dens": 3}], "decoder": "mirror"}',
        ["E002: JSON has no parentheses", "E101"],
    ),
    "a field as in Python.json": (
        '{"input": [28], "encoder": [{"dense": units=64, "activation": "relu"}, {"dens": 3}], "decoder": "mirror"}',
        ["E002: `units=64` is no value of JSON", "E101"],
    ),
    "a range without its comma.yaml": (
        "input: {shape: [28], range: [0 1]}\nencoder: [dens: 3]\ndecoder: mirror\n",
        ["E104", "E101"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("file", AS_PEOPLE_WRITE)
def test_a_text_that_is_wrong_as_people_write_it(file, tmp_path):
    text, said = AS_PEOPLE_WRITE[file]
    path = tmp_path / f"spec.{file.rpartition('.')[2]}"
    path.write_text(text)
    with pytest.raises(AespecError) as caught:
        read(path)
    found = [(each.rule.code, each.message) for each in caught.value.diagnostics]
    assert [code if code != "E002" else f"{code}: {message}" for code, message in found] == said
