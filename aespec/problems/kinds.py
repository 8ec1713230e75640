"""What is said of kinds: unknown ones, several in one place, fields that lack or stand bare."""

from __future__ import annotations

import re
from json import dumps
from typing import Any

from aespec.absent import instead_of
from aespec.calls import (
    Called,
    accepts,
    accepts_all,
    as_arguments,
    behind_input,
    call_meant,
    called_name,
    list_meant,
    of_pytorch,
    padded_apart,
)
from aespec.diagnostics import Diagnostic, Loc, nearest, show
from aespec.faults import Advice, Fault, layers_in
from aespec.fieldnames import MANY, field_meant, known_elsewhere
from aespec.kind import Kind
from aespec.meanings import NAMING, as_kind, fields_meant, fitting, kind_lacking, kind_meant, short, with_field
from aespec.plan import TrainingPlan
from aespec.problems.writing import (
    FEW,
    all_of,
    bare_or_snippet,
    entry,
    has_dashes,
    in_place,
    is_item,
    layers_as_list,
    left_out,
    listed,
    snippet,
    variable_meant,
)
from aespec.registry import is_typo
from aespec.registry import kinds as kinds_of
from aespec.rules import BadOverride, BadRegularizer, NotOneKey, UnknownKind, WrongValue
from aespec.source.items import ITEMS
from aespec.source.scalar import plain_value
from aespec.source.text import AT_THE_TOP

__all__ = [
    "bad_regularizer",
    "fields_wanted",
    "is_input",
    "kind_misspelt",
    "kind_stated",
    "not_one_key",
    "rest_of_call",
    "unknown_kind",
]


def unknown_kind(fault: Fault) -> Diagnostic:
    """A kind that does not exist."""
    family, name, options = (fault.context[key] for key in ("family", "name", "options"))
    choice = listed(options) if _few(fault) else f"a kind of {family}"
    return Diagnostic(
        UnknownKind,
        f"unknown {family} `{name}`" if family == "decoder form" else f"unknown {family} kind `{name}`",
        fault.key if isinstance(fault.error["input"], dict) else fault.value,
        wanted=f"{choice}, or a list of layers" if family == "decoder form" else choice,
        got=f"`{name}`",
        help=_another_kind(fault),
    )


def _another_kind(fault: Fault) -> str | None:
    """What to write for an unknown kind: the first advice that there is."""
    _, found = fault.advised(_ADVICE)
    return found or (None if _few(fault) else all_of(fault.context["family"]))


def kind_stated(fault: Fault) -> dict[str, Any] | None:
    """The kind with its fields, of what is written as Keras, PyTorch or others have it; None where it is several."""
    family, stated = fault.context["family"], fault.error["input"]
    first = fault.advised(_ADVICE)[0] if fault.type == "unknown_kind" else None
    kind: dict[str, Any] | None = None
    if fault.type == "not_one_key" or first is _named_by_value:
        meant = _targeted(fault) or kind_meant(family, stated, fault.rank)
        kind, left = fitting(family, meant) if meant else (None, [])
        kind = None if left else kind
    elif first is _of_python and _bare(fault):
        called = call_meant(family, rest_of_call(fault)[0], fault.rank)
        kind = called.kind if called else None
    elif first is _with_arguments:
        called = _as_here(fault)
        kind = called.kind if called else None
    alone = kind is not None and len(padded_apart(kind)) == 1 and not ITEMS.keys() & kind
    return kind if alone else None


def kind_misspelt(fault: Fault) -> str | None:
    """The kind that was likely meant by an unknown one, where another name is all that there is to write."""
    first, _ = fault.advised(_ADVICE)
    if first not in (_of_another_name, _needing):
        return None
    near = _nearest_kind(fault, fault.context["name"])
    if near is None or near in ITEMS or not is_typo(called_name(fault.context["name"]), near, fault.context["family"]):
        return None
    member = kinds_of(fault.context["family"]).get(near)
    stated = None if _bare(fault) else fault.error["input"][fault.context["name"]]
    return near if member and _can_hold(member, stated) else None


def _can_hold(member: type[Kind], stated: Any) -> bool:
    """Whether what stands below a kind that is misspelt may be meant for that kind: one field of it, or its value."""
    if isinstance(stated, dict):
        return not stated or any(field_meant(str(key), member.model_fields) for key in stated)
    if stated is None or not isinstance(stated, list):
        return stated is None or member.main is not None
    return member.main is not None and accepts(member, member.main, stated)


