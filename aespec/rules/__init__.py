"""Every rule by its code, with what it means, an example that breaks it and one that keeps it.

E0 is about the text of a spec, E1 about its fields, E2 about how its layers fit together, E3 about
backends, E4 about data, E5 about runs. ``aespec explain CODE`` prints one.
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
    BadOverride,
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
    NotThisRun,
    NotVariational,
    OtherSweep,
    PluginConflict,
    RunBusy,
    RunExists,
    RunUnreadable,
    TrialFailed,
    UnknownBackend,
    UnsupportedKind,
    WeightsMismatch,
)

__all__ = [
    "RULES",
    "AmbiguousScalar",
    "BackendUnavailable",
    "BadCombination",
    "BadLaunch",
    "BadOverride",
    "BadPlan",
    "BadRegularizer",
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
    "NoMirror",
    "NotAMapping",
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
    "explain",
    "title",
]


RULES = MappingProxyType(
    {rule.code: rule for rule in Rule.__subclasses__() if rule.__module__.startswith(f"{__name__}.")}
)
"""Every rule by its code."""


def title(rule: type[Rule]) -> str:
    """What a rule is about, in a line."""
    return (rule.__doc__ or "").partition("\n")[0]


def explain(code: str) -> str:
    """Write out what a rule means: its code and title, the explanation, a bad and a good example.

    Raises:
        AespecError: if there is no such rule.
    """
    rule = RULES.get(code.upper())
    if rule is None:
        near = nearest(code, RULES)
        help = f"did you mean `{near}`?" if near else f"codes go from {min(RULES)} to {max(RULES)}"
        raise AespecError(Diagnostic(UnknownKind, f"unknown rule `{code}`", wanted="the code of a rule", help=help))
    text = inspect.cleandoc(rule.__doc__ or "").removeprefix(title(rule))
    examples = (("Wrong", rule.bad), ("Right", rule.good))
    shown = [f"{label}:\n\n{indent(example.strip(), '    ')}" for label, example in examples]
    return "\n\n".join([f"{rule.code}: {title(rule)}", text.strip(), *shown]) + "\n"
