"""The code of training: what is made small, and the loop."""

from __future__ import annotations

from collections.abc import Iterator

from aespec.code import Call, Code, written
from aespec.eject import docstring, held_out, rate, rate_at, remarks
from aespec.graph import Graph, Node
from aespec.optimizers import Sgd
from aespec.plan import TrainingPlan
from aespec.schedules import Constant, ReduceOnPlateau
from aespec_torch.eject.modules import Modules
from aespec_torch.eject.optimizers import DECOUPLED
from aespec_torch.eject.table import cells

__all__ = ["evaluation", "objective", "training"]


def objective(modules: Modules) -> str:
    """The function that is made small: the losses, and what parameters and values add to them."""
    graph = modules.graph
    by_logits = [loss for loss in graph.losses if modules.logits and loss.logits_of]
    flow = _Flow(modules, output=len(by_logits) < len(graph.losses))
    rank = len(graph.output.shape)
    added: list[tuple[str, Call, float]] = [
        (loss.kind, cells[loss](loss, rank, by_logits=loss in by_logits), loss.weight) for loss in graph.losses
    ]
    for term in graph.terms:
        for of in flow.values.get(term.of) or [(Code(f"model.{t}[None]"),) for t in modules.tensors(term.of)]:
            added += [(term.name, call, 1.0) for call in cells[term.regularizer](term.regularizer, *of)]
    lines = ["def loss(model: Autoencoder, x: Tensor) -> Tensor:", '    """What training makes small."""', *flow.lines]
    for i, (name, value, weight) in enumerate(added):
        start = "return " if len(added) == 1 else "total = total + " if i else "total = "
        if i and name != added[i - 1][0]:
            lines.append(f"    # {name}")
        lines += written(value, 4, start + (f"{weight!r} * " if weight != 1 else ""))
    return "\n".join([*lines, *(["    return total"] if len(added) > 1 else [])])


class _Flow:
    """The lines that lead from ``x`` to ``output`` or ``logits``, with a stop at each value that a term is of."""

    def __init__(self, modules: Modules, *, output: bool) -> None:
        self.lines: list[str] = []
        self.values: dict[str, list[tuple[Code, ...]]] = {}
        """What a term is of, by the node's name: the variables."""
        self._modules, self._variable, self._hidden = modules, "x", 0
        terms = {term.of: term.target for term in modules.graph.terms if term.target != "parameter"}
        output = output or any(self._beyond_logits(modules.graph[name]) for name in terms)
        for block, chain in modules.blocks.items():
            self._block, self._at = block, 0
            self._end = len(chain) - (1 if modules.logits and block == "decoder" else 0)
            for node in modules.graph.block(block):
                if terms.get(node.name) == "latent":
                    self._latent(node)
                elif node.name in terms and not self._beyond_logits(node):
                    self._run(modules.ends[node.name])
                    self.values[node.name] = [(Code(self._variable),)]
            if self._end < len(chain):
                self.lines.append("    # Logits: the cross-entropy does without the activation that stands last.")
            self._run(self._end)
        if output and modules.logits:
            self.lines.append("    output = model.decoder[-1](logits)")
        self.values |= {name: [(Code("output"),)] for name in terms if self._beyond_logits(modules.graph[name])}

    def _beyond_logits(self, node: Node) -> bool:
        """Whether a node's value is that of the activation which stands last."""
        names = [each.name for each in self._modules.graph]
        logits = self._modules.logits
        return logits is not None and names.index(node.name) >= names.index(logits)

    def _run(self, end: int) -> None:
        """Run the modules up to one."""
        if end == self._at:
            return
        before = self._variable
        length = len(self._modules.blocks[self._block])
        until = "" if end == length else str(end - length if end == length - 1 else end)
        part = f"[{self._at or ''}:{until}]" if self._at or until else ""
        self._at, self._variable = end, self._named(end)
        self.lines.append(f"    {self._variable} = model.{self._block}{part}({before})")

    def _latent(self, node: Node) -> None:
        self._run(self._modules.ends[node.name] - 1)
        self._at = self._modules.ends[node.name]
        module = f"model.{self._modules.paths[node.name]}"
        number = f"_{len(self.values) + 1}" if self.values else ""
        moments = (Code(f"mean{number}"), Code(f"log_var{number}"))
        self.lines.append(f"    {', '.join(moments)} = {module}.moments({self._variable})")
        self._variable = self._named(self._at)
        self.lines.append(f"    {self._variable} = {module}.sample({', '.join(moments)})")
        self.values[node.name] = [moments]

    def _named(self, end: int) -> str:
        if end < self._end:
            self._hidden += 1
            return "hidden" if self._hidden == 1 else f"hidden_{self._hidden}"
        if self._block == "encoder":
            return "code"
        return "logits" if self._modules.logits else "output"


def evaluation(plan: TrainingPlan) -> str | None:
    """The function that measures the loss of validation samples, where there are any."""
    if not _validates(plan):
        return None
    return f'''@torch.no_grad()
def evaluate(model: Autoencoder, x: Tensor) -> float:
    """The loss outside training, meaned over samples."""
    model.eval()
    batches = x.split({max(plan.batch_size, 256)})
    return sum(loss(model, batch).item() * len(batch) for batch in batches) / len(x)'''


