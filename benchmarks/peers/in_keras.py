"""The zoo by hand in Keras: stock layers, `compile` and `fit` on arrays, all of it at its defaults.

The stacked, convolutional, recurrent, sparse, denoising and tied ones follow chapter 17 of Geron, Hands-On Machine
Learning, 2nd edition; the variational one follows keras.io's guide "Making new layers and models via subclassing".
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import layers, ops

__all__ = ["MODELS", "MORE_PARAMETERS", "Peer", "set_threads"]


def stacked() -> keras.Model:
    """784 - 100 - 30 - 100 - 784."""
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Flatten(),
            layers.Dense(100, activation="selu"),
            layers.Dense(30, activation="selu"),
            layers.Dense(100, activation="selu"),
            layers.Dense(28 * 28, activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=1.5))
    return model


class DenseTranspose(layers.Layer):
    """The kernel of another dense layer, transposed, and a bias of its own."""

    def __init__(self, dense: layers.Dense, activation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = dense
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Any) -> None:
        """Make the bias."""
        self.bias = self.add_weight(name="bias", shape=[self.dense.kernel.shape[0]], initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Apply it."""
        return self.activation(ops.matmul(inputs, ops.transpose(self.dense.kernel)) + self.bias)


def tied() -> keras.Model:
    """The stacked one with tied kernels."""
    hidden, code = layers.Dense(100, activation="selu"), layers.Dense(30, activation="selu")
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Flatten(),
            hidden,
            code,
            DenseTranspose(code, activation="selu"),
            DenseTranspose(hidden, activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=1.5))
    return model


def _noisy(noise: layers.Layer) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Flatten(),
            noise,
            layers.Dense(100, activation="selu"),
            layers.Dense(30, activation="selu"),
            layers.Dense(100, activation="selu"),
            layers.Dense(28 * 28, activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=1.0))
    return model


def denoising() -> keras.Model:
    """The stacked one behind Gaussian noise."""
    return _noisy(layers.GaussianNoise(0.2))


def denoising_dropout() -> keras.Model:
    """The stacked one behind dropout."""
    return _noisy(layers.Dropout(0.5))


