"""Rules about the text of a spec."""

from aespec.diagnostics import Rule


class FileUnreadable(Rule):
    """The file cannot be read.

    The path names no file, names a folder, may not be read, or the file is not UTF-8 text. Nothing of the
    spec was looked at yet. Give the path from the folder you are in; save files of other encodings as UTF-8.
    """

    code = "E001"
    bad = "aespec validate stackd.yaml"
    good = "aespec validate stacked.yaml"


class SyntaxProblem(Rule):
    """The text is not YAML or JSON.

    The parser gave up at the marked place. A YAML spec is then read with that line as it is likely meant, or without
    what it says, and JSON as if the smallest change were made with which it goes on, so that what is wrong elsewhere is
    told too. Most often it is a missing space after a colon, a tab in the indentation, a bracket or a quote that is not
    closed, or a value with a colon in it that needs quotes. A file whose name ends in `.json` is read as strict JSON:
    no comments, no comma after the last item, no NaN.
    """

    code = "E002"
    bad = """
encoder:
  - dense: {units: 100, activation: selu
decoder: mirror
"""
    good = """
encoder:
  - dense: {units: 100, activation: selu}
decoder: mirror
"""


class DuplicateKey(Rule):
    """A key is written twice in one mapping.

    Many YAML readers keep the last of the two without a word, and the first looks as if it counted. To use a
    kind of layer twice, write two items of a list: the order of layers has a meaning, that of keys has none.
    """

    code = "E003"
    bad = """
training:
  epochs: 20
  batch_size: 32
  epochs: 50
"""
    good = """
training:
  epochs: 50
  batch_size: 32
"""


class AmbiguousScalar(Rule):
    """A value means one thing in YAML 1.1 and another in YAML 1.2.

    Unquoted `off`, `no` and `y` are truth values to one reader and text to another; `012` is ten or twelve,
    `1_0` ten or text, `1:30` ninety or text, `2020-01-01` a date or text. aespec reads YAML 1.2 and refuses
    these, so that a spec means the same wherever it is read. Write `true` or `false` for a truth value, a
    plain decimal number for a number, and quotes around text. `1e-3` is a number, as in
    Python. As keys, `y` and `n` are text.
    """

    code = "E004"
    bad = """
encoder:
  - dense: {units: 012, use_bias: off}
"""
    good = """
encoder:
  - dense: {units: 12, use_bias: false}
"""


class TooLarge(Rule):
    """The spec is larger than any spec needs to be.

    A spec may have 1 MiB of text, 20,000 values, 64 levels of nesting, and 1,000 characters in a number. Each
    use of an alias or a variable counts as all that it stands for, so a few lines that multiply themselves are
    refused before they fill the memory; so are many turns of a `repeat`. What a spec includes counts as its own.
    Data and weights belong into files of their own.
    """

    code = "E005"
    bad = """
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
"""
    good = """
a: &a [x, x, x, x, x, x, x, x, x, x]
b: [*a, *a]
"""


class BadOverride(Rule):
    """An assignment of `--set` cannot be applied.

    It reads `path=value`. The path goes from the top of the spec down: names of keys, and numbers of list
    items counted from 0, joined by dots. Items are those of the file as it is written: a `repeat` or an `include` is
    one, as in `encoder.0.repeat.times=2`. Mappings that are missing on the way are made; a bare kind such as
    `optimizer: adam` becomes `{adam: {}}` when the path names that kind and goes on, and `input: [128, 6]` becomes
    `{shape: [128, 6]}` when it names a field of it. To put another kind in its place, set the whole value. Lists do
    not grow: to add an item, set the whole list. The value is YAML on one line: `1e-3`, `[3, 3]`,
    `{sgd: {momentum: 0.9}}`. Quote the assignment for the shell where it has spaces or brackets.
    """

    code = "E006"
    bad = "aespec validate stacked.yaml --set encoder.-1.dense.units=50"
    good = "aespec validate stacked.yaml --set encoder.1.dense.units=50"


