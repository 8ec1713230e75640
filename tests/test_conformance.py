"""Every backend against every case, and backends that are wrong on purpose: the suite has to tell."""

import pytest

from aespec.conformance import Case, cases
from aespec.registry import find_backend

CASES = {case.id: case for case in cases()}


@pytest.mark.parametrize("backend", ["numpy", "keras", "torch"])
@pytest.mark.parametrize("case", CASES.values(), ids=str)
def test_conformance(case, backend):
    verdict = case.verdict(find_backend(backend))
    assert verdict.status == "pass", f"{verdict.level}: {verdict.detail}"


def test_the_cases_cover_what_they_say():
    ids = list(CASES)
    assert len(ids) == len(cases()), "case ids are unique"
    windows = {(k, s, p) for k in range(1, 6) for s in range(1, 4) for p in ("same", "valid")}
    for kind in ("conv2d", "conv2d_transpose"):
        assert {f"{kind} k{k} s{s} {p}" for k, s, p in windows} <= set(ids)
    for kind in ("conv1d", "conv1d_transpose"):
        assert sum(i.startswith(f"{kind} k") for i in ids) == 2 * len(windows)
    assert {"zoo conv", "zoo variational", "tied conv2d", "optimizer rmsprop centered=True momentum=0.5"} <= set(ids)


class Wrong:
    """A backend of torch's with something exchanged."""

    name = "wrong"

    def __init__(self, change=lambda model: None):
        self.known_gaps = {}
        self.lowerings = find_backend("torch").lowerings
        self.change = change

    def build(self, graph, *, seed=0, dtype="float32"):
        model = find_backend("torch").build(graph, seed=seed, dtype=dtype)
        self.change(model)
        return model

    def save(self, model, folder, about):
        return []

    def versions(self):
        return {}


@pytest.fixture
def usual_formula(monkeypatch):
    """Transposed convolutions as tutorials pad them: half the kernel, and what the stride lacks."""
    from torch import nn

    from aespec_torch import Lowered, as_it_is, lowerings, permuted

    class Usual(nn.ConvTranspose2d):
        def forward(self, x):
            return super().forward(x.movedim(-1, 1)).movedim(1, -1)

    def lower(layer, x):
        half = [k // 2 for k in layer.kernel_size] if layer.padding == "same" else 0
        rest = [s - 1 for s in layer.strides] if layer.padding == "same" else 0
        module = Usual(x[-1], layer.filters, layer.kernel_size, layer.strides, half, rest, bias=layer.use_bias)
        return Lowered(module, {"kernel": permuted("weight", 2, 3, 1, 0), "bias": as_it_is("bias")})

    monkeypatch.setitem(lowerings._table, "layer:conv2d_transpose", lower)


def test_the_usual_padding_of_transposed_convolutions_is_caught_by_its_values(usual_formula):
    verdict = CASES["zoo conv"].verdict(Wrong())
    # The shapes of the conv seed come out right: 3 -> 7 -> 14 -> 28. Its values do not.
    assert (verdict.status, verdict.level) == ("fail", "values")
    assert "decoder/conv2d_transpose_2" in verdict.detail
    assert not verdict.ok
    assert CASES["conv2d_transpose k3 s1 same"].verdict(Wrong()).level != "values", "right where the stride is 1"
    assert CASES["zoo stacked"].verdict(Wrong()).ok, "a model without such layers is not touched"


def bias_off(model):
    trace = model.trace
    model.trace = lambda x: {name: value + 3e-5 for name, value in trace(x).items()}


def steep(model):
    gradients = model.gradients
    model.gradients = lambda x, **how: {n: 1.001 * g for n, g in gradients(x, **how).items()}


def heavy(model):
    losses = model.losses
    model.losses = lambda x, **how: {n: v + 1e-9 for n, v in losses(x, **how).items()}


def forgetful(model):
    model.load_weights = lambda weights: None


def slow(model):
    trainer = model.trainer
    model.trainer = lambda plan, samples: trainer(
        plan.model_copy(update={"optimizer": plan.optimizer.model_copy(update={"epsilon": 1e-8})}), samples
    )


def raising(model):
    raise RuntimeError("no such kernel")


@pytest.mark.parametrize(
    ("change", "case", "level"),
    [
        (bias_off, "dense 1", "values"),
        (forgetful, "dense 1", "values"),
        (heavy, "dense 1", "losses"),
        (steep, "dense 1", "gradients"),
        (slow, "optimizer adam", "steps"),
        (raising, "dense 1", "error"),
    ],
)
def test_every_level_catches_a_backend_that_is_wrong_there(change, case, level):
    verdict = CASES[case].verdict(Wrong(change))
    assert (verdict.status, verdict.level) == ("fail", level)


def test_known_gaps_are_told_apart_from_those_that_have_closed():
    backend = Wrong(bias_off)
    backend.known_gaps = {"dense 1": "biases are off"}
    assert CASES["dense 1"].verdict(backend).status == "known gap"
    backend.change = lambda model: None
    verdict = CASES["dense 1"].verdict(backend)
    assert (verdict.status, verdict.ok) == ("gap closed", False)


def test_a_kind_without_a_lowering_is_unsupported(monkeypatch):
    from aespec_torch import lowerings

    monkeypatch.delitem(lowerings._table, "layer:dense")
    assert CASES["zoo stacked"].verdict(find_backend("torch")).status == "unsupported"


def test_a_case_is_plain_data():
    case = CASES["zoo conv"]
    assert isinstance(case, Case)
    assert str(case) == "zoo conv"
    assert case.bounds == (0.0, 1.0)
    assert case.graph.output.shape == (28, 28)
