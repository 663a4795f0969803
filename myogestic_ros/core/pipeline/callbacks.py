"""The callbacks of a decoder, and the functions that save and load its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['Callbacks']


@dataclass(slots=True)
class Callbacks:
    """The functions that make up a decoder.

    Attributes
    ----------
    extract : callable or None
        ``extract(windows) -> features``.
    train : callable or None
        ``train(data) -> model``.
    predict : callable or None
        ``predict(model, features) -> dict``.
    adapt : callable or None
        ``adapt(model, data) -> model``.
    prepare : callable or None
        ``prepare(data) -> data``: complete the training data. Called before ``train`` or ``adapt``,
        in the same process.
    save_model : callable
        ``save_model(model, path)``; writes a joblib file by default.
    load_model : callable
        ``load_model(path) -> model``; reads a joblib file by default.
    """

    extract: Callable[[dict[str, Samples]], Any] | None = None
    train: Callable[[TrainingData], Any] | None = None
    predict: Callable[[Any, Any], dict[str, Any]] | None = None
    adapt: Callable[[Any, TrainingData], Any] | None = None
    prepare: Callable[[TrainingData], TrainingData] | None = None
    save_model: Callable[[Any, str], Any] = save_pickle
    load_model: Callable[[str], Any] = load_pickle
