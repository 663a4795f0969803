"""The model that a pipeline predicts with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ['LoadedModel']


@dataclass(slots=True)
class LoadedModel:
    """The model in use, shared by the training that replaces it and the ticks that use it.

    Attributes
    ----------
    model : object or None
        The value that ``train`` returned, or that was loaded from disk; None without a model.
    model_id : str
        Name of the model.
    class_names : tuple of str
        Names of the classes that the model knows; a class index points into it.
    """

    model: Any = None
    model_id: str = ''
    class_names: tuple[str, ...] = ()

    def replace(self, model: Any, model_id: str, class_names: Sequence[str]) -> None:
        """Put another model in its place."""
        self.model = model
        self.model_id = model_id
        self.class_names = tuple(class_names)
