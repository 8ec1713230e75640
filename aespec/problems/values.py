"""What is said of values that are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from aespec.calls import AROUND, accepts, arguments_meant, call_meant, called_name
from aespec.diagnostics import Diagnostic, Loc, nearest, show
from aespec.faults import Advice, Fault, holds_layers, inner_models, kind_within, layers_in
from aespec.fieldnames import MANY
from aespec.meanings import TRUTH
from aespec.problems.kinds import rest_of_call
from aespec.problems.writing import entry, layers_as_list, left_out, listed, snippet
from aespec.rules import BadCombination, WrongValue
from aespec.source.expression import Fault as Unreadable
from aespec.source.expression import evaluate
from aespec.source.scalar import plain_value

__all__ = ["after_comma", "combination", "later_fields", "said_in_full", "wrong_value"]


def combination(fault: Fault) -> Diagnostic:
    """Values that are wrong together."""
    message, wanted, help = (fault.context[key] for key in ("message", "wanted", "help"))
    got = show(fault.source.value(fault.written))
    return Diagnostic(BadCombination, message, fault.value, wanted=wanted, got=got, help=help)


def said_in_full(fault: Fault) -> Diagnostic:
    """A value of which the error itself says all that there is to say."""
    context = fault.context
    return Diagnostic(
        WrongValue,
        str(fault.error["msg"]),
        fault.value,
        wanted=context["wanted"],
        got=context.get("got") or fault.got,
        help=context.get("help"),
    )


def wrong_value(fault: Fault) -> Diagnostic:
    """A value of a wrong type or outside its bounds."""
    bounds = fault.type.startswith(("greater_than", "less_than"))
    return Diagnostic(
        WrongValue,
        f"{fault.subject} {'lies outside its bounds' if bounds else 'has a wrong value'}",
        fault.value,
        wanted=_wanted(fault),
        got=fault.got,
        help=fault.advised(_ADVICE)[1],
    )


def _filled(fault: Fault) -> str | None:
    """What to do where a text with more than a variable in it stands for a number."""
    place, value = fault.value, fault.error["input"]
    written = place.text[place.column - 1 : place.column - 1 + place.width] if place else ""
    piece = "${" in written and not re.fullmatch(r"""["']?\$\{[^}]*\}["']?""", written)
    if not piece or not isinstance(value, str) or not fault.type.startswith(("int_", "float_")):
        return None
    return "a text with `${...}` in it stays a text: give a variable the number, and write `${it}` alone"


def _as_arguments(fault: Fault) -> str | None:
    """What to do where a value is what Python would be given: a tuple, or the arguments of a call, or a whole call."""
    text, parts = rest_of_call(fault)
    given = fault.error["input"]
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        text = given[0]
    elif not isinstance(given, str):
        return None
    if not re.search("[(,=]", text) or re.fullmatch(_GROUPED, text):
        return None
    if (kind := fault.kind) and kind.main == fault.field:
        beside = fault.source.value(fault.written[:-1])
        if fault.loc == fault.written and isinstance(beside, dict) and len(beside) > 1:
            value = plain_value(text.strip().rstrip(","))
            return f"write `{entry(fault, {fault.field: value})}`" if _takes(fault, value) else None
        called = call_meant(kind.family, f"{kind.kind}({text})")
        if called is None:
            return None
        return f"write `{snippet(fault, called.kind, kind.family == 'layer')}`{left_out(called.left)}"
    stated = arguments_meant(fault.owner, fault.field, text) if fault.owner else None
    cut = "; brackets cut a tuple at its commas" if parts else ""
    return f"write `{entry(fault, {fault.field: stated})}`{cut}" if stated is not None else None


def _batch_axis(fault: Fault) -> str | None:
    """What to do where a shape begins with an axis for the batch, as it does elsewhere."""
    shape = fault.source.value(fault.written[:-1]) if fault.field == "shape" and fault.loc[-1] == 0 else None
    batch = fault.error["input"] in ("None", "?", "batch", "batch_size", "N", "B", "n", "b", -1)
    if not batch or not isinstance(shape, list) or len(shape) < 2:
        return None
    if not all(type(each) is int or each in (None, "None", "?") for each in shape[1:]):
        return None
    rest = ["null" if each in (None, "None", "?", -1) else str(each) for each in shape[1:]]
    if len(rest) == 1 and {"lstm", "gru", "bidirectional"} & {*layers_in(fault.source.data.get("encoder"))}:
        return f"for steps of any number write `[null, {rest[0]}]`"
    return f"the batch is no part of a shape: write `[{', '.join(rest)}]`; `null` is an axis of any length"


def _last_shape(fault: Fault) -> str | None:
    """Of a number for the shape in which a decoder ends: that of the input, where it has several axes."""
    shape, layers = fault.source.data.get("input"), fault.source.data.get("decoder")
    shape = shape.get("shape") if isinstance(shape, dict) else shape
    last = isinstance(layers, list) and fault.written[:2] == ("decoder", len(layers) - 1)
    if fault.field != "target_shape" or type(fault.error["input"]) is not int or not last:
        return None
    if not isinstance(shape, list) or len(shape) < 2 or not all(type(each) is int for each in shape):
        return None
    return f"write `{snippet(fault, {'reshape': shape}, item=True)}`, the shape of the input"


def _bracket(fault: Fault) -> str | None:
    """Of numbers with the bracket behind them alone."""
    text = fault.error["input"]
    if not isinstance(text, str) or not re.fullmatch(r"-?[0-9]{1,20}(?:,\s*-?[0-9]{1,20}){0,20}\s*\]", text):
        return None
    numbers = [int(number) for number in text.rstrip("]").split(",")]
    if len(numbers) == 1 and fault.owner and accepts(fault.owner, fault.field, numbers[0]):
        return f"write `{numbers[0]}`: no bracket is open here"
    return f"write `[{text}`"


def _last_axis(fault: Fault) -> str | None:
    """Of an unknown length where weights need a number."""
    if _is_last_axis(fault) and str(fault.error["input"]).lower() in _NOTHING and fault.field == "shape":
        return "write how many features or channels a sample has: the last axis has a known length"
    return None


def _a_precision(fault: Fault) -> str | None:
    """Of a `dtype` of 16 bits: the field for that."""
    halves = ("float16", "bfloat16", "half", "mixed_float16", "fp16", "bf16")
    if fault.field != "dtype" or str(fault.error["input"]).lower() not in halves:
        return None
    return f"instead of {fault.subject} write `{entry(fault, {'mixed_precision': 'bfloat16'})}`"


def _a_comment(fault: Fault) -> str | None:
    """Of a value with a comment behind it that begins otherwise than with a space and `#`."""
    given = fault.error["input"]
    found = re.match(r"([^\s#]{1,20})(?:\s{1,20}//+|#)\s*(?![0-9\s])", given) if isinstance(given, str) else None
    if found is None or not _takes(fault, plain_value(found[1])):
        return None
    return f"a comment begins with a space and `#`: write `{found[1]}  # {given[found.end() :]}`"


def _left_out(fault: Fault) -> str | None:
    """Of what says that there is nothing, of a field that need not be stated."""
    given = fault.error["input"]
    nothing = given is None or given is False or (isinstance(given, str) and given.lower() in _NOTHING)
    needed = fault.owner is None or not fault.loc or fault.owner.model_fields[fault.field].is_required()
    if not nothing or needed or fault.loc[-1] != fault.field:
        return None
    return f"leave {fault.subject} out"


def _another_value(fault: Fault) -> str | None:
    meant = _meant(fault)
    return f"did you mean `{meant}`?" if meant else None


def _meant(fault: Fault) -> str | None:
    """What a wrong value was likely meant to be, as a spec writes it."""
    value = fault.error["input"]
    if isinstance(value, str) and (use := _SHELL.fullmatch(value)):
        return f"${{{use[1] or use[2]}}}"
    if fault.field == "padding" and type(value) is int and value == 0:
        return "valid"
    if value == "None" and fault.field == "shape" and not _is_last_axis(fault):
        return "null"
    if isinstance(value, str) and (variable := _variable(fault)):
        return variable
    if fault.type == "literal_error":
        options = _expected(fault.context)
        alike = (each for each, names in _VALUES_ELSEWHERE.items() if each in options and str(value).lower() in names)
        return next(alike, None) or (nearest(value, options) if isinstance(value, str) else None)
    if fault.type == "bool_type":
        meant = TRUTH.get(str(value).lower())
        return None if meant is None else show(meant)
    if isinstance(value, str) and (computed := _computed(fault, value)) is not None:
        return computed
    if isinstance(value, str) and value.lower() in _NOTHING and _takes(fault, None) and not _is_last_axis(fault):
        return "null"
    return _number(fault, str(value))


def _is_last_axis(fault: Fault) -> bool:
    """Whether it is in the last of several lengths, that of the features or channels."""
    lengths = fault.source.value(fault.written[:-1]) if fault.loc and isinstance(fault.loc[-1], int) else None
    return isinstance(lengths, list) and fault.written[-1] == len(lengths) - 1 > 0


_SHARES = ("rate", "validation_split")
"""Fields that elsewhere are stated as percentages."""

_NOTHING = ("none", "nil", "nan", "off", "-")
"""Texts that stand for nothing elsewhere."""

_GROUPED = r"[1-9][0-9]{0,2}(?:,[0-9]{3}){1,3}"
"""A number whose thousands are parted by commas."""


def _number(fault: Fault, text: str) -> str | None:
    """The number that is meant: in quotes, with a decimal comma, with a unit behind it, or as a percentage."""
    given, meant = fault.error["input"], None
    whole = re.fullmatch(
        r"(-?[1-9][0-9]{0,9}|0)(?:\.0+|\s*(?:epochs?|steps?|units?|filters?|samples?|times|dims?|px|x)|[,;}])?", text
    )
    grouped = re.fullmatch(_GROUPED, text)
    number = re.fullmatch(r"-?[0-9]{1,9}(?:[.,][0-9]{1,17})?(?:[eE][+-]?[0-9]{1,3})?", text)
    if fault.type.startswith("int_"):
        meant = whole[1] if whole else text.replace(",", "") if grouped else None
    elif fault.type.startswith("float_"):
        meant = text.replace(",", ".") if number and not grouped else None
    elif fault.type.startswith("less_than") and fault.field in _SHARES and type(given) is int and 1 < given <= 100:
        meant = f"{given / 100:g}"
    return meant if meant is not None and _takes(fault, plain_value(meant)) else None


def _computed(fault: Fault, text: str) -> str | None:
    """The number that a text comes to which is some arithmetic, a fraction or a percentage."""
    if fault.type.startswith("int_") and re.fullmatch(r"[0-9][0-9\s()+*/%-]{0,40}[0-9)]", text):
        with suppress(Unreadable):
            return str(evaluate(text, lambda token: 0))
    part = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:%|/\s*([1-9][0-9]{0,8}))", text)
    share = float(part[1]) / int(part[2] or 100) if part and fault.type.startswith("float_") else None
    return f"{share:g}" if share is not None and _takes(fault, share) else None