class UnsupportedYaml(Rule):
    """A feature of YAML that a spec does not have.

    A spec is plain data: mappings whose keys are text, lists, numbers, text, truth values, null. Tags (`!x`,
    `!!python/object`), merge keys (`<<`), keys that are no text, aliases of a value inside itself, and a second
    document in one file are refused. Anchors and aliases (`&name`, `*name`) repeat a whole value; `vars:`
    with `${name}` keeps a value in one place.
    """

    code = "E007"
    bad = """
encoder:
  - dense: &wide {units: 300}
  - dense: {<<: *wide, activation: selu}
"""
    good = """
vars: {wide: 300}
encoder:
  - dense: {units: "${wide}"}
  - dense: {units: "${wide}", activation: selu}
"""


class UnknownVariable(Rule):
    """A `${name}` that `vars:` does not define.

    `vars:` is a mapping at the top of the spec from names to scalars or lists. Anywhere else, a value that is
    just `${name}` becomes that value with its type, and inside a longer text it is written into it. Quotes
    around it make no difference. A variable can use those that stand above it in `vars`, and a list stands alone.
    A `repeat` has names of its own, which its `layers` alone can use. Write `$${` where the two characters `${` are
    meant.
    """

    code = "E008"
    bad = """
vars: {width: 64}
encoder:
  - dense: {units: "${widht}"}
"""
    good = """
vars: {width: 64}
encoder:
  - dense: {units: "${width}"}
"""


class NotAMapping(Rule):
    """The spec is empty, or is not a mapping.

    A spec is `key: value` lines at the top: `input`, `encoder`, `decoder`, and where wanted `name`,
    `description`, `loss`, `training`, `vars`. A list of layers alone is not a model: it says neither what goes
    in nor which of its layers is the code.
    """

    code = "E009"
    bad = """
- flatten
- dense: 30
"""
    good = """
input: [28, 28]
encoder: [flatten, dense: 30]
decoder: mirror
"""


class BadExpression(Rule):
    """What stands in `${...}` cannot be computed.

    Between the braces stands the name of a variable, or arithmetic with whole numbers: `+ - *`, `//` which rounds down,
    `%` for what that leaves, `**` for powers, parentheses, and names of variables that are whole numbers. All mean what
    they mean in Python, and no number may pass 2**63 - 1. There are no fractions and no functions: what needs them is
    computed elsewhere and written into `vars`.
    """

    code = "E010"
    bad = """
vars: {width: 64}
encoder:
  - dense: {units: "${width / 2}"}
"""
    good = """
vars: {width: 64}
encoder:
  - dense: {units: "${width // 2}"}
"""


class BadRepeat(Rule):
    """A `repeat` that cannot be carried out.

    `repeat` is an item of a list of layers, and stands for its own `layers` several times over. It has either `times`,
    a number of turns, or `each`, a mapping from names to lists of one length, whose first items are used together
    in the first turn, and so on. `index` names the number of the turn, counted from 0. The names hold in `layers`,
    and none is a variable's or that of a `repeat` around it. A layer with a `name` needs another in each turn:
    `name: conv_${i}`. A path of `--set` counts a `repeat` as the one item that it is.
    """

    code = "E011"
    bad = """
encoder:
  - repeat:
      each: {units: [300, 100], activation: [selu]}
      layers:
        - dense: {units: "${units}", activation: "${activation}"}
"""
    good = """
encoder:
  - repeat:
      each: {units: [300, 100], activation: [selu, tanh]}
      layers:
        - dense: {units: "${units}", activation: "${activation}"}
"""


class BadInclude(Rule):
    """An `include` that cannot be carried out.

    `include` is an item of a list of layers, and stands for those of another spec: `include: blocks.yaml` in an
    encoder for that file's encoder, `include: {spec: blocks.yaml, block: decoder}` for its decoder. The layers have to
    be written out there; a `mirror` is none. The file's own `vars` hold in it; `vars:` beside `spec` gives
    them other values. Paths begin at the folder of the file that they are written in, and lead to files in the folder
    of the spec that is read, or below: nothing outside it is opened. Files cannot include each other in a circle.
    """

    code = "E012"
    bad = """
encoder:
  - include: ../stacked.yaml
  - dense: 10
"""
    good = """
encoder:
  - include: stacked.yaml
  - dense: 10
"""
