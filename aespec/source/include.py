"""What an ``include`` leads to: a list of layers of another file, which lies in the folder of the spec or below."""

from collections.abc import Mapping
from dataclasses import replace
from os.path import normpath
from pathlib import Path

from aespec.diagnostics import AespecError, Diagnostic, Loc, Place, nearest, show
from aespec.rules import BadInclude, FileUnreadable, TooLarge, WrongValue
from aespec.source.file import read_root, read_text
from aespec.source.text import LOST, MAX_CHARACTERS, Entry, Node, clipped
from aespec.source.variables import Frame

BLOCKS: Mapping[str, Loc] = {"encoder": ("encoder",), "decoder": ("decoder",), "head": ("classifier", "head")}
"""The lists of layers of a spec, and where they stand in it."""

MAX_CHAIN = 8
"""How deep files may include one another."""


class Library:
    """The files that a spec may include, each of which is read once."""

    def __init__(self, name: str, text: str, file: Path | None) -> None:
        """Take what messages call the spec, its text, and its file; None where it is no file and can include none."""
        self._name, self._file = name, file
        self._folder = f"the folder of `{name}`" if file and file.exists() else "the folder you are in"
        self._characters = len(text)
        self._roots: dict[Path, Node | AespecError] = {}

    def find(self, written: str, at: Place, frame: Frame) -> Path:
        """The file of a path that is written in a frame.

        Raises:
            AespecError: It leads nowhere, or out of the folder.
        """
        if frame.file is None or self._file is None:
            what, help = "a spec that is no file cannot include one", "save it, and give its path"
            raise _bad(what, at, "a spec that is read from a file", "a text", help)
        folder, path = self._file.parent, Path(written)
        try:
            found = (frame.file.parent / path).resolve()
            inside = found.is_relative_to(folder)
            special = inside and found.exists() and not (found.is_file() or found.is_dir())
        except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a name too long, a NUL
            what = f"`{clipped(written)}` cannot be read: {getattr(error, 'strerror', None) or error}"
            raise AespecError(
                Diagnostic(FileUnreadable, what, at, "a spec file", help="name a file that is one")
            ) from None
        wanted, got = f"a file in {self._folder}, or below", f"`{clipped(written)}`"
        if "://" in written:
            raise _bad(f"{got} is an address", at, wanted, got, "download it into that folder, and give its path")
        help = "write its path from the folder of the file that includes it"
        if not inside and Path(normpath(frame.file.parent / path)).is_relative_to(folder):
            what, got = f"{got} leads out of {self._folder}", f"a link to `{clipped(str(found))}`"
            raise _bad(what, at, wanted, got, "put the file itself there")
        if not inside:
            raise _bad(f"{got} is outside {self._folder}", at, wanted, got, f"move it there, and {help}")
        if path.is_absolute():
            raise _bad(f"{got} is a path from the root", at, wanted, got, help)
        if special:
            what = f"`{clipped(written)}` is no plain file"
            raise AespecError(Diagnostic(FileUnreadable, what, at, "a spec file", help="name a YAML or JSON file"))
        return found

    def name(self, path: Path) -> str:
        """What messages call a file that was found."""
        return str(Path(self._name).parent / path.relative_to(self._file.parent)) if self._file else str(path)

    def read(self, path: Path, at: Place, frame: Frame) -> Mapping[str, Entry]:
        """The mapping that a file holds.

        Raises:
            AespecError: It holds none, or all files together are too large.
        """
        if path not in self._roots:
            self._roots[path] = self._read(path, at, frame)
        root = self._roots[path]
        if isinstance(root, AespecError):
            raise root
        return root.value if isinstance(root.value, dict) else {}

    def _read(self, path: Path, at: Place, frame: Frame) -> Node | AespecError:
        problems: list[Diagnostic] = []
        try:
            text = read_text(path, self.name(path), start="the folder of the file that includes it")
            self._characters += len(text)
            if self._characters > MAX_CHARACTERS:
                what, help = (
                    "the spec and what it includes have more than 1 MiB",
                    "include less: a spec describes layers",
                )
                raise AespecError(Diagnostic(TooLarge, what, wanted="at most 1 MiB", help=help))
            root: Node | AespecError = read_root(text, self.name(path), problems, frame.tally.spoilt)
        except AespecError as error:
            root = AespecError(*(_included(each, at) for each in error.diagnostics))
        frame.tally.add(*(_included(each, at) for each in problems))
        return root