def _variable(fault: Fault) -> str | None:
    """The use of a variable that a text for a number is without its ``${}``, or a sum of some."""
    text, names = fault.error["input"].strip("{}<>% "), fault.source.data.get("vars")
    if not fault.type.startswith(("int_", "float_")) or not isinstance(names, dict):
        return None
    if text in names:
        return f"${{{text}}}"
    used = set(re.findall(r"[A-Za-z_]\w*", text))
    summed = used and used <= names.keys() and re.fullmatch(r"[\w\s()+*/%-]+", text)
    return f'"${{{text}}}"' if summed else None


_VALUES_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "standard": ("zscore", "z-score", "z_score", "standardize", "standardise", "normal"),
    "minmax": ("normalize", "unit", "0-1"),
    "element": ("pixel", "dimension", "feature"),
    "sample": ("image", "batch"),
    "same": ("half", "zeros"),
    "valid": ("none", "no"),
}
"""What values are called elsewhere."""


def _near(given: Any) -> Iterator[Any]:
    """What a value may have been meant to be: as a list, in other quotes, with its bounds by name, as a name."""
    if isinstance(given, dict) and given.keys() == {"min", "max"}:
        yield [given["min"], given["max"]]
    if isinstance(given, list) and len(given) == 1:
        yield given[0]
    if isinstance(given, float) and given.is_integer():
        yield int(given)
    if type(given) is int:
        yield [given]
        yield str(given)
    if not isinstance(given, str) or len(given) > _LONGEST:
        return
    if given[:1] == "[" and given[-1:] == "]":
        yield [plain_value(each.strip()) for each in given[1:-1].split(",")]
    yield plain_value(given.strip())
    if (plain := given.strip("\u201c\u201d\u2018\u2019\"'")) != given:
        yield plain_value(plain)
    if _SIZES.fullmatch(given):
        yield [int(each) for each in re.findall("[0-9]+", given)]
    yield re.sub(r"[^A-Za-z0-9_.-]+", "_", given).strip("_")
    yield re.sub(r"[^A-Za-z0-9_]+", "_", given).strip("_")
    yield [each.strip() for each in given.split(",")]


