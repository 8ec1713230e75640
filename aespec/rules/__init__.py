"""Every rule by its code, with what it means, an example that breaks it and one that keeps it.

A code begins with the area that it is of. ``aespec explain CODE`` prints one.
"""

import inspect
from textwrap import indent
from types import MappingProxyType

from aespec.diagnostics import AespecError, Diagnostic, Rule, nearest
from aespec.rules.fields import BadCombination, MissingField, NotOneKey, UnknownField, UnknownKind, WrongValue
from aespec.rules.graphs import (
    BadPlan,
    BadRegularizer,
    BadTie,
    DuplicateName,
    ModelTooLarge,
    NoMirror,
    OutputMismatch,
    ShapeMismatch,
)
from aespec.rules.text import (
    AmbiguousScalar,
    BadExpression,
    BadInclude,
    BadOverride,
    BadRepeat,
    DuplicateKey,
    FileUnreadable,
    NotAMapping,
    SyntaxProblem,
    TooLarge,
    UnknownVariable,
    UnsupportedYaml,
)
from aespec.rules.use import (
    BackendUnavailable,
    BadLaunch,
    BadSweep,
    BuiltDiffers,
    DataNotFinite,
    DataNotFound,
    DataRange,
    DataShape,
    DataUnreadable,
    FolderUnwritable,
    LossNotFinite,
    ModelUnreadable,
    NotExpressible,
    NotThisRun,
    NotVariational,
    OtherSweep,
    PluginConflict,
    RunBusy,
    RunExists,
    RunUnreadable,
    TeamLost,
    TrialFailed,
    UnknownBackend,
    UnsupportedKind,
    WeightsMismatch,
)

__all__ = [
    "AREAS",
    "RULES",
    "AmbiguousScalar",
    "BackendUnavailable",
    "BadCombination",
    "BadExpression",
    "BadInclude",
    "BadLaunch",
    "BadOverride",
    "BadPlan",
    "BadRegularizer",
    "BadRepeat",
    "BadSweep",
    "BadTie",
    "BuiltDiffers",
    "DataNotFinite",
    "DataNotFound",
    "DataRange",
    "DataShape",
    "DataUnreadable",
    "DuplicateKey",
    "DuplicateName",
    "FileUnreadable",
    "FolderUnwritable",
    "LossNotFinite",
    "MissingField",
    "ModelTooLarge",
    "ModelUnreadable",
    "NoMirror",
    "NotAMapping",
    "NotExpressible",
    "NotOneKey",
    "NotThisRun",
    "NotVariational",
    "OtherSweep",
    "OutputMismatch",
    "PluginConflict",
    "RunBusy",
    "RunExists",
    "RunUnreadable",
    "ShapeMismatch",
    "SyntaxProblem",
    "TeamLost",
    "TooLarge",
    "TrialFailed",
    "UnknownBackend",
    "UnknownField",
    "UnknownKind",
    "UnknownVariable",
    "UnsupportedKind",
    "UnsupportedYaml",
    "WeightsMismatch",
    "WrongValue",
    "every_rule",
    "explain",
    "explanation",
    "title",
]


RULES = MappingProxyType(
    {rule.code: rule for rule in Rule.__subclasses__() if rule.__module__.startswith(f"{__name__}.")}
)
"""Every rule about errors by its code."""

AREAS = MappingProxyType(
    {
        "E0": "the text of a spec",
        "E1": "the fields of a spec",
        "E2": "how layers fit together",
        "E3": "backends",
        "E4": "data",
        "E5": "runs",
        "W1": "losses and the values of data",
        "W2": "layers and what stands beside them",
        "W3": "the code",
        "W4": "what is written for nothing",
    }
)
"""What rules are about, by the first two characters of their codes."""


def every_rule() -> dict[str, type[Rule]]:
    """Every rule by its code: those about errors, and the lints, which are warnings."""
    from aespec.lints import LINTS

    return {**RULES, **LINTS}


def title(rule: type[Rule]) -> str:
    """What a rule is about, in a line."""
    return (rule.__doc__ or "").partition("\n")[0]


def explanation(rule: type[Rule]) -> str:
    """What a rule means, in full, without its title."""
    return inspect.cleandoc(rule.__doc__ or "").removeprefix(title(rule)).strip()


def explain(code: str) -> str:
    """Write out what a rule means: its code and title, the explanation, a bad and a good example.

    Raises:
        AespecError: if there is no such rule.
    """
    rule = RULES.get(code.upper()) or every_rule().get(code.upper())
    if rule is None:
        near = nearest(code, every_rule())
        help = (
            f"did you mean `{near}`?" if near else "`aespec explain` lists all codes, `aespec layers KIND` shows a kind"
        )
        raise AespecError(Diagnostic(UnknownKind, f"unknown rule `{code}`", wanted="the code of a rule", help=help))
    examples = (("Wrong", rule.bad), ("Right", rule.good))
    shown = [f"{label}:\n\n{indent(example.strip(), '    ')}" for label, example in examples]
    return "\n\n".join([f"{rule.code}: {title(rule)}", explanation(rule), *shown]) + "\n"
