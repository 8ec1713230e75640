"""The function that builds a model, and how it takes over the weights of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aespec.activations import Linear
from aespec.code import Call, Code, safe_name, written
from aespec.eject import in_words
from aespec.graph import Graph, Node
from aespec.layers.activation import Activation
from aespec_keras.eject.layers import Cell, cell_of
from aespec_keras.eject.table import cells

__all__ = ["Blocks"]


class Blocks:
    """A graph as two chains of Keras layers.

    Args:
        graph: The graph.
        taken: Whether a name means something to the rest of the file.
    """

    def __init__(self, graph: Graph, taken: Callable[[str], bool]) -> None:
        self.graph = graph
        self.logits = self._apart(graph)
        """The node whose activation stands last in the decoder, so that the loss can do without it."""
        self._taken = taken
        self._cells: dict[str, Cell] = {}
        self._shared: dict[str, Call] = {}
        """The layers that others take kernels from, by the variables that they are put into."""
        self.blocks = {block: self._chain(block) for block in ("encoder", "decoder")}
        """The layers of each block."""

    def code(self) -> str:
        """The function."""
        graph = self.graph
        shapes = [in_words(shape) for shape in (graph.input, graph[graph.code].shape, graph.output.shape)]
        lines = ["def build():", f'    """An autoencoder, {" -> ".join(shapes)}."""']
        for name, layer in self._shared.items():
            layer.variable = None
            lines += written(layer, 4, f"{name} = ")
            layer.variable = name
        for block, chain in self.blocks.items():
            lines += written(Call("keras.Sequential", chain, name=block), 4, f"{block} = ")
        lines += written(Call("keras.Input", graph.input), 4, "inputs = ")
        whole = Call("keras.Model", Code("inputs"), Code("decoder(encoder(inputs))"), name=graph.name)
        return "\n".join([*lines, *written(whole, 4, "return ")])

    def loading(self) -> Iterator[str]:
        """The table of names that are not Keras's own, and the function that reads weights by it."""
        if not self.graph.params:
            return
        names = {path: name for name in self.graph.params if (path := self.path(name)) != name}
        if names:
            comment = "# Parameters that Keras calls otherwise than the weights.safetensors of a run does."
            yield "\n".join([comment, *written(names, 0, "NAMES = ")])
        name = "NAMES.get(variable.path, variable.path)" if names else "variable.path"
        yield "\n".join(
            [
                "def load(model, path):",
                '    """Take over the weights of a run."""',
                "    weights = load_file(path)",
                "    for variable in model.weights:",
                f"        variable.assign(weights[{name}])",
            ]
        )

    def path(self, parameter: str) -> str:
        """What Keras calls a parameter."""
        node, _, short = parameter.rpartition("/")
        return f"{node}/{self._cells[node].paths.get(short, short)}"

    @staticmethod
    def _apart(graph: Graph) -> str | None:
        """The node of the logits, unless its value adds to the loss: what is trained would not have that value."""
        inside = {node.name for node in graph.block("decoder")}
        of = {term.of for term in graph.terms if term.target == "activity"}
        return graph.logits if graph.logits in inside and graph.logits not in of else None

    def _chain(self, block: str) -> list[Call]:
        sources = {tie.parameter.rpartition("/")[0] for node in self.graph for tie in node.ties.values()}
        nodes = self.graph.block(block)
        chain = [Call("keras.Input", nodes[0].input_shape)]
        last: list[Call] = []
        for node in nodes:
            layer = node.layer
            if node.name == self.logits:
                last = [self._activation(node, {each.short for each in nodes})]
                if isinstance(layer, Activation):
                    continue
                layer = layer.activated(Linear())
            cell = self._cells[node.name] = cell_of(layer, node.input_shape, name=node.short, source=self._source(node))
            chain.append(cell.layer)
            for term in self.graph.terms:
                if (term.target, term.of) == ("latent", node.name):
                    cell.layer.fields = {"weight": cells[term.regularizer](term.regularizer), **cell.layer.fields}
            if node.name in sources:
                name = safe_name(node.short, lambda name: self._taken(name) or name in (*self._shared, *_LOCAL))
                self._shared[name] = cell.kernel
                cell.kernel.variable = name
        return [*chain, *last]

    @staticmethod
    def _activation(node: Node, taken: set[str]) -> Call:
        function, own = node.layer.output_activation, isinstance(node.layer, Activation)
        assert function is not None
        name = node.short if own else safe_name(f"{node.short}_activation", taken.__contains__)
        return Call("layers.Activation", cells[function](function), name=name)

    def _source(self, node: Node) -> Code | None:
        """The variable of the layer that has the kernel of a node that is tied."""
        stored = [self._cells[tie.parameter.rpartition("/")[0]] for tie in node.ties.values()]
        return Code(str(stored[0].kernel)) if stored else None


_LOCAL = ("encoder", "decoder", "inputs")