def _few(fault: Fault) -> bool:
    """Whether all kinds of the family are listed, since they are few."""
    return len(fault.context["options"]) <= FEW


def _bare(fault: Fault) -> bool:
    """Whether the kind stands without a value."""
    return bool(fault.context["name"] == fault.error["input"])


def _named_by_value(fault: Fault) -> str | None:
    if (named := kind_meant(fault.context["family"], fault.error["input"], fault.rank)) is None:
        return None
    named, left = fitting(fault.context["family"], named)
    kind, fields = next(iter(named.items()))
    alone = dumps(kind) if fault.source.is_json else kind
    return f"the kind stands by itself: write `{alone if fields is None else snippet(fault, named)}`{left_out(left)}"


def _none_at_all(fault: Fault) -> str | None:
    """Of what may be left out, and is none."""
    nothing = _bare(fault) and fault.context["name"].lower() in ("none", "off", "no")
    return (
        f"leave `{fault.loc[-2]}` out" if nothing and fault.context["family"] in ("regularizer", "schedule") else None
    )


def _a_variable(fault: Fault) -> str | None:
    variable = variable_meant(fault, fault.context["name"]) if _bare(fault) else None
    return f"did you mean `{variable}`?" if variable else None


def _none_such(fault: Fault) -> str | None:
    return instead_of(called_name(fault.context["name"]), fault.context["family"])


def _of_another_place(fault: Fault) -> str | None:
    """Of a layer that is something else of a spec: where that stands."""
    from aespec.registry import kind_names

    name, stated = fault.context["name"], fault.error["input"]
    if fault.context["family"] != "layer":
        return None
    if name in ITEMS:
        return f"`{name}` is an item of a list of layers: write it there, beside the layers"
    if name in kind_names("decoder form"):
        form = {name: stated[name]} if isinstance(stated, dict) and stated[name] else name
        beside = fault.source.value(fault.written[:-1])
        more = isinstance(beside, list) and len(beside) > 1
        rest = "; it makes all layers, and ends in its `output_activation`" if more else ""
        return f"it is no layer, but the whole decoder: write `{entry(fault, {'decoder': form})}`{rest}"
    if is_input(fault):
        shape = None if isinstance(stated, str) else stated[name]
        where = "the shape of what goes in stands once, as `input`, before the layers"
        if isinstance(shape, list) and "input" not in fault.source.data:
            return f"take it out, and write `{entry(fault, {'input': shape})}` at the top: {where}"
        return f"take it out: {where}"
    if name in fault.top and name not in fault.source.data and not isinstance(stated, str):
        beside = fault.written[0]
        return f"`{name}` stands at the top of the spec, beside `{beside}`: take its dash and indentation away"
    return None


def _in_a_wrapper(fault: Fault) -> str | None:
    """Of a layer below a name that says no more than that it is one."""
    name, stated = fault.context["name"], fault.error["input"]
    held = None if _bare(fault) else stated[name]
    if fault.context["family"] != "layer" or name.lower() not in ("layer", "module", "block"):
        return None
    if not isinstance(held, dict) or not held:
        return None
    meant = kind_meant("layer", held, fault.rank) or kind_lacking("layer", held)
    if meant is None and len(held) == len(layers_in([{key: None} for key in held])):
        each = [
            snippet(fault, {known: value}, item=True)
            for known, value in zip(layers_in([{k: 0} for k in held]), held.values(), strict=True)
        ]
        return f"take `{name}` away: write {listed(each, 'and')}"
    return f"take `{name}` away: write `{snippet(fault, meant, item=True)}`" if meant else None


def _in_a_block(fault: Fault) -> str | None:
    """Of a name in a block of text, as `|` begins one: it ends in a line break."""
    name = fault.context["name"]
    near = _nearest_kind(fault, name.strip()) if _bare(fault) and name.endswith("\n") else None
    return f"write `{near}` on the line of its key, without `|` or `>`" if near else None


def _of_python(fault: Fault) -> str | None:
    """Of a call, or of a kind and its value in one text: how that is written."""
    family, name = fault.context["family"], fault.context["name"]
    whole, parts = rest_of_call(fault)
    if parts and (meant := _run_together(fault, whole)):
        return f"write {meant}; brackets cut a call at its commas"
    if _bare(fault) and (meant := _run_together(fault, name)):
        return f"write {meant}"
    if family == "layer" and _bare(fault) and (called := call_meant("activation", name)):
        alone = snippet(fault, _activation(short(called.kind)), item=True)
        return f"as a layer of its own write `{alone}`{_without(called)}"
    return None