_LONGEST = 200
"""Characters of a text that may be another value."""


def _an_item(fault: Fault) -> str | None:
    """Of items that are wrong: the list as it was likely meant."""
    at = fault.written[:-1]
    if not fault.loc or not isinstance(fault.loc[-1], int) or fault.loc[-1] != fault.written[-1] or not at:
        return None
    stated = fault.source.value(at)
    if not isinstance(stated, list) or len(stated) > MANY:
        return None
    open_ends = fault.field == "shape"
    flat = [inner for each in stated for inner in (each if isinstance(each, list) else [each])]
    spread = [inner for each in flat for inner in (each.split() if isinstance(each, str) else [each])]
    whole = [_whole(each, open_ends=open_ends) for each in spread]
    for meant in (flat, whole, [str(each) for each in stated if type(each) in (int, float)]):
        if repr(meant) != repr(stated) and len(meant) >= len(stated) and _takes(fault, meant):
            return f"write `{entry(fault, {at[-1]: meant})}`"
    return None


def _whole(each: Any, *, open_ends: bool) -> Any:
    """A length that is written otherwise: with a point, in quotes, or as one that may vary."""
    if isinstance(each, float) and each.is_integer():
        return int(each)
    if isinstance(each, str):
        open_end = open_ends and each.strip().lower() in ("any", "?", "none", "*", "variable", "unknown")
        return None if open_end else plain_value(each.strip())
    return each


