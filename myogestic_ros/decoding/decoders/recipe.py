"""A recipe: how windows become features, and features a trained estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Samples

__all__ = ['Extract', 'MakeSteps', 'Recipe']

Features = NDArray[np.floating[Any]]
Extract = Callable[[Mapping[str, Samples]], Features]
MakeSteps = Callable[[Mapping[str, int]], Any]


@dataclass(frozen=True)
class Recipe:
    """How a ready decoder works, apart from any data.

    Attributes
    ----------
    name : str
        As in ``decoder:=name`` and ``myogestic train --decoder name``.
    description : str
        One line for people who choose.
    kind : {'classification', 'regression'}
        Whether it decides for a class, or gives a value for every degree of freedom.
    extract : callable
        ``extract(windows) -> features``: each window has the shape ``(n_channels, n_samples)``
        and the result ``(n_features,)``; with ``(n_windows, …)`` before it, so has the result.
    steps : callable
        ``steps(n_channels) -> estimator``: an untrained scikit-learn pipeline for features of
        shape ``(n_windows, n_features)``; ``n_channels`` holds the channels of each stream.
    """

    name: str
    description: str
    kind: Literal['classification', 'regression']
    extract: Extract
    steps: MakeSteps