def included(fields: Mapping[str, Entry], frame: Frame, library: Library) -> tuple[Mapping[str, Entry], Frame, Node]:
    """The file that an ``include`` names: its mapping, the frame in which that is read, and the list that is taken.

    Args:
        fields: Those of the `include`, filled in.
        frame: What it stands in.
        library: The files that there are.

    Raises:
        AespecError: There is no such list.
    """
    spec = fields["spec"].node
    block = fields["block"].node if "block" in fields else Node(frame.block, spec.place)
    if not isinstance(spec.value, str):
        raise AespecError(_wrong("spec", spec, "the path of a file", "write it like `include: blocks.yaml`"))
    if not isinstance(block.value, str) or block.value not in BLOCKS:
        near = nearest(block.value, BLOCKS) if isinstance(block.value, str) else None
        help = f"did you mean `{near}`?" if near else "leave it out for the block of the same name"
        raise AespecError(_wrong("block", block, "`encoder`, `decoder` or `head`", help))
    path = library.find(spec.value, spec.place, frame)
    here = (frame.file or path, frame.block)
    chain = (*frame.chain, here)
    if (path, block.value) in chain or len(chain) > MAX_CHAIN:
        _refuse_chain((*chain, (path, block.value)), spec.place, library)
    entries = library.read(path, spec.place, frame)
    if faults := _given_faults(fields["vars"].node, entries, library.name(path)) if "vars" in fields else []:
        raise AespecError(*faults)
    node = _listed(entries, block.value)
    if node is None or not (isinstance(node.value, list) or "${" in str(node.value)):
        raise _no_list(library.name(path), entries, block, node, spec.place)
    inner = Frame(frame.tally, included_at=spec.place, file=path, block=block.value, chain=chain)
    return entries, inner, node


def given(fields: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """The values that an ``include`` gives to variables."""
    value = fields["vars"].node.value if "vars" in fields else None
    return value if isinstance(value, dict) else {}


def _given_faults(given: Node, entries: Mapping[str, Entry], name: str) -> list[Diagnostic]:
    """What is wrong with the values that are given to variables of a file of that name."""
    if not isinstance(given.value, dict):
        return [_wrong("vars", given, "names with their values", "write it like `vars: {width: 64}`")]
    there = entries["vars"].node.value if "vars" in entries else None
    known = list(there) if isinstance(there, dict) else []
    if LOST in known or LOST in (there, *entries):  # what it has is not known
        return []
    problems = []
    for each, (key, _) in given.value.items():
        if each not in known:
            near = nearest(each, known[:100])
            what = f"`{name}` has no variable `{clipped(each)}`"
            wanted = clipped(f"one of its `vars`: {', '.join(known)}", 80) if known else "no `vars`: it has none"
            help = f"did you mean `{near}`?" if near else f"remove it, or add it to the `vars` of `{name}`"
            problems.append(Diagnostic(BadInclude, what, key, wanted, f"`{clipped(each)}`", help))
    return problems


def _listed(entries: Mapping[str, Entry], block: str) -> Node | None:
    """What stands in a spec where a list of layers has its place."""
    *above, last = BLOCKS[block]
    for key in above:
        inner = entries[str(key)].node.value if key in entries else None
        entries = inner if isinstance(inner, dict) else {}
    return entries[str(last)].node if last in entries else None


def _no_list(name: str, entries: Mapping[str, Entry], block: Node, node: Node | None, at: Place) -> AespecError:
    path = ".".join(map(str, BLOCKS[str(block.value)]))
    others = [each for each in BLOCKS if (other := _listed(entries, each)) and isinstance(other.value, list)]
    near = nearest(path, entries) if node is None else None
    if block.value == "decoder" and node:
        help = "include the encoder that it mirrors, and write `decoder: mirror`"
    elif near and near not in BLOCKS:
        help = f"is `{near}` in `{name}` meant to be `{path}`?"
    elif others:
        help = f"take another list: `include: {{spec: {name}, block: {others[0]}}}`"
    else:
        help = "name a file that has one"
    if node is None:
        got, what = (
            ", ".join(f"`{clipped(key)}`" for key in list(entries)[:8]) or "nothing",
            f"`{name}` has no `{path}`",
        )
    else:
        got, what = show(node.data), f"the `{path}` of `{name}` is not written out"
    return _bad(what, at, f"a list of layers as `{path}`", got, help)


def _refuse_chain(chain: tuple[tuple[Path, str], ...], at: Place, library: Library) -> None:
    names = [f"{block} of {library.name(path)}" for path, block in chain]
    if chain[-1] in chain[:-1]:
        what, wanted, help = (
            "files include each other in a circle",
            "files that do not lead back",
            "take one of them out",
        )
        names = names[chain.index(chain[-1]) :]
    else:
        what, wanted = f"files include each other more than {MAX_CHAIN} deep", f"at most {MAX_CHAIN} on the way"
        help = "include what is needed directly"
    raise _bad(what, at, wanted, " -> ".join(names), help)


def _included(problem: Diagnostic, at: Place) -> Diagnostic:
    """A problem of a file that is included."""
    return replace(problem, place=replace(problem.place, included_at=at) if problem.place else at)


def _bad(message: str, at: Place, wanted: str, got: str, help: str) -> AespecError:
    return AespecError(Diagnostic(BadInclude, message, at, wanted, got, help))


def _wrong(name: str, node: Node, wanted: str, help: str) -> Diagnostic:
    return Diagnostic(WrongValue, f"`{name}` has a wrong value", node.place, wanted, show(node.data), help)