def _summed(fault: Fault) -> str | None:
    """Of a sum of losses, each with a factor or without one: the list of them."""
    from aespec.registry import known_kind

    terms = [term.strip() for term in fault.context["name"].split("+")]
    if (
        fault.context["family"] != "loss"
        or not _bare(fault)
        or len(terms) > FEW
        or (len(terms) == 1 and "*" not in terms[0])
    ):
        return None
    losses: list[Any] = []
    left = []
    for term in terms:
        found = re.fullmatch(r"\s*(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*\*\s*)?([A-Za-z_]\w*)\s*", term)
        if found and (kind := known_kind(found[2], "loss")):
            losses.append({kind: {"weight": plain_value(found[1])}} if found[1] else kind)
        elif found and _comes_with_code(found[2]):
            left.append(found[2])
        else:
            return None
    if not losses:
        return None
    stated = losses[0] if len(losses) == 1 else losses
    return "; ".join([f"write `{entry(fault, {'loss': stated})}`", *(_with_the_code(fault, name) for name in left)])


def _quoted(fault: Fault) -> str | None:
    """Of a kind with its fields that stands in quotes: how it is written without them."""
    found = re.fullmatch(r"(\w+): *(\{[^{}]*\})", fault.context["name"]) if _bare(fault) else None
    if found is None or _nearest_kind(fault, found[1]) is None or fault.source.is_json:
        return None
    written = f"write `{'- ' * (is_item(fault) and has_dashes(fault))}{found[1]}: {found[2]}`"
    return f"take the quotes away: {written}" if ": " in found[0] else written


def _listed_behind(fault: Fault) -> str | None:
    """Of a layer of PyTorch's with a list of what it is given there."""
    family, name = fault.context["family"], fault.context["name"]
    values = None if _bare(fault) or family != "layer" else fault.error["input"][name]
    if not isinstance(values, list) or (near := _nearest_kind(fault, name)) is None:
        return None
    if (layer := behind_input(name, near, values)) is None:
        return None
    follows = f"the {values[0]} that come in follow from what stands before"
    return f"write `{snippet(fault, layer, item=True)}`: {follows}"


def _as_here(fault: Fault) -> Called | None:
    """Of a kind that Keras or PyTorch call so, with what theirs is given: all of it as it is here."""
    from aespec.registry import kinds, known_kind

    family, name = fault.context["family"], fault.context["name"]
    if _bare(fault):  # whose defaults may be others
        called = call_meant(family, f"{name}()", fault.rank) if of_pytorch(name) else None
        return called if called and isinstance(next(iter(called.kind.values())), dict) else None
    stated = fault.error["input"][name]
    own = name.rpartition(".")[2]
    kind = known_kind(own, family) or (None if own.islower() else _nearest_kind(fault, own))
    if kind is None or kind in ITEMS or stated is None or _of_variables(fault):
        return None
    member, value = kinds(family)[kind], with_field(family, kind, stated)
    if type(stated) in (int, float) and (same := known_elsewhere(own, member.model_fields)):
        value = {same: stated}  # as `sparsity`, which is the name of both
    right = accepts_all(member, value if isinstance(value, dict) else {str(member.main): value})
    if right and not of_pytorch(name):
        return None if value == stated else Called({kind: value})
    called = call_meant(family, f"{name}({as_arguments(stated)})", fault.rank)
    if called is None or (called.left and not of_pytorch(name)) or called.kind == {kind: stated}:
        return None
    return called


def _with_arguments(fault: Fault) -> str | None:
    if (called := _as_here(fault)) is None:
        return None
    if fault.context["family"] != "layer":
        return f"write `{entry(fault, called.kind)}`{_without(called)}"
    each = [snippet(fault, layer, item=True) for layer in padded_apart(called.kind)]
    return f"write {listed(each, 'and')}{_without(called)}"


def _of_variables(fault: Fault) -> bool:
    """Whether fields of an unknown kind are what variables stand for."""
    source = fault.source
    stated = source.value(fault.written)
    parts = stated if isinstance(stated, dict) else range(len(stated)) if isinstance(stated, list) else ()
    return any(source.place((*fault.written, *part)) in source.filled for part in [(), *((each,) for each in parts)])


