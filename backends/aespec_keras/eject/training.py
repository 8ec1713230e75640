"""The code of training: what is made small, and the call that fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aespec.activations import Selu
from aespec.code import Call, Code, written
from aespec.eject import docstring, held_out, rate, rate_at, remarks
from aespec.plan import TrainingPlan
from aespec.schedules import ReduceOnPlateau
from aespec_keras.eject.model import Blocks
from aespec_keras.eject.table import cells

__all__ = ["compiling", "training"]


def compiling(blocks: Blocks, plan: TrainingPlan) -> Iterator[str]:
    """The loss, where it takes a function, and the function that gives the model that is trained."""
    value, function = _loss(blocks)
    if function is not None:
        yield function
    lines = ["def compiled(model):"]
    if blocks.logits:
        lines += ['    """The model without the activation that stands last: the loss takes logits."""']
        lines += ['    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")']
        lines += ["    logits = keras.Sequential(decoder.layers[:-1])(encoder(model.input))"]
        lines += ["    trained = keras.Model(model.input, logits)"]
    else:
        lines += ['    """The model with its loss and its optimizer."""']
    trained = "trained" if blocks.logits else "model"
    lines += _frozen(blocks)
    clip = {"global_clipnorm": plan.clip_norm, "clipvalue": plan.clip_value}
    clipped = {name: bound for name, bound in clip.items() if bound is not None}
    optimizer = cells[plan.optimizer](plan.optimizer, **clipped)
    lines += written(Call(f"{trained}.compile", optimizer=optimizer, loss=value), 4)
    yield "\n".join([*lines, f"    return {trained}"])
    if rate(plan) is not None:
        yield _SCHEDULE.format(rate=rate_at(plan, "self.epoch + batch / steps", "1 / steps"))


_SCHEDULE = '''class Schedule(keras.callbacks.Callback):
    """Sets the learning rate of every step."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        steps = self.params["steps"]
        now = {rate}
        self.model.optimizer.learning_rate = now'''


def _loss(blocks: Blocks) -> tuple[Any, str | None]:
    """What Keras is given as the loss, and the function that it names, if it names one."""
    losses, by_logits = blocks.graph.losses, blocks.logits is not None
    made = [cells[loss](loss, by_logits=by_logits and bool(loss.logits_of)) for loss in losses]
    if len(made) == 1 and made[0].stock and losses[0].weight == 1:
        return Call(made[0].stock, **made[0].fields), None
    last = "logits" if by_logits else "output"
    lines = [f"def loss(x, {last}):", '    """What training makes small, beside what layers add to it."""']
    if by_logits and not all(loss.logits_of for loss in losses):
        function = next(loss.logits_of for loss in losses if loss.logits_of)
        lines.append(f"    output = ops.{function.kind}(logits)")
    for i, (loss, each) in enumerate(zip(losses, made, strict=True)):
        start = "return " if len(made) == 1 else "total = total + " if i else "total = "
        of = Code("logits" if by_logits and loss.logits_of else "output")
        factor = f"{loss.weight!r} * " if loss.weight != 1 else ""
        lines += written(Call(each.function, Code("x"), of, **each.fields), 4, start + factor)
    return Code("loss"), "\n".join([*lines, *(["    return total"] if len(made) > 1 else [])])


def training(blocks: Blocks, plan: TrainingPlan) -> str:
    """The function that trains."""
    given = ", validation" if plan.validation_data else ""
    lines = [f"def train(model, x{given}):", *docstring(held_out(plan), _remarks(blocks, plan))]
    lines.append(f"    keras.utils.set_random_seed({plan.seed})")
    fields: dict[str, Any] = {"batch_size": plan.batch_size, "epochs": plan.epochs}
    if plan.validation_split:
        lines.append(f"    held = max(1, round(len(x) * {plan.validation_split!r}))")
        lines.append("    x, validation = x[: len(x) - held], x[len(x) - held :]")
    if plan.validation_split or plan.validation_data:
        fields["validation_data"] = (Code("validation"), Code("validation"))
    if callbacks := [*_callbacks(plan)]:
        fields["callbacks"] = callbacks
    fit = Call("compiled(model).fit", Code("x"), Code("x"), **fields)
    return "\n".join([*lines, *written(fit, 4, "return ")])


def _callbacks(plan: TrainingPlan) -> Iterator[Call]:
    monitored = "val_loss" if plan.validation_split or plan.validation_data else "loss"
    if rate(plan) is not None:
        yield Call("Schedule")
    if isinstance(plan.schedule, ReduceOnPlateau):
        yield cells[plan.schedule](plan.schedule, plan.optimizer.learning_rate, monitored)
    if (stopping := plan.early_stopping) is not None:
        yield Call(
            "keras.callbacks.EarlyStopping",
            monitor=monitored,
            patience=stopping.patience,
            min_delta=stopping.min_delta,
            mode="min",
            restore_best_weights=stopping.restore_best,
        )


def _remarks(blocks: Blocks, plan: TrainingPlan) -> Iterator[str]:
    yield from remarks(blocks.graph, plan, "Keras")
    if plan.validation_data:
        yield f"The spec validates on {plan.validation_data}."
    if any(isinstance(node.layer.output_activation, Selu) for node in blocks.graph):
        yield "At exactly 0 the slope of selu is TensorFlow's, that from above."
    if blocks.graph.logits and not blocks.logits:
        yield "The loss takes clipped probabilities, aespec's their logits."


def _frozen(blocks: Blocks) -> Iterator[str]:
    """Lines that keep parameters from being trained."""
    alone: list[str] = []
    for node in blocks.graph:
        natural = node.layer.params(node.input_shape)
        kept = [short for short in node.params if natural[short].trainable and not node.params[short].trainable]
        if kept and not node.count(trainable=True):
            yield f'    model.get_layer("{node.block}").get_layer("{node.short}").trainable = False'
        else:
            alone += [blocks.path(f"{node.name}/{short}") for short in kept]
    if alone:
        yield from written(alone, 4, "frozen = ")
        yield "    for variable in model.weights:"
        yield "        if variable.path in frozen:"
        yield "            variable.trainable = False"