class MaskingNoise(layers.Layer):
    """Sets a fraction of the values to zero while training."""

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply it."""
        if not training:
            return inputs
        kept = keras.random.uniform(ops.shape(inputs), seed=self.seed_generator) >= self.rate
        return ops.where(kept, inputs, 0.0)


def overcomplete_denoising() -> keras.Model:
    """784 - 1000 - 784 behind masking noise."""
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Flatten(),
            MaskingNoise(0.33),
            layers.Dense(1000, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(28 * 28, activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam")
    return model


def _sparse(regularizer: keras.regularizers.Regularizer) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Flatten(),
            layers.Dense(100, activation="selu"),
            layers.Dense(300, activation="sigmoid", activity_regularizer=regularizer),
            layers.Dense(100, activation="selu"),
            layers.Dense(28 * 28, activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=1.0))
    return model


def sparse_l1() -> keras.Model:
    """A code of 300 sigmoids with an l1 penalty."""
    return _sparse(keras.regularizers.L1(1e-3))


class KLDivergence(keras.regularizers.Regularizer):
    """Pulls the mean of each unit over the batch to a target."""

    def __init__(self, weight: float, target: float) -> None:
        self.weight, self.target = weight, target

    def __call__(self, inputs: Any) -> Any:
        """The penalty."""
        mean = ops.mean(inputs, axis=0)
        divergence = keras.losses.kl_divergence
        return self.weight * (divergence(self.target, mean) + divergence(1.0 - self.target, 1.0 - mean))


def sparse_kl() -> keras.Model:
    """A code of 300 sigmoids that are to be active a tenth of the time."""
    return _sparse(KLDivergence(weight=0.05, target=0.1))


class Sampling(layers.Layer):
    """Draws a code from its mean and log-variance."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Any) -> Any:
        """Apply it."""
        mean, log_var = inputs
        noise = keras.random.normal(shape=ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * noise


class VariationalAutoencoder(keras.Model):
    """784 - 150 - 100 - 10 and back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flatten = layers.Flatten()
        self.encoder = [layers.Dense(150, activation="selu"), layers.Dense(100, activation="selu")]
        self.mean = layers.Dense(10)
        self.log_var = layers.Dense(10)
        self.sampling = Sampling()
        self.decoder = [
            layers.Dense(100, activation="selu"),
            layers.Dense(150, activation="selu"),
            layers.Dense(28 * 28, activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]

    def call(self, inputs: Any) -> Any:
        """Encode, draw, decode; the divergence joins the loss."""
        x = self.flatten(inputs)
        for layer in self.encoder:
            x = layer(x)
        mean, log_var = self.mean(x), self.log_var(x)
        divergence = -0.5 * ops.sum(1 + log_var - ops.exp(log_var) - ops.square(mean), axis=-1)
        self.add_loss(ops.mean(divergence) / 784)
        x = self.sampling((mean, log_var))
        for layer in self.decoder:
            x = layer(x)
        return x


def variational() -> keras.Model:
    """A Gaussian code of 10."""
    model = VariationalAutoencoder()
    model.compile(loss="binary_crossentropy", optimizer="rmsprop")
    return model


def conv() -> keras.Model:
    """Three convolutions with pooling, three transposed ones."""
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Reshape([28, 28, 1]),
            layers.Conv2D(16, kernel_size=3, padding="same", activation="selu"),
            layers.MaxPool2D(pool_size=2),
            layers.Conv2D(32, kernel_size=3, padding="same", activation="selu"),
            layers.MaxPool2D(pool_size=2),
            layers.Conv2D(64, kernel_size=3, padding="same", activation="selu"),
            layers.MaxPool2D(pool_size=2),
            layers.Conv2DTranspose(32, kernel_size=3, strides=2, padding="valid", activation="selu"),
            layers.Conv2DTranspose(16, kernel_size=3, strides=2, padding="same", activation="selu"),
            layers.Conv2DTranspose(1, kernel_size=3, strides=2, padding="same", activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=1.0))
    return model


def conv1d() -> keras.Model:
    """Two strided convolutions over time, two transposed ones; as in keras.io's timeseries anomaly detection."""
    model = keras.Sequential(
        [
            keras.Input([128, 6]),
            layers.Conv1D(32, kernel_size=7, strides=2, padding="same", activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1D(16, kernel_size=7, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(32, kernel_size=7, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(6, kernel_size=7, strides=2, padding="same"),
        ]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(learning_rate=0.001))
    return model


def recurrent() -> keras.Model:
    """LSTMs of 100 and 30, and one of 100 that reads the code 28 times."""
    model = keras.Sequential(
        [
            keras.Input([None, 28]),
            layers.LSTM(100, return_sequences=True),
            layers.LSTM(30),
            layers.RepeatVector(28),
            layers.LSTM(100, return_sequences=True),
            layers.TimeDistributed(layers.Dense(28, activation="sigmoid")),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=0.1))
    return model


def recurrent_gru() -> keras.Model:
    """The same with GRUs, the first in both directions."""
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Bidirectional(layers.GRU(50, return_sequences=True)),
            layers.GRU(30),
            layers.RepeatVector(28),
            layers.GRU(100, return_sequences=True),
            layers.TimeDistributed(layers.Dense(28, activation="sigmoid")),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=0.1))
    return model


def pca() -> keras.Model:
    """3 - 2 - 3, linear."""
    model = keras.Sequential([keras.Input([3]), layers.Dense(2), layers.Dense(3)])
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(learning_rate=0.05, beta_2=0.95))
    return model


def oneclass() -> keras.Model:
    """784 - 128 - 32 - 128 - 784, a linear code."""
    model = keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(32),
            layers.Dense(128, activation="relu"),
            layers.Dense(28 * 28, activation="sigmoid"),
            layers.Reshape([28, 28]),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam())
    return model


MODELS: dict[str, Callable[[], keras.Model]] = {
    model.__name__: model
    for model in (
        conv,
        conv1d,
        denoising,
        denoising_dropout,
        oneclass,
        overcomplete_denoising,
        pca,
        recurrent,
        recurrent_gru,
        sparse_kl,
        sparse_l1,
        stacked,
        tied,
        variational,
    )
}
"""By the name of the spec in the zoo."""

MORE_PARAMETERS: dict[str, int] = {}
"""What a model has beyond the spec's."""


class Clock(keras.callbacks.Callback):
    """The time of each epoch. What `fit` does once, before its first epoch, is not in it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        self.start = perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop."""
        self.seconds = perf_counter() - self.start


class Peer:
    """A model in training."""

    def __init__(self, name: str, x: np.ndarray, batch_size: int) -> None:
        self.model, self.x, self.batch_size = MODELS[name](), x, batch_size

    @property
    def parameters(self) -> int:
        """Trained numbers, known after the first epoch."""
        return int(sum(np.prod(weight.shape) for weight in self.model.trainable_weights))

    def epoch(self) -> tuple[float, float]:
        """Train once over the samples; its seconds and its mean loss."""
        clock = Clock()
        history = self.model.fit(self.x, self.x, batch_size=self.batch_size, verbose=0, callbacks=[clock])
        return clock.seconds, history.history["loss"][-1]


def set_threads(count: int) -> None:
    """Let TensorFlow use so many threads, for both sides."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