def _with_a_name(fault: Fault) -> str | None:
    """Of a layer below a name that is its own: how it bears that name."""
    name, stated = fault.context["name"], fault.error["input"]
    held = None if _bare(fault) else stated[name]
    if not isinstance(held, dict) or len(held) != 1 or not name.isidentifier() or name in NAMING:
        return None
    if fault.context["family"] != "layer" or not isinstance(fault.written[-2:-1][0], int):
        return None
    if not (known := layers_in([held])):
        return None
    fields, main = next(iter(held.values())), kinds_of("layer")[known[0]].main
    inner = fields if isinstance(fields, dict) else {main: fields} if main and fields is not None else {}
    return f"write `{snippet(fault, {known[0]: {**inner, 'name': name}}, item=True)}`"


def _in_one_item(fault: Fault) -> str | None:
    """Of several layers behind one dash: an item each."""
    from aespec.registry import known_kind

    name, stated = fault.context["name"], fault.error["input"]
    names = [kind for each in name.split(",") if (kind := known_kind(each.strip(), "layer"))]
    if fault.context["family"] != "layer" or len(names) < 2 or len(names) <= name.count(","):
        return None
    last = {names[-1]: stated[name]} if isinstance(stated, dict) and name in stated else names[-1]
    items = [*names[:-1], last]
    each = [snippet(fault, one, item=True) if isinstance(one, dict) else f"- {one}" for one in items]
    return f"each layer is an item: write {listed(each, 'and')}"


def _stated_twice(fault: Fault) -> str | None:
    """Of a loss by its name elsewhere, which stands in the list already by the name that it has here."""
    from aespec.registry import known_kind

    stated = fault.source.data.get("loss")
    near = known_kind(fault.context["name"], "loss") if fault.context["family"] == "loss" else None
    if near is None or not isinstance(stated, list) or len(fault.written) < 2 or len(stated) > MANY:
        return None
    beside = (next(iter(each), None) if isinstance(each, dict) else each for each in stated)
    return f"it is `{near}` here, which is in the list: take one of the two away" if near in beside else None


def _needing(fault: Fault) -> str | None:
    """Of a bare kind that needs its main field: how it is written with it."""
    near = _nearest_kind(fault, fault.context["name"]) if _bare(fault) else None
    member = kinds_of(fault.context["family"]).get(near or "")
    if near is None or member is None or member.main is None or not member.model_fields[member.main].is_required():
        return None
    written = entry(fault, {near: "..."}).replace('"..."', "...")
    return f"did you mean `{written}`, with its `{member.main}`?"


def _of_another_name(fault: Fault) -> str | None:
    near = _nearest_kind(fault, fault.context["name"])
    stated = fault.source.data.get("loss") if fault.context["family"] == "loss" else None
    listed_too = stated[:MANY] if isinstance(stated, list) else []
    beside = [next(iter(each), None) if isinstance(each, dict) else each for each in listed_too]
    if near in beside:  # each is stated once
        near = nearest(fault.context["name"], [each for each in fault.context["options"] if each not in beside]) or near
    more = "" if _few(fault) else f" {all_of(fault.context['family'])}"
    return f"did you mean `{near}`?{more}" if near else None


def _an_activation(fault: Fault) -> str | None:
    from aespec.registry import kinds, nearest_kind

    name = fault.context["name"]
    activation = nearest_kind(called_name(name), "activation") if len(name) > 2 and name[0] != "_" else None
    if fault.context["family"] != "layer" or activation is None:
        return None
    if _bare(fault):
        called = call_meant("activation", f"{name}()") if of_pytorch(name) else None  # whose defaults may be others
        alone = snippet(fault, _activation(short(called.kind) if called else activation), item=True)
        return f"as a layer of its own write `{alone}`"
    value = fault.error["input"][name]
    stating = kinds("activation")[activation].model_fields and value is not None
    function = short(as_kind("activation", activation, value)) if stating else activation
    return f"as a layer of its own write `{snippet(fault, _activation(function), item=True)}`"


def _of_the_code(fault: Fault) -> str | None:
    name = fault.context["name"]
    return (
        f"take it out: {_with_the_code(fault, name)}"
        if fault.context["family"] == "loss" and _comes_with_code(name)
        else None
    )


def _with_the_code(fault: Fault, name: str, weight: Any = None) -> str:
    """Where the term of that name comes from, which is no loss of a list, and its weight."""
    beta = weight if type(weight) in (int, float) else None
    if "gaussian_latent" in layers_in(fault.source.data.get("encoder")):
        return f"the code adds `{name}` by itself, times its `beta`" + (f": state `beta: {beta}` there" if beta else "")
    latent = f"`- gaussian_latent: {{units: 8, beta: {beta or 1.0}}}`"
    return f"`{name}` comes with the code: {latent} at the end of the encoder"


