"""The model: a graph as an ``nn.Module``, and driven with NumPy arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from aespec.graph import Graph, Node
from aespec.spec import TrainingPlan
from aespec.weights import draw
from aespec_torch.table import Layout, from_logits, lowerings, parts

if TYPE_CHECKING:
    from aespec.backend import Array
    from aespec_torch.training import TorchTrainer