def training(modules: Modules, plan: TrainingPlan) -> str:
    """The function that trains."""
    given = ", validation: Tensor" if plan.validation_data else ""
    lines = [f"def train(model: Autoencoder, x: Tensor{given}) -> None:"]
    lines += docstring(held_out(plan), _remarks(modules.graph, plan))
    lines.append(f"    torch.manual_seed({plan.seed})")
    if plan.validation_split:
        lines.append(f"    held = max(1, round(len(x) * {plan.validation_split!r}))")
        lines.append("    x, validation = x.split([len(x) - held, held])")
    lines += _frozen(modules)
    lines += written(cells[plan.optimizer](plan.optimizer), 4, "optimizer = ")
    return "\n".join([*lines, *_loop(modules, plan)])


def _remarks(graph: Graph, plan: TrainingPlan) -> Iterator[str]:
    yield from remarks(graph, plan, "PyTorch")
    if plan.validation_data:
        yield f"The spec validates on {plan.validation_data}."
    if isinstance(plan.optimizer, Sgd) and plan.optimizer.momentum and not isinstance(plan.schedule, Constant):
        yield "Its momentum is of gradients, aespec's of steps: they differ where the rate changes."


def _loop(modules: Modules, plan: TrainingPlan) -> Iterator[str]:
    changing = rate(plan) is not None
    monitored = "measured" if _validates(plan) else "total / len(x)"
    stopping, schedule = plan.early_stopping, plan.schedule
    if changing:
        yield f"    steps = math.ceil(len(x) / {plan.batch_size})"
    if isinstance(schedule, ReduceOnPlateau):
        yield from written(cells[schedule](schedule, plan.optimizer.learning_rate), 4, "plateau = ")
    if stopping:
        kept = ", weights" if stopping.restore_best else ""
        yield f"    best, waited{kept} = math.inf, 0" + (", model.state_dict()" if kept else "")
    yield f"    for epoch in range(1, {plan.epochs + 1}):"
    yield "        model.train()"
    for node in modules.graph:
        if node.settled:
            yield f"        model.{modules.paths[node.name]}.eval()  # frozen: its averages stand still"
    yield "        total = 0.0"
    batches = f"torch.randperm(len(x)).split({plan.batch_size})"
    if changing:
        yield f"        for step, rows in enumerate({batches}):"
        yield f"            now = {rate_at(plan, 'epoch - 1 + step / steps', '1 / steps')}"
        yield '            optimizer.param_groups[0]["lr"] = now'
    else:
        yield f"        for rows in {batches}:"
    yield "            optimizer.zero_grad()"
    yield "            value = loss(model, x[rows])"
    yield "            value.backward()"
    yield from _changed(plan)
    yield "            optimizer.step()"
    yield "            total += value.item() * len(rows)"
    if _validates(plan):
        yield "        measured = evaluate(model, validation)"
        yield '        print(f"epoch {epoch}: {total / len(x):.4f}, validation {measured:.4f}")'
    else:
        yield '        print(f"epoch {epoch}: {total / len(x):.4f}")'
    if isinstance(schedule, ReduceOnPlateau):
        yield f"        plateau.step({monitored})"
    if stopping:
        margin = f" - {stopping.min_delta!r}" if stopping.min_delta else ""
        yield f"        if {monitored} < best{margin}:"
        yield f"            best, waited = {monitored}, 0"
        if stopping.restore_best:
            yield "            weights = copy.deepcopy(model.state_dict())"
        yield "        else:"
        yield "            waited += 1"
        yield f"        if waited == {stopping.patience}:"
        yield "            break"
        if stopping.restore_best:
            yield "    model.load_state_dict(weights)"
    yield "    model.eval()"


def _changed(plan: TrainingPlan) -> Iterator[str]:
    """What happens to gradients and parameters before a step."""
    if plan.clip_norm is not None:
        yield f"            nn.utils.clip_grad_norm_(model.parameters(), {plan.clip_norm!r})"
    if plan.clip_value is not None:
        yield f"            nn.utils.clip_grad_value_(model.parameters(), {plan.clip_value!r})"
    if plan.optimizer.weight_decay and not isinstance(plan.optimizer, DECOUPLED):
        yield "            with torch.no_grad():  # weights decay beside the step, not in the gradient"
        yield f'                share = optimizer.param_groups[0]["lr"] * {plan.optimizer.weight_decay!r}'
        yield "                for parameter in model.parameters():"
        yield "                    if parameter.requires_grad:"
        yield "                        parameter.mul_(1 - share)"


def _frozen(modules: Modules) -> Iterator[str]:
    """Lines that keep parameters from being trained."""
    for node in modules.graph:
        natural = node.layer.params(node.input_shape)
        trained = [short for short in node.params if natural[short].trainable]
        kept = [short for short in trained if not node.params[short].trainable]
        if kept and kept == trained and not node.ties:
            yield f"    model.{modules.paths[node.name]}.requires_grad_(False)"
        else:
            for short in kept:
                yield from (f"    model.{t}.requires_grad_(False)" for t in modules.tensors(f"{node.name}/{short}"))


def _validates(plan: TrainingPlan) -> bool:
    return bool(plan.validation_split or plan.validation_data)