def _a_field(fault: Fault) -> str | None:
    lacking = None if _bare(fault) else _lacking(fault.context["family"], fault.error["input"])
    return f"it is a field of `{next(iter(lacking))}`: write `{snippet(fault, lacking)}`" if lacking else None


def _a_decoder(fault: Fault) -> str | None:
    from aespec.registry import kind_names

    name = fault.context["name"]
    if fault.context["family"] != "decoder form":
        return None
    if name.lower() in ("tied", "tied_mirror", "mirror_tied"):
        return f"write `{snippet(fault, {'mirror': {'tie_weights': True}})}`"
    if not _bare(fault) or name in kind_names("layer"):
        return layers_as_list(fault, fault.error["input"], "decoder")
    return "`mirror` undoes the encoder layer by layer"


_ADVICE: tuple[Advice, ...] = (
    _named_by_value,
    _none_at_all,
    _a_variable,
    _none_such,
    _in_a_wrapper,
    _of_another_place,
    _quoted,
    _in_a_block,
    _summed,
    _of_python,
    _listed_behind,
    _with_arguments,
    _with_a_name,
    _stated_twice,
    _in_one_item,
    _needing,
    _of_another_name,
    _an_activation,
    _of_the_code,
    _a_field,
    _a_decoder,
)
"""What an unknown kind may have been meant to be, the surest first."""


def is_input(fault: Fault) -> bool:
    """Whether an unknown kind of layer is what elsewhere says the shape of the input."""
    family, name = fault.context["family"], fault.context["name"]
    near = nearest(called_name(name), ("input", "input_layer"))
    return family == "layer" and near is not None and name.lower() != "layer"


def _comes_with_code(name: str) -> bool:
    """Whether a name is that of the term of a variational code, which is no loss here."""
    from aespec.registry import known_kind

    return known_kind(name, "layer") == "gaussian_latent" or name.lower().startswith(("kl", "elbo", "vae", "beta_vae"))


def _activation(function: Any) -> dict[str, Any]:
    """A layer that is an activation alone."""
    return {"activation": function if isinstance(function, str) else {"function": function}}


def _nearest_kind(fault: Fault, name: str) -> str | None:
    """The kind, or the item of a list of layers, that was likely meant by a name."""
    from aespec.registry import nearest_kind

    family = fault.context["family"]
    return nearest_kind(name, family, beside=ITEMS if family == "layer" else (), rank=fault.rank)


_RUN_TOGETHER = re.compile(r"([A-Za-z_][\w.]*)(?:\s*[:=(]\s*(-?\w[\w.-]*)\s*\)?|\s+(-?[0-9][0-9.e-]*))")
"""A kind and its value in one text, as in ``dense:3``, ``Dense(3)`` and ``dense 3``."""


def _run_together(fault: Fault, name: str) -> str | None:
    """How to write a kind and its value that stand in one text, or kinds of a list that do, in backquotes."""
    from aespec.registry import kinds

    family = fault.context["family"]
    names = [_nearest_kind(fault, each.strip()) for each in re.split(r"[,\s]+", name)]
    if family == "loss" and len(names) > 1 and all(names):
        return f"`[{', '.join(map(str, names))}]`"
    if called := call_meant(family, name, fault.rank):
        return _called(fault, called)
    braced = re.fullmatch(r"([\w.]+)\s*(?:\((.*)\)|:?\{(.*)\})", name)
    if braced and (kind := _nearest_kind(fault, braced[1])) and not re.fullmatch(r"\s*-?[\w.-]+\s*", braced[2] or ""):
        if not braced[3]:
            return f"`{kind}` with its fields in braces: see `aespec layers {kind}`"
        inner = braced[3].strip()
        stated = f"{{{inner}}}" if ":" in inner else inner
        return f"`{'- ' * (is_item(fault) and has_dashes(fault))}{kind}: {stated}`"
    listed_ = re.fullmatch(r"(\w+)\s+(\[[^\[\]]*\])", name)
    if listed_ and (kind := _nearest_kind(fault, listed_[1])):
        return f"`{'- ' * (is_item(fault) and has_dashes(fault))}{kind}: {listed_[2]}`"
    found = _RUN_TOGETHER.fullmatch(name)
    kind = found and _nearest_kind(fault, found[1])
    if not found or not kind:
        return None
    value = plain_value(found[2] or found[3])
    if kind in ITEMS and family == "layer":
        return f"`{snippet(fault, {kind: value if kind == 'include' else {'times': value, 'layers': ['...']}})}`"
    value, member = with_field(family, kind, value), kinds(family)[kind]
    takes = member.main is not None or isinstance(value, dict)
    if member.main and not accepts(member, member.main, value):
        return None
    return f"`{snippet(fault, {kind: value if takes else None})}`"


