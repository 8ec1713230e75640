"""What is built in is found by its text, without importing all of it."""

from importlib import import_module
from pkgutil import iter_modules

import pytest

from aespec import layers
from aespec.holes import Hole
from aespec.kind import Kind
from aespec.registry import find_kind, kind_names, kinds, nearest_kind

FAMILIES = ("layer", "activation", "initializer", "regularizer", "loss", "optimizer", "decoder form")


def _all_concrete(kind):
    return {kind} | {found for sub in kind.__subclasses__() for found in _all_concrete(sub)}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_class_with_a_name_is_found_under_it(family):
    for module in iter_modules(layers.__path__):
        import_module(f"aespec.layers.{module.name}")
    kinds(family)
    concrete = _all_concrete(Kind) - {Hole}
    named = {c for c in concrete if "kind" in vars(c) and c.__module__.startswith("aespec.")}
    wanted = {c.kind: c for c in named if c.family == family}
    assert {name: c for name, c in kinds(family).items() if c.__module__.startswith("aespec.")} == wanted
    base = next(iter(wanted.values()))
    assert all(find_kind(base, name) is c for name, c in wanted.items())
    assert set(wanted) <= set(kind_names(family))


@pytest.mark.parametrize(
    ("family", "name", "meant"),
    [
        ("layer", "torch.nn.Linear", "dense"),
        ("layer", "keras.layers.Dense", "dense"),
        ("layer", "Liner", "dense"),
        ("layer", "fc", "dense"),
        ("layer", "ConvTranspose2d", "conv2d_transpose"),
        ("layer", "AvgPool2d", "average_pool2d"),
        ("layer", "AdaptiveAvgPool2d", "global_average_pool2d"),
        ("layer", "Rescaling", None),  # hardly a `Sampling`, which is a Gaussian code
        ("loss", "bce", "binary_crossentropy"),
        ("loss", "log_cosh", None),  # no `LogLoss`
        ("activation", "hard_swish", "hard_silu"),
        ("activation", "swish", "silu"),
        ("initializer", "xavier_uniform", "glorot_uniform"),
    ],
)
def test_kinds_are_found_by_their_names_elsewhere(family, name, meant):
    assert nearest_kind(name, family) == meant