def after_comma(fault: Fault) -> list[Loc]:
    """Of a text where a list of texts is wanted, in braces: where those stand that a comma made fields of."""
    beside = fault.source.value(fault.written[:-1]) if fault.written else None
    wanted = fault.type in ("tuple_type", "list_type") and isinstance(fault.error["input"], str)
    if not wanted or not isinstance(beside, dict) or fault.owner is None:
        return []
    names = [name for name, value in beside.items() if value is None and name not in fault.owner.model_fields]
    return [(*fault.written[:-1], name) for name in names]


def _a_list_cut(fault: Fault) -> str | None:
    """Of texts that commas part where a list of them is wanted."""
    if not (parts := after_comma(fault)):
        return None
    meant = [fault.error["input"], *(loc[-1] for loc in parts)]
    return f"write `{entry(fault, {fault.field: meant})}`" if _takes(fault, meant) else None


def _own_fields(fault: Fault, given: Any) -> list[str]:
    """The fields of a kind that stand in a list below it, each as an item; none where that is not so."""
    if not fault.kind or not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        return []
    names = [str(key) for each in given for key in each]
    return names if names and all(name in fault.kind.model_fields for name in names) else []


_SIZES = re.compile(r"\(?\s*[0-9]{1,9}(\s*[,x*\u00d7]\s*[0-9]{1,9}){,9}\s*,?\s*\)?")
"""A shape, as it is written elsewhere."""

_BOUNDS = re.compile(r"[\[(]?\s*(-?[0-9]+(?:\.[0-9]+)?)\s*(?:,|:|\.\.\.?|-|to|\s)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*[\])]?")
"""The least and the largest value, as they are written elsewhere."""


def _a_list_of_layers(fault: Fault) -> str | None:
    """Of what is no list of layers, or the fields of a part of the spec as a list."""
    given = fault.error["input"]
    if fault.type == "tuple_type" and fault.layers:
        return layers_as_list(fault, given, fault.field)
    if fault.field == "shape" and isinstance(given, dict):
        return "take the dashes away: `input` is a mapping of fields, or a shape alone, `input: [28, 28]`"
    if fault.kind and fault.kind.main == fault.field and (own := _own_fields(fault, given)):
        return f"take the dashes away: {listed([*own], 'and')} are fields of `{fault.kind.kind}`"
    if not fault.type.startswith("model_") or not _mappings(given):
        return None
    for model in inner_models(fault.owner, fault.field) if fault.owner else ():
        holding = next((name for name in model.model_fields if holds_layers(model, name)), None)
        if holding and not any(key in model.model_fields for each in given for key in each):
            return f"write `{entry(fault, {fault.field: {holding: given}})}`"
    signs = "brackets" if fault.source.is_json else "dashes"
    return f"take the {signs} away: it is a mapping of fields, not a list"