def _called(fault: Fault, called: Called) -> str:
    """How to write what a call comes to, in backquotes, and what of it has no place."""
    apart = padded_apart(called.kind)
    if len(apart) == 1:
        return f"`{bare_or_snippet(fault, in_place(fault, called.kind))}`{_without(called)}"
    return f"{listed([snippet(fault, each) for each in apart], 'and')}{_without(called)}"


def _without(called: Called) -> str:
    return left_out(called.left)


_PARTS = 20
"""As many parts of a call or a tuple are put together."""


def rest_of_call(fault: Fault) -> tuple[str, list[Loc]]:
    """Of a call or a tuple, which brackets cut at its commas: all of it, and where its other parts stand.

    Of ``[Conv2D(16, 3), Flatten()]`` it is ``Conv2D(16, 3)``, of which the second item is a part.
    """
    text, parts = str(fault.error["input"]), []
    if not fault.written or not isinstance(fault.error["input"], str | dict) or text.count("(") <= text.count(")"):
        return text, []
    above = fault.written[:-1]
    beside, own = fault.source.value(above), fault.written[-1]
    others = list(enumerate(beside)) if isinstance(beside, list) else [(key, key) for key in beside]
    start = [each for each, _ in others].index(own) + 1
    unclosed = text.count("(") - text.count(")")
    for place, part in others[start : start + _PARTS]:
        text += f", {part}"
        parts.append((*above, place))
        unclosed += str(part).count("(") - str(part).count(")")
        if unclosed == 0:
            return text, parts
    return text, []


def not_one_key(fault: Fault) -> Diagnostic:
    """What is not one kind: of several keys, or no mapping and no name."""
    family, keys = fault.context["family"], fault.context["keys"]
    added = [key for key in keys if fault.source.is_set((*fault.written, key))]
    standing = [key for key in keys if key not in added]
    if added and standing:
        return _second_kind(fault, added[0], standing[0])
    article = "an" if family[0] in "aeiou" else "a"
    meant = _targeted(fault) or kind_meant(family, fault.error["input"], fault.rank)
    meant, left = fitting(family, meant) if meant else (None, [])
    kind = next(iter(meant or {}), None)
    beside = [key for key in keys if key != kind]
    return Diagnostic(
        NotOneKey,
        f"{listed(beside, 'and')} stand{'s' * (len(beside) == 1)} beside `{kind}`, not in it"
        if kind in keys
        else f"this is not one {family}",
        fault.value,
        wanted=f"{article} {family}: a bare name, `kind: value` or `kind: {{fields}}`",
        got=listed(keys, "and") if keys else fault.got,
        help=f"write `{bare_or_snippet(fault, meant)}`{left_out(left)}" if meant else _one_key(fault),
    )


def _targeted(fault: Fault) -> dict[str, Any] | None:
    """The kind with its fields, of a mapping that names one of PyTorch's, whose defaults may be others."""
    stated = fault.error["input"]
    naming = ("_target_", "class_name", "type") if isinstance(stated, dict) else ()
    key = next((each for each in naming if each in stated), None)
    if key is None or not isinstance(stated[key], str) or not of_pytorch(stated[key]):
        return None
    given = as_arguments({name: value for name, value in stated.items() if name != key})
    called = call_meant(fault.context["family"], f"{stated[key]}({given})", fault.rank)
    return called.kind if called and not called.left else None


def _beside_and_in(family: str, stated: dict[str, Any], named: tuple[str, str]) -> list[str]:
    """The fields beside a kind that it has in it already; none where there are others beside it."""
    from aespec.registry import kinds

    key, kind = named
    member = kinds(family).get(kind)
    if member is None:
        return []
    inside = stated[key] if isinstance(stated[key], dict) else {member.main: stated[key]}
    beside = [each for each in stated if each != key]
    return beside if all(field_meant(each, member.model_fields) in inside for each in beside) else []


