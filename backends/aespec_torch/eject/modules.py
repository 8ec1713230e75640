"""The class of a model, and how it takes over the weights of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import nn

from aespec.code import Call, Code, safe_name, written
from aespec.eject import in_words
from aespec.graph import Graph, Node
from aespec.layers.base import Param
from aespec_torch.eject.layers import Cell, Chain
from aespec_torch.eject.table import cells

__all__ = ["Modules"]


class Modules:
    """A graph as modules, and where each node's are.

    Args:
        graph: The graph.
        taken: Whether a name means something to the rest of the file.
    """

    def __init__(self, graph: Graph, taken: Callable[[str], bool]) -> None:
        self.graph = graph
        self.logits = graph.logits if graph.logits in {node.name for node in graph.block("decoder")} else None
        """The node whose activation stands last in the decoder, so that the loss can do without it."""
        self.ends: dict[str, int] = {}
        """How many modules of its block have run when a node has its value."""
        self.paths: dict[str, str] = {}
        """``encoder.dense_1`` of the node ``encoder/dense_1``, for each that has a module of its name."""
        self._taken = taken
        self._cells: dict[str, Cell] = {}
        self._shared: dict[str, Call] = {}
        """The modules that others take kernels from, by the variables that they are put into."""
        self.blocks = {block: self._chain(block) for block in ("encoder", "decoder")}
        """The modules of each block by their names."""

    def tensors(self, parameter: str) -> list[Code]:
        """The tensors that hold a parameter, by the name of a node that uses it: ``encoder.dense_1.weight``."""
        return [Code(key) for key in self._keys(parameter)]

    def code(self) -> str:
        """The class."""
        graph = self.graph
        shapes = [in_words(shape) for shape in (graph.input, graph[graph.code].shape, graph.output.shape)]
        lines = ["class Autoencoder(nn.Module):", f'    """{" -> ".join(shapes)}."""', ""]
        lines += ["    def __init__(self) -> None:", "        super().__init__()"]
        for name, module in self._shared.items():
            module.variable = None
            lines += written(module, 8, f"{name} = ")
            module.variable = name
        for block, modules in self.blocks.items():
            lines += written(Call("nn.Sequential", Call("OrderedDict", **modules)), 8, f"self.{block} = ")
        lines += ["        self.reset()", "", "    def forward(self, x: Tensor) -> Tensor:"]
        lines += ["        return self.decoder(self.encoder(x))", ""]
        return "\n".join([*lines, *self._reset()])

    def loading(self) -> Iterator[str]:
        """The table of names, and the function that reads weights by it."""
        names: dict[str, str] = {}
        for node in self.graph:
            for short in (*node.params, *node.ties):
                names |= dict.fromkeys(self._keys(f"{node.name}/{short}"), node.parameter(short))
        if not names:
            return
        comment = "# Each parameter's name here, and in the weights.safetensors of a run."
        yield "\n".join([comment, *written(names, 0, "NAMES = ")])
        gates = any(cell.gates for cell in self._cells.values())
        yield "\n".join([*_LOAD, *(_GATES if gates else []), *_SET])

    def _keys(self, parameter: str) -> list[str]:
        """What the ``state_dict`` calls the tensors of a parameter."""
        node, _, short = parameter.rpartition("/")
        return [f"{self.paths[node]}.{name}" for name in self._cells[node].tensors[short]]

    def _chain(self, block: str) -> dict[str, Call]:
        sources = {tie.parameter.rpartition("/")[0] for node in self.graph for tie in node.ties.values()}
        chain, nodes = Chain(), self.graph.block(block)
        for node in nodes:
            name = safe_name(node.short, lambda name: hasattr(nn.Sequential(), name))
            cell = chain.add(
                name, node.layer, node.input_shape, source=self._source(node), bare=node.name == self.logits
            )
            self._cells[node.name], self.ends[node.name] = cell, len(chain.modules)
            if main := next((name for name, module in chain.modules.items() if module is cell.main), None):
                self.paths[node.name] = f"{block}.{main}"
            if node.name in sources:
                self._share(node, cell)
        chain.stand("last", len(nodes[-1].shape))
        if self.logits is not None and block == "decoder":
            last = self.graph[self.logits]
            assert last.layer.output_activation is not None
            chain.activate(f"{last.short}_activation", last.layer.output_activation, nodes[-1].shape)
        self.ends[nodes[-1].name] = len(chain.modules)
        return chain.modules

    def _share(self, node: Node, cell: Cell) -> None:
        name = safe_name(node.short, lambda name: self._taken(name) or name in (*self._shared, "self", "super"))
        self._shared[name] = cell.kernel
        cell.kernel.variable = name

    def _source(self, node: Node) -> Code | None:
        """The variable of the module that has the kernel of a node that is tied."""
        stored = [self._cells[tie.parameter.rpartition("/")[0]] for tie in node.ties.values()]
        return Code(str(stored[0].kernel)) if stored else None

    def _reset(self) -> Iterator[str]:
        """A method that draws the first weights, those of layers that start alike together."""
        owned: dict[str, dict[str, Param]] = {}
        for name, param in self.graph.params.items():
            node, _, short = name.rpartition("/")
            for tensor in self.tensors(name) if self._cells[node].starts.get(short) != param.initializer else ():
                owner, _, attribute = tensor.rpartition(".")
                owned.setdefault(f"self.{owner}", {})[attribute] = param
        alike: dict[str, list[str]] = {}
        for owner, params in owned.items():
            alike.setdefault(" ".join(map(str, _started("layer", params))), []).append(owner)
        yield "    def reset(self) -> None:"
        yield '        """Draw new first weights."""'
        for owners in alike.values():
            if len(owners) > 1:
                yield from written(tuple(map(Code, owners)), 8, "for layer in ", ":")
            layer, indent = (owners[0], 8) if len(owners) == 1 else ("layer", 12)
            for call in _started(layer, owned[owners[0]]):
                yield from written(call, indent)


def _started(layer: str, params: Mapping[str, Param]) -> list[Call]:
    """What draws the first values of a module's parameters."""
    return [
        call
        for name, param in params.items()
        for call in cells[param.initializer](param.initializer, param.shape, Code(f"{layer}.{name}"))
    ]


_LOAD = [
    "def load(model: Autoencoder, path: str) -> None:",
    '    """Take over the weights of a run, which are laid out as Keras lays them out."""',
    "    weights, state = load_file(path), {}",
    "    for key, name in NAMES.items():",
    "        value = torch.from_numpy(weights[name])",
]
_GATES = [
    '        if isinstance(model.get_submodule(key.rpartition(".")[0]), GRU):',
    "            z, r, h = value.chunk(3, -1)  # the order of the gates there",
    "            value = torch.cat([r, z, h], -1)",
    '            if name.endswith("bias"):  # (2, ...): of the input, of the state',
    '                value = value[int("bias_hh" in key)]',
]
_SET = [
    '        if name.endswith("kernel"):  # (size..., in, out); torch: (out, in, size...)',
    "            value = value.movedim((-1, -2), (0, 1))",
    "        state[key] = value",
    "    model.load_state_dict(state)",
]