def _mappings(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(isinstance(each, dict) for each in given)


def _a_padding(fault: Fault) -> str | None:
    """Of a number for `padding`: what puts as many zeros around."""
    given, layer = fault.error["input"], fault.kind
    if fault.field != "padding" or layer is None or layer.kind not in AROUND:
        return None
    if type(given) is not int and not isinstance(given, list):
        return None
    around, where = AROUND[layer.kind]
    beside = fault.source.value(fault.written[:-1])
    strides = beside.get("strides", 1)
    kept = "to keep the length" if strides == 1 else "for the length divided by the strides"
    same = kept if where == "before" else "for the length times the strides"
    apart = snippet(fault, {around: given}, item=True)
    if beside.get("output_padding"):  # which `same` has not
        return f"write `valid`, and put `{apart}` {where} this layer"
    return f"write `same` {same}, or put `{apart}` {where} this layer, which then is `valid`"


def _a_schedule(fault: Fault) -> str | None:
    """Of a rate that is a schedule: where that stands."""
    from aespec.registry import kinds, known_kind, nearest_kind

    given = fault.error["input"]
    name = next(iter(given), None) if isinstance(given, dict) else given
    if fault.field != "learning_rate" or not isinstance(name, str):
        return None
    own = called_name(name).rpartition(".")[2]
    if (kind := known_kind(own, "schedule") or nearest_kind(own, "schedule")) is None:
        return None
    needed = {each: "..." for each, info in kinds("schedule")[kind].model_fields.items() if info.is_required()}
    stated = entry(fault, {"schedule": {kind: needed} if needed else kind}).replace('"..."', "...")
    return f"write the rate to begin with, and `{stated}` in `training`"


def _of_a_section(fault: Fault) -> str | None:
    """Of a kind alone where a section is wanted that has a field for such: `training: adam`."""
    if not fault.type.startswith("model_") or fault.owner is None:
        return None
    found = (kind_within(section, fault.error["input"]) for section in inner_models(fault.owner, fault.field))
    held = next(filter(None, found), None)
    return f"write `{entry(fault, {fault.field: held})}`" if held else None


def _several_widths(fault: Fault) -> str | None:
    """Of the width of a layer that is more than a number: several, or one and an activation."""
    from aespec.registry import nearest_kind

    given, layer = fault.error["input"], fault.kind
    if layer is None or layer.family != "layer" or fault.loc[-1] != layer.main:
        return None
    if isinstance(given, list) and len(given) > 1 and fault.type.startswith("int_") and {int} == {*map(type, given)}:
        fields = fault.source.value(fault.written[:-1]) if fault.loc == fault.written else {}
        each = [
            snippet(fault, {layer.kind: {**fields, layer.main: one} if fields else one}, item=True) for one in given
        ]
        if len(given) == 2:  # as PyTorch has it, or two layers in one
            return f"what comes in is not stated: write `{each[1]}`; for two layers write {listed(each, 'and')}"
        return f"a layer has one: write {listed(each, 'and')}"
    text = " ".join(map(str, given)) if isinstance(given, list) else given
    run = re.fullmatch(r"([0-9]{1,9})[\s,]+([a-z]\w*)", text) if isinstance(text, str) else None
    if run and "activation" in layer.model_fields and (activation := nearest_kind(run[2], "activation")):
        fields = {layer.main: int(run[1]), "activation": activation}
        alone = fault.loc != fault.written
        return f"write `{snippet(fault, {layer.kind: fields}, item=True) if alone else entry(fault, fields)}`"
    return None


def _a_shape_or_range(fault: Fault) -> str | None:
    """Of lengths, or of bounds, that are no list."""
    given = fault.error["input"]
    sizes = _SIZES.fullmatch(str(given)) if isinstance(given, int | str) else None
    cut = str(given).count("(") != str(given).count(")")  # at a comma, by braces
    if fault.field in ("input", "shape") and sizes and not cut and not isinstance(fault.loc[-1], int):
        return f"write the shape as a list: `{fault.field}: [{', '.join(re.findall('[0-9]+', sizes[0]))}]`"
    if fault.loc[-1:] == ("range",) and type(given) in (int, float) and _takes(fault, [0, given]):
        return f"write both bounds: `range: [0, {given}]`"
    bounds = _BOUNDS.fullmatch(given) if fault.field == "range" and isinstance(given, str) else None
    return f"write both as a list: `{fault.field}: [{bounds[1]}, {bounds[2]}]`" if bounds else None


def _a_value_near(fault: Fault) -> str | None:
    near = next((each for each in _near(fault.error["input"]) if _takes(fault, each)), None)
    if near is None:
        return None
    if fault.kind and fault.kind.main == fault.field and fault.loc != fault.written and fault.kind.family == "layer":
        return f"write `{snippet(fault, {fault.kind.kind: near}, item=True)}`"
    return f"write `{entry(fault, {fault.field: near})}`"


def _takes(fault: Fault, value: Any) -> bool:
    """Whether the field takes a value, or a list of such where the fault is in an item of one."""
    if fault.owner is None or not fault.loc:
        return False
    items = fault.source.value(fault.written[:-1]) if isinstance(fault.loc[-1], int) else None
    listed = isinstance(items, list) and accepts(fault.owner, fault.field, [value] * len(items))
    return listed or accepts(fault.owner, fault.field, value)


def _an_example(fault: Fault) -> str | None:
    """Of `true`, or a number, where there is something to choose: one of it."""
    examples = fault.owner.model_fields[fault.field].examples if fault.owner and fault.loc else None
    if type(fault.error["input"]) not in (bool, int, float) or not fault.type.startswith("model_") or not examples:
        return None
    return f"say which: write for example `{entry(fault, {fault.field: examples[0]})}`"


def _to_be_a_variable(fault: Fault) -> str | None:
    """Of a name where a number is wanted: how a variable is stated and used."""
    from aespec.registry import nearest_kind

    given = fault.error["input"]
    name = given.strip("{}<>%$ ") if isinstance(given, str) else ""
    if not fault.type.startswith(("int_", "float_")) or not re.fullmatch(r"[A-Za-z_]\w*", name):
        return None
    if (
        name.lower() in (*_NOTHING, "inf", "auto")
        or nearest_kind(name, "activation")
        or fault.value in fault.source.filled
    ):
        return None
    stated = f"{name}: ..."
    where = f"`{stated}` to `vars`" if "vars" in fault.source.data else f"`vars: {{{stated}}}`"
    return f"for a number by name write `${{{name}}}`, and add {where}"


def _what_it_is(fault: Fault) -> str | None:
    return f"`{fault.field}`: {fault.doc}" if fault.loc else None


_ADVICE: tuple[Advice, ...] = (
    _filled,
    _batch_axis,
    _last_axis,
    _last_shape,
    _bracket,
    _a_precision,
    _a_schedule,
    _another_value,
    _a_comment,
    _left_out,
    _a_list_of_layers,
    _a_padding,
    _of_a_section,
    _several_widths,
    _a_shape_or_range,
    _as_arguments,
    _an_item,
    _a_list_cut,
    _a_value_near,
    _an_example,
    _to_be_a_variable,
    _what_it_is,
)
"""What a wrong value may have been meant to be, the surest first."""


def later_fields(fault: Fault) -> list[Loc]:
    """Of a field of `input` that stands in a list, as an item: where those after it stand."""
    if fault.field != "shape" or not isinstance(fault.error["input"], dict):
        return []
    above, own = fault.written[:-1], fault.written[-1]
    beside = fault.source.value(above)
    later = range(own + 1, len(beside)) if isinstance(own, int) and isinstance(beside, list) else ()
    return [(*above, place) for place in later if isinstance(beside[place], dict)]


_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
    "string_pattern_mismatch": "text that matches `{pattern}`",
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "at least {min_length} item",
    "too_long": "at most {max_length} items",
}

_SHELL = re.compile(r"\$(?:\((.+)\)|(\w+))")  # a variable as it is written elsewhere: $(name), $name

_PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and `_`, a letter first",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, `_`, `.` and `-`, a letter or a digit first",
}


def _wanted(fault: Fault) -> str:
    if fault.type == "literal_error":
        return listed(_expected(fault.context))
    if fault.type == "string_pattern_mismatch" and fault.context["pattern"] in _PATTERNS:
        return _PATTERNS[fault.context["pattern"]]
    held = inner_models(fault.owner, fault.field) if fault.owner and fault.type.startswith("model_") else []
    if main := next(filter(None, (getattr(each, "main", None) for each in held)), None):
        return f"a mapping, or its `{main}` alone"
    return _WANTED.get(fault.type, str(fault.error["msg"])).format(**fault.context)


def _expected(context: Mapping[str, Any]) -> list[str]:
    return str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