def _one_key(fault: Fault) -> str | None:
    """How to write one kind."""
    from aespec.registry import known_kind

    keys, item, family = fault.context["keys"], not isinstance(fault.loc[-1], str), fault.context["family"]
    stated = fault.error["input"]
    named = {key: near for key in keys if (near := _nearest_kind(fault, key))}
    if outer := [key for key in keys if key in AT_THE_TOP[2:]] if family == "layer" else None:
        return f"take its indentation away: {listed(outer, 'and')} stand{'s' * (len(outer) == 1)} at the top"
    if family == "decoder form" and all(known_kind(key, "layer") for key in keys):
        return layers_as_list(fault, stated, "decoder")
    if keys and item and len(named) == len(keys):
        dashed = has_dashes(fault)
        own = "a dash" if dashed else "braces"
        each = [snippet(fault, {near: with_field(family, near, stated[key])}, dashed) for key, near in named.items()]
        return f"in a list, give each {family} {own} of its own: {listed(each, 'and')}"
    if family == "optimizer" and (beside := [key for key in keys if key in TrainingPlan.model_fields]):
        kept = {near: stated[key] for key, near in named.items() if key not in beside}
        fields = [{"optimizer": short(as_kind(family, near, value))} for near, value in kept.items()]
        written = listed([entry(fault, each) for each in (*fields, *({key: stated[key]} for key in beside))], "and")
        return f"{listed(beside, 'and')} stand{'s' * (len(beside) == 1)} in `training` itself: write {written}"
    if item and (lacking := _item_lacking(stated)):
        return f"name it, with these fields in it: write `{snippet(fault, lacking)}`"
    if keys and (lacking := _lacking(family, stated)):
        return f"name the kind, with these fields in it, for example `{snippet(fault, lacking)}`"
    if keys and not named:
        return f"begin with a kind, with its fields in it; {all_of(family)}"
    if keys and family == "loss":
        losses = [{near: with_field(family, near, stated[key])} for key, near in named.items()]
        terms = [_with_the_code(fault, key, stated[key]) for key in keys if _comes_with_code(key)]
        terms.insert(0, f"write `{show(losses[0] if len(losses) == 1 else losses, 300, plain=True)}`")
        return "; ".join(terms)
    if len(named) == 1 and (twice := _beside_and_in(family, stated, next(iter(named.items())))):
        where = f"`{next(iter(named.values()))}`"
        return f"{listed(twice, 'and')} stand{'s' * (len(twice) == 1)} in {where} too: keep one of the two, in there"
    if keys:
        return f"write `{{{next(iter(named.values()))}: {{...}}}}`, one kind with its fields inside"
    if item and family == "layer" and type(stated) is int and stated > 0:
        return f"for a dense layer of that width write `{snippet(fault, {'dense': stated}, item=True)}`"
    if family == "activation" and isinstance(stated, list) and len(stated) > 1:
        each = [snippet(fault, {"activation": one}, item=True) for one in stated if isinstance(one, str)]
        alone = fault.kind is not None and fault.kind.kind == "activation"
        more = f"keep one; others are layers behind this one: {listed(each[1:], 'and')}"
        return f"a layer has one: write {listed(each, 'and')}" if alone else more
    if isinstance(stated, list) and (called := list_meant(family, stated, fault.rank)):
        return f"write {_called(fault, called)}"
    if item and fault.loc == fault.written:
        if stated is None or stated == {}:
            return f"write a {family} behind its dash, or take the dash away"
        is_list = isinstance(stated, list)
        return f"a {family} cannot be a list: take the inner brackets or the extra dash away" if is_list else None
    if family == "initializer" and type(stated) in (int, float):
        return f"write `{({0: 'zeros', 1: 'ones'}).get(stated) or snippet(fault, {'constant': stated})}`"
    if family in ("regularizer", "optimizer") and type(stated) in (int, float):
        return f"say which: `{{{'l2' if family == 'regularizer' else 'adam'}: {stated}}}`; {all_of(family)}"
    if isinstance(stated, list) and len(stated) == 1 and isinstance(stated[0], str | dict) and family != "layer":
        inner = stated[0] if isinstance(stated[0], str) else snippet(fault, stated[0], item=False)
        return f"take the brackets away: `{inner}`"
    if stated is None and family == "activation":
        return "write `linear` for none"
    if stated is None and family in ("optimizer", "schedule", "regularizer", "initializer"):
        return f"leave {fault.subject} out, or name one; {all_of(family)}"
    if stated is None and family == "loss":
        return "write one behind it, as in `loss: mse`, or take `loss` away"
    examples = getattr(fault.kind, "examples", ())
    if fault.kind and fault.kind.main == fault.loc[-1] and examples:
        return f"write for example `{show({fault.kind.kind: dict(examples[0].fields)}, 100, plain=True)[1:-1]}`"
    return f"{fault.subject}: {fault.doc}"


