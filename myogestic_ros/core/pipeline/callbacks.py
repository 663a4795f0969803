"""The callbacks of a decoder, and how its model is saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from myogestic_ros.core.models.serialization import load_pickle, save_pickle

__all__ = ['Callbacks']

Callback = TypeVar('Callback', bound=Callable[..., Any])


class Callbacks:
    """What a user writes: ``extract``, ``train`` and ``predict``, and ``adapt`` if there is one.

    Attributes
    ----------
    on_extract, on_train, on_predict, on_adapt : callable or None
        The callbacks, set by the decorators.
    save_model, load_model : callable
        ``save_model(model, path)`` and ``load_model(path) -> model``; joblib unless replaced.
    """

    def __init__(self) -> None:
        self.on_extract: Callable[..., Any] | None = None
        self.on_train: Callable[..., Any] | None = None
        self.on_predict: Callable[..., Any] | None = None
        self.on_adapt: Callable[..., Any] | None = None
        self.save_model: Callable[[Any, str], Any] = save_pickle
        self.load_model: Callable[[str], Any] = load_pickle

    def take_callbacks(self, other: Callbacks) -> None:
        """Use the callbacks of another one."""
        vars(self).update(
            {name: getattr(other, name) for name in vars(Callbacks()) if hasattr(other, name)}
        )

    def extract(self, callback: Callback) -> Callback:
        """Register ``extract(windows) -> features``; return it unchanged.

        ``windows`` maps a stream's name to an ndarray of float32 of shape
        ``(n_channels, n_samples)``, in volt, which the callback owns.
        """
        self.on_extract = callback
        return callback

    def train(self, callback: Callback) -> Callback:
        """Register ``train(data: TrainingData) -> model``; return it unchanged."""
        self.on_train = callback
        return callback

    def predict(self, callback: Callback) -> Callback:
        """Register ``predict(model, features) -> dict``; return it unchanged."""
        self.on_predict = callback
        return callback

    def adapt(self, callback: Callback) -> Callback:
        """Register ``adapt(model, data: TrainingData) -> model``; return it unchanged.

        It gets the model in use and sessions of today, and returns a model; it may set
        ``data.class_names`` to what that knows. Optional.
        """
        self.on_adapt = callback
        return callback