def _lacking(family: str, stated: Any) -> dict[str, Any] | None:
    """A kind that has all of these fields, by whatever names: of optimizers the usual one, if it has."""
    if not isinstance(stated, dict) or len(stated) > MANY:
        return None
    usual = kinds_of(family).get("adam")
    fields = fields_meant(usual, stated) if usual else {}
    if usual and fields and all(field in usual.model_fields for field in fields):
        return {"adam": fields}
    return kind_lacking(family, stated)


def _item_lacking(stated: Any) -> dict[str, Any] | None:
    """The item of a list of layers that has all of these fields, the first of its own among them, with them."""
    if not isinstance(stated, dict):
        return None
    fits = (name for name, own in ITEMS.items() if next(iter(own)) in stated and stated.keys() <= own.keys())
    return next(({name: stated} for name in fits), None)


def _second_kind(fault: Fault, name: str, standing: str) -> Diagnostic:
    """An override whose path names another kind than the one that stands there."""
    from aespec.registry import kinds

    family, place = fault.context["family"], fault.source.keys[(*fault.written, name)]
    # What the assignment itself says: a `repeat` before it counts as one item there, and as many layers in the data.
    path = place.text[: place.column - 1].strip().rstrip(".")
    members = kinds(family)
    if name in members:
        help = f"to make it another kind, set it as a whole: `{path}={{{name}: …}}`"
    else:
        fields = members[standing].model_fields if standing in members else ()
        field = None if nearest(name, [standing]) else nearest(name, fields)
        help = f"did you mean `{path}.{standing}{f'.{field}' if field else ''}`?"
    return Diagnostic(
        BadOverride,
        f"the {family} at `{path}` is `{standing}`, not `{name}`",
        place,
        wanted=f"`{standing}`",
        got=f"`{name}`",
        help=help,
    )


def fields_wanted(fault: Fault) -> Diagnostic:
    """A single value of a kind that takes none."""
    from aespec.registry import kinds

    kind, takes = fault.context["kind"], fault.context["taking"]
    tied = kind == "mirror" and str(fault.error["input"][kind]).lower() in ("tied", "tie", "tied_weights")
    value, fields = fault.error["input"][kind], ", ".join(f"{field}: ..." for field in fault.context["fields"])
    listed_fields = _fields_listed(kind, value)
    wanted = f"`{kind}: {{{fields}}}`" if fields else f"`{kind}` alone"
    alone = value is True and not fault.context["needs"]
    meant = entry(fault, {kind: {takes[0]: value}}) if len(takes) == 1 and not alone else None
    meant = entry(fault, {kind: {"tie_weights": True}}) if tied else meant
    if listed_fields and not listed_fields.left:
        meant = entry(fault, listed_fields.kind)
    member = kinds(fault.context["family"])[kind]
    if fault.context["needs"] and type(value) is int and accepts(member, fault.context["fields"][0], value):
        rest = dict.fromkeys(fault.context["fields"][1:], "...")
        meant = entry(fault, {kind: {fault.context["fields"][0]: value, **rest}})
        meant = meant if fault.source.is_json else meant.replace('"..."', "...")
    return Diagnostic(
        WrongValue,
        f"`{kind}` takes no single value",
        fault.value,
        wanted=f"`{kind}` with its fields in braces" if meant else wanted,
        got=show(value),
        help=f"write `{meant}`"
        if meant
        else f"say which field is meant: {wanted}"
        if takes and not alone
        else f"write {wanted}"
        if fault.context["needs"] or not fields
        else f"it needs no value: write `{kind}` alone",
    )


def _fields_listed(kind: str, value: Any) -> Called | None:
    """A layer of the values that stand behind its name, in brackets or not."""
    if isinstance(value, str) and "," in value:
        return call_meant("layer", f"{kind}({value})")
    return list_meant("layer", [kind, *value]) if isinstance(value, list) else None


def bad_regularizer(fault: Fault) -> Diagnostic:
    """A penalty of what it cannot be a penalty of."""
    kind, target = fault.context["kind"], fault.context["wanted"]
    regularizer = fault.error["input"]
    stated = regularizer if isinstance(regularizer, str) else fault.got
    help = f"use `activity_regularizer: {stated}`" if target == "activity" else f"`{kind}` comes with its layer"
    return Diagnostic(
        BadRegularizer,
        str(fault.error["msg"]),
        fault.value,
        wanted=f"`{kind}` on {'an' if target[0] in 'aeiou' else 'a'} {target}",
        got=fault.subject,
        help=help,
    )
